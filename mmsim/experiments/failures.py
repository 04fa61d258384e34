"""Every failure during a call, one after the other: what is undone, and what is forgotten.

A call is run once to see at which points it can fail, in which order. Then it is run again for each of them, and that
one fails. A generation's code is compared with itself three times: before the call, when it fails, and after it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from mmsim.brk import GENERATIONS, Process
from mmsim.explore.alphabet import Op
from mmsim.explore.world import START, WORLDS
from mmsim.mm import VM
from mmsim.mm.calls import MAP, PROT
from mmsim.mm.machine import Faults
from mmsim.mm.space import Event, data_class, exec_class
from mmsim.mm.units import PAGE, page_align
from mmsim.trace.syscall_trace import Session

from .table import named

__all__ = ["ASPECTS", "CALLS", "SITE_WORDS", "UNSEEN", "Call", "Row", "Run", "Summary", "failures", "nodes_asked",
           "points", "row_of", "run", "summary", "traces", "verdict"]  # fmt: skip

SITE_WORDS = {
    "lock_killed": "the lock: killed while waiting",
    "commit_refusal": "the promise of memory",
    "vma_alloc": "memory for a VMA",
    "maple_alloc": "memory for the tree",
    "anon_clone": "memory for the chain",
    "policy_dup": "memory for the policy",
    "uffd_entry": "memory for an event",
    "may_split": "the driver's consent to a split",
}
"""What fails at each site (model: "failure sites")."""

ASPECTS = {
    "lock": ("the mmap lock is dropped", "the mmap lock is held"),
    "break": ("the break is put back", "the break is moved"),
    "charge": ("the promise is taken back", "the promise is kept"),
    "counters": ("the counters are put back", "the counters are off"),
    "object": ("the new VMA is freed", "a VMA is lost"),
    "end": ("the end of the VMA is put back", "VMA and tree differ in its end"),
    "filing": ("the VMA is filed in its interval trees again", "the VMA is not filed where it belongs"),
    "root": ("the anon_vma's lock is dropped", "the anon_vma's lock is held"),
    "event": ("the event is taken back", "a queued event stays, its monitor waits"),
    "pages": ("the pages are mapped as before", "other pages are mapped"),
    "cleared": ("the range is mapped again", "what was in the range is gone"),
    "split": ("the halves are one VMA again", "a VMA stays split"),
}
"""What a call changes on its way: in words when it is undone, and when it is forgotten."""
UNSEEN = frozenset({"split"})
"""What no program can see and no counter of pages shows: allowed by the semantic form of invariant I21.

"cleared" is the other exception: the loader's call unmaps first, by design.
"""

_RW = PROT.READ | PROT.WRITE
_HERE = MAP.PRIVATE | MAP.ANONYMOUS | MAP.FIXED


class Call(NamedTuple):
    """A call to let fail: ops that lead to it, itself last. `about` says what it does when nothing fails."""

    name: str
    about: str
    script: tuple[Op, ...]


def _brk(page: int) -> Op:
    return "brk", START + page * PAGE


def _over(op: str, page: int, pages: int, *more: Any) -> Op:
    return op, [START + page * PAGE, pages * PAGE, *more]


_TOUCH: Op = ("touch", START)
CALLS: dict[str, Call] = {
    each.name: each
    for each in (
        Call("first growth", "a VMA of 2 pages", (_brk(2),)),
        Call("extend", "4 pages of heap become 6", (_brk(4), _brk(6))),
        Call("extend, written", "4 written pages of heap become 6", (_brk(4), _TOUCH, _brk(6))),
        Call("grow after fork", "a child's heap of 4 pages gets 2 more", (_brk(4), _TOUCH, ("fork", "child"), _brk(6))),
        Call("cut", "6 written pages of heap become 4", (_brk(6), _TOUCH, _brk(4))),
        Call("cut whole", "2 pages of heap become none", (_brk(2), _brk(0))),
        Call(
            "cut a middle",
            "2 pages go from the middle of a written VMA with a policy",
            (_brk(4), _over("mmap", 4, 2, _RW, _HERE), _TOUCH, _over("mbind", 0, 6, "bind:0"), _brk(2)),
        ),
        Call("cut, monitor", "2 pages of heap become none, a monitor is to hear of it",
             (_brk(2), _over("uffd_register", 0, 2), _brk(0))),
        Call("cut, 2 monitors", "both halves of a heap of 4 pages go, each has a monitor",
             (_brk(4), _over("uffd_register", 0, 2), _over("uffd_register", 2, 2), _brk(0))),
        Call("loader", "the ELF loader maps 2 pages over 2 others",
             (_over("mmap", 8, 2, _RW, _HERE), _over("vm_brk_flags", 8, 2, 0))),
        Call("loader, extends", "the ELF loader maps 2 pages behind 2 others",
             (_over("vm_brk_flags", 8, 2, 0), _over("vm_brk_flags", 10, 2, 0))),
    )
}  # fmt: skip
"""The calls of the experiment, by name; in the world "file", where a program's data ends where the heap begins."""

