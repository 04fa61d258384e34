"""What is said when there is no kernel to ask."""

from __future__ import annotations

__all__ = ["NoKernel"]


class NoKernel(Exception):
    """The running kernel cannot be asked in this way; one line that says why."""

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows: IPython asks for it, and the frames would say nothing."""
        return [f"{type(self).__name__}: {self}"]
