"""The static site: three chapters with all that is beside them, and a check that sees what is wrong with a page.

`make site` builds and checks everything; here few chapters are built, so that it takes seconds.
"""

import json
import re
from html import unescape
from pathlib import Path

import pytest

from mmsim.explore.known import known
from mmsim.explore.words import call
from mmsim.publish.site.build import build
from mmsim.publish.site.check import check, page_problems, texts
from mmsim.publish.site.pages import Page, SiteError, apart, relinked

ROOT = Path(__file__).resolve().parent.parent
BUILT = ("02", "03", "11")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site")
    build(out, only=BUILT)
    return out


def read(site: Path, name: str) -> str:
    return (site / name).read_text(encoding="utf-8")


def chapter(site: Path, number: str) -> str:
    return next(site.glob(f"{number}-*.html")).read_text(encoding="utf-8")


# ---- what is built ---------------------------------------------------------------------------------------------------


def test_no_page_has_a_problem(site: Path) -> None:
    report = check(site, whole=False)
    assert report.problems == ()
    assert report.pages > len(BUILT) + 7
    assert report.links > 500


def test_the_contents_have_every_chapter_with_its_minutes(site: Path) -> None:
    rows = re.findall(r'<th scope="row">(\d\d)</th><td><a href="([^"]+)">.*?</a></td><td class="number">(\d+)</td>',
                      read(site, "index.html"))  # fmt: skip
    assert [name for _, name, _ in rows] == [
        f"{path.stem}.html" for path in sorted((ROOT / "notebooks").glob("*.ipynb"))
    ]
    assert f'<td class="number">{sum(int(minutes) for *_, minutes in rows)}</td>' in read(site, "index.html")


def test_what_the_downloads_link_to_is_beside_them(site: Path) -> None:
    found = 0
    for notebook in (site / "files").rglob("*.ipynb"):
        text = notebook.read_text(encoding="utf-8")
        for target in re.findall(r"\]\(((?:\.\./)?[\w./-]+\.\w+)(?:#[^)]*)?\)", text):
            assert (notebook.parent / target).is_file(), f"{notebook.name}: {target}"
            found += 1
    assert found > 100


def test_each_output_of_a_chapter_is_on_its_page(site: Path) -> None:
    book = json.loads(next((ROOT / "notebooks").glob("03-*.ipynb")).read_text(encoding="utf-8"))
    page = chapter(site, "03")
    shown = unescape(page)
    for cell in book["cells"]:
        assert f'id="cell-id={cell["id"]}"' in page
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "text/html" not in data:
                text = "".join(output.get("text", data.get("text/plain", [])))
                assert text.strip() in shown
            assert ("image/svg+xml" not in data) or "The same as text" in page


def test_a_step_player_is_complete_on_its_page(site: Path) -> None:
    page = chapter(site, "03")
    players = re.findall(r'<form class="mm-player".*?</form>', page, re.DOTALL)
    assert len(players) >= 2
    for player in players:
        frames = player.count('<figure class="mm-frame">')
        assert frames == player.count('type="radio"') > 1
        assert player.count("data:image/svg+xml") == frames
        assert "<script>" in player
        assert "frames as text" in player


def test_links_between_notebooks_lead_to_pages(site: Path) -> None:
    page = chapter(site, "03")
    assert 'href="glossary.html#five-steps"' in page
    assert ".ipynb" not in "".join(re.findall(r'<a (?:(?!download)[^>])*href="([^"]*)"(?![^>]*download)', page))
    assert re.search(r'rel="prev" href="02-[^"]+"', page)


def test_the_stubs_can_be_fetched_and_are_listed_with_their_points(site: Path) -> None:
    page = read(site, "exercises.html")
    for path in sorted((ROOT / "exercises").glob("*.ipynb")):
        assert f'href="files/exercises/{path.name}"' in page
        assert (site / "files" / "exercises" / path.name).read_bytes() == path.read_bytes()
        text = path.read_text(encoding="utf-8")
        points = [int(found) for found in re.findall(r"min, (\d+) points?\)", text)]
        part = page.partition(f'<h2 id="set-{path.name[:2]}">')[2].partition("<h2")[0]
        assert [int(found) for found in re.findall(r'<td class="number">(\d+)</td></tr>', part)] == [
            *points,
            sum(points),
        ]


def test_a_finding_has_its_script_and_what_it_comes_to_everywhere(site: Path) -> None:
    found = known()[0]
    page = unescape(read(site, f"findings/{found.id}.html"))
    assert f"<h1>{found.title}</h1>" in page
    assert all(f"<li><code>{call(op)}</code></li>" in page for op in found.script)
    assert re.findall(r'<th scope="row">(\w+)</th><td>(.*?)</td>', page) == list(found.outcome.items())
    assert page.count("<svg") >= 2
    assert all(f"findings/{one.id}.html" in read(site, "findings.html") for one in known())


