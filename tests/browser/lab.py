"""JupyterLab and Chromium, started for the tests, and notebooks opened in them."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import Browser, Error, Page, Playwright, sync_playwright

from .chromium import chromium

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = Path(__file__).with_name("page.js")
FLAGS = ["--disable-gpu", "--disable-background-networking", "--disable-component-update", "--no-first-run"]
WINDOW = {"width": 1280, "height": 1000}
START, RUN, STEP, CLOSE = 120, 240, 30, 30
"""Seconds: for JupyterLab to answer, a whole notebook to run, anything else in the page, and for closing something."""


@contextmanager
def jupyterlab(folder: Path) -> Iterator[str]:
    """JupyterLab over a copy of the notebooks in `folder`, with settings of its own; gives its address."""
    for name in ("notebooks", "exercises", "solutions"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    for name in ("mmsim", "tests"):
        (folder / name).symlink_to(ROOT / name)
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", f"--ServerApp.root_dir={folder}"]
    command += ["--ServerApp.port=0", "--LabApp.expose_app_in_browser=True", "--Application.log_level=WARN"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    with (folder / "jupyterlab.log").open("wb") as log:
        server = subprocess.Popen(command, env=_environment(folder), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            yield _address(folder, server)
        finally:
            with closing("JupyterLab"):
                server.terminate()
                server.wait()


@contextmanager
def closing(what: str) -> Iterator[None]:
    """What is closed within has CLOSE seconds: then all programs of this process are killed, and a warning says so.

    Without it a browser that does not end would hold the whole run for ever, with all tests passed.
    """
    late = threading.Event()

    def kill() -> None:
        late.set()
        for program in psutil.Process().children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                program.kill()

    timer = threading.Timer(CLOSE, kill)
    timer.start()
    try:
        yield
    except Error:
        if not late.is_set():
            raise
    finally:
        timer.cancel()
    if late.is_set():
        warnings.warn(f"{what} did not close within {CLOSE} s and was killed", stacklevel=3)


def _environment(folder: Path) -> dict[str, str]:
    """Nothing of the user's own reaches the server or its kernels."""
    places = {
        "MMSIM_STATE": "state",
        "IPYTHONDIR": "ipython",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    }
    return {**os.environ, "PYTHONHASHSEED": "0"} | {name: str(folder / ".of" / at) for name, at in places.items()}


def _address(folder: Path, server: subprocess.Popen[bytes]) -> str:
    """The address with its token, which the server writes into its runtime folder."""
    end = time.monotonic() + START
    while time.monotonic() < end and server.poll() is None:
        for note in (folder / ".of" / "runtime").glob("jpserver-*.json"):
            try:
                told = json.loads(note.read_text(encoding="utf-8"))
            except ValueError:
                continue  # it is being written
            return f"{told['url']}lab/tree/%s?reset&token={told['token']}"
        time.sleep(0.1)
    raise RuntimeError(f"JupyterLab did not start: {(folder / 'jupyterlab.log').read_text(errors='replace')[-2000:]}")


@contextmanager
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    playwright = sync_playwright().start()
    try:
        running = launch(playwright)
        yield running
    finally:
        with closing("Chromium"):
            playwright.stop()  # closes the browser, too


def launch(playwright: Playwright) -> Browser:
    """Start the Chromium of this machine; without its sandbox: all pages are ours, and not every machine allows it."""
    return playwright.chromium.launch(executable_path=chromium(), chromium_sandbox=False, args=FLAGS)


class Tab:
    """A page, and what it complained about."""

    def __init__(self, running: Browser, **options: Any) -> None:
        self.context = running.new_context(**{"viewport": WINDOW} | options)
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(STEP * 1000)
        self.problems: list[str] = []
        self.page.on("console", lambda message: self._said(message.type, message.text))
        self.page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))

    def _said(self, kind: str, text: str) -> None:
        if kind == "error" and "@jupyterlite/" not in text:  # after `make lite` JupyterLab finds parts it cannot use
            self.problems.append(f"console: {text}")

    def close(self) -> None:
        """Close the page and forget its storage."""
        with closing("a page"):
            self.context.close()


class Lab(Tab):
    """JupyterLab in a page; it opens one notebook after the other."""

    def __init__(self, running: Browser, address: str, **options: Any) -> None:
        super().__init__(running, **options)
        self.address = address
        self.path = ""
        self.page.add_init_script(path=SCRIPT)

    def open(self, path: str) -> Lab:
        """Open a notebook in place of the one that was open; its kernel is ready then."""
        if self.path:
            self.wait("mm.close()")
            self.problems.clear()
            self.wait("mm.open(path)", START, path=path)
        else:
            self.page.goto(self.address % path)
            self.wait("mm.ready(path)", START, path=path)
            self.page.evaluate("jupyterapp.commands.execute('application:toggle-left-area')")
        self.path = path
        return self

    def wait(self, script: str, seconds: float = STEP, **given: Any) -> Any:
        """Evaluate and await JavaScript, for a bounded time; `given` are its variables."""
        names, values = list(given), list(given.values())
        late = f"new Promise((_, no) => setTimeout(() => no(new Error('took over {seconds} s')), {seconds * 1000}))"
        return self.page.evaluate(f"([{', '.join(names)}]) => Promise.race([(async () => {script})(), {late}])", values)

    def run_all(self) -> list[dict[str, Any]]:
        """Run every cell; what they gave, cell by cell."""
        self.wait("mm.runAll()", RUN)
        self.wait("mm.ask()", RUN)  # answered after the last cell, also where one before it raised
        self.wait("mm.quiet()")
        return self.page.evaluate("mm.outputs()")

    def run(self, cell: str, source: str | None = None) -> str:
        """Run one cell, with another source if one is given; the text its output shows."""
        return self.wait("mm.run(cell, source ?? undefined)", cell=cell, source=source)

    def ask(self, code: str = "", expression: str = "None") -> Any:
        """Run code in the kernel, out of sight; the value of an expression that is plain data."""
        return ast.literal_eval(self.wait("mm.ask(code, expression)", code=code, expression=expression))

    def theme(self, name: str) -> None:
        """Change JupyterLab's theme."""
        self.wait("mm.theme(name)", name=name)
