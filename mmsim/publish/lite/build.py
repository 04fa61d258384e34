"""Build the site: contents with their stamps, JupyterLite around them, a first page in front."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sys
import tempfile
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from mmsim.course.frontmatter import FrontMatter, parse

from .wheels import KERNEL_PLUGIN, PRELOADED, BuildError, bundle, run

__all__ = ["Site", "build"]

STATIC = Path(__file__).with_name("static")
STORAGE = "mmsim course"  # the browser's database with what the learner saved; course.js has the same name
HOME = "/drive/.mmsim"  # predictions and progress stay in that database, too
KERNEL = {"display_name": "Python (in the browser)", "language": "python", "name": "python"}
TOML = {"name": "toml", "extensions": [".toml"], "mimeTypes": ["text/plain"], "fileFormat": "text"}
SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/apputils-extension:themes": {"adaptive-theme": True},
    "@jupyterlab/docmanager-extension:plugin": {"defaultViewers": {"markdown": "Markdown Preview"}},
}
UNUSED = ("@jupyterlab/mermaid-extension", "@jupyterlab/vega5-extension")
_UNUSED_PARTS = re.compile(rb"mermaid|\belk\.|vega|katex")
"""Diagrams that no notebook has, and the marks of the large parts that would draw them."""
_LINK = re.compile(r"\]\(((?:\.\./)?[\w./-]+\.\w+)(?:#[^)]*)?\)")


class Site(NamedTuple):
    """What was built; `size` in bytes."""

    notebooks: int
    edition: str
    files: int
    size: int


class Notebook(NamedTuple):
    """A notebook of the site: its path there, its head, and the version of its text."""

    path: str
    head: FrontMatter
    version: str

    @property
    def number(self) -> str:
        """Of its chapter, such as 02."""
        return Path(self.path).name[:2]


def build(root: Path, output: Path) -> Site:
    """Build the site of a checkout into a folder, which is emptied first; raises BuildError."""
    if not (root / "notebooks").is_dir():
        raise BuildError(f"{root} is no checkout of the course: it has no notebooks")
    cache = root / "dist" / "lite-cache"
    with tempfile.TemporaryDirectory() as folder:
        lite = Path(folder)
        version = bundle(root, lite / "static" / "pyodide", cache)
        notebooks = _contents(root, lite / "files", version)
        edition = f"{version}-{_digest_of(lite)}"
        _configure(lite)
        shutil.rmtree(output, ignore_errors=True)
        jupyter = [sys.executable, "-m", "jupyterlite_core", "build", "--no-sourcemaps", "--no-unused-shared-packages"]
        run(
            [
                *jupyter,
                "--apps",
                "lab",
                "--lite-dir",
                lite,
                "--contents",
                lite / "files",
                "--output-dir",
                output.resolve(),
            ],
            cwd=lite,
        )
    _front(output, notebooks, edition)
    _ahead(output)
    _slim(output)
    files = [path for path in output.rglob("*") if path.is_file()]
    return Site(len(notebooks), edition, len(files), sum(path.stat().st_size for path in files))


def _contents(root: Path, to: Path, version: str) -> list[Notebook]:
    """Copy what the learner opens, and all it links to; returns the notebooks, chapters first."""
    notebooks, linked = [], {root / "README.md", root / "LICENSE"}
    for folder in ("notebooks", "exercises"):
        (to / folder).mkdir(parents=True)
        for source in sorted((root / folder).iterdir()):
            if source.suffix == ".ipynb":
                notebooks.append(_stamped(source, to, version))
            elif source.is_file():
                shutil.copyfile(source, to / folder / source.name)
            if source.suffix in (".ipynb", ".md"):
                links = _LINK.findall(source.read_text(encoding="utf-8"))
                linked |= {(source.parent / link).resolve() for link in links if link.startswith("../")}
    said = "".join(path.read_text(encoding="utf-8") for path in to.rglob("*.ipynb"))
    linked |= {path for path in (root / "tests" / "data").glob("*/*.json*") if path.stem in said}  # those replayed
    for source in sorted(linked):
        target = to / source.resolve().relative_to(root.resolve())
        if target.suffix == ".jsonl":
            target = target.with_suffix(".txt")  # see mmsim.trace.recording
        if source.is_file() and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    return notebooks


def _stamped(source: Path, to: Path, version: str) -> Notebook:
    """Copy a notebook with its version in the metadata and in words below its head."""
    text = source.read_bytes()
    notebook: dict[str, Any] = json.loads(text)
    path, stamp = f"{source.parent.name}/{source.name}", hashlib.sha256(text).hexdigest()[:8]
    first = notebook["cells"][0]
    head = "".join(first["source"])
    told = (
        f"*Browser edition: mmsim {version}, this text {stamp}. What you change stays in this browser; to begin again, "
        f"or to get the newest text, [reset this notebook](reset.html?file={path}).*"
    )
    first["source"] = f"{head}\n\n{told}"
    notebook["metadata"] |= {"kernelspec": KERNEL, "mmsim": {"version": version, "text": stamp}}
    (to / path).write_text(json.dumps(notebook, ensure_ascii=False), encoding="utf-8")
    return Notebook(path, parse(head), stamp)


def _configure(lite: Path) -> None:
    """The settings of JupyterLite and of its kernel."""
    kernel = {
        "disablePyPIFallback": True,
        "pipliteUrls": [],
        "loadPyodideOptions": {"packages": list(PRELOADED), "env": {"HOME": "/home/pyodide", "MMSIM_STATE": HOME}},
    }
    config = {
        "appName": "mmsim",
        "disabledExtensions": UNUSED,
        "exposeAppInBrowser": True,
        "fileTypes": {"toml": TOML},
        "contentsStorageName": STORAGE,
        "settingsStorageName": f"{STORAGE} settings",
        "workspacesStorageName": f"{STORAGE} workspaces",
        "litePluginSettings": {f"{KERNEL_PLUGIN}:kernel": kernel},
    }
    (lite / "jupyter-lite.json").write_text(
        json.dumps({"jupyter-lite-schema-version": 0, "jupyter-config-data": config}), encoding="utf-8"
    )
    (lite / "overrides.json").write_text(json.dumps(SETTINGS), encoding="utf-8")


def _front(output: Path, notebooks: list[Notebook], edition: str) -> None:
    """The first page, the page that resets, and what the notebooks' page needs to know."""
    texts = {notebook.path: notebook.version for notebook in notebooks}
    known = {"edition": edition, "storage": STORAGE, "texts": texts}
    (output / "edition.js").write_text(f"globalThis.mmsimEdition = {json.dumps(known)};\n", encoding="utf-8")
    for name in ("course.js", "course.css", "onward.js", "reset.html"):
        shutil.copyfile(STATIC / name, output / name)
    page = (STATIC / "index.html").read_text(encoding="utf-8")
    for folder in ("notebooks", "exercises"):
        rows = "\n".join(_row(notebook) for notebook in notebooks if notebook.path.startswith(folder))
        page = page.replace(f"<!-- {folder} -->", rows)
    (output / "index.html").write_text(page.replace("<!-- edition -->", escape(edition)), encoding="utf-8")
    lab = output / "lab" / "index.html"
    scripts = '<script src="../edition.js"></script>'
    scripts += "".join(f'<script defer src="../{name}"></script>' for name in ("course.js", "onward.js"))
    # What moves while all is loading takes time away from it, a lot where the page is drawn without a graphics card.
    still = "<style>#jupyterlite-loading-indicator *, #jupyterlab-splash * { animation: none !important }</style>"
    html = lab.read_text(encoding="utf-8")
    if "<head>" not in html or "</head>" not in html:
        raise BuildError("JupyterLite's page has no head to put our scripts into")
    html = html.replace("<head>", '<head><script src="../ahead.js"></script>', 1)
    lab.write_text(html.replace("</head>", f"{scripts}{still}</head>", 1), encoding="utf-8")


