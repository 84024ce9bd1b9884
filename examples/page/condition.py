"""What the page shows: gradient descent and momentum at their best settings, beside the rates that theory promises.

Every setting has a path: ``condition``, ``steps``, ``start.x``.
"""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from optim_core import RULES, trace
from optim_core.engine.blocks import evaluate
from optim_core.parameters import Range
from optim_core.studies.stability import optimum, rate
from surfaces import SURFACES
from views.shared.colours import style
from views.shared.controls import under_fields
from views.shared.fields import field as control
from views.shared.fields import short
from views.shared.messages import Controls, Group, StudyMessage
from views.shared.packing import content_key
from views.shared.state import Number, Point, State, Whole
from views.study.charts import curve

CONDITION = Range(1.0, 1000.0, r"\kappa", log=True, valid="[1, 1e4]")
POINT, MOST_STEPS, SIDE = "[-100, 100]", 500, 101
NAMES = {"gradient_descent": "gradient descent", "momentum": "momentum"}


@dataclass
class Condition(State):
    """The whole state of the page."""

    condition: float = 20.0
    steps: int = 60
    start: tuple[float, float] = (-4.0, 2.0)
    problems: dict[str, str] = field(default_factory=dict)

    SETTINGS: ClassVar = {
        "condition": Number(CONDITION.valid),
        "steps": Whole(1, MOST_STEPS),
        "start": Point(POINT),
    }


def controls(state: Condition) -> Controls:
    """The sliders."""
    steps = Range(1, MOST_STEPS, "n", log=True, valid=f"[1, {MOST_STEPS}]")
    fields = [
        control("condition", "condition", CONDITION, state.condition, "the largest curvature over the least"),
        control("steps", "steps", steps, state.steps, whole=True),
        *(control(f"start.{axis}", "start", Range(-5, 5, axis, valid=POINT), value, "or click in the picture")
          for axis, value in zip("xy", state.start, strict=True)),
    ]  # fmt: skip
    groups: list[Group] = [{"title": None, "fields": fields}]
    return {"name": "controls", "groups": groups, "cards": [], "problems": under_fields(state), "empty": ""}


@np.errstate(all="ignore")
def message(state: Condition) -> StudyMessage:
    """What the picture, the chart and the sentence show."""
    surface = SURFACES["ravine"]
    parameters = {"condition": state.condition, "angle": 0.0}
    q = surface.Parameters(**parameters)
    (x0, x1), (y0, y1) = surface.domain
    x, y = np.linspace(x0, x1, SIDE), np.linspace(y0, y1, SIDE)
    curvatures = np.linalg.eigvalsh(_hessian(q))
    steps, paths, curves, told = np.arange(state.steps + 1), [], [], []
    for number, (rule, name) in enumerate(NAMES.items()):
        best, colour = optimum(rule, *map(float, curvatures)), style(number)[0]
        run = trace(
            RULES[rule], surface, state.start, state.steps, hyper=best, surface_parameters=parameters,
            difference="exact",
        )  # fmt: skip
        factor = float(rate(rule, best, curvatures))
        paths.append({"key": rule, "label": name, "colour": colour, "dash": "", "loss": run.loss,
                      "path": run.path.astype(np.float32).ravel()})  # fmt: skip
        curves += [
            curve(rule, name, colour, steps[: len(run.loss)], run.loss),
            curve(
                f"{rule} promised",
                f"{name}, as theory promises",
                colour,
                steps,
                run.loss[0] * factor ** (2.0 * steps),
                "4 4",
            ),
        ]
        told.append(f"{name}: the way to the minimum shrinks by {short(factor)} a step")
    return {
        "grid": {"content": content_key("condition", q), "x": x.astype(np.float32), "y": y.astype(np.float32),
                 "z": evaluate(surface, *np.meshgrid(x, y), q).astype(np.float32).ravel()},
        "surface": {"window": [x0, x1, y0, y1], "lowest": 0.0, "axes": ["x", "y"],
                    "minima": surface.minima(q).tolist()},
        "crowd": None, "paths": paths, "counting": {"steps": state.steps, "of": 0},
        "loss": {"name": "loss", "title": "Loss", "x": "step", "log_x": False, "log_y": True, "mark": None,
                 "floor": 1e-16, "curves": curves},
        "caption": [f"At its best learning rate, in the long run: {'; '.join(told)}."], "sections": [],
        "values": state.values(), "problems": under_fields(state),
    }  # fmt: skip


def _hessian(q: tuple) -> np.ndarray:
    xx, xy, yy = (float(one) for one in SURFACES["ravine"].hessian.value(0.0, 0.0, q))
    return np.array([[xx, xy], [xy, yy]])
