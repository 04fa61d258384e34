"""What the README says of the course and of the recordings is so."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from mmsim.course.frontmatter import parse
from mmsim.course.lint import Book
from mmsim.course.questions import Bank
from mmsim.trace import read

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_course_map_is_that_of_the_notebooks() -> None:
    rows = re.findall(r"^\| \[(\d\d)\]\((\S+)\) \| (.+) \| (\d+) \|$", README, re.MULTILINE)
    files = sorted((ROOT / "mmsim" / "course" / "questions").glob("*.toml"))
    heads = [tomllib.loads(path.read_text(encoding="utf-8")) for path in files]
    expected = [(head["notebook"], f"notebooks/{head['file']}", head["title"], str(head["minutes"])) for head in heads]
    assert rows == expected


def test_the_minutes_are_those_of_the_notebooks() -> None:
    rows = re.findall(r"^\| \[\d\d\]\((\S+)\) \| (.+) \| (\d+) \|$", README, re.MULTILINE)
    heads = [parse(Book.read(path, Bank()).cells[0].source) for path in sorted((ROOT / "notebooks").glob("*.ipynb"))]
    assert [(title, int(minutes)) for _, title, minutes in rows] == [(head.title, head.minutes) for head in heads]


def test_the_recordings_are_counted() -> None:
    recordings = [read(path) for path in sorted((ROOT / "tests" / "data" / "maple").glob("*.jsonl"))]
    records = sum(len(recording.records) for recording in recordings)
    assert f"{len(recordings)} recordings" in README
    assert f"{records:,} records" in README


def test_every_relative_link_leads_somewhere() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
