"""Exercises of chapter 17, when memory runs out."""

import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import ClassVar, NamedTuple

from mmsim.experiments.failures import Call, Row, points, row_of, run
from mmsim.explore.alphabet import Op
from mmsim.explore.world import START
from mmsim.mm.units import PAGE

from .model import RIGHT, Case, Function, Order, Plain, Predict, Verdict, wrong_shape
from .plain import same, told
from .repair import Repair
from .scripts import CALLS

# -- 17.e1


class CutThatLeavesNothing(Order):
    """Reserve first, then what cannot be taken back, then what cannot fail (the cut of 6.1)."""

    id = "17.e1"
    name = "my_cut"
    title = "A cut that leaves nothing"
    goal = "Order the steps of a call so that whichever fails leaves nothing."
    points, minutes, difficulty, misconception = 3, 6, 2, "M73"
    hints = (
        "Sections 8 and 9 of notebook 17: which step has no line that takes it back? Which step is never needed there?",
        "Two steps may fail. The first to fail must find nothing to take back; behind the second nothing may fail.",
        "Nodes, event, lock; then the end and the tree; then file again and count. Two lines are not used.",
    )
    lines: ClassVar[Mapping[str, str]] = {
        "A": "take what is gone off the counters, and give its promise back",
        "B": "queue the event for the monitor (may fail)",
        "C": "move the end of the VMA down",
        "D": "take the event out of the queue again",
        "E": "lock the anon_vma, and take the VMA out of its interval trees",
        "F": "clear the range in the tree, with the nodes that were laid aside",
        "G": "free the VMA that was cut",
        "H": "lay aside the nodes that the tree may need (may fail)",
        "I": "file the VMA in its interval trees again, and drop their lock",
    }
    after: ClassVar[Mapping[str, str]] = {"H": "", "B": "H", "E": "B", "C": "E", "F": "E", "I": "CF", "A": "CF"}
    why: ClassVar[Mapping[str, str]] = {
        "A": "count only what has gone, from VMA and tree",
        "B": "an event that is queued stays queued: nothing that may fail can come behind it",
        "C": "the interval trees file a VMA under its bounds: take it out, under their lock, before these change",
        "D": "no generation has a line for this",
        "E": "behind this nothing may be asked for: the memory for it might have to wait for this very lock",
        "F": "the way from here on must not fail, and the lock has to be held",
        "G": "the VMA goes on: its lower part stays",
        "H": "what may fail, and is easily given back, belongs to the beginning",
        "I": "a VMA is filed under the bounds it has at that moment; others look as soon as the lock is dropped",
    }


# -- 17.e2


class Failure(NamedTuple):
    """Calls as in mmsim.course.exercises.scripts, of which the last fails: the nth use of a site is refused."""

    generation: str
    calls: list[list[Plain]]
    site: str
    nth: int = 1

    def __str__(self) -> str:
        calls = ", ".join(f"{name}({', '.join(map(repr, args))})" for name, *args in self.calls)
        return f"{self.generation}: {calls}\n    at the last: no {_SITES[self.site]}{_ORDINALS[self.nth]}"

    def row(self) -> Row:
        """What the library's run of it leaves."""
        ops = tuple(CALLS[name].op(*_given(name, args)) for name, *args in self.calls)
        call = Call("a call", "", ops)
        uses = [point for point, site in enumerate(points(self.generation, call), 1) if site == self.site]
        point = uses[self.nth - 1]
        return row_of(self.generation, call, point, self.site, self.nth, run(self.generation, call, point))


_SITES = {"maple_alloc": "memory for the tree", "vma_alloc": "memory for a VMA", "uffd_entry": "memory for an event"}
_ORDINALS = {1: "", 2: ", the second time it is asked for"}
WORDS = {"charge": "promise", "end": "end", "event": "event", "split": "half", "cleared": "hole"}
"""An aspect of mmsim.experiments.failures -> the learner's word for it."""
_IDEAS = {
    "promise": "when was memory promised, and which line of this way out takes that back?",
    "end": "to which address does the way out put the end back, and where did the VMA end?",
    "event": "is an event queued by then, and what takes it out of the queue?",
    "half": "how many cuts were made before this one failed, and who joins the halves again?",
    "hole": "was something unmapped before it failed, and who maps it again?",
}


