"""Set the course up and open it; Python 3.11 or newer, the network at the first start, and nothing else is needed.

    python3 start.py                open the course in JupyterLab
    python3 start.py --no-browser   the same, but only print the address
    python3 start.py test [...]     run every check; what follows `test` is handed to pytest
    python3 start.py setup [SET]    only set up what `test` needs, or one of test, course, browser, lite

The first start makes a folder .venv in the checkout and installs into it the versions that requirements.lock names:
half a minute to two minutes. Later starts find it done. Nothing outside the checkout is changed; to undo, delete .venv.
"""

import sys

# First of all, and in words an old Python can read: what follows would only confuse its user.
if sys.version_info < (3, 11):
    WORDS = "start.py: this is Python %d.%d, the course needs 3.11 or newer (try: python3.12 start.py)"
    sys.exit(WORDS % sys.version_info[:2])

import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, NoReturn

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
LOCK = ROOT / "requirements.lock"
STATE = VENV / "mmsim-setup.json"
LOG = VENV / "mmsim-setup.log"
FIRST_NOTEBOOK = "notebooks/00-start-here.ipynb"
SETS = ("test", "course", "browser", "lite")  # what can be installed; each contains those before it, as in .ci/lock.py
OLDEST_PIP = (22, 3)  # the first that can install into another Python's environment

# Settings of JupyterLab in .venv, so that the user's own stay: no question whether to fetch news, and a markdown file,
# such as the glossary, opens as a page to read and not as its source.
LAB_SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/docmanager-extension:plugin": {"defaultViewers": {"markdown": "Markdown Preview"}},
}


class SetupError(Exception):
    """The set-up cannot go on; the message is the one line the user sees."""


class StepFailed(SetupError):
    """A command of the set-up ended with an error."""


class NoEnvironment(StepFailed):
    """A tool could not make the environment; another may."""


class Tool(NamedTuple):
    """One way to make an environment and to install into it."""

    name: str
    make: list[str]
    install: list[str]


def say(text: str) -> None:
    """Print at once, also into a pipe."""
    print(text, flush=True)


# ---- which tools this machine has ------------------------------------------------------------------------------------


def base_python() -> str:
    """The interpreter behind this one: a .venv must not depend on a .venv, least of all on itself."""
    return getattr(sys, "_base_executable", None) or sys.executable


def tools() -> Iterator[Tool]:
    """The ways that look possible here, best first: uv, venv with its own pip, venv filled by another pip."""
    python, pip = base_python(), ["-m", "pip", "--disable-pip-version-check", "--no-input"]
    uv = shutil.which("uv")
    if uv:
        make = [uv, "venv", "--allow-existing", "--python", python]
        yield Tool("uv", make, [uv, "pip", "install", "--python", str(PYTHON)])
    if importlib.util.find_spec("ensurepip"):
        yield Tool("pip", [python, "-m", "venv"], [str(PYTHON), *pip, "install", "--no-compile"])
    for other in dict.fromkeys([sys.executable, python]):
        if pip_version(other) >= OLDEST_PIP:
            make = [python, "-m", "venv", "--without-pip"]
            yield Tool(f"the pip of {other}", make, [other, *pip, "--python", str(PYTHON), "install", "--no-compile"])


def pip_version(python: str) -> tuple[int, ...]:
    """The version of an interpreter's pip; (0,) when it has none."""
    answer = subprocess.run([python, "-m", "pip", "--version"], capture_output=True, text=True, check=False)
    found = re.match(r"pip (\d+)\.(\d+)", answer.stdout)
    return tuple(int(number) for number in found.groups()) if found else (0,)


def child_environment() -> dict[str, str]:
    """The environment for all that is started in .venv, without the settings that would lead it astray.

    PYTHONDONTWRITEBYTECODE goes too: with it every kernel start would compile mmsim again.
    """
    unwanted = ("PYTHONHOME", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "MPLBACKEND")
    environment = {name: value for name, value in os.environ.items() if name not in unwanted}
    environment["VIRTUAL_ENV"] = str(VENV)
    environment["PATH"] = os.pathsep.join([str(PYTHON.parent), os.environ.get("PATH", os.defpath)])
    environment["PIP_USER"] = "0"
    # matplotlib keeps its list of fonts here: a missing or read-only home folder must not put a warning into a cell.
    environment["MPLCONFIGDIR"] = str(VENV / "var" / "matplotlib")
    return environment


# ---- what is done already --------------------------------------------------------------------------------------------


def home_of_venv() -> str:
    """What the environment is tied to; a moved checkout or another Python needs a new one."""
    return f"{sys.implementation.name} {sys.version_info.major}.{sys.version_info.minor} in {ROOT}"


