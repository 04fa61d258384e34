"""Exercises of chapter 15, the notification that was lost (C6)."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from random import Random
from typing import Any, ClassVar

from mmsim.brk import GENERATIONS
from mmsim.explore.alphabet import Op
from mmsim.explore.known import known, mended
from mmsim.explore.world import START
from mmsim.mm.calls import MAP, PROT
from mmsim.mm.units import PAGE

from .model import Order, Plain, Verdict
from .repair import Repair, failing
from .scripts import CounterExample, Run

_RW = PROT.READ | PROT.WRITE
_HERE = MAP.PRIVATE | MAP.ANONYMOUS | MAP.FIXED


def _over(op: str, page: int, pages: int, *more: int) -> Op:
    return op, [START + page * PAGE, pages * PAGE, *more]


class StepsOfAnUnmap(Order):
    """What an unmap of registered pages does, with two false lines.

    After do_munmap() and userfaultfd_unmap_complete() of 6.1, as mmsim.mm.munmap and mmsim.mm.uffd have them.
    """

    id = "15.e1"
    name = "my_unmap"
    title = "Put a told unmap into order"
    goal = "Say what is prepared under the lock, and what comes after it."
    points, minutes, difficulty, misconception = 3, 5, 1, "M33"
    hints = (
        "Section 2 of notebook 15 has the two halves, and why there are two.",
        "All that can fail or needs the lock comes first; whoever waits for a monitor may hold no lock.",
        "Lock, split, prepare, take out, free, unlock; the event is read, the mark goes. Two lines are not used.",
    )
    lines: ClassVar[Mapping[str, str]] = {
        "A": "drop the lock of the address space",
        "B": "put an entry on the list `uf` and mark the userfaultfd as changing",
        "C": "send what is on the list, and wait until the monitor has read it",
        "D": "wait for the monitor now, so that nothing can come in between",
        "E": "take the VMAs out of tree and list",
        "F": "split the VMAs that reach beyond the range",
        "G": "take the mark back",
        "H": "take the lock of the address space",
        "I": "ask each registered VMA whether it may go",
        "J": "free the pages",
    }
    after: ClassVar[Mapping[str, str]] = {
        "H": "",
        "F": "H",
        "B": "F",
        "E": "B",
        "J": "E",
        "A": "J",
        "C": "A",
        "G": "C",
    }

    why: ClassVar[Mapping[str, str]] = {
        "A": "somebody could change the address space before the range is gone",
        "B": "only VMAs that are split already are known to go, all of them",
        "C": "whoever waits for a monitor may hold no lock: it may need that lock to read",
        "D": "it would wait under the lock, which the monitor may need to read",
        "E": "what is out of the tree is found no more; prepare first, as that may still fail",
        "F": "the address space may be changed only under its lock",
        "G": "the mark keeps the monitor from handing over pages until it has read",
        "I": "a monitor is told, it is not asked",
        "J": "pages go after their VMAs are out of the tree",
    }


_BARE = """\
    error = do_brk_flags(mm, None, address, length, flags)
    locked = mm.def_flags & VM.LOCKED
    mm.unlock()
"""
_TOLD = """\
    from mmsim.mm.uffd import unmap_complete
    uf: list[Unmapped] = []
    error = do_munmap(mm, address, length, uf, may_downgrade=False)
    if not error:
        error = do_brk_flags(mm, None, address, length, flags)
    locked = mm.def_flags & VM.LOCKED
    mm.unlock()
    unmap_complete(mm, uf)
