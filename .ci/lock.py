"""Remake requirements.lock: the pinned versions and hashes of everything start.py installs (needs uv and the network).

One file serves both sets. The part above the `[course]` line is the test set; the whole file is the course set, so
what the two share cannot drift apart. uv is told to resolve for every system and Python at once.
.ci/nbgrader.lock has what nbgrader needs besides, at versions that go with it.
"""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
HEAD = """\
# Versions and hashes of all that start.py installs. Made by `make lock`; not edited by hand.
# Above the [course] line: the test set. The whole file: the course set (JupyterLab too).
"""
NBGRADER = ROOT / ".ci" / "nbgrader.lock"
NBGRADER_HEAD = """\
# What nbgrader needs besides requirements.lock, for .ci/nbgrader. Made by `make lock`; not edited by hand.
"""


def resolve(*extras: str) -> dict[str, str]:
    """Pins of the project with these extras, by package name: the requirement with its hashes, as pip reads it."""
    return pins("pyproject.toml", *(argument for extra in extras for argument in ("--extra", extra)))


def pins(*arguments: str, asked: str = "") -> dict[str, str]:
    """What `uv pip compile` makes of its arguments and standard input."""
    command = ["uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.11", "--generate-hashes"]
    command += ["--fork-strategy", "fewest", "--no-header", "--no-annotate"]
    command += ["--no-emit-index-url", "--no-emit-find-links", *arguments]
    text = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, input=asked).stdout
    found = re.split(r"\n(?=\S)", text.strip())
    return {pin.split("==")[0]: pin for pin in found}


def main() -> None:
    """Write the lock file; packages of the test set first."""
    everything, test = resolve("test", "course"), resolve("test")
    parts: dict[bool, list[str]] = {True: [], False: []}
    for name, pin in sorted(everything.items()):
        parts[name in test].append(pin)
    LOCK.write_text("\n".join([HEAD, *parts[True], "\n# [course]", *parts[False], ""]), encoding="utf-8")
    besides = pins("--constraint", LOCK.name, "-", asked="nbgrader>=0.9.5,<0.10\n")
    missing = [pin for name, pin in sorted(besides.items()) if name not in everything]
    NBGRADER.write_text("\n".join([NBGRADER_HEAD, *missing, ""]), encoding="utf-8")
    print(f"{LOCK.name}: {len(parts[True])} packages for the tests, {len(parts[False])} more for the course")
    print(f"{NBGRADER.name}: {len(missing)} packages besides")


if __name__ == "__main__":
    main()
