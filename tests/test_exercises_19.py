"""Exercises of chapter 19: the wrong answers that are likely, and what is said to them."""

from functools import partial
from random import Random

import pytest

from mmsim.course.exercises import exercise
from mmsim.course.exercises.c19 import GoneWithIt, ShowTheCause, Shrink, _once, _shortened, shows
from mmsim.course.exercises.model import Answer, Case, Mark, grade
from mmsim.course.exercises.plain import Plain, plain
from mmsim.explore import shrink
from tests.odd_answers import odds

SHOW, SHRINK, GONE = ShowTheCause(), Shrink(), GoneWithIt()
RIGHT = [("brk", 2), ("mmap", 1, 2, "r--"), ("brk", 4)]


def marked(key: str, answer: object, learner: str = "") -> Mark:
    one = exercise(key)
    cases = one.cases("seed", learner)
    return grade(one, cases, {case.key: Answer(plain(answer)) for case in cases})


def first(key: str, answer: object) -> str:
    one = exercise(key)
    found = [one.judge(case, plain(answer)) for case in one.cases("seed")]
    return next(each.message for each in found if not each.right)


# -- 19.e1


def of_cause(cause: str, page: int, script: object, part: str = "breaks") -> tuple[float, str]:
    found = SHOW.judge(Case("x", "public", "x", None, [part, cause, page]), plain(script))
    return found.share, found.message


@pytest.mark.parametrize("page", [3, 4, 6, 8])
@pytest.mark.parametrize(
    ("cause", "script"),
    [
        ("cut-counts-a-hole", lambda at: [("brk", at + 2), ("munmap", at + 1, 1), ("brk", at)]),
        ("cut-leaves-file-tree", lambda at: [("brk", at + 2), ("mmap_file", at - 1, 3, "r--p", 0), ("brk", at)]),
        ("cut-loses-the-neighbour", lambda at: [("brk", at + 2), ("mmap", at + 2, 2, "rw-"), ("brk", at)]),
        ("growth-over-a-mapping", lambda at: [("brk", 1), ("mmap", 0, 2, "r--"), ("brk", at)]),
    ],
)
def test_each_cause_can_be_shown_at_each_page_in_each_process(cause: str, script: object, page: int) -> None:
    for part in ("breaks", "short", "elsewhere"):
        assert of_cause(cause, page, script(page), part) == (1, "right")  # type: ignore[operator]


def test_every_cause_is_drawn() -> None:
    assert {SHOW.instance(str(number))[0] for number in range(60)} == set(SHOW.causes)


@pytest.mark.parametrize(
    ("cause", "script", "said"),
    [
        ("cut-counts-a-hole", [("brk", 8), ("brk", 6)], "I5 not broken, v4 breaks I6 I8"),
        ("cut-counts-a-hole", [("brk", 8), ("mmap", 8, 2, "rw-"), ("brk", 6)], "I1 broken as well"),
        ("cut-counts-a-hole", [("brk", 8), ("munmap", 7, 1), ("brk", 9), ("brk", 6)], "by another cause"),
        ("cut-leaves-file-tree", [("brk", 8), ("mmap_file", 6, 2, "r--p", 0), ("brk", 6)], "does it begin below it"),
        ("cut-loses-the-neighbour", [("brk", 8), ("mprotect", 7, 1, "r--"), ("brk", 6)], "right above the heap"),
        ("growth-over-a-mapping", [("mmap", 0, 2, "rw-"), ("brk", 6)], "where does a mapping begin"),
        ("growth-over-a-mapping", [("mmap", -1, 2, "r--"), ("brk", 6)], "what lies below the heap"),
        ("growth-over-a-mapping", [("brk", 2), ("mmap", 1, 2, "r--"), ("brk", 7)], "has to be brk(6)"),
        ("growth-over-a-mapping", [("vm_brk_flags", 0, 1), ("brk", 6)], "is no call here"),
    ],
)
def test_a_script_that_shows_something_else(cause: str, script: object, said: str) -> None:
    share, message = of_cause(cause, 6, script)
    assert share == 0
    assert said in message


def test_a_call_too_many_and_a_script_for_one_process_only_cost_a_third() -> None:
    assert marked("19.e1", RIGHT).points == 6
    assert marked("19.e1", [*RIGHT[:1], ("touch", 0), *RIGHT[1:]]).points == 4
    assert marked("19.e1", RIGHT[1:]).points == 0


