"""The pages that no file of the course is: contents, exercises, findings, sources, search."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from textwrap import dedent, wrap
from typing import TYPE_CHECKING

from mmsim.course.frontmatter import FrontMatter, parse

from .pages import Page, apart, code, table, tidy

__all__ = ["Chapter", "Set", "chapters", "contents", "exercises", "findings", "places", "search", "sets", "sources"]

if TYPE_CHECKING:
    from mmsim.explore.known import Known

_SOURCE_LINK = re.compile(r"\]\(\.\./(mmsim/[\w/]+\.py)\)")
_PART = re.compile(r"^## +(\d+) +(.+?) \((\d+) min, (\d+) points?\)$", re.MULTILINE)
_POINTS = re.compile(r"^- \*\*Points\*\*: (\d+)$", re.MULTILINE)


@dataclass(frozen=True)
class Chapter:
    """A notebook of the course: its number, its head, and the numbers of those it needs."""

    number: str
    file: Path
    head: FrontMatter

    @property
    def place(self) -> str:
        """Its page."""
        return f"{self.file.stem}.html"

    @property
    def needs(self) -> list[str]:
        """The chapters it builds on."""
        text = self.head.fields.get("Needs", "")
        found = set(re.findall(r"\[(\d\d)\b", text))
        for first, last in re.findall(r"\[(\d\d)\]\([^)]*\) to \[(\d\d)\]", text):
            found |= {f"{number:02}" for number in range(int(first), int(last) + 1)}
        return sorted(found)


@dataclass(frozen=True)
class Set:
    """The exercises of a chapter: (name, minutes, points) each."""

    number: str
    file: Path
    head: FrontMatter
    points: int
    parts: tuple[tuple[str, int, int], ...]


def chapters(root: Path) -> list[Chapter]:
    """All notebooks in order."""
    files = sorted((root / "notebooks").glob("[0-9][0-9]-*.ipynb"))
    return [Chapter(file.name[:2], file, parse(_markdown_cells(file)[0])) for file in files]


@lru_cache(maxsize=2)
def sets(root: Path) -> tuple[Set, ...]:
    """All sets of exercises in order, as their notebooks describe themselves."""
    return tuple(_set(file) for file in sorted((root / "exercises").glob("[0-9][0-9]-*.ipynb")))


def _set(file: Path) -> Set:
    text = "\n".join(_markdown_cells(file))
    points = _POINTS.search(text)
    parts = tuple((name, int(minutes), int(worth)) for _, name, minutes, worth in _PART.findall(text))
    return Set(file.name[:2], file, parse(text), int(points[1]) if points else 0, parts)


@lru_cache(maxsize=64)
def _markdown_cells(file: Path) -> list[str]:
    import nbformat

    return [cell.source for cell in nbformat.read(file, as_version=4).cells if cell.cell_type == "markdown"]


def places(root: Path) -> dict[str, str]:
    """Where in the site a file of the checkout is shown, by its path in the checkout."""
    from mmsim.explore.known import FOLDER, known

    package = Path(__file__).resolve().parents[3]
    findings = FOLDER.relative_to(package).as_posix()
    return {
        **{f"notebooks/{one.file.name}": one.place for one in chapters(root)},
        **{f"exercises/{one.file.name}": f"exercises.html#set-{one.number}" for one in sets(root)},
        **{f"{findings}/{one.id}.toml": f"findings/{one.id}.html" for one in known()},
        **{file: _source_place(file) for file in _linked_sources(root)},
        "notebooks/glossary.md": "glossary.html",
        "notebooks/INSTRUCTORS.md": "instructors.html",
        "notebooks/sample-tree.svg": "files/notebooks/sample-tree.svg",
        "README.md": "about.html",
        "LICENSE": "files/LICENSE",
    }


# ---- contents --------------------------------------------------------------------------------------------------------


def contents(root: Path, course: list[Chapter]) -> Page:
    """The first page: what the course is, its chapters with minutes and needs, and the map."""
    numbers = {one.number: one for one in course}
    with_set = {one.number: one for one in sets(root)}
    rows = [
        [
            one.number,
            f'<a href="site:{one.place}">{html.escape(one.head.title)}</a>',
            str(one.head.minutes),
            html.escape(one.head.fields.get("Difficulty", "")),
            ", ".join(f'<a href="site:{numbers[need].place}">{need}</a>' for need in one.needs if need in numbers),
            f'<a href="site:exercises.html#set-{one.number}">{with_set[one.number].points} points</a>'
            if one.number in with_set
            else "",
        ]
        for one in course
    ]
    minutes = sum(one.head.minutes or 0 for one in course)
    head = {"": False, "Question": False, "Minutes": True, "Difficulty": False, "Needs": False, "Exercises": False}
    caption = f"{len(course)} chapters, about {minutes / 60:.0f} hours"
    listed = table(caption, head, rows, ["", "all", str(minutes), "", "", ""])
    picture = (root / "notebooks" / "sample-tree.svg").read_text(encoding="utf-8")
    picture = picture[picture.index("<svg") :]
    body = f"""
