"""Minibatch runs: against closed forms, against NumPy's own loops, and against what holds exactly."""

import gzip
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize

from optim_core import RULES
from optim_core.studies.minibatch import (
    ORDERS,
    batches,
    burn_in,
    mixed,
    shuffled_variance,
    sizes,
    stationary_variance,
    streams,
    variance_after,
    walk,
)
from optim_core.studies.moving_average import average, corrected, known, weights
from surfaces.data.loss import DataLoss, data_loss
from surfaces.data.sets import DATA_SETS, data_set

SGD, ADAGRAD = RULES["gradient_descent"], RULES["adagrad"]
draw = np.random.default_rng(5)


def made(kind: str, rows: int = 23) -> DataLoss:
    """A small table."""
    columns = draw.standard_normal((rows, 2)) @ np.array([[1.0, 0.4], [0.0, 0.7]])
    noisy = columns @ [1.0, -0.5] + draw.standard_normal(rows)
    return data_loss(kind, columns, noisy if kind == "least_squares" else (noisy > 0).astype(float))


def one_dimensional(rows: int, a: float) -> tuple[DataLoss, float]:
    """a (w - c)^2 / 2 in the first parameter, and the variance of a row's gradient."""
    c = draw.standard_normal(rows)
    c -= c.mean()
    loss = data_loss("least_squares", np.column_stack([np.full(rows, a**0.5), np.zeros(rows)]), a**0.5 * c)
    return loss, float(a * a * c.var())


# ---------------------------------------------------------------- losses


