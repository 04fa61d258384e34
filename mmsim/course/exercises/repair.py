"""The base of repairs: the learner changes a function of a generation until it does what a right one does.

To write one: `generation` and `function` say whose place the learner's function takes, `right` or `repairs` what it is
compared with, `shown` the public scripts, `groups` and `script` the hidden ones. The notebook's cell holds the function
as it stands in the model, word for word, and the gap below it the repaired one; the stub is then the function with
its defect. An unchanged function makes the driver answer None, so it is "not tried yet" and needs no other mark of it.
"""

import json
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from random import Random
from types import FunctionType
from typing import Any, ClassVar

from mmsim.brk import GENERATIONS
from mmsim.explore.alphabet import Op
from mmsim.explore.known import Known, known, mended
from mmsim.explore.words import call, shown
from mmsim.explore.world import WORLDS
from mmsim.mm.check import INVARIANTS
from mmsim.mm.flags import VM
from mmsim.mm.machine import Faults
from mmsim.mm.units import ENOMEM, PAGE
from mmsim.trace.syscall_trace import Session

from .drivers.heap import seen, standing_in
from .model import RIGHT, Function, Plain, Verdict, wrong_shape
from .plain import same, told

__all__ = ["SIGHTS", "Repair", "failing", "points"]

SIGHTS = {
    "broken": "invariants are broken",
    "answer": "the answer is another one",
    "lock": "the mmap lock is still held",
    "break": "the break is another one",
    "vmas": "the VMAs are others",
    "told": "monitors are told otherwise",
    "early": "a monitor is told while the mmap lock is held",
    "waiting": "userfaultfds are left marked as changing",
    "counters": "the counters are others",
}
"""What is compared after each op, in this order, and what is said where the two part."""
TRIES = 200
"""So many scripts are drawn for a group, at most, before it has those it needs."""


