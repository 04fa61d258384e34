"""Exercises of chapter 03, what one store changes."""

import random
from collections.abc import Iterator, Mapping
from typing import ClassVar

from mmsim.maple import ULONG_MAX, CheckError, MapleTree, ranges

from . import leaf
from .leaf import NotALeaf, Slot
from .model import RIGHT, Case, Function, Order, Plain, Predict, Value, Verdict, wrong_shape
from .plain import told

Store = tuple[int, int, str | None]


def _leaf(chance: random.Random) -> MapleTree:
    """A leaf of an address space (gaps, RCU) with four ranges, some of which touch."""
    tree, at = MapleTree(alloc_range=True, use_rcu=True), 10
    for name in "abcd":
        last = at + 10 * chance.randrange(1, 4) - 1
        tree.store_range(at, last, name)
        at = last + 1 + chance.choice((0, 10, 20))
    return tree


def _said(store: Store) -> str:
    first, last, entry = store
    return f"store_range({first}, {last}, {entry!r})"


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
        lines = "\n".join(f"s{n}: {_said(store)}" for n, store in enumerate(stores, 1))
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
    after: ClassVar[Mapping[str, str]] = {"C": "", "F": "C", "A": "F", "E": "A", "G": "E", "B": "G"}


class TreeAfterEachStore(Value):
    """Perform the algorithm: the leaf after each of six stores, as text."""

    id = "03.e3"
    name = "my_leaves"
    kind = "perform"
    title = "The leaf after each store"
    goal = "Predict the slots of a leaf after a store, the empty ones included."
    points, minutes, difficulty, misconception = 6, 10, 2, "M3"
    hints = (
        "Write the leaf down, mark the range of the store in it, and look at what is left on both sides.",
        "A store takes exactly its own range; rests keep their entry; NULLs that touch become one slot.",
        "Left rest, new range, right rest: at most three slots in place of those touched, then join NULL with NULL.",
    )
    shown = 3
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
        lines = "\n".join(f"{n}. {_said(store)}" for n, store in enumerate(stores, 1))
        return f"Before: `{leaf.text(leaf.slots_of(tree))}`\n\nThen, one after the other:\n\n{lines}"

    def parts(self, learner: str = "") -> list[tuple[str, Plain]]:
        """See Value: for each step its number, store, and the leaf before and after it in the library's own trace."""
        tree, stores = self.instance(learner)
        with tree.watch() as log:
            for store in stores:
                tree.store_range(*store)
        return [
            (
                f"step {n}",
                [n, [write.index, write.last, write.entry], list(ranges(write.before)), list(ranges(write.after))],
            )
            for n, write in enumerate(log, 1)
        ]

    def judge(self, case: Case, answer: Plain) -> Verdict:
        """Right if it is the library's leaf, or follows from an own leaf before it with a slip in it."""
        number, store, before, after = case.part
        if type(answer) is not list or not all(text is None or type(text) is str for text in answer):
            return wrong_shape("expected a list of six texts, one a step", answer)
        if len(answer) < number or answer[number - 1] is None:
            return Verdict(0, f"step {number}: nothing is filled in here yet")
        try:
            mine = leaf.parse(answer[number - 1])
        except NotALeaf as error:
            return wrong_shape(f"step {number}: {error}", answer[number - 1])
        right = [tuple(slot) for slot in after]
        if mine == right:
            return RIGHT
        if self._follows(answer, number, store, before, mine):
            return Verdict(1, f"step {number}: right from your own leaf on")
        said = leaf.uncovered(mine) or f"another leaf after {_said(tuple(store))}"
        return Verdict(0, f"step {number}: {said}", leaf.text(right), leaf.text(mine), leaf.compared(right, mine))

    def _follows(self, answer: list[Plain], number: int, store: Store, before: list[Slot], mine: list[Slot]) -> bool:
        """True if `mine` is what the store makes of the learner's own leaf, which is nearly the right one."""
        try:
            own = leaf.parse(answer[number - 2] or "") if number > 1 else []
        except NotALeaf:
            return False
        slip = set(own) ^ {tuple(slot) for slot in before}
        if not own or leaf.uncovered(own) or not 0 < len(slip) <= 2 * self.near or len(own) > 16:
            return False
        tree = leaf.tree_of(own)
        if leaf.slots_of(tree) != own:
            return False  # two NULLs that touch, say: no tree has such a leaf
        tree.store_range(*store)
        return leaf.slots_of(tree) == mine


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

    def said(self, case: Case) -> str:
        """See Exercise."""
        pivots, slots, *rest = case.args
        return f"store(pivots, slots, {', '.join(map(told, rest))}) with the leaf {leaf.text(_triples(pivots, slots))}"


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
