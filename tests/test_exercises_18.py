"""Exercises of chapter 18: the wrong answers that are likely, and what is said to them."""

from random import Random

import pytest

from mmsim.course.exercises import exercise
from mmsim.course.exercises.c18 import OneComment, StillWrong, WrongAboutMerged
from mmsim.course.exercises.model import Answer, Mark, Verdict, grade
from mmsim.course.exercises.plain import Plain, plain
from tests.odd_answers import odds

FIND, WRONG, COMMENT = WrongAboutMerged(), StillWrong(), OneComment()
SCRIPT = [("mmap", 1, 1, "rw-"), ("vm_brk_flags", 0, 1)]


def marked(key: str, answer: object, learner: str = "") -> Mark:
    one = exercise(key)
    cases = one.cases("seed", learner)
    return grade(one, cases, {case.key: Answer(plain(answer)) for case in cases})


def verdicts(key: str, answer: object, learner: str = "") -> list[Verdict]:
    one = exercise(key)
    return [one.judge(case, plain(answer)) for case in one.cases("seed", learner)]


def first(key: str, answer: object) -> str:
    return next(found.message for found in verdicts(key, answer) if not found.right)


# -- 18.e1


def a_script(random: Random) -> list[Plain]:
    page, pages = (lambda: random.randint(-3, 5)), (lambda: random.choice((1, 1, 2, 3)))
    made: dict[str, Plain] = {
        "brk": ["brk", random.randint(0, 5)],
        "mmap": ["mmap", page(), pages(), random.choice(("rw-", "r--"))],
        "mmap_file": ["mmap_file", page(), pages(), "rw-p", random.randint(0, 3)],
        "munmap": ["munmap", page(), pages()],
        "mprotect": ["mprotect", page(), pages(), "r--"],
        "mbind": ["mbind", page(), pages(), "bind:0"],
        "touch": ["touch", page()],
        "uffd_register": ["uffd_register", page(), pages()],
        "setrlimit": ["setrlimit", "AS", random.randint(34, 44)],
        "vm_brk_flags": ["vm_brk_flags", page(), pages()],
    }
    return made[random.choice([*made, "vm_brk_flags", "brk"])]


def test_the_four_right_claims_hold_in_random_scripts_and_the_wrong_one_does_not() -> None:
    random = Random(18)
    broken = dict.fromkeys(FIND.claims, 0)
    spoken = dict(broken)
    for _ in range(400):
        pair = FIND.read([a_script(random) for _ in range(random.randint(1, FIND.most))])
        for name, statement in FIND.claims.items():
            trial = statement.test(pair)
            broken[name] += not trial.holds
            spoken[name] += trial.about
    assert min(spoken.values()) > 10
    assert [name for name, count in broken.items() if count] == [FIND.wrong]


def letter(name: str) -> str:
    return next(key for key, claim in FIND.letters().items() if claim == name)


@pytest.mark.parametrize(
    ("name", "evidence", "points", "said"),
    [
        ("growth", [("brk", 2), ("mmap_file", 1, 1, "rw-p", 0), ("brk", 3)], 0, "speaks of a growth"),
        ("overlap", [("brk", 1), ("vm_brk_flags", 0, 1)], 0, "holds in your run"),
        ("extension", [("brk", 1), ("vm_brk_flags", 1, 1)], 3, "holds in your run"),
        ("extension", [("brk", 2)], 1.5, "speaks of a loader's call; your evidence has none"),
        ("extension", [("fork", "child")], 1.5, "fork"),
        ("limit", SCRIPT, 0, "speaks of a loader's call after a limit"),
        ("extension", SCRIPT, 6, ""),
    ],
)
def test_find(name: str, evidence: object, points: float, said: str) -> None:
    answer = {"claim": letter(name), "evidence": evidence}
    assert marked("18.e1", answer).points == points
    assert said in verdicts("18.e1", answer)[0].message


def test_a_growth_that_parts_is_no_evidence_about_a_later_loader_call() -> None:
    """With a bss below, merged has a mapping more after the first growth; a script starts above a file instead."""
    answer = {"claim": letter("extension"), "evidence": [("brk", 1), ("brk", 0)]}
    assert "none" in verdicts("18.e1", answer)[0].message


# -- 18.e2


@pytest.mark.parametrize("learner", ["", "ada", "bob", "eve", "kim"])
def test_what_is_still_wrong(learner: str) -> None:
    right = WRONG.answers(learner)
    assert marked("18.e2", right, learner).points == 4
    assert marked("18.e2", {key: list(reversed(value)) for key, value in right.items()}, learner).points == 4
    assert any(right.values())


