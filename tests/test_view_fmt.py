"""Numbers, colours and imports of the pictures."""

import subprocess
import sys

import pytest

from mmsim.maple import ULONG_MAX
from mmsim.view.fmt import choose_base, label, number, parse, size, span
from mmsim.view.theme import GREY, INK, NULL_FILL, PAPER, STATES, contrast


@pytest.mark.parametrize(
    ("value", "base", "text"),
    [
        (0, None, "0"),
        (99999, None, "99999"),
        (0x7F1234567000, None, "0x7f12_3456_7000"),
        (0x7F1234567000, "dec", str(0x7F1234567000)),
        (4096, "hex", "0x1000"),
        (9, "hex", "9"),
        (ULONG_MAX, None, "ULONG_MAX"),
        (ULONG_MAX - 5, "hex", "ULONG_MAX-5"),
        (ULONG_MAX - 0xFFF, "hex", "0xffff_ffff_ffff_f000"),
    ],
)
def test_numbers_read_well_and_can_be_read_back(value: int, base: str | None, text: str) -> None:
    assert text == number(value, base)
    assert value == parse(text)


def test_one_large_index_makes_a_picture_hexadecimal_but_the_end_of_the_space_does_not() -> None:
    assert choose_base([9, 19, ULONG_MAX, ULONG_MAX - 1]) == "dec"
    assert choose_base([9, 1 << 24]) == "hex"
    assert choose_base([9, 1 << 24], "dec") == "dec"
    with pytest.raises(ValueError, match="base must be"):
        choose_base([], "oct")


def test_a_range_of_one_index_is_one_number() -> None:
    assert span(7, 7) == "7"
    assert span(7, ULONG_MAX) == "7-ULONG_MAX"


@pytest.mark.parametrize(
    ("count", "text"), [(1, "1 B"), (1023, "1023 B"), (1536, "1.5 kB"), (1 << 47, "128 TB"), (1 << 64, "16 EB")]
)
def test_sizes_have_the_largest_unit_that_fits(count: int, text: str) -> None:
    assert text == size(count)


def test_what_is_no_number_is_named() -> None:
    with pytest.raises(ValueError, match="not a number: 'heap'"):
        parse("heap")


def test_a_label_never_holds_an_address() -> None:
    class Plain:
        pass

    class Named:
        label = "heap"

    assert label(Plain()) == "Plain"
    assert label(Named()) == "heap"
    assert label("two\nlines") == "two lines"
    assert len(label("x" * 100)) == 27


@pytest.mark.parametrize("state", STATES.values(), ids=STATES.keys())
def test_text_stands_out_in_every_state(state: object) -> None:
    assert contrast(INK, state.fill) >= 4.5  # type: ignore[attr-defined]
    assert contrast(INK, state.tint) >= 4.5  # type: ignore[attr-defined]


def test_grey_text_stands_out_on_every_ground_it_is_used_on() -> None:
    assert contrast(GREY, PAPER) >= 4.5
    assert contrast(GREY, NULL_FILL) >= 4.5


def test_no_state_is_told_by_colour_alone() -> None:
    assert len({state.mark for state in STATES.values()}) == len(STATES)
    assert len({state.word for state in STATES.values()}) == len(STATES)


def test_importing_the_package_loads_nothing_heavy() -> None:
    """Only who draws pays for a drawing library."""
    code = (
        "import sys, mmsim.view, mmsim.view.pictures, mmsim.view.player, mmsim.view.widgets, mmsim.view.chart\n"
        "print(*(name for name in ('matplotlib', 'ipywidgets', 'graphviz', 'pygraphviz', 'anywidget', 'IPython')"
        " if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_every_name_of_the_package_can_be_had() -> None:
    import mmsim.view

    for name in mmsim.view.__all__:
        assert getattr(mmsim.view, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = mmsim.view.nothing
