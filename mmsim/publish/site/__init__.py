"""The course as a book of static pages, for a file server or a folder, without a network: `make site`.

Notebooks become pages by nbconvert, with a template of our own (templates/course) that keeps the text form beside each
picture; it works without a network and leaves the stored HTML of step players alone. Jupyter Book 2 (mystmd 1.8.3) was
tried: it fetches its theme from api.mystmd.org when it builds, and stops where it cannot.

The shell around a page is templates/page.html.j2, the search a list of texts and a short script. `check` looks at all
that was written.
"""

from .build import build
from .check import check

__all__ = ["build", "check"]
