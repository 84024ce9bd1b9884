"""What several pages say of runs: places, outcomes, how gradients were taken, what goes around the rules."""

from typing import Any

import numpy as np

from optim_core import RULES, Outcome, Trace
from optim_core.around import DROPPING, SCHEDULES
from optim_core.runs.trace import MOST_POINTS
from optim_core.surface import Surface
from surfaces import SURFACES
from views.shared.fields import plain, short
from views.shared.settings import Settings

DIFFERENCES = {
    "central": "Central",
    "forward": "Forward",
    "exact": "Exact (symbolic)",
    "as_printed": "As a tutorial prints it",
}
STOPS = {"none": "Never", "step": "Short step", "gradient": "Short gradient", "loss": "Low loss"}


def place(point: Any, scale: float) -> str:
    """A point for people; what is nothing at the scale of the surface is 0."""
    return "(" + ", ".join(short(round(float(value) / scale, 6) * scale) for value in point) + ")"


def percent(share: float) -> str:
    """A share for people; what is not all is never 100 %."""
    if 0 < share < 0.001 or 0.999 < share < 1:
        return "less than 0.1 %" if share < 0.5 else "over 99.9 %"
    return f"{100 * share:.3g} %"


def capital(text: str) -> str:
    """The text as a sentence begins."""
    return text[:1].upper() + text[1:]


def words(surface: Surface, run: Trace, steps: int, q: Any) -> str:
    """What became of a run of at most so many steps, for people."""
    end = place(run.path[-1], surface.scale)
    stopped = run.steps < steps
    match run.outcome:
        case Outcome.DIVERGED:
            last = (run.since or 1) - 1
            if np.isnan(run.gradient[last]).any() and np.isfinite(run.loss[last]):
                return f"no gradient at {place(run.path[last], surface.scale)}, step {last}"
            return f"{run.outcome.words} at step {run.since}"
        case Outcome.LEFT_WINDOW:
            return f"{run.outcome.words} at step {run.since}" if run.since else "outside the surface’s window"
        case Outcome.CONVERGED:
            text = f"reached {place(surface.minima(q)[run.minimum][:2], surface.scale)} at step {run.since}"
        case Outcome.LOCAL_MINIMUM | Outcome.AT_SADDLE | Outcome.CYCLING:
            text = f"{run.outcome.words} near {end}"
        case Outcome.AT_REST:
            return f"at rest at {end}, no minimum"
        case _ if run.cloud is not None and stopped and len(run.cloud) >= MOST_POINTS:
            return f"cut off after {len(run.cloud):,} evaluations, at {end}"
        case Outcome.ENDED:
            return f"ended by itself at {end}, no minimum"
        case _ if run.cloud is not None and not stopped:
            return f"still searching, at {end}"
        case _:
            return f"stopped at {end}, no minimum" if stopped else f"still moving, at {end}"
    return text + (f", stopped at step {run.steps}" if stopped else "")


def with_parameters(settings: Settings) -> str:
    """The surface's title, with its parameters where it has any."""
    surface = SURFACES[settings.surface]
    numbers = ", ".join(
        f"{plain(limits.symbol)} = {short(settings.parameters[name])}" for name, limits in surface.ranges.items()
    )
    return f"{surface.title} ({numbers})" if numbers else surface.title


def method(settings: Settings) -> str:
    """How gradients are taken and what ends a run."""
    differences = {
        "central": "central differences",
        "forward": "forward differences",
        "exact": "exact gradients",
        "as_printed": "the gradient as a tutorial prints it, f(x+h) − f(x−h)/(2h)",
    }[settings.difference]
    if settings.difference != "exact":
        differences += f" with h = {short(settings.spacing)}"
    stop = {
        "none": "no stop rule",
        "step": f"stopped after a step shorter than {short(settings.tolerance)}",
        "gradient": f"stopped where the gradient is shorter than {short(settings.tolerance)}",
        "loss": f"stopped {short(settings.tolerance)} above the lowest minimum",
    }[settings.stop]
    return f"{differences}, {stop}"


def outside(settings: Settings, shown: list[int]) -> list[str]:
    """What goes around the optimizers shown, in sentences; nothing where there is nothing."""
    around, parts = settings.around, []
    if around.weight_decay:
        kind = "an L2 penalty" if around.decay == "l2" else "a decoupled weight decay"
        parts.append(f"{kind} of {short(around.weight_decay)}")
    if around.clip != "none":
        what = "length" if around.clip == "norm" else "entries"
        parts.append(f"gradients’ {what} clipped at {short(around.clip_at)}")
    if around.schedule != "constant":
        drop = f" (× {short(around.gamma)} per {short(around.every)} of the run)" if around.schedule in DROPPING else ""
        parts.append(f"learning rate: {SCHEDULES[around.schedule].lower()}{drop}")
    if around.warmup:
        parts.append(f"warm-up over {short(100 * around.warmup)} % of the steps")
    if around.noise:
        parts.append(f"Gaussian noise of {short(around.noise)} on the gradients (seed {around.seed})")
    if not parts:
        return []
    names = {"weight_decay": "no decay", "clip": "no clipping", "schedule": "no schedule", "noise": "no noise"}
    without = []
    for number in shown:
        if refused := around.refused(RULES[settings.cards[number].rule]):
            reasons = dict.fromkeys(refused.values())
            what = ", ".join(names[name] for name in refused)
            without.append(f"{settings.title(number)} gets {what}: it {' and '.join(reasons)}.")
    return [f"Around every optimizer: {', '.join(parts)}.", *without]


def hyperparameters(settings: Settings, number: int, without: tuple[str, ...] = ()) -> str:
    """A card's hyperparameters, but for some."""
    card = settings.cards[number]
    parts = []
    for name, limits in RULES[card.rule].ranges.items():
        if name in without:
            continue
        value = card.hyper[name]
        label = name.replace("_", " ")
        parts.append(f"{label} {'on' if value else 'off'}" if limits.switch else f"{label} {short(value)}")
    return ", ".join(parts)
