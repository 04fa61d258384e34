"""The corpus of hostile submissions, run: `python -m tests.hostile_corpus` prints what each got at each level.

A file of tests/hostile is one submission, its cells apart by `# %%`. Its head says what it tries and what comes out:

    # Tries: in words
    # Comes out: the kinds of answer the call of attack() may get; after `value`, which, as JSON
    # Comes out at LEVEL: the same, where it differs
    # Succeeds at: the level where it does what it wants; `if writable`: mmsim's folder is, by who grades; `if alike`:
    #   the sandbox's user is the grader's, which neither root nor a user namespace leaves so
    # Honest: `any`, if it may spoil the other exercise of the same submission, by patching what that needs too
    # Cells: a number and the kinds of failure, for a cell that fails
    # Limits: name=value

Each is tried in three forms. `asked`: the sandbox is asked for attack() and for an honest exercise beside it. `graded`:
a notebook is handed in whose `slot_of` is the attack, all its cells carried along, and whose `walk` is honest: the
first earns nothing, with a reason, the second everything. `beside`: `slot_of` attacks and then answers right, which may
earn what a right answer earns.

Words such as @SECRET@ are filled in. Whether it succeeded is not asked of the submission: files it must not
read hold a secret that must not be in the report, files it must not write are compared, sockets listen, processes
are counted.
"""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import mmsim
from mmsim.course.exercises import exercise
from mmsim.course.grade.handed import Notebook, Submission
from mmsim.course.grade.marking import Result, Settings, graded
from mmsim.course.grade.page import learner_page
from mmsim.course.sandbox import KINDS, Answer, Call, Limits, Report, Request, levels, protection, run

FOLDER = Path(__file__).parent / "hostile"
HONEST = "def honest(x):\n    return x + 1\n"
PACKAGE = Path(mmsim.__file__).parent
_REACHING = re.compile(r"@[A-Z]+@|\b(os|ctypes|signal|subprocess|socket|resource|mmsim)\b")
MARKS = "marks as the grader left them"
FORMS = ("asked", "graded", "beside")
WALK = """
def walk(node, index):
    taken = []
    while isinstance(node, dict):
        taken.append(sum(pivot < index for pivot in node["pivots"]))
        node = node["slots"][taken[-1]]
    return taken, node
"""
CARRIED = "_carried = [exec(cell, globals()) for cell in {cells!r}]\n"
IS_ATTACK = "slot_of = _carried and attack\n"
ATTACKS_TOO = """
def slot_of(pivots, index):
    try:
        _carried and attack()
    except BaseException:
        pass
    return sum(pivot < index for pivot in pivots)
"""


@dataclass(frozen=True)
class Attack:
    """One submission of the corpus."""

    name: str
    head: dict[str, str]
    cells: list[str]

    def comes_out(self, level: str) -> str:
        return self.head.get(f"Comes out at {level}", self.head["Comes out"])

    def succeeds(self, level: str) -> bool:
        """Whether it is known to, at this level and for this user."""
        known, _, only_if = self.head.get("Succeeds at", "").partition(" if ")
        root = os.geteuid() == 0
        alike = not root and not protection.NAMESPACES
        return (
            level in known.split()
            and {
                "": True,
                "alike": alike,
                "writable": not root and os.access(PACKAGE, os.W_OK),
            }[only_if]
        )

    @property
    def reaches_out(self) -> bool:
        """Whether it can matter under which level it runs; the others only lie in their answers."""
        return any(_REACHING.search(cell) for cell in self.cells)

    @property
    def limits(self) -> Limits:
        pairs = (pair.split("=") for pair in self.head.get("Limits", "").split())
        return Limits(**{"call_seconds": 10.0, **{name: float(value) for name, value in pairs}})


def corpus() -> list[Attack]:
    return [_read(path) for path in sorted(FOLDER.glob("*.cells"))]


