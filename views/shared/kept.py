"""What one visitor has had made, kept for all: the last results by what they depend on, so many bytes of them."""

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Generic, TypeVar

EACH = 4096  # bytes that a key, its entry and the objects around an array are taken to be

Result = TypeVar("Result")


class Kept(Generic[Result]):
    """The last results, of ``most`` bytes in all; for every session of the server."""

    def __init__(self, most: int) -> None:
        self._most, self._size, self._lock = most, 0, Lock()
        self._found: OrderedDict[Hashable, tuple[Result, int]] = OrderedDict()

    def get(self, key: Hashable) -> Result | None:
        """The result, which then is the last to go."""
        with self._lock:
            if key in self._found:
                self._found.move_to_end(key)
            return self._found.get(key, (None, 0))[0]

    def put(self, key: Hashable, made: Result, size: int) -> None:
        """Keeps a result of so many bytes; the ones asked for the longest time ago go."""
        size += EACH + len(repr(key))
        with self._lock:
            if key in self._found:
                return
            self._found[key] = made, size
            self._size += size
            while self._size > self._most and len(self._found) > 1:
                self._size -= self._found.popitem(last=False)[1][1]
