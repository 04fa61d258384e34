"""Calls near a limit: what is counted, when a refusal was needed, and that the grids agree with E1."""

from __future__ import annotations

import pytest

from mmsim.brk import GENERATIONS
from mmsim.experiments import measure
from mmsim.experiments.limits import agreement, brk_trial, loader_trial, mmap_trial, sweep

UNMAPS_FIRST = ("before", "merged", "today")


@pytest.mark.parametrize("generation", GENERATIONS)
def test_the_sweep_is_the_one_of_e1(generation: str) -> None:
    trials, found = sweep(loader_trial, generation), measure("E1").results[generation]
    assert found["vm_brk_flags(): refused, of 25"] == sum(trial.refused for trial in trials)
    assert found["of these, the result would have fitted"] == sum(trial.needless for trial in trials)


@pytest.mark.parametrize("generation", UNMAPS_FIRST)
def test_what_is_unmapped_first_is_not_counted_twice(generation: str) -> None:
    for trial in sweep(loader_trial, generation, 5):
        assert trial.twice == 0
        assert trial.refused is (trial.new > trial.slack)
        assert not trial.needless


def test_v4_refuses_wherever_the_slack_is_smaller_than_the_length() -> None:
    for trial in sweep(loader_trial, "v4", 5):
        assert trial.twice == trial.overlap
        assert trial.refused is (trial.length > trial.slack)
        assert trial.needless is (trial.new <= trial.slack < trial.length)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_mmap_counts_what_is_new_and_leaves_all_in_place(generation: str) -> None:
    for trial in sweep(mmap_trial, generation):
        assert trial.refused is (trial.new > trial.slack)
        assert not trial.needless
        if trial.refused:
            assert trial.process.mm.total_vm == trial.total


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_refusal_of_the_loader_leaves_the_range_empty_where_it_was_cleared_first(generation: str) -> None:
    trial = loader_trial(generation, overlap=3, slack=0)
    assert trial.refused
    assert trial.process.mm.total_vm == trial.total - (3 if generation in UNMAPS_FIRST else 0)
    assert trial.before.mm.total_vm == trial.total == 4


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_growth_over_a_mapping_reaches_no_limit_test(generation: str) -> None:
    for first in range(5):
        trial = brk_trial(generation, first=first, slack=9)
        assert trial.refused
        assert (trial.counted, trial.needless, trial.why) == (None, False, "no limit was tested")


def test_v4_misses_a_mapping_that_reaches_over_the_old_break() -> None:
    accepted = {name: not brk_trial(name, first=-2, slack=4).refused for name in GENERATIONS}
    assert accepted == {"before": False, "v4": True, "merged": False, "today": False}
    assert brk_trial("v4", first=-2, slack=4).twice == 2


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_growth_over_nothing_fits_up_to_the_limit(generation: str) -> None:
    assert [brk_trial(generation, slack=slack).mark for slack in (3, 4)] == ["-", "+"]


def test_agreement_tells_the_two_tests_apart() -> None:
    def only_new(total: int, limit: int, length: int, overlap: int) -> bool:
        return total - overlap + length <= limit

    answers = {name: agreement(only_new, name) for name in GENERATIONS}
    assert {name for name, (alike, calls, _) in answers.items() if alike == calls} == set(UNMAPS_FIRST)
    _, _, first = answers["v4"]
    assert first is not None
    assert (first.length, first.overlap, first.slack) == (1, 1, 0)


def test_a_data_limit_counts_only_data() -> None:
    from mmsim.mm import of_letters

    code = of_letters("rd ex mr mw me")
    trials = [loader_trial(name, 4, 4, 2, "DATA", code) for name in GENERATIONS]
    assert [(trial.new, trial.mark) for trial in trials] == [(4, "-")] * 4
    assert loader_trial("v4", 4, 4, 2, "DATA").mark == "!"
