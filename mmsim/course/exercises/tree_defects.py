"""Sound trees as plain data, and what can be damaged in them, one rule at a time.

A node is a dict of pivots and slots; the slots of an inner node are such dicts. A damage function changes
a tree in place, breaks one rule only, and says what it did; "" if this tree cannot be damaged so. Which
rules there are is said by mmsim.maple.check, which follows mt_validate() of Linux 6.1 and is a little stricter.
"""

import random
from collections.abc import Callable, Iterator
from typing import NamedTuple

from mmsim.maple import LEAF_64, RANGE_64, ULONG_MAX, MapleTree, Node
from mmsim.maple.check import problems

from .plain import Plain
from .trees import plain_node

LEAST, MOST = LEAF_64.min_end + 1, LEAF_64.slots
"""Slots of a node below the root; inner nodes of a tree without gaps have the same two numbers."""

_RANGES = {1: (5, 12), 2: (20, 34), 3: (180, 200)}
"""How many ranges a tree of so many levels is made from, at least and at most."""


class Spot(NamedTuple):
    """A node, its path from the root as in [1][0], and its first index."""

    path: str
    node: Plain
    first: int

    @property
    def leaf(self) -> bool:
        """Whether the node holds entries."""
        return type(self.node["slots"][0]) is not dict

    @property
    def said(self) -> str:
        """The node as messages name it."""
        return f"{'leaf' if self.leaf else 'node'} {self.path}" if self.path else "the root"


def spots(node: Plain, path: str = "", first: int = 0) -> Iterator[Spot]:
    """A plain node and all below it, parents first, left to right.

    >>> leaf = {"pivots": [9, 19], "slots": ["a", "b"]}
    >>> [(spot.said, spot.first) for spot in spots({"pivots": [19], "slots": [leaf]})]
    [('the root', 0), ('leaf [0]', 0)]
    """
    yield Spot(path, node, first)
    for slot, (last, child) in enumerate(zip(node["pivots"], node["slots"], strict=True)):
        if type(child) is dict:
            yield from spots(child, f"{path}[{slot}]", first)
        first = last + 1


def rebuilt(node: Plain) -> MapleTree:
    """A library's tree of these very nodes, sound or not; None is the empty tree.

    >>> rebuilt({"pivots": [9, ULONG_MAX], "slots": ["a", None]}).load(9)
    'a'
    """
    tree = MapleTree()
    if node is not None:
        tree.pool.need(sum(1 for _ in spots(node)))
        tree.root = _nodes(tree, node)
        tree.pool.settle()
        while type(node) is dict:
            tree.height, node = tree.height + 1, node["slots"][0]
    return tree


def _nodes(tree: MapleTree, node: Plain) -> Node:
    if type(node["slots"][0]) is not dict:
        return tree.pool.new(LEAF_64, list(node["pivots"]), list(node["slots"]))
    return tree.pool.new(RANGE_64, list(node["pivots"]), [_nodes(tree, child) for child in node["slots"]])


def broken_rules(node: Plain) -> list[str]:
    """What the library's check says about a plain tree, a line each."""
    return problems(rebuilt(node))


def made(*levels: int) -> Callable[[random.Random], Plain]:
    """Makes a tree of one of so many levels, by stores of ranges in no order and then some NULLs.

    >>> sum(1 for _ in spots(made(1)(random.Random(1))))
    1
    """

    def make(chance: random.Random) -> Plain:
        height = chance.choice(levels)
        while True:
            tree = _stored(chance, chance.randrange(*_RANGES[height]))
            if tree.height == height:
                return plain_node(tree.root)

    return make


