"""Playing a `syscall-trace/1`: booting the process of its header and doing its calls, in any generation.

The same ops serve `mmsim replay` (compare with the kernel's answers) and `mmsim run` (only the ops).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mmsim.brk import Process
from mmsim.mm import Broken, Machine, letters, of_letters, perms
from mmsim.mm.calls import MARKS
from mmsim.mm.machine import SITES
from mmsim.mm.mapping import MAP
from mmsim.mm.pages import install
from mmsim.mm.space import Limit
from mmsim.mm.transition import judge, registered, snapshot
from mmsim.mm.units import INFINITY, MASK, SHIFT
from mmsim.mm.vma import ANY_LENGTH, File, UffdContext, Vma

from .recording import RecordingError, field

__all__ = ["FORMAT", "Session"]

FORMAT = "syscall-trace/1"
_ABOVE = 1 << 30
_BELOW = 1 << 20

Answer = dict[str, Any]


class Session:
    """The processes of a trace; the op goes to `process`, the one it goes on in."""

    def __init__(self, header: dict[str, Any], generation: str) -> None:
        self.process = _boot(header, generation)
        self.others: list[Process] = []
        self.files: dict[str, File] = {}
        self.contexts: list[UffdContext] = []
        low = self.process.mm.start_brk
        self.window = low - _BELOW, low + _ABOVE

    # -- doing

    def do(self, op: str, arg: Any) -> int:
        """Do one op; returns its answer. Raises RecordingError for one that makes no sense."""
        self.process.mm.events.clear()
        for other in self.others:
            other.mm.events.clear()
        action = OPS.get(op)
        if action is None:
            raise RecordingError(f"unknown op {op!r}, expected one of {', '.join(sorted(OPS))}")
        answer = action(self, op, arg)
        if op != "fail":
            self.process.machine.faults.clear()
        return answer

    def judged(self, op: str, arg: Any) -> tuple[int, list[Broken]]:
        """Do one op and check: its answer, and every invariant that is broken now or was broken by it."""
        mm = self.process.mm
        before, watched = snapshot(mm), registered(mm)
        ret = self.do(op, arg)
        found = judge(mm, op, arg, ret, before, watched) + self.process.check(*self.others)
        return ret, sorted(found, key=lambda each: int(each.id[1:]))

    def answer(self, record: dict[str, Any]) -> Answer:
        """Do the op of a record; the answer as a recording has it."""
        ret = self.do(field(record, "op", "string"), self.arg_of(record))
        answer = {"ret": ret, **self.look()}
        for name in answer:
            if name not in record:
                raise RecordingError(f'{record["op"]}: no "{name}", the recorded answer')
        return answer

    @staticmethod
    def arg_of(record: dict[str, Any]) -> Any:
        """The argument of a record, which may be null but not missing."""
        if "arg" not in record:
            raise RecordingError(f'{record.get("op")}: no "arg"')
        return record["arg"]

    # -- looking

    def shown(self) -> list[Vma]:
        """The VMAs that touch the window around the heap."""
        low, high = self.window
        return [vma for vma in self.process.mm.vmas() if vma.end > low and vma.start < high]

    def maps(self) -> list[list[Any]]:
        """The window as a recording has it."""
        pages = self.process.mm.pages
        rows = []
        for vma in self.shown():
            present = sum(1 for page, kind in pages.items() if vma.start <= page < vma.end and kind == "anon")
            row = [vma.start, vma.end, perms(vma.flags), int(vma.file is None), letters(vma.flags), present << 2]
            rows.append(row)
        return rows

    def look(self) -> Answer:
        """What a recording says of a process beside an op's answer."""
        return {"maps": self.maps(), **self.sizes()}

    def sizes(self) -> dict[str, int]:
        """VmSize, VmData and VmLck in kB."""
        mm = self.process.mm
        kept = {"VmSize": mm.total_vm, "VmData": mm.data_vm, "VmLck": mm.locked_vm}
        return {name: (pages << SHIFT & MASK) >> 10 for name, pages in kept.items()}

    def counters(self) -> dict[str, int]:
        """The counters in pages."""
        mm = self.process.mm
        names = ("total_vm", "data_vm", "locked_vm", "stack_vm", "exec_vm", "map_count")
        return {**{name: getattr(mm, name) for name in names}, "committed": mm.machine.committed}


