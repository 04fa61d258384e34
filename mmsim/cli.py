"""The command `mmsim`: arguments in, calls, one clear line for what goes wrong.

Exit codes: 0 fine, 1 a difference or a failed check, 2 bad usage or an unusable file.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mmsim import __version__

if TYPE_CHECKING:
    from mmsim.trace import Report
    from mmsim.trace.census import Job

__all__ = ["main"]

_GENERATIONS = ("before", "v4", "merged", "today")
"""The names of mmsim.brk.GENERATIONS, which is not imported for a look at the help."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    parser = _parser()
    words, command = _split(list(sys.argv[1:] if argv is None else argv))
    args = parser.parse_args(words, argparse.Namespace(command=command))
    try:
        return args.run(args)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of a pipe left; nothing to say, and nobody to say it to
        return 1
    except KeyboardInterrupt:
        print("mmsim: interrupted", file=sys.stderr)
        return 130


def _split(words: list[str]) -> tuple[list[str], list[str] | None]:
    """The arguments, and the program that `census` is to run: all after "--".

    argparse itself treats "--" in other ways from one version of Python to the next.

    >>> _split(["census", "--json", "--", "ls", "-l"])
    (['census', '--json'], ['ls', '-l'])
    """
    if words[:1] == ["census"] and "--" in words:
        place = words.index("--")
        return words[:place], words[place + 1 :]
    return words, None


