"""Chapter 10: objects made by a call, a claim that holds for most calls, a program that v4 does not leave alone."""

import random
from itertools import product

import pytest

from mmsim.brk.cost import measured
from mmsim.course.exercises import exercise
from mmsim.course.exercises.c10 import NothingUnmapped, ObjectsMade, WhatIsSaved, _heap
from mmsim.course.exercises.model import Answer, Mark, Verdict, grade
from mmsim.course.exercises.plain import Plain, plain
from mmsim.experiments.build import HEAP
from mmsim.mm.units import PAGE
from tests.weird import value

COUNTS, CLAIM, SCRIPT = ObjectsMade(), WhatIsSaved(), NothingUnmapped()


def mark(key: str, answer: object, learner: str = "") -> Mark:
    one = exercise(key)
    cases = one.cases("seed", learner)
    return grade(one, cases, {case.key: Answer(plain(answer)) for case in cases})


def first(key: str, answer: object) -> Verdict:
    """What is said to the first public case that is not right."""
    one = exercise(key)
    return next(found for case in one.cases() if not (found := one.judge(case, plain(answer))).right)


# -- 10.e1


@pytest.mark.parametrize("learner", ["", "ada", "bob", "eve", "x", "y"])
def test_both_generations_leave_the_same_vmas_in_every_instance(learner: str) -> None:
    shape, breaks = COUNTS.instance(learner)
    seen = {}
    for generation in ("before", "v4"):
        process = _heap(generation, *shape)
        seen[generation] = []
        for page in breaks:
            assert process.brk(HEAP + page * PAGE) == HEAP + page * PAGE
            seen[generation].append([(vma.start, vma.end, vma.flags) for vma in process.mm.vmas()])
    assert seen["before"] == seen["v4"]
    answers = COUNTS.answers(learner)
    assert [answers[f"c{n}"][2] for n in range(1, 7)] == [len(vmas) for vmas in seen["v4"]]
    assert {tuple(answer[:2]) for answer in answers.values()} == {(0, 0), (1, 0), (1, 1)}


def test_the_first_shrink_to_a_border_makes_no_object() -> None:
    process = _heap("before", 3, 6, 15)
    with measured(process) as log:
        process.brk(HEAP + 6 * PAGE)
    assert log.cost.vmas_made == 0


RIGHT = {"c1": [1, 0, 3], "c2": [0, 0, 3], "c3": [0, 0, 2], "c4": [1, 1, 3], "c5": [0, 0, 3], "c6": [1, 0, 3]}


@pytest.mark.parametrize(
    ("key", "got", "said"),
    [
        ("c1", [0, 0, 3], "before: where is the new end?"),
        ("c1", [1, 1, 3], "v4: does it need an object for this?"),
        ("c2", [1, 0, 3], "before: does every call make an object?"),
        ("c1", [1, 0, 4], "the objects are right, the number of VMAs"),
        ("c1", [1, 0], "expected three numbers"),
        ("c1", [True, 0, 3], "expected three numbers"),
    ],
)
def test_a_wrong_count_gets_the_idea_that_was_missed(key: str, got: list[int], said: str) -> None:
    answer = {**RIGHT, key: got}
    assert said in first("10.e1", answer).message
    assert mark("10.e1", answer).points < 6


def test_counts_earn_by_the_call_and_half_for_one_of_the_two() -> None:
    assert mark("10.e1", RIGHT).points == 6
    assert mark("10.e1", {**RIGHT, "c4": [0, 0, 3]}).points == 5.5
    assert mark("10.e1", {**RIGHT, "c4": [0, 0, 2]}).points == 5
    assert mark("10.e1", RIGHT, "ada").points < 6


# -- 10.e2


def test_of_the_five_claims_one_is_wrong_whatever_the_breaks() -> None:
    wrong = set()
    for breaks in product((0, 1, 4, 8, 9, 12, 999, 1000), repeat=2):
        pair = CLAIM.read(list(breaks))
        wrong |= {name for name, claim in CLAIM.claims.items() if not claim.test(pair).holds}
    assert wrong == {CLAIM.wrong}
    for sample in CLAIM.samples():
        CLAIM.read(sample)


@pytest.mark.parametrize(
    ("letter", "evidence", "points", "said"),
    [
        ("C", [0], 4, ""),
        ("C", [12, 10], 2, "and it is as the claim says"),
        ("C", [12], 1, "claim C speaks of an accepted shrink by a page or more; your evidence has none"),
        ("B", [0, 8], 0, "and it is as the claim says"),
        ("A", [0], 0, "claim A speaks of a refused call"),
        ("C", "brk(0)", 1, "expected a list of 1 to 8 breaks"),
        ("C", [-1], 1, "whole numbers from 0 to 1100"),
        ("F", [0], 0, "expected a letter from ABCDE"),
    ],
)
def test_a_claim_needs_a_run(letter: str, evidence: Plain, points: float, said: str) -> None:
    answer = {"claim": letter, "evidence": evidence}
    assert mark("10.e2", answer).points == points
    if said:
        assert said in first("10.e2", answer).message


# -- 10.e3


@pytest.mark.parametrize(
    ("script", "points", "said"),
    [
        ([("brk", 4), ("mmap", 3, 5, "rw-"), ("brk", 10)], 5, ""),
        ([("brk", 4), ("mmap", 3, 5, "r--"), ("brk", 6)], 5, ""),
        ([("brk", 4), ("mmap", 3, 5, "rw-"), ("brk", 9), ("brk", 10)], 3.33, "can be left out"),
        ([("mmap", -2, 6, "rw-"), ("brk", 6)], 5, ""),
        ([("brk", 4), ("brk", 2), ("brk", 9)], 0, "as long as only the heap is there"),
        ([("brk", 4), ("mmap", 6, 2, "rw-"), ("brk", 8)], 0, "both refuse"),
        ([("brk", 4), ("mmap", 4, 2, "rw-")], 0, "let a brk() follow"),
        ([("brk", 4), ("mmap", 40, 2, "rw-"), ("brk", 8)], 0, "nothing is in the way"),
        ([("brk", 4), ("munmap", 3, 1), ("brk", 8)], 0, "'munmap' is no call here"),
    ],
)
def test_a_mapping_across_the_break_breaks_the_claim(script: Plain, points: float, said: str) -> None:
    assert mark("10.e3", script).points == points
    if said:
        assert said in first("10.e3", script).message


def test_a_script_that_needs_its_process_loses_a_part() -> None:
    """Over the very start of the heap v4 is fooled by bss below only, not by a file."""
    script = [("mmap", 0, 4, "rw-"), ("brk", 6)]
    assert mark("10.e3", script).points == 0


# -- hostile


def test_weird_answers_are_judged_and_earn_nothing() -> None:
    chance = random.Random(10)
    atoms: list[Plain] = [None, True, 0, -1, 1 << 4000, 1.5, "", "C", "brk", [], {}, [0] * 3, ["brk", 4]]

    for one in (COUNTS, CLAIM, SCRIPT):
        for _ in range(300):
            answer = value(chance, atoms)
            for case in one.cases("seed"):
                assert 0 <= one.judge(case, answer).share < 1
        for case in one.cases("seed"):
            assert not one.judge(case, [0] * 100_000).right
