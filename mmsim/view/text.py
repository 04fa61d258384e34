"""The text form of a picture: exact, indented, never wider than a page.

This form is what a stored notebook is compared by, so it holds nothing that differs
between two runs or two machines.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from .fmt import number, size, span
from .scene import Box, Fold, Row, Scene
from .theme import STATES

__all__ = ["describe", "head", "joined_text", "scene_text", "wrap"]

WIDTH = 100


def head(scene: Scene) -> str:
    """The tree in one line, with what is folded away.

    Singular and plural are right: `height 1, 1 node, 2 ranges`.
    """
    if not scene.nodes:
        return "no node: " + ("empty tree" if scene.root_entry is None else "the root holds the entry of index 0")
    parts = [f"height {scene.height}", _count(scene.nodes, "node"), _count(scene.ranges, "range")]
    if scene.is_alloc:
        parts.append("gaps tracked")
    if scene.hidden:
        parts.append(f"{scene.hidden} of the nodes folded")
    return ", ".join(parts)


def scene_text(scene: Scene) -> str:
    """The whole scene: a head line, then each node with its slots."""
    lines = [head(scene)]
    if scene.root_entry is not None:
        lines.append(f"  0 {scene.root_entry} | 1-ULONG_MAX NULL")
    for part in scene.parts:
        lines += _box_lines(part, scene.base) if isinstance(part, Box) else [_fold_line(part, scene.base)]
    return "\n".join(lines)


def describe(scene: Scene) -> str:
    """One or two sentences for those who cannot see the picture: size, and the marked nodes."""
    text = f"A maple tree: {head(scene)}."
    for state in ("new", "changed", "removed", "path", "taken"):
        ids = [f"#{box.id} {box.kind}" for box in scene.boxes if box.state == state]
        if ids:
            text += f" {STATES[state].word.capitalize()}: {', '.join(ids)}."
    return text


def joined_text(rows: list[list[Row]], made: Sequence[int], base: str) -> str:
    """Joined data, one line (or more) for each piece it was cut into, with the id of the node it becomes."""
    lines = [f"{_count(sum(map(len, rows)), 'slot')} in {_count(len(rows), 'piece')}"]
    for id, piece in zip(made, rows, strict=True):
        lines += wrap((_cell(row, base) for row in piece), f"  #{id}: ")
    return "\n".join(lines)


def wrap(cells: Iterable[str], start: str) -> list[str]:
    """Cells joined by ` | ` into lines of at most WIDTH, continued under the first cell."""
    lines: list[str] = []
    line, pad = start, " " * len(start)
    for cell in cells:
        if line not in (start, pad):
            if len(line) + 3 + len(cell) > WIDTH:
                lines.append(line + " |")
                line = pad
            else:
                line += " | "
        line += cell
    return [*lines, line]


def _count(amount: int, noun: str) -> str:
    return f"{amount} {noun}{'' if amount == 1 else 's'}"


def _box_lines(box: Box, base: str) -> list[str]:
    pad = "  " * box.depth
    mark = STATES[box.state].mark
    where = "" if box.parent is None else f"[{box.offset}] "
    rows = f"{len(box.rows)} of {box.capacity} slots"
    lines = [f"{mark} {pad}{where}#{box.id} {box.kind} {span(box.first, box.last, base)}, {rows}"]
    inner = f"    {pad}"
    if box.is_leaf:
        cells = (_cell(row, base) for row in box.rows)
        return lines + ([inner + cell for cell in cells] if base == "hex" else wrap(cells, inner))
    if box.gap_slot is not None:
        lines += wrap(_gaps(box, base), f"{inner}gaps: ")
    marked = [_pointed(row) for row in box.rows if row.state != "plain" or row.note]
    return lines + (wrap(marked, f"{inner}slots: ") if marked else [])


def _gaps(box: Box, base: str) -> Iterator[str]:
    """Each gap under its slot number; the recorded largest has a star."""
    for row in box.rows:
        yield f"[{row.offset}] {gap_text(row.gap or 0, base)}{' *' if row.offset == box.gap_slot else ''}"


def gap_text(gap: int, base: str) -> str:
    """A gap's length; in a picture of addresses with its size in bytes."""
    return f"{number(gap, base)} ({size(gap)})" if base == "hex" and gap else number(gap, base)


def _cell(row: Row, base: str) -> str:
    mark = STATES[row.state].mark.strip()
    extent = f" {size(row.last - row.first + 1)}" if base == "hex" and row.child is None else ""
    note = f" ({row.note})" if row.note else ""
    return f"{mark}{span(row.first, row.last, base)}{extent} {row.text}{note}"


def _pointed(row: Row) -> str:
    note = f" ({row.note})" if row.note else ""
    return f"{STATES[row.state].mark.strip()}[{row.offset}] {row.text}{note}"


def _fold_line(fold: Fold, base: str) -> str:
    slots = f"[{fold.offset}]" if fold.offset == fold.upto else f"[{fold.offset}-{fold.upto}]"
    return f"  {'  ' * fold.depth}{slots} {fold.text}, {span(fold.first, fold.last, base)}"