State = dict[str, Any]


class Run(NamedTuple):
    """A call that was run: its answer, the session after it, the events of it, what was met, and three states.

    `met` are the sites in the order in which the call came by; `then` is the state when it failed, or None.
    """

    answer: int
    session: Session
    events: tuple[Event, ...]
    met: tuple[str, ...]
    before: State
    then: State | None
    after: State
    broken: tuple[str, ...]


class Row(NamedTuple):
    """One failure: the `point`th one that the call can meet (from 1), the `nth` at its site.

    `undone` and `forgotten` are of ASPECTS; `promised` are pages that stay promised; `broken` are the invariants that
    the failing call breaks.
    """

    generation: str
    call: str
    point: int
    site: str
    nth: int
    answer: int
    refused: bool
    undone: tuple[str, ...]
    forgotten: tuple[str, ...]
    promised: int
    broken: tuple[str, ...]

    @property
    def trace(self) -> str:
        """What is left of the call: "nothing", "unseen" (no program sees it), "by design", or "trace"."""
        left = set(self.forgotten)
        if not left:
            return "nothing"
        if left <= UNSEEN:
            return "unseen"
        return "by design" if left <= UNSEEN | {"cleared"} else "trace"

    @property
    def left(self) -> str:
        """What is forgotten in words, or a dash."""
        return "; ".join(_said(self, key) for key in self.forgotten) or "-"

    @property
    def script(self) -> list[Op]:
        """The ops for `mmsim run`, the failure planned before the last one."""
        *most, last = CALLS[self.call].script
        return [*most, ("fail", [self.site, self.nth]), last]


class _Striking(Faults):
    """Failures counted over all sites: the `point`th visit of any fails, and `struck` is told; 0 for none."""

    __slots__ = ("met", "point", "struck")

    def __init__(self, point: int, struck: Callable[[], Any]) -> None:
        super().__init__()
        self.point, self.struck = point, struck
        self.met: list[str] = []

    def hit(self, site: str) -> bool:
        self.met.append(site)
        if len(self.met) != self.point:
            return False
        self.struck()
        return True


def run(generation: str, call: Call, point: int = 0, prepared: Callable[[Session], Any] | None = None) -> Run:
    """Run a call and let the `point`th possible failure happen (0: none); `prepared` sees the session before."""
    session = Session(WORLDS["file"], generation)
    for op, arg in call.script[:-1]:
        session.do(op, arg)
    if prepared is not None:
        prepared(session)
    mm = session.process.mm
    known = {each.id for each in session.process.check(*session.others)}
    count = mm.map_count
    mm.events.clear()
    before, then = _state(session, count), []
    session.process.machine.faults = faults = _Striking(point, lambda: then.append(_state(session, count)))
    answer, broken = session.judged(*call.script[-1])
    ids = tuple(dict.fromkeys(each.id for each in broken if each.id not in known))
    state = then[0] if then else None
    return Run(answer, session, tuple(mm.events), tuple(faults.met), before, state, _state(session, count), ids)


