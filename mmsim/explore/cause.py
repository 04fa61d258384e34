"""What makes two findings one: the lines of the new code that ran when the generations parted."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from mmsim.brk import GENERATIONS

from .alphabet import Op
from .play import attempt, start

__all__ = ["function_of", "lines_of", "text_of"]

Lines = frozenset[int]


def lines_of(world: str, ops: list[Op], old: str, new: str, side: str = "new") -> Lines:
    """The lines of a generation's module that the last op of a script ran."""
    session = start(world, old, new)[side == "new"]
    for op, arg in ops[:-1]:
        session.do(op, arg)
    with _watched(GENERATIONS[new if side == "new" else old].__file__ or "") as found:
        attempt(session, *ops[-1])
    return frozenset(found)


@contextmanager
def _watched(file: str) -> Iterator[set[int]]:
    found: set[int] = set()

    def inside(frame: FrameType, event: str, arg: Any) -> Any:
        if event == "line":
            found.add(frame.f_lineno)
        return inside

    def enter(frame: FrameType, event: str, arg: Any) -> Any:
        return inside if frame.f_code.co_filename == file else None

    before = sys.gettrace()
    sys.settrace(enter)
    try:
        yield found
    finally:
        sys.settrace(before)


def text_of(generation: str, numbers: list[int]) -> list[str]:
    """Lines of a generation's module, with their numbers."""
    lines = _source(GENERATIONS[generation].__file__ or "")
    return [f"{number}: {lines[number - 1].strip()}" for number in numbers]


def function_of(generation: str, numbers: list[int]) -> str:
    """The function of a generation's module that holds most of the lines."""
    source = _source(GENERATIONS[generation].__file__ or "")
    names: list[str] = []
    for number in numbers:
        above = (line for line in reversed(source[:number]) if line.startswith("def "))
        names.append(next(above, "")[4:].partition("(")[0])
    return max(sorted(set(names)), key=names.count, default="")


def _source(file: str) -> list[str]:
    return Path(file).read_text(encoding="utf-8").splitlines()
