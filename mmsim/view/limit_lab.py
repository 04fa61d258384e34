"""Calls near a limit: a grid of answers for each generation, what a limit test counted, and a lab for both."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from html import escape
from typing import Any, Protocol

from mmsim.brk import GENERATIONS
from mmsim.experiments.build import answer as named_answer
from mmsim.experiments.limits import Trial, brk_trial, loader_trial, mmap_trial

from .shown import Shown
from .space import Space, changes, snapshot
from .space_pictures import SpacePicture
from .strip import FAMILY, Strip
from .theme import GREY, INK, OKABE_ITO, PAPER, STATES
from .widgets import Lab

__all__ = ["LimitBars", "LimitGrid", "LimitLab", "limit_bars", "limit_grid"]

WIDTH, MARGIN, CELL, BOX = 860, 10, 27, 22
MOST = 8
"""The most pages of a call in the lab; a limit can leave two more, so that all of them fit."""
MARKS = {
    "+": ("accepted", STATES["new"].tint, 1.0),
    "-": ("refused: too little room", "#D0D0D0", 1.0),
    "!": ("refused without need", OKABE_ITO["orange"], 3.0),
}
"""What a mark means, its colour and how thick its frame is."""
PAGES = {
    "m": ("mapped when tested", "#D0D0D0", 1.0),
    "+": ("counted as new", STATES["new"].tint, 1.0),
    "2": ("counted as new, but mapped already", OKABE_ITO["orange"], 3.0),
}


class Marked(Protocol):
    """What a cell of a grid needs to know; a Trial does."""

    @property
    def overlap(self) -> int:
        """Its row."""

    @property
    def slack(self) -> int:
        """Its column."""

    @property
    def mark(self) -> str:
        """One of MARKS."""


class LimitGrid(Shown):
    """A grid for each name: rows are overlaps, columns are slacks, both in pages; each cell has a mark."""

    def __init__(self, title: str, grids: Mapping[str, Iterable[Marked]]) -> None:
        self.title = title
        self.grids = {
            name: {(each.overlap, each.slack): each.mark for each in trials} for name, trials in grids.items()
        }
        places = [place for grid in self.grids.values() for place in grid]
        self.rows = sorted({overlap for overlap, _ in places})
        self.columns = sorted({slack for _, slack in places})

    @property
    def text(self) -> str:  # type: ignore[override]
        """All grids beside each other; a line for each overlap."""
        wide = max([2 * len(self.columns) - 1, *map(len, self.grids)])
        slacks = " ".join(str(slack % 10) for slack in self.columns)
        rows = {f"overlap {row}": [self._marks(grid, row) for grid in self.grids.values()] for row in self.rows}
        rows = {"": [*self.grids], "slack": [slacks] * len(self.grids), **rows}
        lines = [self.title, *(_line(head, parts, wide) for head, parts in rows.items())]
        return "\n".join(line.rstrip() for line in [*lines, f"pages; {_legend(MARKS, self._used())}"])

    def _marks(self, grid: Mapping[tuple[int, int], str], row: int) -> str:
        return " ".join(grid.get((row, column), " ") for column in self.columns)

    def _used(self) -> set[str]:
        return {mark for grid in self.grids.values() for mark in grid.values()}

    @property
    def description(self) -> str:
        """How often each mark stands in each grid: the `<desc>`."""
        return " ".join(f"{name}: {_counts(grid.values())}." for name, grid in self.grids.items())

    def svg(self) -> str:  # type: ignore[override]
        """The drawing as one <svg> element."""
        body, top, left = [_words(MARGIN, 20, self.title, bold=True)], 30.0, 78.0
        wide = len(self.columns) * CELL + 34
        in_row = max(1, int((WIDTH - left) // wide))
        for at, (name, grid) in enumerate(self.grids.items()):
            if at and at % in_row == 0:
                top += len(self.rows) * CELL + 52
            body += self._panel(name, grid, left + at % in_row * wide, top, at % in_row == 0)
        bottom = top + len(self.rows) * CELL + 58
        body.append(_words(MARGIN, bottom, _legend(MARKS, self._used()), GREY))
        return _drawing(self.title, self.description, self.text, body, bottom + 10)

    def _panel(
        self, name: str, grid: Mapping[tuple[int, int], str], left: float, top: float, first: bool
    ) -> Iterable[str]:
        yield _words(left, top + 14, name, bold=True)
        for at, slack in enumerate(self.columns):
            yield _words(left + at * CELL + CELL / 2, top + 32, str(slack), GREY, "middle")
        if first:
            yield _words(left - 8, top + 32, "slack →", GREY, "end")
        for row, overlap in enumerate(self.rows):
            y = top + 38 + row * CELL
            if first:
                yield _words(left - 8, y + 18, f"overlap {overlap}", GREY, "end")
            for at, slack in enumerate(self.columns):
                if (overlap, slack) in grid:
                    yield _cell(left + at * CELL, y, CELL - 3, grid[overlap, slack], MARKS)


class LimitBars(Shown):
    """What each limit test counted, a box for each page, and where the limit is."""

    def __init__(self, title: str, trials: Mapping[str, Trial]) -> None:
        self.title = title
        self.trials = dict(trials)

    @property
    def text(self) -> str:  # type: ignore[override]
        """A line for each call: the sum, and the answer."""
        wide = max(map(len, self.trials), default=0)
        return "\n".join([self.title, *(f"  {name:<{wide}}  {_told(each)}" for name, each in self.trials.items())])

    @property
    def description(self) -> str:
        """The sums as sentences: the `<desc>`."""
        return " ".join(f"{name}: {_told(each)}." for name, each in self.trials.items())

    def svg(self) -> str:  # type: ignore[override]
        """The drawing as one <svg> element."""
        body, y, left = [_words(MARGIN, 20, self.title, bold=True)], 34.0, 90.0
        used: set[str] = set()
        for name, trial in self.trials.items():
            pages = _boxes(trial)
            used |= set(pages)
            body.append(_words(left - 8, y + 16, name, anchor="end", bold=True))
            body += [_cell(left + at * BOX, y, BOX - 2, page, PAGES) for at, page in enumerate(pages)]
            x = left + trial.limit * BOX - 1
            body.append(f'<path d="M{x:.1f} {y - 5:g}V{y + BOX + 4:g}" stroke="{INK}" stroke-width="3"/>')
            right = left + BOX * max(len(pages), trial.limit) + 8
            body.append(_words(right, y + 16, _told(trial) if trial.counted is None else _brief(trial)))
            y += BOX + 14
        legend = f"{_legend(PAGES, used)};  thick line: the limit" if used else "thick line: the limit"
        body.append(_words(MARGIN, y + 8, legend, GREY))
        return _drawing(self.title, self.description, self.text, body, y + 18)


def limit_grid(grids: Mapping[str, Iterable[Marked]], title: str | None = None) -> LimitGrid:
    """The answers of sweeps as a grid for each name.

    >>> from mmsim.experiments.limits import sweep
    >>> print(limit_grid({name: sweep(loader_trial, name, 2) for name in ("before", "v4")}))
    answers near the limit
               before  v4
    slack      0 1 2   0 1 2
    overlap 0  - - +   - - +
    overlap 1  - + +   - ! +
    overlap 2  + + +   ! ! +
    pages; + accepted;  - refused: too little room;  ! refused without need
    """
    return LimitGrid(title or "answers near the limit", grids)


def limit_bars(trials: Mapping[str, Trial], title: str | None = None) -> LimitBars:
    """What the limit test of each call counted.

    >>> print(limit_bars({name: loader_trial(name) for name in ("before", "v4")}))
    what the limit test counts
      before  0 + 4 = 4 is within 4 -> 0
      v4      4 + 4 = 8 is over 4; 4 counted twice -> -ENOMEM, without need
    """
    return LimitBars(title or "what the limit test counts", trials)


def _told(trial: Trial) -> str:
    return f"{trial.why} -> {_answer(trial)}"


def _brief(trial: Trial) -> str:
    return f"{trial.why.partition(';')[0]}: {_answer(trial)}"


def _answer(trial: Trial) -> str:
    """The answer by name; brk() says no with the old break, mmap() yes with the address."""
    said = "the old break" if trial.answer == -1 else named_answer(trial.answer) if trial.refused else "0"
    return said + (", without need" if trial.needless else "")


def _boxes(trial: Trial) -> str:
    """A letter for each page counted: what is mapped, what is asked for and mapped already, what is new."""
    if trial.counted is None:
        return "m" * trial.total
    total, asked, _, _ = trial.counted
    return "m" * total + "2" * trial.twice + "+" * (asked - trial.twice)


def _counts(marks: Iterable[str]) -> str:
    marks = list(marks)
    return ", ".join(f"{marks.count(mark)} {word}" for mark, (word, _, _) in MARKS.items() if mark in marks)


def _legend(kinds: Mapping[str, tuple[str, str, float]], used: Iterable[str]) -> str:
    used = set(used)
    return ";  ".join(f"{mark} {word}" for mark, (word, _, _) in kinds.items() if mark in used)


def _line(head: str, parts: Iterable[str], wide: int) -> str:
    return f"{head:<9}  " + "  ".join(f"{part:<{wide}}" for part in parts)


def _cell(x: float, y: float, side: float, mark: str, kinds: Mapping[str, tuple[str, str, float]]) -> str:
    """A square with its mark in it."""
    _, fill, frame = kinds[mark]
    inset = frame / 2
    return (
        f'<rect x="{x + inset:.1f}" y="{y + inset:.1f}" width="{side - frame:.1f}" height="{side - frame:.1f}" '
        f'fill="{fill}" stroke="{INK}" stroke-width="{frame:g}"/>'
        f'<text x="{x + side / 2:.1f}" y="{y + side / 2 + 4.5:.1f}" font-size="13" font-weight="bold" fill="{INK}" '
        f'text-anchor="middle">{mark}</text>'
    )


def _words(x: float, y: float, text: str, fill: str = INK, anchor: str = "start", bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="12" fill="{fill}" text-anchor="{anchor}"{weight}>'
        f"{escape(text)}</text>"
    )


def _drawing(title: str, description: str, text: str, body: Iterable[str], height: float) -> str:
    key = "mm" + sha256(text.encode()).hexdigest()[:10]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:g}" viewBox="0 0 {WIDTH} {height:g}" '
        f'role="img" aria-labelledby="{key}t {key}d"><title id="{key}t">{escape(title)}</title>'
        f'<desc id="{key}d">{escape(description)}</desc><rect width="100%" height="100%" fill="{PAPER}"/>'
        f'<g font-family="{FAMILY}">{"".join(body)}</g></svg>'
    )


class _Stacked(Shown):
    """The sums, and below them the strips."""

    def __init__(self, bars: LimitBars, strips: SpacePicture) -> None:
        self.bars, self.strips = bars, strips
        self.title = bars.title

    @property
    def text(self) -> str:  # type: ignore[override]
        """Both, one after the other."""
        return f"{self.bars.text}\n{self.strips.text}"

    def svg(self) -> str:  # type: ignore[override]
        """One <svg> element with both drawings in it."""
        (above, high), (below, more) = _inside(self.bars.svg()), _inside(self.strips.svg())
        body = [above, f'<g transform="translate(0 {high:g})">{below}</g>']
        return _drawing(self.title, f"{self.bars.description} {self.strips.description}", self.text, body, high + more)


def _inside(svg: str) -> tuple[str, float]:
    """What is drawn in an <svg> element below its description, and how high it is."""
    high = re.search(r'viewBox="0 0 \S+ (\S+)"', svg)
    return svg[svg.index("</desc>") + len("</desc>") : -len("</svg>")], float(high[1]) if high else 0.0


CALLS: dict[str, Callable[..., Trial]] = {
    "vm_brk_flags": loader_trial,
    "mmap": mmap_trial,
    "brk": lambda generation, length, overlap, slack: brk_trial(
        generation, length, length - overlap if overlap else None, slack
    ),
}
"""The calls of the lab: for brk() the upper pages of the growth are taken, for the others the lower ones."""
SHOWN = {"before and v4": ("before", "v4"), "all four": tuple(GENERATIONS), **{name: (name,) for name in GENERATIONS}}


class LimitLab(Lab):
    """One call near RLIMIT_AS, over pages that are mapped or not, in several generations.

    Inputs, in pages: `length`, what the call asks for (1 to 8); `overlap`, how many of these are mapped already (more
    than `length` count as all of them); `slack`, what the limit leaves above what is mapped. `call`: vm_brk_flags,
    mmap or brk; `generations`: which to ask. Afterwards: `trials`, by generation.

    >>> lab = LimitLab("let v4 refuse without need", length=4, overlap=0, slack=0)
    >>> lab.trials["v4"].mark, lab.set(overlap=4).trials["v4"].mark
    ('-', '!')
    """

    trials: dict[str, Trial]

    def __init__(
        self,
        task: str,
        length: int = 4,
        overlap: int = 0,
        slack: int = 0,
        call: str = "vm_brk_flags",
        generations: str = "before and v4",
    ) -> None:
        import ipywidgets as widgets

        super().__init__(task, "dec", MOST, in_python=True)
        for name, value, low, high in (
            ("length", length, 1, MOST),
            ("overlap", overlap, 0, MOST),
            ("slack", slack, 0, MOST + 2),
        ):
            self.fields[name] = widgets.IntSlider(value, low, high, description=name, continuous_update=False)
        for name, options, chosen in (("call", CALLS, call), ("generations", SHOWN, generations)):
            self.fields[name] = widgets.Dropdown(
                options=tuple(options), value=chosen, description=name, style={"description_width": "initial"}
            )
        fields = list(self.fields.values())
        self._build(fields[:3], fields[3:])

    def refresh(self) -> None:
        """Make the call in each generation."""
        call, length, slack = (self.fields[name].value for name in ("call", "length", "slack"))
        overlap = min(self.fields["overlap"].value, length)
        self.trials = {
            name: CALLS[call](name, length, overlap, slack) for name in SHOWN[self.fields["generations"].value]
        }
        bars = LimitBars(f"{call}(), {_pages(length)}", self.trials)
        self.picture = _Stacked(bars, SpacePicture("the call", self._strips(call == "brk")))

    def _strips(self, heap: bool) -> list[Strip]:
        """Before the call, which is the same for all, and after it in each generation."""
        before = _seen(next(iter(self.trials.values())).before, heap)
        strips = [Strip("before the call", before, {})]
        for name, trial in self.trials.items():
            after = _seen(trial.process, heap)
            strips.append(Strip(f"after the call, generation {name}", after, changes(before, after)[1]))
        return strips

    def report(self) -> list[str]:
        """The inputs, and who refuses; the sums stand in the picture."""
        length, slack = self.fields["length"].value, self.fields["slack"].value
        first = next(iter(self.trials.values()))
        head = (
            f"{self.fields['call'].value}() for {_pages(length)}, {first.overlap} of them mapped already; "
            f"mapped in all: {first.total}, limit: {first.limit} (slack {slack}), more than before: {first.new}"
        )
        said = {"accepted by:": "+", "refused by:": "-", "refused without need by:": "!"}
        found = {word: [name for name, each in self.trials.items() if each.mark == mark] for word, mark in said.items()}
        return [head, "; ".join(f"{word} {', '.join(names)}" for word, names in found.items() if names)]


def _pages(count: int) -> str:
    return f"{count} page{'' if count == 1 else 's'}"


def _seen(process: Any, heap: bool) -> Space:
    """A snapshot; without the heap's marks where the call is not about the heap."""
    shot = snapshot(process)
    return shot if heap else shot._replace(start_brk=0, brk=0)
