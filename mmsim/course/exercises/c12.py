"""Exercises of chapter 12, a second copy of the rules (C2)."""

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from mmsim.experiments.build import HEAP, HEAP_FLAGS, started
from mmsim.explore.alphabet import Op
from mmsim.explore.world import START
from mmsim.mm import AnonVma, File, Ops, Vma, letters, of_letters
from mmsim.mm.calls import MADV, MAP, MREMAP, PROT
from mmsim.mm.units import PAGE
from mmsim.mm.vma import FILE_OPS

from .model import RIGHT, Case, Function, Plain, Verdict, wrong_shape
from .plain import told
from .repair import Repair
from .scripts import CounterExample, Run

FIRST = HEAP // PAGE
"""The page number at which the VMAs of 12.e1 begin: an address divided by the size of a page."""
ALIKE: Mapping[str, Plain] = {
    "start": FIRST,
    "end": FIRST + 4,
    "flags": letters(HEAP_FLAGS).split(),
    "file": None,
    "pgoff": FIRST,
    "policy": None,
    "chain": 0,
    "close": False,
}
"""A heap of four pages that nobody has written to, as plain data."""
GENERATIONS = ("v4", "merged", "today")


class Extends(Function):
    """Three tests for one question, on a VMA given as plain data."""

    id = "12.e1"
    name = "extends"
    title = "Three tests for one question"
    goal = "Write down what v4, merged and today ask before they extend a VMA."
    points, minutes, difficulty, misconception = 6, 12, 2, "M28"
    hints = (
        "The table in section 5 of notebook 12, column by column; userfaultfd and special mappings are flags here.",
        "Begin with what all ask: flags and chain. For v4 that is all. Then what merged asks; one term less is today.",
        'young = vma["chain"] < 2; alike = sorted(set(vma["flags"]) - {"sd"}) == sorted(HEAP); '
        'goes_on = vma["pgoff"] + vma["end"] - vma["start"] == at',
    )

    def examples(self) -> Iterator[list[Plain]]:
        """See Function."""
        for generation in GENERATIONS:
            yield [_vma(), FIRST + 4, generation]
        yield [_vma(flags=[*ALIKE["flags"], "dd"]), FIRST + 4, "v4"]
        yield [_vma(flags=[*ALIKE["flags"], "sd"], chain=1), FIRST + 4, "v4"]
        yield [_vma(file="data", pgoff=7), FIRST + 4, "v4"]
        yield [_vma(file="data", pgoff=7), FIRST + 4, "merged"]
        yield [_vma(close=True), FIRST + 4, "merged"]
        yield [_vma(close=True), FIRST + 4, "today"]

    def hidden(self, chance: random.Random) -> Iterator[tuple[str, list[Plain]]]:
        """See Function; beside each VMA with something of its own there is one without it."""
        for generation in GENERATIONS:
            for _ in range(3):
                for group, change in self._changes(chance):
                    pages = chance.randrange(5, 30)
                    plain = _vma(end=FIRST + pages, chain=chance.randrange(2))
                    at = plain["end"]
                    group = group.removesuffix(" and more")
                    yield group, [plain, at, generation]
                    missing = change.pop("missing", 0)
                    other = {**plain, **change}
                    if missing:  # its page numbers go on at the growth, as if it had been moved there
                        other = {**other, "end": at - missing, "pgoff": FIRST + missing}
                    yield group, [other, at, generation]

    def _changes(self, chance: random.Random) -> list[tuple[str, dict[str, Plain]]]:
        flags = list(ALIKE["flags"])
        one = {
            "flags": {"flags": [*flags, chance.choice(("dd", "um", "pf", "hg"))]},
            "soft-dirty": {"flags": ["sd", *flags]},
            "soft-dirty and more": {"flags": ["sd", *flags, "dd"]},
            "a file": {"file": "data", "pgoff": chance.randrange(100)},
            "page offset": {"pgoff": FIRST + chance.choice((-3, -1, 1, 5))},
            "policy": {"policy": chance.choice(("bind:0", "interleave"))},
            "inherited chain": {"chain": chance.randrange(2, 5)},
            "close hook": {"close": True},
            "a page missing": {"missing": 1},
        }
        both = chance.sample(["policy", "close hook", "soft-dirty", "page offset"], 2)
        return [*one.items(), ("two at once", {**one[both[0]], **one[both[1]]})]

    def expected(self, *args: Plain) -> Plain:
        """Whether do_brk_flags() of v4 (21/66), merged (6.1) or today (6.12 and later) makes the VMA longer."""
        vma, at, generation = args
        process = started(generation)
        process.mm.start_brk = process.mm.brk = FIRST * PAGE
        mine = process.place(vma["start"] * PAGE, vma["end"] * PAGE, of_letters(" ".join(vma["flags"])))
        _equip(mine, vma)
        process.mm.brk = at * PAGE
        top = (at + 4) * PAGE
        assert process.brk(top) == top, "nothing is in the way of these growths"
        return mine.end == top

    def judge(self, case: Case, answer: Plain) -> Verdict:
        """True or False; then the library's answer, with the property that was missed."""
        if type(answer) is not bool:
            return wrong_shape("expected True or False: is the VMA extended", answer)
        expected = self.expected(*case.args)
        if answer == expected:
            return RIGHT
        vma, at, generation = case.args
        own = _own(vma, at)
        return Verdict(0, self._idea(generation, own, expected), told(expected), told(answer), f"Unlike a heap: {', '.join(own) or 'nothing'}.")  # noqa: E501  # fmt: skip

    def _idea(self, generation: str, own: list[str], expected: bool) -> str:
        if not own:
            return "this VMA is like a heap, so it is extended"
        if not expected:
            return f"{generation} makes a new VMA: it looks at {'this' if len(own) == 1 else 'one of these or more'}"
        if own == ["soft-dirty"]:
            return "the soft-dirty flag is left out of the comparison"
        return f"{generation} does not look at this, and extends"

    def said(self, case: Case) -> str:
        """See Exercise; what is as in a heap is left out."""
        vma, at, generation = case.args
        own = {key: value for key, value in vma.items() if value != ALIKE[key]}
        return f"extends({{**heap, {told(own, 150)[1:-1]}}}, {at}, {generation!r})".replace("**heap, }", "**heap}")


