"""Three ways programs use the heap, as calls on a process; E3 and E9 count what each call comes to."""

from __future__ import annotations

from collections.abc import Callable

from mmsim.brk import Process
from mmsim.mm.units import PAGE

from .build import HEAP, started

__all__ = ["WORKLOADS", "Grow"]

Grow = Callable[[Process, int], None]
"""Moves the break by a number of bytes, and counts."""

_KIB = 1024


def _move(process: Process, by: int, grow: Grow) -> None:
    """Move the break and write to what came."""
    old = process.mm.brk
    grow(process, by)
    if by > 0:
        process.touch(old)


def sawtooth(process: Process, grow: Grow) -> None:
    """A page_test: 1 MiB up, then down in steps of 64 KiB, then up again in steps of a page."""
    for _ in range(4):
        _move(process, 1024 * _KIB, grow)
        for _ in range(8):
            _move(process, -64 * _KIB, grow)
        for _ in range(64):
            _move(process, PAGE, grow)


def shell(process: Process, grow: Grow) -> None:
    """A shell that grows once and forks; most children exec and grow once, some go on as subshells."""
    _move(process, 132 * _KIB, grow)
    for number in range(40):
        child = process.fork()
        assert isinstance(child, Process), "nothing is planned to fail"
        if number % 8:
            child.exit()
            child = started(process.generation)
        _move(child, 132 * _KIB, grow)
        if not number % 16:
            _move(child, 132 * _KIB, grow)
        child.exit()
    _move(process, 132 * _KIB, grow)


def server(process: Process, grow: Grow) -> None:
    """A server that loads its data, forks four workers and lives long; the workers grow and shrink."""
    for _ in range(30):
        _move(process, 132 * _KIB, grow)
    for _ in range(4):
        worker = process.fork()
        assert isinstance(worker, Process), "nothing is planned to fail"
        for _ in range(10):
            _move(worker, 132 * _KIB, grow)
            _move(worker, 132 * _KIB, grow)
            _move(worker, -128 * _KIB, grow)
        worker.exit()
    assert process.mm.brk > HEAP, "the server keeps its heap"


WORKLOADS: dict[str, Callable[[Process, Grow], None]] = {"sawtooth": sawtooth, "shell": shell, "server": server}
