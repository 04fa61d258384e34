"""The patch as a diff of two generations' modules, read from the files themselves, so that it cannot drift."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from functools import cache
from html import escape
from importlib import import_module
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from .findings import FindingTable
from .space_pictures import LEFT
from .theme import INK, STATES

__all__ = ["CodeDiff", "Row", "code_diff", "patch_overview"]


class Line(NamedTuple):
    """A line of a file, with its number there."""

    number: int
    text: str


class Row(NamedTuple):
    """A line of the diff: `mark` is - (removed), + (added), ~ (changed) or a blank (the same)."""

    mark: str
    old: Line | None
    new: Line | None


QUOTED = {"brk": False, "do_brk_munmap": False, "do_brk_flags": True, "vm_brk_flags": True}
"""Whether the review mail of 2022-01-13 quotes the hunk of a function, or has cut it out. Source: the mail."""
CONCERNS = {"do_brk_flags": ("C1", "C2", "C3"), "vm_brk_flags": ("C4", "C5", "C6", "C7", "C8")}
"""Which of the mail's concerns stands below which hunk; C9 asks about the whole patch."""
MOST_ROWS = 15
_LIKE = 0.65
"""How much of two lines must be the same for a line to count as changed, and not as one gone and one new."""
SKIPPED = Row(" ", None, None)
"""Stands for lines that are the same and are left out."""
_WORDS = {"-": "removed", "+": "added", "~": "changed", " ": "the same"}
_TINTS = {"-": STATES["removed"].tint, "+": STATES["new"].tint, "~": STATES["changed"].tint}
_CODE = "text-align:left;vertical-align:top;white-space:pre-wrap;font-family:monospace;font-size:12px;padding:1px 4px"
_NUMBER = "text-align:right;vertical-align:top;font-family:monospace;font-size:12px;padding:1px 4px"


class CodeDiff:
    """A function in two generations, side by side. `str()` has a line for each row, `~` ones as - and +."""

    def __init__(self, old: str, new: str, function: str, rows: Sequence[Row], part: str) -> None:
        self.old, self.new = old, new
        self.title = f"{function}(), {old} and {new}{part}"
        self.rows = list(rows)

    @property
    def text(self) -> str:
        """The rows as in a unified diff, each with its line numbers in both files."""
        lines = [f"{self.title}; {self.counted}"]
        for mark, old, new in self.rows:
            if mark == "~" and old is not None and new is not None:
                lines += [_plain("-", old, None), _plain("+", None, new)]
            else:
                lines.append(_plain(mark, old, new))
        return "\n".join(lines)

    @property
    def counted(self) -> str:
        """How many lines are of which kind, in words."""
        marks = [row.mark for row in self.rows if row is not SKIPPED]
        return ", ".join(f"{marks.count(mark)} {word}" for mark, word in _WORDS.items() if mark in marks)

    def __repr__(self) -> str:
        return self.text

    @property
    def sides(self) -> list[str]:
        """The generations that have any of the rows; a function that is all new is shown without an empty half."""
        return [
            name
            for name, side in ((self.old, "old"), (self.new, "new"))
            if any(getattr(row, side) for row in self.rows)
        ]

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        sides = self.sides
        head = "".join(f'<th scope="col" {LEFT}>line</th><th scope="col" {LEFT}>{name}.py</th>' for name in sides)
        columns = '<col style="width:2em">' + '<col style="width:3.5em"><col>' * len(sides)
        legend = f"{self.counted} (- removed, + added, ~ changed)"
        caption = f"<caption {LEFT}><strong>{escape(self.title)}</strong>: {escape(legend)}</caption>"
        start = f'<table style="table-layout:fixed;width:100%">{caption}<colgroup>{columns}</colgroup>'
        shown = [self.old in sides, self.new in sides]
        body = "".join(_html(row, shown) for row in self.rows)
        html = f'{start}<thead><tr><th scope="col" {LEFT}></th>{head}</tr></thead><tbody>{body}</tbody></table>'
        return {"text/plain": self.text, "text/html": html}


def code_diff(
    old: str, new: str, function: str, part: int | None = None, comments: bool = True, docstrings: bool = False
) -> CodeDiff:
    """A function of two generations as a diff, made from their modules; `part` picks some 15 rows of it (from 1).

    Runs of lines that are the same are cut short in the parts. Raises ValueError for a function that neither has, or a
    part that is not there.

    >>> print(code_diff("v4", "merged", "do_brk_munmap").title)
    do_brk_munmap(), v4 and merged
    """
    rows = list(_rows(*(_lines(name, function, comments, docstrings) for name in (old, new))))
    if not rows:
        raise ValueError(f"no function {function!r} in {old} or {new}: expected one of {', '.join(_functions(new))}")
    if part is None:
        return CodeDiff(old, new, function, rows, "")
    parts = _parts(rows)
    if not 0 < part <= len(parts):
        raise ValueError(f"part is {part}: {function}() has the parts 1 to {len(parts)}")
    return CodeDiff(old, new, function, parts[part - 1], f", part {part} of {len(parts)}")


def patch_overview(old: str = "before", new: str = "v4") -> FindingTable:
    """Each function of the patch: lines removed, added and changed, whether the mail quotes it, what it asks there.

    Docstrings and comments are not counted.
    """
    head = ("function", "removed", "added", "changed", "same", "quoted in the mail", "asked there")
    rows = []
    for name in QUOTED:
        marks = [row.mark for row in code_diff(old, new, name, comments=False).rows]
        counts = (str(marks.count(mark)) for mark in "-+~ ")
        rows.append((f"{name}()", *counts, "yes" if QUOTED[name] else "no", " ".join(CONCERNS.get(name, ("-",)))))
    return FindingTable(f"The patch in the model, {old} to {new}: lines of Python", head, rows)


