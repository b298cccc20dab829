"""The marks of a pane, and how their data reaches the page in few bytes."""

from __future__ import annotations

from typing import Any

import bqplot
import numpy as np

from cryptobot.notebook.legends import swatch
from cryptobot.notebook.pane import KEEP, Pane


def lines(pane: Pane, width: float) -> Any:
    """Make the one mark that draws all lines of a pane: the times are sent once for all of them."""
    nothing = np.empty(0, dtype="datetime64[ms]")
    return bqplot.Lines(x=nothing, y=np.empty(0), stroke_width=width, scales=pane.scales, preserve_domain=KEEP)


def area(pane: Pane, color: str, side: str) -> Any:
    """Make the only mark of a pane: a line that is filled to one side of the pane."""
    mark = lines(pane, 1.5)
    mark.fill, mark.fill_colors, mark.fill_opacities = side, [color], [0.12]
    pane.figure.marks = [mark]
    return mark


def bars_from_zero(pane: Pane) -> Any:
    """Make the only mark of a pane: candles without wicks, for bars that stand on zero."""
    mark = candles(pane, "oc", 0, 2)
    pane.figure.marks = [mark]
    return mark


def candles(pane: Pane, form: str, stroke: int, columns: int) -> Any:
    """Make candles of some columns, such as ``"ohlc"``."""
    return bqplot.OHLC(
        x=np.empty(0, dtype="datetime64[ms]"), y=np.empty((0, columns)), format=form, stroke_width=stroke, marker="candle",
        colors=["var(--cb-up)", "var(--cb-down)"], stroke="var(--cb-wick)", preserve_domain=KEEP, scales=pane.scales,
    )  # fmt: skip


def colours(count: int, first: int) -> list[str]:
    """Return the style sheet's colours of some lines."""
    return [f"var(--cb-line-{swatch(first + number)})" for number in range(count)]


def set_lines(mark: Any, times: Any, rows: list[Any], colors: list[str]) -> None:
    """Send the lines of a pane, leaving out those without a value.

    bqplot cannot draw a line without any value, nor one that ends without one, nor one of a single point: there, all get
    a last point more, which hangs in the air and is not seen.
    """
    kept = [(row, color) for row, color in zip(rows, colors, strict=True) if np.isfinite(row).any()]
    values = np.array([row for row, _ in kept], dtype=float)
    if kept and (len(times) == 1 or not np.isfinite(values[:, -1]).all()):
        values = np.column_stack([values, [row[np.isfinite(row)][-1] for row in values]])
        times = np.append(times, times[-1:])
    set_data(mark, times if kept else times[:0], values, [color for _, color in kept] or None)


def triangles(pane: Pane, marker: str, color: str) -> Any:
    """Make the mark for buys or sells."""
    return bqplot.Scatter(
        x=np.empty(0, dtype="datetime64[ms]"), y=np.empty(0), marker=marker, colors=[color], default_size=90,
        stroke="var(--cb-plot)", stroke_width=1.0, scales=pane.scales, preserve_domain=KEEP,
    )  # fmt: skip


def set_data(mark: Any, times: Any, values: Any, colors: list[str] | None = None) -> None:
    """Send a mark's data in one message. Screen positions need no more than 4-byte numbers: half the bytes."""
    with mark.hold_sync():
        mark.x = times
        mark.y = np.ascontiguousarray(values, dtype=np.float32)
        if colors is not None and mark.colors != colors:
            mark.colors = colors
