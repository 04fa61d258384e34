"""Mappings of a process, read and held as an mm holds them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from mmsim.kernel import MapsError, load, read
from mmsim.kernel.maps import SAMPLE, count, loader_bss, parse

LINE = "7f0000000000-7f0000003000 r-xp 00001000 08:01 42                         /usr/lib/a b.so (deleted)"


def test_every_field_of_a_line() -> None:
    (vma,) = parse(LINE)
    assert (vma.start, vma.end, vma.perms, vma.offset) == (0x7F0000000000, 0x7F0000003000, "r-xp", 0x1000)
    assert (vma.device, vma.inode, vma.path) == ("08:01", 42, "/usr/lib/a b.so (deleted)")
    assert (vma.size, vma.name, str(vma)) == (0x3000, "a b.so (deleted)", "a b.so (deleted) r-xp")
    assert parse("1000-2000 rw-p 00000000 00:00 0 ")[0].name == "anon"


@pytest.mark.skipif(not hasattr(os, "pread"), reason="needs pread()")
def test_counting_reads_no_further_than_it_must(monkeypatch: pytest.MonkeyPatch) -> None:
    vmas, places, pread = read("sample"), [], os.pread
    monkeypatch.setattr(os, "pread", lambda file, size, place: places.append(place) or pread(file, size, place))
    with SAMPLE.open("rb") as file:
        for place, vma in enumerate(vmas):
            assert count(file.fileno(), vmas[0].start, vma.end) == place + 1
            assert count(file.fileno(), vma.start, vma.start + 1) == 1
            assert count(file.fileno(), vma.end, vma.end) == 0
        assert max(places) > 1024, "more than one piece was read"
        places.clear()
        assert count(file.fileno(), vmas[1].start, vmas[3].end) == 3
    assert places == [0]


@pytest.mark.parametrize(
    ("perms", "path", "start", "pages"),
    [
        ("rw-p", "", 0x2000, [3]),
        ("rw-p", "[heap]", 0x2000, [3]),
        ("rw-p", "[stack]", 0x2000, []),
        ("rw-p", "", 0x3000, []),
        ("r--p", "", 0x2000, []),
    ],
)
def test_what_the_loader_put_behind_data(perms: str, path: str, start: int, pages: list[int]) -> None:
    """Anonymous, right behind a part of a file that can be written."""
    data = f"1000-2000 {perms} 00000000 08:01 42 /bin/program"
    rest = "9000-a000 r-xp 00000000 00:00 0                          [vdso]"
    text = f"{data}\n{start:x}-{start + 0x3000:x} rw-p 00000000 00:00 0 {path}\n{rest}\n"
    assert loader_bss(text) == pages


def test_the_tree_holds_start_to_end_minus_one() -> None:
    vmas = read("sample")
    tree = load(vmas)
    tree.check()
    assert [(first, last + 1) for first, last, _ in tree] == [(vma.start, vma.end) for vma in vmas]
    assert all(tree.load(vma.start) is vma and tree.load(vma.end - 1) is vma for vma in vmas)


def test_the_gate_page_is_in_no_tree() -> None:
    text = "1000-2000 rw-p 0 0:0 0 [heap]\nffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]"
    assert [vma.name for vma in parse(text)] == ["[heap]"]


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_this_process() -> None:
    for source in ("self", os.getpid()):
        tree = load(read(source))
        tree.check()
        names = {vma.name for _, _, vma in tree}
        assert "[stack]" in names
        assert tree.load(id(object)) is not None, "a Python object lies in one of the mappings"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nonsense", "bad.maps:1: expected START-END PERMS"),
        (f"{LINE}\n2000-1000 rw-p 00000000 00:00 0", "bad.maps:2: starts at 0x2000 and ends at 0x1000"),
        ("", "no mapping in it"),
    ],
)
def test_a_file_that_is_none(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.maps"
    path.write_text(text)
    with pytest.raises(MapsError, match=message):
        read(path)


def test_no_such_process_points_to_the_sample() -> None:
    with pytest.raises(MapsError, match='read\\("sample"\\) has a saved one'):
        read(999_999_999)


def test_overlapping_mappings_are_refused() -> None:
    with pytest.raises(MapsError, match="0x1800-0x2800 anon rw-p: insert"):
        load(parse("1000-2000 rw-p 00000000 00:00 0\n1800-2800 rw-p 00000000 00:00 0"))
