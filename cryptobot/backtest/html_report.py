"""A report as a notebook shows it."""

from __future__ import annotations

import html
import math
from typing import TYPE_CHECKING, Final

from cryptobot.backtest.html_parts import STYLE, cards, curves, tone_of
from cryptobot.backtest.words import amount, charges, number, percent, stretch

if TYPE_CHECKING:
    from cryptobot.backtest.report import BacktestReport

_LAST_TRADES: Final = 5


def render(report: BacktestReport) -> str:
    """Return the report as HTML: a sentence, cards of figures, the equity curve and the last trades."""
    details = f"{report.strategy!r} on {stretch(report.bars)}, {charges(report.costs)}"
    return (
        f"<div class='cb-bt'><style>{STYLE}</style><h4>{html.escape(report.summary())}</h4>"
        f"<p>{html.escape(details)}</p>{_cards(report)}{_curve(report)}{_table(report)}</div>"
    )


def _cards(report: BacktestReport) -> str:
    stats = report.stats
    quote = f", {report.quote}" if report.quote else ""
    money = float(report.cash)
    open_trade = " + 1 open" if stats.open_trades else ""
    figures = [
        ("Total return", percent(stats.total_return, sign=True), tone_of(stats.total_return)),
        ("Buy and hold", percent(stats.buy_and_hold, sign=True), tone_of(stats.buy_and_hold)),
        ("Max drawdown", percent(stats.max_drawdown), tone_of(stats.max_drawdown)),
        ("Sharpe ratio", number(stats.sharpe), ""),
        (f"Trades{open_trade}", f"{stats.trades:,}", ""),
        ("Win rate", percent(stats.win_rate), ""),
        ("Profit factor", number(stats.profit_factor), ""),
        ("Time in the market", percent(stats.exposure), ""),
        (f"Fees paid{quote}", amount(stats.fees_paid, money), ""),
        (f"Final equity{quote}", amount(stats.final_equity, money), ""),
    ]
    if stats.refused:
        figures.append(("Orders refused", f"{stats.refused:,}", "down"))
    return cards(figures)


def _curve(report: BacktestReport) -> str:
    return curves(
        [("Buy and hold", report.buy_and_hold_values, "soft"), ("Equity", report.equity_values, "line")],
        float(report.cash),
        "Equity against buy and hold",
    )


def _table(report: BacktestReport) -> str:
    if report.trades.empty:
        return ""
    rows = []
    money = float(report.cash)
    for trade in report.trades.tail(_LAST_TRADES).iloc[::-1].to_dict("records"):
        is_open = trade["status"] == "open"
        tone = tone_of(trade["pnl"])
        rows.append(
            f"<tr><td>{trade['entry_time']:%Y-%m-%d %H:%M}</td><td>{amount(trade['entry_price'])}</td>"
            f"<td>{'open' if is_open else format(trade['exit_time'], '%Y-%m-%d %H:%M')}</td>"
            f"<td>{'–' if math.isnan(trade['exit_price']) else amount(trade['exit_price'])}</td>"
            f"<td>{amount(trade['quantity'])}</td><td>{amount(trade['fees'], money)}</td>"
            f"<td class='{tone}'>{amount(trade['pnl'], money)}</td>"
            f"<td class='{tone}'>{percent(trade['return'], sign=True)}</td></tr>"
        )
    heads = "".join(
        f"<th>{name}</th>"
        for name in ("Bought (UTC)", "Price", "Sold (UTC)", "Price", "Quantity", "Fees", "Profit", "Return")
    )
    count = len(report.trades)
    more = f"<p>The last {len(rows)} of {count:,} trades, newest first</p>" if count > len(rows) else ""
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>{more}"
