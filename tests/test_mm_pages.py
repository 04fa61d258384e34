"""Present pages, huge blocks, page tables; fork and exit."""

from __future__ import annotations

import pytest

from mmsim.brk import Process
from mmsim.mm import VM, File
from mmsim.mm.pages import adjust_trans_huge, free_tables, move, populate, zap
from mmsim.mm.units import HUGE, PAGE

from .address_spaces import GENERATIONS, SOUND, drawing, drawn, ids, names, page, vma_at

MADV_COLLAPSE = 25


def test_writing_and_reading() -> None:
    process = drawn("ww|rr..")
    assert [process.touch(page(at)) for at in (0, 1, 2, 4)] == [0, 0, -14, -14]
    assert [process.peek(page(at)) for at in (0, 2, 4)] == [0, 0, -14]
    assert process.mm.pages == {page(0): "anon", page(1): "anon"}
    assert process.touch(page(1) + 123) == 0


def test_a_present_page_is_used_without_asking_for_a_vma() -> None:
    process = drawn("ww")
    process.touch(page(1))
    process.mm.tree.erase(page(0))
    assert [process.touch(page(1)), process.peek(page(1)), process.touch(page(0))] == [0, 0, -14]
    assert "I13" in ids(process)


def test_a_read_only_page_is_not_written() -> None:
    process = drawn("ww")
    process.touch(page(0))
    process.mprotect(page(0), PAGE, 1)
    assert (process.touch(page(0)), process.peek(page(0))) == (-14, 0)


def test_a_page_that_nobody_may_read_is_not_read_though_present() -> None:
    process = drawn("ww")
    process.touch(page(0))
    process.mprotect(page(0), PAGE, 0)
    assert process.peek(page(0)) == -14


def test_shared_memory_ends_where_it_was_made_to_end() -> None:
    process = drawn("....")
    process.mmap(page(0), 2 * PAGE, 3, 0x31)
    process.mremap(page(0), 2 * PAGE, 4 * PAGE)
    assert [process.touch(page(at)) for at in range(4)] == [0, 0, -14, -14]
    assert ids(process) == []


def test_a_damaged_tree_lets_pages_in_outside_every_vma() -> None:
    process = drawn("wwww")
    vma_at(process, 0).end = page(2)
    assert process.touch(page(3)) == 0
    assert "I13" in ids(process)


def test_behind_the_end_of_a_file_is_nothing() -> None:
    process = drawn("....")
    process.mmap(page(0), 4 * PAGE, 3, 0x12, File("short", 2), 0)
    assert [process.touch(page(at)) for at in range(4)] == [0, 0, -14, -14]
    assert process.peek(page(2)) == -14


def test_shared_memory_gets_no_anon_vma() -> None:
    process = drawn("....")
    process.mmap(page(0), 4 * PAGE, 3, 0x31)
    assert process.touch(page(0)) == 0
    assert process.mm.pages == {page(0): "shared"}
    assert vma_at(process, 0).anon_vma is None


def test_filling_stops_at_a_page_that_cannot_be_and_goes_on_behind() -> None:
    process = drawn("ww..rr|xx")
    vma_at(process, 4).flags &= ~VM.READ
    assert not populate(process.mm, page(0), 8 * PAGE)
    assert sorted(process.mm.pages) == [page(0), page(1)]
    assert populate(process.mm, page(0), 2 * PAGE)
    vma_at(process, 0).flags |= VM.LOCKONFAULT
    process.mm.pages.clear()
    assert populate(process.mm, page(0), 2 * PAGE)
    assert process.mm.pages == {}


def test_zapping_takes_the_range_and_nothing_when_it_is_empty() -> None:
    process = drawn("wwww")
    for number in range(4):
        process.touch(page(number))
    zap(process.mm, page(3), page(1))
    assert len(process.mm.pages) == 4
    zap(process.mm, page(1), page(3))
    assert sorted(process.mm.pages) == [page(0), page(3)]


