"""What can go wrong with a tree, one small exception each.

Every exception carries the kernel's error number, so that a caller that wants
the kernel's answer (a recording, the brk() generations) writes ``-error.errno``.
"""

from __future__ import annotations

from mmsim import errno

__all__ = ["BadArgument", "CheckError", "MapleError", "NoGap", "NoNodes", "Occupied"]


class MapleError(Exception):
    """A request the tree refused; the tree is as it was before.

    >>> NoNodes("no node left").errno
    12
    """

    errno: int = errno.EINVAL

    def _render_traceback_(self) -> list[str]:
        """In a notebook the one line is enough; IPython asks for this."""
        return [f"{type(self).__name__}: {self}"]


class BadArgument(MapleError, ValueError):
    """An argument that no tree could accept; the message names the argument (EINVAL)."""


class Occupied(MapleError):
    """insert_range() met an entry inside the range (EEXIST)."""

    errno = errno.EEXIST


class NoGap(MapleError):
    """No free range of the wanted size inside the window (EBUSY)."""

    errno = errno.EBUSY


class NoNodes(MapleError, MemoryError):
    """The node allocator was told to fail (ENOMEM)."""

    errno = errno.ENOMEM


class CheckError(MapleError, AssertionError):
    """The tree breaks its own rules; `problems` says where, one line each."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))
