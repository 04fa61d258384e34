"""VMAs as text, as triples and as strips, for exercises on address spaces.

One form everywhere: `0-8 rw- | 14-18 r--`, in pages above the start of the heap. As in /proc/PID/maps the
upper number is the first page behind a VMA, and what is not written is not mapped.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import pairwise, zip_longest
from typing import Any

from mmsim.brk import Process
from mmsim.mm.calls import MAP, PROT
from mmsim.mm.flags import VM, perms
from mmsim.mm.units import PAGE

from .model import NotAState

VmaText = tuple[int, int, str]
"""First page, first page behind it, rights as three letters."""

START = 0x1000_0000
"""Where a heap begins in these exercises: page 0."""
MOST = 40
"""So many VMAs a text may have."""
_LONG = 2000
_VMA = re.compile(r"(\d{1,6})\s*-\s*(\d{1,6})\s*:?\s+([rwx-]{1,3})p?")
_BITS = (("r", PROT.READ), ("w", PROT.WRITE), ("x", PROT.EXEC))


class NotVmas(NotAState):
    """A text that is no list of VMAs; the message says what is wrong with it."""


def parse(text: str) -> list[VmaText]:
    """The VMAs of a text, in order and without an overlap; NotVmas says what is wrong.

    >>> parse("0-8 rw- | 14-18 r--")
    [(0, 8, 'rw-'), (14, 18, 'r--')]
    >>> parse("0-8 rw- | 6-9 rw-")
    Traceback (most recent call last):
    mmsim.course.exercises.vmas.NotVmas: 6-9 begins below page 8, where the VMA before it ends
    """
    if len(text) > _LONG:
        raise NotVmas(f"a text of {len(text)} letters, expected one like '0-8 rw- | 14-18 r--'")
    found: list[VmaText] = []
    for piece in re.split(r"[|\n]", text):
        if not piece.strip():
            continue
        match = _VMA.fullmatch(piece.strip())
        if not match:
            raise NotVmas(f"{piece.strip()[:40]!r} is no VMA, expected one like '0-8 rw-'")
        start, end = int(match[1]), int(match[2])
        if end <= start:
            raise NotVmas(f"{start}-{end} is empty: the upper number is the first page behind the VMA")
        if found and start < found[-1][1]:
            raise NotVmas(f"{start}-{end} begins below page {found[-1][1]}, where the VMA before it ends")
        found.append((start, end, "".join(bit if bit in match[3] else "-" for bit in "rwx")))
    if not 0 < len(found) <= MOST:
        raise NotVmas(f"{len(found)} VMAs, expected 1 to {MOST}" if found else "no VMA in it")
    return found


def text(vmas: Iterable[VmaText]) -> str:
    """The VMAs as one line, as `parse` reads them.

    >>> text([(0, 8, "rw-"), (14, 18, "r--")])
    '0-8 rw- | 14-18 r--'
    """
    return " | ".join(f"{start}-{end} {rights}" for start, end, rights in vmas)


def vmas_of(process: Process) -> list[VmaText]:
    """What is mapped in a process whose heap begins at START."""
    return [((vma.start - START) // PAGE, (vma.end - START) // PAGE, perms(vma.flags)[:3]) for vma in process.mm.vmas()]


def prot(rights: str) -> int:
    """Rights as mmap() and mprotect() take them.

    >>> prot("r-x") == PROT.READ | PROT.EXEC
    True
    """
    return sum(bit for letter, bit in _BITS if letter in rights)


def process_of(vmas: Iterable[VmaText], brk: int = 0, generation: str = "before") -> Process:
    """A process with exactly these VMAs, of private anonymous memory never written to; `brk` in pages.

    Alike neighbours stay two here, as an own state of a learner may have them.
    """
    process = Process(generation, start_brk=START)
    for start, end, rights in vmas:
        usual = VM.MAYREAD | VM.MAYWRITE | VM.MAYEXEC | (VM.ACCOUNT if "w" in rights else 0)
        process.place(START + start * PAGE, START + end * PAGE, prot(rights) | usual)
    process.mm.brk = START + brk * PAGE
    return process


def call(process: Process, name: str, *args: Any) -> int:
    """A call with pages above START: brk(page), mmap(page, pages, rights), munmap(page, pages), mprotect likewise.

    mmap() is private and refuses a place that is not free. The answer is the kernel's.

    >>> process = process_of([(0, 4, "rw-")], 4)
    >>> call(process, "mprotect", 2, 2, "r--"), vmas_of(process)
    (0, [(0, 2, 'rw-'), (2, 4, 'r--')])
    """
    page, *rest = args
    address = START + page * PAGE
    if name == "brk":
        return process.brk(address)
    length = rest[0] * PAGE
    if name == "munmap":
        return process.munmap(address, length)
    if name == "mprotect":
        return process.mprotect(address, length, prot(rest[1]))
    return process.mmap(address, length, prot(rest[1]), MAP.PRIVATE | MAP.FIXED_NOREPLACE)


def compared(expected: Sequence[VmaText], got: Sequence[VmaText]) -> str:
    """Both lists side by side, equal VMAs in one line, the differing ones marked.

    >>> print(compared([(0, 8, "rw-"), (8, 9, "r--")], [(0, 9, "rw-")]))
      expected     got
    * 0-8 rw-      0-9 rw-
    * 8-9 r--      -
    """
    left, right = [text([vma]) for vma in expected], [text([vma]) for vma in got]
    wide = max(map(len, ["expected  ", *left])) + 3
    lines = [f"  {'expected'.ljust(wide)}got"]
    for tag, a, b, c, d in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        sign = " " if tag == "equal" else "*"
        lines += [f"{sign} {x.ljust(wide)}{y}" for x, y in zip_longest(left[a:b], right[c:d], fillvalue="-")]
    return "\n".join(lines)


def idea(expected: Sequence[VmaText], got: Sequence[VmaText]) -> str:
    """What idea the first difference speaks of; "" for none.

    >>> idea([(0, 8, "rw-")], [(0, 7, "rw-")])
    'each upper number is one too low: it is the first page behind the VMA, as in /proc/PID/maps'
    >>> idea([(0, 8, "rw-")], [(0, 4, "rw-"), (4, 8, "rw-")])
    'the right pages with the right rights, but at page 4 there is no border: both sides are alike, so they are one VMA'
    """
    if list(expected) == list(got):
        return ""
    if [(start, end - 1, rights) for start, end, rights in expected] == list(got):
        return "each upper number is one too low: it is the first page behind the VMA, as in /proc/PID/maps"
    one, other = _runs(expected), _runs(got)
    if one == other:
        return _borders(expected, got)
    page = min(_parting(one, other), default=0)
    wanted, given = _at(expected, page), _at(got, page)
    if wanted and given:
        return f"page {page} is {wanted} now, in your list it is {given}"
    if wanted:
        return f"page {page} is mapped now, in your list it is not"
    return f"page {page} is not mapped now, in your list it is"


def pictured(
    strips: Mapping[str, Sequence[VmaText]], title: str, brk: int | None = None, stacks: Iterable[int] = ()
) -> str:
    """Strips of VMAs on one axis as SVG, what the first has not marked in the others.

    `brk` is the break in bytes above START; a VMA that begins at one of the pages `stacks` is drawn with its guard gap.
    """
    from mmsim.view.space import Piece, Space, differing  # only a desk draws; marks need no pictures
    from mmsim.view.space_pictures import SpacePicture
    from mmsim.view.strip import Strip

    def space(vmas: Sequence[VmaText]) -> Space:
        pieces = []
        for serial, (start, end, rights) in enumerate(vmas, 1):
            low = START + start * PAGE
            guard = max(low - 256 * PAGE, 0) if start in stacks else low
            usual = " ".join(pair for letter, pair in zip("rwx", ("rd", "wr", "ex"), strict=True) if letter in rights)
            pieces.append(Piece(serial, low, START + end * PAGE, rights, usual, "", (), (), (), guard))
        marks = (0, 0) if brk is None else (START, START + brk)
        return Space(tuple(pieces), *marks, ())

    shots = {name: space(vmas) for name, vmas in strips.items()}
    first = next(iter(shots.values()))
    drawn = [Strip(name, shot, differing(first, shot), True, START) for name, shot in shots.items()]
    return SpacePicture(title, drawn).svg()


def _runs(vmas: Iterable[VmaText]) -> list[VmaText]:
    """The VMAs with those joined that touch and have the same rights."""
    found: list[VmaText] = []
    for start, end, rights in vmas:
        if found and found[-1][1:] == (start, rights):
            start = found.pop()[0]
        found.append((start, end, rights))
    return found


def _borders(expected: Sequence[VmaText], got: Sequence[VmaText]) -> str:
    """The same pages, cut in another way: which border is too much, or missing."""
    wanted, mine = ({low for (_, end, _), (low, _, _) in pairwise(vmas) if end == low} for vmas in (expected, got))
    page = min(wanted ^ mine)
    what = "there is no border: both sides are alike, so they are one VMA"
    if page in wanted:
        what = "there is a border: the two stay VMAs of their own"
    return f"the right pages with the right rights, but at page {page} {what}"


def _parting(one: Sequence[VmaText], other: Sequence[VmaText]) -> set[int]:
    """The borders from which on the two do not show the same."""
    borders = {page for vmas in (one, other) for start, end, _ in vmas for page in (start, end)}
    return {page for page in borders if _at(one, page) != _at(other, page)}


def _at(vmas: Iterable[VmaText], page: int) -> str:
    return next((rights for start, end, rights in vmas if start <= page < end), "")
