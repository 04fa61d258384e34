"""Rules on the notebook as a whole: its format, head, headings, parts, and sizes."""

import re
from itertools import pairwise
from statistics import median

from ..frontmatter import MAX_MINUTES, faults, parse
from .book import PARTS, TAGS, Book, Cell
from .rules import Found, rule

CELLS = range(40, 61)
WORDS_PER_LINE = (7, 20)
MEDIAN_LINES, MAX_LINES = 3, 15
CODE_IN_A_ROW = 3
SHOWN = {"text/plain", "text/html", "image/svg+xml", "image/png"}
ASKING = ("ask", "predict", "answer", "warmup", "checkpoint")

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_FENCE = re.compile(r"(?ms)^(```|~~~).*?^\1")


@rule("format")
def notebook_format(book: Book) -> Found:
    """The kernel is python3 and the format at least 4.5."""
    minor = book.raw.get("nbformat_minor")
    if not isinstance(minor, int) or minor < 5:
        yield None, f"nbformat 4.{minor}, expected 4.5 or newer"
    kernel = book.raw.get("metadata", {}).get("kernelspec", {}).get("name")
    if kernel != "python3":
        yield None, f"kernelspec {kernel!r}, expected 'python3'"


@rule("cell-id")
def cell_ids(book: Book) -> Found:
    """Every cell has an id of its own."""
    seen: dict[str, int] = {}
    for cell in book.cells:
        if not _ID.fullmatch(cell.id):
            yield cell, f"cell id {cell.id!r}, expected letters, digits, '-' and '_'"
        elif cell.id in seen:
            yield cell, f"cell id {cell.id!r} as in cell {seen[cell.id]}, expected one of its own"
        seen.setdefault(cell.id, cell.number)


@rule("metadata")
def metadata(book: Book) -> Found:
    """No widget state, no timing, nothing but tags: all of it changes with every run."""
    if "widgets" in book.raw.get("metadata", {}):
        yield None, "widget state in the metadata, expected none (run mmsim.course.refresh)"
    for cell in book.cells:
        extra = sorted(set(cell.raw.get("metadata", {})) - {"tags", "nbgrader"})
        if extra:
            yield cell, f"metadata {', '.join(extra)}, expected tags only (run mmsim.course.refresh)"


@rule("editors")
def editors(book: Book) -> Found:
    """Outputs are of types that every notebook editor shows without an extension."""
    for cell in book.code:
        kinds = {kind for output in cell.outputs for kind in output.get("data", {})}
        if unknown := sorted(kinds - SHOWN):
            yield cell, f"output of type {', '.join(unknown)}, expected only {', '.join(sorted(SHOWN))}"


@rule("front-matter")
def front_matter(book: Book) -> Found:
    """The first cell is a complete head."""
    if not book.cells or not book.cells[0].is_text:
        yield None, "no head, expected a markdown cell with title and front matter first"
        return
    for fault in faults(parse(book.cells[0].source)):
        yield book.cells[0], fault


@rule("heading")
def headings(book: Book) -> Found:
    """Sections are numbered 1, 2, ... and each says its minutes."""
    for cell in book.text:
        lines = _FENCE.sub("", cell.source).splitlines()
        if any(line.startswith("## ") for line in lines[1:]):
            yield cell, "a '##' heading below other text, expected it at the top of its own cell"
    for number, section in enumerate(book.sections, 1):
        if not section.parts:
            yield section.cells[0], f"heading {section.heading!r}, expected '## {number} Name (5 min)'"
        elif int(section.parts[1]) != number:
            yield section.cells[0], f"section number {section.parts[1]}, expected {number}"


@rule("minutes")
def minutes(book: Book) -> Found:
    """The sections' minutes add up to those in the head."""
    stated = parse(book.cells[0].source).minutes if book.cells else None
    total = sum(section.minutes for section in book.sections)
    if stated is not None and stated != total:
        yield book.cells[0], f"Minutes {stated}, but the sections add up to {total}: expected both equal"
    if total > MAX_MINUTES:
        yield None, f"{total} minutes in all, expected at most {MAX_MINUTES}"


@rule("tag")
def tags(book: Book) -> Found:
    """Only known tags."""
    for cell in book.cells:
        for tag in cell.tags:
            if tag not in TAGS:
                yield cell, f"tag {tag!r}, expected one of: {', '.join(sorted(TAGS))}"


@rule("part-missing")
def parts_present(book: Book) -> Found:
    """Every part of the template is there."""
    used = {tag for cell in book.cells for tag in cell.tags}
    for part in PARTS:
        if part not in used:
            yield None, f"no cell tagged {part!r}, expected every part of the template"


@rule("part-order")
def parts_in_order(book: Book) -> Found:
    """The parts begin in the template's order."""
    first = {part: cell for cell in reversed(book.cells) for part in PARTS if part in cell.tags}
    begun = [(part, first[part]) for part in PARTS if part in first]
    for (earlier, one), (later, two) in pairwise(begun):
        if two.number < one.number:
            yield two, f"part {later!r} begins before {earlier!r} (cell {one.number}), expected it after"


@rule("cell-count")
def cell_count(book: Book) -> Found:
    """The notebook has a size that fits into one sitting."""
    count = len(book.code) + len(book.text)
    if count not in CELLS:
        yield None, f"{count} cells, expected {CELLS.start} to {CELLS.stop - 1}"


@rule("code-length")
def code_length(book: Book) -> Found:
    """Code cells are short, most of them very short."""
    sizes = {cell: len(code_lines(cell)) for cell in book.code}
    for cell, size in sizes.items():
        if size > MAX_LINES:
            yield cell, f"{size} lines of code, expected at most {MAX_LINES}"
    typical = median(sizes.values()) if sizes else 0
    if typical > MEDIAN_LINES:
        yield None, f"median of {typical:g} lines a code cell, expected at most {MEDIAN_LINES}"


@rule("words-per-line")
def words_per_line(book: Book) -> Found:
    """Text and code are balanced."""
    lines = sum(len(code_lines(cell)) for cell in book.code)
    words = sum(len(cell.source.split()) for cell in book.text)
    low, high = WORDS_PER_LINE
    if lines and not low <= words / lines <= high:
        yield None, f"{words / lines:.1f} words a line of code, expected {low} to {high}"


@rule("code-run")
def code_in_a_row(book: Book) -> Found:
    """After three code cells comes a text or a question: nobody should only press shift-enter."""
    row = 0
    for cell in book.cells:
        asks = cell.is_code and any(cell.calls(*ASKING))
        row = row + 1 if cell.is_code and not asks else 0
        if row == CODE_IN_A_ROW + 1:
            yield cell, f"code cell {row} in a row, expected a question or text after {CODE_IN_A_ROW}"


def code_lines(cell: Cell) -> list[str]:
    """The lines of a cell that are not blank."""
    return [line for line in cell.source.splitlines() if line.strip()]