class Repair(Function):
    """A function of a generation to repair; what it does is compared with what a right one does."""

    kind = "repair"
    library = True
    driver = "mmsim.course.exercises.drivers.heap:played"
    seconds = 20.0
    generation: ClassVar[str] = "v4"
    """Whose function it is; the rest of that generation stays as it is."""
    function: ClassVar[str]
    right: ClassVar[str] = "merged"
    """The generation that does it right, if there is one, or "" for `generation` with `repairs`."""
    repairs: ClassVar[tuple[tuple[str, str], ...]] = ()
    """Lines of `generation` and what takes their place, as in a known finding's `repair`."""
    sights: ClassVar[tuple[str, ...]] = tuple(SIGHTS)
    """Which of SIGHTS are compared."""
    untold: ClassVar[bool] = False
    """May a refused call tell monitors what it likes?"""
    pardoned: ClassVar[tuple[str, ...]] = ()
    """Invariants that the generation breaks elsewhere, such as I10 in v4's do_brk_flags(); they do not count."""
    ideas: ClassVar[Mapping[str, str]] = {}
    """By sight: the idea that is missed where the two part there."""
    shown: ClassVar[tuple[tuple[str, list[Op]], ...]]
    """World and script of the public cases, small ones first."""
    groups: ClassVar[Mapping[str, int]]
    """Hidden groups, and how many scripts each has."""

    @abstractmethod
    def script(self, group: str, chance: Random) -> tuple[str, list[Op]]:
        """World and script of one hidden case; most should show the defect, and some let a call succeed."""

    def examples(self) -> Iterator[list[Plain]]:
        """See Function."""
        yield from (self._call(world, script) for world, script in self.shown)

    def hidden(self, chance: Random) -> Iterator[tuple[str, list[Plain]]]:
        """See Function. In each group the function as it is, one that refuses and one that does nothing go wrong."""
        public = list(self.examples())
        for group, count in self.groups.items():
            kept: list[list[Plain]] = []
            idle = set(_IDLE)
            for _ in range(TRIES):
                args = self._call(*self.script(group, chance))
                caught = {name for name in idle if self._parts(args, name)}
                if args in kept or args in public or not (caught or len(kept) + len(idle) < count):
                    continue
                idle -= caught
                kept.append(args)
                if len(kept) >= count and not idle:
                    break
            yield from ((group, args) for args in kept)

    def _call(self, world: str, script: Sequence[Op]) -> list[Plain]:
        return [self.generation, self.function, world, [[op, arg] for op, arg in script], [*self.pardoned]]

    # -- judging

    def expected(self, *args: Plain) -> Plain:
        """What is seen with the right function, after each op."""
        return json.loads(_seen_right(type(self), json.dumps(args[2:])))

    def judge(self, case: Any, answer: Plain) -> Verdict:
        """Op by op, up to the first sight that is not the right one; a right one that breaks something ends it."""
        script = case.args[3]
        if answer is None:
            return Verdict(0, f"{self.function}() is as it was")
        if not _is_seen(answer, len(script)):
            return wrong_shape("expected what the driver has seen, op by op", told(answer, 60))
        for number, (op, right) in enumerate(zip(script, self.expected(*case.args), strict=False)):
            if right["broken"]:
                break
            if number >= len(answer):
                return wrong_shape(f"nothing was seen of {_call(op)}")
            sight = self._sight(right, answer[number])
            if sight:
                return self._verdict(number, script, sight, right, answer[number])
        return RIGHT

    def _sight(self, right: dict[str, Any], mine: dict[str, Any]) -> str:
        """The first of the sights in which two states differ; "" if they are the same in all."""
        return next((sight for sight in self._looked(right) if self._differ(sight, right, mine)), "")

    def _looked(self, right: dict[str, Any]) -> list[str]:
        """The sights that are compared after an op."""
        return [sight for sight in self.sights if not (sight == "told" and self.untold and _refused(right))]

    def _differ(self, sight: str, right: dict[str, Any], mine: dict[str, Any]) -> bool:
        return bool(mine["broken"]) if sight == "broken" else not same(right[sight], mine[sight])

    def idea(self, sight: str, right: dict[str, Any], mine: dict[str, Any]) -> str:
        """What is missed where two states part in a sight: a sentence without its full stop, or ""."""
        return self.ideas.get(sight, "")

    def _verdict(self, number: int, script: Plain, sight: str, right: Plain, mine: Plain) -> Verdict:
        idea = self.idea(sight, right, mine)
        said = f"after {_call(script[number])}, op {number + 1} of {len(script)}, {SIGHTS[sight]}"
        if sight == "broken":
            said += ": " + "; ".join(map(_worded, _first_of_each(mine["broken"])))
        difference = compared(right, mine, self._looked(right))
        expected, got = _told(right[sight], sight), _told(mine[sight], sight)
        return Verdict(0, said + (f". {idea}" if idea else ""), expected, got, difference)

    def said(self, case: Any) -> str:
        """See Exercise."""
        _, function, world, script, _ = case.args
        return f"{function}() in {'; '.join(map(_call, script))} (world {world!r})"

    # -- what does not count as a repair

    def _parts(self, args: Plain, idle: str) -> bool:
        """Whether a function that repairs nothing goes wrong with this script."""
        right, mine = self.expected(*args), _seen_idle(self.generation, self.function, idle, json.dumps(args[2:]))
        for wanted, got in zip(right, json.loads(mine), strict=False):
            if wanted["broken"]:
                return False
            if self._sight(wanted, got):
                return True
        return False


def _refuse(*_: Any) -> int:
    return -ENOMEM


def _nothing(*_: Any) -> int:
    return 0


_IDLE: dict[str, Callable[..., int] | None] = {"as it is": None, "refuses": _refuse, "does nothing": _nothing}
"""Functions that must not earn a group; None stands for the unrepaired one."""


@lru_cache(maxsize=4096)
def _seen_right(exercise: type[Repair], asked: str) -> str:
    """World, script and what is pardoned, as JSON -> what is seen with the right function, as JSON."""
    with _right(exercise) as name:
        return json.dumps(seen(name, *json.loads(asked)))


