"""Every block function of every surface and rule is a loop over packed float64, or the speed is gone."""

import platform
import re
from typing import Any

import pytest
from llvmlite.binding import get_host_cpu_features
from numba.core import config

from optim_core import RULES
from optim_core.engine import blocks
from optim_core.options import DIFFERENCES
from surfaces import SURFACES
from tests.few_surfaces import FEW

pytestmark = pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64"), reason="reads the names of x86 instructions"
)


@pytest.fixture(autouse=True)
def cold(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty cache: Numba shows no assembly of what it loads."""
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path))


def has_fma() -> bool:
    """Whether the processor that Numba compiles for, this one or the one it is told, multiplies and adds in one."""
    settings: Any = config  # its attributes are read from the environment
    name, features = settings.CPU_NAME, settings.CPU_FEATURES or ""
    if name is None and not features:
        return get_host_cpu_features().get("fma", False)
    return "-fma" not in features and ("+fma" in features or name not in (None, "generic", "x86-64", "x86-64-v2"))


def packed(kernel) -> int:
    """How many arithmetic instructions on packed float64 the kernel's machine code has."""
    assembly = kernel._library.get_asm_str()
    assert assembly
    if not has_fma() and re.search(r"\b(fma|floor)\b", assembly):
        pytest.skip("Numba is told to compile for a processor without FMA: fused products are calls there")
    return len(re.findall(r"\tv?(?:add|sub|mul|div|fn?m(?:add|sub)\w*)pd\t", assembly))


# All surfaces as they are run unless told otherwise; the other ways on a few, since each takes seconds to compile.
GRADIENTS = [(name, way) for name in SURFACES for way in DIFFERENCES if name in FEW or way == "central"]


@pytest.mark.parametrize(("name", "difference"), GRADIENTS)
def test_gradients(name: str, difference: str) -> None:
    assert packed(blocks._compile_gradient(SURFACES[name], difference)) >= 4


@pytest.mark.parametrize("name", SURFACES)
def test_values(name: str) -> None:
    assert packed(blocks._compile_value(SURFACES[name])) >= 4


@pytest.mark.parametrize("name", [name for name, rule in RULES.items() if rule.compiled])
def test_rules(name: str) -> None:
    _, update, look = blocks._compile_rule(RULES[name])
    assert packed(update) >= 2
    assert look is None or packed(look) >= 2
