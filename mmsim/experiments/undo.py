"""The missing undo: trying other lines where do_brk_flags() leaves an extension that failed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from textwrap import indent

from mmsim.explore.known import known, mended

from .failures import CALLS, Row, failures

__all__ = ["AFTER", "STEPS", "WAYS_OUT", "lines_of", "tried", "tried_order"]

STEPS = {
    "end": "vma.end = address",
    "file": "if vma.anon_vma is not None: anon.put_back(vma)",
    "unlock": "if vma.anon_vma is not None: anon.unlock(mm, vma.anon_vma)",
    "promise": "mm.machine.uncharge(pages)",
    "free": "mm.free_vma(vma)",
    "return": "return -ENOMEM",
}
"""Steps of a way out, as lines of the model; "free" does not belong there."""
AFTER = {
    ("end", "file"): "an interval tree files a VMA under the bounds it has at that moment",
    ("file", "unlock"): "the interval trees may be changed only under the lock",
    ("end", "unlock"): "whoever takes the lock next must find the old end",
}
"""Which step must come before which other, and why; the promise may be taken back at any time before the return."""
WAY_OUT = """\
            if not stored:
                vma.end = address
            if vma.anon_vma is not None:
                anon.put_back(vma)
                anon.unlock(mm, vma.anon_vma)
            if not stored:
                return -ENOMEM
"""
"""What v4 has there. The first three lines after the store are run in both cases."""
WAYS_OUT = {"v4": WAY_OUT, "merged": "        if not mm.preallocate():\n            return -ENOMEM\n"}
"""Where an extension that failed is left, by generation."""
_EITHER = """\
            if vma.anon_vma is not None:
                anon.put_back(vma)
                anon.unlock(mm, vma.anon_vma)
"""
_GROWTHS = tuple(name for name in CALLS if name in ("first growth", "extend", "extend, written", "grow after fork"))


def lines_of(order: Sequence[str]) -> str:
    """The steps as lines of Python; KeyError for one there is not.

    >>> print(lines_of(["promise", "return"]))
    mm.machine.uncharge(pages)
    return -ENOMEM
    """
    return "\n".join(STEPS[name] for name in order)


def tried_order(order: Sequence[str]) -> str:
    """What is wrong with an order of the steps of a way out, or what a failing call leaves with it.

    >>> tried_order(["end", "return"])
    'not right: these steps are missing: file, unlock, promise'
    """
    wrong = next(_faults_of(list(order)), "")
    if wrong:
        return f"not right: {wrong}"
    lines = indent(lines_of(order), " " * 16)
    return _told(f"            if not stored:\n{lines}\n{_EITHER}")


def _faults_of(order: list[str]) -> Iterator[str]:
    unknown = [name for name in order if name not in STEPS]
    if unknown:
        yield f"{unknown[0]!r} is no step, there are {', '.join(STEPS)}"
    twice = [name for name in STEPS if order.count(name) > 1]
    if twice:
        yield f"{twice[0]!r} is there twice"
    if "free" in order:
        yield "'free' would free the heap itself: this VMA was there before the call"
    missing = [name for name in STEPS if name not in order and name != "free"]
    if missing:
        yield f"these steps are missing: {', '.join(missing)}"
    if order[-1:] != ["return"]:
        yield "nothing is run after 'return'"
    for (first, then), why in AFTER.items():
        if order.index(first) > order.index(then):
            yield f"{then!r} stands before {first!r}: {why}"


def tried(lines: str, generation: str = "v4") -> str:
    """What the failing growths of v4 or merged leave with these lines put before that `return -ENOMEM`.

    >>> tried("pass")
    'not yet: extend, failure 3 (maple_alloc): expected nothing left, got: the promise is kept (+2 pages)'
    """
    if not isinstance(lines, str):
        return f"not yet: expected lines of Python as text, got {lines!r}"
    head, _, last = WAYS_OUT[generation].rstrip("\n").rpartition("\n")
    inside = " " * (len(last) - len(last.lstrip()))
    return _told(f"{head}\n{indent(lines.strip(), inside)}\n{last}\n", generation)


def _told(way_out: str, generation: str = "v4") -> str:
    """Run every failure of every growth with that way out; the smallest case that leaves something, if any does."""
    try:
        with _with(way_out, generation) as name:
            rows = failures([name], _GROWTHS)
    except Exception as error:  # whatever the lines of a learner may raise
        return f"not yet: the lines do not run: {type(error).__name__}: {error}"
    bad = next((row for row in rows if row.forgotten or _wrong(row)), None)
    if bad is None:
        return f"right: {len(rows)} failures of {len(_GROWTHS)} growths leave nothing"
    where = f"{bad.call}, failure {bad.point} ({bad.site})"
    if not bad.refused:
        return f"not yet: {where}: expected a refused call, got it accepted"
    told = bad.left if bad.forgotten else f"broken: {', '.join(_wrong(bad))}"
    return f"not yet: {where}: expected nothing left, got: {told}"


def _wrong(row: Row) -> list[str]:
    """What the failing call breaks, but for the lock order (I10), which no way out can mend."""
    return [id for id in row.broken if id != "I10"] + ([] if row.refused else ["accepted"])


@contextmanager
def _with(way_out: str, generation: str) -> Iterator[str]:
    """The name of a generation that has another way out, as long as the block lasts."""
    cause = next(each for each in known() if each.id == "failed-growth-keeps-the-promise")
    with mended(cause._replace(new=generation, repair={generation: [(WAYS_OUT[generation], way_out)]})) as name:
        yield name
