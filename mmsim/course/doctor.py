"""What of the course works on this machine: one line each.

Marks: `ok`; `--`, not here, and what is done instead; `NO`, the course cannot run without it.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from mmsim.kernel import MapsError, NoKernel, maps
from mmsim.kernel.backend import BACKENDS, VARIABLE, choice
from mmsim.kernel.brkwatch import watch
from mmsim.kernel.live import LiveProcess
from mmsim.trace.reality import RECORDINGS, is_today

from .errors import CourseError
from .state import State

__all__ = ["Finding", "examine"]

OK, WITHOUT, MISSING = "ok", "--", "NO"
OLDEST = (3, 11)
NEEDED = ("ipykernel", "ipywidgets", "anywidget", "matplotlib", "graphviz")
_VM = "/proc/sys/vm"
_PROGRAM = "true"
_LIMITS = ("Max data size", "Max address space", "Max locked memory")


class Finding(NamedTuple):
    """One line: a mark, what was looked at, what was found."""

    mark: str
    name: str
    told: str

    def __str__(self) -> str:
        return f"{self.mark:<2}  {self.name:<11} {self.told}"


def examine() -> Iterator[Finding]:
    """Look at everything, one after the other; takes about a second."""
    yield _python()
    yield from _packages()
    yield _pictures()
    yield _state()
    yield _own_mappings()
    yield _kernel()
    for name in BACKENDS:
        yield _backend(name)
    yield _chosen()
    yield _census()
    yield _addresses()
    yield _limits()
    yield _recordings()
    yield _sandbox()


def _python() -> Finding:
    wanted = ".".join(map(str, OLDEST))
    told = f"{platform.python_version()} ({sys.platform}, {platform.machine()})"
    if sys.version_info < OLDEST:
        return Finding(MISSING, "Python", f"{told}, expected {wanted} or newer")
    return Finding(OK, "Python", told)


def _packages() -> Iterator[Finding]:
    missing = [name for name in NEEDED if not _installed(name)]
    if missing:
        yield Finding(MISSING, "packages", f"{', '.join(missing)} not installed (python3 start.py installs all)")
    else:
        yield Finding(OK, "packages", ", ".join(NEEDED))
    if _installed("jupyterlab"):
        yield Finding(OK, "JupyterLab", "installed")
    else:
        yield Finding(WITHOUT, "JupyterLab", "not installed: open the notebooks with another editor")


def _installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ValueError:  # present, but not as an importable module
        return False


def _pictures() -> Finding:
    if not _installed("graphviz"):
        return Finding(WITHOUT, "Graphviz", "its Python package is missing, see above")
    from mmsim.view.render import NoRenderer, renderer

    try:
        found = renderer()
    except NoRenderer as error:
        return Finding(MISSING, "Graphviz", str(error))
    return Finding(OK if found.is_graphviz else WITHOUT, "Graphviz", f"trees are drawn by {found.name}: {found.why}")


def _state() -> Finding:
    state = State()
    try:
        state.check_writable()
    except CourseError as error:
        return Finding(MISSING, "progress", str(error))
    return Finding(OK, "progress", f"kept in {state.folder}")


def _own_mappings() -> Finding:
    try:
        return Finding(OK, "mappings", f"this process has {len(maps.read())}")
    except MapsError as error:
        return Finding(WITHOUT, "mappings", str(error))


def _kernel() -> Finding:
    release = platform.release()
    if sys.platform != "linux":
        return Finding(WITHOUT, "kernel", f"{sys.platform} {release}: the recordings of a Linux kernel are used")
    if is_today(release):
        return Finding(OK, "kernel", f"Linux {release}: the generation `today` describes it, VMA for VMA")
    return Finding(OK, "kernel", f"Linux {release}, before 6.16: its answers and pages are compared, not its VMAs")


def _backend(name: str) -> Finding:
    try:
        with LiveProcess(backend=name) as process:
            start = process.start_brk
            grown = process.do("brk", start + 4096) == start + 4096
    except NoKernel as reason:
        return Finding(WITHOUT, name, str(reason).removeprefix(f"{name}: "))
    told = f"a process asked by {name} grows its heap at {start:#x}"
    return Finding(OK, name, told) if grown else Finding(WITHOUT, name, f"{told}: refused")


def _chosen() -> Finding:
    try:
        chosen = choice()
        with LiveProcess() as process:
            return Finding(OK, "questions", f"answered by {process.source}; {VARIABLE}={chosen}")
    except NoKernel as reason:
        return Finding(WITHOUT, "questions", f"answered by recordings: {reason}")


def _census() -> Finding:
    try:
        watched = watch([_PROGRAM])
    except (NoKernel, OSError) as reason:
        return Finding(WITHOUT, "census", f"shipped ones only: {reason}")
    calls = sum(len(space.calls) for space in watched.spaces)
    return Finding(OK, "census", f"the brk() calls of programs can be recorded; {_PROGRAM} made {calls}")


def _addresses() -> Finding:
    setting = _read("/proc/sys/kernel/randomize_va_space")
    try:
        with LiveProcess("bss") as process, LiveProcess("bss") as other:
            same = [vma.start for vma in process.vmas()] == [vma.start for vma in other.vmas()]
    except NoKernel:
        return Finding(WITHOUT, "addresses", f"randomize_va_space {setting}; no process to look at")
    told = "the same in each process asked" if same else "only the heap's is the same in each process asked"
    return Finding(OK if same else WITHOUT, "addresses", f"randomize_va_space {setting}, {told}")


def _limits() -> Finding:
    lines = _read("/proc/self/limits").splitlines()
    told = [f"{name[4:]} {line[len(name) :].split()[0]}" for line in lines for name in _LIMITS if line.startswith(name)]
    settings = [f"{name} {_read(f'{_VM}/{name}')}" for name in ("max_map_count", "overcommit_memory")]
    return Finding(OK if told else WITHOUT, "limits", ", ".join([*settings, *told]))


def _recordings() -> Finding:
    count = len(list(RECORDINGS.glob("*.jsonl")))
    mark = OK if count else MISSING
    return Finding(mark, "recordings", f"{count} of a kernel's answers, for where none can be asked")


def _sandbox() -> Finding:
    from .sandbox import RLIMITS, SandboxError, best, levels

    try:
        found = best()
    except SandboxError as error:
        return Finding(WITHOUT, "sandbox", f"no submission can be run: {error}")
    stronger = [f"{level.name}: {level.why_not}" for level in levels() if level.why_not]
    told = "; ".join([f"submissions run under {found.name}: {found.told}", *stronger])
    return Finding(WITHOUT if found.name == RLIMITS else OK, "sandbox", told)


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii").strip()
    except OSError:
        return "unknown"
