"""What makes two findings one: the lines of the new code that ran when the generations parted."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

from mmsim.brk import GENERATIONS

from .alphabet import Op
from .pair import attempt, start
from .play import heal

__all__ = ["function_of", "functions_of", "lines_of", "text_of"]

Lines = frozenset[int]


def lines_of(world: str, ops: list[Op], old: str, new: str, side: str = "new") -> Lines:
    """The lines of a generation's module that the last op of a script ran, counters put right before it.

    As they are put right where the two are compared: a wrong counter may not choose the way.
    """
    session = start(world, old, new)[side == "new"]
    for op, arg in ops[:-1]:
        session.do(op, arg)
        heal(session)
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
    names = functions_of(generation, numbers)
    return max(sorted(set(names)), key=names.count, default="")


def functions_of(generation: str, numbers: Iterable[int]) -> list[str]:
    """The function of a generation's module that each line is in."""
    names = _functions(GENERATIONS[generation].__file__ or "")
    return [names[number] for number in numbers]


@cache
def _functions(file: str) -> list[str]:
    """By line number, counted from 1, the function it is in, or ""."""
    names = [""]
    for line in _source(file):
        names.append(line[4:].partition("(")[0] if line.startswith("def ") else names[-1])
    return names


def _source(file: str) -> list[str]:
    return Path(file).read_text(encoding="utf-8").splitlines()
