"""The update with its numbers: what is written is what moved the point."""

import re

import numpy as np
import pytest

from optim_core import RULES, trace
from optim_core.around import NOTHING, Around
from surfaces import SURFACES
from views.shared.fields import short
from views.trajectories.equation import equation

SHOWN = [name for name, rule in RULES.items() if rule.kind == "step" and rule.scope != "matrix"]
AROUND = Around(schedule="cosine", weight_decay=0.05, noise=0.3, clip="norm", clip_at=3.0)


@pytest.mark.parametrize("around", [NOTHING, AROUND], ids=["plain", "around"])
@pytest.mark.parametrize("name", SHOWN)
def test_the_lines_end_where_the_path_goes(name: str, around: Around) -> None:
    rule = RULES[name]
    around = around.allowed(rule)
    run = trace(rule, SURFACES["himmelblau"], (0.5, -1.0), 40, around=around)
    for step in (1, 2, 40):
        lines = equation(rule, run, step, rule.Hyper()._asdict(), around, 40)
        reached = tuple(short(float(part)) for part in run.path[step])
        assert (lines[-1].x, lines[-1].y) == reached or reached in {(line.x, line.y) for line in lines}
        after = {line.name: line for line in lines}
        for field in set(rule.State._fields) & set(after):
            state = np.ravel(run.state[field][step])
            if len(state) == 1 and field in ("m", "v", "beta1_t", "beta2_t", "beta_t"):
                assert after[field].x == short(float(state[0]))


def test_gradient_descent_in_full() -> None:
    rule = RULES["gradient_descent"]
    run = trace(rule, SURFACES["ravine"], (-4.0, 2.0), 3, hyper={"lr": 0.5}, difference="exact",
                surface_parameters={"condition": 2.0, "angle": 0.0})  # fmt: skip
    (line,) = equation(rule, run, 1, {"lr": 0.5}, NOTHING, 3)
    assert tuple(line) == ("xₜ", "xₜ₋₁ − lr · gₜ", "(−4) − 0.5 · (−4)", "−2", "0")


def test_the_numbers_add_up() -> None:
    """The right-hand sides, read as arithmetic, give the results beside them: momentum and Adam's averages."""
    for name, field in (("momentum_average", "m"), ("adam", "m"), ("rmsprop", "v")):
        rule = RULES[name]
        run = trace(rule, SURFACES["himmelblau"], (0.5, -1.0), 9)
        line = next(line for line in equation(rule, run, 9, rule.Hyper()._asdict(), NOTHING, 9) if line.name == field)
        found = re.fullmatch(r"([\d.e−-]+) · (\S+) \+ \(1 − ([\d.]+)\) · (\S+)(?: · (\S+))?", line.numbers)
        assert found, line.numbers
        beta, old, same, *rest = (float(part.strip("()").replace("−", "-")) for part in found.groups() if part)
        assert beta == same
        assert beta * old + (1 - beta) * np.prod(rest) == pytest.approx(float(line.x.replace("−", "-")), rel=2e-3)


def test_a_name_that_is_used_twice_shows_what_it_held_then() -> None:
    rule = RULES["rprop"]
    run = trace(rule, SURFACES["ravine"], (-4.0, 2.0), 7)
    deltas = [line for line in equation(rule, run, 7, rule.Hyper()._asdict(), NOTHING, 7) if line.name == "delta"]
    assert len(deltas) == 3
    assert deltas[0].x == short(float(run.state["delta"][6][0]))
    assert deltas[1].x == short(1.2 * float(run.state["delta"][6][0]))


@pytest.mark.parametrize("name", sorted(set(RULES) - set(SHOWN)))
def test_rules_that_ask_for_themselves_show_none(name: str) -> None:
    rule = RULES[name]
    assert equation(rule, trace(rule, SURFACES["ravine"], (-4.0, 2.0), 5), 1, rule.Hyper()._asdict(), NOTHING, 5) == []


def test_there_is_no_step_before_the_first() -> None:
    rule = RULES["adam"]
    run = trace(rule, SURFACES["ravine"], (-4.0, 2.0), 5)
    assert equation(rule, run, 0, rule.Hyper()._asdict(), NOTHING, 5) == []
