"""The grader: marks that are right, results that stay, a class that is graded whatever is in it."""

from __future__ import annotations

import csv
import json
import os
import sqlite3
import stat
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from mmsim.cli import main
from mmsim.course.exercises import Case, Exercise, Verdict, chapter, chapters
from mmsim.course.exercises.model import PUBLIC, Value
from mmsim.course.grade import marking, session
from mmsim.course.grade.book import write_book, write_table
from mmsim.course.grade.handed import Handed, Limits, Notebook, NotHanded, Submission, find
from mmsim.course.grade.marking import Result, Settings, graded, key_of
from mmsim.course.grade.page import class_page, learner_page
from mmsim.course.grade.results import NotResults, Results, file_name
from mmsim.course.grade.session import grade_class, publish
from tests.simulated_class import ROOT, book, grading, hand_in, kill_in_the_middle, marks, with_seed

SETTINGS = Settings("a seed", any_name=True)
linux = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's processes")


def notebook(*sources: str) -> str:
    """A notebook of code cells."""
    cells = [{"cell_type": "code", "source": source, "metadata": {}, "outputs": []} for source in sources]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def handed_in(*sources: str, learner: str = "ada", file: str = "02-x.ipynb") -> Submission:
    return Submission(learner, (Notebook(file, notebook(*sources)),), ())


def mark_of(result: Result, key: str) -> Result:
    return result["chapters"][key[:2]]["exercises"][key]


# -- the course, by the real grader


@pytest.mark.parametrize("number", chapters())
def test_solutions_earn_all_and_stubs_nothing(number: str) -> None:
    file, solved = book("solutions", number)
    result = graded(Submission("ada", (Notebook(file, json.dumps(solved)),), ()), SETTINGS)
    marked = result["chapters"][number]["exercises"]
    assert {key: mark["message"] for key, mark in marked.items() if mark["points"] != mark["full"]} == {}
    assert result["points"] == result["full"] == sum(one.points for one in chapter(number))
    file, stub = book("exercises", number)
    result = graded(Submission("ada", (Notebook(file, json.dumps(stub)),), ()), SETTINGS)
    assert result["points"] == 0
    for mark in result["chapters"][number]["exercises"].values():
        assert mark["message"].startswith("not tried yet"), mark


# -- golden marks


class Toy(Value):
    """Worth what its value says."""

    id, name, kind, title, goal = "02.e1", "toy", "predict", "Toy", "Try the marks."
    points, minutes, difficulty, misconception = 4, 1, 1, "M1"
    hints = ("look at the toy", "think of the toy itself", "write down the toy now")
    shown = 1
    shares: dict[str, Any] = {  # noqa: RUF012
        "zero": 0,
        "half": 0.5,
        "full": 1,
        "over": 1.5,
        "negative": -1,
        "nan": float("nan"),
        "infinite": float("inf"),
        "true": True,
        "text": "1",
        "none": None,
        "nearly": 0.9999999,
    }

    def parts(self, learner: str = "") -> list[tuple[str, Any]]:
        return [("one", 1), ("two", 2)]

    def judge(self, case: Case, answer: Any) -> Verdict:
        if answer == "raises":
            raise ZeroDivisionError
        if answer == "slow":
            time.sleep(60)
        return Verdict(self.shares[answer])


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Exercise:
    one = Toy()
    monkeypatch.setattr(marking, "chapter", lambda number: (one,))
    return one


@pytest.mark.parametrize(
    ("value", "points"),
    [
        ("zero", 0),
        ("half", 2),
        ("full", 4),
        ("over", 0),
        ("negative", 0),
        ("nan", 0),
        ("infinite", 0),
        ("true", 0),
        ("text", 0),
        ("none", 0),
        ("nearly", 3.99),
        ("raises", 0),
        ("no such share", 0),
    ],
)
def test_golden_marks(toy: Exercise, value: str, points: float) -> None:
    result = graded(handed_in(f"toy = {value!r}"), SETTINGS)
    assert mark_of(result, "02.e1")["points"] == points
    assert (result["points"], result["full"]) == (points, 4)


