"""Machine code that all surfaces of one kind share: what tells them apart are numbers that it reads.

LLVM gives no code back, and compiling takes a second in which the server does nothing else. So what a user sends is
never compiled: a formula is a tape of operations (``optim_core.engine.tape``), a table's heights and a loss's rows are
arrays.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, eq=False)
class Shared:
    """Functions f(x, y, numbers) and gradient(x, y, numbers), which compile; numbers is a pointer to float64.

    fingerprint: the sources that they are made from. Both are None where a tape is run.
    """

    name: str
    fingerprint: bytes = b""
    f: Callable[..., Any] | None = None
    gradient: Callable[..., Any] | None = None


TAPE = Shared("tape")
