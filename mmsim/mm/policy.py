"""mbind(): on which memory a range should lie."""

from __future__ import annotations

from .merge import Want
from .space import MM
from .units import EFAULT, EINVAL, ENOMEM, PAGE, page_align, wrap
from .vma import Vma
from .walk import isolate, locked, over, overlapping

__all__ = ["mbind"]


def mbind(mm: MM, address: int, length: int, policy: str | None) -> int:
    """Give a range a memory policy, None for the default (do_mbind(), 6.1); 0 or a negative error.

    A hole in the range is an error before anything is done, unless the policy is the default.
    """
    end = wrap(address + page_align(length))
    if address % PAGE or end < address:
        return -EINVAL
    if end == address:
        return 0

    def change(vma: Vma, prev: Vma | None, start: int, stop: int) -> tuple[int, Vma]:
        if vma.policy == policy:
            return 0, vma
        error, vma = isolate(mm, vma, prev, start, stop, Want(vma.flags, 0, policy=policy, uffd=vma.uffd))
        if not error and policy is not None and mm.machine.faults.hit("policy_dup"):
            error = -ENOMEM
        if not error:
            vma.policy = policy
        return error, vma

    def action() -> int:
        inside = overlapping(mm, address, end)
        covered = sum(min(vma.end, end) - max(vma.start, address) for vma in inside)
        if not inside or (policy is not None and covered != end - address):
            return -EFAULT
        runs = [(max(vma.start, address), min(vma.end, end)) for vma in inside]
        return next((error for low, high in runs if (error := over(mm, low, high, change))), 0)

    return locked(mm, action)