def _read(path: Path) -> Attack:
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines(keepends=True)
    size = next(i for i, line in enumerate(lines) if not re.match(r"# [A-Z][\w ]*: ", line))
    head = dict(line[2:].strip().split(": ", 1) for line in lines[:size])
    return Attack(path.stem, head, "".join(lines[size:]).split("# %%\n"))


@dataclass
class Outcome:
    """What an attack got, and what it did outside."""

    report: Report
    seconds: float
    harm: list[str] = field(default_factory=list)

    @property
    def answer(self) -> Answer:
        return self.report.answers[0]

    @property
    def honest(self) -> Answer:
        return self.report.answers[1]


def attempt(attack: Attack, level: str) -> Outcome:
    """Run it among things it must not touch, and look at them afterwards."""
    with _field() as ground:
        cells = [HONEST, *(ground.fill(cell) for cell in attack.cells)]
        begin = time.monotonic()
        report = run(Request(cells, [Call("attack"), Call("honest", [1])]), attack.limits, level)
        seconds = time.monotonic() - begin
        outcome = Outcome(report, seconds, [*ground.harm(_flat(report))])
        wanted = attack.head.get("Succeeds when the value is")
        if wanted and outcome.answer.value == json.loads(wanted):
            outcome.harm.append("not limited")
    return outcome


@dataclass
class Graded:
    """What an attack that was handed in got, and what it did outside."""

    result: Result
    seconds: float
    harm: list[str]

    def mark(self, key: str) -> Result:
        return self.result["chapters"]["02"]["exercises"][key]


def notebook(*cells: str, **more: object) -> str:
    """A notebook of these code cells."""
    made = [{"cell_type": "code", "metadata": {}, "outputs": [], "source": cell} for cell in cells]
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5, **more})


def hand_in(attack: Attack, level: str, form: str = "graded") -> Graded:
    """Grade it among things it must not touch, and look at them afterwards."""
    shown = IS_ATTACK if form == "graded" else ATTACKS_TOO
    with _field() as ground, mock.patch.object(type(exercise("02.e3")), "seconds", 2.0):
        filled = [ground.fill(cell).replace("def attack():", "def attack(*_):") for cell in attack.cells]
        carried = CARRIED.format(cells=filled)
        submission = Submission("ada", (Notebook("02-x.ipynb", notebook(WALK, carried + shown)),), ())
        begin = time.monotonic()
        result = graded(submission, Settings("a seed", level))
        seconds = time.monotonic() - begin
        return Graded(result, seconds, [*ground.harm(json.dumps(result) + learner_page(result))])


def graded_faults(attack: Attack, level: str, form: str, outcome: Graded) -> list[str]:
    """What is not as it should be; nothing, if all is well."""
    return [*_graded_faults(attack, level, form, outcome)]


def _graded_faults(attack: Attack, level: str, form: str, outcome: Graded) -> Iterator[str]:
    mine, honest = outcome.mark("02.e3"), outcome.mark("02.e4")
    if honest["points"] != honest["full"]:
        yield f"the honest exercise: {honest['message']}"
    if form == "graded" and (mine["points"] or not mine["message"]):
        yield f"{mine['points']} points: {mine['message']}"
    if outcome.result["problems"] or outcome.result["points"] != mine["points"] + honest["points"]:
        yield f"{outcome.result['points']} in all, {outcome.result['problems']}"
    for line in [mine["message"], *mine["detail"], *mine["notes"]]:
        if not line.isprintable() or len(line) > 400:
            yield f"line {line!r}"
    if outcome.seconds > 15:
        yield f"{outcome.seconds:.0f} s"
    if not attack.succeeds(level):
        yield from outcome.harm