# -- 19.e2


def by(function: object) -> Mark:
    cases = SHRINK.cases("seed")
    return grade(SHRINK, cases, {case.key: Answer(plain(function(*case.args))) for case in cases})  # type: ignore


@pytest.mark.parametrize(
    ("function", "points", "said"),
    [
        (lambda script, rule: script, 0, "one more call can be left out"),
        (lambda script, rule: rule["order"], 0, "does not show the difference any more"),
        (lambda script, rule: script[:1], 0, "does not show"),
        (lambda script, rule: [], 0, ""),
        (lambda script, rule: list(reversed(script)), 0, "not calls of the script, in their order"),
        (lambda script, rule: None, 0, ""),
        (_once, 1.2, "one more call"),
        (lambda script, rule: _shortened(script, rule, 1), 2.4, "two calls can be left out together"),
        (lambda script, rule: _shortened(script, rule, 2), 6, "5 of 5"),
        (lambda script, rule: list(reversed(_shortened(script, rule, 2))), 0, "in their order"),
    ],
)
def test_shrink(function: object, points: float, said: str) -> None:
    mark = by(function)
    assert mark.points == points, mark
    assert said in "\n".join(mark.detail)


def test_other_seeds_ask_for_as_much() -> None:
    for seed in range(5):
        cases = SHRINK.cases(seed)
        for function, most in ((_once, 2), (lambda script, rule: _shortened(script, rule, 1), 3)):
            answers = {case.key: Answer(plain(function(*case.args))) for case in cases}
            assert grade(SHRINK, cases, answers).points <= most * 1.2


def _shows(rule: Plain, ops: list[tuple[str, None]]) -> bool:
    return shows([op for op, _ in ops], rule)


def test_the_expected_script_is_no_longer_than_that_of_the_search() -> None:
    """Differential: mmsim.explore.shrink leaves out runs of neighbours, so pairs apart may stay."""
    random = Random(19)
    for case in SHRINK.cases(random.random())[5:]:
        script, rule = case.args
        ours = SHRINK.expected(script, rule)
        theirs = shrink.shrink([(call, None) for call in script], partial(_shows, rule))
        assert shows(ours, rule)
        assert len(ours) <= len(theirs)


# -- 19.e3


@pytest.mark.parametrize("learner", ["", *map(str, range(12))])
def test_what_is_gone(learner: str) -> None:
    right = GONE.answers(learner)
    assert marked("19.e3", right, learner).points == 6
    repairs, scripts = GONE.instance(learner)
    assert len({name for name, _ in scripts}) == 6
    assert sum(map(bool, right.values())) >= 2
    assert len(right[f"r{repairs.index('whole') + 1}"]) >= 2  # one repair, several findings: the point of it


@pytest.mark.parametrize(
    ("key", "answer", "said"),
    [
        ("r1", ["s3"], "one more is gone: the break goes up"),
        ("r2", ["s2", "s4"], "s2 is still there"),
        ("r2", ["s4", "s4"], "each at most once"),
        ("r2", "s4", "expected a list of texts"),
        ("r2", ["s7"], "from s1"),
        ("r4", None, "nothing is filled in"),
    ],
)
def test_not_gone(key: str, answer: Plain, said: str) -> None:
    found = {**GONE.answers(), key: answer}
    assert marked("19.e3", found).points == 4.5
    assert said in first("19.e3", found)


def test_a_finding_each_is_not_enough() -> None:
    assert marked("19.e3", {"r1": ["s3"], "r2": ["s4"], "r3": ["s1"], "r4": ["s5"]}).points == 4.5
    assert marked("19.e3", {key: ["s1"] for key in ("r1", "r2", "r3", "r4")}).points <= 1.5


@pytest.mark.parametrize(
    ("key", "right"), [("19.e1", RIGHT), ("19.e2", ["mmap", "brk up", "munmap", "brk down"]), ("19.e3", GONE.answers())]
)
def test_judges_meet_anything(key: str, right: object) -> None:
    one = exercise(key)
    cases = one.cases("seed")[:8]
    for answer in map(plain, odds(plain(right))):
        for case in cases:
            found = one.judge(case, answer)
            assert 0 <= found.share <= 1
            assert found.message
