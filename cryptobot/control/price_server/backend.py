"""The library's backend of the price server: bots, exchanges, backtests."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from cryptobot.control.attached_bot import AttachedBot
from cryptobot.control.price_server.bot_views import BotViews
from cryptobot.control.price_server.control import Control
from cryptobot.control.price_server.following import Following
from cryptobot.control.price_server.news import News
from cryptobot.control.price_server.played import PlayedMarket
from cryptobot.control.price_server.prices import Prices
from cryptobot.control.price_server.reader import Reader
from cryptobot.control.price_server.research import Research
from cryptobot.control.price_server.roster import Roster
from cryptobot.control.price_server.source import PriceSource
from cryptobot.control.price_server.subject import Subject
from cryptobot.control.price_server.venue import Venue
from cryptobot.control.price_server.watch import BotWatch
from cryptobot.exchange.simulated import SimulatedExchange
from cryptobot.trading.bot import running_bots
from mcp_server.events import Event, Listener, StatusChanged, Unsubscribe


class LibraryBackend(Prices, BotViews, Research, Control):
    """Shows bots and exchanges, and acts on bots; see `mcp_server.backend.Backend`.

    It works while somebody listens to it or between `open` and `close`. Each of its parts keeps what it knows to
    itself.

    Parameters
    ----------
    subject
        What to show.
    name
        What it is called.
    """

    def __init__(self, subject: Subject, name: str = "cryptobot") -> None:
        self._name = name
        self.roster = Roster(subject.bots, running_bots)
        works = [
            PlayedMarket(exchange)
            if isinstance(exchange, SimulatedExchange)
            else Venue(exchange, subject.symbols, lambda: self._reader)
            for exchange in subject.exchanges
        ]
        self._exchanges: Sequence[PriceSource] = works
        following = [Following(self.roster, find=subject.bots is None)] if _may_be_launched(subject) else []
        self._reader = Reader(self._look, [*works, *following])
        self._news = News(self.open, self._reader.request_stop)
        self._looking = threading.Lock()
        self._shown: frozenset[BotWatch] | None = None
        Prices.__init__(self, self._every_source)
        BotViews.__init__(self, self.roster)
        Research.__init__(self, self)
        Control.__init__(self, self.roster, self._look)

    @property
    def name(self) -> str:
        """What it is called."""
        return self._name

    def open(self) -> None:
        """Begin to look, and return when there is something to see.

        Raises
        ------
        CryptobotError
            If an exchange cannot be used as asked.
        """
        self._reader.start()

    def close(self) -> None:
        """Let go of everything. It may be opened again."""
        self._reader.stop()
        self.forget()

    def subscribe(self, listener: Listener) -> Unsubscribe:
        """Call the listener with every event from now on."""
        return self._news.subscribe(listener)

    def note(self, text: str) -> None:
        """Tell the people of every bot of something."""
        for watch in self.roster.watches:
            watch.note(text)

    def _every_source(self) -> Sequence[PriceSource]:
        return (*self._exchanges, *self.roster.watches)

    def _look(self) -> None:
        """Take in what is new, and tell it."""
        with self._looking:
            self.roster.refresh()
            events: list[Event] = [event for source in self._every_source() for event in source.look()]
            self._news.tell([*self.refresh_prices(), *self._joined(), *events])

    def _joined(self) -> list[Event]:
        """Return where the bots stand that were not there at the last look."""
        watches, before = frozenset(self.roster.watches), self._shown
        self._shown = watches
        return [] if before is None else [StatusChanged(watch.answer) for watch in watches - before]


def _may_be_launched(subject: Subject) -> bool:
    return subject.bots is None or any(isinstance(bot, AttachedBot) for bot in subject.bots)
