"""The step player needs no kernel: it works after the kernel was shut down, and in a page exported from a notebook."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page

from . import axe
from .lab import ROOT, Lab, Tab

WITH_PLAYERS = sorted(
    path.stem for path in (ROOT / "notebooks").glob("*.ipynb") if "mm-player" in path.read_text(encoding="utf-8")
)


def step_through(page: Page, player: Locator) -> None:
    """Every way to step: buttons by mouse, slider and arrow keys; the picture, the words and the slider go together."""
    player.scroll_into_view_if_needed()
    frames = player.locator(".mm-frame")
    count = frames.count()
    assert count > 1

    def shows(at: int) -> None:
        seen = frames.evaluate_all("all => all.map((frame) => getComputedStyle(frame).visibility === 'visible')")
        assert seen == [number == at for number in range(count)]
        words = frames.nth(at).locator("figcaption").text_content() or ""
        assert f"{at + 1} of {count}" in words
        assert (player.locator("output").text_content() or "").strip() in words
        assert player.locator("input[type=range]").input_value() == str(at + 1)
        image = frames.nth(at).locator("img")
        assert image.get_attribute("alt")
        assert image.evaluate("image => image.complete && image.naturalWidth > 0")

    shows(0)
    for name, at in (("forward", 1), ("back", 0), ("last", count - 1), ("first", 0)):
        player.locator(f"[data-go={name}]").click()
        shows(at)
    player.locator("[data-go=forward]").focus()
    for key, at in (("Enter", 1), ("ArrowLeft", 0), ("End", count - 1), ("Home", 0)):
        page.keyboard.press(key)
        shows(at)
    player.locator("input[type=range]").focus()
    for key, at in (("ArrowRight", 1), ("End", count - 1), ("Home", 0)):
        page.keyboard.press(key)
        shows(at)


def plays(page: Page, player: Locator) -> None:
    """Play goes on by itself, until it is stopped."""
    player.locator("[data-go=first]").click()
    player.locator("[data-go=play]").click()
    page.wait_for_function("slider => slider.value === '2'", arg=player.locator("input[type=range]").element_handle())
    player.locator("[data-go=play]").click()
    assert player.locator("[data-go=play]").text_content() == "play"


def test_it_works_after_the_kernel_was_shut_down(jupyter: Lab) -> None:
    jupyter.open(f"notebooks/{WITH_PLAYERS[0]}.ipynb")
    jupyter.run_all()
    jupyter.wait("mm.panel().sessionContext.shutdown()")
    assert jupyter.page.evaluate("mm.panel().sessionContext.session") is None
    before = jupyter.page.evaluate("mm.active()")
    for player in jupyter.page.locator(".mm-player").all():
        step_through(jupyter.page, player)
        player.locator("[data-go=forward]").focus()
        jupyter.page.keyboard.press("b")  # in command mode this inserts a cell
    plays(jupyter.page, player)
    assert jupyter.page.evaluate("mm.active().cells") == before["cells"]
    assert jupyter.problems == []


@pytest.fixture(params=WITH_PLAYERS)
def exported(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A notebook as a page, as `jupyter nbconvert --to html` writes it."""
    from nbconvert.exporters import HTMLExporter

    text, _ = HTMLExporter().from_filename(str(ROOT / "notebooks" / f"{request.param}.ipynb"))
    page = tmp_path / f"{request.param}.html"
    page.write_text(text, encoding="utf-8")
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_works_in_an_exported_page(running: Browser, exported: Path, scheme: str, dist: Path) -> None:
    """Opened from disk and with the network cut, so without the libraries that nbconvert would load."""
    tab = Tab(running, offline=True, color_scheme=scheme)
    try:
        tab.page.goto(exported.as_uri(), wait_until="domcontentloaded")
        players = tab.page.locator(".mm-player").all()
        assert players
        if scheme == "light":
            for player in players:
                step_through(tab.page, player)
            plays(tab.page, players[0])
        players[0].screenshot(path=dist / f"exported {exported.stem} {scheme}.png")
        found = axe.run(tab.page, f"exported {exported.stem} {scheme}", ".mm-player")
        assert not axe.said(found)
        # nbconvert's own libraries cannot be loaded; nothing of ours may fail for it
        assert not [said for said in tab.problems if "net::" not in said and "require is not defined" not in said]
    finally:
        tab.close()


def test_without_scripts_the_frames_are_chosen_by_radio_buttons(running: Browser, exported: Path) -> None:
    tab = Tab(running, offline=True, java_script_enabled=False)
    try:
        tab.page.goto(exported.as_uri(), wait_until="domcontentloaded")
        player = tab.page.locator(".mm-player").first
        player.locator("input[type=radio]").nth(1).check()
        assert player.locator(".mm-frame").nth(1).is_visible()
        assert not player.locator(".mm-frame").nth(0).is_visible()
    finally:
        tab.close()
