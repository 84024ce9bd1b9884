"""What the Maps page shows: one map for each optimizer, its axes, and what is known of it."""

import numpy as np

from optim_core import RULES, Outcome
from optim_core.engine.blocks import evaluate
from optim_core.runs.sweep import Progress
from optim_core.studies.map_files import MOST_SHADE, labels, shown_values
from optim_core.studies.maps import Axis, Basins, Plane
from optim_core.studies.stability import RULES as WITH_EDGE
from optim_core.studies.stability import edge, eigenvalues, optimum
from surfaces import SURFACES
from views.maps.made import made, starts, task
from views.maps.state import COLOURS, MapState
from views.maps.words import caption, counts, empty, unfinished, value_in_words
from views.shared.colours import style
from views.shared.controls import edges, under_fields
from views.shared.fields import plain, short
from views.shared.messages import BasinArrays, BasinMap, MapHead, MapsMessage, NoMap, Outer, Pair, PlaneArrays, PlaneMap
from views.shared.packing import content_key, left_out
from views.shared.words import capital, percent, place

EDGE_POINTS = 200


def message(
    state: MapState, have: frozenset[str] = frozenset(), fine: bool = False, progress: Progress | None = None
) -> MapsMessage:
    """What the maps show; have: the contents of which the browser has the arrays, which are not made."""
    base, surface = state.base, SURFACES[state.base.surface]
    q = surface.Parameters(**base.parameters)
    minima = surface.minima(q)
    maps: list[NoMap | BasinMap | PlaneMap] = []
    coarse = False
    for number, result in made(state, fine, progress).items():
        colour, dash = style(number)
        head: MapHead = {"id": number, "title": base.title(number), "colour": colour, "dash": dash}
        if isinstance(result, str):
            maps.append({**head, "trouble": capital(result)})
            continue
        found, every = result
        wanted = task(state, number)
        coarse = coarse or every > wanted.finest
        key = content_key("map", wanted.key, every)
        if isinstance(found, Basins):
            arrays = left_out(key) if key in have else basin_arrays(found, key)
            maps.append(basin_entry(state, head, found, arrays, key, every))
        else:
            arrays = left_out(key) if key in have else plane_arrays(found, key)
            maps.append(plane_entry(state, head, found, arrays, key, every))
    return {
        "kind": state.kind,
        "maps": maps,
        "coarse": coarse,
        "surface": surface.title,
        "window": list(base.drawn_window),
        "minima": minima.tolist(),
        "places": [place(point[:2], surface.scale) for point in minima],
        "saddles": surface.saddles(q).tolist(),
        "steps": base.steps,
        "colour": {"name": state.colour, "title": COLOURS[state.colour]},
        "unknown": "no stop at a minimum" if base.stop == "step" else "not stopped",
        "least": surface.lowest(q),
        "most": most(state) if state.kind == "plane" else {},
        "caption": " ".join(filter(None, (caption(state), unfinished(maps, coarse)))),
        "empty": empty(state),
        "values": state.values(),
        "marks": edges(base),
        "titles": {number: base.title(number) for number in base.cards},
        "problems": under_fields(state),
    }


def basin_arrays(found: Basins, content: str) -> BasinArrays:
    """label uint8: the index of the minimum, else LISTED + Outcome; shade uint16: steps; loss float32."""
    return {
        "content": content,
        "label": labels(found).ravel(),
        "shade": np.minimum(found.steps, MOST_SHADE).astype(np.uint16).ravel(),
        "loss": found.loss.ravel(),
    }


def plane_arrays(found: Plane, content: str) -> PlaneArrays:
    """loss (above the least one), distance, steps, share float32; outcome uint8."""
    return {
        "content": content,
        "loss": shown_values(found, "loss").ravel(),
        "distance": shown_values(found, "distance").ravel(),
        "steps": shown_values(found, "steps").ravel(),
        "share": shown_values(found, "share").ravel(),
        "outcome": found.outcome.ravel(),
    }


def basin_entry(state: MapState, head: MapHead, found: Basins, arrays: BasinArrays, key: str, every: int) -> BasinMap:
    """Axes, and what became of the starts in a sentence."""
    (x_low, x_high), (y_low, y_high) = found.settings["window"]
    told = counts(state, found)
    return {
        **head,
        "key": key,
        "every": every,
        "nx": len(found.x),
        "ny": len(found.y),
        "side": state.resolution,
        "x": {"name": "x", "low": x_low, "high": x_high, "log": False},
        "y": {"name": "y", "low": y_low, "high": y_high, "log": False},
        "arrays": arrays,
        "sentence": told,
        "alt": f"Where runs from all over the window end: {told}",
    }


