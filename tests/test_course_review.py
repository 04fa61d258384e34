"""Reviews as data: read in one line of complaint, judged by running, scored with reasons, written as a mail."""

from __future__ import annotations

import json
import time
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmsim.brk import v4
from mmsim.course.review import NOT_SHOWN, PROVED, REFUTED, ReviewError, Verdict, judge, mail, read_review, score
from mmsim.course.review.claim import FIELDS, SEVERITIES
from mmsim.course.review.script import MAX_CALLS
from mmsim.explore.alphabet import ORDINARY, script
from mmsim.explore.known import Known, known
from mmsim.explore.words import script_text
from mmsim.explore.world import WORLDS
from mmsim.view import review_table

REVIEWS = Path(__file__).with_name("data") / "reviews"
CLAIM = {
    "claim": "A shrink leaves wrong counters.",
    "hunk": "do_brk_munmap: gone = Vma(mm, 0)",
    "script": "brk(heap+2); brk(heap+1)",
    "expected": "nothing broken",
    "got": "I6",
    "severity": "wrong",
}


def verdict(**changes: Any) -> Verdict:
    return judge(read_review([{**CLAIM, **changes}])[0])


def judged(name: str) -> list[Verdict]:
    return [judge(claim) for claim in read_review((REVIEWS / f"{name}.toml").read_text())]


# -- reading


def test_toml_and_dicts_are_the_same_review() -> None:
    text = "[[claim]]\n" + "\n".join(f"{name} = {json.dumps(value)}" for name, value in CLAIM.items())
    listed = {**CLAIM, "script": [("brk", "heap+2"), ["brk", "heap+1"]]}
    assert read_review(text) == read_review([CLAIM]) == read_review({"claim": [listed]})


@pytest.mark.parametrize("each", known(), ids=lambda each: each.id)
def test_a_script_that_a_report_prints_can_be_read(each: Known) -> None:
    changes = {"world": each.world, "script": script_text(each.script)}
    assert list(read_review([{**CLAIM, **changes}])[0].script) == each.script


@pytest.mark.parametrize("path", sorted((REVIEWS / "malformed").glob("*.toml")), ids=lambda path: path.stem)
def test_a_malformed_review_gets_one_clear_line(path: Path) -> None:
    """The first line of the file says what that is, or how it begins."""
    text = path.read_text()
    with pytest.raises(ReviewError) as error:
        read_review(text)
    said, wanted = str(error.value), text.splitlines()[0].removeprefix("# ")
    assert said.startswith(wanted)
    assert "\n" not in said


def test_what_a_question_or_style_may_leave_out() -> None:
    short = {name: CLAIM[name] for name in ("claim", "hunk")}
    for severity in SEVERITIES:
        if severity in ("style", "question"):
            assert verdict_of({**short, "severity": severity}).mark == NOT_SHOWN
        else:
            with pytest.raises(ReviewError, match='no "script"'):
                read_review([{**short, "severity": severity}])
    with pytest.raises(ReviewError, match='no "expected"'):
        read_review([{**short, "severity": "question", "script": "brk(heap+1)"}])


def verdict_of(data: dict[str, Any]) -> Verdict:
    return judge(read_review([data])[0])


@pytest.mark.parametrize(
    ("calls", "said"),
    [
        ("; ".join(["brk(heap+1)"] * (MAX_CALLS + 1)), "25 calls"),
        (f"brk({1 << 33})", "goes beyond"),
        (f"mmap(heap, {1 << 34}, 3, {0x8000 | 50})", "of more than 1024 pages"),
        (f"mremap(heap, 4096, {1 << 30}, 1)", "of more than 1024 pages"),
        (f"mlockall(2); vm_brk_flags(heap, {1 << 29})", "goes beyond"),
        ("", "0 calls"),
    ],
)
def test_a_script_that_would_take_long_is_refused_at_once(calls: str, said: str) -> None:
    begun = time.monotonic()
    with pytest.raises(ReviewError, match=said):
        read_review([{**CLAIM, "script": calls}])
    assert time.monotonic() - begun < 0.5


