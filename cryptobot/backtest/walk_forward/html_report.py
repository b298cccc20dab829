"""A walk-forward as a notebook shows it."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any, Final

from cryptobot.backtest.html_parts import STYLE, Row, cards, curves, table, tone_of
from cryptobot.backtest.statistics.luck import OVERFITTING
from cryptobot.backtest.words import charges, number, percent, stretch

if TYPE_CHECKING:
    from cryptobot.backtest.walk_forward.report import WalkForwardReport

_LAST_WINDOWS: Final = 12


def render(report: WalkForwardReport) -> str:
    """Return the report as HTML: a sentence, figures, the stitched equity, what may be luck, and the windows."""
    details = (
        f"Out of sample on {stretch(report.bars)}, {charges(report.terms.costs)}, training "
        f"{'from the first bar on' if report.anchored else 'on the latest stretch'}, chosen by {report.rank}"
    )
    notes = "".join(f"<p>Left out: {html.escape(text)}.</p>" for text in report.skipped)
    drawn = curves(
        [("Buy and hold", report.hold.equity, "soft"), ("Out of sample", report.record.equity, "line")],
        float(report.terms.cash),
        "Equity out of sample against buy and hold",
    )
    return (
        f"<div class='cb-bt'><style>{STYLE}</style><h4>{html.escape(report.summary())}</h4>"
        f"<p>{html.escape(details)}</p>{_cards(report)}{drawn}{report.luck.html()}{_windows(report)}{notes}</div>"
    )


def _cards(report: WalkForwardReport) -> str:
    stats = report.stats
    overfitted = float(report.windows["overfitting"].mean())
    open_trade = " + 1 open" if stats.open_trades else ""
    return cards(
        [
            ("Total return", percent(stats.total_return, sign=True), tone_of(stats.total_return)),
            ("Buy and hold", percent(stats.buy_and_hold, sign=True), tone_of(stats.buy_and_hold)),
            ("Max drawdown", percent(stats.max_drawdown), tone_of(stats.max_drawdown)),
            ("Sharpe ratio", number(stats.sharpe), ""),
            (f"Trades{open_trade}", f"{stats.trades:,}", ""),
            ("Kept of the promise", percent(report.efficiency), ""),
            ("Overfitting in training", percent(overfitted), "down" if overfitted > OVERFITTING else ""),
        ]
    )


def _windows(report: WalkForwardReport) -> str:
    names = report.varied
    heads = ["Test from (UTC)", "to", *names, "Training", "Test", "Buy and hold", "Sharpe", "Trades"]
    lines = report.windows.tail(_LAST_WINDOWS).iloc[::-1].to_dict("records")
    rows = [_line({str(name): value for name, value in line.items()}, names) for line in lines]
    many = len(report.windows)
    more = f"<p>The last {len(rows)} of {many:,} windows, newest first</p>" if many > len(rows) else ""
    return table(heads, rows) + more


def _line(row: dict[str, Any], names: list[str]) -> Row:
    returns = (float(row[name]) for name in ("train_return", "test_return", "buy_and_hold"))
    return [
        f"{row['test_from']:%Y-%m-%d %H:%M}",
        f"{row['test_to']:%Y-%m-%d %H:%M}",
        *(_value(row[name]) for name in names),
        *((percent(value, sign=True), value) for value in returns),
        number(row["test_sharpe"]),
        f"{row['test_trades']:,}",
    ]


def _value(value: object) -> str:
    if value is None or value != value:  # noqa: PLR0124 - NaN: nothing was chosen
        return "–"
    return f"{value:,.6g}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
