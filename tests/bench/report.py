"""Results as a markdown table, as CSV and as a picture."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from pathlib import Path

from mmsim.view.chart import bars

from .goals import BYTES, BYTES_FROM, IMPORT_MS, goal, missed
from .measure import Row
from .recipes import ANCHOR
from .workloads import VMAS, WORKLOADS

__all__ = ["BadFile", "picture", "read", "table", "write"]


class BadFile(Exception):
    """A CSV file that the bench did not write."""


def write(rows: Iterable[Row], seed: int, path: Path) -> None:
    """All rows as CSV, with the seed in each."""
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow([*Row._fields, "seed"])
        out.writerows([*("" if field is None else field for field in row), seed] for row in rows)


def read(path: Path, seed: int) -> list[Row]:
    """The rows of a CSV file that write() made with this seed; raises BadFile."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            lines = list(csv.DictReader(file))
        if any(int(line["seed"]) != seed for line in lines):
            raise BadFile(f"{path}: made with another seed than {seed}")
        return [row_of(line) for line in lines]
    except (KeyError, TypeError, ValueError, UnicodeDecodeError, csv.Error) as error:
        raise BadFile(f"{path}: not a CSV file of the bench ({error})") from None
    except OSError as error:
        raise BadFile(f"{path}: cannot be read: {error.strerror}") from None


def row_of(line: dict[str, str]) -> Row:
    """A line of the file, with numbers for the texts."""
    value = float(line["value"]) if line["value"] else None
    ratio = float(line["ratio"]) if line["ratio"] else None
    n, rounds, calls = int(line["n"]), int(line["rounds"]), int(line["calls"])
    return Row(line["workload"], n, line["peer"], line["state"], rounds, calls, value, line["unit"], ratio)


def table(rows: list[Row]) -> str:
    """The markdown text: ratios, bytes, import, and every goal that is missed."""
    timed = [row for row in rows if row.workload in WORKLOADS]
    space = [row for row in rows if row.workload == "bytes"]
    parts = []
    if timed:
        parts.append(grid(timed, "time", ratio_cell))
        parts.append(
            f"Times as fast as the recipe on {ANCHOR}, whose own time an operation stands under its name. "
            "-: not run, too slow at this size; no search: plain trees do not track gaps."
        )
        parts += growth(timed)
    if space:
        parts.append(grid(space, "bytes a range", bytes_cell))
        parts.append("Bytes as tracemalloc sees them, without the entries; ≥: BTrees' C code takes more with malloc.")
    parts += import_lines(rows)
    short = [line for row in rows if (line := below(row))]
    if rows:
        parts.append("\n".join(["Below the goal:", "", *short]) if short else "No goal is missed.")
    return "\n\n".join(parts)


def grid(rows: list[Row], title: str, cell: Callable[[Row], str]) -> str:
    """A table with a line for each workload and size, and a column for each structure."""
    peers = list(dict.fromkeys(row.peer for row in rows))
    peers.sort(key=lambda peer: peer != ANCHOR)
    lines = list(dict.fromkeys((row.workload, row.n) for row in rows))
    order = [*WORKLOADS, "bytes"]
    lines.sort(key=lambda line: (order.index(line[0]), line[1]))
    by_place = {(row.workload, row.n, row.peer): row for row in rows}
    head = ["", "n", *peers]
    text = [head, ["---"] * 2 + ["---:"] * len(peers)]
    for name, n in lines:
        cells = [cell(by_place[name, n, peer]) if (name, n, peer) in by_place else "" for peer in peers]
        text.append([title if name == "bytes" else label(name), f"{n:,}", *cells])
    return "\n".join(f"| {' | '.join(line)} |" for line in text)


def label(workload: str) -> str:
    """A workload's name with what its operation is."""
    return f"{workload} {WORKLOADS[workload].unit}"


def ratio_cell(row: Row) -> str:
    """One ratio, with its goal if it has one."""
    if row.state != "ok":
        return {"not run": "-"}.get(row.state, row.state)
    if row.value is None or row.ratio is None:
        return ""
    if row.peer == ANCHOR:
        return time_text(row.value)
    wanted = goal(row.peer, row.workload, row.n)
    if wanted is None:
        return number(row.ratio)
    short = missed(row.ratio, wanted)
    return f"{number(row.ratio)} (goal {wanted:g}{f', missed by {short} %' if short else ''})"


