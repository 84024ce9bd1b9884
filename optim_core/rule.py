"""What a rule is: a module of ``optim_core/rules/`` that holds one update as its paper prints it.

    NAME, YEAR, FAMILY, LATEX   how it is called, since when, beside whom it stands, the update as a formula
    CHANGE                      what it changes against its parents, in a line
    class Hyper(NamedTuple)     hyperparameters, each ``Annotated[float, Range(...)] = default``
    NETWORK, NETWORK_NAME       hyperparameters to begin with on a network, or None where it trains none and
                                NO_NETWORK says why; the name there, where it is another
    class State(NamedTuple)     what is remembered between steps, each field a ``Vector``, a ``Scalar`` or ``Other``
    def init(x) -> State
    def reference(params, h)    an independent torch.optim.Optimizer set up to be the same rule, or None
    def expected(f, x, h, n)    where there is none: the path (n+1, 2) from x by another way than ``step``, such as a
                                closed form or another library; f is that of ``closure``
    def answer(x, s, h)         the point that the method returns, where it is not x, at which it stands: an average
    CHECKS                      what ``python -m optim_core verify`` holds it against; left out, one at its defaults

KIND says how it moves:

    step        def step(x, g, s, h, t, n) -> (x, State), t = 1, 2, ..., n; in the verbs of ``optim_core.xp``. Where the
                gradient is wanted elsewhere than at x, def look(x, s, h, t, n) or look(x, g, s, h, t, n), with g the
                gradient at x, gives the point.
    around      holds another rule, BASE where none is named: def after(x, y, s, h, t, n) -> (x, State), y being what
                that rule made of x; and look as above. The function ``base`` that its reference(params, h, base) is
                given builds the inner rule's reference.
    closure     def step(x, f, s, h) -> (x, State) asks f.value(x), f.gradient(x), f.hessian(x), f.hessian_diagonal(x)
                where it likes. A step may depend on nothing else: once x and s stay as they are, they do for ever.
                CURVATURE = True: on networks it asks for the diagonal, and the closure keeps the gradient's graph.
    recorded    def record(f, x, h, n, done): an algorithm of another library. It asks f.value(x) or f.values(points
                (m, 2)), inside f.window, and calls done(x) with its present point after each of at most n iterations.

SCOPE says what x is on a network: ``vector``, all parameters in one flat vector; ``tensor``, each parameter for itself,
flat; ``matrix``, each parameter of two or more dimensions as a matrix (out, rest), others being left to the rule
COMPANION. On the plane x is the point; for ``matrix`` it is a column (2, 1).

The module's docstring names the source. Nothing is registered: a file in the folder is a rule.
"""

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Annotated, Any, NamedTuple, get_type_hints

from optim_core.engine.machine_code import sources
from optim_core.parameters import Range, ranges, settings

Vector = Annotated[Any, "a state field with an entry for each parameter"]
Scalar = Annotated[Any, "a state field that is one number for the whole run"]
Other = Annotated[Any, "a state field of another shape"]


class Check(NamedTuple):
    """Settings at which a rule is held against its reference, its ``expected`` path, or another rule.

    same: another rule and its settings, whose steps it must make here. bound: the largest difference allowed, as a
    share of the path's largest coordinate: what rounding alone makes of this path, on whatever processor (tests hold it
    to that). why: the reason for fewer than 1,000 steps or a wider bound. base: the rule in the middle of one that goes
    around another, where it is not BASE.
    """

    hyper: Mapping[str, float] = MappingProxyType({})
    same: tuple[str, Mapping[str, float]] | None = None
    steps: int = 1000
    bound: float = 1e-12
    why: str = ""
    base: str = ""


KINDS = ("step", "closure", "around", "recorded")
SCOPES = ("vector", "tensor", "matrix")


