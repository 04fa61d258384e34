"""Two searches for scripts in which two generations part: random ones, and every short one.

Work is cut into batches, which are pure functions of a few numbers. Any `concurrent.futures.Executor` runs them; what
they find is put together in the order of the batches, so the result does not depend on who was first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from hashlib import sha256
from random import Random
from typing import Any, NamedTuple

from .alphabet import FAULTY, LETTERS, ORDINARY, Op, reach, script
from .cause import functions_of, lines_of
from .pair import start
from .play import Parting, examine, glance, parted
from .price import MEASURES, cost
from .shrink import plainness, shrink
from .state import state_key
from .world import WORLDS, ordinary

__all__ = ["Batch", "Cluster", "Key", "Outcome", "exhaustive", "gather", "random_batches", "run_batch"]

LENGTH = 10
SIZE = 500
"""Scripts in a batch: some half a second of work."""


class Key(NamedTuple):
    """What makes two parting scripts the same finding: the call, what is different, and the way through the code."""

    kind: str
    family: str
    side: str
    lines: tuple[int, ...]


class Cluster(NamedTuple):
    """A key with its shortest script so far, the invariants broken in any, and how many scripts showed it."""

    key: Key
    world: str
    ops: list[Op]
    invariants: frozenset[str]
    count: int

    def joined(self, other: Cluster) -> Cluster:
        """Both as one."""
        best = min(self, other, key=_order)
        return best._replace(invariants=self.invariants | other.invariants, count=self.count + other.count)


class Batch(NamedTuple):
    """One piece of the random search."""

    old: str
    new: str
    seed: int
    number: int
    faults: bool


class Outcome(NamedTuple):
    """What a batch came to."""

    scripts: int
    ops: int
    clusters: list[Cluster]


def random_batches(old: str, new: str, seed: int, faults: bool, first: int = 0) -> Iterator[Batch]:
    """Batches without end; with `faults` every second one plans failures."""
    number = first
    while True:
        yield Batch(old, new, seed, number, faults and number % 2 == 1)
        number += 1


def run_batch(batch: Batch) -> Outcome:
    """Run the scripts of a batch; what parts, clustered."""
    found: list[Cluster] = []
    names, ops_run = list(WORLDS), 0
    for at in range(SIZE):
        random = Random(f"{batch.seed} {batch.number} {at}")
        world, ops = random.choice(names), script(random, LENGTH, batch.faults)
        ops_run += len(ops)
        last = -1 if batch.faults else _last_call(ops)
        prices = glance(world, ops, batch.old, batch.new, last)
        if prices is None:
            found += clusters_of(world, ops, batch.old, batch.new)
        elif prices:
            found += _dearer(world, ops[: last + 1], *prices)
    return Outcome(SIZE, ops_run, _by_key(found))


def clusters_of(world: str, ops: list[Op], old: str, new: str) -> Iterator[Cluster]:
    """What a parting script shows: one cluster for each kind of difference at each op."""
    for parting in examine(world, ops, old, new):
        prefix = ops[: parting.step + 1]
        lines = tuple(sorted(lines_of(world, prefix, old, new)))
        for family in sorted(parting.families):
            symptoms = parting.of(family)
            invariants = frozenset(each.invariant for each in symptoms if each.invariant)
            yield Cluster(Key(parting.kind, family, _side(parting, family), lines), world, prefix, invariants, 1)


def _side(parting: Parting, family: str) -> str:
    """Who is wrong: "new", "old", or "" when the two are only different."""
    sides = {each.side for each in parting.of(family)} - {""}
    return "new" if "new" in sides else "old" if sides else ""


def costs_of(world: str, ops: list[Op], old: str, new: str) -> Iterator[Cluster]:
    """What the last call of brk() or of the loader costs on one side and not on the other."""
    prefix = ops[: _last_call(ops) + 1]
    if prefix:
        yield from _dearer(world, prefix, cost(world, prefix, old), cost(world, prefix, new))


def _last_call(ops: list[Op]) -> int:
    """Where the last call of the code under test is, or -1."""
    return max((at for at, (op, _) in enumerate(ops) if op in FAULTY), default=-1)


def _dearer(world: str, ops: list[Op], one: dict[str, int], two: dict[str, int]) -> Iterator[Cluster]:
    """The measures by which the last op of `ops` has two prices."""
    for name in MEASURES:
        if one[name] != two[name]:
            more = "more" if two[name] > one[name] else "fewer"
            yield Cluster(Key(ops[-1][0], "cost", f"{more} {name}", ()), world, ops, frozenset(), 1)


def shrunk(cluster: Cluster, old: str, new: str) -> Cluster:
    """With the shortest script, in the plainest world, that still shows the same kind of difference at its last op.

    A script that calls other functions of the new code shows another thing, however alike it looks.
    """
    way = set(functions_of(new, cluster.key.lines))

    def seen(world: str, ops: list[Op]) -> Key | None:
        shown = _looked(cluster.key.family, world, ops, old, new)
        same = (each.key for each in shown if each.key[:3] == cluster.key[:3])
        return next((key for key in same if set(functions_of(new, key.lines)) <= way), None)

    ops = shrink(cluster.ops, lambda ops: seen(cluster.world, ops) is not None)
    world = next(world for world in (*WORLDS, cluster.world) if seen(world, ops) or world == cluster.world)
    ops = shrink(ops, lambda ops: seen(world, ops) is not None)
    return cluster._replace(world=world, ops=ops, key=seen(world, ops) or cluster.key)


def _looked(family: str, world: str, ops: list[Op], old: str, new: str) -> Iterable[Cluster]:
    """What a candidate shows, at its last op."""
    find = costs_of if family == "cost" else clusters_of
    return (each for each in find(world, ops, old, new) if len(each.ops) == len(ops))


def gather(outcomes: Iterable[Outcome], old: str, new: str, executor: Executor) -> list[Cluster]:
    """All clusters of many batches, shrunk, those of one cause as one, in a fixed order.

    Of one cause are those with one kind of difference at one kind of call whose way through the code is the same, or
    holds all lines of the other's: the longer one only passes by something else as well.
    """
    found = _by_key(each for outcome in outcomes for each in outcome.clusters)
    futures = [executor.submit(shrunk, each, old, new) for each in found]
    found = _by_key(future.result() for future in futures)
    kept: list[Cluster] = []
    for each in found:
        for at, other in enumerate(kept):
            if other.key[:3] == each.key[:3] and set(other.key.lines) <= set(each.key.lines):
                kept[at] = other.joined(each)
                break
        else:
            kept.append(each)
    return sorted(kept, key=_order)


def _by_key(clusters: Iterable[Cluster]) -> list[Cluster]:
    """Those with one key as one."""
    found: dict[Key, Cluster] = {}
    for each in clusters:
        found[each.key] = found[each.key].joined(each) if each.key in found else each
    return sorted(found.values(), key=_order)


def _order(cluster: Cluster) -> tuple[Any, ...]:
    """Costs last; first what an ordinary program can do, and the shortest script."""
    extraordinary = reach(cluster.ops, ordinary(cluster.world)) != ORDINARY
    world = list(WORLDS).index(cluster.world)
    return cluster.key.family == "cost", extraordinary, plainness(cluster.ops), world, cluster.key


class Extension(NamedTuple):
    """One piece of the exhaustive search: scripts to which every letter is added."""

    old: str
    new: str
    world: str
    scripts: list[list[Op]]


class Extended(NamedTuple):
    """Longer scripts that do not part, with the key of the state they lead to; and what parted."""

    outcome: Outcome
    states: list[tuple[str, list[Op]]]


def extend(piece: Extension) -> Extended:
    """Add every letter to every script."""
    found: list[Cluster] = []
    states = []
    for before in piece.scripts:
        for letter in LETTERS:
            ops = [*before, letter]
            if parted(piece.world, ops, piece.old, piece.new):
                found += clusters_of(piece.world, ops, piece.old, piece.new)
            else:
                states.append((_state(piece, ops), ops))
    count = len(piece.scripts) * len(LETTERS)
    return Extended(Outcome(count, sum(len(ops) for _, ops in states), _by_key(found)), states)


def _state(piece: Extension, ops: list[Op]) -> str:
    pair = start(piece.world, piece.old, piece.new)
    for op, arg in ops:
        for session in pair:
            session.do(op, arg)
    return sha256(repr([state_key(session) for session in pair]).encode()).hexdigest()[:24]


def exhaustive(
    old: str,
    new: str,
    depth: int,
    executor: Executor,
    told: Callable[[Outcome], Any] = lambda outcome: None,
    worlds: Iterable[str] = WORLDS,
) -> list[Outcome]:
    """Every script of up to `depth` letters in each world, states reached twice followed once.

    Only where the two have not parted before: what follows a difference may follow from it.
    """
    outcomes = []
    for world in worlds:
        frontier: list[list[Op]] = [[]]
        seen: set[str] = set()
        for _ in range(depth):
            pieces = [frontier[at : at + 50] for at in range(0, len(frontier), 50)]
            futures: list[Future[Extended]] = [
                executor.submit(extend, Extension(old, new, world, piece)) for piece in pieces
            ]
            frontier = []
            for future in futures:
                extended = future.result()
                told(extended.outcome)
                outcomes.append(extended.outcome)
                for key, ops in extended.states:
                    if key not in seen:
                        seen.add(key)
                        frontier.append(ops)
    return outcomes
