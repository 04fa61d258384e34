"""The same random operations on mmsim's tree and on the kernel's own code: every answer, every node.

Slow and only where the kernel's tree can be built (`tests/kernel/build.py` says what that needs).
MMSIM_KERNEL_FILES sets how many files of 600 operations a mode gets.
"""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mmsim.maple import ULONG_MAX, MapleState, MapleTree, Node, Occupied

from .kernel.build import Unavailable, build

pytestmark = pytest.mark.slow

FILES = int(os.environ.get("MMSIM_KERNEL_FILES", "200"))
OPERATIONS = 600
ALLOC_RANGE, USE_RCU = 1, 2


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        return build(tmp_path_factory.mktemp("kernel"))
    except Unavailable as reason:
        pytest.skip(f"the kernel's own tree cannot be built: {reason}")


def form(tree: MapleTree) -> str:
    """A tree in the driver's notation."""
    if tree.root is None:
        return "null"
    return _node_form(tree.root) if tree.height else f"root {tree.root}"


def _node_form(node: Node) -> str:
    inner = [_node_form(slot) if isinstance(slot, Node) else str(slot or 0) for slot in node.slots]
    text = ",".join(f"{pivot}:{each}" for pivot, each in zip(node.pivots, inner, strict=True))
    if node.type.is_leaf:
        return f"L[{text}]"
    if node.gaps is None:
        return f"R[{text}]"
    return f"A[{text}|{','.join(map(str, node.gaps))}|{node.gap_slot}]"


class Session:
    """Random operations on one tree, written down as commands with mmsim's answers."""

    def __init__(self, seed: int, flags: int) -> None:
        self.rng = random.Random(seed)
        self.tree = MapleTree(bool(flags & ALLOC_RANGE), bool(flags & USE_RCU))
        self.span = self.rng.choice([60, 400, 3000, 20_000])
        self.near_the_top = self.rng.random() < 0.3
        self.nulls = self.rng.choice([0.1, 0.35, 0.5])
        self.commands: list[str] = []
        self.answers: list[str] = []
        for number in range(1, OPERATIONS + 1):
            self.one(number)
            if number % 3 == 0:
                self.note("d 0 0 0", form(self.tree))

    def note(self, command: str, answer: Any) -> None:
        self.commands.append(command)
        self.answers.append(str(answer))

    def index(self) -> int:
        number = self.rng.randrange(self.span)
        return ULONG_MAX - number if self.near_the_top and self.rng.random() < 0.5 else number

    def one(self, number: int) -> None:
        """One operation; searches for room and steps need a tree with nodes."""
        index = self.index()
        kind = self.rng.choices(["store", "insert", "erase", "room", "steps"], [60, 10, 10, 10, 10])[0]
        if kind == "erase":
            self.note(f"e {index} 0 0", self.tree.erase(index) or 0)
        elif kind == "room" and self.tree.height and self.tree.is_alloc:
            self.room()
        elif kind == "steps" and self.tree.height:
            self.steps(index)
        else:
            self.write(kind == "insert", index, number)

    def write(self, insert: bool, index: int, number: int) -> None:
        width = self.rng.choice([0, 0, 1, 2, 4, 9, 30] if self.rng.random() < 0.97 else range(self.span))
        last = ULONG_MAX if self.rng.random() < 0.002 else min(ULONG_MAX, index + width)
        if insert:
            try:
                self.tree.insert_range(index, last, number)
                self.note(f"i {index} {last} {number}", 0)
            except Occupied:
                self.note(f"i {index} {last} {number}", -17)
            return
        entry = None if self.rng.random() < self.nulls else number
        self.tree.store_range(index, last, entry)
        self.note(f"s {index} {last} {entry or 0}", 0)

    def room(self) -> None:
        low, high = sorted((self.index(), ULONG_MAX if self.rng.random() < 0.1 else self.index()))
        size = self.rng.choice([1, 2, 5, 12, 40])
        mas = MapleState(self.tree)
        lowest = self.rng.random() < 0.5
        ret = (mas.empty_area if lowest else mas.empty_area_rev)(low, high, size)
        answer = ret if ret else f"0 {mas.index} {mas.last}"
        self.note(f"{'f' if lowest else 'r'} {low} {high} {size}", answer)

    def steps(self, index: int) -> None:
        limit, bits = self.index(), self.rng.choice([0, 63, self.rng.randrange(64)])
        mas = MapleState(self.tree, index)
        seen = [f"{mas.walk() or 0} {mas.index} {mas.last}"]
        for step in range(6):
            entry = mas.next(limit) if bits >> step & 1 else mas.prev(0 if index < limit else limit)
            seen.append(f"{entry or 0} {mas.index} {mas.last}")
        self.note(f"n {index} {limit} {bits}", " / ".join(seen))


@pytest.mark.parametrize("flags", [0, ALLOC_RANGE, USE_RCU, ALLOC_RANGE | USE_RCU])
def test_every_answer_and_every_node(kernel: Path, flags: int) -> None:
    """use_rcu without alloc_range is compared with the kernel's plain tree: 6.1 frees a wrong address there."""
    ours = 0 if flags == USE_RCU else flags
    for seed in range(FILES):
        session = Session(seed, flags)
        text = "\n".join(session.commands)
        done = subprocess.run([kernel, str(ours)], input=text, capture_output=True, text=True, check=True)
        got = done.stdout.splitlines()
        assert len(got) == len(session.answers)
        for number, (expected, answer) in enumerate(zip(got, session.answers, strict=True)):
            assert expected == answer, f"seed {seed}, command {number}: {session.commands[number]}"
