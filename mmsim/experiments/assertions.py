"""Your own assertions on the random scripts of E8: how often each trips, and what damage it announces.

An assertion is a claim, a function that looks at the state at one place of the code and answers True or False:

- `entry`: do_brk_flags() begins (an `Entry`; in `before` once it has cleared the range, which the others do earlier);
- `extension`: the same state, where the VMA below is then extended;
- `cut`: brk() begins to unmap what it gives back (a `Cut`);
- `after`: brk() or vm_brk_flags() is about to return (an `After`).

A claim must not change what it looks at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from html import escape
from typing import Any, NamedTuple

from mmsim.brk import GENERATIONS, Process
from mmsim.mm import MM, Vma

from .corpus import SCRIPTS, Op, born, scripts
from .e8 import DAMAGE
from .watch import Entry, watched

__all__ = [
    "CALLERS",
    "PLACES",
    "After",
    "Claim",
    "Cut",
    "Report",
    "Scene",
    "run_assertions",
    "tripped",
]

Claim = Callable[[Any], bool]
Claims = Mapping[str, Claim | None]
PLACES = ("entry", "extension", "cut", "after")
CALLERS = ("brk", "vm_brk_flags")


class Cut(NamedTuple):
    """brk() begins to unmap [new_top, old_top); `vma` is the VMA it begins with, as that generation found it."""

    mm: MM
    vma: Vma
    new_top: int
    old_top: int


class After(NamedTuple):
    """A call is about to return `answer`: a break from brk(), 0 or a negative error from vm_brk_flags()."""

    mm: MM
    caller: str
    answer: int


class Scene(NamedTuple):
    """One call of one script in one generation; scripts and their calls are numbered from 0."""

    generation: str
    script: int
    step: int
    caller: str

    def process(self, after: bool = False) -> Process:
        """The process as it was before the call, or after it. O(calls of the script).

        >>> Scene("v4", 25, 25, "brk").process(after=True).check()[0].id
        'I0'
        """
        process = born(self.generation, self.script)
        for _, do in _scripts()[self.script][: self.step + after]:
            do(process)
        return process

    def told(self, place: str) -> list[str]:
        """What a claim at that place was asked about in this call, in words; empty if the call never got there.

        >>> Scene("v4", 25, 25, "brk").told("cut")
        ['cut from 0x20006000 up to 0x20003000, beginning with VMA 0x20000000-0x20008000']
        """
        told: list[str] = []
        watch = Watch({each: {"": lambda at: not told.append(_words(at))} if each == place else {} for each in PLACES})
        watch.run(self.process(), self.caller, _scripts()[self.script][self.step][1])
        return told

    def __str__(self) -> str:
        return f"{self.generation}, script {self.script}, call {self.step}: {self.caller}()"


def _words(at: Any) -> str:
    """A state at one of the places, in words."""
    if isinstance(at, Cut):
        return f"cut from {at.new_top:#x} up to {at.old_top:#x}, beginning with VMA {at.vma.start:#x}-{at.vma.end:#x}"
    if isinstance(at, After):
        return f"the call answers {at.answer:#x}; map_count {at.mm.map_count}, total_vm {at.mm.total_vm}"
    below = f"VMA {at.below.start:#x}-{at.end:#x} below" if at.below is not None else "no VMA below"
    return f"map {at.address:#x}-{at.stop:#x}, {below}"


class Watch:
    """Claims and where they were false. `tripped` is emptied for each call."""

    def __init__(self, places: Mapping[str, Claims]) -> None:
        self.claims = {
            place: {name: claim for name, claim in claims.items() if claim} for place, claims in places.items()
        }
        self.tripped: set[str] = set()
        self._pending: list[set[str]] = []

    def run(self, process: Process, caller: str, do: Callable[[Process], int]) -> set[str]:
        """Make one call; the names of the claims that were false in it."""
        self.tripped = set()
        with watched(process, self._enter, self._leave), _cuts(process, self._cut):
            answer = do(process)
        if caller in CALLERS:
            self.tripped |= self._false("after", After(process.mm, caller, answer))
        return self.tripped

    def _enter(self, entry: Entry) -> None:
        self.tripped |= self._false("entry", entry)
        self._pending.append(self._false("extension", entry) if entry.below is not None else set())

    def _leave(self, entry: Entry, ret: int) -> None:
        false = self._pending.pop()
        if entry.extended(ret):
            self.tripped |= false

    def _cut(self, cut: Cut) -> None:
        self.tripped |= self._false("cut", cut)

    def _false(self, place: str, at: Any) -> set[str]:
        return {name for name, claim in self.claims[place].items() if not _holds(place, name, claim, at)}


def _holds(place: str, name: str, claim: Claim, at: Any) -> bool:
    """The claim's answer; ValueError, in one line, where it has none."""
    try:
        answer = claim(at)
    except Exception as error:
        raise ValueError(
            f"{name!r} ({place}): {type(error).__name__}: {error}; it was asked about: {_words(at)}"
        ) from error
    if not isinstance(answer, bool):
        raise ValueError(f"{name!r} ({place}) answers a {type(answer).__name__}, expected True or False")
    return answer


