"""The system calls around brk(), in every generation the same."""

from __future__ import annotations

import pytest

from mmsim.mm import VM, File
from mmsim.mm.calls import MADV, MAP, MCL, PROT
from mmsim.mm.units import MASK, PAGE, TASK_SIZE

from .address_spaces import GENERATIONS, SOUND, drawing, drawn, ids, names, page, vma_at

FIXED = MAP.PRIVATE | MAP.ANONYMOUS | MAP.FIXED
RW = PROT.READ | PROT.WRITE


# -- mmap


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_mapping_over_others_replaces_them(generation: str) -> None:
    process = drawn("www|rrr|xxx", generation)
    assert process.mmap(page(2), 5 * PAGE, PROT.READ, FIXED) == page(2)
    assert drawing(process) == "ww|rrrrr|xx"
    assert process.machine.committed == 2
    assert ids(process) == []


@pytest.mark.parametrize(
    ("address", "length", "flags", "answer"),
    [
        (page(0), 0, FIXED, -22),
        (page(0), PAGE, MAP.PRIVATE | MAP.ANONYMOUS, -22),
        (page(0) + 1, PAGE, FIXED, -22),
        (page(0), MASK, FIXED, -12),
        (page(0), TASK_SIZE, FIXED, -12),
        (page(2), PAGE, FIXED | MAP.FIXED_NOREPLACE, -17),
        (page(4), PAGE, FIXED | MAP.FIXED_NOREPLACE, page(4)),
        (page(4), PAGE, MAP.FIXED | MAP.ANONYMOUS, -22),
        (page(4), PAGE, MAP.FIXED | MAP.SHARED | MAP.GROWSDOWN, -22),
    ],
)
def test_what_mmap_answers(address: int, length: int, flags: int, answer: int) -> None:
    process = drawn("wwww")
    assert process.mmap(address, length, RW, flags) == answer
    assert drawing(process) == ("wwwww" if answer > 0 else "wwww")
    assert ids(process) == []


def test_only_private_writable_memory_is_promised() -> None:
    process = drawn("")
    for number, (prot, flags) in enumerate(
        [(RW, FIXED), (PROT.READ, FIXED), (RW, MAP.SHARED | MAP.FIXED), (RW, FIXED | MAP.NORESERVE)]
    ):
        process.mmap(page(2 * number), PAGE, prot, flags)
    accounted = [bool(vma.flags & VM.ACCOUNT) for vma in process.mm.vmas()]
    assert accounted == [True, False, False, False]
    assert process.machine.committed == 1
    process.machine.overcommit = 2
    process.mmap(page(20), PAGE, RW, FIXED | MAP.NORESERVE)
    assert process.machine.committed == 2
    assert ids(process) == []


def test_a_file_is_mapped_by_its_pages_and_merges_with_what_follows_in_it() -> None:
    process, file = drawn(""), File("data")
    for number, pgoff in ((0, 10), (1, 11), (2, 20)):
        process.mmap(page(number), PAGE, PROT.READ, MAP.PRIVATE | MAP.FIXED, file, pgoff)
    assert [(vma.pages, vma.pgoff) for vma in process.mm.vmas()] == [(2, 10), (1, 20)]
    assert ids(process) == []


def test_two_shared_mappings_are_two_files() -> None:
    process = drawn("")
    for number in (0, 1):
        process.mmap(page(number), PAGE, RW, MAP.SHARED | MAP.FIXED)
    assert process.mm.map_count == 2
    assert process.mm.data_vm == 0


def test_a_stack_is_its_own_class() -> None:
    process = drawn("")
    process.mmap(page(300), 2 * PAGE, RW, FIXED | MAP.GROWSDOWN)
    assert (process.mm.stack_vm, process.mm.data_vm) == (2, 0)


