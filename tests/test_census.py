"""The census: real programs' calls come out as recorded, and their totals are those of the recorder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mmsim.brk import GENERATIONS
from mmsim.cli import main
from mmsim.trace import RecordingError
from mmsim.trace.census import BESIDE, EXTENDED, NEW, SHIPPED, TOUCH, find, load, read, replay, totals

FILES = find([])


def test_all_jobs_are_here() -> None:
    assert len(FILES) == 27


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_call_comes_out_as_recorded(path: Path, generation: str) -> None:
    result = replay(read(path), generation)
    assert list(map(str, result.differs)) == []
    told = json.loads(path.read_text())["summary"]
    tally = result.tally
    assert (tally.extended, tally.new) == (told.get(EXTENDED, 0), told.get(NEW, 0) + told.get(BESIDE, 0))
    assert (tally.shrinks, tally.refused, tally.bss) == (told.get("shrink", 0), 0, told["loader bss"])


@pytest.mark.parametrize("generation", GENERATIONS)
def test_the_totals_are_the_recorders(generation: str) -> None:
    """The row "all" of the recorder's own table, and of boot-like the share it is held against 12.2 % with."""
    (every,) = totals([replay(read(path), generation) for path in FILES])
    tally = every.tally
    assert (tally.growths, tally.extended, tally.new, tally.shrinks, tally.bss) == (1980, 1421, 553 + 6, 560, 123)
    assert (f"{tally.share:.1f}", f"{tally.share_with_bss:.1f}") == ("71.8", "67.6")
    boot = replay(read(SHIPPED / "boot-like.json"), generation).tally
    assert (f"{boot.share:.1f}", f"{boot.share_with_bss:.1f}") == ("6.2", "5.4")


def test_what_the_patch_saves() -> None:
    """A shrink of `before` splits a VMA to free one half, in every shrink here; the patch only moves the end."""
    jobs = [read(path) for path in FILES]
    tally = {name: next(totals([replay(job, name) for job in jobs])).tally for name in GENERATIONS}
    saved = tally["before"].shrinks
    assert tally["before"].vmas - tally["v4"].vmas == saved
    assert tally["before"].stores - tally["v4"].stores == saved
    assert tally["merged"].vmas == tally["today"].vmas == tally["before"].vmas
    assert tally["v4"].nodes == 0 < tally["merged"].nodes


@pytest.mark.parametrize("generation", GENERATIONS)
def test_how_much_hangs_on_the_rule_for_touching(generation: str) -> None:
    """Of all jobs only the six forked children of one grow their heap: 39 calls each need a touched heap."""
    differ = {touch: [replay(read(path), generation, touch) for path in FILES] for touch in TOUCH}
    counts = {touch: {each.job: len(each.differs) for each in found if each.differs} for touch, found in differ.items()}
    assert counts == {"growth": {}, "fork": {}, "never": {"python-fork": 6 * 39}}
    assert not any(each.unexplained for each in differ["never"])


def test_a_heap_that_was_not_touched_before_a_fork_is_a_cause() -> None:
    """A child extends the heap it got if that was never written to; "never" has no difference to explain."""
    start, page = 0x10000000, 4096
    heap = {"how": "exec", "parent": None, "start_brk": start, "loader_bss_pages": []}
    calls = [[start + 3 * page, start + 3 * page, EXTENDED, 1], [start + 4 * page, start + 4 * page, EXTENDED, 1]]
    spaces = [
        {**heap, "calls": [[start + 2 * page, start + 2 * page, NEW, 1]]},
        {**heap, "how": "fork", "parent": 0, "calls": calls},
    ]
    job = load({"format": "brk-census/1", "name": "untouched", "address_spaces": spaces})
    causes = [each.cause for each in replay(job, "today").differs]
    assert causes == [
        "the heap was not touched before the fork, which is not recorded",
        "follows from an earlier difference",
    ]
    assert replay(job, "today", "never").differs == []


