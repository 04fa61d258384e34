"""Asking the running kernel. For now: its list of a process's mappings."""

from .maps import MapsError, Vma, load, read

__all__ = ["MapsError", "Vma", "load", "read"]
