"""Exercises of chapter 18, the second look: claims about what was merged, repairs of the patch, one comment."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import ClassVar

from mmsim.experiments.repairs import QUICK, REPAIRS, repaired_marks
from mmsim.experiments.reply import shown_by
from mmsim.experiments.second_look import CONCERNS
from mmsim.explore.concern import NOT_IN_THE_MAIL
from mmsim.explore.known import known
from mmsim.explore.pair import heard

from ..review import Verdict as Judged
from .claims import Comment, FindWrongClaim, NotEvidence, Statement, Subsets, Trial
from .plain import Plain
from .scripts import Mapped, NotAScript, Run, Step, compared, read, run

WORLD = "file"
"""Where the scripts of the first exercise start: data of the program's file right below the heap, no bss."""

START_MAPS = (Mapped(-4, 0, "rw-p", "program"),)
"""What is mapped there before the first call, but for the stack."""

Pair = tuple[Run, Run]
"""A script in `before` and in `merged`."""


def _test(about: Callable[[Pair], bool], breach: Callable[[Pair], bool]) -> Callable[[Pair], Trial]:
    def test(pair: Pair) -> Trial:
        return Trial(not breach(pair), compared(*pair), about(pair))

    return test


def _calls(pair: Pair, name: str) -> Iterator[tuple[int, Step, Step]]:
    """The calls of a name with their number, in both runs, as long as both are where the other one is.

    After a call that left other maps nothing is compared any more: a later difference could come from that one.
    """
    before, merged = pair
    for number, (old, new) in enumerate(zip(before.steps, merged.steps, strict=False)):
        if new.call[0] == name:
            yield number, old, new
        if old.maps != new.maps:
            return


def _loader_called(pair: Pair) -> bool:
    return any(True for _ in _calls(pair, "vm_brk_flags"))


def _covered(pair: Pair) -> bool:
    """Whether a loader's call came over something that was mapped."""
    for number, _, new in _calls(pair, "vm_brk_flags"):
        _, page, pages = new.call
        ahead = pair[1].steps[number - 1].maps if number else START_MAPS
        if any(each.first < page + pages and page < each.end for each in ahead):
            return True
    return False


def _more_mappings(pair: Pair) -> bool:
    both = ((old, new) for _, old, new in _calls(pair, "vm_brk_flags") if not old.refused and not new.refused)
    return any(len(new.maps) > len(old.maps) for old, new in both)


def _refused_anew(pair: Pair) -> bool:
    return any(new.refused and not old.refused for _, old, new in _calls(pair, "vm_brk_flags"))


def _limited(pair: Pair) -> bool:
    return _loader_called(pair) and any(step.call[0] == "setrlimit" for step in pair[1].steps)


def _unheard(pair: Pair) -> bool:
    return _registered(pair) and heard(pair[0].session) != heard(pair[1].session)


def _registered(pair: Pair) -> bool:
    return _loader_called(pair) and any(step.call[0] == "uffd_register" for step in pair[1].steps)


def _damaged(pair: Pair) -> bool:
    return any(new.broken and not old.broken for _, old, new in _calls(pair, "vm_brk_flags"))


def _grown(pair: Pair) -> Iterator[tuple[int, int]]:
    """For each growth that both accept: by how many mappings there are more after it, in before and in merged."""
    before, merged = pair
    for number, old, new in _calls(pair, "brk"):
        ahead = [run.steps[number - 1].maps if number else None for run in (before, merged)]
        if None not in ahead and ahead[0] == ahead[1] and not old.refused and not new.refused:
            yield len(old.maps) - len(ahead[0] or ()), len(new.maps) - len(ahead[1] or ())


def _extends_anew(pair: Pair) -> bool:
    return any(old > 0 >= new for old, new in _grown(pair))


