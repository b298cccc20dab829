"""The simulator as Python users hold it: start it, point a client at it, step it, break it, read its ledger."""

from __future__ import annotations

import secrets as random_secrets
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Self, TypeVar

from cryptobot.core.bars import BarColumns
from cryptobot.core.clock import Clock, SystemClock
from cryptobot.core.errors import ConfigError
from cryptobot.core.money import Market, decimal_of
from cryptobot.core.order_types import OrderType
from cryptobot.core.timeframe import Timeframe
from cryptobot.exchange.matching import Fees
from cryptobot.exchange.simulator.background import Background
from cryptobot.exchange.simulator.keys import Keys
from cryptobot.exchange.simulator.pace import speed_of
from cryptobot.exchange.simulator.remote_faults import RemoteFaults
from cryptobot.exchange.simulator.setup import market_of, rules_of, source_of, world_of
from cryptobot.exchange.simulator.tls import TlsFiles, make_certificate
from cryptobot.exchange.simulator.world import Ledger, Seen, World

if TYPE_CHECKING:
    import pandas as pd

    from cryptobot.exchange.simulator.service import Service

T = TypeVar("T")


class Simulator:
    """A Binance-compatible spot exchange on this machine, with one market and one account.

    Programs written for Binance trade on it when their addresses are set to its own, or when they reach it under
    Binance's names over TLS. Nothing leaves this machine; the money is not real.

    Parameters
    ----------
    bars
        Bars to play: UTC DatetimeIndex of open times, float columns open, high, low, close, volume.
    practice
        Instead of bars: play the endless practice market of this seed.
    symbol
        The market's name, where ``market`` does not say it.
    timeframe
        Interval of the practice market's bars, ``"1m"`` if not given; bars say theirs themselves.
    market
        Tick, lot and least value; None is the practice market's rules, or for bars the tick that their prices show, a
        lot of 0.00001 and a least value of 5.
    history
        How many of the first bars are past at the start.
    speed
        1: the market runs in real time, and all bars are moved in time so that they begin now. Another number: so many
        times as fast, by a clock of its own. ``"manual"``: it moves by `step` only.
    balances
        What the account holds, by currency.
    fee
        Fraction of an order's value.
    fee_asset
        ``"received"`` (Binance's way: a buy pays in the base currency), ``"quote"``, ``"base"`` or a currency's name.
    fee_asset_price
        Price of that currency in the quote currency.
    fee_decimals
        Fees are cut to so many decimals (Binance: 8); None keeps every digit.
    slippage_bps
        Basis points by which market orders are filled worse.
    volume_share
        How much of a bar's volume the account may have, so that larger orders are filled in parts; None is endless.
    order_types
        What the market takes; None is everything.
    port
        0 is any that is free.
    seed
        For faults at random.
    clock
        The computer's clock, for tests.
    tls
        Whether to speak TLS with a certificate that is made for this run.
    api_key, secret
        Random ones if not given.

    Attributes
    ----------
    market
        The market's rules, as a backtest takes them.
    symbol, timeframe
        What it plays.
    faults
        What goes wrong on purpose: ``faults.add(cb.Fault("drop_after", method="POST"))``.
    admin_token
        Opens the admin routes.

    Notes
    -----
    With a clock of its own (any speed but 1) the exchange shows the market's time, and signed requests are not held to
    it: their timestamp must be there and be a number, but may be any. At the end of the bars the market closes.

    Examples
    --------
    >>> simulator = Simulator(practice=7, speed="manual")
    >>> simulator.symbol, str(simulator.timeframe)
    ('BTC/USDT', '1m')
    """

    def __init__(
        self,
        bars: pd.DataFrame | BarColumns | None = None,
        *,
        practice: int | None = None,
        symbol: str = "BTC/USDT",
        timeframe: str | Timeframe | None = None,
        market: Market | None = None,
        history: int = 300,
        speed: float | str = 1,
        balances: Mapping[str, float | Decimal] | None = None,
        fee: float = 0.001,
        fee_asset: str = "received",
        fee_asset_price: float | None = None,
        fee_decimals: int | None = 8,
        slippage_bps: float = 0,
        volume_share: float | None = None,
        order_types: Iterable[str | OrderType] | None = None,
        port: int = 0,
        seed: int = 0,
        clock: Clock | None = None,
        tls: bool = False,
        api_key: str | None = None,
        secret: str | None = None,
    ) -> None:
        if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port <= 65_535:
            raise ConfigError(f"port: {port!r} is not allowed. Give 0 for any that is free, or 1 to 65535.")
        pace = speed_of(speed)
        rate = decimal_of(fee, "fee")
        if not 0 <= rate < 1:
            raise ConfigError(f"fee: {fee} is not allowed. Give a fraction of at least 0 and below 1, such as 0.001.")
        fees = Fees(
            rate,
            rate,
            fee_asset,
            None if fee_asset_price is None else decimal_of(fee_asset_price, "fee_asset_price"),
            fee_decimals,
        )
        source = source_of(bars, practice, timeframe, history)
        chosen = market_of(market, symbol, source, practice=bars is None)
        rules = rules_of(chosen, source.first.open, order_types)
        self._keys = Keys(api_key or random_secrets.token_hex(32), secret or random_secrets.token_hex(32))
        self._make: Callable[[], World] = lambda: world_of(
            source,
            rules,
            speed=pace,
            balances={"USDT": 10_000} if balances is None else balances,
            fees=fees,
            slippage_bps=slippage_bps,
            volume_share=volume_share,
            keys=self._keys,
            seed=seed,
            clock=clock or SystemClock(),
        )
        self.market = rules.market
        self.symbol = rules.symbol
        self.timeframe = source.timeframe
        self.admin_token = random_secrets.token_hex(16)
        self.faults = RemoteFaults(self)
        self.tls_files: TlsFiles | None = None
        self._tls = tls
        self._port = port
        self._world: World | None = None
        self._service: Service | None = None
        self._background = Background("cryptobot-simulator")
        self._folder: Path | None = None
        self._ended = False

    # -- life

    def start(self) -> Self:
        """Listen on 127.0.0.1, on a thread of its own; returns when it is ready.

        Raises
        ------
        ConfigError
            If the port is taken, or it was stopped before: make a new one.
        """
        if self._background.running:
            return self
        if self._ended:
            raise ConfigError("simulator: it was stopped, and its market with it. Make a new one.")
        if self._tls:
            self._folder = Path(tempfile.mkdtemp(prefix="cryptobot-simulator-"))
            self.tls_files = make_certificate(self._folder)
        try:
            self._background.start(self._begin, self._end)
        except BaseException:
            self._clean()
            raise
        return self

    def stop(self) -> None:
        """Close all connections and the port; may be called again. The ledger can still be read."""
        if self._background.running:
            self._ended = True
            self._background.stop()
            self._clean()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        where = f"on {self.rest}" if self._background.running else "not running"
        return f"Simulator({self.symbol} {self.timeframe}, {where})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("A simulator is a running server with secrets and is not pickled.")

    # -- where it is

    @property
    def port(self) -> int:
        """Where it listens."""
        if not self._background.running:
            raise ConfigError("simulator: it is not running. Call start() first, or use it in a with statement.")
        return self._port

    @property
    def rest(self) -> str:
        """Base address of the REST API: ``http://127.0.0.1:PORT``."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def endpoint(self) -> str:
        """What ``CcxtExchange("binance", endpoint=...)`` takes."""
        return self.rest

    @property
    def stream(self) -> str:
        """Address of the market streams. It holds ``/stream``, by which ccxt tells a spot market."""
        return f"{'wss' if self._tls else 'ws'}://127.0.0.1:{self.port}/stream/ws"

    @property
    def ws_api(self) -> str:
        """Address of the WebSocket API."""
        return f"{'wss' if self._tls else 'ws'}://127.0.0.1:{self.port}/ws-api/v3"

    @property
    def api_key(self) -> str:
        """The account's key."""
        return self._keys.api_key

    @property
    def secret(self) -> str:
        """The secret that belongs to the key."""
        return self._keys.secret

    @property
    def ready(self) -> dict[str, Any]:
        """What ``cryptobot simulate`` prints when it is ready."""
        return {
            "rest": self.rest,
            "stream": self.stream,
            "ws_api": self.ws_api,
            "api_key": self.api_key,
            "secret": self.secret,
            "admin_token": self.admin_token,
            "symbol": self.symbol,
            "timeframe": str(self.timeframe),
        } | ({"authority": str(self.tls_files.authority)} if self.tls_files else {})

    # -- what happens in it

    def step(self, n: int = 1) -> int:
        """Close the present candle and open the next, ``n`` times (speed ``"manual"``).

        Returns when the frames were handed to the network. A program whose own event loop reads them should call it by
        ``await asyncio.to_thread(simulator.step)``.

        Returns
        -------
        int
            The market's time, nanoseconds since 1970-01-01 UTC: the present candle's open time.

        Raises
        ------
        ConfigError
            If there is no bar left, or the market runs by itself.
        """
        return self._background.run(self._running.step(n))

    def trade(self, price: float | str | Decimal, quantity: float = 0.0) -> None:
        """Let somebody else trade now, at any price: resting orders are filled, stop prices reached.

        When the present candle closes it is the bar that was given, whatever was traded meanwhile.

        Parameters
        ----------
        price
            In the quote currency, on the market's tick.
        quantity
            In the base currency; with ``volume_share`` it limits what orders get.
        """
        self.change(lambda world: world.trade(decimal_of(price, "price"), quantity))

    def check(self) -> None:
        """Do nothing while the market is well; raise what has stopped it."""
        self._ask(lambda _world: None)

    @property
    def now(self) -> int:
        """The market's time, nanoseconds since 1970-01-01 UTC."""
        return self._ask(lambda world: world.now)

    @property
    def finished(self) -> bool:
        """Whether the last bar has closed."""
        return self._ask(lambda world: world.feed.finished)

    @property
    def ledger(self) -> Ledger:
        """The exchange's own truth: orders, executions, balances."""
        return self._ask(lambda world: world.ledger)

    @property
    def requests(self) -> list[Seen]:
        """The newest requests that came in, oldest first."""
        return self._ask(lambda world: list(world.requests))

    def change(self, work: Callable[[World], T]) -> T:
        """Do something to the exchange on its own thread, and send what happens to those who listen."""

        def both(world: World) -> T:
            done = work(world)
            if self._service is not None:
                self._service.settle()
            return done

        return self._ask(both)

    def repair(self) -> None:
        """End all faults: those that wait, and those that last."""
        service = self._running
        self._ask(lambda _world: service.repair())

    # -- the thread

    @property
    def _running(self) -> Service:
        if self._service is None or not self._background.running:
            raise ConfigError("simulator: it is not running. Call start() first, or use it in a with statement.")
        return self._service

    def _ask(self, work: Callable[[World], T]) -> T:
        world = self._world
        if world is None:
            raise ConfigError("simulator: it is not running. Call start() first, or use it in a with statement.")
        if not self._background.running:
            return work(world)  # nobody else changes a world that has stopped
        service = self._running

        async def there() -> T:
            service.check()
            return work(world)

        return self._background.run(there())

    async def _begin(self) -> None:
        from cryptobot.exchange.simulator.service import Service

        # A start that failed has taken bars already: the market is made once.
        self._world = self._world or self._make()
        self._service = Service(self._world, self.admin_token)
        self._port = await self._service.open(self._port, self.tls_files)

    async def _end(self) -> None:
        if self._service is not None:
            await self._service.close()

    def _clean(self) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
