"""Moving every control of a lab, by mouse and by keyboard, and what the page shows after each move."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape, unescape
from typing import Any

from .lab import Lab

FIND = """
def _mm_find(model_id, found={}):
    import gc, json
    from mmsim.view.widgets import Lab
    if model_id not in found:
        found.update((each.box.model_id, each) for each in gc.get_objects() if Lab in type(each).__mro__)
    lab = found[model_id]
    lines, picture = lab.result
    return json.dumps({"class": type(lab).__name__, "report": lines, "svg": picture.svg(), "shown": lab.said.value})
"""
"""Run in the kernel: what the lab itself says, as the page has to show it."""

KEYS = {
    "slider": (("End", "Home", "PageUp", "ArrowRight"), ("Home", "End", "PageDown", "ArrowLeft")),
    "dropdown": (("End", "ArrowUp", "b"), ("Home", "ArrowDown", "b", "End")),
    "checkbox": (("Space",),) * 2,
    "button": (("Enter", "Space"),) * 2,
}
PLACES = (0.9, 0.5, 0.2), (0.1, 0.6, 0.8)
"""Keys pressed, and where along its bar a slider is dragged to. Every second control has its own: neighbours such as
a first and a last index must not end up as an empty range."""
SETTLE = 10
"""Seconds in which the page has to show what the lab says."""


@dataclass
class Move:
    """One input to one control and what it did."""

    control: str
    how: str
    drawn: bool
    said: bool
    named: bool

    @property
    def changed(self) -> bool:
        """Whether anything the learner can see or hear is new."""
        return self.drawn or self.said or self.named


@dataclass
class Driven:
    """A lab of the open notebook, and its moves so far."""

    lab: Lab
    number: int
    cell: str
    model: str
    moves: list[Move] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    name: str = ""

    def controls(self) -> list[dict[str, str]]:
        """Mark, kind and label of each control."""
        return self.lab.page.evaluate("number => mm.controls(number)", self.number)

    def state(self) -> dict[str, Any]:
        """What the page shows, once the kernel has worked off all that was sent to it.

        The drawing and the text must become those of the lab; what is otherwise after SETTLE is noted as wrong.
        """
        end = time.monotonic() + SETTLE
        while True:
            self.lab.wait("mm.quiet()")
            told = json.loads(self.lab.ask("", f"_mm_find({self.model!r})"))
            self.name = told["class"]
            shown = self.lab.page.evaluate("([number, svg]) => mm.state(number, svg)", [self.number, told["svg"]])
            wrong = self._wrong(told, shown)
            if not wrong or time.monotonic() > end:
                self.wrong += wrong
                return shown

    def _wrong(self, told: dict[str, Any], shown: dict[str, Any]) -> list[str]:
        """What the page shows that is not what the lab says; a refusal stands in place of the result."""
        found = [] if shown["asDrawn"] else ["the drawing is not the lab's"]
        refused = len(told["report"]) and told["shown"] != "<br>".join(map(escape, told["report"]))
        lines = [unescape(told["shown"])] if refused else told["report"]
        for line in lines:
            if _bare(line) not in _bare(shown["said"]):
                found.append(f"the lab says {line!r}, the page {shown['said']!r}")
            if not refused and _bare(line) not in _bare("".join(shown["names"])):
                found.append(f"the description lacks {line!r}")
        return found

    def settle(self, act: Any, label: str, how: str, before: dict[str, Any]) -> dict[str, Any]:
        """Do something and note what it changed."""
        where = self.lab.page.evaluate("id => mm.active(id)", self.cell)
        act()
        after = self.state()
        here = self.lab.page.evaluate("id => mm.active(id)", self.cell)
        if how == "keyboard" and here != where | {"here": True}:
            self.wrong.append(f"a key in {label!r} reached the notebook: {where} became {here}")
        drawn, said, named = (before[name] != after[name] for name in ("drawn", "said", "names"))
        self.moves.append(Move(label, how, drawn, said, named))
        return after

    def drive(self, how: str) -> None:
        """Move each control several times; the buttons beside one that does nothing alone are pressed after it."""
        before = self.state()
        controls = self.controls()
        buttons = [control for control in controls if control["kind"] == "button"]
        for at, control in enumerate(controls):
            for act in self.acts(control, how, at % 2):
                before = self.settle(act, control["label"], how, before)
                if not self.moves[-1].changed:
                    for button in buttons:
                        press = next(iter(self.acts(button, how, 0)))
                        before = self.settle(press, control["label"], how, before)
        self.times += self.lab.page.evaluate("number => mm.times(number)", self.number)

    def of(self, label: str, how: str) -> list[Move]:
        """The moves of one control."""
        return [move for move in self.moves if (move.control, move.how) == (label, how)]

    def acts(self, control: dict[str, str], how: str, odd: int) -> Iterator[Any]:
        """The inputs to a control, each to be called."""
        kind, keys = control["kind"], self.lab.page.keyboard
        node = self.lab.page.locator(f'[data-mm-control="{control["mark"]}"]')
        node.scroll_into_view_if_needed()
        if kind == "text":
            for text in ("7", "0x2000", "12"):
                yield lambda text=text: self._type(node, text, how)
        elif how == "keyboard":
            for key in KEYS[kind][odd]:
                yield lambda key=key: (node.focus(), keys.press(key))
        elif kind == "slider":
            for place in PLACES[odd]:
                yield lambda place=place: self._drag(node, place)
        elif kind == "dropdown":
            options = node.locator("option").all_text_contents()
            for value in dict.fromkeys([options[-1], options[1], options[0]][: len(options)]):
                # Chromium without a window has no list to click into
                yield lambda value=value: (node.click(), keys.press("Escape"), node.select_option(value))
        else:
            yield from [node.click] * 2

    def _type(self, node: Any, text: str, how: str) -> None:
        node.click() if how == "mouse" else node.focus()
        self.lab.page.keyboard.press("ControlOrMeta+a")
        self.lab.page.keyboard.type(text)
        self.lab.page.keyboard.press("Enter")

    def _drag(self, node: Any, place: float) -> None:
        """Take the handle and pull it along the bar."""
        mouse = self.lab.page.mouse
        node.scroll_into_view_if_needed()
        handle, bar = (
            node.bounding_box(),
            node.locator("xpath=ancestor::*[contains(@class, 'noUi-base')]").bounding_box(),
        )
        middle = handle["y"] + handle["height"] / 2
        mouse.move(handle["x"] + handle["width"] / 2, middle)
        mouse.down()
        mouse.move(bar["x"] + bar["width"] * place, middle, steps=4)
        mouse.up()

    def reached(self) -> list[str]:
        """The controls that Tab reaches from the first one on, by mark."""
        first = self.controls()[0]["mark"]
        self.lab.page.locator(f'[data-mm-control="{first}"]').focus()
        found = [first]
        for _ in range(3 * len(self.controls())):
            self.lab.page.keyboard.press("Tab")
            mark = self.lab.page.evaluate("mm.focused()")
            if mark and mark.startswith(f"{self.number}."):
                found.append(mark)
        return found


def _bare(text: str) -> str:
    """Without white space, which the page folds."""
    return "".join(text.split())


def labs(lab: Lab) -> list[Driven]:
    """The labs of the open notebook, which has been run."""
    found = lab.wait("mm.labs()")
    if found:
        lab.ask(FIND, "None")
    return [Driven(lab, number, each["cell"], each["model"]) for number, each in enumerate(found)]
