"""Findings as text, and as a page of pictures."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

from mmsim.mm.units import PAGE

from .alphabet import Op
from .finding import Finding, Side
from .run import Result
from .world import START

__all__ = ["as_page", "as_text", "call", "one_line", "shown"]


def as_text(result: Result) -> Iterator[str]:
    """A head with the figures, then each finding."""
    plan, count = result.plan, len(result.findings)
    yield (
        f"{plan.old} -> {plan.new}: {result.scripts:,} scripts, {result.ops:,} ops, seed {plan.seed}"
        f"{', with failures' if plan.faults else ''}: {count} finding{'' if count == 1 else 's'}"
        f"{'' if result.complete else ' (interrupted)'}"
    )
    for number, finding in enumerate(result.findings, 1):
        yield ""
        yield f"{number}. {finding.title} [{finding.concern}]"
        yield from (f"   {line}" for line in _details(finding))


def one_line(finding: Finding) -> str:
    """A finding with its script."""
    script = "; ".join(call(op) for op in finding.script)
    return f"{finding.id} [{finding.concern}] {finding.title}: {finding.world}: {script}"


def _details(finding: Finding) -> Iterator[str]:
    yield f"id {finding.id}; seen in {finding.count} scripts; takes {finding.reach}"
    yield f"script ({finding.world}): {'; '.join(call(op) for op in finding.script)}"
    yield from (f"{each.side or 'both'}: {each.invariant} {each.what}".replace("  ", " ") for each in finding.symptoms)
    yield from (_told(side) for side in finding.sides)
    if finding.family == "cost":
        names = [name for name in finding.cost[0] if finding.cost[0][name] != finding.cost[1][name]]
        yield ", ".join(f"{name} {finding.cost[0][name]} and {finding.cost[1][name]}" for name in names)
    else:
        yield f"in {finding.function}():"
        yield from (f"  {line}" for line in finding.lines)


def _told(side: Side) -> str:
    broken = f"; broken {' '.join(side.broken)}" if side.broken else ""
    ret = f"{side.ret:#x}" if side.ret > PAGE else str(side.ret)
    maps = f"the same mappings as {side.like}" if side.like else f"{len(side.maps)} mappings"
    return f"{side.generation:<6} answers {ret}; {maps}{broken}"


def call(op: Op) -> str:
    """An op with addresses as pages above the start of the heap.

    >>> call(("brk", START + 2 * PAGE)), call(("munmap", [START - PAGE, PAGE]))
    ('brk(heap+2)', 'munmap(heap-1, 4096)')
    """
    name, arg = op
    given = arg if isinstance(arg, list) else [] if arg is None else [arg]
    return f"{name}({', '.join(shown(value) for value in given)})"


def shown(value: Any) -> str:
    """A number, an address near the heap as pages above its start.

    >>> shown(START + PAGE), shown(START + 1), shown(-12)
    ('heap+1', 'heap+0+1 B', '-12')
    """
    if not isinstance(value, int) or abs(value - START) > 1 << 26:
        return str(value)
    pages, rest = divmod(value - START, PAGE)
    return f"heap{pages:+}" + (f"+{rest} B" if rest else "") if pages or rest else "heap"


def as_page(result: Result) -> str:
    """One HTML page, nothing loaded from elsewhere: each finding with both address spaces before and after."""
    head, *_ = as_text(result)
    body = "".join(_section(number, each, result) for number, each in enumerate(result.findings, 1))
    style = (
        "body{font-family:sans-serif;max-width:60rem;margin:1rem auto;padding:0 1rem;color:#000;background:#fff}"
        "pre{white-space:pre-wrap}svg{max-width:100%;height:auto}"
    )
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{escape(head)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{style}</style></head>'
        f"<body><h1>{escape(head)}</h1>{body}</body></html>\n"
    )


def _section(number: int, finding: Finding, result: Result) -> str:
    from .pictures import strips

    details = escape("\n".join(_details(finding)))
    title = escape(f"{number}. {finding.title} [{finding.concern}]")
    pictures = "".join(picture.svg() for picture in strips(finding, result.plan.old, result.plan.new))
    return f'<section id="{finding.id}"><h2>{title}</h2>{pictures}<pre>{details}</pre></section>'
