"""Where nodes come from: counted, and able to fail.

The kernel asks for the most a write could need before it changes anything, uses some of
it, and gives the rest back. Here that is `need()`, `new()` and `settle()`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from .errors import BadArgument, NoNodes
from .node import NO_GAP, Node, NodeType

__all__ = ["AllocCount", "NodePool"]


class AllocCount(NamedTuple):
    """Nodes asked of the allocator, put into the tree, given back unused, taken out of the tree.

    `requests` counts the calls to the allocator; one call may ask for several nodes.
    """

    requests: int = 0
    requested: int = 0
    used: int = 0
    returned: int = 0
    released: int = 0

    @property
    def allocated(self) -> int:
        """Nodes the allocator handed out."""
        return self.requested

    @property
    def freed(self) -> int:
        """Nodes the allocator got back: never used, or no longer part of the tree."""
        return self.returned + self.released

    def since(self, before: AllocCount) -> AllocCount:
        """What happened between two counts.

        >>> AllocCount(2, 8, 3, 5, 1).since(AllocCount(1, 1, 1, 0, 0))
        AllocCount(requests=1, requested=7, used=2, returned=5, released=1)
        """
        return AllocCount(*(now - then for now, then in zip(self, before, strict=True)))


class NodePool:
    """Hands out the nodes of one tree.

    >>> pool = NodePool()
    >>> pool.fail()
    >>> pool.need(1)
    Traceback (most recent call last):
    ...
    mmsim.maple.errors.NoNodes: the allocator was told to fail request 1 for 1 node(s)
    """

    __slots__ = ("_fail_at", "next_id", "released", "requested", "requests", "reserve", "returned", "used")

    def __init__(self) -> None:
        self.next_id = 1
        self.reserve = 0
        self.requests = self.requested = self.used = self.returned = self.released = 0
        self._fail_at: frozenset[int] = frozenset()

    @property
    def count(self) -> AllocCount:
        """The counters since the tree was born."""
        return AllocCount(self.requests, self.requested, self.used, self.returned, self.released)

    def fail(self, nth: int | Iterable[int] = 1) -> None:
        """Let the nth request from now (1 is the next), or each of several, fail with NoNodes."""
        wanted = [nth] if isinstance(nth, int) else list(nth)
        if any(type(n) is not int or n < 1 for n in wanted):
            raise BadArgument(f"nth is {nth!r}: expected a request number of 1 or more")
        self._fail_at = frozenset(self.requests + n for n in wanted)

    def need(self, count: int) -> None:
        """Make sure `count` nodes can be taken without failing (mas_node_count(), 6.1).

        Simpler on purpose: the kernel tries without and then with blocking; here one
        request is one try. Raises NoNodes when told to.
        """
        short = count - self.reserve
        if short <= 0:
            return
        self.requests += 1
        if self.requests in self._fail_at:
            raise NoNodes(f"the allocator was told to fail request {self.requests} for {short} node(s)")
        self.requested += short
        self.reserve += short

    def new(
        self,
        type: NodeType,
        pivots: list[int],
        slots: list[Any],
        gaps: list[int] | None = None,
        gap_slot: int = NO_GAP,
    ) -> Node:
        """A node out of the reserve; the caller asked with need() before (mas_pop_node(), 6.1)."""
        self.reserve -= 1
        self.used += 1
        id = self.next_id
        self.next_id = id + 1
        return Node(type, id, pivots, slots, gaps, gap_slot)

    def release(self, count: int) -> None:
        """`count` nodes left the tree."""
        self.released += count

    def settle(self, keep: int = 0) -> None:
        """Give back what the write did not use (mas_destroy(), 6.1), all but `keep` nodes."""
        self.returned += self.reserve - keep
        self.reserve = keep
