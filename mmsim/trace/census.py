"""Replaying the census: the brk() calls of real programs, recorded on a kernel, done by each generation.

A census file holds one job: its address spaces, each with the calls [argument, answer, kind, heap VMAs after]. Two
things it does not hold, and this is what is taken for them:

* When a child was forked. Its first call tells: the parent's break nearest to what the child asked for, the latest of
  several. A child that calls nothing changes nothing and is left out.
* What was touched. A program asks for memory to write to it, so the first page of what a growth brought is written
  at once ("growth"). Other rules: "fork", the heap is first written right before a fork; "never".

How much hangs on that, in the 27 jobs shipped: six children of one job grow their heap. With "fork" and with a fork at
any moment after their parent's first growth all comes out the same; with "never" their 6 x 39 calls differ.

Beside data, the bss of the ELF loader and the heap an address space has the mappings of a small dynamic program, so
that its tree has the usual two levels.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from mmsim.brk import Process
from mmsim.mm import VM, File, Machine, Vma
from mmsim.mm.flags import DATA_DEFAULT
from mmsim.mm.units import MASK, PAGE, page_align

from .recording import RecordingError, field

__all__ = [
    "FORMAT",
    "KINDS",
    "SHIPPED",
    "TOUCH",
    "Job",
    "Player",
    "Result",
    "Tally",
    "find",
    "kind_of",
    "load",
    "read",
    "replay",
    "totals",
]

FORMAT = "brk-census/1"
SHIPPED = Path(__file__).parents[2] / "tests" / "data" / "census"
"""Where the files are when none are named: in the checkout."""
TOUCH = ("growth", "fork", "never")
"""When the heap is written to."""

NEW = "grow: new, first or after giving all back"
BESIDE = "grow: new beside an old heap VMA"
EXTENDED = "grow: extended"
KINDS = ("query", "same page", "shrink", "refused", NEW, BESIDE, EXTENDED)
"""What a call can come to, as the recorder says it."""

_BASE = 0x7F00_0000_0000
_LIBRARIES = tuple((file, number) for file in ("libc", "libtinfo", "ld.so") for number in range(5))


class Call(NamedTuple):
    """One recorded call."""

    want: int
    ret: int
    kind: str
    vmas: int


class Space(NamedTuple):
    """One address space: born by exec, or by fork of `parent`."""

    number: int
    forked_from: int | None
    start_brk: int
    bss: tuple[int, ...]
    calls: tuple[Call, ...]


class Job(NamedTuple):
    """One file."""

    name: str
    path: str
    spaces: tuple[Space, ...]


class Differs(NamedTuple):
    """A call that came out otherwise than recorded. `cause` is None when nothing here explains it."""

    space: int
    call: int
    recorded: Call
    kind: str
    ret: int
    vmas: int
    cause: str | None

    def __str__(self) -> str:
        was, now = f"{self.recorded.kind}, {self.recorded.vmas} VMAs", f"{self.kind}, {self.vmas} VMAs"
        where = f"address space {self.space}, call {self.call}: brk({self.recorded.want:#x})"
        return f"{where}: recorded {was}; here {now}"


class Tally(NamedTuple):
    """What the calls of brk() and of the ELF loader came to, and what they cost.

    `stores` are stores to the tree, `vmas` and `nodes` are allocations; `nodes` counts what was asked for, also
    what came back unused.
    """

    calls: int = 0
    growths: int = 0
    extended: int = 0
    new: int = 0
    shrinks: int = 0
    refused: int = 0
    bss: int = 0
    stores: int = 0
    vmas: int = 0
    nodes: int = 0

    def __add__(self, other: object) -> Tally:
        assert isinstance(other, Tally)
        return Tally(*(one + two for one, two in zip(self, other, strict=True)))

    @property
    def share(self) -> float | None:
        """Percentage of the growths that extended a VMA; None without growths."""
        return 100 * self.extended / self.growths if self.growths else None

    @property
    def share_with_bss(self) -> float | None:
        """The same of growths and the loader's bss: all calls of do_brk_flags()."""
        every = self.growths + self.bss
        return 100 * self.extended / every if every else None


class Result(NamedTuple):
    """A job in a generation."""

    job: str
    generation: str
    tally: Tally
    differs: list[Differs]

    @property
    def unexplained(self) -> list[Differs]:
        """Differences without a cause."""
        return [each for each in self.differs if each.cause is None]


# -- reading


def find(places: list[str]) -> list[Path]:
    """The files that were named, those of the folders that were named, or the shipped ones.

    Raises RecordingError that says where it looked.
    """
    found: list[Path] = []
    for place in map(Path, places or [str(SHIPPED)]):
        if not place.is_dir():
            if not places:
                raise RecordingError(f"no files were named, and there is no folder {place}: name files or a folder")
            found.append(place)
            continue
        inside = sorted(place.glob("*.json"))
        if not inside:
            raise RecordingError(f"{place}: the folder has no .json file, expected census files")
        found += inside
    return found


