"""Asking a submission, from outside: start a worker, read what it claims, kill it when it does not keep the limits.

A call or a cell that hangs or kills its process costs only itself: the worker is killed with all it started, and a new
one goes on with the rest.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import secrets
import signal
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from .inside.plain import DEPTH, NotPlain, clean, decode, encode
from .inside.start import REFUSED
from .protection import BUBBLEWRAP, LEVELS, missing, plan
from .request import KINDS, Answer, Call, CellFailure, Limits, Report, Request, SandboxError

__all__ = ["Level", "best", "levels", "run"]

_CHUNK = 1 << 16
_HEAD = 10_000
"""What a frame may have besides the value."""
_STRAY = 100
"""How many frames may come that answer nothing, such as those of a process an earlier call left behind."""
_START_SECONDS = 20.0
"""For a worker to get ready, before any learner's code."""


class Level(NamedTuple):
    """A level of protection on this machine: what it does, and why it cannot be had, if so."""

    name: str
    told: str
    why_not: str | None

    @property
    def usable(self) -> bool:
        """Whether this machine gives it."""
        return self.why_not is None


def run(request: Request, limits: Limits | None = None, level: str | None = None) -> Report:
    """Run the cells, make the calls; never raises for anything the submission does.

    Raises SandboxError when the level (the best there is, without one) is not to be had, ValueError when the
    arguments of a call are no plain data.
    """
    limits = limits or Limits()
    chosen = level or best().name
    if chosen not in LEVELS:
        raise ValueError(f"no level {chosen}; there are {', '.join(LEVELS)}")
    why_not = _why_not(chosen)
    if why_not:
        raise SandboxError(f"no sandbox by {chosen}: {why_not}")
    return _Run(request, limits, chosen, _as_user(chosen)).report()


def levels() -> list[Level]:
    """All levels, the strongest first; each is tried once, which takes a quarter of a second."""
    return [Level(name, told, _why_not(name)) for name, told in LEVELS.items()]


def best() -> Level:
    """The strongest this machine gives; raises SandboxError if it gives none."""
    for level in levels():
        if level.usable:
            return level
    raise SandboxError("; ".join(f"{level.name}: {level.why_not}" for level in levels()))


@lru_cache(maxsize=8)
def _why_not(level: str) -> str | None:
    return missing(level) or (_try(level, False) and _try(level, True))


@lru_cache(maxsize=8)
def _as_user(level: str) -> bool:
    return _try(level, False) is not None


@lru_cache(maxsize=8)
def _try(level: str, as_user: bool) -> str | None:
    """Run something harmless; why it failed."""
    request = Request(["import mmsim.maple\ndef probe(): return 6 * 7"], [Call("probe")])
    run = _Run(request, Limits(), level, as_user)
    try:
        report = run.report()
    except OSError as error:
        return clean(str(error))
    answer = report.answers[0]
    if answer == Answer("value", 42) and not report.cells:
        return None
    if report.cells:
        return f"mmsim cannot be imported: {report.cells[0].message}"
    return clean(run.output.decode(errors="replace")) or str(answer)


