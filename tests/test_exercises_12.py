"""Chapter 12: three tests for one question, a page that comes back, a copy that becomes the rule."""

import random
from collections.abc import Callable
from inspect import getsource
from typing import Any

import pytest

from mmsim.brk import v4
from mmsim.course.exercises import exercise
from mmsim.course.exercises.ask import namespace_of
from mmsim.course.exercises.c12 import ALIKE, FIRST, GENERATIONS, Extends, NoFile, SameRule, _vma
from mmsim.course.exercises.model import Answer, grade
from mmsim.course.exercises.plain import Plain, plain
from mmsim.experiments.e2 import ADJACENCY, outcome
from tests.exercise_answers import mark_of, said_to
from tests.weird import value

EXTENDS, SCRIPT, REPAIR = Extends(), NoFile(), SameRule()


# -- 12.e1

CHANGES: dict[str, dict[str, Plain]] = {
    "flags": {"flags": [*ALIKE["flags"], "dd"]},
    "userfaultfd": {"flags": [*ALIKE["flags"], "um"]},
    "special mapping": {"flags": [*ALIKE["flags"], "pf"]},
    "file": {"file": "data"},
    "close hook": {"close": True},
    "page offset": {"pgoff": FIRST + 1},
    "memory policy": {"policy": "interleave"},
    "inherited chain": {"chain": 2},
    ADJACENCY: {"end": FIRST + 3, "pgoff": FIRST + 1},
    "none": {},
}


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("name", CHANGES)
def test_the_answers_are_those_of_experiment_e2(name: str, generation: str) -> None:
    wanted = outcome(generation, {name} - {"none"}) == "extended"
    assert EXTENDS.expected(_vma(**CHANGES[name]), FIRST + 4, generation) is wanted


def extending(**slips: bool) -> Callable[[Any, int, str], bool]:
    """A learner's function that leaves something out, or asks too much."""

    def extends(vma: Any, at: int, generation: str) -> bool:
        flags = set(vma["flags"]) - (set() if "soft" in slips else {"sd"})
        young = vma["chain"] <= (0 if "chain" in slips else 1)
        if flags != set(ALIKE["flags"]) or not young:
            return False
        if generation == "v4" and "one" not in slips:
            return True
        touches = "touch" in slips or vma["end"] == at
        counts = "pgoff" in slips or vma["pgoff"] + vma["end"] - vma["start"] == at
        hooked = vma["close"] and (generation != "today" or "hook" in slips)
        return touches and counts and vma["file"] is None and vma["policy"] is None and not hooked

    return extends


@pytest.mark.parametrize("seed", range(5))
def test_the_table_as_a_function_earns_all(seed: int) -> None:
    assert mark_of(EXTENDS, extending(), seed).points == 6


@pytest.mark.parametrize(
    ("slip", "said"),
    [
        ("soft", "the soft-dirty flag is left out"),
        ("one", "v4 does not look at this, and extends"),
        ("hook", "today does not look at this, and extends"),
        ("chain", "the soft-dirty flag"),
    ],
)
def test_a_slip_is_told_with_what_is_unlike(slip: str, said: str) -> None:
    thing = extending(**{slip: True})
    assert said in said_to(EXTENDS, thing).message
    assert mark_of(EXTENDS, thing).points < 6


@pytest.mark.parametrize("slip", ["touch", "pgoff"])
def test_a_slip_that_the_public_cases_do_not_show_costs_its_group(slip: str) -> None:
    assert 4 <= mark_of(EXTENDS, extending(**{slip: True})).points < 6


@pytest.mark.parametrize("answer", [True, False, 1, "extended"])
def test_a_constant_earns_nothing(answer: Plain) -> None:
    for seed in range(5):
        assert mark_of(EXTENDS, lambda *_: answer, seed).points == 0


# -- 12.e2


