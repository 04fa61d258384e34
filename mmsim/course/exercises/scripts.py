"""Scripts of calls as plain data: read strictly, run in the generations, and used to break a claim.

A script is a list of calls as a learner writes them down, `[("brk", 4), ("munmap", 3, 1)]`: pages are counted from
the start of the heap. `read` turns it into the ops of a syscall-trace, `run` plays these in one generation,
`CounterExample` judges a script that shall break a claim. Nothing here depends on the learner's code.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, ClassVar

from mmsim.brk import GENERATIONS
from mmsim.errno import errorcode
from mmsim.explore.world import START, WORLDS
from mmsim.mm.calls import MAP, MCL, MREMAP, PROT
from mmsim.mm.flags import perms
from mmsim.mm.machine import SITES
from mmsim.mm.units import EFAULT, PAGE
from mmsim.mm.vma import Vma
from mmsim.trace.syscall_trace import Session

from .model import RIGHT, Case, Value, Verdict, wrong_shape
from .plain import Plain, told

__all__ = [
    "CALLS",
    "MOST",
    "PROCESSES",
    "CounterExample",
    "Mapped",
    "NotAScript",
    "Run",
    "Step",
    "compared",
    "read",
    "run",
]

PROCESSES: Mapping[str, dict[str, Any]] = {
    **WORLDS,
    "crowded too": {
        **WORLDS["crowded"],
        "env": {"max_map_count": 5},
        "initial": [
            [START - 8 * PAGE, START - 6 * PAGE, "r-xp", 0, "file:program", "rd ex mr mw me", 0],
            *WORLDS["crowded"]["initial"],
        ],
    },
}
"""Where a script can start: the worlds of mmsim.explore, and one like `crowded` with a mapping more on both sides."""
MOST = 20
"""So many calls a script may have at most; an exercise may allow fewer."""
LOW, HIGH = -16, 512
"""Pages that a call may name, counted from the start of the heap."""
LONGEST = 256
"""Pages that a call may ask for."""
FORKS = 4

Op = tuple[str, Any]


class NotAScript(Exception):
    """Plain data that is no script; the message names the call and says what it should be."""


@dataclass(frozen=True)
class Kind:
    """A kind of argument: what it is called, whether a value is one, and what the kernel is given for it."""

    name: str
    fits: Callable[[Plain], bool]
    given: Callable[[Any], Any] = lambda value: value


@dataclass(frozen=True)
class Form:
    """A call's form: the kinds of its arguments, and the op they make. `example` is a call as it is written."""

    takes: tuple[Kind, ...]
    op: Callable[..., Op]
    example: tuple[Plain, ...]


def _whole(low: int, high: int) -> Callable[[Plain], bool]:
    return lambda value: type(value) is int and low <= value <= high


def _one_of(*words: str | None) -> Callable[[Plain], bool]:
    return lambda value: (value is None or type(value) is str) and value in words


_RIGHTS = ("---", "r--", "rw-", "r-x", "rwx")
PAGE_NR = Kind(f"a page from {LOW} to {HIGH}", _whole(LOW, HIGH), lambda page: START + page * PAGE)
PAGES = Kind(f"a number of pages from 1 to {LONGEST}", _whole(1, LONGEST), lambda pages: pages * PAGE)
LIMIT = Kind("a limit in pages from 0 to 100000", _whole(0, 100_000), lambda pages: pages * PAGE)
RIGHTS = Kind("rights such as 'rw-' or 'r--'", _one_of(*_RIGHTS), lambda text: _prot(text))
SHARING = Kind(
    "rights and p or s, such as 'rw-p'",
    _one_of(*(rights + kind for rights in _RIGHTS for kind in "ps")),
    lambda text: (_prot(text[:3]), MAP.FIXED | (MAP.SHARED if text[3] == "s" else MAP.PRIVATE)),
)
FILE_PAGE = Kind("a page of the file from 0 to 1000", _whole(0, 1000))
POLICY = Kind("a policy: 'bind:0', 'interleave' or None", _one_of("bind:0", "interleave", None))
WHAT = Kind("'current', 'future' or 'both'", _one_of("current", "future", "both"), lambda text: _MCL[text])
LIMITED = Kind("'AS', 'DATA' or 'MEMLOCK'", _one_of("AS", "DATA", "MEMLOCK"))
WHO = Kind("who goes on: 'parent' or 'child'", _one_of("parent", "child"))
SITE = Kind(f"one of {', '.join(SITES)}", _one_of(*SITES))
NTH = Kind("which of its uses fails, from 1 to 9", _whole(1, 9))
_MCL = {"current": MCL.CURRENT, "future": MCL.FUTURE, "both": MCL.CURRENT | MCL.FUTURE}
_ANONYMOUS = MAP.PRIVATE | MAP.ANONYMOUS | MAP.FIXED
_MOVE = MREMAP.MAYMOVE | MREMAP.FIXED


