"""Asking the running kernel: its list of a process's mappings, and a process that does what it is told."""

from .maps import MapsError, Vma, load, read

__all__ = ["MapsError", "Vma", "load", "read"]
