"""Present pages, huge blocks, page tables; fork and exit."""

from __future__ import annotations

import pytest

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
