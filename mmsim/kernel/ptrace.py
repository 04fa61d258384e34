"""System calls injected into a process that runs no code of its own (ptrace; x86-64 Linux).

The process is stopped right after exec. For each call its registers are set, one instruction is
stepped, and the answer is read. PTRACE_O_EXITKILL ends it with its tracer, however that ends.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import signal
import sys
import warnings
from typing import Any

from .elf import SYSCALL_AT, Layout, program

__all__ = ["NoPtrace", "Traced"]

_TRACEME, _CONT, _KILL, _SINGLESTEP, _SETOPTIONS = 0, 7, 8, 9, 0x4200
_GETREGSET, _SETREGSET = 0x4204, 0x4205
_NT_PRSTATUS = 1
_EXITKILL, _TRACEFORK = 0x10_0000, 0x2
_ADDR_NO_RANDOMIZE = 0x004_0000
_REGISTERS = """
    r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss fs_base gs_base ds es fs gs
"""
_ARGUMENTS = ("rdi", "rsi", "rdx", "r10", "r8", "r9")


class NoPtrace(Exception):
    """Tracing is not possible here; one line that says why."""


class _Regs(ctypes.Structure):
    """user_regs_struct of x86-64."""

    _fields_ = [(name, ctypes.c_ulonglong) for name in _REGISTERS.split()]


class _IoVec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]


def _libc() -> Any:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    libc.ptrace.restype = ctypes.c_long
    count = ctypes.c_ulong
    libc.process_vm_readv.argtypes = [ctypes.c_int, ctypes.c_void_p, count, ctypes.c_void_p, count, count]
    libc.process_vm_readv.restype = ctypes.c_ssize_t
    return libc


class Traced:
    """A stopped process of our own making; `call()` lets it do one system call."""

    def __init__(self, pid: int, libc: Any) -> None:
        self.pid = pid
        self._libc = libc

    @classmethod
    def start(cls, layout: Layout, aslr: bool = False, uid: int | None = None) -> Traced:
        """Run the program of a layout up to its first instruction; raises NoPtrace."""
        if sys.platform != "linux" or platform.machine() != "x86_64":
            raise NoPtrace(f"needs Linux on x86-64, this is {sys.platform} on {platform.machine()}")
        libc = _libc()
        file = os.memfd_create("mmsim", os.MFD_CLOEXEC)
        try:
            os.write(file, program(layout))
            with warnings.catch_warnings():
                # Python warns of threads that hold locks; the child takes none on its way to exec.
                warnings.simplefilter("ignore", DeprecationWarning)
                pid = os.fork()
            if pid == 0:
                _become(libc, file, aslr, uid)
        finally:
            os.close(file)
        return cls(pid, libc)._settled()

    def _settled(self) -> Traced:
        """The exec stop reached, and the process tied to ours."""
        _, status = os.waitpid(self.pid, 0)
        if not os.WIFSTOPPED(status):
            raise NoPtrace("the kernel refused to trace a child (seccomp, Yama, or a tracer above us)")
        try:
            self._ptrace(_SETOPTIONS, 0, _EXITKILL | _TRACEFORK)
        except OSError as error:
            self.kill()
            raise NoPtrace(f"PTRACE_SETOPTIONS: {error.strerror}") from None
        return self

    def _ptrace(self, request: int, address: int, data: Any) -> None:
        if self._libc.ptrace(request, self.pid, address, data) == -1:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    def _regs(self, request: int, regs: _Regs) -> None:
        vector = _IoVec(ctypes.addressof(regs), ctypes.sizeof(regs))
        self._ptrace(request, _NT_PRSTATUS, ctypes.addressof(vector))

    def call(self, number: int, *arguments: int) -> int:
        """One system call: what it answers, errors as small negative numbers."""
        regs = _Regs()
        self._regs(_GETREGSET, regs)
        regs.rip, regs.rax, regs.orig_rax = SYSCALL_AT, number, 2**64 - 1
        for name, value in zip(_ARGUMENTS, arguments, strict=False):
            setattr(regs, name, value & (2**64 - 1))
        self._regs(_SETREGSET, regs)
        self._step()
        self._regs(_GETREGSET, regs)
        answer = regs.rax
        return answer - 2**64 if answer > 2**64 - 4096 else answer

    def _step(self) -> None:
        """One instruction; other stops on the way (a fork, the signal of a child's end) are passed over."""
        status = 0
        while os.WSTOPSIG(status) != signal.SIGTRAP or status >> 16:
            self._ptrace(_SINGLESTEP, 0, 0)
            status = self._wait()

    def _wait(self) -> int:
        _, status = os.waitpid(self.pid, 0)
        if not os.WIFSTOPPED(status):
            raise ChildProcessError(f"the traced process {self.pid} ended (status {status:#x})")
        return status

    def readable(self, address: int) -> bool:
        """Whether one byte can be read there."""
        byte = ctypes.create_string_buffer(1)
        here = _IoVec(ctypes.addressof(byte), 1)
        there = _IoVec(address, 1)
        return self._libc.process_vm_readv(self.pid, ctypes.byref(here), 1, ctypes.byref(there), 1, 0) == 1

    def fork(self) -> Traced | int:
        """Let it fork; the child, stopped and traced like its parent, or a negative error."""
        answer = self.call(57)
        if answer < 0:
            return answer
        child = Traced(answer, self._libc)
        child._wait()
        return child

    def kill(self) -> None:
        """End it and collect it; twice does no harm."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)


def _become(libc: Any, file: int, aslr: bool, uid: int | None) -> None:
    """In the child: be traced, be the program. Never returns."""
    try:
        if uid is not None:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
        if not aslr:
            libc.personality(_ADDR_NO_RANDOMIZE)
        if libc.ptrace(_TRACEME, 0, None, None) == 0:
            os.execve(file, ["mmsim"], {})
    finally:
        os._exit(127)
