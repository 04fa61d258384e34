"""A page, and what is done to the HTML of all of them: links, ids of drawings, tables, headings."""

import html
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from mmsim.course.svg import drawings

__all__ = ["Page", "SiteError", "apart", "code", "relinked", "sections_of", "table", "tidy"]


class SiteError(Exception):
    """The site cannot be built; the message is one line."""


@dataclass(frozen=True)
class Page:
    """One page: where it lies in the site, its HTML, and the file of the checkout that its links start from."""

    path: str
    title: str
    body: str
    source: str = "."
    about: str = ""
    sections: tuple[tuple[str, str], ...] = ()
    scripts: tuple[str, ...] = ()
    is_chapter: bool = False


def code(text: str) -> str:
    """Text as code."""
    return f"<code>{html.escape(text)}</code>"


def table(caption: str, head: Mapping[str, bool], rows: list[list[str]], foot: list[str] | None = None) -> str:
    """A table of cells that are HTML already; `head` says of each column whether it holds numbers."""

    def cells(row: list[str], kind: str = "td") -> str:
        told = zip(row, head.values(), strict=True)
        marks = [(text, ' class="number"' if number else "") for text, number in told]
        first = f'<th scope="row"{marks[0][1]}>{marks[0][0]}</th>'
        return f"<tr>{first}{''.join(f'<{kind}{mark}>{text}</{kind}>' for text, mark in marks[1:])}</tr>"

    top = "".join(
        f'<th scope="col"{" class=number" if number else ""}>{html.escape(name)}</th>' for name, number in head.items()
    )
    end = f"<tfoot>{cells(foot)}</tfoot>" if foot else ""
    return (
        f"<table><caption>{html.escape(caption)}</caption><thead><tr>{top}</tr></thead>"
        f"<tbody>{''.join(map(cells, rows))}</tbody>{end}</table>"
    )


_ANCHOR = re.compile(r'<a class="anchor-link" href="([^"]*)">¶</a>')
_HOLDS_BLOCK = re.compile(r"<p>((?:(?!</?p>).)*?<details.*?)</p>", re.DOTALL)
_TASK = re.compile(r'<input class="task-list-item-checkbox"[^>]*>')
_SECTION = re.compile(r'<h2 id="([^"]+)">(.*?)(?:<a class="anchor-link".*?)?</h2>', re.DOTALL)


def tidy(text: str) -> str:
    """HTML from Markdown and from outputs, made fit for a page: named anchors, tables that may scroll, no empty heads.

    >>> tidy("<p>Two hints: <details><summary>1</summary>a</details></p>")
    '<div>Two hints: <details><summary>1</summary>a</details></div>'
    """
    text = _ANCHOR.sub(r'<a class="anchor-link" href="\1" aria-label="Link to this heading">¶</a>', text)
    text = _HOLDS_BLOCK.sub(r"<div>\1</div>", text)
    text = _TASK.sub('<span aria-hidden="true">☐ </span>', text)
    text = re.sub(r'<th(?: scope="\w+")?([^>]*)></th>', r"<td\1></td>", text)
    text = re.sub(r"<table\b", '<div class="scroll"><table', text)
    return text.replace("</table>", "</table></div>")


def apart(text: str) -> str:
    """The same HTML with the ids of each drawing its own: one picture may be on a page twice.

    Drawings inside the address of an image are documents of their own and stay.

    >>> apart('<svg id="a"><use href="#a"/></svg><svg id="a"><use href="#a"/></svg>')
    '<svg id="a"><use href="#a"/></svg><svg id="a-2"><use href="#a-2"/></svg>'
    """
    parts, last, seen, times = [], 0, set(), 1
    for start, end in drawings(text):
        drawing = text[start:end]
        ids = set(re.findall(r'\bid="([^"]+)"', drawing))
        if text[:start].endswith("charset=utf-8,") or not ids & seen:
            seen |= ids
            continue
        times += 1
        parts += [text[last:start], _renamed(drawing, ids, times)]
        last = end
    return "".join([*parts, text[last:]])


def _renamed(drawing: str, ids: set[str], times: int) -> str:
    names = "|".join(map(re.escape, sorted(ids, key=len, reverse=True)))
    drawing = re.sub(rf'(\bid="|#)({names})(?=["\')])', rf"\1\2-{times}", drawing)
    return re.sub(
        r'(aria-\w+=")([^"]*)"',
        lambda found: found[1] + " ".join(f"{one}-{times}" if one in ids else one for one in found[2].split(" ")) + '"',
        drawing,
    )


def sections_of(body: str) -> tuple[tuple[str, str], ...]:
    """The `h2` headings of a page: id and HTML of the name."""
    return tuple((anchor, re.sub(r"</?a\b[^>]*>", "", name).strip()) for anchor, name in _SECTION.findall(body))


def relinked(page: Page, text: str, places: Mapping[str, str]) -> str:
    """The page's HTML with its links made relative to it.

    A link is `site:` and a place in the site, or leads from the page's source to a file of the checkout, whose place
    `places` knows; SiteError where it does not. Links to the web and inside the page stay.
    """

    def lead(found: re.Match[str]) -> str:
        target = html.unescape(found[2])
        parts = urlsplit(target)
        if parts.scheme == "site":
            place, fragment = parts.path, parts.fragment
        elif parts.scheme or parts.netloc or not parts.path:
            return found[0]
        else:
            file = posixpath.normpath(posixpath.join(posixpath.dirname(page.source), unquote(parts.path)))
            if file not in places:
                raise SiteError(f"{page.source}: {target!r} leads to {file}, which has no place in the site")
            place, _, fragment = places[file].partition("#")
            fragment = parts.fragment or fragment
        way = posixpath.relpath(place, posixpath.dirname(page.path) or ".")
        return f"{found[1]}{html.escape(way + (f'#{fragment}' if fragment else ''))}{found[3]}"

    return re.sub(r'(<(?:a\b[^>]*?\bhref|img\b[^>]*?\bsrc)=")([^"]*)(")', lead, text)