def _vma(**own: Plain) -> dict[str, Plain]:
    """A heap's VMA as plain data, with something of its own."""
    return {**ALIKE, "flags": list(ALIKE["flags"]), **own}


def _own(vma: Mapping[str, Plain], at: int) -> list[str]:
    """In what a VMA is unlike a heap that ends at `at`.

    >>> _own(_vma(policy="bind:0", flags=[*ALIKE["flags"], "sd"]), FIRST + 5)
    ['soft-dirty', 'page offset', 'memory policy', 'a page missing in between']
    """
    flags = set(vma["flags"])
    looks = {
        "flags": flags - {"sd"} != set(ALIKE["flags"]),
        "soft-dirty": "sd" in flags,
        "file": vma["file"] is not None,
        "page offset": vma["pgoff"] + vma["end"] - vma["start"] != at,
        "memory policy": vma["policy"] is not None,
        "inherited chain": vma["chain"] > 1,
        "close hook": vma["close"],
        "a page missing in between": vma["end"] != at,
    }
    return [name for name, unlike in looks.items() if unlike]


def _equip(mine: Vma, vma: Mapping[str, Plain]) -> None:
    """Give a VMA of the model what the plain one has beside range and flags."""
    mine.pgoff, mine.policy = vma["pgoff"], vma["policy"]
    if vma["file"] is not None:
        mine.file, mine.ops = File(vma["file"]), FILE_OPS
        mine.file.i_mmap[mine] = mine.key
    if vma["close"]:
        mine.ops = Ops("driver", close=True)
    anon: AnonVma | None = None
    for serial in range(vma["chain"]):
        anon = AnonVma(serial + 1, anon) if anon is not None else AnonVma(serial + 1)
        mine.chain.append(anon)
        anon.tree[mine] = mine.key
    mine.anon_vma = anon


class NoFile(CounterExample):
    """A difference that a program without files can read."""

    id = "12.e2"
    name = "my_script"
    title = "A page comes back"
    goal = "Show a difference by what a program reads, not by how many VMAs it has."
    points, minutes, difficulty, misconception = 5, 8, 2, "M63"
    hints = (
        "Section 8 of notebook 12: which of the three differences changes what a program finds at an address?",
        "v4 does not ask where the VMA below ends. Leave something out between that end and the break.",
        "A heap; unmap its last page; let it grow; then read the page that you unmapped.",
    )
    good, bad = "merged", "v4"
    calls: ClassVar[tuple[str, ...]] = ("brk", "mmap", "munmap", "mprotect", "mremap", "mbind", "touch", "peek", "fork")

    def breach(self, run: Run, right: Run) -> str:
        """See CounterExample: only the last call may answer otherwise."""
        mine, other = ([step.answer for step in each.steps] for each in (run, right))
        return "the last call is answered otherwise" if mine[:-1] == other[:-1] and mine[-1:] != other[-1:] else ""

    def unfit(self, script: Sequence[Sequence[Plain]], right: Run) -> str:
        """See CounterExample."""
        return "" if script[-1][0] == "peek" else "the last call has to be a peek, by which the program reads a byte"

    def holds(self, bad: Run, right: Run) -> str:
        """See CounterExample."""
        pairs = zip(bad.steps, right.steps, strict=False)
        first = next((n for n, (mine, other) in enumerate(pairs, 1) if mine.answer != other.answer), 0)
        if first:
            return f"the two part at call {first} already, which is no read; the claim is about what is read"
        if bad.heap != right.heap:
            return "the program reads the same there; look for a page that is mapped in one of the two only"
        return "nothing differs yet: the copy is asked when the heap grows above a VMA that is unlike a heap"


