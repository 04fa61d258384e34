"""The mail answered: marks, links to verdict cells, answers judged, replies and scripts checked, repairs."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path

import pytest

from mmsim.brk import GENERATIONS
from mmsim.experiments import EXPERIMENTS
from mmsim.experiments.answers import judged
from mmsim.experiments.find_vma import FORMS, differences, spaces
from mmsim.experiments.repairs import QUICK, REPAIRS, repaired_marks
from mmsim.experiments.reply import evidence, lacking, shown_by, tried_script
from mmsim.experiments.second_look import BESIDE, CLASSES, CONCERNS, MARKS, all_outcomes, classes, marks, reach, trips
from mmsim.experiments.table import Outcome
from mmsim.explore.known import known
from mmsim.explore.world import START
from mmsim.mm.units import PAGE
from mmsim.view import RepairLab, answer_table, concern_table, mark_matrix, rating_table, verdict_table

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
TARGETS = [(each.notebook, each.cell) for each in CONCERNS.values()]
TARGETS += [(notebook, cell) for _, notebook, cell in BESIDE.values()]


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Outcome]:
    """All experiments, run once."""
    return all_outcomes()


# -- links


@pytest.mark.parametrize(("notebook", "cell"), TARGETS)
def test_each_verdict_is_where_the_table_says(notebook: str, cell: str) -> None:
    """The file is there, and has a code cell of that id which has been run."""
    cells = {each["id"]: each for each in json.loads((NOTEBOOKS / notebook).read_text(encoding="utf-8"))["cells"]}
    assert cell in cells
    assert cells[cell]["cell_type"] == "code"
    assert cells[cell]["outputs"]


def test_the_table_has_a_link_for_each_row(outcomes: dict[str, Outcome]) -> None:
    table = verdict_table(outcomes)
    assert len(table.rows) == len(TARGETS)
    for notebook, cell in TARGETS:
        assert f'<a href="{notebook}#cell-id={cell}">' in table.html


# -- marks


def test_each_concern_has_its_experiment() -> None:
    assert {each.experiment: each.id for each in CONCERNS.values()} == {
        id: each.concern for id, each in EXPERIMENTS.items()
    }


def test_marks_by_generation(outcomes: dict[str, Outcome]) -> None:
    found = {id: "".join(row[name] for name in GENERATIONS) for id, row in marks(outcomes).items()}
    assert found == {
        "C1": "=!==",
        "C2": "=!=~",
        "C3": "=+~+",
        "C4": "=~==",
        "C5": "=~~~",
        "C6": "=!==",
        "C7": "=!==",
        "C8": "=!==",
        "C9": "====",
    }
    assert set("".join(found.values())) <= set(MARKS)


def test_classes_are_what_the_scripts_take(outcomes: dict[str, Outcome]) -> None:
    found = classes(marks(outcomes))
    assert found == dict(zip(CONCERNS, "BACCCBBAC", strict=True))
    assert set(found.values()) == set(CLASSES)


def test_only_the_patch_trips() -> None:
    assert {each.function for each in trips("v4")} == {"brk", "do_brk_flags", "vm_brk_flags"}
    assert [trips(name) for name in ("before", "merged", "today")] == [(), (), ()]
    assert reach("C8") == "an ordinary program"


def test_a_rating_is_compared_letter_by_letter(outcomes: dict[str, Outcome]) -> None:
    table = rating_table({"C1": "b", "C2": " C", "C3": "x"}, outcomes)
    assert [row[1:4] for row in table.rows[:4]] == [
        ("B", "B", "as you said"),
        ("C", "A", "otherwise"),
        ("-", "C", "not rated"),
        ("-", "C", "not rated"),
    ]


def test_the_matrix_says_the_same_three_times(outcomes: dict[str, Outcome]) -> None:
    """Text, description and drawing; the gravest row first."""
    matrix = mark_matrix(outcomes, "x")
    assert [line.split()[0] for line in matrix.text.splitlines()[2:-1]] == [*matrix.rows]
    assert next(iter(matrix.rows)) == "C2"
    assert "v4: wrong in C2, C1, C6, C7, C8." in matrix.description
    assert matrix.svg().count(">!</text>") == sum(row.count("!") for row in matrix.text.splitlines())
    assert "<title" in matrix.svg()


def test_the_mail_in_nine_lines() -> None:
    assert [row[0] for row in concern_table().rows] == [*CONCERNS]


# -- answers


def test_answers_are_judged_by_the_results(outcomes: dict[str, Outcome]) -> None:
    holds = [told.holds for _, told in judged(outcomes)]
    assert holds == [
        "in before, merged and today; not in v4",
        "half: next, but not next of next",
        "yes, there; it depends on the job",
        "yes, beside data",
        "only where nothing is mapped, which is C7",
        "yes for brk()",
        "it does rest on that in v4",
    ]
    assert len(answer_table(judged(outcomes)).rows) == len(holds)


def test_other_results_are_judged_otherwise(outcomes: dict[str, Outcome]) -> None:
    """An answer that holds says so: everywhere as in `before`."""
    same = {
        id: each._replace(results=dict.fromkeys(each.results, each.results["before"])) for id, each in outcomes.items()
    }
    holds = [told.holds for _, told in judged(same)]
    assert holds[0] == "yes"
    assert holds[4] == "yes"
    assert holds[6] == "it does not rest on that"


# -- find_vma()


@pytest.mark.parametrize("generation", GENERATIONS)
def test_both_forms_find_the_same(generation: str) -> None:
    asked, apart = differences("tree", "state", spaces(generation, 150))
    assert asked > 5000
    assert not apart


def test_a_walk_is_another_thing() -> None:
    _, apart = differences("tree", "walk", spaces("before"))
    assert apart
    assert all(each.two is None for each in apart)
    assert set(FORMS) == {"tree", "state", "walk"}


# -- replies


def test_a_reply_needs_all_three(outcomes: dict[str, Outcome]) -> None:
    c5 = outcomes["C5"]
    assert lacking("", c5)[0].startswith("one to 3 sentences")
    assert lacking("They are 2. That is harmless.", c5) == ["a generation: before, v4, merged, today"]
    assert lacking("In v4 there are more. That is harmless.", c5) == ["a result of the run for v4"]
    assert lacking("In v4 there are 2, in before 1. So what.", c5)[0].startswith("a word for the verdict")
    assert lacking("In v4 there are 3. A. B. It is harmless.", c5) == ["one to 3 sentences, got 4"]
    assert lacking("In v4 there are 9. That is wrong.", c5) == ["9 is not in the results of v4"]
    assert lacking("In v4 it is ___. That is wrong.", c5)[0] == "1 gaps to be filled"
    assert lacking("In v4 (after 6.1, for E5) 2 and in before 1: dearer.", c5) == []


def test_a_result_may_be_a_word(outcomes: dict[str, Outcome]) -> None:
    assert lacking("Over a file v4 says extended, which is wrong.", outcomes["C2"]) == []
    assert lacking("v4 answers -ENOMEM in 10 of 25, which is wrong.", outcomes["C1"]) == []


def test_evidence_is_what_differs(outcomes: dict[str, Outcome]) -> None:
    assert not list(evidence(outcomes["C5"]._replace(results={"before": {"x": 1}, "v4": {"x": 1}})))
    assert len(list(evidence(outcomes["C6"]))) == 3


# -- scripts


def test_known_scripts_show_their_concern() -> None:
    """Those of what is wrong in v4 and not later."""
    for each in known():
        if each.concern in CONCERNS and each.verdict == "wrong" and each.generations == ["v4"]:
            assert each.concern in shown_by(each.world, each.script).concerns, each.id


def test_a_script_is_told_what_is_missing() -> None:
    grow = [("brk", START + 2 * PAGE), ("munmap", [START + PAGE, PAGE]), ("brk", START + 3 * PAGE)]
    assert tried_script("C2", "file", grow)[-1].startswith("done: 3 calls")
    assert tried_script("C2", "file", [*grow[:1], ("touch", START), *grow[1:]])[-1] == "not yet: call 2 can be left out"
    assert tried_script("C2", "file", grow[:1])[-1].endswith("no concern, not C2")
    assert tried_script("C1", "file", grow)[-1].endswith("is C2, not C1")


@pytest.mark.parametrize(
    "script", [None, [], "brk", ["brk"], [("brk",)], [("foo", 1)], [("munmap", 3)], [("brk", "x")], [1], 7]
)
def test_a_script_that_makes_no_sense_is_told_so(script: object) -> None:
    (told,) = tried_script("C2", "file", script)  # type: ignore[arg-type]
    assert told.startswith(("expected calls", "this script cannot be run"))


def test_a_world_that_is_not_there() -> None:
    assert tried_script("C2", "nowhere", [("brk", START)])[0].startswith("no world 'nowhere'")


# -- repairs


def test_two_repairs_are_the_fewest() -> None:
    enough = [
        chosen
        for size in range(len(REPAIRS) + 1)
        for chosen in combinations(REPAIRS, size)
        if all(row["repaired"] != "!" for row in repaired_marks(chosen).values())
    ]
    assert enough[0] == ("tell", "shared")
    assert [each for each in enough if len(each) == 2] == enough[:1]


def test_no_repair_is_v4_and_a_repair_is_taken_back(outcomes: dict[str, Outcome]) -> None:
    plain = repaired_marks([])
    assert {id: row["repaired"] for id, row in plain.items()} == {id: marks(outcomes)[id]["v4"] for id in QUICK}
    repaired_marks(REPAIRS)
    assert repaired_marks([]) == plain
    assert [*GENERATIONS] == ["before", "v4", "merged", "today"]


def test_a_repair_that_is_not_there() -> None:
    with pytest.raises(ValueError, match="no repair 'x'"):
        repaired_marks(["x"])
    with pytest.raises(ValueError, match="no repair 'x'"):
        RepairLab("task", x=True)


def test_the_lab_with_every_setting() -> None:
    lab = RepairLab("task")
    for size in range(len(REPAIRS) + 1):
        for chosen in combinations(REPAIRS, size):
            lab.set(**{name: name in chosen for name in REPAIRS})
            assert lab.chosen == chosen
            assert lab.marks == {id: row["repaired"] for id, row in repaired_marks(chosen).items()}
            assert f"repairs: {size}" in lab.text


def test_a_box_changes_picture_and_text_together() -> None:
    lab = RepairLab("task")
    before = lab.drawing.widget.value, lab.said.value
    lab.fields["tell"].value = True
    assert lab.drawing.widget.value != before[0]
    assert "C7 ! to =" in lab.said.value != before[1]
