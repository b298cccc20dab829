"""A tiny exchange whose every step a test decides, with books of its own that nobody else's code keeps."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import replace
from decimal import Decimal

from cryptobot.core.clock import SimulatedClock
from cryptobot.core.errors import OrderNotFound
from cryptobot.core.events import OrderChanged, OrderFilled
from cryptobot.core.grid import PriceGrid
from cryptobot.core.money import Market
from cryptobot.core.order_types import OrderType, TimeInForce
from cryptobot.core.orders import Order, OrderStatus
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Balance, Fill, Intent, Mode, OcoIntent, Side
from cryptobot.exchange.capabilities import Capabilities
from cryptobot.exchange.rules import MarketRules
from cryptobot.trading.client_ids import ClientIds
from cryptobot.trading.gateway.gateway import Gateway
from cryptobot.trading.gateway.reconciler import Reconciler
from cryptobot.trading.journal import JournalView, MemoryJournal, SessionStarted
from cryptobot.trading.recorder import Recorder

SYMBOL = "BTC/USDT"
MARKET = Market(SYMBOL, "0.01", "0.00001", "5")
MINUTE = 60 * 10**9
START = 1_704_067_200_000_000_000  # 2024-01-01 00:00:00 UTC
DEADLINE = 30.0
ZERO = Decimal(0)


class Shop:
    """One account on one market. Nothing is executed and nothing ends unless the test says so.

    Attributes
    ----------
    orders
        The newest order of each client id.
    ledger
        Every execution in the account.
    own
        Client ids of the orders that came in by `submit` or `submit_oco`.
    wire
        What its stream would tell, oldest first: the test delivers it, or does not.
    asked
        Every call, by door and what about.
    sins
        What no bot may ever do.
    hidden
        Client ids of orders that no question shows.
    """

    name = "shop"
    symbol = SYMBOL
    timeframe = Timeframe(60)

    def __init__(self, clock=None, cash=10_000, *, mode=Mode.TESTNET, oco=True, market=MARKET):
        self.mode = mode
        self.clock = clock or SimulatedClock(START)
        self.orders = {}
        self.ledger = []
        self.own = set()
        self.wire = []
        self.asked = []
        self.sins = []
        self.hidden = set()
        self.cash, self.coins = Decimal(cash), ZERO
        self.rules_of_market = MarketRules(market, oco=oco)
        self.ahead = 0  # of the clock, nanoseconds
        self.named = None  # client ids that executions are told with; None: all
        self.past = []
        self.keeps_account = True
        self._faults = {}
        self._number = 0
        self._inbox = deque()
        self._bell = None

    # -- what the test decides

    def fault(self, door, error, *, after=False, times=1):
        """Let a door raise the next time it is used: before anything is done, or after it was done."""
        self._faults.setdefault(door, []).extend([(error, after)] * times)

    def execute(self, client_id, quantity, price=100, *, fee=0, fee_asset=None):
        """Execute a part of an order."""
        order, quantity, price = self.orders[client_id], Decimal(quantity), Decimal(price)
        assert order.is_open
        done = order.filled_quantity + quantity
        assert order.quantity is None or done <= order.quantity
        self._number += 1
        fill = Fill(f"t{self._number}", client_id, self.time, order.side, price, quantity, Decimal(fee), fee_asset)
        sign = 1 if order.side is Side.BUY else -1
        self.coins += sign * quantity
        self.cash -= sign * quantity * price
        if fee_asset == "BTC":
            self.coins -= fill.fee
        elif fee_asset is None:
            self.cash -= fill.fee
        self.ledger.append(fill)
        if client_id in self.own and self.position < 0:
            self.sins.append(f"{client_id} sold more than was held")
        full = order.quantity is not None and done == order.quantity
        status = OrderStatus.FILLED if full else OrderStatus.PARTIALLY_FILLED
        self.orders[client_id] = replace(
            order,
            status=status,
            filled_quantity=done,
            filled_value=order.filled_value + quantity * price,
            updated=self.time,
        )
        self.wire.append(OrderFilled(fill, full))
        for other in list(self.orders.values()):
            if order.list_id is not None and other.list_id == order.list_id and other.client_id != client_id:
                self.end(other.client_id, OrderStatus.EXPIRED)
        return fill

    def end(self, client_id, status=OrderStatus.CANCELLED):
        """End an order, if it is open."""
        order = self.orders[client_id]
        if order.is_open:
            self.orders[client_id] = replace(order, status=status, updated=self.time)
            self.wire.append(OrderChanged(self.orders[client_id]))

    def buy_whole(self, client_id, price=100, part=1, **fee):
        """Execute a buy by amount as far as its money goes, or a part of it, and end it."""
        order = self.orders[client_id]
        if order.quantity is not None:
            quantity = order.quantity - order.filled_quantity
        else:
            quantity = MARKET.round_quantity((order.quote_amount - order.filled_value) / Decimal(price))
        fill = self.execute(client_id, MARKET.round_quantity(quantity * Decimal(part)), price, **fee)
        if self.orders[client_id].is_open:
            self.end(client_id, OrderStatus.FILLED if part == 1 else OrderStatus.EXPIRED)
            self.wire.pop()
            self.wire[-1] = OrderFilled(fill, complete=True)
        return fill

    def stranger(self, side, quantity, price=100, client_id="web_1"):
        """Let somebody else trade in the account."""
        self._take(Intent(client_id, self.time, SYMBOL, Side(side), quantity=Decimal(quantity)), None)
        return self.execute(client_id, quantity, price)

    @property
    def time(self):
        """The exchange's own time."""
        return self.clock.now() + self.ahead

    @property
    def position(self):
        """What the bot's own executions come to."""
        own = [fill for fill in self.ledger if fill.intent_id in self.own]
        return sum((self._coins_of(fill) for fill in own), ZERO)

    def open_of(self, side=None):
        """Return the bot's open orders."""
        return [
            order
            for order in self.orders.values()
            if order.is_open and order.client_id in self.own and (side is None or order.side is side)
        ]

    # -- Exchange

    @property
    def capabilities(self):
        return Capabilities(
            order_types=frozenset(OrderType),
            time_in_force=frozenset(TimeInForce),
            oco=self.rules_of_market.oco,
            bar_stream=True,
            order_stream=True,
            keeps_account=self.keeps_account,
            order_deadline=DEADLINE,
        )

    async def connect(self):
        self._open("connect")

    async def close(self):
        self._open("close")

    async def now(self):
        self._open("now")
        return self.time

    async def market(self, symbol):
        self._open("market")
        return self.rules_of_market.market

    async def rules(self, symbol):
        self._open("rules")
        return self.rules_of_market

    async def grid(self, symbol):
        return PriceGrid.of_tick(self.rules_of_market.market.tick_size)

    async def history(self, symbol, timeframe, limit):
        return self.past[-limit:]

    async def balances(self):
        self._open("balances")
        return {"USDT": Balance(self.cash), "BTC": Balance(self.coins)}

    async def submit(self, intent):
        fault = self._open("submit", intent.id)
        self._check([intent])
        order = self._take(intent, None)
        await asyncio.sleep(0)
        self._raise(fault)
        return order

    async def submit_oco(self, pair):
        fault = self._open("submit_oco", pair.id)
        self._check([pair.above, pair.below])
        orders = [self._take(leg, pair.id) for leg in (pair.above, pair.below)]
        await asyncio.sleep(0)
        self._raise(fault)
        return orders

    async def cancel(self, symbol, client_id):
        fault = self._open("cancel", client_id)
        order = self._shown(client_id)
        self.end(client_id)
        if order.list_id is not None:
            for other in list(self.orders.values()):
                if other.list_id == order.list_id:
                    self.end(other.client_id)
        await asyncio.sleep(0)
        self._raise(fault)
        return self._shown(client_id)

    async def order(self, symbol, client_id):
        self._open("order", client_id)
        order = self._shown(client_id)
        if self.named is not None:
            self.named.add(client_id)
        return order

    async def open_orders(self, symbol):
        self._open("open_orders")
        return [order for order in self.orders.values() if order.is_open and order.client_id not in self.hidden]

    async def fills(self, symbol, since=0):
        self._open("fills", since)
        shown = [fill for fill in self.ledger if fill.time >= since and fill.intent_id not in self.hidden]
        if self.named is None:
            return shown
        return [fill if fill.intent_id in self.named else replace(fill, intent_id="") for fill in shown]

    async def stream(self, symbol, timeframe):
        while True:
            while self._inbox:
                yield self._inbox.popleft()
            self._bell = asyncio.get_running_loop().create_future()
            await self._bell

    def tell(self, event):
        """Let the stream tell an event."""
        self._inbox.append(event)
        if self._bell is not None and not self._bell.done():
            self._bell.set_result(None)

    # -- inside

    def _open(self, door, about=""):
        self.asked.append((door, about))
        if not self._faults.get(door):
            return None
        error, after = self._faults[door].pop(0)
        if not after:
            self._raise(error)
        return error

    @staticmethod
    def _raise(error):
        if error is not None:
            raise error

    def _check(self, legs):
        for leg in legs:
            if leg.id in self.orders:
                self.sins.append(f"{leg.id} was sent twice")
        if legs[0].side is Side.BUY:
            if self.open_of(Side.BUY):
                self.sins.append(f"{legs[0].id} buys while another buy is open")
            if self.rules_of_market.market.refusal(Decimal(100), self.position) is None:
                self.sins.append(f"{legs[0].id} buys while a position is held")
            return
        selling = {o.list_id or o.client_id: o.quantity - o.filled_quantity for o in self.open_of(Side.SELL)}
        if legs[0].quantity + sum(selling.values(), ZERO) > self.position:
            self.sins.append(f"{legs[0].id} would sell more than is held")

    def _take(self, intent, list_id):
        if list_id is not None or intent.id[:3] != "web":
            self.own.add(intent.id)
        if self.named is not None:
            self.named.add(intent.id)
        self._number += 1
        self.orders[intent.id] = Order(
            intent.id,
            f"x{self._number}",
            intent.symbol,
            intent.side,
            intent.type,
            OrderStatus.NEW,
            intent.quantity,
            ZERO,
            ZERO,
            self.time,
            self.time,
            intent.quote_amount,
            intent.price,
            intent.stop_price,
            intent.time_in_force,
            list_id,
        )
        return self.orders[intent.id]

    def _shown(self, client_id):
        if client_id not in self.orders or client_id in self.hidden:
            raise OrderNotFound(f"{client_id}: -2013 Order does not exist.")
        return self.orders[client_id]

    @staticmethod
    def _coins_of(fill):
        if fill.side is Side.SELL:
            return -fill.quantity
        return fill.quantity - (fill.fee if fill.fee_asset == "BTC" else ZERO)


