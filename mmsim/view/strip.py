"""An address space as a strip: VMAs as boxes on one axis, holes hatched, what is too long cut with a zigzag.

Several strips share the axis, so that what is at one address stands below each other. The SVG is written
here, without Graphviz: it is the same on every machine.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from html import escape
from typing import NamedTuple

from mmsim.mm.units import PAGE

from .fmt import number, size
from .space import Piece, Space, States
from .theme import GREY, INK, OKABE_ITO, PAPER, STATES

__all__ = ["Strip", "draw_strips"]

FAMILY = "DejaVu Sans,Verdana,sans-serif"
WIDTH = 860
MARGIN = 10
BOX = 62
CHAR = 6.5
LINE = 14
LEAST = {"vma": 26.0, "guard": 64.0, "hole": 40.0}
MOST = {"vma": WIDTH, "guard": 90.0, "hole": 90.0}
LARGE, SMALL = 0.5 * WIDTH, 60.0
"""Nothing is cut while the smallest VMA has SMALL. Then holes are; and VMAs longer than LARGE where even that is not
enough for the smallest one to be to scale."""
FILLS = {"[heap]": "#D5ECFA", "[stack]": "#F9F3B5", "anon": "#EFE3EB"}
FILE_FILL = "#EEEEEE"


class Strip(NamedTuple):
    """One strip of a picture; `compared` with the first one, so that `changed` marks what is not as there.

    With `origin` everything is told in pages, addresses as pages above it, and VMAs have no numbers.
    """

    caption: str
    space: Space
    states: States
    compared: bool = False
    origin: int | None = None

    def at(self, address: int) -> str:
        """An address in words."""
        return number(address, "hex") if self.origin is None else f"{(address - self.origin) / PAGE:g}"

    def length(self, count: int) -> str:
        """A number of bytes in words."""
        if self.origin is None:
            return size(count)
        return f"{count // PAGE} page{'' if count == PAGE else 's'}"


class _Axis:
    """Addresses to places: to scale, but nothing too narrow to label, and holes no longer than needed."""

    def __init__(self, spaces: Iterable[Space]) -> None:
        spaces = list(spaces)
        pieces = [piece for space in spaces for piece in space.pieces]
        at = {each for piece in pieces for each in (piece.start, piece.end)}
        at |= {low for space in spaces for _, low, _ in _holes(space)}
        at |= {each for space in spaces if space.has_heap for each in (space.start_brk, space.brk)}
        self.borders = sorted(at) or [0]
        pairs = list(zip(self.borders, self.borders[1:], strict=False))
        self.kinds = [_kind(pieces, *pair) for pair in pairs]
        self.sizes = [high - low for low, high in pairs]
        self.most = dict.fromkeys(MOST, float(WIDTH))
        self.scale = self._fit()
        least = min((each for each, kind in zip(self.sizes, self.kinds, strict=True) if kind == "vma"), default=1)
        if least * self.scale < SMALL:
            self.most = dict(MOST)
            self.scale = self._fit()
        if self.widened:
            self.most["vma"] = LARGE
            self.scale = min(self._fit(), SMALL / least)
        widths = self._widths(self.scale)
        self.places = [float(MARGIN)]
        for width in widths:
            self.places.append(self.places[-1] + width)
        self.cut = [
            each * self.scale > self.most[kind] + 0.01 for each, kind in zip(self.sizes, self.kinds, strict=True)
        ]

    @property
    def widened(self) -> bool:
        """Whether a VMA is drawn wider than to scale."""
        found = zip(self.sizes, self.kinds, strict=True)
        return any(kind == "vma" and each * self.scale < LEAST[kind] - 0.01 for each, kind in found)

    def _widths(self, scale: float) -> list[float]:
        return [
            min(max(each * scale, LEAST[kind]), self.most[kind])
            for each, kind in zip(self.sizes, self.kinds, strict=True)
        ]

    def _fit(self) -> float:
        """The largest scale at which all fits into the width."""
        low, high = 0.0, 1.0
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if sum(self._widths(middle)) <= WIDTH - 2 * MARGIN else (low, middle)
        return low

    def x(self, address: int) -> float:
        """The place of an address."""
        if len(self.places) == 1 or address <= self.borders[0]:
            return self.places[0]
        at = min(bisect_right(self.borders, address) - 1, len(self.sizes) - 1)
        part = (address - self.borders[at]) / self.sizes[at]
        return self.places[at] + min(part, 1) * (self.places[at + 1] - self.places[at])

    @property
    def width(self) -> float:
        """Where the axis ends, with its margin."""
        return self.places[-1] + MARGIN


def _kind(pieces: list[Piece], low: int, high: int) -> str:
    if any(piece.start <= low and high <= piece.end for piece in pieces):
        return "vma"
    return "guard" if any(piece.guard <= low and high <= piece.start for piece in pieces) else "hole"


def draw_strips(strips: Iterable[Strip], title: str, description: str, key: str, heading: bool) -> str:
    """All strips below each other as one <svg> element with role, title and description."""
    strips = list(strips)
    axis = _Axis(strip.space for strip in strips)
    body, top = [], 8.0
    if heading:
        body.append(_text(MARGIN, 20, title, 13, bold=True))
        top = 28.0
    for strip in strips:
        part, top = _strip(strip, axis, top)
        body += part
    legend = _legend(strips, axis)
    if legend:
        body.append(_text(MARGIN, top + 8, legend, 11, GREY))
        top += 16
    width = max(axis.width, WIDTH, 2 * MARGIN + CHAR * len(legend))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{top + 4:g}" '
        f'viewBox="0 0 {width:g} {top + 4:g}" role="img" aria-labelledby="{key}t {key}d">'
        f'<title id="{key}t">{escape(title)}</title><desc id="{key}d">{escape(description)}</desc>'
        f'<rect width="100%" height="100%" fill="{PAPER}"/>'
        f'<g font-family="{FAMILY}">{"".join(body)}</g></svg>'
    )


def _strip(strip: Strip, axis: _Axis, top: float) -> tuple[list[str], float]:
    """One strip from `top` down, and where it ends."""
    body = []
    if strip.caption:
        body.append(_text(MARGIN, top + 12, strip.caption, 12, bold=True))
        top += 18
    marks, top = _marks(strip, axis, top) if strip.space.has_heap else ([], top)
    body.append(_hatch(axis.places[0], top, axis.places[-1] - axis.places[0], BOX))
    unsaid, labels = [], []
    lines = [axis.x(strip.space.start_brk), axis.x(strip.space.brk)] if strip.space.has_heap else []
    for piece in strip.space.pieces:
        state = strip.states.get(piece.serial, "plain")
        body += _box(piece, state, axis, top)
        drawn, complete = _labelled(strip, piece, state, axis, top, lines)
        labels += drawn
        if not complete:
            unsaid.append(piece)
    body += [
        *_guard_frames(strip.space, axis, top),
        *_zigzags(axis, top),
        *marks,
        *_gaps(strip, axis, top),
        *labels,
    ]
    labels, top = _addresses(strip, axis, top + BOX + 8)
    body += labels
    for line in _unsaid(unsaid, strip):
        body.append(_text(MARGIN, top + 11, line, 11))
        top += LINE
    return body, top + 8


def _marks(strip: Strip, axis: _Axis, top: float) -> tuple[list[str], float]:
    """start_brk and brk above the strip, with a line down through it; in two rows if they would collide."""
    space = strip.space
    same = space.start_brk == space.brk
    said = [("start_brk = brk" if same else "start_brk", space.start_brk, INK)]
    if not same:
        said.append(("brk", space.brk, OKABE_ITO["blue"]))
    names = [f"{name} {strip.at(at)}" for name, at, _ in said]
    places = [axis.x(at) for _, at, _ in said]
    fitting = [x + CHAR * len(name) + 10 < axis.width for name, x in zip(names, places, strict=True)]
    # Each beside its line: to the right of it, or to the left where the picture ends.
    right = places[0] + CHAR * len(names[0]) if fitting[0] else places[0]
    left = places[-1] if fitting[-1] else places[-1] - CHAR * len(names[-1])
    rows = 1 if same or left - right > 12 else 2
    body, bottom = [], top + LINE * rows + 6
    for row, ((_, _, colour), name, x, fits) in enumerate(zip(said, names, places, fitting, strict=True)):
        y = top + LINE * (row if rows == 2 else 0) + 11
        body.append(_text(x + 5 if fits else x - 5, y, name, 11, bold=row > 0 or same, end=not fits))
        dash = "" if row or same else ' stroke-dasharray="4 3"'
        wide = 3 if row or same else 1.5
        body.append(
            f'<path d="M{x:.1f} {y - 9:g}V{bottom + BOX + 3:g}" stroke="{colour}" stroke-width="{wide}"{dash}/>'
        )
    return body, bottom


def _holes(space: Space) -> Iterator[tuple[int, int, int]]:
    """Each hole between two VMAs: its start, where a guard gap begins in it, its end."""
    end = None
    for piece in space.pieces:
        if end is not None and piece.start > end:
            yield end, max(piece.guard, end), piece.start
        end = piece.end


def _guard_frames(space: Space, axis: _Axis, top: float) -> Iterator[str]:
    """A dotted frame without hatching for each guard gap."""
    for _, low, high in _holes(space):
        if low < high:
            yield (
                f'<rect x="{axis.x(low) + 1:.1f}" y="{top + 1:g}" width="{axis.x(high) - axis.x(low) - 2:.1f}" '
                f'height="{BOX - 2}" fill="{PAPER}" stroke="{INK}" stroke-dasharray="2 3"/>'
            )


def _gaps(strip: Strip, axis: _Axis, top: float) -> Iterator[str]:
    """The size of each hole and guard gap."""
    for start, low, end in _holes(strip.space):
        if start < low:
            yield from _gap(axis.x(start), axis.x(low), top, ["hole", strip.length(low - start)])
        if low < end:
            yield from _gap(axis.x(low), axis.x(end), top, ["guard gap", strip.length(end - low)])


def _gap(left: float, right: float, top: float, lines: list[str]) -> Iterator[str]:
    """Words in the middle of a gap, on white so that they can be read; fewer of them, or none, where it is narrow."""
    if max(map(len, lines)) * CHAR + 2 > right - left:
        lines = lines[-1:]
    wide = max(map(len, lines)) * CHAR
    if wide + 2 > right - left:
        return
    middle, high = (left + right) / 2, LINE * len(lines) + 2
    y = top + (BOX - high) / 2
    yield f'<rect x="{middle - wide / 2 - 1:.1f}" y="{y:g}" width="{wide + 2:.1f}" height="{high}" fill="{PAPER}"/>'
    for at, line in enumerate(lines):
        yield _text(middle, y + 12 + LINE * at, line, 11, GREY, middle=True)


def _box(piece: Piece, state_name: str, axis: _Axis, top: float) -> list[str]:
    """The box of a VMA, and the bar of its present pages below it."""
    left, right = axis.x(piece.start), axis.x(piece.end)
    state, plain = STATES[state_name], state_name == "plain"
    colour, wide = (INK, 1.0) if plain else (state.fill, 4.0)
    dash = ' stroke-dasharray="7 4"' if state.line == "dashed" else ""
    inset = wide / 2
    body = [
        f'<rect x="{left + inset:.1f}" y="{top + inset:g}" width="{right - left - 2 * inset:.1f}" '
        f'height="{BOX - 2 * inset:g}" fill="{_fill(piece)}" stroke="{colour}" stroke-width="{wide:g}"{dash}/>'
    ]
    for low, high in piece.present:
        width = max(axis.x(high) - axis.x(low), 2.0)
        body.append(
            f'<rect x="{axis.x(low):.1f}" y="{top + BOX + 1:g}" width="{width:.1f}" height="6" '
            f'fill="{OKABE_ITO["bluish green"]}" stroke="{INK}" stroke-width="0.7"/>'
        )
    return body


def _fill(piece: Piece) -> str:
    return FILLS.get(piece.name, FILE_FILL)


def _labelled(
    strip: Strip, piece: Piece, state_name: str, axis: _Axis, top: float, lines_at: list[float]
) -> tuple[list[str], bool]:
    """The labels of a box, as many as fit, and whether all did; a line of a mark does not cross the words."""
    left, right = axis.x(piece.start), axis.x(piece.end)
    lines, complete = _labels(strip, piece, STATES[state_name].mark.strip(), right - left - 6)
    middle, y = (left + right) / 2, top + (BOX - LINE * len(lines)) / 2
    body = []
    for at, line in enumerate(lines):
        half = CHAR * len(line) / 2
        if any(abs(x - middle) < half + 4 for x in lines_at):
            half = min(half, (right - left) / 2 - 3)
            body.append(
                f'<rect x="{middle - half:.1f}" y="{y + LINE * at:g}" width="{2 * half:.1f}" height="{LINE}" '
                f'fill="{_fill(piece)}"/>'
            )
        body.append(_text(middle, y + 11 + LINE * at, line, 11, bold=at == 0 and state_name != "plain", middle=True))
    return body, complete


def _labels(strip: Strip, piece: Piece, mark: str, room: float) -> tuple[list[str], bool]:
    """The lines in a box: number and permissions, name, size, what is special, anon_vma."""
    extent = strip.length(piece.end - piece.start)
    numbered = f"#{piece.serial}" if strip.origin is None else ""
    wanted = [
        (f"{mark}{numbered} {piece.perms}".strip(), f"{mark}{numbered}"),
        (f"{piece.name} {extent}".strip(), piece.name),
        (", ".join(piece.special), ""),
        (piece.anon, ""),
    ]
    lines, complete = [], True
    for full, short in wanted:
        fitting = next((text for text in (full, short) if text and CHAR * len(text) <= room), "")
        if fitting:
            lines.append(fitting)
        complete = complete and fitting == full
    return lines or [f"{mark}{numbered}"], complete


def _unsaid(pieces: list[Piece], strip: Strip) -> list[str]:
    """Lines for the VMAs whose box was too narrow, for those outside the window and outside the tree."""
    lines, space = [], strip.space
    for piece in pieces:
        extent = strip.length(piece.end - piece.start)
        parts = [" ".join(filter(None, (piece.perms, piece.name, extent))), *piece.special, piece.anon]
        which = f"#{piece.serial}" if strip.origin is None else f"{strip.at(piece.start)}-{strip.at(piece.end)}"
        cell = f"{which}: {', '.join(part for part in parts if part)}"
        if lines and CHAR * len(lines[-1] + cell) < WIDTH - 3 * MARGIN:
            lines[-1] += f" · {cell}"
        else:
            lines.append(cell)
    lines += [f"only in the list: {each}" for each in space.listed]
    return lines + ([f"{space.hidden} more VMAs outside the window"] if space.hidden else [])


def _addresses(strip: Strip, axis: _Axis, top: float) -> tuple[list[str], float]:
    """Addresses below the borders, in up to three rows; one without room is left out (the text has it)."""
    ends, body = [-100.0] * 3, []
    for address in sorted({each for piece in strip.space.pieces for each in (piece.start, piece.end)}):
        x, text = axis.x(address), strip.at(address)
        wide = 6.1 * len(text)
        left = min(max(x - wide / 2, 1), max(axis.width, WIDTH) - wide - 1)
        row = next((row for row, end in enumerate(ends) if end + 6 < left), None)
        if row is None:
            continue
        ends[row] = left + wide
        y = top + 13 + 12 * row
        body.append(f'<path d="M{x:.1f} {top - 8:g}V{y - 9:g}" stroke="{GREY}" stroke-width="0.7"/>')
        body.append(_text(left, y, text, 10, GREY))
    used = sum(end > 0 for end in ends)
    return body, top + 4 + 12 * used


def _zigzags(axis: _Axis, top: float) -> Iterator[str]:
    """A white zigzag through what is drawn shorter than it is."""
    for at, cut in enumerate(axis.cut):
        if cut:
            x = axis.places[at] + min(14, (axis.places[at + 1] - axis.places[at]) / 4)
            line = f"M{x:.1f} {top - 3:g}" + "".join(
                f"l{4 if step % 2 else -4} {(BOX + 6) / 6:.2f}" for step in range(6)
            )
            yield f'<path d="{line}" fill="none" stroke="{INK}" stroke-width="5"/>'
            yield f'<path d="{line}" fill="none" stroke="{PAPER}" stroke-width="3"/>'


def _legend(strips: list[Strip], axis: _Axis) -> str:
    """The cues this picture uses, and only those."""
    used = {state for strip in strips for state in strip.states.values()}
    said = [f"{state.mark} {state.word}" for state in STATES.values() if state.name in used and state.word]
    if any(strip.compared and strip.states for strip in strips):
        said = [f"{STATES['changed'].mark} not so in the first"]
    if any(piece.present for strip in strips for piece in strip.space.pieces):
        said.append("bar below a box: present pages")
    if any(axis.cut):
        said.append("zigzag: drawn shorter")
    if axis.widened:
        said.append("small boxes drawn wider")
    return ";  ".join(said)


def _hatch(left: float, top: float, width: float, height: float) -> str:
    """Diagonal lines in a frame, as one path: a pattern would need an id."""
    d, at = "", -height
    while at < width:
        low, high = max(at, 0.0), min(at + height, width)
        d += f"M{left + low:.0f} {top + height - (low - at):.0f}L{left + high:.0f} {top + height - (high - at):.0f}"
        at += 9
    return (
        f'<rect x="{left:g}" y="{top:g}" width="{width:.1f}" height="{height:g}" fill="{PAPER}" stroke="#BBBBBB"/>'
        f'<path d="{d}" stroke="#BBBBBB" stroke-width="1"/>'
    )


def _text(
    x: float, y: float, text: str, points: int, fill: str = INK, bold: bool = False, middle: bool = False,
    end: bool = False,
) -> str:  # fmt: skip
    anchor = ' text-anchor="middle"' if middle else ' text-anchor="end"' if end else ""
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x:.1f}" y="{y:g}" font-size="{points}" fill="{fill}"{weight}{anchor}>{escape(text)}</text>'
