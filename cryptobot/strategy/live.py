"""A strategy stepped bar by bar."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from cryptobot.core.bars import COLUMNS
from cryptobot.core.errors import ConfigError
from cryptobot.core.grid import PriceGrid
from cryptobot.core.types import Bar
from cryptobot.strategy.conditions import Rows
from cryptobot.strategy.decision import Decision
from cryptobot.strategy.feature import Feature

if TYPE_CHECKING:
    from cryptobot.strategy.base import Strategy


class _Node:
    """One feature's kernel with its state and where it reads from."""

    __slots__ = ("arguments", "sources", "state", "step", "waits_for_source")

    def __init__(self, feature: Feature, scale: float, slots: dict[str | Feature, int]) -> None:
        self.state = feature.state()
        self.step: Callable[..., float] = feature.step.step
        self.sources = [slots[source] for source in feature.sources]
        self.arguments = feature.arguments(scale)
        self.waits_for_source = any(isinstance(source, Feature) for source in feature.sources)

    def update(self, values: list[float]) -> float:
        inputs = [values[slot] for slot in self.sources]
        if self.waits_for_source and not all(map(math.isfinite, inputs)):
            return math.nan
        return float(self.step(self.state, *inputs, *self.arguments))


class Stepped:
    """Features stepped bar by bar; one that several read is stepped once.

    Parameters
    ----------
    features
        Which; what they read is stepped, too.
    scale
        Ticks in one unit of price, see `PriceGrid.scale`.

    Attributes
    ----------
    slots
        Where the value of each column and each feature stands in what `update` returns.
    nodes
        The kernels, in the order they are stepped in.
    """

    def __init__(self, features: Iterable[Feature], scale: float) -> None:
        self.slots: dict[str | Feature, int] = {name: slot for slot, name in enumerate(COLUMNS)}
        self.nodes: list[_Node] = []
        for feature in features:
            self._add(feature, scale)

    def _add(self, feature: Feature, scale: float) -> None:
        if feature in self.slots:
            return
        for source in feature.sources:
            if isinstance(source, Feature):
                self._add(source, scale)
        self.nodes.append(_Node(feature, scale, self.slots))
        self.slots[feature] = len(self.slots)

    def update(self, bar: Bar) -> list[float]:
        """Take one closed bar, and return its columns and the values of all features there."""
        values = [bar.open, bar.high, bar.low, bar.close, bar.volume]
        for node in self.nodes:
            values.append(node.update(values))
        return values


class LiveStrategy:
    """Decides one bar after another; made by `Strategy.live`.

    Parameters
    ----------
    strategy
        What to run.
    grid
        The decimal grid of the market's prices.
    """

    def __init__(self, strategy: Strategy, grid: PriceGrid) -> None:
        self.strategy = strategy
        self.grid = grid
        self._stepped = Stepped(strategy.nodes.values(), grid.scale)
        self._slots, self._nodes = self._stepped.slots, self._stepped.nodes
        self._names = {name: self._slots[feature] for name, feature in strategy.nodes.items()}
        # Two rows a column: the previous bar and this one. Conditions see read-only views of it.
        self._rows = np.full((len(self._slots), 2), np.nan)
        view = self._rows.view()
        view.flags.writeable = False
        slots = {**self._names, **{name: self._slots[name] for name in COLUMNS}}
        self._x = Rows({name: view[slot] for name, slot in slots.items()})
        self._bars = 0

    def update(self, bar: Bar) -> Decision:
        """Take one closed bar and decide.

        Raises
        ------
        DataError
            If a price is not on the market's grid.
        StrategyError
            If a condition returns nonsense.
        """
        self.grid.check(bar)
        values = self._stepped.update(bar)
        rows = self._rows
        rows[:, 0] = rows[:, 1]
        rows[:, 1] = values
        self._bars += 1
        buy, sell = self.strategy.decide(self._x, 2)
        features = {name: values[slot] for name, slot in self._names.items()}
        defined = all(map(math.isfinite, features.values()))
        return Decision(bar.time, defined and bool(buy[1]), defined and bool(sell[1]), features)

    def snapshot(self) -> dict[str, Any]:
        """Return the whole state as plain lists; it survives JSON bit for bit."""
        return {
            "strategy": repr(self.strategy),
            "decimals": self.grid.decimals,
            "bars": self._bars,
            "rows": self._rows.tolist(),
            "states": [list(node.state) for node in self._nodes],
        }

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Go on from a snapshot.

        Raises
        ------
        ConfigError
            If the snapshot is of another strategy, other parameters or another price grid, or is damaged; nothing
            is changed then.
        """
        if snapshot.get("strategy") != repr(self.strategy):
            raise ConfigError(
                f"snapshot: it belongs to {snapshot.get('strategy')}, not to {self.strategy!r}. "
                "Restore it into the strategy that made it."
            )
        if snapshot.get("decimals") != self.grid.decimals:
            raise ConfigError(
                f"snapshot: it counts prices with {snapshot.get('decimals')} decimals, this market has "
                f"{self.grid.decimals}. Start without the snapshot and warm up from recent bars."
            )
        rows = np.array(snapshot.get("rows"), dtype=np.float64)
        states = snapshot.get("states", [])
        if rows.shape != self._rows.shape or [len(s) for s in states] != [len(node.state) for node in self._nodes]:
            raise ConfigError(
                f"snapshot: it does not fit {self.strategy!r}: its features have changed, or the snapshot is damaged. "
                "Start without it and warm up from recent bars."
            )
        self._bars = int(snapshot["bars"])
        self._rows[:] = rows
        for node, state in zip(self._nodes, states, strict=True):
            node.state[:] = state
