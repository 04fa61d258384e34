"""Recording a census: small programs of every sort, run under the tracer; nothing is left behind, however it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from mmsim.cli import main
from mmsim.kernel import NoKernel
from mmsim.kernel.arch import here
from mmsim.kernel.brkwatch import _Watcher, watch
from mmsim.kernel.ptrace import libc
from mmsim.kernel.seccomp import Filter
from mmsim.kernel.spawn import fork
from mmsim.trace import RecordingError
from mmsim.trace.census import BESIDE, EXTENDED, NEW, Job, load, read, replay
from mmsim.trace.census_record import keep, record, told


def _refused() -> str | None:
    """Why no program can be recorded here."""
    try:
        watch(["true"])
    except NoKernel as reason:
        return str(reason)
    return None


_REASON = _refused()
pytestmark = pytest.mark.skipif(_REASON is not None, reason=f"no program can be recorded: {_REASON}")

ROOT = Path(__file__).parents[1]
# What every program below begins with: a heap of its own, moved by the C library.
HEAP = """
import ctypes, os, signal, subprocess, sys, threading, time
libc = ctypes.CDLL(None)
libc.sbrk.restype, libc.sbrk.argtypes, libc.brk.argtypes = ctypes.c_void_p, [ctypes.c_long], [ctypes.c_void_p]
"""


def program(code: str) -> list[str]:
    return [sys.executable, "-S", "-c", HEAP + code]


def recorded(code: str) -> dict[str, Any]:
    """The census of a program, which must come out the same in generation today."""
    census, _ = record(program(code))
    assert list(map(str, replay(load(census), "today").differs)) == []
    return census


def shape(census: dict[str, Any]) -> list[tuple[str, int | None]]:
    return [(space["how"], space["parent"]) for space in census["address_spaces"]]


def kinds(census: dict[str, Any], space: int = 0) -> list[str]:
    return [call[2] for call in census["address_spaces"][space]["calls"]]


def left(mark: str) -> list[int]:
    """The processes that have a word among their arguments; zombies have none."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:  # it ended since
            continue
    return found


def soon(true: Any, seconds: float = 5) -> bool:
    """Whether something becomes true."""
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.01)
    return true()


# -- what is seen


def test_each_kind_of_call() -> None:
    """The last calls of a program, each of its own kind; its first are those of every C library."""
    census = recorded(
        "at = libc.sbrk(0)\nfor move in (5 * 4096, 5 * 4096 - 8, 4096, 1 << 46, 8): libc.brk(at + move)\nos._exit(7)"
    )
    assert kinds(census)[:3] == ["query", "query", NEW]
    assert kinds(census)[-5:] == [EXTENDED, "same page", "shrink", "refused", "same page"]
    (space,) = census["address_spaces"]
    want, answer, _, heap_vmas = space["calls"][-2]
    assert (want - answer, heap_vmas) == ((1 << 46) - 4096, 1)
    assert (census["exit"], shape(census)) == (7, [("exec", None)])
    assert (space["n"], space["exe"]) == (0, Path(os.path.realpath(sys.executable)).name)
    assert space["start_brk"] == space["calls"][0][1]


def test_a_forked_child_cannot_extend_the_heap_it_got() -> None:
    census = recorded("if os.fork() == 0:\n    libc.sbrk(65536); os._exit(0)\nos.wait()")
    assert shape(census) == [("exec", None), ("fork", 0)]
    assert kinds(census, 1)[0] == BESIDE
    parent, child = census["address_spaces"]
    assert (child["exe"], child["start_brk"], child["loader_bss_pages"]) == (parent["exe"], parent["start_brk"], [])


def test_threads_share_one_address_space() -> None:
    census = recorded(
        "lock = threading.Lock()\n"  # sbrk() has none
        "def grow():\n    with lock: libc.sbrk(4096 * 40)\n"
        "many = [threading.Thread(target=grow) for _ in range(8)]\n"
        "for one in many: one.start()\n"
        "for one in many: one.join()\n"
        "os._exit(0)"
    )
    calls = census["address_spaces"][0]["calls"]
    grown = [call[1] - before[1] for before, call in pairwise(calls)]
    assert (shape(census), grown.count(4096 * 40)) == ([("exec", None)], 8)


@pytest.mark.parametrize("start", ["subprocess.run(['true'])", "os.waitpid(os.posix_spawnp('true', ['true'], {}), 0)"])
def test_a_vfork_child_has_no_address_space_before_its_exec(start: str) -> None:
    census = recorded(start)
    assert shape(census) == [("exec", None), ("exec", 0)]
    assert census["address_spaces"][1]["exe"] in ("true", "coreutils", "busybox")
    assert kinds(census, 1)[0] == "query"


def test_exec_in_a_thread_ends_the_others() -> None:
    code = "threading.Thread(target=os.execvp, args=('sh', ['sh', '-c', 'exit 6'])).start()\ntime.sleep(60)"
    census = recorded(code)
    assert (shape(census), census["exit"]) == ([("exec", None), ("exec", 0)], 6)


