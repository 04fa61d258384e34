"""Exercises of chapter 03, what one store changes."""

import random
from collections.abc import Iterator, Mapping
from typing import ClassVar

from mmsim.maple import ULONG_MAX, CheckError, MapleTree, ranges

from . import leaf
from .leaf import Slot, Store
from .model import RIGHT, Case, Function, Order, Perform, Plain, Predict, Verdict, wrong_shape
from .plain import told


def _leaf(chance: random.Random) -> MapleTree:
    """A leaf of an address space (gaps, RCU) with four ranges, some of which touch."""
    tree, at = MapleTree(alloc_range=True, use_rcu=True), 10
    for name in "abcd":
        last = at + 10 * chance.randrange(1, 4) - 1
        tree.store_range(at, last, name)
        at = last + 1 + chance.choice((0, 10, 20))
    return tree


class WhichPath(Predict):
    """The path of four stores and the slots that the leaf uses after each."""

    id = "03.e1"
    name = "my_paths"
    title = "Which path, and how many slots?"
    goal = "Name the path that a store takes inside one leaf, and count its slots."
    points, minutes, difficulty, misconception = 4, 6, 1, "M2"
    hints = (
        "Section 7 of notebook 03 ends with a table of the paths.",
        "Count slots before and after. The same number: did one border move, or is it just the range of a slot?",
        "Just a slot's range: exact. One border moves: slot store. Another number of slots: node store.",
    )
    shown = 2

    def instance(self, learner: str) -> tuple[MapleTree, list[Store]]:
        """The leaf and the four stores, each of which is done on the leaf as it was in the beginning."""
        chance = self._chance("instance", learner)
        tree = _leaf(chance)
        slots = list(ranges(tree))
        (a, a_end, _), (b, b_end, _), (d, d_end, _) = (slot for slot in slots if slot[2] in ("a", "b", "d"))
        stores: list[Store] = [
            (a, a_end, "x"),
            (b + 2, b_end - 3, None),
            (d, d_end + 10, "d"),
            (d_end + 1, d_end + 10, "d"),
        ]
        chance.shuffle(stores)
        return tree, stores

    def task(self, learner: str = "") -> str:
        """See Exercise."""
        tree, stores = self.instance(learner)
        lines = "\n".join(f"s{n}: store_range{store}" for n, store in enumerate(stores, 1))
        lead = f"The leaf, in an address space's tree:\n\n{tree.dump()}"
        return f"{lead}\n\nEach store meets the leaf as it stands above:\n\n{lines}"

    def answers(self, learner: str = "") -> dict[str, Plain]:
        """See Predict."""
        tree, stores = self.instance(learner)
        found = {}
        for n, store in enumerate(stores, 1):
            trial = tree.copy()
            with trial.watch() as log:
                trial.store_range(*store)
            found[f"s{n}"] = [log[0].path, len(trial.root.slots)]
        return found

    def explain(self, key: str, expected: Plain, got: Plain) -> Verdict:
        """See Predict; path and number are worth half each."""
        if len(got) != 2 or type(got[0]) is not str or type(got[1]) is not int:
            return wrong_shape(f"{key}: expected a list like ['exact', 7]: path and number of slots", got)
        path, slots = got[0] == expected[0], got[1] == expected[1]
        said = {
            (True, False): "the path is right, the number of slots is not (a hole is a slot, too)",
            (False, True): "the number of slots is right, the path is not",
            (False, False): "neither the path nor the number of slots",
        }[path, slots]
        return Verdict(0.5 if path or slots else 0, f"{key}: {said}", got=told(got))


class StepsOfAPush(Order):
    """A leaf overflows and its left neighbour has room."""

    id = "03.e2"
    name = "my_push"
    title = "A full leaf, and room on the left"
    goal = "Decide whether a leaf that overflows pushes or splits."
    points, minutes, difficulty, misconception = 2, 4, 2, "M5"
    hints = (
        "Section 8 of notebook 03 steps through such a push.",
        "The neighbours are asked before anything is cut; a push needs no new root, and no leaf more.",
        "Find the place, count, ask the left, join, cut, write the parent anew, then its gaps. Two lines are not used.",
    )
    lines: ClassVar[Mapping[str, str]] = {
        "A": "the left neighbour has room, so the slots of both leaves are joined",
        "B": "update the gaps that the parent notes",
        "C": "walk to the leaf that holds the first index",
        "D": "put a new root on top",
        "E": "the joined slots are cut so that the left leaf holds 15",
        "F": "count the slots the leaf needs: 17, so it does not fit",
        "G": "write the parent anew, with the two new leaves and the pivot between them",
        "H": "cut the full leaf in two halves first",
    }
    why: ClassVar[Mapping[str, str]] = {
        "D": "the parent has the same two slots afterwards",
        "H": "a neighbour with room is asked first",
    }
    after: ClassVar[Mapping[str, str]] = {"C": "", "F": "C", "A": "F", "E": "A", "G": "E", "B": "G"}


