"""Claims as exercises: find the wrong one and show it, write a comment, write a review.

`FindWrongClaim` has a handful of sentences. Each has a test that runs the library on a piece of evidence, so that the
wrong one is wrong, and the others are right, by experiment. `Comment` and `Review` are judged by mmsim.course.review:
literal claims in the format of notebook 20, run in all generations. Nothing of it depends on the learner's code.
"""

import json
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from textwrap import wrap
from typing import Any, ClassVar, NamedTuple

from ..review import FIELDS, NOT_SHOWN, PROVED, ReviewError, Score, judge, read_review, score
from ..review import Verdict as Judged
from ..review.rubric import EACH, WANTED, firsts
from .model import RIGHT, Case, Predict, Value, Verdict, wrong_shape
from .plain import Plain, told

__all__ = ["Comment", "FindWrongClaim", "NotEvidence", "Review", "Statement", "Subsets", "Trial", "judged", "listed"]

MOST_CLAIMS = 6
LONGEST = 20_000
"""Characters of a review: a TOML text, or its claims as JSON."""
LETTERS = "ABCDEFGH"


class NotEvidence(Exception):
    """Plain data that is no evidence of the form asked for; the message says what was expected."""


@dataclass(frozen=True)
class Trial:
    """What a run says to a claim: whether it holds there, and what was seen, in a few words.

    `about` is false where the evidence has nothing that the claim speaks of: then it holds, but for no good reason.
    """

    holds: bool
    seen: str = ""
    about: bool = True


class Statement(NamedTuple):
    """A claim: its sentence, the test that runs it on evidence as `FindWrongClaim.read` returns it, what it is about.

    `about` names what evidence must have for the claim to say anything, as in "a growth that both accept"; without it
    feedback says no more than that.
    """

    text: str
    test: Callable[[Any], Trial]
    about: str = ""


class FindWrongClaim(Value):
    """Some claims of which one is wrong: its letter, and evidence that makes it false in a run.

    The answer is a dict like {"claim": "B", "evidence": ...}. The evidence is public and tests the claim of *its*
    letter, so it is an honest experiment; the letter is hidden. Each is worth half, and a letter without a run that is
    about its claim half of that: a guess earns little. Who breaks another claim by a run is right, too.

    A subclass has the claims by a name of their own, the name of the wrong one, and `read`. The letters are drawn for
    each learner. `samples` are pieces of evidence for the tests: the wrong claim fails on one, the others on none.
    """

    kind = "find-wrong-claim"
    shown = 1
    claims: ClassVar[Mapping[str, Statement]]
    wrong: ClassVar[str]
    form: ClassVar[str]
    """An answer as it is written, to be shown to who has another form."""

    @abstractmethod
    def read(self, evidence: Plain) -> Any:
        """The evidence of an answer, checked and bounded; NotEvidence says what was expected."""

    @abstractmethod
    def samples(self) -> Iterator[Plain]:
        """Evidence for tests, as a learner would write it; the first one breaks the wrong claim."""

    def letters(self, learner: str = "") -> dict[str, str]:
        """Letter -> name of the claim, for this learner."""
        names = list(self.claims)
        self._chance("letters", learner).shuffle(names)
        return dict(zip(LETTERS, names, strict=False))

    def task(self, learner: str = "") -> str:
        """See Exercise: the claims by letter, a paragraph each."""
        return "\n\n".join(f"{letter}: {self.claims[name].text}" for letter, name in self.letters(learner).items())

    def parts(self, learner: str = "") -> list[tuple[str, Plain]]:
        """See Value; each part knows the letters of this learner."""
        letters: Plain = self.letters(learner)
        return [("the evidence", ["evidence", letters]), ("the letter", ["letter", letters])]

    def judge(self, case: Case, answer: Plain) -> Verdict:
        """Shape, then the claim of the letter on the evidence."""
        part, letters = case.part
        if type(answer) is not dict or answer.keys() != {"claim", "evidence"}:
            return wrong_shape(f"expected a dict like {self.form}", answer)
        letter = answer["claim"]
        if type(letter) is not str or letter not in letters:
            return wrong_shape(f"claim: expected a letter from {''.join(letters)}", letter)
        try:
            trial = self.claims[letters[letter]].test(self.read(answer["evidence"]))
        except NotEvidence as error:
            return self._guessed(letters[letter]) if part == "letter" else wrong_shape(f"evidence: {error}", answer)
        if part == "letter":
            guessed = trial.holds and not trial.about
            return self._guessed(letters[letter]) if guessed else self._named(letters[letter], trial)
        if not trial.holds:
            return RIGHT
        return Verdict(0, self._missed(letter, self.claims[letters[letter]].about, trial), difference=trial.seen)

    def _missed(self, letter: str, about: str, trial: Trial) -> str:
        if not about:
            missed = "does not make it false" if trial.about else "has nothing that it speaks of"
            return f"claim {letter}: your evidence {missed}"
        if not trial.about:
            return f"claim {letter} speaks of {about}; your evidence has none"
        return f"claim {letter} holds in your run: there is {about}, and it is as the claim says"

    def _named(self, name: str, trial: Trial) -> Verdict:
        return RIGHT if name == self.wrong or not trial.holds else Verdict(0, "not the wrong one")

    def _guessed(self, name: str) -> Verdict:
        if name != self.wrong:
            return Verdict(0, "not the wrong one")
        return Verdict(0.5, "the letter is right, but without a run that is about its claim it is only half")


