"""What was answered to the mail, held against what the experiments measured.

The author answered on 2022-01-19 (<20220119030311.qblhmf6yk6l7sl6b@revolver>), the reviewer had the last word on
2022-01-21 (<fd1069f5-adea-df01-5dc5-eb5ba0955bec@suse.cz>); both in our words. What is told here is computed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from .growths import Counts, everywhere, jobs, replayed
from .table import Outcome, named, where

__all__ = ["ANSWERS", "BOOT", "Answer", "Judged", "judged"]

BOOT = (63, 517)
"""The author's count on the boot of a virtual machine: growths that extended the heap, of all."""


class Judged(NamedTuple):
    """How far an answer holds, and what was measured."""

    holds: str
    measured: str


class Answer(NamedTuple):
    """One answer: to which concern, whose, and how it is judged by the outcomes of all experiments."""

    concern: str
    who: str
    said: str
    judge: Callable[[Mapping[str, Outcome]], Judged]


def _counts(row: str, outcome: Outcome) -> str:
    return ", ".join(f"{name} {result[row]}" for name, result in outcome.results.items())


def _split(good: list[str], bad: list[str]) -> str:
    """Where something holds and where not."""
    if not bad or not good:
        return "no" if bad else "yes"
    return f"in {named(good)}; not in {named(bad)}"


def _room(outcomes: Mapping[str, Outcome]) -> Judged:
    row = "range not free, in brk()"
    results = outcomes["C8"].results
    good, bad = where(results, lambda each: not each[row]), where(results, lambda each: each[row])
    return Judged(_split(good, bad), f"growths over something mapped: {_counts(row, outcomes['C8'])}")


def _next(outcomes: Mapping[str, Outcome]) -> Judged:
    first = outcomes["C3"].results["before"]
    looks, behind = first["looks at the next VMA"], first["looks behind it"]
    holds = "yes" if looks and behind else "half: next, but not next of next" if looks else "no"
    return Judged(holds, f"before, {looks} times at the next VMA, {behind} times behind it")


def _rare(outcomes: Mapping[str, Outcome]) -> Judged:
    most = 100 * BOOT[0] / BOOT[1]
    shares = [replayed(job, "v4").counts for job in jobs().values()]
    few = sum(1 for each in shares if each.growths and each.share <= most)
    some = sum(1 for each in shares if each.growths)
    told = f"v4, {len(shares)} jobs: {_share(everywhere('v4'))}; at most {most:.1f} % in {few} of {some} that grow"
    return Judged("yes, there; it depends on the job" if few < some else "yes", told)


def _share(counts: Counts) -> str:
    return f"{counts.extended} of {counts.growths} growths ({counts.share:.1f} %)"


def _beside_a_file(outcomes: Mapping[str, Outcome]) -> Judged:
    results = outcomes["C5"].results
    told = [f"{row}: {results['before'][row]} and {results['v4'][row]}" for row in list(results["v4"])[:2]]
    same = [row for row in results["v4"] if results["v4"][row] == results["before"][row] and "bss" in row]
    holds = "yes, beside data" if "data, then bss" in same else "no"
    return Judged(holds, f"VMAs, before and v4: {'; '.join(told)}")


def _complete(outcomes: Mapping[str, Outcome]) -> Judged:
    results = outcomes["C6"].results
    lost = where(results, lambda each: each["events delivered"] < results["before"]["events delivered"])
    told = f"events over a mapping: {_counts('events delivered', outcomes['C6'])}"
    return Judged("only where nothing is mapped, which is C7" if lost else "yes", told)


def _segments(outcomes: Mapping[str, Outcome]) -> Judged:
    broken = {
        name: sum("broken" in row and value != "-" for row, value in each.items())
        for name, each in outcomes["C7"].results.items()
    }
    resting = [name for name, count in broken.items() if count]
    told = ", ".join(f"{name} {count}" for name, count in broken.items())
    holds = f"it does rest on that in {named(resting)}" if resting else "it does not rest on that"
    return Judged(holds, f"layouts that break invariants, of 3: {told}")


def _cases(outcomes: Mapping[str, Outcome]) -> Judged:
    results = outcomes["C9"].results
    found = {name: _beyond(each) for name, each in results.items()}
    told = "beyond case 2, brk(): " + ", ".join(f"{name} {one}" for name, (one, _) in found.items())
    told += "; 4 to 8, loader: " + ", ".join(f"{name} {two}" for name, (_, two) in found.items())
    return Judged("yes for brk()" if not any(one for one, _ in found.values()) else "no", told)


def _beyond(row: Mapping[str, Any]) -> tuple[int, int]:
    """Growths that meet another case than 2, and loader's calls that meet one of 4 to 8."""
    brk = sum(value for name, value in row.items() if ", brk(): case" in name and not name.endswith("case 2"))
    return brk, row["random, vm_brk_flags(): cases 4 to 8"]


ANSWERS = (
    Answer("C1, C7", "author", "nothing can be in the range: brk() makes sure of room", _room),
    Answer("C3", "author", "vma_merge() looks up next and next of next before it fails", _next),
    Answer("C3, C9", "author", f"{BOOT[0]} of {BOOT[1]} growths extend: {100 * BOOT[0] / BOOT[1]:.1f} %", _rare),
    Answer("C5", "author", "nothing is lost: the neighbours of a bss carry a file", _beside_a_file),
    Answer("C6", "author", "nothing is unmapped, so nothing is to be completed", _complete),
    Answer("C9", "author", "only the cases 1 to 3 are possible, and only 2 is worth a test", _cases),
    Answer("C7", "reviewer", "hopes that it does not rest on segments that never overlap", _segments),
)
"""The answers that can be held against a measurement."""


def judged(outcomes: Mapping[str, Outcome]) -> list[tuple[Answer, Judged]]:
    """Every answer with how far it holds; `outcomes` by concern."""
    return [(answer, answer.judge(outcomes)) for answer in ANSWERS]
