"""The brk() lab, without a browser."""

from __future__ import annotations

from itertools import product

import pytest

from mmsim.view import BrkLab


def test_a_refused_call_answers_the_old_break() -> None:
    lab = BrkLab("be refused", brk=14, heap=8, neighbour=14)
    assert lab.answers == {"before": 8}
    assert not lab.accepted()
    assert "before: brk() answers start_brk + 32 kB (0x1000_c000): refused, the old break comes back" in lab.text


def test_the_inputs_are_said() -> None:
    assert "pages above start_brk: brk 12, heap 8, hole none, neighbour none" in BrkLab("x").text.splitlines()
    assert "heap 8, hole 3, neighbour 20 (file)" in BrkLab("x", hole=3, neighbour=20, kind="file").text


def test_one_page_stays_free() -> None:
    assert BrkLab("x", brk=13, neighbour=14).accepted()
    assert not BrkLab("x", brk=14, neighbour=14).accepted()


def test_below_a_stack_the_guard_gap_stays_free_as_well() -> None:
    lab = BrkLab("x", brk=12, neighbour=269, kind="stack")
    assert lab.accepted()
    assert not lab.set(brk=13).accepted()
    assert lab.set(kind="file").accepted()


def test_moving_a_slider_makes_another_call() -> None:
    lab = BrkLab("x", brk=12)
    shown = lab.drawing.widget.value
    lab.fields["brk"].value = 4
    assert lab.answers == {"before": 4}
    assert lab.drawing.widget.value != shown
    assert "accepted" in lab.said.value
    assert lab.before.brk - lab.before.start_brk == 8 * 4096


def test_two_generations_make_the_same_call() -> None:
    lab = BrkLab("x", brk=6, heap=8, hole=7, generation="before", beside="v4")
    assert set(lab.answers) == {"before", "v4"}
    lab.set(brk=4, hole=0)
    assert "; broken: I6, I8" in lab.text
    assert [strip.caption for strip in lab.picture.strips] == [
        "before the call",
        "after the call, generation before",
        "after the call, generation v4",
    ]


@pytest.mark.parametrize(
    ("given", "differ"),
    [
        ({"brk": 12}, []),
        ({"brk": 0}, []),
        ({"brk": 4}, ["counters"]),
        ({"brk": 12, "hole": 7}, ["mappings", "counters"]),
        ({"brk": 4, "hole": 4}, ["answer", "mappings", "counters"]),
        ({"brk": 20, "neighbour": 12}, []),
    ],
)
def test_what_differs_between_two_generations_is_said(given: dict[str, int], differ: list[str]) -> None:
    lab = BrkLab("x", beside="v4", **given)
    assert lab.differences == differ
    assert f"after the call these differ: {', '.join(differ) or 'nothing'}" in lab.report()
    assert BrkLab("x", **given).differences == []


def test_a_neighbour_or_a_hole_that_cannot_be_is_said() -> None:
    lab = BrkLab("x", heap=8, neighbour=5)
    assert "heap 8, hole none, neighbour 5 (anon); no neighbour: the heap is there" in lab.text
    assert "; " not in lab.set(neighbour=8).report()[0]
    assert lab.set(hole=8, neighbour=0).report()[0].endswith("; nothing to unmap there")


def test_every_input_can_go_to_every_extreme() -> None:
    lab = BrkLab("x", beside="v4")
    for kind in ("anon", "file", "stack"):
        for values in product((0, 48), (0, 1, 48), (0, 7, 48), (0, 1, 320)):
            lab.set(kind=kind, **dict(zip(("brk", "heap", "hole", "neighbour"), values, strict=True)))
            assert len(lab.answers) == 2
            assert len(lab.picture.strips) == 3


def test_the_same_generation_twice_is_one() -> None:
    lab = BrkLab("x", generation="merged", beside="merged")
    assert set(lab.answers) == {"merged"}
    assert len(lab.picture.strips) == 2


@pytest.mark.parametrize("renderer", ["wasm", "text"])
def test_the_lab_needs_no_graphviz(renderer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMSIM_RENDERER", renderer)
    lab = BrkLab("x")
    assert "<svg " in lab.drawing.widget.value
    bundle = lab._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "image/svg+xml", "application/vnd.jupyter.widget-view+json"}
    assert bundle["text/plain"] == lab.text


def test_a_lab_needs_a_task() -> None:
    with pytest.raises(ValueError, match="task is empty"):
        BrkLab("")
