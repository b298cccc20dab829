"""Stability as a picture."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from cryptobot.backtest.themes import load_plotly, page, theme_of
from cryptobot.backtest.words import percent

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from cryptobot.backtest.stability.report import StabilityReport


def draw(report: StabilityReport, template: str, height: int) -> go.Figure:
    """Draw a report; see `StabilityReport.plot`."""
    theme = theme_of(template)
    graph = load_plotly()
    figure = graph.Figure()
    fees = report.costs[report.costs["what"] == "fee"]
    slippages = report.costs[report.costs["what"] == "slippage"]
    curves = (
        (100 * fees["value"], fees["total_return"], "Fee, %", "x", theme.equity),
        (slippages["value"], slippages["total_return"], "Slippage, bps", "x2", theme.lines[0]),
        (100 * report.dropped["lost"], report.dropped["median"], "Orders lost, %", "x3", theme.lines[1]),
    )
    for x, y, name, at, color in curves:
        figure.add_trace(
            graph.Scatter(
                x=x,
                y=y,
                mode="lines+markers",
                name=name,
                line={"color": color, "width": 1.8},
                hovertemplate="%{y:+.2%}",
                xaxis=at,
                yaxis="y",
                showlegend=False,
            )
        )
    if report.neighbours is not None:
        ratios = report.neighbours.table["sharpe"]
        order = ratios.iloc[1:].sort_values(ascending=False)
        figure.add_trace(
            graph.Scatter(
                x=list(range(1, len(order) + 1)),
                y=order,
                mode="markers",
                name="Neighbours",
                marker={"color": theme.hold, "size": 5},
                hovertemplate="%{y:.2f}",
                xaxis="x4",
                yaxis="y2",
            )
        )
        figure.add_trace(
            graph.Scatter(
                x=[1, max(len(order), 2)],
                y=[ratios.iloc[0]] * 2,
                mode="lines",
                name="This set",
                line={"color": theme.equity, "width": 1.6, "dash": "dash"},
                hovertemplate="%{y:.2f}",
                xaxis="x4",
                yaxis="y2",
            )
        )
    for column, name, color in (
        ("buy_and_hold", "Buy and hold", theme.hold),
        ("total_return", "Strategy", theme.equity),
    ):
        figure.add_trace(
            graph.Bar(
                x=list(report.months.index),
                y=report.months[column],
                name=name,
                marker={"color": color},
                hovertemplate="%{y:+.2%}",
                xaxis="x5",
                yaxis="y3",
            )
        )
    title = (
        f"<b>{html.escape(type(report.strategy).__name__)}</b> {percent(report.record.total_return, sign=True)} as given"
        "<br><sup>over costs and lost orders, among its neighbours, by months</sup>"
    )
    axis = page(figure, theme, template, title, height)
    rate: dict[str, Any] = {"side": "right", "tickformat": ".0%"}
    figure.update_layout(
        hovermode="closest",
        bargap=0.25,
        xaxis={**axis, "domain": [0.0, 0.31], "anchor": "y", "title": "Fee, %"},
        xaxis2={**axis, "domain": [0.345, 0.655], "anchor": "y", "title": "Slippage, bps"},
        xaxis3={**axis, "domain": [0.69, 1.0], "anchor": "y", "title": "Orders lost, %"},
        xaxis4={**axis, "domain": [0.0, 0.31], "anchor": "y2", "title": "Neighbours, best first"},
        xaxis5={**axis, "domain": [0.345, 1.0], "anchor": "y3", "type": "category"},
        yaxis={**axis, **rate, "domain": [0.58, 1.0], "title": "Return", "anchor": "x3"},
        yaxis2={**axis, "domain": [0.0, 0.42], "side": "left", "title": "Sharpe ratio", "anchor": "x4"},
        yaxis3={**axis, **rate, "domain": [0.0, 0.42], "title": "Return of a month", "anchor": "x5"},
    )
    return figure
