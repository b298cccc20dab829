"""The practice market: endless bars from a seed that look like those of a real exchange, without a network."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from cryptobot.core.bars import COLUMNS, PRICES, BarColumns
from cryptobot.core.errors import ConfigError
from cryptobot.core.grid import PriceGrid
from cryptobot.core.money import Market, decimal_of
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Bar
from cryptobot.market.arguments import interval, start_price, start_second, whole_number
from cryptobot.market.model import LOTS, TICKS, Model
from cryptobot.market.planted import planned_holes, without

if TYPE_CHECKING:
    import pandas as pd

Columns = dict[str, NDArray[np.float64]]

PRACTICE_MARKET: Final = Market(
    "BTC/USDT",
    tick_size=decimal_of(1 / TICKS),
    lot_size=decimal_of(1 / LOTS),
    min_notional=decimal_of(5),
)

# Bars are made so many at a time, whatever is asked for: that makes every series a prefix of a longer one.
_CHUNK: Final = 4096
_NANOSECONDS: Final = 1_000_000_000
_GRID: Final = PriceGrid(2)
# Times are int64 nanoseconds: they end in the year 2262.
_LAST_SECOND: Final = np.iinfo(np.int64).max // _NANOSECONDS


class PracticeMarket(Iterator[Bar]):
    """An endless market made from a seed.

    Volatility clusters over minutes, days and weeks, jumps bring aftershocks, weekends and nights are quiet, and all
    prices lie on the tick of 0.01 (see ``cryptobot.market.model``). The same arguments give the same bars, with the same
    release of numpy; how they are taken, one by one or many at once, makes no difference.

    Parameters
    ----------
    seed
        Whole number of at least 0; another seed is another market.
    timeframe
        Interval of a bar, ``"1s"`` to ``"1w"``. Volatility grows with it as on a real market; the bars of two
        timeframes are two markets, not one summed up.
    start
        Open time of the first bar, ISO 8601; UTC unless it carries an offset.
    price
        Where the price starts, 1 to 10,000,000; over years it leans back toward it.

    Attributes
    ----------
    seed, timeframe
        As given.

    Raises
    ------
    ConfigError
        If an argument is not allowed, or when the bars reach the year 2262, where times of 64 bits end.

    Examples
    --------
    >>> market = PracticeMarket(seed=7)
    >>> history = market.take(300)
    >>> next(market).time - int(history.time[-1])
    60000000000
    """

    def __init__(
        self,
        seed: int = 7,
        *,
        timeframe: str | Timeframe = "1m",
        start: str | dt.datetime = "2024-01-01",
        price: float = 60_000.0,
    ) -> None:
        self.seed = whole_number("seed", seed, least=0)
        self.timeframe = interval(timeframe)
        self._first = start_second(start)
        self._model = Model(self.timeframe.seconds, start_price(price), self._random())
        self._chunks = 0
        self._time: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._columns: Columns = {}
        self._rows: list[Bar] = []
        self._used = 0

    def take(self, n: int) -> BarColumns:
        """Return the next n bars and move past them.

        Parameters
        ----------
        n
            Whole number of at least 1.
        """
        wanted = whole_number("n", n, least=1)
        self._check_reach(wanted)
        times: list[NDArray[np.int64]] = []
        parts: list[Columns] = []
        while wanted > 0:
            self._fill()
            part = slice(self._used, self._used + wanted)
            times.append(self._time[part])
            parts.append({name: column[part] for name, column in self._columns.items()})
            self._used += times[-1].size
            wanted -= times[-1].size
        return self._bars(np.concatenate(times), {name: np.concatenate([p[name] for p in parts]) for name in COLUMNS})

    def __next__(self) -> Bar:
        self._check_reach(1)
        self._fill()
        if not self._rows:
            self._rows = self._bars(self._time, self._columns).rows()
        bar = self._rows[self._used]
        self._used += 1
        return bar

    def __repr__(self) -> str:
        return f"PracticeMarket(seed={self.seed}, timeframe='{self.timeframe}')"

    def _fill(self) -> None:
        """Make the next chunk when the last one is used up."""
        if self._used < self._time.size:
            return
        seconds = self.timeframe.seconds
        first = self._first + self._chunks * _CHUNK * seconds
        opened = first + np.arange(_CHUNK, dtype=np.int64) * seconds
        made = self._model.next(opened, self._random(self._chunks))
        self._time = opened * _NANOSECONDS
        # Division gives the float64 nearest to the decimal, multiplication by 0.01 does not.
        self._columns = {name: getattr(made, name) / float(TICKS) for name in PRICES}
        self._columns["volume"] = made.volume / float(LOTS)
        self._chunks, self._used, self._rows = self._chunks + 1, 0, []

    def _check_reach(self, n: int) -> None:
        missing = n - (self._time.size - self._used)
        chunks = self._chunks + max(0, -(-missing // _CHUNK))
        if self._first + (chunks * _CHUNK + 1) * self.timeframe.seconds > _LAST_SECOND:
            raise ConfigError(
                f"n: {n:,} more bars of {self.timeframe} lead past the year 2262, where times of 64 bits end. Ask for "
                "fewer bars, a shorter timeframe or an earlier start."
            )

    def _random(self, *chunk: int) -> np.random.Generator:
        # Each chunk has a source of its own, so that nothing one chunk draws shifts the next.
        key = (self.timeframe.seconds, *chunk)
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence(self.seed, spawn_key=key)))

    def _bars(self, time: NDArray[np.int64], columns: Columns) -> BarColumns:
        for array in (time, *columns.values()):
            array.flags.writeable = False
        return BarColumns(time=time, **columns, timeframe=self.timeframe, grid=_GRID)


def practice_bars(
    n: int = 50_000,
    seed: int = 7,
    *,
    timeframe: str | Timeframe = "1m",
    start: str | dt.datetime = "2024-01-01",
    price: float = 60_000.0,
    holes: int = 0,
) -> pd.DataFrame:
    """Return bars of the practice market: no network, and the same seed gives the same bars.

    Without holes, fewer bars are exactly the first ones of more bars.

    Parameters
    ----------
    n
        How many rows, at least 1.
    seed, timeframe, start, price
        See `PracticeMarket`.
    holes
        At how many places bars are missing, at most n - 2. The market goes on meanwhile, so that the price has moved
        behind a hole. The rows are still n; the places depend on the seed and n.

    Returns
    -------
    DataFrame
        UTC DatetimeIndex ``time`` of open times, float64 columns open, high, low, close, volume. ``.attrs`` has
        ``source``, ``timeframe`` and ``holes`` (see `read_bars`).

    Raises
    ------
    ConfigError
        If an argument is not allowed.

    Examples
    --------
    >>> bars = practice_bars(1_000, seed=7)
    >>> bool((bars["high"] >= bars["close"]).all())
    True
    >>> len(practice_bars(1_000, seed=7, holes=3).attrs["holes"])
    3
    """
    from cryptobot.market.frame import frame_of

    rows, gaps = whole_number("n", n, least=1), whole_number("holes", holes, least=0)
    if gaps > max(rows - 2, 0):
        raise ConfigError(
            f"holes: {gaps} holes do not fit into {rows} bars. Allowed are 0 to {max(rows - 2, 0)} (n - 2), so that "
            "two bars stay side by side and show the interval; ask for fewer holes or more bars."
        )
    market = PracticeMarket(seed, timeframe=timeframe, start=start, price=price)
    places, lengths = planned_holes(rows, gaps, market.seed)
    bars = without(market.take(rows + int(lengths.sum())), places, lengths)
    return frame_of(bars, f"practice market, seed {market.seed}")