def test_symptoms_and_causes_are_told_apart() -> None:
    right = WRONG.answers()
    assert right["r2"] == ["C1", "C5", "C6", "C7"]
    assert "what the loader's call may extend" in first("18.e2", {**right, "r2": ["C1", "C6", "C7"]})
    assert "the monitor is told here" in first("18.e2", {**right, "r1": ["C2", "C6"]})
    assert "own copy of the rules" in first("18.e2", {**right, "r1": ["C6"]})
    assert marked("18.e2", {**right, "r1": ["C2", "C6"]}).points == 3
    for same in (["C2", "C6"], ["C1", "C2", "C6", "C7"], ["C2", "C5", "C6", "C7"], []):
        assert marked("18.e2", {"r1": same, "r2": same, "r3": same, "r4": same}).points <= 1
    assert "each at most once" in first("18.e2", {**right, "r1": ["C2", "C2"]})
    assert "from C1, C2" in first("18.e2", {**right, "r1": ["C3"]})
    assert "nothing is filled in" in first("18.e2", {**right, "r1": None})


# -- 18.e3


def comment(about: str, start: str, **fields: str) -> dict[str, str]:
    loader = "vm_brk_flags: error = do_brk_flags(mm, None, address, length, flags)"
    pages = {"file": 37, "bss": 37, "bare": 33}[start]
    made = {
        "C1": (
            "do_brk_flags: if not mm.may_expand(flags, pages):",
            f"brk(heap+1); setrlimit(AS, {pages * 4096}); vm_brk_flags(heap, 4096)",
            "-ENOMEM",
        ),
        "C2": (
            "do_brk_flags: (vma.anon_vma is None or vma.singular)",
            "brk(heap+2); mmap_file(heap+1, 4096, 3, 18, library, 0); brk(heap+3)",
            "I12",
        ),
        "C6": (loader, "brk(heap+1); uffd_register(heap, 4096); vm_brk_flags(heap, 4096)", "I16"),
    }
    hunk, script, got = made[about]
    return {
        "claim": "It does what it should not.",
        "hunk": hunk,
        "world": start,
        "script": script,
        "expected": "0" if about == "C1" else "nothing broken",
        "got": got,
        "severity": "wrong",
        "concern": about,
        **fields,
    }


def test_every_concern_can_be_shown_in_every_world() -> None:
    learners: dict[tuple[str, ...], str] = {}
    for number in range(200):
        learners.setdefault(tuple(COMMENT.subject(str(number))), str(number))
    assert len(learners) == len(COMMENT.concerns) * len(COMMENT.worlds)
    for (concern, world), learner in learners.items():
        assert marked("18.e3", comment(concern, world), learner).points == 8, (concern, world)


@pytest.mark.parametrize(
    ("answer", "points", "said"),
    [
        (comment("C6", "file", script="uffd_register(heap, 4096); vm_brk_flags(heap, 4096)"), 0, "refuted"),
        (comment("C6", "file", got="I2 I3"), 1, "is about C7, asked was C6"),
        (comment("C1", "file"), 1, "is about C1, asked was C6"),
        (comment("C6", "bare"), 1, 'asked was "file"'),
        (comment("C6", "file", concern="C7"), 1, "does not say C6"),
        (comment("C6", "file", severity="style"), 6, "'style' does not fit"),
        (comment("C6", "file", hunk="vm_brk_flags"), 7.5, "quotes no line"),
        (comment("C6", "file", claim="You forgot it."), 7.5, "speaks of a person"),
        (comment("C6", "file", got="I5", script="brk(heap+1)"), 0, "refuted"),
        (comment("C6", "file", world="moon"), 0, "expected one of"),
    ],
)
def test_comment(answer: dict[str, str], points: float, said: str) -> None:
    assert marked("18.e3", answer).points == points
    assert said in first("18.e3", answer)


def test_a_comment_that_is_half_filled_in_says_what_lacks() -> None:
    assert "'got': nothing is filled in" in first("18.e3", {**comment("C6", "file"), "got": None})


@pytest.mark.parametrize(
    ("key", "right"),
    [
        ("18.e1", {"claim": letter("extension"), "evidence": SCRIPT}),
        ("18.e2", WRONG.answers()),
        ("18.e3", comment("C6", "file")),
    ],
)
def test_judges_meet_anything(key: str, right: object) -> None:
    one = exercise(key)
    assert marked(key, right).points == one.points
    cases = one.cases("seed")
    for answer in map(plain, odds(plain(right))):
        for case in cases:
            found = one.judge(case, answer)
            assert 0 <= found.share <= 1
            assert found.message