@contextmanager
def _cuts(process: Process, see: Callable[[Cut], None]) -> Iterator[None]:
    """While it lasts, `see` is told of each range that brk() begins to unmap."""
    code: Any = process.code
    name = next(each for each in ("do_brk_munmap", "gather_munmap", "do_munmap") if hasattr(code, each))
    real = getattr(code, name)

    def handed(mm: MM, vma: Vma, new_top: int, old_top: int, *rest: Any, **more: Any) -> int:
        see(Cut(mm, vma, new_top, old_top))
        return int(real(mm, vma, new_top, old_top, *rest, **more))

    def searching(mm: MM, start: int, length: int, uf: list[Any], may_downgrade: bool) -> int:
        vma = mm.find_in(start, start + length)
        if may_downgrade and vma is not None:
            see(Cut(mm, vma, start, start + length))
        return int(real(mm, start, length, uf, may_downgrade=may_downgrade))

    setattr(code, name, searching if name == "do_munmap" else handed)
    try:
        yield
    finally:
        setattr(code, name, real)


class Report:
    """What came of the claims. Its numbers are calls (trips) and scripts (damaged, caught)."""

    def __init__(self, places: Mapping[str, Claims], generations: Iterable[str]) -> None:
        self.places = {name: place for place, claims in places.items() for name in claims}
        self.open = [name for claims in places.values() for name, claim in claims.items() if claim is None]
        self.generations = tuple(generations)
        self.calls: dict[tuple[str, str], list[Scene]] = {}
        self.damage: list[tuple[Scene, set[str]]] = []

    def add(self, scene: Scene, false: set[str], damaged: bool) -> None:
        """Note one call."""
        for name in false:
            self.calls.setdefault((name, scene.generation), []).append(scene)
        if damaged:
            self.damage.append((scene, set(false)))

    def trips(self, name: str, generation: str = "v4", caller: str | None = None) -> int:
        """In how many calls the claim was false."""
        return sum(caller in (None, scene.caller) for scene in self.calls.get((name, generation), []))

    def examples(self, name: str, generation: str = "v4") -> list[Scene]:
        """The calls in which it was false."""
        return list(self.calls.get((name, generation), []))

    def damaged(self, generation: str = "v4", caller: str | None = None) -> int:
        """How many scripts damaged a VMA, by a call of `caller`."""
        return len(self._damage(generation, caller))

    def caught(self, name: str | None = None, generation: str = "v4", caller: str | None = None) -> int:
        """In how many of them the claim (None: any of the claims) was false in the very call that did the damage."""
        return sum(name in false if name else bool(false) for _, false in self._damage(generation, caller))

    def unseen(self, generation: str = "v4", caller: str | None = None) -> list[Scene]:
        """The damaging calls in which no claim was false."""
        return [scene for scene, false in self._damage(generation, caller) if not false]

    def false_alarms(self, name: str | None = None) -> int:
        """Calls in which it was false in generations whose scripts damage nothing (None: of all claims together)."""
        good = [generation for generation in self.generations if not self.damaged(generation)]
        names = self.places if name is None else (name,)
        return sum(self.trips(each, generation) for each in names for generation in good)

    def feedback(self, least: int, caller: str | None = None, silent: bool = True) -> str:
        """Whether all claims together see at least that many of the runs damaged in v4, without a false alarm.

        `silent`: whether false alarms count. The first run that is missed, or the first false alarm, is told.
        """
        if len(self.open) == len(self.places):
            return "not tried yet"
        caught, runs = self.caught(caller=caller), self.damaged(caller=caller)
        where = f"{caller}()" if caller else "any call"
        lines = [f"caught {caught} of {runs} runs damaged in {where}, expected at least {least}"]
        if caught < least:
            missed = self.unseen(caller=caller)[0]
            told = [line for place in dict.fromkeys(self.places.values()) for line in missed.told(place)]
            lines.append(f"the first one missed: {missed}: {'; '.join(told) or 'it never comes to that place'}")
        alarms = self._first_false()
        if silent and alarms:
            lines.append(f"{self.false_alarms()} false alarms, expected none; the first: {alarms}")
        return "\n".join(lines if len(lines) > 1 else [f"done: {lines[0]}"])

    def _first_false(self) -> str:
        """The first false alarm in words, or nothing."""
        for name, place in self.places.items():
            for generation in self.generations:
                if not self.damaged(generation) and self.calls.get((name, generation)):
                    scene = self.calls[name, generation][0]
                    return f"{name!r}, {scene}: {'; '.join(scene.told(place))}"
        return ""

    def _damage(self, generation: str, caller: str | None) -> list[tuple[Scene, set[str]]]:
        return [
            (scene, false)
            for scene, false in self.damage
            if scene.generation == generation and caller in (None, scene.caller)
        ]

    # -- as a table

    @property
    def _columns(self) -> list[tuple[str, str]]:
        """Generation and caller of all damage."""
        pairs = [(generation, caller) for generation in self.generations for caller in CALLERS]
        return [pair for pair in pairs if self.damaged(*pair)]

    def _table(self) -> list[list[str]]:
        """Head and rows."""
        head = ["claim", "place", *self.generations, "false alarms"]
        head += [f"caught in {caller}(), {generation}" for generation, caller in self._columns]
        rows = [self._row(name) for name in self.places]
        if len(self.places) - len(self.open) > 1:
            caught = [f"{self.caught(None, *pair)} of {self.damaged(*pair)}" for pair in self._columns]
            rows.append(["any of them", "", *[""] * len(self.generations), str(self.false_alarms()), *caught])
        return [head, *rows]

    def _row(self, name: str) -> list[str]:
        place = self.places[name]
        if name in self.open:
            return [name, place, *["-"] * (len(self.generations) + 1 + len(self._columns))]
        trips = [str(self.trips(name, generation)) for generation in self.generations]
        caught = [f"{self.caught(name, *pair)} of {self.damaged(*pair)}" for pair in self._columns]
        return [name, place, *trips, str(self.false_alarms(name)), *caught]

    @property
    def _notes(self) -> list[str]:
        notes = [f"{SCRIPTS} random scripts; under each generation: the calls in which the claim is false (trips)"]
        return notes + [f"not written yet (None): {name}" for name in self.open]

    @property
    def text(self) -> str:
        """The table as lines."""
        table = self._table()
        widths = [max(len(row[at]) for row in table) for at in range(len(table[0]))]
        lines = [
            "  ".join(f"{cell:<{width}}" if at < 2 else f"{cell:>{width}}" for at, (cell, width) in enumerate(pairs))
            for pairs in ([*zip(row, widths, strict=True)] for row in table)
        ]
        return "\n".join([*self._notes[:1], *(f"  {line.rstrip()}" for line in lines), *self._notes[1:]])

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        head, *rows = self._table()
        left, right = 'style="text-align:left"', 'style="text-align:right"'
        cells = "".join(
            f'<th scope="col" {left if at < 2 else right}>{escape(cell)}</th>' for at, cell in enumerate(head)
        )
        body = "".join(
            f'<tr><th scope="row" {left}>{escape(name)}</th><td {left}>{place}</td>'
            + "".join(f"<td {right}>{escape(cell)}</td>" for cell in row)
            + "</tr>"
            for name, place, *row in rows
        )
        first, *more = map(escape, self._notes)
        html = f"<table><caption {left}>{first}</caption><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table>"
        return {"text/plain": self.text, "text/html": html + "".join(f"<p>{note}</p>" for note in more)}


