"""A report as a notebook shows it."""

from __future__ import annotations

import html
import math
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from cryptobot.backtest.decimate import extremes
from cryptobot.backtest.words import amount, number, percent
from cryptobot.core.bars import time_text

if TYPE_CHECKING:
    from cryptobot.backtest.report import BacktestReport

_LAST_TRADES: Final = 5
_WIDTH, _HEIGHT = 760, 120
# Gains and losses have a colour for each theme; everything else comes from JupyterLab's own variables.
_STYLE: Final = """
.cb-bt{--up:#14967f;--down:#d9483b;--line:var(--jp-brand-color1,#1976d2);--soft:var(--jp-ui-font-color2,#6b7280);
--rule:var(--jp-border-color2,#d5d9e0);color:var(--jp-ui-font-color1,#1f2328);font:13px/1.45 var(--jp-ui-font-family,system-ui,sans-serif);
max-width:800px;padding:4px 0;font-variant-numeric:tabular-nums}
[data-jp-theme-light="false"] .cb-bt{--up:#4cd3a5;--down:#ff8178}
.cb-bt h4{margin:0;font-size:15px;line-height:1.35;font-weight:600;color:inherit}
.cb-bt p{margin:2px 0 0;color:var(--soft)}
.cb-bt .cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(134px,1fr));gap:8px;margin:12px 0}
.cb-bt .card{border:1px solid var(--rule);border-radius:6px;padding:7px 10px}
.cb-bt .card b{display:block;font-size:17px;font-weight:600;white-space:nowrap}
.cb-bt .card span{font-size:11px;color:var(--soft)}
.cb-bt .up{color:var(--up)} .cb-bt .down{color:var(--down)}
.cb-bt svg{display:block;width:100%;height:auto}
.cb-bt svg text{font-size:11px;fill:var(--soft);paint-order:stroke;stroke:var(--jp-layout-color0,#fff);stroke-width:4px}
.cb-bt table{border-collapse:collapse;width:100%;margin-top:10px;font-size:12px;color:inherit}
.cb-bt th,.cb-bt td{text-align:right;padding:4px 8px;border:0;border-bottom:1px solid var(--rule);background:none;white-space:nowrap}
.cb-bt th{color:var(--soft);font-weight:500} .cb-bt th:first-child,.cb-bt td:first-child{text-align:left;padding-left:0}
.cb-bt .key{display:inline-block;width:14px;height:0;border-top:2px solid;vertical-align:middle;margin:0 5px 0 12px}
"""


def render(report: BacktestReport) -> str:
    """Return the report as HTML: a sentence, cards of figures, the equity curve and the last trades."""
    first, last = (time_text(int(report.bars.time[row]))[:16] for row in (0, -1))
    details = (
        f"{report.strategy!r} on {len(report.bars):,} bars of {report.bars.timeframe}, {first} to {last} UTC, "
        f"fee {percent(float(report.costs.fee))}, slippage {float(report.costs.slippage_bps):g} bps"
    )
    return (
        f"<div class='cb-bt'><style>{_STYLE}</style><h4>{html.escape(report.summary())}</h4>"
        f"<p>{html.escape(details)}</p>{_cards(report)}{_curve(report)}{_table(report)}</div>"
    )


def _tone(value: float) -> str:
    return "up" if value > 0 else "down" if value < 0 else ""


def _cards(report: BacktestReport) -> str:
    stats = report.stats
    quote = f", {report.quote}" if report.quote else ""
    money = float(report.cash)
    open_trade = " + 1 open" if stats.open_trades else ""
    cards = [
        ("Total return", percent(stats.total_return, sign=True), _tone(stats.total_return)),
        ("Buy and hold", percent(stats.buy_and_hold, sign=True), _tone(stats.buy_and_hold)),
        ("Max drawdown", percent(stats.max_drawdown), _tone(stats.max_drawdown)),
        ("Sharpe ratio", number(stats.sharpe), ""),
        (f"Trades{open_trade}", f"{stats.trades:,}", ""),
        ("Win rate", percent(stats.win_rate), ""),
        ("Profit factor", number(stats.profit_factor), ""),
        ("Time in the market", percent(stats.exposure), ""),
        (f"Fees paid{quote}", amount(stats.fees_paid, money), ""),
        (f"Final equity{quote}", amount(stats.final_equity, money), ""),
    ]
    if stats.refused:
        cards.append(("Orders refused", f"{stats.refused:,}", "down"))
    return (
        "<div class='cards'>"
        + "".join(
            f"<div class='card'><span>{html.escape(name)}</span><b class='{tone}'>{html.escape(value)}</b></div>"
            for name, value, tone in cards
        )
        + "</div>"
    )


def _curve(report: BacktestReport) -> str:
    curves = (report.equity_values, report.buy_and_hold_values)
    low = min(float(values.min()) for values in curves)
    high = max(float(values.max()) for values in curves)
    span = high - low or max(high, 1.0)

    def y(value: float) -> float:
        return round(6 + (_HEIGHT - 12) * (high - value) / span, 1)

    def points(values: NDArray[np.float64]) -> str:
        rows = extremes(values, 400)
        x = rows / max(values.size - 1, 1) * _WIDTH
        return " ".join(f"{a:.1f},{y(float(b))}" for a, b in zip(x, values[rows], strict=True))

    line = "<polyline fill='none' stroke-linejoin='round' vector-effect='non-scaling-stroke' points='{}' style='stroke:{};stroke-width:{}'/>"
    start = y(float(report.cash))
    return (
        f"<svg viewBox='0 0 {_WIDTH} {_HEIGHT}' role='img' aria-label='Equity against buy and hold'>"
        f"<line x1='0' x2='{_WIDTH}' y1='{start}' y2='{start}' style='stroke:var(--rule);stroke-dasharray:4 4'/>"
        + line.format(points(report.buy_and_hold_values), "var(--soft)", "1;opacity:.75")
        + line.format(points(report.equity_values), "var(--line)", "1.6")
        + f"<text x='2' y='13'>{amount(high)}</text><text x='2' y='{_HEIGHT - 4}'>{amount(low)}</text></svg>"
        "<p><span class='key' style='border-color:var(--line);margin-left:0'></span>Equity"
        "<span class='key' style='border-color:var(--soft)'></span>Buy and hold</p>"
    )


def _table(report: BacktestReport) -> str:
    if report.trades.empty:
        return ""
    rows = []
    money = float(report.cash)
    for trade in report.trades.tail(_LAST_TRADES).iloc[::-1].to_dict("records"):
        is_open = trade["status"] == "open"
        tone = _tone(trade["pnl"])
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
