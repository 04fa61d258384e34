"""Pictures, step players and widgets of maple trees, for notebooks and static pages.

Names are loaded when first used, so that `import mmsim.view` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "chart": ("bars",),
    "pictures": ("Picture", "picture", "picture_diff", "picture_write"),
    "player": ("StepPlayer",),
    "render": ("renderer",),
    "scene": ("Marks",),
    "widgets": ("CursorLab", "GapLab", "StoreLab"),
    "fmt": ("number", "size", "span"),
}
_WHERE = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "CursorLab",
    "GapLab",
    "Marks",
    "Picture",
    "StepPlayer",
    "StoreLab",
    "bars",
    "number",
    "picture",
    "picture_diff",
    "picture_write",
    "renderer",
    "size",
    "span",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_WHERE[name]}", __name__), name)


def __dir__() -> list[str]:
    return __all__
