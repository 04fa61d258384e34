"""The model of an exercise: who asks, what is asked, what it is worth. All of it is pure.

The learner's code turns the calls of `cases` into answers, as plain data and wherever it may run;
`judge` decides outside. So one exercise serves `check()` in a notebook (public cases) and the
grader (hidden ones, from a seed nobody knows) without a change.
"""

import math
import random
import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from .plain import NotPlain, Plain, blank, plain, same, told

KINDS = (
    "predict",
    "order",
    "perform",
    "implement",
    "counter-example",
    "repair",
    "assertions",
    "find-wrong-claim",
    "review",
)
PUBLIC, HIDDEN = "public", "hidden"
HINTS = ("where to look", "which idea", "nearly the line")
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight")


@dataclass(frozen=True)
class Case:
    """One question to the learner's object.

    `group` says what the case is about; it is all that feedback says of a hidden case. `args` are
    the arguments of the call, plain data; None asks for the value of the object itself. `part`
    tells the judge which part of a value is meant.
    """

    key: str
    category: str
    group: str
    args: list[Plain] | None
    part: Plain = None

    def call(self, name: str) -> dict[str, Plain]:
        """What the learner's process is told: the name and the arguments, nothing else."""
        return {"name": name, "args": self.args}


@dataclass(frozen=True)
class Answer:
    """What came back for a case: plain data, or a problem (missing, raised, no plain data, no time)."""

    value: Plain = None
    problem: str = ""

    @classmethod
    def of(cls, data: object) -> "Answer":
        """From data that came from elsewhere: {"value": ...} or {"problem": text}; anything else is a problem."""
        try:
            clean = plain(data)
        except (NotPlain, RecursionError):
            return cls(problem="no readable answer")
        if type(clean) is dict and len(clean) == 1:
            if "value" in clean:
                return cls(clean["value"])
            if type(clean.get("problem")) is str and clean["problem"]:
                return cls(problem=clean["problem"])
        return cls(problem="no readable answer")


@dataclass(frozen=True)
class Verdict:
    """What a judge says of one answer: the share of the case, from 0 to 1, and why.

    `shape` is true when the answer has the wrong form, so that nothing else was looked at;
    `expected` and `got` are texts to show, `difference` a few lines that compare them.
    """

    share: float
    message: str = ""
    expected: str = ""
    got: str = ""
    difference: str = ""
    shape: bool = False

    @property
    def right(self) -> bool:
        """True for the full share."""
        return self.share == 1


RIGHT = Verdict(1, "right")


def wrong_shape(what: str, got: Plain = None) -> Verdict:
    """An answer of the wrong form: `what` says which form was expected."""
    return Verdict(0, what, got=told(got), shape=True)


@dataclass(frozen=True)
class Mark:
    """The mark of an exercise: points, message and detail, always together.

    >>> Mark.of(4, 0.5, "half", ("examples: right", "edges: wrong")).points
    2.0
    >>> Mark.of(4, float("nan"), "?").points
    0.0
    """

    points: float
    full: int
    message: str
    detail: tuple[str, ...] = ()

    @classmethod
    def of(cls, full: int, share: object, message: str, detail: Iterable[str] = ()) -> "Mark":
        """The mark of a share of the full points; a share that is none earns nothing and says so."""
        if not is_share(share):
            return cls(
                0.0, full, f"no mark: a share of {share!r} is none; this is a fault of the course", tuple(detail)
            )
        points = round(full * float(share), 2)  # type: ignore[arg-type]
        if share != 1:
            points = min(points, full - 0.01)
        return cls(max(0.0, points), full, message, tuple(detail))


def is_share(share: object) -> bool:
    """A number from 0 to 1; neither a bool nor NaN is one."""
    return type(share) in (int, float) and math.isfinite(share) and 0 <= share <= 1  # type: ignore[arg-type]


