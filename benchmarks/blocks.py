"""Nanoseconds a step: Adam on Ackley, 65,536 starts x 500 steps, float64, beside optax and torch in the same run.

``python -m benchmarks.blocks``. All use two threads; the peers run one tensor of all points, by the same central
differences, and by their own exact gradients beside ours. Warm-up and compilation stand outside the clock; each row is
the best of REPEATS passes, optax's taken in turn with ours.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

os.environ.setdefault("XLA_FLAGS", "--xla_force_host_platform_device_count=1")

import numpy as np

from optim_core import RULES, sweep
from optim_core.engine.blocks import gradient_block, value_block
from surfaces import SURFACES
from surfaces.core.surface import surface_from_module

SIDE, STEPS, REPEATS, THREADS = 256, 500, 5, 2
KINDS = ("central differences", "exact gradient")
LR, BETAS, EPS = 0.1, (0.9, 0.999), 1e-8
RUNS = SIDE * SIDE
TOTAL = RUNS * STEPS


def starts() -> np.ndarray:
    """A grid over Ackley's window."""
    line = np.linspace(-5, 5, SIDE)
    return np.stack([axis.ravel() for axis in np.meshgrid(line, line)], axis=1)


def clock(action: Callable[[], object]) -> float:
    """Seconds of one call."""
    before = time.perf_counter()
    action()
    return time.perf_counter() - before


def ours(points: np.ndarray, **options) -> Callable[[], object]:
    """A sweep by Ravine."""
    return lambda: sweep(RULES["adam"], SURFACES["ackley"], points, STEPS, hyper={"lr": LR}, threads=THREADS, **options)


def optax_adam(points: np.ndarray, exact: bool) -> Callable[[], np.ndarray]:
    """optax.adam under jax.jit and lax.scan, float64, on the CPU."""
    import jax  # pyright: ignore[reportMissingImports]
    import jax.numpy as jnp  # pyright: ignore[reportMissingImports]
    import optax  # pyright: ignore[reportMissingImports]

    jax.config.update("jax_enable_x64", True)

    def ackley(p):
        x, y = p[:, 0], p[:, 1]
        waves = 0.5 * (jnp.cos(2 * jnp.pi * x) + jnp.cos(2 * jnp.pi * y))
        return -20 * jnp.exp(-0.2 * jnp.sqrt(0.5 * (x * x + y * y))) - jnp.exp(waves) + jnp.e + 20

    h = 6e-6

    def central(p):
        dx, dy = jnp.array([h, 0.0]), jnp.array([0.0, h])
        return jnp.stack([ackley(p + dx) - ackley(p - dx), ackley(p + dy) - ackley(p - dy)], axis=1) / (2 * h)

    gradient = jax.grad(lambda p: ackley(p).sum()) if exact else central
    optimizer = optax.adam(LR, b1=BETAS[0], b2=BETAS[1], eps=EPS)

    @jax.jit
    def run(p):
        def step(carry, _):
            p, state = carry
            updates, state = optimizer.update(gradient(p), state, p)
            return (optax.apply_updates(p, updates), state), None

        return jax.lax.scan(step, (p, optimizer.init(p)), None, length=STEPS)[0][0]

    array = jnp.asarray(points)
    return lambda: np.asarray(run(array).block_until_ready())


def torch_adam(points: np.ndarray, exact: bool) -> Callable[[], np.ndarray]:
    """torch.optim.Adam on one tensor of all points, by autograd or by the same central differences."""
    import torch

    torch.set_num_threads(THREADS)
    h = 6e-6
    dx, dy = (torch.tensor(shift, dtype=torch.float64) for shift in ((h, 0.0), (0.0, h)))

    def ackley(p):
        x, y = p[:, 0], p[:, 1]
        waves = 0.5 * (torch.cos(2 * torch.pi * x) + torch.cos(2 * torch.pi * y))
        return -20 * torch.exp(-0.2 * torch.sqrt(0.5 * (x * x + y * y))) - torch.exp(waves) + np.e + 20

    def run() -> np.ndarray:
        p = torch.tensor(points, requires_grad=True)
        optimizer = torch.optim.Adam([p], lr=LR, betas=BETAS, eps=EPS)
        for _ in range(STEPS):
            optimizer.zero_grad()
            if exact:
                ackley(p).sum().backward()
            else:
                with torch.no_grad():
                    slopes = [ackley(p + dx) - ackley(p - dx), ackley(p + dy) - ackley(p - dy)]
                    p.grad = torch.stack(slopes, dim=1) / (2 * h)
            optimizer.step()
        return p.detach().numpy()

    return run


