"""Findings of a search as a table, and what known ones come to in every generation."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any

from mmsim.brk import GENERATIONS
from mmsim.explore.concern import NOT_IN_THE_MAIL
from mmsim.explore.finding import Finding
from mmsim.explore.known import Known
from mmsim.explore.play import FAMILIES
from mmsim.explore.words import script_text

from .space_pictures import LEFT

__all__ = ["FindingTable", "finding_table", "known_table"]

_SHORT, _LONG = 16, 60
"""Cells up to _SHORT stay on one line; scripts from _LONG on are not spelled out."""
_WHOLE = 'style="text-align:left;white-space:nowrap"'


class FindingTable:
    """Rows of text under a head, the same as lines and as a table."""

    def __init__(self, title: str, head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
        self.title, self.head, self.rows = title, head, list(rows)

    @property
    def text(self) -> str:
        """The table as lines."""
        rows = [self.head, *self.rows]
        widths = [max(len(row[column]) for row in rows) for column in range(len(self.head))]
        lines = ("  " + "  ".join(f"{part:<{width}}" for part, width in zip(row, widths, strict=True)) for row in rows)
        return "\n".join([self.title, *(line.rstrip() for line in lines)])

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {"text/plain": self.text, "text/html": self.html}

    @property
    def html(self) -> str:
        """The table as HTML."""
        head = "".join(f'<th scope="col" {LEFT}>{escape(word)}</th>' for word in self.head)
        body = "".join(
            f'<tr><th scope="row" {LEFT}>{escape(first)}</th>'
            + "".join(f"<td {_WHOLE if len(part) < _SHORT else LEFT}>{escape(part)}</td>" for part in rest)
            + "</tr>"
            for first, *rest in self.rows
        )
        caption = f"<caption {LEFT}><strong>{escape(self.title)}</strong></caption>"
        return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def finding_table(findings: Iterable[Finding], title: str | None = None) -> FindingTable:
    """A line for each finding: the call and what differs, the function, what the mail asked about it, the script.

    >>> finding_table([]).text.splitlines()[0]
    'Findings'
    """
    head = ("", "call", "what differs", "broken", "function", "mail", "shortest script")
    return FindingTable(title or "Findings", head, (_row(number, each) for number, each in enumerate(findings, 1)))


def _row(number: int, finding: Finding) -> tuple[str, ...]:
    asked = "-" if finding.concern == NOT_IN_THE_MAIL else finding.concern
    script, last = script_text(finding.script), script_text(finding.script[-1:])
    short = script if len(script) <= _LONG else f"{len(finding.script)} calls, the last {last}"
    what = finding.side if finding.family == "cost" else FAMILIES[finding.family]
    broken = " ".join(finding.invariants) or "-"
    return str(number), finding.kind, what, broken, finding.function or "-", asked, short


def known_table(findings: Iterable[Known], title: str | None = None) -> FindingTable:
    """What the script of each comes to in every generation: the answer, how many VMAs, what is broken."""
    rows = ((each.title, *(each.outcome[name] for name in GENERATIONS)) for each in findings)
    return FindingTable(title or "Known findings", ("", *GENERATIONS), rows)
