"""Exercises of chapter 07: what is said to typical wrong answers, and what they earn."""

import random
from typing import Any

import pytest

from mmsim.brk import Process
from mmsim.course.exercises import exercise, vmas
from mmsim.mm.units import PAGE, page_align
from tests.exercise_answers import first_wrong, hostile, mark_of_function, mark_of_value

GAP = 256 * PAGE


def calls(learner: str = "ada") -> dict[str, list[object]]:
    return exercise("07.e1").answers(learner)  # type: ignore[attr-defined,no-any-return]


def steps(learner: str = "ada") -> list[tuple[int, int, int, str]]:
    return exercise("07.e1").steps(learner)  # type: ignore[attr-defined,no-any-return]


# -- six calls


def test_every_learner_has_calls_of_each_kind() -> None:
    for n in range(60):
        found = steps(f"learner {n}")
        accepted = [answer == want for _, want, answer, _ in found]
        assert accepted.count(False) == 2
        assert any(page_align(old) == page_align(want) and old != want for old, want, *_ in found[1:])
        assert any(answer == want < old and page_align(want) < page_align(old) for old, want, answer, _ in found)
        assert len({maps for *_, maps in found}) > 1


@pytest.mark.parametrize("learner", ["", "ada", "bob"])
def test_all_calls_right_earn_all(learner: str) -> None:
    assert mark_of_value("07.e1", calls(learner), learner).points == 4


def changed(key: str, answer: object = None, maps: object = None) -> dict[str, list[object]]:
    right = calls()
    return {**right, key: [right[key][0] if answer is None else answer, right[key][1] if maps is None else maps]}


def test_a_rounded_break_is_told_from_a_rounded_map() -> None:
    _, want, _, _ = steps()[0]
    found = first_wrong("07.e1", changed("c1", page_align(want)), "ada")
    assert "kept to the byte" in found.message
    assert found.share == 0.5


def test_an_error_number_is_no_answer() -> None:
    for n, (_, want, answer, _) in enumerate(steps(), 1):
        if answer == want:
            continue
        mine = changed(f"c{n}", -12)
        assert 3 < mark_of_value("07.e1", mine, "ada").points < 4
        judged = [exercise("07.e1").judge(case, mine) for case in exercise("07.e1").cases("x", "ada")]
        assert any("a refused call answers with a break" in found.message for found in judged)


def test_an_inclusive_end_is_named() -> None:
    maps = vmas.text([(start, end - 1, rights) for start, end, rights in vmas.parse(str(calls()["c1"][1]))])
    assert "first page behind" in first_wrong("07.e1", changed("c1", maps=maps), "ada").message


@pytest.mark.parametrize(
    ("maps", "said"),
    [
        ("0-9 rw-", "library is no longer as it was"),
        ("0-1 rw- | 1-9 rw-", "library is no longer as it was"),
        ("0-", "is no VMA"),
        ("5-5 rw-", "is empty"),
    ],
)
def test_wrong_maps_are_told(maps: str, said: str) -> None:
    assert said in first_wrong("07.e1", changed("c1", maps=maps), "ada").message


def test_a_growth_as_a_mapping_of_its_own_is_named() -> None:
    maps = str(calls()["c1"][1]).split(" | ")
    end = int(maps[0].split()[0].split("-")[1])
    mine = changed("c1", maps=f"0-1 rw- | 1-{end} rw- | {maps[1]}")
    assert "extends that one" in first_wrong("07.e1", mine, "ada").message


def test_always_what_was_asked_earns_little() -> None:
    mine = {f"c{n}": [want, "0-1 rw-"] for n, (_, want, _, _) in enumerate(steps(), 1)}
    assert mark_of_value("07.e1", mine, "ada").points < 1.5


# -- the steps of a growth


@pytest.mark.parametrize(
    ("letters", "points", "said"),
    [
        ("CGEAIFB", 2, ""),
        ("GCEAIFB", 0, "refused first"),
        ("CGDEAIFB", 0.29, "as asked, or not at all"),
        ("CGEAHFB", 1.57, ""),
        ("CGEAIBF", 1.71, ""),
        ("CGC", 0.29, "once is enough"),
    ],
)
def test_an_order_earns_its_prefix_and_hears_the_idea(letters: str, points: float, said: str) -> None:
    assert mark_of_value("07.e2", letters).points == pytest.approx(points, abs=0.01)
    assert not said or said in first_wrong("07.e2", letters).message


# -- the tests as a function


def right(start: int, brk: int, want: int, above: dict[str, object] | None, limit: int | None) -> int:
    if want < start or (limit is not None and want - start > limit):
        return brk
    if page_align(want) == page_align(brk) or want < brk or above is None:
        return want
    room = int(str(above["start"])) - (GAP if above["kind"] == "stack" else 0)
    return want if page_align(want) + PAGE <= room else brk


def test_the_library_answers_by_these_rules() -> None:
    one = exercise("07.e3")
    for seed in range(20):
        for case in one.cases(seed):
            assert one.expected(*case.args) == right(*case.args)  # type: ignore[attr-defined,misc]
    assert mark_of_function("07.e3", right).points == 6


def no_free_page(start: int, brk: int, want: int, above: Any, limit: Any) -> int:
    shifted = None if above is None else {**above, "start": above["start"] + PAGE}
    return right(start, brk, want, shifted, limit)


def no_guard_gap(start: int, brk: int, want: int, above: Any, limit: Any) -> int:
    return right(start, brk, want, above and {**above, "kind": "library"}, limit)


