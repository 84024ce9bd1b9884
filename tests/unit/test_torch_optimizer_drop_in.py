"""RuleOptimizer where torch.optim's stand: what other tools and users do with an optimizer, over all network rules.

Each against torch.optim where it has the rule, and against an undisturbed or a separate run where it has not.
"""

import copy
import math
import pickle
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.optim import lr_scheduler as schedulers
from torch.optim.swa_utils import SWALR, AveragedModel, get_ema_multi_avg_fn

from optim_core import RULES, RuleOptimizer
from optim_core.network import flat, torch_optimizer
from optim_core.rules import shampoo, soap

NETWORK = [name for name, rule in RULES.items() if rule.network is not None]
STEPPING = [name for name in NETWORK if not RULES[name].needs_closure]
OWN = [name for name in STEPPING if RULES[name].scope != "vector" or not flat.whole(RULES[name])]  # by parameter
WHOLE = [name for name in STEPPING if name not in OWN]
ANSWERING = [name for name in NETWORK if RULES[name].answer is not None]
# Rules that torch.optim has, as the same steps.
TORCH: dict[str, Callable[[Any], torch.optim.Optimizer]] = {
    "gradient_descent": lambda p: torch.optim.SGD(p, lr=0.01),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9),
    "nesterov": lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9, nesterov=True),
    "adagrad": lambda p: torch.optim.Adagrad(p, lr=0.01),
    "adadelta": lambda p: torch.optim.Adadelta(p, lr=0.01),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.01),
    "adam": lambda p: torch.optim.Adam(p, lr=0.01),
    "amsgrad": lambda p: torch.optim.Adam(p, lr=0.01, amsgrad=True),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.01),
    "adamax": lambda p: torch.optim.Adamax(p, lr=0.01),
    "nadam": lambda p: torch.optim.NAdam(p, lr=0.01),
    "radam": lambda p: torch.optim.RAdam(p, lr=0.01),
    "rprop": lambda p: torch.optim.Rprop(p, lr=0.01),
    "asgd": lambda p: torch.optim.ASGD(p, lr=0.01, t0=1000),
}


def made(name: str, params: Any, **more: Any) -> RuleOptimizer:
    """At the rule's own settings for networks, with a horizon where it needs one."""
    horizon = {"horizon": 50} if RULES[name].needs_horizon else {}
    return RuleOptimizer(params, name, **{**(RULES[name].network or {}), **horizon, **more})


def beside(name: str, params: Any) -> tuple[RuleOptimizer, torch.optim.Optimizer]:
    """The rule at the settings of the one in TORCH, and that one on a copy of the parameters."""
    rule, theirs = RULES[name], TORCH[name](copy.deepcopy(params))
    group = theirs.param_groups[0]
    told = {key: float(group[key]) for key in rule.Hyper._fields if key in group}
    betas = {f"beta{k}": beta for k, beta in enumerate(group.get("betas", ()), start=1)}
    known = {key: value for key, value in {**told, **betas}.items() if key in rule.Hyper._fields}
    return RuleOptimizer(params, rule, **known), theirs


def network(dtype: torch.dtype = torch.float64) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3)).to(dtype)


def data(step: int, dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(step)
    x = torch.randn(12, 6, generator=generator, dtype=torch.float64).to(dtype)
    return x, torch.randint(0, 3, (12,), generator=generator)


def steps(model: Any, optimizer: torch.optim.Optimizer, first: int, last: int, around: Callable = nullcontext) -> None:
    """The steps first..last-1, each on a batch of its own; ``around`` is what surrounds the call of step."""
    asks = isinstance(optimizer, RuleOptimizer) and optimizer.rule.needs_closure
    for k in range(first, last):
        x, y = data(k)

        def closure(x: torch.Tensor = x, y: torch.Tensor = y) -> torch.Tensor:
            optimizer.zero_grad()
            loss = cross_entropy(model(x), y)
            loss.backward(create_graph=isinstance(optimizer, RuleOptimizer) and optimizer.rule.curvature)
            return loss.detach()

        torch.manual_seed(k)  # for estimates that draw signs
        if not asks:
            closure()
        with around():
            optimizer.step(closure) if asks else optimizer.step()  # type: ignore[arg-type]


def values(model: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().reshape(-1) for p in model.parameters()])


def parameters(*rows: int, seed: int = 0) -> list[nn.Parameter]:
    generator = torch.Generator().manual_seed(seed)
    return [nn.Parameter(torch.randn(row, 3, generator=generator, dtype=torch.float64)) for row in rows]


def slopes(params: list[Any], k: int, present: Any = None) -> None:
    """Gradients that depend on the parameters and the step; None for those that are not present."""
    for index, p in enumerate(params):
        p.grad = torch.sin(p.detach() * (k + 1) + index) if present is None or index in present else None


pytestmark = pytest.mark.filterwarnings("ignore:Using backward.. with create_graph=True")


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def double() -> Iterator[None]:
    """torch keeps some numbers of NAdam and ASGD in its default type."""
    with default_type(torch.float64):
        yield


