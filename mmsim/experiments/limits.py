"""Calls near a limit: what was counted, and whether a refusal was needed.

The limit test of a process is watched while it works, so that what was counted is measured and not told by the
generation's name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from mmsim.brk import Process
from mmsim.mm.calls import MAP, PROT
from mmsim.mm.space import data_class
from mmsim.mm.units import PAGE

from .build import HEAP, HEAP_FLAGS, SEGMENT, segment, started

__all__ = ["RESOURCES", "Counted", "Trial", "agreement", "brk_trial", "loader_trial", "mmap_trial", "sweep"]

RESOURCES = {"AS": "total_vm", "DATA": "data_vm"}
"""The limits may_expand() tests, each with the counter it is compared with."""


class Counted(NamedTuple):
    """One run of the limit test (may_expand_vm()), in pages: `kept` of what is to be covered was still mapped."""

    total: int
    asked: int
    kept: int
    allowed: bool


class Trial(NamedTuple):
    """One call near a limit, in pages. `overlap` of the pages it covers were mapped before it.

    `new` of them would be more than before in the limited counter, which is `total` before the call; `limit` is the
    limit. `counted` is the limit test that decided, None where the call was answered without one. `before` is a process
    like the one that was asked, `process` the one that was asked.
    """

    generation: str
    length: int
    overlap: int
    new: int
    slack: int
    total: int
    limit: int
    answer: int
    counted: Counted | None
    before: Process
    process: Process

    @property
    def refused(self) -> bool:
        """Whether the answer is an error."""
        return self.answer < 0

    @property
    def needless(self) -> bool:
        """Refused by the limit test, though what would be mapped in the end is within the limit."""
        by_limit = self.counted is not None and not self.counted.allowed
        return self.refused and by_limit and self.total + self.new <= self.limit

    @property
    def twice(self) -> int:
        """Pages that the limit test counted as mapped and as new.

        >>> loader_trial("v4", overlap=3).twice, mmap_trial("v4", overlap=3).twice
        (3, 0)
        """
        return max(0, self.counted.kept + self.counted.asked - self.length) if self.counted else 0

    @property
    def mark(self) -> str:
        """`+` accepted, `-` refused as it had to be, `!` refused without need.

        >>> [loader_trial("v4", overlap=2, slack=slack).mark for slack in (1, 2, 3, 4)]
        ['-', '!', '!', '+']
        """
        return "!" if self.needless else "-" if self.refused else "+"

    @property
    def why(self) -> str:
        """The sum that decided.

        >>> loader_trial("v4").why, loader_trial("before").why
        ('4 + 4 = 8 is over 4; 4 counted twice', '0 + 4 = 4 is within 4')
        """
        if self.counted is None:
            return "no limit was tested"
        total, asked, _, allowed = self.counted
        twice = f"; {self.twice} counted twice" if self.twice else ""
        return f"{total} + {asked} = {total + asked} is {'within' if allowed else 'over'} {self.limit}{twice}"


def loader_trial(
    generation: str, length: int = 4, overlap: int | None = None, slack: int = 0, resource: str = "AS",
    flags: int = HEAP_FLAGS,
) -> Trial:  # fmt: skip
    """vm_brk_flags() for `length` pages of bss, `overlap` of them (all by default) over a segment of a file.

    The segment is `length` pages long and has `flags`, and the limit leaves `slack` pages above what is mapped.

    >>> loader_trial("v4").answer, loader_trial("merged").answer
    (-12, 0)
    """
    overlap = length if overlap is None else overlap
    before, process = (_loaded(generation, length, overlap, flags) for _ in range(2))
    return _try(before, process, SEGMENT, length, overlap, slack, resource, process.vm_brk_flags)


def mmap_trial(generation: str, length: int = 4, overlap: int | None = None, slack: int = 0) -> Trial:
    """mmap() with MAP_FIXED in the same place, which any program may call; the limit is RLIMIT_AS.

    >>> mmap_trial("v4").answer == SEGMENT, mmap_trial("v4", overlap=3).answer
    (True, -12)
    """
    overlap = length if overlap is None else overlap
    before, process = (_loaded(generation, length, overlap, HEAP_FLAGS) for _ in range(2))

    def call(address: int, size: int) -> int:
        return process.mmap(address, size, PROT.READ | PROT.WRITE, MAP.PRIVATE | MAP.FIXED)

    return _try(before, process, SEGMENT, length, overlap, slack, "AS", call)


def brk_trial(generation: str, length: int = 4, first: int | None = None, slack: int = 0) -> Trial:
    """brk() for `length` pages of heap, with a segment as long that begins `first` pages above the heap's start.

    The segment is far away by default. A refused call answers with the old break; as `answer` that is -1 here.

    >>> brk_trial("v4").why, brk_trial("v4", first=2).why
    ('4 + 4 = 8 is over 4', 'no limit was tested')
    """
    before, process = started(generation), started(generation)
    for each in (before, process):
        segment(each, (HEAP - SEGMENT) // PAGE + first if first is not None else 0, length)
    overlap = 0 if first is None else max(0, length - abs(first))

    def call(address: int, size: int) -> int:
        return 0 if process.brk(address + size) == address + size else -1

    return _try(before, process, HEAP, length, overlap, slack, "AS", call)


def sweep(trial: Callable[..., Trial], generation: str, length: int = 4) -> list[Trial]:
    """loader_trial or mmap_trial at every overlap and every slack from 0 to `length` pages.

    >>> len(sweep(mmap_trial, "before"))
    25
    """
    pages = range(length + 1)
    return [trial(generation, length, overlap, slack) for overlap in pages for slack in pages]


def agreement(test: Callable[[int, int, int, int], object], generation: str) -> tuple[int, int, Trial | None]:
    """How often a limit test of one's own, test(total, limit, length, overlap), answers as a generation's loader.

    In sweeps of lengths of 1 to 4 pages: the number of calls answered alike, of all, and the first that is not.

    >>> agreement(lambda total, limit, length, overlap: total + length <= limit, "v4")
    (54, 54, None)
    """
    trials = [each for length in range(1, 5) for each in sweep(loader_trial, generation, length)]
    wrong = [each for each in trials if bool(test(each.total, each.limit, each.length, each.overlap)) is each.refused]
    return len(trials) - len(wrong), len(trials), wrong[0] if wrong else None


def _loaded(generation: str, length: int, overlap: int, flags: int) -> Process:
    """A process with a segment as long as the call, `overlap` of its pages where the call will map."""
    process = started(generation)
    segment(process, overlap - length, length, flags=flags)
    return process


def _try(
    before: Process, process: Process, start: int, length: int, overlap: int, slack: int, resource: str,
    call: Callable[[int, int], int],
) -> Trial:  # fmt: skip
    """Set the limit, watch every limit test, make the call."""
    mm, test, seen = process.mm, process.mm.may_expand, list[Counted]()
    pages = range(start, start + length * PAGE, PAGE)
    total = getattr(mm, RESOURCES[resource])
    limit = total + slack
    in_place = [vma for vma in map(mm.tree.load, pages) if vma is not None]
    new = length - sum(resource == "AS" or data_class(vma.flags) for vma in in_place)
    process.setrlimit(resource, limit * PAGE)

    def may_expand(flags: int, asked: int) -> bool:
        kept = sum(mm.tree.load(page) is not None for page in pages)
        seen.append(Counted(getattr(mm, RESOURCES[resource]), asked, kept, test(flags, asked)))
        return seen[-1].allowed

    vars(mm)["may_expand"] = may_expand
    answer = call(start, length * PAGE)
    counted = seen[-1] if seen else None
    return Trial(process.generation, length, overlap, new, slack, total, limit, answer, counted, before, process)
