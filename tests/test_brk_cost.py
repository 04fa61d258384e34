"""What a call costs: counted by events, by the paths of its stores, and by the searches it begins."""

from __future__ import annotations

import pytest

from mmsim.brk import GENERATIONS, Process
from mmsim.brk.cost import Cost, measured
from mmsim.experiments.build import HEAP, crowded
from mmsim.mm.units import PAGE
from mmsim.trace.census import find, read, replay
from mmsim.trace.census_cost import CUT, GROWN, MADE, PROMISES, REMOVED, Price, prices, total
from mmsim.view import price_table, promise_table


def cost_of(process: Process, pages: int) -> tuple[Cost, list[str]]:
    with measured(process) as log:
        process.brk(HEAP + pages * PAGE)
    return log.cost, [write.path for write in log.writes]


@pytest.mark.parametrize("generation", GENERATIONS)
def test_an_extension_makes_no_vma_in_any_generation(generation: str) -> None:
    cost, paths = cost_of(crowded(generation, 3, 3), 12)
    assert (cost.vmas_made, cost.vmas_freed, cost.stores, cost.one_index) == (0, 0, 1, 1)
    assert paths == ["slot store"]


def test_a_shrink_cuts_without_a_vma_in_the_patch_only() -> None:
    made = {name: cost_of(crowded(name, 3, 3), 4)[0] for name in GENERATIONS}
    assert {name: (cost.vmas_made, cost.vmas_freed, cost.stores) for name, cost in made.items()} == {
        "before": (1, 1, 2),
        "v4": (0, 0, 1),
        "merged": (1, 1, 2),
        "today": (1, 1, 2),
    }


def test_walks_and_steps_are_those_of_the_kernels_functions() -> None:
    """A growth in `before`: find_vma() and range_has_overlap(), which steps back; in the patch one cursor."""
    asked = {}
    for name in ("before", "v4"):
        process = crowded(name, 3, 3)
        asked[name] = [cost_of(process, pages)[0] for pages in (12, 4, 0)]
    assert [(cost.walks, cost.steps) for cost in asked["before"]] == [(2, 1), (2, 0), (2, 0)]
    assert [(cost.walks, cost.steps) for cost in asked["v4"]] == [(1, 2), (1, 0), (3, 0)]


def test_in_a_full_leaf_the_patch_saves_a_split_and_a_coalescing() -> None:
    before, paths = cost_of(crowded("before", 7, 4), 4)
    assert paths == ["split", "rebalance"]
    assert (before.splits, before.nodes_made, before.nodes_freed) == (2, 4, 4)
    v4, paths = cost_of(crowded("v4", 7, 4), 4)
    assert (v4.splits, v4.nodes_made, v4.nodes_freed, len(paths)) == (0, 0, 0, 1)


def test_nodes_laid_aside_are_counted_where_the_worst_case_is_reserved() -> None:
    found = {name: cost_of(crowded(name, 3, 3), 12)[0].reserved for name in GENERATIONS}
    assert found == {"before": 0, "v4": 0, "merged": 4, "today": 0}


def test_nothing_is_left_behind() -> None:
    process = crowded("v4", 3, 3)
    cursor = process.code.MapleState
    with pytest.raises(ZeroDivisionError), measured(process):
        raise ZeroDivisionError
    assert process.code.MapleState is cursor
    assert process.mm.tree.watcher is None
    assert {"find_vma", "before"}.isdisjoint(vars(process.mm))


@pytest.mark.parametrize("generation", GENERATIONS)
def test_the_sorts_of_a_census_are_its_growths_and_shrinks(generation: str) -> None:
    jobs = [read(path) for path in find([])]
    tallies = [replay(job, generation).tally for job in jobs]
    found = total(prices(job, generation) for job in jobs)
    assert found[GROWN].cost.calls == sum(tally.extended for tally in tallies)
    assert found[MADE].cost.calls == sum(tally.new for tally in tallies)
    assert found[CUT].cost.calls + found[REMOVED].cost.calls == sum(tally.shrinks for tally in tallies)
    for price in found.values():
        assert price.paths.total() == price.cost.stores
    sorts = [price.cost for price in found.values()]
    # What the tally has beyond: the bss of the loader and the data below it, a VMA and a store each.
    assert sum(cost.vmas_made for cost in sorts) == sum(tally.vmas - 2 * tally.bss for tally in tallies)
    assert sum(cost.stores for cost in sorts) == sum(tally.stores - 2 * tally.bss for tally in tallies)


def test_a_promise_is_judged_call_by_call() -> None:
    found = {}
    for name in GENERATIONS:
        process = crowded(name, 3, 3)
        kept = []
        for pages in (12, 4):
            with measured(process) as log:
                process.brk(HEAP + pages * PAGE)
            kept.append(set(Price.of(log).kept))
        found[name] = kept
    one, two, split, node, walk = PROMISES
    assert found["before"] == [{one, two, split, node}, {split, node}]
    assert found["v4"] == [set(PROMISES)] * 2
    assert found["merged"][0] == {one, two, split, walk}
    assert found["today"][1] == {split, node}


def test_the_verdict_names_what_is_new_and_what_was_given_up() -> None:
    jobs = [read(path) for path in find([])]
    ends = {}
    for name in GENERATIONS:
        found = total(prices(job, name, rcu=True) for job in jobs)
        ends[name] = found[GROWN] + found[CUT]
    assert {row[0]: row[1:] for row in promise_table(ends).rows} == {
        "1 no VMA made": ("1421", "1981", "1421", "1421", "v4: 1981 of 1981, new in 560; given up in merged, today"),
        "2 one store, of one index": (
            *("1193", "1753", "1193", "1193"),
            "v4: 1753 of 1981, new in 560; given up in merged, today",
        ),
        "2 no node split or coalesced": (*["1981"] * 4, "v4: 1981 of 1981, no more than before"),
        "3 no node made or laid aside": (
            *("1193", "1753", "0", "1193"),
            "v4: 1753 of 1981, new in 560; given up in merged, today",
        ),
        "4 one walk": ("0", "1981", "-", "-", "v4: 1981 of 1981, new in 1981"),
    }


def test_the_walks_can_be_left_out_of_the_table() -> None:
    process = crowded("v4", 3, 3)
    with measured(process) as log:
        process.brk(HEAP + 12 * PAGE)
    full, short = (price_table({"v4": Price.of(log)}, walks=walks) for walks in (True, False))
    assert full.head[:-1] == short.head
    assert [row[:-1] for row in full.rows] == short.rows
    assert full.rows[0][-1] == "1, 2"
