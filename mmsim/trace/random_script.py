"""Random scripts of system calls around the top of a heap, in tiers that grow from brk alone to everything.

a brk · b + mmap and munmap · c + mprotect · d + touch and peek · e + locks and limits · f + fork · g + madvise,
mremap, stacks and shared memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from mmsim.mm.units import MASK, PAGE

__all__ = ["TIERS", "random_ops"]

Op = tuple[str, Any]

_BELOW, _ABOVE = -4, 40
"""Pages around the start of the heap that a script reaches."""
_PRIVATE, _SHARED, _GROWSDOWN = 0x22, 0x21, 0x122
_FIXED, _NOREPLACE = 0x10, 0x10_0000
_FAR = 300, 340
"""Where stacks have room to grow down, and what grows is still looked at."""
_KINDS = (_SHARED, _GROWSDOWN, _SHARED | 0x100, *(_PRIVATE | more for more in (0x2000, 0x4000, 0x8000, 0x2100)))
"""Shared, growing down, locked, populated, without reserve."""
_ADVICE = (*range(5), *range(8, 26), 102, 102, 103, 5, 77)
"""Those there are, guards twice, and two that there are not; neither of those that break memory on purpose."""


class _Script:
    """Where a script's heap is, and where its break was last asked to be."""

    def __init__(self, random: Random, start: int, tier: str) -> None:
        self.random = random
        self.start = start
        self.top = start
        self.tier = tier

    def page(self, low: int = 0) -> int:
        """An address in reach: often where the heap ends, or one page beside it."""
        if self.tier >= "g" and self.random.random() < 0.15:
            return self.start + PAGE * self.random.randrange(*_FAR)
        at = self.random.choice((None, None, None, self.top, self.top, self.top + PAGE, self.top - PAGE))
        return self.start + PAGE * self.random.randrange(low, _ABOVE) if at is None else at & -PAGE

    def length(self) -> int:
        """A few pages, sometimes not a whole number of them."""
        pages = self.random.choice((1, 1, 2, 3, 5, 8))
        return pages * PAGE - self.random.choice((0,) * 15 + (1, PAGE - 1))

    def range(self) -> list[int]:
        """Address and length, rarely an address that is none of a page."""
        return [self.page(_BELOW) + self.random.choice((0,) * 30 + (1,)), self.length()]


def _brk(script: _Script) -> Op:
    choice = script.random.choice
    page = script.start + PAGE * script.random.randrange(_ABOVE)
    want = choice((page, page, page + choice((1, 100, 4095)), script.top + PAGE, script.top, script.top - PAGE))
    if script.random.random() < 0.03:
        want = choice((0, script.start - 1, script.start, MASK, MASK - PAGE, 1 << 47))
    script.top = want if script.start <= want < script.start + _ABOVE * PAGE else script.top
    return "brk", want


def _mmap(script: _Script) -> Op:
    choice = script.random.choice
    kinds = (_PRIVATE,) * 6 + (_KINDS if script.tier >= "g" else ())
    flags = choice(kinds) | choice((_FIXED, _FIXED, _NOREPLACE))
    return "mmap", [script.page(_BELOW), script.length(), choice((3, 3, 3, 1, 0, 5, 7)), flags]


def _mremap(script: _Script) -> Op:
    choice, (address, old) = script.random.choice, script.range()
    flags = choice((0, 0, 1, 3, 3, 3, 3, 7, 7, 5, 2, 4, 8))
    old = choice((old,) * 9 + (0,))
    new = old if flags & 4 else choice((old, old, script.length(), 0))
    target = script.page(_BELOW) + PAGE * script.random.randrange(24) + choice((0,) * 20 + (1, 2048))
    return "mremap", [address, old, new, flags, target]


def _setrlimit(script: _Script) -> Op:
    """MEMLOCK stays below 64 kB, what a process may have everywhere."""
    name = script.random.choice(("DATA", "AS", "MEMLOCK"))
    pages = (4, 8, 16, 16) if name == "MEMLOCK" else (20, 80, 160, 2048, 1 << 18)
    return "setrlimit", [name, PAGE * script.random.choice(pages)]


_MAKERS: dict[str, list[tuple[int, Callable[[_Script], Op]]]] = {
    "a": [(6, _brk)],
    "b": [(3, _mmap), (3, lambda script: ("munmap", script.range()))],
    "c": [(3, lambda script: ("mprotect", [*script.range(), script.random.choice((3, 3, 1, 0, 5, 7))]))],
    "d": [
        (4, lambda script: ("touch", script.page(_BELOW) + script.random.randrange(PAGE))),
        (1, lambda script: ("peek", script.page(_BELOW) + script.random.randrange(PAGE))),
    ],
    "e": [
        (1, lambda script: ("mlock", script.range())),
        (1, lambda script: ("munlock", script.range())),
        (1, lambda script: ("mlockall", script.random.choice((1, 2, 3, 4, 5, 6, 7)))),
        (1, lambda script: ("munlockall", None)),
        (1, _setrlimit),
    ],
    "f": [
        (1, lambda script: ("fork", script.random.choice(("parent", "child")))),
        (1, lambda script: ("kill_other", None)),
    ],
    "g": [(3, lambda script: ("madvise", [*script.range(), script.random.choice(_ADVICE)])), (3, _mremap)],
}
TIERS = tuple(_MAKERS)


def random_ops(seed: int, count: int, tier: str, start: int) -> Iterator[Op]:
    """`count` ops of a tier and those below it, for a heap that begins at `start`; the same for the same seed.

    >>> list(random_ops(1, 2, "a", 0x10000000)) == list(random_ops(1, 2, "a", 0x10000000))
    True
    """
    script = _Script(Random(f"{tier} {seed}"), start, tier)
    makers = [maker for name in TIERS if name <= tier for maker in _MAKERS[name]]
    weights = [weight for weight, _ in makers]
    for _ in range(count):
        _, make = script.random.choices(makers, weights)[0]
        yield make(script)
