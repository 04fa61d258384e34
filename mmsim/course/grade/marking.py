"""One submission becomes one result: plain data with points, message and detail for each exercise.

Values are read from the notebook, functions are run in a sandbox that knows no answers, and every answer is judged
here. Whatever goes wrong is zero for that exercise, with the reason; the others are not affected.
"""

import hashlib
import json
import random
import re
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib import import_module
from inspect import getsource
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import mmsim

from ..exercises import Answer, Case, Exercise, Mark, chapter, chapters, grade
from ..exercises.desk import learner_in
from ..exercises.model import PUBLIC, folded, not_tried, verdict
from ..exercises.source import UnreadableNotebook, code_cells, literal, program
from ..sandbox import Answer as Claim
from ..sandbox import Call, Limits, Report, Request, best, run
from ..sandbox.inside.plain import clean
from .handed import Notebook, Submission

__all__ = ["FORMAT", "Result", "Settings", "failed", "graded", "key_of"]

Result = dict[str, Any]
"""What is written of a submission, see `graded`."""
FORMAT = 1


@dataclass(frozen=True)
class Settings:
    """How a class is graded, the same for all in it.

    `seed` decides the hidden cases and is nobody's business. `level` is the protection (None: the best there is).
    `any_name`: the learner's name in a notebook decides the instance, whoever handed it in. `seconds` is the time that
    a submission's own code may take in all; an exercise has its own limit besides.
    """

    seed: str
    level: str | None = None
    any_name: bool = False
    seconds: float = 300.0


def key_of(submission: Submission, settings: Settings) -> str:
    """What a result depends on, as one word: the same key means the same result."""
    parts = [FORMAT, _code(), asdict(settings), settings.level or best().name, asdict(submission)]
    return hashlib.sha256(json.dumps(parts).encode("utf-8", "surrogatepass")).hexdigest()


def graded(submission: Submission, settings: Settings) -> Result:
    """The result of one submission; never raises for anything in it.

    {"learner", "points", "full", "problems": [...], "sandbox": level, "seconds", "key", "format",
     "chapters": {number: {"file", "points", "full", "notes": [...],
                           "exercises": {id: {"points", "full", "message", "detail": [...], "notes": [...], ...}}}}}
    """
    began = time.monotonic()
    level = settings.level or best().name
    clock = _Clock(settings.seconds)
    problems = list(submission.problems)
    found: dict[str, Result] = {}
    for number, notebook, cells in _by_chapter(submission.notebooks, problems):
        try:
            found[number] = _chapter(number, notebook, cells, submission.learner, settings, level, clock)
        except Exception as error:  # a fault of ours, which must not cost the other chapters
            problems.append(f"{notebook.file}: could not be marked ({type(error).__name__}); ask your instructor")
    return {
        "format": FORMAT,
        "learner": submission.learner,
        **_sum(found.values()),
        "problems": [clean(line) for line in problems],
        "sandbox": level,
        "seconds": round(time.monotonic() - began, 2),
        "key": key_of(submission, settings),
        "chapters": found,
    }


def failed(submission: Submission, why: str) -> Result:
    """The result of a submission that could not be graded at all; a resumed run tries it again."""
    return {
        "format": FORMAT,
        "learner": submission.learner,
        "points": 0.0,
        "full": 0,
        "problems": [*map(clean, submission.problems), clean(why)],
        "sandbox": "",
        "seconds": 0.0,
        "key": "",
        "chapters": {},
    }


class _Clock:
    """What is left of the time that a submission's code may take, and of the time to judge its answers."""

    def __init__(self, seconds: float) -> None:
        self.seconds = self.left = seconds
        self.judging = _JUDGING

    @contextmanager
    def judge(self) -> Iterator[None]:
        """Raise _Late where the block takes too long, or all of them together."""
        began = time.monotonic()
        try:
            with _at_most(max(0.001, min(_ONE_JUDGE, self.judging))):
                yield
        finally:
            self.judging -= time.monotonic() - began


_ONE_JUDGE, _JUDGING = 20.0, 120.0
"""Seconds for the judge of one exercise, and for all of a submission: an answer may be made to be slow to judge."""


def _sum(parts: Any) -> Result:
    parts = list(parts)
    return {
        "points": round(sum(part["points"] for part in parts), 2),
        "full": sum(part["full"] for part in parts),
    }


def _by_chapter(notebooks: Sequence[Notebook], problems: list[str]) -> Iterator[tuple[str, Notebook, list[str]]]:
    """The notebook that counts for each chapter, and its cells. What is left out is said in `problems`."""
    chosen: dict[str, tuple[Notebook, list[str]]] = {}
    for notebook in notebooks:
        try:
            cells = code_cells(notebook.text)
        except UnreadableNotebook as error:
            problems.append(f"{notebook.file}: {error}")
            continue
        number = chapter_of(notebook.file, cells)
        if not number:
            problems.append(f"{notebook.file}: of no chapter with exercises, expected a name like 02-....ipynb")
            continue
        if number in chosen:
            old = chosen[number][0]
            kept, left = (notebook, old) if _preferred(notebook.file, old.file) else (old, notebook)
            problems.append(f"{left.file}: another notebook of chapter {number}; {kept.file} counts")
            if kept is old:
                continue
        chosen[number] = notebook, cells
    yield from ((number, *chosen[number]) for number in sorted(chosen))


