"""The learner's process: runs the cells, then answers each call in a copy of itself.

It is trusted with nothing: it gets cells, names and arguments, never an expected answer, and what it says is a claim
that the grader reads as plain data. So there is nothing in it worth protecting from the learner's code; what is
kept apart here only keeps an honest submission from breaking itself by accident.

One fork a call, after the cells: each call finds the state right after the cells, whatever another call did to it,
and costs a few milliseconds, where running the cells again would cost what the learner's cells cost.
"""

from __future__ import annotations
import __future__

import ast
import builtins
import json
import linecache
import os
import re
import signal
import struct
import sys
import traceback
import types
import warnings
from collections.abc import Callable
from typing import Any

from .plain import NotPlain, TooLarge, clean, encode

__all__ = ["main"]

_DEFINES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
_MAGIC = re.compile(r"\s*(?:[%!?]|.*\?\s*$|[\w.,\s\[\]]+=\s*[%!])")
_RUN_ANYWAY = ("%%time", "%%capture", "%%timeit", "%%prun")
_FUTURES = sum(getattr(__future__, name).compiler_flag for name in __future__.all_feature_names)
_LENGTH = struct.Struct(">I")

Send = Callable[..., None]


class _Channel:
    """Frames to and from the grader: a length, then JSON."""

    def __init__(self, source: int, sink: int) -> None:
        self.source, self.sink = source, sink

    def receive(self) -> dict[str, Any] | None:
        head = self._read(_LENGTH.size)
        body = self._read(_LENGTH.unpack(head)[0]) if head else b""
        return json.loads(body) if body else None

    def _read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            part = os.read(self.source, count - len(data))
            if not part:
                return b""
            data += part
        return data

    def send(self, nonce: str, kind: str, value: bytes = b"null", **fields: Any) -> None:
        """The value is JSON already."""
        head = json.dumps({"nonce": nonce, "kind": kind, **fields})[:-1].encode("ascii")
        data = head + b',"value":' + value + b"}"
        data = _LENGTH.pack(len(data)) + data
        while data:
            data = data[os.write(self.sink, data) :]


def main(channel: tuple[int, int]) -> None:
    """Serve one grader, until it closes the channel."""
    link = _Channel(*channel)
    setup = link.receive()
    if setup is None:
        return
    nonce = setup["nonce"]
    space = _namespace()
    for number, source in enumerate(setup["cells"], 1):
        if number not in setup["skip"]:
            link.send(nonce, "cell", cell=number)
            for found in _run_cell(number, source, space):
                link.send(nonce, "failed", **found)
    _flush()
    link.send(nonce, "ready")
    while (call := link.receive()) is not None:
        _serve(link, call, space, setup["size"])
        if not hasattr(os, "fork"):
            break


def _namespace() -> dict[str, Any]:
    """A fresh `__main__`, with what a notebook offers, doing nothing."""
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    space = module.__dict__
    space.update(__builtins__=builtins, display=_nothing, get_ipython=_Shell)
    return space


def _nothing(*_arguments: object, **_named: object) -> None:
    return None


class _Shell:
    """What `get_ipython()` gives: every method does nothing."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name.startswith("__"):
            raise AttributeError(name)
        return _nothing


def _run_cell(number: int, source: str, space: dict[str, Any]) -> list[dict[str, Any]]:
    """Run a cell; what failed in it. After a failure its definitions are still made, so that no function is lost."""
    name = f"cell {number}"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    failures: list[dict[str, Any]] = []
    try:
        body = _parse(source, name).body
    except BaseException as error:
        return [_failure(error, number)]
    flags = 0
    for statement in body:
        if failures and not isinstance(statement, _DEFINES):
            continue
        try:
            code = compile(ast.Module([statement], []), name, "exec", flags, dont_inherit=True)
            flags |= code.co_flags & _FUTURES
            exec(code, space)
        except BaseException as error:
            failures.append(_failure(error, number))
    return failures[:1]


def _parse(source: str, name: str) -> ast.Module:
    """A cell's statements, its magics left out: only lines that are no Python are taken for magics."""
    first = source.lstrip().partition("\n")[0]
    if first.startswith("%%"):
        if not first.startswith(_RUN_ANYWAY):
            return ast.Module([], [])
        source = source.replace(first, "", 1)
    lines = source.split("\n")
    while True:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return ast.parse("\n".join(lines), name)
        except SyntaxError as error:
            place = (error.lineno or 0) - 1
            if not 0 <= place < len(lines) or not _MAGIC.match(lines[place]):
                raise
            lines[place] = _without_magic(lines[place])


