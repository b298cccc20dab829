"""The core against a small exchange in fractions, and against the backtest's rule, digit for digit."""

from __future__ import annotations

import contextlib
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptobot.core.events import OrderFilled
from cryptobot.core.money import Market
from cryptobot.core.order_types import OrderType
from cryptobot.core.portfolio import Portfolio
from cryptobot.core.types import Bar, Intent, Side
from cryptobot.exchange.matching import Costs, Executed, Fees, MatchingCore, Refused, fill_market_order
from cryptobot.exchange.rules import MarketRules

SYMBOL = "BTC/USDT"
TICK, LOT, LEAST = Fraction(1, 10), Fraction(1, 100), Fraction(5)
FEE, SLIPPAGE = Fraction(1, 1_000), Fraction(25, 10_000)
RULES = MarketRules(Market(SYMBOL, "0.1", "0.01", "5"))


class Oracle:
    """Market and limit orders with endless depth, fees in the quote currency, written as plainly as possible."""

    def __init__(self):
        self.cash, self.coins, self.price = Fraction(5_000), Fraction(30), None
        self.resting = []  # (buys, limit, quantity, name), oldest first
        self.fills = []

    def free(self):
        cash = self.cash - sum(limit * quantity * (1 + FEE) for buys, limit, quantity, _ in self.resting if buys)
        return cash, self.coins - sum(quantity for buys, _, quantity, _ in self.resting if not buys)

    def trade(self, buys, price, quantity, name):
        fee = price * quantity * FEE
        self.cash += -price * quantity - fee if buys else price * quantity - fee
        self.coins += quantity if buys else -quantity
        self.fills.append((name, price, quantity, fee))

    def taken_at(self, buys):
        ticks = self.price * (1 + SLIPPAGE if buys else 1 - SLIPPAGE) / TICK
        return (-(-ticks // 1) if buys else ticks // 1) * TICK

    def move(self, price):
        self.price = price
        reached = [order for order in self.resting if (order[1] >= price if order[0] else order[1] <= price)]
        self.resting = [order for order in self.resting if order not in reached]
        for side in (True, False):
            mine = [order for order in reached if order[0] is side]
            for buys, limit, quantity, name in sorted(mine, key=lambda order: -order[1] if side else order[1]):
                self.trade(buys, limit, quantity, name)

    def market(self, buys, quantity, name):
        at = self.taken_at(buys)
        cash, coins = self.free()
        if at * quantity < LEAST or (at * quantity * (1 + FEE) > cash if buys else quantity > coins):
            return False
        self.trade(buys, at, quantity, name)
        return True

    def spend(self, amount, name):
        quantity = amount / (self.taken_at(True) * (1 + FEE)) // LOT * LOT
        return quantity > 0 and self.market(True, quantity, name)

    def limit(self, buys, limit, quantity, name):
        cash, coins = self.free()
        if limit * quantity < LEAST or (limit * quantity * (1 + FEE) > cash if buys else quantity > coins):
            return False
        if (limit >= self.price) if buys else (limit <= self.price):
            at = self.taken_at(buys)
            self.trade(buys, min(at, limit) if buys else max(at, limit), quantity, name)
        else:
            self.resting.append((buys, limit, quantity, name))
        return True


ticks = st.integers(900, 1_100).map(lambda n: n * TICK)
lots = st.integers(1, 1_000).map(lambda n: n * LOT)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("move"), ticks),
        st.tuples(st.just("market"), st.booleans(), lots),
        st.tuples(st.just("spend"), st.integers(1, 200_000).map(lambda cents: Fraction(cents, 100))),
        st.tuples(st.just("limit"), st.booleans(), ticks, lots),
    ),
    max_size=50,
)


def decimal(number):
    return Decimal(number.numerator) / Decimal(number.denominator)


def intent_of(step, name):
    what, *rest = step
    if what == "spend":
        return Intent(name, 0, SYMBOL, Side.BUY, decimal(rest[0]))
    side = Side.BUY if rest[0] else Side.SELL
    if what == "market":
        return Intent(name, 0, SYMBOL, side, None, decimal(rest[1]))
    return Intent(name, 0, SYMBOL, side, None, decimal(rest[2]), "", OrderType.LIMIT, decimal(rest[1]))


