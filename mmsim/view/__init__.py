"""Pictures, step players and widgets of maple trees and address spaces, for notebooks and static pages.

Names are loaded when first used, so that `import mmsim.view` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "brk_lab": ("BrkLab",),
    "census_lab": ("CensusLab", "share_bars"),
    "chart": ("bars",),
    "failures": ("failure_map", "failure_table", "summary_table"),
    "fault_lab": ("FaultLab",),
    "findings": ("finding_table", "known_table"),
    "limit_lab": ("LimitLab", "limit_bars", "limit_grid"),
    "merge_lab": ("MergeLab", "criteria_table"),
    "patch": ("code_diff", "patch_overview"),
    "monitor": ("MonitorLab", "Watch", "monitor_picture"),
    "cover": ("cover_picture",),
    "overlap_lab": ("OverlapLab",),
    "pictures": ("Picture", "picture", "picture_diff", "picture_write"),
    "player": ("StepPlayer",),
    "prices": ("price_table", "promise_table"),
    "reality": ("reality_picture", "reality_table"),
    "render": ("renderer",),
    "review": ("review_table",),
    "repair_lab": ("RepairLab",),
    "rows": ("row_pair",),
    "scene": ("Marks",),
    "second_look": ("answer_table", "concern_table", "mark_matrix", "rating_table", "verdict_table"),
    "space": ("Space", "snapshot"),
    "space_pictures": (
        "SpacePicture",
        "event_table",
        "space_change",
        "space_compare",
        "space_counters",
        "space_picture",
    ),
    "widgets": ("CursorLab", "GapLab", "StoreLab"),
    "fmt": ("number", "size", "span"),
}
_WHERE = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "BrkLab",
    "CensusLab",
    "CursorLab",
    "FaultLab",
    "GapLab",
    "LimitLab",
    "Marks",
    "MergeLab",
    "MonitorLab",
    "OverlapLab",
    "Picture",
    "RepairLab",
    "Space",
    "SpacePicture",
    "StepPlayer",
    "StoreLab",
    "Watch",
    "answer_table",
    "bars",
    "code_diff",
    "concern_table",
    "cover_picture",
    "criteria_table",
    "event_table",
    "failure_map",
    "failure_table",
    "finding_table",
    "known_table",
    "limit_bars",
    "limit_grid",
    "mark_matrix",
    "monitor_picture",
    "number",
    "patch_overview",
    "picture",
    "picture_diff",
    "picture_write",
    "price_table",
    "promise_table",
    "rating_table",
    "reality_picture",
    "reality_table",
    "renderer",
    "review_table",
    "row_pair",
    "share_bars",
    "size",
    "snapshot",
    "space_change",
    "space_compare",
    "space_counters",
    "space_picture",
    "span",
    "summary_table",
    "verdict_table",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_WHERE[name]}", __name__), name)


def __dir__() -> list[str]:
    return __all__
