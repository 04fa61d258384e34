"""Exercises of chapter 16, assumptions and assertions (C7, C8)."""

import random
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from itertools import pairwise
from typing import ClassVar

from .assertions import Assertions, Defect, Odd, Twins, planted
from .claims import FindWrongClaim, NotEvidence, Statement, Trial
from .model import Plain
from .scripts import CounterExample, NotAScript, Run, Step, read, run
from .spaces import HEAP, Call, heap_calls, kept, moment, played, segment_calls, with_field

# -- 16.e1: two moments of a cut


def _cut(calls: list[Call], to: int, generation: str = "before") -> list[Plain]:
    """The moments before and after brk(to), behind the calls: two arguments of a call."""
    return [moment(played("before", calls)), moment(played(generation, [*calls, ("brk", to, 0)]))]


def _a_cut(chance: random.Random) -> tuple[list[Call], int]:
    """Calls, and a page the break goes down to behind them."""
    calls = heap_calls(chance)
    return calls, chance.randrange(HEAP + 1, calls[0][1] - 1)


def _as_v4_leaves(field: str, what: str) -> Defect:
    """The field as a run of v4 leaves it, the others as they are in `before`."""

    def twins(chance: random.Random) -> Twins:
        while True:
            calls, to = _a_cut(chance)
            before, sound = _cut(calls, to)
            value = _cut(calls, to, "v4")[1][field]
            if value != sound[field]:
                said = what.format(kept=value, right=sound[field])
                return Twins([before, sound], [before, with_field(sound, field, value)], said)

    return twins


def _rest_goes(chance: random.Random) -> Twins:
    """What lies above the old break goes with the cut: v4's do_brk_munmap() moves the end of the whole VMA."""
    top = HEAP + chance.randrange(8, 20)
    calls: list[Call] = [("brk", top, 0), ("mmap", top, chance.randrange(2, 9))]
    to = chance.randrange(HEAP + 1, top - 1)
    before, sound = _cut(calls, to)
    areas = _cut(calls, to, "v4")[1]["areas"]
    what = f"pages from {top} on lie above the old break and are gone as well"
    return Twins([before, sound], [before, with_field(sound, "areas", areas)], what)


def _changed_areas(change: str) -> Defect:
    """The areas after the cut, changed by one of the functions below."""

    def twins(chance: random.Random) -> Twins:
        calls, to = _a_cut(chance)
        before, sound = _cut(calls, to)
        areas = deepcopy(sound["areas"])
        what = _CHANGES[change](areas, before, to)
        return Twins([before, sound], [before, with_field(sound, "areas", areas)], what)

    return twins


def _one_stays(areas: list[Plain], before: Plain, to: int) -> str:
    last = before["areas"][-1]
    areas.append([last[1] - 1, last[1], *last[2:]])
    return f"page {last[1] - 1} is in the range that goes and is still mapped"


def _one_goes(areas: list[Plain], before: Plain, to: int) -> str:
    end = areas[-1][1]
    areas[-1][1] -= 1
    if areas[-1][0] == areas[-1][1]:
        areas.pop()
    return f"page {end - 1} lies below the new break and is gone as well"


def _other_rights(areas: list[Plain], before: Plain, to: int) -> str:
    areas[0][2] = not areas[0][2]
    return f"pages {areas[0][0]}-{areas[0][1] - 1} stay, but have lost their right to be written"


_CHANGES = {"one stays": _one_stays, "one goes": _one_goes, "rights": _other_rights}


