"""CMA-ES, covariance matrix adaptation. Hansen & Ostermeier, Evolutionary Computation 9, 2001; cma 4.5.0.

The package of its inventor, with the negative weights of Jastrebski & Arnold, CEC 2006, as in Hansen's tutorial,
arXiv:1604.00772. The window is the unit square to it, so that ``sigma0`` is a share of its sides; points sampled
outside are folded back by the package's transformation, which also bends the outer twentieth at each side. A start
outside widens the window. The present point is the mean; the start is not evaluated. It ends by the package's own
conditions, mostly once the cloud or the differences between its values have shrunk to 1e-11. NaN is worse than
anything. Fewer than six points an iteration are left out: the package would sample them otherwise, in mirrored pairs.

Held against the tutorial's Figure 6 and Table 1 written anew, with the same normal numbers. The package differs from
the tutorial, and the text held against it follows the package there: c_sigma has n + mu_w + 3 in place of n + mu_w + 5
and is at most 1/2, the threshold beyond which p_c stalls is 2.58 in place of 2.59, chi is exact, sigma changes by no
more than a factor e in a step, the second entry of the first C is e^0.00005, and 1e-9 is added to the lengths by
which negative weights are divided.
"""

import math
import warnings
from functools import cache
from typing import Annotated, NamedTuple

import numpy as np

from optim_core.helpers.recorded import box, comparable
from optim_core.parameters import Range
from optim_core.rule import Check

NAME = "CMA-ES"
YEAR = 2001
FAMILY = "without gradients"
KIND = "recorded"
LATEX = (
    r"x_i = m + \sigma y_i,\quad y_i \sim \mathcal{N}(0, C),\quad m \leftarrow m + \sigma \sum_{i \le \mu} w_i\,"
    r"y_{i:\lambda},\quad p_\sigma \leftarrow (1 - c_\sigma)\,p_\sigma + \sqrt{c_\sigma (2 - c_\sigma) \mu_w}\,"
    r"C^{-1/2} \Delta m / \sigma,\quad \sigma \leftarrow \sigma \exp\Bigl(\tfrac{c_\sigma}{d_\sigma}\Bigl("
    r"\tfrac{\lVert p_\sigma\rVert}{\chi} - 1\Bigr)\Bigr),\quad "
    r"C \leftarrow C + c_1 (p_c p_c^\top - C) + c_\mu \sum_i w_i\,(y_{i:\lambda} y_{i:\lambda}^\top - C)"
)
CHANGE = (
    "A cloud whose shape learns the ravine's direction, as an inverse Hessian would, from the order of values alone."
)
NETWORK = None
NO_NETWORK = "Its covariance matrix has as many entries as the network has pairs of parameters."


class Hyper(NamedTuple):
    sigma0: Annotated[float, Range(0.001, 1.0, r"\sigma_0", log=True, valid="[1e-6, 1]")] = 0.25
    popsize: Annotated[float, Range(6, 100, r"\lambda", valid="[6, 1000]")] = 6.0
    seed: Annotated[float, Range(0, 999, "s", valid="[0, 999]")] = 0.0


CHECKS = (Check(), Check({"popsize": 20.0, "sigma0": 0.5, "seed": 7.0}))


