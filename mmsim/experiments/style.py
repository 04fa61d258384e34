"""A learner's lint for line comments, tried: on small texts of our own, then on as many comments as the patch has.

No text of the patch is kept here; `function_text()` makes one up with the numbers that E4 knows.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable
from importlib.resources import files
from typing import Any

from mmsim.brk import Process

from . import EXPERIMENTS

__all__ = ["CASES", "check_lint", "check_pattern", "function_text", "naive", "processes_of"]

Lint = Callable[[str], Iterable[int]]

CASES: dict[str, tuple[str, list[int]]] = {
    "a comment": ("int a;  // the first", [1]),
    "no comment at all": ("int half = all / 2;", []),
    "a block comment": ("int b;  /* not // this */", []),
    "a text in quotes": ('char *site = "http://kernel.org";', []),
    "a text, then a comment": ('char *site = "http://kernel.org";  // where', [1]),
    "a block comment, then one more": ("int c;  /* one */  // two */", [1]),
    "a quote inside a block comment": ('/* the " sign */\nint d;  // 5" wide', [2]),
    "the start of a block comment in quotes": ('char *start = "/*";  // opens one', [1]),
}
"""Name -> a text in C of one or two lines, and the lines with a line comment: what one pattern can do."""
_HARDER: dict[str, tuple[str, list[int]]] = {
    "a block comment of three lines": ("/* one\n   // two\n   three */\nint e;  // four", [4]),
    "an escaped quote": ('char *mixed = "a \\" // b";\nint f;  // here', [2]),
    "a quote inside a line comment": ('int g;  // a " sign\nint h;  // another " sign', [1, 2]),
}


def naive(text: str) -> list[int]:
    """The lines with two slashes, wherever these stand.

    >>> naive("see http://kernel.org")
    [1]
    """
    return [number for number, line in enumerate(text.splitlines(), 1) if "//" in line]


def check_pattern(pattern: str | None) -> str:
    r"""Take what `pattern` matches out of each text, look for two slashes then, and say where that goes wrong.

    >>> check_pattern(r'"[^"]*"')
    "not yet: a block comment: in 'int b;  /* not // this */' expected lines [], got [1]"
    """
    if pattern is None:
        return "not tried yet"
    try:
        compiled = re.compile(pattern)
    except (re.error, TypeError) as error:
        return f"not yet: no pattern: {error}"
    wrong = _first_wrong(lambda text: naive("\n".join(compiled.sub("", line) for line in text.splitlines())), CASES)
    return wrong or f"right: {len(CASES)} of {len(CASES)} texts"


def check_lint(lint: Lint | None) -> str:
    """Try a lint on all texts, then on functions with as many line comments as those of the patch.

    >>> check_lint(naive)
    "not yet: a block comment: in 'int b;  /* not // this */' expected lines [], got [1]"
    """
    if lint is None:
        return "not tried yet"
    wrong = _first_wrong(lint, {**CASES, **_HARDER})
    if wrong:
        return wrong
    counts = _counts("v4")
    found = {name: len(list(lint(function_text(name, count)))) for name, count in counts.items()}
    for name, count in counts.items():
        if found[name] != count:
            return f"not yet: {name}(): expected {count} as E4, got {found[name]}"
    told = ", ".join(f"{name}() {count}" for name, count in found.items())
    return f"right: {len(CASES) + len(_HARDER)} texts; as E4: {told}; {sum(found.values())} in all"


def function_text(name: str, comments: int) -> str:
    """A made-up function in C with so many line comments, and with decoys between them.

    >>> print(function_text("brk", 1))
    int brk(void)
    {
    <BLANKLINE>
        /* step 1: // is no comment here */
        log("see http://kernel.org/1");
        step(1);  // 1
    }
    """
    steps = "".join(
        f"\n    /* step {at}: // is no comment here */\n"
        f'    log("see http://kernel.org/{at}");\n    step({at});  // {at}\n'
        for at in range(1, comments + 1)
    )
    return f"int {name}(void)\n{{\n{steps}}}"


def processes_of(id: str, generation: str = "v4") -> int:
    """How many simulated processes an experiment starts in a generation; 0 for one that only reads.

    >>> processes_of("E5")
    3
    """
    started = 0
    real = Process.__init__

    def counting(self: Process, *args: Any, **more: Any) -> None:
        nonlocal started
        started += 1
        real(self, *args, **more)

    Process.__init__ = counting  # type: ignore[method-assign]
    try:
        EXPERIMENTS[id].measure(generation)
    finally:
        Process.__init__ = real  # type: ignore[method-assign]
    return started


def _counts(generation: str) -> dict[str, int]:
    data = tomllib.loads(files(__package__).joinpath("comments.toml").read_text(encoding="utf-8"))
    return dict(data[generation])


def _first_wrong(lint: Lint, cases: dict[str, tuple[str, list[int]]]) -> str:
    """The first text a lint gets wrong, in one line; empty if there is none."""
    for name, (text, expected) in cases.items():
        try:
            got = sorted(lint(text))
        except Exception as error:  # whatever the learner's function raises is an answer to it
            return f"not yet: {name}: in {text!r} {type(error).__name__}: {error}"
        if got != expected:
            return f"not yet: {name}: in {text!r} expected lines {expected}, got {got}"
    return ""
