"""The start of a worker: gives up rights as its plan says, and only then lets the learner's code in.

Without bubblewrap three processes take part: the guard, which no learner's code ever runs in and which ends whatever
was left behind; in a new process id namespace its first process, with which all others die; and the worker.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from . import confine, worker

__all__ = ["REFUSED", "main"]

REFUSED = 125
"""The exit code of a worker that did not get the protection it was promised."""


class _Stop(BaseException):
    """The grader wants the end."""


def main(text: str) -> None:
    """Run a worker by its plan."""
    plan = json.loads(text)
    channel = worker.settle()
    if plan["level"] != "bubblewrap" and hasattr(os, "fork"):
        _guard(plan, channel)
    _become_worker(plan, channel, "bubblewrap" if plan["level"] == "bubblewrap" else "")


def _guard(plan: dict[str, Any], channel: tuple[int, int]) -> NoReturn:
    """Start the worker, wait, and leave no process behind; also when the grader dies, or sends SIGTERM."""
    status, child = 1, 0
    try:
        signal.signal(signal.SIGTERM, _stop)
        spaces = ""
        if sys.platform == "linux":
            confine.set_death_signal(signal.SIGTERM)
            confine.set_subreaper()
            confine.no_new_privileges()
            spaces = confine.new_namespaces() if plan["namespaces"] else ""
        child = os.fork()
        if child == 0:
            _first(plan, channel, spaces)
        for number in (0, 1, 2, *channel):
            os.close(number)
        status = _wait_for(child)
    except _Stop:
        pass
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        _end_all(child)
        os._exit(status)


def _stop(_number: int, _frame: object) -> None:
    raise _Stop


def _first(plan: dict[str, Any], channel: tuple[int, int], spaces: str) -> NoReturn:
    """In new namespaces: process 1, which starts the worker and collects; else the worker itself."""
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.setsid()
        if sys.platform == "linux":
            confine.set_death_signal(signal.SIGKILL)
        child = os.fork() if spaces else 0
        if child == 0:
            _become_worker(plan, channel, spaces)
        for number in (0, 1, 2, *channel):
            os.close(number)
        os._exit(_wait_for(child))
    finally:
        os._exit(1)


def _wait_for(child: int) -> int:
    """Collect every child there is until this one ends; how it ended, a signal as 128 + its number."""
    while True:
        done, status = os.waitpid(-1, 0)
        if done == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def _end_all(child: int) -> None:
    """Kill all our descendants until none is left; those whose parent died have become our children."""
    if child:
        _kill(child)
    while True:
        for pid in _descendants():
            _kill(pid)
        try:
            os.waitpid(-1, 0)
        except OSError:
            return


def _kill(pid: int) -> None:
    with contextlib.suppress(OSError):
        os.kill(pid, signal.SIGKILL)


def _descendants() -> Iterator[int]:
    """All processes below this one, the nearest first."""
    parents = dict(_parents())
    below = {os.getpid()}
    found = True
    while found:
        found = [pid for pid, parent in parents.items() if parent in below and pid not in below]
        below.update(found)
        yield from found


def _parents() -> Iterator[tuple[int, int]]:
    for name in os.listdir("/proc") if os.path.isdir("/proc") else ():
        if name.isdecimal():
            try:
                yield int(name), int(Path(f"/proc/{name}/stat").read_bytes().rpartition(b")")[2].split()[1])
            except OSError:
                continue


def _become_worker(plan: dict[str, Any], channel: tuple[int, int], spaces: str) -> NoReturn:
    """Give up all rights, then serve. Fails closed: without what the plan promises, no code runs."""
    try:
        if sys.platform == "linux":
            _confine(plan, spaces)
        else:
            confine.limit(plan["limits"])
        del sys.path[0]
        sys.path += plan["path"]
        sys.argv[:] = [""]
        worker.main(channel)
        os._exit(0)
    except BaseException as error:
        os.write(2, f"{type(error).__name__}: {error}\n".encode(errors="replace"))
    finally:
        os._exit(REFUSED)


def _confine(plan: dict[str, Any], spaces: str) -> None:
    if plan["user"]:
        confine.drop_root(plan["user"], plan["keep_reading"])
    else:
        confine.give_up_capabilities()
    if spaces != "bubblewrap":
        confine.set_death_signal(signal.SIGKILL)
    limits = dict(plan["limits"])
    alone = bool(plan["user"]) or spaces in ("bubblewrap", "user")
    limits["NPROC"] = plan["processes"] + (2 if alone else _tasks_of_user())
    missing = confine.limit(limits)
    if not confine.no_new_privileges() or missing:
        raise RuntimeError(f"not every limit could be set: {', '.join(missing) or 'no_new_privs'}")
    allowed = [plan[what] for what in ("readable", "listed", "writable")]
    if plan["level"] == "landlock" and not confine.landlock(*allowed):
        raise RuntimeError("Landlock refused")
    confine.filter_calls(signals=bool(spaces))


def _tasks_of_user() -> int:
    """How many threads this user has by now: the kernel's limit counts them all."""
    count = 0
    for name in os.listdir("/proc"):
        try:
            if name.isdecimal() and os.stat(f"/proc/{name}").st_uid == os.getuid():
                count += len(os.listdir(f"/proc/{name}/task"))
        except OSError:
            continue
    return count
