"""The course in a browser without a network: four notebooks to their end, what is kept, what tells of old copies."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from tests.browser import axe

from .__main__ import CUT
from .conftest import FOLDER
from .site import FORGET, Site

NOTEBOOKS = {name[:2]: f"notebooks/{name}.ipynb" for name in (
    "00-start-here", "02-reading-a-maple-tree", "03-writing", "11-c1-a-needless-enomem"
)}  # fmt: skip
MEGABYTES, SECONDS = 40, 15
"""Goals for the whole site and for the first picture. They are printed: another machine is another time."""
MOST_MEGABYTES = 50
OLD = """
([storage, file]) => new Promise((done, failed) => {
  indexedDB.open(storage).onsuccess = ({ target: { result: open } }) => {
    const files = open.transaction("files", "readwrite").objectStore("files");
    files.get(file).onsuccess = ({ target: { result: copy } }) => {
      copy.content.metadata.mmsim.text = "00000000";
      files.put(copy, file).onsuccess = () => { open.close(); done(); };
    };
  };
})
"""
"""Make a saved copy look like one of an older text."""


def failed(cells: list[dict[str, Any]], path: str) -> list[str]:
    """Cells that ended in an error and should not."""
    notebook = json.loads((FOLDER / "files" / path).read_text(encoding="utf-8"))
    may = {cell["id"] for cell in notebook["cells"] if "raises-exception" in cell["metadata"].get("tags", [])}
    return [
        f"{cell['id']}: {output['name']}: {output['text'][:200]}"
        for cell in cells
        for output in cell["outputs"]
        if cell["id"] not in may and (output["type"] == "error" or output["name"] == "stderr")
    ]


def test_the_site_is_small(note: Any) -> None:
    size = sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) / 1e6
    note(f"lite site: {size:.1f} MB (goal: below {MEGABYTES})")
    assert size < MOST_MEGABYTES


def test_the_first_page_names_the_edition_and_every_notebook(site: Site, address: str, screenshots: Path) -> None:
    site.page.goto(address)
    known = site.page.evaluate("() => mmsimEdition")
    assert site.page.text_content("#edition") == known["edition"]
    paths = "links => links.map((link) => new URLSearchParams(link.search).get('path'))"
    links = site.page.eval_on_selector_all("td a", paths)
    assert sorted(links) == sorted(known["texts"])
    assert not site.page.is_visible("#insecure")
    site.page.screenshot(path=screenshots / "first-page.png")


@pytest.mark.parametrize("page", ["index.html", "reset.html"])
def test_axe_finds_nothing_grave_on_a_page(page: str, site: Site, address: str, screenshots: Path) -> None:
    found = []
    site.page.goto(address + page)
    for scheme in ("light", "dark"):
        site.page.emulate_media(color_scheme=scheme)
        found += axe.run(site.page, f"lite {page} {scheme}", folder=axe.LITE)
        site.page.screenshot(path=screenshots / f"{page} {scheme}.png")
    site.page.emulate_media(color_scheme="light")
    assert not axe.said(found)


@pytest.mark.parametrize("number", NOTEBOOKS)
def test_a_notebook_runs_to_its_end(number: str, site: Site, note: Any, screenshots: Path) -> None:
    path = NOTEBOOKS[number]
    began = time.monotonic()
    ready = site.open(path)
    cells = site.run_all()
    first = site.first_picture - began
    note(f"{number}: kernel ready after {ready:.0f} s, first picture after {first:.0f} s" + _goal(number))
    site.page.evaluate("() => mm.mainPicture().scrollIntoView()")
    site.page.wait_for_timeout(300)
    site.page.screenshot(path=screenshots / f"{number}.png")
    assert failed(cells, path) == []
    assert all(cell["count"] for cell in cells)
    site.page.evaluate("mm.drawAll()")
    assert not axe.said(axe.run(site.page, f"lite {number}", axe.OURS, folder=axe.LITE))
    assert site.problems == []
    assert site.missing == []
    assert site.outside == []


def _goal(number: str) -> str:
    cut = "no network in the namespace" if os.environ.get(CUT) else "other addresses refused by the browser"
    return f" (goal: {SECONDS} s; the browser starts here with nothing cached; {cut})" if number == "00" else ""


def test_a_kernel_can_be_restarted(site: Site) -> None:
    """Only the first one has begun before it is asked for."""
    site.open(NOTEBOOKS["02"])
    assert site.ask("import sys; known = 1; print('mmsim.view' in sys.modules)") == "True"
    site.restart()
    assert "not defined" in site.ask("known")
    assert site.ask("import mmsim, sys; print('mmsim.view' in sys.modules)") == "False"
    assert site.problems == []


def test_run_all_ends_at_an_error_that_is_not_meant(site: Site) -> None:
    site.open(NOTEBOOKS["03"])
    site.page.evaluate(FORGET)
    site.page.evaluate("() => mm.cellOf('04-warmup').model.sharedModel.setSource('1 / 0')")
    site.page.evaluate("() => mm.runAll()")
    site.page.wait_for_timeout(1000)  # not a question to the kernel: an error takes it out of the queue
    assert [bool(cell["count"]) for cell in site.page.evaluate("() => mm.outputs()")[:3]] == [True, True, False]


def test_nothing_begins_early_while_the_service_worker_is_replaced(site: Site) -> None:
    """JupyterLite replaces one of another version; a Python that loads meanwhile would be without its files."""
    site.page.evaluate("() => { localStorage[`${navigator.serviceWorker.controller.scriptURL}-version`] = 'old'; }")
    for begins in (False, True):
        asked: list[str] = []
        site.page.on("request", lambda request, asked=asked: asked.append(request.url))
        site.open(NOTEBOOKS["02"])
        assert any(url.endswith("/begin.mjs") for url in asked) == begins
        assert site.ask("import os; print(os.path.isdir('../tests/data'))") == "True"


def test_progress_outlives_the_page_and_a_saved_copy_is_told_and_reset(site: Site, address: str) -> None:
    path = NOTEBOOKS["11"]
    site.open(path)
    site.ask('from mmsim.course import predict; predict("00.p1", "B", sure=2)')
    site.save()
    site.page.goto(address)
    row = f'tr[data-file="{path}"] td:last-child'
    assert "saved" in site.page.wait_for_selector(f"{row} a").evaluate("link => link.parentElement.textContent")
    site.page.evaluate(OLD, [site.page.evaluate("() => mmsimEdition.storage"), path])
    site.page.reload()
    assert "older" in site.page.wait_for_selector(f"{row} a").evaluate("link => link.parentElement.textContent")
    site.open(path)
    asked = 'from mmsim.course.state import State; print(State().get("prediction", "00.p1")["choice"])'
    assert site.ask(asked) == "B"
    site.page.click("#mmsim-old-copies a")
    site.page.click("#yes")
    site.page.wait_for_selector("#said a")
    site.page.goto(address)
    site.page.wait_for_function("() => mmsimCourse.saved().then((copies) => copies.length === 0)")
