"""The verbs in which rules and surfaces are written, on whatever they are given.

In Python they act on floats, NumPy arrays and whatever else answers NumPy's functions, torch tensors and SymPy
expressions, told apart by type; torch and SymPy are not imported unless such a value arrives. In Numba they act on
floats, and on ``Vec2``, a point of the plane held in two registers, which stands for a rule's parameter vector there.

``+ - * / absolute sign floor maximum minimum where`` round alike everywhere, and ``sqrt`` in Numba and NumPy; torch's
CPU builds on MKL leave sqrt one unit in the last place off for about 1 % of all float64. ``exp log sin cos tanh atan
power`` are within a few units in the last place of each other (in Numba: ``optim_core.engine.elementary``).
"""

import operator
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import extending, types
from numba.core import cgutils
from numba.extending import (
    lower_builtin,
    make_attribute_wrapper,
    models,
    overload,
    register_model,
    type_callable,
    typeof_impl,
)

from optim_core.engine import elementary

# ---------------------------------------------------------------- in Python


def _library(*values: Any) -> Any:
    """The module (torch, sympy or numpy) whose functions act on the values."""
    for value in values:
        if isinstance(value, float):  # first, since torch.compile cannot look into this type
            continue
        root = type(value).__module__.partition(".")[0]
        if root in ("torch", "sympy"):
            return sys.modules[root]
    return np


def real(*values: Any) -> tuple[Any, ...]:
    """Values ready for arithmetic: floats, floating tensors and expressions as they are, what else is real in float64.

    Integers would wrap, narrow floats overflow, lists repeat themselves. ValueError where one is no real number.
    """
    return tuple(map(_real, values))


def _real(value: Any) -> Any:
    if isinstance(value, float):
        return value
    root = type(value).__module__.partition(".")[0]
    if root == "sympy":
        return value
    if root == "torch" and not value.is_complex():
        return value if value.is_floating_point() else value.double()
    try:
        found = np.asarray(value)
        if found.dtype.kind not in "biufO" or (found.dtype.kind == "O" and any(map(_is_no_number, found.flat))):
            raise TypeError
        found = found.astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        shown = repr(value)
        raise ValueError(f"{shown if len(shown) <= 60 else shown[:57] + '...'} is not a real number") from None
    return found if found.ndim else np.float64(found)


def _is_no_number(value: Any) -> bool:
    return value is None or isinstance(value, (str, bytes))  # of which NumPy would make NaN, and numbers


def sqrt(x):
    """Square root, elementwise."""
    return _library(x).sqrt(x)


def exp(x):
    """e to the power x, elementwise."""
    return _library(x).exp(x)


def log(x):
    """Natural logarithm, elementwise; -inf at 0, NaN below."""
    return _library(x).log(x)


def sin(x):
    """Sine, elementwise; x in radians."""
    return _library(x).sin(x)


def cos(x):
    """Cosine, elementwise; x in radians."""
    return _library(x).cos(x)


def tanh(x):
    """Hyperbolic tangent, elementwise."""
    return _library(x).tanh(x)


def atan(x):
    """Inverse tangent, elementwise, between -pi/2 and pi/2."""
    library = _library(x)
    return library.arctan(x) if library is np else library.atan(x)


def floor(x):
    """The largest whole number that is not above x, elementwise."""
    return _library(x).floor(x)


def power(x, y):
    """x to the power y for x >= 0, elementwise; NaN for x < 0 in Numba, whatever y is."""
    library = _library(x, y)
    return x**y if library.__name__ == "sympy" else library.pow(x, y)


def absolute(x):
    """Absolute value, elementwise."""
    return abs(x)


def sign(x):
    """-1, 0 or 1, elementwise."""
    return _library(x).sign(x)


def maximum(a, b):
    """The larger one, elementwise; NaN where either is NaN."""
    library = _library(a, b)
    if library.__name__ == "torch":
        return library.maximum(*_tensors(a, b))
    return library.Max(a, b) if library.__name__ == "sympy" else library.maximum(a, b)


def minimum(a, b):
    """The smaller one, elementwise; NaN where either is NaN."""
    library = _library(a, b)
    if library.__name__ == "torch":
        return library.minimum(*_tensors(a, b))
    return library.Min(a, b) if library.__name__ == "sympy" else library.minimum(a, b)


def where(condition, a, b):
    """a where the condition holds, b elsewhere; a plain bool chooses between the two."""
    if isinstance(condition, (bool, np.bool_)):
        return a if condition else b
    library = _library(condition, a, b)
    if library.__name__ == "sympy":
        return library.Piecewise((a, condition), (b, True))
    if library.__name__ == "torch":
        return library.where(condition, *_tensors(a, b, condition))
    return library.where(condition, a, b)


def dot(a, b):
    """Inner product of two vectors, a scalar."""
    return (a * b).sum()


