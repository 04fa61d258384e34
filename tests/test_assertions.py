"""Assertions of one's own on the random scripts: they count as E8 does, and wrong ones are told kindly."""

from __future__ import annotations

from itertools import pairwise

import pytest

from mmsim.brk import GENERATIONS, Process
from mmsim.experiments import measure
from mmsim.experiments.assertions import Report, Scene, run_assertions, tripped
from mmsim.experiments.build import HEAP, started
from mmsim.experiments.e8 import DAMAGE
from mmsim.experiments.planted import PLANTED, wrong_claim
from mmsim.mm.units import PAGE

GOOD = [name for name in GENERATIONS if name != "v4"]
FREE = {"free": lambda at: at.free}
ENDS = {"ends": lambda at: at.end == at.address}


@pytest.fixture(scope="module")
def asked() -> Report:
    """The two assertions of the review."""
    return run_assertions(entry=FREE, extension=ENDS)


class TestTheReviewsOwn:
    def test_counts_are_those_of_the_experiment(self, asked: Report) -> None:
        for generation, found in measure("E8").results.items():
            for caller in ("brk", "vm_brk_flags"):
                assert asked.trips("free", generation, caller) == found[f"range not free, in {caller}()"]
                assert asked.trips("ends", generation, caller) == found[f"VMA ends elsewhere, in {caller}()"]
                assert asked.damaged(generation, caller) == found[f"VMAs damaged in {caller}()"]
                seen = f"  seen by the assertions asked for, {caller}()"
                assert asked.caught(generation=generation, caller=caller) == found[seen]

    def test_what_nobody_saw(self, asked: Report) -> None:
        assert len(asked.unseen(caller="brk")) == asked.damaged(caller="brk") - asked.caught(caller="brk")
        assert asked.false_alarms() == 0

    def test_the_table(self, asked: Report) -> None:
        head = asked.text.splitlines()[1]
        assert head.split("  ")[-1].strip() == "caught in vm_brk_flags(), v4"
        assert asked.text.splitlines()[-1].split()[:3] == ["any", "of", "them"]
        html = asked._repr_mimebundle_()["text/html"]
        assert html.count("<tr>") == 4
        assert "107 of 107" in html

    def test_a_range_ends_as_the_kernel_adds(self) -> None:
        """A shrink to a hole is a growth by nearly 2**64 for v4; it is refused, and no finding of the assertion."""
        spelled = run_assertions(entry={"free": lambda at: at.mm.find_in(at.address, at.stop) is None})
        assert spelled.trips("free") == 119


class TestPlaces:
    def test_a_claim_that_is_never_true_counts_who_comes_by(self) -> None:
        """32 of the 33 runs that brk() damages are damaged where it cuts, in all generations brk() cuts."""
        report = run_assertions(cut={"never": lambda at: False})
        assert report.caught(caller="brk") == 32
        assert all(report.trips("never", generation, "brk") for generation in GENERATIONS)
        assert not any(report.trips("never", generation, "vm_brk_flags") for generation in GENERATIONS)

    def test_a_cut_starts_below_the_old_break_except_in_the_patch(self) -> None:
        report = run_assertions(cut={"down": lambda at: at.new_top < at.old_top})
        assert [report.trips("down", generation) for generation in GENERATIONS] == [0, 4, 0, 0]

    def test_the_end_of_a_call_shows_all_damage(self) -> None:
        """Three sentences about the result see all runs, and none of them is wrong anywhere."""
        claims = {
            "count": lambda at: at.mm.map_count == len(list(at.mm.vmas())),
            "apart": lambda at: all(one.end <= two.start for one, two in pairwise(at.mm.vmas())),
            "total": lambda at: at.mm.total_vm == sum(vma.pages for vma in at.mm.vmas()),
        }
        report = run_assertions(after=claims)
        assert report.caught() == report.damaged() == 140
        assert report.feedback(140) == "done: caught 140 of 140 runs damaged in any call, expected at least 140"

    def test_the_code_is_as_it_was_afterwards(self) -> None:
        before = {name: dict(vars(code)) for name, code in GENERATIONS.items()}
        tripped(started("v4"), lambda process: process.brk(HEAP + PAGE), entry=FREE)
        assert before == {name: dict(vars(code)) for name, code in GENERATIONS.items()}


class TestFeedback:
    def test_nothing_written_yet(self) -> None:
        report = run_assertions(cut={"mine": None})
        assert report.feedback(3) == "not tried yet"
        assert report.text.endswith("not written yet (None): mine")

    def test_the_first_one_missed_is_told(self) -> None:
        said = run_assertions(cut={"mine": lambda at: True}).feedback(32, "brk").splitlines()
        assert said[0] == "caught 0 of 33 runs damaged in brk(), expected at least 32"
        assert said[1].startswith("the first one missed: v4, script 3, call 2: brk(): cut from 0x20010000 up to")

    def test_the_first_false_alarm_is_told(self) -> None:
        report = run_assertions(cut={"mine": lambda at: at.vma.end == at.old_top})
        assert report.feedback(32, "brk", silent=False).startswith("done: caught 32 of 33")
        assert "430 false alarms, expected none; the first: 'mine', before, script 3" in report.feedback(32, "brk")

    def test_a_claim_that_raises(self) -> None:
        with pytest.raises(ValueError, match=r"^'mine' \(entry\): AttributeError: .*; it was asked about: map 0x"):
            run_assertions(entry={"mine": lambda at: at.nothing})

    def test_a_claim_without_an_answer(self) -> None:
        with pytest.raises(ValueError, match=r"^'mine' \(entry\) answers a NoneType, expected True or False$"):
            run_assertions(entry={"mine": lambda at: None})  # type: ignore[dict-item, return-value]

    def test_one_name_twice(self) -> None:
        with pytest.raises(ValueError, match="'mine' is the name of two claims"):
            run_assertions(entry={"mine": lambda at: True}, cut={"mine": lambda at: True})


class TestTheWrongClaim:
    @pytest.mark.parametrize("letter", PLANTED)
    def test_exactly_one_is_wrong(self, letter: str) -> None:
        assert ("that is the wrong one" in wrong_claim(letter, lambda process: None)) == (letter == "B")

    def test_an_example(self) -> None:
        def calls(process: Process) -> None:
            process.brk(HEAP + 4 * PAGE)
            process.munmap(HEAP + 3 * PAGE, PAGE)
            process.brk(HEAP + 6 * PAGE)

        assert wrong_claim("B", calls).endswith("(the other half): done.")
        assert wrong_claim("B", lambda process: process.brk(HEAP + PAGE)).endswith("before, merged and today.")

    def test_a_letter_there_is_not(self) -> None:
        with pytest.raises(ValueError, match="no claim 'X', expected one of A, B"):
            wrong_claim("X", lambda process: None)


def test_a_scene_can_be_looked_at() -> None:
    scene = Scene("v4", 3, 2, "brk")
    assert not {each.id for each in scene.process().check()} & DAMAGE
    assert {each.id for each in scene.process(after=True).check()} >= {"I1"}
    assert scene.told("entry") == []