<h1>Re-enact a kernel review by experiment</h1>
<p class="lead">On 13 January 2022 a kernel developer reviewed a patch to <code>brk()</code> and asked nine questions
about it. A patch review is a set of claims, and a claim can be tested: this course tests them.</p>
<p><code>mmsim</code> is a small Python model of what the patch touches, beginning with the maple tree that holds a
Linux process's mappings. Each chapter lets you predict, run, see and explain. These pages show every chapter with its
stored outputs; pictures that have steps can be stepped through here. To predict, change and run, take the notebooks:
in a checkout, <code>python3 start.py</code> opens them.</p>
<p><a href="site:{course[0].place}">Begin with chapter {course[0].number}</a>, or look a word up in the
<a href="site:glossary.html">glossary</a>.</p>
<h2 id="chapters">Chapters</h2>
<div class="listed">{listed}</div>
<h2 id="map">Course map</h2>
<p>An arrow leads from a chapter to one that builds on it; what follows from other arrows is left out.</p>
<div class="scroll whole" data-middle="">{_map(course)}</div>
<h2 id="tree">What it is about</h2>
<figure class="picture"><div class="scroll whole">{picture}</div>
<figcaption>A small program's mappings as the maple tree of its address space.</figcaption></figure>
"""
    about = "A Jupyter course on the Linux address space: the maple tree and brk, as a model that can be tested."
    return Page("index.html", "Re-enact a kernel review by experiment", tidy(body), about=about)


def _map(course: list[Chapter]) -> str:
    """The chapters and what each builds on, as a drawing with a description that says the same."""
    from mmsim.view.render import draw

    edges = sorted(_needed(course))
    names = {one.number: one.head.title.replace('"', "'") for one in course}
    boxes = [f'"{number}" [label="{number}  {_broken(name)}"];' for number, name in names.items()]
    arrows = [f'"{one}" -> "{other}";' for one, other in edges]
    style = 'node [shape=box, fontname="DejaVu Sans", fontsize=12, margin="0.12,0.06"]; rankdir=TB; nodesep=0.2;'
    dot = f"digraph {{ {style} {' '.join(boxes + arrows)} }}"
    after: dict[str, list[str]] = {}
    for one, other in edges:
        after.setdefault(one, []).append(other)
    said = "; ".join(f"{one} leads to {', '.join(others)}" for one, others in after.items())
    return draw([(dot, said.replace("; ", "\n"))], "Course map", said)


def _broken(name: str, width: int = 16) -> str:
    """A name in lines for a box."""
    return "\\n".join(wrap(name, width))


def _needed(course: list[Chapter]) -> set[tuple[str, str]]:
    """Arrows from a chapter to those that need it, without those that a longer way says already."""
    needs = {one.number: set(one.needs) for one in course}

    def behind(number: str) -> set[str]:
        return needs[number].union(*(behind(one) for one in needs[number]))

    return {
        (one, number)
        for number, direct in needs.items()
        for one in direct
        if not any(one in behind(other) for other in direct - {one})
    }


# ---- exercises -------------------------------------------------------------------------------------------------------


def exercises(root: Path) -> Page:
    """The sets of exercises with minutes and points, and their notebooks to fetch."""
    found = sets(root)
    parts = [_set_text(one) for one in found]
    count, points = sum(len(one.parts) for one in found), sum(one.points for one in found)
    body = f"""
