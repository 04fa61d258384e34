"""Explained exemptions from the lint: `lint-exemptions.toml` beside the notebooks.

    [[exempt]]
    rule = "cell-count"
    notebook = "00-start-here.ipynb"
    reason = "The first notebook only checks the set-up and opens the first picture."

`cell` (an id) narrows an exemption to one cell. One that nothing needs is a problem itself.
"""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .book import Problem

FILE_NAME = "lint-exemptions.toml"
MIN_REASON = 20


class BadExemptions(Exception):
    """The exemption file cannot be used; the message is one line."""


@dataclass(frozen=True)
class Exemption:
    """A rule that a notebook, or one of its cells, need not keep, and why."""

    rule: str
    notebook: str
    reason: str
    cell: str = ""

    def covers(self, problem: Problem) -> bool:
        """True if this problem is exempted."""
        fits = problem.rule == self.rule and Path(problem.file).name == self.notebook
        return fits and self.cell in ("", problem.cell_id)


def read_exemptions(folder: Path, rules: Iterable[str]) -> list[Exemption]:
    """The exemptions of a folder, none if it has no such file; BadExemptions, one line, for a faulty one."""
    path = folder / FILE_NAME
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise BadExemptions(f"{path}: cannot be read: {error}") from None
    entries = data.get("exempt", [])
    if set(data) - {"exempt"} or not isinstance(entries, list):
        raise BadExemptions(f"{path}: expected [[exempt]] tables only")
    return [_exemption(path, number, entry, set(rules)) for number, entry in enumerate(entries, 1)]


def _exemption(path: Path, number: int, entry: object, rules: set[str]) -> Exemption:
    where = f"{path}: exemption {number}"
    fields = dict(entry) if isinstance(entry, dict) else {}
    if not {"rule", "notebook", "reason"} <= set(fields) <= {"rule", "notebook", "reason", "cell"}:
        raise BadExemptions(f"{where}: expected rule, notebook, reason and perhaps cell")
    if not all(isinstance(value, str) for value in fields.values()):
        raise BadExemptions(f"{where}: expected text in every field")
    if fields["rule"] not in rules:
        raise BadExemptions(f"{where}: no rule {fields['rule']!r}, expected one of: {', '.join(sorted(rules))}")
    if len(fields["reason"]) < MIN_REASON:
        raise BadExemptions(f"{where}: reason of {len(fields['reason'])} characters, expected at least {MIN_REASON}")
    return Exemption(**fields)


def apply(problems: Iterable[Problem], exemptions: Iterable[Exemption], linted: Iterable[Path]) -> list[Problem]:
    """The problems that stay, and one for each exemption of a linted notebook that nothing needed."""
    problems, names = list(problems), {path.name for path in linted}
    kept = [problem for problem in problems if not any(one.covers(problem) for one in exemptions)]
    for one in exemptions:
        if one.notebook in names and not any(map(one.covers, problems)):
            place = f"{one.notebook} {one.cell}".strip()
            what = f"exemption from {one.rule} for {place} is not needed, expected it removed"
            kept.append(Problem(FILE_NAME, 0, "", "unused-exemption", what))
    return kept
