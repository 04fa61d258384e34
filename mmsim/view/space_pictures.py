"""Pictures of address spaces: a strip, before and after, several generations, counters, the event log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256
from html import escape
from typing import Any

from mmsim.brk import Process
from mmsim.mm import MM
from mmsim.mm.units import PAGE

from .fmt import number
from .shown import Shown
from .space import Space, changes, differing, pair_text, snapshot
from .strip import FAMILY, Strip, draw_strips
from .theme import GREY, INK, OKABE_ITO, PAPER

__all__ = ["EventTable", "SpacePicture", "event_table", "space_change", "space_compare", "space_counters",
           "space_picture"]  # fmt: skip

Source = Process | MM | Space
PLAIN = "address space"
LEFT = 'style="text-align:left"'
EVENTS = {
    "arch_unmap": "the architecture is told of an unmap",
    "close": "close hook of a mapping",
    "downgrade": "the lock goes from writing to reading",
    "khugepaged_enter": "candidate for huge pages",
    "look_up": "a neighbour is looked up",
    "maple_prealloc": "tree nodes are laid aside",
    "maple_store": "a store into the tree",
    "merge": "who can cover the range?",
    "open": "open hook of a mapping",
    "over_data_limit": "a warning: over the limit for data",
    "perf_event_mmap": "profilers are told of a mapping",
    "populate": "pages are faulted in at once",
    "thp_adjust": "huge pages over a new border?",
    "thp_collapse": "pages become a huge page",
    "thp_split": "a huge page is split",
    "uf_complete": "a userfaultfd's monitor hears of an unmap",
    "uf_prep": "who must hear of this unmap?",
    "uprobe_munmap": "probes are told of an unmap",
    "vma_alloc": "a VMA is allocated",
    "vma_free": "a VMA is freed",
    "vmacache_invalidate": "cached look-ups are dropped",
}
"""Events of an address space in words."""


class SpacePicture(Shown):
    """One or more strips on one axis. `str()` is the exact text form, `svg()` the drawing."""

    def __init__(self, title: str, strips: Iterable[Strip]) -> None:
        self.title = title
        self.strips = tuple(strips)

    @property
    def text(self) -> str:  # type: ignore[override]
        """The title, then each strip."""
        return f"{self.title}\n{pair_text((strip.caption, strip.space, strip.states) for strip in self.strips)}"

    @property
    def description(self) -> str:
        """What the picture shows, in sentences: its `<desc>`."""
        return " ".join(_sentence(strip) for strip in self.strips)

    def svg(self, heading: bool = True) -> str:  # type: ignore[override]
        """The drawing as one <svg> element."""
        return draw_strips(self.strips, self.title, self.description, _key(self.text), heading and self.title != PLAIN)


def space_picture(
    space: Source, low: int | None = None, high: int | None = None, title: str | None = None
) -> SpacePicture:
    """An address space as a strip; only VMAs that touch [low, high) if given. O(VMAs + present pages).

    >>> process = Process("before", start_brk=0x10000000)
    >>> _ = process.brk(0x10004000), process.touch(0x10001000)
    >>> print(space_picture(process))
    address space
    start_brk 0x1000_0000, brk 0x1000_4000 (start_brk + 16 kB); 1 VMA
      #1  0x1000_0000-0x1000_4000 16 kB rw-p [heap]; rd wr mr mw me ac; anon_vma 2; 1 page present (0x1000_1000-0x1000_2000)
    """  # noqa: E501
    return SpacePicture(title or PLAIN, [Strip("", snapshot(space).window(low, high), {})])


def space_change(
    before: Source, after: Source, title: str | None = None, low: int | None = None, high: int | None = None
) -> SpacePicture:
    """Two states of one process (the first a `snapshot()`); VMAs that are new, gone or not as before are marked."""
    one, two = snapshot(before).window(low, high), snapshot(after).window(low, high)
    old, new = changes(one, two)
    return SpacePicture(title or "before and after", [Strip("before", one, old), Strip("after", two, new)])


def space_compare(
    spaces: Mapping[str, Source], title: str | None = None, low: int | None = None, high: int | None = None
) -> SpacePicture:
    """Several processes on one axis, by name; what the first has not is marked as changed in the others."""
    shots = {name: snapshot(space).window(low, high) for name, space in spaces.items()}
    if not shots:
        raise ValueError("no address space to compare: expected at least one")
    first = next(iter(shots.values()))
    return SpacePicture(
        title or "side by side", [Strip(name, shot, differing(first, shot), True) for name, shot in shots.items()]
    )


class CounterBars(Shown):
    """Counters as bars, the counted value beside the kept one where they differ."""

    def __init__(self, title: str, shots: Mapping[str, Space]) -> None:
        self.title = title
        self.shots = dict(shots)
        names = [counter.name for counter in next(iter(self.shots.values())).counters]
        self.rows = [
            (name, caption, counter)
            for name in names
            for caption, shot in self.shots.items()
            for counter in shot.counters
            if counter.name == name and any(_of(other, name) for other in self.shots.values())
        ]

    @property
    def text(self) -> str:  # type: ignore[override]
        """A line for each counter and space; zero everywhere is left out."""
        width = max((len(caption) for caption in self.shots), default=0)
        lines = [f"  {name:<9}  {caption:<{width}}  {_value(counter)}" for name, caption, counter in self.rows]
        return "\n".join([f"{self.title} (map_count in VMAs, the others in pages)", *lines])

    @property
    def description(self) -> str:
        """All bars as a sentence: the `<desc>`."""
        said = ", ".join(f"{name} {caption} {_value(counter)}" for name, caption, counter in self.rows)
        return f"Bars of counters: {said}."

    def svg(self) -> str:  # type: ignore[override]
        """The drawing as one <svg> element."""
        left, full, row = 190, 420, 18
        most = max((abs(counter.kept) for _, _, counter in self.rows), default=0) or 1
        body, y, last = [_words(10, 20, self.title, bold=True)], 32, ""
        colours = dict(zip(self.shots, ("sky blue", "orange", "bluish green", "reddish purple"), strict=False))
        for name, caption, counter in self.rows:
            if name != last:
                y += 4 if last else 0
                body.append(_words(10, y + 13, name))
                last = name
            body.append(_words(left - 8, y + 13, caption, GREY, "end"))
            wide = full * min(abs(counter.kept), most) / most
            wrong = counter.kept != counter.counted
            edge = f'stroke="{OKABE_ITO["vermillion"]}" stroke-width="3" stroke-dasharray="5 3"' if wrong else (
                f'stroke="{INK}" stroke-width="0.7"')  # fmt: skip
            fill = OKABE_ITO[colours.get(caption, "sky blue")]
            body.append(f'<rect x="{left}" y="{y + 2}" width="{wide:.1f}" height="{row - 5}" fill="{fill}" {edge}/>')
            body.append(_words(left + wide + 6, y + 13, _value(counter)))
            y += row
        key = _key(self.text)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="860" height="{y + 8}" viewBox="0 0 860 {y + 8}" '
            f'role="img" aria-labelledby="{key}t {key}d"><title id="{key}t">{escape(self.title)}</title>'
            f'<desc id="{key}d">{escape(self.description)}</desc><rect width="100%" height="100%" fill="{PAPER}"/>'
            f'<g font-family="{FAMILY}">{"".join(body)}</g></svg>'
        )


def space_counters(spaces: Mapping[str, Source] | Source, title: str | None = None) -> CounterBars:
    """The counters of one or several address spaces as bars.

    >>> print(space_counters(Process("before", start_brk=0x10000000)))
    counters (map_count in VMAs, the others in pages)
    """
    shots = spaces if isinstance(spaces, Mapping) else {"": spaces}
    return CounterBars(title or "counters", {name: snapshot(space) for name, space in shots.items()})


class EventTable:
    """The event log of an address space: what happened, in the kernel's name and in words."""

    def __init__(self, title: str, events: Iterable[tuple[Any, ...]]) -> None:
        self.title = title
        self.rows = [(name, _about(name, rest), EVENTS.get(name, "")) for name, *rest in events]

    @property
    def text(self) -> str:
        """The table as lines."""
        widths = [max((len(row[column]) for row in self.rows), default=0) for column in (0, 1)]
        lines = [f"  {name:<{widths[0]}}  {about:<{widths[1]}}  {words}".rstrip() for name, about, words in self.rows]
        count = f"{len(self.rows)} event{'' if len(self.rows) == 1 else 's'}"
        return "\n".join([f"{self.title}: {count}", *lines])

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        head = "".join(f'<th scope="col" {LEFT}>{word}</th>' for word in ("", "event", "about", "in words"))
        cells = "".join(
            f'<tr><th scope="row">{at}</th>' + "".join(f"<td {LEFT}>{escape(part)}</td>" for part in row) + "</tr>"
            for at, row in enumerate(self.rows, 1)
        )
        html = f"<table><caption>{escape(self.title)}</caption><thead><tr>{head}</tr></thead><tbody>{cells}</tbody>"
        return {"text/plain": self.text, "text/html": f"{html}</table>"}


