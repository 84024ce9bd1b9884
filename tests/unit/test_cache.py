"""The on-disk cache: a second process compiles nothing, and never gets another surface's code."""

import dataclasses
import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from numba.core import config

from optim_core import RULES
from optim_core.engine import blocks, driver, machine_code
from optim_core.options import DIFFERENCES
from surfaces import SURFACES
from surfaces.data.sets import DATA_SETS
from tests.few_surfaces import FEW

ROOT = Path(__file__).parents[2]

COUNT = """
import json, sys
from optim_core import RULES, trace
from optim_core.engine import blocks, driver
from surfaces import SURFACES
ends = {}
for rule, surface, difference in json.loads(sys.argv[1]):
    ends[f"{rule} {surface} {difference}"] = trace(
        RULES[rule], SURFACES[surface], (1.5, -0.5), 30, difference=difference).path[-1].tolist()
kernels = [k for value in blocks._compiled.values() for k in (value if isinstance(value, tuple) else (value,)) if k]
drivers = [driver.drive, blocks._evaluate]
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
    """The name of the file that holds a kernel's code."""
    return kernel._cache.file_name(kernel._sig, kernel._targetdescr.target_context.codegen())


def test_no_two_kernels_share_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes that share one might leave one kernel's code under the other's name."""
    paths = []
    for surface in map(SURFACES.__getitem__, FEW):
        kernels = [blocks.value_block(surface), *(blocks.gradient_block(surface, d) for d in DIFFERENCES)]
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


def test_data_of_one_kind_do_not_drive_each_others_code_out() -> None:
    """What is compiled anew replaces the code of the same name and other sources."""
    names = [SURFACES[f"data:{name}"].name for name in DATA_SETS]
    assert len(set(names)) == len(names) > 1


EDITED = """
import sys, types
from pathlib import Path
from typing import Any
import surfaces.core.surface as s
from optim_core import RULES, trace
from optim_core.engine import blocks, driver
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
    names = {path.name.split("-")[0] for path in (tmp_path / "cache").rglob("*edited*.nbc")}
    assert len(names) == 2  # the value and the gradient of the last one


# ---------------------------------------------------------------- what the code is made from

JITTED = """
import gc, importlib, json, pkgutil, sys
import optim_core, surfaces, training, views
for package in (optim_core, surfaces, training, views):
    for entry in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not entry.name.endswith("__main__"):
            importlib.import_module(entry.name)
from numba.core.caching import NullCache
from numba.core.dispatcher import Dispatcher
own = [d for d in gc.get_objects() if isinstance(d, Dispatcher)
       and d.py_func.__module__.partition(".")[0] in ("optim_core", "surfaces", "training", "views")]
print(json.dumps({f"{d.py_func.__module__}.{d.py_func.__name__}": type(d._cache).__module__
                  for d in own if not isinstance(d._cache, NullCache)}))
"""


