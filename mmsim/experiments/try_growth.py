"""Growths to try out by hand, for the exercises on concerns C3 and C9: scripts of words, neighbours, a rule to test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from mmsim.brk import Process
from mmsim.mm.calls import MAP, PROT
from mmsim.mm.merge import Want
from mmsim.mm.units import PAGE, SHIFT

from .build import HEAP, HEAP_FLAGS, started
from .e9 import case
from .growths import Growth, jobs, replayed
from .table import named

__all__ = ["Met", "case_met", "played", "rule_report", "script_report"]

_PAGES = 33
"""What a word `grow` asks for: the 132 KiB of a first small malloc()."""
_WORDS = ("grow", "write", "fork", "back", "exec")
_FROM, _TO = 8, 12
"""The growth of `case_met`, in pages above start_brk."""

Rule = Callable[[bool, int, bool], object]
"""What becomes of a growth, from (heap, links, room); see `rule_report`."""


def played(script: str, generation: str = "today") -> list[str]:
    """Do the words of a script in a generation; what each `grow` came to: "extended", "new", or "refused".

    The words: `grow` by 132 KiB; `write` to all of the heap; `fork`, and go on in the child; `back`, the child ends and
    its parent goes on; `exec`, this process begins a new program. A script begins as after an exec. Raises ValueError
    for another word, and for a `back` without a fork.

    >>> played("grow write fork grow grow back grow")
    ['new', 'new', 'extended', 'extended']
    """
    family, came = [started(generation)], []
    for word in script.split():
        if word == "grow":
            came.append(_grow(family[-1]))
        elif word == "write":
            for vma in list(family[-1].mm.vmas()):
                family[-1].touch(vma.start)
        elif word == "fork":
            family.append(_child(family[-1]))
        elif word == "back":
            if len(family) == 1:
                raise ValueError("'back' without a 'fork' before it: there is no parent to go back to")
            family.pop().exit()
        elif word == "exec":
            family[-1] = started(generation)
        else:
            raise ValueError(f"no word {word!r}: expected {named(_WORDS)}")
    return came


def script_report(script: str, mine: Sequence[object]) -> str:
    """What somebody thinks of the growths of a script, against a run: the first that came out otherwise.

    >>> script_report("grow grow", ["new", "extended"])
    'done: all 2 growths'
    >>> script_report("grow grow", ["new", "new"])
    "growth 2 of 2: expected 'extended', got 'new'"
    """
    came = played(script)
    if any(each is None for each in mine):
        return f"not tried yet: {sum(each is None for each in mine)} of {len(mine)} are None"
    if len(mine) != len(came):
        return f"the script has {len(came)} growths: expected as many words, got {len(mine)}"
    for number, (expected, got) in enumerate(zip(came, mine, strict=True), 1):
        if expected != got:
            return f"growth {number} of {len(came)}: expected {expected!r}, got {got!r}"
    return f"done: all {len(came)} growths"


def _grow(process: Process) -> str:
    mm = process.mm
    vmas, want = mm.map_count, mm.brk + _PAGES * PAGE
    if process.brk(want) != want:
        return "refused"
    return "extended" if mm.map_count == vmas else "new"


def _child(process: Process) -> Process:
    child = process.fork()
    assert isinstance(child, Process), "nothing is planned to fail"
    return child


class Met(NamedTuple):
    """A growth below a neighbour: the case of vma_merge() that its range fits, and whether brk() did it."""

    case: int
    accepted: bool


def case_met(generation: str, free: int, heap: bool = True) -> Met:
    """A growth to 12 pages, so that `free` pages are left below a neighbour that is like the heap.

    With a heap of 8 pages below the growth, or without one.

    >>> case_met("v4", free=0), case_met("v4", free=1)
    (Met(case=1, accepted=False), Met(case=2, accepted=True))
    """
    process = started(generation)
    mm, start, end = process.mm, HEAP + _FROM * PAGE, HEAP + _TO * PAGE
    process.brk(start)
    if not heap:
        process.munmap(HEAP, _FROM * PAGE)
    rights, how = PROT.READ | PROT.WRITE, MAP.PRIVATE | MAP.FIXED_NOREPLACE
    process.mmap(end + free * PAGE, 4 * PAGE, rights, how)
    number = case(mm, start, end, Want(HEAP_FLAGS, start >> SHIFT))
    return Met(number, process.brk(end) == end)


def rule_report(rule: Rule) -> str:
    """A rule of (heap, links, room) against runs: how many growths it is right for, and the plainest it is wrong for.

    `heap`: a VMA of the heap ends where the growth begins; `links`: how long its chain is (0: never written to);
    `room`: a page stays free below the next mapping. Growths: those of the census with the heap written to after each
    growth, those of its job with growing children with a heap never written to, and three without room.

    >>> rule_report(lambda heap, links, room: None)
    'not tried yet: the rule answers None'
    """
    found = dict(sorted(_facts().items(), key=lambda item: (not item[0][2], item[0])))
    got = {fact: rule(*fact[:3]) for fact in found}
    if all(answer is None for answer in got.values()):
        return "not tried yet: the rule answers None"
    wrong = [fact for fact in found if got[fact] != fact[3]]
    every = sum(found.values())
    if not wrong:
        return f"done: right for all {every} growths"
    heap, links, room, came = wrong[0]
    right = every - sum(found[fact] for fact in wrong)
    where = f"heap={heap}, links={links}, room={room} ({found[wrong[0]]} of them)"
    return f"right for {right} of {every} growths; wrong for {where}: expected {came!r}, got {got[wrong[0]]!r}"


def _facts() -> Counter[tuple[bool, int, bool, str]]:
    """How many growths there are of each kind: heap, links, room, and what came of them."""
    facts = Counter((each.heap, each.links, True, "extended" if each.extended else "new") for each in _growths())
    for heap, links in ((False, 0), (True, 1), (True, 2)):
        facts[heap, links, False, _without_room(heap, links)] += 1
    return facts


def _growths() -> Iterator[Growth]:
    for job in jobs().values():
        yield from replayed(job, "today").growths
    yield from replayed(jobs()["python-fork"], "today", "never").growths


def _without_room(heap: bool, links: int) -> str:
    process = started("today")
    if heap:
        process.brk(HEAP + PAGE)
        process.touch(HEAP)
    if links > 1:
        process = _child(process)
    process.mmap(process.mm.brk + _PAGES * PAGE, PAGE, PROT.READ, MAP.PRIVATE | MAP.FIXED_NOREPLACE)
    return _grow(process)
