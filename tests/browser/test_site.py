"""axe-core over the pages of the static site, where `make site` has built it."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from . import axe
from .lab import ROOT, Tab

SITE = ROOT / "dist" / "site"
PAGES = sorted(SITE.rglob("*.html"))


@pytest.mark.skipif(not PAGES, reason="dist/site is not built: make site")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(SITE).with_suffix("").as_posix())
def test_axe_finds_nothing_grave(running: Browser, page: Path) -> None:
    """All rules in the light scheme, those about colours in the dark one."""
    tab = Tab(running, offline=True, color_scheme="light")
    name = page.relative_to(SITE).with_suffix("").as_posix().replace("/", " ")
    try:
        tab.page.goto(page.as_uri())
        assert tab.problems == []  # afterwards axe looks for style sheets where a page from disk may not
        found = axe.run(tab.page, f"site {name} light")
        tab.page.emulate_media(color_scheme="dark")
        found += axe.run(tab.page, f"site {name} dark", only=axe.COLOURS)
        assert not axe.said(found)
    finally:
        tab.close()
