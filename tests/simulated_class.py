"""A simulated class: `python -m tests.simulated_class` grades it twice, once with a kill -9 in the middle.

Submissions of mixed quality are made from the solutions: exercises left out, left as they were, half done, wrong,
raising, endless, renamed, done twice; in folders, archives and nbgrader's layout; one in a hundred files is broken.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mmsim.course.exercises import chapter
from mmsim.course.exercises.build import grade_id

ROOT = Path(__file__).resolve().parent.parent
WAYS = {
    "solved": 50,
    "untouched": 18,
    "wrong": 12,
    "raises": 6,
    "renamed": 4,
    "twice": 4,
    "no Python": 3,
    "deleted": 2,
    "endless": 1,
}
"""How an exercise is done, and how often."""


def numbers() -> list[str]:
    """The chapters with exercises."""
    return [path.name[:2] for path in sorted((ROOT / "solutions").glob("[0-9][0-9]-*.ipynb"))]


def book(folder: str, number: str) -> tuple[str, dict[str, Any]]:
    """Name and content of a chapter's solutions or stubs."""
    (path,) = (ROOT / folder).glob(f"{number}-*.ipynb")
    return path.name, json.loads(path.read_text(encoding="utf-8"))


def notebook(number: str, chance: random.Random, ways: dict[str, int] | None = None) -> tuple[str, str]:
    """Name and text of a notebook in which each exercise is done in one of the ways."""
    name, solved = book("solutions", number)
    _, stub = book("exercises", number)
    ways = ways or WAYS
    for one in chapter(number):
        (at,) = [n for n, cell in enumerate(solved["cells"]) if cell["id"] == grade_id(one)]
        cell, source = solved["cells"][at], "".join(solved["cells"][at]["source"])
        way = chance.choices(list(ways), list(ways.values()))[0]
        cell["source"] = {
            "solved": source,
            "untouched": "".join(stub["cells"][at]["source"]),
            "wrong": f"def {one.name}(*given):\n    return [1]\n" if not one.literal else f"{one.name} = [1]\n",
            "raises": f"def {one.name}(*given):\n    return 1 / 0\n" if not one.literal else f"{one.name} = 1 / 0\n",
            "renamed": source.replace(one.name, "my_own_name"),
            "twice": f"{one.name} = 'a first try'\n{source}",
            "no Python": f"{source}\nthis is no Python\n",
            "deleted": "",
            "endless": f"def {one.name}(*given):\n    while True:\n        pass\n",
        }[way]
    return name, json.dumps(solved)


def hand_in(
    folder: Path, count: int, seed: int = 0, chapters: Sequence[str] | None = None, ways: dict[str, int] | None = None
) -> dict[str, str]:
    """Write a class; name -> how it was handed in. The same seed makes the same class."""
    chance = random.Random(f"class {seed}")
    made = {}
    for n in range(count):
        name = f"learner-{n:03}"
        files = dict(notebook(number, chance, ways) for number in chapters or numbers() if chance.random() < 0.9)
        if n % 100 == 7:
            victim = next(iter(files), "02-lost.ipynb")
            files[victim] = chance.choice(["", "{", files.get(victim, "")[:-40], "PK\x03\x04 no archive", "[" * 9999])
        made[name] = ("folder", "archive", "nbgrader")[n % 3] + (", a broken file" if n % 100 == 7 else "")
        if n % 3 == 1:
            with zipfile.ZipFile(folder / f"{name}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
                for file, text in files.items():
                    archive.writestr(file, text)
            continue
        for file, text in files.items():
            target = folder / name / (file[:-6] if n % 3 == 2 else "") / file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        (folder / name).mkdir(exist_ok=True)
    return made


def grading(submissions: Path, out: Path, *more: str) -> subprocess.Popen[str]:
    """`mmsim grade` as a user starts it, in a session of its own."""
    command = [sys.executable, "-m", "mmsim", "grade", str(submissions), "-o", str(out), "--any-name", *more]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    return subprocess.Popen(command, start_new_session=True, cwd=ROOT, **pipes)


def kill_in_the_middle(submissions: Path, out: Path, after: int, *more: str) -> int:
    """Start grading, kill -9 it when so many results are there; how many there are once all its processes are gone."""
    process = grading(submissions, out, *more)
    while len(list((out / "results").glob("*.json"))) < after:
        if process.poll() is not None:
            raise AssertionError(f"it ended by itself: {process.communicate()[0]}")
        time.sleep(0.02)
    process.kill()
    process.communicate()
    end = time.monotonic() + 20
    while members := list(of_session(process.pid)):
        if time.monotonic() > end:
            raise AssertionError(f"still running 20 s after kill -9: {members}")
        time.sleep(0.05)
    return len(list((out / "results").glob("*.json")))


def of_session(session: int) -> Iterator[int]:
    """The processes of a session (Linux)."""
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError, ValueError):
            fields = Path(f"/proc/{int(name)}/stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) == session and fields[0] != "Z":
                yield int(name)


def marks(out: Path) -> dict[str, Any]:
    """All results, without what may differ: the seconds."""
    found = {}
    for path in sorted((out / "results").glob("*.json")):
        result = json.loads(path.read_text(encoding="utf-8"))
        del result["seconds"]
        found[path.stem] = result
    return found


def with_seed(out: Path, seed: str) -> Path:
    """A results folder with a seed that is known."""
    out.mkdir()
    (out / ".seed").write_text(f"{seed}\n", encoding="ascii")
    return out


def main(argv: Sequence[str] | None = None) -> int:
    """Grade a class undisturbed, then with a kill and a resume; print times, memory, and whether the marks agree."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulated_class", description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=300)
    parser.add_argument("--jobs", default="2")
    parser.add_argument("--chapters", nargs="*", default=numbers())
    given = parser.parse_args(argv)
    folder = Path(tempfile.mkdtemp(prefix="mmsim-class-"))
    try:
        made = hand_in(_made(folder / "class"), given.count, chapters=given.chapters)
        broken = sum("broken" in how for how in made.values())
        print(f"{given.count} learners, {len(given.chapters)} chapters, {broken} with a broken file", flush=True)
        whole = with_seed(folder / "whole", "one seed")
        _timed("undisturbed", folder / "class", whole, "--jobs", given.jobs)
        cut = with_seed(folder / "cut", "one seed")
        began = time.monotonic()
        kept = kill_in_the_middle(folder / "class", cut, given.count // 2, "--jobs", given.jobs)
        print(f"killed after {time.monotonic() - began:.0f} s: {kept} results, no process left", flush=True)
        _timed("resumed", folder / "class", cut, "--jobs", given.jobs, "--resume")
        differing = [name for name, result in marks(whole).items() if marks(cut).get(name) != result]
        same = "identical" if not differing and marks(whole).keys() == marks(cut).keys() else f"DIFFER: {differing}"
        books = [(place / "grades.csv").read_bytes() for place in (whole, cut)]
        print(f"marks: {same}; the tables {'agree' if books[0] == books[1] else 'DIFFER'}")
        points = [result["points"] for result in marks(whole).values()]
        print(f"points: {min(points):g} to {max(points):g}, mean {sum(points) / len(points):.1f}")
        return 0 if same == "identical" else 1
    finally:
        shutil.rmtree(folder)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _timed(what: str, submissions: Path, out: Path, *more: str) -> None:
    began = time.monotonic()
    process = grading(submissions, out, *more)
    said, _ = process.communicate()
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(
        f"{what}: {time.monotonic() - began:.0f} s, at most {most:.0f} MiB in one process; {said.strip()}", flush=True
    )


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.exit(main())
