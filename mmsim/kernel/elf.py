"""A tiny static program, made here: its segments choose what lies below the heap.

Its only code is the agent's (see `agent.py`). Under ptrace nothing of it runs but the one instruction that enters
the kernel.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from mmsim.mm.units import PAGE, page_align

from .arch import Arch

__all__ = ["LAYOUTS", "Crafted", "Layout", "program", "syscall_at"]

_TEXT = 0x1000_0000
_DATA = 0x1001_0000
_FAR = 0x40_0000
_CODE = 0x800
"""Where in its page the code starts."""
_EXEC, _WRITE, _READ = 1, 2, 4


class Layout(NamedTuple):
    """What ends where the heap starts: `filesz` bytes of file data, then zeroes up to `memsz`."""

    name: str
    about: str
    filesz: int
    memsz: int

    @property
    def segments(self) -> list[tuple[int, int, int, int, int]]:
        """Each with its protection, its place in the file, its address, its sizes in the file and in memory.

        The code lies where no script around the heap reaches it.
        """
        text = (_EXEC | _READ, 0, _TEXT, PAGE, PAGE)
        if not self.memsz:
            return [(_EXEC | _READ, 0, _FAR, PAGE, PAGE), (_READ, 0, _TEXT, PAGE, PAGE)]
        return [text, (_WRITE | _READ, PAGE, _DATA, self.filesz, self.memsz)]

    @property
    def entry(self) -> int:
        """The address of the first instruction."""
        return self.segments[0][2] + _CODE

    @property
    def start_brk(self) -> int:
        """Where the kernel puts the start of the heap without randomization."""
        *_, (_, _, address, _, memsz) = self.segments
        return page_align(address + memsz)


LAYOUTS = {
    layout.name: layout
    for layout in (
        Layout("bss", "anonymous memory (bss) ends where the heap starts", PAGE, 4 * PAGE),
        Layout("half", "the same, with a bss that ends in the middle of a page", PAGE, 3 * PAGE + PAGE // 2),
        Layout("file", "data of the program's file ends there", 2 * PAGE, 2 * PAGE),
        Layout("text", "read-only text ends there", 0, 0),
    )
}


class Crafted(NamedTuple):
    """Any segments of data and bss beside the code, in the order of the program headers.

    `parts` are (kind, first page, pages) above START; "data" comes from the file, "bss" begins as zeroes.
    """

    parts: tuple[tuple[str, int, int], ...]

    START = 0x1100_0000

    @property
    def segments(self) -> list[tuple[int, int, int, int, int]]:
        """As of a Layout; page `n` of memory is page `n + 1` of the file."""
        found = [(_EXEC | _READ, 0, _FAR, PAGE, PAGE)]
        for kind, first, pages in self.parts:
            offset, size = (first + 1) * PAGE, pages * PAGE
            found.append((_WRITE | _READ, offset, self.START + first * PAGE, size if kind == "data" else 0, size))
        return found

    @property
    def entry(self) -> int:
        """The address of the first instruction."""
        return _FAR + _CODE

    @property
    def filesz(self) -> int:
        """Bytes of the file behind its first page."""
        return max((first + pages for kind, first, pages in self.parts if kind == "data"), default=0) * PAGE


def program(layout: Layout | Crafted, arch: Arch) -> bytes:
    """The ELF file of a layout.

    >>> from .arch import X86_64
    >>> program(LAYOUTS["bss"], X86_64)[1:4]
    b'ELF'
    """
    segments = layout.segments
    header = struct.pack(
        "<16sHHIQQQIHHHHHH",
        b"\x7fELF\x02\x01\x01",
        2,
        arch.elf_machine,
        1,
        layout.entry,
        64,
        0,
        0,
        64,
        56,
        len(segments),
        0,
        0,
        0,
    )
    table = b"".join(
        struct.pack("<IIQQQQQQ", 1, flags, offset, address, address, filesz, memsz, PAGE)
        for flags, offset, address, filesz, memsz in segments
    )
    text = (header + table).ljust(_CODE, b"\0") + arch.agent
    return text.ljust(PAGE, b"\0") + b"\x2a" * layout.filesz


def syscall_at(layout: Layout, arch: Arch) -> int:
    """The address of an instruction that enters the kernel."""
    return layout.entry + arch.agent.index(arch.syscall)
