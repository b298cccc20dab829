"""What the reports are made of in a notebook: one style, cards of figures, tables and small curves."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cryptobot.backtest.decimate import extremes
from cryptobot.backtest.words import amount

# The cells of a table; one that stands for a gain or a loss comes with its value.
Row = Sequence[str | tuple[str, float]]
_WIDTH, _HEIGHT = 760, 120
_KEYS: Final = {"line": "1.6", "soft": "1;opacity:.75"}
# Gains and losses have a colour for each theme; everything else comes from JupyterLab's own variables.
STYLE: Final = """
.cb-bt{--up:#14967f;--down:#d9483b;--line:var(--jp-brand-color1,#1976d2);--soft:var(--jp-ui-font-color2,#6b7280);
--rule:var(--jp-border-color2,#d5d9e0);color:var(--jp-ui-font-color1,#1f2328);font:13px/1.45 var(--jp-ui-font-family,system-ui,sans-serif);
max-width:800px;padding:4px 0;font-variant-numeric:tabular-nums}
[data-jp-theme-light="false"] .cb-bt{--up:#4cd3a5;--down:#ff8178}
.cb-bt h4{margin:0;font-size:15px;line-height:1.35;font-weight:600;color:inherit}
.cb-bt p{margin:2px 0 0;color:var(--soft)}
.cb-bt .cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(134px,1fr));gap:8px;margin:12px 0}
.cb-bt .card{border:1px solid var(--rule);border-radius:6px;padding:7px 10px}
.cb-bt .card b{display:block;font-size:17px;line-height:1.3;font-weight:600}
.cb-bt .card span{font-size:11px;color:var(--soft)}
.cb-bt .up{color:var(--up)} .cb-bt .down{color:var(--down)}
.cb-bt svg{display:block;width:100%;height:auto}
.cb-bt svg text{font-size:11px;fill:var(--soft);paint-order:stroke;stroke:var(--jp-layout-color0,#fff);stroke-width:4px}
.cb-bt table{table-layout:auto;border-collapse:collapse;width:100%;margin-top:10px;font-size:12px;color:inherit}
.cb-bt th,.cb-bt td{text-align:right;padding:4px 8px;border:0;border-bottom:1px solid var(--rule);background:none;white-space:nowrap}
.cb-bt th{color:var(--soft);font-weight:500} .cb-bt th:first-child,.cb-bt td:first-child{text-align:left;padding-left:0}
.cb-bt td.words,.cb-bt th.words{text-align:left;white-space:normal}
.cb-bt .key{display:inline-block;width:14px;height:0;border-top:2px solid;vertical-align:middle;margin:0 5px 0 12px}
"""


def tone_of(value: float) -> str:
    """Return the class of a gain or a loss."""
    return "up" if value > 0 else "down" if value < 0 else ""


def cards(figures: Iterable[tuple[str, str, str]]) -> str:
    """Lay out figures as cards.

    Parameters
    ----------
    figures
        Name, text and tone (``"up"``, ``"down"`` or empty) of each.
    """
    return (
        "<div class='cards'>"
        + "".join(
            f"<div class='card'><span>{html.escape(name)}</span><b class='{tone}'>{html.escape(value)}</b></div>"
            for name, value, tone in figures
        )
        + "</div>"
    )


def table(heads: Sequence[str], rows: Iterable[Row]) -> str:
    """Lay out a table.

    Parameters
    ----------
    heads
        The columns' names.
    rows
        Texts; one that stands for a gain or a loss comes with its value: ``("+1.0 %", 0.01)``.
    """
    lines = []
    for row in rows:
        cells = [
            f"<td>{html.escape(cell)}</td>"
            if isinstance(cell, str)
            else f"<td class='{tone_of(cell[1])}'>{html.escape(cell[0])}</td>"
            for cell in row
        ]
        lines.append(f"<tr>{''.join(cells)}</tr>")
    names = "".join(f"<th>{html.escape(name)}</th>" for name in heads)
    return f"<table><thead><tr>{names}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def curves(lines: Sequence[tuple[str, NDArray[np.float64], str]], start: float, label: str) -> str:
    """Draw curves over the same bars, with a dashed line where they began.

    Parameters
    ----------
    lines
        Name, values and colour (``"line"`` or ``"soft"``) of each; the last one lies on top.
    start
        Value of the dashed line.
    label
        What the picture shows, for those who cannot see it.
    """
    low = min(float(values.min()) for _, values, _ in lines)
    high = max(float(values.max()) for _, values, _ in lines)
    span = high - low or max(high, 1.0)

    def y(value: float) -> float:
        return round(6 + (_HEIGHT - 12) * (high - value) / span, 1)

    def points(values: NDArray[np.float64]) -> str:
        rows = extremes(values, 400)
        x = rows / max(values.size - 1, 1) * _WIDTH
        return " ".join(f"{a:.1f},{y(float(b))}" for a, b in zip(x, values[rows], strict=True))

    drawn = "".join(
        "<polyline fill='none' stroke-linejoin='round' vector-effect='non-scaling-stroke' "
        f"points='{points(values)}' style='stroke:var(--{color});stroke-width:{_KEYS[color]}'/>"
        for _, values, color in lines
    )
    keys = "".join(
        f"<span class='key' style='border-color:var(--{color}){';margin-left:0' if first else ''}'></span>"
        f"{html.escape(name)}"
        for first, (name, _, color) in zip([True, *[False] * len(lines)], reversed(lines), strict=False)
    )
    return (
        f"<svg viewBox='0 0 {_WIDTH} {_HEIGHT}' role='img' aria-label='{html.escape(label, quote=True)}'>"
        f"<line x1='0' x2='{_WIDTH}' y1='{y(start)}' y2='{y(start)}' style='stroke:var(--rule);stroke-dasharray:4 4'/>"
        f"{drawn}<text x='2' y='13'>{amount(high)}</text><text x='2' y='{_HEIGHT - 4}'>{amount(low)}</text></svg>"
        f"<p>{keys}</p>"
    )
