"""How the learning rate changes over a run: a factor of the rate, a pure function of the step."""

import math

SCHEDULES = {
    "constant": "Constant",
    "cosine": "Cosine to 0",
    "linear": "Linear to 0",
    "triangle": "Up and down linearly",
    "inverse_sqrt": "Inverse square root",
}
_WARM = 0.05  # the warm-up's share in "triangle" and "inverse_sqrt" where none is given


def factor(schedule: str, warmup: float, step: int, steps: int) -> float:
    """The learning rate's factor for step 0, 1, ..., steps - 1.

    warmup: the share of the steps over which the rate first climbs linearly; its last step has the factor 1. Cosine:
    Loshchilov & Hutter, ICLR 2017, arXiv:1608.03983, eq. 5, without restarts.
    """
    if schedule in ("triangle", "inverse_sqrt"):
        warmup = warmup or _WARM
    climb = round(warmup * steps)
    if step < climb:
        return (step + 1) / climb
    if schedule == "constant":
        return 1.0
    if schedule == "inverse_sqrt":
        return math.sqrt(max(climb, 1) / (step + 1))
    left = 1 - (step - climb) / max(1, steps - climb)
    return 0.5 * (1 - math.cos(math.pi * left)) if schedule == "cosine" else left
