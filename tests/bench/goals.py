"""How fast the tree should be: times as fast as the SortedDict recipe, from n ranges on."""

from __future__ import annotations

__all__ = ["BYTES", "BYTES_FROM", "IMPORT_MS", "goal", "missed"]

GOALS: dict[str, dict[str, dict[int, float]]] = {
    "mmsim": {
        "W0": {1_000: 0.7},
        "W1": {1_000: 2, 10_000: 3, 100_000: 2},
        "W2": {1_000: 2.5},
        "W3": {1_000: 1.5, 10_000: 2},
        "W4": {1_000: 2.5},
        "W5one": {1_000: 60, 10_000: 500},
        "W6": {1_000: 0.9},
        "W7": {1_000: 2},
        "W8": {0: 3.2},
    },
    "mmsim plain": {"W3": {1_000: 2.5}, "W4": {1_000: 3.5}},
}
BYTES, BYTES_FROM = 180.0, 100_000
"""Bytes a range, at most, from so many ranges on."""
IMPORT_MS = 30.0
"""`import mmsim` above the bare interpreter, at most."""


def goal(peer: str, workload: str, n: int) -> float | None:
    """The goal for n ranges; None where there is none.

    >>> goal("mmsim", "W1", 20_000), goal("mmsim", "W1", 100), goal("portion", "W1", 1_000)
    (3, None, None)
    """
    steps = GOALS.get(peer, {}).get(workload, {})
    return max(((start, value) for start, value in steps.items() if start <= n), default=(0, None))[1]


def missed(value: float, wanted: float, at_most: bool = False) -> int:
    """By how many percent of the goal it is missed; 0 when it is met. The largest allowed if `at_most`.

    >>> missed(1.5, 2.0), missed(2.0, 2.0), missed(1.996, 2.0), missed(207.0, 180.0, at_most=True)
    (25, 0, 1, 15)
    """
    short = value / wanted - 1 if at_most else 1 - value / wanted
    return 0 if short <= 0 else max(1, round(100 * short))