class Moody:
    """A journal that takes nothing while it is `full`, and counts what it is asked."""

    repaired = None

    def __init__(self):
        self.inside = MemoryJournal()
        self.full = False
        self.lost_after = None  # so many more records are taken
        self.durable = []
        self.flushed = 0

    def append(self, time, kind, content, *, durable=True):
        if self.lost_after is not None:
            if self.lost_after == 0:
                self.full = True
            self.lost_after -= 1
        self.check()
        self.durable.append(durable)
        return self.inside.append(time, kind, content, durable=durable)

    def flush(self):
        self.check()
        self.flushed += 1

    def check(self):
        if self.full:
            raise OSError(28, "No space left on device")

    def contents(self, kind):
        """Return what was written of a kind."""
        return [record.content for record in self.inside.records(kinds=[kind])]

    def __getattr__(self, name):
        return getattr(self.inside, name)


class Bench:
    """A gateway and its reconciler at work on a shop, with their journal."""

    def __init__(self, shop=None, journal=None, *, name="bot", restart=False):
        self.shop = shop or Shop()
        self.clock = self.shop.clock
        self.journal = journal or Moody()
        self.notices = []
        self.recorder = Recorder(self.journal, self.clock, self.failed)
        view = JournalView.of(self.journal)
        self.ids = ClientIds(name, self.clock.now(), taken=view.lives)
        self.gateway = Gateway(self.shop, MARKET, self.recorder, self.clock, self.ids, self.notices.append)
        session = view.session
        if session is None:
            session = SessionStarted(self.shop.cash, self.shop.coins, ZERO, self.shop.time)
            self.recorder.must_write("session", session)
        self.gateway.begin(session)
        self.gateway.restore(view)
        self.reconciler = Reconciler(self.gateway, DEADLINE)
        self.news = []
        self.position = sum((self.shop._coins_of(fill) for fill in view.fills), ZERO)

    def failed(self, reason):
        self.notices.append(reason)

    def restart(self):
        """Return another one on the same shop and journal, as after a crash."""
        if self.shop.named is not None:
            self.shop.named.clear()
        return Bench(self.shop, self.journal)

    def buy(self, amount=1000, **rest):
        return Intent(self.ids.next(), self.clock.now(), SYMBOL, Side.BUY, quote_amount=Decimal(amount), **rest)

    def sell(self, quantity, **rest):
        return Intent(self.ids.next(), self.clock.now(), SYMBOL, Side.SELL, quantity=Decimal(quantity), **rest)

    def stop(self, quantity, price=90):
        return self.sell(quantity, type=OrderType.STOP_LOSS, stop_price=Decimal(price))

    def pair(self, quantity, above=110, below=90):
        high = self.sell(quantity, type=OrderType.LIMIT_MAKER, price=Decimal(above))
        return OcoIntent(self.ids.next(), high, self.stop(quantity, below))

    def hear(self, news):
        """Take note of news, as the engine would."""
        self.news += news
        for event in news:
            if isinstance(event, OrderFilled):
                self.position += self.shop._coins_of(event.fill)
        return news

    def submit(self, wanted):
        return self.hear(asyncio.run(self.gateway.submit(wanted)))

    def cancel(self, *client_ids):
        return self.hear(asyncio.run(self.gateway.cancel(client_ids)))

    def take(self, *events):
        """Let the gateway hear events of the stream."""
        return [news for event in events for news in self.hear(self.gateway.take(event))]

    def hear_wire(self):
        """Let the gateway hear all that the stream has told."""
        told, self.shop.wire = self.shop.wire, []
        return self.take(*told)

    def compare(self):
        """Compare once."""
        weighed = self.reconciler.weigh(asyncio.run(self.gateway.gather()), self.position)
        self.hear(weighed.news)
        return weighed

    def settle(self, times=5):
        """Compare until everything agrees, or somebody must be told."""
        for _ in range(times):
            weighed = self.compare()
            if not weighed.again:
                break
        return weighed

    def state(self, client_id):
        return str(self.gateway.lives[client_id].state)

    def topics(self):
        return [notice.topic for notice in self.notices if not isinstance(notice, str | None)]

    def told_fills(self):
        """Ids of the executions that were news, in order."""
        return [event.fill.id for event in self.news if isinstance(event, OrderFilled)]

    def written_fills(self, own=True):
        """Ids of the executions that the journal holds, in order."""
        return [booked.fill.id for booked in self.journal.contents("fill") if booked.own is own]

    def outcomes(self):
        """What the journal says became of the orders: client id and kind."""
        return [(said.client_id, said.kind) for said in self.journal.contents("outcome")]