@cache
def _load():
    """Imports the package for the first time, which warns that it could not plot without Matplotlib."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import cma  # noqa: F401


def record(f, x, h, n, done):
    _load()
    import cma

    low, high = box(f, x)
    generator = np.random.default_rng(int(h.seed))
    strategy = cma.CMAEvolutionStrategy(
        (x - low) / (high - low),
        h.sigma0,
        {
            "bounds": [0, 1],
            "maxstd_boundrange": np.inf,  # or it would cut sigma at a third of the window
            "popsize": int(h.popsize),
            "randn": lambda *shape: generator.standard_normal(shape),
            "seed": np.nan,  # or it would seed NumPy's global generator
            "signals_filename": "",  # or it would read its options anew from such a file
            "verb_log": 0,
            "verbose": -9,
        },
    )

    def place(square):
        return low * (1 - square) + high * square

    for _ in range(n):
        if strategy.stop():
            break
        squares = strategy.ask()
        strategy.tell(squares, comparable(f.values(place(np.array(squares)))).tolist())
        done(place(strategy.boundary_handler.repair(strategy.mean)))


def reference(params, h):
    return None  # no torch.optim optimizer goes without gradients


def expected(f, x, h, n):
    """Hansen's tutorial, Figure 6 and Table 1, written anew in its letters and without an ending."""
    (x0, x1), (y0, y1) = f.window
    low, high = np.array([min(x0, x[0]), min(y0, x[1])]), np.array([max(x1, x[0]), max(y1, x[1])])
    generator, size = np.random.default_rng(int(h.seed)), int(h.popsize)

    raw = math.log((size + 1) / 2) - np.log(np.arange(1, size + 1))
    good, bad = raw[raw > 0], raw[raw < 0]
    mu_eff, mu_bad = good.sum() ** 2 / (good**2).sum(), bad.sum() ** 2 / (bad**2).sum()
    c_sigma = min(1 / 2, (mu_eff + 2) / (2 + mu_eff + 3))
    d_sigma = 1 + 2 * max(0, math.sqrt((mu_eff - 1) / 3) - 1) + c_sigma
    c_c = (4 + mu_eff / 2) / (2 + 4 + 2 * mu_eff / 2)
    c_1 = 2 / (3.3**2 + mu_eff)
    c_mu = min(1 - c_1, 2 * (0.25 + mu_eff + 1 / mu_eff - 2) / (4**2 + mu_eff))
    negative = min(1 + c_1 / c_mu, 1 + 2 * mu_bad / (mu_eff + 2), (1 - c_1 - c_mu) / (2 * c_mu))
    w = np.where(raw > 0, raw / good.sum(), raw * negative / -bad.sum())
    mu, chi = len(good), math.sqrt(math.pi / 2)  # the mean length of a normal vector

    def fold(u):
        u = (u + 0.05) % 2.2 - 0.05
        u = np.where(u > 1.05, 2.1 - u, u)
        u = np.where(u < 0.05, (u + 0.05) ** 2 / 0.2, u)
        return np.where(u > 0.95, 1 - (1.05 - u) ** 2 / 0.2, u)

    start = (x - low) / (high - low)
    m = np.where(start < 0.05, np.sqrt(0.2 * start) - 0.05, start)
    m = np.where(start > 0.95, 1.05 - np.sqrt(0.2 * (1 - start)), m)
    sigma, C, p_sigma, p_c, path = h.sigma0, np.diag([1, math.exp(5e-5)]), np.zeros(2), np.zeros(2), [x]
    for g in range(n):
        D, B = np.linalg.eigh(C) if g else (np.diag(C), np.eye(2))
        y = generator.standard_normal((size, 2)) * np.sqrt(D) @ B.T
        values = f.values(low + (high - low) * fold(m + sigma * y))
        y = y[np.argsort(np.where(np.isnan(values), np.inf, values), kind="stable")]
        y_w = w[:mu] @ y[:mu]
        m = m + sigma * y_w
        root = B / np.sqrt(D) @ B.T
        p_sigma = (1 - c_sigma) * p_sigma + math.sqrt(c_sigma * (2 - c_sigma) * mu_eff) * root @ y_w
        length = np.linalg.norm(p_sigma)
        stall = length**2 / (1 - (1 - c_sigma) ** (2 * g + 2)) >= 2 * (2 + 4 / 3)
        p_c = (1 - c_c) * p_c + (not stall) * math.sqrt(c_c * (2 - c_c) * mu_eff) * y_w
        w_o = np.where(w < 0, w * 2 / (np.linalg.norm(y @ root, axis=1) + 1e-9) ** 2, w)
        C = (1 + stall * c_1 * c_c * (2 - c_c) - c_1 - c_mu * w.sum()) * C + c_1 * np.outer(p_c, p_c)
        C = C + c_mu * (w_o * y.T) @ y
        sigma = sigma * math.exp(min(1, c_sigma / d_sigma * (length / chi - 1)))
        path.append(low + (high - low) * fold(m))
    return np.array(path)