def _right(exercise: type[Repair]) -> AbstractContextManager[str]:
    """The name of the generation that is right."""
    if not exercise.repairs:
        return nullcontext(exercise.right)
    generation = exercise.generation
    cause: Known = known()[0]._replace(new=generation, repair={generation: list(exercise.repairs)})
    return mended(cause)


@lru_cache(maxsize=4096)
def _seen_idle(generation: str, function: str, idle: str, asked: str) -> str:
    thing = _IDLE[idle] or getattr(GENERATIONS[generation], function)
    assert isinstance(thing, FunctionType)
    try:
        with standing_in(thing, generation, function) as name:
            return json.dumps(seen(name, *json.loads(asked)))
    except Exception:  # a call that does nothing may leave what the next one stumbles over
        return "[]"


# -- planned failures


class _Count(Faults):
    """Notes each site that is come by, and lets nothing fail."""

    __slots__ = ("met",)

    def __init__(self) -> None:
        super().__init__()
        self.met: list[str] = []

    def hit(self, site: str) -> bool:
        self.met.append(site)
        return False


def points(generation: str, world: str, script: Sequence[Op]) -> list[tuple[str, int]]:
    """The failures that can be planned for the last op of a script: site and how often it was come by.

    >>> points("v4", "file", [("brk", 0x10015000)])
    [('lock_killed', 1), ('commit_refusal', 1), ('vma_alloc', 1), ('maple_alloc', 1)]
    """
    session = Session(WORLDS[world], generation)
    for op, arg in script[:-1]:
        session.do(op, arg)
    session.process.machine.faults = faults = _Count()
    session.do(*script[-1])
    return [(site, faults.met[:n].count(site)) for n, site in enumerate(faults.met, 1)]


def failing(script: Sequence[Op], site: str, nth: int = 1) -> list[Op]:
    """The script with a failure planned for its last op.

    >>> failing([("brk", 0x10015000)], "vma_alloc")
    [('fail', ['vma_alloc', 1]), ('brk', 268521472)]
    """
    return [*script[:-1], ("fail", [site, nth]), script[-1]]


# -- words


_LABELS = {"told": "monitors told", "early": "told under the lock", "waiting": "left marked", "lock": "lock held"}


def compared(right: dict[str, Any], mine: dict[str, Any], sights: Sequence[str]) -> str:
    """The VMAs of both states by their addresses, and all else in which they differ; what differs is marked."""
    lines = [
        f"{'  ' if side == 'both' else '* '}{side:<8}  {row}" for side, row in _beside(right["vmas"], mine["vmas"])
    ]
    for sight in sights:
        if sight == "counters":
            pairs = [(name, str(value), str(mine[sight].get(name))) for name, value in right[sight].items()]
        elif sight in ("vmas", "broken"):
            continue
        else:
            pairs = [(_LABELS.get(sight, sight), _told(right[sight], sight), _told(mine[sight], sight))]
        lines += [f"* {name}: expected {one}, yours {two}" for name, one, two in pairs if one != two]
    return "\n".join(line[:200] for line in lines)


def _beside(right: list[Plain], mine: list[Plain]) -> list[tuple[str, str]]:
    """The rows of two tables in order of their addresses, each with where it is: in both, or in one of them."""
    rows = sorted({tuple(row) for row in [*right, *mine]})
    sides = {tuple(row) for row in right}, {tuple(row) for row in mine}
    where = {(True, True): "both", (True, False): "expected", (False, True): "yours"}
    return [(where[row in sides[0], row in sides[1]], _row(row)) for row in rows]


_RANGED = {*("munmap", "mprotect", "madvise", "mlock", "munlock", "mbind"), *("uffd_register", "vm_brk_flags")}
_MAPPING = {"mmap", "mprotect", "mmap_file"}


