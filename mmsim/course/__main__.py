"""`python -m mmsim.course`, also `mmsim course`: progress, states of other machines, exercises."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from . import progress
from .errors import CourseError
from .state import State, checkout


def add_commands(parser: argparse.ArgumentParser) -> None:
    """The commands of the course on a parser; each sets `act`, which returns the exit code."""
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="course_command", required=True)
    commands.add_parser("progress", help="show what is done and what is next").set_defaults(act=_progress)
    merging = commands.add_parser("merge", help="take over a state file of another machine")
    merging.add_argument("file", type=Path, help="the other machine's state.jsonl")
    merging.set_defaults(act=_merge)
    building = commands.add_parser("build", help="make exercises/*.ipynb from solutions/*.ipynb")
    building.add_argument("--check", action="store_true", help="write nothing; exit code 1 if one is out of date")
    building.add_argument("--root", type=Path, help="the folder with both (default: the checkout)")
    building.set_defaults(act=_build)
    giving = commands.add_parser("give", help="lay the exercises out for a class, each learner's name filled in")
    giving.add_argument("names", nargs="*", metavar="NAME")
    giving.add_argument("--names", dest="file", type=Path, metavar="FILE", help="more names, one a line")
    giving.add_argument("-o", "--out", type=Path, required=True, metavar="FOLDER", help="gets a folder for each name")
    giving.add_argument("--chapter", action="append", default=[], metavar="NN", help="this one only; may be repeated")
    giving.set_defaults(act=_give)
    watching = commands.add_parser("watch", help="check an exercise notebook each time it is saved")
    watching.add_argument("file", type=Path, metavar="NOTEBOOK")
    watching.add_argument("--once", action="store_true", help="look once and end")
    watching.set_defaults(act=_watch)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code (0 done, 1 out of date, 2 a wrong use or file)."""
    parser = argparse.ArgumentParser(prog="python -m mmsim.course", description=__doc__)
    add_commands(parser)
    return act(parser.parse_args(argv))


def act(given: argparse.Namespace) -> int:
    """Do what was asked; a fault is one line."""
    action: Callable[[argparse.Namespace], int] = given.act
    try:
        return action(given)
    except CourseError as error:
        print(f"mmsim: {error}", file=sys.stderr)
        return 2


def _progress(_: argparse.Namespace) -> int:
    print(progress())
    return 0


def _merge(given: argparse.Namespace) -> int:
    changed = State().merge(given.file)
    print(f"{changed} record{'' if changed == 1 else 's'} taken over from {given.file}")
    print(progress())
    return 0


def _build(given: argparse.Namespace) -> int:
    from .exercises.build import build

    root = given.root or checkout()
    if root is None:
        raise CourseError("no checkout here: say --root FOLDER, the one that has solutions/")
    said = build(root, given.check)
    print(*(said or ["exercises: up to date"]), sep="\n")
    return 1 if given.check and said else 0


def _give(given: argparse.Namespace) -> int:
    from .exercises.give import give

    root = checkout()
    if root is None:
        raise CourseError("no checkout here, so no exercises to give out")
    names = [*given.names, *(_lines(given.file) if given.file else [])]
    if not names:
        raise CourseError("nobody to give to, expected NAME ... or --names FILE")
    written, kept = give(names, given.out, root / "exercises", given.chapter)
    print(f"{given.out}: {written} notebooks for {len(set(names))} learners" + (f", {kept} were there" if kept else ""))
    return 0


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CourseError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or 'not UTF-8'})") from None
    return [line.strip() for line in text.splitlines() if line.strip()]


def _watch(given: argparse.Namespace) -> int:
    from .exercises.watch import watch

    if not given.file.is_file():
        raise CourseError(f"{given.file}: no such file")
    try:
        watch(given.file, lambda text: print(text, flush=True), passes=1 if given.once else None)
    except KeyboardInterrupt:
        print("ended", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
