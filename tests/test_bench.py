"""The bench itself: that nobody skips work, and that what it writes is right. Never how fast anything is."""

from __future__ import annotations

import itertools
import re
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.bench import command, space
from tests.bench.measure import Disagreement, Row, Stock, TooSlow, enough, fill, measure
from tests.bench.peers import NoGapSearch, Range, ThreeLists
from tests.bench.recipes import ANCHOR, PEERS, SortedRanges
from tests.bench.report import read, write
from tests.bench.workloads import VMAS, WORKLOADS, Call, Workload, answer, bind

from .models import IntervalModel

SMALL = 40
CALLS = 120


class Model:
    """The plain model with the methods of a peer."""

    def __init__(self, ranges: list[Range] = ()) -> None:  # type: ignore[assignment]
        self.model = IntervalModel()
        self.model.items = list(ranges)

    def load(self, index: int) -> Any:
        return self.model.range_at(index)[2]

    def find(self, index: int) -> Any:
        return next((entry for _, last, entry in self.model.items if last >= index), None)

    def next(self, index: int) -> Any:
        return next((entry for first, _, entry in self.model.items if first > index), None)

    def prev(self, index: int) -> Any:
        return next((entry for _, last, entry in reversed(self.model.items) if last < index), None)

    def store_range(self, first: int, last: int, entry: Any) -> None:
        self.model.store(first, last, entry)

    def erase(self, index: int) -> Any:
        first, last, entry = self.model.range_at(index)
        if entry is not None:
            self.model.store(first, last, None)
        return entry

    def lowest(self, low: int, high: int, size: int) -> int | None:
        starts = (max(first, low) for first, last in self.model.gaps() if min(last, high) - max(first, low) + 1 >= size)
        return next(starts, None)

    def highest(self, low: int, high: int, size: int) -> int | None:
        gaps = [(max(first, low), min(last, high)) for first, last in self.model.gaps()]
        return next((last - size + 1 for first, last in reversed(gaps) if last - first + 1 >= size), None)

    def copy(self) -> Model:
        return Model(self.model.items)

    def __iter__(self) -> Any:
        return iter(self.model.items)


def made(work: Workload, count: int = CALLS) -> tuple[list[Range], list[Call]]:
    """A small form of a workload."""
    ranges, calls = work.make(1, work.fixed or SMALL)
    return ranges, calls[:count]


@pytest.fixture
def options(tmp_path: Path) -> list[str]:
    """A run of a moment."""
    return ["--sizes", "30", "--rounds", "1", "--peers", "mmsim,3 lists", "--workloads", "W1,W8", "-o", str(tmp_path)]


@pytest.fixture(autouse=True)
def one_import(monkeypatch: pytest.MonkeyPatch) -> None:
    """Starting processes takes long; once is enough for a test."""
    monkeypatch.setattr(command, "IMPORT_ROUNDS", 1)


# -- the structures and the workloads


@pytest.mark.parametrize("work", WORKLOADS.values(), ids=WORKLOADS)
@pytest.mark.parametrize("name", PEERS)
def test_every_structure_agrees_with_the_model(name: str, work: Workload) -> None:
    """Every answer, and the ranges held in the end."""
    ranges, calls = made(work)
    model, peer = Model(ranges), fill(PEERS[name](), ranges, 60)

    for call in calls:
        try:
            found = answer(peer, call)
        except NoGapSearch:
            assert (name, work.name[:2]) == ("mmsim plain", "W5")
            return
        assert answer(model, call) == found, call
    assert list(model) == list(peer)


@pytest.mark.parametrize("name", PEERS)
def test_neighbours_at_the_ends(name: str) -> None:
    """Nothing before the first range and nothing after the last; in a gap its two sides are the neighbours."""
    peer = fill(PEERS[name](), [(10, 19, "a"), (30, 39, "b")], 60)

    assert [peer.prev(index) for index in (0, 15, 25, 35)] == [None, None, "a", "a"]
    assert [peer.next(index) for index in (0, 15, 25, 35)] == ["a", "b", "b", None]
    assert [peer.load(index) for index in (19, 20, 30, 40)] == ["a", None, "b", None]
    assert [peer.erase(5), peer.erase(25)] == [None, None]


@pytest.mark.parametrize("name", PEERS)
def test_a_store_inside_a_range_keeps_both_ends(name: str) -> None:
    peer = fill(PEERS[name](), [(10, 19, "a"), (12, 14, "b"), (13, 13, None)], 60)

    assert list(peer) == [(10, 11, "a"), (12, 12, "b"), (14, 14, "b"), (15, 19, "a")]


@pytest.mark.parametrize("name", PEERS)
def test_a_copy_is_independent(name: str) -> None:
    peer = fill(PEERS[name](), [(10, 19, "a")], 60)
    copy = peer.copy()
    copy.store_range(15, 25, "b")

    assert list(peer) == [(10, 19, "a")]
    assert list(copy) == [(10, 14, "a"), (15, 25, "b")]