@settings(max_examples=300, deadline=None)
@given(steps)
def test_market_and_limit_orders_against_fractions(story):
    oracle = Oracle()
    core = MatchingCore(
        [RULES], {"USDT": Decimal(5_000), "BTC": Decimal(30)}, Fees("0.001", "0.001", "quote"), slippage_bps=25
    )
    for number, step in enumerate([("move", Fraction(100)), *story]):
        if step[0] == "move":
            oracle.move(step[1])
            core.set_price(SYMBOL, decimal(step[1]), number)
            continue
        wanted = getattr(oracle, step[0])(*step[1:], f"o{number}")
        try:
            core.submit(intent_of(step, f"o{number}"), number)
            got = True
        except Refused:
            got = False
        assert got is wanted
    said = [
        (fill.intent_id, Fraction(fill.price), Fraction(fill.quantity), Fraction(fill.fee))
        for fill in core.fills(SYMBOL)
    ]
    assert said == oracle.fills
    cash, coins = oracle.free()
    balances = core.balances
    assert (Fraction(balances["USDT"].free), Fraction(balances["BTC"].free)) == (cash, coins)
    assert Fraction(balances["USDT"].locked) == oracle.cash - cash
    assert {order.client_id for order in core.open_orders()} == {order[3] for order in oracle.resting}


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 10**8), st.integers(1, 100)), min_size=1, max_size=30),
    st.sampled_from(["0", "0.001", "0.00075"]),
    st.sampled_from([0, 2.5, 50]),
    st.sampled_from([Market(SYMBOL), Market(SYMBOL, "0.01", "0.00001", "5"), Market(SYMBOL, "0.5", None, "1000")]),
)
def test_the_core_and_the_backtests_rule_agree_to_the_last_digit(story, fee, slippage, market):
    costs = Costs(Decimal(fee), Decimal(str(slippage)))
    core = MatchingCore(
        [MarketRules(market)],
        {"USDT": Decimal(10_000), "BTC": Decimal(0)},
        Fees(fee, fee, "quote"),
        slippage_bps=costs.slippage_bps,
    )
    books = Portfolio(10_000)
    for number, (ticks_, percent) in enumerate(story):
        price = ticks_ / 100
        core.set_price(SYMBOL, price, number)
        if books.is_flat:
            intent = Intent(f"o{number}", 0, SYMBOL, Side.BUY, quote_amount=books.cash * percent / 100)
        else:
            intent = Intent(f"o{number}", 0, SYMBOL, Side.SELL, quantity=books.quantity)
        wanted = fill_market_order(intent, price, number, costs, market, "same")
        if not isinstance(wanted, OrderFilled):
            with pytest.raises(Refused) as refused:
                core.submit(intent, number)
            assert refused.value.reason == wanted.reason
            continue
        events = core.submit(intent, number)
        fill = events[1].fill
        ours, theirs = ((f.price, f.quantity, f.fee, f.side, f.time) for f in (fill, wanted.fill))
        assert [str(number) for number in ours] == [str(number) for number in theirs]
        books.apply(fill)
        assert (str(core.balances["USDT"].free), core.balances["BTC"].free) == (str(books.cash), books.quantity)


# -- bars: a bar is the same as every tick on its way

whole = st.integers(1, 40)
waiting = st.lists(
    st.tuples(
        st.sampled_from(list(Side)),
        st.sampled_from([kind for kind in OrderType if kind is not OrderType.MARKET]),
        whole,
        whole,
        st.integers(1, 3),
    ),
    max_size=8,
)


def loaded(story, slippage):
    core = MatchingCore(
        [MarketRules(Market(SYMBOL, "1"))],
        {"USDT": Decimal(10**6), "BTC": Decimal(10**4)},
        Fees(),
        slippage_bps=slippage,
    )
    core.set_price(SYMBOL, 20, 0)
    for number, (side, kind, price, stop, quantity) in enumerate(story):
        limit = Decimal(price) if kind.has_price else None
        at = Decimal(stop) if kind.has_stop else None
        with contextlib.suppress(Refused):  # what would be filled or triggered at once
            core.submit(Intent(f"o{number}", 0, SYMBOL, side, None, Decimal(quantity), "", kind, limit, at), 1)
    return core


@settings(max_examples=400, deadline=None)
@given(waiting, whole, whole, whole, whole, st.sampled_from([0, 300]))
def test_a_bar_does_what_every_tick_of_its_way_does(story, opened, a, b, close, slippage):
    low, high = min(opened, a, b, close), max(opened, a, b, close)
    bar = Bar(60, float(opened), float(high), float(low), float(close), 1.0)
    core, ticked = loaded(story, slippage), loaded(story, slippage)
    said = core.play_bar(SYMBOL, bar)
    events = ticked.set_price(SYMBOL, opened, 60)
    sells = any(order.side is Side.SELL for order in ticked.open_orders())
    at = opened
    for target in (low, high, close) if sells else (high, low, close):
        for price in range(at, target, 1 if target > at else -1):
            events += ticked.set_price(SYMBOL, price, 60)
        events += ticked.set_price(SYMBOL, target, 60)
        at = target
    assert said == events
    assert core.price(SYMBOL) == close
    assert core.balances == ticked.balances


def test_a_bar_tells_when_on_its_way_something_happened():
    story = [
        (Side.SELL, OrderType.STOP_LOSS, 1, 18, 1),
        (Side.SELL, OrderType.LIMIT, 25, 1, 1),
        (Side.BUY, OrderType.LIMIT, 17, 1, 1),
        (Side.BUY, OrderType.STOP_LOSS, 1, 24, 1),
    ]
    core = loaded(story, 0)
    events = core.play_bar(SYMBOL, Bar(6_000, 20.0, 30.0, 10.0, 20.0, 1.0), 12_000)
    said = [(e.fill.intent_id, float(e.fill.price), e.fill.time) for e in events if isinstance(e, Executed)]
    assert said == [("o0", 18, 8_000), ("o2", 17, 8_000), ("o3", 24, 10_000), ("o1", 25, 10_000)]
    assert core.quote(SYMBOL).time == 11_999


def test_the_volume_of_a_bar_is_spread_over_its_way():
    core = MatchingCore([MarketRules(Market(SYMBOL))], {"USDT": Decimal(10**6)}, Fees(0, 0), volume_share="0.5")
    core.set_price(SYMBOL, 20, 0)
    core.submit(Intent("a", 0, SYMBOL, Side.BUY, None, Decimal(100), "", OrderType.LIMIT, Decimal(15)), 1)
    core.submit(Intent("b", 0, SYMBOL, Side.BUY, None, Decimal(100), "", OrderType.LIMIT, Decimal(12)), 1)
    events = core.play_bar(SYMBOL, Bar(60, 20.0, 22.0, 10.0, 15.0, 80.0), 120)
    # 80 × 0.5 / 4 = 10 for each part of the way; the high comes first, and at the close 15 is touched again
    assert [(e.fill.intent_id, float(e.fill.price), float(e.fill.quantity)) for e in events] == [
        ("a", 15, 10),
        ("a", 15, 10),
    ]
    assert core.open_orders()[1].filled_quantity == 0
