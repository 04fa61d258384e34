"""The search for differences: what it finds, that it finds nothing where nothing is, and that it can be relied on."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmsim.brk import GENERATIONS
from mmsim.cli import main
from mmsim.explore import Plan, Result, dump, explore, load, validate
from mmsim.explore.alphabet import LETTERS, Op
from mmsim.explore.concern import NOT_IN_THE_MAIL
from mmsim.explore.report import as_page, as_text, causes_of
from mmsim.explore.search import exhaustive, run_batch
from mmsim.explore.shrink import plainness, shrink
from mmsim.explore.world import START, WORLDS
from mmsim.mm.units import PAGE
from mmsim.trace.syscall_trace import Session

ROOT = Path(__file__).parents[1]


class Here(Executor):
    """Runs everything at once, in this process."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future:
        future: Future = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def search(new: str, old: str = "before", batches: int = 2, depth: int = 1, **more: Any) -> Result:
    return explore(Plan(old, new, seed=1, batches=batches, depth=depth, **more), Here())


@pytest.fixture(scope="module")
def against_v4() -> Result:
    return search("v4", batches=4, faults=True)


# -- what it finds


def test_concerns_of_the_mail_are_found_at_once(against_v4: Result) -> None:
    found = {finding.concern for finding in against_v4.findings}
    assert {"C2", "C3", "C5", "C7"} <= found
    assert NOT_IN_THE_MAIL in found


@pytest.mark.slow
def test_all_the_behavioural_concerns_are_found_by_a_longer_search() -> None:
    found = {finding.concern for finding in search("v4", batches=24, depth=2, faults=True).findings}
    assert {"C1", "C2", "C3", "C5", "C6", "C7"} <= found


def test_every_finding_stands_when_its_script_is_run_again(against_v4: Result) -> None:
    for finding in against_v4.findings:
        if finding.family == "cost":
            continue
        runs = {}
        for generation in ("before", "v4"):
            session = Session(WORLDS[finding.world], generation)
            for op, arg in finding.script[:-1]:
                session.do(op, arg)
            ret, broken = session.judged(*finding.script[-1])
            heard = [context.events for context in session.contexts]
            runs[generation] = ret, session.maps(), session.counters(), {each.id for each in broken}, heard
        assert runs["before"] != runs["v4"], finding.id
        mine = next(side for side in finding.sides if side.generation == "v4")
        assert mine.ret == runs["v4"][0]


def test_findings_are_distinct_and_short(against_v4: Result) -> None:
    findings = against_v4.findings
    assert len({finding.id for finding in findings}) == len(findings)
    assert len({(f.kind, f.family, f.side, tuple(f.lines)) for f in findings}) == len(findings)
    assert all(len(finding.script) <= 5 for finding in findings)
    under_test = [f for f in findings if f.family != "cost" and f.kind.startswith(("brk", "vm_brk_flags"))]
    assert all(finding.lines for finding in under_test)


# -- where there is nothing


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_generation_does_not_differ_from_itself(generation: str) -> None:
    result = search(generation, old=generation, batches=2, faults=True)
    assert result.findings == []
    assert result.scripts >= 1000


@pytest.mark.slow
@pytest.mark.parametrize("generation", GENERATIONS)
def test_nor_in_a_long_search(generation: str) -> None:
    assert search(generation, old=generation, batches=30, depth=2, faults=True).findings == []


# -- the same for the same seed


def test_who_runs_it_makes_no_difference(tmp_path: Path) -> None:
    plan = Plan("before", "merged", seed=5, batches=3, depth=1)
    one = explore(plan, Here())
    with ThreadPoolExecutor(3) as pool:
        two = explore(plan, pool, jobs=3)
    assert dump(one.findings, one.about) == dump(two.findings, two.about)


