"""One scalar function a feature: stepped in Python when live, compiled into a loop for a whole history.

Both run the same source. Python and numba follow IEEE 754 to the letter for ``+ - * /`` and square roots (numba's
``fastmath`` stays off, and it fuses no multiply-add), and both call the C library for ``log``; the parity tests hold
them together bit for bit.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, MutableSequence, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from cryptobot.core.errors import ConfigError
from cryptobot.strategy.digest import code_digest, helpers_of

State = MutableSequence[float]
Step = Callable[..., float]


class Kernel:
    """A step function ``step(state, *inputs, *arguments) -> value``.

    ``state`` is a list of floats when live and a float64 array when compiled; the step changes it in place. The step
    may use `math`, plain arithmetic and helper functions of its own file. It returns NaN while it has no value.

    Attributes
    ----------
    step
        The plain Python function.
    """

    def __init__(self, step: Step) -> None:
        names = list(inspect.signature(step).parameters)
        if not names or names[0] != "state":
            raise ConfigError(f"kernel {step.__qualname__}: the first argument must be `state`, got {names}.")
        self.step = step
        self._size = len(names) - 1
        self._scans: dict[tuple[int, int], Callable[..., Any]] = {}
        self.__doc__ = step.__doc__

    def scan(
        self, state: Sequence[float], inputs: Sequence[NDArray[np.float64]], arguments: Sequence[float]
    ) -> NDArray[np.float64]:
        """Run the step over whole columns, compiled.

        Parameters
        ----------
        state
            The state before the first row; it is copied.
        inputs
            Columns of shape (n,).
        arguments
            The same for every row.

        Returns
        -------
        ndarray
            float64, shape (n,), read-only.
        """
        # Views, because the caller's own arrays stay as they are.
        columns = [np.ascontiguousarray(column, dtype=np.float64).view() for column in inputs]
        for column in columns:
            column.flags.writeable = False  # one type for numba, so that it compiles once
        compiled = self._compiled(len(columns), len(arguments))
        values: NDArray[np.float64] = compiled(np.array(state, dtype=np.float64), *columns, *map(float, arguments))
        values.flags.writeable = False
        return values

    def _compiled(self, inputs: int, arguments: int) -> Callable[..., Any]:
        if (inputs, arguments) not in self._scans:
            self._scans[inputs, arguments] = self._compile(inputs, arguments)
        return self._scans[inputs, arguments]

    def _compile(self, inputs: int, arguments: int) -> Callable[..., Any]:
        if inputs + arguments != self._size:
            raise ConfigError(
                f"kernel {self.step.__qualname__} takes {self._size} values after `state`, "
                f"but the feature gives {inputs} inputs and {arguments} arguments."
            )
        columns = [f"column{i}" for i in range(inputs)]
        constants = [f"argument{i}" for i in range(arguments)]
        # Numba's cache knows a function by its name and file. That is too little: two kernels from one factory differ
        # in their closures alone, and one in a notebook may use a number from another cell. So the name carries a
        # digest of all that the step is made of.
        digest = code_digest(self.step)[:16]
        name = f"{self.step.__qualname__.replace('.', '_').replace('<locals>', 'local')}_scan_{digest}"
        source = (
            f"def {name}(state, {', '.join(columns + constants)}):\n"
            f"    values = np.empty({columns[0]}.size)\n"
            f"    for row in range({columns[0]}.size):\n"
            f"        values[row] = step(state, {', '.join([f'{c}[row]' for c in columns] + constants)})\n"
            "    return values\n"
        )
        # Compiled under the step's own file name, so that numba's cache is kept beside that file and thrown away
        # when the file changes.
        space: dict[str, Any] = {
            "np": np,
            "__name__": self.step.__module__,
            "step": _jitted(cast("types.FunctionType", self.step)),
        }
        exec(compile(source, self.step.__code__.co_filename, "exec"), space)  # noqa: S102 - our own text above
        compiled: Callable[..., Any] = _jit(space[name], cache=True)
        return compiled


def kernel(step: Step) -> Kernel:
    """Make a feature's step function a kernel.

    Examples
    --------
    >>> @kernel
    ... def largest(state, close):
    ...     state[0] = max(state[0], close)
    ...     return state[0]
    >>> largest.scan([0.0], [np.array([1.0, 3.0, 2.0])], [])
    array([1., 3., 3.])
    """
    return Kernel(step)


def _jitted(function: types.FunctionType) -> Any:
    """Compile a function together with the helpers that it calls."""
    space = {**function.__globals__, **{name: _jitted(value) for name, value in helpers_of(function).items()}}
    copy = types.FunctionType(function.__code__, space, function.__name__, function.__defaults__, function.__closure__)
    copy.__qualname__ = function.__qualname__
    copy.__module__ = function.__module__
    return _jit(copy, cache=False)  # it becomes part of the scan, which is cached


def _jit(function: Callable[..., Any], *, cache: bool) -> Any:
    import numba

    try:
        return numba.njit(cache=cache)(function)
    except RuntimeError:  # no place on disk to keep a cache, such as a class typed into a plain console
        return numba.njit(function)
