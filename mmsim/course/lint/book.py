"""A notebook as the lint sees it: plain JSON, cells numbered from 1, sections, and problems."""

import ast
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from pathlib import Path

from ..questions import Bank

# The parts of the template, in order; the first cell that carries a tag marks where its part begins.
PARTS = (
    "header",
    "warmup",
    "change",
    "predict",
    "run",
    "see",
    "explain",
    "contrast",
    "whatif",
    "exercise",
    "reality",
    "stops",
    "checkpoint",
    "close",
)
TAGS = frozenset(
    {*PARTS, "setup", "optional", "live", "recorded", "invariants", "raises-exception", "nbval-ignore-output"}
)

_HEADING = re.compile(r"## +(\d+) +(.+?) \((\d+) min(, optional)?\)")


class UnreadableNotebook(Exception):
    """A file that is no notebook of format 4; the message is one line."""


@dataclass(frozen=True)
class Problem:
    """One broken rule: where (cell 0 is the whole notebook), which rule, what, and what was expected."""

    file: str
    cell: int
    cell_id: str
    rule: str
    what: str

    def __str__(self) -> str:
        place = f"cell {self.cell}" if self.cell else "whole notebook"
        return f"{self.file}: {place}: {self.what} [{self.rule}]"


@dataclass(frozen=True, eq=False)
class Cell:
    """One cell; `number` counts all cells from 1."""

    number: int
    raw: Mapping

    @property
    def id(self) -> str:
        """The cell's id, empty if it has none."""
        return str(self.raw.get("id", ""))

    @property
    def is_code(self) -> bool:
        """True for a code cell."""
        return self.raw.get("cell_type") == "code"

    @property
    def is_text(self) -> bool:
        """True for a markdown cell."""
        return self.raw.get("cell_type") == "markdown"

    @cached_property
    def source(self) -> str:
        """The source as one text."""
        return joined(self.raw.get("source", ""))

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags in the cell's metadata."""
        return tuple(self.raw.get("metadata", {}).get("tags", ()))

    @property
    def outputs(self) -> list[dict]:
        """The stored outputs, as they are."""
        return list(self.raw.get("outputs", ()))

    @cached_property
    def tree(self) -> ast.Module | None:
        """The parsed source of a code cell, None if it is not Python."""
        try:
            return ast.parse(self.source)
        except (SyntaxError, ValueError):
            return None

    def calls(self, *names: str) -> Iterator[ast.Call]:
        """The calls of plain functions with one of these names, in source order."""
        nodes = ast.walk(self.tree) if self.tree else ()
        found = [node for node in nodes if isinstance(node, ast.Call)]
        found = [node for node in found if isinstance(node.func, ast.Name) and node.func.id in names]
        yield from sorted(found, key=lambda node: (node.lineno, node.col_offset))

    def texts(self) -> Iterator[tuple[str, str]]:
        """Every text in the outputs with its kind: a MIME type, 'stdout', 'stderr' or 'error'."""
        for output in self.outputs:
            if output.get("output_type") == "stream":
                yield output.get("name", "stdout"), joined(output.get("text", ""))
            elif output.get("output_type") == "error":
                yield "error", "\n".join([str(output.get("evalue", "")), *output.get("traceback", ())])
            for mime, data in output.get("data", {}).items():
                yield mime, joined(data) if isinstance(data, str | list) else json.dumps(data)


@dataclass(frozen=True, eq=False)
class Section:
    """A `##` heading and the cells up to the next one; the cells above all headings have none."""

    heading: str
    cells: tuple[Cell, ...]

    @cached_property
    def parts(self) -> re.Match[str] | None:
        """Number, name, minutes and `, optional` of a well-formed heading."""
        return _HEADING.fullmatch(self.heading)

    @property
    def name(self) -> str:
        """The name without number and minutes."""
        return self.parts[2] if self.parts else self.heading.lstrip("# ")

    @property
    def minutes(self) -> int:
        """The minutes that count: 0 for an optional section."""
        return int(self.parts[3]) if self.parts and not self.parts[4] else 0


@dataclass(frozen=True, eq=False)
class Book:
    """A notebook, the file it came from, and the questions it may use."""

    path: Path
    raw: Mapping
    bank: Bank

    @classmethod
    def read(cls, path: Path, bank: Bank) -> "Book":
        """Read a file; UnreadableNotebook, one line, if it is not a notebook of format 4."""
        try:
            raw = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise UnreadableNotebook(f"{path}: cannot be read: {error.strerror}") from None
        except ValueError as error:
            raise UnreadableNotebook(f"{path}: is not JSON: {error}") from None
        if not isinstance(raw, dict) or raw.get("nbformat") != 4 or not _are_cells(raw.get("cells")):
            raise UnreadableNotebook(f"{path}: is not a notebook, expected nbformat 4 with cells")
        return cls(path, raw, bank)

    @property
    def number(self) -> str:
        """The two digits the file's name begins with."""
        return self.path.name[:2]

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """All cells, numbered from 1."""
        return tuple(Cell(number, raw) for number, raw in enumerate(self.raw["cells"], 1))

    @cached_property
    def code(self) -> tuple[Cell, ...]:
        """The code cells."""
        return tuple(cell for cell in self.cells if cell.is_code)

    @cached_property
    def text(self) -> tuple[Cell, ...]:
        """The markdown cells."""
        return tuple(cell for cell in self.cells if cell.is_text)

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """The sections in order; a heading must be the first line of its cell to open one."""
        starts = [i for i, cell in enumerate(self.cells) if cell.is_text and cell.source.startswith("## ")]
        ends = [*starts[1:], len(self.cells)][: len(starts)]
        return tuple(
            Section(self.cells[start].source.splitlines()[0].rstrip(), self.cells[start:end])
            for start, end in zip(starts, ends, strict=True)
        )

    def section_of(self, cell: Cell) -> Section:
        """The section a cell lies in, one without heading for the cells above all of them."""
        for section in self.sections:
            if cell in section.cells:
                return section
        return Section("", tuple(takewhile(lambda one: not one.source.startswith("## "), self.cells)))

    def problem(self, rule: str, cell: Cell | None, what: str) -> Problem:
        """A problem of this notebook, or of one of its cells."""
        return Problem(str(self.path), cell.number if cell else 0, cell.id if cell else "", rule, what)


def joined(text: object) -> str:
    """A multi-line text of the format, which may be a list of lines, as one text."""
    return "".join(map(str, text)) if isinstance(text, list) else str(text)


def _are_cells(cells: object) -> bool:
    return isinstance(cells, list) and all(
        isinstance(cell, dict) and cell.get("cell_type") in ("code", "markdown", "raw") for cell in cells
    )
