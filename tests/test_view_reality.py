"""Model and kernel side by side: steps made by hand, so that no kernel is asked."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest

from mmsim.mm.calls import MADV, MAP, PROT
from mmsim.trace.lockstep import Step
from mmsim.trace.reality import Reality, call_text
from mmsim.view import BrkLab, SpacePicture, reality_picture, reality_table

HEAP = 0x1001_4000
PAGE = 4096
DATA = "rd wr mr mw me ac"
SVG = "{http://www.w3.org/2000/svg}"


def row(start: int, pages: int, present_kb: int = 0, anonymous: int = 1) -> list[Any]:
    return [start, start + pages * PAGE, "rw-p", anonymous, DATA, present_kb]


def answer(ret: int, *maps: list[Any], data: int = 32) -> dict[str, Any]:
    return {"ret": ret, "maps": list(maps), "VmSize": 64, "VmData": data, "VmLck": 0}


def made(*steps: Step, live: bool = True, note: str = "") -> Reality:
    source = "Linux 6.18.0, asked by ptrace" if live else "a recording of Linux 6.18.0"
    return Reality("v4", source, "6.18.0", live, HEAP, steps, note)


def grown(data: int = 32) -> Step:
    same = answer(HEAP + 8 * PAGE, row(HEAP, 8, 4))
    return Step("brk", HEAP + 8 * PAGE, same, {**same, "VmData": data})


def shrunk() -> Step:
    """The model has lost a neighbour and counts too much."""
    model = answer(HEAP + 4 * PAGE, row(HEAP, 4), data=48)
    return Step("brk", HEAP + 4 * PAGE, model, answer(HEAP + 4 * PAGE, row(HEAP, 4), row(HEAP + 8 * PAGE, 4)))


def html(reality: Reality) -> str:
    return reality_table(reality)._repr_mimebundle_()["text/html"]


# -- the table


def test_the_table_in_text() -> None:
    """A line for each step: the call, both answers, and what differs with its values."""
    expected = """\
A shrink: v4 against Linux 6.18.0, asked by ptrace
  brk(heap + 8 pages)  heap + 8 pages; 1 VMA  heap + 8 pages; 1 VMA   = same
  brk(heap + 4 pages)  heap + 4 pages; 1 VMA  heap + 4 pages; 2 VMAs  ! differs: mappings, VmData 48 and 32 kB"""

    assert expected == str(reality_table(made(grown(), shrunk()), "A shrink"))


def test_the_note_says_why_a_recording_answered() -> None:
    """In text and in HTML; without a note there is none."""
    reality = made(grown(), live=False, note="no kernel to ask here: <none>")
    text = str(reality_table(reality))

    assert text.endswith("\nnote: no kernel to ask here: <none>")
    assert "against a recording of Linux 6.18.0" in text
    assert html(reality).endswith("<p><strong>Note</strong>: no kernel to ask here: &lt;none&gt;</p>")
    assert "Note" not in html(made(grown()))


def test_a_step_that_differs_is_marked_by_more_than_colour() -> None:
    """The words are the mark; weight and colour only help."""
    shown = html(made(grown(), shrunk()))

    assert shown.count("! differs") == 1
    assert shown.count("font-weight:bold") == 1
    assert "= same" in shown
    ElementTree.fromstring(shown)


@pytest.mark.parametrize(
    ("op", "arg", "ret", "expected"),
    [
        ("brk", HEAP + 9 * PAGE, HEAP + PAGE, "heap + 1 page, refused; 0 VMAs"),
        ("brk", HEAP, HEAP, "heap; 0 VMAs"),
        ("touch", HEAP, -14, "-EFAULT; 0 VMAs"),
        ("mmap", [HEAP, PAGE, 3, 0x32], HEAP, "heap; 0 VMAs"),
        ("munmap", [HEAP, PAGE], 0, "0; 0 VMAs"),
    ],
)
def test_answers_in_words(op: str, arg: Any, ret: int, expected: str) -> None:
    """A place relative to the heap, a refusal, or an error by its name."""
    table = reality_table(made(Step(op, arg, answer(ret), answer(ret))))

    assert expected == table.rows[0][1] == table.rows[0][2]


def test_an_answer_that_differs() -> None:
    """Both values stand in their columns, so the verdict only names it."""
    step = Step("brk", HEAP + PAGE, answer(HEAP + PAGE), answer(HEAP))

    assert reality_table(made(step)).rows[0][3] == "! differs: answer"


@pytest.mark.parametrize(
    ("op", "arg", "expected"),
    [
        ("brk", HEAP + 100, "brk(heap + 100 B)"),
        ("brk", HEAP + PAGE + 1, "brk(heap + 1 page + 1 B)"),
        ("brk", HEAP - 2 * PAGE, "brk(heap - 2 pages)"),
        ("touch", 0x7FFF_0000_0000, "touch(0x7fff00000000)"),
        ("munmap", [HEAP, 100], "munmap(heap, 100 B)"),
        ("mprotect", [HEAP, PAGE, PROT.READ | PROT.EXEC], "mprotect(heap, 1 page, r-x)"),
        ("mmap", [HEAP, PAGE, PROT.READ, MAP.PRIVATE | MAP.FIXED_NOREPLACE], "mmap(heap, 1 page, r--)"),
        ("mmap", [HEAP, PAGE, 0, MAP.SHARED | MAP.GROWSDOWN], "mmap(heap, 1 page, ---, shared, grows down)"),
        ("madvise", [HEAP, PAGE, MADV.DONTDUMP], "madvise(heap, 1 page, DONTDUMP)"),
        ("madvise", [HEAP, PAGE, 99], "madvise(heap, 1 page, 99)"),
        ("mremap", [HEAP, PAGE, 2 * PAGE, 1, HEAP + PAGE], "mremap(heap, 1 page, 2 pages, 1, heap + 1 page)"),
        ("setrlimit", ["DATA", 8 * PAGE], "setrlimit(DATA, 8 pages)"),
        ("mlockall", 2, "mlockall(2)"),
        ("fork", "child", "fork(child)"),
        ("kill_other", None, "kill_other()"),
    ],
)
def test_calls_in_words(op: str, arg: Any, expected: str) -> None:
    """Addresses from the heap's start, lengths in pages, rights as letters."""
    assert expected == call_text(HEAP, Step(op, arg, {}, {}))


