"""Exercises of chapter 06, the cursor."""

import random
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from typing import ClassVar

from mmsim.maple import ULONG_MAX, MapleState, MapleTree

from . import trees
from .leaf import Slot
from .model import RIGHT, Case, Function, Order, Plain, Predict, Verdict, wrong_shape
from .plain import told

Op = tuple[str, tuple[Plain, ...]]
"""A call of a cursor: its name and its arguments."""


class CursorAfterEachCall(Predict):
    """What seven calls of one cursor answer, and which range it shows after each."""

    id = "06.e1"
    name = "my_cursor"
    title = "The cursor after each call"
    goal = "Trace where a cursor stands after each step, one that finds nothing included."
    points, minutes, difficulty, misconception = 7, 9, 2, "M53"
    hints = (
        "Section 5 of notebook 06 has a step that succeeds, section 7 one that fails, section 8 a store.",
        "next compares the start of a range with its limit, prev the end. Found: the whole range, however long it is.",
        "Nothing found: [None, limit, limit]. A store answers what was there; a NULL takes the hole beside it along.",
    )
    shown = 3
    _ideas: ClassVar[Mapping[str, str]] = {
        "walk": "a walk answers what lies at the index, and shows the bounds of that slot, of a hole, too",
        "next": "next takes the first entry that begins at or below the limit, with its whole range; "
        "where there is none it shows the limit",
        "prev": "prev takes the first entry to the left that ends at or above the limit, with its whole range; "
        "where there is none it shows the limit",
        "find": "find answers what lies at the index, else the entry after it",
        "store": "a store answers what was there before, and shows what was written: a NULL joins the hole beside it",
    }

    def instance(self, learner: str = "") -> tuple[MapleTree, list[Op]]:
        """A tree of two leaves and the calls; `set` and `set_range` aim anew and are not asked for."""
        chance = self._chance("instance", learner)
        while True:
            tree = trees.grown(chance, 18, 0.4)
            if tree.height == 2 and (ops := self._ops(chance, trees.content(tree))):
                return tree, ops

    @staticmethod
    def _ops(chance: random.Random, slots: list[Slot]) -> list[Op]:
        """The calls on these slots, or none if they are too regular."""
        holes = [n for n in range(2, len(slots) - 3) if slots[n][2] is None]
        up = [n for n in holes if slots[n + 2][2] is None]  # a hole, an entry, a hole
        down = [n for n in holes if n > 4 and slots[n - 1][2] and slots[n][0] - slots[n - 1][0] > 12]
        if not up or not down:
            return []
        at, back = chance.choice(up), chance.choice(down)
        first, last, _ = slots[at + 1]
        before = slots[back - 1]
        further = next(slot for slot in reversed(slots[: back - 1]) if slot[2])
        stored = slots[chance.choice([n for n in holes if n not in (at, back)] or [at]) - 1]
        return [
            ("set", (chance.randrange(slots[at][0] + 1, slots[at][1]),)),
            ("walk", ()),
            ("next", (chance.randrange(first, last),)),
            ("next", (chance.randrange(last + 1, slots[at + 3][0]),)),
            ("set", (chance.randrange(slots[back][0] + 1, slots[back][1]),)),
            ("find", ()),
            ("prev", (chance.randrange(before[0] + 1, before[1] + 1),)),
            ("prev", (chance.randrange(further[1] + 1, before[0] + 1),)),
            ("set_range", (stored[0] + 2, stored[1])),
            ("store", (None,)),
        ]

    def _states(self, learner: str) -> list[tuple[str, list[Plain]]]:
        """(name of the call, [answer, index, last]) of each call that is asked for (mas_walk() ..., 6.1)."""
        tree, ops = self.instance(learner)
        mas, found = MapleState(tree), []
        for name, args in ops:
            answer = getattr(mas, name)(*args)
            if not name.startswith("set"):
                found.append((name, [answer, mas.index, mas.last]))
        return found

    def task(self, learner: str = "") -> str:
        """See Exercise."""
        tree, ops = self.instance(learner)
        lines, number = ["    mas = MapleState(tree)"], 0
        for name, args in ops:
            asked = not name.startswith("set")
            number += asked
            lines.append(f"{f'o{number}' if asked else '  '}  mas.{name}({', '.join(map(repr, args))})")
        listing = "\n".join(lines)
        return f"The tree:\n\n{trees.shown(tree)}\n\nThe calls, one after the other:\n\n{listing}"

    def answers(self, learner: str = "") -> dict[str, Plain]:
        """See Predict."""
        return {f"o{n}": state for n, (_, state) in enumerate(self._states(learner), 1)}

    def explain(self, key: str, expected: Plain, got: Plain) -> Verdict:
        """See Predict; the answer is worth a half, and so is the range."""
        form = len(got) == 3 and (got[0] is None or type(got[0]) is str) and type(got[1]) is type(got[2]) is int
        if not form:
            return wrong_shape(f"{key}: expected a list like ['r3', 40, 49]: answer, index, last", got)
        answer, place = got[0] == expected[0], got[1:] == expected[1:]
        lead = {
            (True, False): "the answer is right, index and last are not",
            (False, True): "index and last are right, the answer is not",
            (False, False): "neither the answer nor index and last",
        }[answer, place]
        idea = self._ideas[("walk", "next", "next", "find", "prev", "prev", "store")[int(key[1:]) - 1]]
        return Verdict(0.5 if answer or place else 0, f"{key}: {lead}; {idea}", got=told(got))


