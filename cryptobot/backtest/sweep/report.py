"""What `sweep` returns."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from cryptobot.backtest.sweep.combinations import Combinations
from cryptobot.backtest.sweep.figures import FIGURES
from cryptobot.backtest.sweep.setting import Setting
from cryptobot.backtest.words import charges, number, percent, stretch
from cryptobot.core.bars import BarColumns
from cryptobot.core.errors import ConfigError
from cryptobot.core.suggest import closest, listed
from cryptobot.core.text import count
from cryptobot.strategy.base import Strategy

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from cryptobot.backtest.statistics.luck import Luck


@dataclass(frozen=True, eq=False, repr=False)
class SweepReport:
    """The result of a sweep.

    Attributes
    ----------
    strategy
        The class that was swept.
    bars
        On what.
    combinations
        The parameter sets of the table's rows.
    setting
        Money, costs and market.
    rank
        The figure that decides what is best: more of it is better.
    asked
        How many parameter sets were asked for, those that break a constraint included.
    whole, broken
        All the parameter sets that were asked for, and which of them break a constraint of the strategy, with what it
        says.
    complete
        False when the sweep was interrupted: then the table holds what was done until then.
    seconds
        How long it took.
    run_id
        Under which `cryptobot.runs` shows it; None when it was not recorded.
    """

    strategy: type[Strategy]
    bars: BarColumns
    combinations: Combinations
    setting: Setting
    rank: str
    asked: int
    whole: Combinations
    broken: list[tuple[NDArray[np.intp], str]]
    complete: bool
    seconds: float
    figures: NDArray[np.float64]
    block_sums: NDArray[np.float64]
    run_id: str | None = None

    def __len__(self) -> int:
        return len(self.figures)

    @cached_property
    def table(self) -> pd.DataFrame:
        """One parameter set a row, in the order given.

        The declared parameters, then ``total_return``, ``max_drawdown``, ``sharpe``, ``trades`` (closed ones),
        ``win_rate``, ``profit_factor`` and ``exposure``, as in the ``stats`` of `backtest`.
        """
        import pandas as pd

        columns: dict[str, Any] = {name: self.combinations.column(name) for name in self.combinations.names}
        for i, name in enumerate(FIGURES):
            values = self.figures[:, i]
            columns[name] = values.astype(np.int64) if name == "trades" else values
        return pd.DataFrame(columns)

    @cached_property
    def skipped(self) -> pd.DataFrame:
        """The parameter sets that break a constraint of the strategy, each with the ``reason``."""
        import pandas as pd

        rows = np.concatenate([rows for rows, _ in self.broken] or [np.zeros(0, dtype=np.intp)])
        reasons = np.repeat([reason for _, reason in self.broken], [rows.size for rows, _ in self.broken])
        order = np.argsort(rows, kind="stable")
        left = self.whole.take(rows[order])
        columns: dict[str, Any] = {name: left.column(name) for name in left.names}
        return pd.DataFrame({**columns, "reason": reasons[order].astype(np.object_)})

    @property
    def parameters(self) -> list[str]:
        """The names of the parameters that differ between rows."""
        combinations = self.combinations
        return [name for name, codes in combinations.codes.items() if codes.size and (codes != codes[0]).any()]

    @cached_property
    def trials(self) -> int:
        """How many different parameter sets were tried: what the luck of the best has to be measured against."""
        if not self.combinations.codes:
            return len(self)
        return len(np.unique(np.stack(list(self.combinations.codes.values())), axis=1).T)

    @cached_property
    def moments(self) -> NDArray[np.float64]:
        """Sums over each contiguous block of bars: float64, shape (rows, blocks, 3).

        Bars, Σ r and Σ r² of the returns of the equity per bar: enough for means, deviations and Sharpe ratios of
        any union of blocks.
        """
        bars = np.broadcast_to(np.diff(self.setting.edges).astype(np.float64), self.block_sums.shape[:2])
        return np.concatenate([bars[..., None], self.block_sums], axis=2)

    def ranking(self) -> NDArray[np.intp]:
        """Return the rows of the table, best first; rows whose figure is not defined come last."""
        values = self.figures[:, FIGURES.index(self.rank)]
        return np.argsort(-values, kind="stable")  # NaN sorts last

    def best(self, n: int = 1) -> pd.DataFrame:
        """Return the n best rows by `rank`, best first; of equals, the one given first.

        The index keeps the row numbers of `table`.
        """
        if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
            raise ConfigError(f"best: n is {n!r}. Give a whole number of at least 1.")
        return self.table.iloc[self.ranking()[:n]]

    def strategy_of(self, row: int) -> Strategy:
        """Return the strategy of a row of the table, to backtest or trade it."""
        if not -len(self) <= row < len(self):
            raise ConfigError(f"row {row}: the table has the rows 0 to {len(self) - 1}.")
        return self.strategy(**self.combinations.row(row))

    @property
    def best_strategy(self) -> Strategy:
        """The best by `rank`, to backtest or trade it."""
        return self.strategy_of(int(self.ranking()[0]))

    @cached_property
    def luck(self) -> Luck:
        """How much of the best is luck: deflated Sharpe ratio, overfitting, intervals, and one sentence."""
        from cryptobot.backtest.statistics.luck import Luck

        return Luck.of(self)

    def heatmap(
        self,
        x: str,
        y: str,
        value: str | None = None,
        *,
        others: Literal["median", "best", "worst"] = "median",
        template: Literal["auto", "light", "dark"] = "auto",
        height: int = 480,
    ) -> go.Figure:
        """Draw a figure over two parameters: a plateau can be trusted more than a peak.

        Parameters
        ----------
        x, y
            Two parameters that differ between rows.
        value
            A column of the table; the default is `rank`.
        others
            What to show of sets that differ in other parameters only.
        template
            ``"auto"`` reads on light and dark pages alike; ``"light"`` and ``"dark"`` bring their own background.
        height
            In pixels.

        Raises
        ------
        ConfigError
            If a name is unknown, or plotly is not installed.
        """
        from cryptobot.backtest.sweep.plot import draw_heatmap

        return draw_heatmap(self, x, y, figure_named(value or self.rank, "value"), others, template, height)

    def plot(
        self,
        value: str | None = None,
        *,
        template: Literal["auto", "light", "dark"] = "auto",
        height: int = 420,
    ) -> go.Figure:
        """Draw how a figure is spread over all sets, and how it depends on each parameter.

        Parameters
        ----------
        value
            A column of the table; the default is `rank`.
        template, height
            As for `heatmap`.

        Raises
        ------
        ConfigError
            If a name is unknown, or plotly is not installed.
        """
        from cryptobot.backtest.sweep.plot import draw

        return draw(self, figure_named(value or self.rank, "value"), template, height)

    @property
    def shortfall(self) -> str:
        """What is missing from the whole, in words; empty when nothing is."""
        parts = []
        if not self.complete:
            wanted = self.asked - len(self.skipped)
            parts.append(f"The sweep was interrupted: {len(self):,} of {count(wanted, 'combination')} are done")
        if len(self.skipped):
            breaks = "breaks a constraint and was" if len(self.skipped) == 1 else "break a constraint and were"
            parts.append(f"{count(len(self.skipped), 'combination')} {breaks} skipped: `.skipped` names them")
        return "".join(f"{part}. " for part in parts).strip()

    def summary(self) -> str:
        """Say in one sentence what came of it."""
        row = self.best(1).iloc[0]
        tried = f"{count(len(self), 'combination')} of {self.strategy.__name__}"
        if not row["trades"] and np.isnan(row["sharpe"]):
            return f"None of {tried} ever traded."
        best = f"the best of {tried} by {self.rank}" if len(self) > 1 else f"{self.strategy.__name__}"
        said = (
            f"{best} returned {percent(row['total_return'], sign=True)} with {count(int(row['trades']), 'trade')} and a "
            f"Sharpe ratio of {number(row['sharpe'])}."
        )
        return said[:1].upper() + said[1:]

    def __repr__(self) -> str:
        head = f"{self.summary()}\non {stretch(self.bars)}, {charges(self.setting.costs)}"
        return f"{head}\n{self.best(min(5, len(self))).to_string()}" + (f"\n{self.shortfall}" if self.shortfall else "")

    def _repr_html_(self) -> str:
        from cryptobot.backtest.sweep.html_report import render

        return render(self)


def figure_named(name: Any, what: str) -> str:
    """Check the name of a figure.

    Raises
    ------
    ConfigError
        If the table has no such column of figures.
    """
    if name not in FIGURES:
        raise ConfigError(f"{what}: {name!r} is no figure.{closest(str(name), FIGURES)} Allowed: {listed(FIGURES)}.")
    return str(name)
