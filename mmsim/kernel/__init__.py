"""Asking the running kernel: its list of a process's mappings, and a process that does what it is told."""

from .errors import NoKernel
from .maps import MapsError, Vma, load, read

__all__ = ["MapsError", "NoKernel", "Vma", "load", "read"]
