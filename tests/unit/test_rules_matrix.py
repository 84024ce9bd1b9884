"""Rules that look at a matrix or a layer, and rules around others: what they do besides the paths of ``CHECKS``."""

from typing import Any

import numpy as np
import pytest
import torch
from scipy.linalg import fractional_matrix_power

from optim_core import RULES, trace, xp
from optim_core.rules import muon, shampoo, soap
from surfaces import SURFACES

RAVINE = {"condition": 1000.0, "angle": 30.0}
START = (-4.0, 2.0)


def run(name: str, hyper: dict[str, float], steps: int = 200, surface: str = "rosenbrock") -> Any:
    start, q = ((-1.2, 1.0), None) if surface == "rosenbrock" else (START, RAVINE)
    return trace(
        RULES[name], SURFACES[surface], start, steps, hyper=hyper, surface_parameters=q, difference="exact"
    )  # fmt: skip


def gradients(shape: tuple[int, ...], count: int = 30) -> list[torch.Tensor]:
    """In eighths: their products are exact, and so is what the eigenvectors of a single one depend on."""
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=generator, dtype=torch.float64).mul(8).round() / 8 for _ in range(count)]


def after_steps(name: str, hyper: dict[str, float], slopes: list[torch.Tensor], start: torch.Tensor) -> torch.Tensor:
    """Where the rule's own step leads under given gradients."""
    rule = RULES[name]
    x, h = start, rule.Hyper(**hyper)
    s = rule.init(x)
    for t, g in enumerate(slopes, start=1):
        x, s = rule.step(x, g, s, h, torch.tensor(float(t), dtype=torch.float64), float(len(slopes)))
    return x


# ---------------------------------------------------------------- matrices

SHAPES = [(5, 3), (3, 5), (4, 1), (1, 4), (4, 4)]
SETTINGS = {
    "adafactor": {"lr": 0.1, "d": 1.5},
    "muon": {"lr": 0.1},
    "shampoo": {"lr": 0.1, "eps": 1e-3},
    "soap": {"lr": 0.1, "interval": 4.0},
}


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", SETTINGS)
def test_a_weight_matrix_moves_as_by_the_reference(name: str, shape: tuple[int, int]) -> None:
    start, slopes = gradients(shape, 1)[0], gradients(shape)
    parameter = start.clone().requires_grad_()
    theirs = RULES[name].reference([parameter], RULES[name].Hyper(**SETTINGS[name]))
    for g in slopes:
        parameter.grad = g.clone()
        theirs.step()
    ours = after_steps(name, SETTINGS[name], slopes, start)
    assert (ours - start).abs().max() > 0.1
    torch.testing.assert_close(ours, parameter.detach(), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ["lars", "lamb", "adafactor_vector"])
def test_a_layer_moves_as_by_the_reference(name: str) -> None:
    hyper = {"eps": 0.0} if name == "lamb" else {}
    start, slopes = gradients((7,), 1)[0], gradients((7,))
    parameter = start.clone().requires_grad_()
    theirs = RULES[name].reference([parameter], RULES[name].Hyper(**hyper))
    for g in slopes:
        parameter.grad = g.clone()
        theirs.step()
    assert parameter.shape == parameter.grad.shape == (7,)  # type: ignore[union-attr]
    torch.testing.assert_close(after_steps(name, hyper, slopes, start), parameter.detach(), rtol=1e-12, atol=1e-12)


def test_muon_stays_near_torch_which_iterates_in_sixteen_bits() -> None:
    for shape in SHAPES:
        g = gradients(shape, 1)[0]
        parameter = torch.zeros(shape, dtype=torch.float64, requires_grad=True)
        theirs = torch.optim.Muon([parameter], lr=1.0, weight_decay=0.0)
        parameter.grad = g.clone()
        theirs.step()
        ours = after_steps("muon", {"lr": 1.0}, [g], torch.zeros_like(g))
        torch.testing.assert_close(ours, parameter.detach(), rtol=0.0, atol=0.06)


