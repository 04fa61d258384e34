"""A tiny static program, made here: its segments choose what lies below the heap.

x86-64 only. The code is one system call instruction and a trap; nobody runs it but a tracer.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from mmsim.mm.units import PAGE, page_align

__all__ = ["LAYOUTS", "SYSCALL_AT", "Layout", "program"]

TEXT = 0x1000_0000
DATA = 0x1001_0000
SYSCALL_AT = TEXT + 0x800
"""Where the system call instruction stands."""
_CODE = b"\x0f\x05\xcc"


class Layout(NamedTuple):
    """What ends where the heap starts: `filesz` bytes of file data, then zeroes up to `memsz`."""

    name: str
    filesz: int
    memsz: int

    @property
    def start_brk(self) -> int:
        """Where the kernel puts the start of the heap without randomization."""
        return page_align(DATA + self.memsz)


LAYOUTS = {
    layout.name: layout
    for layout in (Layout("bss", PAGE, 4 * PAGE), Layout("file", 2 * PAGE, 2 * PAGE), Layout("text", 0, 0))
}
"""Anonymous bss ends at start_brk, file data ends there, or nothing but read-only text lies below."""


def program(layout: Layout) -> bytes:
    """The ELF file of a layout.

    >>> program(LAYOUTS["bss"])[1:4]
    b'ELF'
    """
    segments = [(5, 0, TEXT, PAGE, PAGE)]
    if layout.memsz:
        segments.append((6, PAGE, DATA, layout.filesz, layout.memsz))
    header = struct.pack(
        "<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 2, 62, 1, SYSCALL_AT, 64, 0, 0, 64, 56, len(segments), 0, 0, 0
    )
    table = b"".join(
        struct.pack("<IIQQQQQQ", 1, flags, offset, address, address, filesz, memsz, PAGE)
        for flags, offset, address, filesz, memsz in segments
    )
    text = (header + table).ljust(0x800, b"\0") + _CODE
    return text.ljust(PAGE, b"\0") + b"\x2a" * layout.filesz
