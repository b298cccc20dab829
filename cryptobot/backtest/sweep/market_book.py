"""The compiled book of a market that rounds quantities and refuses small orders.

There, every trade depends on the money that is left, so that each parameter set is walked through by itself. Money is
kept with twice the digits of a float64; where even these cannot tell on which side of a lot or of the minimum notional
an order lies, the book says so and the exact one is asked.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cryptobot.backtest.sweep.compiled import Doubled, Floats, Ints, compiled
from cryptobot.backtest.sweep.doubled import negative, product, quotient, total
from cryptobot.backtest.sweep.prices import Prices
from cryptobot.backtest.sweep.setting import Setting
from cryptobot.core.bars import BarColumns

Terms: TypeAlias = tuple[Doubled, Doubled, Doubled, Doubled, Doubled, Doubled, Doubled, float, bool, float]

_NEAR: Final = 1e-6  # of a lot
_LARGEST: Final = 2.0**50
_SENT: Final = 0
_REFUSED: Final = 1
_UNCLEAR: Final = 2


def market_book(
    buys: NDArray[np.int64],
    sells: NDArray[np.int64],
    bars: BarColumns,
    prices: Prices,
    setting: Setting,
    figures: NDArray[np.float64],
    blocks: NDArray[np.float64],
) -> bool:
    """Trade on rows to buy and to sell on, by the market's rules.

    Parameters
    ----------
    buys, sells
        int64, rising, each before the last row.
    figures, blocks
        Written as `book.keep_book` does.

    Returns
    -------
    bool
        False when an order lies too near to a limit to tell: then nothing that was written counts.
    """
    fee = Fraction(setting.costs.fee)
    lot = Fraction(setting.market.lot_size or 1)
    scale = bars.grid.scale
    terms = (
        _pair(setting.cash),
        _pair(prices.buy_unit * lot),
        _pair(prices.buy_unit * lot * (1 + fee)),
        _pair(prices.sell_unit * lot),
        _pair(prices.sell_unit * lot * (1 - fee)),
        _pair(Fraction(setting.market.min_notional or 0)),
        _pair(lot / int(scale) if scale else lot),
        float(lot),
        setting.market.lot_size is not None,
        scale,
    )
    done: bool = _walk(buys, sells, prices.buy, prices.sell, bars.close, terms, setting.edges, figures, blocks)
    return done


def _pair(number: Any) -> tuple[float, float]:
    exact = Fraction(number)
    high = float(exact)
    return high, float(exact - Fraction(high))


@compiled
def _order(units: float, value_of_lot: Doubled, lots: Doubled, least: Doubled) -> int:
    """Tell whether an order may be sent, is refused, or lies too near to the minimum notional."""
    if units <= 0.0 or lots[0] <= 0.0:
        return _REFUSED
    if least[0] == 0.0:
        return _SENT
    value = product(product(value_of_lot, (units, 0.0)), lots)
    if abs(value[0] - least[0]) <= 1e-12 * least[0]:
        return _UNCLEAR
    return _REFUSED if value[0] < least[0] else _SENT


@compiled
def _affordable(cash: Doubled, units: float, cost_of_lot: Doubled, in_lots: bool) -> tuple[float, float, bool]:
    """Return how many lots the cash buys, as a pair, and whether that is certain."""
    if units <= 0.0:
        return 0.0, 0.0, True
    lots = quotient(cash, product(cost_of_lot, (units, 0.0)))
    if not in_lots:
        return lots[0], lots[1], True
    clear = lots[0] < _LARGEST and abs(lots[0] - np.rint(lots[0]) + lots[1]) >= _NEAR
    return np.floor(lots[0]), 0.0, clear


@compiled
def _next(rows: Ints, i: int, row: int) -> int:
    """Return the number of the first of rising rows, from number ``i`` on, that comes after a row."""
    while i < rows.size and rows[i] <= row:
        i += 1
    return i


@compiled
def _leave(
    sells: Ints, row: int, sell: Floats, value_of_lot: Doubled, lots: Doubled, least: Doubled, never: int
) -> int:
    """Return the first row after ``row`` to sell on without being refused; -1 when that is unclear."""
    for j in range(np.searchsorted(sells, row, side="right"), sells.size):
        answer = _order(sell[sells[j] + 1], value_of_lot, lots, least)
        if answer == _UNCLEAR:
            return -1
        if answer == _SENT:
            return int(sells[j])
    return never


@compiled
def _hold(
    row: int,
    leave: int,
    quantity: float,
    money: float,
    after: float,
    close: Floats,
    edges: Ints,
    state: Floats,
    blocks: Floats,
) -> None:
    """Follow the equity from the bar after ``row`` to the one after ``leave``; state: equity, peak, least, Σ r, Σ r²."""
    block = 0
    for t in range(row + 1, min(leave + 2, close.size)):
        while t >= edges[block + 1]:
            block += 1
        equity = after if t == leave + 1 else money + quantity * close[t]
        r = equity / state[0] - 1.0
        state[0] = equity
        state[1] = equity if equity > state[1] else state[1]
        if equity < state[2] * state[1]:
            state[2] = equity / state[1]
        state[3] += r
        state[4] += r * r
        blocks[block, 0] += r
        blocks[block, 1] += r * r


@compiled
def _walk(
    buys: Ints,
    sells: Ints,
    buy: Floats,
    sell: Floats,
    close: Floats,
    terms: Terms,
    edges: Ints,
    figures: Floats,
    blocks: Floats,
) -> bool:
    begin, buy_value, buy_cost, sell_value, sell_gain, least_value, mark, lot, in_lots, scale = terms
    n = close.size
    cash, lots = begin, (0.0, 0.0)
    state = np.array([begin[0], begin[0], 1.0, 0.0, 0.0])
    won = lost = 0.0
    closed = wins = bars_held = i = 0
    row = -1
    while True:
        # Flat: the next row to buy on.
        i = _next(buys, i, row)
        if i == buys.size:
            break
        row = buys[i]
        many, rest, clear = _affordable(cash, buy[row + 1], buy_cost, in_lots)
        answer = _order(buy[row + 1], buy_value, (many, rest), least_value)
        if not clear or answer == _UNCLEAR:
            return False
        if answer == _REFUSED:
            continue
        lots, spent = (many, rest), cash
        paid = product(product(buy_cost, (buy[row + 1], 0.0)), lots)
        # Without lots everything is spent; what a subtraction would leave is rounding.
        cash = total(cash, negative(paid)) if in_lots else (0.0, 0.0)
        leave = _leave(sells, row, sell, sell_value, lots, least_value, n)
        if leave < 0:
            return False
        money = cash[0]
        if leave < n:
            cash = total(cash, product(product(sell_gain, (sell[leave + 1], 0.0)), lots))
        _hold(row, leave, lots[0] * lot, money, cash[0], close, edges, state, blocks)
        bars_held += min(leave, n - 1) - row
        if leave == n:
            break
        row, lots = leave, (0.0, 0.0)
        closed += 1
        gain = total(cash, negative(spent))[0]
        if abs(gain) > 1e-24 * spent[0]:  # less is rounding
            wins += gain > 0.0
            won += max(gain, 0.0)
            lost -= min(gain, 0.0)
    last = np.floor(close[n - 1] * scale + 0.5) if scale > 0.0 else close[n - 1]
    final = total(cash, product(product(mark, (last, 0.0)), lots))
    figures[0] = quotient(total(final, negative(begin)), begin)[0]
    figures[1] = state[2] - 1.0
    figures[2], figures[3] = state[3], state[4]
    figures[4], figures[5] = closed, wins
    figures[6] = won / lost if lost > 0.0 else math.inf if won > 0.0 else math.nan
    figures[7] = bars_held
    return True