_RW = PROT.READ | PROT.WRITE


def _brk(page: int) -> Op:
    return "brk", START + page * PAGE


def _over(name: str, page: int, pages: int, *more: Plain) -> Op:
    return name, [START + page * PAGE, pages * PAGE, *more]


def _aside(page: int) -> list[Op]:
    """Move a page that was written to one page down: its number still goes on at the break, and it does not touch."""
    start = START + page * PAGE
    return [("touch", start), ("mremap", [start, PAGE, PAGE, MREMAP.MAYMOVE | MREMAP.FIXED, start - PAGE])]


class SameRule(Repair):
    """v4's do_brk_flags() with a test that is the rule of merged.

    One hidden group has a flag that the shared test leaves out since 6.18 (VM_STICKY), so a copy that is right for
    all else does not earn it.
    """

    id = "12.e3"
    name = "my_do_brk_flags"
    title = "Make the copy the same rule"
    goal = "Repair the condition of v4, so that it extends what merged extends, and nothing else."
    points, minutes, difficulty, misconception = 7, 12, 3, "M27"
    hints = (
        "The line with `vma.singular` is the copy. Sections 5 and 12 of notebook 12: what does merged ask, and whom?",
        "Do not add terms one by one: the shared test asks most of them. Which two does merged ask beside it?",
        "can_merge_after(vma, Want(flags, address >> SHIFT)) and vma.end == address and vma.policy is None",
    )
    function = "do_brk_flags"
    right = "merged"
    pardoned = ("I10",)
    shown = (
        ("file", [_brk(4), _brk(6), _over("mbind", 0, 6, "bind:0"), _brk(8)]),
        ("file", [_brk(4), _brk(6), _over("mmap_file", 5, 1, _RW, MAP.PRIVATE | MAP.FIXED, "library", 9), _brk(8)]),
    )
    groups: ClassVar[Mapping[str, int]] = {
        "a file": 6,
        "a policy": 6,
        "page numbers": 6,
        "a page missing": 5,
        "a page moved away": 4,
        "a close hook": 6,
        "what the shared test learned later": 4,
        "anything": 10,
    }
    ideas: ClassVar[Mapping[str, str]] = {
        "vmas": "Which VMA was extended, or not, and in what is it unlike a heap?",
        "broken": "Look at the VMA below the growth: does it end where the growth begins?",
        "answer": "A VMA that cannot be extended is no reason to refuse",
    }

    def idea(self, sight: str, right: dict[str, Any], mine: dict[str, Any]) -> str:
        """See Repair; one VMA more or less tells which way the condition is wrong."""
        if sight == "vmas" and len(mine["vmas"]) > len(right["vmas"]):
            return "A VMA like a heap was not extended. Does the page number you ask for go on from it?"
        if sight == "vmas" and len(mine["vmas"]) < len(right["vmas"]):
            return "A VMA that is unlike a heap was extended. In what is it unlike?"
        return super().idea(sight, right, mine)

    def script(self, group: str, chance: random.Random) -> tuple[str, list[Op]]:
        """See Repair: a heap that is extended, then made unlike, then grown twice."""
        world = chance.choice(("file", "bare", "low"))
        low, top = chance.randrange(1, 5), chance.randrange(6, 10)
        ops = [_brk(low), _brk(top)]
        if chance.random() < 0.5:
            ops.append(("touch", START + chance.randrange(top) * PAGE))
        ops += self._unlike(group, chance, top)
        more = chance.randrange(1, 5)
        return world, [*ops, _brk(top + more), _brk(top + more + chance.randrange(1, 4))]

    def _unlike(self, group: str, chance: random.Random, top: int) -> list[Op]:
        """What makes the last VMA of a heap of `top` pages unlike a heap, in one way."""
        size = chance.randrange(1, 4)
        page = top - size
        ways: dict[str, list[Op]] = {
            "a file": [_over("mmap_file", page, size, _RW, MAP.PRIVATE | MAP.FIXED, "library", chance.randrange(50))],
            "a policy": [_over("mbind", page, size, chance.choice(("bind:0", "interleave")))],
            "page numbers": [
                ("touch", START),
                ("mremap", [START, size * PAGE, size * PAGE, MREMAP.MAYMOVE | MREMAP.FIXED, START + page * PAGE]),
            ],
            "a page missing": [_over("munmap", page, size)],
            "a page moved away": _aside(top - 1),
            "what the shared test learned later": [_over("madvise", page, size, MADV.GUARD_INSTALL)],
            "a close hook": [("hook", [START, 1, 1])],
            "flags": [_over("mprotect", page, size, PROT.READ)],
            "a fork": [("touch", START + page * PAGE), ("fork", chance.choice(("child", "parent")))],
            "nothing": [],
        }
        others = [name for name in ways if name != "what the shared test learned later"]
        return ways[chance.choice(others) if group == "anything" else group]


SET = (Extends(), NoFile(), SameRule())