class Subsets(Predict):
    """Predictions that are lists of names, in any order: which of `choices` are so."""

    choices: ClassVar[tuple[str, ...]]

    @abstractmethod
    def missing(self, key: str, name: str, learner: str) -> str:
        """What is said where a name is missing; the name itself is not given away."""

    @abstractmethod
    def surplus(self, key: str, name: str, learner: str) -> str:
        """What is said where a name is too much."""

    def parts(self, learner: str = "") -> list[tuple[str, Plain]]:
        """See Value; the learner's name goes along, as words may depend on the instance."""
        return [(name, [*part, learner]) for name, part in super().parts(learner)]

    def judge(self, case: Case, answer: Plain) -> Verdict:
        """Shape, then what is missing, then what is too much."""
        key, expected, learner = case.part
        if type(answer) is not dict or key not in answer:
            return wrong_shape(f"expected a dict with the key {key!r}", answer)
        got = answer[key]
        if got is None:
            return Verdict(0, f"{key}: nothing is filled in here yet")
        if type(got) is not list or len(got) > len(self.choices) or not all(type(name) is str for name in got):
            return wrong_shape(f"{key}: expected a list of texts from {', '.join(self.choices)}", got)
        if len(set(got)) < len(got) or not set(got) <= set(self.choices):
            return wrong_shape(f"{key}: expected each at most once, from {', '.join(self.choices)}", got)
        for name in self.choices:
            if name in expected and name not in got:
                return Verdict(0, f"{key}: {self.missing(key, name, learner)}", got=told(got))
        for name in got:
            if name not in expected:
                return Verdict(0, f"{key}: {self.surplus(key, name, learner)}", got=told(got))
        return RIGHT


# -- reviews


def judged(answer: Plain, most: int = MOST_CLAIMS) -> list[Judged]:
    """The claims of a review, judged by running them; ReviewError in one line, also for too many or too long.

    Some tens of milliseconds a claim; the last few reviews are kept, as every part of an exercise asks for them.
    """
    if type(answer) is list:
        if len(answer) > most:
            raise ReviewError(f"review: {len(answer)} claims, expected at most {most}")
        if any(type(each) is dict and len(each) > len(FIELDS) for each in answer):
            raise ReviewError(f"review: expected no fields but {', '.join(FIELDS)}")
    elif type(answer) is not str:
        raise ReviewError("review: expected a text with [[claim]] tables, or a list of dicts")
    text = json.dumps(answer)
    if len(text) > LONGEST:
        raise ReviewError(f"review: {len(text)} characters, expected at most {LONGEST}")
    return _judged(text, most)


@lru_cache(maxsize=16)
def _judged(text: str, most: int) -> list[Judged]:
    claims = read_review(json.loads(text))
    if len(claims) > most:
        raise ReviewError(f"review: {len(claims)} claims, expected at most {most}")
    return [judge(claim) for claim in claims]


def rubric(found: Score, number: int) -> list[str]:
    """The rows of the rubric for a claim (0: for the whole), those that lack points marked."""
    rows = [item for item in found.items if item.claim == number]
    return [f"{'*' if row.points < row.of else ' '} {row.points} of {row.of}  {row.what}: {row.reason}" for row in rows]


def listed(lines: Iterable[str]) -> str:
    """Lines as a card can show them: a long one goes on below, indented.

    >>> print(listed(["a " * 40]).replace(" ", "."))
    a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a
    ........a.a.a
    """
    return "\n".join(part for line in lines for part in wrap(line, 74, subsequent_indent="        "))


