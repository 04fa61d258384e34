"""start.py: what it decides, without the network; .ci and the README run it for real."""

import ast
import json
import os
import re
import runpy
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

import start

ROOT = Path(__file__).resolve().parent.parent
FAIL = [sys.executable, "-c", "print('looking'); print('error: no such package'); raise SystemExit(3)"]
NO_NETWORK = "no connection to the package index; is the network there?"
# As venv does where ensurepip turns out to be broken: the interpreter is there already.
FAIL_LATE = [sys.executable, "-c", "import pathlib, sys; pathlib.Path(sys.argv[1], 'python').touch(); sys.exit('no')"]
SUCCEED = [sys.executable, "-c", ""]


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with nothing but the files the set-up reads."""
    for name in ("pyproject.toml", "requirements.lock"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    venv = tmp_path / ".venv"
    monkeypatch.setattr(start, "ROOT", tmp_path)
    monkeypatch.setattr(start, "VENV", venv)
    monkeypatch.setattr(start, "PYTHON", venv / "python")
    monkeypatch.setattr(start, "LOCK", tmp_path / "requirements.lock")
    monkeypatch.setattr(start, "STATE", venv / "mmsim-setup.json")
    monkeypatch.setattr(start, "LOG", venv / "mmsim-setup.log")
    return tmp_path


@pytest.fixture
def ready(checkout: Path) -> Callable[[str], bool]:
    """A finished set-up of the course set; returns the question whether a set is there."""
    start.VENV.mkdir()
    start.PYTHON.touch()
    start.write_state(tool="pip", set="course", packages=start.packages_wanted())
    return lambda wanted: start.is_ready(start.read_state(), wanted)


def fake_tools(monkeypatch: pytest.MonkeyPatch, **fails_at: str) -> list[str]:
    """Let the machine have these tools, each failing at "make", at "install" or never; returns who came to install."""
    used: list[str] = []

    def install(tool: start.Tool, wanted: str) -> None:
        used.append(f"{tool.name} {wanted}")
        start.PYTHON.touch()
        start.step("2/4 install 3 packages", tool.install)

    tools = [
        start.Tool(name, FAIL_LATE if stage == "make" else SUCCEED, FAIL if stage == "install" else SUCCEED)
        for name, stage in fails_at.items()
    ]
    monkeypatch.setattr(start, "tools", lambda: iter(tools))
    monkeypatch.setattr(start, "install", install)
    return used


# ---- the command line ------------------------------------------------------------------------------------------------


def test_an_old_python_can_read_the_script() -> None:
    ast.parse((ROOT / "start.py").read_text(encoding="utf-8"), feature_version=(3, 7))


def test_an_old_python_is_told_so_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 18, "final", 0))
    with pytest.raises(SystemExit) as stop:
        runpy.run_path(str(ROOT / "start.py"), run_name="__main__")
    assert stop.value.code == "start.py: this is Python 3.9, the course needs 3.11 or newer (try: python3.12 start.py)"


@pytest.mark.parametrize("arguments", [["tests"], ["setup", "all"], ["--no-browser", "x"], ["-q"], ["--help", "test"]])
def test_an_unknown_argument_is_one_line_and_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert start.command(arguments) == 2
    answer = capsys.readouterr()
    assert answer.out == ""
    assert re.fullmatch(r"start\.py: did not expect '[^']+'; see python3 start\.py --help\n", answer.err)


@pytest.mark.parametrize("argument", ["-h", "--help"])
def test_help_names_every_command(argument: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert start.command([argument]) == 0
    text = capsys.readouterr().out
    assert all(f"start.py {command}" in text for command in ("test", "setup", "--no-browser"))


def test_what_follows_test_goes_to_pytest(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(start, "set_up", asked.append)
    monkeypatch.setattr(start, "run", lambda command: asked.append(command) or 0)
    assert start.command(["test", "-k", "gaps"]) == 0
    assert asked[0] == "test"
    assert asked[1][1:] == ["-m", "mmsim.course.lint", "notebooks"]
    assert asked[2][1:3] == ["-m", "pytest"]
    assert asked[2][-2:] == ["-k", "gaps"]


@pytest.mark.parametrize(("lint", "checks", "code"), [(0, 0, 0), (1, 0, 1), (0, 1, 1), (2, 1, 2), (0, -9, 9)])
def test_the_worse_exit_code_counts(lint: int, checks: int, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    codes = iter([lint, checks])
    monkeypatch.setattr(start, "run", lambda command: next(codes))
    assert start.run_tests([]) == code


def test_trouble_is_one_line_and_code_1(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    start.LOCK.unlink()
    monkeypatch.setattr(sys, "argv", ["start.py", "test"])
    assert start.main() == 1
    line = capsys.readouterr().err
    assert line == f"start.py: {start.LOCK} is missing: this must be started in a complete checkout\n"


def test_ctrl_c_is_one_line_and_code_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(arguments: list[str]) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(start, "command", interrupted)
    assert start.main() == 130
    assert capsys.readouterr().err == "\nstart.py: stopped; start it again to go on from here\n"


# ---- the lock file ---------------------------------------------------------------------------------------------------


def pins(text: str) -> dict[str, str]:
    blocks = [block.strip() for block in re.split(r"\n(?=\S)", text)]
    return {block.split("==")[0]: block for block in blocks if re.match(r"\S+==", block)}


def test_every_requirement_is_pinned_and_hashed() -> None:
    text = start.LOCK.read_text(encoding="utf-8")
    blocks = [block for block in re.split(r"\n(?=\S)", text) if not block.startswith("#")]
    assert len(blocks) > 100
    for block in blocks:
        assert re.match(r"[a-z0-9-]+==[0-9][0-9a-z.]*( ; .*)? \\\n( +--hash=sha256:[0-9a-f]{64}( \\\n|\n*$))+$", block)


def test_the_lock_names_no_host_and_no_folder() -> None:
    text = start.LOCK.read_text(encoding="utf-8")
    assert not re.search(r"://|--index|--find-links|@ |/", text.replace("(JupyterLab too)", ""))


def test_the_course_set_is_the_test_set_and_more() -> None:
    text = start.LOCK.read_text(encoding="utf-8")
    test, course = pins(start.requirements(text, "test")), pins(start.requirements(text, "course"))
    assert "jupyterlab" not in test
    assert "jupyterlab" in course
    assert test.items() <= course.items()


def test_what_drives_a_browser_is_in_no_learners_set() -> None:
    text = start.LOCK.read_text(encoding="utf-8")
    course, browser = pins(start.requirements(text, "course")), pins(start.requirements(text, "browser"))
    assert course.items() <= browser.items()
    assert {"playwright", "axe-playwright-python"} <= browser.keys() - course.keys()
    lite = pins(start.requirements(text, "lite"))
    assert {"jupyterlite-core", "jupyterlite-pyodide-kernel", "micropip"} <= lite.keys() - browser.keys()


def test_the_lock_has_all_that_pyproject_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    locked = start.LOCK.read_text(encoding="utf-8")
    for wanted, names in {"test": project["dependencies"], **project["optional-dependencies"]}.items():
        have = pins(start.requirements(locked, wanted if wanted in start.SETS else "test"))
        for name in names:
            assert re.match(r"[\w-]+", name)[0].lower().replace("_", "-") in have


def test_a_lock_without_its_mark_is_refused() -> None:
    with pytest.raises(start.SetupError, match=r"no \[course\] line"):
        start.requirements("pytest==9.2.0\n", "test")


# ---- what is done already --------------------------------------------------------------------------------------------


def test_the_course_set_serves_the_tests(ready: Callable[[str], bool]) -> None:
    assert ready("test")
    assert ready("course")


def test_the_test_set_does_not_serve_the_course(ready: Callable[[str], bool]) -> None:
    start.write_state(tool="pip", set="test", packages=start.packages_wanted())
    assert ready("test")
    assert not ready("course")


def test_the_last_set_serves_all(ready: Callable[[str], bool]) -> None:
    assert not ready(start.SETS[-1])
    start.write_state(tool="pip", set=start.SETS[-1], packages=start.packages_wanted())
    assert all(ready(wanted) for wanted in start.SETS)


@pytest.mark.parametrize("arguments", [["setup"], *(["setup", name] for name in start.SETS)])
def test_setup_takes_the_name_of_a_set(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(start, "set_up", asked.append)
    assert start.command(arguments) == 0
    assert asked == [[*arguments, "test"][1]]


@pytest.mark.parametrize("name", ["requirements.lock", "pyproject.toml"])
def test_other_requirements_need_another_set_up(name: str, checkout: Path, ready: Callable[[str], bool]) -> None:
    with (checkout / name).open("a") as file:
        file.write("# changed\n")
    assert not ready("test")


@pytest.mark.parametrize("damaged", ["", "[]", '{"home": "elsewhere"}', '{"ho'])
def test_a_damaged_note_counts_as_none(damaged: str, ready: Callable[[str], bool]) -> None:
    start.STATE.write_text(damaged, encoding="utf-8")
    assert start.read_state() == {}
    assert not ready("test")


def test_a_vanished_interpreter_needs_another_set_up(ready: Callable[[str], bool]) -> None:
    start.PYTHON.unlink()
    assert not ready("test")


def test_a_moved_checkout_needs_another_set_up(
    ready: Callable[[str], bool], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(start, "ROOT", tmp_path / "moved")
    assert start.read_state() == {}


def test_nothing_is_started_when_all_is_done(ready: Callable[[str], bool], monkeypatch: pytest.MonkeyPatch) -> None:
    used = fake_tools(monkeypatch, pip="never")
    start.set_up("course")
    assert used == []


# ---- setting up ------------------------------------------------------------------------------------------------------


def test_the_first_tool_that_works_is_used(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    used = fake_tools(monkeypatch, uv="never", pip="never")
    start.set_up("course")
    assert used == ["uv course"]


def test_when_uv_fails_pip_is_tried(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    used = fake_tools(monkeypatch, uv="install", pip="never")
    start.set_up("test")
    assert used == ["uv test", "pip test"]
    assert start.read_state()["tool"] == "pip"


def test_when_pip_fails_no_other_pip_is_tried(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    used = fake_tools(monkeypatch, pip="install", another="never")
    with pytest.raises(start.SetupError, match=r"could not install 3 packages: error: no such package \(all of it: "):
        start.set_up("test")
    assert used == ["pip test"]


def test_when_no_environment_can_be_made_another_may(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    used = fake_tools(monkeypatch, pip="make", another="never")
    start.set_up("test")
    assert used == ["another test"]


def test_without_any_tool_the_line_says_what_to_install(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_tools(monkeypatch)
    with pytest.raises(start.SetupError, match="no uv, no ensurepip and no pip"):
        start.set_up("test")


def test_an_environment_made_by_others_is_left_alone(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_tools(monkeypatch, pip="never")
    start.VENV.mkdir()
    (start.VENV / "pyvenv.cfg").write_text("theirs", encoding="utf-8")
    with pytest.raises(start.SetupError, match=r"was not made by start\.py"):
        start.set_up("test")
    assert (start.VENV / "pyvenv.cfg").read_text(encoding="utf-8") == "theirs"


def test_an_unfinished_environment_is_made_again(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_tools(monkeypatch, pip="never")
    start.VENV.mkdir()
    start.write_state()
    (start.VENV / "half").touch()
    start.set_up("test")
    assert not (start.VENV / "half").exists()


def test_a_finished_environment_is_kept_and_filled_further(ready: Callable[[str], bool], checkout: Path) -> None:
    (start.VENV / "kept").touch()
    start.make_environment(start.Tool("pip", FAIL, []))
    assert (start.VENV / "kept").exists()


def test_half_installed_packages_are_forgotten(tmp_path: Path) -> None:
    for name in ("whole-1.0.dist-info", "half-1.0.dist-info"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "METADATA").touch()
    (tmp_path / "whole-1.0.dist-info" / "INSTALLER").touch()
    start.drop_half_installed(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["whole-1.0.dist-info"]


def test_installing_is_by_hash_and_from_wheels_only(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[tuple[str, list[str]]] = []
    start.VENV.mkdir()
    monkeypatch.setattr(start, "step", lambda title, command: steps.append((title, command)))
    start.install(start.Tool("pip", [], ["pip", "install"]), "course")
    assert re.fullmatch(r"2/4 install 1\d\d packages with pip", steps[0][0])
    assert steps[0][1][:-1] == ["pip", "install", "--only-binary", ":all:", "--require-hashes", "-r"]
    assert "--no-deps" in steps[1][1]
    note = json.loads(start.STATE.read_text(encoding="utf-8"))
    assert (note["set"], note["packages"]) == ("course", start.packages_wanted())
    settings = start.VENV / "share" / "jupyter" / "lab" / "settings" / "overrides.json"
    written = json.loads(settings.read_text(encoding="utf-8"))
    assert written == start.LAB_SETTINGS
    assert written["@jupyterlab/docmanager-extension:plugin"] == {"defaultViewers": {"markdown": "Markdown Preview"}}


def test_ctrl_c_ends_the_step_and_its_process(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []

    def interrupted(process: subprocess.Popen[bytes]) -> int:
        started.append(process)
        raise KeyboardInterrupt

    start.VENV.mkdir()
    monkeypatch.setattr(start, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        start.step("1/4 sleep", [sys.executable, "-c", "import time; time.sleep(60)"])
    assert started[0].poll() is not None


@pytest.mark.parametrize(
    ("output", "line"),
    [
        ("WARNING: retrying\nERROR: No matching distribution\n", "ERROR: No matching distribution"),
        ("error: Failed to build\n  Caused by: no compiler\nnote\n", "Caused by: no compiler"),
        ("WARNING: broken by NewConnectionError\nERROR: No matching distribution\n", NO_NETWORK),
        ("error: Request failed\n  Caused by: dns error: Name or service not known\n", NO_NETWORK),
        ("Traceback\n  line\nOSError: [Errno 28] No space left\n", "OSError: [Errno 28] No space left"),
        ("a.ConfigError: no README\nhint: see\nerror: metadata-generation-failed\n", "a.ConfigError: no README"),
        ("killed\n\n", "killed"),
        ("", "it gave no reason"),
    ],
)
def test_the_reason_of_a_failure_is_found(output: str, line: str) -> None:
    assert start.reason(output) == line


# ---- the machine -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("uv", "ensurepip", "pip", "expected"),
    [
        (True, True, (23, 2), ["uv", "pip", "the pip of X"]),
        (False, True, (0,), ["pip"]),
        (False, False, (23, 0), ["the pip of X"]),
        (False, False, (22, 2), []),
    ],
)
def test_the_tools_are_tried_best_first(
    uv: bool, ensurepip: bool, pip: tuple[int, ...], expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start.shutil, "which", lambda name: name if uv else None)
    monkeypatch.setattr(start.importlib.util, "find_spec", lambda name: object() if ensurepip else None)
    monkeypatch.setattr(start, "pip_version", lambda python: pip)
    monkeypatch.setattr(start, "base_python", lambda: sys.executable)
    assert [tool.name.replace(sys.executable, "X") for tool in start.tools()] == expected


def test_a_python_without_pip_has_version_0() -> None:
    assert start.pip_version("true" if os.name == "posix" else sys.executable + " -c pass") == (0,)


@pytest.mark.parametrize(
    ("platform", "environment", "answer"),
    [
        ("linux", {}, False),
        ("linux", {"DISPLAY": ":0"}, True),
        ("linux", {"WAYLAND_DISPLAY": "wayland-0"}, True),
        ("linux", {"BROWSER": "w3m"}, True),
        ("darwin", {}, True),
        ("darwin", {"SSH_CONNECTION": "10.0.0.1 22"}, False),
        ("win32", {}, True),
    ],
)
def test_a_screen_is_seen_from_the_environment(platform: str, environment: dict[str, str], answer: bool) -> None:
    assert start.has_screen(environment, platform) is answer


def test_settings_that_would_lead_astray_are_not_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE", "MPLBACKEND"):
        monkeypatch.setenv(name, "1")
    environment = start.child_environment()
    assert not {"PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE", "MPLBACKEND"} & set(environment)
    assert environment["PATH"].startswith(str(start.PYTHON.parent))


@pytest.mark.skipif(os.name == "nt", reason="there JupyterLab is a child, not a successor")
@pytest.mark.parametrize(
    ("arguments", "screen", "shown"), [([], True, True), ([], False, False), (["--no-browser"], True, False)]
)
def test_jupyterlab_opens_the_first_notebook(
    arguments: list[str], screen: bool, shown: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    became: list[list[str]] = []
    monkeypatch.setattr(start, "has_screen", lambda environment: screen)
    monkeypatch.setattr(start, "set_up", lambda wanted: became.append([wanted]))

    def execve(path: str, command: list[str], environment: dict[str, str]) -> None:
        became.append(command)
        raise SystemExit

    monkeypatch.setattr(os, "execve", execve)
    with pytest.raises(SystemExit):
        start.command(arguments)
    assert became[0] == ["course"]
    assert "--LabApp.default_url=/lab/tree/notebooks/00-start-here.ipynb" in became[1]
    assert ("--no-browser" in became[1]) is not shown
