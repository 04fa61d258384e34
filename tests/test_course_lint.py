"""The notebook lint: a good notebook passes, and for each rule a bad one breaks that rule and no other."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mmsim.course.frontmatter import faults, parse
from mmsim.course.lint import RULES, Book, check, lint
from mmsim.course.lint.__main__ import main
from mmsim.course.questions import Bank
from tests.course_material import (
    HEAD,
    code,
    full_sheet,
    good_notebook,
    question,
    result,
    stream,
    text,
    write_bank,
)

Change = Callable[[list[dict]], object]


@pytest.fixture
def bank(tmp_path: Path) -> Bank:
    return write_bank(tmp_path / "questions")


def broken(raw: dict, tmp_path: Path, bank: Bank) -> list[tuple[str, int, str]]:
    (tmp_path / "01-name.ipynb").write_text(json.dumps(good_notebook()))
    (tmp_path / "words.md").write_text("# Words\n\n### a leaf\n\nOne.\n\n```\n### no heading\n```\n")
    found = check(Book(tmp_path / "02-name.ipynb", raw, bank))
    return [(problem.rule, problem.cell, problem.what) for problem in found]


def test_the_good_notebook_keeps_every_rule(tmp_path: Path, bank: Bank) -> None:
    assert broken(good_notebook(), tmp_path, bank) == []


def source(number: int, new: str) -> Change:
    """Give a cell (numbered from 1) another source."""
    return lambda cells: cells[number - 1].update(source=new)


def replace(number: int, old: str, new: str) -> Change:
    def change(cells: list[dict]) -> None:
        assert old in cells[number - 1]["source"]
        cells[number - 1]["source"] = cells[number - 1]["source"].replace(old, new, 1)

    return change


def tags(number: int, *names: str) -> Change:
    return lambda cells: cells[number - 1].update(metadata={"tags": list(names)})


def outputs(number: int, *new: dict) -> Change:
    return lambda cells: cells[number - 1].update(outputs=list(new))


def html(number: int, content: str) -> Change:
    return outputs(number, result("x", text_html=content))


def both(*changes: Change) -> Change:
    return lambda cells: [change(cells) for change in changes]


def insert(number: int, *new: dict) -> Change:
    """Put cells before cell `number`, counts kept in order, fillers dropped to keep the number of cells."""

    def change(cells: list[dict]) -> None:
        for offset, cell in enumerate(new):
            cells.insert(number - 1 + offset, {**cell, "id": f"new{offset}"})
        del cells[-len(new) :]
        recount(cells)

    return change


def recount(cells: list[dict]) -> None:
    for count, cell in enumerate((cell for cell in cells if cell["cell_type"] == "code"), 1):
        cell["execution_count"] = count


def no_outputs(cells: list[dict]) -> None:
    for cell in cells:
        if cell["cell_type"] == "code":
            cell["outputs"] = []
    # without the live cells, whose own rule asks for outputs too
    for number in (21, 22):
        cells[number - 1].update(metadata={})
    replace(20, ", live", "")(cells)


def live_twice(cells: list[dict]) -> None:
    cells[20]["metadata"]["tags"].remove("live")


SVG = '<svg xmlns="http://www.w3.org/2000/svg" role="img"><title>{}</title><desc>{}</desc></svg>'
TITLE, DESC = "A tree of three nodes", "The root has two leaves, the left one is marked"
ERROR = {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": []}

# rule, how the good notebook is broken, the cell that is named, and what is said
CASES: list[tuple[str, Change, int, str]] = [
    ("cell-id", lambda cells: cells[2].pop("id"), 3, "cell id '', expected letters, digits, '-' and '_'"),
    ("cell-id", lambda cells: cells[2].update(id="a b"), 3, "cell id 'a b', expected letters, digits, '-' and '_'"),
    ("cell-id", lambda cells: cells[2].update(id="c01"), 3, "cell id 'c01' as in cell 1, expected one of its own"),
    (
        "metadata",
        lambda cells: cells[3]["metadata"].update(execution={"iopub.status.busy": "now"}),
        4,
        "metadata execution, expected tags only (run mmsim.course.refresh)",
    ),
    (
        "editors",
        outputs(11, result("x", application_geojson="{}")),
        11,
        "output of type application/geojson, expected only image/png, image/svg+xml, text/html, text/plain",
    ),
    ("front-matter", replace(1, "# Why 02?", "# Why 02?\n\n- **Extra**: x"), 1, "keys Extra, Goals, Needs, Minutes"),
    ("heading", replace(10, "## 4 Run (4 min)", "## 5 Run (4 min)"), 10, "section number 5, expected 4"),
    ("heading", replace(30, "One", "Text\n## 3 Run (4 min)\nOne"), 30, "a '##' heading below other text"),
    ("minutes", replace(10, "(4 min)", "(5 min)"), 1, "Minutes 50, but the sections add up to 51: expected both equal"),
    ("tag", tags(30, "help"), 30, "tag 'help', expected one of: "),
    ("part-missing", tags(16), 0, "no cell tagged 'contrast', expected every part of the template"),
    (
        "part-order",
        both(tags(15, "contrast"), tags(16, "explain")),
        15,
        "part 'contrast' begins before 'explain' (cell 16), expected it after",
    ),
    ("cell-count", lambda cells: cells.pop(), 0, "39 cells, expected 40 to 60"),
    (
        "code-length",
        both(source(11, "slots = 2\n" * 16), replace(30, "One", "One " * 100)),
        11,
        "16 lines of code, expected at most 15",
    ),
    ("words-per-line", replace(30, "One", "One " * 500), 0, "words a line of code, expected 7 to 20"),
    (
        "code-run",
        insert(14, *[code("slots = 2")] * 4),
        17,
        "code cell 4 in a row, expected a question or text after 3",
    ),
    ("syntax", source(11, "%time slots = 2"), 11, "magic '%time slots = 2', expected plain Python"),
    ("syntax", source(11, "slots?"), 11, "magic 'slots?', expected plain Python"),
    ("syntax", source(11, "slots = "), 11, "source that is not Python, expected plain Python"),
    ("semicolon", source(12, "slots;"), 12, "line 1 ends with ';', expected '_ = ...' to hide a value"),
    ("semicolon", source(11, "a = 1;  # why\nb = ';'"), 11, "line 1 ends with ';'"),
    ("not-checkable", source(11, "from ipywidgets import interact"), 11, "interact is used, expected a widget"),
    ("not-checkable", source(11, "box = widgets.Output()"), 11, "Output is used"),
    ("not-checkable", source(11, "slots = In[1]"), 11, "In is used"),
    ("not-checkable", source(12, "display(slots, display_id='x')"), 12, "display_id is used"),
    (
        "function-length",
        source(11, "def f():\n" + "    x = 1\n" * 8),
        11,
        "function f has 9 lines, expected at most 8",
    ),
    ("not-run", lambda cells: cells[10].update(execution_count=None), 11, "not run, expected execution count 6"),
    ("not-run", lambda cells: cells[10].update(execution_count=9), 11, "execution count 9, expected 6"),
    ("no-output", outputs(12), 12, "no output, expected what its last line shows"),
    ("no-output", both(source(12, "print(slots)"), outputs(12)), 12, "no output, expected what its last line shows"),
    ("no-output", no_outputs, 0, "no output at all, expected stored outputs"),
    ("error", outputs(12, ERROR), 12, "error ValueError, expected none (or the tag raises-exception)"),
    ("error", tags(12, "raises-exception"), 12, "tagged raises-exception without an error, expected one"),
    ("stderr", outputs(12, stream("stderr", "a warning\n")), 12, "stderr 'a warning', expected none"),
    ("raster-only", outputs(12, result("x", image_png="iVBO")), 12, "image/png alone, expected text/plain with"),
    ("svg-text", html(12, SVG.format(TITLE, "short")), 12, "SVG <desc> 'short', expected at least 12 characters"),
    ("svg-text", html(12, SVG.format("tree-of-ranges.svg", DESC)), 12, "SVG <title> 'tree-of-ranges.svg', expected"),
    ("svg-text", html(12, SVG.format(TITLE, DESC).replace(' role="img"', "")), 12, "SVG has role None, expected"),
    ("svg-text", html(12, "<svg><g></svg>"), 12, "SVG is not well-formed"),
    (
        "svg-text",
        outputs(
            12, result("x", image_svg_xml=f"<svg role='img'><g><title>{TITLE}</title></g><desc>{DESC}</desc></svg>")
        ),
        12,
        "SVG <title> '', expected at least 8 characters that say what it shows",
    ),
    ("object-address", outputs(12, result("<Tree at 0x7f12ab>")), 12, "'<Tree at 0x7f12ab>' in the output, expected"),
    ("object-address", html(12, "&lt;Tree object at 0x7f12ab&gt;"), 12, "'<Tree object at 0x7f12ab>' in the output"),
    ("machine-path", outputs(12, result("see /home/ann/x.py")), 12, "path '/home/ann/x.py' in the output, expected"),
    ("machine-path", outputs(12, stream("stdout", "/tmp/tmpabc/x")), 12, "path '/tmp/tmpabc/x' in the output"),
    ("machine-path", html(12, "<b>/root/x</b>"), 12, "path '/root/x' in the output"),
    ("alt-text", replace(30, "One", "![tree](01-name.ipynb)"), 30, "picture described as 'tree', expected at least 12"),
    ("alt-text", replace(30, "One", "![01-name.ipynb](01-name.ipynb)"), 30, "picture described as '01-name.ipynb'"),
    ("alt-text", replace(30, "One", '<img src="x.svg">'), 30, "picture described as '', expected at least 12"),
    ("link", replace(30, "One", "[x](none.ipynb)"), 30, "link 'none.ipynb' leads to no file, expected one that exists"),
    ("link", replace(30, "One", "[x](#4-Walk-(4-min))"), 30, "link '#4-Walk-(4-min)' leads to no heading"),
    (
        "link",
        replace(30, "One", "[x](words.md#a-leaf) [y](words.md#leaf)"),
        30,
        "link 'words.md#leaf' leads to no heading",
    ),
    ("link", replace(30, "One", "[x](words.md#no-heading)"), 30, "expected '#a-term' as JupyterLab builds it"),
    ("link", replace(30, "One", "[x](none.md#a-leaf)"), 30, "link 'none.md#a-leaf' leads to no file"),
    ("link", replace(30, "One", "[x](/etc/passwd)"), 30, "link '/etc/passwd' is neither relative nor on the web"),
    ("link", replace(30, "One", "[x](https:///y)"), 30, "link 'https:///y' has no host, expected https://host/..."),
    ("live-claim", replace(6, "The change", "The change, live"), 6, "the text says live, expected"),
    ("live-claim", replace(20, ", live", ""), 21, "a live cell without a word, expected 'live' in the heading"),
    (
        "ignored-output",
        tags(22, "live"),
        21,
        "uncompared output, expected a cell tagged 'invariants' with output after it in this section",
    ),
    ("ignored-output", live_twice, 21, "nbval-ignore-output on a cell that is not live, expected compared output"),
    ("ignored-output", replace(11, "slots", "# NBVAL_SKIP\nslots"), 11, "an nbval comment, expected a tag"),
    ("untouched", replace(9, '"?"', '"B"'), 9, "predict holds an answer, expected '?'"),
    ("untouched", replace(5, '"?"', '"B"'), 5, "answer holds an answer, expected '?'"),
    ("untouched", replace(25, '"?"', '"B"'), 25, "checkpoint holds an answer, expected '?'"),
    ("live-claim", replace(6, "Some", "**Live**: some"), 6, "the text says live, expected"),
    (
        "question",
        insert(16, code('ask("02.p7")', out="x")),
        16,
        "no question '02.p7'; notebook 02 has: 02.p1, 02.q1, 02.q2, 02.q3",
    ),
    ("question", source(8, 'ask("02.p1")\nask(name)'), 8, "'name' is not a question id"),
    (
        "question",
        insert(16, code('ask("01.p1")', out="x")),
        16,
        "'01.p1' of another notebook, expected a question of 02",
    ),
    ("question", source(25, 'checkpoint("01", "?")'), 25, "checkpoint of another notebook, expected checkpoint('02'"),
    ("question", insert(16, code('answer("02.p1", "?")', out="x")), 16, "answer('02.p1') with a predict question"),
    (
        "question",
        insert(6, code('ask("02.q1")', "warmup", out="x")),
        6,
        "'02.q1' in the warm-up, expected a question of",
    ),
    (
        "prediction",
        both(lambda cells: cells.insert(7, cells.pop(8)), recount),
        8,
        "predict('02.p1') without ask before it, expected",
    ),
    ("prediction", source(14, "slots"), 9, "predict('02.p1') is never compared, expected compare after the run"),
    ("prediction", source(5, "slots"), 4, "warmup('01.q1') is never answered, expected answer after it"),
]


@pytest.mark.parametrize(("rule", "change", "cell", "what"), CASES, ids=[f"{c[0]}-{n}" for n, c in enumerate(CASES)])
def test_a_bad_notebook_breaks_its_rule_and_no_other(
    rule: str, change: Change, cell: int, what: str, tmp_path: Path, bank: Bank
) -> None:
    raw = good_notebook()
    change(raw["cells"])

    found = broken(raw, tmp_path, bank)

    assert [(one[0], one[1]) for one in found] == [(rule, cell)]
    assert what in found[0][2]


# what the question file says instead of what it should, and what is said of that
SHEET_CASES: list[tuple[str, str, str, str]] = [
    ("goal", "goal = 3", "goal = 4", "02.q3 is for goal 4, expected 1 to 3"),
    ("goal", '"See"', '"Look"', "02.q2 names the section 'Look', expected one of this notebook's"),
    ("goal", "goal = 3", "goal = 2", "the checkpoint covers 2 goals, expected 3"),
    (
        "unused-question",
        question("02.p1"),
        question("02.p1") + question("02.p2"),
        "02.p2 is never asked, expected predict('02.p2', '?', sure=1)",
    ),
    ("course-map", "minutes = 50", "minutes = 51", "questions/02.toml says minutes = 51, expected 50"),
    ("course-map", "Why 02?", "Why not?", "questions/02.toml says title = 'Why not?', expected 'Why 02?'"),
    ("course-map", "02-name", "02-other", "questions/02.toml says file = '02-other.ipynb', expected '02-name.ipynb'"),
]


@pytest.mark.parametrize(("rule", "old", "new", "what"), SHEET_CASES)
def test_a_question_file_beside_the_notebook_breaks_its_rule_and_no_other(
    rule: str, old: str, new: str, what: str, tmp_path: Path
) -> None:
    good = full_sheet("02")
    assert old in good
    bank = write_bank(tmp_path / "questions", n01=full_sheet("01"), n02=good.replace(old, new, 1))

    assert broken(good_notebook(), tmp_path, bank) == [(rule, 0, what)]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda raw: raw.update(nbformat_minor=4), "nbformat 4.4, expected 4.5 or newer"),
        (lambda raw: raw["metadata"]["kernelspec"].update(name="ir"), "kernelspec 'ir', expected 'python3'"),
        (lambda raw: raw["metadata"].pop("kernelspec"), "kernelspec None, expected 'python3'"),
    ],
)
def test_the_format(change: Callable[[dict], object], what: str, tmp_path: Path, bank: Bank) -> None:
    raw = good_notebook()
    change(raw)

    assert broken(raw, tmp_path, bank) == [("format", 0, what)]


def test_widget_state(tmp_path: Path, bank: Bank) -> None:
    raw = good_notebook()
    raw["metadata"]["widgets"] = {}

    assert [one[:2] for one in broken(raw, tmp_path, bank)] == [("metadata", 0)]


def test_the_median_code_cell(tmp_path: Path, bank: Bank) -> None:
    raw = good_notebook()
    for cell in raw["cells"]:
        if cell["cell_type"] == "code":
            cell["source"] = "a = 1\nb = 2\nc = 3\n" + cell["source"]
        else:
            cell["source"] += "\n\nAs the code has grown so much, the text of this test grows by some words as well."

    assert broken(raw, tmp_path, bank) == [
        ("code-length", 0, "median of 4 lines a code cell, expected at most 3"),
    ]


def test_more_minutes_than_anybody_has(tmp_path: Path) -> None:
    bank = write_bank(tmp_path / "questions", n01=full_sheet("01"), n02=full_sheet("02").replace("= 50", "= 60"))
    raw = good_notebook()
    both(replace(10, "(4 min)", "(14 min)"), replace(1, "**Minutes**: 50", "**Minutes**: 60"))(raw["cells"])

    assert [one for one in broken(raw, tmp_path, bank) if one[0] == "minutes"] == [
        ("minutes", 0, "60 minutes in all, expected at most 55")
    ]


def test_a_notebook_without_questions(tmp_path: Path) -> None:
    bank = write_bank(tmp_path / "questions", n01=full_sheet("01"))

    found = broken(good_notebook(), tmp_path, bank)

    assert {one[0] for one in found} == {"course-map", "question"}
    assert found[0][2] == "no notebook '02' has questions; expected one of: 01"


def test_every_rule_has_a_bad_notebook() -> None:
    assert {case[0] for case in CASES} | {case[0] for case in SHEET_CASES} | {"format"} == set(RULES)


GOOD_ANYWAY: list[Change] = [
    both(source(12, "slots / 0"), outputs(12, ERROR), tags(12, "raises-exception")),
    replace(30, "One", "[x](01-name.ipynb#4-Run-(4-min)), [y](#4-Run-(4-min)), [z](https://docs.kernel.org/x)"),
    replace(30, "One", "`[x](none.ipynb)`\n\n```\n## no heading\n![](x)\n```\n"),
    replace(30, "One", "![Two leaves below one root](01-name.ipynb)"),
    replace(30, "One", '<img src="x" alt="Two leaves below one root">'),
    html(12, SVG.format(TITLE, DESC)),
    html(12, SVG.format(TITLE, DESC).replace("</svg>", "<svg><g/></svg></svg>")),
    html(12, '<svg aria-hidden="true"><g/></svg>' + SVG.format("a&nbsp;title of length", DESC)),
    html(12, "<script>let s = '<svg></svg>'</script>"),
    outputs(12, result("x", image_png="iVBO", image_svg_xml=SVG.format(TITLE, DESC))),
    outputs(12, result("7f12 at 0x7f12ab34 in [/usr/lib/libc.so], the tree's left/root/right")),
    both(source(11, "a = ';'\nb = 1  # c;"), outputs(11)),
    both(source(12, "None"), outputs(12)),
    both(source(12, "slots.sort()"), outputs(12)),
    replace(19, "(5 min)", "(5 min)\n\n### Part a\n\n"),
    both(replace(26, "(1 min)", "(9 min, optional)"), replace(24, "(3 min)", "(4 min)")),
    insert(14, *[code("slots = 2")] * 1, text("So far.")),
]


@pytest.mark.parametrize("change", GOOD_ANYWAY, ids=range(len(GOOD_ANYWAY)))
def test_what_only_looks_bad_is_not_reported(change: Change, tmp_path: Path, bank: Bank) -> None:
    raw = good_notebook()
    change(raw["cells"])

    assert broken(raw, tmp_path, bank) == []


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("# Why 02?", "# Because.", "title 'Because.', expected a question: '# ...?'"),
        ("# Why 02?\n", "", "title '', expected a question: '# ...?'"),
        ("- **Links**", "- Links", "keys Goals, Needs, Minutes, Difficulty, Importance, Kernel, expected Goals, Needs"),
        ("1. Read a leaf.\n", "1. Leaves are read.\n", "goal 1 begins with 'Leaves', expected a doing word"),
        ("1. Read a leaf.\n", "1. Read\n", "goal 1 begins with 'Read', expected a doing word"),
        ("  2. Count the slots of a leaf.\n  3. Explain a pivot.\n", "", "1 goals, expected 2 to 4"),
        (" [01](01-name.ipynb)", "", "Needs is empty, expected text"),
        ("50", "an hour", "Minutes 'an hour', expected a number from 1 to 55"),
        ("50", "56", "Minutes '56', expected a number from 1 to 55"),
        ("1 of 3", "easy", "Difficulty 'easy', expected '1 of 3', '2 of 3' or '3 of 3'"),
        ("3 of 3", "4 of 3", "Importance '4 of 3', expected '1 of 3', '2 of 3' or '3 of 3'"),
        ("Linux 6.1, ", "", "Kernel '`mas_walk()`', expected a version and functions"),
        (", `mas_walk()`", "", "Kernel 'Linux 6.1', expected a version and functions"),
    ],
)
def test_a_faulty_head_is_named(old: str, new: str, what: str) -> None:
    assert old in HEAD

    (found,) = faults(parse(HEAD.replace(old, new, 1)))

    assert found.startswith(what)


def test_the_good_head() -> None:
    head = parse(HEAD)

    assert list(faults(head)) == []
    assert (head.title, head.minutes, head.goals[2]) == ("Why 02?", 50, "Explain a pivot.")


def test_a_notebook_without_head(tmp_path: Path, bank: Bank) -> None:
    raw = good_notebook()
    raw["cells"] = raw["cells"][1:]

    assert ("front-matter", 0, "no head, expected a markdown cell with title and front matter first") in broken(
        raw, tmp_path, bank
    )


def test_an_empty_notebook_is_reported_without_a_crash(tmp_path: Path, bank: Bank) -> None:
    raw = good_notebook()
    raw["cells"] = []

    assert {"front-matter", "cell-count", "part-missing"} <= {one[0] for one in broken(raw, tmp_path, bank)}


# --- files, exemptions, and the command ---


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of two notebooks: 01 is the shipped kind of good, 02 has one problem."""
    place = tmp_path / "notebooks"
    place.mkdir()
    (place / "01-name.ipynb").write_text(json.dumps(good_notebook()))
    raw = good_notebook()
    raw["cells"][11]["source"] = "slots;"
    (place / "02-name.ipynb").write_text(json.dumps(raw))
    return place


