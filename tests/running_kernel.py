"""For tests that ask the running kernel: a live process, and whether its answers are those of `today`."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import pytest

from mmsim.kernel import NoKernel
from mmsim.kernel.live import LiveProcess

like_today = pytest.mark.skipif(
    [int(part) for part in platform.release().split(".")[:2] if part.isdecimal()] < [6, 16],
    reason=f"today's answers are those of 6.16 and later, this kernel is {platform.release()}",
)

NOBODY = 65534 if hasattr(os, "geteuid") and os.geteuid() == 0 else None
"""Another user, for root."""


def live(layout: str = "bss", uid: int | None = None, backend: str | None = None) -> LiveProcess:
    """A process on the running kernel; the test is skipped where none can be asked."""
    try:
        return LiveProcess(layout, uid, backend=backend)
    except NoKernel as reason:
        pytest.skip(f"no live process: {reason}")


def running(pid: int) -> bool:
    """Neither gone nor a zombie, which an orphan stays until init collects it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
