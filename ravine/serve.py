"""The app, served by Streamlit from any folder: where it lies, and what can be written there.

In a checkout it lies beside this package, where it is installed inside it: no name as general as ``views`` stands among
a user's packages. Streamlit takes its configuration, and the files that browsers load, from the script's folder.
"""

import hashlib
import os
import shutil
import socket
import sys
import tempfile
from pathlib import Path
from typing import NoReturn

from numba.misc.appdirs import AppDirs

PACKAGE = Path(__file__).resolve().parent
APP = PACKAGE / "app" if (PACKAGE / "app").is_dir() else PACKAGE.parent
PARTS = ("app.py", ".streamlit", "pages", "static", "training", "views")
CACHE = Path(AppDirs("ravine", appauthor=False).user_cache_dir)


def serve(port: int | None = None, address: str | None = None) -> NoReturn:
    """This process becomes the server. ValueError where it could not listen, RuntimeError where it can lie nowhere."""
    _listen(port, address)
    folder = writable()
    command = [sys.executable, "-P", "-m", "streamlit", "run", str(folder / "app.py")]
    command += [f"--server.port={port}"] if port is not None else []
    command += [f"--server.address={address}"] if address is not None else []
    path = filter(None, (str(folder), str(PACKAGE.parent), os.environ.get("PYTHONPATH", "")))
    os.execve(sys.executable, command, {**os.environ, "PYTHONPATH": os.pathsep.join(path)})


def _listen(port: int | None, address: str | None) -> None:
    """Tries a port and an address; Streamlit would end in a traceback."""
    try:
        if address == "":
            raise OSError("it is empty")
        family, kind, _, _, place = socket.getaddrinfo(address or "127.0.0.1", port or 0, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        given = [f"{name} = {value!r}" for name, value in (("address", address), ("port", port)) if value is not None]
        raise ValueError(f"{', '.join(given)} is not allowed: the app cannot listen there ({reason})") from None


def writable() -> Path:
    """APP, or a copy in the user's cache folder where APP neither has nor takes what browsers load."""
    from views.shared.assets import publish

    try:
        publish()
        return APP
    except FileNotFoundError:
        pass
    try:
        if not CACHE.is_absolute():
            raise OSError("there is no home folder")
        folder = _copy()
        publish(folder / "static")
    except OSError as error:
        reason = error.strerror or error
        raise RuntimeError(f"the app can write neither to {APP / 'static'} nor to {CACHE}: {reason}") from None
    return folder


def _copy() -> Path:
    """The copy of these very files; it appears whole or not at all."""
    files = _files()
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.relative_to(APP).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    target = CACHE / f"app-{digest.hexdigest()[:16]}"
    if not target.is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=CACHE, prefix=".making-"))
        try:
            for file in files:
                copy = made / file.relative_to(APP)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, copy)
            made.rename(target)
        except OSError:
            if not target.is_dir():  # or another process was first
                raise
        finally:
            shutil.rmtree(made, ignore_errors=True)
    return target


def _files() -> list[Path]:
    """The app's files, in one order, less what is made from them."""
    from views.shared.assets import PREFIX

    found = [path for part in PARTS for path in (APP / part, *(APP / part).rglob("*")) if path.is_file()]
    made = ("__pycache__", PREFIX)
    return sorted(file for file in found if not any(part.startswith(made) for part in file.relative_to(APP).parts))
