"""Plain data: what a learner's code may give, so that the judging can happen somewhere else.

Exact types only: None, bool, int, finite float, str, list (a tuple counts as one) and dict with
text keys. An object that lies in comparisons, or a subclass of int, never gets as far as a judge.
"""

import math
from typing import Any

Plain = Any  # None | bool | int | float | str | list[Plain] | dict[str, Plain]

MAX_DEPTH = 40
MAX_PARTS = 100_000
MAX_TEXT = 200_000
MAX_BITS = 4096


class NotPlain(Exception):
    """A value that is no plain data; the message says what was found where."""


def plain(value: object) -> Plain:
    """A copy of plain data with tuples as lists; NotPlain for anything else.

    >>> plain({"slots": (1, None, True)})
    {'slots': [1, None, True]}
    >>> plain({1, 2})
    Traceback (most recent call last):
    mmsim.course.exercises.plain.NotPlain: a set, expected numbers, texts, None, lists or dicts of these
    """
    return _copied(value, 0, [MAX_PARTS])


def blank(value: Plain) -> bool:
    """True if nothing is filled in: None, or a list or dict of nothing else.

    >>> blank({"a": None, "b": [None]}), blank([None, 0])
    (True, False)
    """
    if type(value) is list:
        return all(map(blank, value))
    if type(value) is dict:
        return all(map(blank, value.values()))
    return value is None


def same(one: Plain, two: Plain) -> bool:
    """Equal, and of equal types all the way down: True is not 1, and 1.0 is not 1.

    >>> same([1, "a"], [1, "a"]), same(1, True), same({"a": 1}, {"a": 1.0})
    (True, False, False)
    """
    if type(one) is not type(two):
        return False
    if type(one) is list:
        return len(one) == len(two) and all(map(same, one, two))
    if type(one) is dict:
        return one.keys() == two.keys() and all(same(one[key], two[key]) for key in one)
    return one == two


def told(value: Plain, limit: int = 300) -> str:
    """The value as Python writes it, cut to a length that a card can hold.

    >>> told("a" * 50, 20)
    "'aaaaaaaaaaaaaaa ..."
    """
    text = repr(value)
    return text if len(text) <= limit else f"{text[: limit - 4]} ..."


def _copied(value: Any, depth: int, left: list[int]) -> Plain:
    left[0] -= 1
    if depth > MAX_DEPTH or left[0] < 0:
        raise NotPlain("too deep or too large, expected a small answer")
    kind = type(value)
    if kind is list or kind is tuple:
        return [_copied(part, depth + 1, left) for part in value]
    if kind is dict:
        keys = list(value)
        if not all(type(key) is str for key in keys):
            raise NotPlain("a dict with keys that are no texts, expected texts as keys")
        return {key: _copied(value[key], depth + 1, left) for key in keys}
    if value is None or kind is bool or _fits(kind, value):
        return value
    if kind in (int, float, str):
        raise NotPlain(f"{_article(kind)} that is too large or not finite")
    raise NotPlain(f"{_article(kind)}, expected numbers, texts, None, lists or dicts of these")


def _fits(kind: type, value: Any) -> bool:
    if kind is int:
        return value.bit_length() <= MAX_BITS
    if kind is float:
        return math.isfinite(value)
    return kind is str and len(value) <= MAX_TEXT


def _article(kind: type) -> str:
    name = type.__dict__["__name__"].__get__(kind)[:60]  # a metaclass may lie about the name
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"
