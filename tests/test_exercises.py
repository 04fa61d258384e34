"""Exercises: solutions earn all, stubs nothing, marks stay in their bounds, feedback says what is wrong."""

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mmsim import course
from mmsim.course.__main__ import main
from mmsim.course.errors import UnknownExercise
from mmsim.course.exercises import build, chapter, chapters, exercise, leaf
from mmsim.course.exercises.ask import reply
from mmsim.course.exercises.desk import Desk
from mmsim.course.exercises.model import (
    HIDDEN,
    KINDS,
    PUBLIC,
    Answer,
    Case,
    Exercise,
    Mark,
    Order,
    Verdict,
    faults,
    grade,
)
from mmsim.course.exercises.plain import NotPlain, plain, same
from mmsim.course.exercises.source import UnreadableNotebook, code_cells, literal, program
from mmsim.course.exercises.watch import Watcher, answers, asked
from mmsim.course.questions import Bank
from mmsim.course.state import State
from mmsim.view import row_pair

ROOT = Path(__file__).resolve().parent.parent
ALL = [one for number in chapters() for one in chapter(number)]
SEED = "a secret of the grader"


def each_exercise() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("one", ALL, ids=[one.id for one in ALL])


def cells_of(folder: str, one: Exercise) -> list[str]:
    (path,) = (ROOT / folder).glob(f"{one.chapter}-*.ipynb")
    return code_cells(path.read_text())


def mark_of(one: Exercise, cells: list[str]) -> Mark:
    cases = one.cases(SEED)
    found, _ = asked(one, cases, cells)
    return grade(one, cases, found)


# -- the sets


# That solutions earn all and stubs nothing is asked of the real grader, in tests/test_grade.py.


@each_exercise()
def test_nothing_that_an_exercise_says_of_itself_is_missing(one: Exercise) -> None:
    assert list(faults(one, Bank().beliefs)) == []
    assert len({case.key for case in one.cases(SEED)}) == len(one.cases(SEED))
    assert all(plain(case.args) == case.args for case in one.cases(SEED))


@each_exercise()
def test_public_cases_come_first_and_hidden_ones_need_a_seed(one: Exercise) -> None:
    public, both = one.cases(), one.cases(SEED)
    assert public
    assert both[: len(public)] == public
    assert {case.category for case in public} == {PUBLIC}
    assert {case.category for case in both[len(public) :]} == {HIDDEN}


@pytest.mark.parametrize("one", [one for one in ALL if not one.literal], ids=lambda one: one.id)
def test_hidden_calls_differ_from_public_ones_and_from_seed_to_seed(one: Exercise) -> None:
    public = [case.args for case in one.cases()]
    hidden = [case.args for case in one.cases(SEED)][len(public) :]
    assert not [args for args in hidden if args in public]
    assert hidden != [case.args for case in one.cases("another")][len(public) :]
    assert hidden == [case.args for case in one.cases(SEED)][len(public) :]


@pytest.mark.parametrize("key", [one.id for one in ALL if one.task()])
def test_each_learner_has_an_instance_of_his_own(key: str) -> None:
    one = exercise(key)
    assert len({one.task(name) for name in ("", "ada", "bob", "eve")}) == 4
    assert one.task("ada") == one.task("ada")


def test_ids_and_names_are_used_once() -> None:
    assert len({one.id for one in ALL}) == len(ALL)
    for number in chapters():
        assert len({one.name for one in chapter(number)}) == len(chapter(number))
        assert all(one.chapter == number for one in chapter(number))
    assert {one.kind for one in ALL} <= set(KINDS)


def test_an_unknown_exercise_names_those_there_are() -> None:
    with pytest.raises(UnknownExercise, match=r"02\.e1, 02\.e2"):
        exercise("02.e99")
    with pytest.raises(UnknownExercise, match="one of: 02, 03"):
        exercise("77.e1")
    with pytest.raises(UnknownExercise, match="expected an id"):
        exercise(7)  # type: ignore[arg-type]


# -- building


def test_the_stubs_are_those_of_the_solutions() -> None:
    assert build.build(ROOT, check=True) == []


