"""The model and the running kernel side by side: a table of steps, and two strips on one axis."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

from mmsim.errno import errorcode
from mmsim.mm.units import PAGE
from mmsim.trace import Difference
from mmsim.trace.lockstep import Step
from mmsim.trace.reality import Reality, address_text, call_text

from .space import Piece, Space, differing
from .space_pictures import LEFT, SpacePicture
from .strip import Strip
from .theme import INK, STATES

__all__ = ["RealityTable", "difference_picture", "reality_picture", "reality_table", "recorded_space"]

_COLUMNS = ("", "call", "model", "kernel", "")
_PLACES = ("brk", "mmap", "mremap")
"""Ops that answer with an address."""
_SAME, _DIFFERS = "= same", "! differs"
_TINT = STATES["changed"].tint
_MARKED = f'style="text-align:left;font-weight:bold;color:{INK};background:{_TINT}"'


class RealityTable:
    """Each step with both answers; who answered stands above, and below why it was no running kernel."""

    def __init__(self, reality: Reality, title: str | None = None) -> None:
        self.title = title or "Model and kernel"
        self.source = f"{reality.generation} against {reality.source}"
        self.note = reality.note
        self.rows = [_cells(reality.start_brk, step) for step in reality.steps]

    @property
    def text(self) -> str:
        """The table as lines."""
        widths = [max((len(row[column]) for row in self.rows), default=0) for column in range(3)]
        lines = [
            "  " + "  ".join(f"{cell:<{width}}" for cell, width in zip(row[:3], widths, strict=True)) + f"  {row[3]}"
            for row in self.rows
        ]
        return "\n".join([f"{self.title}: {self.source}", *lines, *([f"note: {self.note}"] if self.note else [])])

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        head = "".join(f'<th scope="col" {LEFT}>{word}</th>' for word in _COLUMNS)
        body = "".join(_row(at, row) for at, row in enumerate(self.rows, 1))
        caption = f"<caption {LEFT}><strong>{escape(self.title)}</strong>: {escape(self.source)}</caption>"
        html = f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        note = f"<p><strong>Note</strong>: {escape(self.note)}</p>" if self.note else ""
        return {"text/plain": self.text, "text/html": html + note}


_UNASKED = "{}, as no kernel could be asked"


def _row(at: int, row: tuple[str, ...]) -> str:
    """A step; where it differs the verdict is set off by more than its words."""
    *cells, verdict = (escape(part) for part in row)
    style = _MARKED if verdict.startswith(_DIFFERS) else LEFT
    told = "".join(f"<td {LEFT}>{cell}</td>" for cell in cells)
    return f'<tr><th scope="row">{at}</th>{told}<td {style}>{verdict}</td></tr>'


def reality_table(reality: Reality, title: str | None = None) -> RealityTable:
    """The steps with both answers and what differs: a line each."""
    return RealityTable(reality, title)


def reality_picture(reality: Reality, number: int = -1, title: str | None = None) -> SpacePicture:
    """Both address spaces around the heap after a step (from 0; the last by default), one above the other.

    Drawn from what the kernel shows, so a VMA has no anon_vma, and of its present pages only the number is known.
    Raises IndexError for a step there is not.
    """
    at = range(len(reality.steps))[number]
    step, name = reality.steps[at], _UNASKED.format(reality.source) if not reality.live else "your kernel"
    start, (model_brk, kernel_brk) = reality.start_brk, reality.breaks_after(at)
    model, kernel = recorded_space(step.model, start, model_brk), recorded_space(step.kernel, start, kernel_brk)
    strips = [Strip(reality.generation, model, {}), Strip(name, kernel, differing(model, kernel), True)]
    return SpacePicture(title or f"After step {at + 1}: {call_text(start, step)}", strips)


def difference_picture(difference: Difference, generation: str) -> SpacePicture:
    """The first difference of `mmsim live` as two strips."""
    model, kernel = (
        recorded_space(side, side["start_brk"], side["brk"]) for side in (difference.got, difference.expected)
    )
    title = f"After {difference.record['op']}, line {difference.line}"
    strips = [Strip(generation, model, {}), Strip("the kernel", kernel, differing(model, kernel), True)]
    return SpacePicture(title, strips)


def recorded_space(answer: dict[str, Any], start_brk: int, brk: int) -> Space:
    """An answer of a syscall-trace as a space to draw; VMAs are numbered from the bottom."""
    rows = [row for row in answer["maps"] if row[1] > row[0]]
    pieces = (_piece(serial, row, start_brk, brk) for serial, row in enumerate(rows, 1))
    return Space(tuple(pieces), start_brk, brk, ())


def _piece(serial: int, row: list[Any], start_brk: int, brk: int) -> Piece:
    start, end, perms, anon, letters, present_kb = row
    heap = start < brk and end > start_brk
    name = ("[heap]" if heap else "[stack]" if "gd" in letters.split() else "anon") if anon else "file"
    present = ((start, start + present_kb * 1024),) if present_kb else ()
    notes = (f"{present_kb * 1024 // PAGE} present",) if present_kb and start + present_kb * 1024 < end else ()
    return Piece(serial, start, end, perms, letters, name, notes, (), () if notes else present, start)


def _cells(start_brk: int, step: Step) -> tuple[str, ...]:
    """The call, both answers, and what of them differs."""
    answers = (_answer(start_brk, step, each) for each in (step.model, step.kernel))
    return call_text(start_brk, step), *answers, _verdict(step)


def _answer(start_brk: int, step: Step, answer: dict[str, Any]) -> str:
    """What was returned, and as many VMAs as are shown; a refused break is the old one."""
    ret = answer["ret"]
    if ret < 0:
        told = f"-{errorcode.get(-ret, str(-ret))}"
    else:
        told = address_text(start_brk, ret) if step.op in _PLACES else str(ret)
        told += ", refused" if step.op == "brk" and ret != step.arg else ""
    count = len(answer["maps"])
    return f"{told}; {count} VMA{'' if count == 1 else 's'}"


def _verdict(step: Step) -> str:
    return f"{_DIFFERS}: {', '.join(_differences(step))}" if step.differs else _SAME


def _differences(step: Step) -> Iterator[str]:
    """Each part that is not the same, sizes with both values; the others stand beside or are drawn."""
    words = {"ret": "answer", "maps": "mappings"}
    for name in step.differs:
        yield words.get(name) or f"{name} {step.model[name]} and {step.kernel[name]} kB"
