"""Rules for extending a heap against what brk() does, what a page holds, and programs that show a difference."""

from __future__ import annotations

import pytest

from mmsim.brk import GENERATIONS
from mmsim.experiments.build import HEAP, HEAP_FLAGS, started
from mmsim.experiments.e2 import TOP, below, grow
from mmsim.experiments.rule import PROPERTIES, content, counter_example, described, differing, judged, last_growth
from mmsim.mm import VM, File, Vma
from mmsim.mm.calls import MAP, PROT
from mmsim.mm.units import PAGE
from mmsim.trace import RecordingError

RW = PROT.READ | PROT.WRITE
HERE = MAP.PRIVATE | MAP.FIXED


def patch(vma: Vma, address: int) -> bool:
    return (vma.anon_vma is None or vma.singular) and vma.flags & ~VM.SOFTDIRTY == HEAP_FLAGS


def whole(vma: Vma, address: int) -> bool:
    ops = vma.ops is None or not vma.ops.close
    place = vma.end == address and vma.pgoff + vma.pages == address // PAGE
    return patch(vma, address) and ops and place and vma.file is None and vma.policy is None


def file_at_the_end(prot: int = RW, flags: int = HERE) -> list[tuple[str, object]]:
    place = [HEAP + 3 * PAGE, PAGE, prot, flags, "data", 0]
    return [("brk", HEAP + 4 * PAGE), ("mmap_file", place), ("brk", HEAP + 6 * PAGE)]


class TestRules:
    def test_the_patchs_two_terms_are_the_patch(self) -> None:
        assert judged(patch, generation="v4") == "done: the rule and v4 agree on all 512 VMAs"

    def test_what_the_patch_lacks_makes_it_the_old_rule(self) -> None:
        assert judged(whole) == "done: the rule and before agree on all 512 VMAs"
        assert judged(whole, generation="merged").startswith("done")

    def test_the_smallest_difference_comes_first(self) -> None:
        assert len(list(differing(patch, "before"))) == 31
        assert next(differing(patch, "before")) == ("file",)
        assert judged(patch) == (
            "not yet: 31 of 512 VMAs are judged otherwise. The smallest: for a VMA with file, "
            "expected new VMA (before), got extended"
        )

    def test_today_differs_in_one(self) -> None:
        assert list(differing(whole, "today")) == [("close hook",)]

    def test_properties_are_those_of_the_experiment(self) -> None:
        assert len(PROPERTIES) == 9

    def test_an_untouched_rule(self) -> None:
        assert judged(lambda vma, address: None) == "not tried yet"

    def test_rules_together(self) -> None:
        assert judged(patch, whole).startswith("done")
        assert judged(patch, lambda vma, address: None) == "not tried yet"
        assert judged(patch, lambda vma, address: vma.file is None).startswith("not yet: 15 of 512")

    def test_a_rule_that_stops(self) -> None:
        said = judged(lambda vma, address: vma.ops.close)
        assert said == "not yet: the rule stopped with AttributeError: 'NoneType' object has no attribute 'close'"


class TestContent:
    @pytest.mark.parametrize(("generation", "found"), [("v4", "page 131076 of data"), ("merged", "zeros")])
    def test_the_page_above_a_file(self, generation: str, found: str) -> None:
        process, vma = below(generation, {"file"})
        grow(process, vma)
        assert content(process, TOP) == found

    def test_behind_the_end_of_a_file(self) -> None:
        process = started("v4")
        process.place(HEAP, HEAP + 4 * PAGE, HEAP_FLAGS, File("data", 3))
        assert content(process, HEAP + 2 * PAGE) == "page 2 of data"
        assert content(process, HEAP + 3 * PAGE) == "SIGBUS: behind the end of data"

    def test_nothing_and_unreadable(self) -> None:
        process = started("today")
        assert content(process, HEAP) == "SIGSEGV: nothing is mapped"
        process.mmap(HEAP, PAGE, PROT.NONE, HERE | MAP.ANONYMOUS)
        assert content(process, HEAP) == "SIGSEGV: not readable"

    def test_what_a_page_has_from_its_vma(self) -> None:
        for wrong, found in (
            ("memory policy", "zeros, policy interleave"),
            ("page offset", "zeros, page number off by +1"),
        ):
            process, vma = below("v4", {wrong})
            grow(process, vma)
            assert described(process, TOP) == found
        assert described(process, HEAP - PAGE) == "SIGSEGV: nothing is mapped"


class TestCounterExample:
    def test_a_file_at_the_end_of_the_heap(self) -> None:
        found = {generation: last_growth(file_at_the_end(), generation) for generation in GENERATIONS}
        assert found == dict.fromkeys(GENERATIONS, "new VMA") | {"v4": "extended: the mapping of data"}
        assert counter_example(file_at_the_end()).splitlines()[-1].startswith("done")

    def test_untouched(self) -> None:
        assert counter_example(None) == "not tried yet"

    @pytest.mark.parametrize(
        ("script", "said"),
        [
            (file_at_the_end(prot=PROT.READ), "v4 makes a new VMA; is the last VMA of the heap a file's"),
            (
                file_at_the_end(flags=MAP.PRIVATE | MAP.FIXED_NOREPLACE),
                "call 2, mmap_file, was refused: it answers -EEXIST",
            ),
            (
                [("brk", HEAP - PAGE), ("brk", HEAP + PAGE)],
                "call 1, brk, was refused: it answers the old break, 0x20000000",
            ),
            (file_at_the_end(flags=MAP.SHARED | MAP.FIXED), "v4 makes a new VMA"),
            ([("brk", HEAP + PAGE), ("brk", HEAP + 2 * PAGE)], "v4 extends the heap"),
            ([("mmap_file", [HEAP, PAGE, RW, HERE, "data", 0]), ("brk", HEAP + PAGE)], "v4 refuses the growth"),
            ([("brk", HEAP + 2 * PAGE), ("brk", HEAP + PAGE)], "the last call of the script has to be a brk()"),
            ([("mmap_file", [HEAP])], "the last call of the script has to be a brk()"),
            ([("open", "data"), ("brk", HEAP + PAGE)], "unknown op 'open'"),
            (["brk"], "a call is a pair"),
            ([], "the last call of the script has to be a brk()"),
            ([("brk", None)], "the last call of the script has to be a brk()"),
            ([("mmap_file", [HEAP]), ("brk", HEAP + PAGE)], "expected [addr, len, prot, flags, file, pgoff]"),
            (7, "a script is a list of calls"),
        ],
    )
    def test_what_does_not_do_says_why(self, script: list[object], said: str) -> None:
        last = counter_example(script).splitlines()[-1]
        assert last.startswith("not yet: ")
        assert said in last

    def test_a_script_must_end_with_a_growth(self) -> None:
        with pytest.raises(RecordingError, match="the last call"):
            last_growth([("touch", HEAP)], "v4")
