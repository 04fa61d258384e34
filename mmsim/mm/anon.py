"""anon_vma chains: who may hold a process's anonymous pages, and under which lock that is changed.

Changing the bounds of a VMA that is filed somewhere is legal only as `lock`, `take_out`,
change, `put_back`, `unlock`. The augmented interval trees of the kernel break otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .flags import STICKY, VM
from .units import ENOMEM
from .vma import AnonVma, Vma

if TYPE_CHECKING:
    from .space import MM

__all__ = ["clone", "fork", "lock", "merge", "prepare", "put_back", "take_out", "unlink", "unlock"]


def lock(mm: MM, anon: AnonVma) -> None:
    """Write-lock the root (anon_vma_lock_write(), 6.1)."""
    anon.root.locked = True
    mm.held.append(anon.root)


def unlock(mm: MM, anon: AnonVma) -> None:
    """Unlock the root (anon_vma_unlock_write(), 6.1)."""
    anon.root.locked = False
    mm.held.remove(anon.root)


def take_out(vma: Vma) -> None:
    """Before the bounds change (anon_vma_interval_tree_pre_update_vma(), 6.1)."""
    for anon in vma.chain:
        anon.tree.pop(vma, None)


def put_back(vma: Vma) -> None:
    """After the bounds changed (anon_vma_interval_tree_post_update_vma(), 6.1)."""
    for anon in vma.chain:
        anon.tree[vma] = vma.key


def _add(vma: Vma, anon: AnonVma) -> None:
    vma.chain.append(anon)
    anon.tree[vma] = vma.key


def prepare(vma: Vma) -> None:
    """The first write fault gives a VMA its anon_vma (__anon_vma_prepare(), 6.1).

    A neighbour's is taken over when the two could be one VMA but for what mprotect() may
    change, and the neighbour's chain has one link (find_mergeable_anon_vma(), 6.1).
    """
    if vma.anon_vma is not None:
        return
    mm = vma.mm
    after, before = mm.next_of(vma), mm.prev_of(vma)
    anon = _reusable(after, vma, after) or _reusable(before, before, vma)
    vma.anon_vma = anon or AnonVma(mm.machine.next_serial())
    _add(vma, vma.anon_vma)


def _reusable(old: Vma | None, left: Vma | None, right: Vma | None) -> AnonVma | None:
    """The anon_vma of `old`, one of two neighbours, if the other may share it (reusable_anon_vma(), 6.1)."""
    if old is None or left is None or right is None or old.anon_vma is None or not old.singular:
        return None
    mprotectable = VM.READ | VM.WRITE | VM.EXEC | VM.SOFTDIRTY | STICKY
    alike = (
        left.end == right.start
        and left.policy == right.policy
        and left.file is right.file
        and not (left.flags ^ right.flags) & ~mprotectable
        and right.pgoff == left.pgoff + left.pages
    )
    return old.anon_vma if alike else None


def clone(target: Vma, source: Vma) -> int:
    """Give `target` all links of `source`; 0 or -ENOMEM with none given (anon_vma_clone(), 6.1).

    The kernel tries without blocking under the root's lock and drops it for a blocking try.
    """
    if source.chain and target.mm.machine.faults.hit("anon_clone"):
        target.anon_vma = None
        return -ENOMEM
    for anon in source.chain:
        _add(target, anon)
    return 0


def fork(child: Vma, parent: Vma) -> int:
    """The child inherits every link and gets one anon_vma of its own (anon_vma_fork(), 6.1)."""
    if parent.anon_vma is None:
        return 0
    error = clone(child, parent)
    if error:
        return error
    child.anon_vma = AnonVma(child.mm.machine.next_serial(), parent.anon_vma.root)
    _add(child, child.anon_vma)
    return 0


def unlink(vma: Vma) -> None:
    """Drop every link (unlink_anon_vmas(), 6.1)."""
    take_out(vma)
    vma.chain = []
    vma.anon_vma = None


def merge(vma: Vma, gone: Vma) -> None:
    """`gone` was merged into `vma`, which has its anon_vma already (anon_vma_merge(), 6.1)."""
    unlink(gone)
