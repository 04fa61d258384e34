"""A script of system calls in the model and on the running kernel, step by step; and recording one.

The script is a `syscall-trace/1`; answers in it are ignored. Its header chooses what lies below the heap
(`layout`), whether addresses are left to chance (`aslr`) and, for root, the user (`uid`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from mmsim.kernel.elf import LAYOUTS
from mmsim.kernel.live import OPS as LIVE_OPS
from mmsim.kernel.live import LiveProcess
from mmsim.kernel.traced import DYNAMIC

from .random_script import random_ops
from .recording import Recording, RecordingError, field, read
from .replay import Difference, Report
from .syscall_trace import FORMAT, OPS, Session

__all__ = ["Step", "ask", "lockstep", "record", "record_random", "recorded", "walk"]

Op = tuple[str, Any]
Answer = dict[str, Any]


class Step(NamedTuple):
    """One op, and what came of it in the model and on the kernel: the answer, the mappings, the sizes."""

    op: str
    arg: Any
    model: Answer
    kernel: Answer

    @property
    def differs(self) -> list[str]:
        """The parts that are not the same on both sides."""
        return [name for name in self.kernel if self.model[name] != self.kernel[name]]


def ask(process: LiveProcess, window: tuple[int, int]) -> Answer:
    """What the kernel shows of a process now, in the form of a recording."""
    low, high = window
    maps = [
        [vma.start, vma.end, vma.perms, int(not vma.is_file), _flags(vma.flags), vma.anonymous_kb]
        for vma in process.vmas()
        if vma.end > low and vma.start < high
    ]
    return {"maps": maps, **process.sizes()}


def _flags(shown: str) -> str:
    """Without soft-dirty, which a kernel that keeps track of it shows for all but old mappings."""
    return " ".join(pair for pair in shown.split() if pair != "sd")


def walk(process: LiveProcess, session: Session, ops: Iterable[Op]) -> Iterator[Step]:
    """Do each op on both sides. Raises RecordingError for an op that makes no sense."""
    for op, arg in ops:
        model = session.do(op, arg)
        kernel = process.do(op, arg)
        yield Step(op, arg, {"ret": model, **session.look()}, {"ret": kernel, **ask(process, session.window)})


def lockstep(path: str | Path, generation: str = "today", backend: str | None = None) -> Report:
    """Run a script in both and compare after each op; ends at the first difference.

    Raises RecordingError for a script that cannot be used, NoKernel where there is no kernel to ask.
    """
    script = _script(path)
    with _start(script, backend) as process:
        name = f"{path} ({process.source})"
        session = Session(process.header(), generation)
        steps = walk(process, session, _ops(script))
        for count, (line, _) in enumerate(script.records, 1):
            try:
                step = next(steps)
            except (RecordingError, ChildProcessError) as error:
                raise RecordingError(f"{path}:{line}: {error}") from None
            if step.differs:
                heap = {"start_brk": process.start_brk}
                kernel = {**step.kernel, **heap, "brk": process.do("brk", 0)}
                model = {**step.model, **heap, "brk": session.process.mm.brk}
                return Report(name, count, 1, Difference(line, {"op": step.op, "arg": step.arg}, kernel, model))
        return Report(name, len(script.records), 0, None)


def record(path: str | Path, backend: str | None = None) -> Iterator[str]:
    """The lines of a recording of a script on the running kernel. Raises as lockstep() does."""
    script = _script(path)
    with _start(script, backend) as process:
        yield from recorded(process, _ops(script), name=Path(path).stem)


def record_random(
    seed: int, count: int, tier: str, layout: str = "bss", aslr: bool = False, backend: str | None = None
) -> Iterator[str]:
    """The lines of a recording of a random script. Raises RecordingError for a layout there is not, NoKernel."""
    _known(layout)
    if count < 1:
        raise RecordingError(f"{count} calls: expected 1 or more")
    with LiveProcess(layout, None, aslr, backend) as process:
        ops = random_ops(seed, count, tier, process.start_brk)
        yield from recorded(process, ops, name=f"random-{tier}-{seed}", seed=seed, tier=tier)


def recorded(process: LiveProcess, ops: Iterable[Op], **about: Any) -> Iterator[str]:
    """The lines of a recording: the header, then each op with the kernel's answer."""
    header = process.header()
    window = Session(header, "today").window
    yield json.dumps({**header, "window": list(window), **about})
    for op, arg in ops:
        yield json.dumps({"op": op, "arg": arg, "ret": process.do(op, arg), **ask(process, window)})


def _ops(script: Recording) -> list[Op]:
    return [(record["op"], record["arg"]) for _, record in script.records]


def _script(path: str | Path) -> Recording:
    """A script whose ops the kernel can be asked to do."""
    script = read(path)
    if script.format != FORMAT:
        raise RecordingError(f"{path}:1: format is {script.format!r}, expected {FORMAT!r}")
    for line, given in script.records:
        try:
            op = field(given, "op", "string")
            Session.arg_of(given)
        except RecordingError as error:
            raise RecordingError(f"{path}:{line}: {error}") from None
        if op not in LIVE_OPS:
            known = "one the model alone has" if op in OPS else "unknown"
            raise RecordingError(f"{path}:{line}: op {op!r} is {known}, expected one of {', '.join(LIVE_OPS)}")
    return script


def _start(script: Recording, backend: str | None) -> LiveProcess:
    """The live process of a script's header, its heap where the script expects it."""
    name = script.header.get("layout", {}).get("name", "bss")
    try:
        _known(name)
    except RecordingError as error:
        raise RecordingError(f"{script.path}:1: {error}") from None
    uid, aslr = script.header.get("uid", 0), script.header.get("aslr", False)
    process = LiveProcess(name, uid if uid and os.geteuid() == 0 else None, aslr is True, backend)
    wanted = script.header.get("start_brk", process.start_brk)
    if process.start_brk != wanted and process.move_heap(wanted) < 0:
        process.close()
        told = f"the heap starts at {process.start_brk:#x} here and may not be moved to {wanted:#x}"
        raise RecordingError(f"{script.path}:1: {told}, as the script asks")
    return process


def _known(layout: Any) -> None:
    known = (*LAYOUTS, DYNAMIC)
    if layout not in known:
        raise RecordingError(f"layout is {layout!r}, expected one of {', '.join(known)}")
