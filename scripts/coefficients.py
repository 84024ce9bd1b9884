"""Print the coefficients of `optim_core.engine.elementary`, as they stand in that module.

Each polynomial there replaces a power series on a short interval. The Remez exchange, in 40-digit arithmetic,
finds the polynomial whose weighted error has the smallest maximum; float64 then hold its coefficients. The
coefficients of tanh are the integers of Lambert's continued fraction.
"""

from collections.abc import Callable
from fractions import Fraction
from math import factorial
from typing import Any, NamedTuple

from mpmath import mp, mpf, polyval

Function = Callable[[Any], Any]

DIGITS = 40  # decimal digits of the arithmetic
TERMS = 32  # terms kept of each power series; the rest is below 1e-30 on the intervals used here
GRID = 24  # points per node at which the exchange looks for the extrema of the error


class Fit(NamedTuple):
    """A polynomial of `count` coefficients that stands for `target` from `low` to `high`.

    Its error, multiplied by `weight`, is the error it causes in the function evaluated.
    """

    target: Function
    weight: Function
    low: Any
    high: Any
    count: int


def series(term: Callable[[int], Fraction]) -> Function:
    """The power series with the coefficients term(0), term(1), ..."""
    descending = [mpf(term(n).numerator) / term(n).denominator for n in reversed(range(TERMS))]
    return lambda x: polyval(descending, x)


def fits() -> dict[str, Fit]:
    """The polynomials of `optim_core.engine.elementary` under the names they have there."""
    half_step = mp.log(2) / 2
    # sin(r) = r + r (C s + s² SIN(s)), s = r², C = -1/6 as rounded: SIN absorbs the rounding error of C.
    sine = series(lambda n: Fraction((-1) ** n, factorial(2 * n + 5)))
    sixth = mpf(-1) / 6 - mpf(-1 / 6)
    # log(m) = t + t (z/12 + z² ATANH(z)), t = 2 (m - 1) / (m + 1), z = t²
    widest = (2 * (mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)) ** 2
    atanh = series(lambda n: Fraction(1, (2 * n + 5) * 4 ** (n + 2)))
    return {
        # exp(r) = 1 + r + r² EXP(r)
        "EXP": Fit(
            series(lambda n: Fraction(1, factorial(n + 2))),
            lambda r: r**2 * mp.exp(-r),
            -half_step,
            half_step,
            10,
        ),
        "SIN": Fit(lambda s: sine(s) + sixth / s, lambda s: s**2, mpf(2) ** -10, mp.pi**2 / 4, 7),
        "ATANH": Fit(atanh, lambda z: z**2, mpf(0), widest, 8),
    }


def remez(fit: Fit) -> tuple[list[Any], Any]:
    """Minimax coefficients, constant term first, and the largest weighted error they leave."""
    size, width = fit.count + 1, fit.high - fit.low
    # The Chebyshev extrema, moved a little so that none falls where a weight vanishes.
    nodes = [fit.low + width * (1 - mp.cos(mp.pi * (i + mpf(1) / 8) / size)) / 2 for i in range(size)]
    grid = [fit.low + width * (1 - mp.cos(mp.pi * i / (GRID * size))) / 2 for i in range(GRID * size + 1)]
    weighed = [(x, fit.weight(x), fit.target(x)) for x in grid if fit.weight(x)]
    for _ in range(20):
        powers = [[fit.weight(x) * x**power for power in range(fit.count)] for x in nodes]
        system = mp.matrix([[*row, (-1) ** i] for i, row in enumerate(powers)])
        *coefficients, level = mp.lu_solve(system, mp.matrix([fit.weight(x) * fit.target(x) for x in nodes]))
        descending = coefficients[::-1]
        errors = [(x, weight * (target - polyval(descending, x))) for x, weight, target in weighed]
        largest = max(abs(error) for _, error in errors)
        if largest <= abs(level) * mpf("1.01"):
            return coefficients, largest
        nodes = _alternating_extrema(errors, size)
    raise ArithmeticError("the Remez exchange did not settle")


def _alternating_extrema(errors: list[tuple[Any, Any]], size: int) -> list[Any]:
    """Where each run of errors of one sign is largest; of more than `size` runs, small outer ones go."""
    runs: list[tuple[Any, Any]] = []
    for x, error in errors:
        if not runs or error * runs[-1][1] < 0:
            runs.append((x, error))
        elif abs(error) > abs(runs[-1][1]):
            runs[-1] = (x, error)
    while len(runs) > size:
        runs.pop(0 if abs(runs[0][1]) < abs(runs[-1][1]) else -1)
    return [x for x, _ in runs]


def coefficients(name: str) -> tuple[float, ...]:
    """The coefficients of one polynomial as float64, constant term first."""
    with mp.workdps(DIGITS):
        return tuple(float(value) for value in remez(fits()[name])[0])


def lambert(depth: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Numerator N and denominator D of tanh(x) = x + x z N(z) / D(z), z = x², constant terms first.

    This is x/(1 + z/(3 + z/(5 + ...))) cut after `depth` denominators.
    """
    # The convergents P/D of 1/(1 + z/(3 + ...)) follow P[n] = (2 n - 1) P[n - 1] + z P[n - 2], and so does D.
    width = depth // 2 + 1
    older, newer = ([0] * width, [1] + [0] * (width - 1)), ([1] + [0] * (width - 1),) * 2
    for n in range(2, depth + 1):
        older, newer = (
            newer,
            tuple(
                [(2 * n - 1) * a + b for a, b in zip(new, [0, *old[:-1]], strict=True)]
                for old, new in zip(older, newer, strict=True)
            ),
        )
    convergent, denominator = newer
    numerator = [p - d for p, d in zip(convergent, denominator, strict=True)][1:]
    return tuple(map(float, numerator)), tuple(map(float, denominator))


if __name__ == "__main__":
    for name in ("EXP", "SIN", "ATANH"):
        print(f"{name} = (")
        for value in coefficients(name):
            print(f"    {value!r},")
        print(")")
    for name, values in zip(("TANH_N", "TANH_D"), lambert(8), strict=True):
        print(f"{name} = {values}")
