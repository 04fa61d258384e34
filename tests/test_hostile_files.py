"""What only a grader meets: archives, folders and names made to harm, and what becomes of the others in the class.

Everything is found and read as for a class; beside the attacker an honest learner handed in. No code runs here.
"""

from __future__ import annotations

import csv
import io
import lzma
import os
import re
import resource
import socket
import struct
import time
import zipfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from mmsim.course.grade.book import write_book, write_table
from mmsim.course.grade.handed import Limits, Submission, find
from mmsim.course.grade.marking import Result, failed
from mmsim.course.grade.page import class_page
from mmsim.course.grade.results import Results, file_name
from tests.hostile_corpus import notebook

NAME = "02-reading-a-maple-tree.ipynb"
HONEST = notebook("x = 1")
SECRET = "CANARY-in-a-solution"
MiB = 1 << 20


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Path]:
    """Submissions of an honest learner, and beside them what nobody may read or change; at last that is looked at."""
    place = tmp_path / "in"
    (place / "honest").mkdir(parents=True)
    (place / "honest" / NAME).write_text(HONEST)
    solutions = tmp_path / "solutions"
    solutions.mkdir()
    (solutions / NAME).write_text(notebook(SECRET))
    before = _seen(tmp_path)
    yield place
    after = _seen(tmp_path)
    assert {name: what for name, what in after.items() if not name.startswith("in/")} == {
        name: what for name, what in before.items() if not name.startswith("in/")
    }


def _seen(folder: Path) -> dict[str, object]:
    return {str(path.relative_to(folder)): path.lstat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def read(place: Path, limits: Limits | None = None) -> dict[str, Submission]:
    """All that was handed in, by learner; within bounds of time and memory, and the honest learner is there."""
    began, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found, strays = find(place, limits)
    submissions = {one.learner: one.read() for one in found}
    assert time.process_time() - began < 10
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 600 << 10
    if "honest" in submissions:
        assert [each.text for each in submissions["honest"].notebooks] == [HONEST]
        assert not submissions["honest"].problems
    for one in submissions.values():
        assert SECRET not in "".join(each.text for each in one.notebooks)
        for line in (one.learner, *one.problems):
            assert line.isprintable(), line
            assert len(line) < 700, line
    assert all(line.isprintable() for line in strays)
    return submissions


def packed(*entries: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return file.getvalue()


# -- archives


@cache
def _bomb() -> bytes:
    return packed((NAME, bytes(100 * MiB)))


@cache
def _many() -> bytes:
    return packed(*((f"{n}.ipynb", b"") for n in range(8000)), method=zipfile.ZIP_STORED)


@cache
def _wide() -> bytes:
    """Archives within archives within an archive: 8 million files, if somebody counted them."""
    inner = packed(*((f"{n}.ipynb", b"") for n in range(200)))
    middle = packed(*((f"{n}.zip", inner) for n in range(200)))
    return packed(*((f"{n}.zip", middle) for n in range(200)))


def _deep() -> bytes:
    data = packed((NAME, HONEST.encode()))
    for _ in range(50):
        data = packed(("again.zip", data))
    return data


@cache
def _overlapping() -> bytes:
    """Every name stands for the same bytes."""
    one = packed((NAME, bytes(7 * MiB)))
    start = one.index(b"PK\x01\x02")
    body, entry, end = one[:start], one[start : one.index(b"PK\x05\x06")], one[one.index(b"PK\x05\x06") :]
    count = 400
    head = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, len(entry) * count, start, 0)
    assert len(end) == len(head)
    return body + entry * count + head


def _itself() -> bytes:
    """An archive whose list names, as its only file, all of the archive from its first byte."""
    name = b"self.zip"
    local = struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, 0, 0, 0, 0, 0, 0, 0, len(name), 0) + name
    whole = len(local) + 46 + len(name) + 22
    entry = struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 0, 0, 0, 0, whole, whole, len(name), 0, 0, 0, 0, 0, 0)
    return local + entry + name + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, 46 + len(name), len(local), 0)


