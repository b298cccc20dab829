"""The Strategy base class: declared parameters, features, and two row-wise conditions."""

from __future__ import annotations

from keyword import iskeyword
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from cryptobot.core.bars import COLUMNS, BarColumns
from cryptobot.core.errors import ConfigError, CryptobotError, StrategyError
from cryptobot.core.grid import PriceGrid
from cryptobot.core.money import Market
from cryptobot.core.suggest import listed
from cryptobot.core.text import figure
from cryptobot.strategy.batch import feature_columns
from cryptobot.strategy.conditions import Column, Mask, Rows, as_mask
from cryptobot.strategy.decision import Decision, Decisions
from cryptobot.strategy.feature import Feature
from cryptobot.strategy.param import Parametrised

if TYPE_CHECKING:
    import pandas as pd

    from cryptobot.strategy.live import LiveStrategy

_FINAL: Final = ("batch", "live", "decide", "nodes", "params", "parameters", "replace")


class Strategy(Parametrised):
    """A trading strategy, defined once for sweep, backtest, paper and live.

    A subclass declares parameters with `param`, returns its `features` (the stateful part) and gives `should_buy` and
    `should_sell` (row by row). The object never changes; ``replace(fast=12)`` makes a changed copy.

    Attributes
    ----------
    name
        The name it is registered under, or the class's name.
    nodes
        The features by name.
    warm_up
        Bars before the first valid row of features.
    memory
        Bars that can influence a decision: what a bot must have seen to agree with an older one.
    """

    name: ClassVar[str] = ""
    _nodes: dict[str, Feature]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name in _FINAL:
            if name in vars(cls):
                raise ConfigError(
                    f"{cls.__name__} redefines `{name}`, which every strategy shares so that batch and live agree. "
                    f"Choose another name; {listed(_FINAL)} are taken."
                )
        cls.name = cls.__name__

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        nodes = self.features()
        if type(nodes) is not dict or not all(isinstance(node, Feature) for node in nodes.values()):
            raise ConfigError(
                f"{type(self).__name__}.features() returned {nodes!r}. Return a dict of features, for example "
                "dict(fast=cb.SMA(self.fast))."
            )
        for name in nodes:
            if not isinstance(name, str) or name in COLUMNS or not name.isidentifier() or iskeyword(name):
                raise ConfigError(
                    f"{type(self).__name__}: a feature cannot be called {name!r}. Use a name of letters, digits and "
                    f"underscores other than {listed(COLUMNS)}."
                )
        object.__setattr__(self, "_nodes", nodes)

    def features(self) -> dict[str, Feature]:
        """Return the named features. Override; the default has none."""
        return {}

    def should_buy(self, x: Any) -> Any:
        """Tell the rows on which to buy. Override.

        Parameters
        ----------
        x
            `Rows`: the features by name and open, high, low, close, volume, each an array with one value a row.

        Returns
        -------
        ndarray
            bool, one value a row.
        """
        raise ConfigError(f"{type(self).__name__} does not define should_buy(self, x): say when to buy.")

    def should_sell(self, x: Any) -> Any:
        """Tell the rows on which to sell. Override. See `should_buy`."""
        raise ConfigError(f"{type(self).__name__} does not define should_sell(self, x): say when to sell.")

    @property
    def nodes(self) -> dict[str, Feature]:
        """The features by name."""
        return dict(self._nodes)

    @property
    def warm_up(self) -> int:
        """Bars before the first row on which every feature has a value."""
        return max((node.total_warm_up for node in self._nodes.values()), default=0)

    @property
    def memory(self) -> int:
        """Bars that can influence a decision, the previous row included."""
        return max((node.total_memory for node in self._nodes.values()), default=1) + 1

    def explain(self, now: Decision, before: Decision | None) -> str:
        """Put what the strategy sees into a sentence or two for people; override for better words.

        Parameters
        ----------
        now
            The decision on the bar that just closed.
        before
            The one on the bar before it, or None on the first bar.
        """
        del before
        undefined = [name for name, value in now.features.items() if not np.isfinite(value)]
        if undefined:
            return f"{', '.join(undefined)} not defined yet: the warm-up takes {self.warm_up} bars."
        values = ", ".join(f"{name} is {figure(value, 6)}" for name, value in now.features.items())
        return f"{values[:1].upper()}{values[1:]}." if values else "The strategy has no features."

    def decide(self, x: Rows, n: int) -> tuple[Mask, Mask]:
        """Evaluate both conditions on n rows and check what they return.

        Raises
        ------
        StrategyError
            If a condition raises, or returns anything but n True/False values.
        """
        what = "should_buy"
        try:
            with np.errstate(all="ignore"):
                buy = as_mask(self.should_buy(x), n, f"{type(self).__name__}.should_buy")
                what = "should_sell"
                sell = as_mask(self.should_sell(x), n, f"{type(self).__name__}.should_sell")
        except CryptobotError:
            raise
        except Exception as error:  # whatever a user's code can raise
            raise StrategyError(
                f"{type(self).__name__}.{what} raised {type(error).__name__}: {error}. A condition computes with whole "
                "columns (use &, | and ~ instead of and, or, not and if) and never changes them."
            ) from error
        return buy, sell

    def batch(self, bars: pd.DataFrame | BarColumns) -> Decisions:
        """Decide every bar of a history at once.

        Row t of the result equals, bit for bit, what `live` answers to bar t.

        Parameters
        ----------
        bars
            UTC DatetimeIndex of open times, float columns open, high, low, close, volume.

        Raises
        ------
        DataError
            If the bars cannot be trusted.
        StrategyError
            If a condition returns nonsense.
        """
        columns = BarColumns.of(bars)
        features: dict[str, Column] = feature_columns(self._nodes, columns)
        # Views of read-only arrays: unlike the arrays themselves, no condition can make them writeable.
        seen = {**features, **{name: getattr(columns, name) for name in COLUMNS}}
        x = Rows({name: values.view() for name, values in seen.items()})
        buy, sell = self.decide(x, len(columns))
        defined = np.ones(len(columns), dtype=bool)
        for values in features.values():
            defined &= np.isfinite(values)
        return Decisions(columns.time, buy & defined, sell & defined, features)

    def live(self, prices: PriceGrid | Market | pd.DataFrame | BarColumns | None) -> LiveStrategy:
        """Start deciding bar by bar.

        Parameters
        ----------
        prices
            What tells the decimal grid that the prices will lie on: a market by its tick, bars by their prices, or the
            grid itself. None is for prices on no grid, whose sums are then rounded as `batch` rounds such prices only.
        """
        from cryptobot.strategy.live import LiveStrategy

        if isinstance(prices, Market):
            grid = PriceGrid.of_tick(prices.tick_size)
        elif prices is None or isinstance(prices, PriceGrid):
            grid = prices or PriceGrid(None)
        else:
            grid = BarColumns.of(prices).grid
        return LiveStrategy(self, grid)
