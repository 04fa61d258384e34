"""What a range costs in memory, and what `import mmsim` costs in time."""

from __future__ import annotations

import gc
import subprocess
import sys
import tracemalloc
from pathlib import Path
from statistics import median
from time import perf_counter

from .measure import Row, TooSlow, fill
from .recipes import PEERS

__all__ = ["IMPORTS", "bytes_per_range", "import_times"]

IMPORTS = {"mmsim": "import mmsim", "mmsim.MapleTree": "from mmsim import MapleTree"}
ROOT = Path(__file__).parents[2]


def bytes_per_range(name: str, n: int, seconds: float) -> Row:
    """Bytes that tracemalloc sees for n ranges stored one by one.

    The indices are made on the way, so those that are kept count; the entries exist before and do
    not. The memory that the C code of BTrees takes with malloc is not seen.
    """
    entries = list(range(1_000_000, 1_000_000 + n))
    gc.collect()
    tracemalloc.start()
    try:
        peer = fill(PEERS[name](), ((5 * i, 5 * i + 3, entry) for i, entry in enumerate(entries)), seconds)
        gc.collect()
        used = tracemalloc.get_traced_memory()[0]
    except TooSlow:
        return Row("bytes", n, name, "not run", unit="bytes")
    finally:
        tracemalloc.stop()
    assert peer.load(0) == entries[0]
    return Row("bytes", n, name, value=used / n, unit="bytes")


def import_times(rounds: int) -> list[Row]:
    """Milliseconds above an interpreter that does nothing: fresh processes in turn, median."""
    run("import mmsim.maple")  # compiled once, so that no round pays for it
    spent: dict[str, list[float]] = {name: [] for name in IMPORTS}
    for _ in range(rounds):
        bare = run("pass")
        for name, code in IMPORTS.items():
            spent[name].append(run(code) - bare)
    return [
        Row("import", 0, name, rounds=rounds, calls=1, value=median(times), unit="ms") for name, times in spent.items()
    ]


def run(code: str) -> float:
    """Milliseconds of a fresh interpreter."""
    start = perf_counter()
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
    return 1000 * (perf_counter() - start)
