"""Check, dump, statistics, diff and watching: all of them visitors of one walk."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mmsim.maple import LEAF_64, ULONG_MAX, BadArgument, CheckError, MapleTree, Node, diff, walk

from .models import filled


def damage_pivot(tree: MapleTree) -> None:
    tree.root.slots[1].pivots[0] = 0


def damage_end(tree: MapleTree) -> None:
    tree.root.slots[0].pivots[-1] -= 1


def damage_type(tree: MapleTree) -> None:
    tree.root.slots[0].type = tree.root.type


def damage_gap(tree: MapleTree) -> None:
    tree.root.gaps[0] += 1


def damage_gap_slot(tree: MapleTree) -> None:
    tree.root.gap_slot = 0


def damage_no_gap_mark(tree: MapleTree) -> None:
    tree.root.gap_slot = 15


def damage_nulls(tree: MapleTree) -> None:
    leaf = tree.root.slots[0]
    leaf.slots[0] = None


def damage_leaf_end(tree: MapleTree) -> None:
    tree.root.slots[0].slots[-1] = None


def damage_occupancy(tree: MapleTree) -> None:
    leaf = tree.root.slots[0]
    del leaf.pivots[:10], leaf.slots[:10]


def damage_lengths(tree: MapleTree) -> None:
    tree.root.slots[0].slots.append("x")


def damage_twice(tree: MapleTree) -> None:
    tree.root.slots[1] = tree.root.slots[0]


def damage_height(tree: MapleTree) -> None:
    tree.height += 1


def damage_child(tree: MapleTree) -> None:
    tree.root.slots[1] = "entry"


def damage_entry(tree: MapleTree) -> None:
    tree.root.slots[0].slots[0] = Node(LEAF_64, 99, [3], [1])


def damage_count(tree: MapleTree) -> None:
    tree.pool.used += 1


def damage_gaps_of_leaf(tree: MapleTree) -> None:
    tree.root.slots[0].gaps = [0] * len(tree.root.slots[0].slots)


DAMAGES: dict[Callable[[MapleTree], None], str] = {
    damage_pivot: "pivot 0 does not lie above",
    damage_end: "ends at 37, expected 38",
    damage_type: "is a arange_64 at depth 1, expected leaf_64",
    damage_gap: "slot 0: gap 2, below it the longest is 1",
    damage_gap_slot: "gap_slot 0 does not name the largest gap",
    damage_no_gap_mark: "gap_slot 15 does not name the largest gap",
    damage_nulls: "a second NULL in a row",
    damage_leaf_end: "ends in NULL and is not the last leaf",
    damage_occupancy: "slots, expected 7 to 16",
    damage_lengths: "expected one length",
    damage_twice: "hangs in more than one slot",
    damage_height: "at depth 1, expected arange_64",
    damage_child: "slot 1: no node in a arange_64",
    damage_entry: "slot 0: a node in a leaf_64",
    damage_count: "the allocator counts",
    damage_gaps_of_leaf: "a leaf_64 with gaps",
}


def damaged_tree() -> MapleTree:
    """60 ranges of four with one free index between; the first leaf ends at 38."""
    tree = filled(60, alloc_range=True)
    if tree.root.slots[0].slots[1] is not None:
        raise AssertionError("slot 1 of the first leaf is expected to be a NULL")
    return tree


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_check_finds_the_damage(damage: Callable[[MapleTree], None]) -> None:
    tree = damaged_tree()
    tree.check()
    damage(tree)
    with pytest.raises(CheckError) as caught:
        tree.check()
    assert any(DAMAGES[damage] in problem for problem in caught.value.problems), caught.value


def test_check_of_a_root_that_is_no_node() -> None:
    tree = filled(3)
    tree.root = "entry"
    with pytest.raises(CheckError, match="height is 1 but the root is no node"):
        tree.check()
    tree = filled(3)
    tree.height = 0
    with pytest.raises(CheckError, match="height is 0 but the root is a node"):
        tree.check()


def test_the_walk_meets_parents_first_and_covers_every_index_once() -> None:
    tree = filled(300)
    seen: set[int] = set()
    low = 0
    for place in walk(tree):
        assert place.parent is None or place.parent.id in seen
        seen.add(place.node.id)
        if place.node.type.is_leaf:
            assert place.min == low
            low = place.max + 1
    assert low == ULONG_MAX + 1


class TestDump:
    def test_text(self) -> None:
        tree = filled(2, gap=4, alloc_range=True)
        expected = (
            "maple tree alloc_range, height 1, 1 node\n"
            "#1 leaf_64 0-max, 4 of 16 slots\n"
            "  0-3: 1\n  4-7: NULL\n  8-11: 2\n  12-max: NULL"
        )
        assert tree.dump() == expected
        assert "  0x8-0xb: 2" in tree.dump("hex")

    def test_gaps_and_children(self) -> None:
        lines = damaged_tree().dump().splitlines()
        assert "gaps 1 1 1 " in lines[1]
        assert "gap_slot" in lines[1]
        assert lines[2].startswith("  #")

    def test_without_nodes(self) -> None:
        tree = MapleTree()
        assert tree.dump() == "maple tree, height 0, no node\nempty"
        tree.store_range(0, 0, "x")
        assert tree.dump() == "maple tree, height 0, no node\nindex 0 in the root pointer: x"

    def test_an_unknown_base(self) -> None:
        with pytest.raises(BadArgument, match="base is 'oct': expected 'dec' or 'hex'"):
            filled(2).dump("oct")


def test_stats_count_what_is_there() -> None:
    tree = filled(100)
    stats = tree.stats()
    assert (stats.entries, stats.height) == (100, tree.height)
    assert stats.nodes == tree.pool.used - tree.pool.released
    assert stats.kernel_bytes == 256 * stats.nodes
    assert stats.leaf_slots == 200
    assert MapleTree().stats().occupancy == 0


class TestDiff:
    def test_a_store_in_place_changes_one_node(self) -> None:
        tree = filled(3)
        before = tree.copy()
        tree.store_range(1, 2, "x")
        assert tree.path_to(1)[-1][0].id in diff(before, tree).changed
        assert diff(before, before.copy()) == ((), (), (), tuple(p.node.id for p in walk(before)))

    def test_a_split_replaces_nodes(self) -> None:
        tree = filled(8, gap=1)
        before = tree.copy()
        tree.store_range(1, 2, "x")
        changes = diff(before, tree)
        assert len(changes.removed) == 1
        assert len(changes.added) == 3
        assert str(changes) == "removed #1; new #4 #2 #3; 0 as before"


class TestWatch:
    """Every path of a write by its name; the names are those of the course."""

    @pytest.mark.parametrize(
        ("count", "write", "path"),
        [
            (0, (0, 0, "x"), "root entry"),
            (0, (5, 9, "x"), "first leaf"),
            (3, (0, 3, "x"), "exact"),
            (3, (20, 29, "x"), "node store"),
            (3, (14, 29, "x"), "append"),
            (3, (2, 4, "x"), "slot store"),
            (3, (1, 2, "x"), "node store"),
            (8, (1, 2, "x"), "split"),
            (60, (6, 100, "x"), "spanning"),
            (3, (0, ULONG_MAX, "x"), "new root"),
            (3, (0, ULONG_MAX, None), "new root"),
        ],
    )
    def test_path(self, count: int, write: tuple, path: str) -> None:
        tree = filled(count)
        with tree.watch() as log:
            tree.store_range(*write)
        assert [each.path for each in log] == [path]
        tree.check()

    def test_a_rebalance_joins_two_leaves(self) -> None:
        tree = filled(60)
        with tree.watch() as log:
            for number in range(8):
                tree.erase(number * 5)
        joined = [write for write in log if write.path == "rebalance"]
        assert joined
        step = joined[0].steps[0]
        assert step.level == 0
        assert len(step.took) == 2
        assert step.text.startswith("level 0: rebalance: #")

    def test_before_and_after_are_kept(self) -> None:
        tree = filled(3)
        with tree.watch() as log:
            tree.store_range(0, 3, "x")
            tree.erase(0)
        assert [write.op for write in log] == ["store_range", "erase"]
        assert log[0].before.load(0) == 1
        assert log[0].after.load(0) == log[1].before.load(0) == "x"
        assert log[1].after.load(0) is None
        assert tree.watcher is None

    def test_a_push_is_told_from_a_split(self) -> None:
        tree = MapleTree()
        actions = []
        with tree.watch() as log:
            for number in range(60):
                tree.store_range(number * 10, number * 10 + 9, number)
        for write in log:
            actions += [step.action for step in write.steps]
        assert {"split", "push left", "new root", "replace"} <= set(actions)

    def test_nodes_are_counted(self) -> None:
        tree = filled(8)
        with tree.watch() as log:
            tree.store_range(1, 2, "x")
        nodes = log[0].nodes
        assert (nodes.requested, nodes.used, nodes.released) == (3, 3, 1)
        assert nodes.requested == nodes.used + nodes.returned
        assert nodes.allocated - nodes.freed == nodes.used - nodes.released

    def test_a_failed_write_is_not_noted(self) -> None:
        tree = filled(8)
        tree.pool.fail()
        with tree.watch() as log, pytest.raises(MemoryError):
            tree.store_range(1, 2, "x")
        assert log == []
        assert tree.trail is None


def overfill(tree: MapleTree) -> None:
    """Stores that overflow one leaf after the other."""
    for number in range(3, 60):
        tree.store_range(number * 5 + 1, number * 5 + 2, "x")


class TestPool:
    def test_one_request_fails_and_the_next_does_not(self) -> None:
        tree = filled(8)
        tree.pool.fail(2)
        tree.store_range(1, 2, "x")
        with tree.watch() as log, pytest.raises(MemoryError, match="told to fail request"):
            overfill(tree)
        assert sum(write.nodes.requests for write in log) == 0
        tree.check()
        overfill(tree)
        tree.check()

    @pytest.mark.parametrize("nth", [0, -1, [0], ["1"]])
    def test_a_bad_number(self, nth: object) -> None:
        with pytest.raises(BadArgument, match="nth is"):
            MapleTree().pool.fail(nth)  # type: ignore[arg-type]

    def test_in_place_writes_need_no_node_unless_in_rcu_mode(self) -> None:
        for use_rcu, requests in ((False, 0), (True, 1)):
            tree = filled(3, use_rcu=use_rcu)
            count = tree.pool.count
            tree.store_range(1, 2, "x")
            assert tree.pool.count.since(count).requests == requests