def test_locked_and_populated_memory_is_there_at_once() -> None:
    process = drawn("")
    process.mmap(page(0), 2 * PAGE, RW, FIXED | MAP.LOCKED)
    process.mmap(page(4), PAGE, RW, FIXED | MAP.POPULATE)
    assert (process.mm.locked_vm, sorted(process.mm.pages)) == (2, [page(0), page(1), page(4)])
    process.mm.cap_ipc_lock = False
    process.setrlimit("MEMLOCK", 3 * PAGE)
    assert process.mmap(page(8), 2 * PAGE, RW, FIXED | MAP.LOCKED) == -11
    process.setrlimit("MEMLOCK", 0)
    assert process.mmap(page(8), PAGE, RW, FIXED | MAP.LOCKED) == -1


@pytest.mark.parametrize("site", ["vma_alloc", "commit_refusal"])
@pytest.mark.parametrize("generation", SOUND)
def test_an_mmap_that_fails_has_emptied_its_range(site: str, generation: str) -> None:
    process = drawn("rrr...", generation)
    process.machine.faults.plan(site)
    assert process.mmap(page(0), 3 * PAGE, RW, FIXED) == -12
    assert drawing(process) == ""
    assert ids(process) == []


def test_limits_count_what_will_be_replaced_as_free() -> None:
    process = drawn("wwww")
    process.setrlimit("AS", 4 * PAGE)
    assert process.mmap(page(0), 4 * PAGE, PROT.READ, FIXED) == page(0)
    assert process.mmap(page(2), 4 * PAGE, PROT.READ, FIXED) == -12
    process.machine.max_map_count = 0
    assert process.mmap(page(0), PAGE, PROT.READ, FIXED) == -12


# -- munmap


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize(
    ("start", "pages", "after"),
    [(0, 9, ""), (1, 1, "w.w|rrr|lll"), (2, 5, "ww.....ll"), (3, 3, "www...lll"), (20, 5, "www|rrr|lll")],
)
def test_unmapping(start: int, pages: int, after: str, generation: str) -> None:
    process = drawn("www|rrr|lll", generation)
    for number in (0, 1, 2, 6, 7, 8):
        process.touch(page(number))
    assert process.munmap(page(start), pages * PAGE) == 0
    assert drawing(process) == after
    assert process.mm.locked_vm == after.count("l")
    assert len(process.mm.pages) == after.count("w") + after.count("l")
    assert ids(process) == []


@pytest.mark.parametrize(
    ("address", "length"), [(page(0) + 1, PAGE), (page(0), 0), (TASK_SIZE + PAGE, PAGE), (page(0), TASK_SIZE)]
)
def test_a_bad_range_is_refused(address: int, length: int) -> None:
    assert drawn("www").munmap(address, length) == -22


def test_a_hole_in_the_middle_needs_room_for_one_more() -> None:
    process = drawn("wwww")
    process.machine.max_map_count = 1
    assert process.munmap(page(1), PAGE) == -12
    assert process.munmap(page(0), PAGE) == 0
    assert process.munmap(page(3), PAGE) == 0


@pytest.mark.parametrize("generation", SOUND)
def test_the_first_split_stays_when_the_second_fails(generation: str) -> None:
    process = drawn("wwww|ffff", generation)
    process.machine.faults.plan("vma_alloc", 2)
    assert process.munmap(page(2), 4 * PAGE) == -12
    assert drawing(process) == "ww|ww|ffff"
    assert ids(process) == []


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_gathering_what_goes_needs_memory_since_6_1(nth: int) -> None:
    answers = {}
    for generation in SOUND:
        process = drawn("w|r|w", generation)
        process.machine.faults.plan("maple_alloc", nth)
        answers[generation] = process.munmap(page(0), 3 * PAGE)
        assert drawing(process) == ("" if answers[generation] == 0 else "w|r|w")
        assert ids(process) == []
    assert answers == {"before": 0, "merged": -12, "today": -12}