def _call(op: Plain) -> str:
    """An op in words: addresses as pages above the start of the heap, lengths in pages, rights as in maps.

    >>> _call(["mmap", [0x10014000, 8192, 3, 50]]), _call(["vm_brk_flags", [0x10015000, 100, 0]])
    ('mmap(heap, 2 pages, rw-)', 'vm_brk_flags(heap+1, 100 bytes)')
    """
    name, arg = op
    if name == "mremap":
        start, length, _, _, target = arg
        return f"mremap({shown(start)}, {_length(length)}, to {shown(target)})"
    if name not in _RANGED | _MAPPING:
        return call((name, arg))
    start, length, *more = arg
    if name in _MAPPING:
        rights = "".join(letter if more[0] & bit else "-" for bit, letter in ((1, "r"), (2, "w"), (4, "x")))
        more = [rights, *more[2:]]
    if name == "vm_brk_flags":
        more = [] if not more or not more[0] else ["exec" if more[0] == VM.EXEC else f"flags {more[0]:#x}"]
    return f"{name}({', '.join([shown(start), _length(length), *map(str, more)])})"


def _length(length: int) -> str:
    pages, rest = divmod(length, PAGE)
    return f"{length} bytes" if rest or not pages else f"{pages} page{'' if pages == 1 else 's'}"


def _row(vma: Plain) -> str:
    start, end, flags, file, policy, monitor, present = vma
    more = [file and f"file {file}", policy, monitor and f"monitor {monitor}", present and f"{present} present"]
    return " ".join([f"{shown(start)}..{shown(end)}", _rights(flags), *filter(None, map(str, filter(None, more)))])


_USUAL = ("mr", "mw", "me", "ac")


def _rights(flags: str) -> str:
    """Flags as smaps has them, short: rights, and what is not usual for a heap.

    >>> _rights("rd wr mr mw me ac"), _rights("rd mr mw me lo")
    ('rw-', 'r-- -ac lo')
    """
    there = flags.split()
    rights = "".join(short if name in there else "-" for name, short in (("rd", "r"), ("wr", "w"), ("ex", "x")))
    missing = [f"-{name}" for name in _USUAL if name not in there]
    return " ".join([rights, *missing, *(name for name in there if name not in ("rd", "wr", "ex", *_USUAL))])


def _told(value: Plain, sight: str) -> str:
    if sight == "told":
        return ", ".join(f"{name}: {shown(low)}..{shown(high)}" for name, low, high in value) or "nothing"
    if sight == "broken":
        return ", ".join(dict.fromkeys(id for id, _ in value)) or "nothing"
    if sight == "vmas":
        return f"{len(value)} VMAs"
    return shown(value) if type(value) is int else told(value, 80)


def _first_of_each(broken: list[Plain]) -> list[Plain]:
    """The first report of each of the first two invariants."""
    first = {id: [id, what] for id, what in reversed(broken)}
    return [first[id] for id in dict.fromkeys(id for id, _ in broken)][:2]


def _worded(what: Plain) -> str:
    id, said = what
    meaning = INVARIANTS[id][0] if id in INVARIANTS else ""
    return f"{id[:4]} ({meaning}): {said[:160]}"


def _refused(state: Plain) -> bool:
    return state["answer"] < 0


# -- what came from the learner's process, looked at before it is used


def _is_seen(answer: Plain, most: int) -> bool:
    """Is it what the driver gives? Everything of the right type, and not more than a script can make."""
    return type(answer) is list and len(answer) <= most and all(map(_is_state, answer))


def _is_state(state: Plain) -> bool:
    if type(state) is not dict or set(state) != set(SIGHTS):
        return False
    numbers = all(type(state[name]) is int for name in ("answer", "break", "early", "waiting"))
    counters = state["counters"]
    return (
        numbers
        and type(state["lock"]) is str
        and type(counters) is dict
        and len(counters) < 20
        and all(type(value) is int for value in counters.values())
        and _is_table(state["vmas"], (int, int, str, str, str, str, int))
        and _is_table(state["told"], (str, int, int))
        and _is_table(state["broken"], (str, str))
    )


def _is_table(rows: Plain, types: tuple[type, ...]) -> bool:
    return (
        type(rows) is list
        and len(rows) <= 200
        and all(type(row) is list and tuple(map(type, row)) == types and _short(row) for row in rows)
    )


def _short(row: Plain) -> bool:
    return all(type(each) is not str or len(each) < 400 for each in row)
