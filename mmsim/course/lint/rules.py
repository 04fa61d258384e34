"""The register of the lint's rules: each a generator of (cell or None, what) for one notebook."""

from collections.abc import Callable, Iterator

from .book import Book, Cell, Problem

Found = Iterator[tuple[Cell | None, str]]
Rule = Callable[[Book], Found]

RULES: dict[str, Rule] = {}


def rule(name: str) -> Callable[[Rule], Rule]:
    """Register a function as the rule of this name."""

    def register(function: Rule) -> Rule:
        RULES[name] = function
        return function

    return register


def check(book: Book) -> list[Problem]:
    """All problems of a notebook, by cell and then by rule."""
    found = [book.problem(name, cell, what) for name, rule in RULES.items() for cell, what in rule(book)]
    return sorted(found, key=lambda problem: (problem.cell, problem.rule, problem.what))
