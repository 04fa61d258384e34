"""A process with a monitor (userfaultfd) for four of its pages: what the monitor hears of each call.

A program of its own, run by file and with nothing but the standard library: argument 1 is a JSON list of calls, the
output one of answers. A call that unmaps waits until its monitor has read the event, so one thread calls and
another reads. The registration is for faults of the process itself, which needs no privilege (Linux 5.11).
"""

from __future__ import annotations

import ctypes
import json
import mmap
import os
import platform
import select
import struct
import subprocess
import sys
import threading
from typing import Any

PAGES = 4
_PAGE = mmap.PAGESIZE
_NUMBERS = {"x86_64": (323, 12), "aarch64": (282, 214)}
"""userfaultfd and brk."""
_USER_MODE_ONLY, _API, _EVENT_UNMAP, _MISSING = 1, 0xAA, 1 << 6, 1
_IO_API, _IO_REGISTER = 0xC018_AA3F, 0xC020_AA00
_UNMAP = 0x16
_RW, _PLACED = 3, 0x32  # MAP_PRIVATE, MAP_FIXED, MAP_ANONYMOUS
_FAILED = ctypes.c_void_p(-1).value
_PATIENCE = 5.0

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
for _name in ("munmap", "mprotect"):
    getattr(_libc, _name).argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int][: 2 if _name == "munmap" else 3]


def _raise() -> None:
    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _brk(address: int) -> int:
    return int(_libc.syscall(_NUMBERS[platform.machine()][1], ctypes.c_void_p(address)))


def _userfaultfd() -> int:
    """A userfaultfd that tells of unmaps."""
    import fcntl

    number = ctypes.c_long(_NUMBERS[platform.machine()][0])
    fd = _libc.syscall(number, os.O_CLOEXEC | os.O_NONBLOCK | _USER_MODE_ONLY)
    if fd < 0:
        _raise()
    fcntl.ioctl(fd, _IO_API, bytearray(struct.pack("<QQQ", _API, _EVENT_UNMAP, 0)))
    return int(fd)


def _register(fd: int, start: int) -> None:
    import fcntl

    fcntl.ioctl(fd, _IO_REGISTER, bytearray(struct.pack("<QQQQ", start, PAGES * _PAGE, _MISSING, 0)))


def _mapped() -> int:
    """Four fresh pages somewhere."""
    address = _libc.mmap(None, PAGES * _PAGE, _RW, _PLACED & ~0x10, -1, 0)
    if address == _FAILED:
        _raise()
    return int(address)


def _grown() -> int:
    """Four fresh pages at the end of the heap.

    The C library has room enough below it, and moves the break neither up nor down meanwhile.
    """
    if hasattr(_libc, "mallopt"):
        for option, value in ((-1, 1 << 30), (-2, 1 << 20)):
            _libc.mallopt(option, value)
        _libc.free.argtypes, _libc.malloc.restype = [ctypes.c_void_p], ctypes.c_void_p
        _libc.free(_libc.malloc(100_000))
    start = -(-_brk(0) // _PAGE) * _PAGE
    if _brk(start + PAGES * _PAGE) != start + PAGES * _PAGE:
        raise OSError(12, "the heap cannot grow")
    return start


def _act(start: int, op: str, first: int, pages: int) -> None:
    address, length = start + first * _PAGE, pages * _PAGE
    if op == "munmap":
        _libc.munmap(address, length)
    elif op == "mprotect":
        _libc.mprotect(address, length, 1)
    elif op == "mmap":
        _libc.mmap(address, length, _RW, _PLACED, -1, 0)
    else:
        _brk(address)


def _waiting(fd: int, milliseconds: int) -> bool:
    """Whether there is something to read, by then."""
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return any(mask & select.POLLIN for _, mask in poll.poll(milliseconds))


def _read(fd: int, start: int) -> list[list[int]]:
    """The ranges of unmaps that wait to be read, in pages from the start."""
    found = []
    while _waiting(fd, 0):
        message = os.read(fd, 32)
        if message[0] == _UNMAP:
            found.append([(each - start) // _PAGE for each in struct.unpack_from("<QQ", message, 8)])
    return found


def _registered() -> int:
    """Pages of this process that are registered, by the flags of its mappings."""
    total, size = 0, 0
    with open("/proc/self/smaps") as file:
        for line in file:
            if line.startswith("Size:"):
                size = int(line.split()[1]) * 1024
            elif line.startswith("VmFlags:") and "um" in line.split():
                total += size // _PAGE
    return total


def _asked(op: str, first: int = 0, pages: int = 0) -> dict[str, Any]:
    """One call over four registered pages."""
    if op == "exec":
        run = [sys.executable, "-I", os.path.abspath(__file__), "exec"]
        return json.loads(subprocess.run(run, capture_output=True, text=True, check=True, timeout=_PATIENCE).stdout)
    start = _grown() if op == "brk" else _mapped()
    fd = _userfaultfd()
    _register(fd, start)
    caller = threading.Thread(target=_act, args=(start, op, first, pages), daemon=True)
    caller.start()
    events: list[list[int]] = []
    waited, patience = False, _PATIENCE
    while caller.is_alive() and patience > 0:
        if _waiting(fd, 20):
            waited = waited or caller.is_alive()  # nobody has read it yet
            events += _read(fd, start)
        caller.join(0.005)
        patience -= 0.02
    events += _read(fd, start)
    left = _registered()
    os.close(fd)
    if op == "brk":
        _brk(start)
    else:
        _libc.munmap(start, PAGES * _PAGE)
    return {"events": events, "registered": left, "waited": waited}


def _exec() -> None:
    """Register, then become another program that keeps the userfaultfd."""
    start, fd = _mapped(), _userfaultfd()
    _register(fd, start)
    os.set_inheritable(fd, True)
    os.execv(sys.executable, [sys.executable, "-I", os.path.abspath(__file__), "left", str(fd)])


def main(what: str, *rest: str) -> None:
    """Answer a list of calls, or be one half of the call `exec`."""
    if what == "exec":
        _exec()
    elif what == "left":
        answer = {"events": _read(int(rest[0]), 0), "registered": _registered(), "waited": False}
        print(json.dumps(answer))
    else:
        print(json.dumps([_asked(*call) for call in json.loads(what)]))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (OSError, KeyError) as error:
        sys.exit(f"userfaultfd: {error}")