def read(path: str | Path) -> Job:
    """Read one file; raises RecordingError, one line, for one that cannot be used."""
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise RecordingError(f"{path}: cannot be read: {reason}") from None
    except ValueError as error:
        raise RecordingError(f"{path}: not JSON: {error}") from None
    try:
        return load(data, str(path))
    except RecordingError as error:
        raise RecordingError(f"{path}: {error}") from None


def load(data: Any, path: str = "") -> Job:
    """The job of a census object, wherever it comes from; raises RecordingError."""
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        was = data.get("format") if isinstance(data, dict) else type(data).__name__
        raise RecordingError(f"format is {was!r}, expected {FORMAT!r}")
    spaces: list[Space] = []
    for number, record in enumerate(field(data, "address_spaces", "list")):
        try:
            spaces.append(_space(number, record, spaces))
        except RecordingError as error:
            raise RecordingError(f"address space {number}: {error}") from None
    return Job(field(data, "name", "string"), path, tuple(spaces))


def _space(number: int, record: Any, before: list[Space]) -> Space:
    if not isinstance(record, dict):
        raise RecordingError(f"expected a JSON object, got {record!r:.40}")
    how, parent = field(record, "how", "string"), field(record, "parent", null=True)
    if how not in ("exec", "fork"):
        raise RecordingError(f'"how" is {how!r}, expected "exec" or "fork"')
    if how == "fork" and (parent is None or not 0 <= parent < len(before)):
        raise RecordingError(f'"parent" is {parent}, expected an address space before this one')
    start = field(record, "start_brk")
    if not 0 <= start <= MASK or start % PAGE:
        raise RecordingError(f'"start_brk" is {start}, expected the address of a page')
    bss = field(record, "loader_bss_pages", "list")
    if not all(type(pages) is int and 0 < pages < 1 << 30 for pages in bss):
        raise RecordingError(f'"loader_bss_pages" is {bss!r}, expected numbers of pages')
    calls = tuple(_call(position, row) for position, row in enumerate(field(record, "calls", "list")))
    return Space(number, parent if how == "fork" else None, start, tuple(bss), calls)


def _call(position: int, row: Any) -> Call:
    fits = isinstance(row, list) and [type(value) for value in row] == [int, int, str, int]
    if not fits or row[2] not in KINDS or not all(0 <= value <= MASK for value in row[:2]):
        raise RecordingError(f"call {position} is {row!r}, expected [argument, answer, kind, heap VMAs after]")
    return Call(*row)


# -- replaying


def replay(job: Job, generation: str, touch: str = "growth") -> Result:
    """Do all calls of a job in a generation and compare each. Cost: some 50 us a call."""
    return Player(job, generation, touch).run()


