"""Tier g at random, in the model (`today`) and on the running kernel: moves, advice, stacks and shared memory.

Mixed with what the other tiers do, around the heap's top and around a place above it where stacks can grow.
"""

from __future__ import annotations

import os
import random
from typing import Any

import pytest

from mmsim.kernel.elf import LAYOUTS
from mmsim.kernel.live import LiveProcess
from mmsim.mm import VM
from mmsim.mm.calls import MADV, MREMAP
from mmsim.mm.units import PAGE
from mmsim.trace.lockstep import ask
from mmsim.trace.syscall_trace import Session

from .running_kernel import like_today, live

NOBODY = 65534
SCRIPTS, OPS = 25, 100
WEIGHTS = {
    "brk": 4,
    "touch": 5,
    "peek": 2,
    "mmap": 4,
    "munmap": 2,
    "mprotect": 2,
    "madvise": 5,
    "mremap": 6,
    "mlock": 1,
    "munlock": 1,
    "mlockall": 1,
    "munlockall": 1,
    "setrlimit": 2,
    "fork": 1,
    "kill_other": 1,
}
ADVICE = (*range(5), *range(8, 26), 102, 102, 103, 5, 77)


def _page(rng: random.Random, base: int) -> int:
    """Around the heap, or where stacks are; not the page of text that the process needs to be asked at all."""
    return base + PAGE * (rng.randrange(300, 340) if rng.random() < 0.15 else rng.randrange(-4, 40))


def _mmap(rng: random.Random, base: int) -> list[int]:
    flags = rng.choice((0x22, 0x22, 0x122, 0x122, 0x21, 0x21, 0x4022, 0x2022, 0x8022, 0x121, 0x2122))
    place = _page(rng, base) if flags & 0x100 else base + PAGE * rng.randrange(40)
    length = PAGE * rng.choice((1, 1, 2, 3, 5, 8))
    return [place, length, rng.choice((3, 3, 3, 1, 0, 7)), flags | rng.choice((0x10, 0x10, 0x10_0000))]


def _mremap(rng: random.Random, base: int) -> list[int]:
    old = PAGE * rng.choice((0, 1, 1, 2, 3, 5, 8, 12)) + rng.choice((0, 0, 0, 0, 1))
    new = rng.choice((old, PAGE * rng.choice((0, 1, 2, 3, 4, 6, 9))))
    flags = rng.choice((0, 0, 1, 3, 3, 3, 3, 7, 7, 5, 2, 4, 8))
    odd = rng.choice((0,) * 20 + (1, 2048))
    return [_page(rng, base) + odd, old, old if flags & 4 else new, flags, _page(rng, base) + PAGE * rng.randrange(8)]


def _call(rng: random.Random, base: int) -> tuple[str, Any]:
    op = rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
    place, length = _page(rng, base), PAGE * rng.choice((1, 1, 2, 3, 5, 8))
    arguments: dict[str, Any] = {
        "brk": base + PAGE * rng.randrange(-2, 38) + rng.choice((0, 0, 0, 1, 4095)),
        "touch": place + rng.randrange(PAGE),
        "peek": place,
        "mmap": _mmap(rng, base),
        "mprotect": [place, length, rng.choice((3, 3, 1, 0, 7))],
        "madvise": [place, length, rng.choice(ADVICE)],
        "mremap": _mremap(rng, base),
        "mlockall": rng.choice((1, 2, 3, 5, 6, 7)),
        "munlockall": None,
        "setrlimit": [rng.choice(("DATA", "MEMLOCK", "AS")), rng.choice((8 << 20, 8 << 20, 80 * PAGE, 20 * PAGE))],
        "fork": rng.choice(("parent", "child")),
        "kill_other": None,
    }
    return op, arguments.get(op, [place, length])


def _differs_on_purpose(session: Session, op: str, arg: Any, freed: bool) -> bool:
    """What the model does in a simpler way, as its docstrings say.

    MREMAP_DONTUNMAP of locked memory, whose count 6.18 gets wrong; and what MADV_FREE left, which PAGEOUT reclaims.
    """
    if op == "madvise":
        return arg[2] == MADV.PAGEOUT and freed
    if op != "mremap" or not arg[3] & MREMAP.DONTUNMAP:
        return False
    low, high = arg[0], arg[0] + arg[1]
    vmas = session.process.mm.vmas()
    return any(vma.flags & VM.LOCKED and vma.start < high and vma.end > low for vma in vmas)


def _session(process: LiveProcess) -> Session:
    """The process in the model, which cannot know from a header where its file ends."""
    session = Session(process.header(), "today")
    for vma in session.process.mm.vmas():
        if vma.file is not None and vma.file.name.startswith("/memfd"):
            vma.file.pages = 1 + process.layout.filesz // PAGE
    return session


@pytest.mark.slow
@like_today
@pytest.mark.parametrize("part", range(4))
def test_in_lock_step(part: int) -> None:
    for seed in range(SCRIPTS * part, SCRIPTS * (part + 1)):
        rng = random.Random(seed)
        uid = NOBODY if seed % 2 and os.geteuid() == 0 else None
        with live(rng.choice(sorted(LAYOUTS)), uid) as process:
            session, freed = _session(process), False
            base = process.start_brk + (0 if process.layout.memsz else 4 * PAGE)
            for number in range(OPS):
                op, arg = _call(rng, base)
                freed = freed or (op == "madvise" and arg[2] == MADV.FREE)
                if _differs_on_purpose(session, op, arg, freed):
                    continue
                kernel = {"ret": process.do(op, arg), **ask(process, session.window)}
                where = f"seed {seed}, step {number}: {op} {arg}"
                assert session.answer({**kernel, "op": op, "arg": arg}) == kernel, where
                assert session.process.check(*session.others) == [], where
