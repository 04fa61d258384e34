"""Labs: small widgets to try things out, each with a task.

Every lab is a plain model first: `set()` or `call()` change it from a cell, `text` (and
`repr`) state all of it. The widgets only show it: their observers call the model, the
model sets the value of one picture. No Output, no print, no interact.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from threading import RLock
from typing import Any

from mmsim.maple import ULONG_MAX, MapleState, MapleTree, NoGap, Write, walk

from .fmt import choose_base, label, number, parse, span
from .pictures import Picture, picture, picture_write
from .player import StepPlayer
from .reach import reach
from .render import renderer
from .scene import Marks

__all__ = ["CursorLab", "GapLab", "Lab", "StoreLab"]

SLIDER_TOP = 2**31
SHOWN_CALLS = 8


class Lab:
    """What labs share: the task, the inputs, the picture, the text form.

    A lab has `report()`, the lines that state its result, and `picture`, the drawing;
    `refresh()` computes both from `fields`. `in_python`: the pictures need no Graphviz.
    JupyterLab runs what answers a widget in a thread beside the cells': one change at a time
    is worked off, and a cell that shows the lab gets `result`, lines and picture of one moment.
    """

    def __init__(self, task: str, base: str, top: int, in_python: bool = False) -> None:
        if not task:
            raise ValueError("task is empty: expected what there is to find out")
        self.task = task
        self.base = base
        self.top = top
        self.fields: dict[str, Any] = {}
        self.in_python = in_python
        self._busy = False
        self._turn = RLock()

    picture: Any
    result: tuple[list[str], Any]

    def report(self) -> list[str]:
        """The result in lines."""
        raise NotImplementedError

    def refresh(self) -> None:
        """Compute the result anew."""
        raise NotImplementedError

    @property
    def text(self) -> str:
        """Task, inputs, result and picture as text; what a stored notebook is compared by."""
        lines, picture = self.result
        return "\n".join([f"Task: {self.task}", *lines, picture.text])

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        reach()
        view = {"version_major": 2, "version_minor": 0, "model_id": self.box.model_id}
        with self._turn:
            shown = {"text/plain": self.text, "image/svg+xml": self.picture.svg()}
        return shown | {"application/vnd.jupyter.widget-view+json": view}

    # -- the widgets

    def _build(self, *rows: list[Any]) -> None:
        import ipywidgets as widgets

        self.said = widgets.HTML()
        self.drawing = _Drawing(self.in_python)
        head = widgets.HTML(f"<strong>Task:</strong> {escape(self.task)}")
        lines = [widgets.HBox(row, layout=widgets.Layout(flex_flow="row wrap")) for row in rows]
        self.box = widgets.VBox([head, *lines, self.said, self.drawing.widget])
        for field in self.fields.values():
            field.observe(self._changed, "value")
        self._update()

    def _field(self, name: str, value: int) -> Any:
        """An input for an index: a slider in a small tree, a text field for addresses."""
        import ipywidgets as widgets

        top = self.top + max(10, self.top // 5)
        if self.base == "dec" and max(value, top) < SLIDER_TOP:
            slider = widgets.IntSlider(value, 0, max(value, top), description=name, continuous_update=False)
            self.fields[name] = slider
        else:
            self.fields[name] = widgets.Text(number(value, self.base), description=name, continuous_update=False)
        return self.fields[name]

    def _number(self, name: str) -> int:
        return parse(self.fields[name].value)

    def set(self, **values: Any) -> Lab:
        """Give inputs new values, all at once. Returns the lab, so that the cell shows it."""
        for name in values:
            if name not in self.fields:
                raise ValueError(f"no input {name!r}: there are {', '.join(self.fields)}")
        with self._turn:
            self._busy = True
            try:
                for name, value in values.items():
                    self._put(self.fields[name], value)
            finally:
                self._busy = False
            self._update()
        return self

    def _put(self, field: Any, value: Any) -> None:
        if isinstance(field.value, int):
            field.max = max(field.max, value)
            field.value = value
        else:
            field.value = number(value, self.base) if isinstance(value, int) else str(value or "")

    def _changed(self, _: Any) -> None:
        with self._turn:
            if not self._busy:
                self._update()

    def _update(self) -> None:
        self.refresh()
        lines = self.report()
        self.result = lines, self.picture
        self.said.value = "<br>".join(escape(line) for line in lines)
        self.drawing.show(self.picture, lines)


class _Drawing:
    """The widget that shows pictures: SVG from Python, or DOT drawn in the browser."""

    def __init__(self, in_python: bool) -> None:
        if not in_python and renderer().name == "wasm":
            from . import wasm

            self.widget = wasm.empty()
            self.show: Callable[[Any, list[str]], None] = lambda shown, _: wasm.show(self.widget, [shown])
        else:
            import ipywidgets as widgets

            self.widget = widgets.HTML()
            self.show = self._set

    def _set(self, shown: Any, lines: list[str]) -> None:
        """The drawing; its description ends with the result, so that it differs whenever the drawing does."""
        said = escape(". ".join(["", *lines]))
        self.widget.value = f'<div style="overflow-x:auto">{shown.svg().replace("</desc>", f"{said}</desc>", 1)}</div>'


class TreeLab(Lab):
    """A lab over a maple tree; its numbers are the tree's indices."""

    picture: Picture

    def __init__(self, tree: MapleTree, task: str, base: str | None) -> None:
        pivots = [pivot for place in walk(tree) for pivot in place.node.pivots]
        super().__init__(task, choose_base(pivots, base), max((p for p in pivots if p < ULONG_MAX), default=15))
        self.tree = tree


