"""A real exchange, by ccxt: public data without keys, orders with them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Literal

from cryptobot.core.clock import Clock, SystemClock
from cryptobot.core.errors import ConfigError, ExchangeError
from cryptobot.core.events import BarClosed, ExchangeEvent
from cryptobot.core.grid import PriceGrid
from cryptobot.core.money import Market, decimal_of
from cryptobot.core.orders import Order
from cryptobot.core.quotes import Quote
from cryptobot.core.secrecy import Redactor
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Balance, Bar, Fill, Intent, Mode, OcoIntent
from cryptobot.exchange.capabilities import Capabilities
from cryptobot.exchange.connector import candles
from cryptobot.exchange.connector.arguments import access_of, choice, positive, seconds
from cryptobot.exchange.connector.client import exchange_class
from cryptobot.exchange.connector.connection import Connection
from cryptobot.exchange.connector.dead_man import DeadManSwitch
from cryptobot.exchange.connector.desk import Desk
from cryptobot.exchange.connector.order_stream import OrderStream
from cryptobot.exchange.connector.registry import quirks_of
from cryptobot.exchange.connector.stream import Events, merged
from cryptobot.exchange.connector.tracker import Tracker
from cryptobot.exchange.feed.closed_bars import ClosedBarFeed
from cryptobot.exchange.feed.ticks import Tick, opening
from cryptobot.exchange.rules import MarketRules

_SHORTEST_SWITCH: Final = 15.0


class CcxtExchange:
    """An exchange that ccxt knows: Binance, Coinbase, Kraken and any other that can do enough.

    Without keys it gives public data and takes no orders. With keys, say whose money it is: ``mode="testnet"`` or
    ``mode="live"``. Keys come from the environment or from ``.env`` (``BINANCE_API_KEY`` and ``BINANCE_API_SECRET``,
    likewise for others) and are shown nowhere. A key that may withdraw or transfer is refused.

    Orders are rounded and checked against every filter before they are sent, and sent once, whatever happens: a failure
    is named for what it is (refused, certainly not sent, or unknown), and only the caller may try again.

    Parameters
    ----------
    id
        The exchange's id in ccxt, for example ``"binance"``.
    mode
        ``"testnet"`` or ``"live"`` to trade, None for public data only. A server on this machine is ``"testnet"``.
    api_key, secret
        Instead of those from the environment.
    endpoint
        Base URL of a server that speaks the exchange's language, for example that of `cb.Simulator`.
    buy_fee
        What a market buy's fee is taken from: ``"base"`` what was bought, ``"quote"`` money on top of the order's amount
        (then less is ordered, so that all stays within the amount), None for the exchange's own way.
    session
        An aiohttp session to use; it is left open.
    clock
        For all waiting.
    recv_window
        How many milliseconds a signed request stays valid, at most 60,000.
    timeout
        Seconds to wait for an answer.
    dead_man_switch
        Let the exchange cancel every order of the account when this process falls silent for so many seconds, 15 to
        3,600; a `close` in order takes that away. Not every exchange can. None, which is best for nearly everybody: the
        orders that protect a position stay on the exchange, so that it is protected also when this process is gone.

    Attributes
    ----------
    warnings
        What is amiss without being wrong, such as a key that works from every address; known after `connect`.
    """

    def __init__(
        self,
        id: str = "binance",  # noqa: A002 - ccxt's own word for it
        *,
        mode: Literal["testnet", "live"] | None = None,
        api_key: str | None = None,
        secret: str | None = None,
        endpoint: str | None = None,
        buy_fee: Literal["base", "quote"] | None = None,
        session: Any = None,
        clock: Clock | None = None,
        recv_window: int = 5000,
        timeout: float = 10.0,
        dead_man_switch: float | None = None,
    ) -> None:
        made = exchange_class(id)()
        self._quirks = quirks_of(id)
        self._clock = clock or SystemClock()
        self._access, self._local = access_of(
            self._quirks,
            mode=mode,
            api_key=api_key,
            secret=secret,
            endpoint=endpoint,
            session=session,
            recv_window=positive(recv_window, "recv_window", 60_000),
            timeout=seconds(timeout, "timeout", 120),
        )
        self.name = id
        self.symbol: str | None = None
        self.timeframe: Timeframe | None = None
        self.warnings: list[str] = []
        self._trades = self._access.api_key is not None
        self.mode = Mode.LIVE if mode == "live" else Mode.TESTNET if self._trades else Mode.PAPER
        self._checks_rights = self._trades and (mode == "live" or endpoint is not None)
        self._capabilities = replace(
            self._quirks.capabilities(made, orders=self._trades),
            order_deadline=recv_window / 1000 + self._quirks.settles_after,
        )
        self._connection = Connection(self._quirks, self._access, self._clock, local=self._local, report=self._reported)
        self._tracker = Tracker()
        self._events = Events()
        self._switch: DeadManSwitch | None = None
        if dead_man_switch is not None:
            self._capabilities.require("dead_man_switch", id)
            if seconds(dead_man_switch, "dead_man_switch", 3_600) < _SHORTEST_SWITCH:
                raise ConfigError(
                    f"dead_man_switch: {dead_man_switch!r} is not allowed. Give seconds, {_SHORTEST_SWITCH:g} to 3,600: "
                    "a network that stutters must not cost the orders."
                )
            self._switch = DeadManSwitch(self._connection, self._clock, dead_man_switch)
        choice(buy_fee, "buy_fee", ("base", "quote"))
        self._desk = Desk(self._connection, self._tracker, self._events.put, buy_fee or self._quirks.buy_fee)
        self._orders: OrderStream | None = None
        self._next: dict[tuple[str, Timeframe], int] = {}
        self._streaming = False

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""
        return self._capabilities

    @property
    def redactor(self) -> Redactor:
        """Takes its keys out of texts."""
        return self._connection.redactor

    @property
    def page_limit(self) -> int:
        """The most candles that one call of `candles` returns."""
        return self._quirks.page_limit

    @property
    def tick_limit(self) -> int:
        """The most trades that one call of `ticks` returns."""
        return candles.TICKS

    async def connect(self) -> None:
        """Reach the exchange, set the clock by it, load its markets, and look at what the key may do.

        Raises
        ------
        AuthError
            If the key is refused, may withdraw or transfer, or the exchange does not say what it may do.
        ConfigError
            If the exchange cannot do what is needed, or this computer's clock is off by more than a minute.
        TransientError
            If it cannot be reached.
        """
        await self._connection.open()
        try:
            await self.check_rights()
            if self._switch is not None:
                await self._switch.arm()
        except ExchangeError:
            await self.close()
            raise

    async def check_rights(self) -> None:
        """Look again at what the key may do; raises as `connect` does."""
        if self._checks_rights:
            async with self._connection.asking("the key's rights") as exchange:
                self.warnings = await self._quirks.check_rights(exchange)

    async def close(self) -> None:
        """Let go of the network. Open orders stay open at the exchange."""
        if self._switch is not None:
            await self._switch.disarm()
        await self._connection.close()

    async def now(self) -> int:
        """Return the exchange's time, asked for now."""
        await self._connection.open()
        async with self._connection.asking("the time"):
            return await self._connection.time.now()

    async def markets(self) -> Mapping[str, MarketRules]:
        """Return the rules of every market, by symbol."""
        await self._connection.open()
        return await self._connection.markets()

    async def rules(self, symbol: str) -> MarketRules:
        """Return all rules of a market; see `Exchange.rules`."""
        await self._connection.open()
        return await self._connection.rules(symbol)

    async def market(self, symbol: str) -> Market:
        """Return a market's tick size, lot size and minimum notional; see `Exchange.market`."""
        return (await self.rules(symbol)).market

    async def grid(self, symbol: str) -> PriceGrid:
        """Return the decimal grid that the market's prices lie on."""
        return PriceGrid.of_tick((await self.market(symbol)).tick_size)

    async def balances(self) -> Mapping[str, Balance]:
        """Return what the account holds of every currency."""
        self._require_keys("balances")
        await self._connection.open()
        async with self._connection.asking("the account") as exchange:
            return await self._quirks.balances(exchange)

    async def quote(self, symbol: str) -> Quote:
        """Return the best bid and ask, with the exchange's time just before they were asked for."""
        await self.rules(symbol)
        # A server on this machine may keep a market time that jumps: it is asked, not estimated.
        time = await self.now() if self._local else self._connection.time.estimate()
        async with self._connection.asking(f"a quote of {symbol}") as exchange:
            return await self._quirks.quote(exchange, symbol, time)

    async def candles(self, symbol: str, timeframe: Timeframe, since: int, limit: int | None = None) -> list[Bar]:
        """Return candles from a time on, oldest first, the last perhaps still open; see `CandleSource.candles`."""
        await self.rules(symbol)
        candles.check_offered(self._capabilities.timeframes, timeframe, self.name)
        wanted = self.page_limit if limit is None else min(limit, self.page_limit)
        async with self._connection.asking(f"{timeframe} candles of {symbol}") as exchange:
            found = await self._quirks.candles(exchange, symbol, timeframe, since, wanted)
        return found[:wanted]

    async def ticks(self, symbol: str, since: int) -> list[Tick]:
        """Return the first trades from a time on, oldest first."""
        await self.rules(symbol)
        async with self._connection.asking(f"trades of {symbol}") as exchange:
            return await candles.ticks_of(exchange, symbol, since)

    async def watch(self, symbol: str, timeframe: Timeframe) -> int:
        """Wait for the next message about candles; see `CandleWatcher.watch`."""
        await self.rules(symbol)
        return await candles.watch(self._connection, symbol, timeframe)

    async def unwatch(self, symbol: str, timeframe: Timeframe) -> None:
        """Drop the connection that `watch` uses."""
        if self._connection.is_open:
            await candles.drop(self._connection.exchange, self._quirks.candle_words)

    async def history(self, symbol: str, timeframe: Timeframe, limit: int) -> list[Bar]:
        """Return up to ``limit`` closed bars before the stream's first, oldest first."""
        source, _ = candles.source_for(self, timeframe)
        key = (symbol, timeframe)
        end = self._next.get(key)
        if end is None:
            await self.rules(symbol)
            end = opening(await self.now(), timeframe)
        past = await candles.before(source, symbol, timeframe, end, limit)
        # The newest closed candle may not be there yet: the stream begins with what is missing.
        self._next[key] = max(self._next.get(key, 0), past[-1].time + timeframe.nanoseconds) if past else end
        return past

    async def stream(self, symbol: str, timeframe: Timeframe) -> AsyncIterator[ExchangeEvent]:
        """Yield closed bars and what happens to orders; see `Exchange.stream`."""
        source, watcher = candles.source_for(self, timeframe)
        await self.rules(symbol)
        if self._streaming:
            raise ConfigError(f"{self.name}: somebody is reading this exchange already. Make one exchange a bot.")
        self._streaming = True
        key = (symbol, timeframe)
        feed = None
        try:
            if key not in self._next:
                self._next[key] = opening(await self.now(), timeframe)
            since = self._next[key]
            poll = 1.0 if self._local else 10.0  # a server on this machine is asked for nothing
            feed = ClosedBarFeed(source, watcher, symbol, timeframe, clock=self._clock, since=since, poll=poll)
            self._orders = self._followed(symbol)

            async for event in merged(feed, self._events, before_bar=self._settle, check=self._raise_what_ended_orders):
                if isinstance(event, BarClosed):  # told from here on: whoever leaves and comes back gets the next one
                    self._next[key] = event.bar.time + timeframe.nanoseconds
                    self._desk.prices[symbol] = decimal_of(event.bar.close, "close")
                yield event
        finally:
            self._streaming = False
            orders, self._orders = self._orders, None
            if orders is not None:
                await orders.stop()
            if feed is not None:
                await feed.aclose()

    async def submit(self, intent: Intent) -> Order:
        """Send an order, once; see `Exchange.submit`. A key that is refused raises `AuthError`: nothing was traded."""
        self._require_keys("orders")
        await self._connection.open()
        return await self._desk.submit(intent)

    async def submit_oco(self, pair: OcoIntent) -> Sequence[Order]:
        """Send two orders of which one cancels the other; see `Exchange.submit_oco`."""
        self._require_keys("orders")
        self._capabilities.require("oco", self.name)
        await self._connection.open()
        return await self._desk.submit_pair(pair)

    async def cancel(self, symbol: str, client_id: str) -> Order:
        """Cancel an open order and return what then is known of it; see `Exchange.cancel`."""
        self._require_keys("orders")
        await self._connection.open()
        return await self._desk.cancel(symbol, client_id)

    async def order(self, symbol: str, client_id: str) -> Order:
        """Return the newest order of a client id; see `Exchange.order`. From then on the stream tells of it."""
        self._require_keys("orders")
        await self._connection.open()
        return await self._desk.order(symbol, client_id)

    async def open_orders(self, symbol: str) -> list[Order]:
        """Return the open orders of a market, oldest first, whoever sent them."""
        self._require_keys("orders")
        await self.rules(symbol)
        async with self._connection.asking(f"the open orders of {symbol}") as exchange:
            found = await self._quirks.open_orders(exchange, symbol)
        return sorted(found, key=lambda order: (order.created, order.exchange_id))

    async def fills(self, symbol: str, since: int = 0) -> list[Fill]:
        """Return the account's executions in a market since a time, oldest first."""
        self._require_keys("orders")
        await self.rules(symbol)
        async with self._connection.asking(f"the executions of {symbol}") as exchange:
            return await self._quirks.fills(exchange, symbol, since, self._tracker.client_ids(symbol))

    def __repr__(self) -> str:
        where = f", endpoint={self._access.endpoint!r}" if self._access.endpoint else ""
        what = f"mode={str(self.mode)!r}" if self._trades else "public data only"
        return f"CcxtExchange({self.name!r}, {what}{where})"

    def _followed(self, symbol: str) -> OrderStream | None:
        if not self._trades:
            return None
        listen = self._capabilities.order_stream
        made = OrderStream(self._connection, self._desk, self._tracker, symbol, listen=listen, tell=self._events.put)
        made.start()
        return made

    async def _settle(self, event: BarClosed) -> None:
        if self._orders is not None:
            await self._orders.settle_before_bar()

    def _raise_what_ended_orders(self) -> None:
        if self._orders is not None and self._orders.failure is not None:
            raise self._orders.failure

    def _reported(self, message: Mapping[str, Any]) -> None:
        answer = self._quirks.report(message)
        if answer is None:
            return
        if self._orders is not None:
            self._orders.heard()
        self._events.put(self._tracker.heard(answer))

    def _require_keys(self, what: str) -> None:
        if not self._trades:
            self._capabilities.require("orders", f"{self.name} without keys ({what})")
