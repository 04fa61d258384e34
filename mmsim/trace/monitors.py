"""What a userfaultfd's monitor hears of a few calls, in the model and on the running kernel.

The kernel is asked by a process of its own (`mmsim.kernel.monitored`); where it cannot be asked a shipped recording
answers, as in `mmsim.trace.reality`, whose variable MMSIM_KEEP also keeps these answers.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from mmsim.brk import Process
from mmsim.kernel import NoKernel
from mmsim.kernel.arch import here
from mmsim.kernel.backend import VARIABLE, choice
from mmsim.kernel.live import RELEASE
from mmsim.mm import UffdContext
from mmsim.mm.calls import MAP, PROT
from mmsim.mm.units import PAGE

from .reality import KEEP, RECORDINGS

__all__ = ["MonitorReality", "Told", "check_monitor", "in_model"]

PAGES = 4
"""As many are registered."""
Call = tuple[Any, ...]
"""An op and its arguments in pages of the four registered ones: ("munmap", first, pages), ("mmap", first, pages) in
their place, ("mprotect", first, pages), ("brk", end), and ("exec",)."""
_ASKING = Path(__file__).parents[1] / "kernel" / "monitored.py"
_START, _FIXED = 0x1000_0000, MAP.PRIVATE | MAP.FIXED | MAP.ANONYMOUS


class Told(NamedTuple):
    """What came of a call: the unmaps that the monitor heard of, and how many pages are still registered."""

    events: tuple[tuple[int, int], ...]
    registered: int

    def __str__(self) -> str:
        heard = ", ".join(f"pages {first} to {end - 1}" for first, end in self.events) or "nothing"
        return f"told of {heard}; {self.registered} registered"


class MonitorReality(NamedTuple):
    """Both sides of each call; `waited` says which calls did not return before their monitor had read the event."""

    generation: str
    source: str
    live: bool
    calls: tuple[Call, ...]
    model: tuple[Told, ...]
    kernel: tuple[Told, ...]
    waited: tuple[bool, ...]
    note: str = ""

    @property
    def agrees(self) -> bool:
        """Whether the model described this kernel."""
        return self.model == self.kernel

    def __repr__(self) -> str:
        names = [f"{op}({', '.join(map(str, rest))})" for op, *rest in self.calls]
        wide = max(map(len, names), default=0)
        lines = [f"{PAGES} registered pages, then a call: {self.generation} against {self.source}"]
        for name, model, kernel in zip(names, self.model, self.kernel, strict=True):
            told = "= same" if model == kernel else f"! the kernel: {kernel}"
            lines.append(f"  {name:<{wide}}  {model!s:<38}  {told}")
        return "\n".join([*lines, *([f"note: {self.note}"] if self.note else [])])


def check_monitor(calls: Iterable[Call], generation: str = "today") -> MonitorReality:
    """Make each call over four registered pages in the model, and on the kernel or in a recording of it.

    Raises NoKernel where there is neither.
    """
    asked = [list(call) for call in calls]
    try:
        answers, release, note = _ask(asked), RELEASE, ""
        source = f"Linux {release}, asked by a process with a userfaultfd"
    except NoKernel as reason:
        answers, release = _recorded(asked, str(reason))
        source, note = f"a recording of Linux {release}", f"no kernel to ask here: {reason}"
    model = tuple(in_model(generation, call) for call in asked)
    kernel = tuple(Told(tuple((low, high) for low, high in each["events"]), each["registered"]) for each in answers)
    waited = tuple(each["waited"] for each in answers)
    return MonitorReality(generation, source, not note, tuple(map(tuple, asked)), model, kernel, waited, note)


def in_model(generation: str, call: Iterable[Any]) -> Told:
    """The same in a generation; ValueError for an op there is not.

    >>> print(in_model("v4", ("brk", 1)))
    told of nothing; 1 registered
    """
    process, monitor = Process(generation, start_brk=_START), UffdContext("monitor")
    op, *rest = call
    if op == "brk":
        process.brk(_START + PAGES * PAGE)
    else:
        process.mmap(_START, PAGES * PAGE, PROT.READ | PROT.WRITE, _FIXED)
    process.uffd_register(_START, PAGES * PAGE, monitor)
    where = [number * PAGE + (_START if at == 0 else 0) for at, number in enumerate(rest)]
    if op == "exec":
        process = Process(generation, process.machine)
    elif op == "mmap":
        process.mmap(*where, PROT.READ | PROT.WRITE, _FIXED)
    elif op == "mprotect":
        process.mprotect(*where, PROT.READ)
    elif op in ("brk", "munmap"):
        getattr(process, op)(*where)
    else:
        raise ValueError(f"op is {op!r}: expected brk, exec, mmap, mprotect or munmap")
    events = tuple(((low - _START) // PAGE, (high - _START) // PAGE) for low, high in monitor.events)
    return Told(events, sum(vma.pages for vma in process.mm.vmas() if vma.uffd is monitor))


def _ask(calls: list[list[Any]]) -> list[dict[str, Any]]:
    here()
    if choice() == "recording":
        raise NoKernel(f"{VARIABLE}=recording asks for none")
    run = [sys.executable, "-I", str(_ASKING), json.dumps(calls)]
    try:
        done = subprocess.run(run, capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoKernel(f"userfaultfd: {error}") from None
    if done.returncode:
        raise NoKernel((done.stderr.strip().splitlines() or ["userfaultfd: the process that asks ended"])[-1])
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    if folder := os.environ.get(KEEP):
        kept = {"kernel": RELEASE.partition("-")[0], "calls": calls, "answers": answers}
        Path(folder, _name(calls)).write_text(json.dumps(kept) + "\n", encoding="utf-8")
    return answers


def _recorded(calls: list[list[Any]], reason: str) -> tuple[list[dict[str, Any]], str]:
    try:
        found = json.loads((RECORDINGS / _name(calls)).read_text(encoding="utf-8"))
    except FileNotFoundError:
        told = f"no kernel to ask here ({reason}), and no recording of these {len(calls)} calls is shipped"
        raise NoKernel(told) from None
    return found["answers"], found["kernel"]


def _name(calls: list[list[Any]]) -> str:
    return f"monitor-{sha256(json.dumps(calls).encode()).hexdigest()[:12]}.json"
