"""`mmsim grade`: the marks of a class, from a terminal."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import CourseError

if TYPE_CHECKING:  # the rest is imported when it is needed: `mmsim --help` has no time for it
    from .handed import Handed
    from .results import Results
    from .session import Done

__all__ = ["add_arguments", "command"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `mmsim grade` takes."""
    parser.add_argument("submissions", type=Path, help="a folder or .zip, in it a folder or .zip for each learner")
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="RESULTS", help="a folder for all results")
    parser.add_argument("--jobs", type=int, metavar="N", help="submissions at a time (default: one a core)")
    parser.add_argument("--only", action="append", metavar="NAME", help="grade this learner only; may be repeated")
    parser.add_argument("--resume", action="store_true", help="keep results that are there from the same files")
    parser.add_argument(
        "--require-sandbox", action="store_true", help="refuse to run where learners' code could read your files"
    )
    parser.add_argument(
        "--any-name", action="store_true", help="take the learner's name from the notebook, not from the folder"
    )
    parser.add_argument(
        "--seconds", type=float, default=300.0, metavar="S", help="for a submission's code in all (default 300)"
    )
    parser.add_argument("--dask", metavar="ADDRESS", help="let the workers of a Dask cluster grade (mmsim[cluster])")


def command(args: argparse.Namespace) -> int:
    """Grade; 0: all were graded, 1: some could not be read or graded, 2: bad usage, 130: interrupted."""
    from ..sandbox import SandboxError

    try:
        return _graded(args)
    except (CourseError, SandboxError, OSError, ImportError) as error:
        print(f"mmsim grade: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("mmsim grade: interrupted; --resume goes on", file=sys.stderr)
        return 130


def _graded(args: argparse.Namespace) -> int:
    from .handed import find
    from .marking import Settings
    from .results import Results
    from .session import default_jobs, executor, grade_class, publish

    jobs = default_jobs() if args.jobs is None else args.jobs
    if jobs < 1 or args.seconds <= 0:
        raise CourseError("expected --jobs of 1 or more, and --seconds above 0")
    level = _protection(args.require_sandbox)
    handed, strays = find(args.submissions)
    wanted = _only(handed, args.only)
    _apart(args.submissions, args.out)
    results = Results(args.out)
    settings = Settings(results.seed, level, args.any_name, args.seconds)
    with executor(jobs, args.dask) as pool:
        done = grade_class(wanted, results, settings, pool, jobs, args.resume, _say)
    publish(results, strays)
    _tell_gone(results, {one.learner for one in handed})
    return _told(done, strays, len(wanted), args.out)


def _protection(require: bool) -> str:
    """The level to grade under; a weak one is said loudly, or refused."""
    from ..sandbox import RLIMITS, SandboxError, best

    level = best()
    if level.name == RLIMITS:
        if require:
            raise SandboxError("no sandbox here keeps files from learners' code; `mmsim doctor` says what is missing")
        print(f"mmsim grade: WARNING: no sandbox but {level.name}: {level.told}", file=sys.stderr)
    return level.name


def _only(handed: list[Handed], names: list[str] | None) -> list[Handed]:
    if not names:
        return handed
    known = {one.learner: one for one in handed}
    if missing := [name for name in names if name not in known]:
        some = ", ".join(list(known)[:5])
        raise CourseError(f"--only {missing[0]}: nobody of that name handed anything in; there are {some} ...")
    return [known[name] for name in dict.fromkeys(names)]


def _apart(submissions: Path, out: Path) -> None:
    """Results among the submissions would be a learner's next time."""
    from .handed import root_of

    place, results = submissions.resolve(), out.resolve()
    place = root_of(place) if place.is_dir() else place
    if results.is_relative_to(place):
        raise CourseError(f"{out} lies in {place}: expected a folder for results that is not among the submissions")


def _tell_gone(results: Results, handed: set[str]) -> None:
    if gone := [result["learner"] for result in results.all() if result["learner"] not in handed]:
        _say(
            f"{len(gone)} of an earlier run are not among these submissions and stay in the marks, until their file in"
            f" {results.folder / 'results'} is deleted: {_some(gone)}"
        )


def _some(names: list[str]) -> str:
    return ", ".join(sorted(names)[:5]) + (" ..." if len(names) > 5 else "")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _told(done: Done, strays: list[str], total: int, out: Path) -> int:
    for line in strays:
        print(f"left out: {line}", file=sys.stderr)
    for name, why in done.lost.items():
        print(f"not graded: {name}: {why}", file=sys.stderr)
    if done.misnamed:
        _say(
            f"{len(done.misnamed)} filled in under another name or none, so exercises made for each learner are likely"
            f" wrong (class.html says where; --any-name takes the notebook's name): {_some(done.misnamed)}"
        )
    parts = [f"{len(done.graded)} graded", f"{len(done.kept)} kept from before"]
    parts += [f"{len(done.with_problems)} with problems"] if done.with_problems else []
    print(f"{', '.join(parts)} of {total} in {done.seconds:.0f} s: {out / 'class.html'}, gradebook.sqlite, grades.csv")
    if not done.complete:
        print("mmsim grade: interrupted; --resume goes on", file=sys.stderr)
        return 130
    return 1 if done.lost or done.with_problems or strays else 0
