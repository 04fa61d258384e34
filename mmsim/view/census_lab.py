"""Pictures of a census, and a lab to look into its jobs: which growths extended the heap, why the others did not."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from html import escape
from typing import Any, NamedTuple

from mmsim.brk import GENERATIONS
from mmsim.experiments.growths import Counts, Replayed, jobs, replayed
from mmsim.mm.units import page_align
from mmsim.trace.census import BESIDE, EXTENDED, NEW, TOUCH, Job

from .fmt import size
from .shown import Shown
from .theme import GREY, INK, OKABE_ITO, PAPER
from .widgets import Lab

__all__ = ["BreakChart", "CensusLab", "ShareBars", "share_bars"]

NONE = "none"
FAMILY = "DejaVu Sans,Verdana,sans-serif"
WIDTH = 860
TOUCHED = {"growth": "after each growth", "fork": "right before a fork", "never": "never"}
"""The rules of `mmsim.trace.census`, in words."""


class _Part(NamedTuple):
    """A kind of growth: its word, colour, the pattern that goes with it, and what stands for it in text."""

    word: str
    colour: str
    pattern: str
    letter: str


PARTS = {
    "extended": _Part("extended", "sky blue", "", "="),
    "new": _Part("new VMA", "orange", "M0 6L6 0", "/"),
    "first": _Part("new VMA: no heap there", "orange", "M0 6L6 0", "/"),
    "forked": _Part("new VMA: beside an inherited heap", "vermillion", "M0 6L6 0M0 0L6 6", "x"),
}
_KIND = {EXTENDED: "extended", NEW: "first", BESIDE: "forked"}
_CELLS = 20
"""Length of a bar in text."""


class ShareBars(Shown):
    """A bar a job, all of one length: which share of its growths extended the heap. `causes` splits the others."""

    def __init__(self, title: str, counts: Mapping[str, Counts], causes: bool = False) -> None:
        self.title = title
        self.counts = dict(counts)
        self.parts = ("extended", "first", "forked") if causes else ("extended", "new")

    @property
    def text(self) -> str:  # type: ignore[override]
        """A line a job: the bar, and the numbers."""
        wide = max(map(len, self.counts), default=0)
        key = ", ".join(f"{PARTS[name].letter} {PARTS[name].word}" for name in self.parts)
        lines = [f"  {name:<{wide}}  {self._bar(each)}  {self._numbers(each)}" for name, each in self.counts.items()]
        return "\n".join([f"{self.title} ({key})", *lines])

    def _bar(self, counts: Counts) -> str:
        """The bar in letters; what there is at all has one at least."""
        if not counts.growths:
            return " " * _CELLS
        found = {name: getattr(counts, name) for name in self.parts}
        cells = {name: max(count > 0, round(_CELLS * count / counts.growths)) for name, count in found.items()}
        longest = max(cells, key=lambda name: cells[name])
        cells[longest] += _CELLS - sum(cells.values())
        return "".join(PARTS[name].letter * cells[name] for name in self.parts)

    def _numbers(self, counts: Counts) -> str:
        if not counts.growths:
            return "no growth"
        said = f"{counts.extended:>4} of {counts.growths:>4} extended, {counts.share:5.1f} %"
        return (
            f"{said}; {counts.first} first, {counts.forked} beside an inherited heap"
            if "forked" in self.parts
            else said
        )

    @property
    def description(self) -> str:
        """All bars as a sentence: the `<desc>`."""
        said = "; ".join(f"{name} {self._numbers(each).strip()}" for name, each in self.counts.items())
        return f"A bar for each job, split by what its growths came to: {said}."

    def svg(self) -> str:  # type: ignore[override]
        """The drawing as one <svg> element."""
        left, full, row, key = 130, 480, 19, _key(self.text)
        body, y = [_words(10, 18, self.title, bold=True), *_legend(10, 38, self.parts, key)], 50
        for name, counts in self.counts.items():
            body.append(_words(left - 8, y + 13, name, anchor="end"))
            x = float(left)
            for part in self.parts:
                count = getattr(counts, part)
                if not count:
                    continue
                wide = full * count / counts.growths
                body += _block(x, y + 1, max(wide, 2.0), row - 4, part, key)
                x += wide
            body.append(_words(left + full + 8, y + 13, " ".join(self._numbers(counts).split(";")[0].split())))
            y += row
        return _drawing(self.title, self.description, body, y + 8, key)


def share_bars(replays: Mapping[str, Replayed], title: str | None = None, causes: bool = False) -> ShareBars:
    """Jobs as bars, the smallest share of extended growths first. Jobs that grow nothing are left out beside others.

    >>> print(share_bars({name: replayed(jobs()[name], "v4") for name in ("awk", "bash-loop")}))
    growths by job (= extended, / new VMA)
      bash-loop  ==//////////////////     5 of   48 extended,  10.4 %
      awk        ===================/   194 of  195 extended,  99.5 %
    """
    every = {name: each.counts for name, each in replays.items()}
    found = {name: counts for name, counts in every.items() if counts.growths} or every
    order = sorted(found, key=lambda name: (found[name].share, -found[name].growths, name))
    return ShareBars(title or "growths by job", {name: found[name] for name in order}, causes)


class _Move(NamedTuple):
    """A call that moved the break: its address space, the sizes of the heap before and after, and its kind.

    The kind is one of PARTS, "shrink", or "refused".
    """

    space: int
    before: int
    after: int
    kind: str


def moves(job: Job, generation: str, touch: str) -> list[_Move]:
    """All calls of a job that moved the break or tried, by address space.

    A forked space begins at the break of its first call less what that asked for: where its parent stood is not
    recorded.
    """
    differs = {(each.space, each.call): each for each in _replayed(job, generation, touch).result.differs}
    found: list[_Move] = []
    for space in job.spaces:
        top = None if space.forked_from is not None else space.start_brk
        for number, call in enumerate(space.calls):
            other = differs.get((space.number, number))
            kind = other.kind if other else call.kind
            ret = other.ret if other else call.ret
            if kind != "query":
                old = ret if top is None else top
                if kind in _KIND or kind in ("shrink", "refused"):
                    before, after = (page_align(each) - space.start_brk for each in (old, ret))
                    found.append(_Move(space.number, before, after, _KIND.get(kind, kind)))
                top = ret
    return found


class BreakChart(Shown):
    """The break of jobs over their calls, a panel each; below, a row for each kind of growth says where it was."""

    def __init__(self, title: str, panels: Mapping[str, tuple[Job, list[_Move]]], about: Mapping[str, str]) -> None:
        self.title = title
        self.panels = dict(panels)
        self.about = dict(about)

    @property
    def text(self) -> str:  # type: ignore[override]
        """A line for each panel, and one for each kind of growth in it: which calls it was."""
        lines = [self.title]
        for name, (_, found) in self.panels.items():
            lines.append(f"{name}: {_moved(found)}")
            for kind in ("extended", "first", "forked"):
                at = [number for number, move in enumerate(found, 1) if move.kind == kind]
                if at:
                    lines.append(f"  {PARTS[kind].letter} {PARTS[kind].word}: {len(at)}, moves {_runs(at)}")
        return "\n".join(lines)

    @property
    def description(self) -> str:
        """What the panels show: the `<desc>`."""
        said = (f"{name}: {_moved(found)}; {self.about[name]}" for name, (_, found) in self.panels.items())
        return f"The size of the heap over the calls that move the break. {'. '.join(said)}."

    def svg(self) -> str:  # type: ignore[override]
        """The drawing as one <svg> element."""
        key = _key(self.text)
        body, y = [_words(10, 18, self.title, bold=True)], 30.0
        for name, (_, found) in self.panels.items():
            part, y = _panel(name, found, self.about[name], y, key)
            body += part
        return _drawing(self.title, self.description, body, y, key)


def _panel(name: str, found: list[_Move], about: str, top: float, key: str) -> tuple[list[str], float]:
    """The steps of one job and the rows below; and where it ends."""
    left, full, high = 90.0, 640.0, 110.0
    base = top + 24 + high
    body = [_words(10, top + 13, f"{name}: {about}")]
    body.append(f'<path d="M{left:g} {base - high:g}V{base:g}H{left + full:g}" fill="none" stroke="{INK}"/>')
    most = max((max(move.before, move.after) for move in found), default=0) or 1
    step = min(14.0, full / max(len(found), 1))
    body += [_words(left - 6, base, "0", GREY, "end"), _words(left - 6, base - high + 10, size(most), GREY, "end")]
    body += _steps(found, lambda value: base - high * value / most, left, step)
    y = base + 6
    for kind in ("extended", "first", "forked"):
        at = [number for number, move in enumerate(found) if move.kind == kind]
        body += _row(kind, at, left, full, step, y, key)
        y += 18
    body.append(_words(left, y + 10, "calls that move the break, in order", GREY))
    return body, y + 26


def _steps(found: list[_Move], place: Any, left: float, step: float) -> list[str]:
    """A line of steps for each address space, each filled down to nothing."""
    body, start = [], 0
    while start < len(found):
        end = start
        path = f"M{left + start * step:.1f} {place(0):.1f}V{place(found[start].before):.1f}"
        while end < len(found) and found[end].space == found[start].space:
            path += f"V{place(found[end].after):.1f}H{left + (end + 1) * step:.1f}"
            end += 1
        path += f"V{place(0):.1f}"
        body.append(f'<path d="{path}" fill="#D5ECFA" stroke="{OKABE_ITO["blue"]}" stroke-width="0.8"/>')
        start = end
    return body


def _row(kind: str, at: list[int], left: float, full: float, step: float, y: float, key: str) -> list[str]:
    """A row of marks: a colour and a shape for each kind; its word and count on the right."""
    wide = max(step - 1, 1.2)
    body = [f'<path d="M{left:g} {y + 14:g}H{left + full:g}" stroke="{GREY}" stroke-width="0.4"/>']
    for number in at:
        body += _block(left + number * step + (step - wide) / 2, y + 2, wide, 12, kind, key)
    short = {"extended": "extended", "first": "no heap there", "forked": "inherited"}[kind]
    return [*body, _words(left + full + 8, y + 13, f"{len(at)} {short}")]


def _moved(found: list[_Move]) -> str:
    """The counts of a panel in words."""
    most = max((max(move.before, move.after) for move in found), default=0)
    spaces = len({move.space for move in found})
    shrinks = sum(move.kind == "shrink" for move in found)
    return f"{len(found)} moves in {spaces} address space{'' if spaces == 1 else 's'}, {shrinks} down; top {size(most)}"


def _runs(numbers: list[int], most: int = 6) -> str:
    """Numbers with runs drawn together, the first few.

    >>> _runs([1, 3, 4, 5, 9])
    '1, 3-5, 9'
    """
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] == number - 1:
            runs[-1][1:] = [number]
        else:
            runs.append([number])
    said = ["-".join(map(str, run)) for run in runs[:most]]
    return ", ".join(said) + (", ..." if len(runs) > most else "")


class CensusLab(Lab):
    """Choose a job of the census and see when its growths extended the heap.

    Inputs: `job`, and `beside`, a second one (or none); `generation`; `touch`, when programs write to their heap,
    which no recording tells (growth, fork, never). Afterwards: `replays`, by job; `counts`, of the first job; and
    `usual`, the same with the heap written to after each growth.

    >>> lab = CensusLab("find a job that never extends", job="sort-big")
    >>> lab.counts.extended, lab.set(job="awk").counts.extended
    (0, 194)
    """

    def __init__(
        self, task: str, job: str = "true", beside: str = NONE, generation: str = "v4", touch: str = "growth"
    ) -> None:
        import ipywidgets as widgets

        super().__init__(task, "dec", 1, in_python=True)
        for name, options, value in (
            ("job", tuple(jobs()), job),
            ("beside", (NONE, *jobs()), beside),
            ("generation", tuple(GENERATIONS), generation),
            ("touch", tuple((word, rule) for rule, word in TOUCHED.items()), touch),
        ):
            label = "heap written" if name == "touch" else name
            style = {"description_width": "90px"}
            self.fields[name] = widgets.Dropdown(options=options, value=value, description=label, style=style)
        self._build([self.fields["job"], self.fields["beside"]], [self.fields["generation"], self.fields["touch"]])

    def refresh(self) -> None:
        """Replay what is chosen; a job that was replayed like that before is only looked up."""
        generation, touch = self.fields["generation"].value, self.fields["touch"].value
        chosen = [name for name in (self.fields["job"].value, self.fields["beside"].value) if name != NONE]
        self.replays = {name: _replayed(jobs()[name], generation, touch) for name in dict.fromkeys(chosen)}
        self.counts = next(iter(self.replays.values())).counts
        self.usual = replayed(jobs()[chosen[0]], generation).counts
        panels = {name: (jobs()[name], moves(jobs()[name], generation, touch)) for name in self.replays}
        about = {name: _share(each.counts) for name, each in self.replays.items()}
        self.picture = BreakChart("The size of the heap, call by call", panels, about)

    def report(self) -> list[str]:
        """The inputs, and for each job its address spaces, its growths, and whether the kernel did the same."""
        generation, touch = self.fields["generation"].value, self.fields["touch"].value
        lines = [f"generation {generation}; the heap is written to: {TOUCHED[touch]}"]
        for name, each in self.replays.items():
            job, differ = jobs()[name], len(each.result.differs)
            execs = sum(space.forked_from is None for space in job.spaces)
            born = f"{execs} begun by exec, {len(job.spaces) - execs} by fork"
            agree = "as the recorded kernel" if not differ else f"{differ} calls differ from the recorded kernel"
            lines.append(f"{name}: address spaces: {born}; {_said(each.counts)}; {agree}")
        return lines


def _replayed(job: Job, generation: str, touch: str) -> Replayed:
    """Without a growth in a forked child no rule of writing changes a thing: then the usual replay does."""
    inherits = any(space.calls for space in job.spaces if space.forked_from is not None)
    return replayed(job, generation, touch if inherits else TOUCH[0])


def _share(counts: Counts) -> str:
    if not counts.growths:
        return "no growth"
    return f"{counts.extended} of {counts.growths} growths extended ({counts.share:.1f} %)"


def _said(counts: Counts) -> str:
    if not counts.growths:
        return _share(counts)
    return f"{_share(counts)}; new VMA: {counts.first} no heap there, {counts.forked} beside an inherited one"


# -- drawing


def _block(x: float, y: float, wide: float, high: float, part: str, key: str) -> list[str]:
    """A rectangle in the colour of a part, with its pattern over it."""
    place = f'x="{x:.1f}" y="{y:g}" width="{wide:.1f}" height="{high:g}"'
    edge = f'stroke="{INK}" stroke-width="0.6"' if wide > 3 else ""
    body = [f'<rect {place} fill="{OKABE_ITO[PARTS[part].colour]}" {edge}/>']
    if PARTS[part].pattern and wide > 3:
        body.append(f'<rect {place} fill="url(#{key}{part})"/>')
    return body


def _legend(x: float, y: float, parts: tuple[str, ...], key: str) -> list[str]:
    body = []
    for part in parts:
        body += [*_block(x, y - 11, 24, 12, part, key), _words(x + 30, y, PARTS[part].word)]
        x += 50 + 7.2 * len(PARTS[part].word)
    return body


def _patterns(key: str) -> str:
    """The patterns of all parts; their names are the drawing's own."""
    return "".join(
        f'<pattern id="{key}{name}" width="6" height="6" patternUnits="userSpaceOnUse">'
        f'<path d="{part.pattern}" stroke="{INK}" stroke-width="0.8"/></pattern>'
        for name, part in PARTS.items()
        if part.pattern
    )


def _words(x: float, y: float, text: str, fill: str = INK, anchor: str = "start", bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{x:.1f}" y="{y:g}" font-size="12" fill="{fill}" text-anchor="{anchor}"{weight}>{escape(text)}</text>'
    )


def _drawing(title: str, description: str, body: list[str], high: float, key: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{high:g}" viewBox="0 0 {WIDTH} {high:g}" '
        f'role="img" aria-labelledby="{key}t {key}d"><title id="{key}t">{escape(title)}</title>'
        f'<desc id="{key}d">{escape(description)}</desc><defs>{_patterns(key)}</defs>'
        f'<rect width="100%" height="100%" fill="{PAPER}"/><g font-family="{FAMILY}">{"".join(body)}</g></svg>'
    )


def _key(text: str) -> str:
    return "ce" + sha256(text.encode()).hexdigest()[:10]
