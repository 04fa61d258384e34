"""Exercises of chapter 05, finding room with the help of gaps."""

import random
import re
from bisect import bisect_left
from collections.abc import Iterator
from typing import ClassVar

from mmsim.maple import ULONG_MAX, MapleState, MapleTree

from . import leaf, trees
from .leaf import Slot, Store
from .model import RIGHT, Case, Function, NotAState, Perform, Plain, Predict, Verdict, wrong_shape
from .plain import told

NONE = -16
"""-EBUSY, what the cursor answers when there is no room."""


def _room(chance: random.Random, count: int, holes: float) -> MapleTree:
    """A tree that tracks gaps, with something that fills the top, so that every hole has an end."""
    tree = trees.grown(chance, count, holes, alloc_range=True)
    tree.store_range(trees.content(tree)[-1][0], ULONG_MAX, "top")
    return tree


def _runs(tree: MapleTree) -> list[list[int]]:
    """The lengths of the empty runs in each leaf of a tree of two levels."""
    found, low = [], 0
    for node in tree.root.slots:
        lengths = []
        for last, entry in zip(node.pivots, node.slots, strict=True):
            if entry is None:
                lengths.append(last - low + 1)
            low = last + 1
        found.append(lengths)
    return found


class GapsAfterEachStore(Perform):
    """Perform the algorithm: what the root notes after each of six stores."""

    id = "05.e1"
    name = "my_gaps"
    title = "The gaps after each store"
    goal = "Predict how a store corrects the gaps above it, and where the star goes."
    points, minutes, difficulty, misconception = 6, 8, 2, "M51"
    hints = (
        "Only the leaf that the store lies in can have another gap. Write down its empty runs before and after.",
        "A gap is the longest run, never the sum; a NULL joins the NULLs it touches in its leaf.",
        "New runs of that leaf, the longest of them into its slot; then look for the largest of the four: the star.",
    )
    states = 6
    shown = 3
    noun = "gaps"

    def instance(self, learner: str = "") -> tuple[MapleTree, list[Store]]:
        """A tree of four leaves and six stores that stay in one leaf each; the fourth changes no gap."""
        chance = self._chance("instance", learner)
        while True:
            tree = _room(chance, 42, 0.1)
            for _ in range(6):
                first, last, _ = chance.choice(trees.content(tree)[2:-2])
                tree.store_range(min(last, first + chance.randrange(5)), last, None)
            if tree.height != 2 or len(tree.root.slots) != 4 or not _clear(tree.root.gaps):
                continue
            trial, stores = tree.copy(), []
            while len(stores) < self.states and (store := self._found(chance, tree, trial, len(stores) == 3)):
                trial.store_range(*store)
                stores.append(store)
            if len(stores) == self.states:
                return tree, stores

    @staticmethod
    def _found(chance: random.Random, start: MapleTree, tree: MapleTree, silent: bool) -> Store | None:
        """A store or an erase inside one leaf; a silent one changes no gap, and waits until two have changed."""
        if silent and sum(a != b for a, b in zip(start.root.gaps, tree.root.gaps, strict=True)) < 2:
            return None
        for _ in range(200):
            node = chance.choice(tree.root.slots)
            at = chance.randrange(1, len(node.slots) - 1)
            first, last = node.pivots[at - 1] + 1, node.pivots[at]
            if last == ULONG_MAX or last - first < 4:
                continue
            if node.slots[at] is None:
                store = (first, last - chance.randrange(last - first + 1), chance.choice("KLMN"))
            else:
                store = (first, last, None) if chance.random() < 0.6 else (first + 2, last - 1, None)
            trial = tree.copy()
            with trial.watch() as log:
                trial.store_range(*store)
            kept = log[0].path in ("exact", "slot store", "node store") and trial.root.pivots == tree.root.pivots
            if kept and _clear(trial.root.gaps) and (trial.root.gaps == tree.root.gaps) is silent:
                return store
        return None

    def task(self, learner: str = "") -> str:
        """See Exercise."""
        tree, stores = self.instance(learner)
        lines = leaf.calls(stores)
        before = trees.gap_text(tree.root.gaps, tree.root.gap_slot)
        return f"The tree:\n\n{trees.shown(tree)}\n\nBefore: `{before}`\n\nThen, one after the other:\n\n{lines}"

    def steps(self, learner: str = "") -> list[tuple[Plain, Plain, Plain]]:
        """See Perform: gaps and gap slot of the root in the library's own trace (mas_update_gap(), 6.1)."""
        tree, stores = self.instance(learner)
        return [
            (
                {
                    "store": [write.index, write.last, write.entry],
                    "runs": _runs(write.after),
                    "ends": write.after.root.pivots,
                },
                [write.before.root.gaps, write.before.root.gap_slot],
                [write.after.root.gaps, write.after.root.gap_slot],
            )
            for write in leaf.written(tree, stores)
        ]

    def read(self, written: Plain) -> Plain:
        """See Perform: [gaps, slot of the star] of a text like `10 | 20* | 0`."""
        pieces = [piece.strip() for piece in (written or "").split("|", 10)]
        for piece in pieces:
            if not re.fullmatch(r"[0-9]{1,20} ?\*?", piece):
                raise NotAState(f"{told(piece, 40)} is no gap, expected gaps such as '10 | 20* | 0'")
        stars = [slot for slot, piece in enumerate(pieces) if piece.endswith("*")]
        if len(stars) != 1:
            raise NotAState(f"{len(stars)} stars, expected one, behind the largest gap")
        return [[int(piece.rstrip("* ")) for piece in pieces], stars[0]]

    def write(self, state: Plain) -> str:
        """See Perform."""
        return trees.gap_text(*state)

    def nearly(self, own: Plain, before: Plain) -> bool:
        """See Perform: as many gaps, at most one of them another."""
        gaps, right = own[0], before[0]
        return len(gaps) == len(right) and sum(a != b for a, b in zip(gaps, right, strict=True)) <= 1

    def carried(self, own: Plain, part: Plain) -> Plain:
        """See Perform: the own gaps with the one that the store corrects, and the star at the largest."""
        _, _, (before, _), (after, _) = part
        gaps = [mine if old == new else new for mine, old, new in zip(own[0], before, after, strict=True)]
        return [gaps, gaps.index(max(gaps))] if _clear(gaps) else None

    def wrong(self, part: Plain, mine: Plain) -> Verdict:
        """See Perform; names the idea that was missed."""
        number, _, _, after = part
        said = self._idea(part, mine)
        return Verdict(0, f"step {number}: {said}", self.write(after), self.write(mine))

    @staticmethod
    def _idea(part: Plain, mine: Plain) -> str:
        _, step, (before, _), (after, _) = part
        gaps, _ = mine
        if len(gaps) != len(after):
            return f"{len(gaps)} gaps, expected {len(after)}: one for each child of the root"
        if gaps == after:
            return "the gaps are right; the star marks the largest of them"
        slot = next(n for n, (right, own) in enumerate(zip(after, gaps, strict=True)) if right != own)
        runs = step["runs"][slot]
        if len(runs) > 1 and gaps[slot] == sum(runs):
            return f"slot {slot}: its leaf has the empty runs {told(runs)}; a gap is the longest of them, not the sum"
        if after[slot] == before[slot]:
            return f"slot {slot}: the longest empty run of this leaf is what it was before"
        if gaps[slot] == before[slot]:
            return f"slot {slot}: this store changes the longest empty run of that leaf"
        return f"slot {slot}: the empty runs of its leaf are {told(runs)} now, and the longest counts"

    def picture(self, case: Case, answer: Plain) -> str:
        """See Exercise: each leaf with the gap that the root notes for it."""
        from mmsim.view import row_pair

        number, step, _, after = case.part
        lows = [0, *(end + 1 for end in step["ends"])]
        rows = [
            [
                (low, end, f"gap {gap}{'*' if slot == star else ''}")
                for slot, (low, end, gap) in enumerate(zip(lows, step["ends"], gaps, strict=False))
            ]
            for gaps, star in (after, self.read(answer[number - 1]))
        ]
        return row_pair(*rows, f"what the root notes after store_range{tuple(step['store'])}").svg()