class StepsOverABorder(Order):
    """How the kernel's cursor steps from the last entry of a leaf to the next leaf (mas_next_entry(), 6.1)."""

    id = "06.e2"
    name = "my_next"
    title = "A step over the border of a leaf"
    goal = "Put the work of a next that leaves its leaf into order."
    points, minutes, difficulty, misconception = 3, 5, 2, "M54"
    hints = (
        "Section 14 of notebook 06 says how a cursor of the kernel leaves a leaf; begin where it stands.",
        "First all that can be done in the old leaf, then up, one slot to the right, and down again.",
        "Old leaf empty to its end, limit ahead, parent, slot and child; NULL, entry, bounds. Two lines are not used.",
    )
    lines: ClassVar[Mapping[str, str]] = {
        "A": "go up to the parent",
        "B": "begin with the child's first slot, which is NULL: pass over it",
        "C": "answer NULL, as the leaf has no further entry",
        "D": "look at the slots behind the cursor's own up to the end of the leaf: no entry",
        "E": "take the parent's slot behind the one that led to the old leaf, and go down to its child",
        "F": "index and last become the bounds of that slot, and its entry is the answer",
        "G": "follow the old leaf's pointer to its right neighbour",
        "H": "the leaf's last index is below the limit, so the search may go on behind it",
        "I": "the slot after that begins below the limit and holds an entry: stop",
    }
    why: ClassVar[Mapping[str, str]] = {
        "C": "the limit lies further on, and so may the next entry",
        "G": "a node knows its parent and its children, and no neighbour",
    }
    after: ClassVar[Mapping[str, str]] = {"D": "", "H": "D", "A": "H", "E": "A", "B": "E", "I": "B", "F": "I"}


