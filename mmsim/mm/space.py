"""One address space: the maple tree of its VMAs, the list the older kernels also kept, and the counters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmsim.maple import MapleState, MapleTree

from .flags import STACK, VM
from .machine import Machine
from .units import EINTR, EINVAL, ENOMEM, EPERM, GUARD_GAP, INFINITY, MASK, PAGE, SHIFT, TASK_SIZE, wrap
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


class _Counter:
    """An attribute that holds pages as an unsigned long: it wraps, and never goes below 0."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.kept = f"_{name}"

    def __get__(self, mm: MM | None, owner: type) -> int:
        return getattr(mm, self.kept)

    def __set__(self, mm: MM, value: int) -> None:
        setattr(mm, self.kept, value & MASK)


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
    `recent` means the machinery around brk() of 6.18: a VMA without an anon_vma may take over a neighbour's
    (since 6.16), mmap() splits what it will replace before it looks at the limits (since 6.12), and mremap() tests
    first and moves several VMAs (since 6.17).
    """

    data_vm, stack_vm, exec_vm, locked_vm = _Counter(), _Counter(), _Counter(), _Counter()

    def __init__(self, machine: Machine, has_list: bool, recent: bool = False) -> None:
        self.machine = machine
        self.has_list = has_list
        self.recent = recent
        self.tree = MapleTree(alloc_range=True)
        self.head: Vma | None = None
        self.highest_vm_end = 0
        self.map_count = 0
        self.hiwater_vm = self.peak_vm = 0
        self.total_vm = self.data_vm = self.stack_vm = self.exec_vm = self.locked_vm = 0
        self.start_brk = self.brk = self.start_data = self.end_data = self.start_code = self.end_code = 0
        self.def_flags = 0
        self.brk_randomized = True
        self.compat_brk = False
        self.limits = {"AS": Limit(), "DATA": Limit(), "MEMLOCK": Limit(), "STACK": Limit(8 << 20)}
        self.cap_ipc_lock = self.cap_sys_admin = self.cap_sys_rawio = True
        self.lock = "none"
        self.held: list[AnonVma] = []
        self.violations: list[str] = []
        self.pages: dict[int, str] = {}
        self.guards: set[int] = set()
        self.huge: set[int] = set()
        self.tables: set[int] = set()
        self.lost_pages: set[int] = set()
        self.uf: list[Any] = []
        self.corrupt = ""
        self.events: list[Event] = []
        self.logging = True

    @property
    def total_vm(self) -> int:
        """Pages of all VMAs, as an unsigned long; `peak_vm` keeps the highest value for the checker."""
        return self._total_vm

    @total_vm.setter
    def total_vm(self, value: int) -> None:
        self._total_vm = value = value & MASK
        if value > self.peak_vm:
            self.peak_vm = value

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
        seen: set[int] = set()
        for _, _, vma in self.tree:
            if id(vma) not in seen:
                yield vma
            seen.add(id(vma))

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

    def gather(self) -> bool:
        """Note a VMA that is to go in a tree beside (since 6.1); False when that allocation is planned to fail."""
        self.may_block("maple")
        return not self.machine.faults.hit("maple_alloc")

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
        self.total_vm += pages
        if exec_class(flags):
            self.exec_vm += pages
        elif stack_class(flags):
            self.stack_vm += pages
        elif data_class(flags):
            self.data_vm += pages

    def update_hiwater(self) -> None:
        """Remember the peak before the total falls (update_hiwater_vm(), 6.1)."""
        self.hiwater_vm = max(self.hiwater_vm, self.total_vm)

    def may_expand(self, flags: int, pages: int) -> bool:
        """Whether RLIMIT_AS and RLIMIT_DATA allow `pages` more (may_expand_vm(), 6.1).

        A soft DATA limit of 0 with room under the hard one is let through (Valgrind does that).
        """
        if wrap(self.total_vm + pages) > self.limits["AS"].soft >> SHIFT:
            return False
        data, after = self.limits["DATA"], wrap(self.data_vm + pages)
        if data_class(flags) and after > data.soft >> SHIFT:
            if data.soft == 0 and after <= data.hard >> SHIFT:
                return True
            self.log("over_data_limit", after)
            return self.machine.ignore_rlimit_data
        return True

    def may_lock(self, flags: int, length: int) -> bool:
        """Whether RLIMIT_MEMLOCK allows `length` locked bytes more (mlock_future_check(), 6.1)."""
        if not flags & VM.LOCKED or self.cap_ipc_lock:
            return True
        return wrap(self.locked_vm + (length >> SHIFT)) <= self.limits["MEMLOCK"].soft >> SHIFT

    def fixed_area(self, address: int, length: int) -> int:
        """Whether a process may have the range: 0 or a negative error (get_unmapped_area(MAP_FIXED), 6.1)."""
        if length > TASK_SIZE or address > TASK_SIZE - length:
            return -ENOMEM
        if address % PAGE:
            return -EINVAL
        return -EPERM if address < self.machine.mmap_min_addr and not self.cap_sys_rawio else 0

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
