"""Address spaces from small drawings, and back: one letter a page, | between VMAs, . for a hole.

w is writable private memory as brk() maps it, r can only be read, l is w and locked, g is w and grows
down, x can be run, f is w of a file.
"""

from __future__ import annotations

from itertools import groupby

from mmsim.brk import Process
from mmsim.mm import VM, File, Machine, Vma
from mmsim.mm.flags import DATA_DEFAULT
from mmsim.mm.units import PAGE

BASE = 0x1000_0000
GENERATIONS = ("before", "v4", "merged", "today")
SOUND = ("before", "merged", "today")
HEAP = DATA_DEFAULT | VM.ACCOUNT
MAY = VM.MAYREAD | VM.MAYWRITE | VM.MAYEXEC
FLAGS = {
    "w": HEAP,
    "f": HEAP,
    "r": VM.READ | MAY,
    "l": HEAP | VM.LOCKED,
    "g": HEAP | VM.GROWSDOWN,
    "x": VM.READ | VM.EXEC | MAY,
}
FILE = File("drawn")


def page(number: int) -> int:
    """The address of a page of the drawing."""
    return BASE + number * PAGE


def drawn(text: str, generation: str = "today", brk: int = 0, machine: Machine | None = None) -> Process:
    """A process whose VMAs are those of a drawing; its heap begins at the drawing's first page."""
    process = Process(generation, machine, start_brk=BASE)
    process.mm.brk = page(brk)
    at = 0
    for part in text.split("|"):
        for letter, run in groupby(part):
            length = len(list(run))
            if letter != ".":
                _place(process, at, length, letter)
            at += length
    process.mm.events.clear()
    return process


def _place(process: Process, at: int, length: int, letter: str) -> None:
    flags, file = FLAGS[letter], FILE if letter == "f" else None
    process.place(page(at), page(at + length), flags, file, 0)


def drawing(process: Process) -> str:
    """What is mapped from the first page on, as a drawing; not what lies far above."""
    text, at = "", BASE
    for vma in process.mm.vmas():
        if vma.start > BASE + (1 << 30):
            break
        gap = "." * ((vma.start - at) // PAGE)
        text += gap if gap or not text else "|"
        text += letter_of(vma) * vma.pages
        at = vma.end
    return text


def letter_of(vma: Vma) -> str:
    """The letter of a VMA, ? for flags that have none."""
    flags = vma.flags & ~VM.SOFTDIRTY
    letters = [letter for letter, wanted in FLAGS.items() if wanted == flags and (letter == "f") == bool(vma.file)]
    return letters[0] if letters else "?"


def vma_at(process: Process, number: int) -> Vma:
    """The VMA that holds a page of the drawing."""
    vma = process.mm.tree.load(page(number))
    assert vma is not None
    return vma


def names(process: Process) -> list[str]:
    """Names of the events since they were cleared."""
    return [event[0] for event in process.mm.events]


def ids(process: Process, *others: Process) -> list[str]:
    """The invariants broken now."""
    return list(dict.fromkeys(each.id for each in process.check(*others)))