def packages_wanted() -> str:
    """A hash of the files that say what must be installed."""
    try:
        return hashlib.sha256(LOCK.read_bytes() + (ROOT / "pyproject.toml").read_bytes()).hexdigest()
    except FileNotFoundError as error:
        raise SetupError(f"{error.filename} is missing: this must be started in a complete checkout") from None


def read_state() -> dict[str, str]:
    """What the last set-up noted; empty when it never got that far or the note is damaged."""
    try:
        state = json.loads(STATE.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    usable = isinstance(state, dict) and state.get("home") == home_of_venv() and PYTHON.exists()
    return state if usable else {}


def write_state(**state: str) -> None:
    """Note what is done, in one stroke: a half-written note would be read as none."""
    fresh = STATE.with_suffix(".new")
    fresh.write_text(json.dumps({"home": home_of_venv(), **state}), encoding="utf-8")
    fresh.replace(STATE)


def is_ready(state: dict[str, str], wanted: str) -> bool:
    """Whether the set `wanted` is there, or one that contains it."""
    return state.get("packages") == packages_wanted() and state.get("set") in SETS[SETS.index(wanted) :]


# ---- setting up ------------------------------------------------------------------------------------------------------


def set_up(wanted: str) -> None:
    """Bring .venv to the set `wanted`; cheap when it is there. Raises SetupError when it cannot."""
    if is_ready(read_state(), wanted):
        return
    say(f"Setting up in {VENV.name} (the first time only; needs the network):")
    began = time.monotonic()
    problem = SetupError("found no uv, no ensurepip and no pip 22.3 or newer: install one (Debian: python3-pip)")
    for tool in tools():
        try:
            make_environment(tool)
            install(tool, wanted)
        except NoEnvironment as error:
            problem = error
        except StepFailed as error:
            if tool.name != "uv":
                raise  # another pip would only meet the same trouble again
            problem = error
        else:
            say(f"Set up in {time.monotonic() - began:.0f} s.")
            return
        say(f"  {problem}; another way is tried")
    raise problem


def make_environment(tool: Tool) -> None:
    """Make .venv, unless the same tool has made it before and it still runs."""
    if read_state().get("tool") == tool.name:
        return
    if VENV.exists() and any(VENV.iterdir()):
        if not STATE.exists():
            raise SetupError(f"{VENV} was not made by start.py: move it away, then start again")
        say("  0/4 remove the .venv that is there: unfinished, moved here, or made in another way")
        shutil.rmtree(VENV)
    VENV.mkdir(exist_ok=True)
    write_state()
    try:
        step(f"1/4 make .venv for Python {sys.version.split()[0]} with {tool.name}", [*tool.make, str(VENV)])
    except StepFailed as error:
        raise NoEnvironment(*error.args) from None
    write_state(tool=tool.name)


def install(tool: Tool, wanted: str) -> None:
    """Install the locked packages and the project, then do what makes the first start quick."""
    chosen = requirements(LOCK.read_text(encoding="utf-8"), wanted)
    write_state(tool=tool.name)
    drop_half_installed(Path(sysconfig.get_path("purelib", "venv", {"base": str(VENV)})))
    listing = VENV / "requirements.txt"
    listing.write_text(chosen, encoding="utf-8")
    locked = [*tool.install, "--only-binary", ":all:", "--require-hashes", "-r", str(listing)]
    count = len(re.findall(r"^\S+==", chosen, re.MULTILINE))
    step(f"2/4 install {count} packages with {tool.name}", locked)
    step("3/4 install mmsim itself", [*tool.install, "--no-deps", "--no-build-isolation", "-e", str(ROOT)])
    step("4/4 compile, so that notebooks start fast", [str(PYTHON), "-c", WARM_UP, str(VENV)])
    if wanted != "test":
        settings = VENV / "share" / "jupyter" / "lab" / "settings" / "overrides.json"
        settings.parent.mkdir(parents=True, exist_ok=True)
        settings.write_text(json.dumps(LAB_SETTINGS), encoding="utf-8")
    write_state(tool=tool.name, set=wanted, packages=packages_wanted())


# Run inside .venv. The import makes matplotlib's list of fonts, which takes seconds and may print a warning.
WARM_UP = """
import compileall, sys
compileall.compile_dir(sys.prefix, maxlevels=20, quiet=2, workers=0)
import matplotlib.font_manager
"""


def requirements(lock: str, wanted: str) -> str:
    """The part of the lock file for one set: all that is above the line which marks the next set."""
    for mark in SETS[1:]:
        if f"\n# [{mark}]\n" not in lock:
            raise SetupError(f"{LOCK.name} has no [{mark}] line: remake it with `make lock`")
    later = SETS[SETS.index(wanted) + 1 :]
    return lock.partition(f"\n# [{later[0]}]\n")[0] + "\n" if later else lock


def drop_half_installed(site_packages: Path) -> None:
    """Forget packages whose installation was cut short: their INSTALLER file, which comes last, is missing.

    An installer that finds the rest of such a folder believes the package to be complete.
    """
    for folder in site_packages.glob("*.dist-info"):
        if not (folder / "INSTALLER").is_file():
            shutil.rmtree(folder)


def step(title: str, command: list[str]) -> None:
    """Run one command with its output in LOG; raises StepFailed with the reason it gave."""
    say(f"  {title}")
    with LOG.open("wb") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env=child_environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            code = wait(process)
        except KeyboardInterrupt:
            stop(process)
            raise
    if code:
        raise StepFailed(f"could not {title[4:]}: {reason(read_log())} (all of it: {LOG})")


def wait(process: subprocess.Popen[bytes]) -> int:
    """Wait for the end, with a sign of life every ten seconds; returns the exit code."""
    began = time.monotonic()
    while True:
        try:
            return process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            found = read_log().count("\nCollecting ")
            say(f"      ... {time.monotonic() - began:.0f} s" + (f", {found} packages found" if found else ""))


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a child that the user's Ctrl-C may have reached already."""
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def read_log() -> str:
    """What the running step has written so far."""
    return LOG.read_text(encoding="utf-8", errors="replace")


def reason(text: str) -> str:
    """The line that best explains a failure: the last that is marked as an error, else the last of all."""
    if re.search(r"NewConnectionError|\w+Timeout|ProxyError|name resolution|dns error|error sending request", text):
        return "no connection to the package index; is the network there?"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    # An error with one hyphenated word is only the name pip gives to what the lines above it say.
    marked = [line for line in lines if re.match(r"([\w.]*error|caused by):(?! [a-z-]+$)", line, re.IGNORECASE)]
    return (marked or lines or ["it gave no reason"])[-1][:200]


# ---- the two things it is for ----------------------------------------------------------------------------------------


def open_course(browser: bool) -> NoReturn:
    """Become JupyterLab, opened on the first notebook."""
    command = [str(PYTHON), "-m", "jupyterlab", f"--ServerApp.root_dir={ROOT}"]
    command += [f"--LabApp.default_url=/lab/tree/{FIRST_NOTEBOOK}", "--Application.log_level=WARN"]
    if not browser:
        command.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")  # it listens to this machine only and asks for a token
    say("Starting JupyterLab; to stop it, press Ctrl-C here twice.")
    if not browser:
        say("Open the address it prints in a browser:")
    if os.name == "nt":
        sys.exit(run(command))
    os.execve(command[0], command, child_environment())


def has_screen(environment: dict[str, str], platform: str = sys.platform) -> bool:
    """Whether a browser can be opened here: asked of the environment, as trying would hang on some machines."""
    if platform in ("win32", "darwin"):
        return "SSH_CONNECTION" not in environment
    return any(environment.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))


