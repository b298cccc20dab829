"""What `cross_validate` returns."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from cryptobot.backtest.decimate import extremes
from cryptobot.backtest.html_parts import STYLE, Row, table
from cryptobot.backtest.statistics.luck import Luck
from cryptobot.backtest.statistics.record import Terms
from cryptobot.backtest.themes import load_plotly, page, theme_of, times_of
from cryptobot.backtest.walk_forward.folds import Folds
from cryptobot.backtest.words import number, percent
from cryptobot.core.bars import BarColumns
from cryptobot.core.text import count
from cryptobot.strategy.base import Strategy

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


@dataclass(frozen=True, eq=False, repr=False)
class CrossValidationReport:
    """The result of a combinatorial purged cross-validation.

    Attributes
    ----------
    strategy
        The class whose parameters were chosen.
    bars
        The whole history.
    terms
        Cash, costs and market.
    layout
        Groups, splits and paths; see `Folds`.
    splits
        DataFrame, a split a row: the ``tested`` groups, the winner's parameters, its ``train_sharpe`` and
        ``test_sharpe``, and the ``median_sharpe`` of all parameter sets in the test.
    paths
        DataFrame, a path through the history a row, all out of sample: ``total_return``, ``sharpe``, ``max_drawdown``.
        Handing over from one winner to the next at a group's edge costs nothing here.
    path_returns
        float64, shape (paths, n): returns per bar of each path.
    luck
        What may be luck in the best of the whole history; see `Luck`.
    seconds
        How long it took.
    """

    strategy: type[Strategy]
    bars: BarColumns
    terms: Terms
    layout: Folds
    splits: pd.DataFrame
    paths: pd.DataFrame
    path_returns: NDArray[np.float64]
    luck: Luck
    seconds: float

    @property
    def verdict(self) -> str:
        """What may be luck in the best of the whole history, in one honest sentence."""
        return self.luck.sentence

    def summary(self) -> str:
        """Say in one sentence what came of it."""
        sharpe = self.paths["sharpe"].to_numpy(dtype=np.float64)
        known = sharpe[np.isfinite(sharpe)]
        name = self.strategy.__name__
        tested = f"{count(len(self.splits), 'split')} and {count(len(self.paths), 'path')} out of sample"
        if known.size == 0:
            return f"{name} never traded in {tested}."
        gained = int((self.paths["total_return"] > 0).sum())
        above = float((self.splits["test_sharpe"] > self.splits["median_sharpe"]).mean())
        return (
            f"In {tested}, {name} had a median Sharpe ratio of {number(float(np.median(known)))} "
            f"({number(float(known.min()))} to {number(float(known.max()))}), gained in {gained:,} of "
            f"{count(len(self.paths), 'path')}, and its winners were above the median in {percent(above)} of the splits."
        )

    def plot(self, *, template: Literal["auto", "light", "dark"] = "auto", height: int = 480) -> go.Figure:
        """Draw the equity of every path.

        Parameters
        ----------
        template, height
            As for `BacktestReport.plot`.
        """
        theme = theme_of(template)
        graph = load_plotly()
        figure = graph.Figure()
        # Paths are equals: one colour, thin enough that where they agree is seen.
        points = max(200, 12_000 // len(self.path_returns))
        for path, returns in enumerate(self.path_returns, start=1):
            equity = float(self.terms.cash) * np.cumprod(1.0 + returns)
            rows = extremes(equity, points)
            figure.add_trace(
                graph.Scatter(
                    x=times_of(self.bars.time[rows]),
                    y=equity[rows],
                    mode="lines",
                    name=f"Path {path}",
                    line={"color": theme.equity, "width": 1},
                    opacity=max(0.25, min(0.8, 4 / len(self.path_returns))),
                    hovertemplate="%{y:,.2f}",
                    showlegend=False,
                )
            )
        for group in range(1, self.layout.groups):
            row = self.layout.rows_of(group).start
            figure.add_vline(
                x=int(self.bars.time[row]) // 1_000_000,
                line={"color": theme.grid, "width": 1, "dash": "dot"},
                layer="below",
            )
        title = (
            f"<b>{html.escape(self.strategy.__name__)}</b> {count(len(self.paths), 'path')} out of sample"
            f"<br><sup>{count(len(self.splits), 'split')} of {self.layout.groups} groups</sup>"
        )
        axis = page(figure, theme, template, title, height)
        figure.update_layout(
            xaxis={**axis, "type": "date", "hoverformat": "%Y-%m-%d %H:%M"},
            yaxis={**axis, "side": "right", "title": "Equity"},
        )
        return figure

    def as_dict(self) -> dict[str, Any]:
        """Return sentences and tables for JSON; NaN becomes None."""

        def lines(frame: pd.DataFrame) -> list[dict[str, Any]]:
            kept = frame.astype(object).where(frame.notna(), None)
            return [{str(name): value for name, value in line.items()} for line in kept.to_dict("records")]

        return {
            "strategy": self.strategy.__name__,
            "summary": self.summary(),
            "verdict": self.verdict,
            "luck": self.luck.as_dict(),
            "paths": lines(self.paths),
            "splits": lines(self.splits),
        }

    def __repr__(self) -> str:
        shown = self.paths.to_string(float_format=lambda value: f"{value:.4g}", max_rows=12)
        return f"{self.summary()}\n{self.verdict}\n{shown}"

    def _repr_html_(self) -> str:
        rows: list[Row] = [
            [
                f"Path {path}",
                (percent(line["total_return"], sign=True), line["total_return"]),
                number(line["sharpe"]),
                percent(line["max_drawdown"]),
            ]
            for path, line in self.paths.head(12).iterrows()
        ]
        more = f"<p>The first {len(rows)} of {len(self.paths):,} paths</p>" if len(self.paths) > len(rows) else ""
        return (
            f"<div class='cb-bt'><style>{STYLE}</style><h4>{html.escape(self.summary())}</h4>{self.luck.html()}"
            f"{table(['Out of sample', 'Return', 'Sharpe', 'Max drawdown'], rows)}{more}</div>"
        )
