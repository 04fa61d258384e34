"""Exercises of chapter 02, reading a maple tree."""

import random
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from typing import ClassVar

from mmsim.maple import ULONG_MAX, MapleTree

from .model import Function, Order, Plain, Predict, Verdict
from .plain import told


class OneWalk(Predict):
    """Four numbers of one look-up, read off a dump. Each learner has a tree of his or her own."""

    id = "02.e1"
    name = "my_walk"
    title = "Read one look-up off a dump"
    goal = "Read a dump and walk a look-up by hand."
    points, minutes, difficulty, misconception = 2, 5, 1, "M1"
    hints = (
        "Look at the lines with `#` that are indented once: each covers a slot of the root.",
        "A slot ends at its pivot, and the pivot still belongs to it; slots are counted from 0.",
        "The leaf's line that holds the index reads first-last: entry; count the lines above it, holes included.",
    )
    shown = 2

    def instance(self, learner: str) -> tuple[MapleTree, int]:
        """The tree and the index to look up, which is a pivot of the root."""
        chance = self._chance("instance", learner)
        tree, at = MapleTree(), 0
        for name in "abcdefghijklmnopqrstuv":
            at += chance.randrange(3, 30) if chance.random() < 0.3 else 0
            last = at + chance.randrange(4, 40)
            tree.store_range(at, last, name)
            at = last + 1
        return tree, tree.root.pivots[0]

    def task(self, learner: str = "") -> str:
        """See Exercise."""
        tree, index = self.instance(learner)
        return f"Look up index {index} in this tree:\n\n{tree.dump()}"

    def answers(self, learner: str = "") -> dict[str, Plain]:
        """See Predict."""
        tree, index = self.instance(learner)
        path = tree.path_to(index)
        _, slot = path[-1]
        return {
            "root_slot": path[0][1],
            "entry": tree.load(index),
            "leaf_slot": slot,
            "entry_after": _after(tree, index),
        }

    def explain(self, key: str, expected: Plain, got: Plain) -> Verdict:
        """See Predict."""
        said = {
            "root_slot": "the first pivot that is not below the index marks the slot; is a pivot equal to it below it?",
            "entry": "read the line whose range holds the index, both ends included",
        }
        return Verdict(0, said.get(key, "not what the library computes"), got=told(got))


def _after(tree: MapleTree, index: int) -> str:
    return tree.load(index + 1) or "NULL"


class StepsOfALookUp(Order):
    """The steps of a look-up, with two false lines."""

    id = "02.e2"
    name = "my_steps"
    title = "Put a look-up into order"
    goal = "Walk a look-up by hand, pivot by pivot."
    points, minutes, difficulty, misconception = 2, 4, 1, "M13"
    hints = (
        "Look at the picture of a way in section 5 of notebook 02: where does it begin and end?",
        "One node a level: what you do in the root is done again in each node below it.",
        "Begin with the root; then pivots, slot, child; the leaf's slot comes last. Two lines are not used.",
    )
    lines: ClassVar[Mapping[str, str]] = {
        "A": "take the slot of the first pivot that is not below the index",
        "B": "start at the root",
        "C": "go to the child in that slot",
        "D": "try the left neighbour, too",
        "E": "return the entry in the leaf's slot",
        "F": "compare the pivots of the root with the index, from the left",
        "G": "compare the pivots of the leaf with the index, and take its slot the same way",
        "H": "add one to the index, as a pivot belongs to the next slot",
    }
    why: ClassVar[Mapping[str, str]] = {
        "D": "the pivots decide, and one way down is enough",
        "H": "a pivot still belongs to its own slot",
    }
    after: ClassVar[Mapping[str, str]] = {"B": "", "F": "B", "A": "F", "C": "A", "G": "C", "E": "G"}