def _changed(what: bytes, value: bytes, at: int, data: bytes | None = None) -> bytes:
    """An honest archive with some bytes of a header changed, counted from its sign."""
    found = bytearray(data or packed((NAME, HONEST.encode())))
    place = found.index(what) + at
    found[place : place + len(value)] = value
    return bytes(found)


LIST, HEAD, END = b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06"
ARCHIVES: dict[str, tuple[Callable[[], bytes], str]] = {
    "high ratio": (_bomb, "larger than 8 MiB"),
    "many entries": (_many, "an archive of 8000 files"),
    "archives within archives": (_wide, "more than 5000 files|one archive too many|within 2 others"),
    "fifty deep": (_deep, "an archive within 2 others"),
    "overlapping entries": (_overlapping, "4.. files|more than 64 MiB|damaged|first 100"),
    "it contains itself": (_itself, "damaged|within 2 others|expected text in UTF-8|no notebooks"),
    "encrypted": (lambda: _changed(HEAD, b"\x01", 6, _changed(LIST, b"\x01", 8)), "encrypted"),
    "cut in half": (lambda: packed((NAME, os.urandom(5000)))[:2500], "damaged archive"),
    "no archive": (lambda: b"PK" + bytes(1000), "damaged archive"),
    "empty": (lambda: b"", "damaged archive"),
    "damaged data": (lambda: _changed(NAME.encode(), b"\xff" * 20, len(NAME)), "damaged in its archive"),
    "too small a size in its list": (lambda: _changed(LIST, struct.pack("<L", 1), 24), ""),
    "a size of 4 GiB": (lambda: _changed(LIST, struct.pack("<L", 0xFFFF_FFF0), 24), ""),
    "a wrong checksum": (lambda: _changed(LIST, struct.pack("<L", 1), 16), "Bad CRC"),
    "a list that begins nowhere": (lambda: _changed(END, struct.pack("<L", 0xFFFF_FFF0), 16), "damaged"),
    "a list of 4 GiB": (lambda: _changed(END, struct.pack("<L", 0xFFFF_FFF0), 12), "damaged archive"),
    "a header that is elsewhere": (lambda: _changed(LIST, struct.pack("<L", 0xFFFF_FFF0), 42), "damaged in its arch"),
    "an unknown method": (lambda: _changed(LIST, struct.pack("<H", 77), 10), "packed in an unusual way"),
    "LZMA that asks for 4 GiB": (lambda: _lzma(), "packed in an unusual way"),
    "broken bzip2": (lambda: _changed(LIST, struct.pack("<H", 12), 10), "packed in an unusual way"),
    "a broken extra field": (lambda: _extra(b"\x01\x00\x02\x00ab"), ""),
    "a broken name field": (lambda: _extra(b"\x75\x70\x02\x00ab"), ""),
    "a name that is no text": (lambda: _changed(LIST, b"\x00\x08", 8, _changed(LIST, b"\xff\xfe", 46)), "damaged arch"),
    "ZIP64 with a size beyond all": (lambda: _extra(b"\x01\x00\x08\x00" + b"\xff" * 8, size=0xFFFF_FFFF), ""),
    "a comment with another end": (lambda: packed((NAME, b"x")) + END + bytes(18), "damaged|no notebooks"),
    "a name of 60,000 signs": (lambda: packed(("a/" * 30_000 + NAME, b"x")), "a name that is too long"),
}


def _lzma() -> bytes:
    data = bytearray(packed((NAME, HONEST.encode()), method=zipfile.ZIP_LZMA))
    place = data.index(NAME.encode()) + len(NAME)
    data[place + 5 : place + 9] = b"\xff" * 4
    return bytes(data)


def _extra(field: bytes, size: int | None = None) -> bytes:
    info = zipfile.ZipInfo(NAME)
    info.extra = field
    data = packed((info, HONEST.encode()))
    return data if size is None else _changed(LIST, struct.pack("<L", size), 24, data)


