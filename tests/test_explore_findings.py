"""What the curated findings state is so: in every generation, by the shortest script, and for the cause they name."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mmsim.brk import GENERATIONS
from mmsim.explore import Plan, Result, dump, explore, validate
from mmsim.explore.alphabet import Op
from mmsim.explore.ask import ask, asked, can_be_asked
from mmsim.explore.concern import CONCERNS, NOT_IN_THE_MAIL
from mmsim.explore.known import Known, known, mended, outcome
from mmsim.explore.play import FAMILIES
from mmsim.explore.report import as_page, as_text, causes_of
from mmsim.explore.world import START, WORLDS
from mmsim.kernel import NoKernel
from mmsim.mm.calls import MAP
from mmsim.mm.check import INVARIANTS
from mmsim.mm.units import PAGE
from mmsim.mm.walk import overlapping
from mmsim.trace.syscall_trace import Session
from mmsim.view import finding_table, known_table

from .running_kernel import like_today

KNOWN = known()
every = pytest.mark.parametrize("each", KNOWN, ids=lambda each: each.id)


def came_to(each: Known, generation: str, script: list[Op] | None = None) -> tuple[list[str], set[str]]:
    """What a script comes to, the invariants that it breaks apart."""
    parts = outcome(each.world, script or each.script, generation, each.measure).split("; ")
    broken = {word for word in parts[-1].split() if word in INVARIANTS}
    return parts[:-1] if broken else parts, broken


def shows(each: Known, generation: str, script: list[Op] | None = None) -> bool:
    """Whether the finding is there: its invariants broken, or, if it has none, the outcome of `new`, not of `old`."""
    told, broken = came_to(each, generation, script)
    reference, before = came_to(each, each.old, script)
    if each.invariants:
        return bool(set(each.invariants) & (broken - before))
    return told != reference and told == came_to(each, each.new, script)[0]


@every
def test_each_generation_comes_to_what_is_stated(each: Known) -> None:
    assert {name: outcome(each.world, each.script, name, each.measure) for name in GENERATIONS} == each.outcome


@every
def test_it_shows_where_it_says(each: Known) -> None:
    assert [name for name in GENERATIONS if name != each.old and shows(each, name)] == each.generations
    assert set(each.invariants) <= came_to(each, each.new)[1]


@every
def test_no_call_can_be_left_out(each: Known) -> None:
    for at in range(len(each.script)):
        script = each.script[:at] + each.script[at + 1 :]
        assert not script or not shows(each, each.new, script), script


@every
def test_with_the_repair_it_is_gone(each: Known) -> None:
    """So the cause is where the file says. What is not in the module of a generation has no repair there."""
    assert (each.function in vars(GENERATIONS[each.new])) == (each.new in each.repair)
    for name in each.repair:
        assert name in each.generations
        with mended(each, generation=name) as generation:
            assert not shows(each, generation)


def test_two_repairs_go_together() -> None:
    by_id = {each.id: each for each in KNOWN}
    both = by_id["growth-extends-a-file"], by_id["growth-inherits-a-policy"]
    with mended(*both) as generation:
        assert not any(shows(each, generation) for each in both)
    same_line = by_id["cut-counts-a-hole"], by_id["cut-leaves-file-tree"]
    with pytest.raises(ValueError, match="occurs 0 times, expected once"), mended(*same_line):
        pass


@every
def test_it_is_told_in_words_that_exist(each: Known) -> None:
    assert each.verdict in ("wrong", "harmless", "wanted")
    assert each.concern in (*CONCERNS, NOT_IN_THE_MAIL)
    assert each.function + "()" in each.explanation or each.function in ("do_brk_flags", "vm_brk_flags")
    assert {family for _, family in each.covers} <= set(FAMILIES)


def test_no_two_have_one_title() -> None:
    assert len({each.title for each in KNOWN}) == len(KNOWN) >= 12


@pytest.fixture(scope="module")
def result() -> Result:
    """Every script of two letters."""
    with ThreadPoolExecutor(1) as pool:
        return explore(Plan("before", "v4", batches=0, depth=2), pool)


def test_a_finding_is_named_by_the_cause_whose_repair_takes_it_away(result: Result) -> None:
    causes = causes_of(result)
    named = {cause.id for each in causes.values() for cause in each}

    assert {"cut-without-flags", "cut-forgets-the-peak", "loader-maps-over-what-is-there"} <= named
    assert not [name for name in GENERATIONS if "mended" in name]


def test_a_report_names_causes_and_its_page_loads_nothing(result: Result) -> None:
    causes = causes_of(result)
    text, page = "\n".join(as_text(result, causes)), as_page(result, causes)

    assert "known: A cut heap stays counted as data, locked and promised (cut-without-flags)" in text
    assert page.count("<section ") == len(result.findings) == page.count('href="#')
    assert "src=" not in page
    assert "url(" not in page


def test_a_table_has_a_line_for_each(result: Result) -> None:
    table = finding_table(result.findings, "All of them")

    assert len(table.text.splitlines()) == len(result.findings) + 2
    assert table._repr_mimebundle_()["text/html"].count("<tr>") == len(result.findings) + 1
    assert "A shrink that ends in a hole is refused" in known_table(KNOWN).text


def test_a_walk_over_a_damaged_tree_ends() -> None:
    """v4 leaves a VMA in the tree above its own end; whoever goes on from that end finds it again."""
    session = Session(WORLDS["bss"], "v4")
    here = MAP.PRIVATE | MAP.ANONYMOUS | MAP.FIXED
    for op, arg in (("brk", START + 2 * PAGE), ("mmap", [START + 2 * PAGE, 2 * PAGE, 3, here]), ("brk", START + PAGE)):
        session.do(op, arg)

    assert len(overlapping(session.process.mm, START, START + 4 * PAGE)) == 1


def test_a_file_that_cannot_be_used_is_told_in_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "odd.toml").write_text('title = "no more than that"\n', encoding="utf-8")
    monkeypatch.setattr("mmsim.explore.known.FOLDER", tmp_path)
    known.cache_clear()
    try:
        with pytest.raises(ValueError, match=r"odd\.toml: 'script'$"):
            known()
    finally:
        known.cache_clear()


live_ones = [each for each in KNOWN if can_be_asked(each.world, each.script)]


@like_today
@pytest.mark.parametrize("each", live_ones, ids=lambda each: each.id)
def test_the_running_kernel_does_as_today(each: Known) -> None:
    try:
        kernel = ask(each.world, each.script)
    except NoKernel as reason:
        pytest.skip(str(reason))
    assert "today" in kernel["like"]


@like_today
def test_the_kernel_is_asked_for_every_finding_that_can_be(result: Result) -> None:
    try:
        findings = [asked(finding) for finding in result.findings]
    except NoKernel as reason:
        pytest.skip(str(reason))
    answered = [finding for finding in findings if finding.kernel is not None]
    assert answered
    assert all("today" in finding.kernel["like"] for finding in answered if finding.kernel is not None)
    text = "\n".join(as_text(result._replace(findings=findings), causes_of(result)))
    assert text.count(", asked: as ") == len(answered)
    validate(json.loads(dump(findings, result.about)))
