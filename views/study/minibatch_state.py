"""The state of the Minibatch page, and its sliders.

Every setting has a path: ``data``, ``rule``, ``order``, ``batch``, ``lr``, ``epochs``, ``runs``, ``seed``, ``start.x``,
``a``.
"""

from dataclasses import dataclass, field
from typing import ClassVar

from optim_core.parameters import Range
from optim_core.studies.minibatch import (
    MOST_SEED,
    ORDERS,
    batches,
)
from surfaces.data.loss import DataLoss
from surfaces.data.sets import DATA_SETS, data_set
from views.shared.fields import field as control
from views.shared.messages import (
    Controls,
    Group,
)
from views.shared.state import Choice, Number, Point, State, Whole

TITLES = {
    "diabetes": "Diabetes, BMI standardised",
    "diabetes_tens": "Diabetes, BMI in tens",
    "breast_cancer": "Breast cancer",
    "rare_column": "One rare column",
}
RULE_TITLES = {"gradient_descent": "SGD", "adagrad": "AdaGrad"}
ORDER_TITLES = {
    "independent": "independent draws",
    "shuffled": "shuffled each epoch",
    "fixed": "fixed order",
}
RATES = {
    "gradient_descent": {"diabetes": 0.1, "diabetes_tens": 0.1, "breast_cancer": 2.0, "rare_column": 0.1},
    "adagrad": {"diabetes": 0.3, "diabetes_tens": 0.5, "breast_cancer": 1.0, "rare_column": 0.5},
}
LIMITS = {"epochs": (1, 50), "runs": (1, 200), "seed": (0, MOST_SEED)}
LR, POINT = Range(1e-3, 10.0, r"\eta", log=True, valid="(0, 1e3]"), "[-100, 100]"
CURVATURE = Range(0.1, 10.0, "a", log=True)
MOST_STEPS = 4000  # of the runs drawn


@dataclass
class Study(State):
    """The whole state of the page."""

    data: str = "diabetes"
    rule: str = "gradient_descent"
    order: str = "shuffled"
    batch: int = 13
    lr: float = 0.1
    epochs: int = 5
    runs: int = 64
    seed: int = 0
    start: tuple[float, float] = field(default_factory=lambda: data_set("diabetes").start)
    a: float = 1.0
    problems: dict[str, str] = field(default_factory=dict)

    @property
    def loss(self) -> DataLoss:
        """The loss over the chosen data."""
        return data_set(self.data).loss

    @property
    def steps(self) -> int:
        """How many steps the runs make."""
        return min(self.epochs * batches(self.loss.rows, self.batch), MOST_STEPS)

    SETTINGS: ClassVar = {
        "data": Choice(DATA_SETS),
        "rule": Choice(RULE_TITLES),
        "order": Choice(ORDERS),
        "batch": Whole(1, lambda state: state.loss.rows),
        "lr": Number(LR.valid),
        "epochs": Whole(*LIMITS["epochs"]),
        "runs": Whole(*LIMITS["runs"]),
        "seed": Whole(*LIMITS["seed"]),
        "start": Point(POINT),
        "a": Number(CURVATURE.valid),
    }

    def follow(self, path: str) -> None:
        """Data come with their start, a rate, and as many rows as there are; a rule with its rate on them."""
        if path == "data":
            self.start, self.batch = data_set(self.data).start, min(self.batch, self.loss.rows)
            self.begin_anew()
        if path in ("data", "rule"):
            self.lr = RATES[self.rule][self.data]
            self.problems.pop("lr", None)


def controls(state: Study) -> Controls:
    """The sliders."""
    found = data_set(state.data)
    whole = [("batch", "b", (1, found.loss.rows), True, "rows of a batch"),
             ("epochs", "", LIMITS["epochs"], False, "times that every row is read"),
             ("runs", "N", LIMITS["runs"], False, "runs with draws of their own"),
             ("seed", "", (0, 100), False, "where the random numbers begin")]  # fmt: skip
    first = [control("lr", "lr", LR, state.lr)]
    for name, symbol, (low, high), log, title in whole:
        limits = Range(
            float(low), float(high), symbol or name, log=log, valid=f"[{low}, {LIMITS.get(name, (0, high))[1]}]"
        )
        first.append(control(name, name, limits, getattr(state, name), title, whole=True))
    for axis, (low, high), value in zip("xy", found.domain, state.start, strict=True):
        limits = Range(low, high, axis, valid=POINT)
        first.append(control(f"start.{axis}", "start", limits, value, "or click in the picture"))
    second = [control("a", "curvature", CURVATURE, state.a, "of the quadratic a (w − c)² / 2 in the sections below")]
    groups: list[Group] = [{"title": None, "fields": first}, {"title": "One-dimensional quadratic", "fields": second}]
    return {"name": "controls", "groups": groups, "cards": [], "problems": under_fields(state), "empty": ""}


def under_fields(state: Study) -> dict[str, str]:
    """The sentences, each under the path of the field beside which it is shown."""
    return {"start.x" if path == "start" else path: sentence for path, sentence in state.problems.items()}
