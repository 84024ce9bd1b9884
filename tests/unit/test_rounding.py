"""What tolerances follow from: that it measures what rounding does, on this and on any processor."""

import numpy as np
import pytest

from optim_core import RULES, trace
from surfaces import SURFACES
from tests import rounding
from tests.rounding import EPS, LARGEST, MARGIN, SMALL, Noise, assert_alike, spread, walk


@pytest.mark.parametrize("name", [name for name, rule in RULES.items() if rule.kind != "recorded"])
def test_without_noise_a_walk_is_the_rules_path(name: str) -> None:
    """Of another engine, so that the two part by rounding themselves."""
    rule, options = RULES[name], {"hyper": RULES[name].checks[0].hyper, "difference": "exact"}
    run = trace(rule, SURFACES["rosenbrock"], (-1.2, 1.0), 40, **options)
    assert_alike(
        run.path,
        walk(rule, SURFACES["rosenbrock"], (-1.2, 1.0), 40, noise=Noise(0, 0.0), cut=run.steps, **options),
        lambda noise: walk(rule, SURFACES["rosenbrock"], (-1.2, 1.0), 40, noise=noise, cut=run.steps, **options),
    )


@pytest.mark.parametrize("steps", [10, 20, 30])
def test_errors_that_double_at_every_step_are_found_to_do_so(steps: int) -> None:
    """The logistic map at 4, whose exponent is ln 2 (S. Ulam & J. von Neumann, 1947)."""

    def compute(noise: Noise) -> list[float]:
        x, path = 0.3, []
        for _ in range(steps):
            x = float(noise(4 * x * (1 - x)))
            path.append(x)
        return path

    assert 0.1 < spread(compute) / (2.0**steps * EPS) < 100


def test_cancellation_is_found() -> None:
    """1 + x - 1 loses as many digits as x is small."""
    assert spread(lambda noise: noise(1 + 1e-6 / 3) - 1) == pytest.approx(3e6 * 8 * EPS, rel=1)


def test_whole_numbers_are_counts_and_stay() -> None:
    np.testing.assert_array_equal(Noise(0)([3.0, 0.0, -1.0, np.inf]), [3.0, 0.0, -1.0, np.inf])
    noisy = Noise(0)(np.array([0.1, 0.7]))
    assert (noisy != [0.1, 0.7]).all()
    np.testing.assert_allclose(noisy, [0.1, 0.7], rtol=9 * EPS)
    np.testing.assert_array_equal(Noise(0, 0.0)([0.1]), [0.1])


def test_what_differs_by_more_than_rounding_is_not_alike() -> None:
    steady = [0.3, 0.7]
    assert_alike(steady, [0.3, 0.7 * (1 + SMALL / 2)], lambda noise: noise(steady))
    with pytest.raises(AssertionError):
        assert_alike(steady, [0.3, 0.7 * (1 + 2 * SMALL)], lambda noise: noise(steady))
    with pytest.raises(AssertionError):
        assert_alike(steady, [0.3, np.nan], lambda noise: noise(steady))


def test_what_rounding_alone_turns_over_can_be_held_against_nothing() -> None:
    def chaos(noise: Noise) -> np.ndarray:
        return np.array([0.3, 0.7]) + 1e9 * (noise([0.3, 0.7]) - [0.3, 0.7])

    assert MARGIN * spread(chaos) > LARGEST
    with pytest.raises(AssertionError):
        assert_alike([0.3, 0.7], [0.3, 0.7 + 1e-9], chaos)


def test_a_path_that_leaves_the_numbers_has_no_spread() -> None:
    assert (
        rounding.path_spread(RULES["gradient_descent"], SURFACES["rosenbrock"], (-1.2, 1.0), 30, hyper={"lr": 1.0})
        == np.inf
    )
