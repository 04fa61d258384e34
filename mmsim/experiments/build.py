"""Small address spaces for the experiments."""

from __future__ import annotations

from mmsim.brk import Process
from mmsim.mm import VM, Broken, File, Machine, Vma
from mmsim.mm.flags import DATA_DEFAULT
from mmsim.mm.units import PAGE, SHIFT

__all__ = ["HEAP", "HEAP_FLAGS", "SEGMENT", "answer", "crowded", "ids", "mapped", "segment", "started"]

SEGMENT = 0x1000_0000
"""Where an experiment with the ELF loader puts its segments."""
HEAP = 0x2000_0000
"""start_brk."""
HEAP_FLAGS = DATA_DEFAULT | VM.ACCOUNT
"""What brk() gives a mapping."""


def started(generation: str) -> Process:
    """A process with nothing mapped, as the ELF loader finds it."""
    return Process(generation, Machine(), HEAP)


def segment(process: Process, page: int, pages: int, name: str = "program", flags: int = HEAP_FLAGS) -> Vma:
    """A file segment, `page` pages above SEGMENT; in its file as far from the start as in memory."""
    start = SEGMENT + page * PAGE
    return process.place(start, start + pages * PAGE, flags, File(name), start >> SHIFT)


def crowded(generation: str, below: int, above: int) -> Process:
    """A heap of 8 pages, one page above `below` mappings that touch, and far below `above` others.

    Each mapping takes a slot of the tree, and so do the holes: how full the leaf of the heap is can be chosen.

    >>> tree = crowded("v4", below=7, above=4).mm.tree
    >>> tree.height, len(tree.root.slots)
    (1, 16)
    """
    process = started(generation)
    for page in range(-below - 1, -1):
        process.place(HEAP + page * PAGE, HEAP + (page + 1) * PAGE, VM.READ | VM.MAYREAD, File("library"), page + 64)
    process.brk(HEAP + 8 * PAGE)
    for page in range(1000, 1000 + above):
        process.place(HEAP + page * PAGE, HEAP + (page + 1) * PAGE, VM.READ | VM.MAYREAD, File("library"), page)
    return process


def mapped(process: Process) -> list[Vma]:
    """Every VMA that tree or list know, in order of start."""
    mm = process.mm
    known = {vma.serial: vma for vma in (*mm.vmas(), *(mm.listed() if mm.has_list else ()))}
    return sorted(known.values(), key=lambda vma: (vma.start, vma.serial))


def ids(broken: list[Broken]) -> str:
    """The ids of broken invariants, or a dash.

    >>> ids([Broken(id, "") for id in ("I2", "I3", "I4", "I6", "I14", "I14")])
    'I2-4 I6 I14'
    """
    runs: list[list[int]] = []
    for number in sorted({int(each.id[1:]) for each in broken}):
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return " ".join(f"I{run[0]}" + (f"-{run[-1]}" if len(run) > 1 else "") for run in runs) or "-"


def answer(number: int) -> str:
    """An answer of the kernel by name.

    >>> answer(0), answer(-12)
    ('0', '-ENOMEM')
    """
    from mmsim.errno import errorcode

    return f"-{errorcode[-number]}" if number < 0 else str(number)
