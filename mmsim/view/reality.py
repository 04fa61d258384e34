"""The model and the running kernel side by side: a table of steps, and two strips on one axis."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

from mmsim.mm.units import PAGE
from mmsim.trace import Difference
from mmsim.trace.lockstep import Step
from mmsim.trace.reality import Reality, call_text

from .fmt import number
from .space import Piece, Space, differing
from .space_pictures import LEFT, SpacePicture
from .strip import Strip

__all__ = ["RealityTable", "difference_picture", "reality_picture", "reality_table", "recorded_space"]

_COLUMNS = ("", "call", "model", "kernel", "")
_SAME, _DIFFERS = "= same", "! differs"


class RealityTable:
    """Each step with both answers; who answered stands above."""

    def __init__(self, reality: Reality, title: str | None = None) -> None:
        self.title = title or "Model and kernel"
        self.source = f"{reality.generation} against {reality.source}"
        self.rows = [
            (call_text(reality.start_brk, step), _answer(step, step.model), _answer(step, step.kernel), _verdict(step))
            for step in reality.steps
        ]

    @property
    def text(self) -> str:
        """The table as lines."""
        widths = [max((len(row[column]) for row in self.rows), default=0) for column in range(3)]
        lines = [
            "  " + "  ".join(f"{cell:<{width}}" for cell, width in zip(row[:3], widths, strict=True)) + f"  {row[3]}"
            for row in self.rows
        ]
        return "\n".join([f"{self.title}: {self.source}", *lines])

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        head = "".join(f'<th scope="col" {LEFT}>{word}</th>' for word in _COLUMNS)
        cells = "".join(
            f'<tr><th scope="row">{at}</th>' + "".join(f"<td {LEFT}>{escape(part)}</td>" for part in row) + "</tr>"
            for at, row in enumerate(self.rows, 1)
        )
        caption = f"<caption><strong>{escape(self.title)}</strong>: {escape(self.source)}</caption>"
        html = f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{cells}</tbody></table>"
        return {"text/plain": self.text, "text/html": html}


def reality_table(reality: Reality, title: str | None = None) -> RealityTable:
    """The steps with both answers and what differs: a line each."""
    return RealityTable(reality, title)


def reality_picture(reality: Reality, number: int = -1, title: str | None = None) -> SpacePicture:
    """Both address spaces around the heap after a step (from 0; the last by default), one above the other.

    Drawn from what the kernel shows, so a VMA has no anon_vma, and of its present pages only the number is known.
    Raises IndexError for a step there is not.
    """
    at = range(len(reality.steps))[number]
    step, name = reality.steps[at], "the recording" if not reality.live else "your kernel"
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


def _answer(step: Step, answer: dict[str, Any]) -> str:
    """What was returned, and as many VMAs as are shown."""
    ret = answer["ret"]
    told = number(ret, "hex") if step.op in ("brk", "mmap", "mremap") and ret > 0 else str(ret)
    return f"{told}, {len(answer['maps'])} VMAs"


def _verdict(step: Step) -> str:
    return "; ".join([_DIFFERS, *_differences(step)]) if step.differs else _SAME


def _differences(step: Step) -> Iterator[str]:
    """Each part that is not the same, with both values where they are short."""
    for name in step.differs:
        if name == "maps":
            yield "mappings"
        else:
            yield f"{name} {step.model[name]} and {step.kernel[name]}" + ("" if name == "ret" else " kB")
