"""Exercises of chapter 19, what the review missed: show a cause, shrink a script, tell findings from causes."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from itertools import combinations
from typing import ClassVar, NamedTuple

from mmsim.explore.known import Known, known, mended

from .claims import Subsets
from .model import RIGHT, Case, Function, Plain, Verdict, wrong_shape
from .plain import told
from .scripts import CounterExample, Run, compared, run

SOUND = ("I0", "I1", "I2", "I3", "I4")
"""The invariants that say tree, list and VMAs fit together."""


class Cause(NamedTuple):
    """A known finding as a task: what a script has to break and to leave whole, the cause in words, a question."""

    breaks: tuple[str, ...]
    spares: tuple[str, ...]
    words: str
    ask: str


class ShowTheCause(CounterExample):
    """A script that shows a given cause, and not another one that breaks the same rule.

    Judged by the cause: what is broken in v4 is whole in v4 with the repair of that cause (mmsim.explore.known).
    """

    id = "19.e1"
    name = "my_script"
    title = "From the cause to the script"
    goal = "Write the shortest script that supports a comment on a line that nobody asked about."
    points, minutes, difficulty, misconception = 6, 12, 3, "M21"
    hints = (
        "Read brk() and do_brk_munmap() in v4.py. Which VMA do they hold, and what do they take for granted of it?",
        "Two calls prepare, the last one decides: a break to come from, and one change at the edge of the heap.",
        "Begin with a brk() to the page above yours or two. Then replace, unmap or lengthen what lies between the two "
        "breaks: munmap, mmap_file over them, mmap right behind them. For a growth, something that begins below the "
        "break and ends above it.",
    )
    good, bad, most = "before", "v4", 6
    calls = ("brk", "touch", "mmap", "mmap_file", "munmap", "mprotect")
    causes: ClassVar[Mapping[str, Cause]] = {
        "cut-counts-a-hole": Cause(
            ("I5",),
            SOUND,
            "do_brk_munmap() takes every page between the two breaks off the total, mapped or not. Break I5, and leave "
            "tree and list whole (I0 to I4).",
            "which page between the two breaks could be missing already, and does the heap still reach the old break?",
        ),
        "cut-leaves-file-tree": Cause(
            ("I12",),
            SOUND,
            "do_brk_munmap() moves the end of whatever lies at the new break. What it is filed under for a file keeps "
            "the old end. Break I12, and leave tree and list whole (I0 to I4).",
            "what lies at the new break, does it begin below it, and is it a file's?",
        ),
        "cut-loses-the-neighbour": Cause(
            ("I1", "I5"),
            ("I0", "I2", "I4"),
            "do_brk_munmap() sets the end of a VMA to the new break, and never asks whether it ended at the old one. "
            "Break I1 and I5, and leave the list whole (I2 and I4).",
            "what would have to lie right above the heap, so that one VMA reaches over the old break?",
        ),
        "growth-over-a-mapping": Cause(
            ("I1", "I3"),
            ("I0", "I4"),
            "brk() looks for what is in the way from the new break on, no longer from the old one. Break I1 and I3 by "
            "a growth that the code before refuses, and leave I0 and I4 whole.",
            "where does a mapping begin that a look from the new break on does not meet?",
        ),
    }

    def __init__(self, cause: str = "", page: int = 0) -> None:
        self.cause, self.page = cause, page

    def instance(self, learner: str = "") -> tuple[str, int]:
        """The cause, and the page to which the last call moves the break."""
        chance = self._chance("instance", learner)
        return chance.choice(tuple(self.causes)), chance.randrange(3, 9)

    def task(self, learner: str = "") -> str:
        """See Exercise."""
        cause, page = self.instance(learner)
        words = self.causes[cause].words
        return f'Your cause: {words}\n\nThe last call of your script is ("brk", {page}), and that is where it shows.'

    def parts(self, learner: str = "") -> list[tuple[str, Plain]]:
        """See Value; each part knows the cause and the page."""
        return [(name, [part, *self.instance(learner)]) for name, part in super().parts(learner)]

    def judge(self, case: Case, answer: Plain) -> Verdict:
        """See CounterExample, with the cause of this case."""
        part, cause, page = case.part
        return CounterExample.judge(type(self)(cause, page), replace(case, part=part), answer)

    def unfit(self, script: Sequence[Sequence[Plain]], right: Run) -> str:
        """See CounterExample: the last call is given, and the program's data below the heap is left alone."""
        if script[-1] != ["brk", self.page]:
            return f"the last call has to be brk({self.page})"
        below = next((call for call in script if call[0] != "brk" and call[1] < 0), None)
        if below:
            return f"{below[0]} at page {below[1]}: what lies below the heap is not for this script"
        return ""

    def breach(self, run: Run, right: Run) -> str:
        """See CounterExample: all is broken that shall be, no more of tree and list than that, and by this cause."""
        wanted, spared, *_ = self.causes[self.cause]
        if run.generation == self.good:
            return " ".join(run.broken)
        broken = set(run.last.broken)
        return " ".join(wanted) if set(wanted) <= broken and not broken & set(spared) else ""

    def holds(self, bad: Run, right: Run) -> str:
        """See CounterExample."""
        wanted, spared, _, ask = self.causes[self.cause]
        broken = bad.last.broken
        if lacking := [each for each in wanted if each not in broken]:
            return f"{' '.join(lacking)} not broken, v4 breaks {' '.join(broken) or 'nothing'}: {ask}"
        over = [each for each in spared if each in broken]
        return f"{' '.join(over)} broken as well: that is another cause, or one more"

    def _broken(self, script: Sequence[Sequence[Plain]], world: str) -> Verdict:
        """See CounterExample; then the repair of the cause has to take away what is broken."""
        found = super()._broken(script, world)
        if not found.right:
            return found
        wanted, *_ = self.causes[self.cause]
        with mended(_by_id()[self.cause], generation=self.bad) as name:
            still = set(wanted) & set(run(script, name, world).last.broken)
        if not still:
            return RIGHT
        said = f"{' '.join(wanted)} broken, but by another cause: with yours repaired it still is"
        return Verdict(0, said, difference=compared(run(script, self.good, world), run(script, self.bad, world)))


