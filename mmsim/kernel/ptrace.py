"""ptrace(): looking at another process and steering it, request by request.

A traced process belongs to the thread that began to trace it; only that thread may use a Tracee.
"""

from __future__ import annotations

import ctypes
import os
from typing import Any

from .arch import Arch

__all__ = ["Event", "Option", "Request", "Tracee", "libc"]

_NT_PRSTATUS = 1


class Request:
    """The requests used here."""

    TRACEME, CONT, SINGLESTEP, SYSCALL = 0, 7, 9, 24
    SETOPTIONS, GETEVENTMSG, GETREGSET, SETREGSET = 0x4200, 0x4201, 0x4204, 0x4205
    SEIZE, LISTEN = 0x4206, 0x4208


class Event:
    """What a stop is for: a stop's status >> 16; 0 is a signal or a system call."""

    FORK, VFORK, CLONE, EXEC, SECCOMP, STOP = 1, 2, 3, 4, 7, 128


class Option:
    """Options of a traced process; EXITKILL ends it with its tracer, however that ends."""

    SYSGOOD, FORK, VFORK, CLONE, EXEC, SECCOMP = 0x1, 0x2, 0x4, 0x8, 0x10, 0x80
    EXITKILL = 0x10_0000


class _IoVec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]


def libc() -> Any:
    """The C library, with the argument types of what is used of it."""
    library = ctypes.CDLL(None, use_errno=True)
    library.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    library.ptrace.restype = ctypes.c_long
    count = ctypes.c_ulong
    library.process_vm_readv.argtypes = [ctypes.c_int, ctypes.c_void_p, count, ctypes.c_void_p, count, count]
    library.process_vm_readv.restype = ctypes.c_ssize_t
    return library


class Tracee:
    """A traced process or thread, by its id."""

    def __init__(self, pid: int, arch: Arch, library: Any = None) -> None:
        self.pid = pid
        self.arch = arch
        self.libc = library or libc()
        self._buffer = (ctypes.c_uint64 * len(arch.registers))()
        self._vector = _IoVec(ctypes.addressof(self._buffer), ctypes.sizeof(self._buffer))

    def request(self, request: int, address: int = 0, data: Any = 0) -> None:
        """One request; raises OSError."""
        if self.libc.ptrace(request, self.pid, address, data) == -1:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    def registers(self) -> dict[str, int]:
        """The registers of a stopped process, by name."""
        self.request(Request.GETREGSET, _NT_PRSTATUS, ctypes.addressof(self._vector))
        return dict(zip(self.arch.registers, self._buffer, strict=True))

    def some(self, *names: str) -> list[int]:
        """Some registers of a stopped process, for less than all of them cost."""
        self.request(Request.GETREGSET, _NT_PRSTATUS, ctypes.addressof(self._vector))
        return [self._buffer[self.arch.registers.index(name)] for name in names]

    def set_registers(self, values: dict[str, int]) -> None:
        """Set all registers."""
        for index, name in enumerate(self.arch.registers):
            self._buffer[index] = values[name]
        self.request(Request.SETREGSET, _NT_PRSTATUS, ctypes.addressof(self._vector))

    def message(self) -> int:
        """What an event says of itself: the new process of a fork."""
        word = ctypes.c_ulong()
        self.request(Request.GETEVENTMSG, 0, ctypes.addressof(word))
        return word.value

    def read(self, address: int, size: int) -> bytes | None:
        """Its memory there, as the mapping permits (process_vm_readv()); None unless all can be read."""
        content = ctypes.create_string_buffer(size)
        here, there = _IoVec(ctypes.addressof(content), size), _IoVec(address, size)
        count = self.libc.process_vm_readv(self.pid, ctypes.byref(here), 1, ctypes.byref(there), 1, 0)
        return content.raw if count == size else None

    def readable(self, address: int) -> bool:
        """Whether one byte can be read there from outside."""
        return self.read(address, 1) is not None

    def wait(self) -> int:
        """Its next stop's status; raises ChildProcessError when it has ended."""
        _, status = os.waitpid(self.pid, 0)
        if not os.WIFSTOPPED(status):
            raise ChildProcessError(f"process {self.pid} ended (status {status:#x})")
        return status
