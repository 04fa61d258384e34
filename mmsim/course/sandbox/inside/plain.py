"""Plain data: what may pass from a learner's process to the grader, with exact types, and how it is written.

Plain are None, bool, int, float (finite), str (of real characters), list, and dict with str as keys; subclasses of
them are not, nor is anything nested too deep. The grader checks again what it reads: it believes no sender.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

__all__ = ["DEPTH", "NotPlain", "TooLarge", "clean", "decode", "encode"]

DEPTH = 40
"""How deep lists and dicts may be nested."""
LARGEST_INT = 10_000
"""In bits; Python itself refuses to read a number of more than 4300 digits."""
MESSAGE = 300
_TOKENS = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[{\]}]', re.DOTALL)
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)?|\x9b[0-?]*[ -/]*[@-~]")


class NotPlain(Exception):
    """A value that cannot pass."""


class TooLarge(NotPlain):
    """A value that is plain, or may be, but larger than allowed."""


def encode(value: Any, size: int = 1_000_000, lists: tuple[type, ...] = (list,)) -> bytes:
    """A plain value as JSON of at most `size` bytes; raises NotPlain, TooLarge. What is in `lists` becomes a list.

    >>> encode({"a": [1, True, None]})
    b'{"a":[1,true,null]}'
    >>> encode(float("nan"))
    Traceback (most recent call last):
    mmsim.course.sandbox.inside.plain.NotPlain: nan is no number that can be compared
    """
    _check(value, DEPTH, [size], lists)
    text = json.dumps(value, allow_nan=False, separators=(",", ":")).encode("ascii")
    if len(text) > size:
        raise TooLarge(f"more than {size} bytes")
    return text


def _check(value: Any, depth: int, left: list[int], lists: tuple[type, ...] = (list,)) -> None:
    """Every part has a plain type, and they are not too many; one that holds itself ends at the depth."""
    kind = type(value)
    left[0] -= 1 + (len(value) if kind is str else 0)
    if left[0] < 0:
        raise TooLarge("too many parts")
    if kind is dict or any(kind is one for one in lists):  # a metaclass may lie in a comparison
        if not depth:
            raise TooLarge(f"nested more than {DEPTH} deep")
        for part in value:
            if kind is dict and type(part) is not str:
                raise NotPlain(f"a dict with a key of type {_name(type(part))}; only str can be")
            _check(part, depth - 1, left, lists)
            if kind is dict:
                _check(value[part], depth - 1, left, lists)
    elif kind is str:
        _check_text(value)
    elif kind is float:
        _finite(value)
    elif kind is int:
        if value.bit_length() > LARGEST_INT:
            raise TooLarge(f"an int of {value.bit_length()} bits")
    elif value is not None and kind is not bool:
        raise NotPlain(f"{_name(kind)} is not plain data (None, bool, int, float, str, list, dict)")


def _name(kind: type) -> str:
    """A type's name, not asking the type itself."""
    return str(type.__dict__["__name__"].__get__(kind))


def decode(data: bytes, depth: int = DEPTH) -> Any:
    """What JSON of an untrusted sender says, if it is plain; raises NotPlain.

    >>> decode(b'[1, 2.5, "x", {"y": null}]')
    [1, 2.5, 'x', {'y': None}]
    >>> decode(b'[1e999]')
    Traceback (most recent call last):
    mmsim.course.sandbox.inside.plain.NotPlain: inf is no number that can be compared
    """
    level = 0
    for token in _TOKENS.findall(data):
        level += (token in b"[{") - (token in b"]}")
        if level > depth:
            raise TooLarge(f"nested more than {depth} deep")
    try:
        value = json.loads(
            data.decode("utf-8"), parse_constant=_constant, parse_float=_float, object_pairs_hook=_object
        )
        _check(value, depth, [2 * len(data) + 1])
    except (ValueError, RecursionError):
        raise NotPlain("not the JSON of plain data") from None
    return value


def _constant(name: str) -> Any:
    raise NotPlain(f"{name} is no number that can be compared")


def _float(text: str) -> float:
    return _finite(float(text))


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise NotPlain(f"{value} is no number that can be compared")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise NotPlain("a key twice")
    return found


def _check_text(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise NotPlain("a str with half a character (a lone surrogate)") from None


def clean(text: str, length: int = MESSAGE) -> str:
    r"""A message fit to be shown anywhere: one line, no control characters, no terminal escapes, not long.

    >>> clean("\x1b[31mred\x1b[0m\nnext\x07 line")
    'red next line'
    """
    text = _ESCAPES.sub("", text[: 10 * length])
    shown = "".join(sign if sign.isprintable() else " " for sign in text)
    line = " ".join(shown.split())
    return line if len(line) <= length else line[: length - 1] + "…"
