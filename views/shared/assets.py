"""The browser's modules as they are served: all files of one version in a folder that bears its fingerprint.

So modules import each other by plain relative paths, a browser may keep them for ever, and versions never mix.
"""

import hashlib
import importlib.metadata
import importlib.util
import shutil
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

STATIC = Path(__file__).resolve().parents[2] / "static"
KINDS = (".js", ".css")
PREFIX = "v-"
KEPT = 2  # versions: pages opened before an update may still ask for the one before
PLOTLY = "plotly.min.js"


def sources() -> list[Path]:
    """The files that make a version, in one order."""
    return sorted(
        file
        for file in STATIC.rglob("*")
        if file.suffix in KINDS and not file.relative_to(STATIC).parts[0].startswith(PREFIX) and file.name != PLOTLY
    )


@cache
def version() -> str:
    """The folder's name: a fingerprint of the modules, the style sheets and Plotly's release."""
    digest = hashlib.sha256(importlib.metadata.version("plotly").encode())
    for file in sources():
        digest.update(file.relative_to(STATIC).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return PREFIX + digest.hexdigest()[:16]


def plotly_script() -> Path:
    """Plotly's own script in its package, which is found, not imported: importing it takes a second and much memory.

    FileNotFoundError where the package is not installed.
    """
    package = importlib.util.find_spec("plotly")
    if package is None or package.origin is None:
        raise FileNotFoundError(f"the plotly package is not installed; the pictures need its {PLOTLY}")
    return Path(package.origin).parent / "package_data" / PLOTLY


def publish(folder: Path = STATIC) -> Path:
    """Makes the folder of this version inside `folder` where it is not there yet; returns it.

    It appears whole or not at all, whoever else publishes at the same time; of older versions the last stays.
    FileNotFoundError as `plotly_script`, and where the folder can neither be found nor made: that says why.
    """
    target = folder / version()
    if target.is_dir():
        return target
    script = plotly_script()
    try:
        _make(target, script)
    except OSError as error:
        raise FileNotFoundError(
            f"{target} is missing, and cannot be made ({error.strerror or error}); "
            "`python -m views.warm` makes it, run by who may write there"
        ) from None
    for old in _others(target)[KEPT - 1 :]:
        shutil.rmtree(old, ignore_errors=True)
    return target


def _others(target: Path) -> list[Path]:
    """The other versions beside it, the last first; another process may just be removing one."""
    made: dict[Path, float] = {}
    for path in target.parent.glob(f"{PREFIX}*"):
        with suppress(OSError):
            made[path] = path.stat().st_mtime
    made.pop(target, None)
    return sorted(made, key=made.__getitem__, reverse=True)


def _make(target: Path, script: Path) -> None:
    """Copies all files aside and puts them in place."""
    target.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=target.parent, prefix=".publishing-"))
    try:
        for file in sources():
            copy = made / file.relative_to(STATIC)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
        shutil.copyfile(script, made / PLOTLY)
        made.chmod(0o755)
        try:
            made.rename(target)
        except OSError:
            if not target.is_dir():  # another process was first
                raise
    finally:
        shutil.rmtree(made, ignore_errors=True)
