"""The monitor's book beside the kernel's tree, and the lab that cuts a registered heap."""

from __future__ import annotations

from itertools import product

import pytest

from mmsim.brk import GENERATIONS, Process
from mmsim.mm import UffdContext
from mmsim.mm.calls import MAP, PROT
from mmsim.mm.units import PAGE
from mmsim.view import MonitorLab, Watch, monitor_picture

START = 0x1000_0000


def overmapped(generation: str) -> tuple[Process, Watch]:
    """Four registered pages of six, and bss over them."""
    process, monitor = Process(generation), UffdContext("monitor")
    flags = MAP.PRIVATE | MAP.FIXED | MAP.ANONYMOUS
    process.mmap(START + PAGE, 4 * PAGE, PROT.READ | PROT.WRITE, flags)
    process.uffd_register(START + PAGE, 4 * PAGE, monitor)
    process.vm_brk_flags(START + PAGE, 4 * PAGE)
    return process, Watch(monitor, START, 6, 1, 5)


def test_the_book_is_wrong_where_nobody_told() -> None:
    process, watch = overmapped("v4")

    assert watch.kernel(process) == ".mmmm."
    assert watch.belief() == ".rrrr."
    assert watch.wrong(process) == [1, 2, 3, 4]
    assert watch.told() == "nothing"


@pytest.mark.parametrize("generation", [name for name in GENERATIONS if name != "v4"])
def test_it_is_right_where_somebody_did(generation: str) -> None:
    process, watch = overmapped(generation)

    assert watch.belief() == "......"
    assert watch.wrong(process) == []
    assert watch.told() == "pages 1 to 4"


def test_picture_and_text_say_the_same() -> None:
    picture = monitor_picture(*overmapped("v4"), "over")

    assert picture.text.splitlines()[:5] == [
        "over",
        "  page            0  1  2  3  4  5",
        "  kernel          .  m  m  m  m  .",
        "  monitor's book  .  r  r  r  r  .",
        "                     !  !  !  !",
    ]
    assert picture.text.endswith("only in the list: #1 0x1000_1000-0x1000_5000")
    assert picture.description.startswith("The monitor was told of nothing: the monitor is wrong about 4 of 6 pages.")
    assert picture.svg().count("stroke-dasharray") == 4


def test_the_task_of_notebook_15() -> None:
    """v4 tells exactly when a VMA begins at the new break."""
    lab = MonitorLab("x", brk=8)
    assert (lab.taken, lab.told) == (4, 0)
    lab.set(low=8)
    assert (lab.taken, lab.told) == (4, 4)
    lab.set(brk=3)
    assert (lab.taken, lab.told) == (4, 0)
    assert "only in the list: #1" in lab.text


def test_only_the_patch_makes_the_book_wrong() -> None:
    """At every extreme of the inputs, and between."""
    lab = MonitorLab("x")
    for low, high, brk, generation in product((0, 5, 12), (0, 5, 12), (0, 4, 5, 12, 16), GENERATIONS):
        lab.set(low=low, high=high, brk=brk, generation=generation)
        wrong = lab.watch.wrong(lab.process)
        assert len(wrong) == lab.taken - lab.told, (low, high, brk, generation)
        assert not wrong or generation == "v4"
        assert lab.picture.svg()


def test_a_growth_takes_nothing() -> None:
    lab = MonitorLab("x", brk=16)
    assert lab.answer == 16
    assert (lab.taken, lab.told) == (0, 0)
    assert "accepted; 0 registered pages taken away" in lab.text


def test_nothing_registered_is_said() -> None:
    assert "registered: nothing of a heap of 12" in MonitorLab("x", low=5, high=5).text


def test_moving_a_slider_makes_another_call() -> None:
    lab = MonitorLab("x")
    shown = lab.drawing.widget.value
    lab.fields["brk"].value = 4
    assert lab.taken == 8
    assert lab.drawing.widget.value != shown
    assert "8 registered pages taken away" in lab.said.value
