"""nbgrader takes the folders as they are: it makes the exercises from the solutions, collects, grades.

It is no part of the test set, as it brings a whole Jupyter server; `.ci/nbgrader` gives it an environment of its own.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mmsim.course.exercises import chapter, chapters
from mmsim.course.exercises.build import grade_id, read, text_of

if importlib.util.find_spec("nbgrader") is None:
    pytest.skip("nbgrader is not installed; .ci/nbgrader runs these tests", allow_module_level=True)

ROOT = Path(__file__).resolve().parent.parent
GUIDE = (ROOT / "notebooks" / "INSTRUCTORS.md").read_text(encoding="utf-8")
FILES = {path.name[:2]: path.name for path in sorted((ROOT / "solutions").glob("[0-9][0-9]-*.ipynb"))}
GRADED = list(FILES)[:2]
"""Chapters that are handed in: autograding takes some seconds a notebook."""

# Each command of nbgrader starts for 4 s, so one process runs them all.
COMMANDS = """
import json, sys
from jupyter_core.application import NoStart
from nbgrader.apps import NbGraderApp
for words in json.loads(sys.argv[1]):
    app = NbGraderApp.instance()
    app.initialize(words)
    try:
        app.start()
    except NoStart:  # a subcommand has run
        pass
    type(app.subapp).clear_instance()
    NbGraderApp.clear_instance()
"""


def nbgrader(course: Path, *commands: str) -> None:
    """Run nbgrader's commands in a course folder."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "JUPYTER_CONFIG_DIR": str(course / "no-config")}
    environment |= {"PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])}
    words = json.dumps([command.split() for command in commands])
    done = subprocess.run(
        [sys.executable, "-c", COMMANDS, words],
        cwd=course,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def config() -> str:
    """The configuration that the guide gives."""
    (found,) = GUIDE.split("```python\n# nbgrader_config.py\n")[1:]
    return found.split("```")[0]


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course folder with the solutions as sources, and what nbgrader releases from them."""
    folder = tmp_path_factory.mktemp("course")
    exchange = folder / "exchange"
    exchange.mkdir()
    exchange.chmod(0o777)
    paths = f'c.Exchange.root = "{exchange}"\nc.Exchange.cache = "{folder / "cache"}"\n'
    (folder / "nbgrader_config.py").write_text(config() + paths, encoding="utf-8")
    shutil.copytree(ROOT / "solutions", folder / "source" / "all")
    (folder / "source" / "maple").mkdir()
    for number in GRADED:
        shutil.copy(ROOT / "solutions" / FILES[number], folder / "source" / "maple")
    nbgrader(folder, "generate_assignment all --no-db", "generate_assignment maple", "release_assignment maple")
    return folder


def own(cell: dict[str, Any]) -> dict[str, Any]:
    """A cell without what nbgrader adds to release it: locks against edits, and checksums to find them."""
    metadata = {name: value for name, value in cell["metadata"].items() if name not in ("deletable", "editable")}
    if "nbgrader" in metadata:
        added = ("checksum", "cell_type")
        metadata["nbgrader"] = {name: value for name, value in metadata["nbgrader"].items() if name not in added}
    return {**cell, "metadata": metadata}


@pytest.mark.parametrize("number", FILES)
def test_nbgrader_releases_the_exercises(course: Path, number: str) -> None:
    ours, theirs = read(ROOT / "exercises" / FILES[number]), read(course / "release" / "all" / FILES[number])
    assert [cell["source"] for cell in theirs["cells"]] == [cell["source"] for cell in ours["cells"]]
    assert {**theirs, "cells": [own(cell) for cell in theirs["cells"]]} == ours


def half(number: str) -> str:
    """A notebook in which every other exercise is done."""
    solved, stub = read(ROOT / "solutions" / FILES[number]), read(ROOT / "exercises" / FILES[number])
    done = {grade_id(one) for one in chapter(number)[::2]}
    cells = [
        mine if mine["metadata"].get("nbgrader", {}).get("grade_id") in done else open_
        for mine, open_ in zip(solved["cells"], stub["cells"], strict=True)
    ]
    return text_of({**solved, "cells": cells})


def only_what_is_checked(number: str) -> str:
    """Solutions, but the last key of the first prediction is wrong, which no public case looks at."""
    return (
        (ROOT / "solutions" / FILES[number]).read_text().replace('\\"entry_after\\": \\"', '\\"entry_after\\": \\"not ')
    )


def test_what_is_collected_is_graded_alike(course: Path, tmp_path: Path) -> None:
    """Full, nothing and half by both graders, from the same files; what no check looks at counts for `mmsim grade`."""
    first, second = GRADED
    handed_in = {
        "full": {number: (ROOT / "solutions" / FILES[number]).read_text() for number in GRADED},
        "none": {first: (course / "release" / "maple" / FILES[first]).read_text()},
        "half": {second: half(second)},
        "sly": {"02": only_what_is_checked("02")},
    }
    for learner, books in handed_in.items():
        home = tmp_path / learner / "maple"
        home.mkdir(parents=True)
        for number, text in books.items():
            (home / FILES[number]).write_text(text, encoding="utf-8")
    submits = [f"submit maple --student={name} --Exchange.assignment_dir={tmp_path / name}" for name in handed_in]
    nbgrader(course, *submits, "collect maple", "autograde maple")
    theirs = points_by_nbgrader(course / "gradebook.db")
    ours = points_by_mmsim(course, tmp_path / "results")

    assert set(theirs) == set(ours) == set(handed_in)
    right = {
        "full": [one for number in GRADED for one in chapter(number)],
        "none": [],
        "half": chapter(second)[::2],
    }
    for learner, solved in right.items():
        asked = [one for number in handed_in[learner] for one in chapter(number)]
        expected = {one.id: float(one.points) if one in solved else 0.0 for one in asked}
        assert ours[learner] == expected
        assert {key: points for key, points in theirs[learner].items() if key in expected} == expected
        assert sum(theirs[learner].values()) == sum(expected.values())
    assert theirs["sly"]["02.e1"] == 2.0
    assert ours["sly"]["02.e1"] == 1.5


def points_by_nbgrader(gradebook: Path) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    query = """
        select submitted_assignment.student_id, base_cell.name, coalesce(manual_score, auto_score) from grade
        join base_cell on base_cell.id = grade.cell_id
        join submitted_notebook on submitted_notebook.id = grade.notebook_id
        join submitted_assignment on submitted_assignment.id = submitted_notebook.assignment_id
    """
    with closing(sqlite3.connect(gradebook)) as book:
        for learner, cell, points in book.execute(query):
            found.setdefault(learner, {})[cell.removesuffix("-check").replace("-", ".")] = points
    return found


def points_by_mmsim(course: Path, results: Path) -> dict[str, dict[str, float]]:
    """`mmsim grade COURSE`: it finds nbgrader's folder `submitted`. The notebooks have no name in them."""
    command = [sys.executable, "-m", "mmsim", "grade", str(course), "-o", str(results), "--any-name"]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, float]] = {}
    with closing(sqlite3.connect(results / "gradebook.sqlite")) as book:
        for learner, exercise, points in book.execute("select learner, exercise, points from mark"):
            found.setdefault(learner, {})[exercise] = points
    return found


def test_every_chapter_is_here_and_the_guide_tells_the_commands() -> None:
    assert list(FILES) == list(chapters())
    (told,) = re.findall(r"^```bash\n# nbgrader\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    commands = ["generate_assignment", "release_assignment", "collect", "autograde"]
    assert told.splitlines() == [*(f"nbgrader {command} maple" for command in commands), "mmsim grade . -o results"]
