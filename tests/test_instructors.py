"""The instructor's guide says of the notebooks what is so: minutes, sums, sections, wrong answers, kernels."""

from __future__ import annotations

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
from traitlets.config.loader import PyFileConfigLoader

from mmsim.course import refresh
from mmsim.course.frontmatter import parse
from mmsim.course.lint import Book
from mmsim.course.lint.book import Section
from mmsim.course.lint.reading import anchors
from mmsim.course.questions import Bank
from mmsim.course.sandbox import RLIMITS, best

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
GUIDE = (NOTEBOOKS / "INSTRUCTORS.md").read_text(encoding="utf-8")
BANK = Bank()
BOOKS = {book.number: book for book in (Book.read(path, BANK) for path in sorted(NOTEBOOKS.glob("*.ipynb")))}
HEADS = {number: parse(book.cells[0].source) for number, book in BOOKS.items()}

_PART = re.compile(r"\[(\d\d)\]\(([\w-]+\.ipynb)\)(?:, (sections?|without sections?) (\d[\d, -]*\d|\d))?")
_WRONG = re.compile(r"(\d\d\.[pq]\d) ([A-D])(?: \((M\d+)\))?")


def chapter(title: str) -> str:
    """The text under a heading of level 2 or 3, up to the next one as high."""
    (found,) = re.findall(rf"^(##+) {re.escape(title)}\n(.*?)(?=^##|\Z)", GUIDE, re.MULTILINE | re.DOTALL)
    return found[1]


def rows(text: str) -> list[list[str]]:
    """The cells of the table's rows, without its head."""
    lines = [line.strip().strip("|") for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.split("|")] for line in lines[2:]]


def numbers(text: str) -> set[int]:
    """The numbers that `2-6, 8` names."""
    found: set[int] = set()
    for first, last in re.findall(r"(\d+)(?:-(\d+))?", text):
        found |= set(range(int(first), int(last or first) + 1))
    return found


def sections(number: str) -> dict[int, Section]:
    return {int(section.parts[1]): section for section in BOOKS[number].sections if section.parts}


def taken(number: str, which: str, named: str) -> list[int]:
    """The sections that a plan takes of a notebook."""
    have, meant = sections(number), numbers(named or "")
    assert meant <= set(have), f"{number} has no sections {sorted(meant - set(have))}"
    return [one for one in have if not which or (one in meant) is not which.startswith("without")]


def minutes(number: str, which: str, named: str) -> int:
    return sum(sections(number)[one].minutes for one in taken(number, which, named))


GLANCE = rows(chapter("The course at a glance"))
PLANS = {
    "one lab": [["", *row] for row in rows(chapter("One lab of 90 minutes"))],
    "four labs": rows(chapter("Four labs of two hours")),
}
SELECTIONS = sorted(
    {
        (number, which, named)
        for rows_of in PLANS.values()
        for row in rows_of
        for number, _, which, named in _PART.findall(row[2])
        if which
    }
    | {(row[0][1:3], "without sections", row[3]) for row in GLANCE[:-1] if row[3]}
)


# ---- the tables ------------------------------------------------------------------------------------------------------


def test_every_notebook_is_in_the_table_with_its_minutes_and_needs() -> None:
    expected = [[f"[{number}]({book.path.name})", str(HEADS[number].minutes)] for number, book in BOOKS.items()]
    assert [row[:2] for row in GLANCE[:-1]] == expected
    needs = {number: sorted(set(re.findall(r"\[(\d\d)", head.fields["Needs"]))) for number, head in HEADS.items()}
    assert {row[0][1:3]: re.findall(r"\d\d", row[2]) for row in GLANCE[:-1]} == needs


def test_the_table_is_added_up() -> None:
    *each, total = GLANCE
    assert total[0] == "**all**"
    assert total[1] == f"**{sum(int(row[1]) for row in each)}**"
    assert total[4] == f"**{sum(int(row[4]) for row in each)}**"


@pytest.mark.parametrize("row", GLANCE[:-1], ids=lambda row: row[0][1:3])
def test_what_is_cut_leaves_what_is_said(row: list[str]) -> None:
    number, cut = row[0][1:3], numbers(row[3])
    assert int(row[4]) == minutes(number, "without", row[3]) if cut else row[4] == row[1]
    asked = [BANK.question(key) for key in BANK.sheet(number).checkpoint]
    assert [question.id for question in asked if question.section in {sections(number)[n].name for n in cut}] == []


