"""What a script is made of: single ops around the top of the heap, at random or all of them.

A random script first draws which kinds of calls it uses (swarm testing): a script of every kind at once seldom does
the same thing twice, which most defects need.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any, NamedTuple

from mmsim.mm.calls import MAP, MCL, PROT
from mmsim.mm.machine import SITES
from mmsim.mm.units import PAGE

from .world import START

__all__ = ["FAMILIES", "LETTERS", "ORDINARY", "Family", "Op", "reach", "script"]

Op = tuple[str, Any]

LOW, HIGH = -4, 8
"""Pages around start_brk that ops touch: below the heap, and as far up as a rule can look."""
_RW = PROT.READ | PROT.WRITE
_HERE = MAP.PRIVATE | MAP.ANONYMOUS | MAP.FIXED
_FILE = MAP.PRIVATE | MAP.FIXED
_GUARDED = 256 + HIGH


class Family(NamedTuple):
    """A kind of calls, how often it is drawn, and who can make them: an ordinary program, or what it takes."""

    name: str
    weight: int
    needs: str
    ops: Callable[[Random], Op]


def _at(random: Random, low: int = LOW) -> int:
    return START + random.randint(low, HIGH) * PAGE


def _range(random: Random) -> list[int]:
    return [_at(random), random.choice((1, 1, 2, 3, 4)) * PAGE]


def _brk(random: Random) -> Op:
    return "brk", START + random.randint(-1, HIGH) * PAGE + random.choice((0, 0, 0, 0, 1, 4095))


def _mmap(random: Random) -> Op:
    start, length = _range(random)
    return "mmap", [start, length, random.choice((_RW, _RW, PROT.READ, PROT.NONE, _RW | PROT.EXEC)), _HERE]


def _stack(random: Random) -> Op:
    if random.random() < 0.5:
        return "mmap", [START + random.randint(_GUARDED - 8, _GUARDED) * PAGE, PAGE, _RW, _HERE | MAP.GROWSDOWN]
    return "mmap", [*_range(random), _RW, _HERE | MAP.GROWSDOWN]


def _mmap_file(random: Random) -> Op:
    start, length = _range(random)
    return "mmap_file", [start, length, _RW, _FILE, "library", random.choice((0, 4, start // PAGE))]


def _limit(random: Random) -> Op:
    name = random.choice(("DATA", "AS", "MEMLOCK"))
    return "setrlimit", [name, random.choice((0, 4, 8, 12, 40)) * PAGE]


def _mark(random: Random) -> Op:
    name = random.choice(("start_brk", "brk"))
    return "set_mm", [name, _at(random, 0) + random.choice((0, 1, 2048))]


def _huge(random: Random) -> Op:
    block = START & -(1 << 21)
    return random.choice((("madvise", [START, HIGH * PAGE, 14]), ("madvise", [block, 1 << 21, 25])))


def _overcommit(random: Random) -> Op:
    return "brk", START + random.choice((1 << 21, 1 << 22, 1 << 30)) + random.choice((0, PAGE))


FAMILIES = (
    Family("touch", 6, "", lambda random: ("touch", _at(random))),
    Family("mmap", 8, "", _mmap),
    Family("munmap", 8, "", lambda random: ("munmap", _range(random))),
    Family("mprotect", 4, "", lambda random: ("mprotect", [*_range(random), random.choice((_RW, PROT.READ))])),
    Family("fork", 3, "", lambda random: ("fork", random.choice(("parent", "child")))),
    Family("kill", 1, "", lambda random: ("kill_other", None)),
    Family("stack", 2, "", _stack),
    Family("file", 4, "", _mmap_file),
    Family("policy", 3, "", lambda random: ("mbind", [*_range(random), random.choice((None, "bind:0"))])),
    Family("uffd", 3, "a userfaultfd", lambda random: ("uffd_register", _range(random))),
    Family("lock", 2, "", lambda random: (random.choice(("mlock", "munlock")), _range(random))),
    Family("lockall", 2, "", lambda random: ("mlockall", random.choice((MCL.CURRENT, MCL.FUTURE, 3)))),
    Family("limit", 3, "", _limit),
    Family("large", 1, "", _overcommit),
    Family("huge", 1, "", _huge),
    Family("advice", 1, "", lambda random: ("madvise", [*_range(random), random.choice((4, 10, 12))])),
    Family("loader", 4, "a crafted executable", lambda random: ("vm_brk_flags", _range(random))),
    Family("mark", 2, "the right to set marks (CAP_SYS_RESOURCE)", _mark),
    Family("hook", 2, "a driver", lambda random: ("hook", [_at(random), *random.choice(((1, 1), (0, 0)))])),
)
"""Beside brk(), which every script has."""
_NEEDS = {"uffd_register": "a userfaultfd", "vm_brk_flags": "a crafted executable", "hook": "a driver"}
_NEEDS |= {"set_mm": "the right to set marks", "fail": "an allocation failure"}
ORDINARY = "an ordinary program"
FAULTY = ("brk", "vm_brk_flags")


def script(random: Random, length: int, faults: bool) -> list[Op]:
    """A random script of at most `length` ops; with `faults` something fails during one of them."""
    chosen = random.sample(FAMILIES, random.randint(1, 4))
    makers = [_brk] * 2 * len(chosen) + [family.ops for family in chosen]
    weights = [4] * 2 * len(chosen) + [family.weight for family in chosen]
    ops = [make(random) for make in random.choices(makers, weights, k=random.randint(2, length))]
    return list(_with_fault(random, ops)) if faults else ops


def _with_fault(random: Random, ops: list[Op]) -> Iterator[Op]:
    """The last call of the code under test fails; what it leaves behind is seen at once."""
    places = [at for at, (op, _) in enumerate(ops) if op in FAULTY]
    target = random.choice(places) if places else None
    for at, op in enumerate(ops):
        if at == target:
            yield "fail", [random.choice(SITES), random.randint(1, 2)]
        yield op


def _letters() -> Iterator[Op]:
    """A small alphabet: what can matter right around the top of a heap of a few pages."""
    for page in (0, 1, 2, 4, 6):
        yield "brk", START + page * PAGE
    yield "brk", START + 2 * PAGE + 1
    for page, pages in ((1, 1), (2, 2), (3, 1), (4, 1), (5, 1), (6, 2), (-1, 1)):
        yield "munmap", [START + page * PAGE, pages * PAGE]
        yield "mmap", [START + page * PAGE, pages * PAGE, _RW, _HERE]
    for page in (1, 3):
        yield "mprotect", [START + page * PAGE, PAGE, PROT.READ]
        yield "touch", START + page * PAGE
    yield "mmap_file", [START + 2 * PAGE, 2 * PAGE, _RW, _FILE, "library", 0]
    yield "mbind", [START, 4 * PAGE, "bind:0"]
    yield "uffd_register", [START, 4 * PAGE]
    yield "mlockall", MCL.FUTURE
    yield "fork", "child"
    yield "vm_brk_flags", [START + 2 * PAGE, 2 * PAGE, 0]


LETTERS = tuple(_letters())


def reach(ops: list[Op], world_is_ordinary: bool) -> str:
    """What it takes to run a script: "an ordinary program", or what is needed beside it."""
    needs = [need for op, need in _NEEDS.items() if any(name == op for name, _ in ops)]
    sites = sorted({arg[0] for name, arg in ops if name == "fail"})
    needs = [f"{need} ({', '.join(sites)})" if need == _NEEDS["fail"] else need for need in needs]
    if not world_is_ordinary:
        needs.append("a kernel with COMPAT_BRK")
    return ", ".join(needs) or ORDINARY