@pytest.mark.parametrize("generation", GENERATIONS)
def test_how_little_hangs_on_the_moment_of_a_fork(generation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the parent has a heap that was touched, any moment gives the same; before, the children have no heap."""
    job = read(SHIPPED / "python-fork.json")
    parent = job.spaces[1]

    def differ(moment: int) -> int:
        forks = {1: {moment: [space for space in job.spaces if space.forked_from == 1]}}
        monkeypatch.setattr("mmsim.trace.census.Player._moments", lambda self, space: forks.get(space.number, {}))
        return len(replay(job, generation).differs)

    first = next(position for position, call in enumerate(parent.calls) if call.kind == NEW)
    assert differ(first - 1) == 6 * 39
    assert {differ(moment) for moment in range(first, len(parent.calls), 12)} == {0}


def altered(tmp_path: Path, **changes: Any) -> str:
    data = json.loads((SHIPPED / "tar-gzip.json").read_text()) | changes
    path = tmp_path / "altered.json"
    path.write_text(json.dumps(data))
    return str(path)


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["census"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len([line for line in lines if " today " in line]) == 28
    assert lines[0].split()[:4] == ["job", "generation", "growths", "extended"]
    wanted = ["today", "1980", "1421", "559", "560", "0", "123", "71.8", "67.6"]
    assert [line.split()[:9] for line in lines if " today " in line][-1] == wanted
    assert lines[-1] == "today: 3648 calls compared with the recorded kernel, 0 differ"


def test_chosen_jobs_and_generations_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    files = [str(SHIPPED / name) for name in ("true.json", "find.json")]
    assert main(["census", *files, "--json", "--generation", "v4", "merged"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    wanted = [(job, name) for job in ("true", "find") for name in ("v4", "merged")]
    assert [(each["job"], each["generation"]) for each in told] == [*wanted, ("all", "v4"), ("all", "merged")]
    assert told[0]["share"] is None
    assert (told[2]["growths"], told[2]["extended"], told[2]["differ"]) == (44, 43, 0)


def test_a_folder_is_all_its_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    altered(tmp_path)
    assert main(["census", str(tmp_path), "--generation", "today"]) == 0
    assert "tar-gzip" in capsys.readouterr().out


def test_a_call_that_differs_without_a_cause_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spaces = json.loads((SHIPPED / "tar-gzip.json").read_text())["address_spaces"]
    spaces[2]["calls"][3][3] = 2
    path = altered(tmp_path, address_spaces=spaces)
    assert main(["census", path, "--generation", "today"]) == 1
    out = capsys.readouterr().out
    assert "today: 14 calls compared with the recorded kernel, 1 differ" in out
    assert "1: unexplained; the first is tar-gzip, address space 2, call 3: brk(" in out
    assert "recorded grow: extended, 2 VMAs; here grow: extended, 1 VMAs" in out
    assert main(["census", path, "--generation", "before"]) == 0


def test_a_known_cause_is_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    path = str(SHIPPED / "python-fork.json")
    assert main(["census", path, "--generation", "today", "--touch", "never"]) == 0
    assert "6: the heap was touched before the fork, which is not recorded; the first is" in capsys.readouterr().out


SPACE = {"how": "exec", "parent": None, "start_brk": 4096, "loader_bss_pages": [], "calls": []}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "brk-census/2"}, "format is 'brk-census/2', expected 'brk-census/1'"),
        ({"address_spaces": 1}, '"address_spaces" is 1, expected list'),
        ({"name": 1}, '"name" is 1, expected string'),
        ({"address_spaces": [1]}, "address space 0: expected a JSON object, got 1"),
        ({"address_spaces": [SPACE | {"how": "born"}]}, '"how" is \'born\', expected "exec" or "fork"'),
        ({"address_spaces": [SPACE | {"how": "fork", "parent": 0}]}, '"parent" is 0, expected an address space before'),
        ({"address_spaces": [SPACE | {"start_brk": 1}]}, '"start_brk" is 1, expected the address of a page'),
        ({"address_spaces": [SPACE | {"loader_bss_pages": [0]}]}, '"loader_bss_pages" is [0], expected numbers'),
        ({"address_spaces": [SPACE | {"calls": [[1, 2]]}]}, "call 0 is [1, 2], expected [argument, answer, kind,"),
        ({"address_spaces": [SPACE | {"calls": [[1, 2, "x", 0]]}]}, "call 0 is [1, 2, 'x', 0], expected"),
    ],
)
def test_a_bad_file_is_one_line(
    tmp_path: Path, changes: dict[str, Any], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = altered(tmp_path, **changes)
    assert main(["census", path]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith(f"mmsim census: {path}: ")
    assert message in err


def test_files_that_are_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RecordingError, match="cannot be read: No such file"):
        read(tmp_path / "none.json")
    (tmp_path / "cut.json").write_text('{"format":')
    with pytest.raises(RecordingError, match="not JSON"):
        read(tmp_path / "cut.json")
    (tmp_path / "list.json").write_text("[]")
    with pytest.raises(RecordingError, match="format is 'list'"):
        read(tmp_path / "list.json")
    good = str(SHIPPED / "true.json")
    assert main(["census", good, str(tmp_path / "none.json")]) == 2
    assert "true" in capsys.readouterr().out
    (tmp_path / "empty").mkdir()
    assert main(["census", str(tmp_path / "empty")]) == 2
    assert "the folder has no .json file" in capsys.readouterr().err


def test_without_the_shipped_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("mmsim.trace.census.SHIPPED", tmp_path / "away")
    assert main(["census"]) == 2
    assert f"there is no folder {tmp_path / 'away'}: name files or a folder" in capsys.readouterr().err
