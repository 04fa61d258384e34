"""The command line of the bench."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from tqdm import tqdm

from . import space
from .measure import Disagreement, Row, Stock, measure
from .recipes import ANCHOR, PEERS
from .report import BadFile, picture, read, table, write
from .workloads import WORKLOADS

__all__ = ["main"]

SMALLEST = 20
IMPORT_ROUNDS = 15


class Parser(argparse.ArgumentParser):
    """Errors in one line, exit code 2."""

    def error(self, message: str) -> NoReturn:
        """One line, without the usage."""
        self.exit(2, f"bench: {message}\n")


def sizes(text: str) -> list[int]:
    """Comma-separated sizes; 1e4 is one, too."""
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if not numbers or any(number != number // 1 or not SMALLEST <= number <= 1e7 for number in numbers):
        raise argparse.ArgumentTypeError(f"{text!r}: expected whole numbers from {SMALLEST} to 1e7 like 1e3,1e4")
    return sorted({int(number) for number in numbers})


def chosen(known: Sequence[str], text: str) -> list[str]:
    """Comma-separated names out of the known ones, in their order."""
    wanted = [part.strip() for part in text.split(",")]
    for name in wanted:
        if name not in known:
            raise argparse.ArgumentTypeError(f"unknown name {name!r}: expected some of {', '.join(known)}")
    return [name for name in known if name in wanted]


def positive(text: str) -> int:
    """A whole number from 1 on."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number of 1 or more")
    return int(text)


def parser() -> Parser:
    """All options."""
    options = Parser(prog="python -m tests.bench", description="The maple tree against what a user would pick instead.")
    add = options.add_argument
    add("--sizes", type=sizes, help="numbers of ranges (1e3,1e4,1e5)")
    add("--workloads", type=lambda text: chosen(list(WORKLOADS), text), default=list(WORKLOADS), help="W0,W1,...")
    add("--peers", type=lambda text: chosen(list(PEERS), text), default=list(PEERS), help=", ".join(PEERS))
    add("--rounds", type=positive, help="interleaved rounds (11)")
    add("--seconds", type=positive, help="CPU seconds a structure may need to get ready; else it is not run (20)")
    add("-o", dest="folder", type=Path, default=Path("build/bench"), help="folder for bench.csv and bench.svg")
    add("--seed", type=int, default=1, help="seed of the random operations (1)")
    add("--quick", action="store_true", help="1e3 and 1e4 only, 3 rounds, 2 seconds, unless said otherwise")
    add("--resume", action="store_true", help="keep what the bench.csv in the folder has already")
    return options


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """The options, completed: the anchor is always run, and --quick lowers what is not given."""
    options = parser().parse_args(argv)
    options.sizes = options.sizes or ([1_000, 10_000] if options.quick else [1_000, 10_000, 100_000])
    options.rounds = options.rounds or (3 if options.quick else 11)
    options.seconds = options.seconds or (2 if options.quick else 20)
    options.peers = [name for name in PEERS if name in options.peers or name == ANCHOR]
    return options


class Bench:
    """All that is to be measured, and what has been."""

    def __init__(self, options: argparse.Namespace, rows: list[Row]) -> None:
        self.options = options
        self.rows = rows

    def cells(self) -> list[tuple[str, int]]:
        """(workload, n) still to run. W8 has its own n; "bytes" and "import" come last."""
        names = self.options.workloads
        cells = [(name, n) for n in self.options.sizes for name in names if not WORKLOADS[name].fixed]
        cells += [(name, WORKLOADS[name].fixed) for name in names if WORKLOADS[name].fixed]
        cells += [("bytes", n) for n in self.options.sizes]
        cells.append(("import", 0))
        done = {(row.workload, row.n, row.peer) for row in self.rows}
        wanted = {"import": list(space.IMPORTS)}
        return [
            cell for cell in cells if any((*cell, peer) not in done for peer in wanted.get(cell[0], self.options.peers))
        ]

    def run(self) -> None:
        """Measure cell by cell; the CSV is written after each, so that nothing done is lost."""
        options, cells = self.options, self.cells()
        stock = Stock(options.seconds)
        steps = {"bytes": len(options.peers), "import": 1}
        total = sum(steps.get(name, options.rounds) for name, _ in cells)
        with tqdm(total=total, unit="round", file=sys.stderr, disable=None) as bar:
            for name, n in cells:
                bar.set_description(f"{name} n={n:,}" if n else name)
                stock.forget(n)
                rows = self.cell(name, n, stock, bar)
                self.rows[:] = [row for row in self.rows if (row.workload, row.n) != (name, n)] + rows
                write(self.rows, options.seed, options.folder / "bench.csv")

    def cell(self, name: str, n: int, stock: Stock, bar: tqdm) -> list[Row]:
        """The rows of one workload at one size."""
        options = self.options
        if name == "import":
            rows = space.import_times(IMPORT_ROUNDS)
            bar.update()
            return rows
        if name == "bytes":
            rows = []
            for peer in options.peers:
                rows.append(space.bytes_per_range(peer, n, options.seconds))
                bar.update()
            return rows
        return measure(WORKLOADS[name], n, options.peers, options.seed, options.rounds, stock, bar.update)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the bench; returns the exit code: 0, 1 for a failure, 2 for a bad argument, 130 after Ctrl-C."""
    options = arguments(argv)
    file = options.folder / "bench.csv"
    try:
        options.folder.mkdir(parents=True, exist_ok=True)
        bench = Bench(options, read(file, options.seed) if options.resume and file.exists() else [])
    except (OSError, BadFile) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    code = 0
    try:
        bench.run()
    except Disagreement as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("bench: stopped; this is what was done, --resume goes on from it", file=sys.stderr)
        code = 130
    if bench.rows:
        print(table(bench.rows))
        if svg := picture(bench.rows):
            (options.folder / "bench.svg").write_text(svg, encoding="utf-8")
    return code
