"""Pages of feedback: one for each learner, one of the class. All text is escaped; no page can run or fetch anything.

Nothing a notebook printed is shown: only what the grader says, and an answer's value as text.
"""

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from string import Template

from .book import due_of
from .marking import Result
from .results import file_name

__all__ = ["class_page", "learner_page"]

_PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>$title</title>
<style>
:root { color-scheme: light dark; --edge: #0072b2; --line: #8888; }
@media (prefers-color-scheme: dark) { :root { --edge: #56b4e9; } }
caption { text-align: left; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .8rem .3rem 0; text-align: left; vertical-align: top; }
td.number, th.number { text-align: right; white-space: nowrap; }
section { border-left: 4px solid var(--line); padding-left: 1rem; margin: 1.5rem 0; }
section.full { border-left: 4px double var(--edge); }
code, pre { font: .9rem/1.4 ui-monospace, monospace; overflow-wrap: anywhere; }
pre { overflow-x: auto; }
meter { width: 8rem; }
div.wide { overflow-x: auto; }
h3 { margin-bottom: .2rem; }
</style>
</head>
<body>
$body
</body>
</html>
""")


def learner_page(result: Result, due: Mapping[str, int] | None = None) -> str:
    """The page of one learner: points, and for each exercise what was right, and the first public case that was not.

    `due` has the chapters that count, with the points of each; None: those that were handed in.
    """
    due = {number: found["full"] for number, found in result["chapters"].items()} if due is None else due
    total = _points({**result, "full": sum(due.values())})
    body = [f"<h1>Feedback for {escape(result['learner'])}</h1>", f"<p><strong>{total}</strong></p>"]
    missing = [
        f"chapter {number}: 0 of {points} points" for number, points in due.items() if number not in result["chapters"]
    ]
    body += _list("Not handed in", missing)
    body += _list("What could not be read, or was left out", result["problems"])
    if not result["chapters"]:
        body.append("<p>No notebook could be marked.</p>")
    for number, found in result["chapters"].items():
        body.append(f"<h2>Chapter {escape(number)}: {_points(found)}</h2>")
        body.append(f"<p>From <code>{escape(found['file'])}</code>.</p>")
        body += _list("", found["notes"])
        body += [_exercise(key, mark) for key, mark in found["exercises"].items()]
    return _PAGE.substitute(title=f"Feedback for {escape(result['learner'])}", body="\n".join(body))


def class_page(results: Sequence[Result], strays: Iterable[str] = ()) -> str:
    """The page of the class: everyone's points with a link, and each exercise's mean, the hardest first."""
    due = due_of(results)
    rows = "\n".join(
        f'<tr><td><a href="feedback/{escape(file_name(one["learner"]))}.html">{escape(one["learner"])}</a></td>'
        f'<td class="number">{one["points"]:g}</td>{_by_chapter(one, due)}'
        f"<td>{escape('; '.join([*one['problems'], *_other_names(one)]))}</td></tr>"
        for one in results
    )
    heads = "".join(f"<th class='number'>{number}<br>of {points}</th>" for number, points in due.items())
    body = [
        f"<h1>Marks of {len(results)} learners</h1>",
        *_list("Files that nobody's name could be told of", strays),
        "<div class='wide'><table><caption>Points by learner; -: not handed in</caption><tr><th>learner</th>"
        f"<th class='number'>points<br>of {sum(due.values())}</th>{heads}<th>problems</th></tr>\n{rows}</table></div>",
        "<table><caption>Exercises, the hardest first: the mean share of the points</caption>"
        "<tr><th>exercise</th><th>title</th><th class='number'>handed in</th><th class='number'>mean</th>"
        f"<th></th></tr>\n{_means(results)}</table>",
    ]
    return _PAGE.substitute(title="Marks", body="\n".join(body))


def _by_chapter(result: Result, due: Iterable[str]) -> str:
    found = (result["chapters"].get(number) for number in due)
    return "".join(f'<td class="number">{"-" if one is None else format(one["points"], "g")}</td>' for one in found)


def _other_names(result: Result) -> Iterable[str]:
    """What is noted of names in a learner's notebooks, once each, with the chapters."""
    told: dict[str, list[str]] = {}
    for number, found in result["chapters"].items():
        for note in found["notes"]:
            told.setdefault(note, []).append(number)
    return [f"{', '.join(numbers)}: {note}" for note, numbers in told.items()]


def escape(text: str) -> str:
    """Text as HTML; what no browser should see, such as a terminal's escapes, becomes a question mark."""
    return html.escape("".join(sign if sign.isprintable() or sign == "\n" else "?" for sign in str(text)))


def inline(text: str) -> str:
    """Text as HTML, with what stands between backticks as code.

    >>> inline("`a<b` is no leaf")
    '<code>a&lt;b</code> is no leaf'
    """
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _exercise(key: str, mark: Result) -> str:
    right = mark["points"] == mark["full"]
    parts = [
        f'<section class="{"full" if right else "part"}">',
        f"<h3>{escape(key)} {escape(mark['title'])}</h3>",
        f"<p>{'✓ ' if right else ''}{_points(mark)}. {inline(_sentence(mark['message']))}</p>",
        *_list("", mark["notes"]),
        *_list("", mark["detail"]),
        *_first(mark.get("first", {})),
        "</section>",
    ]
    return "\n".join(parts)


def _first(first: Result) -> Iterable[str]:
    """The first public case that failed, as `check` shows it in a notebook."""
    if not first:
        return
    rows = [(name, first[name]) for name in ("input", "expected", "got") if first.get(name)]
    cells = "".join(f"<tr><th>{name}</th><td><code>{escape(text)}</code></td></tr>" for name, text in rows)
    said = f": {inline(first['message'].rstrip('.'))}" if first.get("message") else ""
    yield f"<p>The first public case that failed{said}.</p><table>{cells}</table>"
    if first["difference"]:
        yield f"<pre>{escape(chr(10).join(first['difference']))}</pre>"


def _means(results: Sequence[Result]) -> str:
    shares: dict[tuple[str, str], list[float]] = {}
    for result in results:
        for found in result["chapters"].values():
            for key, mark in found["exercises"].items():
                shares.setdefault((key, mark["title"]), []).append(mark["points"] / mark["full"])
    ordered = sorted(shares.items(), key=lambda pair: (sum(pair[1]) / len(pair[1]), pair[0]))
    return "\n".join(
        f'<tr><td>{escape(key)}</td><td>{escape(title)}</td><td class="number">{len(found)}</td>'
        f'<td class="number">{_percent(found)} %</td><td><meter value="{sum(found) / len(found):.3f}">'
        f"{_percent(found)} %</meter></td></tr>"
        for (key, title), found in ordered
    )


def _percent(shares: Sequence[float]) -> int:
    return round(100 * sum(shares) / len(shares))


def _list(head: str, lines: Iterable[str]) -> list[str]:
    lines = list(lines)
    if not lines:
        return []
    items = "".join(f"<li>{inline(line)}</li>" for line in lines)
    return [*([f"<p>{escape(head)}:</p>"] if head else []), f"<ul>{items}</ul>"]


def _points(part: Result) -> str:
    return f"{part['points']:g} of {part['full']:g} points"


def _sentence(text: str) -> str:
    """A message as a sentence: a capital in front, a full stop behind."""
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '?', '!')) else '.'}" if text else ""
