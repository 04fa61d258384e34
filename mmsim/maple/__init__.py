"""The maple tree of Linux 6.1, node for node. It knows nothing of memory: entries are objects."""

from .diff import TreeDiff, diff
from .dump import canonical, digest
from .errors import BadArgument, CheckError, MapleError, NoGap, NoNodes, Occupied
from .node import ARANGE_64, LEAF_64, NO_GAP, NODE_BYTES, RANGE_64, ULONG_MAX, Node, NodeType
from .pool import AllocCount, NodePool
from .state import MapleState
from .stats import TreeStats
from .trail import Step
from .tree import MapleTree
from .walker import Place, entries, ranges, walk
from .watch import Watch, Write

__all__ = [
    "ARANGE_64",
    "LEAF_64",
    "NODE_BYTES",
    "NO_GAP",
    "RANGE_64",
    "ULONG_MAX",
    "AllocCount",
    "BadArgument",
    "CheckError",
    "MapleError",
    "MapleState",
    "MapleTree",
    "NoGap",
    "NoNodes",
    "Node",
    "NodePool",
    "NodeType",
    "Occupied",
    "Place",
    "Step",
    "TreeDiff",
    "TreeStats",
    "Watch",
    "Write",
    "canonical",
    "diff",
    "digest",
    "entries",
    "ranges",
    "walk",
]