def _ahead(output: Path) -> None:
    """Let Python load beside JupyterLab, not after it: ahead.js starts begin.mjs, and ahead.mjs takes what it began."""
    path = output / "jupyter-lite.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    settings = config["jupyter-config-data"]
    kernel = settings["litePluginSettings"][f"{KERNEL_PLUGIN}:kernel"]
    folder = kernel["pyodideUrl"].rpartition("/")[0]
    kernel["pyodideUrl"] = f"{folder}/ahead.mjs"
    path.write_text(json.dumps(config), encoding="utf-8")
    workers = [*output.glob(f"extensions/{KERNEL_PLUGIN}/static/comlink.worker.*.js")]
    if len(workers) != 1:
        raise BuildError(f"the kernel for JupyterLite has {len(workers)} workers named comlink.worker: expected one")
    begin = (STATIC / "begin.mjs").read_text(encoding="utf-8")
    begin = begin.replace("KERNEL", f"../../{workers[0].relative_to(output).as_posix()}")
    begin = begin.replace("OPTIONS", json.dumps(kernel["loadPyodideOptions"]))
    (output / folder / "begin.mjs").write_text(begin, encoding="utf-8")
    shutil.copyfile(STATIC / "ahead.mjs", output / folder / "ahead.mjs")
    script = (STATIC / "ahead.js").read_text(encoding="utf-8").replace("VERSION", settings["appVersion"])
    (output / "ahead.js").write_text(script, encoding="utf-8")


def _slim(output: Path) -> None:
    """Delete what the course never loads."""
    for font in output.rglob("*.woff2"):  # what can run this can read woff2
        for suffix in (".eot", ".svg", ".ttf", ".woff"):
            font.with_suffix(suffix).unlink(missing_ok=True)
    for part in (output / "build").glob("[0-9]*.js"):
        if part.stat().st_size > 200_000 and len(_UNUSED_PARTS.findall(part.read_bytes())) > 8:
            part.unlink()


def _row(notebook: Notebook) -> str:
    minutes = notebook.head.minutes
    return (
        f'<tr data-file="{escape(notebook.path)}"><td>{notebook.number}</td>'
        f'<td><a href="lab/index.html?path={escape(notebook.path)}">{escape(notebook.head.title)}</a></td>'
        f"<td>{minutes or ''}</td><td></td></tr>"
    )


def _digest_of(folder: Path) -> str:
    """One short hash of all files below a folder."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:8]
