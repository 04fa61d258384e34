"""Both ways of asking the running kernel, what happens where one is forbidden, and that no process stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mmsim.kernel import NoKernel
from mmsim.kernel.arch import AARCH64, X86_64
from mmsim.kernel.backend import BACKENDS
from mmsim.kernel.elf import LAYOUTS, program, syscall_at
from mmsim.kernel.live import OPS, LiveProcess
from mmsim.kernel.traced import DYNAMIC
from mmsim.mm.units import PAGE

from .running_kernel import like_today, live, running

ROOT = Path(__file__).parents[1]
both = pytest.mark.parametrize("backend", BACKENDS)


@pytest.fixture(autouse=True)
def nobody_left() -> Iterator[None]:
    """No test leaves a child, alive or a zombie."""
    before = children()
    yield
    deadline = time.monotonic() + 5
    while children() - before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert children() - before == set()


def children(of: int | None = None) -> set[int]:
    """Ids of a process's children, zombies included."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            _, _, rest = stat.read_text().rpartition(")")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(rest.split()[1]) == (of or os.getpid()):
            found.add(int(stat.parent.name))
    return found


# -- both do the same


@both
@pytest.mark.parametrize("layout", [*LAYOUTS, DYNAMIC])
def test_every_op_in_every_layout(backend: str, layout: str) -> None:
    if (backend, layout) == ("agent", DYNAMIC):
        pytest.skip("the agent is a program of its own")
    with live(layout, backend=backend) as process:
        at = process.start_brk
        done = {
            "brk": process.do("brk", at + 8 * PAGE) - at,
            "mprotect": process.do("mprotect", [at + PAGE, PAGE, 0]),
            "touch": process.do("touch", at),
            "touch none": process.do("touch", at + PAGE),
            "peek": process.do("peek", at + 2 * PAGE),
            "peek none": process.do("peek", at + PAGE),
            "peek nothing": process.do("peek", at + 99 * PAGE),
            "madvise": process.do("madvise", [at, PAGE, 16]),
            "mmap": process.do("mmap", [at + 20 * PAGE, 2 * PAGE, 3, 0x32]) - at,
            "mremap": process.do("mremap", [at + 20 * PAGE, 2 * PAGE, 3 * PAGE, 0, 0]) - at,
            "munmap": process.do("munmap", [at + 20 * PAGE, PAGE]),
            "munmap nothing": process.do("munmap", [at + 1, PAGE]),
            "setrlimit": process.do("setrlimit", ["DATA", 1]),
            "brk refused": process.do("brk", at + 9 * PAGE) - at,
            "mlock": process.do("mlock", [at, PAGE]),
            "munlock": process.do("munlock", [at, PAGE]),
            "mlockall": process.do("mlockall", 1),
            "munlockall": process.do("munlockall", None),
        }
        assert {name.split()[0] for name in done} == set(OPS) - {"fork", "kill_other"}
        values = {"brk": 8 * PAGE, "brk refused": 8 * PAGE, "mmap": 20 * PAGE, "mremap": 20 * PAGE}
        values |= {"touch none": -14, "peek none": -14, "peek nothing": -14, "munmap nothing": -22}
        assert done == {name: values.get(name, 0) for name in done}
        heap = [vma for vma in process.vmas() if vma.start in (at, at + PAGE)]
        assert [vma.perms for vma in heap] == ["rw-p", "---p"]
        assert heap[0].anonymous_kb == 4
        assert "dc" not in heap[1].flags


@both
def test_forks_go_on_by_themselves_and_are_all_ended(backend: str) -> None:
    with live(backend=backend) as process:
        at, first = process.start_brk, process.pid
        assert process.do("fork", "parent") == 1
        assert process.pid == first
        assert process.do("fork", "child") == 0
        assert process.pid != first
        assert process.do("brk", at + PAGE) == at + PAGE
        assert len(process.pids) == 3
        assert process.pids[-1] == process.pid
        assert process.do("kill_other", None) == 1  # the parent, and this one lives on
        assert not running(first)
        assert process.do("brk", 0) == at + PAGE
        pids = process.pids
        assert len(pids) == 2
    assert not any(map(running, pids))