def mean(x, axis=None):
    """Mean of all entries; outside Numba along an axis too, which stays with length 1."""
    return x.mean() if axis is None else x.mean(axis, keepdims=True)


def eye(x, size):
    """The identity matrix (size, size) of x's type."""
    library = _library(x)
    return library.eye(size, dtype=x.dtype, device=x.device)


def eigh(a):
    """Eigenvalues (n,), ascending, and eigenvectors (n, n), in columns, of a symmetric matrix (n, n); not in Numba.

    Found in float64, whatever a is; NaN where a is not finite, which libraries take for an error.
    """
    library = _library(a)
    if not library.isfinite(a).all():
        return a[0] * np.nan, a * np.nan
    if library is np:
        return np.linalg.eigh(a)
    values, vectors = library.linalg.eigh(a.double())
    return values.to(a.dtype), vectors.to(a.dtype)


def qr(a):
    """The factors of a = Q R, Q with orthonormal columns and R upper triangular; not in Numba."""
    return _library(a).linalg.qr(a)


def zeros(x):
    """The zero vector of x's shape."""
    library = _library(x)
    return library.zeros_like(x) if library.__name__ != "sympy" else library.Integer(0)


def scalar(x, value):
    """A number kept in the state of x's run: in torch a 0-d float64 tensor, since torch.compile freezes floats."""
    library = _library(x)
    if library.__name__ == "torch":
        return library.full((), value, dtype=library.float64, device=x.device)
    return value


def _tensors(a, b, *more):
    """a and b as tensors: a number takes the type of the other one, float64 beside a number, without a host's copy."""
    torch = sys.modules["torch"]
    dtype = next((v.dtype for v in (a, b) if torch.is_tensor(v)), torch.float64)
    device = next(v.device for v in (a, b, *more) if torch.is_tensor(v))
    return tuple(v if torch.is_tensor(v) else torch.full((), v, dtype=dtype, device=device) for v in (a, b))


# ---------------------------------------------------------------- in Numba

intrinsic: Any = extending.intrinsic  # its callers leave out the typing context, which type checkers do not know


class Vec2:
    """A point of the plane, passed by value in compiled code."""

    __slots__ = ("x", "y")

    def __init__(self, x: float, y: float) -> None:
        self.x = x
        self.y = y


class Vec2Type(types.Type):
    """Numba's type of ``Vec2``: a pair of float64."""

    def __init__(self) -> None:
        super().__init__(name="Vec2")


vec2 = Vec2Type()


@typeof_impl.register(Vec2)
def _typeof(value, context):
    return vec2


@register_model(Vec2Type)
class _Vec2Model(models.StructModel):
    def __init__(self, manager, frontend_type):
        super().__init__(manager, frontend_type, [("x", types.float64), ("y", types.float64)])


make_attribute_wrapper(Vec2Type, "x", "x")
make_attribute_wrapper(Vec2Type, "y", "y")


@type_callable(Vec2)
def _vec2_typer(context):
    def typer(x, y):
        return vec2 if isinstance(x, types.Float) and isinstance(y, types.Float) else None

    return typer


@lower_builtin(Vec2, types.Float, types.Float)
def _vec2_constructor(context, builder, signature, arguments):
    pair = cgutils.create_struct_proxy(signature.return_type)(context, builder)
    pair.x, pair.y = arguments
    return pair._getvalue()


# No fastmath: rules then round as NumPy and torch do. Inlined by Numba itself, since LLVM vectorises the loop over a
# block only then.
_EXACT: dict[str, Any] = {"jit_options": {"error_model": "numpy"}, "inline": "always"}
_CONTRACT: dict[str, Any] = {
    "jit_options": {"error_model": "numpy", "fastmath": {"contract"}},
    "inline": "always",
}


def _overload_operator(op: Callable) -> None:
    @overload(op, jit_options={"error_model": "numpy"})
    def _implementation(a, b):
        if a is vec2 and b is vec2:
            return lambda a, b: Vec2(op(a.x, b.x), op(a.y, b.y))
        if a is vec2 and isinstance(b, types.Number):
            return lambda a, b: Vec2(op(a.x, b), op(a.y, b))
        if b is vec2 and isinstance(a, types.Number):
            return lambda a, b: Vec2(op(a, b.x), op(a, b.y))
        return None


for _operator in (operator.add, operator.sub, operator.mul, operator.truediv):
    _overload_operator(_operator)


def _overload_comparison(op: Callable) -> None:
    """A comparison of vectors gives a mask: a vector of 1.0 where it holds and 0.0 elsewhere."""

    @overload(op, jit_options={"error_model": "numpy"})
    def _implementation(a, b):
        if a is vec2 and b is vec2:
            return lambda a, b: Vec2(
                elementary.select(op(a.x, b.x), 1.0, 0.0), elementary.select(op(a.y, b.y), 1.0, 0.0)
            )
        if a is vec2 and isinstance(b, types.Number):
            return lambda a, b: Vec2(elementary.select(op(a.x, b), 1.0, 0.0), elementary.select(op(a.y, b), 1.0, 0.0))
        if b is vec2 and isinstance(a, types.Number):
            return lambda a, b: Vec2(elementary.select(op(a, b.x), 1.0, 0.0), elementary.select(op(a, b.y), 1.0, 0.0))
        return None


