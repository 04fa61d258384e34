"""Rules on the text: pictures described, links that lead somewhere, live cells where the text says so."""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from .book import Book, Cell, joined
from .outputs import MIN_DESCRIPTION
from .rules import Found, rule

_CODE = re.compile(r"(?ms)^(```|~~~).*?^\1|`[^`\n]*`")
# A target may hold one pair of brackets, as the anchors of our headings do.
_TARGET = r"\(((?:[^()\s]|\([^()\s]*\))+)[^)]*\)"
_IMAGE = re.compile(r"!\[([^\]]*)\]" + _TARGET)
_IMG = re.compile(r"<img\b[^>]*>", re.IGNORECASE)
_ALT = re.compile(r"""\balt\s*=\s*(["'])(.*?)\1""")
_LINK = re.compile(r"(?<!!)\[[^\]]*\]" + _TARGET)
# The kinds of file whose headings are known, and what a link to one of them looks like.
_FORM = {".ipynb": "3-Name-(5-min)", ".md": "a-term"}
_LIVE = re.compile(r"\blive\b", re.IGNORECASE)
_LIVE_MARK = re.compile(r"\*\*live\b[^*]*\*\*", re.IGNORECASE)


@rule("alt-text")
def alt_text(book: Book) -> Found:
    """Every picture in the text has a description, and not its file's name."""
    for cell in book.text:
        for alt, source in _pictures(_CODE.sub("", cell.source)):
            if len(alt) < MIN_DESCRIPTION or alt == Path(source).name:
                wanted = f"at least {MIN_DESCRIPTION} characters that say what it shows"
                yield cell, f"picture described as {alt!r}, expected {wanted}"


@rule("link")
def links(book: Book) -> Found:
    """Links lead to files and headings that exist; those to the web are looked at only in form."""
    for cell in book.text:
        text = _CODE.sub("", cell.source)
        for target in [*_LINK.findall(text), *(source for _, source in _IMAGE.findall(text))]:
            if fault := _link_fault(book, target):
                yield cell, f"link {target!r} {fault}"


@rule("live-claim")
def live_claim(book: Book) -> Found:
    """Where the text says live there is a live cell, and where there is one the text says so."""
    for section in book.sections:
        said = any(_says_live(cell) for cell in section.cells if cell.is_text)
        live = [cell for cell in section.cells if cell.is_code and "live" in cell.tags]
        if said and not live:
            yield section.cells[0], "the text says live, expected a code cell tagged 'live' in this section"
        if live and not said:
            yield live[0], "a live cell without a word, expected 'live' in the heading or '**Live**' in the text"


@rule("ignored-output")
def ignored_output(book: Book) -> Found:
    """Only live cells go uncompared, and an `invariants` cell of the same section is compared instead."""
    for cell in book.code:
        if "NBVAL" in cell.source:
            yield cell, "an nbval comment, expected a tag"
        if "nbval-ignore-output" not in cell.tags:
            continue
        if "live" not in cell.tags:
            yield cell, "nbval-ignore-output on a cell that is not live, expected compared output"
        if not any(_compares(other) for other in book.section_of(cell).cells if other.number > cell.number):
            yield cell, "uncompared output, expected a cell tagged 'invariants' with output after it in this section"


def _pictures(text: str) -> Iterator[tuple[str, str]]:
    yield from _IMAGE.findall(text)
    for element in _IMG.findall(text):
        alt = _ALT.search(element)
        yield (alt[2] if alt else ""), element


def _link_fault(book: Book, target: str) -> str:
    """What is wrong with a link, empty if nothing is."""
    parts = urlsplit(target)
    if parts.scheme in ("http", "https"):
        return "" if parts.netloc else "has no host, expected https://host/..."
    if parts.scheme or parts.path.startswith("/"):
        return "is neither relative nor on the web, expected one of both"
    file = book.path.parent / unquote(parts.path) if parts.path else book.path
    if parts.path and not file.exists():
        return "leads to no file, expected one that exists"
    if parts.fragment and file.suffix in _FORM:
        texts = [cell.source for cell in book.text] if file == book.path else _texts(file)
        if unquote(parts.fragment) not in anchors(texts):
            return f"leads to no heading, expected '#{_FORM[file.suffix]}' as JupyterLab builds it"
    return ""


def _texts(file: Path) -> list[str]:
    """The markdown of a notebook, cell by cell, or of a text file."""
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".md":
        return [text]
    return [joined(cell["source"]) for cell in json.loads(text)["cells"] if cell["cell_type"] == "markdown"]


def anchors(texts: Iterable[str]) -> set[str]:
    r"""The fragments that lead to a heading of these markdown texts, as JupyterLab builds them.

    >>> sorted(anchors(["# The `brk()` call\n", "text\n## 2 *See* (5 min)"]))
    ['2-See-(5-min)', 'The-brk()-call']
    """
    lines = [line for text in texts for line in _without_fences(text).splitlines() if re.match(r"#+ ", line)]
    return {re.sub(r"[`*]", "", line.lstrip("#").strip()).replace(" ", "-") for line in lines}


def _without_fences(text: str) -> str:
    return re.sub(r"(?ms)^(```|~~~).*?^\1", "", text)


def _says_live(cell: Cell) -> bool:
    first = cell.source.splitlines()[0] if cell.source else ""
    return (first.startswith("## ") and bool(_LIVE.search(first))) or bool(_LIVE_MARK.search(cell.source))


def _compares(cell: Cell) -> bool:
    return "invariants" in cell.tags and "nbval-ignore-output" not in cell.tags and bool(cell.outputs)
