"""The notebooks that ask the running kernel, where none of its ways is allowed: they pass, and say who answered."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from .running_kernel import live

ROOT = Path(__file__).parents[1]
ASKING = sorted(
    path.name
    for path in (ROOT / "notebooks").glob("*.ipynb")
    if any("recorded" in cell["metadata"].get("tags", ()) for cell in json.loads(path.read_text())["cells"])
)
EXECUTED = """
import json, sys
from pathlib import Path
from mmsim.course import refresh
path = Path(sys.argv[1])
notebook = refresh.read(path)
refresh.execute(notebook, path, keep=Path(sys.argv[2]))
print(json.dumps(notebook))
"""


def without_any_way(*command: str) -> subprocess.CompletedProcess[str]:
    """Python where no process can be made to ask: neither way can put its program anywhere, and none has a monitor."""
    denied = [sys.executable, "-m", "tests.deny", "memfd_create,userfaultfd", sys.executable, *command]
    return subprocess.run(denied, cwd=ROOT, capture_output=True, text=True, check=False)


def test_there_are_such_notebooks() -> None:
    assert [name[:2] for name in ASKING[:4]] == ["01", "07", "08", "09"]


@pytest.mark.parametrize("name", ASKING)
def test_it_runs_and_says_that_a_recording_answered(name: str, tmp_path: Path) -> None:
    live().close()
    done = without_any_way("-c", EXECUTED, f"notebooks/{name}", str(tmp_path))
    assert done.returncode == 0, done.stderr
    cells = json.loads(done.stdout)["cells"]
    asking = [cell for cell in cells if "recorded" in cell["metadata"].get("tags", ()) and cell["outputs"]]
    told = [json.dumps(cell["outputs"]) for cell in asking]
    assert any("a recording of Linux" in each and "no kernel" in each for each in told)
    assert not any("asked by" in each for each in told)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ASKING)
def test_it_passes_nbval(name: str) -> None:
    live().close()
    done = without_any_way("-m", "pytest", "-q", "-p", "no:cacheprovider", f"notebooks/{name}")
    assert done.returncode == 0, done.stdout[-2000:]
    assert " passed" in done.stdout
