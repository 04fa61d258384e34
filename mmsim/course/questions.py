"""The questions of the course: data files, one a notebook, read and validated here.

A file `questions/NN.toml` has `notebook`, `file`, `title`, `minutes`, `checkpoint` (three quiz ids)
and `[[question]]` tables. A `predict` question's choices have a `value` each, and the right one is
decided by what a run computes; a `quiz` question names its `answer`.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from .errors import QuestionFileError, UnknownQuestion

QUESTIONS = Path(__file__).parent / "questions"
MISCONCEPTIONS = Path(__file__).parent / "misconceptions.toml"
KINDS = ("predict", "quiz")
LETTERS = "ABCD"

Plain = int | str | bool | list["Plain"]
Fields = Mapping[str, tuple[type | tuple[type, ...], bool]]

SHEET_FIELDS: Fields = {
    "notebook": (str, True),
    "file": (str, True),
    "title": (str, True),
    "minutes": (int, True),
    "checkpoint": (list, False),
    "question": (list, False),
}
QUESTION_FIELDS: Fields = {
    "id": (str, True),
    "kind": (str, True),
    "goal": (int, True),
    "section": (str, True),
    "text": (str, True),
    "choices": (dict, True),
    "answer": (str, False),
}
CHOICE_FIELDS: Fields = {
    "text": (str, True),
    "feedback": (str, True),
    "value": ((int, str, bool, list), False),
    "misconception": (str, False),
}


@dataclass(frozen=True)
class Choice:
    """One choice: what it says, what is said to who takes it, and the belief it may come from."""

    letter: str
    text: str
    feedback: str
    value: Plain | None = None
    misconception: str | None = None


@dataclass(frozen=True)
class Question:
    """One question; `answer` is the right letter of a quiz question, None for a prediction."""

    id: str
    kind: str
    goal: int
    section: str
    text: str
    choices: tuple[Choice, ...]
    answer: str | None = None

    @property
    def letters(self) -> str:
        """The letters of the choices: `ABC` or `ABCD`."""
        return "".join(choice.letter for choice in self.choices)

    def choice(self, letter: str) -> Choice:
        """The choice of a letter that is known to exist."""
        return self.choices[self.letters.index(letter)]


@dataclass(frozen=True)
class Sheet:
    """The questions of one notebook, with what the course map says of it."""

    notebook: str
    file: str
    title: str
    minutes: int
    questions: tuple[Question, ...] = ()
    checkpoint: tuple[str, ...] = ()


class Bank:
    """All sheets of a folder, each read once, when first asked for."""

    def __init__(self, folder: Path = QUESTIONS, misconceptions: Path = MISCONCEPTIONS) -> None:
        self.folder = folder
        self.misconceptions = misconceptions
        self._sheets: dict[str, Sheet] = {}

    @cached_property
    def beliefs(self) -> dict[str, str]:
        """Misconception id -> the belief in one line; QuestionFileError for a faulty file."""
        beliefs, faults = read_beliefs(self.misconceptions)
        if faults:
            raise QuestionFileError(faults[0])
        return beliefs

    @cached_property
    def numbers(self) -> tuple[str, ...]:
        """The notebooks that have a sheet, in order."""
        return tuple(sorted(path.stem for path in self.folder.glob("[0-9][0-9].toml")))

    def sheet(self, number: str) -> Sheet:
        """The sheet of a notebook; UnknownQuestion, or QuestionFileError with the first fault."""
        if number not in self.numbers:
            known = ", ".join(self.numbers)
            raise UnknownQuestion(f"no notebook {number!r} has questions; expected one of: {known}")
        if number not in self._sheets:
            sheet, faults = read_sheet(self.folder / f"{number}.toml", self.beliefs)
            if sheet is None:
                raise QuestionFileError(faults[0])
            self._sheets[number] = sheet
        return self._sheets[number]

    def question(self, key: str) -> Question:
        """The question of an id; UnknownQuestion names the ids its notebook has."""
        if not isinstance(key, str) or not re.fullmatch(r"\d\d\.[a-z]\w*", key):
            raise UnknownQuestion(f"{key!r} is not a question id; expected one like '02.p1'")
        sheet = self.sheet(key[:2])
        for question in sheet.questions:
            if question.id == key:
                return question
        known = ", ".join(question.id for question in sheet.questions) or "none yet"
        raise UnknownQuestion(f"no question {key!r}; notebook {sheet.notebook} has: {known}")


def read_beliefs(path: Path) -> tuple[dict[str, str], list[str]]:
    """Misconception ids with their beliefs, and the faults of the file, one line each."""
    data, faults = _parse(path)
    beliefs = {}
    for key, entry in data.items():
        problems = list(_wrong_fields(entry, {"belief": (str, True), "broken_by": (str, True)}))
        if not re.fullmatch(r"M\d+", key):
            problems.append("the id is not like M1")
        faults += [f"{path.name}: {key}: {problem}" for problem in problems]
        if not problems:
            beliefs[key] = entry["belief"]
    return beliefs, faults


def read_sheet(path: Path, beliefs: Mapping[str, str]) -> tuple[Sheet | None, list[str]]:
    """A question file's sheet, None if it has faults, and the faults, one line with file and id each."""
    data, faults = _parse(path)
    if not faults:
        faults = [f"{path.name}: {fault}" for fault in _sheet_faults(path.stem, data, beliefs)]
    if faults:
        return None, faults
    questions = tuple(_question(entry) for entry in data.pop("question", []))
    checkpoint = tuple(data.pop("checkpoint", ()))
    return Sheet(**data, questions=questions, checkpoint=checkpoint), []


