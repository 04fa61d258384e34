"""Chapter 11: two ways to count, the same defect in another test, a refusal that changes nothing."""

import random
from collections.abc import Callable
from inspect import getsource
from types import FunctionType
from typing import Any

import pytest

from mmsim.brk import v4
from mmsim.course.exercises import exercise
from mmsim.course.exercises.ask import namespace_of
from mmsim.course.exercises.c11 import _ASKED, CountOnlyWhatIsNew, WhoRefuses, WithoutALimit, _sums
from mmsim.course.exercises.model import Answer, grade
from mmsim.course.exercises.plain import Plain, plain
from mmsim.course.exercises.scripts import run
from tests.exercise_answers import mark_of, said_to
from tests.weird import value

REFUSALS, SCRIPT, REPAIR = WhoRefuses(), WithoutALimit(), CountOnlyWhatIsNew()


# -- 11.e1


@pytest.mark.parametrize("seed", range(5))
def test_the_library_counts_as_the_two_sums_do(seed: int) -> None:
    for case in REFUSALS.cases(seed):
        maps, start, length, resource, limit = case.args
        counted, overlap = _sums(maps, start, length, resource)
        assert REFUSALS.expected(*case.args) == [counted - overlap + length > limit, counted + length > limit]


@pytest.mark.parametrize("seed", range(5))
def test_every_group_has_all_there_is_to_tell_apart(seed: int) -> None:
    groups: dict[str, set[tuple[bool, ...]]] = {}
    for case in REFUSALS.cases(seed):
        groups.setdefault(case.group, set()).add(tuple(REFUSALS.expected(*case.args)))
    alike = groups.pop("nothing in the way")
    assert alike == {(True, True), (False, False)}
    assert all(found == {(True, True), (False, False), (False, True)} for found in groups.values())


def counting(
    data: bool = True, over: bool = True, equal: bool = False, twice: bool = True
) -> Callable[..., tuple[bool, bool]]:
    """A learner's function with a slip: what counts as data, what overlaps, what equal means, who counts twice."""

    def refusals(maps: Any, start: int, length: int, resource: str, limit: int) -> tuple[bool, bool]:
        kept = [each for each in maps if resource == "AS" or not data or each[2] == "rw-p"]
        total = sum(end - first for first, end, _ in kept)
        overlap = sum(max(0, min(end, start + length) - max(first, start)) for first, end, _ in kept) if over else 0
        sums = total - overlap + length, total + length - (0 if twice else overlap)
        return tuple(each >= limit if equal else each > limit for each in sums)  # type: ignore[return-value]

    return refusals


@pytest.mark.parametrize(
    ("slip", "said", "points"),
    [
        ({"data": False}, "this limit counts data only", 3),
        ({"over": False}, "before: it has emptied the range", 1),
        ({"equal": True}, "a sum that is equal to the limit", 0),
        ({"twice": False}, "v4: in the moment of its test", 1),
    ],
)
def test_a_slip_is_named(slip: dict[str, bool], said: str, points: float) -> None:
    thing = counting(**slip)
    assert said in said_to(REFUSALS, thing).message
    assert mark_of(REFUSALS, thing).points == points
    assert mark_of(REFUSALS, counting()).points == 5


@pytest.mark.parametrize("answer", [(False, False), (False, True), (True, True), (True, False)])
def test_a_constant_pair_earns_nothing(answer: tuple[bool, bool]) -> None:
    for seed in range(5):
        assert mark_of(REFUSALS, lambda *_: answer, seed).points == 0


# -- 11.e2


