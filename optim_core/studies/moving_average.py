"""The exponential moving average: its weights, its values, and the correction of its bias towards 0.

m_0 = 0, m_t = beta m_{t-1} + (1 - beta) x_t, so m_t = sum_k (1 - beta) beta^k x_{t-k}; the weights of the t values so
far add up to 1 - beta^t, by which Adam divides (Kingma & Ba, ICLR 2015, section 3).
"""

from itertools import accumulate

import numpy as np


def weights(beta: float, count: int) -> np.ndarray:
    """The weights of the last ``count`` values, the newest first: (count,)."""
    return (1 - beta) * beta ** np.arange(count)


def average(series: np.ndarray, beta: float) -> np.ndarray:
    """The average after every value of a series (n,), begun at 0: (n,)."""
    return np.array([*accumulate(np.asarray(series).tolist(), lambda m, x: beta * m + (1 - beta) * x, initial=0.0)][1:])


def known(beta: float, count: int) -> np.ndarray:
    """The sum of the weights after 1, 2, ..., ``count`` values: 1 - beta^t."""
    return -np.expm1(np.arange(1, count + 1) * np.log(beta)) if beta > 0 else np.ones(count)


def corrected(series: np.ndarray, beta: float) -> np.ndarray:
    """The average divided by the sum of its weights so far, so that a constant series keeps its value."""
    return average(series, beta) / known(beta, len(series))
