"""Rules on stored outputs: all run, in order, comparable, readable for everyone, nobody's own data."""

import ast
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from html import unescape

from ..svg import drawings
from .book import Book, Cell
from .rules import Found, rule

MIN_NAME, MIN_DESCRIPTION = 8, 12
SHOWING = ("print", "display", "ask", "predict", "compare", "answer", "checkpoint", "warmup", "progress")
RASTER = ("image/png", "image/jpeg")

_ADDRESS = re.compile(r"<[^<>\n]{1,200} at 0x[0-9a-fA-F]+[^<>\n]*>")
_MACHINE = re.compile(r"""(?<![\w<])(?:/home/|/root(?![\w-])|/tmp/|/Users/|/var/folders/|[A-Z]:\\Users\\)[^\s'"<>]*""")
_FILE_NAME = re.compile(r"\S+\.\w{2,5}")
_SCRIPT = re.compile(r"<script\b.*?</script>", re.DOTALL)
_SPACE = "{http://www.w3.org/2000/svg}"


@rule("not-run")
def run_in_order(book: Book) -> Found:
    """Every code cell was run, once, from top to bottom: nbval skips a cell without a count."""
    for wanted, cell in enumerate(book.code, 1):
        count = cell.raw.get("execution_count")
        if count is None:
            yield cell, f"not run, expected execution count {wanted}"
        elif count != wanted:
            yield cell, f"execution count {count}, expected {wanted}"


@rule("no-output")
def outputs_present(book: Book) -> Found:
    """Cells that show something have their output stored: nbval passes a stripped notebook."""
    if book.code and not any(cell.outputs for cell in book.code):
        yield None, "no output at all, expected stored outputs (run mmsim.course.refresh)"
        return
    for cell in book.code:
        if not cell.outputs and _shows(cell):
            yield cell, "no output, expected what its last line shows (run mmsim.course.refresh)"


@rule("error")
def errors(book: Book) -> Found:
    """No error but where it is the lesson, and then there is one."""
    for cell in book.code:
        kinds = [output.get("ename", "") for output in cell.outputs if output.get("output_type") == "error"]
        if kinds and "raises-exception" not in cell.tags:
            yield cell, f"error {kinds[0]}, expected none (or the tag raises-exception)"
        if not kinds and "raises-exception" in cell.tags:
            yield cell, "tagged raises-exception without an error, expected one"


@rule("stderr")
def stderr(book: Book) -> Found:
    """Nothing on stderr: warnings come and go with versions."""
    for cell, _, text in _outputs(book, "stderr"):
        yield cell, f"stderr {_short(text)!r}, expected none"


@rule("raster-only")
def raster_only(book: Book) -> Found:
    """No picture as pixels only: nbval never compares them and nobody can read them aloud."""
    for cell in book.code:
        for output in cell.outputs:
            data = output.get("data", {})
            pixels = [mime for mime in RASTER if mime in data]
            if pixels and not ("text/plain" in data and {"image/svg+xml", "text/html"} & set(data)):
                yield cell, f"{pixels[0]} alone, expected text/plain with image/svg+xml or text/html beside it"


@rule("svg-text")
def svg_text(book: Book) -> Found:
    """Every SVG has a role, a name and a description that says something."""
    for cell, _, text in _outputs(book, "image/svg+xml", "text/html"):
        shown = _SCRIPT.sub("", text)
        for start, end in drawings(shown):
            for fault in _svg_faults(shown[start:end]):
                yield cell, f"SVG {fault}"


@rule("object-address")
def object_address(book: Book) -> Found:
    """No `<Thing at 0x...>`: it differs in every run."""
    for cell, _, text in _outputs(book):
        if found := _ADDRESS.search(unescape(text)):
            yield cell, f"{_short(found[0])!r} in the output, expected a readable repr"


@rule("machine-path")
def machine_path(book: Book) -> Found:
    """No path that names the author's machine or home."""
    for cell, _, text in _outputs(book):
        if found := _MACHINE.search(text):
            yield cell, f"path {_short(found[0])!r} in the output, expected nothing of one machine"


def _outputs(book: Book, *kinds: str) -> Iterator[tuple[Cell, str, str]]:
    """Output texts of the wanted kinds (all if none is given), one each per cell and kind."""
    for cell in book.code:
        for kind, text in cell.texts():
            if not kinds or kind in kinds:
                yield cell, kind, text


def _shows(cell: Cell) -> bool:
    """True if the last line is surely shown: a value that is no call, or a call known to show."""
    last = cell.tree.body[-1] if cell.tree and cell.tree.body else None
    if not isinstance(last, ast.Expr):
        return False
    if not isinstance(last.value, ast.Call):
        return not (isinstance(last.value, ast.Constant) and last.value.value in (None, ...))
    function = last.value.func
    return isinstance(function, ast.Name) and function.id in SHOWING


def _svg_faults(svg: str) -> Iterator[str]:
    try:
        root = ET.fromstring(svg.replace("&nbsp;", "&#160;"))
    except ET.ParseError as error:
        yield f"is not well-formed ({error}), expected XML"
        return
    if root.get("aria-hidden") == "true":
        return
    if root.get("role") != "img":
        yield f'has role {root.get("role")!r}, expected role="img"'
    for name, least in (("title", MIN_NAME), ("desc", MIN_DESCRIPTION)):
        found = root.find(f"{_SPACE}{name}")
        found = root.find(name) if found is None else found
        text = "" if found is None else "".join(found.itertext()).strip()
        if len(text) < least or _FILE_NAME.fullmatch(text):
            yield f"<{name}> {text!r}, expected at least {least} characters that say what it shows"


def _short(text: str) -> str:
    line = text.strip().splitlines()[0] if text.strip() else ""
    return line if len(line) <= 60 else f"{line[:57]}..."
