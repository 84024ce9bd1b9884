"""The devices of this machine, found without torch."""

import importlib.util
import os
import re
import subprocess
from pathlib import Path
from typing import Any

from training.record import processor

_QUERY = "index,uuid,name,memory.total,memory.free,compute_cap"


class DeviceError(ValueError):
    """A device cannot be asked about, or is not there."""


def devices() -> list[dict[str, Any]]:
    """The CPU, and the GPUs that the installed torch can use, in nvidia-smi's order or that of CUDA_VISIBLE_DEVICES.

    device ("cpu", "cuda:0"), name, memory_free and memory_total in bytes (None where unknown); for the CPU cores, for a
    GPU bfloat16 (bool) and selector, its name for CUDA_VISIBLE_DEVICES. DeviceError if the driver does not answer.
    """
    return [cpu(), *(gpus() if torch_has_cuda() else [])]


def cpu() -> dict[str, Any]:
    """The processor."""
    memory: dict[str, int | None] = {"MemAvailable": None, "MemTotal": None}
    try:
        for name, kilobytes in re.findall(r"^(\w+):\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE):
            if name in memory:
                memory[name] = int(kilobytes) * 1024
    except OSError:
        pass
    found = {"device": "cpu", "name": processor(), "cores": cores()}
    return found | {"memory_free": memory["MemAvailable"], "memory_total": memory["MemTotal"]}


def cores() -> int:
    """How many cores this process may use, a container's limit included."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return max(1, min(allowed, round(int(quota) / int(period))))
    except (OSError, ValueError):  # no such limit, or "max"
        return allowed


def gpus() -> list[dict[str, Any]]:
    """NVIDIA's GPUs, those that CUDA_VISIBLE_DEVICES names if it is set; none without a driver."""
    command = ["nvidia-smi", f"--query-gpu={_QUERY}", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=20, stdin=subprocess.DEVNULL
        )
    except FileNotFoundError:
        return []
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DeviceError(f"nvidia-smi does not answer ({error})") from None
    if done.returncode:
        raise DeviceError(f"nvidia-smi: {(done.stdout + done.stderr).strip()[:200]}")
    return parse(done.stdout, os.environ.get("CUDA_VISIBLE_DEVICES"))


def parse(text: str, visible: str | None = None) -> list[dict[str, Any]]:
    """The GPUs in nvidia-smi's answer, in its order. visible: CUDA_VISIBLE_DEVICES; those that it names, in its order.

    DeviceError if the answer is something else.
    """
    found = []
    for line in text.strip().splitlines():
        items = [item.strip() for item in line.split(",")]
        if len(items) != len(_QUERY.split(",")):
            raise DeviceError(f"nvidia-smi does not answer as expected: {line[:200]!r}")
        index, uuid, name, total, free, capability = items
        major = re.match(r"\d+", capability)
        found.append(
            {
                "index": index,
                "selector": uuid,
                "name": name,
                "memory_free": _mebibytes(free),
                "memory_total": _mebibytes(total),
                "bfloat16": major is not None and int(major[0]) >= 8,
            }
        )
    if visible is not None:
        everything, found = found, []
        for entry in (item.strip() for item in visible.split(",")):
            match = [g for g in everything if entry == g["index"] or (entry and g["selector"].startswith(entry))]
            if not match and entry.startswith("MIG-") and everything:  # a part of a GPU, which the question leaves out
                part = {"selector": entry, "name": f"{everything[0]['name']}, a part", "memory_free": None}
                match = [everything[0] | part | {"memory_total": None}]
            if not match:
                break  # CUDA itself ignores what comes after an unknown entry
            found.append(match[0])
    rest = ("selector", "name", "memory_free", "memory_total", "bfloat16")
    return [{"device": f"cuda:{k}", **{key: gpu[key] for key in rest}} for k, gpu in enumerate(found)]


def _mebibytes(text: str) -> int | None:
    return int(text) * 2**20 if text.isdigit() else None


def torch_has_cuda() -> bool:
    """Whether the installed torch was built with CUDA; read from its file, without importing it."""
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return False
    try:
        return (
            re.search(r"^cuda\b.*=\s*['\"]\d", (Path(spec.origin).parent / "version.py").read_text(), re.M) is not None
        )
    except OSError:
        return False


def narrow(device: str) -> None:
    """Make a GPU the only one that this process sees, as cuda:0; call before torch. DeviceError if absent."""
    if device == "cpu":
        return
    found = devices()
    gpu = next((one for one in found if one["device"] == device), None)
    if gpu is None:
        raise DeviceError(absent(device, found))
    os.environ["CUDA_VISIBLE_DEVICES"] = gpu["selector"]


def absent(device: str, found: list[dict[str, Any]]) -> str:
    """The sentence about a device that is not there."""
    names = ", ".join(one["device"] for one in found)
    hint = "" if torch_has_cuda() or device == "cpu" else "; the installed torch was built without CUDA"
    return f"device = {device} is not there; this machine has: {names}{hint}"
