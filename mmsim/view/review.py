"""The verdicts on a review as a table: what each claim came to, in v4 and before it."""

from __future__ import annotations

from collections.abc import Iterable

from mmsim.course.review import Verdict

from .findings import FindingTable

__all__ = ["review_table"]


def review_table(verdicts: Iterable[Verdict], title: str | None = None) -> FindingTable:
    """A line for each claim: its sentence, the mark, the outcome of its script in two generations, what it takes.

    >>> review_table([]).text.splitlines()[0]
    'The review, judged'
    """
    head = ("", "claim", "mark", "before", "v4", "takes")
    return FindingTable(title or "The review, judged", head, map(_row, verdicts))


def _row(verdict: Verdict) -> tuple[str, ...]:
    outcomes = [verdict.outcomes.get(name, "-") for name in ("before", "v4")]
    return str(verdict.claim.number), verdict.claim.claim, verdict.mark, *outcomes, verdict.reach or "-"
