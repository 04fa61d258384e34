"""The experiments come out as the study of the review says, in each generation; verdicts follow from results."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest

from mmsim.brk import GENERATIONS, Process
from mmsim.cli import main
from mmsim.experiments import EXPERIMENTS, Outcome, as_text, measure
from mmsim.experiments.build import HEAP, HEAP_FLAGS, mapped, segment, started
from mmsim.experiments.e2 import ADJACENCY, CRITERIA, below
from mmsim.experiments.e4 import line_comments
from mmsim.experiments.e9 import case
from mmsim.experiments.table import named
from mmsim.experiments.watch import Entry, watched
from mmsim.experiments.workloads import WORKLOADS
from mmsim.mm import File
from mmsim.mm.calls import MAP, PROT
from mmsim.mm.merge import Want
from mmsim.mm.units import PAGE

OTHERS = [name for name in GENERATIONS if name != "v4"]


@cache
def run(id: str) -> Outcome:
    return measure(id)


def rows(id: str, *names: str) -> dict[str, tuple[Any, ...]]:
    """Generation -> the values of some rows."""
    return {generation: tuple(result[name] for name in names) for generation, result in run(id).results.items()}


def each(before: Any, v4: Any, merged: Any, today: Any) -> dict[str, tuple[Any, ...]]:
    values = (value if isinstance(value, tuple) else (value,) for value in (before, v4, merged, today))
    return dict(zip(GENERATIONS, values, strict=True))


def same(value: Any) -> dict[str, tuple[Any, ...]]:
    return each(value, value, value, value)


class TestLimit:
    """E1."""

    def test_needless_refusals_are_the_patchs_alone(self) -> None:
        """A request of 4 pages over k mapped ones needs 4 - k pages; the patch asks for all 4."""
        sweep = rows("E1", "vm_brk_flags(): refused, of 25", "of these, the result would have fitted")
        assert sweep == each((10, 0), (20, 10), (10, 0), (10, 0))
        assert rows("E1", "4 pages exactly over 4, at the limit") == each("0", "-ENOMEM", "0", "0")

    def test_brk_itself_does_not_differ(self) -> None:
        assert rows("E1", "brk(): refused, of 5") == same(4)
        assert run("E1").verdict == "needless -ENOMEM from vm_brk_flags() in v4; brk() answers alike in all"


class TestCopyOfTheRules:
    """E2."""

    @pytest.mark.parametrize("name", ["file", "page offset", "memory policy", "adjacency"])
    def test_what_the_copy_lacks(self, name: str) -> None:
        assert rows("E2", name) == each("new VMA", "extended", "new VMA", "new VMA")

    def test_a_close_hook(self) -> None:
        """Today it matters only for a VMA that would go, so growing one is allowed again."""
        assert rows("E2", "close hook") == each("new VMA", "extended", "new VMA", "extended")

    @pytest.mark.parametrize("name", ["flags", "userfaultfd", "inherited chain", "special mapping"])
    def test_what_it_has(self, name: str) -> None:
        assert rows("E2", name) == same("new VMA")

    def test_nothing_in_the_way(self) -> None:
        assert rows("E2", "none") == same("extended")

    def test_a_new_criterion_reaches_all_but_the_copy(self) -> None:
        assert rows("E2", "a criterion added to the shared test") == each("new VMA", "extended", "new VMA", "new VMA")
        assert run("E2").verdict.endswith("a new criterion does not reach v4")

    @pytest.mark.parametrize("name", CRITERIA)
    def test_each_neighbour_is_sound_before_the_growth(self, name: str) -> None:
        process, _ = below("today", {name})
        assert process.check() == []

    def test_also_when_it_is_unlike_in_everything(self) -> None:
        process, vma = below("today", {*CRITERIA, ADJACENCY})
        assert process.check() == []
        assert (vma.file is not None, vma.policy, len(vma.chain), vma.pages) == (True, "interleave", 2, 3)

    def test_the_criterion_is_gone_afterwards(self) -> None:
        run("E2")
        process = started("before")
        process.brk(HEAP + PAGE)
        process.brk(HEAP + 2 * PAGE)
        assert process.mm.map_count == 1


class TestFrequency:
    """E3."""

    @pytest.mark.parametrize("name", WORKLOADS)
    def test_growths_extend_exactly_above_an_unforked_heap(self, name: str) -> None:
        assert rows("E3", f"{name}: extended the heap") == rows("E3", f"{name}: heap below was not forked")
        assert len(set(rows("E3", f"{name}: extended the heap", f"{name}: growths").values())) == 1

    def test_a_fork_between_touch_and_growth_decides(self) -> None:
        assert rows("E3", "first growth after a fork", "the same without a fork") == same(("new VMA", "extended"))

    def test_what_the_search_for_a_merge_looks_at(self) -> None:
        """One step to the next VMA a growth, never behind it, and only before the patch."""
        growths = sum(value for (value,) in (rows("E3", f"{name}: growths")["before"] for name in WORKLOADS))
        assert rows("E3", "looks at the next VMA", "looks behind it") == each((growths, 0), (0, 0), (0, 0), (0, 0))

    def test_only_the_merged_code_reserves_nodes(self) -> None:
        reserved = {name: value for name, (value,) in rows("E3", "nodes reserved ahead").items()}
        assert reserved["merged"] > 0
        assert {reserved[name] for name in GENERATIONS if name != "merged"} == {0}

    def test_stores_and_locks_are_the_same(self) -> None:
        assert len(set(rows("E3", "stores to the tree", "anon_vma locks taken").values())) == 1


class TestComments:
    """E4."""

    def test_seven_in_the_patch_one_of_them_quoted(self) -> None:
        assert rows("E4", "all", "all, in what the mail quotes") == each((0, 0), (7, 1), (0, 0), (0, 0))
        shown = [f"line comments in {name}()" for name in ("brk", "do_brk_munmap", "do_brk_flags", "vm_brk_flags")]
        assert rows("E4", *shown)["v4"] == (3, 3, 0, 1)

    def test_the_lint_finds_added_ones_only(self) -> None:
        patch = """\
