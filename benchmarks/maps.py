"""Milliseconds a map: basins of Adam on Ackley, 256 x 256 starts x 500 steps, float64, beside optax and torch.

``python -m benchmarks.maps``. All use two threads; the peers are those of ``benchmarks.blocks``, from the same starts,
by the same central differences, and by their own exact gradients beside ours. A map holds each run's minimum, steps,
outcome, end and loss; the peers only make the steps. Warm-up and compilation stand outside the clock; each row is the
best of REPEATS passes, optax's taken in turn with ours; of torch's, which take longest, one pass each.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np

from benchmarks.blocks import KINDS, LR, REPEATS, SIDE, STEPS, THREADS, best, clock, optax_adam, torch_adam
from optim_core import RULES
from optim_core.studies.maps import Axis, Basins, basins, plane
from surfaces import SURFACES

GROWTH = (64, 128, 256, 512, 1024, 2048, 4096)
PEERS = (("optax", 6), ("torch.optim", 15))  # and how many times as fast ours should be
NEVER = 1e-300  # no step is that short


def ours(side: int = SIDE, tolerance: float = NEVER, rule: str = "adam", **options: Any) -> Callable[[], Basins]:
    """A map by Ravine, with a step stop rule."""
    return lambda: basins(
        RULES[rule], SURFACES["ackley"], None, side, STEPS, hyper={"lr": LR}, stop="step", tolerance=tolerance,
        threads=THREADS, **options,
    )  # fmt: skip


def four() -> None:
    """Maps of four optimizers, one after the other."""
    for rule in ("adam", "momentum", "rmsprop", "lion"):
        ours(rule=rule, tolerance=1e-3)()


def rates() -> None:
    """A plane of learning rate x beta1."""
    axes = Axis("lr", 1e-4, 1.0, SIDE, log=True), Axis("beta1", 0.0, 0.99, SIDE)
    plane(RULES["adam"], SURFACES["ackley"], SURFACES["ackley"].start, *axes, STEPS, threads=THREADS)


def together() -> list[float]:
    """Seconds of each of two users who ask for a map at the same moment."""
    found, ready = [0.0, 0.0], threading.Barrier(2)

    def ask(user: int) -> None:
        ready.wait()
        found[user] = clock(ours())

    users = [threading.Thread(target=ask, args=(user,)) for user in (0, 1)]
    for user in users:
        user.start()
    for user in users:
        user.join()
    return found


LARGEST = """
import resource
from benchmarks.maps import GROWTH, ours
from optim_core.studies.map_files import npz, png
found = ours(GROWTH[-1], tolerance=1e-3)()
sizes = [len(make(found)) for make in (png, npz)]
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, *(size / 2**20 for size in sizes))
"""


def largest() -> tuple[float, ...]:
    """GiB at the most that a process takes for the largest map and its files, and MiB of PNG and NPZ."""
    run = subprocess.run([sys.executable, "-c", LARGEST], capture_output=True, text=True, check=True)
    return tuple(map(float, run.stdout.split()))


def main() -> None:
    """Prints the rows."""
    shown = ours()()
    points = np.stack([axis.ravel() for axis in np.meshgrid(shown.x, shown.y)], axis=1)
    optax = optax_adam(points, exact=False)
    apart = np.median(np.abs(optax() - shown.end.reshape(-1, 2)))
    times = best(
        {
            "step stop that never fires": ours(),
            "step stop 1e-3": ours(tolerance=1e-3),
            "coarse, every 8th pixel": ours(tolerance=1e-3, every=8),
            "coarse, every 4th pixel": ours(tolerance=1e-3, every=4),
            "four optimizers, step stop 1e-3": four,
            "learning rate x beta1, no stop": rates,
            "exact gradient": ours(difference="exact"),
            f"optax, {KINDS[0]}": optax,
            f"optax, {KINDS[1]}": optax_adam(points, exact=True),
        }
    )
    times |= best({f"torch.optim, {kind}": torch_adam(points, kind == KINDS[1]) for kind in KINDS}, repeats=1)
    load = os.getloadavg()[0]
    print(f"Basins of Adam on Ackley, {SIDE} x {SIDE} starts x {STEPS} steps, {THREADS} threads, {os.cpu_count()} "
          f"processors, load {load:.1f}, best of {REPEATS}")  # fmt: skip
    print(", ".join(f"{name} {version(name)}" for name in ("numba", "numpy", "optax", "jax", "torch")))
    goals = {"step stop that never fires": 200, "step stop 1e-3": 80}
    for name, seconds in times.items():
        goal = f"   (goal {goals[name]})" if name in goals else ""
        print(f"{name:36s} {seconds * 1e3:9.1f} ms{goal}")
    for kind, mine in zip(KINDS, ("step stop that never fires", "exact gradient"), strict=True):
        for peer, goal in PEERS:
            print(f"ahead of {peer}, both with {kind}: {times[f'{peer}, {kind}'] / times[mine]:.1f} x (goal {goal})")
    print(f"median distance of an end from optax's: {apart:.1e}")
    print("two users at once: " + ", ".join(f"{seconds * 1e3:.0f} ms" for seconds in together()))
    print("growth, step stop that never fires:")
    for side in GROWTH:
        make = ours(side)
        seconds = min(clock(make) for _ in range(REPEATS if side <= SIDE else 1))
        print(f"{side:6d}^2 {seconds * 1e3:12.1f} ms {seconds / side**2 / STEPS * 1e9:8.2f} ns a step")
    gib, png, npz = largest()
    print(f"{GROWTH[-1]}^2 with its files: {gib:.2f} GiB at the most (goal 2), PNG {png:.0f} MiB, NPZ {npz:.0f} MiB")


if __name__ == "__main__":
    main()
