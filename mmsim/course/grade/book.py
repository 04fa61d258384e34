"""The gradebook: all marks in one SQLite file, and a table in CSV for a learning platform.

Both are made anew from the results, so that they never say anything else.
"""

import csv
import io
import json
import os
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

from ..exercises import chapter
from .marking import Result
from .results import write

__all__ = ["due_of", "write_book", "write_table"]

_TABLES = """
create table submission (
    learner text primary key, points real not null, full real not null, sandbox text not null, problems text not null
);
create table mark (
    learner text not null references submission, chapter text not null, exercise text not null, kind text not null,
    points real not null check (points between 0 and full), full real not null, message text not null,
    detail text not null, primary key (learner, exercise)
);
create view chapter as
    select learner, chapter, sum(points) as points, sum(full) as full from mark group by learner, chapter;
"""


def write_book(results: Iterable[Result], path: Path) -> None:
    """The gradebook: tables `submission` and `mark`, and the view `chapter`; texts of several lines are JSON lists."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.unlink(missing_ok=True)
    with closing(sqlite3.connect(part)) as book:
        book.executescript(_TABLES)
        for result in results:
            head = (result["learner"], result["points"], result["full"], result["sandbox"])
            book.execute("insert into submission values (?, ?, ?, ?, ?)", (*head, json.dumps(result["problems"])))
            book.executemany("insert into mark values (?, ?, ?, ?, ?, ?, ?, ?)", _marks(result))
        book.commit()
    os.replace(part, path)


def _marks(result: Result) -> Iterable[tuple[str, ...]]:
    for number, found in result["chapters"].items():
        for key, mark in found["exercises"].items():
            told = (mark["points"], mark["full"], mark["message"], json.dumps(mark["detail"]))
            yield (result["learner"], number, key, mark["kind"], *told)


def due_of(results: Iterable[Result]) -> dict[str, int]:
    """The chapters that count, those that anybody handed in, and the points that each can bring."""
    numbers = sorted({number for result in results for number in result["chapters"]})
    return {number: sum(one.points for one in chapter(number)) for number in numbers}


def write_table(results: Sequence[Result], path: Path) -> None:
    """One line a learner: name, points in all, and points of each chapter that counts; empty: not handed in.

    The head says what can be had. A name that a spreadsheet would take for a formula gets an apostrophe in front.
    """
    due = due_of(results)
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["learner", f"points (of {sum(due.values())})", *(f"{n} (of {due[n]})" for n in due)])
    for result in results:
        by_chapter = [result["chapters"].get(number, {}).get("points", "") for number in due]
        table.writerow([_harmless(result["learner"]), result["points"], *by_chapter])
    write(path, text.getvalue())


def _harmless(name: str) -> str:
    """A name that a spreadsheet does not compute, also one that cuts lines at semicolons.

    >>> _harmless("=1+1"), _harmless("a;=1+1"), _harmless("ada")
    ("'=1+1", 'a,=1+1', 'ada')
    """
    name = name.replace(";", ",")
    return f"'{name}" if name[:1] in "=+-@|\t\r＝＋－＠" else name
