"""Exercises of chapter 17: typical wrong answers, what they earn and what is said to them."""

import random
from collections.abc import Callable
from inspect import getsource

import pytest

from mmsim.brk import v4
from mmsim.course.exercises import exercise
from mmsim.course.exercises.c17 import V4_EXTENSION, V4_LABELS, V4_NEW, WORDS, Failure, left_behind, left_by
from mmsim.course.exercises.model import Answer, Mark, Plain, Verdict, grade
from mmsim.course.exercises.plain import plain
from mmsim.course.exercises.watch import answers
from mmsim.experiments.failures import CALLS, failures

SEED = "a secret of the grader"
WEIRD: list[Plain] = [
    None,
    True,
    0,
    -1,
    10**900,
    1.5,
    "",
    "A",
    "x" * 5000,
    [],
    {},
    [[]],
    [None],
    {"": {}},
    [[], [None]],
]


def value_mark(key: str, value: Plain, learner: str = "") -> Mark:
    one = exercise(key)
    cases = one.cases(SEED, learner)
    return grade(one, cases, {case.key: Answer(plain(value)) for case in cases})


def judged(key: str, answer: Plain, part: int = 0) -> Verdict:
    one = exercise(key)
    return one.judge(one.cases(SEED)[part], plain(answer))


# -- 17.e1


@pytest.mark.parametrize(
    ("order", "points"),
    [
        ("HBECFIA", 3),
        ("HBEFCAI", 3),  # end or tree first, counters or filing last: both leave nothing
        ("BHECFIA", 0),  # the event first: behind it something may fail
        ("EHBCFIA", 0),  # memory is asked for under the lock
        ("HBECFIADG", 2.79),
        ("HBECIFA", 2.36),  # filed again before the tree is done
        ("HBE", 2.14),
    ],
)
def test_an_order_earns_its_right_prefix(order: str, points: float) -> None:
    found = value_mark("17.e1", order)
    assert abs(found.points - points) < 0.01, found
    if points < 3 and order != "HBE":
        assert ": " in judged("17.e1", order, 1).message, "an idea is said"
    if points < 3:
        assert (
            "cannot come" in judged("17.e1", order, 1).message or "does not reach" in judged("17.e1", order, 1).message
        )


# -- 17.e2


def test_an_answer_that_believes_refused_calls_change_nothing() -> None:
    """M37. The parts that leave nothing are right, the others not; an answer of [] alone is no try."""
    for learner in ("ada", "bob", "eve"):
        right = exercise("17.e2").answers(learner)  # type: ignore[attr-defined]
        assert value_mark("17.e2", {key: [] for key in right}, learner).points == 0
        assert value_mark("17.e2", right, learner).points == 6
        assert sum(map(bool, right.values())) >= 3


@pytest.mark.parametrize(
    ("got", "said", "idea"),
    [
        (["promise"], "f1: 'promise' is too much", "When was memory promised"),
        (["end"], "f1: 'end' is too much", "To which address"),
        (["lock"], "expected a list of words from promise, end", ""),
        ("promise", "expected a list of words from promise, end", ""),
        (None, "nothing is filled in", ""),
    ],
)
def test_a_wrong_word_is_answered_by_an_idea(got: Plain, said: str, idea: str) -> None:
    found = judged("17.e2", {"f1": got})
    assert said in found.message
    assert found.difference.startswith(idea)


def test_of_two_words_one_is_not_enough_and_a_word_twice_is_said() -> None:
    found = judged("17.e2", {"f4": ["promise"]}, 3)
    assert (found.share, found.message) == (0, "f4: something is missing")
    assert judged("17.e2", {"f4": ["promise", "promise", "end"]}, 3).message == "f4: a word is there twice"
    assert judged("17.e2", {"f4": ["promise", "end"]}, 3).right
    assert judged("17.e2", {"f4": ["end", "promise"]}, 3).right


@pytest.mark.parametrize("seed", range(20))
def test_every_failure_is_refused_and_has_words(seed: int) -> None:
    one, chance = exercise("17.e2"), random.Random(seed)
    for template in one.templates:  # type: ignore[attr-defined]
        failure: Failure = template(chance)
        row = failure.row()
        assert row.refused
        assert row.site == failure.site
        assert set(row.forgotten) <= set(WORDS)
        assert failure.site in {"maple_alloc", "vma_alloc", "uffd_entry"}
        assert set(left_by(failure)) == {WORDS[key] for key in row.forgotten}


def test_every_word_is_the_answer_for_somebody() -> None:
    one = exercise("17.e2")
    names = [f"learner {n}" for n in range(12)]
    found = {word for name in names for words in one.answers(name).values() for word in words}  # type: ignore[attr-defined]
    assert found == set(WORDS.values())


# -- 17.e3


def changed(*changes: tuple[str, str]) -> str:
    """The source of v4's do_brk_flags() as a learner's, with lines exchanged."""
    head, _, body = getsource(v4.do_brk_flags).partition("\n")
    assert "do_brk_flags" in head
    for old, new in changes:
        assert body.count(old) == 1, old
        body = body.replace(old, new)
    return f"def my_do_brk_flags(mm, vma, address, length, flags):\n{body}"


