"""The lab of merge rules and its table, without a browser."""

from __future__ import annotations

import re
from itertools import pairwise, product

import pytest

from mmsim.brk import GENERATIONS
from mmsim.experiments import measure
from mmsim.experiments.e2 import NEW, outcome
from mmsim.experiments.rule import PROPERTIES
from mmsim.view import MergeLab, criteria_table
from mmsim.view.merge_lab import INPUTS

SIX = ("file", "close", "pgoff", "policy", "hole", "new")


def test_each_property_has_a_box() -> None:
    assert {*PROPERTIES, NEW} == set(INPUTS.values())


def test_untouched_all_extend() -> None:
    lab = MergeLab("x")
    assert set(lab.outcomes.values()) == {"extended"}
    assert lab.text.splitlines()[1:3] == ["of its own the VMA below has: nothing", "before: extended"]


def test_the_patch_extends_over_six() -> None:
    lab = MergeLab("x", **dict.fromkeys(SIX, True))
    assert lab.outcomes == {"before": "new VMA", "v4": "extended", "merged": "new VMA", "today": "new VMA"}
    for more in set(INPUTS) - set(SIX):
        assert lab.set(**{more: True}).outcomes["v4"] == "new VMA"
        lab.set(**{more: False})


def test_two_generations_let_a_close_hook_pass() -> None:
    lab = MergeLab("x", close=True)
    assert [name for name, found in lab.outcomes.items() if found == "extended"] == ["v4", "today"]
    assert "before: new VMA (looks at close hook)" in lab.text
    assert "today: extended (does not look at close hook)" in lab.text


def test_what_looked_and_what_did_not_is_said_apart() -> None:
    said = MergeLab("x", file=True, flags=True).text
    assert "v4: new VMA (looks at flags; does not look at file)" in said
    assert "before: new VMA (looks at all of that)" in said
    assert "v4: extended (looks at none of that)" in MergeLab("x", file=True, policy=True).text


def test_every_setting_gives_what_the_experiment_gives() -> None:
    """Every seventh combination of boxes, the first and the last, with every choice of generations now and then."""
    lab = MergeLab("x")
    choices = list(product(GENERATIONS, GENERATIONS))
    settings = list(product([False, True], repeat=len(INPUTS)))
    for at, values in enumerate([*settings[::7], settings[-1]]):
        first, beside = choices[at % len(choices)]
        lab.set(**dict(zip(INPUTS, values, strict=True)), generation=first, beside=beside)
        assert lab.outcomes == {generation: outcome(generation, lab.wrong) for generation in GENERATIONS}
        captions = [strip.caption for strip in lab.picture.strips]
        assert captions[0] == "before the growth"
        assert captions[1] == f"after the growth, generation {first} ({lab.outcomes[first]})"
        assert len(captions) == (2 if first == beside else 3)


def test_a_box_changes_picture_text_and_table_together() -> None:
    lab = MergeLab("x")
    shown = [(lab.drawing.widget.value, lab.said.value, lab.table.value)]
    for name in ("file", "hole", "new"):
        lab.fields[name].value = True
        shown.append((lab.drawing.widget.value, lab.said.value, lab.table.value))
    lab.fields["beside"].value = "today"
    for (picture, said, table), (picture_after, said_after, table_after) in pairwise(shown):
        assert said != said_after
        assert table != table_after
        assert picture != picture_after or said_after.count("new criterion") > said.count("new criterion")
    assert "generation today" in lab.drawing.widget.value


def test_the_table_has_all_four_results_side_by_side() -> None:
    shown = MergeLab("x", close=True).table.value
    first = shown[shown.index("<tbody>") : shown.index("</tr>", shown.index("<tbody>"))]
    assert re.findall(r">([^<]+)</t[hd]>", first) == ["this growth", "new VMA", "extended", "new VMA", "extended"]


def test_the_strips_show_the_file() -> None:
    lab = MergeLab("x", file=True)
    before, v4 = lab.picture.strips[1:]
    assert [piece.name for piece in before.space.pieces] == ["data", "[heap]"]
    assert [piece.name for piece in v4.space.pieces] == ["data"]


def test_an_unknown_property_is_refused() -> None:
    with pytest.raises(ValueError, match="no property 'colour'"):
        MergeLab("x", colour=True)
    with pytest.raises(ValueError, match="no input 'colour'"):
        MergeLab("x").set(colour=True)


def test_a_lab_needs_a_task() -> None:
    with pytest.raises(ValueError, match="task is empty"):
        MergeLab("")


@pytest.mark.parametrize("renderer", ["wasm", "text"])
def test_the_lab_needs_no_graphviz(renderer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMSIM_RENDERER", renderer)
    lab = MergeLab("x")
    assert "<svg " in lab.drawing.widget.value
    bundle = lab._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "image/svg+xml", "application/vnd.jupyter.widget-view+json"}
    assert bundle["text/plain"] == lab.text


def test_the_table_is_the_experiment() -> None:
    """Yes where the experiment says that a VMA was made."""
    results = measure("E2").results
    table = criteria_table()
    names = (*PROPERTIES, NEW)
    for name, (_, *cells) in zip(names, table.rows, strict=True):
        assert cells == ["yes" if results[each][name] == "new VMA" else "no" for each in GENERATIONS]
    assert [row[0] for row in criteria_table({"file"}).rows][:2] == ["flags", "> file"]
    assert "<table>" in table._repr_mimebundle_()["text/html"]