def folded(name: str) -> str:
    """A name without what people write in different ways.

    >>> folded("Ada Lovelace") == folded("ada_lovelace")
    True
    """
    return "".join(sign for sign in unicodedata.normalize("NFC", name).casefold() if sign.isalnum())


class Exercise(ABC):
    """One exercise: what it says of itself, its cases, and how an answer is judged.

    A set (`c02.py` ...) holds one class an exercise, so that all of it stands in one place. The
    methods are pure: no files, no state, no chance but the generator they are given.
    """

    id: ClassVar[str]
    name: ClassVar[str]
    kind: ClassVar[str]
    title: ClassVar[str]
    goal: ClassVar[str]
    points: ClassVar[int]
    minutes: ClassVar[int]
    difficulty: ClassVar[int]
    misconception: ClassVar[str]
    hints: ClassVar[tuple[str, str, str]]
    seconds: ClassVar[float] = 10.0
    """How long the learner's code may take for all cases together."""
    literal: ClassVar[bool] = False
    """For marks the value is read from the notebook and must be written out there: no code runs at all."""
    library: ClassVar[bool] = False
    """May the learner's code import mmsim when it runs for marks?"""
    driver: ClassVar[str] = ""
    """`module:function` of the library that runs in the learner's process: it gets the learner's object
    and the arguments, and returns plain data. Without one the object itself is called."""

    @property
    def chapter(self) -> str:
        """The two digits of the notebook it belongs to."""
        return self.id[:2]

    @abstractmethod
    def cases(self, seed: int | str | None = None, learner: str = "") -> list[Case]:
        """The public cases, small ones first; with a seed the hidden ones of that seed behind them."""

    @abstractmethod
    def judge(self, case: Case, answer: Plain) -> Verdict:
        """The verdict on one answer that is plain data."""

    def task(self, learner: str = "") -> str:
        """The learner's own instance as text; "" for an exercise that is the same for all."""
        return ""

    def picture(self, case: Case, answer: Plain) -> str:
        """An SVG of what is wrong with an answer, or ""; asked for one failing public case, never for marks.

        What draws is imported in here, so that grading does not pay for it.
        """
        return ""

    def said(self, case: Case) -> str:
        """A case as the learner would type it."""
        if case.args is None:
            return self.name if case.part is None else f"{self.name}, {case.group}"
        return f"{self.name}({', '.join(told(arg, 200) for arg in case.args)})"

    def _chance(self, what: str, seed: object) -> random.Random:
        """A generator of this exercise for a seed, the same on every machine and in every process.

        The seed of an instance is the learner's name: in all spellings the same, so that nobody can choose.
        """
        if what not in ("hidden", "examples"):
            seed = folded(str(seed)) or seed
        return random.Random(f"mmsim/{self.id}/{what}/{seed}")


class Function(Exercise):
    """The learner writes a function; the library knows what it should return."""

    kind = "implement"

    @abstractmethod
    def examples(self) -> Iterable[Sequence[Plain]]:
        """The arguments of the public calls, small ones first."""

    @abstractmethod
    def hidden(self, chance: random.Random) -> Iterable[tuple[str, Sequence[Plain]]]:
        """(group, arguments) of the calls that only marks use."""

    @abstractmethod
    def expected(self, *args: Plain) -> Plain:
        """What the library says to these arguments."""

    def cases(self, seed: int | str | None = None, learner: str = "") -> list[Case]:
        """See Exercise."""
        found = [Case(f"example {n}", PUBLIC, "examples", list(args)) for n, args in enumerate(self.examples(), 1)]
        if seed is not None:
            calls = self.hidden(self._chance("hidden", seed))
            found += [Case(f"hidden {n}", HIDDEN, group, list(args)) for n, (group, args) in enumerate(calls, 1)]
        return found

    def judge(self, case: Case, answer: Plain) -> Verdict:
        """Equal to what the library says, type by type; a subclass may look at shape and properties first."""
        expected = plain(self.expected(*plain(case.args)))
        if same(expected, answer):
            return RIGHT
        if type(answer) is not type(expected) and answer is not None and expected is not None:
            return Verdict(0, _other_type(expected, answer), told(expected), told(answer), shape=True)
        return Verdict(0, "the value is another one", told(expected), told(answer), self.difference(expected, answer))

    def difference(self, expected: Plain, got: Plain) -> str:
        """A few lines that compare the two, where that helps."""
        return ""


