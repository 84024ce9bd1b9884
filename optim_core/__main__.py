"""The core from the command line.

python -m optim_core verify              every rule
python -m optim_core verify adam lion    some
"""

import argparse
import difflib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from optim_core import RULES
from optim_core import verify as verification
from optim_core.verify import Held
from surfaces import SURFACES

_COLUMNS = "{:30.30} {:60.60} {:24.24} {:11} {:>5} {:>10} {:>8}  {}"


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, without the usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    top = Parser(prog="python -m optim_core", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
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
    return top


def verify(options: argparse.Namespace) -> int:
    """The table of all checks of the named rules, and the file; 1 where a check has failed."""
    names = [_known(name) for name in options.rules] or sorted(RULES)

    def shown(line: str) -> None:
        if not options.json:
            print(line, flush=True)

    shown(_COLUMNS.format("rule", "held against", "version", "surface", "steps", "difference", "bound", "passed"))
    results: list[Held] = []
    for name in dict.fromkeys(names):
        for one in verification.verify(RULES[name], RULES, SURFACES):
            results.append(one)
            shown(_line(one))
    found = verification.recorded(RULES, results, verification.verified(options.file))
    if options.json:
        print(verification.text(found), end="")
    if options.write:
        beside = options.file.with_name(f"{options.file.name}.{os.getpid()}")
        beside.write_text(verification.text(found), encoding="utf-8")
        beside.replace(options.file)
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


def _known(name: str) -> str:
    """name where it is a rule's; ValueError offers names that are near it."""
    if name in list(RULES):
        return name
    near = difflib.get_close_matches(name.lower(), RULES, n=3, cutoff=0.5)
    offered = f"near it are: {', '.join(near)}" if near else f"there are: {', '.join(sorted(RULES))}"
    raise ValueError(f"rule = {name!r} is not known; {offered}")


def _line(one: Held) -> str:
    name = f"{one.rule}({one.base})" if one.base else one.rule
    if one.missing:
        return _COLUMNS.format(
            name, f"{one.missing} is not installed", "", one.surface, one.steps, "", "", "not checked"
        )
    answer = "yes" if one.passed else f"NO{': ' * bool(one.failure)}{one.failure}"
    found = f"{one.difference:.1e}", f"{one.bound:.0e}"
    return _COLUMNS.format(name, one.against, one.version, one.surface, one.steps, *found, answer)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status: 1 where a check failed, 2 where an option is wrong."""
    options = parser().parse_args(arguments)
    try:
        return options.function(options)
    except ValueError as error:
        print(f"python -m optim_core: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
