"""Rows of ranges below each other on one axis, for two states that should be one: expected, and got.

The axis is not to scale: each stretch is as wide as its words need, so that borders stand exactly below each
other where they are the same. What is in one row only has a thick frame, a mark and a line style of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from html import escape

from mmsim.maple import ULONG_MAX

from .fmt import number
from .shown import Shown
from .theme import GREY, INK, NULL_FILL, OKABE_ITO, PAPER

__all__ = ["Range", "RowPair", "row_pair"]

Range = tuple[int, int, str | None]
"""First and last index, both of them inside, and what is there; None is NULL."""

FAMILY = "DejaVu Sans,Verdana,sans-serif"
CHAR, LINE, BOX, MARGIN = 7.0, 14, 40, 10
MOST = 40
"""So many ranges of a row are drawn; a longer row is no picture."""
MISSING = ("!", "only in the upper row", OKABE_ITO["blue"], "")
STRANGE = ("x", "only in the lower row", OKABE_ITO["vermillion"], ' stroke-dasharray="6 4"')


class RowPair(Shown):
    """Two rows of ranges, with what differs marked in both."""

    def __init__(self, rows: Sequence[tuple[str, Sequence[Range]]], title: str) -> None:
        self.title = title
        self.rows = [(caption, [(first, last, entry) for first, last, entry in row]) for caption, row in rows]
        self._only = _differences([row for _, row in self.rows])

    @property
    def text(self) -> str:  # type: ignore[override]
        """The text form: a line for each row, with the marks of the picture."""
        wide = max(len(caption) for caption, _ in self.rows)
        lines = [self.title]
        for (caption, row), only, (mark, *_) in zip(self.rows, self._only, (MISSING, STRANGE), strict=True):
            cells = " | ".join(f"{mark if one in only else ''}{_span(one)} {_label(one)}" for one in row)
            lines.append(f"{caption.ljust(wide)}  {cells}")
        return "\n".join(lines)

    @property
    def description(self) -> str:
        """What the picture shows, in sentences: its `<desc>`."""
        said = [f"{len(row)} ranges in the row {caption!r}" for caption, row in self.rows]
        found = [
            f"{words}: {', '.join(f'{_span(one)} {_label(one)}' for one in row if one in only)}"
            for (_, row), only, (_, words, *_) in zip(self.rows, self._only, (MISSING, STRANGE), strict=True)
            if only
        ]
        return f"{' and '.join(said)}. {'; '.join(found) or 'The rows are equal'}."

    def svg(self) -> str:  # type: ignore[override]
        """The drawing as one <svg> element; "" if a row is empty, far too long, or not ascending."""
        rows = [row for _, row in self.rows]
        if not all(map(_drawable, rows)):
            return ""
        axis = _axis(rows)
        wide = max(len(caption) for caption, _ in self.rows) * CHAR + 2 * MARGIN
        body, top = [_text(MARGIN, 16, self.title, 13, bold=True)], 28.0
        for (caption, row), only, mark in zip(self.rows, self._only, (MISSING, STRANGE), strict=True):
            body.append(_text(MARGIN, top + 24, caption, 12, bold=True))
            body += [_box(one, one in only, mark, axis, wide, top) for one in row]
            top += BOX + 8
        used = [mark for only, mark in zip(self._only, (MISSING, STRANGE), strict=True) if only]
        legend = ";  ".join([*(f"{sign} {words}" for sign, words, *_ in used), "widths are not to scale"])
        body.append(_text(MARGIN, top + 8, legend, 11, GREY))
        words = max(1.2 * len(self.title), len(legend)) * CHAR + MARGIN
        width, height = max(wide + max(axis.values()), words) + MARGIN, top + 20
        key = "r" + sha256(self.text.encode()).hexdigest()[:10]
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" '
            f'viewBox="0 0 {width:g} {height:g}" style="max-width:100%;height:auto" role="img" '
            f'aria-labelledby="{key}t {key}d"><title id="{key}t">{escape(self.title)}</title>'
            f'<desc id="{key}d">{escape(self.description)}</desc><rect width="100%" height="100%" fill="{PAPER}"/>'
            f'<g font-family="{FAMILY}">{"".join(body)}</g></svg>'
        )


def row_pair(
    expected: Iterable[Range], got: Iterable[Range], title: str, captions: tuple[str, str] = ("expected", "got")
) -> RowPair:
    """Two rows that should be equal, the right one on top. O(ranges), under a millisecond for a leaf.

    >>> print(row_pair([(0, 9, None), (10, 14, "a")], [(0, 9, None), (10, 19, "a")], "a leaf"))
    a leaf
    expected  0-9 NULL | !10-14 a
    got       0-9 NULL | x10-19 a
    """
    return RowPair(list(zip(captions, (list(expected), list(got)), strict=True)), title)


def _drawable(row: list[Range]) -> bool:
    """Can it be drawn? What overlaps or leaves the index space cannot."""
    ends = [at for first, last, _ in row for at in (first, last + 1)]
    return (
        0 < len(row) <= MOST
        and ends == sorted(ends)
        and ends[0] >= 0
        and ends[-1] <= ULONG_MAX + 1
        and all(first <= last for first, last, _ in row)
    )


def _differences(rows: list[list[Range]]) -> list[set[Range]]:
    """For each row what only this one has."""
    first, second = map(set, rows)
    return [first - second, second - first]


def _axis(rows: Iterable[Sequence[Range]]) -> dict[int, float]:
    """Where each border is: as far to the left as the words of all ranges that end there allow."""
    ranges: dict[tuple[int, int], float] = {}
    for first, last, entry in (one for row in rows for one in row):
        ends = first, last + 1
        ranges[ends] = max(ranges.get(ends, 0.0), _width((first, last, entry)))
    borders = sorted({border for ends in ranges for border in ends})
    places: dict[int, float] = {}
    at = 0.0
    for border in borders:
        here = [places[low] + wide for (low, high), wide in ranges.items() if high == border and low in places]
        at = max([at + 8 if places else 0.0, *here])
        places[border] = at
    return places


def _width(one: Range) -> float:
    return CHAR * max(len(_span(one)), 1.2 * (len(_label(one)) + 2)) + 12


def _box(
    one: Range, marked: bool, mark: tuple[str, str, str, str], axis: dict[int, float], shift: float, top: float
) -> str:
    sign, _, colour, dash = mark
    left, right = shift + axis[one[0]], shift + axis[one[1] + 1]
    wide = 4.0 if marked else 1.0
    frame = f'stroke="{colour}" stroke-width="4"{dash}' if marked else f'stroke="{INK}" stroke-width="1"'
    fill = NULL_FILL if one[2] is None else PAPER
    middle = (left + right) / 2
    return (
        f'<rect x="{left + wide / 2:.1f}" y="{top + wide / 2:.1f}" width="{right - left - wide:.1f}" '
        f'height="{BOX - wide:g}" fill="{fill}" {frame}/>'
        + _text(middle, top + 17, f"{sign} {_label(one)}" if marked else _label(one), 11, bold=marked, middle=True)
        + _text(middle, top + 31, _span(one), 11, GREY, middle=True)
    )


def _span(one: Range) -> str:
    first, last, _ = one
    end = "max" if last == ULONG_MAX else number(last)
    return end if first == last else f"{number(first)}-{end}"


def _label(one: Range) -> str:
    entry = one[2]
    return "NULL" if entry is None else entry if len(entry) <= 16 else f"{entry[:15]}…"


def _text(
    x: float, y: float, text: str, points: int, fill: str = INK, bold: bool = False, middle: bool = False
) -> str:  # fmt: skip
    anchor = ' text-anchor="middle"' if middle else ""
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x:.1f}" y="{y:g}" font-size="{points}" fill="{fill}"{weight}{anchor}>{escape(text)}</text>'
