"""A lab for brk(): a heap, a neighbour above it, a hole in it, and one call in one or two generations."""

from __future__ import annotations

from typing import Any

from mmsim.brk import GENERATIONS, Process
from mmsim.mm import File, of_letters
from mmsim.mm.calls import MAP, PROT
from mmsim.mm.units import PAGE

from .fmt import number, size
from .space import Space, changes, differing, snapshot
from .space_pictures import SpacePicture
from .strip import Strip
from .widgets import Lab

__all__ = ["BrkLab"]

START = 0x1000_4000
TOPS = {"brk": 48, "heap": 48, "hole": 48, "neighbour": 320}
"""The neighbour can go as far as a stack's guard gap of 256 pages needs."""
NEIGHBOURS = ("anon", "file", "stack")
NONE = "none"
_TEXT, _DATA = of_letters("rd ex mr mw me"), of_letters("rd wr mr mw me ac")


class BrkLab(Lab):
    """Move the break of a small process by one call, in one generation or two.

    Inputs, in pages above start_brk: `brk`, the new break; `heap`, how large the heap is before; `hole`,
    one page unmapped there first (0: none); `neighbour`, a mapping of four pages there (0: none) of `kind`
    anon, file or stack; `generation`, and `beside`, a second one. Afterwards: `answers`, what brk()
    answered by generation, in pages above start_brk; `processes`; `before`, the state before the call; and
    `differences`, what the second generation has otherwise after it: answer, mappings, counters.

    >>> lab = BrkLab("let the call be refused", brk=12, neighbour=14)
    >>> lab.answers, lab.set(neighbour=12).answers
    ({'before': 12}, {'before': 8})
    """

    def __init__(
        self,
        task: str,
        brk: int = 12,
        heap: int = 8,
        hole: int = 0,
        neighbour: int = 0,
        kind: str = "anon",
        generation: str = "before",
        beside: str = NONE,
    ) -> None:
        import ipywidgets as widgets

        super().__init__(task, "dec", TOPS["brk"], in_python=True)
        pages = [self._field(name, value) for name, value in (("brk", brk), ("heap", heap))]
        around = [self._field(name, value) for name, value in (("hole", hole), ("neighbour", neighbour))]
        for name, options, value in (
            ("kind", NEIGHBOURS, kind),
            ("generation", tuple(GENERATIONS), generation),
            ("beside", (NONE, *GENERATIONS), beside),
        ):
            self.fields[name] = widgets.Dropdown(options=options, value=value, description=name)
        around.append(self.fields["kind"])
        self._build(pages, around, [self.fields["generation"], self.fields["beside"]])

    def _field(self, name: str, value: int) -> Any:
        import ipywidgets as widgets

        field = widgets.IntSlider(value, 0, TOPS[name], description=name, continuous_update=False)
        self.fields[name] = field
        return field

    def refresh(self) -> None:
        """Build the process in each generation and make the call."""
        self.processes: dict[str, Process] = {}
        self.answers: dict[str, int] = {}
        shots: list[tuple[str, Space]] = []
        for name in dict.fromkeys([self.fields["generation"].value, self.fields["beside"].value]):
            if name == NONE:
                continue
            process = self._process(name)
            shots.append((name, snapshot(process)))
            answer = process.brk(START + PAGE * self._number("brk"))
            self.processes[name] = process
            self.answers[name] = (answer - START) // PAGE
        self.before = shots[0][1]
        self.differences = self._differences()
        self.picture = SpacePicture("the call", self._strips(shots))

    def _process(self, generation: str) -> Process:
        """Program, bss, heap with its hole, and the neighbour."""
        process = Process(generation, start_brk=START)
        program = File("program")
        process.place(START - 4 * PAGE, START - 3 * PAGE, _TEXT, program)
        process.place(START - 2 * PAGE, START - PAGE, _DATA, program, 2)
        process.brk(START + PAGE * self._number("heap"))
        hole, neighbour = self._number("hole"), self._number("neighbour")
        self.moot: list[str] = []
        if hole:
            if process.mm.tree.load(START + PAGE * hole) is None:
                self.moot.append("nothing to unmap there")
            process.munmap(START + PAGE * hole, PAGE)
        if neighbour:
            kind = self.fields["kind"].value
            file = File("library") if kind == "file" else None
            flags = MAP.PRIVATE | MAP.FIXED_NOREPLACE | (MAP.GROWSDOWN if kind == "stack" else 0)
            if process.mmap(START + PAGE * neighbour, 4 * PAGE, PROT.READ | PROT.WRITE, flags, file) < 0:
                self.moot.append("no neighbour: the heap is there")
        process.mm.events.clear()
        return process

    def _differences(self) -> list[str]:
        """What of the two processes is not the same; their VMAs are compared by what a program sees."""
        if len(self.processes) < 2:
            return []
        one, other = (snapshot(process) for process in self.processes.values())
        seen = [[(piece.start, piece.end, piece.letters, piece.name) for piece in each.pieces] for each in (one, other)]
        parts = {
            "answer": len(set(self.answers.values())) > 1,
            "mappings": seen[0] != seen[1],
            "counters": [each.kept for each in one.counters] != [each.kept for each in other.counters],
        }
        return [name for name, differs in parts.items() if differs]

    def ops(self, start: int) -> list[tuple[str, Any]]:
        """The same calls as ops of a syscall-trace, for a process whose heap begins at `start`.

        A file's mapping becomes a read-only one, as a heap could not grow over either.
        """
        found: list[tuple[str, Any]] = [("brk", start + PAGE * self._number("heap"))]
        hole, neighbour, kind = self._number("hole"), self._number("neighbour"), self.fields["kind"].value
        if hole:
            found.append(("munmap", [start + PAGE * hole, PAGE]))
        if neighbour:
            prot = PROT.READ if kind == "file" else PROT.READ | PROT.WRITE
            flags = MAP.PRIVATE | MAP.ANONYMOUS | MAP.FIXED_NOREPLACE | (MAP.GROWSDOWN if kind == "stack" else 0)
            found.append(("mmap", [start + PAGE * neighbour, 4 * PAGE, prot, flags]))
        return [*found, ("brk", start + PAGE * self._number("brk"))]

    def _strips(self, shots: list[tuple[str, Space]]) -> list[Strip]:
        """Before, and after in each generation; with two, what the second has otherwise is marked."""
        (first, before), *_ = shots
        after = {name: snapshot(process) for name, process in self.processes.items()}
        old, new = changes(before, after[first])
        if len(shots) == 1:
            return [Strip("before the call", before, old), Strip(_after(first), after[first], new)]
        other = shots[1][0]
        return [
            Strip("before the call", before, {}),
            Strip(_after(first), after[first], {}),
            Strip(_after(other), after[other], differing(after[first], after[other]), True),
        ]

    def accepted(self, generation: str | None = None) -> bool:
        """Whether the call was accepted (by the first generation, unless one is named)."""
        return self.answers[generation or next(iter(self.answers))] == self._number("brk")

    def report(self) -> list[str]:
        """The inputs, the answer of each generation, and what the checker found."""
        given = {name: self.fields[name].value for name in TOPS}
        given |= {name: given[name] or NONE for name in ("hole", "neighbour")}
        kind = f" ({self.fields['kind'].value})" if given["neighbour"] != NONE else ""
        said = ", ".join(f"{name} {value}" for name, value in given.items())
        moot = f"; {', '.join(self.moot)}" if self.moot else ""
        lines = [f"pages above start_brk: {said}{kind}{moot}", *(self._said(name) for name in self.processes)]
        if len(self.processes) > 1:
            lines.append(f"after the call these differ: {', '.join(self.differences) or 'nothing'}")
        return lines

    def _said(self, generation: str) -> str:
        process, answer = self.processes[generation], self.answers[generation]
        word = "accepted" if self.accepted(generation) else "refused, the old break comes back"
        wrong = ", ".join(dict.fromkeys(each.id for each in process.check()))
        lies = f"; broken: {wrong}" if wrong else ""
        where = number(process.mm.brk, "hex")
        return (
            f"{generation}: brk() answers start_brk + {size(answer * PAGE)} ({where}): {word}; {_count(process)}{lies}"
        )


def _after(generation: str) -> str:
    return f"after the call, generation {generation}"


def _count(process: Process) -> str:
    return f"{process.mm.map_count} VMAs"
