"""Exercises of chapter 16: typical wrong answers, what they earn and what is said to them."""

import random
from collections.abc import Callable
from itertools import pairwise

import pytest

from mmsim.course.exercises import exercise
from mmsim.course.exercises.c16 import RIGHT_ONES
from mmsim.course.exercises.model import Answer, Mark, Plain, Verdict, grade
from mmsim.course.exercises.plain import plain
from mmsim.course.exercises.spaces import HEAP, heap_calls, kept, moment, played, segment_calls
from mmsim.explore.world import WORLDS

SEED = "a secret of the grader"
WEIRD: list[Plain] = [None, True, 0, -1, 10**900, 1.5, "", "A", "x" * 5000, [], {}, [[]], [None], {"": {}}, ["brk", 4]]


def mark(key: str, function: Callable[..., Plain]) -> Mark:
    one = exercise(key)
    cases = one.cases(SEED)
    return grade(one, cases, {case.key: Answer(plain(function(*(case.args or [])))) for case in cases})


def unearned(found: Mark) -> set[str]:
    return {line.partition(":")[0] for line in found.detail if "not right" in line or not _all(line)}


def _all(line: str) -> bool:
    head = line.partition(": ")[2].partition(";")[0]
    return head == "right" or (" of " in head and len(set(head.split(" of "))) == 1)


def first_failure(key: str, function: Callable[..., Plain]) -> Verdict:
    one = exercise(key)
    judged = (one.judge(case, plain(function(*case.args))) for case in one.cases())
    return next(found for found in judged if not found.right)


# -- 16.e1


def pages(space: Plain) -> dict[int, tuple[bool, bool]]:
    return {page: (write, kept) for first, end, write, kept in space["areas"] for page in range(first, end)}


def by_length(before: Plain, after: Plain) -> bool:
    """Believes that a cut takes as many pages as the break falls."""
    gone = before["brk"] - after["brk"]
    return all(before[name] - after[name] == gone for name in ("total_vm", "data_vm", "promised"))


def no_counters(before: Plain, after: Plain) -> bool:
    """Looks at the pages only."""
    kept = {page: flags for page, flags in pages(before).items() if not after["brk"] <= page < before["brk"]}
    return pages(after) == kept


def areas_only(before: Plain, after: Plain) -> bool:
    """Adds the sizes up, and does not look where the pages are, nor at the promise."""
    new = pages(after).values()
    return after["total_vm"] == len(new) and after["data_vm"] == sum(write for write, _ in new)


def test_a_cut_by_length_raises_false_alarms() -> None:
    assert unearned(mark("16.e1", by_length)) >= {"examples", "no false alarms", "more goes below", "less goes"}
    assert mark("16.e1", by_length).points < 1
    found = first_failure("16.e1", by_length)
    assert found.message.startswith("a false alarm, nothing is damaged here: 12 mapped pages went, 11 of them")


def test_pages_without_counters_earn_what_is_about_pages() -> None:
    found = mark("16.e1", no_counters)
    missed = {
        "examples",
        "data_vm keeps what was cut",
        "the promise is kept",
        "total_vm loses a hole, too",
        "no false alarms",
    }
    assert unearned(found) == missed
    assert found.points == round(6 * 4 / 9, 2)
    assert "data_vm is 14, the pages that may be written are 3" in first_failure("16.e1", no_counters).message


def test_counters_that_fit_the_areas_are_not_all() -> None:
    found = mark("16.e1", areas_only)
    assert {"the promise is kept"} <= unearned(found)
    assert 0 < found.points < 6


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("generation", RIGHT_ONES)
def test_every_cut_of_a_right_generation_is_sound(generation: str, seed: int) -> None:
    chance = random.Random(seed)
    calls = heap_calls(chance)
    to = chance.randrange(HEAP, calls[0][1])
    one = exercise("16.e1")
    before, after = moment(played(generation, calls)), moment(played(generation, [*calls, ("brk", to, 0)]))
    assert one.sound(before, after)  # type: ignore[attr-defined]


