"""vma_merge() with its eight cases: covering a request by growing a neighbour."""

from __future__ import annotations

from collections.abc import Container, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from . import anon
from .adjust import resize
from .flags import SPECIAL, STICKY, VM
from .units import SHIFT
from .vma import AnonVma, File, UffdContext, Vma

if TYPE_CHECKING:
    from .space import MM

__all__ = ["Want", "can_merge_after", "can_merge_before", "merge", "painted"]


_painted: list[Container[Vma]] = []


@contextmanager
def painted(vmas: Container[Vma]) -> Iterator[None]:
    """While it lasts, the shared test of alikeness has one criterion more: `vmas` are like no request.

    It is added in one place, as a kernel developer would; experiment E2 sees which generations follow.
    """
    _painted.append(vmas)
    try:
        yield
    finally:
        _painted.remove(vmas)


class Want:
    """What a mapping is to be like; compared with a neighbour criterion by criterion.

    `source` is the VMA whose pages these will be, if there is one: it is there already and is only to change, or
    it is being copied (mremap()).
    """

    __slots__ = ("anon_vma", "file", "flags", "pgoff", "policy", "source", "uffd")

    def __init__(
        self,
        flags: int,
        pgoff: int,
        anon_vma: AnonVma | None = None,
        file: File | None = None,
        policy: str | None = None,
        uffd: UffdContext | None = None,
    ) -> None:
        self.flags = flags
        self.pgoff = pgoff
        self.anon_vma = anon_vma
        self.file = file
        self.policy = policy
        self.uffd = uffd
        self.source: Vma | None = None


def _is_mergeable(vma: Vma, want: Want, close_matters: bool) -> bool:
    """Flags but for soft-dirty and what sticks, file, no close hook, userfaultfd context (is_mergeable_vma(), 6.1)."""
    return (
        not (vma.flags ^ want.flags) & ~(VM.SOFTDIRTY | STICKY)
        and vma.file is want.file
        and not (close_matters and vma.ops is not None and vma.ops.close)
        and vma.uffd is want.uffd
        and not (_painted and any(vma in each for each in _painted))
    )


def _is_mergeable_anon(want: Want, vma: Vma) -> bool:
    """The same anon_vma, or one is missing and the VMA's chain is not inherited (is_mergeable_anon_vma(), 6.1).

    Not inherited means one link: up to 6.15 an untouched VMA never takes over a touched part. Since 6.16
    it does, if the part was not inherited.
    """
    one, other = want.anon_vma, vma.anon_vma
    if vma.mm.recent and one is not None and other is None:
        return want.source is None or want.source.singular
    if (one is None or other is None) and vma.singular:
        return True
    return one is other


def _share_anon(one: AnonVma | None, other: AnonVma | None) -> bool:
    """Whether two neighbours of a request can become one VMA, as far as their anon_vmas go."""
    return one is None or other is None or one is other


def can_merge_after(vma: Vma, want: Want, close_matters: bool = True) -> bool:
    """Whether the request may be glued to the end of `vma` (can_vma_merge_after(), 6.1)."""
    return (
        _is_mergeable(vma, want, close_matters)
        and _is_mergeable_anon(want, vma)
        and vma.pgoff + vma.pages == want.pgoff
    )


def can_merge_before(vma: Vma, want: Want, pages: int) -> bool:
    """Whether a request of `pages` may be glued to the start of `vma` (can_vma_merge_before(), 6.1)."""
    return (
        _is_mergeable(vma, want, close_matters=True)
        and _is_mergeable_anon(want, vma)
        and vma.pgoff == want.pgoff + pages
    )


def merge(mm: MM, prev: Vma | None, start: int, end: int, want: Want) -> Vma | None:
    """Cover [start, end) by growing `prev` or its successor; the VMA, or None (vma_merge(), 5.16).

    None also when memory for the chain of an anon_vma ran out: the caller makes a new VMA.
    """
    if want.flags & SPECIAL:
        return None
    pages = (end - start) >> SHIFT
    area = mm.next_of(prev) if prev is not None else (mm.head if mm.has_list else mm.find_vma(0))
    mm.log("look_up", "next")
    following = area
    if area is not None and area.end == end:
        following = mm.next_of(area)
        mm.log("look_up", "next of next")
    left = prev if prev and prev.end == start and prev.policy == want.policy and can_merge_after(prev, want) else None
    right = None
    if following is not None and following.start == end and following.policy == want.policy:
        right = following if can_merge_before(following, want, pages) else None
    if left and right and not _share_anon(left.anon_vma, right.anon_vma):
        right = None
    sticky = STICKY & (want.flags | (left.flags if left else 0) | (right.flags if right else 0))
    grown = _grow(mm, prev, area, left, right, start, end, want.source)
    mm.log("merge", start, end, grown and grown.serial)
    if grown is not None:
        grown.flags |= sticky
        mm.log("khugepaged_enter", grown.serial)
    return grown


def _grow(
    mm: MM,
    prev: Vma | None,
    area: Vma | None,
    left: Vma | None,
    right: Vma | None,
    start: int,
    end: int,
    source: Vma | None,
) -> Vma | None:
    """Carry out the case that applies; the picture of each is in the comment."""
    if left and right:
        # 1: left, hole, right. 6: left, area, right. Left swallows all.
        inside = (right,) if area is right else (area, right)
        return _expand(mm, left, left.start, right.end, left.pgoff, inside, source)
    if left:
        if area is None or end <= area.start:  # 2: left, hole
            return _expand(mm, left, left.start, end, left.pgoff, (), source)
        if end == area.end:  # 7: left, area
            return _expand(mm, left, left.start, end, left.pgoff, (area,), source)
        return _shift(mm, left, end, area, grows=left)  # 5: left, head of area
    if right:
        if prev and start < prev.end:  # 4: tail of prev, right
            return _shift(mm, prev, start, right, grows=right)
        inside = (area,) if area is not None and area is not right else ()
        pgoff = right.pgoff - ((end - start) >> SHIFT)
        return _expand(mm, right, start, right.end, pgoff, inside, source)  # 3 and 8
    return None


def _expand(
    mm: MM, vma: Vma, start: int, end: int, pgoff: int, inside: tuple[Vma, ...], source: Vma | None
) -> Vma | None:
    """`vma` grows to [start, end) over the VMAs `inside`, which go; pages may come from there or from `source`."""
    donor = next((each for each in (*inside, source) if each is not None and each.anon_vma is not None), None)
    if not _prepare(mm, vma, donor):
        return None
    resize(mm, vma, start, end, pgoff, remove=inside)
    return vma


def _shift(mm: MM, lower: Vma, border: int, upper: Vma, grows: Vma) -> Vma | None:
    """The border between two neighbours moves to `border`."""
    if not _prepare(mm, grows, upper if grows is lower else lower):
        return None
    resize(mm, lower, lower.start, border, lower.pgoff, shift=upper)
    return grows


def _prepare(mm: MM, vma: Vma, donor: Vma | None) -> bool:
    """What can fail before bounds change (the first half of __vma_adjust(), 6.1); False, undone, without memory.

    Pages of `donor` come under `vma`: it needs the same anon_vma.
    """
    imported = donor is not None and donor.anon_vma is not None and vma.anon_vma is None
    if imported and donor is not None:
        vma.anon_vma = donor.anon_vma
        if anon.clone(vma, donor):
            return False
    if not mm.has_list and not mm.preallocate():
        if imported:
            anon.unlink(vma)
        return False
    return True
