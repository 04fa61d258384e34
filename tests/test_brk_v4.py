"""What the patch under review forgets: one named test each, the neighbours in time beside it."""

from __future__ import annotations

import pytest

from mmsim.brk import Process
from mmsim.mm import UffdContext
from mmsim.mm.transition import after_brk, snapshot
from mmsim.mm.units import GUARD_GAP, HUGE, MASK, PAGE

from .address_spaces import SOUND, drawing, drawn, ids, page, vma_at


def grown(generation: str, pages: int = 4) -> Process:
    """A process with a fresh heap."""
    process = drawn("", generation)
    process.brk(page(pages))
    return process


def both(generation: str) -> tuple[Process, list[str]]:
    """A heap of four pages, cut to two."""
    process = grown(generation)
    process.brk(page(2))
    return process, ids(process)


@pytest.mark.parametrize("generation", SOUND)
def test_the_others_forget_nothing(generation: str) -> None:
    process, broken = both(generation)
    assert broken == []
    assert (process.mm.total_vm, process.mm.data_vm, process.machine.committed) == (2, 2, 2)


def test_a_shrink_leaves_data_vm_and_the_promise() -> None:
    """The VMA that stands for the cut tail has no flags: it is of no class, and not accounted for."""
    process, broken = both("v4")
    assert (process.mm.total_vm, process.mm.data_vm, process.machine.committed) == (2, 4, 4)
    assert {"I6", "I8"} <= set(broken)


def test_a_shrink_leaves_locked_vm() -> None:
    process = drawn("llll", "v4", brk=4)
    process.brk(page(2))
    assert process.mm.locked_vm == 4
    assert "I7" in ids(process)


def test_a_shrink_forgets_the_peak() -> None:
    process, broken = both("v4")
    assert (process.mm.hiwater_vm, process.mm.total_vm) == (0, 2)
    assert "I19" in broken


def test_the_end_of_the_list_is_not_kept() -> None:
    """Neither where the last VMA is extended nor where it is cut."""
    process = grown("v4")
    assert "I14" not in ids(process)
    process.brk(page(6))
    assert process.mm.highest_vm_end == page(4)
    assert "I14" in ids(process)


def test_it_allocates_under_the_write_lock_of_an_anon_vma() -> None:
    for want in (2, 6):
        process = grown("v4")
        process.touch(page(0))
        process.brk(page(want))
        assert "I10" in ids(process)


def test_an_extension_without_memory_keeps_the_promise() -> None:
    process = grown("v4")
    process.machine.faults.plan("maple_alloc")
    assert process.brk(page(6)) == page(4)
    assert (drawing(process), process.machine.committed) == ("wwww", 6)
    assert "I8" in ids(process)


def test_a_monitor_is_not_told_of_a_cut_tail() -> None:
    process, context = grown("v4"), UffdContext("m")
    process.uffd_register(page(0), 4 * PAGE, context)
    process.brk(page(2))
    assert (context.events, process.mm.brk) == ([], page(2))


def test_the_lock_is_downgraded_below_a_stack() -> None:
    process = drawn("wwww..g", "v4", brk=4)
    process.brk(page(2))
    assert ("downgrade",) in process.mm.events


def test_a_gap_behind_the_last_vma_is_bridged() -> None:
    """Nothing asks whether the VMA below ends where the heap grows on: it swallows the hole."""
    process = drawn("ww....", "v4", brk=4)
    before = snapshot(process.mm)
    assert process.brk(page(6)) == page(6)
    assert drawing(process) == "wwwwww"
    assert {"I5", "I6", "I8"} <= set(ids(process))
    assert [each.id for each in after_brk(before, snapshot(process.mm))] == ["I22", "I22"]
    for generation in SOUND:
        process = drawn("ww....", generation, brk=4)
        process.brk(page(6))
        assert drawing(process) == "ww..ww"


def test_a_vma_over_the_old_break_is_overwritten_or_grown() -> None:
    process = drawn("wwrrrr.....", "v4", brk=4)
    assert process.brk(page(8)) == page(8)
    assert {"I1", "I3"} <= set(ids(process))
    for generation in SOUND:
        process = drawn("wwrrrr.....", generation, brk=4)
        assert process.brk(page(8)) == page(4)


def test_growing_into_a_vma_that_straddles_the_break_is_taken_for_a_shrink() -> None:
    """The direction is not asked: the VMA is cut at the wanted break, the counters wrap, the tree is damaged."""
    process = drawn("wwwwwwww", "v4", brk=4)
    assert process.brk(page(6)) == page(6)
    assert "I0" in ids(process)
    assert process.mm.total_vm > 1 << 52
    assert "I5" in ids(process)
    for generation in SOUND:
        process = drawn("wwwwwwww", generation, brk=4)
        assert process.brk(page(6)) == page(4)
        assert ids(process) == []


