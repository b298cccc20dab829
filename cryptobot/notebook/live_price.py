"""The price between two bars, from a price server of this machine where one knows the bot's market."""

from __future__ import annotations

import asyncio
import importlib.util
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cryptobot.core.types import Mode
from mcp_server import state_file
from mcp_server.errors import ServerError

if TYPE_CHECKING:
    from cryptobot.trading.status import BotStatus
    from mcp_server.client.asynchronous import AsyncPriceClient

EVERY: Final = 1.0  # seconds between two questions
WANTED: Final = 5.0  # seconds that it goes on asking after somebody looked
STALE: Final = 5.0  # seconds without an answer
PATIENCE: Final = 2.0  # seconds for an answer
PASSED: Final = 10.0  # seconds until a server that has nothing for this bot is asked again
_CAN_ASK: Final = all(importlib.util.find_spec(name) is not None for name in ("aiohttp", "orjson"))
_ON_PAPER: Final = " on paper"  # `PaperExchange` trades at the prices of the exchange it is named after


@dataclass(frozen=True, slots=True)
class LiveTick:
    """A price as a server told it.

    Attributes
    ----------
    price
        In the quote currency.
    source
        Where it comes from, for example ``"binance, middle of bid and ask"``.
    age
        Seconds since it was observed.
    stale
        Whether the server has not answered for a while.
    """

    price: float
    source: str
    age: float
    stale: bool = False


class LivePrice:
    """Asks a price server once a second while somebody looks, on a thread of its own: one that hangs delays nobody.

    Only quotes of the bot's own market count. They may come from any server of this user; but a test network has other
    prices than the exchange of that name, so there the server must be in the bot's own process. A practice market has no
    price between two bars: nobody is asked.

    Parameters
    ----------
    on_error
        Called with what went wrong where a server answers what it should not.
    clock
        A monotonic clock in seconds.
    folder
        Of the servers' state files; None takes the usual one.
    """

    def __init__(
        self,
        on_error: Callable[[Exception], object],
        clock: Callable[[], float] = time.monotonic,
        folder: Path | None = None,
    ) -> None:
        self._on_error = on_error
        self._clock = clock
        self._folder = folder
        self._status: BotStatus | None = None
        self._looked_at = float("-inf")
        self._found: tuple[LiveTick, float] | None = None
        self._passed: dict[tuple[str, int], float] = {}
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def read(self, now: float, status: BotStatus) -> LiveTick | None:
        """Return the newest price, or None where no server has told one; does not wait.

        Parameters
        ----------
        now
            The present of the clock.
        status
            Of the bot whose price is looked for.
        """
        if status.mode is Mode.PRACTICE or not _CAN_ASK:
            return None
        self._looked_at, self._status = now, status
        if self._thread is None and not self._closed.is_set():
            self._thread = threading.Thread(target=self._run, name="cryptobot-panel-price", daemon=True)
            self._thread.start()
        if self._found is None:
            return None
        tick, came = self._found
        return replace(tick, age=tick.age + max(0.0, now - came), stale=now - came > STALE)

    def close(self) -> None:
        """Ask no more: the thread ends within a second. Idempotent."""
        self._closed.set()

    def _run(self) -> None:
        """Look for a server, and ask the one that was found as long as it answers."""
        while not self._closed.wait(EVERY):
            folder = state_file.directory(self._folder)
            if self._clock() - self._looked_at <= WANTED and any(self._untried(folder)):
                asyncio.run(self._search(folder))  # aiohttp is loaded by the first server only

    def _untried(self, folder: Path) -> Iterator[state_file.ServerState]:
        """Yield the servers that are written down, newest first, but those that had nothing a moment ago."""
        now = self._clock()
        self._passed = {key: until for key, until in self._passed.items() if until > now}
        for _, state in state_file.found(folder):
            if (state.url, state.started) not in self._passed:
                yield state

    async def _search(self, folder: Path) -> None:
        import aiohttp

        from mcp_server.client.asynchronous import AsyncPriceClient
        from mcp_server.client.discovery import answers

        for state in self._untried(folder):
            async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE), trust_env=False) as session:
                ours = await answers(session, state.url)  # without the token: another program may have taken its port
            if ours:
                async with await AsyncPriceClient.connect(state.url, state.token, timeout=PATIENCE) as client:
                    await self._follow(client, state)
            self._passed[state.url, state.started] = self._clock() + PASSED

    async def _follow(self, client: AsyncPriceClient, state: state_file.ServerState) -> None:
        """Ask one server until it has nothing for this bot."""
        while not self._closed.is_set():
            if self._status is not None and self._clock() - self._looked_at <= WANTED:
                try:
                    tick = await told(client, state.pid, self._status)
                except ServerError:  # gone, or without such a market: the age of the last price says so
                    return
                except Exception as error:  # noqa: BLE001 - an answer of another version: told, and the panel goes on
                    self._on_error(error)
                    return
                if tick is None:
                    return
                self._found = tick, self._clock()
            await asyncio.sleep(EVERY)


async def told(client: AsyncPriceClient, pid: int, status: BotStatus) -> LiveTick | None:
    """Return a server's quote of a bot's own market, or None if it has only other prices.

    Parameters
    ----------
    client
        Of the server.
    pid
        Of the server's process.
    status
        Of the bot.

    Raises
    ------
    ServerError
        If it does not answer, or knows no such market.
    """
    price = await client.price(status.symbol)
    exchange = price.source.partition(",")[0]
    if price.bid is None or exchange != status.exchange.removesuffix(_ON_PAPER):
        return None  # a candle's close, which the panel has already, or the price of elsewhere
    if status.mode is Mode.TESTNET and pid != status.pid:
        return None
    return LiveTick(price.price, price.source, price.age_s)
