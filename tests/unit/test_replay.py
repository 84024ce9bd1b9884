"""Eager steps that write into memory that is there: the same bits as each operation by itself makes."""

from typing import Any

import pytest
import torch

from optim_core import RULES, flat
from optim_core.replay import NotReplayed, Tape
from optim_core.torch_optimizer import RuleOptimizer

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
