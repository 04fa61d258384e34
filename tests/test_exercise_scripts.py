"""Scripts as plain data: read strictly, run in the generations, judged as counter-examples."""

import random

import pytest

from mmsim.course.exercises.model import Answer, grade
from mmsim.course.exercises.plain import Plain, plain
from mmsim.course.exercises.scripts import CALLS, CounterExample, NotAScript, Run, compared, read, run
from tests.weird import value


class SameMaps(CounterExample):
    """A claim that the hole under the break proves wrong."""

    id, name, title, goal = "10.e9", "my_script", "Toy", "Break a claim."
    points, minutes, difficulty, misconception = 3, 1, 1, "M32"
    hints = ("look at the toy", "think of the toy itself", "write down the toy now")
    good, bad, calls = "before", "v4", ("brk", "munmap", "mmap", "fork")

    def breach(self, run: Run, right: Run) -> str:
        return "" if run.heap == right.heap else "the heap differs"


def points(script: object) -> float:
    one = SameMaps()
    cases = one.cases("seed")
    return grade(one, cases, {case.key: Answer(plain(script)) for case in cases}).points


HOLE = [("brk", 4), ("munmap", 3, 1), ("brk", 6)]


def test_a_script_that_breaks_the_claim_earns_all_and_one_that_does_not_nothing() -> None:
    assert points(HOLE) == 3
    assert points(HOLE[:2]) == 0
    assert points([("brk", 4)]) == 0


def test_a_call_too_many_costs_a_part_and_is_named() -> None:
    script = [("brk", 4), ("mmap", 20, 1, "rw-"), *HOLE[1:]]
    assert points(script) == 2
    one = SameMaps()
    found = one.judge(one.cases()[1], plain(script))
    assert found.message.startswith("call 2, mmap(20, 1, 'rw-'), can be left out")


def test_what_each_generation_did_is_shown() -> None:
    one = SameMaps()
    found = one.judge(one.cases()[0], [["brk", 4], ["brk", 6]])
    assert found.message == "the claim holds for this script, in v4 as in before"
    assert "brk(6)" in found.difference
    assert "*" not in found.difference
    assert "* brk(6)" in compared(run(HOLE, "before"), run(HOLE, "v4"))


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("brk", "expected a list of 1 to 10 calls"),
        ([], "expected a list of 1 to 10 calls"),
        ([["brk", 1]] * 11, "got 11 calls"),
        (["brk"], "call 1: expected a call"),
        ([["brk", 1], ["touch", 1]], "call 2: 'touch' is no call here, expected one of brk, mmap, munmap, fork"),
        ([["brk"]], "call 1: brk takes a page from -16 to 512; e.g. ('brk', 4)"),
        ([["brk", True]], "got True"),
        ([["brk", 1 << 4000]], "brk takes a page"),
        ([["mmap", 1, 1, "rwxp"]], "takes rights such as"),
        ([["fork", "child"]] * 5, "at most 4 forks"),
    ],
)
def test_what_is_no_script_is_said(script: Plain, said: str) -> None:
    one = SameMaps()
    for case in one.cases("seed"):
        found = one.judge(case, script)
        assert not found.right
        assert found.shape
        assert said in found.message


def test_every_call_has_an_example_that_can_be_run_in_each_generation() -> None:
    for name, form in CALLS.items():
        script = read([["brk", 4], plain(form.example)])
        for generation in ("before", "v4", "merged", "today"):
            found = run(script, generation)
            assert len(found.steps) == 2, (name, generation)
            assert found.last.text


def test_weird_data_is_never_run_and_never_raises() -> None:
    chance = random.Random(7)
    atoms: list[Plain] = [None, True, 0, -1, 4, 1.5, "", "brk", "rw-", "x" * 1000, 1 << 4000, [], {}, ["brk", 4]]

    one = SameMaps()
    for _ in range(500):
        answer = value(chance, atoms, depth=4)
        assert all(0 <= one.judge(case, answer).share <= 1 for case in one.cases("seed"))
    assert not one.judge(one.cases()[0], [["brk", 4]] * 100_000).right


def test_any_script_of_well_formed_calls_is_run_to_an_end() -> None:
    chance = random.Random(8)
    for _ in range(150):
        script = read([_any_call(chance) for _ in range(8)])
        for generation in ("before", "v4", "merged", "today"):
            assert run(script, generation, chance.choice(("file", "bss", "bare"))).steps


def _any_call(chance: random.Random) -> list[Plain]:
    name = chance.choice([name for name in CALLS if name != "fork"])
    call = list(CALLS[name].example)
    return [name, *(chance.randrange(1, 9) if type(arg) is int else arg for arg in call[1:])]


def test_a_state_that_is_too_broken_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def stops(*args: object) -> None:
        raise KeyError

    monkeypatch.setattr("mmsim.trace.syscall_trace.Session.judged", stops)
    found = run([["brk", 4], ["brk", 7]], "today", "bare")
    assert [step.text for step in found.steps] == ["the kernel stops (KeyError)"]
    with pytest.raises(NotAScript):
        read(3)


def test_the_end_of_both_runs_is_drawn() -> None:
    one = SameMaps()
    drawn = one.picture(one.cases()[0], [["brk", 4], ["brk", 6]])
    assert drawn.startswith("<svg")
    assert "before" in drawn
    assert one.picture(one.cases()[0], [["brk", "4"]]) == ""
