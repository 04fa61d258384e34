"""The patch as a diff: complete, from the files, readable without colour."""

from __future__ import annotations

import ast
from itertools import pairwise
from pathlib import Path

import pytest

from mmsim.brk import GENERATIONS
from mmsim.view import code_diff, patch_overview
from mmsim.view.patch import _TINTS, MOST_ROWS, SKIPPED
from mmsim.view.theme import INK, contrast

FUNCTIONS = ("brk", "do_brk_munmap", "do_brk_flags", "vm_brk_flags")


def written(generation: str, function: str) -> list[str]:
    """The lines of a function in the file of its module, blank ones left out."""
    source = Path(GENERATIONS[generation].__file__ or "").read_text()
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.name == function:
            lines = source.splitlines()[node.lineno - 1 : node.end_lineno]
            return [line for line in lines if line.strip()]
    return []


@pytest.mark.parametrize(("old", "new"), list(pairwise(GENERATIONS)))
@pytest.mark.parametrize("function", FUNCTIONS)
def test_both_sides_are_the_files(old: str, new: str, function: str) -> None:
    if not written(old, function) and not written(new, function):
        pytest.skip("neither has it")
    rows = code_diff(old, new, function, docstrings=True).rows
    assert [row.old.text for row in rows if row.old] == written(old, function)
    assert [row.new.text for row in rows if row.new] == written(new, function)
    for mark, one, other in rows:
        assert {"-": one and not other, "+": other and not one}.get(mark, one and other)
        assert mark != " " or (one and other and one.text == other.text)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_parts_hold_every_change_and_are_short(function: str) -> None:
    rows = [row for row in code_diff("before", "v4", function).rows if row.mark != " "]
    count = int(code_diff("before", "v4", function, 1).title.rpartition(" ")[2])
    parts = [code_diff("before", "v4", function, part) for part in range(1, count + 1)]
    assert all(len(part.rows) <= MOST_ROWS for part in parts)
    found = [row for part in parts for row in part.rows if row.mark != " "]
    assert found == rows
    with pytest.raises(ValueError, match=f"has the parts 1 to {count}"):
        code_diff("before", "v4", function, count + 1)


def test_comments_and_docstrings_can_be_left_out() -> None:
    full = code_diff("before", "v4", "brk", docstrings=True).text
    assert "Shrinking is always allowed" in full
    assert "Move the break to" in full
    bare = code_diff("before", "v4", "brk", comments=False).text
    assert "#" not in bare
    assert '"""' not in bare


def test_the_text_has_marks_and_line_numbers() -> None:
    text = code_diff("before", "v4", "vm_brk_flags").text
    head, *lines = text.splitlines()
    assert head == "vm_brk_flags(), before and v4; 2 removed, 1 changed, 13 the same"
    assert sum(line.startswith("-") for line in lines) == 3
    assert sum(line.startswith("+") for line in lines) == 1
    number = next(line for line in lines if "unmap_complete" in line).split()[1]
    source = Path(GENERATIONS["before"].__file__ or "").read_text().splitlines()
    assert "unmap_complete(mm, uf)" in source[int(number) - 1]


def test_the_table_can_be_read_without_colour_and_on_any_ground() -> None:
    html = code_diff("before", "v4", "do_brk_flags", part=1)._repr_mimebundle_()["text/html"]
    assert "<caption" in html
    assert html.count('scope="col"') == 5
    assert 'aria-label="removed">-</th>' in html
    assert "… the same in both" in html
    for tint in _TINTS.values():
        assert contrast(INK, tint) > 7
        assert f"color:{INK};background:{tint}" in html or tint not in html


def test_a_function_that_is_all_new_has_no_empty_half() -> None:
    html = code_diff("before", "v4", "do_brk_munmap")._repr_mimebundle_()["text/html"]
    assert "before.py" not in html
    assert html.count('scope="col"') == 3


def test_a_function_that_is_not_there() -> None:
    with pytest.raises(ValueError, match="no function 'mmap' in before or v4"):
        code_diff("before", "v4", "mmap")


def test_the_same_file_twice_has_no_change() -> None:
    assert {row.mark for row in code_diff("v4", "v4", "brk").rows} == {" "}
    with pytest.raises(ValueError, match="has the parts 1 to 0"):
        code_diff("v4", "v4", "brk", part=1)


def test_the_overview_counts_what_the_diffs_show() -> None:
    table = patch_overview()
    assert [row[0] for row in table.rows] == [f"{name}()" for name in FUNCTIONS]
    for name, *counts, quoted, _ in table.rows:
        rows = code_diff("before", "v4", name[:-2], comments=False).rows
        assert counts == [str(sum(row.mark == mark for row in rows)) for mark in "-+~ "]
        assert quoted == ("yes" if "flags" in name else "no")
    assert SKIPPED not in code_diff("before", "v4", "brk").rows
