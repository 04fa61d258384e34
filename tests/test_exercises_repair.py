"""The base of repairs: an unrepaired function earns nothing, a claim from the learner's process is looked at first."""

import random
from inspect import getsource
from random import Random
from types import FunctionType
from typing import Any, ClassVar

import pytest

from mmsim.brk import GENERATIONS, before, v4
from mmsim.course.exercises.ask import namespace_of, reply
from mmsim.course.exercises.drivers.heap import played, unchanged
from mmsim.course.exercises.model import Answer, Mark, grade, verdict
from mmsim.course.exercises.repair import SIGHTS, Repair, failing, points
from mmsim.explore.world import START
from mmsim.mm.units import PAGE
from tests.weird import value

_LINE = "            if not stored:\n                return -ENOMEM"


class Toy(Repair):
    """The promise that a failed extension of v4 keeps."""

    id, name, title, goal = "14.e9", "my_do_brk_flags", "Toy", "Try the base."
    points, minutes, difficulty, misconception = 4, 1, 1, "M37"
    hints = ("look at the toy", "think of the toy itself", "write down the toy now")
    function, right, pardoned = "do_brk_flags", "", ("I10",)
    repairs = ((_LINE, _LINE.replace("return", "mm.machine.uncharge(pages)\n                return")),)
    shown = (("file", failing([("brk", START + PAGE), ("brk", START + 2 * PAGE)], "maple_alloc")),)
    groups: ClassVar[dict[str, int]] = {"failures": 4, "anything": 6}

    def script(self, group: str, chance: Random) -> tuple[str, list[Any]]:
        first, more = chance.randrange(1, 5), chance.randrange(1, 5)
        ops = [("brk", START + first * PAGE), ("brk", START + (first + more) * PAGE)]
        site = "maple_alloc" if group == "failures" else chance.choice(("maple_alloc", "commit_refusal", "vma_alloc"))
        return "file", [*failing(ops, site), ("brk", START + 9 * PAGE)]


TOY = Toy()


def edited(function: FunctionType, old: str, new: str) -> Any:
    """A function of a generation as a learner's cell has it, with lines changed."""
    source = getsource(function)
    assert source.count(old) == 1
    return namespace_of("from __future__ import annotations\n" + source.replace(old, new))[function.__name__]


def mark(thing: Any, seed: object = 1) -> Mark:
    cases = TOY.cases(seed)  # type: ignore[arg-type]
    answers = {case.key: Answer.of(reply(thing, TOY.name, case.args, TOY.driver)) for case in cases}
    return grade(TOY, cases, answers)


def test_the_function_word_for_word_is_not_tried_yet() -> None:
    copy = edited(v4.do_brk_flags, "    prev = None\n", "    prev = None  # mine\n")
    assert copy is not v4.do_brk_flags
    assert unchanged(copy, v4.do_brk_flags)
    assert mark(copy).message.startswith("not tried yet")


@pytest.mark.parametrize("seed", range(20))
def test_a_repair_earns_all_and_what_is_none_earns_nothing(seed: int) -> None:
    assert mark(edited(v4.do_brk_flags, *TOY.repairs[0]), seed).points == 4
    other = edited(v4.do_brk_flags, "    prev = None\n", "    prev = last = None\n")
    for thing in (other, lambda *given: -12, lambda *given: 0, lambda *given: None):
        found = mark(thing, seed)
        assert found.points == 0, found
        assert not found.message.startswith("not tried")


def test_where_the_two_part_is_told() -> None:
    other = edited(v4.do_brk_flags, "    prev = None\n", "    prev = last = None\n")
    (case,) = TOY.cases()
    found = verdict(TOY, case, Answer.of(reply(other, TOY.name, case.args, TOY.driver)))
    assert "after brk(heap+2), op 3 of 3, invariants are broken: I8" in found.message
    assert "* committed" in found.difference
    assert "fail(maple_alloc, 1); brk(heap+2)" in TOY.said(case)


def test_helpers_of_the_notebook_and_names_of_the_module_are_found() -> None:
    names: dict[str, Any] = {}
    source = "def give_back(mm, pages):\n    mm.machine.uncharge(pages)\n    return -ENOMEM\n"
    exec(source, names)
    mine = edited(v4.do_brk_flags, _LINE, _LINE.replace("-ENOMEM", "give_back(mm, pages)"))
    mine.__globals__["give_back"] = FunctionType(names["give_back"].__code__, mine.__globals__)
    assert mark(mine).points == 4


def test_another_generations_function_does_not_fit() -> None:
    assert mark(GENERATIONS["merged"].do_brk_flags).points == 0
    assert mark(before.do_brk_flags).points == 0


def test_what_is_no_function_and_what_raises_is_said() -> None:
    assert "expected a function in place of do_brk_flags(), got int" in mark(3).message
    assert "ZeroDivisionError" in mark(lambda *given: 1 // 0).message
    assert "yours" not in GENERATIONS


def test_the_same_is_seen_twice() -> None:
    args = TOY.cases()[0].args
    mine = edited(v4.do_brk_flags, *TOY.repairs[0])
    assert args is not None
    assert played(mine, *args) == played(mine, *args) == TOY.expected(*args)


def test_points_of_a_call() -> None:
    ops = [("brk", START + PAGE), ("brk", START + 2 * PAGE)]
    assert points("v4", "file", ops) == [("lock_killed", 1), ("commit_refusal", 1), ("maple_alloc", 1)]


# -- claims that no driver makes


ATOMS = (None, True, 0, -1, 1 << 4000, 1.5, "", "x" * 10_000, "answer", [], {}, [[]] * 300)


def test_no_claim_makes_the_judge_fail() -> None:
    chance = random.Random(7)
    case = TOY.cases()[0]
    right = TOY.expected(*case.args)  # type: ignore[misc]
    for n in range(600):
        claim = [dict(state) for state in right]
        if n % 2:
            place = chance.choice(claim)
            place[chance.choice(sorted(SIGHTS))] = value(chance, ATOMS, sorted(SIGHTS))
        else:
            claim = value(chance, ATOMS, sorted(SIGHTS))
        found = TOY.judge(case, claim)
        assert found.share in (0, 1)
        assert found.right == (claim == right)
        assert len(found.message) + len(found.difference) < 20_000
    assert not TOY.judge(case, right[:-1]).right
    assert not TOY.judge(case, [*right, *right]).right
