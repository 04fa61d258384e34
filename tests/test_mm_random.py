"""Random calls around a heap: no invariant breaks in the sound generations, and the known defects are all there are."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from mmsim.mm.transition import differences, snapshot
from mmsim.mm.units import PAGE
from mmsim.trace import read
from mmsim.trace.run import run

from .address_spaces import BASE, GENERATIONS, SOUND, page
from .scripts import MAKERS, Op, first_break, play, random_failure, random_op, session

DEFECTS = sorted((Path(__file__).parent / "data" / "known_defects").glob("*.jsonl"))


class Calls(RuleBasedStateMachine):
    """Any call at any time; what was right before is right after."""

    generation = "today"

    @initialize()
    def start(self) -> None:
        self.session = session(self.generation)

    def _do(self, op: str, arg: Any) -> None:
        _, broken = self.session.judged(op, arg)
        assert [str(each) for each in broken] == []

    @rule(offset=st.integers(-PAGE, 48 * PAGE) | st.integers(0, 24).map(lambda number: number * PAGE))
    def brk(self, offset: int) -> None:
        self._do("brk", BASE + offset)

    @rule(number=st.integers(-4, 47))
    def touch(self, number: int) -> None:
        self._do("touch", page(number))

    @rule(number=st.integers(10, 47), pages=st.integers(1, 8), prot=st.sampled_from([0, 1, 3, 7]))
    def mmap(self, number: int, pages: int, prot: int) -> None:
        self._do("mmap", [page(number), pages * PAGE, prot, 0x32])

    @rule(number=st.integers(-4, 47), pages=st.integers(1, 8), prot=st.sampled_from([0, 1, 3, 7]))
    def mprotect(self, number: int, pages: int, prot: int) -> None:
        self._do("mprotect", [page(number), pages * PAGE, prot])

    @rule(
        op=st.sampled_from(["munmap", "mlock", "munlock", "uffd_register"]),
        number=st.integers(0, 47),
        pages=st.integers(1, 8),
    )
    def ranged(self, op: str, number: int, pages: int) -> None:
        self._do(op, [page(number), pages * PAGE])

    @rule(seed=st.integers(0, 999), op=st.sampled_from(sorted(MAKERS)))
    def other(self, seed: int, op: str) -> None:
        self._do(*MAKERS[op](random.Random(seed)))


def machine_for(generation: str) -> type:
    kind = type(f"Calls_{generation}", (Calls,), {"generation": generation})
    kind.TestCase.settings = settings(
        derandomize=True,
        max_examples=60,
        stateful_step_count=40,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    return kind.TestCase


TestBefore = machine_for("before")
TestMerged = machine_for("merged")
TestToday = machine_for("today")


def script(seed: int, length: int = 200, failures: float = 0) -> list[Op]:
    """A script that a seed stands for; some ops are told to fail."""
    rng = random.Random(seed)
    ops: list[Op] = []
    while len(ops) < length:
        if rng.random() < failures:
            ops.append(random_failure(rng))
        ops.append(random_op(rng))
    return ops


def test_a_random_script_says_what_it_did() -> None:
    """The scripts reach what they are for: every op, and for most of them both answers."""
    seen = set()
    for seed in range(12):
        for (op, arg), ret, _ in play("today", script(seed)):
            seen.add((op, ret == arg if op == "brk" else ret >= 0))
    done = {op for op, good in seen if good}
    refused = {op for op, good in seen if not good}
    assert done >= set(MAKERS) - {"collapse"}
    assert refused >= {"brk", "mmap", "mprotect", "madvise", "mlock", "mremap", "touch", "vm_brk_flags"}


@pytest.mark.parametrize("generation", SOUND)
def test_random_scripts(generation: str) -> None:
    for seed in range(15):
        assert first_break(generation, script(seed)) is None, seed


def test_the_patch_does_not_survive_them() -> None:
    broken = [first_break("v4", script(seed)) for seed in range(8)]
    assert all(broken)
    assert {found[1][0] for found in broken if found} >= {"brk"}


# -- what the merged code and today's really get wrong


def known() -> set[tuple[str, str, str]]:
    """(generation, invariant, op) of every listed defect."""
    found = set()
    for path in DEFECTS:
        recording = read(path)
        op = recording.records[-1][1]["op"]
        found |= {(name, id, op) for name, ids in recording.header["broken"].items() for id in ids}
    return found


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("path", DEFECTS, ids=lambda path: path.stem)
def test_a_known_defect(path: Path, generation: str) -> None:
    """Its script breaks in each generation what its header says, and ends with the answer it says."""
    header = read(path).header
    told = [json.loads(line) for line in run(path, generation, as_json=True)]
    broken = {id for op in told for id in op["broken"]}
    assert sorted(broken, key=lambda id: int(id[1:])) == header["broken"][generation]
    assert told[-1]["ret"] == header["last"][generation]
    assert header["about"].endswith(".")


def test_there_are_eight_known_defects() -> None:
    assert len(DEFECTS) == 8


@pytest.mark.parametrize("generation", SOUND)
def test_failures_show_the_known_defects_only(generation: str) -> None:
    for seed in range(12):
        _only_known(generation, seed)


def _only_known(generation: str, seed: int) -> None:
    found = first_break(generation, script(seed, failures=0.2))
    if found is not None:
        _, (op, _), broken = found
        assert {(generation, each.id, op) for each in broken} <= known(), (seed, [str(each) for each in broken])


# -- the generations side by side


@pytest.mark.parametrize("generation", ["merged", "today"])
def test_without_holes_all_answer_as_before_the_patch(generation: str) -> None:
    """I23: whatever is not a hole below the break gives the same pages; only the numbers of VMAs differ."""
    holes = ("munmap", "mmap", "mmap_file", "mremap", "vm_brk_flags", "mprotect", "mbind", "uffd_register", "madvise")
    for seed in range(10):
        rng = random.Random(seed)
        one, other = session("before"), session(generation)
        for _ in range(60):
            op, arg = random_op(rng, without=(*holes, "collapse", "fork"))
            answers = one.do(op, arg), other.do(op, arg)
            assert differences(snapshot(one.process.mm), snapshot(other.process.mm), answers) == [], (seed, op)


# -- long


@pytest.mark.slow
@pytest.mark.parametrize("generation", SOUND)
@pytest.mark.parametrize("part", range(7))
def test_soak(generation: str, part: int) -> None:
    """2,100 random scripts of 200 ops, 700 in each sound generation."""
    for seed in range(10_000 + 100 * part, 10_100 + 100 * part):
        assert first_break(generation, script(seed)) is None, seed


@pytest.mark.slow
@pytest.mark.parametrize("generation", SOUND)
def test_soak_with_failures(generation: str) -> None:
    for seed in range(20_000, 20_300):
        _only_known(generation, seed)
