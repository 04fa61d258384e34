"""Questions to the kernel where none can be asked: the shipped recordings answer, and say so."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmsim.kernel import NoKernel
from mmsim.kernel.smaps import LiveVma
from mmsim.mm.units import PAGE
from mmsim.trace import replay
from mmsim.trace.lockstep import ask
from mmsim.trace.reality import RECORDINGS, Reality, check_reality, heap_start

HEAP = heap_start()
GROWTH = [("brk", HEAP + 8 * PAGE), ("touch", HEAP), ("brk", HEAP + 12 * PAGE)]
"""What notebook 09 asks first."""


@pytest.fixture(autouse=True)
def no_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a system without one."""
    monkeypatch.setenv("MMSIM_KERNEL", "recording")


def test_a_recording_answers_where_no_kernel_can_be_asked() -> None:
    """The same answers, and a note that says why."""
    asked = check_reality(GROWTH)

    assert asked.agrees
    assert not asked.live
    assert asked.source.startswith("a recording of Linux 6.18")
    assert asked.note.startswith("no kernel to ask here: ")


def test_an_older_generation_differs_from_the_recording() -> None:
    """Beside a bss in every step, above a read-only page in none."""
    low = heap_start("text")
    calls = [("brk", low + 8 * PAGE), ("touch", low), ("brk", low + 12 * PAGE)]

    beside_bss, above_text = check_reality(GROWTH, "before"), check_reality(calls, "before", "text")
    assert [len(beside_bss.different), len(above_text.different)] == [3, 0]


def test_a_question_without_a_recording_has_no_answer() -> None:
    """One line says that there is neither."""
    with pytest.raises(NoKernel, match=r"no recording of these 1 calls is shipped$"):
        check_reality([("brk", HEAP + 5)])


@pytest.mark.parametrize("path", sorted(RECORDINGS.glob("*.jsonl")), ids=lambda path: path.stem)
def test_today_describes_every_shipped_recording(path: Path) -> None:
    """A release of theirs names no machine."""
    report = replay(path)

    assert report.differ == 0
    assert '"kernel": "6.18.44"' in path.read_text(encoding="utf-8").splitlines()[0]


def test_a_kernel_older_than_today_is_asked_for_less() -> None:
    """How pages are cut into VMAs does not matter then, rights and answers do."""
    old = check_reality(GROWTH, "before")._replace(release="5.15.0-generic")

    assert isinstance(old, Reality)
    assert [old.exact, old.agrees] == [False, True]


def test_soft_dirty_is_not_compared() -> None:
    """A kernel that tracks it shows it for each new mapping; the model leaves it out."""

    class Process:
        def vmas(self) -> list[LiveVma]:
            return [LiveVma(HEAP, HEAP + PAGE, "rw-p", 0, "[heap]", "rd wr mr mw me ac sd", 0)]

        def sizes(self) -> dict[str, int]:
            return {}

    assert ask(Process(), (0, HEAP + PAGE))["maps"][0][4] == "rd wr mr mw me ac"
