"""Executables made up of segments: in the model, on the running kernel, and from a recording."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest

from mmsim.brk import GENERATIONS
from mmsim.experiments import measure
from mmsim.kernel import NoKernel
from mmsim.trace.loads import LoadReality, Part, apart, check_load, load, loaded
from mmsim.trace.reality import RECORDINGS

ORDINARY: list[Part] = [("data", 0, 1), ("bss", 1, 4)]
BESIDE: list[Part] = [("bss", 0, 4), ("bss", 4, 4)]
MIDDLE: list[Part] = [("bss", 0, 4), ("bss", 8, 4), ("bss", 4, 4)]
ASKED = [ORDINARY, BESIDE, MIDDLE]
"""What notebook 14 asks."""
NAMES = ["data, then bss", "two bss side by side", "bss between anonymous areas"]


def asked(parts: list[Part]) -> LoadReality:
    """The running kernel; the test is skipped where it cannot be asked."""
    found = check_load(parts)
    if not found.live:
        pytest.skip(found.note)
    return found


def counts(parts: list[Part]) -> list[int]:
    return [len(loaded(generation, parts)) for generation in GENERATIONS]


@pytest.mark.parametrize(("parts", "name"), [*zip(ASKED, NAMES, strict=True)])
def test_vmas_are_as_many_as_in_experiment_5(parts: list[Part], name: str) -> None:
    assert counts(parts) == [row[name] for row in measure("E5").results.values()]


def test_whatever_the_order_nothing_else_differs() -> None:
    for order in permutations(MIDDLE):
        mms = [load(generation, order).mm for generation in GENERATIONS]
        assert {(mm.total_vm, mm.data_vm, mm.machine.committed) for mm in mms} == {(12, 12, 12)}
        assert not any(load(generation, order).check() for generation in GENERATIONS)


@pytest.mark.parametrize("parts", [*ASKED, MIDDLE[::-1], [*ORDINARY, ("bss", 5, 1), ("data", 8, 2), ("bss", 10, 1)]])
def test_today_describes_the_running_kernel(parts: list[Part]) -> None:
    found = asked(parts)

    assert found.agrees, repr(found)


@pytest.mark.parametrize("parts", ASKED)
def test_a_recording_answers_where_no_kernel_can_be_asked(parts: list[Part], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMSIM_KERNEL", "recording")
    found = check_load(parts)

    assert found.agrees
    assert not found.live
    assert found.source == "a recording of Linux 6.18.44"
    assert "note: no kernel to ask here: MMSIM_KERNEL=recording asks for none" in repr(found)


def test_the_patch_would_not_describe_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """By VMAs; by pages it does, which is what an older kernel is asked for."""
    monkeypatch.setenv("MMSIM_KERNEL", "recording")
    found = check_load(BESIDE, "v4")

    assert not found.agrees
    assert "! differs" in repr(found)
    assert found._replace(release="5.15.0").agrees


def test_a_question_without_a_recording_has_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMSIM_KERNEL", "recording")
    with pytest.raises(NoKernel, match=r"no recording of these 1 segments is shipped$"):
        check_load([("bss", 0, 9)])


def test_an_answer_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MMSIM_KEEP", str(tmp_path))
    asked(BESIDE)

    (kept,) = tmp_path.iterdir()
    assert (RECORDINGS / kept.name).exists()


def test_a_kind_that_is_none() -> None:
    with pytest.raises(ValueError, match="segment kind is 'text': expected data or bss"):
        load("today", [("text", 0, 1)])


def test_segments_that_share_a_page_or_have_none() -> None:
    assert apart(MIDDLE)
    assert not apart([("bss", 0, 4), ("bss", 3, 1)])
    assert not apart([("bss", 0, 0)])
