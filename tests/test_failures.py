"""Every failure of a call: the experiment, the tries of a way out, the pictures and the lab."""

from __future__ import annotations

import sys
import threading
import xml.etree.ElementTree as ET
from itertools import permutations

import pytest

from mmsim.brk import GENERATIONS
from mmsim.experiments.failures import ASPECTS, CALLS, Row, failures, nodes_asked, points, run, summary, traces, verdict
from mmsim.experiments.undo import AFTER, STEPS, tried, tried_order
from mmsim.explore.known import known, mended
from mmsim.explore.world import WORLDS
from mmsim.trace.syscall_trace import Session
from mmsim.view import FaultLab, failure_map, failure_table, summary_table

ROWS = failures()
RIGHT = ["end", "file", "unlock", "promise", "return"]


def found(**given: str) -> list[Row]:
    """The rows in which the attributes have these values."""
    return [row for row in ROWS if all(getattr(row, name) == value for name, value in given.items())]


def test_every_point_of_every_call_has_a_row() -> None:
    expected = {(name, call): len(points(name, call)) for name in GENERATIONS for call in CALLS}
    counted = {(name, call): len(found(generation=name, call=call)) for name, call in expected}
    assert counted == expected


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.generation}-{row.call}-{row.point}")
def test_the_same_failure_by_a_script(row: Row) -> None:
    """`fail` in a script makes the same failure, with the same answer and the same broken invariants."""
    session = Session(WORLDS["file"], row.generation)
    *most, last = row.script
    for op, arg in most:
        session.do(op, arg)
    ret, broken = session.judged(*last)
    assert (row.answer, set(row.broken)) == (ret, {each.id for each in broken})


def test_behind_the_last_point_nothing_fails() -> None:
    for name in GENERATIONS:
        for key, call in CALLS.items():
            beyond, whole = run(name, call, len(points(name, key)) + 1), run(name, call)
            assert (whole.answer, whole.after) == (beyond.answer, beyond.after)
            assert beyond.then is None


def test_no_failure_is_taken_for_a_success() -> None:
    assert all(row.refused for row in ROWS)


def test_what_is_undone_was_done_and_is_not_forgotten() -> None:
    for row in ROWS:
        assert not set(row.undone) & set(row.forgotten)
        assert {*row.undone, *row.forgotten} <= set(ASPECTS)


def test_it_finds_the_promise_that_is_kept() -> None:
    kept = {(row.generation, row.call) for row in ROWS if "charge" in row.forgotten}
    v4 = {("v4", "extend"), ("v4", "extend, written")}
    assert kept == v4 | {("merged", "extend"), ("merged", "extend, written"), ("merged", "loader, extends")}


def test_it_finds_the_monitor_that_waits() -> None:
    assert [row.generation for row in traces(found(call="cut, monitor"))] == ["today"]
    assert set(GENERATIONS) == {row.generation for row in traces(found(call="cut, 2 monitors"))}


def test_it_finds_the_end_put_where_it_was_not() -> None:
    (row,) = [row for row in ROWS if "end" in row.forgotten]
    assert (row.generation, row.call, row.site) == ("v4", "cut a middle", "maple_alloc")


def test_it_finds_the_allocation_under_a_lock() -> None:
    assert {"v4"} == {row.generation for row in ROWS if "I10" in row.broken}


def test_a_split_that_stays_is_unseen() -> None:
    assert {"unseen"} == {row.trace for row in ROWS if row.forgotten == ("split",)}
    assert not [row for row in found(generation="v4") if "split" in row.forgotten]


def test_the_range_that_the_loader_clears_is_by_design() -> None:
    assert {"before", "merged", "today"} == {row.generation for row in ROWS if row.trace == "by design"}


def test_a_repair_takes_its_trace_away() -> None:
    cause = next(each for each in known() if each.id == "failed-growth-keeps-the-promise")
    with mended(cause) as name:
        assert not [row for row in failures([name]) if "charge" in row.forgotten]


def test_the_summary_adds_up() -> None:
    for each in summary(ROWS).values():
        assert each.points == each.nothing + each.unseen + each.by_design + each.trace
    assert {name: each.trace for name, each in summary(ROWS).items()} == {"before": 1, "v4": 4, "merged": 4, "today": 4}


def test_the_verdict_is_of_the_rows() -> None:
    assert "the promise is kept in v4 and merged" in verdict(ROWS)
    assert verdict(found(call="first growth")) == "no failing call leaves a trace"


def test_an_extension_needs_no_node_and_may_lay_many_aside() -> None:
    for around in range(0, 60, 7):
        assert [nodes_asked(name, around) for name in ("before", "v4")] == [0, 0]
        assert nodes_asked("merged", around) == nodes_asked("today", around) >= 4


# -- the way out


def test_any_order_that_the_reasons_allow_is_right() -> None:
    right = [order for order in permutations(RIGHT) if tried_order(order).startswith("right")]
    allowed = [
        order
        for order in permutations(RIGHT)
        if order[-1] == "return" and all(order.index(one) < order.index(two) for one, two in AFTER)
    ]
    assert allowed == right


