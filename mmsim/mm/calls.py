"""The system calls around brk(), in one place: what experiments need to build a heap's neighbourhood.

They take and give the kernel's numbers: an address or 0, or a negative error. In every generation they
use the same machinery; only brk() differs.
"""

from .advice import MADV, madvise
from .locking import MCL, mlock, mlockall, munlock, munlockall
from .mapping import MAP, PROT, mmap, unmap
from .policy import mbind
from .protect import mprotect
from .remap import MREMAP, mremap
from .settings import MARKS, set_mm, setrlimit
from .uffd import uffd_register

__all__ = [
    "MADV",
    "MAP",
    "MARKS",
    "MCL",
    "MREMAP",
    "PROT",
    "madvise",
    "mbind",
    "mlock",
    "mlockall",
    "mmap",
    "mprotect",
    "mremap",
    "munlock",
    "munlockall",
    "set_mm",
    "setrlimit",
    "uffd_register",
    "unmap",
]
