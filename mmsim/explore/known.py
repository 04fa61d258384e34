"""Known findings: one file for each cause that a search has found and somebody has understood.

`findings/*.toml`, a cause each, in words and with a script that shows it; `outcome()` is what the script comes to, and
what the file must state for every generation. A script is written as a report prints it: an address is an integer or
pages above the start of the heap.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import combinations
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from mmsim.brk import GENERATIONS
from mmsim.mm.units import PAGE
from mmsim.trace.syscall_trace import Session

from .alphabet import Op
from .finding import Finding
from .price import cost
from .search import clusters_of, costs_of
from .words import shown
from .world import START, WORLDS, ordinary

__all__ = ["Known", "behind", "known", "mended", "outcome"]

FOLDER = Path(__file__).with_name("findings")


class Known(NamedTuple):
    """One cause. `invariants` are those it breaks by itself; `outcome` also names what else the script breaks.

    `generations` are those in which it shows, beside `old`. `covers` are kinds and families of automatic findings
    that it can be behind. `repair` takes, by generation, lines of its code to other ones, with which it no longer
    shows there; what is not in a generation's module has none. `measure` is what the outcome counts beside the VMAs,
    where a price is all that is different.
    """

    id: str
    title: str
    old: str
    new: str
    world: str
    script: list[Op]
    function: str
    explanation: str
    verdict: str
    invariants: list[str]
    reach: str
    concern: str
    generations: list[str]
    outcome: dict[str, str]
    covers: list[tuple[str, str]]
    repair: dict[str, list[tuple[str, str]]]
    measure: str = ""


@lru_cache(maxsize=1)
def known() -> tuple[Known, ...]:
    """All of them by id; raises ValueError in one line for a file that cannot be used.

    >>> "cut-without-flags" in [each.id for each in known()]
    True
    """
    return tuple(_read(path) for path in sorted(FOLDER.glob("*.toml")))


def _read(path: Path) -> Known:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        script = [(op, _argument(arg)) for op, arg in data.pop("script")]
        covers = _pairs(data.pop("covers"))
        repair = {name: _pairs(lines) for name, lines in data.pop("repair", {}).items()}
        found = Known(id=path.stem, script=script, covers=covers, repair=repair, **data)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path}: {error}") from None
    if found.world not in WORLDS or not {found.old, found.new, *found.generations, *repair} <= set(GENERATIONS):
        raise ValueError(f"{path}: a world or generation that there is not")
    return found


def _pairs(rows: list[list[str]]) -> list[tuple[str, str]]:
    return [(one, two) for one, two in rows]


def _argument(arg: Any) -> Any:
    """An argument of an op, addresses as numbers.

    >>> _argument(["heap+1", 4096]) == [START + PAGE, 4096], _argument("heap-1+1 B") == START - PAGE + 1
    (True, True)
    """
    if isinstance(arg, list):
        return [_argument(each) for each in arg]
    place = re.fullmatch(r"heap([+-]\d+)?(?:\+(\d+) B)?", arg) if isinstance(arg, str) else None
    return arg if place is None else START + int(place[1] or 0) * PAGE + int(place[2] or 0)


def outcome(world: str, script: list[Op], generation: str, measure: str = "") -> str:
    """What the last op of a script answers, how many VMAs there are then, its price, and what is broken.

    >>> outcome("bare", [("brk", START + PAGE)], "v4")
    'heap+1; 2 VMAs'
    """
    session = Session(WORLDS[world], generation)
    for op, arg in script[:-1]:
        session.do(op, arg)
    ret, broken = session.judged(*script[-1])
    ids = dict.fromkeys(each.id for each in broken)
    price = f"{cost(world, script, generation)[measure]} {measure}" if measure else ""
    told = shown(ret), f"{len(list(session.process.mm.vmas()))} VMAs", price, " ".join(ids)
    return "; ".join(filter(None, told))


def behind(finding: Finding, old: str, new: str) -> list[Known]:
    """The known findings that are behind an automatic one, by running it.

    One for which `new` has a repair is behind it if the repair takes it away; if no single one does, two whose
    repairs do it together. Of those without a repair only one whose calls are all made, and that no second can be
    taken for.
    """
    able = [each for each in known() if new in each.generations and _can_be(each, finding, new)]
    tried = [each for each in able if new in each.repair]
    for size in (1, 2):
        groups = [group for group in combinations(tried, size) if not _still(finding, group, old, new)]
        if groups:
            return [each for each in tried if any(each in group for group in groups)]
    calls = {op for op, _ in finding.script}
    able = [each for each in able if each not in tried and {op for op, _ in each.script} <= calls]
    return able if len(able) == 1 else []


def _can_be(each: Known, finding: Finding, new: str) -> bool:
    """The same call and kind of difference; an odd kernel only where there is one; of a price, what is counted.

    Which prices a repair changes, its trial tells.
    """
    counted = finding.family != "cost" or new in each.repair or (each.measure or "VMAs") in finding.side
    placed = ordinary(each.world) or not ordinary(finding.world)
    return (finding.kind, finding.family) in each.covers and counted and placed


def _still(finding: Finding, causes: Iterable[Known], old: str, new: str) -> bool:
    """Whether a finding is seen with the repairs of others; repairs of the same lines do not go together."""
    looked = costs_of if finding.family == "cost" else clusters_of
    try:
        with mended(*causes, generation=new) as name:
            found = looked(finding.world, finding.script, old, name)
            shown = [each.key for each in found if each.ops == finding.script]
    except ValueError:
        return True
    return any(key[:3] == (finding.kind, finding.family, finding.side) for key in shown)


@contextmanager
def mended(*causes: Known, generation: str = "") -> Iterator[str]:
    """The name of a generation with the repairs of known findings, as long as the block lasts.

    Of which generation: the `new` of the first, unless one is named. Raises ValueError when a line to repair is not
    there once.
    """
    generation = generation or causes[0].new
    name = f"{generation} mended"
    module = ModuleType(f"mmsim.brk.{name}")
    module.__package__, module.__file__ = "mmsim.brk", name
    exec(compile(_repaired(causes, generation), name, "exec"), module.__dict__)
    GENERATIONS[name] = module
    try:
        yield name
    finally:
        del GENERATIONS[name]


def _repaired(causes: Iterable[Known], generation: str) -> str:
    """The source of a generation with all repairs."""
    source = Path(GENERATIONS[generation].__file__ or "").read_text(encoding="utf-8")
    for cause in causes:
        for old, new in cause.repair[generation]:
            if source.count(old) != 1:
                raise ValueError(f"{cause.id}: {old!r} occurs {source.count(old)} times, expected once")
            source = source.replace(old, new)
    return source
