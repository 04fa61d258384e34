"""Pictures of address spaces: the text form states all, the drawing can be told without colours."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

import mmsim.brk
import mmsim.mm
from mmsim.brk import Process
from mmsim.mm import File, UffdContext, of_letters
from mmsim.view import (
    Space,
    SpacePicture,
    event_table,
    snapshot,
    space_change,
    space_compare,
    space_counters,
    space_picture,
)
from mmsim.view.space_pictures import EVENTS
from mmsim.view.theme import STATES, contrast

BASE = 0x1000_0000
HEAP = BASE + 0x1_4000
STACK = 0x7FFF_FFFD_D000


def process(generation: str = "before") -> Process:
    """Program, data, bss, heap of 16 pages and stack."""
    made = Process(generation, start_brk=HEAP)
    program = File("program")
    made.place(BASE, BASE + 0x1000, of_letters("rd ex mr mw me"), program)
    made.place(BASE + 0x1_0000, BASE + 0x1_1000, of_letters("rd wr mr mw me ac"), program, 1)
    made.place(BASE + 0x1_1000, HEAP, of_letters("rd wr mr mw me ac"))
    made.place(STACK, 0x7FFF_FFFF_E000, of_letters("rd wr mr mw me gd ac"))
    made.brk(HEAP + 0x1_0000)
    return made


def svg_of(picture: SpacePicture) -> ElementTree.Element:
    return ElementTree.fromstring(picture.svg())


def words(picture: SpacePicture) -> list[str]:
    return [each.text or "" for each in svg_of(picture).iter("{http://www.w3.org/2000/svg}text")]


def boxes(picture: SpacePicture, stroke: str) -> list[dict[str, str]]:
    return [each.attrib for each in svg_of(picture).iter() if each.attrib.get("stroke") == stroke]


# -- the text form


def test_the_text_states_everything() -> None:
    one = process()
    one.touch(HEAP + 0x3000)
    one.touch(HEAP + 0x4000)
    one.touch(HEAP + 0x8000)
    assert str(space_picture(one, title="A process")) == (
        """\
A process
start_brk 0x1001_4000, brk 0x1002_4000 (start_brk + 64 kB); 4 VMAs
  #1  0x1000_0000-0x1000_1000 4 kB r-xp program; rd ex mr mw me; pgoff 0
      0x1000_1000-0x1001_0000 60 kB hole
  #2  0x1001_0000-0x1001_1000 4 kB rw-p program; rd wr mr mw me ac; pgoff 1
  #3  0x1001_1000-0x1002_4000 76 kB rw-p [heap]; rd wr mr mw me ac; anon_vma 5; """
        """3 pages present (0x1001_7000-0x1001_9000, 0x1001_c000-0x1001_d000)
      0x1002_4000-0x7fff_fffd_d000 128 TB hole, of it guard gap 1 MB
  #4  0x7fff_fffd_d000-0x7fff_ffff_e000 132 kB rw-p [stack]; rd wr mr mw me gd ac"""
    )


def test_what_a_neighbour_is_compared_by_is_shown() -> None:
    one = process("today")
    one.mbind(HEAP, 0x1000, "bind:0")
    one.uffd_register(HEAP + 0x4000, 0x1000, UffdContext("1"))
    one.mm.find_vma(HEAP + 0x8000).pgoff = 0x77777  # type: ignore[union-attr]
    text = str(space_picture(one))
    assert "policy bind:0" in text
    assert "rd wr mr mw me um ac; uffd 1" in text
    assert "pgoff 0x7_7777" in text


def test_an_inherited_chain_is_told_from_a_single_anon_vma() -> None:
    one = process()
    one.touch(HEAP)
    child = one.fork()
    assert isinstance(child, Process)
    assert "; anon_vma 5;" in str(space_picture(one))
    assert re.search(r"; chain 5 \d+;", str(space_picture(child)))


def test_a_break_inside_a_page_is_told_in_bytes() -> None:
    one = Process("before", start_brk=HEAP)
    assert "brk 0x1001_4000 (start_brk); 0 VMAs" in str(space_picture(one))
    one.brk(HEAP + 5)
    assert "brk 0x1001_4005 (start_brk + 5 B); 1 VMA\n" in str(space_picture(one)) + "\n"


