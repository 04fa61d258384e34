"""The growths of a replayed census: what lay below each, and whether it was extended.

Concerns C3 and C9. `mmsim.trace.census` counts what calls came to; this looks into do_brk_flags() at the moment when a
generation decides (`watched`), so that a growth that found no heap is told from one that found an inherited one.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

from mmsim.brk import Process
from mmsim.trace.census import Job, Result, Tally, find, read, replay

from .watch import Entry, watched

__all__ = ["Counts", "Growth", "Replayed", "counted", "everywhere", "jobs", "replayed", "tally"]


class Growth(NamedTuple):
    """One accepted growth. `heap`: a VMA of the heap ends where it begins; `links`: how long that one's chain is.

    Both are as the kernel finds them, before anything changes; without a heap there are 0 links.
    """

    heap: bool
    links: int
    extended: bool


class Counts(NamedTuple):
    """Growths by what came of them: extended, new as there was no heap yet (`first`), new beside one (`forked`)."""

    growths: int
    extended: int
    first: int
    forked: int

    @property
    def new(self) -> int:
        """Growths that made a VMA."""
        return self.first + self.forked

    @property
    def tried(self) -> int:
        """Growths that had a heap below, so that there was something to ask about."""
        return self.extended + self.forked

    @property
    def share(self) -> float:
        """Percentage of the growths that extended the heap; 0 without growths."""
        return 100 * self.extended / self.growths if self.growths else 0.0


class Replayed(NamedTuple):
    """A job in a generation: the result of the replay, and its growths in the order in which they were played."""

    result: Result
    growths: tuple[Growth, ...]

    @property
    def counts(self) -> Counts:
        """What the growths came to."""
        return counted(self.growths)


def counted(growths: Iterable[Growth]) -> Counts:
    """Count growths by what came of them.

    >>> counted([Growth(False, 0, False), Growth(True, 1, True), Growth(True, 2, False), Growth(True, 1, True)])
    Counts(growths=4, extended=2, first=1, forked=1)
    """
    all_of_them = list(growths)
    extended = sum(each.extended for each in all_of_them)
    first = sum(not each.extended and not each.heap for each in all_of_them)
    return Counts(len(all_of_them), extended, first, len(all_of_them) - extended - first)


@cache
def jobs() -> dict[str, Job]:
    """The shipped jobs of the census by name.

    >>> len(jobs()), sum(len(space.calls) for job in jobs().values() for space in job.spaces)
    (27, 3648)
    """
    return {job.name: job for job in map(read, find([]))}


@cache
def replayed(job: Job, generation: str, touch: str = "growth") -> Replayed:
    """Replay a job and look at each growth. The first time some 60 us a call, then a look-up.

    >>> replayed(jobs()["bash-loop"], "v4").counts
    Counts(growths=48, extended=5, first=43, forked=0)
    """
    seen: list[Growth] = []
    found: list[tuple[bool, int]] = []

    def enter(entry: Entry) -> None:
        below = entry.below
        heap = below is not None and below.end == entry.address and below.start >= entry.mm.start_brk
        found.append((heap, len(below.chain) if heap and below is not None else 0))

    def leave(entry: Entry, ret: int) -> None:
        if ret == 0 and entry.address >= entry.mm.start_brk:  # the loader maps its bss below
            seen.append(Growth(*found[-1], entry.extended(ret)))

    with watched(Process(generation), enter, leave):
        result = replay(job, generation, touch)
    return Replayed(result, tuple(seen))


def everywhere(generation: str) -> Counts:
    """All growths of the shipped jobs together.

    >>> everywhere("v4")
    Counts(growths=1980, extended=1421, first=553, forked=6)
    """
    return counted(growth for job in jobs().values() for growth in replayed(job, generation).growths)


def tally(generation: str) -> Tally:
    """What all calls of the shipped jobs came to and made, shrinks and the loader's included.

    >>> tally("v4").shrinks, tally("before").vmas - tally("v4").vmas
    (560, 560)
    """
    return sum((replayed(job, generation).result.tally for job in jobs().values()), Tally())
