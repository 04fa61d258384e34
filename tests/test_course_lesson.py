"""Asking, predicting, comparing, answering: what the learner reads, and that both forms of a card agree."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

import mmsim.course
from mmsim.course.card import EDGE, Card, Choices, Para, Table
from mmsim.course.errors import BadAnswer, CourseError, NoSuchValue, UnknownQuestion
from mmsim.course.lesson import Lesson
from mmsim.course.questions import Bank
from mmsim.course.state import State
from tests.course_material import question, sheet, write_bank


@pytest.fixture
def lesson(tmp_path: Path) -> Lesson:
    return Lesson(write_bank(tmp_path / "questions"), State(tmp_path / "state"))


def test_ask_shows_the_choices_and_how_to_answer(lesson: Lesson) -> None:
    assert repr(lesson.ask("02.p1")) == (
        "Question 02.p1\nHow many?\n  A  choice A\n  B  choice B\n  C  choice C\n  D  choice D\n"
        'Put your letter in place of the question mark in `predict("02.p1", "?", sure=1)`.'
    )
    assert '`answer("02.q1", "?")`' in repr(lesson.ask("02.q1"))


def test_predict_open_stores_nothing_and_says_how(lesson: Lesson) -> None:
    assert repr(lesson.predict("02.p1")) == (
        '02.p1: not predicted yet: put a letter (A to D) in place of "?", sure from 1 (a guess) to 3 (certain), '
        "and run the cell."
    )
    assert lesson.state.all() == {}


def test_predict_notes_the_letter(lesson: Lesson) -> None:
    assert repr(lesson.predict("02.p1", " b ", sure=2)) == "02.p1: noted: B (sure 2 of 3)"
    assert repr(lesson.predict("02.p1", "?", sure=1)) == "02.p1: noted earlier: B (sure 2 of 3)"


def test_compare_shows_prediction_and_result_side_by_side(lesson: Lesson) -> None:
    lesson.predict("02.p1", "B", sure=3)

    assert repr(lesson.compare("02.p1", 1)) == (
        "02.p1: prediction and result\n"
        "                 choice  meaning\n"
        "  you predicted  B       choice B (sure 3 of 3)\n"
        "  the run gave   A       choice A\n"
        "The run decided otherwise. You were sure, so this is one to remember.\n"
        "B: why B\n"
        'The idea behind it is often: "A pivot is where the next range begins." (M1)\n'
        "A: why A"
    )


def test_compare_with_a_right_prediction_says_why(lesson: Lesson) -> None:
    lesson.predict("02.p1", "A")

    assert repr(lesson.compare("02.p1", 1)).endswith("\nAs you predicted. why A")


def test_a_wrong_prediction_of_an_unsure_learner_and_without_a_known_belief(lesson: Lesson) -> None:
    lesson.predict("02.p1", "C", sure=1)

    assert repr(lesson.compare("02.p1", 1)).endswith("\nThe run decided otherwise.\nC: why C\nA: why A")


def test_a_missing_prediction_is_reminded_once(lesson: Lesson) -> None:
    first, second = repr(lesson.compare("02.p1", 4)), repr(lesson.compare("02.p1", 4))

    assert "  you predicted  -       nothing yet" in first
    assert "No prediction is stored yet. A wrong one costs nothing" in first
    assert "No prediction is stored" not in second
    assert first.endswith("D: why D")
    assert second.endswith("D: why D")


def test_a_prediction_whose_choice_is_gone_counts_as_missing(lesson: Lesson) -> None:
    lesson.state.put("prediction", "02.p1", choice="F", sure=1)

    assert "nothing yet" in repr(lesson.compare("02.p1", 1))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (7, "compare 02.p1: no choice has the value 7; it has A = 1, B = 2, C = 3, D = 4"),
        (True, "compare 02.p1: no choice has the value True; it has A = 1, B = 2, C = 3, D = 4"),
        ("1", "compare 02.p1: no choice has the value '1'; it has A = 1, B = 2, C = 3, D = 4"),
        (1.0, "compare 02.p1: got a float, expected an int, str, bool or a list of these"),
        (None, "compare 02.p1: got a NoneType, expected an int, str, bool or a list of these"),
        ([1, None], "compare 02.p1: got a list, expected an int, str, bool or a list of these"),
    ],
)
def test_a_value_without_a_choice_is_an_error(lesson: Lesson, value: object, expected: str) -> None:
    with pytest.raises(NoSuchValue) as caught:
        lesson.compare("02.p1", value)
    assert str(caught.value) == expected


def test_a_tuple_is_compared_as_a_list(tmp_path: Path) -> None:
    lists = question("02.p1").replace("value = 1", "value = [1, true]").replace("value = 2", "value = [1, 1]")
    lesson = Lesson(write_bank(tmp_path / "questions", n02=sheet("02", lists)), State(tmp_path))

    assert "the run gave   A" in repr(lesson.compare("02.p1", (1, True)))
    assert "the run gave   B" in repr(lesson.compare("02.p1", [1, 1]))


def test_answers_get_the_feedback_of_their_own_choice(lesson: Lesson) -> None:
    assert repr(lesson.answer("02.q1")) == '02.q1: put your letter (A to D) in place of "?", then run the cell.'
    assert lesson.state.all() == {}
    assert repr(lesson.answer("02.q1", "C")) == "02.q1: C is right.\nwhy C"
    assert repr(lesson.answer("02.q1", "b")) == (
        '02.q1: B is not it.\nB: why B\nThe idea behind it is often: "A pivot is where the next range begins." (M1)\n'
        "Choose again and run the cell once more."
    )
    stored = lesson.state.get("answer", "02.q1")
    assert stored is not None
    assert (stored["choice"], stored["right"]) == ("B", False)


def test_an_open_answer_reads_the_same_after_an_earlier_one(lesson: Lesson) -> None:
    before = repr(lesson.answer("02.q1"))
    lesson.answer("02.q1", "C")

    assert repr(lesson.answer("02.q1")) == before


def test_a_warm_up_shows_its_questions(lesson: Lesson) -> None:
    shown = repr(lesson.warmup("01.q1", "01.q2"))

    assert shown.startswith("Warm-up\nFrom earlier notebooks.")
    assert shown.index("Question 01.q1") < shown.index("Question 01.q2")


def test_an_open_checkpoint_stores_nothing(lesson: Lesson) -> None:
    for shown in (repr(lesson.checkpoint("02")), repr(lesson.checkpoint("02", "?", "?", "?"))):
        assert shown.startswith("Checkpoint 02: 0 of 3 answered\nQuestion 02.q1\n")
        assert shown.endswith('question marks:\n    checkpoint("02", "?", "?", "?")')
    assert lesson.state.all() == {}


def test_a_checkpoint_half_done_keeps_what_was_answered(lesson: Lesson) -> None:
    lesson.checkpoint("02", "C", "?", "?")

    shown = repr(lesson.checkpoint("02", "?", "?", "A"))
    assert shown.startswith("Checkpoint 02: 2 of 3 answered\n02.q1: C is right.\nwhy C\nQuestion 02.q2")
    assert lesson.state.get("checkpoint", "02") is None


def test_a_checkpoint_says_the_score_and_what_to_repeat(lesson: Lesson) -> None:
    assert repr(lesson.checkpoint("02", "C", "A", "B")).splitlines() == [
        "Checkpoint 02: 1 of 3, saved",
        "02.q1: C is right.",
        "why C",
        "02.q2: A is not it.",
        "A: why A",
        "02.q3: B is not it.",
        "B: why B",
        'The idea behind it is often: "A pivot is where the next range begins." (M1)',
        "Read again, then answer once more: See, Explain.",
    ]
    assert repr(lesson.checkpoint("02", "C", "C", "C")).endswith("\nNothing to repeat.")
    assert repr(lesson.checkpoint("02", "C", "C", "A")).startswith("Checkpoint 02: 2 of 3 (your best so far: 3), saved")


def test_progress_of_an_untouched_course(lesson: Lesson) -> None:
    assert repr(lesson.progress()) == (
        "Your course: 0 of 2 notebooks done, 100 minutes to go\n"
        "  nb  minutes  checkpoint  state  title\n"
        "  01  50       -           next   Why 01?\n"
        "  02  50       -           later  Why 02?"
    )


def test_progress_names_the_first_open_notebook_as_next(lesson: Lesson) -> None:
    lesson.checkpoint("02", "C", "C", "A")

    shown = lesson.progress()
    assert "  01  50       -           next   Why 01?\n  02  50       2 of 3      done   Why 02?" in repr(shown)
    assert '<a href="01-name.ipynb">Why 01?</a>' in shown.html()


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda one: one.predict("02.p1", "E"), "predict 02.p1: got 'E', expected A to D or \"?\""),
        (lambda one: one.predict("02.p1", ""), "predict 02.p1: got '', expected A to D or \"?\""),
        (lambda one: one.predict("02.p1", "AB"), "predict 02.p1: got 'AB', expected A to D or \"?\""),
        (lambda one: one.predict("02.p1", 2), 'predict 02.p1: got 2, expected A to D or "?"'),
        (
            lambda one: one.predict("02.p1", "A", sure=4),
            "predict 02.p1: got sure=4, expected 1 (a guess), 2 or 3 (certain)",
        ),
        (
            lambda one: one.predict("02.p1", "?", sure=True),
            "predict 02.p1: got sure=True, expected 1 (a guess), 2 or 3 (certain)",
        ),
        (lambda one: one.predict("02.q1", "A"), "predict 02.q1: this is a quiz question; expected answer()"),
        (lambda one: one.compare("02.q1", 1), "compare 02.q1: this is a quiz question; expected answer()"),
        (
            lambda one: one.answer("02.p1", "A"),
            "answer 02.p1: this is a predict question; expected predict() and compare()",
        ),
        (
            lambda one: one.warmup("02.p1"),
            "warmup 02.p1: this is a predict question; expected predict() and compare()",
        ),
        (lambda one: one.warmup(), "warmup: no question; expected quiz ids like '01.q2'"),
        (lambda one: one.answer("02.q1", "Z"), "answer 02.q1: got 'Z', expected A to D or \"?\""),
        (lambda one: one.checkpoint("02", "C"), "checkpoint 02: got 1 letters, expected 3"),
        (lambda one: one.checkpoint("02", "C", "C", "9"), "checkpoint 02.q3: got '9', expected A to D or \"?\""),
    ],
)
def test_wrong_use_is_one_clear_line_and_stores_nothing(lesson: Lesson, call: object, expected: str) -> None:
    with pytest.raises(BadAnswer) as caught:
        call(lesson)
    assert str(caught.value) == expected
    assert lesson.state.all() == {}


def test_a_notebook_without_checkpoint_questions_says_so(tmp_path: Path) -> None:
    lesson = Lesson(write_bank(tmp_path / "questions", n02=sheet("02")), State(tmp_path))

    with pytest.raises(BadAnswer, match="checkpoint 02: this notebook has no checkpoint questions yet"):
        lesson.checkpoint("02")


def test_an_unknown_question_is_named(lesson: Lesson) -> None:
    with pytest.raises(UnknownQuestion, match=r"no question '02.p9'; notebook 02 has: 02.p1"):
        lesson.ask("02.p9")


def test_a_question_of_three_choices(tmp_path: Path) -> None:
    three = question("02.p1").split("[question.choices.D]")[0]
    lesson = Lesson(write_bank(tmp_path / "questions", n02=sheet("02", three)), State(tmp_path))

    with pytest.raises(BadAnswer, match="expected A to C"):
        lesson.predict("02.p1", "D")


def test_the_traceback_in_a_notebook_is_the_one_line() -> None:
    assert BadAnswer("predict 02.p1: x")._render_traceback_() == ["BadAnswer: predict 02.p1: x"]


class _Checker(HTMLParser):
    """Collects what matters of a card's HTML and fails on elements that are not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict]] = []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.open.append(tag)
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def parsed(card: Card) -> _Checker:
    checker = _Checker()
    checker.feed(card.html())
    checker.close()
    assert checker.open == []
    return checker


