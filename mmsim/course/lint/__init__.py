"""Our notebook lint: what nbval cannot see, and what the course's guide asks of a notebook."""

from collections.abc import Sequence
from pathlib import Path

from ..questions import Bank
from . import outputs, reading, source, structure, teaching  # noqa: F401 - each registers its rules
from .book import Book, Problem, UnreadableNotebook
from .exemptions import BadExemptions, apply, read_exemptions
from .rules import RULES, check

__all__ = ["RULES", "BadExemptions", "Book", "Problem", "UnreadableNotebook", "check", "lint", "notebooks_in"]


def notebooks_in(paths: Sequence[Path]) -> list[Path]:
    """The notebooks meant by files and folders, in order; a folder's checkpoints are left out."""
    found: list[Path] = []
    for path in paths:
        found += sorted(path.glob("*.ipynb")) if path.is_dir() else [path]
    return found


def lint(paths: Sequence[Path], bank: Bank | None = None) -> list[Problem]:
    """All problems that no exemption covers; UnreadableNotebook or BadExemptions if a file is unusable."""
    files = notebooks_in(paths)
    bank = bank or Bank()
    problems: list[Problem] = []
    for folder in dict.fromkeys(file.parent for file in files):
        mine = [file for file in files if file.parent == folder]
        found = [problem for file in mine for problem in check(Book.read(file, bank))]
        problems += apply(found, read_exemptions(folder, RULES), mine)
    return problems