@pytest.mark.parametrize("kind", list(ARCHIVES))
@pytest.mark.parametrize("packed_again", [False, True], ids=["in a folder", "in the class's archive"])
def test_an_archive(ground: Path, kind: str, packed_again: bool) -> None:
    make, wanted = ARCHIVES[kind]
    (ground / "mallory.zip").write_bytes(make())
    place = ground
    if packed_again:
        place = ground.parent / "in" / "class.zip"
        place.write_bytes(packed(("mallory.zip", make()), (f"honest/{NAME}", HONEST.encode())))
    one = read(place)["mallory"]
    assert re.search(wanted, "\n".join(one.problems)), one.problems
    assert len(one.problems) < 110
    for each in one.notebooks:
        assert len(each.text) <= 8 * MiB
    assert (ground / "mallory.zip").exists()


def test_lzma_raises_what_zipfile_does_not_name() -> None:
    """Why every error of zipfile's counts as damage: this one is neither BadZipFile nor OSError nor ValueError."""
    assert not issubclass(lzma.LZMAError, OSError | ValueError | zipfile.BadZipFile)


PATHS = [
    f"../{NAME}", f"../../solutions/{NAME}", f"/etc/{NAME}", f"..\\..\\solutions\\{NAME}", f"C:\\x\\{NAME}",
    f"C:{NAME}", f"//server/share/{NAME}", f"a/../../honest/{NAME}", f"\\\\?\\C:\\{NAME}", f"~/{NAME}", f"./../{NAME}",
]  # fmt: skip


@pytest.mark.parametrize("name", PATHS)
def test_a_path_out_of_an_archive(ground: Path, name: str) -> None:
    info = zipfile.ZipInfo("x")
    info.filename = name
    (ground / "mallory.zip").write_bytes(packed((info, b"owned")))
    found = read(ground)
    assert set(found) == {"honest", "mallory"}
    if not name.startswith("~"):  # a folder of that name, here
        assert "leaves the archive" in "".join(found["mallory"].problems)
    (ground / "class.zip").write_bytes(packed((info, b"owned"), (f"honest/{NAME}", HONEST.encode())))
    assert set(read(ground / "class.zip")) <= {"honest", "~", f"C:{NAME}"}


def test_links_in_an_archive_are_not_followed(ground: Path) -> None:
    info = zipfile.ZipInfo(NAME)
    info.create_system, info.external_attr = 3, 0o120777 << 16
    (ground / "mallory.zip").write_bytes(packed((info, str(ground.parent / "solutions" / NAME).encode())))
    assert "a link, which is not read" in read(ground)["mallory"].problems[0]


def test_the_name_of_the_archive_is_no_way_to_others(ground: Path) -> None:
    entries = [(f"{name}/honest/{NAME}", b"owned") for name in ("class", "submitted")]
    (ground / "class.zip").write_bytes(packed(*entries, (f"honest/{NAME}", HONEST.encode())))
    found = read(ground / "class.zip")
    assert set(found) == {"class", "honest", "submitted"}


def test_an_archive_of_a_whole_folder_still_is_one_of_learners(ground: Path) -> None:
    (ground / "class.zip").write_bytes(packed((f"class/submitted/honest/02/{NAME}", HONEST.encode())))
    assert set(read(ground / "class.zip")) == {"honest"}


# -- folders


@pytest.mark.parametrize("target", ["solutions", "honest", "/etc/passwd", "fifo", "/dev/zero", "loop", "nowhere"])
def test_links_and_things_that_are_no_files(ground: Path, target: str) -> None:
    folder = ground / "mallory"
    folder.mkdir()
    (folder / "fifo").mkdir()
    os.mkfifo(folder / "fifo" / "pipe.ipynb")
    known = {"solutions": ground.parent / "solutions" / NAME, "honest": ground / "honest" / NAME, "loop": folder}
    (folder / NAME).symlink_to(known.get(target, Path(target)))
    (folder / "folder").symlink_to(ground.parent / "solutions", target_is_directory=True)
    (folder / "again").symlink_to(folder, target_is_directory=True)
    (folder / "x.zip").symlink_to("/dev/zero")
    one = read(ground)["mallory"]
    assert not one.notebooks
    assert len(one.problems) == 3
    assert all("no ordinary file" in line for line in one.problems)


