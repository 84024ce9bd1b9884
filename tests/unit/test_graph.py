"""A surface's function as a graph: it holds the same function, and torch finds the same gradient."""

import math
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from optim_core import xp
from surfaces.core.graph import VERBS, function, traced


class Parameters(NamedTuple):
    a: float = 1.5
    k: float = 3.0


class NoParameters(NamedTuple):
    pass


def every_verb(x: Any, y: Any, q: Any) -> Any:
    waves = xp.sin(x) * xp.cos(q.a * y) + xp.tanh(x - y) / 3 - xp.atan(x * y)
    roots = xp.sqrt(1 + x * x) + xp.log(2 + y**4) - xp.exp(-x * x) / (1 + y * y)
    powers = xp.power(xp.absolute(x) + 1, q.k) - x**-3 + xp.power(1 + y * y, 0.3) + 2.0 ** (-y)
    steps = xp.floor(3 * y) * x + xp.sign(y) * x * x
    choices = xp.maximum(x, y) ** 2 + xp.minimum(x, 2.0) * y + xp.where(x < 0, -x * y, xp.where(y >= 0.5, x, y * y))
    return waves + roots + powers + steps + choices


def test_a_function_of_all_verbs() -> None:
    graph, root = traced(every_verb, Parameters)
    used = {graph.nodes[node][0] for node in graph.reached([root])}
    assert used >= VERBS.keys()
    f, _ = function(graph, [root, *(graph.derivative(root, one) for one in "xy")], Parameters._fields, "f")
    q = Parameters()
    x, y = np.random.default_rng(0).uniform(-2, 2, (2, 200))
    value, *slopes = f(x, y, q)
    np.testing.assert_allclose(value, every_verb(x, y, q), rtol=1e-13, atol=1e-13)
    tx, ty = (torch.tensor(one, requires_grad=True) for one in (x, y))
    exact = torch.autograd.grad(every_verb(tx, ty, q).sum(), (tx, ty))
    for found, wanted in zip(slopes, exact, strict=True):
        np.testing.assert_allclose(found, wanted.numpy(), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("f", [lambda x, y: 3.0, lambda x, y: 2 * np.float64(4) - 5])
def test_a_function_that_depends_on_nothing(f: Any) -> None:
    graph, root = traced(f, NoParameters)
    assert graph.constant(root) == 3.0
    assert graph.constant(graph.derivative(root, "x")) == 0.0


@pytest.mark.parametrize(
    "f",
    [lambda x, y: x if x > 0 else y, lambda x, y: math.sin(x) + y, lambda x, y: np.sinc(x), lambda x, y: np.cbrt(x),
     lambda x, y: np.add(x, y, where=True), lambda x, y: x % 2, lambda x, y: xp.where(x == y, x, y), lambda x, y: None],
)  # fmt: skip
def test_what_no_graph_holds_is_a_type_error(f: Any) -> None:
    with pytest.raises(TypeError):
        traced(f, NoParameters)