class _Parser(argparse.ArgumentParser):
    """argparse that says one line."""

    def error(self, message: str) -> None:  # type: ignore[override]
        self.exit(2, f"{self.prog}: {message} ({self.prog} --help tells more)\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="mmsim", description="The Linux address space as a model that can be tested.")
    parser.add_argument("--version", action="version", version=f"mmsim {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=_Parser)

    replay = commands.add_parser(
        "replay",
        help="replay recordings of the kernel and compare every record",
        description="Replay recordings (maple-trace/1, syscall-trace/1) and compare every record with mmsim.",
        epilog="Exit code: 0 no difference, 1 a difference (the first of each file is shown), 2 an unusable file.",
    )
    replay.add_argument("files", nargs="+", metavar="FILE")
    _add_generation(replay, "the brk() code for syscall-trace/1", default="today")
    replay.set_defaults(run=_replay)

    run = commands.add_parser(
        "run",
        help="run scripts of system calls in one generation",
        description="Run the ops of scripts (syscall-trace/1; answers in it are ignored) and show what comes of each: "
        "the return value, the VMAs around the heap, the counters, and every invariant that is broken.",
        epilog="Exit code: 0, or 2 for a script that cannot be used.",
    )
    run.add_argument("files", nargs="+", metavar="FILE")
    _add_generation(run, "the brk() code")
    run.add_argument("--json", action="store_true", help="one JSON object an op")
    run.set_defaults(run=_run)

    _add_census(commands)
    _add_experiments(commands)
    tree = commands.add_parser(
        "tree",
        help="show the mappings of a process as a maple tree",
        description="Read the mappings of a process and show them as the maple tree of its address space.",
        epilog="Exit code: 0, or 2 when the mappings cannot be read.",
    )
    tree.add_argument(
        "source", nargs="?", default="self", help='a process id, a saved maps file, "sample" or "self" (default)'
    )
    tree.add_argument("--svg", metavar="FILE", help="write a picture instead of text")
    tree.set_defaults(run=_tree)
    _add_live(commands)
    return parser


def _add_census(commands: argparse._SubParsersAction[_Parser]) -> None:
    census = commands.add_parser(
        "census",
        help="replay the brk() calls of real programs, or record some",
        usage="mmsim census [options] [JOB.json ...]\n       mmsim census [options] [-o FILE] -- COMMAND ...",
        description="Replay the brk() calls of real programs (brk-census/1) in each generation, count what they came "
        "to and what they cost, and compare each call with the kernel they were recorded on. With a COMMAND: run it as "
        "it would run alone, record the calls of it and of all it starts, and replay them when all have ended; Ctrl-C "
        "ends them and keeps what there is. Set-user-id programs get no rights there, and debuggers cannot trace.",
        epilog="Exit code: 0, 1 when a call in generation today differs for no known cause, 2 an unusable file, or "
        "a COMMAND that cannot be run or traced; what the COMMAND itself ended with is told.",
    )
    census.add_argument(
        "files",
        nargs="*",
        metavar="JOB.json",
        help="census files, or folders of them (default: tests/data/census of the checkout)",
    )
    _add_generations(census)
    census.add_argument(
        "--touch",
        choices=("growth", "fork", "never"),
        default="growth",
        help="when the heap is written to, which is not recorded: after each growth (default), before each fork, never",
    )
    census.add_argument("-o", "--out", metavar="FILE", help="keep the recording of COMMAND in a new file")
    census.add_argument("--json", action="store_true", help="one JSON object a job and generation")
    census.set_defaults(run=_census)


def _add_experiments(commands: argparse._SubParsersAction[_Parser]) -> None:
    experiments = commands.add_parser(
        "experiments",
        help="run the experiments on what the review of the patch asked",
        description="Run the experiments E1 to E9, one for each concern of the review, in each generation, and print "
        "one table of results with a verdict that is computed from them.",
        epilog="Exit code: 0, or 2 for an unknown experiment.",
    )
    experiments.add_argument("ids", nargs="*", metavar="E1", help="which (default: all)")
    experiments.add_argument("--json", action="store_true", help="one JSON object an experiment")
    experiments.set_defaults(run=_experiments)


def _add_generations(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--generation",
        nargs="+",
        action="extend",
        choices=_GENERATIONS,
        metavar="G",
        help=f"which brk() code: {', '.join(_GENERATIONS)} (default: all)",
    )


def _add_live(commands: argparse._SubParsersAction) -> None:
    """The two commands that ask the running kernel."""
    live = commands.add_parser(
        "live",
        help="run scripts in the model and on the running kernel, in lock-step",
        description="Run scripts (syscall-trace/1) in the model and in a process on the running kernel, compare after "
        "each call and stop at the first difference. Where no process may be traced, the answers recorded in the "
        "script are compared instead, and a line says so.",
        epilog="Exit code: 0 no difference, 1 a difference, 2 a script that cannot be used.",
    )
    live.add_argument("files", nargs="+", metavar="FILE")
    _add_generation(live, "the brk() code", default="today")
    live.set_defaults(run=_live)

    record = commands.add_parser(
        "record",
        help="run scripts on the running kernel and keep its answers",
        description="Run scripts (syscall-trace/1) in a process on the running kernel; the recordings go to a folder.",
        epilog="Exit code: 0, or 2 when a script cannot be used or no process may be traced here.",
    )
    record.add_argument("files", nargs="+", metavar="FILE")
    record.add_argument("-o", "--out", required=True, metavar="DIR", help="the folder; files keep their names")
    record.set_defaults(run=_record)


def _each(command: str, files: Sequence[str], action: Callable[[str], int]) -> int:
    """Do `action` for each file, whatever became of the one before; returns the worst exit code."""
    from mmsim.trace import RecordingError

    worst = 0
    for path in files:
        try:
            worst = max(worst, action(path))
        except RecordingError as error:
            print(f"mmsim {command}: {error}", file=sys.stderr)
            worst = 2
    return worst


def _told(report: Report) -> int:
    """Print a report; its exit code."""
    print(report, flush=True)
    return 1 if report.differ else 0


def _live(args: argparse.Namespace) -> int:
    from mmsim.kernel import NoKernel
    from mmsim.trace import replay
    from mmsim.trace.lockstep import lockstep

    def ask(path: str) -> int:
        try:
            return _told(lockstep(path, args.generation))
        except NoKernel as reason:
            print(f"no kernel to ask here ({reason}): compared with the recording instead", flush=True)
            return _told(replay(path, args.generation))

    return _each("live", args.files, ask)


def _record(args: argparse.Namespace) -> int:
    from mmsim.kernel import NoKernel
    from mmsim.trace import RecordingError
    from mmsim.trace.lockstep import record

    def keep(path: str) -> int:
        target = Path(args.out) / Path(path).name
        if target.resolve() == Path(path).resolve():
            raise RecordingError(f"{path}: the recording would replace its script, expected another folder")
        lines = list(record(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("\n".join(lines) + "\n", encoding="utf-8")
        print(f"{target}: {len(lines) - 1} records", flush=True)
        return 0

    try:
        return _each("record", args.files, keep)
    except (NoKernel, OSError) as error:
        print(f"mmsim record: {error}", file=sys.stderr)
        return 2


def _add_generation(parser: argparse.ArgumentParser, what: str, default: str | None = None) -> None:
    text = what if default is None else f"{what} (default {default})"
    parser.add_argument("--generation", choices=_GENERATIONS, default=default, required=default is None, help=text)


def _run(args: argparse.Namespace) -> int:
    from mmsim.trace.run import run

    def show(path: str) -> int:
        for line in run(path, args.generation, args.json):
            print(line, flush=args.json)
        return 0

    return _each("run", args.files, show)


def _replay(args: argparse.Namespace) -> int:
    from mmsim.trace import replay

    return _each("replay", args.files, lambda path: _told(replay(path, args.generation)))


def _census(args: argparse.Namespace) -> int:
    from mmsim.trace.census import replay
    from mmsim.trace.census_report import as_json, as_text

    generations = dict.fromkeys(args.generation or _GENERATIONS)
    worst, jobs = _recorded_jobs(args) if args.command is not None or args.out else _jobs(args.files)
    results = [replay(job, generation, args.touch) for job in jobs for generation in generations]
    if results:
        print("\n".join((as_json if args.json else as_text)(results)))
    unexplained = any(result.unexplained for result in results if result.generation == "today")
    return max(worst, int(unexplained))


def _jobs(places: list[str]) -> tuple[int, list[Job]]:
    """The census files that can be read, and the exit code."""
    from mmsim.trace import RecordingError
    from mmsim.trace.census import find, read

    jobs: list[Job] = []
    try:
        files = find(places)
    except RecordingError as error:
        print(f"mmsim census: {error}", file=sys.stderr)
        return 2, jobs

    def take(path: str) -> int:
        jobs.append(read(path))
        return 0

    return _each("census", list(map(str, files)), take), jobs


def _recorded_jobs(args: argparse.Namespace) -> tuple[int, list[Job]]:
    """The job of a program that is run now, if it could be, and the exit code."""
    from mmsim.kernel import NoKernel
    from mmsim.trace import RecordingError
    from mmsim.trace.census import load
    from mmsim.trace.census_record import keep, record, refuse

    jobs: list[Job] = []
    try:
        if not args.command:
            raise RecordingError("there is nothing to record, expected -- COMMAND ...")
        if args.files:
            raise RecordingError(f"there is a file, {args.files[0]}, and a command: expected one of them")
        if args.out:
            refuse(args.out)
        census, line = record(args.command, Path(args.out).stem if args.out else "")
        print(line, file=sys.stderr, flush=True)
        try:
            if args.out:
                keep(census, args.out)
        finally:
            jobs.append(load(census))  # replayed even if it cannot be kept
    except (RecordingError, NoKernel) as error:
        print(f"mmsim census: {error}", file=sys.stderr)
    except OSError as error:
        print(f"mmsim census: {args.command[0]}: cannot be run: {error.strerror}", file=sys.stderr)
    else:
        return 0, jobs
    return 2, jobs


def _experiments(args: argparse.Namespace) -> int:
    from mmsim.experiments import EXPERIMENTS, as_json, as_text, measure

    unknown = [name for name in args.ids if name not in EXPERIMENTS]
    if unknown:
        print(f"mmsim experiments: {unknown[0]!r}: expected one of {', '.join(EXPERIMENTS)}", file=sys.stderr)
        return 2
    told = as_json if args.json else as_text
    print("\n".join(told([measure(name) for name in dict.fromkeys(args.ids or EXPERIMENTS)])))
    return 0


def _tree(args: argparse.Namespace) -> int:
    from mmsim.kernel import MapsError, load, read

    source = int(args.source) if args.source.isdecimal() else args.source
    try:
        tree = load(read(source))
    except MapsError as error:
        print(f"mmsim tree: {error}", file=sys.stderr)
        return 2
    if args.svg is None:
        print(tree.dump("hex"))
        print(tree.stats())
        return 0
    try:
        saved = tree.picture().save(args.svg)
    except (OSError, ValueError) as error:
        print(f"mmsim tree: {args.svg}: {getattr(error, 'strerror', None) or error}", file=sys.stderr)
        return 2
    print(f"{saved}: {tree.stats()}")
    return 0
