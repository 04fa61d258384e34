"""setrlimit() and prctl(PR_SET_MM): numbers of a process that brk() looks at."""

from __future__ import annotations

from .space import MM
from .units import EINVAL, INFINITY, TASK_SIZE, wrap

__all__ = ["MARKS", "set_mm", "setrlimit"]

MARKS = ("start_code", "end_code", "start_data", "end_data", "start_brk", "brk")
"""The marks of the segments that prctl(PR_SET_MM) can set here."""


def setrlimit(mm: MM, name: str, soft: int) -> int:
    """Set a soft limit in bytes, -1 for none; the hard one follows when it is lower. Always 0."""
    limit = mm.limits[name]
    limit.soft = INFINITY if soft == -1 else soft
    limit.hard = max(limit.hard, limit.soft)
    return 0


def set_mm(mm: MM, name: str, address: int) -> int:
    """Set a segment mark, page aligned or not (prctl_set_mm(), 6.1); 0 or -EINVAL.

    The new layout must be in order and within RLIMIT_DATA. A mark of 0 is unknown and not compared.
    """
    if not mm.machine.mmap_min_addr <= address < TASK_SIZE:
        return -EINVAL
    marks = {mark: getattr(mm, mark) for mark in MARKS} | {name: address}
    pairs = (("start_code", "end_code", 1), ("start_data", "end_data", 0), ("start_brk", "brk", 0))
    for low, high, least in pairs:
        if marks[low] and marks[high] and marks[high] < marks[low] + least:
            return -EINVAL
    limit = mm.limits["DATA"].soft
    size = marks["brk"] - marks["start_brk"] + marks["end_data"] - marks["start_data"]
    if limit != INFINITY and wrap(size) > limit:
        return -EINVAL
    setattr(mm, name, address)
    return 0
