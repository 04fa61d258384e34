"""The picture of who covers which page, and the lab that lays bss over what is there."""

from __future__ import annotations

from itertools import product

import pytest

from mmsim.brk import GENERATIONS, Process
from mmsim.experiments.build import SEGMENT, segment, started
from mmsim.mm.units import PAGE
from mmsim.view import OverlapLab, cover_picture
from mmsim.view.cover import MOST, cover
from mmsim.view.overlap_lab import SPAN, TOPS


def loaded(generation: str, page: int, pages: int) -> Process:
    """A segment, then four pages of bss from page 0."""
    process = started(generation)
    segment(process, page, pages)
    process.vm_brk_flags(SEGMENT, 4 * PAGE)
    return process


class TestCover:
    def test_two_vmas_claim_a_page(self) -> None:
        shown = cover(loaded("v4", -2, 4), SEGMENT)
        assert shown.claimed == {-2: 1, -1: 1, 0: 2, 1: 2, 2: 1, 3: 1}
        assert shown.twice == 2
        assert [shown.found[page] for page in (-1, 0)] == [row.serial for row in shown.rows]

    def test_one_that_only_the_list_has(self) -> None:
        process = loaded("v4", 0, 4)
        picture = cover_picture({"v4": process}, SEGMENT, "exactly over it")
        assert [row.lost for row in cover(process, SEGMENT).rows].count(True) == 1
        assert "program, list only   ==  ==  ==  ==" in picture.text
        assert "In the list only: #1 program, list only." in picture.description
        assert "stroke-dasharray" in picture.svg()

    @pytest.mark.parametrize("generation", [name for name in GENERATIONS if name != "v4"])
    def test_the_others_have_one_for_a_page(self, generation: str) -> None:
        assert set(cover(loaded(generation, -2, 4), SEGMENT).claimed.values()) == {1}

    def test_an_empty_space(self) -> None:
        picture = cover_picture({"today": started("today")}, SEGMENT)
        assert "total_vm counts 0 pages, 0 are mapped" in picture.text
        assert picture.svg().startswith("<svg ")

    def test_too_many_pages(self) -> None:
        process = started("today")
        process.vm_brk_flags(SEGMENT, (MOST + 1) * PAGE)
        with pytest.raises(ValueError, match="33 pages to draw, expected at most 32"):
            cover_picture({"today": process}, SEGMENT)


class TestLab:
    def test_at_first_nothing_overlaps(self) -> None:
        lab = OverlapLab("x")
        assert (lab.twice, lab.broken) == ({"v4": 0}, {"v4": "-"})

    def test_every_placement(self) -> None:
        """The pages counted twice are those that lie under bss; only the patch counts any."""
        lab = OverlapLab("x", beside="before")
        there = {*range(4, 8), *range(10, 13)}
        low, high = TOPS["first"]
        for first, pages in product(range(low, high + 1), range(TOPS["pages"][0], TOPS["pages"][1] + 1)):
            lab.set(first=first, pages=pages)
            under = there & set(range(first, first + pages))
            assert lab.twice == {"v4": len(under), "before": 0}
            assert (lab.broken["v4"] == "-") == (not under)
            assert lab.broken["before"] == "-"
            assert set(lab.covers["v4"].claimed) <= set(SPAN)

    def test_five_pages_without_swallowing(self) -> None:
        lab = OverlapLab("x", first=5, pages=7)
        assert (lab.twice, lab.broken) == ({"v4": 5}, {"v4": "I1 I3"})
        assert "v4: 5 pages counted twice, VMAs swallowed whole: 0, broken invariants: I1 I3" in lab.text

    def test_a_slider_draws_anew(self) -> None:
        lab = OverlapLab("x", first=8, pages=2)
        shown = lab.drawing.widget.value
        lab.fields["first"].value = 7
        assert lab.drawing.widget.value != shown
        assert "1 page counted twice" in lab.said.value

    def test_the_same_generation_twice_is_one(self) -> None:
        assert set(OverlapLab("x", generation="today", beside="today").processes) == {"today"}

    def test_beyond_the_ends(self) -> None:
        with pytest.raises(ValueError, match="pages = 9, expected 1 to 8"):
            OverlapLab("x").set(pages=9)
