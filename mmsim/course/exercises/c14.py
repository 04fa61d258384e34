"""Exercises of chapter 14, comments on style (C4) and the extension that was lost (C5)."""

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from random import Random
from typing import Any, ClassVar

from mmsim.explore.alphabet import Op
from mmsim.explore.world import START
from mmsim.mm.calls import MAP, MREMAP, PROT
from mmsim.mm.flags import VM
from mmsim.mm.units import PAGE
from mmsim.trace.loads import loaded

from .model import Function, Plain, Predict, Verdict
from .plain import told
from .repair import Repair, failing

_RW = PROT.READ | PROT.WRITE
_HERE = MAP.PRIVATE | MAP.ANONYMOUS | MAP.FIXED


def _bss(page: int, pages: int, flags: int = 0) -> Op:
    """The loader's call for pages of bss, `page` above the start of the heap."""
    return "vm_brk_flags", [START + page * PAGE, pages * PAGE, flags]


def _over(op: str, page: int, pages: int, *more: object) -> Op:
    return op, [START + page * PAGE, pages * PAGE, *more]


# -- a lint for block comments

_TOKEN = re.compile(r'"(?:\\.|[^"\\\n])*"|//[^\n]*|/\*.*?\*/', re.DOTALL)
GOOD = (
    "/*\n * Kept short: {word}.\n */",
    "\t/*\n\t * Two lines: {word},\n\t * and one more.\n\t */",
    "/* {word}, in one line */",
    "int {word};  /* a // here is none */",
)
"""Pieces of C in which no block comment is odd."""
ODD = (
    "/* {word} at once,\n * then a line more.\n */",
    "/*\n   {word} without a star\n */",
    "/*\n * {word}, and the end */",
    "\tgo({word});  /* {word}\n\t\t\t * behind code */",
)
"""Pieces with one odd block comment, which begins in their first line."""
DECOYS = (
    'char *{word} = "/* no comment";',
    'puts("{word} \\" /* in quotes");',
    "int {word};  // see /* below",
    '/* one " of {word} */',
    'char *{word} = "//";  /* fine */',
)
"""Pieces without an odd comment that look as if something began in them."""


def odd_lines(text: str) -> list[int]:
    r"""The first lines, from 1, of the block comments over several lines that have not the kernel's form.

    That form: nothing behind the `/*`, a star at the start of each line below, and the end on a line of its own
    (Documentation/process/coding-style.rst, 6.1, section 8, outside of net/).

    >>> odd_lines("/*\n * fine\n */\n/* not\n * fine\n */")
    [4]
    """
    return [number for number, comment in _comments(text) if _fault(comment)]


def _comments(text: str) -> Iterator[tuple[int, str]]:
    """Line and text of each block comment over several lines: what begins first, wins."""
    for found in _TOKEN.finditer(text):
        if found[0].startswith("/*") and "\n" in found[0]:
            yield text.count("\n", 0, found.start()) + 1, found[0]


def _fault(comment: str) -> str:
    first, *middle, last = comment.split("\n")
    if first[2:].strip():
        return "has words behind its /*"
    if not all(line.lstrip().startswith("*") for line in middle):
        return "has a line without a star at its start"
    return "" if last.strip() == "*/" else "has words in front of its */"