def limit_only_upwards(start: int, brk: int, want: int, above: Any, limit: Any) -> int:
    return right(start, brk, want, above, None if want < brk else limit)


def room_for_shrinks(start: int, brk: int, want: int, above: Any, limit: Any) -> int:
    grown = right(start, brk, want, above, limit)
    room = above and above["start"] - (GAP if above["kind"] == "stack" else 0)
    return brk if above and page_align(want) + PAGE > room else grown


def rounded(start: int, brk: int, want: int, above: Any, limit: Any) -> int:
    return page_align(right(start, brk, want, above, limit))


def error_number(start: int, brk: int, want: int, above: Any, limit: Any) -> int:
    found = right(start, brk, want, above, limit)
    return found if found == want else -12


def no_minimum(start: int, brk: int, want: int, above: Any, limit: Any) -> int:
    return want if want < start else right(start, brk, want, above, limit)


@pytest.mark.parametrize(
    ("wrong", "lost", "said"),
    [
        (no_free_page, ("examples", "below a library", "below a stack"), "one page has to stay free"),
        (no_guard_gap, ("examples", "below a stack"), "guard gap of 256 pages"),
        (limit_only_upwards, ("examples", "the limit"), "before that is looked at"),
        (room_for_shrinks, ("below a stack",), ""),
        (rounded, ("examples", "to the byte", "below a library", "below a stack", "the limit"), "kept to the byte"),
        (error_number, ("examples", "to the byte", "below a library", "below a stack", "the limit"), "the old one"),
        (no_minimum, ("examples", "to the byte"), "cannot end below its start"),
    ],
)
def test_each_slip_costs_its_groups(wrong: Any, lost: tuple[str, ...], said: str) -> None:
    mark = mark_of_function("07.e3", wrong)
    groups = {line.partition(":")[0] for line in mark.detail if not line.endswith(_all(line))}
    assert groups == set(lost)
    assert not said or said in first_wrong("07.e3", wrong).message


def _all(line: str) -> str:
    count = line.rpartition(" of ")[2]
    return f": {count} of {count}"


@pytest.mark.parametrize("answer", [lambda *a: a[1], lambda *a: a[2], lambda *a: page_align(a[2])])
def test_no_constant_choice_earns_a_group(answer: Any) -> None:
    assert mark_of_function("07.e3", answer).points == 0


def test_the_picture_shows_both_ends_and_the_guard_gap() -> None:
    one = exercise("07.e3")
    case = one.cases()[4]
    svg = one.picture(case, case.args[2])  # type: ignore[index]
    assert svg.startswith("<svg")
    assert ">guard gap<" in svg
    assert ">44<" in svg
    assert ">8<" in svg
    assert one.picture(one.cases()[0], 5) == ""
    assert one.picture(case, 1 << 4000) == ""


@pytest.mark.parametrize("key", ["07.e1", "07.e2", "07.e3"])
def test_no_answer_makes_a_judge_fail(key: str) -> None:
    assert all(found.share in (0, 0.5) or key == "07.e2" for _, found in hostile(key))


# -- VMAs as text


def test_a_list_of_vmas_is_read_in_several_forms() -> None:
    assert vmas.parse(" 0-4 rw-p |4 - 8: r--\n 9-10 rx") == [(0, 4, "rw-"), (4, 8, "r--"), (9, 10, "r-x")]
    for text in (
        "",
        "0-4",
        "4-0 rw-",
        "0-4 rw- | 3-5 rw-",
        "0-4 rwq",
        "-1-4 rw-",
        "x" * 3000,
        " | ".join(["0-1 r--"] * 50),
    ):
        with pytest.raises(vmas.NotVmas):
            vmas.parse(text)


def test_what_is_written_can_be_read_and_be_a_process() -> None:
    chance = random.Random(7)
    for _ in range(100):
        at, found = 0, []
        for _ in range(chance.randrange(1, 7)):
            at += chance.choice((0, 2))
            found.append((at, at + chance.randrange(1, 5), chance.choice(("rw-", "r--", "r-x", "---"))))
            at = found[-1][1]
        assert vmas.parse(vmas.text(found)) == found
        process = vmas.process_of(found, 1)
        assert vmas.vmas_of(process) == found
        assert isinstance(process, Process)
        assert process.check() == []


@pytest.mark.parametrize(
    ("expected", "got", "said"),
    [
        ("0-8 rw-", "0-8 rw-", ""),
        ("0-8 rw- | 8-9 r--", "0-7 rw- | 8-8 r--", None),
        ("0-8 rw- | 8-10 r--", "0-7 rw- | 8-9 r--", "one too low"),
        ("0-8 rw-", "0-4 rw- | 4-8 rw-", "at page 4 there is no border"),
        ("0-4 rw- | 4-8 rw-", "0-8 rw-", "at page 4 there is a border"),
        ("0-4 rw- | 4-8 r--", "0-5 rw- | 5-8 r--", "page 4 is r-- now, in your list it is rw-"),
        ("0-4 rw-", "0-4 rw- | 6-8 r--", "page 6 is not mapped now"),
        ("0-4 rw- | 6-8 r--", "0-4 rw-", "page 6 is mapped now"),
    ],
)
def test_the_idea_of_the_first_difference_is_said(expected: str, got: str, said: str | None) -> None:
    if said is None:
        with pytest.raises(vmas.NotVmas):
            vmas.parse(got)
        return
    assert said in vmas.idea(vmas.parse(expected), vmas.parse(got))
    assert bool(said) == bool(vmas.idea(vmas.parse(expected), vmas.parse(got)))
