"""What `sweep` returns for the bars of several symbols."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from cryptobot.backtest.html_parts import STYLE, Row, table
from cryptobot.backtest.sweep.report import SweepReport
from cryptobot.backtest.words import number, percent
from cryptobot.core.errors import ConfigError
from cryptobot.core.suggest import closest, listed
from cryptobot.core.text import count
from cryptobot.strategy.base import Strategy

if TYPE_CHECKING:
    import pandas as pd

    from cryptobot.backtest.statistics.luck import Luck


@dataclass(frozen=True, eq=False, repr=False)
class SymbolSweeps(Mapping[str, SweepReport]):
    """The results of a sweep over several symbols, by symbol: ``sweeps["BTC/USDT"]`` is a `SweepReport`.

    Attributes
    ----------
    reports
        Of every symbol on which something is done, in the order given.
    missing
        Symbols on which nothing was done before the sweep was interrupted.
    seconds
        How long all of it took.
    """

    reports: dict[str, SweepReport]
    missing: tuple[str, ...]
    seconds: float

    def __getitem__(self, symbol: str) -> SweepReport:
        if symbol not in self.reports:
            why = " It was not reached before the sweep was interrupted." if symbol in self.missing else ""
            raise KeyError(
                f"{symbol!r} has no results.{why or closest(str(symbol), self.reports)} There are {listed(self.reports)}."
            )
        return self.reports[symbol]

    def __contains__(self, symbol: object) -> bool:
        return symbol in self.reports

    def __iter__(self) -> Iterator[str]:
        return iter(self.reports)

    def __len__(self) -> int:
        return len(self.reports)

    @property
    def _any(self) -> SweepReport:
        return next(iter(self.reports.values()))

    @property
    def strategy(self) -> type[Strategy]:
        """The class that was swept."""
        return self._any.strategy

    @property
    def rank(self) -> str:
        """The figure that decides what is best."""
        return self._any.rank

    @property
    def complete(self) -> bool:
        """False when the sweep was interrupted: then the table holds what was done until then."""
        return not self.missing and all(report.complete for report in self.reports.values())

    @cached_property
    def table(self) -> pd.DataFrame:
        """One parameter set on one symbol a row; the index holds the symbol and the row of its own table."""
        import pandas as pd

        return pd.concat({symbol: report.table for symbol, report in self.reports.items()}, names=["symbol", "row"])

    def best(self, n: int = 1) -> pd.DataFrame:
        """Return the n best rows of all symbols by `rank`, best first; of equals, the one given first."""
        if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
            raise ConfigError(f"best: n is {n!r}. Give a whole number of at least 1.")
        values = self.table[self.rank].to_numpy(dtype=np.float64)
        return self.table.iloc[np.argsort(-values, kind="stable")[:n]]  # NaN sorts last

    @property
    def best_symbol(self) -> str:
        """The symbol that the best row is of."""
        return str(self.best(1).index[0][0])

    @property
    def best_strategy(self) -> Strategy:
        """The strategy of the best row, to backtest or trade it on `best_symbol`."""
        symbol, row = self.best(1).index[0]
        return self.reports[symbol].strategy_of(int(row))

    @cached_property
    def luck(self) -> Luck:
        """How much of the best is luck, where it was picked from the trials on all symbols."""
        from cryptobot.backtest.statistics.luck import Luck, trial_spread
        from cryptobot.backtest.statistics.overfitting import overfitting_probability
        from cryptobot.backtest.statistics.record import Record, Terms

        symbol, row = self.best(1).index[0]
        best = self.reports[symbol]
        trials, spread = 0, 0.0
        for report in self.reports.values():
            its_trials, variance = trial_spread(report)
            trials += its_trials
            # Variances per bar, of bars as long as those of the best.
            spread += its_trials * variance * report.bars.timeframe.bars_per_year / best.bars.timeframe.bars_per_year
        setting = best.setting
        return Luck.of_record(
            Record.of(best.strategy_of(int(row)), best.bars, Terms(setting.cash, setting.costs, setting.market)),
            trials=trials,
            variance=spread / trials,
            out_of_sample=False,
            overfitting=overfitting_probability(best.moments),
        )

    @property
    def shortfall(self) -> str:
        """What is missing from the whole, in words; empty when nothing is."""
        parts = [f"{symbol}: {report.shortfall}" for symbol, report in self.reports.items() if report.shortfall]
        if self.missing:
            parts.append(f"The sweep was interrupted before {listed(self.missing)}.")
        return " ".join(parts)

    def summary(self) -> str:
        """Say in one sentence what came of it."""
        tried = f"{count(len(self.table), 'result')} of {self.strategy.__name__} on {count(len(self), 'symbol')}"
        best = self.best(1)
        symbol, row = self.best_symbol, best.iloc[0]
        if not row["trades"] and np.isnan(row["sharpe"]):
            return f"None of {tried} ever traded."
        return (
            f"The best of {tried} by {self.rank} is on {symbol}: it returned {percent(row['total_return'], sign=True)} "
            f"with {count(int(row['trades']), 'trade')} and a Sharpe ratio of {number(row['sharpe'])}."
        )

    def __repr__(self) -> str:
        shown = self.best(min(5, len(self.table))).to_string()
        return f"{self.summary()}\n{shown}" + (f"\n{self.shortfall}" if self.shortfall else "")

    def _repr_html_(self) -> str:
        rows: list[Row] = []
        for symbol, report in self.reports.items():
            best = report.best(1).iloc[0]
            given = ", ".join(f"{name}={best[name]}" for name in report.parameters)
            gain = float((report.table["total_return"] > 0).mean())
            rows.append(
                [
                    symbol,
                    f"{len(report):,}",
                    percent(gain),
                    given or "–",
                    (percent(best["total_return"], sign=True), float(best["total_return"])),
                    percent(best["max_drawdown"]),
                    number(best["sharpe"]),
                    f"{int(best['trades']):,}",
                ]
            )
        heads = ["Symbol", "Sets", "With a gain", "Best set", "Return", "Max drawdown", "Sharpe", "Trades"]
        tone = "" if self.complete else " class='down'"
        missing = f"<p{tone}>{html.escape(self.shortfall)}</p>" if self.shortfall else ""
        return (
            f"<div class='cb-bt'><style>{STYLE}</style><h4>{html.escape(self.summary())}</h4>{missing}"
            f"{self.luck.html()}{table(heads, rows)}</div>"
        )
