"""What is known in closed form: the edge of the learning rates at which a rule settles, and its rate on a quadratic."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from optim_core.surface import Surface

RULES = ("gradient_descent", "momentum", "momentum_average")  # those that have one


def curvature(surface: Surface, q: Any) -> float:
    """The largest curvature L at the known minimum where it is least; NaN where the surface has no such number."""
    if not surface.smooth_at_minima:
        return np.nan
    found = []
    with np.errstate(all="ignore"):
        for x, y, _ in surface.minima(q):
            xx, xy, yy = surface.hessian.value(np.float64(x), np.float64(y), q)
            if np.isfinite([xx, xy, yy]).all():
                found.append(float(np.linalg.eigvalsh([[xx, xy], [xy, yy]])[1]))
    return min(found, default=np.nan)


def edge(rule: str, hyper: Mapping[str, float], largest: float) -> float:
    """The learning rate from which on the rule settles at no minimum of the curvature L; ValueError for other rules.

    Gradient descent 2 / L, momentum 2 (1 + mu) / ((1 - tau) L), its average form 2 (1 + beta) / ((1 - beta) L)
    (B. T. Polyak, USSR Comp. Math. 4 (1964) 1-17); on quadratics that is exact, elsewhere near the minimum. Infinite
    where L is not positive.
    """
    if rule not in RULES:
        raise ValueError(f"no edge is known for the rule {rule!r}; there is one for: {', '.join(RULES)}")
    mu = hyper.get("momentum", hyper.get("beta", 0.0))
    share = 1 - mu if rule == "momentum_average" else 1 - hyper.get("dampening", 0.0)
    return 2 * (1 + mu) / (share * largest) if share * largest > 0 else np.inf


def eigenvalues(surface: Surface, q: Any) -> np.ndarray | None:
    """The Hessian's eigenvalues (2,), the least first, where the surface is a quadratic; None where it is not.

    It is taken for one where the exact second derivatives agree at five points of the window.
    """
    (x_low, x_high), (y_low, y_high) = surface.domain
    shares = np.array([(0.1, 0.2), (0.37, 0.91), (0.5, 0.43), (0.83, 0.29), (0.94, 0.77)])
    points = (x_low, y_low) + shares * (x_high - x_low, y_high - y_low)
    with np.errstate(all="ignore"):
        found = [[float(one) for one in surface.hessian.value(x, y, q)] for x, y in points]
    xx, xy, yy = found[0]
    if not np.isfinite(found).all() or np.ptp(found, axis=0).max() > 1e-9 * np.abs(found).max():
        return None
    return np.linalg.eigvalsh([[xx, xy], [xy, yy]])


def rate(rule: str, hyper: Mapping[str, Any], curvatures: Any) -> np.ndarray:
    """By what factor a step shortens the way to a quadratic's minimum in the long run; ValueError for other rules.

    hyper: the learning rate and the momentum, numbers or arrays of one shape, which is that of the result. It is the
    largest spectral radius of [[1 + mu - lr c, -mu], [1, 0]] over the curvatures c, the Hessian's eigenvalues; from 1
    on the rule does not settle. The dampened momentum and the average form have (1 - tau) lr and (1 - beta) lr there
    (B. T. Polyak, USSR Comp. Math. 4 (1964) 1-17).
    """
    if rule not in RULES:
        raise ValueError(f"no rate is known for the rule {rule!r}; there is one for: {', '.join(RULES)}")
    mu = np.asarray(hyper.get("momentum", hyper.get("beta", 0.0)), dtype=np.float64)
    share = 1 - mu if rule == "momentum_average" else 1 - np.asarray(hyper.get("dampening", 0.0), dtype=np.float64)
    trace = 1 + mu - np.multiply.outer(np.asarray(curvatures, dtype=np.float64), np.asarray(hyper["lr"]) * share)
    root = trace * trace - 4 * mu
    real = (np.abs(trace) + np.sqrt(np.maximum(root, 0.0))) / 2
    return np.where(root < 0, np.sqrt(mu), real).max(axis=0)


def optimum(rule: str, least: float, largest: float) -> dict[str, float]:
    """The hyperparameters of the best rate on a quadratic of curvatures from least to largest, both more than 0.

    Gradient descent lr = 2 / (L + l); momentum sqrt(lr) = 2 / (sqrt L + sqrt l) and mu = ((sqrt k - 1) / (sqrt k +
    1))^2, k = L / l, whose rate is sqrt(mu) (B. T. Polyak, USSR Comp. Math. 4 (1964) 1-17). ValueError for other rules.
    """
    if rule not in RULES:
        raise ValueError(f"no optimum is known for the rule {rule!r}; there is one for: {', '.join(RULES)}")
    if not 0 < least <= largest < np.inf:
        raise ValueError(f"curvatures from {least:g} to {largest:g} are not allowed; both must be more than 0")
    if rule == "gradient_descent":
        return {"lr": 2 / (largest + least)}
    lr = (2 / (np.sqrt(largest) + np.sqrt(least))) ** 2
    mu = ((np.sqrt(largest) - np.sqrt(least)) / (np.sqrt(largest) + np.sqrt(least))) ** 2
    if rule == "momentum":
        return {"lr": float(lr), "momentum": float(mu), "dampening": 0.0}
    return {"lr": float(lr / (1 - mu)), "beta": float(mu)}
