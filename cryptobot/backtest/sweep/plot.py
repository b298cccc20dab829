"""A sweep as pictures: a figure over two parameters, and over each of them."""

from __future__ import annotations

import html
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from cryptobot.backtest.sweep.figures import FIGURES
from cryptobot.backtest.themes import Theme, load_plotly, page, theme_of
from cryptobot.core.errors import ConfigError
from cryptobot.core.suggest import closest, listed

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from cryptobot.backtest.sweep.report import SweepReport

FORMATS: Final = {
    "total_return": ".2%",
    "max_drawdown": ".2%",
    "win_rate": ".1%",
    "exposure": ".1%",
    "trades": ",.0f",
    "sharpe": ".2f",
    "profit_factor": ".2f",
}
_REDUCE: Final[dict[str, Callable[[NDArray[np.float64]], Any]]] = {"median": np.median, "best": np.max, "worst": np.min}
_PANELS: Final = 6
_BINS: Final = 60


def draw_heatmap(report: SweepReport, x: str, y: str, value: str, others: str, template: str, height: int) -> go.Figure:
    """Draw a figure over two parameters; see `SweepReport.heatmap`."""
    theme = theme_of(template)
    for axis, name in (("x", x), ("y", y)):
        if name not in report.parameters:
            raise ConfigError(
                f"{axis}: {name!r} does not differ between the combinations.{closest(str(name), report.parameters)} "
                f"Allowed: {listed(report.parameters) or 'none, because only one combination was tried'}."
            )
    if x == y:
        raise ConfigError(f"y: {y!r} is on the other axis already. Allowed: {listed(set(report.parameters) - {x})}.")
    if others not in _REDUCE:
        raise ConfigError(f"others: {others!r} is unknown.{closest(others, _REDUCE)} Allowed: {listed(_REDUCE)}.")
    graph = load_plotly()
    across, up = (_places(report, name) for name in (x, y))
    grid = np.full((len(up[0]), len(across[0])), np.nan)
    values = report.figures[:, FIGURES.index(value)]
    for cell, rows in _cells(up[1] * len(across[0]) + across[1]):
        known = values[rows][np.isfinite(values[rows])]
        if known.size:
            grid[divmod(cell, len(across[0]))] = _REDUCE[others](known)
    figure = graph.Figure(
        graph.Heatmap(
            x=[str(v) for v in across[0]],
            y=[str(v) for v in up[0]],
            z=grid,
            colorscale=[[0.0, theme.down], [0.5, theme.grid], [1.0, theme.up]],
            **_middle(grid, value),
            colorbar={"title": value, "tickformat": FORMATS[value], "thickness": 14},
            hovertemplate=f"{html.escape(x)} %{{x}}<br>{html.escape(y)} %{{y}}<br>{value} %{{z:{FORMATS[value]}}}<extra></extra>",
            hoverongaps=False,
        )
    )
    rest = [name for name in report.parameters if name not in (x, y)]
    note = f"{others} over {', '.join(rest)}" if rest else f"{len(report):,} combinations"
    shared = page(figure, theme, template, _title(report, value, note), height)
    figure.update_layout(hovermode="closest", showlegend=False)
    figure.update_xaxes(**shared, title=html.escape(x), type="category", showgrid=False)
    figure.update_yaxes(**shared, title=html.escape(y), type="category", showgrid=False)
    return figure


def draw(report: SweepReport, value: str, template: str, height: int) -> go.Figure:
    """Draw a figure's spread and its dependence on each parameter; see `SweepReport.plot`."""
    theme = theme_of(template)
    graph = load_plotly()
    values = report.figures[:, FIGURES.index(value)]
    shown = report.parameters[:_PANELS]
    figure = graph.Figure()
    note = f"{len(report):,} combinations; lines are medians, bands hold 80 % of them"
    axis = page(figure, theme, template, _title(report, value, note), height)
    panels = 1 + len(shown)
    columns = min(panels, 3 if panels > 4 else 2)
    rows = math.ceil(panels / columns)
    _draw_spread(graph, figure, values, float(values[report.ranking()[0]]), theme)
    for number, name in enumerate(shown, start=2):
        _draw_parameter(graph, figure, report, name, values, number, theme)
    for number in range(1, panels + 1):
        row, column = divmod(number - 1, columns)
        mark = "" if number == 1 else str(number)
        below = {**axis, "domain": [(column + 0.06) / columns, (column + 0.94) / columns], "anchor": f"y{mark}"}
        beside = {**axis, "domain": [1 - (row + 0.74) / rows, 1 - (row + 0.05) / rows], "anchor": f"x{mark}"}
        # The first panel has the figure below it, the others beside them.
        (below if number == 1 else beside)["tickformat"] = FORMATS[value]
        below["title"] = value if number == 1 else html.escape(shown[number - 2])
        figure.update_layout({f"xaxis{mark}": below, f"yaxis{mark}": beside})
    figure.update_layout(height=max(height, 250 * rows), hovermode="closest", showlegend=False, bargap=0.04)
    return figure