def test_a_stub_differs_from_its_solution_by_the_gaps_only() -> None:
    for path in sorted((ROOT / "solutions").glob("*.ipynb")):
        solution, stub = build.read(path), build.read(ROOT / "exercises" / path.name)
        assert len(solution["cells"]) == len(stub["cells"])
        for mine, theirs in zip(solution["cells"], stub["cells"], strict=True):
            if mine["source"] != theirs["source"]:
                head, _, rest = mine["source"].partition(build.BEGIN)
                tail = rest.rpartition(build.END)[2]
                assert mine["metadata"]["nbgrader"]["solution"]
                assert theirs["source"] == f"{head}{build.STUB}{tail}"
            assert {**mine, "source": ""} == {**theirs, "source": ""}


def a_course(folder: Path, change: Callable[[str], str] = str) -> Path:
    (folder / "solutions").mkdir()
    for path in (ROOT / "solutions").glob("*.ipynb"):
        (folder / "solutions" / path.name).write_text(change(path.read_text()))
    return folder


def test_build_writes_what_check_then_finds_fresh(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a_course(tmp_path)
    assert main(["build", "--check", "--root", str(tmp_path)]) == 1
    assert not (tmp_path / "exercises").exists()
    assert main(["build", "--root", str(tmp_path)]) == 0
    assert main(["build", "--check", "--root", str(tmp_path)]) == 0
    assert capsys.readouterr().out.endswith("exercises: up to date\n")
    (tmp_path / "exercises" / "99-stray.ipynb").write_text("{}")
    assert main(["build", "--check", "--root", str(tmp_path)]) == 1


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("### END SOLUTION", "### END", "without ### END"),
        ('"points": 2', '"points": 9', "metadata of the check cell"),
        ('"grade_id": "02-e2"', '"grade_id": "02-e1"', "two are the same"),
        ("(5 min, 2 points)", "(6 min, 2 points)", "headings say"),
        ("**Minutes**: 2", "**Minutes**: 9", "minutes in the head"),
        ('check(\\"02.e1\\")', "1", "expected check"),
        ("def slot_of(", "def slot_off(", "definition of `slot_of`"),
        ('"nbformat": 4', "", "cannot be read"),
    ],
)
def test_a_faulty_solution_is_named_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, said: str
) -> None:
    a_course(tmp_path, lambda text: text.replace(old, new))
    assert main(["build", "--root", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not (tmp_path / "exercises").exists()


# -- marks


class Toy(Exercise):
    """Two groups of two cases; the answer is the share."""

    id, name, kind, title, goal = "02.e9", "toy", "implement", "Toy", "Try the marks."
    points, minutes, difficulty, misconception = 4, 1, 1, "M1"
    hints = ("look at the toy", "think of the toy itself", "write down the toy now")

    def cases(self, seed: int | str | None = None, learner: str = "") -> list[Case]:
        return [Case(f"{group}{n}", HIDDEN, group, [n]) for group in "ab" for n in (1, 2)]

    def judge(self, case: Case, answer: object) -> Verdict:
        if answer == "raise":
            raise ZeroDivisionError
        return Verdict(answer)  # type: ignore[arg-type]


def toy_mark(*values: object) -> Mark:
    one = Toy()
    keys = [case.key for case in one.cases()]
    return grade(one, one.cases(), {key: Answer(value) for key, value in zip(keys, values, strict=False)})


@pytest.mark.parametrize(
    ("values", "points"),
    [
        ((0, 0, 0, 0), 0.0),
        ((1, 1, 1, 1), 4.0),
        ((1, 1, 0, 0), 2.0),
        ((1, 1, 1, 0), 2.0),  # a group is worth its worst case
        ((1, 1, 0.5, 1), 3.0),
        ((1, 1, 1), 2.0),  # a case without an answer
        ((), 0.0),
        ((1, 1, 2, 1), 2.0),  # over full
        ((1, 1, -1, 1), 2.0),
        ((1, 1, math.nan, 1), 2.0),
        ((1, 1, math.inf, 1), 2.0),
        ((1, 1, True, 1), 2.0),
        ((1, 1, "1", 1), 2.0),
        ((1, 1, "raise", 1), 2.0),
        ((None, None, None, None), 0.0),
        ((1, 1, 1, 0.99999999), 3.99),  # nearly right is not right
    ],
)
def test_golden_marks(values: tuple[object, ...], points: float) -> None:
    mark = toy_mark(*values)
    assert mark.points == points
    assert 0 <= mark.points <= mark.full
    assert mark.message


@pytest.mark.parametrize("share", [math.nan, math.inf, -0.1, 1.1, True, None, "1"])
def test_a_share_that_is_none_earns_nothing(share: object) -> None:
    mark = Mark.of(4, share, "said")
    assert mark.points == 0
    assert "fault of the course" in mark.message


def test_feedback_says_of_hidden_cases_nothing_but_the_group() -> None:
    one = exercise("02.e3")
    cases = one.cases(SEED)
    mark = grade(one, cases, {case.key: Answer(1) for case in cases})
    text = "\n".join([mark.message, *mark.detail])
    assert "at a pivot: " in text
    assert not [case for case in cases if case.category == HIDDEN and (case.key in text or str(case.args) in text)]


def test_a_constant_earns_nothing() -> None:
    for one in ALL:
        for value in (0, 1, True, "", "A", [], [[], []], {}, [0] * 9):
            cases = one.cases(SEED)
            mark = grade(one, cases, {case.key: Answer(plain(value)) for case in cases})
            assert mark.points == 0, (one.id, value, mark)


def test_bool_is_not_int() -> None:
    one = exercise("02.e3")
    (case,) = (case for case in one.cases() if case.args[1] == 9)
    assert one.judge(case, 0).right
    found = one.judge(case, False)
    assert not found.right
    assert found.shape
    assert not same([1], [True])


# -- what comes from the learner's process


class Liar:
    __class__ = int  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


class Sneaky(int):
    pass


@pytest.mark.parametrize(
    "value",
    [{1}, Liar(), Sneaky(1), math.nan, 1 << 5000, {1: 2}, b"x", object, [[Liar()]], "x" * 300_000],
    ids=["set", "liar", "subclass", "nan", "huge", "int key", "bytes", "class", "liar inside", "long"],
)
def test_what_is_no_plain_data_is_refused(value: object) -> None:
    with pytest.raises(NotPlain):
        plain(value)
    assert "problem" in reply(lambda: value, "f", [])


def test_a_list_that_holds_itself_is_refused() -> None:
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(NotPlain):
        plain(endless)


@pytest.mark.parametrize(
    "data", [None, {}, [], {"value": 1, "problem": "x"}, {"problem": 3}, {"share": 1}, {"value": {1}}]
)
def test_an_answer_of_another_form_is_a_problem(data: object) -> None:
    assert Answer.of(data).problem == "no readable answer"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def slot_of(p, i): return 1 / 0", "ZeroDivisionError"),
        ("def slot_of(p, i): raise SystemExit", "SystemExit"),
        ("import sys\nsys.exit(3)\ndef slot_of(p, i): return 0", "SystemExit: 3"),
        ("def slot_of(p, i):\n    while True: pass", "not ready after 2 s"),
        ("def slot_of(p, i):\n    import os\n    os._exit(0)", "no answer came"),
        ("def slot_of(p, i): return slot_of(p, i)", "RecursionError"),
        ("slot_of = 3", "no function any more"),
        ("other = 3", "there is no `slot_of`"),
        ("import mmsim\ndef slot_of(p, i): return 0", "ModuleNotFoundError"),
        ("def slot_of(p, i): return {i}", "gives a set"),
    ],
)
def test_code_that_fails_earns_nothing_and_the_reason_is_said(
    monkeypatch: pytest.MonkeyPatch, source: str, said: str
) -> None:
    one = exercise("02.e3")
    monkeypatch.setattr(type(one), "seconds", 2.0)
    cases = one.cases(SEED)
    mark = grade(one, cases, answers(one, cases, source))
    assert mark.points == 0
    assert said in "\n".join([mark.message, *mark.detail])


