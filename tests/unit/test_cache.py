"""The on-disk cache: a second process compiles nothing, and never gets another surface's code."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from numba.core import config

from optim_core import RULES, blocks
from surfaces import SURFACES
from tests.few_surfaces import FEW

ROOT = Path(__file__).parents[2]

COUNT = """
import json, sys
from optim_core import RULES, blocks, trace
from surfaces import SURFACES
ends = {}
for rule, surface, difference in json.loads(sys.argv[1]):
    ends[f"{rule} {surface} {difference}"] = trace(
        RULES[rule], SURFACES[surface], (1.5, -0.5), 30, difference=difference).path[-1].tolist()
kernels = [k for value in blocks._compiled.values() for k in (value if isinstance(value, tuple) else (value,)) if k]
drivers = [blocks.drive, blocks._evaluate]
print(json.dumps({
    "ends": ends,
    "kernels": len(kernels) + len(drivers),
    "hits": sum(k.cache_hits for k in kernels) + sum(sum(d.stats.cache_hits.values()) for d in drivers),
    "misses": sum(1 for k in kernels if not k.cache_hits) + sum(sum(d.stats.cache_misses.values()) for d in drivers),
}))
"""


def run(jobs: list, cache: Path) -> dict:
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-W", "error", "-c", COUNT, json.dumps(jobs)]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_second_process_compiles_nothing(tmp_path: Path) -> None:
    jobs = [["adam", "ackley", "central"], ["momentum", "rosenbrock", "exact"], ["adam", "rosenbrock", "as_printed"]]
    first, second = run(jobs, tmp_path), run(jobs, tmp_path)
    assert first["misses"] == first["kernels"]
    assert (second["hits"], second["misses"]) == (second["kernels"], 0)
    assert second["ends"] == first["ends"]


def test_one_surface_never_gets_the_code_of_another(tmp_path: Path) -> None:
    """Each process compiles its own surface into one cold cache; then each loads what it did not compile."""
    names = ["rosenbrock", "beale", "himmelblau"]
    alone = {name: run([["adam", name, "central"]], tmp_path / name)["ends"] for name in names}
    shared = tmp_path / "shared"
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(shared), "PYTHONPATH": str(ROOT)}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", COUNT, json.dumps([["adam", name, "central"]])],
            env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True,
        )
        for name in names
    ]  # fmt: skip
    for name, process in zip(names, started, strict=True):
        out, _ = process.communicate()
        assert process.returncode == 0
        assert json.loads(out)["ends"] == alone[name]
    together = run([["adam", name, "central"] for name in reversed(names)], shared)
    assert together["ends"] == {key: end for name in names for key, end in alone[name].items()}


def index(kernel) -> str:
    """The name of the file that lists what is cached for a kernel."""
    return Path(kernel._cache._cache_file._index_path).name


def test_no_two_kernels_share_an_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numba writes an index without a lock: two processes that share one may leave one's code under the other's key."""
    paths = []
    for surface in map(SURFACES.__getitem__, FEW):
        kernels = [blocks.value_block(surface), *(blocks.gradient_block(surface, d) for d in blocks.DIFFERENCES)]
        paths += [index(kernel) for kernel in kernels]
    compiled = [rule for rule in RULES.values() if rule.compiled]
    for rule in compiled:
        paths += [index(kernel) for kernel in blocks.rule_blocks(rule) if kernel]
    looking = sum(rule.look is not None for rule in compiled)
    assert len(set(paths)) == len(paths) == 5 * len(FEW) + 2 * len(compiled) + looking
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path))
    ackley = SURFACES["ackley"]
    edited = dataclasses.replace(ackley, source=ackley.source + "# edited")
    assert index(blocks.value_block(edited)) not in paths


EDITED = """
import sys, types
from pathlib import Path
import surfaces.surface as s
from optim_core import RULES, blocks, trace
def surface(slope):
    # one name, two formulas: what an edited file is to the cache
    path = Path(sys.argv[1]) / "edited.py"
    path.write_text(f'''"A bowl."
NAME = REFERENCE = DIFFICULTY = "bowl"
DOMAIN, START, MINIMA = ((-1.0, 1.0), (-1.0, 1.0)), (0.5, 0.5), ((0.0, 0.0, 0.0),)
def f(x, y):
    return {slope} * (x * x + y * y)
''')
    module = types.ModuleType("edited")
    module.__file__ = str(path)
    sys.modules["edited"] = module
    exec(compile(path.read_text(), str(path), "exec"), module.__dict__)
    return s.surface_from_module(module)
print(float(trace(RULES["gradient_descent"], surface(float(sys.argv[2])), (1, 0), 1, hyper={"lr": 0.1}).path[1, 0]))
"""


@pytest.mark.parametrize("order", [(1.0, 2.0, 1.0), (2.0, 1.0, 2.0)])
def test_an_edited_surface_is_compiled_anew(tmp_path: Path, order: tuple[float, ...]) -> None:
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache"), "PYTHONPATH": str(ROOT)}
    for slope in order:
        command = [sys.executable, "-c", EDITED, str(tmp_path), str(slope)]
        out = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        assert float(out) == pytest.approx(1 - 0.1 * 2 * slope, abs=1e-8)


def test_the_code_of_older_sources_leaves_the_cache(tmp_path: Path) -> None:
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache"), "PYTHONPATH": str(ROOT)}
    for slope in (1.0, 2.0, 3.0):
        command = [sys.executable, "-c", EDITED, str(tmp_path), str(slope)]
        subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, check=True)
    names = {path.name.split("-")[0] for path in (tmp_path / "cache").rglob("*edited*.nbi")}
    assert len(names) == 2  # the value and the gradient of the last one
