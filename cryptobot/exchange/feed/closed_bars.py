"""Each closed bar once, in order, from an exchange that may be slow, silent or wrong about its stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Final

from cryptobot.core.bars import Hole
from cryptobot.core.clock import Clock, SystemClock
from cryptobot.core.errors import ConfigError
from cryptobot.core.events import BarClosed, ConnectionChanged
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Bar
from cryptobot.exchange.feed.questions import Questions
from cryptobot.exchange.feed.sequence import BarSequence
from cryptobot.exchange.feed.waiting import until
from cryptobot.exchange.feed.watch import Watch
from cryptobot.market.source import CandleSource, CandleWatcher

_FIRST_RETRY: Final = 0.1
_SOONEST: Final = 0.05
_MISSING: Final = 0.25  # between questions about a candle that is missing
_AGAIN: Final = 30.0  # until a connection that was made anew, and is silent too, is made anew once more
# Binance tells of a candle's changes every 2 s: so long may a message be on its way.
_ON_ITS_WAY: Final = 3.0


class ClosedBarFeed:
    """Asks a source for candles and gives each closed bar once, in order.

    What the source answers is the truth. A watcher's messages only say when asking is worth while, so messages that are
    late, repeated, out of order or wrong do no harm. Bars that are missing are left out and named in `holes`.

    While messages come, candles are asked for once a bar. Without messages they are asked for every `poll` seconds; if
    the answers then show trading that no message told of, the stream is taken for dead, within two bars, dropped and
    made anew, and bars come by asking until messages come again.

    Parameters
    ----------
    source
        Where candles are asked for.
    watcher
        What tells that candles change, or None to ask every ``poll`` seconds.
    symbol, timeframe
        The market and the interval of its bars.
    clock
        For all waiting. The exchange's time is asked for, never taken from here.
    since
        Open time of the first bar wanted, nanoseconds since 1970-01-01 UTC.
    poll
        Seconds between two questions while no messages come.

    Attributes
    ----------
    up
        Whether the exchange answers and its stream, if there is one, works.

    Raises
    ------
    ConfigError, AuthError
        While iterating: these end the feed. Passing faults do not; it goes on asking.
    """

    def __init__(
        self,
        source: CandleSource,
        watcher: CandleWatcher | None,
        symbol: str,
        timeframe: Timeframe,
        *,
        clock: Clock | None = None,
        since: int,
        poll: float = 10.0,
    ) -> None:
        if isinstance(poll, bool) or not isinstance(poll, int | float) or not 0 < poll <= 3600:
            raise ConfigError(f"poll: {poll!r} is not allowed. Give seconds above 0 and up to 3600, for example 10.")
        self.up = True
        self._clock = clock or SystemClock()
        self._seconds = float(timeframe.seconds)
        self._step = timeframe.nanoseconds
        self._poll = float(poll)
        self._quiet = min(self._seconds, self._poll)
        self._sequence = BarSequence(timeframe, since)
        self._questions = Questions(source, symbol, timeframe, self._sequence, self._clock)
        self._changed = asyncio.Event()
        self._watch = Watch(watcher, symbol, timeframe, self._clock, self._changed) if watcher is not None else None
        self._told = since  # newest candle that messages had told of when candles were asked for last
        self._retry = _FIRST_RETRY
        self._frames = self._frames_before = 0  # messages that had come before the last question and the one before it
        self._last_closed: Bar | None = None  # newest bar that the last question gave
        self._traded_at_drop: Bar | None = None
        self._events = self._run()

    @property
    def holes(self) -> list[Hole]:
        """Where bars are missing."""
        return list(self._sequence.holes)

    @property
    def next(self) -> int:
        """Open time of the bar that is expected next, nanoseconds since 1970-01-01 UTC."""
        return self._sequence.next

    @property
    def asked(self) -> int:
        """How often candles were asked for."""
        return self._questions.asked

    def __aiter__(self) -> AsyncIterator[BarClosed | ConnectionChanged]:
        return self

    async def __anext__(self) -> BarClosed | ConnectionChanged:
        return await self._events.__anext__()

    async def aclose(self) -> None:
        """Stop, and let go of the stream."""
        await self._events.aclose()

    async def _run(self) -> AsyncGenerator[BarClosed | ConnectionChanged, None]:
        if self._watch is not None:
            self._watch.start()
        try:
            with_time = True
            while True:
                bars = await self._ask(with_time=with_time)
                for bar in bars:
                    yield BarClosed(bar, late=bar is not bars[-1] or self._questions.more)
                await self._drop_if_silent()
                if (change := self._connection_change()) is not None:
                    yield change
                with_time = False
                while not self._told_of_more() and not with_time:
                    if (left := self._seconds_left()) <= 0:
                        with_time = True
                        continue
                    await until(self._clock, max(left, _SOONEST), self._changed)
                    if (change := self._connection_change()) is not None:
                        yield change
        finally:
            if self._watch is not None:
                await self._watch.stop()

    async def _ask(self, *, with_time: bool) -> list[Bar]:
        watch = self._watch
        if watch is not None and watch.newest is not None:
            self._told = max(self._told, watch.newest)
        frames = watch.frames if watch is not None else 0
        bars = await self._questions.ask(
            with_time=with_time, only_when_over=with_time and (watch is None or not watch.up)
        )
        if self._questions.failing_since is None:
            self._frames_before, self._frames = self._frames, frames
        self._last_closed = bars[-1] if bars else None
        self._retry = _FIRST_RETRY if not self._answer_is_late() else min(2 * self._retry, self._quiet)
        return bars

    def _told_of_more(self) -> bool:
        """Whether the next bar is known to be over, and was not when candles were asked for last."""
        if self._watch is not None and self._watch.error is not None:
            raise self._watch.error
        if self._questions.failing_since is not None:
            return False
        if self._questions.more:
            return True
        newest = self._watch.newest if self._watch is not None and self._watch.up else None
        return newest is not None and newest > self._told and newest >= self._sequence.next + self._step

    def _answer_is_late(self) -> bool:
        """Whether messages told that the next bar is over, but no answer showed that yet."""
        watch, sequence = self._watch, self._sequence
        if watch is None or not watch.up or watch.newest is None:
            return False
        return watch.newest > sequence.newest and watch.newest >= sequence.next + self._step

    def _seconds_left(self) -> float:
        """Return how long to wait before asking again, if nothing is told until then."""
        questions, watch = self._questions, self._watch
        now = self._clock.monotonic()
        since = now - questions.asked_at
        if questions.failing_since is not None:
            return questions.backoff - since
        if self._sequence.waits:
            return _MISSING - since
        if self._answer_is_late():
            return self._retry - since
        if watch is not None and watch.up:
            unheard = min(watch.heard, watch.advanced + self._seconds) + self._quiet
            return max(unheard - now, self._quiet - since)
        return min(self._quiet, self._until_over()) - since

    def _until_over(self) -> float:
        """Return the seconds from the last answer until the next bar is over, as the exchange counts them."""
        now, end = self._questions.now, self._sequence.next + self._step
        if now is None or now >= end + self._sequence.settle:
            return self._quiet
        left = end - now if now < end else end + self._sequence.settle - now
        return left / 1e9

    async def _drop_if_silent(self) -> None:
        """Make the stream anew if trading was seen that it did not tell of."""
        watch = self._watch
        if watch is None:
            return
        if not watch.up:
            if self._clock.monotonic() - watch.heard >= _AGAIN and self._questions.traded != self._traded_at_drop:
                await self._drop(watch, watch.reason)  # the new connection is as silent as the old one
            return
        if not self._missed_by_stream(watch):
            return
        frames, start = watch.frames, self._clock.monotonic()
        grace = min(_ON_ITS_WAY, self._seconds / 2)
        while watch.frames == frames and (left := start + grace - self._clock.monotonic()) > 0:
            await until(self._clock, left, self._changed)
        if watch.up and self._missed_by_stream(watch):
            unheard = self._clock.monotonic() - min(watch.heard, watch.advanced)
            await self._drop(watch, f"the stream fell silent: trading went on for {unheard:.0f} s without a message")

    async def _drop(self, watch: Watch, reason: str) -> None:
        self._traded_at_drop = self._questions.traded
        await watch.restart(reason)

    def _missed_by_stream(self, watch: Watch) -> bool:
        last, questions = self._last_closed, self._questions
        if last is not None and last.volume > 0 and watch.newest is not None and watch.newest < last.time:
            return True  # a whole candle went by
        quiet = self._clock.monotonic() - watch.heard >= self._quiet
        if not quiet or watch.frames != self._frames or questions.traded_before is None:
            return False
        return self._frames_before == self._frames and questions.traded != questions.traded_before

    def _connection_change(self) -> ConnectionChanged | None:
        questions, watch = self._questions, self._watch
        up, reason = True, "the exchange answers again"
        if watch is not None:
            up, reason = watch.up, watch.reason or reason
        if (since := questions.failing_since) is not None and self._clock.monotonic() - since >= self._poll:
            up, reason = False, questions.failure
        if up == self.up:
            return None
        self.up = up
        return ConnectionChanged(up, self._clock.now(), reason)
