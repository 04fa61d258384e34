"""Each notebook in JupyterLab: it runs, its pictures and labs work, and all of it can be used without a mouse."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from . import axe, driving
from .lab import ROOT, WINDOW, Lab

NAMES = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))
SLOW = 1000
"""Milliseconds from an input to the new picture: no machine may need as many (median of a lab); the goal is 100."""
DARK, LIGHT = "JupyterLab Dark", "JupyterLab Light"


class Opened(NamedTuple):
    """A notebook that was run, with what each cell gave, and its labs."""

    name: str
    jupyter: Lab
    cells: list[dict[str, Any]]
    labs: list[driving.Driven]


@pytest.fixture(scope="session", params=NAMES)
def opened(request: pytest.FixtureRequest, jupyter: Lab) -> Opened:
    jupyter.open(f"notebooks/{request.param}.ipynb")
    cells = jupyter.run_all()
    return Opened(request.param, jupyter, cells, driving.labs(jupyter))


def stored(name: str) -> list[dict[str, Any]]:
    text = (ROOT / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8")
    return [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]


def test_it_runs_from_top_to_bottom(opened: Opened, dist: Path) -> None:
    """Every cell has run, in order, with the errors that are stored and no others, and shows what it gave."""
    counts = [cell["count"] for cell in opened.cells]
    assert counts == list(range(counts[0], counts[0] + len(counts)))
    for cell, kept in zip(opened.cells, stored(opened.name), strict=True):
        assert cell["id"] == kept["id"]
        errors = [(one["name"], one["text"]) for one in cell["outputs"] if one["type"] == "error"]
        assert errors == [(one["ename"], one["evalue"]) for one in kept["outputs"] if one["output_type"] == "error"]
        assert not [one["text"] for one in cell["outputs"] if one["name"] == "stderr"]
        assert bool(cell["outputs"]) == bool(kept["outputs"]), cell["id"]
    page = opened.jupyter.page
    page.set_viewport_size({"width": 1280, "height": 1600})
    try:
        main = page.evaluate_handle("mm.mainPicture()").as_element()
        assert main is not None, "no picture"
        for _ in range(3):  # what comes into view above takes its real height, and moves the picture away
            main.scroll_into_view_if_needed()
            page.wait_for_timeout(100)
        main.screenshot(path=dist / f"{opened.name}.png")
    finally:
        page.set_viewport_size(WINDOW)


@pytest.mark.parametrize("how", ["mouse", "keyboard"])
def test_every_control_moves_picture_and_text_together(opened: Opened, how: str, times: Any) -> None:
    for lab in opened.labs:
        lab.drive(how)
        assert not lab.wrong
        moves = [move for move in lab.moves if move.how == how]
        assert all(move.named for move in moves if move.drawn or move.said), lab.name
        assert any(move.drawn and move.said for move in moves), lab.name
        still = [each["label"] for each in lab.controls() if not any(one.changed for one in lab.of(each["label"], how))]
        assert not still, f"{lab.name}: no {how} input changed anything: {still}"
        assert lab.times
        times(opened.name, lab.name, how, lab.times)
        assert statistics.median(lab.times) < SLOW
        lab.times.clear()


def test_every_control_has_a_name_and_is_reached_by_tab(opened: Opened) -> None:
    for lab in opened.labs:
        controls = lab.controls()
        unnamed = [
            each for each in controls if not opened.jupyter.page.evaluate("mark => mm.named(mark)", each["mark"])
        ]
        assert not unnamed
        assert lab.reached() == [each["mark"] for each in controls]


def test_every_picture_has_a_name_and_a_description(opened: Opened) -> None:
    assert opened.jupyter.page.evaluate("mm.unnamedPictures()") == []


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_axe_finds_nothing_grave(opened: Opened, theme: str, dist: Path) -> None:
    """All rules in the light theme; in the dark one, where only colours differ, those about colours."""
    page, word = opened.jupyter.page, theme.split()[-1].lower()
    opened.jupyter.theme(theme)
    opened.jupyter.wait("mm.drawAll()")
    try:
        found = axe.run(page, f"{opened.name} {word}", axe.OURS, None if theme == LIGHT else axe.COLOURS)
        if theme == DARK:
            page.screenshot(path=dist / f"{opened.name} dark.png")
    finally:
        opened.jupyter.theme(LIGHT)
    assert not axe.said(found)


def test_it_works_at_200_percent(opened: Opened, dist: Path) -> None:
    """A window of 1280 by 1000, zoomed to 200 %, has 640 by 500 points; what is wider must be there to scroll to."""
    page = opened.jupyter.page
    page.set_viewport_size({"width": 640, "height": 500})
    try:
        page.wait_for_timeout(300)
        assert page.evaluate("mm.cutOff()") == []
        opened.jupyter.wait("mm.drawAll()")
        found = axe.run(page, f"{opened.name} 200 percent", axe.OURS, ["scrollable-region-focusable"])
        assert not axe.said(found)
        for lab in opened.labs:
            first, before = lab.controls()[0], lab.state()
            buttons = [each for each in lab.controls() if each["kind"] == "button"]
            for control in (first, *buttons):
                for act in lab.acts(control, "mouse", 0):
                    before = lab.settle(act, control["label"], "mouse at 200 %", before)
            assert any(move.changed for move in lab.moves if move.how == "mouse at 200 %")
            assert not lab.wrong
            page.screenshot(path=dist / f"{opened.name} 200 percent.png")
    finally:
        page.set_viewport_size(WINDOW)


def test_the_page_complains_of_nothing(opened: Opened) -> None:
    """Last of all: no error in the console while all that was done."""
    assert opened.jupyter.problems == []
