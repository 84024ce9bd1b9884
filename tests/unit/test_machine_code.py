"""Which vectors kernels are compiled for, and that the choice changes no bit. ``test_cache.py`` holds the rest."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from numba.core.codegen import get_host_cpu_features

ROOT = Path(__file__).parents[2]
WIDE = "+avx512f" in get_host_cpu_features().split(",")
FEATURES = """
from optim_core.engine import driver
print(driver.drive.targetctx.codegen().magic_tuple()[2])
"""
ENDS = """
import json, sys
import numpy as np
from optim_core import RULES, sweep
from optim_core.engine import blocks
from surfaces import SURFACES
starts = np.random.default_rng(0).uniform(-3, 3, (200, 2))
found = {}
for rule, surface in (("adam", "ackley"), ("yellowfin", "rosenbrock")):
    made = sweep(RULES[rule], SURFACES[surface], starts, 150)
    found[f"{rule} {surface}"] = [made.end.tobytes().hex(), made.loss.tobytes().hex()]
assert "rastrigin" not in str(found)  # Numba shows no assembly of what it loads
code = blocks._compile_gradient(SURFACES["rastrigin"], "central")._library.get_asm_str()
print(json.dumps({"ends": found, "wide": code.count("zmm")}))
"""


def python(code: str, **environment: str) -> str:
    unset = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_CPU")}
    done = subprocess.run(
        [sys.executable, "-c", code], env={**unset, "PYTHONPATH": str(ROOT), **environment}, cwd=ROOT,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_the_user_sets_is_left_alone() -> None:
    host = get_host_cpu_features().replace(",-prefer-256-bit", "")
    assert python(FEATURES, NUMBA_CPU_FEATURES=host).strip() == host
    assert "prefer-256-bit" not in python(FEATURES, NUMBA_CPU_NAME="generic")
    assert ("-prefer-256-bit" in python(FEATURES)) == WIDE


@pytest.mark.skipif(not WIDE, reason="this processor has no vectors of 512 bits")
def test_vectors_of_512_bits_are_used_and_change_no_bit(tmp_path: Path) -> None:
    """Against the features that LLVM finds, with which it takes 256 on Intel, and against AVX2."""
    host = get_host_cpu_features().replace(",-prefer-256-bit", "")
    narrow = ",".join("-" + one[1:] if one.startswith("+avx512") else one for one in host.split(","))
    given = [{}, {"NUMBA_CPU_FEATURES": f"{host},+prefer-256-bit"}, {"NUMBA_CPU_FEATURES": narrow}]
    made = [json.loads(python(ENDS, NUMBA_CACHE_DIR=str(tmp_path / str(k)), **more)) for k, more in enumerate(given)]
    assert made[0]["wide"] > 10
    assert made[1]["wide"] == made[2]["wide"] == 0
    assert made[0]["ends"] == made[1]["ends"] == made[2]["ends"]