class Review(Value):
    """A review of at least three claims, as a list of dicts or as TOML, scored by the rubric of notebook 20.

    Four parts, which count alike: the three best claims, and the review as a whole, which is hidden. A claim is worth
    its points only if it is proved and has a cause of its own; what is not shown keeps a fifth of them, so that an
    honest question is worth something; what is refuted, given twice, or taken is worth nothing.
    """

    kind = "review"
    shown = WANTED
    given: ClassVar[tuple[str, ...]] = ()
    """Causes (ids of known findings) that are taken for everybody, as those of a worked example."""

    def taken(self, learner: str = "") -> list[str]:
        """Causes that count for nothing, for this learner."""
        return list(self.given)

    def parts(self, learner: str = "") -> list[tuple[str, Plain]]:
        """See Value."""
        taken: Plain = self.taken(learner)
        names = [("the best claim", 1), ("the second claim", 2), ("the third claim", 3), ("the whole", 0)]
        return [(name, [number, taken]) for name, number in names]

    def judge(self, case: Case, answer: Plain) -> Verdict:
        """One of the claims, the best first, or the whole."""
        number, taken = case.part
        try:
            verdicts = judged(answer)
        except ReviewError as error:
            return wrong_shape(str(error), answer)
        found = score(verdicts, taken)
        if not number:
            return self._whole(found, verdicts)
        ranked = sorted(self._shares(found, verdicts, taken), key=lambda each: (-each[0], each[1].claim.number))
        if number > len(ranked):
            return Verdict(0, f"there is no claim {number} yet, expected at least {WANTED}")
        share, verdict, why = ranked[number - 1]
        said = f"claim {verdict.claim.number}: {why}" if why else "right"
        evidence = verdict.lines if share < 1 else []
        return Verdict(share, said, difference=listed([*rubric(found, verdict.claim.number), *evidence]))

    def _shares(
        self, found: Score, verdicts: Sequence[Judged], taken: Sequence[str]
    ) -> Iterator[tuple[float, Judged, str]]:
        """The share of each claim, and what it lacks in a few words; "" for nothing."""
        own = firsts(verdicts, taken)
        for verdict in verdicts:
            number = verdict.claim.number
            share = sum(item.points for item in found.items if item.claim == number) / EACH
            if verdict.mark == PROVED and own[number] != number:
                same = f"its cause is that of claim {own[number]}" if own[number] else "its cause is one that is taken"
                yield 0, verdict, f"proved, but {same}"
            elif verdict.mark == PROVED:
                yield share, verdict, "" if share == 1 else "proved; the rubric has more to give"
            else:
                yield (share / 5 if verdict.mark == NOT_SHOWN else 0), verdict, f"{verdict.mark}: {verdict.because}"

    def _whole(self, found: Score, verdicts: Sequence[Judged]) -> Verdict:
        if not any(verdict.mark == PROVED for verdict in verdicts):
            return Verdict(0, "nothing is proved yet")
        rows = [item for item in found.items if item.claim == 0]
        share = sum(item.points for item in rows) / EACH
        lacking = [item.what for item in rows if item.points < item.of]
        return Verdict(
            share, f"lacking: {', '.join(lacking)}" if lacking else "right", difference=listed(rubric(found, 0))
        )


class Comment(Value):
    """One review comment, a dict as in notebook 20: its subject is given, the evidence is the learner's.

    Four parts, which count alike: the script proves it; it is about the subject that was asked for; the quoted line
    runs in the call that shows it, and the sentence is one about the code; the severity fits (hidden, as there are
    only four). All need the proof; what is proved about something else is worth half of the first part and no more.
    """

    kind = "review"
    shown = 3

    def parts(self, learner: str = "") -> list[tuple[str, Plain]]:
        """See Value; `subject` says what the learner's comment has to be about."""
        subject = self.subject(learner)
        names = ("the proof", "the subject", "the place and the sentence", "the severity")
        return [(name, [name, subject]) for name in names]

    @abstractmethod
    def subject(self, learner: str = "") -> Plain:
        """What the comment of this learner is to be about, for `off`."""

    @abstractmethod
    def off(self, verdict: Judged, subject: Plain) -> str:
        """Why a proved comment is about something else; "" if it is about the subject."""

    def judge(self, case: Case, answer: Plain) -> Verdict:
        """Shape, then the proof, then the part in question."""
        part, subject = case.part
        if type(answer) is not dict:
            return wrong_shape("expected a dict with the fields of a claim", answer)
        empty = [name for name, value in answer.items() if value is None]
        if empty:
            return wrong_shape(f"{told(empty[0], 40)}: nothing is filled in here yet")
        try:
            (verdict,) = judged([answer], 1)
        except ReviewError as error:
            return wrong_shape(str(error).removeprefix("claim 1: "), answer)
        if verdict.mark != PROVED:
            lines = listed(verdict.lines)
            proof = Verdict(0, f"{verdict.mark}: {verdict.because}", difference=lines)
            return proof if part == "the proof" else Verdict(0, "first the script has to prove it")
        return self._proved(part, subject, verdict)

    def _proved(self, part: str, subject: Plain, verdict: Judged) -> Verdict:
        said = self.off(verdict, subject)
        if said and part in ("the proof", "the subject"):
            share = 0.5 if part == "the proof" else 0
            return Verdict(share, f"proved, but {said}", difference=listed(verdict.lines))
        if said:
            return Verdict(0, "first it has to be about what was asked")
        if part in ("the proof", "the subject"):
            return RIGHT
        wanted = {"the severity": ("severity",)}.get(part, ("place", "line", "form"))
        rows = [item for item in score([verdict]).items if item.claim == 1 and item.what in wanted]
        lacking = [f"{item.what}: {item.reason}" for item in rows if item.points < item.of]
        share = sum(item.points for item in rows) / sum(item.of for item in rows)
        return Verdict(share, "; ".join(lacking)) if lacking else RIGHT