def test_two_processes_write_the_same_file(tmp_path: Path) -> None:
    texts = []
    for jobs in ("1", "2"):
        out = tmp_path / f"{jobs}.json"
        command = ["explore", "--batches", "1", "--depth", "0", "--jobs", jobs, "-o", str(out)]
        done = subprocess.run([sys.executable, "-m", "mmsim", *command], cwd=ROOT, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        assert out.with_suffix(".html").exists()
        assert not out.with_suffix(".journal").exists()
        texts.append(out.read_text())
    assert texts[0] == texts[1]


@pytest.mark.slow
def test_the_workers_of_a_dask_cluster_find_the_same() -> None:
    distributed = pytest.importorskip("distributed", reason="mmsim[cluster] is not installed")
    plan = Plan("before", "v4", seed=5, batches=3, depth=1)
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        theirs = explore(plan, client.get_executor(), jobs=2)
    ours = explore(plan, Here())
    assert dump(theirs.findings, theirs.about) == dump(ours.findings, ours.about)


# -- interrupted, and gone on


class Tired(Here):
    """Interrupted at the nth piece of work."""

    def __init__(self, after: int) -> None:
        self.left = after

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future:
        self.left -= 1
        if self.left < 0 and fn is run_batch:
            raise KeyboardInterrupt
        return super().submit(fn, *args, **kwargs)


def test_an_interrupted_search_keeps_what_it_has_and_goes_on(tmp_path: Path) -> None:
    plan, journal = Plan("before", "merged", seed=3, batches=4, depth=1), tmp_path / "journal"
    first = explore(plan, Tired(3), journal=journal)
    assert not first.complete
    assert 0 < first.scripts < 4 * 500
    assert first.findings
    with journal.open("a") as file:
        file.write('[500, 2000, [[["brk grows"')  # as a crash in mid-line leaves it
    assert not explore(plan, Tired(1), journal=journal).complete
    again = explore(plan, Here(), journal=journal)
    whole = explore(plan, Here())
    assert again.complete
    assert dump(again.findings, again.about) == dump(whole.findings, whole.about)


def test_a_journal_of_another_search_is_not_used(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    explore(Plan("before", "before", seed=3, batches=1, depth=0), Here(), journal=journal)
    with pytest.raises(ValueError, match="is of another search"):
        explore(Plan("before", "before", seed=4, batches=1, depth=0), Here(), journal=journal)


def test_ctrl_c_writes_what_was_found(tmp_path: Path) -> None:
    out = tmp_path / "found.json"
    command = [sys.executable, "-m", "mmsim", "explore", "--seconds", "60", "--jobs", "2", "-o", str(out)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        journal = out.with_suffix(".journal")
        deadline = time.monotonic() + 30
        while (not journal.exists() or journal.read_text().count("\n") < 2) and time.monotonic() < deadline:
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        text, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert b"(interrupted)" in text
    about, findings = load(out)
    assert about["complete"] is False
    assert findings
    assert journal.exists()


# -- the file


def test_the_file_is_read_back_as_it_was(against_v4: Result, tmp_path: Path) -> None:
    path = tmp_path / "findings.json"
    path.write_text(dump(against_v4.findings, against_v4.about))
    about, findings = load(path)
    assert about["scripts"] == against_v4.scripts
    assert findings == json.loads(json.dumps(findings)) or [f.id for f in findings] == [
        f.id for f in against_v4.findings
    ]
    assert dump(findings, against_v4.about) == path.read_text()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data.update(format="findings/0"), "format"),
        (lambda data: data["findings"][0].pop("script"), "findings/0"),
        (lambda data: data["findings"][0].update(concern="C10"), "findings/0/concern"),
        (lambda data: data["findings"][0]["sides"].pop(), "findings/0/sides"),
    ],
)
def test_a_file_that_does_not_fit_the_schema(against_v4: Result, change: Any, message: str) -> None:
    data = json.loads(dump(against_v4.findings, against_v4.about))
    change(data)
    with pytest.raises(ValueError, match=f"^findings: {message}"):
        validate(data)


def test_text_and_page_tell_every_finding(against_v4: Result) -> None:
    causes = causes_of(against_v4)
    text, page = "\n".join(as_text(against_v4, causes)), as_page(against_v4, causes)
    for finding in against_v4.findings:
        assert finding.id in text
        assert f'id="{finding.id}"' in page
    assert page.count("<svg") == 2 * len(against_v4.findings)
    assert page.count("<title") == 1 + 2 * len(against_v4.findings)


@pytest.mark.parametrize("words", [["--jobs", "0"], ["--depth", "-1"], ["--seconds", "-1"], ["--new", "v5"]])
def test_bad_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code: object = main(["explore", *words])
    except SystemExit as error:
        code = error.code
    out, err = capsys.readouterr()
    assert (code, out, err.count("\n")) == (2, "", 1)


# -- its parts


def test_every_short_script_is_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes = exhaustive("before", "before", 2, Here(), worlds=["bare"])
    first, rest = outcomes[0].scripts, sum(each.scripts for each in outcomes[1:])
    assert first == len(LETTERS)
    assert len(LETTERS) < rest < len(LETTERS) ** 2  # fewer than all: states that were reached twice
    assert not any(each.clusters for each in outcomes)


ops = st.lists(
    st.one_of(
        st.tuples(st.just("brk"), st.integers(-2, 40).map(lambda pages: START + pages * PAGE)),
        st.tuples(st.just("munmap"), st.tuples(st.integers(-4, 20), st.integers(1, 9)).map(
            lambda pair: [START + pair[0] * PAGE, pair[1] * PAGE])),
    ),
    min_size=1, max_size=12,
)  # fmt: skip


@given(ops, st.integers(1, 6))
@settings(max_examples=80, deadline=None)
def test_shrinking_keeps_what_it_is_asked_to_keep(script: list[Op], wanted: int) -> None:
    """Whatever the question is: at least so many brk() calls above the start of the heap."""

    def shows(candidate: list[Op]) -> bool:
        return sum(op == "brk" and arg > START for op, arg in candidate) >= wanted

    if not shows(script):
        return
    short = shrink(script, shows)
    assert shows(short)
    assert len(short) == wanted
    assert plainness(short) <= plainness(script)
    assert all(arg == START + PAGE for _, arg in short)