def run_tests(extra: list[str]) -> int:
    """Notebook lint, then pytest over everything; returns the worse of the two exit codes."""
    say("Checking the notebooks against the rules of the course:")
    lint = run([str(PYTHON), "-m", "mmsim.course.lint", "notebooks"])
    say("Running the tests, the doctests and the notebooks:")
    workers = str(max(2, min(4, os.cpu_count() or 2)))
    tests = ["-m", "pytest", "-p", "tests.notebook_rules", "-n", workers, "--dist", "loadscope"]
    checks = run([str(PYTHON), *tests, *extra])
    if lint:
        say("start.py: the notebook lint failed; its lines stand above the tests")
    return max(abs(lint), abs(checks))


def run(command: list[str]) -> int:
    """Run a command in .venv and wait for it whatever happens: Ctrl-C reaches it too, and it decides what to do."""
    with subprocess.Popen(command, cwd=ROOT, env=child_environment()) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue


def command(arguments: list[str]) -> int:
    """Do what the command line asks for; returns the exit code."""
    if arguments in (["-h"], ["--help"]):
        say(__doc__.strip())
        return 0
    if arguments in ([], ["--no-browser"]):
        set_up("course")
        open_course(browser=not arguments and has_screen(dict(os.environ)))
    if arguments[0] == "setup" and arguments[1:] in ([], *([name] for name in SETS)):
        set_up(arguments[-1] if arguments[1:] else "test")
        return 0
    if arguments[0] == "test":
        set_up("test")
        return run_tests(arguments[1:])
    known = {"setup", "--no-browser", "-h", "--help"}
    wrong = next((argument for argument in arguments if argument not in known), arguments[-1])
    print(f"start.py: did not expect {wrong!r}; see python3 start.py --help", file=sys.stderr)
    return 2


def main() -> int:
    """Run, and turn every expected trouble into one line."""
    try:
        return command(sys.argv[1:])
    except KeyboardInterrupt:
        print("\nstart.py: stopped; start it again to go on from here", file=sys.stderr)
        return 130
    except (SetupError, OSError) as error:
        print(f"start.py: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
