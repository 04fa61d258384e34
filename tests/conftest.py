"""What holds for every test of the project."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Load the rules for notebooks and for the learner's state; they reach the notebooks too, which lie elsewhere."""
    config.pluginmanager.import_plugin("tests.notebook_rules")