def test_what_is_printed_is_no_answer() -> None:
    one = exercise("02.e3")
    cases = one.cases(SEED)
    source = "def slot_of(p, i):\n    print('[]')\n    return sum(x < i for x in p)"
    assert grade(one, cases, answers(one, cases, source)).points == one.points


# -- names in cells


def test_of_several_definitions_the_last_counts_with_a_note() -> None:
    cells = ["def f(x): return 1", "y = f(2)", "def f(x): return 2"]
    found = program(cells, "f")
    assert found.source == "def f(x): return 2"
    assert found.notes == ("`f` is defined more than once: the last definition counts",)


def test_a_program_has_what_it_needs_and_nothing_else() -> None:
    cells = [
        "from math import floor as low\nimport os.path",
        "k = 3\nbig = low(9)",
        "@low\ndef g(): return k",
        "def f(): return g()",
    ]
    source = program(cells, "f").source
    assert "os.path" not in source
    assert "big" not in source
    assert source.splitlines() == [
        "from math import floor as low",
        "k = 3",
        "@low",
        "def g(): return k",
        "def f(): return g()",
    ]


def test_a_cell_that_is_not_python_is_left_out() -> None:
    found = program(["def f(:", "%time x = 1\n!ls\ndef f(): return 1"], "f")
    assert found.source == "def f(): return 1"
    assert found.notes == ("code cell 1 is not Python and was left out",)


