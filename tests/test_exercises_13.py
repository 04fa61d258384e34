"""Exercises of chapter 13: bills, a wrong claim, a comment; typical wrong answers and what is said to them."""

import random
from typing import Any

import pytest

from mmsim.course.exercises import exercise
from mmsim.course.exercises.c13 import bill
from mmsim.course.exercises.model import Answer, Mark, grade, verdict
from mmsim.course.exercises.plain import plain
from mmsim.experiments.try_growth import played
from mmsim.mm.units import PAGE
from tests.weird import value

SEED = "a secret"


def mark(key: str, answer: Any, learner: str = "") -> Mark:
    one = exercise(key)
    cases = one.cases(SEED, learner)
    return grade(one, cases, {case.key: Answer(plain(answer)) for case in cases})


def said(key: str, answer: Any, part: int = 0) -> str:
    one = exercise(key)
    case = one.cases(SEED)[part]
    return verdict(one, case, Answer(plain(answer))).message


# -- 13.e1


def test_a_bill_is_that_of_the_notebooks_growths() -> None:
    chance = random.Random(3)
    for _ in range(60):
        words = [chance.choice(("grow", "write", "fork", "grow")) for _ in range(8)]
        came = played(" ".join(words), "v4")
        for generation in ("before", "v4"):
            found = bill([(word, 33 if word == "grow" else 0) for word in words], generation)
            assert (found.growths, found.extended) == (len(came), came.count("extended"))
            assert found.vmas == came.count("new")


@pytest.mark.parametrize("learner", ["", *map(str, range(12))])
def test_in_each_instance_the_generations_differ_in_cost_alone(learner: str) -> None:
    one: Any = exercise("13.e1")
    steps = one.instance(learner)
    assert bill(steps, "before").maps == bill(steps, "v4").maps
    right = one.answers(learner)
    assert right["VMAs v4"] < right["VMAs before"]
    assert right["stores v4"] < right["stores before"]
    assert mark("13.e1", right, learner).points == 5


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"extended": 5}, "before the last fork"),  # each growth over a heap extends
        ({"VMAs v4": 5}, "does a cut make any in v4"),  # v4 splits, too
        ({"VMAs before": 3}, "splits it first"),  # the patch saved nothing, or the old code split nothing
        ({"stores before": 9}, "a store of its own"),
        ({"anon_vmas": 2}, "a fork makes one"),
    ],
)
def test_a_wrong_bill_is_told_its_idea(changes: dict[str, int], text: str) -> None:
    one: Any = exercise("13.e1")
    right = one.answers("")
    found = mark("13.e1", {**right, **changes})
    assert found.points == pytest.approx(5 * 5 / 6, abs=0.01)
    part = list(right).index(*changes)
    assert text in said("13.e1", {**right, **changes}, part)
    assert str(right[next(iter(changes))]) not in said("13.e1", {**right, **changes}, part).replace("v4", "")


# -- 13.e2

BORDER = [("brk", 2), ("touch", 0), ("fork", "child"), ("brk", 4), ("brk", 2)]


def letter(name: str) -> str:
    one: Any = exercise("13.e2")
    return next(each for each, claim in one.letters("").items() if claim == name)


def test_each_claim_but_one_stands_every_script() -> None:
    one: Any = exercise("13.e2")
    chance, broken = random.Random(5), set()
    for _ in range(120):
        calls: list[Any] = [["brk", chance.randrange(9)] for _ in range(2)]
        calls += [["touch", chance.randrange(8)] for _ in range(2)] + [["fork", chance.choice(("parent", "child"))]]
        chance.shuffle(calls)
        pair = one.read([*calls, ["brk", chance.randrange(1, 9)]])
        broken |= {name for name, claim in one.claims.items() if not claim.test(pair).holds}
    broken |= {name for name, claim in one.claims.items() if not claim.test(one.read(plain(BORDER))).holds}
    assert broken == {"shrink"}


def test_the_samples_break_the_wrong_claim_alone() -> None:
    one: Any = exercise("13.e2")
    first, *others = (one.read(each) for each in one.samples())
    assert [name for name, claim in one.claims.items() if not claim.test(first).holds] == [one.wrong]
    assert all(claim.test(pair).holds for pair in others for claim in one.claims.values())
    assert {name for name, claim in one.claims.items() if any(claim.test(pair).about for pair in others)} == {
        *one.claims
    }


@pytest.mark.parametrize(
    ("name", "evidence", "points"),
    [
        ("shrink", BORDER, 4),
        ("shrink", [("brk", 4), ("brk", 2)], 2),  # the usual shrink: the claim holds there
        ("growth", [("brk", 4), ("brk", 6)], 0),
        ("shrink", [("brk", 4), ("brk", 6)], 1),  # a guess, with a run of something else
        ("shrink", None, 1),
        ("stores", BORDER, 0),
    ],
)
def test_a_claim_needs_its_run(name: str, evidence: Any, points: float) -> None:
    assert mark("13.e2", {"claim": letter(name), "evidence": evidence}).points == points


def test_what_is_no_evidence_is_said() -> None:
    assert "expected a brk there" in said("13.e2", {"claim": "A", "evidence": [("brk", 4), ("touch", 0)]})
    assert "munmap" in said("13.e2", {"claim": "A", "evidence": [("munmap", 4, 1)]})
    assert "expected a dict like" in said("13.e2", "B")


# -- 13.e3

RIGHT = {
    "claim": "The first growth never extends bss that ends where the heap begins.",
    "hunk": "brk: vma = mas.prev(mm.start_brk)",
    "world": "bss",
    "script": "brk(heap+1)",
    "expected": "3 VMAs",
    "got": "4 VMAs",
    "severity": "harmless",
}


@pytest.mark.parametrize(
    ("changes", "points", "part", "text"),
    [
        ({}, 5, 0, "right"),
        ({"world": "file"}, 0, 0, "refuted: v4 does what is expected"),  # no bss below
        ({"severity": "wrong"}, 3.75, 3, "expected 'harmless' or 'question'"),  # what merges less is wrong
        ({"hunk": "brk: mm.brk = saved"}, 4.69, 2, "does not run the quoted line"),
        (
            {"script": "brk(heap+2); brk(heap+1)", "expected": "nothing broken", "got": "I6", "severity": "wrong"},
            0.62,
            1,
            "that is a wrong result, and no mere cost",
        ),
        ({"claim": None}, 0, 0, "claim': nothing is filled in"),
    ],
)
def test_a_comment_is_judged_in_parts(changes: dict[str, Any], points: float, part: int, text: str) -> None:
    answer = {**RIGHT, **changes}
    assert text in said("13.e3", answer, part)
    assert mark("13.e3", answer).points == points


# -- whatever comes


ATOMS = (None, True, 0, -1, 1 << 4000, 1.5, "", "A", "x" * 10_000, [], {}, [["brk", 4]] * 50)
NAMES = sorted({"claim", "evidence", "extended", "VMAs v4", "script", "hunk", "world", *RIGHT})


@pytest.mark.parametrize("key", ["13.e1", "13.e2", "13.e3"])
def test_no_answer_makes_a_judge_fail(key: str) -> None:
    one, chance = exercise(key), random.Random(key)
    cases = one.cases(SEED)
    for _ in range(300):
        answer = value(chance, ATOMS, NAMES)
        for case in cases:
            assert 0 <= one.judge(case, answer).share < 1


def test_the_unit_is_a_page() -> None:
    assert PAGE == 4096
    assert bill([("grow", 3), ("cut", 1)], "v4").maps == [[(0, 3)], [(0, 2)]]
