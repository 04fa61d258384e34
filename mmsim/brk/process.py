"""A simulated process: an address space whose brk() is that of one generation."""

from __future__ import annotations

from types import ModuleType

from mmsim.mm import calls
from mmsim.mm.check import Broken, broken
from mmsim.mm.flags import VM
from mmsim.mm.life import exit_mm, fork
from mmsim.mm.machine import Machine
from mmsim.mm.pages import peek, touch
from mmsim.mm.space import MM
from mmsim.mm.units import EFAULT
from mmsim.mm.vma import FILE_OPS, File, Ops, UffdContext, Vma

from . import before, merged, today, v4

__all__ = ["GENERATIONS", "Process"]

GENERATIONS: dict[str, ModuleType] = {"before": before, "v4": v4, "merged": merged, "today": today}
"""The patch's history: 5.16, the patch under review, 6.1, 6.12 and later."""


class Process:
    """One process; its calls take and give the kernel's numbers.

    >>> process = Process("today", start_brk=0x10000000)
    >>> hex(process.brk(0x10004000))
    '0x10004000'
    >>> process.mm.map_count, process.check()
    (1, [])
    """

    def __init__(self, generation: str = "today", machine: Machine | None = None, start_brk: int = 0) -> None:
        if generation not in GENERATIONS:
            raise ValueError(f"generation is {generation!r}: expected one of {', '.join(GENERATIONS)}")
        self.generation = generation
        self.code = GENERATIONS[generation]
        self.machine = machine or Machine()
        self.mm = MM(self.machine, self.code.HAS_LIST, recent=generation == "today")
        self.mm.start_brk = self.mm.brk = start_brk

    # -- the heap

    def brk(self, want: int) -> int:
        """Move the break; answers with the break, the old one when refused, or -EINTR."""
        return self.code.brk(self.mm, want)

    def vm_brk_flags(self, address: int, length: int, flags: int = 0) -> int:
        """What the ELF loader calls for bss; 0 or a negative error."""
        return self.code.vm_brk_flags(self.mm, address, length, flags)

    # -- around it

    def place(self, start: int, end: int, flags: int, file: File | None = None, pgoff: int = 0) -> Vma:
        """Put a VMA there as exec does, with its accounting; the range must be free."""
        mm = self.mm
        vma = mm.alloc_vma()
        assert vma is not None, "no failure may be planned while a process is built"
        vma.start, vma.end, vma.flags, vma.file = start, end, flags, file
        vma.ops = FILE_OPS if file is not None else None
        vma.pgoff = pgoff if file is not None else start >> 12
        mm.link(vma, mm.before(start))
        mm.stat_account(flags, vma.pages)
        if flags & VM.LOCKED:
            mm.locked_vm += vma.pages
        if flags & VM.ACCOUNT:
            self.machine.committed += vma.pages
        return vma

    def mmap(self, address: int, length: int, prot: int, flags: int, file: File | None = None, pgoff: int = 0) -> int:
        """Map at a fixed address; the address or a negative error."""
        return calls.mmap(self.mm, address, length, prot, flags, file, pgoff)

    def munmap(self, address: int, length: int) -> int:
        """Unmap; 0 or a negative error."""
        return calls.unmap(self.mm, address, length)

    def mprotect(self, address: int, length: int, prot: int) -> int:
        """Change protections; 0 or a negative error."""
        return calls.mprotect(self.mm, address, length, prot)

    def madvise(self, address: int, length: int, advice: int) -> int:
        """Advise; 0 or a negative error."""
        return calls.madvise(self.mm, address, length, advice)

    def mlock(self, address: int, length: int, onfault: bool = False) -> int:
        """Lock, or with `onfault` (mlock2()) lock what comes; 0 or a negative error."""
        return calls.mlock(self.mm, address, length, onfault)

    def munlock(self, address: int, length: int) -> int:
        """Unlock; 0 or a negative error."""
        return calls.munlock(self.mm, address, length)

    def mlockall(self, flags: int) -> int:
        """Lock all, now or in future; 0 or a negative error."""
        return calls.mlockall(self.mm, flags)

    def munlockall(self) -> int:
        """Unlock all; 0."""
        return calls.munlockall(self.mm)

    def mremap(self, address: int, old: int, new: int, flags: int = 0, target: int = 0) -> int:
        """Resize or move; the address or a negative error."""
        return calls.mremap(self.mm, address, old, new, flags, target)

    def mbind(self, address: int, length: int, policy: str | None) -> int:
        """Give a range a memory policy; 0 or a negative error."""
        return calls.mbind(self.mm, address, length, policy)

    def uffd_register(self, address: int, length: int, context: UffdContext) -> int:
        """Register a range with a userfaultfd; 0 or a negative error."""
        return calls.uffd_register(self.mm, address, length, context)

    def set_mm(self, name: str, address: int) -> int:
        """Set a segment mark such as start_brk or end_data (prctl(PR_SET_MM)); 0 or a negative error."""
        return calls.set_mm(self.mm, name, address)

    def hook(self, address: int, close: bool = False, may_split: bool = True) -> int:
        """Give the VMA there operations with these hooks, as a driver does; 0, or -EFAULT without a VMA."""
        vma = self.mm.tree.load(address)
        if vma is None:
            return -EFAULT
        vma.ops = Ops("hooks", close, may_split)
        return 0

    def setrlimit(self, name: str, soft: int) -> int:
        """Set AS, DATA, MEMLOCK or STACK in bytes, -1 for none; 0."""
        return calls.setrlimit(self.mm, name, soft)

    def touch(self, address: int) -> int:
        """Write a byte; 0 or -EFAULT for a signal."""
        return touch(self.mm, address)

    def peek(self, address: int) -> int:
        """Read a byte; 0 or -EFAULT for a signal."""
        return peek(self.mm, address)

    def fork(self) -> Process | int:
        """A child on the same machine, or a negative error."""
        mm = fork(self.mm)
        if isinstance(mm, int):
            return mm
        child = Process(self.generation, self.machine)
        child.mm = mm
        return child

    def exit(self) -> None:
        """End: everything mapped goes."""
        exit_mm(self.mm)

    def check(self, *others: Process) -> list[Broken]:
        """Every invariant broken now; give the machine's other living processes, they share the commit charge."""
        return broken(self.mm, *(other.mm for other in others))
