"""What a rule is: a module of ``optim_core/rules/`` that holds one update as its paper prints it.

    NAME, YEAR, FAMILY, LATEX     how it is called, since when, beside whom it stands, the update as a formula
    class Hyper(NamedTuple)       hyperparameters, each ``Annotated[float, Range(...)] = default``
    NETWORK, NETWORK_NAME         hyperparameters to begin with on a network; the name there, where it is another
    class State(NamedTuple)       what is remembered between steps, each field a ``Vector`` or a ``Scalar``
    def init(x) -> State
    def step(x, g, s, h, t, n)    -> (x, State), t = 1, 2, ..., n; written in the verbs of ``optim_core.xp``
    def reference(params, h)      an independent optimizer set up to be the same rule, or None where there is none

The module's docstring names the source. Nothing is registered: a file in the folder is a rule.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Annotated, Any, get_type_hints

from optim_core.parameters import Range, ranges, settings

Vector = Annotated[Any, "a state field with an entry for each parameter"]
Scalar = Annotated[Any, "a state field that is one number for the whole run"]


@dataclass(frozen=True, eq=False)
class Rule:
    """One optimizer, as its module declares it."""

    name: str
    title: str
    year: int
    family: str
    latex: str
    paper: str
    Hyper: Any
    State: Any
    init: Callable[..., Any]
    step: Callable[..., Any]
    reference: Callable[..., Any]
    source: str
    network: Mapping[str, float]
    network_title: str

    @property
    def ranges(self) -> Mapping[str, Range]:
        """The Range of each hyperparameter, in order."""
        return ranges(self.Hyper)

    @cached_property
    def state_slots(self) -> dict[str, int]:
        """How many float64 each state field takes in the plane: 2 for a vector, 1 for a scalar."""
        hints = get_type_hints(self.State, include_extras=True)
        return {name: 2 if hints[name] == Vector else 1 for name in self.State._fields}


def rule_from_module(module: ModuleType) -> Rule:
    """The Rule that a module declares; TypeError says what is missing or wrong."""
    name = module.__name__.rpartition(".")[2]
    wanted = ("NAME", "YEAR", "FAMILY", "LATEX", "Hyper", "State", "init", "step", "reference", "NETWORK",
              "__doc__")  # fmt: skip
    missing = [item for item in wanted if getattr(module, item, None) is None]
    if missing:
        raise TypeError(f"rule {name}: {', '.join(missing)} missing in {module.__file__}")
    if list(inspect.signature(module.step).parameters) != ["x", "g", "s", "h", "t", "n"]:
        raise TypeError(f"rule {name}: step must take (x, g, s, h, t, n)")
    settings(module.Hyper, module.NETWORK, owner=f"rule {name}")
    for field, kind in get_type_hints(module.State, include_extras=True).items():
        if kind not in (Vector, Scalar):
            raise TypeError(f"rule {name}: State.{field} must be a Vector or a Scalar, not {kind}")
    return Rule(
        name=name,
        title=module.NAME,
        year=module.YEAR,
        family=module.FAMILY,
        latex=module.LATEX,
        paper=inspect.cleandoc(module.__doc__ or ""),
        Hyper=module.Hyper,
        State=module.State,
        init=module.init,
        step=module.step,
        reference=module.reference,
        source=Path(module.__file__ or "").read_text(encoding="utf-8"),
        network=MappingProxyType(dict(module.NETWORK)),
        network_title=getattr(module, "NETWORK_NAME", module.NAME),
    )


def discover() -> Mapping[str, Rule]:
    """All rules by name, in the order of their years; a module that is no rule raises."""
    package = importlib.import_module("optim_core.rules")
    modules = [
        importlib.import_module(f"{package.__name__}.{entry.name}") for entry in pkgutil.iter_modules(package.__path__)
    ]
    found = sorted((rule_from_module(module) for module in modules), key=lambda rule: (rule.year, rule.name))
    return MappingProxyType({rule.name: rule for rule in found})