class OddComments(Function):
    """A lint for the form of block comments."""

    id = "14.e1"
    name = "odd_comments"
    title = "A lint for block comments"
    goal = "Write a lint that knows a form, and what is no comment."
    points, minutes, difficulty, misconception = 5, 12, 2, "M31"
    hints = (
        "Section 15 of notebook 14: texts in quotes, line and block comments in one go; what begins first, wins.",
        "Find the comments first, with the line each begins in. Whether one is odd is asked of its own lines only.",
        "first, *middle, last = comment.split(NEWLINE): odd if first[2:].strip(), or last.strip() is not '*/', or ...",
    )

    def examples(self) -> Iterator[list[Plain]]:
        """See Function."""
        yield ["/* one\n * two\n */"]
        yield ["int a;\n/*\n * fine\n */\n/*\n   not fine\n */"]
        yield ["int a;  /* fine */\n/*\n * not fine */\nint b;"]
        yield ['char *a = "/* none";\n/* odd,\n * as it is */']

    def hidden(self, chance: Random) -> Iterator[tuple[str, list[Plain]]]:
        """See Function; in each text something is odd."""
        for group, others in (("forms", GOOD), ("what is no comment", DECOYS), ("all of it", (*GOOD, *DECOYS))):
            for _ in range(8):
                pieces = chance.choices(others, k=chance.randrange(2, 6)) + chance.choices(
                    ODD, k=chance.randrange(1, 4)
                )
                chance.shuffle(pieces)
                words = ("brk", "heap", "page", "vma", "tree", "lock")
                yield group, ["\n".join(piece.format(word=chance.choice(words)) for piece in pieces)]

    def expected(self, *args: Plain) -> Plain:
        """See Function."""
        return odd_lines(args[0])

    def difference(self, expected: Plain, got: Plain) -> str:
        """See Function."""
        if type(got) is not list or not all(type(number) is int for number in got):
            return "Expected a list of line numbers, from 1."
        if sorted(got) == expected:
            return "The lines are right; expected from the first to the last."
        return ""

    def judge(self, case: Any, answer: Plain) -> Verdict:
        """See Function; the first line that is told too little or too much is named, with its reason."""
        found = super().judge(case, answer)
        if found.right or found.shape or type(answer) is not list or not all(type(line) is int for line in answer):
            return found
        text, odd = case.args[0], odd_lines(case.args[0])
        lines, faults = text.split("\n"), {number: _fault(comment) for number, comment in _comments(text)}
        first = min({*answer} ^ {*odd}, default=None)
        if first is None:
            return found
        if first in odd:
            said = f"line {first} is missing: its comment {faults[first]}"
        elif not 1 <= first <= len(lines):
            said = f"there is no line {told(first, 40)}: lines count from 1"
        elif first in faults:
            said = f"line {first} begins a comment that is as it should be"
        else:
            said = f"line {first} begins no comment over several lines: what begins first, wins"
        numbered = "\n".join(f"{'*' if n == first else ' '} {n:>2}  {line}" for n, line in enumerate(lines, 1))
        return Verdict(0, said, found.expected, found.got, numbered)

    def said(self, case: Any) -> str:
        """See Exercise."""
        return f"odd_comments({told(case.args[0], 90)})"


class LostExtension(Repair):
    """Bring the extension of bss back into v4's vm_brk_flags(), with all that the merged one tests."""

    id = "14.e2"
    name = "my_vm_brk_flags"
    title = "Bring the extension back"
    goal = "Let the loader's call extend the VMA below, and only where that is right."
    points, minutes, difficulty, misconception = 6, 15, 3, "M28"
    hints = (
        "`do_brk_flags(mm, None, ...)`: the None is the VMA it may extend. What does do_brk_flags() of v4 test of it?",
        "mm.before(address) gives the last VMA below, but it may end earlier, carry a file or have a policy.",
        "can_merge_after(below, Want(below.flags, address >> SHIFT)), and what it leaves out: below.end, below.policy.",
    )
    function = "vm_brk_flags"
    right = "merged"
    pardoned = ("I10",)
    shown = (
        ("bare", [_bss(0, 2), _bss(2, 2)]),
        ("file", [_bss(0, 2), _bss(2, 2)]),
        ("bare", [_bss(0, 1), _bss(1, 1), _bss(4, 2)]),
    )
    groups: ClassVar[Mapping[str, int]] = {
        "side by side": 6,
        "in a hole": 5,
        "not alike": 4,
        "failures": 6,
    }
    ideas: ClassVar[Mapping[str, str]] = {
        "broken": "v4's do_brk_flags() tests neither where the VMA ends nor what it maps, so its caller has to",
        "answer": "An extension makes no VMA, so it cannot fail for want of one",
    }

    def idea(self, sight: str, right: dict[str, Any], mine: dict[str, Any]) -> str:
        """See Repair; of the VMAs it is told whether one was extended too little or too much."""
        if sight != "vmas":
            return super().idea(sight, right, mine)
        if len(mine["vmas"]) > len(right["vmas"]):
            return "Not extended: look which VMA is handed over, and with whose flags it is compared (section 13)"
        return "Extended too much: make sure that this VMA ends where the new range begins and is alike in all"

    def script(self, group: str, chance: Random) -> tuple[str, list[Op]]:
        """See Repair."""
        world, ops = self._script(group, chance)
        return world, [*ops, *([] if chance.random() < 0.5 else [_bss(400, 1), _bss(402, 1), _bss(401, 1)])]

    def _script(self, group: str, chance: Random) -> tuple[str, list[Op]]:
        world = chance.choice(("bare", "file", "bss"))
        if group == "not alike":
            return world, list(self._unlike(chance))
        size, more, at = (chance.randrange(1, 5) for _ in range(3))
        at -= 1
        ops = [_bss(at, size)]
        end = at + size
        if chance.random() < 0.5:
            ops.append(("touch", START + at * PAGE))
        if group == "in a hole":
            return world, [*ops, _bss(end + more, 2), _bss(end, more), _bss(end + more + 2, 1)]
        if group == "failures":
            site = chance.choice(("vma_alloc", "vma_alloc", "commit_refusal", "lock_killed"))
            return world, [*failing([*ops, _bss(end, more)], site), _bss(end + 8, 1), _bss(end + 9, more)]
        for _ in range(chance.randrange(1, 4)):
            ops.append(_bss(end, more))
            end += more
        return world, ops

    def _unlike(self, chance: Random) -> Iterator[Op]:
        """Every reason why a piece of bss is no extension, each at a place of its own, and one that is; a fork last."""
        kinds = ["hole", "exec", "mbind", "mprotect", "file", "uffd_register", "moved up", "moved down", "alike"]
        for n, kind in enumerate([*chance.sample(kinds, len(kinds)), "fork"]):
            size, more, at = chance.randrange(1, 4), chance.randrange(1, 4), 1 + 20 * n
            start = at + 10 if kind == "moved down" else at
            yield _bss(start, size)
            if kind in ("moved up", "moved down", "fork") or chance.random() < 0.3:
                yield "touch", START + start * PAGE
            yield from self._between(kind, at, size)
            gap = {"hole": 1, "file": 2, "moved up": 10, "moved down": 10}.get(kind, 0)
            yield _bss(at + size + gap, more, VM.EXEC if kind == "exec" else 0)

    def _between(self, kind: str, at: int, size: int) -> Iterator[Op]:
        """What makes the piece of `size` pages unlike the next one; a moved piece keeps the offset of its pages."""
        low, high, length = START + at * PAGE, START + (at + 10) * PAGE, size * PAGE
        if kind in ("mbind", "mprotect", "uffd_register"):
            more: dict[str, tuple[object, ...]] = {"mbind": ("bind:0",), "mprotect": (PROT.READ,)}
            yield _over(kind, at, size, *more.get(kind, ()))
        elif kind == "file":
            yield _over("mmap_file", at + size, 2, _RW, MAP.PRIVATE | MAP.FIXED, "library", 0)
        elif kind == "fork":
            yield "fork", "child"
        elif kind.startswith("moved"):
            old, new = (low, high) if kind == "moved up" else (high, low)
            yield "mremap", [old, length, length, MREMAP.MAYMOVE | MREMAP.FIXED, new]


