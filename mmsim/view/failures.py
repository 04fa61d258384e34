"""Failures of calls: a map of the points at which each can fail, and tables of what is left."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from html import escape
from itertools import groupby
from typing import NamedTuple

from mmsim.brk import GENERATIONS
from mmsim.experiments.build import answer as named_answer
from mmsim.experiments.failures import ASPECTS, CALLS, SITE_WORDS, Row, Summary

from .findings import FindingTable
from .shown import Shown
from .strip import FAMILY
from .theme import GREY, INK, OKABE_ITO, PAPER, STATES

__all__ = ["FailureMap", "failure_map", "failure_table", "summary_table"]

SITES = {
    "lock_killed": "lock",
    "commit_refusal": "promise",
    "vma_alloc": "VMA",
    "maple_alloc": "tree",
    "anon_clone": "chain",
    "policy_dup": "policy",
    "uffd_entry": "event",
    "may_split": "driver",
}
"""Sites in one short word."""


class _Look(NamedTuple):
    """How a point is drawn and written."""

    mark: str
    word: str
    fill: str
    stroke: str
    line: str
    width: float


LOOKS = {
    "nothing": _Look("", "leaves nothing", PAPER, GREY, "", 1),
    "unseen": _Look("~", "leaves what no program sees", STATES["path"].tint, OKABE_ITO["blue"], "4 3", 1.5),
    "by design": _Look("o", "leaves the range empty, by design", STATES["changed"].tint, INK, "1 3", 1.5),
    "trace": _Look("!", "leaves a trace", STATES["removed"].tint, OKABE_ITO["vermillion"], "", 3),
}
"""What a failing call leaves: a mark, a colour and a border each."""
_LEFT, _WIDE, _HIGH, _WIDTH = 76, 71, 25, 860


class FailureMap(Shown):
    """A lane for each call and generation; in it the points at which the call can fail, in the order it meets them."""

    def __init__(self, rows: Iterable[Row], title: str) -> None:
        self.title = title
        rows = sorted(rows, key=lambda row: (list(CALLS).index(row.call), list(GENERATIONS).index(row.generation)))
        self.lanes = {key: list(each) for key, each in groupby(rows, lambda row: (row.call, row.generation))}

    @property
    def text(self) -> str:  # type: ignore[override]
        """The map as lines; marks as in the drawing."""
        key = ", ".join(f"{look.mark} {look.word}" for look in LOOKS.values() if look.mark)
        lines = [f"{self.title} ({key})"]
        for call, group in groupby(self.lanes, lambda key: key[0]):
            lines.append(f"{call}: {CALLS[call].about}")
            for _, generation in group:
                lines.append(f"  {generation:<7} {' | '.join(map(_word, self.lanes[call, generation]))}")
        return "\n".join(lines)

    @property
    def description(self) -> str:
        """What the drawing shows, in sentences: its `<desc>`."""
        told = []
        for (call, generation), rows in self.lanes.items():
            left = [f"{SITES[row.site]} ({row.trace})" for row in rows if row.trace != "nothing"]
            told.append(f"{call} in {generation}: {len(rows)} points, {', '.join(left) or 'none leaves anything'}.")
        return " ".join(told)

    def svg(self) -> str:  # type: ignore[override]
        """The drawing as one <svg> element."""
        body, y = [_words(10, 20, self.title, 14, bold=True)], 34
        x = 10
        for look in LOOKS.values():
            body += [_box(x, y, 22, look), _words(x + 11, y + 15, look.mark, anchor="middle", bold=True)]
            body.append(_words(x + 28, y + 15, look.word))
            x += 40 + 7 * len(look.word)
        y += 34
        for call, group in groupby(self.lanes, lambda key: key[0]):
            about = f'<tspan font-weight="normal">: {escape(CALLS[call].about)}</tspan>'
            body.append(_words(10, y + 14, call, bold=True).replace("</text>", f"{about}</text>"))
            y += 20
            for _, generation in group:
                body.append(_words(_LEFT - 8, y + 15, generation, anchor="end"))
                for at, row in enumerate(self.lanes[call, generation]):
                    look, left = LOOKS[row.trace], _LEFT + at * _WIDE
                    body.append(_box(left, y, _WIDE - 5, look))
                    word = _words(
                        left + (_WIDE - 5) / 2, y + 15, _word(row), anchor="middle", bold=row.trace == "trace"
                    )
                    body.append(word)
                y += _HIGH
            y += 8
        key = "mm" + sha256(self.text.encode()).hexdigest()[:10]
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{y}" viewBox="0 0 {_WIDTH} {y}" '
            f'role="img" aria-labelledby="{key}t {key}d"><title id="{key}t">{escape(self.title)}</title>'
            f'<desc id="{key}d">{escape(self.description)}</desc><rect width="100%" height="100%" fill="{PAPER}"/>'
            f'<g font-family="{FAMILY}">{"".join(body)}</g></svg>'
        )


def failure_map(rows: Iterable[Row], title: str | None = None) -> FailureMap:
    """The points at which calls can fail, and what each failure leaves.

    >>> from mmsim.experiments.failures import failures
    >>> print(failure_map(failures(["v4"], ["extend"])).text.splitlines()[-1])
      v4      lock | promise | tree !
    """
    return FailureMap(rows, title or "Where a call can fail")


def failure_table(rows: Iterable[Row], title: str | None = None) -> FindingTable:
    """A line for each failure: where, the answer, what is undone, what is left, what is broken."""
    head = ("", "call", "failure", "what fails", "answer", "undone", "left", "broken")
    return FindingTable(title or "Failures", head, map(_cells, rows))


def _cells(row: Row) -> tuple[str, ...]:
    where = f"{row.point}: {row.site} {row.nth}"
    answer = ("refused" if row.answer > 0 else named_answer(row.answer)) if row.refused else "accepted"
    undone = "; ".join(ASPECTS[key][0] for key in row.undone) or "-"
    broken = " ".join(row.broken) or "-"
    return (row.generation, row.call, where, SITE_WORDS[row.site], answer, undone, row.left, broken)


def summary_table(summaries: dict[str, Summary], title: str | None = None) -> FindingTable:
    """A line for each generation: how many failing calls leave what."""
    head = ("", "failures", "nothing left", "unseen", "by design", "a trace", "which traces")
    rows = ((generation, *_numbers(each)) for generation, each in summaries.items())
    return FindingTable(title or "What failing calls leave", head, rows)


def _numbers(each: Summary) -> tuple[str, ...]:
    which = "; ".join(f"{count} x {ASPECTS[key][1]}" for key, count in each.which.items()) or "-"
    return (*map(str, each[:5]), which)


def _word(row: Row) -> str:
    return f"{SITES[row.site]} {LOOKS[row.trace].mark}".rstrip()


def _box(x: float, y: float, wide: float, look: _Look) -> str:
    dash = f' stroke-dasharray="{look.line}"' if look.line else ""
    return (
        f'<rect x="{x}" y="{y}" width="{wide}" height="21" rx="4" fill="{look.fill}" stroke="{look.stroke}" '
        f'stroke-width="{look.width}"{dash}/>'
    )


def _words(x: float, y: float, text: str, size: int = 12, anchor: str = "start", bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x}" y="{y}" font-size="{size}" fill="{INK}" text-anchor="{anchor}"{weight}>{escape(text)}</text>'
