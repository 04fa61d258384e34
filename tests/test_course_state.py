"""The learner's state: what is stored comes back, two files merge, and nothing is ever lost."""

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmsim.course.__main__ import main
from mmsim.course.errors import StateError
from mmsim.course.state import State, checkout, dump_records, merge_records, read_records, state_folder


def clock() -> Callable[[], str]:
    """A clock that advances one second a call."""
    seconds = itertools.count()
    return lambda: f"2026-01-01T00:00:{next(seconds):02}.000000Z"


def a_record(kind: str = "prediction", key: str = "02.p1", second: int = 0, **fields: object) -> dict:
    rest = {"prediction": {"choice": "A", "sure": 1}, "answer": {"choice": "A", "right": True}}
    rest["checkpoint"] = {"score": 2, "of": 3}
    return {"kind": kind, "id": key, "when": f"2026-01-01T00:00:{second:02}.000000Z", **rest[kind], **fields}


def write(path: Path, *records: dict) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def test_what_is_put_is_got_by_another_reader(tmp_path: Path) -> None:
    State(tmp_path).put("prediction", "02.p1", choice="B", sure=2)

    found = State(tmp_path).get("prediction", "02.p1")

    assert found is not None
    assert (found["choice"], found["sure"]) == ("B", 2)
    assert State(tmp_path).get("prediction", "02.p2") is None


def test_the_file_is_one_sorted_record_a_line(tmp_path: Path) -> None:
    state = State(tmp_path, clock())
    for key in ("03.q1", "01.q1", "02.q1"):
        state.put("answer", key, choice="A", right=True)

    lines = [json.loads(line) for line in state.path.read_text().splitlines()]

    assert [line["id"] for line in lines] == ["01.q1", "02.q1", "03.q1"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lock", "state.jsonl"]


def test_a_new_prediction_replaces_the_old_even_if_the_clock_went_back(tmp_path: Path) -> None:
    times = iter(["2026-05-05T00:00:00.000000Z", "2026-01-01T00:00:00.000000Z"])
    state = State(tmp_path, lambda: next(times))
    state.put("prediction", "02.p1", choice="A", sure=1)

    kept = state.put("prediction", "02.p1", choice="B", sure=1)

    assert kept["choice"] == "B"
    assert kept["when"] == "2026-05-05T00:00:00.000000Z"


def test_a_lower_checkpoint_score_does_not_replace_a_higher(tmp_path: Path) -> None:
    state = State(tmp_path, clock())
    state.put("checkpoint", "02", score=3, of=3)

    assert state.put("checkpoint", "02", score=1, of=3)["score"] == 3


@pytest.mark.parametrize(
    "rubbish",
    [
        b"{",
        b"\xff\xfe",
        b"[1]",
        b'{"kind": "answer"}',
        b'{"kind": "checkpoint", "id": "02", "when": "2026-01-01T00:00:00.000000Z", "score": "3", "of": 3}',
        b'{"kind": "prediction", "id": "02.p1", "when": "now", "choice": "A", "sure": 1}',
        b"<<<<<<< HEAD",
        b"[" * 100_000,
    ],
)
def test_an_unreadable_line_is_said_once_and_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rubbish: bytes
) -> None:
    state = State(tmp_path)
    state.put("answer", "02.q1", choice="A", right=True)
    whole = state.path.read_bytes() + rubbish + b"\n"
    state.path.write_bytes(whole)

    assert list(state.all()) == [("answer", "02.q1")]
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "1 unreadable line; the file as it was is kept as state.jsonl.broken-1" in said
    assert (tmp_path / "state.jsonl.broken-1").read_bytes() == whole
    assert list(State(tmp_path).all()) == [("answer", "02.q1")]
    assert capsys.readouterr().err == ""


def test_a_second_broken_file_gets_a_copy_of_its_own(tmp_path: Path) -> None:
    state = State(tmp_path)
    for text in (b"one\n", b"two\n"):
        state.path.write_bytes(text)
        state.all()

    assert (tmp_path / "state.jsonl.broken-1").read_bytes() == b"one\n"
    assert (tmp_path / "state.jsonl.broken-2").read_bytes() == b"two\n"


def test_a_record_of_a_later_version_survives_a_write(tmp_path: Path) -> None:
    later = {"kind": "badge", "id": "x", "when": "2030-01-01T00:00:00.000000Z", "colour": 7}
    state = State(tmp_path)
    write(state.path, later)

    state.put("answer", "02.q1", choice="A", right=True)

    assert state.all()["badge", "x"] == later