@pytest.mark.parametrize("seed", range(30))
def test_a_cut_is_unsound_in_v4_where_the_checker_says_so(seed: int) -> None:
    chance = random.Random(seed)
    calls = heap_calls(chance)
    to = chance.randrange(HEAP, calls[0][1])
    process = played("v4", [*calls, ("brk", to, 0)])
    sound = exercise("16.e1").sound(moment(played("v4", calls)), moment(process))  # type: ignore[attr-defined]
    assert sound is not bool({each.id for each in process.check()} & {"I5", "I6", "I8"})


# -- 16.e2


def sums_by_the_tree(space: Plain) -> bool:
    sizes = [end - first for first, end, _ in space["tree"]]
    return space["map_count"] == len(sizes) and space["total_vm"] == sum(sizes)


def touching_is_overlapping(space: Plain) -> bool:
    vmas = space["list"]
    agree = [[first, end, name] for name, first, end, _ in vmas] == space["tree"]
    return agree and all(one[2] < two[1] for one, two in pairwise(vmas))


def list_only(space: Plain) -> bool:
    vmas = space["list"]
    apart = all(one[2] <= two[1] for one, two in pairwise(vmas))
    size, data = sum(vma[2] - vma[1] for vma in vmas), sum(vma[2] - vma[1] for vma in vmas if vma[3])
    return apart and (space["map_count"], space["total_vm"], space["data_vm"]) == (len(vmas), size, data)


@pytest.mark.parametrize(
    ("function", "missed", "said"),
    [
        (sums_by_the_tree, {"data_vm after a cut", "the order of the list"}, "in the list #"),
        (touching_is_overlapping, {"no false alarms", "map_count"}, "an end is not a page of its VMA"),
        (list_only, {"a VMA with two ranges", "a range that is too short"}, ""),
    ],
)
def test_half_a_check_of_a_space_misses_groups(function: Callable[..., Plain], missed: set[str], said: str) -> None:
    found = mark("16.e2", function)
    assert missed <= unearned(found)
    assert 0 < found.points < 6 or function is touching_is_overlapping
    if said:
        assert said in first_failure("16.e2", function).message
    else:
        assert unearned(found) == missed  # tree against list is what is missing, and only hidden cases tell


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("last", ["bss", "brk"])
def test_a_space_is_sound_where_the_checker_says_so(seed: int, last: str) -> None:
    chance = random.Random(seed)
    calls = segment_calls(chance)
    more = (last, chance.randrange(1, 20), 4) if last == "bss" else (last, HEAP + chance.randrange(1, 4), 0)
    for generation in ("before", "v4"):
        process = played(generation, [*calls, more])
        broken = {each.id for each in process.check()} & {"I1", "I2", "I3", "I4", "I5", "I6"}
        assert exercise("16.e2").sound(kept(process)) is not bool(broken)  # type: ignore[attr-defined]


# -- 16.e3


def judged(key: str, answer: Plain, part: int = 0) -> Verdict:
    one = exercise(key)
    return one.judge(one.cases(SEED)[part], plain(answer))


@pytest.mark.parametrize(
    ("script", "part", "said"),
    [
        ([("brk", 4), ("brk", 2)], 0, "no vm_brk_flags() succeeds here"),
        ([("vm_brk_flags", 8, 2), ("vm_brk_flags", 10, 2)], 0, "no vm_brk_flags() makes two VMAs go"),
        ([("mmap", 8, 1, "rw-"), ("mmap", 10, 1, "rw-"), ("munmap", 8, 3)], 0, "no vm_brk_flags() succeeds here"),
        (
            [("brk", 4), ("mmap", 8, 1, "rw-"), ("mmap", 10, 1, "rw-"), ("vm_brk_flags", 8, 3)],
            1,
            "brk(4), can be left out",
        ),
        ([("fork", "child")], 0, "fork' is no call here"),
        ([("brk", "4")], 0, "brk takes a page"),
    ],
)
def test_scripts_that_are_no_counter_example(script: Plain, part: int, said: str) -> None:
    found = judged("16.e3", script, part)
    assert not found.right
    assert said in found.message


