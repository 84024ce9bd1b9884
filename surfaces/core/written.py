"""Surfaces whose derivatives are written by hand, since their values are no formula."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from surfaces.core.derivative import Derivative
from surfaces.core.surface import Surface


@dataclass(frozen=True, eq=False, kw_only=True)
class WrittenSurface(Surface):
    """A surface whose derivatives are written by hand: gradient_f returns two of them, hessian_f three."""

    gradient_f: Any
    hessian_f: Any

    @cached_property
    def derivative(self) -> Derivative:
        """The exact gradient, as a function that compiles like the surface itself."""
        return self.written("gradient", self.gradient_f)

    @cached_property
    def hessian(self) -> Derivative:
        """The exact second derivatives, as such a function."""
        return self.written("hessian", self.hessian_f)

    def straight(self, order: int) -> Derivative:
        """The exact derivatives along x and along y of order 1 or 2; ValueError for others."""
        if order == 1:
            return self.derivative
        if order != 2:
            raise ValueError(f"the derivatives of order {order} of {self.title} are not known here")
        second = self.hessian_f

        def f(x, y):
            found = second(x, y)
            return found[0], found[2]

        return self.written("second", f)

    def written(self, kind: str, f: Any) -> Derivative:
        """Such a function."""
        return Derivative(f"{kind}_of_{self.name}", f, self.Parameters, self.ranges, self.fingerprint)
