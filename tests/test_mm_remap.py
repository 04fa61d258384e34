"""mremap(): in place, shrinking, and moving."""

from __future__ import annotations

import pytest

from mmsim.mm import VM, UffdContext
from mmsim.mm.calls import MREMAP
from mmsim.mm.units import HUGE, MASK, PAGE, TASK_SIZE

from .address_spaces import GENERATIONS, SOUND, drawing, drawn, ids, names, page, vma_at

MOVE, FIXED, KEEP = MREMAP.MAYMOVE, MREMAP.MAYMOVE | MREMAP.FIXED, MREMAP.MAYMOVE | MREMAP.DONTUNMAP


@pytest.mark.parametrize("generation", GENERATIONS)
def test_growing_in_place(generation: str) -> None:
    process = drawn("rr|ww....", generation)
    process.touch(page(2))
    assert process.mremap(page(3), PAGE, 3 * PAGE) == page(3)
    assert drawing(process) == "rr|wwww"
    assert (process.mm.data_vm, process.machine.committed) == (4, 4)
    assert ids(process) == []


def test_growing_up_to_a_like_neighbour_joins_it() -> None:
    process = drawn("ww..ww")
    assert process.mremap(page(0), 2 * PAGE, 4 * PAGE) == page(0)
    assert drawing(process) == "wwwwww"
    assert ids(process) == []


def test_growing_a_mapping_with_a_close_hook() -> None:
    process = drawn("ww..")
    process.hook(page(0), close=True)
    assert process.mremap(page(0), 2 * PAGE, 4 * PAGE) == page(0)
    assert vma_at(process, 0).pages == 4
    assert ids(process) == []


@pytest.mark.parametrize("generation", SOUND)
@pytest.mark.parametrize(("site", "hooked"), [("commit_refusal", 0), ("maple_alloc", 0), ("maple_alloc", 1)])
def test_growth_that_fails_changes_nothing(site: str, hooked: int, generation: str) -> None:
    process = drawn("ww..", generation)
    if hooked:
        process.hook(page(0), close=True)
    process.machine.faults.plan(site)
    fails = site == "commit_refusal" or generation != "before"
    assert process.mremap(page(0), 2 * PAGE, 4 * PAGE) == (-12 if fails else page(0))
    assert process.mm.total_vm == (2 if fails else 4)
    assert ids(process) == []


def test_locked_memory_is_filled_as_it_grows() -> None:
    process = drawn("ll....")
    assert process.mremap(page(0), 2 * PAGE, 4 * PAGE) == page(0)
    assert (process.mm.locked_vm, sorted(process.mm.pages)) == (4, [page(2), page(3)])
    process.mm.cap_ipc_lock = False
    process.setrlimit("MEMLOCK", 4 * PAGE)
    assert process.mremap(page(0), 4 * PAGE, 5 * PAGE) == -11
    assert ids(process) == []