@contextmanager
def default_type(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    yield
    torch.set_default_dtype(before)


# ---------------------------------------------------------------- the state is the one truth


@pytest.mark.parametrize("name", NETWORK)
@pytest.mark.parametrize("way", ["clear", "delete", "replace"])
def test_a_state_that_is_emptied_begins_anew(name: str, way: str) -> None:
    model = network()
    optimizer = made(name, model.parameters())
    steps(model, optimizer, 0, 4)
    if way == "clear":
        optimizer.state.clear()
    elif way == "delete":
        for p in list(optimizer.state):
            del optimizer.state[p]
    else:
        optimizer.state = defaultdict(dict)
    assert optimizer.state_dict()["state"] == {}
    twin = copy.deepcopy(model)
    fresh = made(name, twin.parameters())
    steps(model, optimizer, 4, 8)
    steps(twin, fresh, 4, 8)
    assert torch.equal(values(model), values(twin))
    _same(optimizer.state_dict()["state"], fresh.state_dict()["state"])


def _same(found: Any, expected: Any) -> None:
    """Alike to the last bit, however deep."""
    assert type(found) is type(expected)
    if isinstance(expected, dict):
        assert list(found) == list(expected)
        for key in expected:
            _same(found[key], expected[key])
    elif isinstance(expected, (tuple, list)):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            _same(one, other)
    elif torch.is_tensor(expected):
        assert found.dtype == expected.dtype
        assert torch.equal(found, expected)
    else:
        assert found == expected


@pytest.mark.parametrize("name", NETWORK)
def test_a_state_that_is_put_there_is_what_steps_go_on_from(name: str) -> None:
    """State and weights of one moment, kept as copies by hand and put back later."""
    model = network()
    optimizer = made(name, model.parameters())
    steps(model, optimizer, 0, 3)
    kept = {p: copy.deepcopy(memory) for p, memory in optimizer.state.items()}
    weights = [p.detach().clone() for p in model.parameters()]
    steps(model, optimizer, 3, 6)
    expected = values(model)
    with torch.no_grad():
        for p, weight in zip(model.parameters(), weights, strict=True):
            p.copy_(weight)
    for p, memory in kept.items():
        optimizer.state[p] = memory
    steps(model, optimizer, 3, 6)
    assert torch.equal(values(model), expected)


@pytest.mark.parametrize("name", ["adam", "momentum", "rmsprop"])
def test_an_edit_in_place_acts_as_in_torch(name: str) -> None:
    ours = parameters(2, 4)
    optimizer, peer = beside(name, ours)
    theirs = peer.param_groups[0]["params"]
    names = {"adam": ("m", "exp_avg"), "momentum": ("b", "momentum_buffer"), "rmsprop": ("v", "square_avg")}[name]
    for k in range(8):
        for params, one in ((ours, optimizer), (theirs, peer)):
            slopes(params, k)
            one.step()
        if k in (3, 5):
            field = next(f for f in (names[0], *optimizer.rule.State._fields) if f in optimizer.state[ours[0]])
            optimizer.state[ours[k % 2]][field].mul_(0.25)
            peer.state[theirs[k % 2]][names[1]].mul_(0.25)
    for p, q in zip(ours, theirs, strict=True):
        torch.testing.assert_close(p, q, rtol=1e-13, atol=1e-15)


def test_counts_may_be_edited_and_replaced() -> None:
    """As numbers, tensors of another type, in place: adam's count decides nothing, nadam's and rprop's scalars do."""
    for edit in (
        lambda memory: memory["t"].zero_(),
        lambda memory: memory.__setitem__("t", 0),
        lambda memory: memory.__setitem__("t", torch.tensor(0.0)),
    ):
        first, second = parameters(2), parameters(2)
        pair = [(p, RuleOptimizer(p, "asgd", lr=0.1, t0=1.0, lambd=0.1)) for p in (first, second)]
        for k in range(5):
            for params, optimizer in pair:
                slopes(params, k)
                if k == 3 and params is second:
                    edit(optimizer.state[params[0]])
                optimizer.step()
        assert pair[0][1].state[first[0]]["t"] == 5
        assert pair[1][1].state[second[0]]["t"] == 2
        assert not torch.equal(first[0], second[0])


def test_edits_leave_the_states_tensors_where_they_are() -> None:
    """So that a CUDA graph goes on with them."""
    params = parameters(2, 4)
    optimizer = made("adam", params)
    for k in range(4):
        slopes(params, k)
        optimizer.step()
        addresses = [value.data_ptr() for p in params for value in optimizer.state[p].values()]
        for memory in optimizer.state.values():
            memory["t"].add_(1)
            memory["m"].mul_(0.5)
        slopes(params, k)
        optimizer.step()
        assert addresses == [value.data_ptr() for p in params for value in optimizer.state[p].values()]


def test_a_users_own_entries_stay() -> None:
    (p,) = params = parameters(2)
    optimizer = made("adam", params)
    optimizer.state[p]["note"] = "mine"
    for k in range(3):
        slopes(params, k)
        optimizer.step()
    assert optimizer.state[p]["note"] == "mine"
    saved = optimizer.state_dict()
    assert saved["state"][0]["note"] == "mine"
    optimizer.load_state_dict(copy.deepcopy(saved))
    assert optimizer.state[p]["note"] == "mine"


@pytest.mark.parametrize(
    ("memory", "sentence"),
    [
        ({"t": 1.0}, "this state holds .*; rule adam needs"),
        ({"m": torch.zeros(5), "v": torch.zeros(5), "t": 1.0, "beta1_t": 1.0, "beta2_t": 1.0}, "a parameter of shape"),
    ],
)
def test_a_state_that_cannot_be_is_named(memory: dict[str, Any], sentence: str) -> None:
    (p,) = params = parameters(2)
    optimizer = made("adam", params)
    optimizer.state[p] = memory
    slopes(params, 0)
    with pytest.raises(ValueError, match=sentence):
        optimizer.step()


# ---------------------------------------------------------------- parameters stay where they are


@pytest.mark.parametrize("name", NETWORK)
def test_parameters_stay_in_their_memory_and_every_state_has_its_own(name: str, tmp_path: Any) -> None:
    from safetensors.torch import load_file, save_model

    model = network()
    detached = model.state_dict()
    arrays = {key: value.detach().numpy() for key, value in model.named_parameters()}
    average = copy.deepcopy(model)
    addresses = [p.data_ptr() for p in model.parameters()]
    optimizer = made(name, model.parameters())
    steps(model, optimizer, 0, 3)
    assert [p.data_ptr() for p in model.parameters()] == addresses
    for key, p in model.named_parameters():
        assert torch.equal(detached[key], p)
        assert (arrays[key] == p.detach().numpy()).all()
    assert not torch.equal(values(model), values(average))
    save_model(model, str(tmp_path / "model.safetensors"))
    assert torch.equal(load_file(tmp_path / "model.safetensors")["0.weight"], next(model.parameters()))
    seen = set(addresses)
    for memory in optimizer.state.values():
        for value in memory.values():
            if torch.is_tensor(value) and value.numel():
                assert value.untyped_storage().nbytes() == value.numel() * value.element_size()
                assert value.data_ptr() not in seen
                seen.add(value.data_ptr())


@pytest.mark.parametrize("name", STEPPING)
def test_parameters_may_be_views_of_a_users_buffer(name: str) -> None:
    """As FSDP and flat parameters have them; also with gaps between their numbers."""
    start = torch.randn(2, 40, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    buffer = start.clone()
    inside = [nn.Parameter(buffer[0, 3:15].view(4, 3)), nn.Parameter(buffer[1].view(8, 5)[:, ::2])]
    apart = [nn.Parameter(p.detach().clone()) for p in inside]
    pair = [(params, made(name, params)) for params in (inside, apart)]
    for k in range(4):
        for params, optimizer in pair:
            slopes(params, k)
            optimizer.step()
    for p, q in zip(inside, apart, strict=True):
        torch.testing.assert_close(p, q, rtol=1e-12, atol=1e-14)
    assert torch.equal(buffer[0, 3:15].view(4, 3), inside[0])
    assert torch.equal(buffer[0, 15:], start[0, 15:])


def test_parameters_that_share_memory_add_their_steps_as_in_torch() -> None:
    ours, theirs = torch.arange(6.0, dtype=torch.float64), torch.arange(6.0, dtype=torch.float64)
    lists = [[nn.Parameter(whole), nn.Parameter(whole[2:5]), nn.Parameter(whole[:2])] for whole in (ours, theirs)]
    pair = [RuleOptimizer(lists[0], "momentum", lr=0.1), torch.optim.SGD(lists[1], lr=0.1, momentum=0.9)]
    for _ in range(3):
        for params, optimizer in zip(lists, pair, strict=True):
            for k, p in enumerate(params):
                p.grad = torch.full_like(p, k + 1.0)
            optimizer.step()
    torch.testing.assert_close(ours, theirs, rtol=1e-14, atol=0)


def test_an_expanded_parameter_is_refused_as_by_torch() -> None:
    for build in (lambda p: RuleOptimizer([p], "momentum", lr=0.1), lambda p: torch.optim.SGD([p], lr=0.1)):
        p = nn.Parameter(torch.ones(1).expand(3))
        p.grad = torch.ones(3)
        with pytest.raises(RuntimeError, match="single memory location"):
            build(p).step()


def test_tied_weights_and_functional_calls_follow() -> None:
    def trained(build: Callable) -> tuple[torch.Tensor, Any]:
        torch.manual_seed(0)
        model: Any = nn.ModuleDict({"in": nn.Embedding(7, 4), "out": nn.Linear(4, 7, bias=False)}).double()
        model["out"].weight = model["in"].weight
        named = dict(model.named_parameters())
        linear = nn.Linear(4, 7, bias=False).double()
        optimizer = build(model.parameters())
        for k in range(5):
            optimizer.zero_grad()
            hidden = model["in"](torch.arange(7))
            logits = torch.func.functional_call(linear, {"weight": named["in.weight"]}, (hidden,))
            cross_entropy(logits, (torch.arange(7) + k) % 7).backward()
            optimizer.step()
        return values(model), model

    found, model = trained(lambda p: RuleOptimizer(p, "adam", lr=0.01))
    expected, _ = trained(lambda p: torch.optim.Adam(p, lr=0.01))
    assert model["out"].weight is model["in"].weight
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", ["adam", "soap", "prodigy"])
def test_weights_in_shared_memory_move_for_all_processes(name: str) -> None:
    """As in Hogwild: another process sees what steps here do, and the other way round."""
    model = network()
    model.share_memory()
    optimizer = made(name, model.parameters())
    steps(model, optimizer, 0, 1)
    assert all(p.is_shared() for p in model.parameters())
    context = torch.multiprocessing.get_context("spawn")
    process = context.Process(target=_hogwild, args=(model, name))
    process.start()
    process.join(300)
    assert process.exitcode == 0
    twin = network()
    there = made(name, twin.parameters())
    steps(twin, there, 0, 1)
    steps(twin, made(name, twin.parameters()), 1, 4)
    torch.testing.assert_close(values(model), values(twin), rtol=1e-12, atol=1e-14)
    steps(model, optimizer, 4, 6)
    steps(twin, there, 4, 6)
    torch.testing.assert_close(values(model), values(twin), rtol=1e-12, atol=1e-14)


def _hogwild(model: nn.Module, name: str) -> None:
    torch.set_num_threads(1)
    steps(model, made(name, model.parameters()), 1, 4)


# ---------------------------------------------------------------- gradients that come late, or not


SOME = ("adam", "rprop", "schedule_free_adamw", "asgd")  # one of each kind of state


@pytest.mark.parametrize(
    ("name", "compiled"), [*((name, False) for name in OWN), *((name, True) for name in SOME)], ids=str
)
def test_each_parameter_is_stepped_as_if_it_were_alone(name: str, compiled: bool, monkeypatch: Any) -> None:
    """Late first gradients, frozen and thawed again, experts: each by its own count."""
    compile_ = torch.compile
    monkeypatch.setattr(torch, "compile", lambda *a, **k: compile_(*a, **k, backend="eager"))
    present = [{0}, {0}, {0, 1}, {1}, {0, 1, 2}, {2}, {0, 2}, set(), {0, 1, 2}, {0, 1, 2}]
    together, alone = parameters(4, 2, 5), parameters(4, 2, 5)
    optimizer = made(name, together, compiled=compiled)
    each = [made(name, [p]) for p in alone]
    for k, here in enumerate(present):
        for params in (together, alone):
            slopes(params, k, here)
        optimizer.step()
        for one in each:
            one.step()
        for p, q in zip(together, alone, strict=True):
            torch.testing.assert_close(p, q, rtol=1e-12, atol=1e-14)
    counts = [sum(i in here for here in present) for i in range(3)]
    assert [optimizer.state[p]["t"].item() for p in together] == counts


@pytest.mark.parametrize("name", TORCH)
def test_late_and_missing_gradients_act_as_in_torch(name: str, double: None) -> None:
    ours = parameters(4, 2, 5)
    optimizer, peer = beside(name, ours)
    theirs = peer.param_groups[0]["params"]
    for k in range(60):
        present = {0} if k < 25 else ({0, 1} if k < 40 else {k % 2, 2})
        for params, one in ((ours, optimizer), (theirs, peer)):
            slopes(params, k, present)
            one.step()
    for p, q in zip(ours, theirs, strict=True):
        torch.testing.assert_close(p, q, rtol=1e-10, atol=1e-12)
    assert [optimizer.state[p]["t"].item() for p in ours] == [50, 25, 20]


def test_a_rule_of_the_whole_vector_looks_at_those_that_have_a_gradient() -> None:
    """As in pytorch_optimizer's Prodigy, whose d is the group's."""
    from pytorch_optimizer import Prodigy

    ours = parameters(4, 2, 5)
    theirs = copy.deepcopy(ours)
    optimizer = RuleOptimizer(ours, "prodigy", lr=1.0, d0=1e-3)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)  # it keeps its sums in this type
    try:
        peer = Prodigy(theirs, lr=1.0, d0=1e-3)
        for k in range(30):
            present = {0, 1} if k < 10 else ({0, 2} if k % 3 else {0, 1, 2})
            for params, one in ((ours, optimizer), (theirs, peer)):
                slopes(params, k, present)
                one.step()
    finally:
        torch.set_default_dtype(before)
    for p, q in zip(ours, theirs, strict=True):
        torch.testing.assert_close(p, q, rtol=1e-9, atol=1e-11)
    assert len({optimizer.state[p]["d"].item() for p in ours}) == 1
    assert {optimizer.state[p]["t"].item() for p in ours} == {30.0}


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_vector_without_some_is_the_vector_of_the_others(name: str) -> None:
    """Parameters that never have a gradient change nothing for the others, wherever they stand."""
    among, alone = parameters(4, 2, 5), parameters(4, 2, 5)
    optimizer, other = made(name, among), made(name, [alone[0], alone[2]])
    for k in range(6):
        slopes(among, k, {0, 2})
        slopes(alone, k, {0, 2})
        optimizer.step()
        other.step()
    assert torch.equal(among[0], alone[0])
    assert torch.equal(among[2], alone[2])
    assert torch.equal(among[1], parameters(4, 2, 5)[1])
    assert among[1] not in optimizer.state


# ---------------------------------------------------------------- hooks


def _named(memory: dict[str, Any], change: Callable[[torch.Tensor], torch.Tensor]) -> dict[str, Any]:
    return {key: change(value) if torch.is_tensor(value) and value.dim() else value for key, value in memory.items()}


@pytest.mark.parametrize("name", STEPPING)
def test_what_hooks_change_is_what_is_loaded(name: str) -> None:
    model = network()
    optimizer = made(name, model.parameters())
    steps(model, optimizer, 0, 3)
    saved = copy.deepcopy(optimizer.state_dict())
    calls: list[str] = []

    def before(_: Any, state: dict[str, Any]) -> dict[str, Any]:
        calls.append("before")
        changed = {k: _named(memory, lambda value: value * 0.5) for k, memory in state["state"].items()}
        return {**state, "state": changed, "param_groups": [{**group, "lr": 0.125} for group in state["param_groups"]]}

    def after(one: torch.optim.Optimizer) -> None:
        calls.append("after")
        for memory in one.state.values():
            memory["t"] += 1

    again = made(name, network().parameters())
    again.register_load_state_dict_pre_hook(before)
    again.register_load_state_dict_post_hook(after)
    again.load_state_dict(saved)
    assert calls == ["before", "after"]
    assert again.param_groups[0]["lr"] == 0.125
    for k, memory in again.state_dict()["state"].items():
        _same({**memory, "t": memory["t"] - 1}, _named(saved["state"][k], lambda value: value * 0.5))
    assert again.param_groups[0]["params"][0] is next(iter(again.state))


def test_hooks_may_change_betas_by_either_name() -> None:
    for change in ({"betas": (0.5, 0.75)}, {"beta1": 0.5, "beta2": 0.75}):
        model = network()
        optimizer = made("adam", model.parameters())
        optimizer.register_load_state_dict_pre_hook(
            lambda _, state, change=change: state["param_groups"][0].update(change)
        )
        optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
        group = optimizer.param_groups[0]
        assert (group["betas"], group["beta1"], group["beta2"]) == ((0.5, 0.75), 0.5, 0.75)


def test_hooks_around_steps_and_saving_are_called() -> None:
    from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

    calls: list[str] = []
    model = network()
    optimizer = made("adam", model.parameters())
    optimizer.register_step_pre_hook(lambda *_: calls.append("before"))
    optimizer.register_step_post_hook(lambda *_: calls.append("after"))
    optimizer.register_state_dict_pre_hook(lambda _: calls.append("saving"))
    optimizer.register_state_dict_post_hook(lambda _, state: {**state, "more": 1})
    every = [
        register_optimizer_step_pre_hook(lambda *_: calls.append("all before")),
        register_optimizer_step_post_hook(lambda *_: calls.append("all after")),
    ]
    try:
        steps(model, optimizer, 0, 1)
        assert optimizer.state_dict()["more"] == 1
    finally:
        for handle in every:
            handle.remove()
    assert calls == ["all before", "before", "after", "all after", "saving"]


# ---------------------------------------------------------------- what surrounds the call


@contextmanager
def deterministic() -> Iterator[None]:
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


@contextmanager
def products_in_sixteen_bits() -> Iterator[None]:
    torch.set_float32_matmul_precision("medium")
    yield
    torch.set_float32_matmul_precision("highest")


CONTEXTS: dict[str, Callable[[], Any]] = {
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "inference_mode": torch.inference_mode,
    "gradients on": lambda: torch.set_grad_enabled(True),
    "gradients off": torch.no_grad,
    "float16": lambda: default_type(torch.float16),
    "float64": lambda: default_type(torch.float64),
    "another device": lambda: torch.device("meta"),
    "deterministic": deterministic,
    "products in 16 bits": products_in_sixteen_bits,
}


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("name", STEPPING)
def test_a_step_is_the_same_whatever_surrounds_it(name: str, context: str) -> None:
    """In float32, since that is what autocast and the precision of products would make less of."""
    ends = []
    for around in (nullcontext, CONTEXTS[context]):
        params = [nn.Parameter(p.detach().float().repeat(8, 8)) for p in parameters(4, 2)]
        optimizer = made(name, params)
        for k in range(4):
            slopes(params, k)
            with around():
                optimizer.step()
        slopes(params, 4)
        optimizer.step()  # what was made inside serves outside
        assert not any(memory.requires_grad for state in optimizer.state.values() for memory in state.values())
        ends.append(torch.cat([p.detach().reshape(-1) for p in params]))
    assert torch.equal(*ends)


@pytest.mark.parametrize("name", ["sam", "nesterov_lookahead", "lbfgs", "adahessian", "adam"])
def test_a_closure_runs_in_the_callers_context(name: str) -> None:
    """And the update does not: the same as where autocast stands around the network alone."""
    ends = []
    for outside in (False, True):
        model = network(torch.float32)
        optimizer, seen = made(name, model.parameters()), []
        for k in range(3):
            x, y = data(k, torch.float32)

            def closure(x: Any = x, y: Any = y, model=model, optimizer=optimizer, outside=outside, seen=seen) -> Any:
                optimizer.zero_grad()
                with nullcontext() if outside else torch.autocast("cpu", dtype=torch.bfloat16):
                    seen.append(torch.is_autocast_enabled("cpu") and torch.is_grad_enabled())
                    loss = cross_entropy(model(x).float(), y)
                loss.backward(create_graph=optimizer.rule.curvature)
                return loss.detach()

            torch.manual_seed(k)
            with torch.autocast("cpu", dtype=torch.bfloat16, cache_enabled=True) if outside else nullcontext():
                optimizer.step(closure)
        assert seen
        assert all(seen)
        ends.append(values(model))
    assert torch.equal(*ends)


# ---------------------------------------------------------------- groups


@pytest.mark.parametrize("name", NETWORK)
def test_what_else_a_group_holds_is_kept(name: str) -> None:
    model = network()
    mark = {"deep": [1, 2]}
    group = {"params": list(model.parameters()), "name": "xyz", "initial_lr": 0.5, "lr_scale": 0.1, "mark": mark}
    optimizer = made(name, [group])
    steps(model, optimizer, 0, 2)
    again = made(name, network().parameters())
    again.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    twin = pickle.loads(pickle.dumps(optimizer))
    for one in (optimizer, again, twin, copy.deepcopy(optimizer)):
        held = one.param_groups[0]
        assert {key: held[key] for key in ("name", "initial_lr", "lr_scale", "mark")} == {
            "name": "xyz", "initial_lr": 0.5, "lr_scale": 0.1, "mark": mark
        }  # fmt: skip


@pytest.mark.parametrize("name", NETWORK)
def test_a_rate_of_zero_moves_nothing_that_follows_the_rate(name: str) -> None:
    model = network()
    optimizer = made(name, model.parameters(), lr=0.0)
    assert optimizer.param_groups[0]["lr"] == 0.0
    assert made(name, model.parameters(), lr=torch.tensor(0.0)).param_groups[0]["lr"] == 0.0
    before = values(model)
    if name in STEPPING and name not in ("rprop", "adabound"):  # whose lr is the first step's alone, or bounded below
        steps(model, optimizer, 0, 2)
        assert torch.equal(values(model), before)


def test_betas_and_their_parts_are_one() -> None:
    model = network()
    optimizer = RuleOptimizer(model.parameters(), "adam", lr=0.1, betas=(0.5, 0.75))
    group = optimizer.param_groups[0]
    assert (group["beta1"], group["beta2"]) == (0.5, 0.75) == optimizer.defaults["betas"]
    group["betas"] = (0.25, 0.5)
    assert (group["beta1"], group["beta2"]) == (0.25, 0.5)
    group["beta1"] = 0.125
    assert group["betas"] == (0.125, 0.5)
    group.update(beta2=0.75)
    assert group["betas"] == (0.125, 0.75)
    for copied in (copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))):
        there = copied(optimizer).param_groups[0]
        there["beta1"] = 0.5
        assert there["betas"] == (0.5, 0.75)
    with pytest.raises(ValueError, match="betas = .* give 2 numbers"):
        group["betas"] = (0.5,)
    with pytest.raises(ValueError, match="beta1 = 2 is not allowed"):
        RuleOptimizer(model.parameters(), "adam", lr=0.1, betas=(2.0, 0.5))
    assert "betas" not in RuleOptimizer(model.parameters(), "momentum", lr=0.1).param_groups[0]


