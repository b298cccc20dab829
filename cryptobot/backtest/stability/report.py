"""What `stability` returns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from cryptobot.backtest.stability.neighbours import Neighbourhood
from cryptobot.backtest.statistics.record import Record, Terms
from cryptobot.backtest.words import percent
from cryptobot.core.bars import BarColumns
from cryptobot.strategy.base import Strategy

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


@dataclass(frozen=True, eq=False, repr=False)
class StabilityReport:
    """What became of a result when something else was taken for granted.

    Attributes
    ----------
    strategy, bars, terms
        What was traded, on what, on which terms.
    record, hold
        The books as given, and those of buying and holding.
    costs
        DataFrame of fees, slippages and delays; see `cost_table`.
    dropped
        DataFrame of lost orders; see `dropped_table`.
    break_even_fee
        The fee at which nothing is left; NaN when there is none.
    neighbours
        The parameter sets around it, or None when there is no number to change.
    regimes
        DataFrame: what was earned in each state of the market.
    months
        DataFrame: what was earned in each month.
    """

    strategy: Strategy
    bars: BarColumns
    terms: Terms
    record: Record
    hold: Record
    costs: pd.DataFrame
    dropped: pd.DataFrame
    break_even_fee: float
    neighbours: Neighbourhood | None
    regimes: pd.DataFrame
    months: pd.DataFrame

    def case(self, what: str, value: float) -> float:
        """Return the total return of one case, such as ``case("delay", 1)``; NaN when there is no such case."""
        found = self.costs[(self.costs["what"] == what) & (self.costs["value"] == value)]["total_return"]
        return float(found.iloc[0]) if len(found) else math.nan

    def summary(self) -> str:
        """Say in one sentence what it depends on."""
        name = type(self.strategy).__name__
        if not len(self.record.trips):
            return f"{name} never traded, so that there is nothing to shake."
        broken = self.break_even_fee
        costs = (
            f"is eaten up by a fee of {fee_text(broken)} ({fee_text(float(self.terms.costs.fee))} given)"
            if math.isfinite(broken)
            else "has no fee at which it breaks even"
        )
        late = f"returns {percent(self.case('delay', 1), sign=True)} one bar late"
        gained = int((self.months["total_return"] > 0).sum())
        months = f"gained in {gained:,} of {len(self.months):,} months"
        around = ""
        if self.neighbours is not None and math.isfinite(self.neighbours.kept):
            shape = "on a plateau" if self.neighbours.is_plateau else "on a lone peak"
            around = (
                f" and stands {shape}: {percent(self.neighbours.kept)} of its neighbours keep half of its Sharpe ratio"
            )
        total = percent(self.record.total_return, sign=True)
        return f"{name} ({total}) {costs}, {late}, {months}{around}."

    def plot(self, *, template: Literal["auto", "light", "dark"] = "auto", height: int = 640) -> go.Figure:
        """Draw the return over fee, slippage and lost orders, the neighbours, and the months.

        Parameters
        ----------
        template, height
            As for `BacktestReport.plot`.

        Raises
        ------
        ConfigError
            If the template is unknown, or plotly is not installed.
        """
        from cryptobot.backtest.stability.plot import draw

        return draw(self, template, height)

    def as_dict(self) -> dict[str, Any]:
        """Return sentence and tables for JSON; NaN becomes None."""

        def lines(frame: pd.DataFrame) -> list[dict[str, Any]]:
            kept = frame.astype(object).where(frame.notna(), None)
            return [{str(name): value for name, value in line.items()} for line in kept.to_dict("records")]

        around = self.neighbours
        return {
            "strategy": type(self.strategy).__name__,
            "params": self.strategy.params,
            "summary": self.summary(),
            "break_even_fee": self.break_even_fee if math.isfinite(self.break_even_fee) else None,
            "costs": lines(self.costs),
            "dropped": lines(self.dropped),
            "neighbours": None if around is None else lines(around.table),
            "regimes": lines(self.regimes),
            "months": lines(self.months.reset_index()),
        }

    def __repr__(self) -> str:
        frames = (self.costs, self.dropped, self.regimes, self.months.tail(12))
        shown = [frame.to_string(float_format=lambda value: f"{value:.4g}") for frame in frames]
        return "\n\n".join([self.summary(), *shown])

    def _repr_html_(self) -> str:
        from cryptobot.backtest.stability.html_report import render

        return render(self)


def fee_text(value: float) -> str:
    """Write a fee with three digits."""
    return "–" if math.isnan(value) else f"{100 * value:.3g} %"
