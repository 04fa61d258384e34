"""The tree's door, operation by operation."""

from __future__ import annotations

import pytest

from mmsim.maple import ULONG_MAX, BadArgument, MapleTree, NoGap, Occupied, ranges

from .models import filled

MODES = [(False, False), (True, False), (False, True), (True, True)]


@pytest.fixture(params=MODES, ids=lambda mode: f"alloc{mode[0]:d}-rcu{mode[1]:d}")
def mode(request: pytest.FixtureRequest) -> dict[str, bool]:
    return {"alloc_range": request.param[0], "use_rcu": request.param[1]}


class TestLoad:
    def test_an_empty_tree_holds_nothing(self) -> None:
        tree = MapleTree()
        assert tree.load(0) is None
        assert tree.load(ULONG_MAX) is None
        assert not tree
        assert len(tree) == 0

    def test_both_ends_of_a_range_belong_to_it(self, mode: dict[str, bool]) -> None:
        tree = filled(60, **mode)
        assert [tree.load(index) for index in (99, 100, 103, 104, 105)] == [None, 21, 21, None, 22]

    def test_index_zero_alone_needs_no_node(self) -> None:
        tree = MapleTree()
        tree.store_range(0, 0, "x")
        assert tree.load(0) == "x"
        assert tree.load(1) is None
        assert tree.height == 0
        assert len(tree) == 1

    @pytest.mark.parametrize("index", [-1, 2**64, 1.0, "1", None, True])
    @pytest.mark.parametrize("count", [0, 1, 60])
    def test_a_bad_index_is_named(self, index: object, count: int) -> None:
        with pytest.raises(BadArgument, match=r"^index is .*expected an integer from 0"):
            filled(count).load(index)  # type: ignore[arg-type]


class TestStore:
    def test_a_store_cuts_both_neighbours(self, mode: dict[str, bool]) -> None:
        tree = MapleTree(**mode)
        tree.store_range(10, 19, "a")
        tree.store_range(20, 29, "b")
        tree.store_range(15, 24, "c")
        assert list(tree) == [(10, 14, "a"), (15, 24, "c"), (25, 29, "b")]

    def test_a_store_in_the_middle_leaves_both_sides(self, mode: dict[str, bool]) -> None:
        tree = MapleTree(**mode)
        tree.store_range(10, 29, "a")
        tree.store_range(15, 19, None)
        assert list(tree) == [(10, 14, "a"), (20, 29, "a")]

    def test_equal_neighbours_are_not_merged(self) -> None:
        tree = MapleTree()
        tree.store_range(10, 19, "a")
        tree.store_range(20, 29, "a")
        assert len(tree) == 2

    def test_nulls_are_merged(self) -> None:
        tree = filled(3, gap=0)
        tree.store_range(4, 5, None)
        tree.store_range(6, 7, None)
        assert list(ranges(tree)) == [(0, 3, 1), (4, 7, None), (8, 11, 3), (12, ULONG_MAX, None)]

    def test_the_whole_range_becomes_one_slot(self, mode: dict[str, bool]) -> None:
        tree = filled(200, **mode)
        tree.store_range(0, ULONG_MAX, "all")
        tree.check()
        assert list(tree) == [(0, ULONG_MAX, "all")]
        assert tree.stats().nodes == 1

    def test_erasing_everything_leaves_no_node(self, mode: dict[str, bool]) -> None:
        tree = filled(200, **mode)
        tree.store_range(0, ULONG_MAX, None)
        tree.check()
        assert tree.root is None
        assert tree.pool.used == tree.pool.released

    def test_a_root_leaf_never_becomes_a_root_entry_again(self) -> None:
        tree = MapleTree()
        tree.store_range(0, 0, "x")
        tree.store_range(5, 9, "y")
        tree.erase(5)
        assert tree.height == 1
        assert list(tree) == [(0, 0, "x")]

    @pytest.mark.parametrize(
        ("args", "message"),
        [
            ((5, 4, 1), "index is 5 and last is 4: expected index <= last"),
            ((-1, 4, 1), "index is -1: expected an integer from 0 to 2\\*\\*64-1"),
            ((0, 2**64, 1), "last is 18446744073709551616: expected an integer"),
            ((0, "9", 1), "last is '9': expected an integer"),
        ],
    )
    @pytest.mark.parametrize("call", ["store_range", "insert_range"])
    def test_a_bad_range_is_named_and_changes_nothing(self, call: str, args: tuple, message: str) -> None:
        tree = filled(30)
        before = tree.canonical()
        with pytest.raises(BadArgument, match=message):
            getattr(tree, call)(*args)
        assert tree.canonical() == before

    def test_a_node_is_no_entry(self) -> None:
        tree = filled(3)
        with pytest.raises(BadArgument, match="entry is a Node"):
            tree.store_range(0, 9, tree.root)


class TestInsert:
    def test_into_a_gap(self, mode: dict[str, bool]) -> None:
        tree = filled(60, gap=4, **mode)
        tree.insert_range(4, 7, "new")
        assert tree.load(5) == "new"
        tree.check()

    @pytest.mark.parametrize(("index", "last"), [(3, 4), (4, 8), (0, 0), (0, ULONG_MAX), (70, 1000)])
    def test_an_overlap_is_refused_and_changes_nothing(self, mode: dict[str, bool], index: int, last: int) -> None:
        tree = filled(60, gap=4, **mode)
        before = tree.canonical()
        with pytest.raises(Occupied, match=f"insert {index}..{last}"):
            tree.insert_range(index, last, "new")
        assert tree.canonical() == before

    def test_beside_a_root_entry(self) -> None:
        tree = MapleTree()
        tree.insert_range(0, 0, "x")
        with pytest.raises(Occupied):
            tree.insert_range(0, 5, "y")
        tree.insert_range(1, 5, "y")
        assert list(tree) == [(0, 0, "x"), (1, 5, "y")]

    def test_null_cannot_be_inserted(self) -> None:
        with pytest.raises(BadArgument, match="entry is None"):
            MapleTree().insert_range(0, 5, None)