def _without_magic(line: str) -> str:
    """The line with its magic taken out; never again one that looks like a magic.

    >>> _without_magic("    !ls"), _without_magic("files = !ls"), _without_magic("brk?")
    ('    pass', 'files = None', 'pass')
    """
    indent = line[: len(line) - len(line.lstrip())]
    target, found, _ = line.partition("=")
    if found and re.match(r"\s*[%!]", line[len(target) + 1 :]) and not line.lstrip().startswith(("%", "!")):
        return f"{target}= None"
    return f"{indent}pass"


def _failure(error: BaseException, cell: int | None = None) -> dict[str, Any]:
    """Where in the learner's cells it happened, and what, in one line."""
    line = None
    try:
        if isinstance(error, SyntaxError) and error.filename == f"cell {cell}":
            line = error.lineno
        for frame, number in traceback.walk_tb(error.__traceback__):
            match = re.fullmatch(r"cell (\d+)", frame.f_code.co_filename)
            if match:
                cell, line = int(match[1]), number
    except Exception:
        pass
    return {"cell": cell, "line": line, "message": _told(error)}


def _told(error: BaseException) -> str:
    kind = type.__dict__["__name__"].__get__(type(error))
    try:
        return clean(f"{kind}: {error}") if str(error) else clean(kind)
    except BaseException:
        return clean(kind)


def _print_afresh() -> None:
    """A copy gets its own stream: a learner's thread that prints may have held the lock of the one copied."""
    try:
        sys.stdout = open(1, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
    except BaseException:
        return


def _flush() -> None:
    """What was printed goes out once: a copy of this process would print it again, and an end by _exit never."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BaseException:
            continue


def _serve(link: _Channel, call: dict[str, Any], space: dict[str, Any], size: int) -> None:
    """Answer one call in a copy of this process; then say how the copy ended."""
    nonce = call["nonce"]
    if not hasattr(os, "fork"):
        _answer(link, call, space, size)
        link.send(nonce, "end", status=0)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a learner's threads are not copied, and that is what we want
        try:
            child = os.fork()
        except OSError as error:
            link.send(nonce, "died", message=f"no process for the call: {error.strerror}")
            link.send(nonce, "end", status=0)
            return
    if child == 0:
        try:
            os.close(link.source)
            _print_afresh()
            _answer(link, call, space, size)
            _flush()
        finally:
            os._exit(0)
    while True:
        done, status = os.waitpid(-1, 0)
        if done == child:
            break
    link.send(nonce, "end", status=os.waitstatus_to_exitcode(status))


def _answer(link: _Channel, call: dict[str, Any], space: dict[str, Any], size: int) -> None:
    nonce, name = call["nonce"], call["name"]
    try:
        if name not in space:
            link.send(nonce, "missing", message=clean(f"no {name} in the submission"))
            return
        found = space[name]
        value = found(*call["args"]) if callable(found) else found
        link.send(nonce, "value", encode(value, size, (list, tuple)))
    except TooLarge as error:
        link.send(nonce, "large", message=clean(str(error)))
    except NotPlain as error:
        link.send(nonce, "type", message=clean(str(error)))
    except MemoryError as error:
        told = _failure(error)
        del error
        link.send(nonce, "memory", **told)
    except BaseException as error:
        link.send(nonce, "raised", **_failure(error))


def settle() -> tuple[int, int]:
    """The channel moved away from where learners print: stdin gives nothing, stdout goes where stderr goes."""
    channel = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    for number in (getattr(signal, "SIGPIPE", None), getattr(signal, "SIGXFSZ", None)):
        if number is not None:
            signal.signal(number, signal.SIG_IGN)
    return channel
