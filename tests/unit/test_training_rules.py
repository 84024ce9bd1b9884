"""Every rule that trains networks does train one, and makes the steps of its independent implementation there."""

import copy
import io
import math
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_optimizer.base.optimizer import BaseOptimizer

from optim_core import RULES, Rule, RuleOptimizer
from tests import rounding
from tests.unit.test_training_loop import Watcher, of, ran
from training import optimizers
from training.data import digits
from training.loop import Training
from training.settings import recipe
from training.task import TASKS, Entry

TRAINING = [name for name, rule in RULES.items() if rule.network is not None]
SHARE = 0.5  # what the mean of the last ten batches' losses is at most, as a share of the first
EPOCHS = (3, 9)  # on digits; the second for rules that need longer


@pytest.fixture
def double() -> Iterator[None]:
    """Some libraries keep numbers in torch's default type."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("name", TRAINING)
def test_every_rule_trains_digits(name: str, tmp_path: Path) -> None:
    reached = []
    for epochs in EPOCHS:
        ending, watcher = ran(of(name, epochs=epochs), tmp_path / str(epochs))
        losses = watcher.values("train/loss")
        assert ending.status == "finished"
        reached.append(sum(losses[-10:]) / 10 / losses[0])
        if reached[-1] <= SHARE:
            return
    raise AssertionError(f"{name} is at {reached} of the first loss after {EPOCHS} epochs")


def reference(rule: Rule, parameters: Any) -> Any:
    """The rule's reference at its settings for networks, None where there is none."""
    return rule.reference(list(parameters), rule.Hyper(**dict(rule.network or {})))


def twin(name: str) -> bool:
    """Whether a rule that steps vectors or tensors has a reference that takes convolutions."""
    if RULES[name].scope == "matrix" or name == "lbfgs":  # torch's views a convolution's gradient as it does not lie
        return False
    return reference(RULES[name], [torch.zeros(2, 1, 3, 3, requires_grad=True)]) is not None


@pytest.fixture
def as_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """pytorch_optimizer 4.1.0 adds another 1e-15 to v under the root, which tells where gradients are nothing."""
    for function in (BaseOptimizer.apply_ams_bound, BaseOptimizer.apply_ams_bound_foreach):
        assert function.__defaults__ == (1e-15,)
        monkeypatch.setattr(function, "__defaults__", (0.0,))


