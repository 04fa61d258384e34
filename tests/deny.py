"""Run a command without some system calls: `python -m tests.deny ptrace,personality COMMAND ...`.

They answer EPERM, as where a container forbids them (seccomp). Linux on x86-64 and aarch64.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys

NUMBERS = {
    "x86_64": {
        "ptrace": 101,
        "personality": 135,
        "prctl": 157,
        "memfd_create": 319,
        "execveat": 322,
        "userfaultfd": 323,
    },
    "aarch64": {
        "personality": 92,
        "ptrace": 117,
        "prctl": 167,
        "memfd_create": 279,
        "execveat": 281,
        "userfaultfd": 282,
    },
}
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _ERRNO = 0x7FFF_0000, 0x0005_0000
_EPERM = 1
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _FILTER = 38, 22, 2


def deny(names: list[str]) -> None:
    """From now on, and in every child, the calls are refused."""
    numbers = [NUMBERS[platform.machine()][name] for name in names]
    rules = [(_LOAD, 0, 0, 0)]
    rules += [(_EQUAL, len(numbers) - at, 0, number) for at, number in enumerate(numbers)]
    rules += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _ERRNO | _EPERM)]
    program = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *rule) for rule in rules))
    header = struct.pack("<HxxxxxxQ", len(rules), ctypes.addressof(program))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(_PR_SET_SECCOMP, _FILTER, header, 0, 0):
        raise OSError(ctypes.get_errno(), "no seccomp filter possible")


if __name__ == "__main__":
    deny(sys.argv[1].split(","))
    os.execvp(sys.argv[2], sys.argv[2:])
