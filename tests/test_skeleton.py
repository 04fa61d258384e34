"""The package as a whole: what importing it costs, and the rules every test run obeys."""

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

import mmsim

ROOT = Path(__file__).resolve().parent.parent
# Ends on its own terms when it is told that its time is over: nbval then calls the rest "expected to fail".
STUBBORN = """
import time
try:
    time.sleep(60)
except KeyboardInterrupt:
    pass
"""


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def test_importing_loads_no_part_and_nothing_heavy() -> None:
    code = "import sys; bare = set(sys.modules); import mmsim; print(*sorted(set(sys.modules) - bare))"
    assert python("-c", code).stdout.split() == ["mmsim"]


def test_the_parts_are_found_when_asked_for() -> None:
    from mmsim.maple import MapleState, MapleTree

    assert mmsim.MapleTree is MapleTree
    assert mmsim.MapleState is MapleState
    assert {"MapleTree", "MapleState", "__version__"} <= set(dir(mmsim))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'mmsim' has no attribute 'mapletree'"):
        _ = mmsim.mapletree


def test_python_m_mmsim_is_the_command() -> None:
    answer = python("-m", "mmsim", "--help")
    assert answer.returncode == 0
    assert "replay" in answer.stdout


def run_cells(folder: Path, *cells: tuple[str, str], options: tuple[str, ...] = ()) -> str:
    """Run a notebook whose cells are (source, printed text) under the rules; returns pytest's report."""
    book = new_notebook()
    for number, (source, text) in enumerate(cells, 1):
        outputs = [nbformat.v4.new_output("stream", name="stdout", text=text)] if text else []
        book.cells.append(new_code_cell(source, execution_count=number, outputs=outputs))
    path = folder / "book.ipynb"
    nbformat.write(book, path)
    rules = ("-m", "pytest", "-c", "pyproject.toml", "-p", "tests.notebook_rules", "-p", "no:cacheprovider", *options)
    answer = python(*rules, str(path))
    return f"{answer.stdout}\nexit code {answer.returncode}"


def test_cells_share_an_empty_state_and_a_fixed_order_of_sets(tmp_path: Path) -> None:
    report = run_cells(
        tmp_path,
        ("import os, pathlib; state = pathlib.Path(os.environ['MMSIM_STATE']); print(list(state.iterdir()))", "[]\n"),
        ("print(state == pathlib.Path(os.environ['MMSIM_STATE']), os.environ['PYTHONHASHSEED'])", "True 0\n"),
        ("print(1)", "2\n"),
    )
    assert "1 failed, 2 passed" in report
    assert "exit code 1" in report


def test_cells_after_one_that_took_too_long_are_failures(tmp_path: Path) -> None:
    cells = [(STUBBORN, ""), ("print(1)", "1\n"), ("print(1)", "2\n")]
    report = run_cells(tmp_path, *cells, options=("--nbval-cell-timeout=1",))
    for cell in (0, 2):
        assert f"Cell {cell} - not checked: it or a cell before it took too long" in report
    assert "3 failed in" in report
    assert "exit code 1" in report


def test_a_cell_that_is_skipped_is_a_failure(tmp_path: Path) -> None:
    report = run_cells(tmp_path, ("# NBVAL_SKIP\nprint(1)", "2\n"))
    assert "not checked: skipped" in report
    assert "exit code 1" in report


def test_each_test_has_a_state_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    state = Path(os.environ["MMSIM_STATE"])
    assert state.is_dir()
    assert list(state.iterdir()) == []
