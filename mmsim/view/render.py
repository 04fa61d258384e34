"""DOT text to SVG, with whatever Graphviz there is; or SVG of the text form, without any.

Renderers in order: pygraphviz, in this process; `dot` on PATH; Graphviz as WASM in the
browser (see `wasm`; the SVG made here is then the text form); the text form alone.
MMSIM_RENDERER forces one of `pygraphviz`, `dot`, `wasm`, `text`.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import NamedTuple

from .theme import INK, PAPER

__all__ = ["RENDERERS", "NoRenderer", "Renderer", "as_image", "draw", "graphviz_svg", "problem", "renderer"]

RENDERERS = ("pygraphviz", "dot", "wasm", "text")
FAMILY = "DejaVu Sans,Verdana,sans-serif"
SHORTER = (
    (r' font-family="DejaVu Sans"| font-size="12\.00"| text-anchor="start"', ""),
    (r"(?<=\d\.\d)\d+", ""),
    (r"(?<=\d)\.0(?!\d)", ""),
    (r"\n\n+", "\n"),
)
"""What Graphviz says of each text again and again is said once, and tenths of a point are enough:
a notebook holds many pictures."""
LINE, CHAR, PAD, HEADING = 16, 7.3, 8, 28
PAGE = 880


class NoRenderer(ValueError):
    """MMSIM_RENDERER names a renderer that is not known or not here."""


class Renderer(NamedTuple):
    """Which renderer draws, and why this one."""

    name: str
    why: str

    @property
    def is_graphviz(self) -> bool:
        """Whether SVG is drawn by Graphviz on the Python side."""
        return self.name in ("pygraphviz", "dot")


def renderer() -> Renderer:
    """The renderer in use. Raises NoRenderer when MMSIM_RENDERER cannot be followed."""
    forced = os.environ.get("MMSIM_RENDERER", "").strip()
    if forced and forced not in RENDERERS:
        raise NoRenderer(f"MMSIM_RENDERER is {forced!r}: expected one of {', '.join(RENDERERS)}")
    missing = []
    for name in (forced,) if forced else RENDERERS:
        why_not = problem(name)
        if why_not is None:
            why = "MMSIM_RENDERER asks for it" if forced else "; ".join([*missing, f"{name} works"])
            return Renderer(name, why)
        missing.append(why_not)
    raise NoRenderer(f"MMSIM_RENDERER is {forced!r}, but {missing[0]}")


@cache
def problem(name: str) -> str | None:
    """Why a renderer cannot be used here, or None. Found out once."""
    if name == "dot" and shutil.which("dot") is None:
        return "no dot on PATH"
    if name == "wasm" and importlib.util.find_spec("anywidget") is None:
        return "no anywidget package"
    if name == "pygraphviz":
        try:
            _with_pygraphviz("digraph { a }")
        except Exception as error:  # a wheel can fail in many ways; the next renderer takes over
            return f"no pygraphviz ({str(error).splitlines()[0] if str(error) else type(error).__name__})"
    return None


@lru_cache(maxsize=512)
def graphviz_svg(dot: str, name: str) -> str:
    """SVG of DOT text, by the renderer `name` (`pygraphviz` or `dot`), as Graphviz wrote it."""
    return _with_pygraphviz(dot) if name == "pygraphviz" else _with_dot(dot)


def draw(panels: list[tuple[str, str]], title: str, description: str, salt: str = "", heading: bool = False) -> str:
    """One SVG of several panels, (DOT text, text form) each: beside each other while they fit, else below.

    It has role, title and description; its only ids are made from its content (and `salt`).
    With `heading` the title can be seen, too.
    """
    using = renderer()
    parts = [_panel(graphviz_svg(dot, using.name)) if using.is_graphviz else _written(text) for dot, text in panels]
    key = "mm" + sha256("\n".join([salt, title, *(dot for dot, _ in panels)]).encode()).hexdigest()[:10]
    top = HEADING if heading else 0
    body, width, height = _arranged(parts, top)
    if heading:
        style = f'font-family="{FAMILY}" font-size="13" font-weight="bold" fill="{INK}"'
        body.insert(0, f'<text x="{PAD}" y="20" {style}>{escape(title)}</text>')
        width = max(width, 2 * PAD + 1.3 * CHAR * len(title))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" '
        f'viewBox="0 0 {width:g} {height:g}" role="img" aria-labelledby="{key}t {key}d">'
        f'<title id="{key}t">{escape(title)}</title><desc id="{key}d">{escape(description)}</desc>'
        f'<rect width="100%" height="100%" fill="{PAPER}"/>{"".join(body)}</svg>'
    )


def _arranged(parts: list[tuple[str, float, float]], top: float) -> tuple[list[str], float, float]:
    """Panels put in rows of at most PAGE, from `top` down; with the whole width and height."""
    body, left, row, width = [], 0.0, 0.0, 0.0
    for inner, wide, high in parts:
        if left and left + wide > PAGE:
            left, top, row = 0.0, top + row, 0.0
        box = f'x="{left:g}" y="{top:g}" width="{wide:g}" height="{high:g}" viewBox="0 0 {wide:g} {high:g}"'
        body.append(f"<svg {box}>{inner}</svg>")
        left, row = left + wide, max(row, high)
        width = max(width, left)
    return body, width, top + row


def as_image(svg: str, description: str) -> str:
    """SVG as an <img> that holds it: a picture of its own, so nothing on the page can clash with it.

    The SVG is not encoded more than the address needs: `<svg ...</svg>` can still be found in it.
    """
    address = svg.replace("%", "%25").replace("#", "%23").replace("\n", " ")
    address = address.replace("&", "&amp;").replace("'", "&#39;")
    return f"<img alt=\"{escape(description)}\" src='data:image/svg+xml;charset=utf-8,{address}'>"


@lru_cache(maxsize=64)
def _panel(svg: str) -> tuple[str, float, float]:
    """The drawing inside Graphviz' own <svg>, without prolog, comments, ids and titles; its size."""
    found = re.search(r'<svg[^>]*viewBox="0(?:\.0+)? 0(?:\.0+)? ([\d.]+) ([\d.]+)"[^>]*>(.*)</svg>', svg, re.DOTALL)
    if not found:
        raise ValueError("Graphviz gave no SVG")
    inner = re.sub(r"<!--.*?-->|<title>.*?</title>| (?:id|class|xlink:title)=\"[^\"]*\"", "", found[3], flags=re.DOTALL)
    for pattern, short in SHORTER:
        inner = re.sub(pattern, short, inner)
    return f'<g font-family="{FAMILY}" font-size="12">{inner.strip()}</g>', float(found[1]), float(found[2])


