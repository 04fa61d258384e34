"""An exercise in JupyterLab as a learner does it: nothing, something wrong, a hint, the right thing, the course map."""

from __future__ import annotations

import pytest

from . import axe
from .lab import Lab

pytestmark = pytest.mark.xdist_group("exercises")
WRONG = "def slot_of(pivots, index):\n    return 0"
RIGHT = """def slot_of(pivots, index):
    return next(slot for slot, pivot in enumerate(pivots) if index <= pivot)"""
CELL, CHECK, OWN = "02-e3", "02-e3-check", "99-progress"


@pytest.fixture(scope="module")
def stub(jupyter: Lab) -> Lab:
    jupyter.open("exercises/02-reading-a-maple-tree.ipynb")
    for cell in jupyter.run_all():
        assert not [one for one in cell["outputs"] if one["type"] == "error"], cell["id"]
    return jupyter


def test_the_stub_says_not_tried(stub: Lab) -> None:
    assert "not tried" in stub.run(CHECK)


def test_a_wrong_answer_gets_the_case_and_the_difference(stub: Lab) -> None:
    stub.run(CELL, WRONG)
    said = stub.run(CHECK)
    assert "expected" in said
    assert "hint" in said


def test_hints_come_one_after_the_other(stub: Lab) -> None:
    first = stub.run(OWN, 'hint("02.e3")')
    second = stub.run(OWN, 'hint("02.e3")')
    assert first
    assert first != second
    assert len(second) > len(first)


def test_the_right_answer_passes_and_the_map_knows_it(stub: Lab) -> None:
    before = stub.run(OWN, "progress()")
    stub.run(CELL, RIGHT)
    said = stub.run(CHECK)
    assert "expected" not in said
    after = stub.run(OWN, "progress()")
    assert before != after


def test_axe_finds_nothing_grave(stub: Lab) -> None:
    assert not axe.said(axe.run(stub.page, "exercises 02 light", axe.OURS))


def test_the_page_complains_of_nothing(stub: Lab) -> None:
    assert stub.problems == []
