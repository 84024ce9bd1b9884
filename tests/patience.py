"""How long a test waits for a state that comes: one limit for all of them.

It is there for what hangs. How long a thing takes on a busy machine is no business of a test's.
"""

import time
from collections.abc import Callable

SECONDS = 300.0
MILLISECONDS = 1000 * SECONDS


def until(condition: Callable[[], object], what: object = "it", pause: float = 0.02) -> None:
    """Returns once the condition holds; AssertionError where it never does. what may be asked for, if it is a call."""
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, f"{what() if callable(what) else what} did not come in {SECONDS:.0f} s"
        time.sleep(pause)
