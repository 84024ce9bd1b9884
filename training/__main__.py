"""Training from the command line: launch runs, look after them, take them out. No app is needed.

python -m training launch --task digits --optimizer adam --hyper lr=0.01
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing, nullcontext
from dataclasses import fields
from pathlib import Path
from typing import Any

from optim_core.command import Parser, ended, said, tell
from optim_core.files import replacing
from optim_core.options import checked_choice
from training import export, plots, report, runner, worker
from training.devices import DeviceError, cpu, devices, narrow
from training.export import KINDS
from training.optimizers import OPTIMIZERS
from training.run import DIVERGED, FINISHED, STOPPED, Owner, Run, as_seen, checked_name, moves
from training.runner import Runner
from training.runs import Store
from training.settings import RunSettings, recipe
from training.task import TASKS, Entry

Command = Callable[[Any, argparse.Namespace], int]  # with the store; None where it needs none
PROGRAM = "python -m training"


def parser(program: str = PROGRAM) -> argparse.ArgumentParser:
    """The commands and their options; launch has one for each of a run's settings."""
    top = Parser(prog=program, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(
        name: str, function: Command, summary: str, ids: str = "", looking: bool | None = False, also: str = ""
    ) -> argparse.ArgumentParser:
        one = commands.add_parser(name, aliases=also.split(), help=summary, description=summary)
        one.set_defaults(function=function, looking=looking)
        if ids == "1":
            one.add_argument("id", metavar="ID")
        elif ids:
            one.add_argument("ids", metavar="ID", nargs=ids)
        return one

    new = command("launch", launch, "Make a run, here, and show how it goes on; what is not named is as in the recipe.")
    for entry in fields(RunSettings):
        option = f"--{entry.name.replace('_', '-')}"
        if entry.name == "hyper":
            new.add_argument(option, action="append", metavar="NAME=VALUE", help="a hyperparameter; again for each")
        elif entry.type is bool:
            new.add_argument(option, action="store_true", default=None)
        else:
            new.add_argument(option, type=entry.type, metavar="VALUE")  # type: ignore[arg-type]
    new.add_argument(
        "--settings", metavar="JSON", help="all settings as JSON, or a list of such; - reads them from the input"
    )
    new.add_argument("--name", default="", help="what the run is called")
    new.add_argument("--detach", action="store_true", help="put it into the queue and return; a runner executes it")

    command("runs", list_runs, "All runs, the newest first.", looking=True, also="list")
    command("show", show, "Everything about a run.", "1", looking=True)
    command("stop", stop, "Ask runs to stop with a checkpoint; take queued ones out of the queue.", "+")
    again = command("resume", resume, "Go on with a stopped, interrupted or failed run from its last checkpoint.", "1")
    again.add_argument("--detach", action="store_true", help="put it into the queue and return; a runner executes it")
    again.add_argument("--anew", action="store_true", help="from the beginning, without its checkpoints")
    command("delete", delete, "Delete runs with their points, logs and checkpoints.", "+")
    command("rename", rename, "Give a run a name.", "1").add_argument("name", metavar="NAME")
    summary = (
        "Write the points of runs, all of them if none is named. In CSV a text that a spreadsheet would take for a "
        "formula has an apostrophe before it, and so has one that begins with an apostrophe."
    )
    out = command("export", export_points, summary, "*", looking=True)
    out.add_argument("--format", choices=("csv", "parquet", "json"), help="by default what FILE ends in, or csv")
    out.add_argument("-o", "--output", metavar="FILE", type=Path, help="instead of the standard output")
    summary = "Results of runs as tables, and the tutorial's four plots."
    results = command("report", report_results, summary, "+", looking=True)
    results.add_argument(
        "--html", metavar="FILE", type=Path, help="write train and test loss and accuracy by epoch there"
    )
    command("devices", list_devices, "The devices of this machine.", looking=None)
    one = command("run", execute, "Execute a queued run; what a runner starts.", "1")
    one.add_argument("--more", action="store_true", help="then further ones for the same device, while there are any")
    runner = command("runner", serve, "Own the devices' slots and work off the queue, until ended.")
    runner.add_argument("--idle", type=float, metavar="SECONDS", help="end after so long without work")
    runner.add_argument("--lock", type=int, help=argparse.SUPPRESS)
    return top


def launch(store: Store, options: argparse.Namespace) -> int:
    """Runs from options or JSON: executed here one after the other, or put into the queue."""
    wanted, options.name = settings_of(options), checked_name(options.name)
    if options.detach:
        ids = store.add(wanted, names=[options.name] * len(wanted))
        runner.ensure(store)
        print(*ids, sep="\n")
        return 0
    gpus = sorted({settings.device for settings in wanted} - {"cpu"})
    if len(gpus) > 1:
        raise ValueError(f"the runs are for {', '.join(gpus)}; one process sees one GPU: launch them with --detach")
    for gpu in gpus:
        narrow(gpu)
    owner, grid, codes = Owner.here(), "", [0]
    for settings in wanted:
        (run,) = store.add([settings], grid=grid, names=[options.name], owner=owner)
        grid = grid or store.get(run).grid
        codes.append(execute_here(store, run, owner))
        if store.get(run).status == STOPPED:
            break
    return max(codes)


def settings_of(options: argparse.Namespace) -> list[RunSettings]:
    """The settings that the options of launch name; ValueError says what is wrong in them."""
    given: dict[str, Any] = {
        entry.name: value for entry in fields(RunSettings) if (value := getattr(options, entry.name)) is not None
    }
    if options.settings is not None:
        if given:
            raise ValueError(f"--settings holds all settings; --{min(given).replace('_', '-')} cannot stand beside it")
        text = (sys.stdin.read() if sys.stdin else "") if options.settings == "-" else options.settings
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            raise ValueError(f"the settings {text[:60]!r} are not JSON") from None
        return [RunSettings.from_json(json.dumps(one)) for one in (found if isinstance(found, list) else [found])]
    if missing := {"task", "optimizer"} - set(given):
        raise ValueError(f"--{max(missing)} is missing")
    hyper = {}
    for text in given.pop("hyper", []):
        name, _, value = text.partition("=")
        try:
            hyper[name] = float(value)
        except ValueError:
            raise ValueError(f"--hyper {text!r} is not allowed; it must be like lr=0.01") from None
    task = TASKS[checked_choice("task", given.pop("task"), tuple(TASKS))]
    optimizer = checked_choice("optimizer", given.pop("optimizer"), tuple(OPTIMIZERS))
    return [recipe(task, Entry(optimizer, hyper), **given)]


def execute_here(store: Store, run: str, owner: Owner) -> int:
    """Execute a run that is this process's already, and show how it goes on; Ctrl-C stops it with a checkpoint."""
    stop, shown = worker.stop_on_signal(), Progress(run)
    log = worker.writer(store.log(run))
    status, _ = worker.execute(store, run, owner=owner, stop=stop, tell=shown, errors=log)
    shown.end()
    row = store.get(run)
    if status in (FINISHED, DIVERGED):
        print(report.text(store, [run]))
    tell(f"{run} {status}" + (f": {row.error}" if row.error else ""))
    return 0 if status in (FINISHED, STOPPED) else 2


class Progress:
    """One line on a terminal, a line for each stage elsewhere."""

    def __init__(self, run: str) -> None:
        self.run, self.stage, self.live = run, "", sys.stderr is not None and sys.stderr.isatty()

    def __call__(self, step: int, steps: int, stage: str) -> None:
        if self.live:
            print(f"\r{self.run}  step {step:,} of {steps:,}  {stage:<40.40}", end="", file=sys.stderr, flush=True)
        elif stage and stage != self.stage:
            print(f"{self.run}  step {step:,} of {steps:,}  {stage}", file=sys.stderr, flush=True)
        self.stage = stage

    def end(self) -> None:
        """Leave the line."""
        if self.live:
            tell("")


def list_runs(store: Store, _: argparse.Namespace) -> int:
    """A line for each run."""
    found = [as_seen(run) for run in store.all()]
    print(
        f"{'run':<8}  {'status':<11}  {'step':>15}  {'task':<24}  {'optimizer':<18}  {'seed':>4}  {'device':<6}  name"
    )
    for run in found:
        of = f"{run.step:,}/{run.steps:,}"
        task, optimizer, seed = (str(run.options.get(key, "")) for key in ("task", "optimizer", "seed"))
        print(
            f"{run.id:<8}  {run.status:<11}  {of:>15}  {task:<24}  {optimizer:<18}  {seed:>4}  "
            f"{run.device:<6}  {plain(run.name)}".rstrip()
        )
    return 0


def show(store: Store, options: argparse.Namespace) -> int:
    """Status, settings, record and last values."""
    run = as_seen(store.get(options.id))
    times = {name: clock(getattr(run, name)) for name in ("created", "started", "ended")}
    lines: dict[str, Any] = {
        "run": run.id,
        "name": run.name,
        "grid": run.grid,
        "status": run.status,
        "error": run.error,
    }
    lines |= {"step": f"{run.step:,} of {run.steps:,}", **times, "device": run.device, "log": store.log(run.id)}
    lines |= {f"settings.{key}": value for key, value in run.options.items()}
    lines |= {f"record.{key}": value for key, value in run.record.items()}
    lines |= {
        name: f"{values[-1]:.6g} at step {steps[-1]:,}"
        for name, (steps, values) in sorted(store.series(run.id).items())
    }
    for name, value in lines.items():
        if value != "":
            print(f"{name:<28} {plain(str(value))}")
    try:
        again = export.reproduce(RunSettings.from_json(run.settings))
    except ValueError as error:  # of another version, with a task or an optimizer that this one does not have
        again = f"not with this version: {error}"
    print(f"{'again':<28} {again}")
    return 0


def plain(text: str) -> str:
    """Text as a terminal can be sent it: what would move its cursor or change its colours is written as an escape."""
    return "".join(c.encode("unicode_escape").decode() if moves(c) else c for c in text)


def clock(seconds: float | None) -> str:
    """A time of day, local."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds)) if seconds else ""


def stop(store: Store, options: argparse.Namespace) -> int:
    """Asks, and returns at once."""
    for run in _known(store, options.ids):
        if not store.request_stop(run.id):
            raise ValueError(f"run {run.id!r} is {run.status}; only queued and running ones can be stopped")
    return 0


def resume(store: Store, options: argparse.Namespace) -> int:
    """Here, or through the queue."""
    (run,) = _known(store, [options.id])
    owner = None if options.detach else Owner.here()
    if owner is not None:
        narrow(run.device)
    if not store.resume(run.id, owner, anew=options.anew):
        raise ValueError(f"run {run.id!r} is {run.status}; only stopped, interrupted and failed ones can be resumed")
    if owner is not None:
        return execute_here(store, run.id, owner)
    runner.ensure(store)
    return 0


def delete(store: Store, options: argparse.Namespace) -> int:
    """All of them, or none if one is running."""
    store.delete([run.id for run in _known(store, options.ids)])
    return 0


def rename(store: Store, options: argparse.Namespace) -> int:
    """As it says."""
    store.rename(store.get(options.id).id, options.name)
    return 0


def export_points(store: Store, options: argparse.Namespace) -> int:
    """To a file or to the standard output."""
    kind = options.format or kind_of(options.output)
    if options.output is None and kind == "parquet" and sys.stdout is not None and sys.stdout.isatty():
        raise ValueError("Parquet is not for a terminal; name a file with -o")
    data = KINDS[kind](store, options.ids or [run.id for run in reversed(store.all())])
    if options.output is not None:
        written(options.output, data)
    elif sys.stdout is not None:
        sys.stdout.buffer.write(data)
    return 0


def kind_of(path: Path | None) -> str:
    """What a file's name says that it holds, in capitals or not; CSV where it says nothing. ValueError for others."""
    kind = path.suffix[1:].lower() if path else ""
    if kind and kind not in KINDS:
        allowed = ", ".join(f".{each}" for each in KINDS)
        raise ValueError(f"{path} is not allowed: it must end in {allowed}, or --format says what it holds")
    return kind or "csv"


def written(path: Path, data: bytes) -> None:
    """Writes a file whole; ValueError where it cannot be."""
    try:
        with replacing(path) as file:
            file.write(data)
    except OSError as error:
        raise ValueError(f"{path} cannot be written: {error.strerror or said(error)}") from None


def report_results(store: Store, options: argparse.Namespace) -> int:
    """As text; the plots into a file."""
    if options.html:
        runs = report.readable(store.get(run) for run in options.ids)
        written(options.html, plots.html(runs, report.series_of(store, runs)).encode())
    print(report.text(store, options.ids))
    return 0


def list_devices(_: Store | None, __: argparse.Namespace) -> int:
    """A line for each."""
    try:
        found, silence = devices(), None
    except DeviceError as error:
        found, silence = [cpu()], error
    for one in found:
        free, total = one["memory_free"], one["memory_total"]
        memory = f"{free / 2**30:.1f} of {total / 2**30:.1f} GiB free" if free and total else ""
        more = f"{one['cores']} cores" if "cores" in one else "bfloat16" if one["bfloat16"] else ""
        print(f"{one['device']:<8} {one['name']}  {memory}  {more}".rstrip())
    if silence:
        raise silence
    return 0


def execute(store: Store, options: argparse.Namespace) -> int:
    """A worker process."""
    if not options.more:  # a runner has chosen the device for its workers
        narrow(store.get(options.id).device)
    return worker.serve(store, options.id, options.more)


def serve(store: Store, options: argparse.Namespace) -> int:
    """A runner process."""
    Runner(store, idle=options.idle).serve(options.lock)
    return 0


def _known(store: Store, ids: Sequence[str]) -> list[Run]:
    store.lost()  # without a runner nobody else has looked
    return [store.get(run) for run in ids]


def main(arguments: Sequence[str] | None = None, program: str = PROGRAM) -> int:
    """The exit code: 0, or 2 after a sentence on the standard error."""

    def run() -> int:
        nonlocal program
        options = parser(program).parse_args(arguments)
        program += f" {options.command}"
        with nullcontext() if options.looking is None else closing(Store(looking=options.looking)) as store:
            return options.function(store, options)

    return ended(lambda: program, run)


if __name__ == "__main__":
    sys.exit(main())