@dataclass(frozen=True, eq=False)
class Rule:
    """One optimizer, as its module declares it."""

    name: str
    title: str
    year: int
    family: str
    latex: str
    change: str
    paper: str
    kind: str
    scope: str
    Hyper: Any
    State: Any
    init: Callable[..., Any]
    step: Callable[..., Any]
    look: Callable[..., Any] | None
    record: Callable[..., Any] | None
    answer: Callable[..., Any] | None
    reference: Callable[..., Any]
    source: str
    network: Mapping[str, float] | None
    network_title: str
    no_network: str
    companion: str | None
    curvature: bool
    checks: tuple[Check, ...]
    module: ModuleType
    base: "Rule | None" = None
    inlined: bytes = b""  # a digest of what its functions may have in them besides, for compiled code

    @property
    def ranges(self) -> Mapping[str, Range]:
        """The Range of each hyperparameter, in order."""
        return ranges(self.Hyper)

    @cached_property
    def state_slots(self) -> dict[str, int]:
        """How many float64 each state field takes in the plane: 2 for a vector, 1 for a scalar, 0 where it varies."""
        slots = {} if self.base is None else dict(self.base.state_slots)
        hints = get_type_hints(self.module.State, include_extras=True)
        return slots | {name: _SLOTS[hints[name]] for name in self.module.State._fields}

    @property
    def module_name(self) -> str:
        """The name of the file that declares it."""
        return self.module.__name__.rpartition(".")[2]

    @property
    def compiled(self) -> bool:
        """Whether it runs in blocks, so that it fills maps; the others are interpreted, step by step."""
        return self.kind in ("step", "around") and self.scope != "matrix"

    @property
    def needs_closure(self) -> bool:
        """Whether its steps on a network need a closure that evaluates loss and gradient."""
        return self.kind == "closure" or self.look is not None

    @property
    def looks_with_gradient(self) -> bool:
        """Whether ``look`` wants the gradient at x first."""
        return self.look is not None and "g" in inspect.signature(self.look).parameters

    @cached_property
    def needs_horizon(self) -> bool:
        """Whether a step depends on n, how many steps there will be."""
        own = {"step", "after", "look"}
        functions = [node for node in ast.walk(ast.parse(self.module_source)) if isinstance(node, ast.FunctionDef)]
        names = [node for one in functions if one.name in own for part in one.body for node in ast.walk(part)]
        asks = any(isinstance(node, ast.Name) and node.id == "n" for node in names)
        return self.kind in ("step", "around") and (asks or (self.base is not None and self.base.needs_horizon))

    @property
    def module_source(self) -> str:
        """The text of the file that declares it."""
        return self.source if self.base is None else self.source[: len(self.source) - len(self.base.source)]

    def around(self, base: "Rule") -> "Rule":
        """This rule of kind ``around`` with another rule in its middle, named as in ``lookahead(momentum)``."""
        if self.kind != "around":
            raise ValueError(f"rule {self.name} goes around no other rule")
        if base.kind != "step" or base.scope != "vector" or base.look is not None:
            why = "it takes rules that step all parameters as one vector by the gradient at x"
            raise ValueError(f"rule {self.name} cannot go around {base.name}: {why}")
        return _composed(self, base)


_SLOTS = {Vector: 2, Scalar: 1, Other: 0}
_SIGNATURES = {
    "step": ("step", ["x", "g", "s", "h", "t", "n"]),
    "closure": ("step", ["x", "f", "s", "h"]),
    "around": ("after", ["x", "y", "s", "h", "t", "n"]),
    "recorded": ("record", ["f", "x", "h", "n", "done"]),
}
_WANTED = ("NAME", "YEAR", "FAMILY", "LATEX", "Hyper", "reference", "__doc__")


class _Nothing(NamedTuple):
    """The state of a rule that remembers nothing of its own."""


def _no_state(x: Any) -> _Nothing:  # noqa: ARG001
    return _Nothing()


