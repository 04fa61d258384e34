"""Exercises of chapter 08, when two mappings become one."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise

from mmsim.mm import MM, File, of_letters, perms
from mmsim.mm.machine import Machine
from mmsim.mm.merge import Want, merge
from mmsim.mm.units import PAGE
from mmsim.mm.vma import FILE_OPS, AnonVma, Vma

from . import vmas
from .model import Case, Function, Perform, Plain, Verdict
from .plain import told
from .scripts import CounterExample, Mapped, Run
from .vmas import VmaText

_OFTEN = {"merged": 2, "moved": 2, "split": 2, "nothing": 0}
"""How many calls of a kind an instance may have at most, if not one."""


class VmasAfterEachCall(Perform):
    """Perform brk(), mmap(), munmap() and mprotect() of 5.16 on a list of VMAs (mmsim.brk.before, mmsim.mm)."""

    id = "08.e1"
    name = "my_vmas"
    title = "The VMAs after each call"
    goal = "Match a request and its neighbours with a case of `vma_merge()`, call after call."
    points, minutes, difficulty, misconception = 6, 10, 2, "M9"
    hints = (
        "Sections 7 to 9 of notebook 08 have a picture of each case; the table behind them has all eight.",
        "First cut: what does the call take out of the old VMAs? Then look left and right of it: alike, and touching?",
        "Pages with the same rights that touch are one VMA here, wherever they came from: join them and write the "
        "first page and the page behind the last. A refused call changes nothing.",
    )
    states, shown, noun = 6, 3, "VMAs"
    near = 4
    """So many VMAs an own list may have otherwise, for the next step to be judged from it."""

    def instance(self, learner: str) -> tuple[list[VmaText], int, list[list[Plain]]]:
        """The VMAs to start from, the break (a page), and six calls that between them merge, cut and move a border."""
        return self._found(learner)

    @lru_cache(maxsize=16)  # noqa: B019 - a set has one object of each exercise
    def _found(self, learner: str) -> tuple[list[VmaText], int, list[list[Plain]]]:
        """Some milliseconds: most runs of random calls do not show enough."""
        chance = self._chance("instance", learner)
        while True:
            heap, page = chance.randrange(4, 8), 12 + chance.randrange(6)
            first = [(0, heap, "rw-"), (page, page + 4, chance.choice(("rw-", "r--"))), (page + 4, page + 8, "r-x")]
            calls = self._calls(chance, first, heap)
            if calls is not None:
                return first, heap, calls

    def _calls(self, chance: random.Random, first: list[VmaText], brk: int) -> list[list[Plain]] | None:
        """Six calls, or None where those found do not show enough."""
        now, calls, seen = first, [], Counter[str]()
        for _ in range(60):
            made = _a_call(chance, now, brk)
            after = _sketched(now, brk, made)
            kind = "" if after is None else _kind(made[0], now, after)
            if after is None or not 2 < len(after) < 7 or seen[kind] >= _OFTEN.get(kind, 1):
                continue
            brk = made[1] if made[0] == "brk" and kind != "refused" else brk
            now = after
            seen[kind] += 1
            calls.append(made)
            if len(calls) == self.states:
                return calls if {"merged", "moved", "brk"} <= set(seen) else None
        return None

    def task(self, learner: str = "") -> str:
        """See Exercise."""
        first, brk, calls = self.instance(learner)
        lines = "\n".join(f"{n}. {_call_text(call)}" for n, call in enumerate(calls, 1))
        return f"Before: `{vmas.text(first)}`, and the break at page {brk}.\n\nThen, one after the other:\n\n{lines}"

    def steps(self, learner: str = "") -> list[tuple[Plain, Plain, Plain]]:
        """See Perform; a step is the call and the break before it, a page."""
        first, brk, calls = self.instance(learner)
        process, found = vmas.process_of(first, brk), []
        for name, *args in calls:
            before, brk = vmas.vmas_of(process), (process.mm.brk - vmas.START) // PAGE
            vmas.call(process, name, *args)
            found.append(({"call": [name, *args], "brk": brk}, before, vmas.vmas_of(process)))
        return found

    def read(self, written: Plain) -> Plain:
        """See Perform."""
        return vmas.parse(written)

    def write(self, state: Plain) -> str:
        """See Perform."""
        return vmas.text(state)

    def carried(self, own: Plain, part: Plain) -> Plain:
        """See Perform: nothing where the call is refused, or changes nothing though it does in the right state."""
        _, step, before, after = part
        name, *args = step["call"]
        process = vmas.process_of(own, step["brk"])
        if vmas.call(process, name, *args) < 0:
            return None
        found = vmas.vmas_of(process)
        return None if found == own and before != after else found

    def nearly(self, own: Plain, before: Plain) -> bool:
        """See Perform: a VMA of the right ones is there, and most others are, too."""
        mine, right = set(map(tuple, own)), set(map(tuple, before))
        return bool(mine & right) and abs(len(mine) - len(right)) <= 1 and len(mine ^ right) <= self.near

    def wrong(self, part: Plain, mine: Plain) -> Verdict:
        """See Perform: the idea that was missed, and both lists side by side."""
        number, step, before, after = part
        right = [tuple(vma) for vma in after]
        said = vmas.idea(right, mine)
        if after == before:
            said = "this call changes nothing: it is refused, as something is mapped above the break or one page "
            said += "has to stay free"
        does = _DOES.get(_kind(step["call"][0], list(map(tuple, before)), right))
        if does and "border" not in said:
            said += f"; this call {does}"
        what = f"step {number}, {_call_text(step['call'])}: {said}"
        return Verdict(0, what, vmas.text(right), vmas.text(mine), vmas.compared(right, mine))

    def picture(self, case: Case, answer: Plain) -> str:
        """See Exercise: what the call should leave, and what the learner has."""
        number, step, _, after = case.part
        shots = {"expected": after, "got": self.read(answer[number - 1])}
        title = f"After {_call_text(step['call'])}, in pages above the start of the heap"
        return vmas.pictured(shots, title)


def _a_call(chance: random.Random, before: list[VmaText], brk: int) -> list[Plain]:
    """A call that has something to do with the VMAs there are."""
    name = chance.choice(("brk", "mmap", "mmap", "munmap", "mprotect", "mprotect", "mprotect"))
    at = chance.randrange(len(before))
    start, end, rights = before[at]
    if name == "brk":
        return ["brk", max(1, brk + chance.choice((-3, -2, 2, 3, 4, 5)))]
    if name == "mmap":
        follows = before[at + 1][0] if at + 1 < len(before) else end + 6
        room = follows - end
        pages = room if 0 < room < 6 and chance.random() < 0.7 else chance.randrange(1, 5)
        return ["mmap", end, pages, chance.choice((rights, "rw-", "r--"))]
    pages = chance.choice((end - start, chance.randrange(1, 4)))
    page = chance.choice((start, max(start, end - pages), start + 1))
    pages = min(pages, end - page) or 1
    if name == "munmap":
        return ["munmap", page, pages]
    beside = [vma[2] for vma in before[max(0, at - 1) : at + 2]]
    return ["mprotect", page, pages, chance.choice(("rw-", "r--", *beside))]


def _sketched(before: list[VmaText], brk: int, call: list[Plain]) -> list[VmaText] | None:
    """The VMAs after a call, page by page, or None for a call that fails: only to find an instance quickly.

    What is right comes from the library; the tests compare the two.
    """
    pages = {page: rights for start, end, rights in before for page in range(start, end)}
    name, page, *rest = call
    if name == "brk":
        if any(each in pages for each in range(brk, page + 1)):
            return before
        pages = {at: rights for at, rights in pages.items() if not page <= at < brk}
        pages |= dict.fromkeys(range(brk, page), "rw-")
        return _runs(pages)
    touched = range(page, page + rest[0])
    mapped = [each in pages for each in touched]
    if any(mapped) if name == "mmap" else not all(mapped):
        return None
    if name == "munmap":
        return _runs({at: rights for at, rights in pages.items() if at not in touched})
    return _runs({**pages, **dict.fromkeys(touched, rest[1])})


def _runs(pages: dict[int, str]) -> list[VmaText]:
    """Pages as VMAs: those that touch and have the same rights are one."""
    found: list[VmaText] = []
    for page, rights in sorted(pages.items()):
        if found and found[-1][1:] == (page, rights):
            found[-1] = (found[-1][0], page + 1, rights)
        else:
            found.append((page, page + 1, rights))
    return found


def _kind(name: str, before: list[VmaText], after: list[VmaText]) -> str:
    """What a call did to the list, for an instance to have some of each."""
    if before == after:
        return "refused" if name == "brk" else "nothing"
    if name == "brk":
        return "brk" if after[-1][1] >= before[-1][1] and sum(e - s for s, e, _ in after) > sum(
            e - s for s, e, _ in before) else "brk cut"  # fmt: skip
    if name == "munmap":
        return "munmap"
    if len(after) < len(before):
        return "merged"
    if len(after) > len(before):
        return "split"
    return "moved" if [vma[0] for vma in after] != [vma[0] for vma in before] else "rights"


_DOES = {
    "merged": "makes VMAs one that touch and are alike",
    "moved": "moves the border between two VMAs, or joins its range to one beside it",
    "split": "adds a VMA",
    "munmap": "leaves a hole",
    "brk": "lets the heap grow over what lies between the breaks",
    "brk cut": "unmaps what lies between the breaks",
}
"""What a call of a kind does, for feedback."""


def _call_text(call: Sequence[Plain]) -> str:
    """A call as the task writes it.

    >>> _call_text(["mmap", 8, 4, "rw-"])
    'mmap(8, 4, "rw-")'
    """
    name, *args = call
    return f"{name}({', '.join(f'{chr(34)}{arg}{chr(34)}' if type(arg) is str else str(arg) for arg in args)})"


class MergeCase(Function):
    """Which of the cases 1 to 3 applies to a new range, by the library's own vma_merge() of 5.16."""

    id = "08.e2"
    name = "merge_case"
    title = "Which case is it?"
    goal = "Check the criteria of a merge one by one, on both sides."
    points, minutes, difficulty, misconception = 6, 15, 3, "M27"
    hints = (
        "Section 10 of notebook 08 lists what must be alike, sections 11 and 12 what anon_vmas add.",
        "Write a function for one neighbour: is it there, does it touch, is it alike in all? Then put both together.",
        "Not inherited: links <= 1 on the neighbour. Both fit, but left and right have two different anon_vmas, "
        "both not None: then it is case 2.",
    )

    def examples(self) -> Iterator[list[Plain]]:
        """See Function."""
        want = _range(8, 12)
        yield [_mapping(4, 8), want, _mapping(12, 16)]
        yield [_mapping(4, 8), want, None]
        shared = _range(8, 12, file="data", pgoff=24)
        yield [_mapping(2, 6, file="data", pgoff=20), shared, _mapping(12, 16, file="data", pgoff=28)]
        yield [_mapping(4, 8, flags="rd mr mw me"), want, _mapping(12, 16, file="data", pgoff=4)]
        yield [_mapping(4, 8, anon=1, links=1), want, _mapping(12, 16, anon=2, links=1)]
        yield [_mapping(4, 8, anon=1, links=2), want, _mapping(12, 16, anon=3, links=1)]

    def hidden(self, chance: random.Random) -> Iterator[tuple[str, list[Plain]]]:
        """See Function: in each group one kind of criterion decides, and every case comes up."""
        groups = {
            "who touches": ("far",),
            "flags and files": ("flags", "file", "other file"),
            "page numbers": ("pgoff",),
            "first writes": ("written", "two writers", "same writer"),
            "after a fork": ("inherited", "written"),
        }
        for group, spoils in groups.items():
            for n in range(16):
                sides = ("left", "right") if n % 4 == 0 else ("left",) if n % 4 == 1 else ("right",)
                spoilt = {} if n % 4 == 3 else {side: chance.choice(spoils) for side in sides}
                yield group, _question(chance, spoilt, missing=chance.random() < 0.15)

    def expected(self, *args: Plain) -> Plain:
        """See Function: builds the neighbours and asks merge() which of them has grown, over what."""
        left, want, right = args
        mm = MM(Machine(), has_list=True)
        files = {name: File(name) for name in ("data", "other")}
        writers: dict[int, AnonVma] = {}
        sides = [None if each is None else _built(mm, each, files, writers) for each in (left, right)]
        start, end = want["start"] * PAGE, want["end"] * PAGE
        wanted = Want(of_letters(want["flags"]), want["pgoff"], file=files.get(want["file"]))
        grown = merge(mm, sides[0], start, end, wanted)
        if grown is None:
            return 0
        if grown is sides[1]:
            return 3
        return 2 if grown.end == end else 1

    def said(self, case: Case) -> str:
        """See Exercise: the three arguments a line each would be too long for a table, so only what is unusual."""
        left, want, right = case.args
        return f"merge_case(left, want, right): {_side('left', left)}; {_side('want', want)}; {_side('right', right)}"

    def judge(self, case: Case, answer: Plain) -> Verdict:
        """See Function; what is said goes through both sides, criterion by criterion."""
        found = super().judge(case, answer)
        if found.right or found.shape or type(answer) is not int:
            return found
        left, want, right = case.args
        expected = self.expected(*case.args)
        lines = [f"left:     {_obstacle(left, want, 'left')}", f"right:    {_obstacle(right, want, 'right')}"]
        if two := _two_writers(left, right):
            lines.append(f"both:     {two}")
        said, got = _idea(expected, answer, lines), _CASES.get(answer, told(answer, 60))
        shown = [f"expected: {_CASES[expected]}", f"got:      {got}", *lines]
        shown.append(f"where the input says nothing: flags {_USUAL}, no file, pgoff as start, never written to")
        return Verdict(0, said, _CASES[expected], got, "\n".join(shown))

    def picture(self, case: Case, answer: Plain) -> str:
        """See Exercise: the VMAs as they should be afterwards, and as the answer has them."""
        _, want, _ = case.args
        if type(answer) is not int or answer not in _CASES:
            return ""
        shots = {"expected": _after(*case.args, self.expected(*case.args)), "got": _after(*case.args, answer)}
        return vmas.pictured(shots, f"A request for pages {want['start']}-{want['end']}")


