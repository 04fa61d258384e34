"""The glossary is complete and in order, and every link to it leads somewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mmsim.course.lint.reading import anchors
from mmsim.mm import transition  # noqa: F401 - registers the invariants that compare two moments
from mmsim.mm.check import INVARIANTS

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
GLOSSARY = (NOTEBOOKS / "glossary.md").read_text(encoding="utf-8")
TERMS, RULES = GLOSSARY.split("\n## Invariants\n")
ENTRIES = dict(re.findall(r"^### (.+)\n\n(.+(?:\n\n.+)*?)\n(?=\n##|\Z)", TERMS, re.MULTILINE))
FILES = sorted(NOTEBOOKS.glob("*.ipynb"))
MOST_LINKS = 12

_LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)")
_FIRST = re.compile(r"First in \[(\d\d)\]\(\1-[\w-]+\.ipynb\)\.$")
_GOES_WITH = re.compile(r"Goes with \[(\d\d)\]\(\1-[\w-]+\.ipynb\)\.$")


def order(term: str) -> str:
    return term.lower().replace("_", " ")


def cells(file: Path) -> list[dict]:
    return json.loads(file.read_text(encoding="utf-8"))["cells"]


def links_to_the_glossary(file: Path) -> Iterator[tuple[str, str]]:
    """Each link as (the line that holds it, its fragment)."""
    for cell in cells(file):
        if cell["cell_type"] == "markdown":
            for line in "".join(cell["source"]).splitlines():
                yield from ((line, mark or "") for mark in re.findall(r"\]\(glossary\.md(?:#([^)]+))?\)", line))


def test_every_heading_is_an_entry_and_unique() -> None:
    headings = re.findall(r"^### (.+)$", GLOSSARY, re.MULTILINE)
    assert len(headings) > 100
    assert list(ENTRIES) == headings
    assert len({heading.lower() for heading in headings}) == len(headings)


def test_the_entries_are_sorted_under_their_letters() -> None:
    assert list(ENTRIES) == sorted(ENTRIES, key=order)
    letter = ""
    for level, heading in re.findall(r"^(##|###) (.+)$", TERMS, re.MULTILINE):
        if level == "##":
            assert len(heading) == 1
            letter = heading
        else:
            assert heading[0].upper() == letter


@pytest.mark.parametrize("term", ENTRIES)
def test_an_entry_has_a_text_and_the_notebook_it_comes_from(term: str) -> None:
    text, source = ENTRIES[term].split("\n\n")
    first = _FIRST.search(source)
    assert first or _GOES_WITH.search(source)
    assert len(text.split()) >= 5
    assert text.endswith((".", ")"))
    if first:
        (file,) = NOTEBOOKS.glob(f"{first[1]}-*.ipynb")
        words = json.dumps(cells(file), ensure_ascii=False).lower()
        # the first letters are enough: a term may stand there in another form
        assert [word for word in re.findall(r"\w{3,}", term.lower()) if word[:5] not in words] == []


def test_every_term_stands_once_in_the_themes() -> None:
    themes = GLOSSARY.split("\n## ")[0]
    assert sorted(re.findall(r"\[([^\]]+)\]\(#", themes)) == sorted([*ENTRIES, "Invariants"])


def test_every_link_of_the_glossary_leads_somewhere() -> None:
    own = anchors([GLOSSARY])
    found = _LINK.findall(GLOSSARY)
    assert found
    assert [path for path, _ in found if path and not (NOTEBOOKS / path).exists()] == []
    assert [mark for path, mark in found if not path and mark not in own] == []


def test_the_invariants_are_those_of_the_checker() -> None:
    rows = re.findall(r"^\| (I\d+) \| (.+) \|$", RULES, re.MULTILINE)
    assert rows == [(id, meaning) for id, (meaning, _) in INVARIANTS.items()]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name[:2])
def test_the_links_of_a_notebook(file: Path) -> None:
    """They lead to terms, one link a term and not in headings; some notebooks may have none yet."""
    found = list(links_to_the_glossary(file))
    marks = [mark for _, mark in found if mark]
    known = {term.replace(" ", "-") for term in ENTRIES} | {"Invariants"}
    assert [mark for mark in marks if mark not in known] == []
    assert [line for line, _ in found if line.startswith("#")] == []
    assert len(set(marks)) == len(marks)
    assert len(marks) <= MOST_LINKS


def test_the_first_notebook_says_where_the_words_are_explained() -> None:
    assert "" in [mark for _, mark in links_to_the_glossary(FILES[0])]
