"""What the curated findings state is so: in every generation, by the shortest script, and for the cause they name."""

from __future__ import annotations

from typing import Any

import pytest

from mmsim.brk import GENERATIONS
from mmsim.explore.alphabet import Op
from mmsim.explore.concern import CONCERNS, NOT_IN_THE_MAIL
from mmsim.explore.known import Known, known, mended, outcome
from mmsim.explore.play import FAMILIES
from mmsim.explore.world import START
from mmsim.kernel import NoKernel
from mmsim.kernel.live import OPS
from mmsim.mm.check import INVARIANTS
from mmsim.trace.reality import check_reality, heap_start

from .running_kernel import like_today

KNOWN = known()
every = pytest.mark.parametrize("each", KNOWN, ids=lambda each: each.id)


def came_to(each: Known, generation: str, script: list[Op] | None = None) -> tuple[list[str], set[str]]:
    """What a script comes to, the invariants that it breaks apart."""
    parts = outcome(each.world, script or each.script, generation, each.measure).split("; ")
    broken = {word for word in parts[-1].split() if word in INVARIANTS}
    return parts[:-1] if broken else parts, broken


def shows(each: Known, generation: str, script: list[Op] | None = None) -> bool:
    """Whether the finding is there: its invariants broken, or, if it has none, another outcome than the reference's."""
    told, broken = came_to(each, generation, script)
    reference, before = came_to(each, each.old, script)
    return bool(set(each.invariants) & (broken - before)) if each.invariants else told != reference


@every
def test_each_generation_comes_to_what_is_stated(each: Known) -> None:
    assert {name: outcome(each.world, each.script, name, each.measure) for name in GENERATIONS} == each.outcome


@every
def test_it_shows_where_it_says(each: Known) -> None:
    assert [name for name in GENERATIONS if name != each.old and shows(each, name)] == each.generations
    assert set(each.invariants) <= came_to(each, each.new)[1]


@every
def test_no_call_can_be_left_out(each: Known) -> None:
    for at in range(len(each.script)):
        script = each.script[:at] + each.script[at + 1 :]
        assert not script or not shows(each, each.new, script), script


@every
def test_with_the_repair_it_is_gone(each: Known) -> None:
    """So the cause is where the file says. What is wanted, or as it is today, has no repair."""
    if not each.repair:
        assert "today" in each.generations
        return
    with mended(each) as generation:
        assert not shows(each, generation)
    assert each.function in vars(GENERATIONS[each.new])


@every
def test_it_is_told_in_words_that_exist(each: Known) -> None:
    assert each.verdict in ("wrong", "harmless", "wanted")
    assert each.concern in (*CONCERNS, NOT_IN_THE_MAIL)
    assert each.function + "()" in each.explanation or each.function in ("do_brk_flags", "vm_brk_flags")
    assert {family for _, family in each.covers} <= set(FAMILIES)


def test_no_two_have_one_title() -> None:
    assert len({each.title for each in KNOWN}) == len(KNOWN) >= 12


live_ones = [each for each in KNOWN if each.world in ("bss", "file") and {op for op, _ in each.script} <= set(OPS)]


def moved(arg: Any, by: int) -> Any:
    if isinstance(arg, list):
        return [moved(each, by) for each in arg]
    return arg + by if isinstance(arg, int) and abs(arg - START) < 1 << 26 else arg


@like_today
@pytest.mark.parametrize("each", live_ones, ids=lambda each: each.id)
def test_the_running_kernel_does_as_today(each: Known) -> None:
    script = [(op, moved(arg, heap_start(each.world) - START)) for op, arg in each.script]
    try:
        asked = check_reality(script, "today", each.world)
    except NoKernel as reason:
        pytest.skip(str(reason))
    assert asked.agrees