# -- stacks


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_stack_grows_down_to_the_page_that_is_written(generation: str) -> None:
    process = drawn("." * 600 + "gg", generation)
    process.touch(page(600))
    before = process.machine.committed
    assert process.touch(page(597) + 5) == 0
    stack = vma_at(process, 597)
    assert (stack.start, stack.end, stack.pgoff) == (page(597), page(602), page(597) // PAGE)
    assert (process.mm.total_vm, process.mm.stack_vm, process.machine.committed - before) == (5, 5, 3)
    assert sorted(process.mm.pages) == [page(597), page(600)]
    assert ids(process) == []


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_look_from_outside_lets_a_stack_grow_in_the_older_kernels_only(generation: str) -> None:
    process = drawn("." * 600 + "gg", generation)
    grows = generation in ("before", "v4")
    assert process.peek(page(598)) == (0 if grows else -14)
    assert vma_at(process, 600).pages == (4 if grows else 2)
    assert process.mm.pages == {}
    assert ids(process) == []


@pytest.mark.parametrize(
    ("below", "distance", "grows"),
    [("w", 256, True), ("w", 255, False), ("r", 255, False), ("g", 1, True), ("n", 1, True), (".", 300, True)],
)
def test_a_guard_gap_stays_free_above_what_can_be_used(below: str, distance: int, grows: bool) -> None:
    """Not above another stack, and not above what is mapped without any access."""
    process = drawn(below.replace("n", "r") + "." * 400 + "gg")
    if below == "n":
        process.mprotect(page(0), PAGE, 0)
    assert process.touch(page(1 + distance)) == (0 if grows else -14)
    assert vma_at(process, 401).start == page(1 + distance if grows else 401)
    assert ids(process) == []


@pytest.mark.parametrize("limit", ["STACK", "AS", "MEMLOCK", "commit_refusal", "maple_alloc"])
@pytest.mark.parametrize("generation", SOUND)
def test_a_growth_that_is_refused(limit: str, generation: str) -> None:
    """It is a signal; the stack has its anon_vma all the same, if the tree had memory."""
    process = drawn("." * 600 + "gg", generation)
    process.mm.cap_ipc_lock = False
    process.mlock(page(600), PAGE, onfault=True)
    if limit in process.mm.limits:
        process.setrlimit(limit, 3 * PAGE)
    else:
        process.machine.faults.plan(limit)
    grows = generation == "before" and limit == "maple_alloc"
    assert process.touch(page(597)) == (0 if grows else -14)
    assert vma_at(process, 600).start == page(597 if grows else 600)
    assert (vma_at(process, 600).anon_vma is None) is (limit == "maple_alloc" and not grows)
    assert ids(process) == []


def test_a_locked_stack_grows_unfilled() -> None:
    process = drawn("." * 600 + "gg")
    process.mlock(page(600), 2 * PAGE)
    assert process.touch(page(595)) == 0
    assert (process.mm.locked_vm, len(process.mm.pages)) == (7, 3)
    assert ids(process) == []


def test_a_stack_grows_also_for_a_write_that_it_forbids() -> None:
    """Its promise is not ACCOUNT's: nothing stays charged."""
    process = drawn("." * 600)
    process.mmap(page(600), 2 * PAGE, 1, 0x132)
    assert process.touch(page(598)) == -14
    assert vma_at(process, 598).pages == 4
    assert process.machine.committed == 0
    assert ids(process) == []


def test_a_stack_does_not_grow_to_where_nothing_may_be_mapped() -> None:
    process = drawn("g")
    process.place(20 * PAGE, 21 * PAGE, vma_at(process, 0).flags)
    assert (process.touch(15 * PAGE), process.touch(16 * PAGE)) == (-14, 0)
    moved = process.mm.find_vma(16 * PAGE)
    moved.pgoff = 3
    process.machine.mmap_min_addr = 0
    assert (process.touch(12 * PAGE), process.touch(13 * PAGE)) == (-14, 0)
    assert moved.pgoff == 0


# -- guard markers

INSTALL, REMOVE = 102, 103


def guarded(text: str = "wwwwww", generation: str = "today") -> Process:
    """A process with everything touched, then markers in pages 2 and 3."""
    process = drawn(text, generation)
    for number in range(6):
        process.touch(page(number))
    assert process.madvise(page(2), 2 * PAGE, INSTALL) == 0
    return process


def test_a_guarded_page_is_empty_and_nobody_uses_it() -> None:
    process = guarded()
    assert sorted(process.mm.pages) == [page(number) for number in (0, 1, 4, 5)]
    assert [process.touch(page(2)), process.peek(page(3)), process.touch(page(4))] == [-14, -14, 0]
    assert process.madvise(page(0), 6 * PAGE, 23) == -14  # MADV_POPULATE_WRITE
    assert process.mlock(page(0), 6 * PAGE) == -12
    assert (drawing(process), process.mm.locked_vm) == ("??????", 6)
    assert process.madvise(page(2), PAGE, REMOVE) == 0
    assert [process.touch(page(2)), process.touch(page(3))] == [0, -14]
    assert ids(process) == []


@pytest.mark.parametrize("advice", [4, 24, 8])
def test_markers_stay_when_contents_go(advice: int) -> None:
    process = guarded()
    assert process.madvise(page(0), 6 * PAGE, advice) == 0
    assert process.mm.guards == {page(2), page(3)}


def test_markers_go_with_the_mapping_and_move_with_it() -> None:
    process = guarded()
    assert process.mremap(page(3), 2 * PAGE, 2 * PAGE, 3, page(10)) == page(10)
    assert process.mm.guards == {page(2), page(10)}
    process.munmap(page(0), 6 * PAGE)
    assert process.mm.guards == {page(10)}
    process.exit()
    assert process.mm.guards == set()


def test_a_child_has_the_markers_but_not_of_what_is_wiped() -> None:
    process = guarded()
    assert process.fork().mm.guards == {page(2), page(3)}
    process.madvise(page(3), PAGE, 18)  # MADV_WIPEONFORK
    assert process.fork().mm.guards == {page(2)}


def test_what_cannot_be_guarded() -> None:
    process = drawn("ll|ww")
    assert process.madvise(page(0), PAGE, INSTALL) == -22
    assert process.madvise(page(0), PAGE, REMOVE) == 0
    vma_at(process, 2).flags |= VM.MIXEDMAP
    assert [process.madvise(page(2), PAGE, advice) for advice in (INSTALL, REMOVE)] == [-22, -22]


def test_no_huge_block_is_made_of_a_guarded_page() -> None:
    process, _ = huge()
    process.madvise(page(5), PAGE, INSTALL)
    assert ("thp_split", page(0)) in process.mm.events
    assert process.madvise(page(0), HUGE, MADV_COLLAPSE) == -22


def test_having_had_markers_keeps_no_neighbours_apart() -> None:
    """The bit sticks to whatever the mapping becomes part of (VM_STICKY, 6.18)."""
    process = drawn("ww|..")
    process.mm.brk = page(2)
    process.madvise(page(0), PAGE, INSTALL)
    assert process.brk(page(4)) == page(4)
    process.mmap(page(4), PAGE, 3, 0x32)
    process.mprotect(page(2), PAGE, 1)
    process.mprotect(page(2), PAGE, 3)
    assert process.mm.map_count == 1
    assert vma_at(process, 4).flags & VM.MAYBE_GUARD
    assert ids(process) == []


def test_an_untouched_neighbour_shares_the_anon_vma_of_a_guarded_mapping() -> None:
    process = drawn("ww|ww")
    process.mm.tree.load(page(2)).flags |= VM.DONTCOPY
    process.madvise(page(0), PAGE, INSTALL)
    vma_at(process, 2).flags &= ~VM.DONTCOPY
    process.touch(page(2))
    assert vma_at(process, 2).anon_vma is vma_at(process, 0).anon_vma


# -- huge blocks


def huge(text: str = "w" * 1024, generation: str = "today") -> tuple:
    """A process with one huge block at the start of its memory."""
    process = drawn(text, generation)
    process.touch(page(0))
    assert process.madvise(page(0), HUGE, MADV_COLLAPSE) == 0
    return process, page(0)


def test_collapse_makes_a_block_of_what_is_there() -> None:
    process, block = huge()
    assert process.mm.huge == {block}
    assert len(process.mm.pages) == 512
    assert process.madvise(page(512), HUGE, MADV_COLLAPSE) == -22  # nothing is present there
    assert process.madvise(page(0), HUGE - PAGE, MADV_COLLAPSE) == -22  # no whole block
    process.madvise(page(0), 2 * HUGE, 15)
    assert process.madvise(page(0), HUGE, MADV_COLLAPSE) == -22  # NOHUGEPAGE


@pytest.mark.parametrize(("border", "split"), [(0, False), (1, True), (511, True), (512, False), (600, False)])
def test_a_new_border_inside_splits_the_block(border: int, split: bool) -> None:
    process, block = huge()
    adjust_trans_huge(process.mm, vma_at(process, 0), page(0), page(border))
    assert (block not in process.mm.huge) is split
    assert (("thp_split", block) in process.mm.events) is split


def test_a_block_that_is_not_all_in_the_vma_is_left() -> None:
    process, block = huge()
    vma_at(process, 0).start = page(1)
    adjust_trans_huge(process.mm, vma_at(process, 0), page(1), page(5))
    assert process.mm.huge == {block}


def test_part_of_a_block_goes_alone_or_with_all_of_it() -> None:
    """Zapped through a VMA that does not look anonymous, an unsplit block is thrown away whole."""
    process, _ = huge()
    zap(process.mm, page(500), page(512))
    assert (len(process.mm.pages), process.mm.huge) == (500, set())
    process, block = huge()
    zap(process.mm, page(500), page(512), anonymous=False)
    assert (len(process.mm.pages), process.mm.huge) == (0, set())
    assert ("thp_lost", block) in process.mm.events


@pytest.mark.parametrize("offset", [HUGE, 2 * HUGE + PAGE])
def test_a_moved_block_stays_one_where_it_fits(offset: int) -> None:
    process, block = huge()
    move(process.mm, block, block + offset, HUGE)
    assert process.mm.huge == ({block + HUGE} if offset == HUGE else set())
    assert len(process.mm.pages) == 512
    assert min(process.mm.pages) == block + offset


# -- page tables


@pytest.mark.parametrize(
    ("start", "end", "floor", "ceiling", "gone"),
    [
        (0, 4, 0, 0, {0, 1, 2, 3}),
        (1, 2, 0, 0, {1}),
        (1.5, 2.5, 1.25, 3, {2}),
        (1.5, 2.5, 0.5, 2.75, {1}),
        (1.5, 1.75, 1.25, 0, set()),
        (1.25, 1.5, 0, 1.75, set()),
        (1, 3, 0, 0.001, set()),
        (0.5, 0.75, 0, 0, {0}),
    ],
)
def test_a_table_goes_when_no_neighbour_needs_it(
    start: float, end: float, floor: float, ceiling: float, gone: set[int]
) -> None:
    process = drawn("")
    mm = process.mm
    mm.tables = {block * HUGE for block in range(4)}
    free_tables(mm, *(int(each * HUGE) // 256 * 256 for each in (start, end, floor, ceiling)))
    assert {block for block in range(4) if block * HUGE not in mm.tables} == gone


def test_a_table_takes_its_pages_with_it() -> None:
    process = drawn("w" * 512)
    process.touch(page(1))
    free_tables(process.mm, page(0), page(512), 0, 0)
    assert (process.mm.pages, process.mm.lost_pages) == ({}, {page(1)})
    assert ids(process) == ["I24"]


# -- fork and exit


@pytest.mark.parametrize("generation", GENERATIONS)
def test_parent_and_child_go_on_independently(generation: str) -> None:
    process = drawn("www|rr.ll", generation, brk=9)
    process.touch(page(0))
    process.setrlimit("DATA", 1 << 20)
    child = process.fork()
    assert drawing(child) == "www|rr.ww"
    assert (child.mm.locked_vm, child.mm.def_flags, child.mm.brk) == (0, 0, process.mm.brk)
    assert child.mm.pages == process.mm.pages
    assert process.machine.committed == 10
    assert ids(process, child) == []
    child.munmap(page(0), 3 * PAGE)
    assert process.peek(page(0)) == 0
    assert ids(process, child) == []
    child.exit()
    assert process.machine.committed == 5
    assert ids(process, child) == []


def test_what_a_child_does_not_get() -> None:
    process = drawn("ww|rr|xx|ww")
    process.touch(page(0))
    process.touch(page(6))
    process.madvise(page(2), 2 * PAGE, 10)
    process.madvise(page(6), 2 * PAGE, 18)
    child = process.fork()
    assert drawing(child) == "ww..xx|??"
    assert sorted(child.mm.pages) == [page(0)]
    assert vma_at(child, 6).anon_vma is None
    assert ids(process, child) == []


def test_a_child_takes_the_counters_over_right_or_wrong() -> None:
    process = drawn("ww")
    process.mm.data_vm += 5
    child = process.fork()
    assert child.mm.data_vm == 7
    assert ids(child, process) == ["I6"]


def test_huge_blocks_and_tables_are_inherited() -> None:
    process, block = huge()
    child = process.fork()
    assert (child.mm.huge, child.mm.tables) == ({block}, process.mm.tables)


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("site", ["vma_alloc", "anon_clone", "commit_refusal", "policy_dup", "maple_alloc"])
@pytest.mark.parametrize("generation", SOUND)
def test_a_fork_that_fails_leaves_nothing(generation: str, site: str, nth: int) -> None:
    process = drawn("www..www", generation)
    for number in (0, 5):
        process.touch(page(number))
        process.mbind(page(number), 3 * PAGE, "bind:0")
    process.machine.faults.plan(site, nth)
    child = process.fork()
    reached = site != "maple_alloc" or (generation != "before" and nth == 1)
    assert (child == -12) is reached
    process.machine.faults.clear()
    if reached:
        assert process.machine.committed == 6
        assert [len(anon.tree) for anon in vma_at(process, 0).chain] == [1]
        assert ids(process) == []
    assert process.mm.lock == "none"


@pytest.mark.parametrize("generation", GENERATIONS)
def test_exit_gives_everything_back(generation: str) -> None:
    process = drawn("www|rr.ll|ff", generation)
    for number in (0, 6, 8):
        process.touch(page(number))
    mm = process.mm
    process.exit()
    assert (mm.pages, mm.tables, mm.map_count, process.machine.committed) == ({}, set(), 0, 0)
    assert names(process).count("vma_free") == 4
    assert ids(process) == []
