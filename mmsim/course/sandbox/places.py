"""Which files a learner's process may read: Python, packages, and of mmsim the model or nothing."""

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
_BOOT = Path("course", "sandbox", "inside")
"""What a worker itself is made of."""
_BEYOND = ("experiments", "explore/findings")
"""Besides the course: what holds answers to exercises, and is no part of the model."""
_SYSTEM = ("/usr/lib", "/usr/lib64", "/usr/lib32", "/lib", "/lib64", "/nix/store", "/gnu/store", "/usr/share/zoneinfo")
_FILES = ("/etc/ld.so.cache", "/etc/localtime")


@dataclass(frozen=True)
class Places:
    """What may be read (folders and files, real paths), what of it may not, and what to import from."""

    readable: tuple[str, ...]
    hidden: tuple[str, ...]
    path: tuple[str, ...]


@lru_cache(maxsize=2)
def places(library: bool = True) -> Places:
    """Those of this Python; without `library` nothing of mmsim but what a worker is made of."""
    package = Path(mmsim.__file__).resolve().parent
    packages = [os.path.realpath(entry) for entry in sys.path if entry.endswith(("site-packages", "dist-packages"))]
    libraries = glob.glob(f"{sysconfig.get_config_var('LIBDIR') or '/nowhere'}/libpython*.so*")
    mine = package if library else package / _BOOT
    wanted = [PYTHON, sysconfig.get_path("stdlib"), *libraries, *_SYSTEM, *_FILES, *packages, str(mine)]
    readable = tuple(dict.fromkeys(os.path.realpath(entry) for entry in wanted if os.path.exists(entry)))
    hidden = {*_hidden(package), *_answers(package)} if library else set(_beside(package, _BOOT))
    within = [place for place in sorted(hidden) if place.startswith(tuple(f"{top}{os.sep}" for top in readable))]
    paths = [*([str(package.parent)] if library else []), *packages]
    return Places(readable, tuple(within), tuple(dict.fromkeys(paths)))


def _answers(package: Path) -> Iterator[str]:
    """What of mmsim is no part of the model: the course, which knows the answers, and what comes close to them."""
    yield from _beside(package / "course", _BOOT.relative_to("course"))
    yield from (str(package / place) for place in _BEYOND)


def _beside(folder: Path, kept: Path) -> Iterator[str]:
    """All in a folder but one place below it."""
    first, *rest = kept.parts
    yield from (str(folder / name) for name in os.listdir(folder) if name != first)
    if rest:
        yield from _beside(folder / first, Path(*rest))


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