def test_an_address_space_that_calls_nothing_is_there() -> None:
    census = recorded("if os.fork() == 0: os._exit(0)\nos.wait()")
    assert kinds(census, 1) == []
    assert census["summary"]["address spaces"] == 2


def test_what_the_loader_put_behind_data() -> None:
    """The pages of bss that a program's own list of mappings begins with."""
    census, _ = record(["bash", "-c", "mapfile -t lines < /proc/$$/maps; printf '%s\\n' \"${lines[@]}\" >&2"])
    (space,) = census["address_spaces"]
    assert len(space["loader_bss_pages"]) == census["summary"]["loader bss"] == 1


# -- the program runs as if alone


def test_its_signals_are_its_own() -> None:
    code = "got = []\nsignal.signal(signal.SIGUSR1, lambda *_: got.append(1))\nos.kill(os.getpid(), signal.SIGUSR1)\n"
    assert recorded(code + "sys.exit(40 + len(got))")["exit"] == 41


def test_a_signal_that_ends_it_is_told() -> None:
    census, line = record(program("os.kill(os.getpid(), signal.SIGKILL)"))
    assert census["exit"] == -signal.SIGKILL
    assert line.endswith("ended by signal 9")


def test_a_program_that_is_stopped_stays_so_until_it_is_continued() -> None:
    census = recorded(
        "child = os.fork()\n"
        "if child == 0:\n    os.kill(os.getpid(), signal.SIGSTOP); os._exit(5)\n"
        "assert os.WIFSTOPPED(os.waitpid(child, os.WUNTRACED)[1])\n"
        "time.sleep(0.05); assert os.waitpid(child, os.WNOHANG) == (0, 0)\n"
        "os.kill(child, signal.SIGCONT); sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))"
    )
    assert census["exit"] == 5


def test_a_pipe_whose_reader_left_ends_it_as_usual() -> None:
    """Python ignores SIGPIPE; what it runs must not."""
    assert watch(["sh", "-c", "kill -PIPE $$; exit 3"]).exit == -signal.SIGPIPE


def test_it_is_waited_for_all_that_was_started() -> None:
    assert len(watch(["sh", "-c", "(sleep 0.1; true) & exit 2"]).spaces) == 3