class TreeAfterEachStore(Perform):
    """Perform the algorithm: the leaf after each of six stores, as text."""

    id = "03.e3"
    name = "my_leaves"
    title = "The leaf after each store"
    goal = "Predict the slots of a leaf after a store, the empty ones included."
    points, minutes, difficulty, misconception = 6, 10, 2, "M3"
    hints = (
        "Write the leaf down, mark the range of the store in it, and look at what is left on both sides.",
        "A store takes exactly its own range; rests keep their entry; NULLs that touch become one slot.",
        "Left rest, new range, right rest: at most three slots in place of those touched, then join NULL with NULL.",
    )
    states = 6
    shown = 3
    noun = "leaf"
    near = 3
    """So many slots may an own leaf differ from the right one, for the next step to be judged from it."""

    def instance(self, learner: str) -> tuple[MapleTree, list[Store]]:
        """The leaf to start from and six stores; each changes it."""
        chance = self._chance("instance", learner)
        tree, stores = _leaf(chance), []
        trial = tree.copy()
        while len(stores) < 6:
            slots = list(ranges(trial))
            end = slots[-1][0]
            first = chance.randrange(0, end + 5)
            entry = None if len(stores) in (1, 4) else "uvwxyz"[len(stores)]
            store = (first, first + chance.randrange(4, 25), entry)
            before = list(ranges(trial))
            trial.store_range(*store)
            if list(ranges(trial)) != before and len(list(ranges(trial))) <= 11:
                stores.append(store)
            else:
                trial = leaf.tree_of(before, alloc_range=True, use_rcu=True)
        return tree, stores

    def task(self, learner: str = "") -> str:
        """See Exercise."""
        tree, stores = self.instance(learner)
        lines = leaf.calls(stores)
        return f"Before: `{leaf.text(leaf.slots_of(tree))}`\n\nThen, one after the other:\n\n{lines}"

    def steps(self, learner: str = "") -> list[tuple[Plain, Plain, Plain]]:
        """See Perform: the leaf before and after each store in the library's own trace."""
        tree, stores = self.instance(learner)
        return [
            ([write.index, write.last, write.entry], list(ranges(write.before)), list(ranges(write.after)))
            for write in leaf.written(tree, stores)
        ]

    def read(self, written: Plain) -> Plain:
        """See Perform."""
        return leaf.parse(written or "")

    def write(self, state: Plain) -> str:
        """See Perform."""
        return leaf.text(state)

    def nearly(self, own: Plain, before: Plain) -> bool:
        """See Perform: a sound leaf with few other slots, and not more than a leaf can have."""
        slip = set(own) ^ {tuple(slot) for slot in before}
        return bool(own) and not leaf.uncovered(own) and len(slip) <= 2 * self.near and len(own) <= 16

    def carried(self, own: Plain, part: Plain) -> Plain:
        """See Perform."""
        tree = leaf.tree_of(own)
        if leaf.slots_of(tree) != own:
            return None  # two NULLs that touch, say: no tree has such a leaf
        tree.store_range(*part[1])
        return leaf.slots_of(tree)

    def wrong(self, part: Plain, mine: Plain) -> Verdict:
        """See Perform; what no leaf can be is said first."""
        number, store, _, after = part
        said = leaf.uncovered(mine) or f"another leaf after store_range{tuple(store)}"
        difference = leaf.compared(after, mine)
        return Verdict(0, f"step {number}: {said}", leaf.text(after), leaf.text(mine[: leaf.MOST]), difference)

    def picture(self, case: Case, answer: Plain) -> str:
        """See Exercise."""
        number, store, _, after = case.part
        return _two_leaves(after, leaf.parse(answer[number - 1]), f"the leaf after store_range{tuple(store)}")