@pytest.mark.parametrize("kind", ["least_squares", "logistic"])
def test_a_loss_is_the_mean_over_its_rows(kind: str) -> None:
    loss = made(kind, 40)
    points = draw.standard_normal((70, 2)) * 3

    def naive(w: np.ndarray) -> float:
        total = 0.0
        for row, target in zip(loss.columns, loss.targets, strict=True):
            z = float(row @ w)
            total += np.log1p(np.exp(-(2 * target - 1) * z)) if kind == "logistic" else (z - target) ** 2 / 2
        return total / loss.rows

    np.testing.assert_allclose(loss.value(points), [naive(w) for w in points], rtol=1e-12)
    assert loss.value(points.reshape(7, 10, 2)).shape == (7, 10)
    w, h = points[0], 1e-5
    slope = [(naive(w + h * e) - naive(w - h * e)) / (2 * h) for e in np.eye(2)]
    np.testing.assert_allclose(loss.gradient(w), slope, rtol=1e-8)
    bend = [(loss.gradient(w + h * e) - loss.gradient(w - h * e)) / (2 * h) for e in np.eye(2)]
    np.testing.assert_allclose(loss.hessian(w), bend, rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("name", DATA_SETS)
def test_the_minima_of_the_data_sets(name: str) -> None:
    found = data_set(name)
    loss = found.loss
    if loss.is_logistic:
        best = minimize(lambda w: float(loss.value(w)), np.zeros(2), jac=loss.gradient, method="BFGS", tol=1e-12)
        np.testing.assert_allclose(loss.minimum, best.x, rtol=1e-6)
    else:
        np.testing.assert_allclose(loss.minimum, np.linalg.lstsq(loss.columns, loss.targets, rcond=None)[0], rtol=1e-12)
        np.testing.assert_allclose(
            loss.minimum, np.linalg.solve(loss.columns.T @ loss.columns, loss.columns.T @ loss.targets), rtol=1e-10
        )
    assert np.abs(loss.gradient(loss.minimum)).max() < 1e-13
    for (low, high), at, start in zip(found.domain, loss.minimum, found.start, strict=True):
        assert low < at < high
        assert low < start < high


def test_the_tables_are_those_of_scikit_learn() -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    bmi, progression = datasets.load_diabetes(scaled=False, return_X_y=True)
    np.testing.assert_array_equal(data_set("diabetes_tens").loss.columns[:, 0], bmi[:, 2] / 10)
    np.testing.assert_array_equal(data_set("diabetes").loss.targets, progression / 100)
    tumours = datasets.load_breast_cancer()
    assert list(tumours.target_names) == ["malignant", "benign"]
    np.testing.assert_array_equal(data_set("breast_cancer").loss.targets, tumours.target)
    standard = (tumours.data[:, :2] - tumours.data[:, :2].mean(axis=0)) / tumours.data[:, :2].std(axis=0)
    np.testing.assert_allclose(data_set("breast_cancer").loss.columns, standard, rtol=1e-12, atol=1e-13)
    package = Path(importlib.util.find_spec("sklearn").origin).parent  # type: ignore[union-attr, arg-type]
    with gzip.open(package / "datasets/data/diabetes_target.csv.gz", "rt") as file:
        assert float(next(file)) == 151.0


BAD: list[tuple[str, Any, Any, str]] = [
    ("ridge", np.ones((4, 2)), np.ones(4), "kind = 'ridge' is not known; there are: least_squares, logistic"),
    ("logistic", np.ones((4, 2)), [0, 1, 2, 1], "must be 0 and 1, both of them; here are 0, 1, 2"),
    ("logistic", np.ones((4, 2)), np.ones(4), "must be 0 and 1"),
    ("least_squares", np.ones((4, 3)), np.ones(4), r"columns has shape \(4, 3\)"),
    ("least_squares", np.ones((2, 2)), np.ones(2), "there are 2 rows; at least 3"),
    ("least_squares", [[1, np.nan], [1, 2], [3, 4]], np.ones(3), "columns = nan is not allowed"),
]


@pytest.mark.parametrize(("kind", "columns", "targets", "sentence"), BAD)
def test_a_bad_table_gets_a_sentence(kind: str, columns: Any, targets: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        data_loss(kind, np.asarray(columns, dtype=float), np.asarray(targets, dtype=float))


def test_losses_without_a_single_minimum_say_so() -> None:
    x = draw.standard_normal(30)
    with pytest.raises(ValueError, match="one column is a multiple of the other"):
        _ = data_loss("least_squares", np.column_stack([x, 2 * x]), x).minimum
    columns = draw.standard_normal((30, 2))
    separable = (columns @ [1.0, 2.0] > 0).astype(float)
    with pytest.raises(ValueError, match="a line separates the two classes"):
        _ = data_loss("logistic", columns, separable).minimum


# ---------------------------------------------------------------- runs


def test_the_random_numbers_are_splitmix64s() -> None:
    """The first numbers for the seed 1234567, as its authors' C program prints them."""
    golden, state, found = np.uint64(0x9E3779B97F4A7C15), np.uint64(1234567), []
    with np.errstate(over="ignore"):
        for _ in range(5):
            state = state + golden
            found.append(int(mixed.py_func(state)))
    assert found == [
        6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821,
    ]  # fmt: skip


def replayed(loss: DataLoss, rule: Any, hyper: dict, start: Any, steps: int, batch: int, order: str, seed: int) -> Any:
    """The first run of `walk` by a loop over Python's integers, with the rule's own step on NumPy arrays."""
    state, mask, rows = int(streams(seed, 1)[0]), 2**64 - 1, loss.rows

    def share() -> float:
        nonlocal state
        state = (state + 0x9E3779B97F4A7C15) & mask
        z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        return ((z ^ (z >> 31)) >> 11) * 2.0**-53

    x, h, at = np.array(start, dtype=float), rule.Hyper(**hyper), 0
    s, deck, path, read = rule.init(x), list(range(rows)), [x], []
    for t in range(1, steps + 1):
        count = batch if order == "independent" else min(batch, rows - at)
        chosen = []
        for i in range(at, at + count):
            if order == "independent":
                chosen.append(int(share() * rows))
            elif order == "shuffled":
                j = i + int(share() * (rows - i))
                deck[i], deck[j] = deck[j], deck[i]
                chosen.append(deck[i])
            else:
                chosen.append(i)
        at = 0 if order == "independent" or at + count == rows else at + count
        read.append(chosen)
        x, s = rule.step(x, loss.row_gradients(x)[chosen].mean(axis=0), s, h, float(t), float(steps))
        path.append(x)
    return np.array(path), read


@pytest.mark.parametrize("kind", ["least_squares", "logistic"])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("rule", "lr"), [("gradient_descent", 0.1), ("adagrad", 0.3), ("adam", 0.05)])
def test_a_run_is_that_of_a_plain_loop(kind: str, order: str, rule: str, lr: float) -> None:
    loss, start = made(kind), (0.7, -1.2)
    expected, read = replayed(loss, RULES[rule], {"lr": lr}, start, 20, 5, order, 3)
    found = walk(loss, RULES[rule], start, 20, batch=5, order=order, seed=3, runs=70, hyper={"lr": lr})
    assert found.shape == (70, 21, 2)
    np.testing.assert_allclose(found[0], expected, rtol=1e-10, atol=1e-13)
    if order != "independent":
        for epoch in range(4):
            assert sorted(row for batch in read[5 * epoch : 5 * epoch + 5] for row in batch) == list(range(23))
    if order == "fixed":
        assert (found == found[0]).all()
    else:
        assert len({tuple(end) for end in found[:, -1]}) == 70


def test_runs_are_reproducible_and_independent_of_their_number() -> None:
    loss = made("logistic")
    how: dict[str, Any] = {"batch": 4, "order": "shuffled", "seed": 9, "hyper": {"lr": 0.3}}
    many = walk(loss, SGD, (0, 0), 30, runs=130, **how)
    np.testing.assert_array_equal(walk(loss, SGD, (0, 0), 30, runs=7, **how), many[:7])
    np.testing.assert_array_equal(walk(loss, SGD, (0, 0), 30, runs=130, keep=[0, 11, 30], **how), many[:, [0, 11, 30]])
    other = walk(loss, SGD, (0, 0), 30, runs=7, **{**how, "seed": 10})
    assert not np.allclose(other[:, -1], many[:7, -1])


def test_every_run_may_have_its_own_rate() -> None:
    loss, rates = made("least_squares"), np.geomspace(1e-3, 0.5, 70)
    found = walk(loss, SGD, (1, 1), 12, batch=6, order="fixed", runs=70, hyper={"lr": rates})
    for k in (0, 63, 64, 69):
        np.testing.assert_array_equal(
            found[k], walk(loss, SGD, (1, 1), 12, batch=6, order="fixed", hyper={"lr": rates[k]})[0]
        )


def test_the_full_batch_is_gradient_descent() -> None:
    loss = made("least_squares")
    found = walk(loss, SGD, (2, -1), 40, batch=loss.rows, order="fixed", hyper={"lr": 0.2})[0]
    w = np.array([2.0, -1.0])
    for point in found:
        np.testing.assert_allclose(point, w, rtol=1e-12, atol=1e-14)
        w = w - 0.2 * (loss.columns.T @ (loss.columns @ w - loss.targets)) / loss.rows


@pytest.mark.parametrize("batch", [1, 4, 5, 22, 23])
@pytest.mark.parametrize("kind", ["least_squares", "logistic"])
def test_the_expectation_over_an_epoch_is_the_full_gradient(kind: str, batch: int) -> None:
    """Exactly: over all batches of an epoch, in any order, weighted by their rows."""
    loss, start = made(kind), (0.3, 0.8)
    steps, how = 3 * batches(23, batch), {"hyper": {"lr": 1.0}, "frozen": True}
    for order in ("shuffled", "fixed"):
        path = walk(loss, SGD, start, steps, batch=batch, order=order, runs=3, **how)  # type: ignore[arg-type]
        reads = sizes(steps, 23, batch, order)
        assert reads.sum() == 69
        mean = (-np.diff(path, axis=1) * reads[:, None]).sum(axis=1) / reads.sum()
        np.testing.assert_allclose(mean, np.tile(loss.gradient(np.array(start)), (3, 1)), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("order", ["independent", "shuffled"])
def test_one_batch_has_the_expectation_and_the_variance_of_its_kind(order: str) -> None:
    """Over 20,000 runs: the mean within 5 standard errors, the variance within 5 of its own."""
    loss, start, runs, batch = made("least_squares"), (0.3, 0.8), 20_000, 6
    g = -(walk(loss, SGD, start, 1, batch=batch, order=order, runs=runs, hyper={"lr": 1.0})[:, 1] - start)
    rows, full = loss.row_gradients(np.array(start)), loss.gradient(np.array(start))
    left = 1.0 if order == "independent" else (23 - batch) / 22
    variance = rows.var(axis=0) / batch * left
    assert (np.abs(g.mean(axis=0) - full) < 5 * np.sqrt(variance / runs)).all()
    squares = (g - full) ** 2
    assert (np.abs(squares.mean(axis=0) - variance) < 5 * squares.std(axis=0) / runs**0.5).all()


def test_the_mean_of_runs_follows_the_full_batch_on_a_quadratic() -> None:
    """With independent draws the expectation is the full-batch path at every step: within 5 standard errors."""
    loss = made("least_squares")
    found = walk(loss, SGD, (2, -1), 25, batch=3, order="independent", runs=5000, hyper={"lr": 0.1})
    full = walk(loss, SGD, (2, -1), 25, batch=23, order="fixed", hyper={"lr": 0.1})[0]
    error = found[:, 1:].std(axis=0) / 5000**0.5
    assert (np.abs(found[:, 1:].mean(axis=0) - full[1:]) < 5 * error).all()


# ---------------------------------------------------------------- what is exact


@pytest.mark.parametrize(("a", "share"), [(1.0, 0.1), (1.0, 1.0), (2.5, 0.4), (0.4, 1.8)])
def test_the_stationary_variance_with_independent_draws(a: float, share: float) -> None:
    """lr s^2 / (a (2 - lr a)) within 5 standard errors of 8,000 runs."""
    loss, row = one_dimensional(60, a)
    lr, batch = share / a, 4
    ends = walk(
        loss, SGD, (0, 0), burn_in(lr, a, 1e-6), batch=batch, order="independent", runs=8000, hyper={"lr": lr},
        keep=[burn_in(lr, a, 1e-6)],
    )[:, 0, 0]  # fmt: skip
    squares, exact = ends**2, stationary_variance(lr, a, row / batch)
    assert exact == pytest.approx(lr * row / batch / (a * (2 - lr * a)))
    assert abs(squares.mean() - exact) < 5 * squares.std() / 8000**0.5


@pytest.mark.parametrize("batch", [12, 7, 59, 60])
def test_the_stationary_variance_with_shuffled_epochs(batch: int) -> None:
    """Within 5 standard errors of 8,000 runs, whether or not the batches are all of one size."""
    loss, row = one_dimensional(60, 1.0)
    of, lr = batches(60, batch), 0.3
    steps = of * (burn_in(lr, 1.0, 1e-6) // of + 1)
    ends = walk(loss, SGD, (0, 0), steps, batch=batch, order="shuffled", runs=8000, hyper={"lr": lr}, keep=[steps])
    squares = ends[:, 0, 0] ** 2
    exact = float(shuffled_variance(lr, 1.0, row, sizes(of, 60, batch, "shuffled")))
    if of == 1:
        assert exact == 0.0
        assert squares.max() < 1e-28
    else:
        assert abs(squares.mean() - exact) < 5 * squares.std() / 8000**0.5


def test_the_shuffled_variance_by_all_permutations() -> None:
    """Of five rows in batches of 2, 2 and 1 every order is taken: the fixed point of the exact mean over epochs."""
    from itertools import permutations

    c, lr, reads = np.array([-1.0, 0.2, 0.5, -0.4, 0.7]), 0.4, np.array([2, 2, 1])
    added = []
    for order in permutations(c):
        w = 0.0
        for part in np.split(np.array(order), np.cumsum(reads)[:-1]):
            w -= lr * (w - part.mean())
        added.append(w)
    r = (1 - lr) ** 3
    expected = np.mean(np.square(added)) / (1 - r * r)  # E[w w'] vanishes: epochs are independent with mean 0
    assert np.mean(added) == pytest.approx(0, abs=1e-15)
    assert float(shuffled_variance(lr, 1.0, c.var(), reads)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("T", [1, 7, 40])
def test_the_change_over_one_over_lr_steps(T: int) -> None:
    """lr Var[g] with gradients at one point, and the exact variance along the run: within 5 standard errors."""
    loss, row = one_dimensional(60, 0.5)
    for frozen, exact in ((True, row / 4 / T), (False, variance_after(1 / T, 0.5, row / 4, T))):
        ends = walk(
            loss, SGD, (1, 0), T, batch=4, order="independent", runs=6000, hyper={"lr": 1 / T}, keep=[T], frozen=frozen
        )[:, 0, 0]
        squares = (ends - ends.mean()) ** 2
        assert abs(squares.mean() - exact) < 5 * squares.std() / 6000**0.5
    assert variance_after(1 / T, 1e-9, row / 4, T) == pytest.approx(row / 4 / T, rel=1e-5)


def test_an_epoch_reads_every_row_once() -> None:
    assert batches(64, 8) == 8
    assert sizes(7, 23, 10, "shuffled").tolist() == [10, 10, 3, 10, 10, 3, 10]
    assert sizes(3, 23, 10, "independent").tolist() == [10, 10, 10]


def test_adagrad_earns_its_place_on_the_rare_column() -> None:
    """At the best of many rates it ends twice as low as SGD at its own best; without a rare column it does not."""
    rates = np.repeat(np.geomspace(1e-2, 2, 16), 8)

    def best(name: str, rule: Any) -> float:
        found = data_set(name)
        how: dict[str, Any] = {"batch": 10, "seed": 1, "runs": len(rates), "hyper": {"lr": rates}, "keep": [150]}
        ends = walk(found.loss, rule, found.start, 150, **how)[:, 0]
        return float((found.loss.value(ends) - found.loss.lowest).reshape(-1, 8).mean(axis=1).min())

    assert best("rare_column", ADAGRAD) < best("rare_column", SGD) / 2
    assert best("diabetes", ADAGRAD) > best("diabetes", SGD) / 2


@pytest.mark.parametrize(
    ("change", "sentence"),
    [({"order": "sorted"}, "order = 'sorted' is not known; there are: independent"), ({"batch": 24}, r"\[1, 23\]"),
     ({"batch": 0}, r"\[1, 23\]"), ({"steps": -1}, "steps"), ({"runs": 0}, "runs"), ({"seed": -1}, "seed"),
     ({"keep": [3, 2]}, "keep must ascend"), ({"keep": [99]}, "keep must ascend"), ({"start": (1,)}, "not a point"),
     ({"hyper": {"lr": -1.0}}, "lr = -1"), ({"rule": RULES["nesterov_lookahead"]}, "minibatches|maps")],
)  # fmt: skip
def test_bad_settings_get_a_sentence(change: dict, sentence: str) -> None:
    how: dict[str, Any] = {"rule": SGD, "start": (0, 0), "steps": 5, "batch": 2, **change}
    with pytest.raises(ValueError, match=sentence):
        walk(made("least_squares"), **how)


# ---------------------------------------------------------------- the moving average


@pytest.mark.parametrize("beta", [0.0, 0.3, 0.9, 0.999])
def test_the_moving_average_is_the_sum_with_its_weights(beta: float) -> None:
    x = draw.standard_normal(50)
    w = weights(beta, 50)
    np.testing.assert_allclose(average(x, beta)[-1], w @ x[::-1], rtol=1e-12)
    np.testing.assert_allclose(known(beta, 50), np.cumsum(w), rtol=1e-12)
    m, expected = 0.0, []
    for value in x:
        m = beta * m + (1 - beta) * value
        expected.append(m)
    np.testing.assert_allclose(average(x, beta), expected, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(corrected(np.full(50, 3.5), beta), 3.5, rtol=1e-12)
