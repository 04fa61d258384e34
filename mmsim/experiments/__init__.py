"""The experiments E1 to E9: what the review of the patch asked, turned into something that can be run.

One module an experiment; each is measured in all four generations, and its verdict is computed from the results.
"""

from . import e1, e2, e3, e4, e5, e6, e7, e8, e9
from .table import Experiment, Outcome, as_json, as_text, measured

__all__ = ["EXPERIMENTS", "Experiment", "Outcome", "as_json", "as_text", "measure"]

EXPERIMENTS: dict[str, Experiment] = {
    module.EXPERIMENT.id: module.EXPERIMENT for module in (e1, e2, e3, e4, e5, e6, e7, e8, e9)
}
"""By their ids."""


def measure(id: str) -> Outcome:
    """Run an experiment in all generations; KeyError for one there is not.

    >>> measure("E5").results["v4"]["two bss side by side"]
    2
    """
    return measured(EXPERIMENTS[id])