_CASES = {
    0: "0, a VMA of its own",
    1: "1, left grows over the request and over right",
    2: "2, left grows",
    3: "3, right grows down",
}
_LEFT, _RIGHT = (1, 2), (1, 3)
"""The cases in which each side takes part."""
_USUAL = "rd wr mr mw me ac"


def _range(start: int, end: int, file: str | None = None, pgoff: int | None = None) -> dict[str, Plain]:
    """A request; of anonymous memory the page number is the page itself."""
    return {"start": start, "end": end, "flags": _USUAL, "file": file, "pgoff": start if pgoff is None else pgoff}


def _mapping(
    start: int,
    end: int,
    flags: str = _USUAL,
    file: str | None = None,
    pgoff: int | None = None,
    anon: int | None = None,
    links: int = 0,
) -> dict[str, Plain]:
    """A neighbour as plain data; `anon` is the number of its anon_vma, `links` the length of its chain."""
    return {**_range(start, end, file, pgoff), "flags": flags, "anon": anon, "links": links}


def _question(chance: random.Random, spoilt: dict[str, str], missing: bool) -> list[Plain]:
    """Two neighbours that fit a request, but for what is to be spoilt; one may be missing."""
    start = chance.randrange(20, 90)
    end = start + chance.randrange(1, 7)
    file = chance.choice((None, None, "data"))
    shift = chance.randrange(-15, 40) if file else 0
    want = _range(start, end, file, start + shift)
    low, high = start - chance.randrange(1, 7), end + chance.randrange(1, 7)
    left = _mapping(low, start, file=file, pgoff=low + shift)
    right = _mapping(end, high, file=file, pgoff=end + shift)
    for side, how in spoilt.items():
        _spoil(chance, left if side == "left" else right, left, right, how)
    if missing:
        return [None, want, right] if chance.random() < 0.5 else [left, want, None]
    return [left, want, right]


