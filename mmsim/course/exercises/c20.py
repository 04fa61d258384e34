"""The capstone, chapter 20: a comment on a hunk that nobody asked about, and a whole review."""

from collections.abc import Mapping
from functools import cache
from inspect import getsourcelines
from textwrap import dedent
from typing import ClassVar, NamedTuple

from mmsim.brk import v4
from mmsim.explore.known import Known, known

from ..review import Verdict as Judged
from .claims import Comment, Review, listed
from .model import Plain

GIVEN = (
    "cut-without-flags",
    "cut-forgets-other-vmas",
    "cut-forgets-the-peak",
    "growth-taken-for-a-shrink",
    "loader-extends-nothing",
    "loader-maps-over-what-is-there",
)
"""Causes that the notebooks work out, so that a review of one's own needs others."""


class Part(NamedTuple):
    """A part of v4 to comment on: the function, its first and last line, what it does, and causes that lie there."""

    function: str
    first: str
    last: str
    words: str
    causes: tuple[str, ...]

    def lines(self) -> tuple[int, list[str]]:
        """The number of the first line in v4.py, and the text."""
        text, number = getsourcelines(getattr(v4, self.function))
        start = next(at for at, line in enumerate(text) if line.strip().startswith(self.first))
        end = next(at for at in range(start, len(text)) if text[at].strip().startswith(self.last))
        return number + start, [line.rstrip() for line in text[start : end + 1]]


PARTS: Mapping[str, Part] = {
    "shrink": Part(
        "brk",
        "# A mapping at the new end",
        "return accept",
        "tells a shrink from a growth",
        ("shrink-to-a-hole-refused", "shrink-under-a-mapping-refused"),
    ),
    "growth": Part(
        "brk",
        "# Growing: one page",
        "mm.brk = want",
        "looks for what is in the way of a growth",
        ("growth-over-a-mapping",),
    ),
    "cut": Part(
        "do_brk_munmap",
        "if vma.start >= new_top",
        "vma.end = new_top",
        "cuts the heap back",
        (
            "cut-allocates-under-a-lock",
            "cut-asks-no-owner",
            "cut-counts-a-hole",
            "cut-leaves-file-tree",
            "cut-loses-the-neighbour",
            "cut-tells-no-monitor",
        ),
    ),
    "extension": Part(
        "do_brk_flags",
        "# Can the VMA below",
        "return _account",
        "extends the VMA below",
        (
            "growth-allocates-under-a-lock",
            "growth-extends-a-file",
            "growth-extends-under-a-hook",
            "growth-inherits-a-policy",
            "growth-over-a-hole",
        ),
    ),
}


class OneHunk(Comment):
    """A comment on a part of the patch that is drawn, with a defect that lies there."""

    id = "20.e1"
    name = "my_comment"
    title = "A comment on one hunk"
    goal = "Write a review comment with place, input and result."
    points, minutes, difficulty, misconception = 8, 14, 3, "M41"
    hints = (
        "Read the same function in before.py. Which questions about the mapping does the hunk of v4 not ask any more?",
        "Make the heap unlike what the hunk takes for granted: a hole, a file, another end, a neighbour. Then move the "
        "break so that the hunk runs.",
        "Make a heap of two or three pages. Change one page by munmap, mmap_file, mmap or touch, at the end that the "
        "hunk looks at. Then one more brk. Copy answer and invariants from `outcomes` into expected and got.",
    )
    worlds = ("file", "bare")

    def subject(self, learner: str = "") -> Plain:
        """See Comment: the name of a part and a world."""
        chance = self._chance("instance", learner)
        return [chance.choice(tuple(PARTS)), chance.choice(self.worlds)]

    def task(self, learner: str = "") -> str:
        """See Exercise."""
        name, world = self.subject(learner)
        part = PARTS[name]
        number, lines = part.lines()
        lead = f"{part.function}() of v4.py, from line {number} on; it {part.words}:"
        listing = "\n".join(listed([line]) or " " for line in dedent("\n".join(lines)).splitlines())
        return f'{lead}\n\n{listing}\n\nYour process starts in the world "{world}".'

    def off(self, verdict: Judged, subject: Plain) -> str:
        """See Comment: the world, the quoted line, and a cause that lies there."""
        name, world = subject
        part, claim = PARTS[name], verdict.claim
        number, lines = part.lines()
        if claim.world != world:
            return f'it starts in the world "{claim.world}", asked was "{world}"'
        if not set(claim.hunk.numbers) & set(range(number, number + len(lines))) or not claim.hunk.line:
            return f"it quotes no line of the hunk in {part.function}()"
        if set(verdict.causes) & set(GIVEN) and not set(verdict.causes) - set(GIVEN):
            return "that is one of those the notebooks work out: find another one"
        if verdict.causes and not set(verdict.causes) & set(part.causes):
            where = ", ".join(sorted({f"{_known()[id].function}()" for id in verdict.causes}))
            return f"the cause lies elsewhere ({where}), not in what this hunk decides"
        return ""


class WholeReview(Review):
    """A review of the patch, where a colleague was faster with some of it."""

    id = "20.e2"
    name = "my_review"
    title = "Your review of the patch"
    goal = "Review the patch: claims that are proved, have causes of their own, and a severity that fits."
    points, minutes, difficulty, misconception = 20, 30, 3, "M41"
    hints = (
        "Begin where the mail did not ask: brk() and do_brk_munmap() in v4.py, beside before.py.",
        "For each line ask what it takes for granted: one VMA, up to the break, anonymous, its own. And ask what "
        "is new in a script: a cause that is taken earns nothing.",
        "Unmap the top page and shrink; map a file over the heap and move the break; put something over the break and "
        "grow; touch the heap first; give a page a memory policy. One change, then one brk: `outcomes` shows it.",
    )
    given = GIVEN
    pool = (
        "cut-counts-a-hole",
        "cut-leaves-file-tree",
        "cut-loses-the-neighbour",
        "growth-allocates-under-a-lock",
        "growth-extends-a-file",
        "growth-inherits-a-policy",
        "growth-over-a-hole",
        "growth-over-a-mapping",
        "loader-limit-counts-twice",
        "shrink-to-a-hole-refused",
    )
    """Three of these are taken as well, drawn for each learner."""
    beside: ClassVar[int] = 3

    def taken(self, learner: str = "") -> list[str]:
        """See Review."""
        return [*self.given, *sorted(self._chance("taken", learner).sample(self.pool, self.beside))]

    def task(self, learner: str = "") -> str:
        """See Exercise: the titles of what is taken."""
        lines = listed(f"{_known()[id].title}, {_known()[id].function}()" for id in self.taken(learner))
        return f"A colleague was faster. What is sent already counts for nothing in yours:\n\n{lines}"


@cache
def _known() -> dict[str, Known]:
    return {each.id: each for each in known()}


SET = (OneHunk(), WholeReview())