@pytest.mark.parametrize("left_out", RIGHT)
def test_no_step_may_be_left_out(left_out: str) -> None:
    assert left_out in tried_order([name for name in RIGHT if name != left_out])


def test_other_orders_are_told_what_is_wrong() -> None:
    assert "would free the heap itself" in tried_order([*RIGHT[:-1], "free", "return"])
    assert "is no step" in tried_order(["give up"])
    assert "is there twice" in tried_order([*RIGHT, "return"])


@pytest.mark.parametrize("generation", ["v4", "merged"])
def test_the_missing_undo(generation: str) -> None:
    assert "the promise is kept" in tried("pass", generation)
    assert tried(STEPS["promise"], generation).startswith("right")


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("", "the promise is kept (+2 pages)"),
        ("mm.machine.uncharge(length)", "more is taken back than was promised (-8190 pages)"),
        ("mm.free_vma(vma)", "a VMA is lost"),
        ("return 0", "expected a refused call, got it accepted"),
        ("uncharge(pages)", "NameError"),
        ("(", "SyntaxError"),
        (None, "expected lines of Python as text"),
    ],
)
def test_a_wrong_undo_is_told_the_smallest_case(lines: str, told: str) -> None:
    assert tried(lines).startswith("not yet")
    assert told in tried(lines)


def test_a_try_leaves_no_generation_behind() -> None:
    before = list(GENERATIONS)
    tried("pass")
    assert before == list(GENERATIONS)


# -- pictures and the lab


def test_the_map_has_a_lane_for_each_call_and_generation() -> None:
    shown = failure_map(ROWS)
    assert len(shown.text.splitlines()) == 1 + len(CALLS) * (1 + len(GENERATIONS))
    root = ET.fromstring(shown.svg())
    assert "cut, monitor in today: 4 points, tree (trace)." in "".join(root[1].itertext())


def test_no_lane_is_wider_than_the_map() -> None:
    root = ET.fromstring(failure_map(ROWS).svg())
    right = [float(box.get("x", 0)) + float(box.get("width", 0)) for box in root.iter() if box.get("rx")]
    assert max(right) <= float(root.get("width", 0))


def test_the_tables() -> None:
    assert len(failure_table(ROWS).rows) == len(ROWS)
    assert "2 x the promise is kept" in summary_table(summary(ROWS)).text


def test_stepping_through_the_failures() -> None:
    lab = FaultLab("x", call="extend", generation="v4")
    assert lab.rows == {"v4": None}
    sites = []
    for _ in range(5):
        lab.buttons["later"].click()
        sites.append(lab.rows["v4"].site)
    assert sites == ["lock_killed", "commit_refusal", "maple_alloc", "maple_alloc", "maple_alloc"]
    assert "forgotten: the promise is kept (+2 pages)" in lab.text
    assert "promised 42 pages, the tree holds 40 of them" in lab.said.value
    for _ in range(5):
        lab.buttons["earlier"].click()
    assert "nothing fails" in lab.text


def test_another_call_moves_the_slider_back() -> None:
    lab = FaultLab("x", call="cut a middle", generation="today", failure=11)
    lab.fields["call"].value = "extend"
    assert lab.fields["failure"].value == lab.fields["failure"].max == 3
    assert lab.rows["today"].site == "maple_alloc"


def test_a_generation_with_fewer_points_just_succeeds() -> None:
    lab = FaultLab("x", call="extend", generation="v4", beside="before", failure=3)
    assert lab.rows["before"] is None
    assert "nothing fails, this call has only 2 points here" in lab.text
    assert [strip.caption for strip in lab.picture.strips][1:] == ["after the call, v4", "after the call, before"]


@pytest.mark.parametrize("call", CALLS)
def test_the_lab_stands_every_setting(call: str) -> None:
    lab = FaultLab("x", call=call)
    for generation in GENERATIONS:
        for beside in ("none", *GENERATIONS):
            for failure in (0, 1, 99):
                lab.set(generation=generation, beside=beside, failure=failure)
                assert lab.drawing.widget.value.count("<svg ") == 1
                assert set(lab.rows) == {generation, beside} - {"none"}


def test_a_lab_is_read_as_a_whole_while_its_widgets_move() -> None:
    """JupyterLab runs what answers a widget in a thread beside the cells; a cell must not see half of it."""
    lab = FaultLab("x", call="extend", generation="v4")
    values = [("generation", "before"), ("beside", "merged"), ("generation", "v4"), ("beside", "none")]
    whole = set()
    for name, value in values:
        lab.fields[name].value = value
        whole.add(lab.text)

    def move() -> None:
        for name, value in values * 5:
            lab.fields[name].value = value

    interval = sys.getswitchinterval()
    mover = threading.Thread(target=move)
    try:
        sys.setswitchinterval(1e-5)
        mover.start()
        read = [lab.text]
        while mover.is_alive():
            read.append(lab.text)
    finally:
        sys.setswitchinterval(interval)
        mover.join()
    assert set(read) <= whole