def test_the_longest_script_allowed_ends_soon() -> None:
    calls = ["mlockall(3)", *(f"mmap(heap+{1024 * at + 2000}, {1 << 22}, 3, 50)" for at in range(6)), "brk(heap+1000)"]
    begun = time.monotonic()
    verdict(script="; ".join([*calls, "brk(heap+1)"]), world="bss")
    assert time.monotonic() - begun < 20


class Hostile:
    """Whose text must never be asked for."""

    def __repr__(self) -> str:
        raise RuntimeError("asked for my text")

    __str__ = __repr__


CYCLE: list[Any] = []
CYCLE.append(CYCLE)
ODD = (
    *(None, True, -1, 10**400, 1.5, float("nan"), b"x", Hostile(), CYCLE, {"a": CYCLE}, "", " ", "\x00", "\ud800"),
    *("a" * 200_000, "heap+99999999999999999999", "brk(", "brk(heap+1", "I999999999999", "9" * 5000, "½ VMAs", "-E"),
    *("-errorcode", ["brk"], [["brk", Hostile()]], [[Hostile(), 1]], [["brk", CYCLE]], {1: 2}, "as before", "١ VMAs"),
)


def read_or_refused(review: Any) -> None:
    """Nothing but a ReviewError of one printable line of some length."""
    claims, said = [], ""
    try:
        claims = read_review(review)
    except ReviewError as error:
        said = str(error)
    assert len(said) < 700
    assert said.isprintable()
    if said:
        return
    verdicts = [judge(claim) for claim in claims]
    assert max(map(len, mail(verdicts).splitlines())) <= 76
    json.dumps([score(verdicts).data(), *(each.data() for each in verdicts)])
    repr(score(verdicts))


@pytest.mark.parametrize(
    "name", [*FIELDS, "other", 7, Hostile()], ids=lambda name: name if isinstance(name, str) else "odd"
)
def test_any_value_in_any_field(name: Any) -> None:
    for value in ODD:
        read_or_refused([{**CLAIM, name: value}])


def test_any_value_as_a_review() -> None:
    for value in (*ODD, [], {}, [[]], [CLAIM] * 21, "claim = 3", "x = 1", "[" * 5000, "a=" + "[" * 5000, "[[claim]]"):
        read_or_refused(value)
        read_or_refused({"claim": value})
        read_or_refused({"claims": value})


PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.binary(max_size=5)
NESTED = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=3))
OPS = st.sampled_from(
    ["brk", "munmap", "mmap", "fork", "fail", "hook", "set_mm", "mremap", "vm_brk_flags", "exit", "x"]
)
PLACES = st.sampled_from(["heap", "heap+1", "heap-1", "heap+2+1 B", "child", "maple_alloc", "brk"])
ARGUMENTS = PLACES | st.integers(-2, 1 << 64) | st.integers(0, 9000)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(FIELDS), NESTED), st.sampled_from(FIELDS))
def test_a_claim_of_anything(odd: dict[str, Any], left_out: str) -> None:
    data = {**CLAIM, **odd}
    data.pop(left_out, None)
    read_or_refused([data])


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(OPS, ARGUMENTS | st.lists(ARGUMENTS, max_size=5) | st.none()), max_size=6))
def test_a_script_of_anything(calls: list[Any]) -> None:
    read_or_refused([{**CLAIM, "script": calls}])


def test_random_scripts_are_judged() -> None:
    random = Random(20)
    for number in range(60):
        ops = script(random, 8, faults=number % 3 == 0)
        world = random.choice(list(WORLDS))
        read_or_refused([{**CLAIM, "script": ops, "world": world, "expected": "as before", "got": "I6"}])


# -- judging