@pytest.mark.usefixtures("as_written")
@pytest.mark.parametrize("name", [name for name in TRAINING if twin(name)])
def test_a_rule_and_its_reference_train_alike(
    name: str, tmp_path: Path, double: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = of(name, precision="float64", epochs=3)
    _, ours = ran(settings, tmp_path / "ours")
    monkeypatch.setattr(Training, "set_rate", lambda self: setattr(self, "rate", math.nan))  # the reference has its own

    def losses(noise: rounding.Noise) -> list[float]:
        build = lambda name, parameters, *_, **__: rounding.shaken(reference(RULES[name], parameters), noise)  # noqa: E731
        monkeypatch.setattr(optimizers, "build", build)
        return ran(settings, tmp_path / f"theirs-{noise.seed}-{noise.unit}")[1].values("train/loss")

    found, expected = ours.values("train/loss"), losses(rounding.Noise(0, 0.0))
    assert len(found) == 69
    rounding.assert_alike(found, expected, losses, name)


@pytest.mark.parametrize("name", [name for name in TRAINING if RULES[name].scope == "matrix"] + ["lbfgs"])
def test_a_rule_of_matrices_and_its_reference_train_alike(name: str, double: None) -> None:
    """A network of matrices alone; what they do with convolutions and vectors differs from library to library."""
    rule = RULES[name]
    images = digits.load()
    x = images.train_images[:512].reshape(512, -1).double() / 16
    y = images.train_labels[:512]

    def losses(build: Callable[[Any], torch.optim.Optimizer], noise: Callable[[Any], Any] = float) -> list[float]:
        torch.manual_seed(0)
        network = torch.nn.Sequential(
            torch.nn.Linear(x.shape[1], 24, bias=False), torch.nn.Tanh(), torch.nn.Linear(24, 10, bias=False)
        )
        optimizer, found = build(network.parameters()), []

        def closure() -> torch.Tensor:
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(network(x), y)
            loss.backward()
            return torch.tensor(float(noise(loss.item())))

        for _ in range(30):
            if name != "lbfgs":
                closure()
            found.append(float(optimizer.step(closure)))  # type: ignore[arg-type]
        return found

    if reference(rule, [torch.zeros(2, 2, requires_grad=True)]) is None:
        pytest.skip("no library has it")
    hyper = rule.Hyper(**(rule.network or {}))._asdict()
    found = losses(lambda parameters: RuleOptimizer(parameters, rule, **hyper))
    expected = losses(lambda parameters: reference(rule, parameters))
    assert found[-1] < 0.8 * found[0]
    rounding.assert_alike(
        found,
        expected,
        lambda noise: losses(lambda parameters: rounding.shaken(reference(rule, parameters), noise), noise),
        what=name,
    )


def test_what_is_left_to_the_companion_is_stepped_by_it() -> None:
    torch.manual_seed(0)
    weight, bias = torch.randn(3, 4, requires_grad=True), torch.randn(4, requires_grad=True)
    alone = bias.detach().clone().requires_grad_()
    usual = (RULES["muon"].network or {})["lr"]
    optimizer = RuleOptimizer([weight, bias], RULES["muon"], lr=usual / 2)
    companion = RULES[RULES["muon"].companion or ""]
    start: dict[str, Any] = dict(companion.network or {})
    other = RuleOptimizer([alone], companion, **{**start, "lr": start["lr"] / 2})
    for step in range(5):
        weight.grad, bias.grad = torch.full_like(weight, step + 1.0), torch.full_like(bias, step - 1.5)
        alone.grad = bias.grad.clone()
        optimizer.step()
        other.step()
    torch.testing.assert_close(bias, alone)


@pytest.mark.parametrize("name", ["schedule_free_adamw", "asgd", "lookahead"])
def test_a_run_is_scored_at_the_weights_that_its_rule_returns(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And trains on as if nobody had looked, to the last bit."""
    hyper = {**(RULES[name].network or {}), **({"t0": 5.0} if name == "asgd" else {})}
    _, scored = ran(of(name, hyper=hyper), tmp_path / "a")
    losses = []

    @contextmanager
    def by_hand(self: Any) -> Iterator[None]:
        kept = copy.deepcopy(self.network.state_dict())
        for group in self.optimizer.param_groups:
            for p in group["params"]:
                memory = self.optimizer.state[p]
                state = self.rule.State(**{key: memory[key] for key in self.rule.State._fields})
                h = self.rule.Hyper(**{key: group[key] for key in self.rule.Hyper._fields})
                p.data.copy_(self.rule.answer(p.data.clone(), state, h))
        losses.append(self.step)
        yield
        self.network.load_state_dict(kept)

    monkeypatch.setattr(Training, "answering", by_hand)
    _, expected = ran(of(name, hyper=hyper), tmp_path / "b")
    monkeypatch.setattr(Training, "answering", lambda self: nullcontext())
    _, plain = ran(of(name, hyper=hyper), tmp_path / "c")
    assert losses
    assert scored.values("epoch/test_loss") == expected.values("epoch/test_loss")
    assert scored.values("train/loss") == plain.values("train/loss")
    assert scored.values("epoch/test_loss") != plain.values("epoch/test_loss")


def test_statistics_of_batches_are_those_of_the_weights_that_are_scored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And training keeps its own."""
    settings = recipe(
        TASKS["cifar10_fast"], Entry("schedule_free_sgd"), epochs=2, images=24, batch_size=8, synthetic=True, threads=1
    )
    _, scored = ran(settings, tmp_path / "a")
    monkeypatch.setattr(Training, "answering", lambda self: nullcontext())
    _, plain = ran(settings, tmp_path / "b")
    assert scored.values("train/loss") == plain.values("train/loss")
    assert scored.values("epoch/test_loss") != plain.values("epoch/test_loss")


# ---------------------------------------------------------------- what goes around


def test_clipping_and_noise_come_between_gradient_and_step(tmp_path: Path) -> None:
    _, plain = ran(of("sign_descent"), tmp_path / "a")
    _, clipped = ran(of("sign_descent", clip="value", clip_at=1e-6), tmp_path / "b")
    assert plain.values("train/loss") == clipped.values("train/loss")  # a sign knows no size
    _, short = ran(of("gradient_descent", clip="norm", clip_at=1e-9), tmp_path / "c")
    _, still = ran(of("gradient_descent", hyper={"lr": 1e-12}), tmp_path / "d")
    assert short.values("train/loss") == pytest.approx(still.values("train/loss"), abs=1e-6)
    _, noisy = ran(of("gradient_descent", noise=0.01), tmp_path / "e")
    _, again = ran(of("gradient_descent", noise=0.01), tmp_path / "f")
    _, other = ran(of("gradient_descent", noise=0.01, seed=1), tmp_path / "g")
    assert noisy.values("train/loss") == again.values("train/loss")
    assert noisy.values("train/loss") != other.values("train/loss")


def test_a_noisy_run_resumes_as_if_nothing_had_been(tmp_path: Path) -> None:
    settings = of("adam", noise=0.01, clip="norm", schedule="one_cycle")
    _, whole = ran(settings, tmp_path / "whole")
    _, first = ran(settings, tmp_path / "parts", stop_at=10)
    _, second = ran(settings, tmp_path / "parts", resume=True)
    assert {**first.series["train/loss"], **second.series["train/loss"]} == whole.series["train/loss"]


def test_a_decoupled_decay_around_adam_is_adamw(tmp_path: Path) -> None:
    _, around = ran(of("adam", decoupled=0.3, precision="float64"), tmp_path / "a")
    _, own = ran(of("torch.AdamW", hyper={"lr": 1e-3, "weight_decay": 0.3}, precision="float64"), tmp_path / "b")
    assert around.values("train/loss") == pytest.approx(own.values("train/loss"), rel=1e-10)


@pytest.mark.parametrize(
    ("optimizer", "given", "sentence"),
    [
        ("adamw", {"decoupled": 0.1}, "decoupled = 0.1 is not allowed: AdamW has a weight_decay of its own"),
        ("lbfgs", {"clip": "norm"}, "clip is not allowed here: L-BFGS chooses its steps itself"),
        ("lbfgs", {"l2": 0.1}, "l2 = 0.1 is not allowed: L-BFGS takes no decay"),
        ("adam", {"clip": "sometimes"}, "clip = 'sometimes' is not one of: none, norm, value"),
        ("adam", {"l2": 0.1, "decoupled": 0.1}, "one of them must be 0"),
        ("adam", {"noise": math.inf}, "noise = inf is not allowed; it must lie in"),
    ],
)
def test_what_cannot_go_around_is_refused(optimizer: str, given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence.replace(".", r"\.").replace("(", r"\(")):
        of(optimizer, **given)


def test_a_rule_that_trains_no_network_says_so() -> None:
    for name, rule in RULES.items():
        if rule.network is None:
            with pytest.raises(ValueError, match=f"rule {name} trains no networks: ."):
                RuleOptimizer([torch.zeros(2, requires_grad=True)], rule, lr=0.1)
            assert name not in optimizers.OPTIMIZERS


@pytest.mark.parametrize("name", ["sam", "nesterov_lookahead", "lbfgs"])
def test_a_rule_that_looks_elsewhere_needs_a_closure(name: str) -> None:
    optimizer = RuleOptimizer([torch.zeros(2, requires_grad=True)], RULES[name], lr=0.1)
    with pytest.raises(ValueError, match=f"rule {name} needs a closure"):
        optimizer.step()


@pytest.mark.parametrize("name", ["sam", "nesterov_lookahead", "lbfgs", "muon", "soap", "adahessian", "lamb"])
def test_a_stopped_run_of_another_kind_resumes_too(name: str, tmp_path: Path) -> None:
    _, whole = ran(of(name), tmp_path / "whole")
    ending, first = ran(of(name), tmp_path / "parts", stop_at=12)
    assert ending.status == "stopped"
    _, second = ran(of(name), tmp_path / "parts", resume=True)
    assert {**first.series["train/loss"], **second.series["train/loss"]} == whole.series["train/loss"]


def test_the_watcher_sees_one_loss_a_step_however_often_the_closure_is_called(tmp_path: Path) -> None:
    watcher: Watcher = ran(of("lbfgs"), tmp_path)[1]
    assert len(watcher.values("train/loss")) == 46


# ---------------------------------------------------------------- rules that ask, look ahead or step matrices, by hand

ASKING = ["sam", "nesterov_lookahead", "lbfgs", "conjugate_gradients", "gradient_descent_armijo", "adahessian"]
OF_MATRICES = ["muon", "soap", "shampoo", "adafactor"]


def small(name: str, dtype: torch.dtype = torch.float64) -> tuple[torch.nn.Sequential, RuleOptimizer]:
    """Two layers and an optimizer for them."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2)).to(dtype)
    rule = RULES[name]
    return model, RuleOptimizer(model.parameters(), rule, horizon=20, **{**rule.Hyper()._asdict(), **rule.network})  # type: ignore[dict-item]


def steps(model: torch.nn.Module, optimizer: RuleOptimizer, count: int, more: Any = 0.0) -> list[float]:
    """The losses of some steps on one batch; more is added to each."""
    dtype = next(model.parameters()).dtype
    x = torch.linspace(-1, 1, 24, dtype=dtype).reshape(8, 3).cos()

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = ((model(x) - x[:, :2]) ** 2).sum() + more
        loss.backward(create_graph=optimizer.rule.curvature)
        return loss

    found = []
    for _ in range(count):
        loss = optimizer.step(closure) if optimizer.rule.needs_closure else closure()
        if not optimizer.rule.needs_closure:
            optimizer.step()
        found.append(float(loss.detach()))
    return found


def saved_and_loaded(pair: tuple[Any, RuleOptimizer]) -> tuple[Any, RuleOptimizer]:
    file = io.BytesIO()
    torch.save([part.state_dict() for part in pair], file)
    file.seek(0)
    model, optimizer = small(pair[1].rule.name)
    for part, state in zip((model, optimizer), torch.load(file, weights_only=True), strict=True):
        part.load_state_dict(state)
    return model, optimizer


@pytest.mark.filterwarnings("ignore:Using backward.. with create_graph=True")
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda pair: pickle.loads(pickle.dumps(pair)), saved_and_loaded])
@pytest.mark.parametrize("name", [*ASKING, *OF_MATRICES, "lookahead(momentum)", "sam(adam)"])
def test_a_copy_of_another_kind_goes_on_as_the_original(name: str, copied: Callable) -> None:
    model, optimizer = small(name)
    steps(model, optimizer, 3)
    random = torch.get_rng_state()
    expected = steps(model, optimizer, 3)
    model, optimizer = small(name)
    steps(model, optimizer, 3)
    again, twin = copied((model, optimizer))
    torch.set_rng_state(random)
    assert steps(again, twin, 3) == expected
    assert twin.rule is RULES[name]


@pytest.mark.filterwarnings("ignore:Using backward.. with create_graph=True")
@pytest.mark.parametrize("name", [*ASKING, *OF_MATRICES])
def test_what_needs_no_gradient_stays(name: str) -> None:
    model, optimizer = small(name)
    before = [p.detach().clone() for p in model.parameters()]
    model[0].requires_grad_(False)
    steps(model, optimizer, 3)
    assert list(map(torch.equal, before, model.parameters())) == [True, True, False, False]
    groups = [{"params": list(model[0].parameters())}, {"params": list(model[2].parameters())}]
    if optimizer.rule.kind != "closure":
        numbers = {key: optimizer.defaults[key] for key in optimizer.rule.Hyper._fields}
        assert steps(model, RuleOptimizer(groups, optimizer.rule, **numbers), 1)
    model.requires_grad_(False)
    assert optimizer.step(lambda: torch.tensor(3.0)) == 3.0


@pytest.mark.filterwarnings("ignore:Using backward.. with create_graph=True")
def test_parameters_without_curvature_do_not_stop_adahessian() -> None:
    model, optimizer = small("adahessian")
    straight, unused = (torch.nn.Parameter(torch.ones(2, dtype=torch.float64)) for _ in range(2))
    optimizer.param_groups[0]["params"] += [straight, unused]
    losses = steps(model, optimizer, 3, straight.sum() * 1)
    assert losses[-1] < losses[0]
    assert bool((straight < 1).all())
    assert torch.equal(unused, torch.ones_like(unused))


@pytest.mark.parametrize("name", ["sam", "nesterov_lookahead", "lbfgs"])
def test_a_closure_that_fails_leaves_the_parameters_where_they_were(name: str) -> None:
    model, optimizer = small(name)
    steps(model, optimizer, 2)
    before, asked = [p.detach().clone() for p in model.parameters()], 0

    def closure() -> torch.Tensor:
        nonlocal asked
        asked += 1
        loss = model(torch.ones(1, 3, dtype=torch.float64)).square().sum()
        if asked == (1 if name == "nesterov_lookahead" else 2):
            assert not all(map(torch.equal, before, model.parameters()))
            raise MemoryError
        loss.backward()
        return loss

    with pytest.raises(MemoryError):
        optimizer.step(closure)
    assert all(map(torch.equal, before, model.parameters()))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_rule_that_asks_steps_half_precision_in_single(dtype: torch.dtype) -> None:
    model, optimizer = small("lbfgs", dtype)
    losses = steps(model, optimizer, 4)
    assert losses[-1] < losses[0]
    assert next(model.parameters()).dtype == dtype
    assert optimizer.state[next(model.parameters())]["g"].dtype == torch.float32


def test_what_is_frozen_later_is_told_to_a_rule_of_one_vector() -> None:
    model, optimizer = small("lbfgs")
    steps(model, optimizer, 2)
    model[0].requires_grad_(False)
    with pytest.raises(ValueError, match="rule lbfgs is that of 26 numbers, and 10 require a gradient"):
        steps(model, optimizer, 1)


@pytest.mark.parametrize("name", ["lbfgs", "conjugate_gradients", *OF_MATRICES, "lamb"])
def test_a_state_of_other_sizes_is_refused(name: str) -> None:
    model, optimizer = small(name)
    steps(model, optimizer, 2)
    wider = torch.nn.Linear(5, 4).double()
    other = RuleOptimizer([*wider.parameters(), *model[2].parameters()], RULES[name], lr=0.1)
    with pytest.raises(ValueError, match="has a saved state of shape|is that of 26 numbers, and 34 require a gradient"):
        other.load_state_dict(optimizer.state_dict())


def test_a_closure_without_a_loss_gets_a_sentence() -> None:
    with pytest.raises(ValueError, match="rule lbfgs needs the loss: the closure must return it, not None"):
        small("lbfgs")[1].step(lambda: None)


def test_an_empty_parameter_is_no_matrix_to_stumble_over() -> None:
    empty, full = torch.nn.Parameter(torch.zeros(0, 3)), torch.nn.Parameter(torch.ones(2, 3))
    optimizer = RuleOptimizer([empty, full], RULES["muon"], lr=0.1)
    ((empty**2).sum() + (full**2).sum()).backward()
    optimizer.step()
    assert bool((full < 1).all())


def test_a_rule_of_one_vector_takes_one_group() -> None:
    model, optimizer = small("lbfgs")
    group = {"params": [torch.nn.Parameter(torch.ones(2, dtype=torch.float64))]}
    with pytest.raises(ValueError, match="rule lbfgs takes one group of parameters, not 2"):
        optimizer.add_param_group(group)
    assert steps(model, optimizer, 1)
    with pytest.raises(ValueError, match="rule lbfgs takes one group of parameters, not 2"):
        RuleOptimizer([{"params": list(model.parameters())}, group], RULES["lbfgs"], lr=0.1)


def test_groups_look_ahead_together() -> None:
    """The rule treats each entry for itself, so that two groups make the steps of one."""
    whole, optimizer = small("nesterov_lookahead")
    parted = copy.deepcopy(whole)
    numbers = {key: optimizer.defaults[key] for key in optimizer.rule.Hyper._fields}
    groups = [{"params": list(parted[0].parameters())}, {"params": list(parted[2].parameters())}]
    assert steps(parted, RuleOptimizer(groups, optimizer.rule, **numbers), 5) == steps(whole, optimizer, 5)
