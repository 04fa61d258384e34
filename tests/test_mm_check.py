"""Each invariant broken on purpose: the report names what is wrong, and by how much."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mmsim.brk import Process
from mmsim.mm import INVARIANTS, VM, UffdContext, anon
from mmsim.mm.transition import after_brk, after_failure, differences, registered, snapshot, untold
from mmsim.mm.uffd import Unmapped
from mmsim.mm.units import PAGE

from .address_spaces import FILE, SOUND, drawn, page, vma_at

Break = Callable[[Process], object]


def test_there_are_25_each_with_its_meaning_in_one_line() -> None:
    assert sorted(INVARIANTS, key=lambda each: int(each[1:])) == [f"I{number}" for number in range(25)]
    assert all(meaning and "\n" not in meaning for meaning, _ in INVARIANTS.values())
    assert [each for each, (_, check) in INVARIANTS.items() if check is None] == ["I16", "I21", "I22", "I23"]


def _overlap(process: Process) -> None:
    vma_at(process, 4).start = page(2)


def _loop(process: Process) -> None:
    process.mm.head.next.prev = None


def _twice(process: Process) -> None:
    process.mm.tree.store_range(page(2), page(3) - 1, vma_at(process, 4))


def _lock(process: Process) -> None:
    process.touch(page(0))
    anon.lock(process.mm, vma_at(process, 0).anon_vma)


def _lock_file(process: Process) -> None:
    FILE.locked = True


def _stale(process: Process) -> None:
    process.touch(page(0))
    vma_at(process, 0).chain[0].tree[vma_at(process, 0)] = (1, 1)


def _queue(process: Process) -> None:
    context = UffdContext("m")
    context.mmap_changing = 1
    process.mm.uf.append(Unmapped(context, page(0), page(1)))


def _free(process: Process) -> None:
    vma_at(process, 0).freed = True


def _free_in_chain(process: Process) -> None:
    process.touch(page(0))
    process.touch(page(4))
    gone = vma_at(process, 4)
    vma_at(process, 0).chain[0].tree[gone] = (0, 0)
    process.mm.list_unlink(gone)
    process.mm.tree.erase(page(4))
    gone.freed = True


def _set(name: str, value: object) -> Break:
    return lambda process: setattr(process.mm, name, value)


BREAKS: list[tuple[str, Break, str]] = [
    ("I0", _set("corrupt", "a store left overlapping ranges"), "a store left overlapping ranges"),
    ("I1", _overlap, "the tree holds 0x10004000-0x10006000 for vma 2 0x10002000-0x10006000"),
    ("I1", _twice, "vma 2 0x10004000-0x10006000 has two ranges in the tree"),
    ("I2", lambda process: process.mm.list_unlink(vma_at(process, 4)), "only in the tree: ['vma 2 0x10004000"),
    ("I2", _loop, "the list entry after vma 1 0x10000000-0x10002000 does not point back to it"),
    ("I3", lambda process: setattr(vma_at(process, 0), "end", page(5)), "overlap by 0x1000 bytes"),
    ("I4", _set("map_count", 7), "map_count, by the tree, is 7, counted 3 (+4)"),
    ("I4", _set("map_count", 7), "map_count, by the list, is 7, counted 3 (+4)"),
    ("I5", _set("total_vm", 1), "total_vm is 1, counted 6 (-5)"),
    ("I6", _set("data_vm", 9), "data_vm is 9, counted 4 (+5)"),
    ("I6", _set("stack_vm", 3), "stack_vm is 3, counted 0 (+3)"),
    ("I6", _set("exec_vm", 3), "exec_vm is 3, counted 0 (+3)"),
    ("I7", _set("locked_vm", 2), "locked_vm is 2, counted 0 (+2)"),
    ("I8", lambda process: process.machine.uncharge(3), "committed is 1, counted 4 (-3)"),
    ("I9", _set("lock", "read"), "the mmap lock is held for read"),
    ("I9", _lock, "anon_vma 4 is write-locked"),
    ("I9", _lock_file, "the i_mmap of file:drawn is locked"),
    ("I10", lambda process: process.mm.violations.append("vma allocation may block"), "vma allocation may block"),
    ("I11", _stale, "anon_vma 4 has vma 1 0x10000000-0x10002000 as (page, pages) (1, 1), it is (65536, 2)"),
    ("I12", lambda process: FILE.i_mmap.clear(), "file:drawn has vma 3 0x10006000-0x10008000 as (page, pages) None"),
    ("I13", lambda process: process.mm.pages.update({page(3): "anon"}), "page 0x10003000 is present outside every VMA"),
    ("I14", _set("highest_vm_end", page(9)), "highest_vm_end is 0x10009000, the last VMA ends at 0x10008000"),
    ("I15", _queue, "uffd m was never told of 0x10000000-0x10001000"),
    ("I15", _queue, "uffd m has mmap_changing 1: its monitor gets -EAGAIN"),
    ("I17", lambda process: setattr(vma_at(process, 0), "uffd", UffdContext("m")), "context uffd m, flags 0x0"),
    ("I18", _free, "vma 1 0x10000000-0x10002000 is freed and still in the tree"),
    ("I18", _free_in_chain, "anon_vma 4 still files the freed vma 2 0x10004000-0x10006000"),
    ("I19", _set("peak_vm", 50), "VmPeak is 6 pages, there were 50"),
    ("I20", _set("brk", page(0) - 1), "brk is 0xfffffff, the heap starts at 0x10000000"),
    (
        "I24",
        lambda process: process.mm.lost_pages.add(page(0)),
        "page 0x10000000 was lost with its page table (0x10000000)",
    ),
]


@pytest.mark.parametrize(("id", "harm", "text"), BREAKS, ids=[f"{id}-{text[:24]}" for id, _, text in BREAKS])
def test_a_broken_invariant_is_reported(id: str, harm: Break, text: str) -> None:
    FILE.i_mmap.clear()
    process = drawn("ww..rr|ff", "before")
    assert process.check() == []
    harm(process)
    told = [str(each) for each in process.check() if each.id == id]
    FILE.locked = False
    assert any(text in line for line in told), told


def test_broken_ones_come_in_order_and_the_charge_is_the_machines() -> None:
    process = drawn("ww")
    child = process.fork()
    process.mm.total_vm = process.mm.data_vm = 0
    assert [each.id for each in process.check(child)] == ["I5", "I6", "I19"]
    assert [each.id for each in process.check()] == ["I5", "I6", "I8", "I19"]


# -- two moments


def test_i16_a_range_that_went_untold() -> None:
    process, context = drawn("wwww"), UffdContext("m")
    process.uffd_register(page(0), 4 * PAGE, context)
    watched, before = registered(process.mm), snapshot(process.mm)
    process.munmap(page(0), PAGE)
    assert untold(process.mm, watched, before.told) == []
    process.mm.tree.erase(page(2))
    (broken,) = untold(process.mm, watched, before.told)
    assert str(broken) == "I16 uffd m was not told of 3 pages that went, the first at 0x10001000"
    context.event_unmap = False
    assert registered(process.mm) == []


def test_i20_a_refused_call_that_moved_the_break() -> None:
    process = drawn("ww", brk=2)
    before = snapshot(process.mm)
    process.mm.brk = page(1)
    (broken,) = after_failure(before, snapshot(process.mm))
    assert str(broken) == "I20 brk was 0x10002000 and is 0x10001000 after a refused call"


def test_i21_anything_a_program_could_notice() -> None:
    process = drawn("ww..rr", brk=2)
    process.touch(page(0))
    before = snapshot(process.mm)
    assert after_failure(before, snapshot(process.mm), strict=True) == []
    vma_at(process, 0).policy = "bind:0"
    process.mm.locked_vm += 2
    process.mm.pages[page(1)] = "anon"
    assert [str(each) for each in after_failure(before, snapshot(process.mm))] == [
        "I21 after a failed call: lost or changed: 0x10000000-0x10002000 rd wr mr mw me ac",
        "I21 after a failed call: new: 0x10000000-0x10002000 rd wr mr mw me ac bind:0",
        "I21 after a failed call: 1 present pages came or went, the first at 0x10001000",
        "I21 after a failed call: locked_vm was 0 and is 2 (+2)",
    ]


def test_i21_a_split_shows_only_in_the_strict_form() -> None:
    process = drawn("wwww|ffff")
    before = snapshot(process.mm)
    process.machine.faults.plan("vma_alloc", 2)
    assert process.munmap(page(2), 4 * PAGE) == -12
    after = snapshot(process.mm)
    assert after_failure(before, after) == []
    (broken,) = after_failure(before, after, strict=True)
    assert str(broken).startswith("I21 after a failed call: the pages are as before, but the VMAs")


def test_i21_a_range_that_is_cleared_first_may_be_empty() -> None:
    process = drawn("wwww")
    before = snapshot(process.mm)
    process.munmap(page(1), 2 * PAGE)
    after = snapshot(process.mm)
    assert after_failure(before, after, emptied=(page(1), page(3))) == []
    assert [each.id for each in after_failure(before, after)] == ["I21"] * 6
    process.munmap(page(0), PAGE)
    assert after_failure(before, snapshot(process.mm), emptied=(page(1), page(3))) != []


def test_i22_growth_maps_exactly_the_range() -> None:
    process = drawn("ww..rr", brk=2)
    before = snapshot(process.mm)
    process.mm.brk = page(4)
    assert [str(each) for each in after_brk(before, snapshot(process.mm))] == [
        "I22 brk() grew: not mapped: 0x10002000-0x10004000"
    ]
    process.mmap(page(2), PAGE, 1, 0x32)
    process.munmap(page(5), PAGE)
    process.mm.pages[page(0)] = "anon"
    assert [str(each) for each in after_brk(before, snapshot(process.mm))] == [
        "I22 brk() grew: lost or changed: 0x10004000-0x10006000 rd mr mw me",
        "I22 brk() grew: new: 0x10004000-0x10005000 rd mr mw me",
        "I22 brk() grew: 1 present pages came or went, the first at 0x10000000",
        "I22 brk() grew: no heap: 0x10002000-0x10003000 rd mr mw me",
        "I22 brk() grew: not mapped: 0x10003000-0x10004000",
    ]


def test_i22_a_shrink_leaves_nothing() -> None:
    process = drawn("ww..rr", brk=4)
    before = snapshot(process.mm)
    process.mm.brk = page(1)
    (broken,) = after_brk(before, snapshot(process.mm))
    assert str(broken) == "I22 still mapped: 0x10000000-0x10002000 rd wr mr mw me ac"


@pytest.mark.parametrize("generation", SOUND)
def test_i22_holds_for_every_sound_brk(generation: str) -> None:
    process = drawn("", generation)
    for want in (4, 9, 2, 2.5, 3, 0, 5):
        before = snapshot(process.mm)
        address = page(0) + int(want * PAGE)
        assert process.brk(address) == address
        assert after_brk(before, snapshot(process.mm), process.mm.def_flags) == []
        process.mlockall(2)


def test_i23_two_generations_may_differ_in_how_many_vmas() -> None:
    one, other = drawn("wwww|rr", "before"), drawn("ww|ww|rr", "today")
    assert differences(snapshot(one.mm), snapshot(other.mm), (0, 0)) == []
    other.munmap(page(4), PAGE)
    other.touch(page(0))
    other.mm.brk = page(1)
    assert [str(each) for each in differences(snapshot(one.mm), snapshot(other.mm), (page(1), page(2)))] == [
        "I23 the answer is 0x10002000, the reference's is 0x10001000",
        "I23 brk is 0x10001000, the reference's is 0x10000000",
        "I23 lost or changed: 0x10004000-0x10006000 rd mr mw me",
        "I23 new: 0x10005000-0x10006000 rd mr mw me",
        "I23 1 present pages came or went, the first at 0x10000000",
    ]


def test_a_snapshot_joins_what_follows_on_in_a_file() -> None:
    process = drawn("....")
    process.mmap(page(0), 4 * PAGE, 3, 0x12, FILE, 3)
    before = snapshot(process.mm)
    process.mprotect(page(1), PAGE, 1)
    vma_at(process, 1).flags = vma_at(process, 0).flags
    assert process.mm.map_count == 3
    assert snapshot(process.mm).parts == before.parts
    vma_at(process, 2).pgoff += 1
    assert snapshot(process.mm).parts != before.parts
    vma_at(process, 0).flags |= VM.SOFTDIRTY
    assert len(snapshot(process.mm).parts) == 2
