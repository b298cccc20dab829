"""What must happen whether or not bars come: doubts resolved, books compared, positions protected."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from cryptobot.core.clock import Clock
from cryptobot.core.errors import CryptobotError, TransientError
from cryptobot.core.events import BarClosed, ConnectionChanged, ExchangeEvent
from cryptobot.core.types import Mode
from cryptobot.trading.actions import Notice
from cryptobot.trading.hands import Hands
from cryptobot.trading.opening import Desk

_TICK: Final = 1.0
# So long an end may be held up by a last comparison.
_LAST: Final = 3.0
# Between two comparisons of everything with the exchange.
_EVERY: Final = 60.0
_FIRST_RETRY, _LONGEST_RETRY = 1.0, 30.0
# Longer than this between two looks, and the computer slept or was overwhelmed: nothing that is known is fresh.
_SLEPT: Final = 15.0
# Between two looks at what the key may do.
_RIGHTS: Final = 3_600.0
# So long a failing comparison is kept to itself, in seconds.
_PATIENCE: Final = 5.0
# So many intervals without a bar are told.
_SILENT: Final = 3


class Keeper:
    """Looks after a session every second.

    Parameters
    ----------
    desk
        What trades.
    clock
        For all waiting.
    turn
        Held while anything is changed.
    hands
        Carries out what follows, while the turn is held.
    tell
        Takes notices.

    Attributes
    ----------
    hold
        Why nothing new may be bought until the books have been compared, or None.
    skew
        The exchange's time less this computer's, seconds, at the last comparison.
    connected
        Whether the exchange answers.
    """

    def __init__(
        self,
        desk: Desk,
        clock: Clock,
        turn: asyncio.Lock,
        hands: Hands,
        tell: Callable[[Notice], None],
    ) -> None:
        self.hold: str | None = "journal and exchange have not been compared yet"
        self.skew = 0.0
        self.connected = True
        self._desk = desk
        self._clock = clock
        self._turn = turn
        self._hands = hands
        self._tell = tell
        self._due = clock.monotonic()
        self._retry = _FIRST_RETRY
        self._looked = clock.monotonic()
        self._bar_at = clock.monotonic()
        self._silent = False
        self._asked = clock.monotonic()
        self._failing_since: float | None = None
        self._told_failure = False

    async def run(self) -> None:
        """Look after everything until cancelled: nothing that takes long holds up anything else."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._watch_rights())
                await self._every_second(group)
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from None

    async def _every_second(self, group: asyncio.TaskGroup) -> None:
        attending: asyncio.Task[None] | None = None
        comparing: asyncio.Task[None] | None = None
        while True:
            due = self._clock.monotonic() + _TICK
            await self._clock.sleep(_TICK)
            self._desk.meter.late(self._clock.monotonic() - due)
            self.look()
            if (attending is None or attending.done()) and not self._desk.engine.exits.calm:
                attending = group.create_task(self._attend())
            if (comparing is None or comparing.done()) and self._must_compare():
                comparing = group.create_task(self.compare())

    async def _watch_rights(self) -> None:
        """Look every hour at what the key may do: one that may do more than trade ends the session, as at a start."""
        check: Any = getattr(self._desk.gateway.exchange, "check_rights", None)
        while check is not None:
            await self._clock.sleep(_RIGHTS)
            try:
                await check()
            except TransientError as error:
                self._tell(Notice("debug", f"The key's rights could not be looked at: {error}"))

    def look(self) -> None:
        """Find out what nobody tells: a computer that slept, a feed that is silent, a position left bare for long."""
        self.notice_sleep()
        self._looked = self._clock.monotonic()
        for notice in self._desk.engine.exits.watch(self._clock.now()):  # also while an order waits for its answer
            self._tell(notice)
        self._notice_silence()

    async def _attend(self) -> None:
        if self._turn.locked():
            return  # something is being done: again in a second
        async with self._turn:
            actions = self._desk.engine.attend(self._clock.now())
            if actions:
                await self._hands.carry_out(actions)

    def _must_compare(self) -> bool:
        return self._clock.monotonic() >= self._due or self._desk.gateway.restless

    def request(self, reason: str) -> None:
        """Compare everything as soon as possible; until then nothing new is bought."""
        self.hold = reason
        self._due = self._clock.monotonic()
        self._retry = _FIRST_RETRY

    def lost_connection(self, reason: str) -> None:
        """Take note that the exchange does not answer."""
        self.connected = False
        self.hold = f"the connection to the exchange is lost ({reason})"

    def before(self, event: ExchangeEvent, *, failing: bool) -> None:
        """Set what the engine must know of the moment, before it is told of something.

        Parameters
        ----------
        event
            What it is told of.
        failing
            Whether the journal cannot be written.
        """
        desk = self._desk
        if isinstance(event, ConnectionChanged):
            if event.up:
                self.connected = True
                self.request("the connection is back, and journal and exchange are compared")
            else:
                self.lost_connection(event.reason)
        elif isinstance(event, BarClosed):
            self.notice_sleep()
            self._bar_at, self._silent = self._clock.monotonic(), False
            engine = desk.engine
            engine.blocked = "the journal cannot be written" if failing else desk.gateway.blocked or self.hold
            limits = engine.gate.limits
            own_clock = desk.gateway.exchange.mode is Mode.PRACTICE  # then its time says nothing of this computer's
            if limits.max_bar_age is not None and not own_clock:
                closed = event.bar.time + engine.timeframe.nanoseconds
                engine.bar_age = (self._clock.now() - closed) / 1e9 + self.skew
            engine.clock_skew = abs(self.skew) if limits.max_clock_skew is not None and not own_clock else 0.0

    def notice_sleep(self) -> None:
        """Find out whether this computer slept since the last look, so that everything must be compared first."""
        away = self._clock.monotonic() - self._looked
        if away > _SLEPT and self._desk.gateway.exchange.mode is not Mode.PRACTICE:
            self._looked = self._clock.monotonic()
            self.request(f"nothing was looked at for {away:,.0f} s, as if this computer had slept")
            self._tell(
                Notice(
                    "warning", f"This bot stood still for {away:,.0f} s. Everything is compared first.", "stale_feed"
                )
            )

    async def compare(self) -> None:
        """Ask the exchange for everything, and take over what it shows."""
        desk = self._desk
        self._asked = self._clock.monotonic()
        try:
            evidence = await desk.gateway.gather()
        except TransientError as error:
            self._tell_failure(error)
            self._due = self._clock.monotonic() + self._retry
            self._retry = min(2 * self._retry, _LONGEST_RETRY)
            if self.hold is None and desk.gateway.exchange.mode is not Mode.PRACTICE:
                self.hold = f"journal and exchange could not be compared ({error})"
            return
        self._retry = _FIRST_RETRY
        self._failing_since = None
        # The time was the first question; what came after it may have taken long.
        since = self._clock.monotonic() - evidence.asked
        self.skew = (evidence.time - self._clock.now()) / 1e9 + since
        async with self._turn:
            weighed = desk.reconciler.weigh(evidence, desk.engine.portfolio.quantity)
            if not weighed.again and self.connected:
                self.hold = None
            await self._hands.apply(weighed)
        self._due = self._clock.monotonic() + (_TICK if weighed.again else _EVERY)

    async def compare_last(self, contradicted: Callable[[CryptobotError], None]) -> None:
        """Compare once more at the end, so that what was executed and never told is in the books; within three seconds.

        Parameters
        ----------
        contradicted
            Called with what speaks against the books, or against going on with this exchange.
        """
        try:
            await asyncio.wait_for(self.compare(), _LAST)
        except TimeoutError:
            self._tell(Notice("warning", f"Nothing could be compared within {_LAST:g} s; the next start does.", "note"))
        except CryptobotError as error:
            contradicted(error)

    def _tell_failure(self, error: TransientError) -> None:
        """Tell once that nothing can be compared: soon if something waits for it, since an execution may be missing."""
        now = self._clock.monotonic()
        if self._failing_since is None:
            self._failing_since, self._told_failure = self._asked, False
        patience = _PATIENCE if self._desk.gateway.restless else _LONGEST_RETRY
        if not self._told_failure and now - self._failing_since >= patience:
            self._told_failure = True
            text = f"Journal and exchange could not be compared for {now - self._failing_since:,.0f} s: {error}"
            self._tell(Notice("warning", text, "connection"))

    def _notice_silence(self) -> None:
        engine = self._desk.engine
        allowed = _SILENT * engine.timeframe.seconds + _SLEPT
        waited = self._clock.monotonic() - self._bar_at
        if not self._silent and waited > allowed and self._desk.gateway.exchange.mode is not Mode.PRACTICE:
            self._silent = True
            self._tell(
                Notice(
                    "warning", f"No bar has closed for {waited:,.0f} s; bars are of {engine.timeframe}.", "stale_feed"
                )
            )
