"""A finding: one cause for which two generations part, told so that it can be checked by hand.

`findings.json` is described by `findings.schema.json` beside this module; `validate()` holds a file against it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from mmsim.brk import GENERATIONS
from mmsim.trace.syscall_trace import Session

from .alphabet import Op, reach
from .cause import function_of, lines_of, text_of
from .concern import concern_of
from .play import FAMILIES, Symptom, examine
from .price import cost
from .search import Cluster
from .world import WORLDS, ordinary

__all__ = ["FORMAT", "Finding", "Side", "described", "dump", "load", "validate"]

FORMAT = "mmsim-findings/1"
SCHEMA = Path(__file__).with_name("findings.schema.json")


class Side(NamedTuple):
    """What the last op of the script came to in one generation; `like` says whose mappings these are as well."""

    generation: str
    ret: int
    brk: int
    maps: list[list[Any]]
    counters: dict[str, int]
    broken: list[str]
    like: str


class Finding(NamedTuple):
    """One cause, with its shortest script."""

    id: str
    kind: str
    family: str
    side: str
    concern: str
    world: str
    script: list[Op]
    invariants: list[str]
    symptoms: list[Symptom]
    function: str
    lines: list[str]
    reach: str
    count: int
    cost: list[dict[str, int]]
    sides: list[Side]
    kernel: dict[str, Any] | None = None
    """What the running kernel makes of the script, if it was asked (`mmsim.explore.ask`)."""

    @property
    def title(self) -> str:
        """One line."""
        broken = f" ({', '.join(self.invariants)})" if self.invariants else ""
        more = f": {self.side}" if self.family == "cost" else ""
        return f"{self.kind}: {FAMILIES[self.family]}{broken}{more}"


def described(cluster: Cluster, old: str, new: str) -> Finding:
    """All there is to say of a cluster; runs its script in every generation."""
    key, world, ops = cluster.key, cluster.world, cluster.ops
    ran = lines_of(world, ops, old, new)
    symptoms = [
        symptom
        for parting in examine(world, ops, old, new)
        if parting.step == len(ops) - 1
        for symptom in parting.of(key.family)
    ]
    special = _special(world, ops, old, new)
    text = text_of(new, special)
    return Finding(
        _id(old, new, key.kind, key.family, key.side, text_of(new, sorted(ran))),
        key.kind,
        key.family,
        key.side,
        concern_of(key.kind, key.family, key.side, world, ops, old, new),
        world,
        ops,
        sorted(cluster.invariants, key=lambda each: int(each[1:])),
        symptoms,
        function_of(new, special),
        text,
        reach(ops, ordinary(world)),
        cluster.count,
        [cost(world, ops, generation) for generation in (old, new)],
        _sides(world, ops, old, new),
    )


def _special(world: str, ops: list[Op], old: str, new: str) -> list[int]:
    """The lines the last op ran, and the first growth of an untouched heap does not: the way that only it takes."""
    ran = lines_of(world, ops, old, new)
    plain = lines_of("bare", [("brk", WORLDS["bare"]["start_brk"] + 4096)], old, new)
    return sorted(ran - plain) or sorted(ran)


def _id(old: str, new: str, kind: str, family: str, side: str, lines: list[str]) -> str:
    """Stays the same as long as the way through the code reads the same, wherever it stands in its file."""
    way = "\n".join(line.partition(": ")[2] for line in lines)
    mark = sha256(f"{side}\n{way}".encode()).hexdigest()[:6]
    return "-".join([old, new, kind.replace(" ", "-").replace("_", "-"), family, mark])


def _sides(world: str, ops: list[Op], old: str, new: str) -> list[Side]:
    """Every generation, the two that were compared first."""
    order = [old, new, *(name for name in GENERATIONS if name not in (old, new))]
    found: list[Side] = []
    for generation in order:
        session = Session(WORLDS[world], generation)
        for op, arg in ops[:-1]:
            session.do(op, arg)
        ret, broken = session.judged(*ops[-1])
        shown = session.maps()
        like = next((each.generation for each in found if (each.ret, each.maps) == (ret, shown)), "")
        ids = list(dict.fromkeys(each.id for each in broken))
        found.append(Side(generation, ret, session.process.mm.brk, shown, session.counters(), ids, like))
    return found


# -- files


def dump(findings: Iterable[Finding], about: dict[str, Any]) -> str:
    """The text of a findings.json; the same for the same findings."""
    listed = [_as_json(each) for each in findings]
    return json.dumps({"format": FORMAT, **about, "findings": listed}, indent=1) + "\n"


def _as_json(finding: Finding) -> dict[str, Any]:
    plain = finding._asdict()
    plain["symptoms"] = [each._asdict() for each in finding.symptoms]
    plain["sides"] = [each._asdict() for each in finding.sides]
    plain["title"] = finding.title
    return plain


def load(path: str | Path) -> tuple[dict[str, Any], list[Finding]]:
    """What a findings.json says of the run, and its findings; raises ValueError in one line."""
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: cannot be read: {error}") from None
    validate(data, str(path))
    return {name: value for name, value in data.items() if name != "findings"}, [
        Finding(
            **{
                **{name: value for name, value in each.items() if name != "title"},
                "script": [(op, arg) for op, arg in each["script"]],
                "symptoms": [Symptom(**symptom) for symptom in each["symptoms"]],
                "sides": [Side(**side) for side in each["sides"]],
            }
        )
        for each in data["findings"]
    ]


def validate(data: Any, source: str = "findings") -> None:
    """Hold a file's content against the schema; raises ValueError that says where it does not fit."""
    import jsonschema

    error = next(jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text())).iter_errors(data), None)
    if error is not None:
        where = "/".join(map(str, error.absolute_path)) or "the file"
        raise ValueError(f"{source}: {where}: {error.message[:200]}")
