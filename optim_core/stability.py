"""How large a learning rate may be for a rule to settle at a minimum: the edge that the largest curvature sets."""

from collections.abc import Mapping
from typing import Any

import numpy as np

RULES = ("gradient_descent", "momentum", "momentum_average")  # those that have one


def curvature(surface: Any, q: Any) -> float:
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
