"""Counters and limits: classes of mappings, RLIMIT_AS and DATA, the promise of memory, wrap-around."""

from __future__ import annotations

import pytest

from mmsim.mm import MM, VM, Machine
from mmsim.mm.flags import STACK, letters, of_letters
from mmsim.mm.machine import ALWAYS, GUESS, NEVER
from mmsim.mm.space import Limit, data_class, exec_class, stack_class, start_gap
from mmsim.mm.units import GUARD_GAP, MASK, PAGE, TASK_SIZE, page_align, wrap

from .address_spaces import HEAP, drawn, page, vma_at

W, X, R, S = VM.WRITE, VM.EXEC, VM.READ, VM.SHARED


@pytest.mark.parametrize(
    ("flags", "kind"),
    [
        (0, ""),
        (R, ""),
        (R | W, "data"),
        (R | W | X, "data"),
        (R | X, "exec"),
        (R | W | S, ""),
        (R | X | S, "exec"),
        (STACK, "stack"),
        (R | W | STACK, "stack"),
        (R | X | STACK, "stack"),
        (R | W | S | STACK, "stack"),
    ],
)
def test_every_mapping_has_one_class_or_none(flags: int, kind: str) -> None:
    classes = {"data": data_class(flags), "exec": exec_class(flags), "stack": stack_class(flags)}
    counted = next((name for name in ("exec", "stack", "data") if classes[name]), "")
    assert counted == kind
    mm = MM(Machine(), has_list=False)
    mm.stat_account(flags, 5)
    counters = {"exec": mm.exec_vm, "stack": mm.stack_vm, "data": mm.data_vm}
    assert mm.total_vm == 5
    assert counters == {name: 5 if name == kind else 0 for name in counters}
    mm.stat_account(flags, -5)
    assert (mm.total_vm, mm.exec_vm, mm.stack_vm, mm.data_vm) == (0, 0, 0, 0)


def test_counters_are_unsigned_longs() -> None:
    mm = MM(Machine(), has_list=False)
    for name in ("total_vm", "data_vm", "stack_vm", "exec_vm", "locked_vm"):
        setattr(mm, name, getattr(mm, name) - 1)
        assert getattr(mm, name) == MASK
        setattr(mm, name, getattr(mm, name) + 3)
        assert getattr(mm, name) == 2


def test_the_peak_is_seen_whoever_raises_the_total() -> None:
    mm = MM(Machine(), has_list=False)
    mm.total_vm += 7
    mm.total_vm -= 4
    assert (mm.total_vm, mm.peak_vm, mm.hiwater_vm) == (3, 7, 0)
    mm.update_hiwater()
    assert mm.hiwater_vm == 3


@pytest.mark.parametrize(("pages", "allowed"), [(6, True), (7, False)])
def test_the_address_space_limit_counts_everything(pages: int, allowed: bool) -> None:
    mm = drawn("wwrr").mm
    mm.limits["AS"].soft = 10 * PAGE
    assert mm.may_expand(HEAP, pages) is allowed
    assert mm.may_expand(VM.READ, pages) is allowed


def test_the_data_limit_counts_data_only() -> None:
    mm = drawn("wwrr").mm
    mm.limits["DATA"] = Limit(5 * PAGE, 100 * PAGE)
    assert mm.may_expand(HEAP, 3)
    assert not mm.may_expand(HEAP, 4)
    assert mm.events == [("over_data_limit", 6)]
    assert mm.may_expand(VM.READ, 4)
    mm.machine.ignore_rlimit_data = True
    assert mm.may_expand(HEAP, 4)


@pytest.mark.parametrize(("soft", "hard", "allowed"), [(0, 4, True), (0, 3, False), (1, 4, False)])
def test_valgrind_may_pass_a_soft_limit_of_zero(soft: int, hard: int, allowed: bool) -> None:
    mm = drawn("ww").mm
    mm.limits["DATA"] = Limit(soft * PAGE, hard * PAGE)
    assert mm.may_expand(HEAP, 2) is allowed


def test_a_wrapped_total_passes_no_limit_not_even_infinity() -> None:
    mm = MM(Machine(), has_list=False)
    mm.total_vm -= 10
    assert not mm.may_expand(HEAP, 1)
    assert mm.may_expand(HEAP, 10)


def test_locking_asks_the_limit_only_for_locked_memory_without_the_capability() -> None:
    mm = drawn("ll").mm
    mm.limits["MEMLOCK"].soft = 3 * PAGE
    assert mm.may_lock(VM.LOCKED, 9 * PAGE)
    mm.cap_ipc_lock = False
    assert mm.may_lock(VM.LOCKED, PAGE)
    assert not mm.may_lock(VM.LOCKED, 2 * PAGE)
    assert mm.may_lock(0, 9 * PAGE)


