"""Which files a learner's process may read: Python, its standard library, the packages, mmsim without hidden parts."""

from __future__ import annotations

import glob
import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import mmsim

__all__ = ["HIDDEN_NAMES", "PYTHON", "Places", "open_parts", "places"]

PYTHON = os.path.realpath(sys.executable)
HIDDEN_NAMES = frozenset({"grade", "grader", "grading", "hidden", "marks", "rubrics", "solutions"})
"""Files and folders of mmsim with such a name (before its suffix) are not there for a learner's process."""
_SYSTEM = ("/usr/lib", "/usr/lib64", "/usr/lib32", "/lib", "/lib64", "/nix/store", "/gnu/store", "/usr/share/zoneinfo")
_FILES = ("/etc/ld.so.cache", "/etc/localtime")


@dataclass(frozen=True)
class Places:
    """What may be read (folders and files, real paths), what of it may not, and what to import from."""

    readable: tuple[str, ...]
    hidden: tuple[str, ...]
    path: tuple[str, ...]


@lru_cache(maxsize=1)
def places() -> Places:
    """Those of this Python."""
    package = Path(mmsim.__file__).resolve().parent
    packages = [os.path.realpath(entry) for entry in sys.path if entry.endswith(("site-packages", "dist-packages"))]
    libraries = glob.glob(f"{sysconfig.get_config_var('LIBDIR') or '/nowhere'}/libpython*.so*")
    wanted = [PYTHON, sysconfig.get_path("stdlib"), *libraries, *_SYSTEM, *_FILES, *packages, str(package)]
    readable = tuple(dict.fromkeys(os.path.realpath(entry) for entry in wanted if os.path.exists(entry)))
    return Places(readable, tuple(_hidden(package)), tuple(dict.fromkeys([str(package.parent), *packages])))


def _hidden(package: Path) -> Iterator[str]:
    for folder, names, files in os.walk(package):
        for name in (*names, *files):
            if name.partition(".")[0] in HIDDEN_NAMES:
                yield os.path.join(folder, name)
        names[:] = [name for name in names if name not in HIDDEN_NAMES and name != "__pycache__"]
        if "__pycache__" in os.listdir(folder):
            cached = os.path.join(folder, "__pycache__")
            yield from (
                os.path.join(cached, name) for name in os.listdir(cached) if name.partition(".")[0] in HIDDEN_NAMES
            )


def open_parts(readable: Iterable[str], hidden: Iterable[str]) -> tuple[list[str], list[str]]:
    """The readable places taken apart, so that nothing hidden is below any: Landlock can only allow.

    Second, the folders taken apart, which must be listed for an import.
    """
    hidden, whole, apart, todo = set(hidden), [], [], list(readable)
    while todo:
        place = todo.pop()
        if any(name.startswith(place + os.sep) for name in hidden):
            apart.append(place)
            todo += [os.path.join(place, name) for name in os.listdir(place)]
        elif place not in hidden:
            whole.append(place)
    return whole, apart
