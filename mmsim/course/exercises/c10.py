"""Exercises of chapter 10, what the patch changes and what it promises."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import ClassVar, NamedTuple

from mmsim.brk import Process
from mmsim.brk.cost import Cost, measured
from mmsim.experiments.build import HEAP, crowded, started
from mmsim.mm.calls import PROT
from mmsim.mm.units import PAGE

from .claims import FindWrongClaim, NotEvidence, Statement, Trial
from .model import Plain, Predict, Verdict, wrong_shape
from .plain import told
from .scripts import CounterExample, Run


class ObjectsMade(Predict):
    """VMA objects that six calls make in both generations, on a heap of three VMAs."""

    id = "10.e1"
    name = "my_counts"
    title = "Objects and mappings, call by call"
    goal = "Count the VMA objects that a call makes before and with the patch, and the VMAs it leaves."
    points, minutes, difficulty, misconception = 6, 9, 2, "M30"
    hints = (
        "Sections 10 and 4 of notebook 10: which way to shrink makes an object, and when is the other one taken?",
        "Draw the heap's VMAs and mark the new end: in the middle of a VMA, at the border of two, or above them all?",
        "Cut in the middle: before makes an object, v4 none. At a border nobody does. "
        "Above a VMA with other rights both make one.",
    )
    shown = 2

    def instance(self, learner: str) -> tuple[list[int], list[int]]:
        """Start, read-only part and end of the heap in pages, and the six breaks asked for, one after the other."""
        chance = self._chance("instance", learner)
        low = chance.randrange(3, 6)
        middle = low + chance.randrange(2, 4)
        top = middle + chance.randrange(8, 12)
        breaks = self._moves(chance, top)
        breaks.append(middle)
        breaks.append(middle + chance.randrange(6, 9))
        breaks += self._moves(chance, breaks[-1])
        return [low, middle, top], breaks

    def _moves(self, chance: random.Random, top: int) -> list[int]:
        """A growth and a cut inside the last VMA, in some order."""
        up, down = chance.randrange(2, 6), chance.randrange(2, 5)
        first, second = chance.choice(((up, -down), (-down, up)))
        return [top + first, top + first + second]

    def task(self, learner: str = "") -> str:
        """See Exercise."""
        (low, middle, top), breaks = self.instance(learner)
        heap = f"0-{low} rw-p\n{low}-{middle} r--p\n{middle}-{top} rw-p"
        calls = "\n".join(f"c{number}: brk({page})" for number, page in enumerate(breaks, 1))
        lead = f"The break is at page {top}; there is nothing near the heap. Its VMAs, in pages above its start:"
        return f"{lead}\n\n{heap}\n\nThe calls, each after the one before it:\n\n{calls}"

    def answers(self, learner: str = "") -> dict[str, Plain]:
        """See Predict."""
        (low, middle, top), breaks = self.instance(learner)
        made: dict[str, list[int]] = {}
        for generation in ("before", "v4"):
            process = _heap(generation, low, middle, top)
            for number, page in enumerate(breaks, 1):
                with measured(process) as log:
                    process.brk(HEAP + page * PAGE)
                made.setdefault(f"c{number}", []).append(log.cost.vmas_made)
                left = sum(1 for _ in process.mm.vmas())
                if generation == "v4":
                    made[f"c{number}"].append(left)
        return dict(made)

    def explain(self, key: str, expected: Plain, got: Plain) -> Verdict:
        """See Predict; the objects are worth half, the VMAs the other half."""
        if len(got) != 3 or not all(type(part) is int for part in got):
            return wrong_shape(f"{key}: expected three numbers: objects made before, made in v4, VMAs left", got)
        objects, left = got[:2] == expected[:2], got[2] == expected[2]
        if objects:
            said = "the objects are right, the number of VMAs of the heap after the call is not"
        elif got[0] > expected[0]:
            said = "before: does every call make an object? vma_merge() extends an equal VMA below without one"
        elif got[0] < expected[0]:
            said = "before: where is the new end? A VMA that is cut in its middle is first split in two"
        elif got[1] > expected[1]:
            said = "v4: does it need an object for this? It extends by its own test, and cuts by moving an end"
        else:
            said = "v4: which VMA lies below, and could it be extended?"
        return Verdict(0.5 if objects or left else 0, f"{key}: {said}", got=told(got))


def _heap(generation: str, low: int, middle: int, top: int) -> Process:
    """A process whose heap has a read-only part, and with nothing else."""
    process = started(generation)
    process.brk(HEAP + top * PAGE)
    process.mprotect(HEAP + low * PAGE, (middle - low) * PAGE, PROT.READ)
    return process


LAST = 1100
"""The highest break in 10.e2, in pages; the mappings above its heap begin at page 1000."""


class Moved(NamedTuple):
    """A call of brk() in one process: the break before, the one asked for, whether it came to that, and the cost."""

    old: int
    want: int
    accepted: bool
    cost: Cost

    def __str__(self) -> str:
        answer = "accepted" if self.accepted else "refused"
        return f"{answer}, {_count(self.cost.vmas_made, 'object')}, {_count(self.cost.stores, 'store')}"


Pair = tuple[Moved, Moved]
"""The same call in `before` and in v4."""


def _moved(generation: str, breaks: Sequence[int]) -> Moved:
    """The last of some breaks, from a heap of 8 pages between three mappings below and three above."""
    process = crowded(generation, 3, 3)
    for page in breaks[:-1]:
        process.brk(HEAP + page * PAGE)
    old, want = (process.mm.brk - HEAP) // PAGE, breaks[-1]
    with measured(process) as log:
        answer = process.brk(HEAP + want * PAGE)
    return Moved(old, want, answer == HEAP + want * PAGE, log.cost)


def _count(number: int, name: str) -> str:
    return f"{number} {name}{'' if number == 1 else 's'}"


def _claim(text: str, what: str, about: Callable[[Pair], bool], holds: Callable[[Pair], bool]) -> Statement:
    """A sentence on the last call of a list, which holds by itself where the call is not `what` it is about."""

    def test(pair: Pair) -> Trial:
        before, patch = pair
        seen = f"brk({before.want}), from {before.old}:\n  before  {before}\n  v4      {patch}"
        return Trial(not about(pair) or holds(pair), seen, about(pair))

    return Statement(text, test, what)


class WhatIsSaved(FindWrongClaim):
    """Five sentences on objects and stores of a call; one is true of most calls only."""

    id = "10.e2"
    name = "my_claim"
    title = "One of five claims is wrong"
    goal = "Find the claim on what a call costs that holds for most calls, but not for all."
    points, minutes, difficulty, misconception = 4, 6, 2, "M23"
    hints = (
        "The table of section 12 in notebook 10 has 560 cuts and 560 objects. Were those all kinds of shrinks?",
        "A claim on every call needs one odd call to be wrong: try small ones, large ones, and one to the very start.",
        "An object is made where a VMA is cut in two. Which new end of the heap leaves nothing to cut?",
    )
    wrong = "shrink"
    form = '{"claim": "B", "evidence": [12, 10]}'
    claims: ClassVar[Mapping[str, Statement]] = {
        "objects": _claim(
            "No call makes more VMA objects with the patch than before it.",
            "a call",
            lambda pair: True,
            lambda pair: pair[1].cost.vmas_made <= pair[0].cost.vmas_made,
        ),
        "stores": _claim(
            "No call stores into the tree more often with the patch than before it.",
            "a call",
            lambda pair: True,
            lambda pair: pair[1].cost.stores <= pair[0].cost.stores,
        ),
        "growth": _claim(
            "An accepted growth makes as many VMA objects with the patch as before it.",
            "an accepted growth",
            lambda pair: pair[0].accepted and pair[0].want > pair[0].old,
            lambda pair: pair[0].cost.vmas_made == pair[1].cost.vmas_made,
        ),
        "shrink": _claim(
            "An accepted shrink by a page or more makes one VMA object before the patch, and none with it.",
            "an accepted shrink by a page or more",
            lambda pair: pair[0].accepted and pair[0].want < pair[0].old,
            lambda pair: (pair[0].cost.vmas_made, pair[1].cost.vmas_made) == (1, 0),
        ),
        "refused": _claim(
            "A refused call makes no VMA object and stores nothing, with the patch and before it.",
            "a refused call",
            lambda pair: not pair[0].accepted,
            lambda pair: not any(each.cost.vmas_made or each.cost.stores for each in pair),
        ),
    }

    def read(self, evidence: Plain) -> Pair:
        """A list of breaks, in pages above the start of the heap; the last one is measured in both generations."""
        if type(evidence) is not list or not 0 < len(evidence) <= 8:
            raise NotEvidence("expected a list of 1 to 8 breaks in pages, such as [12, 10]")
        if not all(type(page) is int and 0 <= page <= LAST for page in evidence):
            raise NotEvidence(f"expected whole numbers from 0 to {LAST}, breaks in pages")
        return _moved("before", evidence), _moved("v4", evidence)

    def samples(self) -> Iterator[Plain]:
        """See FindWrongClaim."""
        yield from ([0], [12, 0], [12], [12, 10], [8], [0, 4], [1000], [0, 1000], [999, 3], [0, 0])


class NothingUnmapped(CounterExample):
    """Two conditions that agree in all recorded calls are not the same condition."""

    id = "10.e3"
    name = "my_script"
    title = "Same mappings without munmap()?"
    goal = "Find what the new conditions of brk() take for free, or for a shrink."
    points, minutes, difficulty, misconception = 5, 10, 3, "M62"
    hints = (
        "Compare the two hunks of `brk()` in section 3 of notebook 10: what does each side ask about the old end?",
        "v4 refuses only what begins at or above the old end. Let something begin below it and reach above it.",
        "A heap; mmap() across its end, so that one mapping lies on both sides; then a brk() that grows.",
    )
    good, bad = "before", "v4"
    calls: ClassVar[tuple[str, ...]] = ("brk", "mmap")

    def breach(self, run: Run, right: Run) -> str:
        """See CounterExample."""
        return "" if run.heap == right.heap and not run.last.stopped else "the mappings differ"

    def holds(self, bad: Run, right: Run) -> str:
        """See CounterExample."""
        calls = [step.call for step in right.steps]
        if not any(call[0] == "mmap" for call in calls):
            return "the mappings are the same: as long as only the heap is there, both conditions come to the same"
        if calls[-1][0] != "brk":
            return "the mappings are the same: mmap() is one code for both, so let a brk() follow"
        if bad.last.refused:
            return "both refuse: what is in the way begins at or above the old end, and v4 looks for that, too"
        return "the mappings are the same: nothing is in the way of this call"


SET = (ObjectsMade(), WhatIsSaved(), NothingUnmapped())
