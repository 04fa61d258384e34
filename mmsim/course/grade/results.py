"""Results as files: one JSON a learner, and what a run needs to go on.

A file is written whole or not at all, so that a run that is killed loses only what it was working on.
"""

import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

from ..errors import CourseError
from .marking import FORMAT, Result

__all__ = ["NotResults", "Results", "write"]

_MARKER = "mmsim-results.json"
_SEED = ".seed"


class NotResults(CourseError):
    """A folder that cannot hold results: there is something else in it, or it cannot be written."""


class Results:
    """A folder of results. Made if it is not there; NotResults for one that holds something else."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            strange = sorted(path.name for path in folder.iterdir() if path.name != _SEED)
            if strange and not (folder / _MARKER).is_file():
                raise NotResults(f"{folder}: expected an empty folder or one with results, found {strange[0]}")
            for name in ("results", "feedback"):
                (folder / name).mkdir(exist_ok=True)
            self.seed = self._secret()
            write(folder / _MARKER, json.dumps({"format": FORMAT, "what": "results of mmsim grade"}) + "\n")
        except OSError as error:
            raise NotResults(f"{folder}: cannot be written ({error.strerror})") from None

    def _secret(self) -> str:
        """The seed of the hidden cases: drawn once, kept, readable for its owner only."""
        path = self.folder / _SEED
        try:
            kept = path.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            kept = ""
        if not kept:
            kept = secrets.token_hex(16)
            write(path, kept + "\n", mode=0o600)
        return kept

    def save(self, result: Result) -> None:
        """Keep a result, in place of the one before."""
        text = json.dumps(result, indent=1, ensure_ascii=False) + "\n"
        write(self.folder / "results" / f"{file_name(result['learner'])}.json", text)

    def load(self, learner: str) -> Result | None:
        """The result kept for a learner, None if there is none that can be read."""
        return _read(self.folder / "results" / f"{file_name(learner)}.json")

    def all(self) -> Iterator[Result]:
        """Every result, by the learner's name; a copy of one under another name is none."""
        found = ((path, _read(path)) for path in (self.folder / "results").glob("*.json"))
        known = [result for path, result in found if result and path.stem == file_name(str(result.get("learner")))]
        yield from sorted(known, key=lambda result: str(result["learner"]))


def file_name(learner: str) -> str:
    """A name for files: no two learners have the same, also where capitals do not count, and none says where to go.

    >>> file_name("ada"), file_name("../Ada"), file_name("con")
    ('ada', 'Ada-4e4af21652b78501', 'con-1143da2bc54c495c')
    """
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", learner).strip(".-_")[:60]
    if safe == learner and safe == safe.lower() and not _MARKED.search(safe) and not _DEVICE.match(safe):
        return safe
    return f"{safe or 'learner'}-{hashlib.sha256(learner.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


_MARKED = re.compile(r"-[0-9a-f]{16}$")
"""A name that looks as if we had made it gets another mark, so that nobody can choose somebody else's."""
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)")
"""What Windows does not take for a file."""


def write(path: Path, text: str, mode: int = 0o644) -> None:
    """Write a file whole, or leave the old one: under another name first, and on the disk before it is renamed."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    number = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(number, "w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)


def _read(path: Path) -> Result | None:
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return result if isinstance(result, dict) and result.get("format") == FORMAT else None
