"""The learner's names in a notebook's cells: each exercise from its own definition, in a fresh state.

Nothing depends on cells, ids or metadata: they get lost. Of several definitions the last counts.
"""

import ast
import json
import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from .plain import NotPlain, Plain, blank, plain

MOST_CODE = 100_000
"""Signs of code that are read of a notebook, in all: what Python makes of a source is a thousand times as large."""
MOST_NOTES = 10

DEFINING = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign, ast.AugAssign)
IMPORTING = (ast.Import, ast.ImportFrom)
_RUN_ANYWAY = ("%%time", "%%capture", "%%timeit", "%%prun")
"""Magics whose cell is Python; any other may name another language."""
_MAGIC = re.compile(r"[%!?]|.*\?$|[\w., ]+=\s*[%!]")
_NO_PYTHON = (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError)
_NO_VALUE = (*_NO_PYTHON, NotPlain, TypeError, AttributeError, LookupError)


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
    wanted, known, kept = [name], {name}, set()
    while wanted:
        for number in _last(statements, owners.get(wanted.pop(), [])):
            if number not in kept:
                kept.add(number)
                new = _used(statements[number]) - known
                known |= new
                wanted += sorted(new)
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
    except _NO_VALUE:
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
    found, notes = _parsed(tuple(cells))
    return list(found), list(notes)


@lru_cache(maxsize=1)
def _parsed(cells: tuple[str, ...]) -> tuple[tuple[ast.stmt, ...], tuple[str, ...]]:
    """What defines something, and notes; kept, as each exercise of a notebook asks for it again."""
    found: list[ast.stmt] = []
    notes: list[str] = []
    left = MOST_CODE
    for number, cell in enumerate(cells, 1):
        if len(cell) > left:
            notes.append(f"code cell {number} was left out: more than {MOST_CODE} signs of code")
            continue
        left -= len(cell)
        try:
            source, body = _python(cell)
        except _NO_PYTHON:
            notes.append(f"code cell {number} is not Python and was left out")
            continue
        lines = source.encode().split(b"\n")
        for statement in body:
            if isinstance(statement, (*DEFINING, *IMPORTING)):
                statement._text = _segment(lines, statement)  # type: ignore[attr-defined]
                found.append(statement)
    if len(notes) > MOST_NOTES:
        notes[MOST_NOTES:] = [f"and {len(notes) - MOST_NOTES} more code cells were left out"]
    return tuple(found), tuple(notes)


def _python(cell: str) -> tuple[str, list[ast.stmt]]:
    """A cell's source and statements. Only in a cell that is no Python as it stands are lines taken for magics."""
    lines = re.split("\r\n|\r|\n", cell)
    first = next((number for number, line in enumerate(lines) if line.strip()), 0)
    if lines[first].lstrip().startswith("%%"):
        if not lines[first].lstrip().startswith(_RUN_ANYWAY):
            raise ValueError("a cell in another language")
        lines[first] = ""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # else a learner's text gets to the terminal
        try:
            source = "\n".join(lines)
            return source, ast.parse(source).body
        except SyntaxError:
            source = "\n".join(_without_magic(line) for line in lines)
            return source, ast.parse(source).body


def _without_magic(line: str) -> str:
    indent = line[: len(line) - len(line.lstrip())]
    return f"{indent}pass" if _MAGIC.match(line.strip()) else line


def _segment(lines: list[bytes], statement: ast.stmt) -> str:
    """A statement's own text, decorators included; `ast.get_source_segment` cuts all into lines each time."""
    decorators = getattr(statement, "decorator_list", None)
    first, begin = (decorators[0].lineno, 0) if decorators else (statement.lineno, statement.col_offset)
    last, end = statement.end_lineno or first, statement.end_col_offset
    part = lines[first - 1 : last]
    part[-1] = part[-1][:end]
    part[0] = part[0][begin:]
    return b"\n".join(part).decode()


def _text(statement: ast.stmt) -> str:
    return statement._text  # type: ignore[attr-defined]


def _filled_in(statements: list[ast.stmt], numbers: list[int]) -> bool:
    """A value that is empty in the stub and filled in below it is no duplicate."""
    try:
        return len(numbers) == 2 and blank(plain(_value_of(statements[numbers[0]])))
    except _NO_VALUE:
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


def _used(statement: ast.stmt) -> set[str]:
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
