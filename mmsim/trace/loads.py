"""What an executable's segments become in memory, in the model and on the running kernel.

The kernel is asked with a tiny program of these very segments, which it loads; where it cannot be asked a shipped
recording answers, as in `mmsim.trace.reality`, whose variable MMSIM_KEEP also keeps these answers.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from mmsim.brk import Process
from mmsim.experiments.build import mapped
from mmsim.kernel import NoKernel
from mmsim.kernel.agent import Agent
from mmsim.kernel.arch import here
from mmsim.kernel.backend import VARIABLE, choice
from mmsim.kernel.elf import Crafted, program
from mmsim.kernel.live import RELEASE
from mmsim.kernel.smaps import parse_smaps
from mmsim.mm import File, perms
from mmsim.mm.calls import MAP, PROT
from mmsim.mm.units import PAGE

from .reality import KEEP, RECORDINGS, is_today

__all__ = ["LoadReality", "apart", "check_load", "load", "loaded", "rows_text"]

Part = tuple[str, int, int]
"""A segment: "data" (from the file) or "bss", its first page and its pages."""
Row = tuple[int, int, str, str]
"""A VMA: first page, end page, rights, "file" or "anon"."""


class LoadReality(NamedTuple):
    """The VMAs of one executable, in the model and on the kernel."""

    generation: str
    source: str
    release: str
    live: bool
    parts: tuple[Part, ...]
    model: tuple[Row, ...]
    kernel: tuple[Row, ...]
    note: str = ""

    @property
    def agrees(self) -> bool:
        """Whether the model described this kernel: one older than `today` is asked for the same pages only."""
        if is_today(self.release):
            return self.model == self.kernel
        return _pages(self.model) == _pages(self.kernel)

    def __repr__(self) -> str:
        told = "= same" if self.model == self.kernel else "! differs"
        sides = ((self.generation, self.model), (self.source, self.kernel))
        lines = [f"  {len(rows)} VMA{'s' * (len(rows) != 1)} by {name}: {rows_text(rows)}" for name, rows in sides]
        asked = ", ".join(f"{kind} {first}-{first + pages - 1}" for kind, first, pages in self.parts)
        return "\n".join([f"{asked}: {told}", *lines, *([f"  note: {self.note}"] if self.note else [])])


def rows_text(rows: Iterable[Row]) -> str:
    """VMAs in words.

    >>> rows_text([(0, 4, "rw-p", "file"), (4, 8, "rw-p", "anon")])
    'pages 0-3 rw-p file, pages 4-7 rw-p anon'
    """
    return ", ".join(f"pages {first}-{end - 1} {rights} {what}" for first, end, rights, what in rows)


def load(generation: str, parts: Iterable[Part]) -> Process:
    """A process after exec with these segments, in the order given; ValueError for a kind there is not."""
    process, file = Process(generation), File("program")
    for kind, first, pages in parts:
        at, length = Crafted.START + first * PAGE, pages * PAGE
        if kind == "data":
            process.mmap(at, length, PROT.READ | PROT.WRITE, MAP.PRIVATE | MAP.FIXED, file, first + 1)
        elif kind == "bss":
            process.vm_brk_flags(at, length)
        else:
            raise ValueError(f"segment kind is {kind!r}: expected data or bss")
    return process


def loaded(generation: str, parts: Iterable[Part]) -> tuple[Row, ...]:
    """The VMAs after that.

    >>> len(loaded("before", [("bss", 0, 4), ("bss", 4, 4)])), len(loaded("v4", [("bss", 0, 4), ("bss", 4, 4)]))
    (1, 2)
    """
    vmas = mapped(load(generation, parts))
    return tuple((*_span(vma.start, vma.end), perms(vma.flags), "file" if vma.file else "anon") for vma in vmas)


def apart(parts: Iterable[Part]) -> bool:
    """Whether every segment has pages and no two share one.

    >>> apart([("bss", 0, 4), ("bss", 4, 4)]), apart([("bss", 0, 4), ("data", 3, 4)])
    (True, False)
    """
    spans = sorted((first, first + pages) for _, first, pages in parts)
    return all(first < end for first, end in spans) and all(one[1] <= two[0] for one, two in pairwise(spans))


def check_load(parts: Sequence[Part], generation: str = "today") -> LoadReality:
    """Load an executable in a generation and on the kernel.

    Raises NoKernel where there is neither a kernel to ask nor a recording.
    """
    asked = tuple((kind, first, pages) for kind, first, pages in parts)
    try:
        rows, release, note = _ask(asked), RELEASE, ""
        source = f"Linux {release}, asked by a program made for it"
    except NoKernel as reason:
        rows, release = _recorded(asked, str(reason))
        source, note = f"a recording of Linux {release}", f"no kernel to ask here: {reason}"
    return LoadReality(generation, source, release, not note, asked, loaded(generation, asked), rows, note)


def _span(start: int, end: int) -> tuple[int, int]:
    return (start - Crafted.START) // PAGE, (end - Crafted.START) // PAGE


def _pages(rows: Iterable[Row]) -> list[tuple[int, str, str]]:
    return sorted((page, rights, what) for first, end, rights, what in rows for page in range(first, end))


def _ask(parts: tuple[Part, ...]) -> tuple[Row, ...]:
    arch = here()
    if choice() == "recording":
        raise NoKernel(f"{VARIABLE}=recording asks for none")
    agent = Agent.run(program(Crafted(parts), arch), arch)
    try:
        vmas = parse_smaps(Path(f"/proc/{agent.pid}/smaps").read_text())
    except OSError as error:
        raise NoKernel(f"{error.filename}: {error.strerror}") from None
    finally:
        agent.kill()
    end = max(first + pages for _, first, pages in parts)
    spans = [(vma, *_span(vma.start, vma.end)) for vma in vmas]
    inside = [(vma, low, high) for vma, low, high in spans if high > 0 and low < end]
    rows = tuple((low, high, vma.perms, "file" if vma.is_file else "anon") for vma, low, high in inside)
    if folder := os.environ.get(KEEP):
        kept = {"kernel": RELEASE.partition("-")[0], "parts": parts, "vmas": rows}
        Path(folder, _name(parts)).write_text(json.dumps(kept) + "\n", encoding="utf-8")
    return rows


def _recorded(parts: tuple[Part, ...], reason: str) -> tuple[tuple[Row, ...], str]:
    try:
        found: dict[str, Any] = json.loads((RECORDINGS / _name(parts)).read_text(encoding="utf-8"))
    except FileNotFoundError:
        told = f"no kernel to ask here ({reason}), and no recording of these {len(parts)} segments is shipped"
        raise NoKernel(told) from None
    return tuple((row[0], row[1], row[2], row[3]) for row in found["vmas"]), found["kernel"]


def _name(parts: tuple[Part, ...]) -> str:
    return f"load-{sha256(json.dumps(parts).encode()).hexdigest()[:12]}.json"
