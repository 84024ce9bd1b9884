"""Runs the tests that depend on how numbers are rounded as on other processors, and prints what came of each.

    python -m scripts.processors             every setting (`make processors`): hours on two cores
    python -m scripts.processors --few       every setting, on the few tests that magnify rounding most: minutes
    python -m scripts.processors --short     the settings that differ most, on these few (`.ci/run`)
    python -m scripts.processors --only numba   those whose name holds a word

A setting is what the libraries read as they are loaded: which code MKL, ATen and OpenBLAS choose, for which processor
Numba compiles, how many threads there are, which Python runs. Instructions that this processor lacks cannot be run:
such rows say "not here". A setting runs the tests that it can change; machine code is compiled for these runs alone.
The exit status is 1 where a test failed.
"""

import argparse
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from numpy._core import _multiarray_umath as umath

ROOT = Path(__file__).parents[1]
# What depends on rounding. By how a library's own code is chosen: the rules in torch and against other libraries, the
# steps of networks, training, export, and what takes eigenvalues or solves.
LIBRARIES = (
    "test_rules.py", "test_rules_closure.py", "test_rules_matrix.py", "test_rules_recorded.py",
    "test_rules_literature.py", "test_rounding.py", "test_verify.py", "test_elementary.py", "test_surfaces_made.py",
    "test_minibatch.py", "test_torch_optimizer.py", "test_replay.py", "test_training_loop.py",
    "test_training_rules.py", "test_export_paths.py",
)  # fmt: skip
# By what Numba compiles for: the rules and surfaces in machine code, against NumPy, torch and closed forms.
COMPILED = (
    "test_rules.py", "test_rules_closure.py", "test_rules_matrix.py", "test_verify.py", "test_rounding.py",
    "test_xp.py", "test_elementary.py", "test_vectorised.py", "test_differences.py", "test_trace.py", "test_sweep.py",
    "test_surfaces.py", "test_surfaces_made.py", "test_formula.py", "test_around.py", "test_maps.py", "test_tuning.py",
    "test_minibatch.py", "test_export_paths.py",
)  # fmt: skip
WHOLE = tuple(dict.fromkeys((*COMPILED, *LIBRARIES)))
EVERYTHING = ("",)  # all unit tests: another Python differs in more than rounding
# Of each kind the cases that magnify rounding most, and those that were once right on one processor only.
FEW = (
    "test_rules.py::test_numba_and_numpy_agree_to_the_last_bit[gradient_descent]",
    "test_rules.py::test_numba_and_numpy_agree_to_the_last_bit[adam]",
    "test_rules.py::test_numba_and_torch_agree_at_every_step[nadam]",
    "test_verify.py::test_a_rule_passes_its_checks_and_the_file_says_so[bfgs]",
    "test_verify.py::test_a_rule_passes_its_checks_and_the_file_says_so[lbfgs]",
    "test_verify.py::test_a_rule_passes_its_checks_and_the_file_says_so[soap]",
    "test_verify.py::test_a_bound_follows_from_the_path[bfgs]",
    "test_verify.py::test_a_bound_follows_from_the_path[soap]",
    "test_vectorised.py::test_gradients[ackley-central]",
    "test_vectorised.py::test_rules[adam]",
    "test_training_loop.py::test_it_is_what_a_plain_loop_does",
)
TIMEOUT = 4 * 3600.0  # of one setting; a limit for what hangs, not for what is slow
X86 = platform.machine() in ("x86_64", "AMD64")


