"""Applying a change to a range of mappings: each VMA in turn, merged with a like neighbour or cut to the range."""

from __future__ import annotations

from collections.abc import Callable

from .adjust import split
from .flags import STICKY
from .merge import Want, merge
from .space import MM
from .units import ENOMEM, SHIFT
from .vma import Vma

__all__ = ["Change", "isolate", "locked", "over", "over_holes", "overlapping", "set_flags"]

Change = Callable[[Vma, "Vma | None", int, int], "tuple[int, Vma]"]
"""(VMA, the one before, start, end) -> (0 or an error, the VMA that covers the piece now)."""


def overlapping(mm: MM, start: int, end: int) -> list[Vma]:
    """Every VMA that overlaps [start, end); as far as one leads to the next, where the tree is damaged."""
    found: list[Vma] = []
    vma = mm.find_in(start, end)
    while vma is not None and (not found or vma.end > found[-1].end):
        found.append(vma)
        vma = mm.find_in(vma.end, end) if vma.end < end else None
    return found


def locked(mm: MM, action: Callable[[], int]) -> int:
    """Run under the mmap lock; -EINTR when a kill is planned there."""
    error = mm.write_lock_killable()
    if error:
        return error
    answer = action()
    mm.unlock()
    return answer


def over(mm: MM, start: int, end: int, change: Change) -> int:
    """Apply a change to each VMA of [start, end), cut to the range; stops at a hole with -ENOMEM."""
    vma = mm.find_vma(start)
    if vma is None or vma.start > start:
        return -ENOMEM
    prev = vma if start > vma.start else mm.prev_of(vma)
    while True:
        stop = min(vma.end, end)
        error, prev = change(vma, prev, start, stop)
        if error:
            return error
        start = max(stop, prev.end)
        if start >= end:
            return 0
        vma = mm.find_vma(prev.end)
        if vma is None or vma.start != start:
            return -ENOMEM


def over_holes(mm: MM, start: int, end: int, change: Change) -> int:
    """Like over(), but holes are stepped over and reported at the end (madvise_walk_vmas(), 6.1)."""
    holes = 0
    while start < end:
        vma = mm.find_vma(start)
        if vma is None or vma.start >= end:
            return -ENOMEM
        if vma.start > start:
            holes, start = -ENOMEM, vma.start
        prev = vma if start > vma.start else mm.prev_of(vma)
        stop = min(vma.end, end)
        error, vma = change(vma, prev, start, stop)
        if error:
            return error
        if max(stop, vma.end) <= start:
            return -ENOMEM  # the tree is damaged: it has found a VMA that ends below
        start = max(stop, vma.end)
    return holes


def isolate(mm: MM, vma: Vma, prev: Vma | None, start: int, end: int, want: Want) -> tuple[int, Vma]:
    """Make [start, end) of a VMA one that can be changed: by merging it with a like neighbour, or by splitting."""
    want.pgoff = vma.pgoff + ((start - vma.start) >> SHIFT)
    want.anon_vma, want.file, want.source = vma.anon_vma, vma.file, vma
    merged = merge(mm, prev, start, end, want)
    if merged is not None:
        return 0, merged
    if start != vma.start:
        error = split(mm, vma, start, new_below=True)
        if error:
            return error, vma
    if end != vma.end:
        return split(mm, vma, end, new_below=False), vma
    return 0, vma


def set_flags(mm: MM, vma: Vma, prev: Vma | None, start: int, end: int, flags: int) -> tuple[int, Vma]:
    """Give [start, end) of a VMA other flags."""
    if flags == vma.flags:
        return 0, vma
    error, vma = isolate(mm, vma, prev, start, end, Want(flags, 0, policy=vma.policy, uffd=vma.uffd))
    if not error:
        vma.flags = flags | vma.flags & STICKY
    return error, vma
