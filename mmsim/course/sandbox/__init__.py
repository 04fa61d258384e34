"""Running a learner's code in another process, which is trusted with nothing.

The process gets the cells, and one after the other names and arguments; whatever comes back is plain data, which the
caller compares with what only the caller knows. So a forged answer is no more than a wrong answer. What is not a
well-formed answer to just this call is a failure.

>>> from mmsim.course.sandbox import Call, Request, run
>>> report = run(Request(["def double(x): return 2 * x"], [Call("double", [21]), Call("triple", [1])]))
>>> [str(answer) for answer in report.answers]
['42', 'missing: no triple in the submission']
"""

from .asking import Level, best, levels, run
from .protection import BUBBLEWRAP, LANDLOCK, LEVELS, RLIMITS
from .request import KINDS, Answer, Call, CellFailure, Limits, Report, Request, SandboxError

__all__ = [
    "BUBBLEWRAP",
    "KINDS",
    "LANDLOCK",
    "LEVELS",
    "RLIMITS",
    "Answer",
    "Call",
    "CellFailure",
    "Level",
    "Limits",
    "Report",
    "Request",
    "SandboxError",
    "best",
    "levels",
    "run",
]