class Shrink(Function):
    """Leave calls out of a script, for as long as it still shows the difference."""

    id = "19.e2"
    name = "shrink"
    title = "Leave out what does not matter"
    goal = "Shrink a script until no call and no two calls can be left out."
    points, minutes, difficulty, misconception = 6, 14, 3, "M20"
    hints = (
        "Section 8 of notebook 19: leave one out, ask again, put it back if the difference is gone.",
        "What could not go in the first round may go in the second. And two calls may have to go together.",
        "for gone in [*singles, *pairs]: try without these places;\nif it still shows: begin again with what is left;\n"
        "stop when a whole round found nothing (itertools.combinations gives the pairs)",
    )
    words = ("brk up", "brk down", "touch", "mprotect", "mmap", "munmap", "mlock", "munlock", "fork", "exit")

    def examples(self) -> Iterator[list[Plain]]:
        """See Function."""
        plain: Plain = {"order": ["brk up", "brk down"], "after": {}, "together": []}
        yield [["brk up", "touch", "brk down"], plain]
        yield [["touch", "brk up", "mprotect", "brk down", "brk down"], plain]
        yield [["brk up", "mmap", "munmap", "brk down"], {**plain, "after": {"munmap": "mmap"}}]
        yield [["brk up", "mlock", "touch", "munlock", "brk down"], {**plain, "together": [["mlock", "munlock"]]}]
        needs: Plain = {"order": ["brk up", "munmap", "brk down"], "after": {"munmap": "mmap"}, "together": []}
        yield [["mmap", "brk up", "mmap", "touch", "munmap", "brk down"], needs]

    def hidden(self, chance: random.Random) -> Iterator[tuple[str, list[Plain]]]:
        """See Function. In each case some call of the difference needs another one, which so has to stay."""
        for _ in range(5):
            yield "what is needed stays", self._drawn(chance, "munmap", {"munmap": "mmap"}, [], 3)
            yield "a second round", self._drawn(chance, "munmap", {"munmap": "mmap", "exit": "fork"}, [], 5)
            yield "two at a time", self._drawn(chance, "mlock", {}, [["mlock", "munlock"], ["fork", "exit"]], 4)
            yield (
                "all of it",
                self._drawn(chance, "exit", {"munmap": "mmap", "exit": "fork"}, [["mlock", "munlock"]], 6),
            )

    def _drawn(
        self, chance: random.Random, middle: str, after: dict[str, str], together: list[list[str]], more: int
    ) -> list[Plain]:
        """A script that shows the difference, with so many calls too many; of four or more one round leaves some."""
        rule: Plain = {"order": ["brk up", middle, "brk down"], "after": after, "together": together}
        partner = {**after, **dict(together)}[middle]
        while True:
            script = [partner, "brk up", middle, "brk down"]
            for _ in range(more):
                script.insert(chance.randrange(len(script) + 1), chance.choice(self.words))
            if not shows(script, rule):
                continue
            first = _once(script, rule)
            if more < 4 or len(_shortened(first, rule, 2 if together else 1)) < len(first):
                return [script, rule]

    def expected(self, *args: Plain) -> Plain:
        """See Function: one script of those that are right."""
        return _shortened(*args, 2)

    def judge(self, case: Case, answer: Plain) -> Verdict:
        """Shape; calls of the script in their order; still shown; nothing to be left out."""
        script, rule = case.args
        if type(answer) is not list or not all(type(call) is str for call in answer):
            return wrong_shape("expected a list of texts, the calls that are left", answer)
        if len(answer) > len(script) or not _within(answer, script):
            return Verdict(0, "these are not calls of the script, in their order", got=told(answer))
        expected = told(self.expected(script, rule))
        if not shows(answer, rule):
            said = "the script that is left does not show the difference any more"
            return Verdict(0, said, expected, told(answer))
        for size, words in ((1, "one more call can be left out"), (2, "two calls can be left out together")):
            if size < len(answer) and (rest := next(_still(answer, rule, size), None)) is not None:
                return Verdict(0, f"{words}: {told(rest)} shows it, too", expected, told(answer))
        return RIGHT

    def said(self, case: Case) -> str:
        """See Exercise."""
        script, rule = case.args
        return f"shrink({told(script)}, {told(rule)})"