def test_a_missing_name_is_said() -> None:
    assert program([], "f").notes == ("`f` is not defined anywhere",)
    one = exercise("02.e3")
    assert mark_of(one, []).message == "no answer: `slot_of` is not defined anywhere"


@pytest.mark.parametrize(
    ("cells", "value"),
    [
        (["a = None", "a = 'x'"], "x"),
        (["a = None\na = 'x'"], "x"),
        (["a = {'k': None}", "a['k'] = -1"], {"k": -1}),
        (["a: list = [1, (2,)]"], [1, [2]]),
        (["b = a = 1"], None),
        (["a, b = 1, 2"], None),
        (["a = [i for i in (1, 2)]"], None),
        (["a = 1", "a += 1"], None),
        (["a = b'x'"], None),
    ],
)
def test_a_value_is_read_and_never_run(cells: list[str], value: object) -> None:
    there, found, notes = literal(cells, "a")
    assert found == value
    assert there is (value is not None)
    assert there or notes


@pytest.mark.parametrize("text", ["", "[]", "{}", "3", '{"cells": 3}', '{"cells": [1]}', "[" * 100_000])
def test_what_is_no_notebook_is_one_error(text: str) -> None:
    with pytest.raises(UnreadableNotebook):
        code_cells(text)


# -- perform, with partial credit


def leaves(learner: str = "ada") -> list[str]:
    return [leaf.text(part[3]) for _, part in exercise("03.e3").parts(learner)]  # type: ignore[attr-defined]


def points_of(mine: object, learner: str = "ada") -> float:
    one = exercise("03.e3")
    cases = one.cases(SEED, learner)
    return grade(one, cases, {case.key: Answer(plain(mine)) for case in cases}).points


def test_perform_all_none_or_another_learners() -> None:
    assert points_of(leaves()) == 6
    assert points_of([None] * 6) == 0
    assert points_of(leaves("bob")) == 0
    assert points_of("nonsense") == 0


def test_perform_counts_up_to_the_first_error_and_from_the_right_state_on() -> None:
    mine: list[str | None] = list(leaves())
    mine[2] = "0-max NULL"
    assert points_of(mine) == 5
    assert points_of([*mine[:2], None, None, None, None]) == 2


def test_perform_counts_what_follows_from_an_own_slip() -> None:
    one = exercise("03.e3")
    parts = one.parts("ada")  # type: ignore[attr-defined]
    slip = [
        (first, last, "a" if entry == "u" else entry) for first, last, entry in parts[0][1][3]
    ]  # wrong entry stored
    mine, tree = [leaf.text(slip)], leaf.tree_of(slip)
    for _, (_, store, _, _) in parts[1:]:
        tree.store_range(*store)
        mine.append(leaf.text(leaf.slots_of(tree)))
    assert mine != leaves()
    assert points_of(mine) == 5


def test_perform_gives_nothing_for_another_tree_carried_on() -> None:
    tree, mine = leaf.tree_of([]), []
    for _, (_, store, _, _) in exercise("03.e3").parts("ada"):  # type: ignore[attr-defined]
        mine.append("0-max NULL")
        tree.store_range(*store)
        mine.append(leaf.text(leaf.slots_of(leaf.tree_of([tuple(store)]))))
    assert points_of(mine[:6]) == 0


