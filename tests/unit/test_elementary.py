"""The elementary functions: their errors, their special values, and the loops LLVM makes of them."""

import math
import platform
import re
import struct
from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf
from numba import njit
from numba.extending import overload

from optim_core.engine import elementary
from scripts import coefficients

INF, NAN = math.inf, math.nan
SMALLEST, MIN_NORMAL, MAX = 5e-324, 2.0**-1022, 1.7976931348623157e308
UNARY = ("exp", "log", "sin", "cos", "tanh")
FASTMATH: dict[str, Any] = {"exact": False, "contract": {"contract"}}


def compiled(function: Callable, arguments: int, **options: Any) -> Callable:
    """The function over arrays, compiled as the kernels are: inlined into a loop."""

    @njit(error_model="numpy", **options)
    def unary(x, out):
        for i in range(x.size):
            out[i] = function(x[i])

    @njit(error_model="numpy", **options)
    def binary(x, y, out):
        for i in range(x.size):
            out[i] = function(x[i], y[i])

    return unary if arguments == 1 else binary


LOOPS = {
    (name, mode): compiled(getattr(elementary, name), 2 if name == "power" else 1, fastmath=fastmath)
    for name in (*UNARY, "power")
    for mode, fastmath in FASTMATH.items()
}


def run(name: str, *arguments: Any, mode: str = "contract") -> np.ndarray:
    arrays = [np.atleast_1d(np.asarray(values, dtype=np.float64)) for values in arguments]
    out = np.empty_like(arrays[0])
    LOOPS[name, mode](*arrays, out)
    return out


def bits(value: float) -> bytes:
    """Equal for equal values only, zeros of either sign told apart; NaN are all alike."""
    return struct.pack("d", NAN if math.isnan(value) else value)


def error_in_ulp(computed: float, exact: Any) -> float:
    """|computed - exact| over the spacing of float64 at the exact value, 2**-1074 among subnormal values.

    An overflow counts as 2**1024, on both sides.
    """
    limit = mpf(2) ** 1024
    result = limit if computed == INF else mpf(computed)
    exact = min(exact, limit)
    exponent = mp.frexp(exact)[1] - 53 if exact else -1074  # frexp: exact = m 2**e, 1/2 <= |m| < 1
    return float(abs(result - exact) / mpf(2) ** max(exponent, -1074))


def largest_error(name: str, computed: np.ndarray, *arguments: np.ndarray) -> tuple[float, tuple[float, ...]]:
    function = getattr(mp, name)
    columns = [values.tolist() for values in arguments]
    with mp.workprec(180):
        errors = [
            error_in_ulp(value, function(*map(mpf, point)))
            for value, point in zip(computed.tolist(), zip(*columns, strict=True), strict=True)
        ]
    worst = int(np.argmax(errors))
    return errors[worst], tuple(float(values[worst]) for values in arguments)


# ---------------------------------------------------------------- accuracy


def log_uniform(rng: np.random.Generator, low: float, high: float, size: int) -> np.ndarray:
    return 10.0 ** rng.uniform(low, high, size)


def both_signs(x: np.ndarray) -> np.ndarray:
    return np.concatenate((x, -x))


def neighbours(centres: np.ndarray) -> np.ndarray:
    """The float64 nearest to each centre, the next ones on either side, and points not far."""
    near = np.concatenate((centres, np.nextafter(centres, INF), np.nextafter(centres, -INF)))
    return np.concatenate((near, centres * (1 + 1e-9), centres + 1e-4, centres - 1e-2))


def points(name: str) -> np.ndarray:
    rng = np.random.default_rng(20)
    subnormal = np.concatenate(
        (
            SMALLEST * rng.integers(1, 1 << 52, 200).astype(float),
            [SMALLEST, 3 * SMALLEST, MIN_NORMAL, np.nextafter(MIN_NORMAL, 0)],
        )
    )
    tiny = both_signs(np.concatenate((subnormal, log_uniform(rng, -307, -1, 400))))
    if name == "exp":
        halves = neighbours((np.arange(-1075, 1025, 8) + 0.5) * math.log(2.0))
        edges = np.concatenate((rng.uniform(709.0, 709.9, 200), rng.uniform(-746.0, -708.0, 800)))
        return np.concatenate((np.linspace(-3, 3, 1001), rng.uniform(-708, 709, 1000), halves, edges, tiny))
    if name == "log":
        near_one = 1.0 + both_signs(log_uniform(rng, -15.9, -0.5, 500))
        ends = np.concatenate([neighbours(2.0 ** np.arange(-1021.5, 1023, 37)), rng.uniform(0.5, 2.0, 1500)])
        everywhere = log_uniform(rng, -307, 308, 1000)
        grid = np.linspace(0.01, 3, 1001)
        return np.concatenate((grid, near_one, ends[ends > 0], everywhere, subnormal, [MAX]))
    if name == "tanh":
        around = np.concatenate((rng.uniform(0.6, 0.65, 500), [0.625, np.nextafter(0.625, 0)]))
        x = np.concatenate((np.linspace(0.001, 25, 1001), around, rng.uniform(0, 1, 1000), [1e5, MAX]))
        return np.concatenate((both_signs(x), tiny))
    low, high = elementary.RANGES[name]
    multiples = np.concatenate((np.arange(1, 200), rng.integers(200, int(high / 1.6), 300)))
    spread = np.concatenate([rng.uniform(*ends, 700) for ends in ((low, high), (-1e3, 1e3), (0.4, 0.6))])
    hard = np.array([low, high, 1e7, -1e7, 6381956970095103.0 * 2.0**-30])
    grid = np.linspace(-7, 7, 1001)
    return np.concatenate((grid, neighbours(multiples * (math.pi / 2)), spread, hard, tiny))


