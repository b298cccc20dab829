"""What holds whatever happens: funds to the last digit, price and time, pairs, all or nothing, filters.

The books that the core is held against are kept here in fractions, from its events alone.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptobot.core.errors import OrderNotFound
from cryptobot.core.money import Market
from cryptobot.core.order_types import OrderType, TimeInForce
from cryptobot.core.types import Balance, Bar, Intent, OcoIntent, Side
from cryptobot.exchange.filters import rounded
from cryptobot.exchange.matching import Accepted, Ended, EndReason, Executed, Fees, MatchingCore, Refused
from cryptobot.exchange.rules import MarketRules

SYMBOL = "BTC/USDT"
RULES = MarketRules(Market(SYMBOL, "0.1", "0.01", "1"), max_algo_orders=3, max_orders=12)
START = {"USDT": Decimal(2_000), "BTC": Decimal(20), "BNB": Decimal("0.05")}

prices = st.integers(800, 1_200).map(lambda ticks: Decimal(ticks) / 10)
quantities = st.integers(1, 800).map(lambda lots: Decimal(lots) / 100)
volumes = st.none() | st.integers(0, 1_000).map(lambda lots: Decimal(lots) / 100)
names = st.sampled_from([f"n{number}" for number in range(8)])
kinds = st.sampled_from(list(OrderType))

orders = st.tuples(
    st.just("order"), names, st.sampled_from(list(Side)), kinds, quantities, prices, prices, st.booleans(),
    st.sampled_from(list(TimeInForce)), st.booleans(),
)  # fmt: skip
pairs = st.tuples(st.just("pair"), names, st.sampled_from(list(Side)), quantities, prices, prices, st.booleans())
moves = st.one_of(
    st.tuples(st.just("price"), prices, volumes),
    st.tuples(st.just("quote"), prices, prices, volumes, volumes),
    st.tuples(st.just("bar"), prices, prices, prices, prices, volumes),
    st.tuples(st.just("cancel"), names),
)
stories = st.lists(st.one_of(orders, orders, pairs, moves, moves), min_size=5, max_size=40)
fees = st.builds(
    Fees,
    st.sampled_from(["0", "0.001", "0.02"]),
    st.sampled_from(["0", "0.001", "0.03"]),
    st.sampled_from(["received", "quote", "base", "BNB"]),
    st.just(300),
    st.sampled_from([None, 3, 8]),
)


def intent_of(name, side, kind, quantity, price, stop, by_amount, tif):
    market_buy = kind is OrderType.MARKET and side is Side.BUY
    return Intent(
        name,
        0,
        SYMBOL,
        side,
        quantity * 100 if market_buy and by_amount else None,
        None if market_buy and by_amount else quantity,
        "",
        kind,
        price if kind.has_price else None,
        stop if kind.has_stop else None,
        tif if kind.has_price and kind is not OrderType.LIMIT_MAKER else TimeInForce.GTC,
    )


def pair_of(name, side, quantity, price, stop, limited):
    profit = intent_of(f"{name}-p", side, OrderType.LIMIT_MAKER, quantity, price, None, False, TimeInForce.GTC)
    loss_kind = OrderType.STOP_LOSS_LIMIT if limited else OrderType.STOP_LOSS
    loss = intent_of(f"{name}-l", side, loss_kind, quantity, stop, stop, False, TimeInForce.GTC)
    return OcoIntent(name, profit, loss) if side is Side.SELL else OcoIntent(name, loss, profit)


class Audit:
    """Keeps books of its own in fractions and checks every event."""

    def __init__(self, core, fee):
        self.core = core
        self.fee = fee
        self.total = defaultdict(Fraction, {asset: Fraction(amount) for asset, amount in START.items()})
        self.ordered = {}
        self.done = defaultdict(Fraction)
        self.fills = 0
        self.maker_steps = []

    def hear(self, events, arrived=frozenset()):
        makers = []
        for event in events:
            order = event.order
            if isinstance(event, Accepted):
                self.ordered[order.exchange_id] = order
            elif isinstance(event, Executed):
                self.book(event)
                if event.maker:
                    makers.append(order)
            else:
                assert isinstance(event, Ended)
                if event.reason is EndReason.NOT_AT_ONCE and order.time_in_force is TimeInForce.FOK:
                    assert order.filled_quantity == 0
        self.check()
        return makers

    def book(self, event):
        fill, order = event.fill, event.order
        self.fills += 1
        assert fill.id == str(self.fills)
        price, quantity, fee = Fraction(fill.price), Fraction(fill.quantity), Fraction(fill.fee)
        assert quantity > 0
        assert (quantity / Fraction(RULES.market.lot_size)).denominator == 1
        assert (price / Fraction(RULES.market.tick_size)).denominator == 1
        sign = 1 if fill.side is Side.BUY else -1
        if order.price is not None:
            assert sign * price <= sign * Fraction(order.price)
            if event.maker:
                assert price == Fraction(order.price)
        if order.time_in_force is TimeInForce.FOK:
            assert order.filled_quantity == order.quantity
        assert fee <= price * quantity * Fraction(max(self.fee.maker, self.fee.taker))
        self.total["BTC"] += sign * quantity
        self.total["USDT"] -= sign * price * quantity
        self.total[fill.fee_asset or "USDT"] -= fee
        self.done[order.exchange_id] += quantity
        assert self.done[order.exchange_id] == Fraction(order.filled_quantity) <= Fraction(order.quantity)

    def check(self):
        locked = defaultdict(Fraction)
        pairs = defaultdict(list)
        high = Fraction(max(self.fee.maker, self.fee.taker))
        for order in self.core.open_orders(SYMBOL):
            rest = Fraction(order.quantity) - Fraction(order.filled_quantity)
            if order.side is Side.SELL:
                need = ("BTC", rest * (1 + high if self.fee.asset == "base" else 1))
            else:
                worst = Fraction(order.price or order.stop_price)
                need = ("USDT", rest * worst * (1 + high if self.fee.asset == "quote" else 1))
            pairs[order.list_id or f"own-{order.exchange_id}"].append(need)
        for needs in pairs.values():
            locked[needs[0][0]] += max(amount for _, amount in needs)
        for asset, balance in self.core.balances.items():
            assert balance.free >= 0
            assert Fraction(balance.locked) == locked[asset]
            assert Fraction(balance.free) + Fraction(balance.locked) == self.total[asset], asset
        for pair in self.core.pairs():
            both = [self.core.order(SYMBOL, exchange_id=leg) for leg in (pair.above, pair.below)]
            assert sum(order.filled_quantity > 0 for order in both) <= 1
            if any(order.filled_quantity > 0 for order in both):
                assert sum(order.is_open for order in both) <= 1


def waiting(core):
    return {order.exchange_id for order in core.open_orders(SYMBOL)}


def act(core, audit, step, time):
    what, *arguments = step
    if what == "price":
        before = {order.exchange_id: order for order in core.open_orders()}
        check_turns(core, audit.hear(core.set_price(SYMBOL, arguments[0], time, arguments[1])), before)
    elif what == "quote":
        low, high = sorted(arguments[:2])
        audit.hear(core.set_quote(SYMBOL, low, high, time, *arguments[2:]))
    elif what == "bar":
        *four, volume = arguments
        top, bottom = max(four), min(four)
        bar = Bar(time, float(four[0]), float(top), float(bottom), float(four[3]), float(volume or 0))
        audit.hear(core.play_bar(SYMBOL, bar, time + 60))
    elif what == "cancel":
        try:
            audit.hear(core.cancel(SYMBOL, time, client_id=arguments[0]))
        except OrderNotFound:
            known = [order for order in core.open_orders() if order.client_id == arguments[0]]
            assert known == []
    else:
        submit(core, audit, step, time)


def submit(core, audit, step, time):
    before = (core.balances, core.open_orders(), core.orders(SYMBOL), core.executions(SYMBOL))
    try:
        if step[0] == "pair":
            audit.hear(core.submit_oco(pair_of(*step[1:]), time))
        else:
            *arguments, later = step[1:]
            audit.hear(core.submit(intent_of(*arguments), time, at_next_price=later))
    except Refused as refused:
        assert (core.balances, core.open_orders(), core.orders(SYMBOL), core.executions(SYMBOL)) == before
        if refused.rule == "DUPLICATE":
            ids = {order.client_id for order in before[1]}
            assert ids & {step[1], f"{step[1]}-p", f"{step[1]}-l"}


def check_turns(core, makers, before):
    """Nobody was filled while somebody with a better price, or as good a one and older, was left waiting."""
    left = [order for order in core.open_orders() if order.exchange_id in before]
    for done in makers:
        sign = 1 if done.side is Side.BUY else -1
        for order in left:
            limit = order.type in (OrderType.LIMIT, OrderType.LIMIT_MAKER)
            if (
                order.side is done.side
                and limit
                and order.exchange_id != done.exchange_id
                and done.exchange_id in before
            ):
                assert sign * order.price <= sign * done.price
                if order.price == done.price and not done.type.has_stop:
                    assert int(order.exchange_id) > int(done.exchange_id)


@settings(max_examples=300, deadline=None)
@given(stories, fees, st.sampled_from([None, Decimal("0.5"), Decimal(1)]), st.sampled_from([0, 7, 150]))
def test_whatever_happens_the_books_are_exact(story, fee, share, slippage):
    core = MatchingCore([RULES], START, fee, volume_share=share, slippage_bps=slippage)
    audit = Audit(core, fee)
    for time, step in enumerate(story, start=1):
        act(core, audit, step, time * 100)
    ids = [int(order.exchange_id) for order in core.orders(SYMBOL)]
    assert ids == list(range(1, len(ids) + 1))
    assert [executed.fill for executed in core.executions(SYMBOL)] == core.fills(SYMBOL)
    assert len(core.open_orders()) <= RULES.max_orders
    assert sum(order.type.has_stop for order in core.open_orders()) <= RULES.max_algo_orders
    for order in core.open_orders():
        core.deposit("USDT", 0)
        if core.order(SYMBOL, exchange_id=order.exchange_id).is_open:
            audit.hear(core.cancel(SYMBOL, 10**6, exchange_id=order.exchange_id))
    assert all(balance.locked == 0 for balance in core.balances.values())


@settings(max_examples=150, deadline=None)
@given(stories)
def test_with_endless_depth_nothing_stays_open_that_could_be_filled(story):
    core = MatchingCore([RULES], START, Fees())
    audit = Audit(core, Fees())
    for time, step in enumerate(story, start=1):
        if step[0] != "order" or not step[-1]:
            act(core, audit, step[:3] if step[0] == "quote" else step, time * 100)
        quote = core.quote(SYMBOL)
        for order in core.open_orders() if quote is not None else ():
            stop = order.stop_price
            if stop is not None and core.working_since(SYMBOL, order.exchange_id) is None:
                rises = (order.side is Side.BUY) is order.type.value.startswith("stop")
                at = quote.ask if order.side is Side.BUY else quote.bid
                assert at < stop if rises else at > stop
            elif order.side is Side.BUY:
                assert order.price < quote.ask
            else:
                assert order.price > quote.bid


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 10**9), st.integers(0, 10**6), st.sampled_from(["buy", "sell"])), max_size=30),
    st.sampled_from(["0", "0.001", "0.00075", "0.0375"]),
    st.sampled_from([0, 1, 2.5]),
)
def test_without_any_rules_the_books_are_exact_in_every_digit_they_keep(story, fee, slippage):
    core = MatchingCore(
        [MarketRules(Market(SYMBOL))], {"USDT": Decimal(10_000)}, Fees(fee, fee, "quote"), slippage_bps=slippage
    )
    cash, held, greatest = Fraction(10_000), Fraction(0), Fraction(10_000)
    for time, (ticks, share, side) in enumerate(story):
        core.set_price(SYMBOL, Decimal(ticks) / 100, time)
        part = Decimal(share) / 10**6
        balance = core.balances.get("USDT" if side == "buy" else "BTC", Balance(Decimal(0)))
        size = min(balance.free, balance.free * part)  # Python's own 28 digits round the product of 34, and up at times
        amount, quantity = (size, None) if side == "buy" else (None, size)
        intent = Intent(f"o{time}", time, SYMBOL, Side(side), amount, quantity)
        events = tried(core, intent, time, "LOT_SIZE")
        if not events:
            continue
        fill = events[1].fill
        sign = 1 if side == "buy" else -1
        cash -= sign * Fraction(fill.price) * Fraction(fill.quantity) + Fraction(fill.fee)
        held += sign * Fraction(fill.quantity)
        for kept, exact in ((core.balances["USDT"].free, cash), (core.balances["BTC"].free, held)):
            greatest = max(greatest, abs(exact))
            assert kept >= 0
            assert abs(Fraction(kept) - exact) <= greatest * len(story) / 10**33


def test_parts_of_an_order_never_cost_more_than_there_is():
    # 34 digits a payment: their sum can be one in the last digit above what the whole was reckoned to cost.
    random = Random(1)
    for _ in range(300):
        price = Decimal(random.randrange(10**19, 10**20)).scaleb(-17)
        quantity = Decimal(random.randrange(10**23, 10**24)).scaleb(-23)
        intent = Intent("a", 0, SYMBOL, Side.BUY, None, quantity, "", OrderType.LIMIT, price)
        rich = free_market(Decimal(10**9))
        rich.submit(intent, 1)
        needed = rich.balances["USDT"].locked
        core = free_market(needed)
        core.submit(intent, 1)
        for time in range(2, 6):
            core.set_price(SYMBOL, price, time, volume=quantity * random.randrange(10**6) / 10**6)
            assert core.balances["USDT"].free >= 0
            assert 0 <= core.balances["USDT"].total <= needed
        core.set_price(SYMBOL, price, 9)
        assert 0 <= core.balances["USDT"].total < needed / 10**30
        assert core.balances["USDT"].locked == 0


def free_market(cash):
    core = MatchingCore([MarketRules(Market(SYMBOL))], {"USDT": cash}, Fees("0.001", "0", "quote"), volume_share=1)
    core.set_price(SYMBOL, 10**6, 1)
    return core


def tried(core, intent, time, *rules):
    """Submit an order that may be refused by some rules only."""
    try:
        return core.submit(intent, time)
    except Refused as refused:
        if refused.rule not in rules:
            raise
        return []


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(names, prices, quantities.map(lambda some: some + 1)), min_size=1, max_size=15), prices)
def test_client_ids_are_unique_among_open_orders_and_only_there(sent, last):
    core = MatchingCore([RULES], {"USDT": Decimal(10**6)}, Fees())
    core.set_price(SYMBOL, 1_000, 1)
    alive = {}
    for name, price, quantity in sent:
        intent = rounded(RULES, Intent(name, 0, SYMBOL, Side.BUY, None, quantity, "", OrderType.LIMIT, price))
        if name in alive:
            with pytest.raises(Refused, match="this client id already"):
                core.submit(intent, 2)
        else:
            alive[name] = core.submit(intent, 2)[0].order
    core.set_price(SYMBOL, last, 3)
    open_now = {order.client_id for order in core.open_orders()}
    assert open_now == {name for name, order in alive.items() if order.price < last}
    for name in alive:
        again = Intent(name, 0, SYMBOL, Side.BUY, None, Decimal(1), "", OrderType.LIMIT, Decimal("0.1") * 700)
        if name in open_now:
            with pytest.raises(Refused, match="this client id already"):
                core.submit(again, 4)
        else:
            assert core.submit(again, 4)[0].order.exchange_id == core.order(SYMBOL, client_id=name).exchange_id
