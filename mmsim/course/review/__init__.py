"""A review as data: claims that are read, judged by running them, scored, and written as a mail.

>>> from mmsim.course.review import judge, read_review
>>> text = '''
... [[claim]]
... claim = "A cut heap stays counted as data."
... hunk = "do_brk_munmap: gone = Vma(mm, 0)"
... script = "brk(heap+2); brk(heap+1)"
... expected = "nothing broken"
... got = "I6"
... severity = "wrong"
... '''
>>> [judge(claim).mark for claim in read_review(text)]
['proved']
"""

from .claim import CONCERNS, FIELDS, SEVERITIES, Claim, read_review
from .errors import ReviewError
from .judge import NOT_SHOWN, PROVED, REFUTED, Verdict, ask_kernel, judge, kernel_line, outcomes
from .mail import mail
from .rubric import Score, score

__all__ = [
    "CONCERNS",
    "FIELDS",
    "NOT_SHOWN",
    "PROVED",
    "REFUTED",
    "SEVERITIES",
    "Claim",
    "ReviewError",
    "Score",
    "Verdict",
    "ask_kernel",
    "judge",
    "kernel_line",
    "mail",
    "outcomes",
    "read_review",
    "score",
]
