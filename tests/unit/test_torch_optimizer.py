"""RuleOptimizer trains a network as torch.optim does, from the files that move dots on surfaces."""

import copy
import functools
import importlib.util
import pickle
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler as schedulers
from torch.utils._python_dispatch import TorchDispatchMode

from optim_core import RULES, RuleOptimizer
from optim_core.network import flat, torch_optimizer
from optim_core.rule import Rule, rule_from_module
from tests import rounding

# Those that step all parameters as one flat vector by the gradient at x; test_training_rules.py has the others.
FLAT = [
    name
    for name, rule in RULES.items()
    if rule.network is not None and rule.scope == "vector" and not rule.needs_closure
]
HYPER: dict[str, dict[str, Any]] = {
    name: {"lr": 1.0 if name == "adadelta" else 1e-2, **({"horizon": 300} if rule.needs_horizon else {})}
    for name, rule in RULES.items()
}
compile_as_it_is = torch.compile

# Every verb, a dot product, the step count, the horizon, a scalar of the state that is a norm, and fields of the state
# that are handed on as they were given.
EVERYTHING = '''
"""A rule for tests. None, 2000."""

from typing import Annotated, NamedTuple

from optim_core import xp
from optim_core.parameters import Range
from optim_core.rule import Scalar, Vector

NAME, YEAR, FAMILY, LATEX, NETWORK = "Everything", 2000, "test", "x", {"lr": 0.01}


class Hyper(NamedTuple):
    lr: Annotated[float, Range(1e-5, 1.0, "a", valid="(0, 1e6]")] = 0.01
    beta: Annotated[float, Range(0.0, 0.999, "b", valid="[0, 1)")] = 0.9


class State(NamedTuple):
    m: Vector
    slow: Vector
    before: Vector
    last: Vector
    norm: Scalar


def init(x):
    return State(xp.zeros(x), x, xp.zeros(x), x, xp.scalar(x, 0.0))


def step(x, g, s, h, t, n):
    beta = xp.where(t > 3, h.beta, 0.5) * xp.minimum(1.0, t / 2)
    m = beta * s.m + (1 - beta) * xp.where(g * s.m < 0, 0.25, 1.1) * g
    norm = xp.sqrt(xp.dot(m, m)) + 0.5 * s.norm
    ratio = xp.sqrt(xp.dot(x, x)) / xp.maximum(norm, 1e-6)
    rate = h.lr * xp.power(1 - t / (n + 1), 0.5) * (1 - xp.power(h.beta, t)) * xp.sqrt(1 - h.beta)
    move = xp.maximum(-0.5, xp.minimum(m * ratio, 0.5)) + 0.01 * xp.sign(m) * xp.tanh(xp.absolute(m))
    slow = s.slow + xp.where(t > 5, 0.2, 0.0) * (x - s.slow)
    return x - rate * (move + 0.1 * s.before) + 0.01 * (x - s.last), State(m, slow, s.m, x, norm)


def reference(params, h):
    return None
'''


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """The networks here are too small for more, and threads that wait for each other slow a busy machine down."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Rule:
    path = tmp_path_factory.mktemp("rules") / "everything.py"
    path.write_text(EVERYTHING)
    spec = importlib.util.spec_from_file_location("everything", path)
    assert spec
    assert spec.loader
    module = sys.modules["everything"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return rule_from_module(module)


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """torch.compile with a backend that runs the traced graph as it is; one entry for each graph."""
    found: list[int] = []

    def backend(graph: torch.fx.GraphModule, inputs: Any) -> Callable:
        found.append(len(inputs))
        return graph.forward

    monkeypatch.setattr(torch, "compile", functools.partial(compile_as_it_is, backend=backend))
    return found


@pytest.fixture
def best_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    """Inductor where there is a C++ compiler; elsewhere the same graphs, traced and functionalised, without it."""
    if not any(shutil.which(name) for name in ("g++", "clang++", "c++")):
        monkeypatch.setattr(torch, "compile", functools.partial(compile_as_it_is, backend="aot_eager"))


def network(dtype: torch.dtype = torch.float64, bias: bool = True) -> tuple[nn.Module, torch.Tensor, torch.Tensor]:
    """Without biases before the normalisations none of its gradients is zero but for rounding."""
    torch.manual_seed(0)
    layers = [nn.Conv2d(1, 4, 3, padding=1, bias=bias), nn.BatchNorm2d(4), nn.ReLU()]
    layers += [nn.Conv2d(4, 8, 3, stride=2, bias=bias), nn.BatchNorm2d(8), nn.ReLU()]
    model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(72, 5)).to(dtype)
    return model, torch.randn(40, 1, 8, 8, dtype=dtype), torch.randint(0, 5, (40,))


def train(model: nn.Module, optimizer: torch.optim.Optimizer, x, y, steps: int, schedule: Any = None) -> torch.Tensor:
    """The losses."""
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if isinstance(schedule, schedulers.ReduceLROnPlateau):
            schedule.step(losses[-1])
        elif schedule:
            schedule.step()
    return torch.tensor(losses, dtype=torch.float64)


def values(model: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().reshape(-1) for p in model.parameters()])


def settings(rule: Rule) -> dict[str, Any]:
    """What the rule proposes for networks, and a horizon where it needs one."""
    return {**(rule.network or {}), **({"horizon": 300} if rule.needs_horizon else {})}


def parameter(*numbers: float, dtype: torch.dtype = torch.float64) -> nn.Parameter:
    return nn.Parameter(torch.tensor(numbers, dtype=dtype))


# ---------------------------------------------------------------- beside torch.optim


SCHEDULES: dict[str, Callable[[torch.optim.Optimizer], Any]] = {
    "StepLR": lambda o: schedulers.StepLR(o, step_size=10, gamma=0.5),
    "CosineAnnealingLR": lambda o: schedulers.CosineAnnealingLR(o, T_max=40),
    "OneCycleLR": lambda o: schedulers.OneCycleLR(o, max_lr=0.05, total_steps=41, cycle_momentum=True),
    "ReduceLROnPlateau": lambda o: schedulers.ReduceLROnPlateau(o, patience=1, threshold=0.1),
    "warm-up from 0, then cosine to 0": lambda o: schedulers.SequentialLR(
        o, [schedulers.LambdaLR(o, lambda k: k / 10), schedulers.CosineAnnealingLR(o, T_max=30)], milestones=[10]
    ),
}


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
def test_schedulers_act_on_it_as_on_torch_optim(schedule: str, compiled: bool, compilations: list[int]) -> None:
    """A compiled step follows the rate in the one graph there is; a momentum that begins to change costs a second."""
    model, x, y = network()
    twin = copy.deepcopy(model)
    ours = RuleOptimizer(model.parameters(), RULES["momentum"], lr=0.01, compiled=compiled)
    theirs = torch.optim.SGD(twin.parameters(), lr=0.01, momentum=0.9)
    found = train(model, ours, x, y, 40, SCHEDULES[schedule](ours))
    expected = train(twin, theirs, x, y, 40, SCHEDULES[schedule](theirs))
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)
    assert ours.param_groups[0]["lr"] == theirs.param_groups[0]["lr"]
    assert len(compilations) == compiled * (2 if schedule == "OneCycleLR" else 1)


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
def test_the_rate_may_be_a_tensor(compiled: bool, compilations: list[int]) -> None:
    p, q = parameter(1.0, 2.0), parameter(1.0, 2.0)
    rate = torch.tensor(0.5)
    ours = RuleOptimizer([p], RULES["adam"], lr=rate, compiled=compiled)
    theirs = RuleOptimizer([q], RULES["adam"], lr=0.5)
    for value in (0.5, 0.25, 0.0):
        ours.param_groups[0]["lr"].fill_(value)
        theirs.param_groups[0]["lr"] = value
        p.grad, q.grad = torch.ones_like(p), torch.ones_like(q)
        ours.step()
        theirs.step()
    assert torch.equal(p, q)
    assert len(compilations) == compiled


def test_groups_have_their_own_hyperparameters_and_may_come_later() -> None:
    model, x, y = network()
    twin = copy.deepcopy(model)

    def both(network: nn.Module, optimizer: Callable) -> torch.Tensor:
        early, late = list(network.parameters())[:6], list(network.parameters())[6:]
        made = optimizer([{"params": early[:3], "momentum": 0.5}, {"params": early[3:], "lr": 0.02}])
        first = train(network, made, x, y, 5)
        made.add_param_group({"params": late, "lr": 0.05})
        return torch.cat([first, train(network, made, x, y, 20)])

    ours = both(model, lambda groups: RuleOptimizer(groups, RULES["momentum"], lr=0.01))
    theirs = both(twin, lambda groups: torch.optim.SGD(groups, lr=0.01, momentum=0.9))
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=0)
    torch.testing.assert_close(values(model), values(twin), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("where", ["keyword", "group"])
def test_l2_is_torchs_weight_decay(where: str) -> None:
    model, x, y = network()
    twin = copy.deepcopy(model)
    group: dict[str, Any] = {"params": list(model.parameters())}
    ours = RuleOptimizer([group | ({"l2": 0.1} if where == "group" else {})], RULES["adam"], lr=1e-3,
                         l2=0.1 if where == "keyword" else 0.0)  # fmt: skip
    theirs = torch.optim.Adam(twin.parameters(), lr=1e-3, weight_decay=0.1)
    torch.testing.assert_close(train(model, ours, x, y, 50), train(twin, theirs, x, y, 50), rtol=1e-10, atol=0)


# ---------------------------------------------------------------- compiled, in pieces, in a graph


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")  # torch's own, when it loads its compiler
@pytest.mark.usefixtures("best_backend")
@pytest.mark.parametrize("name", FLAT)
def test_the_compiled_step_is_the_eager_one(name: str) -> None:
    """But for rounding, which two compilers do alike only where nothing is reordered.

    The gradients are of the same network at nearly the same weights, which BLAS sums in an order that may depend on
    where they lie in memory.
    """
    rule = RULES[name]

    def run(compiled: bool, noise: rounding.Noise | None = None) -> torch.Tensor:
        """The losses, then the weights."""
        model, x, y = network(bias=False)
        optimizer = RuleOptimizer(model.parameters(), rule, compiled=compiled, **settings(rule))
        if noise:
            rounding.shaken(optimizer, noise)
        losses = train(model, optimizer, x, y, 200, schedulers.CosineAnnealingLR(optimizer, T_max=200))
        return torch.cat([losses, values(model)])

    rounding.assert_alike(run(True), run(False), lambda noise: run(False, noise), name)


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")  # torch's own, when it loads its compiler
@pytest.mark.usefixtures("best_backend")
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_a_rule_of_every_verb_compiles_without_a_break(everything: Rule, dtype: torch.dtype) -> None:
    start = torch.linspace(-1, 1, 50).to(dtype)
    p, q = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    pair = [RuleOptimizer([one], everything, horizon=30, lr=0.05, compiled=one is q) for one in (p, q)]
    for k in range(30):
        for one, optimizer in zip((p, q), pair, strict=True):
            one.grad = torch.sin(one.detach() * (k + 1))
            optimizer.step()
    assert not torch.equal(p, start)
    torch.testing.assert_close(q, p)
    for name in everything.State._fields:
        torch.testing.assert_close(pair[1].state[q][name], pair[0].state[p][name])
        wide = torch.float32 if dtype == torch.bfloat16 else dtype
        assert pair[1].state[q][name].dtype == (torch.float64 if name == "norm" else wide)


@pytest.mark.filterwarnings("ignore:The .grad attribute:UserWarning")  # torch asks for loss.grad itself
def test_a_function_that_a_caller_compiles_may_call_step() -> None:
    model, x, y = network()
    twin = copy.deepcopy(model)
    ours, theirs = (RuleOptimizer(one.parameters(), RULES["adam"], lr=0.01) for one in (model, twin))

    @torch.compile(backend="eager")
    def whole() -> torch.Tensor:
        ours.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        ours.step()
        return loss.detach()

    found = torch.stack([whole() for _ in range(10)])
    assert torch.equal(found, train(twin, theirs, x, y, 10))
    assert torch.equal(values(model), values(twin))


def test_a_step_in_place_is_the_step_as_written(everything: Rule) -> None:
    p = parameter(*torch.linspace(-1, 1, 9).tolist())
    optimizer = RuleOptimizer([p], everything, horizon=8, lr=0.05)
    x = p.detach().clone()
    state, h = everything.init(x), everything.Hyper(lr=torch.tensor(0.05, dtype=torch.float64))
    for k in range(1, 9):
        g = torch.sin(k * x)
        p.grad = g.clone()
        optimizer.step()
        x, state = everything.step(x, g, state, h, torch.tensor(k, dtype=torch.float64), 8.0)
        assert torch.equal(p, x)
        for name in everything.State._fields:
            assert torch.equal(optimizer.state[p][name], getattr(state, name))


def test_elementwise_rules_are_told_from_others(everything: Rule) -> None:
    for name, rule in ((name, RULES[name]) for name in FLAT):
        assert flat._elementwise(rule) == ("xp.dot(" not in rule.source), name
    assert not flat._elementwise(everything)


@pytest.mark.parametrize("name", [*FLAT, "everything"])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_pieces_make_the_same_steps(name: str, memory_format: Any, everything: Rule, monkeypatch) -> None:
    """Large parameters by themselves, chunks of a few numbers; rules that look at the whole vector stay whole."""
    rule = RULES.get(name, everything)
    model, x, y = network(bias=False)
    twin = copy.deepcopy(model).to(memory_format=memory_format)  # pyright: ignore
    whole = train(model, RuleOptimizer(model.parameters(), rule, **{**settings(rule), "horizon": 20}), x, y, 20)
    monkeypatch.setattr(flat, "LARGE", 20)
    monkeypatch.setattr(flat, "MOST", 2)
    monkeypatch.setattr(flat, "_chunk", lambda _: 7)
    optimizer = RuleOptimizer(twin.parameters(), rule, **{**settings(rule), "horizon": 20})
    torch.testing.assert_close(train(twin, optimizer, x, y, 20), whole, rtol=1e-11, atol=0)
    torch.testing.assert_close(values(twin), values(model), rtol=1e-9, atol=1e-12)
    ((part,),) = optimizer._flats[0].values()
    assert len(part.pieces) > 50 or not flat._elementwise(rule)


class _Captured(TorchDispatchMode):
    """Refuses what a CUDA graph cannot hold: values that come from the host or go to it."""

    refused = ("_local_scalar_dense", "lift_fresh", "_to_copy", "item", "nonzero", "equal", "is_pinned")

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.name().removeprefix("aten::").partition(".")[0]
        assert name not in self.refused, f"{name} in a step"
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", [*FLAT, "everything"])
def test_a_step_could_be_captured(monkeypatch: pytest.MonkeyPatch, name: str, everything: Rule) -> None:
    """Nothing is asked of the device, nothing new comes from the host, and all buffers stay where they are.

    A device's steps are not replayed from a tape, as the processor's are.
    """
    monkeypatch.setattr(flat.Flat, "_tape", lambda *_: None)
    rule = RULES.get(name, everything)
    p, q = parameter(1.0, 2.0), parameter(3.0)
    optimizer = RuleOptimizer(
        [p, q], rule, l2=0.0 if "weight_decay" in rule.Hyper._fields else 0.1, **{**settings(rule), "horizon": 10}
    )
    p.grad, q.grad = torch.ones_like(p), torch.ones_like(q)
    optimizer.prepare()
    kept = [p, q, *(value for memory in optimizer.state.values() for value in memory.values())]
    addresses = [tensor.data_ptr() for tensor in kept]
    with _Captured():
        optimizer.step()
    assert [tensor.data_ptr() for tensor in kept] == addresses
    assert optimizer.state[p]["t"] == 1
    # ADOPT's first step moves nothing.
    assert torch.equal(p, torch.tensor([1.0, 2.0], dtype=torch.float64)) == (name == "adopt")


def test_refresh_brings_the_rate_to_where_a_graph_reads_it() -> None:
    p = parameter(1.0)
    optimizer = RuleOptimizer([p], RULES["gradient_descent"], lr=0.5)
    optimizer.prepare()
    (rate,) = optimizer._numbers[0].rates.values()
    optimizer.param_groups[0]["lr"] = 0.25
    optimizer.refresh()
    assert optimizer._numbers[0].rates["lr"] is rate
    assert (rate.item(), rate.dtype, rate.dim()) == (0.25, torch.float64, 0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
@pytest.mark.parametrize("name", FLAT)
def test_replays_of_a_cuda_graph_are_steps(name: str) -> None:
    rule = RULES[name]
    p = nn.Parameter(torch.linspace(-1, 1, 1000, device="cuda"))
    q = nn.Parameter(p.detach().clone())
    captured, eager = (RuleOptimizer([one], rule, **settings(rule)) for one in (p, q))
    p.grad, q.grad = torch.ones_like(p), torch.ones_like(q)
    captured.prepare()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        captured.step()
    for k in range(1, 6):
        p.grad.copy_(torch.sin(k * torch.arange(1000.0)))
        q.grad.copy_(p.grad)
        for optimizer in (captured, eager):
            optimizer.param_groups[0]["lr"] = settings(rule)["lr"] / k
        captured.refresh()
        graph.replay()
        eager.step()
    assert torch.equal(p, q)
    assert captured.state[p]["t"] == 5


# ---------------------------------------------------------------- saved, copied, moved


@pytest.mark.parametrize("name", FLAT)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
def test_a_saved_state_goes_on_as_if_nothing_had_been(
    name: str, dtype: torch.dtype, memory_format: Any, compiled: bool, compilations: list[int], tmp_path: Path
) -> None:
    def fresh() -> tuple[nn.Module, RuleOptimizer]:
        model = network(dtype)[0].to(memory_format=memory_format)  # pyright: ignore
        return model, RuleOptimizer(model.parameters(), RULES[name], compiled=compiled, **HYPER[name])

    _, x, y = network(dtype)
    model, optimizer = fresh()
    train(model, optimizer, x, y, 5)
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, tmp_path / "saved.pt")
    train(model, optimizer, x, y, 5)
    saved = torch.load(tmp_path / "saved.pt", weights_only=True)
    again, resumed = fresh()
    again.load_state_dict(saved["model"])
    resumed.load_state_dict(saved["optimizer"])
    train(again, resumed, x, y, 5)
    assert torch.equal(values(again), values(model))
    for p, q in zip(model.parameters(), again.parameters(), strict=True):
        assert q.stride() == p.stride()
        for key, value in optimizer.state[p].items():
            assert torch.equal(resumed.state[q][key], value)


def test_loading_writes_into_the_buffers_that_are_there() -> None:
    """So that a CUDA graph goes on from what was loaded; a fresh optimizer's state starts it anew."""
    p = parameter(1.0, 2.0)
    optimizer = RuleOptimizer([p], RULES["adam"], lr=0.1)
    fresh = copy.deepcopy(optimizer.state_dict())
    p.grad = torch.ones_like(p)
    optimizer.step()
    saved = copy.deepcopy(optimizer.state_dict())
    addresses = {name: value.data_ptr() for name, value in optimizer.state[p].items()}
    optimizer.step()
    for state, t in ((saved, 1), (fresh, 0)):
        optimizer.load_state_dict(state)
        assert {name: value.data_ptr() for name, value in optimizer.state[p].items()} == addresses
        assert optimizer.state[p]["t"] == t
        assert bool(optimizer.state[p]["m"].any()) == (t > 0)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
