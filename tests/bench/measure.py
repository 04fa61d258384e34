"""Timing one workload at one size: check that all agree, then interleaved rounds."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable
from statistics import median
from time import process_time_ns
from typing import Any, NamedTuple

from .peers import NoGapSearch, Peer, Range
from .recipes import ANCHOR, PEERS
from .workloads import Call, Workload, answer, bind

__all__ = ["Disagreement", "Row", "Stock", "TooSlow", "fill", "measure"]

BATCH = 200_000_000
"""CPU nanoseconds that a structure may take in a round; a slow one gets the first calls only."""
PATIENCE = 3, 3_000_000_000
"""After so many rounds a structure that has taken so many CPU nanoseconds sits the others out."""


class Disagreement(Exception):
    """Two structures answered the same call differently: one of them skips work."""


class TooSlow(Exception):
    """A structure was not ready in the time allowed."""


class Row(NamedTuple):
    """One result: `value` in `unit` an operation, `ratio` times as fast as the SortedDict recipe.

    `state` is "ok", "not run" (too slow for this size) or "no search" (plain trees and gaps).
    """

    workload: str
    n: int
    peer: str
    state: str = "ok"
    rounds: int = 0
    calls: int = 0
    value: float | None = None
    unit: str = "ns"
    ratio: float | None = None


class Clock:
    """CPU time of this process: what other processes do does not count. Raises TooSlow at the limit."""

    def __init__(self, seconds: float) -> None:
        self.start = process_time_ns()
        self.limit = seconds * 1e9

    def spent(self) -> int:
        """Nanoseconds so far."""
        return process_time_ns() - self.start

    def check(self) -> None:
        """Go on, or TooSlow."""
        if self.spent() > self.limit:
            raise TooSlow


def fill(peer: Peer, ranges: Iterable[Range], seconds: float) -> Peer:
    """Store the ranges one by one; raises TooSlow."""
    clock = Clock(seconds)
    for number, (first, last, entry) in enumerate(ranges):
        peer.store_range(first, last, entry)
        if number % 64 == 0:
            clock.check()
    return peer


class Stock:
    """Structures of n ranges, made once and copied for each workload; remembers who is too slow."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.made: dict[tuple[str, Any, int], Peer] = {}
        self.slow: set[tuple[str, int]] = set()

    def get(self, name: str, work: Workload, n: int, ranges: list[Range]) -> Peer:
        """The structure to copy from; raises TooSlow."""
        if (name, n) in self.slow:
            raise TooSlow
        key = name, work.ranges, n
        if key not in self.made:
            try:
                self.made[key] = fill(PEERS[name](), ranges, self.seconds)
            except TooSlow:
                self.slow.add((name, n))
                raise
        return self.made[key]

    def forget(self, n: int) -> None:
        """Free the structures of another size."""
        self.made = {key: peer for key, peer in self.made.items() if key[2] == n}


class Runner:
    """One structure in one workload."""

    def __init__(self, name: str, work: Workload, template: Peer, calls: list[Call]) -> None:
        self.name = name
        self.work = work
        self.template = template
        self.calls = calls
        self.times: list[float] = []
        self.spent = 0
        self.peer = template.copy()
        self.run = bind(self.peer, calls)

    def round(self, n: int) -> None:
        """Run the calls once and note the nanoseconds of an operation."""
        begin = process_time_ns()
        if self.work.writes:
            self.peer = self.template.copy()
            self.run = bind(self.peer, self.calls)
        start = process_time_ns()
        self.run()
        end = process_time_ns()
        self.times.append((end - start) / self.work.operations(len(self.calls), n))
        self.spent += end - begin

    @property
    def is_done(self) -> bool:
        """Slow, and measured often enough."""
        rounds, limit = PATIENCE
        return len(self.times) >= rounds and self.spent > limit


def answers(peer: Peer, calls: list[Call], seconds: float) -> tuple[list[Any], int]:
    """What the calls find, as far as the time goes, and the nanoseconds it took."""
    clock = Clock(seconds)
    found = []
    for call in calls:
        found.append(answer(peer, call))
        if clock.spent() > clock.limit:
            break
    return found, clock.spent()


def enough(work: Workload, calls: list[Call], found: int, nanoseconds: int) -> list[Call]:
    """The first calls, as many as fit a round after what the check took; raises TooSlow."""
    if work.whole:
        if found < len(calls):
            raise TooSlow
        return calls
    count = max(2, int(BATCH * found / max(1, nanoseconds)))
    return calls[: count - count % 2]


def measure(
    work: Workload, n: int, names: list[str], seed: int, rounds: int, stock: Stock, tick: Callable[[], Any]
) -> list[Row]:
    """One row a structure. Raises Disagreement when two answer differently.

    Each round runs every structure once; the ratio is the median of the ratios of the rounds.
    """
    ranges, calls = work.make(seed, n)
    rows: dict[str, Row] = {}
    runners: list[Runner] = []
    reference: tuple[str, list[Any], Any] | None = None
    for name in names:
        try:
            template = stock.get(name, work, n, ranges)
            peer = template.copy()
            found, spent = answers(peer, calls, stock.seconds if work.whole else 1)
            mine = enough(work, calls, len(found), spent)
        except (TooSlow, NoGapSearch) as reason:
            rows[name] = Row(work.name, n, name, "not run" if isinstance(reason, TooSlow) else "no search")
            continue
        content = list(peer) if len(found) == len(calls) else None
        reference = reference or (name, found, content)
        agree(work, n, calls, reference, (name, found, content))
        runners.append(Runner(name, work, template, mine))
    interleave(runners, n, rounds, tick)
    base = next(runner.times for runner in runners if runner.name == ANCHOR)
    for runner in runners:
        # Who sits out does so from some round to the end: the first rounds are common.
        ratio = median(theirs / own for theirs, own in zip(base, runner.times, strict=False))
        done, value = len(runner.times), median(runner.times)
        rows[runner.name] = Row(work.name, n, runner.name, "ok", done, len(runner.calls), value, "ns", ratio)
    return [rows[name] for name in names]


def interleave(runners: list[Runner], n: int, rounds: int, tick: Callable[[], Any]) -> None:
    """A B C, B C A, C A B ...: nobody is always the one that finds the caches cold.

    The garbage collector rests: it would count everybody's objects.
    """
    gc.collect()
    gc.disable()
    try:
        for number in range(rounds):
            turn = number % len(runners)
            for runner in runners[turn:] + runners[:turn]:
                if not runner.is_done:
                    runner.round(n)
            tick()
    finally:
        gc.enable()


def agree(
    work: Workload, n: int, calls: list[Call], one: tuple[str, list[Any], Any], other: tuple[str, list[Any], Any]
) -> None:
    """The answers are equal as far as both have any, and what they hold in the end, too."""
    for call, mine, theirs in zip(calls, one[1], other[1], strict=False):
        if mine != theirs:
            raise Disagreement(
                f"{work.name}, n = {n}: {call} is {shown(mine)} for {one[0]}, {shown(theirs)} for {other[0]}"
            )
    if one[2] is not None and other[2] is not None and one[2] != other[2]:
        raise Disagreement(f"{work.name}, n = {n}: {one[0]} and {other[0]} hold other ranges in the end")


def shown(value: Any) -> str:
    """An answer, cut to one line."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
