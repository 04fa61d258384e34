"""Giving up rights, for good: what the worker does to itself before a learner's code begins.

Everything by system calls through ctypes, so that nothing needs to be installed. Each step returns whether the
kernel did it; the caller says what is missing.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys
from collections.abc import Iterable

try:
    import resource
except ImportError:  # not on Windows
    resource = None  # type: ignore[assignment]

__all__ = [
    "drop_root",
    "filter_calls",
    "give_up_capabilities",
    "landlock",
    "landlock_abi",
    "limit",
    "new_namespaces",
    "no_new_privileges",
    "set_death_signal",
    "set_subreaper",
]

_NEWUSER, _OTHERS = 0x1000_0000, 0x6C00_0000
"""CLONE_NEWUSER; and CLONE_NEWPID, NEWNET, NEWIPC, NEWUTS."""
_ANY_NEW = 0x7E02_0000
_PR_SET_PDEATHSIG, _PR_SET_KEEPCAPS, _PR_SET_SECCOMP = 1, 8, 22
_PR_SET_SUBREAPER, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT = 36, 38, 47
_READ_SEARCH = 1 << 2
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _prctl(option: int, *values: int) -> bool:
    arguments = [ctypes.c_ulong(value) for value in (*values, 0, 0, 0, 0)[:4]]
    return bool(_libc().prctl(option, *arguments) == 0)


def _syscall(number: int, *arguments: object) -> int:
    return int(_libc().syscall(ctypes.c_long(number), *arguments))


def no_new_privileges() -> bool:
    """No program started from now on can bring rights with it."""
    return _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def set_death_signal(number: int) -> bool:
    """The signal this process gets when its parent ends; a change of user forgets it."""
    return _prctl(_PR_SET_PDEATHSIG, number)


def set_subreaper() -> bool:
    """Whoever of our descendants loses its parent becomes our child, and can be ended by us."""
    return _prctl(_PR_SET_SUBREAPER, 1)


def new_namespaces() -> str:
    """Own process ids, network, IPC and host name for the children to come; without root also an own user.

    `root` or `user` for how it was done, nothing where the kernel refuses.
    """
    user, group = os.geteuid(), os.getegid()
    if user == 0 and _libc().unshare(_OTHERS) == 0:
        return "root"
    if _libc().unshare(_NEWUSER | _OTHERS) != 0:
        return ""
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(text)
    return "user"


def drop_root(user: int, keep_reading: bool) -> None:
    """As root, become a user that owns nothing; `keep_reading`: where Python lies in root's own folders."""
    if keep_reading:
        _prctl(_PR_SET_KEEPCAPS, 1)
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    give_up_capabilities(_READ_SEARCH if keep_reading else 0)


def give_up_capabilities(keep: int = 0) -> bool:
    """Have no capability but those kept, also not through programs we start."""
    header = struct.pack("=II", 0x20080522, 0)
    data = struct.pack("=IIIIII", keep, keep, 0, 0, 0, 0)
    _prctl(_PR_CAP_AMBIENT, 4)
    return bool(_libc().capset(header, data) == 0)


def limit(values: dict[str, int]) -> list[str]:
    """Set limits by name (`AS`, `CPU`, ...), soft and hard; the names of those this system does not have."""
    missing = []
    for name, value in values.items():
        number = getattr(resource, f"RLIMIT_{name}", None)
        try:
            if number is None:
                raise ValueError(name)
            hard = resource.getrlimit(number)[1]
            low = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(number, (low, low))
        except (ValueError, OSError):
            missing.append(name)
    return missing


# --- Landlock ---------------------------------------------------------------------------------------------------

_LIST = 1 << 3  # READ_DIR
_READ = 1 << 2 | _LIST  # and READ_FILE
_WRITE = 1 << 1 | 1 << 4 | 1 << 5 | 1 << 7 | 1 << 8 | 1 << 12  # WRITE_FILE, REMOVE_*, MAKE_DIR, MAKE_REG, MAKE_SYM
_REFER, _TRUNCATE = 1 << 13, 1 << 14
_OF_FILES = 1 | 1 << 1 | 1 << 2 | _TRUNCATE | 1 << 15


def landlock_abi() -> int:
    """The version of Landlock this kernel speaks; 0 without."""
    if sys.platform != "linux" or platform.machine() not in _MACHINES:
        return 0
    return max(0, _syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(1)))


def _handled(abi: int) -> int:
    """All rights over files this version knows."""
    return (1 << {1: 13, 2: 14, 3: 15, 4: 15}.get(abi, 16)) - 1


def landlock(readable: Iterable[str], listed: Iterable[str], writable: Iterable[str]) -> bool:
    """From now on only these may be read, listed, written; no program can be started, no TCP, no signal to outside."""
    abi = landlock_abi()
    if not abi:
        return False
    handled = _handled(abi)
    attributes = struct.pack("=QQQ", handled, 3 if abi >= 4 else 0, 3 if abi >= 6 else 0)
    attributes = attributes[: 24 if abi >= 6 else 16 if abi >= 4 else 8]
    rules = _syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint32(0))
    if rules < 0:
        return False
    try:
        for path in readable:
            _allow(rules, path, _READ & handled)
        for path in listed:
            _allow(rules, path, _LIST & handled)
        for path in writable:
            _allow(rules, path, (_READ | _WRITE | _TRUNCATE | _REFER) & handled)
        return _syscall(_RESTRICT_SELF, ctypes.c_int(rules), ctypes.c_uint32(0)) == 0
    finally:
        os.close(rules)


