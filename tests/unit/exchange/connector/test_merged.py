"""Two connections told as one: the exchange can be reached when both work, and a new reader begins anew."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import aclosing

from hypothesis import given
from hypothesis import strategies as st

from cryptobot.core.events import BarClosed, ConnectionChanged
from cryptobot.core.types import Bar
from cryptobot.exchange.connector.stream import Events, merged


class Feed:
    """A feed that tells what it is given."""

    def __init__(self):
        self.inbox = asyncio.Queue()

    def __aiter__(self):
        return self

    async def __anext__(self):
        return await self.inbox.get()


def bar(minute):
    return BarClosed(Bar(minute * 60 * 10**9, 1.0, 1.0, 1.0, 1.0, 0.0))


def up(why="back"):
    return ConnectionChanged(up=True, time=0, reason=why)


def down(why="gone"):
    return ConnectionChanged(up=False, time=0, reason=why)


async def nothing(event):
    return


END = bar(10**6)


async def settle():
    for _ in range(20):
        await asyncio.sleep(0)


async def told(feed, events, script, unread=None):
    """Let things come one after the other; return what a reader is told until a last bar."""
    seen = []

    async def read():
        async with aclosing(merged(feed, events, before_bar=nothing, check=lambda: None, unread=unread)) as stream:
            async for event in stream:
                if event is END:
                    return
                seen.append(event)

    reading = asyncio.create_task(read())
    await settle()
    for source, event in [*script, ("feed", END)]:
        if source == "feed":
            feed.inbox.put_nowait(event)
        else:
            events.put([event])
        await settle()  # it is read before the next one comes
    await reading
    return seen


def play(*scripts, unread=None):
    """Let readers come one after the other; return what the last is told."""

    async def main():
        feed, events, seen = Feed(), Events(), []
        for script in scripts:
            seen = await told(feed, events, script, unread)
        return seen

    return asyncio.run(main())


def test_one_connection_that_comes_back_is_told():
    lost, back = down(), up()
    assert play([("orders", lost), ("orders", back)]) == [lost, back]
    assert play([("feed", lost), ("feed", back)]) == [lost, back]


def test_it_is_back_when_both_are():
    first, second, half, back = down("bars"), down("orders"), up("half"), up("both")
    for one, other in (("feed", "orders"), ("orders", "feed")):
        assert play([(one, first), (other, second), (one, half), (other, back)]) == [first, second, back]


@given(st.lists(st.tuples(st.sampled_from(["feed", "orders"]), st.booleans()), max_size=12))
def test_the_last_word_is_whether_both_work(changes):
    works = {"feed": True, "orders": True} | dict(changes)
    seen = play([(source, up() if state else down()) for source, state in changes])
    assert (seen[-1].up if seen else True) == all(works.values())


def test_a_new_reader_hears_nothing_of_the_connections_of_the_one_before():
    """He would wait for ever for word that they are back."""

    async def main():
        feed, events = Feed(), Events()
        await told(feed, events, [])
        events.put([down()])  # while nobody reads
        return await told(feed, events, [("feed", bar(1))])

    assert asyncio.run(main()) == [bar(1)]


def test_of_what_nobody_read_bars_are_kept_and_connections_are_not():
    async def left(event):
        """Return what is kept of an event that has come when its reader leaves."""
        feed, kept = Feed(), deque()
        stream = merged(feed, Events(), before_bar=nothing, check=lambda: None, unread=kept)
        reading = asyncio.create_task(anext(stream))
        await settle()
        feed.inbox.put_nowait(event)
        await asyncio.sleep(0)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await stream.aclose()
        return list(kept)

    assert asyncio.run(left(bar(7))) == [bar(7)]
    assert asyncio.run(left(down())) == []
