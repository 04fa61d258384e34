"""`python -m mmsim.course`: show the progress, or take over the state of another machine."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from . import progress
from .errors import CourseError
from .state import State


def main(argv: Sequence[str] | None = None) -> int:
    """Run one of the two commands; returns the exit code (0 done, 2 a wrong use or file)."""
    parser = argparse.ArgumentParser(prog="python -m mmsim.course", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("progress", help="show what is done and what is next")
    merging = commands.add_parser("merge", help="take over a state file of another machine")
    merging.add_argument("file", type=Path, help="the other machine's state.jsonl")
    given = parser.parse_args(argv)
    try:
        if given.command == "merge":
            changed = State().merge(given.file)
            print(f"{changed} record{'' if changed == 1 else 's'} taken over from {given.file}")
        print(progress())
    except CourseError as error:
        print(f"mmsim: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
