"""For tests that ask the running kernel: a live process, and whether its answers are those of `today`."""

from __future__ import annotations

import platform

import pytest

from mmsim.kernel import NoKernel
from mmsim.kernel.live import LiveProcess

like_today = pytest.mark.skipif(
    [int(part) for part in platform.release().split(".")[:2] if part.isdecimal()] < [6, 16],
    reason=f"today's answers are those of 6.16 and later, this kernel is {platform.release()}",
)


def live(layout: str = "bss", uid: int | None = None) -> LiveProcess:
    """A process on the running kernel; the test is skipped where none may be traced."""
    try:
        return LiveProcess(layout, uid)
    except NoKernel as reason:
        pytest.skip(f"no live process: {reason}")
