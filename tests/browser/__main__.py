"""Run the browser tests: `python3 -m tests.browser [--again] [what pytest takes]`; `make browser-test` calls it.

With `--again` what failed is run once more, by itself: on a machine that was busy with something else it passes then.
Without a Chromium it says so in one line and ends with code 0.
"""

import subprocess
import sys
from pathlib import Path

from .chromium import NAMES, VARIABLE, chromium

ROOT = Path(__file__).resolve().parents[2]
HUNG = 900
"""Seconds that one test with its notebook may take; a worker that needs more shows where it stands, and ends."""
BOUNDED = ["-o", f"faulthandler_timeout={HUNG}", "-o", "faulthandler_exit_on_timeout=true"]
AGAIN = "--again"


def main(arguments: list[str]) -> int:
    """Set up the [browser] set, then run pytest in it; returns its exit code."""
    if chromium() is None:
        print(f"browser tests skipped: no Chromium found ({', '.join(NAMES)} on PATH, or {VARIABLE}=its path)")
        return 0
    again, given = AGAIN in arguments, [argument for argument in arguments if argument != AGAIN]
    named = any(argument.startswith("tests/browser") for argument in given)
    where = [] if named else ["tests/browser"]  # with options alone pytest would run all that is not a browser test
    code = subprocess.run([sys.executable, "start.py", "setup", "browser"], cwd=ROOT, check=False).returncode
    if code:
        return code
    sys.path.insert(0, str(ROOT))
    import start

    tests = [str(start.PYTHON), "-m", "pytest", *BOUNDED]
    code = start.run([*tests, "-n", "2", *given, *where])
    if code == 1 and again:
        print("tests.browser: what failed is run once more, one test after the other", flush=True)
        code = start.run([*tests, "--last-failed", "--maxfail", "3", *given, *where])
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
