"""What every command line of Ravine has in common: how it says what is wrong, and how it ends."""

import argparse
import difflib
import os
import re
import sys
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any, NoReturn, TextIO


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, without the usage; -1e-3 is a number, not an option."""

    def __init__(self, *args: Any, **options: Any):
        super().__init__(*args, **options)
        self._negative_number_matcher = re.compile(r"^-(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$", re.IGNORECASE)

    def error(self, message: str) -> NoReturn:
        tell(f"{self.prog}: {line(message)}")
        sys.exit(2)

    def _print_message(self, message: str, file: Any = None) -> None:
        if message and file is not None:  # argparse itself passes over a help text that cannot be written
            file.write(message)


def ended(program: str | Callable[[], str], action: Callable[[], int]) -> int:
    """The exit status of a command: what the action returns, or 2 after one sentence; 130 where it was interrupted.

    What the terminal cannot show is written as an escape. A reader of the output who has seen enough is no error.
    """
    for stream in filter(None, (sys.stdout, sys.stderr)):
        with suppress(Exception):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        try:
            return action()
        finally:
            if sys.stdout is not None:  # else Python fails to when it ends, and says so with a traceback
                sys.stdout.flush()
    except BrokenPipeError:
        _drop(sys.stdout)
        return 0
    except KeyboardInterrupt:
        sentence, status = "ended from the keyboard", 130
    except MemoryError:
        sentence, status = "there is not enough memory for this", 2
    except OSError as error:
        sentence, status = said(error), 2
        if error.filename is None:
            _drop(sys.stdout)
    except (ValueError, RuntimeError) as error:
        sentence, status = line(str(error)), 2
    tell(f"{program() if callable(program) else program}: {sentence}")
    return status


def said(error: OSError) -> str:
    """An error of the system as a sentence."""
    reason = error.strerror or line(str(error)) or type(error).__name__
    if error.filename is None:
        return f"the output cannot be written: {reason}"
    return f"{os.fsdecode(error.filename) if isinstance(error.filename, bytes) else error.filename}: {reason}"


def tell(text: str) -> None:
    """A line on the standard error; where that cannot be written, nothing."""
    try:
        print(text, file=sys.stderr, flush=True)
    except Exception:
        _drop(sys.stderr)


def known(kind: str, name: str, names: Collection[str]) -> str:
    """name where it is one of the names; ValueError offers those that are near it."""
    if name in names:
        return name
    near = difflib.get_close_matches(name.lower(), names, n=3, cutoff=0.5)
    offered = f"near it are: {', '.join(near)}" if near else f"there are: {', '.join(sorted(names))}"
    raise ValueError(f"{kind} = {name!r} is not known; {offered}")


def line(text: str) -> str:
    """Text in one line."""
    return " ".join(text.split())


def _drop(stream: TextIO | None) -> None:
    """What waits in a stream that cannot be written goes nowhere, and so does what is written to it later."""
    with suppress(Exception):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())  # type: ignore[union-attr]
        os.close(nowhere)
