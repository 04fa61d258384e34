"""The levels of protection: what each stops, which this machine gives, and how a worker is started under each."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from .inside import confine
from .places import PYTHON, Places, open_parts, places
from .request import Limits

__all__ = ["BUBBLEWRAP", "LANDLOCK", "LEVELS", "RLIMITS", "Start", "plan"]

BUBBLEWRAP, LANDLOCK, RLIMITS = "bubblewrap", "landlock", "rlimits"
LEVELS = {
    BUBBLEWRAP: "sees nothing but Python, packages and mmsim's model, no network, no process outside",
    LANDLOCK: "reads nothing but Python, packages and mmsim's model, writes one folder, starts no program, no network",
    RLIMITS: "limits only: it READS your files, solutions and marks included, and may change them",
}
"""From the strongest to the weakest, and what they do. All of them limit time, memory, processes, files and output.

Where the kernel allows, the last two also get namespaces of their own (processes, network), and a filter that refuses
sockets, tracing, and changes to the rights and times of files. mmsim's course, which knows the answers, cannot be read
under the first two; a request without `library` leaves nothing of mmsim there at all. Under the last both can be found
by who looks for them: it keeps a submission from breaking the grader, not from reading the answers. Landlock leaves it
to see that a file exists, and its size. A learner's processes are bounded in number at each level, so the memory of all
together is `memory` times that.
"""
_INSIDE = "/tmp"
_BOOT = "import sys; sys.path.insert(0, sys.argv[1]); from inside import start; start.main(sys.argv[2])"
_FLAGS = ("-P", "-s", "-S", "-B")
"""As -I does, but with our few environment variables, which fix the hash seed."""
ENVIRONMENT = {
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "MMSIM_KERNEL": "recording",
    "MMSIM_RENDERER": "text",
    "MPLBACKEND": "agg",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PATH": "/nowhere",
    "PYTHONHASHSEED": "0",
    "PYTHONUTF8": "1",
}
NAMESPACES = True
"""Whether the last two levels try for namespaces of their own, which the kernel of a container often refuses."""
_FIRST_USER = 0x6D00_0000
_number = itertools.count()


@dataclass
class Start:
    """A command that starts one worker, and the folder it may write, if that lies outside."""

    command: list[str]
    environment: dict[str, str]
    folder: Path | None

    def clean(self) -> None:
        """Remove the folder, whatever was left in it."""
        if self.folder is not None:
            remove(self.folder)


def plan(level: str, limits: Limits, as_user: bool = False, library: bool = True) -> Start:
    """How to start a worker under a level; `as_user`: bubblewrap with a user namespace although we are root."""
    inside = level == BUBBLEWRAP
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    user = _FIRST_USER + os.getpid() % 50_000 * 1000 + next(_number) % 1000 if root and not as_user else 0
    folder = None if inside else Path(tempfile.mkdtemp(prefix="mmsim-sandbox-"))
    if folder is not None and user:
        os.chown(folder, user, user)
    home = _INSIDE if inside else str(folder)
    where = places(library)
    whole, apart = open_parts(where.readable, where.hidden)
    path = list(where.path)
    if folder is not None and library:
        path[0] = _shelf(folder, Path(path[0]) / "mmsim")
    told = {
        "level": level,
        "limits": _rlimits(limits),
        "processes": limits.processes,
        "user": user,
        "keep_reading": not inside,
        "namespaces": NAMESPACES,
        "readable": [*whole, "/dev/urandom", "/dev/zero"],
        "listed": apart,
        "writable": [home, "/dev/null"],
        "path": path,
    }
    package = str(Path(__file__).resolve().parent)
    command = [PYTHON, *_FLAGS, "-c", _BOOT, package, json.dumps(told)]
    if inside:
        command = [*_bubblewrap(limits, bool(user), where), *command]
    environment = ENVIRONMENT | {"HOME": home, "TMPDIR": home, "MMSIM_STATE": f"{home}/.mmsim"}
    if sys.platform == "win32":
        environment["SYSTEMROOT"] = os.environ.get("SYSTEMROOT", "")
    return Start(command, environment, folder)


def _shelf(folder: Path, package: Path) -> str:
    """A folder to import mmsim from that can be listed without listing what lies beside the package."""
    shelf = folder / ".lib"
    shelf.mkdir(mode=0o755)
    (shelf / "mmsim").symlink_to(package, target_is_directory=True)
    return str(shelf)


def _rlimits(limits: Limits) -> dict[str, int]:
    values = {
        "CPU": int(limits.total_seconds) + 1,
        "AS": limits.memory,
        "FSIZE": limits.file_size,
        "NOFILE": limits.open_files,
        "CORE": 0,
    }
    return values | ({"MSGQUEUE": 0, "MEMLOCK": 1 << 16} if sys.platform == "linux" else {})


def _bubblewrap(limits: Limits, root: bool, where: Places) -> Iterator[str]:
    """The command and its options. With root's help the worker becomes another user, which a process limit binds."""
    known = _options()
    yield from (shutil.which("bwrap") or "bwrap", "--die-with-parent", "--new-session", "--cap-drop", "ALL")
    yield from ("--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--hostname", "sandbox")
    if root:
        yield from ("--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID")
    else:
        yield from ("--unshare-user", *(["--disable-userns"] if "--disable-userns" in known else []))
    mode = ["--perms", "0755"] if "--perms" in known else []
    size = ["--size", str(limits.storage)] if "--size" in known else []
    yield from (*(["--perms", "1777"] if mode else []), *size, "--tmpfs", _INSIDE)
    yield from ("--dev", "/dev", "--proc", "/proc")
    made = {"/", _INSIDE, "/dev", "/proc"}
    for place in sorted(where.readable):
        for parent in reversed(Path(place).parents):
            if str(parent) not in made:
                made.add(str(parent))
                yield from (*mode, "--dir", str(parent))
        if not any(place.startswith(other + os.sep) for other in where.readable):
            yield from ("--ro-bind", place, place)
    for place in where.hidden:
        yield from ("--tmpfs", place) if os.path.isdir(place) else ("--ro-bind", "/dev/null", place)
    for name in ("lib", "lib64", "lib32"):
        if os.path.islink(f"/{name}"):
            yield from ("--symlink", f"usr/{name}", f"/{name}")
    yield from ("--remount-ro", "/dev", "--remount-ro", "/", "--chdir", _INSIDE)