def _given(name: str, args: list[Plain]) -> list[Plain]:
    return [kind.given(arg) for kind, arg in zip(CALLS[name].takes, args, strict=True)]


def _sizes(chance: random.Random) -> tuple[int, int]:
    """Pages of a heap, and of a larger one."""
    small = chance.randrange(4, 12)
    return small, small + chance.randrange(1, 9)


def _over_a_hole(chance: random.Random) -> Failure:
    """The top of the heap is unmapped, then it grows: v4 extends all the same, and puts the end back to the break."""
    small, large = _sizes(chance)
    gone = chance.randrange(1, 3)
    generation = chance.choice(("v4", "v4", "merged", "today"))
    return Failure(generation, [["brk", small], ["munmap", small - gone, gone], ["brk", large]], "maple_alloc")


def _with_a_policy(chance: random.Random) -> Failure:
    """A heap with a policy: v4 extends it, the others make a VMA of their own for what comes."""
    small, large = _sizes(chance)
    generation = chance.choice(("v4", "merged", "today"))
    return Failure(generation, [["brk", small], ["mbind", 0, small, "bind:0"], ["brk", large]], "maple_alloc")


def _written(chance: random.Random) -> Failure:
    """A written heap, extended by the parent of a fork or by a process without one."""
    small, large = _sizes(chance)
    forked = [["fork", "child"]] if chance.random() < 0.5 else []
    generation = chance.choice(("v4", "merged", "today"))
    return Failure(generation, [["brk", small], ["touch", 1], *forked, ["brk", large]], "maple_alloc")


def _watched(chance: random.Random) -> Failure:
    """A heap that goes, with a monitor; where the tree is cleared behind the queue, an event stays."""
    small, _ = _sizes(chance)
    watched = [["brk", small], ["uffd_register", 0, small], ["brk", 0]]
    last = {
        "before": ("uffd_entry", 1),
        "v4": ("uffd_entry", 1),
        "merged": ("maple_alloc", 2),
        "today": ("maple_alloc", 2),
    }
    generation = chance.choice(("today", "today", "merged", "v4", "before"))
    return Failure(generation, watched, *last[generation])


def _middle(chance: random.Random) -> Failure:
    """Pages go from the middle of a VMA that reaches beyond the break."""
    small, large = _sizes(chance)
    calls = [["brk", small], ["mmap", small, large - small, "rw-"], ["brk", small - chance.randrange(1, 4)]]
    where = {
        "before": ("vma_alloc", chance.choice((1, 2))),
        "v4": ("maple_alloc", 1),
        "merged": ("vma_alloc", chance.choice((1, 2))),
    }
    generation = chance.choice(tuple(where))
    return Failure(generation, calls, *where[generation])


def _loaded(chance: random.Random) -> Failure:
    """The loader's call, over what is mapped there or behind it."""
    at, pages = chance.randrange(8, 20), chance.randrange(2, 6)
    first = at if chance.random() < 0.7 else at + pages
    generation = chance.choice(("before", "merged", "today"))
    return Failure(generation, [["mmap", at, pages, "r--"], ["vm_brk_flags", first, pages]], "vma_alloc")


