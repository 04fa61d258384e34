"""The course machinery that the notebooks call: questions, predictions, checkpoints, exercises, progress.

>>> from mmsim.course import ask
>>> print(ask("00.q2"))  # doctest: +ELLIPSIS
Question 00.q2
In the picture of a leaf ...
"""

import sys
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from .card import Card
from .errors import CourseError
from .lesson import OPEN, Lesson
from .questions import Bank
from .state import State, state_folder

if TYPE_CHECKING:
    from .exercises.desk import CheckCard, Desk

__all__ = [
    "Card",
    "CourseError",
    "answer",
    "ask",
    "check",
    "checkpoint",
    "compare",
    "hint",
    "predict",
    "progress",
    "task",
    "warmup",
]


@lru_cache(maxsize=4)
def _lesson_in(folder: Path) -> Lesson:
    return Lesson(Bank(), State(folder))


def _lesson() -> Lesson:
    """The lesson of the current state folder, which may change while a kernel lives."""
    return _lesson_in(state_folder())


@lru_cache(maxsize=4)
def _desk_in(folder: Path) -> "Desk":
    from .exercises.desk import Desk  # late: the sets of exercises need the library, questions do not

    return Desk(State(folder))


def ask(key: str) -> Card:
    """Show a question with its choices; UnknownQuestion if there is none."""
    return _lesson().ask(key)


def warmup(*keys: str) -> Card:
    """Show quiz questions of earlier notebooks."""
    return _lesson().warmup(*keys)


def predict(key: str, choice: str = OPEN, sure: int = 1) -> Card:
    """Note a prediction, `choice` a letter and `sure` 1 to 3; "?" says how to."""
    return _lesson().predict(key, choice, sure)


def compare(key: str, value: object) -> Card:
    """Show the prediction beside the value that the run computed."""
    return _lesson().compare(key, value)


def answer(key: str, choice: str = OPEN) -> Card:
    """Answer a quiz question; the feedback belongs to the chosen letter. "?" says how to."""
    return _lesson().answer(key, choice)


def checkpoint(number: str, *letters: str) -> Card:
    """The three closing questions of a notebook: `checkpoint("02", "?", "?", "?")`."""
    return _lesson().checkpoint(number, *letters)


def progress() -> Card:
    """The course map with what is done and what is next, notebooks and exercises."""
    away = Path.cwd().name in ("exercises", "solutions")
    card = _lesson().progress("../notebooks/" if away else "")
    return Card(card.label, (*card.blocks, *_desk_in(state_folder()).map()))


def task(key: str) -> Card:
    """What an exercise is about; with the learner's own instance, if it has one."""
    return _desk_in(state_folder()).task(key, sys._getframe(1).f_globals)


def check(key: str) -> "CheckCard":
    """Try the public cases of an exercise on what the notebook defines: `check("02.e3")`."""
    return _desk_in(state_folder()).check(key, sys._getframe(1).f_globals)


def hint(key: str) -> Card:
    """The next of an exercise's three hints; the state remembers how many were shown."""
    return _desk_in(state_folder()).hint(key)
