"""The desk where a learner's exercise is looked at: task, check and hint, each a Card.

Feedback goes in one order: a wrong shape first, then the first failing small case (input, expected,
got, the difference), then the offer of a hint. Nothing here gives marks: those need hidden cases.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import CodeType, ModuleType
from typing import Any

from ..card import Block, Card, Drawing, Para, Table
from ..state import State
from . import Exercise, chapter, chapters, exercise
from .ask import NOT_THERE, reply
from .model import HINTS, Answer, Case, Verdict, not_tried, verdict

NBGRADER = "NBGRADER_EXECUTION"


@dataclass(frozen=True)
class CheckCard(Card):
    """The result of a check; `passed` of `of` public cases, and the share of the exercise's points for them.

    Under nbgrader, which reads a cell's last number as its points, the text form is that number.
    """

    passed: int = 0
    of: int = 0
    points: float = 0.0

    def __repr__(self) -> str:
        if os.environ.get(NBGRADER):
            return str(self.points)
        return Card.__repr__(self)


class Desk:
    """Checks and hints for the learner whose state this is."""

    def __init__(self, state: State) -> None:
        self.state = state

    def task(self, key: str, names: Mapping[str, Any]) -> Card:
        """Goal, points and minutes; the learner's own instance where there is one."""
        one = exercise(key)
        learner = learner_in(names)
        text = one.task(learner)
        whose = f"Made for {learner!r}." if learner else "Made for all who gave no name in the first cell."
        facts = Para(
            f"{one.goal} {_count(one.points, 'point')}, {one.minutes} minutes, difficulty {one.difficulty} of 3."
        )
        return Card(f"Exercise {one.id}: {one.title}", (facts, *([Para(whose)] if text else []), *_blocks(text)))

    def check(self, key: str, names: Mapping[str, Any]) -> CheckCard:
        """Run the public cases on the object of the exercise's name among `names`."""
        one = exercise(key)
        cases = one.cases(None, learner_in(names))
        thing = names.get(one.name, NOT_THERE)
        answers = [Answer.of(reply(thing, one.name, case.args, one.driver)) for case in cases]
        verdicts = [verdict(one, case, answer) for case, answer in zip(cases, answers, strict=True)]
        passed = sum(found.right for found in verdicts)
        points = round(one.points * sum(found.share for found in verdicts) / len(cases), 2)
        tried = not not_tried(answers)
        if tried and thing is not NOT_THERE:
            self.state.put("exercise", one.id, passed=passed, of=len(cases))
        label, blocks = self._result(one, list(zip(cases, answers, verdicts, strict=True)), tried)
        if tried and not (one.literal or one.library) and (used := library_used(thing)):
            blocks = (*blocks, Para(f"Your code uses `{used}` of mmsim. For marks it runs without that library."))
        return CheckCard(f"{one.id}: {label}", blocks, passed, len(cases), points if tried else 0.0)

    def hint(self, key: str) -> Card:
        """The hints shown so far and the next one."""
        one = exercise(key)
        record = self.state.get("hint", key)
        shown = min(len(HINTS), 1 + (int(str(record["shown"])) if record else 0))
        self.state.put("hint", key, shown=shown)
        blocks: list[Block] = []
        for number, (level, text) in enumerate(zip(HINTS[:shown], one.hints, strict=False), 1):
            blocks += [Para(f"Hint {number}, {level}", strong=number == shown), *_hint_blocks(number, text)]
        left = len(HINTS) - shown
        more = f"{left} more: run the cell again, after another try." if left else "That was the last one."
        return Card(f"{key}: hint {shown} of {len(HINTS)}", (*blocks, Para(more)))

    def map(self) -> tuple[Block, ...]:
        """The exercises by chapter, with those done and the next one."""
        stored = self.state.all()
        if not any(kind == "exercise" for kind, _ in stored):
            first = chapter(chapters()[0])[0].id
            return (Para(f"Exercises: none tried yet; the first is {first}, in the folder `exercises`."),)
        rows = []
        following = ""
        for number in chapters():
            ids = [one.id for one in chapter(number)]
            records = {key: stored.get(("exercise", key), {}) for key in ids}
            done = [key for key, found in records.items() if found and found["passed"] == found["of"]]
            left = [key for key in ids if key not in done]
            following = following or next(iter(left), "")
            rows.append((number, f"{len(done)} of {len(ids)}", left[0] if left else "-", " ".join(done) or "-"))
        table = Table("Exercises by chapter", ("chapter", "public checks passed", "next", "done"), tuple(rows))
        where = f"Next exercise: {following}, in the folder `exercises`."
        return (table, Para(where if following else "All exercises pass their public checks."))

    def _result(
        self, one: Exercise, judged: Sequence[tuple[Case, Answer, Verdict]], tried: bool
    ) -> tuple[str, tuple[Block, ...]]:
        if not tried:
            said = f"Fill in `{one.name}` in the cell above, run that cell, then this one."
            return "not tried yet", (Para(said), _offer(one, self._shown(one)))
        failing = [each for each in judged if not each[2].right]
        label = f"public checks passed: {len(judged) - len(failing)} of {len(judged)}"
        said = [found.message for _, _, found in judged if found.right]
        followed = [Para(message) for message in said if message not in ("", "right")]
        if not failing:
            return f"{label}; more cases are used for marks", tuple(followed)
        case, answer, found = next((each for each in failing if each[2].shape), failing[0])
        return label, (*followed, *_failure(one, case, answer, found), _offer(one, self._shown(one)))

    def _shown(self, one: Exercise) -> int:
        record = self.state.get("hint", one.id)
        return int(str(record["shown"])) if record else 0


