"""A condition as an expression: read once, instead of being computed for every parameter set.

`should_buy` and `should_sell` are called with columns that note what is done to them. What comes of it is a tree of
plain tuples: ``("column", name)``, ``("parameter", name)``, ``("number", value)``, ``("call", ufunc, arguments)``,
``("before", tree)`` and ``("crossed", tree, tree)``, the first rising above the second.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from cryptobot.strategy.conditions import Recorded, crossed_above, previous

Tree = tuple[Any, ...]

_TRUTH: Final = frozenset(
    [
        "greater",
        "greater_equal",
        "less",
        "less_equal",
        "equal",
        "not_equal",
        "isfinite",
        "isnan",
        "isinf",
        "signbit",
        "logical_and",
        "logical_or",
        "logical_not",
        "logical_xor",
    ]
)
_BITS: Final = frozenset(["bitwise_and", "bitwise_or", "bitwise_xor", "invert"])
# Between plain numbers Python computes, as it would have without us.
_PYTHON: Final[dict[str, Callable[..., Any]]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "true_divide": operator.truediv,
    "floor_divide": operator.floordiv,
    "remainder": operator.mod,
    "power": operator.pow,
    "negative": operator.neg,
    "positive": operator.pos,
    "absolute": operator.abs,
}


class Unreadable(BaseException):
    """A condition did something that cannot be noted; no ``except Exception`` of its own may hide it."""


class Noted(NDArrayOperatorsMixin, Recorded):
    """A column, parameter or what has been made of them."""

    __slots__ = ("tree",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, tree: Tree) -> None:
        self.tree = tree

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if method != "__call__" or options or ufunc.nout != 1 or ufunc.signature is not None:
            raise Unreadable
        trees = tuple(_tree(value) for value in inputs)
        if ufunc.__name__ in _BITS and not all(is_truth(tree) for tree in trees):
            raise Unreadable
        if getattr(np, ufunc.__name__, None) is not ufunc:
            raise Unreadable  # not one of numpy's own
        return Noted(("call", ufunc.__name__, trees))

    def __array_function__(self, *_: Any) -> Any:
        raise Unreadable

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise Unreadable

    def _refuse(self, *_: Any) -> Any:
        raise Unreadable

    __bool__ = __len__ = __iter__ = __getitem__ = __float__ = __int__ = __index__ = __complex__ = __contains__ = _refuse
    __round__ = __floor__ = __ceil__ = __trunc__ = __str__ = __repr__ = __format__ = _refuse

    def __getattr__(self, name: str) -> Any:
        raise Unreadable

    def before(self) -> Noted:
        """Note `previous`."""
        return Noted(("before", self.tree))

    def rises_above(self, other: Any) -> Noted:
        """Note `crossed_above`."""
        return Noted(("crossed", self.tree, _tree(other)))

    def falls_below(self, other: Any) -> Noted:
        """Note `crossed_below`."""
        return Noted(("crossed", _tree(other), self.tree))


def _tree(value: Any) -> Tree:
    if isinstance(value, Noted):
        return value.tree
    if isinstance(value, bool | int | float | np.bool_ | np.integer | np.floating):
        return ("number", value)
    raise Unreadable


def is_truth(tree: Tree) -> bool:
    """Tell whether a tree is certain to give True or False."""
    if tree[0] == "crossed":
        return True
    if tree[0] == "number":
        return isinstance(tree[1], bool | np.bool_)
    return tree[0] == "call" and (
        tree[1] in _TRUTH or (tree[1] in _BITS and all(is_truth(argument) for argument in tree[2]))
    )


def is_plain(tree: Tree) -> bool:
    """Tell whether a tree is one number for all rows."""
    if tree[0] in ("column", "before", "crossed"):
        return False
    return tree[0] != "call" or all(is_plain(argument) for argument in tree[2])


def names_in(tree: Tree, kind: str) -> set[str]:
    """Return the names of the columns or parameters that a tree speaks of."""
    if tree[0] == kind:
        return {tree[1]}
    parts = tree[2] if tree[0] == "call" else tree[1:]
    return set().union(*(names_in(part, kind) for part in parts if isinstance(part, tuple)))


def conjuncts(tree: Tree) -> list[Tree]:
    """Take apart what must all be true."""
    if tree[0] == "call" and tree[1] in ("bitwise_and", "logical_and") and all(map(is_truth, tree[2])):
        return [part for argument in tree[2] for part in conjuncts(argument)]
    return [tree]


def bound(tree: Tree, parameters: Mapping[str, Any]) -> Tree:
    """Put values in the place of parameters, and compute what is then one number for all rows."""
    if tree[0] == "parameter":
        return ("number", parameters[tree[1]])
    if tree[0] == "call":
        arguments = tuple(bound(argument, parameters) for argument in tree[2])
        if all(argument[0] == "number" for argument in arguments):
            compute = _PYTHON.get(tree[1], getattr(np, tree[1]))
            return ("number", compute(*(argument[1] for argument in arguments)))
        return ("call", tree[1], arguments)
    if tree[0] in ("before", "crossed"):
        return (tree[0], *(bound(part, parameters) for part in tree[1:]))
    return tree


def resolved(tree: Tree, leaves: Mapping[str, Tree]) -> Tree:
    """Put the columns of features in the place of their names."""
    if tree[0] == "column":
        return leaves.get(tree[1], tree)
    if tree[0] == "call":
        return ("call", tree[1], tuple(resolved(argument, leaves) for argument in tree[2]))
    if tree[0] in ("before", "crossed"):
        return (tree[0], *(resolved(part, leaves) for part in tree[1:]))
    return tree


def evaluate(tree: Tree, column: Callable[[Tree], Any], kept: Callable[[Tree], Any] | None = None) -> Any:
    """Compute a bound tree with the very functions that the condition would have called.

    Parameters
    ----------
    tree
        Without parameters.
    column
        Gives the values of a ``("column", …)``.
    kept
        Gives the values of a part, which may be known already; by default parts are computed.
    """
    if tree[0] == "column":
        return column(tree)
    if tree[0] == "number":
        return tree[1]

    def part(inner: Tree) -> Any:
        if kept is None or inner[0] in ("column", "number"):
            return evaluate(inner, column, kept)
        return kept(inner)

    if tree[0] == "before":
        return previous(part(tree[1]))
    if tree[0] == "crossed":
        return crossed_above(part(tree[1]), part(tree[2]))
    return getattr(np, tree[1])(*(part(argument) for argument in tree[2]))
