"""A lab for C7: bss is laid over what is mapped already, in one or two generations."""

from __future__ import annotations

from typing import Any

from mmsim.brk import GENERATIONS, Process
from mmsim.experiments.build import SEGMENT, ids, segment, started
from mmsim.mm import VM
from mmsim.mm.units import PAGE

from .cover import Cover, cover, cover_picture
from .widgets import Lab

__all__ = ["OverlapLab"]

TOPS = {"first": (0, 14), "pages": (1, 8)}
DATA, INTERPRETER = (4, 4), (10, 3)
"""First page and number of pages of what is there already."""
SPAN = range(TOPS["first"][1] + TOPS["pages"][1])
NONE = "none"
_TEXT = VM.READ | VM.EXEC | VM.MAYREAD | VM.MAYWRITE | VM.MAYEXEC


class OverlapLab(Lab):
    """Move bss over a data segment (pages 4 to 7) and the interpreter's code (pages 10 to 12).

    Inputs, in pages: `first`, where bss begins, and `pages`, its length; `generation`, and `beside`, a second one.
    Afterwards, by generation: `processes`, `covers` (who claims which page), `broken` (ids of invariants).

    >>> lab = OverlapLab("let two VMAs claim one page", first=6, pages=4)
    >>> lab.twice, lab.broken
    ({'v4': 2}, {'v4': 'I1 I3'})
    """

    def __init__(self, task: str, first: int = 14, pages: int = 4, generation: str = "v4", beside: str = NONE) -> None:
        import ipywidgets as widgets

        super().__init__(task, "dec", SPAN.stop, in_python=True)
        for name, value in (("first", first), ("pages", pages)):
            low, high = TOPS[name]
            self.fields[name] = widgets.IntSlider(value, low, high, description=name, continuous_update=False)
        for name, options, value in (
            ("generation", tuple(GENERATIONS), generation),
            ("beside", (NONE, *GENERATIONS), beside),
        ):
            self.fields[name] = widgets.Dropdown(options=options, value=value, description=name)
        self._build([self.fields["first"], self.fields["pages"]], [self.fields["generation"], self.fields["beside"]])

    def _put(self, field: Any, value: Any) -> None:
        """As the sliders: what lies beyond their ends is refused with a word."""
        if isinstance(field.value, int) and not field.min <= value <= field.max:
            raise ValueError(f"{field.description} = {value}, expected {field.min} to {field.max}")
        field.value = value

    def refresh(self) -> None:
        """Load the program in each generation, then map bss."""
        names = dict.fromkeys([self.fields["generation"].value, self.fields["beside"].value])
        self.processes = {name: self._loaded(name) for name in names if name != NONE}
        self.covers: dict[str, Cover] = {name: cover(each, SEGMENT) for name, each in self.processes.items()}
        self.broken = {name: ids(each.check()) for name, each in self.processes.items()}
        notes = {name: f"broken: {found}" for name, found in self.broken.items()}
        self.picture = cover_picture(self.processes, SEGMENT, "bss over what is there", notes, SPAN)

    def _loaded(self, generation: str) -> Process:
        process = started(generation)
        segment(process, *DATA, "program")
        segment(process, *INTERPRETER, "interpreter", _TEXT)
        first, pages = self._number("first"), self._number("pages")
        process.vm_brk_flags(SEGMENT + first * PAGE, pages * PAGE)
        return process

    @property
    def twice(self) -> dict[str, int]:
        """Generation -> pages that total_vm counts twice."""
        return {name: each.twice for name, each in self.covers.items()}

    @property
    def swallowed(self) -> dict[str, int]:
        """Generation -> VMAs that only the list has any more."""
        return {name: sum(row.lost for row in each.rows) for name, each in self.covers.items()}

    def report(self) -> list[str]:
        """The inputs, and what each generation came to."""
        first, pages = self._number("first"), self._number("pages")
        there = "program: pages 4 to 7, interpreter: pages 10 to 12"
        return [f"{there}, bss: pages {first} to {first + pages - 1}", *(self._said(name) for name in self.processes)]

    def _said(self, generation: str) -> str:
        counted, broken = self.covers[generation].twice, self.broken[generation]
        told = f"{generation}: {_pages(counted)} counted twice, VMAs swallowed whole: {self.swallowed[generation]}"
        return f"{told}, broken invariants: {'none' if broken == '-' else broken}"


def _pages(count: int) -> str:
    return f"{count} page{'' if count == 1 else 's'}"
