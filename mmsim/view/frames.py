"""The frames of a step player: one write level by level, many writes, or many states."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from mmsim.maple import ULONG_MAX, MapleTree, Step, Write, diff, walk

from .fmt import choose_base, label, number, span
from .pictures import Picture, call_text, joined_panel, slots_over, tree_panel
from .scene import Marks, Row, as_marks, scene

__all__ = ["GOALS", "Frame", "frames_of"]

GOALS = ("find the place", "does it fit?", "split or shift", "fix parents", "update gaps")
"""The subgoals of every write, by the same names in text, pictures and code."""

FITS = {
    "root entry": "Index 0 alone needs no node: the root pointer holds the entry itself.",
    "first leaf": "There is no node yet: the first leaf is made.",
    "exact": "Yes: a slot has exactly this range. Only what it holds changes.",
    "append": "Yes: the write touches the last slot, and there is room behind it.",
    "slot store": "Yes: no slot more is needed. A pivot moves.",
    "node store": "Yes: the leaf is written anew with the slots it needs now.",
    "big node": "Yes, after all: the data goes through a big node and comes back as one leaf.",
    "split": "No: the leaf would need more slots than it has.",
    "rebalance": "It fits, but leaves too few slots for a leaf that is not the root.",
    "new root": "It covers every index: the tree starts anew.",
}
WHY = {
    "pull right": "too little for a node, so the neighbour to the right joins. ",
    "pull left": "too little for a node, so the neighbour to the left joins. ",
    "rebalance": "too little for a node, so the neighbour joins. ",
    "push left": "the neighbour to the left has room, so it shares. ",
    "push right": "the neighbour to the right has room, so it shares. ",
}
"""Why a step takes a node apart that the write does not reach."""


class Frame(NamedTuple):
    """One moment: a short label, the sentence that goes with it, the picture."""

    label: str
    sentence: str
    picture: Picture


def frames_of(what: Any, options: dict[str, Any]) -> list[Frame]:
    """Frames of a Write, or of an iterable of Writes, of trees or of (label, tree).

    Raises TypeError for anything else and ValueError when there is nothing to show.
    """
    if isinstance(what, Write):
        return list(_write_frames(what, options))
    items = [] if isinstance(what, MapleTree) else list(what)
    if not items:
        raise ValueError("nothing to play: expected a Write, or a list of Writes or trees that is not empty")
    if all(isinstance(item, Write) for item in items):
        return list(_log_frames(items, options))
    return list(_state_frames([_named(item, at) for at, item in enumerate(items)], options))


def _named(item: Any, at: int) -> tuple[str, MapleTree]:
    if isinstance(item, MapleTree):
        return f"state {at + 1}", item
    if isinstance(item, tuple) and len(item) == 2 and isinstance(item[1], MapleTree):
        return str(item[0]), item[1]
    raise TypeError(f"cannot play a {type(item).__name__}: expected a Write, a tree or (label, tree)")


# -- one write


def _write_frames(write: Write, options: dict[str, Any]) -> Iterator[Frame]:
    """The walk, the question, a frame for each level, the result."""
    options = options | {"base": _base(write, options.get("base"))}
    before, base = write.before, options["base"]
    path = {node.id: "path" for index in _walks(write) for node, _ in before.path_to(index)}
    slots = slots_over(before, write.index, write.last, "path")
    panel = tree_panel(scene(before, Marks(path, slots), **options), "before", "> slots concerned")
    call = call_text(write, base)
    yield Frame(GOALS[0], _place(write, base), Picture(call, [panel]))
    yield Frame(GOALS[1], f"{_fits(write)} Path: {write.path}.".strip(), Picture(call, [panel]))
    gone: dict[int, str] = {}
    made: set[int] = set()
    for step in write.steps:
        marks = Marks(gone | dict.fromkeys(step.took, "taken"), slots if step.level == 0 else {})
        panels = [tree_panel(scene(before, marks, **options), "before", "> slots concerned")]
        if step.joined:
            plus = "new nodes" if step.level else "slots written"
            caption = f"joined data of level {step.level} (+ {plus})"
            panels.append(joined_panel(_pieces(write, step, made), step.made, base, caption))
        yield Frame(GOALS[2 if step.level == 0 else 3], _said(step), Picture(call, panels))
        gone |= dict.fromkeys(step.took, "removed")
        made |= {*step.made}
    marks = as_marks(write.diff)._replace(slots=slots_over(write.after, write.index, write.last, "new"))
    after = tree_panel(scene(write.after, marks, **options), "after", "+ slots written")
    yield Frame(GOALS[4], f"Done: {write.diff}. {_gaps(write)}", Picture(call, [after]))


def _base(write: Write, base: str | None) -> str:
    """One base for all frames of a write."""
    both = (place.node.pivots for tree in (write.before, write.after) for place in walk(tree))
    return choose_base([pivot for pivots in both for pivot in pivots], base)


def _walks(write: Write) -> list[int]:
    """The indices looked up: a spanning store walks to the one after its range, too."""
    return [write.index, min(write.last + 1, ULONG_MAX)] if write.path == "spanning" else [write.index]


def _fits(write: Write) -> str:
    """The answer to "does it fit?"."""
    if write.path != "spanning":
        return FITS.get(write.path, "")
    leaf = write.before.path_to(write.index)[-1][0]
    if write.last > leaf.pivots[-1]:
        return f"No: the range goes past the end of leaf #{leaf.id}."
    return f"No: leaf #{leaf.id} would end in a NULL, and only the last leaf may."


def _place(write: Write, base: str) -> str:
    path = write.before.path_to(write.index)
    if not path:
        return "The tree has no node; the write happens at the root pointer."
    leaf, slot = path[-1]
    first, last, entry = write.before.range_at(write.index)
    where = f"slot {slot} of leaf #{leaf.id}, {span(first, last, base)} {label(entry)}"
    way = _way(write, write.index)
    past = "" if write.last <= last else f"; the write goes on to {number(write.last, base)}"
    for after in _walks(write)[1:]:
        what = "what comes after it" if after > write.last else "its end"
        past += f". A second walk, {_way(write, after)}, finds {what}: {number(after, base)}"
    return f"The walk {way} ends at {where}{past}." if len(path) > 1 else f"The place is {where}{past}."


def _way(write: Write, index: int) -> str:
    return " - ".join(f"#{node.id}" for node, _ in write.before.path_to(index))


def _said(step: Step) -> str:
    """A step in words; `step.text` is its short form."""
    slots = f"{len(step.joined)} slot{'' if len(step.joined) == 1 else 's'}"
    cuts = f"slot{'s' if len(step.cuts) > 1 else ''} {' and '.join(map(str, step.cuts))}"
    into = f"too many for one node, cut after {cuts} into" if step.cuts else "which fit into one node:"
    where = "Level 0, the leaves" if step.level == 0 else f"Level {step.level}"
    climbs = step.level and step.action == "rebalance"
    why = "" if climbs else WHY.get(step.action, "")
    took = f"{_ids(step.took)} {'are' if len(step.took) > 1 else 'is'} taken apart. " if step.took else ""
    what = "With the new nodes there are" if step.level else "What stays and what is written make"
    return f"{where}: {step.action}: {why}{took}{what} {slots}, {into} {_ids(step.made)}."


def _ids(ids: tuple[int, ...]) -> str:
    """Nodes in words: #1, #2 and #3."""
    *most, last = [f"#{id}" for id in ids]
    return f"{', '.join(most)} and {last}" if most else last


