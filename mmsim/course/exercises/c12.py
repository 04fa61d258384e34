"""Exercises of chapter 12, a second copy of the rules (C2)."""

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from mmsim.experiments.build import HEAP, HEAP_FLAGS, started
from mmsim.mm import AnonVma, File, Ops, Vma, letters, of_letters
from mmsim.mm.units import PAGE
from mmsim.mm.vma import FILE_OPS

from .model import RIGHT, Case, Function, Plain, Verdict, wrong_shape
from .plain import told
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
            return f"{generation} looks at this and makes a new VMA"
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
            return "the VMAs differ, but not at the page that is read; would a program notice that at another page?"
        return "the program notices nothing: what would v4 extend, that merged does not?"


SET = (Extends(), NoFile())
