"""A tree as text and as plain data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import BadArgument
from .node import NO_GAP, ULONG_MAX
from .walker import Place, walk

if TYPE_CHECKING:
    from .tree import MapleTree

__all__ = ["canonical", "digest", "dump"]


def canonical(tree: MapleTree) -> Any:
    """The form T of `maple-trace/1`: None, {"root": entry} or nested nodes.

    >>> from .tree import MapleTree
    >>> tree = MapleTree()
    >>> tree.store_range(0, 0, 7)
    >>> canonical(tree)
    {'root': 7}
    """
    if not tree.height:
        return None if tree.root is None else {"root": tree.root}
    made: dict[int, dict[str, Any]] = {}
    for place in walk(tree):
        made[place.node.id] = form = _node_form(place)
        if place.parent is not None:
            made[place.parent.id]["slots"][place.offset][1] = form
    return made[tree.root.id]


def _node_form(place: Place) -> dict[str, Any]:
    """One node; the children of an inner node are put in when their turn comes."""
    node = place.node
    slots = node.slots if node.type.is_leaf else [None] * len(node.slots)
    form: dict[str, Any] = {
        "type": node.type.name,
        "min": place.min,
        "max": place.max,
        "slots": [[last, slot] for last, slot in zip(node.pivots, slots, strict=True)],
    }
    if node.gaps is not None:
        form["gaps"] = list(node.gaps)
        form["gap_slot"] = node.gap_slot
    return form


def digest(tree: MapleTree) -> str:
    """SHA-256 of the canonical form, as a recording's digest record has it."""
    import hashlib  # late, as json: only recordings need them, and they take long to import
    import json

    text = json.dumps(canonical(tree), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def dump(tree: MapleTree, base: str = "dec") -> str:
    """Indented text, one line a node and a range.

    >>> from .tree import MapleTree
    >>> tree = MapleTree()
    >>> tree.store_range(10, 19, "vma")
    >>> print(dump(tree))
    maple tree, height 1, 1 node
    #1 leaf_64 0-max, 3 of 16 slots
      0-9: NULL
      10-19: vma
      20-max: NULL
    """
    if base not in ("dec", "hex"):
        raise BadArgument(f"base is {base!r}: expected 'dec' or 'hex'")
    flags = "".join(f" {name}" for name, on in (("alloc_range", tree.is_alloc), ("use_rcu", tree.use_rcu)) if on)
    if not tree.height:
        content = "empty" if tree.root is None else f"index 0 in the root pointer: {tree.root}"
        return f"maple tree{flags}, height 0, no node\n{content}"
    lines = []
    count = 0
    for place in walk(tree):
        count += 1
        lines += _node_lines(place, base)
    head = f"maple tree{flags}, height {tree.height}, {count} node{'s' if count > 1 else ''}"
    return "\n".join([head, *lines])


def _node_lines(place: Place, base: str) -> list[str]:
    node, pad = place.node, "  " * place.depth
    whole = _range(place.min, place.max, base)
    line = f"{pad}#{node.id} {node.type.name} {whole}, {len(node.slots)} of {node.type.slots} slots"
    if node.gaps is not None:
        slot = "none" if node.gap_slot == NO_GAP else node.gap_slot
        line += f", gaps {' '.join(_number(gap, base) for gap in node.gaps)}, gap_slot {slot}"
    if not node.type.is_leaf:
        return [line]
    return [line] + [
        f"{pad}  {_range(first, last, base)}: {'NULL' if entry is None else entry}"
        for first, last, entry in place.ranges()
    ]


def _range(first: int, last: int, base: str) -> str:
    return _number(first, base) if first == last else f"{_number(first, base)}-{_number(last, base)}"


def _number(value: int, base: str) -> str:
    if value == ULONG_MAX:
        return "max"
    return f"{value:#x}" if base == "hex" else str(value)