class CutIsRight(Assertions):
    """Before and after a cut: pages and counters."""

    id = "16.e1"
    name = "cut_is_right"
    title = "Assert the result of a cut"
    goal = "Write an assertion on what a call leaves behind, and let it raise no false alarm."
    points, minutes, difficulty, misconception = 6, 12, 2, "M16"
    hints = (
        "Three questions: what is in the range, what is elsewhere, and by how much did each of three counters fall?",
        "Compare pages, not areas: for each moment a dict from page to its two flags. A hole cannot go again.",
        'old = {page: flags for first, end, *flags in before["areas"] for page in range(first, end)}; '
        'gone = [page for page in old if after["brk"] <= page < before["brk"]]',
    )
    pairs = 3
    defects: ClassVar[Mapping[str, Defect]] = {
        "data_vm keeps what was cut": _as_v4_leaves(
            "data_vm", "data_vm is {kept}, the pages that may be written are {right}"
        ),
        "the promise is kept": _as_v4_leaves("promised", "{kept} pages are promised, areas that count have {right}"),
        "total_vm loses a hole, too": _as_v4_leaves("total_vm", "total_vm is {kept}, mapped are {right} pages"),
        "more goes above": _rest_goes,
        "more goes below": _changed_areas("one goes"),
        "less goes": _changed_areas("one stays"),
        "other rights": _changed_areas("rights"),
    }
    shown = ("data_vm keeps what was cut", "less goes")

    def odd(self, chance: random.Random) -> Iterator[Odd]:
        """See Assertions."""
        top = HEAP + chance.randrange(10, 20)
        heap: Call = ("brk", top, 0)
        to = chance.randrange(HEAP + 1, HEAP + 4)
        hole: Call = ("munmap", chance.randrange(to + 1, top - 3), 2)
        yield Odd(_cut([heap, hole], to), "there was a hole in the range, so fewer pages go than the break falls")
        protected: Call = ("protect", chance.randrange(to + 1, top - 3), 2)
        yield Odd(
            _cut([heap, protected], to), "two of the pages that go could not be written: data_vm had not counted them"
        )
        above: Call = ("mmap", top, chance.randrange(1, 5))
        yield Odd(
            _cut([heap, above], to), "an area reached beyond the old break: it is cut in two, what lies above stays"
        )
        yield Odd(_cut([heap], HEAP), "the whole heap goes: no area is left")
        yield Odd(
            _cut([heap, ("munmap", HEAP, 1)], to),
            "the hole lies below the new break and has nothing to do with the cut",
        )

    def sound(self, *args: Plain) -> bool:
        """See Assertions; a page is what its area's flags say."""
        before, after = args
        old, new = _pages(before), _pages(after)
        gone = [page for page in old if after["brk"] <= page < before["brk"]]
        fell = {name: before[name] - after[name] for name in ("total_vm", "data_vm", "promised")}
        return new == {page: old[page] for page in old if page not in gone} and fell == {
            "total_vm": len(gone),
            "data_vm": sum(old[page][0] for page in gone),
            "promised": sum(old[page][1] for page in gone),
        }

    def why(self, *args: Plain) -> str:
        """See Assertions."""
        before, after = args
        old = _pages(before)
        gone = [old[page] for page in old if after["brk"] <= page < before["brk"]]
        write, promised = sum(flags[0] for flags in gone), sum(flags[1] for flags in gone)
        return f"{len(gone)} mapped pages went, {write} of them may be written, {promised} are promised"

    def lines(self, *args: Plain) -> list[str]:
        """See Assertions."""
        return [
            line for name, space in zip(("before", "after"), args, strict=True) for line in _moment_lines(name, space)
        ]


def _pages(space: Plain) -> dict[int, list[bool]]:
    return {page: flags for first, end, *flags in space["areas"] for page in range(first, end)}


def _moment_lines(name: str, space: Plain) -> Iterator[str]:
    yield f"{name}: brk {space['brk']}"
    for first, end, write, promised in space["areas"]:
        yield f"  {first}-{end} {'rw' if write else 'r-'}{'' if promised else ', not promised'}"
    yield from (f"  {field} {space[field]}" for field in ("total_vm", "data_vm", "promised"))


# -- 16.e2: tree, list and counters


def _both(calls: list[Call], last: Call) -> tuple[Plain, Plain]:
    """What `before` and v4 have kept behind the calls."""
    return kept(played("before", [*calls, last])), kept(played("v4", [*calls, last]))


def _over_the_tail(chance: random.Random) -> Twins:
    calls = segment_calls(chance)
    _, first, pages = chance.choice(calls[:-1])
    over = chance.randrange(1, pages)
    sound, damaged = _both(calls, ("bss", first + pages - over, over + chance.randrange(1, 4)))
    return Twins(
        [sound],
        [damaged],
        f"bss lies over pages {first + pages - over}-{first + pages - 1} of a segment whose VMA still has its old end",
    )


def _swallowed(chance: random.Random) -> Twins:
    calls = segment_calls(chance)
    _, first, pages = chance.choice(calls[:-1])
    sound, damaged = _both(calls, ("bss", first, pages + chance.randrange(0, 3)))
    return Twins([sound], [damaged], "bss lies over a whole segment: the tree has forgotten its VMA, the list has not")


def _two_ranges(chance: random.Random) -> Twins:
    """As v4 leaves tree and list; the counters are made to agree with the list, so that they tell nothing."""
    calls = segment_calls(chance)
    top = calls[-1][1]
    sound, damaged = _both([*calls, ("mmap", top, chance.randrange(2, 6))], ("brk", top - chance.randrange(1, 3), 0))
    damaged["total_vm"] = sum(end - first for _, first, end, _ in damaged["list"])
    damaged["data_vm"] = damaged["total_vm"]
    return Twins([sound], [damaged], "a VMA has a second range in the tree, above its own end")