@pytest.mark.parametrize(
    ("sources", "points", "said"),
    [
        ((), 0, "not defined anywhere"),
        (("toy = None",), 0, "not tried yet"),
        (("toy = 'full'", "toy = 'zero'"), 0, "0 of 2"),
        (("toy = 'zero'", "toy = 'full'"), 4, "2 of 2"),
        (("toy = 'fu' + 'll'",), 0, "written out"),
        (("toy = ",), 0, "not defined anywhere"),
        (("toy = 'full'", "%%bash\nls"), 4, "2 of 2"),
        (("toy = {1, 2}",), 0, "written out"),
    ],
)
def test_a_value_that_is_missing_there_twice_or_computed(
    toy: Exercise, sources: Sequence[str], points: float, said: str
) -> None:
    mark = mark_of(graded(handed_in(*sources), SETTINGS), "02.e1")
    assert mark["points"] == points
    assert said in mark["message"]


def test_a_definition_that_is_there_twice_is_told(toy: Exercise) -> None:
    mark = mark_of(graded(handed_in("toy = 'zero'", "toy = 'full'"), SETTINGS), "02.e1")
    assert mark["notes"] == ["`toy` is defined more than once: the last definition counts"]


@linux
def test_an_answer_that_takes_too_long_to_judge_earns_nothing(toy: Exercise, monkeypatch: pytest.MonkeyPatch) -> None:
    at_most = marking._at_most
    monkeypatch.setattr(marking, "_at_most", lambda seconds: at_most(0.2))
    mark = mark_of(graded(handed_in("toy = 'slow'"), SETTINGS), "02.e1")
    assert (mark["points"], "took too long to judge" in mark["message"]) == (0, True)


def test_a_fault_of_the_course_is_said_to_be_one(toy: Exercise, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Toy, "parts", lambda self, learner="": 1 / 0)
    mark = mark_of(graded(handed_in("toy = 'full'"), SETTINGS), "02.e1")
    assert mark["points"] == 0
    assert "ask your instructor" in mark["message"]


# -- functions, each in a state of its own

RIGHT = "def slot_of(pivots, index):\n    return sum(pivot < index for pivot in pivots)\n"


@pytest.mark.parametrize(
    ("sources", "points"),
    [
        ([RIGHT], 3),
        (["import nothing_of_that_name\n1 / 0", RIGHT, "slot_of = slot_of"], 0),  # the last definition is none
        (["1 / 0", RIGHT, "while True: pass"], 3),  # only what it uses is run
        (["from bisect import bisect_left as slot_of"], 3),
        (["from bisect import *", "def slot_of(pivots, index):\n    return bisect_left(pivots, index)"], 3),
        (["def slot_of(pivots, index):\n    return 0"], 0),
        (["def slot_of(pivots, index):\n    return float(sum(p < index for p in pivots))"], 0),
        (["def slot_of(pivots, index):\n    raise SystemExit"], 0),
        (["def slot_of(pivots, index):\n    import mmsim"], 0),
        (["class slot_of(int):\n    def __new__(cls, pivots, index): return int.__new__(cls, 1)"], 0),
    ],
)
def test_functions_are_found_by_name_and_run_alone(sources: list[str], points: float) -> None:
    assert mark_of(graded(handed_in(*sources), SETTINGS), "02.e3")["points"] == points


def test_a_function_that_hangs_costs_itself_only() -> None:
    endless = "def walk(node, index):\n    while True: pass"
    result = graded(handed_in(RIGHT, endless), Settings("a seed", any_name=True, seconds=2.0))
    assert mark_of(result, "02.e3")["points"] == 3
    hung = mark_of(result, "02.e4")
    assert hung["points"] == 0
    assert "timeout" in hung["message"]
    assert hung["first"]["input"].startswith("walk(")


