"""The sliders and cards beside the pictures; the browser passes what they say on to the live plot."""

import time

from views.shared.component import component
from views.shared.messages import Controls

_mount = component("shared/live_controls")


def live_controls(spec: Controls, key: str) -> None:
    """Draws the groups and cards of `spec`; what they change arrives at the `on_change` of `live_plot`.

    The stamp tells the browser a new run's spec from the same spec shown again because the theme changed.
    """
    _mount(key=key, data={**spec, "stamp": time.monotonic_ns()})
