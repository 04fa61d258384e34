"""Numbers of an address space: pages, limits and errors. All arithmetic is unsigned, 64 bits wide."""

from __future__ import annotations

from mmsim.errno import EAGAIN, EBUSY, EEXIST, EFAULT, EINTR, EINVAL, ENOMEM, ENOSPC, EPERM

__all__ = [
    "EAGAIN",
    "EBUSY",
    "EEXIST",
    "EFAULT",
    "EINTR",
    "EINVAL",
    "ENOMEM",
    "ENOSPC",
    "EPERM",
    "GUARD_GAP",
    "HUGE",
    "INFINITY",
    "MASK",
    "PAGE",
    "SHIFT",
    "TASK_SIZE",
    "align_down",
    "page_align",
    "wrap",
]

PAGE = 4096
SHIFT = 12
HUGE = 2 << 20
MASK = 2**64 - 1
TASK_SIZE = 0x7FFF_FFFF_F000
"""First address a process cannot use: x86-64 with four levels of page tables."""
GUARD_GAP = 256 * PAGE
"""Bytes kept free below a stack (stack_guard_gap)."""
INFINITY = MASK
"""RLIM_INFINITY, in bytes."""


def wrap(value: int) -> int:
    """`value` as an unsigned long.

    >>> hex(wrap(-4096))
    '0xfffffffffffff000'
    """
    return value & MASK


def page_align(address: int) -> int:
    """Round up to a page (PAGE_ALIGN()); the last page of the 64 bits wraps to 0.

    >>> page_align(1), page_align(2**64 - 1)
    (4096, 0)
    """
    return (address + PAGE - 1) & MASK & -PAGE


def align_down(address: int, size: int) -> int:
    """Round down to a multiple of `size`, a power of two."""
    return address & -size
