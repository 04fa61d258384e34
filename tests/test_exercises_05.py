"""Exercises of chapter 05: what typical wrong answers are told, and what they earn."""

import random
from collections.abc import Callable
from itertools import pairwise

import pytest

from mmsim.course.exercises import exercise, trees
from mmsim.course.exercises.c05 import NONE, Lowest, WhatASearchAnswers, _room
from mmsim.course.exercises.model import Answer, Exercise, Verdict, grade
from mmsim.course.exercises.plain import Plain, plain
from mmsim.maple import MapleState
from tests.exercise_answers import first_part, mark_of
from tests.weird import weird

SEED = "a secret of the grader"
LEARNERS = ("", "ada", "bob", "eve")


def points_of(one: Exercise, mine: object, learner: str = "") -> float:
    return mark_of(one, mine, learner=learner).points


# -- 05.e1


def right_gaps(learner: str = "") -> list[str]:
    one = exercise("05.e1")
    return [one.write(after) for _, _, after in one.steps(learner)]  # type: ignore[attr-defined]


@pytest.mark.parametrize("learner", LEARNERS)
def test_the_gaps_of_the_library_earn_all_and_the_fourth_store_changes_none(learner: str) -> None:
    one = exercise("05.e1")
    mine = right_gaps(learner)
    assert points_of(one, mine, learner) == one.points
    assert [a == b for a, b in pairwise(mine)] == [False, False, True, False, False]


@pytest.mark.parametrize("learner", LEARNERS)
def test_the_gaps_before_for_every_step_earn_nothing(learner: str) -> None:
    one = exercise("05.e1")
    before = one.write(one.steps(learner)[0][1])  # type: ignore[attr-defined]
    assert points_of(one, [before] * 6, learner) == 0


def test_the_sum_of_the_runs_is_told_from_the_longest() -> None:
    one = exercise("05.e1")
    for learner in LEARNERS:
        for n, (step, _, after) in enumerate(one.steps(learner)):  # type: ignore[attr-defined]
            for slot, runs in enumerate(step["runs"]):
                if len(runs) > 1:
                    gaps = [sum(runs) if at == slot else gap for at, gap in enumerate(after[0])]
                    mine: list[str | None] = [*right_gaps(learner)]
                    mine[n] = trees.gap_text(gaps, after[1])
                    assert "the longest of them, not the sum" in first_part(one, mine, learner).message
                    assert points_of(one, mine, learner) == 5
                    return
    pytest.fail("no leaf with two runs")


def test_a_star_that_stays_is_told() -> None:
    one = exercise("05.e1")
    for learner in LEARNERS:
        for n, (_, before, after) in enumerate(one.steps(learner)):  # type: ignore[attr-defined]
            if before[1] != after[1]:
                mine = [*right_gaps(learner)]
                mine[n] = trees.gap_text(after[0], before[1])
                assert "the star marks the largest" in first_part(one, mine, learner).message
                return
    pytest.fail("no star moves")


def test_a_gap_that_is_not_corrected_is_told_and_what_follows_counts() -> None:
    one = exercise("05.e1")
    steps = one.steps("")  # type: ignore[attr-defined]
    (gaps, star), (after, _) = steps[0][1], steps[0][2]
    slot = next(n for n in range(4) if gaps[n] != after[n])
    mine, own = [], list(gaps)
    mine.append(trees.gap_text(own, star))
    for _, (before, _), (right, _) in steps[1:]:
        own = [mine_ if old == new else new for mine_, old, new in zip(own, before, right, strict=True)]
        mine.append(trees.gap_text(own, own.index(max(own))))
    assert f"slot {slot}: this store changes the longest empty run" in first_part(one, mine).message
    assert points_of(one, mine) == 5


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("10 20 30*", "is no gap"),
        ("10 | 20 | 0 | 0", "0 stars"),
        ("10* | 20* | 0 | 0", "2 stars"),
        ("10 | 20*", "2 gaps, expected 4"),
        ("", "is no gap"),
    ],
)
def test_another_form_of_gaps_is_told(text: str, said: str) -> None:
    assert said in first_part(exercise("05.e1"), [text, *[None] * 5]).message


# -- 05.e2


def search(
    enter: Callable[[Plain, int, int, int], bool], cut: bool = True, stop: bool = True
) -> Callable[..., list[Plain]]:
    """A search that enters children by a rule of its own, and may forget the window in a leaf."""

    def lowest(node: Plain, low: int, high: int, size: int) -> list[Plain]:
        read = 0

        def below(node: Plain, first: int) -> int | None:
            nonlocal read
            read += 1
            for slot, last in enumerate(node["pivots"]):
                if stop and first > high:
                    return None
                what, found = node["slots"][slot], None
                if type(what) is dict:
                    found = below(what, first) if enter(node, slot, low, size) else None
                elif what is None:
                    start, end = (max(first, low), min(last, high)) if cut else (first, last)
                    found = start if end - start + 1 >= size else None
                if found is not None:
                    return found
                first = last + 1
            return None

        return [below(node, 0), read]

    return lowest


def guided(node: Plain, slot: int, low: int, size: int) -> bool:
    return node["pivots"][slot] >= low and node["gaps"][slot] >= size