@both
def test_without_randomization_two_are_alike_and_with_it_the_heap_moves(backend: str) -> None:
    with live(backend=backend) as one, live(backend=backend) as two:
        assert [vma.start for vma in one.vmas()] == [vma.start for vma in two.vmas()]
    with LiveProcess(aslr=True, backend=backend) as moved:
        setting = Path("/proc/sys/kernel/randomize_va_space").read_text()
        assert setting.strip() != "2" or moved.start_brk != LAYOUTS["bss"].start_brk


@both
def test_a_heap_is_moved(backend: str) -> None:
    with live(backend=backend) as process:
        assert process.move_heap(0x2000_0000) == 0
        assert process.start_brk == 0x2000_0000
        assert process.do("brk", 0x2000_1000) == 0x2000_1000
        assert process.header()["start_brk"] == 0x2000_0000


@both
def test_a_process_that_unmaps_its_own_code_is_told_in_one_line(backend: str) -> None:
    with live(backend=backend) as process:
        text = process.vmas()[0]
        with pytest.raises(ChildProcessError, match=r"process \d+ ended"):
            _ = process.do("munmap", [text.start, PAGE]), process.do("brk", 0)
        assert not running(process.pid)


def test_the_program_of_a_layout_can_be_stepped_on_both_processors() -> None:
    for arch in (X86_64, AARCH64):
        for layout in LAYOUTS.values():
            file, at = program(layout, arch), syscall_at(layout, arch)
            offset = at - layout.segments[0][2]
            assert file[offset : offset + len(arch.syscall)] == arch.syscall


# -- where it is forbidden

SAY = "from mmsim.kernel.live import LiveProcess; p = LiveProcess(); print(p.source, '@', hex(p.start_brk))"


def without(calls: str, *command: str) -> subprocess.CompletedProcess[str]:
    """Run Python where some system calls are refused."""
    denied = [sys.executable, "-m", "tests.deny", calls, sys.executable, *command]
    return subprocess.run(denied, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("calls", "said"),
    [
        ("ptrace", "asked by agent (ptrace: the kernel refuses to trace a child (seccomp, Yama)) @ 0x10014000"),
        ("personality", "asked by ptrace @ 0x10014000"),
        ("ptrace,personality", "@ 0x10014000"),
    ],
)
def test_another_way_is_found_and_why_is_said(calls: str, said: str) -> None:
    live().close()
    done = without(calls, "-c", SAY)
    assert said in done.stdout, done.stderr


@pytest.mark.parametrize(
    ("calls", "reason"),
    [
        ("memfd_create", "no kernel to ask here (memfd_create(): Operation not permitted)"),
        ("execveat", "does not run a program from memory"),
        ("personality,prctl", "the heap starts at 0x"),
    ],
)
def test_where_none_is_possible_one_line_says_so_and_recordings_are_used(calls: str, reason: str) -> None:
    live().close()
    script = "tests/data/syscalls/1-grow-and-shrink.jsonl"
    done = without(calls, "-m", "mmsim", "live", script)
    assert (done.returncode, done.stderr) == (0, "")
    note, result = done.stdout.splitlines()
    assert note.startswith("no kernel to ask here (")
    assert reason in note
    assert result.endswith("12 records, 0 differ")


def test_a_word_that_chooses_no_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMSIM_KERNEL", "telepathy")
    with pytest.raises(NoKernel, match="MMSIM_KERNEL is 'telepathy', expected one of auto, ptrace, agent, recording"):
        LiveProcess()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("sys.platform", "darwin", "needs Linux, this is darwin"),
        ("platform.machine", lambda: "riscv64", "needs 64-bit x86-64 or aarch64, this is riscv64"),
        ("mmap.PAGESIZE", 65536, "needs pages of 4096 bytes, here they have 65536"),
    ],
)
def test_a_machine_it_was_not_made_for(monkeypatch: pytest.MonkeyPatch, name: str, value: object, message: str) -> None:
    monkeypatch.setattr(f"mmsim.kernel.arch.{name}", value)
    with pytest.raises(NoKernel, match=message):
        LiveProcess()


