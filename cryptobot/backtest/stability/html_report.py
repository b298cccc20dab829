"""Stability as a notebook shows it."""

from __future__ import annotations

import html
import math
from typing import TYPE_CHECKING

from cryptobot.backtest.html_parts import STYLE, Row, cards, table, tone_of
from cryptobot.backtest.stability.report import fee_text
from cryptobot.backtest.words import number, percent
from cryptobot.core.text import count

if TYPE_CHECKING:
    from cryptobot.backtest.stability.report import StabilityReport


def render(report: StabilityReport) -> str:
    """Return the report as HTML: a sentence, figures, and tables of costs, markets and months."""
    around = report.neighbours
    kept, better = (math.nan, math.nan) if around is None else (around.kept, around.better)
    late = report.case("delay", 1)
    lost = float(report.dropped["median"].iloc[1])
    figures = [
        ("Total return", percent(report.record.total_return, sign=True), tone_of(report.record.total_return)),
        ("Break-even fee", fee_text(report.break_even_fee), ""),
        ("One bar late", percent(late, sign=True), tone_of(late)),
        ("5 % of orders lost", percent(lost, sign=True), tone_of(lost)),
        ("Neighbours that keep half", percent(kept), "" if not kept < 0.5 else "down"),
        ("Neighbours that do better", percent(better), ""),
    ]
    costs: list[Row] = [
        [
            line["what"],
            _value(line["what"], line["value"]) + (", as given" if line["given"] else ""),
            _toned(line["total_return"]),
            number(line["sharpe"]),
            percent(line["max_drawdown"]),
            f"{line['trades']:,}",
        ]
        for line in report.costs.to_dict("records")
    ]
    states: list[Row] = [
        [
            f"{line['trend']} {line['temper']}".strip(),
            percent(line["share"]),
            _toned(line["total_return"]),
            _toned(line["buy_and_hold"]),
            number(line["sharpe"]),
        ]
        for line in report.regimes.to_dict("records")
    ]
    months: list[Row] = [
        [str(name), _toned(line["total_return"]), _toned(line["buy_and_hold"]), f"{line['trades']:,}"]
        for name, line in report.months.tail(12).iloc[::-1].to_dict("index").items()
    ]
    return (
        f"<div class='cb-bt'><style>{STYLE}</style><h4>{html.escape(report.summary())}</h4>{cards(figures)}"
        + table(["Costs and delay", "", "Return", "Sharpe", "Max drawdown", "Trades"], costs)
        + table(["Market", "Share of bars", "Return", "Buy and hold", "Sharpe"], states)
        + table(["Month", "Return", "Buy and hold", "Trades"], months)
        + "</div>"
    )


def _toned(value: float) -> tuple[str, float]:
    return percent(value, sign=True), value


def _value(what: str, value: float) -> str:
    return fee_text(value) if what == "fee" else f"{value:g} bps" if what == "slippage" else count(int(value), "bar")
