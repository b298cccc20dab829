"""The compiled book of a sweep: what trades do to the equity, and the figures of each parameter set.

Importing this module imports numba.
"""

from __future__ import annotations

import numpy as np

from cryptobot.backtest.sweep.compiled import Factors, Floats, Ints, Series, Words, compiled
from cryptobot.backtest.sweep.words64 import extremes_of_eight, lowest_bit, multiply_add


@compiled
def extremes(values: Floats, first: int, stop: int) -> tuple[float, float]:
    """Return the least and the greatest of some rows, of at least one."""
    if stop - first >= 8:
        found: tuple[float, float] = extremes_of_eight(values, first, stop)
        return found
    low, high = values[first], values[first]
    for t in range(first + 1, stop):
        x = values[t]
        low = x if x < low else low
        high = x if x > high else high
    return low, high


@compiled
def units(price: float, scale: float) -> float:
    """Return a price in units; see `Prices`."""
    return float(np.floor(price * scale + 0.5)) if scale > 0.0 else price


@compiled
def measure_trades(
    enter: Ints,
    leave: Ints,
    wanted: Words,
    known: Words,
    first_open: int,
    prices: Factors,
    series: Series,
    out: Floats,
) -> None:
    """Compute what trades do to the equity, as if 1 were invested.

    Parameters
    ----------
    enter, leave
        Rows decided on; orders fill on the next.
    wanted, known
        Trade i is bit i % 64 of word i // 64. Those that are wanted and not known yet are computed and known then.
    first_open
        The trades from this number on are never closed.
    prices
        What `Prices.factors` returns.
    series
        (close, prefixes, most): the closes, and what `prefix_returns` returns.
    out
        float64, shape (many, 8), written, a trade a row (so that it lies in one line of the cache): final value and
        what its rounding left, lowest and highest value, Σ r, Σ r², value of one unit of price, and NaN for the
        drawdown within the trade, which few need.
    """
    buy, sell, scale, gain, gain_rest, cost, keeps = prices
    close, prefixes, _ = series
    one = np.uint64(1)
    for w in range(wanted.size):
        word = wanted[w] & ~known[w]
        known[w] |= word
        while word != 0:
            # Unsigned, so that nothing asks whether they count from the end.
            i = np.uint64(w * 64) + lowest_bit(word)
            word &= word - one
            d = np.uint64(leave[i])
            u = np.uint64(enter[i]) + one  # the row that is bought on
            bought = units(buy[u], scale)
            per_price = cost / bought
            low, high = extremes(close, enter[i] + 1, leave[i] + 1)
            low *= per_price
            high *= per_price
            begins = close[u] * per_price - 1.0
            total = begins + (prefixes[d, 0] - prefixes[u, 0])
            square = begins * begins + (prefixes[d, 1] - prefixes[u, 1])
            if i < first_open:
                sold = units(sell[d + one], scale)
                q = sold / bought
                rest = multiply_add(-q, bought, sold) / bought
                value = q * gain
                rest = multiply_add(q, gain, -value) + (q * gain_rest + rest * gain)
                ends = sold * keeps / close[d] - 1.0
                total += ends
                square += ends * ends
                low = value if value < low else low
                high = value if value > high else high
                out[i, 0] = value + rest
                out[i, 1] = (value - out[i, 0]) + rest
            else:
                out[i, 0] = close[d] * per_price
                out[i, 1] = 0.0
            out[i, 2], out[i, 3], out[i, 4], out[i, 5], out[i, 6] = low, high, total, square, per_price
            out[i, 7] = np.nan


@compiled
def deepest_within(close: Floats, u: int, d: int, per_price: float, final: float, closed: bool) -> float:
    """Return the deepest fall within a trade, as the share that is left of its own highest value."""
    high = close[u + 1] * per_price
    least = 1.0
    for t in range(u + 2, d + 1):
        x = close[t] * per_price
        if x > high:
            high = x
        elif x < least * high:
            least = x / high
    if closed and final < least * high:
        least = final / high
    return least


@compiled
def blocks_of(u: int, d: int, edges: Ints, b: int) -> tuple[int, int]:
    """Find the blocks of bars, from number b on, that hold the first and the last return of a trade."""
    while u + 1 >= edges[b + 1]:
        b += 1
    begins = b
    while b + 2 < edges.size and d + 1 >= edges[b + 1]:
        b += 1
    return begins, b


@compiled
def add_returns(into: Floats, b: int, total: float, square: float) -> None:
    """Add Σ r and Σ r² to those of a block of bars."""
    into[b, 0] += total
    into[b, 1] += square


@compiled
def spread(
    u: int, d: int, per_price: float, gets: float, close: Floats, prefixes: Floats, edges: Ints, b: int, into: Floats
) -> None:
    """Add the returns of a trade that reaches over several blocks of bars, the first of them b, to each.

    One that is sold ``gets`` so much for each unit of price on the row after d; one that is never closed gets NaN.
    """
    begins = close[u + 1] * per_price - 1.0
    into[b, 0] += begins
    into[b, 1] += begins * begins
    t = u + 1
    while t < d:
        while t + 1 >= edges[b + 1]:
            b += 1
        upto = min(d, edges[b + 1] - 1)
        into[b, 0] += prefixes[upto, 0] - prefixes[t, 0]
        into[b, 1] += prefixes[upto, 1] - prefixes[t, 1]
        t = upto
    if not np.isnan(gets):
        while d + 1 >= edges[b + 1]:
            b += 1
        ends = gets / close[d] - 1.0
        into[b, 0] += ends
        into[b, 1] += ends * ends


