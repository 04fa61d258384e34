"""The step player: precomputed frames in plain HTML, no server, no kernel.

Without scripts the frames are stepped by radio buttons and CSS; a small script adds
buttons, a slider and play. Where a page strips styles (a notebook that is not trusted)
every frame is shown, one below the other.
"""

from __future__ import annotations

from hashlib import sha256
from html import escape
from pathlib import Path
from textwrap import fill
from typing import Any

from .frames import GOALS, Frame, frames_of
from .reach import reach
from .render import as_image, renderer

__all__ = ["StepPlayer"]

_STATIC = Path(__file__).parent / "static"
_made: dict[str, int] = {}


class StepPlayer:
    """One write level by level, several writes, or several states, to step through.

    `what` is a Write, or a list of Writes, of trees or of (label, tree). Options are those
    of `picture()`: base, max_nodes. Costs a drawing for each frame when it is shown.
    """

    def __init__(self, what: Any, title: str | None = None, **options: Any) -> None:
        self.frames: tuple[Frame, ...] = tuple(frames_of(what, options))
        self.title = title or self.frames[0].picture.title
        key = sha256(self.text.encode()).hexdigest()[:10]
        _made[key] = count = _made.get(key, 0) + 1
        self.id = f"mmp{key}" + (f"-{count}" if count > 1 else "")

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def text(self) -> str:
        """All frames as text, one after the other."""
        return "\n\n".join([self.title, *(self._frame_text(at) for at in range(len(self.frames)))])

    def _frame_text(self, at: int) -> str:
        frame = self.frames[at]
        said = f"[{at + 1} of {len(self.frames)}] {frame.label}: {frame.sentence}"
        drawn = "\n".join(frame.picture.text.splitlines()[1:])
        if at and frame.picture.dot == self.frames[at - 1].picture.dot:
            drawn = "  the same picture"
        return f"{fill(said, 100, subsequent_indent='  ')}\n{drawn}"

    def html(self) -> str:
        """The player as one HTML element; several may be on one page.

        Nothing outside the SVG depends on the renderer.
        """
        count = len(self.frames)
        radios = "".join(self._radio(at) for at in range(count))
        figures = "".join(self._figure(at) for at in range(count))
        return (
            f'<form class="mm-player" id="{self.id}" data-lm-suppress-shortcuts="true" '
            f'aria-label="{escape(self.title)}">'
            f"<style>{_file('player.css')}{_rules(count)}</style>"
            f'<p class="mm-title"><strong>{escape(self.title)}</strong></p>{radios}{_controls(count)}'
            f'<div class="mm-frames">{figures}</div>'
            f"<details><summary>All {count} frames as text</summary><pre>{escape(self.text)}</pre></details>"
            f"<script>{_file('player.js')}</script></form>"
        )

    def save_html(self, path: str | Path) -> Path:
        """Write a page of its own with the player."""
        path = Path(path)
        path.write_text(
            f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(self.title)}</title>'
            '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">'
            "<style>body{font-family:Verdana,sans-serif;margin:1em}</style></head>"
            f"<body><main>{self.html()}</main></body></html>\n",
            encoding="utf-8",
        )
        return path

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        reach()
        bundle: dict[str, Any] = {"text/plain": self.text, "text/html": self.html()}
        if renderer().name == "wasm":
            from .wasm import view

            bundle |= view([frame.picture for frame in self.frames], self.html())
        return bundle

    def _radio(self, at: int) -> str:
        name = escape(f"frame {at + 1} of {len(self.frames)}: {self.frames[at].label}")
        checked = "" if at else " checked"
        return f'<input type="radio" name="{self.id}" aria-label="{name}" title="{name}" hidden="hidden"{checked}>'

    def _figure(self, at: int) -> str:
        frame = self.frames[at]
        image = as_image(frame.picture.svg(f"{self.id} {at}", heading=False), frame.picture.description)
        return (
            f'<figure class="mm-frame"><figcaption>{_goals(frame.label)}<br>'
            f"<b>{at + 1} of {len(self.frames)}</b> {escape(frame.sentence)}</figcaption>{image}</figure>"
        )


def _goals(label: str) -> str:
    """The subgoals with the current one pointed out, or just the label."""
    if label not in GOALS:
        return f"<i>{escape(label)}</i>"
    return " – ".join(f"<b>▸ {goal}</b>" if goal == label else f"<small>{goal}</small>" for goal in GOALS)


def _controls(count: int) -> str:
    """Buttons and slider; hidden until the script is there to serve them."""
    names = ("first", "back", "play", "forward", "last")
    buttons = "".join(f'<button type="button" data-go="{name}">{name}</button>' for name in names)
    slider = f'<input type="range" min="1" max="{count}" value="1" aria-label="frame">'
    return f'<div class="mm-controls" hidden="hidden">{buttons}{slider}<output aria-live="polite"></output></div>'


def _rules(count: int) -> str:
    """CSS that shows the frame of the checked radio button."""
    pairs = (
        f".mm-player>input:nth-of-type({n}):checked~.mm-frames>figure:nth-of-type({n})" for n in range(1, count + 1)
    )
    return ",".join(pairs) + "{visibility:visible}"


def _file(name: str) -> str:
    return (_STATIC / name).read_text(encoding="utf-8").strip()
