"""Replaying recordings of the kernel and comparing every record."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from . import maple_trace, syscall_trace
from .recording import Recording, RecordingError, read

__all__ = ["Difference", "Report", "replay"]


class Difference(NamedTuple):
    """One record whose answer is not the recorded one."""

    line: int
    record: dict[str, Any]
    expected: dict[str, Any]
    got: dict[str, Any]

    def __str__(self) -> str:
        given = {name: value for name, value in self.record.items() if name not in self.expected}
        lines = [f"  first difference, line {self.line}: {json.dumps(given)}"]
        if "tree" in self.expected:
            return "\n".join(
                [*lines, *_side_by_side(_tree_lines(self.expected["tree"]), _tree_lines(self.got["tree"]))]
            )
        if "maps" in self.expected:
            return "\n".join([*lines, *_side_by_side(_maps_lines(self.expected), _maps_lines(self.got))])
        return "\n".join([*lines, f"    expected {json.dumps(self.expected)}", f"    got      {json.dumps(self.got)}"])


class Report(NamedTuple):
    """What a replay found: how many records, how many differ, the first that does."""

    path: str
    records: int
    differ: int
    first: Difference | None

    def __str__(self) -> str:
        line = f"{self.path}: {self.records} records, {self.differ} differ"
        return line if self.first is None else f"{line}\n{self.first}"


def replay(path: str | Path, generation: str = "today") -> Report:
    """Replay one file from its start and compare every answer; `generation` chooses the brk() code.

    Raises RecordingError for a file that cannot be used. After a difference it goes on with
    mmsim's state, so later differences may follow from the first.
    """
    recording = read(path)
    line, differ, first = 1, 0, None
    try:
        play = _player(recording, generation)
        for line, record in recording.records:
            got = play(record)
            expected = {name: record[name] for name in got}
            if got != expected:
                differ += 1
                first = first or Difference(line, record, expected, got)
    except RecordingError as error:
        raise RecordingError(f"{path}:{line}: {error}") from None
    return Report(str(path), len(recording.records), differ, first)


def _player(recording: Recording, generation: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """What answers the records of a recording."""
    if recording.format == maple_trace.FORMAT:
        return partial(maple_trace.play, maple_trace.new_tree(recording.header))
    if recording.format == syscall_trace.FORMAT:
        return syscall_trace.Session(recording.header, generation).answer
    known = f"{maple_trace.FORMAT!r} or {syscall_trace.FORMAT!r}"
    raise RecordingError(f"format is {recording.format!r}, expected {known}")


def _side_by_side(expected: list[str], got: list[str]) -> list[str]:
    """Two columns; a mark on the lines that differ."""
    left, right = ["expected", *expected], ["got", *got]
    width = max(map(len, left))
    rows = zip_longest(left, right, fillvalue="")
    return [f"    {one:<{width}} {' ' if one == two or not n else '|'} {two}" for n, (one, two) in enumerate(rows)]


def _maps_lines(answer: dict[str, Any]) -> list[str]:
    """An answer with maps: what was returned, the counters, a line a VMA."""
    lines = [f"{name} {value}" for name, value in answer.items() if name != "maps"]
    for row in answer["maps"]:
        start, end, *rest = row if isinstance(row, list) and len(row) > 2 else (0, 0, row)
        lines.append(f"{start:x}-{end:x} {' '.join(map(str, rest))}")
    return lines


def _tree_lines(form: Any, pad: str = "") -> list[str]:
    """A canonical tree as indented lines; wrong shapes are printed as they are."""
    if not isinstance(form, dict) or "slots" not in form:
        return [f"{pad}{json.dumps(form)}"]
    gaps = f" gaps {form['gaps']} gap_slot {form.get('gap_slot')}" if "gaps" in form else ""
    lines = [f"{pad}{form.get('type')} {form.get('min')}-{form.get('max')}{gaps}"]
    for last, slot in form["slots"]:
        inner = isinstance(slot, dict)
        lines += _tree_lines(slot, pad + "  ") if inner else [f"{pad}  ..{last}: {json.dumps(slot)}"]
    return lines
