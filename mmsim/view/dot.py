"""A scene as DOT text: one record per maple node, its slots and pivots as cells.

The DOT text is the picture; whichever Graphviz draws it, in the process, on PATH or in
the browser, draws this. Nodes are written in walk order, so the text is always the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from mmsim.maple import NO_GAP

from .fmt import number, size
from .scene import Box, Fold, Row, Scene
from .text import gap_text
from .theme import GREY, INK, NULL_FILL, PAPER, STATES

__all__ = ["FONT", "joined_dot", "scene_dot"]

FONT = "DejaVu Sans"
ROW = 22
"""Height of a leaf's row in points: what its text needs, so that blank rows are as high."""


def scene_dot(scene: Scene, caption: str = "") -> str:
    """DOT text of a scene.

    Examples (dec) grow downwards with the children below their slots. Address spaces (hex)
    and trees of three levels grow to the right: their leaves read like a list from the lowest
    index down, where side by side they would be wider than any page.
    """
    across = scene.base == "hex" or scene.height > 2
    graph = _graph(caption, "LR" if across else "TB")
    if not scene.nodes:
        graph.node("root", label=_no_node(scene))
    tallest = max((len(box.rows) for box in scene.boxes if box.is_leaf), default=1)
    for part in scene.parts:
        if isinstance(part, Fold):
            name, port = f"fold{part.parent}_{part.offset}", part.offset
            graph.node(name, label=_hung(_fold(part, scene.base), tallest - 1, across))
        else:
            name, port = f"n{part.id}", part.offset
            label = _box(part, scene.base, across)
            graph.node(name, label=_hung(label, tallest - len(part.rows), across) if part.is_leaf else label)
        if part.parent is not None:
            graph.edge(f"n{part.parent}:s{port}:{'e' if across else 's'}", f"{name}:{'w' if across else 'n'}")
    return graph.source


def joined_dot(pieces: list[list[Row]], made: Sequence[int], base: str, caption: str) -> str:
    """DOT text of the joined data of a step: a line of cells for each piece, with the node it becomes."""
    graph = _graph(caption, "TB")
    width = max(len(piece) for piece in pieces) + 1
    rows = []
    for at, (id, piece) in enumerate(zip(made, pieces, strict=True)):
        if at:
            cut = _font(f"✂ cut after {_limit(pieces[at - 1][-1].last, base)}", "10", GREY)
            rows.append(_tr(_td(cut, colspan=width, border=0)))
        cells = [_td(f"<B>+ #{id}</B>", bgcolor=STATES["new"].fill)]
        rows.append(_tr(*cells, *(_cell(row, _joined(row, base)) for row in piece)))
    graph.node("joined", label=_table(rows, "plain"))
    return graph.source


def _joined(row: Row, base: str) -> str:
    """A cell of joined data: the range above what it holds."""
    return f"{_ends(row, base)}<BR/>{escape(STATES[row.state].mark.strip())}{_held(row)}"


def _graph(caption: str, direction: str) -> Any:
    import graphviz  # late: only who draws pays for it

    graph = graphviz.Digraph("tree")
    graph.attr(rankdir=direction, bgcolor=PAPER, fontname=FONT, fontsize="13", nodesep="0.2")
    graph.attr(ranksep="0.4" if direction == "TB" else "0.9")
    graph.attr(pad="0.1", **({"label": f"{caption}\\l", "labelloc": "t", "labeljust": "l"} if caption else {}))
    graph.attr("node", shape="plain", fontname=FONT, fontsize="12", fontcolor=INK)
    graph.attr("edge", color=GREY, arrowsize="0.6")
    return graph


def _box(box: Box, base: str, across: bool) -> str:
    """A leaf is a list of slots with square corners, an inner node a band (or list) with round ones."""
    if box.is_leaf:
        columns = 4 if base == "hex" else 3
        rows = [_tr(*_leaf_cells(row, base)) for row in box.rows]
    elif across:
        columns = 3 if box.gap_slot is not None else 2
        rows = [_tr(*_inner_cells(row, box, base)) for row in box.rows]
    else:
        columns = len(box.rows)
        rows = [_tr(*(_cell(row, _slot_name(row)) for row in box.rows))]
        rows.append(_tr(*(_cell(row, _ends(row, base), port=_port(row, box)) for row in box.rows)))
        if box.gap_slot is not None:
            rows.append(_tr(*(_gap_cell(row, box, base, f"s{row.offset}") for row in box.rows)))
    return _table([*_head(box, base, columns), *rows], box.state, rounded=not box.is_leaf)


def _hung(label: str, rows: int, across: bool) -> str:
    """A label with blank space below for so many rows: Graphviz centres a rank, leaves should hang level."""
    if across or rows <= 0:
        return label
    inner = label[1:-1]
    return (
        '<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0">'
        f'<TR><TD>{inner}</TD></TR><TR><TD HEIGHT="{rows * ROW}"></TD></TR></TABLE>>'
    )