def _clear(gaps: list[int]) -> bool:
    """True if one gap is the largest: where the star goes on a tie depends on history."""
    return max(gaps) > 0 and gaps.count(max(gaps)) == 1


class Lowest(Function):
    """The search for the lowest fit, on plain data, with a count of the nodes it read."""

    id = "05.e2"
    name = "lowest"
    title = "Search for the lowest fit"
    goal = "Write the search that the gaps guide, and read no node in vain that could be left out."
    points, minutes, difficulty, misconception = 8, 18, 3, "M13"
    hints = (
        "Section 7 of notebook 05: which two things make a child worth entering, and why may it fail all the same?",
        "Go through the slots from the left with first and last of each; in a leaf cut a hole to the window first.",
        "start = max(first, low); if slot is None and min(last, high) - start + 1 >= size: this start is the answer.",
    )

    _SMALL: ClassVar[Plain] = {"pivots": [9, 19, 39, ULONG_MAX], "slots": ["a", None, "b", "top"]}
    _TWO: ClassVar[Plain] = {
        "pivots": [39, ULONG_MAX],
        "gaps": [10, 20],
        "slots": [
            {"pivots": [9, 19, 29, 39], "slots": ["a", None, "b", "c"]},
            {"pivots": [49, 69, 79, 84, ULONG_MAX], "slots": ["d", None, "e", None, "top"]},
        ],
    }

    def examples(self) -> Iterator[list[Plain]]:
        """See Function."""
        yield [self._SMALL, 0, 99, 10]
        yield [self._SMALL, 12, 99, 10]
        yield [self._TWO, 0, 99, 8]
        yield [self._TWO, 0, 99, 12]
        yield [self._TWO, 15, 99, 8]
        yield [self._TWO, 60, 99, 12]

    def hidden(self, chance: random.Random) -> Iterator[tuple[str, list[Plain]]]:
        """See Function."""
        for _ in range(2):
            tree = _room(chance, chance.randrange(30, 46), 0.3)
            for _ in range(5):
                erased = chance.choice(trees.content(tree)[1:-1])
                if len(trees.content(tree)) > 30:
                    tree.store_range(erased[0], erased[1], None)
            yield from self._calls(chance, tree, "two levels")
        yield from self._calls(chance, _room(chance, 240, 0.3), "three levels")

    def _calls(self, chance: random.Random, tree: MapleTree, levels: str) -> Iterator[tuple[str, list[Plain]]]:
        """Searches of each kind; what kind one is, only its run tells."""
        node, end = trees.plain_node(tree.root), trees.content(tree)[-1][0] - 1
        for low, size in ((0, 10), (end // 3, 10), (2 * end // 3, 5)):
            yield levels, [node, low, end, size]
        wanted = dict.fromkeys(("a window", "entered in vain", "nothing fits"), 3)
        for _ in range(400):
            low = chance.randrange(end)
            high = min(end, low + chance.randrange(5, end))
            size = chance.choice((1, 3, 7, 10, 11, 15, 20))
            start, read = self.expected(node, low, high, size)
            kind = "nothing fits" if start is None else "entered in vain" if read > tree.height else "a window"
            if low < high and wanted[kind] and not (start is None and read == 1 and wanted[kind] > 1):
                wanted[kind] -= 1
                yield kind, [node, low, high, size]

    def expected(self, *args: Plain) -> Plain:
        """See Function: the walk of mas_empty_area(), 6.1; tests compare its start with the library's search."""
        node, low, high, size = args
        read = 0

        def search(node: Plain, first: int) -> int | None:
            nonlocal read
            read += 1
            pivots = node["pivots"]
            for slot in range(bisect_left(pivots, low), len(pivots)):
                first = pivots[slot - 1] + 1 if slot else first
                if first > high:
                    return None
                found = None
                if "gaps" in node:
                    found = search(node["slots"][slot], first) if node["gaps"][slot] >= size else None
                elif node["slots"][slot] is None and min(pivots[slot], high) - max(first, low) + 1 >= size:
                    found = max(first, low)
                if found is not None:
                    return found
            return None

        return [search(node, 0), read]

    def judge(self, case: Case, answer: Plain) -> Verdict:
        """Shape first, then the place, then the number of nodes."""
        right_form = type(answer) is list and len(answer) == 2 and type(answer[1]) is int
        if not right_form or not (answer[0] is None or type(answer[0]) is int):
            return wrong_shape("expected two things: the start (a whole number or None), and how many nodes", answer)
        expected = self.expected(*case.args)
        if answer == expected:
            return RIGHT
        shown = [self._told(expected), self._told(answer)]
        difference = trees.compared(case.args[0], *shown)
        return Verdict(0, self._idea(case.args, expected, answer), *shown, difference)

    @staticmethod
    def _told(answer: Plain) -> str:
        return f"start {told(answer[0], 40)}, nodes read: {told(answer[1], 40)}"

    @staticmethod
    def _idea(args: list[Plain], expected: Plain, mine: Plain) -> str:
        _, low, high, size = args
        start, read = expected
        got, count = mine
        if got == start and count < read:
            return "the place is right, but a node more was read: one entered in vain counts, and so does the root"
        if got == start:
            return "the place is right, but fewer nodes are enough: a child whose gap is too small is not entered"
        if got is None:
            return f"there is room for {size} in {low}-{high}"
        if got < low or got + size - 1 > high:
            return f"{told(got, 40)} for {size} is not inside the window {low}-{high}"
        if start is None or got < start:
            return f"from {got} on not all of the {size} indices are free"
        return "there is a lower fit"

    def picture(self, case: Case, answer: Plain) -> str:
        """See Exercise: the slots, with the place that was found and the one that was to be found."""
        from mmsim.view import row_pair

        node, _, _, size = case.args
        expected, slots = self.expected(*case.args), trees.flat(node)
        if expected[0] == answer[0] or len(slots) > 16:
            return ""
        rows = [_with(slots, start, size) for start in (expected[0], answer[0])]
        return row_pair(*rows, f"room for {size} in {case.args[1]}-{case.args[2]}").svg()

    def said(self, case: Case) -> str:
        """See Exercise."""
        _, low, high, size = case.args
        return f"lowest(node, {low}, {high}, {size})"


def _with(slots: list[Slot], start: int | None, size: int) -> list[Slot]:
    """The slots after a store at a place that somebody found, if it is one."""
    tree = leaf.tree_of(slots)
    if start is not None and 0 <= start <= 10_000:
        tree.store_range(start, start + size - 1, "HERE")
    return trees.content(tree)


class WhatASearchAnswers(Predict):
    """Four windows: the lowest fit, the highest fit, and the slots of the root that are entered."""

    id = "05.e3"
    name = "my_searches"
    title = "What do the searches answer?"
    goal = "Trace a search for room, for the lowest and for the highest fit."
    points, minutes, difficulty, misconception = 4, 9, 2, "M52"
    hints = (
        "Section 5 of notebook 05 has both searches; section 7 a window that begins inside a hole.",
        "The lowest fit sits at the lower end of a hole or window, the highest at the upper end: last - size + 1.",
        "Entered is each slot from the left with gap >= size and a part in the window, up to the one with the answer.",
    )
    shown = 1

    def instance(self, learner: str = "") -> tuple[MapleTree, list[tuple[int, int, int]]]:
        """A tree of four leaves, and four searches (low, high, size) of four kinds in random order."""
        chance = self._chance("instance", learner)
        while True:
            tree = _room(chance, 44, 0.12)
            if tree.height != 2 or len(tree.root.slots) != 4 or tree.root.gaps.count(0) > 1:
                continue
            for _ in range(2):
                first, last, _ = chance.choice(trees.content(tree)[2:-2])
                tree.store_range(first, last, None)
            if tree.height == 2 and len(tree.root.slots) == 4 and (found := self._searches(chance, tree)):
                return tree, found

    def _searches(self, chance: random.Random, tree: MapleTree) -> list[tuple[int, int, int]]:
        """One search of each kind, or none if the tree has not all of them."""
        end = trees.content(tree)[-1][0] - 1
        kinds: dict[str, tuple[int, int, int]] = {}
        for _ in range(300):
            low = chance.choice((0, chance.randrange(end // 2)))
            high = chance.choice((end, chance.randrange(low + 20, end + 1)))
            size = chance.choice((4, 6, 8, 10, 12, 14, 18))
            lowest, highest, entered = self._outcome(tree, (low, high, size))
            if lowest == NONE:
                kind = "nothing" if entered else ""
            elif lowest == highest:
                kind = "one place"
            else:
                kind = "in vain" if len(entered) > 1 else "two places"
            if kind:
                kinds.setdefault(kind, (low, high, size))
        found = list(kinds.values()) if len(kinds) == 4 else []
        chance.shuffle(found)
        return found

    @staticmethod
    def _outcome(tree: MapleTree, search: tuple[int, int, int]) -> list[Plain]:
        """[lowest, highest, slots entered] (mas_empty_area() and mas_empty_area_rev(), 6.1)."""
        low, high, size = search
        mas = MapleState(tree)
        lowest = mas.index if (answer := mas.empty_area(low, high, size)) == 0 else answer
        highest = mas.index if (answer := mas.empty_area_rev(low, high, size)) == 0 else answer
        root = tree.root
        last = len(root.slots) - 1 if lowest == NONE else bisect_left(root.pivots, lowest)
        lows = [0, *(pivot + 1 for pivot in root.pivots)]
        entered = [
            slot
            for slot in range(last + 1)
            if root.gaps[slot] >= size and root.pivots[slot] >= low and lows[slot] <= high
        ]
        return [lowest, highest, entered]

    def task(self, learner: str = "") -> str:
        """See Exercise."""
        tree, searches = self.instance(learner)
        lines = "\n".join(f"s{n}: window {low}-{high}, size {size}" for n, (low, high, size) in enumerate(searches, 1))
        return f"The tree:\n\n{trees.shown(tree)}\n\nThe searches:\n\n{lines}"

    def answers(self, learner: str = "") -> dict[str, Plain]:
        """See Predict."""
        tree, searches = self.instance(learner)
        return {f"s{n}": self._outcome(tree, search) for n, search in enumerate(searches, 1)}

    def explain(self, key: str, expected: Plain, got: Plain) -> Verdict:
        """See Predict; each of the three is worth a third."""
        form = len(got) == 3 and type(got[0]) is int and type(got[1]) is int and type(got[2]) is list
        if not form or len(got[2]) > 10 or not all(type(slot) is int for slot in got[2]):
            return wrong_shape(f"{key}: expected a list like [30, 364, [0, 2]]: lowest, highest, slots entered", got)
        said = [self._place("lowest", expected[0], got[0]), self._place("highest", expected[1], got[1])]
        if got[2] != expected[2]:
            said.append(
                "slots entered: those with a gap of at least the size and a part in the window, up to the answer"
            )
        wrong = [line for line in said if line]
        return Verdict(round((3 - len(wrong)) / 3, 4), f"{key}: {'; '.join(wrong)}", got=told(got))

    @staticmethod
    def _place(name: str, expected: int, got: int) -> str:
        if got == expected:
            return ""
        if expected == NONE:
            return f"{name} fit: no hole has so much room inside the window; the answer is -16"
        if got == NONE:
            return f"{name} fit: there is room"
        if name == "lowest":
            return f"{name} fit: " + (
                "not all of that is free and inside the window" if got < expected else "there is a lower one"
            )
        return f"{name} fit: " + (
            "there is a higher one: look at the upper end of a hole" if got < expected else "not all of that is free"
        )


SET = (GapsAfterEachStore(), Lowest(), WhatASearchAnswers())
