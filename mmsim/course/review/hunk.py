"""The place a claim is about: a function of `mmsim/brk/v4.py`, and a line of it if one is quoted."""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from inspect import getsourcelines
from types import FunctionType
from typing import Any, NamedTuple

from mmsim.brk import v4

from .errors import ReviewError, named, shown

__all__ = ["Hunk", "quoted", "ran", "read_hunk"]

_AROUND = 1
"""Lines quoted above and below the one that is meant."""


class Hunk(NamedTuple):
    """A function, the text of a line (or ""), and the numbers of the lines of v4.py that are meant."""

    function: str
    line: str
    numbers: tuple[int, ...]


def read_hunk(value: Any, where: str) -> Hunk:
    """`function` or `function: text of a line`; ReviewError if there is no such place.

    >>> read_hunk("do_brk_munmap: gone = Vma(mm, 0)", "here").function
    'do_brk_munmap'
    """
    if type(value) is not str or len(value) > 200:
        raise ReviewError(f'{where}: {shown(value)}, expected "function" or "function: text of a line"')
    name, _, text = value.partition(":")
    function = named(where, name.strip().removesuffix("()"), _functions())
    first, lines = _functions()[function]
    wanted = text.strip()
    if not wanted:
        return Hunk(function, "", tuple(range(first, first + len(lines))))
    found = [first + at for at, line in enumerate(lines) if line.strip() == wanted]
    found = found or [first + at for at, line in enumerate(lines) if wanted in line]
    if not found:
        near = get_close_matches(wanted, [line.strip() for line in lines], 1, 0.3)
        meant = f"; the nearest is {near[0]!r}" if near else ""
        raise ReviewError(f"{where}: no line of {function}() reads {shown(wanted)}, expected one of v4.py{meant}")
    return Hunk(function, wanted, tuple(found))


def ran(hunk: Hunk, lines: frozenset[int]) -> bool:
    """Whether any of the lines that are meant is among those that ran; of a comment, the code below it."""
    first, text = _functions()[hunk.function]
    code = _code(hunk.function)
    end = first + len(text)
    wanted = {next((at for at in range(number, end) if at in code), number) for number in hunk.numbers}
    return bool(wanted & lines)


def quoted(hunk: Hunk) -> list[str]:
    """What a reply quotes: where it is, and the line with one around it on both sides."""
    first, lines = _functions()[hunk.function]
    head = f"@@ mmsim/brk/v4.py, line {hunk.numbers[0]}, {hunk.function}() @@"
    at = hunk.numbers[0] - first
    low, high = max(at - _AROUND, 0), min(at + _AROUND + 1, len(lines))
    return [head, *(line.rstrip() for line in lines[low:high] if line.strip())] if hunk.line else [head]


@cache
def _functions() -> dict[str, tuple[int, list[str]]]:
    """Name -> number of the first line, and the lines, in the order of the file."""
    own = {name: each for name, each in vars(v4).items() if isinstance(each, FunctionType) and _is_own(each)}
    found = {name: getsourcelines(each) for name, each in own.items()}
    return {name: (first, lines) for name, (lines, first) in sorted(found.items(), key=lambda item: item[1][1])}


def _is_own(function: FunctionType) -> bool:
    return function.__module__ == v4.__name__


@cache
def _code(function: str) -> frozenset[int]:
    """The numbers of lines that a run can be seen in."""
    return frozenset(line for _, _, line in getattr(v4, function).__code__.co_lines() if line)
