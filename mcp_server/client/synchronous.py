"""The synchronous client: the asynchronous one on a loop of its own, so that it works in scripts and in notebooks."""

from __future__ import annotations

import asyncio
import datetime as dt
import queue
import ssl
import threading
from collections.abc import Coroutine, Iterable, Iterator
from concurrent.futures import CancelledError, Future
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from mcp_server.client.asynchronous import AsyncPriceClient, Message
from mcp_server.errors import ClientError
from mcp_server.models.bot import BotStatus
from mcp_server.models.market import Candles, Price, Symbols

Result = TypeVar("Result")
WAITING = 1_000


class PriceClient:
    """Asks a price server; see `AsyncPriceClient` for what its methods return and raise.

    Made by `connect`; ends with `close` or ``with``. May be used from any thread.

    Examples
    --------
    ``with PriceClient.connect() as client: print(client.price("BTC/USDT").price)``
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="cryptobot-price-client", daemon=True)
        self._client: AsyncPriceClient | None = None
        self._streams: set[Future[None]] = set()
        self._lock = threading.Lock()
        self._thread.start()

    @classmethod
    def connect(
        cls,
        url: str | None = None,
        token: str | None = None,
        *,
        name: str | None = None,
        state_directory: Path | str | None = None,
        timeout: float = 10.0,
        tls: ssl.SSLContext | None = None,
    ) -> Self:
        """Find the server of this machine, or take a named one; see `AsyncPriceClient.connect`."""
        made = cls()
        try:
            made._client = made._run(
                AsyncPriceClient.connect(
                    url, token, name=name, state_directory=state_directory, timeout=timeout, tls=tls
                )
            )
        except BaseException:
            made.close()
            raise
        return made

    @property
    def url(self) -> str:
        """Of the server."""
        return self._open.url

    def price(self, symbol: str) -> Price:
        """Return the newest price of a market."""
        return self._run(self._open.price(symbol))

    def prices(self) -> dict[str, Price]:
        """Return the newest prices of all markets."""
        return self._run(self._open.prices())

    def symbols(self) -> Symbols:
        """Return what may be asked for."""
        return self._run(self._open.symbols())

    def ohlcv(
        self, symbol: str, timeframe: str = "1m", limit: int = 100, end: dt.datetime | str | None = None
    ) -> Candles:
        """Return candles, oldest first."""
        return self._run(self._open.ohlcv(symbol, timeframe, limit, end))

    def status(self, bot: str | None = None) -> BotStatus:
        """Return where a bot stands."""
        return self._run(self._open.status(bot))

    def stream(
        self, symbols: Iterable[str] | None = None, events: Iterable[str] | None = None, *, reconnect: bool = True
    ) -> Iterator[Message]:
        """Yield a snapshot, then news. A reader that is slower than the news misses the oldest of them."""
        client = self._open
        kept: queue.SimpleQueue[Message | BaseException | None] = queue.SimpleQueue()

        async def pump() -> None:
            try:
                async for message in client.stream(symbols, events, reconnect=reconnect):
                    while kept.qsize() >= WAITING:
                        kept.get_nowait()
                    kept.put(message)
            except Exception as error:  # noqa: BLE001 - raised again where the stream is read
                kept.put(error)
            finally:
                kept.put(None)

        with self._lock:
            pumping = asyncio.run_coroutine_threadsafe(pump(), self._loop)
            self._streams.add(pumping)
        try:
            while (item := kept.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            pumping.cancel()
            self._streams.discard(pumping)

    def close(self) -> None:
        """End it; idempotent."""
        with self._lock:
            if not self._thread.is_alive():
                return
            client, self._client = self._client, None
            for pumping in tuple(self._streams):
                pumping.cancel()
            asyncio.run_coroutine_threadsafe(_end(client), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    @property
    def _open(self) -> AsyncPriceClient:
        if self._client is None:
            raise ClientError("The client is closed. Connect anew: PriceClient.connect().")
        return self._client

    def _run(self, work: Coroutine[Any, Any, Result]) -> Result:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except CancelledError:
            raise ClientError("The client was closed while it was asking.") from None
        except BaseException:
            future.cancel()  # Ctrl-C in the caller ends the request, too
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"PriceClient({'closed' if self._client is None else self._client.url})"


async def _end(client: AsyncPriceClient | None) -> None:
    """Close the session, then end all that still runs in the loop."""
    if client is not None:
        await client.close()
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_asyncgens()
    await asyncio.get_running_loop().shutdown_default_executor()