def rule_from_module(module: ModuleType) -> Rule:
    """The Rule that a module declares; TypeError says what is missing or wrong."""
    name = module.__name__.rpartition(".")[2]
    kind, scope = getattr(module, "KIND", "step"), getattr(module, "SCOPE", "vector")
    if kind not in KINDS or scope not in SCOPES:
        raise TypeError(f"rule {name}: KIND = {kind!r} must be one of {KINDS}, SCOPE = {scope!r} one of {SCOPES}")
    main, arguments = _SIGNATURES[kind]
    stateful = () if kind == "recorded" else ("State", "init")
    network = getattr(module, "NETWORK", None)
    missing = [item for item in (*_WANTED, *stateful, main) if getattr(module, item, None) is None]
    missing += [] if network is not None or hasattr(module, "NO_NETWORK") else ["NETWORK or NO_NETWORK"]
    missing += ["COMPANION"] if scope == "matrix" and not hasattr(module, "COMPANION") else []
    missing += ["BASE"] if kind == "around" and not hasattr(module, "BASE") else []
    if missing:
        raise TypeError(f"rule {name}: {', '.join(missing)} missing in {module.__file__}")
    if list(inspect.signature(getattr(module, main)).parameters) != arguments:
        raise TypeError(f"rule {name}: {main} must take ({', '.join(arguments)})")
    look = getattr(module, "look", None)
    if look is not None and [p for p in inspect.signature(look).parameters if p != "g"] != ["x", "s", "h", "t", "n"]:
        raise TypeError(f"rule {name}: look must take (x, s, h, t, n) or (x, g, s, h, t, n)")
    answer = getattr(module, "answer", None)
    if answer is not None and list(inspect.signature(answer).parameters) != ["x", "s", "h"]:
        raise TypeError(f"rule {name}: answer must take (x, s, h)")
    if network is not None and kind != "around":
        settings(module.Hyper, network, owner=f"rule {name}")
    state = getattr(module, "State", None)
    if state is None:
        module.State, module.init = _Nothing, _no_state  # type: ignore[attr-defined]
        state = _Nothing
    for field, hint in get_type_hints(state, include_extras=True).items():
        allowed = (Vector, Scalar) if kind in ("step", "around") and scope != "matrix" else (Vector, Scalar, Other)
        if hint not in allowed:
            raise TypeError(f"rule {name}: State.{field} must be a Vector or a Scalar, not {hint}")
    return Rule(
        name=name,
        title=module.NAME,
        year=module.YEAR,
        family=module.FAMILY,
        latex=module.LATEX,
        change=getattr(module, "CHANGE", ""),
        paper=inspect.cleandoc(module.__doc__ or ""),
        kind=kind,
        scope=scope,
        Hyper=module.Hyper,
        State=state,
        init=module.init,
        step=getattr(module, "step", None) or getattr(module, main),
        look=look,
        record=getattr(module, "record", None),
        answer=answer,
        reference=module.reference,
        source=Path(module.__file__ or "").read_text(encoding="utf-8"),
        network=None if network is None else MappingProxyType(dict(network)),
        network_title=getattr(module, "NETWORK_NAME", module.NAME),
        no_network=getattr(module, "NO_NETWORK", ""),
        companion=getattr(module, "COMPANION", None),
        curvature=getattr(module, "CURVATURE", False),
        checks=tuple(getattr(module, "CHECKS", (Check(),))),
        module=module,
        inlined=sources(module),
    )


def _composed(outer: Rule, base: Rule) -> Rule:
    """A rule around another: hyperparameters and state of the base first, then its own."""
    module, own = outer.module, outer.module.State
    if both := sorted({*module.Hyper._fields, *own._fields} & {*base.Hyper._fields, *base.State._fields}):
        raise ValueError(f"rule {outer.name} cannot go around {base.name}: both have {', '.join(both)}")
    cut, cut_hyper = len(base.State._fields), len(base.Hyper._fields)
    state_fields = dict.fromkeys((*base.State._fields, *own._fields), Any)
    State: Any = NamedTuple("State", state_fields.items())  # type: ignore[misc]
    Hyper: Any = _joined(base.Hyper, module.Hyper)

    def init(x):
        return State(*base.init(x), *module.init(x))

    def step(x, g, s, h, t, n):
        y, inner = base.step(x, g, base.State(*s[:cut]), base.Hyper(*h[:cut_hyper]), t, n)
        x, outside = module.after(x, y, own(*s[cut:]), module.Hyper(*h[cut_hyper:]), t, n)
        return x, State(*inner, *outside)

    def look_at(x, g, s, h, t, n):
        return module.look(x, g, own(*s[cut:]), module.Hyper(*h[cut_hyper:]), t, n)

    def look(x, s, h, t, n):
        return module.look(x, own(*s[cut:]), module.Hyper(*h[cut_hyper:]), t, n)

    def reference(params, h):
        """The module's reference(params, h, base), base building the inner rule's on parameters."""
        inside = base.Hyper(*h[:cut_hyper])
        return module.reference(params, module.Hyper(*h[cut_hyper:]), lambda params: base.reference(params, inside))

    def answer(x, s, h):
        if module_answer is not None:
            return module_answer(x, own(*s[cut:]), module.Hyper(*h[cut_hyper:]))
        return base.answer(x, base.State(*s[:cut]), base.Hyper(*h[:cut_hyper]))  # type: ignore[misc]

    module_answer = getattr(module, "answer", None)
    looking = None if outer.look is None else look_at if outer.looks_with_gradient else look
    return replace(
        outer,
        name=f"{outer.module_name}({base.name})",
        title=f"{module.NAME} ({base.title})",
        paper=outer.paper,
        scope=base.scope,
        Hyper=Hyper,
        State=State,
        init=init,
        step=step,
        look=looking,
        answer=answer if module_answer or base.answer else None,
        reference=reference,
        source=outer.source + base.source,
        inlined=outer.inlined + base.inlined,
        network=None if base.network is None else MappingProxyType({**base.network, **(outer.network or {})}),
        network_title=f"{module.NAME} ({base.network_title})",
        base=base,
    )