def event_table(events: Process | MM | Iterable[tuple[Any, ...]], title: str | None = None) -> EventTable:
    """An event log as a table: of a process (all it has logged), or any part of one.

    >>> print(event_table([("maple_store", 0x10000000, 0x10004000, 1)], "one growth"))
    one growth: 1 event
      maple_store  0x1000_0000 0x1000_4000 #1  a store into the tree
    """
    if isinstance(events, Process):
        events = events.mm
    return EventTable(title or "events", list(events.events if isinstance(events, MM) else events))


def _about(name: str, values: list[Any]) -> str:
    """What an event was about: addresses and lengths in hex, VMAs by their number."""
    if name == "maple_prealloc":
        return f"{values[0]} nodes"
    return " ".join(map(_argument, values))


def _argument(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, int):
        return f"#{value}" if 0 < value < PAGE else number(value, "hex")
    return str(value)


def _of(shot: Space, name: str) -> int:
    return next(abs(counter.kept) + abs(counter.counted) for counter in shot.counters if counter.name == name)


def _value(counter: Any) -> str:
    wrong = "" if counter.kept == counter.counted else f" ! the VMAs add up to {counter.counted:,}"
    return f"{counter.kept:,}{wrong}"


def _words(x: float, y: float, text: str, fill: str = INK, anchor: str = "start", bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{x:.1f}" y="{y}" font-size="12" fill="{fill}" text-anchor="{anchor}"{weight}>{escape(text)}</text>'
    )


def _sentence(strip: Strip) -> str:
    """A strip for those who cannot see it: how many VMAs, and the marked ones."""
    space = strip.space
    about = f"{strip.caption[:1].upper()}{strip.caption[1:]}: a strip" if strip.caption else "A strip"
    text = f"{about} of {len(space.pieces)} VMAs, {f'the break at {space.heap}' if space.has_heap else 'no heap'}."
    for state, word in (("new", "New"), ("changed", "Changed"), ("removed", "Removed")):
        found = [f"#{each.serial} {each.name}" for each in space.pieces if strip.states.get(each.serial) == state]
        text += f" {word}: {', '.join(found)}." if found else ""
    return text


def _key(text: str) -> str:
    return "mm" + sha256(text.encode()).hexdigest()[:10]
