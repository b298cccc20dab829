"""Which parameter sets are tried: a grid of ranges, or rows given one by one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cryptobot.core.errors import ConfigError
from cryptobot.core.suggest import closest, listed
from cryptobot.strategy.base import Strategy
from cryptobot.strategy.param import Param

MOST: Final = 20_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Combinations:
    """Parameter sets as columns: each parameter's distinct values once, and which of them every row takes.

    Attributes
    ----------
    strategy
        The class they are for.
    values
        The distinct values of every declared parameter, checked, of the parameter's own type.
    codes
        int32 arrays of shape (m,): row i has ``values[name][codes[name][i]]``.
    """

    strategy: type[Strategy]
    values: dict[str, list[Any]]
    codes: dict[str, NDArray[np.int32]]

    def __len__(self) -> int:
        return int(next(iter(self.codes.values())).size) if self.codes else 1

    @property
    def names(self) -> list[str]:
        """The declared parameters, in order."""
        return list(self.codes)

    def row(self, i: int, names: Iterable[str] | None = None) -> dict[str, Any]:
        """Return the parameters of one row, or some of them."""
        return {name: self.values[name][self.codes[name][i]] for name in (self.values if names is None else names)}

    def column(self, name: str) -> NDArray[Any]:
        """Return a parameter's value for every row: int64, float64, bool, or objects for texts."""
        kinds: dict[str, Any] = {"int": np.int64, "float": np.float64, "bool": np.bool_, "str": np.object_}
        kind = self.strategy.parameters()[name].kind
        try:
            values: NDArray[Any] = np.array(self.values[name], dtype=kinds[kind])
        except OverflowError:  # a whole number beyond int64
            values = np.array(self.values[name], dtype=np.object_)
        chosen: NDArray[Any] = values[self.codes[name]]
        return chosen

    def take(self, rows: NDArray[np.intp]) -> Combinations:
        """Return some of the rows."""
        return Combinations(self.strategy, self.values, {name: codes[rows] for name, codes in self.codes.items()})

    def _keys(self, names: Sequence[str], rows: NDArray[np.intp]) -> NDArray[np.int64]:
        """Return numbers that are equal for the rows that are alike in some parameters."""
        key = np.zeros(rows.size, dtype=np.int64)
        room = 1
        for name in names:
            many = len(self.values[name])
            if room > 2**62 // many:  # renumber what there is, so that the key cannot overflow
                key, room = np.unique(key, return_inverse=True)[1].astype(np.int64), rows.size
            key = key * many + self.codes[name][rows]
            room *= many
        return key

    def kinds(self, names: Sequence[str], rows: NDArray[np.intp]) -> tuple[list[dict[str, Any]], NDArray[np.intp]]:
        """Return the different values of some parameters that rows have, and which of them each row has."""
        keys = self._keys([name for name in names if len(self.values[name]) > 1], rows)
        _, first, which = np.unique(keys, return_index=True, return_inverse=True)
        columns = [[self.values[name][code] for code in self.codes[name][rows[first]].tolist()] for name in names]
        values = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)] if names else [{}]
        return values, which

    def distinct(self, names: Sequence[str], rows: NDArray[np.intp]) -> list[NDArray[np.intp]]:
        """Split rows into groups that are alike in some parameters, in the order in which they appear."""
        names = [name for name in names if len(self.values[name]) > 1]
        if rows.size == 0:
            return []
        if not names:
            return [rows]
        key = self._keys(names, rows)
        order = np.argsort(key, kind="stable")
        ends = np.append(np.flatnonzero(np.diff(key[order])) + 1, rows.size)
        begins = np.append(0, ends[:-1])
        sorted_rows = rows[order]
        first = np.argsort(order[begins])
        # Not np.split, which takes ten times as long for thousands of groups.
        cuts = zip(begins[first].tolist(), ends[first].tolist(), strict=True)
        return [sorted_rows[begin:end] for begin, end in cuts]


def combinations_of(
    strategy: Any, ranges: Mapping[str, Any], rows: Iterable[Mapping[str, Any]] | Any | None
) -> Combinations:
    """Read what `sweep` was given.

    Parameters
    ----------
    strategy
        A class derived from `Strategy`.
    ranges
        Values by parameter: every combination of them is tried. A single value is the same for all.
    rows
        Explicit parameter sets instead: dicts, or a DataFrame with a column a parameter.

    Raises
    ------
    ConfigError
        If the class, a parameter or a value is not allowed, or there is nothing to try.
    """
    cls = _class_of(strategy)
    declared = cls.parameters()
    if rows is None:
        if not ranges:
            example = next((name for name, p in declared.items() if p.kind in ("int", "float")), "window")
            raise ConfigError(
                f"sweep: no values to try. Give ranges, for example {example}=range(5, 50, 5), or explicit rows: "
                f"combos=[{{'{example}': 10}}]. {_known(cls, declared)}"
            )
        return _grid(cls, declared, ranges)
    if ranges:
        raise ConfigError(
            f"sweep: `combos` and ranges ({listed(ranges)}) are both given. Give explicit rows in `combos`, with every "
            "parameter in them, or ranges alone."
        )
    return _explicit(cls, declared, rows)


def _class_of(strategy: Any) -> type[Strategy]:
    if isinstance(strategy, type) and issubclass(strategy, Strategy) and strategy is not Strategy:
        return strategy
    if isinstance(strategy, Strategy):
        raise ConfigError(
            f"strategy: {strategy!r} has its parameters already. Give the class, {type(strategy).__name__}, and the "
            "values to try."
        )
    advice = " Strategies by name: type(cb.get_strategy(name))." if isinstance(strategy, str) else ""
    raise ConfigError(
        f"strategy: {strategy!r} is not a strategy class. Give a class derived from cb.Strategy, for example "
        f"cb.MovingAverageCrossover.{advice}"
    )


