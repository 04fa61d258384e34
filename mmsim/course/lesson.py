"""Asking, predicting, comparing, answering: what the notebooks call.

Every function returns a Card (see card.py), so that a kernel and plain Python show the same text.
"?" stands for "not yet": it stores nothing and says in one line what to do.
"""

from dataclasses import dataclass, field

from .card import Block, Card, Choices, Para, Table
from .errors import BadAnswer, NoSuchValue
from .questions import Bank, Choice, Plain, Question, Sheet, same_value
from .state import Record, State

OPEN = "?"
_DONE, _NEXT, _LATER = "done", "next", "later"


@dataclass
class Lesson:
    """The questions of a bank asked of the learner whose state this is."""

    bank: Bank
    state: State
    reminded: set[str] = field(default_factory=set)

    def ask(self, key: str) -> Card:
        """The question with its choices and how to answer it."""
        return _question_card(self.bank.question(key))

    def warmup(self, *keys: str) -> Card:
        """Quiz questions of earlier notebooks, to be answered from memory with `answer`."""
        if not keys:
            raise BadAnswer("warmup: no question; expected quiz ids like '01.q2'")
        questions = [self._asked("warmup", key, "quiz") for key in keys]
        blocks: list[Block] = [Para("From earlier notebooks. Answer from memory, without looking back.")]
        for question in questions:
            blocks += _question_blocks(question)
        return Card("Warm-up", tuple(blocks))

    def predict(self, key: str, choice: str = OPEN, sure: int = 1) -> Card:
        """Store a prediction and how sure it is, 1 to 3; wrong ones are never marked down."""
        question = self._asked("predict", key, "predict")
        letter = _letter("predict", question, choice)
        _check_sure(key, sure)
        if letter == OPEN:
            return Card(_open_prediction(question, self._prediction(question)), ())
        self.state.put("prediction", key, choice=letter, sure=sure)
        return Card(f"{key}: noted: {letter} (sure {sure} of 3)", ())

    def compare(self, key: str, value: object) -> Card:
        """The prediction beside the computed value; NoSuchValue if no choice has that value."""
        question = self._asked("compare", key, "predict")
        right = _choice_of_value(question, value)
        made = self._prediction(question)
        rows = (("you predicted", *_prediction_cells(question, made)), ("the run gave", *_cells(right)))
        table = Table(f"{key}: your prediction and the result", ("", "choice", "meaning"), rows)
        return Card(f"{key}: prediction and result", (table, *self._verdict(question, right, made)))

    def answer(self, key: str, choice: str = OPEN) -> Card:
        """Store an answer to a quiz question and say what its choice means."""
        question = self._asked("answer", key, "quiz")
        letter = _letter("answer", question, choice)
        if letter == OPEN:
            return Card(f'{key}: put your letter ({_spell(question)}) in place of "?", then run the cell.', ())
        self._store_answer(question, letter)
        label, blocks = self._judged(question, letter)
        again = () if letter == question.answer else (Para("Choose again and run the cell once more."),)
        return Card(label, (*blocks, *again))

    def checkpoint(self, number: str, *letters: str) -> Card:
        """The notebook's three questions; once all are answered: score, what to repeat, saved."""
        sheet = self.bank.sheet(number)
        questions = _checkpoint_questions(self.bank, sheet)
        if letters and len(letters) != len(questions):
            raise BadAnswer(f"checkpoint {number}: got {len(letters)} letters, expected {len(questions)}")
        given = [_letter("checkpoint", q, one) for q, one in zip(questions, letters, strict=False)]
        for question, letter in zip(questions, given, strict=False):
            if letter != OPEN:
                self._store_answer(question, letter)
        return self._checkpoint_card(number, questions)

    def progress(self, way: str = "") -> Card:
        """The course map: what is done, what is next, the minutes and the checkpoint scores.

        `way` leads from the reader's folder to that of the notebooks, "" or with a slash at its end.
        """
        sheets = [self.bank.sheet(number) for number in self.bank.numbers]
        stored = self.state.all()
        scores = {s.notebook: stored.get(("checkpoint", s.notebook)) for s in sheets}
        waiting = [number for number, score in scores.items() if score is None]
        rows = tuple(_map_row(sheet, scores[sheet.notebook], waiting[:1]) for sheet in sheets)
        done = len(sheets) - len(waiting)
        left = sum(sheet.minutes for sheet in sheets if sheet.notebook in waiting)
        head = ("nb", "minutes", "checkpoint", "state", "title")
        links = tuple((sheet.title, way + sheet.file) for sheet in sheets)
        caption = f"{done} of {len(sheets)} notebooks done, {left} minutes to go"
        return Card(f"Your course: {caption}", (Table("Notebook by notebook", head, rows, links),))

    def _asked(self, caller: str, key: str, kind: str) -> Question:
        question = self.bank.question(key)
        if question.kind != kind:
            use = "predict() and compare()" if question.kind == "predict" else "answer()"
            raise BadAnswer(f"{caller} {key}: this is a {question.kind} question; expected {use}")
        return question

    def _prediction(self, question: Question) -> Record | None:
        """The stored prediction, if its letter is still one of the question's."""
        made = self.state.get("prediction", question.id)
        return made if made and str(made["choice"]) in question.letters else None

    def _verdict(self, question: Question, right: Choice, made: Record | None) -> list[Block]:
        if made is None:
            return [*self._reminder(question), Para(f"{right.letter}: {right.feedback}")]
        mine = question.choice(str(made["choice"]))
        if mine is right:
            return [Para(f"As you predicted. {right.feedback}")]
        sure = " You were sure, so this is one to remember." if made["sure"] == 3 else ""
        return [
            Para(f"The run decided otherwise.{sure}"),
            *self._explained(mine),
            Para(f"{right.letter}: {right.feedback}"),
        ]

    def _reminder(self, question: Question) -> list[Block]:
        """Said once a question and session: a reminder repeated is one skipped."""
        if question.id in self.reminded:
            return []
        self.reminded.add(question.id)
        return [
            Para(
                "No prediction is stored yet. A wrong one costs nothing and teaches most: put a letter "
                "into the predict cell above, run it, then run this cell again."
            )
        ]

    def _explained(self, choice: Choice) -> list[Block]:
        blocks: list[Block] = [Para(f"{choice.letter}: {choice.feedback}")]
        if choice.misconception:
            belief = self.bank.beliefs[choice.misconception]
            blocks.append(Para(f'The idea behind it is often: "{belief}" ({choice.misconception})'))
        return blocks

    def _store_answer(self, question: Question, letter: str) -> None:
        self.state.put("answer", question.id, choice=letter, right=letter == question.answer)

    def _judged(self, question: Question, letter: str) -> tuple[str, tuple[Block, ...]]:
        choice = question.choice(letter)
        if letter == question.answer:
            return f"{question.id}: {letter} is right.", (Para(choice.feedback),)
        return f"{question.id}: {letter} is not it.", tuple(self._explained(choice))

    def _checkpoint_card(self, number: str, questions: list[Question]) -> Card:
        stored = self.state.all()
        answers = [(q, str(stored.get(("answer", q.id), {}).get("choice", OPEN))) for q in questions]
        answers = [(q, letter if letter in q.letters else OPEN) for q, letter in answers]
        blocks: list[Block] = []
        for question, letter in answers:
            blocks += self._checkpoint_blocks(question, letter)
        missing = sum(letter == OPEN for _, letter in answers)
        if missing:
            call = ", ".join([f'"{number}"', *(f'"{letter}"' for _, letter in answers)])
            how = Para(f"Answer with your letters in place of the question marks:\n\n    checkpoint({call})")
            return Card(f"Checkpoint {number}: {len(answers) - missing} of 3 answered", (*blocks, how))
        return Card(*self._scored(number, answers, blocks))

    def _checkpoint_blocks(self, question: Question, letter: str) -> list[Block]:
        if letter == OPEN:
            return _question_blocks(question, how=False)
        label, blocks = self._judged(question, letter)
        return [Para(label, strong=True), *blocks]

    def _scored(
        self, number: str, answers: list[tuple[Question, str]], blocks: list[Block]
    ) -> tuple[str, tuple[Block, ...]]:
        wrong = [question for question, letter in answers if letter != question.answer]
        score = len(answers) - len(wrong)
        kept = self.state.put("checkpoint", number, score=score, of=len(answers))
        best = f" (your best so far: {kept['score']})" if kept["score"] != score else ""
        sections = ", ".join(dict.fromkeys(question.section for question in wrong))
        repeat = f"Read again, then answer once more: {sections}." if wrong else "Nothing to repeat."
        return f"Checkpoint {number}: {score} of {len(answers)}{best}, saved", (*blocks, Para(repeat))


