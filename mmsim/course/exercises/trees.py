"""Trees for the exercises of chapters 04 to 06: grown at random, as text, and put together from their leaves."""

import random
from collections.abc import Iterable, Sequence

from mmsim.maple import LEAF_64, RANGE_64, ULONG_MAX, MapleTree, Node, ranges

from . import leaf
from .leaf import Slot
from .plain import Plain

WIDTH = 74
"""So wide that a card shows the lines unbroken."""


def grown(chance: random.Random, count: int, holes: float = 0.3, **mode: bool) -> MapleTree:
    """A tree of `count` ranges r0, r1, ... in ascending order, 10 to 20 indices each; `holes`: how many follow a hole.

    >>> tree = grown(random.Random(1), 26)
    >>> tree.height, [len(node.slots) for node in tree.root.slots]
    (2, [16, 9, 9])
    """
    tree, at = MapleTree(**mode), 0
    for number in range(count):
        at += 10 if chance.random() < holes else 0
        last = at + 10 * chance.randrange(1, 3) - 1
        tree.store_range(at, last, f"r{number}")
        at = last + 1
    return tree


def leaves(tree: MapleTree) -> list[tuple[int, int, int]]:
    """(first index, last index, number of slots) of each leaf of a tree of one or two levels."""
    found, low = [], 0
    for node in [tree.root] if tree.height == 1 else tree.root.slots:
        found.append((low, node.pivots[-1], len(node.slots)))
        low = node.pivots[-1] + 1
    return found


def assembled(content: Iterable[Slot], ends: Sequence[int]) -> MapleTree | None:
    """A tree with these slots whose leaves end at `ends`; None if no tree is cut like this.

    >>> tree = assembled([(n, n, "x") for n in range(13)] + [(13, ULONG_MAX, None)], [6, ULONG_MAX])
    >>> leaves(tree)
    [(0, 6, 7), (7, 18446744073709551615, 7)]
    """
    pieces: list[list[Slot]] = [[]]
    left = list(ends)
    for first, last, entry in content:
        pieces[-1].append((first, last, entry))
        if left and last == left[0]:
            left.pop(0)
            pieces.append([])
    if left or pieces.pop() or not pieces:
        return None
    tree = MapleTree()
    tree.pool.need(len(pieces) + 1)
    nodes = [_leaf(tree, piece) for piece in pieces]
    tree.root, tree.height = nodes[0], 1
    if len(nodes) > 1:
        tree.root = tree.pool.new(RANGE_64, [node.pivots[-1] for node in nodes], nodes)
        tree.height = 2
    tree.pool.settle()
    fits = len(nodes) <= RANGE_64.slots and all(len(piece) <= LEAF_64.slots for piece in pieces)
    return tree if fits and all(piece[-1][2] for piece in pieces[:-1]) else None


def _leaf(tree: MapleTree, piece: list[Slot]) -> Node:
    return tree.pool.new(LEAF_64, [last for _, last, _ in piece], [entry for _, _, entry in piece])


def content(tree: MapleTree) -> list[Slot]:
    """All slots of a tree, whatever leaf they are in."""
    return list(ranges(tree))


def shown(tree: MapleTree) -> str:
    """A tree of one or two levels as text: its root, and each leaf with its slots.

    >>> tree = MapleTree()
    >>> tree.store_range(10, 19, "a")
    >>> print(shown(tree))
    leaf 0-max, 3 slots
      0-9 NULL | 10-19 a | 20-max NULL
    """
    lines = []
    nodes = [tree.root] if tree.height == 1 else tree.root.slots
    if tree.height > 1:
        lines.append(f"root, {len(nodes)} slots{_gaps(tree.root)}")
    low = 0
    for number, node in enumerate(nodes):
        where = f"[{number}] " if tree.height > 1 else ""
        lines.append(f"{where}leaf {span(low, node.pivots[-1])}, {len(node.slots)} slots")
        cells = []
        for last, entry in zip(node.pivots, node.slots, strict=True):
            cells.append(f"{span(low, last)} {'NULL' if entry is None else entry}")
            low = last + 1
        lines += _wrapped(cells, "      " if where else "  ")
    return "\n".join(lines)


def span(first: int, last: int) -> str:
    """A range as `10-19`, `7` or `20-max`."""
    end = "max" if last == ULONG_MAX else str(last)
    return end if first == last else f"{first}-{end}"


def gap_text(gaps: Sequence[int], star: int) -> str:
    """The gaps of a node, a star behind that of its gap slot.

    >>> gap_text([10, 20, 0], 1)
    '10 | 20* | 0'
    """
    return " | ".join(f"{gap}{'*' if slot == star else ''}" for slot, gap in enumerate(gaps))


def plain_node(node: Node) -> Plain:
    """A node and all below it as dicts of pivots, slots and, where the node has them, gaps."""
    found: dict[str, Plain] = {
        "pivots": list(node.pivots),
        "slots": list(node.slots) if node.type.is_leaf else [plain_node(child) for child in node.slots],
    }
    return found if node.gaps is None else {**found, "gaps": list(node.gaps)}


def flat(node: Plain, first: int = 0) -> list[Slot]:
    """The slots of a plain node and all below it, one after the other.

    >>> flat({"pivots": [9], "slots": [{"pivots": [4, 9], "slots": ["a", None]}]})
    [(0, 4, 'a'), (5, 9, None)]
    """
    found: list[Slot] = []
    for last, slot in zip(node["pivots"], node["slots"], strict=True):
        found += flat(slot, first) if type(slot) is dict else [(first, last, slot)]
        first = last + 1
    return found


def compared(node: Plain, expected: str, got: str) -> str:
    """Expected and got, and below them the plain node, if it has two levels at most: more nobody reads."""
    lines = [f"expected  {expected}", f"got       {got}"]
    children = [slot for slot in node["slots"] if type(slot) is dict]
    if not children:
        return "\n".join([*lines, "", leaf.text(flat(node))])
    if any(type(slot) is dict for child in children for slot in child["slots"]):
        return "\n".join(lines)
    lines += ["", *([f"gaps {' | '.join(map(str, node['gaps']))}"] if "gaps" in node else [])]
    first = 0
    for slot, child in enumerate(children):
        lines.append(f"[{slot}] {leaf.text(flat(child, first))}")
        first = child["pivots"][-1] + 1
    return "\n".join(lines)


def _gaps(node: Node) -> str:
    return "" if node.gaps is None else f", gaps {gap_text(node.gaps, node.gap_slot)}"


def _wrapped(cells: list[str], pad: str) -> list[str]:
    lines = [pad]
    for number, cell in enumerate(cells):
        piece = cell if number == len(cells) - 1 else f"{cell} | "
        if len(lines[-1]) + len(piece.rstrip()) > WIDTH:
            lines.append(pad)
        lines[-1] += piece
    return [line.rstrip() for line in lines]
