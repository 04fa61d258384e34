"""The base of the exercises on assertions: a small one of our own, and what holds for every set that has some."""

import random
from collections.abc import Iterator
from itertools import pairwise
from typing import ClassVar

import pytest

from mmsim.course.exercises import chapter, chapters
from mmsim.course.exercises.assertions import ALARMS, Assertions, Odd, planted
from mmsim.course.exercises.model import PUBLIC, Answer, Plain, grade
from mmsim.course.exercises.plain import plain

SEED = "a secret of the grader"
ALL = [one for number in chapters() for one in chapter(number) if isinstance(one, Assertions)]


def numbers(chance: random.Random) -> Plain:
    return sorted(chance.sample(range(1000), 5))


def swapped(xs: Plain, chance: random.Random) -> str:
    n = chance.randrange(4)
    xs[n], xs[n + 1] = xs[n + 1], xs[n]
    return f"{xs[n]} stands before {xs[n + 1]}"


def doubled(xs: Plain, chance: random.Random) -> str:
    n = chance.randrange(4)
    xs[n] = xs[n + 1]
    return f"{xs[n]} is there twice"


class Sorted(Assertions):
    """Numbers that grow."""

    id, name, title, goal = "16.e9", "grows", "Toy", "Try the base."
    points, minutes, difficulty, misconception = 6, 1, 1, "M36"
    hints = ("look at the toy", "think of the toy itself", "write down the toy now")
    defects: ClassVar = {"order": planted(numbers, swapped), "twice": planted(numbers, doubled)}
    shown = ("order",)

    def odd(self, chance: random.Random) -> Iterator[Odd]:
        yield Odd([[chance.randrange(1 << 40)]], "one number grows, too")
        yield Odd([[]], "nothing is there that could be out of order")

    def sound(self, *args: Plain) -> bool:
        (xs,) = args
        return all(a < b for a, b in pairwise(xs))

    def lines(self, *args: Plain) -> list[str]:
        return [str(x) for x in args[0]]


def mark(grows: object) -> tuple[float, str]:
    one = Sorted()
    cases = one.cases(SEED)
    found = grade(one, cases, {case.key: Answer(plain(grows(*case.args))) for case in cases})  # type: ignore[operator]
    return found.points, "\n".join(found.detail)


def test_each_defect_is_a_group_and_so_are_the_false_alarms() -> None:
    groups = {case.group for case in Sorted().cases(SEED)}
    assert groups == {"examples", "order", "twice", ALARMS}


@pytest.mark.parametrize(
    ("grows", "points"),
    [
        (lambda xs: all(a < b for a, b in pairwise(xs)), 6),
        (lambda xs: xs == sorted(xs), 4.5),  # does not see what is there twice
        (lambda xs: len(xs) == len(set(xs)), 1.5),
        (lambda xs: len(xs) == 5 and xs == sorted(set(xs)), 3),  # a false alarm for short lists, a public one
        (lambda xs: True, 0),
        (lambda xs: False, 0),
        (lambda xs: 1, 0),
        (lambda xs: None, 0),
    ],
)
def test_marks_count_defects_and_constants_earn_nothing(grows: object, points: float) -> None:
    assert mark(grows)[0] == points


def test_feedback_names_the_defect_and_shows_its_twin() -> None:
    one = Sorted()
    sound, damaged, odd = one.cases()
    found = one.judge(damaged, True)
    assert found.message.startswith("a defect was not noticed: ")
    assert found.message.endswith(tuple("0123456789"))
    assert "* " in found.difference
    assert one.judge(odd, False).message == "a false alarm, nothing is damaged here: one number grows, too"
    assert one.judge(sound, False).message == "a false alarm, nothing is damaged here"
    assert one.judge(sound, None).shape
    assert "each way through" in one.judge(sound, None).message


@pytest.mark.parametrize("one", [Sorted(), *ALL], ids=lambda one: one.id)
@pytest.mark.parametrize("seed", range(3))
def test_what_was_planted_is_what_the_library_says(one: Assertions, seed: int) -> None:
    for case in one.cases(seed):
        assert one.sound(*case.args) is case.part[0], (case.key, case.part[1])
        assert case.part[0] or case.part[1], "a defect needs words"


@pytest.mark.parametrize("one", [Sorted(), *ALL], ids=lambda one: one.id)
def test_judges_meet_any_answer(one: Assertions) -> None:
    weird = [None, 0, 1, 1.0, "True", [], {}, [True], {"a": False}, -1, 10**300, "x" * 1000, [[[]]]]
    for case in one.cases():
        for answer in weird:
            found = one.judge(case, answer)
            assert found.share == 0
            assert found.shape


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.id)
def test_a_constant_leaves_each_group_unearned(one: Assertions) -> None:
    for constant in (True, False):
        cases = one.cases(SEED)
        assert grade(one, cases, {case.key: Answer(constant) for case in cases}).points == 0


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.id)
def test_of_each_public_defect_there_are_both_twins(one: Assertions) -> None:
    public = [case for case in one.cases() if case.category == PUBLIC]
    assert sum(not case.part[0] for case in public) == len(one.shown)
    assert sum(case.part[0] for case in public) > len(one.shown)
