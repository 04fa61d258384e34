"""What the browser's Python is made of: Pyodide from npm, pure wheels from the package index, our own wheel.

All of it is pinned: Pyodide by the hash below, the wheels by requirements.lock. Downloads and what is made of them
are kept in a cache folder, by content, so that a second build asks the network for nothing.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable, Sequence
from email import message_from_string
from pathlib import Path

__all__ = ["KERNEL_PLUGIN", "PRELOADED", "BuildError", "bundle"]

PYODIDE = "pyodide@314.0.6"  # the one that jupyterlite-pyodide-kernel is made for
PYODIDE_SHA512 = "BKDTJyIqFxC4BExLqeRS3f5xvXZIjOt8C3zGLN/Cc7tFxSwvKVhVkchQQ2AGLOtR4YrVOIFxbV8poyDOOmWwxQ=="
PYODIDE_FILES = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip")
PYTHON = "3.14"
WHEELS = """
anywidget asttokens comm executing graphviz ipython ipython-pygments-lexers ipywidgets jedi matplotlib-inline micropip
packaging parso prompt-toolkit psygnal pure-eval pygments stack-data traitlets typing-extensions wcwidth
""".split()  # noqa: SIM905
KERNEL_PLUGIN = "@jupyterlite/pyodide-kernel-extension"
KERNELS_OWN = ("ipykernel", "piplite", "pyodide_kernel")
PRELOADED = ("micropip", "piplite", "ipykernel", "comm", "pyodide-kernel", "jedi", "ipython", "ipywidgets", "mmsim")
"""What a kernel loads at its start, in one go; the rest of the wheels hangs on these."""
_COMPILE = Path(__file__).with_name("static") / "compile.mjs"


class BuildError(Exception):
    """The site cannot be built; one line says why."""


def bundle(root: Path, to: Path, cache: Path) -> str:
    """Put Pyodide, wheels and their lock file into the folder `to`; returns mmsim's version."""
    cache.mkdir(parents=True, exist_ok=True)
    pyodide = _pyodide(cache)
    to.mkdir(parents=True, exist_ok=True)
    for name in PYODIDE_FILES:
        shutil.copyfile(pyodide / name, to / name)
    ours = _own_wheel(root, cache)
    wheels = [*_downloaded(root, cache), *_kernels_own(), ours]
    packages = {}
    for wheel in _compiled(wheels, pyodide, cache):
        shutil.copyfile(wheel, to / wheel.name)
        packages |= _entry(wheel)
    missing = {need for entry in packages.values() for need in entry["depends"]} - packages.keys()
    if missing:
        raise BuildError(f"the browser's Python would lack {', '.join(sorted(missing))}")
    lock = json.loads((pyodide / "pyodide-lock.json").read_text(encoding="utf-8"))
    text = json.dumps({"info": lock["info"], "packages": packages}, sort_keys=True)
    (to / "pyodide-lock.json").write_text(text, encoding="utf-8")
    return ours.name.split("-")[1]


