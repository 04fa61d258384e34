"""E4: comments in a style the kernel does not want. Purely textual: counts of our own, and a lint for any patch."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

from .table import Experiment, Results, named, where

__all__ = ["EXPERIMENT", "line_comments"]

_QUOTED = re.compile(r"^(?:> ?)+")
_HUNK = re.compile(r"^@@.*@@ ?(?P<inside>.*)")
_FUNCTION = re.compile(r"^(?:SYSCALL_DEFINE\d\(|[A-Za-z][\w\s*]*?\b)(?P<name>\w+)[(,]")


def line_comments(patch: str) -> Iterator[tuple[int, str]]:
    r"""Line number and function of each "//" comment a patch adds, also of a patch quoted in a mail.

    >>> patch = "@@ -1,2 +1,3 @@ int twice(int x)\n {\n+// doubled\n+\treturn 2 * x; /* not // this */\n }"
    >>> list(line_comments(patch))
    [(3, 'twice')]
    """
    function = "?"
    for number, line in enumerate(patch.splitlines(), 1):
        line = _QUOTED.sub("", line)
        hunk = _HUNK.match(line)
        body = hunk["inside"] if hunk else line[1:]
        if hunk or line[:1] in ("+", " "):
            found = _FUNCTION.match(body)
            function = found["name"] if found else function
        bare = re.sub(r"/\*.*?(\*/|$)|\"[^\"]*\"", "", body)
        if line.startswith("+") and not line.startswith("+++") and "//" in bare:
            yield number, function


def measure(generation: str) -> dict[str, Any]:
    """Line comments in the functions around brk()."""
    data = tomllib.loads(files(__package__).joinpath("comments.toml").read_text(encoding="utf-8"))
    counts = Counter(data[generation])
    functions = ("brk", "do_brk_munmap", "do_brk_flags", "vm_brk_flags")
    found: dict[str, Any] = {f"line comments in {name}()": counts.get(name, "-") for name in functions}
    quoted = sum(counts[name] for name in data["quoted"])
    return {**found, "all": counts.total(), "all, in what the mail quotes": quoted}


def verdict(results: Results) -> str:
    """How many there are, and how many the reviewer saw."""
    where_found = where(results, lambda result: result["all"])
    patch = results["v4"]
    seen = patch["all, in what the mail quotes"]
    return f"{patch['all']} in the patch, {seen} of them quoted in the mail; found in {named(where_found)} only"


EXPERIMENT = Experiment("E4", "C4", "which comments have two slashes?", measure, verdict)
