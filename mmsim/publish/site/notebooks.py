"""Notebooks and Markdown as HTML: nbconvert with the template of templates/course."""

from functools import lru_cache
from pathlib import Path
from typing import Any

from .pages import apart, tidy

__all__ = ["markdown", "notebook"]

TEMPLATES = Path(__file__).parent / "templates"


@lru_cache(maxsize=1)
def _exporter() -> Any:
    # Not HTMLExporter: that writes every page anew with BeautifulSoup, which takes most of the time and gives nothing.
    from nbconvert import TemplateExporter

    made = TemplateExporter(template_name="course", extra_template_basedirs=[str(TEMPLATES)], file_extension=".html")
    made.register_filter("markdown", markdown)
    return made


def markdown(text: str) -> str:
    """Markdown as JupyterLab shows it, with the same ids of headings."""
    from nbconvert.filters.markdown_mistune import markdown2html_mistune

    return markdown2html_mistune(text)


def notebook(path: Path) -> str:
    """The cells of a notebook with their stored outputs, as the inside of a page."""
    import nbformat

    inside, _ = _exporter().from_notebook_node(nbformat.read(path, as_version=4))
    return apart(tidy(inside))
