"""`python -m mmsim.course.lint notebooks`: one line a problem; exit code 0 clean, 1 problems, 2 wrong use."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from . import BadExemptions, UnreadableNotebook, lint, notebooks_in


def main(argv: Sequence[str] | None = None) -> int:
    """Lint files and folders; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m mmsim.course.lint", description=__doc__)
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="notebooks, or folders of them")
    parser.add_argument("--json", action="store_true", help="print the problems as JSON")
    given = parser.parse_args(argv)
    files = notebooks_in(given.paths)
    if not files:
        return _unusable(f"{given.paths[0]}: no notebooks, expected .ipynb files")
    try:
        problems = lint(files)
    except (UnreadableNotebook, BadExemptions) as error:
        return _unusable(str(error))
    if given.json:
        print(json.dumps([asdict(problem) for problem in problems], indent=1))
    else:
        print(*problems, f"{_counted(files, 'notebook')}, {_counted(problems, 'problem')}", sep="\n")
    return 1 if problems else 0


def _counted(things: Sequence[object], name: str) -> str:
    return f"{len(things)} {name}{'' if len(things) == 1 else 's'}"


def _unusable(text: str) -> int:
    print(f"mmsim.course.lint: {text}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
