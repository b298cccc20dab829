"""Hearing what happens to orders: by the exchange's stream while it works, by asking while it does not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final, cast

from cryptobot.core.errors import AuthError, ConfigError, ExchangeError, OrderNotFound
from cryptobot.core.events import ConnectionChanged, ExchangeEvent
from cryptobot.exchange.connector.candles import drop
from cryptobot.exchange.connector.connection import Connection, text_of
from cryptobot.exchange.connector.desk import Desk
from cryptobot.exchange.connector.tracker import Tracker
from cryptobot.exchange.feed.waiting import within

POLL: Final = 10.0
_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 30.0
# So long may the stream be behind an answer before it counts as silent.
_BEHIND: Final = 2.0
# So long may a stream take to be set up.
_ANSWER: Final = 30.0
# An order whose sending ended in doubt, and that the exchange never showed, is asked for this long.
_IN_DOUBT: Final = 600.0


class OrderStream:
    """Follows one market's orders as long as somebody reads its bars.

    A stream that breaks is made anew, and what happened meanwhile is asked for: nothing that happened during a
    disconnect is told again by any exchange. A stream that only pretends to work is found out by asking for the open
    orders every 10 seconds: if that brings news that the stream should have told, it is dropped.

    Parameters
    ----------
    connection, desk, tracker, symbol
        What to follow, and by whom it is asked for.
    listen
        Whether the exchange has such a stream; otherwise orders are only asked for.
    tell
        Takes events, in order.

    Attributes
    ----------
    failure
        Why it has ended, or None: the reader raises it.
    """

    def __init__(
        self,
        connection: Connection,
        desk: Desk,
        tracker: Tracker,
        symbol: str,
        *,
        listen: bool,
        tell: Callable[[list[ExchangeEvent]], None],
    ) -> None:
        self.failure: Exception | None = None
        self._connection = connection
        self._desk = desk
        self._tracker = tracker
        self._symbol = symbol
        self._listen = listen
        self._tell = tell
        self._up = True
        self._heard = 0
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin."""
        self._tasks = [asyncio.create_task(self._keep_asking())]
        if self._listen:
            self._tasks.append(asyncio.create_task(self._keep_listening()))
        for task in self._tasks:
            task.add_done_callback(self._ended)

    async def stop(self) -> None:
        """End, and drop the connection of the stream."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    def heard(self) -> None:
        """Take note that the stream has said something."""
        self._heard += 1

    async def settle_before_bar(self) -> None:
        """Ask what a bar that is about to be told must not overtake; if that fails, it is asked again later."""
        try:
            await self.settle()
        except AuthError:
            raise
        except ExchangeError:
            return

    async def settle(self) -> bool:
        """Ask what became of every order that may have changed; return whether there was news.

        Raises
        ------
        ExchangeError
            If that cannot be asked now.
        """
        news = False
        now = self._connection.clock.monotonic()
        for tracked in self._tracker.unsettled(self._symbol):
            if tracked.order is None and now - tracked.since > _IN_DOUBT:
                continue
            before = (tracked.order, tracked.booked)
            with suppress(OrderNotFound):  # not yet, or not at all: only time and other evidence tell
                await self._desk.catch_up(tracked)
            news = news or (tracked.order, tracked.booked) != before
        return news

    async def _keep_asking(self) -> None:
        while self.failure is None:
            await self._connection.clock.sleep(POLL)
            heard = self._heard
            try:
                news = await self.settle()
            except AuthError as error:
                self._fail(error)
                return
            except (ExchangeError, ConfigError):
                continue  # asked again in ten seconds
            if news and self._listen and self._up:
                await self._connection.clock.sleep(_BEHIND)
                if self._heard == heard:
                    self._changed(up=False, reason="the order stream is silent: an order changed, and it said nothing")
                    await self._drop()

    async def _keep_listening(self) -> None:
        connection = self._connection
        pause = _FIRST_PAUSE
        while self.failure is None:
            try:
                subscribed = connection.quirks.subscribe(connection.exchange, self._symbol)
                await within(connection.clock, _ANSWER, subscribed)
                await self.settle()
                self._changed(up=True, reason="the order stream works")
                pause = _FIRST_PAUSE
                await self._listen_on()
            except (AuthError, ConfigError) as error:
                self._fail(error)
            except asyncio.CancelledError:
                if cast("asyncio.Task[None]", asyncio.current_task()).cancelling():
                    raise
                # A connection that is dropped cancels whoever waits for it: nobody asked this task to end.
            except Exception as error:  # noqa: BLE001 - ccxt raises what it likes here, even KeyError for a wrong key
                connection.redactor.scrub(error)
                self._changed(up=False, reason=f"the order stream broke: {text_of(error)}; orders are asked for")
                await self._drop()
                await self._look_at_the_key()
                await connection.clock.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)

    async def _listen_on(self) -> None:
        connection = self._connection
        while True:
            await connection.exchange.watch_orders(self._symbol)
            self._heard += 1
            if not connection.quirks.reports:
                await self.settle()

    async def _look_at_the_key(self) -> None:
        """Find out whether the key itself is refused: on the stream that may look like anything."""
        try:
            async with self._connection.asking("the account") as exchange:
                await self._connection.quirks.balances(exchange)
        except AuthError as error:
            self._fail(error)
        except (ExchangeError, ConfigError):
            return  # the way there is broken, not the key

    async def _drop(self) -> None:
        """Break the stream's connection, so that the next one is new."""
        if self._connection.is_open:
            await drop(self._connection.exchange, self._connection.quirks.order_words)

    def _changed(self, *, up: bool, reason: str) -> None:
        if up is self._up:
            return
        self._up = up
        self._tell([ConnectionChanged(up, self._connection.time.estimate(), reason)])

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Let nothing end unseen: what ends a task ends the reader's stream, with the reason."""
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception):
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        self.failure = error
        self._tell([])
