"""The dead-man's switch: the exchange cancels every order of the account once this process falls silent."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from cryptobot.core.clock import Clock
from cryptobot.core.errors import CryptobotError
from cryptobot.core.logs import logger
from cryptobot.exchange.connector.connection import Connection

_LOG: Final = logger("cryptobot.exchange.dead_man")
# So often it is renewed within its time, so that two renewals may be lost.
_RENEWALS: Final = 3
# So long an end in order may take.
_PATIENCE: Final = 5.0


class DeadManSwitch:
    """Tells the exchange again and again to cancel everything unless it is told so once more.

    It is renewed on the event loop that trades, so that a process that was killed, a computer without its network and a
    strategy that never returns all let it go off. An end in order takes it away, and the orders stay.

    Parameters
    ----------
    connection
        To the exchange.
    clock
        For all waiting.
    seconds
        How long the exchange waits.
    """

    def __init__(self, connection: Connection, clock: Clock, seconds: float) -> None:
        self._connection = connection
        self._clock = clock
        self._seconds = seconds
        self._renewing: asyncio.Task[None] | None = None

    async def arm(self) -> None:
        """Begin; raises `ExchangeError` if the exchange does not take it, for then nobody may count on it."""
        if self._renewing is not None:
            return
        await self._tell(self._seconds)
        self._renewing = asyncio.create_task(self._renew())
        _LOG.warning(
            "If this process falls silent for %g s, the exchange cancels every order of the account, also those that "
            "protect a position.",
            self._seconds,
        )

    async def disarm(self) -> None:
        """Take it away: orders that rest stay where they are."""
        renewing, self._renewing = self._renewing, None
        if renewing is None:
            return
        renewing.cancel()
        with suppress(asyncio.CancelledError):
            await renewing
        try:
            await asyncio.wait_for(self._tell(0.0), _PATIENCE)
        except (CryptobotError, TimeoutError) as error:
            _LOG.error(
                "The dead-man's switch could not be taken away: within %g s the exchange cancels every order of the "
                "account, also those that protect a position. (%s)",
                self._seconds,
                str(error) or type(error).__name__,
            )

    async def _renew(self) -> None:
        failing = False
        while True:
            await self._clock.sleep(self._seconds / _RENEWALS)
            try:
                await self._tell(self._seconds)
            except Exception as error:  # noqa: BLE001 - whatever it is, an end of renewing cancels what protects
                if not failing:
                    reason = error if isinstance(error, CryptobotError) else f"{type(error).__name__}: {error}"
                    _LOG.error("The dead-man's switch could not be renewed: %s", reason)
                failing = True
            else:
                failing = False

    async def _tell(self, seconds: float) -> None:
        async with self._connection.asking("the dead-man's switch") as exchange:
            await exchange.cancel_all_orders_after(round(1_000 * seconds))
