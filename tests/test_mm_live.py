"""mremap(), advice, locks and shared mappings at random, in the model and on the running kernel."""

from __future__ import annotations

import random
from typing import Any

import pytest

from mmsim.mm.units import PAGE
from mmsim.trace.lockstep import ask
from mmsim.trace.syscall_trace import Session

from .running_kernel import like_today, live

TIERS = {
    "mremap": ["mremap", "mremap", "mprotect"],
    "advice": ["madvise", "mprotect", "mlock", "munlock"],
    "shared": ["madvise", "mprotect", "mlock"],
}
ADVICE = (0, 1, 2, 4, 10, 11, 14, 15, 16, 17, 18, 19)


def _call(rng: random.Random, tier: str, base: int) -> tuple[str, Any]:
    op = rng.choice(["brk", "brk", "touch", "mmap", "munmap", *TIERS[tier]])
    place, length = base + PAGE * rng.randrange(32), PAGE * rng.choice([1, 1, 2, 3, 5, 8])
    if op in ("brk", "touch"):
        return op, place
    if op == "mmap":
        return op, [place, length, rng.choice([3, 3, 1]), rng.choice([0x32, 0x31]) if tier == "shared" else 0x32]
    if op == "mprotect":
        return op, [place, length, rng.choice([3, 1, 0])]
    if op == "madvise":
        return op, [place, length, rng.choice(ADVICE)]
    if op == "mremap":
        new = PAGE * rng.choice([1, 2, 4, 8])
        return op, [place, length, new, rng.choice([0, 3]), base + PAGE * rng.randrange(48)]
    return op, [place, length]


def _asks_for_one_vma(session: Session, op: str, arg: Any) -> bool:
    """Not an mremap() whose refusal, or success over several VMAs, 6.17 changed."""
    if op != "mremap":
        return True
    place, old, new, flags, target = arg
    vma = session.process.mm.find_vma(place)
    inside = vma is not None and vma.start <= place and place + old <= vma.end
    return inside and not (flags and target < place + old and place < target + new)


@pytest.mark.slow
@like_today
@pytest.mark.parametrize("tier", TIERS)
def test_in_lock_step(tier: str) -> None:
    for seed in range(60):
        rng = random.Random(seed)
        with live() as process:
            session = Session(process.header(), "today")
            for number in range(50):
                op, arg = _call(rng, tier, process.start_brk)
                if _asks_for_one_vma(session, op, arg):
                    kernel = {"ret": process.do(op, arg), **ask(process, session.window)}
                    assert session.answer({**kernel, "op": op, "arg": arg}) == kernel, (seed, number, op, arg)
