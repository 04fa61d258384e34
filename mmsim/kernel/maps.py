"""A process's mappings, from /proc/PID/maps, as VMAs and as the maple tree an mm keeps them in.

Format: Documentation/filesystems/proc.rst of Linux 6.1.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from mmsim.maple import MapleError, MapleTree
from mmsim.mm.units import PAGE

__all__ = ["MapsError", "Vma", "count", "load", "loader_bss", "parse", "read"]

SAMPLE = Path(__file__).with_name("sample.maps")
_LINE = re.compile(r"([0-9a-f]+)-([0-9a-f]+) ([r-][w-][x-][ps]) ([0-9a-f]+) ([0-9a-f]+:[0-9a-f]+) (\d+) *(.*)")
_GATE = "[vsyscall]"
# A part of a file that can be written, and what is anonymous right behind it. With no gap between the two the kernel
# calls the bss of a program a heap.
_BSS = re.compile(
    r"^[0-9a-f]+-([0-9a-f]+) .w\S+ \S+ \S+ [1-9].*\n"
    r"(?=\1-([0-9a-f]+) \S+ \S+ \S+ 0 *(?:\[heap\])?$)",
    re.MULTILINE,
)
_PIECE = 1024
"""Bytes `count` reads at a time: the mappings of a program, which are the first, and its heap."""


class MapsError(Exception):
    """Mappings that cannot be had or understood: one line that says which and why."""


class Vma(NamedTuple):
    """One mapping, start <= address < end; `offset` is in bytes into the file at `path`."""

    start: int
    end: int
    perms: str
    offset: int
    device: str
    inode: int
    path: str

    @property
    def size(self) -> int:
        """Length in bytes."""
        return self.end - self.start

    @property
    def name(self) -> str:
        """The file's base name, the kernel's name in brackets, or "anon".

        >>> parse("7f0000000000-7f0000001000 r--p 00000000 08:01 42 /usr/lib/libc.so.6")[0].name
        'libc.so.6'
        """
        return self.path.rpartition("/")[2] or "anon"

    def __str__(self) -> str:
        return f"{self.name} {self.perms}"


def parse(text: str, source: str = "text") -> list[Vma]:
    """VMAs of the text of a maps file, in its order; raises MapsError with the line.

    The gate page [vsyscall] is left out: it belongs to no process and is in no mm's tree.

    >>> print(*parse("1000-3000 rw-p 00000000 00:00 0 [heap]"))
    [heap] rw-p
    """
    vmas = []
    for number, line in enumerate(text.splitlines(), 1):
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise MapsError(f"{source}:{number}: expected START-END PERMS OFFSET DEV INODE PATH, got {line[:60]!r}")
        start, end, perms, offset, device, inode, path = match.groups()
        vma = Vma(int(start, 16), int(end, 16), perms, int(offset, 16), device, int(inode), path)
        if vma.start >= vma.end:
            raise MapsError(f"{source}:{number}: starts at {vma.start:#x} and ends at {vma.end:#x}")
        if vma.path != _GATE:
            vmas.append(vma)
    return vmas


def read(source: int | str | Path = "self") -> list[Vma]:
    """VMAs of this process ("self"), of a process id, of a saved file, or of the shipped "sample".

    In a browser, where no process has mappings, "self" is the sample, which is said in a line.
    Raises MapsError in one line: no such process, no right to look, no /proc, not a maps file.

    >>> len(read("sample")) > 10
    True
    """
    if source == "self" and sys.platform == "emscripten":
        print("Note: a browser has no /proc. This is the saved map of a small program, not of your Python.")
        source = "sample"
    if source == "sample":
        path = SAMPLE
    elif source == "self" or isinstance(source, int):
        path = Path(f"/proc/{source}/maps")
    else:
        path = Path(source)
    try:
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        hint = '; read("sample") has a saved one' if path.parts[:2] == ("/", "proc") else ""
        raise MapsError(f"{path}: {error.strerror or error}{hint}") from None
    vmas = parse(text, str(path))
    if not vmas:
        raise MapsError(f"{path}: no mapping in it")
    return vmas


def count(file: int, low: int, high: int) -> int:
    """How many VMAs of an open maps file have something in low..high; raises OSError.

    The kernel is asked for no mappings beyond `high`: it makes each line anew. Cost: some 10 us for a heap.
    """
    found, place, rest = 0, 0, b""
    if low >= high:
        return found
    while piece := os.pread(file, _PIECE, place):
        place += len(piece)
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            start, _, end = line[: line.index(b" ")].partition(b"-")
            if int(start, 16) >= high:
                return found
            found += int(end, 16) > low
    return found


def loader_bss(text: str) -> list[int]:
    r"""Of the text of a maps file right after exec: the pages of each VMA the ELF loader put behind a file's data.

    Cost: a tenth of what `parse` costs.

    >>> loader_bss("1000-2000 rw-p 00000000 08:01 42 /bin/x\n2000-5000 rw-p 00000000 00:00 0 \n")
    [3]
    """
    return [(int(end, 16) - int(start, 16)) // PAGE for start, end in _BSS.findall(text)]


def load(vmas: Iterable[Vma], alloc_range: bool = True) -> MapleTree:
    """A tree that holds the VMAs as an mm does: from start to end - 1, the VMA as the entry.

    The ranges are the kernel's. The nodes are those of a kernel that stored the VMAs in this order;
    a process's own tree had another history. Raises MapsError when two overlap.

    >>> tree = load(read("sample"))
    >>> tree.is_alloc, tree.height
    (True, 2)
    """
    tree = MapleTree(alloc_range=alloc_range)
    for vma in vmas:
        try:
            tree.insert_range(vma.start, vma.end - 1, vma)
        except MapleError as error:
            raise MapsError(f"{vma.start:#x}-{vma.end:#x} {vma}: {error}") from None
    return tree
