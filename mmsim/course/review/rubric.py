"""Scoring a review: what a comment must have, and what the whole should reach; every point with its reason."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from mmsim.explore.alphabet import ORDINARY
from mmsim.explore.concern import NOT_IN_THE_MAIL
from mmsim.explore.known import known

from .claim import Claim
from .judge import NOT_SHOWN, PROVED, Verdict

__all__ = ["EACH", "WANTED", "Item", "Score", "firsts", "score"]

WANTED = 3
"""Claims that a review should have, and different causes among them."""
EACH = 10
"""Points of a claim; the review as a whole has as many."""
_PRICES = ("VMAs more", "VMAs made", "stores", "look-ups", "nodes")
"""Of what is counted, what only costs; the rest somebody else notices."""
_PERSONS = "you|your|yours|author|he|his|she|her|liam|howlett|stupid|careless|lazy|sloppy"
_PERSON = re.compile(rf"\b({_PERSONS})\b", re.IGNORECASE)
_END = re.compile(r"[.!?][\"')\]]?(?=\s+[A-Z`])")
_SHORT = re.compile(r"\b(e\.g|i\.e|etc|vs|cf|resp)\.$")


class Item(NamedTuple):
    """Points for one thing: of a claim, by its number, or of the whole review (0)."""

    claim: int
    what: str
    points: int
    of: int
    reason: str


class Score(NamedTuple):
    """All items of a review."""

    items: list[Item]

    @property
    def points(self) -> int:
        """What the review has."""
        return sum(item.points for item in self.items)

    @property
    def of(self) -> int:
        """What it could have."""
        return sum(item.of for item in self.items)

    def data(self) -> dict[str, Any]:
        """The score as JSON can hold it."""
        return {"points": self.points, "of": self.of, "items": [item._asdict() for item in self.items]}

    def __repr__(self) -> str:
        return "\n".join([f"{self.points} of {self.of} points", *_lines(self.items)])


def score(verdicts: Sequence[Verdict], taken: Sequence[str] = ()) -> Score:
    """The points of a judged review. Claims that are missing up to three count as empty ones.

    `taken` are causes that do not count, as those of a worked example.
    """
    items = [item for verdict in verdicts for item in _of_claim(verdict)]
    none = f"there is none, expected at least {WANTED} claims"
    items += [Item(number, "claim", 0, EACH, none) for number in range(len(verdicts) + 1, WANTED + 1)]
    return Score([*items, *_of_review(verdicts, firsts(verdicts, taken))])


def _lines(items: Iterable[Item]) -> Iterator[str]:
    about = -1
    for item in items:
        if item.claim != about:
            about = item.claim
            yield f"claim {about}" if about else "the review"
        yield f"  {item.points} of {item.of}  {item.what}: {item.reason}"


# -- one claim


def _of_claim(verdict: Verdict) -> Iterator[Item]:
    claim = verdict.claim
    for what, of, (points, reason) in (
        ("place", 2, _place(claim)),
        ("input", 1, _input(claim)),
        ("result", 1, _result(claim)),
        ("proof", 3, _proof(verdict)),
        ("line", 1, _line(verdict)),
        ("severity", 1, _severity(verdict)),
        ("form", 1, _form(claim)),
    ):
        yield Item(claim.number, what, points, of, reason)


def _place(claim: Claim) -> tuple[int, str]:
    if claim.hunk.line:
        return 2, "names the function and quotes a line"
    return 1, f"names {claim.hunk.function}(), but quotes no line of it"


def _input(claim: Claim) -> tuple[int, str]:
    return (1, "has a script") if claim.script else (0, "no script, so nobody can run it")


def _result(claim: Claim) -> tuple[int, str]:
    return (1, "says what is wrong, and what is right") if claim.got else (0, "does not say what comes out wrong")


def _proof(verdict: Verdict) -> tuple[int, str]:
    if verdict.mark == PROVED:
        return 3, "the script proves it"
    if verdict.mark == NOT_SHOWN and verdict.claim.severity == "question":
        return 1, f"not shown, and put as a question: {verdict.because}"
    return 0, f"{verdict.mark}: {verdict.because}"


def _line(verdict: Verdict) -> tuple[int, str]:
    if not verdict.decided:
        return 0, "nothing was run"
    meant = "the quoted line" if verdict.claim.hunk.line else "the function"
    if verdict.line_ran:
        return 1, f"call {verdict.decided} runs {meant}"
    return 0, f"call {verdict.decided} does not run {meant}, which so decides nothing there"


def _severity(verdict: Verdict) -> tuple[int, str]:
    """Whether the severity fits what was seen."""
    given, fit, why = verdict.claim.severity, *_fitting(verdict)
    if given in fit:
        return 1, f"{given!r} fits: {why}"
    return 0, f"{given!r} does not fit: {why}, expected {' or '.join(map(repr, fit))}"


def _fitting(verdict: Verdict) -> tuple[tuple[str, ...], str]:
    """The severities that fit, and the reason."""
    claim = verdict.claim
    if not claim.script:
        return ("style", "question"), "no run supports it"
    if verdict.mark != PROVED:
        return ("question",), f"it is {verdict.mark}"
    if claim.got is not None and claim.got.price is not None:
        if claim.got.price[0] in _PRICES:
            return ("harmless", "question"), "only the price differs"
        return ("wrong", "harmless", "question"), "what is done besides differs"
    if verdict.reach != ORDINARY:
        return ("wrong", "harmless"), f"v4 differs, but it takes {verdict.reach}"
    if verdict.broken:
        return ("wrong",), f"an ordinary program breaks {' '.join(verdict.broken)}"
    if verdict.answer or verdict.pages:
        return ("wrong", "harmless"), "a program sees the difference, and nothing is broken"
    return ("harmless", "question"), "only the number of VMAs differs"


def _form(claim: Claim) -> tuple[int, str]:
    person = _PERSON.search(claim.claim)
    if person is not None:
        return 0, f"speaks of a person ({person[0]!r}), expected a sentence about the code"
    if len(_sentences(claim.claim)) > 1:
        return 0, f"{len(_sentences(claim.claim))} sentences, expected one"
    return 1, "one sentence about the code"


def _sentences(text: str) -> list[str]:
    """The text cut where a sentence ends and another begins."""
    ends = [found.end() for found in _END.finditer(text) if not _SHORT.search(text[: found.end()])]
    return [text[one:two] for one, two in zip([0, *ends], [*ends, len(text)], strict=True) if text[one:two].strip()]


# -- the whole


def _of_review(verdicts: Sequence[Verdict], firsts: dict[int, int]) -> Iterator[Item]:
    proved = [each for each in verdicts if each.mark == PROVED]
    again = [
        f"claim {number} has {f'the cause of claim {first}' if first else 'a cause that is taken'}"
        for number, first in firsts.items()
        if first != number
    ]
    points = max(0, 2 - len(again)) if proved else 0
    told = "; ".join(again) or ("each has its own cause" if proved else "nothing is proved")
    yield Item(0, "no duplicates", points, 2, told)
    count = len(firsts) - len(again)
    told = f"{count} different cause{'' if count == 1 else 's'} proved, expected {WANTED}"
    yield Item(0, "causes", min(count, WANTED), WANTED, told)
    beyond = [f"claim {each.claim.number}" for each in proved if _beyond(each) and firsts[each.claim.number]]
    told = f"{', '.join(beyond)}: not asked in the mail" if beyond else "no proved claim that the mail did not ask"
    yield Item(0, "beyond the mail", 3 if beyond else 0, 3, told)
    bold = [f"claim {each.claim.number}" for each in verdicts if _bold(each)]
    told = f"{', '.join(bold)}: stated, but not proved" if bold else "nothing is stated that is not proved"
    yield Item(0, "questions", 0 if bold else 2, 2, told)


def _bold(verdict: Verdict) -> bool:
    """Whether it is stated without proof: neither a question nor a matter of style that nothing runs for."""
    allowed = ("question",) if verdict.claim.script else ("question", "style")
    return verdict.mark != PROVED and verdict.claim.severity not in allowed


def _beyond(verdict: Verdict) -> bool:
    """Whether the mail does not ask it: by its known causes, or by what the claim says of itself."""
    asked = {each.concern for each in known() if each.id in verdict.causes} or {verdict.claim.concern}
    return NOT_IN_THE_MAIL in asked


def firsts(verdicts: Sequence[Verdict], given: Sequence[str]) -> dict[int, int]:
    """Number of a proved claim -> the first claim with all of its causes: itself, if it adds one; 0 if they are given.

    Those with few causes count first: a claim that shows more besides has then something of its own.
    """
    taken: dict[Any, int] = dict.fromkeys(given, 0)
    found: dict[int, int] = {}
    for each in sorted((each for each in verdicts if each.mark == PROVED), key=lambda each: len(each.causes)):
        causes = each.causes or [(each.claim.hunk.function, *each.broken, each.answer)]
        new = [cause for cause in causes if cause not in taken]
        found[each.claim.number] = each.claim.number if new else taken[causes[0]]
        taken.update(dict.fromkeys(new, each.claim.number))
    return dict(sorted(found.items()))
