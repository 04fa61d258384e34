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
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(SITE).with_suffix("").as_posix())
def test_axe_finds_nothing_grave(running: Browser, page: Path, scheme: str) -> None:
    tab = Tab(running, offline=True, color_scheme=scheme)
    try:
        tab.page.goto(page.as_uri())
        name = page.relative_to(SITE).with_suffix("").as_posix().replace("/", " ")
        found = axe.run(tab.page, f"site {name} {scheme}")
        assert not axe.said(found)
        assert tab.problems == []
    finally:
        tab.close()
