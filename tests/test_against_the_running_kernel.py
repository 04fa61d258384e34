"""The recorded scripts on the running kernel, in lock-step with the model; and scripts that cannot be asked."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mmsim.mm.units import PAGE
from mmsim.trace import RecordingError, read, replay
from mmsim.trace.lockstep import lockstep, record

from .running_kernel import like_today, live, running

RECORDINGS = sorted((Path(__file__).parent / "data" / "syscalls").glob("*.jsonl"))


def test_a_live_process_answers_and_leaves_no_child() -> None:
    with live() as process:
        start, pid = process.start_brk, process.pid
        assert process.do("brk", start + 3 * PAGE) == start + 3 * PAGE
        assert process.do("touch", start) == 0
        assert process.do("touch", start + 8 * PAGE) == -14
        heap = next(vma for vma in process.vmas() if vma.start == start)
        assert (heap.end, heap.perms, heap.anonymous_kb) == (start + 3 * PAGE, "rw-p", 4)
        assert process.do("fork", "child") == 0
        assert process.do("brk", 0) == start + 3 * PAGE
        assert process.do("kill_other", None) == 1
        pids = {pid, process.pid}
    process.close()
    assert not any(running(each) for each in pids)


def test_an_exception_ends_the_process() -> None:
    process = live()
    with pytest.raises(RuntimeError), process:
        raise RuntimeError
    assert not running(process.pid)


@pytest.mark.slow
@like_today
@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_the_recorded_scripts_on_this_kernel(path: Path, tmp_path: Path) -> None:
    """In lock-step with the model; and recorded anew, they replay."""
    live().close()
    report = lockstep(path)
    assert report.first is None, str(report)
    again = tmp_path / "again.jsonl"
    again.write_text("\n".join(record(path)) + "\n")
    assert replay(again).differ == 0
    header = read(again).header
    assert header["uid"] == (os.geteuid() or read(path).header["uid"])
    assert not (header["uid"] and header["cap_ipc_lock"])


@pytest.mark.slow
@like_today
def test_an_older_generation_is_told_apart_at_the_first_difference() -> None:
    live().close()
    report = lockstep(RECORDINGS[0], "v4")
    assert report.first is not None
    assert report.first.expected["VmData"] != report.first.got["VmData"]


@pytest.mark.parametrize(
    ("header", "op", "message"),
    [
        ("", '{"op":"mbind","arg":[1,2,null]}', ":2: op 'mbind' is one the model alone has"),
        ("", '{"op":"jump","arg":1}', ":2: op 'jump' is unknown"),
        ("", '{"op":"brk"}', ':2: brk: no "arg"'),
        (
            ',"layout":{"name":"moon"}',
            '{"op":"brk","arg":0}',
            ":1: layout is 'moon', expected one of bss, half, file, text, dynamic",
        ),
        (',"start_brk":4096', '{"op":"brk","arg":0}', ":1: the heap starts at 0x.* and may not be moved to 0x1000"),
    ],
)
def test_a_script_that_cannot_be_asked(tmp_path: Path, header: str, op: str, message: str) -> None:
    live().close()
    path = tmp_path / "script.jsonl"
    path.write_text(f'{{"format":"syscall-trace/1"{header}}}\n{op}\n')
    with pytest.raises(RecordingError, match=message):
        lockstep(path)
