"""Functions of two variables: one surface, one file; ``surfaces.surface`` says what such a file holds."""

from surfaces.surface import Surface, discover

SURFACES = discover()

__all__ = ["SURFACES", "Surface"]
