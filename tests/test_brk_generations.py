"""Each branch of brk() and vm_brk_flags(), and what the generations do differently."""

from __future__ import annotations

import inspect

import pytest

from mmsim.brk import GENERATIONS as MODULES
from mmsim.brk import Process
from mmsim.mm import VM, UffdContext
from mmsim.mm.transition import snapshot
from mmsim.mm.units import GUARD_GAP, MASK, PAGE

from .address_spaces import BASE, GENERATIONS, SOUND, drawing, drawn, ids, names, page, vma_at


def test_the_four_modules_have_the_same_functions() -> None:
    """So that a diff of two of them is the patch; do_brk_munmap() exists in v4 and 6.1 only."""
    functions = {
        name: {
            each
            for each, value in vars(code).items()
            if inspect.isfunction(value) and value.__module__ == code.__name__
        }
        for name, code in MODULES.items()
    }
    common = {"brk", "do_brk_flags", "vm_brk_flags"}
    assert all(common <= each for each in functions.values())
    assert [name for name, each in functions.items() if "do_brk_munmap" in each] == ["v4", "merged"]
    assert functions["v4"] - functions["before"] <= {"do_brk_munmap", "_account"}
    assert functions["merged"] - functions["v4"] == {"check_brk_limits"}
    assert functions["today"] - functions["merged"] <= {"expandable", "expand"}
    assert all(callable(vars(code)["brk"]) and "HAS_LIST" in vars(code) for code in MODULES.values())


def test_a_process_has_one_of_four_generations() -> None:
    with pytest.raises(ValueError, match="generation is 'v9'"):
        Process("v9")


# -- the common beginning


@pytest.mark.parametrize("generation", GENERATIONS)
def test_below_the_start_of_the_heap(generation: str) -> None:
    process = drawn("ww", generation, brk=2)
    assert process.brk(BASE - 1) == page(2)
    process.mm.end_data, process.mm.compat_brk = BASE - 8 * PAGE, True
    assert process.brk(BASE - 1) == page(2)
    process.mm.brk_randomized = False
    assert process.brk(BASE - 8 * PAGE - 1) == page(2)
    assert process.mm.brk == page(2)


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize(("want", "granted"), [(4 * PAGE, True), (4 * PAGE + 1, False)])
def test_the_data_limit_takes_the_unaligned_break(generation: str, want: int, granted: bool) -> None:
    process = drawn("", generation)
    process.mm.start_data, process.mm.end_data = 5, 5 + PAGE
    process.setrlimit("DATA", 5 * PAGE)
    assert process.brk(BASE + want) == (BASE + want if granted else BASE)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_within_a_page_only_the_break_moves(generation: str) -> None:
    process = drawn("ww", generation, brk=2)
    assert process.brk(page(1) + 1) == page(1) + 1
    assert process.mm.brk == page(1) + 1
    assert drawing(process) == "ww"
    assert names(process) == []
    assert ids(process) == []


# -- growing


