"""Repairs of the patch as a learner writes them: right ones, and what is said of wrong ones."""

from __future__ import annotations

import pytest

from mmsim.brk import GENERATIONS
from mmsim.experiments.mend import PLACES, check_cut, check_loader

UNMAP = "do_munmap(mm, address, length, uf, may_downgrade=False)"
COMPLETE = "unmap_complete(mm, uf)"
ABOVE, BELOW, UNLOCKED = PLACES


def test_an_untouched_stub() -> None:
    assert check_cut(None) == check_loader(None) == "not tried yet"


def test_the_right_repairs() -> None:
    assert check_cut("vma.uffd") == "right: the monitor hears of a cut heap"
    assert check_loader({ABOVE: UNMAP, UNLOCKED: COMPLETE}) == "right: E6 is as before the patch"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ({}, "events delivered: expected 1, got 0"),
        ({ABOVE: UNMAP}, "events delivered: expected 1, got 0"),
        ({UNLOCKED: COMPLETE}, "events delivered: expected 1, got 0"),
        ({ABOVE: UNMAP, BELOW: COMPLETE}, "the event goes out under the mmap lock"),
        ({BELOW: UNMAP, UNLOCKED: COMPLETE}, "pages of bss mapped: expected 1, got 0"),
        ({"here": UNMAP}, "no place 'here', expected one of: above do_brk_flags"),
        ({ABOVE: "do_munmap("}, "SyntaxError: '(' was never closed"),
        ({ABOVE: "unmap()"}, "NameError: name 'unmap' is not defined"),
    ],
)
def test_a_wrong_repair_of_the_loader(lines: dict[str, str], said: str) -> None:
    assert check_loader(lines).startswith(f"not yet: {said}")


@pytest.mark.parametrize(
    ("right", "said"),
    [
        ("None", "after brk(1) expected told of pages 1 to 3; 1 registered, got told of nothing; 1 registered"),
        ("vma", "AttributeError: "),
        ("uffd", "NameError: name 'uffd' is not defined"),
        ("vma uffd", "SyntaxError: invalid syntax"),
    ],
)
def test_a_wrong_repair_of_the_cut(right: str, said: str) -> None:
    assert check_cut(right).startswith(f"not yet: {said}")


def test_no_generation_is_left_behind() -> None:
    check_cut("nonsense")
    check_loader({ABOVE: "nonsense"})
    assert list(GENERATIONS) == ["before", "v4", "merged", "today"]
