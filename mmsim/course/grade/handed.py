"""What was handed in, by learner: a folder, an archive or nbgrader's layout, and any mix of them.

The first folder (or archive) below the place given is a learner's, by its name; what lies deeper is the learner's own,
whatever it is called. Nothing is unpacked and no link is followed: a notebook is read into memory, up to a size.
"""

import hashlib
import io
import os
import re
import stat
import unicodedata
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from ..errors import CourseError

__all__ = ["Handed", "Limits", "NotHanded", "Notebook", "Submission", "find", "root_of"]


@dataclass(frozen=True)
class Limits:
    """How much is read of what learners hand in; bytes and counts."""

    notebook: int = 8 << 20
    archive: int = 32 << 20
    """Of an archive within the folder or archive that was given: a learner made it."""
    entries: int = 5_000
    """Of one learner, in all archives and folders together."""
    archives: int = 30
    """Of one learner, those in others included."""
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
        self.notes: list[str] = []

    def read(self) -> Submission:
        """Read the notebooks; each that cannot be read is a problem, and the others are read."""
        notebooks, problems, left = [], [*self.notes], self.limits.total
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
                    problems.append(
                        f"{file} and those after it: more than {self.limits.total >> 20} MiB in all, which is not read"
                    )
                    break
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
    walk = _Walk(limits or Limits())
    by_name: dict[str, list[_Item]] = {}
    strays: list[str] = []
    for item in walk.items(place):
        name = _name(item.parts)
        if clean(name):
            by_name.setdefault(name, []).append(item)
        else:
            strays.append(f"{clean('/'.join(item.parts))}: {item.problem or 'whose is it? expected NAME/NN-....ipynb'}")
    if not by_name:
        told = f" ({strays[0]})" if strays else ""
        raise NotHanded(f"{place}: no submissions, expected a folder or an archive for each learner{told}")
    found = {}
    for name, (learner, notes) in _told_apart(by_name).items():
        found[learner] = Handed(learner, walk.limits)
        found[learner].notes += notes
        found[learner].items += [item for item in by_name[name] if item.read is not None or item.problem]
    return [found[name] for name in sorted(found)], strays


def _told_apart(names: Iterable[str]) -> dict[str, tuple[str, list[str]]]:
    """For each name that came what the learner is called, and notes: names that look alike are not one person's.

    >>> _told_apart(["ada", "ada\u200b"])["ada"]
    ('ada', [])
    """
    alike: dict[str, list[str]] = {}
    for name in names:
        alike.setdefault(clean(name), []).append(name)
    found: dict[str, tuple[str, list[str]]] = {}
    for learner, those in alike.items():
        for name in those:
            if len(those) == 1 or name == learner:
                found[name] = learner, []
                continue
            called = f"{learner} ~{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"
            found[name] = called, [clean(f"a name that looks like another's: {name!a}")]
    return found


_PLATFORM = re.compile(r"_\d+_assignsubmission_\w+$")
_FLAT = re.compile(r"(.+?)(?:[_-]+(?:\d{2,}|late|assignsubmission|file))*[_-]+\d\d-[^/]*\.ipynb", re.IGNORECASE)
"""A platform's numbers and words go; all other parts stay, so that no two people become one."""
_LONGEST = 255
"""Of a name that is looked at: no file system has longer ones."""


def learner_of(parts: tuple[str, ...]) -> str:
    """The name of who handed a file in, "" if it cannot be told.

    >>> learner_of(("ada", "02", "02-reading.ipynb")), learner_of(("bob_02-reading.ipynb",))
    ('ada', 'bob')
    >>> learner_of(("Ada Lovelace_1234_assignsubmission_file_", "02-reading.ipynb"))
    'Ada Lovelace'
    >>> learner_of(("ada_lovelace_02-reading.ipynb",)), learner_of(("lovelaceada_LATE_17_4711_02-reading.ipynb",))
    ('ada_lovelace', 'lovelaceada')
    """
    return clean(_name(parts))


def _name(parts: tuple[str, ...]) -> str:
    """The same as it was written; an archive may have names that no file system would take."""
    first = unicodedata.normalize("NFC", parts[0][: _LONGEST + 1]) if parts else ""
    if not first or len(first) > _LONGEST or "/" in first:
        return ""
    if len(parts) > 1:
        return _PLATFORM.sub("", first)
    match = _FLAT.fullmatch(first)
    return match[1] if match else ""


def clean(name: str) -> str:
    r"""A name that is shown and written: one line of characters that can be seen, at most 200 of them.

    >>> clean("ada\x1b[31m\n\u202elovelace")
    'ada [31m lovelace'
    """
    name = unicodedata.normalize("NFC", name[:2000])
    shown = "".join(sign if unicodedata.category(sign)[0] not in "CZ" else " " for sign in name)
    return " ".join(shown.split())[:200]


@dataclass
class _Left:
    """What may still be opened and counted of one learner."""

    archives: int
    entries: int


