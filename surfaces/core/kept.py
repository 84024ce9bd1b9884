"""Objects by key: the last ones that were asked for, and besides each that somebody still holds."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any
from weakref import WeakValueDictionary


class Kept:
    """Whoever uses what many others make loses nothing to them, and what nobody uses goes after ``most`` others.

    The objects can be referred to weakly. Any number of threads may ask at once.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._last: OrderedDict[Hashable, Any] = OrderedDict()
        self._all: WeakValueDictionary[Hashable, Any] = WeakValueDictionary()
        self._lock = Lock()

    def get(self, key: Hashable) -> Any | None:
        """What is kept under the key, None where there is nothing."""
        with self._lock:
            found = self._all.get(key)
            return found if found is None else self._used(key, found)

    def put(self, key: Hashable, made: Any) -> Any:
        """Keeps what was made for the key, unless something is there by now; what is kept."""
        with self._lock:
            return self._used(key, self._all.setdefault(key, made))

    def made(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """What is kept under the key; where there is nothing, what ``make`` returns."""
        found = self.get(key)
        return self.put(key, make()) if found is None else found

    def _used(self, key: Hashable, found: Any) -> Any:
        self._last[key] = found
        self._last.move_to_end(key)
        while len(self._last) > self._most:
            self._last.popitem(last=False)
        return found
