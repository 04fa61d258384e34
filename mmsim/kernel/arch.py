"""What differs between the processors: numbers of system calls, registers, and the agent's instructions.

x86-64 is tested. aarch64 was written from its calling convention; only the agent's instructions have run, in an
emulator, and no real machine has been asked.
"""

from __future__ import annotations

import mmap
import platform
import sys
from typing import NamedTuple

from mmsim.mm.units import PAGE

from .errors import NoKernel

__all__ = ["AARCH64", "X86_64", "Arch", "here"]


class Arch(NamedTuple):
    """One processor; `registers` is its user_regs_struct, each eight bytes long."""

    name: str
    elf_machine: int
    audit: int
    """Its AUDIT_ARCH_ number, by which a seccomp filter knows it."""
    syscall: bytes
    """The instruction that enters the kernel."""
    registers: tuple[str, ...]
    pc: str
    number: str
    entered: str
    """Where the number stands while the call is done."""
    arguments: tuple[str, ...]
    answer: str
    numbers: dict[str, int]
    agent: bytes
    """The program of `agent.py`, at its first instruction."""


_X86_NUMBERS = {
    "read": 0,
    "write": 1,
    "close": 3,
    "mmap": 9,
    "mprotect": 10,
    "munmap": 11,
    "brk": 12,
    "mremap": 25,
    "madvise": 28,
    "recvmsg": 47,
    "clone": 56,
    "mlock": 149,
    "munlock": 150,
    "mlockall": 151,
    "munlockall": 152,
    "prctl": 157,
    "prlimit64": 302,
    "getrandom": 318,
    "clone3": 435,
}
_ARM_NUMBERS = {
    "close": 57,
    "read": 63,
    "write": 64,
    "prctl": 167,
    "recvmsg": 212,
    "brk": 214,
    "munmap": 215,
    "mremap": 216,
    "clone": 220,
    "mmap": 222,
    "mprotect": 226,
    "mlock": 228,
    "munlock": 229,
    "mlockall": 230,
    "munlockall": 231,
    "madvise": 233,
    "prlimit64": 261,
    "getrandom": 278,
    "clone3": 435,
}
_X86_REGISTERS = (
    "r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax "
    "rip cs eflags rsp ss fs_base gs_base ds es fs gs"
)

# Both agents do the same. The channel's number is kept in one register (ebx, w19), the stack's first address in
# another (r12, x20). Forever: write the answer's 8 bytes, read a record of 64 (call, six arguments, another
# channel), make the call; if it answered 0 and the record names another channel, use that from now on. Anything
# but 64 bytes, the end of the channel included, ends the program.
_X86_AGENT = bytes.fromhex(
    "bb030000004989e44d892424"
    "89df4c89e6ba08000000b8010000000f05"
    "89df4c89e6ba4000000031c00f054883f8407539"
    "498b0424498b7c2408498b742410498b5424184d8b5424204d8b4424284d8b4c24300f05"
    "418b4c2438498904244885c075a967e3a689cbeba2"
    "b8e700000031ff0f05"
)
_ARM_AGENT = bytes.fromhex(
    "73008052f4030091940200f9"
    "e003132ae10314aa020180d2080880d2010000d4"
    "e003132ae10314aa020880d2e80780d2010000d41f0001f161010054"
    "880240a9810a41a9831242a9855643a9010000d4"
    "800200f9c0fdffb5b5fdffb4f303152aebffff17"
    "000080d2c80b80d2010000d4"
)

X86_64 = Arch(
    "x86-64",
    62,
    0xC000_003E,
    b"\x0f\x05",
    tuple(_X86_REGISTERS.split()),
    "rip",
    "rax",
    "orig_rax",
    ("rdi", "rsi", "rdx", "r10", "r8", "r9"),
    "rax",
    _X86_NUMBERS,
    _X86_AGENT,
)
AARCH64 = Arch(
    "aarch64",
    183,
    0xC000_00B7,
    b"\x01\x00\x00\xd4",
    (*(f"x{number}" for number in range(31)), "sp", "pc", "pstate"),
    "pc",
    "x8",
    "x8",
    ("x0", "x1", "x2", "x3", "x4", "x5"),
    "x0",
    _ARM_NUMBERS,
    _ARM_AGENT,
)
_KNOWN = {"x86_64": X86_64, "AMD64": X86_64, "aarch64": AARCH64, "arm64": AARCH64}


def here() -> Arch:
    """This machine's; raises NoKernel where no live process can be had at all."""
    if sys.platform != "linux":
        raise NoKernel(f"needs Linux, this is {sys.platform}")
    if platform.machine() not in _KNOWN or sys.maxsize < 2**32:
        raise NoKernel(f"needs 64-bit x86-64 or aarch64, this is {platform.machine()}")
    if mmap.PAGESIZE != PAGE:
        raise NoKernel(f"needs pages of {PAGE} bytes, here they have {mmap.PAGESIZE}")
    return _KNOWN[platform.machine()]
