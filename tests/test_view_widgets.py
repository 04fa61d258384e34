"""The labs, without a browser: setting a widget's value is what a learner's hand does."""

from typing import Any

import pytest

from mmsim.maple import MapleTree
from mmsim.view import CursorLab, GapLab, StoreLab

from .view_trees import small, two_leaves


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> StoreLab:
    monkeypatch.setenv("MMSIM_RENDERER", "text")  # any will do that draws in Python: then `value` is the picture
    return StoreLab(two_leaves(), "find a store that changes two levels", index=10, last=17, entry="B")


def test_a_lab_needs_a_task() -> None:
    with pytest.raises(ValueError, match="task is empty"):
        StoreLab(small(), "")


def test_moving_a_slider_tries_another_store(store: StoreLab) -> None:
    assert (store.path, store.levels) == ("exact", (0,))
    shown = store.drawing.widget.value
    store.fields["last"].value = 113
    assert (store.path, store.levels) == ("spanning", (0, 1))
    assert store.drawing.widget.value != shown
    assert "path: spanning; levels changed: 0, 1" in store.said.value


def test_the_tree_of_a_store_lab_stays_as_it_is(store: StoreLab) -> None:
    store.set(index=0, last=100, entry=None)
    store.set(index=5, last=6, entry="x")
    assert store.write is not None
    assert store.write.before.canonical() == store.tree.canonical() == two_leaves().canonical()


def test_several_inputs_are_set_at_once(store: StoreLab) -> None:
    """Set one after the other they would pass through index > last."""
    assert store.set(index=120, last=127) is store
    assert not store.problem
    assert store.write is not None
    assert (store.write.index, store.write.last) == (120, 127)


def test_an_empty_entry_stores_null(store: StoreLab) -> None:
    store.fields["entry"].value = ""
    assert store.write is not None
    assert store.write.entry is None


def test_a_store_that_cannot_be_is_refused_in_words(store: StoreLab) -> None:
    store.fields["index"].value = 50
    assert store.write is None
    assert store.levels == ()
    assert "refused: index is 50 and last is 17: expected index <= last" in store.text
    assert "refused" in store.said.value


def test_a_store_can_be_played_step_by_step(store: StoreLab) -> None:
    store.set(index=12, last=113, entry=None)
    assert store.write is not None
    assert len(store.player()) == 3 + len(store.write.steps)
    with pytest.raises(ValueError, match="no store to play: index is 200"):
        store.set(index=200).player()


def test_addresses_are_typed_not_slid() -> None:
    tree = MapleTree()
    tree.store_range(0x7F12_3456_7000, 0x7F12_3456_8FFF, "heap")
    lab = StoreLab(tree, "grow the heap", index=0x7F12_3456_9000, last=0x7F12_3456_9FFF)
    lab.fields["last"].value = "0x7f12_3456_afff"
    assert lab.write is not None
    assert lab.write.last == 0x7F12_3456_AFFF
    lab.fields["last"].value = "far away"
    assert "refused: not a number: 'far away'" in lab.text


def test_the_text_form_is_all_there_is_to_compare(store: StoreLab) -> None:
    bundle = store._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "image/svg+xml", "application/vnd.jupyter.widget-view+json"}
    assert bundle["text/plain"] == repr(store) == store.text
    assert store.text.splitlines()[:3] == [
        "Task: find a store that changes two levels",
        "path: exact; levels changed: 0 (0 = leaves)",
        "store_range 10-17 B: exact",
    ]


def test_an_unknown_input_is_named(store: StoreLab) -> None:
    with pytest.raises(ValueError, match="no input 'first': there are index, last, entry"):
        store.set(first=1)


def test_a_lab_can_be_drawn_in_the_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMSIM_RENDERER", "wasm")
    lab = StoreLab(two_leaves(), "any", index=0, last=7)
    assert [[panel.dot for panel in lab.picture.panels]] == lab.drawing.widget.dots


# -- gaps


def test_both_fits_are_found_and_marked() -> None:
    lab = GapLab(two_leaves(), "which fit is lower", max=100, size=2)
    assert (lab.lowest, lab.highest) == (8, 98)
    assert "+8-9 NULL (lowest fit 8-9)" in lab.text
    assert "+98-99 NULL (highest fit 98-99)" in lab.text


def test_a_fit_that_is_both_is_marked_once_with_both_names() -> None:
    lab = GapLab(two_leaves(), "one fit only", min=5, max=12, size=2)
    assert "(lowest fit 8-9, highest fit 8-9)" in lab.text


def test_the_kernels_refusals_are_told_in_words() -> None:
    lab = GapLab(two_leaves(), "what does not fit", max=100, size=2)
    lab.fields["size"].value = 3
    assert "no fit: no gap is large enough (-EBUSY)" in lab.text
    lab.set(size=1, min=50, max=50)
    assert "no fit: min is not below max (-EINVAL)" in lab.text


def test_gaps_need_a_tree_that_tracks_them() -> None:
    with pytest.raises(ValueError, match="expected MapleTree\\(alloc_range=True\\)"):
        GapLab(small(), "none")


# -- the cursor


def test_calls_move_the_cursor_and_are_listed() -> None:
    lab = CursorLab(two_leaves(), "stand on 10-17")
    lab.call("find", 50).call("next")
    assert lab.calls == ["find(50) -> a; index 0, last 7, active", "next() -> b; index 10, last 17, active"]
    assert (lab.mas.index, lab.mas.last) == (10, 17)
    assert ">10-17 b (cursor)" in lab.text


def test_the_button_makes_the_chosen_call() -> None:
    lab = CursorLab(two_leaves(), "step back", index=20)
    lab.inputs["call"].value = "walk"
    lab.inputs["button"].click()
    lab.inputs["call"].value = "prev"
    lab.inputs["button"].click()
    assert lab.calls[-1] == "prev() -> b; index 10, last 17, active"
    assert "prev()" in lab.said.value


def test_a_button_with_a_bad_limit_says_so_and_moves_nothing() -> None:
    lab = CursorLab(two_leaves(), "step back", index=20)
    lab.inputs["limit"].value = "soon"
    lab.inputs["call"].value = "find"
    lab.inputs["button"].click()
    assert "not a number" in lab.said.value
    assert lab.calls == []


@pytest.mark.parametrize(("call", "message"), [(("jump",), "no call 'jump'"), (("set",), "set needs the index")])
def test_calls_that_do_not_exist_are_refused(call: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CursorLab(small(), "any").call(*call)


def test_a_long_history_is_cut_and_says_so() -> None:
    lab = CursorLab(two_leaves(), "go on")
    for _ in range(10):
        lab.call("next")
    assert "(2 earlier calls)" in lab.text.splitlines()
