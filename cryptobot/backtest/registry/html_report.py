"""Recorded runs as a notebook shows them."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from cryptobot.backtest.html_parts import STYLE, tone_of
from cryptobot.backtest.registry.words import short, told
from cryptobot.backtest.words import number, percent

if TYPE_CHECKING:
    from cryptobot.backtest.registry.recording import Runs

_FIGURES = ("Return", "Max drawdown", "Sharpe", "Trades")


def render(found: Runs) -> str:
    """Return the runs as HTML, a row each: when and what, parameters, figures."""
    if not found:
        return "<i>No runs recorded yet.</i>"
    heads = f"<th>Run (UTC)</th><th class='words'>Of what</th>{''.join(f'<th>{name}</th>' for name in _FIGURES)}"
    rows = "".join(
        f"<tr><td><b>{run.kind.replace('_', '-')}</b><br>{html.escape(run.id)}</td>"
        f"<td class='words'>{html.escape(told(run))}<br>{html.escape(short(run.parameters))}</td>"
        f"{_figures(run.results)}</tr>"
        for run in found
    )
    return f"<div class='cb-bt'><style>{STYLE}</style><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"


def _figures(results: Mapping[str, Any]) -> str:
    total, fall, sharpe = (_known(results.get(name)) for name in ("total_return", "max_drawdown", "sharpe"))
    trades = results.get("trades")
    return (
        f"<td class='{tone_of(total)}'>{percent(total, sign=True)}</td><td>{percent(fall)}</td>"
        f"<td>{number(sharpe)}</td><td>{'–' if trades is None else f'{trades:,}'}</td>"
    )


def _known(value: Any) -> float:
    return float(value) if isinstance(value, int | float | np.number) else math.nan
