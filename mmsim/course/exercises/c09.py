"""Exercises of chapter 09, what a kernel shows, and what a difference means."""

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from mmsim.explore.world import START, WORLDS
from mmsim.mm.calls import PROT
from mmsim.mm.units import PAGE, page_align
from mmsim.trace.lockstep import Op, Step
from mmsim.trace.reality import call_text
from mmsim.trace.syscall_trace import Session

from . import vmas
from .claims import FindWrongClaim, NotEvidence, Statement, Trial
from .model import Case, Function, Plain, Predict, Verdict, wrong_shape
from .plain import told
from .scripts import HIGH, Mapped, NotAScript, Run, read, run
from .vmas import VmaText

_KB = PAGE // 1024
_LINE = re.compile(r"0*([0-9a-f]{1,16})-0*([0-9a-f]{1,16}) ([r-][w-][x-]p)(?: .*)?")


class WhatProcShows(Predict):
    """Lines of maps, VmSize and resident memory after some calls, by the rules of 6.18 (generation `today`)."""

    id = "09.e1"
    name = "my_view"
    title = "What does /proc show?"
    goal = "Predict lines of `maps` and two sums after a few calls on a running kernel."
    points, minutes, difficulty, misconception = 5, 8, 2, "M6"
    hints = (
        "Sections 3 to 6 of notebook 09: what became of the bss, and what is compared after each call?",
        "VmSize is about what is mapped, written to or not. Resident is what was written to and is still mapped.",
        "Lines: the bss, what is left below a hole and above it, and one more wherever rights differ. A page has 4 kB, "
        "and heap page n begins at 0x10014000 + n * 0x1000.",
    )
    shown = 2
    keys: ClassVar[tuple[str, ...]] = ("first", "resident", "last", "lines", "VmSize")

    def instance(self, learner: str) -> list[Op]:
        """The ops of a syscall-trace: the heap grows, is written to, gets a hole and other rights, and grows again."""
        chance = self._chance("instance", learner)
        size, shield = chance.randrange(9, 14), chance.randrange(1, 3)
        hole, wide = chance.randrange(1, 4), chance.randrange(1, 3)
        holes = [(hole, wide), *([(hole + wide + 2, 1)] if chance.random() < 0.5 else [])]
        gone = [page for first, pages in holes for page in range(first, first + pages)]
        kept = [page for page in range(size - shield) if page not in gone]
        written = [chance.choice(gone), *chance.sample(kept, chance.randrange(1, 4))]
        written += chance.sample(written, chance.randrange(2))
        chance.shuffle(written)
        middle: list[Op] = [("munmap", [START + first * PAGE, pages * PAGE]) for first, pages in holes]
        upper = [START + (size - shield) * PAGE, shield * PAGE]
        middle.insert(chance.randrange(len(middle) + 1), ("mprotect", [*upper, PROT.READ]))
        if chance.random() < 0.4:
            middle.append(("mprotect", [*upper, PROT.READ | PROT.WRITE]))
        high = size + chance.randrange(2, 6)
        last: list[Op] = [("brk", START + high * PAGE - chance.randrange(1, 3000))]
        last += [("touch", START + (high - 1) * PAGE)] if chance.random() < 0.5 else []
        return [("brk", START + size * PAGE), *(("touch", START + page * PAGE) for page in written), *middle, *last]

    def task(self, learner: str = "") -> str:
        """See Exercise."""
        lines = "\n".join(f"{n}. {_said(op)}" for n, op in enumerate(self.instance(learner), 1))
        before = "\n".join(
            f"{_line(*row[:3])}   {'' if row[3] else 'the program'}".rstrip() for row in _session().maps()
        )
        return (
            f"`/proc/PID/maps` around the heap before the first call, in a process of Linux 6.18; the last line is the "
            f"bss, and the heap begins where it ends, at {START:x}:\n\n{before}\n\nThe calls:\n\n{lines}"
        )

    def answers(self, learner: str = "") -> dict[str, Plain]:
        """See Predict: from a session of generation `today`, which is what is compared with a kernel in notebook 09."""
        session = _session()
        size = session.sizes()["VmSize"]
        for op, arg in self.instance(learner):
            session.do(op, arg)
        rows = [row for row in session.maps() if row[3]]
        heap = [row for row in rows if row[1] > START]
        found = {
            "first": _line(*heap[0][:3]),
            "resident": sum(row[5] for row in heap),
            "last": _line(*heap[-1][:3]),
            "lines": len(rows),
            "VmSize": session.sizes()["VmSize"] - size,
        }
        return {key: found[key] for key in self.keys}

    def judge(self, case: Case, answer: Plain) -> Verdict:
        """See Predict; of a line only addresses and rights count."""
        key, expected = case.part
        if type(answer) is dict and type(answer.get(key)) is str and type(expected) is str:
            match = _LINE.fullmatch(answer[key][:200].strip())
            if match is None:
                return wrong_shape(f"{key}: expected a line like '10014000-1001a000 rw-p'", answer[key])
            answer = {key: _line(int(match[1], 16), int(match[2], 16), match[3])}
        return super().judge(case, answer)

    def explain(self, key: str, expected: Plain, got: Plain) -> Verdict:
        """See Predict."""
        return Verdict(0, f"{key}: {self._idea(key, expected, got)}", got=told(got))

    def _idea(self, key: str, expected: Plain, got: Plain) -> str:
        if key == "resident":
            if got % _KB:
                return "whole pages are resident, of 4 kB each"
            return "pages that were written to and are still mapped count, each once, whoever promised the others"
        if key == "lines":
            return "the bss, and of the heap a line for each run of pages that touch and have the same rights"
        if key == "VmSize":
            return "what all calls mapped, less what they unmapped; writes and rights do not matter"
        start, end, rights = _ends(expected)
        mine = _ends(got)
        if mine[0] < START:
            return "the bss ends at start_brk and stays a line of its own: since 6.1 `brk()` does not look below"
        if mine == (start, end - 1, rights) or mine == (start, end - PAGE, rights):
            return "the upper address is the first one behind the mapping"
        if mine[2] != rights:
            return "the rights are not those of that line: which call came last to these pages?"
        if mine[0] != start:
            return "the line does not begin there: where does the run of alike pages begin?"
        return "the line does not end there: a hole, other rights or the break, rounded up, end it"


