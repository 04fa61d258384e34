"""What is wrong with a review as it was written: one line, with the place and what was expected there."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from ..errors import CourseError

__all__ = ["ReviewError", "named", "shown"]

_LONG = 60


class ReviewError(CourseError):
    """A review that cannot be read; the message says where, what is there, and what was expected."""


def shown(value: Any) -> str:
    """A value of a review as a message quotes it: short, on one line, and never the text of an unknown object.

    >>> shown("a" * 100), shown([1, 2]), shown(7)
    ("'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...'", 'a list', '7')
    """
    if type(value) is str:
        return ascii(value[:_LONG] + ("..." if len(value) > _LONG else ""))
    if type(value) is int and value.bit_length() > 64:
        return f"a number of {value.bit_length()} bits"
    if value is None or type(value) in (bool, int, float):
        return repr(value)
    name = type(value).__name__ if type(value).__name__.isprintable() else "thing"
    return f"a{'n' if name[:1] in 'aeiou' else ''} {name[:_LONG]}"


def named(where: str, value: Any, choices: Iterable[str]) -> str:
    """One of a few words, or a ReviewError that names them, the likeliest first."""
    words = list(choices)
    if type(value) is str and value in words:
        return value
    near = get_close_matches(value[:_LONG], words, 1) if type(value) is str else []
    meant = f" (did you mean {near[0]!r}?)" if near else ""
    raise ReviewError(f"{where}: {shown(value)}, expected one of: {', '.join(words)}{meant}")
