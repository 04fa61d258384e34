"""Starting a program as a child that cannot outlive us, and ending it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from .errors import NoKernel

__all__ = [
    "CLONE_PARENT",
    "PR_SET_PDEATHSIG",
    "UNPREPARED",
    "fork",
    "in_memory",
    "reap",
    "signed",
    "spawn",
    "words",
]

CLONE_PARENT = 0x8000
"""A forked process becomes the child of its parent's parent: of us."""
PR_SET_PDEATHSIG = 1
_ADDR_NO_RANDOMIZE = 0x004_0000
UNPREPARED = 126
"""The exit code of a child that could not be prepared."""
_ERRORS = 2**64 - 4096


def spawn(
    library: Any, program: int | str, prepare: Callable[[], bool], aslr: bool = False, uid: int | None = None
) -> int:
    """Run a program (a path or a descriptor) without arguments; the child's id. Raises NoKernel.

    `prepare` runs in the child, which ends unless that says True. The child gets a session of its own, so that a
    Ctrl-C meant for us does not reach it, and dies with the thread that started it.
    """
    parent = os.getpid()
    pid = fork()
    if pid == 0:
        _become(library, program, prepare, aslr, uid, parent)
    return pid


def fork() -> int:
    """A child that is a copy of us: 0 in it, and it must go straight to exec; raises NoKernel."""
    with warnings.catch_warnings():
        # Python warns of threads that hold locks; the child takes none on its way to exec.
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            return os.fork()
        except OSError as error:
            raise NoKernel(f"fork(): {error.strerror}") from None


def _become(
    library: Any, program: int | str, prepare: Callable[[], bool], aslr: bool, uid: int | None, parent: int
) -> None:
    """In the child. Never returns."""
    try:
        os.setsid()
        if uid is not None:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
        if not aslr:
            library.personality(ctypes.c_ulong(_ADDR_NO_RANDOMIZE))
        # After the change of user, which would forget it; and our parent may have gone by now.
        library.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() == parent and prepare():
            os.execve(program, ["mmsim"], {})
        os._exit(UNPREPARED)
    finally:
        os._exit(127)


@contextlib.contextmanager
def in_memory(content: bytes) -> Iterator[int]:
    """The descriptor of a file that is in no folder; raises NoKernel."""
    try:
        file = os.memfd_create("mmsim", os.MFD_CLOEXEC)
    except OSError as error:
        raise NoKernel(f"memfd_create(): {error.strerror}") from None
    try:
        os.write(file, content)
        yield file
    finally:
        os.close(file)


def reap(pid: int) -> None:
    """End a child and collect it; twice does no harm."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)


def words(values: tuple[int, ...], count: int) -> tuple[int, ...]:
    """Arguments as `count` unsigned words.

    >>> words((-1,), 2)
    (18446744073709551615, 0)
    """
    return tuple(value & (2**64 - 1) for value in (*values, *(0,) * (count - len(values))))


def signed(answer: int) -> int:
    """A system call's answer: an error as a small negative number.

    >>> signed(2**64 - 12), signed(2**64 - 4096)
    (-12, 18446744073709547520)
    """
    return answer - 2**64 if answer > _ERRORS else answer