class StoreLab(TreeLab):
    """Try one store on a tree: which way it takes, how many levels change.

    Each try starts from the tree as given, which stays as it is. Inputs: index, last,
    entry (empty stores NULL). Afterwards: `write`, the watched Write (None when refused),
    `path` and `levels`, the levels with changed nodes (0 = leaves).

    >>> tree = MapleTree()
    >>> tree.store_range(10, 19, "a")
    >>> lab = StoreLab(tree, "store so that no node is needed", index=10, last=19)
    >>> lab.path, lab.levels
    ('exact', (0,))
    """

    def __init__(
        self,
        tree: MapleTree,
        task: str,
        index: int = 0,
        last: int | None = None,
        entry: str | None = "new",
        base: str | None = None,
    ) -> None:
        import ipywidgets as widgets

        super().__init__(tree.copy(), task, base)
        row = [self._field("index", index), self._field("last", index if last is None else last)]
        self.fields["entry"] = widgets.Text(
            entry or "", description="entry", placeholder="empty = NULL", continuous_update=False
        )
        self._build([*row, self.fields["entry"]])

    def refresh(self) -> None:
        """Do the store on a copy."""
        self.write: Write | None = None
        self.problem = ""
        after = self.tree.copy()
        try:
            with after.watch() as log:
                after.store_range(
                    self._number("index"), self._number("last"), self.fields["entry"].value.strip() or None
                )
        except ValueError as error:
            self.problem = str(error)
        self.picture = picture(self.tree, base=self.base)
        if not self.problem:
            self.write = log[0]
            self.picture = picture_write(log[0], base=self.base)

    @property
    def path(self) -> str:
        """The way the store took; empty when it was refused."""
        return self.write.path if self.write else ""

    @property
    def levels(self) -> tuple[int, ...]:
        """Levels with new, removed or changed nodes; 0 are the leaves."""
        if not self.write:
            return ()
        change = self.write.diff
        old = _levels(self.write.before, {*change.removed, *change.changed})
        return tuple(sorted(old | _levels(self.write.after, {*change.added, *change.changed})))

    def player(self) -> StepPlayer:
        """The store step by step. Raises ValueError when it was refused."""
        if not self.write:
            raise ValueError(f"no store to play: {self.problem}")
        return StepPlayer(self.write, base=self.base)

    def report(self) -> list[str]:
        """The way taken and the levels changed, or why the store was refused."""
        if self.problem:
            return [f"refused: {self.problem}"]
        levels = ", ".join(map(str, self.levels)) or "none"
        return [f"path: {self.path}; levels changed: {levels} (0 = leaves)"]


def _levels(tree: MapleTree, ids: set[int]) -> set[int]:
    return {tree.height - 1 - place.depth for place in walk(tree) if place.node.id in ids}