class Value(Exercise):
    """The learner writes a value; it is judged part by part, and some parts only for marks."""

    literal = True
    shown: ClassVar[int]
    """How many of the parts, from the first, are public."""

    @abstractmethod
    def parts(self, learner: str = "") -> list[tuple[str, Plain]]:
        """(name, what the judge needs to know) of each part, for this learner."""

    def cases(self, seed: int | str | None = None, learner: str = "") -> list[Case]:
        """See Exercise; a value is the same for every seed."""
        found = [
            Case(name, PUBLIC if n < self.shown else HIDDEN, name, None, part)
            for n, (name, part) in enumerate(self.parts(learner))
        ]
        return found if seed is not None else found[: self.shown]


class Predict(Value):
    """A dict of predictions, one a part; a part is its key and the right value."""

    kind = "predict"

    @abstractmethod
    def answers(self, learner: str = "") -> dict[str, Plain]:
        """The right dict for this learner, computed by the library."""

    def parts(self, learner: str = "") -> list[tuple[str, Plain]]:
        """See Value."""
        return [(f"part {key}", [key, plain(value)]) for key, value in self.answers(learner).items()]

    def judge(self, case: Case, answer: Plain) -> Verdict:
        """One key of the dict against the right value."""
        key, expected = case.part
        if type(answer) is not dict or key not in answer:
            return wrong_shape(f"expected a dict with the key {key!r}", answer)
        got = answer[key]
        if same(got, expected):
            return RIGHT
        if got is None:
            return Verdict(0, "nothing is filled in here yet", got="None")
        if type(got) is not type(expected):
            return Verdict(0, _other_type(expected, got), got=told(got), shape=True)
        return self.explain(key, expected, got)

    def explain(self, key: str, expected: Plain, got: Plain) -> Verdict:
        """What is said to a wrong value; the right one is not given away, as marks depend on it."""
        return Verdict(0, "not what the library computes", got=told(got))


class Order(Value):
    """Letters of lines in the right order; lines that do not belong there are left out.

    `lines` are letter -> text, `after` says which lines a line needs before it (its dependencies);
    a letter without an entry there is a false line. The parts are the longest right prefix, in two halves.
    """

    kind = "order"
    lines: ClassVar[Mapping[str, str]]
    after: ClassVar[Mapping[str, str]]
    why: ClassVar[Mapping[str, str]] = {}
    """What is said of a letter where it does not fit, for those where that helps."""
    shown = 1

    def parts(self, learner: str = "") -> list[tuple[str, Plain]]:
        """See Value."""
        return [("the first half", "first"), ("the whole order", "all")]

    def judge(self, case: Case, answer: Plain) -> Verdict:
        """The share of the longest right prefix; the first half is enough for the first part."""
        if type(answer) is not str or not answer or not set(answer) <= set(self.lines):
            return wrong_shape(f"expected a text of letters from {''.join(self.lines)}, such as 'CAB'", answer)
        full = len(self.after)
        wanted = full // 2 if case.part == "first" else full
        good = self._prefix(answer)
        if good >= wanted and (case.part == "first" or len(answer) == full):
            return RIGHT
        share = round(min(good, wanted, full - 1) / wanted, 4) if case.part == "all" else 0
        if good == len(answer):
            return Verdict(share, f"right so far, but {answer!r} does not reach the end", got=answer)
        said = f"{answer[good]!r} ({self.lines[answer[good]]}) cannot come " + ("first" if not good else "here")
        idea = "once is enough" if answer[good] in answer[:good] else self.why.get(answer[good], "")
        said += f": {idea}" if idea else ""
        return Verdict(
            share, said, got=answer, difference=f"{answer}\n{' ' * good}^ the first letter that does not fit"
        )

    def _prefix(self, answer: str) -> int:
        for n, letter in enumerate(answer):
            done = answer[:n]
            if letter in done or letter not in self.after or not set(self.after[letter]) <= set(done):
                return n
        return len(answer)


