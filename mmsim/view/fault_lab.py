"""A lab for failures: one call, stepped through every point at which it can fail."""

from __future__ import annotations

from mmsim.brk import GENERATIONS
from mmsim.experiments.failures import ASPECTS, CALLS, SITE_WORDS, Call, Row, Run, points, row_of, run
from mmsim.explore.words import call as call_text
from mmsim.explore.words import shown
from mmsim.explore.world import START
from mmsim.mm.units import PAGE
from mmsim.trace.syscall_trace import Session

from .space import Space, changes, differing, snapshot
from .space_pictures import SpacePicture
from .strip import Strip
from .widgets import Lab

__all__ = ["FaultLab"]

NONE = "none"
SHOWN_EVENTS = 6
_WINDOW = START - 8 * PAGE, START + 64 * PAGE
"""The program's data, the heap and what the loader maps; not the stack."""


class FaultLab(Lab):
    """Let a call fail at its first, second, ... point, in one generation or two.

    Inputs: `call`, a name of CALLS; `generation`, and `beside`, a second one; `failure`, the number of the point that
    fails (0: none), counted in each generation in the order in which its code comes by. Afterwards: `rows` and `runs`
    by generation, what the failure came to (a row is None where the call has no such point); `before`, the state
    before the call.

    >>> lab = FaultLab("find a broken promise", call="extend", generation="v4", failure=3)
    >>> lab.rows["v4"].site, lab.rows["v4"].left
    ('maple_alloc', 'the promise is kept (+2 pages)')
    """

    def __init__(
        self,
        task: str,
        call: str = "extend",
        generation: str = "before",
        beside: str = NONE,
        failure: int = 0,
    ) -> None:
        import ipywidgets as widgets

        super().__init__(task, "dec", 0, in_python=True)
        for name, options, value in (
            ("call", tuple(CALLS), call),
            ("generation", tuple(GENERATIONS), generation),
            ("beside", (NONE, *GENERATIONS), beside),
        ):
            self.fields[name] = widgets.Dropdown(options=options, value=value, description=name)
        most = max(failure, 1)
        self.fields["failure"] = widgets.IntSlider(failure, 0, most, description="failure", continuous_update=False)
        self.buttons = {name: widgets.Button(description=name) for name in ("earlier", "later")}
        for step, button in zip((-1, 1), self.buttons.values(), strict=True):
            button.on_click(lambda _, step=step: self._step(step))
        chosen = [self.fields[name] for name in ("call", "generation", "beside")]
        self._build(chosen, [self.fields["failure"], *self.buttons.values()])

    def _step(self, by: int) -> None:
        field = self.fields["failure"]
        field.value = min(max(field.value + by, field.min), field.max)

    @property
    def chosen(self) -> list[str]:
        """The generations shown, each once."""
        names = dict.fromkeys([self.fields["generation"].value, self.fields["beside"].value])
        return [name for name in names if name != NONE]

    def refresh(self) -> None:
        """Run the call in each generation, with the failure."""
        call = CALLS[self.fields["call"].value]
        sites = {name: points(name, call) for name in self.chosen}
        self._limit(max(map(len, sites.values())))
        point = self._number("failure")
        self.rows: dict[str, Row | None] = {}
        self.runs: dict[str, Run] = {}
        shots: list[Space] = []

        def shoot(session: Session) -> None:
            shots.append(snapshot(session.process).window(*_WINDOW))

        for name in self.chosen:
            self.runs[name] = done = run(name, call, point, shoot)
            self.rows[name] = _row(name, call, point, sites[name], done)
        self.sites, self.before = sites, shots[0]
        self.picture = SpacePicture(f"{call_text(call.script[-1])}: the call", self._strips())

    def _limit(self, most: int) -> None:
        """No point beyond the last one; the slider moves back if it stood there."""
        busy, self._busy = self._busy, True
        try:
            self.fields["failure"].max = most
        finally:
            self._busy = busy

    def _strips(self) -> list[Strip]:
        """Before, and after in each generation; with two, what the second has otherwise is marked."""
        after = {name: snapshot(done.session.process).window(*_WINDOW) for name, done in self.runs.items()}
        first, *others = after
        old, new = changes(self.before, after[first]) if not others else ({}, {})
        strips = [Strip("before the call", self.before, old), Strip(f"after the call, {first}", after[first], new)]
        for other in others:
            marks = differing(after[first], after[other])
            strips.append(Strip(f"after the call, {other}", after[other], marks, True))
        return strips

    def report(self) -> list[str]:
        """The call; for each generation the failure, the answer, what was undone and forgotten, and the last events."""
        call = CALLS[self.fields["call"].value]
        head = f"{call.name}: {call.about}; failure {self._number('failure')} of {self.fields['failure'].max}"
        return [head, *(line for name in self.chosen for line in self._said(name, call))]

    def _said(self, name: str, call: Call) -> list[str]:
        row, done = self.rows[name], self.runs[name]
        answer = shown(done.answer)
        if row is None:
            count, point = len(self.sites[name]), self._number("failure")
            why = "nothing fails" if not point else f"nothing fails, this call has only {count} points here"
            lines = [f"{name}: {why}; answer {answer}"]
        else:
            word = "refused" if row.refused else "accepted all the same"
            lines = [
                f"{name}: what fails is {SITE_WORDS[row.site]} ({row.site}, visit {row.nth}); answer {answer}, {word}",
                f"{name}, undone: {'; '.join(ASPECTS[key][0] for key in row.undone) or '-'}",
                f"{name}, forgotten: {row.left}",
            ]
        broken = f"; broken: {', '.join(done.broken)}" if done.broken else ""
        events = [event[0] for event in done.events]
        told = " > ".join((["..."] if len(events) > SHOWN_EVENTS else []) + events[-SHOWN_EVENTS:]) or "none"
        return [*lines, f"{name}, events: {told}{broken}; {_promise(done)}"]


def _row(generation: str, call: Call, point: int, sites: tuple[str, ...], done: Run) -> Row | None:
    if not 0 < point <= len(sites):
        return None
    site = sites[point - 1]
    return row_of(generation, call, point, site, sites[:point].count(site), done)


def _promise(done: Run) -> str:
    """What the machine has promised, and how much of it is mapped."""
    committed, excess = done.session.process.machine.committed, done.after["charge"]
    return f"promised {committed} pages, the tree holds {committed - excess} of them"
