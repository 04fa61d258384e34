"""Five assertions of which one is wrong: it is false in generations that damage nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mmsim.brk import GENERATIONS, Process

from .assertions import Claim, Claims, run_assertions, tripped
from .build import ids, started
from .table import named

__all__ = ["PLANTED", "wrong_claim"]

PLANTED: dict[str, tuple[str, Claim]] = {
    "A": ("entry", lambda at: at.mm.find_in(at.address, at.stop) is None),
    "B": ("entry", lambda at: at.below is None or at.end == at.address),
    "C": ("entry", lambda at: at.mm.total_vm == sum(vma.pages for vma in at.mm.vmas())),
    "D": ("extension", lambda at: at.below.file is None),
    "E": ("cut", lambda at: at.new_top < at.old_top),
}
"""Letter -> the place, and the claim."""


def wrong_claim(letter: str | None, calls: Callable[[Process], Any]) -> str:
    """Whether the planted claim of that letter is the wrong one, and whether `calls` show it.

    >>> wrong_claim("A", lambda process: process.brk(process.mm.brk + 8))
    'claim A: 0 trips in before, merged and today; so it is no wrong claim. Look at another one.'
    """
    if letter is None:
        return "not tried yet"
    if letter not in PLANTED:
        raise ValueError(f"no claim {letter!r}, expected one of {', '.join(PLANTED)}")
    place, claim = PLANTED[letter]
    good = [generation for generation in GENERATIONS if generation != "v4"]
    asked: dict[str, Claims] = {place: {letter: claim}}
    alarms = run_assertions(**asked, generations=good).false_alarms()
    if not alarms:
        return f"claim {letter}: 0 trips in {named(good)}; so it is no wrong claim. Look at another one."
    shown = []
    for generation in good:
        process = started(generation)
        if tripped(process, calls, **asked):
            shown.append(f"{generation} (broken invariants: {ids(process.check())})")
    found = f"claim {letter}: {alarms} false alarms, that is the wrong one (half)."
    if not shown:
        return f"{found} Your calls do not make it false yet: it holds in each of {named(good)}."
    return f"{found} Your calls make it false in {named(shown)} (the other half): done."