def test_a_vma_that_is_not_what_the_tree_says_shows_both() -> None:
    one = process()
    one.mm.find_vma(HEAP).end += 0x1000  # type: ignore[union-attr]
    assert "0x1001_1000-0x1002_4000 76 kB rw-p [heap]; rd wr mr mw me ac; the VMA says 0x1001_1000-0x1002_5000" in str(
        space_picture(one)
    )


def test_a_vma_that_only_the_list_knows_is_named() -> None:
    one = process()
    one.mm.store(BASE, BASE + 0x1000, None)
    assert "only in the list: #1 0x1000_0000-0x1000_1000" in str(space_picture(one))
    assert "only in the list: #1 0x1000_0000-0x1000_1000" in words(space_picture(one))


def test_a_window_says_what_it_leaves_out() -> None:
    picture = space_picture(process(), BASE + 0x1_1000, STACK)
    assert "1 VMA, 3 more outside the window" in str(picture)
    assert "3 more VMAs outside the window" in words(picture)


def test_a_stack_too_near_is_all_guard_gap() -> None:
    one = Process("before", start_brk=HEAP)
    one.brk(HEAP + 0x1000)
    one.place(HEAP + 0x8000, HEAP + 0x9000, of_letters("rd wr mr mw me gd ac"))
    assert "0x1001_5000-0x1001_c000 28 kB hole, all of it guard gap" in str(space_picture(one))


# -- snapshots and changes


def test_a_snapshot_stays_as_it_was() -> None:
    one = process()
    before = snapshot(one)
    text = repr(before)
    one.brk(HEAP)
    one.touch(BASE + 0x1_1000)
    assert repr(before) == text != repr(snapshot(one))
    assert snapshot(before) is before
    assert repr(snapshot(one.mm)) == repr(snapshot(one))


def test_a_change_marks_new_removed_and_changed() -> None:
    one = process()
    before = snapshot(one)
    one.munmap(HEAP + 0x4000, 0x1000)
    one.munmap(BASE, 0x1000)
    old, new = str(space_change(before, one)).split("\nafter: ")
    assert [line[:4] for line in old.splitlines() if line[0] in "+~-"] == ["- #1", "~ #3"]
    assert [line[:4] for line in new.splitlines() if line[0] in "+~-"] == ["~ #3", "+ #5"]


def test_a_touch_changes_the_vma_and_a_second_one_does_not() -> None:
    one = process()
    states: list[dict[int, str]] = []
    for page in (HEAP, HEAP + 0x1000):
        before = snapshot(one)
        one.touch(page)
        states.append(dict(space_change(before, one).strips[1].states))
    assert states == [{3: "changed"}, {}]


def test_processes_are_compared_by_ranges() -> None:
    one, two = process("before"), process("today")
    picture = space_compare({"before": one, "today": two})
    assert [dict(strip.states) for strip in picture.strips] == [{}, {3: "changed", 5: "changed"}]
    assert any("~ not so in the first" in line for line in words(picture))
    with pytest.raises(ValueError, match="expected at least one"):
        space_compare({})


# -- the drawing


def test_a_drawing_has_role_title_and_description() -> None:
    before = snapshot(process())
    one = process()
    one.munmap(HEAP + 0x4000, 0x1000)
    root = svg_of(space_change(before, one, "A hole is made"))
    title, desc = root[0], root[1]
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-labelledby"] == f"{title.attrib['id']} {desc.attrib['id']}"
    assert title.text == "A hole is made"
    assert desc.text == (
        "Before: a strip of 4 VMAs, the break at start_brk + 64 kB. Changed: #3 [heap]. "
        "After: a strip of 5 VMAs, the break at start_brk + 64 kB. New: #5 [heap]. Changed: #3 [heap]."
    )


