"""A session's report as a page of its own: no script, nothing loaded, light and dark."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Final

import numpy as np

from cryptobot.alerts.words import title_of
from cryptobot.backtest.html_parts import STYLE, Row, cards, curves, table, tone_of
from cryptobot.backtest.stats import drawdown
from cryptobot.backtest.words import amount, duration, number, percent
from cryptobot.core.bars import time_text
from cryptobot.core.secrecy import redact
from cryptobot.core.text import clean, count
from cryptobot.core.types import Trade
from cryptobot.trading.session_report import SessionReport, Told, span

_ROWS: Final = 500
_SIGNS: Final = {"error": "■ critical", "warning": "▲ warning", "info": "● info"}
# What JupyterLab's themes say elsewhere.
_PAGE: Final = """
:root{color-scheme:light dark;--jp-layout-color0:#fff}
body{margin:0;background:#fff} .cb-bt{margin:0 auto;padding:20px 16px 48px!important;max-width:980px!important}
.cb-bt h5{margin:26px 0 0;font-size:13px;font-weight:600} .cb-bt .wide{overflow-x:auto}
.cb-bt td.words:last-child{min-width:260px;overflow-wrap:anywhere}
@media(prefers-color-scheme:dark){body{background:#16191d}:root{--jp-layout-color0:#16191d;--jp-ui-font-color1:#e6e8eb;
--jp-ui-font-color2:#9aa4b2;--jp-border-color2:#2e343c;--jp-brand-color1:#64b5f6}.cb-bt{--up:#4cd3a5!important;--down:#ff8178!important}}
"""
_ALONE: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def page(report: SessionReport) -> str:
    """Return a report as one HTML document that needs nothing else."""
    title = html.escape(f"{_text(report.header.bot)}: {span(report)}")
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        f'<meta http-equiv="Content-Security-Policy" content="{_ALONE}">'
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>{title}</title><style>{_PAGE}</style></head><body>{body(report)}</body></html>"
    )


def body(report: SessionReport) -> str:
    """Return a report as a notebook shows it."""
    header = report.header
    parameters = ", ".join(f"{name}={value}" for name, value in report.parameters.items())
    details = (
        f"{header.symbol} {header.timeframe} on {header.exchange}, mode {header.mode}; {report.strategy}({parameters}); "
        f"{span(report)}"
    )
    return (
        f"<div class='cb-bt'><style>{STYLE}</style><h4>{html.escape(_text(report.summary()))}</h4>"
        f"<p>{html.escape(_text(details))}</p>{_cards(report)}{_curve(report)}{_trades(report)}"
        f"{_told('Incidents', report.incidents[::-1], 'Nothing went wrong.')}"
        f"{_told('What people were told', report.told[::-1], 'Nobody was told anything.')}{_foot(report)}</div>"
    )


def _cards(report: SessionReport) -> str:
    equity, closed = report.equity, report.closed
    if not equity.size:
        return ""
    change = float(equity[-1]) - report.began
    fallen = float(drawdown(np.concatenate([[report.began], equity])).min()) if report.began > 0 else 0.0
    won = [trade for trade in closed if trade.pnl > 0]
    fees = sum((float(trade.fees) for trade in report.trades), 0.0)
    share = change / report.began if report.began > 0 else float("nan")
    critical = sum(one.notice.level == "error" for one in report.incidents)
    figures = [
        ("Return", percent(share, sign=True), tone_of(change)),
        (f"Earned, {report.quote}", amount(change, report.began), tone_of(change)),
        (f"Equity, {report.quote}", amount(float(equity[-1]), report.began), ""),
        ("Max drawdown", percent(fallen), tone_of(fallen)),
        ("Trades" + (" + 1 open" if len(closed) < len(report.trades) else ""), f"{len(closed):,}", ""),
        ("Win rate", percent(len(won) / len(closed)) if closed else "–", ""),
        (f"Fees, {report.quote}", amount(fees, report.began), ""),
        ("Watched", duration(float(report.times[-1] - report.times[0]) / 1e9), ""),
        ("Warnings", f"{len(report.incidents) - critical:,}", ""),
        ("Critical", f"{critical:,}", "down" if critical else ""),
    ]
    return cards(figures)


def _curve(report: SessionReport) -> str:
    finite = report.equity[np.isfinite(report.equity)]
    if finite.size < 2:
        return ""
    label = f"Equity of {_text(report.header.bot)}"
    return "<h5>Equity</h5>" + curves([("Equity at each close", finite, "line")], report.began, label)


def _trades(report: SessionReport) -> str:
    if not report.trades:
        return "<h5>Trades</h5><p>None.</p>"
    shown = report.trades[-_ROWS:][::-1]
    heads = ("Bought (UTC)", "Price", "Sold (UTC)", "Price", "Quantity", "Fees", "Profit", "Return")
    more = (
        f"<p>The last {len(shown):,} of {count(len(report.trades), 'trade')}.</p>"
        if len(shown) < len(report.trades)
        else ""
    )
    lines = table(heads, (_trade(trade, report.began) for trade in shown))
    return f"<h5>Trades, newest first</h5><div class='wide'>{lines}</div>{more}"


def _trade(trade: Trade, money: float) -> Row:
    pnl, gain = float(trade.pnl), float(trade.return_)
    return (
        _when(trade.entry_time),
        amount(float(trade.entry_price)),
        "open" if trade.exit_time is None else _when(trade.exit_time),
        "–" if trade.exit_price is None else amount(float(trade.exit_price)),
        amount(float(trade.quantity)),
        amount(float(trade.fees), money),
        (amount(pnl, money), pnl),
        (percent(gain, sign=True), gain),
    )


def _told(heading: str, told: list[Told], nothing: str) -> str:
    if not told:
        return f"<h5>{heading}</h5><p>{nothing}</p>"
    shown = told[:_ROWS]
    more = f"<p>The newest {len(shown):,} of {len(told):,}.</p>" if len(shown) < len(told) else ""
    return f"<h5>{heading}, newest first</h5><div class='wide'>{_lines(shown)}</div>{more}"


def _lines(told: Iterable[Told]) -> str:
    rows = "".join(
        f"<tr><td>{_when(one.time)}</td><td class='{'down' if one.notice.level == 'error' else ''}'>"
        f"{_SIGNS.get(one.notice.level, one.notice.level)}</td><td class='words'>"
        f"{html.escape(title_of(one.notice.topic))}</td><td class='words'>{html.escape(_text(one.notice.text))}</td></tr>"
        for one in told
    )
    heads = "<th>Time (UTC)</th><th>Level</th><th class='words'>What</th><th class='words'>In words</th>"
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"


def _foot(report: SessionReport) -> str:
    orders = (
        ", ".join(f"{number(n, 0)} {state.replace('_', ' ')}" for state, n in sorted(report.orders.items())) or "none"
    )
    sent = [one.number for one in report.told if one.notice.level in ("warning", "error") or one.notice.topic != "note"]
    newest = max(sent, default=0)
    channels = ", ".join(
        f"{name} ({'everything' if upto >= newest else f'{sum(n > upto for n in sent):,} waiting'})"
        for name, upto in sorted(report.delivered.items())
    )
    states = "; ".join(
        f"{_when(time)} {change.state}" + (f" ({_text(change.reason)})" if change.reason else "")
        for time, change in report.states[-50:]
    )
    older = f" {report.left_out:,} older messages are left out." if report.left_out else ""
    lines = [
        f"Orders: {orders}.",
        f"Told: {channels or 'no alert channel'}.{older}",
        f"States: {states or 'none'}.",
        f"From the journal of {report.header.bot}, {report.records:,} records.",
    ]
    return "<h5>Orders and states</h5>" + "".join(f"<p>{html.escape(_text(line, 6_000))}</p>" for line in lines)


def _when(time: int) -> str:
    return time_text(time).removesuffix(" UTC")


def _text(text: str, most: int = 1_000) -> str:
    return clean(redact(text), most)