def exempt(folder: Path, *entries: str) -> None:
    (folder / "lint-exemptions.toml").write_text("".join(f"[[exempt]]\n{entry}\n" for entry in entries))


REASON = 'reason = "This is only a test of exemptions."'


def one_exemption(**changed: str) -> str:
    fields = {"rule": "semicolon", "notebook": "02-name.ipynb"} | changed
    return "\n".join([*(f'{name} = "{value}"' for name, value in fields.items()), REASON])


def test_lint_reads_files_and_names_them(folder: Path, bank: Bank) -> None:
    (found,) = lint([folder / "02-name.ipynb"], bank)

    assert str(found) == (
        f"{folder}/02-name.ipynb: cell 12: line 1 ends with ';', expected '_ = ...' to hide a value [semicolon]"
    )


@pytest.mark.parametrize("entry", [one_exemption(), one_exemption(cell="c12")])
def test_an_exempted_problem_is_gone(folder: Path, bank: Bank, entry: str) -> None:
    exempt(folder, entry)

    assert lint([folder / "02-name.ipynb"], bank) == []


def test_an_exemption_of_another_cell_is_unused(folder: Path, bank: Bank) -> None:
    exempt(folder, one_exemption(cell="c13"))

    assert [problem.rule for problem in lint([folder / "02-name.ipynb"], bank)] == ["semicolon", "unused-exemption"]