def _data_vm(chance: random.Random) -> Twins:
    calls = segment_calls(chance)
    sound, damaged = _both(calls, ("brk", chance.randrange(HEAP + 1, calls[-1][1]), 0))
    what = f"data_vm is {damaged['data_vm']}, VMAs that it counts have {sound['data_vm']} pages"
    return Twins([sound], [damaged], what)


def _space(chance: random.Random) -> Plain:
    calls = segment_calls(chance)
    return kept(played("before", [*calls, ("protect", calls[0][1], 1)] if chance.random() < 0.5 else calls))


def _off(field: str, what: str) -> Defect:
    """A counter that is off by a little, either way."""

    def damage(space: Plain, chance: random.Random) -> str:
        right = space[field]
        space[field] += chance.choice((-2, -1, 1, 2))
        return f"{field} is {space[field]}, {what} {right}"

    return planted(_space, damage)


def _disordered(space: Plain, chance: random.Random) -> str:
    at = chance.randrange(len(space["list"]) - 1)
    space["list"][at : at + 2] = reversed(space["list"][at : at + 2])
    return f"in the list {space['list'][at][0]} stands before {space['list'][at + 1][0]}, in the tree behind it"


def _short_range(space: Plain, chance: random.Random) -> str:
    piece = chance.choice([piece for piece in space["tree"] if piece[1] - piece[0] > 1])
    piece[1] -= 1
    return f"the tree has {piece[0]}-{piece[1]} for {piece[2]}, whose VMA says {piece[0]}-{piece[1] + 1}"


class SpaceIsSound(Assertions):
    """What has to be true of one address space at any time."""

    id = "16.e2"
    name = "space_is_sound"
    title = "Invariants of an address space"
    goal = "Turn the rules of an address space into one check that sees tree, list and counters."
    points, minutes, difficulty, misconception = 6, 12, 3, "M35"
    hints = (
        "Sections 5 and 7 of notebook 16: what was wrong where a VMA kept a piece, and what where it was swallowed?",
        "Much is kept twice: which VMAs there are and where (tree, list), how many, how many pages. Compare each.",
        'Nearly all is in: [[first, end, name] for name, first, end, _ in space["list"]] == space["tree"]. '
        "Then no overlap, and three counters.",
    )
    pairs = 3
    defects: ClassVar[Mapping[str, Defect]] = {
        "bss over the tail of a segment": _over_the_tail,
        "a segment swallowed whole": _swallowed,
        "a VMA with two ranges": _two_ranges,
        "data_vm after a cut": _data_vm,
        "map_count": _off("map_count", "the VMAs are"),
        "total_vm": _off("total_vm", "all pages together are"),
        "the order of the list": planted(_space, _disordered),
        "a range that is too short": planted(_space, _short_range),
    }
    shown = ("bss over the tail of a segment", "map_count", "the order of the list")

    def odd(self, chance: random.Random) -> Iterator[Odd]:
        """See Assertions."""
        page = chance.randrange(1, 20)
        touching: list[Call] = [("place", page, 3), ("place", page + 3, 4), ("brk", HEAP + 5, 0)]
        yield Odd([kept(played("before", touching))], "two VMAs touch and are alike: they may be one, they need not")
        yield Odd([kept(played("before", []))], "nothing is mapped: that is sound, too")
        heap: Call = ("brk", HEAP + chance.randrange(4, 9), 0)
        yield Odd(
            [kept(played("before", [heap, ("protect", HEAP + 1, 2)]))], "data_vm does not count what is read-only"
        )
        yield Odd([kept(played("before", [heap, ("place", page, 1)]))], "a VMA of one page")

    def sound(self, *args: Plain) -> bool:
        """See Assertions; invariants I1 to I6 of mmsim.mm.check, on plain data."""
        (space,) = args
        listed = [(name, first, end) for name, first, end, _ in space["list"]]
        return (
            [(name, first, end) for first, end, name in space["tree"]] == listed
            and all(one[2] <= two[1] for one, two in pairwise(listed))
            and space["map_count"] == len(listed)
            and space["total_vm"] == sum(end - first for _, first, end in listed)
            and space["data_vm"] == sum(end - first for _, first, end, counted in space["list"] if counted)
        )

    def why(self, *args: Plain) -> str:
        """See Assertions."""
        return "tree and list hold the same, an end is not a page of its VMA, and the counters count the VMAs"

    def lines(self, *args: Plain) -> list[str]:
        """See Assertions."""
        (space,) = args
        tree = [f"tree {first}-{end} {name}" for first, end, name in space["tree"]]
        listed = [
            f"list {name} {first}-{end}{'' if data else ', not data'}" for name, first, end, data in space["list"]
        ]
        return [*tree, *listed, *(f"{name} {space[name]}" for name in ("map_count", "total_vm", "data_vm"))]