def _question_card(question: Question) -> Card:
    blocks = _question_blocks(question)
    return Card(f"Question {question.id}", tuple(blocks[1:]))


def _question_blocks(question: Question, how: bool = True) -> list[Block]:
    call = {
        "predict": f'`predict("{question.id}", "?", sure=1)`',
        "quiz": f'`answer("{question.id}", "?")`',
    }[question.kind]
    listed = Choices(tuple((choice.letter, choice.text) for choice in question.choices))
    blocks: list[Block] = [Para(f"Question {question.id}", strong=True), Para(question.text), listed]
    hint = Para(f"Put your letter in place of the question mark in {call}.")
    return [*blocks, hint] if how else blocks


def _letter(caller: str, question: Question, given: object) -> str:
    """The letter in capitals, or "?"; BadAnswer for anything else."""
    letter = given.strip().upper() if isinstance(given, str) else ""
    if len(letter) != 1 or letter not in question.letters + OPEN:
        expected = f'{_spell(question)} or "?"'
        raise BadAnswer(f"{caller} {question.id}: got {given!r}, expected {expected}")
    return letter


def _spell(question: Question) -> str:
    return f"{question.letters[0]} to {question.letters[-1]}"


def _check_sure(key: str, sure: object) -> None:
    if type(sure) is not int or not 1 <= sure <= 3:
        raise BadAnswer(f"predict {key}: got sure={sure!r}, expected 1 (a guess), 2 or 3 (certain)")


