"""Hostile submissions under every level of protection this machine gives: what they get, and what they leave alone."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

from mmsim.course.sandbox import levels
from tests import hostile_corpus
from tests.hostile_corpus import Attack, attempt, corpus, faults, graded_faults, hand_in

ATTACKS = corpus()
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the levels of protection are Linux's")


def _cases() -> Iterator[object]:
    """Every attack at every level; one that only lies in its answers at the first."""
    usable = [level.name for level in levels() if level.usable] if sys.platform == "linux" else []
    for attack in ATTACKS:
        for level in usable if attack.reaches_out else usable[:1]:
            yield pytest.param(attack, level, id=f"{attack.name}-{level}")


@pytest.mark.slow
@pytest.mark.parametrize(("attack", "level"), list(_cases()))
def test_attack(attack: Attack, level: str) -> None:
    assert not faults(attack, level, attempt(attack, level))
    assert os.environ.get("MMSIM_CANARY") is None


FAST = {
    "closes_every_descriptor_in_a_cell", "daemon", "destroyed_builtins", "endless_loop", "forged_answer", "forged_json",
    "generator", "leaves_files", "lying_eq", "os_exit_in_a_cell", "patched_json", "reads_solutions",
    "reads_through_a_link", "settrace", "signals_the_grader", "terminal_escapes", "writes_into_the_library",
}  # fmt: skip
"""Those that are handed in in every run; the others in the slow one."""


def _handed_in() -> Iterator[object]:
    """Every attack as a submission, in both forms and at every level; the fast ones at the first level."""
    usable = [level.name for level in levels() if level.usable] if sys.platform == "linux" else []
    for attack in ATTACKS:
        for level in usable if attack.reaches_out else usable[:1]:
            for form in ("graded", "beside"):
                is_fast = attack.name in FAST and level == usable[0] and form == "graded"
                marks = () if is_fast else pytest.mark.slow
                yield pytest.param(attack, level, form, id=f"{attack.name}-{level}-{form}", marks=marks)


@pytest.mark.parametrize(("attack", "level", "form"), list(_handed_in()))
def test_attack_that_is_handed_in(attack: Attack, level: str, form: str) -> None:
    assert not graded_faults(attack, level, form, hand_in(attack, level, form))
    assert os.environ.get("MMSIM_CANARY") is None


def test_the_corpus_is_large_and_says_what_it_tries() -> None:
    assert len(ATTACKS) >= 90
    known = {"Tries", "Comes out", "Succeeds at", "Honest", "Cells", "Limits", "Succeeds when the value is"}
    known |= {f"Comes out at {level.name}" for level in levels()}
    for attack in ATTACKS:
        assert set(attack.head) <= known, attack.name
        assert {"Tries", "Comes out"} <= set(attack.head), attack.name


def test_nothing_succeeds_under_bubblewrap_or_landlock() -> None:
    assert not [attack.name for attack in ATTACKS for level in ("bubblewrap", "landlock") if attack.succeeds(level)]


def test_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert hostile_corpus.main(["sys_exit"]) == 0
    assert "raised: cell 2, line 4: SystemExit: 0" in capsys.readouterr().out
