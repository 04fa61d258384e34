"""Plays scripts with a learner's function in place of one of a generation's, and tells what was seen.

Runs in the learner's process, so what it tells is a claim; a judge outside compares it with a generation that is right.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from inspect import getsource
from textwrap import dedent
from types import FunctionType, ModuleType
from typing import Any

from mmsim.brk import GENERATIONS
from mmsim.explore.world import WORLDS
from mmsim.mm import letters
from mmsim.trace.syscall_trace import Session

__all__ = ["played", "seen", "standing_in", "unchanged"]

YOURS = "yours"
"""What the copied generation is called as long as a script is played."""


def played(
    thing: Any, generation: str, function: str, world: str, script: list[Any], pardoned: list[str]
) -> list[dict[str, Any]] | None:
    """What is seen after each op of a script, with `thing` as `function` of a generation; None for it unchanged.

    An unchanged function is an exercise that was not tried yet. `pardoned` are invariants that may be broken, as
    `thing` could not keep them. Raises what the learner's function raises.

    >>> played(GENERATIONS["v4"].vm_brk_flags, "v4", "vm_brk_flags", "bare", [], []) is None
    True
    >>> script = [["vm_brk_flags", [0x10014000, 4096]]]
    >>> [each["answer"] for each in played(lambda *given: -12, "v4", "vm_brk_flags", "bare", script, [])]
    [-12]
    """
    if type(thing) is not FunctionType:
        raise TypeError(f"expected a function in place of {function}(), got {str(type(thing).__name__)[:60]}")
    if unchanged(thing, getattr(GENERATIONS[generation], function)):
        return None
    with standing_in(thing, generation, function) as name:
        return seen(name, world, script, pardoned)


@contextmanager
def standing_in(thing: FunctionType, generation: str, function: str) -> Iterator[str]:
    """The name of a generation that is another one with `thing` as one of its functions, as long as the block lasts.

    `thing` finds the names of its notebook, and those of the generation's module, as if it stood there.
    """
    original = vars(GENERATIONS[generation])
    module = ModuleType(f"mmsim.brk.{YOURS}")
    names = vars(module)
    names.update({name: value for name, value in original.items() if not name.startswith("__")})
    _move(names, original, names)
    its = thing.__globals__
    own = {**names, **{name: value for name, value in its.items() if original.get(name) is not value}}
    _move(own, its, own)
    names[function] = _moved(thing, own)
    GENERATIONS[YOURS] = module
    try:
        yield YOURS
    finally:
        del GENERATIONS[YOURS]


def _move(names: dict[str, Any], home: dict[str, Any], there: dict[str, Any]) -> None:
    """Let the functions among `names` that were written in `home` find their names `there`."""
    for name, value in list(names.items()):
        if type(value) is FunctionType and value.__globals__ is home:
            names[name] = _moved(value, there)


def _moved(function: FunctionType, names: dict[str, Any]) -> FunctionType:
    copy = FunctionType(function.__code__, names, function.__name__, function.__defaults__, function.__closure__)
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy


def unchanged(thing: FunctionType, original: FunctionType) -> bool:
    """Are the two written alike? Comments, annotations and the text below the head do not count, nor does the name.

    False where there is no source to be read. (Bytecode will not do: the same line compiles otherwise where a module
    imports what it calls.)

    >>> unchanged(unchanged, unchanged), unchanged(unchanged, seen)
    (True, False)
    """
    mine, its = thing.__code__, original.__code__
    if (mine.co_names, mine.co_varnames) != (its.co_names, its.co_varnames):
        return False  # also where the source that is found is that of another function
    try:
        return _written(thing) == _written(original)
    except (OSError, TypeError, SyntaxError, IndexError):
        return False


@lru_cache(maxsize=64)
def _written(function: FunctionType) -> list[str]:
    (head,) = _Bare().visit(ast.parse(dedent(getsource(function)))).body
    if not isinstance(head, ast.FunctionDef):
        raise TypeError
    body = head.body[1:] if ast.get_docstring(head) is not None else head.body
    return [ast.dump(head.args), *map(ast.dump, body)]


class _Bare(ast.NodeTransformer):
    """Takes annotations away."""

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        return ast.Assign([node.target], node.value) if node.value is not None else node


# -- what is seen


class _Heard(list[tuple[int, int]]):
    """A monitor's events; `fresh` are those of the last op, `early` those that came under the mmap lock."""

    def __init__(self, session: Session, events: list[tuple[int, int]]) -> None:
        super().__init__(events)
        self.session = session
        self.fresh: list[tuple[int, int]] = []
        self.early = 0

    def append(self, event: tuple[int, int]) -> None:
        self.early += self.session.process.mm.lock != "none"
        self.fresh.append(event)
        super().append(event)


def seen(generation: str, world: str, script: list[Any], pardoned: list[str]) -> list[dict[str, Any]]:
    """What is seen after each op of a script; it ends with the first that breaks an invariant that is not pardoned.

    Addresses are bytes, counters pages; a VMA is [start, end, flags, file, policy, monitor, pages present].

    >>> seen("v4", "bare", [["brk", 0x10015000]], [])[0]["vmas"][0]
    [268517376, 268521472, 'rd wr mr mw me ac', '', '', '', 0]
    """
    session = Session(WORLDS[world], generation)
    found = []
    for op, arg in script:
        heard = _listen(session)
        answer, broken = session.judged(op, arg)
        broken = [each for each in broken if each.id not in pardoned]
        found.append(_state(session, answer, heard, [[each.id, each.what] for each in broken]))
        if broken:
            break
    return found


def _listen(session: Session) -> list[tuple[str, _Heard]]:
    """The monitors there are, by name, with fresh ears."""
    for context in session.contexts:
        context.events = _Heard(session, context.events)
    return [(context.name, context.events) for context in session.contexts]  # type: ignore[misc]


def _state(session: Session, answer: int, heard: list[tuple[str, _Heard]], broken: list[Any]) -> dict[str, Any]:
    mm = session.process.mm
    return {
        "answer": answer,
        "broken": broken,
        "break": mm.brk,
        "lock": mm.lock,
        "vmas": [_row(mm.pages, vma) for vma in session.shown()],
        "told": [[name, *event] for name, events in heard for event in events.fresh],
        "early": sum(events.early for _, events in heard),
        "waiting": sum(context.mmap_changing for context in session.contexts),
        "counters": session.counters(),
    }


def _row(pages: dict[int, str], vma: Any) -> list[Any]:
    present = sum(vma.start <= page < vma.end for page in pages)
    file, monitor = vma.file.name if vma.file else "", vma.uffd.name if vma.uffd else ""
    return [vma.start, vma.end, letters(vma.flags), file, vma.policy or "", monitor, present]
