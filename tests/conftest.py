"""What holds for every test of the project."""

import signal

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Load the rules for notebooks and for the learner's state; they reach the notebooks too, which lie elsewhere.

    A shell that starts the tests in the background lets them ignore Ctrl-C, and all they start; some tests send it.
    """
    config.pluginmanager.import_plugin("tests.notebook_rules")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
