"""Sixty-four comparisons at a time, and exact products: what numba does not offer by itself.

Importing this module imports numba.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

# numba wants arguments of certain names, whether they are used or not, and looks at no annotation.
# ruff: noqa: ARG001

_LANES: Final = 8


def _intrinsic(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function that writes code for numba one that numba calls."""
    made: Callable[..., Any] = intrinsic(function)
    return made


@_intrinsic
def lowest_bit(context: Any, word: Any) -> Any:
    """Return the number of the lowest set bit of a uint64 that is not 0."""

    def code(ctx: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(types.uint64), code


@_intrinsic
def set_bits(context: Any, word: Any) -> Any:
    """Return how many bits of a uint64 are set."""

    def code(ctx: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return types.uint64(types.uint64), code


@_intrinsic
def multiply_add(context: Any, a: Any, b: Any, c: Any) -> Any:
    """Return a × b + c, rounded once."""

    def code(ctx: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.fma(*args)

    return types.float64(types.float64, types.float64, types.float64), code


def _vector(builder: Any, pointer: Any, index: Any, offset: int) -> Any:
    """Load eight float64 from anywhere."""
    place = builder.gep(pointer, [builder.add(index, ir.Constant(index.type, offset))])
    wide = ir.VectorType(ir.DoubleType(), _LANES)
    return builder.load(builder.bitcast(place, wide.as_pointer()), align=8)


def _splat(builder: Any, value: Any) -> Any:
    wide = ir.VectorType(ir.DoubleType(), _LANES)
    single = builder.insert_element(ir.Constant(wide, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
    mask = ir.Constant(ir.VectorType(ir.IntType(32), _LANES), [0] * _LANES)
    return builder.shuffle_vector(single, ir.Constant(wide, ir.Undefined), mask)


def _half(builder: Any, wide: Any, begin: int, lanes: int) -> Any:
    chosen = ir.Constant(ir.VectorType(ir.IntType(32), lanes), list(range(begin, begin + lanes)))
    return builder.shuffle_vector(wide, ir.Constant(wide.type, ir.Undefined), chosen)


def _masks(ctx: Any, builder: Any, signature: Any, sides: Any) -> Any:
    """Compare eight times eight lanes and gather the answers: (bits of a > b, bits of a < b)."""
    word = ir.IntType(64)
    above, below = ir.Constant(word, 0), ir.Constant(word, 0)
    for part in range(64 // _LANES):
        a, b = sides(part * _LANES)
        shift = ir.Constant(word, part * _LANES)
        for sign in (">", "<"):
            bits = builder.bitcast(builder.fcmp_ordered(sign, a, b), ir.IntType(_LANES))
            placed = builder.shl(builder.zext(bits, word), shift)
            if sign == ">":
                above = builder.or_(above, placed)
            else:
                below = builder.or_(below, placed)
    return ctx.make_tuple(builder, signature.return_type, (above, below))


def _kept(builder: Any, value: Any) -> Any:
    """Make a place for a value that changes in a loop."""
    return cgutils.alloca_once_value(builder, value)  # type: ignore[no-untyped-call]


def _data(ctx: Any, builder: Any, signature: Any, args: Any, number: int) -> Any:
    array: Any = ctx.make_array(signature.args[number])(ctx, builder, args[number])
    return array.data


_PAIR: Any = types.UniTuple(types.uint64, 2)  # type: ignore[no-untyped-call]


@_intrinsic
def compare_sums(context: Any, sums: Any, row: Any, fast: Any, slow: Any) -> Any:
    """Compare the means of two windows on 64 rows from ``row`` on.

    ``sums[t + 1]`` is the sum of whole ticks up to row t; mean(fast) > mean(slow) is sum(fast) × slow > sum(slow) × fast.
    """

    def code(ctx: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = _data(ctx, builder, signature, args, 0)
        row, fast, slow = args[1:]
        now = builder.add(row, ir.Constant(row.type, 1))
        first, second = builder.sub(now, fast), builder.sub(now, slow)
        wide_fast = _splat(builder, builder.sitofp(fast, ir.DoubleType()))
        wide_slow = _splat(builder, builder.sitofp(slow, ir.DoubleType()))

        def sides(offset: int) -> Any:
            x = _vector(builder, data, now, offset)
            a = builder.fmul(builder.fsub(x, _vector(builder, data, first, offset)), wide_slow)
            b = builder.fmul(builder.fsub(x, _vector(builder, data, second, offset)), wide_fast)
            return a, b

        return _masks(ctx, builder, signature, sides)

    return _PAIR(sums, types.int64, types.int64, types.int64), code


@_intrinsic
def compare_columns(context: Any, a: Any, b: Any, row: Any) -> Any:
    """Compare two columns on 64 rows from ``row`` on."""

    def code(ctx: Any, builder: Any, signature: Any, args: Any) -> Any:
        first, second = (_data(ctx, builder, signature, args, number) for number in (0, 1))
        row = args[2]
        return _masks(
            ctx,
            builder,
            signature,
            lambda offset: (_vector(builder, first, row, offset), _vector(builder, second, row, offset)),
        )

    return _PAIR(a, b, types.int64), code


@_intrinsic
def compare_number(context: Any, a: Any, number: Any, row: Any) -> Any:
    """Compare a column with a number on 64 rows from ``row`` on."""

    def code(ctx: Any, builder: Any, signature: Any, args: Any) -> Any:
        first = _data(ctx, builder, signature, args, 0)
        level = _splat(builder, args[1])
        return _masks(ctx, builder, signature, lambda offset: (_vector(builder, first, args[2], offset), level))

    return _PAIR(a, types.float64, types.int64), code


@_intrinsic
def extremes_of_eight(context: Any, values: Any, first: Any, stop: Any) -> Any:
    """Return the least and the greatest of the rows from ``first`` to before ``stop``, which are at least eight.

    Eight times eight at a time and without a branch: what would reach beyond the last row takes the last eight again,
    which changes no extreme.
    """

    def code(ctx: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = _data(ctx, builder, signature, args, 0)
        first, stop = args[1:]
        word = first.type

        def better(a: Any, b: Any, sign: str) -> Any:
            return builder.select(builder.fcmp_ordered(sign, a, b), a, b)

        begin = _vector(builder, data, first, 0)
        kept = [(_kept(builder, begin), sign) for sign in "<>"]
        last = builder.sub(stop, ir.Constant(word, _LANES))
        many = builder.sdiv(builder.add(builder.sub(stop, first), ir.Constant(word, 63)), ir.Constant(word, 64))
        with cgutils.for_range(builder, many, intp=word) as loop:
            at = builder.add(first, builder.mul(loop.index, ir.Constant(word, 64)))
            rows = []
            for part in range(64 // _LANES):
                place = builder.add(at, ir.Constant(word, part * _LANES))
                inside = builder.icmp_signed("<", place, last)
                rows.append(_vector(builder, data, builder.select(inside, place, last), 0))
            for extreme, sign in kept:
                found = rows
                while len(found) > 1:  # a tree, so that none waits for all
                    found = [better(a, b, sign) for a, b in zip(found[::2], found[1::2], strict=True)]
                builder.store(better(found[0], builder.load(extreme), sign), extreme)
        results = []
        for extreme, sign in kept:
            wide, lanes = builder.load(extreme), _LANES
            while lanes > 1:
                lanes //= 2
                wide = better(_half(builder, wide, 0, lanes), _half(builder, wide, lanes, lanes), sign)
            results.append(builder.extract_element(wide, ir.Constant(ir.IntType(32), 0)))
        return ctx.make_tuple(builder, signature.return_type, results)

    return types.UniTuple(types.float64, 2)(values, types.int64, types.int64), code  # type: ignore[no-untyped-call]


__all__ = [
    "compare_columns",
    "compare_number",
    "compare_sums",
    "extremes_of_eight",
    "lowest_bit",
    "multiply_add",
    "set_bits",
]