class WrongAboutMerged(FindWrongClaim):
    """Five answers to the mail, for the code that was merged; one of them is wrong in one corner."""

    id = "18.e1"
    name = "my_find"
    title = "Five answers, and one is wrong"
    goal = "Test an answer: for which caller, and in which version does it hold?"
    points, minutes, difficulty, misconception = 6, 10, 2, "M40"
    hints = (
        "Section 7 of notebook 18 prints a mark for each concern. Which one of the five is not `=` in merged?",
        "The code before the patch asked both neighbours of a new range. Which of the two does merged still ask?",
        'Put a mapping one page above the start of the heap: ("mmap", 1, 1, "rw-"). Then the loader\'s call below it.',
    )
    form = "{'claim': 'A', 'evidence': [('brk', 2), ('vm_brk_flags', 2, 1)]}"
    wrong = "extension"
    calls = (
        "brk", "mmap", "mmap_file", "munmap", "mprotect", "mbind", "mlock", "touch", "uffd_register", "setrlimit",
        "vm_brk_flags",
    )  # fmt: skip
    most = 8
    claims: ClassVar[Mapping[str, Statement]] = {
        "limit": Statement(
            "C1 is settled: where a limit refuses the loader's call in merged, it refuses it in before, too.",
            _test(_limited, _refused_anew),
            "a loader's call after a limit was set",
        ),
        "growth": Statement(
            "C2 is settled: where brk() of merged makes do with the mappings there are, so does brk() of before.",
            _test(lambda pair: any(new <= 0 for _, new in _grown(pair)), _extends_anew),
            "a growth for which merged needs no new mapping",
        ),
        "extension": Statement(
            "C5 is settled: the loader's call leaves no more mappings in merged than it does in before.",
            _test(_loader_called, _more_mappings),
            "a loader's call",
        ),
        "monitor": Statement(
            "C6 is settled: what the loader's call tells a monitor in before, it tells it in merged.",
            _test(_registered, _unheard),
            "a loader's call after something was registered with a monitor",
        ),
        "overlap": Statement(
            "C7 is settled: whatever is mapped in its range, the loader's call of merged breaks no invariant.",
            _test(_covered, _damaged),
            "a loader's call over something that is mapped",
        ),
    }

    def read(self, evidence: Plain) -> Pair:
        """See FindWrongClaim: a script, run in both generations."""
        try:
            script = read(evidence, self.calls, self.most)
        except NotAScript as error:
            raise NotEvidence(str(error)) from None
        return run(script, "before", WORLD), run(script, "merged", WORLD)

    def samples(self) -> Iterator[Plain]:
        """See FindWrongClaim."""
        yield [["mmap", 1, 1, "rw-"], ["vm_brk_flags", 0, 1]]
        yield [["vm_brk_flags", 0, 1]]
        yield [["setrlimit", "AS", 36], ["vm_brk_flags", 0, 1]]
        yield [["brk", 2], ["uffd_register", 0, 2], ["vm_brk_flags", 1, 1]]
        yield [["brk", 2], ["brk", 3]]
        yield [["brk", 2], ["mmap_file", 1, 1, "rw-p", 0], ["brk", 3]]


class StillWrong(Subsets):
    """Which concerns are wrong in a repaired v4, for four sets of repairs."""

    id = "18.e2"
    name = "my_wrong"
    title = "Repaired, and still wrong"
    goal = "Judge each concern of a mail by what was measured: symptom, cause, repair."
    points, minutes, difficulty, misconception = 4, 8, 2, "M22"
    hints = (
        "Section 11 of notebook 18 has the same five repairs to try, and says what two of them uncover.",
        "Ask which line is behind each concern. Three of the five have one cause, so one repair can settle them.",
        "Unmapping first settles the limit. A monitor needs the telling, too. To extend what lies below needs the "
        "shared test, and uncovers I14.",
    )
    shown = 2
    choices = QUICK
    sets: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("count", "unmap", "tell", "shared"),
        ("unmap shared", "count shared", "count tell", "count unmap"),
        ("unmap below", "tell below", "count below"),
        ("shared below", "unmap shared below", "count shared below", "tell shared below"),
    )
    """One of each row is drawn: names of mmsim.experiments.repairs.REPAIRS."""
    missed: ClassVar[Mapping[str, str]] = {
        "C1": "the limit counts pages that are there already, unless they are unmapped first or not counted",
        "C2": "a growth has its own copy of the rules, unless it asks the shared test",
        "C5": "look at what the loader's call may extend now, and at what it then leaves as it was",
        "C6": "pages go, or are covered, and somebody has to tell the monitor",
        "C7": "something lies under the new range, or a file's mapping is extended",
    }
    settled: ClassVar[Mapping[str, str]] = {
        "C1": "what was unmapped first, or is not counted, takes no room under the limit",
        "C2": "the shared test looks at all that the copy forgot",
        "C5": "without the VMA below the loader's call makes a mapping more, but breaks nothing",
        "C6": "the monitor is told here",
        "C7": "nothing is left under a range that was unmapped first",
    }

    def instance(self, learner: str = "") -> list[str]:
        """Four sets of repairs, the names of each with a blank between them."""
        chance = self._chance("instance", learner)
        found = [chance.choice(row) for row in self.sets]
        chance.shuffle(found)
        return found

    def task(self, learner: str = "") -> str:
        """See Exercise."""
        lines = []
        for number, names in enumerate(self.instance(learner), 1):
            lines += [f"r{number}:", *(f"    {REPAIRS[name].words}" for name in names.split())]
        asked = "\n".join(f"{id}: {CONCERNS[id].asked}" for id in QUICK)
        return f"The concerns:\n\n{asked}\n\nv4 with these repairs, each set by itself:\n\n" + "\n".join(lines)

    def answers(self, learner: str = "") -> dict[str, Plain]:
        """See Predict: the concerns with the mark `!`, by mmsim.experiments.repairs.repaired_marks."""
        return {f"r{number}": list(_wrong(names)) for number, names in enumerate(self.instance(learner), 1)}

    def missing(self, key: str, name: str, learner: str) -> str:
        """See Subsets."""
        return f"one more is still wrong; {self.missed[name]}"

    def surplus(self, key: str, name: str, learner: str) -> str:
        """See Subsets."""
        return f"{name} is not wrong there: {self.settled[name]}"


