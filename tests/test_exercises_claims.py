"""The bases of claims and reviews, and every exercise that asks for a wrong claim."""

import pytest

from mmsim.course.exercises import chapter, chapters
from mmsim.course.exercises.claims import Comment, FindWrongClaim, NotEvidence, Review, judged
from mmsim.course.exercises.model import Answer, Mark, grade
from mmsim.course.exercises.plain import Plain, plain
from mmsim.course.review import ReviewError

ALL = [one for number in chapters() for one in chapter(number)]
FINDS = [one for one in ALL if isinstance(one, FindWrongClaim)]


def marked(one: FindWrongClaim | Comment | Review, answer: object) -> Mark:
    cases = one.cases("seed")
    return grade(one, cases, {case.key: Answer(plain(answer)) for case in cases})


def claim(**fields: str) -> dict[str, Plain]:
    return {
        "claim": "The tail that is cut off keeps its pages in the total.",
        "hunk": "do_brk_munmap: gone.start, gone.end = new_top, old_top",
        "script": "brk(heap+3); munmap(heap+2, 4096); brk(heap+1)",
        "expected": "heap+1; nothing broken",
        "got": "I5",
        "severity": "wrong",
        **fields,
    }


FILE = claim(
    claim="The heap grows as a piece of a file.",
    hunk="do_brk_flags: (vma.anon_vma is None or vma.singular)",
    script="brk(heap+2); mmap_file(heap+1, 4096, 3, 18, library, 0); brk(heap+3)",
    expected="5 VMAs",
    got="4 VMAs; I12",
)
SHRINK = claim(
    claim="A shrink that ends in a hole is refused.",
    hunk="brk: vma = mas.walk()",
    script="brk(heap+3); munmap(heap+2, 4096); brk(heap+2)",
    expected="heap+2",
    got="heap+3",
)
TAKEN = claim(script="brk(heap+2); brk(heap+1)", got="I6 I8")


class Toy(Review):
    """A review of which one cause is taken."""

    id, name, title, goal = "20.e9", "toy", "Toy", "Review."
    points, minutes, difficulty, misconception = 20, 1, 1, "M41"
    hints = ("look at the toy", "think of the toy itself", "write down the toy now")
    given = ("cut-without-flags", "cut-forgets-the-peak")


@pytest.mark.parametrize("one", FINDS, ids=lambda one: one.id)
def test_the_wrong_claim_is_wrong_by_a_run_and_the_others_hold_in_all(one: FindWrongClaim) -> None:
    samples = [one.read(plain(evidence)) for evidence in one.samples()]
    assert not one.claims[one.wrong].test(samples[0]).holds
    for name, statement in one.claims.items():
        trials = [statement.test(evidence) for evidence in samples]
        assert any(trial.about for trial in trials), name
        assert name == one.wrong or all(trial.holds for trial in trials), name


@pytest.mark.parametrize("one", FINDS, ids=lambda one: one.id)
def test_a_letter_alone_earns_little_and_a_wrong_one_nothing(one: FindWrongClaim) -> None:
    evidence = plain(next(one.samples()))
    for letter, name in one.letters().items():
        right = name == one.wrong
        assert marked(one, {"claim": letter, "evidence": None}).points == (one.points / 4 if right else 0)
        assert marked(one, {"claim": letter, "evidence": "x"}).points == (one.points / 4 if right else 0)
        assert marked(one, {"claim": letter, "evidence": evidence}).points == (one.points if right else 0)


@pytest.mark.parametrize("one", FINDS, ids=lambda one: one.id)
def test_every_letter_can_be_the_wrong_one(one: FindWrongClaim) -> None:
    letters = {next(key for key, name in one.letters(str(n)).items() if name == one.wrong) for n in range(60)}
    assert letters == set(one.letters())
    with pytest.raises(NotEvidence):
        one.read("x")


def test_a_review_of_three_causes_earns_all() -> None:
    assert marked(Toy(), [claim(), FILE, SHRINK]).points == 20


def test_a_fourth_claim_that_is_asked_costs_nothing_and_one_that_is_stated_costs_in_the_whole() -> None:
    doubt = claim(script="brk(heap+1); brk(heap+2)", expected="nothing broken", got="I5", severity="question")
    assert marked(Toy(), [claim(), FILE, SHRINK, doubt]).points == 20
    assert marked(Toy(), [claim(), FILE, SHRINK, {**doubt, "severity": "wrong"}]).points == 19


@pytest.mark.parametrize(
    ("review", "least", "most", "said"),
    [
        ([claim(), claim(), claim()], 6, 9, "its cause is that of claim 1"),
        ([claim(), FILE, TAKEN], 12, 15, "its cause is one that is taken"),
        ([claim(), FILE], 12, 15, "expected at least 3"),
        ([TAKEN], 0, 2, "taken"),
        ([claim(got="I1")], 0, 1.5, "not shown"),
        ([claim(script="brk(heap+1); brk(heap+2)", expected="nothing broken")], 0, 0, "refuted"),
        ([claim(severity="question", script="brk(heap+1)", expected="heap+2", got="heap")] * 3, 0, 3, "not shown"),
        ([claim(severity="style")], 4, 9, "the rubric has more"),
        ([{"claim": "Two slashes.", "hunk": "vm_brk_flags", "severity": "style"}] * 3, 0, 2, "no script"),
    ],
)
def test_what_a_weak_review_earns(review: list[Plain], least: float, most: float, said: str) -> None:
    one = Toy()
    mark = marked(one, review)
    assert least <= mark.points <= most, mark
    assert said in "\n".join(one.judge(case, plain(review)).message for case in one.cases("seed"))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (7, "expected a text"),
        ([claim()] * 7, "expected at most 6"),
        ("[[claim]]\n" * 7, "claim 1: no"),
        ("x" * 30_000, "characters"),
        ([{**claim(), **{str(n): 1 for n in range(9)}}], "no fields but"),
        ([{**claim(), "hunks": 3}], "did you mean"),
        ([claim(script="brk(heap+2); frob(1)")], "call 2"),
        ([claim(got="heap+1")], "expected a part that differs"),
    ],
)
def test_a_review_of_another_form_is_told_what_was_expected(answer: Plain, said: str) -> None:
    with pytest.raises(ReviewError, match=said.replace("(", r"\(")):
        judged(answer)
    assert all(Toy().judge(case, answer).shape for case in Toy().cases("seed"))
