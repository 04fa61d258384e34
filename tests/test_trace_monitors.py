"""What a monitor hears, in the model, on the running kernel, and from a recording."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from mmsim.brk import GENERATIONS
from mmsim.kernel import NoKernel
from mmsim.trace.monitors import PAGES, MonitorReality, Told, check_monitor, in_model
from mmsim.trace.reality import RECORDINGS

CALLS = [("munmap", 1, 3), ("mmap", 0, 4), ("mprotect", 0, 4), ("brk", 1), ("brk", 0), ("exec",)]
"""What notebook 15 asks."""


def asked(generation: str = "today") -> MonitorReality:
    """The running kernel; the test is skipped where it cannot be asked."""
    found = check_monitor(CALLS, generation)
    if not found.live:
        pytest.skip(found.note)
    return found


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_heap_cut_within_a_vma_is_told_by_all_but_the_patch(generation: str) -> None:
    expected = () if generation == "v4" else ((1, 4),)

    assert in_model(generation, ("brk", 1)) == Told(expected, 1)
    assert in_model(generation, ("brk", 0)) == Told(((0, 4),), 0)


def test_an_op_that_is_none() -> None:
    with pytest.raises(ValueError, match="op is 'fork': expected brk"):
        in_model("today", ("fork",))


def test_today_describes_the_running_kernel() -> None:
    found = asked()

    assert found.agrees, repr(found)
    assert found.waited == (True, True, False, True, True, False)


def test_the_patch_does_not() -> None:
    found = asked("v4")

    assert not found.agrees
    assert "brk(1)" in next(line for line in repr(found).splitlines() if "! the kernel" in line)


def test_a_recording_answers_where_no_kernel_can_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMSIM_KERNEL", "recording")
    found = check_monitor(CALLS)

    assert found.agrees
    assert not found.live
    assert found.source == "a recording of Linux 6.18.44"
    assert repr(found).endswith("note: no kernel to ask here: MMSIM_KERNEL=recording asks for none")


def test_a_question_without_a_recording_has_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMSIM_KERNEL", "recording")
    with pytest.raises(NoKernel, match=r"no recording of these 1 calls is shipped$"):
        check_monitor([("munmap", 0, 1)])


def test_an_answer_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MMSIM_KEEP", str(tmp_path))
    asked()

    (kept,) = tmp_path.iterdir()
    assert (RECORDINGS / kept.name).exists()
    assert json.loads(kept.read_text())["calls"] == [list(call) for call in CALLS]


@pytest.mark.skipif(sys.platform != "linux", reason="userfaultfd is Linux's")
def test_both_sides_register_as_many_pages() -> None:
    from mmsim.kernel import monitored

    assert monitored.PAGES == PAGES