def test_the_time_of_a_submission_is_bounded() -> None:
    endless = ["def slot_of(pivots, index):\n    while True: pass", "def walk(node, index):\n    while True: pass"]
    result = graded(handed_in(*endless), Settings("a seed", seconds=1.0))
    assert result["seconds"] < 10
    assert "more than 1 s in all" in mark_of(result, "02.e4")["message"]


def test_feedback_shows_the_first_public_case_and_no_hidden_one() -> None:
    wrong = "def slot_of(pivots, index):\n    return sum(pivot <= index for pivot in pivots)"
    mark = mark_of(graded(handed_in(wrong), SETTINGS), "02.e3")
    assert mark["first"]["input"] == "slot_of([9, 19, 29, 18446744073709551615], 9)"
    assert (mark["first"]["expected"], mark["first"]["got"]) == ("0", "1")
    hidden = [one.said(case) for one in chapter("02") for case in one.cases("a seed") if case.category != PUBLIC]
    assert not [said for said in hidden if said in json.dumps(mark) and "(" in said]


# -- whose instance


@pytest.mark.parametrize(
    ("learner", "written", "own"),
    [("ada", "ada", True), ("Ada Lovelace", "ada_lovelace", True), ("ada", "bob", False), ("ada", "", False)],
)
def test_the_instance_is_that_of_the_submission(learner: str, written: str, own: bool) -> None:
    (one,) = [one for one in chapter("02") if one.id == "02.e1"]
    answers = {key: case.part[1] for case in one.cases("s", written) for key in [case.part[0]]}
    cells = (f"learner = {written!r}", f"my_walk = {answers!r}")
    result = graded(handed_in(*cells, learner=learner), Settings("s"))
    assert (mark_of(result, "02.e1")["points"] == one.points) is own
    assert bool(result["chapters"]["02"]["notes"]) is not own
    anyone = graded(handed_in(*cells, learner=learner), Settings("s", any_name=True))
    assert mark_of(anyone, "02.e1")["points"] == one.points


# -- what was handed in


def test_notebooks_are_found_in_folders_archives_and_nbgraders_layout(tmp_path: Path) -> None:
    made = hand_in(tmp_path, 9, chapters=chapters()[:2])
    (tmp_path / "flat_02-x.ipynb").write_text(notebook())
    (tmp_path / "README.txt").write_text("no notebook")
    (tmp_path / "whose.ipynb").write_text(notebook())
    found, strays = find(tmp_path)
    assert [one.learner for one in found] == ["flat", *made]
    assert strays == ["whose.ipynb: whose is it? expected NAME/NN-....ipynb"]
    assert all(one.read().notebooks or one.read().problems for one in found)
    (tmp_path / "whose.ipynb").unlink()
    packed = Path(f"{tmp_path}.zip")
    with zipfile.ZipFile(packed, "w") as archive:
        for path in tmp_path.rglob("*"):
            archive.write(path, path.relative_to(tmp_path.parent))
    again, _ = find(packed)
    assert [(one.learner, [n.text for n in one.read().notebooks]) for one in again] == [
        (one.learner, [n.text for n in one.read().notebooks]) for one in found
    ]


def test_a_course_folder_of_nbgrader_is_taken_as_it_is(tmp_path: Path) -> None:
    target = tmp_path / "submitted" / "ada" / "02-reading" / "02-reading.ipynb"
    target.parent.mkdir(parents=True)
    target.write_text(notebook())
    (tmp_path / "source" / "02").mkdir(parents=True)
    found, _ = find(tmp_path)
    assert [one.learner for one in found] == ["ada"]


