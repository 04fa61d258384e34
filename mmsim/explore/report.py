"""Findings as text, and as a page of pictures."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

from mmsim.mm.units import PAGE

from .concern import NOT_IN_THE_MAIL
from .finding import Finding, Side
from .known import Known, behind
from .run import Result
from .words import call, script_text, shown

__all__ = ["Causes", "as_page", "as_text", "causes_of", "one_line"]

Causes = dict[str, list[Known]]
"""Finding id -> what is known to be behind it."""


def causes_of(result: Result) -> Causes:
    """The known causes of what was found, each tried; a second or a few for a long list."""
    return {each.id: behind(each, result.plan.old, result.plan.new) for each in result.findings}


def as_text(result: Result, causes: Causes) -> Iterator[str]:
    """A head with the figures, then each finding."""
    yield _head(result, causes)
    for number, finding in enumerate(result.findings, 1):
        yield ""
        yield f"{number}. {finding.title} [{finding.concern}]"
        yield from (f"   known: {known.title} ({known.id})" for known in causes[finding.id])
        yield from (f"   {line}" for line in _details(finding))


def _head(result: Result, causes: Causes) -> str:
    plan, count = result.plan, len(result.findings)
    known = {each.id for found in causes.values() for each in found}
    unknown = sum(not found for found in causes.values())
    explained = f", {len(known)} known causes, {unknown or 'none'} without one" if count else ""
    return (
        f"{plan.old} -> {plan.new}: {result.scripts:,} scripts, {result.ops:,} ops, seed {plan.seed}"
        f"{', with failures' if plan.faults else ''}: {count} finding{'' if count == 1 else 's'}{explained}"
        f"{'' if result.complete else ' (interrupted)'}"
    )


def one_line(finding: Finding) -> str:
    """A finding with its script."""
    return f"{finding.id} [{finding.concern}] {finding.title}: {finding.world}: {script_text(finding.script)}"


def _details(finding: Finding) -> Iterator[str]:
    yield f"id {finding.id}; seen in {finding.count} scripts; takes {finding.reach}"
    yield f"script ({finding.world}): {script_text(finding.script)}"
    yield from _seen(finding)
    yield from (_told(side) for side in finding.sides)
    if finding.kernel is not None:
        yield _kernel(finding.kernel)
    if finding.family == "cost":
        yield ", ".join(_prices(finding))
    else:
        yield f"in {finding.function}():"
        yield from (f"  {line}" for line in finding.lines)


def _kernel(kernel: dict[str, Any]) -> str:
    like = ", ".join(kernel["like"])
    return f"Linux {kernel['release']}, asked: as {like}" if like else f"Linux {kernel['release']}, asked: as none"


def _seen(finding: Finding) -> Iterator[str]:
    yield from (f"{each.side or 'both'}: {each.invariant} {each.what}".replace("  ", " ") for each in finding.symptoms)


def _prices(finding: Finding) -> Iterator[str]:
    old, new = finding.cost
    yield from (f"{name} {old[name]} and {new[name]}" for name in old if old[name] != new[name])


def _told(side: Side) -> str:
    broken = f"; broken {' '.join(side.broken)}" if side.broken else ""
    return f"{side.generation:<6} answers {_answer(side)}; {_maps(side)}{broken}"


def _answer(side: Side) -> str:
    return f"{side.ret:#x}" if side.ret > PAGE else str(side.ret)


def _maps(side: Side) -> str:
    count = len(side.maps)
    return f"the same mappings as {side.like}" if side.like else f"{count} mapping{'' if count == 1 else 's'}"


# -- the page

_STYLE = """
:root{color-scheme:light;font:16px/1.45 system-ui,sans-serif}
body{max-width:62rem;margin:0 auto;padding:1rem;color:#000;background:#fff}
h1{font-size:1.5rem;margin:0 0 .3rem}h2{font-size:1.15rem;margin:0 0 .2rem}p{margin:.3rem 0}
section{border-top:2px solid #000;margin-top:1.6rem;padding-top:.6rem}
table{border-collapse:collapse;margin:.5rem 0;font-size:.9rem}
th,td{text-align:left;vertical-align:top;padding:.15rem .8rem .15rem 0;border-bottom:1px solid #bbb}
thead th{white-space:nowrap}.all td:nth-child(2){min-width:11rem}
.wide{overflow-x:auto}.note{color:#444}ol{margin:.3rem 0;padding-left:1.6rem}
code,pre{font:.85rem/1.4 ui-monospace,monospace}pre{white-space:pre-wrap;overflow-wrap:anywhere;margin:.3rem 0}
svg{width:100%;min-width:38rem;max-width:56rem;height:auto;display:block}td code{white-space:nowrap}
"""


def as_page(result: Result, causes: Causes) -> str:
    """One HTML page, nothing loaded from elsewhere: each finding with both address spaces before and after."""
    plan, head = result.plan, escape(_head(result, causes))
    title = escape(f"What {plan.new} does otherwise than {plan.old}")
    rows = "".join(_row(number, each, causes) for number, each in enumerate(result.findings, 1))
    names = "".join(f'<th scope="col">{name}</th>' for name in ("", "what", "function", "takes", "the mail"))
    table = f'<div class="wide"><table class="all"><thead><tr>{names}</tr></thead><tbody>{rows}</tbody></table></div>'
    body = "".join(_section(number, each, result, causes) for number, each in enumerate(result.findings, 1))
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
        f'<body><h1>{title}</h1><p class="note">{head}</p>{table if rows else ""}{body}</body></html>\n'
    )


def _name(finding: Finding, causes: Causes) -> str:
    """What is known to be behind it; else what is different."""
    return "; ".join(known.title for known in causes[finding.id]) or finding.title


def _row(number: int, finding: Finding, causes: Causes) -> str:
    function = f"<code>{finding.function}()</code>" if finding.function else "a later call"
    cells = (f'<a href="#{finding.id}">{escape(_name(finding, causes))}</a>', function)
    asked = "-" if finding.concern == NOT_IN_THE_MAIL else finding.concern
    more = (escape(each) for each in (finding.reach, asked))
    return f'<tr><th scope="row">{number}</th>' + "".join(f"<td>{each}</td>" for each in (*cells, *more)) + "</tr>"


def _section(number: int, finding: Finding, result: Result, causes: Causes) -> str:
    from .pictures import strips

    title = escape(f"{number}. {_name(finding, causes)}")
    told = "".join(f"<p>{escape(known.explanation.strip())}</p>" for known in causes[finding.id])
    facts = f"{finding.title}. Takes {finding.reach}; {finding.concern}; seen in {finding.count:,} scripts."
    calls = "".join(f"<li><code>{escape(call(op))}</code></li>" for op in finding.script)
    pictures = "".join(picture.svg() for picture in strips(finding, result.plan.old, result.plan.new))
    seen = "\n".join(_prices(finding) if finding.family == "cost" else _seen(finding))
    code = "" if finding.family == "cost" else _code(finding, result.plan.new)
    return (
        f'<section id="{finding.id}"><h2>{title}</h2>{told}<p class="note">{escape(facts)}</p>'
        f"<p>The shortest script, in the world <code>{finding.world}</code>:</p><ol>{calls}</ol>"
        f'<div class="wide">{pictures}</div>'
        f"{_table(finding)}<pre>{escape(seen)}</pre>{code}</section>"
    )


def _table(finding: Finding) -> str:
    names = "".join(f'<th scope="col">{name}</th>' for name in ("", "answer", "mappings", "broken"))
    rows = "".join(
        f'<tr><th scope="row">{side.generation}</th><td><code>{escape(shown(side.ret))}</code></td>'
        f"<td>{escape(_maps(side))}</td><td>{' '.join(side.broken) or '-'}</td></tr>"
        for side in finding.sides
    )
    return f'<div class="wide"><table><thead><tr>{names}</tr></thead><tbody>{rows}</tbody></table></div>'


def _code(finding: Finding, new: str) -> str:
    lines = escape("\n".join(finding.lines))
    where = f"<code>{finding.function}()</code>" if finding.function else "code that is not of the patch"
    return f"<details><summary>the way through {where} of {new}</summary><pre>{lines}</pre></details>"