class Prev(Function):
    """The step to the left, on plain data."""

    id = "06.e3"
    name = "prev"
    title = "Step to the entry before"
    goal = "Write the step to the previous entry, over the borders of leaves and with its limit."
    points, minutes, difficulty, misconception = 7, 15, 3, "M53"
    hints = (
        "Notebook 06, sections 6 and 7: what does prev compare with its limit, and what does it show if it fails?",
        "Go through the slots in order, child by child, and remember the last entry that ends before the index.",
        "if what is not None and last < index: found = (what, first, last). At the end compare its last with limit.",
    )
    _LEAF: ClassVar[Plain] = {"pivots": [9, 19, 39, 49, ULONG_MAX], "slots": [None, "a", None, "b", None]}
    _TWO: ClassVar[Plain] = {
        "pivots": [29, ULONG_MAX],
        "slots": [
            {"pivots": [9, 19, 29], "slots": [None, "a", "b"]},
            {"pivots": [39, 49, 59, ULONG_MAX], "slots": [None, "c", "d", None]},
        ],
    }

    def examples(self) -> Iterator[list[Plain]]:
        """See Function."""
        yield [self._LEAF, 45, 0]
        yield [self._LEAF, 30, 19]
        yield [self._LEAF, 30, 20]
        yield [self._TWO, 55, 0]
        yield [self._TWO, 44, 0]
        yield [self._TWO, 15, 3]

    def hidden(self, chance: random.Random) -> Iterator[tuple[str, list[Plain]]]:
        """See Function."""
        for size, levels in ((9, "one leaf"), (40, "two levels"), (260, "three levels")):
            tree = trees.grown(chance, size, 0.4)
            slots = trees.content(tree)
            tree.store_range(0, slots[3][1], None)  # nothing lies to the left of the first entry
            node, slots = trees.plain_node(tree.root), trees.content(tree)
            for _ in range(5):
                first, last, _ = chance.choice(slots[4:])
                yield levels, [node, chance.randrange(first, min(last, first + 20) + 1), 0]
            for n in chance.sample(range(3, len(slots)), 3):
                end = next(last for _, last, entry in reversed(slots[:n]) if entry)
                yield "just at the limit", [node, slots[n][0], end]
                yield "just beyond the limit", [node, slots[n][0], end + 1]
                yield "just beyond the limit", [node, slots[n][0], chance.randrange(end + 1)]
            yield "nothing to the left", [node, slots[1][0] + 1, chance.randrange(1, slots[1][0])]
            yield "nothing to the left", [node, slots[2][1], chance.randrange(1, slots[1][1])]
            if tree.height > 1:
                for border in tree.root.pivots[:-1]:
                    yield levels, [node, border + 1, 0]

    def expected(self, *args: Plain) -> Plain:
        """See Function: what mas_walk() and then mas_prev(), 6.1, show; tests compare it with the library's cursor."""
        node, index, limit = args
        slots = trees.flat(node)
        here = bisect_left([last for _, last, _ in slots], index)
        first, last, entry = next((slot for slot in reversed(slots[:here]) if slot[2]), (0, -1, None))
        return [entry, first, last] if last >= limit else [None, limit, limit]

    def judge(self, case: Case, answer: Plain) -> Verdict:
        """Shape first, then answer and range."""
        form = type(answer) is list and len(answer) == 3 and (answer[0] is None or type(answer[0]) is str)
        if not form or not (type(answer[1]) is type(answer[2]) is int):
            return wrong_shape("expected three things: the entry (a text or None), index and last", answer)
        expected = self.expected(*case.args)
        if answer == expected:
            return RIGHT
        shown = [told(expected), told(answer, 120)]
        return Verdict(0, self._idea(case.args, expected, answer), *shown, trees.compared(case.args[0], *shown))

    @staticmethod
    def _idea(args: list[Plain], expected: Plain, mine: Plain) -> str:
        node, index, limit = args
        if mine[0] == expected[0] is None:
            return f"nothing is found, so index and last become the limit, {limit}"
        if mine[0] == expected[0]:
            return "the entry is right; index and last are the bounds of its whole slot"
        if expected[0] is None:
            return f"the entry before {index} ends below the limit {limit}"
        if mine[0] is None:
            return f"{told(expected[0])} ends at {expected[2]}, and the limit is {limit}: at or above it counts"
        here = next(slot for slot in trees.flat(node) if slot[1] >= index)
        if mine[0] == here[2]:
            return f"{told(mine[0], 40)} is where the cursor stands; asked is the entry before it"
        return "there is an entry nearer to the index, or yours lies on its other side"

    def picture(self, case: Case, answer: Plain) -> str:
        """See Exercise: the slots, with the one that was found."""
        from mmsim.view import row_pair

        node, index, limit = case.args
        slots, expected = trees.flat(node), self.expected(*case.args)
        if len(slots) > 16:
            return ""
        rows = [
            [(*slot[:2], f"> {slot[2] or 'NULL'}" if slot[:2] == (first, last) else slot[2]) for slot in slots]
            for _, first, last in (expected, answer)
        ]
        return "" if rows[0] == rows[1] else row_pair(*rows, f"where prev leads from {index}, limit {limit}").svg()

    def said(self, case: Case) -> str:
        """See Exercise."""
        _, index, limit = case.args
        return f"prev(node, {index}, {limit})"


SET = (CursorAfterEachCall(), StepsOverABorder(), Prev())