def _allow(rules: int, path: str, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)  # type: ignore[attr-defined,unused-ignore]
    except OSError:
        return
    try:
        if not os.path.isdir(path):
            rights &= _OF_FILES
        _syscall(_ADD_RULE, ctypes.c_int(rules), ctypes.c_int(1), struct.pack("=Qi", rights, place), ctypes.c_uint32(0))
    finally:
        os.close(place)


# --- seccomp ----------------------------------------------------------------------------------------------------

_MACHINES = {"x86_64": (0, 0xC000_003E), "aarch64": (1, 0xC000_00B7)}
"""The column in the tables below, and the kernel's number for the machine."""
_REFUSED = """
socket 41 198  ptrace 101 117  process_vm_readv 310 270  process_vm_writev 311 271  kcmp 312 272
pidfd_getfd 438 438  pidfd_open 434 434  process_madvise 440 440  move_pages 279 239  migrate_pages 256 238
io_uring_setup 425 425  bpf 321 280  perf_event_open 298 241  userfaultfd 323 282
keyctl 250 219  add_key 248 217  request_key 249 218
mount 165 40  umount2 166 39  pivot_root 155 41  chroot 161 51  setns 308 268  unshare 272 97
open_by_handle_at 304 265  name_to_handle_at 303 264  fsopen 430 430  fsconfig 431 431  fsmount 432 432
fspick 433 433  open_tree 428 428  move_mount 429 429  mount_setattr 442 442
setpriority 141 140  ioprio_set 251 30  sched_setaffinity 203 122  sched_setscheduler 144 119
sched_setparam 142 118  sched_setattr 314 274  shmget 29 194  msgget 68 186  semget 64 190  mq_open 240 180
chmod 90 -  fchmod 91 52  fchmodat 268 53  fchmodat2 452 452  chown 92 -  lchown 94 -  fchown 93 55
fchownat 260 54  utime 132 -  utimes 235 -  futimesat 261 -  utimensat 280 88  truncate 76 45
setxattr 188 5  lsetxattr 189 6  fsetxattr 190 7  removexattr 197 14  lremovexattr 198 15  fremovexattr 199 16
setxattrat 463 463  removexattrat 466 466  file_setattr 469 469
"""
"""What no exercise needs: other processes, the network, mounts, and what Landlock leaves open (a file's metadata)."""
_SIGNALS = """
kill 62 129  tkill 200 130  tgkill 234 131  rt_sigqueueinfo 129 138  rt_tgsigqueueinfo 297 240
pidfd_send_signal 424 424
"""
"""Refused too where the processes outside can be named."""
_CLONE, _CLONE3, _PRLIMIT = (56, 220), (435, 435), (302, 261)
_KILL, _ERRNO, _ALLOW = 0x8000_0000, 0x0005_0000, 0x7FFF_0000
_LD, _JEQ, _JGE, _JSET, _RET = 0x20, 0x15, 0x35, 0x45, 0x06
_NR, _ARCH, _ARG0 = 0, 4, 16


def _numbers(table: str, column: int) -> list[int]:
    """The numbers of one machine in a table.

    >>> _numbers("socket 41 198  chmod 90 -", 0), _numbers("socket 41 198  chmod 90 -", 1)
    ([41, 90], [198])
    """
    return [int(number) for number in table.split()[1 + column :: 3] if number != "-"]


def _program(column: int, machine: int, signals: bool) -> list[tuple[int, int, int, int]]:
    """The filter, as the kernel's (code, jump if true, jump if false, value)."""
    refuse = (_RET, 0, 0, _ERRNO | errno.EPERM)
    program = [(_LD, 0, 0, _ARCH), (_JEQ, 1, 0, machine), (_RET, 0, 0, _KILL), (_LD, 0, 0, _NR)]
    program += [(_JGE, 0, 1, 0x4000_0000), (_RET, 0, 0, _ERRNO | errno.ENOSYS)]
    for number in _numbers(_REFUSED if signals else _REFUSED + _SIGNALS, column):
        program += [(_JEQ, 0, 1, number), refuse]
    # Its flags lie in memory, where a filter cannot look; the C library then takes clone().
    program += [(_JEQ, 0, 1, _CLONE3[column]), (_RET, 0, 0, _ERRNO | errno.ENOSYS)]
    program += [(_JEQ, 0, 4, _CLONE[column]), (_LD, 0, 0, _ARG0), (_JSET, 0, 1, _ANY_NEW), refuse, (_LD, 0, 0, _NR)]
    program += [(_JEQ, 0, 4, _PRLIMIT[column]), (_LD, 0, 0, _ARG0), (_JEQ, 1, 0, 0), refuse, (_LD, 0, 0, _NR)]
    return [*program, (_RET, 0, 0, _ALLOW)]


def filter_calls(signals: bool) -> bool:
    """Refuse system calls no exercise needs; `signals`: whether signals may be sent. Needs no_new_privileges."""
    if sys.platform != "linux" or platform.machine() not in _MACHINES:
        return False
    program = _program(*_MACHINES[platform.machine()], signals)
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in program))
    pointer = struct.pack("@HP", len(program), ctypes.addressof(code))
    return bool(_libc().prctl(_PR_SET_SECCOMP, ctypes.c_ulong(2), pointer, 0, 0) == 0)
