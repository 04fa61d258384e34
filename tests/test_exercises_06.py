"""Exercises of chapter 06: what typical wrong answers are told, and what they earn."""

import random
from collections.abc import Callable

import pytest

from mmsim.course.exercises import exercise, trees
from mmsim.course.exercises.c06 import Prev
from mmsim.course.exercises.model import Answer, Exercise, Verdict, grade
from mmsim.course.exercises.plain import Plain, plain
from mmsim.maple import MapleState
from tests.exercise_answers import first_part, mark_of
from tests.weird import weird

SEED = "a secret of the grader"
LEARNERS = ("", "ada", "bob", "eve")


def points_of(one: Exercise, mine: object, learner: str = "") -> float:
    return mark_of(one, mine, learner=learner).points


def right_states(learner: str = "") -> dict[str, list[Plain]]:
    return exercise("06.e1").answers(learner)  # type: ignore[attr-defined]


# -- 06.e1


@pytest.mark.parametrize("learner", LEARNERS)
def test_two_steps_find_nothing_and_the_store_takes_a_hole_along(learner: str) -> None:
    found = right_states(learner)
    assert [found[key][0] is None for key in found] == [True, False, True, False, False, True, False]
    assert found["o3"][1] == found["o3"][2]
    _, ops = exercise("06.e1").instance(learner)  # type: ignore[attr-defined]
    assert found["o7"][2] > ops[-2][1][1]
    assert points_of(exercise("06.e1"), found, learner) == 7


def test_a_failed_step_that_changes_nothing_is_told_of_the_limit() -> None:
    right = right_states()
    mine = {**right, "o3": [None, *right["o2"][1:]]}
    found = first_part(exercise("06.e1"), mine)
    assert "the answer is right, index and last are not" in found.message
    assert "where there is none it shows the limit" in found.message
    assert points_of(exercise("06.e1"), mine) == 6.5


def test_a_range_that_the_limit_cuts_is_told_of_the_whole_range() -> None:
    right, (_, ops) = right_states(), exercise("06.e1").instance("")  # type: ignore[attr-defined]
    mine = {**right, "o2": [right["o2"][0], right["o2"][1], ops[2][1][0]]}
    assert "with its whole range" in first_part(exercise("06.e1"), mine).message


def test_a_next_refused_by_the_end_of_a_range_is_told_what_it_compares() -> None:
    right, (_, ops) = right_states(), exercise("06.e1").instance("")  # type: ignore[attr-defined]
    limit = ops[2][1][0]
    found = first_part(exercise("06.e1"), {**right, "o2": [None, limit, limit]})
    assert "neither the answer nor index and last; next takes the first entry that begins" in found.message
    assert points_of(exercise("06.e1"), {**right, "o2": [None, limit, limit]}) == 6


def test_a_walk_that_shows_its_aim_is_told_of_the_bounds() -> None:
    right, (_, ops) = right_states(), exercise("06.e1").instance("")  # type: ignore[attr-defined]
    found = first_part(exercise("06.e1"), {**right, "o1": [None, ops[0][1][0], ops[0][1][0]]})
    assert "the bounds of that slot, of a hole, too" in found.message


@pytest.mark.parametrize("value", [["r1"], ["r1", 1, True], [3, 1, 2], ["r1", "1", "2"], [[], 1, 2]])
def test_another_form_of_a_state_is_told(value: list[Plain]) -> None:
    found = first_part(exercise("06.e1"), {"o1": value})
    assert found.shape
    assert "expected a list like" in found.message


# -- 06.e2


@pytest.mark.parametrize(
    ("letters", "points", "said"),
    [
        ("DHAEBIF", 3, "right"),
        ("DHGBIF", 0.43, "cannot come here: a node knows its parent and its children, and no neighbour"),
        ("DC", 0.21, "'C' (answer NULL, as the leaf has no further entry) cannot come here"),
        ("ADHEBIF", 0, "cannot come first"),
        ("DHAEIFB", 2.36, "cannot come here"),
        ("DHA", 2.14, "does not reach the end"),
    ],
)
def test_the_longest_right_prefix_counts(letters: str, points: float, said: str) -> None:
    one = exercise("06.e2")
    assert points_of(one, letters) == points
    assert said in one.judge(one.cases(SEED)[1], letters).message


# -- 06.e3