def _spoil(
    chance: random.Random, one: dict[str, Plain], left: dict[str, Plain], right: dict[str, Plain], how: str
) -> None:
    """Change one neighbour, or what both have, in one way."""
    if how == "far":
        by = chance.randrange(1, 4) * (-1 if one is left else 1)
        one.update(start=one["start"] + by, end=one["end"] + by, pgoff=one["pgoff"] + (0 if one["file"] else by))
    elif how == "flags":
        one["flags"] = chance.choice(("rd mr mw me", "rd wr mr mw me lo ac", "rd wr mr mw me ac dd"))
    elif how in ("file", "other file"):
        one["file"] = "other" if one["file"] or how == "other file" else "data"
    elif how == "pgoff":
        one["pgoff"] += chance.choice((-2, -1, 1, 7))
    elif how == "inherited":
        one.update(anon=chance.randrange(1, 5), links=chance.randrange(2, 4))
    elif how == "written":
        one.update(anon=chance.randrange(5, 9), links=1)
    else:
        left.update(anon=11, links=1)
        right.update(anon=11 if how == "same writer" else 12, links=1)


def _built(mm: MM, data: dict[str, Plain], files: dict[str, File], writers: dict[int, AnonVma]) -> Vma:
    """The neighbour as a VMA in an address space, with its chain."""
    vma = mm.alloc_vma()
    assert vma is not None, "no failure is planned here"
    vma.start, vma.end, vma.flags = data["start"] * PAGE, data["end"] * PAGE, of_letters(data["flags"])
    vma.pgoff, vma.file = data["pgoff"], files.get(data["file"])
    vma.ops = FILE_OPS if vma.file is not None else None
    if data["anon"] is not None:
        own = writers.setdefault(data["anon"], AnonVma(data["anon"]))
        vma.anon_vma = own
        vma.chain = [*(AnonVma(100 + n) for n in range(data["links"] - 1)), own]
        for each in vma.chain:
            each.tree[vma] = vma.key
    mm.link(vma, mm.before(vma.start))
    return vma


