"""Colours of the pictures, and the second cue each colour comes with.

The palette is the one of Okabe and Ito, which people with the common forms of
colour-vision deficiency can tell apart. No state is told by colour alone: each one has
a mark of one character, a word and a line style too.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["GREY", "INK", "OKABE_ITO", "PAPER", "STATES", "State", "contrast"]

OKABE_ITO = {
    "black": "#000000",
    "orange": "#E69F00",
    "sky blue": "#56B4E9",
    "bluish green": "#009E73",
    "yellow": "#F0E442",
    "blue": "#0072B2",
    "vermillion": "#D55E00",
    "reddish purple": "#CC79A7",
}
INK = "#000000"
GREY = "#595959"
PAPER = "#FFFFFF"
NULL_FILL = "#EEEEEE"


class State(NamedTuple):
    """How a node or slot in one state looks; `tint` is the light form for single slots."""

    name: str
    mark: str
    word: str
    fill: str
    tint: str
    line: str
    width: int


STATES = {
    "plain": State("plain", " ", "", "#E4E4E4", PAPER, "solid", 1),
    "new": State("new", "+", "new", OKABE_ITO["bluish green"], "#BFE7DC", "solid", 3),
    "changed": State("changed", "~", "changed", OKABE_ITO["orange"], "#F9E7BF", "solid", 2),
    "removed": State("removed", "-", "removed", OKABE_ITO["vermillion"], "#F5D7BF", "dashed", 2),
    "path": State("path", ">", "path", OKABE_ITO["sky blue"], "#D5ECFA", "solid", 2),
    "taken": State("taken", "*", "taken apart", OKABE_ITO["reddish purple"], "#F2DEE9", "dotted", 3),
}
"""Every state a node or slot can be in, by name."""


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two `#RRGGBB` colours after WCAG 2 (1 to 21).

    >>> round(contrast("#000000", "#FFFFFF"))
    21
    """
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
