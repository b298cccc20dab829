"""The asynchronous client."""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import aiohttp
import orjson
from pydantic import BaseModel
from yarl import URL

from mcp_server import state_file
from mcp_server.client.discovery import HOW, Address, find
from mcp_server.errors import ClientError, NotRunning, Refused
from mcp_server.models.bot import BotStatus
from mcp_server.models.market import Candles, Price, Prices, Symbols
from mcp_server.version import version

Shape = TypeVar("Shape", bound=BaseModel)
LONGEST_PAUSE = 10.0
FIRST_PAUSE = 0.25


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the stream.

    Attributes
    ----------
    type
        ``"snapshot"``, ``"price"``, ``"bar"``, ``"status"``, ``"trade"`` or ``"error"``.
    seq
        Counts the server's messages; a gap shows that some were dropped or not asked for.
    data
        Its content.
    """

    type: str
    seq: int
    data: Any


class AsyncPriceClient:
    """Asks a price server.

    Made by `connect`; ends with `close` or ``async with``. One client is used in one event loop.

    Parameters
    ----------
    session
        To ask with; closed with the client.
    address
        Of the server.
    found_in
        Folder of the state files it was found by, so that it is found again after a restart; None if it was named.
    name
        Of the server's backend, if one was asked for.
    """

    def __init__(
        self, session: aiohttp.ClientSession, address: Address, found_in: Path | None = None, name: str | None = None
    ) -> None:
        self._session = session
        self._address = address
        self._found_in = found_in
        self._name = name

    @classmethod
    async def connect(
        cls,
        url: str | None = None,
        token: str | None = None,
        *,
        name: str | None = None,
        state_directory: Path | str | None = None,
        timeout: float = 10.0,  # noqa: ASYNC109 - of each request to come, not of this call
        tls: ssl.SSLContext | None = None,
    ) -> Self:
        """Find the server of this machine, or take a named one.

        Parameters
        ----------
        url, token
            Of a server; without them the newest one of this user is found by its state file.
        name
            Of its backend, where several run.
        state_directory
            Where to look; see `mcp_server.state_file.directory`.
        timeout
            Seconds for each request.
        tls
            For HTTPS with a certificate of one's own; None trusts what the system trusts.

        Raises
        ------
        NotRunning
            If there is none.
        ClientError
            If a url is given without a token.
        """
        if url is not None and token is None:
            raise ClientError(
                "token: none is given. It stands in the server's state file, and is server.token in Python."
            )
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=tls or True),
            timeout=aiohttp.ClientTimeout(total=timeout),
            headers={"User-Agent": f"cryptobot/{version()}"},
            trust_env=False,  # a proxy must not see the token
            raise_for_status=False,
        )
        try:
            if url is not None and token is not None:
                return cls(session, Address(url.rstrip("/"), token))
            folder = state_file.directory(state_directory)
            return cls(session, await find(session, folder, name), folder, name)
        except BaseException:
            await session.close()
            raise

    @property
    def url(self) -> str:
        """Of the server."""
        return self._address.url

    async def price(self, symbol: str) -> Price:
        """Return the newest price of a market, such as ``"BTC/USDT"``.

        Raises
        ------
        Refused
            If there is no such market; the message names the closest.
        NotRunning
            If the server is gone.
        """
        return await self.get(f"/price/{_part(symbol)}", Price)

    async def prices(self) -> dict[str, Price]:
        """Return the newest prices of all markets."""
        return {price.symbol: price for price in (await self.get("/prices", Prices)).prices}

    async def symbols(self) -> Symbols:
        """Return what may be asked for."""
        return await self.get("/symbols", Symbols)

    async def ohlcv(
        self, symbol: str, timeframe: str = "1m", limit: int = 100, end: dt.datetime | str | None = None
    ) -> Candles:
        """Return candles, oldest first.

        Parameters
        ----------
        symbol, timeframe
            Which.
        limit
            How many, at most 500.
        end
            Only candles that open before this moment.
        """
        given = {
            "timeframe": timeframe,
            "limit": limit,
            "end": end.isoformat() if isinstance(end, dt.datetime) else end,
        }
        return await self.get(f"/ohlcv/{_part(symbol)}", Candles, given)

    async def status(self, bot: str | None = None) -> BotStatus:
        """Return where a bot stands."""
        return await self.get("/bot-status", BotStatus, {"bot": bot})

    async def get(self, path: str, shape: type[Shape], query: Mapping[str, Any] | None = None) -> Shape:
        """Ask a route that shows something.

        Parameters
        ----------
        path
            Of the route.
        shape
            Of its answer.
        query
            Its arguments; None values are left out.
        """
        given = {name: str(value) for name, value in (query or {}).items() if value is not None}
        async with self._asked("GET", path, params=given) as answer:
            return shape.model_validate_json(await answer.read())

    async def post(self, path: str, shape: type[Shape], content: Mapping[str, Any] | BaseModel) -> Shape:
        """Ask a route that does something."""
        written = content.model_dump_json().encode() if isinstance(content, BaseModel) else orjson.dumps(content)
        async with self._asked("POST", path, data=written, headers={"Content-Type": "application/json"}) as answer:
            return shape.model_validate_json(await answer.read())

    async def lines(self, path: str, content: BaseModel, seconds: float) -> AsyncIterator[dict[str, Any]]:
        """Ask a route that answers line by line.

        Parameters
        ----------
        path
            Of the route.
        content
            Its arguments.
        seconds
            For all of it.
        """
        headers = {"Content-Type": "application/json", "Accept": "application/x-ndjson"}
        patience = aiohttp.ClientTimeout(total=seconds)
        written = content.model_dump_json().encode()
        async with self._asked("POST", path, data=written, headers=headers, timeout=patience) as answer:
            buffered = b""
            async for chunk in answer.content.iter_any():
                *whole, buffered = (buffered + chunk).split(b"\n")
                for line in whole:
                    yield orjson.loads(line)
            if buffered:
                yield orjson.loads(buffered)

    async def stream(
        self, symbols: Iterable[str] | None = None, events: Iterable[str] | None = None, *, reconnect: bool = True
    ) -> AsyncIterator[Message]:
        """Yield a snapshot, then news; after a lost connection it goes on with a new snapshot.

        Parameters
        ----------
        symbols
            Markets; None for all.
        events
            ``"price"``, ``"bar"``, ``"status"``, ``"trade"``; None for all.
        reconnect
            Whether to go on after a lost connection, with growing pauses. Otherwise the stream ends there.

        Raises
        ------
        Refused
            If the server refuses, for example an unknown market.
        NotRunning
            If it cannot be reached at all, at first.
        """
        chosen = {"symbols": _joined(symbols), "events": _joined(events)}
        query = {name: value for name, value in chosen.items() if value is not None}
        pause, ever = FIRST_PAUSE, False
        while True:
            try:
                async with self._listening(query) as socket:
                    ever, pause = True, FIRST_PAUSE
                    async for message in socket:
                        if message.type is not aiohttp.WSMsgType.TEXT:
                            break
                        found = orjson.loads(message.data)
                        yield Message(found["type"], found["seq"], found["data"])
            except NotRunning:
                if not ever:
                    raise
            if not reconnect:
                return
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE, pause * 2)
            await self._look_again()

    async def close(self) -> None:
        """End it; idempotent."""
        await self._session.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url})"

    def _asked(self, method: str, path: str, **options: Any) -> _Asked:
        headers = {"Authorization": f"Bearer {self._address.token}", **options.pop("headers", {})}
        # A redirect would carry the token elsewhere.
        request = self._session.request(
            method, URL(self._address.url + path, encoded=True), headers=headers, allow_redirects=False, **options
        )
        return _Asked(request, self.url)

    def _listening(self, query: Mapping[str, str]) -> _Listening:
        headers = {"Authorization": f"Bearer {self._address.token}"}
        address = self._address.url.replace("http", "ws", 1) + "/ws"
        return _Listening(
            self._session.ws_connect(address, headers=headers, params=query, heartbeat=20.0, max_msg_size=8 * 2**20),
            self,
        )

    async def _look_again(self) -> None:
        """Find the server anew: after a restart its port and its token are others."""
        if self._found_in is not None:
            try:
                self._address = await find(self._session, self._found_in, self._name)
            except NotRunning:
                return  # not yet: the next attempt will tell


class _Asked:
    """One request, with errors in our words."""

    def __init__(self, request: Any, url: str) -> None:
        self._request = request
        self._url = url

    async def __aenter__(self) -> aiohttp.ClientResponse:
        try:
            answer: aiohttp.ClientResponse = await self._request.__aenter__()
        except (aiohttp.ClientConnectionError, OSError) as error:
            raise _gone(self._url, error) from None
        if answer.status != 200:
            try:
                raise _refused(answer.status, await answer.read(), answer.headers.get("Retry-After"))
            finally:
                await self._request.__aexit__(None, None, None)
        return answer

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._request.__aexit__(kind, error, trace)
        if isinstance(error, aiohttp.ClientError):
            raise _gone(self._url, error) from None


class _Listening:
    """One WebSocket, with errors in our words."""

    def __init__(self, connecting: Any, client: AsyncPriceClient) -> None:
        self._connecting = connecting
        self._client = client

    async def __aenter__(self) -> aiohttp.ClientWebSocketResponse:
        try:
            socket: aiohttp.ClientWebSocketResponse = await self._connecting.__aenter__()
        except aiohttp.WSServerHandshakeError as error:
            waits = error.headers.get("Retry-After") if error.headers else None
            raise Refused(error.status, _why(error.status), retry_after=_seconds(waits)) from None
        except (aiohttp.ClientError, OSError) as error:
            raise _gone(self._client.url, error) from None
        return socket

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._connecting.__aexit__(kind, error, trace)


def _gone(url: str, error: Exception) -> ClientError:
    if isinstance(error, TimeoutError):
        return ClientError(f"The price server at {url} did not answer in time. Is its machine very busy?")
    return NotRunning(f"The price server at {url} does not answer ({type(error).__name__}). {HOW}")


def _refused(status: int, content: bytes, waits: str | None) -> Refused:
    try:
        error = orjson.loads(content)["error"]
        return Refused(status, str(error["message"]), str(error["code"]), _seconds(waits), error.get("allowed"))
    except (ValueError, KeyError, TypeError):
        return Refused(status, _why(status), retry_after=_seconds(waits))


def _why(status: int) -> str:
    reasons = {
        401: "The token is wrong: the server may have been restarted. Connect again.",
        404: "The server knows no such name.",
        429: "The server asks to wait: too many requests, or too many wrong tokens from this machine.",
    }
    return reasons.get(status, f"The server refused (HTTP {status}).")


def _seconds(text: str | None) -> float | None:
    return float(text) if text is not None and text.isdigit() else None


def _part(symbol: str) -> str:
    return quote(symbol.replace("/", "-"), safe="")


def _joined(names: Iterable[str] | None) -> str | None:
    if names is None:
        return None
    return ",".join([names] if isinstance(names, str) else names)