def _boot(header: dict[str, Any], generation: str) -> Process:
    """The process of a header; a script may leave out all but start_brk."""
    env = header.get("env", {})
    machine = Machine(ram=env.get("MemTotal_kB", 24_000_000) // 4, swap=env.get("SwapTotal_kB", 0) // 4)
    machine.overcommit = env.get("overcommit_memory", 0)
    machine.ratio = env.get("overcommit_ratio", 50)
    machine.max_map_count = env.get("max_map_count", 65530)
    machine.mmap_min_addr = env.get("mmap_min_addr", 65536)
    process = Process(generation, machine, _address(header, "start_brk"))
    mm = process.mm
    mm.brk = header.get("brk", mm.start_brk)
    mm.start_data, mm.end_data = header.get("start_data", 0), header.get("end_data", 0)
    mm.cap_ipc_lock = header.get("cap_ipc_lock", True)
    mm.compat_brk = header.get("compat_brk", False)
    mm.brk_randomized = header.get("brk_randomized", True)
    for name, (soft, hard) in header.get("limits", {}).items():
        mm.limits[name] = Limit(*(INFINITY if value == -1 else value for value in (soft, hard)))
    files: dict[str, File] = {}
    for row in header.get("initial", []):
        _place(process, row, files, header.get("files", {}))
    for page in header.get("present", []):
        vma = mm.tree.load(page) if type(page) is int and 0 <= page <= MASK else None
        if vma is None:
            raise RecordingError(f"present: {page!r} is no address in a VMA of initial")
        install(mm, vma, page)
    mm.events.clear()
    return process


def _address(record: dict[str, Any], name: str) -> int:
    value = field(record, name)
    if not 0 <= value <= MASK:
        raise RecordingError(f'"{name}" is {value}, expected 0 to 2**64-1')
    return value


def _place(process: Process, row: Any, files: dict[str, File], lengths: dict[str, int]) -> None:
    """One VMA of the header."""
    try:
        start, end, _, offset, name, shown, anon_kb = row
        flags = of_letters(shown)
    except (ValueError, TypeError) as error:
        raise RecordingError(f"initial: {row!r}: {error}") from None
    file = None
    if name not in ("anon", "[stack]"):
        file = files.setdefault(name, File(name.removeprefix("file:"), lengths.get(name, ANY_LENGTH)))
    vma = process.place(start, end, flags, file, offset >> SHIFT)
    if anon_kb:
        for page in range(end - anon_kb * 1024, end, 1 << SHIFT):
            install(process.mm, vma, page)


# -- the ops


def _numbers(op: str, arg: Any, *names: str, optional: int = 0) -> list[int]:
    """The arguments of an op, checked."""
    wanted = f"[{', '.join(names)}]"
    least = len(names) - optional
    if not isinstance(arg, list) or not least <= len(arg) <= len(names):
        raise RecordingError(f"{op}: arg is {arg!r}, expected {wanted}")
    for name, value in zip(names, arg, strict=False):
        if type(value) is not int or not -1 <= value <= MASK:
            raise RecordingError(f"{op}: {name} is {value!r}, expected an integer of 0 to 2**64-1")
    return arg


def _one(op: str, arg: Any, name: str) -> int:
    return _numbers(op, [arg], name)[0]


def _brk(session: Session, op: str, arg: Any) -> int:
    return session.process.brk(_one(op, arg, "address"))


def _touch(session: Session, op: str, arg: Any) -> int:
    return session.process.touch(_one(op, arg, "address"))


def _peek(session: Session, op: str, arg: Any) -> int:
    return session.process.peek(_one(op, arg, "address"))


def _mmap(session: Session, op: str, arg: Any) -> int:
    address, length, prot, flags = _numbers(op, arg, "addr", "len", "prot", "flags")
    return session.process.mmap(address, length, prot, _fixed(op, flags))


def _mmap_file(session: Session, op: str, arg: Any) -> int:
    if not isinstance(arg, list) or len(arg) != 6 or not isinstance(arg[4], str):
        raise RecordingError(f"{op}: arg is {arg!r}, expected [addr, len, prot, flags, file, pgoff]")
    address, length, prot, flags = _numbers(op, arg[:4], "addr", "len", "prot", "flags")
    file = session.files.setdefault(arg[4], File(arg[4]))
    pgoff = _one(op, arg[5], "pgoff")
    return session.process.mmap(address, length, prot, _fixed(op, flags) & ~MAP.ANONYMOUS, file, pgoff)


def _fixed(op: str, flags: int) -> int:
    """The flags of a mapping whose script chooses the place; the model chooses none."""
    if not flags & (MAP.FIXED | MAP.FIXED_NOREPLACE):
        raise RecordingError(f"{op}: flags are {flags:#x}, expected MAP_FIXED or MAP_FIXED_NOREPLACE among them")
    return flags


def _ranged(session: Session, op: str, arg: Any) -> int:
    return getattr(session.process, op)(*_numbers(op, arg, "addr", "len"))


def _mprotect(session: Session, op: str, arg: Any) -> int:
    return session.process.mprotect(*_numbers(op, arg, "addr", "len", "prot"))


def _mremap(session: Session, op: str, arg: Any) -> int:
    return session.process.mremap(*_numbers(op, arg, "addr", "old_len", "new_len", "flags", "new_addr", optional=1))


def _set_mm(session: Session, op: str, arg: Any) -> int:
    if not isinstance(arg, list) or len(arg) != 2 or arg[0] not in MARKS:
        raise RecordingError(f"{op}: arg is {arg!r}, expected [mark, address] with a mark of {', '.join(MARKS)}")
    return session.process.set_mm(arg[0], _one(op, arg[1], "address"))


def _hook(session: Session, op: str, arg: Any) -> int:
    address, close, may_split = _numbers(op, arg, "addr", "close", "may_split")
    return session.process.hook(address, bool(close), bool(may_split))


def _madvise(session: Session, op: str, arg: Any) -> int:
    return session.process.madvise(*_numbers(op, arg, "addr", "len", "advice"))


def _mbind(session: Session, op: str, arg: Any) -> int:
    if not isinstance(arg, list) or len(arg) != 3 or not isinstance(arg[2], str | None):
        raise RecordingError(f"{op}: arg is {arg!r}, expected [addr, len, policy]")
    return session.process.mbind(*_numbers(op, arg[:2], "addr", "len"), arg[2])


def _mlockall(session: Session, op: str, arg: Any) -> int:
    return session.process.mlockall(_one(op, arg, "flags"))


def _munlockall(session: Session, op: str, arg: Any) -> int:
    return session.process.munlockall()


def _setrlimit(session: Session, op: str, arg: Any) -> int:
    if not isinstance(arg, list) or len(arg) != 2 or arg[0] not in session.process.mm.limits:
        raise RecordingError(f'{op}: arg is {arg!r}, expected ["DATA" / "AS" / "MEMLOCK", soft bytes]')
    return session.process.setrlimit(arg[0], _one(op, arg[1], "soft"))


def _uffd(session: Session, op: str, arg: Any) -> int:
    context = UffdContext(f"{len(session.contexts) + 1}")
    session.contexts.append(context)
    return session.process.uffd_register(*_numbers(op, arg, "addr", "len"), context)


def _vm_brk_flags(session: Session, op: str, arg: Any) -> int:
    return session.process.vm_brk_flags(*_numbers(op, arg, "addr", "len", "flags", optional=1))


def _fork(session: Session, op: str, arg: Any) -> int:
    if arg not in ("parent", "child"):
        raise RecordingError(f'{op}: arg is {arg!r}, expected "parent" or "child"')
    child = session.process.fork()
    if isinstance(child, int):
        return child
    if arg == "parent":
        session.others.append(child)
        return 1
    session.others.append(session.process)
    session.process = child
    return 0


def _kill_other(session: Session, op: str, arg: Any) -> int:
    if session.others:
        session.others.pop().exit()
        return 1
    return 0


def _exit(session: Session, op: str, arg: Any) -> int:
    session.process.exit()
    return 0


def _fail(session: Session, op: str, arg: Any) -> int:
    if not isinstance(arg, list) or len(arg) != 2 or arg[0] not in SITES or type(arg[1]) is not int or arg[1] < 1:
        raise RecordingError(f"{op}: arg is {arg!r}, expected [site, nth] with a site of {', '.join(SITES)}")
    session.process.machine.faults.plan(arg[0], arg[1])
    return 0


OPS: dict[str, Callable[[Session, str, Any], int]] = {
    "brk": _brk,
    "touch": _touch,
    "peek": _peek,
    "mmap": _mmap,
    "mmap_file": _mmap_file,
    "munmap": _ranged,
    "mlock": _ranged,
    "munlock": _ranged,
    "mprotect": _mprotect,
    "mremap": _mremap,
    "set_mm": _set_mm,
    "hook": _hook,
    "madvise": _madvise,
    "mbind": _mbind,
    "mlockall": _mlockall,
    "munlockall": _munlockall,
    "setrlimit": _setrlimit,
    "uffd_register": _uffd,
    "vm_brk_flags": _vm_brk_flags,
    "fork": _fork,
    "kill_other": _kill_other,
    "exit": _exit,
    "fail": _fail,
}