@pytest.mark.parametrize("name", UNARY)
def test_unary_functions_are_within_two_ulp(name: str) -> None:
    x = points(name)
    low, high = elementary.RANGES[name]
    assert low <= x.min()
    assert x.max() <= high
    computed = run(name, x)
    error, where = largest_error(name, computed, x)
    assert error <= elementary.MAX_ULP, where
    assert np.array_equal(computed, run(name, x, mode="exact")), "contraction must change nothing"


def power_points() -> tuple[np.ndarray, np.ndarray]:
    """Bases over the whole range and exponents that lead to results over the whole normal range."""
    rng = np.random.default_rng(21)
    bases = np.concatenate(
        (
            log_uniform(rng, -300, 300, 800),
            1.0 + both_signs(log_uniform(rng, -15, -1, 400)),
            rng.uniform(0.5, 2.0, 500),
            rng.uniform(1.40, 1.4143, 500) * 2.0 ** rng.integers(-3, 4, 500),
            SMALLEST * rng.integers(1, 1 << 52, 100).astype(float),
        )
    )
    logarithms = rng.uniform(-708.3, 709.7, bases.size)
    x, y = [bases, rng.uniform(0.1, 100, 500)], [logarithms / np.log(bases), rng.integers(-9, 10, 500)]
    return np.concatenate(x), np.concatenate(y)


def test_power_is_within_two_ulp() -> None:
    x, y = power_points()
    computed = run("power", x, y)
    error, where = largest_error("power", computed, x, y)
    assert error <= elementary.MAX_ULP, where
    assert np.array_equal(computed, run("power", x, y, mode="exact")), "contraction must change nothing"


def test_power_near_overflow_and_with_subnormal_results() -> None:
    rng = np.random.default_rng(22)
    x = log_uniform(rng, -3, 3, 600)
    y = np.concatenate((rng.uniform(709.0, 710.5, 200), rng.uniform(-747.0, -708.0, 400))) / np.log(x)
    error, where = largest_error("power", run("power", x, y), x, y)
    assert error <= elementary.MAX_ULP, where