def _parse(path: Path) -> tuple[dict, list[str]]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8")), []
    except OSError as error:
        return {}, [f"{path.name}: cannot be read: {error.strerror}"]
    except ValueError as error:
        return {}, [f"{path.name}: is not TOML: {error}"]


def _question(entry: dict) -> Question:
    choices = tuple(Choice(letter, **entry["choices"][letter]) for letter in sorted(entry["choices"]))
    return Question(**{**entry, "choices": choices})


def _sheet_faults(stem: str, data: dict, beliefs: Mapping[str, str]) -> Iterator[str]:
    faults = list(_wrong_fields(data, SHEET_FIELDS))
    yield from faults
    if faults:
        return
    if data["notebook"] != stem:
        yield f"notebook = {data['notebook']!r}, expected {stem!r} as in the file's name"
    if not re.fullmatch(rf"{stem}-[a-z0-9-]+\.ipynb", data["file"]):
        yield f"file = {data['file']!r}, expected '{stem}-name.ipynb'"
    seen: set[str] = set()
    for position, entry in enumerate(data.get("question", []), 1):
        named = isinstance(entry, dict) and "id" in entry
        key = str(entry["id"]) if named else f"question {position}"
        yield from (f"{key}: {fault}" for fault in _question_faults(stem, entry, beliefs))
        if key in seen:
            yield f"{key}: this id is used twice"
        seen.add(key)
    yield from _checkpoint_faults(data)


def _checkpoint_faults(data: dict) -> Iterator[str]:
    if "checkpoint" not in data:
        return
    chosen = data["checkpoint"]
    tables = [entry for entry in data.get("question", []) if isinstance(entry, dict)]
    quiz = [entry.get("id") for entry in tables if entry.get("kind") == "quiz"]
    if len(chosen) != 3 or len(set(map(str, chosen))) != 3:
        yield "checkpoint: expected three different quiz ids"
    for key in chosen:
        if key not in quiz:
            yield f"checkpoint: {key!r} is no quiz question of this file"


def _question_faults(stem: str, entry: object, beliefs: Mapping[str, str]) -> Iterator[str]:
    faults = list(_wrong_fields(entry, QUESTION_FIELDS))
    yield from faults
    if faults or not isinstance(entry, dict):
        return
    if entry["kind"] not in KINDS:
        yield f"kind = {entry['kind']!r}, expected 'predict' or 'quiz'"
        return
    mark = entry["kind"][0]
    if not re.fullmatch(rf"{stem}\.{mark}\d+", entry["id"]):
        yield f"a {entry['kind']} id of this file, expected one like '{stem}.{mark}1'"
    if not 1 <= entry["goal"] <= 4:
        yield f"goal = {entry['goal']}, expected 1 to 4"
    yield from _choices_faults(entry, beliefs)


def _choices_faults(entry: dict, beliefs: Mapping[str, str]) -> Iterator[str]:
    choices = entry["choices"]
    wanted = LETTERS[: max(3, len(choices))]
    yield from (f"choice {letter}: missing" for letter in wanted if letter not in choices)
    for letter, choice in choices.items():
        if letter not in LETTERS:
            yield f"choice {letter}: expected letters A to D"
        for fault in _wrong_fields(choice, CHOICE_FIELDS):
            yield f"choice {letter}: {fault}"
        belief = choice.get("misconception") if isinstance(choice, dict) else None
        if belief is not None and belief not in beliefs:
            yield f"choice {letter}: no misconception {belief!r} in misconceptions.toml"
    rule = _quiz_faults if entry["kind"] == "quiz" else _predict_faults
    yield from rule(entry, {k: v for k, v in choices.items() if isinstance(v, dict)})


def _quiz_faults(entry: dict, choices: dict[str, dict]) -> Iterator[str]:
    if entry.get("answer") not in choices:
        yield f"answer = {entry.get('answer')!r}, expected the letter of one of its choices"
    for letter, choice in choices.items():
        if "value" in choice:
            yield f"choice {letter}: value is only for predict questions"


def _predict_faults(entry: dict, choices: dict[str, dict]) -> Iterator[str]:
    if "answer" in entry:
        yield "answer is only for quiz questions; here the run decides"
    seen: list[object] = []
    for letter, choice in choices.items():
        if "value" not in choice:
            yield f"choice {letter}: value: missing"
            continue
        if any(same_value(choice["value"], other) for other in seen):
            yield f"choice {letter}: value = {choice['value']!r} is used twice"
        seen.append(choice["value"])


def same_value(one: object, two: object) -> bool:
    """Equal in kind too.

    >>> same_value([1, 2], [1, 2]), same_value(True, 1)
    (True, False)
    """
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(map(same_value, one, two))
    return type(one) is type(two) and one == two


def _wrong_fields(entry: object, fields: Fields) -> Iterator[str]:
    """What is wrong with the names and types of a table's fields."""
    if not isinstance(entry, dict):
        yield f"expected a table, got {type(entry).__name__}"
        return
    yield from (f"unknown field {name!r}" for name in entry if name not in fields)
    for name, (kinds, required) in fields.items():
        value = entry.get(name)
        if value is None:
            if required:
                yield f"{name}: missing"
        elif type(value) not in (kinds if isinstance(kinds, tuple) else (kinds,)):
            yield f"{name}: got {type(value).__name__}, expected {_kind_name(kinds)}"
        elif value in ("", {}):
            yield f"{name}: empty"


def _kind_name(kinds: type | tuple[type, ...]) -> str:
    return " or ".join(kind.__name__ for kind in (kinds if isinstance(kinds, tuple) else (kinds,)))