def test_states_are_told_without_colour() -> None:
    one = process()
    before = snapshot(one)
    one.munmap(HEAP + 0x4000, 0x4000)
    one.munmap(BASE, 0x1000)
    picture = space_change(before, one)
    said = words(picture)
    assert {"-#1", "~#3 rw-p"} <= set(said)
    assert any(word.startswith("+#5") for word in said)
    assert "+ new;  ~ changed;  - removed" in next(line for line in said if "zigzag" in line)
    assert len(boxes(picture, STATES["removed"].fill)) == 1
    assert boxes(picture, STATES["removed"].fill)[0]["stroke-dasharray"] == "7 4"


def test_boxes_are_to_scale_and_large_holes_are_cut() -> None:
    one = Process("before", start_brk=HEAP)
    for at, pages in ((0, 8), (30, 16), (4096, 8)):
        start = BASE + at * 0x1000
        one.place(start, start + pages * 0x1000, of_letters("rd wr mr mw me ac"))
    wide = [float(box["width"]) for box in boxes(space_picture(one), "#000000") if box.get("fill") == "#EFE3EB"]
    assert wide[1] / wide[0] == pytest.approx(2, rel=0.02)
    assert wide[2] == pytest.approx(wide[0], rel=0.01)
    assert "zigzag: drawn shorter" in words(space_picture(one))
    root = svg_of(space_picture(one))
    assert float(root.attrib["width"]) <= 880


def test_a_box_is_cut_only_when_others_would_be_too_small() -> None:
    one = Process("before", start_brk=HEAP)
    one.brk(HEAP + 0x4_0000)
    assert not any("zigzag" in line for line in words(space_picture(one)))
    one.place(BASE, BASE + 0x1000, of_letters("rd"), File("small"))
    one.brk(HEAP + 0x400_0000)
    picture = space_picture(one)
    assert any("zigzag: drawn shorter" in line for line in words(picture))
    wide = {box["fill"]: float(box["width"]) for box in boxes(picture, "#000000") if "width" in box}
    assert wide["#EEEEEE"] == pytest.approx(60, abs=1.5)
    assert wide["#D5ECFA"] == pytest.approx(430, abs=1.5)


def test_strips_of_one_picture_share_the_axis() -> None:
    one = process()
    before = snapshot(one)
    one.brk(HEAP + 0x3_0000)
    strokes = boxes(space_change(before, one), "#000000")
    stacks = {box["x"] for box in strokes if box.get("fill") == "#F9F3B5"}
    assert len(stacks) == 1


def test_what_does_not_fit_into_a_box_is_written_below() -> None:
    said = words(space_picture(process()))
    assert "#1" in said
    assert any("#1: r-xp program 4 kB, pgoff 0" in line for line in said)


def test_words_stand_before_the_lines_that_would_cross_them() -> None:
    one = Process("before", start_brk=HEAP)
    one.place(HEAP - 0x8000, HEAP - 0x4000, of_letters("rd"))
    one.place(HEAP + 0x4000, HEAP + 0x8000, of_letters("rd"))
    order = [each.attrib.get("d") or each.text for each in svg_of(space_picture(one)).iter()]
    line = next(
        at for at, what in enumerate(order) if what and what.startswith("M") and "V" in what and "l" not in what
    )
    assert line < order.index("hole")


def test_present_pages_are_a_bar_and_said() -> None:
    one = process()
    assert not any("present pages" in line for line in words(space_picture(one)))
    one.touch(HEAP)
    one.touch(HEAP + 0x4000)
    assert any("bar below a box: present pages" in line for line in words(space_picture(one)))
    assert len([box for box in boxes(space_picture(one), "#000000") if box.get("fill") == "#009E73"]) == 2


def test_text_on_boxes_can_be_read() -> None:
    from mmsim.view.strip import FILE_FILL, FILLS

    assert all(contrast("#000000", fill) > 7 for fill in (*FILLS.values(), FILE_FILL))


def test_a_picture_of_an_empty_space_can_be_drawn() -> None:
    picture = space_picture(Process("before", start_brk=HEAP))
    assert "start_brk = brk 0x1001_4000" in words(picture)


def test_a_process_without_a_heap_has_no_marks() -> None:
    one = Process("before")
    assert str(space_picture(one)) == "address space\nno heap; 0 VMAs"
    one.place(BASE, BASE + 0x4000, of_letters("rd"), File("only"))
    picture = space_picture(one)
    assert not any("brk" in line for line in words(picture))
    assert picture.description == "A strip of 1 VMAs, no heap."


