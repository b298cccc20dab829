"""Candles of one market: the closed ones, the open one, and the same in longer intervals."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from dataclasses import dataclass
from typing import Any

from cryptobot.core.types import Bar
from cryptobot.exchange.simulator.intervals import beginning
from cryptobot.exchange.simulator.numbers import float_text

_DECIMALS = 8


@dataclass(slots=True)
class Candle:
    """One candle.

    Attributes
    ----------
    time
        When it opened, nanoseconds since 1970-01-01 UTC.
    open, high, low, close
        Prices in the quote currency.
    volume, value
        What was traded, in the base and in the quote currency.
    first, trades
        Id of its first trade, and how many there were.
    """

    time: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    value: float
    first: int
    trades: int

    @classmethod
    def of(cls, bar: Bar, first: int, trades: int) -> Candle:
        """Make a closed candle of a bar; its value is taken at the mean of its four prices."""
        value = round(bar.volume * (bar.open + bar.high + bar.low + bar.close) / 4, _DECIMALS)
        return cls(bar.time, bar.open, bar.high, bar.low, bar.close, bar.volume, value, first, trades)

    @classmethod
    def opened(cls, time: int, price: float, first: int) -> Candle:
        """Make an open candle that has seen no trade yet."""
        return cls(time, price, price, price, price, 0.0, 0.0, first, 0)

    def trade(self, price: float, volume: float) -> None:
        """Take a trade in."""
        self.high = max(self.high, price)
        self.low = min(self.low, price)
        self.close = price
        self.volume = round(self.volume + volume, _DECIMALS)
        self.value = round(self.value + volume * price, _DECIMALS)
        self.trades += 1

    def merge(self, later: Candle) -> None:
        """Take a whole candle in that follows this one."""
        self.high = max(self.high, later.high)
        self.low = min(self.low, later.low)
        self.close = later.close
        self.volume = round(self.volume + later.volume, _DECIMALS)
        self.value = round(self.value + later.value, _DECIMALS)
        self.trades += later.trades

    def copy(self, time: int) -> Candle:
        """Return the same candle with another open time."""
        return Candle(
            time, self.open, self.high, self.low, self.close, self.volume, self.value, self.first, self.trades
        )

    def row(self, step: int) -> list[Any]:
        """Return it as ``/api/v3/klines`` writes it; ``step`` is its length in nanoseconds."""
        opened = self.time // 1_000_000
        return [
            opened,
            float_text(self.open),
            float_text(self.high),
            float_text(self.low),
            float_text(self.close),
            float_text(self.volume),
            opened + step // 1_000_000 - 1,
            float_text(self.value),
            self.trades,
            float_text(round(self.volume / 2, _DECIMALS)),
            float_text(round(self.value / 2, _DECIMALS)),
            "0",
        ]


class Candles:
    """Candles of one interval, oldest first.

    Parameters
    ----------
    step
        Length of a candle in nanoseconds.

    Attributes
    ----------
    present
        The candle that is still open, or None between two candles.
    """

    def __init__(self, step: int) -> None:
        self.step = step
        self.present: Candle | None = None
        self.time = array("q")
        self.high = array("d")
        self.low = array("d")
        self._prices = array("d")  # open and close, side by side
        self._amounts = array("d")  # volume and value
        self._trades = array("q")  # first id and number

    def __len__(self) -> int:
        return len(self.time)

    def __getitem__(self, index: int) -> Candle:
        index = range(len(self.time))[index]
        two = 2 * index
        return Candle(
            self.time[index],
            self._prices[two],
            self.high[index],
            self.low[index],
            self._prices[two + 1],
            self._amounts[two],
            self._amounts[two + 1],
            self._trades[two],
            self._trades[two + 1],
        )

    def append(self, candle: Candle) -> None:
        """Put a closed candle behind the others."""
        self.time.append(candle.time)
        self.high.append(candle.high)
        self.low.append(candle.low)
        self._prices.extend((candle.open, candle.close))
        self._amounts.extend((candle.volume, candle.value))
        self._trades.extend((candle.first, candle.trades))

    def replace(self, index: int, candle: Candle) -> None:
        """Put a candle in the place of a closed one."""
        index = range(len(self.time))[index]
        two = 2 * index
        self.high[index], self.low[index] = candle.high, candle.low
        self._prices[two], self._prices[two + 1] = candle.open, candle.close
        self._amounts[two], self._amounts[two + 1] = candle.volume, candle.value

    def since(self, time: int) -> int:
        """Return the position of the first closed candle that opened at this time or later."""
        return bisect_left(self.time, time)

    def together(self, low: int) -> Candle | None:
        """Return the closed candles from a position on and the open one as a single candle; None if there are none."""
        now = self.present
        if low >= len(self):
            return None if now is None else now.copy(now.time)
        two = 2 * low
        whole = self[low]
        whole.close = self._prices[-1]
        whole.high = max(self.high[low:])
        whole.low = min(self.low[low:])
        whole.volume = round(sum(self._amounts[two::2]), _DECIMALS)
        whole.value = round(sum(self._amounts[two + 1 :: 2]), _DECIMALS)
        whole.trades = sum(self._trades[two + 1 :: 2])
        if now is not None:
            whole.merge(now)
        return whole

    def rows(self, since: int | None, until: int | None, limit: int, *, without_last: int = 0) -> list[list[Any]]:
        """Return candles as ``/api/v3/klines`` does, the open one included.

        Parameters
        ----------
        since, until
            Nanoseconds, both included: the oldest ones from ``since``, or else the newest ones up to ``until``.
        limit
            The most rows.
        without_last
            How many of the newest closed candles are not shown yet.
        """
        shown = len(self) - without_last
        low = 0 if since is None else self.since(since)
        high = shown if until is None else min(shown, self.since(until + 1))
        open_too = (
            self.present is not None
            and not without_last
            and (since is None or self.present.time >= since)
            and (until is None or self.present.time <= until)
        )
        if since is None:
            low = max(low, high - limit + (1 if open_too else 0))
        rows = [self[index].row(self.step) for index in range(low, min(high, low + limit))]
        if open_too and self.present is not None and len(rows) < limit:
            rows.append(self.present.row(self.step))
        return rows


class CandleBook:
    """The candles of a market in its own interval and in all that can be made of them.

    Parameters
    ----------
    step
        Length of the base candles in nanoseconds.

    Attributes
    ----------
    base
        The candles that the market is played from.
    """

    def __init__(self, step: int) -> None:
        self.base = Candles(step)
        self._longer: dict[int, _Longer] = {}

    def of(self, step: int) -> Candles:
        """Return the candles of a length, nanoseconds, that is a whole multiple of the base's."""
        if step == self.base.step:
            return self.base
        return self._longer.setdefault(step, _Longer(step)).follow(self.base)

    def revise(self, index: int, candle: Candle) -> None:
        """Put another candle in the place of a closed one; the longer ones are made anew when next asked."""
        self.base.replace(index, candle)
        self._longer.clear()


class _Longer:
    """Candles put together from shorter ones, as far as these have come."""

    def __init__(self, step: int) -> None:
        self._made = Candles(step)
        self._seen = 0
        self._growing: Candle | None = None

    def follow(self, base: Candles) -> Candles:
        for index in range(self._seen, len(base)):
            self._take(base[index])
        self._seen = len(base)
        now = base.present
        growing = self._growing
        if growing is not None and (
            (now is not None and beginning(now.time, self._made.step) > growing.time)
            or (len(base) and base.time[-1] + base.step >= growing.time + self._made.step)
        ):
            self._made.append(growing)
            growing = self._growing = None
        self._made.present = self._present(growing, now)
        return self._made

    def _take(self, candle: Candle) -> None:
        opened = beginning(candle.time, self._made.step)
        if self._growing is not None and self._growing.time == opened:
            self._growing.merge(candle)
            return
        if self._growing is not None:
            self._made.append(self._growing)
        self._growing = candle.copy(opened)

    def _present(self, growing: Candle | None, now: Candle | None) -> Candle | None:
        if now is None:
            return growing
        if growing is None:
            return now.copy(beginning(now.time, self._made.step))
        whole = growing.copy(growing.time)
        whole.merge(now)
        return whole
