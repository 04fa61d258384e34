"""A script of system calls in the model and on the running kernel, step by step; and recording one.

The script is a `syscall-trace/1`; answers in it are ignored. Its header chooses what lies below the heap
(`layout`) and, for root, the user (`uid`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmsim.kernel.elf import LAYOUTS
from mmsim.kernel.live import OPS as LIVE_OPS
from mmsim.kernel.live import LiveProcess
from mmsim.kernel.traced import DYNAMIC

from .recording import Recording, RecordingError, field, read
from .replay import Difference, Report
from .syscall_trace import FORMAT, OPS, Session

__all__ = ["ask", "lockstep", "record"]


def ask(process: LiveProcess, window: tuple[int, int]) -> dict[str, Any]:
    """What the kernel shows of a process now, in the form of a recording."""
    low, high = window
    maps = [
        [vma.start, vma.end, vma.perms, int(not vma.is_file), vma.flags, vma.anonymous_kb]
        for vma in process.vmas()
        if vma.end > low and vma.start < high
    ]
    return {"maps": maps, **process.sizes()}


def lockstep(path: str | Path, generation: str = "today") -> Report:
    """Run a script in both and compare after each op; ends at the first difference.

    Raises RecordingError for a script that cannot be used, NoKernel where there is no kernel to ask.
    """
    script = _script(path)
    with _start(script) as process:
        session = Session(process.header(), generation)
        for count, (line, record) in enumerate(script.records, 1):
            op, arg = record["op"], record["arg"]
            kernel = {"ret": process.do(op, arg), **ask(process, session.window)}
            try:
                model = session.answer({**kernel, "op": op, "arg": arg})
            except RecordingError as error:
                raise RecordingError(f"{path}:{line}: {error}") from None
            if model != kernel:
                return Report(str(path), count, 1, Difference(line, {"op": op, "arg": arg}, kernel, model))
    return Report(str(path), len(script.records), 0, None)


def record(path: str | Path) -> Iterator[str]:
    """The lines of a recording of a script on the running kernel. Raises as lockstep() does."""
    script = _script(path)
    with _start(script) as process:
        header = {**process.header(), "name": Path(path).stem}
        window = Session(header, "today").window
        yield json.dumps({**header, "window": list(window)})
        for _, given in script.records:
            op, arg = given["op"], given["arg"]
            answer = {"ret": process.do(op, arg), **ask(process, window)}
            yield json.dumps({"op": op, "arg": arg, **answer})


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


def _start(script: Recording) -> LiveProcess:
    """The live process of a script's header, its heap where the script expects it."""
    name = script.header.get("layout", {}).get("name", "bss")
    known = (*LAYOUTS, DYNAMIC)
    if name not in known:
        raise RecordingError(f"{script.path}:1: layout is {name!r}, expected one of {', '.join(known)}")
    uid = script.header.get("uid", 0)
    process = LiveProcess(name, uid if uid and os.geteuid() == 0 else None)
    if process.start_brk != script.header.get("start_brk", process.start_brk):
        process.close()
        wanted = f"the heap starts at {process.start_brk:#x} here, in the script at {script.header['start_brk']:#x}"
        raise RecordingError(f"{script.path}:1: {wanted}")
    return process