class NotAState(Exception):
    """What cannot be read as a state; the message says what is wrong with it, and what was expected."""


class Perform(Value):
    """The learner performs an algorithm: a list of states, one after each step.

    A part is [number, step, right state before, right state after]. A step counts when it gives the right
    state, or what the step makes of the learner's own state before it: a slip costs its own step only. An
    own state too far from the right one carries nothing on (`nearly`).
    """

    kind = "perform"
    states: ClassVar[int]
    """How many steps there are."""
    form: ClassVar[type] = str
    """What the learner writes for a state: a text or a list."""
    noun: ClassVar[str] = "state"
    """What feedback calls a state."""

    @abstractmethod
    def steps(self, learner: str = "") -> list[tuple[Plain, Plain, Plain]]:
        """(step, state before, state after) of each step, from the library's own run."""

    @abstractmethod
    def read(self, written: Plain) -> Plain:
        """The state that a learner wrote, in the form of `steps`; NotAState says why it is none."""

    @abstractmethod
    def write(self, state: Plain) -> str:
        """A state as a learner would write it."""

    @abstractmethod
    def carried(self, own: Plain, part: Plain) -> Plain:
        """What the step of a part makes of another state before it; None if no such state can be."""

    @abstractmethod
    def nearly(self, own: Plain, before: Plain) -> bool:
        """True if an own state is near enough to the right one for the next step to be judged from it."""

    def wrong(self, part: Plain, mine: Plain) -> Verdict:
        """What is said to a state that neither is right nor follows."""
        number, step, _, after = part
        said = f"step {number}: another state after {told(step)}"
        return Verdict(0, said, self.write(after), self.write(mine))

    def parts(self, learner: str = "") -> list[tuple[str, Plain]]:
        """See Value."""
        return [(f"step {n}", [n, *map(plain, step)]) for n, step in enumerate(self.steps(learner), 1)]

    def judge(self, case: Case, answer: Plain) -> Verdict:
        """Right if it is the library's state, or follows from an own one before it with a slip in it."""
        number, _, _, after = case.part
        if type(answer) is not list or not all(one is None or type(one) is self.form for one in answer):
            word = "texts" if self.form is str else "lists"
            return wrong_shape(f"expected a list of {_NUMBERS[self.states]} {word}, one a step", answer)
        if len(answer) < number or answer[number - 1] is None:
            return Verdict(0, f"step {number}: nothing is filled in here yet")
        try:
            mine = self.read(answer[number - 1])
        except NotAState as error:
            return wrong_shape(f"step {number}: {error}", answer[number - 1])
        if same(plain(mine), after):
            return RIGHT
        if number > 1 and self._follows(answer[number - 2], case.part, mine):
            return Verdict(1, f"step {number}: right from your own {self.noun} on")
        return self.wrong(case.part, mine)

    def _follows(self, written: Plain, part: Plain, mine: Plain) -> bool:
        try:
            own = self.read(written)
        except NotAState:
            return False
        before = part[2]
        if same(plain(own), before) or not self.nearly(own, before):
            return False
        carried = self.carried(own, part)
        return carried is not None and same(plain(carried), plain(mine))


