"""A lab for repairs of the patch: which of its concerns a repair settles, and which it leaves."""

from __future__ import annotations

from typing import Any

from mmsim.experiments.repairs import REPAIRS, repaired_marks
from mmsim.experiments.second_look import MARKS

from .second_look import MarkMatrix
from .widgets import Lab

__all__ = ["RepairLab"]


class RepairLab(Lab):
    """Choose repairs of v4 and see what the experiments say to the repaired code.

    Inputs: a check box for each of REPAIRS. Afterwards: `chosen`, the names of the repairs; `marks`, concern -> mark
    of the repaired code.

    >>> lab = RepairLab("settle C2", shared=True)
    >>> lab.marks["C2"], lab.marks["C7"]
    ('=', '!')
    """

    def __init__(self, task: str, **given: bool) -> None:
        import ipywidgets as widgets

        super().__init__(task, "dec", 0, in_python=True)
        if unknown := sorted(set(given) - set(REPAIRS)):
            raise ValueError(f"no repair {unknown[0]!r}: there are {', '.join(REPAIRS)}")
        for name, repair in REPAIRS.items():
            self.fields[name] = widgets.Checkbox(
                bool(given.get(name)), description=repair.words, indent=False, layout=widgets.Layout(width="auto")
            )
        self._build([widgets.VBox(list(self.fields.values()))])

    def _put(self, field: Any, value: Any) -> None:
        field.value = bool(value)

    @property
    def chosen(self) -> tuple[str, ...]:
        """The repairs that are made."""
        return tuple(name for name in REPAIRS if self.fields[name].value)

    def refresh(self) -> None:
        """Repair v4, and put it to the experiments."""
        self.found = repaired_marks(self.chosen)
        self.marks = {id: row["repaired"] for id, row in self.found.items()}
        notes = {
            id: "" if row["v4"] == row["repaired"] else f"{row['v4']} becomes {row['repaired']}"
            for id, row in self.found.items()
        }
        self.picture = MarkMatrix("v4 as it was sent, and repaired", self.found, notes, takes=False)

    def report(self) -> list[str]:
        """The repairs, and the concerns by their mark."""
        said = "; ".join(REPAIRS[name].words for name in self.chosen)
        left = [id for id, mark in self.marks.items() if mark == "!"]
        pairs = {id: (row["v4"], row["repaired"]) for id, row in self.found.items()}
        changed = [f"{id} {one} to {two}" for id, (one, two) in pairs.items() if one != two]
        return [
            f"repairs: {len(self.chosen)}" + (f" ({said})" if said else ""),
            f"changed: {', '.join(changed) or 'nothing'}",
            f"still {MARKS['!']}: {', '.join(left) or 'none'} of {', '.join(self.marks)}",
        ]
