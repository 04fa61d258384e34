"""`python -m tests.bench`."""

import sys


def run() -> int:
    """The command, or one line when a library is missing that only the tests and the bench need."""
    try:
        from .command import main
    except ModuleNotFoundError as error:
        print(f"bench: the module {error.name} is missing; `python3 start.py setup` installs it", file=sys.stderr)
        return 1
    return main()


if __name__ == "__main__":
    sys.exit(run())