def _known(cls: type[Strategy], declared: Mapping[str, Param]) -> str:
    return f"{cls.__name__} has the parameters {listed(declared)}." if declared else f"{cls.__name__} has none."


def _check_name(cls: type[Strategy], declared: Mapping[str, Param], name: str) -> None:
    if name in declared:
        return
    if hasattr(cls, name):
        raise ConfigError(
            f"sweep: `{name}` of {cls.__name__} follows from its parameters and cannot be varied by itself. "
            f"{_known(cls, declared)}"
        )
    raise ConfigError(
        f"sweep: {cls.__name__} has no parameter `{name}`.{closest(name, declared)} {_known(cls, declared)}"
    )


def _grid(cls: type[Strategy], declared: Mapping[str, Param], ranges: Mapping[str, Any]) -> Combinations:
    for name in ranges:
        _check_name(cls, declared, name)
    values = {name: _values(cls, p, ranges[name]) if name in ranges else [p.default] for name, p in declared.items()}
    # The first range varies slowest, as in nested loops.
    sizes = {name: len(values[name]) for name in [*ranges, *(n for n in declared if n not in ranges)]}
    total = math.prod(sizes.values())
    if total > MOST:
        product = " × ".join(f"{size:,} {name}" for name, size in sizes.items() if size > 1)
        raise ConfigError(
            f"sweep: {product} makes {total:,} combinations; at most {MOST:,} fit into one sweep. Take coarser ranges."
        )
    codes: dict[str, NDArray[np.int32]] = {}
    before = 1
    for name, size in sizes.items():
        after = total // (before * size)
        codes[name] = np.tile(np.repeat(np.arange(size, dtype=np.int32), after), before)
        before *= size
    return Combinations(cls, values, {name: codes[name] for name in declared})


def _values(cls: type[Strategy], p: Param, given: Any) -> list[Any]:
    if isinstance(given, str) or not isinstance(given, Iterable):
        return [p.check(given, cls.__name__)]
    checked = [p.check(value, cls.__name__) for value in given]
    if not checked:
        raise ConfigError(
            f"sweep: the range of `{p.name}` is empty ({given!r}). Give at least one value, {p.allowed()}; "
            "range(a, b) ends before b."
        )
    return list(dict.fromkeys(checked))


def _explicit(cls: type[Strategy], declared: Mapping[str, Param], rows: Any) -> Combinations:
    columns: dict[str, Any] = {}
    if hasattr(rows, "columns") and hasattr(rows, "index"):
        for name in rows.columns:
            _check_name(cls, declared, str(name))
        m = len(rows)
        columns = {str(name): rows[name] for name in rows.columns}
    else:
        listing = _mappings(rows)
        m = len(listing)
        given = dict.fromkeys(name for row in listing for name in row)
        for name in given:
            _check_name(cls, declared, name)
        columns = {name: [row.get(name, declared[name].default) for row in listing] for name in given}
    if m == 0:
        raise ConfigError("combos: there are no rows. Give at least one, for example combos=[{'fast': 10}].")
    values: dict[str, list[Any]] = {}
    codes: dict[str, NDArray[np.int32]] = {}
    for name, p in declared.items():
        if name not in columns:
            values[name], codes[name] = [p.default], np.zeros(m, dtype=np.int32)
            continue
        seen, first, which = _different(columns[name])
        checked: dict[Any, int] = {}
        place = []
        for value, i in zip(seen, first, strict=True):
            good = p.check(value, f"combos, row {i}: {cls.__name__}")
            place.append(checked.setdefault(good, len(checked)))
        values[name], codes[name] = list(checked), np.array(place, dtype=np.int32)[which]
    return Combinations(cls, values, codes) if declared else _without_parameters(cls, m)


def _different(column: Any) -> tuple[list[Any], list[int], NDArray[np.intp]]:
    """Return the different values of a column as they appear, the row of each, and which of them every row has."""
    if isinstance(getattr(column, "dtype", None), np.dtype) and column.dtype.kind in "iufb":
        plain = np.asarray(column)
        _, first, which = np.unique(plain, return_index=True, return_inverse=True, equal_nan=False)
        order = np.argsort(first)
        place = np.empty(order.size, dtype=np.intp)
        place[order] = np.arange(order.size)
        first = first[order]
        return plain[first].tolist(), first.tolist(), place[which]
    known: dict[Any, int] = {}
    values: list[Any] = []
    rows: list[int] = []
    numbers: list[int] = []
    for i, value in enumerate(column):
        # True and 1, 1 and 1.0 are equal as keys, but need not both be allowed.
        key = (type(value), value)
        if key not in known:
            known[key] = len(values)
            values.append(value)
            rows.append(i)
        numbers.append(known[key])
    return values, rows, np.array(numbers, dtype=np.intp)


def _mappings(rows: Any) -> list[Mapping[str, Any]]:
    example = "for example combos=[{'fast': 10, 'slow': 30}, {'fast': 12, 'slow': 30}], or a DataFrame"
    if isinstance(rows, Mapping | str) or not isinstance(rows, Iterable):
        raise ConfigError(f"combos: {type(rows).__name__} is not a list of parameter sets. Give dicts, {example}.")
    listing = list(rows)
    for i, row in enumerate(listing):
        if not isinstance(row, Mapping):
            raise ConfigError(f"combos, row {i}: {row!r} is not a parameter set. Give dicts, {example}.")
    return listing


def _without_parameters(cls: type[Strategy], m: int) -> Combinations:
    if m > 1:
        raise ConfigError(
            f"combos: {cls.__name__} has no parameters, so that {m} rows would all be the same. Give one."
        )
    return Combinations(cls, {}, {})
