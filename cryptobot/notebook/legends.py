"""The words of a chart: legends of its panes and the tags on its price axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cryptobot.core.text import written
from cryptobot.notebook.chart import PriceLine
from cryptobot.notebook.numbers import Units, fixed, signed, tone_of
from cryptobot.notebook.window import Candles

Entry = tuple[str, str, str, str]  # label, value, tone, swatch


def price_legend(candles: Candles, index: int, units: Units, lines: Sequence[str]) -> list[Entry]:
    """Write open, high, low, close and change of a candle, and the averages drawn over it.

    Parameters
    ----------
    candles
        What is on screen.
    index
        Which candle.
    units
        How prices are written.
    lines
        Names of the features on the price scale, in the order of their colours.
    """
    first, high, low, last = candles.prices[index]
    tone = tone_of(last - first)
    entries: list[Entry] = [
        (label, units.price(value), tone, "") for label, value in (("O", first), ("H", high), ("L", low), ("C", last))
    ]
    entries.append(("", signed(100 * (last / first - 1), 2) + " %", tone, ""))
    if candles.bars_each > 1:
        entries.append(("", f"{candles.bars_each} bars a candle", "dim", ""))
    for position, name in enumerate(lines):
        entries.append((name, _value(candles.features[name][index], units.price_digits), "", swatch(position)))
    return entries


def feature_legend(
    candles: Candles, index: int, names: Sequence[str], levels: Mapping[str, Sequence[float]], percent: bool
) -> list[Entry]:
    """Write the values of the features of one pane, each with its threshold if it has one."""
    entries: list[Entry] = []
    for position, name in enumerate(names):
        value = float(candles.features[name][index])
        entries.append((words(name), _value(value, 3, percent=percent), "", swatch(position + 2)))
        asked = levels.get(name, ())
        word = "threshold" if len(asked) == 1 else "level"
        entries += [
            (word, written(100 * level, 4) + " %" if percent else written(level, 6), "dim", "level") for level in asked
        ]
    return entries


def volume_legend(candles: Candles, index: int, units: Units) -> list[Entry]:
    """Write the volume of a candle in the base currency."""
    return [("Volume", f"{fixed(candles.volume[index], 2)} {units.base}", "", "")]


def equity_legend(candles: Candles, index: int, units: Units) -> list[Entry]:
    """Write the portfolio's value at a candle's close in the quote currency."""
    value = candles.equity[index]
    return [("Equity", f"{units.money(value)} {units.quote}" if np.isfinite(value) else "–", "", "equity")]


def drawdown_legend(value: float) -> list[Entry]:
    """Write how far the equity is under its highest so far."""
    return [("Drawdown", _value(value, 2, percent=True), "down" if value < 0 else "", "drawdown")]


def result_legend(value: float | None, units: Units, *, here: bool) -> list[Entry]:
    """Write what the trade that ended last has brought.

    Parameters
    ----------
    value
        In the quote currency, or None where none has ended.
    units
        How amounts are written.
    here
        Whether it ended at this very candle.
    """
    if value is None:
        return [("PnL per trade", "none in sight", "dim", "")]
    tone = tone_of(value) if here else "dim"
    return [("PnL per trade", f"{units.signed_money(value)} {units.quote}", tone, ""), *_LAST[: 1 - here]]


_LAST: list[Entry] = [("", "the last one", "dim", "")]
_KINDS = {"entry": "Entry", "stop": "Stop", "target": "Target", "live": "Live", "last": ""}


def tags(last: float, rising: bool, lines: Sequence[PriceLine], units: Units) -> list[dict[str, Any]]:
    """Return the lines across the price pane: what belongs to the position, and the last price as the last of them."""
    shown = [
        {"pane": 0, "value": line.price, "text": units.price(line.price), "tone": line.kind, "kind": line.kind,
         "label": _KINDS.get(line.kind, line.kind)}
        for line in lines
    ]  # fmt: skip
    tone = "up" if rising else "down"
    return [*shown, {"pane": 0, "value": last, "text": units.price(last), "tone": tone, "kind": "last", "label": ""}]


def words(name: str) -> str:
    """Write a feature's name as a title: ``"volatility"`` becomes ``"Volatility"``."""
    text = name.replace("_", " ")
    return text[:1].upper() + text[1:]


def swatch(position: int) -> str:
    """Return the style sheet's name of the colour of the n-th line."""
    return str(position % 6 + 1)


def is_fraction(name: str) -> bool:
    """Whether a feature is a fraction that is better read in percent."""
    return any(word in name.lower() for word in ("volatility", "return"))


def _value(value: float, digits: int, *, percent: bool = False) -> str:
    """Write a feature's value, or a dash while it has none."""
    if not np.isfinite(value):
        return "–"
    return fixed(100 * value, digits) + " %" if percent else fixed(value, digits)