def _stored(chance: random.Random, count: int) -> MapleTree:
    tree, at, parts = MapleTree(), 0, []
    for number in range(count):
        at += chance.randrange(3, 12) if chance.random() < 0.2 else 0
        last = at + chance.randrange(3, 12)
        parts.append((at, last, f"r{number}"))
        at = last + 1
    chance.shuffle(parts)
    for part in parts:
        tree.store_range(*part)
    for first, last, _ in chance.sample(parts, count // 7):
        tree.store_range(first, last, None)
    return tree


# -- damage: pivots


def pivot_falls(tree: Plain, chance: random.Random) -> str:
    """Two pivots of a leaf change places; its last one stays."""
    spot = _any_leaf(tree, chance)
    pivots = spot.node["pivots"]
    at = chance.randrange(len(pivots) - 2)
    pivots[at], pivots[at + 1] = pivots[at + 1], pivots[at]
    return f"in {spot.said} pivot {pivots[at]} stands before {pivots[at + 1]}, and pivots rise"


def pivot_twice(tree: Plain, chance: random.Random) -> str:
    """A pivot of a leaf is that of the next slot, too."""
    spot = _any_leaf(tree, chance)
    pivots = spot.node["pivots"]
    at = chance.randrange(len(pivots) - 2)
    pivots[at] = pivots[at + 1]
    return f"in {spot.said} two slots have the pivot {pivots[at]}, so that the second holds no index"


def child_ends_elsewhere(tree: Plain, chance: random.Random) -> str:
    """A pivot of an inner node moves a little; what lies below stays and still fits in between."""
    spot = chance.choice([spot for spot in spots(tree) if not spot.leaf])
    at = chance.randrange(len(spot.node["pivots"]) - 1)
    child, after = spot.node["slots"][at : at + 2]
    right = spot.node["pivots"][at]
    low, high = child["pivots"][-2] + 1, after["pivots"][0] - 1
    spot.node["pivots"][at] = moved = chance.choice([p for p in range(right - 3, right + 4) if p != right])
    said = f"pivot {at} of {spot.said} is {moved}, but the child in this slot ends at {right}: both name one index"
    return said if low <= moved <= high else ""


def child_begins_too_low(tree: Plain, chance: random.Random) -> str:
    """The first slot of a leaf ends before the leaf begins."""
    found = [spot for spot in spots(tree) if spot.leaf and spot.first > 9]
    if not found:
        return ""
    spot = chance.choice(found)
    spot.node["pivots"][0] = spot.first - chance.randrange(1, 6)
    return f"the first pivot of {spot.said} is {spot.node['pivots'][0]}, but this leaf begins at {spot.first}"


def ends_too_soon(tree: Plain, chance: random.Random) -> str:
    """The last pivot on each level is the same number, and it is not ULONG_MAX."""
    last = list(spots(tree))[-1].node["pivots"][-2] + chance.randrange(5, 40)
    node = tree
    while type(node) is dict:
        node["pivots"][-1], node = last, node["slots"][-1]
    return f"the tree ends at {last}, and there is no slot for what comes after it"


# -- damage: levels and numbers of slots


def leaf_too_high(tree: Plain, chance: random.Random) -> str:
    """A child of the root of three levels becomes a leaf: it holds the last entry of each of its leaves."""
    at = chance.randrange(len(tree["slots"]))
    node = tree["slots"][at]
    node["slots"] = [leaf["slots"][-1] for leaf in node["slots"]]
    return f"[{at}] is a leaf, but beside it are nodes with leaves below them"


def one_child(tree: Plain, chance: random.Random) -> str:
    """A root above the root."""
    if len(tree["slots"]) < LEAST:
        return ""
    below = dict(tree)
    tree.update(pivots=[ULONG_MAX], slots=[below])
    return "the root has one child only: that child should be the root itself"


def leaf_too_short(tree: Plain, chance: random.Random) -> str:
    """A leaf below the root loses slots; the slots behind them take over their indices."""
    spot = chance.choice([spot for spot in spots(tree) if spot.leaf and spot.path])
    pivots, slots = spot.node["pivots"], spot.node["slots"]
    while len(slots) >= LEAST:
        at = chance.randrange(len(slots) - 1)
        if at == 0 or slots[at - 1] is not None or slots[at + 1] is not None:
            del pivots[at], slots[at]
    return f"{spot.said} has {len(slots)} slots, and only a root may have fewer than {LEAST}"


def node_too_short(tree: Plain, chance: random.Random) -> str:
    """An inner node below the root loses children; those behind them take over their indices."""
    spot = chance.choice([spot for spot in spots(tree) if not spot.leaf and spot.path])
    pivots, slots = spot.node["pivots"], spot.node["slots"]
    while len(slots) >= LEAST:
        at = chance.randrange(len(slots) - 1)
        del pivots[at], slots[at]
    return f"{spot.said}, an inner node below the root, has {len(slots)} slots and needs {LEAST}"


def leaf_too_long(tree: Plain, chance: random.Random) -> str:
    """Ranges of a leaf are cut in two, both with the same entry, until there are 17 slots."""
    spot = _any_leaf(tree, chance)
    pivots, slots = spot.node["pivots"], spot.node["slots"]
    while len(slots) <= MOST:
        firsts = [spot.first, *(pivot + 1 for pivot in pivots)]
        wide = [at for at, entry in enumerate(slots) if entry is not None and firsts[at] < pivots[at]]
        if not wide:
            return ""
        at = chance.choice(wide)
        pivots.insert(at, (firsts[at] + pivots[at]) // 2)
        slots.insert(at, slots[at])
    return f"{spot.said} has {len(slots)} slots, and a node holds {MOST}"


# -- damage: NULLs


def two_nulls(tree: Plain, chance: random.Random) -> str:
    """An entry beside a NULL becomes one as well; never the last of a leaf."""
    beside = [
        (spot, at)
        for spot in spots(tree)
        if spot.leaf
        for at in range(1, len(spot.node["slots"]) - 1)
        if spot.node["slots"][at] is not None and None in spot.node["slots"][at - 1 : at + 2 : 2]
    ]
    if not beside:
        return ""
    spot, at = chance.choice(beside)
    spot.node["slots"][at] = None
    return f"in {spot.said} the NULL at pivot {spot.node['pivots'][at]} touches another one"


def leaf_ends_in_null(tree: Plain, chance: random.Random) -> str:
    """The last entry of a leaf that is not the last one becomes NULL, and touches no other NULL."""
    leaves = [spot for spot in spots(tree) if spot.leaf]
    at = chance.randrange(len(leaves) - 1)
    slots = leaves[at].node["slots"]
    if slots[-2] is None or leaves[at + 1].node["slots"][0] is None:
        return ""
    slots[-1] = None
    return f"{leaves[at].said} ends in a NULL and is not the last leaf"


def _any_leaf(tree: Plain, chance: random.Random) -> Spot:
    return chance.choice([spot for spot in spots(tree) if spot.leaf])


# -- what a person reads


def as_lines(tree: Plain) -> list[str]:
    """A line a slot, as deep as it lies; a leaf's slots as pivot and entry.

    >>> leaf = {"pivots": [9, ULONG_MAX], "slots": ["a", None]}
    >>> print(*as_lines({"pivots": [ULONG_MAX], "slots": [leaf]}), sep=chr(10))
    root of 1 slots
      [0] pivot max: leaf of 2 slots
        9: a
        max: NULL
    """
    return ["no node"] if tree is None else ["root " + _size(tree).partition(" ")[2], *_slot_lines(tree, "", "  ")]


def _slot_lines(node: Plain, path: str, pad: str) -> Iterator[str]:
    for at, (pivot, slot) in enumerate(zip(node["pivots"], node["slots"], strict=True)):
        end = "max" if pivot == ULONG_MAX else str(pivot)
        if type(slot) is dict:
            yield f"{pad}{path}[{at}] pivot {end}: {_size(slot)}"
            yield from _slot_lines(slot, f"{path}[{at}]", pad + "  ")
        else:
            yield f"{pad}{end}: {'NULL' if slot is None else slot}"


def _size(node: Plain) -> str:
    return f"{'node' if type(node['slots'][0]) is dict else 'leaf'} of {len(node['slots'])} slots"
