"""The recordings of the kernel's own tree: all of them, and altered copies of them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mmsim.cli import main
from mmsim.trace import RecordingError, read, replay
from mmsim.trace.recording import field

RECORDINGS = sorted((Path(__file__).parent / "data" / "maple").glob("*.jsonl"))


def test_all_recordings_are_here() -> None:
    assert len(RECORDINGS) == 38


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_the_model_answers_as_the_kernel_did(path: Path) -> None:
    report = replay(path)
    assert report.first is None, str(report)
    assert report.records > 30


def altered(tmp_path: Path, name: str, line: int, **changes: object) -> Path:
    """A copy of a recording with some fields of one line (the header is line 1) changed."""
    source = next(path for path in RECORDINGS if path.stem == name)
    lines = source.read_text().splitlines()
    lines[line - 1] = json.dumps({**json.loads(lines[line - 1]), **changes})
    copy = tmp_path / "altered.jsonl"
    copy.write_text("\n".join(lines) + "\n")
    return copy


def first_line(name: str, op: str) -> tuple[int, dict]:
    source = next(path for path in RECORDINGS if path.stem == name)
    for number, record in read(source).records:
        if record["op"] == op:
            return number, record
    raise AssertionError(f"{name} has no {op}")


def numbers(form: Any) -> Iterator[tuple[Any, Any]]:
    """Every number of a canonical tree as (container, key)."""
    items = form.items() if isinstance(form, dict) else enumerate(form)
    for key, value in items:
        if isinstance(value, dict | list):
            yield from numbers(value)
        elif type(value) is int:
            yield form, key


class TestAlteredCopies:
    """One number changed in any kind of record is noticed."""

    @pytest.mark.parametrize(
        ("name", "op", "name_of_field"),
        [
            ("01_root_only_plain", "find", "next"),
            ("01_root_only_plain", "prev", "entry"),
            ("01_root_only_plain", "load", "entry"),
            ("01_root_only_plain", "insert", "ret"),
            ("13_gaps_alloc", "empty_area", "index"),
            ("13_gaps_alloc", "empty_area_rev", "last"),
            ("13_gaps_alloc", "alloc", "start"),
            ("13_gaps_alloc", "ralloc", "start"),
            ("09_rebalance_erase_plain", "erase", "entry"),
            ("15_iterate_plain", "mas_find", "entry"),
            ("03_slot_store_plain", "store", "entry"),
            ("03_slot_store_plain", "store", "last"),
            ("03_slot_store_plain", "store", "index"),
        ],
    )
    def test_a_number(self, tmp_path: Path, name: str, op: str, name_of_field: str) -> None:
        line, record = first_line(name, op)
        changed = (record[name_of_field] or 0) + 1
        report = replay(altered(tmp_path, name, line, **{name_of_field: changed}))
        assert report.differ >= 1
        assert report.first is not None
        assert report.first.line >= line

    def test_every_number_of_a_dump(self, tmp_path: Path) -> None:
        records = read(next(path for path in RECORDINGS if path.stem == "13_gaps_alloc")).records
        line, record = next(
            (line, record) for line, record in records if record["op"] == "dump" and "gaps" in (record["tree"] or {})
        )
        tree = record["tree"]
        places = list(numbers(tree))
        assert len(places) > 30
        for holder, key in places:
            holder[key] += 1
            report = replay(altered(tmp_path, "13_gaps_alloc", line, tree=tree))
            holder[key] -= 1
            assert report.differ == 1, (holder, key)
            assert report.first is not None
            assert report.first.line == line

    def test_a_digest(self, tmp_path: Path) -> None:
        line, record = first_line("06_deep_split_plain", "digest")
        report = replay(altered(tmp_path, "06_deep_split_plain", line, sha256="0" + record["sha256"][1:]))
        assert report.differ == (record["sha256"][0] != "0")

    def test_a_range_of_a_cursor(self, tmp_path: Path) -> None:
        line, record = first_line("15_iterate_plain", "cursor")
        calls = json.loads(json.dumps(record["calls"]))
        calls[0]["range"][1] += 1
        assert replay(altered(tmp_path, "15_iterate_plain", line, calls=calls)).differ == 1

    def test_the_report_shows_both_trees(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        line, record = first_line("05_split_root_plain", "dump")
        tree = json.loads(json.dumps(record["tree"]))
        tree["slots"][0][0] += 1
        path = altered(tmp_path, "05_split_root_plain", line, tree=tree)
        assert main(["replay", str(path)]) == 1
        out = capsys.readouterr().out
        assert f"{path}: 112 records, 1 differ" in out
        assert f"first difference, line {line}" in out
        assert " | " in out
        assert "leaf_64 0-18446744073709551615" in out


class TestBadFiles:
    """Exit code 2 and one line that says where and what was expected."""

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "empty, expected a header"),
            ("nonsense\n", ":1: not JSON"),
            ("[1]\n", ":1: expected a JSON object"),
            ("{}\n", ':1: no "format" in the header'),
            ('{"format":"maple-trace/9"}\n', ":1: format is 'maple-trace/9', expected 'maple-trace/1' or"),
            ('{"format":"maple-trace/1"}\n', ':1: record: no "flags", expected list'),
            ('{"format":"maple-trace/1","flags":["x"]}\n', ":1: header: unknown flag 'x'"),
            ("{op}", ":2: unknown op 'jump', expected one of alloc"),
            ("{none}", ":2: unknown op None"),
            ("{cut}", ":2: not JSON.*cut off"),
            ("{index}", ':2: load: no "index", expected integer'),
            ("{type}", ':2: load: "index" is "7", expected integer'),
            ("{bool}", ':2: load: "index" is true, expected integer'),
            ("{high}", ':2: load: "index" is 18446744073709551616, expected 0 to'),
            ("{answer}", ':2: load: no "entry", the recorded answer'),
            ("{zero}", ':2: store: "entry" is 0, expected 1 or more or null'),
            ("{call}", ":2: cursor: call 0 is .*expected one of find"),
        ],
    )
    def test_one_clear_line(self, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, message: str) -> None:
        header = '{"format":"maple-trace/1","flags":[]}\n'
        records = {
            "{op}": '{"op":"jump"}\n',
            "{none}": '{"index":1}\n',
            "{cut}": '{"op":"load","ind',
            "{index}": '{"op":"load","entry":1}\n',
            "{type}": '{"op":"load","index":"7","entry":1}\n',
            "{bool}": '{"op":"load","index":true,"entry":1}\n',
            "{high}": '{"op":"load","index":18446744073709551616,"entry":1}\n',
            "{answer}": '{"op":"load","index":1}\n',
            "{zero}": '{"op":"store","index":1,"last":2,"entry":0,"ret":0}\n',
            "{call}": '{"op":"cursor","index":1,"calls":[{"call":"jump"}]}\n',
        }
        path = tmp_path / "bad.jsonl"
        path.write_text(header + records[text] if text in records else text)
        with pytest.raises(RecordingError, match=message):
            replay(path)
        assert main(["replay", str(path)]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.count("\n") == 1

    def test_a_missing_file_and_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(RecordingError, match="cannot be read: No such file"):
            replay(tmp_path / "none.jsonl")
        with pytest.raises(RecordingError, match="cannot be read: Is a directory"):
            replay(tmp_path)

    def test_a_compressed_recording_and_a_broken_one(self, tmp_path: Path) -> None:
        packed = tmp_path / "one.jsonl.gz"
        packed.write_bytes(gzip.compress(RECORDINGS[0].read_bytes()))
        assert replay(packed).differ == 0
        packed.write_bytes(packed.read_bytes()[:100])
        with pytest.raises(RecordingError, match="cannot be read"):
            replay(packed)

    def test_a_good_file_beside_a_bad_one_is_still_replayed(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["replay", str(tmp_path / "none"), str(RECORDINGS[0])]) == 2
        assert "86 records, 0 differ" in capsys.readouterr().out

    def test_fields(self) -> None:
        assert field({"entry": None}, "entry", null=True) is None
        with pytest.raises(RecordingError, match='"entry" is null, expected integer'):
            field({"op": "load", "entry": None}, "entry")
