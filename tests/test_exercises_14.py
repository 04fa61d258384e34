"""Exercises of chapter 14: a lint, the lost extension, an executable; wrong answers and what is said to them."""

import random
from collections.abc import Callable, Iterator
from inspect import getsource
from typing import Any

import pytest

from mmsim.brk import v4
from mmsim.course.exercises import exercise
from mmsim.course.exercises.ask import namespace_of
from mmsim.course.exercises.c14 import odd_lines
from mmsim.course.exercises.model import Mark
from mmsim.trace.loads import loaded
from tests.exercise_answers import mark_of, wrong_verdict

SEED = "a secret"


def mark(key: str, thing: Any, seed: int | str = SEED) -> Mark:
    return mark_of(exercise(key), thing, seed)


def first_said(key: str, thing: Any) -> str:
    """What is said of the first public case that is wrong, "" if none is."""
    found = wrong_verdict(exercise(key), thing)
    return f"{found.message}\n{found.difference}" if found else ""


# -- 14.e1


def by_hand(text: str) -> list[int]:
    """The same as odd_lines(), sign by sign: the state is what the sign stands in."""
    found, comments, inside, at, line = [], list(_comments(text)), "", 0, 1
    del inside, at, line
    for start, lines in comments:
        starred = all(each.lstrip(" \t")[:1] == "*" for each in lines[1:-1])
        if len(lines) > 1 and not (lines[0].strip() == "/*" and starred and lines[-1].strip() == "*/"):
            found.append(start)
    return found


def _comments(text: str) -> Iterator[tuple[int, list[str]]]:
    at, line = 0, 1
    while at < len(text):
        if text[at] == '"':
            at += 1
            while text[at] not in '"\n':
                at += 2 if text[at] == "\\" else 1
            at += text[at] == '"'
        elif text.startswith("//", at):
            while at < len(text) and text[at] != "\n":
                at += 1
        elif text.startswith("/*", at):
            start, begin = line, at
            while not text.startswith("*/", at):
                line += text[at] == "\n"
                at += 1
            at += 2
            yield start, text[begin:at].split("\n")
        else:
            line += text[at] == "\n"
            at += 1


def test_the_lint_finds_what_a_walk_over_the_signs_finds() -> None:
    one = exercise("14.e1")
    for seed in range(30):
        for case in one.cases(seed):
            assert odd_lines(*case.args) == by_hand(*case.args) != []  # type: ignore[misc]


def no_quotes(text: str) -> list[int]:
    """Takes each sign of a comment for one."""
    lines, found, start = text.split("\n"), [], 0
    for number, line in enumerate(lines, 1):
        if not start and "/*" in line and "*/" not in line:
            start = number
        elif start and "*/" in line:
            block = lines[start - 1 : number]
            fine = all(each.lstrip().startswith("*") for each in block[1:-1])
            if block[0].partition("/*")[2].strip() or not fine or block[-1].strip() != "*/":
                found.append(start)
            start = 0
    return found


def stars_only(text: str) -> list[int]:
    return [n for n in odd_lines(text) if not text.split("\n")[n].lstrip().startswith("*")]


def counts_from_nought(text: str) -> list[int]:
    return [n - 1 for n in odd_lines(text)]


@pytest.mark.parametrize(
    ("lint", "most", "text"),
    [
        (no_quotes, 2.5, "line 1 begins no comment over several lines"),
        (stars_only, 0, "line 1 is missing: its comment has words behind its /*"),
        (counts_from_nought, 0, "there is no line 0: lines count from 1"),
        (lambda text: odd_lines(text)[::-1], 3.75, ""),
        (lambda text: [], 0, ""),
        (lambda text: 1, 0, "expected a list, got a whole number"),
    ],
)
def test_a_wrong_lint(lint: Callable[[str], Any], most: float, text: str) -> None:
    assert text in first_said("14.e1", lint)
    assert mark("14.e1", lint).points <= most


def test_a_right_lint() -> None:
    assert mark("14.e1", by_hand).points == 5


# -- 14.e2

_OLD = "    error = do_brk_flags(mm, None,"