# -- the picture


def svg_of(picture: SpacePicture) -> ElementTree.Element:
    return ElementTree.fromstring(picture.svg())


def test_the_picture_in_text() -> None:
    """Both spaces after the last step; what the model has not so is marked."""
    expected = """\
After step 2: brk(heap + 4 pages)
v4: start_brk 0x1001_4000, brk 0x1001_8000 (start_brk + 16 kB); 1 VMA
  #1  0x1001_4000-0x1001_8000 16 kB rw-p [heap]; rd wr mr mw me ac
your kernel: start_brk 0x1001_4000, brk 0x1001_8000 (start_brk + 16 kB); 2 VMAs
  #1  0x1001_4000-0x1001_8000 16 kB rw-p [heap]; rd wr mr mw me ac
      0x1001_8000-0x1001_c000 16 kB hole
~ #2  0x1001_c000-0x1002_0000 16 kB rw-p anon; rd wr mr mw me ac"""

    assert expected == str(reality_picture(made(grown(), shrunk())))


def test_the_picture_is_described() -> None:
    """Title and description say what the drawing shows."""
    svg = svg_of(reality_picture(made(grown(), shrunk())))

    assert svg.get("role") == "img"
    assert svg.findtext(f"{SVG}title") == "After step 2: brk(heap + 4 pages)"
    assert "Your kernel: a strip of 2 VMAs" in svg.findtext(f"{SVG}desc", "")
    assert "Changed: #2 anon." in svg.findtext(f"{SVG}desc", "")


def test_any_step_can_be_drawn() -> None:
    """By its number from 0, or from the end; one there is not is refused."""
    reality = made(grown(), shrunk(), live=False)
    first = reality_picture(reality, 0, "The growth")

    assert first.title == "The growth"
    recorded = "a recording of Linux 6.18.0, as no kernel could be asked"
    assert [strip.caption for strip in first.strips] == ["v4", recorded]
    assert "1 present" in str(first)
    with pytest.raises(IndexError):
        reality_picture(reality, 2)


# -- the lab's calls


def test_the_lab_gives_its_calls_as_a_script() -> None:
    """Heap, hole, neighbour, and the call, for a heap anywhere."""
    lab = BrkLab("any", brk=12, heap=8, hole=7, neighbour=20, kind="stack")
    flags = MAP.PRIVATE | MAP.ANONYMOUS | MAP.FIXED_NOREPLACE | MAP.GROWSDOWN
    expected = [
        ("brk", HEAP + 8 * PAGE),
        ("munmap", [HEAP + 7 * PAGE, PAGE]),
        ("mmap", [HEAP + 20 * PAGE, 4 * PAGE, PROT.READ | PROT.WRITE, flags]),
        ("brk", HEAP + 12 * PAGE),
    ]

    assert expected == lab.ops(HEAP)
    assert [expected[0], expected[3]] == lab.set(hole=0, neighbour=0).ops(HEAP)
    assert lab.set(neighbour=20, kind="file").ops(HEAP)[1][1][2] == PROT.READ