@pytest.mark.parametrize("generation", GENERATIONS)
def test_the_heap_begins_grows_and_extends(generation: str) -> None:
    process = drawn("", generation)
    assert process.brk(page(2) + 7) == page(2) + 7
    assert drawing(process) == "www"
    assert process.brk(page(5)) == page(5)
    assert drawing(process) == "wwwww"
    assert process.machine.committed == process.mm.data_vm == process.mm.total_vm == 5
    assert names(process).count("vma_alloc") == 1
    assert vma_at(process, 0).flags & VM.SOFTDIRTY


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize(("want", "granted"), [(3, True), (4, False)])
def test_a_page_stays_free_below_what_comes_next(generation: str, want: int, granted: bool) -> None:
    process = drawn("w...r", generation, brk=1)
    assert process.brk(page(want)) == page(want if granted else 1)


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize(("free", "granted"), [(GUARD_GAP // PAGE, False), (GUARD_GAP // PAGE + 1, True)])
def test_the_gap_of_a_stack_stays_free_as_well(generation: str, free: int, granted: bool) -> None:
    process = drawn("w." + "." * free + "g", generation, brk=1)
    assert process.brk(page(2)) == page(2 if granted else 1)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_what_refuses_growth_and_gives_everything_back(generation: str) -> None:
    for hinder in ("AS", "DATA", "MEMLOCK", "maps", "charge", "vma"):
        process = drawn("rr", generation, brk=2)
        mm = process.mm
        if hinder in ("AS", "DATA"):
            process.setrlimit(hinder, 3 * PAGE)
        elif hinder == "MEMLOCK":
            mm.cap_ipc_lock, mm.def_flags = False, VM.LOCKED
            process.setrlimit("MEMLOCK", PAGE)
        elif hinder == "maps":
            process.machine.max_map_count = 0
        else:
            process.machine.faults.plan({"charge": "commit_refusal", "vma": "vma_alloc"}[hinder])
        before = snapshot(mm)
        assert process.brk(page(4)) == page(2), hinder
        assert snapshot(mm) == before
        assert ids(process) == []


@pytest.mark.parametrize("generation", GENERATIONS)
def test_locked_heaps_are_filled(generation: str) -> None:
    process = drawn("", generation)
    process.mlockall(2)
    process.brk(page(3))
    assert drawing(process) == "lll"
    assert (process.mm.locked_vm, len(process.mm.pages)) == (3, 3)
    assert names(process)[-1] == "populate"


@pytest.mark.parametrize("generation", GENERATIONS)
def test_after_a_fork_the_heap_is_extended_no_more(generation: str) -> None:
    process = drawn("", generation)
    process.brk(page(2))
    process.touch(page(0))
    child = process.fork()
    child.brk(page(4))
    process.brk(page(4))
    assert (drawing(process), drawing(child)) == ("wwww", "ww|ww")


def test_only_before_the_patch_a_first_growth_merges_with_bss() -> None:
    pictures = {}
    for generation in GENERATIONS:
        process = drawn("ww", generation)
        process.mm.start_brk = process.mm.brk = page(2)
        process.brk(page(4))
        pictures[generation] = drawing(process)
        assert ids(process) == []
    assert pictures == {"before": "wwww", "v4": "ww|ww", "merged": "ww|ww", "today": "ww|ww"}


CRITERIA = {
    "policy": lambda process, vma: setattr(vma, "policy", "bind:0"),
    "file": lambda process, vma: process.mmap(page(0), 2 * PAGE, 3, 0x12, __import__("mmsim").mm.File("f"), 0),
    "pgoff": lambda process, vma: setattr(vma, "pgoff", 7),
    "close": lambda process, vma: process.hook(page(0), close=True),
    "flags": lambda process, vma: setattr(vma, "flags", vma.flags | VM.DONTDUMP),
    "uffd": lambda process, vma: process.uffd_register(page(0), 2 * PAGE, UffdContext("m")),
}
EXTENDS = {
    "policy": ["v4"],
    "file": ["v4"],
    "pgoff": ["v4"],
    "close": ["v4", "today"],
    "flags": [],
    "uffd": [],
}


@pytest.mark.parametrize("criterion", CRITERIA)
def test_who_extends_a_vma_that_is_not_like_the_heap(criterion: str) -> None:
    extends = []
    for generation in GENERATIONS:
        process = drawn("ww..", generation, brk=2)
        CRITERIA[criterion](process, vma_at(process, 0))
        process.brk(page(4))
        if vma_at(process, 0) is vma_at(process, 3):
            extends.append(generation)
    assert extends == EXTENDS[criterion]


# -- shrinking


@pytest.mark.parametrize("generation", SOUND)
@pytest.mark.parametrize(
    ("text", "want", "after"),
    [
        ("wwww", 2, "ww"),
        ("wwww", 0, ""),
        ("ww|ww", 1, "w"),
        ("ww|rr", 1, "w"),
        ("wwww|r", 3, "www.r"),
        ("llll", 1, "l"),
        ("ww.w", 1, "w"),
    ],
)
def test_shrinking(text: str, want: int, after: str, generation: str) -> None:
    process = drawn(text, generation, brk=4)
    for number in range(4):
        process.touch(page(number))
    assert process.brk(page(want)) == page(want)
    assert drawing(process) == after
    assert len(process.mm.pages) == min(want, after.count("w") + after.count("l"))
    assert "downgrade" in names(process)
    assert ids(process) == []


def test_over_a_hole_only_the_old_code_lets_the_break_fall() -> None:
    answers = {}
    for generation in GENERATIONS:
        process = drawn("ww..", generation, brk=4)
        answers[generation] = (process.brk(page(2)) - BASE) // PAGE
        assert drawing(process).startswith("ww")
    assert answers == {"before": 2, "v4": 4, "merged": 4, "today": 4}


@pytest.mark.parametrize("generation", SOUND)
@pytest.mark.parametrize("site", ["vma_alloc", "anon_clone", "maple_alloc"])
def test_a_shrink_that_fails_leaves_the_break(site: str, generation: str) -> None:
    process = drawn("wwww", generation, brk=4)
    process.touch(page(0))
    process.machine.faults.plan(site)
    before = snapshot(process.mm)
    fails = site != "maple_alloc" or generation != "before"
    assert process.brk(page(2)) == page(4 if fails else 2)
    assert (snapshot(process.mm).parts == before.parts) is fails
    assert (process.mm.lock, ids(process)) == ("none", [])


@pytest.mark.parametrize(
    ("generation", "downgraded"), [("before", False), ("v4", True), ("merged", False), ("today", True)]
)
def test_below_a_stack_the_lock_stays_exclusive_where_stacks_may_grow(generation: str, downgraded: bool) -> None:
    process = drawn("wwww..g", generation, brk=4)
    process.brk(page(2))
    assert ("downgrade" in names(process)) is downgraded


@pytest.mark.parametrize("generation", ["before", "v4", "merged"])
def test_arch_unmap_is_called_until_6_1(generation: str) -> None:
    process = drawn("wwww", generation, brk=4)
    process.brk(page(2))
    assert ("arch_unmap", page(2), page(4)) in process.mm.events


@pytest.mark.parametrize("generation", SOUND)
def test_a_monitor_hears_of_a_shrink(generation: str) -> None:
    process, context = drawn("wwww", generation, brk=4), UffdContext("m")
    process.uffd_register(page(0), 4 * PAGE, context)
    process.brk(page(1))
    assert context.events == [(page(1), page(4))]
    assert ids(process) == []


# -- the far end


@pytest.mark.parametrize("generation", SOUND)
@pytest.mark.parametrize("want", [MASK, MASK - PAGE, 1 << 47, 0x7FFF_FFFF_F000 + 1])
def test_a_break_that_cannot_be(want: int, generation: str) -> None:
    process = drawn("ww", generation, brk=2)
    before = snapshot(process.mm)
    assert process.brk(want) == page(2)
    assert snapshot(process.mm) == before
    assert ids(process) == []


# -- vm_brk_flags


@pytest.mark.parametrize("generation", GENERATIONS)
def test_the_loaders_call(generation: str) -> None:
    process = drawn("", generation)
    assert process.vm_brk_flags(page(0), PAGE + 1) == 0
    assert process.vm_brk_flags(page(4), PAGE, VM.EXEC) == 0
    assert [bool(vma.flags & VM.EXEC) for vma in process.mm.vmas()] == [False, True]
    assert process.vm_brk_flags(page(6), 0) == 0
    assert process.vm_brk_flags(page(6), MASK) == -12
    assert process.vm_brk_flags(page(6), 1 << 48) == -12
    assert process.vm_brk_flags(page(6), PAGE, VM.WRITE) == (0 if generation == "today" else -22)
    assert process.mm.lock == "none"
    process.mlockall(2)
    process.vm_brk_flags(page(9), PAGE)
    assert page(9) in process.mm.pages


def test_the_loaders_call_and_its_left_neighbour() -> None:
    pictures = {}
    for generation in GENERATIONS:
        process = drawn("ww", generation)
        process.vm_brk_flags(page(2), 2 * PAGE)
        pictures[generation] = drawing(process)
    assert pictures == {"before": "wwww", "v4": "ww|ww", "merged": "wwww", "today": "wwww"}


def test_the_loaders_call_between_two_neighbours() -> None:
    """Case 1 before the patch; no right neighbour is looked at afterwards."""
    pictures = {}
    for generation in GENERATIONS:
        process = drawn("ww..ww", generation)
        process.vm_brk_flags(page(2), 2 * PAGE)
        pictures[generation] = drawing(process)
    assert pictures == {"before": "wwwwww", "v4": "ww|ww|ww", "merged": "wwww|ww", "today": "wwww|ww"}


@pytest.mark.parametrize("generation", SOUND)
def test_the_loaders_call_clears_its_range_first(generation: str) -> None:
    process, context = drawn("rrrr", generation), UffdContext("m")
    process.uffd_register(page(0), 4 * PAGE, context)
    process.setrlimit("AS", 4 * PAGE)
    assert process.vm_brk_flags(page(1), 2 * PAGE) == 0
    assert drawing(process)[2:4] == "ww"
    assert context.events == [(page(1), page(3))]
    assert ids(process) == []
