"""Ravine from the command line: the app, and all that can be done without it."""

import argparse
import importlib.util
import sys
from collections.abc import Sequence

from optim_core.command import Parser, ended, known
from optim_core.parameters import checked_integer
from ravine import __version__
from ravine.serve import APP, PACKAGE, serve

PROGRAM = "ravine"
PLANE = {
    "verify": "hold rules against independent implementations, and record it",
    "sweep": "make a map of all starts, or of two hyperparameters",
}
TRAINING = {
    "launch": "make a training run, and show how it goes on",
    "runs": "all runs, the newest first",
    "show": "everything about a run",
    "stop": "ask runs to stop with a checkpoint",
    "resume": "go on with a run from its last checkpoint",
    "report": "results of runs as tables and plots",
    "export": "the points of runs as CSV, Parquet or JSON",
    "rename": "give a run a name",
    "delete": "delete runs with all that belongs to them",
    "devices": "the devices of this machine",
    "runner": "own the devices' slots and work off the queue, until ended",
}
COMMANDS = PLANE | TRAINING
# What the extras of pyproject.toml bring.
TRAIN = ("torch", "sqlalchemy", "pooch", "plotly", "pyarrow")
EXTRAS = {"train": TRAIN, "app": (*TRAIN, "streamlit")}


def parser() -> argparse.ArgumentParser:
    """The options of the app, and the table of the commands."""
    table = "\n".join(f"  {name:<10} {summary}" for name, summary in COMMANDS.items())
    top = Parser(
        prog=PROGRAM,
        usage=f"{PROGRAM} [--port N] [--address ADDRESS]\n       {PROGRAM} COMMAND ...",
        description="Without a command, the app: it says the address to open, and runs until Ctrl-C.",
        epilog=f"commands, of which `{PROGRAM} COMMAND --help` says more:\n{table}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--port", metavar="N", type=int, help="the port at which it listens, 8501 by default")
    top.add_argument("--address", metavar="ADDRESS", help="where it listens: 0.0.0.0 lets others on the network in")
    top.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    return top


def app(words: Sequence[str]) -> int:
    """Serves the app; returns only where it cannot."""
    options = parser().parse_args(words)
    port = None if options.port is None else checked_integer("port", options.port, 1, 65535)
    _check("the app", "app")
    serve(port, options.address)


def command(name: str, words: Sequence[str]) -> int:
    """Carries out a command, as the plane or training does."""
    if known("command", name, COMMANDS) != "sweep":
        _check(name, "train")
    if name in PLANE:
        from ravine.plane import main
    else:
        from training.__main__ import main
    return main([name, *words], PROGRAM)


def _check(what: str, extra: str) -> None:
    """RuntimeError where a library that an extra brings is not installed."""
    missing = [name for name in EXTRAS[extra] if importlib.util.find_spec(name) is None]
    if missing:
        files = "-r requirements.txt" if PACKAGE.parent == APP else f"'{PROGRAM}[{extra}]'"
        raise RuntimeError(f"{what} needs what is not installed here ({', '.join(missing)}): pip install {files}")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status, 2 after a sentence where something is wrong."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    sys.path.insert(0, str(APP))
    if words and not words[0].startswith("-"):
        return ended(PROGRAM, lambda: command(words[0], words[1:]))
    return ended(PROGRAM, lambda: app(words))


if __name__ == "__main__":
    sys.exit(main())