def _session() -> Session:
    return Session(WORLDS["bss"], "today")


def _said(op: Op) -> str:
    return call_text(START, Step(*op, {}, {}))


def _line(start: int, end: int, rights: str) -> str:
    """A line of maps as far as it is asked for.

    >>> _line(0x10014000, 0x10018000, "rw-p")
    '10014000-10018000 rw-p'
    """
    return f"{start:x}-{end:x} {rights}"


def _ends(line: str) -> tuple[int, int, str]:
    match = _LINE.fullmatch(line)
    assert match is not None, "only lines that were read before come here"
    return int(match[1], 16), int(match[2], 16), match[3]


@dataclass(frozen=True)
class Shot:
    """What /proc shows after a call, and the call: VmSize and the break in pages, the lines near the heap."""

    call: tuple[Plain, ...]
    told: str
    refused: bool
    maps: tuple[Mapped, ...]
    size: int
    brk: int

    def accepted_brk(self) -> bool:
        """True for a `brk()` that was accepted."""
        return self.call[0] == "brk" and not self.refused


def _shots(found: Run) -> tuple[Shot, ...]:
    """The state before a script, and after each of its calls.

    A read far above everything shows the first one: it gets a signal and changes nothing.
    """
    shots, brk = [], 0
    for step in (*run([("peek", HIGH)], found.generation, "bss").steps, *found.steps):
        brk = (page_align(step.answer) - START) // PAGE if step.call[0] == "brk" and step.answer >= 0 else brk
        shots.append(Shot(tuple(step.call), step.text, step.refused, step.maps, step.counters["total_vm"], brk))
    return tuple(shots)


