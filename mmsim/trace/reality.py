"""A few system calls in the model and on the running kernel, side by side; on a recording where none can be asked.

What notebooks ask with. Recordings of the questions they ask are shipped in `recordings/`; the variable MMSIM_KEEP
names a folder where every answered question is kept as one (that is how those were made).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from mmsim.kernel import NoKernel
from mmsim.kernel.elf import LAYOUTS
from mmsim.kernel.live import RELEASE, LiveProcess
from mmsim.mm.calls import MADV, MAP
from mmsim.mm.units import PAGE

from .lockstep import Op, Step, recorded, walk
from .recording import Recording, read
from .syscall_trace import Session

__all__ = ["KEEP", "Reality", "address_text", "call_text", "check_reality", "heap_start", "is_today"]

KEEP = "MMSIM_KEEP"
RECORDINGS = Path(__file__).with_name("recordings")
_TODAY = (6, 16)
"""From this version on the kernel's answers are those of the generation `today`, VMA for VMA."""


class Reality(NamedTuple):
    """What the model and the kernel came to. `start_brk` is where the heap of both begins.

    `note` says why the kernel was not asked, or not in the first way there is.
    """

    generation: str
    source: str
    release: str
    live: bool
    start_brk: int
    steps: tuple[Step, ...]
    note: str = ""

    @property
    def exact(self) -> bool:
        """Whether this kernel is one that `today` describes VMA for VMA."""
        return is_today(self.release)

    @property
    def different(self) -> list[Step]:
        """The steps after which anything is not the same."""
        return [step for step in self.steps if step.differs]

    @property
    def agrees(self) -> bool:
        """Whether the model described this kernel.

        A kernel that `today` does not describe is asked for less: the same answers, and the same pages mapped with
        the same rights, into however many VMAs they are cut.
        """
        if self.exact:
            return not self.different
        return all(_coarse(step.model) == _coarse(step.kernel) for step in self.steps)

    def breaks_after(self, number: int) -> tuple[int, int]:
        """The model's and the kernel's break after the step of that number (from 0)."""
        calls = [step for step in self.steps[: number + 1] if step.op == "brk"]
        return (calls[-1].model["ret"], calls[-1].kernel["ret"]) if calls else (self.start_brk, self.start_brk)

    def __repr__(self) -> str:
        head = f"{self.generation} against {self.source}: {len(self.steps)} steps, {len(self.different)} differ"
        return "\n".join([head, *(_line(self.start_brk, step) for step in self.steps)])


def is_today(release: str) -> bool:
    """Whether the generation `today` is this kernel's, VMA for VMA.

    >>> is_today("6.18.44-custom"), is_today("6.1.0-13-amd64")
    (True, False)
    """
    return tuple(int(part) for part in re.findall(r"\d+", release)[:2]) >= _TODAY


def heap_start(layout: str = "bss") -> int:
    """Where the heap of a live process begins, so that a script can be written before it is asked.

    >>> hex(heap_start())
    '0x10014000'
    """
    return LAYOUTS[layout].start_brk


def check_reality(ops: Iterable[Op], generation: str = "today", layout: str = "bss") -> Reality:
    """Do the ops of a syscall-trace in a generation and on the kernel, in a process of their own.

    Where no kernel can be asked, a shipped recording of the same ops answers, and `source` says so; raises NoKernel
    where there is none either. RecordingError for an op that makes no sense.
    """
    script = [(op, list(arg) if isinstance(arg, tuple) else arg) for op, arg in ops]
    try:
        process = LiveProcess(layout)
    except NoKernel as reason:
        return _from_recording(script, generation, layout, str(reason))
    with process:
        header = process.header()
        steps = tuple(walk(process, Session(header, generation), script))
        _keep(script, layout)
        source, note = f"Linux {header['kernel']}, asked by {process.backend}", process.why and f"not by {process.why}"
        return Reality(generation, source, header["kernel"], True, process.start_brk, steps, note)


def _from_recording(ops: list[Op], generation: str, layout: str, reason: str) -> Reality:
    found = next((each for each in _shipped() if _question(each) == _key(ops, layout)), None)
    if found is None:
        raise NoKernel(f"no kernel to ask here ({reason}), and no recording of these {len(ops)} calls is shipped")
    session = Session(found.header, generation)
    steps = []
    for _, answer in found.records:
        model = {"ret": session.do(answer["op"], answer["arg"]), **session.look()}
        steps.append(Step(answer["op"], answer["arg"], model, {name: answer[name] for name in model}))
    release = found.header["kernel"]
    source, note = f"a recording of Linux {release}", f"no kernel to ask here: {reason}"
    return Reality(generation, source, release, False, found.header["start_brk"], tuple(steps), note)