@pytest.mark.parametrize("shape", [(8, 5), (5, 8), (30, 30)], ids=str)
def test_muon_brings_singular_values_near_one_and_keeps_the_singular_vectors(shape: tuple[int, int]) -> None:
    a = gradients(shape, 1)[0].numpy()
    u, values, v = np.linalg.svd(a, full_matrices=False)
    a1, a3, a5 = 3.4445, -4.7750, 2.0315
    expected = values / np.linalg.norm(values)
    seen = expected > 0.003
    for _ in range(5):
        expected = a1 * expected + a3 * expected**3 + a5 * expected**5
    ours = muon.orthogonalized(a)
    np.testing.assert_allclose(ours, u * expected @ v, atol=1e-12)
    found = np.linalg.svd(ours, compute_uv=False)
    assert seen.sum() >= len(values) - 1
    assert np.sort(found)[-seen.sum() :].min() > 0.68
    assert found.max() < 1.21


def test_muon_on_a_column_makes_steps_of_one_length() -> None:
    path = run("muon", {"lr": 0.01}).path
    np.testing.assert_allclose(np.linalg.norm(np.diff(path, axis=0), axis=1), 0.01 * 0.69643641 * 2**0.5, rtol=1e-7)


@pytest.mark.parametrize("shape", [(5, 3), (2, 1)], ids=str)
def test_shampoo_divides_by_roots_of_its_sums(shape: tuple[int, int]) -> None:
    eps, lr, slopes = 1e-2, 0.3, [g.numpy() for g in gradients(shape, 12)]
    left, right, x = eps * np.eye(shape[0]), eps * np.eye(shape[1]), np.zeros(shape)
    for g in slopes:
        left, right = left + g @ g.T, right + g.T @ g
        x = x - lr * fractional_matrix_power(left, -0.25) @ g @ fractional_matrix_power(right, -0.25)
    ours = after_steps(
        "shampoo", {"lr": lr, "eps": eps}, [torch.tensor(g) for g in slopes], torch.zeros(shape).double()
    )
    np.testing.assert_allclose(ours, x, atol=1e-11)


def test_shampoo_keeps_its_roots_between_intervals() -> None:
    slopes = gradients((4, 3), 14)
    rule, x = RULES["shampoo"], torch.zeros(4, 3, dtype=torch.float64)
    h, s, roots = rule.Hyper(lr=0.1, interval=5.0), rule.init(x), []
    for t, g in enumerate(slopes, start=1):
        x, s = rule.step(x, g, s, h, float(t), 14.0)
        roots.append(s.left_root)
    changed = [t for t in range(2, 15) if not torch.equal(roots[t - 1], roots[t - 2])]
    assert changed == [2, 3, 4, 5, 10]


@pytest.mark.parametrize(("module", "name"), [(shampoo, "shampoo"), (soap, "soap")])
def test_a_long_side_is_left_as_it_is(module: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST", 4)
    slopes, start = gradients((3, 6), 6), torch.zeros(3, 6, dtype=torch.float64)
    ours = after_steps(name, {"lr": 0.1, "eps": 1e-2}, slopes, start)
    if name == "shampoo":  # the root of one side alone: full-matrix AdaGrad on the rows
        sums, expected = 1e-2 * np.eye(3), np.zeros((3, 6))
        for g in (g.numpy() for g in slopes):
            sums = sums + g @ g.T
            expected = expected - 0.1 * fractional_matrix_power(sums, -0.5) @ g
    else:
        from pytorch_optimizer import SOAP

        parameter = start.clone().requires_grad_()
        theirs = SOAP([parameter], lr=0.1, eps=1e-2, weight_decay=0.0, max_precondition_dim=4)
        for g in slopes:
            parameter.grad = g.clone()
            theirs.step()
        expected = parameter.detach().numpy()
    np.testing.assert_allclose(ours, expected, atol=1e-10)


def test_soap_without_axes_to_turn_is_adam_one_step_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soap, "LARGEST", 0)
    slopes, start = gradients((3, 2), 20), torch.zeros(3, 2, dtype=torch.float64)
    parameter = start.clone().requires_grad_()
    adam = torch.optim.Adam([parameter], lr=0.1, betas=(0.95, 0.95), eps=0.0)
    for g in slopes[1:]:
        parameter.grad = g.clone()
        adam.step()
    torch.testing.assert_close(after_steps("soap", {"eps": 0.0}, slopes, start), parameter.detach())


