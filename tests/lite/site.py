"""The lite site in a page: open a notebook, run it, read what came."""

from __future__ import annotations

import time
from typing import Any

from playwright.sync_api import Browser

from tests.browser.lab import SCRIPT, Tab

MINUTES = 60_000
NOT_ASKED = "/api/"
"""JupyterLite has no server: what it looks for below this address may be missing, and it says "don't worry"."""

PICTURE = """
() => document.querySelector(
  ".jp-OutputArea-output [data-drawn=wasm] img, .jp-OutputArea-output .jp-RenderedSVG *, .widget-html-content svg")
"""
"""Drawn by Graphviz in the page, or by Python."""
COUNTED = "() => mm.outputs().filter(({ count }) => count).length"
LONGEST = 60
"""Seconds that no cell needs: after them nothing runs any more."""
FORGET = "() => jupyterapp.commands.execute('notebook:clear-all-cell-outputs')"
ASK = """
async (code) => {
  const { kernel } = jupyterapp.shell.currentWidget.sessionContext.session;
  const future = kernel.requestExecute({ code, store_history: false });
  let said = "";
  future.onIOPub = ({ content }) => { said += content.text ?? content.evalue ?? ""; };
  await future.done;
  return said;
}
"""


class Site(Tab):
    """A browser that opens notebooks of the site, each in the same page, one after the other."""

    def __init__(self, running: Browser, address: str, **options: Any) -> None:
        super().__init__(running, **options)
        self.address = address
        self.outside: list[str] = []
        self.missing: list[str] = []
        self.page.add_init_script(path=SCRIPT)
        self.page.on("response", self._answered)
        self.page.on("dialog", lambda dialog: dialog.accept())  # whether to leave a page with unsaved changes

    def _answered(self, response: Any) -> None:
        if response.status >= 400 and NOT_ASKED not in response.url:
            self.missing.append(f"{response.status} {response.url}")

    def _said(self, kind: str, text: str) -> None:
        if "the server responded with a status of 404" not in text:  # those are counted by their address
            super()._said(kind, text)

    def open(self, path: str) -> float:
        """Open a notebook; returns when its kernel is ready, with the seconds that took."""
        self.problems.clear()
        began = time.monotonic()
        self.page.goto(f"{self.address}lab/index.html?path={path}", timeout=3 * MINUTES)
        self.page.wait_for_function("() => window.jupyterapp", timeout=3 * MINUTES)
        self.page.evaluate(
            "path => Promise.race([mm.ready(path), new Promise((_, no) => setTimeout(no, 300000))])", path
        )
        return time.monotonic() - began

    def run_all(self) -> list[dict[str, Any]]:
        """Run every cell; what they gave, cell by cell."""
        self.page.evaluate(FORGET)
        self.page.evaluate("() => { window.mmDone = mm.runAll(); }")
        self.page.wait_for_function(PICTURE, timeout=5 * MINUTES)
        self.first_picture = time.monotonic()
        self.page.evaluate("() => window.mmDone")
        self._to_the_end()
        return self.page.evaluate("() => mm.outputs()")

    def _to_the_end(self) -> None:
        """Wait while cells are run; what ran all ends at one that is meant to raise, and onward.js goes on."""
        cells, counted, last = len(self.page.evaluate("() => mm.outputs()")), 0, time.monotonic()
        while counted < cells and time.monotonic() - last < LONGEST:
            self.page.wait_for_timeout(100)
            if (now := self.page.evaluate(COUNTED)) != counted:
                counted, last = now, time.monotonic()

    def ask(self, code: str) -> str:
        """Run code in the kernel, beside the notebook; what it printed."""
        return self.page.evaluate(ASK, code).strip()

    def restart(self) -> None:
        """Restart the kernel, as Kernel - Restart does after its question."""
        self.page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.restartKernel()")

    def save(self) -> None:
        """Save the open notebook, as File - Save does."""
        self.page.evaluate("() => jupyterapp.shell.currentWidget.context.save()")
