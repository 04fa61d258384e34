"""A seccomp filter that stops a traced program at one system call, and at nothing else.

The filter is a program of classic BPF over struct seccomp_data: Documentation/userspace-api/seccomp_filter.rst.
"""

from __future__ import annotations

import ctypes
from typing import Any

from .arch import Arch

__all__ = ["Filter"]

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _MODE_FILTER = 38, 22, 2
_LOAD, _IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_NUMBER, _AUDIT = 0, 4
_TRACE, _ALLOW = 0x7FF0_0000, 0x7FFF_0000


class _Instruction(ctypes.Structure):
    _fields_ = [("code", ctypes.c_uint16), ("yes", ctypes.c_uint8), ("no", ctypes.c_uint8), ("k", ctypes.c_uint32)]


class _Program(ctypes.Structure):
    _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.POINTER(_Instruction))]


class Filter:
    """The filter for one call. It is made before a fork, so that the child has only to install it."""

    def __init__(self, arch: Arch, name: str) -> None:
        # A call of another processor (a 32-bit program) has other numbers: it passes.
        instructions = (
            (_LOAD, 0, 0, _AUDIT),
            (_IF_EQUAL, 0, 3, arch.audit),
            (_LOAD, 0, 0, _NUMBER),
            (_IF_EQUAL, 0, 1, arch.numbers[name]),
            (_RETURN, 0, 0, _TRACE),
            (_RETURN, 0, 0, _ALLOW),
        )
        self._instructions = (_Instruction * len(instructions))(*instructions)
        self._program = _Program(len(instructions), self._instructions)

    def install(self, library: Any) -> bool:
        """For this process and all it will start; False leaves the reason in errno.

        Whoever may install filters without being root may no longer gain rights: set-user-id programs are ordinary
        programs from here on.
        """
        word = ctypes.c_ulong
        if library.prctl(_PR_SET_NO_NEW_PRIVS, word(1), word(0), word(0), word(0)):
            return False
        return library.prctl(_PR_SET_SECCOMP, word(_MODE_FILTER), ctypes.byref(self._program)) == 0