def test_a_leaf_is_read_in_several_forms() -> None:
    assert leaf.parse("0-9: NULL\n  10: a\n11-ULONG_MAX: NULL") == leaf.parse("0 - 9 NULL|10 a| 11-max NULL")
    with pytest.raises(leaf.NotALeaf, match="is no slot"):
        leaf.parse("0..9 NULL")


def test_what_is_no_slot_at_all_is_refused_quickly() -> None:
    for text in ("9" * 5000 + " a", "0-9", "0-9 a | " * 3 + "x"):
        with pytest.raises(leaf.NotALeaf, match="is no slot"):
            leaf.parse(text)


# -- the picture of a difference


def test_a_wrong_leaf_is_shown_as_a_picture_with_its_text_beside_it(desk: Desk) -> None:
    card = desk.check("03.e3", {"my_leaves": ["0-9 NULL | 10-max a", *[None] * 5]})
    html = card.html()
    assert html.count("<svg") == 1
    assert "<title" in html
    assert "only in the lower row: 10-max a" in html
    assert "* 10-29 a " in html
    assert "<svg" not in repr(card)
    assert "* 10-29 a " in repr(card)


@pytest.mark.parametrize(
    "mine", [["0-9 NULL | 5-max a"], ["5-2 a"], [" | ".join(["1 a"] * 500)], ["9" * 20 + " a"], ["nonsense"], [3], 3]
)
def test_what_cannot_be_drawn_has_no_picture_and_keeps_its_words(desk: Desk, mine: object) -> None:
    card = desk.check("03.e3", {"my_leaves": mine})
    assert "<svg" not in card.html()
    assert "expected" in repr(card)


def test_a_picture_that_fails_costs_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(exercise("03.e4")), "picture", lambda *_: 1 / 0)
    card = desk.check("03.e4", {"store": lambda *_: [[2**64 - 1], ["x"]]})
    assert "passed: 0 of 6" in repr(card)
    assert "<svg" not in card.html()


def test_equal_rows_and_marked_ones_have_a_text_form() -> None:
    same_rows = row_pair([(0, 9, "a")], [(0, 9, "a")], "leaf")
    assert "The rows are equal." in same_rows.svg()
    other = row_pair([(0, 9, None), (10, 2**64 - 1, "<b>")], [(0, 2**64 - 1, "a" * 99)], "leaf")
    assert "&lt;b&gt;" in other.svg()
    assert other.text.splitlines()[1:] == ["expected  !0-9 NULL | !10-max <b>", f"got       x0-max {'a' * 15}…"]


# -- order


@pytest.mark.parametrize(
    ("letters", "points"), [("BFACGE", 2), ("BFACEG", 1.67), ("BFA", 1.5), ("BF", 0.33), ("E", 0), ("BFACGED", 1.83)]
)
def test_an_order_earns_its_longest_right_prefix(letters: str, points: float) -> None:
    one = exercise("02.e2")
    cases = one.cases(SEED)
    assert grade(one, cases, {case.key: Answer(letters) for case in cases}).points == points


# -- store in a leaf: what is wrong is said


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (3, "two lists"),
        ([[1, 2], ["a"]], "two lists"),
        ([[9, True], [None, "a"]], "two lists"),
        ([[9, 19], [None, "x"]], "has to end at max"),
        ([[9, 9, 2**64 - 1], [None, "x", None]], "no range"),
        ([[9, 19, 2**64 - 1], [None, None, "b"]], "check() says: "),
        ([[9, 19, 2**64 - 1], [None, "x", "b"]], "sound, but not the one"),
    ],
)
def test_a_wrong_leaf_is_told_by_its_rules_first(answer: object, said: str) -> None:
    one = exercise("03.e4")
    found = one.judge(one.cases()[1], answer)
    assert not found.right
    assert said in found.message


# -- in a notebook


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(State(tmp_path))


def test_check_before_anything_was_tried(desk: Desk) -> None:
    text = repr(desk.check("02.e3", {"slot_of": lambda pivots, index: None}))
    assert text.startswith("02.e3: not tried yet\n")
    assert 'hint("02.e3")' in text
    assert "there is no `slot_of`" in repr(desk.check("02.e3", {}))