def _prot(rights: str) -> int:
    return sum(bit for bit, letter in ((PROT.READ, "r"), (PROT.WRITE, "w"), (PROT.EXEC, "x")) if letter in rights)


def _ranged(name: str) -> Callable[[int, int], Op]:
    return lambda page, pages: (name, [page, pages])


CALLS: Mapping[str, Form] = {
    "brk": Form((PAGE_NR,), lambda page: ("brk", page), ("brk", 4)),
    "touch": Form((PAGE_NR,), lambda page: ("touch", page), ("touch", 3)),
    "peek": Form((PAGE_NR,), lambda page: ("peek", page), ("peek", 3)),
    "mmap": Form(
        (PAGE_NR, PAGES, RIGHTS),
        lambda page, pages, prot: ("mmap", [page, pages, prot, _ANONYMOUS]),
        ("mmap", 8, 2, "rw-"),
    ),
    "mmap_file": Form(
        (PAGE_NR, PAGES, SHARING, FILE_PAGE),
        lambda page, pages, how, pgoff: ("mmap_file", [page, pages, *how, "data", pgoff]),
        ("mmap_file", 8, 2, "rw-p", 0),
    ),
    "munmap": Form((PAGE_NR, PAGES), _ranged("munmap"), ("munmap", 8, 2)),
    "mprotect": Form(
        (PAGE_NR, PAGES, RIGHTS),
        lambda page, pages, prot: ("mprotect", [page, pages, prot]),
        ("mprotect", 0, 2, "r--"),
    ),
    "mremap": Form(
        (PAGE_NR, PAGES, PAGE_NR),
        lambda page, pages, target: ("mremap", [page, pages, pages, _MOVE, target]),
        ("mremap", 0, 2, 8),
    ),
    "mbind": Form(
        (PAGE_NR, PAGES, POLICY),
        lambda page, pages, policy: ("mbind", [page, pages, policy]),
        ("mbind", 0, 4, "bind:0"),
    ),
    "mlock": Form((PAGE_NR, PAGES), _ranged("mlock"), ("mlock", 0, 2)),
    "munlock": Form((PAGE_NR, PAGES), _ranged("munlock"), ("munlock", 0, 2)),
    "mlockall": Form((WHAT,), lambda flags: ("mlockall", flags), ("mlockall", "future")),
    "uffd_register": Form((PAGE_NR, PAGES), _ranged("uffd_register"), ("uffd_register", 0, 4)),
    "vm_brk_flags": Form((PAGE_NR, PAGES), _ranged("vm_brk_flags"), ("vm_brk_flags", 2, 2)),
    "setrlimit": Form(
        (LIMITED, LIMIT), lambda name, soft: ("setrlimit", [name, soft]), ("setrlimit", "AS", 40)
    ),
    "fork": Form((WHO,), lambda who: ("fork", who), ("fork", "child")),
    "kill_other": Form((), lambda: ("kill_other", None), ("kill_other",)),
    "fail": Form((SITE, NTH), lambda site, nth: ("fail", [site, nth]), ("fail", "maple_alloc", 1)),
}  # fmt: skip
"""Every call a script can have. `mmap` and `mmap_file` replace what is there, `mremap` moves to a place,
`vm_brk_flags` is the loader's call, `fail` lets something fail in the call after it."""