def stepping(
    compare: Callable[[int, int, int], bool], missed: Callable[[int, int], list[Plain]]
) -> Callable[..., list[Plain]]:
    """A step to the left with a rule of its own for the limit, and for what it shows when it fails."""

    def prev(node: Plain, index: int, limit: int) -> list[Plain]:
        before = [slot for slot in trees.flat(node) if slot[1] < index and slot[2]]
        if not before or not compare(before[-1][0], before[-1][1], limit):
            return missed(index, limit)
        return [before[-1][2], *before[-1][:2]]

    return prev


def earned(function: Callable[..., Plain]) -> tuple[float, list[Verdict]]:
    one = exercise("06.e3")
    cases = one.cases(SEED)
    answers = {case.key: Answer(plain(function(*case.args))) for case in cases}
    verdicts = [one.judge(case, answers[case.key].value) for case in cases]
    return grade(one, cases, answers).points, [each for each in verdicts if not each.right]


def test_the_right_step_earns_all() -> None:
    assert earned(stepping(lambda first, last, limit: last >= limit, lambda index, limit: [None, limit, limit])) == (
        7,
        [],
    )


def test_the_start_compared_with_the_limit_is_told() -> None:
    points, wrong = earned(stepping(lambda first, last, limit: first >= limit, lambda _, limit: [None, limit, limit]))
    assert points < 5
    assert "'a' ends at 19, and the limit is 19: at or above it counts" in wrong[0].message


def test_a_failed_step_that_stays_is_told() -> None:
    points, wrong = earned(stepping(lambda first, last, limit: last >= limit, lambda index, _: [None, index, index]))
    assert points < 5
    assert "nothing is found, so index and last become the limit, 20" in wrong[0].message


def test_a_search_in_one_leaf_only_misses_the_border() -> None:
    right = stepping(lambda first, last, limit: last >= limit, lambda _, limit: [None, limit, limit])

    def prev(node: Plain, index: int, limit: int) -> list[Plain]:
        while type(node["slots"][0]) is dict:
            node = node["slots"][sum(last < index for last in node["pivots"])]
        low = node["pivots"][0]
        found = right(node, index, limit)
        return [found[0], low if found[1] == 0 else found[1], found[2]]

    points, wrong = earned(prev)
    assert 0 < points <= 4
    assert wrong


@pytest.mark.parametrize("answer", [[None, 0, 0], ["a", 10, 19], [None, 20, 20]])
def test_a_constant_earns_no_group(answer: list[Plain]) -> None:
    assert earned(lambda *_: answer)[0] == 0


def test_always_failing_earns_only_where_nothing_is_to_be_found() -> None:
    assert earned(lambda _node, _index, limit: [None, limit, limit])[0] == 0


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("a", "three things"),
        (["a", 10], "three things"),
        (["a", 10, 19.0], "three things"),
        (["a", True, 19], "three things"),
        (["a", 10, 18], "bounds of its whole slot"),
        (["b", 40, 49], "is where the cursor stands"),
        (["c", 40, 49], "nearer to the index"),
        ([None, 0, 0], "at or above it counts"),
    ],
)
def test_a_wrong_step_is_told(answer: object, said: str) -> None:
    one = exercise("06.e3")
    found = one.judge(one.cases()[0], answer)
    assert not found.right
    assert said in found.message


def test_a_wrong_step_is_drawn() -> None:
    one = exercise("06.e3")
    assert "&gt; b" in one.picture(one.cases()[0], ["b", 40, 49])
    assert one.picture(one.cases()[0], ["a", 10, 19]) == ""


def test_expected_steps_are_those_of_the_library() -> None:
    chance, one = random.Random(6), Prev()
    for size in (6, 30, 60, 250):
        tree = trees.grown(chance, size, 0.4)
        tree.store_range(0, trees.content(tree)[2][1], None)
        node, slots = trees.plain_node(tree.root), trees.content(tree)
        for _ in range(200):
            begin, end, _ = chance.choice(slots[1:])
            index = chance.randrange(begin, min(end, begin + 40) + 1)
            limit = chance.choice((0, chance.randrange(index + 1)))
            mas = MapleState(tree, index)
            mas.walk()
            answer = mas.prev(limit)
            assert one.expected(node, index, limit) == [answer, mas.index, mas.last]


# -- all of them


@pytest.mark.parametrize("key", ["06.e1", "06.e2", "06.e3"])
def test_no_answer_makes_a_judge_fail(key: str) -> None:
    one = exercise(key)
    for case in one.cases(SEED):
        for answer in weird(random.Random(case.key), 30):
            found = one.judge(case, answer)
            assert not found.right
            assert found.message
            assert len(found.got) < 2000
