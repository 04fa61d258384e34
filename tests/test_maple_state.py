"""The cursor: it answers as the kernel's mas_* calls do."""

from __future__ import annotations

import pytest

from mmsim.maple import ULONG_MAX, BadArgument, MapleState, MapleTree, NoNodes

from .models import filled


def place(mas: MapleState) -> tuple[int, int]:
    return mas.index, mas.last


class TestReading:
    def test_walk_tells_the_bounds_of_a_range_and_of_a_gap(self) -> None:
        tree = filled(60)
        mas = MapleState(tree, 101)
        assert mas.walk() == 21
        assert place(mas) == (100, 103)
        mas.set(104)
        assert mas.walk() is None
        assert place(mas) == (104, 104)

    def test_find_then_next_then_prev(self) -> None:
        mas = MapleState(filled(60), 104)
        assert mas.find() == 22
        assert mas.next() == 23
        assert mas.prev() == 22
        assert mas.find() == 23

    def test_a_limit_ends_the_search_and_becomes_the_place(self) -> None:
        mas = MapleState(filled(60, gap=6), 15)
        assert mas.next(19) is None
        assert place(mas) == (19, 19)
        assert mas.prev() == 2, "prev goes on from where the search came to"

    def test_prev_wants_the_entry_to_end_at_or_above_the_limit(self) -> None:
        tree = filled(3, gap=4)
        assert MapleState(tree, 8).prev(3) == 1
        assert MapleState(tree, 8).prev(4) is None

    def test_every_entry_forwards_and_backwards(self) -> None:
        tree = filled(300)
        mas, seen = MapleState(tree, 0), []
        while (entry := mas.find()) is not None:
            seen.append(entry)
        assert seen == list(range(1, 301))
        mas.set(ULONG_MAX)
        while (entry := mas.find_rev()) is not None:
            assert entry == seen.pop()
        assert seen == []

    def test_pause_goes_on_behind_the_range(self) -> None:
        mas = MapleState(filled(10), 0)
        assert mas.find() == 1
        mas.pause()
        assert mas.find() == 2

    def test_on_an_empty_tree(self) -> None:
        mas = MapleState(MapleTree(), 7)
        assert mas.walk() is None
        assert (place(mas), mas.status) == ((0, ULONG_MAX), "none")
        assert mas.find() is None

    def test_a_lone_root_entry_keeps_the_odd_answers_of_6_1(self) -> None:
        tree = MapleTree()
        tree.store_range(0, 0, "x")
        assert MapleState(tree, 5).prev(3) == "x", "the limit is ignored"
        assert MapleState(tree, 5).find_rev(0) is None, "it is not found from above"
        assert MapleState(tree, 0).find(9) == "x"

    def test_a_write_through_the_tree_is_noticed(self) -> None:
        tree = filled(60)
        mas = MapleState(tree, 100)
        assert mas.find() == 21
        tree.store_range(0, 1000, None)
        tree.store_range(200, 300, "new")
        assert mas.next() == "new"


class TestWriting:
    def test_store_returns_what_was_there_and_stands_on_the_range(self) -> None:
        tree = filled(60)
        mas = MapleState(tree, 101, 102)
        assert mas.store("new") == 21
        assert place(mas) == (101, 102)
        assert mas.next() == 21
        tree.check()

    def test_a_null_grows_over_the_nulls_beside_it(self) -> None:
        tree = filled(60, gap=2)
        mas = MapleState(tree, 6, 9)
        mas.store(None)
        assert place(mas) == (4, 11)

    def test_erase_takes_the_whole_range(self) -> None:
        tree = filled(60)
        mas = MapleState(tree, 102)
        assert mas.erase() == 21
        assert place(mas) == (99, 104)
        assert mas.erase() is None

    def test_store_gfp_answers_with_an_error_number(self) -> None:
        tree = filled(16)
        tree.pool.fail()
        mas = MapleState(tree, 1, 2)
        before = tree.canonical()
        assert mas.store_gfp("split") == -12
        assert tree.canonical() == before
        assert mas.store_gfp("split") == 0

    def test_preallocated_nodes_are_enough_for_any_store(self) -> None:
        tree = filled(500)
        mas = MapleState(tree, 3, 1200)
        assert mas.preallocate() == 0
        tree.pool.fail([1, 2, 3])
        mas.store_prealloc("wide")
        tree.check()
        assert mas.reserve == tree.pool.reserve == 0

    def test_preallocate_asks_for_the_worst_case_and_destroy_gives_it_back(self) -> None:
        tree = filled(500)
        count = tree.pool.count
        mas = MapleState(tree, 3)
        mas.preallocate()
        assert tree.pool.count.since(count).requested == 1 + 3 * tree.height
        mas.destroy()
        assert tree.pool.count.since(count).returned == 1 + 3 * tree.height

    def test_preallocate_can_fail(self) -> None:
        tree = filled(30)
        tree.pool.fail()
        mas = MapleState(tree, 3)
        assert mas.preallocate() == -12
        tree.pool.fail()
        mas.set_range(0, 100)
        with pytest.raises(NoNodes):
            mas.store("x")


class TestRoom:
    def test_lowest_and_highest(self) -> None:
        tree = filled(60, gap=4, alloc_range=True)
        mas = MapleState(tree)
        assert mas.empty_area(10, 100, 3) == 0
        assert place(mas) == (12, 14)
        assert mas.empty_area_rev(10, 100, 3) == 0
        assert place(mas) == (93, 95)
        assert mas.empty_area(10, 100, 5) == -16
        assert mas.empty_area(10, 10, 1) == -22

    def test_6_1_can_leave_the_window_downwards(self) -> None:
        """Measured on the kernel's own code: the highest fit may start below `min`."""
        tree = MapleTree(alloc_range=True)
        for number in range(41):
            tree.store_range(number * 10, number * 10 + 5, number + 1)
        tree.store_range(100, 250, None)
        mas = MapleState(tree)
        assert mas.empty_area_rev(130, 150, 30) == 0
        assert place(mas) == (121, 150)
        assert mas.empty_area(130, 150, 30) == -16


@pytest.mark.parametrize(("index", "last"), [(-1, 5), (5, 4), (0, 2**64), ("1", 5)])
def test_bad_places_are_named(index: object, last: object) -> None:
    with pytest.raises(BadArgument, match=r"index is|last is"):
        MapleState(MapleTree(), index, last)  # type: ignore[arg-type]