def shows(script: Sequence[str], rule: Mapping[str, Plain]) -> bool:
    """The predicate of the second exercise, as it stands in the learner's cell.

    >>> rule = {"order": ["a", "b"], "after": {"d": "c"}, "together": [["e", "f"]]}
    >>> [shows(list(text), rule) for text in ("ab", "ba", "acdb", "adcb", "aeb", "afeb")]
    [True, False, True, False, False, True]
    """
    for at, call in enumerate(script):
        if call in rule["after"] and rule["after"][call] not in script[:at]:
            return False
    if any(script.count(one) != script.count(two) for one, two in rule["together"]):
        return False
    rest = iter(script)
    return all(call in rest for call in rule["order"])


def _still(script: list[str], rule: Plain, size: int) -> Iterator[list[str]]:
    """The scripts with so many calls less that still show it."""
    for gone in combinations(range(len(script)), size):
        rest = [call for at, call in enumerate(script) if at not in gone]
        if shows(rest, rule):
            yield rest


def _shortened(script: list[str], rule: Plain, most: int) -> list[str]:
    """Leave out up to `most` calls at a time until nothing can go."""
    while True:
        found = (rest for size in range(1, most + 1) for rest in _still(script, rule, size))
        shorter = next(found, None)
        if shorter is None:
            return script
        script = shorter


def _once(script: list[str], rule: Plain) -> list[str]:
    """One round from the left only, as a first try does it."""
    at = 0
    while at < len(script):
        rest = script[:at] + script[at + 1 :]
        script, at = (rest, at) if shows(rest, rule) else (script, at + 1)
    return script


def _within(part: list[str], whole: list[str]) -> bool:
    rest = iter(whole)
    return all(call in rest for call in part)


class Repair(NamedTuple):
    """A change of v4 as a task: in words, and the known findings whose repairs it is made of."""

    words: str
    causes: tuple[str, ...]


class Finding(NamedTuple):
    """A script with places for pages, and what keeps it when a repair is made."""

    calls: tuple[tuple[Plain, ...], ...]
    behind: str


