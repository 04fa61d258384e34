"""Scripts in words: addresses as pages above the start of the heap."""

from __future__ import annotations

from typing import Any

from mmsim.mm.units import PAGE

from .alphabet import Op
from .world import START

__all__ = ["call", "script_text", "shown"]


def script_text(script: list[Op]) -> str:
    """The calls of a script on one line."""
    return "; ".join(call(op) for op in script)


def call(op: Op) -> str:
    """An op with addresses as pages above the start of the heap.

    >>> call(("brk", START + 2 * PAGE)), call(("munmap", [START - PAGE, PAGE]))
    ('brk(heap+2)', 'munmap(heap-1, 4096)')
    """
    name, arg = op
    given = arg if isinstance(arg, list) else [] if arg is None else [arg]
    return f"{name}({', '.join(shown(value) for value in given)})"


def shown(value: Any) -> str:
    """A number, an address near the heap as pages above its start.

    >>> shown(START + PAGE), shown(START + 1), shown(-12)
    ('heap+1', 'heap+0+1 B', '-12')
    """
    if not isinstance(value, int) or abs(value - START) > 1 << 26:
        return str(value)
    pages, rest = divmod(value - START, PAGE)
    return f"heap{pages:+}" + (f"+{rest} B" if rest else "") if pages or rest else "heap"
