"""Which way the running kernel is asked: ptrace where it is allowed, else the agent.

The variable MMSIM_KERNEL chooses: "auto" (default), "ptrace", "agent", or "recording", which asks no kernel.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from .agent import Agent
from .child import Child
from .errors import NoKernel
from .traced import Traced

__all__ = ["BACKENDS", "CHOICES", "VARIABLE", "Started", "choice", "start"]

VARIABLE = "MMSIM_KERNEL"
BACKENDS: dict[str, type[Traced] | type[Agent]] = {"ptrace": Traced, "agent": Agent}
CHOICES = ("auto", *BACKENDS, "recording")


class Started(NamedTuple):
    """A process, by which way it is told what to do, and why not by a better one ("" if there is none)."""

    child: Child
    backend: str
    why: str


def choice(given: str | None = None) -> str:
    """What was asked for: by the caller, else by the variable; raises NoKernel for an unknown word."""
    chosen = given or os.environ.get(VARIABLE) or "auto"
    if chosen not in CHOICES:
        raise NoKernel(f"{VARIABLE} is {chosen!r}, expected one of {', '.join(CHOICES)}")
    return chosen


def start(layout: str, aslr: bool = False, uid: int | None = None, backend: str | None = None) -> Started:
    """Start a process in the way chosen, or in the first that works; raises NoKernel with every reason."""
    chosen = choice(backend)
    if chosen == "recording":
        raise NoKernel(f"{VARIABLE}=recording asks for none")
    refused: dict[str, str] = {}
    for name in BACKENDS if chosen == "auto" else (chosen,):
        try:
            child: Child = BACKENDS[name].start(layout, aslr, uid)
        except NoKernel as reason:
            refused[name] = str(reason)
        else:
            return Started(child, name, _told(refused))
    raise NoKernel(_told(refused))


def _told(refused: dict[str, str]) -> str:
    """Each way's reason; once, if it is the same for all.

    >>> _told({"ptrace": "no", "agent": "no"}), _told({"ptrace": "no"})
    ('no', 'ptrace: no')
    """
    reasons = set(refused.values())
    if len(refused) > 1 and len(reasons) == 1:
        return reasons.pop()
    return "; ".join(f"{name}: {reason}" for name, reason in refused.items())