def test_a_learner_who_is_a_link(ground: Path) -> None:
    (ground / "mallory").symlink_to(ground.parent / "solutions", target_is_directory=True)
    (ground / "mallet").symlink_to(ground / "honest", target_is_directory=True)
    assert set(read(ground)) == {"honest"}


def test_a_socket_a_sparse_file_and_many_of_them(ground: Path) -> None:
    folder = ground / "mallory"
    folder.mkdir()
    with (folder / "02-a.ipynb").open("wb") as file:
        file.truncate(1 << 40)
    with (folder / "02-b.zip").open("wb") as file:
        file.truncate(1 << 40)
    with socket.socket(socket.AF_UNIX) as line:
        here = os.getcwd()
        os.chdir(folder)
        line.bind("s.ipynb")
        os.chdir(here)
    for n in range(200):
        (folder / f"z{n}.ipynb").write_bytes(b"")
    one = read(ground)["mallory"]
    told = "\n".join(one.problems)
    assert "larger than 8 MiB" in told
    assert "larger than 32 MiB" in told
    assert "no ordinary file" in told
    assert "of which the first 100 were read" in told


def test_more_files_than_anybody_needs(ground: Path) -> None:
    (ground / "mallory").mkdir()
    for n in range(60):
        (ground / "mallory" / f"{n}.ipynb").write_bytes(b"")
    one = read(ground, Limits(entries=50))["mallory"]
    assert "more than 50 files; the rest was left out" in "\n".join(one.problems)


def test_folders_without_end_and_without_rights(ground: Path) -> None:
    folder = ground / "mallory"
    deep = folder.joinpath(*["d"] * 400)
    deep.mkdir(parents=True)
    (deep / NAME).write_text("x")
    (folder / "closed").mkdir(mode=0)
    assert "too deep" in "\n".join(read(ground)["mallory"].problems)


def test_8_mib_and_one_byte(ground: Path) -> None:
    (ground / "mallory").mkdir()
    (ground / "mallory" / "02-a.ipynb").write_bytes(b" " * (8 * MiB))
    (ground / "mallory" / "02-b.ipynb").write_bytes(b" " * (8 * MiB + 1))
    one = read(ground)["mallory"]
    assert [each.file for each in one.notebooks] == ["mallory/02-a.ipynb"]
    assert one.problems == ("mallory/02-b.ipynb: larger than 8 MiB, which is not read",)


def test_64_mib_in_all(ground: Path) -> None:
    (ground / "mallory.zip").write_bytes(packed(*((f"02-{n}.ipynb", b" " * (8 * MiB)) for n in range(10))))
    one = read(ground)["mallory"]
    assert len(one.notebooks) == 8
    assert one.problems == ("mallory/02-8.ipynb and those after it: more than 64 MiB in all, which is not read",)


# -- names

NAMES = [
    "a\nb", "a\rb", "\x1b[31mred", "\x1b]0;title\x07", "\u202egnp.exe", "a\u200bb", "\U0001f4a3" * 60, "x" * 255,
    "=cmd|' /C calc'!A0", "+1", "-1", "@SUM(1)", "＝1+1", "a;=1+1", 'a",=1,"', "<script>alert(1)</script>",
    '" onload="x', "'><img src=x>", "con", "nul.txt", "class", "results", "submission", "feedback", "...", "~", "%s%n",
    "$title", "${body}", "{}", "'; drop table mark; --", "a.json", ".hidden", "ada", "Ada", "ADA", "ada ", "ada\u00a0",
    "a\u0308da", "\u00e4da", "mmsim-results.json", "-rf", "*", "\udcff\udcfe", "名前", "naïve", "ﬁ", "K",
]  # fmt: skip