class GoneWithIt(Subsets):
    """Which of six findings four repairs of v4 take away, each by itself."""

    id = "19.e3"
    name = "my_gone"
    title = "Six findings, four repairs"
    goal = "Tell a finding from a cause: which findings are gone with which repair?"
    points, minutes, difficulty, misconception = 6, 10, 2, "M22"
    hints = (
        "Section 6 of notebook 19: a finding is gone when the code comes to the same as the code before the patch.",
        "For each script ask which VMA lies at the new break, where it begins, and where it ends. Then read the test.",
        "Where the VMA at the new break does not end at the old one, one test settles it, whatever lies above. A plain "
        "shrink breaks I6 and I8 for one reason, and I19 for another.",
    )
    shown = 2
    choices = ("s1", "s2", "s3", "s4", "s5", "s6")
    repairs: ClassVar[Mapping[str, Repair]] = {
        "whole": Repair(
            "do_brk_munmap() leaves all to do_munmap() where the VMA at the new break does not end at the old one",
            ("cut-forgets-other-vmas",),
        ),
        "file": Repair(
            "do_brk_munmap() leaves all to do_munmap() where the VMA at the new break has a file",
            ("cut-leaves-file-tree",),
        ),
        "flags": Repair("the VMA that stands for the part cut off gets its flags", ("cut-without-flags",)),
        "plain": Repair(
            "the VMA that stands for the part cut off gets its flags, and the peak is noted before the cut",
            ("cut-without-flags", "cut-forgets-the-peak"),
        ),
        "lower": Repair(
            "brk() cuts only where the new break is lower than the old one", ("growth-taken-for-a-shrink",)
        ),
        "ends": Repair("a growth is refused where the VMA below ends above the old break", ("growth-over-a-mapping",)),
    }
    findings: ClassVar[Mapping[str, Finding]] = {
        "plain": Finding(
            (("brk", "hi"), ("brk", "lo")), "it is a plain shrink: flags of the part cut off, and the peak"
        ),
        "right": Finding(
            (("brk", "hi"), ("mprotect", "top", 1, "r--"), ("brk", "lo")), "what lies at the new break ends too low"
        ),
        "hole": Finding(
            (("brk", "hi"), ("munmap", "top", 1), ("brk", "lo")), "what lies at the new break ends below a hole"
        ),
        "neighbour": Finding(
            (("brk", "hi"), ("mmap", "hi", 2, "rw-"), ("brk", "lo")), "what lies at the new break ends too high"
        ),
        "file": Finding(
            (("brk", "hi"), ("mmap_file", 0, "hi", "r--p", 0), ("brk", "lo")), "what is cut is all of it a file's"
        ),
        "ahead": Finding(
            (("brk", "lo"), ("mmap", "lo", 4, "rw-"), ("brk", "next")),
            "the break goes up into what was joined to the heap",
        ),
        "over": Finding(
            (("brk", "lo"), ("mmap", "under", 2, "r--"), ("brk", "hi")),
            "a growth meets what begins below the old break and ends above it",
        ),
    }

    def instance(self, learner: str = "") -> tuple[list[str], list[tuple[str, list[list[Plain]]]]]:
        """Names of four repairs, and six findings: name and calls."""
        chance = self._chance("instance", learner)
        repairs = ["whole", *chance.sample(("file", "lower", "ends"), 2), chance.choice(("flags", "plain"))]
        names = chance.sample(tuple(self.findings), 6)
        chance.shuffle(repairs)
        return repairs, [(name, self._calls(name, chance)) for name in names]

    def _calls(self, name: str, chance: random.Random) -> list[list[Plain]]:
        low = chance.randrange(1, 4)
        high = low + chance.randrange(3, 5)
        pages = {"lo": low, "hi": high, "top": high - 1, "next": low + 1, "under": low - 1}
        return [
            [pages.get(word, word) if type(word) is str else word for word in call]
            for call in self.findings[name].calls
        ]

    def task(self, learner: str = "") -> str:
        """See Exercise."""
        repairs, scripts = self.instance(learner)
        lines = [f"s{number}: {_text(calls)}" for number, (_, calls) in enumerate(scripts, 1)]
        words = "\n\n".join(f"r{number}: {self.repairs[name].words}" for number, name in enumerate(repairs, 1))
        return (
            "The scripts, each in a new process:\n\n"
            + "\n".join(lines)
            + f"\n\nThe repairs, each by itself:\n\n{words}"
        )

    def answers(self, learner: str = "") -> dict[str, Plain]:
        """See Predict: the scripts that come to the same in the repaired v4 as in `before`, step by step."""
        repairs, scripts = self.instance(learner)
        found: dict[str, Plain] = {}
        for number, repair in enumerate(repairs, 1):
            with mended(*(_by_id()[each] for each in self.repairs[repair].causes), generation="v4") as name:
                gone = [_alike(run(calls, name), run(calls, "before")) for _, calls in scripts]
            found[f"r{number}"] = [choice for choice, alike in zip(self.choices, gone, strict=True) if alike]
        return found

    def missing(self, key: str, name: str, learner: str) -> str:
        """See Subsets: which test the finding meets, but not which finding."""
        return f"one more is gone: {self._behind(name, learner)}"

    def surplus(self, key: str, name: str, learner: str) -> str:
        """See Subsets."""
        return f"{name} is still there: {self._behind(name, learner)}"

    def _behind(self, name: str, learner: str) -> str:
        _, scripts = self.instance(learner)
        return self.findings[scripts[self.choices.index(name)][0]].behind


def _alike(one: Run, two: Run) -> bool:
    """Whether two runs answer, map, count and break the same."""
    return one.steps == two.steps


def _text(calls: Sequence[Sequence[Plain]]) -> str:
    return "; ".join(f"{call[0]}({', '.join(map(str, call[1:]))})" for call in calls)


@cache
def _by_id() -> dict[str, Known]:
    return {each.id: each for each in known()}


SET = (ShowTheCause(), Shrink(), GoneWithIt())
