"""Random scripts of system calls around a heap, as ops of a syscall-trace/1."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from mmsim.mm import Broken
from mmsim.mm.machine import SITES
from mmsim.mm.units import HUGE, PAGE
from mmsim.trace.syscall_trace import Session

from .address_spaces import BASE, page

Op = tuple[str, Any]

HEADER: dict[str, Any] = {
    "format": "syscall-trace/1",
    "start_brk": BASE,
    "start_data": BASE - 8 * PAGE,
    "end_data": BASE - 4 * PAGE,
    "initial": [
        [BASE - 8 * PAGE, BASE - 4 * PAGE, "rw-p", 0, "file:program", "rd wr mr mw me ac", 0],
        [BASE - 4 * PAGE, BASE, "rw-p", 0, "anon", "rd wr mr mw me ac", 0],
        [BASE + 0x4000_0000, BASE + 0x4002_0000, "rw-p", 0, "[stack]", "rd wr mr mw me gd ac", 0],
    ],
}
"""A small program: data of a file, bss that ends where the heap begins, a stack far above."""

TOP = 48
STACKS = range(390, 430)
"""Pages far enough above the heap for a stack there to grow."""
FIXED = 0x32


def session(generation: str, header: dict[str, Any] | None = None) -> Session:
    """A process of the header, to do ops in."""
    return Session(header or HEADER, generation)


def _range(rng: random.Random, low: int = -6) -> list[int]:
    start = rng.randrange(low, TOP)
    return [page(start), rng.randint(1, rng.choice((2, 6, 16))) * PAGE]


def _mmap(rng: random.Random) -> Op:
    low = rng.choice((-6, 16, 16, 16))
    flags = rng.choice((FIXED, FIXED, FIXED, 0x31, 0x132, 0x4032, 0x2032, 0x8032, 0x10_0022))
    address, length = _range(rng, low)
    if flags == 0x132 and rng.random() < 0.7:
        address = page(rng.choice(STACKS))
    return "mmap", [address, length, rng.choice((3, 3, 1, 0, 5, 7)), flags]


def _touched(rng: random.Random) -> int:
    """A page around the heap, sometimes one where stacks are."""
    return page(rng.choice(STACKS) if rng.random() < 0.15 else rng.randrange(-6, TOP))


def _mremap(rng: random.Random) -> Op:
    address, old = _range(rng)
    new = rng.choice((old, rng.randint(1, 12) * PAGE))
    there = page(rng.randrange(-6, TOP))
    flags, target = rng.choice(((0, 0), (1, 0), (3, there), (3, there), (5, 0), (7, there), (7, page(TOP + 4))))
    return "mremap", [address, old, old if flags & 4 else new, flags, target]


MAKERS = {
    "brk": lambda rng: (
        "brk",
        BASE + rng.choice((rng.randrange(TOP * PAGE), rng.randrange(24) * PAGE, rng.randrange(24) * PAGE, -PAGE)),
    ),
    "mmap": _mmap,
    "mmap_file": lambda rng: ("mmap_file", [*_range(rng), rng.choice((1, 3)), 0x12, "f", rng.randrange(64)]),
    "munmap": lambda rng: ("munmap", _range(rng)),
    "mprotect": lambda rng: ("mprotect", [*_range(rng), rng.choice((0, 1, 3, 5, 7))]),
    "madvise": lambda rng: (
        "madvise",
        [*_range(rng), rng.choice((0, 1, 2, 3, 4, 8, 9, *range(10, 26), 102, 102, 103))],
    ),
    "mlock": lambda rng: ("mlock", _range(rng)),
    "munlock": lambda rng: ("munlock", _range(rng)),
    "mlockall": lambda rng: ("mlockall", rng.choice((1, 2, 3, 5, 6, 7))),
    "munlockall": lambda rng: ("munlockall", None),
    "mbind": lambda rng: ("mbind", [*_range(rng), rng.choice((None, "bind:0", "bind:1"))]),
    "uffd_register": lambda rng: ("uffd_register", _range(rng)),
    "mremap": _mremap,
    "vm_brk_flags": lambda rng: ("vm_brk_flags", [*_range(rng), rng.choice((0, 0, 4))]),
    "setrlimit": lambda rng: (
        "setrlimit",
        [rng.choice(("DATA", "AS", "MEMLOCK")), rng.choice((-1, -1, -1, rng.randrange(2 * TOP) * PAGE))],
    ),
    "touch": lambda rng: ("touch", _touched(rng) + rng.randrange(PAGE)),
    "peek": lambda rng: ("peek", _touched(rng)),
    "fork": lambda rng: ("fork", rng.choice(("parent", "child"))),
    "kill_other": lambda rng: ("kill_other", None),
    "collapse": lambda rng: ("madvise", [page(0), HUGE, 25]),
}
"""Op -> how to make one with random arguments."""
WEIGHTS = {"brk": 30, "touch": 12, "mmap": 10, "munmap": 6, "mprotect": 5, "fork": 1, "setrlimit": 1, "mlockall": 1}


def random_op(rng: random.Random, without: tuple[str, ...] = ()) -> Op:
    """One op, heaps first."""
    names = [name for name in MAKERS if name not in without]
    name = rng.choices(names, [WEIGHTS.get(each, 3) for each in names])[0]
    return MAKERS[name](rng)


def random_failure(rng: random.Random) -> Op:
    """Let something fail during the next op."""
    return "fail", [rng.choice(SITES), rng.randint(1, 3)]


def play(
    generation: str, ops: list[Op], header: dict[str, Any] | None = None
) -> Iterator[tuple[Op, int, list[Broken]]]:
    """Do the ops in one generation: each with its answer and what it broke."""
    running = session(generation, header)
    for op, arg in ops:
        ret, broken = running.judged(op, arg)
        yield (op, arg), ret, broken


def first_break(generation: str, ops: list[Op]) -> tuple[int, Op, list[Broken]] | None:
    """The first op after which an invariant is broken, or that breaks one."""
    for number, (op, _, broken) in enumerate(play(generation, ops)):
        if broken:
            return number, op, broken
    return None
