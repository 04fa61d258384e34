"""What a userfaultfd's monitor believes and what is so, page by page; and a lab that cuts a registered heap."""

from __future__ import annotations

from hashlib import sha256
from html import escape
from typing import Any, NamedTuple

from mmsim.brk import GENERATIONS, Process
from mmsim.mm import UffdContext
from mmsim.mm.units import PAGE

from .shown import Shown
from .space import snapshot
from .strip import FAMILY
from .theme import GREY, INK, OKABE_ITO, PAPER
from .widgets import Lab

__all__ = ["MonitorLab", "MonitorPicture", "Watch", "monitor_picture"]

REGISTERED, MAPPED, NOTHING, OWN = "r", "m", ".", "r"
_WORDS = "r registered   m mapped, not registered   . nothing (book: not its own)   ! the monitor is wrong here"
_FILLS = {REGISTERED: OKABE_ITO["sky blue"], MAPPED: "#E4E4E4", NOTHING: PAPER}
_LEFT, _ROW = 150, 30


class Watch(NamedTuple):
    """A registration: `pages` from `start` on, of which [low, high) were registered with the monitor."""

    monitor: UffdContext
    start: int
    pages: int
    low: int
    high: int

    def kernel(self, process: Process) -> str:
        """A letter a page, by the tree: registered with this monitor, mapped otherwise, or nothing."""
        found = (process.mm.tree.load(self.start + page * PAGE) for page in range(self.pages))
        return "".join(NOTHING if vma is None else REGISTERED if vma.uffd is self.monitor else MAPPED for vma in found)

    def belief(self) -> str:
        """A letter a page: what the monitor registered, without what it was told of."""
        at = (self.start + page * PAGE for page in range(self.pages))
        gone = [any(low <= address < high for low, high in self.monitor.events) for address in at]
        own = [self.low <= page < self.high for page in range(self.pages)]
        return "".join(OWN if mine and not told else NOTHING for mine, told in zip(own, gone, strict=True))

    def wrong(self, process: Process) -> list[int]:
        """The pages that the monitor takes for its own and that are not, or the other way round."""
        both = zip(self.kernel(process), self.belief(), strict=True)
        return [page for page, (one, other) in enumerate(both) if (one == REGISTERED) != (other == OWN)]

    def told(self) -> str:
        """The events as pages.

        >>> Watch(UffdContext("monitor"), 0, 4, 0, 4).told()
        'nothing'
        """
        return ", ".join(_pages(low - self.start, high - self.start) for low, high in self.monitor.events) or "nothing"


def _pages(low: int, high: int) -> str:
    first, last = low // PAGE, high // PAGE - 1
    return f"page {first}" if first == last else f"pages {first} to {last}"


class MonitorPicture(Shown):
    """Three rows: the kernel's tree, the monitor's book, and where the two do not agree."""

    def __init__(self, title: str, process: Process, watch: Watch) -> None:
        self.title = title
        self.told = watch.told()
        self.rows = (watch.kernel(process), watch.belief())
        self.wrong = watch.wrong(process)
        self.listed = snapshot(process).listed

    @property
    def text(self) -> str:  # type: ignore[override]
        """The rows in letters, their meaning, what the monitor was told, and VMAs that only the list knows."""
        count = range(len(self.rows[0]))
        marks = "".join("!" if page in self.wrong else " " for page in count)
        pages = "".join(f"{page:>3}" for page in count)
        named = zip((*_NAMES, ""), (pages, *self._spread(marks)), strict=True)
        lines = [f"  {name:<14}{row}".rstrip() for name, row in named]
        listed = [f"  only in the list: {each}" for each in self.listed]
        return "\n".join([self.title, *lines, f"  {_WORDS}", f"  told of: {self.told}", *listed])

    def _spread(self, marks: str) -> list[str]:
        return ["".join(f"{letter:>3}" for letter in row) for row in (*self.rows, marks)]

    @property
    def description(self) -> str:
        """What the rows come to: the `<desc>`."""
        count = f"{len(self.wrong)} of {len(self.rows[0])}"
        said = f"the monitor is wrong about {count} pages" if self.wrong else "the monitor's book is right"
        listed = " A VMA is left that only the list knows." if self.listed else ""
        return f"The monitor was told of {self.told}: {said}.{listed}"

    def svg(self) -> str:  # type: ignore[override]
        """The drawing as one <svg> element."""
        count = len(self.rows[0])
        wide = min(40, 660 // max(count, 1))
        body = [_text(10, 20, self.title, bold=True)]
        body += [_text(_LEFT + page * wide + wide / 2, 42, str(page), GREY, "middle") for page in range(count)]
        body.append(_text(10, 42, "page", GREY))
        for at, (name, row) in enumerate(zip(_NAMES[1:], self.rows, strict=True)):
            y = 50 + at * _ROW
            body.append(_text(10, y + 17, name))
            for page, letter in enumerate(row):
                body += _box(_LEFT + page * wide, y, wide, letter, bool(at) and page in self.wrong)
        y = 50 + 2 * _ROW
        for page in self.wrong:
            body.append(_text(_LEFT + page * wide + wide / 2, y + 16, "!", OKABE_ITO["vermillion"], "middle", True))
        lines = [
            f"The monitor was told of: {self.told}",
            *(f"only in the list: {each}" for each in self.listed),
            _WORDS,
        ]
        for at, line in enumerate(lines):
            body.append(_text(10, y + 38 + 18 * at, line, GREY if line == _WORDS else INK))
        high, key = y + 38 + 18 * len(lines), "mon" + sha256(self.text.encode()).hexdigest()[:10]
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="860" height="{high}" viewBox="0 0 860 {high}" '
            f'role="img" aria-labelledby="{key}t {key}d"><title id="{key}t">{escape(self.title)}</title>'
            f'<desc id="{key}d">{escape(self.description)}</desc><rect width="100%" height="100%" fill="{PAPER}"/>'
            f'<g font-family="{FAMILY}">{"".join(body)}</g></svg>'
        )