class WhatIsLeft(Predict):
    """Six failures; what is left of each call."""

    id = "17.e2"
    name = "my_left"
    title = "What does it leave behind?"
    goal = "Say for a planned failure what the call has changed and not undone."
    points, minutes, difficulty, misconception = 6, 10, 3, "M37"
    hints = (
        "Section 2 of notebook 17 has v4's extension in full; `getsource` shows the other generations in the same way.",
        "First decide which way the call takes: extension or new VMA? Then: what is done by then, and is it undone?",
        "A heap with a hole below its break is extended only by v4. Only v4 and 6.1 forget a promise, and only there.",
    )
    shown = 2
    templates = (_over_a_hole, _with_a_policy, _written, _watched, _middle, _loaded)

    def instance(self, learner: str) -> list[Failure]:
        """The failures of a learner: three or more leave something, one or more nothing, and one leaves two things."""
        chance = self._chance("instance", learner)
        while True:
            found = [template(chance) for template in self.templates]
            chance.shuffle(found)
            left = [left_by(each) for each in found]
            if sum(map(bool, left)) >= 3 and not all(left) and max(map(len, left)) == 2:
                return found

    def task(self, learner: str = "") -> str:
        """See Exercise."""
        lines = "\n".join(f"f{n}  {failure}" for n, failure in enumerate(self.instance(learner), 1))
        return f"Each in a fresh process:\n\n{lines}"

    def answers(self, learner: str = "") -> dict[str, Plain]:
        """See Predict."""
        return {f"f{n}": list(left_by(failure)) for n, failure in enumerate(self.instance(learner), 1)}

    def judge(self, case: Case, answer: Plain) -> Verdict:
        """The words in any order; a word that is missing, or too much, is told by the idea behind it."""
        key, expected = case.part
        if type(answer) is not dict or key not in answer:
            return wrong_shape(f"expected a dict with the key {key!r}", answer)
        got = answer[key]
        if got is None:
            return Verdict(0, f"{key}: nothing is filled in here yet", got="None")
        words = list(WORDS.values())
        if (
            type(got) is not list
            or len(got) > len(words)
            or not all(type(word) is str and word in words for word in got)
        ):
            return wrong_shape(f"{key}: expected a list of words from {', '.join(words)}; [] for nothing", got)
        if len(set(got)) == len(got) and same(sorted(got), sorted(expected)):
            return RIGHT
        wrong = next((word for word in got if word not in expected), None)
        missing = next((word for word in expected if word not in got), None)
        said = f"{wrong!r} is too much" if wrong else "something is missing" if missing else "a word is there twice"
        return Verdict(
            0, f"{key}: {said}", got=told(got), difference=_IDEAS.get(wrong or missing or "", "").capitalize()
        )


def left_by(failure: Failure) -> tuple[str, ...]:
    """What a failure leaves, in the learner's words, sorted.

    >>> left_by(Failure("v4", [["brk", 4], ["brk", 6]], "maple_alloc"))
    ('promise',)
    """
    return _left_by(failure.generation, tuple(tuple(call) for call in failure.calls), failure.site, failure.nth)


@lru_cache(maxsize=512)
def _left_by(generation: str, calls: tuple[tuple[Plain, ...], ...], site: str, nth: int) -> tuple[str, ...]:
    row = Failure(generation, [list(call) for call in calls], site, nth).row()
    return tuple(sorted(WORDS[key] for key in row.forgotten))


# -- 17.e3

_DO_AND_UNDO = """\
            adjust_trans_huge(mm, vma, address, address + length)
"""
_RESERVE = """\
            if not mm.preallocate():
                mm.machine.uncharge(pages)
                return -ENOMEM
"""
_STORED = """\
            stored = mm.store_gfp(vma.start, address + length, vma)
            if not stored:
                vma.end = address
"""
_STORE = """\
            mm.store(vma.start, address + length, vma)
"""
_RETURN = """\
            if not stored:
                return -ENOMEM
            mm.log("khugepaged_enter", vma.serial)
"""
_GO_ON = """\
            mm.log("khugepaged_enter", vma.serial)
"""


def _brk(page: int) -> Op:
    return "brk", START + page * PAGE


def _touch(page: int) -> Op:
    return "touch", START + page * PAGE


