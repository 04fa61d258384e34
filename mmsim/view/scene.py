"""What a picture shows, before anything is drawn: boxes, rows and folds of one tree.

Text, DOT and descriptions are all made from a Scene, so that they cannot disagree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from mmsim.maple import MapleTree, walk

from .fmt import choose_base, label
from .theme import STATES

__all__ = ["MAX_NODES", "Box", "Fold", "Marks", "Row", "Scene", "as_marks", "scene"]

MAX_NODES = {"dec": 12, "hex": 8}
"""Nodes shown of a tree unless asked otherwise: about what a screen holds. Tall trees count as hex."""


class Marks(NamedTuple):
    """What to point out: states of nodes by id, of slots by (id, slot), and notes on slots."""

    nodes: Mapping[int, str] = {}
    slots: Mapping[tuple[int, int], str] = {}
    notes: Mapping[tuple[int, int], str] = {}


class Row(NamedTuple):
    """One slot: its range, what it holds (`text`, or the id of a child), its gap and mark."""

    offset: int
    first: int
    last: int
    text: str
    is_null: bool
    child: int | None
    gap: int | None
    state: str
    note: str


class Box(NamedTuple):
    """One node."""

    id: int
    kind: str
    is_leaf: bool
    capacity: int
    first: int
    last: int
    depth: int
    parent: int | None
    offset: int
    rows: tuple[Row, ...]
    gap_slot: int | None
    state: str


class Fold(NamedTuple):
    """Neighbouring children of one node that are not shown, with all below them."""

    parent: int
    offset: int
    upto: int
    first: int
    last: int
    depth: int
    nodes: int

    @property
    def text(self) -> str:
        """The fold in words."""
        return f"... {self.nodes} more node{'s' if self.nodes > 1 else ''}"


class Scene(NamedTuple):
    """A tree ready to be drawn; `parts` are in walk order. `root_entry` is set at height 0."""

    parts: tuple[Box | Fold, ...]
    height: int
    nodes: int
    ranges: int
    is_alloc: bool
    base: str
    root_entry: str | None

    @property
    def boxes(self) -> Iterator[Box]:
        """The nodes that are shown."""
        return (part for part in self.parts if isinstance(part, Box))

    @property
    def hidden(self) -> int:
        """How many nodes are folded away."""
        return self.nodes - sum(1 for _ in self.boxes)


def as_marks(marks: Any) -> Marks:
    """Marks from None, a mapping node id -> state, a TreeDiff, or Marks.

    >>> as_marks({3: "new"}).nodes
    {3: 'new'}
    """
    if marks is None:
        return Marks()
    if isinstance(marks, Marks):
        return marks
    if hasattr(marks, "removed"):
        pairs = (("removed", marks.removed), ("changed", marks.changed), ("new", marks.added))
        return Marks({id: state for state, ids in pairs for id in ids})
    for state in marks.values():
        if state not in STATES:
            raise ValueError(f"marks: no state {state!r}; there are {', '.join(STATES)}")
    return Marks(dict(marks))


def scene(tree: MapleTree, marks: Any = None, base: str | None = None, max_nodes: int | None = None) -> Scene:
    """Look at every node of the tree once and pick those to show. O(nodes)."""
    marks = as_marks(marks)
    places = list(walk(tree))
    base = choose_base((pivot for place in places for pivot in place.node.pivots), base)
    room = MAX_NODES["hex" if tree.height > 2 else base]
    shown = _choose(places, marks, room if max_nodes is None else max_nodes)
    return Scene(
        tuple(_parts(places, shown, marks)),
        tree.height,
        len(places),
        _ranges(tree, places),
        tree.is_alloc,
        base,
        None if places or tree.root is None else label(tree.root),
    )


def _ranges(tree: MapleTree, places: list[Any]) -> int:
    if not places:
        return int(tree.root is not None)
    leaves = (place.node.slots for place in places if place.node.type.is_leaf)
    return sum(entry is not None for slots in leaves for entry in slots)


def _choose(places: list[Any], marks: Marks, max_nodes: int) -> set[int]:
    """Ids to show: the upper levels first, but every marked node and what is above it."""
    pointed = set(marks.nodes) | {id for id, _ in (*marks.slots, *marks.notes)}
    above = {place.node.id: place.parent for place in places}
    shown: set[int] = set()
    for id in (place.node.id for place in places if place.node.id in pointed):
        if len(shown) >= max_nodes:
            break
        while id is not None and id not in shown:
            shown.add(id)
            parent = above[id]
            id = None if parent is None else parent.id
    for place in sorted(places, key=lambda place: place.depth):
        if len(shown) >= max_nodes:
            break
        shown.add(place.node.id)
    return shown | {place.node.id for place in places[:1]}


def _parts(places: list[Any], shown: set[int], marks: Marks) -> Iterator[Box | Fold]:
    """Boxes and folds in walk order; a fold swallows its neighbours to the right."""
    fold: Fold | None = None
    for place in places:
        parent = place.parent.id if place.parent is not None else None
        if place.node.id in shown:
            if fold:
                yield fold
            fold = None
            yield _box(place, marks)
        elif parent not in shown:
            assert fold is not None  # the root of what is hidden came before it
            fold = fold._replace(nodes=fold.nodes + 1)
        elif fold and fold.parent == parent:
            fold = fold._replace(upto=place.offset, last=place.max, nodes=fold.nodes + 1)
        else:
            if fold:
                yield fold
            fold = Fold(parent, place.offset, place.offset, place.min, place.max, place.depth, 1)
    if fold:
        yield fold


def _box(place: Any, marks: Marks) -> Box:
    node = place.node
    return Box(
        node.id,
        node.type.name,
        node.type.is_leaf,
        node.type.slots,
        place.min,
        place.max,
        place.depth,
        None if place.parent is None else place.parent.id,
        place.offset or 0,
        tuple(_rows(place, marks)),
        None if node.gaps is None else node.gap_slot,
        marks.nodes.get(node.id, "plain"),
    )


def _rows(place: Any, marks: Marks) -> Iterator[Row]:
    node = place.node
    for offset, (first, last, held) in enumerate(place.ranges()):
        key = (node.id, offset)
        yield Row(
            offset,
            first,
            last,
            label(held) if node.type.is_leaf else f"#{held.id}",
            held is None,
            None if node.type.is_leaf else held.id,
            None if node.gaps is None else node.gaps[offset],
            marks.slots.get(key, "plain"),
            marks.notes.get(key, ""),
        )