def learner_in(names: Mapping[str, Any]) -> str:
    """The learner's name in a notebook, "" without one: it decides which instance is asked.

    >>> learner_in({"learner": " ada "}), learner_in({"learner": None})
    ('ada', '')
    """
    given = names.get("learner", "")
    return given.strip()[:100] if type(given) is str else ""


def library_used(thing: object) -> str:
    """A name of mmsim that a function uses, directly or as a global; "" if there is none to be seen.

    >>> library_used(lambda: exercise("02.e1"))
    'exercise'
    """
    code = getattr(thing, "__code__", None)
    if type(code) is not CodeType:
        return ""
    around = getattr(thing, "__globals__", {})
    for name in code.co_names:
        value = around.get(name)
        module = getattr(value, "__name__", "") if type(value) is ModuleType else getattr(value, "__module__", "")
        if name == "mmsim" or (type(module) is str and module.partition(".")[0] == "mmsim"):
            return name
    return ""


def _failure(one: Exercise, case: Case, answer: Answer, found: Verdict) -> list[Block]:
    first = "Not yet" if case.args is None else "The first case that fails"
    lead = "The form is not the one asked for" if found.shape else first
    blocks: list[Block] = [Para(f"{lead}: {found.message}{'' if found.message.endswith('?') else '.'}", strong=True)]
    rows = [("looked at" if case.args is None else "input", f"`{one.said(case)}`")]
    table = "\n" in found.difference
    drawn = "" if found.shape else picture(one, case, answer)
    if not table and not drawn:  # else both are shown below, side by side
        rows += _both(found)
    blocks.append(Table("What was asked and what came back", ("", ""), tuple(rows)))
    said = _blocks(found.difference)
    if drawn:
        form = found.difference if table else "\n".join(f"{name:<10}{text.strip('`')}" for name, text in _both(found))
        return [*blocks, *([] if table else said), Drawing(drawn, form)]
    return [*blocks, *(_listing(found.difference) if table else said)]


def picture(one: Exercise, case: Case, answer: Answer) -> str:
    """The exercise's picture of what is wrong with an answer; "" without one, and where drawing it fails."""
    if answer.problem:
        return ""
    try:
        return one.picture(case, answer.value)
    except Exception:  # a missing picture must not cost the learner the words
        return ""


def _both(found: Verdict) -> list[tuple[str, str]]:
    return [(name, f"`{text}`") for name, text in (("expected", found.expected), ("got", found.got)) if text]


def _offer(one: Exercise, shown: int) -> Para:
    left = len(HINTS) - shown
    which = "the first" if shown == 0 else "the next" if left else "all three once more"
    return Para(f'Stuck? `hint("{one.id}")` shows {which}{" of three hints" if left else ""}.')


def _hint_blocks(number: int, text: str) -> list[Block]:
    return _listing(text) if number == len(HINTS) and ("(" in text or ":" in text) and "\n" in text else [Para(text)]


def _listing(text: str) -> list[Block]:
    return [Para("\n".join(f"    {line}" for line in text.splitlines()))] if text else []


def _blocks(text: str) -> list[Block]:
    """Paragraphs of a task's text; one with a line break in it is shown as it stands."""
    parts = [part for part in text.split("\n\n") if part.strip()]
    return [block for part in parts for block in (_listing(part) if "\n" in part else [Para(part)])]


def _count(number: int, name: str) -> str:
    return f"{number} {name}{'' if number == 1 else 's'}"


__all__ = ["CheckCard", "Desk", "learner_in"]
