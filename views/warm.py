"""What the app needs beside its sources: machine code, compiled or loaded from the cache, and what browsers load.

``python -m views.warm`` makes all of it, so that the app itself need not be able to write where its sources lie.
"""

import numpy as np

from optim_core import RULES, trace
from optim_core.engine.blocks import evaluate, gradient_block
from optim_core.options import DIFFERENCES
from surfaces import SURFACES, surface_from_formula
from surfaces.data.sets import DATA_SETS
from surfaces.named import over_data
from views.shared.assets import publish
from views.shared.settings import Settings
from views.study.minibatch import message as study
from views.study.minibatch_runs import heights
from views.study.minibatch_state import Study
from views.trajectories.message import message


def warm_first_picture() -> None:
    """What the first picture needs."""
    message(Settings())


def warm_shared() -> None:
    """What all formulas, all grids of heights and all losses over data have in common."""
    from surfaces.data.from_table import surface_from_grid

    given = [
        surface_from_formula("x + y"),
        surface_from_grid(np.zeros((4, 4))),
        *map(SURFACES.__getitem__, over_data()),
    ]
    for surface in given:
        evaluate(surface, 0.5, 0.5, surface.Parameters())
        for difference in DIFFERENCES:
            gradient_block(surface, difference)


def warm_all() -> None:
    """Every rule and every surface, with the differences that start most runs, and runs over data."""
    for surface in SURFACES.values():
        evaluate(surface, 0.5, 0.5, surface.Parameters())
        trace(RULES["adam"], surface, surface.start, 1)
    for rule in RULES.values():
        trace(rule, SURFACES["ravine"], (1.0, 1.0), 1)
    warm_shared()
    for name in DATA_SETS:
        heights(name)
    study(Study())


if __name__ == "__main__":
    publish()
    warm_first_picture()
    warm_all()
