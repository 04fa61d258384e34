"""Recording a census: what a program and all it starts ask of brk(), as a brk-census/1 object."""

from __future__ import annotations

import json
import platform
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmsim.kernel import NoKernel
from mmsim.kernel.backend import VARIABLE, choice
from mmsim.kernel.brkwatch import Call, Space, Watched, watch
from mmsim.mm.units import PAGE

from .census import FORMAT, SHIPPED, Job, kind_of, load, read
from .recording import RecordingError

__all__ = ["keep", "own_job", "record", "refuse", "told"]

_STAND_IN = "bash-loop"

_COLUMNS = ["arg", "ret", "kind", "heap_vmas_after"]


def record(command: Sequence[str], name: str = "") -> tuple[dict[str, Any], str]:
    """Run a program in our terminal; what was recorded, and one line that says how much.

    The file format tells no address space that could not be looked at from one that called nothing; the line does.
    Raises NoKernel where nothing may be traced, OSError with its name for a program that cannot be run.
    """
    watched = watch(command)
    rows = [_row(space) for space in watched.spaces]
    census = {
        "format": FORMAT,
        "name": name or Path(command[0]).name,
        "command": list(command),
        "kernel": platform.release(),
        "page": PAGE,
        "exit": watched.exit,
        "summary": _summary(rows),
        "call_columns": _COLUMNS,
        "address_spaces": rows,
    }
    return census, told(census["name"], watched)


def own_job(command: Sequence[str]) -> tuple[Job, str]:
    """The job of a program that is run now, and a line on it; a shipped one, and why, where none can be recorded.

    Never raises for a program that cannot be run: the line says so.
    """
    try:
        if choice() == "recording":
            raise NoKernel(f"{VARIABLE}=recording asks for none")
        census, line = record(command)
        return load(census), line
    except NoKernel as reason:
        why = f"no program can be recorded here: {reason}"
    except OSError as error:
        why = f"{command[0]}: cannot be run: {error.strerror}"
    return read(SHIPPED / f"{_STAND_IN}.json"), f"{why}; in its place the shipped job {_STAND_IN}"


def _row(space: Space) -> dict[str, Any]:
    return {
        "n": space.number,
        "exe": space.exe,
        "how": space.how,
        "parent": space.parent,
        "start_brk": space.start_brk,
        "loader_bss_pages": space.bss,
        "calls": [_call(space.start_brk, call) for call in space.calls],
    }


def _call(start_brk: int, call: Call) -> list[Any]:
    kind = kind_of(start_brk, call.want, call.old, call.answer, call.before, call.after)
    return [call.want, call.answer, kind, call.after]


def _summary(rows: list[dict[str, Any]]) -> dict[str, int]:
    """How many of each; kinds in the order they came up."""
    return {
        "address spaces": len(rows),
        "execs": sum(row["how"] == "exec" for row in rows),
        "loader bss": sum(len(row["loader_bss_pages"]) for row in rows),
        **Counter(call[2] for row in rows for call in row["calls"]),
    }


def told(name: str, watched: Watched) -> str:
    """One line on what was recorded.

    >>> told("true", Watched([Space(0, "true", "exec", None, 0x1000, [], 0x1000)], 0, False))
    'recorded true: 1 address space, 0 calls of brk(), exit code 0'
    """
    calls = sum(len(space.calls) for space in watched.spaces)
    ended = f"exit code {watched.exit}" if watched.exit >= 0 else f"ended by signal {-watched.exit}"
    parts = [_plural(len(watched.spaces), "address space"), f"{_plural(calls, 'call')} of brk()", ended]
    hidden = sum(space.hidden for space in watched.spaces)
    if hidden:
        parts.append(f"{_plural(hidden, 'address space')} may not be looked at: calls missing")
    if watched.interrupted:
        parts.append("interrupted")
    return f"recorded {name}: {', '.join(parts)}"


def _plural(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def refuse(path: str | Path) -> None:
    """Before anything runs: raise RecordingError where `keep` would replace something or have no folder to write in."""
    path = Path(path)
    if path.exists():
        raise RecordingError(f"{path}: is there already, and the recording would replace it: expected another name")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RecordingError(f"{path}: nothing can be kept there: {error.strerror}") from None


def keep(census: dict[str, Any], path: str | Path) -> None:
    """Write a recording to a new file; raises RecordingError."""
    try:
        with Path(path).open("x", encoding="utf-8") as file:
            json.dump(census, file, separators=(",", ":"))
    except OSError as error:
        raise RecordingError(f"{path}: cannot be written: {error.strerror}") from None
