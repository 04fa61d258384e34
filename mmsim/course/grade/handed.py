"""What was handed in, by learner: a folder, an archive or nbgrader's layout, and any mix of them.

The first folder (or archive) below the place given is a learner's, by its name; what lies deeper is the learner's own,
whatever it is called. Nothing is unpacked and no link is followed: a notebook is read into memory, up to a size.
"""

import io
import os
import re
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from ..errors import CourseError

__all__ = ["Handed", "Limits", "NotHanded", "Notebook", "Submission", "find"]


@dataclass(frozen=True)
class Limits:
    """How much is read of what learners hand in; bytes and counts."""

    notebook: int = 8 << 20
    archive: int = 32 << 20
    """Of an archive within the folder or archive that was given: a learner made it."""
    entries: int = 5_000
    """In an archive that a learner made."""
    depth: int = 2
    """Archives within archives."""
    notebooks: int = 100
    """Of one learner; the whole course has 20."""
    total: int = 64 << 20
    """Of all a learner's notebooks."""


class NotHanded(CourseError):
    """A place that holds no submissions at all."""


@dataclass(frozen=True)
class Notebook:
    """A notebook as it came: where it lay, for messages, and its text."""

    file: str
    text: str


@dataclass(frozen=True)
class Submission:
    """All one learner handed in, in memory; `problems` are lines on what could not be read."""

    learner: str
    notebooks: tuple[Notebook, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True)
class _Item:
    """A file: the names on the way to it, and how to read it; or a line on why it cannot be."""

    parts: tuple[str, ...]
    read: Callable[[], bytes] | None = None
    problem: str = ""


class _Unreadable(Exception):
    """A file that cannot be read, in a few words."""


class Handed:
    """One learner's files, not read yet."""

    def __init__(self, learner: str, limits: Limits) -> None:
        self.learner = learner
        self.limits = limits
        self.items: list[_Item] = []

    def read(self) -> Submission:
        """Read the notebooks; each that cannot be read is a problem, and the others are read."""
        notebooks, problems, left = [], [], self.limits.total
        items = sorted(self.items, key=lambda item: item.parts)
        for item in items[: self.limits.notebooks]:
            file = clean("/".join(item.parts))
            if item.read is None:
                problems.append(f"{file}: {item.problem}")
                continue
            try:
                data = item.read()
                left -= len(data)
                if left < 0:
                    raise _Unreadable(f"more than {self.limits.total >> 20} MiB in all, which is not read")
                notebooks.append(Notebook(file, data.decode("utf-8-sig")))
            except UnicodeDecodeError:
                problems.append(f"{file}: not a notebook, expected text in UTF-8")
            except (_Unreadable, OSError) as error:
                problems.append(f"{file}: {_reason(error)}")
        if len(items) > self.limits.notebooks:
            problems.append(f"{len(items)} files, of which the first {self.limits.notebooks} were read")
        if not items:
            problems.append("no notebooks, expected files like 02-....ipynb")
        return Submission(self.learner, tuple(notebooks), tuple(problems))


def find(place: Path, limits: Limits | None = None) -> tuple[list[Handed], list[str]]:
    """The learners' files below a place, by name, and lines on files that nobody's name can be told of.

    Raises NotHanded when there are none.
    """
    limits = limits or Limits()
    found: dict[str, Handed] = {}
    strays: list[str] = []
    for item in _items(place, limits):
        learner = learner_of(item.parts)
        if not learner:
            strays.append(f"{clean('/'.join(item.parts))}: {item.problem or 'whose is it? expected NAME/NN-....ipynb'}")
            continue
        handed = found.setdefault(learner, Handed(learner, limits))
        if item.read is not None or item.problem:
            handed.items.append(item)
    if not found:
        told = f" ({strays[0]})" if strays else ""
        raise NotHanded(f"{place}: no submissions, expected a folder or an archive for each learner{told}")
    return [found[name] for name in sorted(found)], strays


_PLATFORM = re.compile(r"_\d+_assignsubmission_\w+$")
_FLAT = re.compile(r"(.+?)(?:[_-]+(?:\d{2,}|late|assignsubmission|file))*[_-]+\d\d-[^/]*\.ipynb", re.IGNORECASE)
"""A platform's numbers and words go; all other parts stay, so that no two people become one."""


def learner_of(parts: tuple[str, ...]) -> str:
    """The name of who handed a file in, "" if it cannot be told.

    >>> learner_of(("ada", "02", "02-reading.ipynb")), learner_of(("bob_02-reading.ipynb",))
    ('ada', 'bob')
    >>> learner_of(("Ada Lovelace_1234_assignsubmission_file_", "02-reading.ipynb"))
    'Ada Lovelace'
    >>> learner_of(("ada_lovelace_02-reading.ipynb",)), learner_of(("lovelaceada_LATE_17_4711_02-reading.ipynb",))
    ('ada_lovelace', 'lovelaceada')
    """
    if len(parts) > 1:
        return clean(_PLATFORM.sub("", parts[0].rstrip("_")))
    match = _FLAT.fullmatch(parts[0]) if parts else None
    return clean(match[1]) if match else ""


def clean(name: str) -> str:
    r"""A name that is shown and written: one line of characters that can be seen, at most 200 of them.

    >>> clean("ada\x1b[31m\n\u202elovelace")
    'ada [31m lovelace'
    """
    shown = "".join(sign if unicodedata.category(sign)[0] not in "CZ" else " " for sign in name)
    return " ".join(shown.split())[:200]


