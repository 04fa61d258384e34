"""The brk() lab, without a browser."""

from __future__ import annotations

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
