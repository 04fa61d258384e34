"""Odd plain data, seeded: what a judge may meet instead of an answer."""

from collections.abc import Iterator
from random import Random
from typing import Any

_ATOMS: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 3, 1 << 64, 1 << 4000, -(1 << 70), 0.5, "", "A", "brk", "s1", "C1", "x" * 5000,
    "\u202e\x1b[31m", "[[claim]]", "brk(heap+2); brk(heap+1)", "do_brk_munmap: gone = Vma(mm, 0)", "I6", "wrong",
)  # fmt: skip


def odd(random: Random, near: Any = None, depth: int = 3) -> Any:
    """Any plain data; where there is an answer `near`, mostly that one with a part exchanged."""
    if near is not None and random.random() < 0.7:
        return _exchanged(random, near)
    kind = random.randrange(6) if depth else 0
    if kind < 3:
        return random.choice(_ATOMS)
    many = random.choice((0, 1, 2, 5, 30))
    if kind < 5:
        return [odd(random, None, depth - 1) for _ in range(many)]
    return {str(random.choice(_ATOMS))[:20]: odd(random, None, depth - 1) for _ in range(many)}


def odds(near: Any, count: int = 150) -> Iterator[Any]:
    """So many odd answers, and some that are very large."""
    random = Random(f"odd answers {near!r:.100}")
    yield from (odd(random, near) for _ in range(count))
    yield [["brk", 1]] * 30_000
    yield {"claim": "A", "evidence": [["brk", 2]] * 30_000}
    yield [{"claim": "x"}] * 30_000
    yield "[[claim]]\nclaim = 'x'\n" * 5_000
    yield {str(number): number for number in range(50_000)}


def _exchanged(random: Random, near: Any) -> Any:
    if isinstance(near, dict) and near and random.random() < 0.8:
        key = random.choice(list(near))
        return {**near, key: _exchanged(random, near[key])}
    if isinstance(near, list) and near and random.random() < 0.8:
        at = random.randrange(len(near))
        return [*near[:at], _exchanged(random, near[at]), *near[at + 1 :]]
    return odd(random, None, 2)
