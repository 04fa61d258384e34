"""Exercises of chapter 08: what is said to typical wrong answers, and what they earn."""

import random
from typing import Any

import pytest

from mmsim.course.exercises import exercise, vmas
from mmsim.course.exercises.c08 import _sketched
from mmsim.course.exercises.model import grade
from tests.exercise_answers import first_wrong, hostile, mark_of_function, mark_of_value

# -- the VMAs after each call


def lists(learner: str = "ada") -> list[str]:
    return [vmas.text(after) for _, _, after in exercise("08.e1").steps(learner)]  # type: ignore[attr-defined]


def test_every_learner_merges_cuts_and_grows() -> None:
    one = exercise("08.e1")
    for n in range(40):
        steps = one.steps(f"learner {n}")  # type: ignore[attr-defined]
        assert all(_sketched(before, step["brk"], step["call"]) == after for step, before, after in steps)
        counts = [len(after) - len(before) for _, before, after in steps]
        assert min(counts) < 0
        assert [before for _, before, _ in steps[1:]] == [after for _, _, after in steps[:-1]]
        assert sum(before == after for _, before, after in steps) <= 1
        assert any(step["call"][0] == "brk" and before != after for step, before, after in steps)
        assert all(vmas.parse(vmas.text(after)) == after for _, _, after in steps)


def test_all_none_or_another_learners() -> None:
    assert mark_of_value("08.e1", lists(), "ada").points == 6
    assert mark_of_value("08.e1", [None] * 6, "ada").points == 0
    assert mark_of_value("08.e1", lists("bob"), "ada").points == 0
    assert mark_of_value("08.e1", ["0-1 rw-"] * 6, "ada").points == 0
    assert mark_of_value("08.e1", "nonsense", "ada").points == 0


def test_a_slip_costs_its_step_and_what_follows_from_it_counts() -> None:
    one = exercise("08.e1")
    for learner in ("ada", "bob", "eve", ""):
        steps = one.steps(learner)  # type: ignore[attr-defined]
        first = steps[0][2]
        end = first[-1][1] + 1
        own = [*first[:-1], (first[-1][0], end, first[-1][2])]  # the last VMA one page too long
        mine = [vmas.text(own)]
        for step, _, _ in steps[1:]:
            process = vmas.process_of(own, step["brk"])
            if vmas.call(process, *step["call"]) < 0:
                break
            own = vmas.vmas_of(process)
            mine.append(vmas.text(own))
        else:
            points = mark_of_value("08.e1", mine, learner).points
            assert 0 < points < 6


def test_an_own_step_is_followed() -> None:
    one = exercise("08.e1")
    part = [
        2,
        {"call": ["mprotect", 4, 4, "r--"], "brk": 8},
        [[0, 8, "rw-"], [8, 12, "r--"]],
        [[0, 4, "rw-"], [4, 12, "r--"]],
    ]
    case = type(one.cases()[0])("step 2", "public", "step 2", None, part)
    follows = one.judge(case, ["0-8 rw- | 8-13 r--", "0-4 rw- | 4-13 r--", None, None, None, None])
    assert follows.right
    assert "your own VMAs on" in follows.message
    nothing = one.judge(case, ["0-2 rw- | 8-12 r--", "0-2 rw- | 8-12 r--", None, None, None, None])
    assert not nothing.right
    far = one.judge(case, ["4-8 rw-", "4-8 r--", None, None, None, None])
    assert not far.right


def test_own_lists_of_any_kind_are_followed_or_not_but_never_fail() -> None:
    chance, one = random.Random(8), exercise("08.e1")
    cases = one.cases("x", "ada")
    for _ in range(80):
        mine: list[str | None] = list(lists())
        for _ in range(chance.randrange(1, 3)):
            at = chance.randrange(6)
            own = [list(vma) for vma in vmas.parse(mine[at] or "")]
            vma = chance.choice(own)
            vma[chance.randrange(2)] += chance.choice((-1, 1, 2, 900_000))
            if chance.random() < 0.3:
                vma[2] = chance.choice(("rw-", "r--", "---"))
            try:
                vmas.parse(vmas.text(map(tuple, own)))
            except vmas.NotVmas:
                continue
            mine[at] = vmas.text(map(tuple, own))
        assert all(one.judge(case, mine).share in (0, 1) for case in cases)