def test_html_has_a_label_a_real_list_and_table_headers(lesson: Lesson) -> None:
    asked, compared = parsed(lesson.ask("02.p1")), parsed(lesson.compare("02.p1", 1))

    assert asked.seen[0][1]["role"] == "group"
    assert asked.seen[0][1]["aria-label"] == "Question 02.p1"
    assert ("ol", {"type": "A", "style": "list-style-type:upper-alpha"}) in asked.seen
    assert [tag for tag, _ in asked.seen].count("li") == 4
    heads = [attrs["scope"] for tag, attrs in compared.seen if tag == "th"]
    assert heads == ["col", "col", "row", "row"]
    assert "caption" in [tag for tag, _ in compared.seen]


def test_texts_are_escaped() -> None:
    card = Card("<label>", (Para("a < b `x & y`"), Choices((("A", "<i>"),)), Table("c", ("", "h"), (("r", "<td>"),))))

    html = card.html()
    assert "<i>" not in html
    assert "<label>" not in html
    assert "<code>x &amp; y</code>" in html
    assert "&lt;td&gt;" in html


def test_paragraphs_and_listings() -> None:
    card = Card("x", (Para("one\nline\n\n    a  b\n    c\n\nlast"),))

    assert repr(card) == "x\none line\n    a  b\n    c\nlast"
    assert '<p>one line</p><pre style="margin:0 0 1em 2em">a  b\nc</pre><p>last</p>' in card.html()