def _draw_spread(graph: Any, figure: Any, values: NDArray[np.float64], best: float, theme: Theme) -> None:
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return
    counts, edges = np.histogram(finite, bins=min(_BINS, max(8, int(math.sqrt(finite.size)))))
    figure.add_trace(
        graph.Bar(
            x=(edges[:-1] + edges[1:]) / 2,
            y=counts,
            marker={"color": theme.equity},
            hovertemplate="%{y:,} combinations around %{x:.4g}<extra></extra>",
        )
    )
    if math.isfinite(best):
        figure.add_trace(
            graph.Scatter(
                x=[best, best],
                y=[0, int(counts.max())],
                mode="lines",
                line={"color": theme.buy, "width": 2, "dash": "dot"},
                hovertemplate="the best: %{x:.4g}<extra></extra>",
            )
        )


def _draw_parameter(
    graph: Any, figure: Any, report: SweepReport, name: str, values: NDArray[np.float64], number: int, theme: Theme
) -> None:
    labels, places = _places(report, name)
    low, middle, high = (np.full(len(labels), np.nan) for _ in range(3))
    for cell, rows in _cells(places):
        known = values[rows][np.isfinite(values[rows])]
        if known.size:
            low[cell], middle[cell], high[cell] = np.quantile(known, [0.1, 0.5, 0.9])
    axes = {"xaxis": f"x{number}", "yaxis": f"y{number}"}
    line = {"color": theme.equity, "width": 0}
    band = "rgba(47,134,224,0.22)"
    x = (
        labels
        if all(isinstance(label, int | float) and not isinstance(label, bool) for label in labels)
        else [*map(str, labels)]
    )
    figure.add_trace(graph.Scatter(x=x, y=low, mode="lines", line=line, hoverinfo="skip", **axes))
    figure.add_trace(
        graph.Scatter(x=x, y=high, mode="lines", line=line, fill="tonexty", fillcolor=band, hoverinfo="skip", **axes)
    )
    figure.add_trace(
        graph.Scatter(
            x=x,
            y=middle,
            mode="lines+markers",
            line={"color": theme.equity, "width": 1.8},
            marker={"size": 5},
            hovertemplate=f"{html.escape(name)} %{{x}}: %{{y:.4g}}<extra></extra>",
            **axes,
        )
    )


def _places(report: SweepReport, name: str) -> tuple[list[Any], NDArray[np.intp]]:
    """Return a parameter's values in order, and the place of each row's among them."""
    given, codes = report.combinations.values[name], report.combinations.codes[name]
    used = sorted({given[code] for code in np.unique(codes).tolist()})
    place = {value: number for number, value in enumerate(used)}
    return used, np.array([place.get(value, 0) for value in given], dtype=np.intp)[codes]


def _cells(numbers: NDArray[np.intp]) -> list[tuple[int, NDArray[np.intp]]]:
    """Group rows by a number."""
    order = np.argsort(numbers, kind="stable")
    cuts = np.flatnonzero(np.diff(numbers[order])) + 1
    return [(int(numbers[rows[0]]), rows) for rows in np.split(order, cuts) if rows.size]


def _middle(grid: NDArray[np.float64], value: str) -> dict[str, float]:
    """Put the colour of neither gain nor loss where there is neither."""
    neutral = {"total_return": 0.0, "sharpe": 0.0, "profit_factor": 1.0, "win_rate": 0.5}.get(value)
    if neutral is None or not np.isfinite(grid).any():
        return {}
    reach = float(np.nanmax(np.abs(grid - neutral))) or 1.0
    return {"zmin": neutral - reach, "zmax": neutral + reach}


def _title(report: SweepReport, value: str, note: str) -> str:
    partly = "" if report.complete else ", interrupted"
    return (
        f"<b>{html.escape(report.strategy.__name__)}</b> {value}"
        f"<br><sup>{html.escape(note)}; {len(report.bars):,} bars of {report.bars.timeframe}{partly}</sup>"
    )