_REFUSED = "            if not stored:\n                return -ENOMEM\n"
_ASKED = """\
            stored = mm.store_gfp(vma.start, address + length, vma)
            if not stored:
                vma.end = address
"""
_STORED = "            mm.store(vma.start, address + length, vma)\n"
_FIRST = "            adjust_trans_huge(mm, vma, address, address + length)\n"
_BACK = "                mm.machine.uncharge(pages)\n                return -ENOMEM\n"
_RESERVE = "            if not mm.preallocate():\n"
UNDO = changed((_REFUSED, f"            if not stored:\n{_BACK}"))
RESERVE = changed((_FIRST, _RESERVE + _BACK + _FIRST), (_ASKED, _STORED), (_REFUSED, ""))
FORGETS = changed((_FIRST, f"{_RESERVE}                return -ENOMEM\n{_FIRST}"), (_ASKED, _STORED), (_REFUSED, ""))
LATE = changed((_ASKED, f"{_RESERVE}{_BACK}{_STORED}"), (_REFUSED, ""))


def repair_mark(source: str) -> Mark:
    one = exercise("17.e3")
    cases = one.cases(SEED)
    return grade(one, cases, answers(one, cases, source))


@pytest.mark.parametrize(
    ("source", "earned", "said"),
    [
        (RESERVE, None, ""),
        (UNDO, {"an extension fails"}, "made under the anon_vma's lock"),
        (FORGETS, {"a written heap grows"}, "does not take the promise back"),
        (LATE, set(), "before anything is moved"),
    ],
    ids=["reserve first", "only the promise", "as 6.1 forgets it", "reserved under the lock"],
)
def test_repairs(source: str, earned: set[str] | None, said: str) -> None:
    found = repair_mark(source)
    if earned is None:
        assert found.points == 6, found
        return
    lines = {line.partition(":")[0]: line for line in found.detail}
    for group in earned:
        right, of = lines[group].partition(": ")[2].split(" of ")
        assert right == of, lines
    assert found.points < 4, found
    assert said in "\n".join(found.detail)


def test_an_unchanged_function_is_not_tried_yet() -> None:
    assert repair_mark(changed()).message.startswith("not tried yet")


@pytest.mark.parametrize("body", ["return 0", "return -12"])
def test_a_function_that_does_nothing_earns_nothing(body: str) -> None:
    assert repair_mark(f"def my_do_brk_flags(mm, vma, address, length, flags):\n    {body}").points == 0


# -- 17.e4


def own_label_only(steps: Plain, labels: Plain, failing: int) -> Plain:
    """M72: a jump runs the lines of its label, and no others."""
    done = [name for name, _ in steps[:failing]]
    undone = next(names for label, names, _ in labels if label == steps[failing][1])
    return [[name for name in done if name not in undone], [name for name in undone if name not in done]]


def all_below(steps: Plain, labels: Plain, failing: int) -> Plain:
    """Falls through labels that return, too."""
    return left_behind(steps, [[label, names, False] for label, names, _ in labels], failing)


def failing_is_done(steps: Plain, labels: Plain, failing: int) -> Plain:
    """Counts the step that failed as done."""
    more = [*steps[: failing + 1], ["", steps[failing][1]]]
    return left_behind(more, labels, failing + 1)


def first_failure(function: Callable[..., Plain]) -> Verdict:
    one = exercise("17.e4")
    found = (one.judge(case, plain(function(*case.args))) for case in one.cases())
    return next(each for each in found if not each.right)


@pytest.mark.parametrize(
    ("function", "missed", "said"),
    [
        (own_label_only, {"falls through"}, "Labels that are run here: mas_store_fail, vma_alloc_fail."),
        (all_below, {"returns early"}, ""),
        (failing_is_done, {"undone too much"}, "does not stay"),
    ],
)
def test_ways_out_misread(function: Callable[..., Plain], missed: set[str], said: str) -> None:
    one = exercise("17.e4")
    cases = one.cases(SEED)
    mark = grade(one, cases, {case.key: Answer(plain(function(*(case.args or [])))) for case in cases})
    assert 0 <= mark.points < 4
    for group in missed:
        line = next(line for line in mark.detail if line.startswith(group))
        assert not line.startswith(f"{group}: 6 of 6")
    assert said in first_failure(function).difference


def test_the_labels_say_what_the_library_finds_in_v4() -> None:
    """Each failure of do_brk_flags() in v4, as labels and as a run of it: what is forgotten is what stays."""
    aspects = {"promise": "charge", "object": "object", "end": "end", "filing": "filing", "root": "root"}
    for call, steps in (("first growth", V4_NEW), ("extend, written", V4_EXTENSION)):
        rows = {row.site: row for row in failures(["v4"], [call])}
        for name, site in (("object", "vma_alloc"), ("tree", "maple_alloc")):
            failing = next((n for n, (step, _) in enumerate(steps) if step == name), None)
            if failing is None:
                continue
            left, wrong = left_behind(steps, V4_LABELS, failing)
            assert wrong == []
            assert {aspects[each] for each in left} == set(rows[site].forgotten)
    assert set(CALLS) >= {"first growth", "extend, written"}


# -- any answer


@pytest.mark.parametrize("key", ["17.e1", "17.e2", "17.e3", "17.e4"])
def test_judges_meet_any_answer(key: str) -> None:
    one = exercise(key)
    wrapped = [{f"f{n}": value for n in range(1, 7)} for value in WEIRD]
    for case in one.cases(SEED)[:12]:
        for answer in [*WEIRD, *wrapped, *([value] * 30 for value in WEIRD), [["a"] * 90_000, []]]:
            found = one.judge(case, answer)
            assert 0 <= found.share <= 1
            assert found.share < 1 or answer == {f"f{n}": [] for n in range(1, 7)}
