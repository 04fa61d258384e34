"""Looking into do_brk_flags() from outside: the code of a generation stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from mmsim.brk import Process
from mmsim.mm import MM, Vma
from mmsim.mm.units import wrap

__all__ = ["Entry", "watched"]


class Entry(NamedTuple):
    """A call of do_brk_flags() at its start; in `before` when it has cleared the range, which the others do earlier.

    `below` is the VMA it may extend; `end` where that ended then.
    """

    mm: MM
    address: int
    length: int
    below: Vma | None
    end: int
    serial: int

    @property
    def stop(self) -> int:
        """Where the range ends: the address behind it, modulo 2**64 as the kernel adds."""
        return wrap(self.address + self.length)

    @property
    def free(self) -> bool:
        """Whether nothing is mapped in the range."""
        return self.mm.find_in(self.address, self.stop) is None

    def extended(self, ret: int) -> bool:
        """Whether the call, which answered `ret`, made no VMA and the one below covers the range now."""
        covers = self.below is not None and self.below.end >= self.address + self.length
        return ret == 0 and covers and self.mm.machine.serial == self.serial


@contextmanager
def watched(process: Process, enter: Callable[[Entry], Any], leave: Callable[[Entry, int], Any]) -> Iterator[None]:
    """While it lasts, `enter` sees each do_brk_flags() of the process's generation begin and `leave` sees it end."""
    code = process.code
    real = code.do_brk_flags

    def at(mm: MM, address: int, length: int, below: Vma | None) -> Entry:
        entry = Entry(mm, address, length, below, below.end if below is not None else 0, mm.machine.serial)
        enter(entry)
        return entry

    def handed(mm: MM, below: Vma | None, address: int, length: int, flags: int) -> int:
        entry = at(mm, address, length, below)
        ret = real(mm, below, address, length, flags)
        leave(entry, ret)
        return ret

    def clearing(mm: MM, address: int, length: int, flags: int, uf: list[Any]) -> int:
        entries: list[Entry] = []
        ask = mm.may_expand

        def may_expand(flags: int, pages: int) -> bool:
            entries.append(at(mm, address, length, mm.before(address)))
            return ask(flags, pages)

        mm.may_expand = may_expand  # type: ignore[method-assign]
        try:
            ret = real(mm, address, length, flags, uf)
        finally:
            del mm.may_expand
        for entry in entries:
            leave(entry, ret)
        return ret

    code.do_brk_flags = clearing if hasattr(code, "merge") else handed  # type: ignore[attr-defined]
    try:
        yield
    finally:
        code.do_brk_flags = real  # type: ignore[attr-defined]
