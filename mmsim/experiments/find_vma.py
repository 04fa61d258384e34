"""The second mail of the day: find_vma() in two forms, which have to find the same VMA for every address.

<d979a786-65da-11d6-8d81-14859f2c7d4d@suse.cz> (2022-01-13): the change from one form to the other belongs into the
next patch. `walk` is a third form, which is not the same: it does not look on when it lands in a hole.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from mmsim.maple import MapleState
from mmsim.mm import MM, Vma
from mmsim.mm.units import MASK

from .corpus import born, scripts

__all__ = ["FORMS", "Difference", "differences", "edges", "spaces"]


def tree_search(mm: MM, address: int) -> Vma | None:
    """One call for the tree (mt_find()): the first entry at or above the address."""
    return mm.tree.find(address)[0]


def state_search(mm: MM, address: int) -> Vma | None:
    """The same with a maple state (mas_find()), which could go on from there."""
    return MapleState(mm.tree, address).find()


def walk_only(mm: MM, address: int) -> Vma | None:
    """What the address itself lies in (mas_walk())."""
    return MapleState(mm.tree, address).walk()


FORMS = {"tree": tree_search, "state": state_search, "walk": walk_only}
"""Three ways to look an address up."""


class Difference(NamedTuple):
    """An address for which two forms find different VMAs; both by where they start, None for none."""

    address: int
    one: int | None
    two: int | None


def edges(mm: MM) -> list[int]:
    """All addresses at which an answer can change, with those beside them: the others answer as their neighbours.

    >>> from mmsim.brk import Process
    >>> process = Process("v4", start_brk=0x10000)
    >>> process.brk(0x12000) == 0x12000 and [hex(each) for each in edges(process.mm)[2:5]]
    ['0xffff', '0x10000', '0x10001']
    """
    ends = {0, MASK, *(bound for vma in mm.vmas() for bound in (vma.start, vma.end))}
    return sorted({near & MASK for bound in ends for near in (bound - 1, bound, bound + 1)})


def differences(one: str, two: str, spaces: Iterable[MM]) -> tuple[int, list[Difference]]:
    """How many addresses were looked up in both forms, and where they differ."""
    asked, found = 0, []
    for mm in spaces:
        for address in edges(mm):
            pair = [FORMS[name](mm, address) for name in (one, two)]
            asked += 1
            if pair[0] is not pair[1]:
                found.append(Difference(address, *(vma and vma.start for vma in pair)))
    return asked, found


def spaces(generation: str, count: int = 30) -> list[MM]:
    """Address spaces as random scripts leave them; in v4 some of them are damaged."""
    made = []
    for number, ops in scripts():
        if number == count:
            break
        process = born(generation, number)
        for _, do in ops:
            do(process)
        made.append(process.mm)
    return made