def test_merge_takes_the_newer_record_and_the_better_score(tmp_path: Path) -> None:
    mine = State(tmp_path / "mine")
    write(mine.path, a_record(second=1), a_record("checkpoint", "02", 9, score=1), a_record("answer", "02.q1"))
    theirs = write(tmp_path / "theirs", a_record(second=2, choice="D"), a_record("checkpoint", "02", 1, score=3))

    assert mine.merge(theirs) == 2
    merged = mine.all()
    assert merged["prediction", "02.p1"]["choice"] == "D"
    assert merged["checkpoint", "02"]["score"] == 3
    assert merged["answer", "02.q1"]["choice"] == "A"
    assert mine.merge(theirs) == 0


def test_one_file_after_the_other_is_a_merge_too(tmp_path: Path) -> None:
    one = write(tmp_path / "one", a_record(second=5), a_record("checkpoint", "02"))
    two = write(tmp_path / "two", a_record(second=6, choice="C"), a_record("answer", "02.q1"))
    both = tmp_path / "both"
    both.write_bytes(one.read_bytes() + two.read_bytes())

    assert read_records(both)[0] == merge_records(read_records(one)[0], read_records(two)[0])


records = st.lists(
    st.builds(
        a_record,
        st.sampled_from(["prediction", "answer"]),
        st.sampled_from(["01", "02"]),
        st.integers(0, 3),
        choice=st.sampled_from("ABCD"),
    )
    | st.builds(a_record, st.just("checkpoint"), st.just("01"), st.integers(0, 3), score=st.integers(0, 3)),
    max_size=6,
)


@given(records, records, records)
def test_merging_does_not_depend_on_order_or_repetition(one: list, two: list, three: list) -> None:
    def merged(*parts: list) -> str:
        result: dict = {}
        for part in parts:
            both = merge_records({}, {})
            for entry in part:
                both = merge_records(both, {(entry["kind"], entry["id"]): entry})
            result = merge_records(result, both)
        return dump_records(result)

    assert merged(one, two, three) == merged(three, one, two) == merged(two, one, two, three, three)


def test_two_processes_writing_at_once_lose_nothing(tmp_path: Path) -> None:
    code = (
        "import sys; from mmsim.course.state import State\n"
        "for n in range(30): State(sys.argv[1]).put('answer', f'{sys.argv[2]}.q{n}', choice='A', right=True)"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path), name]) for name in ("01", "02")]

    assert [process.wait() for process in running] == [0, 0]
    assert len(State(tmp_path).all()) == 60


def test_a_folder_that_cannot_be_used_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StateError, match=r"^cannot write the course state in .*; set MMSIM_STATE to a folder"):
        State(tmp_path / "file" / "below").put("answer", "02.q1", choice="A", right=True)


def test_a_folder_in_place_of_the_file_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "state.jsonl").mkdir()

    with pytest.raises(StateError, match=r"cannot read .*state\.jsonl"):
        State(tmp_path).all()


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = State(tmp_path)
    state.put("answer", "02.q1", choice="A", right=True)
    before = state.path.read_bytes()

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", stop)
    with pytest.raises(KeyboardInterrupt):
        state.put("answer", "02.q2", choice="A", right=True)

    assert state.path.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lock", "state.jsonl"]


def test_the_folder_is_the_one_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMSIM_STATE", str(tmp_path / "here"))
    assert state_folder() == tmp_path / "here"


def test_the_folder_is_in_the_checkout_we_stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "mmsim" / "course").mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text("")
    monkeypatch.delenv("MMSIM_STATE", raising=False)
    monkeypatch.chdir(tmp_path / "notebooks")

    assert state_folder() == tmp_path / ".mmsim"


def test_without_a_checkout_the_folder_is_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MMSIM_STATE", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr("mmsim.course.state.checkout", lambda: None)
    monkeypatch.setattr(sys, "platform", "linux")

    assert state_folder() == tmp_path / "data" / "mmsim"


def test_a_folder_with_a_project_of_another_kind_is_no_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path)

    assert checkout() != tmp_path


def test_the_command_merges_and_shows_progress(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = write(tmp_path / "other.jsonl", a_record("checkpoint", "00", score=3))

    assert main(["merge", str(other)]) == 0
    shown = capsys.readouterr().out
    assert f"1 record taken over from {other}" in shown
    assert "3 of 3      done" in shown


def test_the_command_names_a_file_it_cannot_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["merge", str(tmp_path / "none")]) == 2
    assert capsys.readouterr().err == f"mmsim: cannot read {tmp_path / 'none'}: No such file or directory\n"


def test_unreadable_lines_of_the_other_file_are_named_and_skipped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    other.write_text(json.dumps(a_record()) + "\nrubbish\nmore\n")

    assert State(tmp_path / "mine").merge(other) == 1
    assert capsys.readouterr().err == f"mmsim: {other}: 2 unreadable lines skipped\n"
