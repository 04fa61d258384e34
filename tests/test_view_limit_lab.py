"""The grid of answers, the sums of limit tests, and the limit lab, without a browser."""

from __future__ import annotations

import itertools
import time
import xml.etree.ElementTree as ET

import pytest

from mmsim.brk import GENERATIONS
from mmsim.experiments.limits import brk_trial, loader_trial, sweep
from mmsim.view import LimitLab, limit_bars, limit_grid
from mmsim.view.limit_lab import CALLS, MARKS, PAGES, SHOWN
from mmsim.view.theme import INK, contrast

SPACE = "{http://www.w3.org/2000/svg}"


def test_the_grid_stands_beside_each_other_in_text() -> None:
    grid = limit_grid({name: sweep(loader_trial, name) for name in GENERATIONS}, "25 calls")
    lines = grid.text.splitlines()
    assert lines[0] == "25 calls"
    assert lines[1].split() == list(GENERATIONS)
    assert lines[-2] == "overlap 4  + + + + +  ! ! ! ! +  + + + + +  + + + + +"
    assert "v4: 5 accepted, 10 refused: too little room, 10 refused without need." in grid.description


def test_a_grid_says_the_same_in_its_drawing_as_in_its_text() -> None:
    grid = limit_grid({"v4": sweep(loader_trial, "v4", 3)})
    drawn = [each.text for each in ET.fromstring(grid.svg()).iter(f"{SPACE}text") if each.text in MARKS]
    rows = [line.split()[2:] for line in grid.text.splitlines() if line.startswith("overlap")]
    assert drawn == [mark for row in rows for mark in row]


def test_many_grids_go_on_in_the_next_row() -> None:
    grids = {f"{name} {length}": sweep(loader_trial, name, 4) for name in GENERATIONS for length in (4, 5)}
    svg = limit_grid(grids).svg()
    tall = float(ET.fromstring(svg).attrib["height"])
    assert tall > float(ET.fromstring(limit_grid({"v4": sweep(loader_trial, "v4")}).svg()).attrib["height"])


def test_bars_have_a_box_for_each_page_counted() -> None:
    bars = limit_bars({name: loader_trial(name, overlap=3, slack=2) for name in ("before", "v4")})
    drawn = "".join(each.text or "" for each in ET.fromstring(bars.svg()).iter(f"{SPACE}text") if each.text in PAGES)
    assert drawn == "m++++" + "mmmm222+"
    assert bars.text.splitlines()[1:] == [
        "  before  1 + 4 = 5 is within 6 -> 0",
        "  v4      4 + 4 = 8 is over 6; 3 counted twice -> -ENOMEM, without need",
    ]


def test_a_refused_brk_is_said_to_answer_the_old_break() -> None:
    assert "no limit was tested -> the old break" in limit_bars({"v4": brk_trial("v4", first=0)}).text


@pytest.mark.parametrize("kinds", [MARKS, PAGES])
def test_marks_can_be_read_on_their_colours(kinds: dict[str, tuple[str, str, float]]) -> None:
    assert all(contrast(INK, fill) >= 4.5 for _, fill, _ in kinds.values())


def test_moving_a_slider_makes_another_call() -> None:
    lab = LimitLab("x", length=4, overlap=4, slack=3)
    assert {name: trial.mark for name, trial in lab.trials.items()} == {"before": "+", "v4": "!"}
    shown = lab.drawing.widget.value
    lab.fields["slack"].value = 4
    assert lab.drawing.widget.value != shown
    assert {name: trial.mark for name, trial in lab.trials.items()} == {"before": "+", "v4": "+"}
    assert "accepted by: before, v4" in lab.said.value


def test_more_overlap_than_length_is_all_of_it() -> None:
    lab = LimitLab("x", length=2, overlap=8, slack=1)
    assert "vm_brk_flags() for 2 pages, 2 of them mapped already; mapped in all: 2, limit: 3 (slack 1)" in lab.text


def test_it_is_right_at_every_extreme() -> None:
    lab = LimitLab("x", generations="all four")
    extremes = itertools.product((1, 8), (0, 8), (0, 10), CALLS)
    for length, overlap, slack, call in extremes:
        lab.set(length=length, overlap=overlap, slack=slack, call=call)
        taken = min(length, overlap)
        room = length if call == "brk" else length - taken
        for name, trial in lab.trials.items():
            counted = length if name == "v4" and call == "vm_brk_flags" else room
            refused = counted > slack or (call == "brk" and taken > 0)
            assert trial.refused is refused, (length, overlap, slack, call, name)
        ET.fromstring(lab.picture.svg())


def test_every_choice_of_generations() -> None:
    lab = LimitLab("x")
    for choice, names in SHOWN.items():
        lab.set(generations=choice)
        assert tuple(lab.trials) == names
        assert len(lab.picture.strips.strips) == 1 + len(names)


def test_it_is_quick() -> None:
    lab = LimitLab("x", length=8, generations="all four")
    start = time.perf_counter()
    for slack in range(5):
        lab.set(overlap=8, slack=slack)
    assert (time.perf_counter() - start) / 5 < 0.5


def test_its_picture_has_name_and_description() -> None:
    root = ET.fromstring(LimitLab("x", overlap=4).picture.svg())
    assert root.attrib["role"] == "img"
    described = root.find(f"{SPACE}desc")
    assert described is not None
    assert "4 counted twice" in (described.text or "")
    assert len(list(root.iter(f"{SPACE}desc"))) == 1


def test_a_lab_needs_a_task() -> None:
    with pytest.raises(ValueError, match="task is empty"):
        LimitLab("")
