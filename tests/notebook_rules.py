"""pytest plugin: every test starts from a state of its own, and a notebook cell that was not checked is a failure.

Loaded by tests/conftest.py, and by name (`-p tests.notebook_rules`) when only notebooks are run.
"""

import os
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Give this process, and the kernels it starts, settings that owe nothing to the user's own files."""
    home = tempfile.TemporaryDirectory(prefix="mmsim-tests-", ignore_cleanup_errors=True)
    config.add_cleanup(home.cleanup)
    config.pluginmanager.register(_Rules(Path(home.name)), "mmsim notebook rules")


class _Rules:
    """The hooks, with the folder of this run."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.owner = ""
        self.count = 0
        # A kernel inherits these: sets come out in one order, no start-up file or history of the user is read.
        os.environ["PYTHONHASHSEED"] = "0"
        os.environ["IPYTHONDIR"] = str(home / "ipython")
        os.environ["JUPYTER_RUNTIME_DIR"] = str(home / "runtime")
        os.environ["MMSIM_STATE"] = str(home / "state")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Point MMSIM_STATE at an empty folder: one for all cells of a notebook, one for each other test."""
        owner = str(item.path) if _is_cell(item) else item.nodeid
        if owner != self.owner:
            self.owner = owner
            self.count += 1
            state = self.home / f"state{self.count}"
            state.mkdir()
            os.environ["MMSIM_STATE"] = str(state)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Fail a cell that nbval lets through: one it skipped, one that took too long, and all that came after that."""
        report = yield
        if _is_cell(item) and report.when == "call" and report.outcome != "failed":
            late = item.parent.timed_out
            if late or report.outcome == "skipped":
                report.__dict__.pop("wasxfail", None)  # with it, pytest would count an expected failure
                report.outcome = "failed"
                reason = "it or a cell before it took too long" if late else "skipped"
                report.longrepr = f"not checked: {reason}"
        return report


def _is_cell(item: pytest.Item) -> bool:
    return item.path.suffix == ".ipynb"
