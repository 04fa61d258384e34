"""What is asked of a sandbox, within which limits, and what comes back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Answer", "Call", "CellFailure", "Limits", "Report", "Request", "SandboxError"]

KINDS = {
    "value": "a plain value",
    "missing": "the submission has no such name",
    "raised": "an exception",
    "type": "a result that is no plain data",
    "large": "a result that is too large, or nested too deep",
    "timeout": "it took too long",
    "memory": "it ran out of memory",
    "died": "its process ended",
    "none": "no well-formed answer came",
}
"""Each answer is one of these; all but the first are failures."""


class SandboxError(Exception):
    """The sandbox itself cannot be used; says why in one line."""


@dataclass(frozen=True)
class Limits:
    """What a submission may use; seconds of the clock, bytes."""

    call_seconds: float = 5.0
    cell_seconds: float = 10.0
    total_seconds: float = 60.0
    memory: int = 1 << 30
    """Address space of each process."""
    processes: int = 16
    file_size: int = 16 << 20
    open_files: int = 64
    answer_bytes: int = 1_000_000
    """Of one answer, as JSON."""
    output_bytes: int = 64_000
    """What is kept of all it prints; the rest is read and dropped."""
    storage: int = 64 << 20
    """Of all files together, where the level can bound that (bubblewrap)."""


@dataclass(frozen=True)
class Call:
    """A name to look up and, if it can be called, the arguments to call it with: plain data."""

    name: str
    args: Sequence[Any] = ()


@dataclass(frozen=True)
class Request:
    """A submission's code cells, in order, and what to ask of it; the cells may end with adapters of the grader."""

    cells: Sequence[str]
    calls: Sequence[Call]
    library: bool = True
    """Whether it can import mmsim: the model; never the course."""


@dataclass(frozen=True)
class Answer:
    """To one call: a value, or a failure of some kind (see KINDS) with a message in one clean line."""

    kind: str
    value: Any = None
    message: str = ""
    cell: int | None = None
    line: int | None = None

    @property
    def ok(self) -> bool:
        """Whether there is a value, be it right or wrong."""
        return self.kind == "value"

    def __str__(self) -> str:
        place = f"cell {self.cell}, line {self.line}: " if self.cell and self.line else ""
        return repr(self.value) if self.ok else f"{self.kind}: {place}{self.message}"


@dataclass(frozen=True)
class CellFailure:
    """A cell that did not run to its end."""

    cell: int
    kind: str
    message: str
    line: int | None = None


@dataclass
class Report:
    """What a submission answered: as many answers as calls, in their order. All of it is claims of the learner's."""

    level: str
    answers: list[Answer] = field(default_factory=list)
    cells: list[CellFailure] = field(default_factory=list)
    output: str = ""
    """The beginning of what it printed, as it is: clean it before it is shown."""
    output_bytes: int = 0
    seconds: float = 0.0
    starts: int = 0
    """How many processes it took: one, and one more for each call or cell that had to be killed."""
