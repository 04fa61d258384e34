"""Bars of ratios, for the bench: who is how many times slower at what."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from hashlib import sha256
from html import escape

from .theme import INK, OKABE_ITO

__all__ = ["bars"]

COLOURS = ("sky blue", "orange", "bluish green", "yellow", "reddish purple", "vermillion", "blue")
HATCHES = ("", "//", "..", "xx", "\\\\", "oo", "++")


def bars(ratios: Mapping[str, Mapping[str, float]], title: str, axis: str, description: str) -> str:
    """SVG of horizontal bars on a logarithmic axis: workload -> peer -> ratio.

    Bars start at 1 and go left where the ratio is below it. Each peer has a colour and a
    hatch of its own and each bar its number. The same input gives the same SVG. Costs the
    import of matplotlib.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    peers = list(dict.fromkeys(peer for row in ratios.values() for peer in row))
    places, ticks = _places(ratios)
    with rc_context({"svg.hashsalt": "mmsim", "svg.fonttype": "none", "hatch.linewidth": 0.6}):
        figure = Figure(figsize=(9, 1.4 + 0.22 * (len(places) + len(ratios))), layout="constrained")
        axes = figure.add_subplot()
        for at, peer in enumerate(peers):
            rows = [
                (place, row[peer]) for name, row in ratios.items() if (place := places.get((name, peer))) is not None
            ]
            drawn = axes.barh(
                [place for place, _ in rows],
                [ratio - 1 for _, ratio in rows],
                0.9,
                1,
                label=peer,
                color=OKABE_ITO[COLOURS[at % len(COLOURS)]],
                hatch=HATCHES[at % len(HATCHES)],
                edgecolor=INK,
                linewidth=0.6,
            )
            axes.bar_label(drawn, [_ratio(ratio) for _, ratio in rows], padding=3, fontsize=8)
        axes.set_yticks(ticks, list(ratios))
        axes.invert_yaxis()
        axes.set_xscale("log")
        axes.axvline(1, color=INK, linewidth=1.2)
        axes.margins(x=0.12)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,g}")
        axes.set_xlabel(axis)
        axes.set_title(title)
        figure.legend(loc="outside lower center", ncols=min(4, max(1, len(peers))), fontsize=9)
        written = io.StringIO()
        figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
    return _described(written.getvalue(), title, description)


def _places(ratios: Mapping[str, Mapping[str, float]]) -> tuple[dict[tuple[str, str], float], list[float]]:
    """Where each bar stands, by workload and peer, without holes; and the middle of each workload."""
    places: dict[tuple[str, str], float] = {}
    ticks, at = [], 0.0
    for name, row in ratios.items():
        places |= {(name, peer): at + offset for offset, peer in enumerate(row)}
        ticks.append(at + (len(row) - 1) / 2)
        at += len(row) + 1
    return places, ticks


def _ratio(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}" if value < 10 else f"{value:.0f}"


def _described(svg: str, title: str, description: str) -> str:
    """The <svg> element alone, with role, title and description."""
    key = "mm" + sha256((title + description).encode()).hexdigest()[:10]
    svg = svg[svg.index("<svg") :].strip()
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    head, _, body = svg.partition(">")
    named = f'<title id="{key}t">{escape(title)}</title><desc id="{key}d">{escape(description)}</desc>'
    return f'{head} role="img" aria-labelledby="{key}t {key}d">{named}{body}'