def _shipped() -> Iterator[Recording]:
    return (read(path) for path in sorted(RECORDINGS.glob("*.jsonl")))


def _question(recording: Recording) -> str:
    ops = [(record["op"], record["arg"]) for _, record in recording.records]
    return _key(ops, recording.header["layout"]["name"])


def _key(ops: list[Op], layout: str) -> str:
    return json.dumps([layout, ops])


def _keep(ops: list[Op], layout: str) -> None:
    """Ask once more, for the shelf; the version without what one machine's builder added to it."""
    folder = os.environ.get(KEEP)
    if not folder:
        return
    name = f"{layout}-{sha256(_key(ops, layout).encode()).hexdigest()[:12]}"
    with LiveProcess(layout) as process:
        release = RELEASE.partition("-")[0]
        lines = list(recorded(process, ops, name=name, kernel=release))
    Path(folder, f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _coarse(answer: dict[str, Any]) -> tuple[Any, ...]:
    """What every kernel agrees on: the answer, and which pages have which rights."""
    runs: list[tuple[int, int, Any]] = []
    for start, end, *rights in (row[:4] for row in answer["maps"]):
        if runs and runs[-1][1:] == (start, rights):
            start = runs.pop()[0]
        runs.append((start, end, rights))
    return answer["ret"], runs, answer["VmSize"]


def _line(start_brk: int, step: Step) -> str:
    told = "same" if not step.differs else f"differs in {', '.join(step.differs)}"
    return f"  {call_text(start_brk, step)}: {told}"


def call_text(start_brk: int, step: Step) -> str:
    """An op as one would say it: addresses as pages above the heap's start, lengths in pages, rights as letters.

    >>> call_text(0x10014000, Step("mprotect", [0x10016000, 4096, 1], {}, {}))
    'mprotect(heap + 2 pages, 1 page, r--)'
    """
    given = step.arg if isinstance(step.arg, list) else [] if step.arg is None else [step.arg]
    kinds = _ARGUMENTS.get(step.op, "").ljust(len(given))
    said = (_WORDS.get(kind, _plain)(start_brk, value) for kind, value in zip(kinds, given, strict=False))
    return f"{step.op}({', '.join(filter(None, said))})"


def address_text(start_brk: int, value: int) -> str:
    """An address near the heap as pages above its start.

    >>> address_text(0x10014000, 0x10014064), address_text(0x10014000, 0x10013000)
    ('heap + 100 B', 'heap - 1 page')
    """
    if abs(value - start_brk) > _NEAR:
        return f"{value:#x}"
    if value < start_brk:
        return f"heap - {_length(start_brk, start_brk - value)}"
    pages, rest = divmod(value - start_brk, PAGE)
    parts = ["heap", *([_length(start_brk, pages * PAGE)] if pages else []), *([f"{rest} B"] if rest else [])]
    return " + ".join(parts)


def _length(_: int, value: int) -> str:
    pages, rest = divmod(value, PAGE)
    return f"{value} B" if rest else f"{pages} page{'' if pages == 1 else 's'}"


def _rights(_: int, value: int) -> str:
    return "".join(letter if value & bit else "-" for letter, bit in zip("rwx", (1, 2, 4), strict=True))


def _mapping(_: int, value: int) -> str:
    """Only what a reader would not expect; the rest says that it is anonymous memory at that place."""
    words = {MAP.SHARED: "shared", MAP.GROWSDOWN: "grows down", MAP.FIXED: "in place of what is there"}
    return ", ".join(word for bit, word in words.items() if value & bit)


def _advice(_: int, value: int) -> str:
    return next((name for name, number in vars(MADV).items() if name.isupper() and number == value), str(value))


def _plain(_: int, value: Any) -> str:
    return str(value)


_NEAR = 1 << 26
_ARGUMENTS = {
    **dict.fromkeys(("brk", "touch", "peek"), "a"),
    **dict.fromkeys(("munmap", "mlock", "munlock"), "al"),
    "mprotect": "alp",
    "mmap": "alpm",
    "madvise": "alv",
    "mremap": "all a",
    "setrlimit": " l",
}
"""What each argument of an op is: an address, a length, protection, flags of a mapping, advice, or just a value."""
_WORDS: dict[str, Callable[[int, Any], str]] = {
    "a": address_text,
    "l": _length,
    "p": _rights,
    "m": _mapping,
    "v": _advice,
}
