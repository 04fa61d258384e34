"""Replaying recordings of the kernel and comparing every record."""

from __future__ import annotations

import json
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from . import maple_trace
from .recording import RecordingError, read

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
            return "\n".join([*lines, *_side_by_side(self.expected["tree"], self.got["tree"])])
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


def replay(path: str | Path) -> Report:
    """Replay one file on an empty tree and compare every answer.

    Raises RecordingError for a file that cannot be used. After a difference it goes on with
    mmsim's tree, so later differences may follow from the first.
    """
    recording = read(path)
    if recording.format != maple_trace.FORMAT:
        raise RecordingError(f"{path}:1: format is {recording.format!r}, expected {maple_trace.FORMAT!r}")
    line, differ, first = 1, 0, None
    try:
        tree = maple_trace.new_tree(recording.header)
        for line, record in recording.records:
            got = maple_trace.play(tree, record)
            expected = {name: record[name] for name in got}
            if got != expected:
                differ += 1
                first = first or Difference(line, record, expected, got)
    except RecordingError as error:
        raise RecordingError(f"{path}:{line}: {error}") from None
    return Report(str(path), len(recording.records), differ, first)


def _side_by_side(expected: Any, got: Any) -> list[str]:
    """Two canonical trees as two columns; a mark on the lines that differ."""
    left, right = ["expected", *_tree_lines(expected)], ["got", *_tree_lines(got)]
    width = max(map(len, left))
    rows = zip_longest(left, right, fillvalue="")
    return [f"    {one:<{width}} {' ' if one == two or not n else '|'} {two}" for n, (one, two) in enumerate(rows)]


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
