"""Which concern of the review a finding is: the mail's own numbers, C1 to C9, or none of them."""

from __future__ import annotations

from mmsim.mm.units import ENOMEM
from mmsim.trace.syscall_trace import Session

from .alphabet import Op
from .price import cost
from .world import WORLDS

__all__ = ["CONCERNS", "NOT_IN_THE_MAIL", "concern_of"]

CONCERNS = {
    "C1": "the limit test counts pages that would have been unmapped first",
    "C2": "a second copy of the merge rules",
    "C3": "is the fast path worth it",
    "C5": "vm_brk_flags() can no longer extend a VMA",
    "C6": "the userfaultfd completion is gone from vm_brk_flags()",
    "C7": "vm_brk_flags() never has to unmap anything; C8 asks for an assertion of that",
    "C9": "is the optimised case frequent enough",
}
"""Those that show in what the code does; C4 is about comments."""
NOT_IN_THE_MAIL = "not in the mail"


def concern_of(kind: str, family: str, side: str, world: str, ops: list[Op], old: str, new: str) -> str:
    """The number of the concern, or "not in the mail".

    The mail quotes do_brk_flags() and vm_brk_flags() only. Of the loader's call it asks for the limits (C1), the lost
    extension (C5), the lost event (C6) and what is left mapped (C7); of a growth, whether the copied merge rules let
    a VMA grow that the old ones would not (C2), and what it costs (C3, C9).
    """
    if any(op == "fail" for op, _ in ops):
        return NOT_IN_THE_MAIL
    if kind == "vm_brk_flags":
        if family == "cost":
            return "C5" if "VMAs" in side else "C3"
        if family == "answer":
            limited = any(op == "setrlimit" for op, _ in ops)
            needless = _answers(world, ops, old) == 0 and _answers(world, ops, new) == -ENOMEM
            return "C1" if limited and needless else NOT_IN_THE_MAIL
        if family == "events":
            return "C6" if side == "new" else NOT_IN_THE_MAIL
        return "C7"
    if family == "cost":
        return "C3" if "look-ups" in side or "nodes" in side else NOT_IN_THE_MAIL
    if (
        kind == "brk grows"
        and family not in ("answer", "locks")
        and _extended(world, ops, new)
        and (not _extended(world, ops, old))
    ):
        return "C2"
    return NOT_IN_THE_MAIL


def _answers(world: str, ops: list[Op], generation: str) -> int:
    """What the last op answers."""
    session = Session(WORLDS[world], generation)
    return [session.do(op, arg) for op, arg in ops][-1]


def _extended(world: str, ops: list[Op], generation: str) -> bool:
    """Whether the last op made do with the VMAs there were."""
    return not cost(world, ops, generation)["VMAs made"]
