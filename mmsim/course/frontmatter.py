"""The head of a notebook: its first markdown cell, a title as a question and a list of fixed keys.

    # Why does one store sometimes rewrite a whole branch?

    - **Goals**
      1. Predict which leaves a store replaces.
      2. Name the write path that a store takes.
    - **Needs**: [03](03-writing.ipynb); inclusive ranges
    - **Minutes**: 55
    - **Difficulty**: 2 of 3
    - **Importance**: 3 of 3
    - **Kernel**: Linux 6.1, `mas_wr_spanning_store()`
    - **Links**: [the maple tree in the kernel's documentation](https://docs.kernel.org/core-api/maple_tree.html)

Goals begin with a doing word; Minutes are those of all sections together, optional ones apart.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

KEYS = ("Goals", "Needs", "Minutes", "Difficulty", "Importance", "Kernel", "Links")
MAX_MINUTES = 55
# What a goal may begin with: doing words whose result somebody else can see.
VERBS = frozenset(
    # one text is easier to keep in order than a hundred literals
    """add answer apply argue ask build calculate change check choose classify compare compute count cut decide
    defend describe diagnose distinguish draw erase explain express find follow fix give identify judge justify list
    load locate look map mark match measure merge move name observe open order place point predict prove read
    recognise reconstruct repair replay reproduce review run say search see set show simulate sketch split start
    state step store tell test trace translate use verify walk watch work write""".split()  # noqa: SIM905
)

_KEY = re.compile(r"- \*\*(\w+)\*\*:?[ \t]*(.*)")
_ITEM = re.compile(r"\s+(?:\d+\.|[-*])\s+(.+)")


@dataclass(frozen=True)
class FrontMatter:
    """What the head says, as text; `goals` in order, `minutes` None if it is no number."""

    title: str
    fields: dict[str, str] = field(default_factory=dict)
    goals: tuple[str, ...] = ()

    @property
    def minutes(self) -> int | None:
        """The minutes as a number, None if the head gives none."""
        text = self.fields.get("Minutes", "")
        return int(text) if text.isdecimal() else None


def parse(source: str) -> FrontMatter:
    r"""Read a head; whatever is missing is left out, and `faults` says so.

    >>> head = parse("# Why?\n- **Goals**\n  1. Read a tree.\n- **Minutes**: 5")
    >>> head.title, head.goals, head.minutes
    ('Why?', ('Read a tree.',), 5)
    """
    title, fields, goals, key = "", {}, [], ""
    for line in source.splitlines():
        if line.startswith("# ") and not title:
            title = line[2:].strip()
        elif entry := _KEY.fullmatch(line.rstrip()):
            key = entry[1]
            fields[key] = entry[2].strip()
        elif key == "Goals" and (item := _ITEM.fullmatch(line)):
            goals.append(item[1].strip())
    return FrontMatter(title, fields, tuple(goals))


def faults(head: FrontMatter) -> Iterator[str]:
    """What is wrong with a head, as `what, expected` lines."""
    if not head.title.endswith("?"):
        yield f"title {head.title!r}, expected a question: '# ...?'"
    if tuple(head.fields) != KEYS:
        yield f"keys {', '.join(head.fields) or 'none'}, expected {', '.join(KEYS)} in this order"
        return
    yield from _goal_faults(head.goals)
    yield from (f"{key} is empty, expected text" for key in ("Needs", "Links") if not head.fields[key])
    if head.minutes is None or not 1 <= head.minutes <= MAX_MINUTES:
        yield f"Minutes {head.fields['Minutes']!r}, expected a number from 1 to {MAX_MINUTES}"
    for key in ("Difficulty", "Importance"):
        if not re.fullmatch(r"[123] of 3", head.fields[key]):
            yield f"{key} {head.fields[key]!r}, expected '1 of 3', '2 of 3' or '3 of 3'"
    if not re.search(r"Linux \d+\.\d+.*`\w+\(\)`", head.fields["Kernel"]):
        yield f"Kernel {head.fields['Kernel']!r}, expected a version and functions: Linux 6.1, `name()`"


def _goal_faults(goals: tuple[str, ...]) -> Iterator[str]:
    if not 2 <= len(goals) <= 4:
        yield f"{len(goals)} goals, expected 2 to 4"
    for number, goal in enumerate(goals, 1):
        first, *rest = goal.split()
        if first.lower() not in VERBS or not rest:
            yield f"goal {number} begins with {first!r}, expected a doing word (see frontmatter.VERBS) and its object"