def _obstacle(one: Plain, want: Plain, side: str) -> str:
    """The first criterion by which a neighbour is out, or that it fits."""
    if one is None:
        return "nothing is there"
    near = one["end"] if side == "left" else one["start"]
    border = want["start"] if side == "left" else want["end"]
    if near != border:
        return f"does not touch, {near} is not {border}"
    if one["flags"] != want["flags"]:
        return f"other flags, {one['flags']} and {want['flags']}"
    if one["file"] != want["file"]:
        return f"another file, {one['file']} and {want['file']}"
    first, second = (one, want) if side == "left" else (want, one)
    behind = first["pgoff"] + first["end"] - first["start"]
    if behind != second["pgoff"]:
        return f"page numbers do not go on, {behind} is next and {second['pgoff']} comes"
    if one["links"] > 1:
        return f"inherited, its chain has {one['links']} links"
    return "fits"


def _two_writers(left: Plain, right: Plain) -> str:
    """What is said of neighbours that have both been written to, each for itself; "" for others."""
    anons = [each["anon"] for each in (left, right) if each is not None and each["anon"] is not None]
    return f"anon_vma {anons[0]} and {anons[1]}, but one VMA has only one" if len(set(anons)) == 2 else ""


def _idea(expected: int, answer: int, lines: Sequence[str]) -> str:
    """What a wrong case speaks of: a side that was taken though it does not fit, or left out though it does."""
    if answer not in _CASES:
        return "expected a case from 0 to 3"
    for side, cases, line in (("left", _LEFT, lines[0]), ("right", _RIGHT, lines[1])):
        why = line.partition(":")[2].strip()
        if answer in cases and expected not in cases:
            if why != "fits":
                return f"the {side} one cannot be merged with the request: {why}"
            return f"each side fits alone, but they cannot become one: {lines[2].partition(':')[2].strip()}"
        if expected in cases and answer not in cases and why == "fits":
            return f"the {side} one fits and was left out"
    return "the value is another one"


