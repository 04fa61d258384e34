"""Judging a claim: its script in all four generations, and what that proves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from mmsim.brk import GENERATIONS
from mmsim.explore.alphabet import reach
from mmsim.explore.ask import can_be_asked, moved
from mmsim.explore.cause import lines_of
from mmsim.explore.words import call, script_text
from mmsim.explore.world import WORLDS, ordinary
from mmsim.kernel import NoKernel
from mmsim.mm.check import INVARIANTS
from mmsim.trace.reality import check_reality

from .causes import causes
from .claim import Claim
from .errors import named
from .hunk import ran
from .play import Step, play, told
from .script import read_script
from .statement import Statement, holds

__all__ = ["NOT_SHOWN", "PROVED", "REFUTED", "Verdict", "ask_kernel", "judge", "kernel_line", "outcomes"]

PROVED, NOT_SHOWN, REFUTED = "proved", "not shown", "refuted"
REFERENCE, SUBJECT = "before", "v4"


class Verdict(NamedTuple):
    """What became of a claim. All but `claim` is plain data, and so is `data()`.

    `outcomes` are the last call's by generation. `decided` is the number of the call that shows it, 0 if none does,
    and `line_ran` whether the lines of the hunk ran in it. `later` says whom merged and today are like. `pages`:
    whether v4 and the reference map other pages, or in another way. `causes` are ids of known findings.
    """

    claim: Claim
    mark: str
    because: str
    outcomes: dict[str, str]
    decided: int
    line_ran: bool
    reach: str
    later: dict[str, str]
    broken: dict[str, str]
    answer: bool
    pages: bool
    causes: list[str]
    kernel: dict[str, Any] | None = None

    @property
    def lines(self) -> list[str]:
        """The evidence, line by line."""
        return list(_lines(self))

    def data(self) -> dict[str, Any]:
        """The verdict as JSON can hold it, without the claim but for its number and sentence."""
        rest = {name: value for name, value in self._asdict().items() if name != "claim"}
        return {"number": self.claim.number, "claim": self.claim.claim, **rest, "lines": self.lines}

    def __repr__(self) -> str:
        return "\n".join([f"claim {self.claim.number}: {self.mark}", *(f"  {line}" for line in self.lines)])


def judge(claim: Claim, kernel: bool = False) -> Verdict:
    """Run a claim's script in every generation and compare with what it says; `kernel` asks the running one, too."""
    if not claim.script or claim.expected is None or claim.got is None:
        return Verdict(claim, NOT_SHOWN, "no script, so nothing was run", {}, 0, False, "", {}, {}, False, False, [])
    runs = {name: play(claim.world, claim.script, name) for name in GENERATIONS}
    right, subject = runs[REFERENCE], runs[SUBJECT]
    mark, because = _mark(claim, claim.expected, claim.got, right, subject)
    decided = _decided(claim.got, subject) if mark == PROVED else len(subject)
    last, before = subject[-1], right[min(len(subject), len(right)) - 1]
    lines = lines_of(claim.world, list(claim.script[:decided]), REFERENCE, SUBJECT)
    return Verdict(
        claim,
        mark,
        because,
        {name: _outcome(steps, len(claim.script)) for name, steps in runs.items()},
        decided,
        ran(claim.hunk, lines),
        reach(list(claim.script), ordinary(claim.world)),
        {name: _like(runs[name], right, subject) for name in GENERATIONS if name not in (REFERENCE, SUBJECT)},
        {id: what for id, what in last.broken.items() if id not in before.broken},
        last.ret != before.ret,
        last.seen[:1] != before.seen[:1],
        causes(claim, decided, right, subject) if mark == PROVED else [],
        ask_kernel(claim) if kernel else None,
    )


def outcomes(script: str, world: str = "file") -> dict[str, str]:
    """What the last call of a script comes to in every generation: to try one before it is in a claim.

    >>> outcomes("brk(heap+2); brk(heap+1)")["v4"]
    'heap+1; 3 VMAs; I6 I8 I19'
    """
    named("world", world, WORLDS)
    ops = read_script(script, world, "script")
    return {name: _outcome(play(world, ops, name), len(ops)) for name in GENERATIONS}