def test_a_shrink_to_a_hole_is_taken_for_growth() -> None:
    process = drawn("www..www", "v4", brk=8)
    assert process.brk(page(4)) == page(8)
    process = drawn("www.....", "v4", brk=8)
    assert process.brk(page(5)) == page(8)


def test_a_failed_cut_ends_at_the_break_not_where_it_ended() -> None:
    """A neighbour had merged with the heap: v.end is put to the old break, and its pages are outside."""
    process = drawn("wwwwwwww", "v4", brk=4)
    process.touch(page(7))
    process.machine.faults.plan("maple_alloc")
    assert process.brk(page(2)) == page(4)
    assert vma_at(process, 0).end == page(4)
    assert {"I1", "I13"} <= set(ids(process))


def test_a_cut_inside_a_larger_vma_drops_the_rest() -> None:
    process = drawn("wwwwwwww", "v4", brk=4)
    assert process.brk(page(2)) == page(2)
    assert vma_at(process, 0).end == page(2)
    assert "I1" in ids(process)


def test_a_huge_block_over_the_old_break_is_not_split_and_goes_whole() -> None:
    """The tail is zapped through a VMA that does not look anonymous, its upper border unsplit."""
    kept = {}
    for generation in ("v4", *SOUND):
        process = drawn("w" * 1536, generation, brk=1024 + 100)
        process.touch(page(1024))
        process.madvise(page(1024), HUGE, 25)
        process.brk(page(1024))
        kept[generation] = len(process.mm.pages)
    assert kept == {"v4": 0, "before": 412, "merged": 412, "today": 412}


def test_the_loaders_call_overwrites_what_is_there() -> None:
    process, context = drawn("rrrr", "v4"), UffdContext("m")
    process.uffd_register(page(0), 4 * PAGE, context)
    assert process.vm_brk_flags(page(1), 2 * PAGE) == 0
    assert (context.events, process.mm.total_vm, process.mm.map_count) == ([], 6, 2)
    assert {"I1", "I3"} <= set(ids(process))


def test_the_loaders_call_counts_all_of_its_range_as_new() -> None:
    process = drawn("rrrr", "v4")
    process.setrlimit("AS", 4 * PAGE)
    assert process.vm_brk_flags(page(0), 4 * PAGE) == -12
    for generation in SOUND:
        process = drawn("rrrr", generation)
        process.setrlimit("AS", 4 * PAGE)
        assert process.vm_brk_flags(page(0), 4 * PAGE) == 0


def test_a_mapping_below_start_brk_is_not_seen() -> None:
    """Where the old layout lets the break lie below start_brk, growth overwrites what is there."""
    process = drawn("..rr....", "v4")
    mm = process.mm
    mm.compat_brk, mm.brk_randomized = True, False
    mm.end_data = mm.brk = page(0)
    mm.start_brk = page(4)
    assert process.brk(page(6)) == page(6)
    assert "I3" in ids(process)
    for generation in SOUND:
        process = drawn("..rr....", generation)
        mm = process.mm
        mm.compat_brk, mm.brk_randomized = True, False
        mm.end_data = mm.brk = page(0)
        mm.start_brk = page(4)
        assert process.brk(page(6)) == page(0)


@pytest.mark.parametrize("want", [MASK, MASK - PAGE, MASK - GUARD_GAP])
def test_the_last_page_of_all_is_still_refused(want: int) -> None:
    process = drawn("ww", "v4", brk=2)
    assert process.brk(want) == page(2)
    assert process.mm.brk == page(2)
    assert ids(process) == []


def test_extended_memory_of_another_kind_stays_of_that_kind() -> None:
    process = drawn("ff....", "v4", brk=2)
    assert process.brk(page(4)) == page(4)
    assert vma_at(process, 3).file is not None
    assert "I12" in ids(process)


def test_a_page_table_goes_while_it_holds_pages_above_the_old_break() -> None:
    """The end of the tables to free is the list's next VMA, not where the cut VMA goes on."""
    lost = {}
    for generation in ("v4", *SOUND):
        process = drawn("w" * 1100, generation, brk=612)
        process.touch(page(617))
        process.brk(page(512))
        lost[generation] = process.mm.lost_pages
    assert lost == {"v4": {page(617)}, "before": set(), "merged": set(), "today": set()}


def test_what_was_forgotten_outlives_the_process() -> None:
    left = {}
    for generation in ("v4", *SOUND):
        process = grown(generation)
        process.touch(page(3))
        process.brk(page(2))
        process.exit()
        left[generation] = process.machine.committed
    assert left == {"v4": 2, "before": 0, "merged": 0, "today": 0}


def test_pages_above_a_cut_are_never_freed() -> None:
    """A neighbour had merged with the heap: its pages stay present, outside every VMA, also after the exit."""
    process = drawn("wwwwwwww", "v4", brk=4)
    process.touch(page(7))
    process.brk(page(2))
    assert "I13" in ids(process)
    process.exit()
    assert process.mm.pages == {page(7): "anon"}
    assert "I13" in ids(process)
