"""Every exchange behind one handle for the contract suite: made, run on one loop, and moved on bar by bar.

A new exchange is added to `DESKS` and must pass everything in `test_exchanges.py`.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from typing import Any

import cryptobot as cb
from cryptobot.core.bars import BarColumns
from cryptobot.core.events import BarClosed, ConnectionChanged, ExchangeEvent
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Bar, Intent, OcoIntent
from cryptobot.exchange.protocol import Exchange
from cryptobot.market.practice import PRACTICE_MARKET

SEED, LENGTH, PAST = 3, 400, 100
SYMBOL, TIMEFRAME = "BTC/USDT", Timeframe(60)
BARS = cb.practice_bars(LENGTH, seed=SEED)
ROWS: list[Bar] = BarColumns.of(BARS).rows()


class Desk:
    """An exchange under test, on a loop of its own.

    Attributes
    ----------
    exchange
        What is tested.
    rows
        The bars that it will stream from its start on, oldest first; the oracle of what may fill.
    """

    def __init__(self, exchange: Exchange, rows: list[Bar], advance: Callable[[], object] = lambda: None) -> None:
        self.exchange = exchange
        self.rows = rows
        self.advance = advance
        self._runner = asyncio.Runner()
        self._closers: list[Callable[[], object]] = []
        self._begun = False

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a call of the exchange on the desk's loop."""
        return self._runner.run(asyncio.wait_for(coroutine, 60))

    def open(self) -> Desk:
        self.run(self.exchange.connect())
        return self

    def on_close(self, closer: Callable[[], object]) -> Desk:
        self._closers.append(closer)
        return self

    def close(self) -> None:
        try:
            self.run(self.exchange.close())
        finally:
            self._runner.close()
            for closer in self._closers:
                closer()

    def read(
        self,
        bars: int,
        orders: dict[int, list[Intent | OcoIntent]] | None = None,
        then: Callable[[int], Any] | None = None,
    ) -> list[ExchangeEvent]:
        """Read so many bars, sending ``orders[n]`` at the close of the n-th; return all events but connections'."""

        async def reading() -> list[ExchangeEvent]:
            said: list[ExchangeEvent] = []
            count = 0
            if not self._begun:  # as a bot does: the stream begins where the history ends
                await self.exchange.history(SYMBOL, TIMEFRAME, 1)
                self._begun = True
            async with aclosing(self.exchange.stream(SYMBOL, TIMEFRAME)) as stream:  # type: ignore[type-var]
                self.advance()
                while count < bars:
                    event = await anext(stream)
                    if isinstance(event, ConnectionChanged):
                        continue
                    said.append(event)
                    if isinstance(event, BarClosed):
                        for intent in (orders or {}).get(count, ()):
                            if isinstance(intent, OcoIntent):
                                await self.exchange.submit_oco(intent)
                            else:
                                await self.exchange.submit(intent)
                        if then is not None:
                            await then(count)
                        count += 1
                        if count < bars:
                            self.advance()
            return said

        return list(self.run(reading()))


def replay() -> Desk:
    return Desk(cb.ReplayExchange(BARS, history=PAST, market=PRACTICE_MARKET), ROWS[PAST:])


def replay_unrounded() -> Desk:
    frame = cb.practice_bars(LENGTH, seed=SEED, holes=5)
    exchange = cb.ReplayExchange(frame, history=PAST, market=cb.Market(SYMBOL))
    return Desk(exchange, BarColumns.of(frame).rows()[PAST:])


def practice() -> Desk:
    return Desk(cb.PracticeExchange(SEED, speed=math.inf, history=PAST), ROWS[PAST:])


def simulator() -> Any:
    return cb.Simulator(
        BARS,
        market=PRACTICE_MARKET,
        history=PAST,
        speed="manual",
        fee_asset="quote",
        fee_decimals=None,
        balances={"USDT": 10_000},
    ).start()


def binance() -> Desk:
    """Binance's client against the Binance-compatible server."""
    server = simulator()
    exchange = cb.CcxtExchange(
        "binance",
        mode="testnet",
        endpoint=server.endpoint,
        api_key=server.api_key,
        secret=server.secret,
        buy_fee="quote",
    )
    return Desk(exchange, ROWS[PAST:], server.step).on_close(server.stop)


def paper() -> Desk:
    """Paper trading on the public data of the same server."""
    server = simulator()
    source = cb.CcxtExchange("binance", endpoint=server.endpoint)
    return Desk(cb.PaperExchange("binance", source=source, symbol=SYMBOL), ROWS[PAST:], server.step).on_close(
        server.stop
    )


DESKS: dict[str, Callable[[], Desk]] = {
    "replay": replay,
    "replay-unrounded": replay_unrounded,
    "practice": practice,
    "binance": binance,
    "paper": paper,
}
