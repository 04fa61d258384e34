"""Reading recordings: JSON lines, the first one a header with the format's name."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["Recording", "RecordingError", "field", "read"]

KINDS = {"integer": int, "list": list, "object": dict, "string": str}


class RecordingError(Exception):
    """A file that is no usable recording: one line that says where and what was expected."""


class Recording(NamedTuple):
    """A recording in memory: `records` are (line number, record) pairs."""

    path: str
    header: dict[str, Any]
    records: list[tuple[int, dict[str, Any]]]

    @property
    def format(self) -> str:
        """The format's name and version, "maple-trace/1" for instance."""
        return self.header["format"]


def read(path: str | Path) -> Recording:
    """Read a .jsonl or .jsonl.gz file; raises RecordingError for one that cannot be used."""
    lines = list(_objects(Path(path)))
    if not lines:
        raise RecordingError(f"{path}: the file is empty, expected a header line")
    _, header = lines[0]
    if not isinstance(header.get("format"), str):
        raise RecordingError(f'{path}:1: no "format" in the header, expected for instance "maple-trace/1"')
    return Recording(str(path), header, lines[1:])


def _objects(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each line's JSON object with its line number."""
    if path.suffix == ".jsonl" and not path.exists():
        # JupyterLite takes such a file for one JSON text, finds it faulty and denies it: there it is a .txt.
        path = twin if (twin := path.with_suffix(".txt")).exists() else path
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, _object(path, number, line)
    except (OSError, EOFError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise RecordingError(f"{path}: cannot be read: {reason}") from None


def _object(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError as error:
        cut = "" if line.endswith("\n") else " (is the file cut off?)"
        raise RecordingError(f"{path}:{number}: not JSON: {error}{cut}") from None
    if not isinstance(value, dict):
        raise RecordingError(f"{path}:{number}: expected a JSON object, got {line.strip()[:40]}")
    return value


def field(record: dict[str, Any], name: str, kind: str = "integer", null: bool = False) -> Any:
    """A field of a record, of the kind expected; raises RecordingError that names it.

    >>> field({"op": "load", "index": "7"}, "index")
    Traceback (most recent call last):
    ...
    mmsim.trace.recording.RecordingError: load: "index" is "7", expected integer
    """
    op = record.get("op", "record")
    if name not in record:
        raise RecordingError(f'{op}: no "{name}", expected {kind}')
    value = record[name]
    if (value is None and null) or type(value) is KINDS[kind]:
        return value
    raise RecordingError(f'{op}: "{name}" is {json.dumps(value)}, expected {kind}{" or null" if null else ""}')
