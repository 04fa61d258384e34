"""The script of a claim: read from text or from lists, checked, and bounded so that it ends soon.

As text it is what a report prints, `brk(heap+2); munmap(heap+1, 4096)`; as lists what a findings file holds,
`[["brk", "heap+2"], ["munmap", ["heap+1", 4096]]]`. An address is a number or pages above the start of the heap.
"""

from __future__ import annotations

import re
from typing import Any

from mmsim.explore.alphabet import Op
from mmsim.explore.world import START
from mmsim.mm.units import PAGE
from mmsim.trace.syscall_trace import OPS

from .errors import ReviewError, named, shown
from .play import play, problem

__all__ = ["MAX_CALLS", "MAX_PAGES", "address", "read_script"]

MAX_CALLS = 24
MAX_PAGES = 1024
"""How far from the heap a script may go, and how long a range may be: a review needs a few pages."""
_ABSURD = 1 << 40
"""From here on an address or length is one that no machine of the model can give: tried, and refused at once."""
_PLACE = re.compile(r"heap(?:([+-])(\d{1,9}))?(?:\+(\d{1,4}) B)?")
_CALL = re.compile(r"\s*([A-Za-z_]\w*)\s*\(([^()]*)\)\s*")
_LENGTHS = frozenset(OPS) - {"brk", "touch", "peek", "set_mm", "hook", "setrlimit", "fork", "fail"}
_ENDS_FAR = frozenset(("brk", "set_mm", "vm_brk_flags"))


def read_script(value: Any, world: str, where: str) -> tuple[Op, ...]:
    """The calls of a script; ReviewError for one that cannot be run, or not in a moment.

    >>> read_script("brk(heap+2); fork(child)", "file", "here") == (("brk", START + 2 * PAGE), ("fork", "child"))
    True
    """
    calls = _from_text(value, where) if type(value) is str else _from_lists(value, where)
    if not 1 <= len(calls) <= MAX_CALLS:
        raise ReviewError(f"{where}: {len(calls)} calls, expected 1 to {MAX_CALLS}")
    script = []
    for number, (op, arg) in enumerate(calls, 1):
        place = f"{where}, call {number}"
        named(place, op, sorted(OPS))
        script.append((op, _argument(arg, place)))
        _bounded(*script[-1], place)
    found = problem(world, script)
    if found is not None:
        raise ReviewError(f"{where}, call {found[0]}: {found[1]}")
    if len(play(world, script, "before")) < len(script):
        raise ReviewError(
            f"{where}: the code before the patch does not get to its end, expected a script that it can do"
        )
    return tuple(script)


def address(text: str) -> int | None:
    """The address that a word stands for, or None.

    >>> address("heap+1") == START + PAGE, address("heap-1+1 B") == START - PAGE + 1, address("heap+x")
    (True, True, None)
    """
    place = _PLACE.fullmatch(text)
    if place is None:
        return None
    pages = int(place[2] or 0) * (-1 if place[1] == "-" else 1)
    return START + pages * PAGE + int(place[3] or 0)


def _from_text(text: str, where: str) -> list[tuple[str, Any]]:
    calls = []
    for number, part in enumerate(filter(str.strip, text.split(";")), 1):
        made = _CALL.fullmatch(part)
        if made is None:
            raise ReviewError(f"{where}, call {number}: {shown(part.strip())}, expected a call such as brk(heap+2)")
        given = [_word(each.strip()) for each in made[2].split(",")] if made[2].strip() else []
        calls.append((made[1], given if len(given) > 1 else given[0] if given else None))
    return calls


def _word(text: str) -> Any:
    """A word between the brackets of a call: a number if it is one."""
    if re.fullmatch(r"-?\d{1,20}|0[xX][0-9a-fA-F]{1,16}", text):
        return int(text, 16 if text[1:2] in "xX" and text[1:] else 10)
    return None if text == "None" else text.strip("\"'")


def _from_lists(value: Any, where: str) -> list[tuple[Any, Any]]:
    if type(value) not in (list, tuple):
        raise ReviewError(f'{where}: {shown(value)}, expected text such as "brk(heap+2); brk(heap+1)"')
    if len(value) > MAX_CALLS:
        raise ReviewError(f"{where}: {len(value)} calls, expected 1 to {MAX_CALLS}")
    for number, each in enumerate(value, 1):
        if type(each) not in (list, tuple) or len(each) != 2:
            raise ReviewError(f'{where}, call {number}: {shown(each)}, expected a pair such as ["brk", "heap+2"]')
    return [(each[0], each[1]) for each in value]


def _argument(arg: Any, where: str) -> Any:
    """An argument with its addresses as numbers: a word, a number, nothing, or a list of those."""
    if type(arg) in (list, tuple):
        if len(arg) > 8:
            raise ReviewError(f"{where}: {len(arg)} arguments, expected at most 8")
        return [_scalar(each, where) for each in arg]
    return _scalar(arg, where)


def _scalar(value: Any, where: str) -> Any:
    if value is None or (type(value) is int and value.bit_length() <= 64):
        return value
    if type(value) is not str or len(value) > 40 or not value.isprintable():
        raise ReviewError(f'{where}: {shown(value)} among the arguments, expected a number or a word such as "heap+2"')
    found = address(value)
    if found is None and value.startswith("heap"):
        raise ReviewError(f'{where}: {shown(value)}, expected pages above the start of the heap, as in "heap+2"')
    return value if found is None else found


def _bounded(op: str, arg: Any, where: str) -> None:
    """Refuse ranges that would take long: the model keeps a note of each page that is present."""
    given = [each if type(each) is int else 0 for each in (arg if isinstance(arg, list) else [arg])]
    limit = MAX_PAGES * PAGE
    if op in _ENDS_FAR and any(START + limit < each < _ABSURD for each in given):
        raise ReviewError(f"{where}: {op} goes beyond heap+{MAX_PAGES}, expected an address nearer to the heap")
    lengths = given[1:3] if op == "mremap" else given[1:2] if op in _LENGTHS else []
    if any(limit < each < _ABSURD for each in lengths):
        raise ReviewError(f"{where}: {op} of more than {MAX_PAGES} pages, expected a shorter range")