for _operator in (operator.gt, operator.ge, operator.lt, operator.le, operator.eq, operator.ne):
    _overload_comparison(_operator)


@overload(operator.pow, jit_options={"error_model": "numpy"})
def _pow(a, b):
    return (lambda a, b: Vec2(a.x**b, a.y**b)) if a is vec2 and isinstance(b, types.Number) else None


@overload(operator.neg, jit_options={"error_model": "numpy"})
def _negative(a):
    return (lambda a: Vec2(-a.x, -a.y)) if a is vec2 else None


def _overload_unary(verb: Callable, implementation: Callable, options: dict[str, Any]) -> None:
    @overload(verb, **options)
    def _implementation(x):
        if x is vec2:
            return lambda x: Vec2(verb(x.x), verb(x.y))
        return implementation if isinstance(x, types.Number) else None


_overload_unary(sqrt, lambda x: np.sqrt(x), _EXACT)
_overload_unary(absolute, lambda x: abs(x), _EXACT)


@overload(abs, **_EXACT)
def _abs(x):
    return (lambda x: absolute(x)) if x is vec2 else None


_overload_unary(
    sign, lambda x: elementary.select(x > 0.0, 1.0, elementary.select(x < 0.0, -1.0, x)), _EXACT
)  # NaN stays NaN
_overload_unary(exp, lambda x: elementary.exp(x), _EXACT)
_overload_unary(log, lambda x: elementary.log(x), _EXACT)
_overload_unary(sin, lambda x: elementary.sin(x), _EXACT)
_overload_unary(cos, lambda x: elementary.cos(x), _EXACT)
_overload_unary(tanh, lambda x: elementary.tanh(x), _EXACT)
_overload_unary(atan, lambda x: np.arctan(x), _EXACT)  # the C library's, a call for each lane
_overload_unary(floor, lambda x: np.floor(x), _EXACT)


def _overload_binary(verb: Callable, implementation: Callable, options: dict[str, Any]) -> None:
    @overload(verb, **options)
    def _implementation(a, b):
        if a is vec2 and b is vec2:
            return lambda a, b: Vec2(verb(a.x, b.x), verb(a.y, b.y))
        if a is vec2:
            return lambda a, b: Vec2(verb(a.x, b), verb(a.y, b))
        if b is vec2:
            return lambda a, b: Vec2(verb(a, b.x), verb(a, b.y))
        return implementation


# Not Numba's own max and min: theirs lose a NaN that stands second.
_overload_binary(maximum, lambda a, b: elementary.select((a >= b) | (a != a), float(a), float(b)), _EXACT)
_overload_binary(minimum, lambda a, b: elementary.select((a <= b) | (a != a), float(a), float(b)), _EXACT)


@overload(power, **_EXACT)
def _power(x, y):
    if x is vec2:
        return lambda x, y: Vec2(power(x.x, y), power(x.y, y))
    return lambda x, y: elementary.power(x, y)


def _coordinate(index: int) -> Any:
    """An intrinsic for one coordinate of a vector; a number, as a float64, stands for both."""

    @intrinsic
    def part(typingctx, value):
        def generate(context, builder, signature, arguments):
            if value is vec2:
                return builder.extract_value(arguments[0], index)
            return context.cast(builder, arguments[0], value, types.float64)

        return types.float64(value), generate

    return part


_first, _second = _coordinate(0), _coordinate(1)


@overload(where, **_EXACT)
def _where(condition, a, b):
    if condition is vec2:
        return lambda condition, a, b: Vec2(
            elementary.select(condition.x != 0.0, _first(a), _first(b)),
            elementary.select(condition.y != 0.0, _second(a), _second(b)),
        )
    if a is vec2 or b is vec2:
        return lambda condition, a, b: Vec2(
            elementary.select(condition, _first(a), _first(b)),
            elementary.select(condition, _second(a), _second(b)),
        )
    return lambda condition, a, b: elementary.select(condition, float(a), float(b))


@overload(dot, **_EXACT)
def _dot(a, b):
    return lambda a, b: a.x * b.x + a.y * b.y


@overload(mean, **_EXACT)
def _mean(x, axis=None):
    return lambda x, axis=None: (x.x + x.y) / 2


@overload(zeros, **_EXACT)
def _zeros(x):
    return lambda x: Vec2(0.0, 0.0)


@overload(scalar, **_EXACT)
def _scalar(x, value):
    return lambda x, value: value
