"""Which parameter sets break a constraint of the strategy.

A constraint such as ``fast >= slow`` is asked once, with parameters that note which comparisons decided. All sets for
which these come out alike went the same way through the method, so that one call speaks for thousands.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cryptobot.backtest.sweep.combinations import Combinations
from cryptobot.backtest.sweep.expression import Noted, Tree, Unreadable, bound
from cryptobot.backtest.sweep.reading import Reads, bare, noted_parameters, shared
from cryptobot.core.errors import ConfigError

Rows = NDArray[np.intp]
_WAYS: Final = 8  # through a constraint that are followed; what goes yet another is asked set by set
_FEW: Final = 8  # sets that are asked one by one at once
_SAMPLES: Final = 8  # of a way that are asked all the same


def constraints_of(combinations: Combinations, rows: Rows) -> list[tuple[Rows, str | None]]:
    """Return what the strategy's constraint says to parameter sets: None to those that keep it."""
    said: list[tuple[Rows, str | None]] = []
    asked: list[Rows] = []
    left = rows
    for _ in range(_WAYS):
        if left.size <= _FEW:
            break
        alike, kept = _follow(combinations, left)
        if kept:
            said.append((left[alike], None))
        else:  # its words may speak of the values, which differ
            asked.append(left[alike])
        left = left[~alike]
    for some in (*asked, left):
        said += shared(combinations, some, lambda i: _asked(combinations, i))
    return said


def _asked(combinations: Combinations, i: int) -> tuple[str | None, set[str]]:
    reads = Reads(combinations.row(i))
    try:
        bare(combinations.strategy, reads, {}).validate()
    except ConfigError as error:
        return str(error), set(reads.seen)
    return None, set(reads.seen)


def _follow(combinations: Combinations, rows: Rows) -> tuple[NDArray[np.bool_], bool]:
    """Follow the first set's way: tell which sets go the same, and whether it ends without a complaint."""
    values = combinations.row(int(rows[0]))
    way = _Way(values)
    instead = {name: _Weighed(noted.tree, way) for name, noted in noted_parameters(combinations.strategy).items()}
    reads = Reads(values, instead)
    kept = False
    with contextlib.suppress(Unreadable, Exception):  # each set of this way is asked with its own values, which tell
        bare(combinations.strategy, reads, {}).validate()
        kept = True
    alike = way.taken_by(_Columns(combinations, rows), rows.size)
    for name in reads.seen:  # texts and truths, which are read as they are
        alike &= combinations.codes[name][rows] == combinations.codes[name][rows[0]]
    # What a method does with the type of a number is not noted; asked with real ones, it must say the same.
    same = rows[alike]
    samples = same[np.linspace(0, same.size - 1, min(_SAMPLES, same.size)).astype(np.intp)].tolist()
    return alike, kept and all(_asked(combinations, i)[0] is None for i in samples)


class _Way:
    """What one parameter set made a method compute, and which decisions came of it.

    Parameters
    ----------
    values
        The parameters of the set.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values
        self._steps: list[tuple[Tree, bool | None]] = []

    def compute(self, tree: Tree, *, decides: bool = False) -> bool:
        """Compute what is noted, and whether it is true if the method now asks."""
        try:
            value = bound(tree, self._values)[1]
            outcome = bool(value) if decides else None
        except Exception as error:  # what is impossible for one set need not be for the others
            raise Unreadable from error
        self._steps.append((tree, outcome))
        return bool(outcome)

    def type_of(self, tree: Tree) -> type:
        """Return the type of what is noted: other sets' numbers have the same."""
        return type(bound(tree, self._values)[1])

    def taken_by(self, columns: Mapping[str, Any], many: int) -> NDArray[np.bool_]:
        """Tell which of many sets come to the same decisions; the first is the one that was followed."""
        alike = np.ones(many, dtype=np.bool_)
        for tree, outcome in self._steps:
            try:
                found = np.asarray(bound(tree, columns)[1])
                if outcome is not None:
                    alike &= found.astype(np.bool_) == outcome
            except Exception:  # noqa: BLE001 - another set divides by 0, for example: then none is known to be alike
                alike[:] = False
        alike[0] = True
        return alike


class _Weighed(Noted):
    """A parameter, or what is made of it, that knows on the way whether it is true."""

    __slots__ = ("_way",)

    def __init__(self, tree: Tree, way: _Way) -> None:
        super().__init__(tree)
        self._way = way

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        made = _Weighed(super().__array_ufunc__(ufunc, method, *inputs, **options).tree, self._way)
        self._way.compute(made.tree)
        return made

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """The type of the number, for `isinstance`."""
        return self._way.type_of(self.tree)

    def __bool__(self) -> bool:
        return self._way.compute(self.tree, decides=True)


class _Columns(Mapping[str, Any]):
    """Parameters as columns of Python's own numbers, so that they compare as they do one by one."""

    def __init__(self, combinations: Combinations, rows: Rows) -> None:
        self._combinations, self._rows = combinations, rows

    def __getitem__(self, name: str) -> NDArray[Any]:
        values = np.array([*self._combinations.values[name], None], dtype=np.object_)  # None keeps numbers as they are
        chosen: NDArray[Any] = values[self._combinations.codes[name][self._rows]]
        return chosen

    def __iter__(self) -> Iterator[str]:
        return iter(self._combinations.values)

    def __len__(self) -> int:
        return len(self._combinations.values)