def test_check_shows_the_first_failing_case(desk: Desk) -> None:
    text = repr(desk.check("02.e3", {"slot_of": lambda pivots, index: sum(p <= index for p in pivots)}))
    assert text.startswith("02.e3: public checks passed: 3 of 5\n")
    assert "slot_of([9, 19, 29, 18446744073709551615], 9)" in text
    assert "One slot too far" in text
    assert "all passed" not in text


def test_check_names_a_wrong_shape_before_a_wrong_value(desk: Desk) -> None:
    def slot_of(pivots: list[int], index: int) -> object:
        return "1" if index > 20 else 99

    text = repr(desk.check("02.e3", {"slot_of": slot_of}))
    assert "expected a whole number, got a text" in text


def test_check_cannot_be_fooled_by_changed_arguments(desk: Desk) -> None:
    def slot_of(pivots: list[int], index: int) -> int:
        found = sum(p < index for p in pivots)
        pivots.clear()
        return found

    assert "passed: 5 of 5" in repr(desk.check("02.e3", {"slot_of": slot_of}))


def test_check_says_that_marks_use_more(desk: Desk) -> None:
    for one in ALL:
        names: dict[str, object] = {}
        cells = cells_of("solutions", one)
        if one.literal:
            names[one.name] = literal(cells, one.name)[1]
        else:
            exec(program(cells, one.name).source, names)
        of = len(one.cases())
        card = desk.check(one.id, names)
        assert repr(card) == f"{one.id}: public checks passed: {of} of {of}; more cases are used for marks"
        assert card.points == one.points
    assert "folder" not in "".join(block.text() for block in desk.map())
    assert "All exercises pass" in desk.map()[-1].text()


def test_check_reads_the_learners_name(desk: Desk) -> None:
    names = {"learner": "ada", "my_leaves": leaves("ada")}
    assert "passed: 3 of 3" in repr(desk.check("03.e3", names))
    assert "passed: 0 of 3" in repr(desk.check("03.e3", {**names, "learner": "bob"}))
    assert "'ada'" in repr(desk.task("03.e3", names))


def test_hints_come_one_by_one_and_are_remembered(desk: Desk) -> None:
    hints = exercise("02.e3").hints
    for number in (1, 2, 3, 3):
        text = " ".join(repr(desk.hint("02.e3")).split())
        assert text.startswith(f"02.e3: hint {number} of 3")
        assert [hint in text for hint in hints] == [n < number for n in range(3)]
    record = desk.state.get("hint", "02.e3")
    assert record is not None
    assert record["shown"] == 3


def test_the_better_of_two_checks_is_kept(desk: Desk) -> None:
    desk.check("02.e2", {"my_steps": "BFACGE"})
    desk.check("02.e2", {"my_steps": "B"})
    record = desk.state.get("exercise", "02.e2")
    assert record is not None
    assert record["passed"] == 1