> --- a/file.c
> +++ b/file.c
> @@ -1,4 +1,5 @@ SYSCALL_DEFINE1(first, unsigned long, x)
>  \tcontext(); // was there
> -\tgone(); // gone
> +\tadded(); // one
> +\tprint("a // b"); /* not // this */
>  static int second(struct thing *t, unsigned long y)
>  {
> +\t// two

I think + // is wrong here.
> +\tlast();
"""
        assert list(line_comments(patch)) == [(6, "first"), (10, "second")]


class TestLoader:
    """E5, E6 and E7."""

    def test_vmas_after_loading(self) -> None:
        names = ("data, then bss", "two bss side by side", "bss between anonymous areas")
        assert rows("E5", *names) == each((2, 1, 1), (2, 2, 3), (2, 1, 2), (2, 1, 2))
        assert rows("E5", "broken invariants") == same("-")

    def test_events(self) -> None:
        names = ("events delivered", "mmap_changing afterwards", "registered VMAs left over")
        assert rows("E6", *names) == each((1, 0, 0), (0, 0, 1), (1, 0, 0), (1, 0, 0))

    def test_overlaps(self) -> None:
        for name in ("over a segment's tail", "over the interpreter", "exactly over a segment"):
            found = rows("E7", f"{name}: broken", f"{name}: overlapping VMAs", f"{name}: pages counted twice")
            assert {found[other] for other in OTHERS} == {("-", 0, 0)}, name
            broken, overlapping, twice = found["v4"]
            assert "I3" in broken or "I2-" in broken, name
            assert (overlapping, twice > 0) == (1, True)
        assert rows("E7", "over a segment's tail: broken")["v4"] == ("I1 I3",)

    @pytest.mark.parametrize("generation", OTHERS)
    def test_the_later_mapping_wins(self, generation: str) -> None:
        process = started(generation)
        vma = segment(process, 0, 4)
        process.vm_brk_flags(vma.start, 4 * PAGE)
        assert [(each.start, each.file) for each in mapped(process)] == [(vma.start, None)]


def entries(process: Process, want: int) -> list[tuple[bool, bool]]:
    """Of each do_brk_flags() of a brk(): whether the range was free, and the VMA to extend, if any, ended there."""
    seen: list[tuple[bool, bool]] = []

    def enter(entry: Entry) -> None:
        seen.append((entry.free, entry.below is None or entry.end == entry.address))

    with watched(process, enter, lambda entry, ret: None):
        process.brk(want)
    return seen


class TestAssertions:
    """E8."""

    HITS = ("range not free, in brk()", "range not free, in vm_brk_flags()", "VMA ends elsewhere, in brk()")

    def test_they_trip_in_the_patch_only(self) -> None:
        found = rows("E8", *self.HITS)
        assert all(count > 0 for count in found["v4"])
        assert {found[name] for name in OTHERS} == {(0, 0, 0)}
        assert rows("E8", "VMA ends elsewhere, in vm_brk_flags()") == same(0)

    def test_what_they_would_have_caught(self) -> None:
        """All that goes wrong in vm_brk_flags(), and little in brk(): there the patch damages when it shrinks."""
        names = ("VMAs damaged in {}()", "  seen by the assertions asked for, {}()", "  seen by neither, {}()")
        loader = rows("E8", *(name.format("vm_brk_flags") for name in names))
        heap = rows("E8", *(name.format("brk") for name in names))
        runs, asked, neither = loader["v4"]
        assert runs == asked > 0 == neither
        runs, asked, neither = heap["v4"]
        assert runs > asked > 0 < neither
        assert {counts[name] for name in OTHERS for counts in (loader, heap)} == {(0, 0, 0)}

    def test_the_checks_of_the_series_miss_a_shared_border(self) -> None:
        """They allow for a VMA that begins or ends where the new one does; and extensions are stored unchecked."""
        name = "  seen by the checks of the series, vm_brk_flags()"
        assert 0 < rows("E8", name)["v4"][0] < rows("E8", "VMAs damaged in vm_brk_flags()")["v4"][0]

    @pytest.mark.parametrize("generation", GENERATIONS)
    def test_a_mapping_that_lies_over_the_break(self, generation: str) -> None:
        """It was glued to the heap. The patch alone goes on, with the range not free and the end elsewhere."""
        process = started(generation)
        process.brk(HEAP + 4 * PAGE)
        process.mmap(HEAP + 4 * PAGE, 4 * PAGE, PROT.READ | PROT.WRITE, MAP.FIXED | MAP.PRIVATE | MAP.ANONYMOUS)
        assert entries(process, HEAP + 10 * PAGE) == ([(False, False)] if generation == "v4" else [])

    @pytest.mark.parametrize("generation", GENERATIONS)
    def test_a_break_below_the_heap(self, generation: str) -> None:
        """COMPAT_BRK lets it: a mapping between the break and start_brk stops all but the patch."""
        process = started(generation)
        process.mm.compat_brk, process.mm.brk_randomized, process.mm.end_data = True, False, HEAP - 8 * PAGE
        process.place(HEAP - 8 * PAGE, HEAP, HEAP_FLAGS)
        assert process.brk(HEAP - 6 * PAGE) == HEAP - 6 * PAGE
        process.place(HEAP - 4 * PAGE, HEAP - 3 * PAGE, HEAP_FLAGS, File("library"))
        assert entries(process, HEAP + 2 * PAGE) == ([(False, True)] if generation == "v4" else [])

    def test_watching_leaves_the_code_as_it_was(self) -> None:
        for generation in GENERATIONS:
            process, seen = started(generation), list[tuple[int, int, bool]]()
            code = process.code.do_brk_flags

            def enter(entry: Entry, seen: list[tuple[int, int, bool]] = seen) -> None:
                seen.append((entry.address, entry.length, entry.free))

            with watched(process, enter, lambda entry, ret: None):
                process.brk(HEAP + PAGE)
            process.brk(HEAP + 2 * PAGE)
            assert process.code.do_brk_flags is code
            assert seen == [(HEAP, PAGE, True)]


class TestCases:
    """E9."""

    def test_brk_meets_case_two_only(self) -> None:
        for name in ("traces", "random"):
            wanted = [f"{name}, brk(): {which}" for which in ("case 1", "case 3", "cases 4 to 8")]
            assert rows("E9", *wanted) == same((0, 0, 0))
            assert all(count > 0 for (count,) in rows("E9", f"{name}, brk(): case 2").values())

    def test_the_loader_meets_others_on_random_layouts(self) -> None:
        found = rows("E9", "random, vm_brk_flags(): case 1", "random, vm_brk_flags(): case 3")
        assert all(count > 0 for counts in found.values() for count in counts)
        more = rows("E9", "random, vm_brk_flags(): cases 4 to 8")
        assert [name for name, (count,) in more.items() if count] == ["v4"]

    @pytest.mark.parametrize(
        ("mappings", "request_at", "wanted"),
        [
            ([(0, 2), (4, 6)], (2, 4), 1),
            ([(0, 2)], (2, 4), 2),
            ([(0, 2), (5, 6)], (2, 4), 2),
            ([(4, 6)], (2, 4), 3),
            ([(0, 1), (4, 6)], (2, 4), 3),
            ([(0, 1), (5, 6)], (2, 4), 0),
            ([], (2, 4), 0),
        ],
    )
    def test_the_case_of_a_request(
        self, mappings: list[tuple[int, int]], request_at: tuple[int, int], wanted: int
    ) -> None:
        """In pages; and what vma_merge() of `before` makes of it agrees."""
        process = started("before")
        for low, high in mappings:
            process.place(HEAP + low * PAGE, HEAP + high * PAGE, HEAP_FLAGS)
        start, end = (HEAP + page * PAGE for page in request_at)
        assert case(process.mm, start, end, Want(HEAP_FLAGS, start // PAGE)) == wanted
        process.vm_brk_flags(start, end - start)
        assert process.mm.map_count == len(mappings) + {0: 1, 1: -1, 2: 0, 3: 0}[wanted]


class TestTable:
    """The table and the command."""

    def test_verdicts_follow_from_the_results(self) -> None:
        """With the results of `before` everywhere, no verdict blames a generation."""
        for id, experiment in EXPERIMENTS.items():
            results = run(id).results
            told = experiment.verdict(dict.fromkeys(results, results["before"]))
            assert told != run(id).verdict, id
            assert "in v4" not in told, told

    def test_the_command(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["experiments", "E5", "E1"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[0].split() == list(GENERATIONS)
        assert [line[:2] for line in lines if line.startswith("E")] == ["E5", "E1"]
        (row,) = (line for line in lines if line.startswith("    two bss side by side"))
        assert row.split()[-4:] == ["1", "2", "1", "1"]
        assert lines[-1] == f"    => {run('E1').verdict}"

    def test_all_of_them_in_one_table(self) -> None:
        assert list(EXPERIMENTS) == [f"E{number}" for number in range(1, 10)]
        lines = list(as_text([run(id) for id in EXPERIMENTS]))
        assert sum(line.startswith("    => ") for line in lines) == 9

    def test_json(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["experiments", "E6", "--json"]) == 0
        (line,) = capsys.readouterr().out.splitlines()
        told = json.loads(line)
        assert (told["id"], told["concern"], told["verdict"]) == ("E6", "C6", run("E6").verdict)
        assert told["results"] == run("E6").results

    def test_an_unknown_one(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["experiments", "E0"]) == 2
        assert capsys.readouterr().err == (
            "mmsim experiments: 'E0': expected one of E1, E2, E3, E4, E5, E6, E7, E8, E9\n"
        )

    def test_generations_in_a_sentence(self) -> None:
        assert named(["v4"]) == "v4"


def test_a_process_of_the_loader_has_nothing_mapped() -> None:
    assert isinstance(started("v4"), Process)
    assert mapped(started("v4")) == []
