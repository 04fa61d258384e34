"""Run notebooks and store their outputs in one normal form, so that a second run changes no line.

`python -m mmsim.course.refresh notebooks/*.ipynb` writes; with `--check` it only says what would change,
SVG drawings apart (they depend on the machine). Questions to the running kernel are answered by recordings, so
that a page to read shows an answer; with `--keep FOLDER` the kernel is asked, its answers become recordings in
that folder, and no notebook is stored. Exit code 0 done, 1 a cell failed or outputs are out of date, 2 a file
that cannot be used.
"""

import argparse
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from .svg import without_drawings

NOT_STORED = "Run this cell: it shows your own machine, so its output is not stored."
CELL_TIMEOUT = 120
_WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
_KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
_KEPT = ("nbgrader", "tags")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")

Notebook = Any  # nbformat's NotebookNode: a dict with attribute access


class RefreshError(Exception):
    """A file that cannot be used (exit code 2); the message is one line."""


class CellFailed(Exception):
    """A cell that did not run to its end (exit code 1); the message is one readable block."""


def read(path: Path) -> Notebook:
    """A notebook from its file, cells without an id named by position; RefreshError if it is none."""
    import nbformat

    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        raw["nbformat_minor"] = max(5, raw["nbformat_minor"])
        _name_cells(raw["cells"])
        notebook = nbformat.reads(json.dumps(raw), as_version=4)
        nbformat.validate(notebook)
    except OSError as error:
        raise RefreshError(f"{path}: cannot be read: {error.strerror}") from None
    except Exception as error:  # what is no notebook fails in many ways, down to AttributeError
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise RefreshError(f"{path}: is not a valid notebook: {reason}") from None
    return notebook


def execute(notebook: Notebook, path: Path, keep: Path | None = None) -> None:
    """Run all cells in a fresh kernel with an empty learner's state; CellFailed names the cell."""
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    started = [0]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as fresh:
        client = NotebookClient(
            notebook,
            kernel_name="python3",
            timeout=CELL_TIMEOUT,
            record_timing=False,
            extra_arguments=["--log-level=ERROR"],
            store_widget_state=False,
            on_cell_start=lambda cell, cell_index: started.append(cell_index),
            resources={"metadata": {"path": str(path.resolve().parent)}},
        )
        try:
            client.execute(env=_environment(fresh, keep))
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            raise CellFailed(_failure(notebook, path, started[-1], error)) from None


def normalise(notebook: Notebook) -> Notebook:
    """The same notebook in normal form: minimal metadata, ids, no widget views, nothing of one run."""
    notebook.metadata.clear()
    notebook.metadata.update(kernelspec=dict(_KERNELSPEC), language_info={"name": "python"})
    notebook.nbformat, notebook.nbformat_minor = 4, max(5, notebook.nbformat_minor)
    for cell in notebook.cells:
        kept = {name: cell.metadata[name] for name in _KEPT if name in cell.metadata}
        cell.metadata.clear()
        cell.metadata.update(kept)
        if cell.cell_type == "code":
            cell.outputs = _outputs(cell)
    return notebook


def text_of(notebook: Notebook) -> str:
    """The text of the file: sorted keys, indent 1, one newline at the end."""
    import nbformat

    return nbformat.writes(notebook, version=nbformat.NO_CONVERT).rstrip("\n") + "\n"


def differences(before: str, fresh: Notebook) -> Iterator[str]:
    """What a new run changed in a file's text, a line a cell; SVG drawings count only as present or absent."""
    import nbformat

    if without_drawings(before) == without_drawings(text_of(fresh)):
        return
    stored = nbformat.reads(before, as_version=nbformat.NO_CONVERT)
    found = False
    for number, (old, new) in enumerate(zip(stored.cells, fresh.cells, strict=True), 1):
        before, after = _lines_of(old), _lines_of(new)
        if before != after:
            found = True
            yield f"cell {number}: {_first_difference(before, after)}"
    if not found:
        yield "whole notebook: not in normal form"


def refresh(path: Path, check: bool) -> list[str]:
    """Run a notebook and store it; with `check` store nothing and return what would change."""
    fresh = read(path)
    before = path.read_text(encoding="utf-8")
    execute(fresh, path)
    normalise(fresh)
    if check:
        return list(differences(before, fresh))
    if text_of(fresh) != before:
        _replace(path, text_of(fresh))
    return []


