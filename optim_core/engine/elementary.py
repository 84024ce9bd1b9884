"""exp, log, sin, cos, tanh and power in float64, without branches, so that LLVM vectorises loops over them.

Compiled code calls them by name, and each call becomes a few dozen LLVM instructions on the spot. They need the
processor's fused multiply-add to be fast.

Each result is within ``MAX_ULP`` units in the last place of the exact value for arguments in ``RANGES``,
subnormal numbers included. The caller may let LLVM contract products and sums, or not: where rounding
matters, products enter sums through ``fma`` only. NaN gives NaN, except in ``power`` as C99 has it.

The polynomials are minimax fits, printed by ``scripts/coefficients.py``.
"""

import inspect
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

MAX_ULP = 2.0

# Arguments for which MAX_ULP holds; for power those of the base, with any exponent.
RANGES: dict[str, tuple[float, float]] = {
    "exp": (-float("inf"), float("inf")),
    "log": (0.0, float("inf")),
    "sin": (-1e9, 1e9),
    "cos": (-1e9, 1e9),
    "tanh": (-float("inf"), float("inf")),
    "power": (0.0, float("inf")),
}

INF = float("inf")
NAN = float("nan")

# Added to a float64 below 2**51 in magnitude, it rounds that to an integer, held by the low bits of the sum.
ROUNDER = 1.5 * 2.0**52
ROUNDER_BITS = 0x4338000000000000
# Here the low bits hold the integer plus twice the bias of a float64's exponent.
EXP_ROUNDER = ROUNDER + 2046.0
SIGN_BIT = -0x8000000000000000
MIN_NORMAL = 2.0**-1022
SQRT_HALF_BITS = 0x3FE6A09E667F3BCD
MANTISSA = 0x000FFFFFFFFFFFFF

# Constants as unevaluated sums: each term is the float64 nearest to what the terms before it leave. Only PI_2
# is the one below that, to make PI_3 positive: a negative one would turn sin(-0.0) into 0.0.
LOG2_E = 1.4426950408889634
LN2_1, LN2_2 = 0.6931471805599453, 2.3190468138462996e-17
INV_PI = 0.3183098861837907
PI_1, PI_2, PI_3 = 3.141592653589793, 1.224646799147353e-16, 2.165713347843828e-32
TWELFTH_1, TWELFTH_2 = 0.08333333333333333, 4.625929269271485e-18
MINUS_SIXTH = -0.16666666666666666

# exp(r) = 1 + r + r² EXP(r), |r| <= ln(2)/2
EXP = (
    0.5000000000000011,
    0.16666666666666413,
    0.041666666666530246,
    0.008333333333493844,
    0.0013888888943603282,
    0.00019841269507851815,
    2.4801493130147067e-05,
    2.755758531758545e-06,
    2.7630236173959936e-07,
    2.5000366896058685e-08,
)

# sin(r) = r + r (MINUS_SIXTH s + s² SIN(s)), s = r², |r| <= pi/2
SIN = (
    0.008333333333333212,
    -0.00019841269841215238,
    2.7557319212123526e-06,
    -2.5052106959370727e-08,
    1.60589438872698e-10,
    -7.643096266105587e-13,
    2.7222392127357096e-15,
)

# log(m) = t + t (z/12 + z² ATANH(z)), t = 2 (m - 1) / (m + 1), z = t², sqrt(1/2) <= m <= sqrt(2)
ATANH = (
    0.012499999999999994,
    0.0022321428571441485,
    0.0004340277776863167,
    8.877841245097272e-05,
    1.8779976678367722e-05,
    4.069920809270847e-06,
    8.907193660726541e-07,
    2.2866937475230626e-07,
)

# tanh(x) = x + x z TANH_N(z) / TANH_D(z), z = x², |x| < 0.625
TANH_N = (-675675.0, -45045.0, -594.0, -1.0)
TANH_D = (2027025.0, 945945.0, 51975.0, 630.0, 1.0)

_float64 = types.float64
_DOUBLE, _INT64 = ir.DoubleType(), ir.IntType(64)
_intrinsic: Any = intrinsic  # Any, or type checkers would ask for a typingctx in every call