class GapLab(TreeLab):
    """Search room in a tree that tracks gaps: the lowest and the highest fit.

    Inputs: min, max, size. Afterwards: `lowest` and `highest`, the starts found or None.
    """

    def __init__(
        self,
        tree: MapleTree,
        task: str,
        min: int = 0,
        max: int | None = None,
        size: int = 1,
        base: str | None = None,
    ) -> None:
        if not tree.is_alloc:
            raise ValueError("this tree tracks no gaps: expected MapleTree(alloc_range=True)")
        super().__init__(tree.copy(), task, base)
        limit = self.top if max is None else max
        self._build([self._field("min", min), self._field("max", limit), self._field("size", size)])

    def refresh(self) -> None:
        """Search from both ends and mark the slots."""
        self.lowest, self.highest = self._search("empty_area"), self._search("empty_area_rev")
        slots, notes = {}, {}
        for name, start in (("highest fit", self.highest), ("lowest fit", self.lowest)):
            if start is not None and self.tree.height:
                leaf, offset = self.tree.path_to(start)[-1]
                key = leaf.id, offset
                where = span(start, start + self._number("size") - 1, self.base)
                slots[key], notes[key] = "new", f"{name} {where}" + (f", {notes[key]}" if key in notes else "")
        nodes = {}
        if self.lowest is not None:
            nodes = {node.id: "path" for node, _ in self.tree.path_to(self.lowest)}
        self.picture = picture(self.tree, Marks(nodes, slots, notes), "gaps (> path to the lowest fit)", self.base)

    def _search(self, name: str) -> int | None:
        mas = MapleState(self.tree, 0)
        try:
            answer = getattr(mas, name)(self._number("min"), self._number("max"), self._number("size"))
        except (ValueError, NoGap) as error:
            self.answer = str(error)
            return None
        self.answer = {0: "", -16: "no gap is large enough (-EBUSY)", -22: "min is not below max (-EINVAL)"}[answer]
        return None if answer else mas.index

    def report(self) -> list[str]:
        """Both fits, or why there is none."""
        if self.lowest is None and self.highest is None:
            return [f"no fit: {self.answer}"]
        found = {"lowest": self.lowest, "highest": self.highest}
        return [
            "; ".join(f"{name} fit: {'none' if at is None else number(at, self.base)}" for name, at in found.items())
        ]


class CursorLab(TreeLab):
    """Move a cursor (MapleState) call by call and see where it stands.

    Inputs: call and limit (for `set` the index to aim at). Afterwards: `mas`, the cursor,
    and `calls`, what was called with what answer.
    """

    CALLS = ("walk", "find", "next", "prev", "find_rev", "set", "reset")

    def __init__(self, tree: MapleTree, task: str, index: int = 0, base: str | None = None) -> None:
        import ipywidgets as widgets

        super().__init__(tree.copy(), task, base)
        self.mas = MapleState(self.tree, index)
        self.calls: list[str] = []
        what = widgets.Dropdown(options=self.CALLS, value="walk", description="call")
        limit = widgets.Text("", description="limit", placeholder="none", continuous_update=False)
        button = widgets.Button(description="call it")
        self.inputs = {"call": what, "limit": limit, "button": button}
        button.on_click(self._clicked)
        self._build([what, limit, button])

    def call(self, name: str, limit: int | str | None = None) -> CursorLab:
        """Make one call on the cursor. Returns the lab, so that the cell shows it."""
        if name not in self.CALLS:
            raise ValueError(f"no call {name!r}: there are {', '.join(self.CALLS)}")
        if name in ("walk", "reset") or limit in (None, ""):
            given = []
        else:
            given = [parse(limit)]  # type: ignore[arg-type]
        if name == "set" and not given:
            raise ValueError("set needs the index to aim at, as limit")
        with self._turn:
            answer = getattr(self.mas, name)(*given)
            said = "" if name in ("set", "reset") else f" -> {label(answer)}"
            asked = ", ".join(number(value, self.base) for value in given)
            self.calls.append(f"{name}({asked}){said}; {self._where()}")
            self._update()
        return self

    def _clicked(self, _: Any) -> None:
        try:
            self.call(self.inputs["call"].value, self.inputs["limit"].value)
        except ValueError as error:
            self.said.value = escape(str(error))

    def _where(self) -> str:
        mas = self.mas
        return f"index {number(mas.index, self.base)}, last {number(mas.last, self.base)}, {mas.status}"

    def refresh(self) -> None:
        """Mark the slot the cursor stands on."""
        mas, marks = self.mas, Marks()
        if mas.node is not None and mas.status == "active":
            key = mas.node.id, mas.offset
            path = {node.id: "path" for node, _ in self.tree.path_to(mas.node.pivots[mas.offset])}
            marks = Marks(path, {key: "path"}, {key: "cursor"})
        self.picture = picture(self.tree, marks, "the tree and the cursor", self.base)

    def report(self) -> list[str]:
        """The last calls with their answers, and the state now."""
        earlier = len(self.calls) - SHOWN_CALLS
        cut = [f"({earlier} earlier calls)"] if earlier > 0 else []
        return [*cut, *self.calls[-SHOWN_CALLS:], f"cursor: {self._where()}"]
