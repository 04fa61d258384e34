"""Refreshing notebooks: run afresh, stored in one normal form, checked up to drawings, failures readable."""

import json
import os
from pathlib import Path

import pytest

from mmsim.course import refresh
from mmsim.course.refresh import NOT_STORED, main, normalise, read, text_of
from tests.course_material import code, notebook, stream, text

SOURCES = {
    "state": "import os, pathlib\nprint(list(pathlib.Path(os.environ['MMSIM_STATE']).glob('*')))",
    "seed": "os.environ['PYTHONHASHSEED'], pathlib.Path.cwd().name, hash('maple') == hash('maple')",
    "course": "from mmsim.course import predict\npredict('00.p1', 'B', sure=2)",
    "live": "os.getpid()",
    "wrong": "1 / 0",
    "widget": "from ipywidgets import HTML\nHTML('<b>x</b>')",
    "drawing": "display({'text/plain': 'a', 'image/svg+xml': '<svg><g/></svg>'}, raw=True)",
    "streams": "print('a', flush=True)\nprint('b', flush=True)",
}


def write(path: Path, *cells: dict) -> Path:
    path.write_text(json.dumps(notebook(list(cells))))
    return path


@pytest.fixture(scope="module")
def refreshed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A notebook with one cell of each kind, refreshed once for all tests that look at it."""
    path = tmp_path_factory.mktemp("course") / "00-x.ipynb"
    tags = {"live": ("live", "nbval-ignore-output"), "wrong": ("raises-exception",)}
    cells = [code(source, *tags.get(name, ())) for name, source in SOURCES.items()]
    stale = code("x = 1", out="stale")
    stale["metadata"] = {"execution": {"iopub.status.busy": "now"}, "tags": ["run"]}
    write(path, text("# Why?"), stale, *cells)
    raw = json.loads(path.read_text())
    raw["metadata"]["widgets"] = {"state": {}}
    del raw["cells"][1]["id"]
    path.write_text(json.dumps(raw))
    assert main([str(path)]) == 0
    return path


def cells_of(path: Path) -> dict[str, dict]:
    names = ["head", "stale", *SOURCES]
    return dict(zip(names, json.loads(path.read_text())["cells"], strict=True))


def test_outputs_are_those_of_a_fresh_run(refreshed: Path) -> None:
    cells = cells_of(refreshed)

    assert cells["stale"]["outputs"] == []
    assert [cell["execution_count"] for name, cell in cells.items() if name != "head"] == list(range(1, 10))
    assert cells["course"]["outputs"][0]["data"]["text/plain"] == ["00.p1: noted: B (sure 2 of 3)"]


def test_each_run_has_an_empty_state_a_fixed_seed_and_the_notebooks_folder(refreshed: Path) -> None:
    cells = cells_of(refreshed)

    assert cells["state"]["outputs"][0]["text"] == ["[]\n"]
    folder = refreshed.parent.name
    assert cells["seed"]["outputs"][0]["data"]["text/plain"] == [f"('0', '{folder}', True)"]


def test_metadata_is_minimal_and_ids_come_from_the_position(refreshed: Path) -> None:
    raw = json.loads(refreshed.read_text())

    assert sorted(raw["metadata"]) == ["kernelspec", "language_info"]
    assert raw["metadata"]["language_info"] == {"name": "python"}
    assert cells_of(refreshed)["stale"]["metadata"] == {"tags": ["run"]}
    assert [cell["id"] for cell in raw["cells"][:3]] == ["c01", "cell-02", "c03"]


def test_what_one_machine_shows_is_not_stored(refreshed: Path) -> None:
    cells = cells_of(refreshed)

    assert cells["live"]["outputs"][0]["data"] == {"text/plain": [NOT_STORED]}
    assert list(cells["widget"]["outputs"][0]["data"]) == ["text/plain"]
    assert cells["wrong"]["outputs"][0]["traceback"] == ["ZeroDivisionError: division by zero"]


def test_streams_are_joined(refreshed: Path) -> None:
    assert cells_of(refreshed)["streams"]["outputs"] == [
        {"name": "stdout", "output_type": "stream", "text": ["a\n", "b\n"]}
    ]


def test_the_file_has_sorted_keys_indent_1_and_a_newline_at_the_end(refreshed: Path) -> None:
    stored = refreshed.read_text()

    assert stored == json.dumps(json.loads(stored), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def test_a_second_run_changes_no_line(refreshed: Path) -> None:
    before, written = refreshed.read_bytes(), refreshed.stat().st_mtime_ns

    assert main([str(refreshed)]) == 0
    assert refreshed.read_bytes() == before
    assert refreshed.stat().st_mtime_ns == written


def test_check_passes_over_drawings_but_not_over_texts(
    refreshed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn, other = tmp_path / refreshed.parent.name, tmp_path / "other"
    drawn.mkdir()
    other.mkdir()
    (drawn / "00-x.ipynb").write_text(refreshed.read_text().replace("<svg><g/></svg>", "<svg><path/></svg>"))
    stale = refreshed.read_text().replace("sure 2 of 3", "sure 3 of 3").replace(refreshed.parent.name, "other")
    (other / "00-x.ipynb").write_text(stale)

    assert main(["--check", str(drawn / "00-x.ipynb"), str(other / "00-x.ipynb")]) == 1
    first, second = capsys.readouterr().out.splitlines()
    assert first == f"{drawn}/00-x.ipynb: up to date"
    assert second.startswith(f"{other}/00-x.ipynb: cell 5: stored ")
    assert (other / "00-x.ipynb").read_text() == stale


def test_check_sees_a_drawing_that_is_gone() -> None:
    import nbformat

    def book(data: dict) -> object:
        output = {"output_type": "display_data", "data": {"text/plain": "x", **data}, "metadata": {}}
        return nbformat.from_dict(notebook([code("x", out=[output])]))

    drawn, redrawn, gone = (book({"image/svg+xml": f"<svg>{n}<svg></svg>{n}</svg>"} if n else {}) for n in (1, 2, 0))

    assert list(refresh.differences(text_of(drawn), redrawn)) == []
    assert len(list(refresh.differences(text_of(drawn), gone))) == 1


@pytest.mark.parametrize("indent", [1, 2])
def test_check_sees_a_file_that_is_not_in_normal_form(tmp_path: Path, indent: int) -> None:
    raw = notebook([text("x")])
    if indent == 1:
        raw["metadata"]["authors"] = []
    path = tmp_path / "x.ipynb"
    path.write_text(json.dumps(raw, indent=indent, sort_keys=True) + "\n")

    found = list(refresh.differences(path.read_text(), normalise(read(path))))
    assert found == ["whole notebook: not in normal form"]


def test_a_failing_cell_is_shown_and_the_file_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    error = {"output_type": "error", "ename": "E", "evalue": "", "traceback": []}
    late = code("later()", "raises-exception", out=[error])
    path = write(tmp_path / "x.ipynb", text("# Why?"), code("x = 1"), code("y = x\ny.z"), late)
    before = path.read_bytes()

    assert main([str(path)]) == 1
    assert capsys.readouterr().err == (
        f"{path}: cell 3 failed\n    y = x\n    y.z\nAttributeError: 'int' object has no attribute 'z'\n"
    )
    assert path.read_bytes() == before


def test_a_cell_that_hangs_or_kills_the_kernel_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(refresh, "CELL_TIMEOUT", 2)
    hangs = write(tmp_path / "hangs.ipynb", code("x = 1"), code("while True: pass"))
    dies = write(tmp_path / "dies.ipynb", code("import os"), text("x"), code("os._exit(1)"))

    assert main([str(hangs), str(dies)]) == 1
    said = capsys.readouterr().err
    assert f"{hangs}: cell 2 failed\n    while True: pass\ntook longer than 2 s\n" in said
    assert f"{dies}: cell 3 failed\n    os._exit(1)\nthe kernel died\n" in said


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (None, "cannot be read: No such file or directory"),
        ("{", "is not a valid notebook: "),
        ("{}", "is not a valid notebook: "),
        ('{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{}]}', "is not a valid notebook: "),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line(
    tmp_path: Path, content: str | None, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.ipynb"
    if content is not None:
        path.write_text(content)

    assert main([str(path)]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"mmsim.course.refresh: {path}: {what}")
    assert said.count("\n") == 1


def test_a_notebook_without_code_is_fine_and_keeps_its_rights(tmp_path: Path) -> None:
    path = write(tmp_path / "x.ipynb", text("# Why?"))
    os.chmod(path, 0o640)

    assert main([str(path)]) == 0
    assert path.stat().st_mode & 0o777 == 0o640
    assert path.read_text() == text_of(normalise(read(path)))


def test_the_stored_form_of_a_stream_and_a_result_in_turn() -> None:
    import nbformat

    cell = code("x", out=[stream("stdout", "a"), stream("stderr", "b"), stream("stdout", "c")])
    normal = normalise(nbformat.from_dict(notebook([cell])))

    assert [(output.name, output.text) for output in normal.cells[0].outputs] == [
        ("stdout", "a"),
        ("stderr", "b"),
        ("stdout", "c"),
    ]
