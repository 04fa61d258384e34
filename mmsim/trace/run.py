"""Running a script of system calls in one generation, and telling what comes of each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmsim.mm import INVARIANTS, Broken

from .recording import RecordingError, field, read
from .syscall_trace import FORMAT, Session

__all__ = ["run"]


def run(path: str | Path, generation: str, as_json: bool = False) -> Iterator[str]:
    """Lines of text, or of JSON, for each op of a script; recorded answers are ignored.

    Raises RecordingError, with the line, for a script that cannot be used; what ran before stays told.
    """
    recording = read(path)
    if recording.format != FORMAT:
        raise RecordingError(f"{path}:1: format is {recording.format!r}, expected {FORMAT!r}")
    line = 1
    try:
        session = Session(recording.header, generation)
        if not as_json:
            yield f"{path}: {len(recording.records)} ops, brk() of {generation}"
        for line, record in recording.records:  # noqa: B007 - the error message needs the line
            op, arg = field(record, "op", "string"), Session.arg_of(record)
            ret, broken = session.judged(op, arg)
            told = _as_json(session, op, arg, ret, broken) if as_json else _as_text(session, op, arg, ret, broken)
            yield from told
    except RecordingError as error:
        raise RecordingError(f"{path}:{line}: {error}") from None


def _as_json(session: Session, op: str, arg: Any, ret: int, broken: list[Broken]) -> Iterator[str]:
    yield json.dumps(
        {
            "op": op,
            "arg": arg,
            "ret": ret,
            "brk": session.process.mm.brk,
            "maps": session.maps(),
            "counters": session.counters(),
            "broken": list(dict.fromkeys(each.id for each in broken)),
            "events": [" ".join(map(str, event)) for event in session.process.mm.events],
        }
    )


def _as_text(session: Session, op: str, arg: Any, ret: int, broken: list[Broken]) -> Iterator[str]:
    yield f"\n{op} {_number(arg)} = {_number(ret)}   (brk {session.process.mm.brk:#x})"
    for start, end, perms, anon, letters, present in session.maps():
        what = "anon" if anon else "file"
        yield f"  {start:#x}-{end:#x} {(end - start) >> 10:>8} kB {perms} {what} {present:>6} kB present  {letters}"
    yield "  " + "  ".join(f"{name} {value}" for name, value in session.counters().items())
    for each in broken:
        meaning = INVARIANTS[each.id][0]
        yield f"  BROKEN {each.id} ({meaning}): {each.what}"


def _number(value: Any) -> str:
    """Addresses in hex, small numbers and errors in decimal."""
    if isinstance(value, list):
        return "[" + ", ".join(map(_number, value)) + "]"
    if type(value) is int and value > 0xFFFF:
        return hex(value)
    return str(value)
