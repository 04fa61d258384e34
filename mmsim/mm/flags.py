"""The flag bits of a VMA: values of Linux 6.1 (include/linux/mm.h), MAYBE_GUARD of 6.18; names without VM_.

/proc/PID/smaps shows them as two letters each, in the order of their bits.
"""

from __future__ import annotations

__all__ = ["DATA_DEFAULT", "SPECIAL", "STACK", "STICKY", "UFFD_ANY", "VM", "letters", "of_letters", "perms"]


class VM:
    """Flag bits."""

    READ = 0x1
    WRITE = 0x2
    EXEC = 0x4
    SHARED = 0x8
    MAYREAD = 0x10
    MAYWRITE = 0x20
    MAYEXEC = 0x40
    MAYSHARE = 0x80
    GROWSDOWN = 0x100
    UFFD_MISSING = 0x200
    PFNMAP = 0x400
    MAYBE_GUARD = 0x800
    UFFD_WP = 0x1000
    LOCKED = 0x2000
    IO = 0x4000
    SEQ_READ = 0x8000
    RAND_READ = 0x1_0000
    DONTCOPY = 0x2_0000
    DONTEXPAND = 0x4_0000
    LOCKONFAULT = 0x8_0000
    ACCOUNT = 0x10_0000
    NORESERVE = 0x20_0000
    HUGETLB = 0x40_0000
    WIPEONFORK = 0x200_0000
    DONTDUMP = 0x400_0000
    SOFTDIRTY = 0x800_0000
    MIXEDMAP = 0x1000_0000
    HUGEPAGE = 0x2000_0000
    NOHUGEPAGE = 0x4000_0000
    MERGEABLE = 1 << 31
    UFFD_MINOR = 1 << 37


STACK = VM.GROWSDOWN
SPECIAL = VM.IO | VM.DONTEXPAND | VM.PFNMAP | VM.MIXEDMAP
UFFD_ANY = VM.UFFD_MISSING | VM.UFFD_WP | VM.UFFD_MINOR
STICKY = VM.MAYBE_GUARD
"""Bits that two neighbours need not share to become one, which then has them (VM_STICKY, 6.18)."""
DATA_DEFAULT = VM.READ | VM.WRITE | VM.MAYREAD | VM.MAYWRITE | VM.MAYEXEC
"""VM_DATA_DEFAULT_FLAGS: what brk() maps, before ACCOUNT and the process's own default flags."""

_LETTERS = {
    VM.READ: "rd",
    VM.WRITE: "wr",
    VM.EXEC: "ex",
    VM.SHARED: "sh",
    VM.MAYREAD: "mr",
    VM.MAYWRITE: "mw",
    VM.MAYEXEC: "me",
    VM.MAYSHARE: "ms",
    VM.GROWSDOWN: "gd",
    VM.UFFD_MISSING: "um",
    VM.PFNMAP: "pf",
    VM.MAYBE_GUARD: "gu",
    VM.UFFD_WP: "uw",
    VM.LOCKED: "lo",
    VM.IO: "io",
    VM.SEQ_READ: "sr",
    VM.RAND_READ: "rr",
    VM.DONTCOPY: "dc",
    VM.DONTEXPAND: "de",
    VM.LOCKONFAULT: "lf",
    VM.ACCOUNT: "ac",
    VM.NORESERVE: "nr",
    VM.HUGETLB: "ht",
    VM.WIPEONFORK: "wf",
    VM.DONTDUMP: "dd",
    VM.SOFTDIRTY: "sd",
    VM.MIXEDMAP: "mm",
    VM.HUGEPAGE: "hg",
    VM.NOHUGEPAGE: "nh",
    VM.MERGEABLE: "mg",
    VM.UFFD_MINOR: "ui",
}
_BITS = {pair: bit for bit, pair in _LETTERS.items()}


def letters(flags: int) -> str:
    """Flags as the VmFlags line of smaps, without soft-dirty (most kernels are built without it).

    >>> letters(DATA_DEFAULT | VM.ACCOUNT | VM.SOFTDIRTY)
    'rd wr mr mw me ac'
    """
    return " ".join(pair for bit, pair in _LETTERS.items() if flags & bit and bit != VM.SOFTDIRTY)


def of_letters(text: str) -> int:
    """The flags of a VmFlags line; ValueError names a pair that is none.

    >>> of_letters("rd wr") == VM.READ | VM.WRITE
    True
    """
    flags = 0
    for pair in text.split():
        if pair not in _BITS:
            raise ValueError(f"VmFlags has {pair!r}: expected pairs such as {', '.join(list(_BITS)[:4])}")
        flags |= _BITS[pair]
    return flags


def perms(flags: int) -> str:
    """Flags as the four letters of /proc/PID/maps.

    >>> perms(VM.READ | VM.EXEC)
    'r-xp'
    """
    shown = ((VM.READ, "r"), (VM.WRITE, "w"), (VM.EXEC, "x"))
    return "".join(letter if flags & bit else "-" for bit, letter in shown) + ("s" if flags & VM.SHARED else "p")
