"""Exercises of chapter 11, a refusal that was not needed (C1)."""

import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, ClassVar

from mmsim.brk import Process
from mmsim.experiments.build import started
from mmsim.experiments.limits import RESOURCES
from mmsim.explore.alphabet import Op
from mmsim.explore.world import START, WORLDS
from mmsim.mm import File, of_letters
from mmsim.mm.calls import MAP, PROT
from mmsim.mm.units import PAGE
from mmsim.trace.syscall_trace import Session

from .model import RIGHT, Case, Function, Plain, Verdict, wrong_shape
from .plain import told
from .repair import Repair
from .scripts import CounterExample, Run

FLAGS = {
    "rw-p": of_letters("rd wr mr mw me ac"),
    "r--p": of_letters("rd mr mw me"),
    "r-xp": of_letters("rd ex mr mw me"),
    "rw-s": of_letters("rd wr sh mr mw me ms"),
}
"""Rights as in maps, and what the kernel notes for such a mapping of a program's file."""
BASE = 0x1000_0000
"""The address of page 0 in 11.e1; its pages are counted from there."""


class WhoRefuses(Function):
    """Both ways to count, on a process given as plain data."""

    id = "11.e1"
    name = "refusals"
    title = "Who refuses?"
    goal = "Say which of two ways to count refuses a call near a limit."
    points, minutes, difficulty, misconception = 5, 10, 2, "M25"
    hints = (
        "Sections 4 and 9 of notebook 11: what is still mapped in the moment of the test, and what does a limit count?",
        "First choose the mappings that the limit counts. Then find how many of their pages lie in the call's range.",
        "before: counted - overlap + length > limit. v4 leaves one term out. "
        "overlap += max(0, min(end, start + length) - max(first, start)) for each counted mapping.",
    )

    def examples(self) -> Iterator[list[Plain]]:
        """See Function."""
        four = [[10, 14, "rw-p"]]
        yield [four, 20, 4, "AS", 8]
        yield [four, 20, 4, "AS", 7]
        yield [four, 10, 4, "AS", 4]
        yield [four, 12, 4, "AS", 5]
        yield [[[0, 3, "r-xp"], *four], 12, 4, "DATA", 6]
        yield [[[8, 12, "r-xp"], [12, 14, "rw-s"]], 10, 4, "DATA", 4]

    def hidden(self, chance: random.Random) -> Iterator[tuple[str, list[Plain]]]:
        """See Function; each group has calls that both refuse, that only v4 refuses, and that nobody does."""
        for _ in range(5):
            maps = self._maps(chance, ["rw-p"])
            free = maps[-1][1] + chance.randrange(5), chance.randrange(1, 9)
            yield from self._near("nothing in the way", maps, *free, "AS")
            yield from self._near("an overlap", maps, *self._over(chance, maps), "AS")
            for group, resource in (("all sorts of mappings", "AS"), ("a limit on data", "DATA")):
                maps = self._maps(chance, list(FLAGS))
                yield from self._near(group, maps, *self._over(chance, maps), resource)

    def _maps(self, chance: random.Random, rights: Sequence[str]) -> list[list[Plain]]:
        """Three to six mappings from low to high, some of which touch; every kind of rights is there."""
        maps, at = [], chance.randrange(9)
        chosen = [*rights, *(chance.choice(rights) for _ in range(chance.randrange(3)))]
        chosen += ["rw-p"] * (3 - len(chosen))
        chance.shuffle(chosen)
        for each in chosen:
            end = at + chance.randrange(2, 7)
            maps.append([at, end, each])
            at = end + chance.choice((0, 1, 4))
        return maps

    def _over(self, chance: random.Random, maps: list[list[Plain]]) -> tuple[int, int]:
        """A range that begins in one mapping and ends in the next; one of them is data."""
        pairs = [pair for pair in pairwise(maps) if any(each[2] == "rw-p" for each in pair)]
        first, second = chance.choice(pairs)
        start = chance.randrange(first[0], first[1])
        return start, chance.randrange(second[0], second[1]) + 1 - start

    def _near(
        self, group: str, maps: list[list[Plain]], start: int, length: int, resource: str
    ) -> Iterator[tuple[str, list[Plain]]]:
        """The call at the limits around both sums."""
        counted, overlap = _sums(maps, start, length, resource)
        for limit in sorted(
            {sums - short for sums in (counted + length, counted - overlap + length) for short in (0, 1)}
        ):
            if limit:  # a soft limit of 0 on data is let through (may_expand_vm(), 5.16, for Valgrind)
                yield group, [maps, start, length, resource, limit]

    def expected(self, *args: Plain) -> Plain:
        """vm_brk_flags() of `before` (5.16) and of v4 in a process with these mappings, run in the library."""
        return [_loader(generation, *args) < 0 for generation in ("before", "v4")]

    def judge(self, case: Case, answer: Plain) -> Verdict:
        """Two truth values; then both answers of the library."""
        if type(answer) is not list or len(answer) != 2 or not all(type(part) is bool for part in answer):
            return wrong_shape("expected two values, True or False each: does before refuse, does v4 refuse", answer)
        expected = self.expected(*case.args)
        if answer == expected:
            return RIGHT
        return Verdict(
            0,
            self._idea(case.args, expected, answer),
            told(expected),
            told(answer),
            _shown(case.args, expected, answer),
        )

    def _idea(self, args: list[Plain], expected: list[bool], answer: list[bool]) -> str:
        """Which sum is wrong, and what was probably missed."""
        maps, start, length, resource, limit = args
        counted, overlap = _sums(maps, start, length, resource)
        if resource == "DATA" and [whole > limit for whole in _whole_sums(maps, start, length)] == answer:
            return "this limit counts data only: private mappings that can be written"
        patch = answer[1] != expected[1]
        if limit == counted + length and (patch or not overlap):
            return "a sum that is equal to the limit is still within it"
        if patch:
            return "v4: in the moment of its test the old pages are still mapped, so they count, and the new ones, too"
        return "before: it has emptied the range when it tests, so what it covers does not count any more"

    def said(self, case: Case) -> str:
        """See Exercise."""
        return f"refusals({', '.join(told(arg, 120) for arg in case.args)})"


