"""What `walk_forward` returns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from cryptobot.backtest.statistics.luck import Luck
from cryptobot.backtest.statistics.record import Record, Terms
from cryptobot.backtest.stats import Stats, drawdown
from cryptobot.backtest.words import charges, duration, number, percent, stretch
from cryptobot.core.bars import BarColumns
from cryptobot.core.text import count
from cryptobot.strategy.base import Strategy

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


@dataclass(frozen=True, eq=False, repr=False)
class WalkForwardReport:
    """The result of a walk-forward.

    Attributes
    ----------
    strategy
        The class whose parameters were chosen.
    bars
        Those out of sample, from the first test to the last.
    terms
        Cash, costs and market.
    rank
        The figure that decided in training.
    anchored
        Whether every training began with the first bar.
    windows
        DataFrame, a window a row, from 1: ``train_from`` ``train_to`` ``test_from`` ``test_to`` (open times of the
        first and the last bar), ``train_bars`` ``test_bars`` ``missing`` (bars that holes took away), the winner's
        parameters, its ``train_return`` ``train_sharpe`` ``train_skill`` (deflated Sharpe ratio) and ``overfitting``
        (PBO of the training), then what the winner did in the test, begun afresh with all the cash: ``test_return``
        ``test_sharpe`` ``test_drawdown`` ``test_trades``, and ``buy_and_hold`` there. It equals
        ``cb.backtest(report.chosen[0], bars[:test_to], start=test_from)``.
    chosen
        The winning strategy of each window; None where no parameter set traded in training: then nobody trades.
    skipped
        In words, windows that a hole in the data left without enough bars.
    asked
        Windows in the history; more than there are in ``windows`` when the run was interrupted.
    stats
        The figures out of sample; see `Stats`.
    trades
        DataFrame of the trades out of sample, one round trip a row.
    record, hold
        The exact books of the stitched trading, and of buying and holding.
    luck
        What protects from believing in luck; see `Luck`.
    starts
        int64: rows of ``bars`` at which a winner takes over.
    seconds
        How long it took.
    run_id
        Under which `cryptobot.runs` shows it; None when it was not recorded.
    """

    strategy: type[Strategy]
    bars: BarColumns
    terms: Terms
    rank: str
    anchored: bool
    windows: pd.DataFrame
    chosen: tuple[Strategy | None, ...]
    skipped: tuple[str, ...]
    asked: int
    stats: Stats
    trades: pd.DataFrame
    record: Record
    hold: Record
    luck: Luck
    starts: NDArray[np.int64]
    seconds: float
    run_id: str | None = None

    @property
    def complete(self) -> bool:
        """Whether every window was finished."""
        return len(self.windows) == self.asked

    @cached_property
    def equity(self) -> pd.Series[float]:
        """Equity out of sample, stitched: each winner decides until the next takes over, and a position is handed on."""
        return self._series(self.record.equity, "equity")

    @cached_property
    def drawdown(self) -> pd.Series[float]:
        """How far the equity is below its highest value so far, a fraction: 0 or negative."""
        return self._series(drawdown(self.record.equity), "drawdown")

    @cached_property
    def buy_and_hold(self) -> pd.Series[float]:
        """Equity of buying at the first chance and never selling, at the same costs."""
        return self._series(self.hold.equity, "buy_and_hold")

    def _series(self, values: NDArray[np.float64], name: str) -> pd.Series[float]:
        import pandas as pd

        index = pd.DatetimeIndex(self.bars.time.view("M8[ns]"), tz="UTC", name="time")
        return pd.Series(np.array(values), index=index, name=name)

    @property
    def latest(self) -> Strategy | None:
        """The last winner: what this procedure would trade now."""
        return self.chosen[-1]

    @property
    def varied(self) -> list[str]:
        """The parameters that differ between winners."""
        chosen = [None if one is None else one.params for one in self.chosen]
        names = list(self.strategy.parameters())
        return [name for name in names if len({None if one is None else one[name] for one in chosen}) > 1]

    @property
    def efficiency(self) -> float:
        """Growth per bar out of sample / growth per bar that training promised (Pardo's walk-forward efficiency).

        About 1 when tests keep what trainings promise; NaN when they promised nothing.
        """
        table = self.windows
        promised = float(np.log1p(table["train_return"].fillna(0.0)).sum()) / float(table["train_bars"].sum())
        kept = float(np.log1p(table["test_return"]).sum()) / float(table["test_bars"].sum())
        return kept / promised if promised > 0 else math.nan

    @property
    def verdict(self) -> str:
        """What may be luck in it, in one honest sentence."""
        return self.luck.sentence

    def summary(self) -> str:
        """Say in one sentence what came of it."""
        stats, many = self.stats, len(self.windows)
        seconds = (int(self.bars.time[-1]) - int(self.bars.time[0])) / 1e9 + self.bars.timeframe.seconds
        whole = "" if self.complete else f" (interrupted: {self.asked:,} were asked for)"
        gained = int((self.windows["test_return"] > 0).sum())
        return (
            f"Chosen anew in {count(many, 'window')}{whole}, {self.strategy.__name__} returned "
            f"{percent(stats.total_return, sign=True)} out of sample in {duration(seconds)}, with a Sharpe ratio of "
            f"{number(stats.sharpe)} and a gain in {gained:,} of {count(many, 'window')}; buying and holding returned "
            f"{percent(stats.buy_and_hold, sign=True)}."
        )

    def plot(self, *, template: Literal["auto", "light", "dark"] = "auto", height: int = 640) -> go.Figure:
        """Draw the stitched equity against buy-and-hold, the drawdown, and training against test for every window.

        Parameters
        ----------
        template, height
            As for `BacktestReport.plot`.

        Raises
        ------
        ConfigError
            If the template is unknown, or plotly is not installed.
        """
        from cryptobot.backtest.walk_forward.plot import draw

        return draw(self, template, height)

    def as_dict(self) -> dict[str, Any]:
        """Return everything but the series for JSON: times as texts, NaN and infinity as None."""
        lines = self.windows.to_dict("records")
        rows = [{str(name): _plain(value) for name, value in line.items()} for line in lines]
        latest = self.latest
        return {
            "strategy": self.strategy.__name__,
            "summary": self.summary(),
            "verdict": self.verdict,
            "complete": self.complete,
            "stats": self.stats.as_dict(),
            "efficiency": _plain(self.efficiency),
            "luck": self.luck.as_dict(),
            "latest": None if latest is None else latest.params,
            "windows": rows,
            "skipped": list(self.skipped),
        }

    def __repr__(self) -> str:
        columns = ["test_from", "test_to", *self.varied, "train_return", "test_return", "test_sharpe", "test_trades"]
        shown = self.windows[columns].tail(10).to_string(float_format=lambda value: f"{value:.4g}")
        more = f"the last 10 of {len(self.windows):,} windows\n" if len(self.windows) > 10 else ""
        notes = "".join(f"\nLeft out: {text}." for text in self.skipped)
        return (
            f"{self.summary()}\n{self.verdict}\nout of sample on {stretch(self.bars)}, {charges(self.terms.costs)}, chosen by "
            f"{self.rank}\n{more}{shown}{notes}"
        )

    def _repr_html_(self) -> str:
        from cryptobot.backtest.walk_forward.html_report import render

        return render(self)


def _plain(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value
