"""The learner's lint for line comments: right ones, and what is said of wrong ones."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from mmsim.brk import Process
from mmsim.experiments import EXPERIMENTS
from mmsim.experiments.style import CASES, check_lint, check_pattern, function_text, naive, processes_of

KINDS = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\])*"', re.DOTALL)


def good(text: str) -> list[int]:
    """As the hints of notebook 14 say."""
    return naive(KINDS.sub(lambda found: "//" if found[0].startswith("//") else "\n" * found[0].count("\n"), text))


def by_line(text: str) -> list[int]:
    """Knows nothing of a comment over several lines."""
    return naive("\n".join(re.sub(r'/\*.*?\*/|"[^"]*"', "", line) for line in text.splitlines()))


def test_an_untouched_stub() -> None:
    assert check_pattern(None) == check_lint(None) == "not tried yet"


def test_the_right_ones() -> None:
    assert check_pattern(r'/\*.*?\*/|"[^"]*"') == f"right: {len(CASES)} of {len(CASES)} texts"
    told = "as E4: brk() 3, do_brk_munmap() 3, do_brk_flags() 0, vm_brk_flags() 1; 7 in all"
    assert check_lint(good) == f"right: 11 texts; {told}"


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        (r'"[^"]*"', "a block comment: "),
        (r"/\*.*?\*/", "a text in quotes: "),
        (r'/\*.*\*/|"[^"]*"', "a block comment, then one more: "),
        (r"//.*", "a comment: "),
        ("(", "no pattern: missing )"),
    ],
)
def test_a_wrong_pattern(pattern: str, said: str) -> None:
    assert check_pattern(pattern).startswith(f"not yet: {said}")


@pytest.mark.parametrize(
    ("lint", "said"),
    [
        (naive, "a block comment: "),
        (by_line, "a block comment of three lines: "),
        (lambda text: [], "a comment: in 'int a;  // the first' expected lines [1], got []"),
        (lambda text: None, "a comment: in 'int a;  // the first' TypeError: "),
    ],
)
def test_a_wrong_lint(lint: Callable[[str], Any], said: str) -> None:
    assert check_lint(lint).startswith(f"not yet: {said}")


@pytest.mark.parametrize("comments", [0, 1, 3])
def test_made_up_functions_have_decoys(comments: int) -> None:
    text = function_text("brk", comments)

    assert len(good(text)) == comments
    assert len(naive(text)) == 3 * comments


def test_one_experiment_of_nine_starts_no_process() -> None:
    assert [id for id in EXPERIMENTS if not processes_of(id)] == ["E4"]
    assert Process.__init__.__name__ == "__init__"
