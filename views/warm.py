"""Compiles, or loads from the cache, the machine code that the app needs; ``python -m views.warm`` does it for all."""

from optim_core import RULES, trace
from optim_core.blocks import evaluate
from surfaces import SURFACES
from views.picture import message
from views.settings import Settings


def warm_first_picture() -> None:
    """What the first picture needs."""
    message(Settings())


def warm_all() -> None:
    """Every rule and every surface, with the differences that start most runs, and runs over data."""
    from optim_core.data_sets import DATA_SETS
    from views import minibatch

    for surface in SURFACES.values():
        evaluate(surface, 0.5, 0.5, surface.Parameters())
        trace(RULES["adam"], surface, surface.start, 1)
    for rule in RULES.values():
        trace(rule, SURFACES["ravine"], (1.0, 1.0), 1)
    for name in DATA_SETS:
        minibatch.heights(name)
    minibatch.message(minibatch.Study())


if __name__ == "__main__":
    warm_first_picture()
    warm_all()
