"""The exercises of the course, one set a chapter, found by id.

To write a set: a module `cNN.py` with a class for each exercise and a tuple SET; a notebook
`solutions/NN-name.ipynb` with a text, a solution and a check cell for each; `mmsim course build`; the
tests in tests/test_exercises.py then cover it. Which base class for which kind:

- predict: `Predict`; order the steps: `Order`; perform: `Perform`; find the wrong claim, counter-example (a list
  of ops as plain data), review: `Value`. Values are read from the notebook; nothing of the learner's runs for marks.
- implement: `Function`; assertions: `Assertions` in assertions.py, called on sound and on damaged data, with True
  or False as answer and a group for each defect.
- repair: `Repair` in repair.py, with a driver of drivers/ that puts the learner's function in place of a
  generation's, plays a script with or without a failure, and returns what it saw as plain data.

>>> exercise("02.e3").name
'slot_of'
>>> [one.id for one in chapter("03")]
['03.e1', '03.e2', '03.e3', '03.e4']
"""

from functools import lru_cache
from importlib import import_module
from pathlib import Path

from ..errors import UnknownExercise
from .model import Answer, Case, Exercise, Mark, Verdict, grade

__all__ = ["Answer", "Case", "Exercise", "Mark", "Verdict", "chapter", "chapters", "exercise", "grade"]


@lru_cache(maxsize=1)
def chapters() -> tuple[str, ...]:
    """The chapters that have a set, in order: a set is a module `cNN.py` with a tuple SET."""
    return tuple(sorted(path.stem[1:] for path in Path(__file__).parent.glob("c[0-9][0-9].py")))


def chapter(number: str) -> tuple[Exercise, ...]:
    """The exercises of a chapter, in the order of its notebook; UnknownExercise names the chapters."""
    if number not in chapters():
        raise UnknownExercise(f"no exercises for chapter {number!r}; expected one of: {', '.join(chapters())}")
    return import_module(f"{__name__}.c{number}").SET


def exercise(key: str) -> Exercise:
    """The exercise of an id; UnknownExercise names the ids its chapter has."""
    if not isinstance(key, str) or len(key) < 4:
        raise UnknownExercise(f"{key!r} is no exercise, expected an id like '02.e1'")
    for one in chapter(key[:2]):
        if one.id == key:
            return one
    known = ", ".join(one.id for one in chapter(key[:2]))
    raise UnknownExercise(f"no exercise {key!r}; chapter {key[:2]} has: {known}")
