"""Slots as text and as triples, for exercises that look at one leaf or build a tree from ranges."""

import re
from collections.abc import Iterable
from difflib import SequenceMatcher
from itertools import zip_longest

from mmsim.maple import ULONG_MAX, MapleTree, Write

from .model import NotAState

Slot = tuple[int, int, str | None]
Store = Slot
"""First and last index, and the entry that is stored there."""

_SLOT = re.compile(r"([0-9]{1,20})(?: ?- ?([0-9]{1,20}|max|ULONG_MAX))?(?: ?: | )(\S+)")


MOST = 40
"""So many slots of an answer are compared; no leaf has more than 16."""


class NotALeaf(NotAState):
    """A text that is not the slots of a leaf; the message says what is wrong with it."""


def parse(text: str) -> list[Slot]:
    """The slots of a text like `0-9 NULL | 10-19 a | 20-max NULL`; a dump's lines are fine, too.

    >>> parse("0-9 NULL | 10 a | 11-max NULL")
    [(0, 9, None), (10, 10, 'a'), (11, 18446744073709551615, None)]
    """
    found: list[Slot] = []
    for piece in re.split(r"[|\n]", text):
        if not piece.strip():
            continue
        piece = " ".join(piece.split())  # a pattern that takes any number of blanks takes ages for very many
        match = _SLOT.fullmatch(piece)
        if not match:
            raise NotALeaf(f"{piece[:60]!r} is no slot, expected one like '10-19 a' or '20-max NULL'")
        first, last, entry = match.groups()
        end = ULONG_MAX if last in ("max", "ULONG_MAX") else int(last or first)
        found.append((int(first), end, None if entry == "NULL" else entry))
    return found


def text(slots: Iterable[Slot]) -> str:
    """The slots as one line, as `parse` reads them."""
    return " | ".join(f"{_range(first, last)} {'NULL' if entry is None else entry}" for first, last, entry in slots)


def slots_of(tree: MapleTree) -> list[Slot]:
    """The slots of a tree of one leaf."""
    from mmsim.maple import ranges

    return list(ranges(tree))


def tree_of(slots: Iterable[Slot], **mode: bool) -> MapleTree:
    """A tree with these ranges, stored one after the other."""
    tree = MapleTree(**mode)
    for first, last, entry in slots:
        if entry is not None:
            tree.store_range(first, last, entry)
    return tree


def calls(stores: Iterable[Store]) -> str:
    """Stores as numbered lines, as they would be called.

    >>> print(calls([(10, 19, "a"), (15, 15, None)]))
    1. store_range(10, 19, 'a')
    2. store_range(15, 15, None)
    """
    return "\n".join(f"{n}. store_range{store}" for n, store in enumerate(stores, 1))


def written(tree: MapleTree, stores: Iterable[Store]) -> list[Write]:
    """The library's own trace of some stores, one after the other."""
    with tree.watch() as log:
        for store in stores:
            tree.store_range(*store)
    return list(log)


def uncovered(slots: list[Slot]) -> str:
    """What is wrong with slots that should cover 0 to max without a hole or an overlap; "" if nothing is."""
    at = 0
    for first, last, _ in slots:
        if first != at:
            return (
                f"the slot before {first} ends at {at - 1}: each slot begins one after the last"
                if at
                else (f"the first slot begins at {first}, expected 0")
            )
        if last < first or last > ULONG_MAX:
            return f"{first}-{last} is no range"
        at = last + 1
    return "" if at == ULONG_MAX + 1 else "the last slot has to end at max"


def compared(expected: list[Slot], got: list[Slot]) -> str:
    """Both leaves side by side, equal slots in one line, the differing ones marked.

    >>> print(compared([(0, 9, None), (10, 14, "a"), (15, 19, "b")], [(0, 14, "a"), (15, 19, "b")]))
      expected      got
    * 0-9 NULL      0-14 a
    * 10-14 a       -
      15-19 b       15-19 b
    """
    left, right = [text([slot]) for slot in expected], [text([slot]) for slot in got[:MOST]]
    wide = max(map(len, ["expected   ", *left])) + 3
    lines = [f"  {'expected'.ljust(wide)}got"]
    for tag, a, b, c, d in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        sign = " " if tag == "equal" else "*"
        lines += [f"{sign} {x.ljust(wide)}{y}" for x, y in zip_longest(left[a:b], right[c:d], fillvalue="-")]
    return "\n".join(lines)


def _range(first: int, last: int) -> str:
    end = "max" if last == ULONG_MAX else str(last)
    return end if first == last else f"{first}-{end}"
