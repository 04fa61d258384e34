"""The instructor's guide says of the notebooks what is so: minutes, sums, sections, wrong answers, kernels."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mmsim.course import refresh
from mmsim.course.frontmatter import parse
from mmsim.course.lint import Book
from mmsim.course.lint.book import Section
from mmsim.course.lint.reading import anchors
from mmsim.course.questions import Bank

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
