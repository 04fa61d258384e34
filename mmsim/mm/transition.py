"""Invariants that compare two moments, or two processes: I16, I20 to I23.

A Snapshot is what a program could notice: which page is mapped how, and what is present; besides it
keeps the counters and, for the strict comparison, every VMA.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from .check import Broken
from .flags import DATA_DEFAULT, STICKY, VM, letters
from .space import MM
from .uffd import Unmapped
from .units import PAGE, SHIFT, page_align
from .vma import Vma

__all__ = [
    "Part",
    "Snapshot",
    "after_brk",
    "after_failure",
    "differences",
    "judge",
    "registered",
    "snapshot",
    "untold",
]

COUNTERS = ("total_vm", "data_vm", "stack_vm", "exec_vm", "locked_vm")


class Part(NamedTuple):
    """Pages in a row that are mapped alike; `pgoff` is that of the first page of a file, else None."""

    start: int
    end: int
    flags: int
    file: str | None
    pgoff: int | None
    policy: str | None
    uffd: str | None

    def __str__(self) -> str:
        more = [str(each) for each in (self.file, self.policy, self.uffd) if each]
        return f"{self.start:#x}-{self.end:#x} {' '.join([letters(self.flags), *more])}"


class Snapshot(NamedTuple):
    """An address space at one moment; `strict` adds what may differ after a failed call."""

    parts: tuple[Part, ...]
    present: dict[int, str]
    counters: dict[str, int]
    brk: int
    strict: tuple[object, ...]
    told: dict[int, int]


def snapshot(mm: MM) -> Snapshot:
    """Look at an address space. Cost: a walk over it and a copy of its present pages."""
    vmas = list(mm.vmas())
    counters = {name: getattr(mm, name) for name in COUNTERS} | {"committed": mm.machine.committed}
    exact = [(vma.start, vma.end, vma.flags, vma.pgoff, vma.file, vma.policy, vma.uffd) for vma in vmas]
    told = {id(vma.uffd): len(vma.uffd.events) for vma in vmas if vma.uffd is not None}
    strict = (*exact, mm.map_count, frozenset(mm.huge))
    return Snapshot(tuple(_joined(map(_part, vmas))), dict(mm.pages), counters, mm.brk, strict, told)


def _part(vma: Vma) -> Part:
    """A VMA without what no program sees: soft-dirty, what sticks, anonymous pgoff, which shared memory it is."""
    name = None if vma.file is None else vma.file.name.partition("-")[0]
    file = name if name == "shared" or vma.file is None else vma.file.name
    uffd = vma.uffd.name if vma.uffd is not None else None
    pgoff = vma.pgoff if vma.file is not None else None
    return Part(vma.start, vma.end, vma.flags & ~(VM.SOFTDIRTY | STICKY), file, pgoff, vma.policy, uffd)


def _joined(parts: Iterator[Part]) -> Iterator[Part]:
    """Neighbours that are alike as one: how many VMAs there are is not compared."""
    last: Part | None = None
    for part in parts:
        if last is not None and _continues(last, part):
            last = last._replace(end=part.end)
            continue
        if last is not None:
            yield last
        last = part
    if last is not None:
        yield last


def _continues(one: Part, other: Part) -> bool:
    offset = one.pgoff if one.pgoff is None else one.pgoff + ((one.end - one.start) >> SHIFT)
    return one.end == other.start and one._replace(start=other.start, end=other.end, pgoff=offset) == other


def _outside(parts: tuple[Part, ...], low: int, high: int) -> list[Part]:
    """The parts without [low, high)."""
    found = []
    for part in parts:
        if part.start < low:
            found.append(part._replace(end=min(part.end, low)))
        if part.end > high:
            start = max(part.start, high)
            pgoff = part.pgoff if part.pgoff is None else part.pgoff + ((start - part.start) >> SHIFT)
            found.append(part._replace(start=start, pgoff=pgoff))
    return list(_joined(iter(found)))


def _inside(parts: tuple[Part, ...], low: int, high: int) -> list[Part]:
    return [part for part in parts if part.start < high and part.end > low] if low < high else []


def _changes(before: list[Part], after: list[Part]) -> Iterator[str]:
    """What is mapped in one and not in the other."""
    yield from (f"lost or changed: {part}" for part in before if part not in after)
    yield from (f"new: {part}" for part in after if part not in before)


def _page_changes(before: dict[int, str], after: dict[int, str], low: int = 0, high: int = 0) -> Iterator[str]:
    """Pages outside [low, high) that came or went, in one line."""
    changed = sorted(page for page in before.keys() ^ after.keys() if not low <= page < high)
    if changed:
        yield f"{len(changed)} present pages came or went, the first at {changed[0]:#x}"


def after_failure(
    before: Snapshot, after: Snapshot, strict: bool = False, emptied: tuple[int, int] | None = None
) -> list[Broken]:
    """I20 and I21 after a call that failed: as before.

    Semantic unless `strict`. `emptied` is a range the call clears first by design: that is as before, or empty.
    """
    found = []
    if after.brk != before.brk:
        found.append(Broken("I20", f"brk was {before.brk:#x} and is {after.brk:#x} after a refused call"))
    if emptied is not None and not _inside(after.parts, *emptied):
        changes = [*_changes(_outside(before.parts, *emptied), _outside(after.parts, *emptied))]
        changes += _page_changes(before.present, after.present, *emptied)
    else:
        changes = [*_changes(list(before.parts), list(after.parts)), *_page_changes(before.present, after.present)]
        changes += _counter_changes(before, after)
    if strict and not changes and before.strict != after.strict:
        changes.append("the pages are as before, but the VMAs, their soft-dirty marks or huge blocks are not")
    return found + [Broken("I21", f"after a failed call: {change}") for change in changes]


def _counter_changes(before: Snapshot, after: Snapshot) -> Iterator[str]:
    for name, value in before.counters.items():
        if after.counters[name] != value:
            yield f"{name} was {value} and is {after.counters[name]} ({after.counters[name] - value:+})"


def after_brk(before: Snapshot, after: Snapshot, def_flags: int = 0) -> list[Broken]:
    """I22 after a brk() that succeeded: exactly the range between the breaks changed, and as it should."""
    old_top, new_top = page_align(before.brk), page_align(after.brk)
    if new_top < old_top:
        return [Broken("I22", f"still mapped: {part}") for part in _inside(after.parts, new_top, old_top)]
    changes = [*_changes(_outside(before.parts, old_top, new_top), _outside(after.parts, old_top, new_top))]
    changes += _page_changes(before.present, after.present, old_top, new_top)
    at, heap = old_top, DATA_DEFAULT | VM.ACCOUNT | def_flags
    for part in _inside(after.parts, old_top, new_top):
        if part.start > at:
            changes.append(f"not mapped: {at:#x}-{part.start:#x}")
        if part.flags != heap or part.file is not None:
            changes.append(f"no heap: {part}")
        at = part.end
    if at < new_top:
        changes.append(f"not mapped: {at:#x}-{new_top:#x}")
    return [Broken("I22", f"brk() grew: {change}") for change in changes]


def untold(mm: MM, before: list[Unmapped], counts: dict[int, int]) -> list[Broken]:
    """I16: registered ranges (see registered()) that are gone, and of which their monitor heard nothing."""
    found = []
    for context, start, end in before:
        heard = context.events[counts.get(id(context), 0) :]
        lost = [page for page in range(start, end, PAGE) if _unregistered(mm, page)]
        silent = [page for page in lost if not any(low <= page < high for low, high in heard)]
        if silent:
            text = f"{context} was not told of {len(silent)} pages that went, the first at {silent[0]:#x}"
            found.append(Broken("I16", text))
    return found


def _unregistered(mm: MM, page: int) -> bool:
    """Whether the page is mapped no longer, or by a VMA that knows no monitor."""
    vma = mm.tree.load(page)
    return vma is None or not vma.start <= page < vma.end or vma.uffd is None


def registered(mm: MM) -> list[Unmapped]:
    """The ranges whose monitors want to hear when they go."""
    return [Unmapped(v.uffd, v.start, v.end) for v in mm.vmas() if v.uffd is not None and v.uffd.event_unmap]


def differences(reference: Snapshot, other: Snapshot, answers: tuple[int, int] | None = None) -> list[Broken]:
    """I23: what another generation made of the same calls; the numbers of VMAs may differ."""
    found = []
    if answers is not None and answers[0] != answers[1]:
        found.append(f"the answer is {answers[1]:#x}, the reference's is {answers[0]:#x}")
    if reference.brk != other.brk:
        found.append(f"brk is {other.brk:#x}, the reference's is {reference.brk:#x}")
    found += _changes(list(reference.parts), list(other.parts))
    found += _page_changes(reference.present, other.present)
    return [Broken("I23", what) for what in found]


EMPTIES_FIRST = {"mmap": (0, 1), "mmap_file": (0, 1), "vm_brk_flags": (0, 1)}
"""Calls that clear a range first: where in their arguments its address and length are."""
ALL_OR_NOTHING = ("brk", "munmap", "fork", *EMPTIES_FIRST)
"""Calls that leave all as it was when they fail.

mprotect(), uffd_register() and the like keep the pieces they had done; mremap() unmaps at both places
before it can fail.
"""


def judge(mm: MM, op: str, arg: object, ret: int, before: Snapshot, watched: list[Unmapped]) -> list[Broken]:
    """What the invariants of two moments say of one call: I16 always, I20 and I21 if it failed, I22 after brk()."""
    after = snapshot(mm)
    found = untold(mm, watched, before.told) if op not in ("mremap", "uffd_register", "exit", "fork") else []
    failed = ret != arg if op == "brk" else ret < 0
    if op == "brk" and not failed:
        return found + after_brk(before, after, mm.def_flags)
    if failed and op in ALL_OR_NOTHING:
        found += after_failure(before, after, emptied=_emptied(op, arg))
    return found


def _emptied(op: str, arg: object) -> tuple[int, int] | None:
    places = EMPTIES_FIRST.get(op)
    if places is None or not isinstance(arg, list) or len(arg) <= places[0]:
        return None
    start = arg[places[0]]
    return start, start + page_align(arg[places[1]])
