"""The command: help, exit codes, one line for what goes wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mmsim import __version__
from mmsim.cli import main

DATA = Path(__file__).parent / "data" / "maple"


def run(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "mmsim", *args], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("args", [["--help"], ["replay", "--help"], ["tree", "--help"]])
def test_help(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(args)
    assert stop.value.code == 0
    assert "usage: mmsim" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"mmsim {__version__}\n"


@pytest.mark.parametrize("args", [[], ["jump"], ["replay"], ["replay", "--nonsense", "x"], ["tree", "a", "b"]])
def test_bad_usage_is_one_line_and_exit_2(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(args)
    out, err = capsys.readouterr()
    assert (stop.value.code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("mmsim")


def test_replay_from_outside() -> None:
    done = run("replay", str(DATA / "01_root_only_plain.jsonl"))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("01_root_only_plain.jsonl: 86 records, 0 differ\n")


def test_a_reader_that_leaves_early_is_no_error_of_ours() -> None:
    files = " ".join(str(path) for path in sorted(DATA.glob("*.jsonl")))
    script = f"{sys.executable} -m mmsim replay {files} | head -1"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr


def test_tree_of_the_sample(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tree", "sample"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("maple tree alloc_range, height 2")
    assert "[heap] rw-p" in out


@pytest.mark.parametrize(("source", "message"), [("999999999", "No such file"), ("/nowhere", "No such file")])
def test_tree_of_nothing(source: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tree", source]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert message in err


@pytest.mark.parametrize(("name", "message"), [("a.png", "cannot save 'a.png'"), ("none/a.svg", "No such file")])
def test_a_picture_that_cannot_be_saved(
    tmp_path: Path, name: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tree", "sample", "--svg", str(tmp_path / name)]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert message in err


def test_live_falls_back_to_the_recording_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MMSIM_KERNEL", "recording")
    path = DATA.parent / "syscalls" / "1-grow-and-shrink.jsonl"
    assert main(["live", str(path)]) == 0
    out = capsys.readouterr().out
    reason = "MMSIM_KERNEL=recording asks for none"
    assert out.startswith(f"no kernel to ask here ({reason}): compared with the recording instead\n")
    assert out.endswith("12 records, 0 differ\n")
    assert main(["record", str(path), "-o", "never-made"]) == 2
    assert capsys.readouterr().err == f"mmsim record: {reason}\n"


def test_a_recording_never_replaces_its_script(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "script.jsonl"
    path.write_text('{"format":"syscall-trace/1"}\n{"op":"brk","arg":0}\n')
    before = path.read_text()
    assert main(["record", str(path), "-o", str(tmp_path)]) == 2
    assert "would replace its script" in capsys.readouterr().err
    assert path.read_text() == before


def test_the_generations_offered_are_those_there_are() -> None:
    from mmsim import brk, cli

    assert tuple(brk.GENERATIONS) == cli._GENERATIONS


def test_import_is_light() -> None:
    """`import mmsim` and the tree load none of the packages that draw."""
    code = "import sys, mmsim, mmsim.maple, mmsim.cli; print(sorted({m.split('.')[0] for m in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    for heavy in ("graphviz", "pygraphviz", "matplotlib", "ipywidgets", "anywidget", "IPython", "numpy"):
        assert f"'{heavy}'" not in loaded