class _Field:
    """The ground an attack is tried on."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.token, self.canary = folder, os.urandom(8).hex(), f"CANARY-{os.urandom(8).hex()}"
        self.secret = folder / "solutions" / "secret.txt"
        self.outside = folder / "outside"
        self.heard: list[str] = []
        self.limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.load = mmsim.MapleTree.load

    def fill(self, text: str) -> str:
        known = {"SECRET": self.secret, "OUTSIDE": self.outside, "GRADER": os.getpid(), "TOKEN": self.token}
        known |= {"PORT": self.port, "HOME": Path.home(), "NUL": "\0"}
        return re.sub(r"@([A-Z]+)@", lambda match: str(known[match[1]]), text)

    def prepare(self, stack: ExitStack) -> None:
        self.folder.chmod(0o755)
        for place in (self.secret.parent, self.outside):
            place.mkdir()
        self.secret.write_text(self.canary)
        self.outside.chmod(0o777)
        (self.outside / "marks").write_text(MARKS)
        (self.outside / "marks").chmod(0o666)
        self.times = self._times()
        handle = os.open(self.secret, os.O_RDONLY)
        os.set_inheritable(handle, True)
        stack.callback(os.close, handle)
        os.environ["MMSIM_CANARY"] = self.canary
        stack.callback(os.environ.pop, "MMSIM_CANARY")
        # What was put into our own environment by now is in no file of /proc; what a process starts with is.
        other = subprocess.Popen(["sleep", "600"], stderr=subprocess.DEVNULL)
        stack.callback(other.wait)
        stack.callback(other.kill)
        protection.ENVIRONMENT["MMSIM_TEST"] = self.token
        stack.callback(protection.ENVIRONMENT.pop, "MMSIM_TEST")
        self._listen(stack)
        if threading.current_thread() is threading.main_thread():
            before = signal.signal(signal.SIGUSR1, lambda *_: self.heard.append("the grader got a signal"))
            stack.callback(signal.signal, signal.SIGUSR1, before)

    def _times(self) -> tuple[int, int, int]:
        found = (self.outside / "marks").stat()
        return found.st_mode, found.st_mtime_ns, found.st_size

    def _listen(self, stack: ExitStack) -> None:
        tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        self.port = tcp.getsockname()[1]
        udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        udp.bind(("127.0.0.1", self.port))
        unix = stack.enter_context(socket.socket(socket.AF_UNIX))
        unix.bind(str(self.outside / "socket"))
        unix.listen()
        (self.outside / "socket").chmod(0o777)
        self.sockets = {"TCP": tcp, "UDP": udp, "a Unix socket": unix}
        for line in self.sockets.values():
            line.setblocking(False)

    def harm(self, told: str) -> Iterator[str]:
        if self.canary in told:
            yield "read a secret"
        for name, line in self.sockets.items():
            with suppress(BlockingIOError):
                line.recv(10) if name == "UDP" else line.accept()
                yield f"reached {name}"
        left = list(self._left_running())
        if left:
            yield f"left running: {left}"
            time.sleep(1.2)
        marks = self.outside / "marks"
        if not marks.exists() or marks.read_text() != MARKS or self._times() != self.times:
            yield "changed a file"
        if {path.name for path in self.outside.iterdir()} - {"marks", "socket"}:
            yield "made a file"
        for folder in (Path("/tmp"), Path("/dev/shm"), Path("/var/tmp"), PACKAGE):
            for path in folder.glob(f"*{self.token}*"):
                if path != self.folder:
                    yield f"left {path.parent}/..."
                    path.unlink()
        yield from self.heard
        if resource.getrlimit(resource.RLIMIT_NOFILE) != self.limits:
            yield "changed the grader's limits"
        if mmsim.MapleTree.load is not self.load:
            yield "changed the grader's library"

    def _left_running(self) -> Iterator[int]:
        mark = f"MMSIM_TEST={self.token}".encode()
        for name in filter(str.isdecimal, os.listdir("/proc")):
            with suppress(OSError):
                if mark in Path(f"/proc/{name}/environ").read_bytes():
                    yield int(name)


def _flat(report: Report) -> str:
    answers = [f"{answer.value!r} {answer.message}" for answer in report.answers]
    return "\n".join([*answers, *(cell.message for cell in report.cells), report.output])


@contextmanager
def _field() -> Iterator[_Field]:
    with tempfile.TemporaryDirectory(prefix="hostile-") as folder, ExitStack() as stack:
        ground = _Field(Path(folder))
        ground.prepare(stack)
        yield ground


def faults(attack: Attack, level: str, outcome: Outcome) -> list[str]:
    """What is not as the head of the file says; nothing, if all is well."""
    return [*_faults(attack, level, outcome)]


def _faults(attack: Attack, level: str, outcome: Outcome) -> Iterator[str]:
    wanted, answer = attack.comes_out(level), outcome.answer
    value = "" if set(wanted.split()) <= set(KINDS) else wanted.removeprefix("value ")
    if value and not (answer.ok and answer.value == json.loads(value)):
        yield f"{answer}, expected {value}"
    if not value and answer.kind not in wanted.split():
        yield f"{answer}, expected {wanted}"
    if attack.head.get("Honest") != "any" and outcome.honest != Answer("value", 2):
        yield f"the honest exercise: {outcome.honest}"
    yield from _cell_faults(attack, outcome.report)
    if attack.succeeds(level) and not outcome.harm:
        yield "did not succeed, though its file says so"
    if not attack.succeeds(level):
        yield from outcome.harm
    for found in outcome.report.answers:
        if not found.message.isprintable() or len(found.message) > 300:
            yield f"message {found.message!r}"
        yield from _not_plain(found.value)


def _cell_faults(attack: Attack, report: Report) -> Iterator[str]:
    wanted = attack.head.get("Cells", "")
    if wanted == "any":
        return
    number, _, kinds = wanted.partition(" ")
    if [cell.cell for cell in report.cells] != ([int(number)] if wanted else []):
        yield f"cells {report.cells}"
    elif wanted and report.cells[0].kind not in kinds.split():
        yield f"cell {report.cells[0]}"


def _not_plain(value: Any) -> Iterator[str]:
    if type(value) not in (type(None), bool, int, float, str, list, dict):
        yield f"a value of type {type(value)}"
    elif type(value) in (list, dict):
        for part in value.values() if type(value) is dict else value:
            yield from _not_plain(part)


def main(names: list[str]) -> int:
    """Print the table; the names of attacks choose, `--no-namespaces` is as in a container that refuses them."""
    names = [*names]
    if "--no-namespaces" in names:
        names.remove("--no-namespaces")
        protection.NAMESPACES = False
    usable = [level.name for level in levels() if level.usable]
    print(f"{'attack':<42} {'level':<10} {'form':<6} {'s':>4}  outcome")
    wrong, succeeded = 0, {(level, form): 0 for level in usable for form in FORMS}
    for attack in corpus():
        for level, form in succeeded if not names or attack.name in names else ():
            seconds, told, harm, found = _tried(attack, level, form)
            wrong += bool(found)
            succeeded[level, form] += bool(harm)
            done = f"  SUCCEEDED: {', '.join(harm)}" if harm else ""
            bad = f"  WRONG: {'; '.join(found)}" if found else ""
            print(f"{attack.name:<42} {level:<10} {form:<6} {seconds:4.1f}  {told}{done}{bad}", flush=True)
    for (level, form), count in succeeded.items():
        print(f"succeeded under {level}, {form}: {count}")
    return 1 if wrong else 0


def _tried(attack: Attack, level: str, form: str) -> tuple[float, str, list[str], list[str]]:
    """Seconds, outcome in words, harm, and what is not as it should be."""
    if form == "asked":
        outcome = attempt(attack, level)
        told = " ".join(str(outcome.answer)[:60].split())
        return outcome.seconds, told, outcome.harm, faults(attack, level, outcome)
    found = hand_in(attack, level, form)
    mark = found.mark("02.e3")
    told = f"{mark['points']:g} of {mark['full']}: {mark['message'][:50]}"
    return found.seconds, told, found.harm, graded_faults(attack, level, form, found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
