"""The capstone: what weak comments and reviews earn, and what is said to them."""

import pytest

from mmsim.course.exercises import exercise
from mmsim.course.exercises.c20 import GIVEN, PARTS, OneHunk, WholeReview
from mmsim.course.exercises.claims import judged
from mmsim.course.exercises.model import Answer, Mark, grade
from mmsim.course.exercises.plain import Plain, plain
from mmsim.course.review import outcomes
from mmsim.explore.known import known
from mmsim.explore.words import script_text
from tests.odd_answers import odds

HUNK, REVIEW = OneHunk(), WholeReview()
KNOWN = {each.id: each for each in known()}


def marked(key: str, answer: object, learner: str = "") -> Mark:
    one = exercise(key)
    cases = one.cases("seed", learner)
    return grade(one, cases, {case.key: Answer(plain(answer)) for case in cases})


def first(key: str, answer: object) -> str:
    one = exercise(key)
    found = [one.judge(case, plain(answer)) for case in one.cases("seed")]
    return next(each.message for each in found if not each.right)


def claim_of(id: str, world: str = "file", hunk: str = "") -> dict[str, Plain]:
    """A claim about a known finding, from its own script."""
    each, script = KNOWN[id], script_text(KNOWN[id].script)
    found = {name: told.split("; ") for name, told in outcomes(script, world).items()}
    differs = next((at for at in (0, 1) if found["v4"][at] != found["before"][at]), 0)
    return {
        "claim": f"{each.title}.",
        "hunk": hunk or each.function,
        "world": world,
        "script": script,
        "expected": "nothing broken" if each.invariants else found["before"][differs],
        "got": " ".join(each.invariants) or found["v4"][differs],
        "severity": "wrong",
    }


def comment(**fields: Plain) -> dict[str, Plain]:
    hunk = "do_brk_munmap: gone.start, gone.end = new_top, old_top"
    return {**claim_of("cut-counts-a-hole", "bare", hunk), **fields}


# -- 20.e1


@pytest.mark.parametrize("world", HUNK.worlds)
@pytest.mark.parametrize(("name", "id"), [(name, id) for name, part in PARTS.items() for id in part.causes])
def test_each_cause_of_each_part_is_proved_in_each_world(name: str, id: str, world: str) -> None:
    (verdict,) = judged([claim_of(id, world)])
    assert verdict.mark == "proved"
    assert id in verdict.causes
    part = PARTS[name]
    number, lines = part.lines()
    assert part.function == KNOWN[id].function
    quoted = [{**claim_of(id, world), "hunk": f"{part.function}: {line.strip()}"} for line in lines if line.strip()]
    ran = [judged([each])[0] for each in quoted]
    assert any(each.line_ran and HUNK.off(each, [name, world]) == "" for each in ran), number


def test_every_part_is_drawn() -> None:
    drawn = {tuple(HUNK.subject(str(number))) for number in range(150)}
    assert drawn == {(name, world) for name in PARTS for world in HUNK.worlds}


@pytest.mark.parametrize(
    ("answer", "points", "said"),
    [
        (comment(), 8, ""),
        (comment(script="brk(heap+3); brk(heap+1)"), 0, "not to I5"),
        (comment(script="brk(heap+3); brk(heap+1)", got="I6 I8"), 1, "one of those the notebooks work out"),
        (comment(script="brk(heap+3); munmap(heap+1, 4096); brk(heap+1)", expected="heap+3"), 0, "refuted"),
        (comment(world="file"), 1, 'asked was "bare"'),
        (comment(hunk="do_brk_munmap"), 1, "quotes no line of the hunk"),
        (comment(hunk="brk: vma = mas.walk()"), 1, "quotes no line of the hunk"),
        (comment(claim="The author forgot holes."), 7.5, "speaks of a person"),
        (comment(claim="It counts. It counts too much."), 7.5, "2 sentences"),
        (comment(severity="harmless"), 6, "expected 'wrong'"),
        (comment(hunk="do_brk_munmap: gone.start = new_top"), 0, "the nearest is"),
        (comment(script=None), 0, "nothing is filled in"),
    ],
)
def test_comment(answer: dict[str, Plain], points: float, said: str) -> None:
    assert marked("20.e1", answer).points == points
    assert points == 8 or said in first("20.e1", answer)


def test_a_defect_of_another_function_is_about_something_else() -> None:
    other = comment(**claim_of("growth-extends-a-file", "bare", comment()["hunk"]))
    assert "the cause lies elsewhere (do_brk_flags())" in first("20.e1", other)


# -- 20.e2


@pytest.mark.parametrize("learner", ["", *map(str, range(8))])
def test_what_is_left_is_enough_for_a_review(learner: str) -> None:
    taken = REVIEW.taken(learner)
    assert len(set(taken)) == len(GIVEN) + 3
    left = [id for id in REVIEW.pool if id not in taken]
    whole = [claim_of(id, hunk=quote(id)) for id in left[:4]]
    assert marked("20.e2", whole, learner).points == 20, left
    spoilt = [claim_of(id, hunk=quote(id)) for id in taken[-3:]]
    assert marked("20.e2", spoilt, learner).points <= 2


def quote(id: str) -> str:
    if id.startswith("shrink"):
        return "brk: vma = mas.walk()"
    return {
        "do_brk_munmap": "do_brk_munmap: gone.start, gone.end = new_top, old_top",
        "do_brk_flags": "do_brk_flags: (vma.anon_vma is None or vma.singular)",
        "brk": "brk: if vma is not None and vma.start >= old_top:",
        "vm_brk_flags": "vm_brk_flags: error = do_brk_flags(mm, None, address, length, flags)",
    }[KNOWN[id].function]


def test_the_worked_example_and_guesses_earn_next_to_nothing() -> None:
    worked = {**claim_of("cut-without-flags"), "hunk": "do_brk_munmap: gone = Vma(mm, 0)"}
    assert marked("20.e2", [worked] * 3).points <= 2
    guess = comment(script="brk(heap+1)", got="I5", expected="heap+2; nothing broken", severity="question")
    assert marked("20.e2", [guess] * 3).points <= 3
    assert "its cause is one that is taken" in first("20.e2", [worked] * 3)


def test_feedback_has_the_rubric_and_the_run() -> None:
    case = REVIEW.cases()[0]
    found = REVIEW.judge(case, [comment(severity="style")])
    assert "* 0 of 1  severity: 'style' does not fit" in found.difference
    assert "before   heap+1; 2 VMAs" in found.difference
    assert all(len(line) <= 74 for line in found.difference.splitlines())


@pytest.mark.parametrize(
    ("key", "right"), [("20.e1", comment()), ("20.e2", [comment(), claim_of("growth-over-a-hole")])]
)
def test_judges_meet_anything(key: str, right: object) -> None:
    one = exercise(key)
    cases = one.cases("seed")
    for answer in map(plain, odds(plain(right), 100)):
        for case in cases:
            found = one.judge(case, answer)
            assert 0 <= found.share <= 1
            assert found.message
