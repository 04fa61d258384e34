"""The same script in two generations: whether they part, where, and in what.

Two speeds. `glance()` compares after each op what is cheap (answer, break, counters) and everything only at the end:
it decides whether a script is worth a closer look. `examine()` compares everything after every op, invariants and
delivered events included, and says what is not the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from mmsim.mm import VM
from mmsim.mm.check import Broken, broken
from mmsim.mm.space import data_class, exec_class, stack_class
from mmsim.mm.transition import differences, snapshot
from mmsim.mm.units import page_align
from mmsim.trace.recording import RecordingError
from mmsim.trace.syscall_trace import Session

from .alphabet import FAULTY, Op
from .pair import Answer, attempt, heard, mms, start
from .price import Price, bill, lost, price
from .state import alike

__all__ = ["FAMILIES", "LATER", "Parting", "Symptom", "examine", "glance", "heal", "parted"]

FAMILIES = {
    "answer": "the call answers otherwise",
    "pages": "other pages are mapped, or in another way",
    "present": "other pages are present",
    "failure": "a call that failed left something changed",
    "structure": "tree, list and VMAs do not fit together",
    "accounting": "counters are not what the VMAs add up to",
    "peak": "the remembered peak is too low",
    "list": "the list's end is wrong",
    "chains": "an interval tree files a VMA under other bounds than its own",
    "events": "a monitor hears something else",
    "locks": "a lock is held, or was held where it must not be",
    "tables": "a page table went with pages in it",
    "freed": "something points to what was freed",
    "leak": "a VMA was made that is neither in use nor freed",
    "crash": "the code fails in itself: a kernel would crash",
    "cost": "the same at another price",
}
"""What can be different, in words."""
_FAMILY_OF = {
    **dict.fromkeys(("I0", "I1", "I2", "I3", "I4"), "structure"),
    **dict.fromkeys(("I5", "I6", "I7", "I8"), "accounting"),
    **dict.fromkeys(("I9", "I10"), "locks"),
    **dict.fromkeys(("I11", "I12"), "chains"),
    **dict.fromkeys(("I15", "I16", "I17"), "events"),
    **dict.fromkeys(("I20", "I21"), "failure"),
    "I13": "present",
    "I14": "list",
    "I18": "freed",
    "I19": "peak",
    "I22": "pages",
    "I24": "tables",
}


class Symptom(NamedTuple):
    """One thing that is not the same: its family, the invariant (or ""), which side has it, and what exactly."""

    family: str
    invariant: str
    side: str
    what: str


class Parting(NamedTuple):
    """Where two generations part: after which op of the script, and in what. `kind` is the op's name and way."""

    step: int
    kind: str
    symptoms: tuple[Symptom, ...]

    @property
    def families(self) -> frozenset[str]:
        """The kinds of differences, without those that only follow from another.

        What a damaged tree makes of pages and counters says nothing new, nor do the pages after another answer.
        """
        found = frozenset(each.family for each in self.symptoms)
        if "structure" in found:
            return found - _OUTCOME - _HEALED
        if "answer" in found:
            return found - {"pages", "present"}
        return found - {"present"} if "pages" in found else found

    def of(self, family: str) -> list[Symptom]:
        """The symptoms of one kind."""
        return [each for each in self.symptoms if each.family == family]


def parted(world: str, ops: list[Op], old: str, new: str) -> bool:
    """Whether a closer look would find anything; misses what is different in between and the same at the end."""
    return glance(world, ops, old, new) is None


def glance(world: str, ops: list[Op], old: str, new: str, priced: int = -1) -> tuple[Price, ...] | None:
    """What the op at `priced` costs each side, as cost() says; None if the two part, as parted() says."""
    pair = one, two = start(world, old, new)
    prices: tuple[Price, ...] = ()
    planned = False
    for step, (op, arg) in enumerate(ops):
        before = [bill(session) for session in pair] if planned or step == priced else []
        if attempt(one, op, arg) != attempt(two, op, arg) or _quick(one) != _quick(two):
            return None
        if op in FAULTY and not (_sound(one) and _sound(two)):
            return None
        if planned and lost(one, before[0]) != lost(two, before[1]):
            return None
        if step == priced:
            prices = tuple(price(*each) for each in zip(pair, before, strict=True))
        planned = op == "fail"
    if not alike(one, two) and (
        _seen(one) != _seen(two) or heard(one) != heard(two) or broken(*mms(two)) or broken(*mms(one))
    ):
        return None
    return prices


def _quick(session: Session) -> tuple[int, ...]:
    mm = session.process.mm
    return mm.brk, mm.total_vm, mm.data_vm, mm.locked_vm, mm.machine.committed, len(mm.pages)


def _sound(session: Session) -> bool:
    """Whether the tree holds every VMA as it is. If not, the next call may run in circles in it."""
    return all(first == vma.start and last + 1 == vma.end for first, last, vma in session.process.mm.tree)


def _seen(session: Session) -> tuple[Any, ...]:
    """What a program could notice: which page is mapped how, what is present, the break."""
    seen = snapshot(session.process.mm)
    return seen.parts, seen.present, seen.brk


