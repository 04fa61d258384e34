"""Building the kernel's own maple tree in user space, with the harness that Linux ships for it.

Needs a Linux 6.1 source (the folder named by LINUX_SOURCE, or Debian's package linux-source-6.1), a C
compiler and the headers of liburcu. Nothing of that source is part of this project.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from pathlib import Path

__all__ = ["Unavailable", "build"]

HERE = Path(__file__).parent
PACKAGE = Path("/usr/src/linux-source-6.1.tar.xz")
WANTED = ("include/", "lib/", "tools/arch/", "tools/include/", "tools/lib/", "tools/testing/radix-tree/")
STUBS = """
int scnprintf(char *buffer, unsigned long size, const char *format, ...) { return 0; }
unsigned int __sw_hweight32(unsigned int word) { return __builtin_popcount(word); }
unsigned long __sw_hweight64(unsigned long word) { return __builtin_popcountl(word); }
"""


class Unavailable(Exception):
    """The kernel's tree cannot be built here; one line that says what is missing."""


def build(folder: Path) -> Path:
    """Build the driver in `folder`; returns the program. Raises Unavailable."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise Unavailable("no C compiler")
    harness = _source(folder) / "tools" / "testing" / "radix-tree"
    shutil.copy(HERE / "driver.c", harness / "driver.c")
    (harness / "stubs.c").write_text(STUBS)
    _run(["make", "-s", "generated/map-shift.h", "generated/bit-length.h", "radix-tree.c"], harness)
    sources = ["driver.c", "stubs.c", "linux.c", "test.c", "bitmap.c", "xarray.c", "radix-tree.c"]
    sources += [f"../../lib/{name}.c" for name in ("slab", "find_bit", "bitmap")]
    flags = ["-I.", "-I../../include", "-include", "linux/init.h", "-O2", "-w", "-D_LGPL_SOURCE"]
    flags.append("-Dfallthrough=__attribute__((__fallthrough__))")
    program = folder / "kernel-maple-tree"
    _run([compiler, *flags, *sources, "-lpthread", "-lurcu", "-o", str(program)], harness)
    return program


def _source(folder: Path) -> Path:
    """A copy of the parts of the kernel source that the harness needs."""
    given = os.environ.get("LINUX_SOURCE")
    if given:
        copy = folder / "linux"
        for part in WANTED:
            shutil.copytree(Path(given) / part, copy / part, dirs_exist_ok=True)
        return copy
    if not PACKAGE.exists():
        raise Unavailable("no Linux source: install Debian's linux-source-6.1 or set LINUX_SOURCE")
    with tarfile.open(PACKAGE) as archive:
        wanted = (
            member for member in archive if member.name.partition("/")[2].startswith(WANTED) and not member.isdev()
        )
        archive.extractall(folder, members=wanted)
    return next(folder.glob("linux-source-*"))


def _run(command: list[str], where: Path) -> None:
    done = subprocess.run(command, cwd=where, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr.strip()[-200:])
        raise Unavailable(f"{command[0]} failed: {reason}")