def test_progress_shows_done_and_next(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MMSIM_STATE", str(tmp_path))
    assert "the first is 02.e1" in repr(course.progress())
    Desk(State(tmp_path)).check("02.e1", {"my_walk": exercise("02.e1").answers()})  # type: ignore[attr-defined]
    text = repr(course.progress())
    assert "1 of 4" in text
    assert "Next exercise: 02.e2" in text


def test_progress_links_to_the_notebooks_from_the_folder_of_exercises(monkeypatch: pytest.MonkeyPatch) -> None:
    for folder, link in (("exercises", "../notebooks/02-"), ("notebooks", '"02-')):
        monkeypatch.chdir(ROOT / folder)
        assert link in course.progress().html()


def test_under_nbgrader_a_check_is_its_points(monkeypatch: pytest.MonkeyPatch, desk: Desk) -> None:
    card = desk.check("03.e3", {"my_leaves": [*leaves("")[:1], "0-max NULL", None, None, None, None]})
    assert "passed: 1 of 3" in repr(card)
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    assert repr(card) == "2.0"


def test_code_that_uses_the_library_is_told_of_it(desk: Desk) -> None:
    def slot_of(pivots: list[int], index: int) -> object:
        return exercise("02.e3").expected(pivots, index)  # type: ignore[attr-defined]

    assert "For marks it runs without that library" in repr(desk.check("02.e3", {"slot_of": slot_of}))
    assert "without that library" not in repr(desk.check("02.e3", {"slot_of": lambda pivots, index: 3}))


def test_a_driver_of_the_library_gets_the_learners_object() -> None:
    driver = "mmsim.course.exercises.plain:told"
    assert reply([1], "xs", [80], driver) == {"value": "[1]"}
    assert "problem" in reply([1], "xs", [], "mmsim.course.exercises.plain:nothing")


def test_what_is_missing_in_an_exercise_is_named() -> None:
    class Bad(Toy):
        id, name, kind, points, misconception = "e9", "no name", "guess", 0, "M999"
        hints = ("look here", "look here", "")  # type: ignore[assignment]
        driver = "somewhere:else"

    found = "\n".join(faults(Bad(), {"M1"}))
    for word in ("id:", "name:", "kind:", "points:", "misconception:", "driver:", "three, of four words", "the same"):
        assert word in found
    assert list(faults(Toy(), {"M1"})) == []


def test_an_endless_text_is_cut(desk: Desk) -> None:
    text = repr(desk.check("02.e3", {"slot_of": lambda p, i: "x" * 100_000}))
    assert len(text) < 2000


# -- watching


def test_watch_looks_again_only_when_the_file_was_saved(tmp_path: Path) -> None:
    path = tmp_path / "02-mine.ipynb"
    cells = cells_of("exercises", exercise("02.e1"))

    def save(*sources: str) -> None:
        book = {"cells": [{"cell_type": "code", "source": source} for source in [*cells, *sources]]}
        path.write_text(json.dumps(book))

    save()
    watcher = Watcher(path)
    assert [line.split("  ")[-1] for line in watcher.once()] == ["not tried yet"] * 4
    assert watcher.once() == []
    save("def slot_of(pivots, index):\n    return 1")
    os.utime(path, ns=(1, 1))
    found = watcher.once()
    assert "public checks passed: 1 of 5" in found[2]
    path.write_text("{")
    assert "cannot be read" in watcher.once()[0]
    path.unlink()
    assert watcher.once() == []


def test_watch_and_build_are_commands() -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "mmsim", "course", *words], cwd=ROOT, capture_output=True, text=True, check=False
        )

    assert run("build", "--check").returncode == 0
    assert run("watch", "nowhere.ipynb").returncode == 2
    assert "02.e1" in run("watch", "--once", "exercises/02-reading-a-maple-tree.ipynb").stdout


# -- orders


@pytest.mark.parametrize("one", [one for one in ALL if isinstance(one, Order)], ids=lambda one: one.id)
def test_a_letter_that_does_not_fit_hears_its_reason_once(one: Order) -> None:
    whole = one.cases(SEED)[-1]
    for letter in sorted(set(one.lines) - {letter for letter, before in one.after.items() if not before}):
        message = one.judge(whole, letter).message
        assert message.count("cannot come first") == 1
        assert letter not in one.why or message.count(one.why[letter]) == 1
    first = next(letter for letter, before in one.after.items() if not before)
    assert one.judge(whole, first * 2).message.endswith("cannot come here: once is enough")


# -- giving out


def test_exercises_are_given_out_with_names_and_work_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "names.txt").write_text("Bob O'Neil\n\nada\n", encoding="utf-8")
    command = ["give", "ada", "--names", str(tmp_path / "names.txt"), "-o", str(tmp_path / "class"), "--chapter", "02"]
    assert main(command) == 0
    assert "2 notebooks for 2 learners" in capsys.readouterr().out
    for name in ("ada", "Bob O'Neil"):
        (path,) = (tmp_path / "class" / name).iterdir()
        assert literal(code_cells(path.read_text(encoding="utf-8")), "learner")[:2] == (True, name)
    path.write_text("work of hours", encoding="utf-8")
    assert main(command) == 0
    assert "0 notebooks for 2 learners, 2 were there" in capsys.readouterr().out
    assert path.read_text(encoding="utf-8") == "work of hours"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["../ada"], "no name for a folder"),
        ([".hidden"], "no name for a folder"),
        ([], "nobody to give to"),
        (["ada", "--chapter", "01"], "no exercises for chapter '01'"),
        (["--names", "nowhere.txt"], "cannot be read"),
    ],
)
def test_what_cannot_be_given_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], said: str
) -> None:
    assert main(["give", "-o", str(tmp_path / "class"), *more]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "class").exists()