def _side(name: str, one: Plain) -> str:
    """A neighbour or the request in a few words: the range, and what is unusual about it."""
    if one is None:
        return f"{name} None"
    said = [f"{name} {one['start']}-{one['end']}"]
    if one["flags"] != _USUAL:
        said.append(one["flags"])
    if one["file"] is not None:
        said.append(f"file {one['file']}")
    if one["file"] is not None or one["pgoff"] != one["start"]:
        said.append(f"pgoff {one['pgoff']}")
    if one.get("anon") is not None:
        said.append(f"anon {one['anon']}, links {one['links']}")
    return " ".join(said)


def _after(left: Plain, want: Plain, right: Plain, case: int) -> list[VmaText]:
    """The VMAs after a case, overlapping nothing: what a case takes of a missing neighbour is left out."""
    start = left["start"] if left and case in (1, 2) else want["start"]
    end = right["end"] if right and case in (1, 3) else want["end"]
    rest = [each for each, gone in ((left, case in (1, 2)), (right, case in (1, 3))) if each and not gone]
    rights = perms(of_letters(want["flags"]))[:3]
    found = [(each["start"], each["end"], perms(of_letters(each["flags"]))[:3]) for each in rest]
    return sorted([*found, (start, end, rights)])


class AlikeAndYetTwo(CounterExample):
    """A script after which two alike VMAs touch in `today`, though not in `before`."""

    id = "08.e3"
    name = "my_script"
    title = "Alike, touching, and yet two"
    goal = "Find out which neighbour a growth does not look at today."
    points, minutes, difficulty, misconception = 4, 10, 2, "M14"
    hints = (
        "Section 10 of notebook 07 has two calls that `before` and `today` do not answer alike.",
        "First writes and forks keep VMAs apart in both. Which border does only the newer `brk()` respect?",
        "Map something like a heap right below the heap, so that it ends at page 0; then let the heap begin.",
    )
    good, bad = "before", "today"
    calls = ("brk", "mmap", "munmap", "mprotect", "touch", "fork")
    most = 6

    def breach(self, run: Run, right: Run) -> str:
        """See CounterExample."""
        for number, step in enumerate(run.steps, 1):
            for one, two in pairwise(step.maps):
                if _alike(one, two):
                    return f"after call {number}, {one} and {two} touch and are two"
        return ""

    def holds(self, bad: Run, right: Run) -> str:
        """See CounterExample."""
        if not any(step.call[0] == "brk" and not step.refused for step in bad.steps):
            return "the claim holds in both. mmap and mprotect look at both neighbours in both; which call does not?"
        if not any(step.call[0] == "mmap" for step in bad.steps):
            return "the claim holds in both: the script maps nothing but the heap, so what could touch it?"
        return "the claim holds in both: where has something alike to end, for `brk()` of today not to look at it?"


def _alike(one: Mapped, two: Mapped) -> bool:
    return one.end == two.first and one.rights == two.rights and not one.name and not two.name


SET = (VmasAfterEachCall(), MergeCase(), AlikeAndYetTwo())
