"""Exercises of chapter 13, whether the fast path is worth it (C3, C9)."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any, ClassVar, NamedTuple

from mmsim.brk import Process
from mmsim.experiments.build import HEAP, started
from mmsim.mm.units import PAGE

from ..review import Verdict as Judged
from .claims import Comment, FindWrongClaim, NotEvidence, Statement, Trial
from .model import Plain, Predict, Verdict
from .plain import told
from .scripts import NotAScript, Run, read, run

Step = tuple[str, int]
"""A word and a number of pages: "grow", "cut", "write" (to the whole heap), "fork", "back"; 0 where none is needed."""


class Bill(NamedTuple):
    """What the brk() calls of a program cost, and what its writes made.

    `extended`: growths that made no VMA. `vmas`: VMA objects that brk() made. `stores`: its stores to the tree.
    `anon_vmas`: objects that writes and forks made. `maps`: the VMAs after each step, as (first, end) in pages.
    """

    growths: int
    extended: int
    vmas: int
    stores: int
    anon_vmas: int
    maps: list[list[tuple[int, int]]]


def bill(steps: Sequence[Step], generation: str) -> Bill:
    """Play a program on a process that has no heap yet.

    >>> bill([("grow", 4), ("write", 0), ("grow", 2), ("cut", 1)], "before")[:5]
    (2, 1, 2, 4, 1)
    >>> bill([("grow", 4), ("write", 0), ("grow", 2), ("cut", 1)], "v4")[:5]
    (2, 1, 1, 3, 1)
    """
    family, count, seen, maps = [started(generation)], Counter[str](), set[int](), []
    for word, pages in steps:
        process = family[-1]
        process.mm.events.clear()
        if word in ("grow", "cut"):
            process.brk(process.mm.brk + (pages if word == "grow" else -pages) * PAGE)
            events = Counter(event[0] for event in process.mm.events)
            count["growths"] += word == "grow"
            count["extended"] += word == "grow" and not events["vma_alloc"]
            count["vmas"] += events["vma_alloc"]
            count["stores"] += events["maple_store"]
        elif word == "write":
            for vma in list(process.mm.vmas()):
                process.touch(vma.start)
        elif word == "fork":
            child = process.fork()
            assert isinstance(child, Process), "nothing is planned to fail"
            family.append(child)
        else:
            family.pop().exit()
        seen |= {anon.serial for each in family for vma in each.mm.vmas() for anon in vma.chain}
        heap = family[-1].mm.vmas()
        maps.append([((vma.start - HEAP) // PAGE, (vma.end - HEAP) // PAGE) for vma in heap])
    return Bill(count["growths"], count["extended"], count["vmas"], count["stores"], len(seen), maps)


class TwoBills(Predict):
    """What one program costs before the patch and with it."""

    id = "13.e1"
    name = "my_bill"
    title = "One program, two bills"
    goal = "Count what the calls of a program cost, in the patch and before it."
    points, minutes, difficulty, misconception = 5, 10, 2, "M23"
    hints = (
        "Sections 9 and 12 of notebook 13; for the cut see the VMAs that the patch makes fewer, with its shrinks.",
        "Write down the VMAs of the heap after each step, and who has written to which. A cut inside a VMA splits it.",
        "A cut inside a VMA: one VMA and two stores in `before`, none and one in v4. At a border: no VMA, one store.",
    )
    shown = 2

    def instance(self, learner: str) -> list[Step]:
        """A program in which the two generations map the same and cost differently."""
        chance = self._chance("instance", learner)
        while True:
            steps = self._steps(chance)
            old, new = bill(steps, "before"), bill(steps, "v4")
            apart = old.vmas > new.vmas and old.stores > new.stores
            if apart and old.maps == new.maps and 2 <= old.extended < old.growths - 1:
                return steps

    def _steps(self, chance: Random) -> list[Step]:
        """A heap that a parent fills and a child goes on with; one cut ends at a border, the others inside a VMA."""
        first, more, child = (chance.randrange(3, 9) for _ in range(3))
        steps: list[Step] = [("grow", first), ("write", 0), ("grow", more)]
        steps += chance.choice(([("write", 0)], [], [("cut", chance.randrange(1, 3))]))
        steps += [("fork", 0), ("grow", child)]
        steps += chance.choice(([("write", 0), ("grow", 2), ("cut", 1)], [("cut", 1), ("grow", 3), ("write", 0)], []))
        grown = sum({"grow": 1, "cut": -1}.get(word, 0) * pages for word, pages in steps[steps.index(("fork", 0)) :])
        steps += chance.choice(([("cut", grown)], [("cut", grown), ("grow", 4)], [("cut", 1), ("write", 0)]))
        return [*steps, ("back", 0), *chance.choice(([("grow", 2), ("cut", 1)], [("cut", 2)], [("grow", 5)]))]

    def task(self, learner: str = "") -> str:
        """See Exercise."""
        lines = [
            f"{n:>2}  {word}{f' {pages}' if pages else ''}" for n, (word, pages) in enumerate(self._mine(learner), 1)
        ]
        return "A program has just begun, without a heap:\n\n" + "\n".join(lines)

    def _mine(self, learner: str) -> list[Step]:
        return self.instance(learner)

    def answers(self, learner: str = "") -> dict[str, Plain]:
        """See Predict."""
        steps = self.instance(learner)
        old, new = bill(steps, "before"), bill(steps, "v4")
        return {
            "extended": new.extended,
            "VMAs v4": new.vmas,
            "VMAs before": old.vmas,
            "stores v4": new.stores,
            "stores before": old.stores,
            "anon_vmas": old.anon_vmas,
        }

    def explain(self, key: str, expected: Plain, got: Plain) -> Verdict:
        """See Predict."""
        size = "too many" if got > expected else "too few"
        idea = {
            "extended": "who had written to the VMA that ends at the break before the last fork",
            "VMAs v4": "a growth that does not extend makes one; does a cut make any in v4",
            "VMAs before": "a growth costs the same in both; a cut inside a VMA splits it first",
            "stores v4": "each growth and each cut writes once",
            "stores before": "a split is a store of its own",
            "anon_vmas": "the first write to a VMA without one makes one; a fork makes one for each VMA that has one",
        }[key]
        return Verdict(0, f"{key!r}: {size}. Think of this: {idea}", got=told(got))


# -- claims about cost


class Pair(NamedTuple):
    """One script in every generation it is asked of."""

    runs: dict[str, Run]

    def last(self, generation: str) -> list[tuple[Any, ...]]:
        """The events of the last call."""
        return list(self.runs[generation].session.process.mm.events)

    def count(self, generation: str, event: str) -> int:
        """How many events of a name the last call has."""
        return sum(each[0] == event for each in self.last(generation))

    @property
    def by(self) -> int:
        """Pages by which the last call moves the break in `before`; 0 if it is refused, or another call."""
        steps = self.runs["before"].steps
        breaks = [step.call[1] for step in steps if step.call[0] == "brk" and not step.refused]
        moved = steps[-1].call[0] == "brk" and not steps[-1].refused
        return breaks[-1] - (breaks[-2] if len(breaks) > 1 else 0) if moved else 0

    @property
    def sound(self) -> bool:
        """Whether no generation has damaged its list, tree or VMAs: else what it costs says nothing."""
        damage = {"I0", "I1", "I2", "I3", "I4"}
        return not any(damage & set(each.broken) or each.last.stopped for each in self.runs.values())


_ASKED = ("before", "v4", "merged")


def _told_of(pair: Pair, event: str, names: Sequence[str] = ("before", "v4")) -> str:
    return ", ".join(f"{name} {pair.count(name, event)}" for name in names)


def _growth(pair: Pair) -> Trial:
    about = pair.sound and pair.by > 0
    same = pair.count("before", "vma_alloc") == pair.count("v4", "vma_alloc")
    return Trial(same or not about, f"VMAs made by the last call: {_told_of(pair, 'vma_alloc')}", about)


def _shrink(pair: Pair) -> Trial:
    one = pair.count("before", "vma_alloc") == 1 and not pair.count("v4", "vma_alloc")
    left = pair.by < 0 and pair.runs["before"].last.call[1] > 0
    seen = f"VMAs made by the last call: {_told_of(pair, 'vma_alloc')}"
    return Trial(one or not (pair.sound and left), seen, pair.sound and left)


def _look(pair: Pair) -> Trial:
    about = pair.sound and pair.by > 0
    right = pair.count("before", "look_up") == 1 and not pair.count("v4", "look_up")
    return Trial(right or not about, f"looks at a neighbour in the last call: {_told_of(pair, 'look_up')}", about)


def _reserve(pair: Pair) -> Trial:
    extends = pair.sound and pair.by > 0 and not pair.count("merged", "vma_alloc")
    aside = pair.count("merged", "maple_prealloc") > 0 and not pair.count("before", "maple_prealloc")
    seen = f"times nodes were laid aside in the last call: {_told_of(pair, 'maple_prealloc', ('before', 'merged'))}"
    return Trial(aside or not extends, seen, extends)


def _stores(pair: Pair) -> Trial:
    about = pair.sound and pair.by != 0
    more = pair.count("before", "maple_store") >= pair.count("v4", "maple_store")
    return Trial(more or not about, f"stores to the tree in the last call: {_told_of(pair, 'maple_store')}", about)


class WhatIsSaved(FindWrongClaim):
    """Five claims on what the patch costs and saves; one is shown false by a script."""

    id = "13.e2"
    name = "my_claim"
    title = "Which claim on cost is wrong?"
    goal = "Test claims on cost with a script each, and show which one is false."
    points, minutes, difficulty, misconception = 4, 10, 2, "M30"
    hints = (
        "Four of the five are rows of the tables in sections 8, 9 and 12 of notebook 13; which one says `each`?",
        "A claim on shrinks: before the patch a shrink splits a VMA. Always? Where can a new break lie?",
        "Let the heap be two VMAs: grow, touch, fork and go on in the child, grow. Then cut exactly at the border.",
    )
    form = '{"claim": "A", "evidence": [("brk", 4), ("brk", 6)]}'
    wrong = "shrink"
    claims: ClassVar[Mapping[str, Statement]] = {
        "growth": Statement(
            "A growth makes as many VMA objects in the patch as in the code before it.",
            _growth,
            "a growth that is accepted",
        ),
        "shrink": Statement(
            "Each shrink that leaves some heap makes one VMA object fewer in the patch than in the code before it.",
            _shrink,
            "a shrink that leaves some heap",
        ),
        "look": Statement(
            "A growth looks at one neighbour in the code before the patch, and at none in the patch.",
            _look,
            "a growth that is accepted",
        ),
        "reserve": Statement(
            "A growth that extends the heap lays tree nodes aside in 6.1, and did not in the code before the patch.",
            _reserve,
            "a growth that extends the heap",
        ),
        "stores": Statement(
            "No call of brk() that moves the break writes to the tree more often in the patch than before it.",
            _stores,
            "a call that moves the break",
        ),
    }

    def read(self, evidence: Plain) -> Pair:
        """A script of brk, touch and fork; its last call is what the claims speak of."""
        try:
            script = read(evidence, ("brk", "touch", "fork"), 8)
        except NotAScript as error:
            raise NotEvidence(str(error)) from None
        if script[-1][0] != "brk":
            raise NotEvidence("the last call is what is measured, expected a brk there")
        return Pair({name: run(script, name) for name in _ASKED})

    def samples(self) -> Iterator[Plain]:
        """See FindWrongClaim."""
        yield [["brk", 2], ["touch", 0], ["fork", "child"], ["brk", 4], ["brk", 2]]
        yield [["brk", 4]]
        yield [["brk", 4], ["brk", 6]]
        yield [["brk", 4], ["brk", 2]]
        yield [["brk", 4], ["touch", 0], ["fork", "child"], ["brk", 6]]


class CostOfTheFirst(Comment):
    """A comment on what the first growth of a heap costs where bss ends at the heap's start."""

    id = "13.e3"
    name = "my_comment"
    title = "A comment on a cost"
    goal = "Write a review comment on a cost, with the run that shows it."
    points, minutes, difficulty, misconception = 5, 12, 3, "M32"
    hints = (
        "Case 2 of notebook 13, section 10: which VMA is below the very first growth, in the world `bss`?",
        "One call is enough; the numbers of VMAs after it in `before` and in v4 are what you expect and what you get.",
        "The line that looks for the VMA below, in brk(), is given start_brk as the lowest address; quote that line.",
    )

    def subject(self, learner: str = "") -> Plain:
        """See Comment: the id of the known finding."""
        return "bss-not-extended"

    def off(self, verdict: Judged, subject: Plain) -> str:
        """See Comment; what is wrong is no cost."""
        if verdict.answer or verdict.pages or verdict.broken:
            return "proved, but pages, answer or invariants differ: that is a wrong result, and no mere cost"
        if subject not in verdict.causes:
            return "proved, and a cost, but not that of the first growth of a heap"
        return ""


SET = (TwoBills(), WhatIsSaved(), CostOfTheFirst())
