"""A mapping and what hangs on it: files, operations, anon_vmas and userfaultfd contexts."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .flags import letters
from .units import SHIFT

if TYPE_CHECKING:
    from .space import MM

__all__ = ["ANY_LENGTH", "DUMMY_OPS", "FILE_OPS", "AnonVma", "File", "Ops", "UffdContext", "Vma"]

Key = tuple[int, int]
"""How an interval tree files a VMA: (first page, pages) as they were when it was put in."""


class Ops(NamedTuple):
    """A vm_operations table: whether it has a close hook, and whether its mappings may be split."""

    name: str
    close: bool = False
    may_split: bool = True


DUMMY_OPS = Ops("dummy")
"""What a freshly initialised VMA points to: it does not look anonymous (vma_init(), 6.1)."""
FILE_OPS = Ops("file")


ANY_LENGTH = 1 << 40
"""The pages of a file that nobody reaches the end of."""


class File:
    """A mapped file; `i_mmap` files its mappings by the pages they cover."""

    __slots__ = ("i_mmap", "locked", "name", "pages")

    def __init__(self, name: str, pages: int = ANY_LENGTH) -> None:
        self.name = name
        self.pages = pages
        self.i_mmap: dict[Vma, Key] = {}
        self.locked = False

    def __repr__(self) -> str:
        return f"file:{self.name}"


class AnonVma:
    """What anonymous pages point to; `tree` files the VMAs that may hold such pages.

    The lock is the root's: a child's anon_vma shares its parent's (fork).
    """

    __slots__ = ("locked", "root", "serial", "tree")

    def __init__(self, serial: int, root: AnonVma | None = None) -> None:
        self.serial = serial
        self.root = root or self
        self.tree: dict[Vma, Key] = {}
        self.locked = False

    def __repr__(self) -> str:
        return f"anon_vma {self.serial}"


class UffdContext:
    """A userfaultfd: its monitor's events, and how many unmaps it has been told of too early."""

    __slots__ = ("event_unmap", "events", "mmap_changing", "name", "refs")

    def __init__(self, name: str, event_unmap: bool = True) -> None:
        self.name = name
        self.event_unmap = event_unmap
        self.mmap_changing = 0
        self.refs = 1
        self.events: list[tuple[int, int]] = []

    def __repr__(self) -> str:
        return f"uffd {self.name}"


class Vma:
    """One mapping, start <= address < end. Anonymous means: no operations (vma_is_anonymous(), 6.1).

    `pgoff` counts pages; of anonymous memory it is start >> 12 at birth. `chain` lists the
    anon_vmas the VMA is filed in (anon_vma_chain); `prev` and `next` exist in the generations with a list.
    """

    __slots__ = (
        "anon_vma",
        "chain",
        "end",
        "file",
        "flags",
        "freed",
        "mm",
        "next",
        "ops",
        "pgoff",
        "policy",
        "prev",
        "serial",
        "start",
        "uffd",
    )

    def __init__(self, mm: MM, serial: int) -> None:
        self.mm = mm
        self.serial = serial
        self.start = self.end = self.flags = self.pgoff = 0
        self.file: File | None = None
        self.ops: Ops | None = DUMMY_OPS
        self.policy: str | None = None
        self.uffd: UffdContext | None = None
        self.anon_vma: AnonVma | None = None
        self.chain: list[AnonVma] = []
        self.prev: Vma | None = None
        self.next: Vma | None = None
        self.freed = False

    @property
    def pages(self) -> int:
        """Length in pages."""
        return (self.end - self.start) >> SHIFT

    @property
    def is_anonymous(self) -> bool:
        """Whether a fault here gets fresh memory."""
        return self.ops is None

    @property
    def key(self) -> Key:
        """How an interval tree would file the VMA now."""
        return self.pgoff, self.pages

    @property
    def singular(self) -> bool:
        """Exactly one link in the chain: touched, and not inherited through a fork."""
        return len(self.chain) == 1

    def __repr__(self) -> str:
        what = repr(self.file) if self.file else "anon"
        return f"<vma {self.serial} {self.start:#x}-{self.end:#x} {what} {letters(self.flags)}>"