# -- 16.e3: a claim that only the broken code keeps


class NeverFewer(CounterExample):
    """The loader's call in v4 always adds a VMA; where it unmaps, as it should, it may take some away."""

    id = "16.e3"
    name = "my_script"
    title = "False where nothing is wrong"
    goal = "Find calls of sound code that make an assertion false."
    points, minutes, difficulty, misconception = 4, 8, 2, "M36"
    hints = (
        "Section 2 of notebook 16: which step does v4 leave out? What does that step do to the number of VMAs?",
        "One VMA comes. For the number to fall, two have to go: what has to lie in the range?",
        "Two small mappings with a hole between them, then one vm_brk_flags() over both: three calls.",
    )
    good, bad = "v4", "merged"
    calls = ("brk", "mmap", "munmap", "mprotect", "vm_brk_flags")
    most = 8

    def breach(self, run: Run, right: Run) -> str:
        """See CounterExample."""
        counts = [step.counters.get("map_count", 0) for step in run.steps]
        for number, step in enumerate(run.steps[1:], 1):
            fewer = counts[number] < counts[number - 1]
            if step.call[0] == "vm_brk_flags" and not step.refused and fewer:
                return f"call {number + 1} takes map_count from {counts[number - 1]} to {counts[number]}"
        return ""

    def holds(self, bad: Run, right: Run) -> str:
        """See CounterExample."""
        if not any(step.call[0] == "vm_brk_flags" and not step.refused for step in bad.steps):
            return "no vm_brk_flags() succeeds here, so the assertion is never asked"
        return f"the assertion holds in {self.bad}: no vm_brk_flags() makes two VMAs go, or more"


# -- 16.e4: five claims about what breaks together

Script = tuple[list[Plain], ...]
RIGHT_ONES = ("before", "merged", "today")
"""The generations that damage nothing here."""
DAMAGE = {"I0", "I1", "I2", "I3"}
"""What notebook 16 calls damage to a VMA."""


def _mapped(step: Step | None) -> set[int]:
    """The pages that some VMA near the heap says are its own."""
    return {page for vma in (step.maps if step else ()) for page in range(vma.first, vma.end)}


def _damaged_before(played: Run, number: int) -> bool:
    """Whether the call of that number began on damage that an earlier one had done."""
    return bool(number and DAMAGE & set(played.steps[number - 1].broken))


def _said(run: Run, number: int, what: str) -> str:
    name, *args = run.steps[number].call
    return f"in {run.generation}, call {number + 1}, {name}({', '.join(map(repr, args))}): {what}"


def _overlap_makes_itself_known(script: Script) -> Trial:
    """Two VMAs overlap (I3) only where I1 or I2 is broken, too: the tree's own ranges never overlap."""
    played = run(script, "v4")
    met = [(n, step) for n, step in enumerate(played.steps) if "I3" in step.broken]
    return _trial(played, met, lambda _, step: {"I1", "I2"} & set(step.broken))


def _range_makes_an_overlap(script: Script) -> Trial:
    """The wrong one: where a range is not its VMA's (I1), two VMAs overlap (I3)."""
    played = run(script, "v4")
    met = [(n, step) for n, step in enumerate(played.steps) if "I1" in step.broken]
    return _trial(played, met, lambda _, step: "I3" in step.broken)


def _loader_met_something(script: Script) -> Trial:
    """A vm_brk_flags() that does the first damage, and makes VMAs overlap, began on a range that was not free."""
    played = run(script, "v4")
    met = [
        (n, step)
        for n, step in enumerate(played.steps)
        if step.call[0] == "vm_brk_flags" and "I3" in step.broken and not _damaged_before(played, n)
    ]

    def held(n: int, step: Step) -> bool:
        _, first, pages = step.call
        return bool(_mapped(played.steps[n - 1] if n else None) & set(range(first, first + pages)) or first < 0)

    return _trial(played, met, held)