class _Broken(Exception):
    """The worker is of no more use; what that means for what it was asked."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind, self.message = kind, message


class _Run:
    """One request on its way, over as many workers as it takes."""

    def __init__(self, request: Request, limits: Limits, level: str, as_user: bool) -> None:
        self.cells, self.calls, self.library = list(request.cells), list(request.calls), request.library
        self.limits, self.level, self.as_user = limits, level, as_user
        self.arguments = [_plain_arguments(call) for call in self.calls]
        self.answers: list[Answer] = []
        self.failed: dict[int, CellFailure] = {}
        self.skip: set[int] = set()
        self.output, self.printed, self.starts = b"", 0, 0

    def report(self) -> Report:
        """Do it all."""
        begin = time.monotonic()
        self.deadline = begin + self.limits.total_seconds
        while len(self.answers) < len(self.calls) or not self.starts:
            if time.monotonic() >= self.deadline:
                self._give_up(Answer("timeout", message=self._told_total()))
                break
            self._one_worker()
        return Report(
            self.level,
            self.answers,
            [self.failed[cell] for cell in sorted(self.failed)],
            self.output.decode("utf-8", "replace"),
            self.printed,
            time.monotonic() - begin,
            self.starts,
        )

    def _told_total(self) -> str:
        return f"the submission took more than {self.limits.total_seconds:g} s in all"

    def _give_up(self, answer: Answer) -> None:
        self.answers += [answer] * (len(self.calls) - len(self.answers))

    def _one_worker(self) -> None:
        """Go on with a new worker, as far as it gets: each brings an answer, or a cell to skip, or the end."""
        self.starts += 1
        with _worker(self) as worker:
            try:
                self._run_cells(worker)
                while len(self.answers) < len(self.calls):
                    self.answers.append(self._ask(worker))
                    if not hasattr(os, "fork"):
                        return
            except _Broken as broken:
                self.answers.append(Answer(broken.kind, message=broken.message))
            except _Cell as stuck:
                self.skip.add(stuck.cell)
                self.failed[stuck.cell] = CellFailure(stuck.cell, stuck.kind, stuck.message)
            except _NoStart as error:
                if time.monotonic() < self.deadline:  # else the time in all was over while it started: report() says so
                    self._give_up(Answer("none", message=str(error)))

    def _run_cells(self, worker: _Worker) -> None:
        nonce = secrets.token_hex(16)
        worker.send(nonce=nonce, cells=self.cells, skip=sorted(self.skip), size=self.limits.answer_bytes)
        cell, seconds, told = 0, _START_SECONDS, "the sandbox did not start"
        while True:
            try:
                frame = worker.receive(nonce, seconds, told)
            except _Broken as broken:
                if cell:
                    raise _Cell(cell, broken.kind, broken.message) from None
                raise _NoStart(broken.message) from None
            number = frame.get("cell")
            known = type(number) is int and 0 < number <= len(self.cells)
            if frame["kind"] == "ready":
                return
            if frame["kind"] == "cell" and known and number > cell:
                cell, seconds = number, self.limits.cell_seconds
                told = f"the cell took more than {seconds:g} s"
            elif frame["kind"] == "failed" and known:
                found = _failure("raised", frame, len(self.cells))
                self.failed[number] = CellFailure(number, found.kind, found.message, found.line)
            else:
                raise _Cell(cell, "none", "not a well-formed answer") if cell else _NoStart("no well-formed answer")

    def _ask(self, worker: _Worker) -> Answer:
        """One call. The first well-formed answer counts, and only once the copy that ran the call has ended."""
        number = len(self.answers)
        nonce = secrets.token_hex(16)
        worker.send(nonce=nonce, name=self.calls[number].name, args=json.loads(self.arguments[number]))
        seconds = self.limits.call_seconds
        end = time.monotonic() + seconds
        answer = None
        while True:
            frame = worker.receive(nonce, end - time.monotonic(), f"the call took more than {seconds:g} s")
            if frame["kind"] == "end":
                return answer or Answer("died", message=_ended(frame.get("status")))
            if answer is None:
                answer = self._read(frame)

    def _read(self, frame: dict[str, Any]) -> Answer:
        kind = frame["kind"]
        if kind == "value":
            return Answer("value", frame.get("value"))
        if kind in KINDS:
            return _failure(kind, frame, len(self.cells))
        return Answer("none", message="not a well-formed answer")


class _Cell(Exception):
    """A cell that hung or killed the worker."""

    def __init__(self, cell: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.cell, self.kind, self.message = cell, kind, message


class _NoStart(Exception):
    """The worker ended before any cell."""


def _plain_arguments(call: Call) -> bytes:
    try:
        return encode(list(call.args), 100_000_000)
    except NotPlain as error:
        raise ValueError(f"arguments of {call.name}: {error}") from None


def _failure(kind: str, frame: dict[str, Any], cells: int) -> Answer:
    message, cell, line = (frame.get(name) for name in ("message", "cell", "line"))
    where = type(cell) is int and 0 < cell <= cells and type(line) is int and 0 < line < 1_000_000
    told = clean(message) if type(message) is str else ""
    return Answer(kind, None, told or KINDS[kind], cell if where else None, line if where else None)


def _ended(status: object) -> str:
    if type(status) is not int or not -65 < status < 256:
        return KINDS["died"]
    if status < 0:
        try:
            return f"its process was ended by {signal.Signals(-status).name}"
        except ValueError:
            return f"its process was ended by signal {-status}"
    return f"its process ended without an answer (exit code {status})"


@contextlib.contextmanager
def _worker(run: _Run) -> Iterator[_Worker]:
    """A worker, gone with all it started when this ends."""
    start = plan(run.level, run.limits, run.as_user, run.library)
    worker = None
    try:
        worker = _Worker(run, start.command, start.environment, str(start.folder or os.sep))
        yield worker
    finally:
        try:
            if worker is not None:
                worker.end()
        finally:
            start.clean()


class _Worker:
    """The process, its pipes, and a thread for each; a thread only moves bytes."""

    def __init__(self, run: _Run, command: list[str], environment: dict[str, str], folder: str) -> None:
        self.run, self.is_wrapped = run, run.level == BUBBLEWRAP
        self.first: int | None = None
        posix: dict[str, Any] = {}
        told, tell = os.pipe() if self.is_wrapped else (-1, -1)
        if self.is_wrapped:
            command = [command[0], "--info-fd", str(tell), *command[1:]]
            posix["pass_fds"] = (tell,)
        if os.name == "posix":
            posix |= {"start_new_session": True, "umask": 0o077}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "bufsize": 0}
        try:
            self.process = subprocess.Popen(command, cwd=folder, env=environment, close_fds=True, **pipes, **posix)
        except BaseException:
            os.close(told) if self.is_wrapped else None
            raise
        finally:
            if self.is_wrapped:
                os.close(tell)
        self.frames: queue.Queue[bytes | None] = queue.Queue(maxsize=8)
        self.wanted: queue.Queue[bytes | None] = queue.Queue()
        self.data = b""
        self.is_over = threading.Event()
        self.threads = [threading.Thread(target=work, daemon=True) for work in (self._write, self._read, self._drain)]
        for thread in self.threads:
            thread.start()
        if self.is_wrapped:
            self.first = _first_process(told)

    def send(self, **fields: Any) -> None:
        data = json.dumps(fields).encode("ascii")
        self.wanted.put(struct.pack(">I", len(data)) + data)

    def receive(self, nonce: str, seconds: float, told: str) -> dict[str, Any]:
        """The next frame with this nonce; raises _Broken for anything that is none, and when time is up."""
        end = min(time.monotonic() + seconds, self.run.deadline)
        for _ in range(_STRAY):
            frame = decode_frame(self._frame(end, told))
            if frame["nonce"] == nonce:
                return frame
        raise _Broken("none", "too many answers that nobody asked for")

    def _frame(self, end: float, told: str) -> bytes:
        most = self.run.limits.answer_bytes + _HEAD
        while True:
            if time.monotonic() >= end:
                late = time.monotonic() >= self.run.deadline
                raise _Broken("timeout", self.run._told_total() if late else told)
            size = int.from_bytes(self.data[:4], "big") if len(self.data) >= 4 else 0
            if size > most:
                raise _Broken("none", "not a well-formed answer")
            if len(self.data) >= 4 + size and self.data:
                frame, self.data = self.data[4 : 4 + size], self.data[4 + size :]
                return frame
            try:
                data = self.frames.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                continue
            if data is None:
                raise _Broken(*self._how_it_ended())
            self.data += data

    def _how_it_ended(self) -> tuple[str, str]:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(1)
        code = self.process.returncode
        if code == REFUSED:
            return "none", clean(self.run.output.decode(errors="replace")) or "the sandbox refused to start"
        return "died", _ended(code if code is None or code <= 128 else 128 - code)

    def _write(self) -> None:
        pipe = self.process.stdin
        assert pipe is not None
        with contextlib.suppress(OSError, ValueError):
            while (data := self.wanted.get()) is not None:
                while data:
                    data = data[pipe.write(data) or 0 :]
        with contextlib.suppress(OSError, ValueError):
            pipe.close()

    def _read(self) -> None:
        pipe = self.process.stdout
        assert pipe is not None
        with contextlib.suppress(OSError, ValueError):
            while data := pipe.read(_CHUNK):
                while not self.is_over.is_set():
                    try:
                        self.frames.put(data, timeout=0.1)
                        break
                    except queue.Full:
                        continue
        while not self.is_over.is_set():
            with contextlib.suppress(queue.Full):
                self.frames.put(None, timeout=0.1)
                break

    def _drain(self) -> None:
        pipe = self.process.stderr
        assert pipe is not None
        with contextlib.suppress(OSError, ValueError):
            while data := pipe.read(_CHUNK):
                self.run.printed += len(data)
                left = self.run.limits.output_bytes - len(self.run.output)
                if left > 0:
                    self.run.output += data[:left]

    def end(self) -> None:
        """Kill it and all it started, and wait until they are gone."""
        self.is_over.set()
        self.wanted.put(None)
        self._kill()
        for thread in self.threads:
            thread.join(1)
        pipes = (self.process.stdin, self.process.stdout, self.process.stderr)
        for pipe, thread in zip(pipes, self.threads, strict=True):
            if pipe is not None and not thread.is_alive():
                pipe.close()

    def _kill(self) -> None:
        """The first process of bubblewrap takes all others with it; elsewhere the guard kills them, if it is asked."""
        if self.first is not None:
            with contextlib.suppress(OSError):
                signal.pidfd_send_signal(self.first, signal.SIGKILL)
            os.close(self.first)
        elif not self.is_wrapped and os.name == "posix":
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(10)
        if self.first is None or not self._gone(10):
            self._kill_group()
        self.process.wait()

    def _gone(self, seconds: float) -> bool:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
        return self.process.returncode is not None

    def _kill_group(self) -> None:
        if self.process.returncode is None:
            if os.name == "posix":
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self.process.pid, signal.SIGKILL)
            self.process.kill()


def _first_process(told: int) -> int | None:
    """A descriptor of the first process in bubblewrap's namespace, which says its number; None if it says none."""
    with os.fdopen(told, "rb") as file:
        try:
            return os.pidfd_open(json.loads(file.read())["child-pid"])
        except (ValueError, KeyError, OSError):
            return None


def decode_frame(data: bytes) -> dict[str, Any]:
    """A frame of the worker's; raises _Broken if it is none."""
    try:
        frame = decode(data, DEPTH + 1)
    except NotPlain as error:
        raise _Broken("none", f"not a well-formed answer: {clean(str(error))}") from None
    if type(frame) is not dict or type(frame.get("nonce")) is not str or type(frame.get("kind")) is not str:
        raise _Broken("none", "not a well-formed answer")
    return frame