@dataclass(frozen=True)
class Setting:
    """What is told to the libraries, which flags of /proc/cpuinfo it needs to run, and which tests it can change."""

    name: str
    variables: dict[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    python: str = "3.11"
    short: bool = False
    x86: bool = True
    tests: tuple[str, ...] = LIBRARIES


AVX2, AVX512 = ("avx2", "fma"), ("avx512f", "avx512bw", "avx512dq", "avx512vl")
# What NumPy would use of this processor beyond its oldest code; it refuses to leave out what is not there.
NUMPY = " ".join(name for name in umath.__cpu_dispatch__ if umath.__cpu_features__.get(name))
SETTINGS = (
    Setting("as it is", x86=False, tests=WHOLE),
    Setting("MKL_CBWR=COMPATIBLE", {"MKL_CBWR": "COMPATIBLE"}),
    Setting("MKL_CBWR=AVX2", {"MKL_CBWR": "AVX2"}, AVX2),
    Setting("ATEN_CPU_CAPABILITY=default", {"ATEN_CPU_CAPABILITY": "default"}),
    Setting("ATEN_CPU_CAPABILITY=avx2", {"ATEN_CPU_CAPABILITY": "avx2"}, AVX2),
    Setting("ATEN_CPU_CAPABILITY=avx512", {"ATEN_CPU_CAPABILITY": "avx512"}, AVX512),
    Setting("NUMBA_CPU_NAME=generic", {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}, tests=COMPILED),
    Setting(
        "NUMBA_CPU_NAME=haswell", {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": ""}, AVX2, tests=COMPILED
    ),
    Setting(
        "Numba without FMA", {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "-fma"}, AVX2, tests=COMPILED
    ),
    Setting("OPENBLAS_CORETYPE=Nehalem", {"OPENBLAS_CORETYPE": "Nehalem"}),
    Setting("OPENBLAS_CORETYPE=Haswell", {"OPENBLAS_CORETYPE": "Haswell"}, AVX2),
    Setting("OPENBLAS_CORETYPE=Zen", {"OPENBLAS_CORETYPE": "Zen"}, AVX2),
    Setting("OPENBLAS_CORETYPE=SkylakeX", {"OPENBLAS_CORETYPE": "SkylakeX"}, AVX512),
    Setting(
        "an old processor: neither AVX nor FMA",
        {
            "MKL_CBWR": "COMPATIBLE", "ATEN_CPU_CAPABILITY": "default", "NUMBA_CPU_NAME": "x86-64-v2",
            "NUMBA_CPU_FEATURES": "", "OPENBLAS_CORETYPE": "Nehalem",
            "NPY_DISABLE_CPU_FEATURES": "X86_V3",
        },
        short=True,
        tests=WHOLE,
    ),
    Setting(
        "an AMD processor with AVX2",
        {
            "MKL_CBWR": "AVX2", "ATEN_CPU_CAPABILITY": "avx2", "NUMBA_CPU_NAME": "znver3", "NUMBA_CPU_FEATURES": "",
            "OPENBLAS_CORETYPE": "Zen",
        },
        AVX2,
        short=True,
        tests=WHOLE,
    ),
    Setting(
        "one thread", dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"), x86=False
    ),
    Setting(
        "two threads", dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "2"), x86=False
    ),
    Setting("Python 3.12", python="3.12", x86=False, tests=EVERYTHING),
    Setting("Python 3.13", python="3.13", x86=False, tests=EVERYTHING),
)  # fmt: skip
# What a setting does not give is taken away; but for OpenBLAS's choice, which a system may need to compute rightly.
GIVEN = {name for setting in SETTINGS for name in setting.variables} - {"OPENBLAS_CORETYPE"}


def flags() -> set[str]:
    """What this processor has, in the words of Linux; nothing elsewhere."""
    file = Path("/proc/cpuinfo")
    if not file.exists():
        return set()
    found = re.search(r"^flags\s*:(.*)$", file.read_text(), re.MULTILINE)
    return set(found[1].split()) if found else set()


def interpreter(version: str) -> str | None:
    """A Python of that version that has what the tests need: this one, or $RAVINE_PYTHON_3_12; None where none is."""
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    if version in (here, "3.11"):  # rows without a version of their own take the one that runs this
        return sys.executable
    return os.environ.get(f"RAVINE_PYTHON_{version.replace('.', '_')}")


def not_here(setting: Setting) -> str:
    """Why a setting cannot be run; empty where it can."""
    if setting.x86 and not X86:
        return f"a setting of x86-64, not of {platform.machine()}"
    if lacking := sorted(set(setting.needs) - flags()):
        return f"this processor has no {', '.join(lacking)}"
    if not interpreter(setting.python):
        return f"set RAVINE_PYTHON_{setting.python.replace('.', '_')} to one with requirements-dev.txt"
    return ""


def run(setting: Setting, tests: tuple[str, ...], workers: int, cache: str) -> tuple[str, str]:
    """How it ended, and pytest's last line or why it was not run; what failed is printed."""
    if why := not_here(setting):
        return "not here", why
    environment = {name: value for name, value in os.environ.items() if name not in GIVEN}
    environment |= setting.variables | {"NUMBA_CACHE_DIR": cache, "PYTHONPATH": str(ROOT)}
    command = [
        str(interpreter(setting.python)), "-m", "pytest", "-q", "-p", "no:cacheprovider", "--durations=0",
        "--durations-min=60", *(["-n", str(workers), "--dist", "loadfile"] if workers > 1 else []),
        *(f"tests/unit/{test}" for test in tests),
    ]  # fmt: skip
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=TIMEOUT
        )
    except subprocess.TimeoutExpired:
        return "failed", f"not done after {TIMEOUT:.0f} s"
    last = done.stdout.strip().rpartition("\n")[2]
    if done.returncode:
        print(done.stdout[-8000:], done.stderr[-2000:], sep="\n", flush=True)
        return "failed", last
    return "passed", last


def main() -> int:
    """The table; 1 where a setting failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="two settings, and few tests")
    parser.add_argument("--few", action="store_true", help="every setting, on few tests")
    parser.add_argument("--only", default="", metavar="WORD", help="settings whose name holds it, whatever its case")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="of pytest; 2 by default")
    options = parser.parse_args()
    chosen = [one for one in SETTINGS if (one.short or not options.short) and options.only.lower() in one.name.lower()]
    if not chosen:
        print(f"no setting's name holds {options.only!r}; there are: {', '.join(one.name for one in SETTINGS)}")
        return 2
    rows, began = [], time.perf_counter()
    with tempfile.TemporaryDirectory() as cache:
        for setting in chosen:
            result, said = run(setting, FEW if options.short or options.few else setting.tests, options.workers, cache)
            rows.append((setting.name, result, said.strip("= ")))
            print(f"[{time.perf_counter() - began:.0f} s] {setting.name}: {result}", flush=True)
    width = max(len(name) for name, *_ in rows)
    print(f"\n{'setting':{width}}  result    tests")
    for name, result, said in rows:
        print(f"{name:{width}}  {result:8}  {said}")
    return int(any(result == "failed" for _, result, _ in rows))


if __name__ == "__main__":
    sys.exit(main())