def main(argv: Sequence[str] | None = None) -> int:
    """Refresh or check the notebooks named; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m mmsim.course.refresh", description=__doc__)
    parser.add_argument("files", nargs="+", type=Path, metavar="NOTEBOOK")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--check", action="store_true", help="store nothing, say whether outputs are up to date")
    how.add_argument("--keep", type=Path, metavar="FOLDER", help="store nothing but the running kernel's answers")
    given = parser.parse_args(argv)
    return max(_one(path, given.check, given.keep) for path in given.files)


def _one(path: Path, check: bool, keep: Path | None) -> int:
    try:
        if keep:
            execute(read(path), path, keep)
        found = [] if keep else refresh(path, check)
    except RefreshError as error:
        print(f"mmsim.course.refresh: {error}", file=sys.stderr)
        return 2
    except CellFailed as error:
        print(error, file=sys.stderr)
        return 1
    done = "asked" if keep else "up to date" if check else "refreshed"
    print(*([f"{path}: {line}" for line in found] or [f"{path}: {done}"]), sep="\n", flush=True)
    return 1 if found else 0


def _environment(fresh: str, keep: Path | None) -> dict[str, str]:
    """A kernel's environment that owes nothing to the author: empty state, no profile, fixed hashes, this mmsim."""
    here = str(Path(__file__).resolve().parents[2])
    own = {
        "MMSIM_STATE": f"{fresh}/state",
        "IPYTHONDIR": f"{fresh}/ipython",
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")])),
    }
    own |= {"MMSIM_KERNEL": "auto", "MMSIM_KEEP": str(keep.resolve())} if keep else {"MMSIM_KERNEL": "recording"}
    return {**os.environ, **own}


def _name_cells(cells: list[dict]) -> None:
    seen: set[str] = set()
    for number, cell in enumerate(cells, 1):
        if cell.get("id", "") in {"", *seen}:
            cell["id"] = f"cell-{number:02}"
        seen.add(cell["id"])


def _failure(notebook: Notebook, path: Path, index: int, error: Exception) -> str:
    source = "\n".join(f"    {line}" for line in notebook.cells[index].source.splitlines())
    return f"{path}: cell {index + 1} failed\n{source}\n{_reason(error)}"


def _reason(error: Exception) -> str:
    if hasattr(error, "ename"):
        return _COLOUR.sub("", f"{error.ename}: {error.evalue}")
    return f"took longer than {CELL_TIMEOUT} s" if isinstance(error, TimeoutError) else "the kernel died"


def _outputs(cell: Notebook) -> list[Notebook]:
    from nbformat.v4 import new_output

    tags = cell.metadata.get("tags", ())
    if "nbval-ignore-output" in tags and "recorded" not in tags:
        return [new_output("display_data", {"text/plain": NOT_STORED})]
    kept: list[Notebook] = []
    for output in cell.outputs:
        if output.output_type == "stream" and kept and kept[-1].get("name") == output.name:
            kept[-1].text += output.text
        elif normal := _output(output):
            kept.append(normal)
    return kept


def _output(output: Notebook) -> Notebook | None:
    """One output in normal form, None if it is nothing but a widget's view."""
    if output.output_type == "error":
        output.traceback = [f"{output.ename}: {_COLOUR.sub('', output.evalue)}"]
    if "data" in output:
        output.data.pop(_WIDGET_VIEW, None)
        output.metadata.clear()
        if not output.data:
            return None
    return output


def _lines_of(cell: Notebook) -> list[str]:
    parts = {name: cell.get(name) for name in ("outputs", "execution_count", "id")}
    return without_drawings(json.dumps(parts, indent=1, sort_keys=True, ensure_ascii=False)).splitlines()


def _first_difference(before: list[str], after: list[str]) -> str:
    for old, new in zip(before, after, strict=False):
        if old != new:
            return f"stored {old.strip()[:80]!r}, now {new.strip()[:80]!r}"
    return f"stored {len(before)} lines of output, now {len(after)}"


def _replace(path: Path, text: str) -> None:
    """Write through a temporary file: an interrupted run leaves the notebook as it was."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}")
    with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)
    os.chmod(name, path.stat().st_mode)
    os.replace(name, path)


if __name__ == "__main__":
    sys.exit(main())
