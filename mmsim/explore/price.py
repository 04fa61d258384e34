"""What a call costs: VMAs, stores, nodes, look-ups, who is told."""

from __future__ import annotations

from typing import NamedTuple

from mmsim.mm import VM
from mmsim.trace.syscall_trace import Session

from .alphabet import Op
from .world import WORLDS

__all__ = ["MEASURES", "Bill", "Price", "bill", "cost", "lost", "price"]

Price = dict[str, int]

_EVENTS = {
    "VMAs made": "vma_alloc",
    "stores": "maple_store",
    "look-ups": "look_up",
    "lock downgrades": "downgrade",
    "calls to perf": "perf_event_mmap",
    "calls to khugepaged": "khugepaged_enter",
    "calls to the architecture": "arch_unmap",
}
MEASURES = ("VMAs more", *_EVENTS, "nodes", "pages soft-dirty")
"""What is counted; an event log tells most."""


class Bill(NamedTuple):
    """What there was before a call."""

    vmas: int
    nodes: int


def bill(session: Session) -> Bill:
    """Look before a call."""
    mm = session.process.mm
    return Bill(mm.map_count, mm.tree.pool.count.allocated)


def lost(session: Session, before: Bill) -> int:
    """VMAs made by the last call that are neither mapped nor freed."""
    mm = session.process.mm
    names = [event[0] for event in mm.events]
    return names.count("vma_alloc") - names.count("vma_free") - (mm.map_count - before.vmas)


def price(session: Session, before: Bill) -> Price:
    """What the last call cost, and what counts as written after it."""
    mm = session.process.mm
    names = [event[0] for event in mm.events]
    return {
        "VMAs more": mm.map_count - before.vmas,
        "nodes": mm.tree.pool.count.allocated - before.nodes,
        "pages soft-dirty": sum(vma.pages for vma in mm.vmas() if vma.flags & VM.SOFTDIRTY),
        **{measure: names.count(event) for measure, event in _EVENTS.items()},
    }


def cost(world: str, ops: list[Op], generation: str) -> Price:
    """What the last op of a script costs: VMAs, VMAs made, stores, tree nodes asked for, who was called."""
    session = Session(WORLDS[world], generation)
    for op, arg in ops[:-1]:
        session.do(op, arg)
    before = bill(session)
    session.do(*ops[-1])
    return price(session, before)