def test_cards_leave_text_colours_to_the_theme_and_the_edge_is_visible_in_both(lesson: Lesson) -> None:
    cards = [lesson.ask("02.p1"), lesson.compare("02.p1", 1), lesson.progress(), lesson.checkpoint("02")]
    styles = [attrs["style"] for card in cards for _, attrs in parsed(card).seen if "style" in attrs]

    assert styles
    assert all(re.findall(r"(?<![\w-])(?:color|background)", style) == [] for style in styles)
    # JupyterLab's page colours, light and dark; 3:1 is asked of marks that are no text.
    assert all(contrast(EDGE, page) >= 3 for page in ("#ffffff", "#111111", "#212121"))


def contrast(one: str, two: str) -> float:
    """The contrast ratio of WCAG 2."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        red, green, blue = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    high, low = sorted((luminance(one), luminance(two)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_a_kernel_shows_what_plain_python_prints() -> None:
    from IPython.core.formatters import DisplayFormatter

    card = mmsim.course.ask("00.q1")
    data, metadata = DisplayFormatter().format(card)

    assert data == {"text/plain": repr(card), "text/html": card.html()}
    assert metadata == {}


def test_the_functions_use_the_state_folder_of_the_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMSIM_STATE", str(tmp_path / "one"))
    mmsim.course.predict("00.p1", "A", sure=2)
    monkeypatch.setenv("MMSIM_STATE", str(tmp_path / "two"))

    assert "not predicted yet" in repr(mmsim.course.predict("00.p1"))
    monkeypatch.setenv("MMSIM_STATE", str(tmp_path / "one"))
    assert "noted earlier: A" in repr(mmsim.course.predict("00.p1"))


def test_every_shipped_question_can_be_asked_and_answered() -> None:
    for number in Bank().numbers:
        for one in Bank().sheet(number).questions:
            parsed(mmsim.course.ask(one.id))
            for letter in one.letters:
                use = mmsim.course.predict if one.kind == "predict" else mmsim.course.answer
                assert f" {letter} " in repr(use(one.id, letter))


def test_the_first_notebooks_prediction_is_decided_by_the_tree() -> None:
    from mmsim import MapleTree

    tree = MapleTree()
    for first, last in [(10, 19), (20, 29), (40, 49), (60, 69)]:
        tree.store_range(first, last, "x")

    assert "the run gave   B" in repr(mmsim.course.compare("00.p1", len(tree.root.pivots)))


def test_errors_are_course_errors() -> None:
    assert all(issubclass(kind, CourseError) for kind in (BadAnswer, NoSuchValue, UnknownQuestion))


def test_importing_the_course_needs_the_standard_library_only() -> None:
    code = "import sys, mmsim.course; print(sorted({m.split('.')[0] for m in sys.modules} & set(sys.argv[1:])))"
    names = ["nbformat", "nbclient", "IPython", "ipywidgets", "matplotlib", "graphviz", "jupyter_client"]

    done = subprocess.run([sys.executable, "-c", code, *names], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