def python(code: str, *arguments: str, root: Path = ROOT, **environment: str) -> str:
    """What a process prints that runs the code on the packages in root; warnings are errors."""
    command = [sys.executable, "-W", "error", "-c", code, *arguments]
    around = {**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1", **environment}
    done = subprocess.run(command, env=around, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_jitted_function_that_is_kept_is_kept_under_all_its_sources() -> None:
    """Numba's own cache, which knows a function's own file alone, holds none."""
    kept = json.loads(python("import warnings; warnings.simplefilter('ignore')" + JITTED))
    assert set(kept.values()) == {"optim_core.engine.machine_code"}
    assert {
        "optim_core.engine.driver.drive",
        "optim_core.studies.minibatch._walk",
        "surfaces.data.loss._logistic_values",
    } <= set(kept)
    for path in (
        p for package in ("optim_core", "surfaces", "training", "views") for p in (ROOT / package).rglob("*.py")
    ):
        assert "cache=True" not in path.read_text(), path


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The two packages, to be edited."""
    for package in ("optim_core", "surfaces"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) >= 1
    path.write_text(text.replace(old, new))


CLIPPED = """
from optim_core import RULES, trace
from surfaces import SURFACES
around = {"clip": "norm", "clip_at": 1.0}
print(float(trace(RULES["gradient_descent"], SURFACES["rosenbrock"], (-1.2, 1.0), 3, hyper={"lr": 0.1},
                  around=around).path[-1, 0]))
"""


def test_an_edited_constant_reaches_the_driver(copy: Path) -> None:
    """A warm cache gives what an empty one gives, and what arithmetic on plain floats gives."""

    def clipped(eps: float) -> float:
        x, y = -1.2, 1.0
        for _ in range(3):
            g, h = -400 * x * (y - x * x) - 2 * (1 - x), 200 * (y - x * x)
            shrink = min(1.0, 1 / ((g * g + h * h) ** 0.5 + eps))
            x, y = x - 0.1 * g * shrink, y - 0.1 * h * shrink
        return x

    warm = str(copy / "warm")
    before = float(python(CLIPPED, root=copy, NUMBA_CACHE_DIR=warm))
    edit(copy / "optim_core" / "around.py", "NORM_EPS = 1e-6", "NORM_EPS = 5.0")
    after = float(python(CLIPPED, root=copy, NUMBA_CACHE_DIR=warm))
    assert before == pytest.approx(clipped(1e-6), abs=1e-6)
    assert after == pytest.approx(clipped(5.0), abs=1e-6)
    assert abs(after - before) > 1e-2


MARKS = """
import json
from optim_core import RULES, rule
from surfaces.data import loss as data_loss
from optim_core.engine import blocks, driver
from optim_core.engine import machine_code
from optim_core.studies import minibatch
from surfaces import SURFACES
kept = {}
machine_code.callback = blocks.callback = (
    lambda signature, function, name, mark, *rest, **more: kept.update({name: mark}))
for name in ("adam", "lookahead", "momentum"):
    blocks._compile_rule(RULES[name])
for name in ("ackley", "rosenbrock", "data:breast_cancer"):
    blocks._compile_value(SURFACES[name]), blocks._compile_gradient(SURFACES[name], "exact")
for function in (driver.drive, blocks._evaluate, minibatch._walk, data_loss._logistic_values):
    kept[function.__name__] = function.__qualname__
print(json.dumps(kept))
"""


EDIT = ("\nNAME = ", "\n# edited\nNAME = ")


@pytest.mark.parametrize(
    ("file", "old", "new", "changed", "same"),
    [
        ("around.py", "NORM_EPS = 1e-6", "NORM_EPS = 5.0", {"drive"}, {"update_adam", "_evaluate", "_logistic_values"}),
        ("engine/elementary.py", "MAX_ULP = 2.0", "MAX_ULP = 3.0",
         {"drive", "_evaluate", "_walk", "_logistic_values", "value_ackley", "update_adam"}, set()),
        ("xp.py", "Hyperbolic tangent", "The hyperbolic tangent", {"drive", "value_ackley", "update_adam"}, set()),
        ("engine/lanes.py", "LANES = 64", "LANES = 32", {"drive", "_walk", "value_ackley", "update_adam"}, set()),
        ("rules/adam.py", *EDIT, {"update_adam", "init_adam", "update_lookahead"}, {"update_momentum", "drive"}),
        ("rules/momentum.py", *EDIT, {"update_momentum"}, {"update_adam", "drive"}),
        ("../surfaces/ackley.py", *EDIT, {"value_ackley", "gradient_exact_ackley"}, {"value_rosenbrock"}),
    ],
)  # fmt: skip
def test_all_that_is_inlined_is_part_of_the_key(
    copy: Path, file: str, old: str, new: str, changed: set[str], same: set[str]
) -> None:
    before = json.loads(python(MARKS, root=copy))
    edit(copy / "optim_core" / file, old, new)
    after = json.loads(python(MARKS, root=copy))
    differing = {name for name in before if before[name] != after[name]}
    assert before.keys() == after.keys()
    assert changed <= differing
    assert not same & differing


def test_a_helper_of_a_rule_of_ones_own_is_part_of_the_key(copy: Path) -> None:
    """A rule that takes a function, or a constant, of a file beside it."""
    (copy / "optim_core" / "helper.py").write_text(
        "from numba.extending import register_jitable\n\nSCALE = 2.0\n\n\n@register_jitable\n"
        "def half(g):\n    return g * 0.5\n"
    )
    rule = copy / "optim_core" / "rules" / "gradient_descent.py"
    edit(rule, "from optim_core.rule import", "from optim_core.helper import SCALE, half\nfrom optim_core.rule import")
    edit(rule, "h.lr * g", "h.lr * half(g) * SCALE")
    code = (
        "from optim_core import RULES, trace; from surfaces import SURFACES; "
        "print(float(trace(RULES['gradient_descent'], SURFACES['sphere'], (1.0, 0.0), 1, "
        "hyper={'lr': 0.1}, difference='exact').path[1, 0]))"
    )
    warm = str(copy / "warm")
    assert float(python(code, root=copy, NUMBA_CACHE_DIR=warm)) == pytest.approx(0.8)
    edit(copy / "optim_core" / "helper.py", "SCALE = 2.0", "SCALE = 4.0")
    assert float(python(code, root=copy, NUMBA_CACHE_DIR=warm)) == pytest.approx(0.6)
    edit(copy / "optim_core" / "helper.py", "g * 0.5", "g * 0.25")
    assert float(python(code, root=copy, NUMBA_CACHE_DIR=warm)) == pytest.approx(0.8)


KEY = """
from optim_core.engine import driver, machine_code
print(machine_code.machine(driver.drive.targetctx.codegen()))
"""


@pytest.mark.parametrize(
    "flag",
    ["NUMBA_OPT=1", "NUMBA_CPU_NAME=generic", "NUMBA_CPU_FEATURES=+sse2", "NUMBA_LOOP_VECTORIZE=0",
     "NUMBA_SLP_VECTORIZE=1", "NUMBA_BOUNDSCHECK=1", "NUMBA_ENABLE_AVX=0", "NUMBA_DEBUGINFO=1",
     "NUMBA_LLVM_REFPRUNE_PASS=0"],
)  # fmt: skip
def test_flags_that_change_code_are_part_of_the_key(flag: str) -> None:
    name, value = flag.split("=")
    unset = {key: value for key, value in os.environ.items() if not key.startswith("NUMBA_")}
    keys = [
        subprocess.run([sys.executable, "-c", KEY], env={**unset, "PYTHONPATH": str(ROOT), **more}, cwd=ROOT,
                       capture_output=True, text=True, check=True).stdout
        for more in ({}, {"NUMBA_NUM_THREADS": "1", "NUMBA_CACHE_DIR": "/nowhere"}, {name: value})
    ]  # fmt: skip
    assert keys[0] == keys[1]  # what changes no code is none
    assert keys[0] != keys[2]


def test_versions_are_part_of_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    codegen = driver.drive.targetctx.codegen()
    seen = [machine_code.machine(codegen)]
    for module in (machine_code.numba, machine_code.llvmlite, machine_code.np):
        monkeypatch.setattr(module, "__version__", "0.0")
        seen.append(machine_code.machine(codegen))
    assert len(set(map(repr, seen))) == 4


# ---------------------------------------------------------------- what is damaged, and where nothing can be written


def tiny() -> Any:
    """A small compiled function, loaded from the cache where it is there; fresh at each call."""

    def line(x):
        return 2.0 * x + 1.0

    line.__module__ = __name__
    return machine_code.compiled(nogil=True)(line)


def used(function: Any) -> tuple[float, int]:
    """What it returns for 3, and how often it was found in the cache."""
    return function(3.0), sum(function.stats.cache_hits.values())


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The cache's folder, and the user's, which stands in for it."""
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    return tmp_path / "cache", tmp_path / "user"


def only(folder: Path) -> Path:
    """The one file in a folder."""
    (path,) = (path for path in folder.rglob("*") if path.is_file())
    return path


def test_a_cut_or_changed_file_is_never_loaded(places: tuple[Path, Path]) -> None:
    function = tiny()
    assert used(function) == (7.0, 0)
    path = only(places[0])
    good = path.read_bytes()
    assert used(tiny()) == (7.0, 1)
    (signature,) = function.signatures

    def load() -> Any:
        return function._cache.load_overload(signature, function.targetctx)

    for at in (*range(64), *range(64, len(good), 97), len(good) - 1):
        changed = bytearray(good)
        changed[at] ^= 0x55
        for damaged in (good[:at], bytes(changed), good[:at] + b"\0" * (len(good) - at)):
            if damaged != good:
                path.write_bytes(damaged)
                assert load() is None
                assert not path.exists()
    for damaged in (b"", b"\0" * 4096, good + b"\0", good + good, b"not a file of ours"):
        path.write_bytes(damaged)
        assert load() is None
    # a checksum that is right, over what is none of ours
    path.write_bytes(hashlib.sha256(b"rubbish").digest() + b"rubbish")
    assert load() is None
    path.write_bytes(good)
    assert load() is not None


@pytest.mark.parametrize("damage", ["empty", "cut", "rubbish", "folder", "folder that is not empty", "link to nowhere"])
def test_a_damaged_file_is_compiled_anew(places: tuple[Path, Path], damage: str) -> None:
    used(tiny())
    path = only(places[0])
    good = path.read_bytes()
    path.unlink()
    if damage.startswith("folder"):
        path.mkdir()
        if damage != "folder":
            (path / "something").write_text("of somebody's")
    elif damage == "link to nowhere":
        path.symlink_to(path.parent / "nowhere")
    else:
        path.write_bytes({"empty": b"", "cut": good[: len(good) // 2], "rubbish": b"\x80\x05rubbish" * 100}[damage])
    assert used(tiny()) == (7.0, 0)
    if damage == "folder that is not empty":
        assert (path / "something").read_text() == "of somebody's"  # not ours to delete; it compiles in every process
    else:
        assert path.is_file()
        assert used(tiny()) == (7.0, 1)
    assert not list(places[0].rglob("*.tmp"))


def test_a_file_that_may_not_be_read_is_compiled_anew(
    places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    used(tiny())
    read = Path.read_bytes

    def refused(path: Path) -> bytes:
        if path.suffix == ".nbc":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refused)
    assert used(tiny()) == (7.0, 0)
    monkeypatch.undo()


@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EIO])
def test_where_nothing_can_be_written_it_works_without(
    places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, fault: int
) -> None:
    write = Path.write_bytes

    def refused(path: Path, data: bytes) -> int:
        write(path, data[: len(data) // 2])
        raise OSError(fault, os.strerror(fault), str(path))

    monkeypatch.setattr(Path, "write_bytes", refused)
    assert used(tiny()) == (7.0, 0)
    assert not [path for path in places[0].rglob("*") if path.is_file()]
    assert used(tiny()) == (7.0, 0)


def test_a_folder_that_cannot_be_written_is_read_and_the_users_takes_its_place(
    places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    used(tiny())
    monkeypatch.setattr(machine_code, "_writable", lambda folder: places[0] not in folder.parents)
    assert used(tiny()) == (7.0, 1)  # as an image has it, whose code is read-only
    only(places[0]).unlink()
    write = Path.write_bytes

    def refused(path: Path, data: bytes) -> int:
        if places[0] in path.parents:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", refused)
    assert used(tiny()) == (7.0, 0)
    assert only(places[1])
    assert used(tiny()) == (7.0, 1)


TINY = """
import sys
from optim_core.engine import machine_code
def line(x):
    return 2.0 * x + 1.0
print(machine_code.compiled()(line)(float(sys.argv[1])))
"""


@pytest.mark.parametrize("folder", ["a file", "/proc/nowhere", "a file/below"])
def test_a_process_runs_where_no_folder_can_be_written(tmp_path: Path, folder: str) -> None:
    (tmp_path / "a file").write_text("")
    where = str(tmp_path / folder)
    code = "import __main__; __main__.__file__ = 'x'" + TINY
    out = python(code, "3", NUMBA_CACHE_DIR=where, XDG_CACHE_HOME=where, HOME="/proc/nowhere")
    assert float(out) == 7.0


def test_the_cache_is_sound_after_several_processes_have_mended_it_at_once(places: tuple[Path, Path]) -> None:
    used(tiny())
    path = only(places[0])
    good = path.read_bytes()
    path.write_bytes(good[:-100])
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(places[0]), "PYTHONPATH": str(ROOT)}
    code = "from tests.unit.test_cache import tiny, used; print(used(tiny())[0])"
    started = [
        subprocess.Popen([sys.executable, "-c", code], env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert [process.communicate()[0].strip() for process in started] == ["7.0"] * 3
    assert only(places[0]) == path
    assert used(tiny()) == (7.0, 1)