def _each(shots: Sequence[Shot], speaks: Callable[[Shot, Shot], bool], holds: Callable[[Shot, Shot], bool]) -> Trial:
    """A claim about single calls, tried on each of a script; both functions get what is shown before and after it."""
    seen = []
    for number, (one, two) in enumerate(pairwise(shots), 1):
        if not speaks(one, two):
            continue
        call = f"{two.call[0]}({', '.join(map(repr, two.call[1:]))})"
        change = f"the break {two.brk - one.brk:+d} pages, VmSize {two.size - one.size:+d} pages"
        seen.append(f"call {number}, {call}: {two.told}, {change}, lines {len(one.maps)} -> {len(two.maps)}")
        if not holds(one, two):
            return Trial(False, "\n".join([*seen, "there the claim is false"]))
    if not seen:
        return Trial(True, "no call of the script is one that the claim is about", about=False)
    return Trial(True, "\n".join(["the calls that the claim is about:", *seen]))


class WhatAKernelShows(FindWrongClaim):
    """Five claims about what a kernel of 6.18 shows after calls, tried in generation `today`; one is wrong."""

    id = "09.e2"
    name = "my_claim"
    title = "Five claims about what a kernel shows"
    goal = "Find the claim that a script of your own makes false."
    points, minutes, difficulty, misconception = 4, 8, 2, "M57"
    hints = (
        "Section 6 of notebook 09 says what is compared: which of these is kept beside the mappings?",
        "Three of the claims are about calls that do or show nothing. Which one would need a heap without holes?",
        'Make a heap, cut a hole into it with ("munmap", page, pages), and move the break down over the hole.',
    )
    form = '{"claim": "A", "evidence": [("brk", 8), ("touch", 0)]}'
    wrong = "size follows"
    calls = ("brk", "touch", "mmap", "munmap", "mprotect", "fork")
    most = 8

    def read(self, evidence: Plain) -> tuple["Shot", ...]:
        """See FindWrongClaim: a script, run in the process of notebook 09, with what is shown before and after it."""
        try:
            script = read(evidence, self.calls, self.most)
        except NotAScript as error:
            raise NotEvidence(str(error)) from None
        return _shots(run(script, "today", "bss"))

    def samples(self) -> Iterator[Plain]:
        """See FindWrongClaim."""
        yield [["brk", 8], ["munmap", 2, 2], ["brk", 1]]
        yield [["brk", 8], ["touch", 3], ["touch", 20], ["brk", 12]]
        yield [["brk", 4], ["mmap", 8, 2, "rw-"], ["brk", 8], ["brk", 7], ["mprotect", 2, 2, "r--"], ["brk", 0]]
        yield [["brk", 8], ["touch", 0], ["fork", "child"], ["brk", 12], ["brk", 2]]
        yield [["brk", 8], ["mmap", 8, 2, "rw-"], ["brk", 12], ["munmap", 0, 8], ["brk", 3]]

    claims: ClassVar[Mapping[str, Statement]] = {
        "size follows": Statement(
            "An accepted `brk()` that moves the break by n pages changes VmSize by n pages.",
            lambda shots: _each(
                shots, lambda one, two: two.accepted_brk(), lambda one, two: two.size - one.size == two.brk - one.brk
            ),
            "an accepted brk()",
        ),
        "write": Statement(
            "A `touch`, which writes to a page, changes no line of `maps`, whether it succeeds or gets a signal.",
            lambda shots: _each(shots, lambda one, two: two.call[0] == "touch", lambda one, two: one.maps == two.maps),
            "a touch",
        ),
        "refused": Statement(
            "A `brk()` that is refused leaves the lines of `maps` and VmSize as they were.",
            lambda shots: _each(
                shots,
                lambda one, two: two.call[0] == "brk" and two.refused,
                lambda one, two: (one.maps, one.size) == (two.maps, two.size),
            ),
            "a refused brk()",
        ),
        "one more": Statement(
            "An accepted growth of the heap adds one line to `maps`, or none; it never removes one.",
            lambda shots: _each(
                shots,
                lambda one, two: two.accepted_brk() and two.brk > one.brk,
                lambda one, two: len(two.maps) - len(one.maps) in (0, 1),
            ),
            "an accepted growth",
        ),
        "fork": Statement(
            "Right after a `fork` the child has the lines of `maps` that its parent has.",
            lambda shots: _each(shots, lambda one, two: two.call[0] == "fork", lambda one, two: one.maps == two.maps),
            "a fork",
        ),
    }