def _written(text: str) -> tuple[str, float, float]:
    """The text form as a drawing: lines in a monospaced font."""
    lines = text.splitlines()
    style = f'font-family="DejaVu Sans Mono,Menlo,Consolas,monospace" font-size="12" fill="{INK}"'
    body = "".join(_line(line, PAD + LINE * at + 12) for at, line in enumerate(lines))
    width = 2 * PAD + CHAR * max((len(line) for line in lines), default=0)
    return f"<g {style}>{body}</g>", width, 2 * PAD + LINE * len(lines)


def _line(line: str, y: int) -> str:
    """A line of text; SVG drops spaces, so leading ones become distance and others cannot be dropped."""
    bare = line.lstrip()
    shown = escape(bare).replace("  ", "\N{NO-BREAK SPACE}" * 2)
    return f'<text x="{PAD + CHAR * (len(line) - len(bare)):g}" y="{y}">{shown}</text>'


def _with_pygraphviz(dot: str) -> str:
    """Draw in this process, with matplotlib's DejaVu as the only fonts."""
    with _first_layout():
        import pygraphviz

        return pygraphviz.AGraph(string=dot).draw(format="svg", prog="dot").decode()


def _with_dot(dot: str) -> str:
    done = subprocess.run(
        ["dot", "-Tsvg"], input=dot, capture_output=True, text=True, encoding="utf-8", env={**os.environ, **_fonts()}
    )
    if done.returncode:
        raise ValueError(f"dot failed: {done.stderr.strip().splitlines()[-1]}")
    return done.stdout


_quiet = False


@contextmanager
def _first_layout() -> Iterator[None]:
    """Pin the fonts and silence fontconfig, which warns once, from C, straight to fd 2."""
    global _quiet
    if _quiet:
        yield
        return
    before = os.environ.get("FONTCONFIG_FILE")
    os.environ.update(_fonts())
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
        _quiet = True
    finally:
        os.environ.pop("FONTCONFIG_FILE", None)
        if before is not None:
            os.environ["FONTCONFIG_FILE"] = before
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


@cache
def _fonts() -> dict[str, str]:
    """FONTCONFIG_FILE with a configuration that knows only matplotlib's fonts; nothing without them."""
    spec = importlib.util.find_spec("matplotlib")
    if spec is None or not spec.submodule_search_locations:
        return {}
    fonts = Path(spec.submodule_search_locations[0]) / "mpl-data" / "fonts" / "ttf"
    if not fonts.is_dir():
        return {}
    folder = _cache_folder()
    config = folder / f"{sha256(str(fonts).encode()).hexdigest()[:12]}.conf"
    config.write_text(
        '<?xml version="1.0"?>\n<!DOCTYPE fontconfig SYSTEM "fonts.dtd">\n'
        f"<fontconfig><dir>{escape(str(fonts))}</dir><cachedir>{escape(str(folder))}</cachedir></fontconfig>\n"
    )
    return {"FONTCONFIG_FILE": str(config)}


def _cache_folder() -> Path:
    """A folder of the user's own; a fresh one where there is no writable home."""
    try:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mmsim" / "fonts"
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):
        return Path(tempfile.mkdtemp(prefix="mmsim-fonts-"))
    return folder if os.access(folder, os.W_OK) else Path(tempfile.mkdtemp(prefix="mmsim-fonts-"))
