"""A report as a picture: candles and trades, equity, drawdown."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from cryptobot.backtest.decimate import Candles, candles, extremes
from cryptobot.backtest.price_lines import price_lines
from cryptobot.backtest.stats import drawdown
from cryptobot.backtest.themes import Theme, load_plotly, page, theme_of, times_of
from cryptobot.backtest.words import amount, percent
from cryptobot.core.text import count
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Side

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from cryptobot.backtest.report import BacktestReport

_CANDLES: Final = 1_500
_POINTS: Final = 3_000
_PRICE: Final = ",.8~g"  # in d3's language: at most eight digits


def draw(report: BacktestReport, template: str, height: int) -> go.Figure:
    """Draw a report; see `BacktestReport.plot`."""
    theme = theme_of(template)
    graph = load_plotly()
    merged = candles(report.bars, _CANDLES)
    figure = graph.Figure()
    _draw_price(graph, figure, report, merged, theme)
    _draw_money(graph, figure, report, theme)
    _lay_out(figure, report, merged, theme, template, height)
    return figure


def _draw_price(graph: Any, figure: Any, report: BacktestReport, merged: Candles, theme: Theme) -> None:
    figure.add_trace(
        graph.Candlestick(
            x=times_of(merged.time),
            open=merged.open,
            high=merged.high,
            low=merged.low,
            close=merged.close,
            name="Price",
            increasing={"line": {"color": theme.up, "width": 1}, "fillcolor": theme.up},
            decreasing={"line": {"color": theme.down, "width": 1}, "fillcolor": theme.down},
            yhoverformat=_PRICE,
            showlegend=False,
            yaxis="y",
        )
    )
    lines = price_lines(report.strategy, report.bars, report.decisions.features)
    for number, (name, values) in enumerate(lines.items()):
        color = theme.lines[number % len(theme.lines)]
        _line(graph, figure, report, values, name, "y", {"color": color, "width": 1.3})
    for side, color, symbol in ((Side.BUY, theme.buy, "triangle-up"), (Side.SELL, theme.sell, "triangle-down")):
        figure.add_trace(_markers(graph, report, merged, side, color, symbol, theme.edge))


def _markers(
    graph: Any, report: BacktestReport, merged: Candles, side: Side, color: str, symbol: str, edge: str
) -> Any:
    """One marker for all fills of a side within a candle, at their average price."""
    fills = [fill for fill in report.fills if fill.side is side]
    candle = np.searchsorted(merged.time, [fill.time for fill in fills], side="right") - 1
    where, first, many = np.unique(candle.astype(np.int64), return_index=True, return_counts=True)
    prices = np.array([float(fill.price) for fill in fills])
    average = np.add.reduceat(prices, first) / many if fills else prices
    verb = "Buy" if side is Side.BUY else "Sell"
    texts = [
        f"{verb} at {amount(price)}" if n == 1 else f"{n} {verb.lower()}s at {amount(price)} on average"
        for price, n in zip(average, many, strict=True)
    ]
    return graph.Scatter(
        x=times_of(merged.time[where]),
        y=average,
        mode="markers",
        name=verb,
        text=texts,
        hovertemplate="%{text}<extra></extra>",
        marker={
            "symbol": symbol,
            "color": color,
            "size": 11 if where.size <= 60 else 8 if where.size <= 250 else 6,
            "line": {"color": edge, "width": 1 if where.size <= 250 else 0.5},
        },
        yaxis="y",
    )


def _draw_money(graph: Any, figure: Any, report: BacktestReport, theme: Theme) -> None:
    hold, equity = report.buy_and_hold_values, report.equity_values
    _line(graph, figure, report, hold, "Buy and hold", "y2", {"color": theme.hold, "width": 1.2})
    _line(graph, figure, report, equity, "Equity", "y2", {"color": theme.equity, "width": 1.8})
    _line(
        graph,
        figure,
        report,
        drawdown(equity),
        "Drawdown",
        "y3",
        {"color": theme.down, "width": 1},
        fill="tozeroy",
        showlegend=False,
        hovertemplate="%{y:.2%}",
    )


def _line(
    graph: Any,
    figure: Any,
    report: BacktestReport,
    values: NDArray[np.float64],
    name: str,
    axis: str,
    line: dict[str, Any],
    **more: Any,
) -> None:
    rows = extremes(values, _POINTS)
    more.setdefault("hovertemplate", f"%{{y:{_PRICE}}}" if axis == "y" else "%{y:,.2f}")
    figure.add_trace(
        graph.Scatter(
            x=times_of(report.bars.time[rows]), y=values[rows], mode="lines", name=name, line=line, yaxis=axis, **more
        )
    )


def _lay_out(figure: Any, report: BacktestReport, merged: Candles, theme: Theme, template: str, height: int) -> None:
    stats = report.stats
    # plotly reads some HTML in texts; names come from others.
    money = f" ({html.escape(report.quote)})" if report.quote else ""
    interval = Timeframe(report.bars.timeframe.seconds * merged.rows)
    merging = f", candles of {merged.rows} bars ({interval})" if merged.rows > 1 else ""
    title = (
        f"<b>{html.escape(type(report.strategy).__name__)}</b> {percent(stats.total_return, sign=True)}, "
        f"buy and hold {percent(stats.buy_and_hold, sign=True)}"
        f"<br><sup>{len(report.bars):,} bars of {report.bars.timeframe}{merging}, {count(stats.trades, 'trade')}</sup>"
    )
    axis = page(figure, theme, template, title, height)
    figure.update_layout(
        xaxis={
            **axis,
            "anchor": "y3",
            "rangeslider": {"visible": False},
            "type": "date",
            "hoverformat": "%Y-%m-%d %H:%M",
        },
        yaxis={**axis, "domain": [0.44, 1.0], "side": "right", "title": f"Price{money}"},
        yaxis2={**axis, "domain": [0.18, 0.40], "side": "right", "title": f"Equity{money}"},
        yaxis3={**axis, "domain": [0.0, 0.14], "side": "right", "title": "Drawdown", "tickformat": ".0%", "nticks": 4},
    )
