"""An exchange of which everything can be scripted, on a clock that moves only when it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from cryptobot.core.clock import SimulatedClock
from cryptobot.core.errors import TransientError
from cryptobot.core.events import BarClosed, ConnectionChanged
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Bar
from cryptobot.exchange.feed.closed_bars import ClosedBarFeed

SECOND = 1_000_000_000
TURNS = 40  # of the event loop, for everybody to act on what happened


def at(seconds: float) -> int:
    """Seconds since the market began, in nanoseconds."""
    return round(seconds * SECOND)


@dataclass
class Candle:
    """One candle of the script, and how the exchange shows it."""

    open: int
    close: int
    volume: float = 1.0
    shown_from: int | None = None  # None: as soon as it opens
    revised_from: int | None = None

    def seen(self, now: int, shows_open: bool) -> Bar | None:
        """Return the row that the exchange shows at a time."""
        if now < self.open or (self.shown_from is not None and now < self.shown_from):
            return None
        if now < self.close:
            return self.bar((now - self.open) / (self.close - self.open)) if shows_open else None
        return self.bar(3.0 if self.revised_from is not None and now >= self.revised_from else 1.0)

    def bar(self, part: float = 1.0) -> Bar:
        """Return the candle as it is when so much of it is over."""
        return Bar(self.open, 100.0, 110.0 + part, 90.0, 100.0 + part, self.volume * part)


@dataclass
class Venue:
    """A source and a watcher that do what the script says."""

    clock: SimulatedClock
    candles_: list[Candle]
    page_limit: int = 1000
    shows_open: bool = True
    offset: int = 0
    muted: Callable[[int], bool] = lambda _: False
    failing: Callable[[int], bool] = lambda _: False
    name: str = "scripted"
    questions: list[str] = field(default_factory=list)
    drops: list[int] = field(default_factory=list)
    connections: int = 0
    deaf: bool = False  # the loop that takes messages has died: only a new connection helps
    heals: bool = True
    _frames: asyncio.Queue[int | BaseException] = field(default_factory=asyncio.Queue)

    async def now(self) -> int:
        self.questions.append("now")
        if self.failing(self.clock.now()):
            raise TransientError("no answer")
        return self.clock.now() + self.offset

    async def candles(self, symbol: str, timeframe: Timeframe, since: int, limit: int | None = None) -> list[Bar]:
        self.questions.append("candles")
        if self.failing(self.clock.now()):
            raise TransientError("no answer")
        rows = (candle.seen(self.clock.now() + self.offset, self.shows_open) for candle in self.candles_)
        return [row for row in rows if row is not None and row.time >= since][: limit or self.page_limit]

    async def watch(self, symbol: str, timeframe: Timeframe) -> int:
        frame = await self._frames.get()
        if isinstance(frame, BaseException):
            raise frame
        return frame

    async def unwatch(self, symbol: str, timeframe: Timeframe) -> None:
        self.drops.append(self.clock.now())
        if self.heals:
            self.deaf = False

    def tell(self, frame: int | BaseException) -> None:
        """Send a message about the candle that opened then, or break the connection."""
        if not self.deaf and not self.muted(self.clock.now()):
            self._frames.put_nowait(frame)


@dataclass
class Run:
    """A feed being read."""

    clock: SimulatedClock
    venue: Venue
    feed: ClosedBarFeed
    events: list[BarClosed | ConnectionChanged] = field(default_factory=list)
    given_at: list[int] = field(default_factory=list)

    @property
    def bars(self) -> list[Bar]:
        return [event.bar for event in self.events if isinstance(event, BarClosed)]

    @property
    def changes(self) -> list[ConnectionChanged]:
        return [event for event in self.events if isinstance(event, ConnectionChanged)]

    async def settle(self) -> None:
        for _ in range(TURNS):
            await asyncio.sleep(0)

    async def pass_time(self, seconds: float, step: float = 0.25) -> None:
        """Let time pass, in steps."""
        for _ in range(round(seconds / step)):
            self.clock.advance(step)
            await self.settle()

    async def read(self) -> None:
        async for event in self.feed:
            self.events.append(event)
            if isinstance(event, BarClosed):
                self.given_at.append(self.clock.now())


@pytest.fixture(scope="session")
def play():
    """Run a scenario, a coroutine function that is given the `Run`, and return the run."""

    def play(
        scenario, venue: Venue, *, watched: bool = True, step: int = 60, since: int = 0, poll: float = 10.0
    ) -> Run:
        async def main() -> Run:
            feed = ClosedBarFeed(
                venue,
                venue if watched else None,
                "BTC/USDT",
                Timeframe(step),
                clock=venue.clock,
                since=since,
                poll=poll,
            )
            run = Run(venue.clock, venue, feed)
            reader = asyncio.create_task(run.read())
            try:
                await run.settle()
                await scenario(run)
                if reader.done():
                    reader.result()
            finally:
                reader.cancel()
                await asyncio.gather(reader, return_exceptions=True)
                await feed.aclose()
            return run

        return asyncio.run(asyncio.wait_for(main(), 120))

    return play


@pytest.fixture(scope="session")
def candle():
    return Candle


@pytest.fixture(scope="session")
def venue():
    """Make a venue of so many candles, some of them missing, late, revised or without trades."""

    def venue(n: int = 10, step: int = 60, *, gone=(), late=None, revised=None, quiet=(), **options) -> Venue:
        candles = [
            Candle(
                at(i * step),
                at((i + 1) * step),
                volume=0.0 if i in quiet else 1.0 + i,
                shown_from=at((i + 1) * step + late[i]) if late and i in late else None,
                revised_from=at((i + 1) * step + revised[i]) if revised and i in revised else None,
            )
            for i in range(n)
            if i not in gone
        ]
        return Venue(SimulatedClock(), candles, **options)

    return venue
