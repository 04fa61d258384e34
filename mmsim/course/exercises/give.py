"""Give the exercises out: a folder for each learner, the name filled in, so that nobody can forget it."""

import json
from collections.abc import Sequence
from pathlib import Path

from ..errors import CourseError
from . import chapters

__all__ = ["CannotGive", "give"]

_LINE = 'learner = ""'


class CannotGive(CourseError):
    """Names that cannot be folders, or stubs that have no place for a name."""


def give(names: Sequence[str], folder: Path, stubs: Path, only: Sequence[str] = ()) -> tuple[int, int]:
    """Write the stubs of all chapters (or of `only` some) below `folder/NAME/`; how many were written, and were there.

    What is there already is left alone: it may be somebody's work. `mmsim grade FOLDER` takes the folder as it is.
    """
    if unknown := [number for number in only if number not in chapters()]:
        raise CannotGive(f"no exercises for chapter {unknown[0]!r}; expected some of: {', '.join(chapters())}")
    books = [path for path in sorted(stubs.glob("[0-9][0-9]-*.ipynb")) if not only or path.name[:2] in only]
    if not books:
        raise CannotGive(f"{stubs}: no exercises, expected NN-....ipynb")
    if odd := [name for name in names if not name.strip() or name != Path(name).name or name.startswith(".")]:
        raise CannotGive(f"{odd[0]!r} is no name for a folder, expected one without slashes that begins with no dot")
    written = kept = 0
    for name in dict.fromkeys(names):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for path in books:
            try:
                with (folder / name / path.name).open("x", encoding="utf-8", newline="\n") as file:
                    file.write(_named(path, name))
                written += 1
            except FileExistsError:
                kept += 1
    return written, kept


def _named(path: Path, name: str) -> str:
    """The text of a stub with the learner's name in its first code cell."""
    book = json.loads(path.read_text(encoding="utf-8"))
    for cell in book["cells"]:
        for at, line in enumerate(cell["source"]):
            if cell["cell_type"] == "code" and line.startswith(_LINE):
                cell["source"][at] = line.replace(_LINE, f"learner = {name!r}", 1)
                return json.dumps(book, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    raise CannotGive(f"{path}: no line {_LINE}, expected one in the first code cell")