@pytest.mark.parametrize("place", ["nowhere", "file.txt", "empty", "broken.zip"])
def test_a_place_without_submissions_is_one_clear_line(
    tmp_path: Path, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file.txt").write_text("x")
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.zip").write_bytes(b"PK no archive")
    with pytest.raises(NotHanded):
        find(tmp_path / place)
    assert main(["grade", str(tmp_path / place), "-o", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_two_notebooks_of_a_chapter_one_counts_and_the_other_is_told() -> None:
    files = (
        Notebook("ada/02-reading-copy (1).ipynb", notebook("def slot_of(pivots, index):\n    return 0")),
        Notebook("ada/02-reading.ipynb", notebook(RIGHT)),
        Notebook("ada/notes.ipynb", notebook("1 + 1")),
    )
    for order in (files, files[::-1]):
        result = graded(Submission("ada", order, ()), SETTINGS)
        assert mark_of(result, "02.e3")["points"] == 3
        assert len(result["problems"]) == 2


# -- results, gradebook, pages


def test_an_old_result_is_kept_only_if_nothing_has_changed(tmp_path: Path) -> None:
    results = Results(tmp_path / "out")
    submission = handed_in(RIGHT)
    settings = Settings(results.seed)
    result = graded(submission, settings)
    results.save(result)
    assert results.load("ada") == result
    assert result["key"] == key_of(submission, settings)
    for other in (handed_in(RIGHT, "x = 1"), handed_in(RIGHT, learner="bob"), handed_in(RIGHT, file="02-y.ipynb")):
        assert key_of(other, settings) != result["key"]
    assert key_of(submission, Settings("other")) != result["key"]
    assert key_of(submission, Settings(results.seed, any_name=True)) != result["key"]


def test_the_seed_is_drawn_once_and_for_its_owner_only(tmp_path: Path) -> None:
    first, again, other = Results(tmp_path / "a"), Results(tmp_path / "a"), Results(tmp_path / "b")
    assert first.seed == again.seed != other.seed
    assert len(first.seed) == 32
    if os.name == "posix":
        assert stat.S_IMODE((tmp_path / "a" / ".seed").stat().st_mode) == 0o600


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(NotResults, match="found thesis"):
        Results(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_file_names_are_harmless_and_nobody_shares_one() -> None:
    names = ["ada", "Ada", "ADA", "a/b", "a-b", "../ada", "..", "", ".seed", "con", "x" * 300, "ä", "a b", "a_b"]
    made = [file_name(name) for name in names]
    assert len({name.lower() for name in made}) == len(names)
    assert all(len(name) < 80 and "/" not in name and not name.startswith(".") for name in made)


def a_result(learner: str = "ada", **more: Any) -> Result:
    return {**graded(handed_in(RIGHT, learner=learner), SETTINGS), **more}


def test_the_gradebook_and_the_table_hold_every_mark(tmp_path: Path) -> None:
    results = [a_result("ada"), a_result("=1+1"), a_result("cy", chapters={}, points=0.0, full=0)]
    write_book(results, tmp_path / "book.sqlite")
    with closing(sqlite3.connect(tmp_path / "book.sqlite")) as found:
        assert found.execute("select learner, points from submission order by rowid").fetchall() == [
            ("ada", 3.0),
            ("=1+1", 3.0),
            ("cy", 0.0),
        ]
        assert found.execute("select sum(points) from mark where exercise = '02.e3'").fetchone() == (6.0,)
        assert found.execute("select points, full from chapter where learner = 'ada'").fetchone() == (3.0, 12.0)
    write_table(results, tmp_path / "grades.csv")
    rows = list(csv.reader((tmp_path / "grades.csv").read_text(encoding="utf-8").splitlines()))
    assert rows[0] == ["learner", "points (of 12)", "02 (of 12)"]
    assert rows[1:] == [["ada", "3.0", "3.0"], ["'=1+1", "3.0", "3.0"], ["cy", "0.0", ""]]


class Tags(HTMLParser):
    """All tags and attributes of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {tag, *(f"{tag}.{name}" for name, _ in attrs)}

    def handle_data(self, data: str) -> None:
        self.text += data


def test_pages_show_what_learners_wrote_as_text_only() -> None:
    evil = "<img src=x onerror=alert(1)><script>1</script>\"'&\x1b[31m"
    cells = (f"def slot_of(pivots, index):\n    raise ValueError({evil!r})", f"my_steps = {evil!r}")
    result = graded(handed_in(*cells, learner="<b>ada</b>", file='02-"><i>.ipynb'), SETTINGS)
    result["problems"] = [evil]
    for page in (learner_page(result), class_page([result], [evil])):
        tags = Tags(page)
        assert not tags.found & {"img", "script", "b", "i", "img.src"}
        assert not [name for name in tags.found if ".on" in name]
        assert "<b>ada</b>" in tags.text
        assert "\x1b" not in page


def test_a_page_tells_each_exercise_and_its_reason() -> None:
    text = Tags(learner_page(a_result())).text
    for one in chapter("02"):
        assert one.title in text
    assert "3 of 3 points" in text
    assert "0 of 5 points" in text


# -- a class


def small_class(folder: Path, names: Sequence[str] = ("ada", "bob", "cy", "dan")) -> list[Handed]:
    for name in names:
        (folder / name).mkdir(parents=True)
        (folder / name / "02-x.ipynb").write_text(notebook(RIGHT, f"# {name}"))
    return find(folder)[0]


class Odd(ThreadPoolExecutor):
    """An executor on which the second submission fails."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(1)
        self.error, self.count = error, 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.count += 1
        if self.count == 2:
            failed: Future[Any] = Future()
            failed.set_exception(self.error)
            return failed
        return super().submit(fn, *args, **kwargs)


def graded_class(tmp_path: Path, pool: Executor, resume: bool = False) -> tuple[session.Done, Results]:
    handed = small_class(tmp_path / "class") if not (tmp_path / "class").exists() else find(tmp_path / "class")[0]
    results = Results(tmp_path / "out")
    with pool:
        return grade_class(handed, results, Settings(results.seed), pool, 1, resume), results


def test_a_failure_of_the_cluster_costs_nobody_a_mark_and_a_resume_makes_it_good(tmp_path: Path) -> None:
    done, results = graded_class(tmp_path, Odd(ConnectionError("worker gone")))
    assert done.lost == {"bob": "ConnectionError: worker gone"}
    assert [result["learner"] for result in results.all()] == ["ada", "cy", "dan"]
    done, results = graded_class(tmp_path, ThreadPoolExecutor(1), resume=True)
    assert (done.graded, done.kept, done.lost) == (["bob"], ["ada", "cy", "dan"], {})
    assert {result["points"] for result in results.all()} == {3.0}


def test_an_interruption_keeps_what_is_done(tmp_path: Path) -> None:
    done, results = graded_class(tmp_path, Odd(KeyboardInterrupt()))
    assert not done.complete
    kept = [result["learner"] for result in results.all()]
    assert kept == done.graded
    done, results = graded_class(tmp_path, ThreadPoolExecutor(1), resume=True)
    assert done.complete
    assert done.kept == kept
    assert len(list(results.all())) == 4


def deadly(submission: Submission, settings: Settings) -> Result:
    if submission.learner == "bob":
        os._exit(9)
    return graded(submission, settings)


def test_a_submission_that_kills_its_process_gets_nothing_and_the_others_their_marks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "graded", deadly)
    done, results = graded_class(tmp_path, ProcessPoolExecutor(2))
    found = {result["learner"]: result for result in results.all()}
    assert {name: result["points"] for name, result in found.items()} == {"ada": 3.0, "bob": 0.0, "cy": 3.0, "dan": 3.0}
    assert "died" in found["bob"]["problems"][0]
    assert found["bob"]["key"] == ""
    assert done.lost == {}


def test_grading_twice_gives_the_same_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small_class(tmp_path / "class", ("ada", "bob"))
    arguments = ["grade", str(tmp_path / "class"), "-o", str(tmp_path / "out"), "--jobs", "1"]
    assert main(arguments) == 0
    first = marks(tmp_path / "out")
    files = {name: (tmp_path / "out" / name).read_bytes() for name in ("grades.csv", "class.html")}
    assert main(arguments) == 0
    assert marks(tmp_path / "out") == first
    assert {name: (tmp_path / "out" / name).read_bytes() for name in files} == files
    capsys.readouterr()
    assert main([*arguments, "--resume"]) == 0
    assert "0 graded, 2 kept from before of 2" in capsys.readouterr().out
    assert main([*arguments, "--only", "bob"]) == 0
    assert "1 graded, 0 kept from before of 1" in capsys.readouterr().out
    assert set(marks(tmp_path / "out")) == {"ada", "bob"}
    assert main([*arguments, "--only", "eve"]) == 2
    assert "nobody of that name" in capsys.readouterr().err


def test_without_a_sandbox_grading_warns_or_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from mmsim.course import sandbox

    weakest = sandbox.levels()[-1]
    monkeypatch.setattr(sandbox, "best", lambda: weakest)
    small_class(tmp_path / "class", ("ada",))
    arguments = ["grade", str(tmp_path / "class"), "-o", str(tmp_path / "out"), "--jobs", "1"]
    assert main([*arguments, "--require-sandbox"]) == 2
    assert "no sandbox here" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert main(arguments) == 0
    assert "WARNING" in capsys.readouterr().err
    assert marks(tmp_path / "out")["ada"]["sandbox"] == "rlimits"


@linux
def test_a_killed_run_leaves_nothing_running_and_a_resume_gives_the_same_marks(tmp_path: Path) -> None:
    hand_in(_folder(tmp_path / "class"), 9, chapters=["02"], ways={"solved": 2, "untouched": 1, "raises": 1})
    whole, cut = with_seed(tmp_path / "whole", "seed"), with_seed(tmp_path / "cut", "seed")
    process = grading(tmp_path / "class", whole, "--jobs", "2")
    process.communicate()
    assert kill_in_the_middle(tmp_path / "class", cut, 3, "--jobs", "2") < 9
    process = grading(tmp_path / "class", cut, "--jobs", "2", "--resume")
    said, _ = process.communicate()
    assert " 0 kept" not in said
    assert marks(cut) == marks(whole)
    assert (cut / "grades.csv").read_bytes() == (whole / "grades.csv").read_bytes()


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def test_a_dask_cluster_grades(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    cluster = distributed.LocalCluster(1, threads_per_worker=1, processes=False, dashboard_address=None)
    with cluster, distributed.Client(cluster) as client:
        done, results = graded_class(tmp_path, client.get_executor())
    assert (sorted(done.graded), done.lost) == (["ada", "bob", "cy", "dan"], {})
    assert {result["points"] for result in results.all()} == {3.0}


def test_sizes_and_counts_are_bounded(tmp_path: Path) -> None:
    small_class(tmp_path, ("ada",))
    for n in range(5):
        (tmp_path / "ada" / f"0{n}-y.ipynb").write_text(notebook("x" * 2000))
    limits = Limits(notebook=1000, notebooks=3)
    read = find(tmp_path, limits)[0][0].read()
    assert "larger than" in read.problems[0]
    assert read.problems[-1] == "6 files, of which the first 3 were read"
    assert find(tmp_path, Limits(total=4000))[0][0].read().problems[0].endswith("in all, which is not read")


def test_grading_needs_no_main_thread() -> None:
    found: list[Result] = []
    thread = threading.Thread(target=lambda: found.append(graded(handed_in(RIGHT), SETTINGS)))
    thread.start()
    thread.join()
    assert found[0]["points"] == 3


def test_the_notebooks_of_this_course_are_what_is_graded() -> None:
    assert sorted(path.name[:2] for path in (ROOT / "solutions").glob("*.ipynb")) == list(chapters())


def test_publishing_makes_a_page_for_everybody(tmp_path: Path) -> None:
    results = Results(tmp_path / "out")
    results.save(a_result("ada"))
    results.save(a_result("Bob"))
    publish(results, ["a stray file"])
    assert sorted(path.stem for path in (tmp_path / "out" / "feedback").iterdir()) == sorted([file_name("Bob"), "ada"])
    page = (tmp_path / "out" / "class.html").read_text(encoding="utf-8")
    assert "a stray file" in page
    assert f"feedback/{file_name('Bob')}.html" in page