def earned(function: Callable[..., Plain]) -> tuple[float, list[Verdict]]:
    one = exercise("05.e2")
    cases = one.cases(SEED)
    answers = {case.key: Answer(plain(function(*case.args))) for case in cases}
    verdicts = [one.judge(case, answers[case.key].value) for case in cases]
    return grade(one, cases, answers).points, [each for each in verdicts if not each.right]


def test_the_guided_search_earns_all() -> None:
    assert earned(search(guided)) == (8, [])


def test_reading_every_leaf_is_told_of_the_gaps() -> None:
    points, wrong = earned(search(lambda *_: True))
    assert points <= 2
    assert "a child whose gap is too small is not entered" in wrong[0].message


def test_forgetting_the_window_is_told() -> None:
    points, wrong = earned(search(guided, cut=False))
    assert points < 4
    assert "is not inside the window 12-99" in wrong[0].message


def test_a_child_entered_in_vain_has_to_be_counted() -> None:
    right = search(guided)

    def lowest(node: Plain, low: int, high: int, size: int) -> list[Plain]:
        start, read = right(node, low, high, size)
        return [start, min(read, 2)]

    points, wrong = earned(lowest)
    assert points < 6
    assert "one entered in vain counts" in wrong[0].message


@pytest.mark.parametrize("answer", [[None, 2], [10, 2], [None, 1], [0, 3], [70, 2]])
def test_a_constant_earns_no_group(answer: list[Plain]) -> None:
    assert earned(lambda *_: answer)[0] == 0


@pytest.mark.parametrize(
    ("case", "answer", "said"),
    [
        (0, 10, "two things"),
        (0, [10.0, 1], "two things"),
        (0, [10, True], "two things"),
        (0, [None, 1], "there is room for 10 in 0-99"),
        (0, [5, 1], "not all of the 10 indices are free"),
        (2, [50, 2], "there is a lower fit"),
        (0, [10**100, 1], "is not inside the window"),
    ],
)
def test_a_wrong_place_is_told(case: int, answer: object, said: str) -> None:
    one = exercise("05.e2")
    found = one.judge(one.cases()[case], answer)
    assert not found.right
    assert said in found.message


def test_a_wrong_place_is_drawn() -> None:
    one = exercise("05.e2")
    assert "20-29 HERE" in one.picture(one.cases()[0], [20, 1])
    assert one.picture(one.cases()[0], [10, 2]) == ""
    assert "<svg" in one.picture(one.cases()[1], [2**70, 2])


def test_expected_starts_are_those_of_the_library() -> None:
    chance, one = random.Random(5), Lowest()
    for size in (6, 30, 60, 250):
        tree = _room(chance, size, 0.25)
        node, end = trees.plain_node(tree.root), trees.content(tree)[-1][0]
        for _ in range(150):
            low = chance.randrange(end)
            high, wanted = low + chance.randrange(1, end), chance.randrange(1, 24)
            mas = MapleState(tree)
            answer = mas.empty_area(low, high, wanted)
            assert one.expected(node, low, high, wanted)[0] == (None if answer == NONE else mas.index)


# -- 05.e3


@pytest.mark.parametrize("learner", LEARNERS)
def test_the_four_searches_are_of_four_kinds(learner: str) -> None:
    one = WhatASearchAnswers()
    tree, searches = one.instance(learner)
    found = list(one.answers(learner).values())
    assert sum(lowest == NONE for lowest, _, _ in found) == 1
    assert any(lowest != highest for lowest, highest, _ in found)
    for (low, high, size), (lowest, _, entered) in zip(searches, found, strict=True):
        start, read = Lowest().expected(trees.plain_node(tree.root), low, high, size)
        assert (start is None) == (lowest == NONE)
        assert read == 1 + len(entered)
    assert points_of(one, {f"s{n}": [NONE, NONE, []] for n in range(1, 5)}, learner) <= 1


def test_a_lowest_fit_at_the_upper_end_is_told() -> None:
    one = exercise("05.e3")
    right = one.answers("")  # type: ignore[attr-defined]
    assert right["s1"] == [240, 674, [0, 1]]
    assert "lowest fit: there is a lower one" in first_part(one, {**right, "s1": [244, 674, [0, 1]]}).message
    assert "look at the upper end of a hole" in first_part(one, {**right, "s1": [240, 670, [0, 1]]}).message
    assert "slots entered" in first_part(one, {**right, "s1": [240, 674, [1]]}).message
    assert points_of(one, {**right, "s1": [240, 674, [1]]}) == 3.67
    assert "there is room" in first_part(one, {**right, "s1": [NONE, NONE, [0]]}).message
    assert "the answer is -16" in first_part(one, {**right, "s3": [232, 232, [0]]}).message


@pytest.mark.parametrize("value", [[1, 2], [1, 2, 3], [1, True, []], [1, 2, [[]]], [1, 2, [0] * 11]])
def test_another_form_of_a_search_is_told(value: list[Plain]) -> None:
    found = first_part(exercise("05.e3"), {"s1": value})
    assert found.shape
    assert "expected a list like" in found.message


# -- all of them


@pytest.mark.parametrize("key", ["05.e1", "05.e2", "05.e3"])
def test_no_answer_makes_a_judge_fail(key: str) -> None:
    one = exercise(key)
    for case in one.cases(SEED):
        for answer in weird(random.Random(case.key), 30):
            found = one.judge(case, answer)
            assert not found.right
            assert found.message
            assert len(found.got) < 2000
