"""One search from start to end: budget, progress, interruption, going on where it stopped."""

from __future__ import annotations

import json
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from .finding import Finding, described
from .search import Cluster, Key, Outcome, exhaustive, gather, random_batches, run_batch

__all__ = ["Plan", "Result", "explore", "workers"]


class Plan(NamedTuple):
    """What to search: `batches` of random scripts (None: until `seconds` are over), and all up to `depth` letters."""

    old: str
    new: str
    seed: int = 0
    batches: int | None = None
    seconds: float = 30.0
    depth: int = 2
    faults: bool = False

    @property
    def about(self) -> dict[str, Any]:
        """What must be the same for one search to go on with the other's journal."""
        return {name: getattr(self, name) for name in ("old", "new", "seed", "faults", "depth")}


class Result(NamedTuple):
    """What was found, in how many scripts and ops; `complete` unless interrupted."""

    plan: Plan
    findings: list[Finding]
    scripts: int
    ops: int
    seconds: float
    complete: bool

    @property
    def about(self) -> dict[str, Any]:
        """The head of a findings.json: nothing in it depends on the clock."""
        return {**self.plan.about, "scripts": self.scripts, "complete": self.complete}


def _ignore_interrupts() -> None:
    """A Ctrl-C is for the one who hands out the work."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def workers(jobs: int, dask: str | None = None, begin: Callable[[], None] = _ignore_interrupts) -> Iterator[Executor]:
    """Processes on this machine, or the workers of a Dask cluster at an address; after an interruption nobody waits.

    `begin` is called once in each process.

    Raises ImportError without `mmsim[cluster]`, OSError for a cluster that does not answer.
    """
    if dask is not None:
        with _dask(dask) as executor:
            yield executor
        return
    executor = ProcessPoolExecutor(jobs, initializer=begin)
    try:
        yield executor
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


@contextmanager
def _dask(address: str) -> Iterator[Executor]:
    try:
        from distributed import Client
    except ImportError:
        raise ImportError("--dask needs the package distributed: pip install 'mmsim[cluster]'") from None
    with Client(address, timeout=10) as client:
        yield client.get_executor()


def explore(
    plan: Plan, executor: Executor, jobs: int = 1, journal: Path | None = None, bar: TextIO | None = None
) -> Result:
    """Search, with any executor. Ctrl-C ends it early and keeps what there is.

    Each finished piece goes into `journal`; a search with the same plan goes on behind what it finds there. Raises
    ValueError for a journal of another search.
    """
    began = time.monotonic()
    search = _Search(plan, journal, bar, began)
    complete = True
    try:
        search.random(executor, jobs)
        search.every_short_one(executor)
    except KeyboardInterrupt:
        complete = False
    finally:
        search.close()
    outcomes = search.outcomes
    findings = [described(cluster, plan.old, plan.new) for cluster in gather(outcomes, plan.old, plan.new, executor)]
    scripts, ops = (sum(getattr(each, name) for each in outcomes) for name in ("scripts", "ops"))
    return Result(plan, _one_a_cause(findings), scripts, ops, time.monotonic() - began, complete)


def _one_a_cause(findings: list[Finding]) -> list[Finding]:
    """Findings with one id are one."""
    return list({each.id: each for each in reversed(findings)}.values())[::-1]


class _Search:
    """Outcomes as they come, and where they are kept."""

    def __init__(self, plan: Plan, journal: Path | None, bar: TextIO | None, began: float) -> None:
        self.plan = plan
        self.bar = bar
        self.began = began
        if journal is not None:
            _drop_cut_line(journal)
        self.outcomes = _read(journal, plan) if journal is not None and journal.exists() else []
        self.done = len(self.outcomes)
        self.journal = self._opened(journal) if journal is not None else None
        self.found: set[Key] = {cluster.key for outcome in self.outcomes for cluster in outcome.clusters}

    def _opened(self, journal: Path) -> TextIO:
        fresh = not journal.exists()
        file = journal.open("a", encoding="utf-8")
        if fresh:
            file.write(json.dumps(self.plan.about) + "\n")
        return file

    def random(self, executor: Executor, jobs: int) -> None:
        """Random batches, a few ahead of what is done, taken up in their order."""
        plan, waiting = self.plan, deque[Future[Outcome]]()
        batches = random_batches(plan.old, plan.new, plan.seed, plan.faults, first=self.done)
        for batch in batches:
            over = batch.number >= plan.batches if plan.batches is not None else self._late()
            if over:
                break
            waiting.append(executor.submit(run_batch, batch))
            while len(waiting) > 2 * jobs:
                self._take(waiting.popleft().result(), keep=True)
        while waiting:
            self._take(waiting.popleft().result(), keep=True)

    def _late(self) -> bool:
        return time.monotonic() - self.began > self.plan.seconds

    def every_short_one(self, executor: Executor) -> None:
        """The exhaustive part, which is quick enough to be done again by a search that goes on."""
        exhaustive(self.plan.old, self.plan.new, self.plan.depth, executor, self._take)

    def _take(self, outcome: Outcome, keep: bool = False) -> None:
        self.outcomes.append(outcome)
        self.found |= {cluster.key for cluster in outcome.clusters}
        if keep and self.journal is not None:
            self.journal.write(json.dumps(outcome, default=sorted) + "\n")
            self.journal.flush()
        if self.bar is not None:
            scripts, spent = sum(each.scripts for each in self.outcomes), time.monotonic() - self.began
            self.bar.write(f"\r{scripts:,} scripts, {scripts / spent:,.0f} a second, {len(self.found)} ways to part ")
            self.bar.flush()

    def close(self) -> None:
        """End the line of the progress, and the journal."""
        if self.bar is not None:
            self.bar.write("\n")
        if self.journal is not None:
            self.journal.close()


def _drop_cut_line(journal: Path) -> None:
    """What a crash left of a last line goes, so that the next one does not follow it; of nothing, nothing stays."""
    if journal.exists():
        text = journal.read_bytes()
        whole = text[: text.rfind(b"\n") + 1]
        if whole:
            journal.write_bytes(whole)
        else:
            journal.unlink()


def _read(journal: Path, plan: Plan) -> list[Outcome]:
    """What a journal holds."""
    lines = journal.read_text(encoding="utf-8").splitlines()
    try:
        about = json.loads(lines[0])
    except ValueError:
        about = None
    if about != plan.about:
        raise ValueError(f"{journal}: is of another search ({about}), expected {plan.about}: move it away")
    return [_outcome(json.loads(line)) for line in lines[1:]]


def _outcome(row: list[Any]) -> Outcome:
    scripts, ops, clusters = row
    return Outcome(scripts, ops, [_cluster(*each) for each in clusters])


def _cluster(key: list[Any], world: str, ops: list[Any], invariants: list[str], count: int) -> Cluster:
    kind, family, side, lines = key
    return Cluster(
        Key(kind, family, side, tuple(lines)), world, [(op, arg) for op, arg in ops], frozenset(invariants), count
    )