def ask_kernel(claim: Claim) -> dict[str, Any]:
    """Who answers (`source`), and which generations end where it does (`like`); or why nobody was `asked`.

    Where no kernel can be asked, a shipped recording of the same calls answers, and `note` says why.
    """
    if not claim.script or not can_be_asked(claim.world, list(claim.script)):
        why = f"no live process starts as {claim.world!r} and does all of these calls" if claim.script else "no script"
        return {"asked": False, "why": why}
    like, source, note = [], "", ""
    try:
        for name in GENERATIONS:
            reality = check_reality(moved(claim.world, list(claim.script)), name, claim.world)
            source, note = reality.source, reality.note
            if not reality.steps[-1].differs:
                like.append(name)
    except NoKernel as reason:
        return {"asked": False, "why": str(reason)}
    return {"asked": True, "source": source, "like": like, "note": note}


def _mark(
    claim: Claim, expected: Statement, got: Statement, right: Sequence[Step], subject: Sequence[Step]
) -> tuple[str, str]:
    """The mark and its reason; the last call decides, of v4 the last that it came to."""
    count = len(subject)
    last, before = subject[-1], right[count - 1]
    if count < len(claim.script) and not _states_only_damage(got):
        end = f"{call(claim.script[count - 1])} leaves v4 {_damaged(last)}, so the calls after it were not run"
        return NOT_SHOWN, f"{end}: let the script end there"
    if holds(expected, last, before, right=True):
        return REFUTED, f"v4 does what is expected ({told(last)})"
    if not holds(expected, before, before, right=True):
        both = "both do the same" if told(last) == told(before) else "so that is not what right code did"
        return NOT_SHOWN, f"the code before the patch comes to {told(before)}, not to {expected.text}: {both}"
    if not holds(got, last, before, right=False):
        return NOT_SHOWN, f"v4 is not as expected, but it comes to {_found(got, last)}, not to {got.text}"
    return PROVED, f"v4 comes to {_found(got, last)}; the code before the patch to {_found(got, before)}, as expected"


def _states_only_damage(got: Statement) -> bool:
    return got.answer in (None, "crash") and got.vmas is None and got.price is None


def _damaged(step: Step) -> str:
    return f"with {' '.join(step.broken)} broken" if step.broken else "crashed"


def _found(got: Statement, step: Step) -> str:
    """An outcome, with the price that is spoken of."""
    return told(step) + (f"; {step.price.get(got.price[0])} {got.price[0]}" if got.price else "")


def _decided(got: Statement, subject: Sequence[Step]) -> int:
    """The number of the first call after which all is broken that is said to be; else of the last one."""
    if not got.broken:
        return len(subject)
    return next(at for at, step in enumerate(subject, 1) if set(got.broken) <= step.broken.keys())


def _outcome(steps: Sequence[Step], count: int) -> str:
    return told(steps[-1]) + ("" if len(steps) == count else f" after call {len(steps)}, where it ends")


def _like(steps: Sequence[Step], right: Sequence[Step], subject: Sequence[Step]) -> str:
    last = told(steps[-1])
    if last == told(right[-1]):
        return "as before"
    return "as v4" if last == told(subject[-1]) else "otherwise"


def _lines(verdict: Verdict) -> list[str]:
    claim = verdict.claim
    if claim.expected is None or claim.got is None:
        return [f"{verdict.mark}: {verdict.because}"]
    price = claim.got.price
    lines = [f"script ({claim.world}): {script_text(list(claim.script))}"]
    lines += [f"{name:<8} {outcome}" for name, outcome in verdict.outcomes.items()]
    lines += [f"expected {claim.expected.text}", f"got      {claim.got.text}"]
    stated = claim.got.broken or ()
    lines += [f"{id}: {INVARIANTS[id][0]}; {what}" for id, what in verdict.broken.items() if id in stated]
    lines += [f"{verdict.mark}: {verdict.because}"] if verdict.mark != PROVED or price else [verdict.mark]
    where = f"call {verdict.decided}, {call(claim.script[verdict.decided - 1])}"
    runs = "runs" if verdict.line_ran else "does not run"
    place = f"the quoted line of {claim.hunk.function}()" if claim.hunk.line else f"{claim.hunk.function}()"
    lines.append(f"{where}, {runs} {place}")
    lines.append(f"takes {verdict.reach}; " + ", ".join(f"{name} {what}" for name, what in verdict.later.items()))
    if verdict.kernel is not None:
        lines.append(kernel_line(verdict.kernel))
    return lines


def kernel_line(kernel: dict[str, Any]) -> str:
    """What `ask_kernel` found, on one line."""
    if not kernel["asked"]:
        return f"kernel not asked: {kernel['why']}"
    note = f" ({kernel['note']})" if kernel["note"] else ""
    return f"{kernel['source']}: as {', '.join(kernel['like']) or 'none of the generations'}{note}"