def points(generation: str, call: str | Call) -> tuple[str, ...]:
    """The sites that a call comes by when nothing fails, in order: one failure can happen at each.

    >>> points("before", "extend"), points("v4", "extend")
    (('lock_killed', 'commit_refusal'), ('lock_killed', 'commit_refusal', 'maple_alloc'))
    """
    return run(generation, _call(call)).met


def failures(generations: Iterable[str] = tuple(GENERATIONS), calls: Iterable[str] = tuple(CALLS)) -> list[Row]:
    """A row for each point of each call in each generation.

    >>> [(row.site, row.trace) for row in failures(["v4"], ["extend"])]
    [('lock_killed', 'nothing'), ('commit_refusal', 'nothing'), ('maple_alloc', 'trace')]
    """
    calls = tuple(calls)
    return [row for generation in generations for call in calls for row in _rows(generation, _call(call))]


def _call(call: str | Call) -> Call:
    return call if isinstance(call, Call) else CALLS[call]


def _rows(generation: str, call: Call) -> Iterator[Row]:
    sites = points(generation, call)
    for point, site in enumerate(sites, 1):
        nth = sites[:point].count(site)
        yield row_of(generation, call, point, site, nth, run(generation, call, point))


def row_of(generation: str, call: Call, point: int, site: str, nth: int, done: Run) -> Row:
    """What a run with a failure came to."""
    op, arg = call.script[-1]
    refused = done.answer != arg if op == "brk" else done.answer < 0
    changed = [key for key in done.before if done.before[key] != done.after[key]]
    forgotten = tuple(_named(changed, done, op, arg)) if refused else ()
    moved = [key for key in done.before if done.then is not None and done.then[key] != done.before[key]]
    undone = tuple(key for key in moved if key not in changed and key != "pages") if refused else ()
    promised = done.after["charge"] - done.before["charge"]
    return Row(generation, call.name, point, site, nth, done.answer, refused, undone, forgotten, promised, done.broken)


def _named(changed: list[str], done: Run, op: str, arg: Any) -> Iterator[str]:
    """The aspects that changed; of other pages no split is told, and a range cleared by the loader is called so."""
    for key in changed:
        if key == "pages" and _only_cleared(done, op, arg):
            yield "cleared"
        elif key != "split" or "pages" not in changed:
            yield key


def _only_cleared(done: Run, op: str, arg: Any) -> bool:
    """Whether the pages that are not as before lie in the range that vm_brk_flags() clears, and are gone."""
    if op != "vm_brk_flags":
        return False
    start, end = arg[0], arg[0] + page_align(arg[1])
    old, new = done.before["pages"], done.after["pages"]
    return not new - old and all(start <= page < end for page, *_ in old - new)


