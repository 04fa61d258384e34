"""The command `mmsim`: arguments in, calls, one clear line for what goes wrong.

Exit codes: 0 fine, 1 a difference or a failed check, 2 bad usage or an unusable file.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mmsim import __version__

if TYPE_CHECKING:
    from mmsim.trace import Report
    from mmsim.trace.census import Job
    from mmsim.view.shown import Shown

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
    _add_explore(commands)
    _add_course(commands)
    _add_grade(commands)
    return parser


def _add_course(commands: argparse._SubParsersAction) -> None:
    from mmsim.course.__main__ import act, add_commands

    course = commands.add_parser(
        "course",
        help="progress, exercises, and the states of other machines",
        description="Show the progress, build the exercises from their solutions, check a notebook when it is saved.",
        epilog="Exit code: 0, 1 exercises that are out of date, 2 a wrong use or file.",
    )
    add_commands(course)
    course.set_defaults(run=act)


def _add_grade(commands: argparse._SubParsersAction) -> None:
    from mmsim.course.grade.command import add_arguments, command

    grade = commands.add_parser(
        "grade",
        help="mark the exercises of a class",
        description="Mark exercise notebooks by learner: a result and a page of feedback each, a gradebook in SQLite, "
        "a table in CSV. Functions run in a sandbox. Ctrl-C ends it early and keeps what was marked; --resume goes on.",
        epilog="Exit code: 0 all graded, 1 some could not be read or graded, 2 bad usage, 130 interrupted.",
    )
    add_arguments(grade)
    grade.set_defaults(run=command)


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
    """The commands that ask the running kernel."""
    live = commands.add_parser(
        "live",
        help="run scripts in the model and on the running kernel, in lock-step",
        description="Run scripts (syscall-trace/1) in the model and in a process on the running kernel, compare after "
        "each call and stop at the first difference. Where no kernel can be asked, the answers recorded in the "
        "script are compared instead, and a line says so.",
        epilog="Exit code: 0 no difference, 1 a difference, 2 a script that cannot be used.",
    )
    live.add_argument("files", nargs="+", metavar="FILE")
    _add_generation(live, "the brk() code", default="today")
    _add_backend(live)
    live.add_argument("--svg", metavar="FILE", help="write the first difference as a picture")
    live.set_defaults(run=_live)

    record = commands.add_parser(
        "record",
        help="run scripts on the running kernel and keep its answers",
        description="Run scripts (syscall-trace/1) in a process on the running kernel, or random ones; the recordings "
        "go to a folder.",
        epilog="Exit code: 0, or 2 when a script cannot be used or no kernel can be asked.",
    )
    record.add_argument("files", nargs="*", metavar="FILE")
    record.add_argument("-o", "--out", required=True, metavar="DIR", help="the folder; files keep their names")
    _add_backend(record)
    chance = record.add_argument_group("random scripts, in place of files")
    chance.add_argument("--random", action="store_true", help="make the script up")
    chance.add_argument("--seed", type=int, default=0, metavar="S", help="the same for the same seed (default 0)")
    chance.add_argument("--ops", type=int, default=150, metavar="N", help="how many calls (default 150)")
    chance.add_argument(
        "--tier",
        choices=tuple("abcdefg"),
        default="g",
        help="a brk, b + mmap and munmap, c + mprotect, d + touch, e + locks and limits, f + fork, g + madvise, "
        "mremap, stacks, shared memory (default g)",
    )
    chance.add_argument("--layout", default="bss", metavar="L", help="what lies below the heap (default bss)")
    chance.add_argument("--aslr", action="store_true", help="leave the addresses to chance")
    record.set_defaults(run=_record)

    doctor = commands.add_parser(
        "doctor",
        help="what of the course works on this machine",
        description="Look at what the course needs, one line each: ok, -- (not here, and what is done instead), or NO.",
        epilog="Exit code: 0, or 1 when the course cannot run.",
    )
    doctor.set_defaults(run=_doctor)


def _add_explore(commands: argparse._SubParsersAction) -> None:
    explore = commands.add_parser(
        "explore",
        help="search for every way in which two generations differ",
        description="Run random and all short scripts of system calls in two generations of brk(), look for what is "
        "not the same or breaks an invariant, and tell each cause by its shortest script. Ctrl-C ends the search and "
        "keeps what was found; with -o, the same command goes on where it stopped.",
        epilog="Exit code: 0, also when nothing was found, or 2 for bad usage.",
    )
    explore.add_argument("--old", choices=_GENERATIONS, default="before", help="the reference (default before)")
    explore.add_argument("--new", choices=_GENERATIONS, default="v4", help="what is searched (default v4)")
    explore.add_argument("--seconds", type=float, default=30.0, metavar="S", help="for random scripts (default 30)")
    explore.add_argument(
        "--batches", type=int, metavar="N", help="N x 500 random scripts in place of a time: same seed, same findings"
    )
    explore.add_argument("--seed", type=int, default=0, metavar="N", help="default 0")
    explore.add_argument("--jobs", type=int, default=1, metavar="J", help="worker processes (default 1)")
    explore.add_argument("--faults", action="store_true", help="let allocations and locks fail as well")
    explore.add_argument(
        "--depth", type=int, default=2, metavar="K", help="and all scripts of up to K calls (default 2)"
    )
    explore.add_argument(
        "-o", "--out", metavar="FILE.json", help="write the findings, and a page of pictures beside it"
    )
    explore.add_argument("--ask-kernel", action="store_true", help="run each script on the running kernel as well")
    explore.add_argument("--dask", metavar="ADDRESS", help="let the workers of a Dask cluster search (mmsim[cluster])")
    explore.set_defaults(run=_explore)


def _add_backend(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--backend", choices=("ptrace", "agent"), help="how the kernel is asked (default: MMSIM_KERNEL, or what works)"
    )


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
            report = lockstep(path, args.generation, args.backend)
        except NoKernel as reason:
            print(f"no kernel to ask here ({reason}): compared with the recording instead", flush=True)
            return _told(replay(path, args.generation))
        if report.first is not None and args.svg is not None:
            from mmsim.view.reality import difference_picture

            return max(_told(report), _saved("live", difference_picture(report.first, args.generation), args.svg))
        return _told(report)

    return _each("live", args.files, ask)


def _saved(command: str, picture: Shown, path: str) -> int:
    """Write a picture; 0, or 2 with a line that says why not."""
    try:
        print(f"written: {picture.save(path)}")
    except (OSError, ValueError) as error:
        print(f"mmsim {command}: {path}: {getattr(error, 'strerror', None) or error}", file=sys.stderr)
        return 2
    return 0


def _record(args: argparse.Namespace) -> int:
    from mmsim.kernel import NoKernel
    from mmsim.trace import RecordingError
    from mmsim.trace.lockstep import record, record_random

    def keep(path: str) -> int:
        target = Path(args.out) / Path(path).name
        if target.resolve() == Path(path).resolve():
            raise RecordingError(f"{path}: the recording would replace its script, expected another folder")
        return _written(target, record(path, args.backend))

    if args.random == bool(args.files):
        print("mmsim record: expected files or --random, and not both", file=sys.stderr)
        return 2
    try:
        if args.random:
            target = Path(args.out) / f"random-{args.tier}-{args.seed}.jsonl"
            script = (args.seed, args.ops, args.tier, args.layout, args.aslr, args.backend)
            return _written(target, record_random(*script))
        return _each("record", args.files, keep)
    except (NoKernel, RecordingError, OSError) as error:
        print(f"mmsim record: {error}", file=sys.stderr)
        return 2


def _written(target: Path, lines: Iterable[str]) -> int:
    """Write a recording when all of it is there."""
    text = "\n".join(lines)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text + "\n", encoding="utf-8")
    print(f"{target}: {text.count(chr(10))} records", flush=True)
    return 0


def _doctor(args: argparse.Namespace) -> int:
    from mmsim.course.doctor import MISSING, examine

    worst = 0
    for finding in examine():
        print(finding, flush=True)
        worst |= finding.mark == MISSING
    return worst


def _explore(args: argparse.Namespace) -> int:
    from mmsim.explore import Plan, dump, explore, workers
    from mmsim.explore.ask import asked
    from mmsim.explore.report import as_page, as_text, causes_of
    from mmsim.kernel import NoKernel

    if args.jobs < 1 or args.depth < 0 or args.seconds < 0 or (args.batches or 0) < 0:
        print("mmsim explore: expected --jobs of 1 or more, and no negative number", file=sys.stderr)
        return 2
    plan = Plan(args.old, args.new, args.seed, args.batches, args.seconds, args.depth, args.faults)
    out = Path(args.out) if args.out else None
    journal = out.with_suffix(".journal") if out else None
    try:
        with workers(args.jobs, args.dask) as executor:
            result = explore(plan, executor, args.jobs, journal, sys.stderr)
        if args.ask_kernel:
            result = result._replace(findings=[asked(finding) for finding in result.findings])
        causes = causes_of(result)
        print("\n".join(as_text(result, causes)))
        if out and journal:
            out.write_text(dump(result.findings, result.about), encoding="utf-8")
            out.with_suffix(".html").write_text(as_page(result, causes), encoding="utf-8")
            if result.complete:
                journal.unlink(missing_ok=True)
    except (OSError, ValueError, ImportError, NoKernel) as error:
        print(f"mmsim explore: {error}", file=sys.stderr)
        return 2
    print(f"{result.scripts / result.seconds:,.0f} scripts a second, {result.seconds:.0f} s", file=sys.stderr)
    return 0 if result.complete else 130


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
    return _saved("tree", tree.picture(), args.svg)
