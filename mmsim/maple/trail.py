"""What a slow write did, level by level, for those who watch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from .node import Node

if TYPE_CHECKING:
    from .big import BigNode

__all__ = ["Step", "Trail"]


class Step(NamedTuple):
    """One level of a split, rebalance or spanning store.

    `level` counts upwards from the leaves (0). `took` and `made` are the ids of the nodes
    whose data was joined and of the nodes built from it; `joined` is that data as
    (pivot, entry or child id) and `cuts` the slots after which it was cut.
    """

    level: int
    action: str
    took: tuple[int, ...]
    joined: tuple[tuple[int, Any], ...]
    cuts: tuple[int, ...]
    made: tuple[int, ...]

    @property
    def text(self) -> str:
        """The step as one sentence.

        >>> Step(0, "split", (1,), ((9, "a"), (20, "b")), (0,), (2, 3)).text
        'level 0: split: #1, 2 slots joined, cut after slot 0, makes #2 #3'
        """
        took = " ".join(f"#{id}" for id in self.took)
        made = " ".join(f"#{id}" for id in self.made)
        cuts = f", cut after slot {' and '.join(map(str, self.cuts))}" if self.cuts else ", not cut"
        where = f"level {self.level}: {self.action}: "
        return f"{where}{took + ', ' if took else ''}{len(self.joined)} slots joined{cuts}, makes {made}"


class Trail:
    """Collects the steps of the writes of one tree while somebody watches."""

    __slots__ = ("path", "steps")

    def __init__(self) -> None:
        self.path = ""
        self.steps: list[Step] = []

    def add(
        self, level: int, action: str, took: list[Node], big: BigNode, cuts: tuple[int, ...], made: list[Node]
    ) -> None:
        """Note one step."""
        pieces = (slot.id if isinstance(slot, Node) else slot for slot in big.slots)
        joined = tuple(zip(big.pivots, pieces, strict=True))
        ids = tuple(node.id for node in took)
        self.steps.append(Step(level, action, ids, joined, cuts, tuple(node.id for node in made)))