@pytest.mark.parametrize("each", [each for each in known() if "v4" in each.generations], ids=lambda each: each.id)
def test_a_known_finding_is_proved_has_its_own_cause_and_its_severity_fits(each: Known) -> None:
    broken = bool(each.invariants)
    found = verdict(
        hunk=each.function,
        world=each.world,
        script=script_text(each.script),
        expected="nothing broken" if broken else each.outcome["before"],
        got=" ".join(each.invariants) if broken else each.outcome["v4"].partition("; I")[0],
        severity={"wanted": "harmless"}.get(each.verdict, each.verdict),
    )
    assert found.mark == PROVED, found
    assert found.causes == [each.id]
    assert found.line_ran
    assert set(found.reach.replace(" (maple_alloc)", "").split(", ")) == set(each.reach.split(", "))
    assert found.outcomes == outcomes(each)
    assert next(item for item in score([found]).items if item.what == "severity").points == 1


def outcomes(each: Known) -> dict[str, str]:
    """Those of its file, without the price."""
    return {
        name: "; ".join(part for part in told.split("; ") if not each.measure or not part.endswith(each.measure))
        for name, told in each.outcome.items()
    }


def test_the_three_marks() -> None:
    assert verdict().mark == PROVED
    refuted = verdict(script="brk(heap+1); brk(heap+2)", got="I5")
    assert refuted.mark == REFUTED
    assert refuted.because == "v4 does what is expected (heap+2; 3 VMAs)"
    alike = verdict(expected="heap+7", got="heap+1")
    assert alike.mark == NOT_SHOWN
    assert (
        alike.because
        == "the code before the patch comes to heap+1; 3 VMAs, not to heap+7: so that is not what right code did"
    )
    other = verdict(got="I5")
    assert other.mark == NOT_SHOWN
    assert other.because == "v4 is not as expected, but it comes to heap+1; 3 VMAs; I6 I8 I19, not to I5"


def test_both_alike_is_not_shown() -> None:
    found = verdict(script="brk(heap+1); brk(heap+2)", expected="heap+2; 9 VMAs", got="3 VMAs")
    assert found.mark == NOT_SHOWN
    assert found.because.endswith("both do the same")


def test_the_evidence_names_every_generation_and_what_was_run() -> None:
    found = verdict()
    assert found.outcomes["v4"] == "heap+1; 3 VMAs; I6 I8 I19"
    assert {found.outcomes[name] for name in ("before", "merged", "today")} == {"heap+1; 3 VMAs"}
    assert found.later == {"merged": "as before", "today": "as before"}
    assert found.reach == ORDINARY
    assert "call 2, brk(heap+1), runs the quoted line of do_brk_munmap()" in found.lines


def test_the_deciding_call_is_the_first_after_which_all_is_broken() -> None:
    found = verdict(script="brk(heap+2); brk(heap+1); touch(heap)")
    assert found.decided == 2
    assert found.line_ran


def test_a_line_that_did_not_run_is_told() -> None:
    found = verdict(hunk="do_brk_munmap: mm.locked_vm -= pages")
    assert not found.line_ran
    assert score([found]).items[4].points == 0


def test_a_comment_stands_for_the_code_below_it() -> None:
    assert verdict(hunk="do_brk_munmap: # Cut the tail of the VMA without splitting it.").line_ran


def test_after_damage_nothing_more_is_run() -> None:
    calls = "mmap(heap, 8192, 3, 50); brk(heap+1); brk(heap+4)"
    found = verdict(world="bss", script=calls, expected="heap", got="heap+4", hunk="brk")
    assert found.mark == NOT_SHOWN
    assert "let the script end there" in found.because
    assert verdict(world="bss", script=calls, got="I0", hunk="brk").mark == PROVED


def test_what_cannot_be_asked_says_why() -> None:
    claim = read_review([{**CLAIM, "world": "crowded"}])[0]
    assert judge(claim, kernel=True).kernel == {
        "asked": False,
        "why": "no live process starts as 'crowded' and does all of these calls",
    }


def test_a_repaired_line_is_a_changed_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    """The marks are of what v4 does, not of what is written down of it."""
    monkeypatch.setattr(v4, "do_brk_munmap", lambda mm, vma, new, old, uf: v4.do_munmap(mm, new, old - new, uf, True))
    assert judge(read_review([{**CLAIM, "hunk": "brk"}])[0]).mark == REFUTED


