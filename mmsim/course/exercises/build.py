"""From `solutions/NN-name.ipynb` to `exercises/NN-name.ipynb`: the same notebook with its gaps open.

The markers and the metadata are nbgrader's own, and so is what becomes of a gap: each one is
replaced by STUB at its indentation. Outputs are left out. Exit codes are the command's business.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import CourseError
from . import chapter, chapters
from .model import Exercise
from .source import program

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
STUB = "# YOUR CODE HERE"
SCHEMA = 3
_HEADING = re.compile(r"## +\d+ +(.+?) \((\d+) min, (\d+) points?\)")
_MINUTES = re.compile(r"^- \*\*Minutes\*\*: (\d+)$", re.MULTILINE)

Notebook = dict[str, Any]


class SolutionFileError(CourseError):
    """A solution notebook that breaks the rules; the message has the first fault."""


def read(path: Path) -> Notebook:
    """A notebook from its file, sources as one text each."""
    try:
        book = json.loads(path.read_text(encoding="utf-8"))
        for cell in book["cells"]:
            cell["source"] = "".join(cell["source"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SolutionFileError(f"{path}: cannot be read as a notebook: {type(error).__name__}") from None
    return book


def opened(source: str) -> str:
    """The source with each gap replaced by the stub line.

    >>> lines = ["def f(x):", "    ### BEGIN SOLUTION", "    return x", "    ### END SOLUTION"]
    >>> opened(chr(10).join(lines)).splitlines()
    ['def f(x):', '    # YOUR CODE HERE']
    """
    lines: list[str] = []
    inside = False
    for line in source.split("\n"):
        if BEGIN in line:
            if inside:
                raise SolutionFileError(f"{BEGIN} twice without {END}")
            inside = True
            lines.append(line[: len(line) - len(line.lstrip())] + STUB)
        elif END in line:
            if not inside:
                raise SolutionFileError(f"{END} without {BEGIN}")
            inside = False
        elif not inside:
            lines.append(line)
    if inside:
        raise SolutionFileError(f"{BEGIN} without {END}")
    return "\n".join(lines)


def stub(book: Notebook) -> Notebook:
    """The learner's notebook of a solution: gaps open, nothing run, all else as it is."""
    cells = [{**cell, "source": opened(cell["source"])} for cell in book["cells"]]
    return {**book, "cells": [_unrun(cell) for cell in cells]}


