"""The learner's state: predictions, answers, checkpoint scores and exercises in one plain file.

The file holds one JSON record a line, sorted. Putting two files together, by `merge` or simply one
after the other, gives the same state: of two records with one key the newer wins, and of two
checkpoint records the one with the higher score.
"""

import json
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from .errors import StateError

try:
    import fcntl
except ImportError:  # not on Windows; there two kernels writing at once may lose one record
    fcntl = None  # type: ignore[assignment]

FILE_NAME = "state.jsonl"
FIELDS: dict[str, dict[str, type]] = {
    "prediction": {"choice": str, "sure": int},
    "answer": {"choice": str, "right": bool},
    "checkpoint": {"score": int, "of": int},
    "exercise": {"passed": int, "of": int},
    "hint": {"shown": int},
}
BEST = {"checkpoint": "score", "exercise": "passed", "hint": "shown"}
"""Kinds of which the record with the higher number of this field stays, whichever is newer."""
_WHEN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")

Record = dict[str, object]
Records = dict[tuple[str, str], Record]


def state_folder() -> Path:
    """The folder of the state: MMSIM_STATE, else `.mmsim` in the checkout, else the user's data."""
    chosen = os.environ.get("MMSIM_STATE")
    if chosen:
        return Path(chosen).expanduser()
    home = checkout()
    return home / ".mmsim" if home else _data_folder()


def checkout() -> Path | None:
    """The checkout we work in: above the current folder first, else where this package lies."""
    here = Path.cwd()
    for folder in (here, *here.parents, Path(__file__).resolve().parents[2]):
        if all((folder / name).exists() for name in ("pyproject.toml", "notebooks", "mmsim/course")):
            return folder
    return None


def _data_folder() -> Path:
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "mmsim"


def utc_now() -> str:
    """The time as the records hold it; such texts sort by time."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class State:
    """The state file of one folder; each call reads it afresh, as another kernel may have written.

    Raises StateError, one line, when the folder cannot be used.
    """

    def __init__(self, folder: Path | str | None = None, now: Callable[[], str] = utc_now) -> None:
        self.folder = Path(folder) if folder is not None else state_folder()
        self.path = self.folder / FILE_NAME
        self._now = now

    def check_writable(self) -> None:
        """Read and lock it, as a record would; raises StateError."""
        self._load()
        with self._writing():
            pass

    def get(self, kind: str, key: str) -> Record | None:
        """The record of this kind and id, or None."""
        return self.all().get((kind, key))

    def all(self) -> Records:
        """All records; unreadable lines are set aside in a copy, said in one line on stderr."""
        records, broken = self._load()
        if not broken:
            return records
        with self._writing():
            records, broken = self._load()
            if broken:
                self._set_aside(broken)
                self._write(records)
        return records

    def put(self, kind: str, key: str, **fields: object) -> Record:
        """Store a record; a lower score never replaces a higher one (see BEST). Returns what stays."""
        self.all()
        with self._writing():
            records, _ = self._load()
            old = records.get((kind, key))
            when = self._now() if old is None else max(self._now(), str(old["when"]))
            new: Record = {"kind": kind, "id": key, "when": when, **fields}
            kept = join(old, new) if old is not None and kind in BEST else new
            records[kind, key] = kept
            self._write(records)
        return kept

    def merge(self, other: Path | str) -> int:
        """Take over what another state file knows better; returns how many records changed.

        The other file is only read; its unreadable lines are named on stderr.
        """
        theirs, broken = read_records(Path(other))
        if broken:
            _say(f"{other}: {_lines(broken)} skipped")
        self.all()
        with self._writing():
            mine, _ = self._load()
            both = merge_records(mine, theirs)
            self._write(both)
        return sum(both[key] != mine.get(key) for key in both)

    def _load(self) -> tuple[Records, int]:
        return read_records(self.path) if self.path.exists() else ({}, 0)

    def _set_aside(self, broken: int) -> None:
        number = 1
        while (copy := self.path.with_name(f"{FILE_NAME}.broken-{number}")).exists():
            number += 1
        copy.write_bytes(self.path.read_bytes())
        _say(f"{self.path}: {_lines(broken)}; the file as it was is kept as {copy.name}")

    def _write(self, records: Records) -> None:
        handle, name = tempfile.mkstemp(dir=self.folder, prefix=FILE_NAME)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(dump_records(records))
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, self.path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Hold the folder's lock, so that two kernels do not overwrite each other."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with open(self.folder / "lock", "w") as lock:
                if hasattr(fcntl, "flock"):
                    fcntl.flock(lock, fcntl.LOCK_EX)
                yield
        except OSError as error:
            raise StateError(
                f"cannot write the course state in {self.folder}: {error.strerror}; "
                "set MMSIM_STATE to a folder you can write"
            ) from None


def read_records(path: Path) -> tuple[Records, int]:
    """The records of a file and the number of its unreadable lines; StateError if it has none to read."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise StateError(f"cannot read {path}: {error.strerror}") from None
    found = [_record(line) for line in lines if line.strip()]
    good = [record for record in found if record is not None]
    return _joined(good), len(found) - len(good)


def dump_records(records: Records) -> str:
    """The text of a state file: one record a line, sorted by kind and id."""
    return "".join(json.dumps(records[key], sort_keys=True) + "\n" for key in sorted(records))


def merge_records(one: Records, two: Records) -> Records:
    """Both together; commutative, associative and idempotent, as `join` is."""
    return _joined([*one.values(), *two.values()])


def join(one: Record, two: Record) -> Record:
    """Which of two records of one key stays: higher score (see BEST), then newer, then a fixed order.

    >>> old = {"kind": "prediction", "id": "02.p1", "when": "2026-01-01", "choice": "A"}
    >>> join(old, old | {"when": "2026-02-01", "choice": "B"})["choice"]
    'B'
    """
    return max(one, two, key=_rank)


def _joined(records: Iterable[Record]) -> Records:
    result: Records = {}
    for record in records:
        key = (str(record["kind"]), str(record["id"]))
        result[key] = join(result[key], record) if key in result else record
    return result


def _rank(record: Record) -> tuple[int, str, str]:
    best = BEST.get(str(record["kind"]))
    score = record[best] if best else 0
    assert isinstance(score, int)
    return score, str(record["when"]), json.dumps(record, sort_keys=True)


def _record(line: bytes) -> Record | None:
    """The record on a line, None if it is not one; kinds of a later version are kept as they are."""
    try:
        data = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict):
        return None
    if not all(isinstance(data.get(name), str) for name in ("kind", "id", "when")):
        return None
    wanted = FIELDS.get(data["kind"], {})
    fits = all(type(data.get(name)) is kind for name, kind in wanted.items())
    return data if fits and _WHEN.fullmatch(data["when"]) else None


def _lines(count: int) -> str:
    return f"{count} unreadable line{'s' if count > 1 else ''}"


def _say(text: str) -> None:
    print(f"mmsim: {text}", file=sys.stderr)
