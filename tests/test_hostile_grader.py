"""What only a grader meets: notebooks, definitions, values and answers made to earn or show what they should not.

Each is a submission that is graded as any other; the honest exercise in it, if there is one, keeps its mark.
"""

from __future__ import annotations

import csv
import html.parser
import json
import os
import random
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar
from unittest import mock

import pytest

from mmsim.course.exercises import chapter, chapters, exercise
from mmsim.course.exercises.assertions import ALARMS, Assertions, Defect, Odd, planted
from mmsim.course.exercises.model import Answer, Exercise, grade
from mmsim.course.exercises.plain import Plain
from mmsim.course.exercises.source import MOST_CODE, literal, program
from mmsim.course.grade import marking, session
from mmsim.course.grade.book import write_book, write_table
from mmsim.course.grade.handed import Handed, Notebook, Submission, find
from mmsim.course.grade.marking import Result, Settings, graded
from mmsim.course.grade.page import class_page, learner_page
from mmsim.course.grade.results import Results
from mmsim.course.grade.session import executor, grade_class, publish
from mmsim.course.sandbox import RLIMITS, Call, Request, levels, run
from tests.hostile_corpus import WALK, notebook

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the levels of protection are Linux's")
USABLE = [level.name for level in levels() if level.usable] if sys.platform == "linux" else []
SETTINGS = Settings("a secret seed", RLIMITS)
SLOT_OF = "def slot_of(pivots, index):\n    return sum(pivot < index for pivot in pivots)\n"


def result_of(*texts: str, learner: str = "ada") -> Result:
    """The result of notebooks of chapter 02; what is always so is asserted."""
    notebooks = tuple(Notebook(f"02-{n}.ipynb", text) for n, text in enumerate(texts))
    began = time.process_time()
    result = graded(Submission(learner, notebooks, ()), SETTINGS)
    assert time.process_time() - began < 10
    shown(result)
    return result


def points(result: Result, key: str) -> float:
    return result["chapters"]["02"]["exercises"][key]["points"]