_NAMED = re.compile(r"(?<!\d)(\d\d)-[a-z0-9-]+\.ipynb$")


def _preferred(new: str, old: str) -> bool:
    """Is a file to be taken instead of one that came before it? One that has its proper name beats a copy."""
    proper = [bool(_NAMED.fullmatch(file.rpartition("/")[2])) for file in (new, old)]
    return proper[0] >= proper[1]


def chapter_of(file: str, cells: Sequence[str]) -> str:
    """The chapter a notebook belongs to: by its file's name, else by the checks in it; "" if there is no telling.

    >>> chapter_of("ada/Copy of 02-reading.ipynb", []), chapter_of("x.ipynb", ['check("03.e1")'])
    ('02', '03')
    """
    match = re.search(r"(?<!\d)(\d\d)[-_ ]", file.rpartition("/")[2])
    if match and match[1] in chapters():
        return match[1]
    asked = re.findall(r"""check\(["'](\d\d)\.e\d+["']\)""", "\n".join(cells))
    known = [number for number in asked if number in chapters()]
    return max(sorted(set(known)), key=known.count, default="")


def _chapter(
    number: str, notebook: Notebook, cells: list[str], learner: str, settings: Settings, level: str, clock: _Clock
) -> Result:
    notes: list[str] = []
    name = _instance(cells, learner, settings.any_name, notes)
    marked = {one.id: _exercise(one, cells, name, settings.seed, level, clock) for one in chapter(number)}
    if all(mark["message"].startswith("not tried yet") for mark in marked.values()):
        notes = []  # nobody has filled this in, under whichever name
    return {"file": notebook.file, **_sum(marked.values()), "notes": notes, "exercises": marked}


def _instance(cells: Sequence[str], learner: str, any_name: bool, notes: list[str]) -> str:
    """The name whose instance is asked: the submission's, unless any will do; a notebook for another one is noted."""
    own = learner_in({"learner": literal(cells, "learner")[1]})
    if any_name:
        return own
    if _alike(own, learner):
        return learner
    said = f"for {own!r}" if own else "without a name"
    notes.append(
        clean(f"the notebook was filled in {said}: exercises made for each learner are judged for {learner!r}")
    )
    return learner


def _alike(one: str, two: str) -> bool:
    """The same name, written in different ways; one without letters and digits has but one way."""
    return folded(one) == folded(two) if folded(one) else one == two


def _exercise(one: Exercise, cells: list[str], learner: str, seed: str, level: str, clock: _Clock) -> Result:
    """The mark of one exercise as plain data; a fault of ours is zero, too, and says whose fault it is."""
    head = {"title": one.title, "kind": one.kind}
    try:
        with _TURN:
            cases = one.cases(seed, learner)
        found, notes = _answers(one, cases, cells, seed, learner, level, clock)
        with _TURN, clock.judge():
            mark = grade(one, cases, found)
            first = _first(one, cases, found)
    except (Exception, _Late) as error:
        mark = Mark.of(one.points, 0, f"could not be judged ({type(error).__name__}: {error}); ask your instructor")
        notes, first = (), {}
    return {
        **head,
        "points": mark.points,
        "full": mark.full,
        "message": clean(mark.message),
        "detail": [clean(line) for line in mark.detail],
        "notes": [clean(note) for note in notes],
        **({"first": first} if first else {}),
    }


def _answers(
    one: Exercise, cases: Sequence[Case], cells: Sequence[str], seed: str, learner: str, level: str, clock: _Clock
) -> tuple[dict[str, Answer], tuple[str, ...]]:
    """The answers to the cases by key, and notes on what was odd in the notebook."""
    if one.literal:
        there, value, notes = literal(cells, one.name)
        answer = Answer.of({"value": value}) if there else Answer(problem=notes[-1])
        return {case.key: answer for case in cases}, notes if there else notes[:-1]
    code = program(cells, one.name)
    if not code.source:
        return {case.key: Answer(problem=code.notes[-1]) for case in cases}, code.notes[:-1]
    if clock.left <= 0:
        late = f"not run: the code of this submission took more than {clock.seconds:g} s in all"
        return {case.key: Answer(problem=late) for case in cases}, code.notes
    asked = _in_secret_order(cases, f"{seed}/{one.id}/{learner}")
    report = _run(one, asked, code.source, level, clock)
    claims = zip(asked, report.answers, strict=True)
    if report.cells and all(claim.kind == "missing" for claim in report.answers):
        failed = Answer(problem=clean(f"the code before or around `{one.name}` fails: {report.cells[0].message}"))
        return {case.key: failed for case in cases}, code.notes
    return {case.key: _answer(claim, code.source) for case, claim in claims}, code.notes


