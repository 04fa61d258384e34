"""What is said when there is no kernel to ask."""

from __future__ import annotations

__all__ = ["NoKernel"]


class NoKernel(Exception):
    """The running kernel cannot be asked in this way; one line that says why."""
