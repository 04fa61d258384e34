"""Check a saved notebook again each time it is saved: `mmsim course watch exercises/02-....ipynb`.

The learner's code runs in a process of its own, one an exercise, with a limit of time.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from . import Exercise, chapter
from .desk import learner_in
from .model import Answer, Case, not_tried, verdict
from .source import UnreadableNotebook, code_cells, literal, program


class Watcher:
    """One notebook and when it was last looked at; `once` is one pass."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: tuple[int, int] | None = None

    def changed(self) -> bool:
        """True if the file was written since the last call."""
        try:
            status = self.path.stat()
        except OSError:
            return False  # JupyterLab is just replacing it
        now = (status.st_mtime_ns, status.st_size)
        before, self._seen = self._seen, now
        return now != before

    def once(self) -> list[str]:
        """A line for each exercise if the notebook was saved since the last pass, else nothing."""
        return list(lines(self.path)) if self.changed() else []


def watch(path: Path, say: Callable[[str], None] = print, wait: float = 1.0, passes: int | None = None) -> None:
    """Look at a notebook again and again, until interrupted or for a number of passes."""
    watcher = Watcher(path)
    while passes is None or passes > 0:
        if found := watcher.once():
            say("\n".join([f"{path.name}, saved {time.strftime('%H:%M:%S')}", *found]))
        if passes is not None:
            passes -= 1
        if passes != 0:
            time.sleep(wait)


def lines(path: Path) -> Iterator[str]:
    """The result of each exercise of a notebook's chapter, one line each."""
    try:
        cells = code_cells(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, UnreadableNotebook) as error:
        yield f"  cannot be read: {error}"
        return
    learner = _learner(cells)
    for one in chapter(path.name[:2]):
        cases = one.cases(None, learner)
        found, notes = asked(one, cases, cells)
        yield f"  {one.id}  {result(one, cases, found)}{_noted(notes)}"


def asked(one: Exercise, cases: Sequence[Case], cells: Sequence[str]) -> tuple[dict[str, Answer], tuple[str, ...]]:
    """The answers of a notebook's cells to some cases by key, and notes: a value is read, a function is run."""
    if one.literal:
        there, value, notes = literal(cells, one.name)
        answer = Answer(value) if there else Answer(problem=notes[-1])
        return {case.key: answer for case in cases}, notes if there else notes[:-1]
    found = program(cells, one.name)
    if not found.source:
        return {case.key: Answer(problem=found.notes[-1]) for case in cases}, found.notes[:-1]
    return answers(one, cases, found.source), found.notes


def answers(one: Exercise, cases: Sequence[Case], source: str) -> dict[str, Answer]:
    """The answers of a source to some cases by key, from a process of its own that is ended when its time is over."""
    calls = [case.call(one.name) for case in cases]
    question = {"source": source, "name": one.name, "driver": one.driver, "library": one.library, "calls": calls}
    here = os.pathsep.join(filter(None, [str(Path(__file__).resolve().parents[3]), os.environ.get("PYTHONPATH")]))
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run(
                [sys.executable, "-m", "mmsim.course.exercises.ask"],
                input=json.dumps(question),
                capture_output=True,
                text=True,
                timeout=one.seconds,
                cwd=folder,
                env={**os.environ, "PYTHONPATH": here},
                check=False,
            )
            told = json.loads(done.stdout)
        except subprocess.TimeoutExpired:
            return {case.key: Answer(problem=f"not ready after {one.seconds:g} s") for case in cases}
        except ValueError:
            told = []
    found = [Answer.of(data) for data in told] if type(told) is list else []
    return {case.key: answer for case, answer in zip(cases, found, strict=False)}


def result(one: Exercise, cases: Sequence[Case], found: dict[str, Answer]) -> str:
    """What a terminal says of the public cases."""
    given = [found.get(case.key, Answer(problem="no answer came")) for case in cases]
    if not_tried(given):
        return "not tried yet"
    judged = [verdict(one, case, answer) for case, answer in zip(cases, given, strict=True)]
    passed = sum(word.right for word in judged)
    line = f"public checks passed: {passed} of {len(cases)}"
    failing = [(case, word) for case, word in zip(cases, judged, strict=True) if not word.right]
    if not failing:
        return f"{line}; more cases are used for marks"
    case, word = next((pair for pair in failing if pair[1].shape), failing[0])
    expected = f", expected {word.expected}, got {word.got}" if word.expected else ""
    return f"{line}; {one.said(case)}: {word.message}{expected}"


def _learner(cells: list[str]) -> str:
    """The learner's name, if one is written in the notebook."""
    return learner_in({"learner": literal(cells, "learner")[1]})


def _noted(notes: tuple[str, ...]) -> str:
    return f" ({'; '.join(notes)})" if notes else ""
