"""Rules for extending a heap, and programs that show one up: what E2 is for those who try it themselves."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from itertools import combinations
from typing import Any

from mmsim.brk import GENERATIONS, Process
from mmsim.mm import VM, Vma
from mmsim.mm.pages import peek
from mmsim.mm.units import EFAULT, PAGE
from mmsim.trace import RecordingError
from mmsim.trace.syscall_trace import Session

from .build import HEAP, answer
from .e2 import ADJACENCY, CRITERIA, TOP, below, outcome

__all__ = ["PROPERTIES", "Rule", "content", "counter_example", "described", "differing", "judged", "last_growth"]

Rule = Callable[[Vma, int], Any]
"""Whether a growth from an address on may extend the VMA below it; None says that nothing is written yet."""
PROPERTIES = (*(name for name in CRITERIA if name != "none"), ADJACENCY)
"""What a VMA below a growth can have of its own."""
_UNTRIED = "not tried yet"


def differing(rule: Rule, generation: str) -> Iterator[tuple[str, ...]]:
    """The combinations of PROPERTIES for which a rule and a generation's brk() differ; those with the fewest first.

    2**9 growths. A rule is asked before the growth, about the same VMA.

    >>> next(differing(lambda vma, address: vma.end == address, "before"))
    ('flags',)
    """
    for count in range(len(PROPERTIES) + 1):
        for wrong in combinations(PROPERTIES, count):
            _, vma = below(generation, wrong)
            if bool(rule(vma, TOP)) != (outcome(generation, wrong) == "extended"):
                yield wrong


def judged(*rules: Rule, generation: str = "before") -> str:
    """What all the rules allow together, held against a generation in all combinations.

    Says how many are judged otherwise, and which is the smallest.

    >>> judged(lambda vma, address: False)
    'not yet: 1 of 512 VMAs are judged otherwise. The smallest: for a VMA with nothing of its own, expected extended (before), got new VMA'
    """  # noqa: E501
    _, vma = below(generation)
    try:
        if None in [rule(vma, TOP) for rule in rules]:
            return _UNTRIED
        wrong = list(differing(lambda vma, address: all(rule(vma, address) for rule in rules), generation))
    except Exception as error:  # whatever a learner's rule does: it is told, not raised
        return f"not yet: the rule stopped with {type(error).__name__}: {error}"
    total = 2 ** len(PROPERTIES)
    if not wrong:
        return f"done: the rule and {generation} agree on all {total} VMAs"
    expected = outcome(generation, wrong[0])
    got = "new VMA" if expected == "extended" else "extended"
    return (
        f"not yet: {len(wrong)} of {total} VMAs are judged otherwise. The smallest: for a VMA with "
        f"{_listed(wrong[0])}, expected {expected} ({generation}), got {got}"
    )


def _listed(wrong: Collection[str]) -> str:
    """Properties in words.

    >>> _listed(["file"]), _listed(["file", "adjacency"])
    ('file', 'file and a page missing in between')
    """
    words = ["a page missing in between" if name == ADJACENCY else name for name in wrong]
    return " and ".join(words) or "nothing of its own"


def content(process: Process, address: int) -> str:
    """What a program finds when it reads a page that nobody has written to.

    >>> process, _ = below("v4", {"file"})
    >>> content(process, TOP - PAGE), content(process, TOP)
    ('page 131075 of data', 'SIGSEGV: nothing is mapped')
    """
    vma = process.mm.tree.load(address)
    if vma is None or not vma.flags & VM.READ:
        return "SIGSEGV: nothing is mapped" if vma is None else "SIGSEGV: not readable"
    if vma.file is None:
        return "zeros"
    if peek(process.mm, address) == -EFAULT:
        return f"SIGBUS: behind the end of {vma.file.name}"
    return f"page {vma.pgoff + (address - vma.start) // PAGE} of {vma.file.name}"


def described(process: Process, address: int) -> str:
    """The same, with what the page has from its VMA: a memory policy, a page number that is not its address's.

    >>> process, _ = below("v4", {"page offset"})
    >>> described(process, TOP - PAGE)
    'zeros, page number off by +1'
    """
    parts, vma = [content(process, address)], process.mm.tree.load(address)
    if vma is not None and vma.policy is not None:
        parts.append(f"policy {vma.policy}")
    if vma is not None and vma.file is None and vma.pgoff != vma.start // PAGE:
        parts.append(f"page number off by {vma.pgoff - vma.start // PAGE:+}")
    return ", ".join(parts)


def last_growth(script: list[Any], generation: str, start_brk: int = HEAP) -> str:
    """What the last call of a script, a growing brk(), comes to: extended (and what), new VMA, or refused.

    The ops are those of a syscall-trace. Raises RecordingError for one that makes no sense or is refused, or if the
    last call does not grow the heap.

    >>> last_growth([("brk", HEAP + PAGE), ("brk", HEAP + 2 * PAGE)], "v4")
    'extended: the heap'
    """
    if not isinstance(script, list) or not all(isinstance(call, tuple) and len(call) == 2 for call in script):
        raise RecordingError('a script is a list of calls, and a call is a pair such as ("brk", HEAP + PAGE)')
    session = Session({"start_brk": start_brk}, generation)
    for at, (op, arg) in enumerate(script[:-1], 1):
        ret = session.do(op, arg)
        if ret < 0 or (op == "brk" and ret != arg):
            told = answer(ret) if ret < 0 else f"the old break, {ret:#x}"
            raise RecordingError(f"call {at}, {op}, was refused: it answers {told}")
    mm = session.process.mm
    known, old = set(mm.vmas()), mm.brk
    op, want = script[-1] if script else ("", 0)
    if op != "brk" or not isinstance(want, int) or want <= old:
        raise RecordingError("the last call of the script has to be a brk() that grows the heap")
    if session.do(op, want) != want:
        return "refused"
    vma = mm.tree.load(old)
    if vma not in known:
        return "new VMA"
    return f"extended: {'the heap' if vma.file is None else f'the mapping of {vma.file.name}'}"


def counter_example(script: list[Any] | None, start_brk: int = HEAP) -> str:
    """Whether a program makes v4 extend a file's mapping, and merged make a VMA: each outcome, and what is missing."""
    if script is None:
        return _UNTRIED
    try:
        found = {generation: last_growth(script, generation, start_brk) for generation in GENERATIONS}
    except RecordingError as error:
        return f"not yet: {error}"
    if found["v4"].startswith("extended: the mapping") and found["merged"] == "new VMA":
        said = "done: in v4 the heap goes on as a piece of the file"
    elif found["v4"] == "refused":
        said = "not yet: v4 refuses the growth; is the place above the break free?"
    elif found["v4"] == "new VMA":
        said = "not yet: v4 makes a new VMA; is the last VMA of the heap a file's, with the flags of a heap?"
    else:
        said = "not yet: v4 extends the heap; what lies below the break is no mapping of a file"
    return "\n".join([*(f"{generation:<8}{told}" for generation, told in found.items()), said])
