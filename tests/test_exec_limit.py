"""The running kernel's loader near RLIMIT_AS; its answers are compared with those of `today`."""

from __future__ import annotations

import struct

import pytest

from mmsim.experiments.limits import loader_trial
from mmsim.kernel.arch import X86_64
from mmsim.kernel.backend import VARIABLE
from mmsim.kernel.exec_limit import RECORDED, exec_limits, image
from mmsim.mm.units import PAGE


def _today() -> dict[int, int]:
    """By overlap: how many pages of slack the model's loader saves."""
    needed = {
        overlap: min(slack for slack in range(6) if not loader_trial("today", 4, overlap, slack).refused)
        for overlap in range(5)
    }
    return {overlap: needed[0] - slack for overlap, slack in needed.items()}


def test_the_recorded_kernel_counts_as_today() -> None:
    assert RECORDED.saved == _today()


def test_the_running_kernel_counts_as_today() -> None:
    asked = exec_limits()
    if asked.note:
        pytest.skip(asked.note)
    assert asked.saved == _today()
    assert asked.signal == "SIGSEGV"
    assert repr(asked).startswith("Linux ")


def test_without_a_kernel_the_recording_answers_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "recording")
    told = exec_limits()
    assert told.lowest == RECORDED.lowest
    assert "no kernel to ask here: MMSIM_KERNEL=recording" in repr(told)


@pytest.mark.parametrize("overlap", range(5))
def test_the_bss_covers_the_first_pages_of_the_segment(overlap: int) -> None:
    program = image(overlap, X86_64.elf_machine, b"")
    rows = [struct.unpack_from("<IIQQQQQQ", program, 64 + 56 * at) for at in range(3)]
    (_, _, _, segment, _, _, size, _), (_, _, _, start, _, in_file, in_memory, _) = rows[1:]
    bss = range(start + in_file, start + in_memory, PAGE)
    covered = set(bss) & set(range(segment, segment + size, PAGE))
    assert (len(bss), len(covered)) == (4, overlap)
    assert segment in covered or overlap == 0