def results_of(learners: list[str]) -> list[Result]:
    return [failed(Submission(learner, (), ()), "x") for learner in learners]


def test_every_name_is_a_learner_of_its_own_and_nothing_else(ground: Path) -> None:
    for n, name in enumerate(NAMES):
        folder = os.fsencode(ground) + b"/" + name.encode("utf-8", "surrogateescape")[:255]
        os.makedirs(folder, exist_ok=True)
        with open(folder + b"/02-x.ipynb", "w") as file:
            file.write(notebook(f"n = {n}"))
    found = read(ground)
    hidden = sum(name.startswith(".") for name in NAMES)
    assert len(found) >= len(NAMES) - hidden - 1  # two are the same name, once composed; their files are one learner's
    assert all(len(one.notebooks) == 1 for learner, one in found.items() if learner != "äda")
    results = Results(ground.parent / "out")
    for result in results_of(list(found)):
        results.save(result)
    assert sorted(one["learner"] for one in results.all()) == sorted(found)
    assert {path.name for path in ground.parent.iterdir()} == {"in", "solutions", "out"}
    files = [path.name for path in (ground.parent / "out" / "results").iterdir()]
    assert len({name.lower() for name in files}) == len(found)
    assert all(re.fullmatch(r"[A-Za-z0-9][\w.-]{0,100}\.json", name) for name in files)
    write_book(results.all(), ground.parent / "out" / "book.sqlite")
    (ground.parent / "out" / "book.sqlite").unlink()
    for path in sorted((ground.parent / "out").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    (ground.parent / "out").rmdir()


def test_names_in_the_table_compute_nothing(tmp_path: Path) -> None:
    learners = [name for name in NAMES if name.isprintable()]
    write_table(results_of(learners), tmp_path / "grades.csv")
    text = (tmp_path / "grades.csv").read_text(encoding="utf-8")
    for sign in ",;":
        rows = list(csv.reader(io.StringIO(text), delimiter=sign))
        assert len(rows) == len(learners) + 1
        assert not [cell for row in rows for cell in row if cell.lstrip()[:1] in tuple("=+-@＝") and cell != "-1"]


def test_names_on_the_page_of_the_class_are_text() -> None:
    page = class_page(results_of(NAMES), NAMES)
    assert "<script" not in page
    assert "<img" not in page
    assert ' onload="' not in page
    assert "${body}" in page


def test_nobody_can_choose_the_file_of_another() -> None:
    victims = ["ada lovelace", "Ada", "../ada", "李雷", "con"]
    for victim in victims:
        assert file_name(file_name(victim)) != file_name(victim)
        assert file_name(file_name(victim).lower()).lower() != file_name(victim).lower()
    assert len({file_name(f"\u4e00{n}".encode().decode("latin-1")) for n in range(20_000)}) == 20_000


def test_names_that_look_alike_stay_apart(ground: Path) -> None:
    for name in ("honest ", "honest\u200b", "ho\u200dnest"):
        (ground / name).mkdir()
        (ground / name / NAME).write_text(notebook("owned = 1"))
    found = read(ground)
    assert [name.partition(" ~")[0] for name in sorted(found)] == ["ho nest", "honest", "honest", "honest"]
    assert sum("looks like another" in line for one in found.values() for line in one.problems) == 2


def test_a_learner_called_submitted(ground: Path) -> None:
    (ground / "submitted" / "honest").mkdir(parents=True)
    (ground / "submitted" / "honest" / NAME).write_text("owned")
    assert set(read(ground)) == {"honest", "submitted"}


def test_a_name_that_takes_long_to_match(ground: Path) -> None:
    (ground / "class.zip").write_bytes(
        packed(("_" * 60_000 + "02-x", b""), ("_" * 250 + ".ipynb", b""), (f"honest/{NAME}", HONEST.encode()))
    )
    assert set(read(ground / "class.zip")) == {"honest"}
