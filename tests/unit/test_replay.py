"""Eager steps that write into memory that is there: the same bits as each operation by itself makes."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from optim_core import RULES
from optim_core.network import flat
from optim_core.network.replay import NotReplayed, Tape
from optim_core.network.torch_optimizer import RuleOptimizer
from optim_core.rule import rule_from_module

ELEMENTWISE = [
    name for name, rule in RULES.items()
    if rule.kind != "closure" and rule.scope == "vector" and rule.network is not None and not flat.whole(rule)
]  # fmt: skip
CHUNK = 64
SHAPES = ((3 * CHUNK + 5,), (CHUNK + 1,), (7, 3), (CHUNK,))  # cut into pieces of two lengths, and together


def stepped(name: str, kind: torch.dtype, decays: dict[str, float]) -> tuple[list[torch.Tensor], RuleOptimizer]:
    """What the parameters and their state are after steps in which the numbers change."""
    rule, draw = RULES[name], torch.Generator().manual_seed(1)
    params = [torch.nn.Parameter(torch.randn(shape, generator=draw).to(kind)) for shape in SHAPES]
    numbers: dict[str, Any] = {"lr": 1e-3, **decays} if "lr" in rule.Hyper._fields else decays
    optimizer = RuleOptimizer(params, rule, horizon=20, **numbers)
    (group,) = optimizer.param_groups
    for step in range(6):
        if step == 3 and "lr" in group:
            group["lr"] = 5e-4
        if step == 4 and "eps" in group:
            group["eps"] *= 2
        for p in params:
            p.grad = torch.randn(p.shape, generator=draw).to(kind)
        optimizer.step(lambda: torch.tensor(1.0))
    kept = [value for p in params for value in optimizer.state[p].values() if torch.is_tensor(value)]
    return [one.detach() for one in (*params, *kept)], optimizer


@pytest.mark.parametrize("kind", [torch.float32, torch.float64, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_the_bits_are_those_of_each_operation_by_itself(
    monkeypatch: pytest.MonkeyPatch, name: str, kind: torch.dtype
) -> None:
    monkeypatch.setattr(flat, "_chunk", lambda _: CHUNK)
    monkeypatch.setattr(flat, "LARGE", CHUNK)
    made: list[Tape | None] = []
    taped = flat.Flat._tape

    def seen(*given):
        made.append(taped(*given))
        return made[-1]

    own = "weight_decay" in RULES[name].Hyper._fields
    for decays in [{}] if own else [{}, {"l2": 0.01, "decoupled": 0.02}]:
        monkeypatch.setattr(flat.Flat, "_tape", seen)
        replayed, _ = stepped(name, kind, decays)
        monkeypatch.setattr(flat.Flat, "_tape", lambda *_: None)
        usual, _ = stepped(name, kind, decays)
        for one, other in zip(replayed, usual, strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=0, equal_nan=True)
    assert made
    assert all(made)


def test_a_result_is_read_before_it_is_written_over() -> None:
    """The old values are wanted after the new ones are there: they change places, and one goes into both."""

    def piece(vectors, g, scalars):
        a, b = vectors
        after = torch.maximum(b, b), a + scalars[0] * g
        a.copy_(after[0])
        b.copy_(after[1])
        return [scalars[0] * 2]

    tape = Tape(piece, [torch.float32] * 3, [torch.tensor(1.0, dtype=torch.float64)])
    a, b, g = torch.arange(5.0), -torch.arange(5.0), torch.ones(5)
    after = [torch.tensor(3.0, dtype=torch.float64)]
    after = tape.run([[a, b]], [g], after)
    assert (a.tolist(), b.tolist(), after[0].item()) == ([0, -1, -2, -3, -4], [3, 4, 5, 6, 7], 6.0)
    tape.run([[a, b]], [g], after)
    assert (a.tolist(), b.tolist()) == ([3, 4, 5, 6, 7], [6, 5, 4, 3, 2])


RULE = """'Numbers that change places.'

from typing import Annotated, NamedTuple

import torch

from optim_core import xp
from optim_core.parameters import Range
from optim_core.rule import Scalar

NAME, YEAR, FAMILY, LATEX, CHANGE = "Numbers", 2026, "first", "x", "Numbers that change places."
NETWORK = {"lr": 0.1}
THREE = torch.tensor(3.0, dtype=torch.float64)


class Hyper(NamedTuple):
    lr: Annotated[float, Range(1e-3, 1.0, "l")] = 0.1


class State(NamedTuple):
    one: Scalar
    before: Scalar
    constant: Scalar


def init(x):
    return State(xp.scalar(x, 1.0), xp.scalar(x, 2.0), xp.scalar(x, 0.0))


def step(x, g, s, h, t, n):
    return x - h.lr * s.before * g, State(s.one + s.before, s.one, THREE)


def reference(params, h):
    return None


CHECKS = ()
"""


def test_a_number_may_become_another_or_a_constant(tmp_path: Path) -> None:
    (tmp_path / "numbers.py").write_text(RULE)
    spec = importlib.util.spec_from_file_location("numbers_of_a_test", tmp_path / "numbers.py")
    assert spec
    assert spec.loader
    module = sys.modules["numbers_of_a_test"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    rule = rule_from_module(module)
    p = torch.nn.Parameter(torch.ones(300))
    optimizer = RuleOptimizer([p], rule, lr=0.1)
    for _ in range(3):
        p.grad = torch.ones(300)
        optimizer.step()
    # Fibonacci: before the steps (1, 2), then (3, 1), (4, 3), (7, 4).
    told = {name: optimizer.state[p][name].item() for name in ("one", "before", "constant")}
    assert told == {"one": 7.0, "before": 4.0, "constant": 3.0}
    torch.testing.assert_close(p.detach(), torch.full((300,), 1 - 0.1 * (2 + 1 + 3)))
    ((kept,),) = optimizer._flats[0].values()
    assert kept.tape
    assert kept.tape[1] is not None


def test_gradients_of_another_type_are_taken_in_the_parameters() -> None:
    """In a piece of its own and gathered: the same number."""
    ends = []
    for shape in ((3,), (flat.LARGE + 3,)):
        p = torch.nn.Parameter(torch.zeros(shape))
        p.grad_dtype = torch.bfloat16
        optimizer = RuleOptimizer([p], RULES["adam"], lr=0.1)
        for slope in (0.3, 0.7, -0.2):
            p.grad = torch.full(shape, slope, dtype=torch.bfloat16)
            optimizer.step()
        ends.append(p[:3].detach())
    torch.testing.assert_close(*ends, rtol=0, atol=0)


@pytest.mark.parametrize(
    "result",
    [lambda x, g: x - g.sum(), lambda x, g: x.flip(0), lambda x, g: x + torch.zeros(3), lambda x, g: x.sub_(g) + g],
    ids=["sum", "flip", "a vector from elsewhere", "in place"],
)
def test_what_is_no_operation_entry_by_entry_is_not_replayed(result) -> None:
    def piece(vectors, g, scalars):
        vectors[0].copy_(result(vectors[0], g))
        return scalars

    with pytest.raises(NotReplayed):
        Tape(piece, [torch.float32] * 2, [torch.tensor(1.0)])