def test_alike_neighbours_left_apart_are_named() -> None:
    seen = set()
    for n in range(4):
        one, learner = exercise("08.e1"), f"learner {n}"
        for number, (_, _, after) in enumerate(one.steps(learner), 1):  # type: ignore[attr-defined]
            wide = next((vma for vma in after if vma[1] - vma[0] > 1), None)
            assert wide is not None
            start, end, rights = wide
            cut = sorted([*(vma for vma in after if vma != wide), (start, start + 1, rights), (start + 1, end, rights)])
            mine = [*lists(learner)[: number - 1], vmas.text(cut), *lists(learner)[number:]]
            assert mark_of_value("08.e1", mine, learner).points < 6
            if number <= 3:
                seen.add(first_wrong("08.e1", mine, learner).message.partition(": ")[2])
    assert any("both sides are alike, so they are one VMA" in said for said in seen)


def test_inclusive_ends_and_nonsense_are_named() -> None:
    steps = exercise("08.e1").steps("ada")  # type: ignore[attr-defined]
    inclusive = vmas.text((start, max(start + 1, end - 1), rights) for start, end, rights in steps[0][2])
    assert "one too low" in first_wrong("08.e1", [inclusive, *lists()[1:]], "ada").message
    assert "is no VMA" in first_wrong("08.e1", ["heap", *lists()[1:]], "ada").message
    assert "list of six texts" in first_wrong("08.e1", [3] * 6, "ada").message


def test_a_refused_call_is_said_to_change_nothing() -> None:
    for n in range(200):
        learner = f"learner {n}"
        steps = exercise("08.e1").steps(learner)  # type: ignore[attr-defined]
        at = next((at for at, (_, before, after) in enumerate(steps[:3]) if before == after), None)
        if at is None:
            continue
        right = lists(learner)
        mine = [*right[:at], right[(at + 1) % 6] if right[(at + 1) % 6] != right[at] else "0-1 rw-", *right[at + 1 :]]
        assert "changes nothing: it is refused" in first_wrong("08.e1", mine, learner).message
        return
    raise AssertionError("no learner of 200 has a call that is refused")


def test_the_picture_has_both_lists() -> None:
    one = exercise("08.e1")
    svg = one.picture(one.cases(None, "ada")[0], ["0-3 rw- | 5-9 r--", *[None] * 5])
    assert svg.startswith("<svg")
    assert ">expected<" in svg
    assert ">got<" in svg


# -- which case


def right(left: Any, want: Any, right: Any) -> int:
    return judged(left, want, right, set())


def judged(left: Any, want: Any, right: Any, ignored: set[str]) -> int:
    """The case by rules of our own, without those that are ignored."""

    def fits(lower: Any, upper: Any, neighbour: Any) -> bool:
        if lower is None or upper is None:
            return False
        rules = {
            "touch": lower["end"] == upper["start"],
            "flags": lower["flags"] == upper["flags"],
            "file": lower["file"] == upper["file"],
            "pgoff": lower["pgoff"] + lower["end"] - lower["start"] == upper["pgoff"],
            "links": neighbour["links"] <= 1,
            "written": neighbour["anon"] is None or "too much" not in ignored,
        }
        return all(value for rule, value in rules.items() if rule not in ignored)

    one, two = fits(left, want, left), fits(want, right, right)
    if one and two and ("anons" in ignored or left["anon"] is None or right["anon"] in (None, left["anon"])):
        return 1
    return 2 if one else 3 if two else 0


