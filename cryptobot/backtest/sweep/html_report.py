"""A sweep as a notebook shows it."""

from __future__ import annotations

import html
import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from cryptobot.backtest.html_parts import STYLE, cards, table, tone_of
from cryptobot.backtest.sweep.figures import FIGURES
from cryptobot.backtest.words import charges, number, percent, stretch

if TYPE_CHECKING:
    from cryptobot.backtest.sweep.report import SweepReport

_BEST: Final = 8
_HEADS: Final = ("Return", "Max drawdown", "Sharpe", "Trades", "Win rate", "Profit factor", "Exposure")


def render(report: SweepReport) -> str:
    """Return the report as HTML: a sentence, cards of figures, how much of the best is luck, and the best sets."""
    details = f"{stretch(report.bars)}, {charges(report.setting.costs)}, {report.seconds:,.2f} s"
    tone = "" if report.complete else " class='down'"
    missing = f"<p{tone}>{html.escape(report.shortfall)}</p>" if report.shortfall else ""
    return (
        f"<div class='cb-bt'><style>{STYLE}</style><h4>{html.escape(report.summary())}</h4>"
        f"<p>{html.escape(details)}</p>{missing}{_cards(report)}{report.luck.html()}{_table(report)}</div>"
    )


def _cards(report: SweepReport) -> str:
    values = report.figures
    returns = values[:, FIGURES.index("total_return")]
    sharpe = values[:, FIGURES.index("sharpe")]
    known = sharpe[np.isfinite(sharpe)]
    best = report.best(1).iloc[0]
    middle = float(np.median(returns))
    return cards(
        [
            ("Combinations", f"{len(report):,}", ""),
            ("Best return", percent(float(best["total_return"]), sign=True), tone_of(float(best["total_return"]))),
            ("Median return", percent(middle, sign=True), tone_of(middle)),
            ("With a gain", percent(float((returns > 0).mean())), ""),
            ("Best Sharpe ratio", number(float(best["sharpe"])), ""),
            ("Median Sharpe ratio", number(float(np.median(known)) if known.size else math.nan), ""),
        ]
    )


def _table(report: SweepReport) -> str:
    shown = report.parameters or list(report.combinations.values)
    rows: list[list[Any]] = []
    for _, row in report.best(min(_BEST, len(report))).iterrows():
        rows.append(
            [
                *(_plain(row[name]) for name in shown),
                (percent(row["total_return"], sign=True), float(row["total_return"])),
                percent(row["max_drawdown"]),
                number(row["sharpe"]),
                f"{int(row['trades']):,}",
                percent(row["win_rate"]),
                number(row["profit_factor"]),
                percent(row["exposure"]),
            ]
        )
    more = (
        f"<p>The best {len(rows)} of {len(report):,} combinations by {report.rank}</p>"
        if len(report) > len(rows)
        else ""
    )
    return table([*shown, *_HEADS], rows) + more


def _plain(value: Any) -> str:
    if isinstance(value, float | np.floating):
        return f"{value:g}"
    return str(value)
