"""Searching for every way in which two generations of brk() differ, and telling each cause by its shortest script."""

from .finding import Finding, dump, load, validate
from .run import Plan, Result, explore, workers

__all__ = ["Finding", "Plan", "Result", "dump", "explore", "load", "validate", "workers"]
