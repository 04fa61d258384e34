"""Planted defects: small faults in a copy of brk() as merged, and whether the search finds them.

`python -m tests.mutants` searches each mutant against the true module and prints a table; the last line is the score.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import NamedTuple

from mmsim.brk import GENERATIONS, common, merged
from mmsim.explore.play import examine
from mmsim.explore.report import call
from mmsim.explore.search import Cluster, random_batches, run_batch, shrunk
from mmsim.explore.shrink import plainness

__all__ = ["MUTANTS", "Mutant", "Score", "changed", "hunt", "main", "planted", "source"]

NAME = "mutant"
"""What the mutant is called among the generations while it is there."""


class Mutant(NamedTuple):
    """One fault: a text of merged.py, or of common.py as merged uses it, and what stands there instead.

    `equivalent` says why no script of system calls can show it; such a mutant is not meant to be found.
    """

    id: str
    what: str
    old: str
    new: str
    file: str = "merged"
    equivalent: str = ""


_COMMON = partial(Mutant, file="common")
_SHRINK = "        mm.brk = want\n        if do_brk_munmap(mm, vma, new_top, old_top, uf) < 0:\n"
_SHRINK_UNDO = "            mm.brk = saved\n            return refuse(mm, saved)\n        return accept"
_HOLE = "        if vma is None:\n            return refuse(mm, saved)\n"
_ACCEPT = "            return accept(mm, want, old_top, new_top, uf)\n"
_FITS = "vma is not None and vma.end == address and vma.policy is None"
_LIKE = "can_merge_after(vma, Want(flags, address >> SHIFT))"
_ROOM = "        if not mm.preallocate():\n            return -ENOMEM\n"
_LOCK = "            anon.lock(mm, vma.anon_vma)\n            anon.take_out(vma)\n"
_IF_CHAIN = "        if vma.anon_vma is not None:\n"
_HUGE = "        adjust_trans_huge(mm, vma, vma.start, address + length)\n"
_STORE = "    if not mm.store_gfp(address, address + length, vma):\n"
_STORED = _STORE + "        mm.free_vma(vma)\n        mm.machine.uncharge(pages)\n"
_NO_VMA = "    if vma is None:\n        mm.machine.uncharge(pages)\n"
_CHARGE = "    if mm.machine.charge(mm, pages):\n        return -ENOMEM\n"
_ALLOWED = "    if not mm.may_expand(flags, pages):\n        return -ENOMEM\n"
_COUNT = "    if mm.map_count > mm.machine.max_map_count:\n        return -ENOMEM\n"
_LIMITS = "    if check_brk_limits(mm, old_top, wrap(new_top - old_top)):\n        return refuse(mm, saved)\n"
_FOLLOWING = "    if following is not None and wrap(new_top + PAGE) > start_gap(following):\n"
_CLEARED = "check_brk_limits(mm, address, length) or munmap(mm, address, length, uf, may_downgrade=False)"
_POPULATE = "    if locked and not error:\n        populate(mm, address, length)\n"
_SAME = "    if new_top == old_top:\n        mm.brk = want\n"
_LOADED = "    mm.unlock()\n    unmap_complete(mm, uf)\n    if locked"

MUTANTS = (
    # brk(): the first tests
    Mutant(
        "brk-killed",
        "brk() goes on when the wait for the lock was killed",
        "    if mm.write_lock_killable():\n        return -EINTR\n    uf: list[Unmapped] = []\n    saved",
        "    mm.write_lock_killable()\n    uf: list[Unmapped] = []\n    saved",
    ),
    Mutant("brk-minimum", "the lowest break is not looked at", "below_minimum(mm, want) or over", "over"),
    Mutant("brk-data-limit", "RLIMIT_DATA is not looked at", " or over_data_limit(mm, want):", ":"),
    Mutant(
        "brk-data-limit-old",
        "RLIMIT_DATA is held against the old break",
        "over_data_limit(mm, want)",
        "over_data_limit(mm, saved)",
    ),
    Mutant(
        "brk-new-top",
        "the new end is not rounded up to a page",
        "page_align(want), page_align(mm.brk)",
        "want & -PAGE, page_align(mm.brk)",
    ),
    Mutant(
        "brk-old-top",
        "the old end is rounded down",
        "page_align(want), page_align(mm.brk)",
        "page_align(want), mm.brk & -PAGE",
    ),
    Mutant("brk-same-page", "a break within its page is not remembered", _SAME, _SAME.replace("want", "saved")),
    # brk() shrinks
    Mutant(
        "shrink-equal",
        "growing begins at the old break itself",
        "    if want <= mm.brk:",
        "    if want < mm.brk:",
        equivalent="want == mm.brk gives new_top == old_top, which has been answered before.",
    ),
    Mutant(
        "shrink-by-pages",
        "the break's pages decide, not the break",
        "    if want <= mm.brk:",
        "    if new_top < old_top:",
    ),
    Mutant(
        "shrink-find-low",
        "the VMA is looked for from the new break, not from its page's end",
        "vma = mm.find_in(new_top, old_top)",
        "vma = mm.find_in(want & -PAGE, old_top)",
    ),
    Mutant(
        "shrink-find-high",
        "the VMA is looked for one page too far",
        "vma = mm.find_in(new_top, old_top)",
        "vma = mm.find_in(new_top, old_top + PAGE)",
    ),
    Mutant(
        "shrink-hole",
        "a range that is a hole is taken as unmapped",
        _HOLE,
        "        if vma is None:\n            mm.brk = want\n" + _ACCEPT,
    ),
    Mutant(
        "shrink-hole-check",
        "that there is nothing left to unmap is not looked at",
        _HOLE,
        "",
    ),
    Mutant("shrink-brk", "shrinking does not move the break", _SHRINK, _SHRINK.replace("        mm.brk = want\n", "")),
    Mutant(
        "shrink-undo",
        "the break stays down when unmapping failed",
        _SHRINK_UNDO,
        _SHRINK_UNDO.replace("            mm.brk = saved\n", ""),
    ),
    Mutant(
        "shrink-unlock",
        "the lock stays held when unmapping failed",
        _SHRINK_UNDO,
        _SHRINK_UNDO.replace("refuse(mm, saved)", "saved"),
    ),
    Mutant(
        "shrink-error",
        "a failure to unmap is not noticed",
        "if do_brk_munmap(mm, vma, new_top, old_top, uf) < 0:",
        "if do_brk_munmap(mm, vma, new_top, old_top, uf) is None:",
    ),
    Mutant(
        "shrink-downgraded",
        "that the lock was downgraded is taken for a failure",
        "if do_brk_munmap(mm, vma, new_top, old_top, uf) < 0:",
        "if do_brk_munmap(mm, vma, new_top, old_top, uf):",
    ),
    Mutant("shrink-arch", "the architecture is not told", '    mm.log("arch_unmap", new_top, old_top)\n', ""),
    Mutant("shrink-downgrade", "the lock is not downgraded", "may_downgrade=True", "may_downgrade=False"),
    Mutant(
        "shrink-page-short",
        "one page stays mapped",
        "align_munmap(mm, vma, new_top, old_top, uf",
        "align_munmap(mm, vma, new_top, max(old_top - PAGE, new_top + PAGE), uf",
    ),
    Mutant(
        "shrink-events",
        "who watches is not told of what goes",
        "align_munmap(mm, vma, new_top, old_top, uf, may",
        "align_munmap(mm, vma, new_top, old_top, [], may",
    ),
    # brk() grows
    Mutant("grow-limits", "the lock limit and the range are not looked at", _LIMITS, ""),
    Mutant(
        "grow-limits-unlock",
        "the lock stays held when a limit refuses",
        _LIMITS,
        _LIMITS.replace("refuse(mm, saved)", "saved"),
    ),
    Mutant(
        "grow-limits-length",
        "the whole heap is held against the limits",
        "check_brk_limits(mm, old_top, wrap(new_top - old_top))",
        "check_brk_limits(mm, old_top, wrap(new_top - mm.start_brk))",
    ),
    Mutant(
        "grow-following",
        "what comes next is looked for above the new end only",
        "following = mm.find_vma(old_top)",
        "following = mm.find_vma(new_top)",
    ),
    Mutant(
        "grow-page-free", "no page stays free below the next mapping", _FOLLOWING, _FOLLOWING.replace(" + PAGE", "")
    ),
    Mutant("grow-page-more", "one page too much stays free", _FOLLOWING, _FOLLOWING.replace(" > ", " >= ")),
    Mutant(
        "grow-stack-gap",
        "the gap below a stack is not kept free",
        _FOLLOWING,
        _FOLLOWING.replace("start_gap(following)", "following.start"),
    ),
    Mutant(
        "grow-below",
        "a VMA that ends below the heap's start is looked at, too",
        "last_above(mm, old_top, mm.start_brk)",
        "last_above(mm, old_top, 0)",
    ),
    Mutant(
        "grow-below-break",
        "only a VMA that ends above the break is looked at",
        "last_above(mm, old_top, mm.start_brk)",
        "last_above(mm, old_top, mm.brk)",
    ),
    Mutant(
        "grow-error",
        "a failure to map is not noticed",
        "    if do_brk_flags(mm, vma, old_top, wrap(new_top - old_top), 0) < 0:\n        return refuse(mm, saved)\n",
        "    do_brk_flags(mm, vma, old_top, wrap(new_top - old_top), 0)\n",
    ),
    Mutant(
        "grow-length",
        "the old break's page is mapped again",
        "do_brk_flags(mm, vma, old_top, wrap(new_top - old_top), 0)",
        "do_brk_flags(mm, vma, mm.brk & -PAGE, wrap(new_top - (mm.brk & -PAGE)), 0)",
    ),
    Mutant(
        "grow-brk",
        "growing does not move the break",
        "    mm.brk = want\n    return accept",
        "    return accept",
    ),
    Mutant(
        "grow-brk-early",
        "the break is moved before it is sure that it may",
        "    vma = last_above(mm, old_top, mm.start_brk)\n",
        "    vma = last_above(mm, old_top, mm.start_brk)\n    mm.brk = want\n",
    ),
    # check_brk_limits()
    Mutant("limits-area", "any range will do", "    error = mm.fixed_area(address, length)\n", "    error = 0\n"),
    Mutant(
        "limits-lock",
        "any amount may be locked",
        "return 0 if mm.may_lock(mm.def_flags, length) else -EAGAIN",
        "return 0",
    ),
    Mutant(
        "limits-lock-pages",
        "pages are taken for bytes",
        "mm.may_lock(mm.def_flags, length)",
        "mm.may_lock(mm.def_flags, length >> SHIFT)",
    ),
    Mutant("limits-error", "the wrong error", "else -EAGAIN", "else -ENOMEM"),
    # do_brk_flags(): limits and promises
    Mutant(
        "map-account",
        "heap is not marked as promised",
        "DATA_DEFAULT | VM.ACCOUNT | mm.def_flags",
        "DATA_DEFAULT | mm.def_flags",
    ),
    Mutant("map-default-flags", "the process's default flags are left out", "VM.ACCOUNT | mm.def_flags", "VM.ACCOUNT"),
    Mutant(
        "map-onfault",
        "of the default flags only the lock counts",
        "VM.ACCOUNT | mm.def_flags",
        "VM.ACCOUNT | mm.def_flags & VM.LOCKED",
    ),
    Mutant(
        "map-may-exec",
        "heap may not be made executable later",
        "flags |= DATA_DEFAULT |",
        "flags |= DATA_DEFAULT & ~VM.MAYEXEC |",
    ),
    Mutant(
        "map-pages",
        "one page too few is counted",
        "    pages = length >> SHIFT\n    if not mm.may",
        "    pages = length - 1 >> SHIFT\n    if not mm.may",
    ),
    Mutant("map-limit", "RLIMIT_AS and RLIMIT_DATA are not looked at", _ALLOWED, ""),
    Mutant(
        "map-limit-class",
        "heap does not count as data for the limit",
        "mm.may_expand(flags, pages)",
        "mm.may_expand(flags & ~VM.WRITE, pages)",
    ),
    Mutant("map-count", "the number of mappings has no limit", _COUNT, ""),
    Mutant(
        "map-count-bound",
        "one mapping too few is allowed",
        "mm.map_count > mm.machine.max",
        "mm.map_count >= mm.machine.max",
    ),
    Mutant(
        "map-count-first",
        "the number of mappings is looked at before the limits",
        _ALLOWED + _COUNT,
        _COUNT + _ALLOWED,
        equivalent="both answer -ENOMEM and neither changes anything; which one refuses is seen by nobody.",
    ),
    Mutant("map-charge", "memory is not promised", _CHARGE, ""),
    Mutant(
        "map-charge-refused",
        "that the promise was refused is not noticed",
        _CHARGE,
        "    mm.machine.charge(mm, pages)\n",
    ),
    Mutant(
        "map-charge-early",
        "a promise made before the limits is not taken back",
        _ALLOWED + _COUNT + _CHARGE,
        _CHARGE + _ALLOWED + _COUNT,
    ),
    Mutant(
        "map-charge-bytes",
        "bytes are promised, not pages",
        "mm.machine.charge(mm, pages)",
        "mm.machine.charge(mm, length)",
    ),
    # do_brk_flags(): the VMA below
    Mutant("fit-end", "a VMA with a hole behind it is extended", _FITS, "vma is not None and vma.policy is None"),
    Mutant("fit-policy", "a memory policy is not looked at", _FITS, "vma is not None and vma.end == address"),
    Mutant("fit-rules", "no merge rule is looked at", f"fits and {_LIKE}", "fits"),
    Mutant("fit-flags", "flags need not be alike", _LIKE, "can_merge_after(vma, Want(vma.flags, address >> SHIFT))"),
    Mutant("fit-soft-dirty", "soft-dirty counts", _LIKE, f"not (vma.flags ^ flags) & VM.SOFTDIRTY and {_LIKE}"),
    Mutant(
        "fit-file",
        "a mapped file need not be alike",
        _LIKE,
        "can_merge_after(vma, Want(flags, address >> SHIFT, file=vma.file))",
    ),
    Mutant(
        "fit-uffd",
        "a userfaultfd need not be alike",
        _LIKE,
        "can_merge_after(vma, Want(flags | vma.flags & VM.UFFD_MISSING, address >> SHIFT, uffd=vma.uffd))",
    ),
    Mutant(
        "fit-uffd-context",
        "a userfaultfd need not be alike, its flag must",
        _LIKE,
        "can_merge_after(vma, Want(flags, address >> SHIFT, uffd=vma.uffd))",
        equivalent="a VMA has a context exactly when it has the flag (I17), and the wanted flags never have it: "
        "the comparison of flags refuses first.",
    ),
    Mutant(
        "fit-anon",
        "an inherited chain need not be alike",
        _LIKE,
        "can_merge_after(vma, Want(flags, address >> SHIFT, vma.anon_vma))",
    ),
    Mutant(
        "fit-close",
        "a close hook does not matter",
        _LIKE,
        "can_merge_after(vma, Want(flags, address >> SHIFT), close_matters=False)",
    ),
    Mutant(
        "fit-pgoff", "page offsets need not go on", _LIKE, "can_merge_after(vma, Want(flags, vma.pgoff + vma.pages))"
    ),
    Mutant(
        "fit-offset",
        "the wanted page offset is off by one",
        _LIKE,
        "can_merge_after(vma, Want(flags, (address >> SHIFT) + 1))",
    ),
    Mutant("fit-never", "nothing is ever extended", f"fits and {_LIKE}", "fits and vma.freed"),
    # do_brk_flags(): extending
    Mutant("extend-room", "nodes are not reserved", _ROOM, ""),
    Mutant(
        "extend-room-error",
        "that nodes could not be reserved is taken for success",
        _ROOM,
        _ROOM.replace("-ENOMEM", "0"),
    ),
    Mutant(
        "extend-room-undo",
        "the promise is taken back twice when nodes cannot be reserved",
        _ROOM,
        _ROOM.replace("            return", "            mm.machine.uncharge(2 * pages)\n            return"),
    ),
    Mutant(
        "extend-huge",
        "huge blocks are not split",
        _HUGE,
        "",
        equivalent="only a block wholly inside the VMA as it is and cut by a new border is split; the start stays "
        "and the new end lies above the old one, so no such block has it inside.",
    ),
    Mutant(
        "extend-lock-early",
        "the lock of the chain is taken before nodes are reserved",
        _ROOM + _HUGE + _IF_CHAIN + _LOCK,
        _HUGE + _IF_CHAIN + _LOCK + _ROOM,
    ),
    Mutant("extend-unlock", "the lock of the chain stays held", "            anon.unlock(mm, vma.anon_vma)\n", ""),
    Mutant("extend-put-back", "the VMA is not filed again", "            anon.put_back(vma)\n", ""),
    Mutant(
        "extend-chain",
        "the VMA is not taken out of its interval trees before it grows",
        _LOCK,
        "            anon.lock(mm, vma.anon_vma)\n",
        equivalent="in the model only: its interval tree is a dict, in which put_back() files the VMA over what was "
        "there. (The kernel's tree would be damaged.)",
    ),
    Mutant(
        "extend-end",
        "one page too many",
        "        vma.end = address + length\n",
        "        vma.end = address + length + PAGE\n",
    ),
    Mutant("extend-store", "the tree is not told", "        mm.store(vma.start, vma.end, vma)\n", ""),
    Mutant(
        "extend-store-part",
        "only the added part is stored",
        "mm.store(vma.start, vma.end, vma)",
        "mm.store(address, vma.end, vma)",
    ),
    Mutant(
        "extend-soft-dirty",
        "the grown VMA is not marked soft-dirty at once",
        "        vma.flags |= VM.SOFTDIRTY\n        mm.store",
        "        mm.store",
        equivalent="_account() marks it again before the lock is dropped; nothing between looks at the mark.",
    ),
    Mutant("extend-khugepaged", "khugepaged is not told", '        mm.log("khugepaged_enter", vma.serial)\n', ""),
    Mutant(
        "extend-account",
        "what was added is not counted",
        "        return _account(mm, vma, pages, flags)\n    vma = mm",
        "        return 0\n    vma = mm",
    ),
    # do_brk_flags(): a new VMA
    Mutant("new-vma-undo", "the promise stays when there is no VMA", _NO_VMA, "    if vma is None:\n"),
    Mutant(
        "new-store-undo",
        "the promise stays when there is no node",
        _STORED,
        _STORED.replace("        mm.machine.uncharge(pages)\n", ""),
    ),
    Mutant(
        "new-store-free",
        "the VMA is not freed when there is no node",
        _STORED,
        _STORED.replace("        mm.free_vma(vma)\n", ""),
    ),
    Mutant(
        "new-store-error",
        "that there is no node is not noticed",
        _STORED,
        _STORED.replace("if not mm", "if None is mm"),
    ),
    Mutant(
        "new-store-free-early",
        "the VMA is freed though it is in use",
        "    mm.map_count += 1\n",
        "    mm.map_count += 1\n    mm.free_vma(vma)\n",
    ),
    Mutant("new-count", "the mapping is not counted", "    mm.map_count += 1\n", ""),
    Mutant(
        "new-flags",
        "the new VMA lacks the default flags",
        "make_heap(vma, address, length, flags)",
        "make_heap(vma, address, length, flags & ~mm.def_flags)",
    ),
    # _account()
    Mutant("count-perf", "perf is not told", '    mm.log("perf_event_mmap", vma.start, vma.end)\n', ""),
    Mutant("count-total", "total_vm is forgotten", "    mm.total_vm += pages\n", ""),
    Mutant("count-data", "data_vm is forgotten", "    mm.data_vm += pages\n", ""),
    Mutant("count-locked", "locked_vm is forgotten", "    if flags & VM.LOCKED:\n        mm.locked_vm += pages\n", ""),
    Mutant("count-locked-all", "locked_vm counts the whole VMA", "mm.locked_vm += pages", "mm.locked_vm += vma.pages"),
    Mutant(
        "count-soft-dirty",
        "a new heap is not soft-dirty",
        "    vma.flags |= VM.SOFTDIRTY\n    return 0",
        "    return 0",
    ),
    # vm_brk_flags()
    Mutant("load-overflow", "a length that wraps is taken", "    if length < request:\n        return -ENOMEM\n", ""),
    Mutant("load-empty", "an empty request is not let through", "    if not length:\n        return 0\n", ""),
    Mutant("load-flags", "any flags are taken", "    if flags & ~VM.EXEC:\n        return -EINVAL\n", ""),
    Mutant("load-flags-write", "the wrong flag is let through", "flags & ~VM.EXEC", "flags & ~VM.WRITE"),
    Mutant(
        "load-killed",
        "the loader's call goes on when the wait for the lock was killed",
        "    if mm.write_lock_killable():\n        return -EINTR\n    uf: list[Unmapped] = []\n    error",
        "    mm.write_lock_killable()\n    uf: list[Unmapped] = []\n    error",
    ),
    Mutant("load-limits", "limits are not looked at", _CLEARED, _CLEARED.partition(" or ")[2]),
    Mutant("load-unmap", "what was there is not unmapped", _CLEARED, _CLEARED.partition(" or ")[0]),
    Mutant(
        "load-unmap-short",
        "the last page there is not unmapped",
        "munmap(mm, address, length, uf, may_downgrade=False)",
        "(munmap(mm, address, length - PAGE, uf, may_downgrade=False) if length > PAGE else 0)",
    ),
    Mutant(
        "load-unmap-first",
        "what was there goes before limits are looked at",
        _CLEARED,
        "munmap(mm, address, length, uf, may_downgrade=False) or check_brk_limits(mm, address, length)",
    ),
    Mutant(
        "load-unmap-downgrade",
        "the lock is downgraded before mapping",
        "uf, may_downgrade=False)",
        "uf, may_downgrade=True)",
    ),
    Mutant(
        "load-unlock",
        "the lock stays held after an error",
        "        return refuse(mm, error)\n",
        "        return error\n",
    ),
    Mutant(
        "load-below",
        "only a VMA that ends in the heap is looked at",
        "last_above(mm, address, 0)",
        "last_above(mm, address, mm.start_brk)",
    ),
    Mutant("load-alone", "the VMA below is not looked at", "last_above(mm, address, 0)", "None"),
    Mutant(
        "load-request",
        "the length asked for is not rounded up",
        "do_brk_flags(mm, last_above(mm, address, 0), address, length, flags)",
        "do_brk_flags(mm, last_above(mm, address, 0), address, request, flags)",
    ),
    Mutant(
        "load-exec",
        "the executable flag is lost",
        "last_above(mm, address, 0), address, length, flags)",
        "last_above(mm, address, 0), address, length, 0)",
    ),
    Mutant("load-still-locked", "the lock stays held", _LOADED, _LOADED.replace("    mm.unlock()\n", "")),
    Mutant(
        "load-events",
        "who watches is not told of what went",
        _LOADED,
        _LOADED.replace("    unmap_complete(mm, uf)\n", ""),
    ),
    Mutant(
        "load-events-error",
        "who watches is told of what went only if the rest works",
        _LOADED,
        _LOADED.replace("    unmap_complete", "    if not error:\n        unmap_complete"),
    ),
    Mutant("load-populate", "locked memory is not faulted in", _POPULATE, ""),
    Mutant(
        "load-populate-all",
        "memory is faulted in that is not locked",
        _POPULATE,
        _POPULATE.replace("locked and not", "not"),
    ),
    Mutant(
        "load-populate-error",
        "locked memory is faulted in also after an error",
        _POPULATE,
        _POPULATE.replace("locked and not error", "locked"),
        equivalent="the range was unmapped before do_brk_flags() failed, so populate() finds nothing in it. (A second "
        "thread could map it in between; the model has one.)",
    ),
    # what all generations share
    _COMMON("common-minimum", "the start of the heap itself is refused", "return want < (", "return want <= ("),
    _COMMON(
        "common-minimum-layout",
        "the old layout is not known",
        "(mm.end_data if old_layout else mm.start_brk)",
        "mm.start_brk",
    ),
    _COMMON(
        "common-minimum-random",
        "randomizing does not matter",
        "mm.compat_brk and not mm.brk_randomized",
        "mm.compat_brk",
    ),
    _COMMON("common-limit-data", "data does not count for RLIMIT_DATA", " + mm.end_data - mm.start_data", ""),
    _COMMON("common-limit-bound", "the limit itself is refused", ") > limit", ") >= limit"),
    _COMMON(
        "common-limit-aligned",
        "whole pages count for RLIMIT_DATA",
        "wrap(want - mm.start_brk",
        "wrap(((want + 4095) & -4096) - mm.start_brk",
    ),
    _COMMON(
        "common-limit-none",
        "no limit is a number like others",
        "limit != INFINITY and wrap",
        "wrap",
        equivalent="no limit is 2**64-1, and no number of 64 bits is above that.",
    ),
    _COMMON(
        "common-last-bound", "a VMA that ends at the heap's start is found", "vma.end > minimum", "vma.end >= minimum"
    ),
    _COMMON(
        "common-refuse",
        "a refused call keeps the lock",
        "    mm.unlock()\n    return answer\n",
        "    return answer\n",
    ),
    _COMMON(
        "common-accept",
        "brk() keeps the lock",
        "    mm.unlock()\n    unmap_complete(mm, uf)\n",
        "    unmap_complete(mm, uf)\n",
    ),
    _COMMON("common-accept-events", "who watches is not told of what went", "    unmap_complete(mm, uf)\n", ""),
    _COMMON(
        "common-fill",
        "locked heap is not faulted in",
        "    if filled:\n        populate(mm, old_top, new_top - old_top)\n",
        "",
    ),
    _COMMON(
        "common-fill-all",
        "heap is faulted in that is not locked",
        "new_top > old_top and mm.def_flags & VM.LOCKED",
        "new_top > old_top",
    ),
    _COMMON(
        "common-fill-shrunk",
        "what was cut off is faulted in",
        "new_top > old_top and mm.def_flags & VM.LOCKED",
        "mm.def_flags & VM.LOCKED",
        equivalent="the length is 0 or negative then, and populate() does nothing with it.",
    ),
    _COMMON(
        "common-fill-page",
        "the last page is not faulted in",
        "populate(mm, old_top, new_top - old_top)",
        "populate(mm, old_top, new_top - old_top - 4096)",
    ),
    _COMMON("common-heap-ops", "a new heap looks like a driver's mapping", "    vma.ops = None\n", ""),
    _COMMON("common-heap-offset", "a new heap's page offset is in bytes", "address >> 12", "address"),
)


@contextmanager
def planted(mutant: Mutant) -> Iterator[ModuleType]:
    """The mutant as a generation of its own, as long as it lasts."""
    with TemporaryDirectory() as directory:
        GENERATIONS[NAME] = module = _built(mutant, Path(directory))
        try:
            yield module
        finally:
            del GENERATIONS[NAME]


def _built(mutant: Mutant, directory: Path) -> ModuleType:
    module = _run("merged", changed(mutant, "merged"), directory)
    if mutant.file == "common":
        other = _run("common", changed(mutant, "common"), directory)
        vars(module).update({name: getattr(other, name) for name in common.__all__ if hasattr(module, name)})
    return module


def changed(mutant: Mutant, file: str) -> str:
    text = source(file)
    return text.replace(mutant.old, mutant.new) if file == mutant.file else text


def source(file: str) -> str:
    """The text of merged.py or common.py."""
    return Path({"merged": merged, "common": common}[file].__file__ or "").read_text(encoding="utf-8")


def _run(name: str, text: str, directory: Path) -> ModuleType:
    """A module of a text; the text is kept in a file, because findings show lines of it."""
    path = directory / f"{name}.py"
    path.write_text(text, encoding="utf-8")
    module = ModuleType(f"mmsim.brk.{NAME}_{name}")
    module.__file__, module.__package__ = str(path), "mmsim.brk"
    exec(compile(text, str(path), "exec"), vars(module))
    return module


class Score(NamedTuple):
    """What a hunt came to: after how many scripts and seconds something was found, or None; the shortest script."""

    id: str
    what: str
    equivalent: str
    found: bool
    scripts: int
    seconds: float
    world: str
    script: list[str]
    symptoms: list[str]


def hunt(mutant: Mutant, seconds: float = 60.0, batches: int = 1 << 30, seed: int = 0) -> Score:
    """Search for the mutant, against the true module, until a batch finds something."""
    began, scripts = time.monotonic(), 0
    with planted(mutant):
        for batch in random_batches("merged", NAME, seed, faults=True):
            if batch.number >= batches or time.monotonic() - began > seconds:
                break
            outcome = run_batch(batch)
            scripts += outcome.scripts
            if outcome.clusters:
                return _score(mutant, scripts, time.monotonic() - began, _shortest(outcome.clusters))
    return Score(*mutant[:2], mutant.equivalent, False, scripts, time.monotonic() - began, "", [], [])


def _hunt_fairly(mutant: Mutant, seconds: float) -> Score:
    """A quarter of the time for one that is not meant to be found."""
    return hunt(mutant, seconds / 4 if mutant.equivalent else seconds)


def _shortest(clusters: list[Cluster]) -> Cluster:
    """One thing that was found, told by its shortest script: best one that is more than a price."""
    best = min(clusters, key=lambda each: (each.key.family == "cost", plainness(each.ops)))
    return shrunk(best, "merged", NAME)


def _score(mutant: Mutant, scripts: int, seconds: float, best: Cluster) -> Score:
    """Of a mutant that was found; call it while it is planted."""
    world, ops = best.world, best.ops
    symptoms = [
        f"{each.family} {each.invariant}".strip()
        for parting in examine(world, ops, "merged", NAME)
        for each in parting.of(best.key.family)
    ]
    told = list(dict.fromkeys(symptoms)) or [f"{best.key.family}: {best.key.side}"]
    return Score(*mutant[:2], mutant.equivalent, True, scripts, seconds, world, [call(op) for op in ops], told)


def _line(score: Score) -> str:
    """A line of the table."""
    head = f"{score.id:<24} {score.what}: {score.scripts} scripts, {score.seconds:.1f} s; "
    if score.found:
        return f"{head}{score.world}: {'; '.join(score.script)}; {', '.join(score.symptoms)}"
    return head + (f"equivalent: {score.equivalent}" if score.equivalent else "NOT FOUND")


def main(arguments: list[str] | None = None) -> int:
    """0 when everything that is not equivalent was found, and nothing that is."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument(
        "--seconds",
        type=float,
        default=60.0,
        metavar="S",
        help="for each mutant (default 60); a quarter of it for equivalent ones",
    )
    parser.add_argument("--only", metavar="ID", help="one mutant")
    parser.add_argument("--jobs", type=int, default=1, metavar="J", help="worker processes (default 1)")
    parser.add_argument("--json", action="store_true", help="the scores as JSON in place of the table")
    args = parser.parse_args(arguments)
    chosen = [each for each in MUTANTS if args.only in (None, each.id)]
    if not chosen:
        parser.error(f"--only {args.only}: expected one of {', '.join(each.id for each in MUTANTS)}")
    scores: list[Score] = []
    with ProcessPoolExecutor(args.jobs) as executor:
        for score in executor.map(partial(_hunt_fairly, seconds=args.seconds), chosen):
            scores.append(score)
            if not args.json:
                print(_line(score), flush=True)
    meant = [each for each in scores if not each.equivalent]
    found = sum(each.found for each in meant)
    if args.json:
        print(json.dumps([each._asdict() for each in scores], indent=1))
    else:
        print(f"{found} of {len(meant)} found; {len(scores) - len(meant)} equivalent")
    return 0 if all(each.found != bool(each.equivalent) for each in scores) else 1


if __name__ == "__main__":
    sys.exit(main())
