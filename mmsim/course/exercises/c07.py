"""Exercises of chapter 07, brk() before the patch."""

import random
from collections.abc import Iterator, Mapping
from typing import ClassVar

from mmsim.brk import Process
from mmsim.mm import VM, File, of_letters
from mmsim.mm.units import GUARD_GAP, PAGE, page_align

from . import vmas
from .model import RIGHT, Case, Function, Order, Plain, Predict, Verdict, wrong_shape
from .plain import told
from .vmas import START, NotVmas

_LIBRARY = of_letters("rd mr mw me")
_STACK = of_letters("rd wr mr mw me gd ac")
_ABOVE = 4
"""Pages of what lies above a heap here."""


def _bytes(offset: int) -> str:
    """An offset from start_brk as one would say it.

    >>> _bytes(0), _bytes(12), _bytes(-4096)
    ('start_brk', 'start_brk + 12', 'start_brk - 4096')
    """
    return f"start_brk {'+' if offset > 0 else '-'} {abs(offset)}" if offset else "start_brk"


class SixCalls(Predict):
    """Answer and mappings after each of six calls, by brk() of 5.16 (mmsim.brk.before)."""

    id = "07.e1"
    name = "my_calls"
    title = "Six calls, to the byte"
    goal = "Predict what one call of `brk()` maps and what it answers."
    points, minutes, difficulty, misconception = 4, 8, 1, "M7"
    hints = (
        "Sections 3 to 7 of notebook 07 have a call of each kind that you meet here.",
        "Two questions for each call: is it accepted? And how many pages does the break need, rounded up?",
        "Refused: [the break as it was, the maps as they were]. Accepted: [what was asked for, 0 to the last page that "
        "the break needs]. One page stays free below the library.",
    )
    shown = 2

    def instance(self, learner: str) -> tuple[int, list[int]]:
        """The page where a library begins, and the wanted breaks in bytes above start_brk."""
        chance = self._chance("instance", learner)
        library = chance.randrange(12, 20)
        kinds = ["inside", "too far", "fits", "below", "down"]
        chance.shuffle(kinds)
        brk = chance.randrange(4, 8) * PAGE - chance.randrange(500, 3500)
        calls = [brk]
        for kind in kinds:
            want = _wanted(kind, brk, library, chance)
            calls.append(want)
            brk = want if kind in ("inside", "fits", "down") else brk
        return library, calls

    def task(self, learner: str = "") -> str:
        """See Exercise."""
        library, calls = self.instance(learner)
        lines = "\n".join(f"c{n}: brk({_bytes(want)})" for n, want in enumerate(calls, 1))
        return (
            f"The break stands at `start_brk`, no limits are set. The only mapping is a library, `{library}-"
            f"{library + _ABOVE} r--`, in pages above `start_brk`. The six calls, one after the other:\n\n{lines}"
        )

    def steps(self, learner: str = "") -> list[tuple[int, int, int, str]]:
        """The old break, the wanted one, the answer (bytes above start_brk), and the maps after it, for each call."""
        library, calls = self.instance(learner)
        process, found = _process(library * PAGE, "library"), []
        for want in calls:
            old = process.mm.brk - START
            answer = process.brk(START + want) - START
            found.append((old, want, answer, vmas.text(vmas.vmas_of(process))))
        return found

    def answers(self, learner: str = "") -> dict[str, Plain]:
        """See Predict."""
        return {f"c{n}": [answer, maps] for n, (_, _, answer, maps) in enumerate(self.steps(learner), 1)}

    def parts(self, learner: str = "") -> list[tuple[str, Plain]]:
        """See Value: a key, and the step with the maps before it."""
        steps = self.steps(learner)
        before = [vmas.text(vmas.vmas_of(_process(self.instance(learner)[0] * PAGE, "library")))]
        before += [maps for *_, maps in steps]
        return [(f"part c{n}", [f"c{n}", *step, before[n - 1]]) for n, step in enumerate(steps, 1)]

    def judge(self, case: Case, answer: Plain) -> Verdict:
        """Answer and maps are worth half each; what is said gives neither away."""
        key, old, want, right, maps, before = case.part
        if type(answer) is not dict or key not in answer:
            return wrong_shape(f"expected a dict with the key {key!r}", answer)
        got = answer[key]
        if got is None:
            return Verdict(0, f"{key}: nothing is filled in here yet", got="None")
        if type(got) is not list or len(got) != 2 or type(got[0]) is not int or type(got[1]) is not str:
            return wrong_shape(f"{key}: expected a list like [5000, '0-2 rw- | 14-18 r--']: a number and a text", got)
        try:
            mine = vmas.parse(got[1])
        except NotVmas as error:
            return wrong_shape(f"{key}: {error}", got[1])
        said = [_answer_idea(got[0], old, want, right), _maps_idea(mine, vmas.parse(maps), vmas.parse(before))]
        wrong = [text for text in said if text]
        if not wrong:
            return RIGHT
        return Verdict(1 - len(wrong) / 2, f"{key}, brk({_bytes(want)}): {'; '.join(wrong)}", got=told(got))


