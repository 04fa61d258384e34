"""How many brk() calls a second the model does, its checker off and on: `python -m tests.bench.brk`."""

from __future__ import annotations

import sys
from itertools import cycle
from time import perf_counter
from typing import NamedTuple

from mmsim.brk import GENERATIONS, Process
from mmsim.mm.units import PAGE

from ..address_spaces import BASE

__all__ = ["GOALS", "Speed", "speed"]

GOALS = {False: 10_000, True: 1_000}
"""Calls a second, by whether every invariant is checked after each."""
STEPS = [16, 17, 18, 19, 33, 34, 18, 19, 20, 4]
"""Breaks in pages above the heap's start: growths, extensions and cuts, as malloc makes them."""


class Speed(NamedTuple):
    """Calls a second of one generation."""

    generation: str
    checked: bool
    calls: float

    def __str__(self) -> str:
        goal = GOALS[self.checked]
        verdict = "goal met" if self.calls >= goal else "GOAL MISSED"
        how = "checked" if self.checked else "alone"
        return f"{self.generation:8} {how:8} {self.calls:9,.0f} brk/s  ({verdict}: {goal:,})"


def speed(generation: str, checked: bool, seconds: float = 0.5) -> Speed:
    """Move the break up and down for a while, ten other VMAs around; the best of three."""
    best = 0.0
    for _ in range(3):
        process = Process(generation, start_brk=BASE)
        for number in range(10):
            process.mmap(BASE + (1 << 30) + 4 * number * PAGE, PAGE, 1, 0x32)
        breaks = cycle([BASE + step * PAGE for step in STEPS])
        calls, start = 0, perf_counter()
        while (spent := perf_counter() - start) < seconds / 3:
            for _ in range(len(STEPS)):
                want = next(breaks)
                assert process.brk(want) == want, "a refused call would be no measure"
                if checked:
                    process.check()
            process.mm.events.clear()
            calls += len(STEPS)
        best = max(best, calls / spent)
    return Speed(generation, checked, best)


def main() -> int:
    """Print a line for each generation; 1 when a goal was missed."""
    speeds = [speed(generation, checked) for checked in (False, True) for generation in GENERATIONS]
    print("\n".join(map(str, speeds)))
    return int(any(each.calls < GOALS[each.checked] for each in speeds))


if __name__ == "__main__":
    sys.exit(main())