# ---------------------------------------------------------------- how a function becomes instructions


class Lane:
    """A float64, int64 or truth value of the code that is being made; its operators emit LLVM instructions."""

    def __init__(self, builder: Any, value: Any) -> None:
        self.builder = builder
        self.value = value

    def _emit(self, of_float: str, of_integer: str, other: Any, *, turned: bool = False) -> "Lane":
        other = other.value if isinstance(other, Lane) else ir.Constant(self.value.type, other)
        first, second = (other, self.value) if turned else (self.value, other)
        if self.value.type == _DOUBLE:
            return Lane(self.builder, getattr(self.builder, of_float)(first, second, flags=("contract",)))
        return Lane(self.builder, getattr(self.builder, of_integer)(first, second))

    def __add__(self, other: Any) -> "Lane":
        return self._emit("fadd", "add", other)

    __radd__ = __add__

    def __sub__(self, other: Any) -> "Lane":
        return self._emit("fsub", "sub", other)

    def __rsub__(self, other: Any) -> "Lane":
        return self._emit("fsub", "sub", other, turned=True)

    def __mul__(self, other: Any) -> "Lane":
        return self._emit("fmul", "mul", other)

    def __truediv__(self, other: Any) -> "Lane":
        return self._emit("fdiv", "sdiv", other)

    def __rshift__(self, other: Any) -> "Lane":
        return self._emit("", "ashr", other)

    def __lshift__(self, other: Any) -> "Lane":
        return self._emit("", "shl", other)

    def __and__(self, other: Any) -> "Lane":
        return self._emit("", "and_", other)

    def __or__(self, other: Any) -> "Lane":
        return self._emit("", "or_", other)

    def __xor__(self, other: Any) -> "Lane":
        return self._emit("", "xor", other)

    def __neg__(self) -> "Lane":
        return Lane(self.builder, self.builder.fneg(self.value))

    def __abs__(self) -> "Lane":
        return self.call("llvm.fabs")

    def call(self, name: str) -> "Lane":
        """One of LLVM's own functions of a float64."""
        function = self.builder.module.declare_intrinsic(name, [_DOUBLE])
        return Lane(self.builder, self.builder.call(function, [self.value]))

    def compare(self, operator: str, other: float) -> "Lane":
        """An ordered comparison with a number: false beside NaN."""
        return Lane(self.builder, self.builder.fcmp_ordered(operator, self.value, ir.Constant(_DOUBLE, other)))

    def __lt__(self, other: float) -> "Lane":
        return self.compare("<", other)

    def __gt__(self, other: float) -> "Lane":
        return self.compare(">", other)

    def equals(self, other: float) -> "Lane":
        """Whether it is a number."""
        return self.compare("==", other)


def bits(i: Lane) -> Lane:
    """The float64 with the bits of an int64."""
    return Lane(i.builder, i.builder.bitcast(i.value, _DOUBLE))


def to_bits(x: Lane) -> Lane:
    """The bits of a float64 as an int64."""
    return Lane(x.builder, x.builder.bitcast(x.value, _INT64))


def fma(a: Any, b: Any, c: Any) -> Lane:
    """a b + c, rounded once."""
    builder = next(operand.builder for operand in (a, b, c) if isinstance(operand, Lane))
    return Lane(builder, builder.fma(*(_double(operand) for operand in (a, b, c))))


def where(condition: Lane, a: Any, b: Any) -> Lane:
    """a where the condition holds, b elsewhere, both evaluated."""
    return Lane(condition.builder, condition.builder.select(condition.value, _double(a), _double(b)))


def horner(x: Lane, coefficients: tuple[float, ...]) -> Lane:
    """The polynomial with these coefficients, constant term first, at x; one fma a degree."""
    *rest, p = coefficients
    for coefficient in reversed(rest):
        p = fma(p, x, coefficient)
    return p  # type: ignore[return-value]


def _double(operand: Any) -> Any:
    return operand.value if isinstance(operand, Lane) else ir.Constant(_DOUBLE, operand)