class Player:
    """Plays the address spaces of a job; those forked are played at the moment of their fork."""

    def __init__(self, job: Job, generation: str, touch: str) -> None:
        self.job = job
        self.generation = generation
        self.touch = touch
        self.tally = Tally()
        self.differs: list[Differs] = []
        self.children: dict[int, list[Space]] = {}
        for space in job.spaces:
            if space.forked_from is not None:
                self.children.setdefault(space.forked_from, []).append(space)

    def run(self) -> Result:
        """Play all of the job."""
        tally, differs = Tally(), []
        for space in self.job.spaces:
            if space.forked_from is None:
                more, found = self.play(space, self.born(space))
                tally += more
                differs += found
        return Result(self.job.name, self.generation, tally + self.tally, differs + self.differs)

    def brk(self, process: Process, want: int) -> int:
        """Make a call; a kind of player may do more."""
        return process.brk(want)

    def came_to(self, kind: str) -> None:
        """Told after each call what it came to, for a kind of player that wants to know."""

    def born(self, space: Space) -> Process:
        """A process right after exec: program, libraries, stack, and the bss the loader maps."""
        process = Process(self.generation, Machine(), space.start_brk)
        _surround(process)
        process.mm.events.clear()
        for pages in space.bss:
            data = space.start_brk - (pages + 64) * PAGE
            process.place(data, data + PAGE, DATA_DEFAULT | VM.ACCOUNT, File("data"))
            before = _nodes(process)
            process.vm_brk_flags(data + PAGE, pages * PAGE)
            nodes = _nodes(process) - before
            self.tally += Tally(calls=1, bss=1, nodes=nodes, **_cost(process))
        return process

    def play(self, space: Space, process: Process) -> tuple[Tally, list[Differs]]:
        """The calls of one address space, and of all forked from it."""
        tally, differs = Tally(), []
        forks = self._moments(space)
        self._fork(forks.get(-1, []), process)
        for position, call in enumerate(space.calls):
            old, before = process.mm.brk, _nodes(process)
            vmas = len(_heap(process))
            ret = self.brk(process, call.want)
            after = len(_heap(process))
            kind = kind_of(process.mm.start_brk, call.want, old, ret, vmas, after)
            self.came_to(kind)
            grown = kind in (NEW, BESIDE, EXTENDED)
            tally += Tally(
                calls=1,
                growths=grown,
                extended=kind == EXTENDED,
                new=kind in (NEW, BESIDE),
                shrinks=kind == "shrink",
                refused=kind == "refused",
                nodes=_nodes(process) - before,
                **_cost(process),
            )
            if (ret, kind, after) != (call.ret, call.kind, call.vmas):
                cause = self._cause(space, call, kind, differs)
                differs.append(Differs(space.number, position, call, kind, ret, after, cause))
            if grown and self.touch == "growth":
                process.touch(page_align(old))
            self._fork(forks.get(position, []), process)
        return tally, differs

    def _moments(self, space: Space) -> dict[int, list[Space]]:
        """After which call each child that calls something was forked; -1 is before the first."""
        moments: dict[int, list[Space]] = {}
        for child in self.children.get(space.number, []):
            wants = [call.want for call in child.calls if call.want >= space.start_brk]
            if wants or self._has_calls(child):
                breaks = [space.start_brk, *(call.ret for call in space.calls)]
                wanted = wants[0] if wants else breaks[-1]
                nearest = min(range(len(breaks)), key=lambda at: (abs(breaks[at] - wanted), -at))
                moments.setdefault(nearest - 1, []).append(child)
        return moments

    def _has_calls(self, space: Space) -> bool:
        return bool(space.calls) or any(map(self._has_calls, self.children.get(space.number, [])))

    def _fork(self, children: list[Space], process: Process) -> None:
        for child in children:
            if self.touch == "fork":
                for vma in _heap(process):
                    process.touch(vma.start)
            forked = process.fork()
            assert isinstance(forked, Process), "a machine without planned failures has memory for a fork"
            forked.mm.events.clear()
            tally, differs = self.play(child, forked)
            self.tally += tally
            self.differs += differs

    def _cause(self, space: Space, call: Call, kind: str, before: list[Differs]) -> str | None:
        """Why a call differs, if that is known."""
        if before and before[-1].cause is not None and before[-1].kind != "refused" and kind == call.kind:
            return "follows from an earlier difference"
        if space.forked_from is not None and call.kind == BESIDE and kind == EXTENDED and self.touch == "never":
            return "the heap was touched before the fork, which is not recorded"
        if space.forked_from is not None and call.kind == EXTENDED and kind == BESIDE and self.touch != "never":
            return "the heap was not touched before the fork, which is not recorded"
        return None


def _heap(process: Process) -> list[Vma]:
    """The VMAs between start_brk and the break."""
    mm = process.mm
    top, found = page_align(mm.brk), []
    vma = mm.find_in(mm.start_brk, top)
    while vma is not None:
        found.append(vma)
        vma = mm.find_in(vma.end, top)
    return found


def kind_of(start_brk: int, want: int, old: int, ret: int, vmas: int, after: int) -> str:
    """What a call came to: from the break before, the answer, and the number of heap VMAs before and after.

    >>> kind_of(0x1000, want=0, old=0x1000, ret=0x1000, vmas=0, after=0)
    'query'
    >>> kind_of(0x1000, want=0x3000, old=0x2000, ret=0x3000, vmas=1, after=1)
    'grow: extended'
    """
    if want < start_brk:
        return "query"
    if ret != want:
        return "refused"
    if page_align(want) == page_align(old):
        return "same page"
    if want < old:
        return "shrink"
    if after <= vmas:
        return EXTENDED
    return BESIDE if vmas else NEW


def _cost(process: Process) -> dict[str, int]:
    """Stores and VMAs since the last call."""
    counts = Counter(event[0] for event in process.mm.events)
    process.mm.events.clear()
    return {"stores": counts["maple_store"], "vmas": counts["vma_alloc"]}


def _nodes(process: Process) -> int:
    """Tree nodes asked for so far. Reserves are the worst case, as in 6.1; since 6.6 they are what is used."""
    count = process.mm.tree.pool.count
    return count.used if process.generation == "today" else count.allocated


def _surround(process: Process) -> None:
    """The mappings around a heap: three libraries of five pieces, the vdso and a stack."""
    at = _BASE
    code = VM.READ | VM.MAYREAD | VM.MAYWRITE | VM.MAYEXEC
    for name, number in _LIBRARIES:
        process.place(at, at + 16 * PAGE, code | (VM.EXEC if number == 1 else 0), File(name), number * 16)
        at += 16 * PAGE + (PAGE if number == 4 else 0)
    process.place(at, at + 2 * PAGE, code | VM.EXEC, File("vdso"))
    process.place(at + (1 << 30), at + (1 << 30) + 33 * PAGE, DATA_DEFAULT | VM.GROWSDOWN | VM.ACCOUNT)


def totals(results: list[Result]) -> Iterator[Result]:
    """All jobs of each generation together, the job called "all"."""
    for generation in dict.fromkeys(result.generation for result in results):
        those = [result for result in results if result.generation == generation]
        yield Result(
            "all", generation, sum((each.tally for each in those), Tally()), [d for r in those for d in r.differs]
        )