@dataclass(frozen=True)
class Mapped:
    """A VMA of a step: first page and page behind the last, counted from the start of the heap."""

    first: int
    end: int
    rights: str
    name: str

    def __str__(self) -> str:
        return f"{self.first}-{self.end} {self.rights}{f' {self.name}' if self.name else ''}"


@dataclass(frozen=True)
class Step:
    """What one call came to: its answer, the VMAs near the heap then, the counters in pages, the broken invariants.

    `vmas` is the number of all VMAs of the process then, with its stack, which is not near the heap. `stopped` names
    the error with which the model gave up, where a state is too broken to go on; "" otherwise.
    """

    call: list[Plain]
    answer: int
    maps: tuple[Mapped, ...] = ()
    counters: Mapping[str, int] = field(default_factory=dict)
    broken: tuple[str, ...] = ()
    vmas: int = 0
    stopped: str = ""

    @property
    def refused(self) -> bool:
        """Whether the answer is an error, a signal, or another break than the one asked for."""
        name = self.call[0]
        return self.answer < 0 or bool(self.stopped) or (name == "brk" and self.answer != self.call[1] * PAGE + START)

    @property
    def text(self) -> str:
        """The answer in words.

        >>> Step(["brk", 4], START).text, Step(["peek", 4], -14).text, Step(["munmap", 1, 1], -12).text
        ('refused', 'signal', '-ENOMEM')
        """
        if self.stopped:
            return f"the kernel stops ({self.stopped})"
        if self.call[0] in ("brk", "fork", "kill_other", "fail", "mmap", "mmap_file", "mremap") and self.answer >= 0:
            return "refused" if self.refused else "accepted"
        if self.answer == -EFAULT and self.call[0] in ("touch", "peek"):
            return "signal"
        return f"-{errorcode[-self.answer]}" if self.answer < 0 else "accepted"


@dataclass(frozen=True)
class Run:
    """A script in one generation, step by step. `session` is the process at the end, to be asked for more."""

    generation: str
    steps: tuple[Step, ...]
    session: Session = field(compare=False, repr=False)

    @property
    def last(self) -> Step:
        """The last call that was made."""
        return self.steps[-1]

    @property
    def broken(self) -> tuple[str, ...]:
        """Every invariant that some step broke, in order of their numbers."""
        return tuple(sorted({each for step in self.steps for each in step.broken}, key=lambda each: int(each[1:])))

    @property
    def heap(self) -> tuple[Mapped, ...]:
        """The VMAs of the end that reach above the start of the heap."""
        return tuple(each for each in self.last.maps if each.end > 0)


def read(script: Plain, allowed: Iterable[str] = CALLS, most: int = MOST) -> tuple[list[Plain], ...]:
    """The calls of a script, all of them well formed; NotAScript says what is wrong with the first that is not.

    >>> read([["brk", 4], ["munmap", 3, 1]])
    (['brk', 4], ['munmap', 3, 1])
    >>> read([["brk", "4"]])
    Traceback (most recent call last):
    mmsim.course.exercises.scripts.NotAScript: call 1: brk takes a page from -16 to 512, got '4'; e.g. ('brk', 4)
    """
    if type(script) is not list or not 0 < len(script) <= most:
        got = f"{len(script)} calls" if type(script) is list else told(script, 40)
        raise NotAScript(f"expected a list of 1 to {most} calls such as [('brk', 4)], got {got}")
    names = [name for name in CALLS if name in allowed]
    calls = tuple(_call(number, call, names) for number, call in enumerate(script, 1))
    if sum(call[0] == "fork" for call in calls) > FORKS:
        raise NotAScript(f"expected at most {FORKS} forks")
    return calls


def _call(number: int, call: Plain, names: Sequence[str]) -> list[Plain]:
    if type(call) is not list or not call or type(call[0]) is not str or len(call) > 8:
        raise NotAScript(f"call {number}: expected a call such as ('brk', 4), got {told(call, 60)}")
    name, *args = call
    if name not in names:
        raise NotAScript(f"call {number}: {told(name, 30)} is no call here, expected one of {', '.join(names)}")
    form = CALLS[name]
    example = f"e.g. {form.example!r}"
    if len(args) != len(form.takes):
        wanted = ", ".join(kind.name for kind in form.takes) or "nothing"
        raise NotAScript(f"call {number}: {name} takes {wanted}; {example}, got {told(tuple(call), 60)}")
    for kind, arg in zip(form.takes, args, strict=True):
        if not kind.fits(arg):
            raise NotAScript(f"call {number}: {name} takes {kind.name}, got {told(arg, 40)}; {example}")
    return call