def test_the_search_knows_terms_sections_and_titles(site: Path) -> None:
    text = read(site, "static/texts.js")
    rows = json.loads(text.removeprefix("window.siteTexts = ").rstrip(";\n").replace("<\\/", "</"))
    places = {(address, name) for address, _, name, _ in rows}
    assert ("glossary.html#slot-store", "slot store") in places
    assert any(name == "What does one store change?" for _, name in places)
    assert any(name.startswith("8 When the leaf overflows") for _, name in places)
    assert all(text == " ".join(text.split()) for *_, text in rows)


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(SiteError, match="holds no site"):
        build(tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_colours_can_be_read_in_both_themes() -> None:
    from mmsim.view.theme import contrast

    css = (ROOT / "mmsim" / "publish" / "site" / "static" / "site.css").read_text(encoding="utf-8")
    themes = re.findall(r":root \{(.*?)\}", css, re.DOTALL)[:2]
    light = dict(re.findall(r"--(\w+): (#\w+);", themes[0]))
    dark = light | dict(re.findall(r"--(\w+): (#\w+);", themes[1]))
    for colours in (light, dark):
        full = {
            name: "#" + "".join(sign * 2 for sign in one[1:]) if len(one) == 4 else one for name, one in colours.items()
        }
        for paper in ("paper", "tint"):
            for ink in ("ink", "soft", "link", "bad", "word", "text", "note", "number", "name"):
                assert contrast(full[ink], full[paper]) >= 4.5, (ink, paper)
        assert contrast(full["ink"], full["mark"]) >= 4.5
        assert min(contrast(full["edge"], full["paper"]), contrast(full["line"], full["paper"])) >= 3


# ---- the check sees what is wrong ------------------------------------------------------------------------------------

PAGE = '<!doctype html><html lang="en"><head><title>A</title></head><body><main><h1>A</h1>{}</main></body></html>'


def test_a_sound_page_has_no_problem() -> None:
    inside = '<p id="a">b <img src="data:," alt="c"> <a href="#a">d</a></p><label for="e">f</label><input id="e">'
    assert page_problems(PAGE.format(inside)) == []


@pytest.mark.parametrize(
    ("inside", "problem"),
    [
        ("<p>a", "where <p> of line 1 is open"),
        ("<div>a</p></div>", "</p> where <div>"),
        ("<p><div>a</div></p>", "<div> inside <p>"),
        ("<div/>", "does not close itself"),
        ('<p id="a">a</p><p id="a">b</p>', "id 'a' is there twice"),
        ('<p id="a b">a</p>', "has a blank"),
        ('<p id="a" id="b">a</p>', "has id twice"),
        ('<img src="a.png">', "without a description"),
        ("<svg></svg>", "<svg> without a name"),
        ('<svg aria-labelledby="no"></svg>', "aria refers to the id 'no'"),
        ('<a href="b.html"></a>', "has no text"),
        ('<a href="b.html">c <a href="d.html">e</a></a>', "inside a link"),
        ("<input>", "without a label"),
        ("<h3>a</h3>", "a level is left out"),
        ("<h1>b</h1>", "2 <h1>"),
        ('<script src="https://example.org/a.js"></script>', "fetches https://example.org/a.js"),
        ('<img src="//example.org/a.png" alt="a">', "fetches //example.org/a.png"),
        ("<style>@import 'https://example.org/a.css'</style>", "fetches https://example.org/a.css"),
        ('<p style="background:url(/a.png)">a</p>', "fetches /a.png"),
        ("<img alt='a' src='data:image/svg+xml,<image href=\"https://example.org/a.png\"/>'>", "an image that fetches"),
    ],
)
def test_a_faulty_page_is_told(inside: str, problem: str) -> None:
    assert any(problem in found for found in page_problems(PAGE.format(inside)))


def test_a_page_without_language_and_title_is_told() -> None:
    assert {"no language: <html lang>", "no title"} <= set(page_problems("<html><h1>A</h1></html>"))


def test_links_are_followed_to_files_and_ids(tmp_path: Path) -> None:
    links = ["b.html", "b.html#there", "b.html#not", "none.html", "/b.html", "https://example.org/", "#own"]
    inside = "".join(f'<p><a href="{link}">a</a></p>' for link in links)
    (tmp_path / "a.html").write_text(PAGE.format(inside))
    (tmp_path / "b.html").write_text(PAGE.format('<p id="there">a</p>'))
    report = check(tmp_path)
    faults = [re.sub(r".*link ", "", problem) for problem in report.problems]
    assert faults == [
        "'b.html#not': no id 'not' in b.html",
        "'none.html': no file none.html",
        "'/b.html': neither relative nor on the web",
        "'#own': no id 'own' in a.html",
    ]
    assert (report.pages, report.outside) == (2, 1)


def test_texts_are_split_at_headings_and_leave_outputs_out() -> None:
    inside = '<p>one</p><h2 id="b">B<a href="#b">¶</a></h2><p>two</p><div data-nosearch="">out</div><svg></svg>'
    assert texts(PAGE.format(inside)) == [("", "A", "one"), ("#b", "B", "two")]


# ---- links and drawings ----------------------------------------------------------------------------------------------


def test_links_are_made_relative_to_the_page() -> None:
    page = Page("findings/a.html", "A", "", source="notebooks/01.ipynb")
    text = '<a href="02.ipynb#x">1</a><a href="site:index.html">2</a><a href="#y">3</a><a href="https://a.org/">4</a>'
    expected = ["../02.html#x", "../index.html", "#y", "https://a.org/"]
    assert re.findall(r'href="([^"]*)"', relinked(page, text, {"notebooks/02.ipynb": "02.html"})) == expected


def test_a_link_without_a_place_is_refused() -> None:
    with pytest.raises(
        SiteError, match=r"notebooks/01\.ipynb: '\.\./setup\.cfg' leads to setup\.cfg, which has no place"
    ):
        relinked(Page("a.html", "A", "", source="notebooks/01.ipynb"), '<a href="../setup.cfg">1</a>', {})


def test_a_drawing_inside_an_address_keeps_its_ids() -> None:
    image = "<img src='data:image/svg+xml;charset=utf-8,<svg id=\"a\"></svg>'>"
    assert apart(f'<svg id="a"></svg>{image}') == f'<svg id="a"></svg>{image}'
