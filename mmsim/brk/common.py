"""What brk() does in every generation: the first tests, the way out, and small look-ups."""

from __future__ import annotations

from mmsim.mm.flags import VM
from mmsim.mm.pages import populate
from mmsim.mm.space import MM
from mmsim.mm.uffd import Unmapped, unmap_complete
from mmsim.mm.units import INFINITY, wrap
from mmsim.mm.vma import Vma

__all__ = ["accept", "below_minimum", "last_above", "make_heap", "over_data_limit", "refuse"]


def below_minimum(mm: MM, want: int) -> bool:
    """Whether the wanted break lies below where the heap may start.

    That is start_brk; end_data where the old layout is built in and not randomized (COMPAT_BRK).
    """
    old_layout = mm.compat_brk and not mm.brk_randomized
    return want < (mm.end_data if old_layout else mm.start_brk)


def over_data_limit(mm: MM, want: int) -> bool:
    """Would heap and data together pass RLIMIT_DATA (check_data_rlimit(), 6.1)? Takes the unaligned break."""
    limit = mm.limits["DATA"].soft
    return limit != INFINITY and wrap(want - mm.start_brk + mm.end_data - mm.start_data) > limit


def last_above(mm: MM, address: int, minimum: int) -> Vma | None:
    """The last VMA below `address`, if it ends above `minimum` (mas_prev(), 6.1, with that limit)."""
    vma = mm.before(address)
    return vma if vma is not None and vma.end > minimum else None


def refuse(mm: MM, answer: int) -> int:
    """Drop the lock and answer with the break as it was; a `uf` list with entries is forgotten."""
    mm.unlock()
    return answer


def accept(mm: MM, want: int, old_top: int, new_top: int, uf: list[Unmapped]) -> int:
    """Drop the lock, tell the monitors, fault in what is locked, answer with the new break."""
    filled = new_top > old_top and mm.def_flags & VM.LOCKED
    mm.unlock()
    unmap_complete(mm, uf)
    if filled:
        populate(mm, old_top, new_top - old_top)
    return want


def make_heap(vma: Vma, address: int, length: int, flags: int) -> None:
    """Fill a fresh VMA as a piece of heap."""
    vma.ops = None
    vma.start, vma.end = address, address + length
    vma.pgoff = address >> 12
    vma.flags = flags