def test_the_library_merges_by_these_rules() -> None:
    one = exercise("08.e2")
    for seed in range(30):
        for case in one.cases(seed):
            assert one.expected(*case.args) == right(*case.args), case  # type: ignore[attr-defined,misc]
    assert mark_of_function("08.e2", right).points == 6


@pytest.mark.parametrize(
    ("ignored", "group", "said"),
    [
        ("touch", "who touches", "left one cannot be merged with the request: does not touch, 6 is not 8"),
        ("flags", "flags and files", "other flags"),
        ("file", "flags and files", ""),
        ("pgoff", "page numbers", ""),
        ("anons", "first writes", "each side fits alone, but they cannot become one"),
        ("links", "after a fork", "inherited, its chain has 2 links"),
        ("too much", "first writes", "left one fits and was left out"),
    ],
)
def test_each_criterion_left_out_costs_its_group(ignored: str, group: str, said: str) -> None:
    def wrong(*args: Any) -> int:
        return judged(*args, {ignored})

    for seed in ("a", "b", "c"):
        mark = mark_of_function("08.e2", wrong, seed)
        assert mark.points < 6
        assert not any(line == f"{group}: 16 of 16" for line in mark.detail)
    assert not said or said in first_wrong("08.e2", wrong).message


@pytest.mark.parametrize("number", range(4))
def test_no_constant_case_earns_a_group(number: int) -> None:
    for seed in range(10):
        assert mark_of_function("08.e2", lambda *_: number, str(seed)).points == 0


def test_what_is_unusual_is_shown() -> None:
    one = exercise("08.e2")
    case = one.cases()[5]
    assert "left 4-8 anon 1, links 2" in one.said(case)
    found = one.judge(case, 1)
    assert found.difference.startswith("expected: 3, right grows down\ngot:      1, left grows over")
    assert one.judge(case, 7).message == "expected a case from 0 to 3"
    assert one.judge(case, True).shape
    assert one.picture(case, 1).startswith("<svg")
    assert one.picture(case, 9) == ""


# -- alike, touching, and yet two


@pytest.mark.parametrize(
    ("script", "points", "said"),
    [
        ([("mmap", -2, 2, "rw-"), ("brk", 4)], 4, ""),
        ([("brk", 4), ("brk", 0), ("mmap", -1, 1, "rw-"), ("brk", 2)], 2.67, "can be left out"),
        ([("mmap", -2, 2, "rw-"), ("brk", 4), ("brk", 6)], 2.67, "can be left out"),
        ([("brk", 4), ("touch", 0), ("fork", "child"), ("brk", 6)], 0, "in before, too"),
        (
            [("mmap", 20, 2, "rw-"), ("mmap", 24, 2, "rw-"), ("touch", 20), ("touch", 24), ("mmap", 22, 2, "rw-")],
            0,
            "too",
        ),
        ([("brk", 4), ("brk", 8)], 0, "nothing but the heap"),
        ([("mmap", 8, 2, "rw-"), ("mmap", 10, 2, "rw-")], 0, "which call does not?"),
        ([("mmap", 8, 2, "rw-"), ("brk", 7)], 0, "where has something alike to end"),
        ([("mmap", -2, 2, "r--"), ("brk", 4)], 0, "where has something alike to end"),
        ([("mbind", 0, 2, "bind:0")], 0, "is no call here"),
        ([("brk", "4")], 0, "brk takes a page"),
        ([("brk", 4)] * 7, 0, "1 to 6 calls"),
        ("brk", 0, "expected a list"),
    ],
)
def test_scripts_that_do_and_do_not(script: object, points: float, said: str) -> None:
    assert mark_of_value("08.e3", script).points == points
    assert not said or said in first_wrong("08.e3", script).message


@pytest.mark.parametrize("key", ["08.e1", "08.e2", "08.e3"])
def test_no_answer_makes_a_judge_fail(key: str) -> None:
    assert all(found.share == 0 for _, found in hostile(key, rounds=80) if not found.right)
    assert grade(exercise(key), [], {}).points == 0