def test_input_and_output_are_the_terminals() -> None:
    command = [sys.executable, "-m", "mmsim", "census", "--generation", "today", "--", "sh", "-c", "cat; exit 3"]
    done = subprocess.run(command, input="hello\n", capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.stdout.startswith("hello\njob ")
    assert "0 differ" in done.stdout.splitlines()[-1]
    assert done.stderr.startswith("recorded sh: 2 address spaces, ")
    assert done.stderr.endswith(" calls of brk(), exit code 3\n")
    assert (done.stderr.count("\n"), done.returncode) == (1, 0)


def test_other_children_are_left_to_whoever_started_them() -> None:
    other = subprocess.Popen(["sh", "-c", "exit 9"])
    time.sleep(0.02)
    assert watch(["true"]).exit == 0
    assert other.wait() == 9


# -- the filter


@pytest.mark.parametrize(("ours", "ended"), [(True, 1), (False, 0)])
def test_the_filter_stops_brk_of_this_processor_only(ours: bool, ended: int) -> None:
    """Without a tracer the kernel does no call that should stop: a program of another processor goes on."""
    library, stopper = libc(), Filter(here() if ours else here()._replace(audit=1), "brk")
    pid = fork()
    if pid == 0:
        os._exit(library.syscall(here().numbers["brk"], 0) == -1 if stopper.install(library) else 2)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == ended


# -- nothing is left behind


def test_what_is_recorded_dies_with_a_recorder_that_is_killed(tmp_path: Path) -> None:
    mark = f"mark-{os.getpid()}"
    script = f"(setsid sleep 60 {mark} 2>/dev/null &); sh -c 'echo ready; sleep 60 # {mark}' & wait # {mark}"
    script = script.replace(f"sleep 60 {mark} 2>/dev/null", f"sh -c 'sleep 60; true # {mark}'")
    command = [sys.executable, "-m", "mmsim", "census", "--", "sh", "-c", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as recorder:
        assert recorder.stdout is not None
        assert recorder.stdout.readline() == b"ready\n"
        assert len(left(mark)) >= 4
        recorder.kill()
    assert soon(lambda: not left(mark)), left(mark)


def test_what_is_recorded_dies_with_an_error_in_the_recorder(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(_Watcher, "_exec", fail)
    mark = f"mark-{os.getpid()}-error"
    with pytest.raises(ZeroDivisionError):
        watch(["sh", "-c", f"sleep 60 # {mark}"])
    assert left(mark) == []


def test_after_an_interrupt_there_is_what_was_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program gives us the Ctrl-C; it and its child, which know nothing of it, end a moment later."""
    monkeypatch.setattr("mmsim.kernel.brkwatch.GRACE", 0.1)
    code = "if os.fork():\n    os.kill(os.getppid(), signal.SIGINT)\ntime.sleep(60)"
    watched = watch(program(code))
    assert (watched.interrupted, watched.exit, len(watched.spaces)) == (True, -signal.SIGKILL, 2)
    assert told("x", watched).endswith("ended by signal 9, interrupted")


def test_a_program_may_end_by_itself_after_an_interrupt() -> None:
    watched = watch(program("os.kill(os.getppid(), signal.SIGINT)\nlibc.sbrk(4096 * 50)\nos._exit(4)"))
    assert (watched.interrupted, watched.exit) == (True, 4)
    calls = watched.spaces[0].calls
    assert calls[-1].answer - calls[-1].old == 4096 * 50


def test_no_file_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    before = os.listdir("/proc/self/fd")
    watch(["true"])
    with pytest.raises(FileNotFoundError):
        watch(["./no-such-program"])
    monkeypatch.setattr(Filter, "install", lambda *_: False)
    with pytest.raises(NoKernel, match="refuses a seccomp filter"):
        watch(["true"])
    monkeypatch.setattr("mmsim.kernel.brkwatch._OPTIONS", 1 << 30)
    with pytest.raises(NoKernel, match="refuses to trace a child"):
        watch(["true"])
    assert os.listdir("/proc/self/fd") == before


# -- the recording


def test_a_recording_is_read_as_it_was_kept(tmp_path: Path) -> None:
    census, line = record(program("libc.sbrk(4096 * 50)\nif os.fork() == 0: libc.sbrk(4096 * 50)"), "job")
    keep(census, tmp_path / "job.json")
    job = read(tmp_path / "job.json")
    assert job == Job("job", str(tmp_path / "job.json"), load(census).spaces)
    assert sum(len(space.calls) for space in job.spaces) == sum(
        census["summary"].get(kind, 0)
        for kind in census["summary"]
        if kind not in ("address spaces", "execs", "loader bss")
    )
    assert line.startswith("recorded job: 2 address spaces, ")
    with pytest.raises(RecordingError, match=r"job\.json: cannot be written: File exists"):
        keep(census, tmp_path / "job.json")


def test_an_address_space_that_may_not_be_looked_at_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with a program its user may run but not read: it runs, and its calls are missing."""

    def refuse(pid: int) -> int:
        raise PermissionError

    monkeypatch.setattr("mmsim.kernel.brkwatch._start_brk", refuse)
    census, line = record(["sh", "-c", "exit 3"])
    (space,) = census["address_spaces"]
    assert (space["exe"], space["calls"], census["exit"]) == ("?", [], 3)
    assert line.endswith("exit code 3, 1 address space may not be looked at: calls missing")
    assert load(census).spaces


# -- the command line


def test_the_command_records_replays_and_keeps(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new" / "job.json"
    arguments = ["census", "--json", "--generation", "today", "-o", str(out), "--", "sh", "-c", "echo --; exit 3"]
    assert main(arguments) == 0
    said, err = capfd.readouterr()
    first, *lines = said.splitlines()
    assert (first, [json.loads(line)["job"] for line in lines]) == ("--", ["job", "all"])
    assert err.startswith("recorded job: 1 address space, ")
    assert json.loads(out.read_text())["command"] == ["sh", "-c", "echo --; exit 3"]
    assert main(["census", str(out), "--generation", "today"]) == 0

    kept = out.read_bytes()
    capfd.readouterr()
    assert main(arguments) == 2
    expected = f"mmsim census: {out}: is there already, and the recording would replace it: expected another name\n"
    assert capfd.readouterr() == ("", expected)
    assert out.read_bytes() == kept


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--"], "there is nothing to record, expected -- COMMAND ..."),
        (["-o", "x.json"], "there is nothing to record, expected -- COMMAND ..."),
        (["a.json", "--", "true"], "there is a file, a.json, and a command: expected one of them"),
        (["--", "./no-such-program", "x"], "./no-such-program: cannot be run: No such file or directory"),
        (["--", "/proc"], "/proc: cannot be run: Permission denied"),
        (["-o", "/proc/version/x.json", "--", "true"], "/proc/version/x.json: nothing can be kept there: File exists"),
    ],
)
def test_one_line_for_what_goes_wrong(
    arguments: list[str], line: str, capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["census", *arguments]) == 2
    assert capfd.readouterr() == ("", f"mmsim census: {line}\n")
    assert list(tmp_path.iterdir()) == []


def test_a_recorder_that_is_recorded_says_that_it_may_not(capfd: pytest.CaptureFixture[str]) -> None:
    inner = [sys.executable, "-m", "mmsim", "census", "--", "true"]
    assert main(["census", "--generation", "today", "--", *inner]) == 0
    refused, line = capfd.readouterr().err.splitlines()
    assert refused.startswith("mmsim census: the kernel refuses to trace a child (")
    assert line.endswith("exit code 2")
