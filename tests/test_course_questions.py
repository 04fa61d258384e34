"""Question files: those shipped are sound, and each fault is one line with the file and the id."""

from pathlib import Path

import pytest

from mmsim.course.errors import QuestionFileError, UnknownQuestion
from mmsim.course.questions import QUESTIONS, Bank, read_beliefs, read_sheet
from tests.course_material import BELIEFS, full_sheet, question, sheet, write_bank


def faults(tmp_path: Path, content: str, name: str = "02.toml") -> list[str]:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    found, lines = read_sheet(path, {"M1": "a belief"})
    assert (found is None) == bool(lines)
    return lines


def test_the_shipped_files_are_sound() -> None:
    bank = Bank()

    assert bank.numbers[:7] == ("00", "01", "02", "03", "04", "05", "06")
    assert [bank.sheet(number).notebook for number in bank.numbers] == list(bank.numbers)


def test_every_shipped_misconception_contradicts_something() -> None:
    assert {"M1", "M2", "M3", "M4", "M5"} <= set(Bank().beliefs)


def test_every_file_in_the_folder_is_a_question_file() -> None:
    assert sorted(path.name for path in QUESTIONS.iterdir()) == [f"{number}.toml" for number in Bank().numbers]


def test_a_question_is_read_with_its_choices(tmp_path: Path) -> None:
    found = write_bank(tmp_path / "questions").question("02.p1")

    assert (found.kind, found.letters, found.answer) == ("predict", "ABCD", None)
    assert [choice.value for choice in found.choices] == [1, 2, 3, 4]
    assert found.choice("B").misconception == "M1"


def test_a_full_sheet_has_no_fault(tmp_path: Path) -> None:
    assert faults(tmp_path, full_sheet("02")) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('text = "How', 'txt = "How', ["02.p1: unknown field 'txt'", "02.p1: text: missing"]),
        ('text = "How many?"', "text = 3", ["02.p1: text: got int, expected str"]),
        ('text = "How many?"', 'text = ""', ["02.p1: text: empty"]),
        ("goal = 1", "goal = true", ["02.p1: goal: got bool, expected int"]),
        ("goal = 1", "goal = 5", ["02.p1: goal = 5, expected 1 to 4"]),
        ('kind = "predict"', 'kind = "guess"', ["02.p1: kind = 'guess', expected 'predict' or 'quiz'"]),
        ('id = "02.p1"', 'id = "03.p1"', ["03.p1: a predict id of this file, expected one like '02.p1'"]),
        ('id = "02.p1"', 'id = "02.q7"', ["02.q7: a predict id of this file, expected one like '02.p1'"]),
        ("choices.C]", "choices.E]", ["02.p1: choice C: missing", "02.p1: choice E: expected letters A to D"]),
        ("value = 2\n", "", ["02.p1: choice B: value: missing"]),
        ("value = 2", "value = 1", ["02.p1: choice B: value = 1 is used twice"]),
        ("value = 2", "value = 2.5", ["02.p1: choice B: value: got float, expected int or str or bool or list"]),
        ('feedback = "why B"\n', "", ["02.p1: choice B: feedback: missing"]),
        ('"M1"', '"M9"', ["02.p1: choice B: no misconception 'M9' in misconceptions.toml"]),
        ("goal = 1", 'goal = 1\nanswer = "A"', ["02.p1: answer is only for quiz questions; here the run decides"]),
    ],
)
def test_a_faulty_prediction_is_named(tmp_path: Path, old: str, new: str, expected: list[str]) -> None:
    good = sheet("02", question("02.p1"))
    assert old in good

    assert faults(tmp_path, good.replace(old, new, 1)) == [f"02.toml: {line}" for line in expected]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('answer = "C"', 'answer = "E"', "02.q1: answer = 'E', expected the letter of one of its choices"),
        ('answer = "C"\n', "", "02.q1: answer = None, expected the letter of one of its choices"),
        ('text = "choice A"', 'text = "choice A"\nvalue = 1', "02.q1: choice A: value is only for predict questions"),
    ],
)
def test_a_faulty_quiz_question_is_named(tmp_path: Path, old: str, new: str, expected: str) -> None:
    good = sheet("02", question("02.q1"))
    assert old in good

    assert faults(tmp_path, good.replace(old, new, 1)) == [f"02.toml: {expected}"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            sheet("03"),
            [
                "notebook = '03', expected '02' as in the file's name",
                "file = '03-name.ipynb', expected '02-name.ipynb'",
            ],
        ),
        (sheet("02").replace("02-name.ipynb", "name.ipynb"), ["file = 'name.ipynb', expected '02-name.ipynb'"]),
        (sheet("02") + "hint = 1\n", ["unknown field 'hint'"]),
        (sheet("02", question("02.p1"), question("02.p1")), ["02.p1: this id is used twice"]),
        (sheet("02", checkpoint="[]"), ["checkpoint: expected three different quiz ids"]),
        (
            full_sheet("02").replace('"02.q3"]', '"02.p1"]'),
            ["checkpoint: '02.p1' is no quiz question of this file"],
        ),
        (sheet("02") + "question = [3]\n", ["question 1: expected a table, got int"]),
    ],
)
def test_a_faulty_file_is_named(tmp_path: Path, content: str, expected: list[str]) -> None:
    assert faults(tmp_path, content) == [f"02.toml: {line}" for line in expected]


def test_text_that_is_not_toml_is_one_line(tmp_path: Path) -> None:
    (line,) = faults(tmp_path, "notebook = ")

    assert line.startswith("02.toml: is not TOML: ")


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "02.toml").mkdir()

    assert read_sheet(tmp_path / "02.toml", {})[1] == ["02.toml: cannot be read: Is a directory"]


def test_a_faulty_misconception_is_named(tmp_path: Path) -> None:
    path = tmp_path / "misconceptions.toml"
    path.write_text(BELIEFS + '[Mx]\nbelief = "b"\nbroken_by = "c"\n[M3]\nbelief = "b"\n')

    beliefs, lines = read_beliefs(path)

    assert list(beliefs) == ["M1"]
    assert lines == ["misconceptions.toml: Mx: the id is not like M1", "misconceptions.toml: M3: broken_by: missing"]


def test_asking_a_faulty_file_raises_its_first_fault(tmp_path: Path) -> None:
    bank = write_bank(tmp_path / "questions", n02=sheet("02", question("02.p1").replace("value = 2", "value = 1")))

    with pytest.raises(QuestionFileError, match=r"^02.toml: 02.p1: choice B: value = 1 is used twice$"):
        bank.question("02.p1")


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("02.p9", "no question '02.p9'; notebook 02 has: 02.p1, 02.q1, 02.q2, 02.q3"),
        ("07.p1", "no notebook '07' has questions; expected one of: 01, 02"),
        ("p1", "'p1' is not a question id; expected one like '02.p1'"),
        (3, "3 is not a question id; expected one like '02.p1'"),
    ],
)
def test_an_unknown_id_is_one_clear_line(tmp_path: Path, key: str, expected: str) -> None:
    bank = write_bank(tmp_path / "questions")

    with pytest.raises(UnknownQuestion) as caught:
        bank.question(key)
    assert str(caught.value) == expected
