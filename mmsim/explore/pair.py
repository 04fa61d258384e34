"""Two processes side by side, one of each generation, and what can be asked of one."""

from __future__ import annotations

from typing import Any

from mmsim.mm import MM
from mmsim.trace.recording import RecordingError
from mmsim.trace.syscall_trace import Session

from .world import WORLDS

__all__ = ["Answer", "attempt", "heard", "mms", "start"]

Answer = int | str
"""What a call answers, or what it crashed with."""


def start(world: str, old: str, new: str) -> tuple[Session, Session]:
    """A process of each generation."""
    return Session(WORLDS[world], old), Session(WORLDS[world], new)


def attempt(session: Session, op: str, arg: Any) -> Answer:
    """Do one op; what it answers. A crash is an answer too."""
    try:
        return session.do(op, arg)
    except RecordingError:
        raise
    except Exception as error:
        return f"crash: {error!r}"


def mms(session: Session) -> list[MM]:
    """Its address space, and those of its living relatives."""
    return [session.process.mm, *(other.mm for other in session.others)]


def heard(session: Session) -> list[list[Any]]:
    """What the monitors of its userfaultfds were told."""
    return [context.events for context in session.contexts]