@pytest.mark.parametrize(
    ("script", "points", "said"),
    [
        ([("brk", 4), ("munmap", 3, 1), ("brk", 6), ("peek", 3)], 5, ""),
        ([("brk", 4), ("munmap", 2, 2), ("brk", 6), ("peek", 2)], 5, ""),
        ([("brk", 4), ("mremap", 3, 1, 20), ("brk", 6), ("peek", 3)], 5, ""),
        ([("brk", 4), ("touch", 1), ("munmap", 3, 1), ("brk", 6), ("peek", 3)], 3.33, "call 2, touch(1), can be left"),
        ([("brk", 4), ("munmap", 3, 1), ("peek", 3)], 0, "nothing differs yet"),
        ([("brk", 4), ("mbind", 0, 4, "bind:0"), ("brk", 6), ("peek", 5)], 0, "the program reads the same there"),
        ([("brk", 4), ("munmap", 3, 1), ("brk", 6)], 0, "the last call has to be a peek"),
        ([("brk", 8), ("munmap", 5, 1), ("brk", 5), ("peek", 7)], 0, "the two part at call 3 already"),
        ([("mmap_file", 3, 1, "rw-p", 0), ("peek", 3)], 0, "'mmap_file' is no call here"),
    ],
)
def test_a_page_that_comes_back(script: Plain, points: float, said: str) -> None:
    one = exercise("12.e2")
    cases = one.cases("seed")
    assert grade(one, cases, {case.key: Answer(plain(script)) for case in cases}).points == points
    if said:
        assert said in next(found for case in cases if not (found := one.judge(case, plain(script))).right).message


# -- 12.e3

COPY = "(vma.anon_vma is None or vma.singular) and vma.flags & ~VM.SOFTDIRTY == flags"
RULE = "vma.end == address and vma.policy is None and can_merge_after(vma, Want(flags, address >> SHIFT))"
BY_HAND = (
    f"{COPY} and vma.file is None and vma.policy is None and vma.end == address "
    "and vma.pgoff + vma.pages == address >> SHIFT and not (vma.ops and vma.ops.close)"
)


def with_condition(condition: str) -> Any:
    source = getsource(v4.do_brk_flags)
    assert source.count(COPY) == 1
    head = "from __future__ import annotations\nfrom mmsim.mm.merge import Want, can_merge_after\n"
    return namespace_of(head + source.replace(COPY, condition))["do_brk_flags"]


@pytest.mark.parametrize("seed", range(5))
def test_the_shared_test_with_end_and_policy_earns_all(seed: int) -> None:
    assert mark_of(REPAIR, with_condition(RULE), seed).points == 7


@pytest.mark.parametrize("seed", range(5))
def test_a_copy_by_hand_does_not_follow_the_shared_test(seed: int) -> None:
    found = mark_of(REPAIR, with_condition(BY_HAND), seed)
    assert 6 < found.points < 7
    assert "what the shared test learned later: 0 of 4" in found.detail


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("condition", "lost"),
    [
        (RULE.replace("vma.end == address and ", ""), "a page moved away"),
        (RULE.replace("vma.policy is None and ", ""), "a policy"),
        (f"{COPY} and vma.file is None", "page numbers"),
    ],
)
def test_a_term_that_is_missing_costs_its_group(condition: str, lost: str, seed: int) -> None:
    found = mark_of(REPAIR, with_condition(condition), seed)
    assert found.points < 7
    assert any(line.startswith(f"{lost}: 0 of") for line in found.detail)


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        (f"{COPY} and vma.file is None", "A VMA that is unlike a heap was extended"),
        ("False", "A VMA like a heap was not extended"),
        (RULE.replace("address >> SHIFT", "address"), "after brk(heap+6), op 2 of 4, the VMAs are others"),
        (f"{COPY} and vma.policy is None", "op 4 of 4"),
    ],
)
def test_where_the_two_part_is_told(condition: str, said: str) -> None:
    assert said in said_to(REPAIR, with_condition(condition)).message


@pytest.mark.parametrize("thing", [with_condition("False"), lambda *given: -12, lambda *given: 0, 3])
def test_what_never_extends_earns_nothing(thing: Any) -> None:
    for seed in range(3):
        assert mark_of(REPAIR, thing, seed).points == 0


# -- hostile


def test_weird_answers_are_judged_and_earn_nothing() -> None:
    chance = random.Random(12)
    atoms: list[Plain] = [None, 1, -1, 1 << 4000, 1.5, "", "brk", [], {}, [True], ["peek", 3], ["brk", 4]]

    for one in (EXTENDS, SCRIPT, REPAIR):
        for _ in range(200):
            answer = value(chance, atoms)
            for case in one.cases("seed")[:12]:
                assert one.judge(case, answer).share == 0
        for case in one.cases("seed")[:12]:
            assert one.judge(case, [0] * 100_000).share == 0