def run_assertions(
    entry: Claims | None = None,
    extension: Claims | None = None,
    cut: Claims | None = None,
    after: Claims | None = None,
    generations: Iterable[str] = tuple(GENERATIONS),
) -> Report:
    """Run all scripts with claims, by name and place; a script ends with the first damage to its VMAs.

    A claim that is None is not written yet and is left out. ValueError for a name at two places and for a claim
    that raises or answers neither True nor False. O(scripts x calls), about a second; the first time two.

    >>> report = run_assertions(cut={"the break goes down": lambda at: at.new_top < at.old_top})
    >>> report.caught("the break goes down", caller="brk"), report.damaged(caller="brk"), report.false_alarms()
    (4, 33, 0)
    """
    places = _places(entry, extension, cut, after)
    report = Report(places, generations)
    for generation in report.generations:
        for number, ops in enumerate(_scripts()):
            watch, process = Watch(places), born(generation, number)
            last = _damaging(generation).get(number, len(ops))
            for step, (caller, do) in enumerate(ops[: last + 1]):
                false = watch.run(process, caller, do)
                report.add(Scene(generation, number, step, caller), false, step == last)
    return report


def tripped(
    process: Process,
    calls: Callable[[Process], Any],
    entry: Claims | None = None,
    extension: Claims | None = None,
    cut: Claims | None = None,
) -> list[str]:
    """The claims that were false while `calls` made its calls of a process.

    >>> from mmsim.experiments.build import HEAP, started
    >>> tripped(started("today"), lambda process: process.brk(HEAP + 8), entry={"small": lambda at: at.length < 8})
    ['small']
    """
    watch = Watch(_places(entry, extension, cut, None))
    return sorted(watch.run(process, "", calls))


def _places(*claims: Claims | None) -> dict[str, Claims]:
    places: dict[str, Claims] = {place: each or {} for place, each in zip(PLACES, claims, strict=True)}
    names = [name for each in places.values() for name in each]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{twice[0]!r} is the name of two claims, expected a name each")
    return places


@cache
def _scripts() -> list[list[Op]]:
    return [ops for _, ops in scripts()]


@cache
def _damaging(generation: str) -> dict[int, int]:
    """Script -> its first call that damages a VMA; those without one are missing."""
    found = {}
    for number, ops in enumerate(_scripts()):
        process = born(generation, number)
        for step, (_, do) in enumerate(ops):
            do(process)
            if any(each.id in DAMAGE for each in process.check()):
                found[number] = step
                break
    return found