def run(script: Sequence[Sequence[Plain]], generation: str, world: str = "file") -> Run:
    """A script that `read` accepted, in a fresh process of one of PROCESSES.

    It ends early where the model cannot go on, because a defect has left a state that makes no sense.

    >>> [str(each) for each in run([["brk", 4], ["munmap", 3, 1], ["brk", 6]], "v4", "bare").heap]
    ['0-6 rw-p']
    """
    calls = tuple(tuple(call) for call in script)
    return _kept(calls, generation, world) if generation in _LASTING else _run(calls, generation, world)


def _run(script: tuple[tuple[Plain, ...], ...], generation: str, world: str) -> Run:
    session = Session(PROCESSES[world], generation)
    steps: list[Step] = []
    for name, *args in script:
        form = CALLS[name]
        call = [name, *args]
        op = form.op(*(kind.given(arg) for kind, arg in zip(form.takes, args, strict=True)))
        try:
            answer, broken = session.judged(*op)
            ids = tuple(dict.fromkeys(each.id for each in broken))
            vmas = sum(1 for _ in session.process.mm.vmas())
            steps.append(Step(call, answer, _maps(session), session.counters(), ids, vmas))
        except Exception as error:  # a state that a defect has spoilt can make any part of the model fail
            steps.append(Step(call, -1, stopped=type(error).__name__))
            break
    return Run(generation, tuple(steps), session)


_LASTING = frozenset(GENERATIONS)
"""A generation with repairs lasts for a block only, and the next one may have its name: its runs are not kept."""
_kept = lru_cache(maxsize=256)(_run)


def _maps(session: Session) -> tuple[Mapped, ...]:
    return tuple(_mapped(vma) for vma in session.shown())


def _mapped(vma: Vma) -> Mapped:
    first, end = (vma.start - START) // PAGE, (vma.end - START) // PAGE
    return Mapped(first, end, perms(vma.flags), vma.file.name if vma.file else "")


def compared(*runs: Run) -> str:
    """The runs side by side, a line a call with all VMAs counted, and those above the heap's start at the end.

    What differs is marked.

    >>> calls = [["brk", 4], ["munmap", 3, 1], ["brk", 6]]
    >>> print(compared(run(calls, "before"), run(calls, "v4")))
      call                before              v4
      brk(4)              accepted, 3 VMAs    accepted, 3 VMAs
      munmap(3, 1)        accepted, 3 VMAs    accepted, 3 VMAs
    * brk(6)              accepted, 4 VMAs    accepted, 3 VMAs
    * the heap then       0-3 rw-p            0-6 rw-p
    *                     4-6 rw-p            -
    """
    rows = [["call", *(each.generation for each in runs)]]
    for number, step in enumerate(max((each.steps for each in runs), key=len)):
        rows.append([_said(step.call), *(_told(each.steps, number) for each in runs)])
    lists = [[str(vma) for vma in each.heap] or ["nothing"] for each in runs]
    for number in range(max(map(len, lists))):
        cells = [names[number] if number < len(names) else "-" for names in lists]
        rows.append(["" if number else "the heap then", *cells])
    wide = [max(18, *(len(row[column]) for row in rows)) + 2 for column in range(len(rows[0]))]
    lines = []
    for number, row in enumerate(rows):
        sign = "*" if number and len(set(row[1:])) > 1 else " "
        lines.append(f"{sign} {''.join(text.ljust(size) for text, size in zip(row, wide, strict=True))}".rstrip())
    return "\n".join(lines)


def _said(call: Sequence[Plain]) -> str:
    return f"{call[0]}({', '.join(map(repr, call[1:]))})"


