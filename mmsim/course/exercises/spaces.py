"""Address spaces as plain data, for exercises on what has to be true of them; pages count from BASE.

`moment` is what a program's pages and counters say at one moment; `kept` is what the kernel has kept about
them in its tree, its list and its counters. Both are read off a process of the library.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any

from mmsim.brk import Process
from mmsim.mm import VM, File, Machine
from mmsim.mm.flags import DATA_DEFAULT
from mmsim.mm.space import data_class
from mmsim.mm.units import PAGE

from .plain import Plain

BASE = 0x1000_0000
"""The address of page 0."""
HEAP = 40
"""The page at which the heap starts."""
RW = DATA_DEFAULT | VM.ACCOUNT

Call = tuple[str, int, int]
"""A call's name, first page and number of pages: brk (to a page; the number is 0), mmap, protect, munmap,
place (a segment of the program's file, there before the first call), bss (what the loader maps)."""


def played(generation: str, calls: Iterable[Call]) -> Process:
    """A process after these calls; in every generation each of them succeeds."""
    process = Process(generation, Machine(), BASE + HEAP * PAGE)
    for name, page, pages in calls:
        _DO[name](process, BASE + page * PAGE, pages * PAGE)
    return process


def moment(process: Process) -> dict[str, Plain]:
    """Break, mapped areas and counters at one moment.

    Areas as [first page, page behind the last, may it be written, was memory promised for it].

    >>> moment(played("before", [("brk", 44, 0)]))
    {'brk': 44, 'areas': [[40, 44, True, True]], 'total_vm': 4, 'data_vm': 4, 'promised': 4}
    """
    mm = process.mm
    areas = [
        [_page(vma.start), _page(vma.end), bool(vma.flags & VM.WRITE), bool(vma.flags & VM.ACCOUNT)]
        for vma in mm.vmas()
    ]
    return {
        "brk": _page(mm.brk),
        "areas": areas,
        "total_vm": mm.total_vm,
        "data_vm": mm.data_vm,
        "promised": mm.machine.committed,
    }


def kept(process: Process) -> dict[str, Plain]:
    """What tree, list and counters hold; of a generation that has a list.

    The tree as [first page, page behind the last, name of the VMA]; the list as [name, first page, page behind the
    last, is it counted in data_vm].

    >>> kept(played("before", [("brk", 44, 0)]))["tree"], kept(played("before", [("brk", 44, 0)]))["list"]
    ([[40, 44, '#1']], [['#1', 40, 44, True]])
    """
    mm = process.mm
    return {
        "tree": [[_page(first), _page(last + 1), f"#{vma.serial}"] for first, last, vma in mm.tree if vma is not None],
        "list": [[f"#{vma.serial}", _page(vma.start), _page(vma.end), data_class(vma.flags)] for vma in mm.listed()],
        "map_count": mm.map_count,
        "total_vm": mm.total_vm,
        "data_vm": mm.data_vm,
    }


def heap_calls(chance: random.Random) -> list[Call]:
    """Calls after which there is a heap of some pages, sometimes with a hole or a page that is read-only."""
    top = HEAP + chance.randrange(8, 25)
    odd = [name for name in ("munmap", "protect") if chance.random() < 0.5]
    return [("brk", top, 0), *((name, chance.randrange(HEAP + 1, top - 2), 1) for name in odd)]


def segment_calls(chance: random.Random) -> list[Call]:
    """A program's segments below the heap, with holes between them, and a heap."""
    calls: list[Call] = []
    page = chance.randrange(1, 4)
    while page < HEAP - 12:
        pages = chance.randrange(3, 8)
        calls.append(("place", page, pages))
        page += pages + chance.randrange(3, 8)
    return [*calls, ("brk", HEAP + chance.randrange(4, 12), 0)]


def with_field(data: Plain, name: str, value: Plain) -> Plain:
    """A copy of the data with one field exchanged."""
    return {**deepcopy(data), name: deepcopy(value)}


def _page(address: int) -> int:
    return (address - BASE) // PAGE


def _mmap(process: Process, start: int, length: int) -> Any:
    from mmsim.mm.calls import MAP, PROT

    return process.mmap(start, length, PROT.READ | PROT.WRITE, MAP.PRIVATE | MAP.ANONYMOUS | MAP.FIXED)


_DO: dict[str, Callable[[Process, int, int], Any]] = {
    "brk": lambda process, start, _: process.brk(start),
    "mmap": _mmap,
    "munmap": lambda process, start, length: process.munmap(start, length),
    "protect": lambda process, start, length: process.mprotect(start, length, 1),
    "place": lambda process, start, length: process.place(start, start + length, RW, File("program"), start // PAGE),
    "bss": lambda process, start, length: process.vm_brk_flags(start, length),
}