class KindOfDifference(Function):
    """Two answers to one call compared; what is expected follows `Reality.agrees`, as the tests prove."""

    id = "09.e3"
    name = "difference"
    title = "What kind of difference?"
    goal = "Tell a difference that a program meets from one that only `maps` shows."
    points, minutes, difficulty, misconception = 5, 10, 2, "M18"
    hints = (
        "Section 8 of notebook 09 has a difference by which no program notices anything. What is the same there?",
        "Join lines that touch and have the same rights, on both sides, and compare what is left.",
        "joined: if found and found[-1][1] == start and found[-1][2] == rights, then found[-1][1] = end; else append.",
    )

    def examples(self) -> Iterator[list[Plain]]:
        """See Function."""
        bss, heap = [-3, 0, "rw-p"], [0, 8, "rw-p"]
        two, one = [bss, heap], [[-3, 8, "rw-p"]]
        yield [_side(8, two), _side(8, two)]
        yield [_side(8, one), _side(8, two)]
        yield [_side(8, two), _side(4, [bss, [0, 4, "rw-p"]])]
        yield [_side(8, [[0, 4, "rw-p"], [4, 8, "r--p"]]), _side(8, [[0, 3, "rw-p"], [3, 8, "r--p"]])]
        yield [_side(4, [[0, 4, "rw-p"]]), _side(4, [[0, 4, "rw-p"], [8, 12, "rw-p"]])]

    def hidden(self, chance: random.Random) -> Iterator[tuple[str, list[Plain]]]:
        """See Function: no group has cases of one kind only."""
        groups = {
            "cut in another way": (_as_it_is, _cut, _cut, _move_cut),
            "other pages": (_cut, _lose, _longer, _as_it_is),
            "other rights": (_cut, _protect, _protect, _move_border),
        }
        for group, changes in groups.items():
            for n in range(12):
                maps = _some_maps(chance)
                other = changes[n % 4](chance, maps)
                pair = [_side(9, maps), _side(9, other)]
                yield group, pair if chance.random() < 0.5 else pair[::-1]
        for n in range(8):
            maps = _some_maps(chance)
            other = (_as_it_is, _cut, _lose, _protect)[n % 4](chance, maps)
            answer = chance.randrange(1, 40)
            yield "the answer", [_side(answer, maps), _side(answer + (n % 3 and chance.choice((-1, 4))), other)]

    def expected(self, *args: Plain) -> Plain:
        """See Function."""
        model, kernel = args
        if model["answer"] != kernel["answer"]:
            return "answer"
        if model["maps"] == kernel["maps"]:
            return "same"
        return "borders" if _joined(model["maps"]) == _joined(kernel["maps"]) else "pages"

    def said(self, case: Case) -> str:
        """See Exercise."""
        return "difference(model, kernel), " + ", ".join(
            f"{name}: answer {side['answer']}, {vmas.text(map(tuple, side['maps']))}"
            for name, side in zip(("model", "kernel"), case.args, strict=True)
        )

    def judge(self, case: Case, answer: Plain) -> Verdict:
        """See Function; the idea that was missed depends on what was mixed up."""
        found = super().judge(case, answer)
        if found.right or type(answer) is not str:
            return found
        expected = self.expected(*case.args)
        if answer not in _MIXED:
            return Verdict(0, f"expected one of {', '.join(_MIXED)}", expected, told(answer, 40), shape=True)
        return Verdict(0, _mixed(expected, answer), expected, answer, self._shown(case, expected, answer))

    def _shown(self, case: Case, expected: str, got: str) -> str:
        lines = [f'expected: "{expected}"', f'got:      "{got}"']
        for name, side in zip(("model: ", "kernel:"), case.args, strict=True):
            lines.append(f"{name}   answer {side['answer']}; joined, the lines are {vmas.text(_joined(side['maps']))}")
        return "\n".join(lines)

    def picture(self, case: Case, answer: Plain) -> str:
        """See Exercise: model above kernel, as it is these two that differ."""
        if type(answer) is not str or answer not in _MIXED:
            return ""
        strips = {
            name: [(start, end, rights[:3]) for start, end, rights in side["maps"]]
            for name, side in zip(("model", "kernel"), case.args, strict=True)
        }
        return vmas.pictured(strips, "The two sides, in pages above the start of the heap")