def _open_prediction(question: Question, made: Record | None) -> str:
    if made:
        return f"{question.id}: noted earlier: {made['choice']} (sure {made['sure']} of 3)"
    return (
        f'{question.id}: not predicted yet: put a letter ({_spell(question)}) in place of "?", '
        "sure from 1 (a guess) to 3 (certain), and run the cell."
    )


def _plain(value: object) -> Plain | None:
    """The value as question files can hold it, None if they cannot."""
    if isinstance(value, bool):
        return value
    for kind in (int, str):
        if isinstance(value, kind):
            return kind(value)
    if isinstance(value, list | tuple):
        parts = [_plain(part) for part in value]
        return None if None in parts else [part for part in parts if part is not None]
    return None


def _choice_of_value(question: Question, value: object) -> Choice:
    plain = _plain(value)
    if plain is None:
        kind = type(value).__name__
        raise NoSuchValue(f"compare {question.id}: got a {kind}, expected an int, str, bool or a list of these")
    for choice in question.choices:
        if same_value(choice.value, plain):
            return choice
    known = ", ".join(f"{choice.letter} = {choice.value!r}" for choice in question.choices)
    raise NoSuchValue(f"compare {question.id}: no choice has the value {plain!r}; it has {known}")


def _cells(choice: Choice) -> tuple[str, str]:
    return choice.letter, " ".join(choice.text.split())


def _prediction_cells(question: Question, made: Record | None) -> tuple[str, str]:
    if made is None:
        return "-", "nothing yet"
    letter, text = _cells(question.choice(str(made["choice"])))
    return letter, f"{text} (sure {made['sure']} of 3)"


def _checkpoint_questions(bank: Bank, sheet: Sheet) -> list[Question]:
    if not sheet.checkpoint:
        raise BadAnswer(f"checkpoint {sheet.notebook}: this notebook has no checkpoint questions yet")
    return [bank.question(key) for key in sheet.checkpoint]


def _map_row(sheet: Sheet, score: Record | None, following: list[str]) -> tuple[str, ...]:
    state = _DONE if score else _NEXT if sheet.notebook in following else _LATER
    points = f"{score['score']} of {score['of']}" if score else "-"
    return sheet.notebook, str(sheet.minutes), points, state, sheet.title