_NAMES = ("page", "kernel", "monitor's book")


def monitor_picture(process: Process, watch: Watch, title: str = "kernel and monitor") -> MonitorPicture:
    """The kernel's tree and the monitor's book, a column a page. O(pages).

    >>> process = Process("today", start_brk=0x10000000)
    >>> _ = process.brk(0x10002000)
    >>> print(monitor_picture(process, Watch(UffdContext("m"), 0x10000000, 2, 0, 0)).description)
    The monitor was told of nothing: the monitor's book is right.
    """
    return MonitorPicture(title, process, watch)


def _box(x: float, y: float, wide: float, letter: str, wrong: bool) -> list[str]:
    edge = f'stroke="{OKABE_ITO["vermillion"]}" stroke-width="3" stroke-dasharray="5 3"' if wrong else (
        f'stroke="{INK}" stroke-width="0.7"')  # fmt: skip
    box = f'<rect x="{x + 1:.1f}" y="{y}" width="{wide - 2:.1f}" height="{_ROW - 6}" fill="{_FILLS[letter]}" {edge}/>'
    return [box, _text(x + wide / 2, y + 17, letter, INK, "middle")]


def _text(x: float, y: float, text: str, fill: str = INK, anchor: str = "start", bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{x:.1f}" y="{y}" font-size="12" fill="{fill}" text-anchor="{anchor}" '
        f'xml:space="preserve"{weight}>{escape(text)}</text>'
    )


class MonitorLab(Lab):
    """Move the break of a heap of 12 pages, of which a monitor has registered some.

    Inputs, in pages above start_brk: `low` and `high`, the pages registered, from the first up to the one before
    the second; `brk`, the new break; and `generation`. Afterwards: `watch`; `process`; `taken`, how many registered
    pages the call unmapped; `told`, of how many of them the monitor was told.

    >>> lab = MonitorLab("cut the monitor's pages", brk=8)
    >>> lab.taken, lab.told, lab.set(generation="before").told
    (4, 0, 4)
    """

    START, HEAP, TOP = 0x1000_4000, 12, 16

    def __init__(self, task: str, low: int = 0, high: int = 12, brk: int = 12, generation: str = "v4") -> None:
        import ipywidgets as widgets

        super().__init__(task, "dec", self.TOP, in_python=True)
        for name, value, top in (("low", low, self.HEAP), ("high", high, self.HEAP), ("brk", brk, self.TOP)):
            self.fields[name] = widgets.IntSlider(value, 0, top, description=name, continuous_update=False)
        self.fields["generation"] = widgets.Dropdown(
            options=tuple(GENERATIONS), value=generation, description="generation"
        )
        self._build([self.fields["low"], self.fields["high"]], [self.fields["brk"], self.fields["generation"]])

    def _put(self, field: Any, value: Any) -> None:
        """The ranges of the sliders are all there is."""
        field.value = value

    def refresh(self) -> None:
        """Build the process, register, and move the break."""
        low, high, brk = (self._number(name) for name in ("low", "high", "brk"))
        monitor = UffdContext("monitor")
        process = Process(self.fields["generation"].value, start_brk=self.START)
        process.brk(self.START + self.HEAP * PAGE)
        if low < high:
            process.uffd_register(self.START + low * PAGE, (high - low) * PAGE, monitor)
        self.watch = Watch(monitor, self.START, self.TOP, low, high)
        self.process, ahead = process, self.watch.kernel(process)
        self.answer = (process.brk(self.START + brk * PAGE) - self.START) // PAGE
        after, belief = self.watch.kernel(process), self.watch.belief()
        taken = [page for page in range(self.TOP) if ahead[page] == REGISTERED != after[page]]
        self.taken = len(taken)
        self.told = sum(belief[page] != OWN for page in taken)
        self.picture = MonitorPicture(f"After brk() in generation {process.generation}", process, self.watch)

    def report(self) -> list[str]:
        """The inputs and what came of them."""
        low, high, brk = (self._number(name) for name in ("low", "high", "brk"))
        given = f"registered: {_pages(low * PAGE, high * PAGE) if low < high else 'nothing'} of a heap of {self.HEAP}"
        answered = "accepted" if self.answer == brk else f"refused, the break stays at page {self.answer}"
        came = f"{self.taken} registered pages taken away, the monitor told of {self.told} of them"
        return [given, f"{self.process.generation}: the break goes to page {brk}: {answered}; {came}"]
