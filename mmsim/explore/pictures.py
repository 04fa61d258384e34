"""The address spaces of a finding: before its last op, and after it in each of the two generations."""

from __future__ import annotations

from mmsim.trace.syscall_trace import Session
from mmsim.view.space_pictures import SpacePicture, space_compare

from .finding import Finding
from .known import Known
from .world import START, WORLDS

__all__ = ["strips"]

_WINDOW = START - (1 << 20), START + (1 << 21)


def strips(finding: Finding | Known, old: str, new: str) -> list[SpacePicture]:
    """One picture of the state before the last op, one of what both made of it."""
    found = []
    for title, ops in (("Ahead of the last call", finding.script[:-1]), ("After the last call", finding.script)):
        processes = {}
        for generation in (old, new):
            session = Session(WORLDS[finding.world], generation)
            for op, arg in ops:
                session.do(op, arg)
            processes[generation] = session.process
        found.append(space_compare(processes, title, *_WINDOW))
    return found