def repaired(lines: str) -> Any:
    """The function with a VMA `below` made by some lines, as a learner would write it."""
    source = getsource(v4.vm_brk_flags)
    assert source.count(_OLD) == 1
    head = "from __future__ import annotations\nfrom mmsim.mm.merge import Want, can_merge_after\n"
    made = "".join(f"    {line}\n" for line in ["below = mm.before(address)", *lines.splitlines()])
    return namespace_of(head + source.replace(_OLD, f"{made}    error = do_brk_flags(mm, below,"))["vm_brk_flags"]


def ask(flags: str, more: str) -> str:
    alike = f"can_merge_after(below, Want({flags}, address >> SHIFT))"
    return f"if below is not None and not ({alike}{more}):\n    below = None"


TOUCHES, NO_POLICY = " and below.end == address", " and below.policy is None"


@pytest.mark.parametrize("seed", range(4))
def test_the_extension_with_all_tests_is_right(seed: int) -> None:
    assert mark("14.e2", repaired(ask("below.flags", TOUCHES + NO_POLICY)), seed).points == 6


@pytest.mark.parametrize(
    ("lines", "most", "text"),
    [
        ("pass", 0, "its caller has to"),  # whatever lies below
        (ask("below.flags", NO_POLICY), 4.8, ""),  # what was moved may end earlier than its offset says
        (ask("flags", TOUCHES + NO_POLICY), 0, "with whose flags it is compared"),  # those of the caller
        ("if below and (below.end != address or below.file): below = None", 4.8, ""),  # a file, but no policy
        (ask("below.flags", TOUCHES), 4.8, ""),  # no policy
    ],
)
def test_a_careless_extension(lines: str, most: float, text: str) -> None:
    for seed in range(3):
        assert mark("14.e2", repaired(lines), seed).points <= most
    assert text in first_said("14.e2", repaired(lines))


def test_to_borrow_from_another_generation_is_no_repair() -> None:
    from mmsim.brk import before, merged

    for module in (before, merged):
        for seed in range(3):
            assert mark("14.e2", lambda *given, at=module: at.vm_brk_flags(*given), seed).points <= 2.4


def test_the_stub_is_the_function_of_the_model() -> None:
    names = namespace_of("from __future__ import annotations\n" + getsource(v4.vm_brk_flags))
    assert mark("14.e2", names["vm_brk_flags"]).message.startswith("not tried yet")


# -- 14.e3


@pytest.mark.parametrize("learner", ["", *map(str, range(12))])
def test_the_generations_differ_in_each_instance(learner: str) -> None:
    one: Any = exercise("14.e3")
    right = one.answers(learner)
    assert len({right["b before"], right["b merged"], right["b v4"]}) == 3
    assert right["a before"] < right["a v4"]
    for name, segments in one.instance(learner).items():
        assert right[f"{name} merged"] == len(loaded("today", segments))


@pytest.mark.parametrize(
    ("change", "part", "text"),
    [
        ({"a v4": 3}, 1, "nothing that it could extend"),
        ({"a before": 4}, 0, "looks below and above"),
        ({"a merged": 3}, 2, "the one above is not"),
        ({"a merged": "4"}, 2, "expected a whole number, got a text"),
    ],
)
def test_a_wrong_number_of_vmas(change: dict[str, Any], part: int, text: str) -> None:
    one: Any = exercise("14.e3")
    answer = {**one.answers(""), **change}
    assert text in one.judge(one.cases()[part], answer).message
    assert mark("14.e3", answer).points == 3.33


@pytest.mark.parametrize("key", ["14.e1", "14.e2", "14.e3"])
def test_no_answer_makes_a_judge_fail(key: str) -> None:
    one, chance = exercise(key), random.Random(key)
    cases = one.cases(SEED)
    odd: list[Any] = [
        None,
        True,
        -1,
        1 << 4000,
        "",
        "x" * 9999,
        [1 << 4000],
        [[1]] * 999,
        {"a v4": -(1 << 4000)},
        [True],
    ]
    for _ in range(100):
        answer = chance.choice([*odd, [chance.choice(odd) for _ in range(4)]])
        for case in cases:
            found = one.judge(case, answer)
            assert found.share == 0
            assert len(found.message) + len(found.difference) < 20_000