def test_a_copy_goes_on_as_the_original(copied: Callable, compiled: bool, compilations: list[int]) -> None:
    model, x, y = network()
    optimizer = RuleOptimizer(model.parameters(), RULES["adam"], lr=0.1, compiled=compiled, horizon=9)
    train(model, optimizer, x, y, 3)
    again, twin = copied((model, optimizer))
    assert (twin.compiled, twin.horizon, twin.rule) == (compiled, 9, RULES["adam"])
    assert torch.equal(train(again, twin, x, y, 3), train(model, optimizer, x, y, 3))
    assert torch.equal(values(again), values(model))


def _other_memory(model: nn.Module) -> None:
    for p in model.parameters():
        p.data = p.data.clone()


@pytest.mark.parametrize(
    "change",
    [
        _other_memory,
        lambda model: model.to(memory_format=torch.channels_last),
        lambda model: model.load_state_dict(copy.deepcopy(model.state_dict())),
        lambda model: model.float().double(),
    ],
    ids=["p.data replaced", "channels last", "state_dict", "there and back"],
)
def test_parameters_that_were_moved_are_followed(change: Callable[[nn.Module], Any]) -> None:
    model, x, y = network()
    optimizer = RuleOptimizer(model.parameters(), RULES["adam"], lr=0.01)
    train(model, optimizer, x, y, 3)
    twin, undisturbed = copy.deepcopy((model, optimizer))
    strides = [p.stride() for p in change(model).parameters()] if change(model) is model else None
    train(model, optimizer, x, y, 3)
    train(twin, undisturbed, x, y, 3)
    torch.testing.assert_close(values(model), values(twin), rtol=1e-6, atol=1e-6)
    assert strides is None or strides == [p.stride() for p in model.parameters()]


