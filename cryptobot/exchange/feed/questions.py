"""Asking for candles: how often, what came of it, and what is done when it fails."""

from __future__ import annotations

from typing import Final

from cryptobot.core.clock import Clock
from cryptobot.core.errors import TransientError
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Bar
from cryptobot.exchange.feed.sequence import BarSequence
from cryptobot.market.source import CandleSource

_FIRST_BACKOFF: Final = 1.0
_LONGEST_BACKOFF: Final = 30.0


class Questions:
    """Asks one source about one market and passes its answers through a `BarSequence`.

    Parameters
    ----------
    source
        Where candles are asked for.
    symbol, timeframe
        The market and its interval.
    sequence
        Knows which bars are still wanted.
    clock
        For when things happened.

    Attributes
    ----------
    asked
        How often candles were asked for.
    asked_at
        When, the last time: seconds of the monotonic clock.
    more
        Whether the last answer was full, so that more is there to be had at once.
    now
        The exchange's time in its last answer, or None.
    traded, traded_before
        The newest candle with volume in the last answer, and in the one before.
    failing_since
        Since when nothing was answered, or None.
    failure
        What was seen, in words.
    backoff
        Seconds until the next attempt.
    """

    def __init__(
        self, source: CandleSource, symbol: str, timeframe: Timeframe, sequence: BarSequence, clock: Clock
    ) -> None:
        self.asked = 0
        self.asked_at = clock.monotonic()
        self.more = False
        self.now: int | None = None
        self.traded: Bar | None = None
        self.traded_before: Bar | None = None
        self.failing_since: float | None = None
        self.failure = ""
        self.backoff = _FIRST_BACKOFF
        self._source = source
        self._symbol = symbol
        self._timeframe = timeframe
        self._sequence = sequence
        self._clock = clock

    async def ask(self, *, with_time: bool, only_when_over: bool) -> list[Bar]:
        """Return the bars that have closed; none if the source fails for now.

        Parameters
        ----------
        with_time
            Whether the exchange's time is asked for, too, and before: a candle may close between the two.
        only_when_over
            Whether candles are worth asking for only once the next bar's time is over.
        """
        self.more = False
        self.asked_at = self._clock.monotonic()
        try:
            now = await self._source.now() if with_time else None
            self.now = now if with_time else self.now
            over = now is None or now >= self._sequence.next + self._timeframe.nanoseconds
            answer = await self._candles() if over or not only_when_over else []
        except TransientError as error:
            self._fail(error)
            return []
        self.failing_since, self.backoff = None, _FIRST_BACKOFF
        before = self._sequence.next
        bars = self._sequence.closed(answer, now, self._clock.monotonic())
        self.more = len(answer) >= self._source.page_limit and self._sequence.next > before
        return bars

    async def _candles(self) -> list[Bar]:
        self.asked += 1
        answer = await self._source.candles(self._symbol, self._timeframe, self._sequence.next)
        traded = [bar for bar in answer if bar.volume > 0]
        self.traded_before = self.traded
        self.traded = max(traded, key=lambda bar: bar.time, default=self.traded)
        return answer

    def _fail(self, error: TransientError) -> None:
        now = self._clock.monotonic()
        if self.failing_since is None:
            self.failing_since, self.backoff = now, _FIRST_BACKOFF
        else:
            self.backoff = min(2 * self.backoff, _LONGEST_BACKOFF)
        self.failure = f"the exchange does not answer ({error})"
