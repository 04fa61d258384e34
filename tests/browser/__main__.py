"""Run the browser tests: `python3 -m tests.browser [what pytest takes]`; `make browser-test` calls it.

Without a Chromium it says so in one line and ends with code 0.
"""

import subprocess
import sys
from pathlib import Path

from .chromium import NAMES, VARIABLE, chromium

ROOT = Path(__file__).resolve().parents[2]
DEFAULT = ["-n", "2"]


def main(arguments: list[str]) -> int:
    """Set up the [browser] set, then run pytest in it; returns its exit code."""
    if chromium() is None:
        print(f"browser tests skipped: no Chromium found ({', '.join(NAMES)} on PATH, or {VARIABLE}=its path)")
        return 0
    named = any(argument.startswith("tests/browser") for argument in arguments)
    where = [] if named else ["tests/browser"]  # with options alone pytest would run all that is not a browser test
    code = subprocess.run([sys.executable, "start.py", "setup", "browser"], cwd=ROOT, check=False).returncode
    if code:
        return code
    sys.path.insert(0, str(ROOT))
    import start

    return start.run([str(start.PYTHON), "-m", "pytest", *DEFAULT, *arguments, *where])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
