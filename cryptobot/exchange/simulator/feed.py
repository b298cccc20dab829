"""One market's prices: bars that are past, the one that is open, and those to come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Bar
from cryptobot.exchange.simulator.candles import Candle, CandleBook
from cryptobot.exchange.simulator.tape import Tape

# So many trades are written down for a bar that was not played moment by moment.
TRADES: Final = 4
_MOST_MOMENTS: Final = 60


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happens in a market at a time.

    Attributes
    ----------
    time
        Nanoseconds since 1970-01-01 UTC.
    kind
        A price is traded, or the candle closes.
    price, quantity
        Of the trade; 0 for a close.
    """

    time: int
    kind: Literal["trade", "close"]
    price: float = 0.0
    quantity: float = 0.0


class Feed:
    """Plays the bars of one market.

    Parameters
    ----------
    symbol
        ``"BASE/QUOTE"``.
    timeframe
        Interval of the bars.
    past
        Bars that are closed at the start.
    coming
        Bars to play, oldest first; taken one by one.
    tick
        Prices are whole multiples of it.
    shift
        Nanoseconds that all times are moved by.

    Attributes
    ----------
    book
        Candles, closed and open.
    tape
        Public trades.
    bar
        The bar that is being played, its future included; None before the first and after the last.
    price
        The present price; 0 before the first bar.
    finished
        Whether the last bar has closed.
    """

    def __init__(
        self,
        symbol: str,
        timeframe: Timeframe,
        past: Iterable[Bar],
        coming: Iterator[Bar],
        tick: Decimal,
        shift: int = 0,
    ) -> None:
        self.symbol = symbol
        self.timeframe = timeframe
        self.exchange_symbol = symbol.replace("/", "")
        self.book = CandleBook(timeframe.nanoseconds)
        self.bar: Bar | None = None
        self.price = 0.0
        self.finished = False
        self._tick = tick
        self._shift = shift
        self._coming = coming
        self._next: Bar | None = None
        number = 1
        for bar in past:
            self.book.base.append(Candle.of(bar._replace(time=bar.time + shift), number, TRADES))
            number += TRADES
            self.price = bar.close
        self.tape = Tape(number)

    def peek(self) -> Bar | None:
        """Return the bar after the present one, without moving on."""
        if self._next is None:
            bar = next(self._coming, None)
            self._next = None if bar is None else bar._replace(time=bar.time + self._shift)
        return self._next

    def open(self) -> Bar:
        """Open the next bar: its open is the price, its open time the time."""
        bar = self.peek()
        if bar is None:
            raise RuntimeError("there is no bar to open")  # whoever calls has peeked
        self.bar, self._next = bar, None
        self.book.base.present = Candle.opened(bar.time, bar.open, self.tape.next_id)
        self.trade(bar.time, bar.open, _part(bar.volume, 0))
        return bar

    def trade(self, time: int, price: float, quantity: float) -> None:
        """Let somebody trade."""
        self.price = price
        self.tape.print(time, price, quantity)
        if self.book.base.present is not None:
            self.book.base.present.trade(price, quantity)

    def close(self) -> Bar:
        """Close the present bar: its candle is then exactly the bar."""
        bar, seen = self.bar, self.book.base.present
        if bar is None or seen is None:
            raise RuntimeError("there is no bar to close")
        while seen.trades < TRADES:
            self.trade(bar.time + self.timeframe.nanoseconds - 1_000_000, bar.close, _part(bar.volume, seen.trades))
        self.book.base.append(Candle.of(bar, seen.first, seen.trades))
        self.book.base.present = None
        self.bar = None
        self.price = bar.close
        self.finished = self.peek() is None
        return bar

    def moments(self, real_seconds: float) -> list[Moment]:
        """Return what happens within the present bar after its open, its close last.

        The price goes from the open to the low, the high and the close, or to the high first where the bar ends lower
        than it began; it moves about once a second of real time, four times at least.

        Parameters
        ----------
        real_seconds
            How long the bar takes.
        """
        bar = self.bar
        if bar is None:
            return []
        step = self.timeframe.nanoseconds
        corners = (
            (bar.open, bar.low, bar.high, bar.close)
            if bar.close >= bar.open
            else (bar.open, bar.high, bar.low, bar.close)
        )
        number = 3 * max(1, min(_MOST_MOMENTS, int(real_seconds)) // 3)
        quantity = round(bar.volume * (TRADES - 1) / TRADES / number, 8)
        made = []
        for turn in range(1, number + 1):
            leg, within = divmod(3 * turn, number)
            price = corners[leg]
            if within:
                price = self._on_tick(price + within / number * (corners[leg + 1] - price))
            # The close is traded a moment before the candle ends, or it would belong to the next one.
            made.append(Moment(bar.time + min(turn * step // number, step - 1_000_000), "trade", price, quantity))
        made.append(Moment(bar.time + step, "close"))
        return made

    def _on_tick(self, price: float) -> float:
        ticks = round(Decimal(repr(price)) / self._tick)
        return float(ticks * self._tick)


def _part(volume: float, turn: int) -> float:
    """Return the part of a bar's volume that one of its few trades has."""
    part = round(volume / TRADES, 8)
    return part if turn < TRADES - 1 else round(volume - (TRADES - 1) * part, 8)