class StoreInLeaf(Function):
    """A store inside one leaf that has room."""

    id = "03.e4"
    name = "store"
    title = "Store into a leaf with room"
    goal = "Write the store that stays inside one leaf."
    points, minutes, difficulty, misconception = 6, 15, 3, "M14"
    hints = (
        "Three pieces: the slots before the store, the store itself, the slots after it. Which slots are cut?",
        "Go through the old slots with first and last. Keep what lies left of index, and what lies right of last.",
        "if first < index: keep(min(end, index - 1), what). Keeping NULL after NULL: only move the pivot.",
    )

    def examples(self) -> Iterator[list[Plain]]:
        """See Function."""
        yield [[ULONG_MAX], [None], 10, 19, "a"]
        old = [[9, 19, 29, ULONG_MAX], [None, "a", "b", None]]
        yield [*old, 10, 19, "x"]
        yield [*old, 15, 24, "x"]
        yield [*old, 12, 14, None]
        yield [*old, 20, 29, None]
        yield [*old, 30, 39, "b"]

    def hidden(self, chance: random.Random) -> Iterator[tuple[str, list[Plain]]]:
        """See Function."""
        for _ in range(12):
            tree = _leaf(chance)
            pivots, slots = list(tree.root.pivots), list(tree.root.slots)
            edges = [0, *(pivot + 1 for pivot in pivots[:-1])]
            first, last = chance.choice(edges), chance.choice(pivots[:-1])
            yield "borders of slots", [pivots, slots, min(first, last), max(first, last), chance.choice(("x", "a"))]
            start = chance.randrange(pivots[-2] + 20)
            end = start + chance.randrange(60)
            yield "anywhere", [pivots, slots, start, end, "x"]
            yield "NULL", [pivots, slots, start, end, None]
            yield "the whole leaf", [pivots, slots, 0, ULONG_MAX, chance.choice(("x", "y"))]

    def expected(self, *args: Plain) -> Plain:
        """See Function."""
        pivots, slots, index, last, entry = args
        tree = leaf.tree_of(_triples(pivots, slots))
        tree.store_range(index, last, entry)
        found = list(ranges(tree))
        return [[slot[1] for slot in found], [slot[2] for slot in found]]

    def judge(self, case: Case, answer: Plain) -> Verdict:
        """Shape first, then the rules of a leaf, then the library's own leaf."""
        if not _is_leaf(answer):
            return wrong_shape("expected two lists of one length: pivots (numbers), slots (texts or None)", answer)
        mine = _triples(*answer)
        expected = _triples(*self.expected(*case.args))
        if mine == expected:
            return RIGHT
        said = leaf.uncovered(mine) or _broken(mine) or "the leaf is sound, but not the one that the store makes"
        return Verdict(0, said, leaf.text(expected), leaf.text(mine), leaf.compared(expected, mine))

    def picture(self, case: Case, answer: Plain) -> str:
        """See Exercise."""
        if not _is_leaf(answer):
            return ""
        title = f"the leaf after store(pivots, slots, {', '.join(map(told, case.args[2:]))})"
        return _two_leaves(_triples(*self.expected(*case.args)), _triples(*answer), title)

    def said(self, case: Case) -> str:
        """See Exercise."""
        pivots, slots, *rest = case.args
        return f"store(pivots, slots, {', '.join(map(told, rest))}) with the leaf {leaf.text(_triples(pivots, slots))}"


def _two_leaves(expected: list[Slot], got: list[Slot], title: str) -> str:
    """Both leaves below each other as SVG."""
    from mmsim.view import row_pair

    return row_pair((tuple(slot) for slot in expected), got, title).svg()


def _triples(pivots: list[int], slots: list[str | None]) -> list[Slot]:
    return list(zip([0, *(pivot + 1 for pivot in pivots)], pivots, slots, strict=False))


def _is_leaf(answer: Plain) -> bool:
    if type(answer) is not list or len(answer) != 2 or not all(type(part) is list for part in answer):
        return False
    pivots, slots = answer
    right_types = all(type(p) is int for p in pivots) and all(s is None or type(s) is str for s in slots)
    return right_types and 0 < len(pivots) == len(slots)


def _broken(slots: list[Slot]) -> str:
    """What `check()` says of a tree with this leaf; "" if nothing is broken."""
    tree = leaf.tree_of([(0, 9, None), (10, 19, "any")])  # a tree of one leaf, whose slots are then exchanged
    tree.root.pivots = [last for _, last, _ in slots]
    tree.root.slots = [entry for _, _, entry in slots]
    try:
        tree.check()
    except CheckError as error:
        return f"the tree's check() says: {error}"
    return ""


SET = (WhichPath(), StepsOfAPush(), TreeAfterEachStore(), StoreInLeaf())