def _counts(rights: str, resource: str) -> bool:
    return resource == "AS" or rights == "rw-p"


def _sums(maps: list[list[Plain]], start: int, length: int, resource: str) -> tuple[int, int]:
    """The pages that a limit counts, and how many of them lie in a range.

    >>> _sums([[0, 3, "r-xp"], [10, 14, "rw-p"]], 12, 4, "DATA")
    (4, 2)
    """
    counted = [(first, end) for first, end, rights in maps if _counts(rights, resource)]
    overlap = sum(max(0, min(end, start + length) - max(first, start)) for first, end in counted)
    return sum(end - first for first, end in counted), overlap


def _whole_sums(maps: list[list[Plain]], start: int, length: int) -> list[int]:
    """What the two ways count if every mapping is taken for data."""
    counted, overlap = _sums(maps, start, length, "AS")
    return [counted - overlap + length, counted + length]


def _shown(args: list[Plain], expected: list[bool], answer: list[bool]) -> str:
    """Both sums of a call, a line each, with what comes of them and what was answered.

    >>> print(_shown([[[10, 14, "rw-p"]], 12, 4, "AS", 5], [True, True], [False, True]))
    * before: 4 - 2 + 4 = 6, limit 5: refused, yours: accepted
      v4:     4 + 4 = 8, limit 5: refused, yours: refused
    """
    maps, start, length, resource, limit = args
    counted, overlap = _sums(maps, start, length, resource)
    sums = (
        f"before: {counted} - {overlap} + {length} = {counted - overlap + length}",
        f"v4:     {counted} + {length} = {counted + length}",
    )
    words = {True: "refused", False: "accepted"}
    return "\n".join(
        f"{' ' if right == mine else '*'} {text}, limit {limit}: {words[right]}, yours: {words[mine]}"
        for text, right, mine in zip(sums, expected, answer, strict=True)
    )