@pytest.mark.parametrize(("text", "downgraded"), [("ww.w", True), ("ww..g", False), ("ww", True)])
def test_the_lock_is_not_downgraded_below_a_stack(text: str, downgraded: bool) -> None:
    process = drawn(text, "merged")
    process.munmap(page(0), 2 * PAGE)
    assert ("downgrade" in names(process)) is downgraded


# -- mprotect


@pytest.mark.parametrize("generation", GENERATIONS)
def test_protections_split_and_merge_again(generation: str) -> None:
    process = drawn("wwwwww", generation)
    assert process.mprotect(page(2), 2 * PAGE, PROT.READ) == 0
    assert drawing(process) == "ww|rr|ww"
    assert (process.mm.data_vm, process.machine.committed) == (4, 4)
    assert process.mprotect(page(2), 2 * PAGE, RW) == 0
    assert drawing(process) == "wwwwww"
    assert ids(process) == []


def test_what_mprotect_refuses() -> None:
    process = drawn("ww.w")
    answers = [
        process.mprotect(page(0) + 1, PAGE, 1),
        process.mprotect(page(0), 0, 1),
        process.mprotect(page(0), PAGE, 8),
        process.mprotect(page(0), MASK - page(0) - PAGE, 1),
        process.mprotect(page(5), PAGE, 1),
        process.mprotect(page(0), 4 * PAGE, 1),
    ]
    assert answers == [-22, 0, -22, -12, -12, -12]
    assert drawing(process) == "rr.w"
    vma_at(process, 3).flags &= ~VM.MAYEXEC
    assert process.mprotect(page(3), PAGE, 5) == -13
    assert ids(process) == []


def test_memory_that_becomes_writable_is_promised_and_counted() -> None:
    process = drawn("rrrr")
    process.machine.faults.plan("commit_refusal")
    assert process.mprotect(page(0), 2 * PAGE, RW) == -12
    assert process.mprotect(page(0), 2 * PAGE, RW) == 0
    assert (drawing(process), process.machine.committed) == ("ww|rr", 2)
    process.setrlimit("DATA", 3 * PAGE)
    assert process.mprotect(page(2), 2 * PAGE, RW) == -12
    assert ids(process) == []


def test_touched_memory_keeps_its_promise() -> None:
    process = drawn("ww")
    process.touch(page(0))
    process.mprotect(page(0), 2 * PAGE, PROT.READ)
    assert process.machine.committed == 2
    assert ids(process) == []


def test_a_failed_split_takes_the_promise_back() -> None:
    process = drawn("rrrr")
    process.machine.faults.plan("vma_alloc")
    assert process.mprotect(page(1), PAGE, RW) == -12
    assert process.machine.committed == 0
    assert ids(process) == []


def test_locked_memory_that_becomes_writable_is_filled() -> None:
    process = drawn("rr")
    process.mlock(page(0), 2 * PAGE)
    assert process.mm.pages == {}
    process.mprotect(page(0), 2 * PAGE, RW)
    assert len(process.mm.pages) == 2
    assert ids(process) == []


# -- madvise


@pytest.mark.parametrize(
    ("advice", "undo", "bit"),
    [
        (MADV.RANDOM, MADV.NORMAL, VM.RAND_READ),
        (MADV.SEQUENTIAL, MADV.NORMAL, VM.SEQ_READ),
        (MADV.DONTFORK, MADV.DOFORK, VM.DONTCOPY),
        (MADV.MERGEABLE, MADV.UNMERGEABLE, VM.MERGEABLE),
        (MADV.HUGEPAGE, MADV.NOHUGEPAGE, VM.HUGEPAGE),
        (MADV.DONTDUMP, MADV.DODUMP, VM.DONTDUMP),
        (MADV.WIPEONFORK, MADV.KEEPONFORK, VM.WIPEONFORK),
    ],
)
def test_advice_that_changes_flags(advice: int, undo: int, bit: int) -> None:
    process = drawn("wwww")
    assert process.madvise(page(1), 2 * PAGE, advice) == 0
    assert [bool(vma.flags & bit) for vma in process.mm.vmas()] == [False, True, False]
    assert process.madvise(page(1), 2 * PAGE, undo) == 0
    assert not any(vma.flags & bit for vma in process.mm.vmas())
    assert process.mm.map_count == (3 if undo == MADV.NOHUGEPAGE else 1)
    assert ids(process) == []