class _Page(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[tuple[str, tuple[str, ...]]] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add((tag, tuple(sorted(name for name, _ in attrs))))

    def handle_data(self, data: str) -> None:
        self.text += data


def elements(page: str) -> set[tuple[str, tuple[str, ...]]]:
    """The elements of a page, with the names of their attributes."""
    parser = _Page()
    parser.feed(page)
    parser.close()
    assert parser.text.count("mmsim") >= 0
    return parser.found


OURS = {
    ("html", ("lang",)), ("head", ()), ("meta", ("charset",)), ("meta", ("content", "http-equiv")),
    ("meta", ("content", "name")), ("title", ()), ("style", ()), ("body", ()), ("h1", ()), ("h2", ()), ("h3", ()),
    ("p", ()), ("strong", ()), ("ul", ()), ("li", ()), ("section", ("class",)), ("table", ()), ("caption", ()),
    ("tr", ()), ("th", ()), ("th", ("class",)), ("td", ()), ("td", ("class",)), ("code", ()), ("pre", ()),
    ("a", ("href",)), ("meter", ("value",)), ("div", ("class",)), ("br", ()),
}  # fmt: skip


def shown(result: Result) -> str:
    """All that is written of a result, as one text: pages of our own elements, JSON that is read back, clean lines."""
    pages = learner_page(result) + class_page([result])
    assert elements(pages) <= OURS
    assert not re.search(r"[^\n -~\u00a0-\U0010ffff]|[\u202a-\u202e\u2066-\u2069\ud800-\udfff]", pages)
    text = json.dumps(result, ensure_ascii=False, allow_nan=False)
    assert json.loads(text) == result
    assert text.isprintable()
    assert len(pages) < 500_000
    return pages + text


# -- notebooks

HONEST = notebook(SLOT_OF, WALK)
GOOD = json.loads(HONEST)


def _with(**more: object) -> str:
    return json.dumps(GOOD | more)


def _cells(*cells: object) -> str:
    return json.dumps({"cells": cells})


UNREADABLE = {
    "empty": "",
    "not JSON": "<html>",
    "cut": HONEST[:-30],
    "100,000 brackets": "[" * 100_000,
    "100,000 objects": '{"cells":' * 100_000,
    "a number of 5,000 digits": '{"cells": [], "x": ' + "9" * 5000 + "}",
    "no cells": "{}",
    "cells of a wrong type": _with(cells=3),
    "cells as a text": _with(cells="abc"),
    "cells as a dict": _with(cells={"source": 1}),
    "a cell that is no dict": _cells(1),
    "a cell without a type": _cells({"source": "x"}),
    "a source that is a number": _cells({"cell_type": "code", "source": 1}),
    "a source of numbers": _cells({"cell_type": "code", "source": [1, 2]}),
    "a source that is null": _cells({"cell_type": "code", "source": None}),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_a_notebook_that_is_none_is_said_and_the_others_count(kind: str) -> None:
    submission = Submission("ada", (Notebook("bad.ipynb", UNREADABLE[kind]), Notebook("02-x.ipynb", HONEST)), ())
    result = graded(submission, SETTINGS)
    shown(result)
    assert result["points"] == 8
    assert len(result["problems"]) == 1
    assert result["problems"][0].startswith("bad.ipynb: ")


def _edited() -> str:
    """Points, ids, marks and outputs as the learner would like them, the check cells gone."""
    nbgrader = {"points": 1000, "grade": True, "solution": False, "locked": False, "grade_id": "02.e1", "score": 1000}
    output = {"output_type": "execute_result", "data": {"text/plain": "1000", "text/html": "<script>x</script>"}}
    cells = [dict(cell, metadata={"nbgrader": nbgrader}, outputs=[output], id="x") for cell in GOOD["cells"]]
    return json.dumps({**GOOD, "cells": cells, "metadata": {"points": 1000, "celltoolbar": "<script>"}})


READABLE = {
    "edited metadata": _edited(),
    "another kernel": _with(metadata={"kernelspec": {"name": "ir", "language": "R"}}),
    "no format": json.dumps({"cells": GOOD["cells"]}),
    "NaN and infinity beside": '{"a": NaN, "b": [Infinity, 1e999], "cells":' + json.dumps(GOOD["cells"]) + "}",
    "cells twice": '{"cells": [], "cells":' + json.dumps(GOOD["cells"]) + "}",
    "a source of lines": _with(cells=[dict(cell, source=[*cell["source"]]) for cell in GOOD["cells"]]),
    "NUL in another cell": notebook("x = '\0'", SLOT_OF, WALK),
    "half a character in another cell": notebook("x = '\ud800'", SLOT_OF, WALK),
    "20,000 cells": notebook(*["x = 1"] * 10_000, SLOT_OF, *["y ="] * 10_000, WALK),
    "50,000 empty cells": notebook(*[""] * 25_000, SLOT_OF, *[""] * 25_000, WALK),
    "8 MB of text beside": _with(metadata={"x": "y" * (8 << 20)}),
    "8 MB of outputs": _with(cells=[dict(cell, outputs=[{"text": "z" * (4 << 20)}]) for cell in GOOD["cells"]]),
    "raw cells and markdown": _with(cells=[*GOOD["cells"], {"cell_type": "markdown", "source": "def slot_of(): 1"}]),
}


@pytest.mark.parametrize("kind", READABLE)
def test_a_strange_notebook_earns_what_its_code_earns(kind: str) -> None:
    assert result_of(READABLE[kind])["points"] == 8


def test_a_notebook_in_utf_16_or_with_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "ada").mkdir()
    (tmp_path / "ada" / "02-x.ipynb").write_text(HONEST, encoding="utf-8-sig")
    (tmp_path / "ada" / "03-x.ipynb").write_text(HONEST, encoding="utf-16")
    result = graded(find(tmp_path)[0][0].read(), SETTINGS)
    assert result["points"] == 8
    assert result["problems"] == ["ada/03-x.ipynb: not a notebook, expected text in UTF-8"]


SOURCES = {
    "90,000 minus": "x = " + "-" * 90_000 + "1",
    "45,000 plus": "x = " + "1+" * 45_000 + "1",
    "90,000 brackets": "x = " + "(" * 90_000,
    "brackets, closed": "x = " + "[" * 90 + "]" * 90,
    "attributes": "x = a" + ".b" * 45_000,
    "a huge f-string": "x = f'" + "{a}" * 30_000 + "'",
    "a huge number": "x = 0x" + "f" * 90_000,
    "a number of digits": "x = " + "9" * 90_000,
    "many lines": "x = 1\n" * 16_000,
    "many statements a line": "x=1;" * 24_000,
    "many uses of many definitions": "x = x, x\n" * 9_000,
    "too much code": "x = 1\n" * (MOST_CODE // 6 + 1),
    "lambdas": "x = " + "lambda: " * 10_000 + "1",
    "conditions": "x = " + "1 if 1 else " * 8_000 + "1",
    "spaces": "x = (\n" + " " * 90_000 + "x(",
    "magics": "!x\n" * 30_000,
    "blanks before a magic": "x = (\n" + " " * 90_000 + "= !",
    "a warning with an escape": "x = '\\\x1b[31m'\n",
    "decorators": "@a\n" * 30_000 + "def x(): 1",
    "targets": "x" + "[0]" * 900 + " = 1",
    "names": " = ".join(f"x{n}" for n in range(12_000)) + " = 1",
}


@pytest.mark.parametrize("kind", SOURCES)
def test_a_source_that_is_slow_or_deep(kind: str, capfd: pytest.CaptureFixture[str]) -> None:
    cells = [SLOT_OF, SOURCES[kind]]
    began = time.process_time()
    assert program(cells, "slot_of").source.strip() == SLOT_OF.strip()
    program(cells, "x")
    literal(cells, "x")
    assert time.process_time() - began < 10
    assert capfd.readouterr() == ("", "")


def test_much_code_costs_its_own_cell_only() -> None:
    result = result_of(notebook("x = 1\n" * MOST_CODE, SLOT_OF, WALK))
    assert result["points"] == 8
    assert "code cell 1 was left out" in shown(result)


# -- definitions

NOT_EARNED = {
    "a generator": "def slot_of(p, i):\n    yield sum(x < i for x in p)",
    "a coroutine": "async def slot_of(p, i):\n    return sum(x < i for x in p)",
    "a class": "class slot_of:\n    def __init__(self, p, i): self.x = sum(x < i for x in p)",
    "a class that compares": "class slot_of(int):\n    def __new__(cls, p, i): return int.__new__(cls, 1)\n"
    "    def __eq__(self, other): return True",
    "in a condition": "if True:\n    def slot_of(p, i):\n        return sum(x < i for x in p)",
    "in a loop": "for _ in [1]:\n    def slot_of(p, i):\n        return sum(x < i for x in p)",
    "by global": "def make():\n    global slot_of\n    slot_of = lambda p, i: sum(x < i for x in p)\nmake()",
    "by exec": "exec('def slot_of(p, i): return sum(x < i for x in p)')",
    "by a star import": "from solutions import *",
    "in another language": "%%javascript\n" + SLOT_OF,
    "in a text": f"x = {SLOT_OF!r}",
    "a value": "slot_of = [1, 2, 3]",
    "a value that is everything": "class Any:\n    def __eq__(self, other): return True\nslot_of = Any()",
    "a default that runs": "def slot_of(p, i, x=__import__('os')._exit(0)):\n    return sum(x < i for x in p)",
    "a default that never ends": "def wait():\n    while True: pass\ndef slot_of(p, i, x=wait()): return 1",
    "a decorator that runs": "@lambda f: lambda p, i: {}[0]\n" + SLOT_OF,
    "the grader's own names": "import mmsim.course.grade.marking\ndef slot_of(p, i):\n"
    "    return mmsim.course.grade.marking.exercise('02.e3').expected(p, i)",
    "the last one counts": SLOT_OF + "def slot_of(p, i):\n    return 0",
    "not Python": "def slot_of(p, i) {",
}


@pytest.mark.parametrize("kind", NOT_EARNED)
def test_a_definition_that_earns_nothing(kind: str) -> None:
    with mock.patch.object(type(exercise("02.e3")), "seconds", 1.0):
        result = result_of(notebook(NOT_EARNED[kind], WALK))
    assert (points(result, "02.e3"), points(result, "02.e4")) == (0, 5)
    assert result["chapters"]["02"]["exercises"]["02.e3"]["message"]


EARNED = {
    "a lambda": "slot_of = lambda p, i: sum(x < i for x in p)",
    "deleted afterwards": SLOT_OF + "del slot_of",
    "in another language afterwards": [SLOT_OF, "%%bash\ndef slot_of(): return 0"],
    "broken afterwards": [SLOT_OF, "def slot_of(p, i) {"],
    "a library that is patched elsewhere": [SLOT_OF, "import builtins\nbuiltins.sum = lambda _: 0"],
    "decorated": "def same(f): return f\n@same\n" + SLOT_OF,
    "a class that gives a number": "class slot_of:\n    def __new__(cls, p, i): return sum(x < i for x in p)",
    "a line begins with a percent sign": "def slot_of(p, i):\n    return (sum(x < i for x in p)\n        % 1000)",
    "with a line separator in a text": SLOT_OF + "x = 'a\u2028b'",
}


@pytest.mark.parametrize("kind", EARNED)
def test_a_definition_that_earns_its_points(kind: str) -> None:
    cells = EARNED[kind] if isinstance(EARNED[kind], list) else [EARNED[kind]]
    assert points(result_of(notebook(*cells)), "02.e3") == 3


# -- the learner's name in the notebook

WRITTEN = [
    "'bob'", "'x' * 10**9", "'" + "x" * 90_000 + "'", "7", "None", "b'ada'", "['ada']", "'\\ud800'", "'ada\\ud800'",
    "10**400 + 1j", "0x" + "f" * 400 + " + 1j", "'<script>alert(1)</script>'", "'\\x1b[2J'", "'\\u202e'", "x('os')",
    "{[]: 1}", "f'{1}'", "'a' 'da'", "-" * 300 + "1",
]  # fmt: skip


@pytest.mark.parametrize("text", WRITTEN)
def test_a_name_in_the_notebook(text: str) -> None:
    result = result_of(notebook(f"learner = {text}", SLOT_OF, "my_walk = " + repr(_walk_of("bob"))))
    assert points(result, "02.e3") == 3
    assert points(result, "02.e1") <= 1.5
    assert not result["problems"]


def _walk_of(learner: str) -> dict[str, Plain]:
    return exercise("02.e1").answers(learner)  # type: ignore[attr-defined]


def test_only_one_s_own_instance_counts() -> None:
    assert points(result_of(notebook("learner = 'Ada'", f"my_walk = {_walk_of('Ada')}")), "02.e1") == 2
    theirs = notebook("learner = 'bob'", f"my_walk = {_walk_of('bob')}")
    result = result_of(theirs)
    assert points(result, "02.e1") < 2
    assert "filled in for 'bob'" in shown(result)
    # Signs that are no letters make no difference between names, but they do where there is nothing else.
    assert points(result_of(notebook("learner = '??'", f"my_walk = {_walk_of('??')}"), learner="!!"), "02.e1") < 2


# -- values

VALUES: dict[str, Any] = {
    "many blanks": "0 " + " " * 190_000 + "- x",
    "many digits": "9" * 190_000,
    "many bars": "0-9 a|" * 30_000,
    "many lines": "0-max a\n" * 20_000,
    "a long word": "0-max " + "a" * 190_000,
    "letters": "ABCDEFGH" * 20_000,
    "one letter": "B" * 190_000,
    "many texts": ["0-9 NULL | 10-max a"] * 8000,
    "many Nones": [None] * 30_000,
    "many numbers": [0] * 60_000,
    "many empty lists": [[]] * 40_000,
    "many calls": [["brk", 4]] * 15_000,
    "twenty calls": [["brk", 500]] * 20,
    "deep": json.loads("[" * 35 + "]" * 35),
    "a wide dict": {str(n): n for n in range(12_000)},
    "a huge number": 1 << 4000,
    "a negative number": -1,
    "true": True,
    "no text": "",
    "no list": [],
    "no dict": {},
    "signs": "\x00\x1b[31m\u202e",
    "half a character": "\ud800",
    "markup": "<script>alert(1)</script>",
}
WRITTEN_OUT = [
    "[" * 80 + "]" * 80, "{1: 2}", "{1, 2}", "b'x'", "1j", "...", "1e999", "0x" + "f" * 2000, "-1", "True", "''",
    repr("\x00\x1b[31m\u202e"), "'\\ud800'", repr("<script>alert(1)</script>"), repr("0 " + " " * 20_000 + "- x"),
    "{'a': 1, 'a': 2, **{}}", "[*'abc']", "'a' % ()", "10**10**10", "[0] * 10**10",
]  # fmt: skip


def _read() -> list[Exercise]:
    return [one for number in chapters() for one in chapter(number) if one.literal]


def _around(one: Exercise, value: Any) -> Iterator[Any]:
    """The value itself, and in the places where the exercise looks for something."""
    yield value
    yield [value]
    yield [value] * 6 if len(str(value)) < 10_000 else [value, value]
    keys = [case.part[0] for case in one.cases(1, "ada") if isinstance(case.part, list) and case.part]
    if keys and all(isinstance(key, str) for key in keys):
        yield dict.fromkeys(keys, value)


def _one_a_kind() -> Iterator[object]:
    """All exercises that are read; in every run the first of each kind, the others in the slow one."""
    kinds: set[str] = set()
    for one in _read():
        yield pytest.param(one, id=one.id, marks=pytest.mark.slow if one.kind in kinds else ())
        kinds.add(one.kind)


@pytest.mark.parametrize("one", list(_one_a_kind()))
def test_a_value_that_is_slow_to_judge(one: Exercise) -> None:
    cases = one.cases("a seed", "ada")
    for name, thing in VALUES.items():
        for value in _around(one, thing):
            given = dict.fromkeys((case.key for case in cases), Answer.of({"value": value}))
            began = time.process_time()
            mark = grade(one, cases, given)
            marking._first(one, cases, given)
            assert time.process_time() - began < 3, name
            assert mark.points <= one.points / 2, name


@pytest.mark.parametrize("text", WRITTEN_OUT)
def test_a_value_in_a_notebook_harms_nobody(text: str) -> None:
    result = result_of(notebook(f"my_walk = {text}\nmy_steps = {text}\n", SLOT_OF))
    assert points(result, "02.e3") == 3
    assert points(result, "02.e1") + points(result, "02.e2") < 3


def test_judging_takes_no_more_than_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def forever(*_: object) -> object:
        while True:
            try:
                time.sleep(0.01)
            except Exception:
                continue

    monkeypatch.setattr(type(exercise("02.e2")), "judge", forever)
    monkeypatch.setattr(marking, "_ONE_JUDGE", 0.3)
    result = graded(Submission("ada", (Notebook("02-x.ipynb", notebook(SLOT_OF, "my_steps = 'B'")),), ()), SETTINGS)
    assert "took too long to judge" in result["chapters"]["02"]["exercises"]["02.e2"]["message"]
    assert points(result, "02.e3") == 3
    clock = marking._Clock(1.0)
    clock.judging = 0
    with pytest.raises(marking._Late), clock.judge():
        forever()


# -- what a learner writes and somebody reads

EVIL = "<script>alert(1)</script><img src=x onerror=y>\"'><b onclick=z>\x1b[31m\x1b]0;t\x07\r\n\u202e${body}&lt;"


@pytest.mark.parametrize(
    "source",
    [
        f"def slot_of(p, i):\n    raise ValueError({EVIL!r})",
        f"def slot_of(p, i):\n    return {EVIL!r}",
        f"def slot_of(p, i):\n    return {{{EVIL!r}: [{EVIL!r}]}}",
        f"def slot_of(p, i):\n    return type({EVIL!r}, (), {{}})()",
        f"def slot_of(p, i):\n    raise type({EVIL!r}, (Exception,), {{}})({EVIL!r} * 1000)",
        f"def slot_of(p, i):\n    print({EVIL!r}); return {EVIL!r} * 1000",
        f"x = {{}}[{EVIL!r}]\ndef slot_of(p, i): return x",
        "def slot_of(p, i):\n    return '\\ud800'",
        "def slot_of(p, i): return 0  # <script>alert(1)</script>\n",
        "slot_of = lambda p, i: {}['<script>alert(1)</script>', p, i]",
    ],
)
def test_nothing_of_a_learner_s_is_markup_or_an_escape(source: str, tmp_path: Path) -> None:
    cells = [source, f"my_walk = {{'root_slot': {EVIL!r}, 'entry': [{EVIL!r}]}}", f"my_steps = {EVIL!r}"]
    result = result_of(notebook(*cells, f"learner = {EVIL!r}"), f"{EVIL}", learner="ada")
    write_table([result], tmp_path / "grades.csv")
    write_book([result], tmp_path / "book.sqlite")
    rows = [*csv.reader((tmp_path / "grades.csv").read_text().splitlines())]
    assert rows[1][0] == "ada"
    assert result["points"] < 1.5


def test_progress_and_its_errors_are_clean_lines(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    submission = Submission("ada", (Notebook("x.ipynb", EVIL),), ())
    handed = Handed("ada", find.__defaults__[0])  # type: ignore[index,arg-type]
    handed.read = lambda: submission  # type: ignore[method-assign]
    said: list[str] = []
    results = Results(tmp_path / "out")
    with executor(1) as pool:
        grade_class([handed], results, SETTINGS, pool, 1, False, said.append)
    publish(results, [EVIL])
    assert all(line.isprintable() for line in said)
    assert elements((tmp_path / "out" / "class.html").read_text()) <= OURS
    assert capfd.readouterr() == ("", "")


# -- calls that know of each other

COUNTING = """
import os
def {name}(*_):
    number = {how}
    return {answer}
"""
BY_FILE = "len(open('n', 'ab').write(b'x') and open('n', 'rb').read() or b'')"


def _sorted(chance: random.Random) -> Plain:
    return sorted(chance.sample(range(100), 6))


def _reversed(xs: Plain, _: random.Random) -> str:
    xs.reverse()
    return "reversed"


class Counted(Assertions):
    """A list is sorted; sound and damaged ones take turns."""

    id = "02.e9"
    name = "sound"
    title = goal = "-"
    points, minutes, difficulty, misconception = 4, 5, 1, "M1"
    hints = ("", "", "")

    defects: ClassVar[dict[str, Defect]] = {name: planted(_sorted, _reversed) for name in ("one", "two", "three")}
    shown = ("one",)

    def odd(self, chance: random.Random) -> Iterator[Odd]:
        yield Odd(([],), "empty")
        yield Odd(([1, 1],), "twice the same")

    def sound(self, *args: Plain) -> bool:
        return args[0] == sorted(args[0])

    def lines(self, *args: Plain) -> list[str]:
        return [str(args[0])]


def _mark(one: Exercise, source: str, level: str = RLIMITS) -> Result:
    return marking._exercise(one, [source], "ada", "a secret seed", level, marking._Clock(60))


@pytest.mark.parametrize("how", ["os.getpid()", BY_FILE])
def test_counting_calls_earns_nothing(how: str) -> None:
    """Sound and damaged twins take turns in the cases; whoever counts calls must not get through by that."""
    one = Counted()
    honest = _mark(one, "def sound(xs):\n    return xs == sorted(xs)")
    assert honest["points"] == 4
    for answer in ("number % 2 == 1", "number % 2 == 0"):
        found = _mark(one, COUNTING.format(name="sound", how=how, answer=answer))
        assert found["points"] < 1, found["detail"]
    in_turn = [case.part[0] for case in one.cases("a secret seed") if case.group not in ("examples", ALARMS)]
    assert in_turn == [True, False] * (len(in_turn) // 2)
    asked = marking._in_secret_order(one.cases("a secret seed"), "x")
    assert [case.category for case in asked] == sorted((case.category for case in asked), reverse=True)
    assert sorted(case.key for case in asked) == sorted(case.key for case in one.cases("a secret seed"))


def test_hidden_inputs_reach_no_page() -> None:
    """What a call saw is kept in a file; the public answers, which are shown, were given before any hidden one."""
    source = (
        "def slot_of(p, i):\n"
        "    open('seen', 'a').write(f'{p}{i};')\n"
        "    raise ValueError('SEEN' + open('seen').read()[-200:])"
    )
    hidden = [f"{case.args[0]}{case.args[1]}"[:200] for case in exercise("02.e3").cases(SETTINGS.seed) if case.args][5:]
    text = shown(result_of(notebook(source)))
    assert "SEEN" in text
    assert not [one for one in hidden if one[-30:] in text]


# -- what a function without the library can get at

FINDS = """
import importlib, os, sys
def found(*_):
    import inside
    at = os.path.abspath(inside.__file__)
    for _ in range(5):
        at = os.path.dirname(at)
        sys.path.append(at)
    told = []
    for name in ("mmsim", "mmsim.maple", "mmsim.course.exercises.c02", "mmsim.course.grade.marking"):
        try:
            module = importlib.import_module(name)
            told += [name] if module.__file__ and open(module.__file__).read() else []
        except (ImportError, OSError):
            pass
    return told
"""


@pytest.mark.parametrize("level", USABLE)
@pytest.mark.parametrize("library", [False, True])
def test_what_the_levels_say_of_mmsim_is_so(level: str, library: bool) -> None:
    value = run(Request([FINDS], [Call("found")], library), level=level).answers[0].value
    if level == RLIMITS:
        assert "mmsim.course.exercises.c02" in value
    elif library:
        assert "mmsim.maple" in value
        assert not [name for name in value if name.startswith("mmsim.course")]
    else:
        assert value == []


# -- a submission that kills the process that reads it

KILLER = "this one kills"
_graded = marking.graded


def _killing(submission: Submission, settings: Settings) -> Result:
    if any(KILLER in each.text for each in submission.notebooks) and os.environ.get("MMSIM_TEST_KILLS"):
        os._exit(9)
    return _graded(submission, settings)


@pytest.mark.parametrize("jobs", [1, 2])
def test_who_kills_the_grader_earns_nothing_and_all_others_their_marks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jobs: int
) -> None:
    for name in ("ada", "bob", "mallet", "mallory", "zoe"):
        (tmp_path / "in" / name).mkdir(parents=True)
        source = f"x = {KILLER!r}" if name.startswith("mall") else SLOT_OF
        (tmp_path / "in" / name / "02-x.ipynb").write_text(notebook(source))
    monkeypatch.setenv("MMSIM_TEST_KILLS", "1")
    monkeypatch.setattr(session, "graded", _killing)
    results = Results(tmp_path / "out")
    with executor(jobs) as pool:
        done = grade_class(find(tmp_path / "in")[0], results, SETTINGS, pool, jobs)
    publish(results)
    found = {one["learner"]: one for one in results.all()}
    assert {name: one["points"] for name, one in found.items()} == {
        "ada": 3, "bob": 3, "mallet": 0, "mallory": 0, "zoe": 3
    }  # fmt: skip
    assert "the process that read this submission died" in found["mallory"]["problems"][0]
    assert sorted(done.graded) == sorted(found)
    assert not done.lost


def test_a_result_that_was_put_there_is_not_trusted(tmp_path: Path) -> None:
    """To resume trusts a result with the right key only; the key needs the secret seed."""
    (tmp_path / "in" / "ada").mkdir(parents=True)
    (tmp_path / "in" / "ada" / "02-x.ipynb").write_text(notebook(SLOT_OF))
    results = Results(tmp_path / "out")
    submission = find(tmp_path / "in")[0][0].read()
    settings = Settings(results.seed, RLIMITS)
    for forged in ({"key": ""}, {"key": marking.key_of(submission, Settings("guessed", RLIMITS))}, {}):
        (tmp_path / "out" / "results" / "ada.json").write_text(
            json.dumps(
                {"format": 1, "learner": "ada", "points": 100, "full": 100, "problems": [], "chapters": {}} | forged
            )
        )
        with executor(1) as pool:
            assert grade_class(find(tmp_path / "in")[0], results, settings, pool, resume=True).graded == ["ada"]
        assert next(results.all())["points"] == 3
    with executor(1) as pool:
        assert grade_class(find(tmp_path / "in")[0], results, settings, pool, resume=True).kept == ["ada"]
