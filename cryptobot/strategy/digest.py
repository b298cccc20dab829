"""What code computes, as a short text: the same text means the same code, whatever it is called."""

from __future__ import annotations

import dis
import hashlib
import types
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import numpy as np

if TYPE_CHECKING:
    from cryptobot.strategy.base import Strategy


def code_digest(function: Callable[..., Any]) -> str:
    """Return a digest of all that decides what a function computes, 64 hexadecimal digits.

    That is its code, its constants, its defaults and closure, the globals it reads and the functions it calls by name.
    It holds for one version of Python: another may compile the same text to other code.
    """
    return _sha256(_ingredients(cast("types.FunctionType", function), set()))


def strategy_digest(strategy: type[Strategy]) -> str:
    """Return a digest of a strategy's own code and of the parameters it declares, 64 hexadecimal digits.

    Comments, documentation and names of files are no part of it; what it calls of this library is. See `code_digest`.
    """
    from cryptobot.strategy.base import Strategy

    parts: list[Any] = [(name, one.default, one.allowed()) for name, one in sorted(strategy.parameters().items())]
    for cls in strategy.__mro__:
        if cls in (Strategy, object):
            break
        for name, member in sorted(vars(cls).items()):
            code = getattr(member, "fget", None) or getattr(member, "__func__", member)
            if isinstance(code, types.FunctionType):
                parts.append((name, _ingredients(code, set())))
    return _sha256(parts)


def helpers_of(function: types.FunctionType) -> dict[str, types.FunctionType]:
    """Return the plain Python functions that a function calls by a global name."""
    found = ((name, function.__globals__.get(name)) for name in function.__code__.co_names)
    return {name: value for name, value in found if isinstance(value, types.FunctionType) and value is not function}


def _ingredients(function: types.FunctionType, seen: set[int]) -> list[Any]:
    code, space = function.__code__, function.__globals__
    if id(function) in seen:  # functions that call each other
        return [function.__name__]
    seen = seen | {id(function)}
    # `co_names` holds attributes, too: a notebook's variable `a` is no part of a function that reads `x.a`.
    read = {step.argval for step in dis.get_instructions(code) if step.opname == "LOAD_GLOBAL"}
    helpers = {name: helper for name, helper in helpers_of(function).items() if name in read}
    outside = {
        name: space[name]
        for name in code.co_names
        if name in read and name in space and name not in helpers and not isinstance(space[name], types.ModuleType)
    }
    # `super()` looks at the class itself, whose name and place are no part of what it computes.
    cells = [
        cell.cell_contents
        for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True)
        if name != "__class__"
    ]
    return [
        code.co_code,
        code.co_names,
        [_plain(value, seen) for value in code.co_consts if value != function.__doc__],
        [_plain(value, seen) for value in cells],
        [_plain(value, seen) for value in function.__defaults__ or ()],
        [(name, _plain(value, seen)) for name, value in outside.items()],
        [(name, _ingredients(helper, seen)) for name, helper in helpers.items()],
    ]


def _plain(value: Any, seen: set[int]) -> Any:
    if isinstance(value, np.ndarray):
        return (value.dtype.str, value.shape, value.tobytes())
    if isinstance(value, types.CodeType):
        return (value.co_code, value.co_names, [_plain(one, seen) for one in value.co_consts])
    if isinstance(value, types.FunctionType):
        return _ingredients(value, seen)
    step = getattr(value, "step", None)  # a kernel
    if isinstance(step, types.FunctionType):
        return _ingredients(step, seen)
    if isinstance(value, type):
        return f"{value.__module__}.{value.__qualname__}"
    # What shows its place in memory is another object in the next process, yet the same thing.
    own = any("__repr__" in vars(cls) for cls in type(value).__mro__[:-1])
    return value if own else type(value).__qualname__


def _sha256(parts: Any) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()