def _wanted(kind: str, brk: int, library: int, chance: random.Random) -> int:
    """The wanted break for a kind of call, all in bytes above start_brk but `library`, a page."""
    pages = page_align(brk) // PAGE
    if kind == "inside":
        want = pages * PAGE - chance.randrange(1, 4000)
        return want if want != brk else want - 1
    if kind == "too far":
        return (library - 1) * PAGE + chance.randrange(1, PAGE)
    if kind == "fits":
        return (library - 1) * PAGE - chance.choice((0, chance.randrange(1, 900)))
    if kind == "below":
        return -chance.randrange(1, 3) * PAGE
    return (pages - chance.randrange(1, pages - 1)) * PAGE - chance.randrange(100, 900)


def _answer_idea(got: int, old: int, want: int, right: int) -> str:
    """What a wrong answer of a call speaks of; "" for the right one."""
    if got == right:
        return ""
    if -4096 < got < 0 and got != want:
        return f"the answer is not {got}: a refused call answers with a break, the C library makes an error of it"
    if abs(got) > 1 << 40:
        return "the answer is to be in bytes above start_brk"
    if got == want:
        return "the answer is not the break that was asked for: what has to stay free, and where may a heap not end?"
    if got == old:
        return "the answer is not the old break: nothing is in the way of this call"
    if got == page_align(right):
        return "the answer is not rounded: the break is kept to the byte"
    return "the answer is neither the break asked for nor the old one, and those are all there are"


def _maps_idea(got: list[vmas.VmaText], right: list[vmas.VmaText], before: list[vmas.VmaText]) -> str:
    """What wrong maps after a call speak of; "" for the right ones."""
    if got == right:
        return ""
    if [(start, end - 1, rights) for start, end, rights in right] == got:
        return "in the maps the upper number is the first page behind a VMA"
    if right[-1] not in got:
        return "in the maps the library is no longer as it was"
    if right == before:
        return "the maps do not stay as they were, but this call changes no page"
    if got == before:
        return "the maps stay as they were, but this call maps or unmaps pages"
    if len(got) != len(right):
        return f"the maps have {len(got)} VMAs: a growth next to an alike mapping extends that one"
    return "the heap in the maps has the wrong size: the wanted break, rounded up to whole pages"


class StepsOfAGrowth(Order):
    """The steps of brk() of 5.16 that grows, in a process that locks what comes, with two false lines."""

    id = "07.e2"
    name = "my_growth"
    title = "A locked heap grows"
    goal = "Tell the tests of a growth, and the work after them, in their order."
    points, minutes, difficulty, misconception = 2, 4, 2, "M9"
    hints = (
        "The table of section 2 and the log in section 9 of notebook 07 show most of these steps.",
        "The cheap tests come first, and no page is needed for them. What may wait comes after the lock.",
        "Limits of the break, then pages, then room, then do_brk_flags with its tests and the merge; break, lock; and "
        "only then the memory. Two lines are not used.",
    )
    lines: ClassVar[Mapping[str, str]] = {
        "A": "`do_brk_flags()` compares with the other limits and has the memory promised",
        "B": "fault the new pages in, as they are locked memory",
        "C": "refuse a break below `start_brk` or above the limit DATA",
        "D": "move the break only as far as there is room",
        "E": "look up the next mapping above, and refuse if too little stays free below it",
        "F": "set the break and drop the lock",
        "G": "round old and wanted break up to pages, and see which way it goes",
        "H": "make a mapping for the new range, as each growth adds one",
        "I": "`vma_merge()` is asked for a neighbour to extend; without one a mapping is made",
    }
    after: ClassVar[Mapping[str, str]] = {"C": "", "G": "C", "E": "G", "A": "E", "I": "A", "F": "I", "B": "F"}
    why: ClassVar[Mapping[str, str]] = {
        "A": "do_brk_flags() is called when the room is known to be free",
        "B": "pages are faulted in when the lock is dropped, not under it",
        "D": "a break is moved as asked, or not at all",
        "E": "to look for room, the pages that are to come have to be known",
        "F": "the break moves when nothing can fail any more",
        "G": "what is refused without any page at hand is refused first",
        "H": "a growth asks for a neighbour to extend, and most growths find one",
        "I": "nothing is mapped before all limits are kept",
    }


