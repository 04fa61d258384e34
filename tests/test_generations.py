"""What the older generations answer differently on the recordings, line by line and with the reason."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from mmsim.brk import GENERATIONS
from mmsim.cli import main
from mmsim.trace import read
from mmsim.trace.syscall_trace import Session

FOLDER = Path(__file__).parent / "data" / "syscalls"
NAMES = sorted(path.stem for path in FOLDER.glob("*.jsonl"))
TABLE = tomllib.loads((FOLDER / "differences.toml").read_text(encoding="utf-8"))
REASONS: dict[str, dict[str, Any]] = TABLE["reasons"]
ROWS = {(row["recording"], row["generation"]): row for row in TABLE["difference"]}
KEYS = [(name, generation) for name in NAMES for generation in GENERATIONS]


@cache
def answers(name: str, generation: str) -> dict[int, tuple[dict[str, Any], dict[str, Any]]]:
    """Line -> recorded and simulated answer, where they differ."""
    recording = read(FOLDER / f"{name}.jsonl")
    session = Session(recording.header, generation)
    pairs = {line: (record, session.answer(record)) for line, record in recording.records}
    return {line: (record, got) for line, (record, got) in pairs.items() if fields(record, got)}


def fields(record: dict[str, Any], got: dict[str, Any]) -> set[str]:
    """What differs."""
    return {name for name in got if got[name] != record[name]}


def reasons(name: str, generation: str, line: int) -> list[str]:
    return [reason for reason, lines in ROWS[name, generation]["lines"].items() if line in lines]


def test_the_table_has_a_row_for_each_difference_and_no_other() -> None:
    assert len(ROWS) == len(TABLE["difference"])
    assert set(ROWS) == {key for key in KEYS if answers(*key)}
    assert not any(generation == "today" for _, generation in ROWS)


@pytest.mark.parametrize(("name", "generation"), ROWS)
def test_the_lines_and_their_number(name: str, generation: str) -> None:
    row = ROWS[name, generation]
    listed = {line for lines in row["lines"].values() for line in lines}
    assert listed == set(answers(name, generation))
    assert row["count"] == len(listed)


@pytest.mark.parametrize(("name", "generation"), ROWS)
def test_the_reasons_account_for_what_differs(name: str, generation: str) -> None:
    """Every field that differs is one that a reason given for the line shows in; no reason is idle."""
    for line, (record, got) in answers(name, generation).items():
        shows = [set(REASONS[reason]["shows"]) for reason in reasons(name, generation, line)]
        differ = fields(record, got)
        assert differ <= set().union(*shows), line
        assert all(differ & shown for shown in shows), line


def test_every_reason_is_used_and_told() -> None:
    assert {reason for row in ROWS.values() for reason in row["lines"]} == set(REASONS)
    assert all(len(reason["text"]) > 40 for reason in REASONS.values())


def lines_with(reason: str, alone: bool = False) -> list[tuple[str, str, int]]:
    """Recording, generation and line of the records that differ for a reason (for it alone)."""
    found = [(*key, line) for key, row in ROWS.items() for line in row["lines"].get(reason, [])]
    return [each for each in found if not alone or reasons(*each) == [reason]]


def glued(maps: list[list[Any]], at: int | None = None) -> list[list[Any]]:
    """Maps with like neighbours as one, those that meet at an address or all."""
    out: list[list[Any]] = []
    for start, end, *rest, present in maps:
        if out and out[-1][1] == start and out[-1][2:-1] == rest and at in (None, start):
            out[-1] = [out[-1][0], end, *rest, out[-1][-1] + present]
        else:
            out.append([start, end, *rest, present])
    return out


def test_bss_is_one_vma_with_the_heap_and_no_more() -> None:
    for name, generation, line in lines_with("bss", alone=True):
        record, got = answers(name, generation)[line]
        start_brk = read(FOLDER / f"{name}.jsonl").header["start_brk"]
        assert got["maps"] == glued(record["maps"], start_brk) != record["maps"], (name, line)


def test_untouched_memory_stays_apart_and_no_more() -> None:
    for name, generation, line in lines_with("untouched"):
        record, got = answers(name, generation)[line]
        assert glued(got["maps"]) != got["maps"], (name, line)
        if generation == "merged":
            assert glued(got["maps"]) == glued(record["maps"]), (name, line)


@pytest.mark.parametrize(("reason", "field"), [("data", "VmData"), ("locked", "VmLck")])
def test_what_was_cut_stays_counted(reason: str, field: str) -> None:
    """Where only counters differ, the one in question is too high."""
    found = [answers(*each[:2])[each[2]] for each in lines_with(reason)]
    counted = [pair for pair in found if field in fields(*pair) <= {"VmData", "VmLck"}]
    assert len(counted) > 2
    assert all(got[field] > record[field] for record, got in counted)


def test_holes_make_the_generations_disagree_on_the_answer() -> None:
    """5.16 lowers the break over a hole; the patch refuses to set it into one; 6.1 refuses when nothing is left."""
    accepted = [answers(*each[:2])[each[2]] for each in lines_with("hole-accepted")]
    assert [got["ret"] == record["arg"] for record, got in accepted if record["ret"] != record["arg"]] == [True] * 3
    record, got = answers("3-holes", "v4")[4]
    assert record["ret"] == record["arg"] < got["ret"]


@pytest.mark.parametrize("generation", GENERATIONS)
def test_the_command_prints_the_counts(generation: str, capsys: pytest.CaptureFixture[str]) -> None:
    files = [str(FOLDER / f"{name}.jsonl") for name in NAMES]
    counts = [ROWS[name, generation]["count"] if (name, generation) in ROWS else 0 for name in NAMES]
    assert main(["replay", "--generation", generation, *files]) == int(any(counts))
    lines = [line for line in capsys.readouterr().out.splitlines() if " records, " in line]
    assert [line.split("records, ")[1] for line in lines] == [f"{count} differ" for count in counts]
