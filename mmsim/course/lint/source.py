"""Rules on the source of code cells: what nbval would not see, or would see wrongly."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator

from .book import Book, Cell
from .rules import Found, rule

FUNCTION_LINES = 8
# nbval ignores or misreads these, so that a checked cell would differ from what JupyterLab stored.
NOT_CHECKED = frozenset(
    {"Output", "interact", "interactive_output", "clear_output", "update_display", "In", "Out", "get_ipython"}
)
_MAGIC = re.compile(r"\s*(%|!|\?\w)|.*\w\?{1,2}\s*$")


@rule("syntax")
def syntax(book: Book) -> Found:
    """The source is plain Python: an unknown magic swallows the rest of its cell."""
    for cell in book.code:
        if cell.tree is None:
            magic = next((line for line in cell.source.splitlines() if _MAGIC.match(line)), None)
            what = f"magic {magic.strip()!r}" if magic else "source that is not Python"
            yield cell, f"{what}, expected plain Python"


@rule("semicolon")
def semicolon(book: Book) -> Found:
    """No line ends with a semicolon: under nbval it does not hide the value."""
    for cell in book.code:
        for line in _semicolon_lines(cell):
            yield cell, f"line {line} ends with ';', expected '_ = ...' to hide a value"


@rule("not-checkable")
def not_checkable(book: Book) -> Found:
    """No name whose effect nbval does not reproduce."""
    for cell in book.code:
        for name in sorted(set(_names(cell)) & NOT_CHECKED):
            yield cell, f"{name} is used, expected a widget that sets .value, or plain results"
        for call in cell.calls("display"):
            if any(keyword.arg == "display_id" for keyword in call.keywords):
                yield cell, "display_id is used, expected a widget that sets .value, or plain results"


@rule("function-length")
def function_length(book: Book) -> Found:
    """Helpers live in the package, not in notebooks."""
    for cell in book.code:
        for node in ast.walk(cell.tree) if cell.tree else ():
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                size = (node.end_lineno or node.lineno) - node.lineno + 1
                if size > FUNCTION_LINES:
                    yield cell, f"function {node.name} has {size} lines, expected at most {FUNCTION_LINES}"


def _names(cell: Cell) -> Iterator[str]:
    for node in ast.walk(cell.tree) if cell.tree else ():
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.alias):
            yield node.name.rpartition(".")[2]


def _semicolon_lines(cell: Cell) -> Iterator[int]:
    """The lines whose last token is a semicolon; one inside a text or comment does not count."""
    if cell.tree is None:
        return
    last = None
    for token in tokenize.generate_tokens(io.StringIO(cell.source).readline):
        if token.type in (tokenize.NEWLINE, tokenize.NL) and last and last.string == ";":
            yield last.start[0]
        if token.type != tokenize.COMMENT:
            last = token
