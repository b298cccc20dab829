"""Row-wise conditions: the same code on a whole history and on one live bar.

`should_buy` and `should_sell` get `Rows`: in research a whole column a name, live the row and the one before it. A
condition may use a row and the previous one; anything else differs between the two and is found by
`check_strategy`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cryptobot.core.errors import StrategyError
from cryptobot.core.suggest import closest, listed

Column = NDArray[np.float64]
Mask = NDArray[np.bool_]


class Rows:
    """What a condition sees: ``x.fast``, ``x.close`` …, each a read-only array with one value a row."""

    def __init__(self, columns: Mapping[str, Column]) -> None:
        self.__dict__.update(columns)

    def __getattr__(self, name: str) -> Any:
        raise StrategyError(f"x has no `{name}`.{closest(name, self.__dict__)} It has {listed(self.__dict__)}.")

    def __setattr__(self, name: str, value: Any) -> None:
        raise StrategyError(f"x.{name} cannot be assigned: conditions read rows, they never change them.")


class Recorded(ABC):
    """Stands for a column while a sweep reads a condition: it notes what is done to it instead of doing it."""

    @abstractmethod
    def before(self) -> Any:
        """Note `previous`."""

    @abstractmethod
    def rises_above(self, other: Any) -> Any:
        """Note `crossed_above`."""

    @abstractmethod
    def falls_below(self, other: Any) -> Any:
        """Note `crossed_below`."""


def previous(column: Any) -> Column:
    """Return the value of the row before; the first row has none (NaN).

    Parameters
    ----------
    column
        Shape (n,). Not the result of another shift: live, only one previous row is there.

    Examples
    --------
    >>> previous(np.array([1.0, 2.0, 3.0]))
    array([nan,  1.,  2.])
    """
    if isinstance(column, Recorded):
        noted: Column = column.before()
        return noted
    values = np.asarray(column, dtype=np.float64)
    shifted = np.empty_like(values)
    shifted[:1] = np.nan
    shifted[1:] = values[:-1]
    return shifted


def crossed_above(a: Any, b: Any) -> Mask:
    """Tell the rows where ``a`` rose above ``b``: a[t] > b[t] and a[t-1] <= b[t-1].

    Rows with an undefined value, and the first row, are never true.

    Parameters
    ----------
    a, b
        Columns of shape (n,), or one of them a plain number.

    Examples
    --------
    >>> crossed_above(np.array([1.0, 3.0, 3.0]), 2.0)
    array([False,  True, False])
    """
    if isinstance(a, Recorded) or isinstance(b, Recorded):
        noted: Mask = a.rises_above(b) if isinstance(a, Recorded) else b.falls_below(a)
        return noted
    first, second = _pair(a, b)
    crossed: Mask = first > second
    crossed[1:] &= first[:-1] <= second[:-1]
    crossed[:1] = False
    return crossed


def crossed_below(a: Any, b: Any) -> Mask:
    """Tell the rows where ``a`` fell below ``b``: a[t] < b[t] and a[t-1] >= b[t-1].

    Rows with an undefined value, and the first row, are never true.

    Parameters
    ----------
    a, b
        Columns of shape (n,), or one of them a plain number.
    """
    return crossed_above(b, a)


def _pair(a: Any, b: Any) -> tuple[Column, Column]:
    if type(a) is np.ndarray and type(b) is np.ndarray and a.shape == b.shape:
        return a, b
    first, second = np.broadcast_arrays(np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64))
    if first.ndim != 1:
        raise StrategyError("a crossing needs at least one column, such as x.fast; both values were plain numbers.")
    return first, second


def as_mask(result: Any, n: int, what: str) -> Mask:
    """Check what a condition returned.

    Raises
    ------
    StrategyError
        If it is anything but an array of n True/False values.
    """
    if type(result) is np.ndarray and result.dtype == np.bool_ and result.shape == (n,):
        return result
    if isinstance(result, np.ndarray):
        seen = f"an array of {result.dtype} with shape {result.shape}"
    else:
        seen = f"{type(result).__name__} ({result!r})"[:120]
    raise StrategyError(
        f"{what} returned {seen}. Return one True or False a row: an array of shape ({n},) such as "
        "`x.fast > x.slow`; for never, `x.close < 0`."
    )
