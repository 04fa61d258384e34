"""Playing the records of a `maple-trace/1` recording on a tree.

Each op is one function: record in, answer out, the answer holding the fields that the kernel's
answer has in the recording.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mmsim.maple import ULONG_MAX, MapleError, MapleState, MapleTree, canonical, digest

from .recording import RecordingError, field

__all__ = ["FLAGS", "FORMAT", "new_tree", "play"]

FORMAT = "maple-trace/1"
FLAGS = ("alloc_range", "use_rcu")

Answer = dict[str, Any]


def new_tree(header: dict[str, Any]) -> MapleTree:
    """The empty tree a recording starts with."""
    flags = field(header, "flags", "list")
    for flag in flags:
        if flag not in FLAGS:
            raise RecordingError(f"header: unknown flag {flag!r}, expected {' or '.join(FLAGS)}")
    return MapleTree(**dict.fromkeys(flags, True))


def play(tree: MapleTree, record: dict[str, Any]) -> Answer:
    """Do one record; returns mmsim's answer. Raises RecordingError for one that makes no sense."""
    op = record.get("op")
    action = ACTIONS.get(op) if isinstance(op, str) else None
    if action is None:
        raise RecordingError(f"unknown op {op!r}, expected one of {', '.join(sorted(ACTIONS))}")
    answer = action(tree, record)
    for name in answer:
        if name not in record:
            raise RecordingError(f'{op}: no "{name}", the recorded answer')
    return answer


def _index(record: dict[str, Any], name: str) -> int:
    value = field(record, name)
    if not 0 <= value <= ULONG_MAX:
        raise RecordingError(f'{record["op"]}: "{name}" is {value}, expected 0 to 2**64-1')
    return value


def _entry(record: dict[str, Any], null: bool = False) -> int | None:
    value = field(record, "entry", null=null)
    if value is not None and value < 1:
        raise RecordingError(f'{record["op"]}: "entry" is {value}, expected 1 or more{" or null" if null else ""}')
    return value


def _ret(call: Callable[..., Any], *args: Any) -> tuple[int, Any]:
    """A call that raises in Python as the kernel's: 0 and the result, or a negative error."""
    try:
        return 0, call(*args)
    except MapleError as error:
        return -error.errno, None


def _store(tree: MapleTree, record: dict[str, Any]) -> Answer:
    args = _index(record, "index"), _index(record, "last"), _entry(record, null=True)
    return {"ret": _ret(tree.store_range, *args)[0]}


def _insert(tree: MapleTree, record: dict[str, Any]) -> Answer:
    return {"ret": _ret(tree.insert_range, _index(record, "index"), _index(record, "last"), _entry(record))[0]}


def _erase(tree: MapleTree, record: dict[str, Any]) -> Answer:
    return {"entry": tree.erase(_index(record, "index"))}


def _load(tree: MapleTree, record: dict[str, Any]) -> Answer:
    return {"entry": tree.load(_index(record, "index"))}


def _find(tree: MapleTree, record: dict[str, Any]) -> Answer:
    entry, after = tree.find(_index(record, "index"), _index(record, "max"))
    return {"entry": entry, "next": after}


def _next(tree: MapleTree, record: dict[str, Any]) -> Answer:
    return {"entry": tree.next(_index(record, "index"), _index(record, "limit"))}


def _prev(tree: MapleTree, record: dict[str, Any]) -> Answer:
    return {"entry": tree.prev(_index(record, "index"), _index(record, "limit"))}


def _walk(tree: MapleTree, record: dict[str, Any]) -> Answer:
    mas = MapleState(tree, _index(record, "index"))
    entry = mas.walk()
    return {"entry": entry, "range": [mas.index, mas.last]}


def _found(mas: MapleState, entry: Any) -> Answer:
    return {"entry": entry, "range": None if entry is None else [mas.index, mas.last]}


def _mas_find(tree: MapleTree, record: dict[str, Any]) -> Answer:
    mas = MapleState(tree, _index(record, "index"))
    return _found(mas, mas.find(_index(record, "max")))


def _cursor(tree: MapleTree, record: dict[str, Any]) -> Answer:
    mas = MapleState(tree, _index(record, "index"))
    calls = {"find": mas.find, "find_rev": mas.find_rev, "next": mas.next, "prev": mas.prev}
    answers = []
    for number, call in enumerate(field(record, "calls", "list")):
        if not isinstance(call, dict) or call.get("call") not in calls:
            raise RecordingError(f"cursor: call {number} is {call!r}, expected one of {', '.join(calls)}")
        limit = _index({"op": "cursor", **call}, "limit")
        answers.append({"call": call["call"], "limit": limit, **_found(mas, calls[call["call"]](limit))})
    return {"calls": answers}


def _empty_area(tree: MapleTree, record: dict[str, Any]) -> Answer:
    mas = MapleState(tree)
    search = mas.empty_area if record["op"] == "empty_area" else mas.empty_area_rev
    ret = search(_index(record, "min"), _index(record, "max"), _index(record, "size"))
    index, last = (mas.index, mas.last) if ret == 0 else (None, None)
    return {"index": index, "last": last, "ret": ret}


def _alloc(tree: MapleTree, record: dict[str, Any]) -> Answer:
    alloc = tree.alloc_range if record["op"] == "alloc" else tree.alloc_rrange
    args = _entry(record), _index(record, "size"), _index(record, "min"), _index(record, "max")
    ret, start = _ret(alloc, *args)
    return {"start": start, "ret": ret}


def _dump(tree: MapleTree, record: dict[str, Any]) -> Answer:
    return {"tree": canonical(tree)}


def _digest(tree: MapleTree, record: dict[str, Any]) -> Answer:
    return {"sha256": digest(tree)}


ACTIONS: dict[str, Callable[[MapleTree, dict[str, Any]], Answer]] = {
    "store": _store,
    "insert": _insert,
    "erase": _erase,
    "load": _load,
    "find": _find,
    "next": _next,
    "prev": _prev,
    "walk": _walk,
    "mas_find": _mas_find,
    "cursor": _cursor,
    "empty_area": _empty_area,
    "empty_area_rev": _empty_area,
    "alloc": _alloc,
    "ralloc": _alloc,
    "dump": _dump,
    "digest": _digest,
}
