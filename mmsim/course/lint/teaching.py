"""Rules on what a notebook asks: question ids, predictions and their results, goals, the course map."""

import ast
from collections.abc import Iterator

from ..errors import CourseError
from ..frontmatter import parse
from ..questions import Question, Sheet
from .book import Book, Cell
from .rules import Found, rule

KIND_OF = {"predict": "predict", "compare": "predict", "answer": "quiz", "warmup": "quiz"}


@rule("question")
def question_ids(book: Book) -> Found:
    """Every id exists, has the right kind, and belongs here (or, in a warm-up, to an earlier notebook)."""
    for cell, function, key in _uses(book):
        question, fault = _look_up(book, key)
        if question is None:
            yield cell, fault
        elif question.kind != KIND_OF.get(function, question.kind):
            yield cell, f"{function}({key!r}) with a {question.kind} question, expected a {KIND_OF[function]} question"
        elif "warmup" in cell.tags or function == "warmup":
            if not key[:2] < book.number:
                yield cell, f"{key!r} in the warm-up, expected a question of an earlier notebook"
        elif key[:2] != book.number:
            yield cell, f"{key!r} of another notebook, expected a question of {book.number}"
    for cell in book.code:
        for call in cell.calls("checkpoint"):
            if _literal(call.args[:1]) != [book.number]:
                yield cell, f"checkpoint of another notebook, expected checkpoint({book.number!r}, ...)"


@rule("untouched")
def untouched(book: Book) -> Found:
    """The stored notebook is the learner's start: every letter is still "?"."""
    for cell in book.code:
        for call in cell.calls("predict", "answer", "checkpoint"):
            if set(_literal(call.args[1:])) - {"?"}:
                yield cell, f"{_name(call)} holds an answer, expected '?'"


@rule("prediction")
def predictions(book: Book) -> Found:
    """A prediction is asked for first, then made, then compared with the run; a warm-up is answered."""
    seen: dict[str, dict[str, Cell]] = {}
    for cell, function, key in _uses(book):
        first = seen.setdefault(key, {})
        first.setdefault(function, cell)
        if function == "predict" and "ask" not in first:
            yield cell, f"predict({key!r}) without ask before it, expected the question first"
        if function == "compare" and "predict" not in first:
            yield cell, f"compare({key!r}) without predict before it, expected a prediction first"
    for key, first in seen.items():
        if "predict" in first and "compare" not in first:
            yield first["predict"], f"predict({key!r}) is never compared, expected compare after the run"
        if "warmup" in first and "answer" not in first:
            yield first["warmup"], f"warmup({key!r}) is never answered, expected answer after it"


@rule("goal")
def goals(book: Book) -> Found:
    """The questions' goals and sections exist, and the checkpoint covers the goals."""
    sheet, _ = _sheet(book)
    if sheet is None or not book.cells:
        return
    count = len(parse(book.cells[0].source).goals)
    names = {section.name for section in book.sections}
    for question in sheet.questions:
        if question.goal > count:
            yield None, f"{question.id} is for goal {question.goal}, expected 1 to {count}"
        if question.section not in names:
            yield None, f"{question.id} names the section {question.section!r}, expected one of this notebook's"
    covered = {question.goal for question in sheet.questions if question.id in sheet.checkpoint}
    if len(covered) < min(3, count):
        yield None, f"the checkpoint covers {len(covered)} goals, expected {min(3, count)}"


@rule("unused-question")
def unused_questions(book: Book) -> Found:
    """Every prediction of the question file is asked for."""
    sheet, _ = _sheet(book)
    used = {key for _, function, key in _uses(book) if function == "predict"}
    for question in sheet.questions if sheet else ():
        if question.kind == "predict" and question.id not in used:
            yield None, f"{question.id} is never asked, expected predict({question.id!r}, '?', sure=1)"


@rule("course-map")
def course_map(book: Book) -> Found:
    """Title, file and minutes in the question file are those of the notebook."""
    sheet, fault = _sheet(book)
    if sheet is None:
        yield None, fault
        return
    head = parse(book.cells[0].source if book.cells else "")
    pairs = (("file", sheet.file, book.path.name), ("title", sheet.title, head.title))
    for name, stated, real in (*pairs, ("minutes", sheet.minutes, head.minutes)):
        if stated != real:
            yield None, f"questions/{sheet.notebook}.toml says {name} = {stated!r}, expected {real!r}"


def _uses(book: Book) -> Iterator[tuple[Cell, str, str]]:
    """Every (cell, function, id) in the notebook, in order; an id that is computed counts as its source text."""
    for cell in book.code:
        for call in cell.calls("ask", *KIND_OF):
            arguments = call.args if _name(call) == "warmup" else call.args[:1]
            yield from ((cell, _name(call), str(key)) for key in _literal(arguments))


def _literal(arguments: list[ast.expr]) -> list[object]:
    return [arg.value if isinstance(arg, ast.Constant) else ast.unparse(arg) for arg in arguments]


def _name(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _look_up(book: Book, key: str) -> tuple[Question | None, str]:
    try:
        return book.bank.question(key), ""
    except CourseError as error:
        return None, str(error)


def _sheet(book: Book) -> tuple[Sheet | None, str]:
    try:
        return book.bank.sheet(book.number), ""
    except CourseError as error:
        return None, str(error)