# -- predict

Segment = tuple[str, int, int]
_GENERATIONS = ("before", "v4", "merged")


class VmasOfAnExecutable(Predict):
    """How many VMAs the segments of two executables become, in three generations."""

    id = "14.e3"
    name = "my_vmas"
    title = "How many VMAs does an executable get?"
    goal = "Say of each segment whether it extends what is there, in three generations."
    points, minutes, difficulty, misconception = 4, 7, 2, "M9"
    hints = (
        "Sections 9 to 11 of notebook 14: two of bss side by side, the one in the middle, an ordinary executable.",
        "Go through the segments in their order. `before` looks below and above, `merged` below only, `v4` nowhere.",
        "Only bss that touches bss counts: data carries a file. Bss that fills a hole: one VMA in `before`, not three.",
    )
    shown = 3

    def instance(self, learner: str) -> dict[str, list[Segment]]:
        """Two executables, a and b; in b each generation comes to a number of its own."""
        chance = self._chance("instance", learner)
        return {"a": self._segments(chance, 4, 2), "b": self._segments(chance, 6, 3)}

    def _segments(self, chance: Random, count: int, numbers: int) -> list[Segment]:
        """So many segments, mostly side by side, in any order, for which the generations give so many numbers."""
        while True:
            at, found = 0, []
            for _ in range(count):
                kind, pages = chance.choice(("bss", "bss", "bss", "data")), chance.randrange(1, 5)
                found.append((kind, at, pages))
                at += pages + chance.choice((0, 0, 0, 2))
            joined = any(one[0] == two[0] == "data" and one[1] + one[2] == two[1] for one, two in pairwise(found))
            chance.shuffle(found)
            if not joined and len({len(loaded(name, found)) for name in _GENERATIONS}) == numbers:
                return found

    def task(self, learner: str = "") -> str:
        """See Exercise."""
        told_of = []
        for name, segments in self.instance(learner).items():
            lines = [f"{kind:<4}  pages {first} to {first + pages - 1}" for kind, first, pages in segments]
            told_of.append("\n".join([f"executable {name}, in the order of loading:", *lines]))
        return "\n\n".join(told_of)

    def answers(self, learner: str = "") -> dict[str, Plain]:
        """See Predict."""
        return {
            f"{name} {generation}": len(loaded(generation, segments))
            for name, segments in self.instance(learner).items()
            for generation in _GENERATIONS
        }

    def explain(self, key: str, expected: Plain, got: Plain) -> Verdict:
        """See Predict."""
        idea = {
            "before": "vma_merge() looks below and above, but never joins bss and a file",
            "v4": "vm_brk_flags() hands over no VMA, so there is nothing that it could extend",
            "merged": "the VMA below is looked up again, the one above is not",
        }[key.split()[1]]
        size = "too many" if got > expected else "too few"
        return Verdict(0, f"{key!r}: {size}. {idea}", got=told(got))


SET = (OddComments(), LostExtension(), VmasOfAnExecutable())