_MIXED = {
    "same": "something differs: compare line by line, both ends and the rights",
    "answer": "the answers of the call are equal",
    "borders": "joined where lines touch and have the same rights, the two sides are still not equal",
    "pages": "each page is mapped on both sides with the same rights: only the cuts between lines differ",
}
"""An answer that is wrong, and what it overlooks."""


def _mixed(expected: str, answer: str) -> str:
    if expected == "answer":
        return "the answers of the call differ, which comes before all else: a program meets it at once"
    if expected == "same":
        return "both sides are equal in all"
    return _MIXED[answer]


def _side(answer: int, maps: Sequence[Sequence[Plain]]) -> dict[str, Plain]:
    """One side of a comparison: the answer in pages above the start of the heap, and the lines."""
    return {"answer": answer, "maps": [list(row) for row in maps]}


def _joined(maps: Sequence[Sequence[Plain]]) -> list[VmaText]:
    """The lines with those joined that touch and have the same rights.

    >>> _joined([[0, 4, "rw-p"], [4, 8, "rw-p"], [8, 9, "r--p"]])
    [(0, 8, 'rw-p'), (8, 9, 'r--p')]
    """
    found: list[VmaText] = []
    for start, end, rights in maps:
        if found and found[-1][1:] == (start, rights):
            start = found.pop()[0]
        found.append((start, end, rights))
    return found


def _some_maps(chance: random.Random) -> list[list[Plain]]:
    """Lines with holes, equal neighbours and other neighbours; some are long enough to be cut."""
    at, found = -chance.randrange(3, 9), []
    for n in range(chance.randrange(3, 7)):
        at += chance.choice((0, 0, chance.randrange(1, 9)))
        end = at + chance.randrange(4, 12)
        rights = "rw-p" if n == 0 else chance.choice(("rw-p", "r--p", found[-1][2]))
        found.append([at, end, rights])
        at = end
    found.append([at, at + chance.randrange(4, 9), found[-1][2]])  # two alike, for a cut to be moved
    after = chance.choice([rights for rights in ("rw-p", "r--p", "r-xp") if rights != found[-1][2]])
    return [*found, [found[-1][1], found[-1][1] + 5, after]]  # two that differ, for a border to be moved


def _as_it_is(chance: random.Random, maps: list[list[Plain]]) -> list[list[Plain]]:
    return [list(row) for row in maps]


def _cut(chance: random.Random, maps: list[list[Plain]]) -> list[list[Plain]]:
    """A line becomes two."""
    at = chance.randrange(len(maps))
    start, end, rights = maps[at]
    page = chance.randrange(start + 1, end)
    return [*maps[:at], [start, page, rights], [page, end, rights], *maps[at + 1 :]]


def _move_cut(chance: random.Random, maps: list[list[Plain]]) -> list[list[Plain]]:
    """The cut between the two alike lines moves: as many lines, the same pages."""
    found = _as_it_is(chance, maps)
    found[-3][1] = found[-2][0] = found[-2][0] + chance.randrange(1, 4)
    return found


def _move_border(chance: random.Random, maps: list[list[Plain]]) -> list[list[Plain]]:
    """The border between the two lines that differ moves: as many lines, other rights."""
    found = _as_it_is(chance, maps)
    found[-2][1] = found[-1][0] = found[-1][0] + chance.choice((-2, -1, 1, 2))
    return found


def _lose(chance: random.Random, maps: list[list[Plain]]) -> list[list[Plain]]:
    at = chance.randrange(len(maps))
    return [*maps[:at], *maps[at + 1 :]]


def _longer(chance: random.Random, maps: list[list[Plain]]) -> list[list[Plain]]:
    found = _as_it_is(chance, maps)
    found[-1][1] += chance.choice((-1, 1, 3))
    return found


def _protect(chance: random.Random, maps: list[list[Plain]]) -> list[list[Plain]]:
    """A line, or the upper part of one, gets other rights."""
    at = chance.randrange(len(maps))
    start, end, rights = maps[at]
    other = chance.choice([each for each in ("rw-p", "r--p", "r-xp") if each != rights])
    page = chance.choice((start, chance.randrange(start + 1, end)))
    below = [[start, page, rights]] if page > start else []
    return [*maps[:at], *below, [page, end, other], *maps[at + 1 :]]


SET = (WhatProcShows(), WhatAKernelShows(), KindOfDifference())
