"""Random operations against a plain model, every rule of the tree checked after each."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from mmsim.maple import ULONG_MAX, MapleState, MapleTree, NoNodes

from .models import IntervalModel, agrees, filled

MODES = [(False, False), (True, False), (False, True), (True, True)]


@pytest.mark.parametrize(("alloc_range", "use_rcu"), MODES)
def test_ten_thousand_operations(alloc_range: bool, use_rcu: bool) -> None:
    """10,000 stores, erases and inserts on trees of up to four levels: no rule is ever broken."""
    rng = random.Random(20220113 + 2 * alloc_range + use_rcu)
    tree = filled(1000, alloc_range=alloc_range, use_rcu=use_rcu)
    top = 5000
    tallest = tree.height
    values = {index: tree.load(index) for index in range(top)}
    for number in range(10_000):
        index = rng.randrange(top)
        width = rng.choice([1, 1, 2, 3, 5, 8, 60, 700 if number % 50 == 0 else 4])
        last = min(top - 1, index + width - 1)
        entry = None if rng.random() < 0.4 else f"e{number}"
        tree.store_range(index, last, entry)
        values.update(dict.fromkeys(range(index, last + 1), entry))
        if number % 400 == 0:
            assert all(tree.load(each) == values[each] for each in range(top))
        tree.check()
        tallest = max(tallest, tree.height)
    assert tallest >= 3


index_strategy = st.one_of(st.integers(0, 400), st.integers(0, ULONG_MAX), st.integers(ULONG_MAX - 300, ULONG_MAX))


class TreeMachine(RuleBasedStateMachine):
    """Any operation at any time; the model says what must come out."""

    alloc_range = use_rcu = False

    @initialize(count=st.integers(0, 80))
    def start(self, count: int) -> None:
        self.tree = filled(count, alloc_range=self.alloc_range, use_rcu=self.use_rcu)
        self.model = IntervalModel()
        self.model.items = list(self.tree)
        self.serial = 1000

    def _write(self, index: int, last: int, entry: Any) -> None:
        self.tree.store_range(index, last, entry)
        self.model.store(index, last, entry)

    @rule(one=index_strategy, other=index_strategy)
    def store(self, one: int, other: int) -> None:
        self.serial += 1
        self._write(min(one, other), max(one, other), self.serial)

    @rule(start=st.integers(0, 400), size=st.integers(1, 40), null=st.booleans())
    def store_near(self, start: int, size: int, null: bool) -> None:
        self.serial += 1
        self._write(start, start + size - 1, None if null else self.serial)

    @rule(index=index_strategy)
    def erase(self, index: int) -> None:
        first, last, entry = self.model.range_at(index)
        assert self.tree.erase(index) == entry
        if entry is not None:
            self.model.store(first, last, None)

    @rule(start=index_strategy, size=st.integers(1, 40))
    def fail_a_store(self, start: int, size: int) -> None:
        """Without memory nothing happens; the writes that need no node succeed."""
        last = min(start + size - 1, ULONG_MAX)
        before = self.tree.canonical()
        self.tree.pool.fail()
        self.serial += 1
        try:
            self.tree.store_range(start, last, self.serial)
        except NoNodes:
            assert self.tree.canonical() == before
        else:
            self.model.store(start, last, self.serial)
        self.tree.pool.fail([])

    @rule(index=index_strategy)
    def look(self, index: int) -> None:
        assert self.tree.range_at(index) == self.model.range_at(index)
        assert self.tree.load(index) == self.model.range_at(index)[2]
        after = [item for item in self.model.items if item[1] >= index]
        entry, go_on = self.tree.find(index)
        assert (entry, go_on) == ((after[0][2], (after[0][1] + 1) & ULONG_MAX) if after else (None, index))

    @rule(index=index_strategy)
    def step(self, index: int) -> None:
        first, last, _ = self.model.range_at(index)
        right = [entry for start, _, entry in self.model.items if start > last]
        left = [entry for _, end, entry in self.model.items if end < first]
        assert self.tree.next(index) == (right[0] if right else None)
        assert self.tree.prev(index) == (left[-1] if left else None)
        mas = MapleState(self.tree, index)
        assert mas.walk() == self.tree.load(index)
        assert (mas.index, mas.last) == (first, last)

    @rule(size=st.integers(1, 60), low=st.integers(0, 300), span=st.integers(1, 200))
    def find_room(self, size: int, low: int, span: int) -> None:
        if self.tree.height < 1 or not self.alloc_range:
            return
        high = low + span
        room = [(max(a, low), min(b, high)) for a, b in self.model.gaps()]
        fits = [(a, b) for a, b in room if b - a + 1 >= size]
        mas = MapleState(self.tree)
        if not fits:
            assert mas.empty_area(low, high, size) == -16
            return
        assert mas.empty_area(low, high, size) == 0
        assert mas.index == fits[0][0]
        assert mas.empty_area_rev(low, high, size) == 0
        assert mas.last == fits[-1][1]

    @invariant()
    def valid(self) -> None:
        if hasattr(self, "tree"):
            agrees(self.tree, self.model)


@pytest.mark.parametrize(("alloc_range", "use_rcu"), MODES)
def test_any_sequence_agrees_with_the_model(alloc_range: bool, use_rcu: bool) -> None:
    machine = type("Machine", (TreeMachine,), {"alloc_range": alloc_range, "use_rcu": use_rcu})
    case = machine.TestCase
    case.settings = settings(
        max_examples=40,
        stateful_step_count=40,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow],
    )
    case().runTest()


def test_use_rcu_changes_no_dump() -> None:
    """The same 3,000 writes in all four modes give two trees, not four."""
    rng = random.Random(61)
    trees = {mode: MapleTree(*mode) for mode in MODES}
    for number in range(3000):
        index = rng.randrange(2000)
        last = index + rng.choice([0, 1, 3, 9, 80])
        entry = None if rng.random() < 0.4 else number + 1
        for tree in trees.values():
            tree.store_range(index, last, entry)
        if number % 10 == 0:
            for alloc_range in (False, True):
                assert trees[alloc_range, False].canonical() == trees[alloc_range, True].canonical()
