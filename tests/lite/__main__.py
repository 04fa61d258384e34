"""Build dist/lite and run its tests: `python3 -m tests.lite [what pytest takes]`; `make lite-test` calls it.

Where the system allows it the tests run in a network namespace that holds nothing but this machine's loopback; in any
case the browser is refused every other address. Without a Chromium or npm it says so in one line and ends with code 0.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.browser.chromium import NAMES, VARIABLE, chromium

ROOT = Path(__file__).resolve().parents[2]
SITE = "dist/lite"
CUT = "MMSIM_NETWORK_CUT"
"""Set for the tests when the namespace holds no network."""

# Run in the namespace: switch its loopback on, then become the command.
_LOOPBACK = """
import fcntl, os, socket, struct, sys
up, request = 1, 0x8914  # IFF_UP, SIOCSIFFLAGS
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
    fcntl.ioctl(asking, request, struct.pack("16sh14x", b"lo", up))
if sys.argv[1:]:
    os.execv(sys.argv[1], sys.argv[1:])
"""


def without_network(python: str) -> list[str]:
    """The words before a command that cut the network off for it; none where that is not allowed."""
    user = [] if hasattr(os, "geteuid") and os.geteuid() == 0 else ["--map-root-user"]
    words = ["unshare", *user, "--net", "--", python, "-c", _LOOPBACK]
    try:
        done = subprocess.run(words, capture_output=True, check=False)
    except FileNotFoundError:
        return []
    return words if done.returncode == 0 else []


def main(arguments: list[str]) -> int:
    """Set up the [lite] set, build the site, then run pytest; returns its exit code."""
    if chromium() is None:
        print(f"lite tests skipped: no Chromium found ({', '.join(NAMES)} on PATH, or {VARIABLE}=its path)")
        return 0
    if not all(map(shutil.which, ("npm", "node"))):
        print("lite tests skipped: no npm found; it fetches the browser's Python")
        return 0
    code = subprocess.run([sys.executable, "start.py", "setup", "lite"], cwd=ROOT, check=False).returncode
    if code:
        return code
    sys.path.insert(0, str(ROOT))
    import start

    code = start.run([str(start.PYTHON), "-m", "mmsim.publish.lite", "-o", SITE])
    if code:
        return code
    cut = without_network(str(start.PYTHON))
    os.environ[CUT] = "1" if cut else ""
    return start.run([*cut, str(start.PYTHON), "-m", "pytest", "tests/lite", *arguments])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