def test_holes_are_stepped_over_and_told() -> None:
    process = drawn("ww..ww")
    assert process.madvise(page(0), 6 * PAGE, MADV.DONTDUMP) == -12
    assert all(vma.flags & VM.DONTDUMP for vma in process.mm.vmas())
    assert process.madvise(page(6), PAGE, MADV.DONTDUMP) == -12
    assert process.madvise(page(0), 0, MADV.DONTDUMP) == 0


def test_what_madvise_refuses() -> None:
    process = drawn("ww|ff")
    assert process.madvise(page(0), PAGE, 77) == -22
    assert process.madvise(page(0) + 1, PAGE, MADV.DONTDUMP) == -22
    assert process.madvise(page(0), MASK, MADV.DONTDUMP) == -22
    assert process.madvise(page(2), PAGE, MADV.WIPEONFORK) == -22
    vma_at(process, 0).flags |= VM.IO
    assert process.madvise(page(0), PAGE, MADV.DOFORK) == -22
    assert process.madvise(page(0), PAGE, MADV.DODUMP) == -22
    assert process.madvise(page(0), PAGE, MADV.MERGEABLE) == 0
    assert not vma_at(process, 0).flags & VM.MERGEABLE


def test_memory_that_runs_out_is_told_as_try_again() -> None:
    process = drawn("wwww")
    process.machine.faults.plan("vma_alloc")
    assert process.madvise(page(1), PAGE, MADV.DONTDUMP) == -11


def test_dontneed_forgets_contents_but_not_of_locked_memory() -> None:
    process = drawn("ww|ll")
    for number in range(4):
        process.touch(page(number))
    assert process.madvise(page(0), PAGE, MADV.DONTNEED) == 0
    assert process.madvise(page(2), PAGE, MADV.DONTNEED) == -22
    assert len(process.mm.pages) == 3
    assert process.madvise(page(2), PAGE, MADV.DONTNEED_LOCKED) == 0
    assert len(process.mm.pages) == 2
    vma_at(process, 0).flags |= VM.PFNMAP
    assert process.madvise(page(0), PAGE, MADV.DONTNEED_LOCKED) == -22


@pytest.mark.parametrize(
    ("advice", "answers"),
    [
        (MADV.WILLNEED, [0, 0, 0, 0]),
        (MADV.FREE, [0, -22, -22, -22]),
        (MADV.REMOVE, [-22, -22, -13, 0]),
        (MADV.COLD, [0, -22, 0, 0]),
        (MADV.PAGEOUT, [0, -22, 0, 0]),
        (MADV.POPULATE_READ, [0, 0, 0, 0]),
        (MADV.COLLAPSE, [-22, -22, -22, -22]),
        (MADV.GUARD_REMOVE, [0, 0, 0, 0]),
        (104, [-22, -22, -22, -22]),
    ],
)
def test_advice_on_pages_by_kind_of_memory(advice: int, answers: list[int]) -> None:
    """Anonymous, locked, of a file, shared: which of them the advice is for. None of it changes anonymous pages."""
    process = drawn("ww|ll|ff|..")
    process.mmap(page(6), 2 * PAGE, RW, MAP.SHARED | MAP.ANONYMOUS | MAP.FIXED)
    for number in range(8):
        process.touch(page(number))
    assert [process.madvise(page(number), PAGE, advice) for number in (0, 2, 4, 6)] == answers
    assert [page(number) in process.mm.pages for number in range(6)] == [True] * 6
    assert (page(6) in process.mm.pages) is (advice != MADV.REMOVE)
    assert ids(process) == []


