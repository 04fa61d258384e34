"""Pictures: text form, DOT text, SVG, renderers."""

import os
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from mmsim.maple import MapleTree
from mmsim.view import Marks, picture, picture_diff, picture_write, renderer
from mmsim.view.chart import bars
from mmsim.view.render import NoRenderer

from .view_trees import small, spanning, split, two_leaves, usable_renderers

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(params=usable_renderers())
def using(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each renderer in turn."""
    monkeypatch.setenv("MMSIM_RENDERER", request.param)
    return request.param


# -- text


def test_the_text_form_states_every_slot() -> None:
    expected = """\
maple tree
height 1, 1 node, 1 range
  #1 leaf_64 0-ULONG_MAX, 3 of 16 slots
    0-9 NULL | 10-19 a | 20-ULONG_MAX NULL"""
    assert expected == str(picture(small()))


def test_the_text_form_shows_gaps_and_the_recorded_largest() -> None:
    lines = str(picture(two_leaves())).splitlines()
    root = next(line for line in lines if "arange_64" in line)
    assert root.endswith("arange_64 0-ULONG_MAX, 2 of 10 slots")
    assert lines[lines.index(root) + 1] == "    gaps: [0] 2 | [1] ULONG_MAX-147 *"


def test_a_tree_without_nodes_says_what_it_is() -> None:
    tree = MapleTree()
    assert str(picture(tree)) == "maple tree\nno node: empty tree"
    tree.store_range(0, 0, "only")
    assert str(picture(tree)).splitlines()[1:] == [
        "no node: the root holds the entry of index 0",
        "  0 only | 1-ULONG_MAX NULL",
    ]


def test_every_mark_has_its_character_in_the_text() -> None:
    ids = [node.id for node, _ in two_leaves().path_to(0)]
    marks = Marks({ids[0]: "new", ids[1]: "changed"}, {(ids[1], 0): "removed"}, {(ids[1], 2): "here"})
    lines = str(picture(two_leaves(), marks)).splitlines()
    assert lines[2].startswith("+ ")
    assert lines[4].startswith("~ ")
    assert lines[5].strip().startswith("-0-7 a | 8-9 NULL | 10-17 b (here)")


def test_an_unknown_state_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="no state 'bright'"):
        picture(small(), {1: "bright"})


def test_addresses_get_a_line_each_with_their_size() -> None:
    tree = MapleTree()
    tree.store_range(0x7F12_3456_7000, 0x7F12_3456_8FFF, "heap")
    assert "    0x7f12_3456_7000-0x7f12_3456_8fff 8 kB heap" in str(picture(tree)).splitlines()


def test_no_line_is_wider_than_a_page() -> None:
    tree = MapleTree(alloc_range=True)
    for at in range(200):
        tree.store_range(0x7F12_3456_0000 + at * 0x3000, 0x7F12_3456_0FFF + at * 0x3000, f"library-{at}.so r--p")
    assert max(map(len, str(picture(tree)).splitlines())) <= 110
    assert max(map(len, str(picture_write(spanning())).splitlines())) <= 110


def test_what_is_folded_is_said_and_counted() -> None:
    tree = MapleTree()
    for at in range(400):
        tree.store_range(at * 10, at * 10 + 5, at)
    text = str(picture(tree, max_nodes=4))
    nodes = tree.stats().nodes
    assert f"{nodes} nodes" in text
    assert f"{nodes - 4} of the nodes folded" in text
    folded = [line.split("... ")[1].split()[0] for line in text.splitlines() if "... " in line]
    assert nodes - 4 == sum(map(int, folded))


def test_marked_nodes_are_never_folded_first() -> None:
    tree = MapleTree()
    for at in range(400):
        tree.store_range(at * 10, at * 10 + 5, at)
    leaf = tree.path_to(3990)[-1][0]
    assert f"#{leaf.id} leaf_64" in str(picture(tree, {leaf.id: "new"}, max_nodes=4))


def test_a_write_is_shown_before_and_after_with_what_changed() -> None:
    write = split()
    text = str(picture_write(write))
    assert text.splitlines()[0] == "store_range 65-66 X: split"
    before, after = text.split("\nafter ")
    for id in write.diff.removed:
        assert any(line.startswith("- ") and f"#{id} " in line for line in before.splitlines())
    for id in write.diff.added:
        assert any(line.startswith("+ ") and f"#{id} " in line for line in after.splitlines())
    assert "+65-66 X" in after


def test_two_states_are_compared() -> None:
    before = two_leaves()
    after = before.copy()
    after.store_range(0, 7, "other")
    text = str(picture_diff(before, after))
    assert text.startswith("before and after\nbefore (~ changed): ")
    assert "0-7 a " in text
    assert "0-7 other " in text


def test_a_tree_shows_itself() -> None:
    bundle = two_leaves()._repr_mimebundle_()
    assert bundle["text/plain"] == str(picture(two_leaves()))
    assert "image/svg+xml" in bundle


# -- DOT


def test_the_dot_text_of_a_small_tree_is_exactly_this() -> None:
    cell = 'COLOR="#BBBBBB" HEIGHT="22"'
    null = 'COLOR="#000000" HEIGHT="22" BGCOLOR="#EEEEEE"'
    number = '<FONT POINT-SIZE="10" COLOR="#595959">'
    expected = (
        "digraph tree {\n"
        '\tbgcolor="#FFFFFF" fontname="DejaVu Sans" fontsize=13 nodesep=0.2 rankdir=TB\n'
        "\tranksep=0.4\n"
        "\tpad=0.1\n"
        '\tnode [fontcolor="#000000" fontname="DejaVu Sans" fontsize=12 shape=plain]\n'
        '\tedge [arrowsize=0.6 color="#595959"]\n'
        '\tn1 [label=<<TABLE BORDER="1" CELLBORDER="1" CELLSPACING="0" CELLPADDING="3" COLOR="#595959" '
        'STYLE="solid" BGCOLOR="#FFFFFF">'
        f'<TR><TD {cell} COLSPAN="3" BGCOLOR="#E4E4E4" BORDER="0"><B>leaf_64 #1</B></TD></TR>'
        f'<TR><TD {cell} COLSPAN="3" BORDER="0"><FONT POINT-SIZE="11" COLOR="#000000">0 – ULONG_MAX</FONT><BR/>'
        f"{number}3 of 16 slots</FONT></TD></TR>"
        f'<TR><TD {null} STYLE="dotted">{number}0</FONT></TD>'
        f'<TD {null} ALIGN="LEFT" STYLE="dotted">0 – <B>9</B></TD>'
        f'<TD {null} ALIGN="LEFT" STYLE="dotted"><I>NULL</I></TD></TR>'
        f"<TR><TD {cell}>{number}1</FONT></TD>"
        f'<TD {cell} ALIGN="LEFT">10 – <B>19</B></TD>'
        f'<TD {cell} ALIGN="LEFT">a</TD></TR>'
        f'<TR><TD {null} STYLE="dotted">{number}2</FONT></TD>'
        f'<TD {null} ALIGN="LEFT" STYLE="dotted">20 – <B>ULONG_MAX</B></TD>'
        f'<TD {null} ALIGN="LEFT" STYLE="dotted"><I>NULL</I></TD></TR>'
        "</TABLE>>]\n"
        "}\n"
    )
    assert expected == picture(small()).dot


def test_the_dot_text_is_the_same_every_time() -> None:
    assert picture_write(split()).dot == picture_write(split()).dot


def test_names_are_escaped() -> None:
    tree = MapleTree()
    tree.store_range(1, 2, "<b>&\"'")
    assert "&lt;b&gt;&amp;&quot;&#x27;" in picture(tree).dot
    ElementTree.fromstring(picture(tree).svg())


# -- SVG


@pytest.mark.usefixtures("using")
@pytest.mark.parametrize("make", [lambda: picture(two_leaves()), lambda: picture_write(split())])
def test_every_svg_is_well_formed_and_described(make: object) -> None:
    drawn = make()  # type: ignore[operator]
    root = ElementTree.fromstring(drawn.svg())
    title, text = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert root.tag == f"{SVG}svg"
    assert root.get("role") == "img"
    assert title is not None
    assert title.text == drawn.title
    assert text is not None
    assert text.text == drawn.description
    assert root.get("aria-labelledby") == f"{title.get('id')} {text.get('id')}"


@pytest.mark.usefixtures("using")
def test_the_text_forms_do_not_depend_on_the_renderer(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = picture_write(split())._repr_mimebundle_()
    monkeypatch.setenv("MMSIM_RENDERER", "text")
    plain = picture_write(split())._repr_mimebundle_()
    assert drawn["text/plain"] == plain["text/plain"]
    assert set(drawn) - {"application/vnd.jupyter.widget-view+json"} == set(plain) == {"text/plain", "image/svg+xml"}


@pytest.mark.usefixtures("using")
def test_the_svg_is_the_same_twice_and_holds_no_prolog() -> None:
    one, two = (picture(two_leaves()).svg() for _ in range(2))
    assert one == two
    assert one.startswith("<svg ")
    assert one.endswith("</svg>")
    assert "<?xml" not in one
    assert "<!DOCTYPE" not in one


def test_ids_of_equal_pictures_can_be_kept_apart() -> None:
    drawn = picture(small())
    ids = [element.get("id") for salt in "ab" for element in ElementTree.fromstring(drawn.svg(salt)).iter()]
    named = [id for id in ids if id]
    assert len(named) == len(set(named)) == 4


def test_the_description_says_what_changed() -> None:
    write = split()
    said = picture_write(write).description
    assert "Before: A maple tree: height 2, 3 nodes, 15 ranges, gaps tracked. Removed: " in said
    assert all(f"#{id} " in said for id in (*write.diff.removed, *write.diff.added))


def test_without_graphviz_the_svg_is_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMSIM_RENDERER", "text")
    drawn = list(ElementTree.fromstring(picture(small()).svg()).iter(f"{SVG}text"))
    assert [line.strip() for line in str(picture(small())).splitlines()[1:]] == [element.text for element in drawn]
    left = [float(element.get("x", "0")) for element in drawn]
    assert left[0] < left[1] < left[2]  # indented as the text is


def test_with_wasm_the_browser_gets_the_dot_text(monkeypatch: pytest.MonkeyPatch) -> None:
    from mmsim.view import wasm

    monkeypatch.setenv("MMSIM_RENDERER", "wasm")
    drawn = picture_write(split())
    assert drawn._repr_mimebundle_()[wasm.VIEW]["version_major"] == 2
    widget = wasm.empty()
    wasm.show(widget, [drawn])
    assert [[panel.dot for panel in drawn.panels]] == widget.dots
    assert widget.html.count("<img ") == 1
    assert len(str(widget.get_state())) < 200_000  # Graphviz itself is not sent with every picture


def test_the_browser_gets_graphviz_when_it_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    from mmsim.view import wasm

    widget = wasm.empty()
    sent: list[dict[str, str]] = []
    monkeypatch.setattr(widget, "send", sent.append)
    widget._handle_custom_msg({"want": "library"}, [])
    widget._handle_custom_msg({"want": "anything else"}, [])
    assert [list(message) for message in sent] == [["library"]]
    assert "as Graphviz" in sent[0]["library"]


def test_in_the_browser_edition_graphviz_comes_with_the_first_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    from mmsim.view import wasm

    wasm._widget_class.cache_clear()
    monkeypatch.setattr("sys.platform", "emscripten")
    try:
        assert ["as Graphviz" in wasm.empty().library for _ in range(2)] == [True, False]
    finally:
        wasm._widget_class.cache_clear()


# -- saving, renderers


def test_a_picture_is_saved_by_the_ending_of_the_name(tmp_path: Path) -> None:
    drawn = picture(small())
    assert drawn.save(tmp_path / "a.txt").read_text(encoding="utf-8") == drawn.text + "\n"
    assert drawn.save(tmp_path / "a.dot").read_text(encoding="utf-8").strip() == drawn.dot.strip()
    assert drawn.save(tmp_path / "a.svg").read_text(encoding="utf-8").startswith("<svg ")
    with pytest.raises(ValueError, match=r"cannot save 'a\.png'"):
        drawn.save(tmp_path / "a.png")


def test_the_renderer_says_why_it_is_used(using: str) -> None:
    assert renderer() == (using, "MMSIM_RENDERER asks for it")


def test_without_a_wish_the_first_that_works_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    from mmsim.view import render

    monkeypatch.delenv("MMSIM_RENDERER", raising=False)
    problems = {"pygraphviz": "no pygraphviz (no wheel)", "dot": "no dot on PATH", "wasm": None}
    monkeypatch.setattr(render, "problem", problems.get)
    assert renderer() == ("wasm", "no pygraphviz (no wheel); no dot on PATH; wasm works")


def test_a_wish_that_cannot_be_met_is_an_error_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from mmsim.view import render

    monkeypatch.setenv("MMSIM_RENDERER", "crayons")
    with pytest.raises(NoRenderer, match="MMSIM_RENDERER is 'crayons': expected one of pygraphviz, dot, wasm, text"):
        renderer()
    monkeypatch.setenv("MMSIM_RENDERER", "dot")
    monkeypatch.setattr(render, "problem", {"dot": "no dot on PATH"}.get)
    with pytest.raises(NoRenderer, match="MMSIM_RENDERER is 'dot', but no dot on PATH"):
        renderer()


def test_dot_on_path_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for `dot` is enough: it must get the DOT text and its SVG must be used."""
    fake = tmp_path / "dot"
    fake.write_text(
        '#!/bin/sh\ncat > "$0.in"\n'
        'echo \'<?xml version="1.0"?><svg viewBox="0.00 0.00 40.00 20.00"><g id="x"/></svg>\'\n'
    )
    fake.chmod(0o755)
    from mmsim.view import render

    monkeypatch.setattr(render, "renderer", lambda: render.Renderer("dot", "test"))
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    tree = MapleTree()
    tree.store_range(123, 456, "only in this test")
    svg = picture(tree).svg()
    assert picture(tree).dot == (tmp_path / "dot.in").read_text(encoding="utf-8")
    assert 'viewBox="0 0 40 20"' in svg
    assert 'id="x"' not in svg


def test_a_dot_that_fails_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mmsim.view import render

    fake = tmp_path / "dot"
    fake.write_text("#!/bin/sh\necho first >&2\necho 'syntax error in line 1' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(ValueError, match="dot failed: syntax error in line 1"):
        render.graphviz_svg("digraph {", "dot")


def test_drawing_is_silent_and_leaves_the_environment_alone() -> None:
    """Graphviz and fontconfig write to fd 2 from C; a notebook would show that as an error."""
    import sys

    code = (
        "import os; before = dict(os.environ)\n"
        "from mmsim.maple import MapleTree; from mmsim.view import picture\n"
        "tree = MapleTree(); tree.store_range(1, 2, 'a'); picture(tree).svg()\n"
        "assert before == dict(os.environ)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""


# -- chart


def test_the_chart_is_described_and_the_same_twice() -> None:
    ratios = {"look-up": {"SortedDict": 2.5, "BTrees": 0.4}, "gap search": {"SortedDict": 1200.0}}
    one, two = (bars(ratios, "Ratios", "times slower", "SortedDict needs 2.5 times as long.") for _ in range(2))
    assert one == two
    root = ElementTree.fromstring(one)
    assert root.get("role") == "img"
    assert [element.text for element in root[:2]] == ["Ratios", "SortedDict needs 2.5 times as long."]
    said = [element.text for element in root.iter(f"{SVG}text")]
    assert {"2.5", "0.4", "1,200", "look-up", "gap search", "SortedDict", "BTrees"} <= set(said)
