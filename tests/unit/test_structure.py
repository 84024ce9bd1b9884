"""What imports what, and what a declaration must say."""

import re
import subprocess
import sys
import types
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import pytest

from optim_core import RULES, sweep, trace
from optim_core.parameters import Interval, Range, ranges, settings, switch
from optim_core.rule import rule_from_module
from surfaces import SURFACES
from surfaces.core.surface import FAMILIES, surface_from_module

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("package", ["optim_core", "surfaces"])
def test_the_core_imports_no_torch_no_streamlit_no_plotly(package: str) -> None:
    code = f"import {package}, sys; print([m for m in ('torch', 'streamlit', 'plotly', 'sympy') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"


def test_exact_derivatives_need_no_sympy() -> None:
    code = (
        "import sys\nfrom surfaces import SURFACES, surface_from_formula\n"
        "for surface in (*SURFACES.values(), surface_from_formula('x^2 + sin(y)')):\n"
        "    print(surface.derivative.value(*surface.start), surface.hessian.value(*surface.start), surface.about)\n"
        "assert 'sympy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def test_arrows_go_down() -> None:
    allowed = {"optim_core": {"optim_core"}, "surfaces": {"surfaces", "optim_core"},
               "training": {"training", "optim_core"},
               "views": {"views", "training", "optim_core", "surfaces"},
               "ravine": {"ravine", "views", "training", "optim_core", "surfaces"}}  # fmt: skip
    door = ROOT / "optim_core" / "__main__.py"  # Python runs it, nothing imports it
    for package, below in allowed.items():
        for path in (ROOT / package).rglob("*.py"):
            found = re.findall(r"^\s*(?:from|import) (\w+)", path.read_text(), flags=re.MULTILINE)
            own = {name for name in found if (ROOT / name).is_dir()}
            assert own <= ({"ravine"} if path == door else below), path


def test_every_rule_and_surface_is_found_under_the_name_of_its_file() -> None:
    for mapping, folder, rest in ((RULES, "optim_core/rules", {"__init__"}),
                                  (SURFACES, "surfaces", {"__init__"})):  # fmt: skip
        assert set(mapping) == {path.stem for path in (ROOT / folder).glob("*.py")} - rest


@pytest.mark.parametrize("name", RULES)
def test_a_rule_says_where_it_comes_from(name: str) -> None:
    rule = RULES[name]
    assert re.search(r"\b(1[89]|20)\d\d\b", rule.paper), "no year in the docstring"
    assert rule.latex.count("{") == rule.latex.count("}")
    for field, limits in rule.ranges.items():
        assert limits.symbol, field


def test_a_broken_rule_does_not_vanish() -> None:
    module = types.ModuleType("optim_core.rules.broken")
    module.__file__ = __file__
    with pytest.raises(TypeError, match="rule broken: NAME, YEAR"):
        rule_from_module(module)


def test_surfaces_stand_in_the_order_of_their_families() -> None:
    assert [FAMILIES.index(surface.family) for surface in SURFACES.values()] == sorted(
        FAMILIES.index(surface.family) for surface in SURFACES.values()
    )
    assert SURFACES["rosenbrock"].listed == "Rosenbrock · valleys and plates"
    lost = types.ModuleType("surfaces.lost")
    lost.__dict__.update(vars(SURFACES["ackley"].module) | {"__name__": "surfaces.lost", "FAMILY": "hills"})
    with pytest.raises(TypeError, match="surface lost: FAMILY = 'hills' in .* is none of: teaching, bowls"):
        surface_from_module(lost)


def test_a_surface_says_its_remarks() -> None:
    assert "prints its value without the\nminus sign" in SURFACES["eggholder"].about
    assert SURFACES["ackley"].about.endswith("arXiv:1308.4008, function 1")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("adm", "there is no rule 'adm'; near it: adam, radam, nadam"),
        (3, "there is no rule '3'; there are: newton, gradient_descent"),
        ("lookahead(newton)", "rule lookahead cannot go around newton: it takes rules that step"),
        ("adam(momentum)", "rule adam goes around no other rule"),
        ("lookahead(lookahead)", "rule lookahead cannot go around lookahead"),
    ],
)
def test_an_unknown_rule_is_told_its_neighbours(name: Any, sentence: str) -> None:
    for kind in (KeyError, ValueError):
        with pytest.raises(kind) as caught:
            RULES[name]
        assert str(caught.value).startswith(sentence)
    assert name not in RULES


def test_a_name_is_no_rule_and_an_unknown_hyperparameter_is_told_its_neighbour() -> None:
    name: Any = "adam"
    for run in (trace, sweep):
        with pytest.raises(ValueError, match="rule = 'adam' is not a rule; RULES holds them by name"):
            run(name, SURFACES["ackley"], (1.0, 1.0), 5)
        with pytest.raises(ValueError, match=r"has no parameter 'bet1' \(did you mean beta1\?\); it has: lr, beta1"):
            run(RULES["adam"], SURFACES["ackley"], (1.0, 1.0), 5, hyper={"bet1": 0.5})


def test_a_rule_around_another_holds_both() -> None:
    rule = RULES["lookahead(momentum)"]
    assert rule.Hyper._fields == (*RULES["momentum"].Hyper._fields, "k", "slow_lr")
    assert set(RULES["momentum"].state_slots) < set(rule.state_slots)
    assert len(RULES) == len(list(RULES)), "what is composed is not listed"


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [("(0, 1]", (1e-300, 1.0), (0.0, 1.1, -1.0)), ("[0, 1)", (0.0, 0.999), (1.0, float("nan"))),
     ("(-inf, inf)", (0.0, -1e308), (float("inf"), float("nan")))],
)  # fmt: skip
def test_intervals(text: str, inside: tuple, outside: tuple) -> None:
    assert all(Interval.parse(text).holds(v) for v in inside)
    assert not any(Interval.parse(text).holds(v) for v in outside)


def test_declarations_are_checked() -> None:
    class NoRange(NamedTuple):
        a: float = 1.0

    class Outside(NamedTuple):
        a: Annotated[float, Range(0.0, 1.0, "a")] = 2.0

    for wrong in (NoRange, Outside):
        with pytest.raises(TypeError):
            ranges(wrong)
    wrong_ranges: list[dict[str, Any]] = [
        {"low": 1.0, "high": 0.0},
        {"low": 0.0, "high": 1.0, "log": True},
        {"low": 0.0, "high": 1.0, "valid": "(0, 1]"},
    ]
    for wrong in wrong_ranges:
        with pytest.raises(ValueError, match="slider"):
            Range(symbol="a", **wrong)


def test_settings_fill_in_defaults() -> None:
    class Some(NamedTuple):
        a: Annotated[float, Range(0.0, 1.0, "a")] = 0.5
        on: Annotated[float, switch("o")] = 1.0

    assert settings(Some, {"a": 1}, owner="it") == Some(1.0, 1.0)
    with pytest.raises(ValueError, match="on = 0.5 is not allowed"):
        settings(Some, {"on": 0.5}, owner="it")