def test_populating_stops_at_a_hole_or_at_what_forbids_it() -> None:
    process = drawn("rr|ww.ww|xx")
    vma_at(process, 7).flags &= ~VM.READ
    write, read = MADV.POPULATE_WRITE, MADV.POPULATE_READ
    assert process.madvise(page(0), 4 * PAGE, write) == -22
    assert process.madvise(page(0), 4 * PAGE, read) == 0
    assert process.mm.pages == {}
    assert process.madvise(page(2), 4 * PAGE, write) == -12
    assert sorted(process.mm.pages) == [page(2), page(3)]
    assert process.madvise(page(5), 3 * PAGE, read) == -22
    assert process.madvise(page(4), PAGE, read) == -12
    process.mmap(page(10), 4 * PAGE, RW, MAP.PRIVATE | MAP.FIXED, File("short", 2))
    assert process.madvise(page(10), 4 * PAGE, write) == -14
    assert sorted(process.mm.pages)[2:] == [page(10), page(11)]
    assert ids(process) == []


# -- locking


@pytest.mark.parametrize("generation", GENERATIONS)
def test_locking_splits_counts_and_fills(generation: str) -> None:
    process = drawn("wwwwww", generation)
    assert process.mlock(page(2) + 5, 2 * PAGE - 10) == 0
    assert (drawing(process), process.mm.locked_vm, len(process.mm.pages)) == ("ww|ll|ww", 2, 2)
    assert process.munlock(page(3), PAGE) == 0
    assert (drawing(process).replace("|", ""), process.mm.locked_vm) == ("wwlwww", 1)
    assert ids(process) == []


def test_locking_over_a_hole_keeps_what_it_had_done() -> None:
    process = drawn("ww.w")
    assert process.mlock(page(0), 4 * PAGE) == -12
    assert drawing(process) == "ll.w"
    assert process.mlock(page(2), PAGE) == -12
    assert process.munlock(MASK & ~0xFFF, 2 * PAGE) == -22
    assert process.mlock(page(0), 0) == 0
    assert ids(process) == []


def test_memory_that_cannot_be_read_is_locked_and_told() -> None:
    process = drawn("ww")
    process.mprotect(page(0), PAGE, 0)
    assert process.mlock(page(0), 2 * PAGE) == -12
    assert process.mm.locked_vm == 2


def test_locking_on_fault_fills_nothing() -> None:
    process = drawn("ww")
    assert process.mlock(page(0), 2 * PAGE, onfault=True) == 0
    assert (process.mm.locked_vm, process.mm.pages) == (2, {})
    assert vma_at(process, 0).flags & VM.LOCKONFAULT


def test_the_limit_does_not_count_locked_pages_twice() -> None:
    process = drawn("wwww")
    process.mm.cap_ipc_lock = False
    process.setrlimit("MEMLOCK", 3 * PAGE)
    assert process.mlock(page(0), 2 * PAGE) == 0
    assert process.mlock(page(0), 3 * PAGE) == 0
    assert process.mlock(page(0), 4 * PAGE) == -12
    process.setrlimit("MEMLOCK", 0)
    assert process.mlock(page(0), PAGE) == -1
    assert process.mlockall(MCL.CURRENT) == -1
    assert ids(process) == []