def test_power_is_exact_where_the_result_is_a_float64() -> None:
    cases = [(base, n) for n in range(-30, 31) for base in (1.0, 2.0, 0.5, 1024.0)]
    for n in range(1, 34):
        largest = int(2.0 ** (53 / n))
        for odd in {3, 5, 7, largest // 2, largest - 1, largest}:
            if odd > 1 and odd**n <= 2**53:
                cases += [(odd * 2.0**shift, n) for shift in (0, -3, 900 // n - 53 // n, -900 // n)]
    x, y = (np.array(column, dtype=float) for column in zip(*cases, strict=True))
    exact = [float(mpf(base) ** n) for base, n in cases]
    assert run("power", x, y).tolist() == exact
    roots = np.arange(1.0, 3000.0)
    assert np.array_equal(run("power", roots**2, np.full_like(roots, 0.5)), roots)
    assert np.array_equal(run("power", x, np.ones_like(x)), x)


# ---------------------------------------------------------------- special values

SPECIAL: dict[str, list[tuple[float, float]]] = {
    "exp": [(0.0, 1.0), (-0.0, 1.0), (INF, INF), (-INF, 0.0), (NAN, NAN), (MAX, INF), (-MAX, 0.0),
            (MIN_NORMAL, 1.0), (SMALLEST, 1.0), (-SMALLEST, 1.0), (709.782712893384, 1.797693134862273e308),
            (709.782712893385, INF), (-745.1332191019411, SMALLEST), (-745.1332191019412, 0.0)],
    "log": [(0.0, -INF), (-0.0, -INF), (1.0, 0.0), (INF, INF), (-INF, NAN), (NAN, NAN), (-1.0, NAN),
            (-SMALLEST, NAN), (MAX, 709.782712893384), (MIN_NORMAL, -708.3964185322641),
            (SMALLEST, -744.4400719213812)],
    "sin": [(0.0, 0.0), (-0.0, -0.0), (INF, NAN), (-INF, NAN), (NAN, NAN), (SMALLEST, SMALLEST),
            (-SMALLEST, -SMALLEST), (MIN_NORMAL, MIN_NORMAL), (math.pi / 2, 1.0), (-math.pi / 2, -1.0)],
    "cos": [(0.0, 1.0), (-0.0, 1.0), (INF, NAN), (-INF, NAN), (NAN, NAN), (SMALLEST, 1.0), (MIN_NORMAL, 1.0),
            (math.pi, -1.0), (2 * math.pi, 1.0)],
    "tanh": [(0.0, 0.0), (-0.0, -0.0), (INF, 1.0), (-INF, -1.0), (NAN, NAN), (MAX, 1.0), (-MAX, -1.0),
             (SMALLEST, SMALLEST), (-SMALLEST, -SMALLEST), (MIN_NORMAL, MIN_NORMAL)],
}  # fmt: skip


@pytest.mark.parametrize("mode", FASTMATH)
@pytest.mark.parametrize(("name", "x", "expected"), [(f, *pair) for f in SPECIAL for pair in SPECIAL[f]])
def test_special_values(name: str, x: float, expected: float, mode: str) -> None:
    (computed,) = run(name, x, mode=mode)
    if name in ("exp", "log") and math.isfinite(expected) and expected not in (0.0, 1.0):
        assert abs(computed - expected) <= 2 * math.ulp(expected)
    else:
        assert bits(computed) == bits(expected)


@pytest.mark.parametrize("mode", FASTMATH)
@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        *((x, y, 1.0) for x in (0.0, -0.0, 1.0, 2.5, SMALLEST, MAX, INF, NAN) for y in (0.0, -0.0)),
        *((1.0, y, 1.0) for y in (1.0, -3.5, MAX, -MAX, SMALLEST, INF, -INF, NAN)),
        *((x, y, 0.0) for x in (0.0, -0.0) for y in (SMALLEST, 0.5, 1.0, 3.0, MAX, INF)),
        *((x, y, INF) for x in (0.0, -0.0) for y in (-SMALLEST, -0.5, -1.0, -3.0, -MAX, -INF)),
        *((INF, y, INF) for y in (SMALLEST, 1.0, MAX, INF)),
        *((INF, y, 0.0) for y in (-SMALLEST, -1.0, -MAX, -INF)),
        *((x, INF, 0.0) for x in (SMALLEST, 0.5, math.nextafter(1.0, 0.0))),
        *((x, -INF, INF) for x in (SMALLEST, 0.5, math.nextafter(1.0, 0.0))),
        *((x, INF, INF) for x in (math.nextafter(1.0, 2.0), 2.0, MAX)),
        *((x, -INF, 0.0) for x in (math.nextafter(1.0, 2.0), 2.0, MAX)),
        *((x, y, NAN) for x in (-SMALLEST, -1.0, -MAX, -INF) for y in (0.0, 1.0, 2.0, 0.5, -1.0, INF, NAN)),
        *((NAN, y, NAN) for y in (SMALLEST, 1.0, -2.0, MAX, INF, -INF, NAN)),
        *((x, NAN, NAN) for x in (0.0, SMALLEST, 0.5, MAX, INF)),
        *((MAX, y, r) for y, r in ((1.0, MAX), (2.0, INF), (-2.0, 0.0), (MAX, INF), (-MAX, 0.0))),
        *((SMALLEST, y, r) for y, r in ((1.0, SMALLEST), (2.0, 0.0), (-1.0, INF), (-MAX, INF))),
        (MAX, SMALLEST, 1.0),
        (SMALLEST, SMALLEST, 1.0),
        (2.0, -1074.0, SMALLEST),
        (2.0, 1023.0, 2.0**1023),
        (2.0, 1024.0, INF),
    ],
)
def test_special_values_of_power(x: float, y: float, expected: float, mode: str) -> None:
    (computed,) = run("power", x, y, mode=mode)
    assert bits(computed) == bits(expected)


@pytest.mark.parametrize("payload", [0x7FF8000000000001, 0x7FF80000000007A2, 0x7FFFFFFFFFFFFFFF, -1])
@pytest.mark.parametrize("name", UNARY)
def test_any_nan_stays_nan(name: str, payload: int) -> None:
    x = np.array([payload], dtype=np.int64).view(np.float64)
    assert np.isnan(run(name, x)).all()
    assert np.isnan(run("power", x, [2.0])).all()
    assert np.isnan(run("power", [2.0], x)).all()


# ---------------------------------------------------------------- properties


@settings(deadline=None)  # the first call compiles
@given(st.floats(*elementary.RANGES["sin"]))
def test_sine_is_odd_and_cosine_even(x: float) -> None:
    sines, cosines = run("sin", [x, -x]), run("cos", [x, -x])
    assert bits(sines[0]) == bits(-sines[1])
    assert bits(cosines[0]) == bits(cosines[1])


@settings(deadline=None)  # the first call compiles
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_sine_and_cosine_are_bounded_everywhere(x: float) -> None:
    assert abs(run("sin", x)[0]) <= 1.0
    assert abs(run("cos", x)[0]) <= 1.0


@settings(deadline=None)  # the first call compiles
@given(st.floats(allow_nan=False))
def test_tanh_is_bounded_and_odd(x: float) -> None:
    positive, negative = run("tanh", [x, -x])
    assert bits(positive) == bits(-negative)
    assert abs(positive) <= 1.0


def test_sine_does_not_exceed_one_near_its_maximum() -> None:
    x = math.pi / 2 + np.arange(-200_000, 200_000) * 2.0**-52
    assert run("sin", x).max() == 1.0


# ---------------------------------------------------------------- as Numba uses them


def test_integers_are_taken_as_floats() -> None:
    @njit(error_model="numpy")
    def values(n):
        return (
            elementary.exp(n),
            elementary.log(n),
            elementary.sin(n),
            elementary.cos(n),
            elementary.tanh(n),
            elementary.power(n, n),
        )

    assert values(3) == values(3.0)


def test_as_implementations_of_an_overload() -> None:
    def verb(x, y):
        raise NotImplementedError

    @overload(verb, inline="always", jit_options={"error_model": "numpy", "fastmath": {"contract"}})
    def _verb(x, y):
        return lambda x, y: elementary.power(x, y)

    x, y = power_points()
    out = np.empty_like(x)
    compiled(verb, 2)(x, y, out)
    assert np.array_equal(out, run("power", x, y))


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="looks for x86 instructions")
@pytest.mark.skipif(not llvm.get_host_cpu_features().get("fma", False), reason="no fused multiply-add here")
@pytest.mark.parametrize(("name", "mode"), LOOPS)
def test_a_loop_over_a_block_is_vectorised(name: str, mode: str) -> None:
    function = getattr(elementary, name)

    @njit(error_model="numpy", fastmath=FASTMATH[mode])
    def unary(x, out):
        for i in range(64):
            out[i] = function(x[i])

    @njit(error_model="numpy", fastmath=FASTMATH[mode])
    def binary(x, y, out):
        for i in range(64):
            out[i] = function(x[i], y[i])

    block = binary if name == "power" else unary
    block(*np.ones((3 if name == "power" else 2, 64)))
    (ir,) = block.inspect_llvm().values()
    (assembly,) = block.inspect_asm().values()
    kernel = ir[ir.index("define") : ir.index("\n}\n")]
    called = set(re.findall(r"call [^@\n]*@([\w.]+)", kernel))
    assert not {target for target in called if not target.startswith(("llvm.", "NRT_"))}
    assert re.search(r"llvm\.fma\.v[248]f64", kernel)
    assert re.search(r"vfn?m(add|sub)\d+pd\s", assembly)