@pytest.mark.parametrize("generation", GENERATIONS)
def test_shrinking_unmaps_the_tail(generation: str) -> None:
    process = drawn("wwww|rr", generation)
    for number in range(4):
        process.touch(page(number))
    assert process.mremap(page(0), 4 * PAGE, PAGE) == page(0)
    assert drawing(process) == "w...rr"
    assert len(process.mm.pages) == 1
    assert process.mremap(page(0), 4 * PAGE, 4 * PAGE) == page(0)
    assert ids(process) == []


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize(("new", "after"), [(2, "ww....ww"), (3, "ww....www"), (1, "ww....w")])
def test_moving_takes_the_pages_along(new: int, after: str, generation: str) -> None:
    process = drawn("wwww....rr", generation)
    process.touch(page(2))
    vma = vma_at(process, 2)
    assert process.mremap(page(2), 2 * PAGE, new * PAGE, FIXED, page(6)) == page(6)
    assert drawing(process).startswith(after)
    assert process.mm.pages == {page(6): "anon"}
    moved = vma_at(process, 6)
    assert (moved.pgoff, moved.anon_vma) == (page(2) // PAGE, vma.anon_vma)
    assert process.machine.committed == 2 + new
    assert ids(process) == []


def test_what_lay_at_the_target_goes_and_its_monitor_hears() -> None:
    process, context = drawn("ww..rrrr"), UffdContext("monitor")
    process.uffd_register(page(4), 4 * PAGE, context)
    assert process.mremap(page(0), 2 * PAGE, 2 * PAGE, FIXED, page(5)) == page(5)
    assert drawing(process)[:4] == "...."
    assert context.events == [(page(5), page(7))]
    assert ids(process) == []


def test_a_moved_range_forgets_its_monitor() -> None:
    process, context = drawn("ww....."), UffdContext("monitor")
    process.uffd_register(page(0), 2 * PAGE, context)
    process.mremap(page(0), 2 * PAGE, 2 * PAGE, FIXED, page(4))
    assert vma_at(process, 4).uffd is None
    assert drawing(process) == "....ww"
    assert ids(process) == []


def test_an_untouched_mapping_takes_the_offset_of_its_new_place() -> None:
    process = drawn("ww..ww")
    assert process.mremap(page(0), 2 * PAGE, 2 * PAGE, FIXED, page(6)) == page(6)
    assert drawing(process) == "....wwww"
    assert ids(process) == []


@pytest.mark.parametrize("part", [(0, 2), (2, 2), (1, 2)], ids=["head", "tail", "middle"])
@pytest.mark.parametrize("generation", SOUND)
def test_the_promise_moves_with_a_part(part: tuple[int, int], generation: str) -> None:
    process = drawn("wwww....", generation)
    process.touch(page(0))
    start, pages = part
    assert process.mremap(page(start), pages * PAGE, pages * PAGE, FIXED, page(8)) == page(8)
    assert all(vma.flags & VM.ACCOUNT for vma in process.mm.vmas())
    assert process.machine.committed == 4
    assert ids(process) == []


@pytest.mark.parametrize("generation", SOUND)
def test_keeping_the_old_range_leaves_it_empty(generation: str) -> None:
    process = drawn("rr|ll|rr", generation)
    process.touch(page(2))
    place = process.mremap(page(2), 2 * PAGE, 2 * PAGE, KEEP)
    assert 0x7000_0000_0000 < place < TASK_SIZE
    assert process.mm.pages == {place: "anon"}
    assert drawing(process)[:8] == "rr|ww|rr"
    old = vma_at(process, 2)
    assert (old.anon_vma, old.chain, old.pgoff) == (None, [], page(2) // PAGE)
    assert (process.mm.total_vm, process.mm.locked_vm, process.machine.committed) == (8, 2, 4)
    assert ids(process) == []


def test_keeping_a_part_of_locked_memory_splits_it_before() -> None:
    process = drawn("llll")
    assert process.mremap(page(1), 2 * PAGE, 2 * PAGE, KEEP | MREMAP.FIXED, page(8)) == page(8)
    assert drawing(process) == "l|ww|l....ll"


def test_moving_finds_a_place_itself_or_takes_the_hint() -> None:
    process = drawn("ww|rr")
    first = process.mremap(page(0), PAGE, 5 * PAGE, MOVE)
    second = process.mremap(page(1), PAGE, 5 * PAGE, MOVE)
    assert second == first - 5 * PAGE
    assert first == 0x7FFF_F7FF_F000 - 5 * PAGE
    assert process.mremap(page(2), PAGE, PAGE, KEEP, page(9)) == page(9)
    assert process.mremap(page(3), PAGE, 2 * PAGE) == page(3)
    assert ids(process) == []


@pytest.mark.parametrize(
    ("address", "old", "new", "flags", "target", "answer"),
    [
        (page(0), PAGE, PAGE, 8, 0, -22),
        (page(0), PAGE, PAGE, MREMAP.FIXED, page(9), -22),
        (page(0), PAGE, 2 * PAGE, KEEP, 0, -22),
        (page(0) + 1, PAGE, PAGE, 0, 0, -22),
        (page(0), PAGE, 0, 0, 0, -22),
        (page(5), PAGE, PAGE, 0, 0, -14),
        (page(0), 3 * PAGE, 4 * PAGE, 0, 0, -14),
        (page(0), 0, PAGE, MOVE, 0, -22),
        (page(0), PAGE, 2 * PAGE, 0, 0, -12),
        (page(0), 2 * PAGE, 2 * PAGE, FIXED, page(1), -22),
        (page(0), PAGE, PAGE, FIXED, page(9) + 1, -22),
        (page(0), PAGE, PAGE, FIXED, TASK_SIZE, -22),
    ],
)
@pytest.mark.parametrize("generation", SOUND)
def test_what_mremap_refuses(
    address: int, old: int, new: int, flags: int, target: int, answer: int, generation: str
) -> None:
    process = drawn("ww|rr", generation)
    assert process.mremap(address, old, new, flags, target) == answer
    assert drawing(process) == "ww|rr"
    assert ids(process) == []


@pytest.mark.parametrize(
    ("address", "old", "new", "flags", "target", "merged", "today"),
    [
        (page(0), PAGE, MASK - PAGE, MOVE, 0, -12, -22),
        (page(0), PAGE, PAGE + 5, KEEP, 0, -22, -22),
        (page(0), PAGE - 5, PAGE, KEEP, page(9), -22, page(9)),
        (page(9), PAGE, PAGE, FIXED, page(9) + 1, -14, -22),
        (page(9), PAGE, PAGE, KEEP, page(9), -14, -22),
        (page(0), MASK - PAGE, PAGE, 0, 0, -22, -22),
        (page(0), TASK_SIZE, PAGE, FIXED, page(9), -22, -22),
        (page(3), 2 * PAGE, 3 * PAGE, FIXED, page(9), -14, -14),
        (page(0), 9 * PAGE, 3 * PAGE, FIXED, page(9), -14, -14),
    ],
)
def test_the_order_of_tests_before_and_since_6_17(
    address: int, old: int, new: int, flags: int, target: int, merged: int, today: int
) -> None:
    """What the arguments alone forbid comes first today, lengths rounded up before they are compared."""
    for generation, answer in (("merged", merged), ("today", today)):
        process = drawn("ww|rr", generation)
        assert process.mremap(address, old, new, flags, target) == answer
        assert ids(process) == []


@pytest.mark.parametrize(("generation", "left"), [("before", "ww|rr"), ("merged", "ww|rr"), ("today", "ww|rr....xx")])
def test_what_lay_at_the_target_of_a_refused_move(generation: str, left: str) -> None:
    """Today it is still there: the source is tested first."""
    process = drawn("ww|rr....xx", generation)
    assert process.mremap(page(3), 2 * PAGE, 3 * PAGE, FIXED, page(8)) == -14
    assert drawing(process) == left
    assert ids(process) == []


@pytest.mark.parametrize("limit", ["MEMLOCK", "AS"])
def test_a_growth_over_a_limit_is_refused_before_anything_goes(limit: str) -> None:
    process = drawn("ll..rr")
    process.mm.cap_ipc_lock = False
    process.setrlimit(limit, 3 * PAGE)
    answer = process.mremap(page(0), 2 * PAGE, 4 * PAGE, FIXED, page(4))
    assert (answer, drawing(process)) == (-11 if limit == "MEMLOCK" else -12, "ll..rr")


# -- several mappings at once (since 6.17)


@pytest.mark.parametrize("flags", [FIXED, FIXED | MREMAP.DONTUNMAP])
def test_a_move_over_several_mappings_keeps_the_holes_between_them(flags: int) -> None:
    process = drawn("wwww.rr|xx...")
    for number in (1, 3):
        process.touch(page(number))
    assert process.mremap(page(2), 9 * PAGE, 9 * PAGE, flags, page(20)) == page(20)
    kept = flags & MREMAP.DONTUNMAP
    assert drawing(process) == ("wwww.rr|xx" + "." * 11 if kept else "ww" + "." * 18) + "ww.rr|xx"
    assert sorted(process.mm.pages) == [page(1), page(21)]
    assert ids(process) == []


@pytest.mark.parametrize("generation", ["before", "merged"])
def test_before_6_17_a_move_ends_with_its_mapping(generation: str) -> None:
    process = drawn("ww|rr", generation)
    assert process.mremap(page(0), 4 * PAGE, 4 * PAGE, FIXED, page(8)) == -14
    assert drawing(process) == "ww|rr"


def test_a_move_over_several_mappings_begins_in_one() -> None:
    process = drawn(".rr|ww")
    assert process.mremap(page(0), 4 * PAGE, 4 * PAGE, FIXED, page(8)) == -14
    assert drawing(process) == ".rr|ww"
    assert process.mremap(page(1), 4 * PAGE, 5 * PAGE, FIXED, page(8)) == -14
    assert process.mremap(page(8), 4 * PAGE, 4 * PAGE, FIXED, page(16)) == -14
    assert process.mremap(page(8), 4 * PAGE, 4 * PAGE, KEEP, page(16)) == -14


def test_a_watched_mapping_moves_alone() -> None:
    process, context = drawn("ww|rr|ww"), UffdContext("monitor")
    process.uffd_register(page(2), 2 * PAGE, context)
    assert process.mremap(page(2), 4 * PAGE, 4 * PAGE, FIXED, page(10)) == -14
    assert drawing(process)[-2:] == "ww"
    assert process.mremap(page(0), 4 * PAGE, 4 * PAGE, FIXED, page(10)) == -14
    assert drawing(process) == "..??|ww....ww"
    assert process.mremap(page(2), 2 * PAGE, 2 * PAGE, FIXED, page(20)) == page(20)
    assert ids(process) == []


@pytest.mark.parametrize(
    ("site", "nth", "after"),
    [
        ("vma_alloc", 2, "..rr|ww....ww"),
        ("maple_alloc", 4, "..rr|ww....ww"),
        ("commit_refusal", 2, "....ww....ww|rr"),
    ],
)
def test_what_was_moved_before_a_failure_stays_moved(site: str, nth: int, after: str) -> None:
    process = drawn("ww|rr|ww")
    process.machine.faults.plan(site, nth)
    assert process.mremap(page(0), 6 * PAGE, 6 * PAGE, FIXED, page(10)) == -12
    assert drawing(process) == after
    assert ids(process) == []


# -- which neighbours a copy joins


@pytest.mark.parametrize(("generation", "after"), [("merged", "ww|w"), ("today", "www")])
def test_an_untouched_neighbour_takes_the_pages_of_a_copy(generation: str, after: str) -> None:
    """Since 6.16, and with them their anon_vma."""
    process = drawn("w", generation)
    process.touch(page(0))
    process.mremap(page(0), PAGE, PAGE, FIXED, page(9))
    anon_vma = vma_at(process, 9).anon_vma
    process.mmap(page(1), PAGE, 3, 0x32)
    process.mmap(page(2), PAGE, 3, 0x32)
    assert process.mremap(page(9), PAGE, PAGE, FIXED, page(0)) == page(0)
    assert drawing(process) == ("w|ww" if after == "ww|w" else "www")
    assert vma_at(process, 0).anon_vma is anon_vma
    assert (vma_at(process, 1).anon_vma is anon_vma) is (generation == "today")
    assert ids(process) == []


def test_inherited_pages_are_not_taken_by_an_untouched_neighbour() -> None:
    process = drawn("w.w")
    process.touch(page(0))
    process.mremap(page(0), PAGE, PAGE, FIXED, page(9))
    process.mmap(page(1), PAGE, 3, 0x32)
    child = process.fork()
    assert child.mremap(page(9), PAGE, PAGE, FIXED, page(0)) == page(0)
    assert drawing(child) == "w|ww"
    assert ids(process, child) == []


def test_growth_in_place_joins_an_untouched_neighbour_also_in_a_child() -> None:
    process = drawn("w.w")
    process.touch(page(0))
    child = process.fork()
    assert child.mremap(page(0), PAGE, 2 * PAGE) == page(0)
    assert drawing(child) == "www"
    assert ids(process, child) == []


def test_a_copy_whose_chain_finds_no_memory_stays_apart() -> None:
    process = drawn("w")
    process.touch(page(0))
    process.mremap(page(0), PAGE, PAGE, FIXED, page(9))
    process.mmap(page(1), PAGE, 3, 0x32)
    process.machine.faults.plan("anon_clone")
    assert process.mremap(page(9), PAGE, PAGE, FIXED, page(0)) == page(0)
    assert drawing(process) == "w|w"
    assert ids(process) == []


@pytest.mark.parametrize(
    ("generation", "letter", "after"),
    [("merged", "w", "ww|ww|ww"), ("today", "w", "wwwwww"), ("today", "l", "ll|ll|ww")],
)
def test_a_kept_range_may_join_its_own_copy(generation: str, letter: str, after: str) -> None:
    """In 6.18, if untouched; 6.1 keeps them apart. A lock goes with the copy, so locked ones stay apart."""
    process = drawn(letter * 6, generation)
    assert process.mremap(page(4), 2 * PAGE, 2 * PAGE, KEEP | MREMAP.FIXED, page(2)) == page(2)
    assert drawing(process) == after
    assert (process.mm.total_vm, process.machine.committed) == (6, 6)
    assert ids(process) == []


@pytest.mark.parametrize(("generation", "reset"), [("merged", True), ("today", False)])
def test_the_offset_of_what_is_kept(generation: str, reset: bool) -> None:
    """6.1 resets it, 6.18 does not: what is mapped beside it later stays apart."""
    process = drawn("w", generation)
    process.touch(page(0))
    process.mremap(page(0), PAGE, PAGE, FIXED, page(4))
    process.mremap(page(4), PAGE, PAGE, KEEP | MREMAP.FIXED, page(9))
    process.mmap(page(5), PAGE, 3, 0x32)
    assert drawing(process)[4:] == ("ww...w" if reset else "w|w...w")
    assert ids(process) == []


def test_mappings_that_may_not_be_resized_or_split() -> None:
    process = drawn("ww|wwww")
    vma_at(process, 0).flags |= VM.DONTEXPAND
    assert process.mremap(page(0), PAGE, 2 * PAGE, MOVE) == -14
    assert process.mremap(page(0), PAGE, PAGE, KEEP) == -22
    process.hook(page(2), may_split=False)
    assert process.mremap(page(3), PAGE, PAGE, FIXED, page(20)) == -22
    process.setrlimit("AS", 6 * PAGE)
    assert process.mremap(page(2), 4 * PAGE, 5 * PAGE, MOVE) == -12
    process.machine.max_map_count = 6
    assert process.mremap(page(2), 4 * PAGE, 4 * PAGE, FIXED, page(20)) == -12


@pytest.mark.parametrize("site", ["vma_alloc", "anon_clone", "policy_dup", "commit_refusal"])
@pytest.mark.parametrize("generation", SOUND)
def test_a_move_that_fails_changes_nothing(site: str, generation: str) -> None:
    process = drawn("wwww", generation)
    process.mbind(page(0), 4 * PAGE, "bind:0")
    process.touch(page(0))
    process.machine.faults.plan(site)
    assert process.mremap(page(0), 4 * PAGE, 4 * PAGE, FIXED, page(8)) == -12
    assert (process.mm.total_vm, process.mm.pages) == (4, {page(0): "anon"})
    assert ids(process) == []


def test_a_total_that_was_too_high_for_a_moment_is_no_peak() -> None:
    process = drawn("ww")
    process.mremap(page(0), 2 * PAGE, 2 * PAGE, FIXED, page(8))
    assert (process.mm.total_vm, process.mm.hiwater_vm, process.mm.peak_vm) == (2, 0, 2)
    assert ids(process) == []


def test_a_huge_block_moves_whole() -> None:
    process = drawn("w" * 512)
    process.touch(page(0))
    process.madvise(page(0), HUGE, 25)
    process.mremap(page(0), HUGE, HUGE, FIXED, page(1024))
    assert process.mm.huge == {page(1024)}
    assert "thp_split" not in names(process)
    assert ids(process) == []
