"""A live process whose address space changes only by the system calls injected into it.

The ops and arguments are those of a `syscall-trace/1`, so that a script can be run here and in a simulated process
side by side.
"""

from __future__ import annotations

import platform
import struct
import weakref
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from mmsim.mm.units import EFAULT, MASK, PAGE, page_align

from .backend import start
from .child import Child
from .elf import LAYOUTS
from .errors import NoKernel
from .smaps import LiveVma, parse_smaps

__all__ = ["RELEASE", "LiveProcess"]

RELEASE = platform.release()
_RESOURCES = {"DATA": 2, "MEMLOCK": 8, "AS": 9}
_CAP_IPC_LOCK = 14
_SETTINGS = ("overcommit_memory", "overcommit_ratio", "max_map_count", "mmap_min_addr")
_PR_SET_MM, _PR_SET_MM_MAP = 35, 14


class LiveProcess:
    """A process of its own making on the running kernel; use it in a `with`, it ends with the block.

    `layout` says what lies below the heap (`LAYOUTS`, or "dynamic"). `uid` runs it as another user, which needs
    root. `aslr` leaves the addresses to chance. `backend` is "ptrace", "agent" or None for what works. It belongs to
    the thread that made it, and ends with that. Raises NoKernel.
    """

    def __init__(
        self, layout: str = "bss", uid: int | None = None, aslr: bool = False, backend: str | None = None
    ) -> None:
        started = start(layout, aslr, uid, backend)
        self.layout, self.aslr = layout, aslr
        self.backend, self.why = started.backend, started.why
        self._child = started.child
        self._children: list[Child] = [self._child]  # the youngest last
        # However it is forgotten, nothing stays behind.
        self.close = weakref.finalize(self, _end, self._children)
        try:
            self._hard = {"DATA": MASK, "AS": MASK, "MEMLOCK": _hard_limit(self.pid, "Max locked memory")}
            self.start_brk = self._child.call("brk", 0)
            self._settle()
        except OSError as error:
            self.close()
            raise NoKernel(f"{error.filename or 'the process asked'}: {error.strerror or error}") from None
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> LiveProcess:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The process the next op goes to."""
        return self._child.pid

    @property
    def pids(self) -> list[int]:
        """Every process of it that lives."""
        return [child.pid for child in self._children]

    @property
    def source(self) -> str:
        """Who answers, in words.

        >>> from mmsim.kernel import NoKernel
        >>> try:
        ...     source = LiveProcess().source
        ... except NoKernel as reason:
        ...     source = str(reason)
        >>> len(source) > 10
        True
        """
        because = f" ({self.why})" if self.why else ""
        return f"Linux {RELEASE}, asked by {self.backend}{because}"

    # -- doing

    def do(self, op: str, arg: Any) -> int:
        """Do one op of a syscall-trace; its answer. KeyError for an op this cannot do."""
        return _OPS[op](self, op, arg)

    def _ranged(self, op: str, arg: Any) -> int:
        """A call whose arguments are the op's."""
        arguments = arg if isinstance(arg, list) else [] if arg is None else [arg]
        return self._child.call(op, *arguments)

    def _mmap(self, op: str, arg: list[int]) -> int:
        return self._child.call(op, *arg, -1, 0)

    def _touch(self, op: str, arg: int) -> int:
        """The kernel writes one byte for the process, obeying the mapping's permissions."""
        return 0 if self._child.call("getrandom", arg, 1, 0) == 1 else -EFAULT

    def _peek(self, op: str, arg: int) -> int:
        """One byte read, obeying the mapping's permissions."""
        return 0 if self._child.readable(arg) else -EFAULT

    def _setrlimit(self, op: str, arg: list[Any]) -> int:
        name, soft = arg
        self._child.write(self._child.scratch, struct.pack("<QQ", soft & MASK, self._hard[name]))
        return self._child.call("prlimit64", 0, _RESOURCES[name], self._child.scratch, 0)

    def _fork(self, op: str, arg: str) -> int:
        """Both go on living; `arg` says which is told what comes next."""
        child = self._child.fork()
        if isinstance(child, int):
            return child
        if arg == "parent":
            self._children.insert(-1, child)
            return 1
        self._children.append(child)
        self._child = child
        return 0

    def _kill_other(self, op: str, arg: None) -> int:
        """The one that was left last."""
        if len(self._children) == 1:
            return 0
        self._children.pop(-2).kill()
        return 1

    # -- looking

    def vmas(self) -> list[LiveVma]:
        """Every mapping with its flags, from smaps; the gate page, which is in no mm, left out."""
        return parse_smaps(Path(f"/proc/{self.pid}/smaps").read_text())

    def status(self) -> dict[str, str]:
        """/proc/PID/status by name."""
        text = Path(f"/proc/{self.pid}/status").read_text()
        return {name: value.strip() for name, _, value in (line.partition(":") for line in text.splitlines())}

    def sizes(self) -> dict[str, int]:
        """VmSize, VmData and VmLck in kB, from status."""
        status = self.status()
        return {name: int(status[name].split()[0]) for name in ("VmSize", "VmData", "VmLck")}

    def _file_pages(self) -> dict[str, int]:
        """The length of each mapped file, by the name its mappings have: behind its end nothing can be present."""
        names = {vma.name for vma in self.vmas() if vma.is_file}
        own = PAGE + LAYOUTS[self.layout].filesz if self.layout in LAYOUTS else None
        lengths = {name: own or Path(name).stat().st_size for name in sorted(names)}
        return {name: page_align(length) // PAGE for name, length in lengths.items()}

    def header(self) -> dict[str, Any]:
        """The header of a syscall-trace that starts from here."""
        status, marks = self.status(), self._marks()
        elf = {"elf": [list(segment) for segment in LAYOUTS[self.layout].segments]} if self.layout in LAYOUTS else {}
        return {
            "format": "syscall-trace/1",
            "kernel": RELEASE,
            "arch": platform.machine(),
            "page": PAGE,
            "layout": {"name": self.layout, **elf},
            "aslr": self.aslr,
            "start_brk": self.start_brk,
            "brk": self._child.call("brk", 0),
            "start_data": marks[2],
            "end_data": marks[3],
            "uid": int(status["Uid"].split()[0]),
            "cap_ipc_lock": bool(int(status["CapEff"], 16) >> _CAP_IPC_LOCK & 1),
            "initial": [
                [vma.start, vma.end, vma.perms, vma.offset, vma.name or "anon", vma.flags, vma.anonymous_kb]
                for vma in self.vmas()
            ],
            "files": self._file_pages(),
            "limits": {"DATA": [-1, -1], "AS": [-1, -1], "MEMLOCK": [self._hard["MEMLOCK"]] * 2},
            "status": {name: int(status[name].split()[0]) for name in ("VmSize", "VmData", "VmLck", "VmStk")},
            "env": {name: int(Path(f"/proc/sys/vm/{name}").read_text()) for name in _SETTINGS},
        }

    # -- the start of the heap

    def move_heap(self, address: int) -> int:
        """Let an empty heap start elsewhere (prctl(PR_SET_MM_MAP), which needs no privilege); 0 or an error."""
        marks = self._marks()
        content = struct.pack("<12Q2I", *marks[:4], address, address, *marks[4:], 0, 0, MASK >> 32)
        self._child.write(self._child.scratch, content)
        answer = self._child.call("prctl", _PR_SET_MM, _PR_SET_MM_MAP, self._child.scratch, len(content), 0)
        self.start_brk = self._child.call("brk", 0)
        return answer

    def _settle(self) -> None:
        """The heap where it belongs, also if personality() was refused."""
        wanted = None if self.aslr or self.layout not in LAYOUTS else LAYOUTS[self.layout].start_brk
        if wanted not in (None, self.start_brk) and self.move_heap(wanted) < 0:
            raise NoKernel(f"the heap starts at {self.start_brk:#x} and may not be moved to {wanted:#x}")

    def _marks(self) -> list[int]:
        """Starts and ends of code and data, the stack's start, and ends of arguments and environment; from stat."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        code, stack, (data, _heap, rest) = fields[23:25], fields[25], (fields[42:44], fields[44], fields[45:49])
        return [int(each) for each in (*code, *data, stack, *rest)]


def _end(children: list[Child]) -> None:
    while children:
        children.pop().kill()


def _hard_limit(pid: int, name: str) -> int:
    """A hard limit in bytes, from /proc/PID/limits."""
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
    value = next(line[len(name) :].split()[1] for line in lines if line.startswith(name))
    return MASK if value == "unlimited" else int(value)


_PLAIN = ("brk", "munmap", "mprotect", "madvise", "mremap", "mlock", "munlock", "mlockall", "munlockall")
_OPS: dict[str, Callable[[LiveProcess, str, Any], int]] = {
    **dict.fromkeys(_PLAIN, LiveProcess._ranged),
    "mmap": LiveProcess._mmap,
    "touch": LiveProcess._touch,
    "peek": LiveProcess._peek,
    "setrlimit": LiveProcess._setrlimit,
    "fork": LiveProcess._fork,
    "kill_other": LiveProcess._kill_other,
}
OPS = tuple(_OPS)
"""What can be asked of a live process."""
