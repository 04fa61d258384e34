"""What JupyterLab and ipywidgets leave out for keyboards and screen readers, added in the browser.

static/reach.js says what. It travels as a widget that is never displayed, so that no output is stored for it.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["reach"]

_SCRIPT = Path(__file__).parent / "static" / "reach.js"


def reach() -> None:
    """Send the script to the page, once a kernel; nothing without a kernel, or where anywidget is missing."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if getattr(shell, "kernel", None) is not None:
        _sent()


@cache
def _sent() -> Any:
    try:
        import anywidget  # late: only a notebook needs it
    except ImportError:
        return None

    class Reach(anywidget.AnyWidget):
        """Only a script."""

        _esm = _SCRIPT.read_text(encoding="utf-8")

    return Reach()
