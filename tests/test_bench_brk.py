"""The bench of brk(): a line for each generation, and an answer about the goals."""

from __future__ import annotations

import pytest

from tests.bench import brk as bench


def test_each_generation_is_measured_alone_and_checked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "GOALS", {False: 1, True: 1})
    quick = bench.speed
    monkeypatch.setattr(bench, "speed", lambda generation, checked: quick(generation, checked, 0.01))
    assert bench.main() == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [
        [generation, how] for how in ("alone", "checked") for generation in ("before", "v4", "merged", "today")
    ]
    assert all("goal met: 1)" in line for line in lines)


def test_a_goal_that_was_missed_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(bench, "speed", lambda generation, checked: bench.Speed(generation, checked, 999.0))
    assert bench.main() == 1
    assert "before   checked        999 brk/s  (GOAL MISSED: 1,000)" in capsys.readouterr().out