@pytest.mark.parametrize("work", WORKLOADS.values(), ids=WORKLOADS)
def test_calls_depend_on_the_seed_only(work: Workload) -> None:
    n = work.fixed or SMALL
    once, again, other = work.make(1, n), work.make(1, n), work.make(2, n)

    assert once == again
    assert (once == other) is (work.name in ("W0", "W5one", "W6"))


def test_the_bound_loop_makes_the_calls() -> None:
    """Whatever form of loop a workload gets, it leaves what the single calls leave."""
    for name in ("W2", "W3", "W4", "W8"):
        ranges, calls = made(WORKLOADS[name])
        one, other = Model(ranges), Model(ranges)
        bind(one, calls)()
        for call in calls:
            answer(other, call)
        assert list(other) == list(one)


def test_the_address_space_is_one() -> None:
    """300 mappings, page by page, none over another; calls in the shares they should have."""
    ranges, calls = WORKLOADS["W8"].make(1, VMAS)

    assert len(ranges) == VMAS
    assert all(first % 4096 == 0 and (last + 1) % 4096 == 0 and last < 2**47 for first, last, _ in ranges)
    assert all(one[1] < other[0] for one, other in itertools.pairwise(ranges))
    kinds = [call[0] if call[-1] is not None else "unmap" for call in calls]
    assert 0.57 < (kinds.count("find") / (len(kinds) - kinds.count("unmap"))) < 0.63
    grown = list(fill(Model(), [call[1:] for call in calls if call[0] == "store_range"], 60))
    assert all(last < 2**47 for _, last, _ in grown)


def test_growing_ranges_swallow_nobody() -> None:
    """The brk-like calls extend into free indices: there are as many ranges afterwards as before."""
    ranges, calls = WORKLOADS["W8"].make(1, VMAS)
    model = Model(ranges)
    bind(model, calls)()

    assert len(list(model)) == VMAS


# -- measuring


class Liar(SortedRanges):
    """Does not do its work."""

    def copy(self) -> Liar:
        return Liar(self.ranges.copy())

    def load(self, index: int) -> Any:
        return None


def rows_of(name: str, names: list[str], n: int = SMALL, seconds: float = 20) -> list[Row]:
    work = WORKLOADS[name]
    return measure(work, work.fixed or n, names, 1, 2, Stock(seconds), lambda: None)


def test_rows_and_ratios() -> None:
    """The recipe on SortedDict is 1 times as fast as itself; all have a time."""
    rows = rows_of("W3", ["mmsim", ANCHOR, "3 lists"])

    assert [row.peer for row in rows] == ["mmsim", ANCHOR, "3 lists"]
    assert rows[1].ratio == 1
    assert all(row.state == "ok" and row.rounds == 2 and row.value and row.ratio for row in rows)


def test_plain_trees_have_no_gap_search() -> None:
    assert [row.state for row in rows_of("W5one", ["mmsim plain", ANCHOR])] == ["no search", "ok"]


def test_a_structure_that_skips_work_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PEERS, "liar", Liar)

    with pytest.raises(Disagreement, match=r"^W1, n = 40: \('load', \d+\) is \d+ for SortedDict, None for liar$"):
        rows_of("W1", [ANCHOR, "liar"])


def test_who_loses_ranges_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """No single answer tells, but what is held in the end does."""

    class Loser(ThreeLists):
        def store_range(self, first: int, last: int, entry: Any) -> None:
            if entry != 3 * SMALL:  # the last call of W4
                super().store_range(first, last, entry)

        def copy(self) -> Loser:
            return fill(Loser(), list(self), 60)  # type: ignore[return-value]

    monkeypatch.setitem(PEERS, "loser", Loser)

    with pytest.raises(Disagreement, match="hold other ranges in the end"):
        rows_of("W4", [ANCHOR, "loser"])


