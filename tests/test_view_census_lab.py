"""The census lab and its pictures, without a browser."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from time import perf_counter

import pytest

from mmsim.brk import GENERATIONS
from mmsim.experiments.growths import jobs, replayed
from mmsim.trace.census import TOUCH
from mmsim.view import CensusLab, share_bars
from mmsim.view.census_lab import moves


def test_the_job_with_the_inherited_heaps() -> None:
    lab = CensusLab("find it", job="python-fork")
    assert (lab.counts.forked, lab.usual.forked) == (6, 6)
    assert "6 beside an inherited one; as the recorded kernel" in lab.text
    lab.set(touch="never")
    assert (lab.counts.forked, lab.usual.forked) == (0, 6)
    assert "312 of 314 growths extended (99.4 %)" in lab.text
    assert "234 calls differ from the recorded kernel" in lab.text


def test_choosing_a_job_changes_picture_and_text() -> None:
    lab = CensusLab("x", job="true")
    shown = lab.drawing.widget.value
    assert "no growth" in lab.text
    lab.fields["job"].value = "bash-loop"
    assert lab.drawing.widget.value != shown
    assert "5 of 48 growths extended (10.4 %)" in lab.said.value
    assert "5 extended" in lab.drawing.widget.value
    assert "43 no heap there" in lab.drawing.widget.value


def test_two_jobs_are_two_panels_and_one_twice_is_one() -> None:
    lab = CensusLab("x", job="awk", beside="boot-like")
    assert list(lab.replays) == list(lab.picture.panels) == ["awk", "boot-like"]
    lab.set(beside="awk")
    assert list(lab.replays) == ["awk"]
    assert lab.set(beside="none").counts.growths == 195


@pytest.mark.parametrize("generation", GENERATIONS)
def test_every_choice_is_well_formed_and_adds_up(generation: str) -> None:
    """Each job under each rule of writing: the marks are the growths, and the drawing is XML with name and text."""
    lab = CensusLab("x", generation=generation)
    for name, job in jobs().items():
        for touch in TOUCH:
            lab.set(job=name, touch=touch)
            kinds = [move.kind for move in lab.picture.panels[name][1]]
            assert tuple(kinds.count(kind) for kind in ("extended", "first", "forked")) == lab.counts[1:]
            assert lab.counts.growths == sum(lab.counts[1:])
        root = ET.fromstring(lab.picture.svg())
        assert root.get("role") == "img"
        assert name in lab.picture.description
        assert moves(job, generation, "growth") == lab.set(touch="growth").picture.panels[name][1]


def test_a_rule_of_writing_changes_nothing_without_growing_children() -> None:
    """What lets the lab do without a replay."""
    for name in ("bash-loop", "git-gc", "make-4", "tar-gzip"):
        assert len({replayed(jobs()[name], "v4", touch).growths for touch in TOUCH}) <= 2
        assert len({replayed(jobs()[name], "v4", touch).counts for touch in TOUCH}) == 1


def test_what_was_replayed_once_is_there_at_once() -> None:
    lab = CensusLab("x", job="boot-like")
    lab.set(job="true")
    began = perf_counter()
    lab.set(job="boot-like")
    assert perf_counter() - began < 0.1


def test_bars_are_in_order_and_jobs_without_growths_left_out() -> None:
    bars = share_bars({name: replayed(jobs()[name], "v4") for name in ("awk", "true", "boot-like", "bash-loop")})
    assert list(bars.counts) == ["boot-like", "bash-loop", "awk"]
    assert "awk 194 of  195 extended,  99.5 %" in bars.description
    only = share_bars({"true": replayed(jobs()["true"], "v4")}, causes=True)
    assert only.text.splitlines()[1].split() == ["true", "no", "growth"]
    ET.fromstring(only.svg())


def test_bars_tell_causes_by_letter_pattern_and_word() -> None:
    bars = share_bars({"python-fork": replayed(jobs()["python-fork"], "v4")}, causes=True)
    assert bars.text.endswith(" 306 of  314 extended,  97.5 %; 2 first, 6 beside an inherited heap")
    assert "x" in bars.text.splitlines()[1].split()[1]
    assert "new VMA: beside an inherited heap" in bars.svg()


def test_a_lab_needs_a_task() -> None:
    with pytest.raises(ValueError, match="task is empty"):
        CensusLab("")