@pytest.mark.parametrize(
    ("script", "points", "said"),
    [
        ([("mmap", 8, 1, "rw-"), ("mmap", 10, 1, "rw-"), ("mmap", 12, 1, "rw-"), ("vm_brk_flags", 12, 1)], 6, ""),
        ([("brk", 4), ("mmap", 10, 1, "r--"), ("mmap", 11, 1, "rw-"), ("vm_brk_flags", 10, 2)], 6, ""),
        (
            [("brk", 1), ("mmap", 8, 1, "rw-"), ("mmap", 9, 1, "r--"), ("vm_brk_flags", 8, 1)],
            6,
            "",
        ),
        (
            [("brk", 1), ("brk", 2), ("mmap", 8, 1, "rw-"), ("mmap", 10, 1, "r--"), ("vm_brk_flags", 8, 1)],
            4,
            "call 1, brk(1), can be left out",
        ),
        ([("mmap", 8, 1, "rw-"), ("mmap", 9, 1, "rw-"), ("vm_brk_flags", 9, 1)], 0, "touch and are alike become one"),
        ([("mmap", 8, 1, "rw-"), ("vm_brk_flags", 8, 1)], 0, "with 3 VMAs there may be one more"),
        (
            [("mmap", 8, 1, "rw-"), ("mmap", 10, 1, "rw-"), ("mmap", 12, 1, "rw-"), ("vm_brk_flags", 14, 1)],
            0,
            "took no whole VMA away",
        ),
        ([("mmap", 8, 1, "rw-")], 0, "the last call has to be the loader's"),
        ([("munmap", 300, 1), ("brk", -3), ("vm_brk_flags", 8, 1)], 0, "call 2 is refused already"),
        ([("setrlimit", "AS", 4), ("vm_brk_flags", 8, 1)], 0, "'setrlimit' is no call here"),
    ],
)
def test_a_needless_refusal_without_a_limit(script: Plain, points: float, said: str) -> None:
    one = exercise("11.e2")
    cases = one.cases("seed")
    assert grade(one, cases, {case.key: Answer(plain(script)) for case in cases}).points == points
    if said:
        assert said in next(found for case in cases if not (found := one.judge(case, plain(script))).right).message


def test_the_process_of_the_text_is_the_one_that_is_run() -> None:
    found = run([["brk", 0]], "before", "crowded")
    assert found.last.vmas == 2
    assert [str(vma) for vma in found.last.maps] == ["-4-0 rw-p program"]
    assert found.session.process.machine.max_map_count == 4
    assert run([["brk", 0]], "before", "crowded too").last.vmas == 3


# -- 11.e3


def edited(function: FunctionType, old: str, new: str) -> Any:
    """A function of v4 as a learner's cell has it, with lines changed."""
    source = getsource(function)
    assert source.count(old) == 1
    return namespace_of("from __future__ import annotations\n" + source.replace(old, new))[function.__name__]


def repaired(new: str) -> Any:
    return edited(v4.vm_brk_flags, _ASKED, new)


UNMAP = "    do_munmap(mm, address, length, [], may_downgrade=False)\n"
(GOOD,) = (new for _, new in CountOnlyWhatIsNew.repairs)


@pytest.mark.parametrize("seed", range(5))
def test_counting_what_is_new_and_then_unmapping_earns_all(seed: int) -> None:
    assert mark_of(REPAIR, repaired(GOOD), seed).points == 8


@pytest.mark.parametrize(
    ("lines", "points", "said"),
    [
        (UNMAP + _ASKED, 4.8, "A refused call leaves every page in place"),
        ("    length = length\n" + _ASKED, 0, "How many pages would be mapped in the end"),
        (GOOD.replace("refuse(mm, -ENOMEM)", "-ENOMEM"), 3.2, "Each way out has to unlock"),
        (
            "    vars(mm)['may_expand'] = lambda *given: True\n" + UNMAP + _ASKED,
            3.2,
            "How many pages would be mapped in the end",
        ),
        (GOOD.replace("length - kept", "length - length"), 4.8, "A refused call leaves every page in place"),
    ],
)
def test_half_a_repair_is_told_what_it_lacks(lines: str, points: float, said: str) -> None:
    thing = repaired(lines)
    assert said in said_to(REPAIR, thing).message
    assert mark_of(REPAIR, thing).points <= points


def test_leaving_the_old_mapping_in_place_is_a_broken_invariant() -> None:
    thing = repaired(GOOD.replace("if do_munmap(mm, address, length, [], may_downgrade=False)", "if False"))
    found = said_to(REPAIR, thing)
    assert mark_of(REPAIR, thing).points <= 1.6
    assert "ENOMEM" not in found.message


@pytest.mark.parametrize("thing", [lambda *given: -12, lambda *given: 0, lambda *given: None, 3])
def test_what_is_no_repair_earns_nothing(thing: Any) -> None:
    for seed in range(3):
        assert mark_of(REPAIR, thing, seed).points == 0


# -- hostile


def test_weird_answers_are_judged_and_earn_nothing() -> None:
    chance = random.Random(11)
    atoms: list[Plain] = [None, 1, -1, 1 << 4000, 1.5, "", "brk", [], {}, [True], [1, 0], ["vm_brk_flags", 1, 1]]

    for one in (REFUSALS, SCRIPT, REPAIR):
        for _ in range(200):
            answer = value(chance, atoms)
            for case in one.cases("seed")[:12]:
                assert one.judge(case, answer).share == 0
        for case in one.cases("seed")[:12]:
            assert one.judge(case, [0] * 100_000).share == 0
