"""A report as a picture: candles and trades, equity, drawdown."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from cryptobot.backtest.decimate import Candles, candles, extremes
from cryptobot.backtest.price_lines import price_lines
from cryptobot.backtest.stats import drawdown
from cryptobot.backtest.words import amount, count, percent
from cryptobot.core.errors import ConfigError
from cryptobot.core.suggest import closest, listed
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Side

if TYPE_CHECKING:
    from types import ModuleType

    import plotly.graph_objects as go

    from cryptobot.backtest.report import BacktestReport

_CANDLES: Final = 1_500
_POINTS: Final = 3_000
_PRICE: Final = ",.8~g"  # in d3's language: at most eight digits


@dataclass(frozen=True, slots=True)
class _Theme:
    paper: str
    text: str
    grid: str
    up: str
    down: str
    buy: str
    sell: str
    equity: str
    hold: str
    lines: tuple[str, ...]
    edge: str


_THEMES: Final = {
    # For a page whose background is not known: nothing is painted behind, and every colour reads on white and on black.
    "auto": _Theme(
        paper="rgba(0,0,0,0)",
        text="#7b8494",
        grid="rgba(128,136,150,0.22)",
        up="#26a69a",
        down="#ef5350",
        buy="#1f9d57",
        sell="#e5483f",
        equity="#2f86e0",
        hold="#8a92a2",
        lines=("#d98a1a", "#8b7bf0", "#d84a8c", "#1899a8"),
        edge="rgba(0,0,0,0)",
    ),
    "light": _Theme(
        paper="#ffffff",
        text="#2a2e39",
        grid="#e9ecf1",
        up="#26a69a",
        down="#ef5350",
        buy="#0b7d3e",
        sell="#b71c1c",
        equity="#1976d2",
        hold="#9098a9",
        lines=("#e08a00", "#5b4bd6", "#c2185b", "#00838f"),
        edge="#ffffff",
    ),
    "dark": _Theme(
        paper="#131722",
        text="#d1d4dc",
        grid="#232a38",
        up="#26a69a",
        down="#ef5350",
        buy="#5ee08a",
        sell="#ff7b72",
        equity="#4aa3ff",
        hold="#787b86",
        lines=("#f6b84a", "#a99bff", "#ff79b0", "#4dd0e1"),
        edge="#131722",
    ),
}


def draw(report: BacktestReport, template: str, height: int) -> go.Figure:
    """Draw a report; see `BacktestReport.plot`."""
    if template not in _THEMES:
        raise ConfigError(
            f"template: {template!r} is unknown.{closest(str(template), _THEMES)} Allowed: {listed(_THEMES)}."
        )
    graph = _plotly()
    theme = _THEMES[template]
    merged = candles(report.bars, _CANDLES)
    figure = graph.Figure()
    _draw_price(graph, figure, report, merged, theme)
    _draw_money(graph, figure, report, theme)
    _lay_out(figure, report, merged, theme, template, height)
    return figure


def _plotly() -> ModuleType:
    try:
        import plotly.graph_objects as graph
    except ImportError as error:
        raise ConfigError(
            f"Plots need plotly, which cannot be imported here ({error}). Install the research extra: "
            'pip install ".[research]" in the checkout.'
        ) from error
    module: ModuleType = graph
    return module


def _times(nanoseconds: NDArray[np.int64]) -> NDArray[np.datetime64]:
    return nanoseconds.view("M8[ns]").astype("M8[ms]")


def _draw_price(graph: Any, figure: Any, report: BacktestReport, merged: Candles, theme: _Theme) -> None:
    figure.add_trace(
        graph.Candlestick(
            x=_times(merged.time),
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
        x=_times(merged.time[where]),
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


def _draw_money(graph: Any, figure: Any, report: BacktestReport, theme: _Theme) -> None:
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
            x=_times(report.bars.time[rows]), y=values[rows], mode="lines", name=name, line=line, yaxis=axis, **more
        )
    )


def _lay_out(figure: Any, report: BacktestReport, merged: Candles, theme: _Theme, template: str, height: int) -> None:
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
    axis = {"gridcolor": theme.grid, "zeroline": False, "linecolor": theme.grid, "automargin": True}
    figure.update_layout(
        template="plotly_dark" if template == "dark" else "plotly_white",
        paper_bgcolor=theme.paper,
        plot_bgcolor=theme.paper,
        font={"color": theme.text, "size": 12, "family": "system-ui, sans-serif"},
        title={"text": title, "x": 0.01, "xanchor": "left", "font": {"size": 16}},
        height=height,
        margin={"l": 12, "r": 12, "t": 76, "b": 30},
        hovermode="x unified",
        hoversubplots="axis",
        hoverlabel={} if template == "auto" else {"bgcolor": theme.paper, "font": {"color": theme.text}},
        legend={"orientation": "h", "x": 1, "xanchor": "right", "y": 1.01, "yanchor": "bottom"},
        bargap=0,
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
