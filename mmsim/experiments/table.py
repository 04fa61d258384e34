"""What an experiment is, and the one table of all results."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from mmsim.brk import GENERATIONS

__all__ = ["Experiment", "Outcome", "Results", "as_json", "as_text", "measured", "named", "where"]

Results = dict[str, dict[str, Any]]
"""Generation -> what was measured -> value."""


class Experiment(NamedTuple):
    """One experiment: `measure` runs it in a generation, `verdict` says what the results mean, from them alone."""

    id: str
    concern: str
    question: str
    measure: Callable[[str], dict[str, Any]]
    verdict: Callable[[Results], str]


class Outcome(NamedTuple):
    """An experiment that was run."""

    experiment: Experiment
    results: Results
    verdict: str


def measured(experiment: Experiment) -> Outcome:
    """Run an experiment in all generations."""
    results = {generation: experiment.measure(generation) for generation in GENERATIONS}
    return Outcome(experiment, results, experiment.verdict(results))


def named(generations: Iterable[str]) -> str:
    """Generations in a sentence.

    >>> named(["before", "merged", "today"]), named([])
    ('before, merged and today', 'no generation')
    """
    *most, last = [*generations] or ["no generation"]
    return f"{', '.join(most)} and {last}" if most else last


def where(results: Results, test: Callable[[dict[str, Any]], object]) -> list[str]:
    """The generations whose results pass a test."""
    return [generation for generation, result in results.items() if test(result)]


def as_text(outcomes: list[Outcome]) -> Iterator[str]:
    """One table: a block of rows an experiment, a column a generation, the verdict below the block."""
    rows = [name for outcome in outcomes for name in next(iter(outcome.results.values()))]
    wide = max(map(len, rows), default=0) + 5
    cells = [str(value) for outcome in outcomes for result in outcome.results.values() for value in result.values()]
    column = max(map(len, [*GENERATIONS, *cells])) + 2
    yield f"{'':<{wide}}" + "".join(f"{name:>{column}}" for name in GENERATIONS)
    for experiment, results, verdict in outcomes:
        yield f"{experiment.id}  {experiment.concern}: {experiment.question}"
        for name in next(iter(results.values())):
            yield f"    {name:<{wide - 4}}" + "".join(f"{result[name]!s:>{column}}" for result in results.values())
        yield f"    => {verdict}"


def as_json(outcomes: list[Outcome]) -> Iterator[str]:
    """One object a line, an experiment each."""
    for experiment, results, verdict in outcomes:
        told = {"id": experiment.id, "concern": experiment.concern, "question": experiment.question}
        yield json.dumps({**told, "results": results, "verdict": verdict})