def _pieces(write: Write, step: Step, made: set[int]) -> list[list[Row]]:
    """The joined data of a step as rows, cut where the step cut it; new are what was written and the nodes `made`."""
    lows = [place.min for place in walk(write.before) if place.node.id in step.took]
    first = min(lows, default=0)
    pieces: list[list[Row]] = [[]]
    for at, (last, held) in enumerate(step.joined):
        text = label(held) if step.level == 0 else f"#{held}"
        child = None if step.level == 0 else held
        new = held in made if step.level else first <= write.last and last >= write.index
        state = "new" if new else "plain"
        pieces[-1].append(Row(len(pieces[-1]), first, last, text, held is None, child, None, state, ""))
        first = last + 1
        if at in step.cuts and at + 1 < len(step.joined):
            pieces.append([])
    return pieces


def _gaps(write: Write) -> str:
    """Which gap rows the write changed."""
    if not write.after.is_alloc:
        return "This tree tracks no gaps: nothing to update."
    was = {place.node.id: (place.node.gaps, place.node.gap_slot) for place in walk(write.before)}
    rows = [(place.node.id, (place.node.gaps, place.node.gap_slot)) for place in walk(write.after)]
    ids = [f"#{id}" for id, gaps in rows if gaps[0] is not None and was.get(id) != gaps]
    return f"Gaps written in {' '.join(ids)}." if ids else "No recorded gap changes."


# -- many


def _log_frames(log: list[Write], options: dict[str, Any]) -> Iterator[Frame]:
    """The tree before the first write, then the tree after each."""
    start = tree_panel(scene(log[0].before, None, **options), "at the start")
    title = f"{len(log)} write{'s' if len(log) > 1 else ''}"
    yield Frame("start", "Before the first write.", Picture(title, [start]))
    for at, write in enumerate(log):
        marks = as_marks(write.diff)._replace(slots=slots_over(write.after, write.index, write.last, "new"))
        call = call_text(write, options.get("base"))
        panel = tree_panel(scene(write.after, marks, **options), f"after write {at + 1}", "+ slots written")
        yield Frame(f"write {at + 1}", f"{call}: {write.path}; {write.diff}.", Picture(title, [panel]))


def _state_frames(states: list[tuple[str, MapleTree]], options: dict[str, Any]) -> Iterator[Frame]:
    """Each state, with what changed since the one before."""
    before: MapleTree | None = None
    for name, tree in states:
        change = None if before is None else diff(before, tree)
        sentence = "The first state." if change is None else f"Since the last state: {change}."
        yield Frame(
            name, sentence, Picture(f"{len(states)} states", [tree_panel(scene(tree, change, **options), name)])
        )
        before = tree
