"""Data behind losses of two parameters: tables that come with scikit-learn, and one made here."""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from surfaces.data.loss import DataLoss, data_loss


@dataclass(frozen=True)
class DataSet:
    """A loss over data, and how its two parameters and its rows are called.

    title, story: what it is, in a line and in a sentence. parameters: the names of the two. start: where runs begin.
    domain: ((x low, x high), (y low, y high)), the window in which it is drawn.
    """

    title: str
    story: str
    loss: DataLoss
    parameters: tuple[str, str]
    start: tuple[float, float]
    domain: tuple[tuple[float, float], tuple[float, float]]


def _table(name: str, **reading) -> np.ndarray:
    """A table in scikit-learn's package, read as a file: importing the package takes seconds."""
    found = importlib.util.find_spec("sklearn")
    if found is None or found.origin is None:
        raise FileNotFoundError("scikit-learn is not installed; the tables come with it")
    return np.loadtxt(Path(found.origin).parent / "datasets" / "data" / name, **reading)


def _standardised(values: np.ndarray) -> np.ndarray:
    """Values with mean 0 and variance 1."""
    return (values - values.mean()) / values.std()


def _diabetes() -> tuple[np.ndarray, np.ndarray]:
    """Body mass index in kg/m2 and the progression of the disease a year later, of 442 people."""
    return _table("diabetes_data_raw.csv.gz")[:, 2], _table("diabetes_target.csv.gz")


def diabetes() -> DataSet:
    bmi, progression = _diabetes()
    columns = np.column_stack([_standardised(bmi), np.ones(len(bmi))])
    return DataSet(
        "Diabetes, BMI standardised",
        "Least squares over 442 people (Efron, Hastie, Johnstone & Tibshirani 2004): the progression of diabetes, in "
        "hundreds, as slope times body mass index plus intercept; the index has mean 0 and variance 1.",
        data_loss("least_squares", columns, progression / 100), ("slope", "intercept"), (-1.0, 0.0),
        ((-1.2, 1.2), (-0.2, 1.9)),
    )  # fmt: skip


def diabetes_tens() -> DataSet:
    bmi, progression = _diabetes()
    columns = np.column_stack([bmi / 10, np.ones(len(bmi))])
    return DataSet(
        "Diabetes, BMI in tens",
        "The same 442 people with the body mass index as measured, in tens of kg/m²: not centred, so that slope and "
        "intercept trade off and the loss is a ravine.",
        data_loss("least_squares", columns, progression / 100), ("slope", "intercept"), (-0.6, 1.6),
        ((-1.0, 2.2), (-3.2, 3.2)),
    )  # fmt: skip


def breast_cancer() -> DataSet:
    table = _table("breast_cancer.csv", delimiter=",", skiprows=1)
    columns = np.column_stack([_standardised(table[:, 0]), _standardised(table[:, 1])])
    return DataSet(
        "Breast cancer, radius and texture",
        "Logistic loss over 569 tumours (Street, Wolberg & Mangasarian 1993): whether one is benign, from the mean "
        "radius and the mean texture of its cells, both with mean 0 and variance 1; no intercept.",
        data_loss("logistic", columns, table[:, -1]), ("weight of radius", "weight of texture"), (2.0, 1.5),
        ((-6.0, 3.0), (-3.5, 3.0)),
    )  # fmt: skip


def rare_column() -> DataSet:
    draw = np.random.RandomState(1)  # its stream is frozen, default_rng's is not
    rows = 500
    often, rare = draw.standard_normal(rows), np.zeros(rows)
    rare[draw.permutation(rows)[: rows // 50]] = 1.0
    targets = often + 2 * rare + 0.3 * draw.standard_normal(rows)
    return DataSet(
        "One rare column",
        "Least squares over 500 rows made here (seed 1): the target is the first column, drawn from a normal "
        "distribution, plus twice the second, which is 1 in 10 rows and 0 in all others, plus noise of deviation 0.3.",
        data_loss("least_squares", np.column_stack([often, rare]), targets), ("weight of the common column",
        "weight of the rare column"), (0.0, 0.0), ((-0.6, 2.4), (-0.6, 3.2)),
    )  # fmt: skip


DATA_SETS: dict[str, Callable[[], DataSet]] = {
    "diabetes": diabetes,
    "diabetes_tens": diabetes_tens,
    "breast_cancer": breast_cancer,
    "rare_column": rare_column,
}


@cache
def data_set(name: str) -> DataSet:
    """The data set of that name, one of DATA_SETS, read once."""
    return DATA_SETS[name]()