def _in_secret_order(cases: Sequence[Case], seed: str) -> list[Case]:
    """The cases in an order that nobody can know, the public ones first.

    Calls can be counted (by a file, or the number of the process), and where sound and damaged things take turns a
    function that counts would need no more. Public ones first, as their answers are shown: they are given before any
    hidden case was seen.
    """
    chance = random.Random(f"mmsim/order/{seed}")
    shuffled = chance.sample(cases, len(cases))
    return sorted(shuffled, key=lambda case: case.category != PUBLIC)


def _run(one: Exercise, cases: Sequence[Case], source: str, level: str, clock: _Clock) -> Report:
    limits = Limits(
        memory=_MEMORY,
        processes=_PROCESSES,
        call_seconds=min(5.0, one.seconds),
        cell_seconds=min(5.0, one.seconds),
        total_seconds=min(one.seconds, clock.left),
    )
    calls = [Call(_ASKED if one.driver else one.name, case.args or ()) for case in cases]
    report = run(Request([source, *_adapter(one)], calls, one.library), limits, level)
    clock.left -= report.seconds
    return report


_TURN = threading.Lock()
"""Judges try repaired generations under a name that all share: threads of a cluster's worker take turns."""
_MEMORY, _PROCESSES = 768 << 20, 4
"""Of a learner's code. No exercise needs processes of its own; all of them together must leave a laptop alive."""
_ASKED = "__asked__"


def _adapter(one: Exercise) -> list[str]:
    """A cell that lets a driver work with the learner's object; the driver keeps its names to itself.

    What it imports, it imports here, once: each call runs in a copy of the process, and would import all of it anew.
    """
    if not one.driver:
        return []
    module, _, function = one.driver.partition(":")
    text = getsource(_module(module))
    return [
        f"def {_ASKED}(*args, __names={{'__name__': 'driver'}}):\n"
        f"    return __names[{function!r}]({one.name}, *args)\n"
        f"exec(compile({text!r}, 'driver', 'exec'), {_ASKED}.__kwdefaults__['__names'])"
    ]


@lru_cache(maxsize=32)
def _module(name: str) -> ModuleType:
    return import_module(name)


def _answer(claim: Claim, source: str) -> Answer:
    """What the sandbox brought, as the judge takes it: a value of exact types, or a problem in words."""
    if claim.ok:
        return Answer.of({"value": claim.value})
    lines = source.splitlines()
    known = claim.cell == 1 and claim.line is not None and claim.line <= len(lines)
    place = f" (in the line `{lines[claim.line - 1].strip()[:120]}`)" if known and claim.line else ""
    word = "" if claim.kind in ("raised", "missing") else f"{claim.kind}: "
    return Answer(problem=clean(f"{word}{claim.message}{place}"))


def _first(one: Exercise, cases: Sequence[Case], found: dict[str, Answer]) -> Result:
    """The first public case that is wrong, as `check` shows it; {} if there is none, or nothing was tried."""
    given = [(case, found.get(case.key, Answer(problem="no answer came"))) for case in cases if case.category == PUBLIC]
    if not_tried(answer for _, answer in given):
        return {}
    judged = [(case, verdict(one, case, answer)) for case, answer in given]
    failing = [(case, word) for case, word in judged if not word.right]
    if not failing:
        return {}
    case, word = next((pair for pair in failing if pair[1].shape), failing[0])
    told = {"input": one.said(case), "message": word.message, "expected": word.expected, "got": word.got}
    lines = [clean_line(line) for line in word.difference.splitlines()[:60]]
    return {**{name: clean(text, 600) for name, text in told.items() if text}, "difference": lines}


def clean_line(line: str) -> str:
    """A line of a text that is lined up in columns: as `clean`, but its spaces stay."""
    return "".join(sign if sign.isprintable() else "?" for sign in line[:300])


class _Late(BaseException):
    """A judge took too long: no `except Exception` of its own may stop this."""

    def __str__(self) -> str:
        return "the answer took too long to judge"


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Raise _Late when the block takes longer; without signals (other systems, other threads) it may take its time."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def late(_number: int, _frame: FrameType | None) -> None:
        raise _Late

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@lru_cache(maxsize=1)
def _code() -> str:
    """All of mmsim's code as one word: what another version marked is marked again."""
    digest = hashlib.sha256()
    package = Path(mmsim.__file__).parent
    for path in sorted(package.rglob("*")):
        if path.suffix in (".py", ".toml") and path.is_file():
            digest.update(f"{path.relative_to(package)}\0".encode() + path.read_bytes())
    return digest.hexdigest()
