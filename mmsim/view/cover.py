"""Who covers which page: the tree's answer, what each VMA says of itself, and how many VMAs say so of one page.

A strip draws what the tree has. Where a VMA says something else, or is only in the list, that is not enough.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from html import escape
from typing import NamedTuple

from mmsim.brk import Process
from mmsim.maple import ranges
from mmsim.mm import Vma
from mmsim.mm.units import PAGE

from .shown import Shown
from .strip import FAMILY, WIDTH
from .theme import GREY, INK, OKABE_ITO, PAPER, STATES

__all__ = ["Cover", "CoverPicture", "cover", "cover_picture"]

MOST = 32
"""Pages that can be drawn side by side."""
_LEFT, _ROW, _CELL = 178, 22, 46
_ANON, _FILES = "yellow", ("sky blue", "bluish green", "reddish purple")
_TREE, _CLAIMS = "the tree finds", "VMAs that claim it"


class Row(NamedTuple):
    """A VMA: its number, its name, the pages it says are its own, and whether only the list has it."""

    serial: int
    name: str
    pages: frozenset[int]
    lost: bool

    @property
    def label(self) -> str:
        """How its row begins."""
        return f"#{self.serial} {self.name}{', list only' if self.lost else ''}"


class Cover(NamedTuple):
    """An address space page by page. `found`: page -> number of the VMA that the tree has there."""

    rows: tuple[Row, ...]
    found: dict[int, int]
    total: int

    @property
    def claimed(self) -> dict[int, int]:
        """Page -> how many VMAs say that it is theirs."""
        pages = sorted(set(self.found) | {page for row in self.rows for page in row.pages})
        return {page: sum(page in row.pages for row in self.rows) for page in pages}

    @property
    def twice(self) -> int:
        """How many pages total_vm counts beyond those that any VMA claims."""
        return self.total - sum(count > 0 for count in self.claimed.values())

    @property
    def summary(self) -> str:
        """The counter beside the pages."""
        mapped = sum(count > 0 for count in self.claimed.values())
        return f"total_vm counts {self.total} pages, {mapped} are mapped"


def cover(process: Process, base: int) -> Cover:
    """The VMAs of a process by pages above `base` (which may be negative). O(pages)."""
    mm = process.mm
    in_tree = list(mm.vmas())
    known = {vma.serial: vma for vma in (*in_tree, *(mm.listed() if mm.has_list else ()))}
    rows = [_row(vma, base, vma not in in_tree) for vma in known.values()]
    found = {
        page: vma.serial
        for first, last, vma in ranges(mm.tree)
        if vma is not None
        for page in range((first - base) // PAGE, (last + 1 - base) // PAGE)
    }
    return Cover(tuple(sorted(rows, key=lambda row: (min(row.pages, default=0), row.serial))), found, mm.total_vm)


def _row(vma: Vma, base: int, lost: bool) -> Row:
    pages = frozenset(range((vma.start - base) // PAGE, (vma.end - base) // PAGE))
    return Row(vma.serial, vma.file.name if vma.file else "anon", pages, lost)


class CoverPicture(Shown):
    """Pages as columns, VMAs as rows, one block for each process."""

    def __init__(self, title: str, covers: Mapping[str, Cover], notes: Mapping[str, str], span: range | None) -> None:
        self.title = title
        self.covers = dict(covers)
        self.notes = dict(notes)
        pages = [page for each in covers.values() for page in each.claimed]
        self.span = span or range(min(pages, default=0), max(pages, default=0) + 1)
        if len(self.span) > MOST:
            raise ValueError(f"{len(self.span)} pages to draw, expected at most {MOST}: they would not be readable")

    def _caption(self, name: str) -> str:
        note = f"; {self.notes[name]}" if self.notes.get(name) else ""
        return f"{name}: {self.covers[name].summary}{note}"

    @property
    def text(self) -> str:  # type: ignore[override]
        """A column of three characters a page; `!` marks a page that two VMAs claim."""
        wide = max([len(_CLAIMS), *(len(row.label) for each in self.covers.values() for row in each.rows)])
        lines = [self.title, f"  {'page':<{wide}} " + "".join(f"{page:>4}" for page in self.span)]
        for name, each in self.covers.items():
            lines.append(self._caption(name))
            lines += [
                f"  {head:<{wide}} " + "".join(f"{cell:>4}" for cell in cells) for head, cells in self._rows(each)
            ]
        return "\n".join(line.rstrip() for line in lines)

    def _rows(self, each: Cover) -> Iterator[tuple[str, list[str]]]:
        claimed = each.claimed
        yield _TREE, [f"#{each.found[page]}" if page in each.found else "." for page in self.span]
        for row in each.rows:
            yield row.label, ["==" if page in row.pages else "" for page in self.span]
        yield _CLAIMS, [_count(claimed.get(page, 0)) for page in self.span]

    @property
    def description(self) -> str:
        """What a reader sees, block by block: the `<desc>`."""
        return " ".join(_sentence(name, each) for name, each in self.covers.items())

    def svg(self) -> str:  # type: ignore[override]
        """The drawing as one <svg> element."""
        key = "mm" + sha256(self.text.encode()).hexdigest()[:10]
        cell = min(_CELL, (WIDTH - _LEFT - 10) / len(self.span))
        body, y = [_words(10, 20, self.title, bold=True)], 30.0
        for name, each in self.covers.items():
            part, y = self._block(name, each, cell, y)
            body += part
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y:g}" viewBox="0 0 {WIDTH} {y:g}" '
            f'role="img" aria-labelledby="{key}t {key}d"><title id="{key}t">{escape(self.title)}</title>'
            f'<desc id="{key}d">{escape(self.description)}</desc><rect width="100%" height="100%" fill="{PAPER}"/>'
            f'<g font-family="{FAMILY}">{"".join(body)}</g></svg>'
        )

    def _block(self, name: str, each: Cover, cell: float, top: float) -> tuple[list[str], float]:
        """One process from `top` down, and where it ends."""
        body = [_words(10, top + 14, self._caption(name), bold=True)]
        top += 20
        body.append(_words(_LEFT - 8, top + 12, "page", GREY, "end"))
        body += [_words(self._x(page, cell) + cell / 2, top + 12, str(page), GREY, "middle") for page in self.span]
        y = top + 18
        fills = {row.serial: self._fill(row.name) for row in each.rows}
        body.append(_words(_LEFT - 8, y + 15, _TREE, anchor="end"))
        for serial, low, high in _runs((page, each.found.get(page)) for page in self.span):
            body += self._box(low, high, cell, y, fills.get(serial, PAPER), f"#{serial}")
        y += _ROW + 4
        for row in each.rows:
            body.append(_words(_LEFT - 8, y + 15, row.label, anchor="end"))
            for _, low, high in _runs((page, row.serial if page in row.pages else None) for page in self.span):
                body += self._box(low, high, cell, y, fills[row.serial], "", row.lost)
            y += _ROW
        claimed = each.claimed
        body.append(_words(_LEFT - 8, y + 15, _CLAIMS, anchor="end"))
        for page in self.span:
            body += self._claim(page, claimed.get(page, 0), cell, y)
        return body, y + _ROW + 10

    def _fill(self, name: str) -> str:
        """One colour for a name in all blocks."""
        files = dict.fromkeys(row.name for each in self.covers.values() for row in each.rows if row.name != "anon")
        return OKABE_ITO[_ANON if name == "anon" else _FILES[list(files).index(name) % len(_FILES)]]

    def _x(self, page: int, cell: float) -> float:
        return _LEFT + (page - self.span.start) * cell

    def _box(
        self, low: int, high: int, cell: float, y: float, fill: str, label: str, lost: bool = False
    ) -> Iterator[str]:
        """A run of pages; one that only the list has is dashed."""
        x, wide = self._x(low, cell), (high - low) * cell
        line = 'stroke-width="2" stroke-dasharray="5 3"' if lost else 'stroke-width="1"'
        yield (
            f'<rect x="{x + 1:.1f}" y="{y + 1:g}" width="{wide - 2:.1f}" height="{_ROW - 3}" fill="{fill}" '
            f'stroke="{INK}" {line}/>'
        )
        if label:
            yield _words(x + wide / 2, y + 15, label, anchor="middle")

    def _claim(self, page: int, count: int, cell: float, y: float) -> Iterator[str]:
        """How many VMAs claim a page; more than one is framed, tinted and has a mark."""
        x = self._x(page, cell)
        if count > 1:
            state = STATES["removed"]
            yield (
                f'<rect x="{x + 1.5:.1f}" y="{y + 1.5:g}" width="{cell - 3:.1f}" height="{_ROW - 4}" '
                f'fill="{state.tint}" stroke="{state.fill}" stroke-width="2"/>'
            )
        yield _words(x + cell / 2, y + 15, _count(count), anchor="middle", bold=count > 1)


def _count(count: int) -> str:
    return f"{count}!" if count > 1 else str(count or ".")


def _sentence(name: str, each: Cover) -> str:
    many = sorted(page for page, count in each.claimed.items() if count > 1)
    lost = [row.label for row in each.rows if row.lost]
    said = f"{name}: {len(each.rows)} VMAs; {each.summary}; pages that two VMAs claim: {many or 'none'}."
    return f"{said} In the list only: {', '.join(lost)}." if lost else said


def _runs(cells: Iterable[tuple[int, int | None]]) -> Iterator[tuple[int, int, int]]:
    """Pages in a row with the same VMA: its number, first page, page behind the last."""
    open_: tuple[int, int, int] | None = None
    for page, serial in cells:
        if open_ and serial != open_[0]:
            yield open_
            open_ = None
        if serial is not None:
            open_ = (serial, open_[1] if open_ else page, page + 1)
    if open_:
        yield open_


def _words(x: float, y: float, text: str, fill: str = INK, anchor: str = "start", bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{x:.1f}" y="{y:g}" font-size="12" fill="{fill}" text-anchor="{anchor}"{weight}>{escape(text)}</text>'
    )


def cover_picture(
    processes: Mapping[str, Process],
    base: int,
    title: str | None = None,
    notes: Mapping[str, str] | None = None,
    span: range | None = None,
) -> CoverPicture:
    """Processes by name, page by page from `base`; `notes` go behind the captions, `span` fixes the columns.

    Raises ValueError for more than MOST pages. O(pages).

    >>> from mmsim.experiments.build import SEGMENT, segment, started
    >>> process = started("v4")
    >>> _ = segment(process, -2, 4), process.vm_brk_flags(SEGMENT, 3 * PAGE)
    >>> print(cover_picture({"v4": process}, SEGMENT))
    who covers which page
      page                 -2  -1   0   1   2
    v4: total_vm counts 7 pages, 5 are mapped
      the tree finds       #1  #1  #2  #2  #2
      #1 program           ==  ==  ==  ==
      #2 anon                      ==  ==  ==
      VMAs that claim it    1   1  2!  2!   1
    """
    covers = {name: cover(process, base) for name, process in processes.items()}
    return CoverPicture(title or "who covers which page", covers, notes or {}, span)