class BrkAnswer(Function):
    """The tests of brk() of 5.16 as a function; the library's own call says what is right (mmsim.brk.before)."""

    id = "07.e3"
    name = "brk_answer"
    title = "Accepted or refused?"
    goal = "Find the test that refuses a call, and write all of them down."
    points, minutes, difficulty, misconception = 6, 12, 2, "M56"
    hints = (
        "Sections 7 and 8 of notebook 07: which test comes before the code knows which way the break moves?",
        "Four questions in this order: too low or over the limit? The same page? Down? Enough room, with a free page?",
        "end = rounded_up(want) + PAGE; room = above['start'] - (GAP if it is a stack else 0); refused if end > room",
    )

    def examples(self) -> Iterator[list[Plain]]:
        """See Function."""
        start = 0x1000_0000
        library = {"start": start + 14 * PAGE, "kind": "library"}
        stack = {"start": start + 300 * PAGE, "kind": "stack"}
        yield [start, start, start + 100, None, None]
        yield [start, start + 100, start - PAGE, None, None]
        yield [start, start + 8 * PAGE, start + 13 * PAGE, library, None]
        yield [start, start + 8 * PAGE, start + 13 * PAGE + 1, library, None]
        yield [start, start + 8 * PAGE, start + 44 * PAGE, stack, None]
        yield [start, start + 20 * PAGE, start + 12 * PAGE, None, 8 * PAGE]

    def hidden(self, chance: random.Random) -> Iterator[tuple[str, list[Plain]]]:
        """See Function: each group has calls that are accepted and calls that are refused."""
        for _ in range(6):
            start = 0x1000_0000 + chance.randrange(4096) * PAGE
            pages = chance.randrange(3, 60)
            brk = start + pages * PAGE - chance.choice((0, chance.randrange(PAGE)))
            top, down = page_align(brk), start + chance.randrange((pages - 1) * PAGE)
            for want in (start, start - 1, top - 7, down, top + chance.randrange(1, 1 << 22)):
                yield "to the byte", [start, brk, want, None, None]
            for kind, group, gap in (("library", "below a library", 0), ("stack", "below a stack", GUARD_GAP)):
                room = chance.randrange(2, 40)
                above: Plain = {"start": top + gap + room * PAGE, "kind": kind}
                highest = top + (room - 1) * PAGE
                for want in (highest, highest + 1, highest - chance.randrange(PAGE), highest + PAGE, down, top):
                    yield group, [start, brk, want, above, None]
            close: Plain = {"start": top + chance.randrange(1, 255) * PAGE, "kind": "stack"}
            for want in (top + 1, top - 9, down):
                yield "below a stack", [start, brk, want, close, None]
            limit = chance.randrange(2, pages) * PAGE
            for want in (start + limit, start + limit + 1, min(start + limit + 9, brk), start + limit // 2):
                yield "the limit", [start, brk, want, None, limit]
            limit = (pages + chance.randrange(2, 9)) * PAGE
            for want in (start + limit, start + limit + 1, start + limit - 9):
                yield "the limit", [start, brk, want, None, limit]

    def expected(self, *args: Plain) -> Plain:
        """See Function: what the call answers in a process of generation `before`."""
        start, brk, want, above, limit = args
        process = Process("before", start_brk=start)
        process.brk(brk)
        if above is not None:
            _place(process, above["start"], above["kind"])
        if limit is not None:
            process.setrlimit("DATA", limit)
        return process.brk(want)

    def said(self, case: Case) -> str:
        """See Exercise."""
        start, brk, want, above, limit = case.args
        where = None if above is None else f"{{'start': {_hex(above['start'])}, 'kind': {above['kind']!r}}}"
        return f"brk_answer({_hex(start)}, {_hex(brk)}, {_hex(want)}, {where}, {limit})"

    def judge(self, case: Case, answer: Plain) -> Verdict:
        """See Function; addresses are shown as offsets from start_brk, and the broken test is named."""
        start, brk, want, above, limit = case.args
        right = self.expected(*case.args)
        if type(answer) is not int:
            return wrong_shape("expected the break as a whole number", answer)
        if answer == right:
            return RIGHT
        told_got = _bytes(answer - start) if abs(answer - start) < 1 << 30 else told(answer, 60)
        said = self._idea(answer, start, brk, want, above, limit, right)
        shown = f"expected:  {_bytes(right - start)}\ngot:       {told_got}\n{_sum(start, brk, want, above, limit)}"
        return Verdict(0, said, _bytes(right - start), told_got, shown)

    def _idea(self, got: int, start: int, brk: int, want: int, above: Plain, limit: int | None, right: int) -> str:
        if got not in (want, brk):
            rounded = got == page_align(want) or got == page_align(brk)
            return "the break is kept to the byte, only memory comes in pages" if rounded else (
                "expected the wanted break if the call is accepted, the old one if it is refused")  # fmt: skip
        if right == brk:
            if want < start:
                return "you accept it, but a heap cannot end below its start"
            if limit is not None and want - start > limit:
                down = ", though it moves down: the test for the limit comes before that is looked at"
                return f"you accept it, but the wanted break is above the limit{down if want < brk else ''}"
            gap = " and below a stack its guard gap of 256 pages" if above["kind"] == "stack" else ""
            return f"you accept it, but one page has to stay free above the new end{gap}"
        if page_align(want) == page_align(brk):
            return "you refuse it, but no page is needed: both breaks round up to the same page"
        if want < brk:
            return "you refuse it, but memory is given back: a shrink needs no room"
        if above is not None:
            return "you refuse it, but there is room: the end in pages plus one may be equal to the border"
        return "you refuse it, but nothing is in the way of this call"

    def picture(self, case: Case, answer: Plain) -> str:
        """The heap as it should end and as the answer has it, with what lies above; "" where that cannot be drawn."""
        start, brk, want, above, _ = case.args
        right = self.expected(*case.args)
        if type(answer) is not int or not start <= answer < start + (1 << 24) or above is None:
            return ""
        page = (above["start"] - start) // PAGE
        top: list[vmas.VmaText] = [(page, page + _ABOVE, "rw-" if above["kind"] == "stack" else "r--")]
        shots = {}
        for name, brk in (("expected", right), ("got", answer)):
            end = page_align(brk - start) // PAGE
            shots[name] = [*([(0, end, "rw-")] if end else []), *top]
            if end > page:
                shots[name] = [(0, end, "rw-")]  # it would run into what is there
        title = f"brk({_bytes(want - start)}), in pages above start_brk"
        return vmas.pictured(shots, title, stacks=[page] if above["kind"] == "stack" else ())


def _process(above: int, kind: str) -> Process:
    """A process of generation `before` without a heap; `above` is in bytes above START."""
    process = Process("before", start_brk=START)
    _place(process, START + above, kind)
    return process


def _place(process: Process, start: int, kind: str) -> None:
    flags = _STACK if kind == "stack" else _LIBRARY
    assert bool(flags & VM.GROWSDOWN) == (kind == "stack")
    process.place(start, start + _ABOVE * PAGE, flags, None if kind == "stack" else File(kind))


def _hex(address: int) -> str:
    return f"{address:#x}"


def _sum(start: int, brk: int, want: int, above: Plain, limit: int | None) -> str:
    """The numbers that the tests compare, in pages above start_brk."""
    lines = [f"old break: page {_pages(page_align(brk) - start)} rounded up ({brk - start} bytes)"]
    lines.append(f"wanted:    page {_pages(page_align(want) - start)} rounded up ({want - start} bytes)")
    if above is not None:
        gap = ", its guard gap reaches down to page " + _pages(above["start"] - GUARD_GAP - start)
        where = f"page {_pages(above['start'] - start)}{gap if above['kind'] == 'stack' else ''}"
        lines.append(f"{above['kind'] + ':':<10} {where}")
    if limit is not None:
        lines.append(f"limit:     {limit} bytes")
    return "\n".join(lines)


def _pages(count: int) -> str:
    return str(count // PAGE)


SET = (SixCalls(), StepsOfAGrowth(), BrkAnswer())