def test_a_drawing_is_the_same_each_time_and_whatever_the_renderer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMSIM_RENDERER", "pygraphviz")
    first = space_picture(process()).svg()
    monkeypatch.setenv("MMSIM_RENDERER", "text")
    assert space_picture(process()).svg() == first


def test_no_file_name_can_break_the_drawing() -> None:
    one = Process("before", start_brk=HEAP)
    one.place(BASE, BASE + 0x1_0000, of_letters("rd"), File('<a> & "b"'))
    assert any('<a> & "b"' in line for line in words(space_picture(one)))


def test_a_picture_is_saved_by_the_ending(tmp_path: Path) -> None:
    picture = space_picture(process())
    assert picture.save(tmp_path / "a.txt").read_text() == str(picture) + "\n"
    assert picture.save(tmp_path / "a.svg").read_text().startswith("<svg ")
    with pytest.raises(ValueError, match=r"expected a name that ends in .svg, .txt"):
        picture.save(tmp_path / "a.png")


def test_a_notebook_gets_text_and_drawing() -> None:
    bundle = space_picture(process())._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "image/svg+xml"}


# -- counters and events


def test_counters_show_what_the_vmas_add_up_to() -> None:
    one = process("v4")
    one.brk(HEAP + 0x8000)
    text = str(space_counters(one))
    assert "data_vm      20 ! the VMAs add up to 12" in text
    assert "total_vm     46" in text
    assert "locked_vm" not in text  # zero and right: no bar
    assert "present" not in text
    one.touch(HEAP)
    assert "present      1" in str(space_counters(one))
    bars = space_counters({"v4": one, "before": process()})
    assert 'stroke-dasharray="5 3"' in bars.svg()
    assert "20 ! the VMAs add up to 12" in bars.svg()
    assert "data_vm v4 20 ! the VMAs add up to 12, data_vm before 20" in bars.description
    ElementTree.fromstring(bars.svg())


def test_events_are_a_table() -> None:
    one = process()
    one.mm.events.clear()
    one.brk(HEAP + 0x8000)
    table = event_table(one, "a shrink")
    assert str(table).splitlines()[0] == f"a shrink: {len(one.mm.events)} events"
    assert [row[0] for row in table.rows] == [event[0] for event in one.mm.events]
    html = table._repr_mimebundle_()["text/html"]
    assert html.count("<tr>") == 1 + len(one.mm.events)
    assert "<caption>a shrink</caption>" in html
    assert table._repr_mimebundle_()["text/plain"] == str(table)


def test_lengths_and_numbers_of_nodes_are_no_vmas() -> None:
    table = event_table([("populate", HEAP, 0x4000), ("maple_prealloc", 7), ("merge", HEAP, HEAP + 1, None)])
    assert [row[1] for row in table.rows] == ["0x1001_4000 0x4000", "7 nodes", "0x1001_4000 0x1001_4001 -"]


def test_every_event_has_words() -> None:
    folders = [Path(module.__file__ or "").parent for module in (mmsim.mm, mmsim.brk)]
    logged = {
        name
        for folder in folders
        for path in folder.glob("*.py")
        for name in re.findall(r'\.log\("(\w+)"', path.read_text())
    }
    assert logged <= set(EVENTS)


def test_a_space_is_small() -> None:
    assert set(Space._fields) == {"pieces", "start_brk", "brk", "counters", "listed", "hidden"}


def test_two_marks_that_would_cover_each_other_stand_in_two_rows() -> None:
    """At the right end the break's label is left of its line, where that of a small heap's start is as well."""
    one = Process("before", start_brk=HEAP)
    one.place(HEAP - 0x4000, HEAP, of_letters("rd wr mr mw me ac"), File("program"))
    one.brk(HEAP + 0x1000)
    heights = re.findall(r'<text[^>]* y="([\d.]+)"[^>]*>(?:start_)?brk 0x', space_picture(one).svg())
    assert len(set(heights)) == 2
