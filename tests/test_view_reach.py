"""The script that goes to the page with the first picture: sent by a kernel, once, and by nothing else."""

import sys
from types import SimpleNamespace

import pytest

import mmsim.view.reach as module
from mmsim import MapleTree


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was sent, with nothing sent before."""
    found: list[str] = []
    monkeypatch.setattr(module, "_sent", lambda: found.append("script"))
    return found


def shell(kernel: object) -> SimpleNamespace:
    return SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=kernel))


@pytest.mark.parametrize("ipython", [None, SimpleNamespace(get_ipython=lambda: None), shell(None)])
def test_without_a_kernel_nothing_is_sent(ipython: object, sent: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    MapleTree().picture()._repr_mimebundle_()
    assert sent == []


def test_a_kernel_sends_it_with_a_picture(sent: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "IPython", shell(object()))
    MapleTree().picture()._repr_mimebundle_()
    assert sent == ["script"]


def test_where_anywidget_is_missing_pictures_are_shown_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "anywidget", None)
    module._sent.cache_clear()
    assert module._sent() is None
    module._sent.cache_clear()
