"""What of an address space is drawn: a snapshot of it, its text form, and what changed between two.

A snapshot keeps what a picture needs and nothing that can change, so that a state from before a call can
still be drawn after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from mmsim.brk import Process
from mmsim.maple import ranges
from mmsim.mm import MM, VM, Vma, letters, perms
from mmsim.mm.space import data_class, exec_class, stack_class, start_gap
from mmsim.mm.units import PAGE, wrap

from .fmt import number, size

__all__ = ["COUNTERS", "Counter", "Piece", "Space", "States", "changes", "differing", "pair_text", "snapshot"]

COUNTERS = ("total_vm", "data_vm", "stack_vm", "exec_vm", "locked_vm", "map_count", "committed", "present")
"""The kernel's counters; `present` are the pages there, counted (what it calls resident)."""
_USUAL = {"rd", "wr", "ex", "sh", "mr", "mw", "me", "ms", "ac"}
_WORDS = {
    "gd": "grows down",
    "um": "uffd",
    "uw": "uffd",
    "ui": "uffd",
    "lo": "locked",
    "lf": "on fault",
    "dc": "dontcopy",
    "wf": "wipeonfork",
    "dd": "dontdump",
    "hg": "hugepage",
    "nh": "nohugepage",
    "sr": "sequential",
    "rr": "random",
    "nr": "noreserve",
}

Run = tuple[int, int]
States = Mapping[int, str]
"""Serial number of a VMA -> new, changed or removed; the others are plain."""


class Counter(NamedTuple):
    """A counter as the kernel's code kept it, and as the VMAs add up to."""

    name: str
    kept: int
    counted: int


class Piece(NamedTuple):
    """A VMA as its range of the tree shows it; `present` are runs of present pages, [start, end) each.

    `guard` is where the guard gap of a stack begins, else `start`. `notes` say what else sets it apart.
    """

    serial: int
    start: int
    end: int
    perms: str
    letters: str
    name: str
    notes: tuple[str, ...]
    chain: tuple[int, ...]
    present: tuple[Run, ...]
    guard: int

    @property
    def special(self) -> tuple[str, ...]:
        """Flags beyond those of every mapping, in words, and the notes."""
        words = (_WORDS.get(pair, pair) for pair in self.letters.split() if pair not in _USUAL)
        return (*dict.fromkeys(words), *self.notes)

    @property
    def anon(self) -> str:
        """The anon_vma, or the whole chain when it was inherited; empty before the first write."""
        if not self.chain:
            return ""
        return f"anon_vma {self.chain[0]}" if len(self.chain) == 1 else f"chain {' '.join(map(str, self.chain))}"

    @property
    def pages_present(self) -> int:
        """How many pages are present."""
        return sum(end - start for start, end in self.present) // PAGE


class Space(NamedTuple):
    """An address space as it was at one moment. `listed` are VMAs that only the list knows."""

    pieces: tuple[Piece, ...]
    start_brk: int
    brk: int
    counters: tuple[Counter, ...]
    listed: tuple[str, ...] = ()
    hidden: int = 0

    def window(self, low: int | None, high: int | None) -> Space:
        """Only the VMAs that touch [low, high); `hidden` says how many are left out."""
        shown = tuple(
            each for each in self.pieces if (low is None or each.end > low) and (high is None or each.start < high)
        )
        return self._replace(pieces=shown, hidden=self.hidden + len(self.pieces) - len(shown))

    @property
    def has_heap(self) -> bool:
        """Whether the process was given a place for a heap."""
        return bool(self.start_brk or self.brk)

    @property
    def heap(self) -> str:
        """How far the break is from start_brk."""
        above = wrap(self.brk - self.start_brk)
        return f"start_brk + {size(above) if above % 1024 == 0 else f'{above} B'}" if above else "start_brk"

    def text(self, states: States | None = None) -> str:
        """Everything that is drawn, in lines; marks as in the pictures (+ new, ~ changed, - removed)."""
        count = f"{len(self.pieces)} VMA{'' if len(self.pieces) == 1 else 's'}"
        left_out = f", {self.hidden} more outside the window" if self.hidden else ""
        marks = f"start_brk {number(self.start_brk, 'hex')}, brk {number(self.brk, 'hex')} ({self.heap})"
        lines = [f"{marks if self.has_heap else 'no heap'}; {count}{left_out}"]
        lines += list(_lines(self.pieces, states or {}))
        lines += [f"  only in the list: {each}" for each in self.listed]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return self.text()


def snapshot(space: Process | MM | Space) -> Space:
    """The address space as it is now. O(VMAs + present pages); a snapshot is returned as it is."""
    if isinstance(space, Space):
        return space
    mm = space.mm if isinstance(space, Process) else space
    found = [(first, last + 1, vma) for first, last, vma in ranges(mm.tree) if vma is not None]
    pages = sorted(mm.pages)
    pieces = tuple(_piece(mm, first, end, vma, pages) for first, end, vma in found)
    known = {id(vma) for _, _, vma in found}
    only = [vma for vma in mm.listed() if id(vma) not in known] if mm.has_list else []
    listed = tuple(f"#{vma.serial} {_ends(vma.start, vma.end)}" for vma in only)
    return Space(pieces, mm.start_brk, mm.brk, tuple(_counters(mm)), listed)


