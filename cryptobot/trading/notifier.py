"""Notices to people outside: from the journal to the channels, without ever holding trading up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from cryptobot.core.clock import Clock
from cryptobot.trading.actions import Notice
from cryptobot.trading.alerting import JournalAlerts
from cryptobot.trading.journal import Journal
from cryptobot.trading.opening import Plan

if TYPE_CHECKING:
    from cryptobot.alerts.channel import AlertChannel
    from cryptobot.alerts.status import ChannelStatus

# So long an end waits for what has not been told yet; the journal keeps it.
_PATIENCE: Final = 3.0


class Notifier:
    """Tells the channels of a bot what its journal says.

    Parameters
    ----------
    channels
        Where people are told.
    journal, clock, plan
        Of the bot.
    """

    def __init__(self, channels: Sequence[AlertChannel], journal: Journal, clock: Clock, plan: Plan) -> None:
        from cryptobot.alerts.dispatcher import Dispatcher

        self._clock = clock
        self._source = JournalAlerts(journal, clock, bot=plan.name, mode=str(plan.exchange.mode), market=plan.symbol)
        self._dispatcher = Dispatcher(channels, self._source, clock=clock)

    def start(self) -> None:
        """Begin, or go on, where the journal says that each channel stands."""
        self._dispatcher.start()

    def told(self, notice: Notice, *, written: bool) -> None:
        """Take note of a notice; one that could not be written down is told from memory."""
        if written:
            self._dispatcher.nudge()
        elif (alert := self._source.alert(notice, self._clock.now())) is not None:
            self._dispatcher.tell(alert)

    def close(self) -> bool:
        """Tell what can be told within three seconds; return whether that was everything."""
        return self._dispatcher.close(timeout=_PATIENCE)

    def channels(self) -> list[ChannelStatus]:
        """Return how each channel fares, in figures."""
        return self._dispatcher.status()

    def status(self) -> dict[str, str]:
        """Return how each channel fares, in words, by name."""
        return {one.name: str(one) for one in self._dispatcher.status()}
