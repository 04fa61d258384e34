"""Grading a class: through any executor, with progress, to be interrupted or killed, and resumed."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field

from mmsim.explore import workers

from ..sandbox.inside.confine import set_death_signal
from .book import due_of, write_book, write_table
from .handed import Handed, Submission
from .marking import Result, Settings, failed, graded, key_of
from .page import class_page, learner_page
from .results import Results, file_name, write

__all__ = ["Done", "executor", "grade_class", "publish"]

Say = Callable[[str], None]
_AHEAD = 2
"""Submissions read and waiting for each that is worked on: enough to keep all busy, few enough to hold in memory."""


@dataclass
class Done:
    """What a run did: names of those graded, of those whose result was kept from before, and of those with problems.

    `misnamed` are those whose notebooks were filled in under another name, or under none.
    `lost` are those that could not be graded for a fault that is not theirs, by name with the reason: no result of
    theirs was written.
    """

    graded: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    with_problems: list[str] = field(default_factory=list)
    misnamed: list[str] = field(default_factory=list)
    lost: dict[str, str] = field(default_factory=dict)
    complete: bool = True
    seconds: float = 0.0

    def note(self, result: Result) -> None:
        """Keep in mind what a result needs to have looked at."""
        if result["problems"]:
            self.with_problems.append(result["learner"])
        if any(found["notes"] for found in result["chapters"].values()):
            self.misnamed.append(result["learner"])


@contextmanager
def executor(jobs: int, dask: str | None = None) -> Iterator[Executor]:
    """Processes on this machine, which end with this one, or the workers of a Dask cluster at an address."""
    with workers(jobs, dask, begin=_begin) as found:
        yield found


def _begin() -> None:
    """A worker leaves Ctrl-C to who hands out the work, and does not outlive it, however that ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        set_death_signal(signal.SIGKILL)


def grade_class(
    handed: Sequence[Handed],
    results: Results,
    settings: Settings,
    pool: Executor,
    jobs: int = 1,
    resume: bool = False,
    say: Say = lambda line: None,
) -> Done:
    """Grade everyone and keep each result as it comes. Ctrl-C ends it early; nothing that was kept is lost.

    With `resume` a submission whose result is there already, from the same files, code and settings, is not run again.
    """
    run = _Run(results, settings, len(handed), say)
    began = time.monotonic()
    try:
        run.all(_to_do(handed, results, settings, resume, run.done), pool, max(1, jobs))
    except KeyboardInterrupt:
        run.done.complete = False
    run.done.seconds = time.monotonic() - began
    return run.done


def publish(results: Results, strays: Iterable[str] = ()) -> None:
    """Make the gradebook, the table and the pages from the results that are there."""
    found = list(results.all())
    write_book(found, results.folder / "gradebook.sqlite")
    write_table(found, results.folder / "grades.csv")
    due = due_of(found)
    for result in found:
        write(results.folder / "feedback" / f"{file_name(result['learner'])}.html", learner_page(result, due))
    write(results.folder / "class.html", class_page(found, strays))


def _to_do(
    handed: Iterable[Handed], results: Results, settings: Settings, resume: bool, done: Done
) -> Iterator[Submission]:
    """The submissions that need to be graded, each read when its turn comes."""
    for one in handed:
        submission = one.read()
        old = results.load(one.learner) if resume else None
        if old is not None and old.get("key") == key_of(submission, settings):
            done.kept.append(one.learner)
            done.note(old)
        else:
            yield submission


class _Run:
    """Submissions on their way through an executor."""

    def __init__(self, results: Results, settings: Settings, total: int, say: Say) -> None:
        self.results, self.settings, self.total, self.say = results, settings, total, say
        self.done = Done()

    def all(self, submissions: Iterator[Submission], pool: Executor, jobs: int) -> None:
        """Keep the pool busy; if its processes die, find out on whose submission, one by one."""
        waiting: dict[Future[Result], Submission] = {}
        is_broken = False
        for submission in submissions:
            suspects: list[Submission] = []
            try:
                if is_broken:
                    raise BrokenExecutor
                waiting[pool.submit(graded, submission, self.settings)] = submission
            except BrokenExecutor:
                suspects.append(submission)
            if suspects or len(waiting) >= jobs * _AHEAD:
                suspects += self._take(waiting, None if suspects else FIRST_COMPLETED)
            is_broken = is_broken or bool(suspects)
            for suspect in suspects:
                self._alone(suspect)
        for suspect in self._take(waiting, None):
            self._alone(suspect)

    def _take(self, waiting: dict[Future[Result], Submission], when: str | None) -> list[Submission]:
        """Keep what is finished (or, without `when`, wait for all); those whose process died are given back."""
        finished = wait(waiting, return_when=when).done if when else wait(waiting).done
        dead = []
        for future in finished:
            submission = waiting.pop(future)
            try:
                self._keep(future.result())
            except BrokenExecutor:
                dead.append(submission)
            except Exception as error:  # the cluster's, or a fault of ours: not the learner's, so no mark
                self._lose(submission, f"{type(error).__name__}: {error}")
        return dead

    def _alone(self, submission: Submission) -> None:
        """Grade one submission in a process of its own, which it may have killed: then it earns nothing."""
        with ProcessPoolExecutor(1, initializer=_begin) as pool:
            try:
                self._keep(pool.submit(graded, submission, self.settings).result())
            except BrokenExecutor:
                self._keep(failed(submission, "the process that read this submission died; nothing in it was marked"))
            except Exception as error:
                self._lose(submission, f"{type(error).__name__}: {error}")

    def _keep(self, result: Result) -> None:
        self.results.save(result)
        name = result["learner"]
        self.done.graded.append(name)
        self.done.note(result)
        told = f", {result['problems'][0]}" if result["problems"] else ""
        self._progress(f"{name}: {result['points']:g} of {result['full']:g} points, {result['seconds']:.1f} s{told}")

    def _lose(self, submission: Submission, why: str) -> None:
        self.done.lost[submission.learner] = why
        self._progress(f"{submission.learner}: NOT GRADED ({why})")

    def _progress(self, line: str) -> None:
        done = self.done
        number = len(done.graded) + len(done.kept) + len(done.lost)
        self.say(f"[{number}/{self.total}] {line}")


def default_jobs() -> int:
    """One job a core that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
