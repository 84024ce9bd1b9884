"""What a closure rule may ask a network: loss and gradient at any x, and the Hessian's diagonal by an estimate."""

from collections.abc import Callable
from typing import Any

import torch

from optim_core.network.flat import HALF
from optim_core.rule import Rule


class NetworkOracle:
    """The loss of one batch as a function of all parameters as one flat vector x; in float32 for those of 16 bits.

    evaluations: how often the closure was called. A value costs as much as a gradient, since the closure computes both;
    asking again at the same x costs nothing. window: None, there is none.
    """

    def __init__(self, rule: Rule, params: list[torch.Tensor], closure: Callable[[], Any]) -> None:
        self.evaluations = 0
        self.window = None
        self.loss: Any = None
        self._rule, self._params, self._closure = rule, params, closure
        self._known: tuple[torch.Tensor, float, torch.Tensor] | None = None

    def vector(self) -> torch.Tensor:
        """The parameters as they are, a copy."""
        return _flat(self._params)

    def put(self, x: torch.Tensor) -> None:
        """Writes x into the parameters."""
        with torch.no_grad():
            for p, part in zip(self._params, x.split([p.numel() for p in self._params]), strict=True):
                p.copy_(part.reshape(p.shape))

    def value(self, x: torch.Tensor) -> float:
        """The loss at x."""
        return self._at(x)[0]

    def gradient(self, x: torch.Tensor) -> torch.Tensor:
        """The gradient at x."""
        return self._at(x)[1]

    def hessian(self, x: torch.Tensor) -> torch.Tensor:  # noqa: ARG002
        """ValueError: a network's Hessian does not fit into memory."""
        raise ValueError(f"rule {self._rule.name} needs a Hessian, which a network does not give")

    def hessian_diagonal(self, x: torch.Tensor) -> torch.Tensor:
        """Hutchinson's estimate of the Hessian's diagonal at x: z * (H z), z of random signs (arXiv:2006.00719)."""
        self._evaluate(x)
        grads = [p.grad for p in self._params]
        graphs = [g for g in grads if g is not None and g.grad_fn is not None]  # others have no curvature
        if not graphs:
            raise ValueError(
                f"rule {self._rule.name} differentiates twice: the closure must call loss.backward(create_graph=True)"
            )
        signs = [torch.randint_like(p, 0, 2) * 2 - 1 for p in self._params]
        given = [z for z, g in zip(signs, grads, strict=True) if g is not None and g.grad_fn is not None]
        with torch.enable_grad():
            products = torch.autograd.grad(graphs, self._params, given, allow_unused=True, materialize_grads=True)
        return _flat([z * product for z, product in zip(signs, products, strict=True)])

    def _at(self, x: torch.Tensor) -> tuple[float, torch.Tensor]:
        if self._known is None or not torch.equal(self._known[0], x):
            self._evaluate(x)
        assert self._known is not None
        return self._known[1:]

    def _evaluate(self, x: torch.Tensor) -> None:
        self.put(x)
        with torch.enable_grad():
            loss = self._closure()
        if loss is None:
            raise ValueError(f"rule {self._rule.name} needs the loss: the closure must return it, not None")
        self.evaluations += 1
        loss = loss.detach() if torch.is_tensor(loss) else loss
        self.loss = loss if self.loss is None else self.loss
        gradient = [torch.zeros_like(p) if p.grad is None else p.grad for p in self._params]
        self._known = (x.clone(), float(loss), _flat(gradient))


def _flat(parts: list[torch.Tensor]) -> torch.Tensor:
    """Tensors end to end, without a graph."""
    return torch.cat([(part.float() if part.dtype in HALF else part).detach().reshape(-1) for part in parts])
