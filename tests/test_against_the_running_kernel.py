"""The same random system calls in the model (`today`) and on the running kernel, VMA for VMA.

Slow and only where a process may be traced. Tiers as in the project's traces: a brk alone, b mappings around
the heap, c protections, d touched pages, e locks and limits, f fork.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mmsim.kernel.elf import LAYOUTS
from mmsim.mm.units import PAGE
from mmsim.trace import RecordingError, read, replay
from mmsim.trace.lockstep import ask, lockstep, record
from mmsim.trace.syscall_trace import Session

from .running_kernel import like_today, live, running

RECORDINGS = sorted((Path(__file__).parent / "data" / "syscalls").glob("*.jsonl"))
SCRIPTS, OPS = 60, 60
NOBODY = 65534
TIERS = {
    "a": ["brk"],
    "b": ["mmap", "munmap"],
    "c": ["mprotect"],
    "d": ["touch", "touch"],
    "e": ["mlock", "munlock", "mlockall", "munlockall", "setrlimit"],
    "f": ["fork", "kill_other"],
}


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


def calls(rng: random.Random, tier: str, base: int) -> Iterator[tuple[str, Any]]:
    """A random script around the top of the heap."""
    ops = ["brk"] * 3 + [op for name in TIERS if name <= tier for op in TIERS[name]]
    for _ in range(OPS):
        op = rng.choice(ops)
        page = base + PAGE * rng.randrange(0, 40)
        length = PAGE * rng.choice([1, 1, 2, 3, 5, 8])
        if op == "brk":
            yield op, page - 2 * PAGE + rng.choice([0, 0, 0, 1, 100, 4095])
        elif op == "mmap":
            yield op, [page, length, rng.choice([3, 3, 1, 0]), 0x22 | rng.choice([0x10, 0x10, 0x10_0000])]
        elif op == "mprotect":
            yield op, [page, length, rng.choice([3, 3, 1, 0, 7])]
        elif op == "touch":
            yield op, page + rng.randrange(PAGE)
        elif op in ("munmap", "mlock", "munlock"):
            yield op, [page, length]
        elif op == "mlockall":
            yield op, rng.choice([1, 2, 3, 6])
        elif op == "setrlimit":
            name = rng.choice(["DATA", "MEMLOCK"])
            yield op, [name, rng.choice([8 << 20, PAGE * 20, PAGE * 80])]
        elif op == "fork":
            yield op, rng.choice(["parent", "child"])
        else:
            yield op, None


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


@pytest.mark.slow
@like_today
@pytest.mark.parametrize("tier", TIERS)
def test_in_lock_step(tier: str) -> None:
    for seed in range(SCRIPTS):
        rng = random.Random(f"{tier} {seed}")
        uid = NOBODY if tier >= "e" and seed % 2 and os.geteuid() == 0 else None
        with live(rng.choice(sorted(LAYOUTS)), uid) as process:
            session = Session(process.header(), "today")
            for step, (op, arg) in enumerate(calls(rng, tier, process.start_brk)):
                kernel = process.do(op, arg)
                model = session.do(op, arg)
                where = f"tier {tier}, seed {seed}, step {step}: {op} {arg}"
                assert model == kernel, where
                shown = {"maps": session.maps(), **session.sizes()}
                assert shown == ask(process, session.window), where
                assert session.process.check(*session.others) == [], where
