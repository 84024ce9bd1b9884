"""Gives back what ended sessions and past runs leave in cycles: now and then, not after every run of a script."""

import gc
import time
from functools import cache
from threading import Thread
from typing import Any

from streamlit.runtime import Runtime

EVERY = 60.0  # seconds; Streamlit itself keeps a session that is gone for 120


@cache
def collect_now_and_then() -> None:
    """Starts the thread that collects, once in a process.

    A full collection holds the interpreter lock for a tenth of a second and more with many sessions, so Streamlit's
    own, after each run, is off in ``.streamlit/config.toml``. What is there after one is frozen until the next: the
    collections that Python makes by itself in between look at what is new only, and nothing stays for good.
    """
    _collect()
    Thread(target=_collect_for_ever, name="collector", daemon=True).start()


def _collect_for_ever() -> None:
    while True:
        time.sleep(EVERY)
        _forget_ended()
        _collect()


def _forget_ended() -> None:
    """Has Streamlit drop the sessions whose time is over; by itself it does so when the next one ends only."""
    runtime: Any = Runtime.instance() if Runtime.exists() else None
    try:
        forget = runtime._session_mgr._session_storage._cache.expire
        runtime._async_objs.eventloop.call_soon_threadsafe(forget)
    except (AttributeError, RuntimeError):  # no server, or one that is about to begin or to end
        pass


def _collect() -> None:
    gc.unfreeze()
    gc.collect()
    gc.freeze()
