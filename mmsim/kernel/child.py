"""What a process that does as it is told can do, however it is told."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Child"]


class Child(Protocol):
    """A process on the running kernel; `call` is the only thing that happens in it."""

    pid: int

    @property
    def scratch(self) -> int:
        """The address of some 200 bytes of its stack that may be overwritten."""

    def call(self, name: str, *arguments: int) -> int:
        """One system call: its answer, errors as small negative numbers."""

    def write(self, address: int, content: bytes) -> None:
        """Put bytes into its memory."""

    def readable(self, address: int) -> bool:
        """Whether one byte can be read there; the page is read."""

    def fork(self) -> Child | int:
        """Let it fork: the child, which waits for calls as well, or a negative error."""

    def kill(self) -> None:
        """End it and collect it; twice does no harm."""