"""


class LostNotification(Repair):
    """Let v4's vm_brk_flags() unmap and tell again, and leave no mark behind, whatever fails.

    None of the four generations does: `before` and v4 map over or lie, `merged` and `today` leave the mark (section 10
    of the notebook). So the right one is v4 with lines of its own.
    """

    id = "15.e2"
    name = "my_vm_brk_flags"
    title = "Tell again, whatever fails"
    goal = "Bring a notification back so that no failure can lose it, or keep a monitor waiting."
    points, minutes, difficulty, misconception = 6, 15, 3, "M34"
    hints = (
        "Section 12b of notebook 15 had the two lines; section 10 shows what they leave when the unmapping fails.",
        "do_munmap() answers an error: then nothing may be mapped. But what is on the list has to be completed still.",
        "error = do_munmap(...), then do_brk_flags() only `if not error`, and unmap_complete(mm, uf) below the unlock.",
    )
    function = "vm_brk_flags"
    right = ""
    repairs = ((_BARE, _TOLD),)
    untold = True
    shown = (
        ("bare", [_over("mmap", 2, 4, _RW, _HERE), _over("uffd_register", 2, 4), _over("vm_brk_flags", 2, 4, 0)]),
        ("bare", [_over("mmap", 2, 4, _RW, _HERE), _over("uffd_register", 2, 4), _over("vm_brk_flags", 3, 1, 0)]),
        (
            "bare",
            [
                _over("mmap", 0, 4, _RW, _HERE),
                _over("uffd_register", 0, 2),
                _over("uffd_register", 2, 2),
                *failing([_over("vm_brk_flags", 0, 4, 0)], "uffd_entry", 2),
                _over("vm_brk_flags", 0, 4, 0),
            ],
        ),
    )
    groups: ClassVar[Mapping[str, int]] = {
        "one monitor": 5,
        "several monitors": 5,
        "nobody registered": 4,
        "the unmapping fails": 8,
        "the mapping fails": 5,
    }
    ideas: ClassVar[Mapping[str, str]] = {
        "broken": "Unmap first, and let nothing be mapped over what could not be unmapped",
        "told": "What went has to be on the list, and the list has to be completed",
        "early": "A monitor may need that lock to read: complete the list below mm.unlock()",
        "waiting": "A mark that stays keeps its monitor out for ever: complete the list after an error, too",
        "answer": "The answer is the first error there was",
        "lock": "The lock has to be dropped on every way out",
        "break": "The break is no matter of the loader",
        "counters": "What is unmapped is counted back, what is mapped is counted once",
        "vmas": "The new range and nothing but it goes and comes; extending is not asked for here",
    }

    def idea(self, sight: str, right: dict[str, Any], mine: dict[str, Any]) -> str:
        """See Repair; what is broken says which one it is."""
        broken = mine["broken"][0][0] if sight == "broken" else ""
        if broken == "I9":
            return self.ideas["lock"]
        if broken == "I15" and right["answer"] < 0:
            return self.ideas["waiting"]
        return self.ideas["told" if broken in ("I15", "I16") else sight]

    def script(self, group: str, chance: Random) -> tuple[str, list[Op]]:
        """See Repair."""
        size = chance.randrange(3, 7)
        ops = [_over("mmap", 0, size, _RW, _HERE)] if chance.random() < 0.5 else [("brk", START + size * PAGE)]
        if chance.random() < 0.4:
            ops.append(("touch", START + chance.randrange(size) * PAGE))
        first = chance.randrange(1, size)
        if group == "several monitors" or group == "the unmapping fails":
            ops += [_over("uffd_register", 0, first), _over("uffd_register", first, size - first)]
            start, end = chance.randrange(first), chance.randrange(first + 1, size + 2)
        else:
            ops += [] if group == "nobody registered" else [_over("uffd_register", 0, first)]
            start = chance.randrange(first)
            end = chance.randrange(start + 1, size + 2)
        call = _over("vm_brk_flags", start, end - start, 0)
        site = None
        if group == "the unmapping fails":
            site = chance.choice((("uffd_entry", 1), ("uffd_entry", 2), ("uffd_entry", 2), ("vma_alloc", 1)))
        elif group == "the mapping fails":
            site = chance.choice((("commit_refusal", 1), ("vma_alloc", 1), ("vma_alloc", 2), ("lock_killed", 1)))
        ops += [*failing([call], *site), call] if site else [call]
        more = [_over("vm_brk_flags", 20, 1, 0), _over("vm_brk_flags", 21, 2, 0)]
        return chance.choice(("file", "bare", "bss")), [*ops, *(more if chance.random() < 0.7 else [])]


_LINE = "    gone.uffd = vma.uffd\n"
_CUT = "    error = unmap_prep(mm, [gone], new_top, old_top, uf)\n"
WITH_LINE = "v4 with the line"


@contextmanager
def with_line() -> Iterator[None]:
    """As long as the block lasts, there is a generation WITH_LINE: v4 with the repair of notebook 15, exercise a."""
    cause = known()[0]._replace(new="v4", repair={"v4": [(_CUT, _LINE + _CUT)]})
    with mended(cause) as name:
        GENERATIONS[WITH_LINE] = GENERATIONS[name]
        try:
            yield
        finally:
            del GENERATIONS[WITH_LINE]


class StillNotTold(CounterExample):
    """Scripts in which the one-line repair of the cut still tells nobody."""

    id = "15.e3"
    name = "my_script"
    title = "Break the repair"
    goal = "Find out what a repair was not given, with a script."
    points, minutes, difficulty, misconception = 4, 8, 2, "M33"
    hints = (
        "The first point after the exercise of notebook 15, and the second half of its section 11.",
        "`vma` is the VMA in which the new break lies. Whose pages go with the cut, but are not of that VMA?",
        "Grow, register the upper part of the heap only, then move the break below that part.",
    )
    good = "before"
    bad = WITH_LINE
    calls = ("brk", "touch", "uffd_register", "mmap", "munmap", "mprotect", "mbind")
    most = 8

    def breach(self, run: Run, right: Run) -> str:
        """I16 is the invariant that a monitor hears of registered pages that went."""
        return "a monitor was not told of pages that went" if "I16" in run.broken else ""

    def holds(self, bad: Run, right: Run) -> str:
        """See CounterExample."""
        monitors = right.session.contexts
        if not monitors:
            return "nothing is registered, so nobody can be forgotten"
        if not any(context.events for context in monitors):
            return "the claim holds: no registered page goes"
        return "the claim holds: the VMA in which the new break lies belongs to the monitor that has to hear of it"

    def _broken(self, script: Sequence[Sequence[Plain]], world: str) -> Verdict:
        with with_line():
            return super()._broken(script, world)


SET = (StepsOfAnUnmap(), LostNotification(), StillNotTold())
