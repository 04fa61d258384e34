"""What everything drawn has in common: text, SVG, saving, and how a notebook shows it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from .reach import reach

__all__ = ["Shown"]


class Shown:
    """A picture with its text form. A notebook shows the SVG; a stored notebook is compared by the text."""

    title: str
    text: str
    svg: Callable[..., str]

    def _forms(self) -> dict[str, Callable[[], str]]:
        """How to write it, by the ending of a file's name."""
        return {".svg": self.svg, ".txt": lambda: self.text}

    def save(self, path: str | Path) -> Path:
        """Write the picture in the form that the ending of the name asks for; ValueError for one it has not."""
        path = Path(path)
        forms = self._forms()
        if path.suffix not in forms:
            raise ValueError(f"cannot save {path.name!r}: expected a name that ends in {', '.join(forms)}")
        path.write_text(forms[path.suffix]() + "\n", encoding="utf-8")
        return path

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        reach()
        return {"text/plain": self.text, "image/svg+xml": self.svg()}
