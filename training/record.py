"""What a run records of where it ran: versions, device, sources."""

import hashlib
import importlib.metadata
import os
import platform
import resource
import subprocess
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import optim_core

ROOT = Path(__file__).resolve().parent.parent
CORE = Path(optim_core.__file__).resolve().parent
INSTALLED = CORE.parent != ROOT  # in a checkout they lie side by side


@cache
def revision() -> str:
    """The source's revision: git's where there is a checkout ("+" where files differ), else a hash of the sources."""
    try:

        def git(*arguments: str) -> str:
            return subprocess.run(
                ["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=True, timeout=5
            ).stdout.strip()

        if Path(git("rev-parse", "--show-toplevel")) == ROOT:
            return git("rev-parse", "--short=12", "HEAD") + ("+" if git("status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.SubprocessError):
        pass
    digest = hashlib.sha256()
    for folder in (CORE, ROOT / "training"):
        for path in sorted(folder.rglob("*.py")):
            digest.update(path.read_bytes())
    return f"sources {digest.hexdigest()[:12]}"


def processor() -> str:
    """The processor's name."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def versions() -> dict[str, str]:
    """Of Python and of the libraries that a result depends on."""
    found = {"python": platform.python_version()}
    for name in ("torch", "numpy", "scikit-learn"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def forget_peak() -> None:
    """Lets `peak_memory` count from here on, where the system can (Linux)."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory() -> int:
    """The most memory that this process has held since `forget_peak`, in bytes."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def facts() -> dict[str, Any]:
    """What can be said before a run begins."""
    return {
        "revision": os.environ.get("RAVINE_REVISION") or revision(),
        "versions": versions(),
        "platform": platform.platform(),
    }
