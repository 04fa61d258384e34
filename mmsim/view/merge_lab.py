"""A lab for the rules of merging: what the VMA below a growing heap is like, and who extends it; also as a table."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from mmsim.brk import GENERATIONS, Process
from mmsim.experiments.e2 import ADJACENCY, NEW, below, grow, outcome
from mmsim.experiments.rule import PROPERTIES

from .findings import FindingTable
from .space import Space, changes, differing, snapshot
from .space_pictures import SpacePicture
from .strip import Strip
from .widgets import Lab

__all__ = ["MergeLab", "criteria_table"]

INPUTS = {
    "flags": "flags",
    "file": "file",
    "close": "close hook",
    "uffd": "userfaultfd",
    "pgoff": "page offset",
    "policy": "memory policy",
    "chain": "inherited chain",
    "special": "special mapping",
    "hole": ADJACENCY,
    "new": NEW,
}
"""The lab's check boxes, and what experiment E2 calls them."""
_WORDS = {ADJACENCY: "a page missing in between", NEW: "a new criterion in the shared test"}
_LEFT = "text-align:left"
"""The style of each cell; a widget gives tables no room between cells, as a notebook does."""
_LOOKS = {"new VMA": "yes", "extended": "no"}


class MergeLab(Lab):
    """Make the VMA below a heap unlike a heap in any number of ways, and grow the heap in all generations.

    Inputs: a check box for each property (`INPUTS`), `new` for a criterion that was added to the shared test and
    that the VMA fails; `generation` and `beside`, whose results are drawn. Afterwards: `wrong`, the properties as
    E2 names them; `outcomes`, "extended" or "new VMA" by generation; `processes`, after the growth.

    >>> lab = MergeLab("let only v4 extend", file=True)
    >>> lab.outcomes
    {'before': 'new VMA', 'v4': 'extended', 'merged': 'new VMA', 'today': 'new VMA'}
    >>> lab.set(flags=True).outcomes["v4"]
    'new VMA'
    """

    def __init__(self, task: str, generation: str = "before", beside: str = "v4", **given: bool) -> None:
        import ipywidgets as widgets

        super().__init__(task, "dec", 0, in_python=True)
        if unknown := sorted(set(given) - set(INPUTS)):
            raise ValueError(f"no property {unknown[0]!r}: there are {', '.join(INPUTS)}")
        for name, meaning in INPUTS.items():
            label = _WORDS.get(meaning, meaning)
            self.fields[name] = widgets.Checkbox(
                bool(given.get(name)), description=label, indent=False, layout=widgets.Layout(width="auto")
            )
        boxes = widgets.VBox(list(self.fields.values()), layout=widgets.Layout(min_width="18em"))
        self.table = widgets.HTML()
        for name, value in (("generation", generation), ("beside", beside)):
            self.fields[name] = widgets.Dropdown(options=tuple(GENERATIONS), value=value, description=name)
        self._build([boxes, self.table], [self.fields["generation"], self.fields["beside"]])

    def _put(self, field: Any, value: Any) -> None:
        field.value = value

    @property
    def wrong(self) -> tuple[str, ...]:
        """What the VMA has of its own, as E2 names it."""
        return tuple(meaning for name, meaning in INPUTS.items() if self.fields[name].value)

    def refresh(self) -> None:
        """Grow the heap above that VMA, in every generation."""
        wrong = self.wrong
        self.outcomes: dict[str, str] = {}
        self.processes: dict[str, Process] = {}
        for generation in GENERATIONS:
            process, vma = below(generation, wrong)
            earlier = snapshot(process)
            self.outcomes[generation] = grow(process, vma, wrong)
            self.processes[generation] = process
        table = criteria_table(wrong, "This growth, and: does it look at ...?")
        self._looked = {name: cells for name, *cells in table.rows}
        table.rows.insert(0, ("this growth", *self.outcomes.values()))
        self.table.value = table.html.replace(_LEFT, f"{_LEFT};padding:1px 10px")
        self.picture = SpacePicture("the growth", self._strips(earlier))

    def _strips(self, earlier: Space) -> list[Strip]:
        """Before, which is the same in all generations, and after in one or two of them."""
        first, other = (self.fields[name].value for name in ("generation", "beside"))
        after = snapshot(self.processes[first])
        if first == other:
            old, new = changes(earlier, after)
            return [Strip("before the growth", earlier, old), Strip(self._after(first), after, new)]
        second = snapshot(self.processes[other])
        return [
            Strip("before the growth", earlier, {}),
            Strip(self._after(first), after, {}),
            Strip(self._after(other), second, differing(after, second), True),
        ]

    def _after(self, generation: str) -> str:
        return f"after the growth, generation {generation} ({self.outcomes[generation]})"

    def report(self) -> list[str]:
        """What the VMA is like, and each generation's result with what it looked at and what not."""
        said = ", ".join(_WORDS.get(name, name) for name in self.wrong)
        return [
            f"of its own the VMA below has: {said or 'nothing'}",
            *(self._said(at, generation) for at, generation in enumerate(GENERATIONS)),
        ]

    def _said(self, at: int, generation: str) -> str:
        """A result and why; a long list of properties is not said twice."""
        wrong = self.wrong
        found = {
            answer: [name for name in wrong if self._looked[_label(name, wrong)][at] == answer]
            for answer in ("yes", "no")
        }
        parts = []
        for verb, names in (("looks at", found["yes"]), ("does not look at", found["no"])):
            if len(names) == len(wrong) > 1:
                parts = ["looks at all of that" if verb == "looks at" else "looks at none of that"]
            elif names:
                parts.append(f"{verb} {', '.join(_WORDS.get(name, name) for name in names)}")
        return f"{generation}: {self.outcomes[generation]}" + (f" ({'; '.join(parts)})" if parts else "")


def criteria_table(chosen: Collection[str] = (), title: str | None = None) -> FindingTable:
    """Who looks at what when a heap grows: each property alone, in every generation; `chosen` ones get a mark.

    >>> print(criteria_table(title="Who looks?").text.splitlines()[3])
      file                                yes     no   yes     yes
    """
    rows = []
    for name in (*PROPERTIES, NEW):
        found = (outcome(generation, {name}) for generation in GENERATIONS)
        rows.append((_label(name, chosen), *(_LOOKS.get(each, each) for each in found)))
    return FindingTable(title or "Does it look at ...?", ("", *GENERATIONS), rows)


def _label(name: str, chosen: Collection[str]) -> str:
    """A property in words; behind a mark if it is chosen."""
    mark = "> " if name in chosen else ""
    return mark + _WORDS.get(name, name)