def bytes_cell(row: Row) -> str:
    """One size."""
    if row.value is None:
        return "-"
    return f"{'≥ ' if row.peer == 'BTrees C' else ''}{row.value:.0f}"


def number(ratio: float) -> str:
    """A ratio, with as many digits as tell something.

    >>> number(0.001234), number(0.4567), number(12.34), number(1234.5)
    ('0.0012', '0.46', '12', '1,234')
    """
    return f"{ratio:.2g}" if ratio < 0.1 else f"{ratio:.2f}" if ratio < 10 else f"{ratio:,.0f}"


def time_text(nanoseconds: float) -> str:
    """A time with its unit.

    >>> time_text(431.4), time_text(2345), time_text(3.4e7)
    ('431 ns', '2.3 µs', '34 ms')
    """
    value, units = nanoseconds, ["ns", "µs", "ms", "s"]
    while value >= 1000 and len(units) > 1:
        value /= 1000
        del units[0]
    return f"{value:.1f} {units[0]}" if units[0] != "ns" and value < 10 else f"{value:.0f} {units[0]}"


def growth(rows: list[Row]) -> list[str]:
    """One sentence: how much the search for the one hole grows with n."""
    times: dict[str, dict[int, float]] = {}
    for row in rows:
        if row.workload == "W5one" and row.value is not None:
            times.setdefault(row.peer, {})[row.n] = row.value
    parts = []
    for peer in ("mmsim", ANCHOR):
        sizes = sorted(times.get(peer, {}))
        if len(sizes) > 1:
            small, large = times[peer][sizes[0]], times[peer][sizes[-1]]
            parts.append(f"{peer} {time_text(small)} to {time_text(large)} (times {number(large / small)})")
    if not parts:
        return []
    return [f"One hole, from n = {sizes[0]:,} to {sizes[-1]:,}: {', '.join(parts)}."]


def import_lines(rows: list[Row]) -> list[str]:
    """What the imports cost."""
    parts = [f"{row.peer} {row.value:.1f} ms" for row in rows if row.workload == "import" and row.value is not None]
    if not parts:
        return []
    return [f"Import, above the bare interpreter: {', '.join(parts)} (goal: mmsim below {IMPORT_MS:.0f} ms)."]


def below(row: Row) -> str:
    """The line that says that this row misses its goal; empty if it does not."""
    if row.value is None:
        return ""
    allowed = IMPORT_MS if row[:3] == ("import", 0, "mmsim") else None
    if row.workload == "bytes" and row.peer.startswith("mmsim") and row.n >= BYTES_FROM:
        allowed = BYTES
    if allowed is not None:
        more = missed(row.value, allowed, at_most=True)
        what = f"- {row.peer}, {row.workload}{f', n = {row.n:,}' if row.n else ''}"
        return f"{what}: {row.value:.1f} {row.unit}, {allowed:g} allowed, {more} % too much" if more else ""
    wanted = goal(row.peer, row.workload, row.n)
    if wanted is None or row.ratio is None:
        return ""
    short = missed(row.ratio, wanted)
    what = f"- {row.peer}, {row.workload}, n = {row.n:,}"
    return f"{what}: {number(row.ratio)} of {wanted:g}, missed by {short} %" if short else ""


def picture(rows: list[Row]) -> str:
    """The ratios of the middle size (and W8's) as SVG; empty without any."""
    timed = [row for row in rows if row.ratio is not None and row.peer != ANCHOR]
    sizes = sorted({row.n for row in timed if row.workload != "W8"})
    n = sizes[len(sizes) // 2] if sizes else VMAS
    ratios: dict[str, dict[str, float]] = {}
    for name in WORKLOADS:
        here = [row for row in timed if row.workload == name and row.n in (n, WORKLOADS[name].fixed)]
        if here:
            ratios[label(name)] = {row.peer: row.ratio for row in here if row.ratio is not None}
    if not ratios:
        return ""
    words = "; ".join(
        f"{name}: {', '.join(f'{peer} {number(ratio)}' for peer, ratio in row.items())}" for name, row in ratios.items()
    )
    title = f"Times as fast as a range map on {ANCHOR}, {n:,} ranges"
    return bars(ratios, title, "times as fast", f"{title}. {words}.")
