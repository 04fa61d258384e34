"""The review as a mail: the lines it is about quoted, a comment below each, the evidence indented, 76 columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap

from .hunk import quoted
from .judge import NOT_SHOWN, PROVED, REFUTED, Verdict

__all__ = ["WIDTH", "mail"]

WIDTH = 76
_HEAD = (
    ("From", "a reviewer"),
    ("To", "the author of the patch"),
    (
        "Subject",
        "Re: [PATCH v4 21/66] mm/mmap: Change do_brk_flags() to expand existing VMA and add do_brk_munmap()",
    ),
)
_SAID = {"wrong": "", "harmless": "Harmless, but: ", "style": "Style: ", "question": ""}


def mail(verdicts: Sequence[Verdict]) -> str:
    """The text of the reply, comments in the order of the code; no line is longer than 76 signs."""
    lines = [line for name, value in _HEAD for line in _wrapped(f"{name}: {value}", "", " ")]
    for verdict in sorted(verdicts, key=lambda each: (each.claim.hunk.numbers[0], each.claim.number)):
        lines += ["", *_comment(verdict)]
    return "\n".join([*lines, "", *_conclusion(verdicts), "", "-- ", "a reviewer"])


def _comment(verdict: Verdict) -> Iterator[str]:
    claim = verdict.claim
    for line in quoted(claim.hunk):
        yield from _wrapped(line, "> ", ">     ", keep=True)
    yield ""
    yield from _wrapped(f"{_SAID[claim.severity]}{claim.claim}")
    if claim.suggestion:
        yield ""
        yield from _wrapped(claim.suggestion)
    if claim.script:
        yield ""
        for line in verdict.lines:
            yield from _wrapped(line, "    ", "        ")


def _conclusion(verdicts: Sequence[Verdict]) -> list[str]:
    marks = [verdict.mark for verdict in verdicts]
    told = [f"{marks.count(mark)} {mark}" for mark in (PROVED, NOT_SHOWN, REFUTED) if mark in marks]
    count = f"{len(marks)} claim{'' if len(marks) == 1 else 's'}"
    return _wrapped(f"In all {count}: {', '.join(told)}. {_advice(verdicts)}")


def _advice(verdicts: Sequence[Verdict]) -> str:
    if any(each.mark == PROVED and each.claim.severity == "wrong" for each in verdicts):
        return "What is proved and wrong should be changed before this is merged."
    if any(each.mark == PROVED for each in verdicts):
        return "Nothing that is proved keeps this from being merged."
    return "Nothing is proved, so these are questions."


def _wrapped(text: str, first: str = "", rest: str = "", keep: bool = False) -> list[str]:
    """Lines of at most 76 signs; `keep` leaves the indentation of code."""
    indent = text[: len(text) - len(text.lstrip())] if keep else ""
    return wrap(text.strip(), WIDTH, initial_indent=first + indent, subsequent_indent=rest + indent) or [first.rstrip()]
