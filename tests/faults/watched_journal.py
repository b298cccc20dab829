"""The bot's own journal, on the simulated disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cryptobot.core.types import Mode
from cryptobot.trading.actions import Notice
from cryptobot.trading.journal import JournalHeader, Kind, Record, SqliteJournal
from tests.faults.loop import Life
from tests.faults.market import MARKET, START, SYMBOL, TIMEFRAME

if TYPE_CHECKING:
    from tests.faults.world import World

NAME: Final = "sim"
HEADER: Final = JournalHeader(NAME, "venue", "", Mode.TESTNET, SYMBOL, str(TIMEFRAME), START, MARKET)


class WatchedJournal(SqliteJournal):
    """The journal on the simulated disk, with places at which its process may be killed."""

    def __init__(self, world: World, life: Life) -> None:
        self._world = world
        self._life = life
        super().__init__("bot.sqlite", create=HEADER, keep_bars=5, vfs=world.disk.vfs)

    def append(self, time: int, kind: Kind, content: Any, *, durable: bool = True) -> Record:
        """Keep a record."""
        self._life.point(f"before journal {kind}")
        record = super().append(time, kind, content, durable=durable)
        if kind != "bar":
            self._world.trace("journal", record.number, kind, content)
        if isinstance(content, Notice):
            self._world.invariants.told(content.topic)
        self._life.point(f"after journal {kind}")
        return record
