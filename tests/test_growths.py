"""The growths of the census, and what the exercises on them say to right and wrong answers."""

from __future__ import annotations

import pytest

from mmsim.brk import GENERATIONS
from mmsim.experiments.growths import Counts, counted, everywhere, jobs, replayed, tally
from mmsim.experiments.try_growth import Met, case_met, played, rule_report, script_report
from mmsim.trace.census import BESIDE, EXTENDED, NEW
from mmsim.trace.census_record import own_job


@pytest.mark.parametrize("generation", GENERATIONS)
def test_growths_are_those_of_the_recording(generation: str) -> None:
    """As many of each kind as the recorder has seen, job by job."""
    for job in jobs().values():
        kinds = [call.kind for space in job.spaces for call in space.calls]
        extended, first, forked = (kinds.count(kind) for kind in (EXTENDED, NEW, BESIDE))
        assert replayed(job, generation).counts == Counts(extended + first + forked, extended, first, forked)


def test_a_growth_extends_if_a_heap_is_there_whose_chain_is_its_own() -> None:
    for touch in ("growth", "fork", "never"):
        for job in (jobs()["python-fork"], jobs()["bash-loop"]):
            for growth in replayed(job, "v4", touch).growths:
                assert growth.extended == (growth.heap and growth.links < 2)


def test_a_fork_stops_growths_of_one_job_only() -> None:
    assert [name for name, job in jobs().items() if replayed(job, "v4").counts.forked] == ["python-fork"]
    assert replayed(jobs()["python-fork"], "v4", "never").counts.forked == 0


def test_all_jobs_together() -> None:
    assert {everywhere(name) for name in GENERATIONS} == {Counts(1980, 1421, 553, 6)}
    assert {name: tally(name).vmas for name in GENERATIONS} == {
        "before": 1365,
        "v4": 805,
        "merged": 1365,
        "today": 1365,
    }
    assert (counted([]).share, everywhere("v4").tried, everywhere("v4").new) == (0, 1427, 559)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_cases_1_and_3_fit_only_where_brk_refuses(generation: str) -> None:
    for heap, touching, apart in ((True, 1, 2), (False, 3, 0)):
        assert case_met(generation, 0, heap) == Met(touching, False)
        assert {case_met(generation, free, heap) for free in (1, 2, 9)} == {Met(apart, True)}


@pytest.mark.parametrize(
    ("script", "came"),
    [
        ("", ""),
        ("grow grow", "new extended"),
        ("grow write fork grow grow back grow", "new new extended extended"),
        ("grow fork grow", "new extended"),
        ("grow write fork exec grow grow", "new new extended"),
        ("grow write grow fork grow write grow fork grow back back grow", "new extended new extended new extended"),
        ("grow write fork grow write fork grow write fork grow", "new new new new"),
    ],
)
@pytest.mark.parametrize("generation", GENERATIONS)
def test_scripts_of_words(script: str, came: str, generation: str) -> None:
    assert played(script, generation) == came.split()


@pytest.mark.parametrize(("script", "why"), [("grow shrink", "no word 'shrink'"), ("grow back", "without a 'fork'")])
def test_a_script_that_makes_no_sense(script: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        played(script)


def test_a_script_is_answered() -> None:
    script = "grow write fork grow"
    assert script_report(script, ["new", None]) == "not tried yet: 1 of 2 are None"
    assert script_report(script, ["new"]) == "the script has 2 growths: expected as many words, got 1"
    assert script_report(script, ["new", "extended"]) == "growth 2 of 2: expected 'new', got 'extended'"
    assert script_report(script, ["new", "new"]) == "done: all 2 growths"


def test_a_rule_is_answered() -> None:
    assert rule_report(lambda heap, links, room: None).startswith("not tried yet")
    told = rule_report(lambda heap, links, room: "extended" if heap else "new")
    assert told.endswith("heap=True, links=2, room=True (6 of them): expected 'new', got 'extended'")
    told = rule_report(lambda heap, links, room: "extended" if links == 1 else "new")
    assert "wrong for heap=True, links=0, room=True (312 of them): expected 'extended', got 'new'" in told
    told = rule_report(lambda heap, links, room: "extended" if heap and links < 2 else "new")
    assert "room=False (1 of them): expected 'refused'" in told
    told = rule_report(lambda heap, links, room: ["a list is no word"])
    assert told.startswith("right for 0 of 2297")
    right = rule_report(
        lambda heap, links, room: "extended" if room and heap and links < 2 else "new" if room else "refused"
    )
    assert right == "done: right for all 2297 growths"


def test_where_nothing_is_recorded_a_shipped_job_stands_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMSIM_KERNEL", "recording")
    job, told = own_job(["true"])
    assert job.name == "bash-loop"
    assert "MMSIM_KERNEL=recording asks for none; in its place the shipped job bash-loop" in told


def test_a_program_there_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MMSIM_KERNEL", raising=False)
    job, told = own_job(["no-such-program"])
    assert job.name == "bash-loop"
    assert "in its place" in told