@dataclass
class _Walk:
    """A way through all that was handed in, with a limit on what each learner can make of it."""

    limits: Limits
    left: dict[str, _Left] = field(default_factory=dict)

    def items(self, place: Path) -> Iterator[_Item]:
        """All files of a place."""
        if place.is_dir():
            yield from self._folder(root_of(place), ())
        elif place.suffix.lower() == ".zip" and place.is_file():
            try:
                with place.open("rb") as file:
                    inside = [*self._archive(file, (), partial(place.open, "rb"), 0)]
            except OSError as error:
                raise NotHanded(f"{place}: {_reason(error)}") from None
            yield from _without_top(inside, {"submitted", place.stem})
        else:
            raise NotHanded(f"{place}: expected a folder or a .zip file with submissions")

    def _of(self, first: str) -> _Left:
        return self.left.setdefault(first, _Left(self.limits.archives, self.limits.entries))

    def _counted(self, item: _Item) -> Iterator[_Item]:
        """The item, as long as there are not too many of its learner's; then once a line that says so."""
        left = self._of(item.parts[0])
        left.entries -= 1
        if left.entries >= 0:
            yield item
        elif left.entries == -1:
            yield _Item((item.parts[0], "."), problem=f"more than {self.limits.entries} files; the rest was left out")

    def _folder(self, folder: Path, parts: tuple[str, ...]) -> Iterator[_Item]:
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
                yield from self._counted(_Item((*here, ".")))  # a learner with nothing in it is a learner
                yield from self._folder(Path(entry.path), here) if len(here) < 20 else [_Item(here, problem="too deep")]
            elif _wanted(entry.name):
                if not entry.is_file(follow_symlinks=False):
                    told = "no ordinary file (a link, a pipe or a device), which is not read"
                    yield from self._counted(_Item(here, problem=told))
                else:
                    yield from self._file(here, partial(_read_file, entry.path), 0)

    def _file(self, here: tuple[str, ...], read: Callable[[int], bytes], depth: int) -> Iterator[_Item]:
        """A notebook, or all that an archive holds. The archive's name counts as a folder."""
        if here[-1].lower().endswith(".ipynb"):
            yield from self._counted(_Item(here, partial(read, self.limits.notebook)))
            return
        inside = (*here[:-1], here[-1][: -len(".zip")])
        yield from self._counted(_Item((*inside, ".")))
        left = self._of(inside[0])
        left.archives -= 1
        if depth >= self.limits.depth or left.archives < 0:
            told = f"an archive within {depth} others" if left.archives >= 0 else "one archive too many"
            yield from self._counted(_Item(here, problem=f"{told}, which is not opened"))
            return

        def again() -> BinaryIO:
            return io.BytesIO(read(self.limits.archive))

        try:
            with again() as file:
                yield from self._archive(file, inside, again, depth + 1)
        except (_Unreadable, OSError) as error:
            yield _Item((*inside, "."), problem=_reason(error))

    def _archive(
        self, file: BinaryIO, parts: tuple[str, ...], again: Callable[[], BinaryIO], depth: int
    ) -> Iterator[_Item]:
        """The files of an archive, by name; `again` opens it for each that is then read."""
        here = (*parts, "archive")
        if depth and (many := file.read().count(_ENTRY)) > self.limits.entries:  # before each takes its memory
            yield _Item(here, problem=f"an archive of {many} files, which is not opened")
            return
        try:
            entries = zipfile.ZipFile(file).infolist()
        except Exception as error:
            yield _Item(here, problem=f"a damaged archive ({_reason(error)})")
            return
        for entry in entries:
            name = entry.filename.replace("\\", "/")
            if len(name) > 16 * _LONGEST:
                yield from self._counted(_Item((*parts, ".") if parts else ("/",), problem="a name that is too long"))
                continue
            names = PurePosixPath(name).parts
            if not names or any((name.startswith(".") and name != "..") or name == "__MACOSX" for name in names):
                continue
            if ".." in names or names[0].startswith("/") or ":" in names[0]:
                where = (*parts, f"/{entry.filename}")
                yield from self._counted(_Item(where, problem="a path that leaves the archive, which is not read"))
            elif stat.S_ISLNK(entry.external_attr >> 16):
                yield from self._counted(_Item((*parts, *names), problem="a link, which is not read"))
            elif not entry.is_dir() and _wanted(names[-1]):
                yield from self._file((*parts, *names), partial(_read_entry, again, entry), depth)


_ENTRY = b"PK\x01\x02"
"""What each entry in the list of an archive begins with."""
_COURSE = ("nbgrader_config.py", "gradebook.db", "source", "release")
"""Beside `submitted` in a course folder of nbgrader."""


def root_of(place: Path) -> Path:
    """Where the learners' folders are: in a course folder of nbgrader `submitted`, which may be a learner elsewhere."""
    submitted = place / "submitted"
    others = [name for name in os.listdir(place) if name != "submitted" and not name.startswith(".")]
    return submitted if submitted.is_dir() and (not others or {*_COURSE} & {*others}) else place


def _without_top(items: list[_Item], tops: set[str]) -> list[_Item]:
    """The items without a folder that was packed as a whole, as in `zip -r class.zip class`.

    All has to lie in it: a learner who has the archive's name must not get into the places of others.
    """
    while (
        items
        and items[0].parts[0] in tops
        and all(item.parts[0] == items[0].parts[0] and (len(item.parts) > 2 or _name(item.parts[1:])) for item in items)
    ):
        tops = tops - {items[0].parts[0]}
        items = [replace(item, parts=item.parts[1:]) for item in items]
    return items


def _wanted(name: str) -> bool:
    return name.lower().endswith((".ipynb", ".zip"))


def _read_file(path: str, most: int) -> bytes:
    """An ordinary file's bytes, opened without following a link that took its place meanwhile."""
    number = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(number, "rb") as file:
        return _bounded(file, most)


def _read_entry(again: Callable[[], BinaryIO], entry: zipfile.ZipInfo, most: int) -> bytes:
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # others may ask for much memory
        raise _Unreadable("packed in an unusual way, which is not read (expected an ordinary .zip file)")
    try:
        with again() as file, zipfile.ZipFile(file) as archive, archive.open(entry) as inside:
            return _bounded(inside, most)
    except _Unreadable:
        raise
    except Exception as error:  # zipfile raises errors of many kinds for archives that are cut, damaged or encrypted
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