class ReserveFirst(Repair):
    """Turn v4's extension from do-and-undo into reserve-first, without losing the promise on the way.

    The right one is v4 with the order of 6.1 and, where the reservation fails, the line that today's code has.
    """

    id = "17.e3"
    name = "my_do_brk_flags"
    title = "Reserve first"
    goal = "Change an extension so that nothing can fail once it has begun, and a refusal leaves nothing."
    points, minutes, difficulty, misconception = 6, 12, 3, "M26"
    hints = (
        "Section 9 of notebook 17 says what the merged code does first. What was done in v4 even before that?",
        "Ask for the nodes while nothing is locked or moved; then store without asking. The promise is older still.",
        "mm.preallocate() answers True or False; behind it mm.store(start, end, vma) cannot fail and needs no way out.",
    )
    function = "do_brk_flags"
    right = ""
    repairs = ((_DO_AND_UNDO, _RESERVE + _DO_AND_UNDO), (_STORED, _STORE), (_RETURN, _GO_ON))
    shown = (
        ("file", [_brk(4), ("fail", ["maple_alloc", 1]), _brk(6)]),
        ("file", [_brk(4), _touch(0), _brk(6)]),
        ("file", [_brk(4), _brk(6), _brk(9)]),
    )
    groups: ClassVar[Mapping[str, int]] = {
        "an extension fails": 5,
        "a written heap grows": 5,
        "a written heap, and a failure": 5,
        "a hole below the break": 4,
        "new mappings": 6,
    }
    ideas: ClassVar[Mapping[str, str]] = {
        "broken": "What was done before the store is asked for: in which order, and is all of it undone",
        "answer": "A growth is refused where the tree gets no memory, and only there",
        "vmas": "Where the store could not be made, VMA and tree have to be as they were",
        "counters": "What the call has counted or promised goes with its refusal",
    }

    def idea(self, sight: str, right: dict[str, Plain], mine: dict[str, Plain]) -> str:
        """See Repair; of broken invariants the two that this is about have words of their own."""
        broken = {id for id, _ in mine["broken"]} if sight == "broken" else set()
        if "I10" in broken:
            return "An allocation that may wait was made under the anon_vma's lock: what could be asked for before it"
        if "I1" in broken:
            return "The VMA has an end that the tree never got: what may fail has to come before anything is moved"
        if "I8" in broken:
            return "Memory was promised at the top of the function, and this way out does not take the promise back"
        return super().idea(sight, right, mine)

    def script(self, group: str, chance: random.Random) -> tuple[str, list[Op]]:
        """See Repair."""
        small, large = _sizes(chance)
        touched = _touch(chance.randrange(small - 2))
        more = _brk(large + chance.randrange(1, 5))
        fails: Op = ("fail", ["maple_alloc", 1])
        world = chance.choice(("file", "bss", "bare"))
        if group == "an extension fails":
            return world, [_brk(small), fails, _brk(large), more]
        if group == "a written heap grows":
            return world, [_brk(small), touched, _brk(large), more]
        if group == "a written heap, and a failure":
            return world, [_brk(small), touched, fails, _brk(large), more]
        if group == "a hole below the break":
            hole: Op = ("munmap", [START + (small - 1) * PAGE, PAGE])
            return world, [_brk(small), *([touched] if chance.random() < 0.5 else []), hole, fails, _brk(large)]
        site = chance.choice(("maple_alloc", "vma_alloc", "commit_refusal"))
        forked: list[Op] = [touched, ("fork", "child")] if chance.random() < 0.5 else []
        return world, [("fail", [site, 1]), _brk(small), _brk(small), *forked, _brk(large), fails, more]


# -- 17.e4

Label = tuple[str, list[str], bool]
Steps = list[tuple[str, str]]
Labels = list[Label]
V4_LABELS: Labels = [
    ("mas_store_fail", ["object"], False),
    ("vma_alloc_fail", ["promise"], True),
    ("mas_mod_fail", ["end", "filing", "root"], True),
]
"""The ways out of do_brk_flags(), v4 21/66, in the order of the code."""
V4_NEW: Steps = [("promise", "none"), ("object", "vma_alloc_fail"), ("tree", "mas_store_fail"), ("counters", "")]
V4_EXTENSION: Steps = [("promise", "none"), ("root", ""), ("filing", ""), ("end", ""), ("tree", "mas_mod_fail")]
"""What do_brk_flags() of v4 does, with the label to which it jumps where that fails."""


