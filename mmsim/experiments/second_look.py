"""The mail again, with the results: each concern in a few words, where its verdict is, and a mark by generation.

Everything but the words is computed from what the experiments measured, and from the known findings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NamedTuple

from mmsim.explore.alphabet import ORDINARY
from mmsim.explore.known import Known, known
from mmsim.explore.world import WORLDS
from mmsim.trace.syscall_trace import Session

from . import measure
from .table import Outcome, Results
from .watch import Entry, watched

__all__ = [
    "BESIDE",
    "CLASSES",
    "CONCERNS",
    "MARKS",
    "Concern",
    "all_outcomes",
    "classes",
    "marks",
    "marks_of",
    "reach",
    "trips",
]


class Concern(NamedTuple):
    """A point of the mail, in our words; `merged` says what the code of 6.1 did about it.

    `notebook` and `cell` are where the course gives its verdict.
    """

    id: str
    asked: str
    kind: str
    merged: str
    notebook: str
    cell: str

    @property
    def experiment(self) -> str:
        """The id of the experiment that tests it."""
        return "E" + self.id[1:]

    @property
    def link(self) -> str:
        """Where its verdict is, seen from another notebook."""
        return f"{self.notebook}#cell-id={self.cell}"


_LIMIT, _RULES = "11-c1-a-needless-enomem.ipynb", "12-c2-a-second-copy-of-the-rules.ipynb"
_WORTH, _STYLE = "13-c3-c9-is-it-worth-it.ipynb", "14-c4-style-c5-lost-extension.ipynb"
_MONITOR, _ASSUME = "15-c6-a-lost-notification.ipynb", "16-c7-c8-assumptions-and-assertions.ipynb"
_POINTS = (
    ("Can the limit test refuse without need?", "correctness", "the loader's call unmaps first, again", _LIMIT),
    ("Will the copied merge rule be forgotten?", "maintainability", "asks the shared test", _RULES),
    ("Is a fast path worth it that mostly fails?", "performance", "kept", _WORTH),
    ("Comments with two slashes", "style", "gone", _STYLE),
    ("Can the loader's call still extend?", "lost optimisation", "it can, again", _STYLE),
    ("Does a monitor still hear of an unmapping?", "lost notification", "it does, again", _MONITOR),
    ("Why may nothing be mapped in the range?", "unstated assumption", "no longer assumed", _ASSUME),
    ("Could assertions support that?", "missing assertion", "none was added", _ASSUME),
    ("Is the optimised case frequent enough?", "performance", "kept: the one case, to this day", _WORTH),
)
CONCERNS: dict[str, Concern] = {
    f"C{number}": Concern(f"C{number}", asked, kind, did, notebook, f"verdict-c{number}")
    for number, (asked, kind, did, notebook) in enumerate(_POINTS, 1)
}
"""The nine points of the mail."""
BESIDE = {
    "promises": ("what the changelog promises", "10-the-patch.ipynb", "verdict-promises"),
    "failures": ("what failing calls leave", "17-when-memory-runs-out.ipynb", "verdict-failures"),
}
"""Two verdicts more, on what the mail does not ask."""

MARKS = {
    "=": "as before",
    "+": "saves something",
    "~": "otherwise or dearer, no harm",
    "!": "wrong",
}
"""What a generation does in an experiment, held against `before`; the later a mark, the worse."""
CLASSES = {
    "A": "wrong, and an ordinary program gets there",
    "B": "wrong, but it takes something special",
    "C": "not wrong",
}
"""How a concern turned out, for the patch as it was sent."""

_Row = Mapping[str, Any]
_LOADER_EXTENDS = ("data, then bss", "two bss side by side", "bss between anonymous areas")


def _limit(row: _Row, first: _Row) -> str:
    name = "of these, the result would have fitted"
    return "!" if row[name] else _more(row, first, "vm_brk_flags(): refused, of 25", "brk(): refused, of 5")


def _copy(row: _Row, first: _Row) -> str:
    """A growth that a hook does not stop any more does no harm; all else that the old rules would not let grow does."""
    over = {name for name in row if row[name] == "extended" != first[name]}
    return "!" if over - {"close hook"} else "~" if over else "="


def _price(row: _Row, first: _Row) -> str:
    extends = [name for name in row if "extended" in name]
    if any(row[name] < first[name] for name in extends):
        return "~"
    return _more(row, first, "looks at the next VMA", "looks behind it", "nodes reserved ahead", "stores to the tree")


def _comments(row: _Row, first: _Row) -> str:
    return _more(row, first, "all")


def _loader(row: _Row, first: _Row) -> str:
    return "!" if row["broken invariants"] != "-" else _more(row, first, *_LOADER_EXTENDS)


def _monitor(row: _Row, first: _Row) -> str:
    told = "events delivered", "registered VMAs left over", "mmap_changing afterwards"
    return "!" if row["broken invariants"] != "-" or any(row[name] != first[name] for name in told) else "="


def _assumption(row: _Row, first: _Row) -> str:
    return "!" if any(value != "-" for name, value in row.items() if name.endswith("broken")) else "="


def _assertions(row: _Row, first: _Row) -> str:
    """Wrong where they would speak up; without them that is all there is to see."""
    said = [value for name, value in row.items() if name.startswith(("range not free", "VMA ends elsewhere"))]
    return "!" if any(said) else "="


def _cases(row: _Row, first: _Row) -> str:
    """Dearer where brk() meets a case that its one test does not cover."""
    beyond = [name for name in row if ", brk(): case" in name and not name.endswith("case 2")]
    return "~" if any(row[name] for name in beyond) else "="


def _more(row: _Row, first: _Row, *names: str) -> str:
    """By how much there is of what costs: more of anything, less, or as much."""
    if any(row[name] > first[name] for name in names):
        return "~"
    return "+" if any(row[name] < first[name] for name in names) else "="


_MARK: dict[str, Callable[[_Row, _Row], str]] = {
    "E1": _limit,
    "E2": _copy,
    "E3": _price,
    "E4": _comments,
    "E5": _loader,
    "E6": _monitor,
    "E7": _assumption,
    "E8": _assertions,
    "E9": _cases,
}


def marks_of(experiment: str, results: Results) -> dict[str, str]:
    """A mark for each generation that was measured, `before` among them.

    >>> marks_of("E5", measure("E5").results)
    {'before': '=', 'v4': '~', 'merged': '~', 'today': '~'}
    """
    return {generation: _MARK[experiment](row, results["before"]) for generation, row in results.items()}


def all_outcomes() -> dict[str, Outcome]:
    """All nine experiments in all generations, by the concern they test. Some 4 seconds."""
    return {concern.id: measure(concern.experiment) for concern in CONCERNS.values()}


def marks(outcomes: Mapping[str, Outcome]) -> dict[str, dict[str, str]]:
    """Concern -> generation -> mark."""
    return {id: marks_of(CONCERNS[id].experiment, outcome.results) for id, outcome in outcomes.items()}


# -- what it takes


@cache
def trips(generation: str) -> tuple[Known, ...]:
    """The known findings whose script makes an assertion of C8 speak up: range not free, or the VMA ends elsewhere."""
    return tuple(each for each in known() if _trips(each, generation))


def _trips(each: Known, generation: str) -> bool:
    spoke: list[bool] = []

    def enter(entry: Entry) -> None:
        spoke.append(not entry.free)

    def leave(entry: Entry, ret: int) -> None:
        spoke.append(entry.extended(ret) and entry.end != entry.address)

    session = Session(WORLDS[each.world], generation)
    with watched(session.process, enter, leave):
        for op, arg in each.script:
            session.do(op, arg)
    return any(spoke)


def reach(id: str) -> str:
    """What it takes to meet a concern's wrong results in v4, by the known findings; "-" if none is wrong.

    >>> reach("C2"), reach("C6"), reach("C9")
    ('an ordinary program', 'a crafted executable, a userfaultfd', '-')
    """
    wrong = [each for each in known() if "v4" in each.generations and each.verdict == "wrong"]
    mine = trips("v4") if id == "C8" else [each for each in wrong if each.concern == id]
    return min((each.reach for each in mine), key=lambda each: (each != ORDINARY, len(each)), default="-")


def classes(found: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """The letter of CLASSES for each concern: its mark in v4, and what it takes to get there."""
    return {id: "C" if by["v4"] != "!" else "A" if reach(id) == ORDINARY else "B" for id, by in found.items()}
