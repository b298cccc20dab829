"""Bars of any length from trades or quotes."""

from __future__ import annotations

import math
from decimal import Context, Decimal
from typing import Final, NamedTuple, Protocol

from cryptobot.core.bars import time_text
from cryptobot.core.errors import DataError
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Bar

# Quantities are decimals. Their sum is, too, and equals the exchange's own figure to the last digit.
_EXACT: Final = Context(prec=60)
_WEEK: Final = 604_800_000_000_000
_FIRST_MONDAY: Final = 4 * 86_400_000_000_000


class Tick(NamedTuple):
    """A trade, or a quote.

    Attributes
    ----------
    time
        Nanoseconds since 1970-01-01 UTC.
    price
        In the quote currency.
    quantity
        Traded, in the base currency; 0 for a quote.
    id
        The exchange's own, to tell whether two are the same; empty where there is none.
    """

    time: int
    price: float
    quantity: float = 0.0
    id: str = ""


class TickSource(Protocol):
    """A place that past trades can be asked of."""

    name: str

    @property
    def tick_limit(self) -> int:
        """The most trades that one call of `ticks` returns."""

    async def now(self) -> int:
        """Return the source's own time, nanoseconds since 1970-01-01 UTC."""

    async def ticks(self, symbol: str, since: int) -> list[Tick]:
        """Return the first trades at ``since`` or later, oldest first; errors as in `CandleSource.candles`."""


class TickBars:
    """Gathers ticks into bars.

    An interval without ticks makes no bar. Prices of a bar are those of its first, highest, lowest and last tick; its
    volume is the exact decimal sum of the quantities.

    Parameters
    ----------
    timeframe
        Length of a bar. Bars open at whole multiples of it since 1970-01-01 UTC, weeks on Mondays.

    Attributes
    ----------
    late
        How many ticks were left out because their bar had closed already.

    Examples
    --------
    >>> bars = TickBars(Timeframe(10))
    >>> bars.add(Tick(1_000_000_000, 5.0, 0.1)), bars.add(Tick(9_000_000_000, 4.0, 0.2))
    (None, None)
    >>> bars.add(Tick(10_000_000_000, 6.0))
    Bar(time=0, open=5.0, high=5.0, low=4.0, close=4.0, volume=0.3)
    """

    def __init__(self, timeframe: Timeframe) -> None:
        self.late = 0
        self._timeframe = timeframe
        self._closed_before: int | None = None
        self._bar: Bar | None = None
        self._volume = Decimal(0)

    @property
    def open_bar(self) -> Bar | None:
        """The bar that is not over yet, as it is by now; None before its first tick."""
        return None if self._bar is None else self._bar._replace(volume=float(self._volume))

    def add(self, tick: Tick) -> Bar | None:
        """Take a tick and return the bar that it ends, if it opens a new one.

        Raises
        ------
        DataError
            If its price is not a finite number above 0, or its quantity not one of at least 0.
        """
        if not (0.0 < tick.price < math.inf and 0.0 <= tick.quantity < math.inf):
            raise DataError(
                f"a trade at {time_text(tick.time)} has the price {tick.price} and the quantity {tick.quantity}. "
                "Prices are finite numbers above 0, quantities of at least 0: drop it, or mend it at the source."
            )
        opened = opening(tick.time, self._timeframe)
        if (self._closed_before is not None and opened < self._closed_before) or (
            self._bar is not None and opened < self._bar.time
        ):
            self.late += 1
            return None
        ended = self.end() if self._bar is not None and opened > self._bar.time else None
        bar, price = self._bar, tick.price
        if bar is None:
            self._bar = Bar(opened, price, price, price, price, 0.0)
            self._volume = Decimal(0)
        else:
            self._bar = bar._replace(high=max(bar.high, price), low=min(bar.low, price), close=price)
        self._volume = _EXACT.add(self._volume, Decimal(repr(float(tick.quantity))))
        return ended

    def end(self) -> Bar | None:
        """End the open bar and return it: for when its time is over and no later tick came."""
        bar, self._bar = self.open_bar, None
        if bar is not None:
            self._closed_before = bar.time + self._timeframe.nanoseconds
        return bar


def opening(time: int, timeframe: Timeframe) -> int:
    """Return when the bar opened that a time lies in, nanoseconds since 1970-01-01 UTC.

    Examples
    --------
    >>> opening(125_000_000_000, Timeframe(60))
    120000000000
    >>> opening(0, Timeframe.parse("1w"))  # 1970 began on a Thursday
    -259200000000000
    """
    step = timeframe.nanoseconds
    origin = _FIRST_MONDAY if step % _WEEK == 0 else 0
    return origin + (time - origin) // step * step


def merged(bars: list[Bar], opened: int) -> Bar:
    """Return the bar that consecutive shorter bars, at least one, make together."""
    volume = Decimal(0)
    for bar in bars:
        volume = _EXACT.add(volume, Decimal(repr(float(bar.volume))))
    return Bar(
        opened,
        bars[0].open,
        max(bar.high for bar in bars),
        min(bar.low for bar in bars),
        bars[-1].close,
        float(volume),
    )
