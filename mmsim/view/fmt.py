"""Numbers, ranges, sizes and entries in a form people can read.

Two bases: `dec` for the small indices of examples, `hex` for addresses. `auto` takes
hex from 2**24 on, so that a picture of a process is in hex throughout and a picture of
an example is not.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mmsim.maple import ULONG_MAX

__all__ = ["choose_base", "label", "number", "parse", "size", "span"]

HEX_FROM = 1 << 24
NEAR_TOP = {"dec": HEX_FROM, "hex": 16}
UNITS = ("B", "kB", "MB", "GB", "TB", "PB", "EB")


def choose_base(values: Iterable[int], base: str | None = None) -> str:
    """`dec` or `hex` for a whole picture: `base` if given, else by the largest value.

    Values just below ULONG_MAX are ends of the index space, no addresses, and do not count.

    >>> choose_base([9, 19, 2**64 - 1]), choose_base([0x7f1234567000])
    ('dec', 'hex')
    """
    if base in ("dec", "hex"):
        return base
    if base not in (None, "auto"):
        raise ValueError(f"base must be 'dec', 'hex' or 'auto', not {base!r}")
    return "hex" if any(HEX_FROM <= value <= ULONG_MAX - NEAR_TOP["dec"] for value in values) else "dec"


def number(value: int, base: str | None = None) -> str:
    """An index: decimal, or hex in groups of four, with ULONG_MAX by its name.

    >>> number(59), number(0x7f1234567000), number(2**64 - 1), number(2**64 - 6)
    ('59', '0x7f12_3456_7000', 'ULONG_MAX', 'ULONG_MAX-5')
    """
    base = choose_base([value], base)
    below = ULONG_MAX - value
    if 0 <= below < NEAR_TOP[base]:
        return f"ULONG_MAX-{below}" if below else "ULONG_MAX"
    if base == "hex" and value > 9:
        return f"{value:#_x}"
    return str(value)


def parse(text: str | int) -> int:
    """The number back from any form `number()` writes, or that Python reads.

    >>> parse("0x7f12_3456_7000") == 0x7f1234567000, parse("ULONG_MAX-5") == 2**64 - 6
    (True, True)
    """
    if isinstance(text, int):
        return text
    word, _, below = text.strip().partition("-")
    try:
        return ULONG_MAX - int(below or "0", 0) if word == "ULONG_MAX" else int(text, 0)
    except ValueError:
        raise ValueError(f"not a number: {text!r} (try 42, 0x7f12_3456_7000 or ULONG_MAX)") from None


def span(first: int, last: int, base: str | None = None) -> str:
    """An inclusive range, or one number where both ends are the same.

    >>> span(10, 19), span(10, 10), span(90, 2**64 - 1)
    ('10-19', '10', '90-ULONG_MAX')
    """
    base = choose_base([first, last], base)
    return number(first, base) if first == last else f"{number(first, base)}-{number(last, base)}"


def size(count: int) -> str:
    """A number of bytes in the largest unit (of 1024) that keeps it above 1.

    >>> size(4096), size(135168), size(3 * 2**29), size(12)
    ('4 kB', '132 kB', '1.5 GB', '12 B')
    """
    amount, unit = float(count), 0
    while amount >= 1024 and unit < len(UNITS) - 1:
        amount, unit = amount / 1024, unit + 1
    return f"{amount:.1f}".removesuffix(".0") + " " + UNITS[unit]


def label(entry: Any, width: int = 26) -> str:
    """A short name of an entry, never with a memory address in it.

    An entry may bring its own: an attribute `label`. Long names are cut in the middle.

    >>> label(None), label("heap"), label(7), label(object())
    ('NULL', 'heap', '7', 'object')
    >>> label("libgraphite2-a2b39163.so.3.2.1 r--p")
    'libgraphite2-a2b39…2.1 r--p'
    """
    text = " ".join(_name(entry).split())
    return text if len(text) <= width else f"{text[: width - 8]}…{text[-8:]}"


def _name(entry: Any) -> str:
    if entry is None:
        return "NULL"
    own = getattr(entry, "label", None)
    if isinstance(own, str):
        return own
    plain = type(entry).__repr__ is object.__repr__ and type(entry).__str__ is object.__str__
    return type(entry).__name__ if plain else str(entry)