def _joined(first: Any, second: Any) -> Any:
    """A NamedTuple with the fields of two, their Ranges and defaults."""
    hints = {**get_type_hints(first, include_extras=True), **get_type_hints(second, include_extras=True)}
    joined: Any = NamedTuple("Hyper", hints.items())  # type: ignore[misc]
    joined.__new__.__defaults__ = tuple({**first._field_defaults, **second._field_defaults}.values())
    joined._field_defaults = {**first._field_defaults, **second._field_defaults}
    return joined


class UnknownRule(KeyError, ValueError):
    """There is no rule of that name; the sentence names near ones."""

    def __str__(self) -> str:
        return self.args[0]


class Rules(Mapping[str, Rule]):
    """All rules by name, in the order of their years; a rule around another answers to ``lookahead(momentum)`` too."""

    def __init__(self, found: Mapping[str, Rule]) -> None:
        self._found = dict(found)
        self._composed: dict[str, Rule] = {}
        for rule in found.values():
            if rule.kind == "around":
                plain = rule.around(self._found[rule.module.BASE])
                self._composed[plain.name] = plain
                self._found[rule.name] = replace(plain, name=rule.name, title=rule.title)

    def __getitem__(self, name: str) -> Rule:
        if name in self._found:
            return self._found[name]
        if name not in self._composed:
            match = re.fullmatch(r"(\w+)\((\w+)\)", name) if isinstance(name, str) else None
            if not match or not set(match.groups()) <= self._found.keys():
                raise UnknownRule(self._unknown(name))
            try:
                self._composed[name] = self._found[match[1]].around(self._found[match[2]])
            except ValueError as error:
                raise UnknownRule(str(error)) from None
        return self._composed[name]

    def _unknown(self, name: Any) -> str:
        near = get_close_matches(str(name), self._found, 3, 0.5)
        return f"there is no rule {str(name)[:60]!r}; " + (
            f"near it: {', '.join(near)}" if near else f"there are: {', '.join(self._found)}"
        )

    def bases(self, name: str) -> list[str]:
        """The rules that a rule of kind ``around`` can go around; none for others."""
        if self[name].kind != "around":
            return []
        outer = self[name].module_name
        return [base for base in self._found if f"{outer}({base})" in self]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


def checked_rule(rule: Any) -> Rule:
    """rule where it is one; ValueError where it is something else, such as a name."""
    if not isinstance(rule, Rule):
        raise ValueError(f"rule = {str(rule)[:60]!r} is not a rule; RULES holds them by name, as in RULES['adam']")
    return rule


def discover() -> Rules:
    """All rules; a module of the folder that is no rule raises."""
    package = importlib.import_module("optim_core.rules")
    modules = [
        importlib.import_module(f"{package.__name__}.{entry.name}") for entry in pkgutil.iter_modules(package.__path__)
    ]
    found = sorted((rule_from_module(module) for module in modules), key=lambda rule: (rule.year, rule.name))
    return Rules({rule.name: rule for rule in found})