def test_in_v4_the_assertion_is_never_false() -> None:
    """The claim of the exercise, on random scripts, whatever breaks."""
    one, chance = exercise("16.e3"), random.Random(3)
    from mmsim.course.exercises.scripts import run

    for _ in range(100):
        played = run(random_script(chance), "v4")
        assert one.breach(played, played) == ""  # type: ignore[attr-defined]


# -- 16.e4


def random_script(chance: random.Random) -> list[list[Plain]]:
    script: list[list[Plain]] = []
    for _ in range(chance.randrange(2, 8)):
        name = chance.choice(("brk", "brk", "brk", "mmap", "munmap", "mprotect", "vm_brk_flags"))
        page, pages = chance.randrange(-4, 14), chance.randrange(1, 6)
        rights = {"mmap": ["rw-"], "mprotect": ["r--"]}.get(name, [])
        script.append(["brk", chance.randrange(0, 14)] if name == "brk" else [name, page, pages, *rights])
    return script


def test_four_claims_hold_in_random_runs_and_one_does_not() -> None:
    one, chance = exercise("16.e4"), random.Random(9)
    false: dict[str, int] = dict.fromkeys(one.claims, 0)  # type: ignore[attr-defined]
    about = dict(false)
    for _ in range(250):
        script = random_script(chance)
        for name, claim in one.claims.items():  # type: ignore[attr-defined]
            trial = claim.test(one.read(script))  # type: ignore[attr-defined]
            false[name] += not trial.holds
            about[name] += trial.about
    assert {name for name, number in false.items() if number} == {"range"}
    assert min(about.values()) >= 3


def test_each_claim_has_a_sample_that_is_about_it() -> None:
    one = exercise("16.e4")
    samples = [one.read(plain(each)) for each in one.samples()]  # type: ignore[attr-defined]
    for name, claim in one.claims.items():  # type: ignore[attr-defined]
        assert any(claim.test(each).about for each in samples), name
    assert not one.claims["range"].test(samples[0]).holds  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"claim": "B", "evidence": [("brk", 8), ("brk", 2)]}, "claim B holds in your run"),
        ({"claim": "A", "evidence": [("brk", 4)]}, "claim A speaks of a state in which a range is not its VMA"),
        ({"claim": "A", "evidence": [("mmap", 8, 4, "rw-"), ("vm_brk_flags", 10, 4)]}, "claim A holds in your run"),
        ({"claim": "Z", "evidence": [("brk", 4)]}, "expected a letter from ABCDE"),
        ({"claim": "A", "evidence": "brk"}, "expected a list of 1 to 8 calls"),
        ("A", "expected a dict like"),
    ],
)
def test_wrong_claims_and_evidence_that_shows_nothing(answer: Plain, said: str) -> None:
    found = judged("16.e4", answer)
    assert not found.right
    assert said in found.message


# -- any answer


@pytest.mark.parametrize("key", ["16.e3", "16.e4"])
def test_judges_meet_any_answer(key: str) -> None:
    one, chance = exercise(key), random.Random(1)
    answers = [*WEIRD, *({"claim": "A", "evidence": value} for value in WEIRD), *([value] * 30 for value in WEIRD)]
    answers += [[["brk", chance.choice(WEIRD)] for _ in range(3)] for _ in range(20)]
    for case in one.cases(SEED):
        for answer in answers:
            assert one.judge(case, answer).share < 1


def test_the_worlds_of_the_counter_example_exist() -> None:
    assert set(exercise("16.e3").worlds) <= set(WORLDS)  # type: ignore[attr-defined]