def run(command: Sequence[str | Path], cwd: Path | None = None) -> str:
    """Run a tool; returns what it wrote. Raises BuildError with its last line when it fails."""
    try:
        done = subprocess.run([*map(str, command)], cwd=cwd, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise BuildError(f"{command[0]} is not installed") from None
    if done.returncode:
        lines = (done.stderr.strip() or "it gave no reason").splitlines()
        said = next((line for line in reversed(lines) if re.match(r"\s*[\w.]*Error\b", line)), lines[-1])
        raise BuildError(f"{Path(command[0]).name} failed: {said.strip()}")
    return done.stdout


def _pyodide(cache: Path) -> Path:
    """The npm package of Pyodide, unpacked."""
    archive = cache / f"{PYODIDE.replace('@', '-')}.tgz"
    if not archive.exists():
        run(["npm", "pack", PYODIDE, "--silent"], cwd=cache)
    found = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if found != PYODIDE_SHA512:
        archive.unlink()
        raise BuildError(f"{PYODIDE} from npm is not what it was: sha512-{found}")
    folder = cache / "pyodide"
    if not (folder / "package" / PYODIDE_FILES[-1]).exists():
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
    return folder / "package"


def pins(lock: str, names: Iterable[str]) -> str:
    r"""The requirements of these packages, with their hashes, out of the text of a lock file; no markers.

    >>> pins("a==1 \\\n    --hash=x\nb==2 ; python_version < '4' \\\n    --hash=y\n", ["b"])
    'b==2 \\\n    --hash=y\n'
    """
    chosen = []
    for name in names:
        found = re.search(rf"^{name}==([\w.]+)[^\n\\]*(\\\n(?:    .*\n?)+)", lock, re.MULTILINE)
        if not found:
            raise BuildError(f"requirements.lock has no {name}")
        chosen.append(f"{name}=={found[1]} {found[2].rstrip()}\n")
    return "".join(chosen)


def _downloaded(root: Path, cache: Path) -> list[Path]:
    """The pure wheels, from the package index."""
    wanted = pins((root / "requirements.lock").read_text(encoding="utf-8"), WHEELS)
    folder = cache / f"wheels-{hashlib.sha256(wanted.encode()).hexdigest()[:12]}"
    if not folder.exists():
        with tempfile.TemporaryDirectory(dir=cache) as fresh:
            listing = Path(fresh, "requirements.txt")
            listing.write_text(wanted, encoding="utf-8")
            pure = ["--only-binary", ":all:", "--platform", "any", "--python-version", PYTHON, "--abi", "none"]
            pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--no-deps", *pure]
            run([*pip, "--implementation", "py", "--require-hashes", "-r", listing, "-d", Path(fresh, "wheels")])
            Path(fresh, "wheels").rename(folder)
    return sorted(folder.glob("*.whl"))


def _kernels_own() -> list[Path]:
    """The wheels that the kernel for JupyterLite brings itself."""
    shipped = Path(sys.prefix, "share/jupyter/labextensions", KERNEL_PLUGIN, "static/pypi")
    found = [path for name in KERNELS_OWN for path in shipped.glob(f"{name}-*.whl")]
    if len(found) != len(KERNELS_OWN):
        raise BuildError("jupyterlite-pyodide-kernel is not installed (python3 start.py setup lite)")
    return found


def _own_wheel(root: Path, cache: Path) -> Path:
    """The wheel of mmsim, built from the checkout; with the census, for which mmsim looks beside its own folder."""
    build = "import sys; from flit_core.buildapi import build_wheel; print(build_wheel(sys.argv[1]))"
    folder = cache / "mmsim"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    name = run([sys.executable, "-c", build, folder], cwd=root).split()[-1]
    with zipfile.ZipFile(folder / name, "a") as wheel:
        for path in sorted((root / "tests" / "data" / "census").glob("*.json")):
            wheel.write(path, path.relative_to(root))
    return folder / name


def _compiled(wheels: Iterable[Path], pyodide: Path, cache: Path) -> list[Path]:
    """The wheels with bytecode in them; those that were made before are taken from the cache."""
    key = hashlib.sha256(PYODIDE.encode() + _COMPILE.read_bytes()).hexdigest()
    made = [(cache / "compiled" / _digest(wheel, key)[:12] / wheel.name, wheel) for wheel in wheels]
    missing = [(target, wheel) for target, wheel in made if not target.exists()]
    if missing:
        with tempfile.TemporaryDirectory(dir=cache) as fresh:
            old, new = Path(fresh, "old"), Path(fresh, "new")
            old.mkdir()
            new.mkdir()
            for _, wheel in missing:
                shutil.copyfile(wheel, old / wheel.name)
            run(["node", _COMPILE, pyodide, old, new])
            for target, wheel in missing:
                target.parent.mkdir(parents=True, exist_ok=True)
                (new / wheel.name).rename(target)
    return [target for target, _ in made]


def _digest(path: Path, key: str = "") -> str:
    return hashlib.sha256(key.encode() + path.read_bytes()).hexdigest()


def _entry(wheel: Path) -> dict[str, dict]:
    """What Pyodide's lock file says of a wheel: where it is, what it needs, what it can be imported as."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = archive.read(next(name for name in names if name.endswith(".dist-info/METADATA"))).decode()
    name = message_from_string(metadata)["Name"]
    entry = {
        "name": name,
        "version": wheel.name.split("-")[1],
        "file_name": wheel.name,
        "sha256": _digest(wheel),
        "install_dir": "site",
        "package_type": "package",
        "imports": sorted({found[1] for entry in names if (found := re.match(r"(\w+)(/__init__)?\.pyc?$", entry))}),
        "depends": sorted(_needs(metadata)),
        "unvendored_tests": False,
    }
    return {normal(name): entry}


def normal(name: str) -> str:
    """A package's name as lock files spell it."""
    return re.sub(r"[-_.]+", "-", name).lower()


NOT_THERE = frozenset(
    # What no code of ours reaches in the browser; widgetsnbextension and jupyterlab-widgets are in the page itself.
    "matplotlib pygraphviz pexpect widgetsnbextension jupyterlab-widgets colorama psutil sqlite3 setuptools".split()  # noqa: SIM905
)


def _needs(metadata: str) -> set[str]:
    """The packages a wheel needs here."""
    asked = re.findall(r"^Requires-Dist: ([\w.-]+)([^\n]*)", metadata, re.MULTILINE)
    return {normal(name) for name, rest in asked if "extra ==" not in rest and "extra==" not in rest} - NOT_THERE