SCHEDULERS: dict[str, Callable[[torch.optim.Optimizer], Any]] = {
    "LambdaLR": lambda o: schedulers.LambdaLR(o, lambda k: 1 / (1 + k)),
    "MultiplicativeLR": lambda o: schedulers.MultiplicativeLR(o, lambda k: 0.9),
    "StepLR": lambda o: schedulers.StepLR(o, 3),
    "MultiStepLR": lambda o: schedulers.MultiStepLR(o, [2, 5]),
    "ConstantLR": lambda o: schedulers.ConstantLR(o, 0.5, 3),
    "LinearLR": lambda o: schedulers.LinearLR(o, 0.1, 1.0, 5),
    "ExponentialLR": lambda o: schedulers.ExponentialLR(o, 0.8),
    "PolynomialLR": lambda o: schedulers.PolynomialLR(o, 8),
    "CosineAnnealingLR": lambda o: schedulers.CosineAnnealingLR(o, 6),
    "CosineAnnealingWarmRestarts": lambda o: schedulers.CosineAnnealingWarmRestarts(o, 3),
    "CyclicLR": lambda o: schedulers.CyclicLR(o, 0.0, 0.02, 3, cycle_momentum=False),
    "OneCycleLR": lambda o: schedulers.OneCycleLR(o, 0.05, total_steps=12, cycle_momentum=False),
    "ReduceLROnPlateau": lambda o: schedulers.ReduceLROnPlateau(o, patience=1),
    "SequentialLR": lambda o: schedulers.SequentialLR(
        o, [schedulers.ConstantLR(o, 0.1, 3), schedulers.ExponentialLR(o, 0.9)], [4]
    ),
    "ChainedScheduler": lambda o: schedulers.ChainedScheduler(
        [schedulers.ConstantLR(o, 0.1, 3), schedulers.ExponentialLR(o, 0.9)]
    ),
    "SWALR": lambda o: SWALR(o, 0.002, anneal_epochs=4),
}


