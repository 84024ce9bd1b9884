"""Functions of two variables: one surface, one file; ``surfaces.core.surface`` says what such a file holds.

``SURFACES["ravine"]`` is one of them; ``surfaces.named`` says how formulas, data and tables are named.
"""

from surfaces.core.surface import Surface
from surfaces.formula.surface import FormulaError, surface_from_formula
from surfaces.named import Surfaces

SURFACES = Surfaces()

__all__ = ["SURFACES", "FormulaError", "Surface", "surface_from_formula"]
