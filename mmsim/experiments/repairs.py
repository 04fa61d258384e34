"""Repairs of v4 as one could have proposed them in a review, and what the experiments say to the repaired code."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from mmsim.explore.known import known, mended

from . import EXPERIMENTS
from .second_look import CONCERNS, marks_of

__all__ = ["QUICK", "REPAIRS", "Repair", "repaired_marks"]

QUICK = ("C1", "C2", "C5", "C6", "C7")
"""The concerns whose experiments take a few milliseconds."""


class Repair(NamedTuple):
    """A repair: in words, and which lines of `mmsim.brk.v4` become which."""

    words: str
    lines: list[tuple[str, str]]


_CALL = "\n    error = do_brk_flags(mm, None, address, length, flags)\n"
_CALLED = "\n    error = do_brk_flags(mm, mm.before(address), address, length, flags)\n"
_UNMAP = """
    uf: list[Unmapped] = []
    do_munmap(mm, address, length, uf, may_downgrade=False)
"""
_TELL = """    from mmsim.mm.uffd import unmap_complete
    unmap_complete(mm, uf)
"""
_TEST = "(vma.anon_vma is None or vma.singular) and vma.flags & ~VM.SOFTDIRTY == flags"
_SHARED = "vma.end == address and vma.policy is None and can_merge_after(vma, Want(flags, address >> SHIFT))"
_LIMIT = "    if not mm.may_expand(flags, pages):\n"
_NEW = "    new = sum(mm.tree.load(page) is None for page in range(address, address + length, PAGE))\n"
_IMPORT = "from mmsim.mm.vma import Vma\n"

REPAIRS = {
    "count": Repair(
        "limit test: count only pages that are new",
        [(_LIMIT, _NEW + _LIMIT.replace("pages)", "new)"))],
    ),
    "unmap": Repair("loader's call: unmap first", [(_CALL, _UNMAP + _CALL[1:])]),
    "tell": Repair(
        "loader's call: unmap first, and tell monitors",
        [(_CALL, _UNMAP + _TELL + _CALL[1:])],
    ),
    "shared": Repair(
        "growth: ask the shared merge test",
        [(_TEST, _SHARED), (_IMPORT, _IMPORT + "from mmsim.mm.merge import Want, can_merge_after\n")],
    ),
    "below": Repair("loader's call: hand over the VMA below", [(_CALL, _CALLED)]),
}
"""By a short name. The last two go with what was merged; so does `tell`."""


def repaired_marks(names: Iterable[str]) -> dict[str, dict[str, str]]:
    """The quick concerns in `before`, in v4 as it was sent, and in v4 with these repairs. Some 10 ms.

    >>> {id: row["repaired"] for id, row in repaired_marks(["count"]).items()}
    {'C1': '=', 'C2': '!', 'C5': '~', 'C6': '!', 'C7': '!'}
    """
    causes = [known()[0]._replace(id=name, repair={"v4": REPAIRS[name].lines}) for name in _order(names)]
    with mended(*causes, generation="v4") as name:
        found = {}
        for id in QUICK:
            key = CONCERNS[id].experiment
            results = {one: EXPERIMENTS[key].measure(two) for one, two in _columns(name).items()}
            found[id] = marks_of(key, results)
    return found


def _columns(name: str) -> dict[str, str]:
    return {"before": "before", "v4": "v4", "repaired": name}


def _order(names: Iterable[str]) -> list[str]:
    """What changes the same line, one after the other: the call itself last, and not unmapping twice."""
    chosen = set(names)
    if unknown := sorted(chosen - set(REPAIRS)):
        raise ValueError(f"no repair {unknown[0]!r}: there are {', '.join(REPAIRS)}")
    if "tell" in chosen:
        chosen.discard("unmap")
    return [name for name in REPAIRS if name in chosen]
