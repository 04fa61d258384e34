"""Graphviz in the browser: the picture's DOT text goes there and is drawn by WebAssembly.

For machines where neither pygraphviz nor `dot` works. Until it is drawn, and where no
kernel answers, the same place shows the text form.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .render import as_image

if TYPE_CHECKING:
    from .pictures import Picture

__all__ = ["VIEW", "empty", "show", "view"]

VIEW = "application/vnd.jupyter.widget-view+json"
_STATIC = Path(__file__).parent / "static"


def view(pictures: Sequence[Picture], html: str | None = None) -> dict[str, Any]:
    """The MIME entry of a widget that draws these pictures, in place of the images of `html`.

    Without `html` each picture is an image of its own.
    """
    widget = _widget_class()()
    show(widget, pictures, html)
    return {VIEW: {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}}


def show(widget: Any, pictures: Sequence[Picture], html: str | None = None) -> None:
    """Let a widget of this module draw other pictures."""
    with widget.hold_sync():
        widget.dots = [[panel.dot for panel in picture.panels] for picture in pictures]
        widget.html = html or "".join(map(_plain, pictures))


def _plain(picture: Picture) -> str:
    """A picture by itself: heading and image."""
    heading = f'<strong style="display:block">{escape(picture.heading)}</strong>' if picture.heading else ""
    return heading + as_image(picture.svg(heading=False), picture.description)


def empty() -> Any:
    """A widget that draws nothing yet; `show()` fills it."""
    return _widget_class()()


@cache
def _widget_class() -> Any:
    import anywidget  # late: only machines without Graphviz pay for it
    import traitlets

    class DotView(anywidget.AnyWidget):
        """DOT text, the HTML it belongs in, and the library: with the first widget, or on request.

        In the browser edition a request would be answered after all cells that wait to run.
        """

        _esm = (_STATIC / "wasm.js").read_text(encoding="utf-8")
        dots = traitlets.List().tag(sync=True)
        html = traitlets.Unicode().tag(sync=True)
        library = traitlets.Unicode().tag(sync=True)
        sent = sys.platform != "emscripten"

        def __init__(self, **values: Any) -> None:
            if not DotView.sent:
                values["library"] = _library()
                DotView.sent = True
            super().__init__(**values)
            self.on_msg(self._answer)

        def _answer(self, _: Any, content: Any, buffers: Any) -> None:
            if content == {"want": "library"}:
                self.send({"library": _library()})

    return DotView


def _library() -> str:
    """Graphviz as a JavaScript module, 800 kB."""
    return (_STATIC / "wasm-graphviz.js").read_text(encoding="utf-8")
