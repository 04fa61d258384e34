"""One address space: the maple tree of its VMAs, the list the older kernels also kept, and the counters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmsim.maple import MapleState, MapleTree

from .flags import STACK, VM
from .machine import Machine
from .units import EINTR, GUARD_GAP, INFINITY, MASK, SHIFT
from .vma import AnonVma, Vma

__all__ = ["MM", "Limit", "data_class", "exec_class", "stack_class", "start_gap"]

Event = tuple[Any, ...]


def exec_class(flags: int) -> bool:
    """Executable, not writable, no stack (is_exec_mapping(), 6.1)."""
    return flags & (VM.EXEC | VM.WRITE | STACK) == VM.EXEC


def stack_class(flags: int) -> bool:
    """Grows down (is_stack_mapping(), 6.1)."""
    return flags & STACK == STACK


def data_class(flags: int) -> bool:
    """Private, writable, no stack (is_data_mapping(), 6.1). Flags of 0 belong to no class."""
    return flags & (VM.WRITE | VM.SHARED | STACK) == VM.WRITE


class Limit:
    """A resource limit in bytes, soft and hard."""

    __slots__ = ("hard", "soft")

    def __init__(self, soft: int = INFINITY, hard: int = INFINITY) -> None:
        self.soft = soft
        self.hard = hard


class MM:
    """The state of a process's memory (struct mm_struct), counters in pages.

    `has_list` says whether the VMAs also hang in an address-ordered list (until 6.1).
    `lock` is "none", "write" or "read"; `held` are the anon_vma roots locked for writing.
    """

    def __init__(self, machine: Machine, has_list: bool) -> None:
        self.machine = machine
        self.has_list = has_list
        self.tree = MapleTree(alloc_range=True)
        self.head: Vma | None = None
        self.highest_vm_end = 0
        self.map_count = 0
        self.total_vm = self.data_vm = self.stack_vm = self.exec_vm = self.locked_vm = 0
        self.hiwater_vm = self.peak_vm = 0
        self.start_brk = self.brk = self.start_data = self.end_data = self.start_code = self.end_code = 0
        self.def_flags = 0
        self.brk_randomized = True
        self.compat_brk = False
        self.limits = {"AS": Limit(), "DATA": Limit(), "MEMLOCK": Limit(), "STACK": Limit(8 << 20)}
        self.cap_ipc_lock = self.cap_sys_admin = True
        self.lock = "none"
        self.held: list[AnonVma] = []
        self.violations: list[str] = []
        self.pages: dict[int, str] = {}
        self.huge: set[int] = set()
        self.tables: set[int] = set()
        self.lost_pages: set[int] = set()
        self.uf: list[Any] = []
        self.corrupt = ""
        self.events: list[Event] = []
        self.logging = True

    # -- events

    def log(self, *event: Any) -> None:
        """Append to the event log: a name and what it was about."""
        if self.logging:
            self.events.append(event)

    # -- looking VMAs up

    def find_vma(self, address: int) -> Vma | None:
        """The first VMA that ends above `address` (find_vma(), 6.1)."""
        return self.tree.find(address)[0] if 0 <= address <= MASK else None

    def find_in(self, start: int, end: int) -> Vma | None:
        """The first VMA that overlaps [start, end) (find_vma_intersection(), 6.1)."""
        vma = self.find_vma(start)
        return vma if vma is not None and vma.start < end else None

    def before(self, address: int) -> Vma | None:
        """The last VMA that starts below `address`, as the tree sees it."""
        if address == 0:
            return None
        vma = self.tree.load(address - 1)
        return vma if vma is not None else self.tree.prev(address - 1)

    def next_of(self, vma: Vma) -> Vma | None:
        """The VMA after this one: its list neighbour where there is a list, else by the tree."""
        if self.has_list:
            return vma.next
        return self.find_vma(vma.end) if vma.end <= MASK else None

    def prev_of(self, vma: Vma) -> Vma | None:
        """The VMA before this one, likewise."""
        return vma.prev if self.has_list else self.before(vma.start)

    def vmas(self) -> Iterator[Vma]:
        """Every VMA of the tree, in order, each once."""
        seen = None
        for _, _, vma in self.tree:
            if vma is not seen:
                yield vma
            seen = vma

    def listed(self) -> Iterator[Vma]:
        """Every VMA of the list, in its order (generations with a list); stops at a loop."""
        vma, seen = self.head, set()
        while vma is not None and id(vma) not in seen:
            yield vma
            seen.add(id(vma))
            vma = vma.next

    # -- keeping them

    def alloc_vma(self) -> Vma | None:
        """A new VMA, or None when its allocation is planned to fail (vm_area_alloc(), 6.1)."""
        self.may_block("vma")
        if self.machine.faults.hit("vma_alloc"):
            return None
        vma = Vma(self, self.machine.next_serial())
        self.log("vma_alloc", vma.serial)
        return vma

    def free_vma(self, vma: Vma) -> None:
        """The VMA is gone; whoever still points to it is wrong (vm_area_free(), 6.1)."""
        vma.freed = True
        self.log("vma_free", vma.serial)

    def store(self, start: int, end: int, vma: Vma | None) -> None:
        """Store over [start, end), or clear it; a store that cannot fail.

        An inverted range inside one entry succeeds in 6.1 and leaves two overlapping ranges. The
        tree here refuses it; what the kernel would have done is kept as the mark `corrupt`.
        """
        self.log("maple_store", start, end, vma and vma.serial)
        if start >= end:
            self.corrupt = self.corrupt or f"a store over {start:#x}-{end:#x} left overlapping ranges"
            return
        self.tree.store_range(start, end - 1, vma)

    def store_gfp(self, start: int, end: int, vma: Vma | None) -> bool:
        """The same with a blocking allocation inside; False when that is planned to fail."""
        self.may_block("maple")
        if self.machine.faults.hit("maple_alloc"):
            return False
        self.store(start, end, vma)
        return True

    def preallocate(self) -> bool:
        """Reserve tree nodes for any one store; False when that is planned to fail.

        The reserve is given back at once: the store that follows is counted as its own.
        """
        self.may_block("maple")
        mas = MapleState(self.tree)
        if self.machine.faults.hit("maple_alloc") or mas.preallocate():
            return False
        self.log("maple_prealloc", mas.reserve)
        mas.destroy()
        return True

    def list_link(self, vma: Vma, prev: Vma | None) -> None:
        """Hang a VMA after `prev`; nobody checks that it belongs there (__vma_link_list(), 5.16)."""
        if not self.has_list:
            return
        vma.prev = prev
        if prev is None:
            vma.next, self.head = self.head, vma
        else:
            vma.next, prev.next = prev.next, vma
        if vma.next is not None:
            vma.next.prev = vma
        else:
            self.highest_vm_end = vma.end

    def list_unlink(self, vma: Vma) -> None:
        """Take a VMA out of the list (__vma_unlink_list(), 5.16)."""
        if not self.has_list:
            return
        prev, following = vma.prev, vma.next
        if prev is None:
            self.head = following
        else:
            prev.next = following
        if following is not None:
            following.prev = prev
        else:
            self.highest_vm_end = prev.end if prev is not None else 0

    def link(self, vma: Vma, prev: Vma | None) -> None:
        """A new VMA enters tree, list and its file's interval tree (vma_link(), 5.16)."""
        self.store(vma.start, vma.end, vma)
        self.list_link(vma, prev)
        if vma.file is not None:
            vma.file.i_mmap[vma] = vma.key
        self.map_count += 1

    # -- counters

    def stat_account(self, flags: int, pages: int) -> None:
        """Count `pages` (negative: count back) in the total and in the class (vm_stat_account(), 6.1)."""
        self.total_vm = (self.total_vm + pages) & MASK
        self.peak_vm = max(self.peak_vm, self.total_vm)
        if exec_class(flags):
            self.exec_vm = (self.exec_vm + pages) & MASK
        elif stack_class(flags):
            self.stack_vm = (self.stack_vm + pages) & MASK
        elif data_class(flags):
            self.data_vm = (self.data_vm + pages) & MASK

    def update_hiwater(self) -> None:
        """Remember the peak before the total falls (update_hiwater_vm(), 6.1)."""
        self.hiwater_vm = max(self.hiwater_vm, self.total_vm)

    def may_expand(self, flags: int, pages: int) -> bool:
        """Whether RLIMIT_AS and RLIMIT_DATA allow `pages` more (may_expand_vm(), 6.1).

        A soft DATA limit of 0 with room under the hard one is let through (Valgrind does that).
        """
        if self.total_vm + pages > self.limits["AS"].soft >> SHIFT:
            return False
        data = self.limits["DATA"]
        if data_class(flags) and self.data_vm + pages > data.soft >> SHIFT:
            return data.soft == 0 and self.data_vm + pages <= data.hard >> SHIFT
        return True

    def may_lock(self, flags: int, length: int) -> bool:
        """Whether RLIMIT_MEMLOCK allows `length` locked bytes more (mlock_future_check(), 6.1)."""
        if not flags & VM.LOCKED or self.cap_ipc_lock:
            return True
        return self.locked_vm + (length >> SHIFT) <= self.limits["MEMLOCK"].soft >> SHIFT

    # -- locks

    def write_lock_killable(self) -> int:
        """Take the mmap lock; -EINTR when a kill is planned here."""
        if self.machine.faults.hit("lock_killed"):
            return -EINTR
        self.lock = "write"
        return 0

    def downgrade(self) -> None:
        """From writing to reading: others may read and fault from here on."""
        self.lock = "read"
        self.log("downgrade")

    def unlock(self) -> None:
        """Drop the mmap lock, however it is held."""
        self.lock = "none"

    def may_block(self, what: str) -> None:
        """A blocking allocation while an anon_vma root is locked for writing could wait for itself."""
        if self.held:
            self.violations.append(f"{what} allocation may block while {self.held[-1]} is write-locked")


def start_gap(vma: Vma) -> int:
    """Where a VMA starts, its stack guard gap included (vm_start_gap(), 6.1)."""
    return max(vma.start - GUARD_GAP, 0) if vma.flags & VM.GROWSDOWN else vma.start
