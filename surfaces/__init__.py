"""Functions of two variables: one surface, one file; ``surfaces.surface`` says what such a file holds.

``SURFACES["ravine"]`` is one of them; ``surfaces.named`` says how formulas, data and tables are named.
"""

from surfaces.formula import FormulaError, surface_from_formula
from surfaces.named import Surfaces
from surfaces.surface import Surface

SURFACES = Surfaces()

__all__ = ["SURFACES", "FormulaError", "Surface", "surface_from_formula"]
