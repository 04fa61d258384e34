"""Repairs of the patch that a learner writes, tried: the events for a cut heap, and those of the loader's call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from mmsim.brk import GENERATIONS, v4
from mmsim.mm import MM
from mmsim.mm.uffd import Unmapped, unmap_complete
from mmsim.mm.units import PAGE
from mmsim.trace.monitors import in_model

from . import e6
from .build import HEAP_FLAGS, SEGMENT, started

__all__ = ["PLACES", "check_cut", "check_loader"]

_BODY = "    length = page_align(request)\n"
_CUT = "    error = unmap_prep(mm, [gone], new_top, old_top, uf)\n"
PLACES = {
    "above do_brk_flags": "    error = do_brk_flags(mm, None, address, length, flags)\n",
    "below do_brk_flags": "    locked = mm.def_flags & VM.LOCKED\n    mm.unlock()\n",
    "below unlock": "    if locked and not error:\n        populate(mm, address, length)\n",
}
"""Where a line can go in vm_brk_flags() of the patch: in front of these lines."""


def check_cut(right: str | None) -> str:
    """Try `gone.uffd = ...` in do_brk_munmap() with the right side given, and say who hears of a cut heap then.

    >>> check_cut("None")
    'not yet: after brk(1) expected told of pages 1 to 3; 1 registered, got told of nothing; 1 registered'
    """
    if right is None:
        return "not tried yet"
    try:
        with _mended({_CUT: f"    gone.uffd = {right}\n{_CUT}"}) as name:
            for call in (("brk", 1), ("brk", 0)):
                expected, got = in_model("before", call), in_model(name, call)
                if expected != got:
                    return f"not yet: after {call[0]}({call[1]}) expected {expected}, got {got}"
    except Exception as error:  # whatever the learner's text raises is an answer to it
        return f"not yet: {_said(error)}"
    return "right: the monitor hears of a cut heap"


def check_loader(lines: Mapping[str, str] | None) -> str:
    """Try lines in vm_brk_flags(), by place, and say whether experiment E6 is as before the patch.

    `uf` is an empty list there, and do_munmap() and unmap_complete() can be called.

    >>> check_loader({})
    'not yet: events delivered: expected 1, got 0'
    """
    if lines is None:
        return "not tried yet"
    unknown = [place for place in lines if place not in PLACES]
    if unknown:
        return f"not yet: no place {unknown[0]!r}, expected one of: {', '.join(PLACES)}"
    changes = {old: f"    {lines[place]}\n{old}" for place, old in PLACES.items() if lines.get(place)}
    try:
        with _mended(changes) as name:
            expected, got = _measured("before"), _measured(name)
            early = GENERATIONS[name].__dict__["early"]
    except Exception as error:  # whatever the learner's text raises is an answer to it
        return f"not yet: {_said(error)}"
    for what, value in expected.items():
        if got[what] != value:
            return f"not yet: {what}: expected {value}, got {got[what]}"
    if early:
        return "not yet: the event goes out under the mmap lock; a monitor that needs the lock would wait for ever"
    return "right: E6 is as before the patch"


def _measured(generation: str) -> dict[str, Any]:
    """E6, and whether the loader's call mapped anything."""
    process = started(generation)
    process.place(SEGMENT, SEGMENT + PAGE, HEAP_FLAGS)
    process.vm_brk_flags(SEGMENT, PAGE)
    return {**e6.measure(generation), "pages of bss mapped": sum(vma.pages for vma in process.mm.vmas())}


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error.msg if isinstance(error, SyntaxError) else error}"


@contextmanager
def _mended(changes: Mapping[str, str]) -> Iterator[str]:
    """The name of a generation that is v4 with some lines replaced, as long as the block lasts."""
    source = Path(v4.__file__ or "").read_text(encoding="utf-8")
    head, mark, loader = source.partition("def vm_brk_flags(")
    for old, new in changes.items():
        if old in head:
            head = head.replace(old, new)
        elif old in loader:
            loader = loader.replace(old, new)
        else:
            raise LookupError(f"v4 has no longer the line {old.strip()!r}")
    loader = loader.replace(_BODY, f"{_BODY}    uf = []\n")
    module: Any = ModuleType("mmsim.brk.mended")
    module.__package__, module.__file__, module.early = "mmsim.brk", "mended", []

    def complete(mm: MM, uf: list[Unmapped]) -> None:
        if mm.lock != "none" and uf:
            module.early.append(len(uf))
        unmap_complete(mm, uf)

    exec(compile(head + mark + loader, "your repair of v4", "exec"), module.__dict__)
    module.unmap_complete = complete
    GENERATIONS["v4 mended"] = module
    try:
        yield "v4 mended"
    finally:
        del GENERATIONS["v4 mended"]
