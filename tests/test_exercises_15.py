"""Exercises of chapter 15: an order, a notification, a repair to break; wrong answers and what is said to them."""

import random
from inspect import getsource
from typing import Any

import pytest

from mmsim.brk import GENERATIONS, before, v4
from mmsim.course.exercises import exercise
from mmsim.course.exercises.ask import namespace_of
from mmsim.course.exercises.c15 import WITH_LINE, with_line
from mmsim.course.exercises.drivers.heap import seen
from mmsim.course.exercises.model import Mark
from mmsim.course.exercises.scripts import run
from tests.exercise_answers import mark_of, wrong_verdict

SEED = "a secret"


def mark(key: str, thing: Any, seed: int | str = SEED) -> Mark:
    return mark_of(exercise(key), thing, seed)


def first_said(key: str, thing: Any) -> str:
    """What is said of the first public case that is wrong, "" if none is."""
    found = wrong_verdict(exercise(key), thing)
    return f"{found.message}\n{found.difference}" if found else ""


# -- 15.e1


@pytest.mark.parametrize(
    ("letters", "points", "text"),
    [
        ("HFBEJACG", 3, ""),
        ("HFBEJCAG", 2.44, ""),  # told under the lock: the first half is right
        ("HFBDEJAG", 0.56, "would wait under the lock"),
        ("HFEBJACG", 0.38, "prepare first"),
        ("HBFEJACG", 0.19, "split already"),
        ("HIFBEJAC", 0.19, "it is not asked"),
        ("BHFEJACG", 0, "split already"),
        ("HHFBEJAC", 0.19, "'H'"),
        ("XY", 0, "expected a text of letters"),
    ],
)
def test_an_order_is_told_its_reason(letters: str, points: float, text: str) -> None:
    assert text in first_said("15.e1", letters)
    assert mark("15.e1", letters).points == points


# -- 15.e2

_DO = "    error = do_brk_flags(mm, None, address, length, flags)\n"
_UNLOCK = "    mm.unlock()\n"
_PUT = "    uf = []\n    error = do_munmap(mm, address, length, uf, may_downgrade=False)\n"
_IF = "    if not error:\n    " + _DO
_TELL = "    unmap_complete(mm, uf)\n"


def repaired(do: str, unlock: str) -> Any:
    """The function with other lines where it maps and where it unlocks, as a learner would write it."""
    source = getsource(v4.vm_brk_flags)
    assert source.count(_DO) == source.count(_UNLOCK) == 1
    head = "from __future__ import annotations\nfrom mmsim.mm.uffd import unmap_complete\n"
    return namespace_of(head + source.replace(_UNLOCK, unlock).replace(_DO, do))["vm_brk_flags"]


RIGHT = repaired(_PUT + _IF, _UNLOCK + _TELL)


@pytest.mark.parametrize("seed", range(4))
def test_a_notification_that_survives_is_right(seed: int) -> None:
    assert mark("15.e2", RIGHT, seed).points == 6


def test_an_entry_taken_back_is_right_too() -> None:
    back = "    if error:\n        for entry in uf:\n            entry.context.mmap_changing -= 1\n" \
           "            entry.context.refs -= 1\n            mm.uf.remove(entry)\n        uf.clear()\n"  # fmt: skip
    assert mark("15.e2", repaired(_PUT + back + _IF, _UNLOCK + _TELL)).points == 6


@pytest.mark.parametrize(
    ("do", "unlock", "most", "text"),
    [
        (_PUT + _IF, _TELL + _UNLOCK, 1, "complete the list below mm.unlock()"),  # under the lock
        (_DO + _PUT, _UNLOCK + _TELL, 0, ""),  # unmaps what was just mapped
        (_PUT + _DO, _UNLOCK + _TELL, 4, "Unmap first"),  # the two lines of the notebook: maps over what stayed
        (_PUT + "    if error:\n        mm.unlock()\n        return error\n" + _DO, _UNLOCK + _TELL, 5, "for ever"),
        (_PUT + "    if error:\n        return error\n" + _DO, _UNLOCK + _TELL, 5, "dropped on every way out"),
        (_PUT + _IF, _UNLOCK, 1, "has to be completed"),  # nothing is completed
    ],
)
def test_a_notification_that_can_be_lost(do: str, unlock: str, most: float, text: str) -> None:
    for seed in range(3):
        assert mark("15.e2", repaired(do, unlock), seed).points <= most
    assert text in first_said("15.e2", repaired(do, unlock))


def test_to_borrow_from_before_is_no_repair() -> None:
    for seed in range(3):
        assert mark("15.e2", before.vm_brk_flags, seed).points <= 2


def test_without_failures_the_right_one_maps_and_tells_as_before_and_merged() -> None:
    one: Any = exercise("15.e2")
    compared = 0
    for case in one.cases(SEED):
        if "fails" in case.group or (case.category == "public" and case.key.endswith("3")):
            continue
        world, script, pardoned = case.args[2:]
        right = one.expected(*case.args)
        for other in ("before", "merged"):
            for mine, theirs in zip(right, seen(other, world, script, pardoned), strict=True):
                assert not mine["broken"]
                same = ("answer", "told", "early", "waiting", "break", "lock")
                assert [mine[name] for name in same] == [theirs[name] for name in same]
                assert {**mine["counters"], "map_count": 0} == {**theirs["counters"], "map_count": 0}
                compared += 1
    assert compared > 60


# -- 15.e3


@pytest.mark.parametrize(
    ("script", "points", "text"),
    [
        ([("brk", 4), ("uffd_register", 2, 2), ("brk", 1)], 4, ""),
        ([("brk", 4), ("uffd_register", 0, 2), ("uffd_register", 2, 2), ("brk", 1)], 2.67, "can be left out"),
        ([("brk", 4), ("uffd_register", 0, 4), ("brk", 1)], 0, "belongs to the monitor that has to hear"),
        ([("brk", 4), ("uffd_register", 0, 2), ("brk", 2)], 0, "no registered page goes"),
        ([("brk", 4), ("brk", 1)], 0, "nothing is registered"),
        ([("brk", 4), ("uffd_register", 2, 2), ("touch", 0), ("brk", 1)], 2.67, "touch(0), can be left out"),
        ([("vm_brk_flags", 4, 2)], 0, "is no call here"),
        ("brk", 0, "expected a list"),
    ],
)
def test_a_script_that_breaks_the_repair(script: Any, points: float, text: str) -> None:
    assert text in first_said("15.e3", script)
    assert mark("15.e3", script).points == points


def test_the_line_helps_where_the_notebook_tries_it_and_stays_there() -> None:
    script = [["brk", 4], ["uffd_register", 0, 4], ["brk", 1]]
    assert "I16" in run(script, "v4").broken
    with with_line():
        assert "I16" not in run(script, WITH_LINE).broken
    assert WITH_LINE not in GENERATIONS


@pytest.mark.parametrize("key", ["15.e1", "15.e2", "15.e3"])
def test_no_answer_makes_a_judge_fail(key: str) -> None:
    one, chance = exercise(key), random.Random(key)
    cases = one.cases(SEED)
    odd: list[Any] = [
        None,
        True,
        -1,
        1 << 4000,
        "",
        "H" * 9999,
        ["brk", 1 << 4000],
        [["brk"]] * 999,
        {"brk": 4},
        [[True]],
    ]
    for _ in range(100):
        answer = chance.choice([*odd, [chance.choice(odd) for _ in range(4)]])
        for case in cases:
            found = one.judge(case, answer)
            assert 0 <= found.share < 1
            assert len(found.message) + len(found.difference) < 30_000
