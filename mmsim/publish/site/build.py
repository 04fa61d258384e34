"""All pages of the site, and the files beside them."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import mmsim

from . import lists
from .check import texts
from .notebooks import TEMPLATES, markdown, notebook
from .pages import Page, SiteError, relinked, sections_of, tidy

__all__ = ["MENU", "ROOT", "SiteError", "build"]

ROOT = Path(mmsim.__file__).resolve().parent.parent
STATIC = Path(__file__).parent / "static"
MENU = (
    ("index.html", "Contents"),
    ("glossary.html", "Glossary"),
    ("exercises.html", "Exercises"),
    ("findings.html", "Findings"),
    ("instructors.html", "Instructors"),
    ("about.html", "About"),
)
NOTEBOOKS = "notebooks"
FEW = 2


def build(out: Path, root: Path = ROOT, only: Sequence[str] = ()) -> list[Page]:
    """Write the site of a checkout into a folder, which is emptied before; with `only`, few chapters and findings.

    Raises SiteError when something in the checkout has no place in the site, or the folder is not a site.
    """
    chapters = lists.chapters(root)
    wanted = [one for one in chapters if not only or one.number in only]
    if not wanted:
        raise SiteError(f"no notebooks in {root / NOTEBOOKS}" if not chapters else f"no chapter {' '.join(only)}")
    _emptied(out)
    pages = [
        lists.contents(root, chapters),
        *(_chapter(root, one) for one in wanted),
        _text(root, "notebooks/glossary.md", "glossary.html"),
        _text(root, "notebooks/INSTRUCTORS.md", "instructors.html"),
        _text(root, "README.md", "about.html"),
        lists.exercises(root),
        *lists.findings(FEW if only else None),
        *lists.sources(root),
        lists.search(),
    ]
    _files(root, out)
    _pages(out, pages, lists.places(root))
    return pages


def _emptied(out: Path) -> None:
    """Make the folder, or empty it if it holds a site."""
    if out.exists() and any(out.iterdir()):
        if not (out / "static" / "site.css").is_file():
            raise SiteError(f"{out} is not empty and holds no site: name another folder")
        shutil.rmtree(out)
    out.mkdir(parents=True, exist_ok=True)


def _files(root: Path, out: Path) -> None:
    """What is fetched as it is: style and scripts, the notebooks and exercises with what they link to."""
    shutil.copytree(STATIC, out / "static")
    for name in lists.places(root):
        target = out / "files" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / name, target)


def _chapter(root: Path, chapter: lists.Chapter) -> Page:
    inside = notebook(chapter.file)
    links = [f'<a href="site:files/{NOTEBOOKS}/{chapter.file.name}" download="">the notebook, to run it</a>']
    links += [
        f'<a href="site:exercises.html#set-{one.number}">{len(one.parts)} exercises</a>'
        for one in lists.sets(root)
        if one.number == chapter.number
    ]
    facts = f"Chapter {chapter.number}, {chapter.head.minutes} minutes: {', '.join(links)}"
    return Page(
        path=chapter.place,
        title=chapter.head.title,
        body=f'<p class="facts">{facts}</p>{inside}',
        source=f"{NOTEBOOKS}/{chapter.file.name}",
        about="; ".join(chapter.head.goals),
        sections=sections_of(inside),
        is_chapter=True,
    )


def _text(root: Path, name: str, place: str) -> Page:
    """A page from a Markdown file."""
    text = (root / name).read_text(encoding="utf-8")
    inside = tidy(markdown(text))
    title = text.partition("\n")[0].lstrip("# ")
    return Page(place, title, inside, name, sections=sections_of(inside))


def _pages(out: Path, pages: list[Page], places: dict[str, str]) -> None:
    """Write all pages in their shell, then the texts that the search looks in."""
    from jinja2 import Environment, FileSystemLoader
    from markupsafe import Markup

    shell = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True).get_template("page.html.j2")
    row = [page for page in pages if page.is_chapter]
    entries: list[list[str]] = []
    for page in pages:
        at = row.index(page) if page in row else None
        written = shell.render(
            page=page,
            body=Markup(relinked(page, page.body, places)),
            sections=[(anchor, Markup(name)) for anchor, name in page.sections],
            root="../" * page.path.count("/"),
            menu=MENU,
            before=row[at - 1] if at else None,
            after=row[at + 1] if at is not None and at + 1 < len(row) else None,
            version=mmsim.__version__,
        )
        target = out / page.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(written + "\n", encoding="utf-8")
        entries += [[f"{page.path}{anchor}", page.title, name, text] for anchor, name, text in texts(written)]
    rows = json.dumps(entries, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")
    (out / "static" / "texts.js").write_text(f"window.siteTexts = {rows};\n", encoding="utf-8")
