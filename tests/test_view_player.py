"""The step player: frames, text form, HTML."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from mmsim.maple import MapleTree, Write
from mmsim.view import StepPlayer
from mmsim.view.frames import GOALS

from .view_trees import small, spanning, split, two_leaves, usable_renderers

SANITIZED = re.compile(r"(?s)<svg .*</svg>")


class Tags(HTMLParser):
    """Every start tag with its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.found.append((tag, dict(attrs)))

    def all(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.found if tag == name]


def test_a_split_has_a_frame_for_each_subgoal() -> None:
    assert [frame.label for frame in StepPlayer(split()).frames] == list(GOALS)


def test_a_write_has_a_frame_for_each_level_and_three_more() -> None:
    write = spanning()
    player = StepPlayer(write)
    assert len(player) == 3 + len(write.steps)
    for step, frame in zip(write.steps, player.frames[2:-1], strict=True):
        assert frame.sentence.startswith(f"Level {step.level}")
        assert f"{step.action}: " in frame.sentence
        assert f" {len(step.joined)} slots, " in frame.sentence
        assert all(f"#{id}" in frame.sentence for id in (*step.took, *step.made))


def test_a_step_that_takes_a_neighbour_says_why() -> None:
    tree = two_leaves()
    while tree.height > 1:
        with tree.watch() as log:
            tree.erase(next(iter(tree))[0])
        if log[0].steps:
            sentence = StepPlayer(log[0]).frames[2].sentence
            assert sentence.startswith("Level 0, the leaves: rebalance: too little for a node, so the neighbour joins.")
            return
    pytest.fail("no erase led to a rebalance")


def test_a_spanning_store_shows_both_walks() -> None:
    write = spanning()
    frame = StepPlayer(write).frames[0]
    after = [node.id for node, _ in write.before.path_to(write.last + 1)]
    assert f"A second walk, {' - '.join(f'#{id}' for id in after)}, finds" in frame.sentence
    assert all(re.search(rf"^> .*#{id} ", frame.picture.text, re.MULTILINE) for id in after)


def test_a_null_that_would_end_a_leaf_says_so() -> None:
    tree = two_leaves()
    leaf = tree.root.slots[0]
    with tree.watch() as log:
        tree.erase(leaf.pivots[-1])
    assert StepPlayer(log[0]).frames[1].sentence == (
        f"No: leaf #{leaf.id} would end in a NULL, and only the last leaf may. Path: spanning."
    )


def test_a_write_that_fits_has_no_step_frames() -> None:
    tree = small()
    with tree.watch() as log:
        tree.store_range(10, 19, "b")
    assert [frame.label for frame in StepPlayer(log[0]).frames] == [GOALS[0], GOALS[1], GOALS[4]]


def test_joined_data_is_shown_in_the_pieces_it_was_cut_into() -> None:
    write = split()
    frames = StepPlayer(write).frames
    text = frames[2].picture.text
    step = write.steps[0]
    assert f"{len(step.joined)} slots in {len(step.cuts) + 1} pieces" in text
    assert f"  #{step.made[0]}: 0-7 a | " in text
    assert " +65-66 X" in text
    assert all(re.search(rf" \+\S+ #{id}\b", frames[3].picture.text) for id in step.made)


def test_the_first_frames_mark_the_walk_and_the_last_what_is_new() -> None:
    write = split()
    frames = StepPlayer(write).frames
    path = [node.id for node, _ in write.before.path_to(write.index)]
    assert all(re.search(rf"^> .*#{id} ", frames[0].picture.text, re.MULTILINE) for id in path)
    assert all(re.search(rf"^\+ .*#{id} ", frames[-1].picture.text, re.MULTILINE) for id in write.diff.added)


def test_every_path_a_write_can_take_has_its_sentence() -> None:
    """Random writes meet every path; none may leave the second frame without an answer."""
    import random

    chance = random.Random(1)
    met: dict[str, Write] = {}
    for round in range(30):
        tree = MapleTree(alloc_range=bool(round % 2))
        with tree.watch() as log:
            for _ in range(60):
                index = chance.randrange(200)
                entry = chance.choice([None, "a", "b"])
                tree.store_range(index, index + chance.choice([0, 0, 1, 3, 40]), entry)
            tree.store_range(0, 2**64 - 1, None)
            tree.store_range(0, 0, "root")
        met |= {write.path: write for write in log if write.path}
    assert {"append", "split", "spanning", "rebalance", "new root", "exact"} <= set(met)
    for path, write in met.items():
        said = StepPlayer(write).frames[1].sentence
        assert said.endswith(f". Path: {path}.")


