"""One ordered stream out of two sources: closed bars, and what happens to orders."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator

from cryptobot.core.events import BarClosed, ConnectionChanged, ExchangeEvent


class Reach:
    """Whether the exchange can be reached, when more than one connection leads there: it can when all work."""

    def __init__(self) -> None:
        self._down: set[object] = set()

    def is_news(self, source: object, event: ExchangeEvent) -> bool:
        """Whether an event that came over one of the connections is to be told."""
        if not isinstance(event, ConnectionChanged):
            return True
        (self._down.discard if event.up else self._down.add)(source)
        return not event.up or not self._down


class Events:
    """Waiting events about orders, in order, and a bell."""

    def __init__(self) -> None:
        self._waiting: deque[ExchangeEvent] = deque()
        self._bell: asyncio.Event | None = None

    def begin(self) -> None:
        """Forget what was said of the connections of an earlier reader: his are gone, and the new ones begin whole."""
        self._waiting = deque(event for event in self._waiting if not isinstance(event, ConnectionChanged))

    def put(self, events: Iterable[ExchangeEvent]) -> None:
        """Add events, and ring."""
        self._waiting.extend(events)
        if self._bell is not None:
            self._bell.set()

    def take(self, reach: Reach) -> Iterator[ExchangeEvent]:
        """Take what waits and is news, oldest first, and what is put in meanwhile."""
        while self._waiting:
            event = self._waiting.popleft()
            if reach.is_news(self, event):
                yield event

    async def rung(self) -> None:
        """Wait until something is put in."""
        self._bell = asyncio.Event()
        if not self._waiting:
            await self._bell.wait()


async def merged(
    feed: AsyncIterator[BarClosed | ConnectionChanged],
    events: Events,
    *,
    before_bar: Callable[[BarClosed], Awaitable[None]],
    check: Callable[[], None],
    unread: deque[BarClosed | ConnectionChanged] | None = None,
) -> AsyncIterator[ExchangeEvent]:
    """Yield events about orders and closed bars.

    Whatever is known of orders comes before any further bar, so that an order that was answered at a bar's close is
    told of before the next bar. Both sources have a connection of their own: the exchange can be reached again when
    both can.

    Parameters
    ----------
    feed
        Closed bars.
    events
        What happens to orders.
    before_bar
        Awaited with each bar before it is told: brings what the bar must not overtake.
    check
        Raises what has ended the order stream.
    unread
        Takes what came but was not told when the reader left, and is told first; None for a feed that can be begun
        again where the reader was.
    """
    coming: asyncio.Task[BarClosed | ConnectionChanged] | None = None
    bell: asyncio.Task[None] | None = None
    reach = Reach()
    events.begin()
    try:
        while True:
            for event in events.take(reach):
                yield event
            check()
            coming = coming or asyncio.ensure_future(_next(feed, unread))
            bell = asyncio.ensure_future(events.rung())
            await asyncio.wait({coming, bell}, return_when=asyncio.FIRST_COMPLETED)
            bell.cancel()
            if not coming.done():
                continue
            item = coming.result()
            if isinstance(item, BarClosed):
                await before_bar(item)
                for event in events.take(reach):
                    yield event
            coming = None
            if reach.is_news(feed, item):
                yield item
    except StopAsyncIteration:
        return
    finally:
        if unread is not None and coming is not None and _has_come(coming) and isinstance(coming.result(), BarClosed):
            unread.append(coming.result())  # what is said of a connection that is given up holds for no other
        for task in (coming, bell):
            if task is not None and not task.done():
                task.cancel()
        await asyncio.gather(*(t for t in (coming, bell) if t is not None), return_exceptions=True)


def _has_come(task: asyncio.Task[BarClosed | ConnectionChanged]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is None


async def _next(
    feed: AsyncIterator[BarClosed | ConnectionChanged], unread: deque[BarClosed | ConnectionChanged] | None
) -> BarClosed | ConnectionChanged:
    return unread.popleft() if unread else await anext(feed)