# All runs once before the change of user: who knows which of Python's own files nobody may read.
LIVE = "mmsim.cli.main(['live', '--backend', *sys.argv[1:]])"
AS_ROOT = f"import os, sys, mmsim.cli; code = {LIVE}; "
AS_NOBODY = "os.setgid(65534); os.setuid(65534); assert 'CapEff:\\t' + '0' * 16 in open('/proc/self/status').read(); "


@pytest.mark.slow
@like_today
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become somebody else")
@both
@pytest.mark.parametrize("user", ["root", "nobody"])
def test_the_recorded_scripts_by_both_ways_as_both_users(backend: str, user: str) -> None:
    live(backend=backend).close()
    scripts = [str(path) for path in sorted((ROOT / "tests/data/syscalls").glob("*.jsonl"))]
    code = AS_ROOT + (f"{AS_NOBODY}code = {LIVE}; " if user == "nobody" else "") + "sys.exit(code)"
    command = [sys.executable, "-c", code, backend, *scripts]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()[-len(scripts) :]
    assert len(lines) == 8
    assert all(line.endswith(" 0 differ") and f"asked by {backend})" in line for line in lines)


# -- nobody is left


BUSY = """
import sys
from mmsim.kernel.live import LiveProcess
process = LiveProcess(backend=sys.argv[1])
start = process.start_brk
for who in ("parent", "child", "parent"):
    process.do("fork", who)
print(*process.pids, flush=True)
at = 0
while True:
    at = (at + 1) % 64
    process.do("brk", start + at * 4096)
"""


@both
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_parent_killed_in_mid_script_takes_its_processes_along(backend: str, number: int) -> None:
    live(backend=backend).close()
    command = [sys.executable, "-c", BUSY, backend]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as parent:
        assert parent.stdout is not None
        pids = [int(word) for word in parent.stdout.readline().split()]
        assert len(pids) == 4
        assert all(map(running, pids))
        time.sleep(0.1)
        parent.send_signal(number)
    gone_by(5, pids)


def gone_by(seconds: float, pids: list[int]) -> None:
    deadline = time.monotonic() + seconds
    while any(map(running, pids)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert [pid for pid in pids if running(pid)] == []


@both
def test_an_exception_in_a_callback_ends_the_process(backend: str) -> None:
    pids: list[int] = []

    def callback(process: LiveProcess) -> None:
        process.do("fork", "child")
        pids.extend(process.pids)
        raise RuntimeError

    with pytest.raises(RuntimeError), live(backend=backend) as process:
        callback(process)
    assert len(pids) == 2
    assert not any(map(running, pids))


@both
def test_a_forgotten_process_ends(backend: str) -> None:
    process = live(backend=backend)
    pids = process.pids
    del process
    assert not any(map(running, pids))


@both
@pytest.mark.parametrize("now", [True, False], ids=["killed", "asked to stop"])
def test_a_jupyter_kernel_that_is_restarted_leaves_nobody(backend: str, now: bool) -> None:
    from jupyter_client.manager import start_new_kernel

    live(backend=backend).close()
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(ROOT))
    said: list[str] = []

    def hear(message: dict) -> None:
        said.append(message["content"].get("text", ""))

    code = f"from mmsim.kernel.live import LiveProcess; p = LiveProcess(backend={backend!r}); p.do('fork', 'child'); "
    try:
        client.execute_interactive(code + "print(*p.pids)", output_hook=hear, timeout=60)
        pids = [int(word) for word in "".join(said).split()]
        assert len(pids) == 2
        assert all(map(running, pids))
        manager.restart_kernel(now=now)
        gone_by(10, pids)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