def _told(steps: Sequence[Step], number: int) -> str:
    if number >= len(steps):
        return "not made"
    step = steps[number]
    return step.text if step.stopped else f"{step.text}, {step.vmas} VMA{'' if step.vmas == 1 else 's'}"


class CounterExample(Value):
    """A script that breaks a claim in one generation, while the claim holds in another.

    A subclass says what the claim is (`breach`), who is right, and which calls there are. A script is worth its
    points in three equal parts: it breaks the claim; no call of it can be left out; it does so in other processes, too,
    which only marks look at (`worlds` behind the first). A script that does not break the claim is worth nothing.
    """

    kind = "counter-example"
    shown = 2
    good: ClassVar[str]
    """The generation in which the claim holds."""
    bad: ClassVar[str]
    """The generation in which it is to break."""
    calls: ClassVar[tuple[str, ...]]
    """The calls a script may have, names of CALLS."""
    most: ClassVar[int] = 10
    worlds: ClassVar[tuple[str, ...]] = ("file", "bss", "bare")
    """Names of PROCESSES; the first is the process of the public check."""

    @abstractmethod
    def breach(self, run: Run, right: Run) -> str:
        """How a run breaks the claim, in a few words; "" if the claim holds. `right` is the run of the good one.

        It is asked about both runs: for the good one the answer has to be "".
        """

    def unfit(self, script: Sequence[Sequence[Plain]], right: Run) -> str:
        """What makes a well-formed script no example at all, whatever it does; "" for one that will do."""
        return ""

    def holds(self, bad: Run, right: Run) -> str:
        """What is said to a script after which the claim still holds; a subclass says which idea is missing."""
        return f"the claim holds for this script, in {self.bad} as in {self.good}"

    def parts(self, learner: str = "") -> list[tuple[str, Plain]]:
        """See Value."""
        return [("the claim breaks", "breaks"), ("no call too many", "short"), ("in another process", "elsewhere")]

    def judge(self, case: Case, answer: Plain) -> Verdict:
        """Shape; then the claim in both generations; then the part in question."""
        try:
            script = read(answer, self.calls, self.most)
        except NotAScript as error:
            return wrong_shape(str(error), answer)
        here = self.worlds[0]
        found = self._broken(script, here)
        if not found.right:
            return found if case.part == "breaks" else Verdict(0, "first the script has to break the claim")
        if case.part == "short":
            return self._short(script, here)
        if case.part == "elsewhere":
            others = (self._broken(script, world) for world in self.worlds[1:])
            return next((each for each in others if not each.right), RIGHT)
        return RIGHT

    def picture(self, case: Case, answer: Plain) -> str:
        """See Exercise: the heap and what is around it at the end, in both generations."""
        from mmsim.view import space_compare  # drawing is for the desk only

        try:
            script = read(answer, self.calls, self.most)
        except NotAScript:
            return ""
        if case.part != "breaks":
            return ""
        runs = [run(script, generation, self.worlds[0]) for generation in (self.good, self.bad)]
        ends = [each.end for one in runs for each in one.heap]
        low, high = START - 4 * PAGE, START + (max(ends, default=0) + 2) * PAGE
        spaces = {one.generation: one.session.process for one in runs}
        return space_compare(spaces, "after the script, in both generations", low, high).svg()

    def _broken(self, script: Sequence[Sequence[Plain]], world: str) -> Verdict:
        right, bad = run(script, self.good, world), run(script, self.bad, world)
        table = compared(right, bad)
        if said := self.unfit(script, right):
            return Verdict(0, said, difference=table)
        if said := self.breach(right, right):
            return Verdict(0, f"this breaks the claim in {self.good}, too: {said}", difference=table)
        if not self.breach(bad, right):
            return Verdict(0, self.holds(bad, right), difference=table)
        return RIGHT

    def _short(self, script: Sequence[Sequence[Plain]], world: str) -> Verdict:
        for number in range(len(script)):
            rest = [*script[:number], *script[number + 1 :]]
            if rest and self._broken(rest, world).right:
                left = _said(script[number])
                return Verdict(0, f"call {number + 1}, {left}, can be left out: the claim breaks without it")
        return RIGHT
