"""The app's server, which counts what of its sessions is still there: ``python -m tests.counting_server run app.py``.

Once a tenth of a second it writes the numbers, as JSON, to the file that RAVINE_COUNTS names.
"""

import json
import os
import time
from collections import Counter
from pathlib import Path
from threading import Thread
from weakref import WeakSet

from streamlit.runtime.app_session import AppSession
from streamlit.web.cli import main

from views.shared import memory
from views.shared.settings import Settings

EVERY = 0.1
kept: dict[str, WeakSet] = {}
made: Counter[str] = Counter()


class Identity:
    """Stands for an object that cannot be hashed."""


def counted(kind: type) -> None:
    """From now on the objects of a class that are there are known, without keeping them there."""
    kept[kind.__name__] = alive = WeakSet()
    begin = kind.__init__

    def begun(self: object, *given: object, **named: object) -> None:
        begin(self, *given, **named)
        sign = Identity()
        object.__setattr__(self, "_sign", sign)  # goes with the object that it stands for
        alive.add(sign)
        made[f"{kind.__name__} made"] += 1

    kind.__init__ = begun


def tell() -> None:
    """Writes the numbers, for ever."""
    file = Path(os.environ["RAVINE_COUNTS"])
    while True:
        new = file.with_suffix(".new")
        new.write_text(json.dumps({name: len(alive) for name, alive in kept.items()} | made))
        new.replace(file)
        time.sleep(EVERY)


if __name__ == "__main__":
    memory.EVERY = EVERY
    counted(AppSession)
    counted(Settings)
    Thread(target=tell, daemon=True).start()
    main()
