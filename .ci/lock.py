"""Remake requirements.lock: the pinned versions and hashes of everything start.py installs (needs uv and the network).

One file serves every set. A set is the part of the file above the mark of the next one, such as `[course]`: each
contains those before it, so what they share cannot drift apart. uv resolves for every system and Python at once.

    python3 .ci/lock.py           the newest versions of everything
    python3 .ci/lock.py --keep    the versions that are there; only what is missing is looked for
.ci/nbgrader.lock has what nbgrader needs besides, at versions that go with it.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
HEAD = """\
# Versions and hashes of all that start.py installs. Made by `make lock`; not edited by hand.
# Above the [course] line: the test set. Above the [browser] line: the course set (JupyterLab too). Later parts are for
# developers: [browser] drives a browser, [lite] builds the site that needs no install.
"""
NBGRADER = ROOT / ".ci" / "nbgrader.lock"
NBGRADER_HEAD = """\
# What nbgrader needs besides requirements.lock, for .ci/nbgrader. Made by `make lock`; not edited by hand.
"""
SETS = ("test", "course", "browser", "lite")  # each contains those before it; start.py has the same list


def resolve(extras: tuple[str, ...], known: str) -> dict[str, str]:
    """Pins of the project with these extras, by package name: the requirement with its hashes, as pip reads it.

    Versions in `known`, the text of a lock file, are kept where they still fit.
    """
    return pins(["pyproject.toml", *(argument for extra in extras for argument in ("--extra", extra))], known)


def pins(arguments: list[str], known: str, asked: str = "") -> dict[str, str]:
    """What `uv pip compile` makes of its arguments and standard input, by package name."""
    command = ["uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.11", "--generate-hashes"]
    command += ["--fork-strategy", "fewest", "--no-header", "--no-annotate"]
    command += ["--no-emit-index-url", "--no-emit-find-links"]
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, LOCK.name)
        output.write_text(known, encoding="utf-8")
        subprocess.run(
            [*command, "--output-file", str(output), *arguments], cwd=ROOT, check=True, text=True, input=asked
        )
        text = output.read_text(encoding="utf-8")
    found = re.split(r"\n(?=\S)", text.strip())
    return {pin.split("==")[0]: pin for pin in found}


def main() -> None:
    """Write the lock file, set by set; in all sets a package has the version the last and largest one gives it."""
    known = LOCK.read_text(encoding="utf-8") if sys.argv[1:] == ["--keep"] else ""
    everything = resolve(SETS, known)
    lines, done, counts, course = [HEAD], set(), [], set()
    for at, name in enumerate(SETS):
        fresh = (everything.keys() if name == SETS[-1] else resolve(SETS[: at + 1], known).keys()) - done
        lines += [f"\n# [{name}]"] if at else []
        lines += [everything[package] for package in sorted(fresh)]
        counts.append(f"{len(fresh)} for {name}")
        done |= fresh
        course = {*done} if name == "course" else course
    LOCK.write_text("\n".join([*lines, ""]), encoding="utf-8")
    known = NBGRADER.read_text(encoding="utf-8") if sys.argv[1:] == ["--keep"] else ""
    besides = pins(["--constraint", LOCK.name, "-"], known, asked="nbgrader>=0.9.5,<0.10\n")
    missing = [pin for name, pin in sorted(besides.items()) if name not in course]
    NBGRADER.write_text("\n".join([NBGRADER_HEAD, *missing, ""]), encoding="utf-8")
    print(f"{NBGRADER.name}: {len(missing)} packages besides")
    print(f"{LOCK.name}: packages: {', '.join(counts)}")


if __name__ == "__main__":
    main()