def test_locking_everything_now_and_in_future() -> None:
    process = drawn("ww.rr")
    assert process.mlockall(MCL.CURRENT) == 0
    assert (process.mm.locked_vm, process.mm.def_flags, len(process.mm.pages)) == (4, 0, 2)
    assert process.munlockall() == 0
    assert process.mlockall(MCL.FUTURE) == 0
    assert (process.mm.locked_vm, process.mm.def_flags) == (0, VM.LOCKED)
    process.mmap(page(8), PAGE, RW, FIXED)
    assert process.mm.locked_vm == 1
    assert process.mlockall(MCL.CURRENT | MCL.FUTURE | MCL.ONFAULT) == 0
    assert process.mm.def_flags == VM.LOCKED | VM.LOCKONFAULT
    process.munlockall()
    assert (process.mm.locked_vm, process.mm.def_flags) == (0, 0)
    assert [process.mlockall(flags) for flags in (0, MCL.ONFAULT, 8)] == [-22] * 3
    assert ids(process) == []


def test_locking_everything_needs_the_limit_for_everything() -> None:
    process = drawn("wwww")
    process.mm.cap_ipc_lock = False
    process.setrlimit("MEMLOCK", 3 * PAGE)
    assert process.mlockall(MCL.CURRENT | MCL.FUTURE) == -12
    assert (process.mm.def_flags, process.mm.locked_vm) == (0, 0)
    assert process.mlockall(MCL.FUTURE) == 0


def test_special_mappings_are_left_alone() -> None:
    process = drawn("ww")
    vma_at(process, 0).flags |= VM.DONTEXPAND
    assert process.mlock(page(0), 2 * PAGE) == 0
    assert process.mm.locked_vm == 0


# -- policies


def test_a_policy_splits_and_merges() -> None:
    process = drawn("wwwwww")
    assert process.mbind(page(2), 2 * PAGE, "bind:0") == 0
    assert [vma.policy for vma in process.mm.vmas()] == [None, "bind:0", None]
    assert process.mbind(page(0), 2 * PAGE, "bind:0") == 0
    assert process.mm.map_count == 2
    assert process.mbind(page(0), 6 * PAGE, None) == 0
    assert process.mm.map_count == 1
    assert ids(process) == []


def test_what_mbind_refuses() -> None:
    process = drawn("ww.ww")
    assert process.mbind(page(0), 5 * PAGE, "bind:0") == -14
    assert [vma.policy for vma in process.mm.vmas()] == [None, None]
    assert process.mbind(page(2), PAGE, None) == -14
    assert process.mbind(page(0), 5 * PAGE, None) == 0
    assert process.mbind(page(0) + 1, PAGE, None) == -22
    assert process.mbind(page(0), 0, None) == 0
    process.machine.faults.plan("policy_dup")
    assert process.mbind(page(0), PAGE, "bind:0") == -12
    assert ids(process) == []


# -- settings


def test_limits_in_bytes() -> None:
    process = drawn("")
    limit = process.mm.limits["DATA"]
    assert process.setrlimit("DATA", 5) == 0
    assert (limit.soft, limit.hard) == (5, MASK)
    limit.hard = 7
    process.setrlimit("DATA", 9)
    assert limit.hard == 9
    process.setrlimit("DATA", -1)
    assert limit.soft == MASK


def test_segment_marks_can_be_moved() -> None:
    process = drawn("", brk=4)
    assert process.set_mm("start_brk", page(2) + 5) == 0
    assert process.mm.start_brk == page(2) + 5
    assert process.set_mm("end_data", page(1)) == 0
    assert process.set_mm("start_data", page(1) + 1) == -22
    assert process.set_mm("brk", page(1)) == -22
    assert process.set_mm("brk", 5) == -22
    assert process.set_mm("brk", TASK_SIZE) == -22
    process.set_mm("start_code", page(0))
    assert process.set_mm("end_code", page(0)) == -22
    assert process.set_mm("start_data", page(1)) == 0
    process.setrlimit("DATA", PAGE)
    assert process.set_mm("brk", page(4)) == -22
    assert process.set_mm("brk", page(3)) == 0


def test_hooks() -> None:
    process = drawn("ww")
    assert process.hook(page(0), close=True) == 0
    assert process.hook(page(5)) == -14
    process.munmap(page(0), 2 * PAGE)
    assert "close" in names(process)
