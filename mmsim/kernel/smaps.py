"""What /proc/PID/smaps says of each mapping. Format: Documentation/filesystems/proc.rst of Linux 6.1."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["LiveVma", "parse_smaps"]

_HEAD = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S{4}) ([0-9a-f]+) \S+ \d+ *(.*)")
_GATE = "[vsyscall]"


class LiveVma(NamedTuple):
    """One mapping as the kernel shows it; `anonymous_kb` is what of it is present and private."""

    start: int
    end: int
    perms: str
    offset: int
    name: str
    flags: str
    anonymous_kb: int

    @property
    def is_file(self) -> bool:
        """Backed by a file, shared memory included."""
        return self.name.startswith("/")


def parse_smaps(text: str) -> list[LiveVma]:
    r"""Every mapping; the gate page, which is in no mm, left out.

    >>> parse_smaps("1000-3000 rw-p 00000000 00:00 0 [heap]\nAnonymous: 4 kB\nVmFlags: rd wr\n")[0].flags
    'rd wr'
    """
    found: list[LiveVma] = []
    for line in text.splitlines():
        head = _HEAD.fullmatch(line)
        if head is not None:
            start, end, perms, offset, name = head.groups()
            found.append(LiveVma(int(start, 16), int(end, 16), perms, int(offset, 16), name, "", 0))
        elif line.startswith("Anonymous:"):
            found[-1] = found[-1]._replace(anonymous_kb=int(line.split()[1]))
        elif line.startswith("VmFlags:"):
            found[-1] = found[-1]._replace(flags=line.partition(":")[2].strip())
    return [vma for vma in found if vma.name != _GATE]
