"""The running kernel's ELF loader near RLIMIT_AS: whether pages of bss that take the place of others count as new.

Small programs are made here and executed, each with a bss of four pages that covers 0 to 4 pages of a segment loaded
before it. For each the lowest limit is searched with which the kernel still runs it. Where the loader counts only what
is new that limit falls by a page for each page covered; where it counts the whole length all limits are the same.
"""

from __future__ import annotations

import os
import signal
import struct
from typing import NamedTuple

from mmsim.mm.units import PAGE

from .arch import AARCH64, X86_64, here
from .backend import choice
from .errors import NoKernel
from .live import RELEASE
from .ptrace import libc
from .spawn import UNPREPARED, in_memory, spawn

__all__ = ["RECORDED", "ExecLimits", "exec_limits", "image"]

BSS = 4
_TEXT, _SEGMENT, _ENTRY = 0x1000_0000, 0x1001_0000, 0x800
_LEAST, _MOST = 16, 1024
"""The limits the search begins with, in pages: less than a stack needs, and more than all of it."""
_EXIT = {
    X86_64.name: b"\xb8\x3c\x00\x00\x00\x31\xff\x0f\x05",  # mov eax, 60; xor edi, edi; syscall
    AARCH64.name: b"\xa8\x0b\x80\xd2\x00\x00\x80\xd2\x01\x00\x00\xd4",  # mov x8, 93; mov x0, 0; svc 0
}
"""exit(0)."""


class ExecLimits(NamedTuple):
    """By overlap, in pages: the lowest limit with which the program runs. With one page less it ends by `signal`.

    `note` says why the kernel was not asked, "" if it was.
    """

    source: str
    lowest: dict[int, int]
    signal: str
    note: str = ""

    @property
    def saved(self) -> dict[int, int]:
        """By overlap: how many pages less the limit may be than without an overlap.

        >>> RECORDED.saved
        {0: 0, 1: 1, 2: 2, 3: 3, 4: 4}
        """
        return {overlap: self.lowest[0] - lowest for overlap, lowest in self.lowest.items()}

    def __repr__(self) -> str:
        rows = [f"  overlap {overlap}: runs with a limit of {lowest} pages" for overlap, lowest in self.lowest.items()]
        note = [f"note: {self.note}"] if self.note else []
        return "\n".join([self.source, *rows, f"with a page less each ends by {self.signal}", *note])


RECORDED = ExecLimits("a recording of Linux 6.18.44, x86-64", {0: 43, 1: 42, 2: 41, 3: 40, 4: 39}, "SIGSEGV")
"""What exec_limits() said there."""


def exec_limits() -> ExecLimits:
    """Ask the running kernel; a recording answers, and says why, where it cannot be asked."""
    try:
        if choice() == "recording":
            raise NoKernel("MMSIM_KERNEL=recording asks for none")
        return _asked()
    except NoKernel as reason:
        return RECORDED._replace(note=f"no kernel to ask here: {reason}")


def image(overlap: int, machine: int, code: bytes) -> bytes:
    """The ELF file of a program that ends at once; its bss covers the first `overlap` pages of an earlier segment."""
    below = _SEGMENT - PAGE - (BSS - overlap) * PAGE
    segments = [
        (5, 0, _TEXT, PAGE, PAGE),
        (6, PAGE, _SEGMENT, BSS * PAGE, BSS * PAGE),
        (6, PAGE, below, PAGE, PAGE + BSS * PAGE),
    ]
    ident, entry, sizes = b"\x7fELF\x02\x01\x01", _TEXT + _ENTRY, (64, 56, len(segments), 0, 0, 0)
    header = struct.pack("<16sHHIQQQIHHHHHH", ident, 2, machine, 1, entry, 64, 0, 0, *sizes)
    table = b"".join(
        struct.pack("<IIQQQQQQ", 1, flags, offset, address, address, in_file, in_memory_, PAGE)
        for flags, offset, address, in_file, in_memory_ in segments
    )
    return ((header + table).ljust(_ENTRY, b"\0") + code).ljust(PAGE * (1 + BSS), b"\0")


def _asked() -> ExecLimits:
    arch = here()
    lowest, ends = {}, set()
    for overlap in range(BSS + 1):
        program = image(overlap, arch.elf_machine, _EXIT[arch.name])
        low, high = _LEAST, _MOST  # refused with `low` pages, runs with `high`
        if _runs(program, high):
            raise NoKernel("the kernel does not run a program from memory")
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if _runs(program, middle) else (low, middle)
        lowest[overlap] = high
        ends.add(_runs(program, low))
    names = sorted(signal.Signals(each).name for each in ends)
    return ExecLimits(f"Linux {RELEASE}, asked by exec", lowest, " or ".join(names))


def _runs(program: bytes, pages: int) -> int:
    """Execute it with that limit: 0 if it ran, or the signal that ended it. Raises NoKernel."""
    try:
        import resource
    except ImportError:
        raise NoKernel("this system has no limits to set") from None

    def prepare() -> bool:
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (pages * PAGE, hard))
        return True

    with in_memory(program) as file:
        _, status = os.waitpid(spawn(libc(), file, prepare), 0)
    code = os.waitstatus_to_exitcode(status)
    if code > 0:
        what = "limit a child" if code >= UNPREPARED else f"run a program of ours (it ended with {code})"
        raise NoKernel(f"the kernel does not {what}")
    return -code
