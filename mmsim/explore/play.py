"""The same script in two generations: whether they part, where, and in what.

Two speeds. `parted()` compares after each op what is cheap (answer, break, counters) and everything only at the end:
it decides whether a script is worth a closer look. `examine()` compares everything after every op, invariants and
delivered events included, and says what is not the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from mmsim.mm import MM, VM
from mmsim.mm.check import broken
from mmsim.mm.space import data_class, exec_class, stack_class
from mmsim.mm.transition import differences, snapshot
from mmsim.mm.units import page_align
from mmsim.trace.syscall_trace import Session

from .alphabet import Op
from .world import WORLDS

__all__ = ["FAMILIES", "MEASURES", "Parting", "Symptom", "cost", "examine", "parted", "start", "state_key"]

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


def start(world: str, old: str, new: str) -> tuple[Session, Session]:
    """A process of each generation."""
    return Session(WORLDS[world], old), Session(WORLDS[world], new)


def parted(world: str, ops: list[Op], old: str, new: str) -> bool:
    """Whether a closer look would find anything; misses what is different in between and the same at the end."""
    one, two = start(world, old, new)
    for op, arg in ops:
        if one.do(op, arg) != two.do(op, arg) or _quick(one) != _quick(two):
            return True
    return bool(_seen(one) != _seen(two) or _heard(one) != _heard(two) or broken(*_mms(two)) or broken(*_mms(one)))


def _quick(session: Session) -> tuple[int, ...]:
    mm = session.process.mm
    return mm.brk, mm.total_vm, mm.data_vm, mm.locked_vm, mm.machine.committed, len(mm.pages)


def _mms(session: Session) -> list[MM]:
    return [session.process.mm, *(other.mm for other in session.others)]


def _seen(session: Session) -> tuple[Any, ...]:
    """What a program could notice: which page is mapped how, what is present, the break."""
    seen = snapshot(session.process.mm)
    return seen.parts, seen.present, seen.brk


def _heard(session: Session) -> list[list[Any]]:
    return [context.events for context in session.contexts]


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
        if any(each.family not in _HEALED for each in symptoms) or _apart(one, two):
            return
        if symptoms:
            for session in (one, two):
                _heal(session)


_HEALED = frozenset({"accounting", "peak", "list", "cost"})
_OUTCOME = frozenset({"answer", "pages", "present", "failure"})


def _kind(session: Session, op: str, arg: Any) -> str:
    """The name of an op; which way, if it is brk()."""
    if op != "brk":
        return op
    new_top, old_top = page_align(arg), page_align(session.process.mm.brk)
    return "brk shrinks" if new_top < old_top else "brk grows" if new_top > old_top else "brk stays"


def _apart(one: Session, two: Session) -> bool:
    """Whether a planned failure hit one side only: from then on they do different things by right."""
    return _seen(one) != _seen(two)


def _compare(one: Session, two: Session, op: str, arg: Any, failing: bool) -> Iterator[Symptom]:
    """Do one op on both sides; what is not the same, and the invariants that one side breaks and the other not."""
    answers, broke = [], []
    for session in (one, two):
        answer, found = session.judged(op, arg)
        answers.append(answer)
        broke.append(found)
    for mine, other, side in ((broke[1], broke[0], "new"), (broke[0], broke[1], "old")):
        known = {each.id for each in other}
        for each in mine:
            if each.id not in known:
                yield Symptom(_FAMILY_OF[each.id], each.id, side, each.what)
    if failing and _failed(op, arg, answers[0]) != _failed(op, arg, answers[1]):
        return  # the failure was planned at a place that only one of them passes
    if answers[0] != answers[1]:
        yield Symptom("answer", "", "", f"{answers[0]:#x} and {answers[1]:#x}")
    for each in differences(snapshot(one.process.mm), snapshot(two.process.mm)):
        family = "present" if "present pages" in each.what else "pages"
        yield Symptom(family, "I23", "", each.what)
    if _heard(one) != _heard(two):
        yield Symptom("events", "", "", f"monitors heard {_heard(one)} and {_heard(two)}")


def _failed(op: str, arg: Any, answer: int) -> bool:
    return answer != arg if op == "brk" else answer < 0


def _heal(session: Session) -> None:
    """Make the counters what the VMAs add up to, and the peak what it was."""
    committed = 0
    for mm in _mms(session):
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


MEASURES = ("VMAs more", "VMAs made", "stores", "nodes", "look-ups")


def cost(world: str, ops: list[Op], generation: str) -> dict[str, int]:
    """What the last op of a script costs: VMAs, VMAs made, stores, tree nodes asked for, neighbours looked up."""
    session = Session(WORLDS[world], generation)
    for op, arg in ops[:-1]:
        session.do(op, arg)
    mm = session.process.mm
    before, vmas = mm.tree.pool.count, mm.map_count
    session.do(*ops[-1])
    names = [event[0] for event in mm.events]
    after = mm.tree.pool.count
    counts = names.count("vma_alloc"), names.count("maple_store"), after.allocated - before.allocated
    return dict(zip(MEASURES, (mm.map_count - vmas, *counts, names.count("look_up")), strict=True))


def state_key(session: Session) -> tuple[Any, ...]:
    """All of a process that can make a difference later; two with the same key need not both be tried."""
    return tuple(_mm_key(mm) for mm in _mms(session))


def _mm_key(mm: MM) -> tuple[Any, ...]:
    serials: dict[int, int] = {}
    vmas = [
        (
            *(vma.start, vma.end, vma.flags, vma.pgoff, vma.policy),
            vma.file.name if vma.file is not None else "",
            vma.uffd.name if vma.uffd is not None else "",
            tuple(serials.setdefault(each.serial, len(serials)) for each in vma.chain),
            (vma.ops.close, vma.ops.may_split) if vma.ops is not None else (),
        )
        for vma in mm.vmas()
    ]
    limits = [(limit.soft, limit.hard) for limit in mm.limits.values()]
    return vmas, sorted(mm.pages.items()), mm.brk, mm.start_brk, mm.end_data, mm.def_flags, limits, sorted(mm.huge)
