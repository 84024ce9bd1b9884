"""The plane from the command line: rules run on surfaces. ``ravine verify`` and ``ravine sweep`` are the same.

python -m optim_core verify              every rule
python -m optim_core verify adam lion    some
python -m optim_core sweep adam ackley --set lr=0.1 --out basins.png
                                         where all starts of a window end
python -m optim_core sweep momentum ravine --plane lr:1e-4:1:200:log momentum:0:0.99:200 --out plane.npz
                                         what comes of two hyperparameters
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from optim_core import RULES
from optim_core.command import Parser, ended, known
from optim_core.files import replacing
from optim_core.options import checked_choice
from optim_core.verification import verify as verification
from optim_core.verification.verify import Held
from surfaces import SURFACES

_COLUMNS = "{:30.30} {:60.60} {:24.24} {:11} {:>5} {:>10} {:>8}  {}"
PROGRAM = "python -m optim_core"


def parser(program: str = PROGRAM) -> argparse.ArgumentParser:
    """The commands and their options."""
    top = Parser(prog=program, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    summary = "Hold rules against independent implementations and record what came of it; not 0 where anything fails."
    one = commands.add_parser("verify", help=summary, description=summary)
    one.set_defaults(function=verify)
    one.add_argument("rules", metavar="RULE", nargs="*", help="all of them if none is named")
    one.add_argument(
        "--write", action=argparse.BooleanOptionalAction, default=True, help="record it, as is done by default"
    )
    one.add_argument(
        "--file", metavar="FILE", type=Path, default=verification.FILE, help="where, if not in verified.json"
    )
    one.add_argument("--json", action="store_true", help="print what would be recorded instead of a table")
    _add_sweep(commands)
    return top


def _add_sweep(commands: Any) -> None:
    summary = "Make a map of all starts, or of two hyperparameters, and write it as NPZ or PNG."
    one = commands.add_parser("sweep", help=summary, description=summary)
    one.set_defaults(function=sweep)
    one.add_argument("rule", metavar="RULE")
    one.add_argument("surface", metavar="SURFACE")
    one.add_argument("--out", metavar="FILE", type=Path, required=True, help="ends in .npz or .png")
    one.add_argument("--window", nargs=4, type=float, metavar=("X0", "X1", "Y0", "Y1"), help="the surface's by default")
    one.add_argument("--resolution", type=int, nargs="+", metavar="N", help="pixels a side, or NX NY; 256 by default")
    one.add_argument("--steps", type=int, default=500, metavar="N", help="at most, 500 by default")
    one.add_argument("--set", nargs="+", action="extend", default=[], metavar="NAME=VALUE", help="hyperparameters")
    one.add_argument("--shape", nargs="+", action="extend", default=[], metavar="NAME=VALUE", help="of the surface")
    one.add_argument(
        "--around", nargs="+", action="extend", default=[], metavar="NAME=VALUE", help="as weight_decay=0.1 noise=1"
    )
    one.add_argument("--plane", nargs=2, metavar="NAME:LOW:HIGH:COUNT[:log]", help="two hyperparameters, x and y")
    one.add_argument("--start", nargs=2, type=float, metavar=("X", "Y"), help="of a plane; the surface's by default")
    one.add_argument("--starts", type=int, metavar="N", help="of a plane: medians over so many, drawn from the window")
    one.add_argument("--seed", type=int, default=0, metavar="N", help="of those starts")
    one.add_argument("--show", default="loss", metavar="WHAT", help="of a plane as PNG: loss, steps, outcome, distance")
    one.add_argument("--stop", metavar="WHEN", help="none, step, gradient or loss; step by default, none for a plane")
    one.add_argument("--tolerance", type=float, help="of the stop rule; 1e-4 by default, 1e-3 for a plane")
    one.add_argument("--difference", default="central", metavar="HOW", help="central, forward, exact or as_printed")
    one.add_argument("--spacing", type=float, default=6e-6, metavar="H", help="of the differences")
    one.add_argument("--threads", type=int, metavar="N", help="all processors by default")


def verify(options: argparse.Namespace) -> int:
    """The table of all checks of the named rules, and the file; 1 where a check has failed."""
    names = [known("rule", name, list(RULES)) for name in options.rules] or sorted(RULES)

    def shown(line: str) -> None:
        if not options.json:
            print(line, flush=True)

    shown(_COLUMNS.format("rule", "held against", "version", "surface", "steps", "difference", "bound", "passed"))
    before = _recorded(options.file)
    results: list[Held] = []
    found: dict[str, Any] | None = None
    try:
        with _opened("file", options.file) if options.write else nullcontext() as file:
            for name in dict.fromkeys(names):
                for one in verification.verify(RULES[name], RULES, SURFACES):
                    results.append(one)
                    shown(_line(one))
            found = verification.recorded(RULES, results, before)
            if file is not None:
                file.write(verification.text(found).encode())
    finally:
        if options.json and found is not None:  # also where the file could not take it
            print(verification.text(found), end="")
    failed = sorted({one.rule for one in results if not one.passed and not one.missing})
    missing = sorted({one.rule for one in results if one.missing})
    made, wrong = sum(not one.missing for one in results), f": {', '.join(failed)}" if failed else ""
    shown(f"{made} checks of {len(set(names) - set(missing))} rules; {len(failed)} rules failed{wrong}")
    if missing:
        libraries = ", ".join(sorted({one.missing for one in results if one.missing}))
        shown(
            f"Not checked, since {libraries} is not installed: {', '.join(missing)}. What was recorded of them stays."
        )
    return int(bool(failed))


def sweep(options: argparse.Namespace) -> int:
    """Writes a map; its path and a line of what it holds go to standard output."""
    from optim_core.studies.map_files import SHOWN, npz, png

    kind = options.out.suffix.lower()
    if kind not in (".npz", ".png"):
        raise ValueError(f"out = {str(options.out)!r} is not allowed; it must end in .npz or .png")
    if not options.out.parent.is_dir():
        raise ValueError(f"out = {str(options.out)!r} is not allowed: there is no folder {str(options.out.parent)!r}")
    checked_choice("show", options.show, SHOWN)
    with _opened("out", options.out) as file:
        found, about = _map(options)
        file.write(npz(found) if kind == ".npz" else png(found, options.show))
    print(f"{options.out}: {len(found.x)} x {len(found.y)}, {about}")
    return 0


def _map(options: argparse.Namespace) -> tuple[Any, str]:
    """The map that the options ask for, and what it holds, in words."""
    from optim_core.studies.maps import basins, plane, spread_starts

    rule, surface = RULES[options.rule], SURFACES[known("surface", options.surface, SURFACES)]
    given: dict[str, Any] = {
        "hyper": _named("set", options.set), "surface_parameters": _named("shape", options.shape),
        "around": _named("around", options.around), "difference": options.difference, "spacing": options.spacing,
        "threads": options.threads, "progress": _shown if sys.stderr and sys.stderr.isatty() else None,
    }  # fmt: skip
    given |= {"stop": options.stop} if options.stop else {}
    given |= {"tolerance": options.tolerance} if options.tolerance is not None else {}
    if not options.plane:
        for name in ("start", "starts"):
            if getattr(options, name) is not None:
                raise ValueError(f"{name} is not allowed without plane: a map of basins starts everywhere")
        window = options.window and (tuple(options.window[:2]), tuple(options.window[2:]))
        sides: Any = options.resolution or [256]
        found = basins(rule, surface, window, sides[0] if len(sides) == 1 else sides, options.steps, **given)
        return found, _of_basins(found)
    for name in ("window", "resolution"):
        if getattr(options, name):
            raise ValueError(f"{name} is not allowed with plane, whose axes say what is shown")
    if options.start and options.starts is not None:
        raise ValueError("start and starts are not allowed together; name one")
    starts = options.start or surface.start
    if options.starts is not None:
        starts = spread_starts(surface, options.starts, options.seed)
    axis_x, axis_y = map(_axis, options.plane)
    made = plane(rule, surface, starts, axis_x, axis_y, options.steps, **given)
    return made, _of_plane(made)


@contextmanager
def _opened(option: str, path: Path) -> Iterator[BinaryIO]:
    """Takes what the file that an option names shall hold; it is opened before, and replaced after it is computed."""
    content, computing = BytesIO(), False
    try:
        with replacing(path) as file:
            computing = True
            yield content
            computing = False
            file.write(content.getbuffer())
    except OSError as error:
        if computing:  # of another file, or of the standard output
            raise
        raise ValueError(f"{option} = {str(path)!r} cannot be written: {error.strerror or error}") from None


def _recorded(path: Path) -> dict[str, Any]:
    """What a file of checks holds; ValueError where it is something else."""
    try:
        found = verification.verified(path)
        if isinstance(found["rules"], dict) and isinstance(found["versions"], dict):
            return found
    except OSError as error:
        raise ValueError(f"file = {str(path)!r} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        pass
    raise ValueError(f"file = {str(path)!r} holds something else than checks; name another")


def _of_basins(found: Any) -> str:
    """What became of the starts, in words; each number is one."""
    if not len(found.lowest):
        return "no minimum of this surface is known"
    goal = "the lowest minimum" + (f" (one of {len(found.lowest)})" if len(found.lowest) > 1 else "")
    if not found.reached.any():
        return f"none of the starts reaches {goal}"
    return f"{found.share:.1%} of all starts reach {goal}, in {found.median_steps:g} steps (median)"


def _of_plane(found: Any) -> str:
    """What became of the cells, in words; each number is one."""
    finite = found.loss[np.isfinite(found.loss)]
    if not finite.size:
        return "no cell ends at a finite loss"
    reached = f"{found.share.max():.1%} of the starts of the best cell reach a lowest minimum"
    return f"least loss {finite.min():g}, {reached if found.share.any() else 'no start reaches a lowest minimum'}"


def _shown(done: int, total: int) -> None:
    """The progress of a map on the terminal."""
    with suppress(OSError):
        print(f"\r{done / total:4.0%}", end="\n" if done == total else "", file=sys.stderr, flush=True)


def _named(option: str, given: list[str]) -> dict[str, Any]:
    """NAME=VALUE by name, values that are numbers as such."""
    found = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise ValueError(f"{option} = {text!r} is not NAME=VALUE, as in lr=0.1")
        try:
            found[name] = float(value)
        except ValueError:
            found[name] = value
    return found


def _axis(text: str) -> tuple:
    """NAME:LOW:HIGH:COUNT[:log] as an axis."""
    name, *rest = text.split(":")
    try:
        low, high, count = float(rest[0]), float(rest[1]), int(rest[2])
        if rest[3:] not in ([], ["log"]):
            raise IndexError
    except (IndexError, ValueError):
        raise ValueError(f"plane = {text!r} is not NAME:LOW:HIGH:COUNT or NAME:LOW:HIGH:COUNT:log") from None
    return name, low, high, count, bool(rest[3:])


def _line(one: Held) -> str:
    name = f"{one.rule}({one.base})" if one.base else one.rule
    if one.missing:
        return _COLUMNS.format(
            name, f"{one.missing} is not installed", "", one.surface, one.steps, "", "", "not checked"
        )
    answer = "yes" if one.passed else f"NO{': ' * bool(one.failure)}{one.failure}"
    found = f"{one.difference:.1e}", f"{one.bound:.0e}"
    return _COLUMNS.format(name, one.against, one.version, one.surface, one.steps, *found, answer)


def main(arguments: Sequence[str] | None = None, program: str = PROGRAM) -> int:
    """The command line; returns the exit status: 1 where a check failed, 2 where an option is wrong."""

    def run() -> int:
        options = parser(program).parse_args(arguments)
        return options.function(options)

    return ended(program, run)
