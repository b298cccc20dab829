"""The contract of an exchange: what the engine and the gateway rely on, whoever is behind it.

The oracle is the bars themselves: what a resting order may fill at is read off them, never off the exchange.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Mapping
from decimal import Decimal

import pytest

import cryptobot as cb
from cryptobot.core.bars import problem_of
from cryptobot.core.errors import ConfigError, OrderNotFound, OrderRejected, OrderUnknown
from cryptobot.core.events import BarClosed, OrderChanged, OrderFilled, OrderRefused
from cryptobot.core.grid import PriceGrid
from cryptobot.core.order_types import OrderType
from cryptobot.core.orders import OrderStatus
from cryptobot.core.types import Balance, Intent, OcoIntent, Side
from cryptobot.exchange.capabilities import Capabilities
from cryptobot.exchange.protocol import Exchange
from cryptobot.exchange.rules import MarketRules, MarketStatus
from tests.contracts.desks import DESKS, PAST, SYMBOL, TIMEFRAME

DOORS = [
    "connect",
    "close",
    "now",
    "markets",
    "market",
    "rules",
    "grid",
    "balances",
    "quote",
    "history",
    "stream",
    "submit",
    "submit_oco",
    "cancel",
    "order",
    "open_orders",
    "fills",
]
TICK, LOT = Decimal("0.01"), Decimal("0.00001")


@pytest.fixture(params=DESKS)
def desk(request):
    made = DESKS[request.param]().open()
    yield made
    made.close()


@pytest.fixture
def exchange(desk):
    return desk.exchange


def buy(name="buy-1", amount="1000"):
    return Intent(name, 0, SYMBOL, Side.BUY, quote_amount=Decimal(amount))


def sell(quantity, name="sell-1"):
    return Intent(name, 0, SYMBOL, Side.SELL, quantity=quantity)


def limit(price, quantity="0.01", name="limit-1", side=Side.BUY, **changes):
    return Intent(
        name,
        0,
        SYMBOL,
        side,
        quantity=Decimal(quantity),
        type=OrderType.LIMIT,
        price=Decimal(str(price)),
        **changes,
    )


def fills_in(said):
    return [event.fill for event in said if isinstance(event, OrderFilled)]


def free(desk, currency):
    return desk.run(desk.exchange.balances()).get(currency, Balance(Decimal(0))).free


def refusal(desk, intent):
    """Send an order that must be refused, at once or in the stream, and return who and why."""
    try:
        said = desk.read(3, {0: [intent]})
    except (OrderRejected, ConfigError) as error:
        return f"{intent.id}: {error}"
    [answer] = [event for event in said if not isinstance(event, BarClosed)]
    assert isinstance(answer, OrderRefused)
    assert answer.reason
    return f"{answer.intent_id}: {answer.reason}"


def bars_in(said):
    return [event.bar for event in said if isinstance(event, BarClosed)]


# -- what it says of itself


def test_it_offers_every_door_with_the_protocols_arguments(exchange):
    for door in DOORS:
        offered = inspect.signature(getattr(exchange, door)).parameters
        wanted = list(inspect.signature(getattr(Exchange, door)).parameters)[1:]
        assert list(offered)[: len(wanted)] == wanted, door
    assert exchange.name
    assert isinstance(exchange.mode, cb.Mode)
    assert str(exchange.mode) in repr(exchange)


def test_its_capabilities_are_declared_and_asked(exchange):
    can = exchange.capabilities
    assert isinstance(can, Capabilities)
    assert OrderType.MARKET in can.order_types
    can.require("orders", exchange.name)
    with pytest.raises(ConfigError, match="quote_amount"):
        can.require("quote_amounts", exchange.name)


def test_it_can_be_closed_and_connected_again(desk):
    for _ in range(3):
        desk.run(desk.exchange.close())
        desk.run(desk.exchange.close())
        desk.run(desk.exchange.connect())
    assert len(bars_in(desk.read(3))) == 3


def test_its_market_has_rules_in_decimals(desk):
    market, rules = desk.run(desk.exchange.market(SYMBOL)), desk.run(desk.exchange.rules(SYMBOL))
    assert isinstance(rules, MarketRules)
    assert rules.market == market
    assert rules.status is MarketStatus.TRADING
    assert OrderType.MARKET in rules.order_types
    assert desk.run(desk.exchange.markets())[SYMBOL] == rules
    for rule in (market.tick_size, market.lot_size, market.min_notional):
        assert rule is None or (isinstance(rule, Decimal) and rule > 0)


@pytest.mark.parametrize("door", ["market", "rules", "grid", "quote", "open_orders", "fills"])
def test_an_unknown_market_is_an_error_that_names_the_closest(desk, door):
    with pytest.raises(ConfigError, match=r"BTC/USDD.*BTC/USDT"):
        desk.run(getattr(desk.exchange, door)("BTC/USDD"))


def test_its_balances_are_decimals_free_and_locked(desk):
    balances = desk.run(desk.exchange.balances())
    assert isinstance(balances, Mapping)
    assert balances["USDT"] == Balance(Decimal(10_000))
    assert all(isinstance(one, Balance) and one.free >= 0 and one.locked >= 0 for one in balances.values())


# -- bars


def test_its_bars_are_the_markets_and_lie_on_its_grid(desk):
    grid = desk.run(desk.exchange.grid(SYMBOL))
    assert isinstance(grid, PriceGrid)
    past = desk.run(desk.exchange.history(SYMBOL, TIMEFRAME, PAST))
    streamed = bars_in(desk.read(60))
    assert streamed == desk.rows[:60]
    for bar in [*past, *streamed]:
        assert problem_of(bar) is None
        grid.check(bar)
        assert type(bar.time) is int
        assert type(bar.close) is float
    for before, after in itertools.pairwise([*past, *streamed]):
        assert after.time > before.time
        assert (after.time - before.time) % TIMEFRAME.nanoseconds == 0


@pytest.mark.parametrize("limit_", [0, 1, 50, 100])
def test_its_history_ends_where_the_stream_begins(desk, limit_):
    past = desk.run(desk.exchange.history(SYMBOL, TIMEFRAME, limit_))
    assert len(past) == limit_
    [first] = bars_in(desk.read(1))
    assert all(bar.time < first.time for bar in past)
    assert desk.run(desk.exchange.history(SYMBOL, TIMEFRAME, 1)) == [first]


def test_a_reader_that_leaves_can_come_back_and_misses_no_bar(desk):
    parts = [bar for _ in range(4) for bar in bars_in(desk.read(5))]
    assert parts == desk.rows[:20]


def test_its_time_goes_on_with_its_bars(desk):
    times = []

    async def ask(_):
        times.append(await desk.exchange.now())

    bars = bars_in(desk.read(4, then=ask))
    assert times == sorted(times)
    assert all(time >= bar.time + TIMEFRAME.nanoseconds for time, bar in zip(times, bars, strict=True))


def test_its_quote_is_of_now(desk):
    said = {}

    async def ask(number):
        said[number] = (await desk.exchange.quote(SYMBOL), await desk.exchange.now())

    desk.read(3, then=ask)
    for number, (quote, now) in said.items():
        assert 0 < quote.bid <= quote.ask
        assert quote.age(now) < 60
        # After the close of a bar the market stands at the next one's open.
        assert abs((quote.bid + quote.ask) / 2 - Decimal(str(desk.rows[number + 1].open))) <= 2 * TICK


# -- orders


def test_a_market_order_is_answered_before_the_next_bar_closes(desk):
    said = [event for event in desk.read(4, {1: [buy()]}) if not isinstance(event, OrderChanged)]
    assert [type(event) for event in said] == [BarClosed, BarClosed, OrderFilled, BarClosed, BarClosed]
    fill, bar = said[2].fill, said[3].bar
    assert said[2].complete
    assert (fill.intent_id, fill.side) == ("buy-1", Side.BUY)
    assert bar.time <= fill.time < bar.time + TIMEFRAME.nanoseconds or desk.exchange.mode is cb.Mode.PAPER
    assert abs(fill.price - Decimal(str(bar.open))) <= (TICK if desk.exchange.mode is cb.Mode.PAPER else 0)
    assert fill.price * fill.quantity + fill.fee <= 1_000


def test_every_fill_is_in_its_books_and_balances(desk):
    before = free(desk, "USDT")
    [fill] = fills_in(desk.read(3, {0: [buy()]}))
    assert free(desk, "BTC") == fill.quantity
    assert abs(free(desk, "USDT") - (before - fill.price * fill.quantity - fill.fee)) < Decimal("1e-7")
    [sold] = fills_in(desk.read(2, {0: [sell(fill.quantity)]}))
    assert sold.id != fill.id
    assert free(desk, "BTC") == 0
    told = desk.run(desk.exchange.fills(SYMBOL))
    assert [(f.id, f.intent_id, f.side, f.price, f.quantity) for f in told] == [
        (f.id, f.intent_id, f.side, f.price, f.quantity) for f in (fill, sold)
    ]
    assert [f.id for f in desk.run(desk.exchange.fills(SYMBOL, sold.time))] == [sold.id]
    assert desk.run(desk.exchange.order(SYMBOL, "buy-1")).status is OrderStatus.FILLED


def test_what_cannot_be_paid_is_refused_with_a_reason(desk):
    assert "buy-1" in refusal(desk, buy(amount="1000000"))
    assert free(desk, "USDT") == 10_000
    assert desk.run(desk.exchange.fills(SYMBOL)) == []


def test_two_open_orders_do_not_share_a_client_id(desk):
    low = desk.rows[0].low * 0.9
    # A real exchange's word for it may mean that an earlier try has arrived: then nobody knows, and must look.
    with pytest.raises((OrderRejected, OrderUnknown), match="limit-1"):
        desk.read(1, {0: [limit(round(low, 2)), limit(round(low, 2))]})
    assert len(desk.run(desk.exchange.open_orders(SYMBOL))) == 1


def test_a_limit_order_rests_and_can_be_cancelled(desk):
    price = round(desk.rows[0].low * 0.9, 2)
    desk.read(2, {0: [limit(price)]})
    [resting] = desk.run(desk.exchange.open_orders(SYMBOL))
    assert (resting.client_id, resting.status, resting.price) == ("limit-1", OrderStatus.NEW, Decimal(str(price)))
    assert (resting.quantity, resting.filled_quantity) == (Decimal("0.01"), 0)
    locked = desk.run(desk.exchange.balances())["USDT"].locked
    assert Decimal("0.01") * resting.price <= locked <= Decimal("0.01") * resting.price * Decimal("1.002")
    assert desk.run(desk.exchange.order(SYMBOL, "limit-1")).exchange_id == resting.exchange_id
    gone = desk.run(desk.exchange.cancel(SYMBOL, "limit-1"))
    assert gone.status is OrderStatus.CANCELLED
    assert desk.run(desk.exchange.open_orders(SYMBOL)) == []
    assert desk.run(desk.exchange.balances())["USDT"] == Balance(Decimal(10_000))
    said = desk.read(2)
    assert fills_in(said) == []


def test_a_limit_order_fills_at_its_price_or_better_once_the_bars_reach_it(desk):
    # The lowest price of bars 1 to 6, if bar 1 does not start there: only then is it resting first.
    low = min(bar.low for bar in desk.rows[1:7])
    assert low < desk.rows[1].open
    fills = fills_in(desk.read(8, {0: [limit(low)]}))
    assert sum(fill.quantity for fill in fills) == Decimal("0.01")
    assert all(fill.price <= Decimal(str(low)) for fill in fills)
    assert desk.run(desk.exchange.order(SYMBOL, "limit-1")).status is OrderStatus.FILLED


def test_a_limit_order_beyond_the_bars_never_fills(desk):
    low = min(bar.low for bar in desk.rows[1:8])
    said = desk.read(8, {0: [limit(Decimal(str(low)) - TICK)]})
    assert fills_in(said) == []
    assert len(desk.run(desk.exchange.open_orders(SYMBOL))) == 1


def stop_case(desk):
    """Return a stop price that the bars after the first five fall to, and how low they go."""
    opened = Decimal(str(desk.rows[5].open))
    low = Decimal(str(min(bar.low for bar in desk.rows[5:40])))
    assert low < opened - 2 * TICK
    return ((opened + low) / 2).quantize(TICK), low


def test_a_stop_loss_sells_at_the_stop_or_worse(desk):
    kinds = desk.run(desk.exchange.rules(SYMBOL)).order_types & desk.exchange.capabilities.order_types
    stop, low = stop_case(desk)
    [fill] = fills_in(desk.read(5, {0: [buy()]}))
    if OrderType.STOP_LOSS in kinds:
        order = Intent("stop-1", 0, SYMBOL, Side.SELL, None, fill.quantity, type=OrderType.STOP_LOSS, stop_price=stop)
    else:
        assert OrderType.STOP_LOSS_LIMIT in kinds
        order = Intent(
            "stop-1",
            0,
            SYMBOL,
            Side.SELL,
            None,
            fill.quantity,
            type=OrderType.STOP_LOSS_LIMIT,
            stop_price=stop,
            price=low - 100,
        )
    desk.run(desk.exchange.submit(order))
    [waiting] = desk.run(desk.exchange.open_orders(SYMBOL))
    assert waiting.stop_price == stop
    sold = fills_in(desk.read(36))
    assert sum(one.quantity for one in sold) == fill.quantity
    assert all(low <= one.price <= stop for one in sold)


def test_of_a_pair_only_one_is_filled(desk):
    stop, low = stop_case(desk)
    [fill] = fills_in(desk.read(5, {0: [buy()]}))
    top = Decimal(str(max(bar.high for bar in desk.rows[5:60]))) + 100
    pair = OcoIntent(
        "pair-1",
        Intent("above-1", 0, SYMBOL, Side.SELL, None, fill.quantity, type=OrderType.LIMIT_MAKER, price=top),
        Intent(
            "below-1",
            0,
            SYMBOL,
            Side.SELL,
            None,
            fill.quantity,
            type=OrderType.STOP_LOSS_LIMIT,
            stop_price=stop,
            price=low - 100,
        ),
    )
    if not desk.exchange.capabilities.oco:
        with pytest.raises(ConfigError, match="oco"):
            desk.run(desk.exchange.submit_oco(pair))
        return
    assert {order.client_id for order in desk.run(desk.exchange.submit_oco(pair))} == {"above-1", "below-1"}
    assert len(desk.run(desk.exchange.open_orders(SYMBOL))) == 2
    sold = fills_in(desk.read(36))
    assert {one.intent_id for one in sold} == {"below-1"}
    assert sum(one.quantity for one in sold) == fill.quantity
    assert desk.run(desk.exchange.open_orders(SYMBOL)) == []
    assert not desk.run(desk.exchange.order(SYMBOL, "above-1")).is_open
    assert free(desk, "BTC") == 0


@pytest.mark.parametrize("door", ["cancel", "order"])
def test_an_order_that_is_not_there_is_not_found(desk, door):
    with pytest.raises(OrderNotFound, match="nobody-1"):
        desk.run(getattr(desk.exchange, door)(SYMBOL, "nobody-1"))


def test_a_cancelled_order_is_cancelled_once(desk):
    desk.read(1, {0: [limit(round(desk.rows[0].low * 0.9, 2))]})
    first = desk.run(desk.exchange.cancel(SYMBOL, "limit-1"))
    again = desk.run(desk.exchange.cancel(SYMBOL, "limit-1"))
    assert (again.exchange_id, again.status) == (first.exchange_id, OrderStatus.CANCELLED)


@pytest.mark.parametrize(
    "wrong",
    [
        Intent("w", 0, SYMBOL, Side.SELL, quantity=Decimal("0.000001")),
        Intent("w", 0, SYMBOL, Side.BUY, quote_amount=Decimal(3)),
        Intent("w", 0, SYMBOL, Side.BUY, quantity=Decimal("0.00001"), type=OrderType.LIMIT, price=Decimal(20_000)),
        Intent("w", 0, SYMBOL, Side.BUY, quantity=Decimal(1), type=OrderType.LIMIT, reason="no price"),
        Intent("w", 0, SYMBOL, Side.BUY, quantity=Decimal(-1)),
        Intent("w", 0, SYMBOL, Side.BUY),
    ],
    ids=["under-the-lot", "under-the-notional", "limit-under-the-notional", "no-price", "negative", "no-size"],
)
def test_an_order_against_the_rules_is_refused_and_never_traded(desk, wrong):
    market = desk.run(desk.exchange.market(SYMBOL))
    has_size = wrong.quantity is not None or wrong.quote_amount is not None
    if market.lot_size is None and has_size and wrong.side is Side.BUY and wrong.quantity not in (1, -1):
        said = desk.read(3, {0: [wrong]})  # a market without rules refuses only what cannot be
        assert not any(isinstance(event, OrderRefused) for event in said)
        return
    assert refusal(desk, wrong)
    assert desk.run(desk.exchange.fills(SYMBOL)) == []


def test_a_bot_trades_on_it_as_the_backtest_says(desk):
    exchange = desk.exchange
    desk.run(exchange.close())  # it connects anew, on the bot's own loop
    bot = cb.Bot(cb.MovingAverageCrossover(2, 5), exchange=exchange, symbol=SYMBOL, timeframe=TIMEFRAME)
    session, touch = bot.session, bot.session.touch

    def touched():
        touch()
        if session.bars >= 60:
            session.request_stop()

    session.touch = touched
    bot.start()
    try:
        for number in range(60):
            # The market goes on once the bot is done with the last bar.
            assert bot.wait_until(lambda n=number: session.bars >= n and session.engine.waiting is None, 30)
            desk.advance()
        assert bot.wait(60)
    finally:
        bot.stop()
    assert bot.status().state == "stopped", bot.status().reason
    assert bot.status().trades >= 3
    if exchange.mode is not cb.Mode.PAPER:  # its fills cost the spread
        reconciled = cb.reconcile(bot, fee=0.001)
        assert reconciled.differences == 0, reconciled
