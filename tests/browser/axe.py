"""axe-core over what is ours on a page, and its report in dist/browser/axe."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any

from axe_playwright_python.base import AXE_FILE_PATH
from playwright.sync_api import Page

FOLDER = Path(__file__).resolve().parents[2] / "dist" / "browser" / "axe"
LITE = FOLDER.parent / "lite" / "axe"
GRAVE = ("serious", "critical")
OURS = ".jp-OutputArea-output, .jp-RenderedMarkdown.jp-MarkdownOutput"
"""In JupyterLab only what a notebook holds is ours: outputs with their widgets, and texts. The rest is JupyterLab's."""

WHOLE_PAGE = ["region", "landmark-one-main", "page-has-heading-one"]
"""Rules that ask how a page is built; a part of one cannot answer."""
COLOURS = ["color-contrast", "link-in-text-block"]
"""The rules that a change of colours can break."""
CHECK = """
([selector, off, only]) => axe.run(
  { include: selector ? [...document.querySelectorAll(selector)] : [document], exclude: ["svg > *"] },
  {
    resultTypes: ["violations"], ...(only && { runOnly: only }),
    rules: Object.fromEntries(only ? [] : off.map((rule) => [rule, { enabled: false }])),
  })
"""
"""A picture is one thing with a name and a description; its thousands of parts have nothing to check."""


def run(
    page: Page, name: str, include: str | None = None, only: list[str] | None = None, folder: Path = FOLDER
) -> list[dict[str, Any]]:
    """Open all details, check the page or the parts a selector names, write the findings down, return the grave ones.

    `only` are the rules to check, by default all.
    """
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(Path(AXE_FILE_PATH).read_text(encoding="utf-8") + "; undefined")
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    found = page.evaluate(CHECK, [include, [] if include is None else WHOLE_PAGE, only])
    folder.mkdir(parents=True, exist_ok=True)
    kept = {key: found[key] for key in ("testEngine", "url", "violations")}
    kept |= {"passes": len(found["passes"]), "incomplete": len(found["incomplete"]), "url": name}
    (folder / f"{name}.json").write_text(json.dumps(kept, indent=1), encoding="utf-8")
    return [each for each in found["violations"] if each["impact"] in GRAVE]


def said(violations: list[dict[str, Any]]) -> list[str]:
    """Violations in lines: rule, weight, what is wrong, and the first place."""
    return [
        f"{each['id']} ({each['impact']}, {len(each['nodes'])} places): {each['help']}: {_first(each)}"
        for each in violations
    ]


def _first(violation: dict[str, Any]) -> str:
    return " ".join(violation["nodes"][0]["html"].split())[:200]


def report(folder: Path = FOLDER) -> str:
    """Write the summary of all pages, as text and HTML; returns its first line."""
    rows: list[tuple[str, str]] = []
    grave = other = 0
    for path in sorted(folder.glob("*.json")):
        found = json.loads(path.read_text(encoding="utf-8"))["violations"]
        serious = sum(each["impact"] in GRAVE for each in found)
        grave, other = grave + serious, other + len(found) - serious
        rows += [(path.stem, line) for line in said(found) or ["nothing found"]]
    pages = len({page for page, _ in rows})
    head = f"axe-core over {pages} pages: {grave} serious or critical violations, {other} others"
    (folder / "report.txt").write_text(
        "\n".join([head, "", *(f"{page}: {line}" for page, line in rows), ""]), encoding="utf-8"
    )
    cells = "\n".join(f"<tr><th scope=row>{escape(page)}</th><td>{escape(line)}</td></tr>" for page, line in rows)
    (folder / "report.html").write_text(
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>axe report</title></head>\n'
        f"<body><main><h1>{head}</h1><table>\n{cells}\n</table></main></body></html>\n",
        encoding="utf-8",
    )
    return head
