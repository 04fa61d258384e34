"""A live process whose address space changes only by the system calls injected into it.

The ops and arguments are those of a `syscall-trace/1`, so that a script can be run here and in a simulated process
side by side. Backed by ptrace.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from mmsim.mm.units import MASK, PAGE

from .elf import DATA, LAYOUTS, TEXT, Layout
from .ptrace import Traced

__all__ = ["LiveProcess", "LiveVma"]

_NUMBERS = {
    "munmap": 11,
    "mprotect": 10,
    "madvise": 28,
    "mremap": 25,
    "mlock": 149,
    "munlock": 150,
    "mlockall": 151,
    "munlockall": 152,
}
_BRK, _MMAP, _PRLIMIT, _GETRANDOM = 12, 9, 302, 318
_RESOURCES = {"DATA": 2, "MEMLOCK": 8, "AS": 9}
_HEAD = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S{4}) ([0-9a-f]+) \S+ \d+ *(.*)")
_CAP_IPC_LOCK = 14
EFAULT = 14


class LiveVma(NamedTuple):
    """One mapping as the kernel shows it; `anonymous_kb` is what of it is present and private."""

    start: int
    end: int
    perms: str
    offset: int
    name: str
    flags: str
    anonymous_kb: int

    @property
    def is_file(self) -> bool:
        """Backed by a file, shared memory included."""
        return self.name.startswith("/")


class LiveProcess:
    """A process of its own making on the running kernel; use it in a `with`, it ends with the block.

    `uid` runs it as another user (without privileges), which needs root. Raises NoPtrace.
    """

    def __init__(self, layout: str = "bss", uid: int | None = None) -> None:
        self.layout: Layout = LAYOUTS[layout]
        self._traced = Traced.start(self.layout, uid=uid)
        self._others: list[Traced] = []
        self.start_brk = self._traced.call(_BRK, 0)
        self._hard = {"DATA": MASK, "AS": MASK, "MEMLOCK": self._limit("MEMLOCK")}

    def __enter__(self) -> LiveProcess:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End every process; twice does no harm."""
        for traced in (*self._others, self._traced):
            traced.kill()
        self._others.clear()

    @property
    def pid(self) -> int:
        """The process the next op goes to."""
        return self._traced.pid

    # -- doing

    def do(self, op: str, arg: Any) -> int:
        """Do one op of a syscall-trace; its answer. KeyError for an op this cannot do."""
        action = _OPS.get(op)
        return action(self, arg) if action is not None else self._plain(op, arg)

    def _plain(self, op: str, arg: Any) -> int:
        arguments = arg if isinstance(arg, list) else [] if arg is None else [arg]
        return self._traced.call(_NUMBERS[op], *arguments)

    def _brk(self, arg: int) -> int:
        return self._traced.call(_BRK, arg)

    def _mmap(self, arg: list[int]) -> int:
        return self._traced.call(_MMAP, *arg, -1, 0)

    def _touch(self, arg: int) -> int:
        """The kernel writes one byte for the process, obeying the mapping's permissions."""
        return 0 if self._traced.call(_GETRANDOM, arg, 1, 0) == 1 else -EFAULT

    def _peek(self, arg: int) -> int:
        """One byte read from outside, obeying the mapping's permissions (process_vm_readv())."""
        return 0 if self._traced.readable(arg) else -EFAULT

    def _setrlimit(self, arg: list[Any]) -> int:
        name, soft = arg
        place = self._scratch()
        self._write(place, struct.pack("<QQ", soft & MASK, self._hard[name]))
        return self._traced.call(_PRLIMIT, 0, _RESOURCES[name], place, 0)

    def _fork(self, arg: str) -> int:
        child = self._traced.fork()
        if isinstance(child, int):
            return child
        if arg == "parent":
            self._others.append(child)
            return 1
        self._others.append(self._traced)
        self._traced = child
        return 0

    def _kill_other(self, arg: None) -> int:
        if not self._others:
            return 0
        self._others.pop().kill()
        return 1

    # -- looking

    def vmas(self) -> list[LiveVma]:
        """Every mapping, from smaps; the gate page, which is in no mm, left out."""
        found: list[LiveVma] = []
        for line in Path(f"/proc/{self.pid}/smaps").read_text().splitlines():
            head = _HEAD.fullmatch(line)
            if head is not None:
                start, end, perms, offset, name = head.groups()
                found.append(LiveVma(int(start, 16), int(end, 16), perms, int(offset, 16), name, "", 0))
            elif line.startswith("Anonymous:"):
                found[-1] = found[-1]._replace(anonymous_kb=int(line.split()[1]))
            elif line.startswith("VmFlags:"):
                found[-1] = found[-1]._replace(flags=line.partition(":")[2].strip())
        return [vma for vma in found if vma.name != "[vsyscall]"]

    def sizes(self) -> dict[str, int]:
        """VmSize, VmData and VmLck in kB, from status."""
        status = self._status()
        return {name: int(status[name].split()[0]) for name in ("VmSize", "VmData", "VmLck")}

    def _status(self) -> dict[str, str]:
        text = Path(f"/proc/{self.pid}/status").read_text()
        return dict(line.split(":", 1) for line in text.splitlines())

    def header(self) -> dict[str, Any]:
        """The header of a syscall-trace that starts from here."""
        status = self._status()
        data = (DATA, DATA + self.layout.filesz) if self.layout.filesz else (TEXT, TEXT + PAGE)
        return {
            "format": "syscall-trace/1",
            "start_brk": self.start_brk,
            "brk": self.start_brk,
            "start_data": data[0],
            "end_data": data[1],
            "uid": int(status["Uid"].split()[0]),
            "cap_ipc_lock": bool(int(status["CapEff"], 16) >> _CAP_IPC_LOCK & 1),
            "initial": [
                [vma.start, vma.end, vma.perms, vma.offset, vma.name or "anon", vma.flags, vma.anonymous_kb]
                for vma in self.vmas()
            ],
            "limits": {"DATA": [-1, -1], "AS": [-1, -1], "MEMLOCK": [self._hard["MEMLOCK"]] * 2},
            "env": {"overcommit_memory": int(Path("/proc/sys/vm/overcommit_memory").read_text())},
        }

    def _limit(self, name: str) -> int:
        """The hard limit in bytes."""
        place = self._scratch()
        self._traced.call(_PRLIMIT, 0, _RESOURCES[name], 0, place)
        with Path(f"/proc/{self.pid}/mem").open("rb", buffering=0) as memory:
            memory.seek(place)
            return struct.unpack("<QQ", memory.read(16))[1]

    def _scratch(self) -> int:
        """A few bytes of the stack's top page, which is present from the start."""
        return next(vma.end for vma in self.vmas() if vma.name == "[stack]") - 64

    def _write(self, place: int, content: bytes) -> None:
        with Path(f"/proc/{self.pid}/mem").open("r+b", buffering=0) as memory:
            memory.seek(place)
            memory.write(content)


_OPS: dict[str, Callable[[LiveProcess, Any], int]] = {
    "brk": LiveProcess._brk,
    "mmap": LiveProcess._mmap,
    "touch": LiveProcess._touch,
    "peek": LiveProcess._peek,
    "setrlimit": LiveProcess._setrlimit,
    "fork": LiveProcess._fork,
    "kill_other": LiveProcess._kill_other,
}
