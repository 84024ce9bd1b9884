"""The optimizers that train networks: every rule of Ravine under its name, torch.optim's as ``torch.<class>``.

torch is imported only where an optimizer is built. Of torch.optim, SparseAdam (sparse gradients only), Muon (matrices
only, no convolutions) and LBFGS (evaluates a batch many times a step) are left out.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from optim_core import RULES
from optim_core.parameters import Range, ranges, switch

if TYPE_CHECKING:
    import torch

_LR = Range(1e-5, 10.0, r"\eta", log=True, valid="(0, 1e6]")
_BETA1 = Range(0.0, 0.999, r"\beta_1", valid="[0, 1)")
_BETA2 = Range(0.0, 0.9999, r"\beta_2", valid="[0, 1)")
_EPS = Range(1e-12, 1e-2, r"\varepsilon", log=True, valid="[0, 1]")
_DECAY = Range(0.0, 0.1, r"\lambda", valid="[0, 1e3]")
_MOMENTUM = Range(0.0, 0.999, r"\mu", valid="[0, 1)")


class SGD(NamedTuple):
    lr: Annotated[float, _LR] = 1e-3
    momentum: Annotated[float, _MOMENTUM] = 0.0
    dampening: Annotated[float, Range(0.0, 1.0, "d", valid="[0, 1]")] = 0.0
    weight_decay: Annotated[float, _DECAY] = 0.0
    nesterov: Annotated[float, switch("n")] = 0.0


class Adam(NamedTuple):
    lr: Annotated[float, _LR] = 1e-3
    beta1: Annotated[float, _BETA1] = 0.9
    beta2: Annotated[float, _BETA2] = 0.999
    eps: Annotated[float, _EPS] = 1e-8
    weight_decay: Annotated[float, _DECAY] = 0.0
    amsgrad: Annotated[float, switch("a")] = 0.0


class AdamW(NamedTuple):
    lr: Annotated[float, _LR] = 1e-3
    beta1: Annotated[float, _BETA1] = 0.9
    beta2: Annotated[float, _BETA2] = 0.999
    eps: Annotated[float, _EPS] = 1e-8
    weight_decay: Annotated[float, _DECAY] = 1e-2
    amsgrad: Annotated[float, switch("a")] = 0.0


class Adamax(NamedTuple):
    lr: Annotated[float, _LR] = 2e-3
    beta1: Annotated[float, _BETA1] = 0.9
    beta2: Annotated[float, _BETA2] = 0.999
    eps: Annotated[float, _EPS] = 1e-8
    weight_decay: Annotated[float, _DECAY] = 0.0


class NAdam(NamedTuple):
    lr: Annotated[float, _LR] = 2e-3
    beta1: Annotated[float, _BETA1] = 0.9
    beta2: Annotated[float, _BETA2] = 0.999
    eps: Annotated[float, _EPS] = 1e-8
    weight_decay: Annotated[float, _DECAY] = 0.0
    momentum_decay: Annotated[float, Range(0.0, 0.1, r"\psi", valid="[0, 1]")] = 4e-3
    decoupled_weight_decay: Annotated[float, switch("w")] = 0.0


class RAdam(NamedTuple):
    lr: Annotated[float, _LR] = 1e-3
    beta1: Annotated[float, _BETA1] = 0.9
    beta2: Annotated[float, _BETA2] = 0.999
    eps: Annotated[float, _EPS] = 1e-8
    weight_decay: Annotated[float, _DECAY] = 0.0
    decoupled_weight_decay: Annotated[float, switch("w")] = 0.0


class Adagrad(NamedTuple):
    lr: Annotated[float, _LR] = 1e-2
    lr_decay: Annotated[float, Range(0.0, 1.0, "d", valid="[0, 1e3]")] = 0.0
    weight_decay: Annotated[float, _DECAY] = 0.0
    initial_accumulator_value: Annotated[float, Range(0.0, 1.0, "G_0", valid="[0, 1e6]")] = 0.0
    eps: Annotated[float, _EPS] = 1e-10


class Adadelta(NamedTuple):
    lr: Annotated[float, _LR] = 1.0
    rho: Annotated[float, Range(0.0, 0.999, r"\rho", valid="[0, 1)")] = 0.9
    eps: Annotated[float, _EPS] = 1e-6
    weight_decay: Annotated[float, _DECAY] = 0.0


class RMSprop(NamedTuple):
    lr: Annotated[float, _LR] = 1e-2
    alpha: Annotated[float, Range(0.0, 0.9999, r"\alpha", valid="[0, 1)")] = 0.99
    eps: Annotated[float, _EPS] = 1e-8
    weight_decay: Annotated[float, _DECAY] = 0.0
    momentum: Annotated[float, _MOMENTUM] = 0.0
    centered: Annotated[float, switch("c")] = 0.0


class ASGD(NamedTuple):
    lr: Annotated[float, _LR] = 1e-2
    lambd: Annotated[float, Range(0.0, 0.1, r"\lambda_d", valid="[0, 1]")] = 1e-4
    alpha: Annotated[float, Range(0.0, 1.0, r"\alpha", valid="[0, 10]")] = 0.75
    t0: Annotated[float, Range(1.0, 1e7, "t_0", log=True, valid="[0, 1e12]")] = 1e6
    weight_decay: Annotated[float, _DECAY] = 0.0


class Rprop(NamedTuple):
    lr: Annotated[float, _LR] = 1e-2
    eta_minus: Annotated[float, Range(0.01, 0.99, r"\eta^-", valid="(0, 1)")] = 0.5
    eta_plus: Annotated[float, Range(1.01, 3.0, r"\eta^+", valid="(1, 100]")] = 1.2
    step_min: Annotated[float, Range(1e-9, 1e-2, r"\Delta_{min}", log=True, valid="(0, 1e3]")] = 1e-6
    step_max: Annotated[float, Range(1e-2, 100.0, r"\Delta_{max}", log=True, valid="(0, 1e6]")] = 50.0


class Adafactor(NamedTuple):
    lr: Annotated[float, _LR] = 1e-2
    beta2_decay: Annotated[float, Range(-1.0, -0.1, r"\hat\tau", valid="[-10, 0]")] = -0.8
    d: Annotated[float, Range(0.1, 10.0, "d", log=True, valid="[1e-3, 1e3]")] = 1.0
    weight_decay: Annotated[float, _DECAY] = 0.0


_TORCH = (SGD, Adam, AdamW, Adamax, NAdam, RAdam, Adagrad, Adadelta, RMSprop, ASGD, Rprop, Adafactor)
# Two arguments of torch.optim that are pairs, under the names of their parts.
_PAIRS = {"betas": ("beta1", "beta2"), "etas": ("eta_minus", "eta_plus"), "step_sizes": ("step_min", "step_max")}
# What can be told to keep all it remembers on the device, so that a CUDA graph can hold its step.
_CAPTURABLE = {"Adam", "AdamW", "Adamax", "NAdam", "RAdam", "Adadelta", "RMSprop", "ASGD", "Rprop"}
_FUSED = {"Adam", "AdamW", "SGD"}


@dataclass(frozen=True, eq=False)
class Optimizer:
    """An optimizer as the training page offers it."""

    name: str
    title: str
    Hyper: Any
    defaults: Mapping[str, float]

    @property
    def ranges(self) -> Mapping[str, Range]:
        """The Range of each hyperparameter, in order."""
        return ranges(self.Hyper)

    @property
    def needs_closure(self) -> bool:
        """Whether its step calls a closure for loss and gradient."""
        return self.name in RULES and RULES[self.name].needs_closure

    @property
    def alone(self) -> bool:
        """Whether nothing goes around it: no schedule, no clipping, no noise, no decay."""
        return self.name in RULES and RULES[self.name].kind == "closure"

    @property
    def own_decay(self) -> bool:
        """Whether it has a weight decay of its own, which takes the L2 penalty's place."""
        return "weight_decay" in self.Hyper._fields

    @property
    def coupled_decay(self) -> bool:
        """Whether its own weight decay is the L2 penalty, added to the gradient."""
        decoupled = ("AdamW", "Adafactor")
        return self.own_decay and self.name.startswith("torch.") and self.name.partition(".")[2] not in decoupled

    @property
    def takes_l2(self) -> bool:
        """Whether the L2 penalty, or a decoupled decay, can be put around it."""
        return self.name in RULES and not self.own_decay and not self.alone

    @property
    def in_graph(self) -> bool:
        """Whether a CUDA graph can hold its step."""
        if self.name in RULES:
            return RULES[self.name].scope == "vector" and not self.needs_closure
        return self.name.removeprefix("torch.") in _CAPTURABLE | {"SGD"}


