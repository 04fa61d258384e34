"""System calls injected by ptrace into a process that runs no code of its own.

The process is stopped right after exec. For each call its registers are set, one instruction is stepped, and the
answer is read.
"""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

from .arch import Arch, here
from .elf import LAYOUTS, program, syscall_at
from .errors import NoKernel
from .ptrace import Option, Request, Tracee, libc
from .spawn import CLONE_PARENT, UNPREPARED, in_memory, reap, signed, spawn, words

__all__ = ["DYNAMIC", "Traced"]

DYNAMIC = "dynamic"
"""The layout of an ordinary program that the dynamic loader would start; nothing of it runs."""
_ORDINARY = "/bin/true"
_DEADLY = (signal.SIGSEGV, signal.SIGBUS, signal.SIGILL)
_VDSO = re.compile(r"([0-9a-f]+)-([0-9a-f]+) .*\[vdso\]")


class Traced:
    """A stopped process of our own making; `call()` lets it do one system call."""

    name = "ptrace"

    def __init__(self, tracee: Tracee, syscall: int, scratch: int) -> None:
        self.pid = tracee.pid
        self.scratch = scratch
        self._tracee = tracee
        self._syscall = syscall

    @classmethod
    def start(cls, layout: str, aslr: bool = False, uid: int | None = None) -> Traced:
        """Run the program of a layout up to its first instruction; raises NoKernel."""
        arch, library = here(), libc()
        if layout == DYNAMIC:
            return cls._started(spawn(library, _ORDINARY, lambda: _trace_me(library), aslr, uid), arch, None)
        with in_memory(program(LAYOUTS[layout], arch)) as file:
            pid = spawn(library, file, lambda: _trace_me(library), aslr, uid)
        return cls._started(pid, arch, syscall_at(LAYOUTS[layout], arch))

    @classmethod
    def _started(cls, pid: int, arch: Arch, syscall: int | None) -> Traced:
        """The exec stop reached, and the process tied to ours."""
        _, status = os.waitpid(pid, 0)
        if not os.WIFSTOPPED(status):
            refused = os.waitstatus_to_exitcode(status) == UNPREPARED
            why = "refuses to trace a child (seccomp, Yama)" if refused else "does not run a program from memory"
            raise NoKernel(f"the kernel {why}")
        tracee = Tracee(pid, arch)
        try:
            tracee.request(Request.SETOPTIONS, 0, Option.EXITKILL | Option.FORK)
            registers = tracee.registers()
            at = _in_vdso(pid, arch) if syscall is None else syscall
        except OSError as error:
            reap(pid)
            raise NoKernel(f"ptrace(): {error.strerror}") from None
        return cls(tracee, at, registers["rsp" if "rsp" in registers else "sp"] + 64)

    def call(self, name: str, *arguments: int) -> int:
        """One system call, stepped over."""
        arch, tracee = self._tracee.arch, self._tracee
        try:
            registers = tracee.registers()
            registers |= {arch.pc: self._syscall, arch.number: arch.numbers[name]}
            if "orig_rax" in registers:
                registers["orig_rax"] = 2**64 - 1  # no call is to be restarted
            registers |= zip(arch.arguments, words(arguments, 6), strict=True)
            tracee.set_registers(registers)
            self._step()
            answer = tracee.registers()[arch.answer]
        except BaseException:
            self.kill()  # who knows where it stopped
            raise
        return signed(answer)

    def _step(self) -> None:
        """One instruction; other stops on the way (a fork, the signal of a child's end) are passed over."""
        status = 0
        while os.WSTOPSIG(status) != signal.SIGTRAP or status >> 16:
            self._tracee.request(Request.SINGLESTEP)
            status = self._tracee.wait()
            if os.WSTOPSIG(status) in _DEADLY:
                raise ChildProcessError(f"process {self.pid} ended: its own code is not mapped any more")

    def write(self, address: int, content: bytes) -> None:
        """Through /proc/PID/mem."""
        with Path(f"/proc/{self.pid}/mem").open("r+b", buffering=0) as memory:
            memory.seek(address)
            memory.write(content)

    def readable(self, address: int) -> bool:
        """Asked from outside."""
        return self._tracee.readable(address)

    def fork(self) -> Traced | int:
        """The child is traced like its parent, and is our child, not its."""
        answer = self.call("clone", CLONE_PARENT | signal.SIGCHLD)
        if answer < 0:
            return answer
        tracee = Tracee(answer, self._tracee.arch, self._tracee.libc)
        tracee.wait()
        return Traced(tracee, self._syscall, self.scratch)

    def kill(self) -> None:
        """End it and collect it; twice does no harm."""
        reap(self.pid)


def _trace_me(library: object) -> bool:
    return library.ptrace(Request.TRACEME, 0, None, None) == 0  # type: ignore[attr-defined]


def _in_vdso(pid: int, arch: Arch) -> int:
    """An instruction that enters the kernel, in the code the kernel itself maps; raises OSError."""
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        found = _VDSO.match(line)
        if found is None:
            continue
        start, end = (int(address, 16) for address in found.groups())
        with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
            memory.seek(start)
            place = memory.read(end - start).find(arch.syscall)
        if place >= 0:
            return start + place
    raise OSError(0, "no instruction to step in the vdso")
