"""Exercises of chapter 09: what is said to typical wrong answers, and what they earn."""

import random
from typing import Any

import pytest

from mmsim.course.exercises import exercise
from mmsim.kernel import NoKernel
from mmsim.kernel.live import LiveProcess
from mmsim.trace.lockstep import Step
from mmsim.trace.reality import Reality, check_reality
from tests.exercise_answers import first_wrong, hostile, mark_of_function, mark_of_value

# -- what /proc shows


def view(learner: str = "ada") -> dict[str, Any]:
    return exercise("09.e1").answers(learner)  # type: ignore[attr-defined,no-any-return]


def test_answers_differ_from_learner_to_learner() -> None:
    found = [view(f"learner {n}") for n in range(100)]
    for key, least in (("first", 3), ("resident", 4), ("last", 12), ("lines", 4), ("VmSize", 6)):
        assert len({each[key] for each in found}) >= least


@pytest.mark.parametrize("learner", ["", "ada", "bob", "eve"])
def test_a_kernel_shows_what_is_expected(learner: str) -> None:
    try:
        LiveProcess("bss").__enter__().__exit__(None, None, None)
    except NoKernel as reason:
        pytest.skip(str(reason))
    asked = check_reality(exercise("09.e1").instance(learner))  # type: ignore[attr-defined]
    if not asked.exact:
        pytest.skip("a kernel before 6.16 cuts its maps in another way")
    rows = [row for row in asked.steps[-1].kernel["maps"] if row[3]]
    heap = [row for row in rows if row[1] > asked.start_brk]
    assert view(learner)["lines"] == len(rows)
    assert view(learner)["resident"] == sum(row[5] for row in heap)
    for key, row in (("first", heap[0]), ("last", heap[-1])):
        assert view(learner)[key] == f"{row[0]:x}-{row[1]:x} {row[2]}"


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("first", "10011000-10016000 rw-p", "stays a line of its own"),
        ("first", "10014000-10014fff rw-p", ""),
        ("first", "10014000 rw-p", "expected a line like"),
        ("first", 5, "expected a text"),
        ("resident", 3, "whole pages"),
        ("resident", 400, "written to and are still mapped"),
        ("resident", True, "expected a whole number"),
    ],
)
def test_a_wrong_view_hears_the_idea(key: str, value: object, said: str) -> None:
    mine = {**view(), key: value}
    assert mark_of_value("09.e1", mine, "ada").points == 4
    assert said in first_wrong("09.e1", mine, "ada").message


def test_hidden_parts_hear_ideas_too_but_no_value() -> None:
    one, right = exercise("09.e1"), view()
    for case in one.cases("x", "ada"):
        key = case.part[0]
        wrong = {"last": "10014000-10015000 r--p", "first": "10014000-10015000 r--p"}.get(key, 9999)
        found = one.judge(case, {**right, key: wrong})
        assert not found.right
        assert found.message.startswith(key)
        assert str(right[key]) not in found.message


def test_a_name_behind_the_line_and_zeros_before_it_do_no_harm() -> None:
    mine = {**view(), "first": f"0000{view()['first']} 00000000 00:00 0   [heap]"}
    assert mark_of_value("09.e1", mine, "ada").points == 5


def test_another_learners_view_is_not_worth_all() -> None:
    assert mark_of_value("09.e1", view("bob"), "ada").points <= 2


# -- five claims

BREAKS = [["brk", 8], ["munmap", 2, 2], ["brk", 1]]


def letter(name: str, learner: str = "ada") -> str:
    letters = exercise("09.e2").letters(learner)  # type: ignore[attr-defined]
    return next(each for each, claim in letters.items() if claim == name)


def test_the_samples_break_the_wrong_claim_and_no_other() -> None:
    one: Any = exercise("09.e2")
    for n, sample in enumerate(one.samples()):
        shots = one.read(sample)
        assert [name for name, claim in one.claims.items() if not claim.test(shots).holds] == (
            [one.wrong] if not n else []
        )
    for claim in one.claims.values():
        assert any(claim.test(one.read(sample)).about for sample in one.samples())


def a_call(chance: random.Random) -> list[Any]:
    page, pages, rights = chance.randrange(-5, 14), chance.randrange(1, 5), chance.choice(("rw-", "r--"))
    return chance.choice(
        [
            ["brk", chance.randrange(-1, 14)],
            ["brk", chance.randrange(-1, 14)],
            ["touch", page],
            ["mmap", page, pages, rights],
            ["munmap", page, pages],
            ["mprotect", page, pages, rights],
            ["fork", chance.choice(("child", "parent"))],
        ]
    )


def test_no_random_script_breaks_a_claim_that_is_right() -> None:
    one: Any = exercise("09.e2")
    chance, broken = random.Random(9), 0
    for _ in range(300):
        script = [a_call(chance) for _ in range(8)]
        if sum(call[0] == "fork" for call in script) > 4:
            continue
        shots = one.read(script)
        found = [name for name, claim in one.claims.items() if not claim.test(shots).holds]
        assert set(found) <= {one.wrong}, script
        broken += bool(found)
    assert broken