@pytest.mark.parametrize("name", PLANS)
def test_a_lab_is_added_up(name: str) -> None:
    """Each row's minutes are those of its sections, and each lab's those of its rows."""
    total = 0
    for _, given, what, *_ in PLANS[name]:
        if given.startswith("**"):
            assert given == f"**{total}**"
            total = 0
            continue
        total += int(given)
        for number, file, which, named in _PART.findall(what):
            assert file == BOOKS[number].path.name
            assert int(given) == minutes(number, which, named)
    assert total == 0


def test_the_term_has_every_notebook_once_and_is_added_up() -> None:
    *weeks, total = rows(chapter("A term of 12 to 14 weeks"))
    planned = [number for week in weeks for number, *_ in _PART.findall(week[2])]
    assert planned == list(BOOKS)
    for _, given, what, _ in weeks:
        mine = sum(HEADS[number].minutes or 0 for number, *_ in _PART.findall(what))
        assert given == (str(mine) if mine else "-")
    assert total[:2] == ["**all**", f"**{sum(head.minutes or 0 for head in HEADS.values())}**"]


@pytest.mark.slow
@pytest.mark.parametrize(("number", "which", "named"), SELECTIONS)
def test_what_a_plan_takes_runs_without_the_rest(
    number: str, which: str, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(NOTEBOOKS.parent)
    path, kept = BOOKS[number].path, taken(number, which, named)
    notebook = refresh.read(path)
    left_out = {cell.id for one, section in sections(number).items() if one not in kept for cell in section.cells}
    notebook.cells = [cell for cell in notebook.cells if cell.id not in left_out]
    refresh.execute(notebook, path)  # raises CellFailed with the cell that missed something


# ---- notebook by notebook --------------------------------------------------------------------------------------------


def test_every_notebook_has_its_section_with_title_and_minutes() -> None:
    under = GUIDE.split("\n## Notebook by notebook\n")[1]
    expected = [f"{number} {head.title} ({head.minutes} min)" for number, head in HEADS.items()]
    assert re.findall(r"^### (.+)$", under, re.MULTILINE) == expected


@pytest.mark.parametrize("number", BOOKS)
def test_a_section_has_its_four_lines(number: str) -> None:
    text = chapter(f"{number} {HEADS[number].title} ({HEADS[number].minutes} min)")
    lines = re.findall(r"^- \*\*(.+?)\*\*: (.+)$", text, re.MULTILINE)
    assert [name for name, _ in lines] == ["Goal", "Wrong answers to expect", "Ask aloud", "Cut"]
    said = dict(lines)
    assert said["Ask aloud"].count("?") >= 1
    cut = next(row[3] for row in GLANCE if row[0][1:3] == number)
    assert said["Cut"].startswith(f"{' and '.join(re.findall(r'[0-9]+', cut))}" if cut else "nothing")


@pytest.mark.parametrize("number", BOOKS)
def test_the_wrong_answers_are_distractors_with_their_misconceptions(number: str) -> None:
    text = chapter(f"{number} {HEADS[number].title} ({HEADS[number].minutes} min)")
    wrong = _WRONG.findall(text)
    assert len(wrong) >= 3
    for key, letter, misconception in wrong:
        question = BANK.question(key)
        assert key[:2] == number
        assert letter != right_letter(key)
        assert misconception == (question.choice(letter).misconception or ""), f"{key} {letter}"
    predictions = {question.id for question in BANK.sheet(number).questions if question.kind == "predict"}
    assert predictions <= {key for key, *_ in wrong}


def right_letter(key: str) -> str:
    """The answer of a quiz question, or what the stored run of the notebook gave for a prediction."""
    question = BANK.question(key)
    if question.kind == "quiz":
        return question.answer
    told = "\n".join(text for cell in BOOKS[key[:2]].code for mime, text in cell.texts() if mime == "text/plain")
    (letter,) = set(re.findall(rf"{re.escape(key)}: prediction and result.*?the run gave\W+([A-D])\b", told, re.DOTALL))
    return letter


# ---- grading ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def room(tmp_path: Path) -> Path:
    """An instructor's folder with the submissions of three learners: one has all of 02, one nothing, one no name."""
    for learner, source, name in (("ada", "solutions", "Ada"), ("bob", "exercises", "bob"), ("cy", "solutions", "")):
        hand_in(tmp_path / "submissions" / learner, source, name)
    commands = tmp_path / "bin"
    commands.mkdir()
    (commands / "mmsim").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m mmsim "$@"\n')
    (commands / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    for command in commands.iterdir():
        command.chmod(0o755)
    return tmp_path


def hand_in(folder: Path, source: str, learner: str) -> None:
    """Put the notebook of chapter 02 into a learner's folder, the learner's name in it."""
    (path,) = (NOTEBOOKS.parent / source).glob("02-*.ipynb")
    folder.mkdir(parents=True)
    text = path.read_text(encoding="utf-8").replace(r"learner = \"\"", rf"learner = \"{learner}\"")
    (folder / path.name).write_text(text, encoding="utf-8")


def shell(room: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Run lines of the guide, from the first to the last or the first that fails."""
    path = os.pathsep.join([str(room / "bin"), os.environ.get("PATH", os.defpath)])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(NOTEBOOKS.parent)}
    command = ["bash", "-e", "-c", script]
    return subprocess.run(command, cwd=room, env=environment, capture_output=True, text=True, check=False, timeout=300)


def blocks(language: str, first: str = "") -> list[str]:
    """The blocks of code in a language in the chapter on grading, those whose first line is this comment."""
    text = GUIDE.split("\n## Grading\n")[1].split("\n## ")[0]
    found = re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [block for block in found if (block.splitlines()[0][2:] if block.startswith("# ") else "") == first]


NOT_RUN = ("mmsim course build", "python -m tests.")
"""Other tests run these."""


def commands_in_the_text() -> list[str]:
    """Commands between backticks, each once."""
    found = re.findall(r"`((?:mmsim|python -m)\s[^`]+)`", GUIDE.split("\n## Grading\n")[1].split("\n## ")[0])
    commands = dict.fromkeys(" ".join(command.split()) for command in found)
    return [command for command in commands if command != "mmsim grade" and not command.startswith(NOT_RUN)]


def test_the_commands_that_grade_run_and_what_they_leave_is_as_told(room: Path) -> None:
    """The first block, then every command in the text, on the same results."""
    (script,) = blocks("bash")
    done = shell(room, script)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^(ok|--|NO) +sandbox ", done.stdout, re.MULTILINE)
    assert "1 filled in under another name or none" in done.stderr
    assert done.stderr.rstrip().endswith(": cy")
    results = room / "results"
    told = [row[0].strip("`") for row in rows(chapter("What you get").split("```")[0])]
    assert told == ["class.html", "grades.csv", "gradebook.sqlite", "results/*.json", "feedback/*.html"]
    assert {name: len(list(results.glob(name))) for name in told} == dict(zip(told, (1, 1, 1, 3, 3), strict=True))
    assert results.joinpath(".seed").stat().st_mode & 0o077 == 0
    assert "filled in without a name" in results.joinpath("class.html").read_text()
    with closing(sqlite3.connect(results / "gradebook.sqlite")) as book:
        (queries,) = blocks("sql")
        asked = [book.execute(query).fetchall() for query in queries.split(";") if query.strip()]
    assert [len(found) > 0 for found in asked] == [True, True, False]

    for command in commands_in_the_text():
        if "--dask" in command:
            continue  # below, with a cluster
        quick = " --only ada" if command.startswith("mmsim grade") and "--only" not in command else ""
        done = shell(room, command + quick)
        weak = best().name == RLIMITS and ("--require-sandbox" in command or "course.sandbox" in command)
        assert (done.returncode != 0) is weak, f"{command}: {done.stderr}"
    with closing(sqlite3.connect(results / "gradebook.sqlite")) as book:
        points = dict(book.execute("select learner, points from submission"))
    assert points["bob"] == 0 < points["ada"]


def test_the_options_told_are_those_there_are() -> None:
    told = set(re.findall(r"`mmsim grade submissions -o results (--[a-z-]+)", GUIDE))
    help_text = subprocess.run(
        [sys.executable, "-m", "mmsim", "grade", "--help"],
        cwd=NOTEBOOKS.parent,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert told == set(re.findall(r"--[a-z-]+", help_text)) - {"--help", "--out"}


@pytest.mark.slow
def test_a_cluster_grades_by_the_command_told(room: Path) -> None:
    distributed = pytest.importorskip("distributed", reason="mmsim[cluster] is not installed")
    (command,) = [command for command in commands_in_the_text() if "--dask" in command]
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        done = shell(room, command.replace("ADDRESS", cluster.scheduler_address))
    assert done.returncode == 0, done.stderr
    assert "3 graded" in done.stdout


def test_the_levels_told_are_those_of_the_sandbox() -> None:
    from mmsim.course.sandbox import LEVELS

    table = chapter("Grade").split("| level |")[1].split("\n\n")[0]
    assert [line.split("|")[1].strip() for line in table.splitlines()[2:]] == list(LEVELS)


def test_problem_lines_are_the_graders_own(room: Path) -> None:
    """Each line of the table is printed by a run over submissions that have just these problems."""
    shell(room, "mmsim grade submissions -o results")
    handed = room / "submissions"
    (handed / "cy").rename(handed / "cyrus")
    (book,) = (handed / "ada").iterdir()
    shutil.copy(book, handed / "ada" / "02-a-copy.ipynb")
    shutil.copy(book, handed / "02-loose.ipynb")
    (handed / "bob" / "03-x.ipynb").write_text("no JSON")
    (handed / "bob" / "more.zip").write_text("no archive")
    (handed / "cyrus" / "03-y.ipynb").symlink_to(book)
    done = shell(room, "mmsim grade submissions -o results --jobs 1")
    assert done.returncode == 1
    printed = done.stderr + results_page(room)
    told = [line for row in rows(chapter("What you get").split("**Problem lines.**")[1].split("\n\n**")[0])
            for line in re.findall(r"`([^`]+)`", row[0])]  # fmt: skip
    assert len(told) == 7
    for line in told:
        if not line.startswith("not graded"):  # a failure of the machine
            assert re.search(re.escape(line).replace(r"\.\.\.", ".*"), printed), f"{line}\n{printed}"


def results_page(room: Path) -> str:
    """The table of the class page as text."""
    return re.sub(r"<[^>]+>", " ", (room / "results" / "class.html").read_text().split("</head>")[1])


def hub_config(folder: Path, course: Path) -> Any:
    """The guide's lines for jupyterhub_config.py, loaded as JupyterHub does it."""
    (text,) = blocks("python", "jupyterhub_config.py")
    assert text.count('"/srv/mmsim"') == 1
    folder.joinpath("jupyterhub_config.py").write_text(text.replace("/srv/mmsim", str(course)), encoding="utf-8")
    return PyFileConfigLoader("jupyterhub_config.py", path=str(folder)).load_config()


def test_a_hub_lays_out_the_course_keeps_work_and_it_is_collected_and_graded(room: Path) -> None:
    config = hub_config(room, NOTEBOOKS.parent)
    assert set(config) == {"Spawner"}
    assert config.Spawner.environment == {"MMSIM_STATE": "~/.mmsim"}
    server = room / "bin" / "jupyterhub-singleuser"
    server.write_text('#!/bin/sh\necho "$HOME" "$@"\n')
    server.chmod(0o755)
    home = room / "home" / "ada"
    home.mkdir(parents=True)

    def start() -> str:
        environment = {"HOME": str(home), "PATH": f"{room / 'bin'}:{os.environ['PATH']}"}
        done = subprocess.run(
            [*config.Spawner.cmd, "--port=1"], env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout

    assert start() == f"{home} --port=1\n"
    _, page = config.Spawner.default_url.split("/lab/tree/")
    assert (home / page).is_file()
    mine = next((home / "course" / "exercises").glob("02-*.ipynb"))
    assert mine.stat().st_mode & 0o077 == 0
    mine.unlink()
    shutil.copy(next((NOTEBOOKS.parent / "solutions").glob("02-*.ipynb")), mine)
    solved = mine.read_text()
    start()
    assert mine.read_text() == solved

    secret = room / "03-secret.ipynb"
    secret.write_text("{}")
    (home / "course" / "exercises" / "03-link.ipynb").symlink_to(secret)
    (room / "home" / "eve").mkdir()
    (room / "home" / "eve" / "course").symlink_to(home / "course")
    shutil.rmtree(room / "submissions")
    (script,) = blocks("bash", "collect from the homes")
    done = shell(room, script.replace("/home/", f"{room}/home/"))
    assert done.returncode == 1, done.stderr  # Eve has nothing
    assert not (room / "submissions" / "ada" / "03-link.ipynb").exists()
    marks = json.loads((room / "results" / "results" / "ada.json").read_text())
    assert marks["chapters"]["02"]["points"] > 5
    assert "no notebooks" in done.stderr


# ---- kernels, links --------------------------------------------------------------------------------------------------


def test_what_needs_a_kernel_is_told_for_every_notebook() -> None:
    """By the tags of the code cells: `recorded` asks a process of our own, `live` alone reads this one's /proc."""
    tags = {number: {tag for cell in book.code for tag in cell.tags} for number, book in BOOKS.items()}
    kinds = [
        [number for number, used in tags.items() if not used & {"live", "recorded"}],
        [number for number, used in tags.items() if "live" in used and "recorded" not in used],
        [number for number, used in tags.items() if "recorded" in used],
    ]
    told = [re.findall(r"\d\d", row[1]) for row in rows(chapter("What needs a kernel that can be asked"))]
    assert told == kinds


def test_every_link_leads_somewhere() -> None:
    own = anchors([GUIDE])
    found = re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)", GUIDE)
    assert [path for path, _ in found if path and not (NOTEBOOKS / path).exists()] == []
    assert [mark for path, mark in found if not path and mark not in own] == []