<h1>Exercises</h1>
<p>{count} exercises in {len(found)} sets, {points} points. A set is a notebook with gaps: fetch it
into the folder <code>exercises</code> of a checkout, where it lies
already if you have one, and open it in JupyterLab. <code>check("02.e1")</code> tries a few public cases,
<code>hint("02.e1")</code> shows one of three hints, <code>progress()</code> says what is done.</p>
{"".join(parts)}
"""
    sections = tuple((f"set-{one.number}", f"{one.number} {html.escape(_short(one))}") for one in found)
    return Page("exercises.html", "Exercises", tidy(body), sections=sections)


def _short(one: Set) -> str:
    """What a set is about: its title without the word that all have."""
    return re.sub(r"^Exercises(?: of chapter \d\d)?: *", "", one.head.title)


def _set_text(one: Set) -> str:
    rows = [
        [str(at), html.escape(_plain(name)), str(minutes), str(points)]
        for at, (name, minutes, points) in enumerate(one.parts, 1)
    ]
    foot = ["", "all", str(one.head.minutes or ""), str(one.points)]
    head = {"": False, "Exercise": False, "Minutes": True, "Points": True}
    goals = "".join(f"<li>{html.escape(_plain(goal))}</li>" for goal in one.head.goals)
    return (
        f'<h2 id="set-{one.number}">{one.number} {html.escape(_short(one))}</h2>'
        f'<p><a href="site:files/exercises/{one.file.name}" download="">{html.escape(one.file.name)}</a>, '
        f"with {_chapter_link(one)}</p><ul>{goals}</ul>" + table(f"Exercises of set {one.number}", head, rows, foot)
    )


def _chapter_link(one: Set) -> str:
    return f'<a href="site:{one.file.stem}.html">chapter {one.number}</a>'


def _plain(text: str) -> str:
    return re.sub(r"[`*]", "", text)


# ---- findings --------------------------------------------------------------------------------------------------------


def findings(most: int | None = None) -> list[Page]:
    """The causes that the search has found so far: a list, and a page for each, or for the first few."""
    from mmsim.explore.known import known

    found = known()
    head = {
        "Finding": False,
        "Verdict": False,
        "Asked in the mail": False,
        "Shows in": False,
        "Who can reach it": False,
    }
    rows = [
        [
            f'<a href="site:findings/{one.id}.html">{html.escape(one.title)}</a>',
            *map(html.escape, (one.verdict, _asked(one), ", ".join(one.generations), one.reach)),
        ]
        for one in sorted(found, key=lambda one: (["wrong", "harmless", "wanted"].index(one.verdict), one.title))
    ]
    body = f"""
<h1>Findings</h1>
<p>A search ran scripts of system calls in the code before the patch and in a later generation, and compared what came
of each. These are the causes of all differences that are understood so far. Each has a script that shows it, and the
tests run them all. How a finding is read, and what the verdicts mean, is in
<a href="site:19-what-the-review-missed.html">chapter 19</a>.</p>
<div class="listed">{table(f"All {len(found)} findings", head, rows)}</div>
"""
    first = Page("findings.html", "Findings", tidy(body))
    return [first, *map(_finding, found[:most])]


def _finding(one: "Known") -> Page:
    from mmsim.brk import GENERATIONS
    from mmsim.explore.pictures import strips
    from mmsim.explore.words import call

    calls = "".join(f"<li>{code(call(op))}</li>" for op in one.script)
    broken = ", ".join(one.invariants) or "none"
    facts = {
        "Verdict": html.escape(one.verdict),
        "Compared": f"{html.escape(one.old)} with {html.escape(one.new)}",
        "Function": code(f"{one.function}()"),
        "Asked in the mail": _asked(one),
        "Who can reach it": html.escape(one.reach),
        "Broken rules": f'<a href="site:glossary.html#Invariants">{broken}</a>' if one.invariants else broken,
        "Start of the script": html.escape(_world(one.world)),
    }
    listed = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts.items())
    rows = [[name, html.escape(one.outcome[name])] for name in GENERATIONS if name in one.outcome]
    pictures = "".join(
        f'<figure class="picture"><div class="scroll whole">{each.svg()}</div>'
        f"<details><summary>The same as text</summary><pre>{html.escape(each.text)}</pre></details></figure>"
        for each in strips(one, one.old, one.new)
    )
    repairs = "".join(_repair(name, lines) for name, lines in one.repair.items())
    if repairs:
        repairs = f'<h2 id="repair">A repair</h2><p>With these lines changed in the model it is gone.</p>{repairs}'
    body = f"""
