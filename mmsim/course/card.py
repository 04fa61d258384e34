"""Cards: what the course functions show, one structure with a text and an HTML form.

Both forms are rendered from the same blocks, so they cannot drift apart. Colours are left to the
theme (text is always in the theme's own colour) but for one edge mark of at least 3:1 in both.
"""

import re
import textwrap
from dataclasses import dataclass
from html import escape
from typing import Protocol

WIDTH = 88
EDGE = "#0072B2"
LEFT = 'style="text-align:left"'  # JupyterLab's own style puts cells to the right, which suits no text


class Block(Protocol):
    """One part of a card, in both forms."""

    def text(self) -> str:
        """The part for a terminal."""
        ...

    def html(self) -> str:
        """The part for a notebook."""
        ...


@dataclass(frozen=True)
class Para:
    """Running text: blank lines part paragraphs, four spaces indent a listing, `x` is code."""

    content: str
    strong: bool = False

    def text(self) -> str:
        """See Block."""
        return "\n".join(_plain(part) for part in _parts(self.content))

    def html(self) -> str:
        """See Block."""
        return "".join(self._element(part) for part in _parts(self.content))

    def _element(self, part: str) -> str:
        if _is_listing(part):
            return f'<pre style="margin:0 0 1em 2em">{escape(textwrap.dedent(part))}</pre>'
        inner = inline(part)
        return f"<p><strong>{inner}</strong></p>" if self.strong else f"<p>{inner}</p>"


@dataclass(frozen=True)
class Choices:
    """The lettered choices of a question, as a real list."""

    items: tuple[tuple[str, str], ...]

    def text(self) -> str:
        """See Block."""
        return "\n".join(_hang(f"  {letter}  ", body) for letter, body in self.items)

    def html(self) -> str:
        """See Block."""
        rows = "".join(f"<li>{inline(body)}</li>" for _, body in self.items)
        # JupyterLab's own style overrules the type, and shows 1, 2, 3.
        return f'<ol type="A" style="list-style-type:upper-alpha">{rows}</ol>'


@dataclass(frozen=True)
class Table:
    """A small table; the first cell of a row is its label."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    links: tuple[tuple[str, str], ...] = ()

    def text(self) -> str:
        """See Block."""
        lines = (self.head, *self.rows)
        wide = [max(len(row[i]) for row in lines) for i in range(len(self.head))]
        return "\n".join(
            "  " + "  ".join(cell.ljust(w) for cell, w in zip(row, wide, strict=True)).rstrip() for row in lines
        )

    def html(self) -> str:
        """See Block."""
        head = "".join(map(_head_cell, self.head))
        body = "".join(self._row(row) for row in self.rows)
        return (
            f"<table><caption>{inline(self.caption)}</caption>"
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )

    def _row(self, row: tuple[str, ...]) -> str:
        cells = "".join(f"<td {LEFT}>{self._cell(cell)}</td>" for cell in row[1:])
        return f'<tr><th scope="row" {LEFT}>{self._cell(row[0])}</th>{cells}</tr>'

    def _cell(self, cell: str) -> str:
        target = dict(self.links).get(cell)
        inner = inline(cell)
        return f'<a href="{escape(target)}">{inner}</a>' if target else inner


@dataclass(frozen=True)
class Drawing:
    """A drawing of our own making with its text form beside it; a terminal has the text only."""

    svg: str
    form: str

    def text(self) -> str:
        """See Block."""
        return Para(textwrap.indent(self.form, "    ")).text()

    def html(self) -> str:
        """See Block."""
        return f'{self.svg}<pre style="margin:0.5em 0 1em 2em">{escape(self.form)}</pre>'


@dataclass(frozen=True)
class Card:
    """What a course function returns: `repr` is the text form, a notebook shows the HTML form.

    >>> print(Card("Question 00.q1", (Para("Is `1` odd?"), Choices((("A", "yes"), ("B", "no"))))))
    Question 00.q1
    Is `1` odd?
      A  yes
      B  no
    """

    label: str
    blocks: tuple[Block, ...]

    def __repr__(self) -> str:
        return "\n".join([self.label, *(block.text() for block in self.blocks)])

    def html(self) -> str:
        """The card as accessible HTML: a labelled group with real lists and tables."""
        inner = "".join(block.html() for block in self.blocks)
        style = f"border-left:0.3em solid {EDGE};padding:0 0.9em;max-width:50em"
        return (
            f'<div role="group" aria-label="{escape(self.label)}" style="{style}">'
            f"<p><strong>{inline(self.label)}</strong></p>{inner}</div>"
        )

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": self.html()}


def inline(text: str) -> str:
    """One line of text as HTML, with `x` as code.

    >>> inline("`a < b` & c")
    '<code>a &lt; b</code> &amp; c'
    """
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(" ".join(text.split()), quote=False))


def _head_cell(cell: str) -> str:
    """A column's label; a corner without one is no header, or screen readers would announce it."""
    return f'<th scope="col" {LEFT}>{inline(cell)}</th>' if cell else "<td></td>"


def _parts(content: str) -> list[str]:
    """The paragraphs and listings of a text."""
    return [part.rstrip() for part in re.split(r"\n\s*\n", content.strip("\n")) if part.strip()]


def _is_listing(part: str) -> bool:
    return all(line.startswith("    ") for line in part.splitlines())


def _plain(part: str) -> str:
    return part if _is_listing(part) else _hang("", part)


def _hang(lead: str, body: str) -> str:
    """A paragraph behind its lead, wrapped, later lines indented like the first word."""
    return textwrap.fill(
        " ".join(body.split()),
        WIDTH,
        initial_indent=lead,
        subsequent_indent=" " * len(lead),
        break_long_words=False,
        break_on_hyphens=False,
    )