def _cut_met_another_end(script: Script) -> Trial:
    """A brk() that cuts and does the first damage began with a VMA that did not end at the old break."""
    played, old = run(script, "v4"), 0
    met = []
    ends: dict[int, bool] = {}
    for n, step in enumerate(played.steps):
        if step.call[0] != "brk" or step.refused:
            continue
        new = step.call[1]
        if new < old and DAMAGE & set(step.broken) and not _damaged_before(played, n):
            first = next((vma for vma in played.steps[n - 1].maps if vma.end > new), None)
            ends[n] = first is None or first.end != old
            met.append((n, step))
        old = new
    return _trial(played, met, lambda n, _: ends[n])


def _growth_meets_nothing(script: Script) -> Trial:
    """A brk() that grows found nothing mapped between the breaks, where nothing gets damaged."""
    seen = []
    for generation in RIGHT_ONES:
        played, old = run(script, generation), 0
        for n, step in enumerate(played.steps):
            if step.call[0] != "brk" or step.refused:
                continue
            new = step.call[1]
            met = _mapped(played.steps[n - 1] if n else None) & set(range(old, new))
            if new > old:
                seen.append(_said(played, n, f"{len(met)} pages were mapped between the breaks"))
            if met:
                return Trial(False, seen[-1])
            old = new
    return Trial(True, "\n".join(seen) or "no brk() here grows", about=bool(seen))


def _trial(played: Run, met: list[tuple[int, Step]], held: Callable[[int, Step], Plain]) -> Trial:
    for n, step in met:
        if not held(n, step):
            return Trial(False, _said(played, n, f"broken are {' '.join(step.broken)}"))
    seen = [_said(played, n, f"broken are {' '.join(step.broken)}") for n, step in met]
    return Trial(True, "\n".join(seen) or "no call here breaks what the claim is about", about=bool(met))


class WhatBreaksTogether(FindWrongClaim):
    """Which kinds of damage go together."""

    id = "16.e4"
    name = "my_wrong_claim"
    title = "What breaks together?"
    goal = "Find a claim about damage that one script makes false."
    points, minutes, difficulty, misconception = 4, 8, 2, "M71"
    hints = (
        "Sections 5, 7 and 11 of notebook 16 have three kinds of damage: which invariants broke in each?",
        "Bss was never in section 11. There one VMA has two ranges in the tree. Does any other VMA reach into them?",
        "A heap, then an mmap() at its end, so that both are one VMA; then the break goes down a little.",
    )
    form = '{"claim": "A", "evidence": [("brk", 4)]}'
    calls: ClassVar[tuple[str, ...]] = ("brk", "mmap", "munmap", "mprotect", "vm_brk_flags")
    claims: ClassVar[Mapping[str, Statement]] = {
        "overlap": Statement(
            "v4: whenever two VMAs overlap (I3 is broken), I1 or I2 is broken as well.",
            _overlap_makes_itself_known,
            "a state in which two VMAs overlap",
        ),
        "range": Statement(
            "v4: whenever the tree has a range that is not exactly its VMA's (I1 is broken), two VMAs overlap (I3 is "
            "broken) as well.",
            _range_makes_an_overlap,
            "a state in which a range is not its VMA's",
        ),
        "loader": Statement(
            "v4: when a `vm_brk_flags()` makes VMAs overlap, and I0 to I3 held before it, something was mapped in its "
            "range.",
            _loader_met_something,
            "a first damage that is an overlap made by vm_brk_flags()",
        ),
        "cut": Statement(
            "v4: when a `brk()` that cuts breaks one of I0 to I3, and all held before it, the VMA that it began with "
            "did not end at the old break.",
            _cut_met_another_end,
            "a first damage done by a brk() that cuts",
        ),
        "growth": Statement(
            "before, merged, today: a `brk()` that grows never finds anything mapped between the breaks.",
            _growth_meets_nothing,
            "a brk() that grows",
        ),
    }
    wrong = "range"

    def read(self, evidence: Plain) -> Script:
        """See FindWrongClaim: a script of at most eight calls."""
        try:
            return read(evidence, self.calls, 8)
        except NotAScript as error:
            raise NotEvidence(str(error)) from None

    def samples(self) -> Iterator[Plain]:
        """See FindWrongClaim."""
        yield [["brk", 8], ["mmap", 8, 4, "rw-"], ["brk", 6]]
        yield [["mmap", 8, 4, "rw-"], ["vm_brk_flags", 10, 4]]
        yield [["mmap", 8, 4, "rw-"], ["vm_brk_flags", 8, 4]]
        yield [["brk", 8], ["munmap", 4, 2], ["brk", 2], ["brk", 6]]
        yield [["brk", 8], ["brk", 0]]


SET = (CutIsRight(), SpaceIsSound(), NeverFewer(), WhatBreaksTogether())