def test_an_exemption_that_nothing_needs_is_a_problem_once_its_notebook_is_linted(folder: Path, bank: Bank) -> None:
    exempt(folder, one_exemption(), one_exemption(rule="stderr"), one_exemption(notebook="03-name.ipynb"))

    (found,) = lint([folder / "02-name.ipynb"], bank)
    assert str(found) == (
        "lint-exemptions.toml: whole notebook: exemption from stderr for 02-name.ipynb is not needed, "
        "expected it removed [unused-exemption]"
    )


@pytest.mark.parametrize(
    ("entry", "what"),
    [
        (one_exemption(rule="colour"), "exemption 1: no rule 'colour', expected one of: alt-text, "),
        (one_exemption().replace(REASON, 'reason = "short"'), "exemption 1: reason of 5 characters, expected at least"),
        (one_exemption().replace(REASON, ""), "exemption 1: expected rule, notebook, reason and perhaps cell"),
        (one_exemption(page="1"), "exemption 1: expected rule, notebook, reason and perhaps cell"),
        (one_exemption().replace('"02-name.ipynb"', "2"), "exemption 1: expected text in every field"),
        ("rule = ", "cannot be read: "),
        ("[more]", "expected [[exempt]] tables only"),
    ],
)
def test_a_faulty_exemption_file_is_one_line(
    folder: Path, entry: str, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    exempt(folder, entry)

    assert main([str(folder)]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"mmsim.course.lint: {folder}/lint-exemptions.toml: {what}")
    assert said.count("\n") == 1


def test_the_command_prints_a_line_a_problem_and_counts(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(folder / "02-name.ipynb")]) == 1

    *lines, last = capsys.readouterr().out.splitlines()
    assert any(line.endswith("[semicolon]") for line in lines)
    assert last == f"1 notebook, {len(lines)} problems"


def test_the_command_prints_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(folder), "--json"]) == 1

    found = json.loads(capsys.readouterr().out)
    assert {"file", "cell", "cell_id", "rule", "what"} == set(found[0])
    assert any(one["rule"] == "semicolon" and one["cell"] == 12 for one in found)


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"nbformat": 3, "cells": []}', '{"nbformat": 4, "cells": [1]}'])
def test_what_is_no_notebook_is_one_line(tmp_path: Path, content: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.ipynb").write_text(content)

    assert main([str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"mmsim.course.lint: {tmp_path}/x.ipynb: is not ")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("path", "what"), [("none.ipynb", "cannot be read: No such file"), ("", "no notebooks, expected .ipynb files")]
)
def test_nothing_to_lint_is_wrong_use(tmp_path: Path, path: str, what: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / path)]) == 2
    assert what in capsys.readouterr().err


def test_a_clean_folder_is_clean(folder: Path, bank: Bank, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "02-name.ipynb").write_text(json.dumps(good_notebook()))

    assert lint([folder / "02-name.ipynb"], bank) == []