@cache
def _wrong(names: str) -> tuple[str, ...]:
    """The concerns that are wrong with these repairs; some hundredths of a second."""
    return tuple(id for id, row in repaired_marks(names.split()).items() if row["repaired"] == "!")


class OneComment(Comment):
    """A comment on one concern, from a start that is drawn: evidence, line and severity."""

    id = "18.e3"
    name = "my_comment"
    title = "One concern, with evidence"
    goal = "Write an answer with its evidence, and say how bad it is."
    points, minutes, difficulty, misconception = 8, 12, 3, "M42"
    hints = (
        "The verdict table of notebook 18 leads to the cell of your concern; section 13 there has calls to start from.",
        "First something has to be there that the new code does not ask about; only then comes the call in question.",
        "A heap of a page, brk(heap+1), is something to map over: vm_brk_flags(heap, 4096). For a growth, change the "
        "heap's last page first. For a limit, find the number with `outcomes` of mmsim.course.review.",
    )
    concerns = ("C2", "C6", "C1")
    worlds: ClassVar[Mapping[str, str]] = {
        "file": "data of the program's file ends where the heap starts",
        "bss": "anonymous memory ends where the heap starts",
        "bare": "nothing is mapped below the heap",
    }

    def subject(self, learner: str = "") -> Plain:
        """See Comment: a concern and a world."""
        chance = self._chance("instance", learner)
        return [chance.choice(self.concerns), chance.choice(tuple(self.worlds))]

    def task(self, learner: str = "") -> str:
        """See Exercise."""
        concern, world = self.subject(learner)
        return (
            f"Your concern is {concern}: {CONCERNS[concern].asked}\n\n"
            f'Your process starts in the world "{world}": {self.worlds[world]}.'
        )

    def off(self, verdict: Judged, subject: Plain) -> str:
        """See Comment: by the causes behind what the comment says, and by what it says of itself."""
        concern, world = subject
        claim = verdict.claim
        if claim.world != world:
            return f'it starts in the world "{claim.world}", asked was "{world}"'
        shown = _concerns(verdict)
        if concern not in shown:
            named = ", ".join(shown) or "none of the mail"
            return f"what `got` says of this script is about {named}, asked was {concern}"
        if claim.concern != concern:
            return f'the field "concern" does not say {concern}'
        return ""


def _concerns(verdict: Judged) -> Sequence[str]:
    """The concerns that a proved comment is about: those of its known causes, else of all that the script shows."""
    causes = [each.concern for each in known() if each.id in verdict.causes]
    if causes:
        return sorted(set(causes) - {NOT_IN_THE_MAIL})
    return shown_by(verdict.claim.world, list(verdict.claim.script)).concerns


SET = (WrongAboutMerged(), StillWrong(), OneComment())