def test_several_writes_have_a_frame_each_and_the_start() -> None:
    tree = two_leaves()
    with tree.watch() as log:
        for at in range(4):
            tree.store_range(200 + at, 200 + at, "x")
    player = StepPlayer(log)
    assert [frame.label for frame in player.frames] == ["start", "write 1", "write 2", "write 3", "write 4"]
    assert player.title == "4 writes"


def test_states_can_be_played_with_and_without_names() -> None:
    one, two = small(), small()
    two.store_range(30, 39, "b")
    assert [frame.label for frame in StepPlayer([one, two]).frames] == ["state 1", "state 2"]
    named = StepPlayer([("empty", MapleTree()), ("one", one), ("two", two)])
    assert [frame.label for frame in named.frames] == ["empty", "one", "two"]
    assert "changed #1" in named.frames[2].sentence


@pytest.mark.parametrize(("what", "error"), [([], ValueError), (small(), ValueError), (["x"], TypeError)])
def test_what_cannot_be_played_is_refused(what: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"nothing to play|cannot play a str"):
        StepPlayer(what)


def test_the_text_form_lists_every_frame() -> None:
    player = StepPlayer(split())
    assert [f"[{at} of 5] {goal}" for at, goal in enumerate(GOALS, 1)] == re.findall(
        r"^\[\d of 5\] [^:]+", repr(player), re.M
    )
    assert max(map(len, repr(player).splitlines())) <= 110
    assert "\n  the same picture\n" in repr(player)


@pytest.mark.parametrize("name", usable_renderers("text"))
def test_outside_the_svg_the_html_does_not_depend_on_the_renderer(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    player = StepPlayer(split())
    monkeypatch.setenv("MMSIM_RENDERER", name)
    drawn = player._repr_mimebundle_()
    monkeypatch.setenv("MMSIM_RENDERER", "text")
    written = player._repr_mimebundle_()
    assert SANITIZED.sub("<svg/>", drawn["text/html"]) == SANITIZED.sub("<svg/>", written["text/html"])
    assert drawn["text/plain"] == written["text/plain"]


def test_two_equal_players_share_no_id_and_no_group_of_buttons() -> None:
    players = [StepPlayer(split()), StepPlayer(split())]
    tags = [Tags(player.html()) for player in players]
    ids = [attributes["id"] for found in tags for _, attributes in found.found if "id" in attributes]
    groups = [{radio["name"] for radio in found.all("input") if radio["type"] == "radio"} for found in tags]
    assert len(ids) == len(set(ids))
    assert [len(group) for group in groups] == [1, 1]
    assert groups[0] != groups[1]


def test_every_control_has_a_name_and_every_picture_its_words() -> None:
    player = StepPlayer(split())
    tags = Tags(player.html())
    assert all(control.get("aria-label") for control in tags.all("input"))
    assert len(tags.all("button")) == 5
    assert all(button["type"] == "button" for button in tags.all("button"))
    assert [frame.picture.description for frame in player.frames] == [image["alt"] for image in tags.all("img")]
    assert all(image["src"].startswith("data:image/svg+xml") for image in tags.all("img"))


def test_each_frame_has_a_radio_button_and_a_rule_that_shows_it() -> None:
    """So the player can be stepped where no script runs."""
    player = StepPlayer(split())
    html = player.html()
    radios = [radio for radio in Tags(html).all("input") if radio["type"] == "radio"]
    assert len(radios) == len(Tags(html).all("figure")) == len(player)
    assert [at for at, radio in enumerate(radios) if "checked" in radio] == [0]
    for at in range(1, len(player) + 1):
        assert f"input:nth-of-type({at}):checked~.mm-frames>figure:nth-of-type({at})" in html


def test_a_page_of_its_own_is_whole(tmp_path: Path) -> None:
    page = StepPlayer(spanning(), title="A NULL across two leaves").save_html(tmp_path / "page.html").read_text("utf-8")
    tags = Tags(page)
    assert page.startswith("<!DOCTYPE html>")
    assert tags.all("html") == [{"lang": "en"}]
    assert "<title>A NULL across two leaves</title>" in page
    assert len(tags.all("form")) == 1
    assert not re.search(r"(?:src|href)=[\"']http", page)