def test_overcommit_guess_refuses_only_more_than_there_is() -> None:
    machine = Machine(ram=100, swap=20, overcommit=GUESS)
    mm = MM(machine, has_list=False)
    assert [machine.charge(mm, pages) for pages in (120, 120, 121)] == [0, 0, -12]
    assert machine.committed == 240
    machine.uncharge(240)
    assert machine.committed == 0


def test_overcommit_always_refuses_nothing() -> None:
    machine = Machine(ram=1, overcommit=ALWAYS)
    assert machine.charge(MM(machine, has_list=False), 1 << 40) == 0


def test_overcommit_never_counts_what_is_promised() -> None:
    machine = Machine(ram=100_000, swap=1000, overcommit=NEVER, ratio=50)
    mm = MM(machine, has_list=False)
    assert machine.charge(mm, 50_999) == 0
    assert machine.charge(mm, 1) == -12
    assert machine.committed == 50_999


def test_overcommit_never_keeps_reserves() -> None:
    machine = Machine(ram=200_000, overcommit=NEVER, ratio=50)
    mm = MM(machine, has_list=False)
    mm.cap_sys_admin = False
    mm.total_vm = 320
    assert machine.charge(mm, 100_000 - 2048 - 10) == -12
    assert machine.charge(mm, 100_000 - 2048 - 10 - 1) == 0
    machine.uncharge(machine.committed)
    mm.total_vm = MASK - 5  # a total that wrapped takes the whole user reserve
    assert machine.charge(mm, 100_000 - 2048 - machine.user_reserve) == -12
    assert machine.charge(mm, 100_000 - 2048 - machine.user_reserve - 1) == 0


def test_overcommit_never_takes_kilobytes_or_leaves_hugetlb_out() -> None:
    machine = Machine(ram=1000, overcommit=NEVER, ratio=50)
    mm = MM(machine, has_list=False)
    machine.hugetlb = 200
    assert [machine.charge(mm, pages) for pages in (400, 399)] == [-12, 0]
    machine.uncharge(399)
    machine.overcommit_kbytes = 40
    assert [machine.charge(mm, pages) for pages in (10, 9)] == [-12, 0]


def test_a_planned_refusal_leaves_nothing_promised() -> None:
    machine = Machine()
    machine.faults.plan("commit_refusal")
    mm = MM(machine, has_list=False)
    assert [machine.charge(mm, 3), machine.charge(mm, 3), machine.committed] == [-12, 0, 3]


@pytest.mark.parametrize(
    ("address", "length", "answer"),
    [
        (0x10000, PAGE, 0),
        (TASK_SIZE - PAGE, PAGE, 0),
        (TASK_SIZE, PAGE, -12),
        (0, TASK_SIZE + PAGE, -12),
        (0x10001, PAGE, -22),
        (0xF000, PAGE, -1),
        (MASK - PAGE + 1, 2 * PAGE, -12),
    ],
)
def test_a_fixed_place_must_be_possible(address: int, length: int, answer: int) -> None:
    mm = MM(Machine(), has_list=False)
    mm.cap_sys_rawio = False
    assert mm.fixed_area(address, length) == answer


def test_aligning_wraps_in_the_last_page() -> None:
    assert page_align(MASK - PAGE + 2) == 0
    assert page_align(MASK - PAGE + 1) == MASK - PAGE + 1
    assert wrap(0 - PAGE) == 2**64 - PAGE


def test_a_stack_keeps_a_gap_below() -> None:
    process = drawn("w.g")
    assert start_gap(vma_at(process, 0)) == page(0)
    assert start_gap(vma_at(process, 2)) == page(2) - GUARD_GAP
    low = vma_at(process, 2)
    low.start = PAGE
    assert start_gap(low) == 0


def test_flags_have_letters_both_ways() -> None:
    assert letters(HEAP | VM.LOCKED | VM.SOFTDIRTY) == "rd wr mr mw me lo ac"
    assert of_letters(letters(HEAP)) == HEAP
    with pytest.raises(ValueError, match="'zz'"):
        of_letters("rd zz")


def test_failures_are_planned_by_site_and_count() -> None:
    faults = Machine().faults
    faults.plan("vma_alloc", (1, 3))
    faults.plan("may_split", 2)
    assert [faults.hit("vma_alloc") for _ in range(4)] == [True, False, True, False]
    assert [faults.hit("may_split") for _ in range(3)] == [False, True, False]
    faults.plan("vma_alloc")
    faults.clear()
    assert not faults.hit("vma_alloc")
    with pytest.raises(ValueError, match="site is 'disk'"):
        faults.plan("disk")
    with pytest.raises(ValueError, match="nth is 0"):
        faults.plan("vma_alloc", 0)
