"""Lists, look-ups, splits and the eight cases of merging, drawn."""

from __future__ import annotations

import pytest

from mmsim.mm import VM, Machine
from mmsim.mm.adjust import split
from mmsim.mm.merge import Want, can_merge_after, can_merge_before, merge
from mmsim.mm.units import HUGE, PAGE

from .address_spaces import BASE, FILE, FLAGS, HEAP, SOUND, drawing, drawn, ids, names, page, vma_at

W, R = FLAGS["w"], FLAGS["r"]


def test_a_drawing_is_what_it_draws() -> None:
    for text in ("ww..rr|ww", "..w|l|g", "ff.x"):
        assert drawing(drawn(text)) == text


# -- list and look-ups


def test_linking_asks_nobody_whether_the_place_is_right() -> None:
    mm = drawn("ww..rr", "before").mm
    first, last = list(mm.vmas())
    assert (mm.head, first.next, last.prev, mm.highest_vm_end) == (first, last, first, page(6))
    mm.list_unlink(first)
    assert (mm.head, last.prev) == (last, None)
    mm.list_link(first, last)
    assert [vma.start for vma in mm.listed()] == [page(4), page(0)]
    assert mm.highest_vm_end == page(2)
    mm.list_unlink(first)
    assert mm.highest_vm_end == page(6)
    mm.list_unlink(last)
    assert (mm.head, mm.highest_vm_end) == (None, 0)


def test_without_a_list_the_tree_tells_who_is_next() -> None:
    mm = drawn("ww..rr|w", "today").mm
    first, second, third = mm.vmas()
    assert (mm.head, mm.highest_vm_end, list(mm.listed())) == (None, 0, [])
    assert [mm.next_of(vma) for vma in (first, second, third)] == [second, third, None]
    assert [mm.prev_of(vma) for vma in (first, second, third)] == [None, first, second]