def _loader(generation: str, maps: list[list[Plain]], start: int, length: int, resource: str, limit: int) -> int:
    """The answer of the loader's call in a process with these mappings of a file, and with that limit."""
    process: Process = started(generation)
    for first, end, rights in maps:
        process.place(BASE + first * PAGE, BASE + end * PAGE, FLAGS[rights], File("program"), first)
    process.setrlimit(resource, limit * PAGE)
    return process.vm_brk_flags(BASE + start * PAGE, length * PAGE)


class WithoutALimit(CounterExample):
    """The same needless refusal by a test that no setrlimit() is needed for: the number of mappings."""

    id = "11.e2"
    name = "my_script"
    title = "No limit, and still refused"
    goal = "Find the same needless refusal in another test of the same function."
    points, minutes, difficulty, misconception = 6, 10, 3, "M61"
    hints = (
        "Section 5 of notebook 10 shows the lines that v4 keeps: which tests come behind the one for the limits?",
        "A number of mappings is counted like a number of pages. What becomes of it when the range is emptied first?",
        "Make mappings that do not touch, until there are 5 with the two of the start. "
        "Then ask for the place of a whole one of them.",
    )
    good, bad = "before", "v4"
    calls: ClassVar[tuple[str, ...]] = ("brk", "mmap", "munmap", "vm_brk_flags")
    worlds: ClassVar[tuple[str, ...]] = ("crowded", "crowded too")

    def breach(self, run: Run, right: Run) -> str:
        """See CounterExample."""
        return "" if not run.last.refused or len(run.steps) < len(right.steps) else "the loader's call is refused"

    def unfit(self, script: Sequence[Sequence[Plain]], right: Run) -> str:
        """See CounterExample."""
        if script[-1][0] != "vm_brk_flags":
            return "the last call has to be the loader's, vm_brk_flags"
        refused = next((n for n, step in enumerate(right.steps[:-1], 1) if step.refused), 0)
        if refused:
            return f"call {refused} is refused already; only the last one may be"
        if right.last.refused:
            return "before refuses the loader's call, too: emptying the range took no whole VMA away"
        return ""

    def holds(self, bad: Run, right: Run) -> str:
        """See CounterExample."""
        vmas = right.steps[-2].vmas if len(right.steps) > 1 else 2
        joined = sum(step.call[0] == "mmap" for step in right.steps) > vmas - 2
        said = f"v4 accepts the call: with {vmas} VMAs there may be one more, it refuses only with more than 4"
        return f"{said}. Mappings that touch and are alike become one" if joined else said


_ASKED = "    error = do_brk_flags(mm, None, address, length, flags)\n"
_MAP_OVER = MAP.PRIVATE | MAP.FIXED


def _bss(page: int, pages: int) -> Op:
    return "vm_brk_flags", [START + page * PAGE, pages * PAGE]


def _limit(resource: str, pages: int) -> Op:
    return "setrlimit", [resource, pages * PAGE]


def _segment(page: int, pages: int) -> Op:
    """A piece of a file that is data: private, and can be written."""
    prot = PROT.READ | PROT.WRITE
    return "mmap_file", [START + page * PAGE, pages * PAGE, prot, _MAP_OVER, "library", page]


