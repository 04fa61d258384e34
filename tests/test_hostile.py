"""Hostile submissions under every level of protection this machine gives: what they get, and what they leave alone."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

from mmsim.course.sandbox import levels
from tests import hostile_corpus
from tests.hostile_corpus import Attack, attempt, corpus, faults

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
