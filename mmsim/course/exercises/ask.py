"""Asking the learner's code: a call goes in, plain data or a problem comes out.

This module runs in the learner's process (a notebook's kernel, or a worker) and knows nothing of
right and wrong. `python -m mmsim.course.exercises.ask` reads {"source", "name", "driver", "library",
"calls"} as JSON and writes a list of answers; it protects nobody from what the source does.
"""

import json
import linecache
import os
import sys
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any

from .plain import NotPlain, Plain, plain

Reply = dict[str, Plain]
NOT_THERE = object()


def reply(thing: Any, name: str, args: list[Plain] | None, driver: str = "") -> Reply:
    """{"value": plain data} or {"problem": text} of one call; args None asks for the value itself.

    >>> reply(lambda a, b: a // b, "f", [7, 2]), reply([1, 2], "xs", None)
    ({'value': 3}, {'value': [1, 2]})
    >>> reply(lambda a, b: a // b, "f", [7, 0])
    {'problem': 'ZeroDivisionError: integer division or modulo by zero'}
    """
    if thing is NOT_THERE:
        return {"problem": f"there is no `{name}`: run the cell that defines it (was it renamed?)"}
    try:
        if args is None and not driver:
            return {"value": plain(thing)}
        if not driver and not callable(thing):
            return {
                "problem": f"`{name}` is no function any more: it was overwritten by {str(type(thing).__name__)[:60]}"
            }
        given = plain(args)
        got = _driver(driver)(thing, *(given or ())) if driver else thing(*given)
        return {"value": plain(got)}
    except NotPlain as error:
        return {"problem": f"`{name}` gives {error}"}
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit, too: the next exercise has to go on
        return {"problem": _said(error)}


def namespace_of(source: str) -> dict[str, Any]:
    """The names that a source defines; raises what it raises."""
    file = "<your notebook>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(source, file, "exec"), names)
    return names


def replies(source: str, name: str, calls: Iterable[Mapping[str, Plain]], driver: str = "") -> list[Reply]:
    """The answers of a source that defines `name`, one a call; a source that fails answers nothing."""
    calls = list(calls)
    try:
        thing = namespace_of(source).get(name, NOT_THERE)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return [{"problem": f"the code before or around `{name}` fails: {_said(error)}"} for _ in calls]
    return [reply(thing, name, call["args"], driver) for call in calls]


def main() -> int:
    """Answer what stands in the standard input."""
    asked = json.load(sys.stdin)
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what the learner's code prints is no answer
    if not asked["library"]:
        sys.modules["mmsim"] = None  # type: ignore[assignment] - says "import of mmsim halted" to who tries
    json.dump(replies(asked["source"], asked["name"], asked["calls"], asked["driver"]), out)
    out.close()
    return 0


def _driver(driver: str) -> Any:
    module, _, function = driver.partition(":")
    return getattr(import_module(module), function)


def _said(error: BaseException) -> str:
    """Type and text of an exception with the line of the learner's code, kept short."""
    try:
        text = " ".join(str(error).split())[:200]
    except BaseException:
        text = ""
    said = f"{type(error).__name__[:60]}{': ' if text else ''}{text}"
    place = _place(error)
    return f"{said} (in the line `{place}`)" if place else said


def _place(error: BaseException) -> str:
    """The innermost line of the learner's own code that the exception passed."""
    found, trace = "", error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if file.startswith(("<your notebook", "<ipython-input")) or "ipykernel_" in file:
            found = linecache.getline(file, trace.tb_lineno).strip() or found
        trace = trace.tb_next
    return found[:120]


if __name__ == "__main__":
    sys.exit(main())