def test_soap_finds_the_axes_of_a_turned_quadratic() -> None:
    """Its basis of the two coordinates comes to lie across and along the ravine's floor, at 30 degrees."""
    basis = run("soap", {"lr": 0.05, "interval": 1.0}, 300, "ravine").state["left_basis"][-1]
    across = np.array([-np.sin(np.pi / 6), np.cos(np.pi / 6)])
    assert abs(basis[:, 0] @ across) > 0.999


@pytest.mark.parametrize("name", ["muon", "shampoo", "soap", "adafactor"])
def test_what_is_not_finite_is_an_outcome(name: str) -> None:
    slopes = [torch.full((40, 30), float("nan"), dtype=torch.float64)] * 3
    x = after_steps(name, {"lr": 0.1}, slopes, torch.ones(40, 30, dtype=torch.float64))
    assert x.isnan().all()


@pytest.mark.parametrize("name", ["muon", "shampoo", "soap", "adafactor", "lars", "lamb", "adafactor_vector"])
def test_parameters_keep_their_type(name: str) -> None:
    """A step in float32 stays there, rates and counters being float64 tensors without dimensions."""
    rule = RULES[name]
    x = torch.ones(6, 4) if rule.scope == "matrix" else torch.ones(24)
    s, h = rule.init(x), rule.Hyper(*(torch.tensor(v, dtype=torch.float64) for v in rule.Hyper()))
    for t, g in enumerate(gradients(tuple(x.shape), 3), start=1):
        x, s = rule.step(x, g.float(), s, h, torch.tensor(float(t), dtype=torch.float64), 3.0)
    assert x.dtype == torch.float32
    assert {v.dtype for v in s if v.dim()} <= {torch.float32}


# ---------------------------------------------------------------- layers


@pytest.mark.parametrize("name", ["lars", "lamb"])
def test_steps_follow_the_scale_of_the_weights_not_of_the_gradient(name: str) -> None:
    slopes, start = gradients((5,), 10), gradients((5,), 1)[0]
    hyper = {"eps": 0.0} if name == "lamb" else {}
    plain = after_steps(name, hyper, slopes, start)
    torch.testing.assert_close(after_steps(name, hyper, [1e3 * g for g in slopes], start), plain)
    torch.testing.assert_close(after_steps(name, hyper, slopes, 64 * start), 64 * plain)


@pytest.mark.parametrize("name", ["lars", "lamb"])
def test_a_layer_at_zero_leaves_it_by_a_plain_step(name: str) -> None:
    g, zero = torch.tensor([3.0, -4.0], dtype=torch.float64), torch.zeros(2, dtype=torch.float64)
    step = after_steps(name, {"lr": 0.1, **({"eps": 0.0} if name == "lamb" else {})}, [g], zero)
    torch.testing.assert_close(step, -0.1 * (g if name == "lars" else g.sign()))


def test_lamb_steps_have_the_length_of_its_point_times_the_rate() -> None:
    path = run("lamb", {"lr": 0.01}).path
    ratio = np.linalg.norm(np.diff(path, axis=0), axis=1) / np.linalg.norm(path[:-1], axis=1)
    np.testing.assert_allclose(ratio, 0.01, rtol=1e-12)


# ---------------------------------------------------------------- momentum, look-ahead, rules around others


def test_dampening_takes_nothing_from_the_first_gradient() -> None:
    first, second = (run("momentum", {"lr": 1e-4, "dampening": d}, 1).path[-1] for d in (0.0, 0.9))
    np.testing.assert_array_equal(first, second)


