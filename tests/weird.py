"""Strange plain data for judges: what a hostile submission could send as an answer."""

import random
from collections.abc import Iterator, Sequence

from mmsim.course.exercises.plain import Plain

ATOMS: tuple[Plain, ...] = (
    None, True, False, 0, 1, -1, 7, 2**64, -(2**64), 1 << 4000, 0.0, 1.5, -0.0, 1e308, "", "a", "0-9 a", "0-max 3",
    "0-9 NULL | 5-2 a", "9" * 300 + " a", "\x00", "\u202e", "<b>", "|" * 50, "10 | 20* | 0", "max", "[1]" * 40,
)  # fmt: skip
NAMES = ("w1", "s1", "o1", "c1", "claim", "evidence", "a", "")
BIG: tuple[Plain, ...] = ("x" * 200_000, "0-9 a | " * 20_000, [0] * 90_000, [None] * 90_000, ["0-9 a"] * 20_000)


def weird(chance: random.Random, count: int) -> Iterator[Plain]:
    """All atoms, some large things, then `count` nested values, always the same for one seed.

    >>> len(list(weird(random.Random(1), 10))) == len(ATOMS) + len(BIG) + 10
    True
    """
    yield from ATOMS
    yield from BIG
    for _ in range(count):
        yield value(chance)


def value(chance: random.Random, atoms: Sequence[Plain] = ATOMS, names: Sequence[str] = NAMES, depth: int = 3) -> Plain:
    """Atoms in lists and in dicts with some of these names, nested so deep at the most."""
    kind = chance.randrange(4) if depth else 0
    if kind == 1:
        return [value(chance, atoms, names, depth - 1) for _ in range(chance.randrange(7))]
    if kind == 2:
        return {name: value(chance, atoms, names, depth - 1) for name in chance.sample(names, min(3, len(names)))}
    if kind == 3:
        return [value(chance, atoms, names, depth - 1)] * chance.randrange(7)
    return chance.choice(atoms)