def test_who_is_too_slow_is_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Known to be slow at this size: not tried again, and the others are measured."""
    monkeypatch.setitem(PEERS, "slow", ThreeLists)
    stock = Stock(20)
    stock.slow.add(("slow", SMALL))

    rows = measure(WORKLOADS["W1"], SMALL, ["slow", ANCHOR], 1, 1, stock, lambda: None)
    assert [row.state for row in rows] == ["not run", "ok"]


def test_the_time_to_get_ready_is_limited() -> None:
    work, stock = WORKLOADS["W1"], Stock(0)
    with pytest.raises(TooSlow):
        stock.get("3 lists", work, SMALL, made(work)[0])
    assert {("3 lists", SMALL)} == stock.slow


def test_a_slow_structure_gets_the_first_calls() -> None:
    """An even number of them, so that pairs stay together; a whole build or nothing for W0."""
    calls = [("load", 1)] * 1000

    assert len(enough(WORKLOADS["W1"], calls, 1000, 1_000)) == 1000
    assert len(enough(WORKLOADS["W1"], calls, 4, 80_000_000)) == 10
    assert len(enough(WORKLOADS["W1"], calls, 1, 10**12)) == 2
    with pytest.raises(TooSlow):
        enough(WORKLOADS["W0"], calls, 999, 1_000)


def test_a_slow_structure_sits_the_last_rounds_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """But not before the third round."""
    monkeypatch.setattr("tests.bench.measure.PATIENCE", (3, 0))
    work = WORKLOADS["W1"]

    rows = measure(work, SMALL, [ANCHOR, "3 lists"], 1, 5, Stock(20), lambda: None)
    assert [row.rounds for row in rows] == [3, 3]


@pytest.mark.parametrize("name", PEERS)
def test_bytes_a_range(name: str) -> None:
    """More than the pointer to the entry, less than a kilobyte."""
    row = space.bytes_per_range(name, 200, 60)

    assert row.value is not None
    assert 8 < row.value < 2000
    assert space.bytes_per_range(name, 200, -1).state == "not run"


def test_import_times_have_a_row_each() -> None:
    assert list(space.IMPORTS) == [row.peer for row in space.import_times(1)]


# -- the command


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--sizes", "0"], "argument --sizes: '0': expected whole numbers from 20 to 1e7 like 1e3,1e4"),
        (["--sizes", "1e3,many"], "argument --sizes: '1e3,many': expected whole numbers from 20 to 1e7 like 1e3,1e4"),
        (["--sizes", "nan"], "argument --sizes: 'nan': expected whole numbers from 20 to 1e7 like 1e3,1e4"),
        (["--rounds", "0"], "argument --rounds: '0': expected a whole number of 1 or more"),
        (["--workloads", "W9"], f"argument --workloads: unknown name 'W9': expected some of {', '.join(WORKLOADS)}"),
        (["--peers", "dict"], f"argument --peers: unknown name 'dict': expected some of {', '.join(PEERS)}"),
        (["--fast"], "unrecognized arguments: --fast"),
    ],
)
def test_a_bad_argument_is_one_line(argv: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        command.main(argv)

    assert stopped.value.code == 2
    assert f"bench: {message}\n" == capsys.readouterr().err


def test_a_folder_that_cannot_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")

    assert command.main(["-o", str(tmp_path / "file" / "below")]) == 2
    assert re.fullmatch(r"bench: .*Not a directory.*\n", capsys.readouterr().err)


def test_a_run_writes_and_prints(options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The anchor runs though nobody asked for it."""
    assert command.main(options) == 0

    text = capsys.readouterr().out
    assert text.startswith("|  | n | SortedDict | mmsim | 3 lists |\n")
    assert "| W8 address space, 300 VMAs | 300 |" in text
    rows = read(tmp_path / "bench.csv", 1)
    places = [(row.workload, row.n) for row in rows if row.peer == ANCHOR]
    assert places == [("W1", 30), ("W8", VMAS), ("bytes", 30)]
    assert (tmp_path / "bench.svg").read_text().startswith("<svg")


def test_ctrl_c_keeps_what_is_done_and_resume_goes_on(
    options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real, seen = command.measure, []

    def stops_at_w8(work: Workload, *rest: Any) -> list[Row]:
        seen.append(work.name)
        if work.name == "W8":
            raise KeyboardInterrupt
        return real(work, *rest)

    monkeypatch.setattr(command, "measure", stops_at_w8)
    assert command.main(options) == 130
    shown = capsys.readouterr()
    assert "bench: stopped" in shown.err
    assert "| W1 look-up | 30 |" in shown.out
    before = read(tmp_path / "bench.csv", 1)
    assert {"W1"} == {row.workload for row in before}

    monkeypatch.setattr(command, "measure", lambda work, *rest: seen.append(work.name) or real(work, *rest))
    assert command.main([*options, "--resume"]) == 0
    assert seen == ["W1", "W8", "W8"]
    assert before == read(tmp_path / "bench.csv", 1)[: len(before)]


def test_resume_refuses_another_seed(options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write([Row("W1", 30, ANCHOR)], 7, tmp_path / "bench.csv")

    assert command.main([*options, "--resume"]) == 2
    assert f"bench: {tmp_path / 'bench.csv'}: made with another seed than 1\n" == capsys.readouterr().err


def test_a_disagreement_is_one_line(
    options: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(PEERS, "3 lists", Liar)

    assert command.main(options) == 1
    assert re.fullmatch(r"bench: W1, n = 30: .* is \d+ for mmsim, None for 3 lists\n", capsys.readouterr().err)


def test_quick_lowers_only_what_is_not_given() -> None:
    quick = command.arguments(["--quick", "--rounds", "5"])

    assert (quick.sizes, quick.rounds, quick.seconds) == ([1_000, 10_000], 5, 2)


def test_a_missing_library_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Only the tests and the bench need them, so a learner's set-up may lack them."""
    for name in ("tests.bench.command", "tests.bench.measure", "tests.bench.recipes"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "portion", None)

    with pytest.raises(SystemExit) as stopped:
        runpy.run_module("tests.bench", run_name="__main__")
    assert stopped.value.code == 1
    expected = "bench: the module portion is missing; `python3 start.py setup` installs it\n"
    assert capsys.readouterr().err == expected
