"""What a claim says of an outcome: the words of `expected` and `got`, and whether a step is like that."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from mmsim import errno
from mmsim.explore.price import MEASURES
from mmsim.mm.check import INVARIANTS

from .errors import ReviewError, shown
from .play import Step
from .script import address

__all__ = ["Statement", "contradiction", "holds", "read_statement"]

_LONG = 200
_FORMS = '"heap+1; 3 VMAs; I6 I8", or a part of it, "nothing broken", or "as before"'
_BROKEN = re.compile(r"(?:broken:? )?(I\d{1,2}(?: I\d{1,2})*)(?: broken)?")
_COUNT = re.compile(r"(\d{1,6}) (\w[\w -]*)")


class Statement(NamedTuple):
    """Only what is stated: None for what is left open. `broken` are at least these; () says nothing is."""

    text: str
    as_before: bool = False
    answer: int | str | None = None
    vmas: int | None = None
    broken: tuple[str, ...] | None = None
    price: tuple[str, int] | None = None


def read_statement(value: Any, where: str) -> Statement:
    """The words of an outcome, the last call's; ReviewError for others.

    >>> read_statement("3 VMAs; I6 I8", "here").broken, read_statement("-ENOMEM", "here").answer
    (('I6', 'I8'), -12)
    """
    if type(value) is not str or not value.strip() or len(value) > _LONG:
        raise ReviewError(f"{where}: {shown(value)}, expected {_FORMS}")
    text = " ".join(value.split())
    if text == "as before":
        return Statement(text, as_before=True)
    made = Statement(text)
    for part in filter(None, (each.strip() for each in re.split("[;,]", text))):
        stated = _part(part, where)
        if any(getattr(made, name) is not None for name in stated):
            raise ReviewError(f"{where}: {shown(part)} says a second time what was said, expected each part once")
        made = made._replace(**stated)
    if made == Statement(text):
        raise ReviewError(f"{where}: {shown(value)}, expected {_FORMS}")
    return made


def _part(part: str, where: str) -> dict[str, Any]:
    if part in ("nothing broken", "no broken invariants"):
        return {"broken": ()}
    if found := _BROKEN.fullmatch(part):
        ids = tuple(dict.fromkeys(found[1].split()))
        unknown = [each for each in ids if each not in INVARIANTS]
        if unknown:
            raise ReviewError(f"{where}: {unknown[0]}, expected invariants of I0 to I{len(INVARIANTS) - 1}")
        return {"broken": ids}
    if found := _COUNT.fullmatch(part):
        if found[2] in ("VMA", "VMAs"):
            return {"vmas": int(found[1])}
        if found[2] in MEASURES:
            return {"price": (found[2], int(found[1]))}
        raise ReviewError(f"{where}: {shown(found[2])} is not counted, expected VMAs, {', '.join(MEASURES)}")
    return {"answer": _answer(part, where)}


def _answer(part: str, where: str) -> int | str:
    word = part.removeprefix("answers ").removeprefix("answer ")
    place = address(word)
    if place is not None:
        return place
    if re.fullmatch(r"-?\d{1,20}", word):
        return int(word)
    if word[:1] == "-" and type(getattr(errno, word[1:], None)) is int:
        return -int(getattr(errno, word[1:]))
    if word == "crash":
        return word
    raise ReviewError(f"{where}: {shown(part)}, expected {_FORMS}")


def holds(statement: Statement, step: Step, before: Step, right: bool) -> bool:
    """Whether a step is as stated; `right` code (that of `expected`) also breaks nothing."""
    if statement.as_before:
        return (step.ret, step.vmas, step.broken.keys()) == (before.ret, before.vmas, before.broken.keys())
    stated = statement.answer is None or statement.answer == _plain(step.ret)
    counted = statement.vmas is None or statement.vmas == step.vmas
    name, number = statement.price or ("", 0)
    priced = not name or step.price.get(name) == number
    if right or statement.broken == ():
        whole = not step.broken and not isinstance(step.ret, str)
    else:
        whole = set(statement.broken or ()) <= step.broken.keys()
    return stated and counted and priced and whole


def _plain(ret: int | str) -> int | str:
    """An answer without what a crash says of itself."""
    return "crash" if isinstance(ret, str) else ret


def contradiction(expected: Statement, got: Statement) -> bool:
    """Whether the two can be told apart: what is got must not be all that is expected."""
    if got.broken or got.answer == "crash" or expected.as_before:
        return True
    pairs = ((expected.answer, got.answer), (expected.vmas, got.vmas), (expected.price, got.price))
    return any(one is not None and two is not None and one != two for one, two in pairs)
