"""A review as data: claims read from TOML text or from dicts, every fault told in one line."""

from __future__ import annotations

import tomllib
from typing import Any, NamedTuple

from mmsim.explore.alphabet import Op
from mmsim.explore.concern import NOT_IN_THE_MAIL
from mmsim.explore.world import WORLDS

from .errors import ReviewError, named, shown
from .hunk import Hunk, read_hunk
from .script import read_script
from .statement import Statement, contradiction, read_statement

__all__ = ["CONCERNS", "FIELDS", "MAX_CLAIMS", "SEVERITIES", "Claim", "read_review"]

SEVERITIES = ("wrong", "harmless", "style", "question")
CONCERNS = (*(f"C{number}" for number in range(1, 10)), NOT_IN_THE_MAIL)
FIELDS = ("claim", "hunk", "world", "script", "expected", "got", "severity", "concern", "suggestion")
MAX_CLAIMS = 20
_MUST = ("claim", "hunk", "severity")
_RUN = ("script", "expected", "got")
"""What a claim about behaviour must have; one of style, or a question, may do without all three."""
_CLAIM, _SUGGESTION, _TEXT = 300, 1000, 100_000


class Claim(NamedTuple):
    """One thing that a review says. `script` is () for a claim that nothing runs for."""

    number: int
    claim: str
    hunk: Hunk
    world: str
    script: tuple[Op, ...]
    expected: Statement | None
    got: Statement | None
    severity: str
    concern: str = ""
    suggestion: str = ""


def read_review(review: Any) -> list[Claim]:
    r"""The claims of TOML text with a `[[claim]]` table each, or of a list of dicts; ReviewError in one line.

    >>> read_review('[[claim]]\nclaim = "x"')
    Traceback (most recent call last):
    mmsim.course.review.errors.ReviewError: claim 1: no "hunk", expected a text
    """
    found = _tables(review)
    if not 1 <= len(found) <= MAX_CLAIMS:
        raise ReviewError(f"review: {len(found)} claims, expected 1 to {MAX_CLAIMS}")
    return [_claim(number, each) for number, each in enumerate(found, 1)]


def _tables(review: Any) -> list[Any]:
    if type(review) is str:
        review = _parsed(review)
    if type(review) is dict:
        other = [key for key in review if key != "claim"]
        if other:
            raise ReviewError(f"review: {shown(other[0])} outside of a claim, expected [[claim]] above it")
        review = review.get("claim", [])
    if type(review) not in (list, tuple):
        raise ReviewError(f"review: {shown(review)}, expected [[claim]] tables or a list of claims")
    return list(review)


def _parsed(text: str) -> dict[str, Any]:
    if len(text) > _TEXT:
        raise ReviewError(f"review: {len(text)} characters, expected at most {_TEXT}")
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        why = "nested too deep" if isinstance(error, RecursionError) else ascii(str(error))[1:-1][:200]
        raise ReviewError(f"review: cannot be read: {why}") from None


def _claim(number: int, data: Any) -> Claim:
    where = f"claim {number}"
    if type(data) is not dict:
        raise ReviewError(f"{where}: {shown(data)}, expected the fields {', '.join(FIELDS)}")
    for key in data:
        named(f"{where}: field", key, FIELDS)
    for name in _MUST:
        if name not in data:
            raise ReviewError(f'{where}: no "{name}", expected a text')
    severity = named(f"{where}: severity", data["severity"], SEVERITIES)
    world = named(f"{where}: world", data.get("world", "file"), WORLDS)
    script, expected, got = _run(where, data, world, severity)
    return Claim(
        number,
        _words(where, "claim", data["claim"], _CLAIM),
        read_hunk(data["hunk"], f"{where}: hunk"),
        world,
        script,
        expected,
        got,
        severity,
        named(f"{where}: concern", data["concern"], CONCERNS) if "concern" in data else "",
        _words(where, "suggestion", data["suggestion"], _SUGGESTION) if data.get("suggestion") else "",
    )


def _run(
    where: str, data: dict[str, Any], world: str, severity: str
) -> tuple[tuple[Op, ...], Statement | None, Statement | None]:
    missing = [name for name in _RUN if name not in data]
    if len(missing) == len(_RUN) and severity in ("style", "question"):
        return (), None, None
    if missing:
        raise ReviewError(f'{where}: no "{missing[0]}", expected one (only style or a question may do without a run)')
    script = read_script(data["script"], world, f"{where}: script")
    expected = read_statement(data["expected"], f"{where}: expected")
    got = read_statement(data["got"], f"{where}: got")
    if expected.broken:
        raise ReviewError(f'{where}: expected: {expected.broken[0]}, but right code breaks nothing: "nothing broken"')
    if got.as_before:
        raise ReviewError(f'{where}: got: "as before", expected what v4 does otherwise')
    if not contradiction(expected, got):
        both = f"{shown(got.text)} and the expected {shown(expected.text)} can both be true"
        raise ReviewError(f"{where}: got: {both}, expected a part that differs")
    return script, expected, got


def _words(where: str, name: str, value: Any, most: int) -> str:
    """Text on one line, without what a terminal could stumble on."""
    if type(value) is not str or not value.strip():
        raise ReviewError(f"{where}: {name}: {shown(value)}, expected a text")
    text = " ".join(value.split())
    if len(text) > most:
        raise ReviewError(f"{where}: {name}: {len(text)} characters, expected at most {most}")
    if not text.isprintable():
        odd = next(each for each in text if not each.isprintable())
        raise ReviewError(f"{where}: {name}: has the sign U+{ord(odd):04X}, expected plain text")
    return text
