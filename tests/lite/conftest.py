"""What the tests of the lite site share: a file server, a Chromium that is refused every other address, the site."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Route

from tests.browser import axe, lab

from .site import Site

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "dist" / "lite"
SCREENSHOTS = ROOT / "dist" / "browser" / "lite"


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and says nothing of it."""

    extensions_map = SimpleHTTPRequestHandler.extensions_map | {".mjs": "text/javascript", ".wasm": "application/wasm"}

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    if not (FOLDER / "index.html").exists():
        pytest.skip("dist/lite is not built (make lite)")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(FOLDER))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


@pytest.fixture(scope="session")
def running() -> Iterator[Browser]:
    with lab.browser() as started:
        yield started


@pytest.fixture(scope="module")
def site(running: Browser, address: str) -> Iterator[Site]:
    """The site in a browser that has never seen it."""
    opened = Site(running, address)

    def judge(route: Route) -> None:
        if route.request.url.startswith((address, "data:", "blob:")):
            route.continue_()
        else:
            opened.outside.append(route.request.url)
            route.abort()

    opened.context.route("**/*", judge)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def screenshots() -> Path:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    return SCREENSHOTS


LINES: list[str] = []


@pytest.fixture
def note() -> Any:
    """Say a line at the end of the run."""
    return LINES.append


def pytest_sessionstart(session: pytest.Session) -> None:
    """Forget the reports of the last run."""
    for path in axe.LITE.glob("*"):
        path.unlink()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was measured, and what axe found."""
    for line in LINES:
        terminalreporter.write_line(line)
    if any(axe.LITE.glob("*.json")):
        terminalreporter.write_line(f"{axe.report(axe.LITE)}: {axe.LITE.relative_to(ROOT)}")
