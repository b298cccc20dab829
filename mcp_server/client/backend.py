"""A backend that asks a running server: what assistants over stdio are served from."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from pydantic import BaseModel

from mcp_server.backend import Progress
from mcp_server.client.asynchronous import AsyncPriceClient, Message
from mcp_server.errors import BackendError, ClientError, NotRunning, Refused, Relayed, Unavailable
from mcp_server.events import BarClosed, Event, Listener, PriceChanged, StatusChanged, Traded, Unsubscribe
from mcp_server.models.bot import (
    BotLogs,
    BotStatus,
    ControlState,
    Explanation,
    Level,
    Mark,
    Noted,
    Performance,
    Period,
    PriceFeed,
    TradePage,
)
from mcp_server.models.market import Bar, Candles, Indicators, Price, Prices, Symbols, Tick
from mcp_server.models.research import BacktestReport, BacktestRequest, Comparison, Strategies, StrategyInfo
from mcp_server.rest.market import ns
from mcp_server.words import iso

LOGGER = logging.getLogger("mcp_server")
FRESH_SECONDS = 5.0
BACKTEST_SECONDS = 3_600.0
PAUSE_SECONDS = 5.0
Shape = TypeVar("Shape", bound=BaseModel)


class HttpBackend:
    """Answers from a server that runs elsewhere; it need not run yet.

    Parameters
    ----------
    url, token
        Of the server; without them it is found by its state file, anew after every restart.
    control_token
        Lets its assistants control bots.
    name
        Of the server's backend, where several run.
    state_directory
        Where to look.
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        control_token: str | None = None,
        name: str | None = None,
        state_directory: Path | str | None = None,
    ) -> None:
        self._url = url
        self._token = token
        self._control = control_token
        self._wanted = name
        self._directory = state_directory
        self._client: AsyncPriceClient | None = None
        self._connecting = asyncio.Lock()
        self._symbols: tuple[float, Symbols] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def name(self) -> str:
        """What it is called."""
        return "cryptobot"

    async def close(self) -> None:
        """End everything."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._client is not None:
            await self._client.close()
            self._client = None

    # -- prices -------------------------------------------------------------------------------------------------------

    async def symbols(self) -> Sequence[str]:
        """Return the markets."""
        return (await self._offers()).symbols

    async def timeframes(self) -> Sequence[str]:
        """Return the candle intervals on offer."""
        return (await self._offers()).timeframes

    async def indicator_names(self) -> Sequence[str]:
        """Return the indicators on offer."""
        return (await self._offers()).indicators

    async def price(self, symbol: str) -> Tick:
        """Return the newest price of a market."""
        return _tick(await self._get(f"/price/{_part(symbol)}", Price))

    async def prices(self) -> Sequence[Tick]:
        """Return the newest prices of all markets."""
        return [_tick(price) for price in (await self._get("/prices", Prices)).prices]

    async def candles(self, symbol: str, timeframe: str, limit: int, end: int | None) -> Candles:
        """Return the newest candles."""
        given = {"timeframe": timeframe, "limit": limit, "end": None if end is None else iso(end)}
        return await self._get(f"/ohlcv/{_part(symbol)}", Candles, **given)

    async def indicators(self, symbol: str, timeframe: str, names: Sequence[str], limit: int) -> Indicators:
        """Return the newest values of indicators."""
        path = f"/indicators/{_part(symbol)}"
        return await self._get(path, Indicators, timeframe=timeframe, names=",".join(names), limit=limit)

    # -- bots ---------------------------------------------------------------------------------------------------------

    async def bots(self) -> Sequence[str]:
        """Return the names of all bots."""
        try:
            return (await self._get("/bot-status", BotStatus)).bots
        except Relayed as error:
            if error.status == 404 and error.allowed is not None:
                return error.allowed  # several, and none was named
            raise

    async def bot_status(self, bot: str | None) -> BotStatus:
        """Return where a bot stands."""
        return await self._get("/bot-status", BotStatus, bot=bot)

    async def bot_logs(self, bot: str | None, limit: int, level: Level) -> BotLogs:
        """Return the newest lines of a bot's log."""
        return await self._get("/bot-logs", BotLogs, bot=bot, limit=limit, level=level)

    async def trades(self, bot: str | None, limit: int, cursor: str | None) -> TradePage:
        """Return a page of a bot's trades."""
        return await self._get("/trades", TradePage, bot=bot, limit=limit, cursor=cursor)

    async def performance(self, bot: str | None, period: Period) -> Performance:
        """Return how a bot did."""
        return await self._get("/performance", Performance, bot=bot, period=period)

    async def price_feed(self, bot: str | None, limit: int) -> PriceFeed:
        """Return what a bot's chart shows."""
        return await self._get("/price-feed", PriceFeed, bot=bot, limit=limit)

    async def explain(self, bot: str | None) -> Explanation:
        """Say why a bot's newest candle did or did not trade."""
        return await self._get("/explain", Explanation, bot=bot)

    async def note_frontend_error(self, bot: str | None, text: str) -> None:
        """Write an error of a page to the log."""
        await self._post("/frontend-error", Noted, bot=bot, message=text[:2_000])

    # -- research -----------------------------------------------------------------------------------------------------

    async def strategies(self) -> Sequence[StrategyInfo]:
        """Return all strategies."""
        return (await self._get("/strategies", Strategies)).strategies

    async def run_backtest(self, request: BacktestRequest, progress: Progress) -> BacktestReport:
        """Run a backtest over there; being cancelled ends it there, too."""
        async with self._asking() as client:
            async for line in client.lines("/backtests", request, BACKTEST_SECONDS):
                if line["type"] == "progress":
                    await progress(line["data"]["done"], line["data"]["text"])
                elif line["type"] == "error":
                    raise BackendError(line["data"]["message"])
                else:
                    return BacktestReport.model_validate(line["data"])
        raise Unavailable("The server ended the backtest without a result.")

    async def backtest(self, id: str) -> BacktestReport:  # noqa: A002 - it is called so on the wire
        """Return a kept report."""
        return await self._get(f"/backtests/{_part(id)}", BacktestReport)

    async def compare_backtests(self, ids: Sequence[str]) -> Comparison:
        """Return several kept reports side by side."""
        return await self._get("/backtests", Comparison, ids=",".join(ids))

    # -- control ------------------------------------------------------------------------------------------------------

    async def start_bot(self, bot: str | None) -> BotStatus:
        """Start a bot."""
        return await self._post("/bot-control", BotStatus, bot=bot)

    async def stop_bot(self, bot: str | None) -> BotStatus:
        """Stop a bot."""
        return await self._post("/stop-bot", BotStatus, bot=bot)

    async def set_strategy(self, bot: str | None, strategy: str, parameters: dict[str, Any]) -> BotStatus:
        """Give a stopped bot another strategy."""
        return await self._post("/set-strategy", BotStatus, bot=bot, strategy=strategy, parameters=parameters)

    async def metrics(self) -> str:
        """Refuse: Prometheus asks the server itself."""
        raise BackendError("Figures are told where the bots are: GET /metrics of the price server.")

    async def stop_all(self) -> Sequence[str]:
        """Refuse: only the server's own process stops all of its bots."""
        raise BackendError("All bots are stopped where they run: cb.stop_all(), or POST /shutdown with stop_bots.")

    async def panel(self, bot: str | None) -> Sequence[str]:
        """Return ways to open the control panel."""
        return (await self._get("/bot-control", ControlState, bot=bot)).panel

    # -- news ---------------------------------------------------------------------------------------------------------

    def subscribe(self, listener: Listener) -> Unsubscribe:
        """Call the listener with every event from now on; must be called in the loop."""
        task = asyncio.get_running_loop().create_task(self._listen(listener), name="price stream")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

        def unsubscribe() -> None:
            task.cancel()

        return unsubscribe

    async def _listen(self, listener: Listener) -> None:
        while True:
            try:
                async with self._asking() as client:
                    async for message in client.stream(reconnect=False):
                        event = event_of(message)
                        if event is not None:
                            listener(event)
            except BackendError as error:
                LOGGER.debug("no news: %s", error)
            await asyncio.sleep(PAUSE_SECONDS)

    # -- asking -------------------------------------------------------------------------------------------------------

    async def _offers(self) -> Symbols:
        now = time.monotonic()
        if self._symbols is None or now - self._symbols[0] > FRESH_SECONDS:
            self._symbols = (now, await self._get("/symbols", Symbols))
        return self._symbols[1]

    async def _get(self, path: str, shape: type[Shape], **query: Any) -> Shape:
        return await self._tried(lambda client: client.get(path, shape, query))

    async def _post(self, path: str, shape: type[Shape], **content: Any) -> Shape:
        async with self._asking() as client:
            return await client.post(path, shape, content)

    async def _tried(self, ask: Callable[[AsyncPriceClient], Awaitable[Shape]]) -> Shape:
        """Ask; and once more where the server has been restarted meanwhile, which changes nothing there."""
        try:
            async with self._asking() as client:
                return await ask(client)
        except (Unavailable, Relayed) as error:
            if isinstance(error, Relayed) and error.status != 401:
                raise
        async with self._asking() as client:
            return await ask(client)

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[AsyncPriceClient]:
        """Give a connected client; turn its errors into a backend's."""
        try:
            yield await self._connected()
        except Refused as error:
            if error.status == 401:
                await self._drop()
            raise Relayed(error.status, error.code, str(error), error.allowed) from None
        except NotRunning as error:
            await self._drop()
            raise Unavailable(str(error)) from None
        except ClientError as error:
            raise Unavailable(str(error)) from None

    async def _connected(self) -> AsyncPriceClient:
        async with self._connecting:
            if self._client is None:
                found = await AsyncPriceClient.connect(
                    self._url, self._token, name=self._wanted, state_directory=self._directory
                )
                if self._control is not None:
                    url = found.url
                    await found.close()
                    found = await AsyncPriceClient.connect(url, self._control)
                self._client = found
            return self._client

    async def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()


def event_of(message: Message) -> Event | None:
    """Return a message of the stream as the event it was; None for what is none."""
    data = message.data
    if message.type == "price":
        return PriceChanged(_tick(Price.model_validate(data)))
    if message.type == "bar":
        return BarClosed(Bar.model_validate(data))
    if message.type == "status":
        return StatusChanged(BotStatus.model_validate(data))
    if message.type == "trade":
        return Traded(data["bot"], data["mode"], data["symbol"], Mark.model_validate(data))
    return None


def _tick(price: Price) -> Tick:
    return Tick(
        price.symbol, price.price, ns(price.time) or 0, price.source, price.bid, price.ask, price.change_24h_pct
    )


def _part(text: str) -> str:
    return quote(text.replace("/", "-"), safe="")
