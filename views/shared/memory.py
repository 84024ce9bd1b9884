"""Gives back what ended sessions and past runs leave in cycles: now and then, not after every run of a script."""

import gc
import time
from functools import cache
from itertools import count
from threading import Thread
from typing import Any

from streamlit.runtime import Runtime

from views.shared.lighter import remove_files

EVERY = 60.0  # seconds; Streamlit itself keeps a session that is gone for 120
WHOLE = 10  # of so many collections one looks at everything: 200 ms with 50 sessions, the others 50


@cache
def collect_now_and_then() -> None:
    """Starts the thread that collects, once in a process.

    A full collection holds the interpreter lock, the longer the more sessions there are, so Streamlit's own, after each
    run, is off in ``.streamlit/config.toml``. What is there after one of everything is frozen until the next of these:
    the others, and those that Python makes by itself, look at what is new only, and nothing stays for good.
    """
    _collect_everything()
    Thread(target=_collect_for_ever, name="collector", daemon=True).start()


def _collect_for_ever() -> None:
    for turn in count(1):
        time.sleep(EVERY)
        _forget_ended()
        if turn % WHOLE:
            gc.collect()
        else:
            _collect_everything()


def _forget_ended() -> None:
    """Has Streamlit drop the sessions whose time is over, which by itself it does when the next one ends, and files."""
    runtime: Any = Runtime.instance() if Runtime.exists() else None
    try:
        remove_files(runtime.media_file_mgr)
        forget = runtime._session_mgr._session_storage._cache.expire
        runtime._async_objs.eventloop.call_soon_threadsafe(forget)
    except (AttributeError, RuntimeError):  # no server, or one that is about to begin or to end
        pass


def _collect_everything() -> None:
    gc.unfreeze()
    gc.collect()
    gc.freeze()
