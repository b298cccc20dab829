"""The exchange as it really is: its account, its orders, its prices and its own ledger, which nobody's bot can touch."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final

from cryptobot.core.errors import ConfigError, OrderNotFound
from cryptobot.core.money import ZERO, Market
from cryptobot.core.order_types import OrderType
from cryptobot.core.orders import Order
from cryptobot.core.types import Bar, Fill, Intent, OcoIntent, Side
from cryptobot.exchange.matching import CoreEvent, Executed, Fees, MatchingCore, Refused
from cryptobot.exchange.rules import MarketRules, MarketStatus
from tests.faults.loop import VirtualClock
from tests.faults.market import MARKET, PAST, START, STEP, SYMBOL, Played
from tests.faults.schedule import Fault, Schedule

CASH: Final = Decimal(10_000)
THIN: Final = Decimal(4)  # what a thin market has to offer at a price, in the base currency


class Truth:
    """One account on one market whose price takes the way of the bars.

    Attributes
    ----------
    core
        What fills orders.
    own
        Client ids of the orders that came from the bot.
    foreign_base
        What people beside the bot hold of the base currency, in the same account.
    robbed
        Whether somebody took away what the bot holds.
    on_events
        Told what happens.
    on_own
        Told of each order of the bot (both, if it is a pair) as it is taken, and of the bot's position and open orders
        just before.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, clock: VirtualClock, played: list[Played], schedule: Schedule
    ) -> None:
        self.foreign_base = ZERO
        self.own: set[str] = set()
        self.robbed = False
        self.on_events: Callable[[Sequence[CoreEvent]], None] = lambda events: None
        self.on_own: Callable[[list[Intent], Decimal, list[Order]], None] = lambda legs, held, opened: None
        self.closed = PAST
        self._position = ZERO
        self._loop = loop
        self._clock = clock
        self._played = played
        self._hidden: dict[str, int] = {}
        self._people = 0
        self._closings = [fault for fault in schedule.faults if fault.kind == "market_closed"]
        self._hidings = [fault for fault in schedule.faults if fault.kind == "hidden"]
        self._thinnings = [fault for fault in schedule.faults if fault.kind == "thin"]
        fee = Decimal("0.001")
        self.core = MatchingCore(
            [MarketRules(MARKET)],
            {"USDT": CASH, "BTC": self.foreign_base, "BNB": Decimal(1)},
            Fees(fee, fee, schedule.fee_asset, asset_price=Decimal(300) if schedule.fee_asset == "BNB" else None),
            slippage_bps=5,
            volume_share=1,
        )
        loop.call_at(0, self._move, 0)

    def now(self) -> int:
        """Return the exchange's time."""
        return self._clock.true

    @property
    def market(self) -> Market:
        """The market with its rules as they are now."""
        return self.core.rules(SYMBOL).market

    def bars(self, first: int) -> list[Bar]:
        """Return the closed bars from a number on."""
        return [played.bar for played in self._played[first : self.closed]]

    # -- what is asked of it

    def submit(self, intent: Intent) -> Order:
        """Take an order of the bot; raises `Refused`."""
        return self._take([intent], lambda: self.core.submit(intent, self.now()))[0]

    def submit_oco(self, pair: OcoIntent) -> list[Order]:
        """Take a pair of the bot; raises `Refused`."""
        return self._take([pair.above, pair.below], lambda: self.core.submit_oco(pair, self.now()))

    def cancel(self, client_id: str) -> None:
        """Cancel an open order; raises `OrderNotFound`."""
        self._told(self.core.cancel(SYMBOL, self.now(), client_id=client_id))

    def order(self, client_id: str) -> Order:
        """Return an order as it is shown; raises `OrderNotFound`."""
        if self._is_hidden(client_id):
            raise OrderNotFound(f"{SYMBOL}: -2013 Order does not exist: {client_id}.")
        return self.core.order(SYMBOL, client_id=client_id)

    def open_orders(self) -> list[Order]:
        """Return the open orders as they are shown."""
        return [order for order in self.core.open_orders(SYMBOL) if not self._is_hidden(order.client_id)]

    def fills(self, since: int) -> list[Fill]:
        """Return the account's executions as they are shown."""
        return [fill for fill in self.core.fills(SYMBOL) if fill.time >= since and not self._is_hidden(fill.intent_id)]

    # -- the ledger, for those who look behind

    def own_fills(self) -> list[Fill]:
        """Return every execution of the bot's orders."""
        return [fill for fill in self.core.fills(SYMBOL) if fill.intent_id in self.own]

    def position(self) -> Decimal:
        """Return what the bot's executions leave it of the base currency."""
        return self._position

    def own_open(self) -> list[Order]:
        """Return the bot's open orders."""
        return [order for order in self.core.open_orders(SYMBOL) if order.client_id in self.own]

    # -- other people

    def trade(self, fault: Fault) -> None:
        """Let somebody trade beside the bot, with money and coins of the same account."""
        if self.foreign_base >= 1 and fault.size < 0.5:
            quantity = self.market.round_quantity(self.foreign_base / 2)
            self._by_people(Side.SELL, quantity=quantity)
        else:
            self._by_people(Side.BUY, quote_amount=self._free("USDT") / 20)

    def rest(self) -> None:
        """Let somebody put an order far from the price."""
        self._by_people(Side.BUY, quantity=Decimal("0.5"), type=OrderType.LIMIT, price=Decimal(30))

    def meddle(self, fault: Fault) -> None:
        """Let somebody cancel an order of the bot."""
        if mine := self.own_open():
            self.cancel(mine[int(fault.size * len(mine))].client_id)

    def withdraw(self, fault: Fault) -> None:
        """Let somebody take money away, or what the bot holds."""
        if fault.size < 0.5:
            self.core.deposit("USDT", -self._free("USDT") / 10)
        else:
            mine = min(self.position(), self._free("BTC") - self.foreign_base)
            if mine > 0:
                self.core.deposit("BTC", -mine)
                self.robbed = True

    def change_rules(self, fault: Fault) -> None:
        """Make the steps of the market coarser."""
        coarser = Market(SYMBOL, Decimal("0.05"), Decimal("0.01"), Decimal(5 + round(10 * fault.size)))
        self._told(self.core.set_rules(replace(self.core.rules(SYMBOL), market=coarser), self.now()))

    def open_or_close(self) -> None:
        """Let the market trade, or not, as the schedule says."""
        seconds = (self.now() - START) / 1e9
        closed = any(fault.start <= seconds < fault.end for fault in self._closings)
        status = MarketStatus.HALTED if closed else MarketStatus.TRADING
        self.core.set_rules(replace(self.core.rules(SYMBOL), status=status), self.now())

    # -- inside

    def _move(self, turn: int) -> None:
        """Let the price move: four times a bar."""
        number, part = PAST + turn // 4, turn % 4
        seconds = turn * STEP / 4e9
        thin = bool(self._thinnings) and any(fault.start <= seconds < fault.end for fault in self._thinnings)
        self._told(
            self.core.set_price(
                SYMBOL, self._played[number].way[part], START + turn * STEP // 4, THIN if thin else None
            )
        )
        if part == 0:
            self.closed = number
        if turn + 1 < 4 * (len(self._played) - PAST):
            self._loop.call_at((turn + 1) * STEP / 4e9, self._move, turn + 1)

    def _take(self, legs: list[Intent], act: Callable[[], list[CoreEvent]]) -> list[Order]:
        held, opened = self.position(), self.own_open()
        events = act()
        self.on_own(legs, held, opened)
        seconds = (self.now() - START) / 1e9
        for leg in legs:
            self.own.add(leg.id)
            for fault in self._hidings:
                if fault.start <= seconds < fault.end:
                    self._hidden[leg.id] = self.now() + round(fault.size * HIDDEN * 1e9)
        self._told(events)
        return [self.core.order(SYMBOL, client_id=leg.id) for leg in legs]

    def _told(self, events: Sequence[CoreEvent]) -> None:
        if events:
            for event in events:
                if isinstance(event, Executed):
                    if event.fill.intent_id in self.own:
                        self._position += _change(event.fill)
                    else:
                        self.foreign_base += _change(event.fill)
            self.on_events(events)

    def _is_hidden(self, client_id: str) -> bool:
        return self._hidden.get(client_id, 0) > self.now()

    def _free(self, asset: str) -> Decimal:
        return self.core.balances[asset].free

    def _by_people(self, side: Side, **order: object) -> None:
        self._people += 1
        intent = Intent(f"web-{self._people}", self.now(), SYMBOL, side, **order)  # type: ignore[arg-type]
        try:
            self._told(self.core.submit(intent, self.now()))
        except (Refused, ConfigError):
            return  # people's orders are refused, too


HIDDEN: Final = 12.0  # seconds for which an order that is there may not be shown


def _change(fill: Fill) -> Decimal:
    """Return what an execution does to the base currency."""
    if fill.side is Side.SELL:
        return -fill.quantity
    return fill.quantity - (fill.fee if fill.fee_asset == MARKET.base else ZERO)


class Short:
    """An event of the exchange, in few words."""

    def __init__(self, event: CoreEvent) -> None:
        self._event = event

    def __str__(self) -> str:
        event = self._event
        fill = getattr(event, "fill", None)
        said = "" if fill is None else f" fill {fill.id}: {fill.quantity} at {fill.price}"
        order = event.order
        return f"{type(event).__name__} {order.client_id} {order.side} {order.type} {order.status}{said}"