def _items(place: Path, limits: Limits) -> Iterator[_Item]:
    if place.is_dir():
        root = place / "submitted" if (place / "submitted").is_dir() else place  # a course folder of nbgrader
        yield from _folder(root, (), limits)
    elif place.suffix.lower() == ".zip" and place.is_file():
        try:
            with place.open("rb") as file:
                inside = _archive(file, (), limits, partial(place.open, "rb"), 0)
                yield from (_without(item, {"submitted", place.stem}) for item in inside)
        except OSError as error:
            raise NotHanded(f"{place}: {_reason(error)}") from None
    else:
        raise NotHanded(f"{place}: expected a folder or a .zip file with submissions")


def _without(item: _Item, tops: set[str]) -> _Item:
    """The item without the folder that was packed as a whole, as in `zip -r class.zip class`."""
    rest = item.parts[1:]
    return replace(item, parts=rest) if item.parts[0] in tops and (len(rest) > 1 or learner_of(rest)) else item


def _folder(folder: Path, parts: tuple[str, ...], limits: Limits) -> Iterator[_Item]:
    """All below a folder but hidden files; a link, a pipe or a device is a problem and is not opened."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        yield _Item((*parts, "."), problem=_reason(error))
        return
    for entry in entries:
        here = (*parts, entry.name)
        if entry.name.startswith(".") or entry.name == "__MACOSX":
            continue
        if entry.is_dir(follow_symlinks=False):
            yield _Item((*here, "."))  # a learner with nothing in it is a learner
            yield from _folder(Path(entry.path), here, limits) if len(here) < 20 else [_Item(here, problem="too deep")]
        elif _wanted(entry.name):
            if not entry.is_file(follow_symlinks=False):
                yield _Item(here, problem="no ordinary file (a link, a pipe or a device), which is not read")
            else:
                yield from _file(here, partial(_read_file, entry.path), limits, 0)


def _file(here: tuple[str, ...], read: Callable[[int], bytes], limits: Limits, depth: int) -> Iterator[_Item]:
    """A notebook, or all that an archive holds. The archive's name counts as a folder."""
    if here[-1].lower().endswith(".ipynb"):
        yield _Item(here, partial(read, limits.notebook))
        return
    inside = (*here[:-1], here[-1][: -len(".zip")])
    yield _Item((*inside, "."))
    if depth >= limits.depth:
        yield _Item(here, problem=f"an archive within {depth} others, which is not opened")
        return

    def again() -> BinaryIO:
        return io.BytesIO(read(limits.archive))

    try:
        with again() as file:
            yield from _archive(file, inside, limits, again, depth + 1)
    except (_Unreadable, OSError) as error:
        yield _Item((*here, "."), problem=_reason(error))


_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, IndexError)
"""What zipfile raises for archives that are cut, damaged, encrypted, or of a kind it does not know."""


def _archive(
    file: BinaryIO, parts: tuple[str, ...], limits: Limits, again: Callable[[], BinaryIO], depth: int
) -> Iterator[_Item]:
    """The files of an archive, by name; `again` opens it for each that is then read."""
    try:
        entries = zipfile.ZipFile(file).infolist()
    except _BROKEN as error:
        yield _Item((*parts, "archive") if parts else ("archive",), problem=f"a damaged archive ({_reason(error)})")
        return
    if depth and len(entries) > limits.entries:
        yield _Item((*parts, "archive") if parts else ("archive",), problem=f"an archive of {len(entries)} files")
        return
    for entry in entries:
        names = PurePosixPath(entry.filename.replace("\\", "/")).parts
        if not names or any((name.startswith(".") and name != "..") or name == "__MACOSX" for name in names):
            continue
        if ".." in names or names[0] == "/" or ":" in names[0]:
            yield _Item((*parts, entry.filename), problem="a path that leaves the archive, which is not read")
        elif stat.S_ISLNK(entry.external_attr >> 16):
            yield _Item((*parts, *names), problem="a link, which is not read")
        elif not entry.is_dir() and _wanted(names[-1]):
            yield from _file((*parts, *names), partial(_read_entry, again, entry), limits, depth)


def _wanted(name: str) -> bool:
    return name.lower().endswith((".ipynb", ".zip"))


def _read_file(path: str, most: int) -> bytes:
    """An ordinary file's bytes, opened without following a link that took its place meanwhile."""
    number = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(number, "rb") as file:
        return _bounded(file, most)


def _read_entry(again: Callable[[], BinaryIO], entry: zipfile.ZipInfo, most: int) -> bytes:
    try:
        with again() as file, zipfile.ZipFile(file) as archive, archive.open(entry) as inside:
            return _bounded(inside, most)
    except _BROKEN as error:
        raise _Unreadable(f"damaged in its archive ({_reason(error)})") from None


def _bounded(file: "BinaryIO | zipfile.ZipExtFile", most: int) -> bytes:
    """Whatever a header says of the size: no more than this is ever held."""
    data = file.read(most + 1)
    if len(data) > most:
        raise _Unreadable(f"larger than {most >> 20} MiB, which is not read")
    return data


def _reason(error: BaseException) -> str:
    told = error.strerror if isinstance(error, OSError) and error.strerror else str(error) or type(error).__name__
    return clean(told)
