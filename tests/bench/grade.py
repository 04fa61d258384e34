"""How fast exercises are marked: `python -m tests.bench.grade`. Nothing asserts these times; a goal missed is said."""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ProcessPoolExecutor

from mmsim.course.exercises import chapters
from mmsim.course.grade.handed import Notebook, Submission
from mmsim.course.grade.marking import Settings, graded
from mmsim.course.sandbox import best

from ..simulated_class import book

__all__ = ["JOBS", "main"]

WHOLE_SECONDS = 60
"""Goal for the whole course of one learner, on one core."""
A_MINUTE = 30
"""Goal for submissions of one chapter."""
JOBS = 2
ROUNDS = 3


def main() -> int:
    """Print both measures; 1 when a goal was missed."""
    settings = Settings("bench", any_name=True)
    course = {number: Notebook(*_written(number)) for number in chapters()}
    print(f"protection: {best().name}", flush=True)
    began = time.perf_counter()
    result = graded(Submission("ada", tuple(course.values()), ()), settings)
    whole = time.perf_counter() - began
    count = sum(len(found["exercises"]) for found in result["chapters"].values())
    goal = _goal(whole < WHOLE_SECONDS)
    print(
        f"one learner, {len(course)} chapters, {count} exercises: {whole:.1f} s  ({goal}: {WHOLE_SECONDS})", flush=True
    )
    each = [Submission(f"learner {n}", (notebook,), ()) for n in range(ROUNDS) for notebook in course.values()]
    began = time.perf_counter()
    with ProcessPoolExecutor(JOBS) as pool:
        seconds = [found["seconds"] for found in pool.map(graded, each, [settings] * len(each))]
    speed = 60 * len(each) / (time.perf_counter() - began)
    goal = _goal(speed >= A_MINUTE)
    print(f"one chapter each, {JOBS} at a time: {speed:.0f} submissions a minute  ({goal}: {A_MINUTE})")
    slowest = sorted(zip(seconds, course, strict=False), reverse=True)[:3]
    print(f"the slowest chapters: {', '.join(f'{number} {taken:.1f} s' for taken, number in slowest)}")
    return 0 if whole < WHOLE_SECONDS and speed >= A_MINUTE else 1


def _written(number: str) -> tuple[str, str]:
    name, solved = book("solutions", number)
    return name, json.dumps(solved)


def _goal(met: bool) -> str:
    return "goal met" if met else "GOAL MISSED"


if __name__ == "__main__":
    sys.exit(main())