def test_nesterov_looks_along_the_path_of_the_other_form() -> None:
    ahead, torchs = (run(name, {"lr": 1e-4}) for name in ("nesterov_lookahead", "nesterov"))
    np.testing.assert_allclose(ahead.look, torchs.path[:-1], atol=1e-13)
    np.testing.assert_allclose(ahead.gradient, torchs.gradient, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("base", ["adam", "momentum", "rmsprop", "lion"])
def test_lookahead_with_a_whole_step_and_sam_without_a_radius_are_the_rule_inside(base: str) -> None:
    alone = run(base, {"lr": 1e-4}).path
    np.testing.assert_allclose(run(f"lookahead({base})", {"lr": 1e-4, "slow_lr": 1.0}).path, alone, atol=1e-12)
    np.testing.assert_array_equal(run(f"sam({base})", {"lr": 1e-4, "radius": 0.0}).path, alone)


def test_lookahead_goes_back_a_part_of_the_way_every_k_steps() -> None:
    """Between two returns its path is the inner rule's, which needs no state here, from the slow weights."""
    k, part, surface = 4, 0.3, SURFACES["rosenbrock"]
    path = run("lookahead(gradient_descent)", {"lr": 1e-3, "k": float(k), "slow_lr": part}, 12).path
    x = path[0]
    for back in (4, 8, 12):
        inner = trace(RULES["gradient_descent"], surface, x, k, hyper={"lr": 1e-3}, difference="exact").path
        np.testing.assert_allclose(path[back - k : back], inner[:-1], atol=1e-15)
        x = x + part * (inner[-1] - x)
        np.testing.assert_allclose(path[back], x, atol=1e-15)


def test_sam_takes_its_gradient_uphill_at_the_radius() -> None:
    """On a quadratic with curvatures A: x <- x - lr A (x + radius A x / |A x|)."""
    angle = np.pi / 6
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    curvature = turn @ np.diag([1.0, 1000.0]) @ turn.T
    found = run("sam(gradient_descent)", {"lr": 5e-4, "radius": 0.3}, 300, "ravine")
    x = np.array(START)
    for t in range(300):
        g = curvature @ x
        look = x + 0.3 * g / np.linalg.norm(g)
        np.testing.assert_allclose(found.look[t], look, atol=1e-10)
        x = x - 5e-4 * curvature @ look
        np.testing.assert_allclose(found.path[t + 1], x, atol=1e-10)
    assert found.evaluations == 600


# ---------------------------------------------------------------- verbs


def test_matrix_verbs_agree_between_numpy_and_torch() -> None:
    a = gradients((4, 4), 1)[0]
    a = a @ a.T
    for axis in (None, 0, 1):
        np.testing.assert_allclose(xp.mean(a, axis), xp.mean(a.numpy(), axis), rtol=1e-15)
    np.testing.assert_array_equal(xp.eye(a, 3), np.eye(3))
    np.testing.assert_array_equal(xp.eye(a.numpy(), 3), np.eye(3))
    for engine in (a, a.numpy()):
        values, vectors = xp.eigh(engine)
        np.testing.assert_allclose(vectors * values @ vectors.T, a, atol=1e-13)
        assert (np.diff(values) > 0).all()
        q, r = xp.qr(engine)
        np.testing.assert_allclose(q @ r, a, atol=1e-13)
        np.testing.assert_allclose(q.T @ q, np.eye(4), atol=1e-14)


def test_eigenvalues_are_found_in_float64_and_given_in_the_matrix_type() -> None:
    a = torch.tensor([[1.0, 1.0 - 2**-20], [1.0 - 2**-20, 1.0]])
    values, vectors = xp.eigh(a)
    assert values.dtype == vectors.dtype == torch.float32
    torch.testing.assert_close(values[0], torch.tensor(2.0**-20), rtol=1e-6, atol=0.0)