def grade(exercise: Exercise, cases: Sequence[Case], answers: Mapping[str, Answer]) -> Mark:
    """The mark of all answers, by case key; a case without an answer, or a judge that fails, earns nothing.

    The groups count alike, and a group is worth what its worst case is: a function that always
    returns 0 earns nothing by chance. Of hidden cases only the group is told.
    """
    missing = Answer(problem="no answer came")
    got = {case.key: answers.get(case.key, missing) for case in cases}
    if not cases:
        return Mark.of(exercise.points, 0, "no cases: nothing to judge")
    if not_tried(got.values()):
        return Mark.of(exercise.points, 0, f"not tried yet: `{exercise.name}` holds or returns nothing")
    groups: dict[str, list[tuple[Case, Verdict]]] = {}
    for case in cases:
        groups.setdefault(case.group, []).append((case, verdict(exercise, case, got[case.key])))
    shares = [min(found.share for _, found in judged) for judged in groups.values()]
    detail = tuple(_group_line(name, judged) for name, judged in groups.items())
    right = sum(share == 1 for share in shares)
    problems = {answer.problem for answer in got.values()} - {""}
    message = f"{right} of {len(shares)} groups of cases right"
    if len(problems) == 1 and all(answer.problem for answer in got.values()):
        message = f"no answer: {problems.pop()}"
    return Mark.of(exercise.points, sum(shares) / len(shares), message, detail)


def not_tried(answers: Iterable[Answer]) -> bool:
    """Are all answers there, and empty? So it is in an untouched stub."""
    return all(not answer.problem and blank(answer.value) for answer in answers)


def verdict(exercise: Exercise, case: Case, answer: Answer) -> Verdict:
    """The judge's word on one answer, zero for a problem and for a judge that fails or says nonsense."""
    if answer.problem:
        return Verdict(0, answer.problem, shape=True)
    try:
        found = exercise.judge(case, answer.value)
    except Exception as error:
        return Verdict(0, f"could not be judged ({type(error).__name__})", got=told(answer.value))
    if type(found) is not Verdict or not is_share(found.share):
        return Verdict(0, "could not be judged (no share of 0 to 1)", got=told(answer.value))
    return found


def faults(exercise: Exercise, beliefs: Iterable[str]) -> Iterator[str]:
    """What an author forgot, one line each."""
    if not re.fullmatch(r"\d\d\.e\d+", exercise.id):
        yield "id: expected one like '02.e1'"
    if not exercise.name.isidentifier():
        yield f"name: {exercise.name!r} is no Python name"
    if exercise.kind not in KINDS:
        yield f"kind: {exercise.kind!r}, expected one of {', '.join(KINDS)}"
    for field, limits in (("points", range(1, 21)), ("minutes", range(1, 31)), ("difficulty", range(1, 4))):
        if getattr(exercise, field) not in limits:
            yield f"{field}: {getattr(exercise, field)!r}, expected {limits.start} to {limits.stop - 1}"
    if exercise.driver and not exercise.library:
        yield "driver: it is part of the library, expected library = True"
    if len(exercise.hints) != len(HINTS) or not all(len(hint.split()) >= 4 for hint in exercise.hints):
        yield "hints: expected three, of four words or more"
    if len(set(exercise.hints)) != len(exercise.hints):
        yield "hints: two are the same"
    if exercise.misconception not in beliefs:
        yield f"misconception: no {exercise.misconception!r} in misconceptions.toml"
    if not exercise.goal.strip() or not exercise.title.strip():
        yield "goal and title: expected texts"


def _group_line(name: str, judged: list[tuple[Case, Verdict]]) -> str:
    right = sum(found.right for _, found in judged)
    line = f"{name}: {right} of {len(judged)}" if len(judged) > 1 else f"{name}: {'right' if right else 'not right'}"
    for case, found in judged:
        if not found.right and case.category == PUBLIC:
            where = "" if case.key == name else f"{case.key}: "
            return f"{line}; {where}{found.message}"
    if any(0 < found.share < 1 for _, found in judged):
        return f"{line}, in part"
    return line


def _other_type(expected: Plain, got: Plain) -> str:
    return f"expected {_kind(expected)}, got {_kind(got)}"


def _kind(value: Plain) -> str:
    return {
        "NoneType": "None",
        "bool": "True or False",
        "int": "a whole number",
        "float": "a number with a point",
        "str": "a text",
        "list": "a list",
        "dict": "a dict",
    }[type(value).__name__]
