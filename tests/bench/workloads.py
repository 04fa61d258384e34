"""What is timed: W0 to W8. Each workload says on which ranges it runs and which calls it makes.

The ranges are [5i, 5i + 3], one free index between two. All calls are generated before anything is
timed, from one seed, and are the same for every structure.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, NamedTuple

from .peers import Peer, Range

__all__ = ["VMAS", "WORKLOADS", "Call", "Workload", "answer", "bind"]

Call = tuple[Any, ...]
"""Method name and arguments."""

PAGE = 4096
VMAS = 300


class Workload(NamedTuple):
    """`ranges` and `calls` are made from (random, n) and (random, ranges, how many); `unit` names an operation."""

    name: str
    unit: str
    ranges: Callable[[random.Random, int], list[Range]]
    calls: Callable[[random.Random, list[Range], int], list[Call]]
    count: int
    """Calls in a round, at most."""
    writes: bool = False
    """Leaves the ranges other than they were: each round starts on a fresh copy."""
    fixed: int = 0
    """Its own number of ranges, whatever --sizes says."""
    whole: bool = False
    """A part of the calls would say nothing: all of them or none."""
    pairs: bool = False
    """Two calls are one operation."""

    def make(self, seed: int, n: int) -> tuple[list[Range], list[Call]]:
        """The ranges to start on and the calls, the same for the same seed."""
        rng = random.Random(f"{self.name} {n} {seed}")
        ranges = self.ranges(rng, n)
        return ranges, self.calls(rng, ranges, self.count or n)

    def operations(self, calls: int, n: int) -> float:
        """How many operations so many calls are."""
        return calls * n if self.calls is iterate else calls / 2 if self.pairs else calls


def even(_: random.Random, n: int) -> list[Range]:
    """The n ranges; entries are 1..n."""
    return [(5 * i, 5 * i + 3, i + 1) for i in range(n)]


def none(_: random.Random, n: int) -> list[Range]:
    """Nothing yet."""
    return []


def thinned(rng: random.Random, n: int) -> list[Range]:
    """All but 1 % of them, at least one."""
    gone = set(rng.sample(range(n), max(1, n // 100)))
    return [item for i, item in enumerate(even(rng, n)) if i not in gone]


def one_hole(rng: random.Random, n: int) -> list[Range]:
    """All but the one in the middle."""
    ranges = even(rng, n)
    del ranges[n // 2]
    return ranges


def address_space(rng: random.Random, n: int) -> list[Range]:
    """A process: program, heap, arenas with room to grow, libraries of five mappings each, stack."""
    starts: list[tuple[int, int]] = []

    def put(start: int, *pages: int) -> int:
        for size in pages:
            starts.append((start, start + size * PAGE - 1))
            start += size * PAGE
        return start

    end = put(0x5581_7C00_0000, 2, 9, 4, 1, 1)
    put(end + rng.randrange(1, 8192) * PAGE, 33)
    arenas = n // 15
    at = 0x7F20_0000_0000
    for _ in range(arenas):
        put(at, 33)
        at += 0x400_0000
    at = 0x7F8A_0000_0000
    while len(starts) < n - 3:
        sizes = (rng.randrange(1, 40), rng.randrange(10, 400), rng.randrange(5, 90), rng.randrange(1, 5), 1)
        at = put(at, *sizes[: n - 3 - len(starts)]) + rng.choice((0, 1, 2, 513)) * PAGE
    put(0x7FFD_1A00_0000, 33)
    put(0x7FFD_1A7F_0000, 4, 2)
    return [(first, last, i + 1) for i, (first, last) in enumerate(starts)]


def build(_: random.Random, ranges: list[Range], count: int) -> list[Call]:
    """W0 stores the ranges of `even`; it starts on nothing, so `count` is their number."""
    return [("store_range", *item) for item in even(_, count)]


def points(method: str) -> Callable[[random.Random, list[Range], int], list[Call]]:
    """A call with one random index of the span."""

    def calls(rng: random.Random, ranges: list[Range], count: int) -> list[Call]:
        span = ranges[-1][1] + 1
        return [(method, rng.randrange(span)) for _ in range(count)]

    return calls


def overwrite(rng: random.Random, ranges: list[Range], count: int) -> list[Call]:
    """A new entry over exactly one range."""
    chosen = (rng.choice(ranges) for _ in range(count))
    return [("store_range", first, last, len(ranges) + i + 1) for i, (first, last, _) in enumerate(chosen)]


def erase_and_store(rng: random.Random, ranges: list[Range], count: int) -> list[Call]:
    """Pairs: erase a range by an index inside, then store it again."""
    calls: list[Call] = []
    for _ in range(count // 2):
        first, last, entry = rng.choice(ranges)
        calls += [("erase", rng.randint(first, last)), ("store_range", first, last, entry)]
    return calls


def arbitrary(rng: random.Random, ranges: list[Range], count: int) -> list[Call]:
    """Stores of length 1 to 8 anywhere: overlaps, trims and splits."""
    span = ranges[-1][1] + 1
    firsts = [rng.randrange(span) for _ in range(min(count, 2 * len(ranges)))]
    return [("store_range", first, first + rng.randrange(8), len(ranges) + i + 1) for i, first in enumerate(firsts)]


def room(rng: random.Random, ranges: list[Range], count: int) -> list[Call]:
    """The lowest and the highest free range of five, in turn."""
    window = ranges[0][0], ranges[-1][1], 5
    return [(method, *window) for _ in range(count // 2) for method in ("lowest", "highest")]


def iterate(rng: random.Random, ranges: list[Range], count: int) -> list[Call]:
    """All ranges, first to last, as often as makes a time worth measuring."""
    return [("all",)] * max(1, count // len(ranges))


def process(rng: random.Random, ranges: list[Range], count: int) -> list[Call]:
    """60 % look-up, 15 % a range grows at its end, 15 % unmap and map again, 10 % the neighbours."""
    now = [list(item) for item in ranges]
    arenas = range(5, 6 + VMAS // 15)  # the heap, and the arenas after it
    calls: list[Call] = []
    while len(calls) < count:
        kind = rng.random()
        vma = rng.choice(now)
        if kind < 0.60:
            calls.append(("find", rng.randint(vma[0], vma[1])))
        elif kind < 0.75:
            vma = now[rng.choice(arenas)]
            vma[1] += rng.randrange(1, 34) * PAGE
            calls.append(("store_range", *vma))
        elif kind < 0.90:
            calls.append(("store_range", vma[0], vma[1], None))
            calls.append(("store_range", *vma))
        else:
            calls.append((rng.choice(("next", "prev")), vma[0]))
    return calls


WORKLOADS = {
    work.name: work
    for work in (
        Workload("W0", "store, ascending", none, build, 0, writes=True, whole=True),
        Workload("W1", "look-up", even, points("load"), 10_000),
        Workload("W2", "store over a range", even, overwrite, 4_000),
        Workload("W3", "erase + store", even, erase_and_store, 4_000, pairs=True),
        Workload("W4", "store anywhere", even, arbitrary, 4_000, writes=True),
        Workload("W5", "gap search, 1 % free", thinned, room, 2_000),
        Workload("W5one", "gap search, one hole", one_hole, room, 2_000),
        Workload("W6", "next in iteration", even, iterate, 20_000, whole=True),
        Workload("W7", "first at or above", even, points("find"), 10_000),
        Workload("W8", "address space, 300 VMAs", address_space, process, 4_000, writes=True, fixed=VMAS),
    )
}


def bind(peer: Peer, calls: list[Call]) -> Callable[[], None]:
    """The calls as a function without arguments that holds the bare loop, the same for every peer."""
    kinds = {call[0] for call in calls}
    if kinds == {"all"}:
        return _iterating(peer, len(calls))
    if len(kinds) == 1 and len(calls[0]) == 2:
        return _one_argument(getattr(peer, kinds.pop()), [call[1] for call in calls])
    return _any_calls([(getattr(peer, call[0]), call[1:]) for call in calls])


def _iterating(peer: Peer, passes: int) -> Callable[[], None]:
    def run() -> None:
        for _ in range(passes):
            for _ in peer:
                pass

    return run


def _one_argument(method: Callable[[int], Any], indices: list[int]) -> Callable[[], None]:
    def run() -> None:
        for index in indices:
            method(index)

    return run


def _any_calls(bound: list[tuple[Callable[..., Any], tuple[Any, ...]]]) -> Callable[[], None]:
    def run() -> None:
        for method, arguments in bound:
            method(*arguments)

    return run


def answer(peer: Peer, call: Call) -> Any:
    """Do one call and return what it found, in the same form for every peer; None for a store."""
    name, *arguments = call
    if name == "all":
        return list(peer)
    found = getattr(peer, name)(*arguments)
    if name == "store_range":
        return None
    # The tree's find() answers with the index to go on from as well.
    return found[0] if isinstance(found, tuple) else found