class WayOut(Function):
    """Labels that fall through, as data."""

    id = "17.e4"
    name = "way_out"
    title = "What a way out leaves"
    goal = "Follow a failure through labels that fall through, and say what stays."
    points, minutes, difficulty, misconception = 4, 8, 2, "M72"
    hints = (
        "Section 2 of notebook 17: what happens below a label that does not return?",
        "Find the label of the step that fails, and go on from there, label by label, until one returns.",
        "for label, undone, returns in labels[at:]: for name in undone: remove it from done, or note it as wrong",
    )

    def examples(self) -> Iterator[list[Plain]]:
        """See Function: v4's do_brk_flags(), then a way out that frees what was never made."""
        yield [_plain(V4_NEW), _plain(V4_LABELS), 1]
        yield [_plain(V4_NEW), _plain(V4_LABELS), 2]
        yield [_plain(V4_EXTENSION), _plain(V4_LABELS), 4]
        yield [[["a", "all"], ["b", "all"], ["c", "all"]], [["all", ["c", "b", "a"], True]], 1]

    def hidden(self, chance: random.Random) -> Iterator[tuple[str, list[Plain]]]:
        """See Function."""
        for _ in range(6):
            for group in ("falls through", "returns early", "undone too much", "long"):
                steps, labels, failing = _program(chance, 8 if group == "long" else 4)
                at = [label for label, _, _ in labels].index(steps[failing][1])
                if group == "falls through":
                    labels[at][2] = False
                elif group == "returns early":
                    labels[at][2] = True
                elif group == "undone too much":
                    labels[at][1].insert(0, chance.choice([name for name, _ in steps[failing:]]))
                    labels[at][1].append(labels[at][1][0])
                yield group, [steps, labels, failing]

    def expected(self, *args: Plain) -> Plain:
        """See Function."""
        return left_behind(*args)

    def judge(self, case: Case, answer: Plain) -> Verdict:
        """Shape, then both lists; the labels that are run are named."""
        if not _is_two_lists(answer):
            return wrong_shape("expected two lists of names: what stays, and what is undone though not done", answer)
        found = super().judge(case, answer)
        ran = ", ".join(label for label, _, _ in _run(*(case.args or [])[1:], (case.args or [])[0]))
        return (
            found if found.right else replace(found, difference=f"{found.difference} Labels that are run here: {ran}.")
        )

    def difference(self, expected: Plain, got: Plain) -> str:
        """See Function."""
        (left, wrong), (mine, my_wrong) = expected, got
        if mine == left:
            return f"What stays is right. Undone though not done is {told(wrong)}, not {told(my_wrong)}."
        if sorted(mine) == sorted(left):
            return "The names that stay are right; they come in the order in which they were done."
        stays = [name for name in left if name not in mine]
        if stays:
            return f"{stays[0]!r} stays: no label that is run undoes it. A label that returns ends the way out."
        gone = [name for name in mine if name not in left]
        return f"{told(gone[0], 60)} does not stay: was it done before the failure, and is it undone behind the label?"


def left_behind(steps: Steps, labels: Labels, failing: int) -> list[list[str]]:
    """What stays when that step fails, and what is undone though it is not done then.

    >>> left_behind(V4_NEW, V4_LABELS, 2), left_behind(V4_EXTENSION, V4_LABELS, 4)
    ([[], []], [['promise'], []])
    """
    done, wrong = [name for name, _ in steps[:failing]], []
    for _, undone, _ in _run(labels, failing, steps):
        for name in undone:
            if name in done:
                done.remove(name)
            else:
                wrong.append(name)
    return [done, wrong]


def _run(labels: Labels, failing: int, steps: Steps) -> Iterator[Label]:
    """The labels that are run when that step fails: from its own on, up to the first that returns."""
    at = [label for label, _, _ in labels].index(steps[failing][1])
    for label in labels[at:]:
        yield label
        if label[2]:
            return


def _is_two_lists(answer: Plain) -> bool:
    """Two lists of texts, not longer than anything that is asked here."""
    return (
        type(answer) is list
        and len(answer) == 2
        and all(type(part) is list and len(part) <= 50 for part in answer)
        and all(type(name) is str and len(name) <= 50 for part in answer for name in part)
    )


def _plain(pairs: Iterable[tuple[Plain, ...]]) -> list[Plain]:
    return [list(pair) for pair in pairs]


def _program(chance: random.Random, size: int) -> tuple[list[list[Plain]], list[list[Plain]], int]:
    """Steps, labels, and a step that fails: not the first, so that something is done by then."""
    names = chance.sample(("lock", "promise", "object", "root", "filing", "end", "event", "nodes", "counter"), size)
    labels: list[list[Plain]] = [[f"out{n}", [name], False] for n, name in enumerate(reversed(names[:-1]))]
    for label in labels[:-1]:
        label[2] = chance.random() < 0.25
        if chance.random() < 0.3:
            label[1] = []
    labels[-1][2] = True
    steps = [[names[0], "out"], *([name, f"out{size - 1 - n}"] for n, name in enumerate(names[1:], 1))]
    for step in steps[1:]:
        step[1] = step[1] if chance.random() < 0.8 else ""
    failing = chance.randrange(2, size)
    steps[failing][1] = f"out{size - 1 - failing}"
    labels.append(["out", [], True])
    return steps, labels, failing


SET = (CutThatLeavesNothing(), WhatIsLeft(), ReserveFirst(), WayOut())