# ---------------------------------------------------------------- coefficients


@pytest.mark.parametrize("name", ["EXP", "SIN", "ATANH"])
def test_the_polynomials_are_those_of_the_script(name: str) -> None:
    assert getattr(elementary, name) == coefficients.coefficients(name)


def test_the_convergent_of_tanh_is_that_of_the_script() -> None:
    assert coefficients.lambert(8) == (elementary.TANH_N, elementary.TANH_D)


def test_constants_in_parts() -> None:
    def parts(exact: Any, count: int) -> list[float]:
        found = []
        for _ in range(count):
            found.append(float(exact))
            exact -= mpf(found[-1])
        return found

    with mp.workprec(300):
        first, second = parts(mp.pi + 0, 2)
        assert first == elementary.PI_1
        assert math.nextafter(second, 0.0) == elementary.PI_2
        assert float(mp.pi - mpf(elementary.PI_1) - mpf(elementary.PI_2)) == elementary.PI_3
        assert parts(mp.log(2), 2) == [elementary.LN2_1, elementary.LN2_2]
        assert parts(mpf(1) / 12, 2) == [elementary.TWELFTH_1, elementary.TWELFTH_2]
        assert [float(1 / mp.pi), float(1 / mp.log(2))] == [elementary.INV_PI, elementary.LOG2_E]
