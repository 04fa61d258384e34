"""Making a script as short and as plain as it can be while it still shows the same thing.

Deletes ops, in runs and one by one, then makes what is left plainer: shorter lengths, addresses nearer to the heap's
start, simpler arguments; again until nothing helps. Own code, as the scripts come from our own generator: Hypothesis
shrinks only what its own strategies drew, a thousand times more slowly than a script runs. (The tests use Hypothesis
to check this module.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from mmsim.mm.units import PAGE

from .alphabet import Op
from .world import START

__all__ = ["plainness", "shrink"]


def shrink(ops: list[Op], shows: Callable[[list[Op]], bool], budget: int = 2000) -> list[Op]:
    """The shortest script found that `shows` still says yes to, after at most `budget` questions."""
    asked = 0

    def still(candidate: list[Op]) -> bool:
        nonlocal asked
        asked += 1
        return asked <= budget and shows(candidate)

    while True:
        shorter = _without(ops, still)
        plainer = _plainer(shorter, still)
        if plainer == ops or asked > budget:
            return plainer
        ops = plainer


def plainness(ops: list[Op]) -> tuple[int, int, str]:
    """A key to sort scripts by: fewer ops first, then smaller numbers."""
    numbers = [value for _, arg in ops for value in (arg if isinstance(arg, list) else [arg]) if isinstance(value, int)]
    return len(ops), sum(abs(value - START) if value > 1 << 24 else value for value in numbers), repr(ops)


def _without(ops: list[Op], still: Callable[[list[Op]], bool]) -> list[Op]:
    size = max(1, len(ops) // 2)
    while size:
        at = 0
        while at < len(ops):
            candidate = ops[:at] + ops[at + size :]
            if candidate and still(candidate):
                ops = candidate
            else:
                at += size
        size //= 2
    return ops


def _plainer(ops: list[Op], still: Callable[[list[Op]], bool]) -> list[Op]:
    for at in range(len(ops)):
        for arg in _simpler(ops[at]):
            candidate = [*ops[:at], (ops[at][0], arg), *ops[at + 1 :]]
            if plainness(candidate) < plainness(ops) and still(candidate):
                ops = candidate
                break
    return ops


def _simpler(op: Op) -> Iterator[Any]:
    """Arguments that are plainer, the plainest first."""
    name, arg = op
    if name in ("brk", "touch"):
        yield from _nearer(arg)
    elif isinstance(arg, list):
        for place, value in enumerate(arg):
            if type(value) is not int:
                continue
            for simpler in _nearer(value) if value > 1 << 24 else _smaller(value):
                yield [*arg[:place], simpler, *arg[place + 1 :]]


def _nearer(address: int) -> Iterator[int]:
    """Addresses nearer to the start of the heap, whole pages first."""
    pages = (address - START) // PAGE
    for near in sorted(range(max(min(pages, 0), -11), min(max(pages, 0), 11) + 1), key=abs):
        yield START + near * PAGE
    if address % PAGE > 1:
        yield address - address % PAGE + 1


def _smaller(value: int) -> Iterator[int]:
    if value % PAGE == 0 and value:
        yield from range(PAGE, min(value, 6 * PAGE), PAGE)
    if value in (2, 3):
        yield 1
