"""What ipywidgets leave out for keyboards and screen readers, added to a lab in the browser (see static/reach.js)."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["reach"]

_SCRIPT = Path(__file__).parent / "static" / "reach.js"


def reach() -> list[Any]:
    """The widget, with nothing to see, that serves the box it lies in; none where anywidget is missing."""
    try:
        return [_widget_class()()]
    except ImportError:
        return []


@cache
def _widget_class() -> Any:
    import anywidget  # late: only labs need it

    class Reach(anywidget.AnyWidget):
        """Only a script."""

        _esm = _SCRIPT.read_text(encoding="utf-8")

    return Reach
