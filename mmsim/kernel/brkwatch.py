"""The brk() calls of a program and all it starts, seen by a tracer that stops it nowhere else.

A seccomp filter stops the program at brk() only; beside that it stops where a process, a thread or an address space
begins (fork, vfork, clone, exec). It runs in our terminal and process group, as it would without us. What differs:
set-user-id programs get no rights, a program that traces others cannot, and calls of 32-bit programs are not seen.

The stops and their order are those of ptrace(2) with PTRACE_SEIZE. Cost: two stops a call, some 60 us
together; three stops and an end a process started, some 100 us, and 200 us more for its exec. A compiler or a search of
files runs within a few per cent of its own time, a loop that does nothing but start programs takes half as long again.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import NamedTuple, NoReturn

from mmsim.mm.units import page_align

from .arch import Arch, here
from .errors import NoKernel
from .maps import count, loader_bss
from .ptrace import Event, Option, Request, Tracee, libc
from .seccomp import Filter
from .spawn import fork

__all__ = ["GRACE", "Call", "Space", "Watched", "watch"]

GRACE = 1.0
"""Seconds a program has after Ctrl-C, which it got as well, before it is killed."""

_OPTIONS = Option.SYSGOOD | Option.FORK | Option.VFORK | Option.CLONE | Option.EXEC | Option.SECCOMP | Option.EXITKILL
# Linux's numbers, so that this can be imported anywhere: SIGTRAP, marked by SYSGOOD; SIGSTOP, TSTP, TTIN, TTOU.
_SYSCALL = 5 | 0x80
_STOPPING = (19, 20, 21, 22)
_BIRTHS = (Event.FORK, Event.VFORK, Event.CLONE)
_WALL, _WNOTHREAD = 0x4000_0000, 0x2000_0000
_CLONE_VM = 0x100
_FAILED = 127
_START_BRK = 47
"""The field of /proc/PID/stat, counted from 1."""


class Call(NamedTuple):
    """One call: the break asked for, the answer, the break before, and the VMAs of the heap before and after.

    The VMAs before are counted only for a call that asks for more.
    """

    want: int
    answer: int
    old: int
    before: int
    after: int


@dataclass(slots=True)
class Space:
    """One address space, born by exec or by the fork of another; threads and vfork children share one."""

    number: int
    exe: str
    how: str
    parent: int | None
    start_brk: int
    bss: list[int]
    brk: int
    calls: list[Call] = field(default_factory=list)
    hidden: bool = False
    """Whether we may not look at it, at all or any more (a program its user may run but not read, or one with secrets):
    the calls from then on are missing."""


class Watched(NamedTuple):
    """What was seen. `exit` is the program's exit code, or a signal's number, negated."""

    spaces: list[Space]
    exit: int
    interrupted: bool


def watch(command: Sequence[str]) -> Watched:
    """Run a program to its end, and to that of all it starts. After Ctrl-C, what was seen until then.

    Raises NoKernel where nothing may be traced, OSError with its name for a program that cannot be run.
    """
    watcher = _Watcher(command, here())
    # A tracer is a thread, and what it traces dies with it. A thread of its own also waits for nobody else's children.
    with ThreadPoolExecutor(1, "brkwatch") as pool:
        future = pool.submit(watcher.run)
        try:
            interrupted = _interrupted(future)
        finally:
            watcher.kill()
        return Watched(watcher.spaces, future.result(), interrupted)


def _interrupted(future: Future[int]) -> bool:
    """Wait for the end, after Ctrl-C not for long; whether there was one."""
    try:
        wait([future])
    except KeyboardInterrupt:
        with contextlib.suppress(KeyboardInterrupt):
            wait([future], GRACE)
        return True
    return False


class _Thread:
    """A thread under trace, its address space, and the call it is in."""

    __slots__ = ("before", "space", "tracee", "want")

    def __init__(self, tracee: Tracee, space: Space | None) -> None:
        self.tracee = tracee
        self.space = space
        """None in our own child before its exec."""
        self.want: int | None = None
        self.before = 0


class _Watcher:
    """The tracer; all but `kill` belongs to its thread."""

    def __init__(self, command: Sequence[str], arch: Arch) -> None:
        self.command = command
        self.arch = arch
        self.libc = libc()
        self.spaces: list[Space] = []
        self.threads: dict[int, _Thread] = {}
        self.early: dict[int, int] = {}
        """What is heard of a process before its parent tells of it: statuses."""
        self.ending = False
        self.said = -1
        self.maps = -1
        self.looked_at: Space | None = None

    def run(self) -> int:
        """Start the program and follow all until none is left; the program's exit code."""
        root, ended = -1, -1
        try:
            root = self._start()
            for pid, status in iter(_next, None):
                if pid == root and not os.WIFSTOPPED(status):
                    ended = status
                self._heard(pid, status)
        finally:
            self.kill()
            for pid, status in iter(_next, None):
                if os.WIFSTOPPED(status):
                    _kill(pid)
            self._close()
            reason = self._why_not()
        if reason == 0:
            raise NoKernel("the kernel refuses a seccomp filter (prctl())")
        if reason is not None:
            raise OSError(reason, os.strerror(reason), self.command[0])
        return os.waitstatus_to_exitcode(ended)

    def kill(self) -> None:
        """End everything: what is known now, and what shows up later."""
        self.ending = True
        for pid in list(self.threads):
            _kill(pid)

    # -- the beginning

    def _start(self) -> int:
        """Our child, seized and let go on. It says on a pipe why it could not become the program."""
        stopper = Filter(self.arch, "brk")
        (may_go, go), (self.said, say) = os.pipe(), os.pipe()
        try:
            pid = fork()
            if pid == 0:
                os.close(go)
                self._become(stopper, may_go, say)
            self.threads[pid] = _Thread(Tracee(pid, self.arch, self.libc), None)
            self.threads[pid].tracee.request(Request.SEIZE, 0, _OPTIONS)
            os.write(go, b"!")
        except OSError as error:
            reason = "the kernel refuses to trace a child (seccomp, Yama, or a tracer above us)"
            raise NoKernel(f"{reason}: {error.strerror}") from None
        finally:
            for file in (may_go, go, say):  # a child that was told nothing ends now
                os.close(file)
        return pid

    def _become(self, stopper: Filter, may_go: int, say: int) -> NoReturn:
        """In the child: wait until it is traced, and be the program."""
        try:
            if os.read(may_go, 1):
                for number in (signal.SIGPIPE, signal.SIGXFSZ):
                    signal.signal(number, signal.SIG_DFL)  # Python's own choice, which an exec would keep
                if stopper.install(self.libc):
                    os.execvp(self.command[0], self.command)
                os.write(say, b"0")
        except OSError as error:
            os.write(say, str(error.errno).encode())
        finally:
            os._exit(_FAILED)

    def _why_not(self) -> int | None:
        """What the child said, if it got no further: an error's number, 0 for the filter."""
        if self.said < 0:
            return None
        with os.fdopen(self.said, "rb") as pipe:
            said = pipe.read()
        return int(said) if said else None

    # -- stops

    def _heard(self, pid: int, status: int) -> None:
        """A stop or an end."""
        if self.ending and os.WIFSTOPPED(status):
            _kill(pid)
        thread = self.threads.get(pid)
        if thread is None:
            self.early[pid] = status
        elif not os.WIFSTOPPED(status):
            del self.threads[pid]
        else:
            # Killed since: the request finds nobody, and its end is heard of next.
            with contextlib.suppress(ProcessLookupError, FileNotFoundError):
                self._stopped(thread, status >> 16, os.WSTOPSIG(status))

    def _stopped(self, thread: _Thread, event: int, number: int) -> None:
        """See what the stop is for, and let it go on as it would have."""
        tracee = thread.tracee
        if event == Event.SECCOMP and self._enter(thread):
            tracee.request(Request.SYSCALL)
        elif event == Event.STOP and number in _STOPPING:
            tracee.request(Request.LISTEN)  # stays stopped until it is continued, as if alone
        elif event:
            if event in _BIRTHS:
                self._born(thread, event)
            elif event == Event.EXEC:
                self._exec(thread)
            tracee.request(Request.CONT)
        elif number == _SYSCALL:
            self._leave(thread)
            tracee.request(Request.CONT)
        else:
            tracee.request(Request.CONT, 0, number)  # a signal of its own

    # -- calls

    def _enter(self, thread: _Thread) -> bool:
        """brk() is about to be done; whether its end matters."""
        space = thread.space
        if space is None or space.hidden:
            return False
        (thread.want,) = thread.tracee.some(self.arch.arguments[0])
        thread.before = self._count(thread.tracee.pid, space, space.brk) if thread.want > space.brk else 0
        return not space.hidden

    def _leave(self, thread: _Thread) -> None:
        """brk() was done."""
        space = thread.space
        if space is None or thread.want is None:
            return
        (answer,) = thread.tracee.some(self.arch.answer)
        after = self._count(thread.tracee.pid, space, answer)
        if not space.hidden:
            space.calls.append(Call(thread.want, answer, space.brk, thread.before, after))
        space.brk, thread.want = answer, None

    def _count(self, pid: int, space: Space, brk: int) -> int:
        """The VMAs of a heap that ends at `brk`; a space that may not be looked at any more is hidden from now on."""
        top = page_align(brk)
        try:
            return count(self._maps(pid, space), space.start_brk, top) if top > space.start_brk else 0
        except PermissionError:
            space.hidden = True
            return 0

    def _maps(self, pid: int, space: Space | None) -> int:
        """The maps file of an address space; the last one stays open, for opening costs more than reading."""
        if space is None or space is not self.looked_at:
            self._close()
            self.maps = os.open(f"/proc/{pid}/maps", os.O_RDONLY | os.O_CLOEXEC)
            self.looked_at = space
        return self.maps

    def _close(self) -> None:
        if self.maps >= 0:
            os.close(self.maps)
        self.maps, self.looked_at = -1, None

    # -- births

    def _born(self, thread: _Thread, event: int) -> None:
        """A process or thread begins; its own first stop may have come before."""
        pid, space = thread.tracee.message(), thread.space
        if space is not None and not self._shares(thread.tracee, event):
            space = self._add(space.exe, "fork", space, space.start_brk, [], space.brk, hidden=space.hidden)
        self.threads[pid] = _Thread(Tracee(pid, self.arch, self.libc), space)
        if pid in self.early:
            self._heard(pid, self.early.pop(pid))

    def _shares(self, tracee: Tracee, event: int) -> bool:
        """Whether the new one lives in the address space of the old one (CLONE_VM)."""
        number, first = tracee.some(self.arch.entered, self.arch.arguments[0])
        if number == self.arch.numbers["clone"]:
            return bool(first & _CLONE_VM)
        if number == self.arch.numbers["clone3"]:
            # Its first argument points to a structure, and that begins with the flags.
            return bool(int.from_bytes(tracee.read(first, 8) or b"", "little") & _CLONE_VM)
        return event != Event.FORK  # fork() or vfork(), or a 32-bit program, which starts processes and threads as all

    def _exec(self, thread: _Thread) -> None:
        """A new address space. The thread has the process's id now; the others are gone, and so is its old id."""
        tracee = thread.tracee
        former = tracee.message()
        if former != tracee.pid:
            thread.space = self.threads.pop(former).space
        thread.want = None
        try:
            maps = self._maps(tracee.pid, None)
            exe = os.readlink(f"/proc/{tracee.pid}/exe").rpartition("/")[2]
            start, bss = _start_brk(tracee.pid), loader_bss(_all(maps))
        except PermissionError:
            thread.space = self._add("?", "exec", thread.space, 0, [], 0, hidden=True)
        else:
            thread.space = self.looked_at = self._add(exe, "exec", thread.space, start, bss, start)

    def _add(
        self, exe: str, how: str, parent: Space | None, start: int, bss: list[int], brk: int, hidden: bool = False
    ) -> Space:
        above = None if parent is None else parent.number
        self.spaces.append(Space(len(self.spaces), exe, how, above, start, bss, brk, hidden=hidden))
        return self.spaces[-1]


def _next() -> tuple[int, int] | None:
    """Who of ours stopped or ended, and its status; None when nobody is left."""
    try:
        return os.waitpid(-1, _WALL | _WNOTHREAD)
    except ChildProcessError:
        return None


def _start_brk(pid: int) -> int:
    """Where the heap of a process starts, as its stat file says."""
    file = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    try:
        # The second field, a name, may hold spaces and brackets.
        return int(os.read(file, 4096).rpartition(b")")[2].split()[_START_BRK - 3])
    finally:
        os.close(file)


def _all(maps: int) -> str:
    """The text of a maps file, which comes in pieces."""
    text = b""
    while piece := os.pread(maps, 1 << 16, len(text)):
        text += piece
    return os.fsdecode(text)


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