def _state(session: Session, count: int) -> State:
    """All that a call changes on its way, so that two moments can be compared; `count` VMAs were mapped before it.

    Promise and counters are what is kept beyond what the tree's ranges add up to.
    """
    mm = session.process.mm
    ranges = [(first, last + 1, vma) for first, last, vma in mm.tree]
    pages = {name: sum((end - start) // PAGE for start, end, vma in ranges if test(vma)) for name, test in _TESTS}
    others = sum(vma.pages for other in session.others for vma in other.mm.vmas() if vma.flags & VM.ACCOUNT)
    names = [event[0] for event in mm.events]
    return {
        "lock": mm.lock,
        "break": mm.brk,
        "charge": mm.machine.committed - pages.pop("committed") - others,
        "counters": tuple(getattr(mm, name) - counted for name, counted in pages.items()),
        "object": names.count("vma_alloc") - names.count("vma_free") - (mm.map_count - count),
        "end": tuple((start, end, vma.end) for start, end, vma in ranges if (start, end) != (vma.start, vma.end)),
        "filing": tuple(vma.serial for _, _, vma in ranges if any(anon.tree.get(vma) != vma.key for anon in vma.chain)),
        "root": len(mm.held),
        "event": (len(mm.uf), sum(context.mmap_changing for context in session.contexts)),
        "pages": frozenset(_pages(ranges)) | frozenset(mm.pages.items()),
        "split": tuple((start, end) for start, end, _ in ranges),
    }


_TESTS: tuple[tuple[str, Callable[[Any], bool]], ...] = (
    ("total_vm", lambda vma: True),
    ("data_vm", lambda vma: data_class(vma.flags) and not exec_class(vma.flags)),
    ("locked_vm", lambda vma: bool(vma.flags & VM.LOCKED)),
    ("committed", lambda vma: bool(vma.flags & VM.ACCOUNT)),
)


def _pages(ranges: list[Any]) -> Iterator[tuple[Any, ...]]:
    """Each mapped page with what a program can see of its mapping."""
    for start, end, vma in ranges:
        seen = vma.flags & ~VM.SOFTDIRTY, vma.file and vma.file.name, vma.policy, vma.uffd and vma.uffd.name
        yield from ((page, *seen) for page in range(start, end, PAGE))


def _said(row: Row, key: str) -> str:
    if key != "charge":
        return ASPECTS[key][1]
    kept = ASPECTS[key][1] if row.promised > 0 else "more is taken back than was promised"
    return f"{kept} ({row.promised:+} pages)"


class Summary(NamedTuple):
    """What the failures of one generation come to, in failing calls; `which` counts the kinds of traces."""

    points: int
    nothing: int
    unseen: int
    by_design: int
    trace: int
    which: dict[str, int]


def summary(rows: Iterable[Row]) -> dict[str, Summary]:
    """The rows by generation.

    >>> summary(failures(["v4"], ["extend"]))["v4"]
    Summary(points=3, nothing=2, unseen=0, by_design=0, trace=1, which={'charge': 1})
    """
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.generation, []).append(row)
    return {generation: _summed(each) for generation, each in found.items()}


def _summed(rows: list[Row]) -> Summary:
    kinds = Counter(row.trace for row in rows)
    which = Counter(key for row in rows if row.trace == "trace" for key in row.forgotten if key not in UNSEEN)
    counts = (kinds[name] for name in ("nothing", "unseen", "by design", "trace"))
    return Summary(len(rows), *counts, dict(sorted(which.items())))


def traces(rows: Iterable[Row]) -> list[Row]:
    """The failures that leave what nobody wants: neither unseen nor by design."""
    return [row for row in rows if row.trace == "trace"]


def verdict(rows: Iterable[Row]) -> str:
    """Who leaves what behind, in one sentence; from the rows alone."""
    rows = list(rows)
    parts = []
    for key in ASPECTS:
        where = dict.fromkeys(row.generation for row in traces(rows) if key in row.forgotten)
        if where:
            parts.append(f"{ASPECTS[key][1]} in {named(where)}")
    return "; ".join(parts) or "no failing call leaves a trace"


def nodes_asked(generation: str, neighbours: int, grow: int = 2) -> int:
    """Tree nodes that an extension by `grow` pages asks for, with twice so many other mappings around the heap.

    >>> nodes_asked("v4", 20), nodes_asked("merged", 20)
    (0, 7)
    """
    process = Process(generation, start_brk=START)
    process.brk(START + 4 * PAGE)
    for number in range(neighbours):
        for side in (1, -1):
            process.mmap(START + side * (64 + 8 * number) * PAGE, PAGE, PROT.READ, _HERE)
    pool = process.mm.tree.pool
    before = pool.count.allocated
    process.brk(START + (4 + grow) * PAGE)
    return pool.count.allocated - before
