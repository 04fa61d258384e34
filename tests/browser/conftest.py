"""What the browser tests share: one JupyterLab and one Chromium for each worker, one open notebook at a time."""

from __future__ import annotations

import json
import os
import re
import statistics
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser
from xdist.scheduler import LoadScopeScheduling

from . import axe, lab

ROOT = lab.ROOT
DIST = ROOT / "dist" / "browser"
TIMES = DIST / "times.jsonl"


class ByNotebook(LoadScopeScheduling):
    """All tests of a notebook go to one worker, which opens and runs it once; so do those of an exercise.

    xdist's own loadgroup writes the group into the ids of the tests, which pytest 9.2 no longer lets it do.
    """

    def _split_scope(self, nodeid: str) -> str:
        file, _, test = nodeid.partition("::")
        notebook = re.search(r"\[(\d\d)-", test)
        if file.endswith("test_notebooks.py") and notebook:
            return notebook[1]
        return file if file.endswith("test_exercises.py") else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByNotebook:
    """Hand out the tests notebook by notebook."""
    return ByNotebook(config, log)


@pytest.fixture(scope="session")
def running() -> Iterator[Browser]:
    with lab.browser() as started:
        yield started


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with lab.jupyterlab(Path(tmp_path_factory.mktemp("course"))) as url:
        yield url


@pytest.fixture(scope="session")
def jupyter(running: Browser, address: str) -> Iterator[lab.Lab]:
    """JupyterLab in a page of 1280 by 1000 points."""
    opened = lab.Lab(running, address)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def dist() -> Path:
    """Where screenshots and reports are kept."""
    DIST.mkdir(parents=True, exist_ok=True)
    return DIST


@pytest.fixture(scope="session")
def times(dist: Path) -> Callable[[str, str, str, list[float]], None]:
    """Keep the times from input to picture of a lab."""

    def keep(notebook: str, name: str, how: str, taken: list[float]) -> None:
        with TIMES.open("a", encoding="utf-8") as file:
            file.write(json.dumps([notebook, name, how, taken]) + "\n")

    return keep


def pytest_sessionstart(session: pytest.Session) -> None:
    """Forget the reports of the last run, if this is not its rest; the controller does it, before any worker."""
    if not hasattr(session.config, "workerinput") and not session.config.getoption("lf"):
        for path in [*axe.FOLDER.glob("*"), *DIST.glob("*.png"), TIMES]:
            path.unlink(missing_ok=True)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Say at once what failed: a run that is stopped from outside has no summary."""
    if report.failed and "PYTEST_XDIST_WORKER" not in os.environ:
        why = getattr(getattr(report.longrepr, "reprcrash", None), "message", report.longreprtext)
        print(f"\n{report.nodeid}, {report.when}: {why}", file=sys.__stderr__, flush=True)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The times and what axe found, of this run."""
    if TIMES.exists():
        rows = [json.loads(line) for line in TIMES.read_text(encoding="utf-8").splitlines()]
        every = [one for *_, taken in rows for one in taken]
        for name in sorted({name for _, name, _, _ in rows}):
            taken = [one for _, of, _, some in rows if of == name for one in some]
            terminalreporter.write_line(f"{name}: {statistics.median(taken):.0f} ms from input to picture (median)")
        at_once = max(1, len(terminalreporter.config.getoption("tx") or ()))
        where = f"browsers at once: {at_once}, processors: {os.cpu_count()}"
        median = f"{statistics.median(every):.0f} ms (median of {len(every)}; {where}; goal for one browser: below 100)"
        terminalreporter.write_line(f"from input to picture: {median}")
    if any(axe.FOLDER.glob("*.json")):
        terminalreporter.write_line(f"{axe.report()}: {axe.FOLDER.relative_to(ROOT)}")
