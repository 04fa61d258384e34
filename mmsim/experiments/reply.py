"""Answering a concern: the evidence a run gives, what a written answer lacks, and which concern a script shows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from mmsim.brk import GENERATIONS
from mmsim.explore.alphabet import Op
from mmsim.explore.concern import NOT_IN_THE_MAIL, concern_of
from mmsim.explore.known import outcome
from mmsim.explore.search import clusters_of, costs_of
from mmsim.explore.world import WORLDS
from mmsim.trace.recording import RecordingError

from .table import Outcome

__all__ = ["GAP", "VERDICTS", "Shown", "evidence", "lacking", "shown_by", "tried_script"]

VERDICTS = ("wrong", "harmless", "dearer", "cheaper", "no difference")
"""The words an answer may end with."""
GAP = "___"
"""What a half-filled answer has in place of a word."""
_SENTENCES = 3
_NUMBER = re.compile(r"(?<![\w.-])\d+(?![\w-]|\.\d)")


def evidence(outcome: Outcome) -> Iterator[str]:
    r"""The rows of an experiment in which the generations are not all alike, a line each.

    >>> from mmsim.experiments import measure
    >>> print(*evidence(measure("E5")), sep="\n")
    two bss side by side: before 1, v4 2, merged 1, today 1
    bss between anonymous areas: before 1, v4 3, merged 2, today 2
    """
    for row in outcome.results["before"]:
        found = {name: result[row] for name, result in outcome.results.items()}
        if len(set(found.values())) > 1:
            yield f"{row}: " + ", ".join(f"{name} {value}" for name, value in found.items())


def lacking(text: str, outcome: Outcome) -> list[str]:
    """What a written answer to the concern of an experiment lacks; empty if nothing.

    It has one to three sentences, names a generation, has a result of the run for it and none that the run did not
    give, and says a word of VERDICTS.

    >>> from mmsim.experiments import measure
    >>> e5 = measure("E5")
    >>> lacking("In v4 two bss side by side become 2 VMAs. It is harmless.", e5)
    []
    >>> lacking("In v4 they become 7.", e5)
    ['7 is not in the results of v4', 'a word for the verdict: wrong, harmless, dearer, cheaper, no difference']
    """
    missing = []
    if text.count(GAP):
        missing.append(f"{text.count(GAP)} gaps to be filled")
    count = len([part for part in re.split(r"[.!?](?:\s|$)", text) if part.strip()])
    if not 1 <= count <= _SENTENCES:
        missing.append(f"one to {_SENTENCES} sentences, got {count}")
    chosen = [name for name in GENERATIONS if re.search(rf"\b{name}\b", text)]
    missing += _not_measured(text, outcome, chosen) if chosen else [f"a generation: {', '.join(GENERATIONS)}"]
    if not any(word in text.lower() for word in VERDICTS):
        missing.append(f"a word for the verdict: {', '.join(VERDICTS)}")
    return missing


def _not_measured(text: str, outcome: Outcome, chosen: list[str]) -> Iterator[str]:
    """Numbers that the run did not give for these generations; or that there is no result at all."""
    results = {str(value) for name in chosen for value in outcome.results[name].values()}
    asked = {number for row in outcome.results["before"] for number in _NUMBER.findall(row)}
    numbers = _NUMBER.findall(text)
    wrong = [number for number in dict.fromkeys(numbers) if number not in results | asked]
    yield from (f"{number} is not in the results of {', '.join(chosen)}" for number in wrong)
    words = {each for each in results if not each.isdigit() and len(each) > 1 and each in text}
    if not words and not set(numbers) & results and not wrong:
        yield f"a result of the run for {', '.join(chosen)}"


class Shown(NamedTuple):
    """A script in v4 and in merged, both held against `before`.

    `concerns` are those it shows in v4 and not in merged; `outcomes` what it comes to, by generation.
    """

    concerns: tuple[str, ...]
    outcomes: dict[str, str]


def shown_by(world: str, script: list[Op]) -> Shown:
    """Which concerns of the mail a script shows in v4 and not in merged; raises for one that cannot be run.

    >>> from mmsim.explore.world import START
    >>> shown_by("bss", [("vm_brk_flags", [START, 4096])]).concerns
    ('C5',)
    """
    found = {new: set(_concerns(world, script, new)) for new in ("v4", "merged")}
    found["v4"] -= {NOT_IN_THE_MAIL}
    return Shown(
        tuple(sorted(found["v4"] - found["merged"])), {name: outcome(world, script, name) for name in GENERATIONS}
    )


def _concerns(world: str, script: list[Op], new: str) -> Iterable[str]:
    """The concerns of all differences from `before`, but for what only became cheaper."""
    for cluster in (*clusters_of(world, script, "before", new), *costs_of(world, script, "before", new)):
        key = cluster.key
        if not key.side.startswith("fewer"):
            yield concern_of(key.kind, key.family, key.side, world, cluster.ops, "before", new)


def tried_script(concern: str, world: str, script: list[Op]) -> list[str]:
    """What to say to a learner's script that is to show a concern and to be as short as can be.

    >>> from mmsim.explore.world import START
    >>> tried_script("C7", "file", [("brk", START + 4096), ("vm_brk_flags", [START - 4096, 4096])])[-1]
    'not yet: call 1 can be left out'
    """
    if world not in WORLDS:
        return [f"no world {world!r}: there are {', '.join(WORLDS)}"]
    if not script or not _is_script(script):
        return ['expected calls, each as ("name", argument), for instance ("brk", page(1))']
    try:
        shown = shown_by(world, script)
    except (RecordingError, ValueError, TypeError, IndexError, KeyError) as error:
        return [f"this script cannot be run: {error}"]
    lines = [f"{name:<7} {told}" for name, told in shown.outcomes.items()]
    if concern not in shown.concerns:
        found = ", ".join(shown.concerns) or "no concern"
        return [*lines, f"not yet: what it shows in v4 and not in merged is {found}, not {concern}"]
    spare = [at for at in range(len(script)) if _still(concern, world, script[:at] + script[at + 1 :])]
    if spare:
        return [*lines, f"not yet: call {spare[0] + 1} can be left out"]
    calls = f"{len(script)} calls, none can be left out" if len(script) > 1 else "a single call"
    return [*lines, f"done: {calls}; in v4 and not in merged: {', '.join(shown.concerns)}"]


def _is_script(script: object) -> bool:
    """Whether it is a list of pairs of a name and an argument."""
    calls = script if isinstance(script, list) else [None]
    return all(isinstance(call, tuple) and len(call) == 2 and isinstance(call[0], str) for call in calls)


def _still(concern: str, world: str, script: list[Op]) -> bool:
    return bool(script) and concern in shown_by(world, script).concerns
