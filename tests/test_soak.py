"""Random scripts of system calls in the model (`today`) and on the running kernel, in lock-step, VMA for VMA.

Every class of difference must be in CAUSES. `make slow` runs the long one and prints its figures.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import NamedTuple

import pytest

from mmsim.kernel.elf import LAYOUTS
from mmsim.kernel.live import RELEASE, LiveProcess
from mmsim.kernel.traced import DYNAMIC
from mmsim.mm.calls import MADV
from mmsim.trace.lockstep import Step, walk
from mmsim.trace.random_script import TIERS, random_ops
from mmsim.trace.syscall_trace import Session

from .running_kernel import NOBODY, like_today, live


class Cause(NamedTuple):
    """Why a script may come out otherwise: in which generation, on which kernels, and how such a step is told."""

    why: str
    generation: str
    kernel: str
    fits: Callable[[Step], bool]


def _keeps_locked(step: Step) -> bool:
    """MREMAP_DONTUNMAP that gave a locked copy."""
    if step.op != "mremap" or not step.arg[3] & 4 or step.kernel["ret"] < 0:
        return False
    start = step.kernel["ret"]
    made = [row for row in step.kernel["maps"] if row[0] < start + step.arg[1] and row[1] > start]
    return "VmLck" in step.differs and any("lo" in row[4].split() for row in made)


def _reclaims_the_freed(step: Step) -> bool:
    """MADV_PAGEOUT after which only fewer pages are present."""
    if step.op != "madvise" or step.arg[2] != MADV.PAGEOUT or step.differs != ["maps"]:
        return False
    rows = list(zip(step.model["maps"], step.kernel["maps"], strict=True))
    return all(one[:-1] == two[:-1] and one[-1] >= two[-1] for one, two in rows)


def _chose_a_place(step: Step) -> bool:
    """MREMAP_MAYMOVE that moved, on both sides, to where it liked."""
    if step.op != "mremap" or step.arg[3] & 3 != 1:
        return False
    return step.arg[0] not in (step.model["ret"], step.kernel["ret"]) and min(step.model["ret"], step.kernel["ret"]) > 0


CAUSES = (
    Cause(
        "MREMAP_DONTUNMAP of locked memory takes the lock from the whole VMA and counts the copy on top: its locked_vm "
        "stays too high for good. The model keeps to the accounting of 6.1, so that its invariants hold",
        "today",
        "6.17 and later",
        _keeps_locked,
    ),
    Cause(
        "MADV_PAGEOUT drops the pages that MADV_FREE left clean; there is no clean page in the model",
        "every generation",
        "5.4 and later",
        _reclaims_the_freed,
    ),
    Cause(
        "With randomized addresses the place that mremap() chooses is a random one; the model chooses as without",
        "every generation",
        "all",
        _chose_a_place,
    ),
)
"""Every class of difference that is known and left."""


class Found(NamedTuple):
    """Where a script first came out otherwise on the two sides, or broke an invariant of the model."""

    where: str
    step: Step
    broken: list[str]

    @property
    def cause(self) -> Cause | None:
        """Why, if that is known."""
        return next((cause for cause in CAUSES if not self.broken and cause.fits(self.step)), None)

    def __str__(self) -> str:
        step, parts = self.step, ", ".join(self.step.differs + self.broken)
        return f"{self.where}: {step.op} {step.arg}: {parts}\n  model  {step.model}\n  kernel {step.kernel}"


_TIERS = (*TIERS, "g", "g", "g")
"""The last one, which has everything, more often."""


def soak(seed: int, count: int) -> tuple[int, Found | None]:
    """One random script up to its first difference; the number of ops done, and the difference."""
    random, tier = Random(seed), _TIERS[seed % len(_TIERS)]
    layout, backend = random.choice([*LAYOUTS, DYNAMIC]), random.choice(["ptrace", "agent"])
    uid, aslr = (NOBODY if random.random() < 0.5 else None), random.random() < 0.2
    with LiveProcess(layout, uid, aslr, "ptrace" if layout == DYNAMIC else backend) as process:
        session, done = Session(process.header(), "today"), 0
        for done, step in enumerate(walk(process, session, random_ops(seed, count, tier, process.start_brk)), 1):
            broken = [each.id for each in session.process.check(*session.others)]
            if step.differs or broken:
                return done, Found(f"seed {seed}, tier {tier}, layout {layout}, op {done}", step, broken)
        return done, None


def figures(seeds: range, count: int) -> tuple[str, list[Found]]:
    """Many scripts: lines that say how many and why they differ, and the differences no cause is known for."""
    results = [soak(seed, count) for seed in seeds]
    found = [found for _, found in results if found is not None]
    ops = sum(done for done, _ in results)
    told = [f"soak on Linux {RELEASE}: {len(seeds)} scripts, {ops} ops, {len(found)} differences"]
    for cause in CAUSES:
        count = sum(each.cause is cause for each in found)
        told.append(f"  {count} in {cause.generation}, {cause.kernel}: {cause.why}")
    return "\n".join(told), [each for each in found if each.cause is None]


@like_today
def test_a_short_soak() -> None:
    live(backend="ptrace").close()
    live(backend="agent").close()
    _, unexplained = figures(range(40), 40)
    assert unexplained == [], "\n".join(map(str, unexplained))


@pytest.mark.slow
@like_today
def test_soak(capsys: pytest.CaptureFixture[str]) -> None:
    live(backend="ptrace").close()
    live(backend="agent").close()
    told, unexplained = figures(range(1000, 1500), 150)
    with capsys.disabled():
        print(f"\n{told}")
    assert unexplained == [], "\n".join(map(str, unexplained[:5]))
