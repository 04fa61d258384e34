"""Random scripts around a heap, the same ones for every generation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

from mmsim.brk import Process
from mmsim.mm.calls import MAP, PROT
from mmsim.mm.units import PAGE
from mmsim.mm.vma import File

from .build import HEAP, HEAP_FLAGS, started

__all__ = ["SCRIPTS", "Op", "born", "scripts"]

SCRIPTS = 150
LENGTH = 40
_FIXED = MAP.FIXED | MAP.PRIVATE
_BELOW = 8
_WEIGHTS = {"brk": 45, "mmap": 12, "mmap_file": 5, "munmap": 13, "mprotect": 5, "touch": 10, "vm_brk_flags": 10}

Op = tuple[str, Callable[[Process], int]]
"""Its name, and what does it."""


def born(generation: str, number: int) -> Process:
    """The process of a script: plain, with bss up to the heap, or with a break that may go below (COMPAT_BRK)."""
    process = started(generation)
    mm = process.mm
    start = HEAP - 2 * _BELOW * PAGE
    process.place(start, HEAP - _BELOW * PAGE, HEAP_FLAGS, File("program"))
    if number % 3 == 1:
        process.place(HEAP - 2 * PAGE, HEAP, HEAP_FLAGS)
    if number % 3 == 2:
        mm.compat_brk, mm.brk_randomized, mm.end_data = True, False, HEAP - _BELOW * PAGE
    mm.start_data, mm.end_data = start, HEAP - _BELOW * PAGE
    return process


def scripts() -> Iterator[tuple[int, list[Op]]]:
    """Number and ops of each script."""
    for number in range(SCRIPTS):
        random = Random(number)
        names = random.choices(list(_WEIGHTS), list(_WEIGHTS.values()), k=LENGTH)
        yield number, [(name, _op(random, name)) for name in names]


def _op(random: Random, name: str) -> Callable[[Process], int]:
    address = HEAP + random.randint(-_BELOW, 28) * PAGE
    length = random.randint(1, 6) * PAGE
    if name == "brk":
        want = address - random.choice((0, 0, 0, 1, 100))
        return lambda process: process.brk(want)
    if name == "mmap":
        return lambda process: process.mmap(address, length, PROT.READ | PROT.WRITE, _FIXED | MAP.ANONYMOUS)
    if name == "mmap_file":
        prot, offset = PROT.READ | PROT.WRITE, address // PAGE
        return lambda process: process.mmap(address, length, prot, _FIXED, File("library"), offset)
    if name == "munmap":
        return lambda process: process.munmap(address, length)
    if name == "mprotect":
        prot = random.choice((PROT.READ, PROT.READ | PROT.WRITE))
        return lambda process: process.mprotect(address, length, prot)
    if name == "touch":
        return lambda process: process.touch(address)
    return lambda process: process.vm_brk_flags(address, length)
