"""Where a script starts: a small process, as `mmsim run` and `mmsim live` would start it too."""

from __future__ import annotations

from typing import Any

from mmsim.mm.units import PAGE

__all__ = ["START", "WORLDS", "ordinary"]

START = 0x1001_4000
"""start_brk in every world, that of `mmsim live` without anything said."""

_FILE = _ANON = "rd wr mr mw me ac"
_STACK, _TEXT = "rd wr mr mw me gd ac", "rd ex mr mw me"


def _header(below: list[list[Any]], **more: Any) -> dict[str, Any]:
    stack = [START + 0x4000_0000, START + 0x4002_0000, "rw-p", 0, "[stack]", _STACK, 0]
    data = {"start_data": START - 4 * PAGE, "end_data": START - 3 * PAGE}
    return {"format": "syscall-trace/1", "start_brk": START, **data, "initial": [*below, stack]} | more


def _file(start: int, end: int) -> list[Any]:
    return [START + start * PAGE, START + end * PAGE, "rw-p", 0, "file:program", _FILE, 0]


WORLDS: dict[str, dict[str, Any]] = {
    "bss": _header([_file(-4, -3), [START - 3 * PAGE, START, "rw-p", 0, "anon", _ANON, 0]], layout={"name": "bss"}),
    "file": _header([_file(-4, 0)]),
    "bare": _header([]),
    "low": _header([[START - 8 * PAGE, START - 4 * PAGE, "r-xp", 0, "file:program", _TEXT, 0]]),
    "user": _header([_file(-4, 0)], cap_ipc_lock=False, limits={"MEMLOCK": [4 * PAGE, 4 * PAGE]}, uid=1000),
    "crowded": _header([_file(-4, 0)], env={"max_map_count": 4}, compat_brk=True),
    "compat": _header([_file(-8, -4)], compat_brk=True, brk_randomized=False, end_data=START - 4 * PAGE),
}
"""Below the heap: anonymous bss, data of a file, nothing, text at a distance; a user who may lock little; as
many mappings as may be, but for a few (on a kernel with COMPAT_BRK, which does not matter where the heap's place is
random); a kernel with COMPAT_BRK. The plainest first."""


def ordinary(world: str) -> bool:
    """Whether an ordinary kernel starts processes like this."""
    return world != "compat"