def _emitted(function: Callable[..., Lane]) -> Any:
    """The function for compiled code, which runs it once, on ``Lane`` operands, wherever it is called.

    Inlining it as Numba code would cost ten times the compile time of a surface.
    """

    def generate(context, builder, signature, arguments):
        return function(*(Lane(builder, argument) for argument in arguments)).value

    if len(inspect.signature(function).parameters) == 1:

        @_intrinsic
        def emitted(typingctx, x):
            return _float64(_float64), generate
    else:

        @_intrinsic
        def emitted(typingctx, x, y):
            return _float64(_float64, _float64), generate

    emitted.__doc__ = function.__doc__
    return emitted


@_intrinsic
def select(typingctx, condition, a, b):
    """In compiled code: a where the condition holds, b elsewhere, both evaluated."""

    def generate(context, builder, signature, arguments):
        return builder.select(*arguments)

    return _float64(types.boolean, _float64, _float64), generate


# ---------------------------------------------------------------- shared parts


def _two_powers(shifted):
    """Two float64 whose product is 2**k, itself perhaps out of range; given k + EXP_ROUNDER, |k| <= 1100."""
    k = to_bits(shifted)
    half = k >> 1
    return bits(half << 52), bits((k - half) << 52)


def _split(x):
    """k and m - 1, where x = 2**k m and sqrt(1/2) <= m < sqrt(2)."""
    tiny = x < MIN_NORMAL
    i = to_bits(where(tiny, x * 2.0**54, x)) - SQRT_HALF_BITS
    k = bits((i >> 52) + ROUNDER_BITS) - where(tiny, ROUNDER + 54.0, ROUNDER)
    return k, bits((i & MANTISSA) + SQRT_HALF_BITS) - 1.0


def _sine(r, shifted):
    """(-1)**k sin(r) for |r| <= pi/2, given k + ROUNDER."""
    s = r * r
    y = fma(r, fma(MINUS_SIXTH, s, s * s * horner(s, SIN)), r)
    signed = bits(to_bits(y) ^ (to_bits(shifted) << 63))
    return where(s > 2.5, 0.0, signed)  # x so large that r came out beyond pi/2


# ---------------------------------------------------------------- the functions


def _exp(x):
    """e to the power x.

    All x: overflows to inf above 709.78, is subnormal below -708.39 and 0 below -745.13.
    Method: x = k ln(2) + r with |r| <= ln(2)/2, a polynomial in r, and the scaling by 2**k rounded once.
    """
    c = where(x > 710.0, 710.0, x)
    c = where(c < -746.0, -746.0, c)
    shifted = fma(c, LOG2_E, EXP_ROUNDER)
    k = shifted - EXP_ROUNDER
    r = fma(-k, LN2_2, fma(-k, LN2_1, c))
    a, b = _two_powers(shifted)
    return fma(fma(r * horner(r, EXP), r, r), a, a) * b


def _log(x):
    """Natural logarithm of x.

    All x >= 0; log(0) = -inf, either sign of zero, and NaN below.
    Method: x = 2**k m with sqrt(1/2) <= m < sqrt(2), and a polynomial for 2 atanh((m - 1) / (m + 1)).
    """
    k, f = _split(x)
    t = f / fma(0.5, f, 1.0)
    z = t * t
    # log(m) = f + t (q - f/2), q = log(m)/t - 1: f is exact and the rest small
    q = z * fma(z, horner(z, ATANH), TWELFTH_1)
    y = fma(k, LN2_1, f + fma(t, fma(-0.5, f, q), k * LN2_2))
    y = where(x < INF, y, x)
    return where(x > 0.0, y, where(x.equals(0.0), -INF, NAN))


def _sin(x):
    """Sine of x in radians; NaN for x = ±inf.

    |x| <= 1e9; the digits are lost beyond 1e13, where 0 may come out, but |sin(x)| <= 1 for every finite x.
    Method: x = k pi + r with |r| <= pi/2, subtracting k pi in three parts, and a polynomial in r.
    """
    shifted = fma(x, INV_PI, ROUNDER)
    k = shifted - ROUNDER
    return _sine(fma(-k, PI_3, fma(-k, PI_2, fma(-k, PI_1, x))), shifted)


