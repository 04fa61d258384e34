"""Exercises in which the learner writes assertions: True for what is sound, False for what is damaged.

A defect makes *twins*: the arguments of two calls that differ by the damage only. Each defect is a
group of its own, and both twins belong to it; so neither a function that trusts everything nor one
that trusts nothing earns a group. One group more has sound states that look odd: false alarms.
"""

import random
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import ClassVar, NamedTuple

from .model import HIDDEN, PUBLIC, RIGHT, Case, Function, Plain, Verdict, wrong_shape

ALARMS = "no false alarms"
"""The group of the sound states; it has a damaged one as well, which a shown defect made."""


class Twins(NamedTuple):
    """The arguments of a call on something sound and on the same thing damaged; `what` says what was damaged."""

    sound: Sequence[Plain]
    damaged: Sequence[Plain]
    what: str


class Odd(NamedTuple):
    """The arguments of a call on something sound that a hasty check takes for damaged; `why` it is sound."""

    sound: Sequence[Plain]
    why: str


Defect = Callable[[random.Random], Twins]


def planted(make: Callable[[random.Random], Plain], damage: Callable[[Plain, random.Random], str]) -> Defect:
    """A defect that damages what `make` makes, the only argument of the call.

    `damage` changes a copy in place and says what it did, or "" where this one cannot be damaged so;
    then another one is made. A damage that never fits is an error of the course: RuntimeError.

    >>> defect = planted(lambda chance: [1, 2, chance.randrange(3, 9)], lambda xs, _: xs.reverse() or "not sorted")
    >>> sound, damaged, what = defect(random.Random(1))
    >>> sound, damaged, what
    (([1, 2, 4],), ([4, 2, 1],), 'not sorted')
    """

    def twins(chance: random.Random) -> Twins:
        for _ in range(200):
            sound = make(chance)
            damaged = deepcopy(sound)
            what = damage(damaged, chance)
            if what:
                return Twins((sound,), (damaged,), what)
        raise RuntimeError(f"{damage} fits nothing that {make} makes")

    return twins


class Assertions(Function):
    """The learner's function answers True for sound arguments and False for damaged ones.

    A subclass has `defects` (name -> what makes twins of it), `shown` (the names of those in the public
    examples), `odd` (sound states that look odd) and `sound`, the library's own answer, which a test compares
    with what was planted: for each seed, every sound twin must pass it, and every damaged one fail.
    """

    kind = "assertions"
    defects: ClassVar[Mapping[str, Defect]]
    shown: ClassVar[tuple[str, ...]]
    pairs: ClassVar[int] = 4
    """Twins a hidden group."""

    @abstractmethod
    def odd(self, chance: random.Random) -> Iterator[Odd]:
        """Sound states, the odd ones among them; the first one is public, too, from another chance."""

    @abstractmethod
    def sound(self, *args: Plain) -> bool:
        """What the library says to these arguments."""

    @abstractmethod
    def lines(self, *args: Plain) -> list[str]:
        """The arguments as short lines, so that twins can be compared line by line."""

    def why(self, *args: Plain) -> str:
        """Why an ordinary sound state is sound, in a few words and without a full stop; "" says nothing."""
        return ""

    def expected(self, *args: Plain) -> Plain:
        """See Function."""
        return self.sound(*args)

    def examples(self) -> Iterator[Sequence[Plain]]:
        """See Function."""
        return (case.args or [] for case in self._public())

    def hidden(self, chance: random.Random) -> Iterator[tuple[str, Sequence[Plain]]]:
        """See Function."""
        return ((case.group, case.args or []) for case in self._hidden(chance))

    def cases(self, seed: int | str | None = None, learner: str = "") -> list[Case]:
        """See Exercise; `part` tells the judge what was planted: [is it sound, why or what, the sound twin]."""
        found = list(self._public())
        return found if seed is None else found + list(self._hidden(self._chance("hidden", seed)))

    def judge(self, case: Case, answer: Plain) -> Verdict:
        """True for sound, False for damaged; what is wrong with a damaged state is said with its twin beside it."""
        sound, what, twin = case.part
        if answer is None:
            return wrong_shape("your function returns nothing here; each way through it has to return True or False")
        if type(answer) is not bool:
            return wrong_shape("expected True (sound) or False (damaged)", answer)
        if answer is sound:
            return RIGHT
        if sound:
            what = what or self.why(*case.args or ())
            said = f"a false alarm, nothing is damaged here{': ' if what else ''}{what}"
            return Verdict(0, said, "True", "False", "\n".join(shortened(self.lines(*case.args or ()), 80, 34)))
        compared = side_by_side(self.lines(*twin), self.lines(*case.args or ()))
        return Verdict(0, f"a defect was not noticed: {what}", "False", "True", compared)

    def said(self, case: Case) -> str:
        """See Exercise; the state itself stands below, in lines."""
        return f"{self.name}(...) with what stands below"

    def _public(self) -> Iterator[Case]:
        chance = self._chance("examples", "")
        for n, name in enumerate(self.shown):
            yield from _twins(f"example {n + 1}", PUBLIC, "examples", self.defects[name](chance))
        odd = next(iter(self.odd(chance)))
        yield _case(f"example {len(self.shown) + 1}", PUBLIC, "examples", odd.sound, True, odd.why, None)

    def _hidden(self, chance: random.Random) -> Iterator[Case]:
        for name, defect in self.defects.items():
            for n in range(self.pairs):
                yield from _twins(f"{name} {n + 1}", HIDDEN, name, defect(chance))
        for n, odd in enumerate(self.odd(chance), 1):
            yield _case(f"sound {n}", HIDDEN, ALARMS, odd.sound, True, odd.why, None)
        yield list(_twins("sound", HIDDEN, ALARMS, self.defects[self.shown[0]](chance)))[1]


def side_by_side(sound: Sequence[str], damaged: Sequence[str]) -> str:
    """Lines of both twins beside each other, those that differ marked; of very many the first and last.

    >>> print(side_by_side(["a 0-9", "b 10-19"], ["a 0-9", "b 9-19"]))
      sound      damaged
      a 0-9      a 0-9
    * b 10-19    b 9-19
    """
    wide = max(map(len, ["sound  ", *sound])) + 4
    lines = [f"  {'sound'.ljust(wide)}damaged"]
    for tag, a, b, c, d in SequenceMatcher(None, sound, damaged, autojunk=False).get_opcodes():
        sign = " " if tag == "equal" else "*"
        rows = [f"{sign} {x.ljust(wide)}{y}" for x, y in zip_longest(sound[a:b], damaged[c:d], fillvalue="-")]
        lines += shortened(rows, 40, 17)
    return "\n".join(shortened(lines, 120, 55))


def shortened(lines: list[str], most: int, ends: int) -> list[str]:
    """The lines if there are not more than `most`, else the first and last `ends` of them.

    >>> shortened(list("abcdef"), 5, 2)
    ['a', 'b', '  ... 2 lines left out', 'e', 'f']
    """
    if len(lines) <= most:
        return lines
    return [*lines[:ends], f"  ... {len(lines) - 2 * ends} lines left out", *lines[-ends:]]


def _twins(key: str, category: str, group: str, twins: Twins) -> Iterator[Case]:
    yield _case(f"{key}, sound", category, group, twins.sound, True, "", None)
    yield _case(f"{key}, damaged", category, group, twins.damaged, False, twins.what, list(twins.sound))


def _case(
    key: str, category: str, group: str, args: Sequence[Plain], sound: bool, what: str, twin: list[Plain] | None
) -> Case:
    return Case(key, category, group, list(args), [sound, what, twin])
