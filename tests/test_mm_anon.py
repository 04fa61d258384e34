"""anon_vma chains, their interval trees and locks; userfaultfd lists; the lock of the address space."""

from __future__ import annotations

import pytest

from mmsim.mm import MM, VM, Machine, UffdContext, anon
from mmsim.mm.uffd import Unmapped, unmap_complete, unmap_prep
from mmsim.mm.units import PAGE

from .address_spaces import GENERATIONS, drawing, drawn, ids, names, page, vma_at


def test_the_first_write_makes_an_anon_vma() -> None:
    process = drawn("wwww")
    vma = vma_at(process, 0)
    assert (vma.anon_vma, vma.chain, vma.singular) == (None, [], False)
    process.touch(page(2))
    assert vma.chain == [vma.anon_vma]
    assert vma.singular
    assert vma.anon_vma.tree == {vma: (page(0) // PAGE, 4)}


def test_a_neighbour_that_could_be_the_same_vma_shares_it() -> None:
    """What mprotect() may change does not matter, so that a later merge stays possible; the next one goes first."""
    process = drawn("www|rrr|www")
    vma_at(process, 3).flags = vma_at(process, 0).flags & ~VM.WRITE
    process.touch(page(6))
    process.touch(page(0))
    lower, middle, upper = process.mm.vmas()
    assert lower.anon_vma is not upper.anon_vma
    middle.flags |= VM.WRITE
    process.touch(page(3))
    assert middle.anon_vma is upper.anon_vma
    assert set(upper.anon_vma.tree) == {middle, upper}


@pytest.mark.parametrize("text", ["www|lll", "www.www", "www|fff"])
def test_a_neighbour_that_is_another_thing_does_not(text: str) -> None:
    process = drawn(text)
    process.touch(page(0))
    process.touch(page(4))
    assert vma_at(process, 0).anon_vma is not vma_at(process, 4).anon_vma


def test_a_neighbour_with_an_inherited_chain_does_not() -> None:
    process = drawn("www")
    process.touch(page(0))
    child = process.fork()
    child.mmap(page(3), 3 * PAGE, 3, 0x32)
    assert drawing(child) == "www|www"
    child.touch(page(3))
    assert vma_at(child, 3).anon_vma is not vma_at(child, 0).anon_vma
    assert vma_at(child, 3).singular


def test_fork_copies_every_link_and_adds_one() -> None:
    process = drawn("www")
    process.touch(page(0))
    child = process.fork()
    grandchild = child.fork()
    chains = [vma_at(each, 0).chain for each in (process, child, grandchild)]
    assert [len(chain) for chain in chains] == [1, 2, 3]
    assert chains[2][:2] == chains[1]
    assert chains[1][:1] == chains[0]
    own = vma_at(grandchild, 0).anon_vma
    assert own is chains[2][2]
    assert own.root is chains[0][0]
    assert len(chains[0][0].tree) == 3
    assert ids(process, child, grandchild) == []


def test_an_untouched_vma_has_nothing_to_inherit() -> None:
    process = drawn("www")
    child = process.fork()
    assert vma_at(child, 0).chain == []


def test_clone_and_merge() -> None:
    process = drawn("www..www")
    process.touch(page(0))
    one, other = process.mm.vmas()
    assert anon.clone(other, one) == 0
    other.anon_vma = one.anon_vma
    assert set(one.anon_vma.tree) == {one, other}
    anon.merge(one, other)
    assert set(one.anon_vma.tree) == {one}
    assert (other.anon_vma, other.chain) == (None, [])


def test_a_clone_without_memory_gives_nothing() -> None:
    process = drawn("www..www")
    process.touch(page(0))
    one, other = process.mm.vmas()
    process.machine.faults.plan("anon_clone")
    assert anon.clone(other, one) == -12
    assert (other.chain, set(one.anon_vma.tree)) == ([], {one})
    assert anon.clone(one, other) == 0  # an empty chain needs no memory


def test_bounds_that_change_outside_the_ritual_are_found() -> None:
    process = drawn("wwww")
    process.touch(page(0))
    vma = vma_at(process, 0)
    anon.lock(process.mm, vma.anon_vma)
    anon.take_out(vma)
    assert vma.anon_vma.tree == {}
    anon.put_back(vma)
    anon.unlock(process.mm, vma.anon_vma)
    assert ids(process) == []
    vma.pgoff += 1
    assert ids(process) == ["I11"]


def test_the_lock_is_the_roots() -> None:
    process = drawn("www")
    process.touch(page(0))
    child = process.fork()
    own, root = vma_at(child, 0).anon_vma, vma_at(process, 0).anon_vma
    anon.lock(child.mm, own)
    assert (root.locked, child.mm.held) == (True, [root])
    assert ids(child, process) == ["I9"]
    child.mm.may_block("test")
    anon.unlock(child.mm, own)
    assert (root.locked, child.mm.held) == (False, [])
    assert [str(each) for each in child.check(process)] == [
        f"I10 test allocation may block while {root} is write-locked"
    ]


def test_a_file_files_its_mappings() -> None:
    process = drawn("....")
    from mmsim.mm import File

    file = File("data", 100)
    process.mmap(page(0), 4 * PAGE, 3, 0x12, file, 10)
    vma = vma_at(process, 0)
    assert file.i_mmap == {vma: (10, 4)}
    process.munmap(page(1), PAGE)
    assert sorted(file.i_mmap.values()) == [(10, 1), (12, 2)]
    process.munmap(page(0), 4 * PAGE)
    assert file.i_mmap == {}


# -- locks


def test_the_lock_and_how_it_is_taken() -> None:
    mm = MM(Machine(), has_list=False)
    assert mm.write_lock_killable() == 0
    assert mm.lock == "write"
    mm.downgrade()
    assert (mm.lock, mm.events) == ("read", [("downgrade",)])
    mm.unlock()
    assert mm.lock == "none"
    mm.machine.faults.plan("lock_killed")
    assert mm.write_lock_killable() == -4
    assert mm.lock == "none"


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize(
    "call",
    [
        lambda process: process.brk(page(6)),
        lambda process: process.vm_brk_flags(page(8), PAGE),
        lambda process: process.mmap(page(8), PAGE, 3, 0x32),
        lambda process: process.munmap(page(0), PAGE),
        lambda process: process.mprotect(page(0), PAGE, 1),
        lambda process: process.madvise(page(0), PAGE, 10),
        lambda process: process.mlock(page(0), PAGE),
        lambda process: process.munlock(page(0), PAGE),
        lambda process: process.mlockall(1),
        lambda process: process.munlockall(),
        lambda process: process.mremap(page(0), PAGE, 2 * PAGE),
        lambda process: process.fork(),
    ],
)
def test_a_process_killed_while_it_waits_changes_nothing(generation: str, call: object) -> None:
    process = drawn("wwww", generation, brk=4)
    process.machine.faults.plan("lock_killed")
    assert call(process) == -4
    assert (drawing(process), process.mm.brk, ids(process)) == ("wwww", page(4), [])


# -- userfaultfd


def registered(text: str = "wwww|rrrr") -> tuple:
    process, context = drawn(text), UffdContext("monitor")
    assert process.uffd_register(page(2), 4 * PAGE, context) == 0
    return process, context


def test_registering_marks_the_range_only() -> None:
    process, context = registered()
    vmas = list(process.mm.vmas())
    assert [vma.uffd for vma in vmas] == [None, context, context, None]
    assert [bool(vma.flags & VM.UFFD_MISSING) for vma in vmas] == [False, True, True, False]
    assert ids(process) == []
    assert process.uffd_register(page(2), 4 * PAGE, context) == 0
    assert process.uffd_register(page(2), PAGE, UffdContext("other")) == -16
    assert process.uffd_register(page(20), PAGE, context) == -22
    assert process.uffd_register(page(2), 1, context) == -22


def test_file_mappings_are_not_registered() -> None:
    process = drawn("ffff")
    assert process.uffd_register(page(0), PAGE, UffdContext("monitor")) == -22


def test_a_queued_event_names_the_whole_request_once() -> None:
    process, context = registered()
    mm, uf = process.mm, []
    assert unmap_prep(mm, mm.vmas(), page(0), page(8), uf) == 0
    assert uf == [Unmapped(context, page(0), page(8))]
    assert (context.mmap_changing, context.refs, context.events) == (1, 2, [])
    assert ids(process) == ["I15"]
    unmap_complete(mm, uf)
    assert (context.mmap_changing, context.refs, context.events) == (0, 1, [(page(0), page(8))])
    assert (uf, mm.uf, ids(process)) == ([], [], [])


def test_a_monitor_that_asked_for_no_events_gets_none() -> None:
    process, context = registered()
    context.event_unmap = False
    uf: list[Unmapped] = []
    assert unmap_prep(process.mm, process.mm.vmas(), page(0), page(8), uf) == 0
    assert uf == []


def test_what_was_queued_before_a_failure_stays_queued() -> None:
    process = drawn("wwww|rrrr")
    first, second = UffdContext("first"), UffdContext("second")
    process.uffd_register(page(0), 4 * PAGE, first)
    process.uffd_register(page(4), 4 * PAGE, second)
    process.machine.faults.plan("uffd_entry", 2)
    uf: list[Unmapped] = []
    assert unmap_prep(process.mm, process.mm.vmas(), page(0), page(8), uf) == -12
    assert [entry.context for entry in uf] == [first]
    assert (first.mmap_changing, second.mmap_changing) == (1, 0)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_an_unmap_is_told_when_the_lock_is_dropped(generation: str) -> None:
    process, context = drawn("wwww", generation), UffdContext("monitor")
    process.uffd_register(page(0), 4 * PAGE, context)
    process.mm.events.clear()
    assert process.munmap(page(1), PAGE) == 0
    assert context.events == [(page(1), page(2))]
    assert names(process)[-1] == "uf_complete"
    assert ids(process) == []


def test_a_child_has_no_monitor() -> None:
    process, _ = registered()
    child = process.fork()
    assert [vma.uffd for vma in child.mm.vmas()] == [None] * 4
    assert ids(process, child) == []