def _cos(x):
    """Cosine of x in radians; NaN for x = ±inf.

    |x| <= 1e9; the digits are lost beyond 1e13, where 0 may come out, but |cos(x)| <= 1 for every finite x.
    Method: |x| = (k + 1/2) pi + r, so cos(x) = (-1)**(k + 1) sin(r), continued as in ``sin``.
    """
    x = abs(x)
    k = (x * INV_PI).call("llvm.floor")
    h = k + 0.5
    return _sine(fma(-h, PI_3, fma(-h, PI_2, fma(-h, PI_1, x))), k + (ROUNDER + 1.0))


def _tanh(x):
    """Hyperbolic tangent of x; odd, ±1 for x = ±inf.

    All x. Method: below 0.625 a convergent of Lambert's continued fraction, above 1 - 2 / (exp(2 |x|) + 1).
    """
    a = abs(x)
    z = a * a
    small = a < 0.625
    t = where(small, z * horner(z, TANH_N), -2.0) / where(small, horner(z, TANH_D), _exp(a + a) + 1.0)
    y = where(small, fma(a, t, a), 1.0 + t)
    return bits(to_bits(y) | (to_bits(x) & SIGN_BIT))


def _power(x, y):
    """x to the power y, for x >= 0; exact where the exact value is a float64.

    NaN for x < 0, whatever y is. Otherwise as pow in C99, with -0.0 taken for 0.0: 1 where y = 0 or x = 1,
    even beside NaN; 0 to a negative power is inf. Subnormal results are within MAX_ULP of their spacing.
    Method: exp(y log(x)), the logarithm and the product as unevaluated sums of two float64.
    """
    k, f = _split(x)

    # t + t2 = f / (1 + f/2); the quotient in t, not a product, since t enters sums
    d = fma(0.5, f, 1.0)
    d2 = fma(0.5, f, 1.0 - d)
    t = f / d
    t2 = fma(-t, d2, fma(-t, d, f)) / d

    # z + z2 = (t + t2)², w + w2 = 1/12 + z ATANH(z), q + q2 = z w, g + g2 = t + t q = log(m)
    z = t * t
    z2 = fma(t + t, t2, fma(t, t, -z))
    p = horner(z, ATANH)
    w = fma(z, p, TWELFTH_1)
    w2 = fma(z, p, TWELFTH_1 - w) + TWELFTH_2
    q = z * w
    q2 = fma(z, w2, fma(z2, w, fma(z, w, -q)))
    g = fma(t, q, t)
    g2 = fma(t, q2, fma(t2, q, fma(t, q, t - g))) + t2

    # h + h2 = k ln(2) + log(m)
    h = fma(k, LN2_1, g)
    h2 = fma(k, LN2_1, -h) + g + fma(k, LN2_2, g2)
    h = where(x < INF, h, x)
    h = where(x.equals(0.0), -INF, h)

    # e + e2 = y log(x), the second part dropped where the first is out of range or not a number
    e = y * h
    inside = abs(e) < 1000.0
    e2 = where(inside, fma(y, h2, fma(y, h, -e)), 0.0)
    e = where(e > 710.0, 710.0, e)
    e = where(e < -746.0, -746.0, e)

    # exp(e + e2), as in exp, up to the last sum in two parts
    shifted = fma(e, LOG2_E, EXP_ROUNDER)
    n = shifted - EXP_ROUNDER
    rest = fma(-n, LN2_1, e)
    e2 = fma(-n, LN2_2, e2)
    r = rest + e2
    r2 = e2 - (r - rest)
    s = fma(r * r, horner(r, EXP), fma(r, r2, r2))
    u = r + s
    v = u + 1.0
    a, b = _two_powers(shifted)
    result = (v + ((u - (v - 1.0)) + (s - (u - r)))) * a * b

    result = where(x.equals(1.0) | y.equals(0.0), 1.0, result)
    return where(x < 0.0, NAN, result)


exp, log, sin, cos, tanh, power = map(_emitted, (_exp, _log, _sin, _cos, _tanh, _power))