# -- reading


@cache
def _source(generation: str) -> tuple[str, ast.Module]:
    module = import_module(f"mmsim.brk.{generation}")
    assert module.__file__ is not None, "a module of the package has a file"
    source = Path(module.__file__).read_text(encoding="utf-8")
    return source, ast.parse(source)


def _functions(generation: str) -> dict[str, ast.FunctionDef]:
    return {node.name: node for node in _source(generation)[1].body if isinstance(node, ast.FunctionDef)}


def _lines(generation: str, function: str, comments: bool, docstrings: bool) -> list[Line]:
    """The lines of a function, blank ones left out; none if the generation does not have it."""
    node = _functions(generation).get(function)
    if node is None:
        return []
    every = _source(generation)[0].splitlines()
    first = node.body[0]
    dropped = range(first.lineno, (first.end_lineno or first.lineno) + 1) if ast.get_docstring(node) else range(0)
    return [
        Line(number, every[number - 1].rstrip())
        for number in range(node.lineno, (node.end_lineno or node.lineno) + 1)
        if every[number - 1].strip()
        and (docstrings or number not in dropped)
        and (comments or not every[number - 1].lstrip().startswith("#"))
    ]


# -- comparing


def _rows(old: list[Line], new: list[Line]) -> Iterator[Row]:
    """Both sides aligned: what is the same, and between that what is gone, new, or like each other."""
    texts = ([line.text for line in old], [line.text for line in new])
    for kind, i, i_end, j, j_end in SequenceMatcher(None, *texts, autojunk=False).get_opcodes():
        if kind == "equal":
            yield from (Row(" ", *pair) for pair in zip(old[i:i_end], new[j:j_end], strict=True))
        else:
            yield from _aligned(old[i:i_end], new[j:j_end])


def _aligned(old: list[Line], new: list[Line]) -> Iterator[Row]:
    """Pairs of like lines, as many and as like as can be had in order; the rest is removed or added."""
    best = [[0.0] * (len(new) + 1) for _ in range(len(old) + 1)]
    like = [[_likeness(one.text, other.text) for other in new] for one in old]
    for i in reversed(range(len(old))):
        for j in reversed(range(len(new))):
            paired = best[i + 1][j + 1] + like[i][j] if like[i][j] else 0.0
            best[i][j] = max(paired, best[i + 1][j], best[i][j + 1])
    i = j = 0
    while i < len(old) or j < len(new):
        if i < len(old) and j < len(new) and like[i][j] and best[i][j] == best[i + 1][j + 1] + like[i][j]:
            yield Row("~", old[i], new[j])
            i, j = i + 1, j + 1
        elif j == len(new) or (i < len(old) and best[i][j] == best[i + 1][j]):
            yield Row("-", old[i], None)
            i += 1
        else:
            yield Row("+", None, new[j])
            j += 1


def _likeness(one: str, other: str) -> float:
    """How much of two lines is the same, 0 if that is not enough."""
    ratio = SequenceMatcher(None, one.strip(), other.strip(), autojunk=False).ratio()
    return ratio if ratio >= _LIKE else 0.0


def _parts(rows: list[Row]) -> list[list[Row]]:
    """The rows near a change, in parts of at most MOST_ROWS; what lies between two runs of them is one row SKIPPED.

    A run that is too long is cut in front of a line that is indented as little as possible.
    """
    near = [at for at in range(len(rows)) if any(row.mark != " " for row in rows[max(at - 2, 0) : at + 3])]
    runs = [
        [rows[at] for _, at in group] for _, group in groupby(enumerate(near), key=lambda place: place[1] - place[0])
    ]
    parts: list[list[Row]] = []
    for run in runs:
        if parts and len(parts[-1]) + 1 + len(run) <= MOST_ROWS:
            parts[-1] += [SKIPPED, *run]
            continue
        while len(run) > MOST_ROWS:
            cut = min(range(MOST_ROWS // 2, MOST_ROWS + 1), key=lambda at: (_indent(run[at]), -at))
            parts.append(run[:cut])
            run = run[cut:]
        parts.append(run)
    return parts


def _indent(row: Row) -> int:
    line = row.new or row.old
    return len(line.text) - len(line.text.lstrip()) if line is not None else 0


# -- showing


def _plain(mark: str, old: Line | None, new: Line | None) -> str:
    """A row as text; of a changed line either side has a row of its own."""
    if old is None and new is None:
        return "  ..."
    numbers = " ".join(f"{line.number if line is not None else '':>3}" for line in (old, new))
    shown = new if new is not None else old
    return f"{mark} {numbers}  {shown.text if shown is not None else ''}".rstrip()


def _html(row: Row, shown: Sequence[bool]) -> str:
    """A row of the table; `shown` says which of the two sides have columns."""
    if row is SKIPPED:
        return f'<tr><td></td><td colspan="{2 * sum(shown)}" {LEFT}>… the same in both</td></tr>'
    tint = f";color:{INK};background:{_TINTS[row.mark]}" if row.mark in _TINTS else ""
    cells = "".join(
        f'<td style="{_NUMBER}">{line.number if line is not None else ""}</td>'
        f'<td style="{_CODE}{tint if line is not None else ""}">{escape(line.text) if line is not None else ""}</td>'
        for line, has_columns in zip((row.old, row.new), shown, strict=True)
        if has_columns
    )
    mark = f'<th scope="row" style="{_CODE}" aria-label="{_WORDS[row.mark]}">{row.mark.strip()}</th>'
    return f"<tr>{mark}{cells}</tr>"