def changes(before: Space, after: Space) -> tuple[dict[int, str], dict[int, str]]:
    """What to mark before and after: gone, new, and VMAs that are not as they were (pages apart)."""
    old = {each.serial: _identity(each) for each in before.pieces}
    new = {each.serial: _identity(each) for each in after.pieces}
    changed = {serial: "changed" for serial in old.keys() & new.keys() if old[serial] != new[serial]}
    return (
        {**changed, **dict.fromkeys(old.keys() - new.keys(), "removed")},
        {**changed, **dict.fromkeys(new.keys() - old.keys(), "new")},
    )


def differing(first: Space, other: Space) -> dict[int, str]:
    """VMAs of `other` that `first` has not, or not so; by their ranges, as they belong to another process."""
    known = {_identity(each)[:4] for each in first.pieces}
    return {each.serial: "changed" for each in other.pieces if _identity(each)[:4] not in known}


def pair_text(panels: Iterable[tuple[str, Space, States]]) -> str:
    """Several spaces with their captions."""
    return "\n".join(f"{caption}: {space.text(states)}" if caption else space.text(states)
                     for caption, space, states in panels)  # fmt: skip


def _identity(piece: Piece) -> tuple[Any, ...]:
    return piece.start, piece.end, piece.letters, piece.notes, piece.chain


def _piece(mm: MM, start: int, end: int, vma: Vma, pages: list[int]) -> Piece:
    present = tuple(_runs(page for page in pages if start <= page < end))
    chain = tuple(each.serial for each in vma.chain)
    guard = start_gap(vma) if vma.flags & VM.GROWSDOWN else start
    shown = perms(vma.flags), letters(vma.flags), _name(mm, vma)
    return Piece(vma.serial, start, end, *shown, tuple(_notes(vma, start, end)), chain, present, guard)


def _name(mm: MM, vma: Vma) -> str:
    """As /proc/PID/maps names it."""
    if vma.file is not None:
        return vma.file.name
    if vma.flags & VM.GROWSDOWN:
        return "[stack]"
    return "[heap]" if vma.start < mm.brk and vma.end > mm.start_brk else "anon"


def _notes(vma: Vma, start: int, end: int) -> Iterator[str]:
    """What else a neighbour would be compared by, and a VMA that is not what the tree says."""
    if (vma.start, vma.end) != (start, end):
        yield f"the VMA says {_ends(vma.start, vma.end)}"
    if vma.file is not None:
        yield f"pgoff {vma.pgoff}"
    elif vma.pgoff != vma.start // PAGE:
        yield f"pgoff {number(vma.pgoff, 'hex')}"
    if vma.ops is not None and vma.ops.close:
        yield "close hook"
    if vma.policy is not None:
        yield f"policy {vma.policy}"
    if vma.uffd is not None:
        yield f"uffd {vma.uffd.name}"


def _runs(pages: Iterable[int]) -> Iterator[Run]:
    """Sorted pages as runs."""
    start = end = None
    for page in pages:
        if page != end:
            if start is not None and end is not None:
                yield start, end
            start = page
        end = page + PAGE
    if start is not None and end is not None:
        yield start, end


def _counters(mm: MM) -> Iterator[Counter]:
    vmas = list(mm.vmas())
    real = {
        "total_vm": sum(vma.pages for vma in vmas),
        "data_vm": sum(vma.pages for vma in vmas if data_class(vma.flags) and not exec_class(vma.flags)),
        "stack_vm": sum(vma.pages for vma in vmas if stack_class(vma.flags)),
        "exec_vm": sum(vma.pages for vma in vmas if exec_class(vma.flags)),
        "locked_vm": sum(vma.pages for vma in vmas if vma.flags & VM.LOCKED),
        "map_count": len(vmas),
        "committed": sum(vma.pages for vma in vmas if vma.flags & VM.ACCOUNT),
    }
    real["present"] = len(mm.pages)
    kept = {"committed": mm.machine.committed, "present": len(mm.pages)}
    for name in COUNTERS:
        yield Counter(name, kept[name] if name in kept else getattr(mm, name), real[name])


def _ends(start: int, end: int) -> str:
    return f"{number(start, 'hex')}-{number(end, 'hex')}"


def _lines(pieces: tuple[Piece, ...], states: States) -> Iterator[str]:
    """A line for each VMA and each hole between two."""
    marks = {"new": "+", "changed": "~", "removed": "-"}
    end = None
    for piece in pieces:
        if end is not None and piece.start > end:
            yield f"      {_ends(end, piece.start)} {size(piece.start - end)} hole{_guard(piece, end)}"
        mark = marks.get(states.get(piece.serial, ""), " ")
        said = [f"{piece.perms} {piece.name}", piece.letters, *piece.notes, piece.anon, _present(piece)]
        yield (
            f"{mark} #{piece.serial:<2} {_ends(piece.start, piece.end)} {size(piece.end - piece.start)} "
            + "; ".join(part for part in said if part)
        )
        end = piece.end


def _guard(piece: Piece, end: int) -> str:
    """What of the hole below a stack, which begins at `end`, is guard gap."""
    if piece.guard == piece.start:
        return ""
    return ", all of it guard gap" if piece.guard <= end else f", of it guard gap {size(piece.start - piece.guard)}"


def _present(piece: Piece) -> str:
    """How many pages are present, and where unless it is all of them."""
    count = piece.pages_present
    if not count:
        return ""
    where = "" if count * PAGE == piece.end - piece.start else f" ({', '.join(_ends(*run) for run in piece.present)})"
    return f"{count} page{'' if count == 1 else 's'} present{where}"