def plane_entry(state: MapState, head: MapHead, found: Plane, arrays: PlaneArrays, key: str, every: int) -> PlaneMap:
    """Axes, the best cell, the present values, and for quadratics the edge and the optimum."""
    number = head["id"]
    x, y = (Axis(*found.settings[which]) for which in ("axis_x", "axis_y"))
    card = state.base.cards[number]
    best = best_cell(state, found)
    labels = [name.replace("_", " ") for name in (x.name, y.name)]
    told = "No cell has a finite value."
    if state.colour == "steps":
        told = "No run stops." if state.base.stop != "none" else "No run stops without a stop rule."
    if best is not None:
        row, column = best
        at = f"{labels[0]} {short(found.x[column])}, {labels[1]} {short(found.y[row])}"
        told = f"Best: {value_in_words(state, found, row, column)} at {at}."
    diverged = float((found.outcome == Outcome.DIVERGED).mean())
    if diverged:
        told += f" {percent(diverged)} of the cells diverge."
    ranges = RULES[card.rule].ranges
    limits, rate = theory(state, number, x, y)
    return {
        **head,
        "key": key,
        "every": every,
        "nx": len(found.x),
        "ny": len(found.y),
        "side": state.resolution,
        "x": outer(x, labels[0], plain(ranges[x.name].symbol)),
        "y": outer(y, labels[1], plain(ranges[y.name].symbol)),
        "paths": [f"card.{number}.{x.name}", f"card.{number}.{y.name}"],
        "present": [card.hyper[x.name], card.hyper[y.name]],
        "best": None if best is None else [float(found.x[best[1]]), float(found.y[best[0]])],
        "edge": limits,
        "optimum": rate,
        "arrays": arrays,
        "sentence": told,
        "alt": f"{COLOURS[state.colour]} over {labels[0]} and {labels[1]}. {told}",
    }


def most(state: MapState) -> dict[str, float]:
    """Values beyond which a run has got nowhere: the loss at the starts, the window's size."""
    surface = SURFACES[state.base.surface]
    q = surface.Parameters(**state.base.parameters)
    x, y = np.array(starts(state)).T
    with np.errstate(all="ignore"):
        loss = float(np.max(evaluate(surface, x, y, q))) - surface.lowest(q)
    return {name: value for name, value in (("loss", loss), ("distance", surface.scale)) if np.isfinite(value)}


def outer(axis: Axis, label: str, symbol: str) -> Outer:
    """An axis as it is drawn: from the outer edge of the first cell to that of the last."""
    low, high = np.log10((axis.low, axis.high)) if axis.log else (axis.low, axis.high)
    half = (high - low) / (axis.count - 1) / 2
    low, high = float(low - half), float(high + half)
    name = label if symbol.lower() == label.lower() else f"{label} {symbol}"
    return {"name": name, "low": 10**low if axis.log else low, "high": 10**high if axis.log else high, "log": axis.log}


def best_cell(state: MapState, found: Plane) -> tuple[int, int] | None:
    """Row and column of the best cell in what is shown, the first of several; None where none is finite."""
    match state.colour:
        case "share":
            values = -found.share
        case "steps":
            values = shown_values(found, "steps")
        case "distance":
            values = found.distance
        case _:
            values = found.loss
    index = int(np.argmin(np.where(np.isfinite(values), values, np.inf)))
    row, column = np.unravel_index(index, values.shape)
    return (int(row), int(column)) if np.isfinite(values[row, column]) else None


def theory(state: MapState, number: int, x: Axis, y: Axis) -> tuple[list[Pair], Pair | None]:
    """For quadratics: the edge from where on the rule does not settle, as points, and the setting of the best rate."""
    base, card = state.base, state.base.cards[number]
    names = (x.name, y.name)
    if card.rule not in WITH_EDGE or "lr" not in names or base.around.active:
        return [], None
    surface = SURFACES[base.surface]
    curvatures = eigenvalues(surface, surface.Parameters(**base.parameters))
    if curvatures is None or curvatures[1] <= 0:
        return [], None
    rate, other = (x, y) if x.name == "lr" else (y, x)
    along = other._replace(count=EDGE_POINTS).values()
    rates = [edge(card.rule, {**card.hyper, other.name: value}, curvatures[1]) for value in along]
    points = [(r, v) if rate is x else (v, r) for r, v in zip(rates, along.tolist(), strict=True) if np.isfinite(r)]
    best = None
    if other.name in ("momentum", "beta") and curvatures[0] > 0:
        known = optimum(card.rule, *map(float, curvatures))
        known["lr"] /= 1 - card.hyper.get("dampening", 0.0)
        best = [known[x.name], known[y.name]]
        inside = all(axis.low <= value <= axis.high for axis, value in zip((x, y), best, strict=True))
        best = best if inside else None
    return [list(map(float, point)) for point in points], best