@pytest.mark.parametrize(
    ("claim", "evidence", "points", "said"),
    [
        ("size follows", BREAKS, 4, ""),
        ("size follows", [["brk", 8], ["brk", 2]], 2, "holds in your run"),
        ("size follows", [["touch", 3]], 1, "your evidence has none"),
        ("size follows", None, 1, "evidence: expected a list"),
        ("one more", BREAKS, 0, "holds in your run"),
        ("write", BREAKS, 0, "your evidence has none"),
        ("fork", [["brk", 4], ["fork", "child"]], 0, "holds in your run"),
        ("refused", [["brk", 4], ["mmap", 6, 2, "r--"], ["brk", 6]], 0, "holds in your run"),
    ],
)
def test_claim_and_evidence_count_apart(claim: str, evidence: object, points: float, said: str) -> None:
    mine = {"claim": letter(claim), "evidence": evidence}
    assert mark_of_value("09.e2", mine, "ada").points == points
    assert not said or said in first_wrong("09.e2", mine, "ada").message


def test_the_table_says_what_moved() -> None:
    found = first_wrong("09.e2", {"claim": letter("one more"), "evidence": BREAKS}, "ada")
    assert "call 1, brk(8): accepted, the break +8 pages, VmSize +8 pages, lines 2 -> 3" in found.difference
    one: Any = exercise("09.e2")
    seen = one.claims["size follows"].test(one.read(BREAKS)).seen
    assert "call 3, brk(1): accepted, the break -7 pages, VmSize -5 pages" in seen


# -- kinds of differences


def joined(maps: Any) -> set[tuple[int, str]]:
    return {(page, rights) for start, end, rights in maps for page in range(start, end)}


def right(model: Any, kernel: Any) -> str:
    if model["answer"] != kernel["answer"]:
        return "answer"
    if model == kernel:
        return "same"
    return "borders" if joined(model["maps"]) == joined(kernel["maps"]) else "pages"


def test_pages_one_by_one_come_to_the_same() -> None:
    one: Any = exercise("09.e3")
    for seed in range(20):
        for case in one.cases(seed):
            assert one.expected(*case.args) == right(*case.args)
    assert mark_of_function("09.e3", right).points == 5


def test_it_is_what_reality_calls_an_agreement_on_an_older_kernel() -> None:
    one: Any = exercise("09.e3")
    for seed in range(5):
        for case in one.cases(seed):
            sides = [
                {"ret": side["answer"], "maps": [[*row, 1, "", 0] for row in side["maps"]], "VmSize": 0}
                for side in case.args
            ]
            older = Reality("today", "", "6.1.0", False, 0, (Step("brk", 0, *sides),))
            assert older.agrees == (one.expected(*case.args) in ("same", "borders"))


def by_count(model: Any, kernel: Any) -> str:
    found = right(model, kernel)
    if found in ("borders", "pages"):
        return "borders" if len(model["maps"]) == len(kernel["maps"]) else "pages"
    return found


def maps_first(model: Any, kernel: Any) -> str:
    return (
        right({**model, "answer": 0}, {**kernel, "answer": 0})
        if model["maps"] != kernel["maps"]
        else right(model, kernel)
    )


def without_rights(model: Any, kernel: Any) -> str:
    if right(model, kernel) in ("answer", "same"):
        return right(model, kernel)
    one, two = ({page for page, _ in joined(side["maps"])} for side in (model, kernel))
    return "borders" if one == two else "pages"


def any_difference(model: Any, kernel: Any) -> str:
    return {"borders": "pages"}.get(right(model, kernel), right(model, kernel))


@pytest.mark.parametrize(
    ("wrong", "most", "said"),
    [
        (by_count, 1, "only the cuts between lines differ"),
        (maps_first, 4, ""),
        (without_rights, 3, "still not equal"),
        (any_difference, 1, "only the cuts between lines differ"),
        (lambda *_: "different", 0, "expected one of same, answer, borders, pages"),
        (lambda *_: False, 0, "expected a text"),
    ],
)
def test_each_way_to_be_wrong_costs_and_is_named(wrong: Any, most: float, said: str) -> None:
    assert mark_of_function("09.e3", wrong).points <= most
    assert not said or said in first_wrong("09.e3", wrong).message


@pytest.mark.parametrize("word", ["same", "answer", "borders", "pages"])
def test_no_constant_word_earns_a_group(word: str) -> None:
    for seed in range(10):
        assert mark_of_function("09.e3", lambda *_: word, str(seed)).points == 0


def test_the_picture_has_both_sides() -> None:
    one = exercise("09.e3")
    svg = one.picture(one.cases()[1], "pages")
    assert ">model<" in svg
    assert ">kernel<" in svg
    assert one.picture(one.cases()[1], "x") == ""


@pytest.mark.parametrize("key", ["09.e1", "09.e2", "09.e3"])
def test_no_answer_makes_a_judge_fail(key: str) -> None:
    assert not any(found.right for _, found in hostile(key, rounds=100))