def examine(world: str, ops: list[Op], old: str, new: str) -> Iterator[Parting]:
    """Every op after which the two are not the same, the first one last to be sure of its cause.

    After a difference in counters only, these are put right and the script goes on; anything else ends it, because
    what comes after may follow from it.
    """
    one, two = start(world, old, new)
    planned = False
    for step, (op, arg) in enumerate(ops):
        planned, failing = op == "fail", planned
        kind = _kind(one, op, arg)
        symptoms = tuple(_compare(one, two, op, arg, failing))
        if symptoms:
            yield Parting(step, kind, symptoms)
        if any(each.family not in _HEALED for each in symptoms) or not (_sound(one) and _sound(two)):
            return
        if _apart(one, two):
            return
        if symptoms:
            for session in (one, two):
                heal(session)


_HEALED = frozenset({"accounting", "peak", "list", "leak", "cost"})
_OUTCOME = frozenset({"answer", "pages", "present", "failure"})


LATER = "a later call"
"""The kind of every call but those under test: whichever it is, it only meets what one of those has left."""


def _kind(session: Session, op: str, arg: Any) -> str:
    """The name of a call under test, and which way, if it is brk(); LATER for any other."""
    if op != "brk":
        return op if op in FAULTY else LATER
    new_top, old_top = page_align(arg), page_align(session.process.mm.brk)
    return "brk shrinks" if new_top < old_top else "brk grows" if new_top > old_top else "brk stays"


def _apart(one: Session, two: Session) -> bool:
    """Whether a planned failure hit one side only: from then on they do different things by right."""
    return _seen(one) != _seen(two)


class _Done(NamedTuple):
    """What one side made of an op: answer, invariants broken, whether a planned failure was met, VMAs lost."""

    answer: Answer
    broken: list[Broken]
    struck: bool
    lost: int


def _done(session: Session, op: str, arg: Any) -> _Done:
    faults = session.process.machine.faults
    planned = [(site, nth) for site, visits in faults.planned.items() for nth in visits]
    before = bill(session)
    answer, found = _judged(session, op, arg)
    struck = any(faults.seen.get(site, 0) >= nth for site, nth in planned)
    return _Done(answer, found, struck, lost(session, before) if op in FAULTY else 0)


def _compare(one: Session, two: Session, op: str, arg: Any, failing: bool) -> Iterator[Symptom]:
    """Do one op on both sides; what is not the same, and what one side breaks and the other not."""
    old, new = _done(one, op, arg), _done(two, op, arg)
    yield from _worse("new", new, old)
    yield from _worse("old", old, new)
    if isinstance(old.answer, str) or isinstance(new.answer, str):
        return
    met_by_one = failing and not (old.struck and new.struck)
    if met_by_one and _failed(op, arg, old.answer) != _failed(op, arg, new.answer):
        return  # the failure was planned at a place that only one of them passes
    if old.answer != new.answer:
        yield Symptom("answer", "", "", f"{old.answer:#x} and {new.answer:#x}")
    yield from _unlike(one, two, counted=old.answer == new.answer and bool(old.broken and new.broken))


def _worse(side: str, mine: _Done, other: _Done) -> Iterator[Symptom]:
    """What one side does wrong and the other not."""
    known = {each.id for each in other.broken}
    for each in mine.broken:
        if each.id not in known:
            yield Symptom(_FAMILY_OF[each.id], each.id, side, each.what)
    if isinstance(mine.answer, str) and mine.answer != other.answer:
        yield Symptom("crash", "", side, mine.answer)
    if mine.lost > other.lost:
        yield Symptom("leak", "", side, f"{mine.lost} VMAs are lost")


def _unlike(one: Session, two: Session, counted: bool) -> Iterator[Symptom]:
    """What a program sees otherwise; `counted`: and counters, where both sides are wrong but not by the same."""
    found = differences(snapshot(one.process.mm), snapshot(two.process.mm))
    for each in found:
        family = "present" if "present pages" in each.what else "pages"
        yield Symptom(family, "I23", "", each.what)
    if counted and not found:
        for name, kept in one.counters().items():
            if kept != two.counters()[name]:
                yield Symptom("accounting", "", "", f"{name} is {kept} and {two.counters()[name]}")
    if heard(one) != heard(two):
        yield Symptom("events", "", "", f"monitors heard {heard(one)} and {heard(two)}")


def _judged(session: Session, op: str, arg: Any) -> tuple[Answer, list[Broken]]:
    """Do one op and check, as Session.judged(); of a crash there is nothing to check."""
    try:
        return session.judged(op, arg)
    except RecordingError:
        raise
    except Exception as error:
        return f"crash: {error!r}", []


def _failed(op: str, arg: Any, answer: Answer) -> bool:
    return answer != arg if op == "brk" else isinstance(answer, int) and answer < 0


def heal(session: Session) -> None:
    """Make the counters what the VMAs add up to, and the peak what it was."""
    committed = 0
    for mm in mms(session):
        vmas = list(mm.vmas())
        mm.total_vm = sum(vma.pages for vma in vmas)
        mm.data_vm = sum(vma.pages for vma in vmas if data_class(vma.flags) and not exec_class(vma.flags))
        mm.stack_vm = sum(vma.pages for vma in vmas if stack_class(vma.flags))
        mm.exec_vm = sum(vma.pages for vma in vmas if exec_class(vma.flags))
        mm.locked_vm = sum(vma.pages for vma in vmas if vma.flags & VM.LOCKED)
        mm.hiwater_vm = max(mm.hiwater_vm, mm.peak_vm)
        mm.highest_vm_end = max((vma.end for vma in vmas), default=0)
        committed += sum(vma.pages for vma in vmas if vma.flags & VM.ACCOUNT)
    session.process.machine.committed = committed