def _all() -> Mapping[str, Optimizer]:
    found = {
        rule.name: Optimizer(rule.name, rule.network_title, rule.Hyper, {**rule.Hyper()._asdict(), **rule.network})
        for rule in RULES.values()
        if rule.network is not None
    }
    for declared in _TORCH:
        name = f"torch.{declared.__name__}"
        found[name] = Optimizer(name, f"{declared.__name__} (torch.optim)", declared, declared()._asdict())
    return MappingProxyType(found)


OPTIMIZERS = _all()


def arguments(name: str, hyper: Mapping[str, float]) -> dict[str, Any]:
    """The keyword arguments of the torch.optim class for checked hyperparameters."""
    limits = OPTIMIZERS[name].ranges
    given: dict[str, Any] = {key: bool(value) if limits[key].switch else value for key, value in hyper.items()}
    for pair, parts in _PAIRS.items():
        if all(part in given for part in parts):
            given[pair] = tuple(given.pop(part) for part in parts)
    return given


def build(
    name: str,
    parameters: Iterable[Any],
    hyper: Mapping[str, float],
    *,
    horizon: int,
    l2: float = 0.0,
    decoupled: float = 0.0,
    cuda: bool = False,
    compiled: bool = False,
) -> "torch.optim.Optimizer":
    """The optimizer over the parameters; with ``cuda`` its step can be part of a CUDA graph where it has such a form.

    horizon: how many steps there will be. l2, decoupled: the factor of the L2 penalty or of a decoupled weight decay,
    for rules without a weight decay of their own. compiled: whether a rule's step goes through torch.compile.
    """
    if name in RULES:
        from optim_core import RuleOptimizer

        return RuleOptimizer(
            parameters, RULES[name], horizon=horizon, l2=l2, decoupled=decoupled, compiled=compiled, **hyper
        )
    import torch

    kind = name.removeprefix("torch.")
    given = arguments(name, hyper)
    if cuda:
        given |= {"lr": torch.tensor(given["lr"], device="cuda")} if OPTIMIZERS[name].in_graph else {}
        given |= {"capturable": True} if kind in _CAPTURABLE else {}
        given |= {"fused": True} if kind in _FUSED else {}
    return getattr(torch.optim, kind)(parameters, **given)
