"""Known findings: one file for each cause that a search has found and somebody has understood.

`findings/*.toml`, a cause each, in words and with a script that shows it; `outcome()` is what the script comes to, and
what the file must state for every generation. A script is written as a report prints it: an address is an integer or
pages above the start of the heap.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
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
    that it can be behind. `repair` takes lines of the code of `new` to other ones, with which it no longer shows.
    `measure` is what the outcome counts beside the VMAs, where a price is all that is different.
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
    repair: list[tuple[str, str]]
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
        pairs = {name: [(one, two) for one, two in data.pop(name, [])] for name in ("covers", "repair")}
        found = Known(id=path.stem, script=script, **pairs, **data)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path}: {error}") from None
    if found.world not in WORLDS or not {found.old, found.new, *found.generations} <= set(GENERATIONS):
        raise ValueError(f"{path}: a world or generation that there is not")
    return found


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

    One for which `new` has a repair is behind it if the repair takes it away; of the others only one whose calls are
    all made, and that no second can be taken for.
    """
    able = [each for each in known() if new in each.generations and _can_be(each, finding)]
    tried = [each for each in able if each.new == new and each.repair]
    if tried:
        return [each for each in tried if not _still(finding, each, old)]
    calls = {op for op, _ in finding.script}
    able = [each for each in able if {op for op, _ in each.script} <= calls]
    return able if len(able) == 1 else []


def _can_be(each: Known, finding: Finding) -> bool:
    """The same call and kind of difference; of a price, what is counted; an odd kernel only where there is one."""
    counted = finding.family != "cost" or (each.measure or "VMAs") in finding.side
    placed = ordinary(each.world) or not ordinary(finding.world)
    return (finding.kind, finding.family) in each.covers and counted and placed


def _still(finding: Finding, each: Known, old: str) -> bool:
    """Whether a finding is seen with the repair of another."""
    looked = costs_of if finding.family == "cost" else clusters_of
    with mended(each) as name:
        shown = [found.key for found in looked(finding.world, finding.script, old, name) if found.ops == finding.script]
    return any(key[:3] == (finding.kind, finding.family, finding.side) for key in shown)


@contextmanager
def mended(finding: Known) -> Iterator[str]:
    """The name of a generation that is `new` with the repair, as long as the block lasts."""
    name = f"{finding.new} mended"
    module = ModuleType(f"mmsim.brk.{name}")
    module.__package__, module.__file__ = "mmsim.brk", name
    exec(compile(_repaired(finding), name, "exec"), module.__dict__)
    GENERATIONS[name] = module
    try:
        yield name
    finally:
        del GENERATIONS[name]


def _repaired(finding: Known) -> str:
    """The source of `new` with the repair; raises ValueError when a line to repair is not there once."""
    source = Path(GENERATIONS[finding.new].__file__ or "").read_text(encoding="utf-8")
    for old, new in finding.repair:
        if source.count(old) != 1:
            raise ValueError(f"{finding.id}: {old!r} occurs {source.count(old)} times, expected once")
        source = source.replace(old, new)
    return source