def test_a_step_is_seen_by_autograd() -> None:
    p = parameter(1.0, 2.0)
    optimizer = RuleOptimizer([p], RULES["gradient_descent"], lr=0.1)
    optimizer.prepare()
    loss = (p**2).sum()
    loss.backward(retain_graph=True)
    optimizer.step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


# ---------------------------------------------------------------- gradients that are missing


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
@pytest.mark.parametrize("large", [0, 10**9], ids=["pieces", "together"])
def test_a_parameter_without_gradient_keeps_value_and_state(
    compiled: bool, large: int, compilations: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in torch.optim, which leaves such a parameter out as well; the third one never has a gradient."""
    monkeypatch.setattr(flat, "LARGE", large)
    ours = [parameter(1.0, 2.0), parameter(3.0), parameter(4.0)]
    theirs = copy.deepcopy(ours)
    mine = RuleOptimizer(ours, RULES["momentum"], lr=0.1, compiled=compiled)
    peer = torch.optim.SGD(theirs, lr=0.1, momentum=0.9)
    for present in ([0], [0, 1], [1], [], [0], [0, 1]):
        for params in (ours, theirs):
            for index, p in enumerate(params):
                p.grad = torch.cos(p.detach()) if index in present else None
        mine.step()
        peer.step()
        for p, q in zip(ours, theirs, strict=True):
            torch.testing.assert_close(p, q, rtol=1e-14, atol=0)
    assert ours[2] not in mine.state
    assert ours[2].item() == 4.0


def test_a_step_without_a_gradient_is_not_counted() -> None:
    """Of a parameter, as in torch.optim: its count and its scalars are its own."""
    p, q = parameter(1.0), parameter(2.0)
    optimizer = RuleOptimizer([p, q], RULES["adam"], lr=0.1)
    p.grad, q.grad = torch.ones_like(p), torch.ones_like(q)
    optimizer.step()
    p.grad = q.grad = None
    optimizer.step()
    assert optimizer.state[p]["t"] == 1
    q.grad = torch.ones_like(q)
    before = p.item(), optimizer.state[p]["m"].item(), optimizer.state[p]["v"].item()
    optimizer.step()
    assert (p.item(), optimizer.state[p]["m"].item(), optimizer.state[p]["v"].item()) == before
    assert (optimizer.state[p]["t"], optimizer.state[q]["t"]) == (1, 2)
    assert optimizer.state[p]["beta1_t"].item() == 0.9
    assert optimizer.state[q]["beta1_t"].item() == pytest.approx(0.81)


def test_zeroed_gradients_are_as_good_as_none() -> None:
    model, x, y = network()
    twin = copy.deepcopy(model)
    pair = [(one, RuleOptimizer(one.parameters(), RULES["adam"], lr=0.01)) for one in (model, twin)]
    for _ in range(5):
        for (one, optimizer), to_none in zip(pair, (True, False), strict=True):
            optimizer.zero_grad(set_to_none=to_none)
            nn.functional.cross_entropy(one(x), y).backward()
            optimizer.step()
    assert torch.equal(values(model), values(twin))


# ---------------------------------------------------------------- types, and what is refused


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_stepped_in_single(dtype: torch.dtype) -> None:
    p = parameter(1.0, 1.0, 1.0, dtype=dtype)
    optimizer = RuleOptimizer([p], RULES["adam"], lr=0.1)
    p.grad = torch.full((3,), 1e-4, dtype=dtype)
    optimizer.step()
    assert p.dtype == dtype
    assert optimizer.state[p]["m"].dtype == torch.float32
    torch.testing.assert_close(p.detach(), torch.full((3,), 0.9, dtype=dtype), atol=5e-3, rtol=0)


@pytest.mark.parametrize(
    ("hyper", "sentence"),
    [
        ({}, "lr is missing"),
        ({"lr": -1.0}, "lr = -1 is not allowed"),
        ({"lr": torch.tensor(-1.0)}, "lr = -1 is not allowed"),
        ({"lr": torch.ones(2)}, "is not a number"),
        ({"lr": 1.0, "mu": 0.9}, "no parameter 'mu'"),
        ({"lr": 1.0, "l2": -0.1}, "l2 = -0.1 is not allowed"),
    ],
)
def test_bad_hyperparameters_are_named(hyper: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        RuleOptimizer([parameter(0.0)], RULES["adam"], **hyper)


@pytest.mark.parametrize("group", [{"lr": -1.0}, {"beta1": 2.0}, {"l2": -1.0}, {"betas": (0.9,)}])
def test_groups_are_checked(group: dict) -> None:
    with pytest.raises(ValueError, match="not allowed"):
        RuleOptimizer([{"params": [parameter(0.0)], **group}], RULES["adam"], lr=0.1)


def test_l2_beside_a_weight_decay_is_refused() -> None:
    with pytest.raises(ValueError, match="rule adamw has a weight decay of its own"):
        RuleOptimizer([parameter(0.0)], RULES["adamw"], lr=0.1, l2=0.1)
    RuleOptimizer([parameter(0.0)], RULES["adamw"], lr=0.1, l2=0.0)


@pytest.mark.parametrize("horizon", [0, -5, float("nan"), "abc", [1]])
def test_a_bad_horizon_is_named(horizon: Any) -> None:
    with pytest.raises(ValueError, match="horizon = "):
        RuleOptimizer([parameter(0.0)], RULES["adam"], horizon=horizon, lr=0.1)


def test_sparse_gradients_complex_and_mixed_parameters_are_refused() -> None:
    table = nn.Embedding(5, 2, sparse=True)
    optimizer = RuleOptimizer(table.parameters(), RULES["adam"], lr=0.1)
    table(torch.tensor([1])).sum().backward()
    with pytest.raises(ValueError, match="sparse gradients are not supported"):
        optimizer.step()
    whole = nn.Parameter(torch.zeros(2, dtype=torch.complex64))
    with pytest.raises(ValueError, match="complex parameters are not supported"):
        RuleOptimizer([whole], RULES["adam"], lr=0.1)
    mixed = [parameter(1.0), parameter(1.0, dtype=torch.float32)]
    optimizer = RuleOptimizer(mixed, RULES["adam"], lr=0.1)
    for p in mixed:
        p.grad = torch.ones_like(p)
    with pytest.raises(ValueError, match="must share type and device"):
        optimizer.step()


def test_a_state_that_does_not_fit_is_refused() -> None:
    def stepped(name: str, *numbers: float) -> RuleOptimizer:
        p = parameter(*numbers)
        p.grad = torch.ones_like(p)
        optimizer = RuleOptimizer([p], RULES[name], lr=0.1)
        optimizer.step()
        return optimizer

    adam = stepped("adam", 1.0, 2.0)
    before = copy.deepcopy(adam.state_dict())
    with pytest.raises(ValueError, match="rule adam needs"):
        adam.load_state_dict(stepped("momentum", 1.0, 2.0).state_dict())
    with pytest.raises(ValueError, match="a parameter of shape"):
        adam.load_state_dict(stepped("adam", 1.0).state_dict())
    other = torch.optim.SGD([parameter(1.0)], lr=0.1).state_dict()
    with pytest.raises(ValueError, match="a saved group lacks beta1, beta2, bias_correction, decoupled, eps, l2"):
        adam.load_state_dict(other)
    for name, value in before["state"][0].items():
        assert torch.equal(adam.state_dict()["state"][0][name], value)


def test_a_graph_is_not_captured_without_buffers(monkeypatch: pytest.MonkeyPatch) -> None:
    p = parameter(1.0)
    optimizer = RuleOptimizer([p], RULES["adam"], lr=0.1)
    p.grad = torch.ones_like(p)
    monkeypatch.setattr(torch_optimizer, "_capturing", lambda _: True)
    with pytest.raises(RuntimeError, match=r"call its prepare\(\) first"):
        optimizer.step()
