"""The mail at a glance: a matrix of marks, concern by generation; tables of verdicts, ratings and answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256
from html import escape

from mmsim.experiments.answers import Answer, Judged
from mmsim.experiments.second_look import BESIDE, CLASSES, CONCERNS, MARKS, classes, marks, reach
from mmsim.experiments.table import Outcome

from .findings import FindingTable
from .shown import Shown
from .strip import FAMILY
from .theme import GREY, INK, OKABE_ITO, PAPER, STATES

__all__ = ["LinkedTable", "MarkMatrix", "answer_table", "concern_table", "mark_matrix", "rating_table", "verdict_table"]

LOOKS = {
    "=": (PAPER, GREY, 1.0, ""),
    "+": (STATES["new"].tint, OKABE_ITO["bluish green"], 1.5, ""),
    "~": (STATES["changed"].tint, INK, 1.5, "4 3"),
    "!": (STATES["removed"].tint, OKABE_ITO["vermillion"], 3.5, ""),
}
"""How a mark is drawn: fill, border, its width and dashes; the mark itself stands inside."""
_ORDER = "!~+="
TAKES = "in v4 it takes"
_NAMES, _WIDE, _HIGH, _GAP = 318, 76, 30, 6


class MarkMatrix(Shown):
    """A row for each concern, a column for each generation, in each field one of MARKS; the gravest rows first.

    `notes` stand behind the rows: what it takes to meet what is wrong in v4, unless `takes` is False; then the rows
    stay in their order.
    """

    def __init__(
        self,
        title: str,
        found: Mapping[str, Mapping[str, str]],
        notes: Mapping[str, str],
        takes: bool = True,
    ) -> None:
        self.title, self.notes = title, dict(notes)
        self._takes = takes
        self.columns = [*next(iter(found.values()))]
        self.rows = {id: found[id] for id in (sorted(found, key=lambda id: _gravity(found[id])) if takes else found)}

    @property
    def text(self) -> str:  # type: ignore[override]
        """The matrix as lines."""
        wide = max(len(CONCERNS[id].asked) for id in self.rows)
        widths = {name: max(6, len(name)) for name in self.columns}
        head = "  ".join(f"{name:<{width}}" for name, width in widths.items())
        takes = f"  {TAKES}" if self._takes else ""
        lines = [self.title, f"  {'':<{wide + 4}}  {head}{takes}".rstrip()]
        for id, row in self.rows.items():
            fields = "  ".join(f"{row[name]:<{width}}" for name, width in widths.items())
            lines.append(f"  {id}  {CONCERNS[id].asked:<{wide}}  {fields}  {self.notes.get(id, '')}".rstrip())
        return "\n".join([*lines, "  " + "; ".join(f"{mark} {word}" for mark, word in MARKS.items())])

    @property
    def description(self) -> str:
        """What the drawing shows, in sentences: its `<desc>`."""
        told = []
        for name in self.columns:
            wrong = [id for id, row in self.rows.items() if row[name] == "!"]
            told.append(f"{name}: wrong in {', '.join(wrong) or 'none'}.")
        return " ".join(told)

    def svg(self) -> str:  # type: ignore[override]
        """The drawing as one <svg> element."""
        body = [_words(10, 20, self.title, 14, bold=True)]
        body += [
            _words(_NAMES + at * _WIDE + (_WIDE - _GAP) / 2, 46, name, anchor="middle", bold=True)
            for at, name in enumerate(self.columns)
        ]
        behind = _NAMES + len(self.columns) * _WIDE + 6
        body.append(_words(behind, 46, TAKES if self._takes else "", bold=True))
        y = 54
        for id, row in self.rows.items():
            body.append(_words(10, y + 20, id, 13, bold=True))
            body.append(_words(40, y + 20, CONCERNS[id].asked))
            for at, name in enumerate(self.columns):
                body.append(_field(_NAMES + at * _WIDE, y, _WIDE - _GAP, row[name]))
            note = self.notes.get(id, "")
            body.append(_words(behind, y + 20, "" if note == "-" else note))
            y += _HIGH
        x = 10.0
        for mark, word in MARKS.items():
            body += [_field(x, y + 10, 30, mark), _words(x + 36, y + 29, word)]
            x += 60 + 6.7 * len(word)
        width, height = _NAMES + len(self.columns) * _WIDE + 16 + (250 if any(self.notes.values()) else 0), y + 46
        width = max(width, int(x))
        key = "mm" + sha256(self.text.encode()).hexdigest()[:10]
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" role="img" aria-labelledby="{key}t {key}d">'
            f'<title id="{key}t">{escape(self.title)}</title><desc id="{key}d">{escape(self.description)}</desc>'
            f'<rect width="100%" height="100%" fill="{PAPER}"/><g font-family="{FAMILY}">{"".join(body)}</g></svg>'
        )


def _gravity(row: Mapping[str, str]) -> tuple[list[int], ...]:
    """Rows with the gravest mark in v4 first, then by what is left later."""
    return ([_ORDER.index(row[name]) for name in ("v4", "merged", "today") if name in row],)


def _field(x: float, y: float, wide: float, mark: str) -> str:
    fill, stroke, width, dash = LOOKS[mark]
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<rect x="{x}" y="{y}" width="{wide}" height="{_HIGH - _GAP}" rx="4" fill="{fill}" stroke="{stroke}" '
        f'stroke-width="{width}"{dashed}/>' + _words(x + wide / 2, y + 18, mark, 16, "middle", bold=mark == "!")
    )


def _words(x: float, y: float, text: str, size: int = 12, anchor: str = "start", bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x}" y="{y}" font-size="{size}" fill="{INK}" text-anchor="{anchor}"{weight}>{escape(text)}</text>'


def mark_matrix(outcomes: Mapping[str, Outcome], title: str | None = None) -> MarkMatrix:
    """All concerns in all generations; behind each what it takes to meet what is wrong in v4.

    >>> from mmsim.experiments import measure
    >>> print(mark_matrix({"C2": measure("E2")}).text.splitlines()[2])
      C2  Will the copied merge rule be forgotten?  =       !       =       ~       an ordinary program
    """
    return MarkMatrix(title or "The concerns", marks(outcomes), {id: reach(id) for id in outcomes})


# -- tables


class LinkedTable(FindingTable):
    """A table whose last column leads to cells of other notebooks; `links` by what stands in it."""

    links: Mapping[str, str]

    @property
    def html(self) -> str:
        """The table as HTML."""
        html = super().html
        for label, link in self.links.items():
            html = html.replace(f">{escape(label)}</td>", f'><a href="{escape(link)}">{escape(label)}</a></td>')
        return html


def concern_table(title: str | None = None) -> FindingTable:
    """What the mail asks, in our words.

    >>> concern_table().rows[3]
    ('C4', 'Comments with two slashes', 'style')
    """
    rows = ((each.id, each.asked, each.kind) for each in CONCERNS.values())
    return FindingTable(title or "The mail", ("", "asked, in our words", "kind"), rows)


def verdict_table(outcomes: Mapping[str, Outcome], title: str | None = None) -> LinkedTable:
    """What was asked, what the experiments say, what the merged code did, and where the course looks at it."""
    found, links, rows = marks(outcomes), {}, []
    for id, outcome in outcomes.items():
        each = CONCERNS[id]
        label = f"{each.notebook[:2]}, {each.cell}"
        links[label] = each.link
        rows.append((id, each.asked, each.kind, outcome.verdict, f"{found[id]['merged']} {each.merged}", label))
    for name, (asked, notebook, cell) in BESIDE.items():
        label = f"{notebook[:2]}, {cell}"
        links[label] = f"{notebook}#cell-id={cell}"
        rows.append((name, asked, "not in the mail", "in that notebook", "-", label))
    head = ("", "asked", "kind", "verdict, by what was measured", "merged", "its verdict cell")
    table = LinkedTable(title or "Verdicts", head, rows)
    table.links = links
    return table


def rating_table(mine: Mapping[str, str], outcomes: Mapping[str, Outcome], title: str | None = None) -> FindingTable:
    """The learner's letter for each concern beside the one that was computed.

    >>> from mmsim.experiments import measure
    >>> rating_table({"C6": "A"}, {"C6": measure("E6")}).rows[0][:4]
    ('C6', 'A', 'B', 'otherwise')
    """
    rows = []
    for id, letter in classes(marks(outcomes)).items():
        given = str(mine.get(id, "?")).strip().upper()
        said = "not rated" if given not in CLASSES else "as you said" if given == letter else "otherwise"
        rows.append((id, given if given in CLASSES else "-", letter, said, CLASSES[letter]))
    return FindingTable(title or "Your rating", ("", "you", "the runs", "", "that is"), rows)


def answer_table(judged: Iterable[tuple[Answer, Judged]], title: str | None = None) -> FindingTable:
    """What was answered, what was measured, and how far it holds."""
    rows = ((each.concern, f"{each.who}: {each.said}", told.measured, told.holds) for each, told in judged)
    return FindingTable(title or "The answers", ("", "answer, in our words", "measured", "does it hold?"), rows)
