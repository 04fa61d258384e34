"""What a script is made of: single ops around the top of the heap, at random or all of them.

A random script first draws which kinds of calls it uses (swarm testing): a script of every kind at once seldom does
the same thing twice, which most defects need. Every other address lies around the break as the script last set it:
that is where the rules look.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any, NamedTuple

from mmsim.mm import VM
from mmsim.mm.calls import MAP, MCL, MREMAP, PROT
from mmsim.mm.machine import SITES
from mmsim.mm.units import MASK, PAGE, TASK_SIZE, page_align

from .world import START

__all__ = ["FAMILIES", "FAULTY", "LETTERS", "ORDINARY", "Family", "Op", "reach", "script"]

Op = tuple[str, Any]

LOW, HIGH = -4, 8
"""Pages around start_brk that ops touch: below the heap, and as far up as a rule can look."""
_RW = PROT.READ | PROT.WRITE
_HERE = MAP.PRIVATE | MAP.ANONYMOUS | MAP.FIXED
_FILE = MAP.PRIVATE | MAP.FIXED
_GUARDED = 256 + HIGH


class Family(NamedTuple):
    """A kind of calls, how often it is drawn, and who can make them: an ordinary program, or what it takes.

    `ops` makes one, near the break that it is given.
    """

    name: str
    weight: int
    needs: str
    ops: Callable[[Random, int], Op]


def _at(random: Random, top: int, low: int = LOW) -> int:
    if random.random() < 0.5:
        return max(page_align(top) + random.randint(-3, 1) * PAGE, START + low * PAGE)
    return START + random.randint(low, HIGH) * PAGE


def _range(random: Random, top: int) -> list[int]:
    return [_at(random, top), random.choice((1, 1, 2, 3, 4)) * PAGE]


def _brk(random: Random, top: int) -> Op:
    return "brk", START + random.randint(-1, HIGH) * PAGE + random.choice((0, 0, 0, 0, 1, 4095))


def _touch(random: Random, top: int) -> Op:
    return "touch", _at(random, top)


def _mmap(random: Random, top: int) -> Op:
    prot = random.choice((_RW, _RW, PROT.READ, PROT.NONE, _RW | PROT.EXEC))
    return "mmap", [*_range(random, top), prot, _HERE]


def _munmap(random: Random, top: int) -> Op:
    return "munmap", _range(random, top)


def _mprotect(random: Random, top: int) -> Op:
    return "mprotect", [*_range(random, top), random.choice((_RW, PROT.READ))]


def _mremap(random: Random, top: int) -> Op:
    """Move a piece: pages that were touched keep their offsets, which then do not fit the place."""
    start, length = _range(random, top)
    target = random.choice((_at(random, top), start + random.choice((-2, -1, 1, 2)) * PAGE))
    return "mremap", [start, length, length, MREMAP.MAYMOVE | MREMAP.FIXED, target]


def _fork(random: Random, top: int) -> Op:
    return "fork", random.choice(("parent", "child"))


def _kill(random: Random, top: int) -> Op:
    return "kill_other", None


def _stack(random: Random, top: int) -> Op:
    if random.random() < 0.5:
        return "mmap", [START + random.randint(_GUARDED - 8, _GUARDED) * PAGE, PAGE, _RW, _HERE | MAP.GROWSDOWN]
    return "mmap", [*_range(random, top), _RW, _HERE | MAP.GROWSDOWN]


def _mmap_file(random: Random, top: int) -> Op:
    start, length = _range(random, top)
    return "mmap_file", [start, length, _RW, _FILE, "library", random.choice((0, 4, start // PAGE))]


def _policy(random: Random, top: int) -> Op:
    return "mbind", [*_range(random, top), random.choice((None, "bind:0"))]


def _uffd(random: Random, top: int) -> Op:
    return "uffd_register", _range(random, top)


def _lock(random: Random, top: int) -> Op:
    return random.choice(("mlock", "munlock")), _range(random, top)


def _lock_all(random: Random, top: int) -> Op:
    both = MCL.CURRENT | MCL.FUTURE
    return "mlockall", random.choice((MCL.CURRENT, MCL.FUTURE, both, MCL.FUTURE | MCL.ONFAULT, both | MCL.ONFAULT))


def _limit(random: Random, top: int) -> Op:
    """Near what a process of these worlds has: the stack alone counts for 32 pages of AS."""
    name = random.choice(("DATA", "AS", "AS", "MEMLOCK"))
    pages = random.randint(32, 48) if name == "AS" else random.choice((0, 4, 8, 12, 16))
    return "setrlimit", [name, pages * PAGE + random.choice((0, 0, 2048))]


def _mark(random: Random, top: int) -> Op:
    name = random.choice(("start_brk", "brk"))
    return "set_mm", [name, _at(random, top, 0) + random.choice((0, 1, 2048))]


def _huge(random: Random, top: int) -> Op:
    block = START & -(1 << 21)
    return random.choice((("madvise", [START, HIGH * PAGE, 14]), ("madvise", [block, 1 << 21, 25])))


def _advice(random: Random, top: int) -> Op:
    return "madvise", [*_range(random, top), random.choice((4, 10, 12))]


def _overcommit(random: Random, top: int) -> Op:
    """Far more than there is room or memory for; the last two are no addresses of a process at all."""
    return "brk", random.choice((*(START + size for size in (1 << 21, 1 << 22, 1 << 30)), TASK_SIZE, MASK))


def _loader(random: Random, top: int) -> Op:
    """Mostly what a loader asks for; sometimes nothing, too much, or what nobody may have."""
    start, length = _range(random, top)
    if random.random() < 0.8:
        return "vm_brk_flags", [start, length, random.choice((0, 0, VM.EXEC))]
    length = random.choice((0, 1, length, length + 1, TASK_SIZE, MASK))
    return "vm_brk_flags", [start + random.choice((0, 0, 1)), length, random.choice((0, 0, VM.EXEC, VM.WRITE))]


def _hook(random: Random, top: int) -> Op:
    return "hook", [_at(random, top), *random.choice(((1, 1), (0, 0)))]


_TOUCHES = Family("touch", 6, "", _touch)
FAMILIES = (
    _TOUCHES,
    Family("mmap", 8, "", _mmap),
    Family("munmap", 8, "", _munmap),
    Family("mprotect", 4, "", _mprotect),
    Family("mremap", 3, "", _mremap),
    Family("fork", 3, "", _fork),
    Family("kill", 1, "", _kill),
    Family("stack", 2, "", _stack),
    Family("file", 4, "", _mmap_file),
    Family("policy", 3, "", _policy),
    Family("uffd", 3, "a userfaultfd", _uffd),
    Family("lock", 2, "", _lock),
    Family("lockall", 2, "", _lock_all),
    Family("limit", 3, "", _limit),
    Family("large", 1, "", _overcommit),
    Family("huge", 1, "", _huge),
    Family("advice", 1, "", _advice),
    Family("loader", 6, "a crafted executable", _loader),
    Family("mark", 2, "the right to set marks (CAP_SYS_RESOURCE)", _mark),
    Family("hook", 2, "a driver", _hook),
)
"""Beside brk(), which every script has, and touching memory, which every other one has."""
_NEEDS = {"uffd_register": "a userfaultfd", "vm_brk_flags": "a crafted executable", "hook": "a driver"}
_NEEDS |= {"set_mm": "the right to set marks", "fail": "an allocation failure"}
ORDINARY = "an ordinary program"
FAULTY = ("brk", "vm_brk_flags")
"""The code under test: during one of these something may fail."""


def script(random: Random, length: int, faults: bool) -> list[Op]:
    """A random script of at most `length` ops, half of them brk(); with `faults` something fails during one of them."""
    chosen = random.sample(FAMILIES, random.randint(1, 4)) + random.choice(([], [_TOUCHES]))
    makers = [_brk, *(family.ops for family in chosen)]
    weights = [sum(family.weight for family in chosen), *(family.weight for family in chosen)]
    ops: list[Op] = []
    top = START
    for make in random.choices(makers, weights, k=random.randint(2, length)):
        ops.append(make(random, top))
        if make is _mremap and random.random() < 0.5:
            ops.insert(-1, ("touch", ops[-1][1][0]))
        if make is _brk:
            top = ops[-1][1]
    return list(_with_fault(random, ops)) if faults else ops


def _with_fault(random: Random, ops: list[Op]) -> Iterator[Op]:
    """Something fails during one call of the code under test: brk() or the loader's, as likely."""
    call = random.choice(sorted({op for op, _ in ops if op in FAULTY}) or [""])
    places = [at for at, (op, _) in enumerate(ops) if op == call]
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
