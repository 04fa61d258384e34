"""What is behind a proved claim: the known repairs of v4 that take away what it says.

Two claims with one cause could be one comment. A repair can take more away than its own; so it counts for what its
finding breaks by itself, and where it is not about broken invariants, for a difference of the same kind.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mmsim.explore.known import Known, known, mended
from mmsim.explore.play import LATER
from mmsim.explore.world import ordinary

from .claim import Claim
from .play import Step, play, told

__all__ = ["causes"]


def causes(claim: Claim, decided: int, before: Sequence[Step], v4: Sequence[Step]) -> list[str]:
    """The ids of the known findings behind a proved claim; [] if it is none of them. Some hundredths of a second.

    `decided` is the number of the call that shows it, `before` and `v4` are the steps of its script.
    """
    got, step, right = claim.got, v4[decided - 1], before[decided - 1]
    able = [each for each in known() if _able(each, claim, step)]
    if got is not None and got.price is not None:
        return [each.id for each in able if each.measure == got.price[0]]
    able = [each for each in able if not each.measure]
    tried = [each.id for each in able if "v4" in each.repair and _gone(each, claim, v4[:decided], right)]
    return tried or [each.id for each in able if "v4" not in each.repair and _alike(each, step, right)]


def _able(each: Known, claim: Claim, step: Step) -> bool:
    """Whether a finding is one of v4, of the same kind of call, and of no odder a kernel."""
    kinds = {kind for kind, _ in each.covers}
    called = step.kind in kinds or ("brk" in kinds and step.kind.startswith("brk "))
    placed = ordinary(each.world) or not ordinary(claim.world)
    return "v4" in each.generations and called and placed


def _gone(each: Known, claim: Claim, v4: Sequence[Step], right: Step) -> bool:
    """Whether the repair takes away what the claim says and the finding is about, in the call that shows it."""
    got, step = claim.got, v4[-1]
    if got is None:
        return False
    named = set(got.broken or ()) & set(each.invariants)
    parts = not got.broken or _parts(got.answer, got.vmas, step, right)
    if not named and not (parts and _alike(each, step, right)):
        return False
    with mended(each, generation="v4") as name:
        steps = play(claim.world, claim.script[: len(v4)], name)
    if len(steps) < len(v4):
        return False
    if named:
        return bool(named - steps[-1].broken.keys())
    return (steps[-1].ret, steps[-1].vmas) == (right.ret, right.vmas) and (step.kind == LATER or _same_way(steps, v4))


def _parts(answer: int | str | None, vmas: int | None, step: Step, right: Step) -> bool:
    """Whether answer or number of VMAs are stated, and are not those of the reference."""
    return (answer is not None and step.ret != right.ret) or (vmas is not None and step.vmas != right.vmas)


def _same_way(steps: Sequence[Step], v4: Sequence[Step]) -> bool:
    """Whether all was the same before the last call: what a repair changes earlier may come out right by chance."""
    return [told(each) for each in steps[:-1]] == [told(each) for each in v4[:-1]]


def _alike(each: Known, step: Step, right: Step) -> bool:
    """Whether the script of a finding parts in the same things: the answer, the number of VMAs, what it breaks."""
    return _parted(each) == (step.ret != right.ret, step.vmas != right.vmas) and set(each.invariants) <= {*step.broken}


def _parted(each: Known) -> tuple[bool, ...]:
    ours, theirs = (each.outcome[name].split("; ")[:2] for name in (each.new, each.old))
    return tuple(_differ(ours, theirs))


def _differ(ours: list[str], theirs: list[str]) -> Iterator[bool]:
    return (one != two for one, two in zip(ours, theirs, strict=True))
