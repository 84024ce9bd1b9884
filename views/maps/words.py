"""What the Maps page says: what became of the starts, what a cell is worth, how a map can be made again."""

from collections.abc import Iterable
from contextlib import suppress

import numpy as np

from optim_core import RULES, Outcome
from optim_core.studies.maps import Basins, Plane
from surfaces import SURFACES
from views.maps.made import PATIENCE, window
from views.maps.state import MOST, MapState
from views.shared.fields import short
from views.shared.messages import BasinMap, NoMap, PlaneMap
from views.shared.words import capital, hyperparameters, method, outside, percent, place, with_parameters

WORTH_A_WORD = 0.001  # of the starts


def counts(state: MapState, found: Basins) -> str:
    """How many starts reach a lowest minimum, in how many steps, and what becomes of most of the others."""
    surface, lowest, parts = SURFACES[state.base.surface], found.lowest, []
    if len(lowest):
        goal = f"one of the {len(lowest)} lowest minima"
        if len(lowest) == 1:
            minima = surface.minima(surface.Parameters(**state.base.parameters))
            goal = place(minima[lowest[0]][:2], surface.scale)
        parts.append(f"{percent(found.share)} of the starts reach {goal}")
        if np.isfinite(found.median_steps):
            parts[0] += f"; median {found.median_steps:g} steps"
    others = found.outcome[~found.reached]
    share, fate = max(((others == one).sum() / found.outcome.size, one) for one in Outcome)
    if share >= WORTH_A_WORD:
        name = "in a minimum that is not the lowest" if fate == Outcome.CONVERGED else fate.words
        parts.append(f"{percent(share)} {name}")
    return capital(". ".join(parts)) + "."


def value_in_words(state: MapState, found: Plane, row: int, column: int) -> str:
    """What the colour stands for in a cell."""
    match state.colour:
        case "steps":
            return f"stops after {found.steps[row, column]:g} steps"
        case "distance":
            return f"distance {short(found.distance[row, column])}"
        case "share":
            return f"{percent(float(found.share[row, column]))} of the starts reach a lowest minimum"
        case _:
            return f"final loss {short(found.loss[row, column])}"


def unfinished(maps: Iterable[NoMap | BasinMap | PlaneMap], coarse: bool) -> str:
    """What is said of maps that stay coarse."""
    every = max((one["every"] for one in maps if "every" in one), default=1)
    if coarse or every == 1:
        return ""
    return f"One pixel in {every} × {every} only: more take over {PATIENCE:g} s here; “A large map” makes them all."


def empty(state: MapState) -> str:
    """What to do where there is no map."""
    if not state.base.cards:
        return "No optimizers yet: add one in the side bar, and its map appears here."
    return "" if state.shown else "All optimizers are switched off: switch one on in the side bar."


def caption(state: MapState) -> str:
    """What was done, so that a map can be made again from its caption."""
    base, surface = state.base, SURFACES[state.base.surface]
    if not state.shown:
        return ""
    side = state.resolution
    if state.kind == "basins":
        (x_low, x_high), (y_low, y_high) = window(base)
        across, up = f"x from {short(x_low)} to {short(x_high)}", f"y from {short(y_low)} to {short(y_high)}"
        what = f"{side} × {side} starts, {across}, {up}"
    elif state.starts == 1:
        what = f"{side} × {side} settings from {place(base.start, surface.scale)}"
    else:
        what = f"{side} × {side} settings, medians over {state.starts} starts spread over the window (seed 0)"
    more = len([card for card in base.cards.values() if card.on]) - len(state.shown)
    left_out = [f"{MOST} maps at most: {more} more optimizer{'s are' if more > 1 else ' is'} left out."] if more else []
    each = [f"{base.title(n).partition(', ')[0]}: {given}." for n in state.shown if (given := fixed(state, n))]
    setting = f"{with_parameters(base)}: {what}; at most {base.steps} steps, {method(base)}."
    return " ".join([setting, *outside(base, state.shown), *each, *left_out])


def fixed(state: MapState, number: int) -> str:
    """A card's hyperparameters that are the same all over its map."""
    axes: tuple[str, ...] = ()
    if state.kind == "plane":
        with suppress(ValueError):
            axes = tuple(axis.name for axis in state.axes(RULES[state.base.cards[number].rule]))
    return hyperparameters(state.base, number, axes)
