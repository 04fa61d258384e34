"""Pictures: rich objects whose text form states the structure exactly.

A notebook shows the SVG; a stored notebook is compared by the text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from mmsim.maple import MapleTree, TreeDiff, Write, diff

from .dot import joined_dot, scene_dot
from .fmt import label, span
from .render import draw, renderer
from .scene import Marks, Scene, as_marks, scene
from .shown import Shown
from .text import describe, joined_text, scene_text
from .theme import STATES

__all__ = [
    "Panel",
    "Picture",
    "call_text",
    "joined_panel",
    "picture",
    "picture_diff",
    "picture_write",
    "slots_over",
    "tree_panel",
]


PLAIN = "maple tree"
"""The title of a picture that has none of its own; it is not worth a line in the drawing."""


class Panel(NamedTuple):
    """One drawing of a picture: the same thing as DOT, as text and as a sentence."""

    caption: str
    legend: str
    dot: str
    text: str
    description: str

    @property
    def heading(self) -> str:
        """The caption, with the marks used explained."""
        return " ".join(part for part in (self.caption, self.legend) if part)


class Picture(Shown):
    """One or more panels below each other, with a title.

    `str()` is the exact text form, `svg()` the drawing, `dot` what Graphviz is given.
    """

    def __init__(self, title: str, panels: list[Panel]) -> None:
        self.title = title
        self.panels = tuple(panels)

    @property
    def text(self) -> str:  # type: ignore[override]
        """The text form: the title, then each panel."""
        return "\n".join([self.title, *(_captioned(panel) for panel in self.panels)])

    @property
    def dot(self) -> str:
        """The DOT text, one graph for each panel."""
        return "\n".join(panel.dot for panel in self.panels)

    @property
    def heading(self) -> str:
        """The title, if the picture has one of its own."""
        return "" if self.title == PLAIN else self.title

    @property
    def description(self) -> str:
        """What the picture shows, in sentences: its `<desc>`."""
        return " ".join(_sentence(panel) for panel in self.panels)

    def svg(self, salt: str = "", heading: bool = True) -> str:  # type: ignore[override]
        """The drawing as one <svg> element; `salt` keeps the ids of equal pictures on one page apart."""
        panels = [(panel.dot, _captioned(panel)) for panel in self.panels]
        return draw(panels, self.title, self.description, salt, heading and bool(self.heading))

    def _forms(self) -> dict[str, Callable[[], str]]:
        return {".svg": self.svg, ".dot": lambda: self.dot, ".txt": lambda: self.text}

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        bundle = super()._repr_mimebundle_(include, exclude)
        if renderer().name == "wasm":
            from .wasm import view

            bundle |= view([self])
        return bundle


def picture(
    tree: MapleTree,
    marks: Marks | Mapping[int, str] | TreeDiff | None = None,
    title: str | None = None,
    base: str | None = None,
    max_nodes: int | None = None,
) -> Picture:
    """A tree as a picture. O(nodes), and some milliseconds for each node shown.

    `marks` points things out: node id -> new, changed, removed or path (or a TreeDiff, or
    Marks). `base` is dec or hex, by default chosen from the indices; `max_nodes` limits
    what is shown, the rest is folded (12, or 8 in hex and for three levels or more).

    >>> tree = MapleTree()
    >>> tree.store_range(10, 19, "a")
    >>> print(picture(tree))
    maple tree
    height 1, 1 node, 1 range
      #1 leaf_64 0-ULONG_MAX, 3 of 16 slots
        0-9 NULL | 10-19 a | 20-ULONG_MAX NULL
    """
    return Picture(title or PLAIN, [tree_panel(scene(tree, marks, base, max_nodes))])


def picture_diff(before: MapleTree, after: MapleTree, title: str | None = None, **options: Any) -> Picture:
    """Two states of a tree, one below the other; what changed is marked in both.

    `options` are those of `picture()`: base, max_nodes.
    """
    marks = as_marks(diff(before, after))
    return _pair(before, marks, after, marks, title or "before and after", options)


def picture_write(write: Write, title: str | None = None, **options: Any) -> Picture:
    """A watched write: the tree before and after, with changed nodes and the slots written marked."""
    marks = as_marks(write.diff)
    before = marks._replace(slots=slots_over(write.before, write.index, write.last, "path"))
    after = marks._replace(slots=slots_over(write.after, write.index, write.last, "new"))
    title = title or f"{call_text(write, options.get('base'))}: {write.path}"
    return _pair(write.before, before, write.after, after, title, options)


def call_text(write: Write, base: str | None = None) -> str:
    """The call of a write: `store_range 10-19 a`."""
    return f"{write.op} {span(write.index, write.last, base)} {label(write.entry)}"


def tree_panel(drawn: Scene, caption: str = "", slots: str = "") -> Panel:
    """A scene as a panel; the marks it uses are explained beside its caption.

    `slots` says what marked slots are, if any are marked.
    """
    states = [state for state in STATES.values() if state.word and any(box.state == state.name for box in drawn.boxes)]
    words = [f"{state.mark} {state.word}" for state in states]
    if slots and any(row.state != "plain" for box in drawn.boxes for row in box.rows):
        words.append(slots)
    legend = ", ".join(words)
    legend = f"({legend})" if legend and caption else ""
    return Panel(caption, legend, scene_dot(drawn, f"{caption} {legend}".strip()), scene_text(drawn), describe(drawn))


def joined_panel(pieces: list[list[Any]], made: Sequence[int], base: str, caption: str) -> Panel:
    """Joined data as a panel, cut into pieces; `made` are the ids of the nodes these become."""
    text = joined_text(pieces, made, base)
    return Panel(caption, "", joined_dot(pieces, made, base, caption), text, text.splitlines()[0] + ".")


def _pair(before: MapleTree, old: Marks, after: MapleTree, new: Marks, title: str, options: Any) -> Picture:
    scenes = [scene(before, old, **options), scene(after, new, **options)]
    if len({drawn.base for drawn in scenes if drawn.nodes}) > 1:
        scenes = [scene(before, old, **(options | {"base": "hex"})), scene(after, new, **(options | {"base": "hex"}))]
    words = ("before", "> slots concerned"), ("after", "+ slots written")
    return Picture(title, [tree_panel(drawn, *said) for drawn, said in zip(scenes, words, strict=True)])


def slots_over(tree: MapleTree, index: int, last: int, state: str) -> dict[tuple[int, int], str]:
    """The leaf slots of a tree that overlap index..last, by (id, slot)."""
    found = {}
    while tree.height and index <= last:
        leaf, offset = tree.path_to(index)[-1]
        found[leaf.id, offset] = state
        index = leaf.pivots[offset] + 1
    return found


def _captioned(panel: Panel) -> str:
    return f"{panel.heading}: {panel.text}" if panel.heading else panel.text


def _sentence(panel: Panel) -> str:
    return f"{panel.caption[0].upper()}{panel.caption[1:]}: {panel.description}" if panel.caption else panel.description