class CountOnlyWhatIsNew(Repair):
    """The third way to test a limit, that of mmap(): before anything is unmapped, and without what is replaced."""

    id = "11.e3"
    name = "my_vm_brk_flags"
    title = "Refuse in time, and only in need"
    goal = "Test a limit so that no call is refused without need, and a refused call leaves everything in place."
    points, minutes, difficulty, misconception = 8, 15, 3, "M26"
    hints = (
        "Section 14 of notebook 11: mmap() tests before it unmaps. What does it count?",
        "Two steps ahead of do_brk_flags(): ask may_expand() for the new pages only, then empty the range.",
        "kept = sum(min(vma.end, end) - max(vma.start, address) for vma in mm.vmas() if ...); "
        "unless mm.may_expand(DATA_DEFAULT, (length - kept) >> SHIFT): unlock, -ENOMEM; "
        "do_munmap(mm, address, length, [], may_downgrade=False)",
    )
    function = "vm_brk_flags"
    right = ""
    repairs = (
        (
            _ASKED,
            "    end = address + length\n"
            "    inside = [vma for vma in mm.vmas() if vma.start < end and vma.end > address]\n"
            "    kept = sum(min(vma.end, end) - max(vma.start, address) for vma in inside)\n"
            "    if not mm.may_expand(DATA_DEFAULT, (length - kept) >> SHIFT):\n"
            "        return refuse(mm, -ENOMEM)\n"
            "    if do_munmap(mm, address, length, [], may_downgrade=False):\n"
            "        return refuse(mm, -ENOMEM)\n" + _ASKED,
        ),
    )
    pardoned = ("I10",)
    shown = (
        ("bare", [_segment(0, 4), _limit("DATA", 4), _bss(0, 4)]),
        ("bare", [_segment(0, 4), _limit("DATA", 5), _bss(2, 4), _limit("DATA", 6), _bss(2, 4)]),
        ("bare", [_segment(0, 4), _limit("DATA", 8), _bss(4, 4), _bss(2, 2)]),
    )
    groups: ClassVar[Mapping[str, int]] = {
        "it fits": 6,
        "a refusal leaves all in place": 6,
        "several mappings": 6,
        "nothing in the way": 4,
    }
    ideas: ClassVar[Mapping[str, str]] = {
        "answer": "How many pages would be mapped in the end, and is that over the limit?",
        "broken": "The range has to be empty before do_brk_flags() maps there",
        "vmas": "A refused call leaves every page in place; an accepted one has only the new mapping in its range",
        "lock": "Each way out has to unlock",
    }

    def script(self, group: str, chance: random.Random) -> tuple[str, list[Op]]:
        """See Repair; the limit lies between what v4 counts and what is needed, or just below that."""
        world, resource = chance.choice(("bare", "file", "low")), chance.choice(("AS", "DATA"))
        size = chance.randrange(2, 9)
        ops = [_segment(0, size)]
        if group == "several mappings":
            for _ in range(chance.randrange(1, 3)):
                ops.append(_segment(size + chance.randrange(1, 3), 2))
                size = ops[-1][1][0] // PAGE - START // PAGE + 2
        page = size if group == "nothing in the way" else chance.randrange(size)
        pages = chance.randrange(size - page + 1, size - page + 6)
        total, kept = _counted(world, ops, resource, page, pages)
        needed = total + pages - kept
        call = _bss(page, pages)
        if group == "it fits":
            return world, [*ops, _limit(resource, needed + chance.randrange(kept)), call]
        if group == "nothing in the way":  # then the same again, in its own place
            return world, [*ops, _limit(resource, needed - 1), call, _limit(resource, needed), call, call]
        if group == "several mappings":
            return world, [*ops, _limit(resource, needed), call]
        return world, [*ops, _limit(resource, needed - 1), call, _limit(resource, needed), call]

    def idea(self, sight: str, right: dict[str, Any], mine: dict[str, Any]) -> str:
        """See Repair; a lock that is kept is an invariant, too."""
        kept = sight == "broken" and any(name == "I9" for name, _ in mine["broken"])
        return super().idea("lock" if kept else sight, right, mine)


def _counted(world: str, ops: Sequence[Op], resource: str, page: int, pages: int) -> tuple[int, int]:
    """The pages that a limit counts after some ops, and how many of them lie in a range."""
    session = Session(WORLDS[world], "merged")
    for op in ops:
        session.do(*op)
    places = (START + (page + n) * PAGE for n in range(pages))
    kept = sum(session.process.mm.tree.load(place) is not None for place in places)
    return session.counters()[RESOURCES[resource]], kept


SET = (WhoRefuses(), WithoutALimit(), CountOnlyWhatIsNew())