@pytest.mark.parametrize("scheduler", SCHEDULERS)
@pytest.mark.parametrize("name", ["adam", "adamw", "rmsprop", "nesterov"])
def test_every_scheduler_acts_as_on_torch(name: str, scheduler: str) -> None:
    ours = parameters(2, 3)
    optimizer, peer = beside(name, ours)
    theirs = peer.param_groups[0]["params"]
    pair = [(ours, optimizer, SCHEDULERS[scheduler](optimizer)), (theirs, peer, SCHEDULERS[scheduler](peer))]
    for k in range(10):
        for params, one, schedule in pair:
            slopes(params, k)
            one.step()
            schedule.step(*([1.0] if scheduler == "ReduceLROnPlateau" else []))
        assert optimizer.param_groups[0]["lr"] == peer.param_groups[0]["lr"]
    for p, q in zip(ours, theirs, strict=True):
        torch.testing.assert_close(p, q, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", STEPPING)
def test_cyclic_schedulers_take_every_rule_that_has_betas_or_momentum(name: str) -> None:
    """torch cycles ``momentum``, or the first of ``betas``."""
    for build in (
        lambda o: schedulers.OneCycleLR(o, 0.05, total_steps=12),
        lambda o: schedulers.CyclicLR(o, 0.001, 0.02, 3),
    ):
        model = network()
        optimizer = made(name, model.parameters())
        group = optimizer.param_groups[0]
        if "momentum" not in group and "betas" not in group:
            with pytest.raises(ValueError, match="momentum"):
                build(optimizer)
            continue
        schedule = build(optimizer)
        seen = []
        for k in range(5):
            steps(model, optimizer, k, k + 1)
            schedule.step()
            seen.append(group["beta1"] if "betas" in group else group["momentum"])
            assert "betas" not in group or group["betas"][0] == group["beta1"]
        assert len(set(seen)) > 2
        assert values(model).isfinite().all()


def test_adams_correction_follows_the_betas_that_were_used() -> None:
    """By their product, the weights' exact sum, where torch takes the present beta to the power of the count."""
    (p,) = params = parameters(2)
    optimizer = RuleOptimizer(params, "adam", lr=0.1)
    x, m, v, product = p.detach().clone(), 0.0, 0.0, 1.0
    for k, beta in enumerate((0.9, 0.85, 0.95, 0.9), start=1):
        optimizer.param_groups[0]["betas"] = (beta, 0.999)
        slopes(params, k)
        assert p.grad is not None
        g = p.grad.clone()
        optimizer.step()
        m, v, product = beta * m + (1 - beta) * g, 0.999 * v + 0.001 * g * g, product * beta
        x = x - 0.1 * (m / (1 - product)) / ((v / (1 - 0.999**k)).sqrt() + 1e-8)
        torch.testing.assert_close(p.detach(), x, rtol=1e-12, atol=1e-14)


# ---------------------------------------------------------------- horizon, names


def test_the_rules_that_ask_for_a_horizon_are_those_of_demon() -> None:
    assert {name for name in RULES if RULES[name].needs_horizon} == {"demon_sgdm", "demon_adam", "demon_adam_damped"}
    assert RULES["lookahead(demon_sgdm)"].needs_horizon
    assert not RULES["lookahead(adam)"].needs_horizon


def test_a_horizon_is_asked_for_saved_and_restored() -> None:
    with pytest.raises(ValueError, match="rule demon_sgdm: horizon is missing"):
        RuleOptimizer(network().parameters(), "demon_sgdm", lr=0.1)
    RuleOptimizer(network().parameters(), "demon_sgdm", lr=0.1, horizon=math.inf)  # said so: no end is in sight
    model = network()
    optimizer = RuleOptimizer(model.parameters(), "demon_sgdm", lr=0.1, horizon=12)
    steps(model, optimizer, 0, 6)
    assert optimizer.state_dict()["param_groups"][0]["horizon"] == 12
    ends = []
    for again in (
        copy.deepcopy((model, optimizer)),
        pickle.loads(pickle.dumps((model, optimizer))),
        (copy.deepcopy(model), None),
    ):
        twin, resumed = again
        if resumed is None:
            resumed = RuleOptimizer(twin.parameters(), "demon_sgdm", lr=0.5, horizon=99)
            resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))
        assert resumed.horizon == 12
        steps(twin, resumed, 6, 12)
        ends.append(values(twin))
    steps(model, optimizer, 6, 12)
    assert all(torch.equal(end, values(model)) for end in ends)