<h1>{html.escape(one.title)}</h1>
<p>{html.escape(" ".join(one.explanation.split()))}</p>
<h2 id="script">The script</h2>
<p>Addresses are pages from where the heap starts.</p>
<ol>{calls}</ol>
{table("What it comes to", {"Generation": False, "Answer, VMAs, broken rules": False}, rows)}
<h2 id="pictures">Before and after the last call</h2>
{pictures}
<h2 id="facts">Facts</h2>
<dl class="list">{listed}</dl>
{repairs}
<p><a href="site:findings.html">All findings</a></p>
"""
    return Page(f"findings/{one.id}.html", one.title, apart(tidy(body)))


def _asked(one: "Known") -> str:
    """The concern of the mail that a finding belongs to."""
    return one.concern if re.fullmatch(r"C\d", one.concern) else "no"


def _world(name: str) -> str:
    return {
        "bare": "a process with a stack alone",
        "bss": "a process with anonymous bss up to the heap",
        "compat": "a process with a file some pages below the heap, on a kernel with COMPAT_BRK",
        "crowded": "a process that has nearly as many mappings as it may",
        "file": "a process with data of a file up to the heap",
        "low": "a process with a text mapping some pages below the heap",
        "user": "a process of a user who may lock little memory",
    }[name]


def _repair(generation: str, lines: list[tuple[str, str]]) -> str:
    """Lines of a generation's code and what they become, with signs as in a patch."""
    parts = []
    for old, new in lines:
        before, after = (dedent(text).strip("\n").splitlines() for text in (old, new))
        parts.append("\n".join([*(f"- {line}" for line in before), *(f"+ {line}" for line in after)]))
    return f"<p>In {html.escape(generation)}:</p>" + _highlighted("\n\n".join(parts), "diff")


# ---- sources, search -------------------------------------------------------------------------------------------------


def _highlighted(text: str, language: str) -> str:
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import get_lexer_by_name

    return highlight(text, get_lexer_by_name(language), HtmlFormatter())


@lru_cache(maxsize=2)
def _linked_sources(root: Path) -> tuple[str, ...]:
    """The modules that a notebook, the glossary or the guide links to."""
    folder = root / "notebooks"
    read = ["\n".join(_markdown_cells(path)) for path in sorted(folder.glob("*.ipynb"))]
    read += [path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.md"))]
    return tuple(sorted({file for text in read for file in _SOURCE_LINK.findall(text)}))


def _source_place(file: str) -> str:
    return f"source/{file.removesuffix('.py')}.html"


def sources(root: Path) -> Iterator[Page]:
    """A page for each module that a notebook links to."""
    for file in _linked_sources(root):
        text = (root / file).read_text(encoding="utf-8")
        body = f"<h1>{html.escape(file)}</h1>{_highlighted(text, 'python')}"
        yield Page(_source_place(file), file, body, source=file)


def search() -> Page:
    """The page that searches all others."""
    body = """
<h1>Search</h1>
<form role="search" action="search.html" method="get">
<p><label for="q">Words, all of which must be there</label><br>
<input id="q" type="search" name="q" autocomplete="off" size="40" aria-describedby="keys"></p>
</form>
<p class="note" id="keys">The arrow keys go from the box to what was found and back. Outputs of cells are not
searched, all else is.</p>
<noscript><p>Searching needs scripts. Everything else works without them.</p></noscript>
<p role="status"></p>
<ol class="hits"></ol>
"""
    return Page("search.html", "Search", body, scripts=("texts.js", "search.js"))
