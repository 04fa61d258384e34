"""Where this machine's Chromium is; only the standard library, as it is asked before anything is set up."""

import os
import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
VARIABLE = "MMSIM_CHROMIUM"


def chromium() -> str | None:
    """The path of a Chromium: the one MMSIM_CHROMIUM names, else the first of NAMES on PATH; None without any."""
    named = os.environ.get(VARIABLE)
    return shutil.which(named) if named else next(filter(None, map(shutil.which, NAMES)), None)
