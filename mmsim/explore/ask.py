"""A finding's script on the running kernel, which says whose outcome is the real one."""

from __future__ import annotations

from typing import Any

from mmsim.brk import GENERATIONS
from mmsim.kernel.elf import LAYOUTS
from mmsim.kernel.live import OPS, RELEASE, LiveProcess
from mmsim.trace.lockstep import walk
from mmsim.trace.syscall_trace import Session

from .alphabet import Op
from .finding import Finding
from .world import START

__all__ = ["ask", "asked", "can_be_asked", "moved"]


def can_be_asked(world: str, script: list[Op]) -> bool:
    """Whether a live process can start like this and do all of it."""
    return world in LAYOUTS and all(op in OPS for op, _ in script)


def moved(world: str, script: list[Op]) -> list[Op]:
    """The script for a live process, whose heap starts elsewhere in some layouts.

    >>> moved("file", [("brk", START), ("fork", "child")]) == [("brk", LAYOUTS["file"].start_brk), ("fork", "child")]
    True
    """
    by = LAYOUTS[world].start_brk - START
    return [(op, _moved(arg, by)) for op, arg in script]


def _moved(arg: Any, by: int) -> Any:
    if isinstance(arg, list):
        return [_moved(each, by) for each in arg]
    return arg + by if isinstance(arg, int) and abs(arg - START) < 1 << 26 else arg


def ask(world: str, script: list[Op]) -> dict[str, Any]:
    """The kernel's release, its last answer, and the generations that end where it does. Raises NoKernel."""
    like, ret = [], 0
    for generation in GENERATIONS:
        with LiveProcess(world) as process:
            *_, last = walk(process, Session(process.header(), generation), moved(world, script))
        ret = last.kernel["ret"]
        if not last.differs:
            like.append(generation)
    return {"release": RELEASE, "ret": ret, "like": like}


def asked(finding: Finding) -> Finding:
    """The finding with what the kernel says to it, if that can be asked."""
    if not can_be_asked(finding.world, finding.script):
        return finding
    return finding._replace(kernel=ask(finding.world, finding.script))