def best(actions: dict[str, Callable[[], object]], repeats: int = REPEATS) -> dict[str, float]:
    """The least seconds of each action, taken in turn after one warm-up each."""
    for action in actions.values():
        action()
    found = dict.fromkeys(actions, float("inf"))
    for _ in range(repeats):
        for name, action in actions.items():
            found[name] = min(found[name], clock(action))
    return found


def new_surface() -> float:
    """Seconds until a surface never seen before can be drawn and descended, in a warm process."""
    sweep(RULES["adam"], SURFACES["rosenbrock"], (1.0, 2.0), 1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fresh.py"
        body = f"(x**2 + y - 11)**2 + xp.sin(3*x) * xp.exp(-0.1*y) + {time.time()!r} * xp.cos(x*y)"
        path.write_text(
            '"""New."""\nfrom optim_core import xp\nNAME = REFERENCE = DIFFICULTY = "fresh"\n'
            "DOMAIN, START, MINIMA = ((-5.0, 5.0), (-5.0, 5.0)), (1.0, 1.0), ()\n"
            f"def f(x, y):\n    return {body}\n"
        )
        sys.path.insert(0, folder)
        import fresh  # type: ignore[import-not-found]

        surface = surface_from_module(fresh)
        return clock(lambda: (value_block(surface), gradient_block(surface, "central")))


SECOND = """
import time
from optim_core import RULES, trace
from optim_core.engine import blocks, driver
from surfaces import SURFACES
trace(RULES["adam"], SURFACES["ackley"], (1, 1), 10)
kernels = [k for v in blocks._compiled.values() for k in (v if isinstance(v, tuple) else (v,)) if k]
print(sum(not k.cache_hits for k in kernels) + sum(driver.drive.stats.cache_misses.values()))
"""


def second_process() -> int:
    """How many kernels a second process compiles."""
    run = subprocess.run([sys.executable, "-c", SECOND], capture_output=True, text=True, check=True)
    return int(run.stdout)


def main() -> None:
    """Prints the rows."""
    points = starts()
    never = {"tolerance": 1e-300}
    times = best(
        {
            "ours": ours(points),
            "ours, step stop that never fires": ours(points, stop="step", **never),
            "ours, gradient stop that never fires": ours(points, stop="gradient", **never),
            "ours, loss stop that never fires": ours(points, stop="loss", **never),
            "ours, step stop 1e-3": ours(points, stop="step", tolerance=1e-3),
            "ours, exact gradient": ours(points, difference="exact"),
            "optax, central differences": optax_adam(points, exact=False),
            "optax, exact gradient": optax_adam(points, exact=True),
        }
    )
    # One pass each, after a warm-up: they take several times as long as ours.
    times |= best({f"torch.optim, {kind}": torch_adam(points, kind == KINDS[1]) for kind in KINDS}, repeats=1)
    names = ("numba", "numpy", "optax", "jax", "torch")
    print(f"Adam on Ackley, {RUNS:,} starts x {STEPS} steps, float64, {THREADS} threads, {os.cpu_count()} processors")
    print(", ".join(f"{name} {version(name)}" for name in names))
    base = times["ours"]
    for name, seconds in times.items():
        print(f"{name:40s} {seconds / TOTAL * 1e9:8.2f} ns a step   {seconds / base:6.2f} x ours")
    for kind, mine in zip(KINDS, ("ours", "ours, exact gradient"), strict=True):
        for peer, goal in (("optax", 6), ("torch.optim", 15)):
            print(f"ahead of {peer}, both with {kind}: {times[f'{peer}, {kind}'] / times[mine]:.1f} x (goal {goal})")
    print(f"first use of a new surface, warm process: {new_surface():.2f} s (goal 1)")
    print(f"kernels that a second process compiles: {second_process()} (goal 0)")


if __name__ == "__main__":
    main()
