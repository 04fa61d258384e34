"""An address space: VMAs on the maple tree, their accounting, and the invariants that hold it together."""

from .check import INVARIANTS, Broken, broken
from .flags import VM, letters, of_letters, perms
from .machine import Faults, Machine
from .space import MM
from .vma import AnonVma, File, Ops, UffdContext, Vma

__all__ = [
    "INVARIANTS",
    "MM",
    "VM",
    "AnonVma",
    "Broken",
    "Faults",
    "File",
    "Machine",
    "Ops",
    "UffdContext",
    "Vma",
    "broken",
    "letters",
    "of_letters",
    "perms",
]
