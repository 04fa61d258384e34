"""The recordings of a running kernel, in every generation; and scripts of our own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mmsim.brk import GENERATIONS
from mmsim.cli import main
from mmsim.trace import RecordingError, read, replay
from mmsim.trace.run import run

RECORDINGS = sorted((Path(__file__).parent / "data" / "syscalls").glob("*.jsonl"))


def test_all_recordings_are_here() -> None:
    assert len(RECORDINGS) == 8


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_the_model_answers_as_the_kernel_did(path: Path) -> None:
    report = replay(path, "today")
    assert report.first is None, str(report)


@pytest.mark.parametrize("generation", ["before", "merged", "today"])
@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_no_invariant_breaks(path: Path, generation: str) -> None:
    told = [json.loads(line) for line in run(path, generation, as_json=True)]
    assert len(told) == len(read(path).records)
    assert [(op["op"], op["broken"]) for op in told if op["broken"]] == []


@pytest.mark.parametrize("name", ["ret", "VmSize", "VmData", "VmLck"])
def test_an_altered_number_is_caught(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines = RECORDINGS[0].read_text().splitlines()
    record = json.loads(lines[5])
    record[name] += 4
    lines[5] = json.dumps(record)
    path = tmp_path / "altered.jsonl"
    path.write_text("\n".join(lines) + "\n")
    assert main(["replay", str(path)]) == 1
    out = capsys.readouterr().out
    assert "12 records, 1 differ" in out
    assert "first difference, line 6" in out


def test_an_altered_map_is_caught(tmp_path: Path) -> None:
    lines = RECORDINGS[0].read_text().splitlines()
    for column, value in ((0, 4096), (1, 4096), (2, "r--p"), (3, 1), (4, "rd"), (5, 4)):
        record = json.loads(lines[5])
        record["maps"][0][column] = value
        path = tmp_path / "altered.jsonl"
        path.write_text("\n".join([*lines[:5], json.dumps(record), *lines[6:]]) + "\n")
        assert replay(path).differ == 1, column


SCRIPT = """\
{"format":"syscall-trace/1","start_brk":268435456}
{"op":"brk","arg":268451840}
{"op":"touch","arg":268447744}
{"op":"brk","arg":268443648}
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "script.jsonl"
    path.write_text(SCRIPT)
    return path


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_script_needs_no_answers(script: Path, generation: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(script), "--generation", generation, "--json"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [op["ret"] for op in told] == [268451840, 0, 268443648]
    assert told[-1]["brk"] == 268443648
    assert told[-1]["maps"] == [[268435456, 268443648, "rw-p", 1, "rd wr mr mw me ac", 0]]
    assert set(told[0]["counters"]) == {
        "total_vm",
        "data_vm",
        "locked_vm",
        "stack_vm",
        "exec_vm",
        "map_count",
        "committed",
    }
    assert told[0]["events"][-1].startswith("perf_event_mmap")


def test_the_patch_forgets_what_a_shrink_gives_back(script: Path) -> None:
    """v4 cuts the tail of a VMA and counts only total_vm back: data_vm and the commit charge stay."""
    told = [json.loads(line) for line in run(script, "v4", as_json=True)]
    assert told[-1]["broken"] == ["I6", "I8", "I10", "I14", "I19"]
    assert told[-1]["counters"]["committed"] == 4


def test_the_text_names_each_broken_invariant(script: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(script), "--generation", "v4"]) == 0
    out = capsys.readouterr().out
    assert "brk 0x10002000 = 0x10002000   (brk 0x10002000)" in out
    assert "BROKEN I6 (data_vm, stack_vm and exec_vm count the pages of their classes): data_vm is 4" in out


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"op":"jump","arg":1}', "unknown op 'jump', expected one of brk"),
        ('{"arg":1}', 'record: no "op"'),
        ('{"op":"brk"}', 'brk: no "arg"'),
        ('{"op":"brk","arg":"x"}', "brk: address is 'x', expected an integer"),
        ('{"op":"brk","arg":18446744073709551616}', "brk: address is 18446744073709551616"),
        ('{"op":"munmap","arg":[1]}', r"munmap: arg is \[1\], expected \[addr, len\]"),
        ('{"op":"mmap","arg":[1,2,3]}', r"expected \[addr, len, prot, flags\]"),
        ('{"op":"mmap","arg":[4096,4096,3,34]}', "mmap: flags are 0x22, expected MAP_FIXED"),
        ('{"op":"mmap_file","arg":[1,2,3,4,5,6]}', r"expected \[addr, len, prot, flags, file, pgoff\]"),
        ('{"op":"fail","arg":["memory",1]}', r"expected \[site, nth\] with a site of vma_alloc"),
        ('{"op":"fork","arg":"both"}', 'expected "parent" or "child"'),
        ('{"op":"setrlimit","arg":["CPU",1]}', 'expected \\["DATA"'),
        ('{"op":"mbind","arg":[1,2,3]}', r"expected \[addr, len, policy\]"),
        ('{"op":"mremap","arg":[1,2,3]}', r"expected \[addr, old_len, new_len, flags, new_addr\]"),
        ('{"op":"set_mm","arg":["stack",1]}', r"expected \[mark, address\] with a mark of start_code"),
        ('{"op":"set_mm","arg":["brk","x"]}', "set_mm: address is 'x'"),
        ('{"op":"hook","arg":[1]}', r"expected \[addr, close, may_split\]"),
        ("{", "not JSON"),
    ],
)
def test_a_bad_script_is_one_line_with_its_number(
    script: Path, line: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    script.write_text(SCRIPT + line + "\n")
    with pytest.raises(RecordingError, match=f":5: .*{message}"):
        list(run(script, "today"))
    assert main(["run", str(script), "--generation", "today"]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert err.startswith(f"mmsim run: {script}:5: ")


MORE = """\
{"op":"mremap","arg":[268435456,8192,16384,3,268500992]}
{"op":"set_mm","arg":["start_brk",268435460]}
{"op":"hook","arg":[268500992,1,0]}
{"op":"munmap","arg":[268500992,4096]}
{"op":"brk","arg":5}
"""


def test_ops_of_our_own(script: Path) -> None:
    """A mapping moves with mremap, a mark with set_mm, and a hook lets a driver refuse a split."""
    script.write_text(SCRIPT + MORE)
    told = [json.loads(line) for line in run(script, "today", as_json=True)][3:]
    assert [op["ret"] for op in told] == [268500992, 0, 0, -22, 268443648]
    assert [row[:2] for row in told[0]["maps"]] == [[268500992, 268500992 + 16384]]
    assert [op["broken"] for op in told] == [[]] * 5


def test_an_invariant_of_two_moments_is_told(script: Path) -> None:
    """The patch cuts the tail of a watched heap and tells nobody: I16."""
    lines = [
        '{"op":"brk","arg":268468224}',
        '{"op":"uffd_register","arg":[268435456,32768]}',
        '{"op":"brk","arg":268451840}',
        '{"op":"munmap","arg":[268443648,8192]}',
        '{"op":"brk","arg":268460032}',
    ]
    script.write_text(SCRIPT.splitlines()[0] + "\n" + "\n".join(lines) + "\n")
    told = [json.loads(line)["broken"] for line in run(script, "v4", as_json=True)]
    assert "I16" in told[2]
    assert "I16" not in told[0] + told[1]
    assert [json.loads(line)["broken"] for line in run(script, "merged", as_json=True)] == [[]] * 5


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ('{"format":"maple-trace/1","flags":[]}', "expected 'syscall-trace/1'"),
        ('{"format":"syscall-trace/1"}', 'no "start_brk"'),
        ('{"format":"syscall-trace/1","start_brk":-1}', '"start_brk" is -1'),
        ('{"format":"syscall-trace/1","start_brk":0,"initial":[[1,2]]}', "initial: "),
        ('{"format":"syscall-trace/1","start_brk":0,"present":[4096]}', "present: 4096 is no address in a VMA"),
        ('{"format":"syscall-trace/1","start_brk":0,"present":["x"]}', "present: 'x' is no address in a VMA"),
        ('{"format":"syscall-trace/1","start_brk":0,"initial":[[0,4096,"r",0,"anon","xx",0]]}', "VmFlags has 'xx'"),
    ],
)
def test_a_bad_header_is_one_line(script: Path, header: str, message: str) -> None:
    script.write_text(header + "\n")
    with pytest.raises(RecordingError, match=f":1: .*{message}"):
        list(run(script, "today"))


def test_the_generation_must_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["run", "x"])
    assert stop.value.code == 2
    assert "--generation" in capsys.readouterr().err