def text_of(book: Notebook) -> str:
    """The text of the file in the normal form of all notebooks here."""
    cells = [{**cell, "source": cell["source"].splitlines(keepends=True)} for cell in book["cells"]]
    return json.dumps({**book, "cells": cells}, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def build(root: Path, check: bool = False) -> list[str]:
    """Write the stub of each solution below `root`, or only say which differ; a line for each file that did.

    Raises SolutionFileError with the first fault of a solution; then nothing is written.
    """
    sources = sorted((root / "solutions").glob("[0-9][0-9]-*.ipynb"))
    if not sources:
        raise SolutionFileError(f"{root / 'solutions'}: no notebooks, expected NN-name.ipynb")
    texts = {}
    for path in sources:
        book = read(path)
        if problems := list(faults(path, book)):
            raise SolutionFileError(f"solutions/{path.name}: {problems[0]}")
        texts[root / "exercises" / path.name] = text_of(stub(book))
    said = [line for path, text in texts.items() for line in _put(path, text, check)]
    strays = [path.name for path in sorted((root / "exercises").glob("*.ipynb")) if path not in texts]
    return said + [f"exercises/{name}: has no solution it could come from" for name in strays]


def faults(path: Path, book: Notebook) -> Iterator[str]:
    """What breaks the rules in a solution notebook, one line each."""
    number = path.name[:2]
    if number not in chapters():
        yield f"no set of exercises for chapter {number}, expected mmsim/course/exercises/c{number}.py"
        return
    wanted = chapter(number)
    cells = book["cells"]
    ids = [cell.get("id") for cell in cells]
    if len(set(ids)) != len(ids) or None in ids:
        yield "cell ids: expected one for each cell, no two the same"
    yield from _text_faults(cells, wanted)
    grades = [cell["metadata"]["nbgrader"] for cell in cells if "nbgrader" in cell["metadata"]]
    grade_ids = [grade.get("grade_id") for grade in grades]
    if len(set(grade_ids)) != len(grade_ids):
        yield "grade_id: two are the same"
    known = [grade_id(one) for one in wanted] + [f"{grade_id(one)}-check" for one in wanted]
    yield from (f"grade_id {found!r}, expected one of an exercise" for found in grade_ids if found not in known)
    for one in wanted:
        yield from (f"{one.id}: {fault}" for fault in _exercise_faults(cells, one))
    for cell in cells:
        if BEGIN in cell["source"] and not cell["metadata"].get("nbgrader", {}).get("solution"):
            yield f"cell {cell.get('id')}: a gap in a cell that is no solution cell"


def grade_id(one: Exercise) -> str:
    """Nbgrader's id of the solution cell: letters, digits, dashes.

    >>> from . import exercise
    >>> grade_id(exercise("02.e3"))
    '02-e3'
    """
    return one.id.replace(".", "-")


def solution_metadata(one: Exercise) -> dict[str, Any]:
    """Nbgrader's metadata of the cell that holds the learner's code."""
    return {
        "grade": False,
        "grade_id": grade_id(one),
        "locked": False,
        "schema_version": SCHEMA,
        "solution": True,
        "task": False,
    }


def check_metadata(one: Exercise) -> dict[str, Any]:
    """Nbgrader's metadata of the cell below, which calls `check` and carries the points."""
    return {
        "grade": True,
        "grade_id": f"{grade_id(one)}-check",
        "locked": True,
        "points": one.points,
        "schema_version": SCHEMA,
        "solution": False,
        "task": False,
    }


def _exercise_faults(cells: list[dict[str, Any]], one: Exercise) -> Iterator[str]:
    found = {cell["metadata"]["nbgrader"].get("grade_id"): cell for cell in cells if "nbgrader" in cell["metadata"]}
    mine, below = found.get(grade_id(one)), found.get(f"{grade_id(one)}-check")
    if mine is None or below is None:
        yield "expected a solution cell and a check cell with its grade_id"
        return
    if mine["metadata"]["nbgrader"] != solution_metadata(one):
        yield f"metadata of the solution cell, expected {solution_metadata(one)}"
    if below["metadata"]["nbgrader"] != check_metadata(one):
        yield f"metadata of the check cell, expected {check_metadata(one)}"
    if BEGIN not in mine["source"] or not program([opened(mine["source"])], one.name).source:
        yield f"the solution cell needs a gap, and a definition of `{one.name}` outside of it"
    if below["source"] != f'check("{one.id}")':
        yield f'the check cell, expected check("{one.id}") and nothing else'


def _text_faults(cells: list[dict[str, Any]], wanted: tuple[Exercise, ...]) -> Iterator[str]:
    texts = [cell["source"] for cell in cells if cell["cell_type"] == "markdown"]
    headings = [text.splitlines()[0] for text in texts if text.startswith("## ")]
    found = [match.groups() for match in map(_HEADING.fullmatch, headings) if match]
    expected = [(one.title, str(one.minutes), str(one.points)) for one in wanted]
    if found != expected or len(found) != len(headings):
        yield f"headings say {found}, expected {expected} from '## 1 Title (5 min, 2 points)'"
    stated = _MINUTES.search(texts[0] if texts else "")
    total = sum(one.minutes for one in wanted)
    if not stated or int(stated[1]) != total:
        yield f"minutes in the head, expected '- **Minutes**: {total}', the sum of the exercises"


def _unrun(cell: dict[str, Any]) -> dict[str, Any]:
    return {**cell, "outputs": [], "execution_count": None} if cell["cell_type"] == "code" else cell


def _put(path: Path, text: str, check: bool) -> list[str]:
    old = path.read_text(encoding="utf-8") if path.exists() else None
    if old == text:
        return []
    if not check:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    return [f"exercises/{path.name}: {'is not what its solution gives' if check else 'built'}"]
