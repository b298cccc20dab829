"""A walk-forward as a picture: equity, drawdown, and what training promised against what the test kept."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from cryptobot.backtest.decimate import extremes
from cryptobot.backtest.stats import drawdown
from cryptobot.backtest.themes import load_plotly, page, theme_of, times_of
from cryptobot.backtest.words import percent
from cryptobot.core.text import count

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from cryptobot.backtest.walk_forward.report import WalkForwardReport

_POINTS: Final = 3_000


def draw(report: WalkForwardReport, template: str, height: int) -> go.Figure:
    """Draw a report; see `WalkForwardReport.plot`."""
    theme = theme_of(template)
    graph = load_plotly()
    figure = graph.Figure()
    bars = report.bars

    def line(values: NDArray[np.float64], name: str, axis: str, color: str, width: float, **more: Any) -> None:
        rows = extremes(values, _POINTS)
        more.setdefault("hovertemplate", "%{y:,.2f}")
        figure.add_trace(
            graph.Scatter(
                x=times_of(bars.time[rows]),
                y=values[rows],
                mode="lines",
                name=name,
                line={"color": color, "width": width},
                yaxis=axis,
                **more,
            )
        )

    line(report.hold.equity, "Buy and hold", "y", theme.hold, 1.2)
    line(report.record.equity, "Out of sample", "y", theme.equity, 1.8)
    fallen = {"fill": "tozeroy", "showlegend": False, "hovertemplate": "%{y:.2%}"}
    line(drawdown(report.record.equity), "Drawdown", "y2", theme.down, 1, **fallen)
    windows = report.windows
    # Over the length of the test, or years of training would dwarf weeks of it.
    promised = np.expm1(np.log1p(windows["train_return"]) * windows["test_bars"] / windows["train_bars"])
    for values, name, color, symbol in (
        (promised, "Training, over as many bars", theme.lines[0], "circle-open"),
        (windows["test_return"], "Test", theme.lines[1], "circle"),
    ):
        figure.add_trace(
            graph.Scatter(
                x=times_of(bars.time[report.starts]),
                y=values,
                mode="markers",
                name=name,
                marker={"color": color, "size": 8, "symbol": symbol},
                hovertemplate="%{y:+.2%}",
                yaxis="y3",
            )
        )
    for row in report.starts[1:] if report.starts.size <= 200 else ():
        figure.add_vline(
            x=int(bars.time[row]) // 1_000_000, line={"color": theme.grid, "width": 1, "dash": "dot"}, layer="below"
        )
    stats = report.stats
    title = (
        f"<b>{html.escape(report.strategy.__name__)}</b> {percent(stats.total_return, sign=True)} out of sample, buy and "
        f"hold {percent(stats.buy_and_hold, sign=True)}<br><sup>{count(len(windows), 'window')}, "
        f"{html.escape(report.verdict.partition(':')[0].lower())}</sup>"
    )
    axis = page(figure, theme, template, title, height)
    figure.update_layout(
        xaxis={**axis, "anchor": "y3", "type": "date", "hoverformat": "%Y-%m-%d %H:%M"},
        yaxis={**axis, "domain": [0.46, 1.0], "side": "right", "title": "Equity"},
        yaxis2={**axis, "domain": [0.28, 0.42], "side": "right", "title": "Drawdown", "tickformat": ".0%", "nticks": 4},
        yaxis3={**axis, "domain": [0.0, 0.24], "side": "right", "title": "Return", "tickformat": ".0%", "nticks": 5},
    )
    return figure
