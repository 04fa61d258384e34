"""The search finds planted defects: small faults in a copy of brk() as merged (tests/mutants.py)."""

from __future__ import annotations

import ast
import re
from random import Random

import pytest

from mmsim.brk import GENERATIONS
from mmsim.explore.alphabet import script
from mmsim.explore.pair import attempt, start
from mmsim.explore.search import Batch, run_batch
from mmsim.explore.state import alike
from mmsim.explore.world import WORLDS
from mmsim.mm import broken

from .mutants import MUTANTS, changed, hunt, main, planted, source

QUICK = (
    "brk-minimum",
    "shrink-undo",
    "grow-page-more",
    "count-locked",
    "extend-unlock",
    "common-accept-events",
    "common-heap-ops",
)
BY_ID = {each.id: each for each in MUTANTS}


def test_the_table_is_well_formed() -> None:
    """Every text to replace occurs once, every mutant is another program, and enough are meant to be found."""
    assert len(BY_ID) == len(MUTANTS)
    assert sum(not each.equivalent for each in MUTANTS) >= 40
    for each in MUTANTS:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)+", each.id), each.id
        assert source(each.file).count(each.old) == 1, each.id
        assert changed(each, each.file) != source(each.file), each.id
        ast.parse(changed(each, each.file))


def test_a_mutant_is_a_generation_as_long_as_it_lasts() -> None:
    before = dict(GENERATIONS)
    with planted(MUTANTS[0]) as module:
        assert module is GENERATIONS["mutant"]
    assert before == GENERATIONS


@pytest.mark.parametrize("id", QUICK)
def test_faults_of_every_kind_are_found_soon(id: str) -> None:
    score = hunt(BY_ID[id], batches=4)

    assert score.found
    assert score.script
    assert score.symptoms


def test_no_fault_nothing_found() -> None:
    """The true module under another name shows nothing, with and without failures."""
    same = BY_ID["brk-minimum"]._replace(new="below_minimum(mm, want) or over")
    with planted(same):
        for number in range(2):
            assert run_batch(Batch("merged", "mutant", 0, number, faults=number == 1)).clusters == []


def test_two_that_are_alike_break_the_same() -> None:
    """What the quick look does not check it may leave out: alike() sees all that the checker does."""
    random, seen = Random(1), 0
    for _ in range(150):
        world, ops = random.choice(list(WORLDS)), script(random, 10, faults=True)
        one, two = start(world, "before", "v4")
        for op, arg in ops:
            attempt(one, op, arg)
            attempt(two, op, arg)
            found = [{each.id for each in broken(*(p.mm for p in (s.process, *s.others)))} for s in (one, two)]
            if found[0] != found[1]:
                seen += 1
                assert not alike(one, two)
                break
    assert seen > 30


def test_the_command_prints_a_table_and_a_score(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "count-total"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "1 of 1 found; 0 equivalent"


@pytest.mark.slow
def test_every_mutant_is_found_or_argued(capsys: pytest.CaptureFixture[str]) -> None:
    """Each for at most a minute; nothing that is said to be equivalent is found in a quarter of it."""
    with capsys.disabled():
        assert main(["--seconds", "60"]) == 0