class SlotOf(Function):
    """The rule of a node as a function."""

    id = "02.e3"
    name = "slot_of"
    title = "The slot for an index"
    goal = "Write down the rule that finds the slot in a node."
    points, minutes, difficulty, misconception = 3, 6, 1, "M1"
    hints = (
        "Section 6 of notebook 02 has the rule in one sentence.",
        "Count the pivots that are below the index. A pivot equal to the index is not below it.",
        "for slot, pivot in enumerate(pivots): if index <= pivot: return slot",
    )

    def examples(self) -> Iterator[list[Plain]]:
        """See Function."""
        for index in (0, 9, 10, 25, ULONG_MAX):
            yield [[9, 19, 29, ULONG_MAX], index]

    def hidden(self, chance: random.Random) -> Iterator[tuple[str, list[Plain]]]:
        """See Function."""
        yield "anywhere", [[ULONG_MAX], chance.randrange(ULONG_MAX)]
        for _ in range(10):
            pivots = sorted(chance.sample(range(1, 5000), chance.randrange(2, 16)))
            pivot = chance.choice(pivots)
            yield "at a pivot", [pivots, pivot]
            yield "one after a pivot", [[*pivots, ULONG_MAX], pivot + 1]
            yield "anywhere", [[*pivots, ULONG_MAX], chance.randrange(6000)]

    def expected(self, *args: Plain) -> Plain:
        """See Function."""
        return bisect_left(*args)

    def difference(self, expected: Plain, got: Plain) -> str:
        """See Function."""
        if type(got) is int and got == expected + 1:
            return "One slot too far: does a pivot equal to the index still belong to its own slot?"
        return ""


class Walk(Function):
    """The walk from the root to an entry, on plain data."""

    id = "02.e4"
    name = "walk"
    title = "Walk from the root to the entry"
    goal = "Walk a look-up through any number of levels."
    points, minutes, difficulty, misconception = 5, 10, 2, "M13"
    hints = (
        "A child is a dict, an entry is a text or None: that tells a leaf from an inner node.",
        "Do the same in each node: find the slot, note it, go down. Stop when what you find is no dict.",
        'while isinstance(node, dict): slot = slot_of(node["pivots"], index); node = node["slots"][slot]',
    )

    def examples(self) -> Iterator[list[Plain]]:
        """See Function."""
        leaf = {"pivots": [9, 19, ULONG_MAX], "slots": [None, "a", None]}
        for index in (10, 19, 20):
            yield [leaf, index]
        right = {"pivots": [29, 39, ULONG_MAX], "slots": ["b", "c", None]}
        left = {"pivots": [9, 19], "slots": [None, "a"]}
        for index in (19, 20):
            yield [{"pivots": [19, ULONG_MAX], "slots": [left, right]}, index]

    def hidden(self, chance: random.Random) -> Iterator[tuple[str, list[Plain]]]:
        """See Function."""
        for size, group in ((4, "one level"), (40, "two levels"), (260, "three levels")):
            tree, at = MapleTree(alloc_range=True), 0
            for n in range(size):
                at += chance.randrange(1, 9) if chance.random() < 0.3 else 0
                last = at + chance.randrange(9)
                tree.store_range(at, last, f"r{n}")
                at = last + 1
            node = _plain_node(tree.root)
            for index in (0, at, *(chance.randrange(at) for _ in range(4)), tree.root.pivots[0]):
                yield group, [node, index]

    def expected(self, *args: Plain) -> Plain:
        """See Function."""
        node, index = args
        taken = []
        while type(node) is dict:
            taken.append(bisect_left(node["pivots"], index))
            node = node["slots"][taken[-1]]
        return [taken, node]

    def difference(self, expected: Plain, got: Plain) -> str:
        """See Function."""
        if type(got) is not list or len(got) != 2 or type(got[0]) is not list:
            return "Expected two things: the list of the slots taken, and the entry."
        if got[1] == expected[1]:
            return "The entry is right; look at the slots taken, from the root down."
        for level, (wanted, taken) in enumerate(zip(expected[0], got[0], strict=False)):
            if wanted != taken:
                return f"The ways part at level {level} from the root: slot {wanted} was to be taken, yours is {taken}."
        return f"The way has {len(expected[0])} nodes, yours {len(got[0])}."


def _plain_node(node: Plain) -> Plain:
    """A node and all below it as dicts of pivots and slots."""
    slots = node.slots if node.type.is_leaf else [_plain_node(child) for child in node.slots]
    return {"pivots": list(node.pivots), "slots": list(slots)}


SET = (OneWalk(), StepsOfALookUp(), SlotOf(), Walk())
