"""SAM, sharpness-aware minimization. Foret et al., ICLR 2021, arXiv:2010.01412, Algorithm 1, with p = 2.

The gradient is taken uphill, at the worst point within a radius (to first order), and the inner rule steps with it from
where it stands. radius is the paper's rho; 0 is the inner rule itself. Two gradients a step. 1e-12 is added to the
gradient's length, as in most code. pytorch_optimizer 4.1.0 finds that length in
float32, whatever the parameters are; to be held against it, it is given a float64.
"""

from typing import Annotated, Any, NamedTuple

from optim_core import xp
from optim_core.parameters import Range
from optim_core.rule import Check

KIND = "around"
BASE = "momentum"
NAME = "SAM"
YEAR = 2021
FAMILY = "sharpness"
CHANGE = "Any rule with the gradient of the worst point near by, for flat minima."
LATEX = (
    r"\theta_t = \mathrm{rule}\Bigl(\theta_{t-1}, "
    r"\nabla f\Bigl(\theta_{t-1} + \rho\,\frac{g_t}{\lVert g_t\rVert}\Bigr)\Bigr)"
)
NETWORK = {}


class Hyper(NamedTuple):
    radius: Annotated[float, Range(0.0, 1.0, r"\rho", valid="[0, 1e6]")] = 0.05


class State(NamedTuple):
    pass


def init(x):
    return State()


def look(x, g, s, h, t, n):
    return x + h.radius / (xp.sqrt(xp.dot(g, g)) + 1e-12) * g


def after(x, y, s, h, t, n):
    return y, State()


def reference(params, h, base):
    from unittest.mock import patch

    import torch
    from pytorch_optimizer import SAM

    if base([params[0].detach().clone().requires_grad_()]) is None:
        return None

    def squares(groups: Any, **_: Any):
        """The gradient's squared length; the library's own is in float32."""
        given = [p.grad for group in groups for p in group["params"] if p.grad is not None]
        return torch.stack([g.square().sum() for g in given]).sum().reshape(1)

    class BothGradients(SAM):
        def step(self, closure: Any = None):
            with torch.enable_grad():
                loss = closure()
            with patch("pytorch_optimizer.optimizer.sam.get_global_gradient_norm", squares):
                super().step(closure)
            return loss

    return BothGradients(params, base, rho=h.radius)


_WHY = "It crosses the valley with every step: rounding grows."
CHECKS = (
    Check({"lr": 1e-4}, bound=3e-11, why=_WHY),
    Check({"lr": 5e-4}, base="gradient_descent"),
    Check({"lr": 1e-3}, base="adam"),
    Check({"lr": 1e-4, "radius": 0.0}, same=("momentum", {"lr": 1e-4})),
)
