"""The fields of the Maps page, and its files."""

import io
import zipfile
from collections.abc import Iterable
from typing import Any

import numpy as np

from optim_core.studies.map_files import npz
from views.maps.made import made
from views.maps.state import RESOLUTION, STARTS, MapState
from views.shared import controls as shared
from views.shared.exports import Export
from views.shared.fields import field
from views.shared.messages import Controls, Group
from views.shared.settings import Settings


def controls(state: MapState) -> Controls:
    """The fields for the surface's parameters, the steps, the map and the cards."""
    spec = shared.controls(state.base)
    one_start = state.kind == "plane" and state.starts == 1
    groups: list[Group] = []
    for group in spec["groups"]:
        shown = [one for one in group["fields"] if one_start or not one["path"].startswith("start.")]
        groups.append({**group, "fields": shown})
    own = [field("map.resolution", "resolution", RESOLUTION, state.resolution, "pixels a side", whole=True)]
    if state.kind == "plane":
        told = "1: the start; more: medians over starts spread over the window"
        own.insert(0, field("map.starts", "starts", STARTS, state.starts, told, whole=True))
        values = state.values()
        for which in ("x", "y"):
            name = state.axis(which).name
            if limits := state.limits(name):
                for end, word in (("low", "from"), ("high", "to")):
                    path = f"map.{which}.{end}"
                    own.append(field(path, f"{name} {word}", limits, values[path]))
    groups.append({"title": None, "fields": own})
    return {**spec, "groups": groups, "problems": shared.under_fields(state)}


def details(state: MapState) -> Controls:
    """The fields for differences, stop rule and window."""
    spec = shared.details(state.base)
    shown = [one for one in spec["groups"][0]["fields"] if one["path"] != "resolution"]
    return {**spec, "groups": [{"title": None, "fields": shown}], "problems": shared.under_fields(state)}


def paths(specs: Iterable[Controls]) -> set[str]:
    """The paths of all fields of ``live_controls``, which show their sentences themselves."""
    parts = [part for spec in specs for part in (*spec["groups"], *spec["cards"])]
    return {one["path"] for part in parts for one in part["fields"]}


def file_name(state: MapState, number: int) -> str:
    """A name without signs that file systems refuse."""
    rule = "".join(sign if sign.isalnum() else "-" for sign in state.base.cards[number].rule).strip("-")
    return f"ravine-{state.kind}-{state.base.surface}-{number}-{rule}"


def arrays_file(state: MapState) -> bytes:
    """All maps shown, a ``.npz`` for each in a ``.zip``."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for number, result in made(state, fine=True, limit=np.inf).items():
            if not isinstance(result, str):
                archive.writestr(f"{file_name(state, number)}.npz", npz(result[0]))
    return file.getvalue()


EXPORTS = {
    "ravine-{kind}.zip": Export(
        "Arrays of all maps", "A NumPy .npz for each map, with all settings in it, in a .zip", "application/zip",
        arrays_file,
    )
}  # fmt: skip


def on_trajectories(state: MapState, start: Any = None) -> dict[str, str]:
    """The fields of a link to Trajectories with the same optimizers, from a start if one is given."""
    found = Settings.from_query(state.base.to_query())
    if start is not None:
        found.apply("start", start)
    return found.to_query()
