"""One connection to an exchange: opened, looked after and closed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from cryptobot.core.clock import Clock
from cryptobot.core.errors import ConfigError, CryptobotError, ExchangeError, TransientError
from cryptobot.core.secrecy import Redactor
from cryptobot.core.suggest import closest
from cryptobot.exchange.connector.bans import Gate, gate_of
from cryptobot.exchange.connector.calls import recorded
from cryptobot.exchange.connector.client import Access, make
from cryptobot.exchange.connector.clock import ServerClock
from cryptobot.exchange.connector.failures import Meaning, Verdict, plain, reading_error, way_there
from cryptobot.exchange.connector.quirks.base import Quirks
from cryptobot.exchange.rules import MarketRules

# Filters, halts and delistings are looked at this often, and at once after an order was refused.
RULES_AGE: Final = 3600.0
_ROUND: Final = 60.0
# Sockets wait ten seconds for a farewell; this is all that they get, in seconds.
GOODBYE: Final = 3.0

# Keys of exchanges at which each request must carry a higher number than the last.
_IN_USE: Final[dict[tuple[str, str], object]] = {}


class Connection:
    """What all requests to one exchange share.

    Parameters
    ----------
    quirks
        What is peculiar to the exchange.
    access
        Address and keys.
    clock
        This computer's.
    local
        Whether the server is on this machine and may keep a market time of its own.
    report
        Called with each raw message about an order.

    Attributes
    ----------
    time
        The exchange's time.
    candles_told
        Open time of the newest candle that was told by the stream, in milliseconds, by market and interval.
    """

    def __init__(
        self,
        quirks: Quirks,
        access: Access,
        clock: Clock,
        *,
        local: bool,
        report: Callable[[dict[str, Any]], None],
    ) -> None:
        self.quirks = quirks
        self.access = access
        self.clock = clock
        self.redactor = Redactor([access.api_key or "", access.secret or ""])
        self.time = ServerClock(self._ask_time, clock, quirks.id, strict=not local and access.api_key is not None)
        self.candles_told: dict[tuple[str, str], int] = {}
        self._report = report
        self._local = local
        self._exchange: Any = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._loaded = 0.0
        self._stale = True

    @property
    def is_open(self) -> bool:
        """Whether `open` has succeeded and `close` was not called since."""
        return self._exchange is not None

    @property
    def exchange(self) -> Any:
        """The ccxt object."""
        if self._exchange is None:
            raise ConfigError(f"{self.quirks.id} is not connected. Call `await exchange.connect()` first.")
        if self._loop is not asyncio.get_running_loop():
            raise ConfigError(
                f"{self.quirks.id} was connected in another event loop. Call `close` there, or make one exchange object "
                "a loop: network connections cannot change over."
            )
        return self._exchange

    async def open(self) -> None:
        """Connect, synchronise the clock and load all markets; does nothing if that is done."""
        if self._exchange is not None:
            _ = self.exchange
            return
        quirks, access = self.quirks, self.access
        nonce = (lambda: self.time.estimate() // 1_000_000) if quirks.has_receive_window else None
        # Limits count per address, so that everybody in this process who speaks to this server shares them. A server on
        # this machine comes and goes, and the next one may get its port.
        server = access.endpoint or f"{quirks.id}{'-testnet' if access.testnet else ''}"
        gate = Gate(quirks.id, self.clock) if self._local else gate_of(quirks.id, server, self.clock)
        self._claim()
        self._loop = asyncio.get_running_loop()
        self._exchange = make(
            quirks,
            access,
            gate=gate,
            redactor=self.redactor,
            nonce=nonce,
            report=self._report,
            local=self._local,
        )
        try:
            quirks.require(self._exchange, orders=access.api_key is not None)
            async with self.asking("the time"):
                await self.time.now()
            await self.load()
        except BaseException:
            await self.close()
            raise
        self._keeper = asyncio.create_task(self._keep())

    async def close(self) -> None:
        """Let go of the network; does nothing if that is done."""
        made, self._exchange = self._exchange, None
        keeper, self._keeper = self._keeper, None
        self._release()
        if keeper is not None:
            keeper.cancel()
            with suppress(asyncio.CancelledError):
                await keeper
        if made is not None:
            await self._part(made)

    async def _part(self, made: Any) -> None:
        """Close all connections; a peer that no longer answers is not waited for."""
        made.timeout_on_exit = 0
        session = None if self.access.session is not None else made.session
        parting = asyncio.ensure_future(made.close())
        await asyncio.wait({parting}, timeout=GOODBYE)
        if parting.done():
            parting.result()
            return
        parting.cancel()
        await asyncio.gather(parting, return_exceptions=True)
        if session is not None:
            await session.close()

    @asynccontextmanager
    async def asking(self, what: str) -> AsyncIterator[Any]:
        """Ask the exchange something; failures come out as our own errors, without secrets.

        Raises
        ------
        TransientError
            If it could not be asked: the question may be repeated.
        AuthError
            If the key was refused, or everybody from here is.
        OrderNotFound, ExchangeError
            As the exchange answered.
        """
        exchange = self.exchange
        with recorded() as calls:
            try:
                yield exchange
            except CryptobotError:
                raise
            except Exception as error:
                self.redactor.scrub(error)
                verdict = way_there(error, calls) or (self.quirks.verdict(calls[-1], error) if calls else None)
                if verdict is None:
                    raise
                await self.consider(verdict)
                raise reading_error(verdict, what, self.quirks.id) from None

    async def consider(self, verdict: Verdict) -> None:
        """Do what a failure calls for: set the clock, or look at the rules anew."""
        if verdict.meaning is Meaning.CLOCK:
            with suppress(Exception):  # the failure that led here is the one to tell
                await self.time.now()
        if verdict.meaning is Meaning.REJECTED:
            self._stale = True

    async def load(self) -> None:
        """Load all markets and their rules anew."""
        async with self.asking("the markets") as exchange:
            found = await self.quirks.load(exchange)
        if not found:
            raise TransientError(f"{self.quirks.id} names no markets at all. Try again later.")
        self.quirks.rules = found
        self._loaded = self.clock.monotonic()
        self._stale = False

    async def markets(self) -> Mapping[str, MarketRules]:
        """Return the rules of every market, not older than an hour."""
        if self._stale or self.clock.monotonic() - self._loaded > RULES_AGE:
            await self.load()
        return self.quirks.rules

    async def rules(self, symbol: str) -> MarketRules:
        """Return the rules of a market; see `Exchange.rules`."""
        markets = await self.markets()
        found = markets.get(symbol)
        if found is None:
            raise ConfigError(
                f"symbol: {self.quirks.id} has no market {symbol!r}.{closest(str(symbol), markets)} It has "
                f"{len(markets):,}; write BASE/QUOTE, for example 'BTC/USDT'."
            )
        return found

    async def _ask_time(self) -> int:
        return await self.quirks.time(self._exchange)

    async def _keep(self) -> None:
        """Look after clock and rules in the background, so that no order has to wait for it."""
        while True:
            await self.clock.sleep(_ROUND)
            try:
                if self.time.due:
                    async with self.asking("the time"):
                        await self.time.now()
                await self.markets()
            except (ExchangeError, ConfigError):
                continue  # the next order or question meets the same fault and tells it

    def _claim(self) -> None:
        if not self.quirks.one_connection or self.access.api_key is None:
            return
        key = (self.quirks.id, self.access.api_key)
        if _IN_USE.setdefault(key, self) is not self:
            raise ConfigError(
                f"this key of {self.quirks.id} is in use by another exchange object of this process. Every request must "
                "carry a higher number than the last, which two cannot keep: close the other one, or use a key for each."
            )

    def _release(self) -> None:
        if self.access.api_key is not None:
            key = (self.quirks.id, self.access.api_key)
            if _IN_USE.get(key) is self:
                del _IN_USE[key]


def text_of(error: BaseException) -> str:
    """Return an exception in words, with its class unless it is one of ours."""
    return str(error) if isinstance(error, CryptobotError) else f"{type(error).__name__}: {plain(error)}"