class TestErase:
    def test_it_takes_the_whole_range_and_returns_the_entry(self, mode: dict[str, bool]) -> None:
        tree = filled(60, **mode)
        assert tree.erase(101) == 21
        assert tree.erase(101) is None
        assert tree.range_at(101) == (99, 104, None)
        tree.check()

    def test_until_nothing_is_left(self, mode: dict[str, bool]) -> None:
        tree = filled(100, **mode)
        for number in range(100):
            assert tree.erase(number * 5) == number + 1
            tree.check()
        assert tree.root is None


class TestNeighbours:
    def test_find_goes_on_from_its_second_answer(self) -> None:
        tree = filled(40)
        index, seen = 0, []
        while True:
            entry, index = tree.find(index)
            if entry is None:
                break
            seen.append(entry)
        assert seen == list(range(1, 41))

    def test_find_wraps_after_the_last_index(self) -> None:
        tree = MapleTree()
        tree.store_range(5, ULONG_MAX, "x")
        assert tree.find(0) == ("x", 0)

    def test_find_counts_an_entry_that_starts_at_the_limit(self) -> None:
        tree = filled(3, gap=4)
        assert tree.find(4, 8) == (2, 12)
        assert tree.find(4, 7) == (None, 4)
        assert tree.find(9, 8) == (None, 9)

    def test_next_and_prev_step_over_gaps_and_leaves(self, mode: dict[str, bool]) -> None:
        tree = filled(60, **mode)
        for number in range(60):
            start = number * 5
            assert tree.next(start + 2) == (number + 2 if number < 59 else None)
            assert tree.prev(start + 2) == (number or None)
            assert tree.prev(start + 4) == number + 1

    def test_their_limits(self) -> None:
        tree = filled(3, gap=4)
        assert tree.next(0, 8) == 2
        assert tree.next(0, 7) is None
        assert tree.prev(8, 3) == 1
        assert tree.prev(8, 4) is None

    def test_range_at_tells_gaps_too(self) -> None:
        tree = filled(2, gap=4)
        assert tree.range_at(5) == (4, 7, None)
        assert tree.range_at(8) == (8, 11, 2)
        assert tree.range_at(ULONG_MAX) == (12, ULONG_MAX, None)


class TestAlloc:
    def test_lowest_and_highest(self) -> None:
        tree = filled(60, gap=4, alloc_range=True)
        assert tree.alloc_range("low", 4, 0, 400) == 4
        assert tree.alloc_rrange("high", 4, 0, 400) == 396
        assert tree.load(7) == "low"
        assert tree.load(396) == "high"
        tree.check()

    def test_no_room_is_an_error_and_changes_nothing(self) -> None:
        tree = filled(60, gap=4, alloc_range=True)
        before = tree.canonical()
        with pytest.raises(NoGap, match="no free range of 5 indices inside"):
            tree.alloc_range("x", 5, 0, 400)
        assert tree.canonical() == before

    def test_on_a_tree_without_nodes_the_plain_answer(self) -> None:
        tree = MapleTree(alloc_range=True)
        assert tree.alloc_range("a", 1, 0, 100) == 0
        assert tree.alloc_range("b", 10, 0, 100) == 1
        assert tree.alloc_rrange("c", 10, 0, 100) == 91
        tree.check()

    def test_a_tree_without_gaps_says_so(self) -> None:
        with pytest.raises(BadArgument, match="does not track gaps"):
            MapleTree().alloc_range("x", 1)

    @pytest.mark.parametrize(("size", "low", "high"), [(0, 0, 9), (5, 9, 3), (11, 0, 9)])
    def test_a_size_that_fits_no_window(self, size: int, low: int, high: int) -> None:
        with pytest.raises(BadArgument, match=f"size {size} in {low}..{high}"):
            filled(3, alloc_range=True).alloc_range("x", size, low, high)


class TestContainer:
    def test_len_in_iter_bool(self, mode: dict[str, bool]) -> None:
        tree = filled(33, **mode)
        assert len(tree) == 33
        assert 7 in tree
        assert 4 not in tree
        assert [entry for _, _, entry in tree] == list(range(1, 34))
        assert tree

    def test_equal_means_same_ranges_whatever_the_nodes(self) -> None:
        up, down = filled(40), MapleTree(alloc_range=True)
        for first, last, entry in reversed(list(up)):
            down.store_range(first, last, entry)
        assert up == down
        assert up.canonical() != down.canonical()
        down.erase(0)
        assert up != down

    def test_a_copy_lives_on_its_own_with_the_same_ids(self, mode: dict[str, bool]) -> None:
        tree = filled(100, **mode)
        copy = tree.copy()
        assert copy.dump() == tree.dump()
        tree.store_range(7, 300, "wide")
        copy.check()
        assert len(copy) == 100
        copy.store_range(0, 400, None)
        copy.check()
        tree.check()

    def test_clear_frees_every_node(self, mode: dict[str, bool]) -> None:
        tree = filled(100, **mode)
        tree.clear()
        tree.check()
        assert list(tree) == []
        tree.store_range(3, 4, "again")
        tree.check()

    def test_repr(self) -> None:
        assert repr(filled(3, alloc_range=True)) == "<MapleTree alloc_range: height 1, 3 entries>"