@pytest.mark.parametrize(
    ("number", "found", "inside", "below"),
    [(0, 0, 0, None), (1, 0, 0, 0), (2, 4, None, 0), (5, 4, 4, 4), (6, None, None, 4)],
)
def test_looking_up(number: int, found: int | None, inside: int | None, below: int | None) -> None:
    """find_vma() takes the first that ends above; find_in() must overlap; before() starts below."""
    mm = drawn("ww..rr").mm
    got = mm.find_vma(page(number)), mm.find_in(page(number), page(number + 1)), mm.before(page(number))
    assert [vma and (vma.start - BASE) // PAGE for vma in got] == [found, inside, below]


def test_an_inverted_store_damages_the_tree() -> None:
    process = drawn("wwww")
    process.mm.store(page(3), page(1), None)
    assert ids(process) == ["I0"]
    assert "0x10003000-0x10001000" in process.check()[0].what


# -- splitting


@pytest.mark.parametrize("generation", SOUND)
@pytest.mark.parametrize("below", [True, False])
@pytest.mark.parametrize("text", ["wwww", "r|wwww|l", "ffff"])
def test_a_split_leaves_all_but_the_border(text: str, below: bool, generation: str) -> None:
    process = drawn(text, generation)
    mm = process.mm
    vma = max(mm.vmas(), key=lambda each: each.pages)
    process.touch(vma.start)
    at, flags, pgoff = vma.start + PAGE, vma.flags, vma.pgoff
    whole = drawing(process).replace("|", "")
    assert split(mm, vma, at, below) == 0
    lower, upper = mm.tree.load(at - 1), mm.tree.load(at)
    assert (upper if below else lower) is vma
    assert (lower.end, upper.start, upper.pgoff) == (at, at, pgoff + 1)
    assert (lower.flags, upper.flags, lower.file) == (flags, flags, upper.file)
    assert lower.anon_vma is upper.anon_vma
    assert [each.tree[lower] for each in lower.chain] == [lower.key for _ in lower.chain]
    assert drawing(process).replace("|", "") == whole
    assert ids(process) == []


FAILURES = [
    ("vma_alloc", "w", -12),
    ("policy_dup", "w", -12),
    ("anon_clone", "w", -12),
    ("may_split", "f", -22),
]


@pytest.mark.parametrize(("site", "letter", "error"), FAILURES)
@pytest.mark.parametrize("generation", SOUND)
def test_a_split_that_fails_changes_nothing(site: str, letter: str, error: int, generation: str) -> None:
    process = drawn(letter * 4, generation)
    process.mbind(page(0), 4 * PAGE, "bind:0")
    process.touch(page(1))
    vma = vma_at(process, 0)
    process.machine.faults.plan(site)
    assert split(process.mm, vma, page(2), new_below=False) == error
    assert (vma.start, vma.end, process.mm.map_count) == (page(0), page(4), 1)
    assert ids(process) == []


def test_a_split_prepares_the_tree_where_there_is_no_list() -> None:
    answers = {}
    for generation in SOUND:
        process = drawn("wwww", generation)
        process.touch(page(0))
        process.machine.faults.plan("maple_alloc")
        answers[generation] = split(process.mm, vma_at(process, 0), page(2), new_below=True)
        assert ids(process) == []
    assert answers == {"before": 0, "merged": -12, "today": -12}


def test_a_split_counts_the_maps_and_asks_the_driver() -> None:
    process = drawn("wwww", machine=Machine())
    process.machine.max_map_count = 1
    assert split(process.mm, vma_at(process, 0), page(2), new_below=True) == -12
    process.machine.max_map_count = 2
    process.hook(page(0), close=True, may_split=False)
    assert split(process.mm, vma_at(process, 0), page(2), new_below=True) == -22
    process.hook(page(0), close=True, may_split=True)
    assert split(process.mm, vma_at(process, 0), page(2), new_below=True) == 0
    assert "open" in names(process)


def test_a_split_calls_the_close_hook_of_the_half_it_gives_up() -> None:
    process = drawn("wwww", "merged")
    process.hook(page(0), close=True)
    process.machine.faults.plan("maple_alloc")
    assert split(process.mm, vma_at(process, 0), page(2), new_below=True) == -12
    assert [name for name in names(process) if name in ("open", "close")] == ["open", "close"]


def test_a_split_through_a_huge_block_splits_it() -> None:
    process = drawn("w" * 1536)
    start = vma_at(process, 0).start
    process.touch(start)
    assert process.madvise(start, HUGE, 25) == 0
    assert process.mm.huge == {start}
    assert split(process.mm, vma_at(process, 0), start + 5 * PAGE, new_below=True) == 0
    assert process.mm.huge == set()
    assert ("thp_split", start) in process.mm.events


# -- merging

CASES = [
    (1, "www...www", 3, 6, "w", "wwwwwwwww"),
    (2, "www...rrr", 3, 6, "w", "wwwwww|rrr"),
    (2, "www......rrr", 3, 6, "w", "wwwwww...rrr"),
    (3, "rrr...www", 3, 6, "w", "rrr|wwwwww"),
    (4, "wwwwww|rrr", 4, 6, "r", "wwww|rrrrr"),
    (5, "www|rrrrrr", 3, 5, "w", "wwwww|rrrr"),
    (6, "www|rrr|www", 3, 6, "w", "wwwwwwwww"),
    (7, "www|rrr|lll", 3, 6, "w", "wwwwww|lll"),
    (8, "lll|rrr|www", 3, 6, "w", "lll|wwwwww"),
]


@pytest.mark.parametrize("generation", SOUND)
@pytest.mark.parametrize(("case", "text", "start", "end", "letter", "after"), CASES, ids=lambda value: str(value))
def test_the_eight_cases(case: int, text: str, start: int, end: int, letter: str, after: str, generation: str) -> None:
    """Each case of vma_merge(), as a picture before and after, its pages counted where they now belong."""
    process = drawn(text, generation)
    mm, pages = process.mm, end - start
    inside = mm.tree.load(page(start))
    prev = mm.before(page(start)) if inside is None or inside.start == page(start) else inside
    want = Want(FLAGS[letter], page(start) // PAGE)
    merged = merge(mm, prev, page(start), page(end), want)
    assert merged is not None
    assert drawing(process) == after
    assert merged is mm.tree.load(page(start))
    old = inside.flags if inside is not None else 0
    mm.stat_account(old, -pages if inside is not None else 0)
    mm.stat_account(FLAGS[letter], pages)
    process.machine.committed += pages * bool(FLAGS[letter] & VM.ACCOUNT) - pages * bool(old & VM.ACCOUNT)
    assert ids(process) == []
    assert names(process)[-2:] == ["merge", "khugepaged_enter"]
    assert case in range(1, 9)


@pytest.mark.parametrize("generation", SOUND)
@pytest.mark.parametrize("touched", range(3))
@pytest.mark.parametrize(("text", "after"), [("www|rrr|www", "wwwwwwwww"), ("www|rrr|lll", "wwwwww|lll")])
def test_a_swallowed_anon_vma_is_taken_over(text: str, after: str, touched: int, generation: str) -> None:
    """Cases 6 and 7 with pages in one part: mprotect() of the middle merges, or by the rule of its time does not."""
    process = drawn(text, generation)
    vma_at(process, 3 * touched).flags |= VM.WRITE
    process.touch(page(3 * touched))
    vma_at(process, 3 * touched).flags = FLAGS[text[4 * touched]]
    assert process.mprotect(page(3), 3 * PAGE, 3) == 0
    refused = touched == 1 and generation != "today"
    expected = text.replace("r", "w") if refused and text.endswith("l") else after
    if refused and text.endswith("www"):
        expected = "www|www|www"
    assert drawing(process) == expected
    assert ids(process) == []


def test_an_untouched_vma_takes_over_a_touched_part_since_6_16_only() -> None:
    """list_is_singular() says no to an empty chain: 5.16 and 6.1 keep two VMAs apart that 6.18 joins."""
    pictures = {}
    for generation in SOUND:
        process = drawn("wwwwww", generation)
        process.mprotect(page(3), 3 * PAGE, 1)
        process.mprotect(page(3), 3 * PAGE, 3)
        assert drawing(process) == "wwwwww"
        process.mprotect(page(3), 3 * PAGE, 1)
        vma_at(process, 3).flags |= VM.WRITE
        process.touch(page(4))
        vma_at(process, 3).flags &= ~VM.WRITE
        process.mprotect(page(3), 3 * PAGE, 3)
        pictures[generation] = drawing(process)
        assert ids(process) == []
    assert pictures == {"before": "www|www", "merged": "www|www", "today": "wwwwww"}


@pytest.mark.parametrize(
    "change",
    [
        {"flags": HEAP | VM.LOCKED},
        {"file": FILE},
        {"policy": "bind:1"},
        {"pgoff": 7},
        {"flags": HEAP | VM.DONTEXPAND},
    ],
    ids=lambda change: next(iter(change)),
)
def test_one_criterion_that_differs_is_enough(change: dict[str, object]) -> None:
    process = drawn("www...rrr")
    want = Want(HEAP, page(3) // PAGE)
    for name, value in change.items():
        setattr(want, name, value)
    assert merge(process.mm, vma_at(process, 0), page(3), page(6), want) is None
    assert drawing(process) == "www...rrr"


def test_soft_dirty_and_a_close_hook() -> None:
    process = drawn("www.....")
    vma, want = vma_at(process, 0), Want(HEAP, page(3) // PAGE)
    vma.flags |= VM.SOFTDIRTY
    assert can_merge_after(vma, want)
    process.hook(page(0), close=True)
    assert not can_merge_after(vma, want)
    assert can_merge_after(vma, want, close_matters=False)


def test_pages_must_follow_on_each_other() -> None:
    vma = vma_at(drawn("...www"), 3)
    assert can_merge_before(vma, Want(HEAP, page(0) // PAGE), 3)
    assert not can_merge_before(vma, Want(HEAP, page(0) // PAGE), 2)
    assert can_merge_after(vma, Want(HEAP, page(6) // PAGE))
    assert not can_merge_after(vma, Want(HEAP, page(5) // PAGE))


def test_an_inherited_chain_forbids_it() -> None:
    process = drawn("www.....")
    process.touch(page(0))
    child = process.fork()
    want = Want(HEAP, page(3) // PAGE)
    assert can_merge_after(vma_at(process, 0), want)
    assert not can_merge_after(vma_at(child, 0), want)
    assert [len(vma_at(each, 0).chain) for each in (process, child)] == [1, 2]


def test_two_anon_vmas_do_not_become_one() -> None:
    """Left and right would both merge, but not with each other: only the left one grows (case 2)."""
    process = drawn("www...www")
    process.touch(page(0))
    process.touch(page(7))
    assert vma_at(process, 0).anon_vma is not vma_at(process, 7).anon_vma
    assert process.mmap(page(3), 3 * PAGE, 3, 0x32) == page(3)
    assert drawing(process) == "wwwwww|www"
    assert ids(process) == []


@pytest.mark.parametrize("site", ["anon_clone", "maple_alloc"])
@pytest.mark.parametrize("generation", ["merged", "today"])
def test_a_merge_without_memory_is_undone(site: str, generation: str) -> None:
    """Nothing is merged, and the chain that was copied already is given up: the caller makes a new VMA."""
    process = drawn("www|rrr|www", generation)
    process.touch(page(7))
    process.machine.faults.plan(site)
    want = Want(HEAP, page(3) // PAGE, anon_vma=None)
    assert merge(process.mm, vma_at(process, 0), page(3), page(6), want) is None
    assert drawing(process) == "www|rrr|www"
    assert (vma_at(process, 0).anon_vma, vma_at(process, 0).chain) == (None, [])
    assert ids(process) == []


def test_a_border_that_moves_up_splits_the_huge_block_it_cuts() -> None:
    """Case 5: the block lies in the upper VMA, which gives its head away."""
    process = drawn("w" * 512 + "|" + "r" * 1024)
    mm = process.mm
    upper = vma_at(process, 512)
    block = upper.start
    upper.flags |= VM.WRITE
    process.touch(block)
    upper.flags &= ~VM.WRITE
    assert process.madvise(block, HUGE, 25) == 0
    want = Want(HEAP, page(512) // PAGE)
    assert merge(mm, vma_at(process, 0), block, block + 5 * PAGE, want) is not None
    assert mm.huge == set()
    assert vma_at(process, 0).pages == 517
