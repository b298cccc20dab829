"""Listening to a stream that may break, fall silent or repeat itself."""

from __future__ import annotations

import asyncio
from typing import Final, NoReturn, cast

from cryptobot.core.clock import Clock
from cryptobot.core.errors import AuthError, ConfigError
from cryptobot.core.timeframe import Timeframe
from cryptobot.exchange.feed.waiting import within
from cryptobot.market.source import CandleWatcher

_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 30.0
_DROPPING: Final = 5.0


class Watch:
    """Listens to one market's candles and remembers what was heard; it starts again by itself.

    Parameters
    ----------
    watcher
        What is listened to.
    symbol, timeframe
        The market and its interval.
    clock
        For pauses, and for when something was heard.
    changed
        Is set when a newer candle was heard of, when the connection broke and when it is back.

    Attributes
    ----------
    up
        Whether it works, as far as is known.
    reason
        Why `up` is what it is.
    newest
        Open time of the newest candle heard of, or None.
    frames
        How many messages came.
    heard, advanced
        When the last message came, and the last about a newer candle: seconds of the monotonic clock.
    error
        What ends the feed: a wrong name, interval or key.
    """

    def __init__(
        self, watcher: CandleWatcher, symbol: str, timeframe: Timeframe, clock: Clock, changed: asyncio.Event
    ) -> None:
        self.up = True
        self.reason = ""
        self.newest: int | None = None
        self.frames = 0
        self.heard = self.advanced = clock.monotonic()
        self.error: Exception | None = None
        self._watcher = watcher
        self._symbol = symbol
        self._timeframe = timeframe
        self._clock = clock
        self._changed = changed
        self._pause = _FIRST_PAUSE
        self._began = self.heard
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to listen."""
        self._task = asyncio.get_running_loop().create_task(self._listen())

    async def restart(self, reason: str) -> None:
        """Drop a connection that gives nothing and make a new one; down until something is heard."""
        self._down(reason)
        await self._cancel()
        self.heard = self.advanced = self._clock.monotonic()
        self._task = asyncio.get_running_loop().create_task(self._listen(anew=True))

    async def stop(self) -> None:
        """Stop listening and let go of the connection."""
        if self._task is not None:
            await self._cancel()
            await self._drop()

    async def _cancel(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _listen(self, *, anew: bool = False) -> None:
        while True:
            if anew:
                await self._drop()
                await self._clock.sleep(self._next_pause())
            anew = True
            self._began = self._clock.monotonic()
            try:
                await self._take_all()
            except (ConfigError, AuthError) as error:
                self.error = error
                self._changed.set()
                return
            except asyncio.CancelledError:
                if cast("asyncio.Task[None]", asyncio.current_task()).cancelling():
                    raise
                self._down("the stream was closed")  # by the connection itself: nobody asked this task to end
            except Exception as error:  # noqa: BLE001 - ccxt lets KeyError and others through; none may end the bars
                self._down(f"the stream broke ({type(error).__name__}: {error})")

    async def _take_all(self) -> NoReturn:
        while True:
            self._take(await self._watcher.watch(self._symbol, self._timeframe))
            # A watcher that has much to tell answers at once: others must have their turn, too.
            await asyncio.sleep(0)

    def _take(self, newest: int) -> None:
        self.frames += 1
        self.heard = self._clock.monotonic()
        if not self.up:
            self.up, self.reason = True, "messages come again"
            self._changed.set()
        if self.heard - self._began >= _LONGEST_PAUSE:
            self._pause = _FIRST_PAUSE  # it held for a while; one that breaks at every message is not hurried
        if self.newest is None or newest > self.newest:
            self.newest = newest
            self.advanced = self.heard
            self._changed.set()

    def _down(self, reason: str) -> None:
        self.reason = reason
        if self.up:
            self.up = False
            self._changed.set()

    async def _drop(self) -> None:
        """Let go of the connection: a broken one may fail to close, or never finish closing."""
        try:
            await within(self._clock, _DROPPING, self._watcher.unwatch(self._symbol, self._timeframe))
        except Exception as error:  # noqa: BLE001 - what cannot be closed is left behind, and said
            self.reason += f"; closing it failed, too ({type(error).__name__}: {error})"

    def _next_pause(self) -> float:
        pause, self._pause = self._pause, min(2 * self._pause, _LONGEST_PAUSE)
        return pause