@lru_cache(maxsize=1)
def _options() -> frozenset[str]:
    """The options this bwrap knows; older ones lack some."""
    told: Any = subprocess.run(["bwrap", "--help"], capture_output=True, text=True, check=False)
    return frozenset((told.stdout + told.stderr).split())


def missing(level: str) -> str | None:
    """Why a level cannot even be tried here, None if it can."""
    if sys.platform != "linux":
        return None if level == RLIMITS else f"needs Linux, this is {sys.platform}"
    if level == BUBBLEWRAP and not shutil.which("bwrap"):
        return "bwrap is not installed (the package is called bubblewrap)"
    if level == LANDLOCK and not confine.landlock_abi():
        return "this kernel has no Landlock, or it is switched off"
    return None


def remove(folder: Path) -> None:
    """Remove a folder whatever is in it: links are not followed, folders without rights or very deep are no harm."""
    count = itertools.count()
    while names := os.listdir(folder):
        for name in names:
            path = folder / name
            if path.is_symlink() or not path.is_dir():
                path.unlink()
                continue
            path.chmod(0o700)
            for inner in os.listdir(path):
                if (path / inner).is_dir() and not (path / inner).is_symlink():
                    (path / inner).chmod(0o700)
                (path / inner).rename(folder / f"{next(count)}.{os.urandom(8).hex()}")
            path.rmdir()
    folder.rmdir()
