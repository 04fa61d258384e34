"""Remake requirements.lock: the pinned versions and hashes of everything start.py installs (needs uv and the network).

One file serves both sets. The part above the `[course]` line is the test set; the whole file is the course set, so
what the two share cannot drift apart. uv is told to resolve for every system and Python at once.
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


def resolve(*extras: str) -> dict[str, str]:
    """Pins of the project with these extras, by package name: the requirement with its hashes, as pip reads it."""
    command = ["uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.11", "--generate-hashes"]
    command += ["--fork-strategy", "fewest", "--no-header", "--no-annotate"]
    command += ["--no-emit-index-url", "--no-emit-find-links"]
    command += [argument for extra in extras for argument in ("--extra", extra)]
    text = subprocess.run([*command, "pyproject.toml"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    pins = re.split(r"\n(?=\S)", text.strip())
    return {pin.split("==")[0]: pin for pin in pins}


def main() -> None:
    """Write the lock file; packages of the test set first."""
    everything, test = resolve("test", "course"), resolve("test")
    parts: dict[bool, list[str]] = {True: [], False: []}
    for name, pin in sorted(everything.items()):
        parts[name in test].append(pin)
    LOCK.write_text("\n".join([HEAD, *parts[True], "\n# [course]", *parts[False], ""]), encoding="utf-8")
    print(f"{LOCK.name}: {len(parts[True])} packages for the tests, {len(parts[False])} more for the course")


if __name__ == "__main__":
    main()
