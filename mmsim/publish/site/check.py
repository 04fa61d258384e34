"""Reading written pages again: whether they are well made, and whether every link leads somewhere.

Asked of a page: tags that close in order, no block inside a paragraph, a language, a title, one `h1` and no level of
headings left out, ids that are there once, names for pictures, inputs and buttons, and nothing that a browser would
fetch from elsewhere. Asked of all: links lead to a file of the site and an id in it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from posixpath import dirname, join, normpath
from urllib.parse import unquote, urlsplit

__all__ = ["Report", "check", "page_problems", "texts"]

_VOID = "area base br col embed hr img input link meta source track wbr"
_BLOCKS = "address article aside blockquote details div dl fieldset figure footer form h1 h2 h3 h4 h5 h6 header hr main"
VOID = frozenset(_VOID.split())
BLOCKS = frozenset([*_BLOCKS.split(), "nav", "ol", "p", "pre", "section", "table", "ul"])
SEPARATE = BLOCKS | {"br", "caption", "dd", "dt", "figcaption", "li", "summary", "td", "th", "tr"}
HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
# What a browser fetches by itself, and from which attribute.
FETCHED = {
    "img": "src", "script": "src", "iframe": "src", "source": "src", "video": "src", "audio": "src", "embed": "src",
    "object": "data", "link": "href", "image": "href", "use": "href",
}  # fmt: skip
_CSS_URL = re.compile(r"""url\(\s*['"]?(?!data:|#)([^'")]*)|@import\s+['"]([^'"]*)""")
_ADDRESS = re.compile(r"""(?:href|src)\s*=\s*["'](https?:[^"']*)""")


@dataclass
class _Element:
    tag: str
    attributes: dict[str, str]
    line: int
    text: list[str] = field(default_factory=list)


class _Reader(HTMLParser):
    """One page: its problems, ids and links, and its texts by heading."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.problems: list[str] = []
        self.open: list[_Element] = []
        self.ids: dict[str, int] = {}
        self.links: list[tuple[str, int]] = []
        self.fetched: list[tuple[str, int]] = []
        self.levels: list[int] = []
        self.labelled: set[str] = set()
        self.unnamed: list[tuple[str, str, int]] = []
        self.referred: list[tuple[str, int]] = []
        self.title = ""
        self.language = ""
        self.entries: list[tuple[str, str, list[str]]] = []

    def say(self, what: str) -> None:
        self.problems.append(f"line {self.getpos()[0]}: {what}")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        for name in {name for name in names if names.count(name) > 1}:
            self.say(f"<{tag}> has {name} twice")
        attributes = {name: value or "" for name, value in attrs}
        line = self.getpos()[0]
        if tag in BLOCKS and any(one.tag == "p" for one in self.open):
            self.say(f"<{tag}> inside <p>")
        if tag in ("a", "button") and any(one.tag in ("a", "button", "label") for one in self.open):
            self.say(f"<{tag}> inside a link, a button or a label")
        element = _Element(tag, attributes, line)
        self._note(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            if not self._drawn():
                self.say(f"<{tag}/> does not close itself in HTML")
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open[-1].tag != tag:
            last = f"<{self.open[-1].tag}> of line {self.open[-1].line}" if self.open else "nothing"
            self.say(f"</{tag}> where {last} is open")
            if all(one.tag != tag for one in self.open):
                return
            while self.open[-1].tag != tag:
                self.open.pop()
        element = self.open.pop()
        self._finish(element)
        if self.entries and tag in SEPARATE:
            self.entries[-1][2].append(" ")

    def handle_data(self, data: str) -> None:
        for element in self.open:
            if element.tag in ("title", "a", "button", "caption", *HEADINGS):
                element.text.append(data)
        inside = {one.tag for one in self.open}
        if self.open and self.open[-1].tag == "style":
            self.fetched += [(one or two, self.getpos()[0]) for one, two in _CSS_URL.findall(data)]
        silent = inside & {"script", "style", "svg", "nav"} or any(
            "data-nosearch" in one.attributes for one in self.open
        )
        if "main" in inside and self.entries and not silent and not inside & set(HEADINGS):
            self.entries[-1][2].append(data)

    def _drawn(self) -> bool:
        return any(one.tag == "svg" for one in self.open)

    def _note(self, one: _Element) -> None:
        at = one.attributes
        if name := at.get("id"):
            if name in self.ids:
                self.say(f"id {name!r} is there twice (first in line {self.ids[name]})")
            if re.search(r"\s", name):
                self.say(f"id {name!r} has a blank in it")
            self.ids[name] = one.line
        if one.tag == "html":
            self.language = at.get("lang", "")
        if one.tag == "a" and "href" in at:
            self.links.append((at["href"], one.line))
        if one.tag == "form" and "action" in at:
            self.links.append((at["action"], one.line))
        if one.tag == "label":
            self.labelled.add(at.get("for", ""))
        for name in ("aria-labelledby", "aria-describedby"):
            self.referred += [(word, one.line) for word in at.get(name, "").split()]
        self._fetches(one)
        self._named(one)
        if one.tag in HEADINGS:
            self.levels.append(int(one.tag[1]))
            if len(self.levels) > 1 and self.levels[-1] > self.levels[-2] + 1:
                self.say(f"<{one.tag}> after <h{self.levels[-2]}>: a level is left out")

    def _fetches(self, one: _Element) -> None:
        at = one.attributes
        if one.tag in FETCHED:
            for name in (FETCHED[one.tag], f"xlink:{FETCHED[one.tag]}"):
                if at.get(name) and at.get("rel") not in ("prev", "next"):
                    self.fetched.append((at[name], one.line))
        if "srcset" in at:
            self.say("srcset, expected src alone")
        self.fetched += [(first or second, one.line) for first, second in _CSS_URL.findall(at.get("style", ""))]

    def _named(self, one: _Element) -> None:
        at = one.attributes
        if one.tag == "img" and not at.get("alt"):
            self.say("<img> without a description (alt)")
        if (
            one.tag == "svg"
            and not self._drawn()
            and not (at.get("aria-hidden") == "true" or at.get("aria-label") or at.get("aria-labelledby"))
        ):
            self.say("<svg> without a name (aria-labelledby or aria-label)")
        if one.tag in ("input", "select", "textarea") and at.get("type") != "hidden" and not at.get("aria-label"):
            inside = any(each.tag == "label" for each in self.open)
            if not inside:
                self.unnamed.append((one.tag, at.get("id", ""), one.line))

    def _finish(self, one: _Element) -> None:
        text = " ".join("".join(one.text).split())
        if one.tag == "title" and not self._drawn():
            self.title = text
        if one.tag in ("a", "button") and not text and not one.attributes.get("aria-label"):
            self.say(f"<{one.tag}> of line {one.line} has no text")
        if one.tag in HEADINGS:
            name = text.removesuffix("¶").strip()
            if not name:
                self.say(f"<{one.tag}> without text")
            if "main" in {each.tag for each in self.open}:
                anchor = "" if one.tag == "h1" else one.attributes.get("id", "")
                self.entries.append((f"#{anchor}" if anchor else "", name, []))

    def finish(self) -> None:
        """What only the end of the page tells."""
        self.close()
        self.problems += [f"line {one.line}: <{one.tag}> is never closed" for one in self.open]
        if not self.language:
            self.problems.append("no language: <html lang>")
        if not self.title:
            self.problems.append("no title")
        if self.levels.count(1) != 1:
            self.problems.append(f"{self.levels.count(1)} <h1>, expected one")
        for tag, name, line in self.unnamed:
            if not name or name not in self.labelled:
                self.problems.append(f"line {line}: <{tag}> without a label")
        for name, line in self.referred:
            if name not in self.ids:
                self.problems.append(f"line {line}: aria refers to the id {name!r}, which there is not")


def _read(text: str) -> _Reader:
    reader = _Reader()
    reader.feed(text)
    reader.finish()
    return reader


def page_problems(text: str) -> list[str]:
    """What is wrong with one page by itself; links are not followed.

    >>> page_problems('<html lang="en"><title>A</title><h1>A</h1><p>b<div></div></p></html>')
    ['line 1: <div> inside <p>']
    """
    reader = _read(text)
    return reader.problems + [f"line {line}: {what}" for what, line in _from_elsewhere(reader)]


def _from_elsewhere(reader: _Reader) -> Iterator[tuple[str, int]]:
    """What a browser would fetch from another place than the site."""
    for target, line in reader.fetched:
        if target.startswith("data:"):
            inner = _ADDRESS.search(unquote(target))
            if inner:
                yield f"an image that fetches {inner[1]}", line
        elif urlsplit(target).scheme or target.startswith("/"):
            yield f"fetches {target}", line


def texts(text: str) -> list[tuple[str, str, str]]:
    """The texts of a page under its headings, to be searched: (fragment or "", heading, text)."""
    entries = _read(text).entries
    return [(anchor, name, " ".join("".join(parts).split())) for anchor, name, parts in entries]


@dataclass(frozen=True)
class Report:
    """What a check of a site came to."""

    pages: int
    links: int
    outside: int
    problems: tuple[str, ...]

    def __str__(self) -> str:
        found = f"{len(self.problems)} problem{'' if len(self.problems) == 1 else 's'}"
        return f"{self.pages} pages, {self.links:,} links inside, {self.outside} to the web (not followed), {found}"


def check(folder: Path, whole: bool = True) -> Report:
    """Check every page of a site and every link in it; if it is not the `whole`, pages may be missing."""
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    readers = {name: _read(path.read_text(encoding="utf-8")) for name, path in files.items() if name.endswith(".html")}
    problems: list[str] = []
    inside = outside = 0
    for name, reader in readers.items():
        problems += [f"{name}: {problem}" for problem in reader.problems]
        problems += [f"{name}: line {line}: {what}" for what, line in _from_elsewhere(reader)]
        own = [(target, line) for target, line in reader.fetched if not target.startswith("data:")]
        for target, line in [*reader.links, *own]:
            parts = urlsplit(target)
            if parts.scheme in ("http", "https"):
                outside += 1
                continue
            inside += 1
            fault = _link_fault(name, target, files, readers)
            if fault and (whole or not fault.startswith("no file")):
                problems.append(f"{name}: line {line}: link {target!r}: {fault}")
    problems += _style_problems(files)
    return Report(len(readers), inside, outside, tuple(problems))


def _link_fault(page: str, target: str, files: dict[str, Path], readers: dict[str, _Reader]) -> str:
    """Why a link inside the site leads nowhere; empty if it does not."""
    parts = urlsplit(target)
    if parts.scheme or parts.netloc or parts.path.startswith("/"):
        return "neither relative nor on the web"
    place = normpath(join(dirname(page), unquote(parts.path))) if parts.path else page
    if place not in files:
        return f"no file {place}"
    if parts.fragment and PurePosixPath(place).suffix == ".html" and unquote(parts.fragment) not in readers[place].ids:
        return f"no id {unquote(parts.fragment)!r} in {place}"
    return ""


def _style_problems(files: dict[str, Path]) -> Iterator[str]:
    for name, path in files.items():
        if name.endswith(".css"):
            for one, two in _CSS_URL.findall(path.read_text(encoding="utf-8")):
                yield f"{name}: fetches {one or two}"
