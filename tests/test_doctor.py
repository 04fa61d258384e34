"""What `mmsim doctor` says with everything here, and with one thing after the other taken away."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from mmsim.cli import main
from mmsim.course import doctor
from mmsim.course.doctor import MISSING, OK, WITHOUT, Finding, examine

NAMES = ["Python", "packages", "JupyterLab", "Graphviz", "progress", "mappings", "kernel", "ptrace", "agent"]
NAMES += ["questions", "census", "addresses", "limits", "recordings", "sandbox"]


def findings() -> dict[str, Finding]:
    return {finding.name: finding for finding in examine()}


@pytest.fixture(autouse=True)
def own_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MMSIM_STATE", str(tmp_path / "state"))


def test_one_line_each_and_nothing_missing_here(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == NAMES
    assert {line[:2] for line in lines} <= {OK, WITHOUT}
    assert all(len(line) > 16 for line in lines)


@pytest.mark.parametrize("name", doctor.NEEDED)
def test_a_missing_package_is_named_and_the_course_cannot_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    assert main(["doctor"]) == 1
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith(MISSING))
    assert line == f"NO  packages    {name} not installed (python3 start.py installs all)"


def test_without_jupyterlab_another_editor_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jupyterlab", None)
    assert findings()["JupyterLab"].mark == WITHOUT


def test_an_old_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "OLDEST", (4, 0))
    found = findings()["Python"]
    assert found.mark == MISSING
    assert found.told.endswith("expected 4.0 or newer")


def test_without_graphviz(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMSIM_RENDERER", "text")
    assert findings()["Graphviz"].mark == WITHOUT
    monkeypatch.setenv("MMSIM_RENDERER", "crayon")
    assert findings()["Graphviz"].mark == MISSING


def test_no_place_for_the_progress(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MMSIM_STATE", str(tmp_path / "file"))
    found = findings()["progress"]
    assert found.mark == MISSING
    assert "set MMSIM_STATE to a folder you can write" in found.told


def test_off_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    found = findings()
    assert {found[name].mark for name in ("kernel", "ptrace", "agent", "questions", "census", "addresses")} == {WITHOUT}
    assert found["ptrace"].told == "needs Linux, this is darwin"
    assert found["questions"].told == "answered by recordings: needs Linux, this is darwin"


def test_an_older_kernel_is_asked_for_less(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.release", lambda: "5.15.0-91-generic")
    found = findings()["kernel"]
    if sys.platform == "linux":
        assert found.told.endswith("before 6.16: its answers and pages are compared, not its VMAs")


def test_the_choice_of_recordings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMSIM_KERNEL", "recording")
    assert findings()["questions"].told == "answered by recordings: MMSIM_KERNEL=recording asks for none"


def test_recordings_gone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(doctor, "RECORDINGS", tmp_path)
    assert findings()["recordings"].mark == MISSING


def test_no_proc_to_read(monkeypatch: pytest.MonkeyPatch) -> None:
    read = Path.read_text

    def refuse(path: Path, *args: str, **named: str) -> str:
        if path.parts[:2] == (os.sep, "proc"):
            raise FileNotFoundError(2, "No such file or directory", str(path))
        return read(path, *args, **named)

    monkeypatch.setattr(Path, "read_text", refuse)
    found = findings()
    assert found["mappings"].mark == found["limits"].mark == WITHOUT