def test_names_serve_where_rules_do() -> None:
    assert RuleOptimizer(parameters(2), "adam", lr=0.1).rule is RULES["adam"]
    assert RuleOptimizer(parameters(2), "lookahead(momentum)", lr=0.1).rule is RULES["lookahead(momentum)"]
    with pytest.raises(ValueError, match=r"there is no rule 'adamm'; near it: .*adam"):
        RuleOptimizer(parameters(2), "adamm", lr=0.1)
    for wrong in (None, 3, torch.optim.Adam):
        with pytest.raises(TypeError, match="is no rule; give a Rule or its name"):
            RuleOptimizer(parameters(2), wrong, lr=0.1)  # type: ignore[arg-type]


# ---------------------------------------------------------------- the weights that a rule returns


def test_the_rules_that_answer_with_other_weights() -> None:
    assert set(ANSWERING) == {"schedule_free_sgd", "schedule_free_adamw", "asgd", "lookahead"}
    assert RULES["sam(schedule_free_sgd)"].answer is not None


@pytest.mark.parametrize("name", [*ANSWERING, "adam", "sam(schedule_free_adamw)", "lookahead(momentum)"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_a_look_at_the_answer_changes_nothing(name: str, dtype: torch.dtype) -> None:
    """To the last bit, also where it was saved and loaded in between."""
    ends = []
    for looks in (False, True):
        model = network().to(dtype)
        net = lambda x, model=model: model(x.to(dtype)).double()  # noqa: E731
        optimizer = made(name, model.parameters())
        for k in range(6):
            steps(net, optimizer, k, k + 1)
            if looks:
                before = values(model)
                optimizer.eval()
                optimizer.eval()
                answers = RULES[name].answer is not None
                assert optimizer.param_groups[0].get("train_mode", True) is not answers
                saved = copy.deepcopy((model.state_dict(), optimizer.state_dict()))
                optimizer.train()
                assert torch.equal(values(model), before)
                model.load_state_dict(saved[0])
                optimizer.load_state_dict(saved[1])
                if answers:
                    with pytest.raises(RuntimeError, match=r"those of eval\(\).*call train\(\) before step\(\)"):
                        optimizer.step(lambda: None)
                optimizer.train()
        ends.append(values(model))
    assert torch.equal(*ends)


def test_the_answers_are_those_of_their_methods(double: None) -> None:
    """Schedule-free's by pytorch_optimizer's eval(), Polyak's average by torch's ``ax``, Lookahead's slow weights."""
    from pytorch_optimizer import ScheduleFreeSGD

    ours = parameters(2, 3)
    theirs = copy.deepcopy(ours)
    optimizer = RuleOptimizer(ours, "schedule_free_sgd", lr=0.05, momentum=0.9)
    peer = ScheduleFreeSGD(theirs, lr=0.05, momentum=0.9, weight_decay=0.0)
    peer.train()
    for k in range(8):
        for params, one in ((ours, optimizer), (theirs, peer)):
            slopes(params, k)
            one.step()
    optimizer.eval()
    peer.eval()
    for p, q in zip(ours, theirs, strict=True):
        torch.testing.assert_close(p, q, rtol=1e-12, atol=1e-13)

    ours = parameters(2, 3)
    optimizer = RuleOptimizer(ours, "asgd", lr=0.05, t0=2.0)
    theirs = copy.deepcopy(ours)
    peer = torch.optim.ASGD(theirs, lr=0.05, t0=2.0)
    for k in range(8):
        for params, one in ((ours, optimizer), (theirs, peer)):
            slopes(params, k)
            one.step()
    optimizer.eval()
    for p, q in zip(ours, theirs, strict=True):
        torch.testing.assert_close(p.detach(), peer.state[q]["ax"], rtol=1e-11, atol=1e-13)

    ours = parameters(2)
    optimizer = RuleOptimizer(ours, "lookahead(gradient_descent)", lr=0.1, k=3.0, slow_lr=0.5)
    start = ours[0].detach().clone()
    for k in range(2):
        slopes(ours, k)
        optimizer.step()
    optimizer.eval()
    torch.testing.assert_close(ours[0].detach(), start, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("name", ["schedule_free_sgd", "schedule_free_adamw", "lookahead"])
def test_weights_that_are_changed_between_steps_stay_changed(name: str) -> None:
    """Loaded, clamped, averaged: all that the method holds moves along, so that the run goes on from there.

    The gradients here do not depend on the weights, so that the rest of the path is the old one, moved.
    """
    shift = 3.0
    ends, answers = [], []
    for moved in (False, True):
        (p,) = params = parameters(4)
        optimizer = made(name, params)
        for k in range(12):
            p.grad = torch.sin(torch.arange(12.0, dtype=torch.float64) * (k + 1)).view(4, 3)
            optimizer.step()
            if moved and k == 6:
                with torch.no_grad():
                    p.add_(shift)
        ends.append(p.detach().clone())
        optimizer.eval()
        answers.append(p.detach().clone())
    torch.testing.assert_close(ends[1], ends[0] + shift, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(answers[1], answers[0] + shift, rtol=1e-12, atol=1e-12)


def test_weights_that_are_changed_at_the_answer_are_kept() -> None:
    (p,) = params = parameters(4)
    optimizer = made("schedule_free_sgd", params)
    for k in range(4):
        slopes(params, k)
        optimizer.step()
    stepped = p.detach().clone()
    optimizer.eval()
    with torch.no_grad():
        p[1].add_(2.0)
    optimizer.train()
    assert torch.equal(p[0], stepped[0])
    torch.testing.assert_close(p[1].detach(), stepped[1] + 2.0)


# ---------------------------------------------------------------- other tools


@pytest.mark.parametrize("name", NETWORK)
def test_averaged_models_follow(name: str) -> None:
    """An EMA of the weights, as torch makes it, is the one of the weights that were passed through."""
    model = network()
    optimizer = made(name, model.parameters())
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.5))
    by_hand = None
    for k in range(4):
        steps(model, optimizer, k, k + 1)
        average.update_parameters(model)
        by_hand = values(model) if by_hand is None else 0.5 * by_hand + 0.5 * values(model)
    assert by_hand is not None
    torch.testing.assert_close(values(average.module), by_hand, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("name", STEPPING)
def test_a_scaled_loss_makes_the_same_steps_and_skips_what_is_not_finite(name: str) -> None:
    """The scale is a power of two, so that scaling changes no bit."""
    ends = []
    for scaled in (False, True):
        model = network(torch.float32)
        optimizer = made(name, model.parameters())
        scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10, growth_interval=3, enabled=scaled)
        for k in range(6):
            if k == 4 and not scaled:
                continue
            x, y = data(k, torch.float32)
            optimizer.zero_grad()
            scaler.scale(cross_entropy(model(x), y)).backward()
            if k == 4:
                model[0].weight.grad[0, 0] = math.inf  # type: ignore[index]
            scaler.step(optimizer)
            scaler.update()
        ends.append(values(model))
    assert torch.equal(*ends)


def test_old_checkpoints_load_or_are_refused_by_a_sentence() -> None:
    model = network()
    optimizer = made("adam", model.parameters())
    steps(model, optimizer, 0, 2)
    old = copy.deepcopy(optimizer.state_dict())
    for group in old["param_groups"]:  # as they were written once
        for key in ("betas", "horizon"):
            del group[key]
    again = made("adam", network().parameters(), horizon=7)
    again.load_state_dict(old)
    assert again.param_groups[0]["betas"] == (0.9, 0.999)
    assert again.horizon == 7
    looking = made("lookahead", model.parameters())
    steps(model, looking, 0, 2)
    old = copy.deepcopy(looking.state_dict())
    for memory in old["state"].values():
        memory["slow"] = memory.pop("gone")
    with pytest.raises(ValueError, match=r"this state holds .*'slow'.*; rule lookahead needs .*'gone'"):
        looking.load_state_dict(old)


@pytest.mark.parametrize("module", [shampoo, soap])
def test_a_side_beyond_the_largest_costs_nothing(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """No decomposition of it is made, and nothing of its square is kept."""
    name = module.__name__.rpartition(".")[2]
    sizes: list[int] = []
    for verb in ("eigh", "qr"):
        whole = getattr(module.xp, verb)
        monkeypatch.setattr(module.xp, verb, lambda a, whole=whole: sizes.append(len(a)) or whole(a))
    p = nn.Parameter(torch.ones(module.LARGEST + 1, 8))
    optimizer = made(name, [p])
    for k in range(3):
        slopes([p], k)
        optimizer.step()
    assert set(sizes) == {8}
    assert max(value.numel() for value in optimizer.state[p].values()) <= p.numel()


def test_several_processes(tmp_path: Any) -> None:
    """DDP, ZeroRedundancyOptimizer and distributed checkpoints, two processes over gloo."""
    context = torch.multiprocessing.get_context("spawn")
    processes = [context.Process(target=_rank, args=(rank, str(tmp_path))) for rank in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(500)
    assert [process.exitcode for process in processes] == [0, 0]


def _rank(rank: int, folder: str) -> None:
    import torch.distributed as dist
    from torch.distributed import checkpoint
    from torch.distributed.checkpoint.state_dict import get_optimizer_state_dict, set_optimizer_state_dict
    from torch.distributed.optim import ZeroRedundancyOptimizer
    from torch.nn.parallel import DistributedDataParallel

    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    for name in NETWORK:
        alone, model = network(), network()
        single = made(name, alone.parameters())
        if not RULES[name].curvature:  # DDP differentiates once
            shared = DistributedDataParallel(model)
            steps(shared, made(name, shared.parameters()), 0, 3)
        else:
            steps(model, made(name, model.parameters()), 0, 3)
        steps(alone, single, 0, 3)  # both ranks have the same batches: the mean of two equal gradients is one of them
        assert torch.equal(values(model), values(alone)), name

        if name in OWN:
            model = network()
            zero: Any = ZeroRedundancyOptimizer(  # pyright: ignore[reportArgumentType]
                model.parameters(), RuleOptimizer, **{"rule": name, "horizon": 50, **(RULES[name].network or {})}
            )
            steps(model, zero, 0, 3)
            for group in zero.param_groups:
                group["lr"] = 0.5 * group["lr"]
            for group in single.param_groups:
                group["lr"] = 0.5 * group["lr"]
            steps(model, zero, 3, 5)
            steps(alone, single, 3, 5)
            assert torch.equal(values(model), values(alone)), name

        if RULES[name].needs_closure:
            continue
        saved = {"optimizer": get_optimizer_state_dict(alone, single)}
        checkpoint.save(  # pyright: ignore[reportPrivateImportUsage]
            saved, checkpoint_id=f"{folder}/{name}"
        )
        twin = copy.deepcopy(alone)
        fresh = made(name, twin.parameters(), lr=0.123)
        target = {"optimizer": get_optimizer_state_dict(twin, fresh)}
        checkpoint.load(  # pyright: ignore[reportPrivateImportUsage]
            target, checkpoint_id=f"{folder}/{name}"
        )
        set_optimizer_state_dict(twin, fresh, target["optimizer"])
        steps(alone, single, 5, 8)
        steps(twin, fresh, 5, 8)
        assert torch.equal(values(twin), values(alone)), name
    dist.destroy_process_group()


@pytest.mark.parametrize("name", ["adam", "prodigy"])
def test_of_sets_of_parameters_that_take_turns_the_first_are_compiled(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others run as they stand, also when they come again with another state."""
    made = []
    monkeypatch.setattr(flat.torch, "compile", lambda function, **_: made.append(1) or function)
    params = [nn.Parameter(torch.ones(3, dtype=torch.float64)) for _ in range(torch_optimizer.COMPILED + 4)]
    optimizer = RuleOptimizer(params, name, lr=0.01, compiled=True)

    def step(one: nn.Parameter) -> None:
        optimizer.zero_grad()
        one.grad = torch.ones_like(one)
        optimizer.step()

    for one in 3 * params:
        step(one)
    assert len(made) == torch_optimizer.COMPILED
    for one in params[torch_optimizer.COMPILED :]:
        optimizer.state[one] = {key: value.clone() for key, value in optimizer.state[one].items()}
        step(one)
    assert len(made) == torch_optimizer.COMPILED
