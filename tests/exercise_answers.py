"""What the tests of exercise sets share: marks of an answer or of a function, and plain data that no judge expects."""

import random
from collections.abc import Callable, Iterator

from mmsim.course.exercises import exercise
from mmsim.course.exercises.ask import reply
from mmsim.course.exercises.model import Answer, Case, Exercise, Mark, Plain, Verdict, grade, verdict
from mmsim.course.exercises.plain import NotPlain, plain
from tests.weird import value

SEED = "a secret of the grader"


def answer_of(one: Exercise, thing: object, case: Case) -> Answer:
    """What a value is, or a function says, in one case."""
    if one.literal:
        return Answer(plain(thing))
    return Answer.of(reply(thing, one.name, case.args, one.driver))


def mark_of(one: Exercise, thing: object, seed: int | str = SEED, learner: str = "") -> Mark:
    """The mark of a value or a function."""
    cases = one.cases(seed, learner)
    return grade(one, cases, {case.key: answer_of(one, thing, case) for case in cases})


def wrong_verdict(one: Exercise, thing: object) -> Verdict | None:
    """The verdict on the first public case that is not right, None if all are."""
    judged = (verdict(one, case, answer_of(one, thing, case)) for case in one.cases())
    return next((found for found in judged if not found.right), None)


def said_to(one: Exercise, thing: object) -> Verdict:
    """The same where one must be wrong."""
    found = wrong_verdict(one, thing)
    assert found is not None, f"{one.id}: all public cases are right"
    return found


def first_part(one: Exercise, mine: object, learner: str = "") -> Verdict:
    """The verdict on the first part of a value, hidden ones included, that is not right; else on the first."""
    found = [one.judge(case, plain(mine)) for case in one.cases(SEED, learner)]
    return next((each for each in found if not each.right), found[0])


def mark_of_value(key: str, value: object, learner: str = "") -> Mark:
    """The mark of a value that a notebook holds."""
    one = exercise(key)
    cases = one.cases(SEED, learner)
    return grade(one, cases, {case.key: Answer(plain(value)) for case in cases})


def mark_of_function(key: str, function: Callable[..., object], seed: str = SEED) -> Mark:
    """The mark of a function, called here, with copies of its arguments."""
    one = exercise(key)
    cases = one.cases(seed)
    return grade(one, cases, {case.key: Answer(plain(function(*plain(case.args)))) for case in cases})


def first_wrong(key: str, value: object, learner: str = "") -> Verdict:
    """The verdict on the first public case that a value, or a function's answer to it, gets wrong."""
    one = exercise(key)
    for case in one.cases(None, learner):
        given = plain(value(*plain(case.args)) if callable(value) else value)
        found = one.judge(case, given)
        if not found.right:
            return found
    raise AssertionError(f"{key}: {value!r} is right in all public cases")


WEIRD: tuple[Plain, ...] = (
    None, True, False, 0, -1, 1 << 4000, -(1 << 4000), 0.5, 1e300, "", "A", "x" * 100_000,
    "0-8 rw-" + " | 0-8 rw-" * 900,
    "999999-1000000 rw-", "0-1 rw-", "1" * 5000 + "-9 rw-", "|" * 50_000, [], {}, [[]], [None] * 6, ["0-4 rw-"] * 6,
    [["brk", 4]] * 6, [["brk", 10**30]], {"claim": "A", "evidence": None}, {"c1": [True, "0-1 rw-"]}, [0] * 90_000,
)  # fmt: skip


def hostile(key: str, seed: int = 0, rounds: int = 150) -> Iterator[tuple[Plain, Verdict]]:
    """(answer, verdict) of each case for weird answers; a judge that raises makes its test fail."""
    one, chance = exercise(key), random.Random(f"{key}/{seed}")
    cases = one.cases(SEED)
    for n in range(rounds):
        answer = WEIRD[n] if n < len(WEIRD) else value(chance, WEIRD)
        try:
            answer = plain(answer)
        except NotPlain:
            continue
        case = chance.choice(cases)
        found = one.judge(case, answer)
        assert found == verdict(one, case, Answer(answer))
        yield answer, found
