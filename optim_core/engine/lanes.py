"""How 64 runs lie side by side: block functions' signatures, named tuples in one lane, and calls by address.

A block function is a C function over raw pointers to float64; LANES runs lie side by side in the last axis:

    value(p[2, 64], v[64], q[k, 64], data)                       the surface at p
    gradient(p[2, 64], g[2, 64], q[k, 64], data, spacing)        central, forward, exact or as printed
    init(p[2, 64], s[slots, 64])                                 the rule's state at the start
    update(p[2, 64], g[2, 64], s[slots, 64], t, n, h[k, 64])     one step of the rule, in place
    look(p[2, 64], g[2, 64], s[slots, 64], t, n, h[k, 64])       where it wants the gradient, left in g

q are the surface's parameters and h the rule's hyperparameters, one column a run; data points to the numbers of a
surface that shares its code with others (``optim_core.engine.shared``).
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import extending, types  # pyright: ignore[reportPrivateImportUsage]
from numba.core import cgutils

from optim_core.xp import vec2

intrinsic: Any = extending.intrinsic  # its callers leave out the typing context, which type checkers do not know

LANES = 64

_F = types.float64
POINTER = types.CPointer(_F)
VALUE = types.void(POINTER, POINTER, POINTER, POINTER)
GRADIENT = types.void(POINTER, POINTER, POINTER, POINTER, _F)
INIT = types.void(POINTER, POINTER)
UPDATE = types.void(POINTER, POINTER, POINTER, _F, _F, POINTER)
OPTIONS: dict[str, Any] = {"error_model": "numpy"}


# ---------------------------------------------------------------- from lanes to named tuples and back


def _slots(fields: Any) -> list[tuple[int, int]]:
    """Offset and width, in rows of a block, of each field of a named tuple's Numba type."""
    found, offset = [], 0
    for field in fields.types:
        width = 2 if field is vec2 else 1
        found.append((offset, width))
        offset += width
    return found


def _address(builder: Any, base: Any, row: int, lane: Any) -> Any:
    index = builder.add(ir.Constant(ir.IntType(64), row * LANES), lane)
    return builder.gep(base, [index])


@intrinsic
def load(typingctx, rows, lane, like):
    """The named tuple of the type of ``like`` that stands in one lane of an array of rows."""

    def generate(context, builder, signature, arguments):
        base = cgutils.create_struct_proxy(signature.args[0])(context, builder, arguments[0]).data
        result = cgutils.get_null_value(context.get_value_type(signature.return_type))
        for index, (row, width) in enumerate(_slots(like)):
            if width == 2:
                pair = cgutils.create_struct_proxy(vec2)(context, builder)
                pair.x = builder.load(_address(builder, base, row, arguments[1]))
                pair.y = builder.load(_address(builder, base, row + 1, arguments[1]))
                field = pair._getvalue()
            else:
                field = builder.load(_address(builder, base, row, arguments[1]))
            result = builder.insert_value(result, field, index)
        return result

    return like(rows, types.intp, like), generate


@intrinsic
def store(typingctx, rows, lane, fields):
    """Writes a named tuple into one lane of an array of rows."""

    def generate(context, builder, signature, arguments):
        base = cgutils.create_struct_proxy(signature.args[0])(context, builder, arguments[0]).data
        for index, (row, width) in enumerate(_slots(fields)):
            field = builder.extract_value(arguments[2], index)
            if width == 2:
                pair = cgutils.create_struct_proxy(vec2)(context, builder, value=field)
                builder.store(pair.x, _address(builder, base, row, arguments[1]))
                builder.store(pair.y, _address(builder, base, row + 1, arguments[1]))
            else:
                builder.store(field, _address(builder, base, row, arguments[1]))
        return context.get_dummy_value()

    return types.void(rows, types.intp, fields), generate


# ---------------------------------------------------------------- calls by address


def _caller(signature: Any) -> Callable[..., Any]:
    """An intrinsic that calls the C function of that signature at an address."""

    @intrinsic
    def call(typingctx, address, arguments):
        def generate(context, builder, _, values):
            kinds = [context.get_value_type(kind) for kind in signature.args]
            function = ir.FunctionType(ir.VoidType(), kinds).as_pointer()
            unpacked = [builder.extract_value(values[1], index) for index in range(len(kinds))]
            builder.call(builder.inttoptr(values[0], function), unpacked)
            return context.get_dummy_value()

        return types.void(types.intp, types.Tuple(signature.args)), generate

    return call


call_value = _caller(VALUE)
call_gradient = _caller(GRADIENT)
call_init = _caller(INIT)
call_update = _caller(UPDATE)


@intrinsic
def pointer(typingctx, array):
    """The address of an array's first element."""

    def generate(context, builder, signature, arguments):
        return cgutils.create_struct_proxy(signature.args[0])(context, builder, arguments[0]).data

    return POINTER(array), generate