def _port(row: Row, box: Box) -> str | None:
    """Edges leave from the lowest line of a node: the gaps where there are any."""
    return f"s{row.offset}" if box.gap_slot is None else None


def _head(box: Box, base: str, columns: int) -> list[str]:
    state = STATES[box.state]
    tag = f" &#160; {escape(state.mark)} {state.word}" if state.word else ""
    where = f"{_limit(box.first, base)} – {_limit(box.last, base)}"
    room = f"{len(box.rows)} of {box.capacity} slots"
    gap = "" if box.gap_slot is None else f", gap_slot {'none' if box.gap_slot == NO_GAP else box.gap_slot}"
    return [
        _tr(_td(f"<B>{box.kind} #{box.id}{tag}</B>", colspan=columns, bgcolor=state.fill, border=0)),
        _tr(_td(_font(where, "11") + "<BR/>" + _font(room + gap, "10", GREY), colspan=columns, border=0)),
    ]


def _leaf_cells(row: Row, base: str) -> list[str]:
    extent = [_cell(row, size(row.last - row.first + 1), align="RIGHT")] if base == "hex" else []
    return [
        _cell(row, _slot_name(row)),
        _cell(row, _ends(row, base), align="LEFT"),
        *extent,
        _cell(row, _held(row), align="LEFT"),
    ]


def _inner_cells(row: Row, box: Box, base: str) -> list[str]:
    gap = box.gap_slot is not None
    ends = _cell(row, f"to <B>{_limit(row.last, base)}</B>", align="LEFT", port=None if gap else f"s{row.offset}")
    return [_cell(row, _slot_name(row)), ends, *([_gap_cell(row, box, base, f"s{row.offset}")] if gap else [])]


def _gap_cell(row: Row, box: Box, base: str, port: str) -> str:
    largest = row.offset == box.gap_slot
    text = f"gap {escape(size(row.gap or 0) if base == 'hex' else gap_text(row.gap or 0, base))}"
    return _cell(row, f"<B>{text} ★</B>" if largest else text, port=port)


def _slot_name(row: Row) -> str:
    return _font(f"{escape(STATES[row.state].mark.strip())}{row.offset}", "10", INK if row.state != "plain" else GREY)


def _ends(row: Row, base: str) -> str:
    """First and last index; the last one is the pivot, and bold."""
    first = "" if row.first == row.last else f"{_limit(row.first, base)} – "
    return f"{first}<B>{_limit(row.last, base)}</B>"


def _held(row: Row) -> str:
    text = f"<I>{row.text}</I>" if row.is_null else escape(row.text)
    return text + (f" <B>◀ {escape(row.note)}</B>" if row.note else "")


def _limit(value: int, base: str) -> str:
    return number(value, base).replace("-", "−")


def _cell(row: Row, text: str, **attributes: Any) -> str:
    """A cell of a slot: NULL slots are grey and dotted, marked slots tinted."""
    state = STATES[row.state]
    if row.is_null:
        attributes |= {"style": "dotted", "color": INK}
    fill = state.tint if row.state != "plain" else NULL_FILL if row.is_null else None
    return _td(text, bgcolor=fill, **attributes)


def _no_node(scene: Scene) -> str:
    text = "empty tree: no node" if scene.root_entry is None else f"root entry, index 0: {escape(scene.root_entry)}"
    return _table([_tr(_td(text))], "plain")


def _fold(fold: Fold, base: str) -> str:
    where = _font(f"{_limit(fold.first, base)} – {_limit(fold.last, base)}", "11")
    return _table([_tr(_td(f"<I>{fold.text}</I><BR/>{where}", border=0))], "plain", line="dotted")


def _table(rows: list[str], state_name: str, rounded: bool = False, line: str = "") -> str:
    state = STATES[state_name]
    style = ",".join([*(["rounded"] if rounded else []), line or state.line])
    colour = GREY if state_name == "plain" else state.fill
    attributes = f'BORDER="{state.width}" CELLBORDER="1" CELLSPACING="0" CELLPADDING="3" COLOR="{colour}"'
    return f'<<TABLE {attributes} STYLE="{style}" BGCOLOR="{PAPER}">{"".join(rows)}</TABLE>>'


def _tr(*cells: str) -> str:
    return f"<TR>{''.join(cells)}</TR>"


def _td(text: str, **attributes: Any) -> str:
    given = {"color": "#BBBBBB", "height": ROW, **attributes}
    written = "".join(f' {key.upper()}="{value}"' for key, value in given.items() if value is not None)
    return f"<TD{written}>{text}</TD>"


def _font(text: str, points: str, colour: str = INK) -> str:
    return f'<FONT POINT-SIZE="{points}" COLOR="{colour}">{text}</FONT>'
