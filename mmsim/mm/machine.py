"""What all processes share: memory, the promise of it (commit accounting), and planned failures."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from .units import ENOMEM, SHIFT

if TYPE_CHECKING:
    from .space import MM

__all__ = ["ALWAYS", "GUESS", "NEVER", "SITES", "Faults", "Machine"]

GUESS, ALWAYS, NEVER = 0, 1, 2
"""vm.overcommit_memory."""

SITES = (
    "vma_alloc",
    "maple_alloc",
    "anon_clone",
    "uffd_entry",
    "policy_dup",
    "may_split",
    "commit_refusal",
    "lock_killed",
)
"""Where something can fail (model: "failure sites")."""


class Faults:
    """Planned failures: the nth time a site is reached from now on, it fails.

    >>> faults = Faults()
    >>> faults.plan("vma_alloc", 2)
    >>> [faults.hit("vma_alloc") for _ in range(3)]
    [False, True, False]
    """

    __slots__ = ("planned", "seen")

    def __init__(self) -> None:
        self.planned: dict[str, set[int]] = {}
        self.seen: dict[str, int] = {}

    def plan(self, site: str, nth: int | Iterable[int] = 1) -> None:
        """Let the nth visit of `site` from now (or each of several) fail."""
        if site not in SITES:
            raise ValueError(f"site is {site!r}: expected one of {', '.join(SITES)}")
        wanted = {nth} if isinstance(nth, int) else set(nth)
        if any(number < 1 for number in wanted):
            raise ValueError(f"nth is {nth!r}: expected 1 or more")
        now = self.seen.get(site, 0)
        self.planned.setdefault(site, set()).update(now + number for number in wanted)

    def clear(self) -> None:
        """Forget what is still planned."""
        self.planned.clear()

    def hit(self, site: str) -> bool:
        """Count a visit; True when it is to fail."""
        if not self.planned:
            return False
        self.seen[site] = now = self.seen.get(site, 0) + 1
        return now in self.planned.get(site, ())


class Machine:
    """A computer: sizes in pages. `committed` is what its processes were promised (vm_committed_as)."""

    __slots__ = (
        "admin_reserve",
        "committed",
        "faults",
        "hugetlb",
        "ignore_rlimit_data",
        "max_map_count",
        "mmap_min_addr",
        "overcommit",
        "overcommit_kbytes",
        "ram",
        "ratio",
        "serial",
        "swap",
        "user_reserve",
    )

    def __init__(self, ram: int = 6_000_000, swap: int = 0, overcommit: int = GUESS, ratio: int = 50) -> None:
        self.ram = ram
        self.swap = swap
        self.overcommit = overcommit
        self.ratio = ratio
        self.admin_reserve = (8 << 20) >> SHIFT
        self.user_reserve = (128 << 20) >> SHIFT
        self.max_map_count = 65530
        self.mmap_min_addr = 65536
        self.overcommit_kbytes = self.hugetlb = 0
        self.ignore_rlimit_data = False
        self.committed = 0
        self.faults = Faults()
        self.serial = 0

    def next_serial(self) -> int:
        """A number for a new VMA or anon_vma."""
        self.serial += 1
        return self.serial

    def charge(self, mm: MM, pages: int) -> int:
        """Promise memory; 0 or -ENOMEM with nothing promised (__vm_enough_memory(), 6.1)."""
        self.committed += pages
        if self.faults.hit("commit_refusal") or not self._enough(mm, pages):
            self.committed -= pages
            return -ENOMEM
        return 0

    def _enough(self, mm: MM, pages: int) -> bool:
        if self.overcommit == ALWAYS:
            return True
        if self.overcommit == GUESS:
            return pages <= self.ram + self.swap
        allowed = self.overcommit_kbytes >> (SHIFT - 10) or (self.ram - self.hugetlb) * self.ratio // 100
        allowed += self.swap
        if not mm.cap_sys_admin:
            allowed -= self.admin_reserve
        allowed -= min(mm.total_vm // 32, self.user_reserve)
        return self.committed < allowed

    def uncharge(self, pages: int) -> None:
        """Take a promise back (vm_unacct_memory(), 6.1)."""
        self.committed -= pages