@compiled
def keep_book(
    enter: Ints,
    leave: Ints,
    chosen: Ints,
    many: int,
    first_open: int,
    measured: Floats,
    prices: Factors,
    series: Series,
    edges: Ints,
    figures: Floats,
    into: Floats,
) -> None:
    """Invest everything in each chosen trade, one after the other.

    Parameters
    ----------
    enter, leave
        int64 arrays: see `candidates`.
    chosen, many
        int64 array: which of the trades, rising; and how many these are.
    first_open
        The trades from this number on are never closed.
    measured, prices
        As for `measure_trades`; its last column is filled here as needed.
    series
        As for `measure_trades`.
    edges
        Where blocks of bars begin and end.
    figures
        float64, shape (8,), written: total return, max drawdown, Σ r, Σ r², trades, wins, profit factor, bars held.
    into
        float64, shape (blocks, 2), zeros: Σ r and Σ r² are added.
    """
    close, prefixes, _ = series
    _, sell, scale, _, _, _, keeps = prices
    last = edges.size - 2
    # What the rounding of each product leaves is carried along, so that a return near 0 keeps its digits.
    value, rest, peak, least = 1.0, 0.0, 1.0, 1.0
    total = square = won = lost = block_total = block_square = 0.0
    held = closed = wins = block = 0
    beyond = edges[1] if last > 0 else close.size + 1
    for k in range(many):
        i = np.uint64(chosen[k])  # so that nothing asks whether it counts from the end
        final, low, high = measured[i, 0], measured[i, 2], measured[i, 3]
        under = value * low
        if under < least * peak:
            least = min(least, under / peak)
        if low < least * high:
            if np.isnan(measured[i, 7]):
                measured[i, 7] = deepest_within(close, enter[i], leave[i], measured[i, 6], final, bool(i < first_open))
            least = measured[i, 7] if measured[i, 7] < least else least
        peak = max(peak, value * high)
        if i < first_open:
            gain = (final - 1.0) + measured[i, 1]
            closed += 1
            wins += gain > 0.0
            gain *= value
            won += gain if gain > 0.0 else 0.0
            lost -= gain if gain < 0.0 else 0.0
        product = value * final
        left = multiply_add(value, measured[i, 1], multiply_add(value, final, -product))
        rest = multiply_add(rest, final, left)
        value = product
        total += measured[i, 4]
        square += measured[i, 5]
        held += leave[i] - enter[i]
        if leave[i] + 1 >= beyond:
            add_returns(into, block, block_total, block_square)
            block_total = block_square = 0.0
            begins, block = blocks_of(enter[i], leave[i], edges, block)
            beyond = edges[block + 1] if block < last else close.size + 1
            if begins != block:
                gets = units(sell[leave[i] + 1], scale) * keeps if i < first_open else np.nan
                spread(enter[i], leave[i], measured[i, 6], gets, close, prefixes, edges, begins, into)
                continue
        block_total += measured[i, 4]
        block_square += measured[i, 5]
    add_returns(into, block, block_total, block_square)
    figures[0] = (value - 1.0) + rest
    figures[1] = least - 1.0
    figures[2], figures[3] = total, square
    figures[4], figures[5] = closed, wins
    figures[6] = won / lost if lost > 0.0 else np.inf if won > 0.0 else np.nan
    figures[7] = held


@compiled
def positions(buys: Ints, sells: Ints, last: int, enter: Ints, leave: Ints) -> tuple[int, int]:
    """Walk through rising rows to buy and to sell on: flat, the next buy counts; long, the next sell.

    Returns
    -------
    tuple
        How many positions, and whether the last of them is never left (it is then valued on row ``last``).
    """
    many = j = 0
    row = np.int64(-1)
    for i in range(buys.size):
        if buys[i] <= row:
            continue
        enter[many] = buys[i]
        while j < sells.size and sells[j] <= buys[i]:
            j += 1
        if j == sells.size:
            leave[many] = last
            return many + 1, 1
        leave[many] = row = sells[j]
        many += 1
    return many, 0


@compiled
def book_of_rows(
    buys: Ints, sells: Ints, prices: Factors, series: Series, edges: Ints, figures: Floats, into: Floats
) -> None:
    """Trade on rows to buy and to sell on; see `keep_book`."""
    size = min(buys.size, sells.size + 1)
    enter, leave = np.empty((2, size), np.int64)
    many, still_open = positions(buys, sells, series[0].size - 1, enter, leave)
    measured = np.empty((many, 8))
    size = many // 64 + 1
    every, known = np.full(size, ~np.uint64(0)), np.zeros(size, np.uint64)
    known[size - 1] = every[0] << np.uint64(many & 63)  # there are no more
    measure_trades(enter, leave, every, known, many - still_open, prices, series, measured)
    chosen = np.arange(many)
    keep_book(enter, leave, chosen, many, many - still_open, measured, prices, series, edges, figures, into)
