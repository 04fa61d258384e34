"""The sandbox as an honest submission and its grader see it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mmsim.course.sandbox import (
    LANDLOCK,
    RLIMITS,
    Answer,
    Call,
    Limits,
    Request,
    SandboxError,
    asking,
    best,
    levels,
    run,
)
from mmsim.course.sandbox.inside.plain import NotPlain, clean, decode, encode
from mmsim.course.sandbox.places import open_parts

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the levels of protection are Linux's")
USABLE = [level.name for level in levels() if level.usable]


@pytest.mark.parametrize("level", USABLE)
def test_answers_in_order_with_exact_types(level: str) -> None:
    cells = ["def f(x):\n    return [x, True, 1.5, None, {'a': 'ä'}]", "n = 3"]
    report = run(Request(cells, [Call("f", [7]), Call("n"), Call("g")]), level=level)
    assert report.answers == [
        Answer("value", [7, True, 1.5, None, {"a": "ä"}]),
        Answer("value", 3),
        Answer("missing", message="no g in the submission"),
    ]
    assert (report.level, report.starts, report.cells) == (level, 1, [])


def test_the_last_definition_wins_and_each_call_starts_afresh() -> None:
    cells = ["def f(): return 0", "seen = []\ndef f():\n    seen.append(1)\n    return len(seen)"]
    report = run(Request(cells, [Call("f"), Call("f")]))
    assert [answer.value for answer in report.answers] == [1, 1]


def test_where_a_call_and_a_cell_failed() -> None:
    cells = ["1 / 0\nx = 1\ndef f():\n    return None + 1", "def broken(:"]
    report = run(Request(cells, [Call("f"), Call("x")]))
    assert str(report.answers[0]).startswith("raised: cell 1, line 4: TypeError: ")
    assert report.answers[1].kind == "missing"
    assert [(cell.cell, cell.line) for cell in report.cells] == [(1, 1), (2, 1)]


def test_what_a_notebook_may_hold_does_no_harm() -> None:
    cells = [
        "%matplotlib inline\nfiles = !ls\nif True:\n    !pip install x\ndisplay(files)\nget_ipython().magic('x')",
        "%%bash\nls",
        "%%time\ny = 5 % 3",
        "brk?\ntext = '''\n%not a magic\n'''",
    ]
    report = run(Request(cells, [Call("y"), Call("text"), Call("files")]))
    assert report.cells == []
    assert [answer.value for answer in report.answers] == [2, "\n%not a magic\n", None]


@pytest.mark.parametrize("level", USABLE)
def test_the_library_can_be_used(level: str) -> None:
    cells = ["from mmsim import MapleTree\nt = MapleTree()\nt.store_range(1, 2, 'x')\ndef f(): return t.load(2)"]
    report = run(Request(cells, [Call("f")]), level=level)
    assert (report.answers, report.cells) == ([Answer("value", "x")], [])


def test_all_time_together_is_limited() -> None:
    cells = ["def f():\n    while True: pass"]
    report = run(Request(cells, [Call("f")] * 20), Limits(call_seconds=0.5, total_seconds=1.2))
    assert {answer.kind for answer in report.answers} == {"timeout"}
    assert len(report.answers) == 20
    assert report.seconds < 6


def test_time_that_is_over_while_the_worker_starts_is_a_timeout() -> None:
    report = run(Request(["def f():\n    return 1"], [Call("f")] * 3), Limits(total_seconds=0.01))
    assert [answer.kind for answer in report.answers] == ["timeout"] * 3


def test_output_is_cut_and_counted() -> None:
    report = run(Request(["print('x' * 1000)"], []), Limits(output_bytes=10))
    assert report.output == "x" * 10
    assert report.output_bytes == 1001


def test_a_level_that_is_not_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "_why_not", lambda level: None if level == RLIMITS else "not today")
    assert best().name == RLIMITS
    with pytest.raises(SandboxError, match="no sandbox by landlock: not today"):
        run(Request([], []), level=LANDLOCK)
    with pytest.raises(ValueError, match="no level magic"):
        run(Request([], []), level="magic")


def test_arguments_must_be_plain() -> None:
    with pytest.raises(ValueError, match="arguments of f: tuple is not plain data"):
        run(Request([], [Call("f", [(1, 2)])]))


@pytest.mark.parametrize("level", USABLE)
def test_a_killed_grader_leaves_no_process(level: str, tmp_path: Path) -> None:
    code = (
        "from mmsim.course.sandbox import *; from mmsim.course.sandbox import protection as p; import sys\n"
        "p.ENVIRONMENT['MMSIM_TEST'] = sys.argv[1]\n"
        "run(Request(['print(1, flush=True)\\nwhile True: pass'], []), Limits(cell_seconds=50), sys.argv[2])"
    )
    mark = f"killed-{os.getpid()}-{level}"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "TMPDIR": str(tmp_path)}
    grader = subprocess.Popen([sys.executable, "-c", code, mark, level], env=environment)
    assert _wait_until(lambda: len(_running(mark)) > 1)
    time.sleep(0.5)
    grader.send_signal(signal.SIGKILL)
    grader.wait()
    assert _wait_until(lambda: not _running(mark))


def _running(mark: str) -> list[str]:
    found = []
    for name in filter(str.isdecimal, os.listdir("/proc")):
        try:
            if f"MMSIM_TEST={mark}".encode() in Path(f"/proc/{name}/environ").read_bytes():
                found.append(name)
        except OSError:
            continue
    return found


def _wait_until(is_so: object) -> bool:
    assert callable(is_so)
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if is_so():
            return True
        time.sleep(0.05)
    return False


def test_hidden_parts_are_taken_out_of_what_may_be_read(tmp_path: Path) -> None:
    for name in ("mmsim/a.py", "mmsim/course/b.py", "mmsim/course/solutions/c.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    package = str(tmp_path / "mmsim")
    whole, apart = open_parts([package], [f"{package}/course/solutions"])
    assert sorted(whole) == [f"{package}/a.py", f"{package}/course/b.py"]
    assert sorted(apart) == [package, f"{package}/course"]


@pytest.mark.parametrize(
    "text",
    [b"NaN", b"1e999", b"[" * 50 + b"]" * 50, b'{"a":1,"a":2}', b'"\\ud800"', b"\xff", b"", b"9" * 5000],
)
def test_what_is_not_plain_is_refused_by_the_reader_too(text: bytes) -> None:
    with pytest.raises(NotPlain):
        decode(text)


def test_plain_data_goes_through_unchanged() -> None:
    value = {"a": [0, -1, 2**64, 1.5, -0.0, "x\0\n", "😀", True, None, [], {}]}
    assert repr(decode(encode(value))) == repr(value)


def test_messages_are_one_clean_line() -> None:
    assert clean("\x1b]0;title\x07a\r\n\x1b[2Jb\u202ec") == "a b c"
    assert len(clean("x" * 1000)) == 300