# -- scoring


def test_a_good_review_has_all_points() -> None:
    found = score(judged("good"))
    assert (found.points, found.of) == (40, 40), found


def test_a_mediocre_review_has_less_and_each_lost_point_a_reason() -> None:
    found = score(judged("mediocre"))
    assert 16 <= found.points <= 24
    assert all(item.reason for item in found.items)
    lost = {(item.claim, item.what) for item in found.items if item.points < item.of}
    assert lost >= {(1, "severity"), (2, "form"), (2, "proof"), (3, "proof"), (0, "causes"), (0, "questions")}


def test_a_claim_said_twice_is_a_duplicate() -> None:
    found = [judge(each) for each in read_review([CLAIM, {**CLAIM, "claim": "VmData is too high.", "got": "I6 I8"}])]
    item = next(item for item in score(found).items if item.what == "no duplicates")
    assert (item.points, item.reason) == (1, "claim 2 has the cause of claim 1")


def test_a_cause_that_is_taken_counts_for_nothing() -> None:
    found = verdict()
    items = {item.what: item for item in score([found], found.causes).items}
    assert [items[what].points for what in ("no duplicates", "causes", "beyond the mail")] == [1, 0, 0]
    assert items["no duplicates"].reason == "claim 1 has a cause that is taken"


def test_a_claim_that_shows_more_besides_is_no_duplicate() -> None:
    more = {**CLAIM, "script": "brk(heap+3); mprotect(heap+2, 4096, 1); brk(heap+1)", "got": "I2 I6"}
    items = score([judge(each) for each in read_review([more, CLAIM])]).items
    assert [item.points for item in items if item.what in ("no duplicates", "causes")] == [2, 2]


def test_what_is_not_proved_should_be_a_question() -> None:
    bold = verdict(got="I5")
    asked = verdict(got="I5", severity="question")
    points = [{item.what: item.points for item in score([each]).items} for each in (bold, asked)]
    assert [(each["proof"], each["severity"], each["questions"]) for each in points] == [(0, 0, 0), (1, 1, 2)]


@pytest.mark.parametrize(
    ("sentence", "points"),
    [
        ("The counter in `vma.flags` of v4 is wrong, e.g. VmData.", 1),
        ("It is wrong. It was right before.", 0),
        ("You broke it.", 0),
        ("Does brk() count a hole?", 1),
    ],
)
def test_the_form_of_a_sentence(sentence: str, points: int) -> None:
    assert next(item.points for item in score([verdict(claim=sentence)]).items if item.what == "form") == points


def test_one_good_claim_is_no_good_review() -> None:
    found = score([verdict()])
    assert found.points / found.of < 0.5


# -- the mail


@pytest.mark.parametrize("name", ["good", "mediocre"])
def test_the_mail_has_no_long_line_and_no_sender(name: str) -> None:
    text = mail(judged(name))
    assert max(map(len, text.splitlines())) <= 76
    assert text.startswith("From: a reviewer\n")
    assert "@" not in text.replace("@@", "")


def test_the_mail_quotes_lines_that_are_there_in_their_order() -> None:
    text = mail(judged("good"))
    source = {line.strip() for line in Path(v4.__file__).read_text().splitlines()}
    quoted = [line[2:].strip() for line in text.splitlines() if line.startswith("> ") and "@@" not in line]
    assert sum(line in source for line in quoted) >= len(quoted) - 2, "but for one line that is wrapped"
    assert text.index("brk() @@") < text.index("do_brk_munmap() @@") < text.index("do_brk_flags() @@")


def test_judging_twice_is_the_same() -> None:
    assert [each.data() for each in judged("good")] == [each.data() for each in judged("good")]


def test_the_table_shows_each_claim_and_its_mark() -> None:
    table = review_table(judged("mediocre"))
    assert [row[2] for row in table.rows] == [PROVED, REFUTED, REFUTED]
    assert table.rows[0][3:] == ("heap+1; 3 VMAs", "heap+1; 3 VMAs; I6 I8 I19", ORDINARY)
