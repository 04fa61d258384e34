"""A script in one generation, call by call, for as long as its tree and list are whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from mmsim.explore.alphabet import FAULTY, Op
from mmsim.explore.pair import Answer
from mmsim.explore.play import LATER
from mmsim.explore.price import bill, price
from mmsim.explore.words import call, shown
from mmsim.explore.world import WORLDS
from mmsim.mm.transition import snapshot
from mmsim.mm.units import page_align
from mmsim.trace.recording import RecordingError
from mmsim.trace.syscall_trace import Session

__all__ = ["Step", "play", "problem", "told"]

_DAMAGE = frozenset(("I0", "I1", "I2", "I3"))
"""With one of these broken the next call may run in circles."""


class Step(NamedTuple):
    """What a call came to: its kind, answer, the VMAs after it, what is broken by id, its price, what a program sees.

    The kind is the name of a call under test, of brk() with the way it goes, or "a later call", as in a search.
    """

    kind: str
    ret: Answer
    vmas: int
    broken: dict[str, str]
    price: dict[str, int]
    seen: tuple[Any, ...]


def play(world: str, script: Sequence[Op], generation: str) -> list[Step]:
    """Every call, checked; fewer than the script has if a crash or damage left nothing to go on with.

    >>> from mmsim.explore.world import START
    >>> [told(step) for step in play("file", [("brk", START + 8192), ("brk", START + 4096)], "v4")]
    ['heap+2; 3 VMAs', 'heap+1; 3 VMAs; I6 I8 I19']
    """
    session = Session(WORLDS[world], generation)
    steps: list[Step] = []
    for op, arg in script:
        before, kind = bill(session), _kind(session, op, arg)
        try:
            ret, found = session.judged(op, arg)
        except RecordingError:
            raise
        except Exception as error:
            steps.append(Step(kind, f"crash: {type(error).__name__}", 0, {}, {}, ()))
            break
        broken: dict[str, str] = {}
        for each in found:
            broken.setdefault(each.id, each.what)
        seen = snapshot(session.process.mm)
        vmas = sum(1 for _ in session.process.mm.vmas())
        steps.append(Step(kind, ret, vmas, broken, price(session, before), (seen.parts, seen.present)))
        if _DAMAGE & broken.keys():
            break
    return steps


def _kind(session: Session, op: str, arg: Any) -> str:
    if op != "brk" or type(arg) is not int:
        return op if op in FAULTY else LATER
    new_top, old_top = page_align(arg), page_align(session.process.mm.brk)
    return "brk shrinks" if new_top < old_top else "brk grows" if new_top > old_top else "brk stays"


def told(step: Step) -> str:
    """A step as `mmsim.explore.known.outcome` says it."""
    if isinstance(step.ret, str):
        return step.ret
    return "; ".join(filter(None, (shown(step.ret), f"{step.vmas} VMAs", " ".join(step.broken))))


def problem(world: str, script: Sequence[Op]) -> tuple[int, str] | None:
    """The number of the first call that makes no sense, and why; None if all do."""
    session = Session(WORLDS[world], "before")
    for number, (op, arg) in enumerate(script, 1):
        try:
            session.do(op, arg)
        except RecordingError as error:
            more = ', or an address as in "heap+2"' if "expected an integer" in str(error) else ""
            return number, f"{error}{more}"
        except Exception as error:
            return number, f"{call((op, arg))} cannot be done ({type(error).__name__}), expected a call that can"
    return None
