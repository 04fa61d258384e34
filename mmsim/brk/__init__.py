"""brk() in four generations, one module each with the same functions: a diff of two files is the patch."""

from .process import GENERATIONS, Process

__all__ = ["GENERATIONS", "Process"]
