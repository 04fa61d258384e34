"""The learner's names in a notebook's cells: each exercise from its own definition, in a fresh state.

Nothing depends on cells, ids or metadata: they get lost. Of several definitions the last counts.
"""

import ast
import json
from collections.abc import Iterable
from dataclasses import dataclass

from .plain import NotPlain, Plain, blank, plain

DEFINING = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign, ast.AugAssign)
IMPORTING = (ast.Import, ast.ImportFrom)


class UnreadableNotebook(Exception):
    """A text that is no notebook; the message is one line."""


@dataclass(frozen=True)
class Program:
    """The source that defines a name, with all it needs; `notes` say what was odd. Not found: no source."""

    source: str
    notes: tuple[str, ...] = ()


def code_cells(text: str) -> list[str]:
    """The sources of a notebook's code cells; UnreadableNotebook if the text is none."""
    try:
        cells = json.loads(text)["cells"]
        sources = [cell["source"] for cell in cells if cell["cell_type"] == "code"]
        return [source if type(source) is str else "".join(source) for source in sources]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise UnreadableNotebook("this is not a notebook, expected the JSON of an .ipynb file") from None


def program(cells: Iterable[str], name: str) -> Program:
    """The last definition of `name`, and the last definitions and imports of what it uses.

    >>> program(["import math", "k = 2", "k = 3", "def f(x): return k * x", "print(f(1))"], "f").source.splitlines()
    ['k = 3', 'def f(x): return k * x']
    """
    statements, notes = _statements(cells)
    owners = _owners(statements)
    if name not in owners:
        return Program("", (*notes, f"`{name}` is not defined anywhere"))
    whole = [n for n in owners[name] if not _partial(statements[n])]
    if len(whole) > 1 and not _filled_in(statements, whole):
        notes.append(f"`{name}` is defined more than once: the last definition counts")
    wanted, kept = [name], set()
    while wanted:
        for number in _last(statements, owners.get(wanted.pop(), [])):
            if number not in kept:
                kept.add(number)
                wanted += _used(statements[number])
    stars = {n for n, one in enumerate(statements) if isinstance(one, IMPORTING) and one.names[0].name == "*"}
    return Program("\n".join(_text(statements[n]) for n in sorted(kept | stars)), tuple(notes))


def literal(cells: Iterable[str], name: str) -> tuple[bool, Plain, tuple[str, ...]]:
    """Whether `name` has a written-out value, the value, and notes: read, never run.

    `name["key"] = ...` below it counts. A value that is computed is none: a prediction is written down.

    >>> literal(["guess = {'a': None}", "guess['a'] = (1, 2)"], "guess")
    (True, {'a': [1, 2]}, ())
    >>> literal(["guess = 1 + len('a')"], "guess")
    (False, None, ('`guess` is computed, expected a value that is written out',))
    """
    statements, notes = _statements(cells)
    numbers = _owners(statements).get(name, [])
    if not numbers:
        return False, None, (*notes, f"`{name}` is not defined anywhere")
    whole = [n for n in numbers if not _partial(statements[n])]
    if len(whole) > 1 and not _filled_in(statements, whole):
        notes.append(f"`{name}` is defined more than once: the last definition counts")
    try:
        first, *more = [statements[n] for n in _last(statements, numbers)]
        found = _value_of(first)
        for statement in more:
            found[ast.literal_eval(statement.targets[0].slice)] = _value_of(statement)  # type: ignore[attr-defined]
        return True, plain(found), tuple(notes)
    except (NotPlain, ValueError, TypeError, AttributeError, LookupError, RecursionError, MemoryError):
        return False, None, (*notes, f"`{name}` is computed, expected a value that is written out")


def _value_of(statement: ast.stmt) -> Plain:
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]  # type: ignore[attr-defined]
    if isinstance(statement, ast.AugAssign) or len(targets) != 1 or isinstance(targets[0], ast.Tuple | ast.List):
        raise ValueError
    return ast.literal_eval(statement.value)  # type: ignore[attr-defined]


def _owners(statements: list[ast.stmt]) -> dict[str, list[int]]:
    """Which statements define each name."""
    owners: dict[str, list[int]] = {}
    for number, statement in enumerate(statements):
        for defined in _defined(statement):
            owners.setdefault(defined, []).append(number)
    return owners


def _statements(cells: Iterable[str]) -> tuple[list[ast.stmt], list[str]]:
    found: list[ast.stmt] = []
    notes: list[str] = []
    for number, cell in enumerate(cells, 1):
        lines = ["" if line.lstrip().startswith(("%", "!")) else line for line in cell.splitlines()]
        source = "\n".join(lines)
        try:
            body = ast.parse(source).body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            notes.append(f"code cell {number} is not Python and was left out")
            continue
        for statement in body:
            if isinstance(statement, (*DEFINING, *IMPORTING)):
                statement._text = ast.get_source_segment(source, statement)  # type: ignore[attr-defined]
                if getattr(statement, "decorator_list", None):
                    first = statement.decorator_list[0].lineno - 1  # type: ignore[union-attr]
                    statement._text = "\n".join(lines[first : statement.end_lineno])  # type: ignore[attr-defined]
                found.append(statement)
    return found, notes


def _text(statement: ast.stmt) -> str:
    return statement._text  # type: ignore[attr-defined]


def _filled_in(statements: list[ast.stmt], numbers: list[int]) -> bool:
    """A value that is empty in the stub and filled in below it is no duplicate."""
    try:
        return len(numbers) == 2 and blank(plain(_value_of(statements[numbers[0]])))
    except (NotPlain, ValueError, AttributeError, TypeError, RecursionError, MemoryError):
        return False


def _last(statements: list[ast.stmt], numbers: list[int]) -> list[int]:
    """The last whole definition, and the `x += ...` and `x[0] = ...` that follow it."""
    whole = [n for n in numbers if not _partial(statements[n])]
    return [n for n in numbers if n >= whole[-1]] if whole else numbers


def _partial(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.AugAssign):
        return True
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    return bool(targets) and not any(isinstance(node, ast.Name) for target in targets for node in _parts(target))


def _parts(target: ast.expr) -> list[ast.expr]:
    if isinstance(target, ast.Tuple | ast.List):
        return [part for one in target.elts for part in _parts(one)]
    return [target.value] if isinstance(target, ast.Starred) else [target]


def _defined(statement: ast.stmt) -> list[str]:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [statement.name]
    if isinstance(statement, IMPORTING):
        return [(one.asname or one.name).partition(".")[0] for one in statement.names]
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]  # type: ignore[attr-defined]
    names = []
    for target in (part for one in targets for part in _parts(one)):
        while isinstance(target, ast.Subscript | ast.Attribute):
            target = target.value
        if isinstance(target, ast.Name):
            names.append(target.id)
    return names


def _used(statement: ast.stmt) -> list[str]:
    return [node.id for node in ast.walk(statement) if isinstance(node, ast.Name)]
